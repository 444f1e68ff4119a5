//! What the server says about itself: complete, true, for people with a token, and not to be changed.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::hostile::is_scim_error;
use crate::support::Appliance;
use crate::wire::{Client, PATIENCE, exchange, plain};

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const APPLIANCE: &str = "urn:scim-appliance:schemas:1.0:User";
const LIST: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";

fn start() -> (Appliance, Client) {
    let appliance = Appliance::start();
    let client = Client { port: appliance.port, token: appliance.token.clone() };
    (appliance, client)
}

fn seen(client: &Client, path: &str) -> Value {
    let reply = client.get(path).unwrap();
    assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    assert!(reply.header("content-type").unwrap().starts_with("application/scim+json"), "{path}");
    reply.json()
}

#[test]
fn the_configuration_tells_what_is_there_and_what_is_not() {
    let appliance = Appliance::with_config("[scim]\npage_size = 7\nmax_page_size = 77\n");
    let client = Client { port: appliance.port, token: appliance.token.clone() };
    let config = seen(&client, "/ServiceProviderConfig");
    assert_eq!(config["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
    for (feature, supported) in
        [("patch", true), ("filter", true), ("sort", true), ("bulk", true), ("etag", true), ("changePassword", false)]
    {
        assert_eq!(config[feature]["supported"], json!(supported), "{feature}");
    }
    assert_eq!(config["filter"]["maxResults"], json!(77));
    assert!(config["bulk"]["maxOperations"].is_u64() && config["bulk"]["maxPayloadSize"].is_u64());
    let schemes = config["authenticationSchemes"].as_array().unwrap();
    assert!(schemes.iter().any(|s| s["type"] == json!("oauthbearertoken")), "{schemes:?}");
    assert!(schemes.iter().all(|s| s["name"].is_string() && s["description"].is_string()), "{schemes:?}");
    assert_eq!(config["meta"]["resourceType"], json!("ServiceProviderConfig"));
    assert!(config["meta"]["location"].as_str().unwrap().ends_with("/scim/v2/ServiceProviderConfig"));
    let reply = client.post("/Me", &json!({})).unwrap();
    assert_eq!(reply.status, 501, "the token is bound to nobody");
    is_scim_error(&reply).unwrap();
}

#[test]
fn resource_types_are_a_list_and_each_has_an_address() {
    let (_appliance, client) = start();
    let list = seen(&client, "/ResourceTypes");
    assert_eq!((&list["schemas"], &list["totalResults"]), (&json!([LIST]), &json!(2)));
    for (name, endpoint, schema) in [("User", "/Users", USER), ("Group", "/Groups", GROUP)] {
        let one = seen(&client, &format!("/ResourceTypes/{name}"));
        assert!(list["Resources"].as_array().unwrap().contains(&one), "{name}");
        assert_eq!(one["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ResourceType"]));
        assert_eq!(
            (&one["id"], &one["name"], &one["endpoint"], &one["schema"]),
            (&json!(name), &json!(name), &json!(endpoint), &json!(schema))
        );
        assert_eq!(one["meta"]["resourceType"], json!("ResourceType"));
        assert!(one["meta"]["location"].as_str().unwrap().ends_with(&format!("/scim/v2/ResourceTypes/{name}")));
    }
    let user = seen(&client, "/ResourceTypes/User");
    assert_eq!(user["schemaExtensions"], json!([{"schema": ENTERPRISE, "required": false}]));
}

#[test]
fn schemas_are_a_list_and_each_has_an_address() {
    let (_appliance, client) = start();
    let list = seen(&client, "/Schemas");
    assert_eq!(list["schemas"], json!([LIST]));
    let resources = list["Resources"].as_array().unwrap();
    assert_eq!((&list["totalResults"], &list["itemsPerPage"]), (&json!(resources.len()), &json!(resources.len())));
    let ids: BTreeSet<&str> = resources.iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert!([USER, GROUP, ENTERPRISE, APPLIANCE].iter().all(|id| ids.contains(id)), "{ids:?}");
    for schema in resources {
        let id = schema["id"].as_str().unwrap();
        for path in [id.to_owned(), id.replace(':', "%3A"), id.replace(':', "%3a")] {
            let reply = client.get(&format!("/Schemas/{path}")).unwrap();
            assert_eq!((reply.status, &reply.json()), (200, schema), "{path}");
        }
        assert_eq!(schema["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:Schema"]), "{id}");
        assert_eq!(schema["meta"]["resourceType"], json!("Schema"));
        assert!(schema["meta"]["location"].as_str().unwrap().ends_with(&format!("/scim/v2/Schemas/{id}")));
        schema["attributes"].as_array().unwrap().iter().for_each(|a| complete(id, a));
    }
    assert!(!has_null(&list), "clients of Microsoft's stumble over null in schemas");
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(elements) => elements.iter().any(has_null),
        Value::Object(object) => object.values().any(has_null),
        _ => false,
    }
}

