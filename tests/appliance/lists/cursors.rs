//! Paging by cursor (RFC 9865): whoever does not change is met once, whatever else happens.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use crate::support::Appliance;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

/// People with titles that many share, and some without one. Gives their ids by userName.
fn people(appliance: &Appliance, names: impl Iterator<Item = String>) -> BTreeMap<String, String> {
    let made = names.enumerate().map(|(i, name)| {
        let title = if i % 5 == 0 { Value::Null } else { json!(format!("t{}", i % 3)) };
        let body = json!({"schemas": [USER], "userName": name, "title": title, "active": i % 2 == 0});
        let answer = appliance.post("/Users", body);
        assert_eq!(answer.status, 201, "{}", answer.body);
        (name, answer.json()["id"].as_str().unwrap().to_owned())
    });
    made.collect()
}

fn page(appliance: &Appliance, query: &str, cursor: &str) -> Value {
    let answer = appliance.get(&format!("/Users?{query}&cursor={cursor}"));
    assert_eq!(answer.status, 200, "{query} {cursor}: {}", answer.body);
    let page = answer.json();
    let shown = page["Resources"].as_array().unwrap().len();
    assert_eq!(page["itemsPerPage"], json!(shown));
    assert!(page.get("startIndex").is_none(), "{page}");
    for name in ["nextCursor", "previousCursor"] {
        let unreserved = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
        assert!(page.get(name).is_none_or(|c| c.as_str().unwrap().chars().all(unreserved)), "{page}");
    }
    page
}

fn names(page: &Value) -> Vec<String> {
    page["Resources"].as_array().unwrap().iter().map(|r| r["userName"].as_str().unwrap().to_owned()).collect()
}

/// All pages by one kind of cursor, and what `between` does after each of them.
fn walk(appliance: &Appliance, query: &str, mut between: impl FnMut(usize, &Value)) -> Vec<String> {
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    for i in 0..100 {
        let page = page(appliance, query, &cursor);
        seen.extend(names(&page));
        between(i, &page);
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return seen,
        }
    }
    panic!("the walk {query} does not end");
}

const WALKS: [&str; 8] = [
    "count=4",
    "count=4&sortBy=userName",
    "count=4&sortBy=title",
    "count=4&sortBy=title&sortOrder=descending",
    "count=4&sortBy=meta.created&sortOrder=descending",
    "count=3&filter=active%20eq%20true",
    "count=3&filter=userName%20sw%20%22u%22&sortBy=title",
    "count=5&sortBy=active&sortOrder=descending",
];

#[test]
fn a_walk_shows_what_a_whole_list_shows_in_both_directions() {
    let appliance = Appliance::start();
    people(&appliance, (0..23).map(|i| format!("u{i:02}")));
    for query in WALKS {
        let (_, rest) = query.split_once('&').unwrap_or((query, ""));
        let whole = names(&appliance.get(&format!("/Users?count=100&{rest}")).json());
        let mut last = Value::Null;
        let forward = walk(&appliance, query, |i, page| {
            assert_eq!(page["totalResults"], json!(whole.len()), "{query}");
            assert_eq!(page.get("previousCursor").is_some(), i > 0, "{query}");
            last = page.clone();
        });
        assert_eq!(forward, whole, "{query}");
        let mut backward: Vec<Vec<String>> = vec![names(&last)];
        while let Some(cursor) = last["previousCursor"].as_str() {
            last = page(&appliance, query, cursor);
            assert!(last.get("nextCursor").is_some(), "{query}");
            backward.push(names(&last));
        }
        backward.reverse();
        assert_eq!(backward.concat(), whole, "{query}");
    }
}

#[test]
fn who_does_not_change_is_met_once_while_others_come_and_go() {
    for query in WALKS {
        let appliance = Appliance::start();
        let ids = people(&appliance, (0..40).map(|i| format!("u{i:02}")));
        let gone: BTreeSet<String> = (0..40).step_by(3).map(|i| format!("u{i:02}")).collect();
        let mut going = gone.iter();
        let (_, rest) = query.split_once('&').unwrap_or((query, ""));
        let staying: Vec<String> = names(&appliance.get(&format!("/Users?count=100&{rest}")).json())
            .into_iter()
            .filter(|n| !gone.contains(n))
            .collect();
        let seen = walk(&appliance, query, |i, page| {
            // Somebody on this page, somebody before and behind it, and somebody new on every side.
            let here = names(page).into_iter().take(1).filter(|n| gone.contains(n));
            for name in here.chain(going.by_ref().take(2).cloned()) {
                appliance.delete(&format!("/Users/{}", ids[&name]));
            }
            people(&appliance, ["a", "u1", "z"].iter().map(|n| format!("{n}-new{i}")));
        });
        let met: Vec<String> = seen.iter().filter(|n| staying.contains(n)).cloned().collect();
        assert_eq!(met, staying, "{query}");
        let distinct: BTreeSet<&String> = seen.iter().collect();
        assert_eq!(distinct.len(), seen.len(), "{query}: somebody was met twice");
    }
}

