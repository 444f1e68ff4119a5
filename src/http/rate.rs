//! How often: a bound on events for each key, in memory of a fixed size.
//!
//! A crate that keeps one state for each key (governor does) grows with the number of addresses that somebody can send
//! from, until it is swept; this table has as many places as it will ever have. The time is an argument, so that tests
//! need not wait.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Sets of places; a key has its place in one of them.
const SETS: usize = 1024;
/// Places of a set. When all are taken, the key that is nearest to being forgotten makes room.
const WAYS: usize = 4;
const SECOND: u64 = 1_000_000;

/// So many at once, and so many a second after that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At once; at least 1.
    pub burst: u32,
    /// A second; at least 1.
    pub per_second: u32,
}

impl Rate {
    /// Microseconds that one event uses up.
    fn every(self) -> u64 {
        SECOND / u64::from(self.per_second.max(1))
    }

    /// How far ahead of the clock a key may be when one more is let through.
    fn ahead(self) -> u64 {
        self.every().saturating_mul(u64::from(self.burst.max(1)) - 1)
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    key: u64,
    /// The time, in microseconds, at which the key has nothing used up any more (GCRA: the theoretical arrival time).
    until: u64,
}

/// The table.
pub struct Rates {
    rate: Rate,
    sets: Box<[Mutex<[Place; WAYS]>]>,
    /// The latest `until` of all: as long as it is near, nobody is over the limit, and no place is looked at.
    latest: AtomicU64,
    /// Keyed at random, so that nobody can choose addresses that share a set.
    hasher: RandomState,
}

impl Rates {
    /// An empty table.
    pub fn new(rate: Rate) -> Rates {
        let sets = (0..SETS).map(|_| Mutex::default()).collect();
        Rates { rate, sets, latest: AtomicU64::new(0), hasher: RandomState::new() }
    }

    /// How long, in microseconds, the key has to wait before one more is let through; `None`: no time at all.
    pub fn wait(&self, key: &impl Hash, now: u64) -> Option<u64> {
        let limit = now.saturating_add(self.rate.ahead());
        if self.latest.load(Ordering::Relaxed) <= limit {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let set = self.set(hash)?.lock().unwrap_or_else(PoisonError::into_inner);
        let place = set.iter().find(|p| p.key == hash)?;
        place.until.checked_sub(limit).filter(|wait| *wait > 0)
    }

    /// Counts one event.
    ///
    /// Errors: the key is over the limit, and for so many microseconds; then nothing is counted.
    pub fn take(&self, key: &impl Hash, now: u64) -> Result<(), u64> {
        let hash = self.hasher.hash_one(key);
        let Some(set) = self.set(hash) else { return Ok(()) };
        let mut set = set.lock().unwrap_or_else(PoisonError::into_inner);
        let found = set.iter().position(|p| p.key == hash);
        let Some(place) = found.or_else(|| oldest(&set)).and_then(|i| set.get_mut(i)) else { return Ok(()) };
        if found.is_none() {
            *place = Place { key: hash, until: 0 };
        }
        match place.until.checked_sub(now.saturating_add(self.rate.ahead())) {
            Some(wait) if wait > 0 => Err(wait),
            _ => {
                place.until = place.until.max(now).saturating_add(self.rate.every());
                self.latest.fetch_max(place.until, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    fn set(&self, hash: u64) -> Option<&Mutex<[Place; WAYS]>> {
        usize::try_from(hash % SETS as u64).ok().and_then(|i| self.sets.get(i))
    }
}

fn oldest(set: &[Place; WAYS]) -> Option<usize> {
    set.iter().enumerate().min_by_key(|(_, p)| p.until).map(|(i, _)| i)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_and_then_so_many_a_second() {
        let rates = Rates::new(Rate { burst: 3, per_second: 2 });
        for _ in 0..3 {
            assert_eq!(rates.wait(&"a", 0), None);
            assert_eq!(rates.take(&"a", 0), Ok(()));
        }
        assert_eq!((rates.wait(&"a", 0), rates.take(&"a", 0)), (Some(SECOND / 2), Err(SECOND / 2)));
        assert_eq!(rates.take(&"b", 0), Ok(()), "another key");
        assert_eq!(rates.take(&"a", SECOND / 2), Ok(()));
        assert_eq!(rates.take(&"a", SECOND / 2 + 10), Err(SECOND / 2 - 10));
        for _ in 0..3 {
            assert_eq!(rates.take(&"a", 60 * SECOND), Ok(()), "what was not used is not saved up");
        }
        assert!(rates.take(&"a", 60 * SECOND).is_err());
    }

    /// What an identity provider does, at the smallest limit that can be set.
    #[test]
    fn fifty_a_second_for_a_minute_pass() {
        let rates = Rates::new(Rate { burst: 500, per_second: 50 });
        let start = 7 * SECOND;
        for second in 0..60 {
            for _ in 0..50 {
                assert_eq!(rates.take(&"token", start + second * SECOND), Ok(()), "second {second}");
            }
        }
        assert_eq!((0..1000).filter(|_| rates.take(&"token", start + 60 * SECOND).is_ok()).count(), 500);
    }

    #[test]
    fn a_burst_of_one_is_one_each_second() {
        let rates = Rates::new(Rate { burst: 1, per_second: 1 });
        assert_eq!(rates.take(&1, 5), Ok(()));
        assert_eq!(rates.take(&1, 6), Err(SECOND - 1));
        assert_eq!(rates.take(&1, 5 + SECOND), Ok(()));
    }

    #[test]
    fn a_million_keys_need_no_more_room_than_one() {
        let rates = Rates::new(Rate { burst: 2, per_second: 1 });
        for key in 0..1_000_000u64 {
            assert_eq!(rates.take(&key, key), Ok(()));
        }
        assert_eq!(rates.sets.len() * size_of::<[Place; WAYS]>(), 65_536);
        assert_eq!(rates.take(&"somebody new", 1_000_000), Ok(()));
    }
}
