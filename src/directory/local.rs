//! What an administrator changes here, by command or on the settings page: it goes through the same checks as a change by
//! SCIM, and is the administrator's from then on.

use std::sync::Arc;

use super::lifecycle::{groups, known, people};
use super::{Ask, Caller, Reader, Refusal, Site, Writer, create, patch, remove};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::{Dialect, Rule, RuleSet};
use crate::scim::json::{Json, Object};
use crate::scim::list::Query;
use crate::scim::patch::Patch;
use crate::scim::resource::{Purpose, check};
use crate::scim::version::Conditions;
use crate::store::{Prepared, Row};

/// People or groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// People.
    Person,
    /// Groups.
    Group,
}

impl Kind {
    /// Their resource type.
    pub fn of(self, reader: &Reader<'_>) -> Result<Arc<ResourceType>, Refusal> {
        match self {
            Kind::Person => people(reader),
            Kind::Group => groups(reader),
        }
    }
}

/// What administrators may get wrong: what clients may, but for names that nobody knows. Those are refused, and not passed
/// over.
pub fn dialect() -> Dialect {
    let unknown = [Rule::UnknownPathSkipped, Rule::UnknownAttributes, Rule::UnknownMembers];
    Dialect::new(unknown.into_iter().fold(RuleSet::all(), RuleSet::without))
}

/// Runs a change of people or groups on behalf of a caller that [`Caller::local`] made.
pub fn act<T>(
    writer: &mut Writer<'_>,
    (site, caller): (&Site, &Caller),
    kind: Kind,
    work: impl FnOnce(&mut Writer<'_>, Ask<'_>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let of = kind.of(writer)?;
    let (wish, dialect) = (Query::default(), dialect());
    let ask =
        Ask { site, caller, of: &of, wish: &wish, conditions: &Conditions::NONE, dialect: &dialect, shows: false };
    work(writer, ask)
}

/// Makes a person or group of this document under an id that nobody has.
///
/// Errors: [`Refusal::Fault`] for a document that is none, [`Refusal::Taken`] for one that is there already.
pub fn make(writer: &mut Writer<'_>, ask: Ask<'_>, id: String, document: Object) -> Result<(), Refusal> {
    let mut body = Object::new();
    body.push("schemas", Json::Array(vec![ask.of.schema.id.as_str().into()]));
    for (name, value) in document {
        body.push(name, value);
    }
    let checked = check(body.into(), ask.of, Purpose::New, ask.dialect)?;
    let new = Prepared::of(checked.into_document(), ask.of);
    create(writer, ask, id, &new, &[])?;
    Ok(())
}

/// One operation of a PATCH.
pub fn operation(op: &str, path: &str, value: Option<Json>) -> Json {
    let mut operation = Object::new();
    operation.push("op", op);
    operation.push("path", path);
    if let Some(value) = value {
        operation.push("value", value);
    }
    operation.into()
}

/// Changes the person or group with this id by operations of PATCH. Says whether anything changed.
///
/// Errors: as those of a PATCH; what names something unknown is refused.
pub fn change(writer: &mut Writer<'_>, ask: Ask<'_>, id: &str, operations: Vec<Json>) -> Result<bool, Refusal> {
    let mut body = Object::new();
    body.push("Operations", Json::Array(operations));
    let patched = Patch::parse(body.into(), ask.of, ask.dialect)?;
    let before = writer.next_change();
    patch(writer, ask, id, patched)?;
    Ok(writer.next_change() > before)
}

/// Deletes the person, or archives the group, that is called so. Gives it as it was.
pub fn delete(writer: &mut Writer<'_>, ask: Ask<'_>, name: &str) -> Result<Row, Refusal> {
    let row = known(writer, ask.of, name)?;
    remove(writer, ask, &row.id)?;
    Ok(row)
}
