//! Hand-over (decision P15): whoever is deactivated or deleted leaves something behind that an administrator gives to a
//! successor, or says that there is nothing. Nothing is given by itself.

use super::lifecycle::{called, is_active, join, meant, people, still_there};
use super::overview::listed_as;
use super::roles::{effective, makes_administrators};
use super::{Caller, Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::name::fold;
use crate::store::{Change, Reader, Source, StoreError, Writer};

pub use crate::store::{Handover, HandoverStatus};

/// Characters of a note, at most.
const LONGEST_NOTE: usize = 1000;

/// A hand-over with the names of those whom it is about.
#[derive(Debug, Clone)]
pub struct Item {
    /// The hand-over.
    pub handover: Handover,
    /// The userName of whoever left.
    pub name: String,
    /// Whoever left is deactivated, and not deleted.
    pub is_here: bool,
    /// Who opened it, as change rows name it; none: that is no longer recorded.
    pub opened_by: Option<String>,
    /// The request that opened it; none: a command did, or it is no longer recorded.
    pub request: Option<String>,
    /// The userName of the successor.
    pub successor: Option<String>,
    /// The id that the same person has now, having come back after a deletion.
    pub returned_as: Option<String>,
}

/// The hand-overs of a status, the last one first, and how many there are in all.
pub fn items(
    reader: &Reader<'_>,
    status: HandoverStatus,
    offset: u64,
    limit: u64,
) -> Result<(Vec<Item>, u64), StoreError> {
    let all = reader.handovers(status, offset, limit)?;
    Ok((named(reader, all)?, reader.handover_count(status)?))
}

/// The hand-overs that are settled in whatever way, the last one first.
pub fn settled(reader: &Reader<'_>, offset: u64, limit: u64) -> Result<Vec<Item>, StoreError> {
    let all = reader.settled_handovers(offset, limit)?;
    named(reader, all)
}

/// How many hand-overs are open, and how many are settled.
pub fn counts(reader: &Reader<'_>) -> Result<(u64, u64), StoreError> {
    let settled = [HandoverStatus::Done, HandoverStatus::Dismissed, HandoverStatus::Closed];
    let settled = settled.into_iter().map(|s| reader.handover_count(s)).sum::<Result<u64, _>>()?;
    Ok((reader.handover_count(HandoverStatus::Open)?, settled))
}

pub(super) fn named(reader: &Reader<'_>, all: Vec<Handover>) -> Result<Vec<Item>, StoreError> {
    all.into_iter().map(|h| item(reader, h)).collect()
}

/// A hand-over with its names.
pub fn item(reader: &Reader<'_>, handover: Handover) -> Result<Item, StoreError> {
    let (name, is_here) = called(reader, &handover.person)?;
    let successor = handover.successor.as_deref().map(|id| called(reader, id)).transpose()?;
    let (opened_by, request) = reader.change(handover.id)?.map(|c| (c.actor, c.request)).unzip();
    Ok(Item {
        name,
        is_here,
        opened_by,
        request: request.flatten(),
        successor: successor.map(|(name, _)| name),
        returned_as: reader.later_ids(&handover.person)?.pop(),
        handover,
    })
}

/// The open hand-over of a person, by userName or id. Somebody who left under a name that is another's by now is meant
/// when that one has nothing to hand over.
///
/// Errors: a sentence.
pub fn open_of(reader: &Reader<'_>, person: &str) -> Result<Handover, Refusal> {
    let of = people(reader)?;
    let mut ids = vec![person.to_owned()];
    ids.extend(
        reader
            .key_by_name(&of, &fold(person))?
            .map(|key| reader.rows(&[key]))
            .transpose()?
            .into_iter()
            .flatten()
            .map(|r| r.id),
    );
    ids.extend(reader.departed_named(&of, &fold(person))?.into_iter().map(|d| d.id));
    for id in ids {
        let open = reader.handovers_of(&id)?.into_iter().find(|h| h.status == HandoverStatus::Open);
        if let Some(open) = open {
            return Ok(open);
        }
    }
    Err(Refusal::Denied(format!("{person:?} has nothing to hand over; `handover list` shows who has")))
}

/// What becomes of a hand-over.
#[derive(Debug, Clone)]
pub enum Decision {
    /// Somebody takes over: the userName or id.
    Give(String),
    /// There is nothing to take over.
    Dismiss,
}

/// The groups of somebody who left, as a hand-over sees them. What is no longer there is in neither list.
#[derive(Debug, Clone, Default)]
pub struct Groups {
    /// Those that the person was added to here: the ids. A successor joins them.
    pub joined: Vec<String>,
    /// Those of the identity provider: its next push would take a successor away again.
    pub left_alone: Vec<String>,
}

/// The groups of whoever has something to hand over. [`settle`] goes by it.
pub fn groups_of(reader: &Reader<'_>, person: &str) -> Result<Groups, Refusal> {
    let all: Vec<(String, bool)> = match reader.key_of(person)? {
        Some((pk, _)) => reader.memberships_of(pk)?,
        None => match reader.departed(&*people(reader)?, person)? {
            Some(departed) => {
                let there = still_there(reader, &departed.groups)?;
                there.into_iter().map(|id| (id.clone(), departed.local.contains(id))).collect()
            }
            None => Vec::new(),
        },
    };
    let (joined, left_alone) = all.into_iter().partition::<Vec<_>, _>(|(_, local)| *local);
    let ids = |of: Vec<(String, bool)>| of.into_iter().map(|(id, _)| id).collect();
    Ok(Groups { joined: ids(joined), left_alone: ids(left_alone) })
}

/// A note without what stands around it, and with ends of lines as they are kept; none: there is nothing to say.
///
/// Errors: a sentence.
pub fn note_of(text: &str) -> Result<Option<String>, String> {
    let note = text.replace("\r\n", "\n").trim().to_owned();
    if note.chars().count() > LONGEST_NOTE || note.chars().any(|c| c.is_control() && c != '\n') {
        return Err(format!("A note is text of at most {LONGEST_NOTE} characters."));
    }
    Ok(Some(note).filter(|n| !n.is_empty()))
}

/// Settles a hand-over. A successor joins the groups that the person was added to here, never those of the identity
/// provider: its next push would take them away again. Gives the names of the groups that were joined.
///
/// Errors: [`Refusal::NotFound`]; [`Refusal::Conflict`] when it is settled already, or when the successor is the person, is
/// deactivated or is nobody, or when a token could make somebody an administrator of the settings page by it.
pub fn settle(
    writer: &mut Writer<'_>,
    site: &Site,
    caller: &Caller,
    id: i64,
    decision: &Decision,
    note: Option<&str>,
) -> Result<Vec<String>, Refusal> {
    caller.still_may_settle(writer)?;
    let Some(found) = writer.handover(id)? else {
        return Err(Refusal::NotFound("hand-over".to_owned(), id.to_string()));
    };
    if found.status != HandoverStatus::Open {
        return Err(Refusal::Conflict(format!("This hand-over is {} already.", found.status.name())));
    }
    let note = note_of(note.unwrap_or_default()).map_err(Refusal::Conflict)?;
    let (status, successor) = match decision {
        Decision::Dismiss => (HandoverStatus::Dismissed, None),
        Decision::Give(to) => (HandoverStatus::Done, Some(successor(writer, &found.person, to)?)),
    };
    let by = caller.actor.as_str();
    writer.settle_handover(id, status, successor.as_deref(), note.as_deref(), by)?;
    let after = serde_json::json!({ "successor": successor, "note": note });
    let of = people(writer)?;
    writer.record(&Change {
        actor: by,
        request: Some(&caller.request),
        op: if successor.is_some() { "handover.give" } else { "handover.dismiss" },
        code: Some(writer.code(&of)),
        resource: Some(&found.person),
        after: Some(after.to_string()),
        ..Change::default()
    })?;
    let Some(successor) = successor else { return Ok(Vec::new()) };
    let is_bound = !caller.is_local() && !manages(writer, site, &of, &successor)?;
    let mut joined = Vec::new();
    for group in groups_of(writer, &found.person)?.joined {
        if !join(writer, caller, &group, &successor, Source::Local)? {
            continue;
        }
        let (name, pk) = (called(writer, &group)?.0, writer.key_of(&group)?.map(|(pk, _)| pk));
        // Another rule or a role that was given may decide for now, and not for ever.
        if let (true, Some(pk)) = (is_bound, pk)
            && makes_administrators(writer, site, pk)?
        {
            let successor = called(writer, &successor)?.0;
            return Err(Refusal::Conflict(format!(
                "The group {name} can make {successor} an administrator of the settings page, which no token may do. Give it on the settings page or by a command."
            )));
        }
        joined.push(name);
    }
    Ok(joined)
}

/// Does the role of the person with this id open the settings page?
fn manages(reader: &Reader<'_>, site: &Site, of: &ResourceType, id: &str) -> Result<bool, StoreError> {
    let Some(row) = reader.find(of, id)? else { return Ok(false) };
    Ok(effective(reader, site, &row, &reader.groups_of(row.pk)?)?.role.settings_admin)
}

/// The id of whoever takes over.
fn successor(writer: &Writer<'_>, person: &str, to: &str) -> Result<String, Refusal> {
    let of = people(writer)?;
    let nobody = || {
        // Whoever sends a book by mistake need not get it back.
        let to: String = to.chars().take(100).collect();
        Refusal::Conflict(format!("There is no person with the name or id {to:?}."))
    };
    let row = meant(writer, &of, to)?.ok_or_else(nobody)?;
    if row.id == person {
        return Err(Refusal::Conflict("Nobody is his or her own successor.".to_owned()));
    }
    if !is_active(&row.document()?) {
        let name = listed_as(&row.id, &row.document()?, row.modified).name;
        return Err(Refusal::Conflict(format!("{name} is deactivated and cannot take over.")));
    }
    Ok(row.id)
}
