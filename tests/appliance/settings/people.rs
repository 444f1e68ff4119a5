//! People and groups: found by any part of what they are called, page by page, and shown with all that is known.

use serde_json::json;

use super::browser::{encoded, tags, text};
use super::{House, id_of};

/// The names in the list of a page, in order.
fn listed(page: &str) -> Vec<String> {
    let rows = page.split("<tbody>").nth(1).unwrap_or_default().split("</tbody>").next().unwrap();
    let name = |row: &str| text(row.split("</th>").next().unwrap()).trim().to_owned();
    rows.split("<tr>").skip(1).map(|row| name(&format!("<tr>{row}"))).collect()
}

#[test]
fn people_are_found_by_any_part_of_every_name() {
    let house = House::new();
    let client = house.provider();
    let full = json!({
        "userName": "Uname.STRASSE@x.io", "displayName": "Dísplay Näme", "nickName": "Nicky", "externalId": "EXT-0042",
        "title": "Titled", "name": {"formatted": "Format Ted", "givenName": "Gívën", "familyName": "O'Famíly"},
        "emails": [{"value": "first@mail.example", "type": "work"}, {"value": "second@mail.example", "primary": true}],
    });
    id_of(&client.post("/Users", &full).unwrap());
    id_of(&client.post("/Users", &json!({"userName": "other@x.io", "displayName": "Other", "active": false})).unwrap());
    id_of(&client.post("/Users", &json!({"userName": "100%_sure", "displayName": "Percent"})).unwrap());
    let mut ada = house.ada();
    let mut find =
        |q: &str, status: &str| listed(&ada.page(&format!("/people?{}", encoded(&[("q", q), ("status", status)]))));
    for q in [
        "uname",
        "straße",
        "STRASSE@",
        "ÍSPLAY NÄ",
        "icky",
        "xt-004",
        "format",
        "gívË",
        "o'fam",
        "first@mail",
        "OND@MAIL.EX",
        "  nicky  ",
    ] {
        assert_eq!(find(q, ""), ["Dísplay Näme"], "{q}");
    }
    for q in ["titled", "nobody", "*", "uname%other", "' or 1=1 --", "\"", "name\nother"] {
        assert!(find(q, "").is_empty(), "{q}");
    }
    assert_eq!(find("%", ""), ["Percent"]);
    assert_eq!(find("_", ""), ["Percent"]);
    assert_eq!(find("x.io", ""), ["Other", "Dísplay Näme"], "the latest first");
    assert_eq!(find("", "deactivated"), ["Other"]);
    assert_eq!(find("x.io", "active"), ["Dísplay Näme"]);
    assert_eq!(find("x.io", "deactivated"), ["Other"]);
    assert_eq!(find("", "active").len(), 2);
    assert_eq!(find("", "<script>").len(), 3);
    let none = text(&ada.page("/people?q=%3Cscript%3E&status=active"));
    assert!(none.contains("No active person matches “<script>”"), "{none}");
}

