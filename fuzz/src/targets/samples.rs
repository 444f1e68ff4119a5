//! A person, a group and a device with a value for everything, for the targets to ask and to change.

use std::sync::{Arc, LazyLock};

use scim_appliance::scim::catalog::{Catalog, ResourceType};
use scim_appliance::scim::dialect::Dialect;
use scim_appliance::scim::json::{Json, Object};
use scim_appliance::scim::resource::{Purpose, check};

const USER: &str = r#"{
    "userName": "Ada@example.com", "externalId": "00uADA", "displayName": "Ada Straße", "nickName": "", "title": "Countess",
    "profileUrl": "https://example.com/ada", "userType": "Employee", "preferredLanguage": "en-GB", "locale": "en-GB",
    "timezone": "Europe/London", "active": true,
    "name": {"formatted": "Ada Lovelace", "familyName": "Lovelace", "givenName": "Ada", "honorificPrefix": "Lady"},
    "emails": [
        {"value": "ada@example.com", "display": "Work", "type": "work", "primary": true},
        {"value": "ADA@home.example", "type": "home"}, {"value": "third@example.com"}
    ],
    "phoneNumbers": [{"value": "tel:+44-1", "type": "mobile"}, {"value": "tel:+44-2", "type": "work", "primary": false}],
    "ims": [{"value": "ada", "type": "xmpp"}], "photos": [{"value": "https://example.com/a.png", "type": "photo"}],
    "addresses": [{"type": "work", "streetAddress": "12 St James's Square", "locality": "London", "country": "GB"}],
    "entitlements": [{"value": "e1"}], "roles": [{"value": "USER", "display": "User", "type": "x", "primary": true}],
    "x509Certificates": [{"value": "MIIB", "display": "c"}],
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": {
        "employeeNumber": "1815", "costCenter": "C1", "organization": "Engines", "division": "D", "department": "R&D",
        "manager": {"value": "u9", "displayName": "Charles"}
    },
    "urn:example:scim:hr:1.0:User": {
        "badge": "b-1", "level": 7, "scores": [1.5, -0.25, 100], "since": "2020-01-01T00:00:00+02:00", "hint": "h", "note": "n",
        "desk": [{"room": "A1", "floor": 1, "type": "work", "primary": true}, {"room": "B2", "floor": 2}]
    }
}"#;

const DEVICE: &str = r#"{
    "schemas": ["urn:example:scim:core:1.0:Device"], "externalId": "d-1", "serial": "SN-1", "weight": 1.5, "tags": ["a", "B"],
    "owner": {"id": "u1", "since": "2024-02-29T12:00:00Z"}, "pin": "1234",
    "ports": [{"number": 1, "kind": "a", "primary": true}, {"number": 2, "kind": "b"}, {"number": -3}]
}"#;

/// What the configuration could declare: what no built-in schema has, such as required and immutable parts, numbers, and
/// attributes that are never shown or only when asked for.
const DECLARED: &str = r#"{
    "schema": [
        {"id": "urn:example:scim:hr:1.0:User", "extends": ["User"], "attribute": [
            {"name": "badge", "mutability": "immutable"}, {"name": "level", "type": "integer", "indexed": true},
            {"name": "scores", "type": "decimal", "multi_valued": true}, {"name": "since", "type": "dateTime"},
            {"name": "hint", "mutability": "writeOnly", "returned": "never"}, {"name": "note", "returned": "request"},
            {"name": "desk", "type": "complex", "multi_valued": true, "sub_attribute": [
                {"name": "room", "required": true}, {"name": "floor", "type": "integer", "mutability": "immutable"},
                {"name": "primary", "type": "boolean"}, {"name": "type"}]}]},
        {"id": "urn:example:scim:core:1.0:Device", "attribute": [
            {"name": "serial", "required": true, "uniqueness": "server", "case_exact": true, "mutability": "immutable"},
            {"name": "weight", "type": "decimal"}, {"name": "tags", "multi_valued": true, "indexed": true},
            {"name": "owner", "type": "complex", "sub_attribute": [
                {"name": "id", "required": true}, {"name": "since", "type": "dateTime"}, {"name": "count", "type": "integer"}]},
            {"name": "pin", "mutability": "writeOnly", "returned": "never"},
            {"name": "ports", "type": "complex", "multi_valued": true, "sub_attribute": [
                {"name": "number", "type": "integer", "required": true}, {"name": "kind"},
                {"name": "primary", "type": "boolean"}, {"name": "certificate", "type": "binary"}]}]}
    ],
    "resource_type": [{"name": "Device", "endpoint": "/Devices", "schema": "urn:example:scim:core:1.0:Device"}]
}"#;

