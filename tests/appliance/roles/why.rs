//! Why somebody has a role: each input, where it came from, and what decided; as JSON, on the page and by command.

use serde_json::{Value, json};

use super::{api, done, group, made, patched, person, rule};
use crate::settings::browser::text;
use crate::settings::{House, id_of};
use crate::support::Appliance;

fn input<'v>(why: &'v Value, kind: &str, nth: usize) -> &'v Value {
    let mut of_kind = why["inputs"].as_array().unwrap().iter().filter(|i| i["kind"] == json!(kind));
    of_kind.nth(nth).unwrap_or_else(|| panic!("no {kind} {nth}: {why:#}"))
}

#[test]
fn each_input_says_where_it_came_from_and_what_it_comes_to() {
    let appliance = Appliance::start();
    let id = made(&appliance, "/Users", json!({"userName": "ada", "title": "x"}));
    let path = format!("/Users/{id}");
    let inner = group(&appliance, "Inner", &[&id]);
    group(&appliance, "Outer", &[&inner]);
    group(&appliance, "Others", &[]);
    rule(&appliance, "Others", "Admin", &[]);
    rule(&appliance, "Outer", "Admin", &[]);
    rule(&appliance, "Inner", "USER", &[]);
    patched(&appliance, &path, json!([{"op": "replace", "path": "roles", "value": [{"value": "compliance manager"}]}]));
    patched(&appliance, &path, json!([{"op": "replace", "path": "title", "value": "y"}]));

    let why = api(&appliance, &format!("/people/{id}/role"));
    assert_eq!((&why["id"], &why["userName"]), (&json!(id), &json!("ada")));
    let role = json!({"value": "USER", "display": "User", "settingsAdmin": false, "source": "rule"});
    assert_eq!(why["role"], role);
    assert_eq!(why["inputs"].as_array().unwrap().len(), 4, "{why:#}");

    let outer = input(&why, "rule", 0);
    assert_eq!((&outer["verdict"], &outer["wins"]), (&json!("notNested"), &json!(false)));
    assert_eq!((&outer["rule"]["position"], &outer["rule"]["groupName"]), (&json!(2), &json!("Outer")));
    let way: Vec<&Value> = outer["way"].as_array().unwrap().iter().map(|h| &h["groupName"]).collect();
    assert_eq!(way, [&json!("Inner"), &json!("Outer")]);

    let won = input(&why, "rule", 1);
    assert_eq!((&won["verdict"], &won["role"]), (&json!("wins"), &json!("USER")));
    assert_eq!(won["origin"]["actor"], json!("command:role rule add"));
    let joined = &won["way"][0]["origin"];
    assert_eq!(joined["token"].as_str().unwrap().len(), 8, "{joined}");
    let request = joined["request"].as_str().unwrap();
    appliance.logged(&[request, "/scim/v2/Groups"]);

    let said = input(&why, "asserted", 0);
    assert_eq!((&said["says"], &said["role"]), (&json!("compliance manager"), &json!("COMPLIANCE_MANAGER")));
    assert_eq!((&said["verdict"], &said["attribute"]), (&json!("outranked"), &json!("roles")));
    let history = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let change = said["origin"]["change"].as_i64().unwrap();
    let (op, after): (String, String) = history
        .query_row("select op, after from change where n = ?1", [change], |r| Ok((r.get(0)?, r.get(1)?)))
        .unwrap();
    assert!(op == "patch" && after.contains("compliance manager"), "{op} {after}");
    assert!(said["origin"]["time"].as_str().unwrap().ends_with('Z'));
    assert_eq!(input(&why, "default", 0)["verdict"], json!("outranked"));

    // An override is before all of them, and said with who gave it.
    done(&appliance, &["role", "set", "ada", "admin"]);
    let why = api(&appliance, &format!("/people/{id}/role"));
    assert_eq!(input(&why, "override", 0)["origin"]["actor"], json!("command:role set"));
    assert_eq!((&why["role"]["source"], &why["role"]["settingsAdmin"]), (&json!("override"), &json!(true)));
    let winners: Vec<&Value> = why["inputs"].as_array().unwrap().iter().filter(|i| i["wins"] == json!(true)).collect();
    assert_eq!((winners.len(), &winners[0]["kind"]), (1, &json!("override")));
}

