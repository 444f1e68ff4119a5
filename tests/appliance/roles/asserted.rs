//! What identity providers say (rows C1 to C9 of the model): in every shape, kept, cleared, and misunderstood.

use serde_json::{Value, json};

use super::{is, made, patched, person, role};
use crate::support::Appliance;

const DEFAULT: &str = "LIMITED_ACCESS_USER";

/// C1, C3: value or label, in any letter case, in every shape.
#[test]
fn every_shape_that_providers_send_is_understood() {
    let appliance = Appliance::start();
    let packed = r#"{"id":"8a1","value":"USER","displayName":"User"}"#;
    let shapes: Vec<(Value, &str)> = vec![
        (json!(["Admin"]), "ORGANIZATION_ADMINISTRATOR"),
        (json!("compliance MANAGER"), "COMPLIANCE_MANAGER"),
        (json!([{"value": "organization_administrator"}]), "ORGANIZATION_ADMINISTRATOR"),
        (
            json!([{"value": "COMPLIANCE_MANAGER", "display": "Compliance manager", "primary": true}]),
            "COMPLIANCE_MANAGER",
        ),
        (json!([{"display": "Limited access user"}]), DEFAULT),
        (json!([{"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "USER"}]), "USER"),
        (json!([{"value": packed}]), "USER"),
        (json!([packed]), "USER"),
        (json!([{"value": "USER"}, {"value": "Admin", "primary": "true"}]), "ORGANIZATION_ADMINISTRATOR"),
        (json!([{"value": "USER"}, {"value": "Admin"}]), "USER"),
    ];
    for (i, (roles, expected)) in shapes.into_iter().enumerate() {
        let id = made(&appliance, "/Users", json!({"userName": format!("u{i}"), "roles": roles}));
        assert_eq!(role(&appliance, &id), is(expected, "asserted"), "{roles}");
    }
}

/// C4: what Entra's three mapping functions send.
#[test]
fn app_roles_of_entra_arrive_by_each_mapping_function() {
    let appliance = Appliance::start();
    let id = person(&appliance, "single");
    let path = format!("/Users/{id}");
    for (op, value, expected) in
        [("Add", "USER", "USER"), ("Replace", "Admin", "ORGANIZATION_ADMINISTRATOR"), ("Replace", "user", "USER")]
    {
        patched(&appliance, &path, json!([{"op": op, "path": "roles[primary eq \"True\"].value", "value": value}]));
        assert_eq!(role(&appliance, &id), is(expected, "asserted"), "{op} {value}");
    }
    let packed =
        |value: &str| json!([{"value": json!({"id": "8a", "value": value, "displayName": value}).to_string()}]);
    // AppRoleAssignmentsComplex only ever adds: the first one stays.
    let id = person(&appliance, "complex");
    let path = format!("/Users/{id}");
    patched(&appliance, &path, json!([{"op": "Add", "path": "roles", "value": packed("USER")}]));
    assert_eq!(role(&appliance, &id), is("USER", "asserted"));
    patched(&appliance, &path, json!([{"op": "Add", "path": "roles", "value": packed("COMPLIANCE_MANAGER")}]));
    assert_eq!(role(&appliance, &id), is("USER", "asserted"));
    // AssertiveAppRoleAssignmentsComplex replaces them all.
    patched(&appliance, &path, json!([{"op": "Replace", "path": "roles", "value": packed("COMPLIANCE_MANAGER")}]));
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "asserted"));
}

/// C2, C5, C8: absent on create is the default, absent later is no change, emptied is the default again.
#[test]
fn a_role_that_is_not_named_stays_and_one_that_is_taken_away_falls_back() {
    let appliance = Appliance::start();
    for roles in [json!(null), json!([]), json!([{"value": ""}]), json!(" ")] {
        let id = made(&appliance, "/Users", json!({"userName": format!("none-{roles}"), "roles": roles}));
        assert_eq!(role(&appliance, &id), is(DEFAULT, "default"), "{roles}");
    }
    let id = person(&appliance, "ada");
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
    let path = format!("/Users/{id}");
    for empty in [
        json!([{"op": "replace", "path": "roles", "value": []}]),
        json!([{"op": "remove", "path": "roles"}]),
        json!([{"op": "replace", "value": {"roles": null}}]),
        json!([{"op": "remove", "path": "roles[value eq \"USER\"]"}]),
    ] {
        patched(&appliance, &path, json!([{"op": "replace", "value": {"roles": [{"value": "USER"}]}}]));
        let put = appliance.put(&path, json!({"userName": "ada", "title": "Countess"}));
        assert_eq!(put.status, 200, "{}", put.body);
        patched(&appliance, &path, json!([{"op": "replace", "path": "title", "value": "Lady"}]));
        patched(&appliance, &path, json!([{"op": "replace", "path": "active", "value": false}]));
        patched(&appliance, &path, json!([{"op": "replace", "path": "active", "value": true}]));
        assert_eq!(role(&appliance, &id), is("USER", "asserted"));
        patched(&appliance, &path, empty.clone());
        assert_eq!(role(&appliance, &id), is(DEFAULT, "default"), "{empty}");
    }
    let put = |roles: Value| appliance.put(&path, json!({"userName": "ada", "roles": roles}));
    assert_eq!(put(json!(["Admin"])).status, 200);
    assert_eq!(role(&appliance, &id), is("ORGANIZATION_ADMINISTRATOR", "asserted"), "C7");
    assert_eq!(put(json!([])).status, 200);
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
}

/// C9: a role that nobody knows keeps nobody out; the log says so, once for each time that it is said anew.
#[test]
fn an_unknown_role_is_the_default_one_and_is_told() {
    let appliance = Appliance::start();
    let id = made(&appliance, "/Users", json!({"userName": "ada", "roles": ["Over\u{1b}lord"]}));
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
    let told = |log: &str| log.lines().filter(|l| l.contains("a role that nobody knows")).count();
    let log = appliance.logged(&["WARN", "a role that nobody knows", "Over"]);
    assert!(!log.contains('\u{1b}') || !log.contains("Over\u{1b}lord"), "{log}");
    let path = format!("/Users/{id}");
    patched(&appliance, &path, json!([{"op": "replace", "path": "title", "value": "x"}]));
    patched(&appliance, &path, json!([{"op": "replace", "path": "roles", "value": ["Second"]}]));
    let log = appliance.logged(&["a role that nobody knows", "Second"]);
    assert_eq!(told(&log), 2, "{log}");
    let bulk = json!({"Operations": [
        {"method": "POST", "path": "/Users", "bulkId": "1", "data": {"userName": "bulk", "roles": ["Third"]}}]});
    assert_eq!(appliance.post("/Bulk", bulk).status, 200);
    appliance.logged(&["a role that nobody knows", "Third"]);
}

#[test]
fn an_unknown_role_can_be_refused() {
    let appliance = Appliance::with_config("[roles]\nunknown = \"refuse\"\n");
    let answer = appliance.post("/Users", json!({"userName": "ada", "roles": ["Overlord"]}));
    assert_eq!((answer.status, &answer.json()["scimType"]), (400, &json!("invalidValue")), "{}", answer.body);
    assert!(answer.body.contains("Overlord") && answer.body.contains("COMPLIANCE_MANAGER"), "{}", answer.body);
    let id = made(&appliance, "/Users", json!({"userName": "ada", "roles": ["admin"]}));
    let path = format!("/Users/{id}");
    let answer = appliance
        .patch(&path, json!({"Operations": [{"op": "replace", "path": "roles", "value": [{"value": "Overlord"}]}]}));
    assert_eq!(answer.status, 400, "{}", answer.body);
    assert_eq!(role(&appliance, &id), is("ORGANIZATION_ADMINISTRATOR", "asserted"));
}

/// An attribute of the owner's own says it, as Okta's application profiles do; `roles` is heard where that says nothing.
#[test]
fn a_custom_attribute_can_say_the_role() {
    const HP: &str = "urn:example:scim:hyperproof:1.0:User";
    let config = format!(
        "[roles]\nattribute = \"{HP}:role\"\n[[schema]]\nid = \"{HP}\"\nextends = [\"User\"]\nattribute = [{{ name = \"role\" }}]\n"
    );
    let appliance = Appliance::with_config(&config);
    let body = json!({"userName": "ada", "roles": ["USER"], HP: {"role": "compliance manager"}});
    let id = made(&appliance, "/Users", body);
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "asserted"));
    let path = format!("/Users/{id}");
    patched(&appliance, &path, json!([{"op": "replace", "path": format!("{HP}:role"), "value": "Admin"}]));
    assert_eq!(role(&appliance, &id), is("ORGANIZATION_ADMINISTRATOR", "asserted"));
    patched(&appliance, &path, json!([{"op": "remove", "path": format!("{HP}:role")}]));
    assert_eq!(role(&appliance, &id), is("USER", "asserted"));
}
