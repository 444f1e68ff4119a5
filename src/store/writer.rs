//! The writer thread: group commit.
//!
//! It drains its queue into one transaction, commits once, and answers after the commit, so that one sync of the disk
//! serves all that wait. Jobs that can be run again have no savepoints: when one of them has to be undone, the transaction
//! begins anew and runs them all once more, each in a savepoint. SQLite may roll a *whole* transaction back on a full disk or an
//! I/O error, savepoints included; so after every job and after COMMIT the thread asks whether the transaction is still
//! there. If it is not, every job of the batch is answered with the failure, whatever it thought of itself.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::jobs::{Failure, Job, Verdict, Weight};
use super::reader::Reader;
use super::{Shared, StoreError, activity, changes, guard, usage, writing_connection};

/// Jobs of one transaction, at most.
const BATCH: usize = 256;
/// How often counters and last-used times are stored, and old change rows looked for.
const HOUSEKEEPING: Duration = Duration::from_secs(2);
/// How often lost transactions are told of.
const TELLING: Duration = Duration::from_secs(10);
/// How often recent exchanges are stored: a thousand rows at the most, which a write would have to wait for.
const ACTIVITY: Duration = Duration::from_secs(10);

/// What a job works with: everything that a [`Reader`] sees, and the means to change it.
pub struct Writer<'c> {
    reader: Reader<'c>,
    now: i64,
    change: i64,
}

impl Reader<'_> {
    /// The number of the last change: what two snapshots share, they share in all.
    pub fn last_change(&self) -> Result<i64, StoreError> {
        Ok(last_change(self.connection())?.0)
    }
}

impl<'c> Deref for Writer<'c> {
    type Target = Reader<'c>;
    fn deref(&self) -> &Reader<'c> {
        &self.reader
    }
}

impl Writer<'_> {
    /// The time of this job, in microseconds since 1970: after every time that the file already holds.
    pub fn now(&self) -> i64 {
        self.now
    }

    /// The number of the change that this job is about to make.
    pub fn next_change(&self) -> i64 {
        self.change + 1
    }

    /// Runs a part of a job: an error undoes this part and nothing else. Each part has a time of its own.
    ///
    /// Errors: the store's own, which the job cannot go on after.
    pub fn attempt<T, E: Failure>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, E>) -> Result<Result<T, E>, E> {
        step(self.reader.connection(), "savepoint part")?;
        let before = (self.change, self.now);
        self.now = self.shared().now().max(self.now + 1);
        let result = part(self);
        if self.reader.connection().is_autocommit() {
            return Err(result.err().unwrap_or_else(|| StoreError::Full.into()));
        }
        match result {
            Err(error) if error.store_error().is_some() => return Err(error),
            Err(_) => {
                (self.change, self.now) = before;
                self.reader.forget();
                step(self.reader.connection(), "rollback to part")?;
            }
            Ok(_) => {}
        }
        step(self.reader.connection(), "release part")?;
        Ok(result)
    }

    pub(super) fn change_made(&mut self) {
        self.change += 1;
    }
}

/// Where the file stands at the start of a transaction.
pub(super) fn last_change(connection: &Connection) -> Result<(i64, i64), StoreError> {
    let mut statement = connection.prepare_cached("select n, at from change order by n desc limit 1")?;
    let mut rows = statement.query([])?;
    Ok(match rows.next()? {
        Some(row) => (row.get(0)?, row.get(1)?),
        None => (0, 0),
    })
}

