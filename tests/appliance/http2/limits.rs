//! What a client of HTTP/2 can do wrong, and how long it can take.

use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::Request;

use super::frames::{
    DATA, END_HEADERS, END_STREAM, GOAWAY, HEADERS, PING, PREFACE, RST_STREAM, Raw, code, frame, head, opening,
};
use super::{Peer, run, user};
use crate::hostile::is_scim_error;
use crate::support::Appliance;

/// RFC 9113 §7.
const PROTOCOL_ERROR: u32 = 1;
const ENHANCE_YOUR_CALM: u32 = 11;

const QUICK: &str = "[limits]\nbody_bytes = 65536\nheader_seconds = 2\nbody_idle_seconds = 2\nbody_seconds = 4\nkeep_alive_seconds = 3\n";

fn request(appliance: &Appliance, path: &str) -> Vec<(String, String)> {
    let pairs = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "127.0.0.1"),
        (":path", path),
        ("authorization", &format!("Bearer {}", appliance.token)),
    ];
    pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec()
}

fn block(fields: &[(String, String)]) -> Vec<u8> {
    head(&fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect::<Vec<_>>())
}

fn lives(appliance: &Appliance) {
    assert_eq!(appliance.get("/Users").status, 200);
    assert!(!appliance.log().contains("panicked"), "{}", appliance.log());
}

#[test]
fn bodies_have_the_limits_of_http1() {
    let appliance = Appliance::with_config(QUICK);
    run(async {
        let mut peer = Peer::open(&appliance).await;
        let large = Bytes::from(vec![b' '; 70_000]);
        let answer = peer.ask("POST", "/scim/v2/Users", &[], Some(large)).await.unwrap();
        assert_eq!(answer.status, 413);
        is_scim_error(&answer).unwrap();
        // Neither a body that does not go on nor one that goes on for ever is waited for.
        for dribble in [false, true] {
            let request = Request::post("http://127.0.0.1/scim/v2/Users")
                .header("authorization", format!("Bearer {}", appliance.token));
            let (answer, mut sending) = peer.send.send_request(request.body(()).unwrap(), false).unwrap();
            let begun = Instant::now();
            let sent = tokio::spawn(async move {
                sending.send_data(Bytes::from_static(b"{"), false).unwrap();
                while dribble && sending.send_data(Bytes::from_static(b" "), false).is_ok() {
                    tokio::time::sleep(Duration::from_millis(500)).await;
                }
                tokio::time::sleep(Duration::from_secs(60)).await;
            });
            let answer = answer.await.unwrap();
            assert_eq!(answer.status().as_u16(), 408, "dribble: {dribble}");
            let took = begun.elapsed().as_secs();
            assert!(if dribble { (3..15).contains(&took) } else { (1..15).contains(&took) }, "{dribble}: {took} s");
            sent.abort();
        }
        // The connection was none the worse for it.
        let typed = [("content-type", "application/json")];
        assert_eq!(peer.ask("POST", "/scim/v2/Users", &typed, Some(user("after@x.io"))).await.unwrap().status, 201);
    });
}

#[test]
fn heads_have_the_limit_of_http1() {
    let appliance = Appliance::start();
    run(async {
        let mut peer = Peer::open(&appliance).await;
        let long = "a".repeat(8_192);
        assert_eq!(peer.ask("GET", "/scim/v2/Users", &[("x-long", &long)], None).await.unwrap().status, 200);
        let long = "a".repeat(17_000);
        let answer = peer.ask("GET", "/scim/v2/Users", &[("x-long", &long)], None).await.unwrap();
        assert_eq!(answer.status, 431);
        is_scim_error(&answer).unwrap();
        let answer = peer.ask("GET", &format!("/scim/v2/Users?x={}", "a".repeat(9_000)), &[], None).await.unwrap();
        assert_eq!(answer.status, 414);
        is_scim_error(&answer).unwrap();
        // Far above the limit the frames themselves are refused.
        let long = "a".repeat(60_000);
        match peer.ask("GET", "/scim/v2/Users", &[("x-long", &long)], None).await {
            Ok(answer) => assert_eq!((answer.status, answer.body.as_str()), (431, "")),
            Err(error) => assert!(error.is_remote(), "{error}"),
        }
    });
    lives(&appliance);
}

