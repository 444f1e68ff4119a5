//! A connection with deadlines, and with a voice of its own.
//!
//! hyper reads heads without a deadline for the whole of them while a connection is idle, and answers what is no request
//! with an empty body. This wrapper around the socket knows where a connection stands, ends it when that lasts too
//! long, and puts a SCIM Error in the place of hyper's own answers.

use std::borrow::Cow;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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
    ends: AtomicBool,
    /// What is said here tells the client to speak nothing but TLS.
    strict: bool,
}

impl Pace {
    /// A new connection.
    pub fn new(deadlines: Deadlines, strict: bool) -> Arc<Pace> {
        Arc::new(Pace {
            stage: AtomicU8::new(NEW),
            since: AtomicU64::new(0),
            start: Instant::now(),
            deadlines,
            ends: AtomicBool::new(false),
            strict,
        })
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

    /// No request is read after the present one.
    pub fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Is the present request the last one?
    pub fn ends(&self) -> bool {
        self.ends.load(Ordering::Relaxed)
    }

    /// Is a head being read? Then lateness is answered, not only ended.
    pub fn is_head(&self) -> bool {
        self.stage.load(Ordering::Relaxed) == HEAD
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
pub struct Paced<S> {
    inner: TokioIo<S>,
    /// What was read of it before it came here.
    before: Bytes,
    pace: Arc<Pace>,
    /// Our answer in the place of hyper's, and how much of it is written.
    instead: Option<(Vec<u8>, usize)>,
    inspector: Inspector,
}

/// What is looked at in the bytes of a connection on their way to hyper: every head, and how long the body is that
/// comes before the next one.
#[derive(Default)]
struct Inspector {
    /// The head so far.
    head: Vec<u8>,
    in_query: bool,
    first_line_over: bool,
    next: Next,
}

/// What the next byte belongs to.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Next {
    #[default]
    Head,
    /// A body, with this many bytes to come.
    Body(u64),
    /// A body whose end is not looked for; the connection is closed after it.
    Unknown,
}

/// What a client is told whose head does not come to its end.
pub const TOO_SLOW: &str = "The headers took too long to arrive.";

/// Why a head is refused before hyper reads it: between two readings of one request there is room for a second one
/// (RFC 9112 §2.2, §11.2).
const BARE_LINE_FEED: &str = "A line of the request ends in a line feed without a carriage return.";
const TWO_LENGTHS: &str = "A request has either a Content-Length or a Transfer-Encoding.";

impl Inspector {
    /// The bytes as they go on to hyper. Entra writes `filter=userName+eq+"ada"` with its quotes as they are, which RFC
    /// 3986 does not allow and hyper refuses: in the query of the request line they are percent-encoded here.
    fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<Cow<'b, [u8]>, &'static str> {
        match &mut self.next {
            Next::Unknown => return Ok(Cow::Borrowed(bytes)),
            Next::Body(left) if *left > bytes.len() as u64 => {
                *left -= bytes.len() as u64;
                return Ok(Cow::Borrowed(bytes));
            }
            _ => {}
        }
        let mut passed = Vec::with_capacity(bytes.len() + 64);
        for byte in bytes {
            match &mut self.next {
                Next::Head => self.look_at(*byte, &mut passed)?,
                Next::Body(left) => {
                    *left -= 1;
                    if *left == 0 {
                        self.next = Next::Head;
                    }
                    passed.push(*byte);
                }
                Next::Unknown => passed.push(*byte),
            }
        }
        Ok(Cow::Owned(passed))
    }

    fn look_at(&mut self, byte: u8, passed: &mut Vec<u8>) -> Result<(), &'static str> {
        if byte == b'\n' && self.head.last() != Some(&b'\r') {
            return Err(BARE_LINE_FEED);
        }
        self.head.push(byte);
        self.in_query |= byte == b'?';
        self.first_line_over |= byte == b'\n';
        match byte {
            b'"' | b'<' | b'>' if self.in_query && !self.first_line_over => {
                passed.extend_from_slice(format!("%{byte:02X}").as_bytes());
            }
            _ => passed.push(byte),
        }
        if self.head.ends_with(b"\r\n\r\n") {
            let head = std::mem::take(&mut self.head);
            *self = Inspector { next: body_of(&head)?, ..Inspector::default() };
        }
        Ok(())
    }
}

/// What follows a head (RFC 9112 §6.3). Lengths that make no sense are left to hyper, which refuses them.
fn body_of(head: &[u8]) -> Result<Next, &'static str> {
    let (mut length, mut coding) = (None, false);
    for line in head.split(|b| *b == b'\n') {
        let Some(colon) = line.iter().position(|b| *b == b':') else { continue };
        let (name, value) = line.split_at_checked(colon).unwrap_or((line, b""));
        if name.eq_ignore_ascii_case(b"content-length") {
            length = Some(
                std::str::from_utf8(value).ok().and_then(|v| v.trim_start_matches(':').trim().parse::<u64>().ok()),
            );
        }
        coding |= name.eq_ignore_ascii_case(b"transfer-encoding");
    }
    match (length, coding) {
        (Some(_), true) => Err(TWO_LENGTHS),
        (None, false) | (Some(Some(0)), false) => Ok(Next::Head),
        (Some(Some(length)), false) => Ok(Next::Body(length)),
        (Some(None), false) | (None, true) => Ok(Next::Unknown),
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Paced<S> {
    /// A socket with a pace, of which these bytes were read already.
    pub fn new(socket: S, before: Bytes, pace: Arc<Pace>) -> Paced<S> {
        Paced { inner: TokioIo::new(socket), before, pace, instead: None, inspector: Inspector::default() }
    }

    /// Says a last word without waiting: whoever sends such things may not read it either.
    fn say(&mut self, cx: &mut Context<'_>, status: StatusCode, detail: &str) {
        let word = raw(status, detail, self.pace.strict);
        let _ = AsyncWrite::poll_write(Pin::new(self.inner.inner_mut()), cx, &word);
        // Without this a client of TLS cannot tell the end of the answer from an attack.
        let _ = AsyncWrite::poll_shutdown(Pin::new(self.inner.inner_mut()), cx);
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
        Some(raw(status, detail, self.pace.strict))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Read for Paced<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        if self.pace.is_late() {
            if self.pace.stage.load(Ordering::Relaxed) == HEAD {
                self.say(cx, StatusCode::REQUEST_TIMEOUT, TOO_SLOW);
            }
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        // hyper's cursor does not tell what a read brought, so it goes through a piece of our own.
        const PIECE: usize = 16 << 10;
        // Not filled with zeros first: that would be written for every read, of which most bring a few hundred bytes.
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        // A byte of a head may become three.
        let room = match self.inspector.next {
            Next::Head => buf.remaining() / 3,
            Next::Body(_) | Next::Unknown => buf.remaining(),
        };
        let room = room.clamp(1, PIECE);
        let mut target = ReadBuf::uninit(piece.get_mut(..room).unwrap_or_default());
        if self.before.is_empty() {
            ready!(AsyncRead::poll_read(Pin::new(self.inner.inner_mut()), cx, &mut target))?;
        } else {
            let now = self.before.len().min(target.remaining());
            target.put_slice(&self.before.split_to(now));
        }
        let bytes = target.filled();
        if !bytes.is_empty() && matches!(self.pace.stage.load(Ordering::Relaxed), NEW | IDLE | ANSWERING) {
            self.pace.enter(HEAD);
        }
        let passed = self.inspector.pass(bytes);
        if self.inspector.next == Next::Unknown {
            self.pace.end();
        }
        match passed {
            Ok(bytes) if bytes.len() <= buf.remaining() => {
                buf.put_slice(&bytes);
                Poll::Ready(Ok(()))
            }
            Ok(_) => Poll::Ready(Err(io::ErrorKind::OutOfMemory.into())),
            Err(why) => {
                self.say(cx, StatusCode::BAD_REQUEST, why);
                Poll::Ready(Err(io::ErrorKind::InvalidData.into()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Paced<S> {
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
        if self.instead.is_some() {
            // hyper drops the connection now. Under TLS an answer without a goodbye may be one that was cut off.
            ready!(Pin::new(&mut self.inner).poll_shutdown(cx))?;
        }
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
        let first = bufs.iter().find(|b| !b.is_empty()).map_or(&[][..], |b| b);
        if self.instead.is_none() {
            self.instead = self.replacement(first).map(|r| (r, 0));
        }
        match self.instead {
            Some(_) => self.poll_write(cx, first),
            None => Pin::new(&mut self.inner).poll_write_vectored(cx, bufs),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pass(pieces: &[&str]) -> Option<String> {
        let mut inspector = Inspector::default();
        let passed: Result<Vec<_>, _> =
            pieces.iter().map(|p| inspector.pass(p.as_bytes()).map(Cow::into_owned)).collect();
        passed.ok().map(|p| String::from_utf8(p.concat()).unwrap())
    }

    #[test]
    fn quotes_are_encoded_in_the_query_and_nowhere_else() {
        let written = "GET /a\"b?f=x+eq+\"y\" HTTP/1.1\r\nETag: \"z\"\r\nContent-Length: 9\r\n\r\n{\"?\":\"a\"}GET /?\" HTTP/1.1\r\n\r\n";
        let meant = "GET /a\"b?f=x+eq+%22y%22 HTTP/1.1\r\nETag: \"z\"\r\nContent-Length: 9\r\n\r\n{\"?\":\"a\"}GET /?%22 HTTP/1.1\r\n\r\n";
        for cut in 0..=written.len() {
            let (one, two) = written.split_at(cut);
            assert_eq!(pass(&[one, two]).as_deref(), Some(meant), "cut at {cut}");
        }
    }

    #[test]
    fn a_bare_line_feed_is_found_in_a_head_and_not_in_a_body() {
        assert!(pass(&["GET / HTTP/1.1\n\r\n"]).is_none());
        assert!(pass(&["GET / HTTP/1.1\r\nA: b\n\r\n"]).is_none());
        assert!(pass(&["POST / HTTP/1.1\r", "\nContent-Length: 3\r\n\r\n", "a\nb"]).is_some());
        assert!(
            pass(&["GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\nA: b\r\n\r\n"]).is_none(),
            "in the second head of one read"
        );
    }

    #[test]
    fn two_lengths_are_one_too_many() {
        for both in
            ["Content-Length: 5\r\nTransfer-Encoding: chunked", "transfer-encoding: chunked\r\nCONTENT-LENGTH: 5"]
        {
            assert!(pass(&[&format!("POST / HTTP/1.1\r\n{both}\r\n\r\n")]).is_none(), "{both}");
        }
        assert!(pass(&["POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"]).is_some());
    }
}
