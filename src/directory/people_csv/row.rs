//! One cell against one record: what is there, what the cell says, and the operation that makes the one the other.

use std::collections::HashMap;

use super::cell::Said;
use super::columns::Target;
use crate::directory::local::operation;
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::path::BoundPath;
use crate::scim::schema::{Attribute, Type};

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Found<'d> {
    /// Nothing.
    Nothing,
    /// One value.
    One(&'d Json),
    /// Several elements are of this type: the value of the first of them.
    Several(Option<&'d Json>),
}

impl<'d> Found<'d> {
    /// The value that a file shows.
    pub fn value(self) -> Option<&'d Json> {
        match self {
            Found::Nothing => None,
            Found::One(value) => Some(value),
            Found::Several(value) => value,
        }
    }
}

/// A document whose elements are known by their types: with hundreds of types, each column would look through all of them.
#[derive(Debug)]
pub struct Parted<'d> {
    document: &'d Object,
    /// By the attribute and the folded type.
    elements: HashMap<((&'d str, &'d str), String), Vec<&'d Object>>,
}

impl<'d> Parted<'d> {
    /// A document of this type.
    pub fn of(document: &'d Object, of: &'d ResourceType) -> Parted<'d> {
        let mut elements: HashMap<((&str, &str), String), Vec<&Object>> = HashMap::new();
        let own = of.schema.attributes.iter().map(|a| (None, a));
        let extensions =
            of.extensions.iter().flat_map(|(e, _)| e.attributes.iter().map(move |a| (Some(e.as_ref()), a)));
        for (extension, attribute) in own.chain(extensions) {
            if !attribute.multi_valued || attribute.sub("type").is_none() {
                continue;
            }
            let path = BoundPath { extension, attribute, sub: None };
            for element in value_at(path, document).map(Json::elements).unwrap_or_default() {
                let Some(element) = element.as_object() else { continue };
                let Some(kind) = element.get("type").and_then(Json::as_str) else { continue };
                elements.entry((home(path), fold(kind))).or_default().push(element);
            }
        }
        Parted { document, elements }
    }

    /// What of it a column is about.
    pub fn found(&self, target: &Target<'_>) -> Found<'d> {
        let part = |of: &'d Object| target.path.sub.and_then(|sub| of.get(&sub.name));
        let Some(kind) = &target.kind else { return found(target, self.document) };
        let exact = target.is_exact();
        let all = self.elements.get(&(home(target.path), fold(kind))).map(Vec::as_slice).unwrap_or_default();
        let mut same = all.iter().filter(|e| !exact || e.get("type").and_then(Json::as_str) == Some(kind));
        match (same.next(), same.next()) {
            (Some(first), Some(_)) => Found::Several(part(first)),
            (Some(one), None) => part(one).map_or(Found::Nothing, Found::One),
            (None, _) => Found::Nothing,
        }
    }
}

/// Attributes of different schemas may share a name, and never a place: what tells them apart.
fn home<'c>(path: BoundPath<'c>) -> (&'c str, &'c str) {
    (path.extension.map_or("", |e| e.id.as_str()), path.attribute.name.as_str())
}

/// The value of an attribute, whole.
fn value_at<'d>(path: BoundPath<'_>, document: &'d Object) -> Option<&'d Json> {
    let home = match path.extension {
        Some(e) => document.get(&e.id).and_then(Json::as_object),
        None => Some(document),
    };
    home.and_then(|h| h.get(&path.attribute.name))
}

/// What of a document a column without a type is about.
pub fn found<'d>(target: &Target<'_>, document: &'d Object) -> Found<'d> {
    let part = |of: &'d Json| match target.path.sub {
        Some(sub) => of.as_object().and_then(|parts| parts.get(&sub.name)),
        None => Some(of),
    };
    value_at(target.path, document).and_then(part).map_or(Found::Nothing, Found::One)
}

/// A value as the text of a cell.
pub fn text_of(value: &Json) -> String {
    value.as_str().map_or_else(|| value.text(), str::to_owned)
}

