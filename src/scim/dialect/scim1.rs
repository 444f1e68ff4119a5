//! What clients with one foot in SCIM 1.1 send to SCIM 2.0.

use super::super::catalog::{ENTERPRISE_SCHEMA, ResourceType};
use super::super::json::{Json, Object};
use super::super::patch::PATCH_OP;
use super::{Dialect, Rule};

/// How the schemas of SCIM 1.1 begin, and those that OneLogin calls 2.0.
const SCHEMAS: &str = "urn:scim:schemas:";
/// The enterprise extension of SCIM 1.1, and of OneLogin's template for version 2.
const ENTERPRISE: [&str; 2] =
    ["urn:scim:schemas:extension:enterprise:1.0", "urn:scim:schemas:extension:enterprise:2.0"];

impl Dialect {
    /// Rewrites a PATCH of SCIM 1.1, which is a part of the resource (§3.3.2 there): single values replace, values of a
    /// list are added unless they say `"operation":"delete"`, and `meta.attributes` names what goes altogether. Only
    /// where the schemas are of that time; else a body without `Operations` stays what it is, a mistake.
    pub fn settle_partial(&self, body: &mut Object, of: &ResourceType) {
        let old = |s: &str| s.get(..SCHEMAS.len()).is_some_and(|s| s.eq_ignore_ascii_case(SCHEMAS));
        let schemas = body.find("schemas").map(Json::elements).unwrap_or_default();
        let is_old = schemas.iter().filter_map(Json::as_str).any(old);
        if !is_old || body.find("Operations").is_some() || !self.allows(Rule::Scim1Patch) {
            return;
        }
        let mut operations = Vec::new();
        let (mut added, mut replaced) = (Object::new(), Object::new());
        for (name, value) in std::mem::take(body) {
            match value {
                _ if name.eq_ignore_ascii_case("schemas") || name.eq_ignore_ascii_case("id") => {}
                Json::Object(meta) if name.eq_ignore_ascii_case("meta") => {
                    let gone = meta.find("attributes").map(Json::elements).unwrap_or_default();
                    let gone = gone.iter().filter_map(Json::as_str).map(|path| operation("remove", Some(path), None));
                    operations.splice(0..0, gone);
                }
                Json::Array(elements) => {
                    let (gone, new): (Vec<_>, Vec<_>) = elements.into_iter().partition(is_deleted);
                    // An empty list adds nothing, and is a request all the same.
                    if !new.is_empty() || gone.is_empty() {
                        added.push(name.clone(), Json::Array(new));
                    }
                    // What the schema does not know is passed over, as in an addition.
                    if !gone.is_empty() && of.attribute(&name).is_some() {
                        operations.push(operation("remove", Some(&name), Some(Json::Array(gone))));
                    }
                }
                value => replaced.push(name, value),
            }
        }
        for (op, value) in [("add", added), ("replace", replaced)] {
            if !value.is_empty() {
                operations.push(operation(op, None, Some(Json::Object(value))));
            }
        }
        body.push("schemas", Json::Array(vec![PATCH_OP.into()]));
        body.push("Operations", Json::Array(operations));
    }

    /// Puts what stands under an old URN of the enterprise extension under the new one, and the manager's id under the
    /// name it has now.
    pub fn renew_enterprise(&self, body: &mut Object, of: &ResourceType) {
        if of.extension(ENTERPRISE_SCHEMA).is_none() || body.find(ENTERPRISE_SCHEMA).is_some() {
            return;
        }
        for urn in ENTERPRISE {
            if !matches!(body.find(urn), Some(Json::Object(_))) || !self.allows(Rule::Scim1Enterprise) {
                continue;
            }
            let Some(Json::Object(mut enterprise)) = body.take(urn) else { continue };
            if let Some(manager) = enterprise.take("manager") {
                enterprise.push("manager", renamed(manager));
            }
            body.push(ENTERPRISE_SCHEMA, enterprise);
            list_as_new(body, urn);
            return;
        }
    }
}

