//! PUT where `[scim] put = "merge"` is set: for clients such as midPoint that send what they changed and leave out the rest.

use serde_json::{Value, json};

use crate::support::Appliance;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// A server in this mode, somebody with a value for everything that matters here, and the path of that somebody.
fn start() -> (Appliance, Value, String) {
    let appliance = Appliance::with_config("[scim]\nput = \"merge\"\n");
    let made = appliance.post(
        "/Users",
        json!({
            "schemas": [USER, ENTERPRISE],
            "userName": "ada@x.io",
            "externalId": "00uADA",
            "active": false,
            "title": "Countess",
            "displayName": "Ada",
            "name": {"formatted": "Ada L", "givenName": "Ada", "familyName": "L"},
            "emails": [{"value": "ada@x.io", "type": "work"}],
            "roles": [{"value": "USER"}],
            ENTERPRISE: {"department": "R&D", "costCenter": "C1"},
        }),
    );
    assert_eq!(made.status, 201, "{}", made.body);
    let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
    let ada = seen(&appliance, &path);
    (appliance, ada, path)
}

fn seen(appliance: &Appliance, path: &str) -> Value {
    let answer = appliance.get(path);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.json()
}

/// Sends this and nothing else, and gives what the next GET shows, which is what the answer has shown.
fn put(appliance: &Appliance, path: &str, body: &Value) -> Value {
    let answer = appliance.put(path, body.clone());
    assert_eq!(answer.status, 200, "{body}: {}", answer.body);
    let after = seen(appliance, path);
    assert_eq!(answer.json(), after, "{body}");
    after
}

/// The same without the time of the change and the version that it made.
fn timeless(resource: &Value) -> Value {
    let mut resource = resource.clone();
    for part in ["lastModified", "version"] {
        resource["meta"].as_object_mut().unwrap().remove(part).unwrap();
    }
    resource
}

#[test]
fn what_is_left_out_is_kept() {
    let (appliance, mut ada, path) = start();
    let after = put(&appliance, &path, &json!({"schemas": [USER], "id": ada["id"], "title": "x"}));
    ada["title"] = json!("x");
    assert_eq!(timeless(&after), timeless(&ada));
}

#[test]
fn parts_of_a_name_are_kept_and_cleared_one_by_one() {
    let (appliance, mut ada, path) = start();
    let body = json!({"schemas": [USER], "id": ada["id"], "name": {"familyName": null, "givenName": "A"}});
    let after = put(&appliance, &path, &body);
    ada["name"] = json!({"formatted": "Ada L", "givenName": "A"});
    assert_eq!(timeless(&after), timeless(&ada));
}

#[test]
fn parts_of_an_extension_are_kept_and_cleared_one_by_one() {
    let (appliance, mut ada, path) = start();
    let body = json!({"schemas": [USER, ENTERPRISE], "id": ada["id"], ENTERPRISE: {"department": null}});
    let after = put(&appliance, &path, &body);
    ada[ENTERPRISE] = json!({"costCenter": "C1"});
    assert_eq!(timeless(&after), timeless(&ada));
}

#[test]
fn the_same_twice_changes_nothing_the_second_time() {
    let (appliance, ada, path) = start();
    let body = json!({
        "schemas": [USER, ENTERPRISE],
        "id": ada["id"],
        "title": "x",
        "name": {"familyName": null, "givenName": "A"},
        ENTERPRISE: {"department": null},
    });
    let first = put(&appliance, &path, &body);
    assert_eq!(first["title"], json!("x"));
    assert!(first["name"].get("familyName").is_none(), "{first}");
    assert!(first["meta"]["lastModified"].is_string(), "{first}");
    // Long enough for a change to have another time.
    std::thread::sleep(std::time::Duration::from_millis(20));
    assert_eq!(put(&appliance, &path, &body), first);
}