/// The value that a text is.
///
/// Errors: a sentence.
pub fn value_of(leaf: &Attribute, text: &str) -> Result<Json, String> {
    let number = || match Json::parse(text.as_bytes()) {
        Ok(number @ Json::Number(_)) => Ok(number),
        _ => Err("A number is expected.".to_owned()),
    };
    match leaf.kind {
        Type::Boolean if text.eq_ignore_ascii_case("true") || text == "1" => Ok(true.into()),
        Type::Boolean if text.eq_ignore_ascii_case("false") || text == "0" => Ok(false.into()),
        Type::Boolean => Err("true or false is expected.".to_owned()),
        Type::Integer | Type::Decimal => number(),
        _ => Ok(text.into()),
    }
}

/// What a cell makes of a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Edit {
    /// The text that was there; empty: nothing.
    pub before: String,
    /// The text that is there then; empty: nothing.
    pub after: String,
    /// The value; none: it goes.
    pub value: Option<Json>,
    /// It goes with its whole element.
    whole: bool,
}

impl Edit {
    /// What a cell changes. `None`: nothing.
    ///
    /// Errors: a sentence.
    pub fn of(target: &Target<'_>, said: Said<'_>, document: &Parted<'_>) -> Result<Option<Edit>, String> {
        let is_active = target.path.is("active");
        let value = match said {
            Said::Nothing => return Ok(None),
            Said::Clear if is_active => return Err("It is true or false, and cannot be taken away.".to_owned()),
            Said::Clear => None,
            Said::Text(text) => Some(value_of(target.leaf(), &text)?),
        };
        let (active, there) = (Json::Bool(true), document.found(target));
        // Who has no `active` counts as active.
        let there = if is_active && there == Found::Nothing { Found::One(&active) } else { there };
        if there.value() == value.as_ref() {
            return Ok(None);
        }
        if let (Found::Several(_), Some(kind)) = (there, &target.kind) {
            return Err(format!(
                "There are several of type {kind}, and a file cannot say which of them is meant. Change them one by one."
            ));
        }
        Ok(Some(Edit {
            before: there.value().map(text_of).unwrap_or_default(),
            after: value.as_ref().map(text_of).unwrap_or_default(),
            whole: value.is_none() && target.leaf().name == "value",
            value,
        }))
    }

    /// The operation of PATCH.
    pub fn operation(&self, target: &Target<'_>) -> Json {
        match (&self.value, &target.kind) {
            (Some(value), _) => operation("replace", &target.text(), Some(value.clone())),
            (None, Some(kind)) if self.whole => operation("remove", &target.element(kind), None),
            (None, _) => operation("remove", &target.text(), None),
        }
    }
}

/// Puts a value into the document of somebody who is new. `places` says where the elements stand that were put there so.
pub fn place(document: &mut Object, places: &mut HashMap<String, usize>, target: &Target<'_>, value: Json) {
    let home = match target.path.extension {
        Some(extension) => object_in(document, &extension.id),
        None => Some(document),
    };
    let Some(home) = home else { return };
    let name = &target.path.attribute.name;
    let part = target.path.sub.map(|s| s.name.as_str());
    match (part, &target.kind) {
        (None, _) => home.set(name, value),
        (Some(part), None) => {
            if let Some(parts) = object_in(home, name) {
                parts.set(part, value);
            }
        }
        (Some(part), Some(kind)) => {
            if home.get(name).is_none() {
                home.push(name.as_str(), Json::Array(Vec::new()));
            }
            let Some(Json::Array(elements)) = home.get_mut(name) else { return };
            let at = *places.entry(target.element(&target.folded(kind))).or_insert_with(|| {
                let mut element = Object::new();
                element.push("type", kind.as_str());
                elements.push(element.into());
                elements.len() - 1
            });
            if let Some(Json::Object(element)) = elements.get_mut(at) {
                element.set(part, value);
            }
        }
    }
}

fn object_in<'o>(home: &'o mut Object, name: &str) -> Option<&'o mut Object> {
    if home.get(name).is_none() {
        home.push(name, Object::new());
    }
    match home.get_mut(name) {
        Some(Json::Object(inner)) => Some(inner),
        _ => None,
    }
}
