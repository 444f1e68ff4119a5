//! The commands, and what the configuration says.

use serde_json::{Value, json};

use super::Desk;
use crate::served::Place;
use crate::settings::sentence;

#[test]
fn the_commands_say_how_it_stands_and_are_the_way_out() {
    let desk = Desk::new();
    let place = &desk.house.place;
    let json_of = || serde_json::from_str::<Value>(&place.done(&["sso", "status", "--json"])).unwrap();
    assert!(place.done(&["sso", "status"]).contains("off: it is not set up"));
    assert_eq!((&json_of()["state"], &json_of()["settings"]), (&json!("not set up"), &Value::Null));
    assert!(sentence(&place.command(&["sso", "test-config"])).contains("not set up"));
    assert!(place.done(&["sso", "off"]).contains("off already"));
    assert!(place.command(&["sso", "sign-out", "nobody"]).status.code() == Some(1));
    drop(desk);
    let desk = Desk::on();
    let place = &desk.house.place;
    let status = place.done(&["sso", "status"]);
    assert!(status.contains("Single sign-on is on since") && status.contains(&desk.provider.issuer()), "{status}");
    let json = serde_json::from_str::<Value>(&place.done(&["sso", "status", "--json"])).unwrap();
    assert_eq!((&json["state"], &json["settings"]["clientSecret"]), (&json!("on"), &json!("set")));
    assert_eq!(json["settings"]["tested"]["good"], json!(true));
    assert!(!json.to_string().contains(super::SECRET));
    let looked = place.done(&["sso", "test-config"]);
    assert!(looked.contains("1 usable key") && looked.contains("/authorize") && looked.contains("/end"), "{looked}");
    desk.provider.goes_down(true);
    assert!(sentence(&place.command(&["sso", "test-config"])).contains("cannot be reached"));
    assert!(place.done(&["sso", "off"]).contains("Single sign-on is off"));
    assert!(desk.house.audit().contains(&("command:sso off".to_owned(), "sso".to_owned())));
    let help = place.done(&["sso", "--help"]);
    for command in ["status", "test-config", "sign-out", "off"] {
        assert!(help.contains(command) && place.done(&["sso", command, "--help"]).contains("Example: "), "{command}");
    }
}

/// A wrong folder is said, and not made into an empty appliance that has nothing to switch off.
#[test]
fn what_looks_or_takes_away_makes_no_database() {
    let place = Place::new("");
    for command in [
        &["sso", "status"][..],
        &["sso", "off"],
        &["sso", "test-config"],
        &["sso", "sign-out", "ada"],
        &["provisioning"],
        &["provisioning", "off"],
        &["provisioning", "pause"],
        &["token", "list"],
        &["token", "revoke", "x"],
        &["admin", "list"],
        &["admin", "remove", "ada"],
        &["inactive", "status"],
        &["inactive", "off"],
        &["handover", "list"],
        &["person", "delete", "ada"],
        &["group", "list-archived"],
        &["role", "why", "ada"],
    ] {
        let output = place.command(command);
        let told = sentence(&output);
        assert!(output.status.code() == Some(1) && told.contains("there is no database at "), "{command:?}: {told}");
        assert!(told.contains("scim-appliance.db") && !place.database().exists(), "{command:?}");
    }
    place.done(&["token", "create", "--name", "okta"]);
    assert!(place.done(&["sso", "off"]).contains("off already"));
}

/// Which of the things that can be wrong with a key file it is.
#[test]
fn a_key_file_that_is_no_good_is_told_as_what_it_is() {
    let mut desk = Desk::on();
    desk.house.stop();
    let place = &desk.house.place;
    let key = place.path().join("scim-appliance.db.key");
    let good = std::fs::read(&key).unwrap();
    let told = |words: &str| {
        let status = place.done(&["sso", "status"]);
        let test = sentence(&place.command(&["sso", "test-config"]));
        for text in [status, test] {
            assert!(text.contains(words) && text.contains("enter the client secret again"), "{words}: {text}");
        }
        let json = serde_json::from_str::<Value>(&place.done(&["sso", "status", "--json"])).unwrap();
        assert_eq!(json["settings"]["clientSecret"], json!("enter again"));
    };
    std::fs::remove_file(&key).unwrap();
    told("there is no key file");
    std::fs::create_dir(&key).unwrap();
    told("cannot be read");
    std::fs::remove_dir(&key).unwrap();
    std::fs::write(&key, "garbage").unwrap();
    told("holds no key");
    let other = Desk::new();
    std::fs::copy(other.house.place.path().join("scim-appliance.db.key"), &key).unwrap();
    told("sealed with another key file");
    std::fs::write(&key, good).unwrap();
    assert!(!place.done(&["sso", "status"]).contains("again"));
}

#[test]
fn the_configuration_is_checked() {
    for (text, words) in [
        ("[sso]\nprecondition = \"maybe\"\n", "unknown variant"),
        ("[sso]\nurl = \"example.com\"\n", "sso.url"),
        ("[sso]\nurl = \"https://x/path\"\n", "sso.url"),
        ("[sso]\nissuer = \"https://x\"\n", "unknown field"),
        ("[outbound]\nallow = [\"everywhere\"]\n", "outbound.allow"),
        ("[outbound]\nca_file = \"x.pem\"\n", "outbound.ca_file"),
    ] {
        let refused = sentence(&Place::new(text).command(&["check-config"]));
        assert!(refused.contains(words) && refused.contains(", line "), "{text}: {refused}");
    }
    Place::new("[sso]\nurl = \"https://scim.example.com/\"\nprecondition = \"required\"\n[outbound]\nallow = [\"10.0.0.0/8\", \"::1\"]\n").done(&["check-config"]);
    let missing = Place::new("[outbound]\nca_file = \"/missing.pem\"\n").command(&["serve"]);
    assert!(sentence(&missing).contains("missing.pem"));
}

/// Where browsers reach the pages may be another place than where identity providers reach SCIM.
#[test]
fn people_are_sent_back_to_where_the_pages_are() {
    let desk = Desk::with("[sso]\nurl = \"https://pages.example.com\"\n");
    let mut ada = desk.house.ada();
    desk.save(&mut ada, &[]);
    assert!(ada.page("/sso").contains("https://pages.example.com/sign-in/sso/callback"));
    let answer = ada.get("/sso/test");
    let query = desk.provider.query(answer.header("location").unwrap());
    assert_eq!(query["redirect_uri"], "https://pages.example.com/sign-in/sso/callback");
}
