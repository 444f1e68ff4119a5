//! Deleted people and archived groups: listed, and restored with what was said.

use serde_json::json;

use super::{MINUTE, Office, fact, id_of, is_to, leads_to, linked, rows, text, told};

#[test]
fn deleted_people_are_listed_with_what_becomes_of_them() {
    let mut office = Office::with("[retention]\ndeparted_days = 30\n");
    let empty = office.ada.page("/people/departed");
    assert!(text(&empty).contains("Nobody who was deleted is kept") && empty.contains("30 days after"), "{empty}");
    assert!(text(&office.ada.page("/people")).contains("Deleted (0)"), "there is a way to it though nobody is here");
    let body = json!({"userName": "old@x.io", "displayName": "<i>Old</i>", "externalId": "e-1"});
    let old = id_of(&office.client.post("/Users", &body).unwrap());
    office.delete(&format!("/Users/{old}"));
    let new = id_of(&office.client.post("/Users", &json!({"userName": "new@x.io", "externalId": "e-1"})).unwrap());
    let [open, off] = ["open@x.io", "off@x.io"].map(|n| office.person(n));
    office.activate(&off, false);
    let path = office.handover_of(&off);
    office.ada.fill(&path, &path, &[("decision", "dismiss")]);
    office.done(&["person", "delete", &open]);
    office.done(&["person", "delete", &off]);
    let page = office.ada.page("/people/departed");
    let list = rows(&page);
    assert!(
        list[0].starts_with("off@x.io off@x.io")
            && list[0].contains("a command on the server")
            && list[0].ends_with("UTC"),
        "{list:?}"
    );
    assert!(list[1].starts_with("open@x.io") && list[1].ends_with("After its hand-over"), "{list:?}");
    assert!(
        list[2].starts_with("<i>Old</i> old@x.io") && list[2].contains("the token") && list[2].contains(" new@x.io "),
        "{list:?}"
    );
    for link in [format!("/people/{new}"), format!("/people/{old}"), office.handover_of(&open)] {
        assert!(leads_to(&page, &link), "{link}");
    }
    assert!(text(&office.ada.page("/people")).contains("Deleted (3)"));
    // The day is that of the deletion and thirty more, to the minute.
    let at = office.house.number(&format!("select departed from departed where id = '{off}'"));
    let day = |at: i64| -> String {
        let text = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
        text.chars().take(16).collect::<String>().replace('T', " ")
    };
    let end = day(at + 30 * 24 * 60 * MINUTE);
    assert!(list[0].ends_with(&format!("{end} UTC")), "{list:?} {end}");
    let person = office.ada.page(&format!("/people/{off}"));
    assert!(fact(&person, "Record goes for good").contains(&end), "{person}");
    assert!(fact(&office.ada.page(&format!("/people/{open}")), "Record goes for good").contains("After its hand-over"));
    assert!(leads_to(&person, &format!("/people/{off}/restore")) && person.contains("person restore"));
    // Fixed words are no ids, and ids are no fixed words.
    assert_eq!(office.ada.get("/people/archived").status, 404);
    assert_eq!(office.ada.get("/people/departed/restore").status, 404);
    assert_eq!(office.ada.get("/people/departed/").status, 404);
}

#[test]
fn nothing_goes_when_nothing_is_to_go() {
    let mut office = Office::with("[retention]\ndeparted_days = 0\n[guard]\npercent = 0\ncount = 2\n");
    let [one, two] = ["one@x.io", "two@x.io"].map(|n| office.person(n));
    office.delete(&format!("/Users/{one}"));
    let page = office.ada.page("/people/departed");
    assert!(text(&page).contains("kept for good") && rows(&page)[0].ends_with("Never"), "{page}");
    office.delete(&format!("/Users/{two}"));
    assert!(text(&office.ada.page("/guard")).contains("Nothing: records are kept for good"));
    let mut office = Office::with("[guard]\npercent = 0\ncount = 2\n");
    for name in ["one@x.io", "two@x.io"] {
        let id = office.person(name);
        office.delete(&format!("/Users/{id}"));
    }
    let page = office.ada.page("/people/departed");
    assert!(page.contains("while the <a href=\"/guard\">guard</a> holds"), "{page}");
    assert!(rows(&page).iter().all(|row| row.ends_with("Not while the guard holds")), "{page}");
}

