//! What clients accept, and what they may send.

use serde_json::json;

use super::Site;
use crate::hostile::is_scim_error;

const SCIM: &str = "application/scim+json; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";

#[test]
fn the_media_type_is_the_one_that_the_client_would_rather_have() {
    let site = Site::start();
    for (accept, kind) in [
        (None, SCIM),
        (Some("application/scim+json"), SCIM),
        (Some("application/scim+json; charset=utf-8"), SCIM),
        (Some("application/json"), JSON),
        (Some("application/json; charset=utf-8"), JSON),
        (Some("application/scim+json, application/json"), SCIM),
        (Some("application/json, application/scim+json"), SCIM),
        (Some("application/json;q=0.9, application/scim+json;q=0.1"), JSON),
        (Some("application/json, text/plain, */*"), SCIM),
        (Some("application/json, */*;q=0.1"), JSON),
        (Some("*/*"), SCIM),
        (Some("application/*"), SCIM),
        (Some("application/json;q=0"), SCIM),
        // Nobody is refused for what he accepts.
        (Some("text/html,application/xhtml+xml,application/xml;q=0.9"), SCIM),
        (Some("*/*;q=0"), SCIM),
        (Some("nonsense"), SCIM),
        (Some(""), SCIM),
    ] {
        let headers: Vec<_> = accept.iter().map(|a| ("Accept", *a)).collect();
        for (target, status) in [(site.user.as_str(), 200), ("/scim/v2/Users", 200), ("/scim/v2/Users/nobody", 404)] {
            let answer = site.ask("GET", target, &headers, "");
            assert_eq!((answer.status, answer.header("content-type")), (status, Some(kind)), "{accept:?} {target}");
        }
    }
}

#[test]
fn a_body_is_json_whatever_its_type_is_called() {
    let site = Site::start();
    for (i, kind) in [
        None,
        Some("application/scim+json"),
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("APPLICATION/JSON; CHARSET=\"UTF-8\""),
        Some("text/json"),
        Some("application/json-patch+json"),
        Some(""),
    ]
    .into_iter()
    .enumerate()
    {
        let headers: Vec<_> = kind.iter().map(|k| ("Content-Type", *k)).collect();
        let body = json!({"userName": format!("kind{i}@example.com")}).to_string();
        let answer = site.ask("POST", "/scim/v2/Users", &headers, &body);
        assert_eq!(answer.status, 201, "{kind:?}: {}", answer.body);
    }
}

#[test]
fn what_is_no_json_in_utf8_is_refused_with_what_would_do() {
    let site = Site::start();
    let body = json!({"userName": "refused@example.com"}).to_string();
    for (name, value, hint, word) in [
        ("Content-Type", "text/plain", "accept", "Content-Type"),
        ("Content-Type", "text/plain; charset=utf-8", "accept", "Content-Type"),
        ("Content-Type", "application/x-www-form-urlencoded", "accept", "Content-Type"),
        ("Content-Type", "multipart/form-data; boundary=x", "accept", "Content-Type"),
        ("Content-Type", "application/xml", "accept", "Content-Type"),
        ("Content-Type", "nonsense", "accept", "Content-Type"),
        ("Content-Type", "application/json; charset=utf-16", "accept", "UTF-8"),
        ("Content-Type", "application/scim+json; charset=iso-8859-1", "accept", "UTF-8"),
        ("Content-Encoding", "gzip", "accept-encoding", "ompressed"),
        ("Content-Encoding", "deflate", "accept-encoding", "ompressed"),
        ("Content-Encoding", "br", "accept-encoding", "ompressed"),
        ("Content-Encoding", "zstd", "accept-encoding", "ompressed"),
        ("Content-Encoding", "identity, gzip", "accept-encoding", "ompressed"),
    ] {
        for (method, target) in [
            ("POST", "/scim/v2/Users"),
            ("POST", "/scim/v2/Users/.search"),
            ("PUT", site.user.as_str()),
            ("PATCH", &site.user),
        ] {
            let answer = site.ask(method, target, &[(name, value)], &body);
            assert_eq!(answer.status, 415, "{name}: {value} in {method} {target}: {}", answer.body);
            is_scim_error(&answer).unwrap();
            assert!(answer.json()["detail"].as_str().unwrap().contains(word), "{}", answer.body);
            let hinted = answer.header(hint).unwrap();
            let would_do = if hint == "accept" { "application/scim+json" } else { "identity" };
            assert!(hinted.contains(would_do), "{hinted}");
        }
        // A GET has nothing that could be in another form.
        assert_eq!(site.ask("GET", &site.user, &[(name, value)], "").status, 200, "{name}: {value}");
    }
    assert_eq!(site.get("/scim/v2/Users?filter=userName+eq+\"refused@example.com\"").json()["totalResults"], json!(0));
    let typed = [("Content-Encoding", "identity")];
    assert_eq!(site.ask("POST", "/scim/v2/Users", &typed, &body).status, 201);
}
