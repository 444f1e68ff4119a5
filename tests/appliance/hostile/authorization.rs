//! Credentials that are none, and paths that hope to get past the question.

use super::{Case, Site, Want};
use crate::wire::plain;

const NO: Want = Want::One(&[401]);

/// Values of the Authorization header that are not a good token.
pub fn malformed(token: &str) -> Vec<(&'static str, String)> {
    let body = token.rsplit_once('_').map_or(token, |(_, body)| body);
    let public = token.split('_').nth(1).unwrap_or_default();
    let (first, second) = token.split_at(token.len() / 3);
    let (shorter, _) = token.split_at(token.len() - 1);
    // Another last character breaks the checksum, another one in the middle the secret.
    let swapped = |at: usize| {
        let mut changed: Vec<char> = token.chars().collect();
        changed[at] = if changed[at] == 'A' { 'B' } else { 'A' };
        changed.into_iter().collect::<String>()
    };
    vec![
        ("an empty value", String::new()),
        ("only the scheme", "Bearer".into()),
        ("only the scheme and blanks", "Bearer   ".into()),
        ("the word null", "Bearer null".into()),
        ("the word undefined", "Bearer undefined".into()),
        ("the scheme twice", "Bearer Bearer".into()),
        ("something short", "Bearer x".into()),
        ("the public id alone", format!("Bearer {public}")),
        ("the prefix and the public id", format!("Bearer scimapp_{public}")),
        ("the secret alone", format!("Bearer {body}")),
        ("one character less", format!("Bearer {shorter}")),
        ("one character more", format!("Bearer {token}x")),
        ("another last character", format!("Bearer {}", swapped(token.len() - 1))),
        ("another character in the middle", format!("Bearer {}", swapped(token.len() / 2))),
        ("another public id", format!("Bearer {}", swapped("scimapp_".len()))),
        ("all in capitals", format!("Bearer {}", token.to_uppercase())),
        ("the token in two", format!("Bearer {first} {second}")),
        ("two tokens with a comma", format!("Bearer {token}, Bearer {token}")),
        ("the token in quotes", format!("Bearer \"{token}\"")),
        ("Digest", "Digest username=\"a\", realm=\"b\", response=\"c\"".into()),
        ("Negotiate", "Negotiate TlRMTVNTUAABAAAA".into()),
        ("an unknown scheme with the token", format!("Token {token}")),
        ("Basic without anything", "Basic".into()),
        ("Basic that is not base64", "Basic !!!!".into()),
        ("Basic without a colon", "Basic YWJj".into()),
        ("Basic with an empty password", "Basic YWJjOg==".into()),
        ("Basic with a wrong password", "Basic YWRtaW46YWRtaW4=".into()),
        ("Basic with bytes that are no text", "Basic /////w==".into()),
        ("a JSON web token", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.".into()),
        ("8 kB", format!("Bearer {}", "A".repeat(8192))),
        ("8 kB behind the token", format!("Bearer {token}{}", "A".repeat(8192))),
        ("text beyond ASCII", "Bearer Ünïcödé".into()),
        ("a tab inside", "Bearer\tx\ty".into()),
        ("percent signs", format!("Bearer {}", token.replace('_', "%5F"))),
        ("the name of a pattern", "Bearer %".into()),
        ("SQL", "Bearer ' OR '1'='1".into()),
    ]
}

pub fn headers(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    for (what, value) in malformed(&site.token) {
        let bytes = plain("GET", "/scim/v2/Users", &[("Authorization", &value)], b"");
        cases.push(Case { what: what.into(), bytes, want: NO });
    }
    let good = format!("Bearer {}", site.token);
    let mut add = |what: &str, want, headers: &[(&str, &str)]| {
        let bytes = plain("GET", "/scim/v2/Users", headers, b"");
        cases.push(Case { what: what.into(), bytes, want });
    };
    add("none", NO, &[]);
    add(
        "two headers, bad and good",
        Want::One(&[400, 401]),
        &[("Authorization", "Bearer x"), ("Authorization", &good)],
    );
    add(
        "two headers, good and bad",
        Want::One(&[400, 401]),
        &[("Authorization", &good), ("Authorization", "Bearer x")],
    );
    add("two bad headers", Want::One(&[400, 401]), &[("Authorization", "Bearer x"), ("Authorization", "Basic y")]);
    add("a NUL", Want::One(&[400, 401]), &[("Authorization", "Bearer a\0b")]);
    add("a cookie", NO, &[("Cookie", &format!("token={}; sid={}", site.token, site.token))]);
    add(
        "another header",
        NO,
        &[("X-Api-Key", &site.token), ("Proxy-Authorization", &good), ("X-Authorization", &good)],
    );
    add(
        "headers of a proxy",
        NO,
        &[("X-Forwarded-User", "admin"), ("X-Original-URL", "/healthz"), ("X-Rewrite-URL", "/healthz")],
    );
    add("a method in a header", NO, &[("X-HTTP-Method-Override", "OPTIONS")]);
    for query in ["access_token", "token", "authorization", "bearer_token", "api_key"] {
        let bytes = plain("GET", &format!("/scim/v2/Users?{query}={}", site.token), &[], b"");
        cases.push(Case { what: format!("the token in the query as {query}"), bytes, want: NO });
    }
    for (method, target) in [
        ("POST", "/scim/v2/Users"),
        ("PUT", "/scim/v2/Users/x"),
        ("PATCH", "/scim/v2/Users/x"),
        ("DELETE", "/scim/v2/Users/x"),
        ("POST", "/scim/v2/.search"),
        ("POST", "/scim/v2/Bulk"),
        ("GET", "/scim/v2/ServiceProviderConfig"),
        ("GET", "/scim/v2/Schemas"),
        ("GET", "/scim/v2/ResourceTypes"),
        ("GET", "/scim/v2/Me"),
        ("GET", "/scim/v2"),
        ("GET", "/metrics"),
        ("GET", "/favicon.ico"),
        ("GET", "/scim/v1/Users"),
        ("GET", "/.git/config"),
        ("TRACE", "/scim/v2/Users"),
        ("BREW", "/scim/v2/Users"),
    ] {
        let body: &[u8] = if method.starts_with('P') { b"{\"userName\":\"x\"}" } else { b"" };
        cases.push(Case {
            what: format!("{method} {target} without a token"),
            bytes: plain(method, target, &[], body),
            want: NO,
        });
    }
    cases
}

/// Ways to write a path so that a check by prefix looks at another one than the router. Never 200 without a token.
pub fn paths(site: &Site) -> Vec<Case> {
    let mine = format!("/scim/v2/Users/{}", site.user);
    let mut targets: Vec<String> = [
        "/scim%2Fv2/Users",
        "/scim%2fv2%2fUsers",
        "//scim/v2/Users",
        "///scim//v2///Users",
        "/scim//v2/Users",
        "/scim/v2//Users",
        "/scim/v2/%2e%2e/Users",
        "/scim/v2/../v2/Users",
        "/scim/v2/./Users",
        "/scim/v2/%2e/Users",
        "/scim/v2/Users/..",
        "/scim/v2/Users/%2e%2e/Users",
        "/./scim/v2/Users",
        "/../scim/v2/Users",
        "/%2e%2e/scim/v2/Users",
        "/healthz/../scim/v2/Users",
        "/healthz/%2e%2e/scim/v2/Users",
        "/healthz%2f..%2fscim/v2/Users",
        "/healthz/..%2fscim/v2/Users",
        "/healthz;/../scim/v2/Users",
        "/readyz/..;/scim/v2/Users",
        "/healthz//scim/v2/Users",
        "/healthz%00/scim/v2/Users",
        "/healthz%3f/scim/v2/Users",
        "/healthz%23/scim/v2/Users",
        "/healthz/scim/v2/Users",
        "/readyz/scim/v2/Users",
        "/HEALTHZ",
        "/healthz%2f",
        "/%68ealthz/../scim/v2/Users",
        "/scim/v2/Users;a=b",
        "/scim/v2;a=b/Users",
        "/scim;a=b/v2/Users",
        "/scim/v2/Users;",
        "/scim/v2/Users/;a=b",
        "/SCIM/V2/USERS",
        "/Scim/v2/Users",
        "/scim/V2/Users",
        "/scim/v2/users",
        "/scim/v2/USERS",
        "/scim/v2/Users/",
        "/scim/v2/Users//",
        "/scim/v2/",
        "/scim/v2/Users%20",
        "/scim/v2/Users%00",
        "/scim/v2/Users%0a",
        "/scim/v2/Users%0d%0aX:1",
        "/scim/v2/Users.json",
        "/scim/v2/Users~",
        "/scim/v2/Users%2f",
        "/scim/v2/Users%3fcount=1",
        "/scim/v2/%55sers",
        "/%73cim/v2/Users",
        "/scim%252Fv2/Users",
        "/scim\\v2\\Users",
        "/scim/v2\\Users",
        "/scim%5cv2%5cUsers",
        "/scim/v2/Users%5c",
        "/scim/v2/Users%c0%af",
        "/scim/v2/%ff",
        "/scim/v2/Users/%2e%2e%2fSchemas",
        "/v2/Users",
        "/Users",
        "/scim/Users",
        "/scim/v2/Users/.search",
        "/scim/v2/Schemas/..%2fUsers",
        "/scim/v2.0/Users",
        "/api/v1/users",
        "/ui/",
        "/admin",
        "/static/../scim/v2/Users",
        "/scim/v2/Users?/healthz",
        "/scim/v2/Users?x=/readyz",
        "/healthz/?/scim/v2/Users",
    ]
    .map(str::to_owned)
    .to_vec();
    targets.extend(["", "/", ";x=y", "%20", "?a=b", "/."].map(|tail| format!("{mine}{tail}")));
    targets.extend([
        format!("http://127.0.0.1{mine}"),
        "http://127.0.0.1/scim/v2/Users".into(),
        "http://healthz/scim/v2/Users".into(),
    ]);
    targets.into_iter().map(|t| Case { what: t.clone(), bytes: plain("GET", &t, &[], b""), want: NO }).collect()
}
