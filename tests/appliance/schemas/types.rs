//! A resource type of the config has everything that Users and Groups have, and no attribute of it means more than it says.

use super::*;

#[test]
fn the_type_is_discovered() {
    let appliance = devices();
    let of = seen(&appliance, "/ResourceTypes/Device");
    assert_eq!(
        of,
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:ResourceType"], "id": "Device", "name": "Device",
            "endpoint": "/Devices", "description": "A thing on a desk.", "schema": DEVICE,
            "schemaExtensions": [{"schema": WARRANTY, "required": true}],
            "meta": {"resourceType": "ResourceType", "location": format!("{}/ResourceTypes/Device", appliance.base())}})
    );
    let names: Vec<Value> =
        seen(&appliance, "/ResourceTypes")["Resources"].as_array().unwrap().iter().map(|t| t["name"].clone()).collect();
    assert_eq!(names, ["User", "Group", "Device"]);
    assert_eq!(seen(&appliance, &format!("/Schemas/{DEVICE}"))["name"], json!("Device"));
}

#[test]
fn a_life_at_the_endpoint() {
    let appliance = devices();
    let answer = appliance.post("/Devices", device("S1"));
    assert_eq!(answer.status, 201, "{}", answer.body);
    let made = answer.json();
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(answer.header("Location"), Some(format!("{}/Devices/{id}", appliance.base()).as_str()));
    assert_eq!(made["meta"]["resourceType"], json!("Device"));
    assert_eq!(made["meta"]["location"], json!(format!("{}/Devices/{id}", appliance.base())));
    assert_eq!(made["schemas"], json!([DEVICE, WARRANTY]));
    assert!(made.get("active").is_none() && made.get("groups").is_none(), "{made}");
    let path = format!("/Devices/{id}");
    assert_eq!(seen(&appliance, &path), made);
    let patch = patched(&appliance, &path, "replace", "serial", json!("S2"));
    assert_eq!((patch.status, &patch.json()["serial"]), (200, &json!("S2")));
    let mut put = device("S3");
    put["externalId"] = json!("x");
    assert_eq!(appliance.put(&path, put).json()["serial"], json!("S3"));
    assert_eq!(appliance.put(&path, device("S3")).json()["externalId"], json!("x"), "as for people");
    assert_eq!(appliance.delete(&path).status, 204);
    assert_eq!(appliance.get(&path).status, 404);
    assert_eq!(appliance.delete(&path).status, 404);
    assert_eq!(seen(&appliance, "/Devices")["totalResults"], json!(0));
    for (method, allowed) in [("PATCH", "/Devices"), ("POST", path.as_str()), ("DELETE", "/Devices")] {
        let bearer = format!("Bearer {}", appliance.token);
        let answer = appliance.send(method, &format!("/scim/v2{allowed}"), &[("Authorization", &bearer)], None);
        assert_eq!(answer.status, 405, "{method} {allowed}");
    }
}

#[test]
fn it_is_checked_like_the_others() {
    let appliance = devices();
    let mut bare = device("S1");
    bare.as_object_mut().unwrap().remove(WARRANTY);
    refused(&appliance.post("/Devices", bare), 400, "invalidValue");
    refused(
        &appliance.post("/Devices", json!({"schemas": [DEVICE], WARRANTY: {"until": "2030-01-01T00:00:00Z"}})),
        400,
        "invalidValue",
    );
    refused(&appliance.post("/Devices", device(" ")), 400, "invalidValue");
    let path = made(&appliance, "/Devices", device("S1"));
    refused(&appliance.post("/Devices", device("s1")), 409, "uniqueness");
    refused(&patched(&appliance, &path, "remove", WARRANTY, Value::Null), 400, "mutability");
    refused(&patched(&appliance, &path, "remove", "serial", Value::Null), 400, "mutability");
    refused(&patched(&appliance, &path, "replace", "colour", json!("x")), 400, "invalidPath");
    assert_eq!(appliance.post("/Devices", device("S2")).status, 201);
}

