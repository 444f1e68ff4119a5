//! Deactivated, active again, gone, back: what that means beside the change itself (decisions P5 and P6).

use std::collections::HashSet;

use super::create::taken;
use super::overview::{Listed, listed_as};
use super::{Ask, Caller, Refusal};
use crate::scim::catalog::{GROUP_SCHEMA, ResourceType, USER_SCHEMA};
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::store::{Change, Delta, Departed, Guard, Prepared, Reader, Row, Source, StoreError, Writer};

/// What a group is called that comes back and finds its name taken.
const UNARCHIVED: &str = "_Unarchived";

/// Somebody is active who is not said to be deactivated.
pub fn is_active(document: &Object) -> bool {
    document.get("active") != Some(&Json::Bool(false))
}

/// Follows a person from active to deactivated, and back. Called before the change is recorded.
pub(super) fn moved(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    id: &str,
    before: &Object,
    after: &Object,
) -> Result<(), StoreError> {
    if !ask.of.is_user() {
        return Ok(());
    }
    match (is_active(before), is_active(after)) {
        (true, false) => writer.open_handover(id),
        (false, true) => writer.close_handover(id, &ask.caller.actor),
        _ => Ok(()),
    }
}

/// The resource type of people, and that of groups.
pub fn people(reader: &Reader<'_>) -> Result<std::sync::Arc<ResourceType>, Refusal> {
    of_schema(reader, USER_SCHEMA)
}

/// See [`people`].
pub fn groups(reader: &Reader<'_>) -> Result<std::sync::Arc<ResourceType>, Refusal> {
    of_schema(reader, GROUP_SCHEMA)
}

fn of_schema(reader: &Reader<'_>, schema: &str) -> Result<std::sync::Arc<ResourceType>, Refusal> {
    let found = reader.catalog().resource_types.iter().find(|t| t.schema.id == schema).cloned();
    found.ok_or_else(|| StoreError::Corrupt("a resource type of the RFC is not known".to_owned()).into())
}

/// The live person or group that an administrator means: by userName or displayName, or by id.
pub fn meant(reader: &Reader<'_>, of: &ResourceType, text: &str) -> Result<Option<Row>, StoreError> {
    match reader.key_by_name(of, &fold(text))? {
        Some(key) => Ok(reader.rows(&[key])?.pop()),
        None => reader.find(of, text),
    }
}

/// The same, or a sentence that there is none.
pub fn known(reader: &Reader<'_>, of: &ResourceType, text: &str) -> Result<Row, Refusal> {
    let nobody = || Refusal::Denied(format!("there is no {} with the name or id {text:?}", word(of)));
    meant(reader, of, text)?.ok_or_else(nobody)
}

fn word(of: &ResourceType) -> &'static str {
    if of.is_group() { "group" } else { "person" }
}

/// A person who was deleted, or a group that is archived.
#[derive(Debug, Clone)]
pub struct Gone {
    /// How it looked in a list.
    pub listed: Listed,
    /// When it left, in microseconds since 1970.
    pub at: i64,
    /// Who sent it away, as change rows name it; none: that is no longer recorded.
    pub by: Option<String>,
    /// The names of the members that a group had, and whether they are still there.
    pub members: Vec<(String, bool)>,
    /// The id that the same person has now, or had after it.
    pub later: Option<String>,
    /// The document as it was.
    pub document: Object,
}

/// Those of a type that have left, the last one first, and how many there are in all. Of a group at most so many members
/// are named.
pub fn gone(
    reader: &Reader<'_>,
    of: &ResourceType,
    offset: u64,
    limit: u64,
    names: usize,
) -> Result<(Vec<Gone>, u64), StoreError> {
    let page = reader.departed_page(of, offset, limit)?;
    let all = page.iter().map(|d| gone_as(reader, d, names)).collect::<Result<_, _>>()?;
    Ok((all, reader.departed_count(of)?))
}

/// The one of a type that left under this id.
pub fn gone_one(reader: &Reader<'_>, of: &ResourceType, id: &str, names: usize) -> Result<Option<Gone>, StoreError> {
    reader.departed(of, id)?.map(|d| gone_as(reader, &d, names)).transpose()
}

fn gone_as(reader: &Reader<'_>, departed: &Departed, names: usize) -> Result<Gone, StoreError> {
    let document = departed.document()?;
    let mut listed = listed_as(&departed.id, &document, departed.departed);
    listed.members = departed.members.len() as u64;
    let mut members = Vec::new();
    for id in departed.members.iter().take(names) {
        members.push(called(reader, id)?);
    }
    Ok(Gone {
        listed,
        at: departed.departed,
        by: reader.change_actor(departed.change)?,
        members,
        later: reader.later_ids(&departed.id)?.pop(),
        document,
    })
}

