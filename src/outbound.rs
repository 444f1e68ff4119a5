//! The guarded way out: the HTTPS client for addresses that somebody typed in or a provider named.
//!
//! One request, one connection: nothing is kept open, and each request is judged anew. Redirects are not followed, proxies
//! of the environment are not asked (only one that the configuration names), and an answer is bounded in size and time.

mod address;
mod connect;
mod proxy;

use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use connect::{Names, Patience, Target};
pub use proxy::Proxy;

/// The bytes of an answer, at most, where the caller does not say.
const BODY: usize = 64 * 1024;
/// The bytes of the status line and headers of an answer, at most.
const HEADERS_BYTES: usize = 32 * 1024;
/// How many headers an answer has, at most.
const HEADERS: usize = 100;
const PATIENCE: Patience = Patience { connect: Duration::from_secs(5), total: Duration::from_secs(15) };
const USER_AGENT: &str = concat!("scim-appliance/", env!("CARGO_PKG_VERSION"));

/// What the owner of the machine allows: `[outbound]` of the configuration.
#[derive(Debug, Clone, Default)]
pub struct Policy {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// A PEM file with certificate authorities that are trusted besides the public ones.
    pub ca_file: Option<PathBuf>,
    /// Plain HTTP is spoken too, but only with addresses inside `allow`.
    pub allow_http: bool,
    /// By which the server goes out, but for what is inside `allow`.
    pub proxy: Option<Proxy>,
}

/// The client. A copy is a handle to the same.
#[derive(Clone)]
pub struct Outbound {
    policy: Arc<Policy>,
    trust: Arc<ClientConfig>,
    names: Names,
    patience: Patience,
}

/// Why there was no answer: one sentence that an administrator can act on. It never holds a path, a query, a header or a
/// body, since those hold secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The file with certificate authorities cannot be used.
    #[error("{0}")]
    BadAuthorities(String),
    /// The URL is not one that is called.
    #[error("{0}")]
    BadUrl(String),
    /// It is plain HTTP.
    #[error(
        "the URL of {0} does not begin with https://; plain http is for your own network only, and wants both in the configuration: outbound.allow_http = true, and its address in outbound.allow"
    )]
    NotHttps(String),
    /// The name has no address.
    #[error("{0} has no address: look whether it is written correctly, and whether this machine can ask the DNS")]
    NoAddress(String),
    /// It has one that is not reached.
    #[error(
        "{host} is at {address}, which is {why} and is not reached; if it is meant, add it to outbound.allow in the configuration, and to outbound.ca_file the authority of its certificate unless that is a public one"
    )]
    Refused {
        /// The host.
        host: String,
        /// Its address.
        address: IpAddr,
        /// What kind of address that is.
        why: &'static str,
    },
    /// Its name is one that no proxy is asked for.
    #[error("{host} is {why}, and no proxy is asked for that")]
    RefusedName {
        /// The host.
        host: String,
        /// What kind of name that is.
        why: &'static str,
    },
    /// The proxy does not connect.
    #[error("the proxy {proxy} does not lead to {host}: {why}")]
    Proxy {
        /// The proxy.
        proxy: String,
        /// The host.
        host: String,
        /// What happened.
        why: String,
    },
    /// No connection.
    #[error("{host} cannot be reached: {why}")]
    Unreachable {
        /// The host.
        host: String,
        /// What happened.
        why: &'static str,
    },
    /// A connection, but not to whom it should be.
    #[error("{host} cannot be trusted: {why}")]
    BadCertificate {
        /// The host.
        host: String,
        /// What is wrong with its certificate.
        why: &'static str,
    },
    /// It answers too slowly.
    #[error("{host} took too long: no whole answer within {seconds} seconds")]
    TooSlow {
        /// The host.
        host: String,
        /// How long it had.
        seconds: u64,
    },
    /// It sends somewhere else.
    #[error(
        "{host} answers with a redirect (status {status}{to}), which is not followed; use the URL that it leads to, if you trust that"
    )]
    Redirect {
        /// The host.
        host: String,
        /// The status.
        status: u16,
        /// ` to HOST`, when that can be said.
        to: String,
    },
    /// It says too much.
    #[error("{host} answers with more than {bytes} bytes, which is too much for what was asked")]
    TooLarge {
        /// The host.
        host: String,
        /// The bound.
        bytes: usize,
    },
    /// It does not speak HTTP as it should.
    #[error("{host} does not answer as HTTP has it: {why}")]
    Garbled {
        /// The host.
        host: String,
        /// What is wrong.
        why: &'static str,
    },
}

impl Outbound {
    /// A client that keeps to the policy. Reads the file with certificate authorities.
    ///
    /// Errors: that file cannot be read or holds no certificate.
    pub fn new(policy: Policy) -> Result<Outbound, OutboundError> {
        let trust = Arc::new(connect::trust(&policy)?);
        Ok(Outbound { policy: Arc::new(policy), trust, names: Names::System, patience: PATIENCE })
    }

    /// Whether a URL is one that may be called, as far as that can be said without asking anybody.
    ///
    /// Errors: why not.
    pub fn check(&self, url: &str) -> Result<(), OutboundError> {
        let url: Uri = url.parse().map_err(|_| OutboundError::BadUrl("the URL cannot be read".into()))?;
        Target::of(&url, &self.policy).map(|_| ())
    }

    /// Sends a request to an absolute URL and reads the whole answer, of at most 64 KiB. Answers of every status but
    /// redirects are returned; it is not for us to follow those.
    pub async fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OutboundError> {
        self.send_for(request, BODY).await
    }

