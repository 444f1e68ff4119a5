//! What an administrator says of a person in a form: the few attributes that applications commonly show, each a text.

use super::local::{change, make, operation};
use super::overwrites::{MOST, MOST_BYTES, before, size};
use super::show::version;
use super::{Ask, Refusal};
use crate::scim::catalog::ENTERPRISE_SCHEMA;
use crate::scim::json::{Json, Object};
use crate::scim::version::{Conditions, entity_tag};
use crate::store::{Reader, StoreError, Writer};

/// Where an attribute stands in the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// At the top.
    Top(&'static str),
    /// In `name`.
    Name(&'static str),
    /// The value for work of a list.
    Work(&'static str),
    /// In the enterprise extension.
    Enterprise(&'static str),
}

/// One attribute of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// Its name in the form.
    pub id: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// What there is to know about it; may be empty.
    pub hint: &'static str,
    /// Nobody is without it.
    pub required: bool,
    place: Place,
}

const fn field(id: &'static str, label: &'static str, hint: &'static str, place: Place) -> Field {
    Field { id, label, hint, required: false, place }
}

/// The attributes of the form, in its order.
pub const FIELDS: [Field; 8] = [
    Field {
        required: true,
        ..field(
            "user-name",
            "userName",
            "Unique, letter case does not count. Often the e-mail address.",
            Place::Top("userName"),
        )
    },
    field("given-name", "Given name", "", Place::Name("givenName")),
    field("family-name", "Family name", "", Place::Name("familyName")),
    field("display-name", "Display name", "", Place::Top("displayName")),
    field("email", "Work e-mail", "", Place::Work("emails")),
    field("title", "Title", "", Place::Top("title")),
    field("department", "Department", "", Place::Enterprise("department")),
    field("phone", "Work phone", "", Place::Work("phoneNumbers")),
];

/// For those whom no identity provider writes yet.
pub const EXTERNAL_ID: Field = field(
    "external-id",
    "externalId",
    "The id that an identity provider has for this person.",
    Place::Top("externalId"),
);

impl Field {
    /// Its value in a document; empty: it has none.
    pub fn of<'d>(&self, document: &'d Object) -> &'d str {
        let text = |object: Option<&'d Object>, name: &str| object?.get(name)?.as_str();
        let found = match self.place {
            Place::Top(name) => text(Some(document), name),
            Place::Name(part) => text(document.get("name").and_then(Json::as_object), part),
            Place::Enterprise(part) => text(document.get(ENTERPRISE_SCHEMA).and_then(Json::as_object), part),
            Place::Work(list) => elements(document, list).filter(|e| is_work(e)).find_map(|e| e.get("value")?.as_str()),
        };
        found.unwrap_or_default()
    }

    /// Is an attribute of this path, as a refusal names it, this one?
    pub fn is_at(&self, path: &str) -> bool {
        match self.place {
            Place::Top(name) => path == name,
            Place::Name(part) => path.strip_prefix("name.") == Some(part),
            Place::Work(list) => path == list || path.strip_prefix(list).is_some_and(|p| p.starts_with(['.', '['])),
            Place::Enterprise(part) => {
                path.strip_prefix(ENTERPRISE_SCHEMA).is_some_and(|p| p.trim_start_matches([':', ' ']) == part)
            }
        }
    }

    /// What was typed, as it is meant: what the browser makes of a value that it was given is that value, and blanks at
    /// both ends of a new one are an accident.
    pub fn meant<'t>(&self, typed: &'t str, shown: &'t str) -> &'t str {
        let is_same = typed.chars().eq(shown.chars().filter(|c| !matches!(c, '\r' | '\n')));
        if is_same { shown } else { typed.trim() }
    }

    /// The operation of PATCH that gives a document another value here; an empty one takes it away.
    fn operation(&self, document: &Object, new: &str) -> Json {
        let path = match self.place {
            Place::Top(name) => name.to_owned(),
            Place::Name(part) => format!("name.{part}"),
            Place::Enterprise(part) => format!("{ENTERPRISE_SCHEMA}:{part}"),
            Place::Work(list) => {
                let (old, of_work) = (self.of(document), "type eq \"work\"");
                let this = format!("{list}[{of_work} and value eq {}]", Json::from(old).text());
                match (old, new) {
                    (_, "") => this,
                    ("", _) if elements(document, list).next().is_none() => {
                        return operation("add", list, Some(at_work(new, list)));
                    }
                    ("", _) => format!("{list}[{of_work}].value"),
                    _ => format!("{this}.value"),
                }
            }
        };
        match new {
            "" => operation("remove", &path, None),
            new => operation("replace", &path, Some(new.into())),
        }
    }
}

