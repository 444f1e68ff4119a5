//! Hand-over: who has something to hand over, who takes over, and what that moves.

use serde_json::{Value, json};

use super::{Desk, sorted};
use crate::support::Answer;
use crate::wire::{PATIENCE, exchange, plain};

/// B7, D7: an item comes with the deactivation and goes with the return; nothing is given by itself.
#[test]
fn a_deactivation_opens_one_item_and_a_return_closes_it() {
    let desk = Desk::new();
    let ada = desk.person("ada@x.io");
    assert!(desk.open().is_empty());
    desk.activate(&ada, false);
    desk.activate(&ada, false);
    assert_eq!(desk.open(), ["ada@x.io"]);
    let change = desk.house.number("select id from handover");
    let op = desk.house.text(&format!("select op || ' ' || resource from change where n = {change}"));
    assert_eq!(op, format!("patch {ada}"), "the item names the change that opened it");
    // To be deactivated and then deleted is to leave once.
    desk.activate(&ada, true);
    assert!(desk.open().is_empty());
    assert_eq!(desk.house.text("select status from handover"), "closed");
    desk.activate(&ada, false);
    desk.delete(&format!("/Users/{ada}"));
    assert_eq!(desk.open(), ["ada@x.io"]);
    // PUT and a deletion of somebody active do it as well, and people who come deactivated have nothing.
    let grace = desk.person("grace@x.io");
    let put =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": "grace@x.io", "active": false});
    assert_eq!(desk.client.put(&format!("/Users/{grace}"), &put).unwrap().status, 200);
    let edsger = desk.person("edsger@x.io");
    desk.delete(&format!("/Users/{edsger}"));
    desk.person_with("never@x.io", json!({"active": false}));
    assert_eq!(desk.open(), ["edsger@x.io", "grace@x.io", "ada@x.io"]);
    let page = desk.page("/handovers");
    assert!(page.contains("Open (3)") && page.contains("grace@x.io") && page.contains("Deleted"), "{page}");
    assert!(desk.page("/").contains("3 people have left without a hand-over"));
    desk.check();
}

/// D9, D10: an active successor joins the groups of whoever left, as far as they are ours.
#[test]
fn a_successor_joins_the_local_groups_and_none_of_the_provider() {
    let desk = Desk::new();
    let [ada, grace, off] = ["ada@x.io", "grace@x.io", "off@x.io"].map(|n| desk.person(n));
    let pushed = desk.group("Pushed", &[&ada]);
    let mixed = desk.group("Mixed", &[]);
    let office = desk.done(&["group", "create", "Office"]);
    desk.done(&["group", "add-member", "Office", "ada@x.io"]);
    desk.done(&["group", "add-member", "Mixed", "ada@x.io"]);
    desk.activate(&ada, false);
    desk.activate(&off, false);
    for (to, words) in [("ada@x.io", "own successor"), ("off@x.io", "deactivated"), ("nobody@x.io", "no person")] {
        let said = desk.refused(&["handover", "give", "ada@x.io", "--to", to]);
        assert!(said.contains(words), "{said}");
    }
    assert!(desk.refused(&["handover", "give", "grace@x.io", "--to", "ada@x.io"]).contains("nothing to hand over"));
    let said = desk.done(&["handover", "give", "ada@x.io", "--to", "GRACE@x.io", "--note", "Team of Q4"]);
    assert!(said.contains("Office") && said.contains("Mixed") && !said.contains("Pushed"), "{said}");
    assert_eq!(desk.groups_of(&grace), ["Mixed", "Office"]);
    assert_eq!(desk.groups_of(&ada), ["Mixed", "Office", "Pushed"], "whoever left stays where he or she was");
    assert_eq!(desk.members(&office), sorted([&ada, &grace]));
    // The provider's next push of the group as it has it takes nobody away who was added here.
    let push =
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Mixed", "members": []});
    assert_eq!(desk.client.put(&format!("/Groups/{mixed}"), &push).unwrap().status, 200);
    assert_eq!(desk.members(&mixed), sorted([&ada, &grace]));
    assert_eq!(desk.members(&pushed), sorted([&ada]));
    assert!(desk.refused(&["handover", "dismiss", "ada@x.io"]).contains("nothing to hand over"), "it is settled");
    let page = desk.page(&format!("/people/{ada}"));
    assert!(page.contains("Given to grace@x.io by a command on the server") && page.contains("Handed over"), "{page}");
    assert!(page.contains("Team of Q4"), "{page}");
    desk.check();
}

