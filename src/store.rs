//! The only module that names rusqlite: one SQLite file, one writer thread, a few reader connections.
//!
//! A write is a job: a synchronous function that the writer thread runs, whole or not at all, inside a transaction that
//! many jobs share, and that is answered after the COMMIT (see [`writer`]). A read is a function over a [`Reader`]: inline on
//! the calling thread when it takes microseconds, on a reader thread when it may take longer.

mod activity;
mod admins;
pub mod backup;
mod changes;
mod departed;
mod error;
mod file;
mod graph;
mod guard;
mod handover;
mod idle;
mod jobs;
mod key;
mod members;
mod migrate;
mod narrow;
#[cfg(test)]
mod plans;
mod reader;
mod resources;
mod roles;
mod search;
mod sessions;
mod settings;
mod sign_ins;
mod tokens;
mod usage;
mod values;
mod writer;

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

pub use activity::{Activity, Exchange, Milestone, Tally};
pub use admins::AdminRow;
pub use changes::{Change, ChangeRow};
pub use departed::{Departed, Departure, Kept};
pub use error::StoreError;
pub use graph::{Graph, Node};
pub use guard::{Guard, Threshold};
pub use handover::{Handover, HandoverStatus};
pub use idle::{IdleRule, LastContact};
pub use jobs::{Failure, Pending, Weight};
pub use key::{check_key, key, key_of, put_key};
pub use members::{Delta, Membership, Source};
pub use reader::Reader;
pub use resources::{Indexed, Prepared, Row};
pub use roles::{RoleOverride, RoleRule, RoleRules};
pub use sessions::{Owner, SessionRow};
pub use settings::{Control, Provisioning};
pub use sign_ins::RefusedSignIn;
pub use tokens::{TokenRow, TokenStatus};
pub use usage::Usage;
pub use writer::Writer;

use crate::clock::Clock;
use crate::scim::catalog::Catalog;

/// How the file is opened and used.
#[derive(Debug, Clone)]
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// Reader threads.
    pub readers: usize,
    /// The file never grows beyond this many bytes; 0: no bound but the disk's.
    pub max_bytes: u64,
    /// Open it although it lies on a network file system.
    pub allow_network: bool,
    /// Writes that wait, at most.
    pub queue: usize,
    /// How long writes are taken into one transaction.
    pub batch_time: Duration,
    /// This process serves: it folds the write-ahead log into the file when it ends. A command must not wait for that,
    /// nor make the server's writes wait.
    pub serves: bool,
    /// For how many days people who left are kept; 0: for ever.
    pub departed_days: i64,
    /// How many people may leave before an administrator has to look.
    pub threshold: Threshold,
}

impl Options {
    /// The defaults for a file.
    pub fn at(path: impl Into<PathBuf>) -> Options {
        Options {
            path: path.into(),
            readers: 2,
            max_bytes: 0,
            allow_network: false,
            queue: 4096,
            batch_time: Duration::from_millis(5),
            serves: true,
            departed_days: 90,
            threshold: Threshold::default(),
        }
    }
}

/// What all connections of a process share.
pub(crate) struct Shared {
    /// Tells the stores of one process apart, for connections that belong to a thread.
    id: u64,
    path: PathBuf,
    catalog: Arc<Catalog>,
    clock: Clock,
    types: HashMap<String, i64>,
    /// New after each restore: what versions begin with.
    file_tag: String,
    graph: RwLock<Arc<Graph>>,
    control: RwLock<Arc<Control>>,
    usage: Mutex<Usage>,
    activity: Mutex<Activity>,
    search: Mutex<search::Index>,
    max_bytes: u64,
    batch_time: Duration,
    serves: bool,
    departed_days: i64,
    threshold: Threshold,
    /// The latest time that was seen: a clock that is set back does not bring expired tokens to life.
    latest: AtomicI64,
    /// Says to `restore` that the file is in use, for as long as this lives.
    _in_use: std::fs::File,
}

impl Shared {
    /// Microseconds since 1970; never less than before.
    fn now(&self) -> i64 {
        let now = self.clock.now();
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// What people and groups are searched by.
    fn search(&self) -> MutexGuard<'_, search::Index> {
        self.search.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to be stored of it soon.
    fn usage(&self) -> MutexGuard<'_, Usage> {
        self.usage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was asked lately.
    fn activity(&self) -> MutexGuard<'_, Activity> {
        self.activity.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn publish_graph(&self, fresh: &Arc<Graph>) {
        let mut held = self.graph.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.generation() > held.generation() {
            *held = fresh.clone();
        }
    }

    fn publish_control(&self, fresh: &Arc<Control>) {
        let mut held = self.control.write().unwrap_or_else(PoisonError::into_inner);
        if fresh.generation > held.generation {
            *held = fresh.clone();
        }
    }
}

type ReadJob = Box<dyn FnOnce(Result<&Reader<'_>, StoreError>) + Send>;

/// The store of one process: cheap to clone.
#[derive(Clone)]
pub struct Store {
    shared: Arc<Shared>,
    writes: SyncSender<Box<dyn jobs::Job>>,
    reads: SyncSender<ReadJob>,
}

/// The threads of a store; joined when the store is closed.
pub struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    /// Waits until every thread has ended. They end when the last [`Store`] is dropped.
    pub fn join(self) {
        for thread in self.0 {
            let _ = thread.join();
        }
    }
}

static NEXT_STORE: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The connection of this thread for inline reads, and the store it belongs to.
    static INLINE: RefCell<Option<(u64, Connection)>> = const { RefCell::new(None) };
}

