//! What PUT does to what is there (RFC 7644 §3.5.1).

use super::catalog::ResourceType;
use super::dialect::{Dialect, Rule};
use super::fault::Fault;
use super::json::{Json, Object};
use super::required::complete;
use super::resource::{Checked, assume_active, order_parts, settle};
use super::stored::carry;

/// Kept when a PUT does not name them, since real clients leave them out and mean no change: a strict reading would
/// reactivate or strip people. null or `[]` clears them. `members` is kept likewise, by the one who keeps members.
fn is_kept(name: &str, of: &ResourceType) -> bool {
    name == "externalId" || (of.is_user() && ["active", "roles"].contains(&name))
}

/// The document after a PUT of `new` on `current`. `keep_all` keeps every attribute that the request does not name.
///
/// Errors: `mutability` when an immutable attribute would change, `invalidValue` when a required one is missing from the
/// result.
pub fn replace(
    current: &Object,
    new: Checked,
    of: &ResourceType,
    keep_all: bool,
    dialect: &Dialect,
) -> Result<Object, Fault> {
    let cleared: Vec<String> = new.cleared().to_vec();
    let mut document = new.into_document();
    for (name, value) in current.iter() {
        let gone = cleared.iter().any(|c| c == name);
        let part_gone = |part: &str| cleared.iter().any(|c| c.eq_ignore_ascii_case(&format!("{name}.{part}")));
        match document.get_mut(name) {
            Some(Json::Object(new)) if keep_all => {
                keep_parts(new, value, part_gone);
                if let Some(attribute) = of.attribute(name) {
                    order_parts(new, attribute);
                }
            }
            Some(_) => {}
            // An object whose every part was cleared is absent from the new document, and keeps the others.
            None if keep_all && !gone && has_cleared_parts(&cleared, name) => {
                let mut kept = Object::new();
                keep_parts(&mut kept, value, part_gone);
                document.push(name, kept);
            }
            None if !gone && keep_all => document.push(name, value.clone()),
            // Nobody becomes active because `active` was taken away.
            None if gone && name == "active" && of.is_user() => document.push(name, value.clone()),
            None if !gone && is_kept(name, of) && dialect.allows(Rule::PutKeepsAbsent) => {
                document.push(name, value.clone());
            }
            None => {}
        }
    }
    carry(current, &mut document, of)?;
    // Who has no `active` counts as active. To write it down would make a PUT of what was read a change.
    if current.get("active").is_some() {
        assume_active(&mut document, of);
    }
    settle(&mut document, of);
    complete(&document, of)?;
    Ok(document)
}

fn has_cleared_parts(cleared: &[String], name: &str) -> bool {
    cleared.iter().any(|c| c.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
}

fn keep_parts(new: &mut Object, current: &Json, is_cleared: impl Fn(&str) -> bool) {
    for (name, value) in current.as_object().into_iter().flat_map(Object::iter) {
        if new.get(name).is_none() && !is_cleared(name) {
            new.push(name, value.clone());
        }
    }
}
