//! Backups while the server runs, and restoring them while it does not.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OpenFlags};

use super::file::{beside, create_new, hold, resolve, sync_folder};
use super::migrate::{APPLICATION_ID, check, set};
use super::{StoreError, lock, writing_connection};
use crate::clock::{Clock, date_time};
use crate::secret;

/// Pages copied before other connections get a turn.
const PAGES: i32 = 1000;

/// Copies the database into a file, checks the copy, and only then gives it its name. An older backup of that name is
/// replaced in one step; a file that is no backup is never replaced.
pub fn backup(database: &Path, target: &Path) -> Result<PathBuf, StoreError> {
    let database = resolve(database)?;
    let target = resolve(target)?;
    if target == database {
        return Err(StoreError::Unusable("the backup would replace the database itself".into()));
    }
    if target.symlink_metadata().is_ok() && inspect(&target).is_err() {
        return Err(StoreError::Unusable(format!(
            "{} is there and is not a backup of scim-appliance; name another file",
            target.display()
        )));
    }
    if beside(&target, "-wal").symlink_metadata().is_ok() {
        return Err(StoreError::Unusable(format!("{} is a database in use; name another file", target.display())));
    }
    let _in_use = hold(&database, false)?;
    let draft = draft(&target)?;
    let copied = copy(&database, &draft).and_then(|()| verify(&draft)).and_then(|()| put_in_place(&draft, &target));
    if copied.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    copied.map(|()| target)
}

/// Puts a backup in the place of the database. Gives where the old database was kept, if there was one.
///
/// Errors: [`StoreError::Unusable`] while a server runs, and for a file that is damaged, of another program or newer.
pub fn restore(database: &Path, source: &Path, clock: &Clock) -> Result<Option<PathBuf>, StoreError> {
    let database = resolve(database)?;
    let _server = lock(&database)?;
    let _alone = hold(&database, true)?;
    verify(source)?;
    let draft = draft(&database)?;
    let prepared = copy(source, &draft).and_then(|()| verify(&draft)).and_then(|()| renew(&draft));
    let prepared = prepared.and_then(|()| keep(&database, clock)).and_then(|kept| {
        put_in_place(&draft, &database)?;
        Ok(kept)
    });
    if prepared.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    prepared
}

/// Whether a file is an undamaged database that this program can read.
pub fn verify(path: &Path) -> Result<(), StoreError> {
    let shown = path.display();
    let connection = inspect(path)?;
    let damaged = |e: rusqlite::Error| StoreError::Unusable(format!("{shown} is damaged: {e}"));
    let verdict: String = connection.query_row("pragma integrity_check(1)", [], |r| r.get(0)).map_err(damaged)?;
    if verdict != "ok" {
        return Err(StoreError::Unusable(format!("{shown} is damaged: {}", verdict.replace('\n', " "))));
    }
    let orphans: i64 =
        connection.query_row("select count(*) from pragma_foreign_key_check", [], |r| r.get(0)).map_err(damaged)?;
    if orphans > 0 {
        return Err(StoreError::Unusable(format!(
            "{shown} is damaged: {orphans} rows refer to rows that are not there"
        )));
    }
    Ok(())
}

/// Opens a file to look at, and makes sure that it is one of ours.
pub(super) fn inspect(path: &Path) -> Result<Connection, StoreError> {
    let shown = path.display();
    let path = resolve(path)?;
    let unusable = |e: rusqlite::Error| StoreError::Unusable(format!("{shown} cannot be read as a database: {e}"));
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let connection = Connection::open_with_flags(&path, flags).map_err(unusable)?;
    connection.busy_timeout(Duration::from_secs(10)).map_err(unusable)?;
    let id: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0)).map_err(unusable)?;
    let found: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0)).map_err(unusable)?;
    if id != APPLICATION_ID {
        return Err(StoreError::Unusable(format!("{shown} is not a database of scim-appliance")));
    }
    check(&connection, found)?;
    Ok(connection)
}

