//! Clients that stop in the middle: each is answered 408 and let go, long before a person would lose patience.

use super::bodies::raw;
use super::{Case, Site, Want, user};

const LATE: Want = Want::One(&[408]);

pub fn cases(site: &Site) -> Vec<Case> {
    let token = &site.token;
    let mut cases: Vec<Case> = [
        ("half a request line", "GET /scim".to_owned()),
        ("a request line and nothing else", "GET /scim/v2/Users HTTP/1.1\r\n".to_owned()),
        (
            "headers without an end",
            format!("GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"),
        ),
    ]
    .into_iter()
    .map(|(what, text)| Case { what: what.into(), bytes: text.into_bytes(), want: LATE })
    .collect();
    let body = user("slow").to_string();
    let half = &body.as_bytes()[..body.len() / 2];
    let length = body.len().to_string();
    let post = |headers: &[(&str, &str)], body: &[u8]| raw(site, "POST", "/scim/v2/Users", headers, body);
    let chunk = format!("{:x}\r\n{}", body.len(), String::from_utf8_lossy(half));
    for (what, bytes) in [
        ("a body that does not begin", post(&[("Content-Length", &length)], b"")),
        ("half a body", post(&[("Content-Length", &length)], half)),
        ("half a chunk", post(&[("Transfer-Encoding", "chunked")], chunk.as_bytes())),
        (
            "no last chunk",
            post(&[("Transfer-Encoding", "chunked")], format!("{:x}\r\n{body}\r\n", body.len()).as_bytes()),
        ),
    ] {
        cases.push(Case { what: what.into(), bytes, want: LATE });
    }
    cases
}

/// Connections that say nothing cost nobody else anything.
#[test]
fn many_silent_connections_do_not_keep_others_out() {
    use std::io::Write;
    use std::net::TcpStream;
    use std::time::{Duration, Instant};

    let appliance = crate::support::Appliance::start();
    let open: Vec<TcpStream> = (0..300)
        .map(|i| {
            let mut stream = TcpStream::connect(("127.0.0.1", appliance.port)).unwrap();
            let begun = ["", "GET", "GET /scim/v2/Users HTTP/1.1\r\nHost: x\r\n"][i % 3];
            stream.write_all(begun.as_bytes()).unwrap();
            stream
        })
        .collect();
    let begun = Instant::now();
    assert_eq!(appliance.get("/Users").status, 200);
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    drop(open);
    assert_eq!(appliance.get("/Users").status, 200);
}