/// A head that never ends costs no more time than one of HTTP/1, and so does a connection without a request.
#[test]
fn half_a_head_is_not_waited_for() {
    let appliance = Appliance::with_config(QUICK);
    let whole = block(&request(&appliance, "/scim/v2/Users"));
    let begun: Vec<(&str, Vec<u8>)> = vec![
        ("half a preface", PREFACE[..10].to_vec()),
        ("a preface", PREFACE.to_vec()),
        ("a preface and settings", opening()),
        ("half the beginning of a frame", [opening(), frame(HEADERS, END_HEADERS, 1, &whole)[..5].to_vec()].concat()),
        ("half a frame", [opening(), frame(HEADERS, END_HEADERS, 1, &whole)[..40].to_vec()].concat()),
        ("no end of the head", [opening(), frame(HEADERS, END_STREAM, 1, &whole)].concat()),
    ];
    std::thread::scope(|scope| {
        for (what, bytes) in begun {
            let port = appliance.port;
            scope.spawn(move || {
                let mut raw = Raw::open(port);
                raw.say(&bytes);
                let begun = Instant::now();
                raw.rest();
                let took = begun.elapsed();
                assert!((1..15).contains(&took.as_secs()), "{what}: closed after {took:?}");
            });
        }
    });
    // Also on a connection that has shown what it can.
    let mut raw = Raw::open(appliance.port);
    raw.say(&[opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &whole)].concat());
    assert_eq!(raw.until(HEADERS).stream, 1);
    raw.say(&frame(HEADERS, END_STREAM, 3, &whole));
    let begun = Instant::now();
    raw.rest();
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    lives(&appliance);
}

/// A connection that asks nothing is told so and closed, however often it says that it is there.
#[test]
fn an_idle_connection_is_closed_with_a_goaway() {
    let appliance = Appliance::with_config(QUICK);
    let whole = block(&request(&appliance, "/scim/v2/Users"));
    let mut raw = Raw::open(appliance.port);
    raw.say(&[opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &whole)].concat());
    let begun = Instant::now();
    let mut writer = Raw(raw.0.try_clone().unwrap());
    let pings = std::thread::spawn(move || {
        for _ in 0..40 {
            writer.say(&frame(PING, 0, 0, b"are you "));
            std::thread::sleep(Duration::from_millis(400));
        }
    });
    let frames = raw.rest();
    let took = begun.elapsed();
    assert!((2..15).contains(&took.as_secs()), "{took:?}");
    let goaway = frames.iter().find(|f| f.kind == GOAWAY).expect("no GOAWAY");
    assert_eq!(code(goaway), 0);
    pings.join().unwrap();
    lives(&appliance);
}

/// CVE-2023-44487: requests that are taken back at once.
#[test]
fn rapid_resets_end_the_connection() {
    let appliance = Appliance::start();
    let whole = block(&request(&appliance, "/scim/v2/Users"));
    let mut bytes = opening();
    for stream in (1..4000).step_by(2) {
        bytes.extend(frame(HEADERS, END_HEADERS | END_STREAM, stream, &whole));
        bytes.extend(frame(RST_STREAM, 0, stream, &8u32.to_be_bytes()));
    }
    let mut raw = Raw::open(appliance.port);
    raw.say(&bytes);
    let goaway = raw.rest().into_iter().rfind(|f| f.kind == GOAWAY).expect("no GOAWAY");
    assert_eq!(code(&goaway), ENHANCE_YOUR_CALM);
    lives(&appliance);
}

