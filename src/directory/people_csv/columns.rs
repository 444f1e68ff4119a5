//! What the names of columns mean: attribute paths as SCIM writes them, a few short ones, and what has a meaning of its own.

use super::cell::unmarked;
use super::text::{Table, Unreadable};
use crate::directory::local::dialect;
use crate::scim::catalog::{ENTERPRISE_SCHEMA, ResourceType};
use crate::scim::fault::quoted;
use crate::scim::filter::{Filter, Literal, Op};
use crate::scim::json::Json;
use crate::scim::name::fold;
use crate::scim::path::{AttrPath, BoundPath, PatchPath, Place};
use crate::scim::resource::is_discarded;
use crate::scim::schema::{Attribute, Schema, Type};

#[cfg(test)]
mod tests;

/// The column of groups.
pub const GROUPS: &str = "groups";
/// The column of the role that was given here.
pub const ROLE: &str = "role";
/// The column of the id.
pub const ID: &str = "id";

/// What the export writes beside that, and why it is not read.
pub const TOLD: [(&str, &str); 4] = [
    ("effectiveRole", "it is worked out"),
    ("source", "it tells where the record came from"),
    ("created", "the server keeps it"),
    ("lastModified", "the server keeps it"),
];

/// A column.
#[derive(Debug, Clone)]
pub struct Column<'c> {
    /// Its name, as it stands in the file.
    pub name: String,
    /// What it is about.
    pub meaning: Meaning<'c>,
}

/// What a column is about.
#[derive(Debug, Clone)]
pub enum Meaning<'c> {
    /// An attribute.
    Attribute(Target<'c>),
    /// Groups that the person is added to.
    Groups,
    /// The role that is given here.
    Role,
    /// Who is meant.
    Id,
    /// It is not read, for this reason.
    Unread(&'static str),
    /// It has no name, so nothing may stand in it.
    Nameless,
}

/// An attribute, or a part of one, that one cell can hold.
#[derive(Debug, Clone)]
pub struct Target<'c> {
    /// The attribute and its part.
    pub path: BoundPath<'c>,
    /// The type of the element, of an attribute with several values.
    pub kind: Option<String>,
}

impl<'c> Target<'c> {
    /// What a value is held to.
    pub fn leaf(&self) -> &'c Attribute {
        self.path.leaf()
    }

    /// Is this the userName?
    pub fn is_name(&self) -> bool {
        self.path.is("userName")
    }

    /// Does letter case count in the type?
    pub fn is_exact(&self) -> bool {
        self.path.attribute.sub("type").is_some_and(|s| s.case_exact)
    }

    /// A type, as types are compared.
    pub fn folded(&self, kind: &str) -> String {
        if self.is_exact() { kind.to_owned() } else { fold(kind) }
    }

    /// The same for two that are about the same.
    fn key(&self) -> (String, Option<String>) {
        (self.path.text(), self.kind.as_deref().map(|kind| self.folded(kind)))
    }

    /// Says whether its element is the first among several: `primary`, which only one of them is.
    pub fn is_primary(&self) -> bool {
        self.kind.is_some() && self.leaf().name == "primary"
    }

    /// The path of PATCH.
    pub fn text(&self) -> String {
        match &self.kind {
            None => self.path.text(),
            Some(kind) => format!("{}.{}", self.element(kind), self.leaf().name),
        }
    }

    /// The path of PATCH to the element as a whole.
    pub fn element(&self, kind: &str) -> String {
        let attribute = BoundPath { sub: None, ..self.path }.text();
        format!("{attribute}[type eq {}]", Json::from(kind).text())
    }

    /// The name for a header: short where that says the same.
    pub fn name(&self, of: &ResourceType) -> String {
        let short = match (&self.kind, self.path.extension) {
            (Some(kind), _) if self.leaf().name == "value" => format!("{}.{kind}", self.path.attribute.name),
            (Some(kind), _) => format!("{}.{kind}.{}", self.path.attribute.name, self.leaf().name),
            (None, Some(_)) if self.is_default() => self.path.attribute.name.clone(),
            (None, Some(_)) => format!("{}.{}", self.path.attribute.name, self.leaf().name),
            (None, None) => self.path.text(),
        };
        match target(&short, of) {
            Ok(found) if own(&short).is_none() && found.text() == self.text() => short,
            _ => self.text(),
        }
    }

    /// The `value` of a complex attribute stands for the attribute.
    fn is_default(&self) -> bool {
        self.path.sub.is_none_or(|s| s.name == "value")
    }
}

