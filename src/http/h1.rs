//! One connection that speaks HTTP/1.1 or 1.0, over whatever carries it.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::origin::Hop;
use super::pace::{Pace, Paced};
use super::service::Service;

/// How often a connection looks at its clock.
pub const TICK: Duration = Duration::from_secs(1);

/// Serves requests until the client, its slowness or the end of the server ends it.
pub async fn speak<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    socket: S,
    before: Bytes,
    pace: Arc<Pace>,
    hop: Hop,
    service: Arc<Service>,
    mut stop: watch::Receiver<bool>,
) {
    let header_bytes = service.limits.header_bytes;
    let respond = {
        let pace = pace.clone();
        service_fn(move |request: Request<Incoming>| {
            let (service, pace) = (service.clone(), pace.clone());
            pace.serving();
            async move {
                let mut response = service.respond(request, hop).await;
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
        .max_buf_size(header_bytes)
        .serve_connection(Paced::new(socket, before, pace.clone()), respond);
    let mut connection = pin!(connection);
    let mut tick = tokio::time::interval(TICK);
    let mut stopping = false;
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, peer = %hop.peer, "a connection ended");
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
