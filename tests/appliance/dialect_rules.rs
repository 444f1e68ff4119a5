//! Every dialect rule by its name: what a client's mistake comes to with the rule, and without it. And that each use is
//! counted where an administrator can see it.

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const CORE: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

/// A rule, what a client does that needs it, and what that comes to with and without the rule.
struct Case {
    rule: &'static str,
    act: fn(&Appliance) -> String,
    with: &'static str,
    without: &'static str,
}

/// The status, and what stands at a place of the answer: `200 "x"`.
fn shown(answer: &Answer, pointer: &str) -> String {
    let body = if answer.body.is_empty() { Value::Null } else { answer.json() };
    let found = match answer.status {
        400.. => body["scimType"].clone(),
        _ => body.pointer(pointer).cloned().unwrap_or_default(),
    };
    format!("{} {found}", answer.status)
}

fn post(appliance: &Appliance, more: Value, pointer: &str) -> String {
    let mut user = json!({"schemas": [CORE, ENTERPRISE], "userName": "ada@x.io"});
    user.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    shown(&appliance.post("/Users", user), pointer)
}

/// A user with a title, a work e-mail, a given name and a manager, changed by some operations.
fn patch(appliance: &Appliance, operations: Value, pointer: &str) -> String {
    let user = json!({
        "schemas": [CORE, ENTERPRISE], "userName": "ada@x.io", "title": "Countess", "name": {"givenName": "Ada"},
        ENTERPRISE: {"manager": {"value": "u1"}},
    });
    let id = appliance.post("/Users", user).json()["id"].as_str().unwrap().to_owned();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations});
    shown(&appliance.patch(&format!("/Users/{id}"), body), pointer)
}

/// A group of one, changed by one operation; `MEMBER` in it becomes the member's id. Gives how many members there are.
fn patch_group(appliance: &Appliance, operation: &str) -> String {
    let user = json!({"schemas": [CORE], "userName": "ada@x.io"});
    let member = appliance.post("/Users", user).json()["id"].as_str().unwrap().to_owned();
    let group = json!({"schemas": [GROUP], "displayName": "Eng", "members": [{"value": member}]});
    let id = appliance.post("/Groups", group).json()["id"].as_str().unwrap().to_owned();
    let operation: Value = serde_json::from_str(&operation.replace("MEMBER", &member)).unwrap();
    let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
    let status = appliance.patch(&format!("/Groups/{id}"), body).status;
    let left = appliance.get(&format!("/Groups/{id}")).json()["members"].as_array().map_or(0, Vec::len);
    format!("{status} {left}")
}

/// A group of one, changed by the PATCH of SCIM 1.1. Gives how many members there are.
fn patch_group_in_scim1(appliance: &Appliance) -> String {
    let member = appliance.post("/Users", json!({"schemas": [CORE], "userName": "ada@x.io"})).json()["id"].clone();
    let group = json!({"schemas": [GROUP], "displayName": "Eng", "members": [{"value": member}]});
    let path = format!("/Groups/{}", appliance.post("/Groups", group).json()["id"].as_str().unwrap());
    let members = json!([{"value": member, "operation": "delete"}]);
    let status = appliance.patch(&path, json!({"schemas": ["urn:scim:schemas:core:1.0"], "members": members})).status;
    format!("{status} {}", appliance.get(&path).json()["members"].as_array().map_or(0, Vec::len))
}

fn find(appliance: &Appliance, filter: &str) -> String {
    let emails = json!([{"value": "a@x.io", "type": "work"}]);
    let user = json!({"schemas": [CORE], "userName": "ada@x.io", "externalId": "abc", "emails": emails});
    appliance.post("/Users", user);
    shown(&appliance.get(&format!("/Users?filter={filter}")), "/totalResults")
}

