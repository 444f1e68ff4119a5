//! By page: a file is sent, looked at, confirmed, and done once.

use serde_json::json;

use super::{House, PASSWORD, agreed, confirmed, many, people, place_of, until, uploaded};
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
    let page = ada.page(&at);
    // A form that does not say what it showed imports nothing.
    assert_eq!(ada.post(&at, &[]).status, 409);
    let page = text(&page);
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
    let answer = agreed(&mut ada, &at);
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
    let page = ada.page(&at);
    let refused = confirmed(&mut ada, &at, &page, &[("confirm-password", "wrong")]);
    assert_eq!((refused.status, people(&house)), (403, 0));
    assert!(refused.body.contains("This is not your password"), "{}", refused.body);
    // Nobody else sees it: no other account, and no other session of this one.
    for mut other in [house.signed_in("eve", OTHER), house.ada()] {
        let answer = other.get(&at);
        assert!(answer.status == 404 && answer.body.contains("This file is no longer here"), "{}", answer.body);
        other.page("/people/import");
        assert_eq!(other.post(&at, &[]).status, 404);
    }
    let page = ada.page(&at);
    assert_eq!(confirmed(&mut ada, &at, &page, &[("confirm-password", PASSWORD)]).status, 303);
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
    let first = ada.page(&at);
    client.patch(&format!("/Users/{id}"), &json!([{"op": "replace", "path": "title", "value": "Madam"}])).unwrap();
    let answer = confirmed(&mut ada, &at, &first, &[]);
    assert_eq!(answer.status, 409, "{}", answer.body);
    let seen = text(&answer.body);
    assert!(seen.contains("The directory has changed since the preview") && seen.contains("Madam"), "{seen}");
    assert_eq!(people(&house), 1);
    // The second of two clicks is on the page that was there before.
    let again = confirmed(&mut ada, &at, &first, &[]);
    assert!(again.status == 409 && text(&again.body).contains("Madam"), "{}", again.body);
    assert_eq!(people(&house), 1);
    // Somebody took the name: the same file would change a person now, and not make one.
    id_of(&client.post("/Users", &json!({"userName": "NEW@x.io"})).unwrap());
    let answer = confirmed(&mut ada, &at, &again.body, &[]);
    assert!(answer.status == 409 && text(&answer.body).contains("Import 2 people"), "{}", answer.body);
    assert_eq!(confirmed(&mut ada, &at, &answer.body, &[]).status, 303);
    until(&mut ada, &at, "The people are imported");
    assert_eq!(people(&house), 2);
}

#[test]
fn a_long_import_shows_how_far_it_is_and_is_begun_once() {
    let house = House::new();
    let mut ada = house.ada();
    let at = place_of(&uploaded(&mut ada, many("p", 5000)));
    let shown = until(&mut ada, &at, "Import 5,000 people");
    let posted = crate::settings::at_once(2, |_| {
        let mut tab = ada.clone();
        confirmed(&mut tab, &at, &shown, &[]).status
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

#[test]
fn everybody_is_seen_before_the_import() {
    let house = House::new();
    house.place.done(&["group", "create", "Crew"]);
    let mut ada = house.ada();
    let file =
        format!("userName,groups,role\n{}last,,ADMIN\n", (0..150).map(|i| format!("h{i},crew,\n")).collect::<String>());
    let at = place_of(&uploaded(&mut ada, file.replace("ADMIN", "ORGANIZATION_ADMINISTRATOR")));
    let first = until(&mut ada, &at, "Import 151 people");
    let flat = text(&first).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("Added to groups 150 Role given or taken 1"), "{flat}");
    assert!(flat.contains("1 to 100 of 151") && first.contains(&format!("{at}?offset=100")), "{flat}");
    let second = ada.page(&format!("{at}?offset=100"));
    assert!(!first.contains(">last<") && second.contains(">last<") && second.contains("ORGANIZATION_ADMINISTRATOR"));
    assert!(text(&ada.page(&format!("{at}?offset=100000"))).contains("None of 151"));
    // The page that shows the end imports what the first one showed.
    house.place.done(&["person", "create", "h3"]);
    assert_eq!(confirmed(&mut ada, &at, &second, &[]).status, 409);
    assert_eq!(people(&house), 1);
    let again = ada.page(&format!("{at}?offset=100"));
    house.place.done(&["person", "create", "h4"]);
    let moved = ada.get(&format!("{at}?offset=100"));
    assert_eq!((moved.status, moved.header("location")), (303, Some(at.as_str())));
    assert!(text(&ada.page(&at)).contains("Look at it once more"));
    assert_eq!(confirmed(&mut ada, &at, &again, &[]).status, 409);
    assert_eq!(agreed(&mut ada, &at).status, 303);
    until(&mut ada, &at, "The people are imported");
    assert_eq!(people(&house), 151);
}

/// Eight files wait at most; those that nothing comes of keep nobody out.
#[test]
fn whoever_has_done_with_a_file_makes_room() {
    let house = House::new();
    let mut all: Vec<_> = (0..9).map(|_| house.ada()).collect();
    let mut last = all.pop().unwrap();
    let places: Vec<String> =
        all.iter_mut().enumerate().map(|(i, one)| place_of(&uploaded(one, format!("userName\np{i}\n")))).collect();
    let refused = uploaded(&mut last, "userName\nlast\n");
    assert_eq!(refused.status, 503, "{}", refused.body);
    // Nobody is imported, somebody signs out, and an import is done: three places.
    all[0].page(&places[0]);
    let answer = all[0].post(&places[0], &[("nobody", "yes")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/people")));
    assert_eq!(all[0].get(&places[0]).status, 404);
    let at = place_of(&uploaded(&mut last, "userName\nlast\n"));
    let mut other = house.ada();
    assert_eq!(uploaded(&mut other, "userName\nother\n").status, 503);
    all[1].page("/people");
    assert_eq!(all[1].post("/sign-out", &[]).status, 303);
    place_of(&uploaded(&mut other, "userName\nother\n"));
    assert_eq!(agreed(&mut last, &at).status, 303);
    until(&mut last, &at, "The people are imported");
    let mut third = house.ada();
    place_of(&uploaded(&mut third, "userName\nthird\n"));
    assert_eq!(uploaded(&mut house.ada(), "userName\nfourth\n").status, 503);
    assert_eq!(people(&house), 1);
}