#[test]
fn a_cursor_outlives_a_restart_and_is_bound_to_its_query() {
    let mut appliance = Appliance::start();
    people(&appliance, (0..6).map(|i| format!("u{i}")));
    let first = page(&appliance, "count=2&sortBy=userName", "");
    let cursor = first["nextCursor"].as_str().unwrap().to_owned();
    appliance.restart();
    assert_eq!(names(&page(&appliance, "count=2&sortBy=userName", &cursor)), ["u2", "u3"]);
    // The size of a page and what is shown of it may change on the way.
    assert_eq!(
        names(&page(&appliance, "count=4&sortBy=userName&attributes=userName", &cursor)),
        ["u2", "u3", "u4", "u5"]
    );
    let refused = |path: &str| {
        let answer = appliance.get(path);
        assert_eq!(answer.status, 400, "{path}: {}", answer.body);
        answer.json()["scimType"].as_str().unwrap().to_owned()
    };
    for query in ["count=2", "sortBy=userName&sortOrder=descending", "sortBy=userName&filter=active%20eq%20true"] {
        assert_eq!(refused(&format!("/Users?{query}&cursor={cursor}")), "invalidCursor", "{query}");
    }
    assert_eq!(refused(&format!("/Groups?sortBy=displayName&cursor={cursor}")), "invalidCursor");
    assert_eq!(refused(&format!("?sortBy=userName&cursor={cursor}")), "invalidCursor");
    let changed = if cursor.starts_with('W') { "X" } else { "W" };
    assert_eq!(
        refused(&format!("/Users?sortBy=userName&cursor={changed}{}", cursor.get(1..).unwrap())),
        "invalidCursor"
    );
    assert_eq!(refused("/Users?cursor=abc"), "invalidCursor");
    assert_eq!(refused("/Users?cursor=&count=many"), "invalidCount");
    assert_eq!(refused("/Users?cursor=&startIndex=3"), "invalidValue");
}

#[test]
fn a_cursor_ends_with_its_time_with_a_restore_and_with_its_key() {
    let mut appliance = Appliance::with_config("[scim]\ncursor_timeout_seconds = 1\n");
    people(&appliance, (0..6).map(|i| format!("u{i}")));
    assert_eq!(appliance.get("/ServiceProviderConfig").json()["pagination"]["cursorTimeout"], json!(1));
    let next = |appliance: &Appliance| page(appliance, "count=2", "")["nextCursor"].as_str().unwrap().to_owned();
    let kind = |appliance: &Appliance, cursor: &str| {
        let answer = appliance.get(&format!("/Users?cursor={cursor}"));
        (answer.status, answer.json()["scimType"].as_str().map(str::to_owned))
    };
    let cursor = next(&appliance);
    std::thread::sleep(std::time::Duration::from_millis(2100));
    assert_eq!(kind(&appliance, &cursor), (400, Some("expiredCursor".into())));

    let config = std::fs::read_to_string(appliance.config_path()).unwrap();
    std::fs::write(appliance.config_path(), config.replace("= 1\n", "= 600\n")).unwrap();
    appliance.restart();
    let cursor = next(&appliance);
    let backup = appliance.dir().join("b.db");
    assert!(appliance.command(&["backup", backup.to_str().unwrap(), "--with-key"]).status.success());
    assert!(appliance.dir().join("b.db.key").exists());
    appliance.terminate();
    // A key that is asked for and not there is missed before anything is different.
    let bare = appliance.dir().join("bare.db");
    std::fs::copy(&backup, &bare).unwrap();
    let refused = appliance.command(&["restore", bare.to_str().unwrap(), "--with-key"]);
    assert!(
        !refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("bare.db.key"),
        "{refused:?}"
    );
    assert!(
        !std::fs::read_dir(appliance.dir()).unwrap().any(|f| f
            .unwrap()
            .file_name()
            .to_string_lossy()
            .contains("before"))
    );
    assert!(appliance.command(&["restore", backup.to_str().unwrap(), "--with-key"]).status.success());
    appliance.restart();
    assert_eq!(kind(&appliance, &cursor), (400, Some("expiredCursor".into())));

    let cursor = next(&appliance);
    appliance.terminate();
    std::fs::remove_file(appliance.dir().join("scim-appliance.db.key")).unwrap();
    appliance.restart();
    assert_eq!(kind(&appliance, &cursor), (400, Some("invalidCursor".into())));
    appliance.logged(&["a new one was made"]);
}

