//! Where a connection of HTTP/2 stands: what a connection of HTTP/1 has its `pace` for.

use std::collections::BTreeMap;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::OwnedSemaphorePermit;

use super::pace::Deadlines;

/// No time.
const NEVER: u64 = u64::MAX;

/// Shared by the socket, the requests and the loop of a connection.
pub struct Flow {
    start: Instant,
    deadlines: Deadlines,
    /// Since when a head is being read, in milliseconds since the start.
    head: AtomicU64,
    streams: Mutex<Streams>,
}

struct Streams {
    /// Requests that are under way, up to the last portion of their answers.
    open: u64,
    /// When there was last nothing to do.
    idle: u64,
    /// No request has come yet.
    new: bool,
    next: u64,
    /// Answers that wait to be taken: since when, in the order in which they began to wait.
    answers: BTreeMap<u64, u64>,
}

impl Flow {
    /// A new connection.
    pub fn new(deadlines: Deadlines) -> Arc<Flow> {
        let streams = Streams { open: 0, idle: 0, new: true, next: 0, answers: BTreeMap::new() };
        Arc::new(Flow { start: Instant::now(), deadlines, head: AtomicU64::new(NEVER), streams: Mutex::new(streams) })
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    fn streams(&self) -> MutexGuard<'_, Streams> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn over(&self, since: u64, limit: Duration) -> bool {
        since != NEVER && Duration::from_millis(self.now().saturating_sub(since)) >= limit
    }

    /// A request is there.
    pub fn enter(self: &Arc<Flow>) -> Turn {
        let mut streams = self.streams();
        (streams.open, streams.new, streams.next) = (streams.open + 1, false, streams.next + 1);
        Turn { flow: self.clone(), number: streams.next }
    }

    /// Nothing is under way: closing now loses nothing.
    pub fn is_idle(&self) -> bool {
        self.streams().open == 0
    }

    /// Nothing has been under way for so long that the connection is not kept.
    pub fn is_left_alone(&self) -> bool {
        let streams = self.streams();
        streams.open == 0 && !streams.new && self.over(streams.idle, self.deadlines.keep_alive)
    }

    /// A head or an answer takes too long, or the first request.
    pub fn is_late(&self) -> bool {
        let streams = self.streams();
        let answer = streams.answers.values().next().copied().unwrap_or(NEVER);
        (streams.new && self.over(0, self.deadlines.head))
            || self.over(self.head.load(Ordering::Relaxed), self.deadlines.head)
            || self.over(answer, self.deadlines.answer)
    }
}

/// One request. It is over when this is dropped.
pub struct Turn {
    flow: Arc<Flow>,
    number: u64,
}

impl Turn {
    /// Its answer is on its way.
    pub fn answering(&self) {
        let now = self.flow.now();
        self.flow.streams().answers.insert(self.number, now);
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let now = self.flow.now();
        let mut streams = self.flow.streams();
        streams.answers.remove(&self.number);
        (streams.open, streams.idle) = (streams.open.saturating_sub(1), now);
    }
}

/// The body of an answer in portions. hyper asks for one when the client has room for it, so that the last one is gone
/// when the client has taken the others; a whole body would leave our hands at once and wait where nobody sees it.
pub struct Portions<B> {
    body: B,
    left: Bytes,
    _turn: Turn,
    _place: Option<OwnedSemaphorePermit>,
}

impl<B> Portions<B> {
    const SIZE: usize = 16 << 10;

