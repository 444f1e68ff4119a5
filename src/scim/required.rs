//! What a resource cannot be without (RFC 7643 §7, `required`).

use super::catalog::ResourceType;
use super::fault::{Fault, Kind};
use super::json::{Json, Object};
use super::schema::{Attribute, Uniqueness};

/// Refuses a document that lacks a required attribute, or has a blank one where it must be unique.
pub fn complete(document: &Object, of: &ResourceType) -> Result<(), Fault> {
    lacks(document, of).into_iter().next().map_or(Ok(()), |lack| Err(lack.fault))
}

/// Something required that a document lacks.
#[derive(Debug, PartialEq, Eq)]
pub struct Lack {
    /// How to say so.
    pub fault: Fault,
    /// It has no value at all, as opposed to a blank one, or one without a required part.
    pub unassigned: bool,
}

/// Everything required that a document lacks.
pub fn lacks(document: &Object, of: &ResourceType) -> Vec<Lack> {
    let lack =
        |at: String, why: String, unassigned: bool| Lack { fault: Fault::new(Kind::InvalidValue, at, why), unassigned };
    let missing = |at: String, unassigned: bool| lack(at, "it is required and missing".into(), unassigned);
    let mut all = Vec::new();
    for a in &of.schema.attributes {
        let value = document.get(&a.name);
        let blank = |v: &Json| a.uniqueness != Uniqueness::None && v.as_str().is_some_and(|s| s.trim().is_empty());
        if a.required && !a.is_read_only() && !of.is_apart(&a.name) && value.is_none_or(blank) {
            let why = format!("a {} needs it, and it is missing or blank", of.name);
            all.push(lack(a.name.clone(), why, value.is_none()));
        }
        all.extend(lacking_part(a, value).map(|part| missing(part, false)));
    }
    for (extension, required) in &of.extensions {
        let Some(inner) = document.get(&extension.id).and_then(Json::as_object) else {
            if *required {
                all.push(lack(extension.id.clone(), format!("a {} needs this extension", of.name), true));
            }
            continue;
        };
        for a in &extension.attributes {
            let value = inner.get(&a.name);
            if a.required && !a.is_read_only() && value.is_none() {
                all.push(missing(format!("{}:{}", extension.id, a.name), true));
            }
            all.extend(lacking_part(a, value).map(|part| missing(format!("{}:{part}", extension.id), false)));
        }
    }
    all
}

/// A required part that a value of a complex attribute lacks.
fn lacking_part(attribute: &Attribute, value: Option<&Json>) -> Option<String> {
    let required = |s: &&Attribute| s.required && !s.is_read_only();
    let lacks = |sub: &Attribute| {
        value?.elements().iter().filter_map(Json::as_object).any(|e| e.get(&sub.name).is_none()).then_some(())
    };
    let sub = attribute.sub_attributes.iter().filter(required).find(|s| lacks(s).is_some())?;
    Some(format!("{}.{}", attribute.name, sub.name))
}
