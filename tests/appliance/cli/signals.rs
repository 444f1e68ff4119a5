//! A clean stop: what has begun is finished and answered, nothing new is taken, and the exit code is 0.

use std::io::{Read, Write};
use std::net::TcpStream;

use rustix::process::Signal;

use super::{client, user};
use crate::invariants;
use crate::served::{Place, Served};
use crate::wire::PATIENCE;

#[test]
fn a_request_in_flight_is_answered_before_the_end() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new("");
        let token = place.provisioned();
        let mut server = Served::start(&place.config());
        let body = user("in-flight@example.com").to_string();
        let (first, second) = body.split_at(body.len() / 2);
        let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let head = format!(
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nExpect: 100-continue\r\n\
             Content-Type: application/scim+json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        // The interim answer proves that the server has the request in hand.
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
        stream.write_all(first.as_bytes()).unwrap();
        // A connection that asks nothing must not keep the server.
        let idle = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
        server.signal(signal);
        while TcpStream::connect(("127.0.0.1", server.port)).is_ok_and(|mut late| is_served(&mut late, &token)) {
            std::thread::yield_now();
        }
        stream.write_all(second.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 201 "), "{answer}");
        assert_eq!(server.wait().code(), Some(0), "{}", server.log());
        drop(idle);
        invariants::check(&place.database());
        let server = Served::start(&place.config());
        let found = client(&server, &token).get("/Users?filter=userName+eq+%22in-flight@example.com%22").unwrap();
        assert_eq!(found.json()["totalResults"], serde_json::json!(1));
        assert_eq!(server.terminate(), Some(0));
    }
}

fn is_served(stream: &mut TcpStream, token: &str) -> bool {
    let request =
        format!("GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.set_read_timeout(Some(PATIENCE));
    stream.write_all(request.as_bytes()).is_ok()
        && stream.read_to_string(&mut answer).is_ok()
        && answer.starts_with("HTTP/1.1 200")
}

#[test]
fn a_stop_leaves_one_file_that_can_be_copied() {
    let place = Place::new("");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    assert_eq!(client(&server, &token).post("/Users", &user("copied@example.com")).unwrap().status, 201);
    assert_eq!(server.terminate(), Some(0));
    // The log was written back, so that the database file alone is everything.
    let wal = place.path().join("scim-appliance.db-wal");
    assert!(wal.metadata().map_or(0, |m| m.len()) == 0, "the write-ahead log still holds something");
    let copy = place.path().join("copy.db");
    std::fs::copy(place.database(), &copy).unwrap();
    invariants::check(&copy);
}