#[test]
fn archived_groups_are_listed_page_by_page() {
    let mut office = Office::new();
    assert!(text(&office.ada.page("/groups/archived")).contains("No group is archived"));
    assert!(text(&office.ada.page("/groups")).contains("Archived (0)"));
    let [grace, gone] = ["grace@x.io", "gone@x.io"].map(|n| office.person(n));
    for i in 0..27 {
        let both = [grace.as_str(), &gone];
        let id = office.group(&format!("Group {i:02}"), if i == 26 { &both } else { &[] });
        office.delete(&format!("/Groups/{id}"));
    }
    let page = office.ada.page("/groups/archived");
    let list = rows(&page);
    assert!(list.len() == 25 && list[0].starts_with("Group 26 2 ") && list[0].contains("the token"), "{list:?}");
    assert!(text(&page).contains("1 to 25 of 27") && text(&office.ada.page("/groups")).contains("Archived (27)"));
    assert_eq!(rows(&office.ada.page("/groups/archived?offset=25")).len(), 2);
    is_to(&office.ada.get("/groups/archived?offset=27"), "/groups/archived");
}

/// What the page that asks says comes back, comes back.
#[test]
fn a_deleted_person_is_restored_with_what_was_said() {
    let mut office = Office::new();
    let leaver = office.person("leaver@x.io");
    office.group("Eng", &[&leaver]);
    let closing = office.group("Closing", &[&leaver]);
    office.done(&["group", "create", "Office"]);
    office.done(&["group", "add-member", "Office", "leaver@x.io"]);
    office.delete(&format!("/Users/{leaver}"));
    office.delete(&format!("/Groups/{closing}"));
    let path = format!("/people/{leaver}/restore");
    let page = office.ada.page(&path);
    let groups = linked(fact(&page, "In groups again"));
    assert_eq!(groups, ["Eng", "Office"].map(str::to_owned).into());
    assert_eq!(linked(fact(&page, "No longer there")), ["Closing".to_owned()].into());
    assert!(fact(&page, "State").contains("Active") && fact(&page, "Id").contains(&leaver), "{page}");
    assert_eq!(office.client.get(&format!("/Users/{leaver}")).unwrap().status, 404, "to ask changes nothing");
    let mut second = office.ada.clone();
    is_to(&office.ada.post(&path, &[]), &format!("/people/{leaver}"));
    assert_eq!(office.groups_of(&leaver), groups);
    assert_eq!(office.house.text("select status from handover"), "closed");
    let last = office.house.text("select actor || ' ' || (request <> '') from change where op = 'restore'");
    assert_eq!(last, "admin:ada 1");
    let late = second.post(&path, &[]);
    assert!(late.status == 409 && text(&late.body).contains("It is there again already"), "{}", late.body);
    assert!(leads_to(&late.body, &format!("/people/{leaver}")) && !late.body.contains("Restore the person</button>"));
    is_to(&office.ada.get(&path), &format!("/people/{leaver}"));
    // The name is another's by now: nothing is done, and who has it is shown.
    office.delete(&format!("/Users/{leaver}"));
    office.ada.page(&path);
    let new = id_of(&office.client.post("/Users", &json!({"userName": "LEAVER@x.io", "externalId": "x"})).unwrap());
    let answer = office.ada.post(&path, &[]);
    assert!(
        answer.status == 409 && text(&answer.body).contains("Somebody else has the userName leaver@x.io"),
        "{}",
        answer.body
    );
    assert!(leads_to(&answer.body, &format!("/people/{new}")));
    let asked = office.ada.page(&path);
    assert!(!asked.contains("Restore the person</button>") && asked.contains("Somebody else"), "{asked}");
    // Whoever has come back under another id is told of.
    office.delete(&format!("/Users/{new}"));
    let back = office.person("leaver@x.io");
    let rename = json!([{"op": "replace", "path": "userName", "value": "renamed@x.io"}]);
    office.client.patch(&format!("/Users/{back}"), &rename).unwrap();
    let page = office.ada.page(&format!("/people/{new}/restore"));
    assert!(page.contains("has come back already") && leads_to(&page, &format!("/people/{back}")), "{page}");
    assert_eq!(office.ada.get("/people/nobody/restore").status, 404);
    assert_eq!(office.ada.post("/people/nobody/restore", &[]).status, 404);
    // It was purged in between.
    office.meanwhile(&format!("delete from departed where id = '{new}'; delete from handover where person = '{new}'"));
    assert_eq!(office.ada.post(&format!("/people/{new}/restore"), &[]).status, 404);
}

