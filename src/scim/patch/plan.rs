//! A PATCH bound to a resource type: every path found, every value in canonical form, nothing applied yet.

use super::super::bound::{BoundFilter, Test};
use super::super::carry::Cleared;
use super::super::catalog::ResourceType;
use super::super::dialect::{Dialect, Rule};
use super::super::fault::{Fault, Kind, quoted};
use super::super::filter::Op;
use super::super::json::{Json, Object};
use super::super::path::{BoundPath, PatchPath, Place};
use super::super::resource::{canonical, canonical_one, is_discarded, member_ids, unknown};
use super::super::schema::{Attribute, Schema};
use super::{Operation, Patch, Verb};

/// The steps of a PATCH, to be taken in order, all or none.
#[derive(Debug)]
pub struct PatchPlan<'c> {
    /// The resource type.
    pub of: &'c ResourceType,
    /// The steps.
    pub steps: Vec<Step<'c>>,
    /// Paths and names that no schema knows; they were passed over.
    pub ignored: Vec<String>,
}

/// One step: on the document, or on the rows of a group's members.
#[derive(Debug)]
pub enum Step<'c> {
    /// Changes the document.
    Document(DocumentStep<'c>),
    /// Changes who is a member.
    Members(MemberStep<'c>),
}

/// A change of members, as ids.
#[derive(Debug)]
pub enum MemberStep<'c> {
    /// These come in, if they are not there yet.
    Add(Vec<String>),
    /// This one goes, if it is there.
    Remove(String),
    /// Those go that pass the filter, whose paths are the parts of `members`.
    RemoveMatching(BoundFilter<'c>),
    /// These and no others.
    Replace(Vec<String>),
}

/// A change of one attribute of the document.
#[derive(Debug)]
pub struct DocumentStep<'c> {
    /// The attribute, or a part of it.
    pub path: BoundPath<'c>,
    /// Which elements of the attribute.
    pub filter: Option<BoundFilter<'c>>,
    /// add or replace (a removal is [`Change::Clear`]).
    pub verb: Verb,
    /// What becomes of it.
    pub change: Change<'c>,
    /// What the value gives as null, in what it replaces.
    pub cleared: Option<Cleared>,
    /// Its whole extension goes.
    pub of_extension: bool,
}

/// What becomes of an attribute or an element.
#[derive(Debug)]
pub enum Change<'c> {
    /// It gets this value.
    Set(Json),
    /// Its parts get these values, or lose theirs; other parts stay.
    Merge(Vec<(&'c Attribute, Option<Json>)>),
    /// It goes.
    Clear,
}

impl Patch {
    /// Binds every operation.
    ///
    /// Errors: [`Kind::InvalidPath`] when the only operations are on attributes that do not exist (beside others they
    /// are passed over, so that an `active:false` in the same request is not lost), [`Kind::Mutability`] for a read-only
    /// target, [`Kind::InvalidValue`] for a value that does not fit, [`Kind::InvalidFilter`] for a bracket.
    pub fn plan<'c>(self, of: &'c ResourceType, dialect: &Dialect) -> Result<PatchPlan<'c>, Fault> {
        let mut planner =
            Planner { of, dialect, steps: Vec::new(), ignored: Vec::new(), understood: 0, first_unknown: None };
        for (i, operation) in self.operations.into_iter().enumerate() {
            planner.operation(operation).map_err(|f| f.within(&format!("operation {}", i + 1)))?;
        }
        match planner.first_unknown {
            Some(fault) if planner.understood == 0 || !dialect.allows(Rule::UnknownPathSkipped) => Err(fault),
            _ => Ok(PatchPlan { of, steps: planner.steps, ignored: planner.ignored }),
        }
    }
}

struct Planner<'c, 'd> {
    of: &'c ResourceType,
    dialect: &'d Dialect,
    steps: Vec<Step<'c>>,
    ignored: Vec<String>,
    understood: usize,
    first_unknown: Option<Fault>,
}

