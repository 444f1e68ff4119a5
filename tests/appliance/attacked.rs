//! What a hostile and patient client found: each test holds what it tried.

use std::time::Instant;

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const SEARCH: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";
const MANAGER: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";

fn made(answer: &Answer) -> String {
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

fn user(appliance: &Appliance, name: &str, title: &str) -> String {
    made(&appliance.post("/Users", json!({"schemas": [USER], "userName": name, "title": title})))
}

fn group(appliance: &Appliance, name: &str) -> String {
    made(&appliance.post("/Groups", json!({"schemas": [GROUP], "displayName": name})))
}

fn new_user(bulk_id: &str, name: &str) -> Value {
    let data = json!({"schemas": [USER], "userName": name});
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data})
}

fn change(path: &str, operations: Value) -> Value {
    json!({"method": "PATCH", "path": path, "data": {"schemas": [PATCH], "Operations": operations}})
}

fn bulk(appliance: &Appliance, operations: Value) -> Vec<Value> {
    let answer = appliance.post("/Bulk", json!({"schemas": [BULK], "Operations": operations}));
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()["Operations"].as_array().unwrap().clone()
}

fn statuses(told: &[Value]) -> Vec<&str> {
    told.iter().map(|o| o["status"].as_str().unwrap()).collect()
}

/// What somebody hears who shows this token.
fn with_token(appliance: &Appliance, token: &str, method: &str, path: &str, more: &[(&str, &str)]) -> Answer {
    let bearer = format!("Bearer {token}");
    let mut headers = vec![("Authorization", bearer.as_str())];
    headers.extend(more);
    appliance.send(method, &format!("/scim/v2{path}"), &headers, None)
}

/// RFC 7644 §3.7: a provider that reorders "MUST ensure that the client's intent is preserved and the same stateful result is
/// achieved". An operation that refers forwards waits; what comes later for the same resource must not overtake it.
#[test]
fn what_comes_later_for_a_resource_does_not_overtake() {
    let appliance = Appliance::start();
    let id = user(&appliance, "ada", "none");
    let told = bulk(
        &appliance,
        json!([
            change(
                &format!("/Users/{id}"),
                json!([
                {"op": "replace", "path": "title", "value": "first"},
                {"op": "add", "path": MANAGER, "value": {"value": "bulkId:boss"}}])
            ),
            change(&format!("/Users/{id}"), json!([{"op": "replace", "path": "title", "value": "last"}])),
            new_user("boss", "boss"),
        ]),
    );
    assert_eq!(statuses(&told), ["200", "200", "201"]);
    assert_eq!(appliance.get(&format!("/Users/{id}")).json()["title"], json!("last"));
}

/// The same clause: the group is changed, then deleted; not deleted, then missed.
#[test]
fn a_deletion_does_not_overtake_a_change() {
    let appliance = Appliance::start();
    let path = format!("/Groups/{}", group(&appliance, "Eng"));
    let join = json!([{"op": "add", "path": "members", "value": [{"value": "bulkId:new"}]}]);
    let told =
        bulk(&appliance, json!([change(&path, join), {"method": "DELETE", "path": path}, new_user("new", "grace")]));
    assert_eq!(statuses(&told), ["200", "204", "201"], "{told:?}");
}

/// The same clause: whoever is emptied last is empty.
#[test]
fn the_last_replacement_counts() {
    let appliance = Appliance::start();
    let path = format!("/Groups/{}", group(&appliance, "Eng"));
    let put = |members: Value| {
        let data = json!({"schemas": [GROUP], "displayName": "Eng", "members": members});
        json!({"method": "PUT", "path": path, "data": data})
    };
    let told =
        bulk(&appliance, json!([put(json!([{"value": "bulkId:new"}])), put(json!([])), new_user("new", "grace")]));
    assert_eq!(statuses(&told), ["200", "200", "201"]);
    assert_eq!(appliance.get(&path).json().get("members"), None);
}

/// The same clause: a name that is given up first is free for who takes it after.
#[test]
fn a_name_is_given_up_before_it_is_taken() {
    let appliance = Appliance::start();
    let id = user(&appliance, "ada", "none");
    let told = bulk(
        &appliance,
        json!([
            change(
                &format!("/Users/{id}"),
                json!([
                {"op": "replace", "path": "userName", "value": "ada.old"},
                {"op": "add", "path": MANAGER, "value": {"value": "bulkId:boss"}}])
            ),
            new_user("ada", "ada"),
            new_user("boss", "boss"),
        ]),
    );
    assert_eq!(statuses(&told), ["200", "201", "201"], "{told:?}");
}

