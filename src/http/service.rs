//! One request, whichever version of HTTP brought it: what is asked of every request, then `scim`; and what is written
//! down about it.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::http::uri::Scheme;
use hyper::{Method, Request, Response, StatusCode, Version};
use tokio::sync::Semaphore;

use super::answers::Answers;
use super::doors::{Doors, Stranger};
use super::exchange::Exchange;
use super::lines::{self, without_token};
use super::media::wants_plain_json;
use super::notes::{self, Asked, Ended, Seen};
use super::origin::{Hop, Origin};
use super::problem::{Problem, no_method, not_here, too_many, unknown_method};
use super::route::{METHODS, Route, is_well_escaped};
use super::server::{Limits, Surroundings};
use super::ui::{Ui, Visit};
use super::wire::{Answer, BodyLimits, Room, drain};
use super::{api, authn, probes, scim};
use crate::directory::{Caller, Directory, Reach, Refusal};
use crate::secret::Token;

/// Requests of HTTP/2 at a time that there is always room for: what one connection may have.
const LEAST_STREAMS: usize = 100;
/// What somebody is told who speaks plain HTTP with us over the network. His token has been seen by whoever listens.
const PAST_THE_PROXY: &str = "This port takes requests from the proxy in front of it only, since it speaks no TLS. Use the \
     https address of the server; a token that was sent here should be replaced.";
/// Bytes of a URL, at most.
const MAX_URL: usize = 8192;

/// What every connection of the server has in common.
pub struct Service {
    /// The limits.
    pub limits: Limits,
    /// Requests of HTTP/2 at a time, over all connections. A request of HTTP/1 has its connection to itself.
    pub places_on_streams: Arc<Semaphore>,
    /// What stands around it.
    pub surroundings: Surroundings,
    directory: Directory,
    ui: Ui,
    doors: Arc<Doors>,
    /// Room for bodies.
    bodies: Arc<Semaphore>,
    /// Room for answers.
    answers: Answers,
    /// In front of the number of a request, so that the ids of two starts differ.
    prefix: String,
    requests: AtomicU64,
}

impl Service {
    /// Nothing was asked yet.
    pub fn new(directory: Directory, ui: Ui, limits: Limits, surroundings: Surroundings, prefix: String) -> Service {
        Service {
            limits,
            places_on_streams: Arc::new(Semaphore::new(limits.connections.max(LEAST_STREAMS))),
            surroundings,
            directory,
            ui,
            doors: Arc::new(Doors::new(limits.doors)),
            bodies: Room::all(limits.bodies_bytes),
            answers: Answers::new(limits.answers_bytes),
            prefix,
            requests: AtomicU64::new(0),
        }
    }

    fn next_id(&self) -> String {
        format!("{}-{}", self.prefix, self.requests.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Says that there are too many requests at a time.
    pub fn overcrowded(&self, origin: Origin) -> Response<Full<Bytes>> {
        let id = self.next_id();
        if lines::may_write() {
            tracing::warn!(request = id, "turned away: as many requests are under way as limits.connections allows");
        }
        Problem::busy("The server has too many requests at the moment. Try again.").answer().finish(
            &id,
            false,
            origin.strict,
        )
    }

    /// Answers, whatever happens.
    pub async fn respond(self: &Arc<Self>, request: Request<Incoming>, hop: Hop) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let origin = hop.origin(request.headers(), &self.surroundings.proxies);
        let id = self.next_id();
        let (method, path) = (request.method().clone(), shortened(request.uri().path()));
        let client = request
            .headers()
            .get(USER_AGENT)
            .map(|v| without_token(&String::from_utf8_lossy(v.as_bytes())).chars().take(200).collect::<String>())
            .unwrap_or_default();
        let plain_json = wants_plain_json(request.headers());
        let seen = Seen::default();
        let outcome = Guarded(Box::pin(self.answer(request, origin, &id, client.clone(), &seen))).await;
        let answer = match outcome {
            Some(Ok(answer)) => answer,
            Some(Err(problem)) => problem.answer(),
            None => {
                tracing::error!(request = id, method = word(&method), path = ?path, "a request ended in a panic");
                Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "The server made a mistake; its log tells more.")
                    .answer()
            }
        };
        let answer = self.answers.admit(&method, &path, answer);
        let (status, milliseconds) = (answer.status.as_u16(), started.elapsed().as_micros() as f64 / 1000.0);
        let looked = answer.status.is_success() && matches!(method, Method::GET | Method::HEAD);
        let quiet = looked || self.has_its_line(answer.status, seen.token.get().is_some());
        if quiet {
            tracing::debug!(request = id, method = word(&method), path = ?path, status, milliseconds, client = ?client, "answered");
        } else {
            tracing::info!(request = id, method = word(&method), path = ?path, status, milliseconds, client = ?client, "answered");
        }
        let detail = answer.detail.clone();
        let ended = Ended { id: &id, method: &method, client, address: origin.address, status, detail, milliseconds };
        notes::keep(&self.directory.store, seen, ended);
        let response = answer.finish(&id, plain_json, origin.strict);
        if method == Method::HEAD { without_body(response) } else { response }
    }

