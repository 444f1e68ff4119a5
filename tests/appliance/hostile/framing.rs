//! Headers and framing: what makes a proxy and a server see different requests, and what is no request at all.

use super::bodies::raw;
use super::{Case, Site, Want, user};

const NO: Want = Want::One(&[400]);

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    smuggling(site, &mut cases);
    headers(site, &mut cases);
    versions(site, &mut cases);
    garbage(&mut cases);
    cases
}

/// Two readings of where the body ends. The smuggled request would be one for which the caller has no token.
fn smuggling(site: &Site, cases: &mut Vec<Case>) {
    let tail = b"0\r\n\r\nGET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n\r\n";
    let mut add = |what: &str, want, headers: &[(&str, &str)]| {
        cases.push(Case { what: what.into(), bytes: raw(site, "POST", "/scim/v2/Users", headers, tail), want });
    };
    add("Content-Length and Transfer-Encoding", NO, &[("Content-Length", "5"), ("Transfer-Encoding", "chunked")]);
    add("Transfer-Encoding and Content-Length", NO, &[("Transfer-Encoding", "chunked"), ("Content-Length", "5")]);
    add("two lengths", NO, &[("Content-Length", "5"), ("Content-Length", "6")]);
    add("two lengths in one header", NO, &[("Content-Length", "5, 6")]);
    add("the same length twice", Want::Refused, &[("Content-Length", "5"), ("Content-Length", "5")]);
    for length in ["-5", "+5", "5 5", "0x5", "5.0", "", "five", "5,", "99999999999999999999999", "5\t6", "\u{665}"] {
        add(&format!("Content-Length {length:?}"), NO, &[("Content-Length", length)]);
    }
    for coding in [
        "xchunked",
        "chunked, identity",
        "identity",
        "gzip",
        "chunked, chunked",
        "cow",
        "\"chunked\"",
        "chunked;q=1",
        "",
        "chunked\u{b}",
        "gzip, chunked",
    ] {
        add(&format!("Transfer-Encoding {coding:?}"), Want::Refused, &[("Transfer-Encoding", coding)]);
    }
    add(
        "two Transfer-Encodings",
        Want::Refused,
        &[("Transfer-Encoding", "chunked"), ("Transfer-Encoding", "identity")],
    );
    add(
        "Transfer-Encoding with a blank before the colon",
        NO,
        &[("Transfer-Encoding ", "chunked"), ("Content-Length", "5")],
    );
    add("Content-Length with a blank before the colon", NO, &[("Content-Length ", "5")]);
    add("Content-Length with a tab before the colon", NO, &[("Content-Length\t", "5")]);
    add("a blank before the name", NO, &[(" Content-Length", "5")]);
    add("a folded header", NO, &[("X-Folded", "a\r\n b"), ("Content-Length", "5")]);
    add("a folded header with a tab", NO, &[("X-Folded", "a\r\n\tContent-Length: 5")]);
    add("a bare carriage return in a value", NO, &[("X-Odd", "a\rb"), ("Content-Length", "5")]);
    add("a bare line feed in a value", NO, &[("X-Odd", "a\nContent-Length: 5")]);
    add("a NUL in a value", NO, &[("X-Odd", "a\0b"), ("Content-Length", "5")]);
    add("a NUL in a name", NO, &[("X-\0", "a"), ("Content-Length", "5")]);
    add("a blank in a name", NO, &[("X Odd", "a"), ("Content-Length", "5")]);
    add("an empty name", NO, &[("", "a"), ("Content-Length", "5")]);
    add("a name beyond ASCII", NO, &[("X-Ü", "a"), ("Content-Length", "5")]);
    let token = &site.token;
    for (what, bytes) in [
        ("line feeds alone", format!("GET /scim/v2/Users HTTP/1.1\nHost: x\nAuthorization: Bearer {token}\n\n")),
        (
            "one line feed alone",
            format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\nAuthorization: Bearer {token}\r\n\r\n"),
        ),
        (
            "a line feed alone at the end",
            format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\n"),
        ),
        (
            "a header without a colon",
            format!("GET /scim/v2/Users HTTP/1.1\r\nHost x\r\nAuthorization: Bearer {token}\r\n\r\n"),
        ),
        ("carriage returns alone", "GET /scim/v2/Users HTTP/1.1\rHost: x\r\r\n\r\n".to_owned()),
    ] {
        cases.push(Case { what: what.into(), bytes: bytes.into_bytes(), want: NO });
    }
}

