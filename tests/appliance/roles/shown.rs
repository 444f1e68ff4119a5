//! Our extension of users: there for whoever asks for it, and nothing that anybody can write.

use serde_json::json;

use super::{APPLIANCE, ROLE, done, is, made, patched, person, role};
use crate::support::Appliance;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// Its schema is told, but it is not listed as a part of users: clients write to each extension in that list, and expect to
/// read back what they sent.
#[test]
fn discovery_knows_it_and_offers_it_to_nobody_who_writes() {
    let appliance = Appliance::start();
    let mut types = appliance.get("/ResourceTypes").json()["Resources"].as_array().unwrap().clone();
    types.push(appliance.get("/ResourceTypes/User").json());
    for listed in types.iter().filter(|t| t["name"] == json!("User")) {
        let extensions: Vec<_> = listed["schemaExtensions"].as_array().unwrap().iter().map(|e| &e["schema"]).collect();
        assert!(!extensions.is_empty() && !extensions.contains(&&json!(APPLIANCE)), "{extensions:?}");
    }
    let schema = appliance.get(&format!("/Schemas/{APPLIANCE}")).json();
    let attribute = schema["attributes"][0].clone();
    let characteristics = (&attribute["name"], &attribute["mutability"], &attribute["returned"]);
    assert_eq!(characteristics, (&json!("role"), &json!("readOnly"), &json!("request")));
    let parts = attribute["subAttributes"].as_array().unwrap();
    assert!(parts.iter().all(|p| p["mutability"] == json!("readOnly")), "{parts:?}");
}

#[test]
fn it_is_shown_to_whoever_names_it() {
    let appliance = Appliance::start();
    let id = made(&appliance, "/Users", json!({"userName": "ada", "title": "Countess", "roles": ["user"]}));
    let path = format!("/Users/{id}");
    let whole = json!({"role": {"value": "USER", "display": "User", "source": "asserted"}});
    for query in ["", "?attributes=userName", &format!("?attributes={APPLIANCE}"), "?excludedAttributes=title"] {
        let answer = appliance.get(&format!("{path}{query}"));
        assert_eq!(answer.json().get(APPLIANCE), None, "{query}");
        assert_eq!(answer.json()["schemas"], json!([USER]), "{query}");
    }
    let answer = appliance.get(&format!("{path}?attributes={ROLE}")).json();
    assert_eq!((&answer[APPLIANCE], &answer["schemas"]), (&whole, &json!([USER, APPLIANCE])));
    assert_eq!((&answer["id"], answer.get("userName").is_some()), (&json!(id), false));
    let answer = appliance.get(&format!("{path}?attributes=userName,{}", ROLE.to_uppercase())).json();
    assert_eq!((&answer["userName"], &answer[APPLIANCE]), (&json!("ada"), &whole));
    let answer = appliance.get(&format!("{path}?attributes={ROLE}.value")).json();
    assert_eq!(answer[APPLIANCE], json!({"role": {"value": "USER"}}));
    let listed = appliance.get(&format!("/Users?attributes={ROLE},userName")).json();
    assert_eq!(listed["Resources"][0][APPLIANCE], whole);
    let search = json!({"attributes": [ROLE], "filter": "userName eq \"ada\""});
    assert_eq!(appliance.post("/Users/.search", search).json()["Resources"][0][APPLIANCE], whole);
    // Answers to writes show it as well, and groups have nothing of it.
    let answer = appliance.patch(
        &format!("{path}?attributes={ROLE}"),
        json!({"Operations": [{"op": "replace", "path": "roles", "value": ["admin"]}]}),
    );
    assert_eq!(answer.json()[APPLIANCE]["role"]["value"], json!("ORGANIZATION_ADMINISTRATOR"), "{}", answer.body);
    let answer = appliance.post(&format!("/Users?attributes={ROLE}"), json!({"userName": "bob", "roles": ["user"]}));
    assert_eq!(answer.json()[APPLIANCE], whole, "{}", answer.body);
    let group = made(&appliance, "/Groups", json!({"displayName": "G"}));
    let answer = appliance.get(&format!("/Groups/{group}?attributes=displayName,{ROLE}")).json();
    assert_eq!((answer.get(APPLIANCE), &answer["displayName"]), (None, &json!("G")));
}

/// A client that writes back what it has read says nothing by it.
#[test]
fn an_echo_cannot_feed_it_back() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    done(&appliance, &["role", "set", "ada", "Admin"]);
    let path = format!("/Users/{id}");
    let mut echo = appliance.get(&format!("{path}?attributes=userName,{ROLE}")).json();
    assert_eq!(echo[APPLIANCE]["role"]["source"], json!("override"));
    done(&appliance, &["role", "set", "ada", "--clear"]);
    let version = appliance.get(&path).json()["meta"]["version"].clone();
    let put = appliance.put(&path, echo.clone());
    assert_eq!(put.status, 200, "{}", put.body);
    assert_eq!(put.json()["meta"]["version"], version, "nothing has changed");
    patched(&appliance, &path, json!([{"op": "replace", "value": {APPLIANCE: echo[APPLIANCE]}}]));
    assert_eq!(role(&appliance, &id), is("LIMITED_ACCESS_USER", "default"));
    echo["userName"] = json!("bob");
    let bob = made(&appliance, "/Users", echo.clone());
    assert_eq!(role(&appliance, &bob), is("LIMITED_ACCESS_USER", "default"));
    for target in [ROLE.to_owned(), format!("{ROLE}.value")] {
        let operations = json!([{"op": "replace", "path": target, "value": "ORGANIZATION_ADMINISTRATOR"}]);
        let answer = appliance.patch(&path, json!({"Operations": operations}));
        assert_eq!((answer.status, &answer.json()["scimType"]), (400, &json!("mutability")), "{}", answer.body);
    }
    let strict = Appliance::with_config("[scim]\nmode = \"strict\"\n");
    echo["schemas"] = json!([USER, APPLIANCE]);
    let made = strict.post("/Users", echo);
    assert_eq!(made.status, 201, "{}", made.body);
}

/// Nobody is found, and nobody is passed over, without a word.
#[test]
fn it_cannot_be_searched_or_sorted_by() {
    let appliance = Appliance::start();
    person(&appliance, "ada");
    for filter in [
        format!("{ROLE} eq \"USER\""),
        format!("{ROLE}.value eq \"USER\""),
        format!("{ROLE} pr"),
        format!("{ROLE}[value eq \"USER\"]"),
        format!("userName eq \"ada\" and not ({ROLE}.source eq \"rule\")"),
    ] {
        for path in ["/Users/.search", "/.search"] {
            let answer = appliance.post(path, json!({"filter": filter}));
            let keyword = answer.json()["scimType"].clone();
            assert_eq!((answer.status, &keyword), (400, &json!("invalidFilter")), "{path} {filter} {}", answer.body);
            assert!(answer.body.contains("worked out when it is read"), "{}", answer.body);
        }
    }
    let answer = appliance.get(&format!("/Users?sortBy={ROLE}.value"));
    assert_eq!((answer.status, &answer.json()["scimType"]), (400, &json!("invalidValue")), "{}", answer.body);
}
