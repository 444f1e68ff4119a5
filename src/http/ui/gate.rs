//! How often somebody may try a password or a code.
//!
//! Guesses are slowed down for each name, whether there is such an account or not, for each address and for all together.
//! Nobody is kept out for good: a lock lasts a quarter of an hour at most, tries during it do not make it longer, a
//! browser that has signed in before is counted by itself, and `admin reset` begins anew. Kept in memory: a stranger
//! cannot make the disk work.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::http::doors::network;
use crate::http::rate::{Rate, Rates};

/// Wrong tries that are free.
const FREE: u32 = 4;
/// Seconds of the longest lock.
const LONGEST: u64 = 15 * 60;
/// Names that are remembered; the one whose lock ends first makes room.
const NAMES: usize = 4096;
/// Passwords that are hashed at a time: each takes 19 MiB.
const HASHES: usize = 2;
const BY_ADDRESS: Rate = Rate { burst: 20, per_second: 1 };
const BY_ALL: Rate = Rate { burst: 100, per_second: 10 };
const SECOND: u64 = 1_000_000;

/// Whom a try counts against: an account, or a name that is none, or an account as a known browser sees it.
pub type Name = String;

#[derive(Debug, Clone, Copy, Default)]
struct Lock {
    failures: u32,
    /// In microseconds since the gate was made.
    until: u64,
}

/// What is remembered.
pub struct Gate {
    start: Instant,
    locks: Mutex<HashMap<Name, Lock>>,
    addresses: Rates,
    all: Rates,
    /// Whoever hashes a password holds a place.
    pub hashing: Semaphore,
}

impl Gate {
    /// Nobody has tried anything.
    pub fn new() -> Gate {
        Gate {
            start: Instant::now(),
            locks: Mutex::default(),
            addresses: Rates::new(BY_ADDRESS),
            all: Rates::new(BY_ALL),
            hashing: Semaphore::new(HASHES),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// May somebody try now?
    ///
    /// Errors: the seconds after which the next try is looked at.
    pub fn admit(&self, name: &Name, address: IpAddr) -> Result<(), u64> {
        let now = self.now();
        self.locked(name, now)?;
        let seconds = |wait: u64| wait.div_ceil(SECOND).max(1);
        self.addresses.take(&network(address), now).map_err(seconds)?;
        self.all.take(&(), now).map_err(seconds)
    }

    fn locked(&self, name: &Name, now: u64) -> Result<(), u64> {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        match locks.get(name).map(|l| l.until.saturating_sub(now)) {
            Some(left) if left > 0 => Err(left.div_ceil(SECOND)),
            _ => Ok(()),
        }
    }

    /// A try was wrong.
    pub fn failed(&self, name: &Name) {
        self.failed_at(name, self.now());
    }

    fn failed_at(&self, name: &Name, now: u64) {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= NAMES && !locks.contains_key(name) {
            let first = locks.iter().min_by_key(|(_, l)| (l.until, l.failures)).map(|(n, _)| n.clone());
            first.map(|n| locks.remove(&n));
        }
        let lock = locks.entry(name.clone()).or_default();
        lock.failures = lock.failures.saturating_add(1);
        if let Some(doublings) = lock.failures.checked_sub(FREE + 1) {
            let seconds = 1u64.checked_shl(doublings).unwrap_or(LONGEST).min(LONGEST);
            lock.until = now.saturating_add(seconds * SECOND);
        }
    }

    /// A try was right.
    pub fn passed(&self, name: &Name) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locks_grow_from_a_second_to_a_quarter_of_an_hour() {
        let gate = Gate::new();
        let name = "ada".to_owned();
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..18 {
            gate.failed_at(&name, now);
            let wait = gate.locked(&name, now).err().unwrap_or(0);
            waits.push(wait);
            assert!(gate.locked(&name, now + wait * SECOND).is_ok(), "a lock ends");
            now += wait * SECOND;
        }
        assert_eq!(waits[..8], [0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits[14..], [900; 4]);
        assert!(gate.locked(&"eve".to_owned(), now).is_ok(), "others are not held up");
        gate.passed(&name);
        assert!(gate.locked(&name, now).is_ok());
    }

    #[test]
    fn looking_during_a_lock_does_not_make_it_longer() {
        let gate = Gate::new();
        let name = "ada".to_owned();
        (0..6).for_each(|_| gate.failed_at(&name, 0));
        for tenth in 0..20 {
            assert!(gate.locked(&name, tenth * SECOND / 10).is_err());
        }
        assert!(gate.locked(&name, 2 * SECOND).is_ok());
    }

    #[test]
    fn names_that_nobody_has_need_no_more_room() {
        let gate = Gate::new();
        (0..2 * NAMES).for_each(|i| gate.failed_at(&format!("{i}"), 0));
        assert_eq!(gate.locks.lock().unwrap().len(), NAMES);
    }

    #[test]
    fn an_address_has_so_many_tries() {
        let gate = Gate::new();
        let address = "192.0.2.1".parse().unwrap();
        let free = (0..100).filter(|i| gate.admit(&format!("{i}"), address).is_ok()).count();
        assert!((20..25).contains(&free), "{free}");
        assert!(gate.admit(&"x".to_owned(), "192.0.2.2".parse().unwrap()).is_ok());
    }
}
