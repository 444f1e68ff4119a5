//! URLs and JSON: how they may be written, and where being lenient would be guessing.

use serde_json::{Value, json};

use super::Site;
use crate::hostile::is_scim_error;
use crate::wire::{PATIENCE, exchange};

fn refused(site: &Site, target: &str, status: u16) {
    let answer = site.get(target);
    assert_eq!(answer.status, status, "{target}: {}", answer.body);
    is_scim_error(&answer).unwrap();
}

#[test]
fn paths_are_decoded_once_and_by_segments() {
    let site = Site::start();
    let id = site.user.rsplit('/').next().unwrap();
    let escaped: String = id.bytes().map(|b| format!("%{b:02x}")).collect();
    for good in [
        site.user.clone(),
        format!("{}/", site.user),
        format!("{}?", site.user),
        format!("{}/?&", site.user),
        format!("/scim/v2/Users/{escaped}"),
        format!("/scim/v2/%55sers/{id}"),
    ] {
        let answer = site.get(&good);
        assert_eq!((answer.status, &answer.json()["id"]), (200, &json!(id)), "{good}");
    }
    // An encoded slash belongs to the id, so that nobody has it; two segments are no path of ours at all.
    for nobody in ["a%2Fb", "a%2fb%2F", "%2e%2e%2f%2e%2e", "a+b", "a%20b", "%2F", "a/b", "..", "%00", "a%0d%0ab"] {
        refused(&site, &format!("/scim/v2/Users/{nobody}"), 404);
    }
    refused(&site, &format!("/scim/v2/Users%2F{id}"), 404);
    refused(&site, &format!("/scim/v2/Users/{}", escaped.replacen('%', "%25", 1)), 404);
    refused(&site, &format!("{}//", site.user), 404);
    for broken in ["%", "%4", "%zz", "a%", "%%41", "%+1", "%u0041"] {
        refused(&site, &format!("/scim/v2/Users/{broken}"), 400);
    }
    refused(&site, "/scim/v2/Users/%ff", 404);
}

