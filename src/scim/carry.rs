//! What a value that replaces another takes over from it, because a client cannot take it away by leaving it out: what it
//! does not see, what is read-only, and what is immutable (RFC 7644 §3.5.1).

use std::collections::{HashMap, VecDeque};

use super::catalog::ResourceType;
use super::fault::Fault;
use super::json::{Json, Object};
use super::resource::order_parts;
use super::schema::{Attribute, Mutability};
use super::stored::{Find, fits, immutable, same};

/// What a request gave as null or empty, as opposed to what it left out: the whole of something, or parts of it.
#[derive(Debug, Clone, Default)]
pub struct Cleared {
    whole: bool,
    /// By the names of the schema; the elements of a list by their [`identity`].
    parts: Vec<(String, Cleared)>,
}

impl Cleared {
    /// What a value of an attribute clears, if anything.
    pub fn of(attribute: &Attribute, value: &Json) -> Option<Cleared> {
        if value.is_unassigned() {
            return Some(Cleared { whole: true, parts: Vec::new() });
        }
        let among = |parts: &Object| Cleared::among(parts, &|n| attribute.sub(n));
        let mut objects = value.elements().iter().filter_map(Json::as_object);
        if !attribute.multi_valued {
            return objects.next_back().and_then(among);
        }
        let elements = objects.filter_map(|parts| Some((identity_of(attribute, parts), among(parts)?)));
        Cleared::with(elements.collect())
    }

    /// The same for an element of a multi-valued attribute.
    pub fn of_element(attribute: &Attribute, value: &Json) -> Option<Cleared> {
        value
            .elements()
            .iter()
            .filter_map(Json::as_object)
            .next_back()
            .and_then(|o| Cleared::among(o, &|n| attribute.sub(n)))
    }

    /// What the values of an object clear.
    pub fn among(object: &Object, find: Find<'_, '_>) -> Option<Cleared> {
        let parts = object.iter().filter_map(|(n, v)| {
            let attribute = find(n)?;
            Some((attribute.name.clone(), Cleared::of(attribute, v)?))
        });
        Cleared::with(parts.collect())
    }

    fn with(parts: Vec<(String, Cleared)>) -> Option<Cleared> {
        (!parts.is_empty()).then_some(Cleared { whole: false, parts })
    }

    /// Everything is.
    pub fn all() -> Cleared {
        Cleared { whole: true, parts: Vec::new() }
    }

    /// Adds what was cleared of something.
    pub fn note(&mut self, name: &str, cleared: Option<Cleared>) {
        self.parts.extend(cleared.map(|c| (name.to_owned(), c)));
    }

    /// What was cleared of this part.
    pub fn at(&self, name: &str) -> Option<&Cleared> {
        if self.whole {
            return Some(self);
        }
        self.parts.iter().find(|(n, _)| n == name).map(|(_, c)| c)
    }

    /// Nothing was.
    pub fn is_empty(&self) -> bool {
        !self.whole && self.parts.is_empty()
    }

    /// The whole of it was.
    pub fn is_whole(&self) -> bool {
        self.whole
    }
}

/// What was cleared of a part of something.
fn below<'c>(cleared: Option<&'c Cleared>, name: &str) -> Option<&'c Cleared> {
    cleared.and_then(|c| c.at(name))
}

fn is_gone(cleared: Option<&Cleared>) -> bool {
    cleared.is_some_and(Cleared::is_whole)
}

/// True for what a client does not get rid of: the server's own, and what has its value once and for all.
fn stays(attribute: &Attribute) -> bool {
    matches!(attribute.mutability, Mutability::ReadOnly | Mutability::Immutable)
}

/// Can a client that has read it say it again? It sees no more than it asks for, and what it says of the server's own is
/// passed over.
fn is_said(attribute: &Attribute) -> bool {
    !attribute.is_hidden() && !attribute.is_read_only()
}

/// Is it an element of a list of which a client can say nothing? Then it has not left it out either.
fn is_untold(attribute: &Attribute, element: &Json) -> bool {
    let part = |(name, value): (&str, &Json)| attribute.sub(name).is_some_and(|s| fits(s, value) && is_said(s));
    element.as_object().is_some_and(|parts| !parts.iter().any(part))
}

