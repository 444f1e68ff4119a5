//! `[limits]`: bounds on what clients may send, and on how much of it at a time.

use serde::Deserialize;
use toml::Spanned;

use super::{BadConfig, Source};

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request body.
    pub body_bytes: u64,
    /// Operations of a Bulk request.
    pub bulk_operations: usize,
    /// Bytes of a request line and its headers.
    pub header_bytes: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Seconds for the headers.
    pub header_seconds: u64,
    /// Seconds without a byte of the body.
    pub body_idle_seconds: u64,
    /// Seconds for the body.
    pub body_seconds: u64,
    /// Seconds that an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Writes that wait.
    pub queue: usize,
    /// Bytes of all bodies that are being worked on.
    pub bodies_bytes: u64,
    /// Bytes of all answers that are on their way.
    pub answers_bytes: u64,
    /// Bytes of a file of people.
    pub csv_bytes: u64,
    /// Rows of it.
    pub csv_rows: u64,
    /// Requests with a bad token from one address at once; 0: no bound.
    pub bad_token_burst: u32,
    /// And a second after that.
    pub bad_tokens_per_second: u32,
    /// Requests a second with one token; 0: no bound.
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 8 << 20,
            bulk_operations: 1000,
            header_bytes: 16 << 10,
            connections: 1024,
            header_seconds: 10,
            body_idle_seconds: 15,
            body_seconds: 60,
            keep_alive_seconds: 75,
            queue: 4096,
            bodies_bytes: 256 << 20,
            answers_bytes: 256 << 20,
            csv_bytes: 32 << 20,
            csv_rows: 100_000,
            bad_token_burst: 20,
            bad_tokens_per_second: 1,
            requests_per_second: 0,
        }
    }
}

/// Checks them.
pub(super) fn limits(source: &Source<'_>, written: Option<Spanned<Limits>>) -> Result<Limits, BadConfig> {
    let Some(written) = written else { return Ok(Limits::default()) };
    let limits = written.get_ref();
    let wrong = |why: &str| Err(source.refuse(Some(written.span()), why));
    if limits.bulk_operations < 1 || limits.bulk_operations > 100_000 {
        return wrong("limits.bulk_operations is a number from 1 to 100000");
    }
    if limits.header_bytes < 8192 || limits.header_bytes > 1 << 20 {
        return wrong("limits.header_bytes is a number from 8192 to 1048576");
    }
    if limits.body_bytes < 1024 || limits.body_bytes > 1 << 30 {
        return wrong("limits.body_bytes is a number from 1024 to 1073741824");
    }
    if limits.connections == 0 || limits.queue == 0 {
        return wrong("limits.connections and limits.queue are at least 1");
    }
    if limits.bodies_bytes < limits.body_bytes || limits.bodies_bytes > 1 << 40 {
        return wrong("limits.bodies_bytes is at least limits.body_bytes, and at most 1099511627776");
    }
    if limits.answers_bytes < 1 << 20 || limits.answers_bytes > 1 << 40 {
        return wrong("limits.answers_bytes is a number from 1048576 to 1099511627776");
    }
    if limits.csv_bytes < 1024 || limits.csv_bytes > 1 << 28 {
        return wrong("limits.csv_bytes is a number from 1024 to 268435456");
    }
    if limits.csv_rows < 1 || limits.csv_rows > 1_000_000 {
        return wrong("limits.csv_rows is a number from 1 to 1000000");
    }
    if limits.bad_token_burst > 10_000 || !(1..=1000).contains(&limits.bad_tokens_per_second) {
        return wrong(
            "limits.bad_token_burst is at most 10000, and limits.bad_tokens_per_second a number from 1 to 1000",
        );
    }
    if (1..50).contains(&limits.requests_per_second) || limits.requests_per_second > 1_000_000 {
        return wrong(
            "limits.requests_per_second is 0, or a number from 50 to 1000000: an identity provider sends in bursts",
        );
    }
    let seconds = [limits.header_seconds, limits.body_idle_seconds, limits.body_seconds, limits.keep_alive_seconds];
    if seconds.iter().any(|s| *s == 0 || *s > 3600) {
        return wrong("the time limits are numbers of seconds from 1 to 3600");
    }
    Ok(limits.clone())
}