/// What a person or group of an id is called, here or gone; and whether it is here.
pub fn called(reader: &Reader<'_>, id: &str) -> Result<(String, bool), StoreError> {
    let types = || reader.catalog().resource_types.iter().filter(|t| t.is_user() || t.is_group());
    for of in types() {
        if let Some(row) = reader.find(of, id)? {
            return Ok((listed_as(id, &row.document()?, row.modified).name, true));
        }
    }
    for of in types() {
        if let Some(departed) = reader.departed(of, id)? {
            return Ok((listed_as(id, &departed.document()?, departed.departed).name, false));
        }
    }
    Ok((id.to_owned(), false))
}

/// Brings a deleted person, or an archived group, back with its id, its memberships and those of its members that are still
/// there. A group whose name is taken by now gets another one. Gives the name.
///
/// Errors: a sentence when nobody left under this id, and [`Refusal::Taken`] when a person's name or another unique
/// attribute is somebody else's by now.
pub fn restore(writer: &mut Writer<'_>, caller: &Caller, of: &ResourceType, id: &str) -> Result<String, Refusal> {
    let Some(departed) = writer.departed(of, id)? else {
        let kept = if of.is_group() { "archived" } else { "deleted" };
        return Err(Refusal::Denied(format!("there is no {kept} {} with the id {id:?}", word(of))));
    };
    let mut document = departed.document()?;
    if of.is_group() {
        let name = free_name(writer, of, &document)?;
        document.set("displayName", name);
    }
    let prepared = Prepared::of(document, of);
    let row = writer.bring_back(of, &departed, &prepared).map_err(|e| taken(e, of, &prepared.document))?;
    let mut delta = Delta::default();
    let (local, provided): (Vec<String>, Vec<String>) =
        departed.members.iter().cloned().partition(|m| departed.local.contains(m));
    writer.add_members(row.pk, &provided, Source::Provider, &mut delta)?;
    writer.add_members(row.pk, &local, Source::Local, &mut delta)?;
    writer.settle_members(row.pk, &delta)?;
    if of.is_user() && is_active(&prepared.document) {
        writer.close_handover(id, &caller.actor)?;
    }
    let listed = listed_as(id, &prepared.document, row.modified);
    let request = Some(caller.request.as_str());
    writer.record(&Change {
        actor: &caller.actor,
        request,
        op: "restore",
        code: Some(row.code),
        resource: Some(id),
        added: delta.added(),
        ..Change::default()
    })?;
    rejoin(writer, caller, id, &departed.groups, &departed.local)?;
    Ok(listed.name)
}

/// Puts somebody into those of the groups that are there, as it was added to them before.
fn rejoin(
    writer: &mut Writer<'_>,
    caller: &Caller,
    id: &str,
    groups: &[String],
    local: &HashSet<String>,
) -> Result<(), Refusal> {
    for group in groups {
        let source = if local.contains(group) { Source::Local } else { Source::Provider };
        join(writer, caller, group, id, source)?;
    }
    Ok(())
}

/// Adds somebody to a group, if that is there and has no such member yet; with a change of its own.
pub(super) fn join(
    writer: &mut Writer<'_>,
    caller: &Caller,
    group: &str,
    id: &str,
    source: Source,
) -> Result<bool, Refusal> {
    let of = groups(writer)?;
    let Some((pk, code)) = writer.key_of(group)?.filter(|(_, code)| *code == writer.code(&of)) else {
        return Ok(false);
    };
    let mut delta = Delta::default();
    writer.add_members(pk, &[id.to_owned()], source, &mut delta)?;
    if delta.is_empty() {
        return Ok(false);
    }
    writer.touch(pk)?;
    writer.settle_members(pk, &delta)?;
    writer.record(&Change {
        actor: &caller.actor,
        request: Some(&caller.request),
        op: "member.joined",
        code: Some(code),
        resource: Some(group),
        added: delta.added(),
        ..Change::default()
    })?;
    Ok(true)
}

/// The name of a group that comes back: its own, or with as many endings as it takes for nobody to have it.
fn free_name(writer: &Writer<'_>, of: &ResourceType, document: &Object) -> Result<String, StoreError> {
    let own = document.get("displayName").and_then(Json::as_str).unwrap_or_default().to_owned();
    let is_free = |name: &str| Ok::<_, StoreError>(writer.key_by_name(of, &fold(name))?.is_none());
    if is_free(&own)? {
        return Ok(own);
    }
    let first = format!("{own}{UNARCHIVED}");
    let mut name = first.clone();
    let mut number = 1;
    while !is_free(&name)? {
        number += 1;
        name = format!("{first}{number}");
    }
    Ok(name)
}

/// How the consequence guard stands: very many people left within minutes, and nobody has looked yet.
pub fn guard(reader: &Reader<'_>) -> Result<Option<Guard>, StoreError> {
    reader.guard()
}

/// Ends the guard: somebody has looked. Gives what there was to look at.
pub fn release_guard(writer: &mut Writer<'_>, actor: &str) -> Result<Option<Guard>, StoreError> {
    let found = writer.release_guard()?;
    if let Some(guard) = found {
        let after = Some(format!("{{\"left\":{}}}", guard.count));
        writer.record(&Change { actor, op: "guard.release", after, ..Change::default() })?;
    }
    Ok(found)
}
