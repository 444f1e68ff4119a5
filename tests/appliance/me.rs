//! `/Me` (RFC 7644 §3.11): a token that is bound to a user, by every verb, and what it does not open.

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

struct Person<'a> {
    appliance: &'a Appliance,
    bearer: String,
    id: String,
}

impl Person<'_> {
    fn ask(&self, method: &str, path: &str, more: &[(&str, &str)], body: Option<Value>) -> Answer {
        let mut headers = vec![("Authorization", self.bearer.as_str()), ("Content-Type", "application/scim+json")];
        headers.extend(more);
        let body = body.map(|b| b.to_string());
        self.appliance.send(method, &format!("/scim/v2{path}"), &headers, body.as_deref().map(str::as_bytes))
    }

    fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, &[], None)
    }

    fn patch(&self, operation: Value) -> Answer {
        self.ask("PATCH", "/Me", &[], Some(json!({"schemas": [PATCH], "Operations": [operation]})))
    }

    fn location(&self) -> String {
        format!("{}/Users/{}", self.appliance.base(), self.id)
    }
}

fn ada(appliance: &Appliance) -> Person<'_> {
    let made = appliance.post("/Users", json!({"schemas": [USER], "userName": "Ada@x.io", "title": "Countess"}));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let token = appliance.command(&["token", "create", "--name", "ada", "--user", "ada@X.io"]);
    assert!(token.status.success(), "{token:?}");
    let bearer = format!("Bearer {}", String::from_utf8(token.stdout).unwrap().trim());
    Person { appliance, bearer, id }
}

#[test]
fn every_verb_works_on_the_own_record() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    let seen = ada.get("/Me");
    assert_eq!((seen.status, seen.json()["id"].clone()), (200, json!(ada.id)), "{}", seen.body);
    assert_eq!(seen.json(), appliance.get(&format!("/Users/{}", ada.id)).json());
    assert_eq!(seen.header("Location"), Some(ada.location().as_str()));
    assert_eq!(seen.header("ETag"), seen.json()["meta"]["version"].as_str());
    assert_eq!(ada.get("/Me?attributes=title").json()["title"], json!("Countess"));
    let head = ada.ask("HEAD", "/Me", &[], None);
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let version = seen.header("ETag").unwrap();
    assert_eq!(ada.ask("GET", "/Me", &[("If-None-Match", version)], None).status, 304);

    let patched = ada.patch(json!({"op": "replace", "path": "title", "value": "Lady"}));
    assert_eq!((patched.status, patched.json()["title"].clone()), (200, json!("Lady")), "{}", patched.body);
    assert_eq!(patched.header("Location"), Some(ada.location().as_str()));
    let whole = json!({"schemas": [USER], "userName": "Ada@x.io", "nickName": "A"});
    assert_eq!(ada.ask("PUT", "/Me", &[("If-Match", version)], Some(whole.clone())).status, 412);
    let put = ada.ask("PUT", "/Me", &[], Some(whole.clone()));
    assert_eq!((put.status, put.json()["nickName"].clone()), (200, json!("A")), "{}", put.body);
    let posted = ada.ask("POST", "/Me", &[], Some(whole));
    assert_eq!(posted.status, 409, "{}", posted.body);
    assert_eq!(posted.header("Location"), Some(ada.location().as_str()));
    assert_eq!(ada.ask("OPTIONS", "/Me", &[], None).status, 204);

    assert_eq!(ada.ask("DELETE", "/Me", &[("If-Match", version)], None).status, 412);
    let left = ada.ask("DELETE", "/Me", &[], None);
    assert_eq!((left.status, left.body.as_str()), (204, ""));
    assert_eq!(left.header("Location"), Some(ada.location().as_str()));
    assert_eq!(appliance.delete(&format!("/Users/{}", ada.id)).status, 204);
    assert_eq!(ada.get("/Me").status, 401, "the token went with its user");
}

