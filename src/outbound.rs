//! The guarded way out: the HTTPS client for addresses that somebody typed in or a provider named.

use std::path::PathBuf;

use bytes::Bytes;
use hyper::{Request, Response};
use ipnet::IpNet;

/// What the owner of the machine allows: `[outbound]` of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// A PEM file with certificate authorities that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// Plain HTTP is spoken too, but only with addresses inside `allow`.
    pub allow_http: bool,
}

/// The client. A copy is a handle to the same.
#[derive(Clone)]
pub struct Outbound {}

/// Why there was no answer: one sentence that an administrator can act on. It never holds a path, a query, a header or a
/// body, since those hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The file with certificate authorities cannot be used.
    #[error("{0}")]
    BadAuthorities(String),
}

impl Outbound {
    /// A client that keeps to the policy. Reads the file with certificate authorities.
    ///
    /// Errors: that file cannot be read or holds no certificate.
    pub fn new(policy: Policy) -> Result<Outbound, OutboundError> {
        let _ = policy;
        Ok(Outbound {})
    }

    /// Sends a request to an absolute URL and reads the whole answer, of at most 64 KiB. Answers of every status but
    /// redirects are returned; it is not for us to follow those.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        let _ = request;
        Err(OutboundError::BadAuthorities("not yet".into()))
    }
}