/// What is searched follows every way in which somebody can change.
#[test]
fn the_search_follows_renames_deactivation_and_deletes() {
    let house = House::new();
    let client = house.provider();
    let id = id_of(&client.post("/Users", &json!({"userName": "before@x.io", "displayName": "Before"})).unwrap());
    let group =
        id_of(&client.post("/Groups", &json!({"displayName": "Crew One", "members": [{"value": id}]})).unwrap());
    let mut ada = house.ada();
    let mut find = |path: &str, q: &str| listed(&ada.page(&format!("{path}?{}", encoded(&[("q", q)]))));
    let user = format!("/Users/{id}");
    assert_eq!(find("/people", "before"), ["Before"]);
    client.patch(&user, &json!([{"op": "replace", "path": "displayName", "value": "Patched"}])).unwrap();
    assert_eq!((find("/people", "patched").len(), find("/people", "before@").len()), (1, 1));
    client.put(&user, &json!({"userName": "after@x.io", "displayName": "After"})).unwrap();
    assert_eq!(
        (find("/people", "before").len(), find("/people", "patched").len(), find("/people", "after").len()),
        (0, 0, 1)
    );
    client.patch(&user, &json!([{"op": "replace", "path": "active", "value": false}])).unwrap();
    assert_eq!(find("/people", "after"), ["After"]);
    assert_eq!(listed(&house.ada().page("/people?status=deactivated")), ["After"]);
    assert!(listed(&house.ada().page("/people?status=active")).is_empty());
    assert_eq!(find("/groups", "EW O"), ["Crew One"]);
    let group = format!("/Groups/{group}");
    client.patch(&group, &json!([{"op": "replace", "value": {"displayName": "Team"}}])).unwrap();
    assert_eq!((find("/groups", "crew").len(), find("/groups", "team").len()), (0, 1));
    assert!(find("/people", "team").is_empty() && find("/groups", "after").is_empty(), "each in its own list");
    assert_eq!(client.delete(&user).unwrap().status, 204);
    assert_eq!(client.delete(&group).unwrap().status, 204);
    assert!(find("/people", "after").is_empty() && find("/groups", "team").is_empty());
    let told = text(&house.ada().page("/people"));
    assert!(told.contains("Nobody is here yet"), "{told}");
}

#[test]
fn lists_are_paged_and_odd_offsets_do_no_harm() {
    let house = House::new();
    let client = house.provider();
    for i in 0..60 {
        let body = json!({"userName": format!("user{i:02}@x.io"), "displayName": format!("Person {i:02}"), "active": i % 2 == 0});
        assert_eq!(client.post("/Users", &body).unwrap().status, 201);
    }
    let mut ada = house.ada();
    for start in ["/people", "/people?q=person", "/people?q=x.io&status=active"] {
        let mut next = Some(start.to_owned());
        let mut all = Vec::new();
        while let Some(path) = next {
            let page = ada.page(&path);
            all.extend(listed(&page));
            let link = tags(&page).into_iter().find(|t| t.get("rel") == Some("next"));
            next = link.map(|t| t.get("href").unwrap().to_owned());
            assert!(all.len() <= 60, "{path}");
        }
        let expected = if start.contains("active") { 30 } else { 60 };
        let mut unique = all.clone();
        unique.dedup();
        assert_eq!((all.len(), unique.len()), (expected, expected), "{start}");
        assert!(all.is_sorted_by(|a, b| a > b), "{start}");
    }
    for path in ["/people", "/people?q=person", "/groups", "/requests?client=x"] {
        let glue = if path.contains('?') { '&' } else { '?' };
        // No number is no offset; beyond the end one is sent to the beginning.
        for offset in ["-1", "x", "", "1.5", "99999999999999999999999", "0"] {
            assert_eq!(ada.get(&format!("{path}{glue}offset={offset}")).status, 200, "{path} {offset}");
        }
        for offset in ["60", "1000", "9223372036854775807", "18446744073709551615"] {
            let answer = ada.get(&format!("{path}{glue}offset={offset}"));
            assert_eq!((answer.status, answer.header("location")), (303, Some(path)), "{path} {offset}");
        }
    }
    assert_eq!(listed(&ada.page("/people?offset=59")), ["Person 00"]);
}