const CASES: [Case; 30] = [
    Case {
        rule: "op-case",
        act: |a| patch(a, json!([{"op": "Replace", "path": "title", "value": "x"}]), "/title"),
        with: "200 \"x\"",
        without: "400 \"invalidSyntax\"",
    },
    Case {
        rule: "path-keys",
        act: |a| patch(a, json!([{"op": "replace", "value": {"name.givenName": "B"}}]), "/name/givenName"),
        with: "200 \"B\"",
        without: "200 \"Ada\"",
    },
    Case {
        rule: "remove-by-value",
        act: |a| patch_group(a, r#"{"op":"remove","path":"members","value":[{"value":"MEMBER"}]}"#),
        with: "200 0",
        without: "400 1",
    },
    Case {
        rule: "text-booleans",
        act: |a| post(a, json!({"active": "False"}), "/active"),
        with: "201 false",
        without: "400 \"invalidValue\"",
    },
    Case {
        rule: "bare-complex-value",
        act: |a| {
            patch(
                a,
                json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": "u9"}]),
                &format!("/{ENTERPRISE}/manager/value"),
            )
        },
        with: "200 \"u9\"",
        without: "400 \"invalidValue\"",
    },
    Case {
        rule: "list-for-single",
        act: |a| {
            patch(
                a,
                json!([{"op": "replace", "path": format!("{ENTERPRISE}:manager"), "value": [{"value": "u9"}]}]),
                &format!("/{ENTERPRISE}/manager/value"),
            )
        },
        with: "200 \"u9\"",
        without: "400 \"invalidValue\"",
    },
    Case {
        rule: "single-for-list",
        act: |a| post(a, json!({"emails": {"value": "a@x.io"}}), "/emails/0/value"),
        with: "201 \"a@x.io\"",
        without: "400 \"invalidValue\"",
    },
    Case {
        rule: "empty-clears",
        act: |a| patch(a, json!([{"op": "replace", "path": "title", "value": ""}]), "/title"),
        with: "200 null",
        without: "200 \"\"",
    },
    Case {
        rule: "roles-json-text",
        act: |a| post(a, json!({"roles": [{"value": "{\"value\":\"USER\"}"}]}), "/roles/0/value"),
        with: "201 \"USER\"",
        without: "201 \"{\\\"value\\\":\\\"USER\\\"}\"",
    },
    Case {
        rule: "enterprise-at-top",
        act: |a| post(a, json!({"department": "R"}), &format!("/{ENTERPRISE}/department")),
        with: "201 \"R\"",
        without: "201 null",
    },
    Case {
        rule: "enterprise-urn-typo",
        act: |a| {
            post(
                a,
                json!({"urn:ietf:params:scim:schemas:extension:enterprise:2.0User": {"department": "R"}}),
                &format!("/{ENTERPRISE}/department"),
            )
        },
        with: "201 \"R\"",
        without: "201 null",
    },
    Case {
        rule: "core-urn-object",
        act: |a| post(a, json!({CORE: {"title": "x"}}), "/title"),
        with: "201 \"x\"",
        without: "201 null",
    },
    Case {
        rule: "value-path-sub-filter",
        act: |a| find(a, "emails[type+eq+%22work%22].value+eq+%22A@x.io%22"),
        with: "200 1",
        without: "400 \"invalidFilter\"",
    },
    Case {
        rule: "unquoted-literal",
        act: |a| find(a, "externalId+eq+abc"),
        with: "200 1",
        without: "400 \"invalidFilter\"",
    },
    Case {
        rule: "urn-dot",
        act: |a| {
            patch(
                a,
                json!([{"op": "add", "path": format!("{ENTERPRISE}.department"), "value": "R"}]),
                &format!("/{ENTERPRISE}/department"),
            )
        },
        with: "200 \"R\"",
        without: "400 \"invalidPath\"",
    },
    Case {
        rule: "create-on-no-match",
        act: |a| {
            patch(
                a,
                json!([{"op": "add", "path": "emails[type eq \"work\"].value", "value": "a@x.io"}]),
                "/emails/0/type",
            )
        },
        with: "200 \"work\"",
        without: "400 \"noTarget\"",
    },
    Case {
        rule: "read-only-echo",
        act: |a| patch(a, json!([{"op": "replace", "value": {"id": "x", "title": "y"}}]), "/title"),
        with: "200 \"y\"",
        without: "400 \"mutability\"",
    },
    Case {
        rule: "unknown-path-skipped",
        act: |a| {
            patch(
                a,
                json!([{"op": "replace", "path": "foo", "value": 1}, {"op": "replace", "path": "title", "value": "y"}]),
                "/title",
            )
        },
        with: "200 \"y\"",
        without: "400 \"invalidPath\"",
    },
    Case {
        rule: "null-members",
        act: |a| patch_group(a, r#"{"op":"replace","value":{"displayName":"Eng2","members":null}}"#),
        with: "200 1",
        without: "200 0",
    },
    Case {
        rule: "missing-schemas",
        act: |a| shown(&a.post("/Users", json!({"userName": "ada@x.io"})), "/userName"),
        with: "201 \"ada@x.io\"",
        without: "400 \"invalidSyntax\"",
    },
    Case {
        rule: "missing-bulk-id",
        act: |a| {
            let operation = json!({"method": "POST", "path": "/Users", "data": {"schemas": [CORE], "userName": "ada"}});
            let schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
            let body = json!({"schemas": [schema], "Operations": [operation]});
            shown(&a.post("/Bulk", body), "/Operations/0/status")
        },
        with: "200 \"201\"",
        without: "200 \"400\"",
    },
    Case {
        rule: "unknown-attributes",
        act: |a| post(a, json!({"name": {"givenName": "Ada", "shoeSize": 7}}), "/name"),
        with: "201 {\"givenName\":\"Ada\"}",
        without: "400 \"invalidSyntax\"",
    },
    Case {
        rule: "unlisted-extension",
        act: |a| {
            let user = json!({"schemas": [CORE], "userName": "ada@x.io", ENTERPRISE: {"department": "R&D"}});
            shown(&a.post("/Users", user), "/schemas/1")
        },
        with: "201 \"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User\"",
        without: "400 \"invalidSyntax\"",
    },
    Case {
        rule: "unknown-members",
        act: |a| patch_group(a, r#"{"op":"add","path":"members","value":[{"value":"nobody"}]}"#),
        with: "200 1",
        without: "400 1",
    },
    Case {
        rule: "put-keeps-absent",
        act: |a| {
            let user = json!({"schemas": [CORE], "userName": "ada@x.io", "externalId": "e1", "active": false});
            let id = a.post("/Users", user).json()["id"].as_str().unwrap().to_owned();
            let put = a.put(&format!("/Users/{id}"), json!({"schemas": [CORE], "userName": "ada@x.io"}));
            format!("{} {}", shown(&put, "/active"), put.json()["externalId"])
        },
        with: "200 false \"e1\"",
        without: "200 true null",
    },
    Case {
        rule: "large-count",
        act: |a| shown(&a.get("/Users?cursor=&count=100000"), "/totalResults"),
        with: "200 0",
        without: "400 \"invalidCount\"",
    },
    Case {
        rule: "bare-plus",
        act: |a| {
            a.post("/Users", json!({"schemas": [CORE], "userName": "ada+x@x.io"}));
            shown(&a.get("/Users?count=5&filter=userName%20eq%20%22ada+x@x.io%22"), "/totalResults")
        },
        with: "200 1",
        without: "200 0",
    },
    Case { rule: "scim1-patch", act: patch_group_in_scim1, with: "200 0", without: "400 1" },
    Case {
        rule: "scim1-enterprise",
        act: |a| {
            post(
                a,
                json!({"urn:scim:schemas:extension:enterprise:1.0": {"manager": {"managerId": "u9"}}}),
                &format!("/{ENTERPRISE}/manager/value"),
            )
        },
        with: "201 \"u9\"",
        without: "201 null",
    },
    Case {
        rule: "digit-booleans",
        act: |a| post(a, json!({"active": "0"}), "/active"),
        with: "201 false",
        without: "400 \"invalidValue\"",
    },
];

/// How often each rule was needed, by the command.
fn counts(appliance: &Appliance) -> Value {
    let status = appliance.command(&["provisioning", "status", "--json"]);
    serde_json::from_slice::<Value>(&status.stdout).unwrap()["dialectRules"].clone()
}

#[test]
fn every_rule_does_what_its_name_says_and_nothing_when_it_is_off() {
    for case in &CASES {
        let mut on = Appliance::start();
        assert_eq!((case.act)(&on), case.with, "{} on", case.rule);
        // Counts are gathered, and written every few seconds and at the end.
        on.terminate();
        assert!(counts(&on)[case.rule].as_u64().is_some_and(|n| n > 0), "{}: {}", case.rule, counts(&on));
        let mut off = Appliance::with_config(&format!("[scim]\ndisabled_dialect_rules = [\"{}\"]\n", case.rule));
        assert_eq!((case.act)(&off), case.without, "{} off", case.rule);
        off.terminate();
        assert!(counts(&off)[case.rule].is_null(), "{} is off and was counted", case.rule);
    }
}

/// The rules that the program has, by what it says of one that it has not.
fn known() -> Vec<String> {
    let appliance = Appliance::unprovisioned("");
    std::fs::write(appliance.config_path(), "[scim]\ndisabled_dialect_rules = [\"no-such-rule\"]\n").unwrap();
    let refused = String::from_utf8(appliance.command(&["check-config"]).stderr).unwrap();
    let known = refused.split("there are ").nth(1).unwrap_or_else(|| panic!("{refused}"));
    known.trim().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_cases_are_all_the_rules_that_there_are() {
    assert_eq!(known(), CASES.map(|c| c.rule));
}

#[test]
fn the_page_about_scim_lists_every_rule_and_no_other() {
    let page = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scim.md");
    let page = std::fs::read_to_string(page).unwrap();
    let section = page.split("\n## ").find_map(|s| s.strip_prefix("Dialect rules\n")).unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.split_once("` |"));
    let (names, rest): (Vec<&str>, Vec<&str>) = rows.unzip();
    assert_eq!(names, known());
    for row in rest {
        // Who needs it, what is sent, what is meant, and what comes of it without the rule.
        let cells: Vec<&str> = row.trim_end_matches('|').split(" | ").map(str::trim).collect();
        assert!(cells.len() == 4 && cells.iter().all(|c| !c.is_empty()), "{cells:?}");
    }
}