/// Names the enterprise extension in `schemas` as the RFC does.
fn list_as_new(body: &mut Object, old: &str) {
    for (name, value) in body.iter_mut() {
        if let (true, Json::Array(listed)) = (name.eq_ignore_ascii_case("schemas"), value) {
            for uri in listed.iter_mut().filter(|uri| uri.as_str().is_some_and(|u| u.eq_ignore_ascii_case(old))) {
                *uri = ENTERPRISE_SCHEMA.into();
            }
        }
    }
}

/// `{"managerId":"u9"}` as `{"value":"u9"}`.
fn renamed(mut manager: Json) -> Json {
    if let Json::Object(manager) = &mut manager
        && manager.find("value").is_none()
        && let Some(id) = manager.take("managerId")
    {
        manager.push("value", id);
    }
    manager
}

fn is_deleted(element: &Json) -> bool {
    let operation = element.as_object().and_then(|o| o.find("operation")).and_then(Json::as_str);
    operation.is_some_and(|o| o.eq_ignore_ascii_case("delete"))
}

fn operation(op: &str, path: Option<&str>, value: Option<Json>) -> Json {
    let mut operation = Object::new();
    operation.push("op", op);
    if let Some(path) = path {
        operation.push("path", path);
    }
    if let Some(value) = value {
        operation.push("value", value);
    }
    operation.into()
}

#[cfg(test)]
mod tests {
    use super::super::super::catalog::Catalog;
    use super::*;

    fn settled(body: &str, of: &str) -> String {
        let dialect = Dialect::tolerant();
        let catalog = Catalog::built_in().unwrap();
        let Json::Object(mut body) = Json::parse(body.as_bytes()).unwrap() else { panic!("{body}") };
        dialect.settle_partial(&mut body, catalog.resource_type(of).unwrap());
        body.find("Operations").map(Json::text).unwrap_or_default()
    }

    #[test]
    fn a_part_of_a_resource_becomes_operations() {
        let body = r#"{"schemas":["urn:scim:schemas:core:1.0"],"id":"g1","displayName":"Eng",
            "members":[{"value":"u1","operation":"Delete"},{"value":"u2"}],"meta":{"attributes":["externalId"]}}"#;
        assert_eq!(
            settled(body, "Group"),
            r#"[{"op":"remove","path":"externalId"},{"op":"remove","path":"members","value":[{"value":"u1","operation":"Delete"}]},{"op":"add","value":{"members":[{"value":"u2"}]}},{"op":"replace","value":{"displayName":"Eng"}}]"#
        );
    }

    #[test]
    fn an_old_extension_becomes_the_new_one() {
        let dialect = Dialect::tolerant();
        let catalog = Catalog::built_in().unwrap();
        let user = catalog.resource_type("User").unwrap();
        for old in ENTERPRISE {
            let body = format!(r#"{{"schemas":["{old}"],"{old}":{{"manager":{{"managerId":"u9"}},"division":"A"}}}}"#);
            let Json::Object(mut body) = Json::parse(body.as_bytes()).unwrap() else { panic!("{body}") };
            dialect.renew_enterprise(&mut body, user);
            let new = ENTERPRISE_SCHEMA;
            let wanted = format!(r#"{{"schemas":["{new}"],"{new}":{{"division":"A","manager":{{"value":"u9"}}}}}}"#);
            assert_eq!(body.text(), wanted);
        }
    }

    #[test]
    fn nothing_else_does() {
        for body in [
            r#"{"members":[{"value":"u1"}]}"#,
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"members":[{"value":"u1"}]}"#,
            r#"{"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"],"displayName":"Eng"}"#,
        ] {
            assert_eq!(settled(body, "Group"), "", "{body}");
        }
        assert_eq!(settled(r#"{"schemas":["urn:scim:schemas:core:1.0"]}"#, "Group"), "[]");
        let unknown = r#"{"schemas":["urn:scim:schemas:core:1.0"],"members":[{"value":"u1","operation":"delete"}]}"#;
        assert_eq!(settled(unknown, "User"), "[]");
    }
}
