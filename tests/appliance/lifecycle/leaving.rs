//! Deactivated, active again, renamed by a soft deletion; and an administrator who is never locked out.

use serde_json::json;

use super::Desk;

/// D4, D13, B6: a deactivation by SCIM takes nothing away, and whoever is let in again is the same as before.
#[test]
fn somebody_deactivated_keeps_id_memberships_and_roles() {
    let desk = Desk::new();
    let ada = desk.person_with("ada@x.io", json!({"roles": [{"value": "USER", "primary": true}]}));
    let group = desk.group("Eng", &[&ada]);
    desk.activate(&ada, false);
    let gone = desk.get(&format!("/Users/{ada}"));
    assert_eq!((gone["active"].clone(), gone["roles"][0]["value"].clone()), (json!(false), json!("USER")));
    assert_eq!(desk.members(&group), super::sorted([&ada]));
    let found = desk.get("/Users?filter=userName%20eq%20%22ADA@x.io%22");
    assert_eq!(found["totalResults"], json!(1), "deactivated people are found");
    desk.activate(&ada, true);
    let back = desk.get(&format!("/Users/{ada}"));
    assert_eq!((back["active"].clone(), back["id"].clone()), (json!(true), json!(ada)));
    assert_eq!(desk.groups_of(&ada), ["Eng"]);
    desk.check();
}

/// Every step of it stands in the history with who, when and which request.
#[test]
fn the_history_tells_every_step() {
    let desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.activate(&ada, false);
    desk.done(&["person", "reactivate", "ada@x.io"]);
    desk.delete(&format!("/Users/{ada}"));
    desk.done(&["person", "restore", &ada]);
    let page = desk.page(&format!("/people/{ada}"));
    for words in ["Created", "Deactivated", "Active again", "Deleted", "Restored"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(page.contains("the token test") && page.contains("a command on the server"), "{page}");
    let request = desk.house.text(&format!(
        "select request from change where resource = '{ada}' and op = 'patch' and actor like 'token:%' order by n limit 1"
    ));
    assert!(page.contains(&request), "{request}");
    let local = desk.house.number("select count(*) from change where actor like 'command:person%' and request is null");
    assert_eq!(local, 2, "a command has no request");
}

/// B17, bug 50: Microsoft Entra ID renames whom it deletes softly.
#[test]
fn a_soft_deletion_is_shown_as_what_it_is() {
    let desk = Desk::new();
    let emails = json!([{"value": "ada@x.io", "type": "work", "primary": true}]);
    let ada = desk.person_with("ada@x.io", json!({"emails": emails}));
    let tomb = "3f2504e04f8941d39a0c0305e82c3301ada@x.io";
    let operations = json!([
        {"op": "Replace", "path": "active", "value": "False"}, {"op": "Replace", "path": "userName", "value": tomb}
    ]);
    assert_eq!(desk.client.patch(&format!("/Users/{ada}"), &operations).unwrap().status, 200);
    assert_eq!(desk.get(&format!("/Users/{ada}"))["emails"], emails, "the address stays");
    let page = desk.page(&format!("/people/{ada}"));
    assert!(page.contains("has deleted this person softly and renamed ada@x.io"), "{page}");
    assert!(desk.page("/people").contains("Soft-deleted: was ada@x.io"));
    assert!(page.contains("soft deletion of ada@x.io in Microsoft Entra ID"), "{page}");
    // Thirty days later it deletes for good. Whoever comes with the name of before is known.
    desk.delete(&format!("/Users/{ada}"));
    let departed = desk.listed(&["person", "list-departed"]);
    assert_eq!(departed[0]["nameBefore"], json!("ada@x.io"));
    let again = desk.person("ada@x.io");
    assert!(desk.page(&format!("/people/{again}")).contains(&format!("was here before as {ada}")));
    desk.check();
}

/// D15: the administrators of the settings page are none of the identity provider's people.
#[test]
fn whoever_deprovisions_everybody_locks_no_administrator_out() {
    let desk = Desk::new();
    let ids: Vec<String> = ["ada", "grace", "edsger"].map(|name| desk.person(name)).to_vec();
    for id in &ids {
        desk.activate(id, false);
    }
    for id in &ids {
        desk.delete(&format!("/Users/{id}"));
    }
    assert_eq!(desk.get("/Users")["totalResults"], json!(0));
    // `ada` of the settings page is not `ada` of the directory.
    let mut browser = desk.house.ada();
    assert!(browser.is_in());
    assert!(desk.page("/").contains("3 people have left without a hand-over"));
    desk.check();
}
