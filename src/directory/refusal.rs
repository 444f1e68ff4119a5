//! Why a use-case did not do what it was asked. What that means in HTTP is said in one place, `http::problem`.

use crate::scim::fault::Fault;
use crate::store::{Failure, StoreError};

/// Why nobody was let in. From outside all of them look the same; the log tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unauthenticated {
    /// No Authorization header.
    Missing,
    /// More than one, or one that holds no token of ours.
    Malformed,
    /// A well-formed token that is not in the file, or whose secret is wrong.
    Unknown,
    /// A token that was revoked.
    Revoked,
    /// A token whose time is over.
    Expired,
}

/// Why nothing was done.
#[derive(Debug, Clone)]
pub enum Refusal {
    /// The request is wrong.
    Fault(Fault),
    /// Nobody was let in.
    Unauthenticated(Unauthenticated),
    /// The caller is known and may not do this; a sentence.
    Denied(String),
    /// The caller is bound to no user, and asks for its own.
    Nobody,
    /// Provisioning is paused.
    Paused,
    /// There is no such resource: its type and the id asked for.
    NotFound(String, String),
    /// The resource does not have the version that the request wants: its version.
    Stale(String),
    /// It is at odds with what is there, or refers to what is not; a sentence.
    Conflict(String),
    /// A unique attribute has this value elsewhere: type, attribute, value, and whether letter case matters.
    Taken(String, String, String, bool),
    /// The store cannot.
    Broken(StoreError),
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        Refusal::Fault(fault)
    }
}

impl Failure for Refusal {
    fn store_error(&self) -> Option<&StoreError> {
        match self {
            Refusal::Broken(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Refusal {
        Refusal::Broken(error)
    }
}
