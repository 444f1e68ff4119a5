//! Methods that are not there, and request targets in every form that HTTP knows and in some that it does not.

use super::bodies::raw;
use super::{Case, Site, Want};
use crate::wire::plain;

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mine = format!("/scim/v2/Users/{}", site.user);
    for method in [
        "TRACE",
        "PROPFIND",
        "PROPPATCH",
        "MKCOL",
        "COPY",
        "MOVE",
        "LOCK",
        "SEARCH",
        "QUERY",
        "LINK",
        "PURGE",
        "DEBUG",
        "BREW",
        "get",
        "Get",
        "post",
        "delete",
        "GETT",
        "G",
        "M-SEARCH",
        "!#$%&'*+",
    ] {
        for target in ["/scim/v2/Users", mine.as_str(), "/healthz"] {
            cases.push(site.case(format!("{method} {target}"), Want::One(&[400, 404, 405, 501]), method, target, b""));
        }
    }
    for target in ["127.0.0.1:1", "example.com:443", "/scim/v2/Users", "*", "http://127.0.0.1/"] {
        cases.push(site.case(format!("CONNECT {target}"), Want::Refused, "CONNECT", target, b""));
    }
    for (method, target) in [
        ("DELETE", "/scim/v2/Users"),
        ("PUT", "/scim/v2/Users"),
        ("PATCH", "/scim/v2/Users"),
        ("POST", mine.as_str()),
        ("DELETE", "/scim/v2"),
        ("PUT", "/scim/v2/.search"),
        ("GET", "/scim/v2/.search"),
        ("DELETE", "/scim/v2/Schemas"),
        ("POST", "/scim/v2/ServiceProviderConfig"),
        ("DELETE", "/healthz"),
        ("GET", "/scim/v2/Users/.search"),
        ("PUT", "/"),
        ("PATCH", "/scim/v2/Bulk"),
        ("POST", "/scim/v2/Me"),
        ("GET", "/scim/v2/Me"),
        ("POST", "/scim/v2/Bulk"),
        ("GET", "/scim/v2/Bulk"),
    ] {
        cases.push(site.case(format!("{method} {target}"), Want::Refused, method, target, b"{}"));
    }
    cases.push(site.case("HEAD of a list", Want::Any, "HEAD", "/scim/v2/Users", b""));
    cases.push(site.case("HEAD of nothing", Want::Any, "HEAD", "/scim/v2/Users/nobody", b""));
    cases.push(site.case("OPTIONS of a list", Want::Any, "OPTIONS", "/scim/v2/Users", b""));
    cases.push(site.case("OPTIONS of the server", Want::Any, "OPTIONS", "*", b""));
    for target in [
        "*",
        "http://127.0.0.1/scim/v2/Users",
        "https://127.0.0.1/scim/v2/Users",
        "HTTP://127.0.0.1/scim/v2/Users",
        "http://attacker.example/scim/v2/Users",
        "http://a:b@127.0.0.1/scim/v2/Users",
        "ftp://127.0.0.1/scim/v2/Users",
        "file:///etc/passwd",
        "http:///scim/v2/Users",
        "//127.0.0.1/scim/v2/Users",
        "127.0.0.1:80",
        "scim/v2/Users",
        "?filter=x",
        "#x",
        "/scim/v2/Users#x",
        "/\\",
        "/{}",
        "/|",
        "/^`",
        "/scim/v2/Users/\u{fc}",
        "/scim/v2/Users/%",
        "/scim/v2/Users/%zz",
        "/scim/v2/Users/%00",
        "/scim/v2/Users/%ff",
        "/scim/v2/Users/%2e%2e",
        "/scim/v2/Users/..%2f..%2fetc%2fpasswd",
        "/scim/v2/Users/' OR 1=1",
        "/scim/v2/Users/'%20OR%201=1",
        "/scim/v2/Users/1",
        "/scim/v2/Users/0",
        "/scim/v2/Users/-1",
        "/scim/v2/Users/null",
        "/scim/v2/Users/*",
        "/scim/v2/Users/a/b/c",
        "/scim/v2/Schemas/urn:x",
        "/scim/v2/Schemas/%00",
        "/scim/v2/ResourceTypes/..%2fUsers",
        "/scim/v2/Groups/%F0%9F%98%80",
        "/scim/v2/Users/\t",
    ] {
        // Nothing that is there can be read by these, but a target that only repeats the address of this server.
        let known = target.ends_with("/scim/v2/Users") || target == "/scim/v2/Users#x";
        let want = if known { Want::Any } else { Want::Refused };
        cases.push(Case { what: format!("GET {target:?}"), bytes: site.request("GET", target, &[], b""), want });
    }
    for length in [4_000, 8_000, 15_000, 17_000, 70_000, 1_000_000] {
        let want = if length > 16_384 { Want::One(&[414, 431]) } else { Want::Any };
        let tail = "a".repeat(length);
        cases.push(site.get(
            format!("a path of {length} bytes"),
            if length > 16_384 { want } else { Want::Refused },
            &format!("/scim/v2/Users/{tail}"),
        ));
        cases.push(site.get(format!("a query of {length} bytes"), want, &format!("/scim/v2/Users?x={tail}")));
        let bytes = plain("GET", &format!("/{}", "/".repeat(length)), &[], b"");
        let want = if length > 16_384 { want } else { Want::One(&[401, 414]) };
        cases.push(Case { what: format!("{length} slashes without a token"), bytes, want });
    }
    cases.push(site.get(
        "1,000,000 parentheses in the query",
        Want::One(&[414, 431]),
        &format!("/scim/v2/Users?filter={}", "(".repeat(1_000_000)),
    ));
    cases.push(Case {
        what: "a method of 20 kB".into(),
        bytes: raw(site, &"A".repeat(20_000), "/", &[], b""),
        want: Want::Refused,
    });
    cases
}
