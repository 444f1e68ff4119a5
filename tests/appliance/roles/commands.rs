//! `role`: what it prints, what it refuses, and what it leaves in the record.

use serde_json::{Value, json};

use super::{done, group, person, refused, rule};
use crate::support::Appliance;

#[test]
fn the_list_shows_roles_and_rules_in_their_order() {
    let appliance = Appliance::start();
    let listed = done(&appliance, &["role", "list"]);
    assert!(listed.contains("LIMITED_ACCESS_USER") && listed.contains("There is no rule."), "{listed}");
    let ids = ["One", "Two", "Three"].map(|name| group(&appliance, name, &[]));
    rule(&appliance, "One", "admin", &[]);
    rule(&appliance, &ids[1], "USER", &["--nested"]);
    assert_eq!(rule(&appliance, "three", "User", &["--position", "1"]), "Rule 1: members of Three are USER.\n");
    let order = || -> Vec<String> {
        let told: Value = serde_json::from_str(&done(&appliance, &["role", "list", "--json"])).unwrap();
        let rules = told["rules"].as_array().unwrap().clone();
        let positions: Vec<&Value> = rules.iter().map(|r| &r["position"]).collect();
        assert_eq!(positions, [json!(1), json!(2), json!(3)].iter().take(rules.len()).collect::<Vec<_>>());
        rules.iter().map(|r| r["groupName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(order(), ["Three", "One", "Two"]);
    for (name, to, expected) in [
        ("Two", "1", ["Two", "Three", "One"]),
        ("Two", "3", ["Three", "One", "Two"]),
        ("One", "2", ["Three", "One", "Two"]),
        ("Three", "2", ["One", "Three", "Two"]),
    ] {
        done(&appliance, &["role", "rule", "move", "--group", name, "--position", to]);
        assert_eq!(order(), expected, "{name} to {to}");
    }
    assert_eq!(done(&appliance, &["role", "rule", "remove", "--group", "Three"]), "The rule for Three is removed.\n");
    assert_eq!(order(), ["One", "Two"]);
}

#[test]
fn what_cannot_be_is_refused_with_a_sentence_and_changes_nothing() {
    let appliance = Appliance::start();
    person(&appliance, "ada");
    group(&appliance, "One", &[]);
    rule(&appliance, "One", "USER", &[]);
    let before = done(&appliance, &["role", "list", "--json"]);
    let add = |group: &str, role: &str, position: &str| {
        refused(&appliance, &["role", "rule", "add", "--group", group, "--role", role, "--position", position])
    };
    assert!(add("Nobody", "USER", "1").contains("no group \"Nobody\""));
    assert!(add("ada", "USER", "1").contains("no group"));
    assert!(add("One", "Overlord", "1").contains("there are ORGANIZATION_ADMINISTRATOR, COMPLIANCE_MANAGER"));
    assert!(add("One", "USER", "1").contains("has a rule already, number 1"));
    group(&appliance, "Two", &[]);
    assert!(add("Two", "USER", "3").contains("from 1 to 2"));
    assert!(add("Two", "USER", "0").contains("from 1 to 2"));
    let said = refused(&appliance, &["role", "rule", "move", "--group", "One", "--position", "2"]);
    assert!(said.contains("from 1 to 1"), "{said}");
    let said = refused(&appliance, &["role", "rule", "move", "--group", "Two", "--position", "1"]);
    assert!(said.contains("no rule for the group \"Two\""), "{said}");
    assert!(refused(&appliance, &["role", "set", "nobody", "USER"]).contains("no user"));
    assert!(refused(&appliance, &["role", "set", "ada", "Overlord"]).contains("no role"));
    assert!(refused(&appliance, &["role", "why", "nobody"]).contains("no user"));
    // clap's own: exit code 2.
    for arguments in [&["role", "set", "ada"][..], &["role", "set", "ada", "USER", "--clear"], &["role", "rule", "add"]]
    {
        assert_eq!(appliance.command(arguments).status.code(), Some(2), "{arguments:?}");
    }
    assert_eq!(done(&appliance, &["role", "list", "--json"]), before);
}

/// Who changed what, as it was and as it became; what changes nothing leaves no trace.
#[test]
fn every_change_is_in_the_record_once() {
    let appliance = Appliance::start();
    let ada = person(&appliance, "ada");
    let one = group(&appliance, "One", &[]);
    group(&appliance, "Two", &[]);
    let file = rusqlite::Connection::open(appliance.database_path()).unwrap();
    let last: i64 = file.query_row("select max(n) from change", [], |r| r.get(0)).unwrap();
    rule(&appliance, "One", "USER", &[]);
    rule(&appliance, "Two", "USER", &[]);
    done(&appliance, &["role", "rule", "move", "--group", "One", "--position", "1"]);
    done(&appliance, &["role", "rule", "move", "--group", "One", "--position", "2"]);
    done(&appliance, &["role", "rule", "remove", "--group", "One"]);
    done(&appliance, &["role", "set", "ada", "Admin"]);
    done(&appliance, &["role", "set", "ada", "organization_administrator"]);
    done(&appliance, &["role", "set", "ada", "USER"]);
    done(&appliance, &["role", "set", "ada", "--clear"]);
    done(&appliance, &["role", "set", "ada", "--clear"]);
    let mut statement =
        file.prepare("select op, actor, resource, before, after from change where n > ?1 order by n").unwrap();
    type Recorded = (String, String, String, Option<String>, Option<String>);
    let rows = statement.query_map([last], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?)));
    let rows: Vec<Recorded> = rows.unwrap().map(Result::unwrap).collect();
    let ops: Vec<&str> = rows.iter().map(|r| r.0.as_str()).collect();
    let overrides = ["role.override"; 3];
    assert_eq!(
        ops,
        [&["role.rule.add", "role.rule.add", "role.rule.move", "role.rule.remove"][..], &overrides].concat()
    );
    assert!(rows.iter().all(|r| r.1.starts_with("command:role ")), "{rows:?}");
    assert_eq!((&rows[0].2, &rows[4].2), (&one, &ada));
    assert!(
        rows[2].3.as_ref().unwrap().contains("\"position\":1")
            && rows[2].4.as_ref().unwrap().contains("\"position\":2")
    );
    assert_eq!(rows[5].3.as_deref(), Some(r#"{"roleOverride":"ORGANIZATION_ADMINISTRATOR"}"#));
    assert_eq!((rows[6].4.as_deref(), rows[3].4.as_deref()), (None, None));
}

#[test]
fn every_command_has_help_with_an_example() {
    let appliance = Appliance::start();
    for of in [&["list"][..], &["set"], &["why"], &["rule", "add"], &["rule", "remove"], &["rule", "move"]] {
        let help = done(&appliance, &[&["role"], of, &["--help"]].concat());
        assert!(help.contains("Example") && help.contains(&format!("role {}", of.join(" "))), "{help}");
    }
}
