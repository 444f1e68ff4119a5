//! What an identity provider says that somebody's role is: a pure function of the document that it wrote.

use std::sync::Arc;

use super::catalogue::{Catalogue, Home, Role};
use crate::scim::dialect::packed_role;
use crate::scim::json::{Json, Object};

/// What an identity provider says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asserted {
    /// Nothing.
    Absent,
    /// A role: as it was written, and which one that is.
    Known(String, Arc<Role>),
    /// Something that is no role here, or one that is only given here, as it was written.
    Unknown(String),
}

/// What the document of a user says: first where the configuration says that roles are, then in `roles`. Of several the
/// one that is marked as primary counts, or else the first.
///
/// The shapes: text (`"USER"`), objects (`{"value":"USER"}`, `{"display":"User"}`), and JSON text in the place of either
/// (`{"value":"{\"id\":\"8a\",\"value\":\"USER\",\"displayName\":\"User\"}"}`, Entra's AppRoleAssignmentsComplex). `primary`
/// is a boolean or its text. A role is named by its value, label or an alias, in any letter case; blank text says nothing.
pub fn asserted(document: &Object, roles: &Catalogue) -> Asserted {
    let configured = roles.home().and_then(|home| at(document, home));
    let places = [configured, document.find("roles")];
    let Some(words) = places.into_iter().flatten().find_map(chosen) else { return Asserted::Absent };
    let known = words.iter().find_map(|w| roles.find_assertable(w)).cloned();
    let written = words.into_iter().next().unwrap_or_default();
    match known {
        Some(role) => Asserted::Known(written, role),
        None => Asserted::Unknown(written),
    }
}

/// Where it says so: as clients write the attribute, and as a JSON path into a recorded change. Where nothing is said, the
/// place where it would be looked for first.
pub(super) fn place(document: &Object, roles: &Catalogue) -> (String, String) {
    let says_there = |home: &&Home| at(document, home).and_then(chosen).is_some();
    let in_roles = document.find("roles").and_then(chosen).is_some();
    match roles.home().filter(|home| says_there(home) || !in_roles) {
        Some(home) => {
            let steps = home.extension.iter().chain([&home.attribute]).map(|s| format!(".\"{s}\""));
            (home.text(), format!("${}", steps.collect::<String>()))
        }
        None => ("roles".to_owned(), "$.roles".to_owned()),
    }
}

/// The value at the place that the configuration names; of a complex attribute the whole, so that `primary` counts.
fn at<'d>(document: &'d Object, home: &Home) -> Option<&'d Json> {
    let within = match &home.extension {
        Some(extension) => document.find(extension)?.as_object()?,
        None => document,
    };
    let value = within.find(&home.attribute)?;
    match (&home.sub, value) {
        (Some(sub), Json::Object(parts)) => parts.find(sub),
        _ => Some(value),
    }
}

/// What the element that counts says; none when no element says anything.
fn chosen(value: &Json) -> Option<Vec<String>> {
    let said = value.elements().iter().map(|e| (is_primary(e), words(e))).filter(|(_, words)| !words.is_empty());
    let mut said: Vec<_> = said.collect();
    let at = said.iter().position(|(primary, _)| *primary).unwrap_or(0);
    (at < said.len()).then(|| said.swap_remove(at).1)
}

fn is_primary(element: &Json) -> bool {
    match element.as_object().and_then(|o| o.find("primary")) {
        Some(Json::Bool(primary)) => *primary,
        Some(Json::String(text)) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// The texts by which an element names a role, the most telling first.
fn words(element: &Json) -> Vec<String> {
    match element {
        // What was unpacked may be packed itself; each time it gets shorter.
        text @ Json::String(written) => match packed_role(text) {
            Some(packed) => words(&packed.into()),
            None if written.trim().is_empty() => Vec::new(),
            None => vec![written.clone()],
        },
        Json::Object(parts) => {
            let named = |name| parts.find(name).filter(|v| matches!(v, Json::String(_)));
            ["value", "display", "displayName"].into_iter().filter_map(named).flat_map(words).collect()
        }
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let Json::Object(document) = Json::parse(text.as_bytes()).unwrap() else { panic!("{text}") };
        match asserted(&document, &Catalogue::built_in()) {
            Asserted::Absent => "absent".to_owned(),
            Asserted::Known(_, role) => role.label.clone(),
            Asserted::Unknown(text) => format!("? {text}"),
        }
    }

    #[test]
    fn every_shape_is_understood() {
        for (document, role) in [
            (r#"{}"#, "absent"),
            (r#"{"roles":[]}"#, "absent"),
            (r#"{"roles":null}"#, "absent"),
            (r#"{"roles":[{"value":" "},{"type":"x"},7]}"#, "absent"),
            (r#"{"roles":"USER"}"#, "User"),
            (r#"{"roles":["compliance manager"]}"#, "Compliance manager"),
            (r#"{"roles":{"value":"Admin"}}"#, "Admin"),
            (r#"{"roles":[{"value":"ORGANIZATION_ADMINISTRATOR","display":"Admin","primary":true}]}"#, "Admin"),
            (r#"{"roles":[{"display":"Limited Access User"}]}"#, "Limited access user"),
            (r#"{"roles":[{"value":"8a-id","display":"User"}]}"#, "User"),
            (r#"{"roles":[{"value":"USER"},{"value":"Admin","primary":true}]}"#, "Admin"),
            (r#"{"roles":[{"value":"USER"},{"value":"Admin","primary":"True"}]}"#, "Admin"),
            (r#"{"roles":[{"value":"USER","primary":"False"},{"value":"Admin"}]}"#, "User"),
            (r#"{"roles":[{"value":"","primary":true},{"value":"Admin"}]}"#, "Admin"),
            (r#"{"roles":[{"value":"{\"id\":\"8a\",\"value\":\"USER\",\"displayName\":\"User\"}"}]}"#, "User"),
            (r#"{"roles":["{\"id\":\"8a\",\"value\":\"x\",\"displayName\":\"User\"}"]}"#, "User"),
            (r#"{"roles":[{"value":"{\"value\":\"{\\\"value\\\":\\\"Admin\\\"}\"}"}]}"#, "Admin"),
            (r#"{"roles":[{"value":"{\"id\":\"8a\"}"}]}"#, "? {\"id\":\"8a\"}"),
            (r#"{"roles":[{"value":"Overlord"},{"value":"Admin"}]}"#, "? Overlord"),
        ] {
            assert_eq!(said(document), role, "{document}");
        }
    }
}
