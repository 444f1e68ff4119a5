//! What today's definitions make of a document that was stored under others. Declarations come and go between starts;
//! what was stored stays: what no definition knows any more, or what does not fit it, is kept and not shown, and is
//! there again when the definition is.

use super::catalog::ResourceType;
use super::fault::{Fault, Kind};
use super::json::{Json, Object};
use super::required::lacks;
use super::resource::is_base64;
use super::schema::{Attribute, Mutability, Type};
use super::time::date_time;

/// The definition of a name, among attributes or among the parts of one.
pub(super) type Find<'f, 'c> = &'f dyn Fn(&str) -> Option<&'c Attribute>;

/// Does a stored value have the form that its attribute has today? What is inside a complex value is not looked at.
pub fn fits(attribute: &Attribute, value: &Json) -> bool {
    match (attribute.multi_valued, value) {
        (true, Json::Array(list)) => list.iter().all(|v| fits_one(attribute, v)),
        (true, _) => false,
        (false, one) => fits_one(attribute, one),
    }
}

fn fits_one(attribute: &Attribute, value: &Json) -> bool {
    match (attribute.kind, value) {
        (Type::String | Type::Reference, Json::String(_))
        | (Type::Boolean, Json::Bool(_))
        | (Type::Decimal, Json::Number(_))
        | (Type::Complex, Json::Object(_)) => true,
        (Type::Integer, Json::Number(n)) => n.is_i64() || n.is_u64(),
        (Type::DateTime, Json::String(text)) => date_time(text).is_some(),
        (Type::Binary, Json::String(text)) => is_base64(text),
        _ => false,
    }
}

/// The value in the form of today, to be changed: one that was single becomes a list where that is what changed; one that
/// does not fit is given up, for something else is about to be written in its place.
pub fn adopt(attribute: &Attribute, value: &mut Json) {
    if *value == Json::Null || fits(attribute, value) {
        return;
    }
    *value = match std::mem::take(value) {
        one if attribute.multi_valued && fits_one(attribute, &one) => Json::Array(vec![one]),
        _ => Json::Null,
    };
}

/// True when all of a document is known today and fits: it need not go through [`conceal`].
pub fn is_current(document: &Object, of: &ResourceType) -> bool {
    let names = document.iter().all(|(name, value)| match (of.extension(name), value) {
        (Some(extension), Json::Object(inner)) => all_known(inner, &|n| extension.attribute(n)),
        _ => of.attribute(name).is_some_and(|a| fits(a, value) && parts_known(a, value)),
    });
    names && document.get("schemas") == Some(&schemas(document, of))
}

fn all_known(object: &Object, find: Find<'_, '_>) -> bool {
    object.iter().all(|(name, value)| find(name).is_some_and(|a| fits(a, value) && parts_known(a, value)))
}

fn parts_known(attribute: &Attribute, value: &Json) -> bool {
    !attribute.is_complex()
        || value.elements().iter().filter_map(Json::as_object).all(|parts| all_known(parts, &|n| attribute.sub(n)))
}

/// Takes out of a document what no definition of today knows, or what does not fit it.
pub fn conceal(document: &mut Object, of: &ResourceType) {
    document.retain(|name, value| match (of.extension(name), value) {
        (Some(extension), Json::Object(inner)) => {
            keep_known(inner, &|n| extension.attribute(n));
            !inner.is_empty()
        }
        (Some(_), _) => false,
        (None, value) => of.attribute(name).is_some_and(|a| is_left(a, value)),
    });
    let schemas = schemas(document, of);
    document.set("schemas", schemas);
}

fn keep_known(object: &mut Object, find: Find<'_, '_>) {
    object.retain(|name, value| find(name).is_some_and(|a| is_left(a, value)));
}

