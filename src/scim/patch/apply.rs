//! A PATCH applied to a document.

use std::collections::HashMap;

use super::super::bound::{BoundFilter, Test};
use super::super::carry::{carry_element, carry_elements, identity};
use super::super::catalog::ResourceType;
use super::super::dialect::{Dialect, Rule};
use super::super::eval::matches;
use super::super::fault::{Fault, Kind};
use super::super::filter::Op;
use super::super::json::{Json, Object};
use super::super::resource::{MAX_ELEMENTS, canonical, is_primary, order_parts, settle};
use super::super::schema::Attribute;
use super::super::stored::{adopt, check_change, keeps_immutable_parts};
use super::Verb;
use super::plan::{Change, DocumentStep, PatchPlan};

impl PatchPlan<'_> {
    /// Puts a document that steps were applied to into canonical form and refuses one that became incomplete (§3.5.2.2:
    /// a required attribute cannot be removed) or lost an immutable value.
    pub fn finish(before: &Object, document: &mut Object, of: &ResourceType) -> Result<(), Fault> {
        settle(document, of);
        check_change(before, document, of)
    }
}

impl DocumentStep<'_> {
    /// Takes the step on a document.
    ///
    /// Errors: [`Kind::NoTarget`] when a filter matches nothing and does not describe what to create,
    /// [`Kind::Mutability`] when a required attribute would go, [`Kind::InvalidValue`] when a list would grow too long.
    pub fn apply(&self, document: &mut Object, dialect: &Dialect) -> Result<(), Fault> {
        let attribute = self.path.attribute;
        let required = match (&self.filter, self.path.sub) {
            (_, Some(sub)) => sub.required,
            (None, None) => attribute.required && !self.of_extension,
            (Some(_), None) => false,
        };
        if matches!(self.change, Change::Clear) && required {
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
        adopt(attribute, value);
        match (&self.filter, self.path.sub) {
            (Some(filter), sub) => self.on_elements(value, filter, sub, dialect)?,
            (None, Some(sub)) => self.on_part(value, sub)?,
            (None, None) => self.on_attribute(value)?,
        }
        let gone = value.is_unassigned() || value.as_object().is_some_and(Object::is_empty);
        if gone {
            home.retain(|n, _| n != attribute.name);
        }
        Ok(())
    }

    /// The element that an operation creates when its path matches nothing: the one that the filter describes. What it
    /// says is held to the schema like every other value.
    fn created(&self, filter: &BoundFilter<'_>, dialect: &Dialect) -> Result<Object, Fault> {
        let attribute = self.path.attribute;
        let describes = |e: &Object| matches(filter, e);
        let element = described(filter)
            .filter(|e| attribute.multi_valued && describes(e) && dialect.allows(Rule::CreateOnNoMatch))
            .ok_or_else(|| Fault::new(Kind::NoTarget, self.path.text(), "no value matches the filter of the path"))?;
        for (name, value) in element.iter() {
            if let Some(sub) = attribute.sub(name) {
                // What only the server says describes no value that a client could make (RFC 7643 §2.2).
                if sub.is_read_only() {
                    let why = format!("no value matches the filter of the path, and {name} is read-only");
                    return Err(Fault::new(Kind::NoTarget, self.path.text(), why));
                }
                canonical(sub, value.clone(), true, dialect).map_err(|f| f.within(&self.path.text()))?;
            }
        }
        Ok(element)
    }

    /// Refuses to make several values the primary one.
    fn one_primary(&self, sub: Option<&Attribute>, values: usize) -> Result<(), Fault> {
        let primary = sub.is_some_and(|s| s.name == "primary") && matches!(self.change, Change::Set(Json::Bool(true)));
        match primary && values > 1 {
            true => Err(Fault::new(Kind::InvalidValue, self.path.text(), "only one value can be the primary one")),
            false => Ok(()),
        }
    }

    fn on_attribute(&self, value: &mut Json) -> Result<(), Fault> {
        match &self.change {
            Change::Clear => *value = Json::Null,
            Change::Merge(parts) => merge(value, parts, self.path.attribute),
            Change::Set(Json::Array(new)) if self.verb == Verb::Add => {
                let mut list = taken(value);
                let old = list.len();
                let mut fresh = vec![false; old];
                let mut there: HashMap<String, usize> =
                    list.iter().enumerate().map(|(i, e)| (identity(self.path.attribute, e), i)).collect();
                for element in new {
                    match there
                        .get(&identity(self.path.attribute, element))
                        .and_then(|i| list.get_mut(*i).zip(fresh.get_mut(*i)))
                    {
                        // The same value of the same type again: what the request says of it besides is taken over.
                        Some((known, fresh)) => {
                            let was = known.clone();
                            if let Json::Object(known) = known {
                                for (name, value) in element.as_object().into_iter().flat_map(Object::iter) {
                                    known.set(name, value.clone());
                                }
                                order_parts(known, self.path.attribute);
                                *fresh = true;
                            }
                            keeps_immutable_parts(self.path.attribute, &was, known)?;
                        }
                        None => {
                            there.insert(identity(self.path.attribute, element), list.len());
                            list.push(element.clone());
                            fresh.push(true);
                        }
                    }
                }
                if list.len() > MAX_ELEMENTS {
                    return Err(Fault::new(
                        Kind::InvalidValue,
                        self.path.text(),
                        format!("it would have more than {MAX_ELEMENTS} values"),
                    ));
                }
                prefer(&mut list, |i| fresh.get(i) == Some(&true));
                *value = Json::Array(list);
            }
            Change::Set(new) => {
                let was = std::mem::replace(value, new.clone());
                if let (Json::Array(was), Json::Array(new)) = (&was, value) {
                    carry_elements(self.path.attribute, was, new, self.cleared.as_ref())?;
                }
            }
        }
        Ok(())
    }

    /// A part of a complex attribute; of all elements when there are several (§3.5.2.3).
    fn on_part(&self, value: &mut Json, sub: &Attribute) -> Result<(), Fault> {
        let attribute = self.path.attribute;
        if !attribute.multi_valued {
            set_part(value, sub, &self.change, attribute);
            return Ok(());
        }
        self.one_primary(Some(sub), value.elements().len())?;
        let mut list = taken(value);
        if list.is_empty() && matches!(self.change, Change::Set(_)) {
            list.push(Json::Object(Object::new()));
        }
        for element in &mut list {
            let was = element.clone();
            set_part(element, sub, &self.change, attribute);
            keeps_immutable_parts(attribute, &was, element)?;
        }
        list.retain(|e| e.as_object().is_some_and(|o| !o.is_empty()));
        *value = Json::Array(list);
        Ok(())
    }

    fn on_elements(
        &self,
        value: &mut Json,
        filter: &BoundFilter<'_>,
        sub: Option<&Attribute>,
        dialect: &Dialect,
    ) -> Result<(), Fault> {
        let attribute = self.path.attribute;
        let mut list = taken(value);
        let mut touched: Vec<bool> = list.iter().map(|e| e.as_object().is_some_and(|o| matches(filter, o))).collect();
        let removal = self.verb == Verb::Remove;
        let clears = matches!(self.change, Change::Clear);
        let says_nothing = matches!(&self.change, Change::Merge(parts) if parts.is_empty());
        if !clears && !says_nothing && !touched.contains(&true) {
            list.push(Json::Object(self.created(filter, dialect)?));
            touched.push(true);
        }
        for (element, _) in list.iter_mut().zip(&touched).filter(|(_, t)| **t) {
            let was = element.clone();
            match (sub, &self.change) {
                (Some(sub), change) => set_part(element, sub, change, attribute),
                (None, Change::Clear) => *element = Json::Null,
                (None, Change::Set(new)) => {
                    *element = new.clone();
                    keep_described(element, &was, filter, attribute);
                    carry_element(attribute, &was, element, self.cleared.as_ref())?;
                }
                (None, Change::Merge(parts)) => {
                    merge(element, parts, attribute);
                    keep_described(element, &was, filter, attribute);
                }
            }
            keeps_immutable_parts(attribute, &was, element)?;
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

/// The values of an attribute, to change and put back.
fn taken(value: &mut Json) -> Vec<Json> {
    match std::mem::take(value) {
        Json::Array(list) => list,
        Json::Null => Vec::new(),
        one => vec![one],
    }
}

/// What replaces an element keeps what the path says of it, or the next request would not find it again.
fn keep_described(element: &mut Json, was: &Json, filter: &BoundFilter<'_>, attribute: &Attribute) {
    let (Json::Object(element), Json::Object(was)) = (element, was) else { return };
    for (name, _) in described(filter).into_iter().flatten() {
        if let (None, Some(value)) = (element.get(&name), was.get(&name)) {
            element.push(name, value.clone());
        }
    }
    order_parts(element, attribute);
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
                Test::Number(Op::Eq, value) => Json::Number(value.clone()),
                Test::Time(Op::Eq, time) => time.to_string().into(),
                Test::Binary { op: Op::Eq, written, .. } => written.as_str().into(),
                // Of what is absent nothing has to be said.
                Test::Absent(true) => return true,
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

#[cfg(test)]
mod tests {
    use super::super::super::catalog::Catalog;
    use super::super::{Patch, Step};
    use super::*;

    /// What one operation makes of a person, or the kind of its fault.
    fn patched(operation: &str) -> Result<Object, Kind> {
        let catalog = Catalog::built_in().unwrap();
        let user = catalog.resource_type("User").unwrap();
        let dialect = Dialect::tolerant();
        let read = |text: &str| Json::parse(text.as_bytes()).unwrap();
        let Json::Object(mut document) = read(r#"{"userName":"ada","emails":[{"value":"a@x.io","type":"work"}]}"#)
        else {
            panic!()
        };
        let outcome = (|| {
            let body = read(&format!(r#"{{"Operations":[{operation}]}}"#));
            let plan = Patch::parse(body, user, &dialect)?.plan(user, &dialect)?;
            let before = document.clone();
            for step in &plan.steps {
                let Step::Document(step) = step else { panic!("people have no members") };
                step.apply(&mut document, &dialect)?;
            }
            PatchPlan::finish(&before, &mut document, user)
        })();
        outcome.map(|()| document).map_err(|f| f.kind)
    }

    #[test]
    fn what_a_filter_creates_fits_the_schema() {
        let add = |path: &str, value: &str| {
            patched(&format!(r#"{{"op":"add","path":{},"value":"{value}"}}"#, Json::from(path).text()))
        };
        let made = add(r#"x509Certificates[value eq "TUlJQg=="].display"#, "d").unwrap();
        assert_eq!(made.get("x509Certificates").unwrap().text(), r#"[{"value":"TUlJQg==","display":"d"}]"#);
        assert_eq!(add(r#"x509Certificates[value eq "no base64"].display"#, "d"), Err(Kind::InvalidValue));
    }
}