    /// An answer, as part of its request, with the place that it takes.
    pub fn new(body: B, turn: Turn, place: Option<OwnedSemaphorePermit>) -> Portions<B> {
        Portions { body, left: Bytes::new(), _turn: turn, _place: place }
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for Portions<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left.is_empty() {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            match frame.map(|f| f.map(Frame::into_data)) {
                Some(Ok(Ok(data))) => self.left = data,
                Some(Ok(Err(other))) => return Poll::Ready(Some(Ok(other))),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                None => return Poll::Ready(None),
            }
        }
        let size = self.left.len().min(Portions::<B>::SIZE);
        Poll::Ready(Some(Ok(Frame::data(self.left.split_to(size)))))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (inner, left) = (self.body.size_hint(), self.left.len() as u64);
        let mut hint = SizeHint::new();
        hint.set_lower(inner.lower().saturating_add(left));
        if let Some(upper) = inner.upper() {
            hint.set_upper(upper.saturating_add(left));
        }
        hint
    }
}

/// The socket. It looks at the frames that come in, to know when a head begins and ends.
pub struct Watched<S> {
    inner: TokioIo<S>,
    before: Bytes,
    flow: Arc<Flow>,
    frames: Frames,
}

impl<S> Watched<S> {
    /// A socket of which these bytes were read already.
    pub fn new(socket: S, before: Bytes, flow: Arc<Flow>) -> Watched<S> {
        Watched { inner: TokioIo::new(socket), before, flow, frames: Frames::default() }
    }
}

/// The bytes of the client: a preface, then frames of 9 bytes and what they announce (RFC 9113 §3.4, §4.1).
#[derive(Default)]
struct Frames {
    /// Bytes of the preface that were seen.
    preface: usize,
    /// The beginning of a frame.
    begun: Vec<u8>,
    /// Bytes of the frame that are to come.
    left: usize,
    /// A head has begun, and the frame that ends it is not complete.
    in_head: bool,
    /// The present frame ends the head.
    ends_head: bool,
    /// Heads that have begun.
    heads: u64,
}

impl Frames {
    const BEGINNING: usize = 9;
    const HEADERS: u8 = 1;
    const CONTINUATION: u8 = 9;
    const END_HEADERS: u8 = 4;

    /// Is a head being read after these bytes?
    fn pass(&mut self, bytes: &[u8]) -> bool {
        let preface = (super::opening::PREFACE.len() - self.preface).min(bytes.len());
        self.preface += preface;
        let mut bytes = bytes.get(preface..).unwrap_or_default();
        while !bytes.is_empty() {
            let taken = if self.left > 0 { self.left } else { Frames::BEGINNING - self.begun.len() }.min(bytes.len());
            let (part, rest) = bytes.split_at_checked(taken).unwrap_or((bytes, &[]));
            bytes = rest;
            if self.left > 0 {
                self.left -= taken;
            } else {
                self.begun.extend_from_slice(part);
                self.begin();
            }
            if self.left == 0 && self.begun.is_empty() && self.ends_head {
                (self.in_head, self.ends_head) = (false, false);
            }
        }
        self.in_head
    }