/// D14: somebody who was deleted is known until it is settled, and so are the groups.
#[test]
fn a_deleted_person_is_succeeded_too() {
    let desk = Desk::new();
    let [ada, grace] = ["ada@x.io", "grace@x.io"].map(|n| desk.person(n));
    desk.group("Pushed", &[&ada]);
    desk.done(&["group", "create", "Office"]);
    desk.done(&["group", "add-member", "Office", "ada@x.io"]);
    desk.delete(&format!("/Users/{ada}"));
    // The name is another's by now: who has something to hand over is meant all the same.
    let new = desk.person_with("ada@x.io", json!({"externalId": "another"}));
    desk.done(&["handover", "give", "ada@x.io", "--to", "grace@x.io"]);
    assert_eq!(desk.groups_of(&grace), ["Office"]);
    assert!(desk.groups_of(&new).is_empty());
    assert!(desk.open().is_empty());
    desk.check();
}

#[test]
fn a_dismissal_has_a_note_and_moves_nothing() {
    let desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.done(&["person", "deactivate", "ada@x.io"]);
    assert!(desk.refused(&["handover", "dismiss", "ada@x.io", "--note", &"x".repeat(1001)]).contains("1000"));
    desk.done(&["handover", "dismiss", &ada, "--note", "was a test"]);
    let row = desk.house.text("select status || '|' || note || '|' || by from handover");
    assert_eq!(row, "dismissed|was a test|command:handover dismiss");
    // To come back and leave again is another hand-over.
    desk.done(&["person", "reactivate", "ada@x.io"]);
    desk.done(&["person", "deactivate", "ada@x.io"]);
    assert_eq!(desk.open(), ["ada@x.io"]);
    assert_eq!(desk.house.number("select count(*) from handover"), 2);
    desk.check();
}

fn api(desk: &Desk, scope: &str) -> impl Fn(&str, &str, &str) -> Answer + use<> {
    let token = desk.done(&["token", "create", "--name", scope, "--scope", scope]);
    let (bearer, port) = (format!("Bearer {token}"), desk.house.port());
    move |method: &str, path: &str, body: &str| {
        let bytes = plain(method, &format!("/api/v1{path}"), &[("Authorization", &bearer)], body.as_bytes());
        exchange(port, &bytes, PATIENCE).unwrap()
    }
}

#[test]
fn scripts_settle_hand_overs_with_a_token_of_their_own() {
    let desk = Desk::new();
    let [ada, grace] = ["ada@x.io", "grace@x.io"].map(|n| desk.person(n));
    desk.done(&["group", "create", "Office"]);
    desk.done(&["group", "add-member", "Office", "ada@x.io"]);
    desk.activate(&ada, false);
    let (read, settle) = (api(&desk, "api:read"), api(&desk, "api:handover"));
    let listed = settle("GET", "/handovers", "").json();
    assert_eq!(listed, read("GET", "/handovers/", "").json());
    assert_eq!((listed["total"].clone(), listed["handovers"][0]["person"].clone()), (json!(1), json!(ada)));
    let by = listed["handovers"][0]["openedBy"].as_str().unwrap().to_owned();
    assert!(by.starts_with("token:"), "{by}");
    let path = format!("/handovers/{}", listed["handovers"][0]["id"]);
    let give = json!({"successor": "grace@x.io", "note": "all of it"}).to_string();
    assert_eq!(read("POST", &path, &give).status, 403);
    assert_eq!(read("POST", "/handovers", &give).status, 405);
    assert_eq!(settle("GET", "/requests", "").status, 403);
    for bad in [
        "",
        "{}",
        "[]",
        "{\"successor\":1}",
        "{\"dismissed\":false}",
        "{\"successor\":\"a\",\"dismissed\":true}",
        "{\"successor\":\"a\",\"x\":1}",
    ] {
        let answer = settle("POST", &path, bad);
        assert_eq!(answer.status, 400, "{bad}: {}", answer.body);
    }
    assert_eq!(settle("POST", &path, "{\"successor\":\"ada@x.io\"}").status, 409);
    assert_eq!(settle("POST", "/handovers/9999", &give).status, 404);
    assert_eq!(settle("GET", "/handovers?status=nonsense", "").status, 400);
    let done = settle("POST", &path, &give);
    assert_eq!(done.status, 200, "{}", done.body);
    let done: Value = done.json();
    assert_eq!((done["status"].clone(), done["successor"].clone()), (json!("done"), json!(grace)));
    assert_eq!((done["note"].clone(), done["groupsJoined"].clone()), (json!("all of it"), json!(["Office"])));
    assert_eq!(settle("POST", &path, &give).status, 409, "once");
    assert_eq!(read("GET", "/handovers?status=done", "").json()["total"], json!(1));
    // It opens nothing else.
    assert_eq!(desk.client.get("/Users").unwrap().status, 200);
    let token = desk.done(&["token", "create", "--name", "more", "--scope", "api:handover"]);
    let bearer = format!("Bearer {token}");
    let scim =
        exchange(desk.house.port(), &plain("GET", "/scim/v2/Users", &[("Authorization", &bearer)], b""), PATIENCE);
    assert_eq!(scim.unwrap().status, 403);
    desk.check();
}

