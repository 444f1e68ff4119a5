//! What a resource cannot be without (RFC 7643 §7, `required`).

use super::catalog::ResourceType;
use super::fault::{Fault, Kind};
use super::json::{Json, Object};
use super::schema::{Attribute, Schema, Uniqueness};
use super::stored::fits;

/// Refuses a document that lacks a required attribute, or has a blank one where it must be unique. Nothing is asked of
/// the extensions that are excused.
pub fn complete(document: &Object, of: &ResourceType, is_excused: &dyn Fn(&Schema) -> bool) -> Result<(), Fault> {
    let lack = lacks(document, of).into_iter().find(|l| !l.inside.is_some_and(is_excused));
    lack.map_or(Ok(()), |lack| Err(lack.fault))
}

/// Refuses what a client wrote and that lacks something that the client can know of. What it does not see may be there
/// already.
pub fn complete_as_seen(document: &Object, of: &ResourceType) -> Result<(), Fault> {
    lacks(document, of).into_iter().find(|l| !l.hidden).map_or(Ok(()), |lack| Err(lack.fault))
}

/// Something required that a document lacks.
#[derive(Debug, PartialEq)]
pub struct Lack<'c> {
    /// How to say so.
    pub fault: Fault,
    /// It has no value at all, as opposed to a blank one, or one without a required part.
    pub unassigned: bool,
    /// The extension that lacks it.
    inside: Option<&'c Schema>,
    /// A client that has read the resource does not know whether it is there.
    hidden: bool,
}

/// Everything required that a document lacks.
pub fn lacks<'c>(document: &Object, of: &'c ResourceType) -> Vec<Lack<'c>> {
    let mut all = Vec::new();
    for a in &of.schema.attributes {
        let why = || format!("a {} needs it, and it is missing or blank", of.name);
        if !of.is_apart(&a.name) {
            note_lacks(&mut all, None, a, document.get(&a.name), why);
        }
    }
    for (extension, required) in &of.extensions {
        let inner = document.get(&extension.id).and_then(Json::as_object).filter(|i| is_there(extension, i));
        let Some(inner) = inner else {
            if *required {
                let why = format!("a {} needs this extension", of.name);
                all.push(Lack {
                    fault: Fault::new(Kind::InvalidValue, extension.id.clone(), why),
                    unassigned: true,
                    inside: None,
                    hidden: extension.attributes.iter().any(Attribute::is_hidden),
                });
            }
            continue;
        };
        for a in &extension.attributes {
            note_lacks(&mut all, Some(extension), a, inner.get(&a.name), || {
                "it is required and missing or blank".into()
            });
        }
    }
    all
}

/// An extension is there when it holds something that a client can write: not for what is left of other definitions, nor
/// for what the server says.
fn is_there(extension: &Schema, inner: &Object) -> bool {
    inner.iter().any(|(n, v)| extension.attribute(n).is_some_and(|a| !a.is_read_only() && fits(a, v)))
}

/// Notes what an attribute lacks: its value, or required parts of it.
fn note_lacks<'c>(
    all: &mut Vec<Lack<'c>>,
    inside: Option<&'c Schema>,
    a: &Attribute,
    value: Option<&Json>,
    why: impl Fn() -> String,
) {
    let at = |name: &str| inside.map_or_else(|| name.to_owned(), |e| format!("{}:{name}", e.id));
    // Clients send "" for "nothing", and nothing is not unique.
    let blank =
        |of: &Attribute, v: &Json| of.uniqueness != Uniqueness::None && v.as_str().is_some_and(|s| s.trim().is_empty());
    if a.required && !a.is_read_only() && value.is_none_or(|v| blank(a, v)) {
        let fault = Fault::new(Kind::InvalidValue, at(&a.name), why());
        all.push(Lack { fault, unassigned: value.is_none(), inside, hidden: a.is_hidden() });
    }
    let known = |e: &Object| e.iter().any(|(n, v)| a.sub(n).is_some_and(|s| fits(s, v)));
    for sub in a.sub_attributes.iter().filter(|s| s.required && !s.is_read_only()) {
        let mut elements = value.map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_object);
        if elements.any(|e| known(e) && e.get(&sub.name).is_none_or(|v| blank(sub, v))) {
            let fault = Fault::new(
                Kind::InvalidValue,
                at(&format!("{}.{}", a.name, sub.name)),
                "it is required and missing or blank",
            );
            all.push(Lack { fault, unassigned: false, inside, hidden: a.is_hidden() || sub.is_hidden() });
        }
    }
}