    /// The same for an answer of at most so many bytes.
    pub async fn send_for(&self, request: Request<Bytes>, most: usize) -> Result<Response<Bytes>, OutboundError> {
        let target = Target::of(request.uri(), &self.policy)?;
        let asked = timeout(self.patience.total, self.ask(&target, request, most)).await;
        asked.unwrap_or_else(|_| Err(self.too_slow(&target, self.patience.total)))
    }

    /// The same client, which gives up after so long if it would not sooner.
    pub fn within(&self, total: Duration) -> Outbound {
        let Patience { connect, total: usual } = self.patience;
        let total = total.min(usual);
        Outbound { patience: Patience { connect: connect.min(total), total }, ..self.clone() }
    }

    /// The same client, which gives up sooner than anybody can bear in a test.
    #[cfg(test)]
    pub(crate) fn impatient(self) -> Outbound {
        let patience = Patience { connect: Duration::from_millis(400), total: Duration::from_millis(900) };
        Outbound { patience, ..self }
    }

    async fn connect(&self, target: &Target, until: Instant) -> Result<TcpStream, OutboundError> {
        let addresses = match &self.policy.proxy {
            None => target.addresses(&self.policy, &self.names).await?,
            Some(proxy) => match proxy::near(target, &self.policy, &self.names).await {
                Some(near) => near,
                None => {
                    proxy::judge(target, &self.policy)?;
                    return proxy::through(target, proxy, &self.names, until).await;
                }
            },
        };
        connect::tcp(target, &addresses, until).await
    }

    fn too_slow(&self, target: &Target, patience: Duration) -> OutboundError {
        OutboundError::TooSlow { host: target.shown(), seconds: patience.as_secs() }
    }

    async fn ask(
        &self,
        target: &Target,
        request: Request<Bytes>,
        most: usize,
    ) -> Result<Response<Bytes>, OutboundError> {
        let until = Instant::now() + self.patience.connect;
        let late = |_| Err(self.too_slow(target, self.patience.connect));
        let stream = timeout_at(until, self.connect(target, until)).await.unwrap_or_else(late)?;
        let late = |_| Err(self.too_slow(target, self.patience.connect));
        let stream = timeout_at(until, connect::tls(target, &self.trust, stream)).await.unwrap_or_else(late)?;
        let garbled = |why| OutboundError::Garbled { host: target.shown(), why };
        let (mut sender, connection) = http1::Builder::new()
            .max_headers(HEADERS)
            .max_buf_size(HEADERS_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| garbled("the connection broke off"))?;
        let request = for_the_wire(request, target)?;
        let exchange = async move {
            let answer = sender.send_request(request).await.map_err(|e| garbled(complaint(&e)))?;
            read(target, answer, most).await
        };
        let mut exchange = pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => return answer,
            // It ends when all was read from it; what was read is still to be taken.
            _ = connection => {}
        }
        exchange.await
    }
}

fn complaint(error: &hyper::Error) -> &'static str {
    match () {
        () if error.is_parse_too_large() => "its headers are too many or too large",
        () if error.is_parse() => "the answer cannot be read; is it an HTTP server?",
        () => "it hung up before the answer was whole",
    }
}

/// The request as it goes out: its target without scheme and host, and headers that are ours to say.
fn for_the_wire(request: Request<Bytes>, target: &Target) -> Result<Request<Full<Bytes>>, OutboundError> {
    let (mut parts, body) = request.into_parts();
    let unusable = |_| OutboundError::BadUrl(format!("the URL of {} cannot be sent", target.shown()));
    let path = parts.uri.path_and_query().map_or("/", |p| p.as_str());
    // `https://host?query` has no slash of its own.
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    parts.uri = path.parse().map_err(unusable)?;
    for ours in [header::CONNECTION, header::TRANSFER_ENCODING, header::CONTENT_LENGTH, header::ACCEPT_ENCODING] {
        parts.headers.remove(ours);
    }
    let host = HeaderValue::from_str(&target.shown())
        .map_err(|_| OutboundError::BadUrl("the host of the URL cannot be sent".into()))?;
    parts.headers.insert(header::HOST, host);
    parts.headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    parts.headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(Request::from_parts(parts, Full::new(body)))
}

async fn read(target: &Target, answer: Response<Incoming>, most: usize) -> Result<Response<Bytes>, OutboundError> {
    let (parts, mut body) = answer.into_parts();
    let host = || target.shown();
    let status = parts.status.as_u16();
    if (300..400).contains(&status) {
        let to = parts.headers.get(header::LOCATION).and_then(|l| l.to_str().ok()?.parse::<Uri>().ok());
        // Only the host: what is behind it may be a secret.
        let to = to.as_ref().and_then(|to| to.host()).filter(|to| to.len() <= connect::HOST);
        let to = to.map_or(String::new(), |to| format!(" to {to}"));
        return Err(OutboundError::Redirect { host: host(), status, to });
    }
    if status < 200 {
        return Err(OutboundError::Garbled { host: host(), why: "it wants to speak another protocol" });
    }
    let encoding = parts.headers.get(header::CONTENT_ENCODING);
    if encoding.is_some_and(|e| !e.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(OutboundError::Garbled { host: host(), why: "the answer is compressed, which was not asked for" });
    }
    let too_large = || OutboundError::TooLarge { host: host(), bytes: most };
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| OutboundError::Garbled { host: host(), why: complaint(&e) })?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
    Ok(Response::from_parts(parts, whole.freeze()))
}

#[cfg(test)]
mod tests;
