//! `[[role]]` and `[roles]`: the catalogue of one's own, and what is wrong with it.

use serde_json::json;

use super::{api, done, group, is, made, person, role, rule};
use crate::served::Place;
use crate::settings::sentence;
use crate::support::Appliance;

const OWN: &str = r#"
[[role]]
value = "OWNER"
label = "Eigentümer"
aliases = ["boss", "Chef"]
settings_admin = true

[[role]]
value = "GUEST"
default = true
"#;

#[test]
fn a_catalogue_of_ones_own_takes_the_place_of_the_four() {
    let appliance = Appliance::with_config(OWN);
    for (roles, expected) in [
        (json!(["BOSS"]), is("OWNER", "asserted")),
        (json!(["EIGENTÜMER"]), is("OWNER", "asserted")),
        (json!(["guest"]), is("GUEST", "asserted")),
        (json!(["Admin"]), is("GUEST", "default")),
    ] {
        let id = made(&appliance, "/Users", json!({"userName": format!("{roles}"), "roles": roles}));
        assert_eq!(role(&appliance, &id), expected, "{roles}");
    }
    let told = api(&appliance, "/roles");
    let first = json!({"value": "OWNER", "display": "Eigentümer", "aliases": ["boss", "Chef"], "assignable": "anywhere", "default": false, "settingsAdmin": true});
    assert_eq!((&told["roles"][0], &told["roles"][1]["display"]), (&first, &json!("GUEST")));
}

/// The catalogue is read at the start; what names a role that it has no longer is passed over, and seen.
#[test]
fn a_role_that_goes_from_the_catalogue_decides_nothing() {
    let mut appliance = Appliance::with_config(OWN);
    let (ada, bob) = (person(&appliance, "ada"), person(&appliance, "bob"));
    group(&appliance, "Owners", &[&ada]);
    rule(&appliance, "Owners", "chef", &[]);
    done(&appliance, &["role", "set", "bob", "boss"]);
    assert_eq!(role(&appliance, &ada), is("OWNER", "rule"));
    appliance.terminate();
    let config = std::fs::read_to_string(appliance.config_path()).unwrap();
    std::fs::write(appliance.config_path(), config.replace("\"OWNER\"", "\"LANDLORD\"").replace("\"boss\", ", ""))
        .unwrap();
    appliance.restart();
    assert_eq!(role(&appliance, &ada), is("GUEST", "default"));
    assert_eq!(role(&appliance, &bob), is("GUEST", "default"));
    assert!(done(&appliance, &["role", "list"]).contains("no such role"));
    let why = api(&appliance, &format!("/people/{bob}/role"));
    assert_eq!((&why["inputs"][0]["kind"], &why["inputs"][0]["verdict"]), (&json!("override"), &json!("noSuchRole")));
}

/// What the example shows is what holds without it.
#[test]
fn the_roles_of_the_example_are_the_four() {
    let example = include_str!("../../../config.example.toml");
    let shown =
        example.split("whatever letter case.\n").nth(1).unwrap().split("# Where identity providers").next().unwrap();
    let roles: String = shown.lines().filter_map(|l| l.strip_prefix("# ")).map(|l| format!("{l}\n")).collect();
    assert_eq!(roles.matches("[[role]]").count(), 4, "{roles}");
    let list = |config: &str| Place::new(config).done(&["role", "list", "--json"]);
    assert_eq!(list(&roles), list(""));
}

#[test]
fn mistakes_are_refused_with_their_line() {
    for (config, line, words) in [
        ("[[role]]\nvalue = \"A\"\n", 4, "default = true"),
        (
            "[[role]]\nvalue = \"A\"\ndefault = true\n[[role]]\nvalue = \"B\"\ndefault = true\n",
            9,
            "\"A\" is the default already",
        ),
        (
            "[[role]]\nvalue = \"A\"\ndefault = true\n[[role]]\nvalue = \"B\"\nlabel = \"a\"\n",
            9,
            "name of the role \"A\"",
        ),
        (
            "[[role]]\nvalue = \"A\"\ndefault = true\naliases = [\"x\"]\n[[role]]\nvalue = \"B\"\n\naliases = [\"y\", \"X\"]\n",
            11,
            "\"X\"",
        ),
        ("[[role]]\nvalue = \"\"\ndefault = true\n", 5, "1 to 128"),
        ("[[role]]\nlabel = \"A\"\n", 4, "value"),
        ("[[role]]\nvalue = \"A\"\nadmin = true\n", 6, "settings_admin"),
        ("[[role]]\nvalue = \"A\"\ndefault = \"yes\"\n", 6, "boolean"),
        ("[roles]\nattribute = \"shoeSize\"\n", 5, "no attribute \"shoeSize\""),
        ("[roles]\nattribute = \"active\"\n", 5, "no text"),
        ("[roles]\nattribute = \"nickName\"\n", 5, "/Me"),
        ("[roles]\nunknown = \"maybe\"\n", 5, "refuse"),
        ("[roles]\ndefault = \"A\"\n", 5, "default"),
    ] {
        let place = Place::new("");
        std::fs::write(place.config(), format!("# mine\n[listen]\naddress = \"127.0.0.1:0\"\n{config}")).unwrap();
        let said = sentence(&place.command(&["check-config"]));
        assert_eq!(said, sentence(&place.command(&["serve"])), "{config}");
        assert!(said.contains(&format!("line {line}:")) && said.contains(words), "{config}\n{said}");
    }
}