#[test]
fn queries_are_forms_and_nothing_is_guessed() {
    let site = Site::start();
    let list = |query: &str| site.get(&format!("/scim/v2/Users?{query}"));
    for (query, total) in [
        ("", 1),
        ("&", 1),
        ("&&&", 1),
        ("filter=", 1),
        ("filter=&count=&startIndex=&sortBy=&sortOrder=&attributes=", 1),
        ("filter", 1),
        ("unknown=x&unknown=y", 1),
        ("aadOptscim062020", 1),
        ("filter=userName+eq+%22ada%40example.com%22", 1),
        ("filter=userName%20eq%20%22ADA@example.com%22&", 1),
        ("filter=userName+eq+\"ada@example.com\"&", 1),
        ("%66ilter=userName+eq+%22ada@example.com%22", 1),
        ("filter=title+eq+%22a%2Bb%22", 0),
        ("filter=title+ne+%22%25%22", 1),
        ("startIndex=%31", 1),
    ] {
        let answer = list(query);
        assert_eq!((answer.status, &answer.json()["totalResults"]), (200, &json!(total)), "{query}: {}", answer.body);
    }
    for query in ["filter=userName+eq+%22a%", "x=%zz", "x=%4", "filter=%", "%zz=1", "count=1&x=100%"] {
        refused(&site, &format!("/scim/v2/Users?{query}"), 400);
    }
    refused(&site, "/scim/v2/Users?filter=%ff", 400);
    // A plus sign is a blank; whoever means a plus writes %2B.
    let plus = site.ask("POST", "/scim/v2/Users", &[], r#"{"userName":"a+b@example.com"}"#);
    assert_eq!(plus.status, 201);
    assert_eq!(list("filter=userName+eq+%22a%2Bb@example.com%22").json()["totalResults"], json!(1));
    assert_eq!(list("filter=userName+eq+%22a+b@example.com%22").json()["totalResults"], json!(0));
}

/// Of two values one would be passed over, and a proxy may look at the other one.
#[test]
fn a_parameter_stands_once() {
    let site = Site::start();
    for query in [
        "filter=userName+pr&filter=userName+pr",
        "count=1&count=1",
        "count=1&COUNT=2",
        "startIndex=1&x=y&startIndex=2",
        "sortBy=userName&sortBy=title",
        "sortOrder=ascending&sortOrder=descending",
        "attributes=id&attributes=userName",
        "excludedAttributes=id&excludedAttributes=userName",
        "count=1&%63ount=2",
    ] {
        for target in ["/scim/v2/Users", "/scim/v2/Groups", "/scim/v2", &site.user] {
            refused(&site, &format!("{target}?{query}"), 400);
        }
    }
}

#[test]
fn json_is_read_to_the_letter() {
    let site = Site::start();
    let post = |body: &[u8]| {
        let bearer = format!("Bearer {}", site.appliance.token);
        let request = crate::wire::plain("POST", "/scim/v2/Users", &[("Authorization", &bearer)], body);
        exchange(site.appliance.port, &request, PATIENCE).unwrap()
    };
    let deep = |n: usize| format!(r#"{{"userName":"deep{n}@x.io","x":{}1{}}}"#, "[".repeat(n), "]".repeat(n));
    let long = |n: usize| format!(r#"{{"userName":"long{n}@x.io","title":"{}"}}"#, "a".repeat(n));
    for (i, good) in [deep(60), long(60_000), r#"{"userName":"n@x.io","x":[-0,1.5e3,18446744073709551615]}"#.into()]
        .into_iter()
        .enumerate()
    {
        assert_eq!(post(good.as_bytes()).status, 201, "good {i}");
    }
    let bad: Vec<(&str, Vec<u8>)> = vec![
        ("a name twice", br#"{"userName":"a@x.io","userName":"b@x.io"}"#.to_vec()),
        ("a name twice, written otherwise", br#"{"userName":"a@x.io","user\u004eame":"b@x.io"}"#.to_vec()),
        ("a name twice inside", br#"{"userName":"a@x.io","name":{"givenName":"a","givenName":"b"}}"#.to_vec()),
        ("a NUL", br#"{"userName":"a\u0000@x.io"}"#.to_vec()),
        ("half a surrogate pair", br#"{"userName":"a\ud800@x.io"}"#.to_vec()),
        ("the other half", br#"{"userName":"a\udc00@x.io"}"#.to_vec()),
        ("another encoding", b"{\"userName\":\"\xe4@x.io\"}".to_vec()),
        ("a surrogate in UTF-8", b"{\"userName\":\"\xed\xa0\x80@x.io\"}".to_vec()),
        ("a number beyond every range", br#"{"userName":"a@x.io","x":1e400}"#.to_vec()),
        ("the same below zero", br#"{"userName":"a@x.io","x":-1e400}"#.to_vec()),
        ("too deep", deep(70).into_bytes()),
        ("a text of more than 64 kB", long(70_000).into_bytes()),
        ("two values", br#"{"userName":"a@x.io"}{}"#.to_vec()),
        ("a comma at the end", br#"{"userName":"a@x.io",}"#.to_vec()),
        ("UTF-16", "\u{feff}{}".encode_utf16().flat_map(u16::to_be_bytes).collect()),
    ];
    for (what, body) in bad {
        let answer = post(&body);
        assert_eq!(answer.status, 400, "{what}: {}", answer.body);
        is_scim_error(&answer).unwrap();
        assert_eq!(answer.json()["scimType"], json!("invalidSyntax"), "{what}: {}", answer.body);
    }
    // An integer that no integer type holds is a number like any other where numbers do not matter, and no count.
    assert_eq!(post(br#"{"userName":"wide@x.io","x":18446744073709551616}"#).status, 201);
    let search = site.ask("POST", "/scim/v2/Users/.search", &[], r#"{"count":1.5}"#);
    assert_eq!(search.status, 400, "{}", search.body);
}

/// RFC 8259 §8.1: nobody adds one, everybody may pass over one. Always the same way here.
#[test]
fn a_byte_order_mark_is_treated_alike_everywhere() {
    let site = Site::start();
    let marked = |body: &Value| format!("\u{feff}{body}");
    let operations = json!({"Operations": [{"op": "replace", "path": "title", "value": "marked"}]});
    let statuses = [
        site.ask("POST", "/scim/v2/Users", &[], &marked(&json!({"userName": "marked@example.com"}))).status,
        site.ask("PUT", &site.user, &[], &marked(&json!({"userName": "ada@example.com"}))).status,
        site.ask("PATCH", &site.user, &[], &marked(&operations)).status,
        site.ask("POST", "/scim/v2/Users/.search", &[], &marked(&json!({"count": 1}))).status,
    ];
    assert!(statuses == [201, 200, 200, 200] || statuses == [400; 4], "{statuses:?}");
}
