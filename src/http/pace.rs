//! A connection with deadlines, and with a voice of its own.
//!
//! hyper reads heads without a deadline for the whole of them while a connection is idle, and answers what is no request
//! with an empty body. This wrapper around the socket knows where a connection stands, ends it when that lasts too
//! long, and puts a SCIM Error in the place of hyper's own answers.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::wire::raw;

/// How long each stage may last.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From the first byte of a request to the end of its head; and for the first byte on a new connection.
    pub head: Duration,
    /// Between two requests.
    pub keep_alive: Duration,
    /// For a client to take its answer.
    pub answer: Duration,
}

const NEW: u8 = 0;
const IDLE: u8 = 1;
const HEAD: u8 = 2;
const SERVING: u8 = 3;
const ANSWERING: u8 = 4;

/// Where a connection stands, shared by its socket and its service.
pub struct Pace {
    stage: AtomicU8,
    since: AtomicU64,
    start: Instant,
    deadlines: Deadlines,
}

impl Pace {
    /// A new connection.
    pub fn new(deadlines: Deadlines) -> Arc<Pace> {
        Arc::new(Pace { stage: AtomicU8::new(NEW), since: AtomicU64::new(0), start: Instant::now(), deadlines })
    }

    fn enter(&self, stage: u8) {
        self.since.store(self.elapsed(), Ordering::Relaxed);
        self.stage.store(stage, Ordering::Relaxed);
    }

    fn elapsed(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// A request is complete up to its body and is being worked on.
    pub fn serving(&self) {
        self.enter(SERVING);
    }

    /// Its answer is on its way.
    pub fn answering(&self) {
        self.enter(ANSWERING);
    }

    /// No request is under way: closing now loses nothing.
    pub fn is_idle(&self) -> bool {
        matches!(self.stage.load(Ordering::Relaxed), NEW | IDLE)
    }

    /// Has the stage lasted too long? Work on a request has deadlines of its own.
    pub fn is_late(&self) -> bool {
        let limit = match self.stage.load(Ordering::Relaxed) {
            NEW | HEAD => self.deadlines.head,
            IDLE => self.deadlines.keep_alive,
            ANSWERING => self.deadlines.answer,
            _ => return false,
        };
        let spent = self.elapsed().saturating_sub(self.since.load(Ordering::Relaxed));
        Duration::from_millis(spent) >= limit
    }
}

/// The socket.
pub struct Paced {
    inner: TokioIo<TcpStream>,
    pace: Arc<Pace>,
    /// Our answer in the place of hyper's, and how much of it is written.
    instead: Option<(Vec<u8>, usize)>,
}

impl Paced {
    /// A socket with a pace.
    pub fn new(socket: TcpStream, pace: Arc<Pace>) -> Paced {
        Paced { inner: TokioIo::new(socket), pace, instead: None }
    }

    /// Before a request has reached the service nobody but hyper can have written this: its answer to what is no
    /// request. It has a status line and no body; ours has both.
    fn replacement(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if !matches!(self.pace.stage.load(Ordering::Relaxed), NEW | IDLE | HEAD) {
            return None;
        }
        let status = bytes.strip_prefix(b"HTTP/1.1 ").or_else(|| bytes.strip_prefix(b"HTTP/1.0 "))?.get(..3)?;
        let status = StatusCode::from_bytes(status).ok().filter(StatusCode::is_client_error)?;
        let detail = match status {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
                "The request line and headers are larger than this server reads."
            }
            StatusCode::URI_TOO_LONG => "The URL is longer than this server reads.",
            _ => "This is not an HTTP request that this server understands.",
        };
        Some(raw(status, detail))
    }
}

impl Read for Paced {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.pace.is_late() {
            if self.pace.stage.load(Ordering::Relaxed) == HEAD {
                let late = raw(StatusCode::REQUEST_TIMEOUT, "The headers took too long to arrive.");
                // Whoever is this slow may not read it either; what does not fit now is not sent.
                let _ = self.inner.inner().try_write(&late);
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let mut counted = Counted { buf, any: false };
        let outcome = counted.read_from(Pin::new(&mut self.inner), cx);
        if counted.any && matches!(self.pace.stage.load(Ordering::Relaxed), NEW | IDLE | ANSWERING) {
            self.pace.enter(HEAD);
        }
        outcome
    }
}

/// Finds out whether a read brought anything: hyper's cursor does not tell.
struct Counted<'b> {
    buf: ReadBufCursor<'b>,
    any: bool,
}

impl Counted<'_> {
    fn read_from(&mut self, socket: Pin<&mut TokioIo<TcpStream>>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        const PIECE: usize = 16 << 10;
        let mut piece = [0u8; PIECE];
        let room = self.buf.remaining().min(PIECE);
        let mut target = tokio::io::ReadBuf::new(piece.get_mut(..room).unwrap_or_default());
        ready!(tokio::io::AsyncRead::poll_read(Pin::new(socket.get_mut().inner_mut()), cx, &mut target))?;
        self.any = !target.filled().is_empty();
        self.buf.put_slice(target.filled());
        Poll::Ready(Ok(()))
    }
}

impl Write for Paced {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = self.replacement(bytes).map(|r| (r, 0));
        }
        let this = &mut *self;
        let Some((answer, written)) = &mut this.instead else { return Pin::new(&mut this.inner).poll_write(cx, bytes) };
        while let Some(rest) = answer.get(*written..).filter(|r| !r.is_empty()) {
            *written += ready!(Pin::new(&mut this.inner).poll_write(cx, rest))?;
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        if self.pace.stage.load(Ordering::Relaxed) == ANSWERING {
            self.pace.enter(IDLE);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|b| !b.is_empty()).map(|b| b.to_vec());
        let replaces = self.instead.is_some() || first.as_deref().is_some_and(|f| self.replacement(f).is_some());
        match first.filter(|_| replaces) {
            Some(first) => self.as_mut().poll_write(cx, &first),
            None => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }
}