/// Every attribute says everything about itself (RFC 7643 §7).
fn complete(schema: &str, attribute: &Value) {
    let name = attribute["name"].as_str().unwrap();
    for key in ["type", "mutability", "returned"] {
        assert!(attribute[key].is_string(), "{schema} {name}: {key}");
    }
    for key in ["multiValued", "required"] {
        assert!(attribute[key].is_boolean(), "{schema} {name}: {key}");
    }
    assert!(attribute["description"].as_str().is_some_and(|d| !d.is_empty()), "{schema} {name}: description");
    let parts = attribute["subAttributes"].as_array();
    assert_eq!(parts.is_some_and(|p| !p.is_empty()), attribute["type"] == json!("complex"), "{schema} {name}");
    parts.into_iter().flatten().for_each(|part| complete(schema, part));
}

#[test]
fn the_schemas_hold_the_attributes_of_the_rfc_with_their_characteristics() {
    let (_appliance, client) = start();
    let user = seen(&client, &format!("/Schemas/{USER}"));
    let attribute =
        |name: &str| user["attributes"].as_array().unwrap().iter().find(|a| a["name"] == json!(name)).cloned().unwrap();
    for name in [
        "userName",
        "name",
        "displayName",
        "nickName",
        "profileUrl",
        "title",
        "userType",
        "preferredLanguage",
        "locale",
        "timezone",
        "active",
        "password",
        "emails",
        "phoneNumbers",
        "ims",
        "photos",
        "addresses",
        "groups",
        "entitlements",
        "roles",
        "x509Certificates",
    ] {
        attribute(name);
    }
    let of = |name: &str, key: &str| attribute(name)[key].clone();
    assert_eq!(
        (of("userName", "required"), of("userName", "uniqueness"), of("userName", "caseExact")),
        (json!(true), json!("server"), json!(false))
    );
    assert_eq!((of("password", "mutability"), of("password", "returned")), (json!("writeOnly"), json!("never")));
    assert_eq!(of("groups", "mutability"), json!("readOnly"));
    assert_eq!((of("active", "type"), of("emails", "multiValued")), (json!("boolean"), json!(true)));
    let group = seen(&client, &format!("/Schemas/{GROUP}"));
    let names: BTreeSet<&str> =
        group["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, BTreeSet::from(["displayName", "members"]));
    let enterprise = seen(&client, &format!("/Schemas/{ENTERPRISE}"));
    let names: BTreeSet<&str> =
        enterprise["attributes"].as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        BTreeSet::from(["employeeNumber", "costCenter", "organization", "division", "department", "manager"])
    );
}

#[test]
fn nothing_of_it_can_be_changed() {
    let (_appliance, client) = start();
    let one = format!("/Schemas/{USER}");
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", &one] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            let body = (method != "DELETE").then(|| json!({"schemas": [], "id": "x"}));
            let reply = client.ask(method, path, body.as_ref()).unwrap();
            assert_eq!(reply.status, 405, "{method} {path}: {}", reply.body);
            let allowed = reply.header("allow").unwrap_or_default().to_uppercase();
            assert!(
                allowed.split(',').any(|m| m.trim() == "GET") && !allowed.contains(method),
                "{method} {path}: {allowed}"
            );
            is_scim_error(&reply).unwrap();
        }
    }
}

#[test]
fn what_does_not_exist_is_not_found() {
    let (_appliance, client) = start();
    for path in [
        "/ResourceTypes/Nobody",
        "/ResourceTypes/User/x",
        "/Schemas/urn:x",
        "/Schemas/User",
        &format!("/Schemas/{USER}:userName"),
        "/ServiceProviderConfig/x",
        "/ServiceProviderConfigs",
        "/Nothing",
        "/Users/nobody",
        "/Groups/nobody",
    ] {
        let reply = client.get(path).unwrap();
        assert_eq!(reply.status, 404, "{path}: {}", reply.body);
        is_scim_error(&reply).unwrap();
    }
}

/// RFC 7644 §4: a filter on these endpoints is refused with 403, so that nobody takes the whole list for the result.
#[test]
fn discovery_is_not_searched() {
    let (_appliance, client) = start();
    for path in ["/ResourceTypes", "/Schemas"] {
        let reply = client.get(&format!("{path}?filter=id+pr")).unwrap();
        assert_eq!(reply.status, 403, "{path}: {}", reply.body);
        is_scim_error(&reply).unwrap();
        // Paging and attributes are ignored there.
        assert_eq!(client.get(&format!("{path}?startIndex=1&count=1000&attributes=id")).unwrap().status, 200, "{path}");
    }
}

#[test]
fn discovery_needs_a_token_like_everything_else() {
    let (appliance, _) = start();
    for path in ["/ServiceProviderConfig", "/ResourceTypes", "/ResourceTypes/User", "/Schemas", "/Schemas/x"] {
        let request = plain("GET", &format!("/scim/v2{path}"), &[], b"");
        let reply = exchange(appliance.port, &request, PATIENCE).unwrap();
        assert_eq!(reply.status, 401, "{path}");
        is_scim_error(&reply).unwrap();
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(exchange(appliance.port, &plain("GET", path, &[], b""), PATIENCE).unwrap().status, 200, "{path}");
    }
}