#[test]
fn a_page_of_somebody_shows_all_that_is_known_and_what_happened() {
    let house = House::new();
    let client = house.provider();
    let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let user = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", urn], "userName": "ada@x.io", "externalId": "00u1", "title": "Engineer", "password": "canary-secret-1",
        "name": {"givenName": "Ada", "familyName": "Lovelace"}, "profileUrl": "https://example.com/ada", urn: {"department": "Analysis"}});
    let id = id_of(&client.post("/Users", &user).unwrap());
    let inner = id_of(&client.post("/Groups", &json!({"displayName": "Inner", "members": [{"value": id}]})).unwrap());
    let outer =
        id_of(&client.post("/Groups", &json!({"displayName": "Outer", "members": [{"value": inner}]})).unwrap());
    client.patch(&format!("/Users/{id}"), &json!([{"op": "replace", "path": "title", "value": "Countess"}])).unwrap();
    let mut ada = house.ada();
    let page = ada.page(&format!("/people/{id}"));
    let told = text(&page);
    for word in [
        "Ada Lovelace",
        "ada@x.io",
        "00u1",
        "Countess",
        "Engineer",
        "Analysis",
        "Inner",
        "Outer",
        "Through another group",
        "the token test",
        "Created",
        &id,
    ] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(!page.contains("canary-secret"));
    let link = tags(&page).into_iter().find(|t| t.get("href") == Some("https://example.com/ada")).unwrap();
    assert_eq!(link.get("rel"), Some("noopener noreferrer"));
    let told = text(&ada.page(&format!("/groups/{inner}")));
    assert!(told.contains("Ada Lovelace") && told.contains("Outer") && told.contains("1 member came"), "{told}");
    assert!(text(&ada.page(&format!("/groups/{outer}"))).contains("Inner"));
    // An id of the other kind, of nobody, and ways to be somewhere else.
    for path in [
        format!("/people/{inner}"),
        format!("/groups/{id}"),
        "/people/nobody".to_owned(),
        "/people/%00".to_owned(),
        "/people/%ff".to_owned(),
        "/people/..%2f..%2fetc%2fpasswd".to_owned(),
        format!("/people/{id}/x"),
        "/people/'%20or%201=1".to_owned(),
    ] {
        let answer = ada.get(&path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.header("content-type").unwrap().starts_with("text/html"), "{path}");
    }
    for before in ["x", "-1", "0", "99999999999999999999", "1.5"] {
        ada.page(&format!("/people/{id}?before={before}"));
    }
    let escaped: String = id.bytes().map(|b| format!("%{b:02x}")).collect();
    assert_eq!(ada.get(&format!("/people/{escaped}")).status, 200, "the same id, written otherwise");
}

/// A long history and many members go on behind a link.
#[test]
fn long_histories_and_groups_are_shown_in_parts() {
    let house = House::new();
    let client = house.provider();
    let mut members = Vec::new();
    for i in 0..60 {
        members
            .push(json!({"value": id_of(&client.post("/Users", &json!({"userName": format!("m{i:02}")})).unwrap())}));
    }
    let group = id_of(&client.post("/Groups", &json!({"displayName": "Many", "members": members})).unwrap());
    for i in 0..60 {
        let to = json!([{"op": "replace", "path": "displayName", "value": format!("Many {i}")}]);
        client.patch(&format!("/Groups/{group}"), &to).unwrap();
    }
    let mut ada = house.ada();
    let first = ada.page(&format!("/groups/{group}"));
    assert!(text(&first).contains("1 to 50 of 60"));
    let next: Vec<String> = tags(&first)
        .iter()
        .filter(|t| t.get("rel") == Some("next"))
        .map(|t| t.get("href").unwrap().to_owned())
        .collect();
    assert_eq!(next.len(), 2, "{next:?}");
    assert!(text(&ada.page(&next[0])).contains("51 to 60 of 60"));
    let earlier = text(&ada.page(&next[1]));
    assert!(earlier.contains("60 members came") && !text(&first).contains("60 members came"), "{earlier}");
}

