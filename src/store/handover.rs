//! What people who left have to hand over.

use rusqlite::OptionalExtension;

use super::{Reader, StoreError, Writer};

/// How a hand-over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandoverStatus {
    /// Somebody has to decide.
    Open,
    /// There is a successor.
    Done,
    /// There is nothing to hand over.
    Dismissed,
    /// The person came back before.
    Closed,
}

impl HandoverStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            HandoverStatus::Open => "open",
            HandoverStatus::Done => "done",
            HandoverStatus::Dismissed => "dismissed",
            HandoverStatus::Closed => "closed",
        }
    }

    /// The status of this name.
    pub fn named(name: &str) -> Option<HandoverStatus> {
        [HandoverStatus::Open, HandoverStatus::Done, HandoverStatus::Dismissed, HandoverStatus::Closed]
            .into_iter()
            .find(|s| s.name() == name)
    }
}

/// One hand-over.
#[derive(Debug, Clone)]
pub struct Handover {
    /// Its number: that of the change that opened it.
    pub id: i64,
    /// The id of the person who left.
    pub person: String,
    /// When it was opened, in microseconds since 1970.
    pub opened: i64,
    /// How it stands.
    pub status: HandoverStatus,
    /// The id of the successor.
    pub successor: Option<String>,
    /// What whoever settled it had to say.
    pub note: Option<String>,
    /// Who settled it, as change rows name it.
    pub by: Option<String>,
    /// When.
    pub at: Option<i64>,
}

const BY_NUMBER: &str = "select person, id, opened, status, successor, note, by, at from handover indexed by handover_by_status where status in ('open', 'done', 'dismissed', 'closed') and id = ?1";
const OF_PERSON: &str =
    "select person, id, opened, status, successor, note, by, at from handover where person = ?1 order by id desc";
const PAGE: &str = "select person, id, opened, status, successor, note, by, at from handover indexed by handover_by_status where status = ?1 order by id desc limit ?3 offset ?2";

/// Numbers are sorted, and not whole rows: 0.1 s with 100,000 of them.
const SETTLED: &str = "select person, id, opened, status, successor, note, by, at from handover h where (person, id) in
     (select person, id from handover indexed by handover_by_status where status in ('done', 'dismissed', 'closed') order by at desc, id desc limit ?2 offset ?1)
     order by at desc, id desc";
const LEFT: &str = "select person, id, opened, status, successor, note, by, at from handover indexed by handover_by_status where status in ('open', 'done', 'dismissed') and opened >= ?3 order by id desc limit ?2 offset ?1";

fn handover(r: &rusqlite::Row<'_>) -> Result<Handover, StoreError> {
    let status: String = r.get(3)?;
    let status = HandoverStatus::named(&status)
        .ok_or_else(|| StoreError::Corrupt(format!("a hand-over has the unknown status {status}")))?;
    Ok(Handover {
        person: r.get(0)?,
        id: r.get(1)?,
        opened: r.get(2)?,
        status,
        successor: r.get(4)?,
        note: r.get(5)?,
        by: r.get(6)?,
        at: r.get(7)?,
    })
}

fn all(mut rows: rusqlite::Rows<'_>) -> Result<Vec<Handover>, StoreError> {
    let mut found = Vec::new();
    while let Some(r) = rows.next()? {
        found.push(handover(r)?);
    }
    Ok(found)
}

