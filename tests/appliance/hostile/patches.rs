//! PATCH requests with odd paths, odd operations, odd values, and too many of them.

use serde_json::{Value, json};

use super::{Case, Site, Want};

const BAD: Want = Want::One(&[400]);

pub fn cases(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    for path in broken_paths() {
        for op in ["add", "replace", "remove"] {
            let operation = json!([{"op": op, "path": path, "value": "x"}]);
            cases.push(site.patch(format!("{op} at {}", short(&path)), BAD, operation));
        }
    }
    for (what, want, operations) in shapes(site) {
        cases.push(site.patch(what, want, operations));
    }
    members(site, &mut cases);
    let mine = format!("/scim/v2/Users/{}", site.user);
    for body in [
        json!([]),
        json!({}),
        json!({"Operations": null}),
        json!({"Operations": {}}),
        json!({"Operations": []}),
        json!({"Operations": "x"}),
        json!({"schemas": 5, "Operations": 5}),
        json!({"operations": 1}),
        json!({"Operations": [[]]}),
        json!({"Operations": [null]}),
        json!({"Operations": ["replace"]}),
        json!({"active": false}),
        json!({"userName": "patched-by-mistake@example.com"}),
    ] {
        cases.push(site.case(format!("the PATCH {body}"), BAD, "PATCH", &mine, body.to_string().as_bytes()));
    }
    cases
}

fn broken_paths() -> Vec<String> {
    let mut paths: Vec<String> = [
        " ",
        ".",
        "..",
        "[",
        "]",
        "[]",
        "[type eq \"work\"]",
        "emails[",
        "emails]",
        "emails[]",
        "emails[type",
        "emails[type eq",
        "emails[type eq \"work\"",
        "emails[type eq \"work]",
        "emails[type]",
        "emails[\"work\"]",
        "emails[0]",
        "emails[*]",
        "emails[type eq \"work\"]value",
        "emails[type eq \"work\"]..value",
        "emails[type eq \"work\"].value.x",
        "emails[type eq \"work\"][value pr]",
        "emails[emails[type pr]]",
        "emails[type eq \"work\"].nothing",
        "emails[nothing eq \"a\"].value",
        "a.b.c.d",
        "name.givenName.x",
        "name..givenName",
        ".name",
        "name.",
        "name/givenName",
        "/name/givenName",
        "name givenName",
        "userName[value eq \"a\"]",
        "active[value pr]",
        "nothing",
        "nothing.at.all",
        "urn:",
        "urn:x",
        "urn:x:y:z",
        ":",
        "::",
        ":userName",
        "urn:ietf:params:scim:schemas:core:2.0:User:",
        "urn:ietf:params:scim:schemas:core:2.0:User:nothing",
        "urn:ietf:params:scim:schemas:core:2.0:Nobody:userName",
        "__proto__",
        "constructor.prototype",
        "$.userName",
        "userName;x",
        "user\u{0}Name",
        "user\u{200b}Name",
        "userName\n",
        "😀",
        "members[value eq \"x\"]",
        "%75serName",
        "emails[type eq \"\\ud800\"].value",
        "emails[not(type pr)",
        "emails[(type eq \"work\"].value",
    ]
    .map(str::to_owned)
    .to_vec();
    for n in [33, 1_000, 60_000] {
        paths.push(format!("emails[{}type pr{}]", "(".repeat(n), ")".repeat(n)));
        paths.push(format!("emails[{}type pr{}].value", "not(".repeat(n / 4 + 33), ")".repeat(n / 4 + 33)));
        paths.push("emails[".repeat(n / 8 + 33));
        paths.push(vec!["a"; n / 2].join("."));
        paths.push("[".repeat(n));
        paths.push("x".repeat(n));
        paths.push(format!("urn{}", ":x".repeat(n / 2)));
    }
    paths
}

