//! `attributes` and `excludedAttributes` on every answer that shows a resource, and what `returned` says about both.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::encoded;
use crate::support::Appliance;
use crate::wire::Client;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A query, and what is shown: names, each with its parts in brackets where only some are shown. `@` stands for the
/// extension. What is returned always, `schemas` and `id`, is left out of the table and expected everywhere.
const SHOWN: &[(&str, &str)] = &[
    (
        "",
        "meta userName name(familyName givenName) title active emails(primary type value) groups(value $ref display type) @(department manager)",
    ),
    ("attributes=userName", "userName"),
    ("attributes=USERNAME", "userName"),
    ("attributes=userName,title", "userName title"),
    ("attributes=userName,%20title", "userName title"),
    ("attributes=urn:ietf:params:scim:schemas:core:2.0:User:userName", "userName"),
    ("attributes=id", ""),
    ("attributes=schemas", ""),
    ("attributes=password", ""),
    ("attributes=name", "name(familyName givenName)"),
    ("attributes=name.givenName", "name(givenName)"),
    ("attributes=name.givenName,name.familyName", "name(familyName givenName)"),
    ("attributes=emails", "emails(primary type value)"),
    ("attributes=emails.value", "emails(value)"),
    ("attributes=emails.value,emails.type", "emails(type value)"),
    ("attributes=nickName", ""),
    ("attributes=meta.location", "meta(location)"),
    ("attributes=meta", "meta"),
    ("attributes=groups", "groups(value $ref display type)"),
    ("attributes=groups.value", "groups(value)"),
    ("attributes={E}", "@(department manager)"),
    ("attributes={E}:department", "@(department)"),
    ("attributes={E}:manager.value", "@(manager)"),
    ("attributes={E}:department,userName", "userName @(department)"),
    ("excludedAttributes=emails,groups", "meta userName name(familyName givenName) title active @(department manager)"),
    (
        "excludedAttributes=id,schemas,meta,emails,groups",
        "userName name(familyName givenName) title active @(department manager)",
    ),
    (
        "excludedAttributes=name.givenName,emails.value,groups",
        "meta userName name(familyName) title active emails(primary type) @(department manager)",
    ),
    ("excludedAttributes={E},EMAILS,groups,name,meta", "userName title active"),
    ("excludedAttributes={E}:department,emails,groups,name,meta", "userName title active @(manager)"),
    (
        "excludedAttributes=urn:ietf:params:scim:schemas:core:2.0:User:name,emails,groups,meta,{E}",
        "userName title active",
    ),
    ("excludedAttributes=password,emails,groups,name,meta,{E}", "userName title active"),
];

struct Setting {
    _appliance: Appliance,
    client: Client,
    id: String,
    body: Value,
}

fn setting() -> Setting {
    let appliance = Appliance::start();
    let client = Client { port: appliance.port, token: appliance.token.clone() };
    let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE], "userName": "shown@example.com",
        "name": {"givenName": "Some", "familyName": "One"}, "title": "T", "active": true, "password": "never",
        "emails": [{"value": "shown@example.com", "type": "work", "primary": true}],
        (ENTERPRISE): {"department": "D", "manager": {"value": "m1"}}});
    let id = client.post("/Users", &body).unwrap().json()["id"].as_str().unwrap().to_owned();
    let group = json!({"displayName": "Shown", "members": [{"value": id}]});
    assert_eq!(client.post("/Groups", &group).unwrap().status, 201);
    Setting { _appliance: appliance, client, id, body }
}

fn names(text: &str) -> BTreeSet<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// What is shown of a resource in the notation of the table, as far as the table asks for parts.
fn matches(resource: &Map<String, Value>, expected: &str) -> Result<(), String> {
    let mut left = expected;
    let mut wanted = BTreeSet::from(["schemas".to_owned(), "id".to_owned()]);
    while !left.trim().is_empty() {
        left = left.trim_start();
        let end = left.find([' ', '(']).unwrap_or(left.len());
        let (name, rest) = left.split_at(end);
        let name = if name == "@" { ENTERPRISE } else { name };
        wanted.insert(name.to_owned());
        left = rest;
        if let Some(inner) = rest.strip_prefix('(') {
            let (parts, behind) = inner.split_once(')').unwrap();
            left = behind;
            let value = resource.get(name).ok_or_else(|| format!("{name} is missing"))?;
            let elements = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for element in elements {
                let found: BTreeSet<String> =
                    element.as_object().into_iter().flatten().map(|(n, _)| n.clone()).collect();
                if found != names(parts) {
                    return Err(format!("{name} shows {found:?}"));
                }
            }
        }
    }
    let found: BTreeSet<String> = resource.keys().cloned().collect();
    if found == wanted { Ok(()) } else { Err(format!("shows {found:?}, not {wanted:?}")) }
}

