//! The consequence guard: very many people left within minutes, and what cannot be undone waits until an administrator has
//! looked.

use super::handover::{Item, named};
use super::{Caller, Refusal};
use crate::scim::catalog::ResourceType;
use crate::store::{Change, Guard, Reader, StoreError, Writer};

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// How the guard stands: very many people left within minutes, and nobody has looked yet.
pub fn guard(reader: &Reader<'_>) -> Result<Option<Guard>, StoreError> {
    reader.guard()
}

/// Those because of whom it holds, the last one first: after `offset` of them. Whoever is active again is none of them.
pub fn left(reader: &Reader<'_>, guard: Guard, offset: u64, limit: u64) -> Result<Vec<Item>, StoreError> {
    let page = reader.left_page(guard.since, offset, limit)?;
    named(reader, page)
}

/// The number of the last hand-over of those because of whom it holds: so far somebody looks who looks now.
pub fn last_left(reader: &Reader<'_>, guard: Guard) -> Result<Option<i64>, StoreError> {
    Ok(reader.left_page(guard.since, 0, 1)?.first().map(|h| h.id))
}

/// When records of deleted people go for good, as far as that depends on the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Days for which they are kept; 0: for good.
    pub days: i64,
}

impl Retention {
    /// That of the file.
    pub fn of(reader: &Reader<'_>) -> Retention {
        Retention { days: reader.departed_days() }
    }

    /// When the record goes of somebody who left at a time. `None`: never.
    pub fn end(self, left: i64) -> Option<i64> {
        (self.days > 0).then(|| left.saturating_add(self.days.saturating_mul(DAY)))
    }

    /// How many records of a type have been kept long enough.
    pub fn due(self, reader: &Reader<'_>, of: &ResourceType) -> Result<u64, StoreError> {
        match self.days {
            0 => Ok(0),
            days => reader.departed_before(of, reader.now().saturating_sub(days.saturating_mul(DAY))),
        }
    }
}

/// Ends the guard: somebody has looked, at those who left up to the hand-over of number `seen` if that is said. Gives what
/// there was to look at.
///
/// Errors: [`Refusal::Conflict`] when others have left since.
pub fn release_guard(writer: &mut Writer<'_>, caller: &Caller, seen: Option<i64>) -> Result<Option<Guard>, Refusal> {
    if let (Some(seen), Some(guard)) = (seen, writer.guard()?)
        && last_left(writer, guard)?.is_some_and(|last| last > seen)
    {
        return Err(Refusal::Conflict("More people have left since you looked. Look at them as well.".to_owned()));
    }
    let found = writer.release_guard()?;
    if let Some(guard) = found {
        let after = Some(format!("{{\"left\":{}}}", guard.count));
        let (actor, request) = (caller.actor.as_str(), Some(caller.request.as_str()));
        writer.record(&Change { actor, request, op: "guard.release", after, ..Change::default() })?;
    }
    Ok(found)
}
