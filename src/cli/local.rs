//! What the commands for people and groups have in common: a change here goes through the same checks as one by SCIM.

use std::sync::Arc;

use anyhow::Result;

use super::Opened;
use crate::clock::{date_time, fresh_id};
use crate::directory::lifecycle::{groups, known, people};
use crate::directory::{Ask, Caller, Reader, Refusal, Reply, Writer, create, patch, remove};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::{Dialect, Rule, RuleSet};
use crate::scim::json::{Json, Object};
use crate::scim::list::Query;
use crate::scim::patch::Patch;
use crate::scim::resource::{Purpose, check};
use crate::scim::version::Conditions;
use crate::store::{Prepared, Row};

/// People or groups.
#[derive(Clone, Copy, PartialEq, Eq)]
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

/// What people at a terminal may get wrong: what clients may, but for names that nobody knows. Those are refused, and
/// not passed over.
fn dialect() -> Dialect {
    let unknown = [Rule::UnknownPathSkipped, Rule::UnknownAttributes, Rule::UnknownMembers];
    Dialect::new(unknown.into_iter().fold(RuleSet::all(), RuleSet::without))
}

/// Runs a change as the command of this name.
pub fn act<T: Send + 'static>(
    opened: &Opened,
    command: &str,
    kind: Kind,
    work: impl FnOnce(&mut Writer<'_>, Ask<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T> {
    let (site, caller) = (opened.site.clone(), Caller::local(&format!("command:{command}"), ""));
    opened.write(move |writer| {
        let of = kind.of(writer)?;
        let (wish, dialect) = (Query::default(), dialect());
        let ask = Ask {
            site: &site,
            caller: &caller,
            of: &of,
            wish: &wish,
            conditions: &Conditions::NONE,
            dialect: &dialect,
            shows: false,
        };
        work(writer, ask)
    })
}

/// Makes a person or group, and gives the id.
pub fn make(opened: &Opened, command: &str, kind: Kind, document: Object) -> Result<String> {
    act(opened, command, kind, move |writer, ask| {
        let mut body = Object::new();
        body.push("schemas", Json::Array(vec![ask.of.schema.id.as_str().into()]));
        for (name, value) in document {
            body.push(name, value);
        }
        let checked = check(body.into(), ask.of, Purpose::New, ask.dialect)?;
        let (id, new) = (fresh_id(), Prepared::of(checked.into_document(), ask.of));
        create(writer, ask, id.clone(), &new, &[])?;
        Ok(id)
    })
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

/// Changes the person or group that is called so. Gives it as it was, and whether anything changed.
pub fn change(
    opened: &Opened,
    command: &str,
    kind: Kind,
    name: String,
    operations: impl FnOnce(&Reader<'_>) -> Result<Vec<Json>, Refusal> + Send + 'static,
) -> Result<(Row, bool)> {
    act(opened, command, kind, move |writer, ask| {
        let row = known(writer, ask.of, &name)?;
        let mut body = Object::new();
        body.push("Operations", Json::Array(operations(writer)?));
        let patched = Patch::parse(body.into(), ask.of, ask.dialect)?;
        let before = writer.next_change();
        let Reply { .. } = patch(writer, ask, &row.id, patched)?;
        Ok((row, writer.next_change() > before))
    })
}

/// Deletes the person, or archives the group, that is called so.
pub fn delete(opened: &Opened, command: &str, kind: Kind, name: String) -> Result<Row> {
    act(opened, command, kind, move |writer, ask| {
        let row = known(writer, ask.of, &name)?;
        remove(writer, ask, &row.id)?;
        Ok(row)
    })
}

/// A time for people: `2026-11-26 05:30`.
pub fn minute(at: i64) -> String {
    date_time(at).chars().take(16).collect::<String>().replace('T', " ")
}
