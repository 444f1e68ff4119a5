//! Deleted people: kept for their time, brought back, known when they return, and purged.

use serde_json::json;

use super::{DAY, Desk};

/// D14, P5: for SCIM nobody is there, and the name is free; inside there is a record.
#[test]
fn a_deleted_person_is_nowhere_for_scim_and_can_be_brought_back() {
    let desk = Desk::new();
    let ada = desk.person_with("ada@x.io", json!({"emails": [{"value": "ada@x.io", "type": "work"}]}));
    let created = desk.get(&format!("/Users/{ada}"))["meta"]["created"].clone();
    desk.group("Eng", &[&ada]);
    desk.done(&["group", "create", "Office"]);
    desk.done(&["group", "add-member", "Office", "ada@x.io"]);
    desk.group("Closing", &[&ada]);
    desk.delete(&format!("/Users/{ada}"));
    assert_eq!((desk.status(&format!("/Users/{ada}")), desk.get("/Users")["totalResults"].clone()), (404, json!(0)));
    let kept = desk.listed(&["person", "list-departed"]);
    assert_eq!((kept[0]["id"].clone(), kept[0]["userName"].clone()), (json!(ada), json!("ada@x.io")));
    let page = desk.page(&format!("/people/{ada}"));
    assert!(page.contains("Deleted") && page.contains("person restore"), "{page}");
    desk.done(&["group", "delete", "Closing"]);
    desk.done(&["person", "restore", &ada]);
    let back = desk.get(&format!("/Users/{ada}"));
    assert_eq!((back["active"].clone(), back["meta"]["created"].clone()), (json!(true), created));
    assert_eq!(desk.groups_of(&ada), ["Eng", "Office"], "of the groups that are there");
    assert_eq!(desk.house.number("select sum(source) from member"), 1, "what was ours is ours again");
    assert!(desk.open().is_empty(), "whoever is back has nothing to hand over");
    assert!(desk.refused(&["person", "restore", &ada]).contains("no deleted person"));
    let found = desk.get("/Users?filter=emails.value%20eq%20%22ada@x.io%22");
    assert_eq!(found["totalResults"], json!(1), "the indexes are back too");
    desk.check();
}

#[test]
fn a_name_that_is_taken_by_now_is_not_taken_away() {
    let desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.delete(&format!("/Users/{ada}"));
    let second = desk.person_with("Ada@X.io", json!({"externalId": "e-2"}));
    let said = desk.refused(&["person", "restore", &ada]);
    assert!(said.contains("userName") && said.contains("already"), "{said}");
    assert_eq!((desk.status(&format!("/Users/{ada}")), desk.status(&format!("/Users/{second}"))), (404, 200));
    assert_eq!(desk.listed(&["person", "list-departed"]).len(), 1, "nothing of it was done");
    desk.check();
}

/// Whoever comes back after a deletion has a new id, and is shown as the same person.
#[test]
fn a_person_who_returns_is_known() {
    let desk = Desk::new();
    let first = desk.person_with("ada@x.io", json!({"externalId": "e-1", "title": "First"}));
    desk.delete(&format!("/Users/{first}"));
    let second = desk.person_with("ada.new@x.io", json!({"externalId": "e-1"}));
    assert_ne!(first, second);
    desk.delete(&format!("/Users/{second}"));
    let third = desk.person("ADA.new@x.io");
    let page = desk.page(&format!("/people/{third}"));
    assert!(page.contains("Was here before") && page.contains(&first) && page.contains(&second), "{page}");
    let old = desk.page(&format!("/people/{first}"));
    assert!(old.contains("Has come back") && old.contains("First") && old.contains("History"), "{old}");
    assert_eq!(desk.listed(&["handover", "list"])[0]["returnedAs"], json!(third));
    // Two externalIds are two people, though one has the other's name.
    let bob = desk.person_with("bob@x.io", json!({"externalId": "b-1"}));
    desk.delete(&format!("/Users/{bob}"));
    let other = desk.person_with("bob@x.io", json!({"externalId": "b-2"}));
    assert!(!desk.page(&format!("/people/{other}")).contains("Was here before"));
    // Nobody is two people at a time.
    let twin = desk.person_with("twin@x.io", json!({"externalId": "e-1"}));
    assert!(!desk.page(&format!("/people/{twin}")).contains(&first), "the first record is the third one's");
    desk.check();
}

/// Records go when their time is over: but not before the hand-over, and archived groups stay.
#[test]
fn the_retention_time_purges_whom_nobody_waits_for() {
    let mut desk = Desk::with("[retention]\ndeparted_days = 30\n");
    let [old, open, young] = ["old@x.io", "open@x.io", "young@x.io"].map(|n| desk.person(n));
    let group = desk.group("Archived", &[&old]);
    for id in [&old, &open, &young] {
        desk.delete(&format!("/Users/{id}"));
    }
    desk.delete(&format!("/Groups/{group}"));
    desk.done(&["handover", "dismiss", "old@x.io"]);
    desk.done(&["handover", "dismiss", "young@x.io"]);
    let age = |days: i64| format!("update departed set departed = departed - {} where id <> '{young}'", days * DAY);
    desk.meanwhile(&age(31));
    let ids = |desk: &Desk| {
        let all = desk.listed(&["person", "list-departed"]);
        let mut ids: Vec<String> = all.iter().map(|p| p["id"].as_str().unwrap().to_owned()).collect();
        ids.sort();
        ids
    };
    desk.until("the old record is purged", || !ids(&desk).contains(&old));
    assert_eq!(ids(&desk), super::sorted([&open, &young]));
    let who = desk.house.text(&format!("select actor from change where resource = '{old}' order by n desc limit 1"));
    assert_eq!(who, "retention");
    assert_eq!(desk.listed(&["group", "list-archived"]).len(), 1);
    desk.done(&["handover", "dismiss", "open@x.io"]);
    desk.until("the other goes once it is settled", || ids(&desk) == [young.clone()]);
    desk.check();
}

/// More than one batch, with some of them waiting in between.
#[test]
fn purging_goes_on_until_all_are_gone() {
    let mut desk = Desk::with("[retention]\ndeparted_days = 1\n[guard]\npercent = 0\ncount = 0\n");
    for i in 0..250 {
        let id = desk.person(&format!("p{i}@x.io"));
        desk.delete(&format!("/Users/{id}"));
    }
    desk.meanwhile(&format!(
        "update departed set departed = departed - {DAY} * 2;
         update handover set status = 'dismissed' where id > (select id from handover order by id limit 1 offset 119)"
    ));
    let kept = || desk.house.number("select count(*) from departed");
    desk.until("all but those who wait are purged", || kept() == 120);
    desk.check();
}
