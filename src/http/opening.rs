//! The first bytes of a connection: do they open HTTP/2, of which the client knows that we speak it (RFC 9113 §3.3)?

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// With this a client opens HTTP/2 (RFC 9113 §3.4). No request of HTTP/1 begins so.
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What a connection begins with.
pub struct Opening {
    /// The bytes.
    pub bytes: Bytes,
    /// They are the preface, all of it.
    pub is_http2: bool,
}

/// Reads until it is clear which version is spoken; that is the first byte for most clients.
///
/// `so_far` holds what was read, also when this future is dropped halfway. A connection that ends or breaks says
/// whatever it says; the next read will find out.
pub async fn opening<S: AsyncRead + Unpin>(socket: &mut S, so_far: &mut BytesMut) -> Opening {
    const FIRST: usize = 4 << 10;
    so_far.reserve(FIRST);
    loop {
        let read = socket.read_buf(so_far).await.unwrap_or(0);
        let same = so_far.iter().zip(PREFACE).take_while(|(a, b)| a == b).count();
        let is_http2 = same == PREFACE.len();
        if is_http2 || same < so_far.len() || read == 0 {
            return Opening { bytes: so_far.split().freeze(), is_http2 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(bytes: &[u8]) -> Opening {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(opening(&mut &bytes[..], &mut BytesMut::new()))
    }

    #[test]
    fn only_the_whole_preface_opens_http2() {
        let more = [PREFACE, b"\0\0\0"].concat();
        for bytes in [PREFACE, &more] {
            let opening = opened(bytes);
            assert!(opening.is_http2 && opening.bytes == bytes);
        }
        for cut in 0..PREFACE.len() {
            let opening = opened(&PREFACE[..cut]);
            assert!(!opening.is_http2 && opening.bytes == PREFACE[..cut], "cut at {cut}");
            let other = [&PREFACE[..cut], b"x"].concat();
            let opening = opened(&other);
            assert!(!opening.is_http2 && opening.bytes == other, "another byte at {cut}");
        }
    }
}
