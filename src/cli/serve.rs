//! `serve`: the server itself.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;

use super::first_run::{bootstrap, offer};
use super::{Checked, near, options, outbound, pages_doubt, pages_url, precondition, read_config, say, site, url};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::directory::people_csv::Bounds;
use crate::directory::provisioning::{self, Missing, Provisioning, Status};
use crate::directory::roles::Catalogue;
use crate::directory::{Directory, StoreError, sso};
use crate::http::{
    BASE, CertificateView, Certificates, DoorLimits, Limits, Listening, Rate, Settings, Surface, Surroundings, serve,
};
use crate::scim::dialect::RuleSet;
use crate::secret::random_text;
use crate::sso::Sso;
use crate::store::{Store, TokenStatus, key, lock};
use crate::telemetry;
use crate::tls::{Certificate, State, Tls};

pub fn run(file: &Path) -> Result<()> {
    let Checked { config, rules, roles, catalog } = read_config(file)?;
    telemetry::start(&config.log);
    raise_file_limit(config.limits.connections);
    // A file of authorities that cannot be read is said before anything else is done.
    let way_out = Sso::new(outbound(&config)?);
    let _lock = lock(&config.store.path)?;
    // After the lock: only one server makes a certificate. Before the database: a mistake here costs no waiting.
    let tls = config.tls.as_ref().map(Tls::start).transpose()?;
    let (store, threads) = Store::open(&options(&config), catalog, Clock::System)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("threads cannot be started")?;
    let served = runtime.block_on(listen(config, (rules, roles), store, (tls, way_out), file));
    runtime.shutdown_timeout(Duration::from_secs(1));
    // The last handle of the store is gone: the writer folds its log into the file and ends.
    threads.join();
    served
}

async fn listen(
    mut config: Config,
    (rules, roles): (RuleSet, Arc<Catalogue>),
    store: Store,
    (tls, way_out): (Option<Tls>, Sso),
    file: &Path,
) -> Result<()> {
    let listeners = bind(&mut config, tls.as_ref()).await?;
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    // Not inline: a connection of this thread would outlive the others and keep SQLite from removing its side files.
    let standing = store.read(|reader| {
        let live = reader.tokens()?.iter().filter(|t| t.status(reader.now()) == TokenStatus::Live).count();
        Ok::<_, StoreError>((provisioning::status(reader)?, live, reader.last_change()?))
    });
    let (status, live, changes) = standing.await?;
    let (key, made) = key(store.path())?;
    if made && changes > 0 {
        tracing::warn!("there was no key file, and a new one was made: cursors that clients hold are refused");
    }
    if status.sso.unreadable {
        tracing::warn!(
            "the settings of single sign-on cannot be read, and nobody can sign in by it: set it up again on the settings page"
        );
    }
    if let Some(settings) = &status.sso.settings
        && settings.secret.is_some()
        && sso::open_secret(&key, settings).is_none()
    {
        tracing::warn!(
            "the client secret of single sign-on was sealed with another key file or for another provider: enter it again on the settings page, under Single sign-on; nobody can sign in by it until then"
        );
    }
    bootstrap(&config, &store).await?;
    let claim = offer(&store).await?;
    // Before anybody can know that there is a process to send signals to.
    let watching = tls.clone().map(watch_certificate).transpose()?;
    greet(&config, tls.as_ref(), &store, file, (&status, live), claim)?;
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: requests that are under way come to their end");
        let _ = stop.send(true);
    });
    let limits = Limits {
        connections: config.limits.connections,
        header_bytes: config.limits.header_bytes,
        head: Duration::from_secs(config.limits.header_seconds),
        keep_alive: Duration::from_secs(config.limits.keep_alive_seconds),
        body_bytes: config.limits.body_bytes,
        body_idle: Duration::from_secs(config.limits.body_idle_seconds),
        body_total: Duration::from_secs(config.limits.body_seconds),
        bodies_bytes: config.limits.bodies_bytes,
        answers_bytes: config.limits.answers_bytes,
        doors: doors(&config.limits),
    };
    let settings = Settings {
        public_url: config.public_url.clone(),
        max_live_tokens: config.max_live_tokens,
        database: store.path().to_owned(),
        departed_days: config.lifecycle.departed_days,
        pages_url: pages_url(&config),
        pages_doubt: pages_doubt(&config),
        precondition: precondition(&config),
        sso: way_out,
        csv: Bounds { bytes: config.limits.csv_bytes, rows: config.limits.csv_rows },
    };
    let directory = Directory::new(store, site(&config, rules, roles), key);
    let surroundings = Surroundings { proxies: config.listen.trusted_proxies, certificates: certificates(tls) };
    let daily = tokio::spawn(super::daily::keep(directory.store.clone(), directory.site.clone()));
    serve(listeners, directory, settings, limits, surroundings, random_text(6)?, stopped).await;
    daily.abort();
    if let Some(watching) = watching {
        watching.abort();
    }
    tracing::info!("stopped");
    Ok(())
}

