//! Values of the wrong type in every attribute, and values of the right type that are meant to do harm.

use serde_json::{Value, json};

use super::{Case, Site, Want, user};

const TEXT: &[&str] = &[
    "userName",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "userType",
    "preferredLanguage",
    "locale",
    "timezone",
    "password",
    "externalId",
];
const LISTS: &[&str] =
    &["emails", "phoneNumbers", "ims", "photos", "addresses", "entitlements", "roles", "x509Certificates", "groups"];
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Every attribute of a user and of a group with values that are not its own.
pub fn types(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut number = 0;
    let mut post = |what: String, want: Want, attribute: &str, value: &Value| {
        number += 1;
        let mut body = user(&format!("type{number}"));
        body[attribute] = value.clone();
        cases.push(site.case(what, want, "POST", "/scim/v2/Users", body.to_string().as_bytes()));
    };
    for attribute in TEXT {
        for value in [
            json!({}),
            json!({"value": "x"}),
            json!(["x", "y"]),
            json!([[]]),
            json!(1.5),
            json!(true),
            json!(null),
            json!(""),
        ] {
            // One that the server drops unread may hold anything; scalars and lists of one are known slips of clients.
            let wrong = value == json!({"value": "x"}) || value == json!(["x", "y"]);
            let want = if wrong && *attribute != "password" { Want::One(&[400]) } else { Want::Any };
            post(format!("{attribute} is {value}"), want, attribute, &value);
        }
    }
    for attribute in LISTS {
        for value in [
            json!("text"),
            json!(7),
            json!(true),
            json!({}),
            json!([1]),
            json!([[]]),
            json!([null]),
            json!([{"value": {}}]),
            json!([{"value": ["a", "b"]}]),
            json!([{"type": 5, "primary": "perhaps"}]),
            json!([{}, {}, {}]),
            json!([{"value": null}]),
        ] {
            post(format!("{attribute} is {value}"), Want::Any, attribute, &value);
        }
    }
    for value in [
        json!("text"),
        json!([]),
        json!([1, 2]),
        json!(3),
        json!({"givenName": {}}),
        json!({"givenName": ["a", "b"]}),
        json!({"x": 1}),
    ] {
        post(format!("name is {value}"), Want::Any, "name", &value);
    }
    for value in [
        json!("yes"),
        json!("1"),
        json!(1),
        json!(0),
        json!([true, false]),
        json!({}),
        json!({"value": true}),
        json!(null),
    ] {
        post(format!("active is {value}"), Want::Any, "active", &value);
    }
    for value in [json!("maybe"), json!({"a": 1}), json!([true, false])] {
        post(format!("active has to be refused as {value}"), Want::One(&[400]), "active", &value);
    }
    for value in [
        json!("text"),
        json!([]),
        json!(1),
        json!({"manager": 5}),
        json!({"manager": [[]]}),
        json!({"manager": {"value": {}}}),
        json!({"department": {}}),
        json!({"employeeNumber": ["1", "2"]}),
        json!(null),
    ] {
        post(format!("the extension is {value}"), Want::Any, ENTERPRISE, &value);
    }
    for value in [
        json!("text"),
        json!([]),
        json!({}),
        json!([1]),
        json!([null]),
        json!(null),
        json!(["urn:unknown"]),
        json!([[]]),
    ] {
        post(format!("schemas is {value}"), Want::Any, "schemas", &value);
    }
    for value in [json!(5), json!({}), json!([]), json!("a/../b"), json!("")] {
        post(format!("id is {value}"), Want::Any, "id", &value);
        post(format!("meta is {value}"), Want::Any, "meta", &value);
    }
    groups(site, &mut cases);
    cases
}

