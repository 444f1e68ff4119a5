//! Who is let near the tokens, and how often: requests with bad tokens are limited for each address, requests with good
//! ones for each token, if the configuration says so.
//!
//! A bad token must not cost hashing and a look at the database again and again. A good token must never pay for its
//! neighbours: behind a proxy or a NAT all clients have one address. So an address over its limit is still asked which
//! token it shows, and one that is known and right goes through.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::lines;
use super::problem::{Problem, too_many};
use super::rate::{Rate, Rates};
use crate::directory::{Directory, Reader, Refusal, StoreError, Unauthenticated};
use crate::secret::{Token, same_digest};

/// The limits as the configuration gives them; none: as often as anybody likes.
#[derive(Debug, Clone, Copy)]
pub struct DoorLimits {
    /// Requests with a bad token, for each address.
    pub bad_tokens: Option<Rate>,
    /// Requests with a good one, for each token.
    pub requests: Option<Rate>,
}

/// How old the list of live tokens may be that is asked on behalf of an address over its limit. All such requests
/// together cause one look at the database in this time.
const FRESH: Duration = Duration::from_secs(1);

/// What is counted.
pub struct Doors {
    bad: Option<Rates>,
    good: Option<Rates>,
    start: Instant,
    live: Mutex<Live>,
}

/// Digests of live tokens by their public id.
#[derive(Default)]
struct Live {
    read: Option<Instant>,
    digests: HashMap<String, Vec<u8>>,
}

impl Doors {
    /// Nobody was here yet.
    pub fn new(limits: DoorLimits) -> Doors {
        Doors {
            bad: limits.bad_tokens.map(Rates::new),
            good: limits.requests.map(Rates::new),
            start: Instant::now(),
            live: Mutex::default(),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Counts a request whose token was refused.
    ///
    /// Errors: the address is over its limit; seconds after which it may try again.
    pub fn refused(&self, address: IpAddr) -> Result<(), u64> {
        match &self.bad {
            Some(bad) => bad.take(&network(address), self.now()).map_err(seconds),
            None => Ok(()),
        }
    }

    /// May a token of the right form be looked at?
    ///
    /// Errors: the address is over its limit, and the token is none that is good; seconds as above.
    pub fn look_at(&self, token: &Token, address: IpAddr, directory: &Directory) -> Result<(), u64> {
        let Some(wait) = self.bad.as_ref().and_then(|bad| bad.wait(&network(address), self.now())) else {
            return Ok(());
        };
        if self.is_live(token, directory) { Ok(()) } else { Err(seconds(wait)) }
    }

    /// Is this a live token, as far as memory knows? A public id that is not known costs no hashing.
    fn is_live(&self, token: &Token, directory: &Directory) -> bool {
        let mut live = self.live.lock().unwrap_or_else(PoisonError::into_inner);
        if live.read.is_none_or(|read| read.elapsed() >= FRESH) {
            live.read = Some(Instant::now());
            // A database that is locked at this instant leaves the list as it was.
            if let Ok(digests) = directory.store.inline(digests) {
                live.digests = digests;
            }
        }
        live.digests.get(token.id()).is_some_and(|digest| same_digest(digest, &token.digest()))
    }

    /// Are good tokens limited?
    pub fn limits_requests(&self) -> bool {
        self.good.is_some()
    }

    /// Counts a request with a good token.
    ///
    /// Errors: the token is over its limit; seconds as above.
    pub fn admitted(&self, token: &str) -> Result<(), u64> {
        match &self.good {
            Some(good) => good.take(&token, self.now()).map_err(seconds),
            None => Ok(()),
        }
    }
}

/// What an address over its limit is told, whatever its token is.
const TOO_MANY_BAD: &str = "Too many requests with a token that is not valid came from this address. Try again later.";

/// Somebody without a good token.
pub struct Stranger<'a> {
    /// Where such requests are counted.
    pub doors: &'a Doors,
    /// The id of the request.
    pub request: &'a str,
    /// Where it comes from.
    pub address: IpAddr,
    /// Its User-Agent.
    pub client: &'a str,
}

impl Stranger<'_> {
    /// Counts and writes down that there was no good token; what the client hears depends on neither token nor cause.
    ///
    /// A request without any token costs us nothing, and some clients begin every conversation with one, to be asked for
    /// it: it is not counted.
    pub fn refused(&self, cause: Unauthenticated, token: Option<&Token>) -> Problem {
        let counted = match cause {
            Unauthenticated::Missing => Ok(()),
            _ => self.doors.refused(self.address),
        };
        self.note(token, Some(cause));
        match counted {
            Ok(()) => Refusal::Unauthenticated(cause).into(),
            Err(seconds) => too_many(seconds, TOO_MANY_BAD),
        }
    }

    /// What a client hears whose token did not open what it asked for.
    pub fn refusal(&self, refusal: Refusal, token: &Token) -> Problem {
        match refusal {
            Refusal::Unauthenticated(cause) => self.refused(cause, Some(token)),
            other => other.into(),
        }
    }

    /// The address is over its limit: what the token is worth is not even looked at.
    pub fn stopped(&self, token: &Token, seconds: u64) -> Problem {
        self.note(Some(token), None);
        too_many(seconds, TOO_MANY_BAD)
    }

    fn note(&self, token: Option<&Token>, cause: Option<Unauthenticated>) {
        if lines::may_write() {
            let token = token.map(Token::id);
            tracing::warn!(request = self.request, token, ?cause, address = %self.address, client = ?self.client, "a request without a good token was refused");
        }
    }
}

fn digests(reader: &Reader<'_>) -> Result<HashMap<String, Vec<u8>>, StoreError> {
    let (control, now) = (reader.control()?, reader.now());
    let live = control.tokens.values().filter(|t| t.revoked.is_none() && t.expires.is_none_or(|end| end > now));
    Ok(live.map(|t| (t.id.clone(), t.digest.clone())).collect())
}

/// The part of an address that one customer of a network has: all of IPv4, a /64 of IPv6.
pub fn network(address: IpAddr) -> u128 {
    const HOST: u32 = 64;
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => Ipv6Addr::to_bits(v6) >> HOST << HOST,
    }
}

/// Whole seconds, rounded up: Retry-After has no others (RFC 9110 §10.2.3).
fn seconds(microseconds: u64) -> u64 {
    microseconds.div_ceil(1_000_000).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_what_one_customer_has() {
        let same = |a: &str, b: &str| network(a.parse().unwrap()) == network(b.parse().unwrap());
        assert!(same("2001:db8:1:2::1", "2001:db8:1:2:ffff::9") && !same("2001:db8:1:2::1", "2001:db8:1:3::1"));
        assert!(same("192.0.2.1", "::ffff:192.0.2.1") && !same("192.0.2.1", "192.0.2.2"));
    }

    #[test]
    fn without_limits_nobody_is_counted() {
        let doors = Doors::new(DoorLimits { bad_tokens: None, requests: None });
        for _ in 0..1000 {
            assert_eq!(doors.refused("192.0.2.1".parse().unwrap()), Ok(()));
            assert_eq!(doors.admitted("abcdefgh"), Ok(()));
        }
        assert!(!doors.limits_requests());
    }

    #[test]
    fn waiting_is_told_in_whole_seconds() {
        assert_eq!([1, 999_999, 1_000_000, 1_000_001].map(seconds), [1, 1, 1, 2]);
    }
}
