//! A blocking HTTP/1.1 client that adds nothing of its own to a request but what makes it one.

use std::io::{Error, ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// An answer, taken apart.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Answer {
    /// The first header of this name, in any letter case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.as_str())
    }

    /// The body; null when there is none.
    pub fn json(&self) -> Value {
        match self.body.is_empty() {
            true => Value::Null,
            false => {
                serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("the body is no JSON ({e}): {}", self.body))
            }
        }
    }
}

/// A connection that can be used again while the server keeps it open.
pub struct Connection<S = TcpStream> {
    stream: S,
    /// Bytes that came behind the last answer.
    got: Vec<u8>,
}

impl Connection {
    /// Connects to a port of this machine.
    pub fn open(port: u16) -> Result<Connection> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection::over(stream))
    }
}

impl<S: Read + Write> Connection<S> {
    /// Over what carries bytes both ways.
    pub fn over(stream: S) -> Connection<S> {
        Connection { stream, got: Vec::new() }
    }

    /// Sends a request and keeps the connection. Host, Connection and Content-Length are added.
    pub fn send(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: Option<&[u8]>,
    ) -> Result<Answer> {
        self.raw(&request(method, target, "keep-alive", headers, body))
    }

    /// Sends bytes as they are and reads one answer.
    pub fn raw(&mut self, bytes: &[u8]) -> Result<Answer> {
        // A server may refuse a request before it has read all of it; then the answer counts, not the broken pipe.
        let sent = self.stream.write_all(bytes);
        match self.answer(bytes.starts_with(b"HEAD ")) {
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => sent.and(Err(e)),
            other => other,
        }
    }

    fn answer(&mut self, bodiless: bool) -> Result<Answer> {
        loop {
            let end = loop {
                match self.got.windows(4).position(|w| w == b"\r\n\r\n") {
                    Some(at) => break at,
                    None => self.more()?,
                }
            };
            let head: Vec<u8> = self.got.drain(..end + 4).collect();
            let (status, headers) = head_of(&head[..end])?;
            if (100..200).contains(&status) {
                continue;
            }
            let mut answer = Answer { status, headers, body: String::new() };
            if bodiless || matches!(status, 204 | 304) {
                return Ok(answer);
            }
            let body = match answer.header("content-length").map(str::parse::<usize>) {
                Some(Ok(length)) => {
                    while self.got.len() < length {
                        self.more()?;
                    }
                    self.got.drain(..length).collect()
                }
                Some(Err(_)) => return Err(odd("Content-Length is no number")),
                None => {
                    self.stream.read_to_end(&mut self.got)?;
                    std::mem::take(&mut self.got)
                }
            };
            answer.body = String::from_utf8(body).map_err(|_| odd("the body is not UTF-8"))?;
            return Ok(answer);
        }
    }

    fn more(&mut self) -> Result<()> {
        let mut part = [0; 16 * 1024];
        match self.stream.read(&mut part)? {
            0 => {
                Err(Error::new(ErrorKind::UnexpectedEof, "the server closed the connection in the middle of an answer"))
            }
            n => {
                self.got.extend_from_slice(&part[..n]);
                Ok(())
            }
        }
    }
}

/// The bytes of a request. A method that usually has a body says `Content-Length: 0` when it has none.
pub fn request(method: &str, target: &str, connection: &str, headers: &[(&str, &str)], body: Option<&[u8]>) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: {connection}\r\n");
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if body.is_some() || matches!(method, "POST" | "PUT" | "PATCH") {
        text.push_str(&format!("Content-Length: {}\r\n", body.map_or(0, <[u8]>::len)));
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body.unwrap_or_default());
    bytes
}

fn head_of(head: &[u8]) -> Result<(u16, Vec<(String, String)>)> {
    let head = std::str::from_utf8(head).map_err(|_| odd("the headers are not UTF-8"))?;
    let mut lines = head.split("\r\n");
    let status =
        lines.next().and_then(|l| l.strip_prefix("HTTP/1.1 ")).and_then(|l| l.get(..3)).and_then(|s| s.parse().ok());
    let mut headers = Vec::new();
    for line in lines {
        let (name, value) = line.split_once(':').ok_or_else(|| odd("a header has no colon"))?;
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
    Ok((status.ok_or_else(|| odd("there is no status line"))?, headers))
}

fn odd(why: &str) -> Error {
    Error::new(ErrorKind::InvalidData, why)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A server that says the same whatever it is asked, and closes.
    fn answered(said: &'static str, method: &str) -> Result<Answer> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut part = [0; 1024];
            let _ = stream.read(&mut part).unwrap();
            stream.write_all(said.as_bytes()).unwrap();
        });
        let answer = Connection::open(port)?.send(method, "/", &[("X-A", "b")], None);
        server.join().unwrap();
        answer
    }

    #[test]
    fn bodies_end_where_the_head_says() {
        let answer = answered("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\n{}garbage", "GET").unwrap();
        assert_eq!((answer.status, answer.body.as_str(), answer.header("x-a")), (200, "{}", Some("b")));
        assert_eq!(answered("HTTP/1.1 200 OK\r\n\r\nall of it", "GET").unwrap().body, "all of it");
        assert_eq!(answered("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", "HEAD").unwrap().body, "");
        assert_eq!(answered("HTTP/1.1 204 No Content\r\n\r\n", "DELETE").unwrap().json(), Value::Null);
        let skipped =
            answered("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", "POST");
        assert_eq!(skipped.unwrap().status, 201);
    }

    #[test]
    fn what_is_no_whole_answer_is_an_error() {
        for said in [
            "",
            "HTTP/1.1 200",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}",
            "SMTP 200\r\n\r\n",
            "HTTP/1.1 200 OK\r\nodd\r\n\r\n",
        ] {
            assert!(answered(said, "GET").is_err(), "{said:?}");
        }
    }
}