fn headers(site: &Site, cases: &mut Vec<Case>) {
    let mut get = |what: String, want, headers: &[(&str, &str)]| {
        cases.push(Case { what, bytes: site.request("GET", "/scim/v2/Users?count=1", headers, b""), want });
    };
    get("a header of 8 kB".into(), Want::One(&[200]), &[("X-Long", &"a".repeat(8_192))]);
    for size in [17_000, 64_000, 1_000_000] {
        get(format!("a header of {size} bytes"), Want::One(&[431]), &[("X-Long", &"a".repeat(size))]);
        get(format!("a name of {size} bytes"), Want::Refused, &[(&"a".repeat(size), "x")]);
    }
    let many: Vec<(String, String)> = (0..20).map(|i| (format!("X-{i}"), "a".repeat(850))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    get("17 kB in 20 headers".into(), Want::One(&[431]), &many);
    for count in [101, 200, 1000] {
        get(format!("{count} headers more"), Want::One(&[400, 431]), &vec![("X", "y"); count]);
    }
    for (name, value) in [
        ("Accept", "text/html"),
        ("Accept", "*/*;q=0"),
        ("Accept", "garbage"),
        ("Accept", ""),
        ("Accept-Encoding", "gzip;q=1.0, *;q=0"),
        ("Accept-Charset", "utf-7"),
        ("Host", "attacker.example"),
        ("Host", ""),
        ("Host", "a b"),
        ("X-Forwarded-Host", "attacker.example"),
        ("Forwarded", "host=attacker.example;proto=javascript"),
        ("Range", "bytes=0-1"),
        ("If-Match", "\"x\""),
        ("If-None-Match", "*"),
        ("If-Modified-Since", "garbage"),
        ("Upgrade", "h2c"),
        ("Upgrade", "websocket"),
        ("Connection", "upgrade, x"),
        ("Connection", "Authorization"),
        ("Expect", "100-continue"),
        ("Expect", "200-ok"),
        ("User-Agent", "\u{1b}[31mred"),
        ("User-Agent", "%s%s%n"),
        ("X-Request-Id", "a\u{1b}[2Jb"),
        ("X-Request-Id", "' OR 1=1"),
        ("TE", "trailers"),
        ("Max-Forwards", "0"),
        ("Cookie", "a=b; a=c"),
        ("X-Tab", "a\tb"),
        ("X-Bytes", "\u{ff}"),
        ("HTTP2-Settings", "AAMAAABkAAQAAP__"),
    ] {
        get(format!("{name}: {value:?}"), Want::Any, &[(name, value)]);
    }
    let body = |name: &str| user(name).to_string();
    for (i, kind) in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "application/json;",
        "application/json; charset",
        "garbage",
        "",
        "application/scim+json; charset=\"utf-8",
        "*/*",
        "application/json, application/scim+json",
        "image/png",
    ]
    .into_iter()
    .enumerate()
    {
        let body = body(&format!("kind{i}"));
        let bytes = site.request("POST", "/scim/v2/Users", &[("Content-Type", kind)], body.as_bytes());
        cases.push(Case { what: format!("Content-Type {kind:?}"), bytes, want: Want::Any });
    }
    for (i, expect) in ["100-continue", "100-Continue", "something-else"].into_iter().enumerate() {
        let body = body(&format!("expect{i}"));
        let bytes = site.request("POST", "/scim/v2/Users", &[("Expect", expect)], body.as_bytes());
        cases.push(Case { what: format!("Expect {expect} with a body"), bytes, want: Want::Any });
    }
}

fn versions(site: &Site, cases: &mut Vec<Case>) {
    for version in [
        "HTTP/1.0",
        "HTTP/0.9",
        "HTTP/1.2",
        "HTTP/2.0",
        "HTTP/2",
        "HTTP/9.9",
        "HTTP/1.1.1",
        "http/1.1",
        "HTTQ/1.1",
        "HTTP/1,1",
        "HTTP/",
        "ICY",
    ] {
        let text =
            format!("GET /scim/v2/Users?count=1 {version}\r\nHost: x\r\nAuthorization: Bearer {}\r\n\r\n", site.token);
        let want = if version == "HTTP/1.0" { Want::One(&[200]) } else { Want::Refused };
        cases.push(Case { what: format!("the version {version}"), bytes: text.into_bytes(), want });
    }
    let no_host = format!("GET /scim/v2/Users?count=1 HTTP/1.1\r\nAuthorization: Bearer {}\r\n\r\n", site.token);
    cases.push(Case { what: "no Host".into(), bytes: no_host.into_bytes(), want: Want::One(&[400]) });
    for hosts in ["Host: a\r\nHost: b", "Host: a\r\nHost: a", "Host: a b", "Host: a,b"] {
        let text =
            format!("GET /scim/v2/Users?count=1 HTTP/1.1\r\n{hosts}\r\nAuthorization: Bearer {}\r\n\r\n", site.token);
        cases.push(Case { what: format!("the hosts {hosts:?}"), bytes: text.into_bytes(), want: Want::One(&[400]) });
    }
    let old = "POST /scim/v2/Users HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    cases.push(Case { what: "chunks in HTTP/1.0".into(), bytes: old.into(), want: Want::Refused });
}