fn draft(target: &Path) -> Result<PathBuf, StoreError> {
    let tag = secret::random_text(8).map_err(|e| StoreError::Unusable(e.to_string()))?;
    let draft = beside(target, &format!(".{tag}.draft"));
    create_new(&draft)?;
    Ok(draft)
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let source = inspect(from)?;
    // One snapshot for all pages: without it every commit of a neighbour would start the copy over again.
    source.execute_batch("begin; select count(*) from sqlite_schema")?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX | OpenFlags::SQLITE_OPEN_NOFOLLOW;
    let mut target = Connection::open_with_flags(to, flags)?;
    Backup::new(&source, &mut target)?.run_to_completion(PAGES, Duration::from_millis(1), None)?;
    // One file, with nothing beside it, is what a backup should be.
    target.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    target.close().map_err(|(_, e)| StoreError::from(e))
}

/// A restored file gets a tag of its own, so that no version tag of the time before matches other content.
fn renew(draft: &Path) -> Result<(), StoreError> {
    let connection = writing_connection(draft)?;
    let tag = secret::random_text(8).map_err(|e| StoreError::Unusable(e.to_string()))?;
    set(&connection, "file_tag", &tag)?;
    connection.execute("update generation set control = control + 1, graph = graph + 1", [])?;
    // Whoever was signed in when the backup was made, and has signed out since, stays out. A backup of an earlier version
    // knows nobody who is signed in; the next start brings it up to date.
    let has = |table: &str| -> Result<bool, StoreError> {
        let sql = "select count(*) from sqlite_schema where type = 'table' and name = ?1";
        Ok(connection.query_row(sql, [table], |r| r.get::<_, i64>(0))? > 0)
    };
    if has("session")? {
        connection.execute("delete from session", [])?;
    }
    // Who has signed in since the backup was made is not in it: automatic deactivation is announced anew.
    if has("idle")? {
        connection.execute("update idle set sso = null, waits = null, confirmed = null", [])?;
    }
    connection.pragma_update_and_check(None, "journal_mode", "delete", |_| Ok(()))?;
    connection.close().map_err(|(_, e)| StoreError::from(e))
}

/// Gives the old database a second name, with its write-ahead log as far as that could not be folded into it. The old
/// one stays in its place until the new one takes it in one step; only then is anything different.
fn keep(database: &Path, clock: &Clock) -> Result<Option<PathBuf>, StoreError> {
    if database.symlink_metadata().is_err() {
        return Ok(None);
    }
    if let Ok(connection) = writing_connection(database) {
        let _ = connection.pragma_update_and_check(None, "wal_checkpoint", "truncate", |_| Ok(()));
    }
    let stamp: String = date_time(clock.now()).chars().filter(char::is_ascii_digit).collect();
    let kept = beside(database, &format!(".before-restore-{stamp}"));
    let cannot =
        |from: &Path, e: std::io::Error| StoreError::Unusable(format!("{} cannot be kept: {e}", from.display()));
    let link = |from: &Path, to: &Path| {
        std::fs::hard_link(from, to).or_else(|_| std::fs::copy(from, to).map(|_| ())).map_err(|e| cannot(from, e))
    };
    link(database, &kept)?;
    let (log, index) = (beside(database, "-wal"), beside(database, "-shm"));
    if log.metadata().is_ok_and(|m| m.len() > 0) {
        link(&log, &beside(&kept, "-wal"))?;
    }
    sync_folder(&kept)?;
    // A log that stayed would run into the new file.
    for side in [log, index] {
        match std::fs::remove_file(&side) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => return Err(cannot(&side, e)),
            _ => {}
        }
    }
    Ok(Some(kept))
}

fn put_in_place(draft: &Path, target: &Path) -> Result<(), StoreError> {
    let io = |e: std::io::Error| StoreError::Unusable(format!("{} cannot be put in place: {e}", target.display()));
    std::fs::File::open(draft).and_then(|f| f.sync_all()).map_err(io)?;
    std::fs::rename(draft, target).map_err(io)?;
    sync_folder(target)
}
