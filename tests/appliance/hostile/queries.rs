//! Query strings: numbers out of range, parameters twice, odd lists of attributes, and searches with the same in JSON.

use serde_json::{Value, json};

use super::{Case, Site, Want};

const BAD: Want = Want::One(&[400]);

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |want, query: &str| {
        cases.push(site.get(
            format!("?{}", query.chars().take(100).collect::<String>()),
            want,
            &format!("/scim/v2/Users?{query}"),
        ));
    };
    for number in ["0", "-1", "-9223372036854775808", "2147483647", "2147483648", "4294967296", "9223372036854775807"] {
        add(Want::One(&[200]), &format!("startIndex={number}"));
        add(Want::One(&[200]), &format!("count={number}"));
        add(Want::One(&[200]), &format!("startIndex={number}&count={number}&filter=userName+pr"));
    }
    for number in
        ["9223372036854775808", "18446744073709551616", "99999999999999999999999999", "-99999999999999999999999999"]
    {
        add(Want::One(&[200, 400]), &format!("startIndex={number}"));
        add(Want::One(&[200, 400]), &format!("count={number}"));
    }
    for number in [
        "x",
        "1x",
        "1.5",
        "1e3",
        "0x10",
        "NaN",
        "Infinity",
        "%D9%A1",
        "1%00",
        "1,2",
        "--1",
        "true",
        "null",
        "1%0a2",
        "%EF%BC%91",
    ] {
        add(BAD, &format!("startIndex={number}"));
        add(BAD, &format!("count={number}"));
    }
    for twice in [
        "filter=userName+pr&filter=title+pr",
        "count=1&count=2",
        "startIndex=1&startIndex=2",
        "count=1&count=1",
        "sortBy=userName&sortBy=title",
    ] {
        add(BAD, twice);
    }
    for sort in [
        "nothing",
        "name.nothing",
        "a.b.c",
        "emails[type eq \"work\"]",
        "urn:",
        "%00",
        "userName,title",
        "1",
        "(select+1)",
        "$ref",
    ] {
        add(
            Want::Any,
            &format!("sortBy={sort}").replace(' ', "+").replace('"', "%22").replace('[', "%5B").replace(']', "%5D"),
        );
    }
    for order in ["sideways", "", "ASCENDING", "-1", "%00"] {
        add(Want::Any, &format!("sortBy=userName&sortOrder={order}"));
    }
    for query in ["sortBy=password", "sortBy=groups", "sortBy=meta", "sortOrder=descending"] {
        add(Want::Any, query);
    }
    for list in [
        ",",
        ",,,",
        "nothing",
        "userName,",
        "%00",
        "a.b.c.d",
        "userName%20,%20title",
        "password",
        "*",
        "urn:",
        "emails%5Btype%20eq%20%22work%22%5D",
        "%ff",
    ] {
        add(Want::Any, &format!("attributes={list}"));
        add(Want::Any, &format!("excludedAttributes={list}"));
    }
    add(Want::Any, "attributes=userName&excludedAttributes=userName");
    add(Want::Any, "attributes=id,schemas&excludedAttributes=id,schemas,meta");
    add(Want::Any, &format!("attributes={}", vec!["userName"; 1500].join(",")));
    add(Want::Any, &format!("attributes={}", (0..1500).map(|i| format!("a{i}")).collect::<Vec<_>>().join(",")));
    for query in [
        "",
        "&",
        "&&&",
        "=",
        "=x",
        "?",
        "x",
        "%",
        "aadOptscim062020",
        "count",
        "filter",
        "startIndex=&count=",
        "a[]=1&a[]=2",
        "%66ilter=userName+pr",
        "access_token=x",
    ] {
        add(Want::Any, query);
    }
    add(Want::Any, &vec!["x=1"; 2000].join("&"));
    searches(site, &mut cases);
    cases
}

fn searches(site: &Site, cases: &mut Vec<Case>) {
    let mut add = |want, at: &str, body: Value| {
        let what = format!("{at} {}", body.to_string().chars().take(100).collect::<String>());
        cases.push(site.case(what, want, "POST", &format!("/scim/v2{at}"), body.to_string().as_bytes()));
    };
    for body in [
        json!([]),
        json!(1),
        json!("x"),
        json!({"filter": 1}),
        json!({"filter": ["a"]}),
        json!({"filter": {}}),
        json!({"startIndex": "x"}),
        json!({"count": {}}),
        json!({"startIndex": 1.5}),
        json!({"count": [1]}),
        json!({"attributes": {"a": 1}}),
        json!({"sortBy": []}),
    ] {
        add(BAD, "/.search", body.clone());
        add(BAD, "/Users/.search", body);
    }
    for body in [
        json!({"filter": null}),
        json!({"attributes": "userName"}),
        json!({"attributes": [null]}),
        json!({"attributes": [1, {}]}),
        json!({"startIndex": -5, "count": -5}),
        json!({"startIndex": i64::MAX, "count": i64::MAX}),
        json!({"startIndex": u64::MAX}),
        json!({"sortBy": "nothing"}),
        json!({"sortOrder": 5}),
        json!({"cursor": "x"}),
        json!({"unknown": [{}]}),
        json!({"excludedAttributes": vec!["userName"; 5000]}),
    ] {
        add(Want::Any, "/.search", body.clone());
        add(Want::Any, "/Groups/.search", body);
    }
    add(Want::Refused, "/Nothing/.search", json!({}));
    add(Want::Refused, "/Users/x/.search", json!({}));
    add(Want::Refused, "/Schemas/.search", json!({}));
}
