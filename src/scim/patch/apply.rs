//! A PATCH applied to a document.

use super::super::bound::{BoundFilter, Test};
use super::super::catalog::ResourceType;
use super::super::dialect::{Dialect, Rule};
use super::super::eval::matches;
use super::super::fault::{Fault, Kind};
use super::super::filter::Op;
use super::super::json::{Json, Object};
use super::super::resource::{MAX_ELEMENTS, complete, is_primary, order_parts, settle};
use super::super::schema::Attribute;
use super::Verb;
use super::plan::{Change, DocumentStep, PatchPlan};

impl PatchPlan<'_> {
    /// Puts a document that steps were applied to into canonical form and refuses one that became incomplete (§3.5.2.2:
    /// a required attribute cannot be removed).
    pub fn finish(document: &mut Object, of: &ResourceType) -> Result<(), Fault> {
        settle(document, of);
        complete(document, of)
    }
}

impl DocumentStep<'_> {
    /// Takes the step on a document.
    ///
    /// Errors: [`Kind::NoTarget`] when a filter matches nothing and does not describe what to create,
    /// [`Kind::Mutability`] when a required attribute would go, [`Kind::InvalidValue`] when a list would grow too long.
    pub fn apply(&self, document: &mut Object, dialect: &Dialect) -> Result<(), Fault> {
        let attribute = self.path.attribute;
        if matches!(self.change, Change::Clear)
            && self.filter.is_none()
            && self.path.sub.is_none()
            && attribute.required
        {
            return Err(Fault::new(
                Kind::Mutability,
                self.path.text(),
                "the attribute is required and cannot be removed",
            ));
        }
        let home = match self.path.extension {
            None => document,
            Some(extension) => {
                if document.get(&extension.id).is_none() {
                    document.push(extension.id.clone(), Object::new());
                }
                match document.get_mut(&extension.id) {
                    Some(Json::Object(home)) => home,
                    _ => return Ok(()),
                }
            }
        };
        if home.get(&attribute.name).is_none() {
            home.push(attribute.name.clone(), Json::Null);
        }
        let Some(value) = home.get_mut(&attribute.name) else { return Ok(()) };
        match (&self.filter, self.path.sub) {
            (Some(filter), sub) => self.on_elements(value, filter, sub, dialect)?,
            (None, Some(sub)) => self.on_part(value, sub),
            (None, None) => self.on_attribute(value)?,
        }
        let gone = value.is_unassigned() || value.as_object().is_some_and(Object::is_empty);
        if gone {
            home.retain(|n, _| n != attribute.name);
        }
        Ok(())
    }

    fn on_attribute(&self, value: &mut Json) -> Result<(), Fault> {
        match &self.change {
            Change::Clear => *value = Json::Null,
            Change::Merge(parts) => merge(value, parts, self.path.attribute),
            Change::Set(Json::Array(new)) if self.verb == Verb::Add => {
                let mut list = std::mem::take(value).elements().to_vec();
                let old = list.len();
                for element in new {
                    if !list.contains(element) {
                        list.push(element.clone());
                    }
                }
                if list.len() > MAX_ELEMENTS {
                    return Err(Fault::new(
                        Kind::InvalidValue,
                        self.path.text(),
                        format!("it would have more than {MAX_ELEMENTS} values"),
                    ));
                }
                prefer(&mut list, |i| i >= old);
                *value = Json::Array(list);
            }
            Change::Set(new) => *value = new.clone(),
        }
        Ok(())
    }

    /// A part of a complex attribute; of all elements when there are several (§3.5.2.3).
    fn on_part(&self, value: &mut Json, sub: &Attribute) {
        let attribute = self.path.attribute;
        if !attribute.multi_valued {
            return set_part(value, sub, &self.change, attribute);
        }
        let mut list = std::mem::take(value).elements().to_vec();
        if list.is_empty() && matches!(self.change, Change::Set(_)) {
            list.push(Json::Object(Object::new()));
        }
        list.iter_mut().for_each(|e| set_part(e, sub, &self.change, attribute));
        list.retain(|e| e.as_object().is_some_and(|o| !o.is_empty()));
        prefer(&mut list, |i| i == 0);
        *value = Json::Array(list);
    }

    fn on_elements(
        &self,
        value: &mut Json,
        filter: &BoundFilter<'_>,
        sub: Option<&Attribute>,
        dialect: &Dialect,
    ) -> Result<(), Fault> {
        let attribute = self.path.attribute;
        let mut list = match std::mem::take(value) {
            Json::Array(list) => list,
            Json::Null => Vec::new(),
            one => vec![one],
        };
        let mut touched: Vec<bool> = list.iter().map(|e| e.as_object().is_some_and(|o| matches(filter, o))).collect();
        let removal = self.verb == Verb::Remove;
        if !removal && !touched.contains(&true) {
            match described(filter).filter(|_| attribute.multi_valued && dialect.allows(Rule::CreateOnNoMatch)) {
                Some(element) => {
                    list.push(Json::Object(element));
                    touched.push(true);
                }
                None => {
                    return Err(Fault::new(
                        Kind::NoTarget,
                        self.path.text(),
                        "no value matches the filter of the path",
                    ));
                }
            }
        }
        for (element, _) in list.iter_mut().zip(&touched).filter(|(_, t)| **t) {
            match (sub, &self.change) {
                (Some(sub), change) => set_part(element, sub, change, attribute),
                (None, Change::Clear) => *element = Json::Null,
                (None, Change::Set(new)) => *element = new.clone(),
                (None, Change::Merge(parts)) => merge(element, parts, attribute),
            }
        }
        if !removal {
            prefer(&mut list, |i| touched.get(i) == Some(&true));
        }
        list.retain(|e| e.as_object().is_some_and(|o| !o.is_empty()));
        *value = match attribute.multi_valued {
            true => Json::Array(list),
            false => list.pop().unwrap_or_default(),
        };
        Ok(())
    }
}

