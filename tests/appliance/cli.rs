//! The commands, one by one and beside a running server: what they do, what they print, and how they fail.

mod backup;
mod config;
mod files;
mod provisioning;
mod signals;
mod tokens;

use std::process::Output;

use serde_json::{Value, json};

use crate::served::Served;
use crate::wire::Client;

/// Asserts that a command failed with exit code 1 and one sentence on stderr, and gives the sentence.
fn sentence(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}{printed}");
    assert!(text.starts_with("error: "), "{text}");
    assert_eq!(text.trim_end().lines().count(), 1, "{text}");
    assert!(text.trim_end().len() > "error: ".len() + 10, "{text}");
    assert!(!text.contains("panicked") && !text.contains(".rs:"), "{text}");
    text
}

fn client(server: &Served, token: &str) -> Client {
    Client { port: server.port, token: token.to_owned() }
}

fn user(name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name})
}

/// The public id inside a token.
fn public_id(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[test]
fn what_the_command_line_does_not_know_is_a_question_of_usage() {
    let place = crate::served::Place::new("");
    for arguments in [
        &["nonsense"][..],
        &["--nonsense"],
        &["token", "create"],
        &["token", "create", "--name"],
        &["token", "create", "--name", "x", "--scope", "everything"],
        &["token", "create", "--name", "x", "--expires", "5y"],
        &["token", "revoke"],
        &["provisioning", "sideways"],
        &["backup"],
        &["restore"],
        &["backup", "a", "b"],
    ] {
        let output = place.command(arguments);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.starts_with("error: "), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
    // A command that has commands of its own shows them.
    let output = place.command(&["token"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Usage"));
    assert!(!place.database().exists(), "a mistake on the command line touched the database");
}

#[test]
fn every_command_explains_itself_with_an_example() {
    let place = crate::served::Place::new("");
    for command in [
        "",
        "serve",
        "check-config",
        "example-config",
        "provisioning",
        "provisioning on",
        "token",
        "token create",
        "token list",
        "token revoke",
        "provisioning release",
        "person create",
        "person edit",
        "person deactivate",
        "person reactivate",
        "person delete",
        "person list-departed",
        "person restore",
        "group create",
        "group edit",
        "group delete",
        "group add-member",
        "group remove-member",
        "group list-archived",
        "group restore",
        "handover list",
        "handover give",
        "handover dismiss",
        "backup",
        "restore",
    ] {
        let arguments: Vec<&str> = command.split_whitespace().chain(["--help"]).collect();
        let output = crate::served::run(place.path(), &arguments);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{command}");
        assert!(text.contains("Usage"), "{command}: {text}");
        assert!(text.contains("scim-appliance"), "{command}: {text}");
    }
}