/// Can a client say anything of a value?
fn is_told(attribute: &Attribute, value: &Json) -> bool {
    is_said(attribute) && fits(attribute, value) && value.elements().iter().any(|e| !is_untold(attribute, e))
}

/// Carries over into a document what a client cannot take away, unless it cleared what is hidden.
///
/// Errors: `mutability` when an immutable attribute has another value in the new document.
pub fn carry(current: &Object, new: &mut Object, of: &ResourceType, cleared: &Cleared) -> Result<(), Fault> {
    for (name, value) in current.iter() {
        let (Some(extension), Json::Object(inner)) = (of.extension(name), value) else {
            carry_one(name, value, new, of.attribute(name), cleared.at(name))?;
            continue;
        };
        let find = |n: &str| extension.attribute(n);
        let mut home = Object::new();
        let is_new = match new.get_mut(name) {
            Some(Json::Object(given)) => {
                std::mem::swap(&mut home, given);
                false
            }
            _ => true,
        };
        carry_all(inner, &mut home, &find, cleared.at(name)).map_err(|f| f.within(name))?;
        // What is left will be written back, so what is required beside it is left too.
        if is_new && home.iter().any(|(n, v)| find(n).is_some_and(|a| is_told(a, v))) {
            keep_required(&extension.attributes, inner, &mut home);
        }
        if !home.is_empty() {
            new.set(name, home);
        }
    }
    Ok(())
}

fn keep_required(of: &[Attribute], current: &Object, home: &mut Object) {
    for attribute in of.iter().filter(|a| a.required && home.get(&a.name).is_none()).collect::<Vec<_>>() {
        if let Some(value) = current.get(&attribute.name).filter(|v| fits(attribute, v)) {
            home.push(attribute.name.clone(), value.clone());
        }
    }
}

fn carry_all(current: &Object, new: &mut Object, find: Find<'_, '_>, cleared: Option<&Cleared>) -> Result<(), Fault> {
    current.iter().try_for_each(|(name, value)| carry_one(name, value, new, find(name), below(cleared, name)))
}

fn carry_one(
    name: &str,
    value: &Json,
    new: &mut Object,
    attribute: Option<&Attribute>,
    cleared: Option<&Cleared>,
) -> Result<(), Fault> {
    let Some(attribute) = attribute.filter(|a| fits(a, value)) else {
        if new.get(name).is_none() {
            new.push(name, value.clone());
        }
        return Ok(());
    };
    let Some(given) = new.get_mut(name) else {
        if stays(attribute) || (attribute.is_hidden() && !is_gone(cleared)) {
            new.push(name, value.clone());
            return Ok(());
        }
        let left: Json = match value {
            Json::Object(parts) => left_of(attribute, value, parts, cleared).into(),
            Json::Array(list) if !is_gone(cleared) => {
                Json::Array(list.iter().filter(|e| is_untold(attribute, e)).cloned().collect())
            }
            _ => return Ok(()),
        };
        if !left.is_unassigned() && left.as_object().is_none_or(|o| !o.is_empty()) {
            new.push(name, left);
        }
        return Ok(());
    };
    match (&mut *given, value) {
        (Json::Object(given), Json::Object(was)) => {
            carry_parts(attribute, was, given, cleared).map_err(|f| f.within(name))?;
        }
        (Json::Array(given), Json::Array(was)) => carry_elements(attribute, was, given, cleared)?,
        _ => {}
    }
    match attribute.mutability == Mutability::Immutable && !same(given, value) {
        true => Err(immutable(name)),
        false => Ok(()),
    }
}

fn carry_parts(
    attribute: &Attribute,
    was: &Object,
    given: &mut Object,
    cleared: Option<&Cleared>,
) -> Result<(), Fault> {
    let before = given.len();
    carry_all(was, given, &|n| attribute.sub(n), cleared)?;
    if given.len() != before {
        order_parts(given, attribute);
    }
    Ok(())
}