fn elements<'d>(document: &'d Object, list: &str) -> impl Iterator<Item = &'d Object> {
    document.get(list).map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_object)
}

fn is_work(element: &Object) -> bool {
    element.get("type").and_then(Json::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("work"))
}

/// A list of one value for work. Of addresses, the only one is the first to be used.
fn at_work(value: &str, list: &str) -> Json {
    let mut element = Object::new();
    element.push("value", value);
    element.push("type", "work");
    if list == "emails" {
        element.push("primary", true);
    }
    Json::Array(vec![element.into()])
}

/// A person as the form shows it.
#[derive(Debug, Clone)]
pub struct Opened {
    /// The document.
    pub document: Object,
    /// Its version: an entity tag.
    pub version: String,
    /// An identity provider writes this person.
    pub is_provided: bool,
}

impl Opened {
    /// The attributes that the form has.
    pub fn fields(&self) -> Vec<Field> {
        let own = (!self.is_provided).then_some(EXTERNAL_ID);
        FIELDS.into_iter().chain(own).collect()
    }
}

/// The person with this id, for the form.
pub fn open(reader: &Reader<'_>, id: &str) -> Result<Option<Opened>, Refusal> {
    let of = super::lifecycle::people(reader)?;
    let Some(row) = reader.find(&of, id)? else { return Ok(None) };
    Ok(Some(Opened {
        document: row.document()?,
        version: version(reader, &row),
        is_provided: super::overwrites::is_provided(reader, id)?,
    }))
}

/// The document as it was in a version that a form was opened with, as far as that is still recorded.
pub fn opened_with(reader: &Reader<'_>, id: &str, now: &Object, tag: &str) -> Result<Option<Object>, StoreError> {
    let number = tag.rsplit_once('-').and_then(|(_, n)| n.trim_end_matches('"').parse::<i64>().ok());
    let Some(n) = number.filter(|n| entity_tag(reader.file_tag(), *n) == tag) else { return Ok(None) };
    let (mut then, mut is_known, mut bytes) = (now.clone(), false, 0);
    reader.each_attribute_change(id, MOST, |row| {
        // The version that it was opened with was written by one of them, unless it is older than the record.
        is_known = row.n <= n;
        if !is_known {
            then = before(&then, &row);
        }
        bytes += size(&row);
        !is_known && bytes < MOST_BYTES
    })?;
    Ok(is_known.then_some(then))
}

/// Makes a person of these texts under an id that nobody has.
pub fn make_person(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    id: String,
    texts: &[(Field, String)],
) -> Result<(), Refusal> {
    let mut document = Object::new();
    for (field, text) in texts.iter().filter(|(field, text)| field.required || !text.is_empty()) {
        let (home, part) = match field.place {
            Place::Top(name) => {
                document.push(name, text.as_str());
                continue;
            }
            Place::Work(list) => {
                document.push(list, at_work(text, list));
                continue;
            }
            Place::Name(part) => ("name", part),
            Place::Enterprise(part) => (ENTERPRISE_SCHEMA, part),
        };
        if document.get(home).is_none() {
            document.push(home, Object::new());
        }
        if let Some(Json::Object(parts)) = document.get_mut(home) {
            parts.push(part, text.as_str());
        }
    }
    make(writer, ask, id, document)
}

/// Gives the person with this id these texts: only what differs from what is there is changed. Says whether anything did.
///
/// Errors: [`Refusal::Stale`] when something is to be changed and the person does not have this version any longer.
pub fn save(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    id: &str,
    version: &str,
    texts: &[(Field, String)],
) -> Result<bool, Refusal> {
    let opened = open(writer, id)?.ok_or_else(|| Refusal::NotFound(ask.of.name.clone(), id.to_owned()))?;
    let document = &opened.document;
    let changed = texts.iter().filter_map(|(field, typed)| {
        let (there, typed) = (field.of(document), typed.as_str());
        let new = field.meant(typed, there);
        (new != there).then(|| field.operation(document, new))
    });
    let operations: Vec<Json> = changed.collect();
    if operations.is_empty() {
        return Ok(false);
    }
    let Ok(conditions) = Conditions::on_version(version) else { return Err(Refusal::Stale(opened.version)) };
    change(writer, Ask { conditions: &conditions, ..ask }, id, operations)
}

#[cfg(test)]
mod tests;
