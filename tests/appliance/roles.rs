//! Roles: which one somebody has in effect, after which change, and why.

mod asserted;
mod commands;
mod config;
mod rules;
mod shown;
mod why;

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

/// Our extension, and the attribute in it.
pub const APPLIANCE: &str = "urn:scim-appliance:schemas:1.0:User";
pub const ROLE: &str = "urn:scim-appliance:schemas:1.0:User:role";

/// The id of what a POST has made.
pub fn made(appliance: &Appliance, path: &str, body: Value) -> String {
    let answer = appliance.post(path, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer.json()["id"].as_str().unwrap().to_owned()
}

pub fn person(appliance: &Appliance, name: &str) -> String {
    made(appliance, "/Users", json!({"userName": name}))
}

pub fn group(appliance: &Appliance, name: &str, members: &[&str]) -> String {
    let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
    made(appliance, "/Groups", json!({"displayName": name, "members": members}))
}

pub fn patched(appliance: &Appliance, path: &str, operations: Value) -> Answer {
    let answer = appliance.patch(path, json!({"Operations": operations}));
    assert!(answer.status == 200 || answer.status == 204, "{}", answer.body);
    answer
}

/// The role in effect by SCIM: value and source.
pub fn role(appliance: &Appliance, id: &str) -> (String, String) {
    let answer = appliance.get(&format!("/Users/{id}?attributes={ROLE}"));
    assert_eq!(answer.status, 200, "{}", answer.body);
    let role = answer.json()[APPLIANCE]["role"].clone();
    (role["value"].as_str().unwrap().to_owned(), role["source"].as_str().unwrap().to_owned())
}

pub fn is(value: &str, source: &str) -> (String, String) {
    (value.to_owned(), source.to_owned())
}

/// Runs a command that has to succeed, and gives what it printed.
pub fn done(appliance: &Appliance, arguments: &[&str]) -> String {
    let output = appliance.command(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The sentence with which a command fails.
pub fn refused(appliance: &Appliance, arguments: &[&str]) -> String {
    crate::settings::sentence(&appliance.command(arguments))
}

pub fn rule(appliance: &Appliance, group: &str, role: &str, more: &[&str]) -> String {
    done(appliance, &[&["role", "rule", "add", "--group", group, "--role", role], more].concat())
}

/// What `/api/v1` says to a token of scope `api:read`.
pub fn api(appliance: &Appliance, path: &str) -> Value {
    let token = done(appliance, &["token", "create", "--name", "script", "--scope", "api:read"]);
    let bearer = format!("Bearer {}", token.trim());
    let answer = appliance.send("GET", &format!("/api/v1{path}"), &[("Authorization", &bearer)], None);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}