/// CVE-2025-8671: frames that make the server reset, again and again.
#[test]
fn provoked_resets_end_the_connection() {
    let appliance = Appliance::start();
    let whole = block(&request(&appliance, "/scim/v2/Users"));
    let mut raw = Raw::open(appliance.port);
    raw.say(&opening());
    for stream in (1..4000).step_by(2) {
        // A window that grows beyond its bound is an error of its stream (RFC 9113 §6.9.1).
        raw.say(
            &[frame(HEADERS, END_HEADERS, stream, &whole), frame(8, 0, stream, &0x7fff_ffff_u32.to_be_bytes())]
                .concat(),
        );
    }
    let goaway = raw.rest().into_iter().rfind(|f| f.kind == GOAWAY).expect("no GOAWAY");
    assert_eq!(code(&goaway), ENHANCE_YOUR_CALM);
    lives(&appliance);
}

/// More streams than were agreed on are refused one by one.
#[test]
fn a_hundred_and_first_request_is_refused() {
    let appliance = Appliance::start();
    let fields = request(&appliance, "/scim/v2/Users");
    let mut fields = fields.clone();
    fields[0].1 = "POST".into();
    let mut raw = Raw::open(appliance.port);
    raw.say(&opening());
    for stream in (1..=201).step_by(2) {
        raw.say(&frame(HEADERS, END_HEADERS, stream, &block(&fields)));
    }
    let reset = raw.until(RST_STREAM);
    // REFUSED_STREAM: nothing was done, and the client may try again (RFC 9113 §8.7).
    assert_eq!((reset.stream, code(&reset)), (201, 7));
    lives(&appliance);
}

/// Quotes in the query have to be percent-encoded here: `:path` is compressed, and nobody can look at it on the way in
/// as is done with the request line of HTTP/1. The clients that leave them as they are do not speak HTTP/2.
#[test]
fn a_path_that_is_no_uri_costs_its_stream_and_no_other() {
    let appliance = Appliance::start();
    let mut raw = Raw::open(appliance.port);
    raw.say(&opening());
    let paths = ["/scim/v2/Users?filter=userName+eq+\"ada\"", "/scim/v2/Users?a=<b>", "/scim/v2/Users?a= b", "x"];
    for (i, path) in paths.into_iter().enumerate() {
        let stream = u32::try_from(2 * i + 1).unwrap();
        raw.say(&frame(HEADERS, END_HEADERS | END_STREAM, stream, &block(&request(&appliance, path))));
        let reset = raw.until(RST_STREAM);
        assert_eq!((reset.stream, code(&reset)), (stream, PROTOCOL_ERROR), "{path}");
    }
    let good = block(&request(&appliance, "/scim/v2/Users?filter=userName+eq+%22ada%22"));
    raw.say(&frame(HEADERS, END_HEADERS | END_STREAM, 99, &good));
    assert_eq!(raw.until(HEADERS).stream, 99);
    let data = raw.until(DATA);
    assert!(String::from_utf8(data.payload).unwrap().contains("ListResponse") && data.stream == 99);
}

/// What RFC 9113 §8.2, §8.3 call malformed, and what is no HTTP/2 behind the preface.
#[test]
fn malformed_requests_are_not_answered_with_success() {
    let appliance = Appliance::start();
    let good = request(&appliance, "/scim/v2/Users");
    let with = |name: &str, value: &str| [good.clone(), vec![(name.to_owned(), value.to_owned())]].concat();
    let without = |name: &str| good.iter().filter(|(n, _)| n != name).cloned().collect::<Vec<_>>();
    for (what, fields) in [
        ("no method", without(":method")),
        ("no path", without(":path")),
        ("a path after a field", [without(":path"), vec![(":path".into(), "/scim/v2/Users".into())]].concat()),
        ("an unknown pseudo field", with(":token", "x")),
        ("capitals in a name", with("X-Odd", "x")),
        ("Connection", with("connection", "close")),
        ("Transfer-Encoding", with("transfer-encoding", "chunked")),
        ("a line break in a value", with("x-odd", "a\r\nb: c")),
        ("a NUL in a value", with("x-odd", "a\0b")),
        ("a length that is not true", with("content-length", "5")),
        ("another host", with("host", "attacker.example")),
        (
            "another scheme",
            good.iter().map(|(n, v)| (n.clone(), if n == ":scheme" { "ftp".into() } else { v.clone() })).collect(),
        ),
        (
            "a user in the authority",
            good.iter()
                .map(|(n, v)| (n.clone(), if n == ":authority" { "a:b@127.0.0.1".into() } else { v.clone() }))
                .collect(),
        ),
        ("two tokens", with("authorization", "Bearer x")),
    ] {
        let mut raw = Raw::open(appliance.port);
        raw.say(&[opening(), frame(HEADERS, END_HEADERS | END_STREAM, 1, &block(&fields))].concat());
        let answer = std::iter::from_fn(|| raw.next()).find(|f| matches!(f.kind, HEADERS | RST_STREAM | GOAWAY));
        let answer = answer.unwrap_or_else(|| panic!("{what}: no answer"));
        // 0x88 is `:status: 200` (RFC 7541 appendix A).
        assert!(answer.kind != HEADERS || answer.payload[0] != 0x88, "{what}: {answer:?}");
    }
    for garbage in [&b"GET / HTTP/1.1\r\n\r\n"[..], &[0xff; 100], &frame(DATA, 0, 1, b"x"), &frame(9, 4, 1, b"")] {
        let mut raw = Raw::open(appliance.port);
        raw.say(&[PREFACE, garbage].concat());
        assert!(raw.rest().iter().all(|f| f.kind != HEADERS), "{garbage:?}");
    }
    lives(&appliance);
}