/// What is left of a complex value that is not there any more. It goes as a whole, with what is hidden in it; unless
/// a client could say nothing of it, or something in it has to stay.
fn left_of(attribute: &Attribute, value: &Json, parts: &Object, cleared: Option<&Cleared>) -> Object {
    let known = |name: &str, value: &Json| attribute.sub(name).filter(|s| fits(s, value));
    let has_to_stay = parts.iter().any(|(n, v)| known(n, v).is_some_and(stays));
    let is_kept = has_to_stay || (!is_told(attribute, value) && !is_gone(cleared));
    let mut left = Object::new();
    for (name, value) in parts.iter() {
        let stays = match known(name, value) {
            None => true,
            Some(sub) if sub.required => is_kept,
            Some(sub) => stays(sub) || (is_kept && sub.is_hidden() && !is_gone(below(cleared, name))),
        };
        if stays {
            left.push(name, value.clone());
        }
    }
    left
}

/// Carries from the elements of a list into those that replace them: into the one that is the same value of the same
/// type. An element that is not there any more goes as a whole, if a client could have said anything of it.
///
/// Errors: `mutability` when an immutable part of an element changes.
pub fn carry_elements(
    attribute: &Attribute,
    was: &[Json],
    given: &mut Vec<Json>,
    cleared: Option<&Cleared>,
) -> Result<(), Fault> {
    let of_client = |name: &str| attribute.sub(name).is_some_and(|s| !s.is_hidden() && !stays(s));
    let keeps = |e: &Json| e.as_object().is_some_and(|o| o.iter().any(|(n, _)| !of_client(n)));
    if !was.iter().any(keeps) {
        return Ok(());
    }
    let mut there: HashMap<String, VecDeque<&Object>> = HashMap::new();
    for parts in was.iter().filter(|e| !is_untold(attribute, e)).filter_map(Json::as_object) {
        there.entry(identity_of(attribute, parts)).or_default().push_back(parts);
    }
    for element in given.iter_mut() {
        let Json::Object(parts) = element else { continue };
        let identity = identity_of(attribute, parts);
        if let Some(was) = there.get_mut(&identity).and_then(VecDeque::pop_front) {
            carry_parts(attribute, was, parts, below(cleared, &identity)).map_err(|f| f.within(&attribute.name))?;
        }
    }
    let untold = was.iter().enumerate().filter(|(_, e)| is_untold(attribute, e) && !given.contains(e));
    for (i, element) in untold.map(|(i, e)| (i, e.clone())).collect::<Vec<_>>() {
        given.insert(i.min(given.len()), element);
    }
    Ok(())
}

/// The same for one element that is replaced by another because a path chose it. The server's own parts stay whatever
/// becomes of the rest; what a client does not see goes with the `value` that it belonged to.
pub fn carry_element(
    attribute: &Attribute,
    was: &Json,
    given: &mut Json,
    cleared: Option<&Cleared>,
) -> Result<(), Fault> {
    let (Json::Object(was), Json::Object(given)) = (was, given) else { return Ok(()) };
    if was.get("value") == given.get("value") {
        return carry_parts(attribute, was, given, cleared).map_err(|f| f.within(&attribute.name));
    }
    for (name, value) in was.iter() {
        if given.get(name).is_none() && attribute.sub(name).is_none_or(Attribute::is_read_only) {
            given.push(name, value.clone());
        }
    }
    order_parts(given, attribute);
    Ok(())
}

/// What tells one value of a multi-valued attribute from another: its value and type (RFC 7643 §2.4), else what is seen of
/// it, else all of it.
pub fn identity(attribute: &Attribute, element: &Json) -> String {
    match element {
        Json::Object(parts) => identity_of(attribute, parts),
        simple => simple.text(),
    }
}

fn identity_of(attribute: &Attribute, parts: &Object) -> String {
    let part = |name: &str| {
        // A client repeats what it sees, and what is the server's is taken out of what it says.
        let repeated = attribute.sub(name).is_none_or(is_said);
        parts.find(name).filter(|v| repeated && **v != Json::Null)
    };
    if let Some(value) = part("value") {
        return Json::Array(vec![value.clone(), part("type").cloned().unwrap_or_default()]).text();
    }
    let said = attribute.sub_attributes.iter().filter_map(|s| Some((s.name.clone(), part(&s.name)?.clone())));
    let seen: Object = said.collect();
    if seen.is_empty() { parts.text() } else { seen.text() }
}
