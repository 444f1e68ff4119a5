//! People as a CSV file: written, and read with a preview of what would change.
//!
//! One walk through the rows says what becomes of each. Looked at by a reader it is the preview; done by a writer it is the
//! import, in one transaction, all of it or nothing. Both leave a digest of what they did, so that what was looked at is
//! what is done: an import that would come to something else is refused.

pub mod cell;
mod columns;
mod export;
mod row;
#[cfg(test)]
mod tests;
pub mod text;
mod walk;

use std::sync::atomic::AtomicU64;

use super::lifecycle::people;
use super::{Caller, Reader, Refusal, Site, Writer};
use crate::scim::catalog::ResourceType;

pub use export::{Exported, Manner, Written, export};
pub use text::{Bounds, MOST_COLUMNS, Unreadable};

use columns::{Meaning, columns};
use text::Table;
use walk::{Hands, Walk};

/// What an import comes to, or came to.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// Rows that something stands in.
    pub rows: u64,
    /// People who are made.
    pub creates: u64,
    /// People who are changed.
    pub updates: u64,
    /// Those among them who are deactivated by it.
    pub deactivates: u64,
    /// Those who are added to groups.
    pub joins: u64,
    /// Those whose role is given, or taken away.
    pub roles: u64,
    /// Rows that say what is so already.
    pub unchanged: u64,
    /// Those who are made or changed, as far as somebody looks.
    pub shown: Vec<Shown>,
    /// What is wrong, in the order of the lines: the first of it.
    pub errors: Vec<RowError>,
    /// How much is wrong in all.
    pub error_count: u64,
    /// Columns that are not read: name, and why.
    pub unread: Vec<(String, &'static str)>,
    /// Stands for all that is done.
    pub digest: String,
}

impl Plan {
    /// People whom it touches.
    pub fn touched(&self) -> u64 {
        self.creates + self.updates
    }
}

/// Somebody who is made or changed.
#[derive(Debug, Clone)]
pub struct Shown {
    /// The line.
    pub line: u64,
    /// The userName, as it becomes.
    pub name: String,
    /// Nobody was called so.
    pub is_new: bool,
    /// The same person was here before, and was deleted.
    pub returns: bool,
    /// Columns with what was and what becomes; no secrets.
    pub changes: Vec<(String, String, String)>,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The line.
    pub line: u64,
    /// The name of the column, if it is one.
    pub column: Option<String>,
    /// A sentence.
    pub why: String,
}

impl std::fmt::Display for RowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.column {
            Some(column) => write!(f, "Line {}, {column}: {}", self.line, self.why),
            None => write!(f, "Line {}: {}", self.line, self.why),
        }
    }
}

/// Whose changes are shown.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Behind so many.
    pub from: u64,
    /// So many.
    pub count: usize,
    /// With values of any length, and not only as much as people read.
    pub is_full: bool,
}

impl View {
    /// The first so many, as people read them.
    pub fn first(count: usize) -> View {
        View { from: 0, count, is_full: false }
    }
}

/// Errors that are kept, at most.
pub const MOST_ERRORS: usize = 1000;

/// A file on its way, and how far somebody has come with it.
#[derive(Debug, Clone, Copy)]
pub struct File<'f> {
    /// The file.
    pub bytes: &'f [u8],
    /// Its bounds.
    pub bounds: Bounds,
    /// Rows that were gone through so far.
    pub progress: &'f AtomicU64,
}

/// Looks through a file without the directory: how many rows it has.
///
/// Errors: a sentence for whoever saved it.
pub fn inspect(bytes: &[u8], bounds: Bounds, of: &ResourceType) -> Result<u64, Unreadable> {
    let table = Table::read(bytes, bounds)?;
    columns(&table, of)?;
    Ok(table.rows())
}

/// What an import would come to.
///
/// Errors: [`Refusal::Denied`] for what [`inspect`] refuses. What is wrong with rows is in the plan.
pub fn preview(reader: &Reader<'_>, site: &Site, file: File<'_>, view: View) -> Result<Plan, Refusal> {
    // Nobody changes anything with this caller.
    run(Hands::Look(reader), (site, &Caller::local("", "")), file, view)
}

/// Imports a file whose preview had this digest.
///
/// Errors: [`Refusal::Conflict`] when it would come to something else by now. Nothing is done then.
pub fn import(
    writer: &mut Writer<'_>,
    (site, caller): (&Site, &Caller),
    file: File<'_>,
    digest: &str,
) -> Result<Plan, Refusal> {
    let plan = run(Hands::Write(writer), (site, caller), file, View::first(0))?;
    match plan.digest == digest {
        true => Ok(plan),
        false => Err(Refusal::Conflict(MOVED.to_owned())),
    }
}

/// Why an import is refused that nothing is wrong with.
const MOVED: &str = "The directory has changed since the preview, and the import would come to something else by now. Nothing was imported.";

fn run(hands: Hands<'_, '_>, (site, caller): (&Site, &Caller), file: File<'_>, view: View) -> Result<Plan, Refusal> {
    let of = people(hands.reader())?;
    let refused = |unreadable: Unreadable| Refusal::Denied(unreadable.to_string());
    let table = Table::read(file.bytes, file.bounds).map_err(refused)?;
    let columns = columns(&table, &of).map_err(refused)?;
    let mut walk = Walk::new(hands, (site, caller), &of, &columns, view);
    table.each_row(|row| {
        file.progress.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        walk.row(row).map(|()| true)
    })?;
    let mut plan = walk.end();
    plan.unread = columns
        .iter()
        .filter_map(|c| match c.meaning {
            Meaning::Unread(why) => Some((c.name.clone(), why)),
            _ => None,
        })
        .collect();
    Ok(plan)
}