    fn begin(&mut self) {
        let [high, middle, low, kind, flags, ..] = *self.begun.as_slice() else { return };
        if self.begun.len() < Frames::BEGINNING {
            return;
        }
        self.begun.clear();
        self.left = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        if matches!(kind, Frames::HEADERS | Frames::CONTINUATION) {
            self.heads += u64::from(!self.in_head);
            (self.in_head, self.ends_head) = (true, flags & Frames::END_HEADERS != 0);
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Read for Watched<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, mut buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        const PIECE: usize = 16 << 10;
        // Not filled with zeros first: that would be written for every read, of which most bring a few hundred bytes.
        let mut piece = [const { MaybeUninit::uninit() }; PIECE];
        let room = buf.remaining().min(PIECE);
        let mut target = ReadBuf::uninit(piece.get_mut(..room).unwrap_or_default());
        if self.before.is_empty() {
            ready!(AsyncRead::poll_read(Pin::new(self.inner.inner_mut()), cx, &mut target))?;
        } else {
            let now = self.before.len().min(room);
            target.put_slice(&self.before.split_to(now));
        }
        let heads = self.frames.heads;
        let in_head = self.frames.pass(target.filled());
        // One head may end and the next begin in the same read: that one has all its time before it.
        match (in_head, self.frames.heads != heads) {
            (true, true) => self.flow.head.store(self.flow.now(), Ordering::Relaxed),
            (true, false) => {}
            (false, _) => self.flow.head.store(NEVER, Ordering::Relaxed),
        }
        buf.put_slice(target.filled());
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
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
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
        let length = u8::try_from(payload.len()).unwrap();
        [&[0, 0, length, kind, flags, 0, 0, 0, 1], payload].concat()
    }

    #[test]
    fn a_head_is_seen_to_begin_and_to_end_however_the_bytes_are_cut() {
        let begun = [super::super::opening::PREFACE, &frame(4, 0, b"settings"), &frame(1, 0, b"head")].concat();
        let ended = [frame(9, 0, b"more"), frame(9, 4, b"the end")].concat();
        let after = frame(0, 1, &[1, 0, 0, 0, 0, 9, 9]);
        for step in [1, 2, 3, 7, 9, 10, 64, 1000] {
            let mut frames = Frames::default();
            let mut pass = |bytes: &[u8]| bytes.chunks(step).map(|c| frames.pass(c)).last();
            assert_eq!(pass(&begun), Some(true), "steps of {step}");
            assert_eq!(pass(&ended[..ended.len() - 1]), Some(true), "steps of {step}");
            assert_eq!(pass(&ended[ended.len() - 1..]), Some(false), "steps of {step}");
            assert_eq!(pass(&after), Some(false), "steps of {step}");
            assert_eq!(pass(&frame(1, 4, b"")), Some(false), "an empty head, in steps of {step}");
        }
    }

    /// Whoever sends heads without a pause is not late with any of them.
    #[tokio::test]
    async fn the_next_head_has_its_own_time() {
        let second = Duration::from_secs(1);
        let flow = Flow::new(Deadlines { head: second, keep_alive: second, answer: second });
        let (mut client, server) = tokio::io::duplex(1024);
        let mut watched = TokioIo::new(Watched::new(server, Bytes::new(), flow.clone()));
        let half = frame(1, 0, b"head");
        let end = frame(9, 4, b"end");
        client.write_all(&[super::super::opening::PREFACE, &half].concat()).await.unwrap();
        let mut buffer = [0; 1024];
        assert!(watched.read(&mut buffer).await.unwrap() > 0);
        let first = flow.head.load(Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(20)).await;
        client.write_all(&[end, half.clone()].concat()).await.unwrap();
        assert!(watched.read(&mut buffer).await.unwrap() > 0);
        let second = flow.head.load(Ordering::Relaxed);
        assert!(second != NEVER && second >= first + 20, "{first}, {second}");
        client.write_all(&frame(9, 0, b"more")).await.unwrap();
        assert!(watched.read(&mut buffer).await.unwrap() > 0);
        assert_eq!(flow.head.load(Ordering::Relaxed), second, "the same head goes on");
    }

    #[test]
    fn lateness_has_four_faces() {
        let second = Duration::from_secs(1);
        let flow =
            |head: Duration, keep_alive: Duration, answer: Duration| Flow::new(Deadlines { head, keep_alive, answer });
        let none = Duration::ZERO;
        assert!(flow(none, second, second).is_late(), "no first request");
        let quiet = flow(second, none, second);
        drop(quiet.enter());
        assert!(quiet.is_left_alone() && !quiet.is_late());
        let slow = flow(second, none, none);
        let turn = slow.enter();
        assert!(!slow.is_late() && !slow.is_left_alone() && !slow.is_idle());
        turn.answering();
        assert!(slow.is_late(), "an answer that nobody takes");
        drop(turn);
        assert!(!slow.is_late() && slow.is_idle());
        let head = flow(none, second, second);
        drop(head.enter());
        assert!(!head.is_late());
        head.head.store(0, Ordering::Relaxed);
        assert!(head.is_late(), "half a head");
    }
}