fn groups(site: &Site, cases: &mut Vec<Case>) {
    let mut add = |want: Want, body: Value| {
        cases.push(site.case(
            format!("the group {body}"),
            want,
            "POST",
            "/scim/v2/Groups",
            body.to_string().as_bytes(),
        ));
    };
    for name in [json!(null), json!(""), json!({}), json!([]), json!(["a", "b"])] {
        add(Want::One(&[400]), json!({"displayName": name}));
    }
    for (i, members) in [
        json!("text"),
        json!({}),
        json!(1),
        json!([1]),
        json!([null]),
        json!([[]]),
        json!([{}]),
        json!([{"value": null}]),
        json!([{"value": {}}]),
        json!([{"value": ["a"]}]),
        json!([{"value": ""}]),
        json!([{"value": "no-such-id"}]),
        json!([{"value": site.group}]),
        json!([{"value": "../Users", "$ref": 5, "type": []}]),
        json!([{"display": "only"}]),
        json!([{"value": site.user}, {"value": site.user}]),
        json!([{"value": site.user, "type": "Group"}]),
    ]
    .into_iter()
    .enumerate()
    {
        add(Want::Any, json!({"displayName": format!("Types {i}"), "members": members}));
    }
    let itself = json!({"Operations": [{"op": "add", "path": "members", "value": [{"value": site.group}]}]});
    let target = format!("/scim/v2/Groups/{}", site.group);
    cases.push(site.case("a group in itself", Want::Any, "PATCH", &target, itself.to_string().as_bytes()));
}

/// Contents that aim at what a value is used for: keys, names of objects, logs, memory.
pub fn contents(site: &Site) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut post = |what: String, want: Want, body: &Value| {
        cases.push(site.case(what, want, "POST", "/scim/v2/Users", body.to_string().as_bytes()));
    };
    for (i, value) in [
        "1",
        "0",
        "-1",
        "01",
        "1e0",
        "admin",
        "root",
        "null",
        "undefined",
        "",
        "../../etc/passwd",
        "%00",
        "' OR '1'='1",
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("external{i}"));
        body["externalId"] = json!(value);
        post(format!("externalId {value:?}"), Want::One(&[201]), &body);
    }
    for name in [
        "__proto__",
        "constructor",
        "prototype",
        "hasOwnProperty",
        "toString",
        "$where",
        "$ref",
        "_id",
        "is_admin",
        "urn:x:y",
    ] {
        let mut body = user(&format!("name-{}", name.replace([':', '$'], "-")));
        body[name] = json!({"isAdmin": true, "active": false});
        post(format!("the name {name}"), Want::Any, &body);
    }
    for mark in ['\u{1}', '\t', '\n', '\r', '\u{b}', '\u{1b}', '\u{1f}', '\u{7f}', '\u{85}', '\u{9b}'] {
        let mut body = user("control");
        body["userName"] = json!(format!("con{mark}trol@example.com"));
        post(format!("{mark:?} in userName"), Want::One(&[400]), &body);
    }
    for mark in
        ['\u{200b}', '\u{202e}', '\u{2028}', '\u{feff}', '\u{fffd}', '\u{ffff}', '\u{10ffff}', '\u{e000}', '\u{1d173}']
    {
        let mut body = user(&format!("odd-{:x}", mark as u32));
        body["displayName"] = json!(format!("a{mark}b"));
        body["userName"] = json!(format!("odd{mark}{:x}@example.com", mark as u32));
        post(format!("{mark:?} in names"), Want::Any, &body);
    }
    for (i, text) in [
        "<img src=x onerror=alert(1)>",
        "\"><script>alert(1)</script>",
        "{{7*7}}",
        "${jndi:ldap://127.0.0.1/x}",
        "=cmd|' /C calc'!A0",
        "'; DROP TABLE resource; --",
        "\r\n2026 INFO admin ok",
        "%s%n%x",
        "\\",
        "\"",
    ]
    .into_iter()
    .enumerate()
    {
        let mut body = user(&format!("inject{i}"));
        body["displayName"] = json!(text);
        body["title"] = json!(text);
        post(format!("the text {text:?}"), Want::Any, &body);
    }
    for length in [65_536, 65_537, 1_000_000] {
        for attribute in ["userName", "displayName", "title", "unknown"] {
            let mut body = user(&format!("long{length}{attribute}"));
            body[attribute] = json!("x".repeat(length));
            let want = if length > 65_536 { Want::One(&[400]) } else { Want::Any };
            post(format!("{attribute} of {length} bytes"), want, &body);
        }
    }
    let mut body = user("thousand");
    body["emails"] = (0..10_000).map(|i| json!({"value": format!("{i}@example.com"), "type": "work"})).collect();
    post("10,000 mail addresses".into(), Want::Any, &body);
    let mut body = user("primaries");
    body["emails"] = (0..50).map(|i| json!({"value": format!("p{i}@example.com"), "primary": true})).collect();
    post("50 primary mail addresses".into(), Want::Any, &body);
    cases
}
