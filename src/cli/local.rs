//! What the commands for people and groups have in common.

use anyhow::Result;

use super::Opened;
use crate::clock::{date_time, fresh_id};
use crate::directory::lifecycle::known;
use crate::directory::{Ask, Caller, Reader, Refusal, Writer, local};
use crate::scim::json::{Json, Object};
use crate::store::Row;

pub use crate::directory::local::{Kind, operation};

/// Runs a change as the command of this name.
pub fn act<T: Send + 'static>(
    opened: &Opened,
    command: &str,
    kind: Kind,
    work: impl FnOnce(&mut Writer<'_>, Ask<'_>) -> Result<T, Refusal> + Send + 'static,
) -> Result<T> {
    let (site, caller) = (opened.site.clone(), Caller::local(&format!("command:{command}"), ""));
    opened.write(move |writer| local::act(writer, (&site, &caller), kind, work))
}

/// Makes a person or group, and gives the id.
pub fn make(opened: &Opened, command: &str, kind: Kind, document: Object) -> Result<String> {
    act(opened, command, kind, move |writer, ask| {
        let id = fresh_id();
        local::make(writer, ask, id.clone(), document)?;
        Ok(id)
    })
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
        let operations = operations(writer)?;
        let changed = local::change(writer, ask, &row.id, operations)?;
        Ok((row, changed))
    })
}

/// Deletes the person, or archives the group, that is called so.
pub fn delete(opened: &Opened, command: &str, kind: Kind, name: String) -> Result<Row> {
    act(opened, command, kind, move |writer, ask| local::delete(writer, ask, &name))
}

/// A time for people: `2026-11-26 05:30`.
pub fn minute(at: i64) -> String {
    date_time(at).chars().take(16).collect::<String>().replace('T', " ")
}
