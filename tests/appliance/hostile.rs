//! A corpus of hostile requests. None may end the process, hang, or be answered 500; what is refused is refused with a
//! SCIM Error that a person can act on; and after every group of requests the server answers a normal one.

pub mod authorization;
mod bodies;
mod filters;
mod framing;
mod identity;
mod json;
mod patches;
mod queries;
mod slow;
mod targets;
mod values;

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};
use crate::wire::{PATIENCE, exchange, plain};

/// Distinct requests that the corpus has to hold.
const LEAST: usize = 300;
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Limits low enough that going over them is quick; but none on bad tokens, of which the corpus holds more than a few
/// (`limits.rs` is about that one).
const CONFIG: &str = "[limits]\nbad_token_burst = 0\nbody_bytes = 2097152\nheader_seconds = 2\nbody_idle_seconds = 2\nbody_seconds = 4\n";

/// What a request may be answered with. 500 and the like never.
#[derive(Debug, Clone, Copy)]
pub enum Want {
    /// Some refusal: 4xx, or 501 and 505 for methods and versions that do not exist here.
    Refused,
    /// One of these.
    One(&'static [u16]),
    /// Anything that is no failure of the server.
    Any,
}

/// One request, as bytes.
pub struct Case {
    /// What is odd about it.
    pub what: String,
    /// The request.
    pub bytes: Vec<u8>,
    /// The answer.
    pub want: Want,
}

/// The server as the cases see it, with somebody and something in it to aim at.
pub struct Site {
    pub port: u16,
    pub token: String,
    pub user: String,
    pub group: String,
}

impl Site {
    /// A complete and correct HTTP request with the token, for cases whose oddness is elsewhere.
    pub fn request(&self, method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
        let bearer = format!("Bearer {}", self.token);
        let mut all = vec![("Authorization", bearer.as_str())];
        all.extend(headers);
        plain(method, target, &all, body)
    }

    pub fn case(&self, what: impl Into<String>, want: Want, method: &str, target: &str, body: &[u8]) -> Case {
        let typed: &[(&str, &str)] = if body.is_empty() { &[] } else { &[("Content-Type", "application/scim+json")] };
        Case { what: what.into(), bytes: self.request(method, target, typed, body), want }
    }

    pub fn get(&self, what: impl Into<String>, want: Want, target: &str) -> Case {
        self.case(what, want, "GET", target, b"")
    }

    /// A PATCH of the user that is there.
    pub fn patch(&self, what: impl Into<String>, want: Want, operations: Value) -> Case {
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        self.case(what, want, "PATCH", &format!("/scim/v2/Users/{}", self.user), body.to_string().as_bytes())
    }
}

/// A user that differs from every other in its userName.
pub fn user(name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("hostile-{name}@example.com")})
}

#[test]
fn no_request_of_the_corpus_does_harm() {
    let appliance = Appliance::with_config(CONFIG);
    let site = site(&appliance);
    let groups: [(&str, Vec<Case>); 13] = [
        ("json depth", json::depth(&site)),
        ("json text", json::text(&site)),
        ("value types", values::types(&site)),
        ("value contents", values::contents(&site)),
        ("filters", filters::cases(&site)),
        ("patches", patches::cases(&site)),
        ("queries", queries::cases(&site)),
        ("authorization", authorization::headers(&site)),
        ("paths without a token", authorization::paths(&site)),
        ("methods and targets", targets::cases(&site)),
        ("headers and framing", framing::cases(&site)),
        ("bodies", bodies::cases(&site)),
        ("slow clients", slow::cases(&site)),
    ];
    let mut distinct = HashSet::new();
    let mut wrong = Vec::new();
    for (group, cases) in groups {
        assert!(!cases.is_empty(), "{group} is empty");
        for case in cases {
            let verdict = exchange(site.port, &case.bytes, PATIENCE).and_then(|reply| judge(&case, &reply));
            wrong.extend(verdict.err().map(|why| format!("{group}: {}: {why}", case.what)));
            distinct.insert(case.bytes);
        }
        let normal = site.request("GET", &format!("/scim/v2/Users/{}", site.user), &[], b"");
        match exchange(site.port, &normal, PATIENCE) {
            Ok(reply) if reply.status == 200 => {}
            other => panic!("after {group} a normal request fails: {other:?}\n{}", wrong.join("\n")),
        }
    }
    let shown = wrong.iter().take(50).map(String::as_str).collect::<Vec<_>>().join("\n");
    assert!(wrong.is_empty(), "{} of {} went wrong, first:\n{shown}", wrong.len(), distinct.len());
    assert!(distinct.len() >= LEAST, "the corpus holds {} distinct requests, not {LEAST}", distinct.len());
    assert!(!appliance.log().contains("panicked"), "something panicked:\n{}", appliance.log());
}

fn site(appliance: &Appliance) -> Site {
    let mut somebody = user("target");
    somebody["emails"] = json!([{"value": "target@example.com", "type": "work", "primary": true}]);
    let made = appliance.post("/Users", somebody).json();
    let user = made["id"].as_str().unwrap().to_owned();
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Hostile target",
        "members": [{"value": user}]});
    let made = appliance.post("/Groups", group).json();
    let group = made["id"].as_str().unwrap().to_owned();
    Site { port: appliance.port, token: appliance.token.clone(), user, group }
}

fn judge(case: &Case, reply: &Answer) -> Result<(), String> {
    let status = reply.status;
    let allowed = match case.want {
        Want::Refused => matches!(status, 400..=499 | 501 | 505),
        Want::One(list) => list.contains(&status),
        Want::Any => matches!(status, 200..=299 | 400..=499 | 501 | 505),
    };
    if !allowed {
        return Err(format!("answered {status}, expected {:?}: {}", case.want, beginning(&reply.body)));
    }
    if case.bytes.starts_with(b"HEAD ") || (200..300).contains(&status) {
        return Ok(());
    }
    is_scim_error(reply)
}

fn beginning(text: &str) -> String {
    text.chars().take(300).collect()
}

/// Every answer that is not 2xx is a SCIM Error (RFC 7644 §3.12), and gives nothing away.
pub fn is_scim_error(reply: &Answer) -> Result<(), String> {
    let shown = || format!("answered {} {:?} {}", reply.status, reply.headers, beginning(&reply.body));
    let fail = |why: &str| Err(format!("{why}: {}", shown()));
    if !reply.header("content-type").is_some_and(|t| t.starts_with("application/scim+json")) {
        return fail("the content type is not application/scim+json");
    }
    if reply.header("content-length").is_none() || reply.header("x-request-id").is_none_or(str::is_empty) {
        return fail("Content-Length or X-Request-Id is missing");
    }
    if reply.status == 401 && reply.header("www-authenticate").is_none() {
        return fail("WWW-Authenticate is missing");
    }
    let Ok(body) = serde_json::from_str::<Value>(&reply.body) else { return fail("the body is not JSON") };
    if body["schemas"] != json!([ERROR]) || body["status"] != json!(reply.status.to_string()) {
        return fail("the body is not a SCIM Error with its status as text");
    }
    let detail = body["detail"].as_str().unwrap_or_default();
    if detail.trim().is_empty() {
        return fail("the detail is empty");
    }
    let inside = ["SELECT ", "INSERT ", "rusqlite", "panicked", ".rs:", "/src/", "stack backtrace"];
    match inside.iter().find(|mark| detail.contains(**mark)) {
        Some(_) => fail("the detail tells about the inside of the server"),
        None => Ok(()),
    }
}