const GROUP: &str = r#"{"displayName": "Analysts", "externalId": "g-7"}"#;

/// What the server adds before anybody sees them.
const AROUND: [(&str, &str); 3] = [
    (
        "User",
        r#"{"id": "u1", "groups": [{"value": "g1", "$ref": "https://x/Groups/g1", "display": "Analysts", "type": "direct"}],
            "meta": {"resourceType": "User", "created": "2024-02-29T12:00:00.000001Z",
            "lastModified": "2024-03-01T00:00:00Z", "location": "https://x/Users/u1", "version": "W/\"a-1\""}}"#,
    ),
    (
        "Group",
        r#"{"id": "g1", "members": [{"value": "u1", "$ref": "https://x/Users/u1", "display": "Ada", "type": "User"},
            {"value": "g2", "$ref": "https://x/Groups/g2", "display": "Nested", "type": "Group"}],
            "meta": {"resourceType": "Group", "created": "2024-02-29T12:00:00Z",
            "lastModified": "2024-02-29T12:00:00Z", "location": "https://x/Groups/g1", "version": "W/\"a-2\""}}"#,
    ),
    ("Device", r#"{"id": "d1", "meta": {"resourceType": "Device", "created": "2024-02-29T12:00:00Z"}}"#),
];

/// The schemas and resource types.
pub fn catalog() -> &'static Catalog {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
        let declared = serde_json::from_str(DECLARED).expect("the declarations are of their type");
        let built_in = Catalog::built_in().expect("the definitions are sound");
        built_in.with(&declared).expect("the declarations are sound")
    });
    &CATALOG
}

/// What there is of each type, in the order of the catalog: documents and resources, a rich one and a bare one of each.
static SAMPLES: LazyLock<Vec<[[Object; 2]; 2]>> = LazyLock::new(|| {
    let made = |of: &Arc<ResourceType>| {
        let (rich, bare) = match of.name.as_str() {
            "User" => (USER, r#"{"userName": "b"}"#),
            "Group" => (GROUP, r#"{"displayName": "b"}"#),
            _ => (DEVICE, r#"{"serial": "b"}"#),
        };
        let documents = [rich, bare].map(|text| {
            let checked = check(object(text).into(), of, Purpose::New, &Dialect::tolerant());
            checked.expect("the sample fits its schema").into_document()
        });
        let around = AROUND.iter().find(|(name, _)| *name == of.name).map_or("{}", |(_, text)| text);
        let resources = documents.clone().map(|document| document.into_iter().chain(object(around)).collect());
        [documents, resources]
    };
    catalog().resource_types.iter().map(made).collect()
});

/// Documents as they are stored: one with a value for everything, and one with what is required.
pub fn documents(of: &ResourceType) -> &'static [Object; 2] {
    &SAMPLES[place(of)][0]
}

/// The same as filters and projections see them.
pub fn resources(of: &ResourceType) -> &'static [Object; 2] {
    &SAMPLES[place(of)][1]
}

fn place(of: &ResourceType) -> usize {
    catalog().resource_types.iter().position(|t| t.name == of.name).expect("the type is in the catalog")
}

fn object(text: &str) -> Object {
    match Json::parse(text.as_bytes()) {
        Ok(Json::Object(object)) => object,
        other => panic!("{other:?} is no object"),
    }
}