fn shapes(site: &Site) -> Vec<(String, Want, Value)> {
    let one = |operation: Value| json!([operation]);
    let mut shapes = Vec::new();
    let mut add = |want, operations: Value| {
        shapes.push((short(&operations.to_string()), want, operations));
    };
    for op in [
        json!("move"),
        json!("copy"),
        json!("test"),
        json!(""),
        json!(null),
        json!(1),
        json!(["add"]),
        json!("add "),
        json!("аdd"),
    ] {
        add(BAD, one(json!({"op": op, "path": "title", "value": "x"})));
    }
    for path in [json!(1), json!({}), json!(["title"]), json!(true)] {
        add(BAD, one(json!({"op": "add", "path": path, "value": "x"})));
    }
    add(BAD, one(json!({"path": "title", "value": "x"})));
    add(BAD, one(json!({"op": "add", "path": "title"})));
    add(BAD, one(json!({"op": "add"})));
    add(BAD, one(json!({"op": "remove"})));
    add(BAD, one(json!({"op": "add", "value": "x"})));
    add(BAD, one(json!({"op": "replace", "value": [1, 2]})));
    add(BAD, one(json!({"op": "remove", "path": "userName"})));
    add(BAD, one(json!({"op": "replace", "path": "userName", "value": null})));
    add(BAD, one(json!({"op": "replace", "path": "userName", "value": {"value": {"value": "x"}}})));
    for path in ["id", "meta", "meta.lastModified", "meta.location", "groups", "groups.value", "meta.resourceType"] {
        add(BAD, one(json!({"op": "replace", "path": path, "value": "1"})));
        add(BAD, one(json!({"op": "remove", "path": path})));
    }
    add(
        Want::Any,
        one(json!({"op": "replace", "value": {"id": "1", "meta": {"created": "x"}, "groups": [], "schemas": []}})),
    );
    add(Want::Any, one(json!({"op": "replace", "path": "schemas", "value": []})));
    add(Want::Any, one(json!({"op": "remove", "path": "schemas"})));
    add(Want::Any, one(json!({"op": "replace", "path": "", "value": {"title": "x"}})));
    add(Want::Any, one(json!({"op": "replace", "path": null, "value": {"title": "x"}})));
    add(Want::Any, one(json!({"op": "replace", "value": {"__proto__": {"active": false}, "constructor": 1}})));
    add(
        Want::Any,
        one(json!({"op": "replace", "value": {"name.givenName": {"a": 1}, "emails[type eq \"x\"].value": []}})),
    );
    add(Want::Any, one(json!({"op": "replace", "value": {"emails[": 1, "a.b.c.d": 2, "urn:": 3, "": 4}})));
    add(
        Want::Any,
        one(json!({"op": "add", "path": "emails[type eq \"new\" and value eq \"n@example.com\"]", "value": {}})),
    );
    add(
        Want::Any,
        one(json!({"op": "add", "path": "emails[type eq \"a\" or type eq \"b\"].value", "value": "x@example.com"})),
    );
    add(Want::Any, one(json!({"op": "add", "path": "emails[type ne \"zz\"].value", "value": "y@example.com"})));
    add(
        Want::Any,
        one(json!({"op": "add", "path": "emails", "value": vec![json!({"value": "same@example.com"}); 2000]})),
    );
    add(Want::Any, one(json!({"op": "replace", "path": "password", "value": {"a": ["b"]}})));
    add(Want::One(&[400, 413]), Value::from(vec![json!({"op": "replace", "path": "title", "value": "x"}); 1001]));
    add(Want::One(&[400, 413]), Value::from(vec![json!({"op": "remove", "path": "nothing"}); 20_000]));
    add(Want::Any, Value::from(vec![json!({"op": "replace", "path": "title", "value": "x"}); 1000]));
    let keys: serde_json::Map<_, _> = (0..2000).map(|i| (format!("a{i}.b{i}"), json!(i))).collect();
    add(Want::Any, one(json!({"op": "replace", "value": keys})));
    let roles = format!("{{\"value\":{}\"x\"{}}}", "{\"value\":".repeat(500), "}".repeat(500));
    add(Want::Any, one(json!({"op": "add", "path": "roles", "value": [{"value": roles}]})));
    add(
        Want::Any,
        one(
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": {"value": site.user}}),
        ),
    );
    add(
        Want::Any,
        one(
            json!({"op": "replace", "path": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", "value": [[], {}]}),
        ),
    );
    for attribute in ["userName", "name", "emails", "active", "externalId", "title"] {
        for value in [json!([[]]), json!({"value": {"value": 1}}), json!([{"value": ["a", "b"]}, 5, null])] {
            add(Want::Any, one(json!({"op": "replace", "path": attribute, "value": value})));
        }
    }
    // The user has to be found again under its name, so the last word is this one.
    add(Want::One(&[200]), one(json!({"op": "replace", "path": "userName", "value": "hostile-target@example.com"})));
    shapes
}

fn members(site: &Site, cases: &mut Vec<Case>) {
    let target = format!("/scim/v2/Groups/{}", site.group);
    let mut add = |want, operation: Value| {
        let body = json!({"Operations": [operation]}).to_string();
        cases.push(site.case(format!("the group PATCH {}", short(&body)), want, "PATCH", &target, body.as_bytes()));
    };
    for path in [
        "members[",
        "members[value",
        "members[value eq",
        "members[value eq \"x\"",
        "members[nothing eq \"x\"]",
        "members[value eq \"x\"].value.y",
    ] {
        add(BAD, json!({"op": "remove", "path": path}));
    }
    for value in [
        json!([1]),
        json!([[]]),
        json!([{}]),
        json!([{"value": {}}]),
        json!([{"value": [1]}]),
        json!("../x"),
        json!(7),
        json!({"a": 1}),
    ] {
        add(Want::Any, json!({"op": "add", "path": "members", "value": value}));
        add(Want::Any, json!({"op": "remove", "path": "members", "value": value}));
    }
    let unknown: Vec<Value> = (0..20_000).map(|i| json!({"value": format!("unknown-{i}")})).collect();
    add(Want::Any, json!({"op": "add", "path": "members", "value": unknown}));
    add(Want::Any, json!({"op": "remove", "path": "members", "value": unknown}));
    add(Want::Any, json!({"op": "replace", "path": "members", "value": vec![json!({"value": site.user}); 20_000]}));
    add(BAD, json!({"op": "replace", "path": "displayName", "value": {"a": "b"}}));
    add(BAD, json!({"op": "remove", "path": "displayName"}));
}

fn short(text: &str) -> String {
    let mut short: String = text.chars().take(100).collect();
    if short.len() < text.len() {
        short.push_str(&format!("… ({} bytes)", text.len()));
    }
    short
}