/// The element that a filter of equality terms describes: `type eq "work"` → `{"type":"work"}`.
fn described(filter: &BoundFilter<'_>) -> Option<Object> {
    let mut element = Object::new();
    describe(filter, &mut element).then_some(element)
}

fn describe(filter: &BoundFilter<'_>, element: &mut Object) -> bool {
    match filter {
        BoundFilter::And(parts) => parts.iter().all(|p| describe(p, element)),
        BoundFilter::Compare(path, test) => {
            let value: Json = match test {
                Test::Text { op: Op::Eq, written, .. } => written.as_str().into(),
                Test::Bool(Op::Eq, value) => (*value).into(),
                _ => return false,
            };
            element.set(&path.attribute.name, value);
            true
        }
        _ => false,
    }
}

fn set_part(element: &mut Json, sub: &Attribute, change: &Change<'_>, of: &Attribute) {
    if !matches!(element, Json::Object(_)) {
        *element = Json::Object(Object::new());
    }
    let Json::Object(parts) = element else { return };
    match change {
        Change::Set(value) => {
            parts.set(&sub.name, value.clone());
            order_parts(parts, of);
        }
        Change::Clear | Change::Merge(_) => parts.retain(|n, _| n != sub.name),
    }
}

fn merge(value: &mut Json, parts: &[(&Attribute, Option<Json>)], of: &Attribute) {
    for (sub, part) in parts {
        let change = part.clone().map_or(Change::Clear, Change::Set);
        set_part(value, sub, &change, of);
    }
}

/// When a value that was touched became the primary one, the others are so no longer (§3.5.2, "primary").
fn prefer(list: &mut [Json], touched: impl Fn(usize) -> bool) {
    let Some(chosen) = list.iter().enumerate().position(|(i, e)| touched(i) && is_primary(e)) else { return };
    for (_, other) in list.iter_mut().enumerate().filter(|(i, _)| *i != chosen) {
        if is_primary(other)
            && let Json::Object(parts) = other
        {
            parts.set("primary", false);
        }
    }
}