/// The columns of a file.
///
/// Errors: a sentence about a name that nothing has, or that stands there twice, and about a file that does not say who is
/// meant.
pub fn columns<'c>(table: &Table<'_>, of: &'c ResourceType) -> Result<Vec<Column<'c>>, Unreadable> {
    let mut columns: Vec<Column<'c>> = Vec::new();
    for (i, name) in table.header().iter().enumerate() {
        let name = unmarked(name).into_owned();
        let meaning = meaning(&name, of)
            .map_err(|why| Unreadable { line: Some(table.header_line()), why: format!("Column {}: {why}", i + 1) })?;
        let same = |other: &Column<'_>| match (&other.meaning, &meaning) {
            (Meaning::Attribute(a), Meaning::Attribute(b)) => a.key() == b.key(),
            (Meaning::Groups, Meaning::Groups) | (Meaning::Role, Meaning::Role) | (Meaning::Id, Meaning::Id) => true,
            (Meaning::Unread(_), Meaning::Unread(_)) => other.name.eq_ignore_ascii_case(&name),
            _ => false,
        };
        if let Some(first) = columns.iter().position(same) {
            let why = format!("The columns {} and {} are about the same: {}.", first + 1, i + 1, quoted(&name));
            return Err(Unreadable { line: Some(table.header_line()), why });
        }
        columns.push(Column { name, meaning });
    }
    let says_who = |c: &Column<'_>| match &c.meaning {
        Meaning::Attribute(target) => target.is_name(),
        meaning => matches!(meaning, Meaning::Id),
    };
    match columns.iter().any(says_who) {
        true => Ok(columns),
        false => Err(Unreadable {
            line: Some(table.header_line()),
            why: "No column is called userName, so nobody can be meant.".to_owned(),
        }),
    }
}

/// What has a meaning of its own, whatever attributes are called so.
fn own<'c>(name: &str) -> Option<Meaning<'c>> {
    let is = |other: &str| name.eq_ignore_ascii_case(other);
    let known = [(GROUPS, Meaning::Groups), (ROLE, Meaning::Role), (ID, Meaning::Id)];
    let known = known.into_iter().find(|(word, _)| is(word)).map(|(_, meaning)| meaning);
    known.or_else(|| TOLD.iter().find(|(told, _)| is(told)).map(|(_, why)| Meaning::Unread(why)))
}

fn meaning<'c>(name: &str, of: &'c ResourceType) -> Result<Meaning<'c>, String> {
    if name.is_empty() {
        return Ok(Meaning::Nameless);
    }
    if let Some(own) = own(name) {
        return Ok(own);
    }
    let target = target(name, of).map_err(|nothing| nothing.words(name, of))?;
    if is_discarded(target.path.attribute, of) {
        return Ok(Meaning::Unread("passwords are kept nowhere here"));
    }
    match target.path.attribute.is_read_only() || target.leaf().is_read_only() {
        true => Ok(Meaning::Unread("it is read-only")),
        false => Ok(Meaning::Attribute(target)),
    }
}

/// Why a name leads to no attribute.
#[derive(Debug)]
enum Nothing {
    /// Nothing is called so.
    Unknown,
    /// What is called so does not fit into a cell: a sentence.
    Unfit(String),
}

impl Nothing {
    /// In words. The names that are known are looked up only here: each of them is found by [`target`] in its turn.
    fn words(self, name: &str, of: &ResourceType) -> String {
        match self {
            Nothing::Unfit(why) => why,
            Nothing::Unknown => format!(
                "There is no attribute {}. Known are {}; docs/csv.md says what else is.",
                quoted(name),
                known(of).join(", ")
            ),
        }
    }
}

