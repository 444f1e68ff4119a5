//! Time and fresh ids for the outer rings.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::fmt::temporal::DateTimePrinter;

/// Where time comes from.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// A clock that stands still until it is set: microseconds since 1970.
    Fixed(Arc<AtomicI64>),
}

impl Clock {
    /// Microseconds since 1970-01-01T00:00:00Z.
    pub fn now(&self) -> i64 {
        match self {
            Clock::System => jiff::Timestamp::now().as_microsecond(),
            Clock::Fixed(at) => at.load(Ordering::Relaxed),
        }
    }
}

/// A new resource id: a UUID of version 7, so that neighbours in time are neighbours in the index. It is never made
/// from, or compared with, anything that a client sent.
pub fn fresh_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// A point in time as SCIM writes it: `2026-11-23T17:00:00.123456Z`.
pub fn date_time(microseconds: i64) -> String {
    let mut text = String::with_capacity(27);
    push_date_time(&mut text, microseconds);
    text
}

/// Appends a point in time as SCIM writes it. Every resource of a page has two of them.
pub fn push_date_time(text: &mut String, microseconds: i64) {
    const PRINTER: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
    let time = jiff::Timestamp::from_microsecond(microseconds).unwrap_or_default();
    // Writing to a String cannot fail.
    let _ = PRINTER.print_timestamp(&time, text);
}

/// A day for people: `26 Aug 2026`, in UTC.
pub fn day(microseconds: i64) -> String {
    let time = jiff::Timestamp::from_microsecond(microseconds).unwrap_or_default();
    time.strftime("%-d %b %Y").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_day_is_for_people() {
        assert_eq!(super::day(1_795_453_200_000_001), "23 Nov 2026");
        assert_eq!(super::day(0), "1 Jan 1970");
    }

    #[test]
    fn a_time_has_six_decimals_and_a_z() {
        assert_eq!(super::date_time(1_795_453_200_000_001), "2026-11-23T17:00:00.000001Z");
        assert_eq!(super::date_time(1_795_453_200_000_000), "2026-11-23T17:00:00.000000Z");
        assert_eq!(super::date_time(-1), "1969-12-31T23:59:59.999999Z");
        assert_eq!(super::date_time(i64::MAX), "1970-01-01T00:00:00.000000Z");
    }
}