fn is_left(attribute: &Attribute, value: &mut Json) -> bool {
    if !fits(attribute, value) {
        return false;
    }
    let find = |name: &str| attribute.sub(name);
    match value {
        Json::Object(parts) => {
            keep_known(parts, &find);
            !parts.is_empty()
        }
        Json::Array(list) if attribute.is_complex() => {
            list.retain_mut(|e| match e {
                Json::Object(parts) => {
                    keep_known(parts, &find);
                    !parts.is_empty()
                }
                _ => false,
            });
            !list.is_empty()
        }
        _ => true,
    }
}

/// What `schemas` says of a document: its base schema and the extensions that it has data of (RFC 7643 §3).
pub fn schemas(document: &Object, of: &ResourceType) -> Json {
    let present = of.extensions.iter().filter(|(e, _)| matches!(document.get(&e.id), Some(Json::Object(_))));
    let all = std::iter::once(&of.schema).chain(present.map(|(e, _)| e));
    Json::Array(all.map(|s| s.id.as_str().into()).collect())
}

/// Refuses a PATCH that took or changed an immutable value, or something required that was there. What was missing
/// before, because it was not required then, does not stand in the way of other changes.
///
/// Errors: [`Kind::Mutability`] and [`Kind::InvalidValue`].
pub fn check_change(before: &Object, after: &Object, of: &ResourceType) -> Result<(), Fault> {
    for (name, value) in before.iter() {
        match (of.extension(name), value) {
            (Some(extension), Json::Object(inner)) => {
                let now = after.get(name).and_then(Json::as_object);
                unchanged(inner, now, &|n| extension.attribute(n)).map_err(|f| f.within(name))?;
            }
            _ => unchanged_one(name, value, after.get(name), of.attribute(name))?,
        }
    }
    let missing = lacks(after, of);
    if missing.is_empty() {
        return Ok(());
    }
    let before = lacks(before, of);
    match missing.into_iter().find(|m| !before.contains(m)) {
        None => Ok(()),
        // §3.5.2.2: what is required "is removed or becomes unassigned".
        Some(lack) if lack.unassigned => Err(Fault { kind: Kind::Mutability, ..lack.fault }),
        Some(lack) => Err(lack.fault),
    }
}

fn unchanged(before: &Object, after: Option<&Object>, find: Find<'_, '_>) -> Result<(), Fault> {
    before.iter().try_for_each(|(name, value)| unchanged_one(name, value, after.and_then(|a| a.get(name)), find(name)))
}

fn unchanged_one(name: &str, was: &Json, is: Option<&Json>, attribute: Option<&Attribute>) -> Result<(), Fault> {
    let Some(attribute) = attribute.filter(|a| fits(a, was)) else { return Ok(()) };
    match was {
        _ if attribute.mutability == Mutability::Immutable && !is.is_some_and(|is| same(is, was)) => {
            Err(immutable(name))
        }
        Json::Object(parts) => {
            unchanged(parts, is.and_then(Json::as_object), &|n| attribute.sub(n)).map_err(|f| f.within(name))
        }
        _ => Ok(()),
    }
}

/// Refuses to change the immutable parts of a value of a multi-valued attribute; the value as a whole can go.
pub fn keeps_immutable_parts(attribute: &Attribute, was: &Json, is: &Json) -> Result<(), Fault> {
    let (Json::Object(was), Json::Object(is)) = (was, is) else { return Ok(()) };
    unchanged(was, Some(is), &|n| attribute.sub(n)).map_err(|f| f.within(&attribute.name))
}

/// Equal but for the order of names, which follows the definition of the day.
pub(super) fn same(one: &Json, other: &Json) -> bool {
    match (one, other) {
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(n, v)| b.get(n).is_some_and(|w| same(v, w)))
        }
        (Json::Array(a), Json::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(v, w)| same(v, w)),
        (a, b) => a == b,
    }
}

pub(super) fn immutable(name: &str) -> Fault {
    Fault::new(Kind::Mutability, name, "the attribute cannot change once it has a value")
}
