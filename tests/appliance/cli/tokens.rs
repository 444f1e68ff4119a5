//! Tokens: made once, shown once, kept as a digest, and dead from the first request after their end.

use rusqlite::Connection;
use serde_json::{Value, json};

use super::{client, public_id, sentence, user};
use crate::hostile::is_scim_error;
use crate::served::{Place, Served};
use crate::support::Answer;

fn create(place: &Place, more: &[&str]) -> String {
    let printed = place.done(&[&["token", "create"], more].concat());
    assert_eq!(printed.lines().count(), 1, "{printed:?}");
    printed.trim_end().to_owned()
}

fn list(place: &Place) -> Vec<Value> {
    let printed = place.done(&["token", "list", "--json"]);
    serde_json::from_str::<Value>(&printed).unwrap().as_array().unwrap().clone()
}

fn status(server: &Served, token: &str) -> u16 {
    client(server, token).get("/Users?count=1").unwrap().status
}

#[test]
fn a_token_has_the_shape_that_scanners_look_for() {
    let place = Place::new("");
    let token = create(&place, &["--name", "okta"]);
    let rest = token.strip_prefix("scimapp_").unwrap();
    let (id, secret) = rest.split_once('_').unwrap();
    assert_eq!((id.len(), secret.len()), (8, 43 + 6), "{token}");
    assert!(format!("{id}{secret}").chars().all(|c| c.is_ascii_alphanumeric()), "{token}");
    assert_ne!(create(&place, &["--name", "okta"]), token);
}

