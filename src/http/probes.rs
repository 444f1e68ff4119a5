//! `/healthz`: the process lives. `/readyz`: it can read its file. Without a token, and without anything to learn.

use hyper::StatusCode;

use super::wire::{Answer, Media};
use crate::directory::{Directory, Reader, StoreError};

/// The process answers.
pub fn health() -> Answer {
    Answer { media: Media::Json, ..Answer::json(StatusCode::OK, "{\"status\":\"ok\"}") }
}

/// The database answers.
pub fn ready(directory: &Directory) -> Answer {
    let read = directory.store.inline(|reader: &Reader<'_>| reader.control().map(|_| ()));
    match read {
        Ok(()) | Err(StoreError::Busy) => health(),
        Err(error) => {
            tracing::error!(%error, "not ready");
            Answer {
                media: Media::Json,
                ..Answer::json(StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"unavailable\"}")
            }
        }
    }
}
