//! Bodies that are missing, that nobody asked for, and that are larger than they may be or say they are.

use super::{Case, Site, Want, user};

const LIMIT: usize = 2 * 1024 * 1024;

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mine = format!("/scim/v2/Users/{}", site.user);
    let group = format!("/scim/v2/Groups/{}", site.group);
    for (method, target) in [
        ("POST", "/scim/v2/Users"),
        ("POST", "/scim/v2/Groups"),
        ("PUT", mine.as_str()),
        ("PATCH", &mine),
        ("PUT", &group),
        ("PATCH", &group),
    ] {
        cases.push(site.case(format!("no body in {method} {target}"), Want::One(&[400]), method, target, b""));
        cases.push(site.case(
            format!("a blank body in {method} {target}"),
            Want::One(&[400]),
            method,
            target,
            b"  \r\n ",
        ));
    }
    for search in ["/scim/v2/.search", "/scim/v2/Users/.search", "/scim/v2/Groups/.search"] {
        cases.push(site.case(format!("no body in POST {search}"), Want::Any, "POST", search, b""));
    }
    for (method, target) in [
        ("GET", "/scim/v2/Users"),
        ("GET", mine.as_str()),
        ("DELETE", "/scim/v2/Users/no-such-id"),
        ("OPTIONS", "/scim/v2/Users"),
        ("GET", "/scim/v2/Schemas"),
    ] {
        cases.push(site.case(
            format!("a body in {method} {target}"),
            Want::Any,
            method,
            target,
            b"{\"userName\":\"x\"}",
        ));
        cases.push(site.case(format!("garbage in {method} {target}"), Want::Any, method, target, &[0xff; 3000]));
    }
    let post = |headers: &[(&str, &str)], body: &[u8]| raw(site, "POST", "/scim/v2/Users", headers, body);
    let mut add = |what: &str, want: Want, bytes: Vec<u8>| cases.push(Case { what: what.into(), bytes, want });
    for length in [LIMIT + 1, 1 << 40, usize::MAX >> 1] {
        let length = length.to_string();
        add(
            &format!("Content-Length {length} and nothing sent"),
            Want::One(&[413]),
            post(&[("Content-Length", &length)], b""),
        );
    }
    let big = vec![b' '; LIMIT + 4096];
    let length = big.len().to_string();
    add("a body over the limit", Want::One(&[413]), post(&[("Content-Length", &length)], &big));
    add("chunks over the limit", Want::One(&[413]), post(&[("Transfer-Encoding", "chunked")], &chunked(&big, 65_536)));
    let endless = chunked(&big, 1000);
    let endless = &endless[..endless.len() - 5];
    add("chunks without an end over the limit", Want::One(&[413]), post(&[("Transfer-Encoding", "chunked")], endless));
    let body = user("chunked").to_string();
    add(
        "one byte in each chunk",
        Want::One(&[201]),
        post(&[("Transfer-Encoding", "chunked")], &chunked(body.as_bytes(), 1)),
    );
    let inner = user("trailers").to_string();
    let trailers = format!("{:x}\r\n{inner}\r\n0\r\nAuthorization: Bearer x\r\nX-Late: 1\r\n\r\n", inner.len());
    add("trailers", Want::Any, post(&[("Transfer-Encoding", "chunked")], trailers.as_bytes()));
    for (what, chunks) in [
        ("a chunk size that is no number", "zz\r\n{}\r\n0\r\n\r\n"),
        ("a negative chunk size", "-1\r\n{}\r\n0\r\n\r\n"),
        ("a chunk size beyond 64 bit", "ffffffffffffffffff\r\n{}\r\n0\r\n\r\n"),
        ("a chunk longer than it says", "1\r\n{}\r\n0\r\n\r\n"),
        ("no chunk size", "\r\n{}\r\n0\r\n\r\n"),
    ] {
        add(what, Want::Refused, post(&[("Transfer-Encoding", "chunked")], chunks.as_bytes()));
    }
    let zipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    let length = zipped.len().to_string();
    for encoding in ["gzip", "deflate", "br", "identity, gzip", "x"] {
        let headers = [("Content-Length", length.as_str()), ("Content-Encoding", encoding)];
        add(&format!("Content-Encoding {encoding}"), Want::One(&[400, 415]), post(&headers, zipped));
    }
    cases
}

/// A request with the token whose framing headers are the case's own.
pub fn raw(site: &Site, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!(
        "{method} {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: Bearer {}\r\n",
        site.token
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = (text + "\r\n").into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

fn chunked(body: &[u8], size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len() + 16);
    for chunk in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", chunk.len()).as_bytes());
        bytes.extend_from_slice(chunk);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"0\r\n\r\n");
    bytes
}
