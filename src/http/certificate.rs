//! The certificate of the server, as the settings page shows it.

use std::fmt;
use std::sync::Arc;

/// What clients are shown now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateView {
    /// Whom it names.
    pub subject: String,
    /// The host names and addresses that it is for.
    pub names: Vec<String>,
    /// When it ends: microseconds since 1970.
    pub not_after: i64,
    /// It vouches for itself.
    pub self_signed: bool,
    /// SHA-256 of it, in hexadecimal pairs.
    pub fingerprint: String,
    /// Why the files could not be read again since; none when this is what they hold.
    pub problem: Option<String>,
}

/// Where the view comes from; none when nothing here speaks TLS.
#[derive(Clone)]
pub struct Certificates(pub Arc<dyn Fn() -> Option<CertificateView> + Send + Sync>);

impl Certificates {
    /// What clients are shown now.
    pub fn now(&self) -> Option<CertificateView> {
        (self.0)()
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificates").field(&self.now()).finish()
    }
}
