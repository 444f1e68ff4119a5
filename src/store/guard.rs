//! The consequence guard: when very many people leave within minutes, that may be somebody's mistake elsewhere. The requests
//! are carried out, and what cannot be undone afterwards waits until an administrator has looked.
//!
//! Requests pay nothing for it: who left stands in the hand-overs, and the writer's housekeeping counts them.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Connection;

use super::writer::in_transaction;
use super::{Change, Reader, Shared, StoreError, Writer};

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

/// Since when it holds, in microseconds since 1970; empty: it does not.
const GUARD: &str = "guard";
/// Who left before this time was looked at.
const RELEASED: &str = "guard_released";

/// How many people may leave before somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// Of a hundred who are active; 0: whatever the share is.
    pub percent: u64,
    /// But not with fewer than these.
    pub at_least: u64,
    /// This many in any case; 0: however many there are.
    pub count: u64,
    /// Within this time, in microseconds.
    pub window: i64,
}

impl Default for Threshold {
    fn default() -> Threshold {
        Threshold { percent: 20, at_least: 10, count: 100, window: 10 * 60 * 1_000_000 }
    }
}

/// The guard holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Since when people left, in microseconds since 1970.
    pub since: i64,
    /// How many of them have not come back.
    pub count: u64,
}

impl Reader<'_> {
    /// The guard, if it holds.
    pub fn guard(&self) -> Result<Option<Guard>, StoreError> {
        let stored = self.setting(GUARD)?.and_then(|since| since.parse().ok());
        match stored {
            Some(since) => {
                let count = self.left_since(since - 1, u64::MAX)?.0;
                Ok((count > 0).then_some(Guard { since, count }))
            }
            None => self.burst(),
        }
    }

    /// The people who leave at the moment, if they are too many.
    fn burst(&self) -> Result<Option<Guard>, StoreError> {
        let Threshold { count, window, .. } = self.shared().threshold;
        let released = self.setting(RELEASED)?.and_then(|at| at.parse().ok()).unwrap_or(i64::MIN);
        let from = self.now().saturating_sub(window).max(released);
        let limit = if count == 0 { u64::MAX } else { count };
        let (left, Some(_)) = self.left_since(from, limit)? else { return Ok(None) };
        if self.is_too_many(left, left)? {
            let (count, since) = self.left_since(from, u64::MAX)?;
            return Ok(since.map(|since| Guard { since, count }));
        }
        Ok(None)
    }

    /// Are so many who leave too many? Of those who are active and `gone` others.
    fn is_too_many(&self, leaving: u64, gone: u64) -> Result<bool, StoreError> {
        let Threshold { percent, at_least, count, .. } = self.shared().threshold;
        if count > 0 && leaving >= count {
            return Ok(true);
        }
        if percent == 0 || leaving < at_least.max(1) {
            return Ok(false);
        }
        let Some(of) = self.catalog().resource_type("User") else { return Ok(false) };
        let active = self.total(of)?.saturating_sub(self.inactive(of)?);
        Ok(leaving.saturating_mul(100) >= percent.saturating_mul(active.saturating_add(gone)))
    }

    /// Would the guard hold if so many of those who are active left at once?
    pub fn would_be_too_many(&self, leaving: u64) -> Result<bool, StoreError> {
        self.is_too_many(leaving, 0)
    }
}

impl Writer<'_> {
    /// An administrator has looked. Gives what he looked at; `None`: there is nothing to look at.
    pub fn release_guard(&mut self) -> Result<Option<Guard>, StoreError> {
        let Some(guard) = self.guard()? else { return Ok(None) };
        let now = self.now();
        self.set_setting(GUARD, "")?;
        self.set_setting(RELEASED, &now.to_string())?;
        Ok(Some(guard))
    }

    fn drop_guard(&mut self) -> Result<(), StoreError> {
        self.set_setting(GUARD, "")?;
        self.record(&Change { actor: "guard", op: "guard.over", ..Change::default() })
    }

    fn keep_guard(&mut self, guard: Guard) -> Result<(), StoreError> {
        self.set_setting(GUARD, &guard.since.to_string())?;
        let after = Some(format!("{{\"left\":{}}}", guard.count));
        self.record(&Change { actor: "guard", op: "guard", after, ..Change::default() })
    }
}

/// What is kept of the guard, if something is.
fn is_kept(reader: &Reader<'_>) -> Result<bool, StoreError> {
    Ok(reader.setting(GUARD)?.is_some_and(|since| !since.is_empty()))
}

/// How far the last round of purging has come, by the code of the type.
#[derive(Debug, Default)]
pub(super) struct Retention {
    after: HashMap<i64, i64>,
}

/// Keeps the guard once it holds. Without it, purges some of those who left long enough ago. Archived groups stay.
pub(super) fn retain(
    connection: &Connection,
    shared: &Arc<Shared>,
    retention: &mut Retention,
) -> Result<(), StoreError> {
    let reader = Reader::new(connection, shared, false);
    if let Some(guard) = reader.guard()? {
        if !is_kept(&reader)? {
            in_transaction(connection, shared, |writer| writer.keep_guard(guard))?;
            tracing::warn!(
                left = guard.count,
                "very many people were deactivated or deleted within minutes: nothing is purged until an administrator has looked"
            );
        }
        return Ok(());
    }
    if is_kept(&reader)? {
        in_transaction(connection, shared, |writer| writer.drop_guard())?;
        tracing::info!("everybody who had left is active again: the guard is over");
    }
    if shared.departed_days == 0 {
        return Ok(());
    }
    let before = shared.now().saturating_sub(shared.departed_days.saturating_mul(DAY));
    let archive = shared.catalog.resource_types.iter().find(|t| t.is_group()).map(|of| reader.code(of));
    for code in shared.types.values().copied().filter(|code| Some(*code) != archive) {
        let after = retention.after.remove(&code).unwrap_or(0);
        if !reader.is_due(code, after, before)? {
            continue;
        }
        let (last, purged) = in_transaction(connection, shared, |writer| writer.purge_departed(code, after, before))?;
        if let Some(last) = last {
            retention.after.insert(code, last);
        }
        if purged > 0 {
            tracing::info!(purged, "the records of people who left long enough ago were purged");
        }
    }
    Ok(())
}
