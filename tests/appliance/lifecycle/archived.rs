//! Archived groups: GR7 to GR10 and GR20.

use serde_json::json;

use super::{Desk, sorted};

#[test]
fn a_group_that_is_no_longer_pushed_is_archived_with_its_members() {
    let desk = Desk::new();
    let [ada, grace] = ["ada@x.io", "grace@x.io"].map(|n| desk.person(n));
    let group = desk.group("Eng", &[&ada, &grace]);
    desk.delete(&format!("/Groups/{group}"));
    assert_eq!(desk.status(&format!("/Groups/{group}")), 404);
    assert_eq!(desk.get("/Groups")["totalResults"], json!(0));
    assert_eq!(desk.get("/Users")["totalResults"], json!(2), "an archive touches nobody (GR20)");
    assert!(desk.groups_of(&ada).is_empty());
    desk.delete(&format!("/Users/{grace}"));
    let archived = desk.listed(&["group", "list-archived"]);
    assert_eq!((archived[0]["id"].clone(), archived[0]["displayName"].clone()), (json!(group), json!("Eng")));
    let members = &archived[0]["members"];
    assert_eq!(members, &json!([{"name": "ada@x.io", "isHere": true}, {"name": "grace@x.io", "isHere": false}]));
    let page = desk.page(&format!("/groups/{group}"));
    assert!(page.contains("Archived") && page.contains("grace@x.io (gone)"), "{page}");
    desk.check();
}

/// GR8, GR9: a new push is a new group; the archived one comes back beside it.
#[test]
fn a_group_comes_back_with_its_id_and_another_name_if_need_be() {
    let desk = Desk::new();
    let [ada, grace, new] = ["ada@x.io", "grace@x.io", "new@x.io"].map(|n| desk.person(n));
    let parent = desk.group("Parent", &[]);
    let group = desk.group("Eng", &[&ada, &grace]);
    desk.done(&["group", "add-member", "Eng", "new@x.io"]);
    let nest = json!([{"op": "add", "path": "members", "value": [{"value": group}]}]);
    assert_eq!(desk.client.patch(&format!("/Groups/{parent}"), &nest).unwrap().status, 200);
    desk.delete(&format!("/Groups/{group}"));
    let second = desk.group("eng", &[&ada]);
    assert_ne!(group, second);
    desk.delete(&format!("/Users/{grace}"));
    let said = desk.done(&["group", "restore", &group]);
    assert!(said.contains("Eng_Unarchived"), "{said}");
    assert_eq!(desk.get(&format!("/Groups/{group}"))["displayName"], json!("Eng_Unarchived"));
    assert_eq!(desk.members(&group), sorted([&ada, &new]), "those who are still there");
    assert_eq!(desk.groups_of(&ada), ["Eng_Unarchived", "Parent", "eng"], "nested as before");
    assert_eq!(desk.house.number("select sum(source) from member"), 1);
    // Once more, with that name taken as well; and with the name free.
    desk.delete(&format!("/Groups/{group}"));
    desk.group("ENG_unarchived", &[]);
    assert!(desk.done(&["group", "restore", &group]).contains("Eng_Unarchived_Unarchived"));
    desk.delete(&format!("/Groups/{second}"));
    assert!(desk.done(&["group", "restore", &second]).contains("The group eng is back"));
    assert!(desk.refused(&["group", "restore", &second]).contains("no archived group"));
    assert!(desk.refused(&["person", "restore", &second]).contains("no deleted person"));
    desk.check();
}