pub(super) fn run(mut connection: Connection, jobs: &Receiver<Box<dyn Job>>, shared: &Arc<Shared>) {
    let mut held = None;
    let mut housekept = Instant::now();
    let mut kept = Instant::now();
    let mut retention = guard::Retention::default();
    let mut losses = Losses::default();
    loop {
        let first = match held.take() {
            Some(job) => Ok(job),
            None => jobs.recv_timeout(HOUSEKEEPING),
        };
        match first {
            Ok(job) => {
                let (batch, lost) = batch(&connection, shared, job, jobs, &mut held);
                if let Some(error) = &lost {
                    losses.tell(error, batch.len());
                }
                // After an I/O error the connection's view of the file is not to be trusted, whoever met it.
                let io = |e: &StoreError| matches!(e, StoreError::Io(_));
                let failed = lost.as_ref().is_some_and(io) || batch.iter().any(|j| j.error().as_ref().is_some_and(io));
                for job in batch {
                    job.answer(lost.as_ref());
                }
                if failed {
                    reopen(&mut connection, shared);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if housekept.elapsed() >= HOUSEKEEPING {
            housekept = Instant::now();
            if let Err(error) = housekeeping(&connection, shared) {
                tracing::warn!(%error, "counters could not be stored");
            }
            // A command ends before there is anything to wait for.
            if shared.serves
                && let Err(error) = guard::retain(&connection, shared, &mut retention)
            {
                tracing::warn!(%error, "those who left could not be looked through");
            }
            if kept.elapsed() >= ACTIVITY {
                kept = Instant::now();
                if let Ok(mut search) = shared.search.try_lock() {
                    search.rest();
                }
                if let Err(error) = keep_activity(&connection, shared) {
                    tracing::warn!(%error, "recent exchanges could not be stored");
                }
            }
        }
    }
    let closed = housekeeping(&connection, shared).and_then(|()| keep_activity(&connection, shared)).and_then(|()| {
        if !shared.serves {
            return Ok(());
        }
        connection.pragma_update(None, "wal_checkpoint", "truncate")?;
        Ok(())
    });
    if let Err(error) = closed {
        tracing::warn!(%error, "the database was not closed tidily; nothing is lost");
    }
}

/// Transactions that were lost, as the log has them: on a full disk they are very many, and the log may be on that disk.
#[derive(Default)]
struct Losses {
    told: Option<Instant>,
    since: usize,
}

impl Losses {
    fn tell(&mut self, error: &StoreError, jobs: usize) {
        self.since += 1;
        if self.told.is_some_and(|told| told.elapsed() < TELLING) {
            return;
        }
        let transactions = self.since;
        tracing::error!(%error, jobs, transactions, "a transaction was lost; every request in it is refused");
        (self.told, self.since) = (Some(Instant::now()), 0);
    }
}

fn step(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

/// Runs one transaction. Gives the jobs that were in it, and the error if it was lost.
fn batch(
    connection: &Connection,
    shared: &Arc<Shared>,
    first: Box<dyn Job>,
    queue: &Receiver<Box<dyn Job>>,
    held: &mut Option<Box<dyn Job>>,
) -> (Vec<Box<dyn Job>>, Option<StoreError>) {
    let mut done = Vec::new();
    let begun = step(connection, "begin immediate").and_then(|()| last_change(connection));
    let (change, at) = match begun {
        Ok(begun) => begun,
        Err(error) => {
            // Those who wait behind would only wait as long again.
            let mut all = vec![first];
            all.extend(queue.try_iter());
            return (all, Some(undo(connection, error)));
        }
    };
    let mut writer = Writer { reader: Reader::new(connection, shared, false), now: at, change };
    let started = Instant::now();
    let mut bare = first.repeats();
    let mut next = Some(first);
    while let Some(mut job) = next.take() {
        let heavy = job.weight() == Weight::Heavy;
        // What runs once cannot be among those that may have to run again.
        if !done.is_empty() && (heavy || bare && !job.repeats()) {
            *held = Some(job);
            break;
        }
        let ran = match (done.is_empty(), bare) {
            (true, _) => alone(&mut writer, job.as_mut()),
            (false, true) => without_savepoint(&mut writer, job.as_mut()),
            (false, false) => in_savepoint(&mut writer, job.as_mut()),
        };
        done.push(job);
        let outcome = match ran {
            Ok(Ran::Well) => Ok(()),
            Ok(Ran::LeftSomething) => {
                bare = false;
                once_more(&mut writer, &mut done)
            }
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            return (done, Some(undo(connection, error)));
        }
        if heavy || done.len() >= BATCH || started.elapsed() >= shared.batch_time {
            break;
        }
        next = queue.try_recv().ok();
    }
    match step(connection, "commit") {
        Ok(()) if connection.is_autocommit() => {
            writer.reader.publish();
            (done, None)
        }
        Ok(()) => (done, Some(undo(connection, StoreError::Io("the transaction did not end".into())))),
        Err(error) => (done, Some(undo(connection, error))),
    }
}

/// How a job has run.
enum Ran {
    /// What it wrote stays, or it has refused and nothing of it is there.
    Well,
    /// It has refused, and what it wrote before is still there.
    LeftSomething,
}

/// Runs the first job of a transaction: there is nothing yet that a savepoint would have to keep.
fn alone(writer: &mut Writer<'_>, job: &mut dyn Job) -> Result<Ran, StoreError> {
    if matches!(without_savepoint(writer, job)?, Ran::LeftSomething) {
        begin_anew(writer)?;
    }
    Ok(Ran::Well)
}

/// Runs a job. SQLite copies each page that is changed inside a savepoint, which most jobs need not pay for: they refuse
/// before they write, or not at all.
fn without_savepoint(writer: &mut Writer<'_>, job: &mut dyn Job) -> Result<Ran, StoreError> {
    let (before, rows) = ((writer.change, writer.now), writer.reader.connection().total_changes());
    if run_job(writer, job)? == Verdict::Keep {
        return Ok(Ran::Well);
    }
    (writer.change, writer.now) = before;
    match writer.reader.connection().total_changes() == rows {
        true => Ok(Ran::Well),
        false => Ok(Ran::LeftSomething),
    }
}

/// Undoes the transaction and runs its jobs again, each in a savepoint.
fn once_more(writer: &mut Writer<'_>, jobs: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    begin_anew(writer)?;
    jobs.iter_mut().try_for_each(|job| in_savepoint(writer, job.as_mut()).map(|_| ()))
}

fn begin_anew(writer: &mut Writer<'_>) -> Result<(), StoreError> {
    let connection = writer.reader.connection();
    // A generation that is undone will be given again, to something else.
    writer.reader.forget();
    step(connection, "rollback")?;
    step(connection, "begin immediate")?;
    // A command may have written in between.
    (writer.change, writer.now) = last_change(connection)?;
    Ok(())
}

fn in_savepoint(writer: &mut Writer<'_>, job: &mut dyn Job) -> Result<Ran, StoreError> {
    let connection = writer.reader.connection();
    step(connection, "savepoint job")?;
    let before = (writer.change, writer.now);
    if run_job(writer, job)? == Verdict::Undo {
        (writer.change, writer.now) = before;
        writer.reader.forget();
        step(connection, "rollback to job")?;
    }
    step(connection, "release job")?;
    Ok(Ran::Well)
}

/// Runs a job. An error means that the transaction is gone, not that the job refused.
fn run_job(writer: &mut Writer<'_>, job: &mut dyn Job) -> Result<Verdict, StoreError> {
    // Every job has a time of its own: whoever asks for what came after the last one it saw misses nothing.
    writer.now = writer.shared().now().max(writer.now + 1);
    let verdict = job.run(writer);
    if writer.reader.connection().is_autocommit() {
        // SQLite has given the whole transaction up, on a full disk or an I/O error.
        return Err(job.error().unwrap_or(StoreError::Full));
    }
    Ok(verdict)
}

fn undo(connection: &Connection, error: StoreError) -> StoreError {
    if !connection.is_autocommit() && step(connection, "rollback").is_err() {
        return StoreError::Io(error.to_string());
    }
    error
}

fn reopen(connection: &mut Connection, shared: &Arc<Shared>) {
    match writing_connection(&shared.path)
        .and_then(|fresh| super::file::limit(&fresh, shared.max_bytes).map(|()| fresh))
    {
        Ok(fresh) => *connection = fresh,
        Err(error) => tracing::error!(%error, "the database cannot be opened again; will try at the next write"),
    }
}

fn housekeeping(connection: &Connection, shared: &Arc<Shared>) -> Result<(), StoreError> {
    let gathered = std::mem::take(&mut *shared.usage());
    if !gathered.is_empty() {
        let stored = step(connection, "begin immediate")
            .and_then(|()| usage::store(connection, &gathered))
            .and_then(|()| step(connection, "commit"));
        if let Err(error) = stored {
            shared.usage().absorb(gathered);
            return Err(undo(connection, error));
        }
    }
    changes::purge(connection, shared.now())
}

/// Runs a transaction of the writer's own, between those of others.
pub(super) fn in_transaction<T>(
    connection: &Connection,
    shared: &Arc<Shared>,
    work: impl FnOnce(&mut Writer<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let done = step(connection, "begin immediate").and_then(|()| {
        let (change, at) = last_change(connection)?;
        let now = shared.now().max(at + 1);
        let done = work(&mut Writer { reader: Reader::new(connection, shared, false), now, change })?;
        step(connection, "commit")?;
        Ok(done)
    });
    done.map_err(|error| undo(connection, error))
}

/// Stores what was asked lately. What cannot be stored stays due.
fn keep_activity(connection: &Connection, shared: &Arc<Shared>) -> Result<(), StoreError> {
    let Some(due) = shared.activity().due() else { return Ok(()) };
    let stored = step(connection, "begin immediate")
        .and_then(|()| activity::store(connection, &due, shared.now()))
        .and_then(|()| step(connection, "commit"));
    stored.map_err(|error| undo(connection, error))?;
    shared.activity().settled(&due);
    Ok(())
}

#[cfg(test)]
mod tests;