    /// Is there a line in the log already, or one too many?
    fn has_its_line(&self, status: StatusCode, met: bool) -> bool {
        match (status, met) {
            (StatusCode::UNAUTHORIZED, _) | (StatusCode::TOO_MANY_REQUESTS, false) => true,
            (StatusCode::TOO_MANY_REQUESTS, true) | (_, false) => !lines::may_write(),
            _ => false,
        }
    }

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        origin: Origin,
        id: &str,
        client: String,
        seen: &Seen,
    ) -> Result<Answer, Problem> {
        let (parts, mut body) = request.into_parts();
        let outcome = self.answer_to(&parts, &mut body, origin, id, client, seen).await;
        // A client that is still sending would lose an answer that is given early; not so on a stream of HTTP/2.
        if parts.version != Version::HTTP_2 && !parts.headers.contains_key(EXPECT) {
            drain(&mut body, self.limits.body_bytes).await;
        }
        outcome
    }

    async fn answer_to(
        &self,
        parts: &Parts,
        body: &mut Incoming,
        origin: Origin,
        id: &str,
        client: String,
        seen: &Seen,
    ) -> Result<Answer, Problem> {
        self.is_in_order(parts)?;
        let path = parts.uri.path();
        let route = Route::find(path, self.directory.catalog());
        match &route {
            Some(probe @ (Route::Health | Route::Ready)) if !probe.methods().contains(&parts.method) => {
                let known = METHODS.contains(&parts.method);
                return Err(if known { no_method(probe.methods()) } else { unknown_method() });
            }
            Some(probe @ (Route::Health | Route::Ready)) if parts.method == Method::OPTIONS => {
                return Ok(Answer::methods(probe.methods()));
            }
            Some(Route::Health) => return Ok(probes::health()),
            Some(Route::Ready) => return Ok(probes::ready(&self.directory)),
            _ => {}
        }
        if origin.trespasses {
            if lines::may_write() {
                tracing::warn!(request = id, address = %origin.address, client = ?client, "a request in the clear was refused: it comes from none of listen.trusted_proxies");
            }
            return Err(Problem::plain(StatusCode::FORBIDDEN, PAST_THE_PROXY));
        }
        let query = parts.uri.query().unwrap_or("");
        let limits =
            BodyLimits { bytes: self.limits.body_bytes, idle: self.limits.body_idle, total: self.limits.body_total };
        let room = Room::of(&self.bodies);
        let visit = Visit {
            id,
            method: &parts.method,
            path,
            query,
            headers: &parts.headers,
            host: parts
                .uri
                .authority()
                .map(|a| a.as_str())
                .or_else(|| parts.headers.get(HOST).and_then(|h| h.to_str().ok())),
            address: origin.address,
            secure: origin.secure,
            client: &client,
            sent: None,
        };
        let is_api = origin.surface.serves_settings() && api::is_below(path);
        if route.is_none()
            && !is_api
            && origin.surface.serves_settings()
            // In a box: as a part of this future it would make that of every request ten times as large.
            && let Some(answer) = Box::pin(self.ui.answer(&visit, body, limits, &room)).await
        {
            return Ok(answer);
        }
        if !is_api && !origin.surface.serves_scim() {
            return Err(not_here());
        }
        // Scripts that look at the list are no identity providers, and would fill it with their looking.
        if !is_api {
            let _ = seen.asked.set(Asked::of(&parts.method, route.as_ref(), query));
        }
        let stranger = Stranger { doors: &self.doors, request: id, address: origin.address, client: &client };
        let token = authn::token(&parts.headers).map_err(|cause| stranger.refused(cause, None))?;
        self.doors
            .look_at(&token, origin.address, &self.directory)
            .map_err(|seconds| stranger.stopped(&token, seconds))?;
        let _ = seen.token.set(token.id().to_owned());
        if is_api {
            let let_in = api::admit(&self.directory, &token, &visit);
            let caller = let_in.map_err(|refusal| stranger.refusal(refusal, &token))?;
            self.admitted(&token)?;
            if let Some(why) = wrong_url(path, query) {
                return Err(Problem::plain(StatusCode::BAD_REQUEST, why));
            }
            let answer = api::answer(&self.directory, caller, api::find(path), &visit, (body, limits, &room));
            return Box::pin(answer).await;
        }
        let exchange = Arc::new(Exchange {
            directory: self.directory.clone(),
            token,
            reach: route.as_ref().map_or(Reach::All, Route::reach),
            id: id.to_owned(),
            address: origin.address,
            client,
            limits,
            room,
            doors: self.doors.clone(),
        });
        if self.doors.limits_requests() {
            self.count(&exchange)?;
        }
        if !METHODS.contains(&parts.method) {
            exchange.let_in().await?;
            return Err(unknown_method());
        }
        if let Some(why) = wrong_url(path, query) {
            exchange.let_in().await?;
            return Err(Problem::plain(StatusCode::BAD_REQUEST, why));
        }
        scim::answer(&exchange, &parts.method, route, query, &parts.headers, body).await
    }

    /// What HTTP asks of every request, whoever sends it.
    fn is_in_order(&self, parts: &Parts) -> Result<(), Problem> {
        let mut hosts = parts.headers.get_all(HOST).iter();
        let (host, second) = (hosts.next(), hosts.next());
        let odd = host.is_some_and(|h| h.as_bytes().iter().any(|b| b.is_ascii_whitespace() || *b == b','));
        if odd || second.is_some() || (host.is_none() && parts.version == Version::HTTP_11) {
            return Err(Problem::plain(StatusCode::BAD_REQUEST, "A request of HTTP/1.1 has one Host header.").closing());
        }
        let authority = parts.uri.authority().map_or("", |a| a.as_str());
        // RFC 9110 §4.2.4: a name and password in front of the host are an error, and used to make it look like another.
        if authority.contains('@') {
            return Err(Problem::plain(StatusCode::BAD_REQUEST, "The URL has a user in front of its host."));
        }
        if parts.uri.scheme().is_some_and(|s| *s != Scheme::HTTP && *s != Scheme::HTTPS) {
            return Err(Problem::plain(StatusCode::BAD_REQUEST, "This server knows the URLs of http and https."));
        }
        if parts.version == Version::HTTP_2 {
            // RFC 9113 §8.3.1: two names of the server are one too many.
            if host.is_some_and(|h| !authority.is_empty() && !h.as_bytes().eq_ignore_ascii_case(authority.as_bytes())) {
                return Err(Problem::plain(StatusCode::BAD_REQUEST, "The Host header differs from :authority."));
            }
            // Counted as RFC 9113 §6.5.2 does. The heads of HTTP/1 are counted while they come in.
            let size: usize = parts.headers.iter().map(|(n, v)| n.as_str().len() + v.len() + 32).sum();
            if size > self.limits.header_bytes {
                return Err(Problem::plain(
                    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                    "The headers are larger than this server reads.",
                ));
            }
        }
        let path = parts.uri.path_and_query().map_or("", |p| p.as_str());
        if path.len() + authority.len() > MAX_URL {
            return Err(Problem::plain(
                StatusCode::URI_TOO_LONG,
                "The URL is longer than this server reads; POST to .search instead.",
            ));
        }
        Ok(())
    }

    /// Counts a request of a good token. What is wrong with any other is found out where it always is.
    fn count(&self, exchange: &Exchange) -> Result<(), Problem> {
        let admitted = self.directory.store.inline(|reader| {
            let now = reader.now();
            Caller::admit(reader, &exchange.token, &exchange.id, exchange.reach, now)
        });
        if matches!(admitted, Err(Refusal::Unauthenticated(_))) {
            return Ok(());
        }
        self.admitted(&exchange.token)
    }

    /// Counts a request of a token that is good.
    fn admitted(&self, token: &Token) -> Result<(), Problem> {
        self.doors.admitted(token.id()).map_err(|seconds| {
            too_many(seconds, "This token has sent more requests than it may at the moment. Nothing was changed.")
        })
    }
}

