//! The accept loop: connections with deadlines, bounded in number, drained when the server stops.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use hyper::StatusCode;
use ipnet::IpNet;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::certificate::Certificates;
use super::doors::DoorLimits;
use super::opening::{Opening, opening};
use super::origin::{Hop, Surface};
use super::pace::{Deadlines, Pace, TOO_SLOW};
use super::service::Service;
use super::ui::{Settings, Ui};
use super::wire::raw;
use super::{h1, h2, lines};
use crate::directory::Directory;

/// How long requests may go on when the server stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How long a client may take to take its answer.
const ANSWER: Duration = Duration::from_secs(60);

/// How long a client may take to agree on TLS, at most.
const HANDSHAKE: Duration = Duration::from_secs(10);
const TOO_MANY: &str = "The server has too many connections at the moment. Try again.";
/// A request in the clear is not sent on to where it belongs: the next one would come in the clear again, and show its
/// token once more.
const NOT_IN_THE_CLEAR: &str =
    "This port speaks TLS: use https. A token that was sent in the clear should be replaced by a new one.";

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

/// What stands around the service, as the owner of the machine has set it up.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The proxies whose word about a client is taken.
    pub proxies: Vec<IpNet>,
    /// The certificate that clients are shown.
    pub certificates: Certificates,
}

/// A listener, and how it is served.
pub struct Listening {
    /// It listens already.
    pub listener: TcpListener,
    /// How TLS is spoken; plain HTTP without.
    pub tls: Option<TlsAcceptor>,
    /// The certificate was given, so that clients may hold fast to TLS.
    pub strict: bool,
    /// What is served there.
    pub surface: Surface,
    /// It speaks plain HTTP where others than the proxies reach it.
    pub only_for_proxies: bool,
}

/// What all listeners share.
#[derive(Clone)]
struct Hall {
    service: Arc<Service>,
    places: Arc<Semaphore>,
    stop: watch::Receiver<bool>,
}

/// Serves until `stop` says so, then lets what is under way come to its end.
pub async fn serve(
    listeners: Vec<Listening>,
    directory: Directory,
    settings: Settings,
    limits: Limits,
    surroundings: Surroundings,
    prefix: String,
    mut stop: watch::Receiver<bool>,
) {
    let ui = Ui::new(directory.clone(), settings, surroundings.certificates.clone());
    let service = Arc::new(Service::new(directory, ui, limits, surroundings, prefix));
    let hall = Hall { service, places: Arc::new(Semaphore::new(limits.connections)), stop: stop.clone() };
    let mut accepting = JoinSet::new();
    for listening in listeners {
        accepting.spawn(accept(listening, hall.clone()));
    }
    let mut summary = tokio::time::interval(lines::SUMMARY);
    loop {
        tokio::select! {
            _ = stop.wait_for(|s| *s) => break,
            _ = summary.tick() => lines::sum_up(),
        }
    }
    while accepting.join_next().await.is_some() {}
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    if tokio::time::timeout(DRAIN, hall.places.acquire_many(all)).await.is_err() {
        tracing::warn!("some requests were still under way after {} seconds", DRAIN.as_secs());
    }
    lines::sum_up();
}

/// Takes connections until the server stops.
async fn accept(listening: Listening, mut hall: Hall) {
    let Listening { listener, tls, strict, surface, only_for_proxies } = listening;
    loop {
        let accepted = tokio::select! {
            _ = hall.stop.wait_for(|s| *s) => return,
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
        let Ok(place) = hall.places.clone().try_acquire_owned() else {
            // A handshake would cost more than the answer is worth.
            if tls.is_none() {
                tokio::spawn(turn_away(socket, StatusCode::SERVICE_UNAVAILABLE, TOO_MANY));
            }
            continue;
        };
        let hop = Hop { peer, tls: tls.is_some(), strict, surface, only_for_proxies };
        let (hall, tls) = (hall.clone(), tls.clone());
        tokio::spawn(async move {
            let _ = socket.set_nodelay(true);
            match tls {
                None => connection(socket, None, hop, hall).await,
                Some(tls) => secured(socket, tls, hop, hall).await,
            }
            drop(place);
        });
    }
}

/// Says something to somebody who cannot be served, and waits a moment so that he can read it.
async fn turn_away(mut socket: TcpStream, status: StatusCode, why: &str) {
    let answer = raw(status, why, false);
    let talk = async {
        let _ = socket.write_all(&answer).await;
        let _ = socket.shutdown().await;
        let mut rest = [0; 1024];
        while matches!(socket.read(&mut rest).await, Ok(n) if n > 0) {}
    };
    let _ = tokio::time::timeout(Duration::from_secs(1), talk).await;
}

/// Shakes hands, and goes on as ALPN has it (RFC 7301): HTTP/2, or HTTP/1 for whoever asks for nothing else.
async fn secured(socket: TcpStream, tls: TlsAcceptor, hop: Hop, mut hall: Hall) {
    let peer = hop.peer;
    let shaking = async {
        let mut first = [0];
        // No message of TLS begins with a letter; every request of HTTP does.
        match socket.peek(&mut first).await {
            Ok(1) if first.iter().all(u8::is_ascii_uppercase) => {
                turn_away(socket, StatusCode::BAD_REQUEST, NOT_IN_THE_CLEAR).await;
                None
            }
            _ => Some(tls.accept(socket).await),
        }
    };
    let shaken = tokio::select! {
        _ = hall.stop.wait_for(|s| *s) => return,
        shaken = tokio::time::timeout(HANDSHAKE.min(hall.service.limits.head), shaking) => shaken,
    };
    match shaken {
        Ok(Some(Ok(stream))) => {
            let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
            connection(stream, Some(is_http2), hop, hall).await;
        }
        Ok(Some(Err(error))) => tracing::debug!(%error, %peer, "a handshake failed"),
        Ok(None) => {}
        Err(_) => tracing::debug!(%peer, "a handshake took too long"),
    }
}

/// Finds out which version of HTTP is spoken, unless that is agreed upon, and speaks it.
async fn connection<S>(mut socket: S, agreed: Option<bool>, hop: Hop, hall: Hall)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Hall { service, mut stop, .. } = hall;
    let limits = service.limits;
    let deadlines = Deadlines { head: limits.head, keep_alive: limits.keep_alive, answer: ANSWER };
    let pace = Pace::new(deadlines, hop.strict);
    let mut so_far = BytesMut::new();
    let opened = tokio::select! {
        _ = stop.wait_for(|s| *s) => return,
        opened = tokio::time::timeout(limits.head, opening(&mut socket, &mut so_far)) => opened,
    };
    match opened {
        Ok(Opening { bytes, is_http2 }) if agreed.unwrap_or(is_http2) => {
            h2::speak(socket, bytes, deadlines, hop, service, stop).await;
        }
        Ok(Opening { bytes, .. }) => h1::speak(socket, bytes, pace, hop, service, stop).await,
        Err(_) if so_far.is_empty() || agreed == Some(true) => {}
        Err(_) => {
            let answer = raw(StatusCode::REQUEST_TIMEOUT, TOO_SLOW, hop.strict);
            let say = async {
                let _ = socket.write_all(&answer).await;
                let _ = socket.shutdown().await;
            };
            // A client that has not read so little by then will not.
            let _ = tokio::time::timeout(Duration::from_secs(1), say).await;
        }
    }
}