/// RFC 7644 §3.7.3: "A "location" attribute that includes the resource's endpoint MUST be returned for all operations except
/// for failed POST operations".
#[test]
fn a_refused_operation_says_what_it_was_about() {
    let appliance = Appliance::start();
    let path = format!("/Users/{}", user(&appliance, "ada", "none"));
    let location = json!(format!("{}{path}", appliance.base()));
    let told = bulk(
        &appliance,
        json!([
            {"method": "PUT", "path": path},
            {"method": "PATCH", "path": path, "data": null},
            {"method": "PATCH", "path": path, "version": 5, "data": {}},
            {"method": "DELETE", "path": path, "bulkId": 1},
        ]),
    );
    for told in told {
        assert_eq!(told["status"], json!("400"), "{told}");
        assert_eq!(told.get("location"), Some(&location), "{told}");
    }
}

/// P10: unknown member ids are skipped and logged, in a Bulk request as in a request of their own.
#[test]
fn unknown_members_of_a_bulk_request_are_logged() {
    let appliance = Appliance::start();
    let data = json!({"schemas": [GROUP], "displayName": "Eng", "members": [{"value": "nobody-here"}]});
    let told = bulk(&appliance, json!([{"method": "POST", "path": "/Groups", "bulkId": "g", "data": data}]));
    assert_eq!(statuses(&told), ["201"]);
    appliance.logged(&["nobody-here"]);
}

