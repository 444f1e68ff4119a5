//! Deactivated, active again, gone, back: what that means beside the change itself (decisions P5 and P6).

use super::guard::Retention;
use super::overview::{Listed, listed_as};
use super::{Ask, Caller, Refusal};
use crate::scim::catalog::{GROUP_SCHEMA, ResourceType, USER_SCHEMA};
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::store::{Change, Delta, Handover, Kept, Reader, Row, Source, StoreError, Writer};

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
    if is_another(before, after) {
        writer.end_sessions_of(id)?;
    }
    match (is_active(before), is_active(after)) {
        (true, false) => {
            // Whoever is deactivated is signed out at once, and stays so when active again.
            writer.end_sessions_of(id)?;
            writer.open_handover(id)
        }
        (false, true) => writer.close_handover(id, &ask.caller.actor),
        _ => Ok(()),
    }
}

/// Does a record become that of somebody else, as far as the identity provider can say? Whoever had it is signed out, and
/// comes in again if it is still the same person.
fn is_another(before: &Object, after: &Object) -> bool {
    let differs = |name: &str| before.get(name) != after.get(name);
    // People without one are known by their name.
    differs("externalId") || (after.get("externalId").is_none() && differs("userName"))
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

/// The live person or group that an administrator means: by id, or else by userName or displayName. Whoever is called like
/// somebody's id does not take that one's place.
pub fn meant(reader: &Reader<'_>, of: &ResourceType, text: &str) -> Result<Option<Row>, StoreError> {
    match (reader.find(of, text)?, reader.key_by_name(of, &fold(text))?) {
        (None, Some(key)) => Ok(reader.rows(&[key])?.pop()),
        (found, _) => Ok(found),
    }
}

/// The same, or a sentence that there is none.
pub fn known(reader: &Reader<'_>, of: &ResourceType, text: &str) -> Result<Row, Refusal> {
    let nobody = || Refusal::Denied(format!("there is no {} with the name or id {text:?}", word(of)));
    meant(reader, of, text)?.ok_or_else(nobody)
}

pub(super) fn word(of: &ResourceType) -> &'static str {
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
    /// The last hand-over of a person. While it is open the record stays.
    pub handover: Option<Handover>,
    /// When the record of a person goes for good, if no guard holds; none: never.
    pub end: Option<i64>,
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
    names: u64,
) -> Result<(Vec<Gone>, u64), StoreError> {
    let page = reader.kept_page(of, offset, limit, names)?;
    let all = page.iter().map(|kept| gone_as(reader, of, kept)).collect::<Result<_, _>>()?;
    Ok((all, reader.departed_count(of)?))
}

/// The one of a type that left under this id.
pub fn gone_one(reader: &Reader<'_>, of: &ResourceType, id: &str, names: u64) -> Result<Option<Gone>, StoreError> {
    reader.kept(of, id, names)?.map(|kept| gone_as(reader, of, &kept)).transpose()
}

fn gone_as(reader: &Reader<'_>, of: &ResourceType, kept: &Kept) -> Result<Gone, StoreError> {
    let document = kept.document()?;
    let mut listed = listed_as(&kept.id, &document, kept.departed);
    listed.members = kept.members;
    Ok(Gone {
        listed,
        at: kept.departed,
        by: reader.change_actor(kept.change)?,
        members: kept.named.iter().map(|id| called(reader, id)).collect::<Result<_, _>>()?,
        later: reader.later_ids(&kept.id)?.pop(),
        handover: reader.handovers_of(&kept.id)?.into_iter().next(),
        end: if of.is_user() { Retention::of(reader).end(kept.departed) } else { None },
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

/// The first of some people or groups: the id, and what it is called, here or gone.
pub fn names_of(reader: &Reader<'_>, ids: &[String], most: usize) -> Result<Vec<(String, String)>, StoreError> {
    ids.iter().take(most).map(|id| Ok((id.clone(), called(reader, id)?.0))).collect()
}

/// Those of some groups that are there.
pub(super) fn still_there<'g>(reader: &Reader<'_>, groups: &'g [String]) -> Result<Vec<&'g String>, Refusal> {
    let of = self::groups(reader)?;
    let mut there = Vec::new();
    for id in groups {
        if reader.key_of(id)?.is_some_and(|(_, code)| code == reader.code(&of)) {
            there.push(id);
        }
    }
    Ok(there)
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
