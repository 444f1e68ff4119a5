use super::*;

#[test]
fn groups_are_made_renamed_and_archived_on_pages() {
    let mut desk = Desk::new();
    let office = desk.made("/groups/new", vec![("name", " Office ")]);
    let (here, edit) = (format!("/groups/{office}"), format!("/groups/{office}/edit"));
    assert_eq!(desk.get(&format!("/Groups/{office}"))["displayName"], json!("Office"));
    let count = desk.changes();
    for (path, name, status) in
        [("/groups/new", "", 422), ("/groups/new", "OFFICE", 409), (&edit, " ", 422), ("/groups/new", "a\u{1}b", 422)]
    {
        let answer = desk.ada.fill(path, path, &[("name", name), ("was", "Office")]);
        assert_eq!(answer.status, status, "{path} {name}");
        assert_eq!(field(&answer.body, "name"), name);
        assert!(!beside(&answer.body, "name").is_empty());
    }
    let answer = desk.save(&edit, &[]);
    desk.done(&answer, &here);
    assert_eq!(desk.changes(), count, "nothing was changed");
    // Members come while the form is open; another name does too.
    let opened = desk.ada.page(&edit);
    let ada = desk.person("ada@x.io");
    let group = format!("/Groups/{office}");
    desk.client.patch(&group, &json!([{"op": "add", "path": "members", "value": [{"value": ada}]}])).unwrap();
    let answer = desk.resend(&edit, &opened, &[("name", "Berlin")]);
    desk.done(&answer, &here);
    desk.client.patch(&group, &json!([{"op": "replace", "path": "displayName", "value": "Paris"}])).unwrap();
    let answer = desk.resend(&edit, &opened, &[("name", "Rome")]);
    assert_eq!(answer.status, 409);
    assert!(beside(&answer.body, "name").contains("“Paris”"));
    assert!(text(&answer.body).contains("may give it its own name again"));
    let answer = desk.resend(&edit, &answer.body, &[]);
    desk.done(&answer, &here);
    assert_eq!(desk.get(&group)["displayName"], json!("Rome"));
    // Archived, with the password.
    let delete = format!("{here}/delete");
    desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTES));
    let page = text(&desk.ada.page(&delete));
    assert!(page.contains("Archive the group") && page.contains("with its 1 member"), "{page}");
    assert_eq!(desk.ada.post(&delete, &[]).status, 403);
    let answer = desk.ada.post(&delete, &[("confirm-password", super::super::PASSWORD)]);
    desk.done(&answer, &here);
    assert_eq!(desk.client.get(&group).unwrap().status, 404);
    assert!(text(&desk.ada.page(&here)).contains("Archived"));
    let answer = desk.ada.post(&delete, &[]);
    desk.done(&answer, &here);
    crate::invariants::check(&desk.house.place.database());
}

#[test]
fn members_are_added_all_or_none_and_stay_when_a_provider_sends_its_own() {
    let mut desk = Desk::new();
    let (ada, grace, alan) = (desk.person("ada@x.io"), desk.person("grace@x.io"), desk.person("alan@x.io"));
    let made = desk.client.post("/Groups", &json!({"displayName": "Eng", "members": [{"value": ada}]})).unwrap();
    let eng = id_of(&made);
    let (here, path) = (format!("/groups/{eng}"), format!("/groups/{eng}/members"));
    let count = desk.changes();
    let typed = "grace@x.io\r\nnobody@x.io\r\n\r\n<i>x</i>\r\nalan@x.io";
    let answer = desk.ada.fill(&path, &path, &[("people", typed)]);
    assert_eq!(answer.status, 422);
    let told = text(&answer.body);
    assert!(told.contains("Line 2: there is nobody with the userName or id 'nobody@x.io'"), "{told}");
    assert!(
        told.contains("Line 4: there is nobody with the userName or id '<i>x</i>'")
            && told.contains("2 lines name nobody. Nobody was added."),
        "{told}"
    );
    assert!(!answer.body.contains("<i>x") && told.contains("grace@x.io"), "what was typed is kept");
    for (typed, words) in [("", "at least one"), (" \r\n ", "at least one"), (&"x\n".repeat(501), "at most 500")] {
        let answer = desk.ada.fill(&path, &path, &[("people", typed)]);
        assert!(answer.status == 422 && beside(&answer.body, "people").contains(words), "{typed}");
    }
    let many: String = (0..30).map(|i| format!("nobody{i}\n")).collect();
    let answer = desk.ada.fill(&path, &path, &[("people", &many)]);
    assert!(text(&answer.body).contains("And 10 more."));
    assert_eq!(desk.changes(), count);
    for _ in 0..2 {
        let typed = format!("GRACE@x.io\r\n{alan}\r\n  grace@x.io  \r\nada@x.io");
        let answer = desk.ada.fill(&path, &path, &[("people", &typed)]);
        desk.done(&answer, &format!("{here}#members"));
    }
    assert_eq!(desk.changes(), count + 1, "twice is once");
    let page = text(&desk.ada.page(&here));
    assert_eq!((page.matches(" Here ").count(), page.matches("By the provider").count()), (2, 1), "{page}");
    // The provider sends its own: those who were added here stay.
    let put = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Eng", "members": []});
    assert_eq!(desk.client.put(&format!("/Groups/{eng}"), &put).unwrap().status, 200);
    let left = |desk: &Desk| {
        let group = desk.get(&format!("/Groups/{eng}"));
        let all = group["members"].as_array().cloned().unwrap_or_default();
        all.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left(&desk), [grace.clone(), alan.clone()]);
    // One is taken out by the button in the row.
    let page = desk.ada.page(&here);
    let button = tags(&page).into_iter().find(|t| t.name == "button" && t.get("value") == Some(&grace)).unwrap();
    let form = tags(&page).into_iter().find(|t| t.name == "form" && t.get("id") == button.get("form")).unwrap();
    for _ in 0..2 {
        let answer = desk.ada.post(form.get("action").unwrap(), &[("member", &grace)]);
        desk.done(&answer, &format!("{here}#members"));
    }
    for odd in ["", "\"", "x\" or value ne \"", "nobody"] {
        let answer = desk.ada.post(form.get("action").unwrap(), &[("member", odd)]);
        assert!(matches!(answer.status, 303 | 400), "{odd}: {}", answer.status);
    }
    assert_eq!(left(&desk), [alan]);
    assert_eq!(desk.ada.get(&format!("{path}/remove")).status, 303);
    crate::invariants::check(&desk.house.place.database());
}

/// Blanks that an identity provider has sent can be taken away; a name that nobody touches stays as it is.
#[test]
fn blanks_around_a_name_can_be_taken_away() {
    let mut desk = Desk::new();
    let group = desk.client.post("/Groups", &json!({"displayName": "Staff "})).unwrap();
    let id = id_of(&group);
    let path = format!("/groups/{id}/edit");
    let name = |desk: &Desk| desk.client.get(&format!("/Groups/{id}")).unwrap().json()["displayName"].clone();
    desk.ada.page(&path);
    assert_eq!(desk.ada.post(&path, &[("name", "Staff "), ("was", "Staff ")]).status, 303);
    assert_eq!(name(&desk), json!("Staff "));
    assert_eq!(desk.ada.post(&path, &[("name", "Staff"), ("was", "Staff ")]).status, 303);
    assert_eq!(name(&desk), json!("Staff"));
}