/// C12: whoever removes the own account is deactivated; the record stays for those who take over, and for the identity
/// provider, whose next push may let the person in again.
#[test]
fn whoever_removes_the_own_account_is_deactivated() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    let path = format!("/Users/{}", ada.id);
    let group = appliance.post("/Groups", json!({"displayName": "Eng", "members": [{"value": ada.id}]}));
    assert_eq!(group.status, 201);
    let before = appliance.get(&path).json();
    assert_eq!(ada.ask("DELETE", "/Me", &[], None).status, 204);
    let after = appliance.get(&path).json();
    assert_eq!((&after["active"], &after["groups"]), (&json!(false), &before["groups"]));
    assert_ne!(after["meta"]["version"], before["meta"]["version"]);
    for method in ["GET", "PATCH", "DELETE"] {
        let answer = ada.ask(method, "/Me", &[], (method == "PATCH").then(|| json!({})));
        assert_eq!(answer.status, 403, "{method}: {}", answer.body);
        assert!(answer.body.contains("deactivated"), "{}", answer.body);
    }
    let open = appliance.command(&["handover", "list", "--json"]);
    let open: Value = serde_json::from_slice(&open.stdout).unwrap();
    let bound = ada.bearer.split('_').nth(1).unwrap();
    assert_eq!((&open[0]["person"], &open[0]["openedBy"]), (&json!(ada.id), &json!(format!("token:{bound}"))));
    let file = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let op: String = file.query_row("select op from change order by n desc limit 1", [], |r| r.get(0)).unwrap();
    assert_eq!(op, "leave");
    // The identity provider has the last word, and the token is good again with it.
    let put = appliance.put(&path, json!({"schemas": [USER], "userName": "Ada@x.io", "active": true}));
    assert_eq!((put.status, put.json()["active"].clone()), (200, json!(true)));
    assert_eq!(ada.get("/Me").status, 200);
    let open = appliance.command(&["handover", "list", "--json"]);
    assert_eq!(serde_json::from_slice::<Value>(&open.stdout).unwrap(), json!([]));
}

/// Somebody who administers is not gone by mistake; whoever is no longer one may go.
#[test]
fn whoever_administers_cannot_remove_the_own_account() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    assert!(appliance.command(&["role", "set", "ada@x.io", "Admin"]).status.success());
    let refused = ada.ask("DELETE", "/Me", &[], None);
    assert_eq!(refused.status, 403, "{}", refused.body);
    assert!(refused.json()["detail"].as_str().unwrap().contains("somebody else has to do it"), "{}", refused.body);
    assert_eq!(ada.get("/Me").json()["active"], json!(true), "nothing was changed");
    assert!(appliance.command(&["role", "set", "ada@x.io", "User"]).status.success());
    assert_eq!(ada.ask("DELETE", "/Me", &[], None).status, 204);
}

#[test]
fn nobody_decides_about_themselves() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    for (path, value) in [
        ("active", json!(false)),
        ("roles", json!([{"value": "ORGANIZATION_ADMINISTRATOR"}])),
        ("entitlements", json!([{"value": "e1"}])),
        ("userName", json!("grace@x.io")),
        ("externalId", json!("e1")),
        ("emails", json!([{"value": "grace@x.io"}])),
        ("x509Certificates", json!([{"value": "AAAA"}])),
        ("userType", json!("Employee")),
        ("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", json!({"value": "u1"})),
    ] {
        let answer = ada.patch(json!({"op": "replace", "path": path, "value": value}));
        assert_eq!(answer.status, 403, "{path}: {}", answer.body);
        let named = path.strip_suffix(":manager").unwrap_or(path);
        assert!(answer.json()["detail"].as_str().unwrap().contains(named), "{}", answer.body);
    }
    for (path, value) in [("nickName", json!("A")), ("phoneNumbers", json!([{"value": "1"}])), ("locale", json!("de"))]
    {
        assert_eq!(ada.patch(json!({"op": "add", "path": path, "value": value})).status, 200, "{path}");
    }
    // What changes nothing is no decision.
    assert_eq!(ada.patch(json!({"op": "replace", "path": "active", "value": true})).status, 200);
    assert_eq!(appliance.get(&format!("/Users/{}", ada.id)).json()["userName"], json!("Ada@x.io"));
}

#[test]
fn the_token_opens_nothing_else() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Eng"});
    let bulk = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": []});
    let own = format!("/Users/{}", ada.id);
    for (method, path, body) in [
        ("GET", "/Users", None),
        ("GET", own.as_str(), None),
        ("GET", "/Groups", None),
        ("GET", "", None),
        ("POST", "/Groups", Some(group)),
        ("POST", "/.search", Some(json!({}))),
        ("POST", "/Users/.search", Some(json!({}))),
        ("POST", "/Bulk", Some(bulk)),
        ("DELETE", own.as_str(), None),
        ("OPTIONS", "/Users", None),
        ("GET", "/nowhere", None),
    ] {
        let answer = ada.ask(method, path, &[], body);
        assert_eq!(answer.status, 403, "{method} {path}: {}", answer.body);
    }
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/Schemas", "/ResourceTypes/User"] {
        assert_eq!(ada.get(path).status, 200, "{path}");
    }
}

#[test]
fn whoever_is_deactivated_is_out_at_once() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    let path = format!("/Users/{}", ada.id);
    let active = |value: bool| {
        let operation = json!({"op": "replace", "path": "active", "value": value});
        assert_eq!(appliance.patch(&path, json!({"schemas": [PATCH], "Operations": [operation]})).status, 200);
    };
    active(false);
    for method in ["GET", "HEAD", "DELETE"] {
        assert_eq!(ada.ask(method, "/Me", &[], None).status, 403, "{method}");
    }
    assert_eq!(ada.patch(json!({"op": "replace", "path": "active", "value": true})).status, 403);
    active(true);
    assert_eq!(ada.get("/Me").status, 200);
    assert!(appliance.command(&["provisioning", "read-only"]).status.success());
    assert_eq!((ada.get("/Me").status, ada.ask("DELETE", "/Me", &[], None).status), (200, 403));
    assert!(appliance.command(&["provisioning", "off"]).status.success());
    assert_eq!(ada.get("/Me").status, 403);
}

