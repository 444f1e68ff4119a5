//! By page: a file is sent, looked at, confirmed, and done once.

use serde_json::json;

use super::{House, PASSWORD, many, people, place_of, until, uploaded};
use crate::settings::browser::text;
use crate::settings::{MINUTE, OTHER, id_of};

#[test]
fn a_file_is_checked_and_imported_by_page() {
    let house = House::new();
    let client = house.provider();
    id_of(&client.post("/Users", &json!({"userName": "ada@x.io", "title": "Countess"})).unwrap());
    let mut ada = house.ada();
    let file = "userName,title,active,created\nada@x.io,Lady,false,x\nnew@x.io,Boss,,\n";
    let at = place_of(&uploaded(&mut ada, file));
    let page = text(&ada.page(&at));
    for words in [
        "Nothing has been changed yet",
        "New people 1",
        "1 , 1 of them deactivated",
        "created , since the server keeps it",
        "Import 2 people",
    ] {
        let flat = page.split_whitespace().collect::<Vec<_>>().join(" ");
        let wanted = words.replace(" ,", ",");
        assert!(flat.replace(" ,", ",").contains(&wanted), "{words}: {flat}");
    }
    assert!(page.contains("before: ") && page.contains("Countess") && page.contains("Lady"));
    assert_eq!(people(&house), 1);
    // A minute ago is now: nobody is asked again.
    let answer = ada.post(&at, &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some(at.as_str())));
    let done = until(&mut ada, &at, "The people are imported");
    assert!(text(&done).contains("Look at what they leave behind"));
    assert_eq!(people(&house), 2);
    assert!(house.audit().iter().any(|(actor, op)| actor == "admin:ada" && op == "create"));
    // The same form once more changes nothing.
    let before = house.contents();
    assert_eq!(ada.post(&at, &[]).status, 200);
    assert_eq!(house.contents(), before);
    let at = place_of(&uploaded(&mut ada, file));
    assert!(ada.page(&at).contains("There is nothing to import"));
}

#[test]
fn the_password_is_asked_for_and_the_session_counts() {
    let mut house = House::new();
    assert!(house.spoken(&["admin", "create", "eve"], OTHER).status.success());
    let mut ada = house.ada();
    let at = place_of(&uploaded(&mut ada, "userName\nx\n"));
    house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    let refused = ada.post(&at, &[("confirm-password", "wrong")]);
    assert_eq!((refused.status, people(&house)), (403, 0));
    assert!(refused.body.contains("This is not your password"), "{}", refused.body);
    // Nobody else sees it: no other account, and no other session of this one.
    for mut other in [house.signed_in("eve", OTHER), house.ada()] {
        let answer = other.get(&at);
        assert!(answer.status == 404 && answer.body.contains("This file is no longer here"), "{}", answer.body);
        other.page("/people/import");
        assert_eq!(other.post(&at, &[]).status, 404);
    }
    ada.page(&at);
    assert_eq!(ada.post(&at, &[("confirm-password", PASSWORD)]).status, 303);
    until(&mut ada, &at, "The people are imported");
    assert_eq!(people(&house), 1);
    let at = place_of(&uploaded(&mut ada, "userName\ny\n"));
    house.stop();
    house.start();
    ada.port = house.port();
    let answer = ada.get(&at);
    assert!(answer.status == 404 && answer.body.contains("not over a restart"), "{}", answer.body);
}

#[test]
fn what_was_looked_at_is_what_is_done() {
    let house = House::new();
    let client = house.provider();
    let id = id_of(&client.post("/Users", &json!({"userName": "ada@x.io", "title": "Countess"})).unwrap());
    let mut ada = house.ada();
    let at = place_of(&uploaded(&mut ada, "userName,title\nada@x.io,Lady\nnew@x.io,Boss\n"));
    ada.page(&at);
    client.patch(&format!("/Users/{id}"), &json!([{"op": "replace", "path": "title", "value": "Madam"}])).unwrap();
    let answer = ada.post(&at, &[]);
    assert_eq!(answer.status, 409, "{}", answer.body);
    let seen = text(&answer.body);
    assert!(seen.contains("The directory has changed since the preview") && seen.contains("Madam"), "{seen}");
    assert_eq!(people(&house), 1);
    // Somebody took the name: the same file would change a person now, and not make one.
    id_of(&client.post("/Users", &json!({"userName": "NEW@x.io"})).unwrap());
    let answer = ada.post(&at, &[]);
    assert!(answer.status == 409 && text(&answer.body).contains("Import 2 people"), "{}", answer.body);
    assert_eq!(ada.post(&at, &[]).status, 303);
    until(&mut ada, &at, "The people are imported");
    assert_eq!(people(&house), 2);
}

#[test]
fn a_long_import_shows_how_far_it_is_and_is_begun_once() {
    let house = House::new();
    let mut ada = house.ada();
    let at = place_of(&uploaded(&mut ada, many("p", 5000)));
    until(&mut ada, &at, "Import 5,000 people");
    let posted = crate::settings::at_once(2, |_| {
        let mut tab = ada.clone();
        tab.post(&at, &[]).status
    });
    assert!(posted.iter().all(|status| *status == 303 || *status == 200), "{posted:?}");
    let page = ada.page(&at);
    let progress = page.contains("<progress") && page.contains("http-equiv=\"refresh\"");
    assert!(progress || page.contains("The people are imported"), "{page}");
    until(&mut ada, &at, "The people are imported");
    assert_eq!(people(&house), 5000);
    assert_eq!(house.number("select count(*) from change where op = 'create'"), 5000);
    let answer = ada.get("/people/export.csv");
    let header = |name: &str| answer.header(name).unwrap_or_default().to_owned();
    assert_eq!((answer.status, header("content-type").as_str()), (200, "text/csv; charset=utf-8"));
    assert!(header("content-disposition").starts_with("attachment; filename=\"people-2"));
    assert_eq!(header("cache-control"), "no-store");
    assert!(answer.body.starts_with("\u{feff}id,userName,active,"), "{:.200}", answer.body);
    let at = place_of(&uploaded(&mut ada, answer.body.as_bytes()));
    assert!(until(&mut ada, &at, "There is nothing to import").contains("5,000"));
}
