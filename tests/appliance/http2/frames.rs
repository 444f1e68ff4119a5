//! Frames as bytes (RFC 9113 §4.1), for clients that h2 would not be.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::wire::PATIENCE;

pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
pub const DATA: u8 = 0;
pub const HEADERS: u8 = 1;
pub const RST_STREAM: u8 = 3;
pub const SETTINGS: u8 = 4;
pub const PING: u8 = 6;
pub const GOAWAY: u8 = 7;
pub const END_STREAM: u8 = 1;
pub const END_HEADERS: u8 = 4;

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// A head without compression (RFC 7541 §6.2.2), so that nothing is put right on the way.
pub fn head(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            integer(text.len(), &mut block);
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}

/// A length of seven bits and what does not fit into them (RFC 7541 §5.1).
fn integer(value: usize, block: &mut Vec<u8>) {
    if value < 127 {
        return block.push(u8::try_from(value).unwrap());
    }
    block.push(127);
    let mut rest = value - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// What a client begins with.
pub fn opening() -> Vec<u8> {
    [PREFACE, &frame(SETTINGS, 0, 0, &[])].concat()
}

/// What the server sent: type, stream and payload.
#[derive(Debug)]
pub struct Frame {
    pub kind: u8,
    pub stream: u32,
    pub payload: Vec<u8>,
}

/// A connection that sends what it is told.
pub struct Raw(pub TcpStream);

impl Raw {
    pub fn open(port: u16) -> Raw {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
        Raw(stream)
    }

    /// A server that has had enough does not read everything.
    pub fn say(&mut self, bytes: &[u8]) {
        let _ = self.0.write_all(bytes);
    }

    /// The next frame; `None` when the server has closed.
    pub fn next(&mut self) -> Option<Frame> {
        let mut beginning = [0; 9];
        match self.0.read_exact(&mut beginning) {
            Ok(()) => {}
            Err(e) if e.kind() == std::io::ErrorKind::WouldBlock => panic!("silence, and the connection is open"),
            Err(_) => return None,
        }
        let [a, b, c, kind, _, s, t, u, v] = beginning;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap()];
        self.0.read_exact(&mut payload).ok()?;
        Some(Frame { kind, stream: u32::from_be_bytes([s & 127, t, u, v]), payload })
    }

    /// All frames up to the end of the connection.
    pub fn rest(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.next()).collect()
    }

    /// The first frame of a type.
    pub fn until(&mut self, kind: u8) -> Frame {
        std::iter::from_fn(|| self.next()).find(|f| f.kind == kind).unwrap_or_else(|| panic!("no frame {kind}"))
    }
}

/// The error code of a RST_STREAM or GOAWAY.
pub fn code(frame: &Frame) -> u32 {
    let at = if frame.kind == GOAWAY { 4 } else { 0 };
    u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap())
}
