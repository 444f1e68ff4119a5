//! Places for questions to the identity provider: so many at a time, and so many of one network. Whoever finds none waits a
//! little. Nobody takes the place of all others, and a network that made codes up gets by with fewer.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;
use tokio::time::{Instant as Moment, timeout_at};

use crate::http::rate::{Rate, Rates};

/// Questions at a time, at most, and those of one network. Those who begin and those who come back have their own.
const MOST: usize = 64;
const MOST_OF_ONE: usize = 32;
/// The same for networks whose codes were refused lately: all of them together, and one of them.
const MOST_OF_SUSPECTS: usize = 32;
const MOST_OF_ONE_SUSPECT: usize = 4;
/// Who waits for a place, at most, of all and of one network.
const WAITING: usize = 512;
const WAITING_OF_ONE: usize = 128;
const WAITING_OF_ONE_SUSPECT: usize = 16;
/// For how long.
const PATIENCE: Duration = Duration::from_secs(8);
/// Codes of one network that may be refused without making it suspect: so many at once, and one more each time that
/// [`SLOWER`] seconds have passed.
const REFUSED: Rate = Rate { burst: 3, per_second: 1 };
const SLOWER: u64 = 20;

/// The part of an address that one site has: all of IPv4, a /48 of IPv6. Whoever has a site has 65,536 of the networks that
/// other limits count by.
pub fn site(address: IpAddr) -> u128 {
    const REST: u32 = 80;
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => Ipv6Addr::to_bits(v6) >> REST << REST,
    }
}

/// When the identity provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Somebody sets out.
    Begin,
    /// Somebody comes back.
    Callback,
}

/// A question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct One {
    asking: Asking,
    site: u128,
    suspect: bool,
}

#[derive(Default)]
struct Line {
    held: Vec<One>,
    /// The first has waited longest.
    waiting: VecDeque<(u64, One)>,
    next: u64,
}

impl Line {
    fn has_room(&self, one: &One) -> bool {
        let of_kind = || self.held.iter().filter(|h| h.asking == one.asking);
        let own = of_kind().filter(|h| h.site == one.site).count();
        of_kind().count() < MOST
            && own < if one.suspect { MOST_OF_ONE_SUSPECT } else { MOST_OF_ONE }
            && (!one.suspect || of_kind().filter(|h| h.suspect).count() < MOST_OF_SUSPECTS)
    }

    fn is_full_for(&self, one: &One) -> bool {
        let of_kind = || self.waiting.iter().filter(|(_, w)| w.asking == one.asking);
        let own = of_kind().filter(|(_, w)| w.site == one.site).count();
        of_kind().count() >= WAITING || own >= if one.suspect { WAITING_OF_ONE_SUSPECT } else { WAITING_OF_ONE }
    }

    /// Takes the place of whoever waits under this number, if there is one, and nobody waits longer who could have it.
    fn enter(&mut self, number: u64) -> Option<One> {
        let first = self.waiting.iter().find(|(n, one)| *n == number || self.has_room(one));
        let one = first.filter(|(n, one)| *n == number && self.has_room(one)).map(|(_, one)| *one)?;
        self.held.push(one);
        Some(one)
    }
}

/// All places.
pub struct Places {
    line: Mutex<Line>,
    /// Somebody has left.
    left: Notify,
    refused: Rates,
    start: Instant,
}

/// A place, until it is dropped.
pub struct Place<'p>(&'p Places, One);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut line = self.0.line();
        if let Some(at) = line.held.iter().position(|one| *one == self.1) {
            line.held.swap_remove(at);
        }
        drop(line);
        self.0.left.notify_waiters();
    }
}

/// Somebody who stands in the line, until that is dropped.
struct Waiting<'p>(&'p Places, u64);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.line().waiting.retain(|(n, _)| *n != self.1);
        self.0.left.notify_waiters();
    }
}

impl Places {
    /// All are free.
    pub fn new() -> Places {
        Places { line: Mutex::default(), left: Notify::new(), refused: Rates::new(REFUSED), start: Instant::now() }
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The clock goes slower, so that what is counted by the second is counted by [`SLOWER`] seconds.
    fn slow_clock(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX) / SLOWER
    }

    /// The identity provider did not accept a code that somebody brought.
    pub fn code_refused(&self, address: IpAddr) {
        // Over the limit there is nothing more to count.
        let _over = self.refused.take(&site(address), self.slow_clock());
    }