#[test]
fn what_was_never_said_and_what_nobody_knows_is_told_as_such() {
    let appliance = Appliance::start();
    let ada = person(&appliance, "ada");
    let why = api(&appliance, &format!("/people/{ada}/role"));
    let said = input(&why, "asserted", 0);
    assert_eq!((&said["verdict"], &said["says"]), (&json!("silent"), &Value::Null));
    assert!(said["origin"]["request"].is_string(), "the request that made the person: {said}");
    assert_eq!(input(&why, "default", 0)["verdict"], json!("wins"));
    let bob = made(&appliance, "/Users", json!({"userName": "bob", "roles": ["Overlord"]}));
    let why = api(&appliance, &format!("/people/{bob}/role"));
    let said = input(&why, "asserted", 0);
    assert_eq!((&said["verdict"], &said["says"]), (&json!("noSuchRole"), &json!("Overlord")));
    assert!(said["sentence"].as_str().unwrap().contains("no role here"), "{said}");
    assert_eq!(why["role"]["source"], json!("default"));
    // What is no longer recorded is missing, and nothing else is.
    let file = rusqlite::Connection::open(appliance.database_path()).unwrap();
    file.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    file.execute("delete from change", []).unwrap();
    let why = api(&appliance, &format!("/people/{bob}/role"));
    assert_eq!(input(&why, "asserted", 0)["origin"], Value::Null);
}

#[test]
fn only_tokens_of_the_api_see_it() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    let bearer = format!("Bearer {}", appliance.token);
    let scripts = done(&appliance, &["token", "create", "--name", "s", "--scope", "api:read"]);
    let scripts = format!("Bearer {}", scripts.trim());
    for path in [format!("/api/v1/people/{id}/role"), "/api/v1/roles".to_owned()] {
        assert_eq!(appliance.send("GET", &path, &[], None).status, 401, "{path}");
        assert_eq!(appliance.send("GET", &path, &[("Authorization", &bearer)], None).status, 403, "{path}");
        assert_eq!(appliance.send("POST", &path, &[("Authorization", &scripts)], None).status, 405, "{path}");
        assert_eq!(appliance.send("GET", &path, &[("Authorization", &scripts)], None).status, 200, "{path}");
    }
    for path in
        ["people/nobody/role", "people//role", "people/x/y/role", "people/%00/role", "people/%ff/role", "people"]
    {
        let answer = appliance.send("GET", &format!("/api/v1/{path}"), &[("Authorization", &scripts)], None);
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[test]
fn the_catalogue_is_told_with_its_rules() {
    let appliance = Appliance::start();
    group(&appliance, "Auditors", &[]);
    rule(&appliance, "Auditors", "USER", &["--nested"]);
    let told = api(&appliance, "/roles");
    let labels: Vec<&Value> = told["roles"].as_array().unwrap().iter().map(|r| &r["display"]).collect();
    assert_eq!(labels, ["Admin", "Compliance manager", "User", "Limited access user"].map(|l| json!(l)).each_ref());
    assert_eq!(told["roles"][3]["default"], json!(true));
    assert_eq!(told["roles"][0]["settingsAdmin"], json!(true));
    let rule = &told["rules"][0];
    assert_eq!(
        (&rule["groupName"], &rule["role"], &rule["nested"]),
        (&json!("Auditors"), &json!("USER"), &json!(true))
    );
    assert_eq!((&rule["live"], &rule["position"]), (&json!(true), &json!(1)));
}

/// On the page of a person, whatever the names are made of.
#[test]
fn the_page_of_a_person_says_it() {
    let house = House::new();
    let client = house.provider();
    let body = json!({"userName": "ada@x.io", "roles": ["<b>Overlord</b>"]});
    let id = id_of(&client.post("/Users", &body).unwrap());
    let body = json!({"displayName": "<i>Auditors</i>", "members": [{"value": id}]});
    let group = id_of(&client.post("/Groups", &body).unwrap());
    house.place.done(&["role", "rule", "add", "--group", &group, "--role", "user"]);
    let page = house.ada().page(&format!("/people/{id}"));
    assert!(!page.contains("<b>Overlord") && !page.contains("<i>Auditors"), "{page}");
    let told = text(&page);
    for words in [
        "Rule 1: members of <i>Auditors</i> (direct ones) are User",
        "Decides",
        "The identity provider says “<b>Overlord</b>”, which is no role here",
        "Whoever has no other role is Limited access user",
        "the token test",
        "a command on the server",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    house.place.done(&["role", "set", "ada@x.io", "Admin"]);
    let told = text(&house.ada().page(&format!("/people/{id}")));
    assert!(told.contains("An administrator has made this person Admin"), "{told}");
    assert!(told.contains("roleOverride"), "the history has it: {told}");
}

#[test]
fn the_command_says_it() {
    let appliance = Appliance::start();
    let id = made(&appliance, "/Users", json!({"userName": "ada", "roles": ["user"]}));
    let told = done(&appliance, &["role", "why", "ADA"]);
    for words in ["ada is User (USER).", "The identity provider says “user”, which is User", "token tests", "Decides"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    let told: Value = serde_json::from_str(&done(&appliance, &["role", "why", &id, "--json"])).unwrap();
    assert_eq!(told, api(&appliance, &format!("/people/{id}/role")));
}