fn bound(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

impl Reader<'_> {
    /// The hand-over of this number.
    pub fn handover(&self, id: i64) -> Result<Option<Handover>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_NUMBER)?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(handover).transpose()
    }

    /// The hand-overs of a person, the last one first.
    pub fn handovers_of(&self, person: &str) -> Result<Vec<Handover>, StoreError> {
        let mut statement = self.connection().prepare_cached(OF_PERSON)?;
        all(statement.query([person])?)
    }

    /// The hand-overs of a status, the last one first: after `offset` of them.
    pub fn handovers(&self, status: HandoverStatus, offset: u64, limit: u64) -> Result<Vec<Handover>, StoreError> {
        let mut statement = self.connection().prepare_cached(PAGE)?;
        all(statement.query((status.name(), bound(offset), bound(limit)))?)
    }

    /// The hand-overs that are settled in whatever way, the last one first: after `offset` of them.
    pub fn settled_handovers(&self, offset: u64, limit: u64) -> Result<Vec<Handover>, StoreError> {
        let mut statement = self.connection().prepare_cached(SETTLED)?;
        all(statement.query((bound(offset), bound(limit)))?)
    }

    /// The hand-overs of those who left at a time or later and have not come back, the last one first: after `offset` of
    /// them.
    pub fn left_page(&self, since: i64, offset: u64, limit: u64) -> Result<Vec<Handover>, StoreError> {
        let mut statement = self.connection().prepare_cached(LEFT)?;
        all(statement.query((bound(offset), bound(limit), since))?)
    }

    /// How many hand-overs have a status.
    pub fn handover_count(&self, status: HandoverStatus) -> Result<u64, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select count(*) from handover indexed by handover_by_status where status = ?1")?;
        let count: i64 = statement.query_row([status.name()], |r| r.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    /// How many left after a time and have not come back, and when the first of them did. Those who left last are counted
    /// first, and no more than `limit`.
    pub(super) fn left_since(&self, time: i64, limit: u64) -> Result<(u64, Option<i64>), StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select opened from handover indexed by handover_by_status where status = ?1 order by id desc",
        )?;
        let (mut left, mut first) = (0, None);
        for status in [HandoverStatus::Open, HandoverStatus::Done, HandoverStatus::Dismissed] {
            let mut rows = statement.query([status.name()])?;
            // Later ones have greater numbers.
            while let Some(row) = rows.next()? {
                let opened: i64 = row.get(0)?;
                if opened <= time || left >= limit {
                    break;
                }
                left += 1;
                first = Some(first.map_or(opened, |first: i64| first.min(opened)));
            }
        }
        Ok((left, first))
    }
}

impl Writer<'_> {
    /// Opens a hand-over with the change that is about to be recorded. The person was active until now, and so has no open
    /// one. It takes the place of one that was closed: whoever is deactivated and active again a hundred times has one, and
    /// the record of changes has them all.
    pub fn open_handover(&mut self, person: &str) -> Result<(), StoreError> {
        let (now, change) = (self.now(), self.next_change());
        match self.last_handover(person, HandoverStatus::Closed)? {
            Some(closed) => self
                .connection()
                .prepare_cached(
                    "update handover set id = ?3, opened = ?4, status = 'open', by = null, at = null where person = ?1 and id = ?2",
                )?
                .execute((person, closed, change, now))?,
            None => self
                .connection()
                .prepare_cached("insert into handover (person, id, opened, status) values (?1, ?2, ?3, 'open')")?
                .execute((person, change, now))?,
        };
        Ok(())
    }

    /// Closes the open hand-over of a person who is back, if there is one.
    pub fn close_handover(&mut self, person: &str, by: &str) -> Result<(), StoreError> {
        let Some(open) = self.last_handover(person, HandoverStatus::Open)? else { return Ok(()) };
        self.connection()
            .prepare_cached("update handover set status = 'closed', by = ?3, at = ?4 where person = ?1 and id = ?2")?
            .execute((person, open, by, self.now()))?;
        Ok(())
    }

    /// The last hand-over of a person, if it has this status: one before the last is neither open nor closed.
    fn last_handover(&self, person: &str, status: HandoverStatus) -> Result<Option<i64>, StoreError> {
        let mut last = self
            .connection()
            .prepare_cached("select id, status from handover where person = ?1 order by id desc limit 1")?;
        let found: Option<(i64, String)> = last.query_row([person], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
        Ok(found.filter(|(_, found)| found == status.name()).map(|(id, _)| id))
    }

    /// Settles an open hand-over. False when it is not open.
    pub fn settle_handover(
        &mut self,
        id: i64,
        status: HandoverStatus,
        successor: Option<&str>,
        note: Option<&str>,
        by: &str,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let settled = self
            .connection()
            .prepare_cached(
                "update handover indexed by handover_by_status set status = ?2, successor = ?3, note = ?4, by = ?5, at = ?6 where id = ?1 and status = 'open'",
            )?
            .execute((id, status.name(), successor, note, by, now))?;
        Ok(settled == 1)
    }
}
