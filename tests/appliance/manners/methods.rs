//! Which methods there are, and what is said about them.

use super::{Site, steady};
use crate::hostile::is_scim_error;
use crate::support::http::Connection;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Every path with the methods that it has.
fn paths(site: &Site) -> Vec<(String, &'static [&'static str])> {
    const LOOK: &[&str] = &["GET", "HEAD", "OPTIONS"];
    const LIST: &[&str] = &["GET", "HEAD", "POST", "OPTIONS"];
    const ONE: &[&str] = &["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"];
    const ALL: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
    const SEARCH: &[&str] = &["POST", "OPTIONS"];
    [
        ("/scim/v2", LOOK),
        ("/scim/v2/", LOOK),
        ("/scim/v2/Users", LIST),
        ("/scim/v2/Users/", LIST),
        ("/scim/v2/Groups", LIST),
        (&site.user, ONE),
        (&site.group, ONE),
        ("/scim/v2/Users/nobody", ONE),
        ("/scim/v2/.search", SEARCH),
        ("/scim/v2/Users/.search", SEARCH),
        ("/scim/v2/Groups/.search", SEARCH),
        ("/scim/v2/Bulk", SEARCH),
        ("/scim/v2/Me", ALL),
        ("/scim/v2/ServiceProviderConfig", LOOK),
        ("/scim/v2/ResourceTypes", LOOK),
        ("/scim/v2/ResourceTypes/User", LOOK),
        ("/scim/v2/Schemas", LOOK),
        (&format!("/scim/v2/Schemas/{USER}"), LOOK),
        ("/healthz", LOOK),
        ("/readyz", LOOK),
    ]
    .map(|(path, methods)| (path.to_owned(), methods))
    .to_vec()
}

fn sorted(list: &str) -> Vec<&str> {
    let mut list: Vec<&str> = list.split(", ").collect();
    list.sort_unstable();
    list
}

/// RFC 9110 §9.3.2: the headers of GET, the length of its body included, and nothing behind them.
#[test]
fn head_is_get_without_the_body() {
    let site = Site::start();
    let bearer = format!("Bearer {}", site.appliance.token);
    let mut connection = Connection::open(site.appliance.port).unwrap();
    let mut targets: Vec<String> =
        paths(&site).into_iter().filter(|(_, m)| m.contains(&"GET")).map(|(path, _)| path).collect();
    targets.extend(
        [
            "/scim/v2/Users?count=1&attributes=userName",
            "/scim/v2/Users?count=x",
            "/scim/v2/Users?filter=userName+eq+\"ada@example.com\"",
            "/scim/v2/Schemas/urn:x",
            "/scim/v2/Nothing",
            "/scim/v2/.search",
        ]
        .map(str::to_owned),
    );
    for target in &targets {
        for authorization in [bearer.as_str(), "Bearer x"] {
            let mut ask = |method| connection.send(method, target, &[("Authorization", authorization)], None).unwrap();
            let (get, head, again) = (ask("GET"), ask("HEAD"), ask("GET"));
            assert_eq!((head.status, head.body.as_str()), (get.status, ""), "{target}");
            assert_eq!(steady(&head), steady(&get), "{target}");
            assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()), "{target}");
            assert_eq!((again.status, again.body), (get.status, get.body), "{target}: the connection goes on");
        }
    }
    // What has not changed has no body for GET either, and no length (RFC 9110 §15.4.5).
    let tag = site.get(&site.user).header("etag").unwrap().to_owned();
    for method in ["GET", "HEAD"] {
        let same = site.ask(method, &site.user, &[("If-None-Match", &tag)], "");
        assert_eq!((same.status, same.body.as_str()), (304, ""), "{method}");
        assert_eq!(same.header("etag"), Some(tag.as_str()), "{method}");
    }
}

/// RFC 9110 §9.3.7, and nothing that lets a page of another site look in (no header of CORS).
#[test]
fn options_names_the_methods_and_opens_nothing_to_browsers() {
    let site = Site::start();
    let preflight = [
        ("Origin", "https://attacker.example"),
        ("Access-Control-Request-Method", "PATCH"),
        ("Access-Control-Request-Headers", "authorization"),
    ];
    for (path, methods) in paths(&site) {
        let answer = site.ask("OPTIONS", &path, &preflight, "");
        assert_eq!((answer.status, answer.body.as_str()), (204, ""), "{path}");
        let mut expected = methods.to_vec();
        expected.sort_unstable();
        assert_eq!(sorted(answer.header("allow").unwrap()), expected, "{path}");
        for (answer, what) in [(&answer, "OPTIONS"), (&site.ask("GET", &path, &preflight, ""), "GET")] {
            let opened = answer.headers.iter().find(|(n, _)| n.to_ascii_lowercase().starts_with("access-control"));
            assert_eq!(opened, None, "{what} {path}");
        }
        let open = path.starts_with("/healthz") || path.starts_with("/readyz");
        let stranger = site.appliance.send("OPTIONS", &path, &preflight, None);
        assert_eq!(stranger.status, if open { 204 } else { 401 }, "{path} without a token");
    }
    let all = site.ask("OPTIONS", "*", &[], "");
    assert_eq!(all.status, 204);
    assert_eq!(sorted(all.header("allow").unwrap()), ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"]);
}

/// RFC 9110 §15.5.6: with the methods that there are. One that is nowhere here is 501 (§9.1).
#[test]
fn other_methods_are_refused_with_those_that_there_are() {
    let site = Site::start();
    for (path, methods) in paths(&site) {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
            if methods.contains(&method) {
                continue;
            }
            let answer = site.ask(method, &path, &[], if method == "HEAD" { "" } else { "{}" });
            assert_eq!(answer.status, 405, "{method} {path}");
            let mut expected = methods.to_vec();
            expected.sort_unstable();
            assert_eq!(sorted(answer.header("allow").unwrap()), expected, "{method} {path}");
            if method != "HEAD" {
                is_scim_error(&answer).unwrap();
            }
        }
        for method in ["TRACE", "PROPFIND", "QUERY", "BREW", "get", "X-Y"] {
            let answer = site.ask(method, &path, &[("X-Echo", "canary")], "");
            assert_eq!(answer.status, 501, "{method} {path}");
            is_scim_error(&answer).unwrap();
            assert!(!format!("{:?}{}", answer.headers, answer.body).contains("canary"), "{method} echoes");
        }
    }
    for target in ["example.com:443", "127.0.0.1:80"] {
        let answer = site.ask("CONNECT", target, &[], "");
        assert_eq!(answer.status, 501, "CONNECT {target}");
        is_scim_error(&answer).unwrap();
    }
}
