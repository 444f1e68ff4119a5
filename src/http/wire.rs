//! Requests in, answers out: limits on bodies, media types, and the headers that every answer has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use super::lines;
use super::problem::{Problem, error_body};

/// Bounds on the body of a request.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    /// Bytes.
    pub bytes: u64,
    /// Without a byte.
    pub idle: Duration,
    /// Altogether.
    pub total: Duration,
}

/// The part that one request has of the room for all bodies, from its first byte until it is answered.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    held: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Room {
    /// Room is given out in pieces of this many bytes.
    const PIECE: u64 = 1 << 10;

    /// Room for so many bytes.
    pub fn all(bytes: u64) -> Arc<Semaphore> {
        let pieces = usize::try_from(bytes.div_ceil(Room::PIECE)).unwrap_or(usize::MAX);
        Arc::new(Semaphore::new(pieces.min(Semaphore::MAX_PERMITS)))
    }

    /// How many pieces so many bytes need.
    pub fn pieces(bytes: u64) -> u32 {
        u32::try_from(bytes.div_ceil(Room::PIECE)).unwrap_or(u32::MAX)
    }

    /// The part of one request: none yet.
    pub fn of(all: &Arc<Semaphore>) -> Room {
        Room { all: all.clone(), held: Mutex::new(None) }
    }

    /// Makes the part large enough for so many bytes, unless the others leave too little.
    fn take(&self, bytes: u64) -> bool {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let has = held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = usize::try_from(bytes.div_ceil(Room::PIECE)).unwrap_or(usize::MAX).saturating_sub(has);
        let Ok(more) = u32::try_from(more) else { return false };
        if more == 0 {
            return true;
        }
        let Ok(new) = self.all.clone().try_acquire_many_owned(more) else { return false };
        match held.as_mut() {
            Some(held) => held.merge(new),
            None => *held = Some(new),
        }
        true
    }

    fn leave(&self) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// How much of a body that is refused is still read, so that the client gets to read the answer.
const DRAINED: u64 = 64 << 20;
/// How long more of it is waited for.
const LINGER: Duration = Duration::from_millis(300);
/// And how long at most: somebody without a token gets no more of our time than this.
const DRAIN: Duration = Duration::from_secs(2);

/// For how long (RFC 6797 §6.1.1).
const ONE_YEAR: &str = "max-age=31536000";

/// An answer before it has its common headers.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; none for 204.
    pub body: Option<Bytes>,
    /// Headers beside the common ones.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// What the body is.
    pub media: Media,
    /// What is said beside the status, for the list of recent requests.
    pub detail: Option<String>,
}

/// What a body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Media {
    /// A SCIM message: `application/scim+json`, or `application/json` for who accepts no other.
    Scim,
    /// Other JSON.
    Json,
    /// A page.
    Html,
    /// A stylesheet.
    Css,
    /// A script.
    JavaScript,
    /// A picture.
    Svg,
    /// A table to keep.
    Csv,
}

impl Media {
    fn name(self, plain_json: bool) -> &'static str {
        match self {
            Media::Scim if !plain_json => "application/scim+json; charset=utf-8",
            Media::Scim | Media::Json => "application/json; charset=utf-8",
            Media::Html => "text/html; charset=utf-8",
            Media::Css => "text/css; charset=utf-8",
            Media::JavaScript => "text/javascript; charset=utf-8",
            Media::Svg => "image/svg+xml; charset=utf-8",
            Media::Csv => "text/csv; charset=utf-8",
        }
    }

    /// What a browser may do with it. Data is no page: it may do nothing, framed or not.
    fn policy(self) -> &'static str {
        match self {
            Media::Html => {
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            }
            _ => "default-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'",
        }
    }
}

const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const OPENER_POLICY: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");
const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");

/// What no page of ours asks a browser for.
const NO_PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), publickey-credentials-get=(), usb=()";

impl Answer {
    /// An answer with a SCIM body.
    pub fn json(status: StatusCode, body: impl Into<Bytes>) -> Answer {
        Answer { status, body: Some(body.into()), headers: Vec::new(), media: Media::Scim, detail: None }
    }

    /// An answer without a body.
    pub fn empty(status: StatusCode) -> Answer {
        Answer { status, body: None, headers: Vec::new(), media: Media::Scim, detail: None }
    }

    /// The methods that a path has: the answer to OPTIONS.
    pub fn methods(allowed: &[Method]) -> Answer {
        let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        Answer::empty(StatusCode::NO_CONTENT).with(header::ALLOW, &allowed)
    }

