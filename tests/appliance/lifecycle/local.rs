//! People and groups of our own: by command, through the checks of SCIM, and seen by identity providers.

use serde_json::{Value, json};

use super::Desk;

#[test]
fn people_are_made_and_changed_by_command_with_the_checks_of_scim() {
    let desk = Desk::new();
    let words = ["--given-name", "Ada", "--family-name", "Lovelace", "--email", "ada@x.io", "--display-name", "Ada L"];
    let ada = desk.done(&[&["person", "create", "ada@x.io"], &words[..]].concat());
    let made = desk.get(&format!("/Users/{ada}"));
    assert_eq!((made["userName"].clone(), made["active"].clone()), (json!("ada@x.io"), json!(true)));
    assert_eq!(made["name"], json!({"familyName": "Lovelace", "givenName": "Ada"}));
    assert_eq!(made["emails"], json!([{"value": "ada@x.io", "type": "work", "primary": true}]));
    for arguments in [
        &["person", "create", "ADA@x.io"][..],
        &["person", "create", ""],
        &["person", "create", "a\u{7}b"],
        &["person", "edit", "ada@x.io"],
        &["person", "edit", "ada@x.io", "--set", "title"],
        &["person", "edit", "ada@x.io", "--set", "noSuch=1"],
        &["person", "edit", "ada@x.io", "--set", "title=x", "--set", "noSuch=1"],
        &["person", "edit", "ada@x.io", "--set", "active=perhaps"],
        &["person", "edit", "ada@x.io", "--unset", "userName"],
        &["person", "edit", "nobody@x.io", "--set", "title=x"],
        &["person", "deactivate", "nobody@x.io"],
        &["person", "delete", "nobody@x.io"],
    ] {
        desk.refused(arguments);
    }
    assert_eq!(desk.get(&format!("/Users/{ada}"))["meta"], made["meta"], "what was refused changed nothing");
    desk.done(&[
        "person",
        "edit",
        "ada@x.io",
        "--set",
        "title=Countess",
        "--email",
        "a@x.io",
        "--unset",
        "displayName",
    ]);
    let edited = desk.get(&format!("/Users/{ada}"));
    assert_eq!((edited["title"].clone(), edited["displayName"].clone()), (json!("Countess"), Value::Null));
    assert_eq!(edited["emails"][0]["value"], json!("a@x.io"));
    assert!(desk.done(&["person", "edit", &ada, "--set", "title=Countess"]).contains("nothing was changed"));
    desk.done(&["person", "edit", "ada@x.io", "--user-name", "countess@x.io"]);
    desk.done(&["person", "deactivate", "countess@x.io"]);
    assert_eq!(desk.get(&format!("/Users/{ada}"))["active"], json!(false));
    desk.done(&["person", "reactivate", "countess@x.io"]);
    desk.done(&["person", "delete", "countess@x.io"]);
    assert_eq!(desk.status(&format!("/Users/{ada}")), 404);
    let actors: Vec<_> = desk.house.audit().into_iter().filter(|(who, _)| who.starts_with("command:person")).collect();
    assert_eq!(actors.len(), 6, "{actors:?}");
    desk.check();
}

#[test]
fn groups_are_made_and_filled_by_command() {
    let desk = Desk::new();
    desk.person("ada@x.io");
    let office = desk.done(&["group", "create", "Office"]);
    assert!(desk.refused(&["group", "create", "OFFICE"]).contains("already"));
    desk.done(&["group", "edit", "office", "--name", "Berlin"]);
    desk.done(&["group", "add-member", "Berlin", "ada@x.io"]);
    assert!(desk.done(&["group", "add-member", "Berlin", "ada@x.io"]).contains("already"));
    assert!(desk.refused(&["group", "add-member", "Berlin", "nobody"]).contains("no person"));
    assert!(desk.refused(&["group", "add-member", "Nowhere", "ada@x.io"]).contains("no group"));
    assert_eq!(desk.members(&office).len(), 1);
    desk.done(&["group", "remove-member", "Berlin", "ada@x.io"]);
    assert!(desk.members(&office).is_empty());
    assert!(desk.done(&["group", "remove-member", "Berlin", "ada@x.io"]).contains("nothing was changed"));
    desk.done(&["group", "delete", "Berlin"]);
    assert_eq!(desk.status(&format!("/Groups/{office}")), 404);
    assert!(desk.done(&["group", "restore", &office]).contains("Berlin"));
    desk.check();
}

/// B5: what is changed here reaches Okta with its import, a walk through all pages.
#[test]
fn a_local_edit_is_in_the_import_walk_of_okta() {
    let desk = Desk::new();
    for i in 0..130 {
        desk.person(&format!("p{i}@x.io"));
    }
    desk.done(&["person", "create", "local@x.io", "--given-name", "Local", "--family-name", "Person"]);
    desk.done(&["person", "edit", "p7@x.io", "--set", "title=Changed here"]);
    let (mut start, mut all) = (1, Vec::new());
    loop {
        let page = desk.get(&format!("/Users?startIndex={start}&count=100"));
        let found = page["Resources"].as_array().unwrap().clone();
        start += found.len();
        all.extend(found);
        if start as u64 > page["totalResults"].as_u64().unwrap() {
            break;
        }
    }
    assert_eq!(all.len(), 131);
    let one = |name: &str| all.iter().find(|p| p["userName"] == json!(name)).unwrap();
    assert_eq!(one("p7@x.io")["title"], json!("Changed here"));
    assert_eq!(
        (one("local@x.io")["active"].clone(), one("local@x.io")["name"]["givenName"].clone()),
        (json!(true), json!("Local"))
    );
}

/// O12: Okta's on-premises agent asks for what has changed since its last import.
#[test]
fn a_local_edit_is_in_the_incremental_import_of_the_agent() {
    let desk = Desk::new();
    let ids: Vec<String> = ["a@x.io", "b@x.io", "c@x.io"].map(|n| desk.person(n)).to_vec();
    let last =
        ids.iter().map(|id| desk.get(&format!("/Users/{id}"))["meta"]["lastModified"].as_str().unwrap().to_owned());
    let last = last.max().unwrap();
    let since = |time: &str| {
        let found = desk.get(&format!("/Users?filter=meta.lastModified%20gt%20%22{time}%22&startIndex=1&count=100"));
        let names = found["Resources"].as_array().cloned().unwrap_or_default();
        names.iter().map(|p| p["userName"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert!(since(&last).is_empty());
    desk.done(&["person", "edit", "b@x.io", "--set", "title=Here"]);
    desk.done(&["person", "create", "d@x.io"]);
    desk.done(&["person", "deactivate", "c@x.io"]);
    let mut found = since(&last);
    found.sort();
    assert_eq!(found, ["b@x.io", "c@x.io", "d@x.io"]);
    // Somebody who is brought back has changed as well.
    let now = desk.get(&format!("/Users/{}", ids[2]))["meta"]["lastModified"].as_str().unwrap().to_owned();
    desk.delete(&format!("/Users/{}", ids[0]));
    desk.done(&["person", "restore", &ids[0]]);
    assert_eq!(since(&now), ["a@x.io"]);
}