/// What is no HTTP/1 is still answered as if somebody could read it.
fn garbage(cases: &mut Vec<Case>) {
    let mut add =
        |what: &str, bytes: &[u8]| cases.push(Case { what: what.into(), bytes: bytes.to_vec(), want: Want::Refused });
    add("what is almost the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\rx\x00\x00\x00\x04\x00\x00\x00\x00\x00");
    add("the first half of that preface as a request", b"PRI * HTTP/2.0\r\n\r\n\r\n");
    add("another version with its method", b"PRI * HTTP/1.1\r\nHost: x\r\n\r\n");
    add("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcdefghijklmnopqrstuvwxyz\r\n\r\n");
    add("an SSH greeting", b"SSH-2.0-OpenSSH_9.2\r\n\r\n");
    add("a mail greeting", b"EHLO example.com\r\n\r\n");
    add("a request line of one word", b"GET\r\n\r\n");
    add("a request line without a version", b"GET /\r\n\r\n");
    add("a request line of four words", b"GET / HTTP/1.1 extra\r\nHost: x\r\n\r\n");
    add("an empty target", b"GET  HTTP/1.1\r\nHost: x\r\n\r\n");
    add("a blank in front", b" GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    add("tabs between the words", b"GET\t/\tHTTP/1.1\r\nHost: x\r\n\r\n");
    add("a NUL in the method", b"G\0T / HTTP/1.1\r\nHost: x\r\n\r\n");
    add("a NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n");
    add("bytes beyond ASCII in the target", b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n");
    add("bytes beyond ASCII in the method", b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n");
    add("zeros", &[0; 64]);
    add("bytes without an order", &(0..=255).rev().collect::<Vec<u8>>());
    add("an answer", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    add("JSON", b"{\"userName\":\"x\"}\r\n\r\n");
    add("100 kB of one letter", &[b'A'; 100_000]);
}

/// An answer that is given before the body is read must reach a client that sends all of it first.
#[test]
fn an_early_answer_to_a_large_body_arrives() {
    use std::io::{Read, Write};

    let appliance = crate::support::Appliance::start();
    let body = vec![b' '; 6 << 20];
    for (target, token, status) in
        [("POST /scim/v2/Users", "wrong", 401), ("POST /scim/v2/nope", appliance.token.as_str(), 404)]
    {
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
        stream.set_read_timeout(Some(crate::wire::PATIENCE)).unwrap();
        let length = body.len();
        let head = format!(
            "{target} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&body).unwrap_or_else(|e| panic!("{target}: {e}"));
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target}: {answer}");
    }
}

/// After a request whose end is in doubt nothing more is read: what follows would be the second half of a trick.
#[test]
fn a_connection_is_closed_after_a_request_whose_end_is_in_doubt() {
    use std::io::{Read, Write};

    let appliance = crate::support::Appliance::start();
    let bearer = format!("Authorization: Bearer {}", appliance.token);
    let second = format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n{bearer}\r\n\r\n");
    for framing in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: xchunked",
        "Content-Length : 5",
        "Content-Length: 5\n",
    ] {
        let request =
            format!("POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\n{bearer}\r\n{framing}\r\n\r\n0\r\n\r\n{second}");
        let mut stream = std::net::TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
        stream.set_read_timeout(Some(crate::wire::PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A reset ends the connection as well as anything.
        if let Err(e) = stream.read_to_end(&mut answer) {
            assert_eq!(e.kind(), std::io::ErrorKind::ConnectionReset, "{framing}: still open");
        }
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{framing}: {answer}");
        assert!(answer.starts_with("HTTP/1.1 400"), "{framing}: {answer}");
    }
}
