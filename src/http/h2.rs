//! One connection that speaks HTTP/2 (RFC 9113), over whatever carries it: chosen by prior knowledge on a plain listener,
//! by ALPN under TLS.
//!
//! What hyper and h2 bound themselves is set here; what they do not, `flow` watches: heads that do not come to their
//! end, connections on which nothing happens, and answers that nobody takes.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::{Body, Incoming};
use hyper::header::CONNECTION;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use super::answers::SMALL;
use super::flow::{Flow, Portions, Watched};
use super::h1::TICK;
use super::origin::Hop;
use super::pace::Deadlines;
use super::service::Service;

/// Requests under way at a time on one connection.
const STREAMS: u32 = 100;
/// Requests that were reset before they were looked at, after which the connection is ended (CVE-2023-44487).
const RESET_BEFORE_ACCEPTED: usize = 20;
/// Resets of our own that a client has provoked, after which the connection is ended (CVE-2025-8671).
const RESET_BY_US: usize = 100;
/// What a client may send of one body, and of all bodies of a connection, before any of it was read.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 1 << 20;
/// What is kept of one answer that the client does not take yet.
const SEND_BUFFER: usize = 64 << 10;
/// How long a connection on which nothing is under way has to say goodbye.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves requests until the client, its slowness or the end of the server ends it. `before` is what was read already.
pub async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    socket: S,
    before: Bytes,
    deadlines: Deadlines,
    hop: Hop,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let header_bytes = u32::try_from(service.limits.header_bytes).unwrap_or(u32::MAX);
    let flow = Flow::new(deadlines);
    let respond = {
        let flow = flow.clone();
        service_fn(move |request: Request<Incoming>| {
            let (service, turn) = (service.clone(), flow.enter());
            async move {
                let place = service.places_on_streams.clone().try_acquire_owned();
                let mut response = match place {
                    Ok(_) => service.respond(request, hop).await,
                    Err(_) => service.overcrowded(hop.origin(request.headers(), &service.surroundings.proxies)),
                };
                // Until the answer is taken: streams are many, and whoever asks need not listen. A small answer costs too
                // little for that: with a hundred of them, not even a token would be needed to keep others out.
                let place = place.ok().filter(|_| response.body().size_hint().lower() >= SMALL as u64);
                // A stream ends by itself; a connection is not closed for the sake of one (RFC 9113 §8.2.2).
                response.headers_mut().remove(CONNECTION);
                turn.answering();
                Ok::<_, Infallible>(response.map(|body| Portions::new(body, turn, place)))
            }
        })
    };
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(RESET_BEFORE_ACCEPTED)
        .max_local_error_reset_streams(RESET_BY_US)
        // The service answers heads above the limit with a SCIM Error; for what is far above it h2 has a bare 431.
        .max_header_list_size(header_bytes.saturating_mul(2))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .serve_connection(Watched::new(socket, before, flow.clone()), respond);
    let mut connection = pin!(connection);
    let mut tick = tokio::time::interval(TICK);
    // Since when the connection is being shut down; requests that are under way come to their end.
    let mut leaving: Option<Instant> = None;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, peer = %hop.peer, "a connection ended");
                }
                return;
            }
            _ = tick.tick() => {
                if flow.is_late() || leaving.is_some_and(|since| flow.is_idle() && since.elapsed() >= GOODBYE) {
                    return;
                }
                if flow.is_left_alone() && leaving.is_none() {
                    leaving = Some(Instant::now());
                    connection.as_mut().graceful_shutdown();
                }
            }
            _ = stop.wait_for(|s| *s), if leaving.is_none() => {
                leaving = Some(Instant::now());
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}