/// The two that the example shows beside the four (C10 of the model).
fn with_local_roles() -> String {
    let example = include_str!("../../../config.example.toml");
    let uncommented = |text: &str| -> String {
        text.lines().filter_map(|l| l.strip_prefix("# ")).map(|l| format!("{l}\n")).collect()
    };
    let four =
        example.split("whatever letter case.\n").nth(1).unwrap().split("# Where identity providers").next().unwrap();
    let two = example.split("rules for groups.\n").nth(1).unwrap().split("\n\n").next().unwrap();
    format!("{}{}", uncommented(four), uncommented(two))
}

/// C10: no word of an identity provider makes somebody an external auditor; an administrator's does.
#[test]
fn a_role_that_is_only_given_here_is_not_for_identity_providers() {
    let appliance = Appliance::with_config(&with_local_roles());
    let default = is("LIMITED_ACCESS_USER", "default");
    for (i, roles) in [
        json!(["EXTERNAL_AUDITOR"]),
        json!("external AUDITOR"),
        json!([{"value": "Contact", "primary": true}]),
        json!([{"value": "{\"value\":\"CONTACT\"}"}]),
        json!([{"value": "8a1", "display": "External auditor"}]),
    ]
    .into_iter()
    .enumerate()
    {
        let id = made(&appliance, "/Users", json!({"userName": format!("u{i}"), "roles": roles}));
        assert_eq!(role(&appliance, &id), default, "{roles}");
    }
    appliance.logged(&["WARN", "only given here", "EXTERNAL_AUDITOR"]);
    let id = made(&appliance, "/Users", json!({"userName": "grace", "roles": ["External auditor"]}));
    let why = api(&appliance, &format!("/people/{id}/role"));
    let said = &why["inputs"][0];
    assert_eq!((&said["kind"], &said["verdict"]), (&json!("asserted"), &json!("onlyHere")), "{why}");
    assert!(done(&appliance, &["role", "why", "grace"]).contains("only given here"));
    done(&appliance, &["role", "set", "grace", "external auditor"]);
    assert_eq!(role(&appliance, &id), is("EXTERNAL_AUDITOR", "override"));
    done(&appliance, &["role", "set", "grace", "--clear"]);
    group(&appliance, "Auditors", &[&id]);
    rule(&appliance, "Auditors", "EXTERNAL_AUDITOR", &[]);
    assert_eq!(role(&appliance, &id), is("EXTERNAL_AUDITOR", "rule"));
    let told = api(&appliance, "/roles");
    let of =
        |value: &str| told["roles"].as_array().unwrap().iter().find(|r| r["value"] == json!(value)).unwrap().clone();
    assert_eq!((&of("CONTACT")["assignable"], &of("USER")["assignable"]), (&json!("local"), &json!("anywhere")));
    assert!(done(&appliance, &["role", "list"]).contains("here only"));
}

#[test]
fn where_unknown_roles_are_refused_so_are_those_that_are_only_given_here() {
    let appliance = Appliance::with_config(&format!("{}[roles]\nunknown = \"refuse\"\n", with_local_roles()));
    let answer = appliance.post("/Users", json!({"userName": "ada", "roles": ["Contact"]}));
    assert_eq!((answer.status, answer.json()["scimType"].clone()), (400, json!("invalidValue")));
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(detail.contains("only given here") && detail.contains("COMPLIANCE_MANAGER"), "{detail}");
    assert!(!detail.contains("EXTERNAL_AUDITOR"), "others are not told of: {detail}");
    assert_eq!(made(&appliance, "/Users", json!({"userName": "ada", "roles": ["User"]})).len(), 36);
}