impl Store {
    /// Opens (and if need be creates) the file, brings it to this program's version, and starts the threads.
    ///
    /// Errors: [`StoreError::Unusable`] with a sentence for a person: a folder that is missing, a link, a network file
    /// system, a file of a newer version or of another program.
    pub fn open(options: &Options, catalog: Arc<Catalog>, clock: Clock) -> Result<(Store, Threads), StoreError> {
        let path = file::prepare(options)?;
        let in_use = file::hold(&path, false)?;
        let (connection, types, file_tag) = opened(&path, options, &catalog, &clock).map_err(|e| match e {
            StoreError::Busy | StoreError::Full => e,
            other => StoreError::Unusable(format!("{} cannot be used: {other}", path.display())),
        })?;
        // A command looks at no activity and leaves none.
        let activity = if options.serves { Activity::load(&connection)? } else { Activity::default() };
        let shared = Arc::new(Shared {
            id: NEXT_STORE.fetch_add(1, Ordering::Relaxed),
            path,
            catalog,
            clock,
            types,
            file_tag,
            graph: RwLock::default(),
            control: RwLock::default(),
            usage: Mutex::default(),
            activity: Mutex::new(activity),
            search: Mutex::default(),
            max_bytes: options.max_bytes,
            batch_time: options.batch_time,
            serves: options.serves,
            departed_days: options.departed_days,
            threshold: options.threshold,
            latest: AtomicI64::new(writer::last_change(&connection)?.1),
            _in_use: in_use,
        });
        let mut threads = Vec::new();
        let (writes, jobs) = sync_channel(options.queue);
        let for_writer = shared.clone();
        threads.push(spawn("writer", move || writer::run(connection, &jobs, &for_writer))?);
        let (reads, jobs) = sync_channel::<ReadJob>(options.queue);
        let jobs = Arc::new(Mutex::new(jobs));
        for i in 0..options.readers.max(1) {
            let (jobs, shared) = (jobs.clone(), shared.clone());
            let connection = reading_connection(&shared.path, Duration::from_secs(5))?;
            threads.push(spawn(&format!("reader-{i}"), move || read_all(&connection, &jobs, &shared))?);
        }
        Ok((Store { shared, writes, reads }, Threads(threads)))
    }

