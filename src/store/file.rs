//! The file itself: where it may lie, who may read it, who holds it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rustix::fs::{CWD, Mode, OFlags, openat};

use super::{Options, StoreError};

/// The first SQLite without the WAL-reset bug of 3.7.0 to 3.51.2, which could lose commits.
const LEAST_SQLITE: i32 = 3_051_003;

/// File systems on which SQLite's locks or shared memory do not work between machines: magic numbers of statfs(2).
const NETWORK: [(u32, &str); 8] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x0102_1997, "9P"),
    (0x6573_5546, "FUSE"),
    (0x0bd0_0bd0, "Lustre"),
    (0x00c3_6400, "Ceph"),
];

/// Makes sure that the file can be opened safely, and creates it with mode 0600 when it is not there: SQLite gives its
/// side files the mode of the database. Gives the path with its folder resolved.
pub(super) fn prepare(options: &Options) -> Result<PathBuf, StoreError> {
    check_version(rusqlite::version_number(), rusqlite::version())?;
    let path = check_place(options)?;
    let shown = path.display();
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let opened = openat(CWD, &path, flags, Mode::RUSR | Mode::WUSR).map_err(std::io::Error::from);
    let file = File::from(opened.map_err(|e| StoreError::Unusable(cannot_open(&path, &e)))?);
    let found = file.metadata().map_err(|e| StoreError::Unusable(cannot_open(&path, &e)))?;
    if !found.is_file() {
        return Err(StoreError::Unusable(format!("{shown} is not a file")));
    }
    if found.permissions().mode() & 0o077 != 0 {
        let private = std::fs::Permissions::from_mode(0o600);
        file.set_permissions(private).map_err(|e| {
            StoreError::Unusable(format!("{shown} can be read by others, and that cannot be changed: {e}"))
        })?;
    }
    Ok(path)
}

/// The path with its folder resolved, if a database may lie there.
pub(super) fn check_place(options: &Options) -> Result<PathBuf, StoreError> {
    let path = resolve(&options.path)?;
    let shown = path.display();
    if path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink()) {
        return Err(StoreError::Unusable(format!("{shown} is a symbolic link; name the file that it points to")));
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    if let (false, Ok(found)) = (options.allow_network, rustix::fs::statfs(folder)) {
        // The width of f_type differs between platforms; the numbers fit into 32 bits.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let magic = found.f_type as u32;
        if let Some(name) = network(magic) {
            return Err(StoreError::Unusable(format!(
                "{shown} lies on a network file system ({name}), where SQLite can lose data; move it to a local disk, or set [store] allow_network_filesystem = true"
            )));
        }
    }
    Ok(path)
}

fn network(magic: u32) -> Option<&'static str> {
    NETWORK.iter().find(|(m, _)| *m == magic).map(|(_, name)| *name)
}

/// The path with its folder resolved; its last component is never followed.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, StoreError> {
    let shown = path.display();
    let name = path.file_name().ok_or_else(|| StoreError::Unusable(format!("{shown} does not name a file")))?;
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("/"),
    };
    let folder = folder
        .canonicalize()
        .map_err(|e| StoreError::Unusable(format!("the folder {} cannot be used: {e}", folder.display())))?;
    Ok(folder.join(name))
}

fn cannot_open(path: &Path, error: &std::io::Error) -> String {
    let shown = path.display();
    // NOFOLLOW answers ELOOP for a link.
    match path.symlink_metadata().is_ok_and(|m| m.file_type().is_symlink()) {
        true => format!("{shown} is a symbolic link; name the file that it points to"),
        false => format!("{shown} cannot be opened: {error}"),
    }
}

pub(super) fn check_version(number: i32, text: &str) -> Result<(), StoreError> {
    match number >= LEAST_SQLITE {
        true => Ok(()),
        false => {
            Err(StoreError::Unusable(format!("SQLite {text} can lose data in WAL mode; at least 3.51.3 is needed")))
        }
    }
}

/// Bounds the size of the file: SQLite answers "full" beyond it. 0: no bound.
pub(super) fn limit(connection: &Connection, bytes: u64) -> Result<(), StoreError> {
    if bytes == 0 {
        return Ok(());
    }
    let page: i64 = connection.pragma_query_value(None, "page_size", |r| r.get(0))?;
    let pages = i64::try_from(bytes).unwrap_or(i64::MAX) / page.max(1);
    connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    Ok(())
}

pub(super) fn lock(database: &Path) -> Result<File, StoreError> {
    let path = beside(&resolve(database)?, ".lock");
    let opened =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(nofollow()).open(&path);
    let file = opened.map_err(|e| StoreError::Unusable(cannot_open(&path, &e)))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        // `restore` holds this lock as well; it says so in the other one.
        Err(TryLockError::WouldBlock) => {
            hold(database, false)?;
            Err(StoreError::Unusable(format!("{} is in use by a running server", database.display())))
        }
        Err(TryLockError::Error(e)) => Err(StoreError::Unusable(format!("{} cannot be locked: {e}", path.display()))),
    }
}

/// Does somebody hold the lock of a server? Asked without leaving anything behind.
pub(super) fn is_served(database: &Path) -> bool {
    let held =
        |path: PathBuf| File::open(path).is_ok_and(|file| matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
    resolve(database).is_ok_and(|database| held(beside(&database, ".lock")))
}

/// Says that the database is in use, shared with others that use it; or, alone, that it is being exchanged. A rename
/// under somebody's feet would let an old write-ahead log run into a new file.
pub(super) fn hold(database: &Path, alone: bool) -> Result<File, StoreError> {
    let path = beside(&resolve(database)?, ".in-use");
    let opened =
        OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).custom_flags(nofollow()).open(&path);
    let file = opened.map_err(|e| StoreError::Unusable(cannot_open(&path, &e)))?;
    let shown = database.display();
    match if alone { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) if alone => {
            Err(StoreError::Unusable(format!("{shown} is in use by another command")))
        }
        Err(TryLockError::WouldBlock) => Err(StoreError::Unusable(format!("{shown} is being restored; try again"))),
        Err(TryLockError::Error(e)) => Err(StoreError::Unusable(format!("{} cannot be locked: {e}", path.display()))),
    }
}

/// A file beside the database: its name with a suffix.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Creates a file that is not there yet, mode 0600, never through a link.
pub(super) fn create_new(path: &Path) -> Result<File, StoreError> {
    let created =
        OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).custom_flags(nofollow()).open(path);
    created.map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => StoreError::Unusable(format!("{} is already there", path.display())),
        _ => StoreError::Unusable(format!("{} cannot be created: {e}", path.display())),
    })
}

/// Makes a rename in a folder last.
pub(super) fn sync_folder(path: &Path) -> Result<(), StoreError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(folder).and_then(|f| f.sync_all());
    synced.map_err(|e| StoreError::Unusable(format!("{} cannot be synced: {e}", folder.display())))
}

pub(super) fn nofollow() -> i32 {
    i32::try_from(OFlags::NOFOLLOW.bits()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_file_system_is_told_from_a_local_one() {
        assert_eq!(network(0x6969), Some("NFS"));
        assert_eq!(network(0xef53), None, "ext4");
    }

    #[test]
    fn an_sqlite_with_the_wal_reset_bug_is_refused() {
        assert!(check_version(3_051_002, "3.51.2").is_err());
        assert!(check_version(3_051_003, "3.51.3").is_ok());
        assert!(check_version(rusqlite::version_number(), rusqlite::version()).is_ok());
    }
}
