//! The four states of provisioning, each from the first request after the command.

use serde_json::{Value, json};

use super::{client, sentence, user};
use crate::hostile::is_scim_error;
use crate::served::{Place, Served};
use crate::wire::{Client, PATIENCE, exchange, plain};

fn state(place: &Place) -> Value {
    serde_json::from_str::<Value>(&place.done(&["provisioning", "status", "--json"])).unwrap()["state"].clone()
}

fn refused(client: &Client, method: &str, path: &str, status: u16) {
    let body = matches!(method, "POST" | "PUT" | "PATCH").then(|| user("refused@example.com"));
    let reply = client.ask(method, path, body.as_ref()).unwrap();
    assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    is_scim_error(&reply).unwrap();
    let seconds = reply.header("retry-after").map(|s| s.parse::<u32>().unwrap());
    assert_eq!(seconds.is_some_and(|s| s >= 1), status == 503, "{method} {path}");
}

#[test]
fn switching_on_without_single_sign_on_has_to_be_acknowledged() {
    let place = Place::new("");
    let said = sentence(&place.command(&["provisioning", "on"]));
    assert!(said.contains("--acknowledge-no-sso"), "{said}");
    assert_eq!(state(&place), json!("off"));
    for (command, expected) in [
        (&["provisioning", "on", "--acknowledge-no-sso"][..], "on"),
        (&["provisioning", "pause"], "paused"),
        (&["provisioning", "read-only"], "read-only"),
        (&["provisioning", "off"], "off"),
        (&["provisioning", "off"], "off"),
    ] {
        place.done(command);
        assert_eq!(state(&place), json!(expected));
        assert!(place.done(&["provisioning", "status"]).contains(expected));
        assert!(place.done(&["provisioning"]).contains(expected), "status is the default");
    }
}

#[test]
fn each_state_answers_as_it_should_and_from_the_first_request_on() {
    let place = Place::new("");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    let stranger = Client { token: "nonsense".into(), ..client.clone() };
    let made = client.post("/Users", &user("there@example.com")).unwrap().json();
    let mine = format!("/Users/{}", made["id"].as_str().unwrap());
    let writes = [("POST", "/Users"), ("PUT", mine.as_str()), ("PATCH", &mine), ("DELETE", &mine), ("POST", "/Groups")];
    let reads = [
        ("GET", "/Users"),
        ("GET", mine.as_str()),
        ("GET", "/Groups"),
        ("GET", "/ServiceProviderConfig"),
        ("POST", "/Users/.search"),
    ];
    for round in 0..3 {
        place.done(&["provisioning", "off"]);
        reads.iter().chain(&writes).for_each(|(method, path)| refused(&client, method, path, 403));
        refused(&stranger, "GET", "/Users", 401);
        place.done(&["provisioning", "pause"]);
        reads.iter().chain(&writes).for_each(|(method, path)| refused(&client, method, path, 503));
        refused(&stranger, "GET", "/Users", 401);
        place.done(&["provisioning", "read-only"]);
        writes.iter().for_each(|(method, path)| refused(&client, method, path, 403));
        refused(&stranger, "POST", "/Users", 401);
        assert_eq!(client.get(&mine).unwrap().json(), made, "round {round}");
        assert_eq!(client.get("/Users").unwrap().json()["totalResults"], json!(1));
        assert_eq!(client.post("/Users/.search", &json!({"count": 1})).unwrap().status, 200);
        for probe in ["/healthz", "/readyz"] {
            assert_eq!(exchange(server.port, &plain("GET", probe, &[], b""), PATIENCE).unwrap().status, 200, "{probe}");
        }
        place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
        assert_eq!(client.get(&mine).unwrap().json(), made, "switching off deleted or changed somebody");
        let made = client.post("/Users", &user(&format!("round{round}@example.com"))).unwrap().json();
        assert_eq!(client.delete(&format!("/Users/{}", made["id"].as_str().unwrap())).unwrap().status, 204);
    }
    assert_eq!(server.terminate(), Some(0));
}
