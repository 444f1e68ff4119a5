//! TLS: the certificate that the listeners show, where it comes from, and how it is exchanged while they run.
//!
//! Only this file and those below it name rustls and its crypto, so that another provider is a change of one place.

mod certificate;
mod files;
mod own;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

pub use certificate::Certificate;
use files::Stamp;

use crate::config;

/// How often the files are looked at. Whoever replaces both of them does so within this time, most of the time.
const LOOK: Duration = Duration::from_secs(2);
/// How often the end of a certificate is spoken of, once it is near.
const REMIND: Duration = Duration::from_secs(24 * 3600);
/// When it is near.
const NEAR_DAYS: i64 = 30;

/// Why a certificate cannot be used: one sentence with the file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadCertificate(String);

/// What is shown to clients now, and what is wrong with what was to replace it.
#[derive(Debug, Clone)]
pub struct State {
    /// The certificate.
    pub certificate: Certificate,
    /// Why the files could not be read again; none when the certificate is that of the files.
    pub problem: Option<String>,
}

/// The certificate of the running server. A copy is a handle to the same.
#[derive(Clone)]
pub struct Tls {
    source: config::Tls,
    shown: Arc<Shown>,
    state: Arc<RwLock<State>>,
    /// The files as they were when they were read last, for better or worse.
    read: Arc<Mutex<Option<Stamp>>>,
}

/// The certificate with its key, as rustls takes it for each handshake.
struct Shown(RwLock<Arc<CertifiedKey>>);

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(…)")
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.read().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

/// Says whether the certificate could be used, without making one. None: it would be made.
///
/// Errors: as [`Tls::start`].
pub fn check(source: &config::Tls) -> Result<Option<Certificate>, BadCertificate> {
    match &source.own {
        Some(_) => own::kept(source),
        None => files::load(source).map(|(_, certificate)| Some(certificate)),
    }
}

impl Tls {
    /// Reads the certificate; makes one of our own when none was given and there is none yet, or an old one.
    ///
    /// Errors: files that cannot be read, that hold no certificate or key, or that do not belong together.
    pub fn start(source: &config::Tls) -> Result<Tls, BadCertificate> {
        if let Some(names) = &source.own {
            own::make_if_needed(source, names)?;
        }
        let stamp = files::stamp(source);
        let (key, certificate) = files::load(source)?;
        certificate.announce();
        Ok(Tls {
            source: source.clone(),
            shown: Arc::new(Shown(RwLock::new(Arc::new(key)))),
            state: Arc::new(RwLock::new(State { certificate, problem: None })),
            read: Arc::new(Mutex::new(stamp)),
        })
    }

    /// What listeners do with a new connection: TLS 1.2 or 1.3, then HTTP/2 or HTTP/1.1 as the client likes.
    ///
    /// Errors: none that can be met; the provider has both versions.
    pub fn acceptor(&self) -> Result<TlsAcceptor, BadCertificate> {
        let builder = ServerConfig::builder_with_provider(Arc::new(provider()))
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|e| BadCertificate(format!("TLS cannot be spoken: {e}")))?;
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.shown.clone());
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(TlsAcceptor::from(Arc::new(config)))
    }

    /// What is shown to clients now.
    pub fn state(&self) -> State {
        self.state.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the files again. What cannot be used changes nothing; why is written down once, however often it is tried.
    pub fn reload(&self) {
        *self.read.lock().unwrap_or_else(PoisonError::into_inner) = files::stamp(&self.source);
        let loaded = files::load(&self.source);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        match loaded {
            Ok((key, certificate)) => {
                *self.shown.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(key);
                certificate.announce();
                *state = State { certificate, problem: None };
            }
            Err(BadCertificate(why)) => {
                if state.problem.as_ref() != Some(&why) {
                    tracing::error!(
                        fingerprint = state.certificate.fingerprint,
                        "the certificate was not exchanged, the one from before is shown: {why}"
                    );
                }
                state.problem = Some(why);
            }
        }
    }

    /// Reads the files again when they change or somebody asks for it, and speaks of the end of the certificate when it is
    /// near. Runs until it is dropped.
    pub async fn watch(self, mut asked: mpsc::Receiver<()>) {
        let mut tick = tokio::time::interval(LOOK);
        let mut seen = files::stamp(&self.source);
        let mut reminded: Option<Instant> = None;
        loop {
            tokio::select! {
                Some(()) = asked.recv() => {
                    tracing::info!("the certificate is read again, as the signal asks");
                    self.reload();
                    reminded = None;
                }
                _ = tick.tick() => {
                    let now = files::stamp(&self.source);
                    let changed = now != *self.read.lock().unwrap_or_else(PoisonError::into_inner);
                    // Two files are not replaced in one step: it is waited until nothing moves any more.
                    if changed && now == seen {
                        self.reload();
                        reminded = None;
                    }
                    seen = now;
                }
            }
            if reminded.is_none_or(|at| at.elapsed() >= REMIND) {
                self.state().certificate.remind(self.source.own.is_some());
                reminded = Some(Instant::now());
            }
        }
    }
}
