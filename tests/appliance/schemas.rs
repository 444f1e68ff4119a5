//! Schemas and resource types of the config file, from outside: what is declared behaves like what the server brings along.

mod broken;
mod changes;
mod characteristics;
mod kept;
mod types;
mod uniqueness;

use serde_json::{Value, json};

use crate::support::{Answer, Appliance};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const HR: &str = "urn:example:scim:hr:1.0:User";
const DEVICE: &str = "urn:example:scim:core:1.0:Device";
const WARRANTY: &str = "urn:example:scim:warranty:1.0:Device";

/// An extension of people with every characteristic in it.
const PEOPLE: &str = r#"
[[schema]]
id = "urn:example:scim:hr:1.0:User"
name = "HR"
description = "What the human resources department knows."
extends = ["User"]
attribute = [
  { name = "badge", description = "On the card.", case_exact = true, uniqueness = "server" },
  { name = "nick", uniqueness = "global" },
  { name = "number", type = "integer", uniqueness = "server" },
  { name = "level", type = "integer", indexed = true },
  { name = "score", type = "decimal", indexed = true },
  { name = "since", type = "dateTime", indexed = true },
  { name = "remote", type = "boolean", indexed = true },
  { name = "photo", type = "binary" },
  { name = "site", type = "reference", reference_types = ["external", "Group"] },
  { name = "hired", mutability = "immutable" },
  { name = "rank", mutability = "readOnly" },
  { name = "pin", mutability = "writeOnly" },
  { name = "secret", returned = "never" },
  { name = "note", returned = "request" },
  { name = "code", returned = "always" },
  { name = "tags", multi_valued = true, indexed = true },
  { name = "kind", canonical_values = ["staff", "guest"] },
  { name = "desk", type = "complex", sub_attribute = [
    { name = "floor", type = "integer", required = true, indexed = true },
    { name = "room" },
    { name = "key", mutability = "immutable" },
    { name = "alarm", returned = "never" },
  ] },
  { name = "shifts", type = "complex", multi_valued = true, sub_attribute = [
    { name = "value", required = true, indexed = true },
    { name = "type", mutability = "immutable" },
    { name = "primary", type = "boolean" },
    { name = "$ref", type = "reference", reference_types = ["uri"] },
  ] },
]
"#;

/// A resource type whose attributes have names that mean more elsewhere, with an extension that it cannot be without.
const DEVICES: &str = r#"
[[schema]]
id = "urn:example:scim:core:1.0:Device"
[[schema.attribute]]
name = "serial"
required = true
uniqueness = "server"
[[schema.attribute]]
name = "displayName"
multi_valued = true
[[schema.attribute]]
name = "active"
[[schema.attribute]]
name = "roles"
[[schema.attribute]]
name = "groups"
type = "integer"
[[schema.attribute]]
name = "password"
[[schema.attribute]]
name = "members"
type = "complex"
multi_valued = true
[[schema.attribute.sub_attribute]]
name = "value"

[[schema]]
id = "urn:example:scim:warranty:1.0:Device"
[[schema.attribute]]
name = "until"
type = "dateTime"
required = true

[[resource_type]]
name = "Device"
endpoint = "/Devices"
description = "A thing on a desk."
schema = "urn:example:scim:core:1.0:Device"
[[resource_type.extension]]
schema = "urn:example:scim:warranty:1.0:Device"
required = true
"#;

fn people() -> Appliance {
    Appliance::with_config(PEOPLE)
}

fn devices() -> Appliance {
    Appliance::with_config(DEVICES)
}

/// Serves the same data under other declarations.
fn redeclare(appliance: &mut Appliance, declarations: &str) {
    let config = format!("{declarations}\n[listen]\naddress = \"127.0.0.1:0\"\n[log]\nlevel = \"debug\"\n");
    std::fs::write(appliance.config_path(), config).unwrap();
    appliance.restart();
}

fn user(name: &str, hr: Value) -> Value {
    json!({"schemas": [USER, HR], "userName": name, HR: hr})
}

fn device(serial: &str) -> Value {
    json!({"schemas": [DEVICE, WARRANTY], "serial": serial, WARRANTY: {"until": "2030-01-01T00:00:00Z"}})
}

/// Creates a resource and gives its path.
fn made(appliance: &Appliance, endpoint: &str, body: Value) -> String {
    let answer = appliance.post(endpoint, body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    format!("{endpoint}/{}", answer.json()["id"].as_str().unwrap())
}

fn seen(appliance: &Appliance, path: &str) -> Value {
    let answer = appliance.get(path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    answer.json()
}

/// Sends a PATCH of one operation.
fn patched(appliance: &Appliance, at: &str, op: &str, path: &str, value: Value) -> Answer {
    let mut operation = json!({"op": op, "path": path});
    if op != "remove" {
        operation["value"] = value;
    }
    appliance
        .patch(at, json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]}))
}

fn refused(answer: &Answer, status: u16, keyword: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert_eq!(answer.json()["scimType"], json!(keyword), "{}", answer.body);
}

/// The userNames (or serials) that a list finds.
fn found(appliance: &Appliance, endpoint: &str, filter: &str) -> Vec<String> {
    let encoded: String = filter.bytes().map(|b| format!("%{b:02X}")).collect();
    let list = seen(appliance, &format!("{endpoint}?filter={encoded}"));
    let name = |r: &Value| r.get("userName").or(r.get("serial")).and_then(Value::as_str).unwrap_or("?").to_owned();
    let mut names: Vec<String> = list["Resources"].as_array().into_iter().flatten().map(name).collect();
    names.sort();
    assert_eq!(list["totalResults"], json!(names.len()), "{filter}");
    names
}