#[test]
fn lists_pages_and_searches() {
    let appliance = devices();
    for i in 0..5 {
        made(&appliance, "/Devices", device(&format!("S{i}")));
        made(&appliance, "/Users", json!({"schemas": [USER], "userName": format!("u{i}")}));
    }
    let page = seen(&appliance, "/Devices?startIndex=4&count=3");
    assert_eq!((&page["totalResults"], &page["itemsPerPage"], &page["startIndex"]), (&json!(5), &json!(2), &json!(4)));
    assert_eq!(page["Resources"][0]["serial"], json!("S3"));
    assert_eq!(found(&appliance, "/Devices", "serial eq \"s2\""), ["S2"]);
    assert_eq!(found(&appliance, "/Devices", "serial sw \"S\" and serial gt \"s2\""), ["S3", "S4"]);
    assert_eq!(found(&appliance, "/Devices", &format!("{WARRANTY}:until gt \"2029-01-01T00:00:00Z\"")).len(), 5);
    assert_eq!(found(&appliance, "/Devices", "meta.resourceType eq \"Device\"").len(), 5);
    let sorted = seen(&appliance, "/Devices?sortBy=serial&sortOrder=descending&count=1");
    assert_eq!(sorted["Resources"][0]["serial"], json!("S4"));
    let search = |at: &str, filter: &str| {
        let request = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter, "attributes": ["serial", "userName"]});
        let answer = appliance.post(at, request);
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    };
    let one = search("/Devices/.search", "serial eq \"S1\"");
    assert_eq!((&one["totalResults"], &one["Resources"][0]["serial"]), (&json!(1), &json!("S1")));
    assert!(one["Resources"][0].get(WARRANTY).is_none(), "{one}");
    // Over all types: people and devices.
    assert_eq!(search("/.search", "serial eq \"S1\" or userName eq \"u1\"")["totalResults"], json!(2));
    assert_eq!(search("/.search", "meta.resourceType eq \"Device\"")["totalResults"], json!(5));
    assert_eq!(seen(&appliance, "/?count=1")["totalResults"], json!(10));
    let mixed = seen(&appliance, "/?sortBy=serial&count=5");
    assert_eq!(mixed["Resources"][4]["serial"], json!("S4"), "{mixed}");
}

#[test]
fn no_name_means_more_than_its_schema_says() {
    let appliance = devices();
    let ada = made(&appliance, "/Users", json!({"schemas": [USER], "userName": "ada"}));
    let ada_id = ada.rsplit('/').next().unwrap();
    let mut one = device("S1");
    for (name, value) in [
        ("displayName", json!(["A", "B"])),
        ("active", json!("sometimes")),
        ("roles", json!("{\"value\":\"not unpacked\"}")),
        ("groups", json!(7)),
        ("password", json!("is shown")),
        ("members", json!([{"value": "nobody"}, {"value": ada_id}])),
    ] {
        one[name] = value;
    }
    let path = made(&appliance, "/Devices", one.clone());
    let shown = seen(&appliance, &path);
    for name in ["displayName", "active", "roles", "groups", "password", "members"] {
        assert_eq!(shown[name], one[name], "{name}");
    }
    assert!(seen(&appliance, &ada).get("groups").is_none(), "a device is no group");
    let without = seen(&appliance, &format!("{path}?excludedAttributes=members,groups"));
    assert!(
        without.get("members").is_none() && without.get("groups").is_none() && without["active"] == json!("sometimes")
    );
    assert_eq!(found(&appliance, "/Devices", "members.value eq \"nobody\""), ["S1"]);
    assert_eq!(found(&appliance, "/Devices", "members[value eq \"NOBODY\"]"), ["S1"]);
    assert_eq!(found(&appliance, "/Devices", "displayName eq \"b\""), ["S1"]);
    assert_eq!(found(&appliance, "/Devices", "groups gt 6"), ["S1"]);
    let left = patched(&appliance, &path, "remove", "members[value eq \"nobody\"]", Value::Null).json();
    assert_eq!(left["members"], json!([{"value": ada_id}]));
    let put = appliance.put(&path, device("S1")).json();
    for name in ["active", "roles", "members"] {
        assert!(put.get(name).is_none(), "PUT replaces {name}: {put}");
    }
}

