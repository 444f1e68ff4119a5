//! What the server says about itself: ServiceProviderConfig, ResourceTypes and Schemas (RFC 7644 §4).

use std::sync::Arc;

use super::catalog::{APPLIANCE_SCHEMA, Catalog, ResourceType, message};
use super::json::{Json, Object};

const CONFIG_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig";
const TYPE_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:ResourceType";
const SCHEMA_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Schema";

/// The limits that ServiceProviderConfig tells.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Results of one page, at most.
    pub max_results: u64,
    /// Bytes of one request body, at most.
    pub max_payload: u64,
    /// Operations of one Bulk request, at most.
    pub max_operations: u64,
    /// Results of one page, when the client names no count.
    pub page_size: u64,
    /// Seconds for which a cursor is good.
    pub cursor_timeout: u64,
}

fn meta(resource_type: &str, location: String) -> Object {
    let mut meta = Object::new();
    meta.push("resourceType", resource_type);
    meta.push("location", location);
    meta
}

fn feature(supported: bool) -> Object {
    let mut object = Object::new();
    object.push("supported", supported);
    object
}

/// ServiceProviderConfig (RFC 7643 §5, with `pagination` of RFC 9865). `base` is the URL of the SCIM endpoint.
pub fn service_provider_config(base: &str, limits: Limits) -> Object {
    let mut config = message(CONFIG_SCHEMA);
    config.push("patch", feature(true));
    let mut bulk = feature(true);
    bulk.push("maxOperations", limits.max_operations);
    bulk.push("maxPayloadSize", limits.max_payload);
    config.push("bulk", bulk);
    let mut filter = feature(true);
    filter.push("maxResults", limits.max_results);
    config.push("filter", filter);
    config.push("changePassword", feature(false));
    config.push("sort", feature(true));
    config.push("etag", feature(true));
    let mut pagination = Object::new();
    pagination.push("cursor", true);
    pagination.push("index", true);
    pagination.push("defaultPaginationMethod", "index");
    pagination.push("defaultPageSize", limits.page_size);
    pagination.push("maxPageSize", limits.max_results);
    pagination.push("cursorTimeout", limits.cursor_timeout);
    config.push("pagination", pagination);
    let scheme = |kind: &str, name: &str, description: &str, uri: &str, primary: bool| {
        let mut scheme = Object::new();
        scheme.push("type", kind);
        scheme.push("name", name);
        scheme.push("description", description);
        scheme.push("specUri", uri);
        scheme.push("primary", primary);
        Json::Object(scheme)
    };
    let schemes = vec![
        scheme(
            "oauthbearertoken",
            "Bearer token",
            "A token made by the administrator, in the Authorization header",
            "https://www.rfc-editor.org/info/rfc6750",
            true,
        ),
        scheme(
            "httpbasic",
            "HTTP Basic",
            "Any user name, and the token as the password",
            "https://www.rfc-editor.org/info/rfc7617",
            false,
        ),
    ];
    config.push("authenticationSchemes", Json::Array(schemes));
    config.push("meta", meta("ServiceProviderConfig", format!("{base}/ServiceProviderConfig")));
    config
}

/// All resource types (RFC 7643 §6). Of extensions, those that clients can write: provisioning clients send to each that is
/// listed and expect to read it back. What is worked out here has its schema, and is there for whoever asks by name.
pub fn resource_types(catalog: &Catalog, base: &str) -> Vec<Object> {
    let written = |e: &Json| {
        let schema = e.as_object().and_then(|e| e.find("schema")).and_then(Json::as_str);
        schema != Some(APPLIANCE_SCHEMA)
    };
    let told = |t: &Arc<ResourceType>| {
        let mut told =
            described(&t.definition, TYPE_SCHEMA, "ResourceType", format!("{base}/ResourceTypes/{}", t.name));
        if let Some(Json::Array(extensions)) = told.find("schemaExtensions") {
            let kept = extensions.iter().filter(|e| written(e)).cloned().collect();
            told.set("schemaExtensions", Json::Array(kept));
        }
        told
    };
    catalog.resource_types.iter().map(told).collect()
}

/// All schemas (RFC 7643 §7).
pub fn schemas(catalog: &Catalog, base: &str) -> Vec<Object> {
    catalog
        .schemas
        .iter()
        .map(|s| described(&s.definition, SCHEMA_SCHEMA, "Schema", format!("{base}/Schemas/{}", s.id)))
        .collect()
}

fn described(definition: &Json, schema: &str, resource_type: &str, location: String) -> Object {
    let mut object = message(schema);
    for (name, value) in definition.as_object().into_iter().flat_map(Object::iter) {
        object.push(name, value.clone());
    }
    object.push("meta", meta(resource_type, location));
    object
}
