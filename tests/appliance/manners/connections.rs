//! Connections: several requests on one, requests before their answers, older versions, and bodies that wait to be asked.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

use serde_json::json;

use super::Site;
use crate::hostile::is_scim_error;
use crate::wire::PATIENCE;

fn open(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", site.appliance.port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// All that the server says to these bytes until it closes.
fn said(site: &Site, bytes: &str) -> String {
    let mut stream = open(site);
    stream.write_all(bytes.as_bytes()).unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn head(site: &Site, line: &str, headers: &str) -> String {
    format!("{line}\r\nAuthorization: Bearer {}\r\n{headers}\r\n", site.appliance.token)
}

fn statuses(answers: &str) -> Vec<&str> {
    answers.split("HTTP/1.").skip(1).filter_map(|a| a.get(2..5)).collect()
}

/// RFC 9112 §9.3.2: answers come in the order of the requests.
#[test]
fn requests_may_come_before_the_answers_to_those_in_front() {
    let site = Site::start();
    let body = json!({"userName": "pipelined@example.com"}).to_string();
    let all = [
        head(&site, "GET /scim/v2/Users/nobody HTTP/1.1", "Host: x\r\n"),
        head(&site, "POST /scim/v2/Users HTTP/1.1", &format!("Host: x\r\nContent-Length: {}\r\n", body.len())) + &body,
        head(&site, "POST /scim/v2/Users HTTP/1.1", &format!("Host: x\r\nContent-Length: {}\r\n", body.len())) + &body,
        head(&site, "HEAD /scim/v2/Users HTTP/1.1", "Host: x\r\n"),
        head(&site, "DELETE /scim/v2/Users HTTP/1.1", "Host: x\r\n"),
        head(&site, &format!("GET {} HTTP/1.1", site.user), "Host: x\r\nConnection: close\r\n"),
        head(&site, "GET /scim/v2/Users HTTP/1.1", "Host: x\r\n"),
    ];
    let answers = said(&site, &all.concat());
    assert_eq!(statuses(&answers), ["404", "201", "409", "200", "405", "200"], "{answers}");
}

/// RFC 9112 appendix C.2: no Host, and the connection ends unless the client says otherwise.
#[test]
fn http10_is_understood() {
    let site = Site::start();
    let line = format!("GET {} HTTP/1.0", site.user);
    for (first, expected) in [("", 1), ("Connection: keep-alive\r\n", 2)] {
        let answers = said(&site, &(head(&site, &line, first) + &head(&site, &line, "")));
        assert_eq!(statuses(&answers), vec!["200"; expected], "{first:?}: {answers}");
        assert!(answers.to_ascii_lowercase().contains("content-length: "), "{answers}");
    }
    let body = json!({"userName": "old@example.com"}).to_string();
    let post = head(&site, "POST /scim/v2/Users HTTP/1.0", &format!("Content-Length: {}\r\n", body.len())) + &body;
    assert_eq!(statuses(&said(&site, &post)), ["201"]);
}

/// RFC 9112 §3.2.2: as a proxy would be asked. The host in it decides nothing.
#[test]
fn a_target_may_be_a_whole_url() {
    let site = Site::start();
    let id = site.user.rsplit('/').next().unwrap();
    for base in ["http://127.0.0.1", "https://scim.example.com", "HTTP://attacker.example:1", "http://[::1]:8080"] {
        let answer = site.get(&format!("{base}{}", site.user));
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)), "{base}");
        assert_eq!(answer.json()["meta"]["location"], json!(format!("{}/Users/{id}", site.appliance.base())), "{base}");
        assert_eq!(site.get(&format!("{base}/scim/v2/Users?filter=userName+eq+\"x\"")).status, 200, "{base}");
        // The settings page, whoever asks.
        let page = site.get(base);
        assert_eq!((page.status, page.header("location")), (303, Some("/setup")), "{base}");
    }
    let bare = site.appliance.send("GET", &format!("http://127.0.0.1{}", site.user), &[], None);
    assert_eq!(bare.status, 401);
}

/// RFC 9110 §10.1.1: whoever asks first is told to go on, or is refused at once.
#[test]
fn a_body_that_waits_to_be_asked_for_is_asked_for_or_refused() {
    let site = Site::start();
    let body = json!({"userName": "expected@example.com"}).to_string();
    let post = |token: &str, length: usize| {
        format!(
            "POST /scim/v2/Users HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\nExpect: 100-continue\r\n\r\n"
        )
    };
    let first = |stream: &mut TcpStream| {
        let mut part = [0; 4096];
        let n = stream.read(&mut part).unwrap();
        String::from_utf8_lossy(&part[..n]).into_owned()
    };
    let mut stream = open(&site);
    stream.write_all(post(&site.appliance.token, body.len()).as_bytes()).unwrap();
    assert_eq!(first(&mut stream), "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    assert!(first(&mut stream).starts_with("HTTP/1.1 201 "));
    for (token, length, status) in [("wrong", body.len(), "401"), (site.appliance.token.as_str(), 1 << 30, "413")] {
        let mut stream = open(&site);
        stream.write_all(post(token, length).as_bytes()).unwrap();
        let answer = first(&mut stream);
        assert_eq!(statuses(&answer), [status], "{answer}");
    }
}

/// Only pages send anybody anywhere, and that is to another page of ours: no target, host or header makes an answer that
/// leads elsewhere.
#[test]
fn redirects_lead_to_pages_of_ours_alone() {
    let site = Site::start();
    for target in [
        "//attacker.example/",
        "//attacker.example/%2e%2e",
        "/\\attacker.example",
        "/scim",
        "/scim/",
        "/scim/v2",
        "/scim/v2/",
        "/scim/v2/Users/",
        "/scim/v2//attacker.example/..",
        "/scim/v2/Users//",
        "/healthz",
        "/healthz/",
        "/ui",
        "/login?next=https://attacker.example/",
        "/scim/v2/Users?redirect_uri=//attacker.example",
        "http://attacker.example/scim/v2",
    ] {
        for lies in [&[][..], &[("X-Forwarded-Proto", "https"), ("X-Forwarded-Host", "attacker.example")]] {
            for answer in [site.ask("GET", target, lies, ""), site.appliance.send("GET", target, lies, None)] {
                assert!(!(300..400).contains(&answer.status), "{target}: {}", answer.status);
                assert_eq!(answer.header("location"), None, "{target}");
                assert_eq!(answer.header("refresh"), None, "{target}");
                if answer.status >= 400 {
                    is_scim_error(&answer).unwrap();
                }
            }
        }
    }
    for target in ["/", "http://attacker.example/", "/people", "/sign-in?to=https://attacker.example/"] {
        for header in [("Accept", "text/html"), ("X-Forwarded-Host", "attacker.example")] {
            let answer = site.appliance.send("GET", target, &[header], None);
            assert_eq!((answer.status, answer.header("location")), (303, Some("/setup")), "{target}");
        }
    }
}