#[test]
fn only_people_and_groups_are_members_of_groups() {
    let appliance = devices();
    let path = made(&appliance, "/Devices", device("S1"));
    let id = path.rsplit('/').next().unwrap();
    let group = json!({"schemas": [GROUP], "displayName": "G", "members": [{"value": id}]});
    let answer = appliance.post("/Groups", group);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert!(answer.json().get("members").is_none(), "{}", answer.body);
    assert_eq!(appliance.get(&format!("/Users/{id}")).status, 404);
    assert_eq!(appliance.get(&format!("/Groups/{id}")).status, 404);
}

#[test]
fn tokens_and_states_hold_for_it() {
    let appliance = devices();
    let path = made(&appliance, "/Devices", device("S1"));
    assert_eq!(appliance.send("GET", &format!("/scim/v2{path}"), &[], None).status, 401);
    for (state, read, write) in [("read-only", 200, 403), ("pause", 503, 503), ("off", 403, 403)] {
        let switched = appliance.command(&["provisioning", state]);
        assert!(switched.status.success(), "{switched:?}");
        assert_eq!(appliance.get(&path).status, read, "{state}");
        assert_eq!(appliance.get("/Devices").status, read, "{state}");
        assert_eq!(appliance.post("/Devices", device("S2")).status, write, "{state}");
        assert_eq!(appliance.delete(&path).status, write, "{state}");
    }
}

#[test]
fn the_example_config_can_be_used_once_its_marks_of_comment_are_gone() {
    let text = include_str!("../../../config.example.toml");
    let (_, section) = text.split_once("# Schemas and resource types beyond").unwrap();
    let is_toml =
        |line: &&str| line.starts_with("[[") || line.split_once(" = ").is_some_and(|(key, _)| !key.contains(' '));
    let lines: Vec<&str> = section.lines().filter_map(|l| l.strip_prefix("# ")).filter(is_toml).collect();
    assert!(lines.len() > 30, "{lines:?}");
    let appliance = Appliance::with_config(&lines.join("\n"));
    let of = seen(&appliance, "/ResourceTypes/Role");
    assert_eq!(of["schemaExtensions"][0]["schema"], json!("urn:example:scim:schemas:extension:audit:1.0:Role"));
    let people = seen(&appliance, "/Schemas/urn:example:scim:schemas:extension:hr:1.0:User");
    assert_eq!(people["attributes"][1]["subAttributes"][1]["referenceTypes"], json!(["external"]));
    // What is written there as a default is the default.
    let (mut written, mut bare) =
        (people["attributes"][0].clone(), people["attributes"][1]["subAttributes"][0].clone());
    for key in ["name", "description", "uniqueness", "type"] {
        written.as_object_mut().unwrap().remove(key);
        bare.as_object_mut().unwrap().remove(key);
    }
    assert_eq!(written, bare);
}

#[test]
fn bulk_and_versions_hold_for_it() {
    let appliance = devices();
    let operation =
        |id: &str, serial: &str| json!({"method": "POST", "path": "/Devices", "bulkId": id, "data": device(serial)});
    let answer = appliance.post(
        "/Bulk",
        json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [operation("a", "S1"), operation("b", "s1"), operation("c", "S2")]}),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let statuses: Vec<Value> =
        answer.json()["Operations"].as_array().unwrap().iter().map(|o| o["status"].clone()).collect();
    assert_eq!(statuses, [json!("201"), json!("409"), json!("201")], "{}", answer.body);
    assert_eq!(seen(&appliance, "/Devices")["totalResults"], json!(2));
    let path = made(&appliance, "/Devices", device("S3"));
    let version = seen(&appliance, &path)["meta"]["version"].as_str().unwrap().to_owned();
    assert_eq!(appliance.get(&path).header("ETag"), Some(version.as_str()));
    // A PATCH that changes nothing changes nothing.
    let same = patched(&appliance, &path, "replace", "serial", json!("S3"));
    assert_eq!(same.json()["meta"]["version"], json!(version));
    assert_ne!(patched(&appliance, &path, "replace", "serial", json!("S4")).json()["meta"]["version"], json!(version));
}