    /// Runs a read on this thread, now. For look-ups that take microseconds.
    ///
    /// Errors: [`StoreError::Busy`] when the file is locked at this instant: ask again with [`Store::read`].
    pub fn inline<T, E: From<StoreError>>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, E>) -> Result<T, E> {
        INLINE.with(|slot| {
            let mut slot = slot.borrow_mut();
            if slot.as_ref().is_none_or(|(id, _)| *id != self.shared.id) {
                *slot = Some((self.shared.id, reading_connection(&self.shared.path, Duration::ZERO)?));
            }
            match slot.as_ref() {
                Some((_, connection)) => reader::snapshot(connection, &self.shared, read),
                None => Err(StoreError::Closed.into()),
            }
        })
    }

    /// Runs a read on a reader thread.
    pub fn read<T, E>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static) -> Pending<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, pending) = Pending::new();
        let job: ReadJob = Box::new(move |reader| {
            // Nobody waits any longer: a client that has gone needs no scan.
            if answer.is_closed() {
                return;
            }
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(reader.map_err(E::from)?)));
            let _ = answer.send(result.unwrap_or_else(|_| Err(StoreError::Panicked.into())));
        });
        match self.reads.try_send(job) {
            Ok(()) => pending,
            Err(TrySendError::Full(_)) => Pending::failed(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Pending::failed(StoreError::Closed),
        }
    }

    /// Queues a write. Its answer comes after it is on disk; an `Err` of the job leaves nothing of it behind.
    pub fn write<T, E>(
        &self,
        weight: Weight,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        let (job, pending) = jobs::job(weight, write);
        self.queue(job, pending)
    }

    /// Queues a write that comes to the same when it is run again: what it takes with it, it leaves as it was. Those that
    /// come at the same time cost less than with [`Store::write`]: no job has a savepoint of its own unless one of them has
    /// to be undone.
    pub fn write_together<T, E>(
        &self,
        weight: Weight,
        write: impl Fn(&mut Writer<'_>) -> Result<T, E> + Send + 'static,
    ) -> Pending<T, E>
    where
        T: Send + 'static,
        E: Failure + Send + 'static,
    {
        let (job, pending) = jobs::repeatable(weight, write);
        self.queue(job, pending)
    }

    fn queue<T, E: Failure>(&self, job: Box<dyn jobs::Job>, pending: Pending<T, E>) -> Pending<T, E> {
        match self.writes.try_send(job) {
            Ok(()) => pending,
            Err(TrySendError::Full(_)) => Pending::failed(StoreError::Overloaded),
            Err(TrySendError::Disconnected(_)) => Pending::failed(StoreError::Closed),
        }
    }

    /// Where reads and rejected requests leave what should be counted; the writer stores it in batches.
    pub fn note(&self, note: impl FnOnce(&mut Usage)) {
        note(&mut self.shared.usage());
    }

    /// What was asked lately: to look at, and to add to.
    pub fn activity<T>(&self, look: impl FnOnce(&mut Activity) -> T) -> T {
        look(&mut self.shared.activity())
    }

    /// The time, in microseconds since 1970; never less than before.
    pub fn now(&self) -> i64 {
        self.shared.now()
    }

    /// The catalog that the file is held to.
    pub fn catalog(&self) -> &Arc<Catalog> {
        &self.shared.catalog
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// The clock of this store.
    pub fn clock(&self) -> &Clock {
        &self.shared.clock
    }
}

/// The connection that writes, on a file that is up to date, the codes of the resource types in it, and its tag.
fn opened(
    path: &Path,
    options: &Options,
    catalog: &Catalog,
    clock: &Clock,
) -> Result<(Connection, HashMap<String, i64>, String), StoreError> {
    let mut connection = writing_connection(path)?;
    file::limit(&connection, options.max_bytes)?;
    if !options.serves && migrate::is_due(&connection)? && file::is_served(path) {
        return Err(StoreError::Unusable(
            "it was written by an older scim-appliance, which serves it at the moment; use that one, or stop it first"
                .to_owned(),
        ));
    }
    migrate::migrate(&mut connection)?;
    let types = migrate::register(&mut connection, catalog, clock, options.serves)?;
    let file_tag = migrate::setting(&connection, "file_tag")?.unwrap_or_default();
    Ok((connection, types, file_tag))
}

/// Takes the lock that a serving process holds for as long as it lives. It goes with the process, however that ends.
///
/// Errors: [`StoreError::Unusable`] when another process holds it.
pub fn lock(database: &Path) -> Result<std::fs::File, StoreError> {
    file::lock(database)
}

/// Does a server run on this database at the moment?
pub fn is_served(database: &Path) -> bool {
    file::is_served(database)
}

/// Says whether a database could be opened at this place, without touching it.
///
/// Errors: [`StoreError::Unusable`] as for [`Store::open`].
pub fn check_place(options: &Options) -> Result<(), StoreError> {
    let path = file::check_place(options)?;
    match path.metadata() {
        // An empty file is what `touch` leaves; it becomes a database.
        Ok(found) if found.len() > 0 || !found.is_file() => backup::inspect(&path).map(|_| ()),
        _ => Ok(()),
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map_err(|e| StoreError::Unusable(format!("cannot start a thread: {e}")))
}

fn read_all(connection: &Connection, jobs: &Mutex<Receiver<ReadJob>>, shared: &Arc<Shared>) {
    loop {
        let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        let mut job = Some(job);
        let outcome = reader::snapshot::<(), StoreError>(connection, shared, |reader| {
            if let Some(job) = job.take() {
                job(Ok(reader));
            }
            Ok(())
        });
        if let Err(error) = outcome {
            tracing::warn!(%error, "a read found no snapshot");
            if let Some(job) = job {
                job(Err(error));
            }
            // A connection that is stuck in a transaction would fail every read to come.
            if !connection.is_autocommit() {
                let _ = connection.execute_batch("rollback");
            }
        }
    }
}

/// The page cache of one connection, in KiB.
const CACHE_KIB: i64 = 2048;
const STATEMENTS: usize = 128;

/// The connection that writes. `busy_timeout` comes first, so that the switch to WAL waits for a neighbour.
pub(crate) fn writing_connection(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    connection.pragma_update(None, "cache_size", -4 * CACHE_KIB)?;
    settle_plans(&connection)?;
    Ok(connection)
}

/// Plans do not look at the values that are bound: they cannot flip, and no statement is prepared anew for each of them.
fn settle_plans(connection: &Connection) -> Result<(), StoreError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn reading_connection(path: &Path, patience: Duration) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    settle_plans(&connection)?;
    Ok(connection)
}