/// Another unique attribute than the name is taken by now.
#[test]
fn every_unique_attribute_is_looked_at_when_somebody_comes_back() {
    let schema = r#"
[[schema]]
id = "urn:example:badge:1.0:User"
name = "Badge"
extends = ["User"]
[[schema.attribute]]
name = "badge"
type = "string"
uniqueness = "server"
"#;
    let mut office = Office::with(schema);
    let body = |name: &str| {
        let urn = "urn:example:badge:1.0:User";
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", urn], "userName": name, "externalId": name, urn: {"badge": "<b>7</b>"}})
    };
    let first = id_of(&office.client.post("/Users", &body("one@x.io")).unwrap());
    office.delete(&format!("/Users/{first}"));
    id_of(&office.client.post("/Users", &body("two@x.io")).unwrap());
    let path = format!("/people/{first}/restore");
    let answer = office.ada.fill(&path, &path, &[]);
    assert!(answer.status == 409 && text(&answer.body).contains("badge <b>7</b> by now"), "{}", answer.body);
    assert_eq!(office.client.get(&format!("/Users/{first}")).unwrap().status, 404);
}

#[test]
fn an_archived_group_is_restored_with_what_was_said() {
    let mut office = Office::new();
    let people: Vec<String> = (0..104).map(|i| office.person(&format!("m{i:03}@x.io"))).collect();
    let members: Vec<&str> = people.iter().map(String::as_str).collect();
    let group = office.group("Eng", &members);
    let parent = office.group("Parent", &[&group]);
    office.delete(&format!("/Groups/{group}"));
    office.delete(&format!("/Users/{}", people[1]));
    let path = format!("/groups/{group}/restore");
    let page = office.ada.page(&path);
    assert_eq!(told(fact(&page, "Name")), "Eng");
    let said = told(fact(&page, "Members"));
    assert!(
        said.contains("103 of 104 come back") && said.contains("m001@x.io (gone)") && said.contains("and more"),
        "{said}"
    );
    assert!(!said.contains("m100@x.io"), "a hundred names at most");
    // Somebody takes the name in between: it gets another one, and a second look says so.
    let second = office.group("ENG", &[]);
    let page = office.ada.page(&path);
    assert!(told(fact(&page, "Name")).contains("Eng_Unarchived, because another group is called Eng by now"), "{page}");
    is_to(&office.ada.post(&path, &[]), &format!("/groups/{group}"));
    let back = office.client.get(&format!("/Groups/{group}")).unwrap().json();
    assert_eq!((&back["displayName"], back["members"].as_array().unwrap().len()), (&json!("Eng_Unarchived"), 103));
    assert_eq!(office.client.get(&format!("/Groups/{parent}")).unwrap().json()["members"][0]["value"], json!(group));
    assert_eq!(office.ada.post(&path, &[]).status, 409);
    // A group is no person.
    office.delete(&format!("/Groups/{second}"));
    assert_eq!(office.ada.get(&format!("/people/{second}/restore")).status, 404);
    assert_eq!(office.ada.post(&format!("/people/{second}/restore"), &[]).status, 404);
}