/// Listens on every address, and writes into the configuration which ports the system has chosen.
async fn bind(config: &mut Config, tls: Option<&Tls>) -> Result<Vec<Listening>> {
    let default = format!("{}://{}", config.listen.main.scheme(), config.listen.main.address);
    let surface = if config.listen.settings.is_some() { Surface::Scim } else { Surface::All };
    let given = config.tls.as_ref().is_some_and(|t| t.own.is_none());
    let mut listeners = Vec::new();
    let wanted = [(Some(&mut config.listen.main), surface), (config.listen.settings.as_mut(), Surface::Settings)];
    for (of, surface) in wanted {
        let Some(of) = of else { continue };
        let listener =
            TcpListener::bind(of.address).await.with_context(|| format!("cannot listen on {}", of.address))?;
        of.address = listener.local_addr().context("the address of the listener is not known")?;
        let acceptor = tls.filter(|_| of.tls).map(Tls::acceptor).transpose()?;
        listeners.push(Listening {
            listener,
            strict: acceptor.is_some() && given,
            tls: acceptor,
            surface,
            only_for_proxies: of.only_for_proxies(),
        });
    }
    if config.public_url == default {
        config.public_url = url(config.listen.main);
    }
    Ok(listeners)
}

/// What the settings page shows of the certificate.
fn certificates(tls: Option<Tls>) -> Certificates {
    Certificates(Arc::new(move || {
        let State { certificate, problem } = tls.as_ref()?.state();
        let Certificate { subject, names, not_after, self_signed, fingerprint } = certificate;
        Some(CertificateView { subject, names, not_after, self_signed, fingerprint, problem })
    }))
}

/// Reads the certificate again when its files change, and on SIGHUP. Without TLS that signal ends the process as ever:
/// somebody has closed his terminal.
fn watch_certificate(tls: Tls) -> Result<JoinHandle<()>> {
    let mut hangup = signal(SignalKind::hangup()).context("signals cannot be received")?;
    let (ask, asked) = mpsc::channel(1);
    let watched = tls.watch(asked);
    Ok(tokio::spawn(async move {
        let asking = async {
            while hangup.recv().await.is_some() {
                let _ = ask.try_send(());
            }
        };
        tokio::join!(watched, asking);
    }))
}

/// A burst or a rate of 0 is no bound. What a token may send at once is what it may send in ten seconds.
fn doors(limits: &config::Limits) -> DoorLimits {
    let (burst, per_second) = (limits.bad_token_burst, limits.requests_per_second);
    DoorLimits {
        bad_tokens: (burst > 0).then_some(Rate { burst, per_second: limits.bad_tokens_per_second }),
        requests: (per_second > 0).then_some(Rate { burst: per_second.saturating_mul(10), per_second }),
    }
}

/// Each connection is an open file; many systems allow a process no more than 1024 unless it asks.
fn raise_file_limit(connections: usize) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const OTHERS: u64 = 256;
    let wanted = connections as u64 + OTHERS;
    let found = getrlimit(Resource::Nofile);
    let Some(now) = found.current.filter(|now| *now < wanted) else { return };
    let raised = Some(found.maximum.map_or(wanted, |most| most.min(wanted)));
    let raised = Rlimit { current: raised, maximum: found.maximum };
    if raised.current < Some(wanted) || setrlimit(Resource::Nofile, raised).is_err() {
        tracing::warn!(wanted, now, "the system allows fewer open files than limits.connections needs");
    }
}

/// What it serves, where the data is, and what to do next.
fn greet(
    config: &Config,
    tls: Option<&Tls>,
    store: &Store,
    file: &Path,
    (status, live): (&Status, usize),
    claim: Option<String>,
) -> Result<()> {
    let program = std::env::args().next().unwrap_or_else(|| "scim-appliance".to_owned());
    let shown = file.display();
    say(format!("scim-appliance {}", env!("CARGO_PKG_VERSION")))?;
    say(format!("Listening on {}", url(config.listen.main)))?;
    say(format!("SCIM endpoint: {}{BASE}", config.public_url))?;
    let settings = config.listen.settings.map_or_else(|| config.public_url.clone(), near);
    match claim {
        Some(code) => say(format!("Settings page: {settings}/setup with the claim code {code} (good for 30 minutes)"))?,
        None => say(format!("Settings page: {settings}/"))?,
    }
    if let Some(certificate) = tls.map(|t| t.state().certificate).filter(|c| c.self_signed) {
        say(format!("The certificate is self-signed; its SHA-256 fingerprint is {}", certificate.fingerprint))?;
    }
    say(format!("Database: {}", store.path().display()))?;
    let (state, wanted) = (status.state, precondition(config));
    say(format!("Provisioning is {}; {} live {}.", state.name(), live, if live == 1 { "token" } else { "tokens" }))?;
    let word = status.acknowledged_no_sso.is_some();
    for doubt in [provisioning::unmet(state, &status.sso, word, wanted), pages_doubt(config)].into_iter().flatten() {
        tracing::warn!("{doubt}");
        say(format!("WARNING: {doubt}"))?;
    }
    if live == 0 || state == Provisioning::Off {
        say("Next, on the settings page or in another terminal:")?;
    }
    if live == 0 {
        say(format!("  {program} --config {shown} token create --name okta"))?;
    }
    if state == Provisioning::Off {
        // What has to come first is said first: a command that is refused is no advice.
        let word = match provisioning::missing(&status.sso, word, wanted) {
            Some(Missing::Sso) => {
                say("  Set up single sign-on on the settings page, and test it (sso.precondition). Then:")?;
                ""
            }
            Some(Missing::Word) => " --acknowledge-no-sso",
            None => "",
        };
        say(format!("  {program} --config {shown} provisioning on{word}"))?;
    }
    Ok(())
}
