//! `serve`: the server itself.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use super::{options, read_config, say, site};
use crate::clock::Clock;
use crate::config::{self, Config};
use crate::directory::provisioning::{self, Provisioning};
use crate::directory::{Directory, StoreError};
use crate::http::{BASE, DoorLimits, Limits, Rate, serve};
use crate::scim::dialect::RuleSet;
use crate::secret::random_text;
use crate::store::{Store, TokenStatus, key, lock};
use crate::telemetry;

pub fn run(file: &Path) -> Result<()> {
    let (config, rules, catalog) = read_config(file)?;
    telemetry::start(&config.log);
    raise_file_limit(config.limits.connections);
    let _lock = lock(&config.store.path)?;
    let (store, threads) = Store::open(&options(&config), catalog, Clock::System)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().context("threads cannot be started")?;
    let served = runtime.block_on(listen(config, rules, store, file));
    runtime.shutdown_timeout(Duration::from_secs(1));
    // The last handle of the store is gone: the writer folds its log into the file and ends.
    threads.join();
    served
}

async fn listen(mut config: Config, rules: RuleSet, store: Store, file: &Path) -> Result<()> {
    let listener =
        TcpListener::bind(config.address).await.with_context(|| format!("cannot listen on {}", config.address))?;
    let address = listener.local_addr().context("the address of the listener is not known")?;
    if config.public_url == format!("http://{}", config.address) {
        // The system may have chosen the port.
        config.public_url = format!("http://{address}");
    }
    let (stop, stopped) = watch::channel(false);
    let mut terminate = signal(SignalKind::terminate()).context("signals cannot be received")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("signals cannot be received")?;
    // Not inline: a connection of this thread would outlive the others and keep SQLite from removing its side files.
    let standing = store.read(|reader| {
        let live = reader.tokens()?.iter().filter(|t| t.status(reader.now()) == TokenStatus::Live).count();
        Ok::<_, StoreError>((provisioning::status(reader)?.state, live, reader.last_change()?))
    });
    let (state, live, changes) = standing.await?;
    let (key, made) = key(store.path())?;
    if made && changes > 0 {
        tracing::warn!("there was no key file, and a new one was made: cursors that clients hold are refused");
    }
    greet(&config, &store, address, file, (state, live))?;
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
    let directory = Directory::new(store, site(&config, rules), key);
    serve(listener, directory, limits, random_text(6)?, stopped).await;
    tracing::info!("stopped");
    Ok(())
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
    store: &Store,
    address: std::net::SocketAddr,
    file: &Path,
    (state, live): (Provisioning, usize),
) -> Result<()> {
    let program = std::env::args().next().unwrap_or_else(|| "scim-appliance".to_owned());
    let shown = file.display();
    say(format!("scim-appliance {}", env!("CARGO_PKG_VERSION")))?;
    say(format!("Listening on http://{address}"))?;
    say(format!("SCIM endpoint: {}{BASE}", config.public_url))?;
    say(format!("Database: {}", store.path().display()))?;
    say(format!("Provisioning is {}; {} live {}.", state.name(), live, if live == 1 { "token" } else { "tokens" }))?;
    if live == 0 || state == Provisioning::Off {
        say("Next, in another terminal:")?;
    }
    if live == 0 {
        say(format!("  {program} --config {shown} token create --name okta"))?;
    }
    if state == Provisioning::Off {
        say(format!("  {program} --config {shown} provisioning on --acknowledge-no-sso"))?;
    }
    Ok(())
}
