//! Walks over pages: right totals, a stable order, and nobody skipped when somebody is deleted on the way.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::resources;
use crate::hostile::is_scim_error;
use crate::support::Appliance;
use crate::wire::Client;

const PEOPLE: usize = 45;

fn place(people: usize) -> (Appliance, Client, Vec<String>) {
    let appliance = Appliance::with_config("[scim]\npage_size = 20\nmax_page_size = 30\n");
    let client = Client { port: appliance.port, token: appliance.token.clone() };
    let ids = (0..people)
        .map(|i| {
            // Names that sort otherwise than they are made.
            let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("w{:02}@example.com", i * 29 % 101),
                "title": if i % 3 == 0 { "third" } else { "other" }, "displayName": format!("Same {}", i % 2)});
            let reply = client.post("/Users", &body).unwrap();
            assert_eq!(reply.status, 201, "{}", reply.body);
            reply.json()["id"].as_str().unwrap().to_owned()
        })
        .collect();
    (appliance, client, ids)
}

fn page(client: &Client, query: &str) -> Value {
    let reply = client.get(&format!("/Users?{query}")).unwrap();
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply.json()
}

fn ids(page: &Value) -> Vec<String> {
    page["Resources"].as_array().unwrap().iter().map(|r| r["id"].as_str().unwrap().to_owned()).collect()
}

/// Walks to the end as a client does: the next page begins behind what it has seen.
fn walk(client: &Client, query: &str, count: usize) -> Vec<String> {
    let mut seen = Vec::new();
    loop {
        let page = page(client, &format!("{query}&startIndex={}&count={count}", seen.len() + 1));
        let found = ids(&page);
        assert_eq!(page["itemsPerPage"], json!(found.len()), "{query}");
        assert_eq!(page["startIndex"], json!(seen.len() + 1), "{query}");
        if found.is_empty() {
            return seen;
        }
        seen.extend(found);
        assert!(seen.len() <= 10 * PEOPLE, "{query} has no end");
    }
}

#[test]
fn a_walk_sees_everybody_once_in_the_same_order_whatever_the_size_of_a_page() {
    let (_appliance, client, people) = place(PEOPLE);
    for query in [
        "x=1",
        "sortBy=userName",
        "sortBy=userName&sortOrder=descending",
        "sortBy=displayName",
        "sortBy=nickName",
        "sortBy=meta.created",
    ] {
        let whole = walk(&client, query, 30);
        assert_eq!(whole.iter().collect::<BTreeSet<_>>(), people.iter().collect::<BTreeSet<_>>(), "{query}");
        assert_eq!(whole.len(), PEOPLE, "{query}");
        for count in [1, 2, 7, 29] {
            assert_eq!(walk(&client, query, count), whole, "{query} by {count}");
        }
        // Any page alone is the same as in a walk, forwards or backwards.
        for start in [40, 8, 23, 1] {
            assert_eq!(
                ids(&page(&client, &format!("{query}&startIndex={start}&count=6"))),
                &whole[start - 1..(start + 5).min(PEOPLE)]
            );
        }
    }
    assert_eq!(walk(&client, "x=2", 30), people, "without sortBy people come in the order in which they were made");
    let third = walk(&client, "filter=title+eq+%22third%22", 4);
    assert_eq!(third, people.iter().step_by(3).cloned().collect::<Vec<_>>());
}