impl<'c> Planner<'c, '_> {
    fn operation(&mut self, operation: Operation) -> Result<(), Fault> {
        let Operation { verb, path, value } = operation;
        let Some(path) = path else { return self.whole(verb, value) };
        match path.attr.bind(self.of, self.dialect) {
            None => {
                self.unknown(path.attr.as_str());
                Ok(())
            }
            Some(Place::Resource) if verb != Verb::Remove => self.whole(verb, value),
            Some(Place::Resource) => Err(Fault::new(Kind::NoTarget, "path", "a resource is not removed by PATCH")),
            Some(Place::Extension(extension)) => self.extension(verb, extension, value),
            Some(Place::Attribute(bound)) => self.attribute(verb, bound, path, value),
        }
    }

    fn unknown(&mut self, path: &str) {
        let why = format!("no attribute is called {}", quoted(path));
        self.first_unknown.get_or_insert(Fault::new(Kind::InvalidPath, "path", why));
        self.ignored.push(path.to_owned());
    }

    /// An operation without a path: each name in its value is a target (§3.5.2.1, §3.5.2.3).
    fn whole(&mut self, verb: Verb, value: Json) -> Result<(), Fault> {
        let Json::Object(value) = value else {
            return Err(Fault::new(
                Kind::InvalidValue,
                "value",
                format!("an object is expected, not {}", value.what()),
            ));
        };
        self.understood += 1;
        for (name, value) in value {
            if let Some(attribute) = self.of.attribute(&name) {
                if attribute.name == "schemas" {
                    continue;
                }
                if attribute.is_read_only() {
                    self.echoed(attribute)?;
                    continue;
                }
                self.plain(verb, BoundPath { extension: None, attribute, sub: None }, value)?;
            } else if let Some(extension) = self.of.extension(&name) {
                self.extension(verb, extension, value)?;
            } else {
                unknown(&name, self.dialect)?;
                self.ignored.push(name);
            }
        }
        Ok(())
    }

    fn echoed(&self, attribute: &Attribute) -> Result<(), Fault> {
        match self.dialect.allows(Rule::ReadOnlyEcho) {
            true => Ok(()),
            false => Err(read_only(&attribute.name)),
        }
    }

    fn extension(&mut self, verb: Verb, extension: &'c Schema, value: Json) -> Result<(), Fault> {
        self.understood += 1;
        let at = |attribute| BoundPath { extension: Some(extension), attribute, sub: None };
        match value {
            _ if verb == Verb::Remove => self.clear_all(extension),
            Json::Null if verb == Verb::Replace => self.clear_all(extension),
            Json::Null => {}
            Json::Object(value) => {
                for (name, value) in value {
                    match extension.attribute(&name) {
                        Some(attribute) if attribute.is_read_only() => self.echoed(attribute)?,
                        Some(attribute) => self.plain(verb, at(attribute), value)?,
                        None => {
                            unknown(&name, self.dialect)?;
                            self.ignored.push(format!("{}:{name}", extension.id));
                        }
                    }
                }
            }
            other => {
                return Err(Fault::new(
                    Kind::InvalidValue,
                    extension.id.as_str(),
                    format!("an object is expected, not {}", other.what()),
                ));
            }
        }
        Ok(())
    }

    /// The extension goes as a whole, so what is required in it can go. Whether the resource can be without it is seen when
    /// all is done. What is the server's stays.
    fn clear_all(&mut self, extension: &'c Schema) {
        for attribute in extension.attributes.iter().filter(|a| !a.is_read_only()) {
            let path = BoundPath { extension: Some(extension), attribute, sub: None };
            self.steps.push(Step::Document(DocumentStep {
                path,
                filter: None,
                verb: Verb::Replace,
                change: Change::Clear,
                cleared: None,
                of_extension: true,
            }));
        }
    }

    fn attribute(&mut self, verb: Verb, bound: BoundPath<'c>, path: PatchPath, value: Json) -> Result<(), Fault> {
        let Some(filter) = path.filter else {
            self.understood += 1;
            return self.plain(verb, bound, one_more(verb, bound, value));
        };
        let invalid = |why: &str| Fault::new(Kind::InvalidPath, "path", why);
        if bound.sub.is_some() || !bound.attribute.is_complex() {
            return Err(invalid("only a complex attribute can stand in front of a bracket"));
        }
        if let Some(name) = filter.stranger(bound.attribute) {
            let why = format!("no attribute is called {}", quoted(name.as_str()));
            self.first_unknown.get_or_insert(Fault::new(Kind::InvalidFilter, "path", why));
            self.ignored.push(bound.text());
            return Ok(());
        }
        // Only what nobody here knows may be passed over; a condition that makes no sense is nobody's dialect.
        let filter = filter.bind_parts(bound.attribute, self.dialect).map_err(|f| f.within("path"))?;
        let sub = match &path.sub {
            None => None,
            Some(name) => match bound.attribute.sub(name) {
                Some(sub) => Some(sub),
                None => {
                    self.unknown(&format!("{}[…].{name}", bound.attribute.name));
                    return Ok(());
                }
            },
        };
        self.understood += 1;
        if self.is_members(bound) {
            return self.members_by_filter(verb, filter, sub, bound);
        }
        self.writable(bound, sub)?;
        let cleared = Cleared::of_element(sub.unwrap_or(bound.attribute), &value);
        let change = match (verb, sub) {
            (Verb::Remove, _) => Change::Clear,
            (_, Some(sub)) => self.leaf(sub, value)?,
            // `add` puts parts into the elements that match, `replace` puts the value in their place.
            (Verb::Add, None) => self.parts(bound.attribute, value)?,
            (Verb::Replace, None) if self.is_empty_text(&value) => Change::Clear,
            (Verb::Replace, None) => {
                let unassigned = value.is_unassigned();
                match canonical_one(bound.attribute, value, false, self.dialect).map_err(|f| f.within(&bound.text()))? {
                    Some(value) => Change::Set(value),
                    None if unassigned => Change::Clear,
                    // Nothing in it is known here: nothing is said.
                    None => Change::Merge(Vec::new()),
                }
            }
        };
        if adds_nothing(verb, &change) {
            return Ok(());
        }
        let path = BoundPath { sub, ..bound };
        self.steps.push(Step::Document(DocumentStep {
            path,
            filter: Some(filter),
            verb,
            change,
            cleared,
            of_extension: false,
        }));
        Ok(())
    }

    fn plain(&mut self, verb: Verb, path: BoundPath<'c>, value: Json) -> Result<(), Fault> {
        if path.is("schemas") || (path.extension.is_none() && is_discarded(path.attribute, self.of)) {
            return Ok(());
        }
        if self.is_members(path) {
            return self.members(verb, path, value);
        }
        self.writable(path, path.sub)?;
        let cleared = Cleared::of(path.leaf(), &value);
        let change = match (verb, path.sub) {
            (Verb::Remove, _) => Change::Clear,
            (_, Some(sub)) => self.leaf(sub, value)?,
            (_, None) if path.attribute.is_complex() && !path.attribute.multi_valued => {
                self.parts(path.attribute, value)?
            }
            (_, None) => self.leaf(path.attribute, value)?,
        };
        if adds_nothing(verb, &change) {
            return Ok(());
        }
        self.steps.push(Step::Document(DocumentStep {
            path,
            filter: None,
            verb,
            change,
            cleared,
            of_extension: false,
        }));
        Ok(())
    }

    /// `""` clears what need not be there; only text that is required keeps it, to be refused with a reason.
    fn is_empty_text(&self, value: &Json) -> bool {
        value.as_str() == Some("") && self.dialect.allows(Rule::EmptyClears)
    }

    fn leaf(&self, attribute: &'c Attribute, value: Json) -> Result<Change<'c>, Fault> {
        if !attribute.required && self.is_empty_text(&value) {
            return Ok(Change::Clear);
        }
        let says_something = value.elements().iter().any(|e| *e != Json::Null);
        Ok(match canonical(attribute, value, true, self.dialect)? {
            Some(value) => Change::Set(value),
            // `[{"unknown":1}]`: nothing in it is known here, so nothing is said.
            None if says_something && attribute.multi_valued => Change::Merge(Vec::new()),
            None => Change::Clear,
        })
    }

    /// A complex value changes the parts that it names: "replaces any existing values or adds where an attribute did not
    /// previously exist" (§3.5.2.3, first rule for complex attributes). Parts that are null or `""` go.
    fn parts(&self, attribute: &'c Attribute, value: Json) -> Result<Change<'c>, Fault> {
        if value.is_unassigned() || self.is_empty_text(&value) {
            return Ok(Change::Clear);
        }
        let checked =
            canonical_one(attribute, value.clone(), false, self.dialect).map_err(|f| f.within(&attribute.name))?;
        let given = match value {
            Json::Array(mut list) => list.pop().unwrap_or_default(),
            value => value,
        };
        let Json::Object(given) = given else {
            // A bare value in the place of the object.
            return Ok(match checked {
                Some(Json::Object(parts)) => Change::Merge(all_parts(attribute, parts)),
                _ => Change::Clear,
            });
        };
        let Some(Json::Object(parts)) = checked else {
            // `{"value":""}` is a reference to nobody.
            let nobody = given.find("value").and_then(Json::as_str) == Some("");
            return Ok(if nobody { Change::Clear } else { Change::Merge(self.gone(attribute, &given)) });
        };
        let gone = self.gone(attribute, &given);
        let mut merged: Vec<_> = all_parts(attribute, parts);
        merged.retain(|(sub, _)| !gone.iter().any(|(g, _)| g.name == sub.name));
        merged.extend(gone);
        Ok(Change::Merge(merged))
    }

    /// The parts that a value takes away.
    fn gone(&self, attribute: &'c Attribute, given: &Object) -> Vec<(&'c Attribute, Option<Json>)> {
        let going = given.iter().filter(|(_, v)| v.is_unassigned() || self.is_empty_text(v));
        going
            .filter_map(|(n, _)| attribute.sub(n).filter(|s| !s.is_read_only() && !s.required).map(|s| (s, None)))
            .collect()
    }

    fn writable(&self, path: BoundPath<'_>, sub: Option<&Attribute>) -> Result<(), Fault> {
        match path.attribute.is_read_only() || sub.is_some_and(Attribute::is_read_only) {
            true => Err(read_only(&path.text())),
            false => Ok(()),
        }
    }

    fn is_members(&self, path: BoundPath<'_>) -> bool {
        self.of.is_group() && path.is("members")
    }

    fn members(&mut self, verb: Verb, path: BoundPath<'_>, value: Json) -> Result<(), Fault> {
        if let Some(sub) = path.sub {
            return Err(Fault::new(
                Kind::Mutability,
                "path",
                format!("members are added and removed whole; {} cannot change", sub.name),
            ));
        }
        let step = match verb {
            Verb::Remove => MemberStep::Replace(Vec::new()),
            Verb::Add => MemberStep::Add(member_ids(&value, path.attribute, self.dialect)?),
            Verb::Replace => MemberStep::Replace(member_ids(&value, path.attribute, self.dialect)?),
        };
        self.steps.push(Step::Members(step));
        Ok(())
    }

    fn members_by_filter(
        &mut self,
        verb: Verb,
        filter: BoundFilter<'c>,
        sub: Option<&Attribute>,
        path: BoundPath<'_>,
    ) -> Result<(), Fault> {
        match (verb, sub) {
            (Verb::Remove, None) => {}
            (_, Some(_)) => return Err(Fault::new(Kind::Mutability, "path", "members are added and removed whole")),
            (_, None) => {
                let why =
                    format!("{} cannot be written to by filter: list the members in the value", path.attribute.name);
                return Err(Fault::new(Kind::NoTarget, "path", why));
            }
        }
        self.steps.push(Step::Members(match filter {
            BoundFilter::Compare(p, Test::Text { op: Op::Eq, value, exact: true, .. })
                if p.attribute.name == "value" =>
            {
                MemberStep::Remove(value)
            }
            filter => MemberStep::RemoveMatching(filter),
        }));
        Ok(())
    }
}

/// "If the target location specifies a multi-valued attribute, a new value is added" (RFC 7644 §3.5.2.1): one value is as
/// good as a list of one there.
fn one_more(verb: Verb, target: BoundPath<'_>, value: Json) -> Json {
    match value {
        one @ Json::Object(_) if verb == Verb::Add && target.sub.is_none() && target.attribute.multi_valued => {
            Json::Array(vec![one])
        }
        value => value,
    }
}

/// Adding nothing changes nothing: `add` with null or "" does not clear.
fn adds_nothing(verb: Verb, change: &Change<'_>) -> bool {
    let nothing = match change {
        Change::Clear => true,
        Change::Merge(parts) => parts.iter().all(|(_, v)| v.is_none()),
        Change::Set(_) => false,
    };
    verb == Verb::Add && nothing
}

fn read_only(name: &str) -> Fault {
    Fault::new(Kind::Mutability, name, "the attribute is read-only")
}

fn all_parts(attribute: &Attribute, parts: Object) -> Vec<(&Attribute, Option<Json>)> {
    parts.into_iter().filter_map(|(n, v)| Some((attribute.sub(&n)?, Some(v)))).collect()
}
