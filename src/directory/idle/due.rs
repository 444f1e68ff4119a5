//! Who is without sign-in or contact, and what the next run would do.

use std::sync::{Mutex, PoisonError};

use super::{DAY, DEFAULT_DAYS, Phase, Status, first_run, status};
use crate::directory::lifecycle::{called, people};
use crate::directory::overview::{Listed, entry};
use crate::directory::{Refusal, Site, roles};
use crate::store::{LastContact, Reader, Row, StoreError};

/// In microseconds.
const MINUTE: i64 = 60 * 1_000_000;

/// Somebody whom the next run would deactivate.
#[derive(Debug, Clone)]
pub struct Idle {
    /// How he or she looks in a list.
    pub listed: Listed,
    /// When anything was last heard of him or her, in microseconds since 1970.
    pub last: i64,
    /// An identity provider has made the record, and goes on believing that the person is active; none: that is no longer
    /// recorded.
    pub provisioned: Option<bool>,
}

/// What the next run would do, as things stand.
#[derive(Debug, Clone)]
pub struct Preview {
    /// How it stands.
    pub status: Status,
    /// Days without sign-in or contact.
    pub days: i64,
    /// When the run would be, in microseconds since 1970.
    pub at: i64,
    /// How many it would deactivate.
    pub total: u64,
    /// They are so many that somebody has to confirm it first.
    pub many: bool,
    /// A page of them: whoever has been silent for the longest time first.
    pub people: Vec<Idle>,
}

/// What the next run would do: with a page of those whom it would deactivate. As long as it is off, `days` is what it would
/// look back.
pub fn preview(
    reader: &Reader<'_>,
    site: &Site,
    days: Option<i64>,
    offset: u64,
    limit: u64,
) -> Result<Preview, Refusal> {
    let (status, days, at) = next(reader, days)?;
    let all = due(reader, site, at.saturating_sub(days.saturating_mul(DAY)))?;
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let mut shown = Vec::new();
    for one in all.iter().skip(from).take(usize::try_from(limit).unwrap_or(0)) {
        let Some(row) = reader.rows(&[one.pk])?.pop() else { continue };
        let provisioned = reader.origin(&row.id)?.map(|actor| actor.starts_with("token:"));
        shown.push(Idle { listed: entry(&row)?, last: one.at, provisioned });
    }
    let total = all.len() as u64;
    Ok(Preview { status, days, at, total, many: reader.would_be_too_many(total)?, people: shown })
}

/// The ids and names of those who are exempt: after `offset` of them.
pub fn exempt_people(reader: &Reader<'_>, offset: u64, limit: u64) -> Result<Vec<(String, String)>, StoreError> {
    let ids = reader.idle_exempt(offset, limit)?;
    ids.into_iter().map(|id| called(reader, &id).map(|(name, _)| (id, name))).collect()
}

/// How it stands, how many days it looks back, and when the next run would be.
fn next(reader: &Reader<'_>, days: Option<i64>) -> Result<(Status, i64, i64), StoreError> {
    let (status, now) = (status(reader)?, reader.now());
    let days = match (&status.rule, days) {
        (_, Some(days)) => days,
        (Some(rule), None) => rule.days,
        (None, None) => DEFAULT_DAYS,
    };
    let at = match (status.phase, status.next) {
        _ if status.rule.as_ref().is_none_or(|rule| rule.days != days) => first_run(days, status.sso, now),
        (Phase::Stopped, _) => first_run(days, None, now),
        (_, next) => next.unwrap_or(now).max(now),
    };
    Ok((status, days, at))
}

/// Those who are active, not heard of after a time, not exempt, and do not administer: whoever has been silent for the longest
/// time first.
pub(super) fn due(reader: &Reader<'_>, site: &Site, time: i64) -> Result<Vec<LastContact>, Refusal> {
    let of = people(reader)?;
    let mut all = Vec::new();
    for one in reader.idle_people(&of, time)? {
        let Some(row) = reader.rows(&[one.pk])?.pop() else { continue };
        if !administers(reader, site, &row)? {
            all.push(one);
        }
    }
    all.sort_unstable();
    Ok(all)
}

/// May this person open the settings page by single sign-on?
pub(super) fn administers(reader: &Reader<'_>, site: &Site, row: &Row) -> Result<bool, StoreError> {
    Ok(roles::effective(reader, site, row, &reader.groups_of(row.pk)?)?.role.settings_admin)
}

/// What the overview showed last: the walk through everybody is not made for each look at it.
#[derive(Debug, Default)]
pub struct Memo(Mutex<Option<Counted>>);

/// How many the next run would deactivate, and whether they are so many that somebody has to confirm it.
#[derive(Debug, Clone, Copy)]
struct Counted {
    /// The generation of settings, and the minute.
    when: (i64, i64),
    total: u64,
    many: bool,
}

/// How it stands, for the overview: with the next run, how many it would deactivate, and whether those are so many that
/// somebody has to confirm it. The numbers may be a minute old. Nothing when it is off.
pub fn overview(reader: &Reader<'_>, site: &Site, memo: &Memo) -> Result<Option<Preview>, Refusal> {
    let (status, days, at) = next(reader, None)?;
    if status.phase == Phase::Off {
        return Ok(None);
    }
    // Every change of how it is set raises the generation.
    let when = (reader.control()?.generation, reader.now().div_euclid(MINUTE));
    let held = *memo.0.lock().unwrap_or_else(PoisonError::into_inner);
    let Counted { total, many, .. } = match held.filter(|held| held.when == when) {
        Some(held) => held,
        None => {
            let total = due(reader, site, at.saturating_sub(days.saturating_mul(DAY)))?.len() as u64;
            let fresh = Counted { when, total, many: reader.would_be_too_many(total)? };
            *memo.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(fresh);
            fresh
        }
    };
    Ok(Some(Preview { status, days, at, total, many, people: Vec::new() }))
}
