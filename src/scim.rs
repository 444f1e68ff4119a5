//! The protocol core: what a request means, by RFC 7643 and RFC 7644. It does no IO and knows no clock, no randomness,
//! no SQL and no HTTP; time and ids are arguments.

pub mod bound;
pub mod bulk;
pub mod carry;
pub mod catalog;
pub mod declare;
pub mod dialect;
pub mod discovery;
pub mod eval;
pub mod fault;
pub mod filter;
pub mod json;
pub mod list;
pub mod merge;
pub mod name;
pub mod number;
pub mod patch;
pub mod path;
pub mod project;
pub mod required;
pub mod resource;
pub mod schema;
mod secrets;
pub mod soft_delete;
pub mod stored;
pub mod time;
pub mod version;