#[test]
fn totals_and_limits_are_right_on_every_page() {
    let (_appliance, client, _) = place(PEOPLE);
    for (query, start, items) in [
        ("", 1, 20),
        ("count=5", 1, 5),
        ("count=30", 1, 30),
        ("count=31", 1, 30),
        ("count=1000000", 1, 30),
        ("count=9223372036854775807", 1, 30),
        ("count=0", 1, 0),
        ("count=-1", 1, 0),
        ("count=-9223372036854775808", 1, 0),
        ("startIndex=1&count=2", 1, 2),
        ("startIndex=0&count=2", 1, 2),
        ("startIndex=-7&count=2", 1, 2),
        ("startIndex=44&count=10", 44, 2),
        ("startIndex=45", 45, 1),
        ("startIndex=46&count=10", 46, 0),
        ("startIndex=101&count=100", 101, 0),
        ("startIndex=30", 30, 16),
        ("startIndex=&count=", 1, 20),
        ("startIndex=2&count=0", 2, 0),
    ] {
        let page = page(&client, query);
        assert_eq!(page["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
        assert_eq!(page["totalResults"], json!(PEOPLE), "{query}");
        assert_eq!(page["startIndex"], json!(start), "{query}");
        assert_eq!(page["itemsPerPage"], json!(items), "{query}");
        assert_eq!(page["Resources"].as_array().unwrap().len(), items, "{query}");
    }
    let found = page(&client, "filter=title+eq+%22third%22&count=4&startIndex=13");
    assert_eq!((&found["totalResults"], &found["itemsPerPage"]), (&json!(15), &json!(3)));
    let none = page(&client, "filter=title+eq+%22nobody%22");
    assert_eq!((&none["totalResults"], &none["itemsPerPage"], &none["Resources"]), (&json!(0), &json!(0), &json!([])));
    assert_eq!(resources(&client, "?count=30").len(), 30, "the root has users and groups");
}

#[test]
fn numbers_that_are_none_are_refused() {
    let (_appliance, client, _) = place(1);
    for key in ["startIndex", "count"] {
        for value in ["x", "1.5", "1e1", "1x", "0x1", "%20", "1%2C2", "true"] {
            let reply = client.get(&format!("/Users?{key}={value}")).unwrap();
            assert_eq!((reply.status, &reply.json()["scimType"]), (400, &json!("invalidValue")), "{key}={value}");
            is_scim_error(&reply).unwrap();
        }
        for value in [json!("x"), json!(1.5), json!([]), json!({}), json!(true)] {
            let reply = client.post("/Users/.search", &json!({(key): value})).unwrap();
            assert_eq!(reply.status, 400, "{key}: {value}");
            is_scim_error(&reply).unwrap();
        }
    }
}

/// Okta's import deactivates and deletes between pages. Whoever lives has to be seen.
#[test]
fn a_deletion_during_a_walk_does_not_hide_anybody() {
    for query in [
        "x=1",
        "sortBy=userName",
        "sortBy=displayName",
        "sortBy=title",
        "filter=displayName+eq+%22same+1%22",
        "filter=title+sw+%22o%22",
    ] {
        let (_appliance, client, people) = place(PEOPLE);
        let wanted: BTreeSet<String> = walk(&client, query, 30).into_iter().collect();
        let mut seen = BTreeSet::new();
        let mut gone = BTreeSet::new();
        let mut start = 1;
        loop {
            let page = page(&client, &format!("{query}&startIndex={start}&count=5"));
            let found = ids(&page);
            if found.is_empty() {
                break;
            }
            // A client counts on from what it got, whatever has gone meanwhile.
            start += found.len();
            for id in found.iter().take(2) {
                assert_eq!(client.delete(&format!("/Users/{id}")).unwrap().status, 204);
                gone.insert(id.clone());
            }
            seen.extend(found);
        }
        let missed: Vec<&String> = wanted.difference(&seen).collect();
        assert!(missed.is_empty(), "{query}: {} of {} were skipped", missed.len(), wanted.len());
        assert_eq!(page(&client, "count=0")["totalResults"], json!(people.len() - gone.len()));
    }
}

#[test]
fn who_comes_during_a_walk_shifts_nobody() {
    let (_appliance, client, people) = place(PEOPLE);
    let mut seen = Vec::new();
    for round in 0..3 {
        seen.extend(ids(&page(&client, &format!("startIndex={}&count=15", seen.len() + 1))));
        let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("a-late{round}@example.com")});
        assert_eq!(client.post("/Users", &body).unwrap().status, 201);
        let touched = json!([{"op": "replace", "path": "title", "value": format!("touched {round}")}]);
        assert_eq!(client.patch(&format!("/Users/{}", people[3]), &touched).unwrap().status, 200);
    }
    assert_eq!(seen, people);
    assert_eq!(page(&client, "count=0")["totalResults"], json!(PEOPLE + 3));
}