/// Whoever does not change is met once: names that begin with the same 1024 bytes too, when the resource at the edge has gone.
#[test]
fn a_walk_by_long_names_goes_on_when_its_edge_is_gone() {
    let appliance = Appliance::start();
    // Created in another order than that of the titles: the order of creation is no substitute.
    let ids: Vec<(char, String)> = "5391728064"
        .chars()
        .map(|c| (c, user(&appliance, &format!("u{c}"), &format!("{}{c}", "p".repeat(1100)))))
        .collect();
    let mut seen = String::new();
    let mut cursor = String::new();
    loop {
        let page = appliance.get(&format!("/Users?sortBy=title&count=3&cursor={cursor}")).json();
        let last_of = |u: &Value| u["title"].as_str().unwrap().chars().last().unwrap();
        seen.extend(page["Resources"].as_array().unwrap().iter().map(last_of));
        if seen.len() == 3 {
            let (_, edge) = ids.iter().find(|(c, _)| seen.ends_with(*c)).unwrap();
            assert_eq!(appliance.delete(&format!("/Users/{edge}")).status, 204);
        }
        match page["nextCursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(seen, "0123456789");
}

/// A cursor that the server gives is one that it takes, in a URL too.
#[test]
fn every_cursor_fits_into_a_url() {
    let appliance = Appliance::start();
    for i in 0..3 {
        user(&appliance, &format!("u{i}"), &format!("{}{i}", "\u{1}".repeat(1100)));
    }
    let first = appliance.get("/Users?sortBy=title&count=2&cursor=").json();
    let next = first["nextCursor"].as_str().unwrap();
    let second = appliance.get(&format!("/Users?sortBy=title&count=2&cursor={next}"));
    assert_eq!(second.status, 200, "a cursor of {} characters: {}", next.len(), second.body);
    let search = json!({"schemas": [SEARCH], "sortBy": "title", "count": 2, "cursor": next});
    assert_eq!(appliance.post("/Users/.search", search).json()["Resources"].as_array().unwrap().len(), 1);
}

/// RFC 7644 §3.11: "In any response, the HTTP "Location" header MUST be the permanent location of the aliased resource".
#[test]
fn every_answer_about_me_says_where_i_am() {
    let appliance = Appliance::start();
    let id = user(&appliance, "ada", "none");
    let token = appliance.command(&["token", "create", "--name", "ada", "--user", "ada"]);
    let token = String::from_utf8(token.stdout).unwrap();
    let location = format!("{}/Users/{id}", appliance.base());
    for (method, path, headers, status) in [
        ("GET", "/Me?count=x", &[][..], 400),
        ("GET", "/Me", &[("If-Match", "no tag")], 400),
        ("GET", "/Me", &[("If-None-Match", "no tag")], 400),
    ] {
        let answer = with_token(&appliance, token.trim(), method, path, headers);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        assert_eq!(answer.header("Location"), Some(location.as_str()), "{method} {path} {headers:?}");
    }
}

/// RFC 7643 §3: `schemas` is an array of URIs, and "Duplicate values MUST NOT be included".
#[test]
fn strict_mode_reads_schemas_strictly() {
    let appliance = Appliance::with_config("[scim]\nmode = \"strict\"\n");
    for schemas in [json!(USER), json!([USER, USER])] {
        let answer = appliance.post("/Users", json!({"schemas": schemas, "userName": "ada"}));
        assert_eq!(answer.status, 400, "{schemas}: {}", answer.body);
    }
}

/// An administrator who looks does not wait for a writer, however long that takes: reads never write.
#[test]
fn commands_that_only_look_do_not_wait_for_a_writer() {
    let appliance = Appliance::start();
    let database = rusqlite::Connection::open(appliance.database_path()).unwrap();
    database.execute_batch("begin immediate").unwrap();
    for command in [&["token", "list"][..], &["provisioning", "status"]] {
        let since = Instant::now();
        let looked = appliance.command(command);
        assert!(looked.status.success(), "{command:?} after {:?}: {looked:?}", since.elapsed());
    }
    database.execute_batch("rollback").unwrap();
}

/// Whoever hears "Listening" relies on it; and what `serve` refuses, `check-config` says.
#[test]
fn a_broken_key_file_is_found_before_the_greeting() {
    let mut appliance = Appliance::start();
    appliance.terminate();
    std::fs::write(appliance.dir().join("scim-appliance.db.key"), "no key").unwrap();
    let served = appliance.command(&["serve"]);
    assert!(!served.status.success());
    assert!(!String::from_utf8_lossy(&served.stdout).contains("Listening"), "{served:?}");
    let checked = appliance.command(&["check-config"]);
    assert!(!checked.status.success(), "{checked:?}");
}

/// Only what nobody knows is passed over beside other operations (P10). A condition that makes no sense is refused, or the
/// removal that it stands for would be answered as done.
#[test]
fn a_condition_that_makes_no_sense_is_no_unknown_name() {
    let appliance = Appliance::start();
    let path = format!("/Users/{}", user(&appliance, "ada", "none"));
    let title = json!({"op": "replace", "path": "title", "value": "Dr"});
    for wrong in
        ["roles[value eq 7]", "roles[primary gt true]", "emails[value gt null]", "x509Certificates[value co \"a\"]"]
    {
        for operations in
            [json!([{"op": "remove", "path": wrong}, title]), json!([title, {"op": "remove", "path": wrong}])]
        {
            let answer = appliance.patch(&path, json!({"schemas": [PATCH], "Operations": operations}));
            assert_eq!(
                (answer.status, &answer.json()["scimType"]),
                (400, &json!("invalidFilter")),
                "{wrong}: {}",
                answer.body
            );
        }
    }
    assert_eq!(appliance.get(&path).json()["title"], json!("none"));
    let unknown = json!([{"op": "remove", "path": "roles[shoeSize eq 7]"}, title]);
    assert_eq!(appliance.patch(&path, json!({"schemas": [PATCH], "Operations": unknown})).json()["title"], json!("Dr"));
    let path = format!("/Groups/{}", group(&appliance, "Eng"));
    let operations = json!([{"op": "remove", "path": "members[value eq 123]"}, {"op": "replace", "path": "displayName", "value": "E"}]);
    let answer = appliance.patch(&path, json!({"schemas": [PATCH], "Operations": operations}));
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(appliance.get(&path).json()["displayName"], json!("Eng"));
}

/// RFC 7643 §2.1: names are the same in any letter case, so one that stands twice in a request has two values.
#[test]
fn a_name_stands_once_in_whatever_letters() {
    let appliance = Appliance::start();
    let path = format!("/Users/{}", user(&appliance, "ada", "none"));
    let before = appliance.get(&path).json();
    for operations in [
        json!({"Operations": [{"op": "replace", "value": {"active": false, "Active": true}}]}),
        json!({"Operations": [{"op": "replace", "value": {"name": {"givenName": "a", "givenname": "b"}}}]}),
        json!({"Operations": [{"op": "replace", "path": "name", "value": {"givenName": "a", "givenname": "b"}}]}),
        json!({"Operations": [{"op": "replace", "value": {MANAGER.strip_suffix(":manager").unwrap(): {"department": "a", "Department": "b"}}}]}),
        json!({"Operations": [{"op": "add", "OP": "remove", "path": "title", "value": "x"}]}),
        json!({"Operations": [{"op": "replace", "path": "title", "Path": "nickName", "value": "x"}]}),
        json!({"Operations": [{"op": "replace", "path": "title", "value": "x"}], "operations": []}),
    ] {
        let mut body = operations.clone();
        body["schemas"] = json!([PATCH]);
        let answer = appliance.patch(&path, body);
        assert_eq!(
            (answer.status, &answer.json()["scimType"]),
            (400, &json!("invalidSyntax")),
            "{operations}: {}",
            answer.body
        );
    }
    assert_eq!(appliance.get(&path).json(), before);
    let twice = json!({"schemas": [BULK], "Operations": [{"method": "DELETE", "path": path, "Path": "/Users/x"}]});
    assert_eq!(appliance.post("/Bulk", twice).status, 400);
    let twice = json!({"schemas": [SEARCH], "filter": "active eq true", "Filter": "active eq false"});
    assert_eq!(appliance.post("/Users/.search", twice).status, 400);
}

/// RFC 7644 §4: discovery is not filtered, whichever part of it is asked for.
#[test]
fn no_part_of_discovery_is_filtered() {
    let appliance = Appliance::start();
    for path in
        ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", &format!("/Schemas/{USER}")]
    {
        assert_eq!(appliance.get(&format!("{path}?filter=id%20pr")).status, 403, "{path}");
        assert_eq!(appliance.get(&format!("{path}?filter=")).status, 200, "{path}");
    }
}

/// RFC 7644 §3.7: the path of an operation is relative to the base; what only begins like the base is no path.
#[test]
fn a_bulk_path_begins_behind_the_base() {
    let appliance = Appliance::start();
    let base = appliance.base();
    let post = |path: String, name: &str| {
        let data = json!({"schemas": [USER], "userName": name});
        statuses(&bulk(&appliance, json!([{"method": "POST", "path": path, "bulkId": "a", "data": data}])))[0]
            .to_owned()
    };
    assert_eq!(post(format!("{base}Users"), "ada"), "400");
    assert_eq!(post(format!("{base}/Users"), "ada"), "201");
    assert_eq!(post("/Users".into(), "bob"), "201");
}

/// RFC 7643 §2.1 for what is sorted by, too; and what a filter says is still told apart by letter case.
#[test]
fn a_cursor_does_not_depend_on_the_letters_of_a_name() {
    let appliance = Appliance::start();
    (0..3).for_each(|i| drop(user(&appliance, &format!("u{i}"), "t")));
    let first = appliance.get("/Users?sortBy=userName&count=2&cursor=").json();
    let next = first["nextCursor"].as_str().unwrap();
    let second = appliance.get(&format!("/Users?sortBy=USERNAME&count=2&cursor={next}"));
    assert_eq!((second.status, second.json()["itemsPerPage"].clone()), (200, json!(1)), "{}", second.body);
    assert_eq!(appliance.get(&format!("/Users?sortBy=title&count=2&cursor={next}")).status, 400);
}

/// RFC 7643 §2.3.6: the padding of base64 text may be left out; it is the same value.
#[test]
fn padding_is_no_part_of_a_binary_value() {
    let appliance = Appliance::start();
    let body = json!({"schemas": [USER], "userName": "ada", "x509Certificates": [{"value": "TUlJQg=="}]});
    made(&appliance.post("/Users", body));
    for (filter, found) in
        [("eq \"TUlJQg\"", 1), ("eq \"TUlJQg==\"", 1), ("eq \"TUlJQG\"", 0), ("ne \"TUlJQg\"", 0), ("ne \"AAAA\"", 1)]
    {
        let encoded: String = format!("x509Certificates.value {filter}").bytes().map(|b| format!("%{b:02X}")).collect();
        assert_eq!(appliance.get(&format!("/Users?filter={encoded}")).json()["totalResults"], json!(found), "{filter}");
    }
}
