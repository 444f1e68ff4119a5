//! Who the client is when a proxy stands in front. The finer points are with the unit tests of `http::origin`.

use super::{Site, until};
use crate::served::{Served, logged};
use crate::wire::{PATIENCE, exchange, plain};

/// A server on loopback behind proxies with these addresses.
fn behind(proxies: &str) -> Site {
    Site::with(&format!("behind_proxy = true\ntrusted_proxies = {proxies}\n"))
}

/// Asks with a bad token, and gives the address that the log has for it.
fn seen(server: &Served, number: usize, headers: &[(&str, &str)]) -> String {
    let name = format!("client-{number}-");
    let mut all = vec![("Authorization", "Bearer x"), ("User-Agent", name.as_str())];
    all.extend(headers);
    let answer = exchange(server.port, &plain("GET", "/scim/v2/Users", &all, b""), PATIENCE).unwrap();
    assert_eq!(answer.status, 401, "{headers:?}");
    let log = logged(|| server.log(), &["without a good token", &name]);
    let line = log.lines().find(|l| l.contains(&name) && l.contains("without a good token")).unwrap();
    line.split_once("address=").unwrap().1.split(' ').next().unwrap().to_owned()
}

fn forwarded<'a>(lines: &[&'a str]) -> Vec<(&'static str, &'a str)> {
    lines.iter().map(|line| ("X-Forwarded-For", *line)).collect()
}

#[test]
fn a_trusted_proxy_says_who_the_client_is() {
    let site = behind("[\"127.0.0.1\", \"10.0.0.0/8\", \"fd00::/8\"]").and("[limits]\nbad_token_burst = 0");
    let server = site.start();
    for (number, (lines, address)) in [
        (&[][..], "127.0.0.1"),
        (&["198.51.100.1"], "198.51.100.1"),
        (&["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
        (&["203.0.113.9, 198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        (&["203.0.113.9, 198.51.100.1", "10.1.2.3, fd00::7"], "198.51.100.1"),
        (&["2001:db8::1"], "2001:db8::1"),
        (&["[2001:db8::1]:4711"], "2001:db8::1"),
        (&["10.9.9.9, 10.1.2.3"], "10.9.9.9"),
        (&["198.51.100.1, unknown"], "127.0.0.1"),
        (&["198.51.100.1, <script>, 10.1.2.3"], "10.1.2.3"),
        (&[",,,"], "127.0.0.1"),
        (&["127.0.0.1, 198.51.100.1"], "198.51.100.1"),
    ]
    .into_iter()
    .enumerate()
    {
        assert_eq!(seen(&server, number, &forwarded(lines)), address, "{lines:?}");
    }
    // Another header of this kind is nobody's word.
    let forwarded = [("Forwarded", "for=198.51.100.1"), ("X-Real-IP", "198.51.100.1")];
    assert_eq!(seen(&server, 100, &forwarded), "127.0.0.1");
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn nobody_else_says_who_the_client_is() {
    for site in [Site::with(""), behind("[\"10.0.0.0/8\"]")] {
        let server = site.start();
        for (number, line) in ["198.51.100.1", "10.0.0.1", "198.51.100.1, 10.0.0.1"].into_iter().enumerate() {
            let headers = [("X-Forwarded-For", line), ("X-Forwarded-Proto", "https")];
            assert_eq!(seen(&server, number, &headers), "127.0.0.1");
        }
        assert_eq!(server.terminate(), Some(0));
    }
}

#[test]
fn limits_and_last_uses_are_the_clients_own() {
    let site = behind("[\"127.0.0.1\"]").and("[limits]\nbad_token_burst = 2\nbad_tokens_per_second = 1");
    let token = site.place.provisioned();
    let server = site.start();
    let ask = |client: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        // What the client has made up stands on the left.
        let hops = format!("192.0.2.{}, {client}", token.len() % 200);
        let headers = [("Authorization", bearer.as_str()), ("X-Forwarded-For", hops.as_str())];
        exchange(server.port, &plain("GET", "/scim/v2/Users", &headers, b""), PATIENCE).unwrap().status
    };
    until(|| (ask("198.51.100.1", "x") == 429).then_some(()));
    assert_eq!(ask("198.51.100.2", "x"), 401, "another client of the same proxy");
    assert_eq!(ask("198.51.100.3", &token), 200);
    until(|| site.place.done(&["token", "list", "--json"]).contains("198.51.100.3").then_some(()));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_trusted_proxy_says_that_the_client_speaks_tls() {
    let site = behind("[\"127.0.0.1\"]");
    let server = site.start();
    for (headers, strict) in [
        (&[][..], false),
        (&[("X-Forwarded-Proto", "https")], true),
        (&[("X-Forwarded-Proto", "http")], false),
        (&[("X-Forwarded-Proto", "https, http")], false),
    ] {
        let answer = exchange(server.port, &plain("GET", "/healthz", headers, b""), PATIENCE).unwrap();
        assert_eq!(answer.header("strict-transport-security").is_some(), strict, "{headers:?}");
    }
    assert_eq!(server.terminate(), Some(0));
}

/// On an address that other machines reach: the proxies speak plain HTTP there, and so does this machine.
#[test]
fn a_proxy_in_front_keeps_its_address_in_the_clear() {
    let site = Site::at("0.0.0.0:0", "behind_proxy = true\ntrusted_proxies = [\"10.0.0.0/8\"]\n");
    let server = site.start();
    assert!(server.printed("Listening on ").starts_with("http://0.0.0.0:"));
    assert_eq!(seen(&server, 0, &[("X-Forwarded-For", "198.51.100.1")]), "127.0.0.1");
    assert_eq!(server.terminate(), Some(0));
}