/// A connection of HTTP/2 takes one place, like any other.
#[test]
fn connections_are_counted_whatever_they_speak() {
    let appliance = Appliance::with_config("[limits]\nconnections = 2\n");
    run(async {
        let mut first = Peer::open(&appliance).await;
        assert_eq!(first.get("/scim/v2/Users").await.status, 200);
        let mut second = Peer::open(&appliance).await;
        assert_eq!(second.get("/scim/v2/Users").await.status, 200);
        let answer = appliance.get("/Users");
        assert_eq!(answer.status, 503);
        is_scim_error(&answer).unwrap();
        assert!(answer.header("retry-after").unwrap().parse::<u32>().is_ok());
    });
}

/// A request of HTTP/2 has its place until its answer was taken: a client that asks and does not listen finds an end.
#[test]
fn answers_that_nobody_takes_have_their_places() {
    let appliance = Appliance::with_config("[limits]\nconnections = 4\n");
    let title = "x".repeat(60_000);
    for i in 0..4 {
        let made = appliance.post("/Users", serde_json::json!({"userName": format!("u{i}"), "title": title}));
        assert_eq!(made.status, 201);
    }
    run(async {
        let mut deaf = Peer::open(&appliance).await;
        let mut waiting = Vec::new();
        for _ in 0..100 {
            deaf.send = deaf.send.clone().ready().await.unwrap();
            let request = Request::get("http://127.0.0.1/scim/v2/Users")
                .header("authorization", format!("Bearer {}", appliance.token));
            let (answer, _) = deaf.send.send_request(request.body(()).unwrap(), true).unwrap();
            let answer = answer.await.unwrap();
            assert_eq!(answer.status().as_u16(), 200);
            // Held, and not read.
            waiting.push(answer.into_body());
        }
        let mut other = Peer::open(&appliance).await;
        let refused = other.get("/scim/v2/Users").await;
        assert_eq!(refused.status, 503);
        is_scim_error(&refused).unwrap();
        drop((waiting, deaf));
        let begun = Instant::now();
        while other.get("/scim/v2/Users").await.status != 200 {
            assert!(begun.elapsed() < Duration::from_secs(10), "places are not given back");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        // What costs next to nothing keeps nobody out.
        let mut stranger = Peer::open(&appliance).await;
        let mut kept = Vec::new();
        for _ in 0..100 {
            stranger.send = stranger.send.clone().ready().await.unwrap();
            let request = Request::get("http://127.0.0.1/scim/v2/Users").body(()).unwrap();
            let (answer, _) = stranger.send.send_request(request, true).unwrap();
            kept.push(answer.await.unwrap().into_body());
        }
        assert_eq!(other.get("/scim/v2/Users").await.status, 200);
    });
    lives(&appliance);
}