/// Finds what a name is about.
fn target<'c>(name: &str, of: &'c ResourceType) -> Result<Target<'c>, Nothing> {
    let short = match name {
        n if n.eq_ignore_ascii_case("email") => "emails.work",
        n if n.eq_ignore_ascii_case("phone") => "phoneNumbers.work",
        n => n,
    };
    if short.contains('[') {
        return bracketed(short, of).map_err(Nothing::Unfit)?.ok_or(Nothing::Unknown);
    }
    if let Some(found) = by_type(short, of) {
        return Ok(found);
    }
    let path = AttrPath::parse(short).ok().and_then(|p| p.bind(of, &dialect()));
    let path = match path {
        Some(Place::Attribute(path)) => path.to_value(),
        Some(_) => {
            return Err(Nothing::Unfit(format!("{} is a schema. A column is about one attribute.", quoted(name))));
        }
        None => of_extension(short, of).ok_or_else(|| unsuggested(short, of))?,
    };
    single(path, name, of).map_err(Nothing::Unfit)
}

/// The attribute, if one cell can hold it.
fn single<'c>(path: BoundPath<'c>, name: &str, of: &ResourceType) -> Result<Target<'c>, String> {
    if path.attribute.multi_valued || path.leaf().multi_valued {
        let example = match path.attribute.sub("type") {
            // The brackets fit whatever the schema suggests, and where it suggests nothing.
            Some(_) => match suggested(path.extension.unwrap_or(&of.schema), path.attribute).first() {
                Some(kind) if path.extension.is_none() => {
                    format!(
                        "; name one of them by its type, such as {}.{kind}{}",
                        path.attribute.name,
                        part(path, false)
                    )
                }
                _ => format!("; name one of them by its type, such as {}", bracket(path)),
            },
            None => ", which no cell can hold".to_owned(),
        };
        return Err(format!("{} has several values{example}.", quoted(name)));
    }
    match path.leaf().kind {
        Type::Complex => {
            Err(format!("{} has parts; name one of them, such as {name}.{}.", quoted(name), first_part(path)))
        }
        _ => Ok(Target { path, kind: None }),
    }
}

/// How an element of a type that nobody suggests is named.
fn bracket(path: BoundPath<'_>) -> String {
    let attribute = BoundPath { sub: None, ..path }.text();
    format!("{attribute}[type eq \"work\"]{}", part(path, true))
}

/// The part of an element that a cell can hold: its value, which need not be said, or the first of others.
fn part(path: BoundPath<'_>, said: bool) -> String {
    match path.attribute.sub("value") {
        Some(_) => if said { ".value" } else { "" }.to_owned(),
        None => {
            let first = path.attribute.sub_attributes.iter().find(|s| s.name != "type" && !s.multi_valued);
            first.map(|s| format!(".{}", s.name)).unwrap_or_default()
        }
    }
}

fn first_part(path: BoundPath<'_>) -> &str {
    path.attribute.sub_attributes.first().map_or("value", |s| s.name.as_str())
}

/// `department` of the enterprise extension, and `badge` of the only declared one that has it.
fn of_extension<'c>(name: &str, of: &'c ResourceType) -> Option<BoundPath<'c>> {
    let (first, sub) = name.split_once('.').map_or((name, None), |(first, sub)| (first, Some(sub)));
    let mut found = of.extensions.iter().filter_map(|(extension, _)| {
        let attribute = extension.attribute(first)?;
        let sub = match sub {
            Some(sub) => Some(attribute.sub(sub)?),
            None => None,
        };
        Some(BoundPath { extension: Some(extension.as_ref()), attribute, sub }.to_value())
    });
    let one = found.next()?;
    found.next().is_none().then_some(one)
}

/// `emails.work` and `addresses.work.locality`: by a type that the schema suggests.
fn by_type<'c>(name: &str, of: &'c ResourceType) -> Option<Target<'c>> {
    let mut words = name.split('.');
    let (first, kind, part, rest) = (words.next()?, words.next()?, words.next(), words.next());
    let attribute = of.schema.attribute(first).filter(|a| a.multi_valued && rest.is_none())?;
    let kind = suggested(&of.schema, attribute).into_iter().find(|k| k.eq_ignore_ascii_case(kind))?;
    let sub = attribute.sub(part.unwrap_or("value")).filter(|s| !s.multi_valued && s.name != "type")?;
    Some(Target { path: BoundPath { extension: None, attribute, sub: Some(sub) }, kind: Some(kind) })
}

