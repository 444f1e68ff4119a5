//! `uniqueness` is held: inside the write, by `caseExact`, and whoever comes first has it.

use super::*;
use crate::wire::Client;

#[test]
fn a_value_that_somebody_has_is_refused_on_every_way() {
    let appliance = people();
    let ada = made(&appliance, "/Users", user("ada", json!({"badge": "B1", "nick": "Queen", "number": 1})));
    let bob = made(&appliance, "/Users", user("bob", json!({"badge": "B2"})));
    for taken in [json!({"badge": "B1"}), json!({"nick": "QUEEN"}), json!({"number": 1})] {
        let answer = appliance.post("/Users", user("eve", taken.clone()));
        refused(&answer, 409, "uniqueness");
        let name = taken.as_object().unwrap().keys().next().unwrap();
        assert!(answer.json()["detail"].as_str().unwrap().contains(name.as_str()), "{}", answer.body);
        refused(&appliance.put(&bob, user("bob", taken.clone())), 409, "uniqueness");
        let operation = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [{"op": "add", "path": HR, "value": taken}]});
        refused(&appliance.patch(&bob, operation), 409, "uniqueness");
    }
    assert_eq!(seen(&appliance, &bob)[HR], json!({"badge": "B2"}), "what is refused changes nothing");
    assert_eq!(seen(&appliance, "/Users")["totalResults"], json!(2));
    // Letter case matters for a badge; nobody is in their own way.
    assert_eq!(appliance.post("/Users", user("eve", json!({"badge": "b1"}))).status, 201);
    assert_eq!(appliance.put(&ada, user("ada", json!({"badge": "B1", "nick": "queen", "number": 1}))).status, 200);
    assert_eq!(seen(&appliance, &ada)[HR]["nick"], json!("queen"));
    // Nothing is no value.
    assert_eq!(appliance.post("/Users", user("x", json!({"badge": ""}))).status, 201);
    assert_eq!(appliance.post("/Users", user("y", json!({"badge": "", "nick": null}))).status, 201);
}

#[test]
fn whole_numbers_are_told_apart_to_the_last_digit() {
    let appliance = people();
    made(&appliance, "/Users", user("a", json!({"number": 9_007_199_254_740_993_i64})));
    made(&appliance, "/Users", user("b", json!({"number": 9_007_199_254_740_992_i64})));
    refused(&appliance.post("/Users", user("c", json!({"number": 9_007_199_254_740_993_i64}))), 409, "uniqueness");
}

#[test]
fn a_value_is_free_once_it_is_given_up() {
    let appliance = people();
    let ada = made(&appliance, "/Users", user("ada", json!({"badge": "B1"})));
    assert_eq!(patched(&appliance, &ada, "remove", &format!("{HR}:badge"), Value::Null).status, 200);
    let bob = made(&appliance, "/Users", user("bob", json!({"badge": "B1"})));
    assert_eq!(patched(&appliance, &bob, "replace", &format!("{HR}:badge"), json!("B2")).status, 200);
    assert_eq!(patched(&appliance, &ada, "add", &format!("{HR}:badge"), json!("B1")).status, 200);
    assert_eq!(appliance.delete(&ada).status, 204);
    assert_eq!(appliance.post("/Users", user("eve", json!({"badge": "B1"}))).status, 201);
}

#[test]
fn of_many_who_want_it_at_once_one_gets_it() {
    let appliance = people();
    let client = Client { port: appliance.port, token: appliance.token.clone() };
    for round in 0..4 {
        let start = std::sync::Barrier::new(16);
        let statuses: Vec<u16> = std::thread::scope(|scope| {
            let (client, start) = (&client, &start);
            let all: Vec<_> = (0..16)
                .map(|i| {
                    scope.spawn(move || {
                        start.wait();
                        let body = user(&format!("u{round}-{i}"), json!({"badge": format!("B{round}")}));
                        client.post("/Users", &body).unwrap().status
                    })
                })
                .collect();
            all.into_iter().map(|t| t.join().unwrap()).collect()
        });
        let count = |status: u16| statuses.iter().filter(|s| **s == status).count();
        assert_eq!((count(201), count(409)), (1, 15), "{statuses:?}");
        assert_eq!(found(&appliance, "/Users", &format!("{HR}:badge eq \"B{round}\"")).len(), 1);
    }
}

/// RFC 7643 section 7: unique within the server, so also between resource types that share the attribute.
#[test]
fn resource_types_that_share_a_schema_share_its_unique_values() {
    let shared = "[[schema]]\nid = \"urn:example:scim:tag:1.0:Tag\"\nextends = [\"User\", \"Group\"]\nattribute = [{ name = \"tag\", uniqueness = \"server\" }]\n";
    let appliance = Appliance::with_config(shared);
    let tag = "urn:example:scim:tag:1.0:Tag";
    made(&appliance, "/Users", json!({"schemas": [USER, tag], "userName": "ada", tag: {"tag": "T1"}}));
    refused(
        &appliance.post("/Groups", json!({"schemas": [GROUP, tag], "displayName": "G", tag: {"tag": "t1"}})),
        409,
        "uniqueness",
    );
    made(&appliance, "/Groups", json!({"schemas": [GROUP, tag], "displayName": "G", tag: {"tag": "T2"}}));
    assert_eq!(found(&appliance, "/Users", &format!("{tag}:tag eq \"T2\"")).len(), 0, "that is a group");
    assert_eq!(found(&appliance, "/Groups", &format!("{tag}:tag eq \"T2\"")).len(), 1);
}