    /// With a header; a value that cannot stand in one is left out.
    pub fn with(mut self, name: HeaderName, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    /// With the headers that every answer has. `plain_json`: the client accepts `application/json` and not SCIM's type.
    /// `strict`: it is told to speak nothing but TLS with this host.
    pub fn finish(self, request: &str, plain_json: bool, strict: bool) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(self.body.clone().unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        // Room for all of them at once: growing would cost more than writing.
        headers.reserve(16);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(self.media.policy()));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
        if strict {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(ONE_YEAR));
        }
        if self.media == Media::Html {
            headers.insert(OPENER_POLICY, HeaderValue::from_static("same-origin"));
            headers.insert(PERMISSIONS_POLICY, HeaderValue::from_static(NO_PERMISSIONS));
            headers.insert(ROBOTS, HeaderValue::from_static("noindex"));
        }
        if self.body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.media.name(plain_json)));
        }
        if let Ok(request) = HeaderValue::from_str(request) {
            headers.insert(HeaderName::from_static("x-request-id"), request);
        }
        for (name, value) in self.headers {
            match name {
                // One line for each cookie (RFC 6265 §3).
                header::SET_COOKIE => drop(headers.append(name, value)),
                name => drop(headers.insert(name, value)),
            }
        }
        response
    }
}

/// Reads a body within its limits, counting as it comes in.
pub async fn read(body: &mut Incoming, headers: &HeaderMap, limits: BodyLimits, room: &Room) -> Result<Bytes, Problem> {
    let end = Instant::now() + limits.total;
    let declared = body.size_hint().lower();
    let mut bytes = BytesMut::with_capacity(usize::try_from(declared.min(64 << 10)).unwrap_or(0));
    let (mut refused, mut crowded) = (declared > limits.bytes, false);
    let mut seen = 0u64;
    // Whoever asks before sending gets the answer instead of a "continue".
    if refused && headers.contains_key(header::EXPECT) {
        return Err(too_large(limits));
    }
    loop {
        let idle = Instant::now() + if refused { limits.idle.min(LINGER) } else { limits.idle };
        let frame = match timeout_at(idle.min(end), body.frame()).await {
            Ok(Some(Ok(frame))) => frame,
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                tracing::debug!(%error, "a body broke off");
                return Err(Problem::plain(StatusCode::BAD_REQUEST, "The body could not be read to its end.").closing());
            }
            Err(_) if refused => break,
            Err(_) => {
                return Err(Problem::plain(StatusCode::REQUEST_TIMEOUT, "The body took too long to arrive.").closing());
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        seen += data.len() as u64;
        if !refused {
            crowded = seen <= limits.bytes && !room.take(seen);
            refused = crowded || seen > limits.bytes;
        }
        if !refused {
            bytes.extend_from_slice(&data);
        } else {
            // What is thrown away needs no room.
            bytes = BytesMut::new();
            room.leave();
            if seen > DRAINED {
                break;
            }
        }
    }
    match (refused, crowded) {
        (_, true) => {
            Err(Problem::busy("The server reads as many bodies as it has room for. Nothing was changed; try again."))
        }
        (true, false) => Err(too_large(limits)),
        (false, false) => Ok(bytes.freeze()),
    }
}

/// Reads what is left of a body that nobody wants, as far as it comes at once.
pub async fn drain(body: &mut Incoming, most: u64) {
    let mut left = most;
    let end = Instant::now() + DRAIN;
    while left > 0 && !body.is_end_stream() {
        match timeout_at((Instant::now() + LINGER).min(end), body.frame()).await {
            Ok(Some(Ok(frame))) => left = left.saturating_sub(frame.data_ref().map_or(0, |d| d.len() as u64)),
            _ => return,
        }
    }
}

fn too_large(limits: BodyLimits) -> Problem {
    let why = format!("The body is larger than the {} bytes that are read here.", limits.bytes);
    Problem::plain(StatusCode::PAYLOAD_TOO_LARGE, &why).closing()
}

/// The whole text of an answer that is written without hyper: to what is no request, or on a connection too many.
/// `strict` as in [`Answer::finish`].
pub fn raw(status: StatusCode, detail: &str, strict: bool) -> Vec<u8> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let id = format!("raw-{}", COUNT.fetch_add(1, Ordering::Relaxed) + 1);
    if lines::may_write() {
        tracing::info!(request = id, status = status.as_u16(), detail, "answered what did not become a request");
    }
    let body = error_body(status, None, detail);
    let strict = if strict { format!("strict-transport-security: {ONE_YEAR}\r\n") } else { String::new() };
    let retry = if status == StatusCode::SERVICE_UNAVAILABLE { "retry-after: 2\r\n" } else { "" };
    let policy = Media::Scim.policy();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/scim+json; charset=utf-8\r\ncontent-length: {}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\ncontent-security-policy: {policy}\r\nreferrer-policy: no-referrer\r\ncross-origin-resource-policy: same-origin\r\nx-request-id: {id}\r\n{strict}{retry}connection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or(""),
        body.len()
    )
    .into_bytes()
}
