//! How often somebody may try a password or a code.
//!
//! Guesses are slowed down for each name, whether there is such an account or not, for each address and for all together.
//! Nobody is kept out for good: a lock lasts a quarter of an hour at most, tries during it do not make it longer, a
//! browser that has signed in before is counted by itself and not with its address, and `admin reset` begins anew. Kept
//! in memory: a stranger cannot make the disk work.

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

/// What a try counts against.
#[derive(Debug, Clone)]
pub struct Try {
    /// An account, or a name that is none, or an account as a known browser sees it.
    pub name: String,
    /// The address, together with all others; none for a known browser: strangers behind the same proxy, or very many of
    /// them, do not keep it out.
    pub address: Option<IpAddr>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Lock {
    failures: u32,
    /// In microseconds since the gate was made.
    until: u64,
}

/// What is remembered.
pub struct Gate {
    start: Instant,
    locks: Mutex<HashMap<String, Lock>>,
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

    /// May somebody try now? The try counts as a wrong one from here on, until it has [`Gate::passed`]: many at once are
    /// not looked at before the first of them is known to be wrong.
    ///
    /// Gives how many wrong tries there are with this one.
    ///
    /// Errors: the seconds after which the next try is looked at.
    pub fn admit(&self, tried: &Try) -> Result<u32, u64> {
        let now = self.now();
        self.locked(&tried.name, now)?;
        if let Some(address) = tried.address {
            let seconds = |wait: u64| wait.div_ceil(SECOND).max(1);
            self.addresses.take(&network(address), now).map_err(seconds)?;
            self.all.take(&(), now).map_err(seconds)?;
        }
        self.count(&tried.name, now)
    }

    fn locked(&self, name: &str, now: u64) -> Result<(), u64> {
        let locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        match locks.get(name).map(|l| l.until.saturating_sub(now)) {
            Some(left) if left > 0 => Err(left.div_ceil(SECOND)),
            _ => Ok(()),
        }
    }

    /// Counts a try as a wrong one, unless another one has locked the name meanwhile.
    fn count(&self, name: &str, now: u64) -> Result<u32, u64> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.len() >= NAMES && !locks.contains_key(name) {
            let first = locks.iter().min_by_key(|(_, l)| (l.until, l.failures)).map(|(n, _)| n.clone());
            first.map(|n| locks.remove(&n));
        }
        let lock = locks.entry(name.to_owned()).or_default();
        if lock.until > now {
            return Err((lock.until - now).div_ceil(SECOND));
        }
        lock.failures = lock.failures.saturating_add(1);
        if let Some(doublings) = lock.failures.checked_sub(FREE + 1) {
            let seconds = 1u64.checked_shl(doublings).unwrap_or(LONGEST).min(LONGEST);
            lock.until = now.saturating_add(seconds * SECOND);
        }
        Ok(lock.failures)
    }

    /// A try was right so far: it counts no longer, and what was wrong before goes on counting. `count`: what
    /// [`Gate::admit`] gave; a lock that a later try has brought about stays.
    pub fn returned(&self, tried: &Try, count: u32) {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = locks.get_mut(&tried.name) {
            if lock.failures == count {
                lock.until = 0;
            }
            lock.failures = lock.failures.saturating_sub(1);
        }
    }

    /// A try was right.
    pub fn passed(&self, tried: &Try) {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner).remove(&tried.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(name: &str, address: &str) -> Try {
        Try { name: name.to_owned(), address: address.parse().ok() }
    }

    #[test]
    fn locks_grow_from_a_second_to_a_quarter_of_an_hour() {
        let gate = Gate::new();
        let name = "ada";
        let mut waits = Vec::new();
        let mut now = 0;
        for _ in 0..18 {
            assert!(gate.count(name, now).is_ok());
            let wait = gate.locked(name, now).err().unwrap_or(0);
            waits.push(wait);
            assert!(gate.locked(name, now + wait * SECOND).is_ok(), "a lock ends");
            now += wait * SECOND;
        }
        assert_eq!(waits[..8], [0, 0, 0, 0, 1, 2, 4, 8]);
        assert_eq!(waits[14..], [900; 4]);
        assert!(gate.locked("eve", now).is_ok(), "others are not held up");
        gate.passed(&from(name, ""));
        assert!(gate.locked(name, now).is_ok());
    }

    #[test]
    fn a_right_password_takes_nothing_back_but_itself() {
        let gate = Gate::new();
        let tried = from("ada", "");
        for _ in 0..50 {
            let count = gate.admit(&tried).unwrap();
            gate.returned(&tried, count);
        }
        // Whoever knows the password and guesses codes: each guess counts, whatever is right between them.
        for guess in 1..=4 {
            let password = gate.admit(&tried).unwrap();
            gate.returned(&tried, password);
            assert_eq!(gate.admit(&tried), Ok(guess));
        }
        let password = gate.admit(&tried).unwrap();
        gate.returned(&tried, password);
        assert_eq!(gate.admit(&tried), Ok(5));
        assert!(gate.admit(&tried).is_err());
        gate.returned(&tried, 4);
        assert!(gate.admit(&tried).is_err(), "an earlier try that was right ends no lock");
    }

    #[test]
    fn looking_during_a_lock_does_not_make_it_longer() {
        let gate = Gate::new();
        let name = "ada";
        assert_eq!((0..90).filter(|_| gate.count(name, 0).is_ok()).count(), 5, "many at once");
        for tenth in 0..10 {
            assert!(gate.locked(name, tenth * SECOND / 10).is_err());
            assert!(gate.count(name, tenth * SECOND / 10).is_err());
        }
        assert!(gate.locked(name, SECOND).is_ok());
    }

    #[test]
    fn names_that_nobody_has_need_no_more_room() {
        let gate = Gate::new();
        assert!((0..2 * NAMES).all(|i| gate.count(&i.to_string(), 0).is_ok()));
        assert_eq!(gate.locks.lock().unwrap().len(), NAMES);
    }

    #[test]
    fn an_address_has_so_many_tries() {
        let gate = Gate::new();
        let admitted = |name: &str, address: &str| gate.admit(&from(name, address)).is_ok();
        let free = (0..100).filter(|i| admitted(&i.to_string(), "192.0.2.1")).count();
        assert!((20..25).contains(&free), "{free}");
        assert!(admitted("x", "192.0.2.2"));
        assert!(admitted("x", "known"), "a known browser has no address");
    }

    #[test]
    fn many_addresses_together_do_not_keep_out_a_known_browser() {
        let gate = Gate::new();
        let free = (0..1000)
            .filter(|i| gate.admit(&from(&i.to_string(), &format!("10.0.{}.{}", i / 250, i % 250))).is_ok())
            .count();
        assert!((100..200).contains(&free), "{free}");
        assert!(gate.admit(&from("ada", "known")).is_ok());
    }
}
