//! What PUT does to what is there (RFC 7644 §3.5.1).

use super::carry::{Cleared, carry};
use super::catalog::ResourceType;
use super::dialect::{Dialect, Rule};
use super::fault::Fault;
use super::json::{Json, Object};
use super::required::complete;
use super::resource::{Checked, assume_active, order_parts, settle};
use super::schema::Attribute;
use super::stored::Find;

/// Kept when a PUT does not name them, since real clients leave them out and mean no change: a strict reading would
/// reactivate or strip people. null or `[]` clears them. `members` is kept likewise, by the one who keeps members.
pub fn is_kept(name: &str, of: &ResourceType) -> bool {
    name == "externalId" || (of.is_user() && ["active", "roles"].contains(&name))
}

/// The document after a PUT of `new` on `current`. `keep_all` keeps everything that the request does not name, down to
/// the parts of what is in an extension.
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
    let cleared = new.cleared().clone();
    let mut document = new.into_document();
    if keep_all {
        for (name, value) in current.iter() {
            let find = |n: &str| match of.extension(name) {
                Some(extension) => extension.attribute(n),
                None => of.attribute(name).and_then(|a| a.sub(n)),
            };
            keep(name, value, &mut document, of.attribute(name), &find, cleared.at(name));
        }
    }
    for (name, value) in current.iter().filter(|(name, _)| is_kept(name, of)) {
        // Nobody becomes active because `active` was taken away.
        let stays = |is_cleared: bool| if is_cleared { name == "active" } else { dialect.allows(Rule::PutKeepsAbsent) };
        if document.get(name).is_none() && stays(cleared.at(name).is_some()) {
            document.push(name, value.clone());
        }
    }
    let brought: Vec<String> = document.iter().map(|(name, _)| name.to_owned()).collect();
    carry(current, &mut document, of, &cleared)?;
    // Who has no `active` counts as active. To write it down would make a PUT of what was read a change.
    if current.get("active").is_some() {
        assume_active(&mut document, of);
    }
    settle(&mut document, of);
    // What is only carried over was not said by this request, and must not be a reason to refuse it for ever.
    complete(&document, of, &|extension| !brought.contains(&extension.id))?;
    Ok(document)
}

/// Keeps what is under a name, as far as the request neither names nor clears it. `find` knows the names inside.
fn keep(
    name: &str,
    value: &Json,
    new: &mut Object,
    attribute: Option<&Attribute>,
    find: Find<'_, '_>,
    cleared: Option<&Cleared>,
) {
    let is_new = new.get(name).is_none();
    match value {
        _ if is_new && cleared.is_some_and(Cleared::is_whole) => {}
        Json::Object(parts) => {
            if is_new {
                new.push(name, Object::new());
            }
            let Some(Json::Object(home)) = new.get_mut(name) else { return };
            for (part, value) in parts.iter() {
                let attribute = find(part);
                let find = |n: &str| attribute.and_then(|a| a.sub(n));
                keep(part, value, home, attribute, &find, cleared.and_then(|c| c.at(part)));
            }
            if let Some(attribute) = attribute {
                order_parts(home, attribute);
            }
            if home.is_empty() {
                new.retain(|n, _| n != name);
            }
        }
        _ if is_new => new.push(name, value.clone()),
        _ => {}
    }
}