/// `roles.work`, of which no schema knows such a type: how it is named all the same.
fn unsuggested(name: &str, of: &ResourceType) -> Nothing {
    let mut words = name.split('.');
    let (first, kind, part) = (words.next().unwrap_or_default(), words.next(), words.next());
    let list = of.schema.attribute(first).filter(|a| a.multi_valued && a.sub("type").is_some());
    match (list, kind) {
        (Some(list), Some(kind)) if !kind.is_empty() => {
            let part = part.unwrap_or("value");
            let kind = Json::from(kind).text();
            Nothing::Unfit(format!(
                "There is no attribute {}. A type that no schema suggests is named {}[type eq {kind}].{part}.",
                quoted(name),
                list.name
            ))
        }
        _ => Nothing::Unknown,
    }
}

/// The types that a schema suggests for the values of an attribute.
pub fn suggested(schema: &Schema, attribute: &Attribute) -> Vec<String> {
    let named = |list: &Json, name: &str| {
        let all = list.elements().iter().filter_map(Json::as_object);
        all.into_iter().find(|o| o.get("name").and_then(Json::as_str) == Some(name)).cloned()
    };
    let definition = schema.definition.as_object().and_then(|d| d.get("attributes"));
    let written = definition.and_then(|all| named(all, &attribute.name));
    let kind = written.and_then(|w| named(w.get("subAttributes")?, "type"));
    let values = kind.as_ref().and_then(|k| k.get("canonicalValues")).map(Json::elements).unwrap_or_default();
    values.iter().filter_map(Json::as_str).map(str::to_owned).collect()
}

/// `emails[type eq "work"].value`; none when there is no such attribute.
fn bracketed<'c>(name: &str, of: &'c ResourceType) -> Result<Option<Target<'c>>, String> {
    let dialect = dialect();
    let path = PatchPath::parse(name, &dialect).map_err(|fault| format!("{}.", fault.why))?;
    let Some(Place::Attribute(bound)) = path.attr.bind(of, &dialect) else { return Ok(None) };
    let kind = match path.filter {
        Some(Filter::Compare(of, Op::Eq, Literal::Text(kind))) if of.as_str().eq_ignore_ascii_case("type") => kind,
        _ => return Err(format!("{}: only type eq \"…\" can stand in the bracket.", quoted(name))),
    };
    if bound.sub.is_some() || !bound.attribute.multi_valued || bound.attribute.sub("type").is_none() {
        return Err(format!("{} has no values of several types.", quoted(&bound.text())));
    }
    let sub = path.sub.as_deref().unwrap_or("value");
    let fitting = |s: &&Attribute| !s.multi_valued && s.name != "type";
    let Some(sub) = bound.attribute.sub(sub).filter(fitting) else { return Ok(None) };
    Ok(Some(Target { path: BoundPath { sub: Some(sub), ..bound }, kind: Some(kind) }))
}

/// Every target without a type: those of the base schema, of the enterprise extension and of declared ones.
pub fn singles(of: &ResourceType) -> Vec<Target<'_>> {
    let own = of.common.attributes.iter().chain(&of.schema.attributes).map(|a| (None, a));
    let extensions = of.extensions.iter().flat_map(|(e, _)| e.attributes.iter().map(move |a| (Some(e.as_ref()), a)));
    let writable = |a: &Attribute| !a.is_read_only() && !a.multi_valued;
    let mut all = Vec::new();
    for (extension, attribute) in own.chain(extensions) {
        if !writable(attribute) || is_discarded(attribute, of) {
            continue;
        }
        let at = |sub| Target { path: BoundPath { extension, attribute, sub }, kind: None };
        match attribute.is_complex() {
            false => all.push(at(None)),
            true => all.extend(attribute.sub_attributes.iter().filter(|s| writable(s)).map(|s| at(Some(s)))),
        }
    }
    all
}

/// The names that somebody who has mistyped one may have meant.
fn known(of: &ResourceType) -> Vec<String> {
    let short = |t: &Target<'_>| {
        t.leaf().name != "$ref" && t.path.extension.is_none_or(|e| e.id == ENTERPRISE_SCHEMA || !e.built_in)
    };
    let mut all: Vec<String> = singles(of).iter().filter(|t| short(t)).map(|t| t.name(of)).collect();
    all.extend(["email", "phone", "emails.home", "phoneNumbers.mobile", GROUPS, ROLE].map(str::to_owned));
    all
}