#[test]
fn the_list_tells_everything_but_the_token() {
    let place = Place::new("");
    let first = create(&place, &["--name", "Okta \"main\"", "--expires", "30d"]);
    let second = create(&place, &["--name", "reports", "--scope", "scim:read", "--expires", "none"]);
    place.done(&["token", "revoke", public_id(&first)]);
    place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    let server = Served::start(&place.config());
    assert_eq!(status(&server, &second), 200);
    assert_eq!(server.terminate(), Some(0));
    let listed = list(&place);
    assert_eq!(listed.len(), 2);
    let of = |token: &str| listed.iter().find(|t| t["id"] == json!(public_id(token))).unwrap();
    for key in [
        "id",
        "name",
        "scope",
        "created",
        "createdBy",
        "expires",
        "revoked",
        "lastUsed",
        "lastAddress",
        "lastClient",
        "status",
        "user",
    ] {
        assert!(of(&first).get(key).is_some(), "{key} is missing");
    }
    assert_eq!(listed[0].as_object().unwrap().len(), 12);
    let (first_seen, second_seen) = (of(&first), of(&second));
    assert_eq!(
        (&first_seen["name"], &first_seen["scope"], &first_seen["status"]),
        (&json!("Okta \"main\""), &json!("scim"), &json!("revoked"))
    );
    assert!(first_seen["revoked"].is_string() && first_seen["lastUsed"].is_null(), "{first_seen}");
    let days = |token: &Value| {
        let time = |key: &str| token[key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
        (time("expires").as_second() - time("created").as_second()) / 86_400
    };
    assert_eq!(days(first_seen), 30);
    assert_eq!(
        (&second_seen["scope"], &second_seen["status"], &second_seen["expires"]),
        (&json!("scim:read"), &json!("live"), &Value::Null)
    );
    // Last uses are gathered in memory; at the latest a clean stop writes them down.
    assert!(second_seen["lastUsed"].is_string(), "{second_seen}");
    assert_eq!(second_seen["lastAddress"], json!("127.0.0.1"));
    let table = place.done(&["token", "list"]);
    let json = place.done(&["token", "list", "--json"]);
    for token in [&first, &second] {
        assert!(table.contains(public_id(token)));
        for text in [&table, &json] {
            assert!(!text.contains(token.as_str()) && !text.contains(token.rsplit('_').next().unwrap()));
        }
    }
}

#[test]
fn tokens_live_half_a_year_unless_told_otherwise() {
    let place = Place::new("[tokens]\nmax_live = 5\n");
    for (expires, days) in [
        (None, Some(180)),
        (Some("30d"), Some(30)),
        (Some("90d"), Some(90)),
        (Some("365d"), Some(365)),
        (Some("none"), None),
    ] {
        let mut arguments = vec!["--name", expires.unwrap_or("default")];
        arguments.extend(expires.iter().flat_map(|e| ["--expires", e]));
        let token = create(&place, &arguments);
        let seen = list(&place).into_iter().find(|t| t["id"] == json!(public_id(&token))).unwrap();
        let time = |key: &str| seen[key].as_str().map(|t| t.parse::<jiff::Timestamp>().unwrap().as_second());
        assert_eq!(time("expires").map(|e| (e - time("created").unwrap()) / 86_400), days);
    }
}

#[test]
fn a_third_live_token_is_refused_and_a_place_is_free_after_a_revocation() {
    let place = Place::new("");
    let first = create(&place, &["--name", "one"]);
    create(&place, &["--name", "two"]);
    let said = sentence(&place.command(&["token", "create", "--name", "three"]));
    assert!(said.contains("token revoke") || said.contains("revoke"), "{said}");
    assert_eq!(list(&place).len(), 2);
    // Tokens that can only look are not counted.
    create(&place, &["--name", "reader", "--scope", "scim:read"]);
    place.done(&["token", "revoke", public_id(&first)]);
    create(&place, &["--name", "three"]);
    sentence(&place.command(&["token", "create", "--name", "four"]));
    let wide = Place::new("[tokens]\nmax_live = 3\n");
    for name in ["one", "two", "three"] {
        create(&wide, &["--name", name]);
    }
    sentence(&wide.command(&["token", "create", "--name", "four"]));
}

#[test]
fn commands_take_effect_with_the_first_request_after_them() {
    let place = Place::new("");
    place.provisioned();
    let server = Served::start(&place.config());
    for i in 0..10 {
        let token = create(&place, &["--name", &format!("round {i}")]);
        assert_eq!(status(&server, &token), 200, "round {i}");
        assert_eq!(status(&server, &token), 200, "round {i}");
        place.done(&["token", "revoke", public_id(&token)]);
        assert_eq!(status(&server, &token), 401, "round {i}");
    }
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn revoking_what_is_not_there_is_said() {
    let place = Place::new("");
    let token = create(&place, &["--name", "one"]);
    for id in ["00000000", "x", "", "../../x", token.as_str(), "%"] {
        if place.command(&["token", "revoke", "--", id]).status.code() != Some(2) {
            sentence(&place.command(&["token", "revoke", "--", id]));
        }
    }
    assert_eq!(list(&place)[0]["status"], json!("live"));
}

#[test]
fn a_reading_token_reads_and_does_not_write() {
    let place = Place::new("");
    let writer = place.provisioned();
    let reader = create(&place, &["--name", "reader", "--scope", "scim:read"]);
    let server = Served::start(&place.config());
    let (writer, reader) = (client(&server, &writer), client(&server, &reader));
    let made = writer.post("/Users", &user("seen@example.com")).unwrap().json();
    let path = format!("/Users/{}", made["id"].as_str().unwrap());
    for path in [path.as_str(), "/Users", "/Schemas", "/ServiceProviderConfig"] {
        assert_eq!(reader.get(path).unwrap().status, 200, "{path}");
    }
    assert_eq!(reader.post("/Users/.search", &json!({})).unwrap().status, 200);
    let refused = |reply: Result<Answer, String>| {
        let reply = reply.unwrap();
        assert_eq!(reply.status, 403, "{}", reply.body);
        is_scim_error(&reply).unwrap();
    };
    refused(reader.post("/Users", &user("other@example.com")));
    refused(reader.put(&path, &user("changed@example.com")));
    refused(reader.patch(&path, &json!([{"op": "replace", "path": "active", "value": false}])));
    refused(reader.delete(&path));
    refused(reader.post("/Groups", &json!({"displayName": "x"})));
    assert_eq!(writer.get(&path).unwrap().json(), made);
    assert_eq!(server.terminate(), Some(0));
}

/// Outside all dead tokens look the same; the log tells its owner which it was.
#[test]
fn wrong_revoked_and_expired_tokens_look_the_same() {
    let place = Place::new("[log]\nlevel = \"debug\"\n");
    let revoked = place.provisioned();
    place.done(&["token", "revoke", public_id(&revoked)]);
    let expired = create(&place, &["--name", "old", "--expires", "30d"]);
    let file = Connection::open(place.database()).unwrap();
    file.execute("update token set expires = 1000 where id = ?1", [public_id(&expired)]).unwrap();
    file.execute("update generation set control = control + 1", []).unwrap();
    drop(file);
    assert_eq!(list(&place).iter().filter(|t| t["status"] == json!("expired")).count(), 1);
    let stranger = create(&Place::new(""), &["--name", "elsewhere"]);
    let server = Served::start(&place.config());
    let replies: Vec<Answer> = [&revoked, &expired, &stranger, &"nonsense".to_owned()]
        .iter()
        .map(|t| client(&server, t).get("/Users").unwrap())
        .collect();
    for reply in &replies {
        assert_eq!(reply.status, 401);
        is_scim_error(reply).unwrap();
        assert_eq!(reply.body, replies[0].body);
        let names = |reply: &Answer| reply.headers.iter().map(|(n, _)| n.to_lowercase()).collect::<Vec<_>>();
        assert_eq!(names(reply), names(&replies[0]));
        assert_eq!(reply.header("www-authenticate"), replies[0].header("www-authenticate"));
    }
    let (code, log) = server.ended();
    assert_eq!(code, Some(0));
    let told = log.to_lowercase();
    assert!(told.contains("revoked") && told.contains("expired"), "{log}");
    for token in [&revoked, &expired, &stranger] {
        assert!(!log.contains(token.as_str()));
    }
}
