//! One cell against one record: what is there, what the cell says, and the operation that makes the one the other.

use super::cell::Said;
use super::columns::Target;
use crate::directory::local::operation;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
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

/// What of a document a column is about.
pub fn found<'d>(target: &Target<'_>, document: &'d Object) -> Found<'d> {
    let home = match target.path.extension {
        Some(e) => document.get(&e.id).and_then(Json::as_object),
        None => Some(document),
    };
    let Some(value) = home.and_then(|h| h.get(&target.path.attribute.name)) else { return Found::Nothing };
    let part = |of: &'d Json| match target.path.sub {
        Some(sub) => of.as_object().and_then(|parts| parts.get(&sub.name)),
        None => Some(of),
    };
    let Some(kind) = &target.kind else { return part(value).map_or(Found::Nothing, Found::One) };
    let exact = target.path.attribute.sub("type").is_some_and(|s| s.case_exact);
    let same = |of: &str| if exact { of == kind } else { fold(of) == fold(kind) };
    let mut elements = value.elements().iter().filter(|e| {
        let of = e.as_object().and_then(|parts| parts.get("type")).and_then(Json::as_str);
        of.is_some_and(same)
    });
    match (elements.next(), elements.next()) {
        (Some(first), Some(_)) => Found::Several(part(first)),
        (Some(one), None) => part(one).map_or(Found::Nothing, Found::One),
        (None, _) => Found::Nothing,
    }
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
    pub fn of(target: &Target<'_>, said: Said<'_>, document: &Object) -> Result<Option<Edit>, String> {
        let is_active = target.path.is("active");
        let (active, there) = (Json::Bool(true), found(target, document));
        // Who has no `active` counts as active.
        let there = if is_active && there == Found::Nothing { Found::One(&active) } else { there };
        let value = match said {
            Said::Nothing => return Ok(None),
            Said::Clear if is_active => return Err("It is true or false, and cannot be taken away.".to_owned()),
            Said::Clear => None,
            Said::Text(text) => Some(value_of(target.leaf(), &text)?),
        };
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

/// Puts a value into the document of somebody who is new.
pub fn place(document: &mut Object, target: &Target<'_>, value: Json) {
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
            let is_it = |e: &Json| e.as_object().and_then(|o| o.get("type")).and_then(Json::as_str) == Some(kind);
            let at = elements.iter().position(is_it).unwrap_or_else(|| {
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
