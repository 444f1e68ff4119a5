//! A deleted person, or an archived group, comes back (decisions P5 and P6): what that would bring, and the deed.

use std::collections::HashSet;

use super::create::taken;
use super::lifecycle::{is_active, join, still_there, word};
use super::overview::listed_as;
use super::{Caller, Refusal};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::store::{Change, Delta, Prepared, Reader, Source, StoreError, Writer};

/// What a group is called that comes back and finds its name taken.
const UNARCHIVED: &str = "_Unarchived";

/// What would come back.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The name as it was: the userName of a person, the displayName of a group.
    pub own: String,
    /// The name that it will have.
    pub name: String,
    /// Who has the name by now: the id. A person cannot come back then.
    pub holder: Option<String>,
    /// In which state.
    pub active: bool,
    /// The ids of the groups that it will be in again.
    pub groups: Vec<String>,
    /// The ids of those that are no longer there.
    pub lost: Vec<String>,
    /// How many members a group had.
    pub members: u64,
    /// And how many of them are there to be members again.
    pub members_there: u64,
    /// The value of the role that was given to a person here, which is in force again then.
    pub role: Option<String>,
    /// The id that the same person has now.
    pub later: Option<String>,
}

/// What [`restore`] would do now. `None`: nobody left under this id.
pub fn preview(reader: &Reader<'_>, of: &ResourceType, id: &str) -> Result<Option<Preview>, Refusal> {
    let Some(departed) = reader.departed(of, id)? else { return Ok(None) };
    let document = departed.document()?;
    let listed = listed_as(id, &document, departed.departed);
    let holder = reader.key_by_name(of, &fold(&listed.name))?.map(|key| reader.rows(&[key])).transpose()?;
    let groups: Vec<String> = still_there(reader, &departed.groups)?.into_iter().cloned().collect();
    let there: HashSet<&String> = groups.iter().collect();
    let lost = departed.groups.iter().filter(|g| !there.contains(g)).cloned().collect();
    Ok(Some(Preview {
        name: if of.is_group() { free_name(reader, of, &document)? } else { listed.name.clone() },
        own: listed.name,
        holder: holder.and_then(|mut rows| rows.pop()).map(|row| row.id),
        active: is_active(&document),
        lost,
        groups,
        members: departed.members.len() as u64,
        members_there: if of.is_group() { reader.members_still_there(of, id)? } else { 0 },
        role: reader.role_override(id)?.map(|given| given.role),
        later: reader.later_ids(id)?.pop(),
    }))
}

/// Brings a deleted person, or an archived group, back with its id, its memberships and those of its members that are still
/// there. A group whose name is taken by now gets another one. Gives the name.
///
/// Errors: a sentence when nobody left under this id, [`Refusal::Conflict`] when it is there again already, and
/// [`Refusal::Taken`] when a person's name or another unique attribute is somebody else's by now.
pub fn restore(writer: &mut Writer<'_>, caller: &Caller, of: &ResourceType, id: &str) -> Result<String, Refusal> {
    let Some(departed) = writer.departed(of, id)? else {
        let kept = if of.is_group() { "archived" } else { "deleted" };
        let none = format!("there is no {kept} {} with the id {id:?}", word(of));
        return Err(match writer.find(of, id)? {
            Some(_) => Refusal::Conflict(format!("{none}: it is there again already")),
            None => Refusal::Denied(none),
        });
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
    for group in still_there(writer, groups)? {
        let source = if local.contains(group) { Source::Local } else { Source::Provider };
        join(writer, caller, group, id, source)?;
    }
    Ok(())
}

/// The name of a group that comes back: its own, or with as many endings as it takes for nobody to have it.
fn free_name(reader: &Reader<'_>, of: &ResourceType, document: &Object) -> Result<String, StoreError> {
    let own = document.get("displayName").and_then(Json::as_str).unwrap_or_default().to_owned();
    let is_free = |name: &str| Ok::<_, StoreError>(reader.key_by_name(of, &fold(name))?.is_none());
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
