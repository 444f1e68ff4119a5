//! Bytes to the server, and its answer: a client that has no opinion about what is sent, and one connection for each
//! request, so that many threads can use it at once.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::Answer;
use crate::support::http::request;

/// How long the server may take for one request. Far more than any needs on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// A correct request on a connection of its own.
pub fn plain(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    request(method, target, "close", headers, (!body.is_empty()).then_some(body))
}

/// A client with a token. Paths count from `/scim/v2`.
#[derive(Debug, Clone)]
pub struct Client {
    pub port: u16,
    pub token: String,
}

impl Client {
    /// Sends a request. Errors as [`exchange`].
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        let bearer = format!("Bearer {}", self.token);
        let mut headers = vec![("Authorization", bearer.as_str())];
        let body = body.map(Value::to_string).unwrap_or_default();
        if !body.is_empty() {
            headers.push(("Content-Type", "application/scim+json"));
        }
        exchange(self.port, &plain(method, &format!("/scim/v2{path}"), &headers, body.as_bytes()), PATIENCE)
    }

    pub fn get(&self, path: &str) -> Result<Answer, String> {
        self.ask("GET", path, None)
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.ask("POST", path, Some(body))
    }

    pub fn put(&self, path: &str, body: &Value) -> Result<Answer, String> {
        self.ask("PUT", path, Some(body))
    }

    pub fn delete(&self, path: &str) -> Result<Answer, String> {
        self.ask("DELETE", path, None)
    }

    /// A PATCH with these operations.
    pub fn patch(&self, path: &str, operations: &Value) -> Result<Answer, String> {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.ask("PATCH", path, Some(&body))
    }
}

/// Sends the bytes on a connection of their own and reads the first final answer.
///
/// Errors: a connection that is closed without an answer, an answer that is no HTTP, and silence.
pub fn exchange(port: u16, bytes: &[u8], patience: Duration) -> Result<Answer, String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).map_err(|e| format!("cannot connect: {e}"))?;
    let mut writer = stream.try_clone().map_err(|e| e.to_string())?;
    std::thread::scope(|scope| {
        // The server may answer, and close, before it has read everything: a failure to write says nothing.
        let writing = scope.spawn(move || writer.write_all(bytes).is_ok());
        let answer = read(&mut stream, bytes.starts_with(b"HEAD "), Instant::now() + patience);
        let _ = stream.shutdown(Shutdown::Both);
        let _ = writing.join();
        answer
    })
}

fn read(stream: &mut TcpStream, bodiless: bool, until: Instant) -> Result<Answer, String> {
    let mut got = Vec::new();
    let mut piece = [0; 16 * 1024];
    loop {
        if let Some(answer) = parse(&got, bodiless)? {
            return Ok(answer);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(format!("no answer in time, only {:?}", String::from_utf8_lossy(&got)));
        }
        stream.set_read_timeout(Some(left)).map_err(|e| e.to_string())?;
        match stream.read(&mut piece) {
            Ok(0) => return Err(format!("closed without a whole answer, after {:?}", String::from_utf8_lossy(&got))),
            Ok(n) => got.extend_from_slice(&piece[..n]),
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(e) => return Err(format!("{e}, after {:?}", String::from_utf8_lossy(&got))),
        }
    }
}

/// The first answer that is not an interim one (1xx), once all of it is there.
fn parse(got: &[u8], bodiless: bool) -> Result<Option<Answer>, String> {
    let Some(end) = got.windows(4).position(|w| w == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(&got[..end]).map_err(|e| format!("the head is not text: {e}"))?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first.strip_prefix("HTTP/1.1 ").or_else(|| first.strip_prefix("HTTP/1.0 "));
    let status: u16 =
        status.and_then(|s| s.get(..3)?.parse().ok()).ok_or_else(|| format!("the answer begins with {first:?}"))?;
    let rest = &got[end + 4..];
    if (100..200).contains(&status) {
        return parse(rest, bodiless);
    }
    let headers: Vec<(String, String)> =
        lines.map(|l| l.split_once(':').unwrap_or((l, ""))).map(|(n, v)| (n.to_owned(), v.trim().to_owned())).collect();
    let answer = Answer { status, headers, body: String::new() };
    let length = match answer.header("content-length") {
        _ if bodiless || matches!(status, 204 | 304) => 0,
        Some(length) => length.parse::<usize>().map_err(|e| format!("Content-Length {length:?}: {e}"))?,
        None => return Err(format!("an answer without Content-Length: {head}")),
    };
    let Some(body) = rest.get(..length) else { return Ok(None) };
    let body = String::from_utf8(body.to_vec()).map_err(|e| format!("the body is not text: {e}"))?;
    Ok(Some(Answer { body, ..answer }))
}