/// A token that settles hand-overs is not one that says who administers.
#[test]
fn a_script_makes_nobody_an_administrator_of_the_settings_page() {
    let desk = Desk::new();
    let [ada, grace] = ["ada@x.io", "grace@x.io"].map(|n| desk.person(n));
    let admins = desk.done(&["group", "create", "Admins"]);
    desk.done(&["group", "add-member", "Admins", "ada@x.io"]);
    desk.done(&["role", "rule", "add", "--group", "Admins", "--role", "ORGANIZATION_ADMINISTRATOR"]);
    desk.activate(&ada, false);
    let settle = api(&desk, "api:handover");
    let path = format!("/handovers/{}", desk.house.number("select id from handover"));
    let give = json!({"successor": "grace@x.io"}).to_string();
    let answer = settle("POST", &path, &give);
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("which no token may do"), "{}", answer.body);
    assert_eq!(
        (desk.open(), desk.members(&admins)),
        (vec!["ada@x.io".to_owned()], vec![ada.clone()]),
        "nothing was done"
    );
    // Not even where something else decides for now.
    desk.done(&["role", "set", "grace@x.io", "LIMITED_ACCESS_USER"]);
    assert_eq!(settle("POST", &path, &give).status, 409);
    desk.done(&["role", "set", "grace@x.io", "--clear"]);
    // A rule of a group around it counts where it says so.
    desk.done(&["role", "rule", "remove", "--group", "Admins"]);
    desk.group("All", &[&admins]);
    desk.done(&["role", "rule", "add", "--group", "All", "--role", "ORGANIZATION_ADMINISTRATOR", "--nested"]);
    assert_eq!(settle("POST", &path, &give).status, 409);
    // Somebody who does already is none the more; and an administrator may.
    desk.done(&["role", "set", "grace@x.io", "ORGANIZATION_ADMINISTRATOR"]);
    assert_eq!(settle("POST", &path, &give).status, 200);
    assert_eq!(desk.members(&admins), sorted([&ada, &grace]));
    desk.activate(&ada, true);
    desk.activate(&ada, false);
    desk.person("alan@x.io");
    let said = desk.done(&["handover", "give", "ada@x.io", "--to", "alan@x.io"]);
    assert!(said.contains("Admins"), "{said}");
    desk.check();
}

#[test]
fn whoever_goes_and_comes_often_has_one_hand_over() {
    let desk = Desk::new();
    let [ada, grace] = ["ada@x.io", "grace@x.io"].map(|n| desk.person(n));
    let mut numbers = Vec::new();
    for _ in 0..3 {
        desk.done(&["person", "deactivate", "ada@x.io"]);
        assert_eq!(desk.open(), ["ada@x.io"]);
        numbers.push(desk.house.number("select id from handover"));
        desk.done(&["person", "reactivate", "ada@x.io"]);
        assert_eq!(desk.house.text("select count(*) || max(status) from handover"), "1closed");
    }
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    // One that somebody settled stays.
    desk.done(&["person", "deactivate", "ada@x.io"]);
    desk.done(&["handover", "give", "ada@x.io", "--to", "grace@x.io"]);
    desk.done(&["person", "reactivate", "ada@x.io"]);
    desk.done(&["person", "deactivate", "ada@x.io"]);
    let all = desk
        .house
        .text("select group_concat(status || coalesce(successor, '-')) from (select * from handover order by id)");
    assert_eq!(all, format!("done{grace},open-"), "{ada}");
    desk.check();
}

/// A file of the version before, with the table as it was.
#[test]
fn hand_overs_of_an_older_file_are_kept() {
    let mut desk = Desk::new();
    let [ada, grace, alan] = ["ada@x.io", "grace@x.io", "alan@x.io"].map(|n| desk.person(n));
    for name in ["ada@x.io", "alan@x.io"] {
        desk.done(&["person", "deactivate", name]);
    }
    desk.done(&["handover", "give", "ada@x.io", "--to", "grace@x.io", "--note", "All of it"]);
    let before = desk.listed(&["handover", "list"]);
    desk.meanwhile(
        "drop table sign_in; drop table idle_exempt; drop table idle; drop table refused_sign_in; drop table origin;
         create table older (id integer primary key autoincrement, person text not null, opened integer not null, change integer not null,
             status text not null, successor text, note text, by text, at integer) strict;
         insert into older (person, opened, change, status, successor, note, by, at)
             select person, opened, id, status, successor, note, by, at from handover;
         drop table handover; alter table older rename to handover;
         create index handover_by_person on handover (person, status);
         create index handover_by_status on handover (status, opened); pragma user_version = 5",
    );
    assert_eq!(desk.listed(&["handover", "list"]), before);
    assert_eq!(desk.open(), ["alan@x.io"]);
    let row = desk.house.text("select person || '|' || successor || '|' || note from handover where status = 'done'");
    assert_eq!(row, format!("{ada}|{grace}|All of it"));
    desk.done(&["person", "reactivate", "alan@x.io"]);
    assert_eq!(desk.house.text(&format!("select status from handover where person = '{alan}'")), "closed");
    desk.check();
}