#[test]
fn a_token_that_is_bound_to_nobody_has_no_me() {
    let appliance = Appliance::start();
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
        let bearer = format!("Bearer {}", appliance.token);
        let body = (method != "GET").then_some(b"{}".as_slice());
        let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/scim+json")];
        let answer = appliance.send(method, "/scim/v2/Me", &headers, body);
        assert_eq!(answer.status, 501, "{method}: {}", answer.body);
        assert_eq!(answer.json()["status"], json!("501"));
    }
}

#[test]
fn a_token_is_bound_to_somebody_who_is_there() {
    let appliance = Appliance::start();
    let ada = ada(&appliance);
    for (arguments, word) in [
        (&["--user", "nobody"][..], "nobody"),
        (&["--scope", "me"], "--user"),
        (&["--scope", "scim", "--user", "ada@x.io"], "--scope"),
    ] {
        let refused = appliance.command(&[&["token", "create", "--name", "x"], arguments].concat());
        assert!(!refused.status.success() && refused.stdout.is_empty(), "{refused:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains(word), "{refused:?}");
    }
    // By id too, and such tokens do not count among the two of an identity provider.
    for _ in 0..3 {
        assert!(appliance.command(&["token", "create", "--name", "x", "--user", &ada.id]).status.success());
    }
    let listed: Value = serde_json::from_slice(&appliance.command(&["token", "list", "--json"]).stdout).unwrap();
    let bound: Vec<&Value> = listed.as_array().unwrap().iter().filter(|t| t["scope"] == json!("me")).collect();
    assert_eq!(bound.len(), 4);
    assert!(bound.iter().all(|t| t["user"] == json!(ada.id)), "{listed}");
}

/// RFC 7643 §7, `returned`: what is never shown is not to be guessed at either, not even by the person it is about.
#[test]
fn nobody_finds_out_what_is_never_shown() {
    const HR: &str = "urn:xx:ext:hr";
    let appliance = Appliance::with_config(
        "[[schema]]\nid = \"urn:xx:ext:hr\"\nextends = [\"User\"]\nattribute = [{ name = \"level\" }, { name = \"secret\", mutability = \"writeOnly\" },\n\
        { name = \"desk\", type = \"complex\", sub_attribute = [{ name = \"floor\" }, { name = \"pin\", returned = \"never\" }] }]\n",
    );
    let ada = ada(&appliance);
    let path = format!("/Users/{}", ada.id);
    let set =
        json!({"op": "add", "value": {HR: {"level": "1", "secret": "s3", "desk": {"floor": "1", "pin": "4711"}}}});
    assert_eq!(appliance.patch(&path, json!({"schemas": [PATCH], "Operations": [set]})).status, 200);
    let shown = ada.get("/Me").json();
    let put = |hr: Value| {
        let mut body = shown.clone();
        body[HR] = hr;
        ada.ask("PUT", "/Me", &[], Some(body)).status
    };
    for (right, wrong) in [("s3", "s4"), ("S3", "")] {
        for guess in [right, wrong] {
            assert_eq!(ada.patch(json!({"op": "replace", "path": format!("{HR}:secret"), "value": guess})).status, 403);
            assert_eq!(ada.patch(json!({"op": "replace", "value": {HR: {"secret": guess}}})).status, 403);
            assert_eq!(put(json!({"level": "1", "secret": guess, "desk": {"floor": "1"}})), 403);
        }
    }
    for guess in ["4711", "4712"] {
        assert_eq!(ada.patch(json!({"op": "add", "path": format!("{HR}:desk.pin"), "value": guess})).status, 403);
        assert_eq!(ada.patch(json!({"op": "add", "path": format!("{HR}:desk"), "value": {"pin": guess}})).status, 403);
        assert_eq!(put(json!({"level": "1", "desk": {"floor": "1", "pin": guess}})), 403);
    }
    for nothing in [json!({"level": "1", "secret": null, "desk": {"floor": "1"}}), json!(null)] {
        assert_eq!(put(nothing), 403);
    }
    // What was read can be written back, and what is shown is no secret.
    assert_eq!(put(shown[HR].clone()), 200);
    assert_eq!(ada.patch(json!({"op": "replace", "path": format!("{HR}:level"), "value": "1"})).status, 200);
    assert_eq!(ada.get("/Me").json(), shown);
}
