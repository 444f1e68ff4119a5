//! `[retention]` and `[guard]`: what becomes of those who left.

use serde::Deserialize;
use toml::Spanned;

use super::{BadConfig, Source};

/// What becomes of those who left.
#[derive(Debug, Clone)]
pub struct Lifecycle {
    /// For how many days a deleted person is kept; 0: for ever.
    pub departed_days: i64,
    /// See [`GuardTable`].
    pub guard: Guard,
}

/// `[guard]`: how many people may leave before an administrator has to look.
#[derive(Debug, Clone, Copy)]
pub struct Guard {
    /// Of a hundred who are active; 0: whatever the share is.
    pub percent: u64,
    /// But not with fewer than these.
    pub at_least: u64,
    /// This many in any case; 0: however many there are.
    pub count: u64,
    /// Within this many minutes.
    pub minutes: i64,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RetentionTable {
    departed_days: Option<Spanned<i64>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct GuardTable {
    percent: Option<Spanned<u64>>,
    at_least: Option<Spanned<u64>>,
    count: Option<Spanned<u64>>,
    minutes: Option<Spanned<i64>>,
}

/// Checks them.
pub(super) fn lifecycle(
    source: &Source<'_>,
    retention: RetentionTable,
    guard: GuardTable,
) -> Result<Lifecycle, BadConfig> {
    Ok(Lifecycle {
        departed_days: source.bounded("retention.departed_days", retention.departed_days, 90, 0, 36_500)?,
        guard: Guard {
            percent: source.bounded("guard.percent", guard.percent, 20, 0, 100)?,
            at_least: source.bounded("guard.at_least", guard.at_least, 10, 1, 1_000_000)?,
            count: source.bounded("guard.count", guard.count, 100, 0, 1_000_000)?,
            minutes: source.bounded("guard.minutes", guard.minutes, 10, 1, 1440)?,
        },
    })
}