/// A path for the log: without tokens, and not longer than anybody reads.
fn shortened(path: &str) -> String {
    const MOST: usize = 300;
    let short = path.char_indices().nth(MOST).and_then(|(end, _)| path.get(..end)).unwrap_or(path);
    without_token(short)
}

/// A method for the log: whatever a client calls it, it is a word.
fn word(method: &Method) -> &str {
    const MOST: usize = 20;
    method.as_str().get(..MOST).unwrap_or(method.as_str())
}

/// What is wrong with a URL beside its naming nothing.
fn wrong_url(path: &str, query: &str) -> Option<&'static str> {
    if !is_well_escaped(path) || !is_well_escaped(query) {
        return Some(
            "A percent sign in the URL is not followed by two hexadecimal digits; write %25 for the sign itself.",
        );
    }
    if query.is_empty() {
        return None;
    }
    // RFC 6750 §2.3 has a parameter for tokens and §5.3 says why nobody should use it.
    let shows_token = |(name, value): (std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)| {
        name == "access_token" || Token::parse(&value).is_some()
    };
    form_urlencoded::parse(query.as_bytes())
        .any(shows_token)
        .then_some("A token does not belong in the URL, where logs keep it: send it in the Authorization header only.")
}

/// The answer to HEAD: that to GET, with the length of its body and without the body (RFC 9110 §9.3.2).
fn without_body(response: Response<Full<Bytes>>) -> Response<Full<Bytes>> {
    let (mut parts, body) = response.into_parts();
    let length = hyper::body::Body::size_hint(&body).exact().unwrap_or(0);
    set_length(&mut parts.headers, parts.status, length);
    Response::from_parts(parts, Full::default())
}

fn set_length(headers: &mut HeaderMap, status: StatusCode, length: u64) {
    // Where GET has no body either, there is no length (RFC 9110 §8.6).
    if !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// A future whose panic becomes `None`: a mistake of ours costs one request, not the connection.
struct Guarded<F>(Pin<Box<F>>);

impl<F: Future> Future for Guarded<F> {
    type Output = Option<F::Output>;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<F::Output>> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Some),
            Err(_) => Poll::Ready(None),
        }
    }
}
