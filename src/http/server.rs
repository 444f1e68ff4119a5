//! The accept loop: connections with deadlines, bounded in number, drained when the server stops.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, EXPECT, HOST, HeaderValue, USER_AGENT};
use hyper::http::request::Parts;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Version};
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::exchange::Exchange;
use super::pace::{Deadlines, Pace, Paced};
use super::problem::{Problem, no_method};
use super::route::Route;
use super::scim;
use super::wire::{Answer, BodyLimits, drain, raw, wants_plain_json};
use super::{authn, probes};
use crate::directory::{Directory, Reach, Refusal};

/// Bytes of a URL, at most.
const MAX_URL: usize = 8192;
/// How long requests may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How often a connection looks at its clock.
const TICK: Duration = Duration::from_secs(1);

/// Bounds on connections and requests.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at a time.
    pub connections: usize,
    /// Bytes of a head.
    pub header_bytes: usize,
    /// The deadlines of a connection: head, keep-alive.
    pub head: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// Bodies.
    pub body_bytes: u64,
    /// Without a byte of the body.
    pub body_idle: Duration,
    /// For the body.
    pub body_total: Duration,
}

struct Service {
    directory: Directory,
    limits: Limits,
    /// In front of the number of a request, so that the ids of two starts differ.
    prefix: String,
    requests: AtomicU64,
}

/// Serves until `stop` says so, then lets what is under way come to its end.
pub async fn serve(
    listener: TcpListener,
    directory: Directory,
    limits: Limits,
    prefix: String,
    mut stop: watch::Receiver<bool>,
) {
    let service = Arc::new(Service { directory, limits, prefix, requests: AtomicU64::new(0) });
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            accepted = listener.accept() => accepted,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, most likely: let some connections end before trying again.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let Ok(place) = places.clone().try_acquire_owned() else {
            tokio::spawn(turn_away(socket));
            continue;
        };
        let (service, stop) = (service.clone(), stop.clone());
        tokio::spawn(async move {
            connection(socket, peer, service, stop).await;
            drop(place);
        });
    }
    drop(listener);
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN, places.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests were still under way after {} seconds", DRAIN.as_secs());
    }
}

/// Says that there are too many connections, and waits a moment so that the client can read it.
async fn turn_away(mut socket: TcpStream) {
    let answer = raw(StatusCode::SERVICE_UNAVAILABLE, "The server has too many connections at the moment. Try again.");
    let talk = async {
        let _ = socket.write_all(&answer).await;
        let _ = socket.shutdown().await;
        let mut rest = [0; 1024];
        while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), talk).await;
}

async fn connection(socket: TcpStream, peer: SocketAddr, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    let _ = socket.set_nodelay(true);
    let limits = service.limits;
    let pace =
        Pace::new(Deadlines { head: limits.head, keep_alive: limits.keep_alive, answer: Duration::from_secs(60) });
    let respond = {
        let pace = pace.clone();
        service_fn(move |request: Request<Incoming>| {
            let (service, pace) = (service.clone(), pace.clone());
            pace.serving();
            async move {
                let mut response = service.respond(request, peer).await;
                if pace.ends() {
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                pace.answering();
                Ok::<_, Infallible>(response)
            }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        // A client that has said all it has to say still gets its answer.
        .half_close(true)
        .max_buf_size(limits.header_bytes)
        .serve_connection(Paced::new(socket, pace.clone()), respond);
    let mut connection = pin!(connection);
    let mut tick = tokio::time::interval(TICK);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, %peer, "a connection ended");
                }
                return;
            }
            _ = tick.tick() => {
                // A client that does not take its answer keeps hyper from reading: nobody else would notice.
                if pace.is_late() && !pace.is_head() {
                    return;
                }
            }
            _ = stop.wait_for(|s| *s), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
                if pace.is_idle() {
                    return;
                }
            }
        }
    }
}