#[test]
fn the_key_file_is_private_and_is_what_it_should_be() {
    use std::os::unix::fs::PermissionsExt;
    let mut appliance = Appliance::start();
    let key = appliance.dir().join("scim-appliance.db.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let made = std::fs::read_to_string(&key).unwrap();
    appliance.restart();
    assert_eq!(std::fs::read_to_string(&key).unwrap(), made);
    let backup = appliance.dir().join("b.db");
    assert!(appliance.command(&["backup", backup.to_str().unwrap()]).status.success());
    assert!(!appliance.dir().join("b.db.key").exists(), "a backup holds no key unless it is asked to");
    appliance.terminate();
    std::fs::write(&key, "no key\n").unwrap();
    let refused = appliance.command(&["serve"]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("holds no key"), "{refused:?}");
}

#[test]
fn searches_and_the_whole_directory_are_walked_by_cursor_too() {
    let appliance = Appliance::start();
    people(&appliance, (0..5).map(|i| format!("u{i}")));
    appliance.post("/Groups", json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "g"}));
    for path in ["/.search", "/Users/.search"] {
        let (mut cursor, mut seen) = (Value::Null, 0);
        loop {
            let body = json!({
                "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],
                "filter": "userName pr", "count": 2, "cursor": cursor,
            });
            let answer = appliance.post(path, body);
            assert_eq!(answer.status, 200, "{}", answer.body);
            seen += answer.json()["itemsPerPage"].as_u64().unwrap();
            match answer.json().get("nextCursor") {
                Some(next) => cursor = next.clone(),
                None => break,
            }
        }
        assert_eq!(seen, 5, "{path}");
    }
    let (mut cursor, mut seen) = (String::new(), 0);
    loop {
        let page = appliance.get(&format!("?count=4&cursor={cursor}")).json();
        seen += page["itemsPerPage"].as_u64().unwrap();
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, 6);
}

#[test]
fn names_that_are_equal_for_longer_than_a_cursor_holds_are_walked_as_well() {
    let appliance = Appliance::start();
    let long = "é".repeat(3000);
    for i in [3, 1, 4, 0, 2] {
        let body = json!({"schemas": [USER], "userName": format!("u{i}"), "displayName": format!("{long}{i}")});
        assert_eq!(appliance.post("/Users", body).status, 201);
    }
    let seen = walk(&appliance, "count=2&sortBy=displayName&attributes=userName", |_, _| {});
    assert_eq!(seen, ["u0", "u1", "u2", "u3", "u4"]);
    // An empty page size shows the total.
    let page = page(&appliance, "count=0", "");
    assert_eq!((page["totalResults"].clone(), page["itemsPerPage"].clone()), (json!(5), json!(0)));
}

#[test]
fn paging_is_advertised_and_index_paging_is_the_default() {
    let appliance = Appliance::with_config("[scim]\npage_size = 7\nmax_page_size = 70\n");
    assert_eq!(
        appliance.get("/ServiceProviderConfig").json()["pagination"],
        json!({"cursor": true, "index": true, "defaultPaginationMethod": "index", "defaultPageSize": 7,
               "maxPageSize": 70, "cursorTimeout": 86400})
    );
    people(&appliance, (0..8).map(|i| format!("u{i}")));
    let page = appliance.get("/Users").json();
    assert_eq!((page["startIndex"].clone(), page.get("nextCursor")), (json!(1), None));
    // Without a value at all, as the RFC's example has it.
    let page = appliance.get("/Users?cursor&count=3").json();
    assert_eq!((page.get("startIndex"), page["itemsPerPage"].clone()), (None, json!(3)));
    assert!(page.get("nextCursor").is_some());
}
