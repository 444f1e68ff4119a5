//! How much of the log a stranger can fill. Whoever has no token may send requests as long as he likes, and each would
//! leave a line on the disk; so only some of them do, and the others are counted.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Lines at once, and seconds for each one after that.
const BURST: u32 = 50;
const EACH: Duration = Duration::from_secs(1);
/// How often the rest is summed up.
pub const SUMMARY: Duration = Duration::from_secs(60);

static LINES: Lines = Lines { until: Mutex::new(None), unwritten: AtomicU64::new(0) };

struct Lines {
    /// When all of the burst is there again.
    until: Mutex<Option<Instant>>,
    unwritten: AtomicU64,
}

impl Lines {
    fn may_write(&self, now: Instant) -> bool {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        let from = until.map_or(now, |u| u.max(now));
        let free = from.saturating_duration_since(now) <= EACH * (BURST - 1);
        match free {
            true => *until = Some(from + EACH),
            false => drop(self.unwritten.fetch_add(1, Ordering::Relaxed)),
        }
        free
    }
}

/// May a line be written that somebody without a token has caused? If not, it is counted.
pub fn may_write() -> bool {
    LINES.may_write(Instant::now())
}

/// Says how many lines were left out since the last time.
pub fn sum_up() {
    let unwritten = LINES.unwritten.swap(0, Ordering::Relaxed);
    if unwritten > 0 {
        tracing::warn!(unwritten, "more requests without a good token were refused than are logged one by one");
    }
}

/// A text for the log, without what looks like a token of ours: clients put it into paths and names too.
pub fn without_token(text: &str) -> String {
    const PREFIX: &str = "scimapp_";
    if !text.contains(PREFIX) {
        return text.to_owned();
    }
    let mut parts = text.split(PREFIX);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_');
        shown.extend([PREFIX, "…", rest]);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_lines_are_written_and_the_rest_is_counted() {
        let lines = Lines { until: Mutex::new(None), unwritten: AtomicU64::new(0) };
        let now = Instant::now();
        let written = (0..1000).filter(|_| lines.may_write(now)).count();
        assert_eq!((written, lines.unwritten.load(Ordering::Relaxed)), (50, 950));
        assert!(lines.may_write(now + EACH) && !lines.may_write(now + EACH));
    }

    #[test]
    fn a_token_is_cut_out_wherever_it_stands() {
        assert_eq!(without_token("/scim/v2/Users"), "/scim/v2/Users");
        assert_eq!(without_token("/x/scimapp_AbC_9/y?scimapp_"), "/x/scimapp_…/y?scimapp_…");
    }
}
