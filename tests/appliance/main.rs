//! Tests of the built binary from outside: over HTTP, by its commands, by signals, and by what it leaves on the disk.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod attacked;
mod bulk;
mod cli;
mod concurrency;
mod conversations;
mod corpora;
mod crash;
mod csv;
mod dialect_rules;
mod discovery;
mod hostile;
mod http2;
mod invariants;
mod known_bugs;
mod lifecycle;
mod limits;
mod lists;
mod manners;
mod me;
mod merge_mode;
mod peers;
mod properties;
mod roles;
mod schemas;
mod security;
mod served;
mod settings;
mod sso;
mod support;
mod tls;
mod wire;
