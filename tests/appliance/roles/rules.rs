//! Rules for groups and overrides: what decides, in the first read after any change.

use serde_json::json;

use super::{done, group, is, made, patched, person, refused, role, rule};
use crate::support::Appliance;

const DEFAULT: &str = "LIMITED_ACCESS_USER";

#[test]
fn every_change_of_an_input_counts_in_the_next_read() {
    let appliance = Appliance::start();
    let id = made(&appliance, "/Users", json!({"userName": "ada", "roles": ["USER"]}));
    let (first, second) = (group(&appliance, "First", &[&id]), group(&appliance, "Second", &[]));
    assert_eq!(role(&appliance, &id), is("USER", "asserted"));
    rule(&appliance, "First", "compliance manager", &[]);
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "rule"));
    rule(&appliance, &second, "Admin", &["--position", "1"]);
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "rule"), "not a member");
    let add = json!([{"op": "add", "path": "members", "value": [{"value": id}]}]);
    patched(&appliance, &format!("/Groups/{second}"), add);
    assert_eq!(role(&appliance, &id), is("ORGANIZATION_ADMINISTRATOR", "rule"), "the first rule counts");
    done(&appliance, &["role", "rule", "move", "--group", "second", "--position", "2"]);
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "rule"), "another order");
    done(&appliance, &["role", "set", "ada", "limited access user"]);
    assert_eq!(role(&appliance, &id), is(DEFAULT, "override"));
    done(&appliance, &["role", "set", &id, "--clear"]);
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "rule"));
    patched(&appliance, &format!("/Groups/{first}"), json!([{"op": "replace", "path": "displayName", "value": "1st"}]));
    assert_eq!(role(&appliance, &id), is("COMPLIANCE_MANAGER", "rule"), "a rename changes nothing");
    let leave = json!([{"op": "remove", "path": format!("members[value eq \"{id}\"]")}]);
    patched(&appliance, &format!("/Groups/{first}"), leave);
    assert_eq!(role(&appliance, &id), is("ORGANIZATION_ADMINISTRATOR", "rule"));
    assert_eq!(appliance.delete(&format!("/Groups/{second}")).status, 204);
    assert_eq!(role(&appliance, &id), is("USER", "asserted"), "the group is archived");
    patched(&appliance, &format!("/Users/{id}"), json!([{"op": "replace", "path": "roles", "value": []}]));
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
}

/// Deactivation and its end change no role (decision P5).
#[test]
fn a_deactivated_person_keeps_the_role() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    group(&appliance, "Auditors", &[&id]);
    rule(&appliance, "Auditors", "USER", &[]);
    for active in [false, true] {
        patched(&appliance, &format!("/Users/{id}"), json!([{"op": "replace", "value": {"active": active}}]));
        assert_eq!(role(&appliance, &id), is("USER", "rule"));
    }
}

#[test]
fn a_rule_looks_at_direct_members_unless_it_says_nested() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    let inner = group(&appliance, "Inner", &[&id]);
    let middle = group(&appliance, "Middle", &[&inner]);
    let outer = group(&appliance, "Outer", &[&middle]);
    rule(&appliance, "Outer", "USER", &[]);
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
    done(&appliance, &["role", "rule", "remove", "--group", "Outer"]);
    rule(&appliance, "Outer", "USER", &["--nested"]);
    assert_eq!(role(&appliance, &id), is("USER", "rule"));
    // A circle does no harm, and the way into the group may end.
    let add = json!([{"op": "add", "path": "members", "value": [{"value": outer}]}]);
    patched(&appliance, &format!("/Groups/{inner}"), add);
    assert_eq!(role(&appliance, &id), is("USER", "rule"));
    let leave = json!([{"op": "remove", "path": format!("members[value eq \"{inner}\"]")}]);
    patched(&appliance, &format!("/Groups/{middle}"), leave);
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
}

/// The rule of a group that is gone gives nobody a role, and stays to be seen and removed; a group of the same name is
/// another one.
#[test]
fn the_rule_of_an_archived_group_is_dead_and_visible() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    let gone = group(&appliance, "Auditors", &[&id]);
    rule(&appliance, "Auditors", "Admin", &[]);
    assert_eq!(appliance.delete(&format!("/Groups/{gone}")).status, 204);
    let fresh = group(&appliance, "Auditors", &[&id]);
    assert_eq!(role(&appliance, &id), is(DEFAULT, "default"));
    let listed = done(&appliance, &["role", "list"]);
    assert!(listed.contains("dead") && listed.contains("Auditors") && listed.contains(&gone), "{listed}");
    rule(&appliance, "Auditors", "USER", &[]);
    assert_eq!(role(&appliance, &id), is("USER", "rule"));
    done(&appliance, &["role", "rule", "remove", "--group", &gone]);
    let listed = done(&appliance, &["role", "list"]);
    assert!(!listed.contains("dead") && listed.contains(&fresh), "{listed}");
    // By the name that it had, where no live group has it.
    assert_eq!(appliance.delete(&format!("/Groups/{fresh}")).status, 204);
    done(&appliance, &["role", "rule", "remove", "--group", "auditors"]);
    let why = refused(&appliance, &["role", "rule", "remove", "--group", "auditors"]);
    assert!(why.contains("no rule"), "{why}");
}

/// Views move neither the version nor lastModified (decision P17), and a client that has the version sees the role anew
/// all the same when it asks for it.
#[test]
fn a_role_moves_no_version_and_is_never_stale() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    let before = appliance.get(&format!("/Users/{id}"));
    let tag = before.header("etag").unwrap().to_owned();
    done(&appliance, &["role", "set", "ada", "Admin"]);
    let after = appliance.get(&format!("/Users/{id}"));
    assert_eq!((after.header("etag"), &after.body), (Some(tag.as_str()), &before.body));
    let bearer = format!("Bearer {}", appliance.token);
    let headers = [("Authorization", bearer.as_str()), ("If-None-Match", tag.as_str())];
    let ask = |query: &str| appliance.send("GET", &format!("/scim/v2/Users/{id}{query}"), &headers, None);
    assert_eq!(ask("").status, 304);
    let asked = ask(&format!("?attributes={}", super::ROLE));
    assert_eq!(asked.status, 200);
    assert_eq!(asked.json()[super::APPLIANCE]["role"]["value"], json!("ORGANIZATION_ADMINISTRATOR"));
}

/// Ids are never used again: who comes after somebody has nothing of what was given to that person.
#[test]
fn whoever_comes_back_under_a_new_id_inherits_no_override() {
    let appliance = Appliance::start();
    let id = person(&appliance, "ada");
    done(&appliance, &["role", "set", "ada", "Admin"]);
    assert_eq!(appliance.delete(&format!("/Users/{id}")).status, 204);
    let again = person(&appliance, "ada");
    assert_eq!(role(&appliance, &again), is(DEFAULT, "default"));
    assert!(refused(&appliance, &["role", "why", &id]).contains("no user"));
}

/// Rules and overrides are there after a start, and in a backup.
#[test]
fn rules_and_overrides_outlive_the_process() {
    let mut appliance = Appliance::start();
    let (ada, bob) = (person(&appliance, "ada"), person(&appliance, "bob"));
    group(&appliance, "Auditors", &[&ada]);
    rule(&appliance, "Auditors", "USER", &[]);
    done(&appliance, &["role", "set", "bob", "Admin"]);
    appliance.kill();
    appliance.restart();
    assert_eq!(role(&appliance, &ada), is("USER", "rule"));
    assert_eq!(role(&appliance, &bob), is("ORGANIZATION_ADMINISTRATOR", "override"));
}
