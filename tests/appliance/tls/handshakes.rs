//! The handshake: which versions, what is spoken behind it, and who does not come to its end.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustls::ProtocolVersion;
use rustls::version::{TLS12, TLS13};
use serde_json::json;

use super::client::Client;
use super::{Site, made, until};
use crate::hostile::is_scim_error;
use crate::served::Served;
use crate::support::http::Connection;
use crate::wire::{PATIENCE, exchange, plain};

#[test]
fn both_versions_of_tls_carry_both_versions_of_http() {
    let made = made();
    let site = Site::given(&made, "");
    let token = site.place.provisioned();
    let server = site.start();
    let bearer = format!("Bearer {token}");
    for (version, name) in [(&TLS12, ProtocolVersion::TLSv1_2), (&TLS13, ProtocolVersion::TLSv1_3)] {
        for (offered, chosen) in [
            (&[][..], None),
            (&["http/1.1"][..], Some("http/1.1")),
            (&["h2", "http/1.1"], Some("h2")),
            (&["http/1.1", "h2"], Some("h2")),
        ] {
            let client = Client::new(server.port).version(version).alpn(offered).trusting(&made.der);
            assert_eq!(client.connect().unwrap().agreed(), (Some(name), chosen.map(str::to_owned)), "{offered:?}");
            if chosen != Some("h2") {
                // Several requests share a connection, as they do in the clear.
                let mut connection = client.connect().unwrap().http();
                for _ in 0..3 {
                    let headers = [("Authorization", bearer.as_str())];
                    let answer = connection.send("GET", "/scim/v2/Users", &headers, None).unwrap();
                    assert_eq!((answer.status, &answer.json()["totalResults"]), (200, &json!(0)));
                }
                continue;
            }
            crate::http2::run(async {
                let mut peer = client.peer(&token).await;
                assert_eq!(peer.get("/scim/v2/Users").await.status, 200);
                assert_eq!(peer.get("/healthz").await.status, 200);
            });
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

/// A client of TLS 1.1 gets the alert `protocol_version` (RFC 8446 §6.2), as does one of SSL 3.
#[test]
fn older_versions_are_refused() {
    let site = Site::given(&made(), "");
    let server = site.start();
    // With 3.3, which is TLS 1.2, the same message is the beginning of a handshake.
    for minor in [0, 1, 2, 3] {
        let mut hello = vec![3, minor];
        hello.extend([7; 32]);
        // No session; ECDHE with ECDSA; no compression; the extensions that belong to it, with P-256 and SHA-256.
        hello.extend([0, 0, 2, 0xc0, 0x2b, 1, 0]);
        hello.extend([0, 22, 0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 4, 0, 2, 4, 3]);
        let mut message = vec![1, 0, 0, u8::try_from(hello.len()).unwrap()];
        message.extend(hello);
        let mut record = vec![0x16, 3, 1, 0, u8::try_from(message.len()).unwrap()];
        record.extend(message);
        let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        socket.write_all(&record).unwrap();
        let mut said = [0; 7];
        socket.read_exact(&mut said).unwrap();
        match minor {
            3 => assert_eq!((said[0], said[5]), (0x16, 2), "{said:?}"),
            _ => assert_eq!((said[0], said[5], said[6]), (0x15, 2, 70), "3.{minor}: {said:?}"),
        }
    }
    assert_eq!(Client::new(server.port).send("GET", "/healthz", &[]).status, 200);
}

/// Refused, not redirected: a redirect would have the client send its token in the clear first, every time.
#[test]
fn a_request_in_the_clear_is_refused_in_the_clear() {
    let site = Site::given(&made(), "");
    let token = site.place.provisioned();
    let server = site.start();
    let bearer = format!("Bearer {token}");
    for method in ["GET", "POST", "BREW"] {
        let bytes = plain(method, "/scim/v2/Users", &[("Authorization", &bearer)], b"");
        let answer = exchange(server.port, &bytes, PATIENCE).unwrap();
        assert_eq!(answer.status, 400, "{method}");
        is_scim_error(&answer).unwrap();
        assert!(answer.body.contains("This port speaks TLS"), "{}", answer.body);
        assert!(answer.header("location").is_none() && answer.header("strict-transport-security").is_none());
    }
    // What is neither of the two just ends.
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.write_all(b"\x00\x01\x02 nonsense of some length\r\n\r\n").unwrap();
    let mut said = Vec::new();
    let _ = socket.read_to_end(&mut said);
    assert!(!said.starts_with(b"HTTP"), "{said:?}");
    assert_eq!(server.terminate(), Some(0));
}

/// Connects and begins a handshake, or does not even that.
fn half_open(server: &Served, number: usize) -> TcpStream {
    let mut socket = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let begun = [&b""[..], b"\x16", b"\x16\x03\x01\x02\x00\x01\x00"][number % 3];
    // A server that has too many connections may have closed this one already.
    let _ = socket.write_all(begun);
    socket
}

#[test]
fn half_open_handshakes_do_not_keep_others_out() {
    let site = Site::given(&made(), "");
    let server = site.start();
    let halves: Vec<TcpStream> = (0..300).map(|i| half_open(&server, i)).collect();
    assert_eq!(Client::new(server.port).send("GET", "/healthz", &[]).status, 200);
    drop(halves);
    assert_eq!(server.terminate(), Some(0));
}

/// They are connections like others: counted, and ended when their time is over.
#[test]
fn half_open_handshakes_come_to_an_end() {
    let site = Site::given(&made(), "").and("[limits]\nconnections = 8\nheader_seconds = 1");
    let server = site.start();
    let halves: Vec<TcpStream> = (0..24).map(|i| half_open(&server, i)).collect();
    let answer = until(|| {
        let connection = Client::new(server.port).connect().ok()?;
        connection.raw(&plain("GET", "/healthz", &[], b"")).ok()
    });
    assert_eq!(answer.status, 200);
    for mut half in halves {
        let mut rest = Vec::new();
        // An end or a reset; what would fail here is silence.
        if let Err(error) = half.read_to_end(&mut rest) {
            assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
        }
    }
    assert_eq!(server.terminate(), Some(0));
}

/// What the server says in hyper's place and of its own accord comes through TLS too, and comes to an end there.
#[test]
fn what_is_no_request_is_answered_over_tls() {
    let site = Site::given(&made(), "").and("[limits]\nheader_seconds = 1");
    let server = site.start();
    for (bytes, status) in [
        (&b"nonsense\r\n\r\n"[..], "400"),
        (b"GET /healthz HTTP/1.1\nHost: x\n\n", "400"),
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n", "408"),
    ] {
        let all = Client::new(server.port).connect().unwrap().all(bytes);
        let said = all.unwrap_or_else(|e| panic!("{:?}: {e}", String::from_utf8_lossy(bytes)));
        assert!(said.starts_with(&format!("HTTP/1.1 {status} ")), "{:?}: {said}", String::from_utf8_lossy(bytes));
        assert!(said.contains("urn:ietf:params:scim:api:messages:2.0:Error"), "{said}");
        assert!(said.contains("strict-transport-security: max-age=31536000\r\n"), "{said}");
    }
    // What was not agreed upon is not spoken, in either direction.
    for (alpn, bytes) in [
        (&[][..], &b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"[..]),
        (&["h2"], b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"),
        (&["h2"], b"GET /healthz HTTP/1.1\r\nHost: x\r\n"),
        (&["h2"], b""),
    ] {
        let said = Client::new(server.port).alpn(alpn).connect().unwrap().all(bytes).unwrap_or_default();
        assert!(!said.starts_with("HTTP/1.1 "), "{said}");
    }
    assert_eq!(server.terminate(), Some(0));
}

/// Large answers, and many at a time, are whole.
#[test]
fn a_long_answer_is_whole_over_tls() {
    let site = Site::given(&made(), "");
    let token = site.place.provisioned();
    let server = site.start();
    let bearer = format!("Bearer {token}");
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/scim+json")];
    let mut connection: Connection<_> = Client::new(server.port).connect().unwrap().http();
    for i in 0..40 {
        let user = json!({"userName": format!("long{i}@example.com"), "title": "x".repeat(30_000)}).to_string();
        let made = connection.send("POST", "/scim/v2/Users", &headers, Some(user.as_bytes())).unwrap();
        assert_eq!(made.status, 201, "{}", made.body);
    }
    let one = connection.send("GET", "/scim/v2/Users?count=40", &headers, None).unwrap();
    assert!(one.body.len() > 1_200_000 && one.json()["Resources"].as_array().unwrap().len() == 40);
    crate::http2::run(async {
        let mut peer = Client::new(server.port).alpn(&["h2"]).peer(&token).await;
        assert!(peer.get("/scim/v2/Users?count=40").await.body == one.body);
    });
    assert_eq!(server.terminate(), Some(0));
}
