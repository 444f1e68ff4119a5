//! Hand-over (decision P15): whoever is deactivated or deleted leaves something behind that an administrator gives to a
//! successor, or says that there is nothing. Nothing is given by itself.

use super::lifecycle::{called, is_active, join, known, people};
use super::{Caller, Refusal};
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
    let items = all.into_iter().map(|h| item(reader, h)).collect::<Result<_, _>>()?;
    Ok((items, reader.handover_count(status)?))
}

/// A hand-over with its names.
pub fn item(reader: &Reader<'_>, handover: Handover) -> Result<Item, StoreError> {
    let (name, is_here) = called(reader, &handover.person)?;
    let successor = handover.successor.as_deref().map(|id| called(reader, id)).transpose()?;
    Ok(Item {
        name,
        is_here,
        opened_by: reader.change_actor(handover.id)?,
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

/// Settles a hand-over. A successor joins the groups that the person was added to here, never those of the identity
/// provider: its next push would take them away again. Gives the names of the groups that were joined.
///
/// Errors: [`Refusal::NotFound`]; [`Refusal::Conflict`] when it is settled already, or when the successor is the person, is
/// deactivated or is nobody.
pub fn settle(
    writer: &mut Writer<'_>,
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
    let note = note.map(str::trim).filter(|n| !n.is_empty());
    if note.is_some_and(|n| n.chars().count() > LONGEST_NOTE || n.chars().any(|c| c.is_control() && c != '\n')) {
        return Err(Refusal::Conflict(format!("A note is text of at most {LONGEST_NOTE} characters.")));
    }
    let (status, successor) = match decision {
        Decision::Dismiss => (HandoverStatus::Dismissed, None),
        Decision::Give(to) => (HandoverStatus::Done, Some(successor(writer, &found.person, to)?)),
    };
    let by = caller.actor.as_str();
    writer.settle_handover(id, status, successor.as_deref(), note, by)?;
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
    let mut joined = Vec::new();
    for group in local_groups(writer, &found.person)? {
        if join(writer, caller, &group, &successor, Source::Local)? {
            joined.push(called(writer, &group)?.0);
        }
    }
    Ok(joined)
}

/// The id of whoever takes over.
fn successor(writer: &Writer<'_>, person: &str, to: &str) -> Result<String, Refusal> {
    let of = people(writer)?;
    let row = known(writer, &of, to).map_err(|refusal| match refusal {
        Refusal::Denied(why) => Refusal::Conflict(why),
        other => other,
    })?;
    if row.id == person {
        return Err(Refusal::Conflict("Nobody is his or her own successor.".to_owned()));
    }
    if !is_active(&row.document()?) {
        return Err(Refusal::Conflict(format!("{to} is deactivated and cannot take over.")));
    }
    Ok(row.id)
}

/// The ids of the groups that somebody was added to here.
fn local_groups(reader: &Reader<'_>, person: &str) -> Result<Vec<String>, Refusal> {
    if let Some((pk, _)) = reader.key_of(person)? {
        return Ok(reader.local_groups_of(pk)?.into_iter().map(|(_, id)| id).collect());
    }
    let Some(departed) = reader.departed(&*people(reader)?, person)? else { return Ok(Vec::new()) };
    Ok(departed.groups.into_iter().filter(|g| departed.local.contains(g)).collect())
}
