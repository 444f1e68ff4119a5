//! The accept loop: connections with deadlines, bounded in number, drained when the server stops.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use hyper::StatusCode;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

use super::doors::DoorLimits;
use super::opening::{Opening, opening};
use super::pace::{Deadlines, Pace, TOO_SLOW};
use super::service::Service;
use super::wire::raw;
use super::{h1, h2, lines};
use crate::directory::Directory;

/// How long requests may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How long a client may take to take its answer.
const ANSWER: Duration = Duration::from_secs(60);

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
    /// Bytes of all bodies that are being worked on.
    pub bodies_bytes: u64,
    /// Bytes of all answers that are on their way.
    pub answers_bytes: u64,
    /// Requests with bad and with good tokens.
    pub doors: DoorLimits,
}

/// Serves until `stop` says so, then lets what is under way come to its end.
pub async fn serve(
    listener: TcpListener,
    directory: Directory,
    limits: Limits,
    prefix: String,
    mut stop: watch::Receiver<bool>,
) {
    let service = Arc::new(Service::new(directory, limits, prefix));
    let mut summary = tokio::time::interval(lines::SUMMARY);
    let places = Arc::new(Semaphore::new(limits.connections));
    loop {
        let accepted = tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            _ = summary.tick() => {
                lines::sum_up();
                continue;
            }
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
    lines::sum_up();
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

/// Finds out which version of HTTP is spoken, and speaks it.
async fn connection(mut socket: TcpStream, peer: SocketAddr, service: Arc<Service>, mut stop: watch::Receiver<bool>) {
    let _ = socket.set_nodelay(true);
    let limits = service.limits;
    let deadlines = Deadlines { head: limits.head, keep_alive: limits.keep_alive, answer: ANSWER };
    let pace = Pace::new(deadlines);
    let mut so_far = BytesMut::new();
    let opened = tokio::select! {
        _ = stop.wait_for(|s| *s) => return,
        opened = tokio::time::timeout(limits.head, opening(&mut socket, &mut so_far)) => opened,
    };
    match opened {
        Ok(Opening { bytes, is_http2: true }) => h2::speak(socket, bytes, deadlines, peer, service, stop).await,
        Ok(Opening { bytes, .. }) => h1::speak(socket, bytes, pace, peer, service, stop).await,
        Err(_) if so_far.is_empty() => {}
        Err(_) => {
            let _ = socket.try_write(&raw(StatusCode::REQUEST_TIMEOUT, TOO_SLOW));
        }
    }
}