    /// A place, as soon as there is one. None: there is none within some seconds, or too many wait for one.
    pub async fn ask(&self, asking: Asking, address: IpAddr) -> Option<Place<'_>> {
        let site = site(address);
        let suspect = self.refused.wait(&site, self.slow_clock()).is_some();
        let (end, one) = (Moment::now() + PATIENCE, One { asking, site, suspect });
        let waiting = {
            let mut line = self.line();
            if line.is_full_for(&one) {
                return None;
            }
            let number = line.next;
            line.next += 1;
            line.waiting.push_back((number, one));
            Waiting(self, number)
        };
        loop {
            let left = self.left.notified();
            tokio::pin!(left);
            // From here on nobody leaves unheard.
            left.as_mut().enable();
            let entered = self.line().enter(waiting.1);
            if let Some(one) = entered {
                return Some(Place(self, one));
            }
            timeout_at(end, left).await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn is_empty(places: &Places) -> bool {
        let line = places.line();
        line.held.is_empty() && line.waiting.is_empty()
    }

    /// Takes it at once, or not at all.
    async fn now<'p>(places: &'p Places, asking: Asking, address: &str) -> Option<Place<'p>> {
        tokio::time::timeout(Duration::from_millis(1), places.ask(asking, at(address))).await.ok().flatten()
    }

    async fn crowd<'p>(places: &'p Places, count: usize, address: impl Fn(usize) -> String) -> Vec<Place<'p>> {
        let mut all = Vec::new();
        for n in 0..count {
            all.extend(now(places, Asking::Callback, &address(n)).await);
        }
        all
    }

    #[test]
    fn a_site_is_a_48_of_ipv6() {
        assert_eq!(site(at("2001:db8:1:2::1")), site(at("2001:db8:1:ffff::9")));
        assert_ne!(site(at("2001:db8:1::1")), site(at("2001:db8:2::1")));
        assert!(
            site(at("192.0.2.1")) == site(at("::ffff:192.0.2.1")) && site(at("192.0.2.1")) != site(at("192.0.2.2"))
        );
    }

    #[tokio::test]
    async fn places_are_bounded_for_each_site_and_for_all() {
        let places = Places::new();
        let mut eve = crowd(&places, 50, |n| format!("2001:db8:0:{n}::1")).await;
        assert_eq!(eve.len(), MOST_OF_ONE, "another network of the same site is not another site");
        assert!(now(&places, Asking::Callback, "2001:db8:1::1").await.is_some(), "others are not held up");
        eve.pop();
        assert!(now(&places, Asking::Callback, "2001:db8::99").await.is_some());
        let all = crowd(&places, 100, |n| format!("192.0.2.{n}")).await;
        assert_eq!(eve.len() + all.len(), MOST);
        assert!(now(&places, Asking::Callback, "198.51.100.1").await.is_none());
        assert!(now(&places, Asking::Begin, "2001:db8::1").await.is_some(), "who begins has a place of its own");
        drop((eve, all));
        assert!(is_empty(&places));
    }

    #[tokio::test]
    async fn an_office_that_comes_back_together_gets_in_one_behind_the_other() {
        let places = std::sync::Arc::new(Places::new());
        let order = std::sync::Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let (places, order) = (places.clone(), order.clone());
                tokio::spawn(async move {
                    let place = places.ask(Asking::Callback, at("192.0.2.1")).await;
                    order.lock().unwrap().push(n);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                    place.is_some()
                })
            })
            .collect();
        for task in tasks {
            assert!(task.await.unwrap());
        }
        let order = order.lock().unwrap();
        assert!(order.is_sorted(), "{order:?}");
        assert!(is_empty(&places));
    }

    #[tokio::test]
    async fn whoever_waits_is_bounded_and_who_gives_up_is_out_of_the_line() {
        let places = Places::new();
        let held = crowd(&places, MOST_OF_ONE, |_| "192.0.2.1".to_owned()).await;
        let mut waiting: Vec<_> =
            (0..WAITING_OF_ONE).map(|_| Box::pin(places.ask(Asking::Callback, at("192.0.2.1")))).collect();
        for one in &mut waiting {
            assert!(tokio::time::timeout(Duration::ZERO, one).await.is_err());
        }
        let start = Instant::now();
        assert!(places.ask(Asking::Callback, at("192.0.2.1")).await.is_none() && start.elapsed() < PATIENCE / 2);
        assert!(now(&places, Asking::Callback, "192.0.2.2").await.is_some(), "who waits holds up nobody else");
        drop(waiting.drain(..WAITING_OF_ONE - 1).collect::<Vec<_>>());
        drop(held);
        assert!(waiting.pop().unwrap().await.is_some());
        assert!(is_empty(&places));
    }

    #[tokio::test]
    async fn made_up_codes_leave_places_for_everybody_else() {
        let places = Places::new();
        for n in 0..100 {
            for _ in 0..REFUSED.burst {
                places.code_refused(at(&format!("2001:db8:{n}:{n}::1")));
            }
        }
        let eve = crowd(&places, 400, |n| format!("2001:db8:{}:1::1", n % 100)).await;
        assert_eq!(eve.len(), MOST_OF_SUSPECTS);
        let office = crowd(&places, 40, |_| "192.0.2.1".to_owned()).await;
        assert_eq!(office.len(), MOST - MOST_OF_SUSPECTS);
        drop(eve);
        let one = crowd(&places, 10, |n| format!("2001:db8:7:{n}::1")).await;
        assert_eq!(one.len(), MOST_OF_ONE_SUSPECT);
        // One code that was refused is no reason: somebody has loaded a page twice.
        places.code_refused(at("192.0.2.9"));
        drop((office, one));
        assert_eq!(crowd(&places, 40, |_| "192.0.2.9".to_owned()).await.len(), MOST_OF_ONE);
    }
}
