//! What can be wrong with a request, in the terms of RFC 7644 §3.12: the core's only error.

use std::fmt;

/// The detail error keywords of RFC 7644 §3.12, table 9 (`scimType`), and of RFC 9865, as far as a core without IO can meet them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The filter's syntax or attribute-and-operator combination is not supported.
    InvalidFilter,
    /// The request's structure does not match the RFC or the schema, or the body is not JSON.
    InvalidSyntax,
    /// A PATCH path is malformed or names an attribute that does not exist.
    InvalidPath,
    /// A PATCH path yields nothing to operate on.
    NoTarget,
    /// A required value is missing, or a value does not fit the attribute.
    InvalidValue,
    /// The change is at odds with the attribute's mutability.
    Mutability,
    /// A cursor that this server did not give, or gave for another query (RFC 9865).
    InvalidCursor,
    /// A cursor whose time is over (RFC 9865).
    ExpiredCursor,
    /// A count that no page can have (RFC 9865).
    InvalidCount,
}

impl Kind {
    /// The keyword as it goes over the wire.
    pub fn keyword(self) -> &'static str {
        match self {
            Kind::InvalidFilter => "invalidFilter",
            Kind::InvalidSyntax => "invalidSyntax",
            Kind::InvalidPath => "invalidPath",
            Kind::NoTarget => "noTarget",
            Kind::InvalidValue => "invalidValue",
            Kind::Mutability => "mutability",
            Kind::InvalidCursor => "invalidCursor",
            Kind::ExpiredCursor => "expiredCursor",
            Kind::InvalidCount => "invalidCount",
        }
    }
}

/// A request that cannot be obeyed: what kind of mistake, where in the request, and why, for a person to act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The keyword.
    pub kind: Kind,
    /// The place: an attribute path, an operation's index, a position in a filter. Empty when the whole is meant.
    pub at: String,
    /// A sentence without a full stop at its end.
    pub why: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(kind: Kind, at: impl Into<String>, why: impl Into<String>) -> Fault {
        Fault { kind, at: at.into(), why: why.into() }
    }

    /// The same fault, seen from further out: `place` goes in front of where it happened.
    pub fn within(mut self, place: &str) -> Fault {
        self.at = match (place.is_empty(), self.at.is_empty()) {
            (true, _) => self.at,
            (_, true) => place.to_owned(),
            _ => format!("{place}: {}", self.at),
        };
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.at.is_empty() { write!(f, "{}", self.why) } else { write!(f, "{}: {}", self.at, self.why) }
    }
}

impl std::error::Error for Fault {}

/// Text of a client for use in a message: one line, and not longer than a person wants to read.
pub fn quoted(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    format!("'{shown}'")
}
