//! What can go wrong with the file.

use rusqlite::ErrorCode;

/// Why a read or write was not done. Nothing of it is in the file.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// Another process holds the file's lock.
    #[error("the database is locked by another process")]
    Busy,
    /// No room on the disk, or the configured size is reached.
    #[error("the disk is full, or the database has reached its configured size")]
    Full,
    /// The disk refused to read, write or sync.
    #[error("the disk reports an error: {0}")]
    Io(String),
    /// The file is damaged.
    #[error("the database is damaged: {0}")]
    Corrupt(String),
    /// Too many writes are waiting.
    #[error("too many requests are waiting to be written")]
    Overloaded,
    /// The store is being closed.
    #[error("the server is shutting down")]
    Closed,
    /// A unique value is taken.
    #[error("a value that must be unique is already there")]
    Taken,
    /// Another resource has the same value of a unique attribute: its number among those that are looked up.
    #[error("a value that must be unique is already there")]
    TakenValue(i64),
    /// The job panicked.
    #[error("an internal error")]
    Panicked,
    /// The file cannot be used, for a reason that its owner can mend.
    #[error("{0}")]
    Unusable(String),
    /// Anything else that SQLite says: a mistake of ours.
    #[error("SQLite says: {0}")]
    Sqlite(String),
}

impl From<rusqlite::Error> for StoreError {
    fn from(e: rusqlite::Error) -> StoreError {
        let text = e.to_string();
        match e.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
            Some(ErrorCode::DiskFull) => StoreError::Full,
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::ReadOnly
                | ErrorCode::FileLockingProtocolFailed,
            ) => StoreError::Io(text),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            Some(ErrorCode::ConstraintViolation) if text.contains("UNIQUE") => StoreError::Taken,
            _ => StoreError::Sqlite(text),
        }
    }
}

impl From<serde_json::Error> for StoreError {
    fn from(e: serde_json::Error) -> StoreError {
        StoreError::Corrupt(format!("stored JSON cannot be read: {e}"))
    }
}
