//! What a client says about itself or about a resource never becomes a key, a right, or a hint.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::authorization::malformed;
use super::{is_scim_error, user};
use crate::support::Appliance;
use crate::wire::{PATIENCE, exchange, plain};

/// Internal keys are never derived from, parsed from, or looked up by what a client sent.
#[test]
fn an_external_id_is_never_a_key() {
    let appliance = Appliance::start();
    let first = appliance.post("/Users", user("first")).json();
    let first = first["id"].as_str().unwrap().to_owned();
    for (i, value) in ["1", "0", "-1", "01", "1e0", "admin", first.as_str()].into_iter().enumerate() {
        let mut body = user(&format!("external{i}"));
        body["externalId"] = json!(value);
        body["id"] = json!(value);
        let answer = appliance.post("/Users", body);
        assert_eq!(answer.status, 201, "{value}");
        let made = answer.json();
        assert_eq!(made["externalId"], json!(value));
        assert_ne!(made["id"], json!(value));
        assert_ne!(made["id"], json!(first));
        let found = appliance.get(&format!("/Users/{value}"));
        match value == first {
            true => assert_eq!(found.json()["userName"], json!("hostile-first@example.com")),
            false => assert_eq!(found.status, 404, "{value}"),
        }
    }
}

#[test]
fn what_belongs_to_the_server_cannot_be_assigned() {
    let appliance = Appliance::start();
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Administrators"});
    let group = appliance.post("/Groups", group).json();
    let mut body = user("mass");
    body["id"] = json!("00000000-0000-0000-0000-000000000001");
    body["groups"] = json!([{"value": group["id"], "display": "Administrators"}]);
    body["meta"] = json!({"resourceType": "Admin", "created": "1970-01-01T00:00:00Z", "lastModified": "1970-01-01T00:00:00Z",
        "location": "https://attacker.example/", "version": "W/\"1\""});
    body["__proto__"] = json!({"active": false});
    let answer = appliance.post("/Users", body.clone());
    assert_eq!(answer.status, 201);
    let made = answer.json();
    let id = made["id"].as_str().unwrap().to_owned();
    let check = |seen: &Value| {
        assert_eq!(seen["id"], json!(id));
        assert!(seen.get("groups").is_none_or(|g| g == &json!([])), "{seen}");
        assert!(seen.get("__proto__").is_none());
        assert_eq!(seen["meta"]["resourceType"], json!("User"));
        assert!(!seen["meta"]["created"].as_str().unwrap().starts_with("1970"));
        assert!(!seen["meta"]["lastModified"].as_str().unwrap().starts_with("1970"));
        assert!(seen["meta"]["location"].as_str().unwrap().ends_with(&format!("/scim/v2/Users/{id}")));
        assert!(!seen["meta"]["location"].as_str().unwrap().contains("attacker"));
    };
    check(&made);
    assert_eq!(appliance.put(&format!("/Users/{id}"), body.clone()).status, 200);
    check(&appliance.get(&format!("/Users/{id}")).json());
    for attribute in ["id", "groups", "meta"] {
        let operations = json!([{"op": "replace", "path": attribute, "value": body[attribute]}]);
        let patch = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
        assert_eq!(appliance.patch(&format!("/Users/{id}"), patch).status, 400, "{attribute}");
        check(&appliance.get(&format!("/Users/{id}")).json());
    }
    let members = appliance.get(&format!("/Groups/{}", group["id"].as_str().unwrap())).json();
    assert!(members.get("members").is_none_or(|m| m == &json!([])), "{members}");
}

/// A request's own idea of its host never reaches what the server says about itself.
#[test]
fn locations_come_from_the_configuration_alone() {
    let appliance = Appliance::with_config("public_url = \"https://scim.example.com\"\n");
    let bearer = format!("Bearer {}", appliance.token);
    let lies = [
        ("Authorization", bearer.as_str()),
        ("X-Forwarded-Host", "attacker.example"),
        ("X-Forwarded-Proto", "gopher"),
        ("Forwarded", "host=attacker.example"),
        ("X-Original-Host", "attacker.example"),
        ("Content-Type", "application/scim+json"),
    ];
    let request = plain("POST", "http://attacker.example/scim/v2/Users", &lies, user("host").to_string().as_bytes());
    let reply = exchange(appliance.port, &request, PATIENCE).unwrap();
    assert!(matches!(reply.status, 201 | 400 | 421), "{}", reply.body);
    assert!(!format!("{:?} {}", reply.headers, reply.body).contains("attacker"), "{:?} {}", reply.headers, reply.body);
    let made = appliance.post("/Users", user("host2"));
    let id = made.json()["id"].as_str().unwrap().to_owned();
    let location = format!("https://scim.example.com/scim/v2/Users/{id}");
    assert_eq!(made.json()["meta"]["location"], json!(location));
    assert_eq!(made.header("location"), Some(location.as_str()));
}

/// Nothing in the answer tells a guesser how near the guess was.
#[test]
fn every_bad_credential_gets_the_same_answer() {
    let appliance = Appliance::with_config("[limits]\nbad_token_burst = 0\n");
    let mut bodies = BTreeSet::new();
    let mut challenges = BTreeSet::new();
    for (what, value) in malformed(&appliance.token) {
        let request = plain("GET", "/scim/v2/Users", &[("Authorization", &value)], b"");
        let reply = exchange(appliance.port, &request, PATIENCE).unwrap();
        assert_eq!(reply.status, 401, "{what}");
        is_scim_error(&reply).unwrap();
        challenges.insert(reply.header("www-authenticate").unwrap().to_owned());
        bodies.insert(reply.body);
    }
    assert_eq!(bodies.len(), 1, "{bodies:?}");
    assert_eq!(challenges.len(), 1, "{challenges:?}");
    assert!(challenges.iter().all(|c| c.starts_with("Bearer")));
}

/// The three ways in which known clients write a good token, and their variations in letter case.
#[test]
fn a_good_token_is_accepted_in_every_form_that_clients_use() {
    let appliance = Appliance::start();
    let token = &appliance.token;
    let basic = |user: &str| base64(&format!("{user}:{token}"));
    let forms = [
        format!("Bearer {token}"),
        format!("bearer {token}"),
        format!("BEARER {token}"),
        token.clone(),
        format!("Basic {}", basic("okta")),
        format!("basic {}", basic("")),
        format!("BASIC {}", basic("any:thing")),
    ];
    for (i, form) in forms.iter().enumerate() {
        let request = plain("GET", "/scim/v2/Users", &[("Authorization", form)], b"");
        let reply = exchange(appliance.port, &request, PATIENCE).unwrap();
        // A user name with a colon in it ends at the colon, so that the rest belongs to the password.
        assert_eq!(reply.status, if i == 6 { 401 } else { 200 }, "{i}: {}", reply.body);
    }
}

fn base64(text: &str) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(text)
}