impl Service {
    async fn respond(self: &Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Response<Full<Bytes>> {
        let started = Instant::now();
        let id = format!("{}-{}", self.prefix, self.requests.fetch_add(1, Ordering::Relaxed) + 1);
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let client = request
            .headers()
            .get(USER_AGENT)
            .map(|v| String::from_utf8_lossy(v.as_bytes()).chars().take(200).collect::<String>())
            .unwrap_or_default();
        let plain_json = wants_plain_json(request.headers());
        let outcome = Guarded(Box::pin(self.answer(request, peer, &id, client.clone()))).await;
        let answer = match outcome {
            Some(Ok(answer)) => answer,
            Some(Err(problem)) => problem.answer(),
            None => {
                tracing::error!(request = id, method = %method, path = ?path, "a request ended in a panic");
                Problem::plain(StatusCode::INTERNAL_SERVER_ERROR, "The server made a mistake; its log tells more.")
                    .answer()
            }
        };
        let (status, milliseconds) = (answer.status.as_u16(), started.elapsed().as_micros() as f64 / 1000.0);
        let quiet = answer.status.is_success() && matches!(method, Method::GET | Method::HEAD);
        if quiet {
            tracing::debug!(request = id, method = %method, path = ?path, status, milliseconds, client = ?client, "answered");
        } else {
            tracing::info!(request = id, method = %method, path = ?path, status, milliseconds, client = ?client, "answered");
        }
        answer.finish(&id, plain_json)
    }

    async fn answer(
        self: &Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
        id: &str,
        client: String,
    ) -> Result<Answer, Problem> {
        let (parts, mut body) = request.into_parts();
        let outcome = self.answer_to(&parts, &mut body, peer, id, client).await;
        // A client that is still sending would lose an answer that is given early.
        if !parts.headers.contains_key(EXPECT) {
            drain(&mut body, self.limits.body_bytes).await;
        }
        outcome
    }

    async fn answer_to(
        &self,
        parts: &Parts,
        body: &mut Incoming,
        peer: SocketAddr,
        id: &str,
        client: String,
    ) -> Result<Answer, Problem> {
        let hosts: Vec<_> = parts.headers.get_all(HOST).iter().collect();
        let odd = hosts.iter().any(|h| h.as_bytes().iter().any(|b| b.is_ascii_whitespace() || *b == b','));
        if odd || hosts.len() > 1 || (hosts.is_empty() && parts.version == Version::HTTP_11) {
            return Err(Problem::plain(StatusCode::BAD_REQUEST, "A request of HTTP/1.1 has one Host header.").closing());
        }
        if parts.uri.to_string().len() > MAX_URL {
            return Err(Problem::plain(
                StatusCode::URI_TOO_LONG,
                "The URL is longer than this server reads; POST to .search instead.",
            ));
        }
        let route = Route::find(parts.uri.path(), self.directory.catalog());
        match &route {
            Some(probe @ (Route::Health | Route::Ready)) if !probe.methods().contains(&parts.method) => {
                return Err(no_method(probe.methods()));
            }
            Some(Route::Health) => return Ok(probes::health()),
            Some(Route::Ready) => return Ok(probes::ready(&self.directory)),
            _ => {}
        }
        let token = authn::token(&parts.headers).map_err(|cause| {
            tracing::warn!(request = id, ?cause, address = %peer.ip(), client = ?client, "a request without a good token was refused");
            Problem::from(Refusal::Unauthenticated(cause))
        })?;
        let limits =
            BodyLimits { bytes: self.limits.body_bytes, idle: self.limits.body_idle, total: self.limits.body_total };
        let exchange = Exchange {
            directory: self.directory.clone(),
            token,
            reach: route.as_ref().map_or(Reach::All, Route::reach),
            id: id.to_owned(),
            address: peer.ip(),
            client,
            limits,
        };
        let query = parts.uri.query().unwrap_or("");
        scim::answer(&Arc::new(exchange), &parts.method, route, query, &parts.headers, body).await
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
