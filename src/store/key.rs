//! The key file `<database>.key` (mode 0600): it signs cursors. A copy of the database alone opens nothing that it
//! seals, which is why a backup holds it only when asked to.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use super::StoreError;
use super::file::{beside, create_new, nofollow, resolve, sync_folder};
use crate::secret::{self, Key};

/// Bytes of a key file, at most.
const MOST: u64 = 256;

/// The key of a database, and whether it was made just now.
///
/// Errors: [`StoreError::Unusable`] for a key file that cannot be read, or holds no key.
pub fn key(database: &Path) -> Result<(Key, bool), StoreError> {
    let database = resolve(database)?;
    match read(&database)? {
        Some(key) => Ok((key, false)),
        None => {
            let key = Key::generate().map_err(|e| StoreError::Unusable(e.to_string()))?;
            write(&database, &key)?;
            Ok((key, true))
        }
    }
}

/// The key of a database that has one.
///
/// Errors: [`StoreError::Unusable`] as for [`key`], and when there is none.
pub fn key_of(database: &Path) -> Result<Key, StoreError> {
    let database = resolve(database)?;
    let missing = || StoreError::Unusable(format!("there is no key file {}", beside(&database, ".key").display()));
    read(&database)?.ok_or_else(missing)
}

/// Says whether the key file of a database could be used, if there is one.
pub fn check_key(database: &Path) -> Result<(), StoreError> {
    read(&resolve(database)?).map(|_| ())
}

/// Gives a database a key.
pub fn put_key(database: &Path, key: &Key) -> Result<(), StoreError> {
    write(&resolve(database)?, key)
}

fn read(database: &Path) -> Result<Option<Key>, StoreError> {
    let path = beside(database, ".key");
    let shown = path.display();
    let cannot = |e: std::io::Error| StoreError::Unusable(format!("{shown} cannot be read: {e}"));
    let file: File = match OpenOptions::new().read(true).custom_flags(nofollow()).open(&path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(cannot(e)),
    };
    if file.metadata().map_err(cannot)?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(|e| {
            StoreError::Unusable(format!("{shown} can be read by others, and that cannot be changed: {e}"))
        })?;
    }
    let mut text = String::new();
    file.take(MOST).read_to_string(&mut text).map_err(cannot)?;
    match Key::parse(text.trim()) {
        Some(key) => Ok(Some(key)),
        None => Err(StoreError::Unusable(format!(
            "{shown} holds no key; put the right one back, or move it away to have a new one made"
        ))),
    }
}

/// Written beside its place and put there in one step: a key that is half there would be none.
fn write(database: &Path, key: &Key) -> Result<(), StoreError> {
    let path = beside(database, ".key");
    let cannot = |e: std::io::Error| StoreError::Unusable(format!("{} cannot be written: {e}", path.display()));
    let tag = secret::random_text(8).map_err(|e| StoreError::Unusable(e.to_string()))?;
    let draft = beside(&path, &format!(".{tag}.draft"));
    let mut file = create_new(&draft)?;
    let written = writeln!(file, "{}", key.reveal()).and_then(|()| file.sync_all());
    let put = written.and_then(|()| std::fs::rename(&draft, &path)).map_err(cannot);
    if put.is_err() {
        let _ = std::fs::remove_file(&draft);
    }
    put.and_then(|()| sync_folder(&path))
}