/// A file of the version before has nothing of what the pages need: the start makes it, for everybody who is in it.
/// P7: nothing of it is refused, and an administrator sees it.
#[test]
fn what_is_odd_about_a_name_is_told() {
    let house = House::new();
    let client = house.provider();
    let person = |body: serde_json::Value| id_of(&client.post("/Users", &body).unwrap());
    let one = person(json!({"userName": "one@x.io", "externalId": "e-1"}));
    let other = person(json!({"userName": "other@x.io", "externalId": "e-1"}));
    let odd = person(json!({"userName": "ki\u{200b}m@x.io", "displayName": "K\u{456}m", "externalId": "E-1"}));
    let group = id_of(&client.post("/Groups", &json!({"displayName": "Off\u{ad}ice"})).unwrap());
    let mut ada = house.ada();
    let mut page = |path: &str| text(&ada.page(path)).split_whitespace().collect::<Vec<_>>().join(" ");
    let said = page(&format!("/people/{one}"));
    assert!(said.contains("others with the same externalId. Neither can sign in by it. other@x.io"), "{said}");
    assert!(page(&format!("/people/{other}")).contains("Neither can sign in by it. one@x.io"));
    let said = page(&format!("/people/{odd}"));
    assert!(said.contains("userName has characters that nobody sees: U+200B.") && !said.contains("same externalId"));
    assert!(said.contains("displayName mixes letters of different alphabets"), "{said}");
    assert!(page(&format!("/groups/{group}")).contains("displayName has characters that nobody sees: U+00AD."));
    assert_eq!(client.delete(&format!("/Users/{other}")).unwrap().status, 204);
    assert!(!page(&format!("/people/{one}")).contains("same externalId"));
}

#[test]
fn people_of_an_older_file_are_found_after_the_start() {
    let mut house = House::new();
    let client = house.provider();
    id_of(&client.post("/Users", &json!({"userName": "old@x.io", "displayName": "Old Hand"})).unwrap());
    id_of(
        &client
            .post("/Users", &json!({"userName": "gone@x.io", "displayName": "Gone Fishing", "active": false}))
            .unwrap(),
    );
    id_of(&client.post("/Groups", &json!({"displayName": "Old Crew"})).unwrap());
    // What version 2 of the file did not have.
    house.stop();
    house.execute("drop table session; drop table admin; drop table exchange; drop table tally; drop table milestone; drop table role_rule; drop table role_override; drop table handover; drop table returned; drop table sign_in; drop table idle_exempt; drop table idle; drop table refused_sign_in; drop table origin; drop index departed_by_external_id; drop index departed_by_time; alter table departed drop column local; delete from block where type < 0; alter table token drop column replaces; delete from setting where name = 'claim'; pragma user_version = 2");
    let schema = |house: &House| {
        let file = house.file();
        let mut statement =
            file.prepare("select name from sqlite_schema where name not like 'sqlite_%' order by name").unwrap();
        statement.query_map([], |r| r.get::<_, String>(0)).unwrap().map(Result::unwrap).collect::<Vec<_>>()
    };
    let old = rusqlite::Connection::open_in_memory().unwrap();
    for migration in ["0001_directory", "0002_token_subject"] {
        let path = format!("{}/src/store/migrations/{migration}.sql", env!("CARGO_MANIFEST_DIR"));
        old.execute_batch(&std::fs::read_to_string(path).unwrap()).unwrap();
    }
    let mut statement =
        old.prepare("select name from sqlite_schema where name not like 'sqlite_%' order by name").unwrap();
    let expected: Vec<String> = statement.query_map([], |r| r.get(0)).unwrap().map(Result::unwrap).collect();
    assert_eq!(schema(&house), expected, "this is not what version 2 was");
    let backup = house.place.path().join("old.db");
    std::fs::copy(house.place.database(), &backup).unwrap();
    // Opened as it is, and restored over a newer file.
    for restored in [false, true] {
        if restored {
            house.stop();
            house.place.done(&["restore", backup.to_str().unwrap()]);
        }
        house.start();
        assert!(house.server().printed("Settings page: ").contains("claim code"), "no administrator came along");
        assert!(house.spoken(&["admin", "create", "ada"], super::PASSWORD).status.success());
        let mut ada = house.ada();
        assert_eq!(listed(&ada.page("/people?q=hand")), ["Old Hand"]);
        assert_eq!(listed(&ada.page("/people?status=deactivated")), ["Gone Fishing"]);
        assert_eq!(listed(&ada.page("/groups?q=crew")), ["Old Crew"]);
        assert!(text(&ada.page("/people")).contains("1 active, 1 deactivated"));
        let client = crate::wire::Client { port: house.port(), ..client.clone() };
        assert_eq!(client.get("/Users").unwrap().json()["totalResults"], json!(2));
    }
}