#[test]
fn every_answer_shows_what_was_asked_for() {
    let setting = setting();
    let Setting { client, id, body, .. } = &setting;
    let mine = format!("/Users/{id}");
    let mut wrong = Vec::new();
    for (i, (query, expected)) in SHOWN.iter().enumerate() {
        let query = query.replace("{E}", ENTERPRISE);
        let mut other = body.clone();
        other["userName"] = json!(format!("other{i}@example.com"));
        let mut search = json!({"filter": "userName eq \"shown@example.com\""});
        if let Some((key, list)) = query.split_once('=') {
            search[key] = list.split(',').map(|n| n.trim_start_matches("%20")).collect();
        }
        let patch = json!({"Operations": [{"op": "replace", "path": "title", "value": "T"}]});
        let filter = encoded("userName eq \"shown@example.com\"");
        let answers = [
            ("GET", client.get(&format!("{mine}?{query}"))),
            ("list", client.get(&format!("/Users?filter={filter}&{query}"))),
            (
                "scan",
                client.get(&format!("/Users?filter={}&{query}", encoded("title eq \"T\" and userName sw \"shown\""))),
            ),
            ("PUT", client.put(&format!("{mine}?{query}"), body)),
            ("PATCH", client.ask("PATCH", &format!("{mine}?{query}"), Some(&patch))),
            ("search", client.post("/Users/.search", &search)),
            ("root search", client.post("/.search", &search)),
            ("POST", client.post(&format!("/Users?{query}"), &other)),
        ];
        for (how, reply) in answers {
            let reply = reply.unwrap();
            assert!(matches!(reply.status, 200 | 201), "{how} {query}: {}", reply.body);
            let mut shown = reply.json();
            if shown.get("Resources").is_some() {
                assert_eq!(shown["totalResults"], json!(1), "{how} {query}");
                shown = shown["Resources"][0].clone();
            }
            let mut expected = (*expected).to_owned();
            if how == "POST" {
                // Nobody has put the new one into a group yet.
                expected = expected.replace("groups(value $ref display type)", "").replace("groups(value)", "");
            }
            let verdict = matches(shown.as_object().unwrap(), &expected);
            wrong.extend(verdict.err().map(|why| format!("{how} ?{query}: {why}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_group_can_be_shown_without_its_members() {
    let setting = setting();
    let client = &setting.client;
    let filter = encoded("displayName eq \"Shown\"");
    let group = client.get(&format!("/Groups?filter={filter}")).unwrap().json()["Resources"][0].clone();
    assert_eq!(group["members"].as_array().unwrap().len(), 1);
    let mine = format!("/Groups/{}", group["id"].as_str().unwrap());
    let patch = json!({"Operations": [{"op": "replace", "path": "externalId", "value": "x"}]});
    for query in ["excludedAttributes=members", "attributes=displayName", "excludedAttributes=MEMBERS,meta"] {
        for reply in [
            client.get(&format!("{mine}?{query}")),
            client.get(&format!("/Groups?{query}&filter={filter}")),
            client.ask("PATCH", &format!("{mine}?{query}"), Some(&patch)),
            client.put(&format!("{mine}?{query}"), &group),
        ] {
            let reply = reply.unwrap();
            assert_eq!(reply.status, 200, "{query}");
            assert!(
                reply.body.contains("\"displayName\"") && !reply.body.contains("\"members\""),
                "{query}: {}",
                reply.body
            );
        }
    }
    let shown = client.get(&format!("{mine}?attributes=members.value")).unwrap().json();
    assert_eq!(shown["members"], json!([{"value": setting.id}]));
}

/// A client does not want a megabyte back for one member that it added (P16).
#[test]
fn a_patch_of_a_large_group_answers_without_a_body_unless_one_is_asked_for() {
    let setting = setting();
    let client = &setting.client;
    let people: Vec<Value> = (0..101)
        .map(|i| {
            let body = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("crowd{i}@example.com")});
            json!({"value": client.post("/Users", &body).unwrap().json()["id"]})
        })
        .collect();
    let made = client.post("/Groups", &json!({"displayName": "Crowd", "members": people[..100]})).unwrap().json();
    let mine = format!("/Groups/{}", made["id"].as_str().unwrap());
    let rename = |name: &str| json!({"Operations": [{"op": "replace", "path": "displayName", "value": name}]});
    let reply = client.ask("PATCH", &mine, Some(&rename("Crowd 2"))).unwrap();
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["members"].as_array().unwrap().len(), 100);
    let reply = client.patch(&mine, &json!([{"op": "add", "path": "members", "value": [people[100]]}])).unwrap();
    assert_eq!((reply.status, reply.body.len()), (204, 0));
    let reply = client.ask("PATCH", &format!("{mine}?excludedAttributes=members"), Some(&rename("Crowd 3"))).unwrap();
    assert_eq!((reply.status, &reply.json()["displayName"]), (200, &json!("Crowd 3")));
    let reply = client.ask("PATCH", &format!("{mine}?attributes=members"), Some(&rename("Crowd 4"))).unwrap();
    assert_eq!(reply.json()["members"].as_array().unwrap().len(), 101);
}
