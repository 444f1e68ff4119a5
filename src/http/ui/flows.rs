//! Sign-ins by single sign-on that are under way, and what the last tests have shown. All of it is in memory, bounded, and
//! gone with the process: whoever was on the way begins again.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::directory::sso::Settings;
use crate::http::doors::network;
use crate::http::rate::{Rate, Rates};
use crate::secret::same_digest;
use crate::sso::Begun;

/// For how long somebody may stay at the identity provider, in microseconds.
const LIFE: i64 = crate::sso::LASTS;
/// Sign-ins under way at the same time, at most, and those of one network: one more, and the oldest is forgotten.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 256;
/// Tests whose result waits to be looked at, at most.
const RESULTS: usize = 32;
/// Ways back from the identity provider that lead nowhere, for one network.
const NOWHERE: Rate = Rate { burst: 20, per_second: 1 };
const SECOND: u64 = 1_000_000;
/// Questions to the identity provider at a time, at most, and those of one network: nobody takes the place of all others.
/// Those who begin and those who come back have their own.
const QUESTIONS: usize = 64;
const QUESTIONS_OF_ONE: usize = 8;

/// What a sign-in is for.
#[derive(Clone)]
pub enum Purpose {
    /// Somebody wants to sign in, and then see this page of ours. The session of this digest, which the browser had when it
    /// began, ends with that: its cookie does not come along from another site.
    SignIn(String, Option<Vec<u8>>),
    /// Somebody who is signed in proves once more who that is, in the session of this digest, and goes back to this page.
    Again(Vec<u8>, String),
    /// An administrator looks at what would happen, in the session of this digest.
    Test(Vec<u8>),
}

/// A sign-in under way.
#[derive(Clone)]
pub struct Flow {
    /// SHA-256 of the cookie of the browser that began it.
    pub browser: Vec<u8>,
    /// Where that was.
    pub address: IpAddr,
    /// What it is for.
    pub purpose: Purpose,
    /// What has to come back.
    pub begun: Begun,
    /// How single sign-on was set up when it began.
    pub settings: Settings,
}

/// What a test has shown.
#[derive(Clone)]
pub struct Shown {
    /// When.
    pub at: i64,
    /// Whether somebody would get in.
    pub good: bool,
    /// What came of it, in a sentence.
    pub result: String,
    /// What the identity provider said: names and values of the claims.
    pub claims: Vec<(String, String)>,
    /// Who that is here: the id and the userName.
    pub person: Option<(String, String)>,
    /// The claim and the attribute that fit.
    pub rule: Option<(String, &'static str)>,
}

/// When the identity provider is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Somebody sets out.
    Begin,
    /// Somebody comes back.
    Callback,
}

/// All of it.
pub struct Flows {
    under_way: Mutex<VecDeque<Flow>>,
    results: Mutex<VecDeque<(Vec<u8>, Shown)>>,
    /// Whose questions to the identity provider are under way, by network.
    questions: Mutex<Vec<(Asking, u128)>>,
    nowhere: Rates,
    start: Instant,
}

/// A question to the identity provider that is under way.
pub struct Question<'f>(&'f Flows, (Asking, u128));

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut all = held(&self.0.questions);
        if let Some(at) = all.iter().position(|a| *a == self.1) {
            all.swap_remove(at);
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flows {
    /// Nobody is on the way.
    pub fn new() -> Flows {
        Flows {
            under_way: Mutex::default(),
            results: Mutex::default(),
            questions: Mutex::default(),
            nowhere: Rates::new(NOWHERE),
            start: Instant::now(),
        }
    }

    /// Room for a question to the identity provider, until it is dropped; none: too many are under way.
    pub fn ask(&self, asking: Asking, address: IpAddr) -> Option<Question<'_>> {
        let (one, mut all) = ((asking, network(address)), held(&self.questions));
        let of_kind = all.iter().filter(|(a, _)| *a == asking).count();
        if of_kind >= QUESTIONS || all.iter().filter(|a| **a == one).count() >= QUESTIONS_OF_ONE {
            return None;
        }
        all.push(one);
        Some(Question(self, one))
    }

    fn clock(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// The seconds for which nobody of this network is heard who comes back: too many came with what is good for nothing.
    pub fn wait(&self, address: IpAddr) -> Option<u64> {
        self.nowhere.wait(&network(address), self.clock()).map(|wait| wait.div_ceil(SECOND).max(1))
    }

    /// Somebody came back with what is good for nothing.
    pub fn led_nowhere(&self, address: IpAddr) {
        // Over the limit there is nothing more to count.
        let _over = self.nowhere.take(&network(address), self.clock());
    }

    /// Keeps a sign-in until the browser comes back. When there are too many, the network with the most of them loses its
    /// oldest: whoever begins very many pushes out nobody else's.
    pub fn keep(&self, flow: Flow) {
        let mut all = held(&self.under_way);
        let now = flow.begun.at;
        all.retain(|f| is_alive(f, now));
        let own = network(flow.address);
        let of = |f: &Flow| network(f.address);
        let loses = match all.iter().filter(|f| of(f) == own).count() {
            share if share >= MOST_OF_ONE => Some(own),
            _ if all.len() < MOST => None,
            share => {
                let mut counts: HashMap<u128, usize> = HashMap::new();
                all.iter().for_each(|f| *counts.entry(of(f)).or_default() += 1);
                let most = counts.values().copied().max().unwrap_or_default();
                match share == most {
                    true => Some(own),
                    false => all.iter().map(of).find(|n| counts.get(n) == Some(&most)),
                }
            }
        };
        if let Some(oldest) = loses.and_then(|network| all.iter().position(|f| of(f) == network)) {
            all.remove(oldest);
        }
        all.push_back(flow);
    }

    /// Has this browser begun a sign-in that is still under way?
    pub fn is_under_way(&self, browser: &[u8], now: i64) -> bool {
        held(&self.under_way).iter().any(|f| is_alive(f, now) && same_digest(&f.browser, browser))
    }

    /// The sign-in that a browser has begun with this state. It is used up by that.
    pub fn take(&self, browser: &[u8], state: &str, now: i64) -> Option<Flow> {
        let mut all = held(&self.under_way);
        all.retain(|f| is_alive(f, now));
        let is_it =
            |f: &Flow| same_digest(&f.browser, browser) & same_digest(f.begun.state.as_bytes(), state.as_bytes());
        let found = all.iter().position(is_it)?;
        all.remove(found)
    }

    /// Keeps what a test has shown for the session that it was made in.
    pub fn show(&self, session: &[u8], shown: Shown) {
        let mut all = held(&self.results);
        all.retain(|(s, _)| s != session);
        if all.len() >= RESULTS {
            all.pop_front();
        }
        all.push_back((session.to_owned(), shown));
    }

    /// What the last test of a session has shown, as long as somebody may want to look at it.
    pub fn shown(&self, session: &[u8], now: i64) -> Option<Shown> {
        let mut all = held(&self.results);
        all.retain(|(_, shown)| now < shown.at.saturating_add(LIFE));
        all.iter().find(|(s, _)| s == session).map(|(_, shown)| shown.clone())
    }
}

fn is_alive(flow: &Flow, now: i64) -> bool {
    now < flow.begun.at.saturating_add(LIFE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(browser: &str, state: &str, address: [u8; 4], at: i64) -> Flow {
        Flow {
            browser: browser.as_bytes().to_owned(),
            address: address.into(),
            purpose: Purpose::SignIn("/".to_owned(), None),
            begun: Begun {
                url: String::new(),
                state: state.to_owned(),
                nonce: String::new(),
                verifier: String::new(),
                issuer: String::new(),
                max_age: None,
                at,
            },
            settings: Settings::default(),
        }
    }

    #[test]
    fn a_sign_in_is_its_browsers_and_used_once_and_soon() {
        let flows = Flows::new();
        flows.keep(flow("ada", "s1", [1, 1, 1, 1], 0));
        flows.keep(flow("ada", "s2", [1, 1, 1, 1], 0));
        assert!(flows.take(b"eve", "s1", 1).is_none() && flows.take(b"ada", "s3", 1).is_none());
        assert!(flows.take(b"ada", "", 1).is_none() && flows.take(b"", "s1", 1).is_none());
        assert!(flows.take(b"ada", "s1", 1).is_some(), "two tabs");
        assert!(flows.take(b"ada", "s1", 1).is_none(), "once");
        assert!(flows.take(b"ada", "s2", LIFE).is_none(), "soon");
        assert!(held(&flows.under_way).is_empty());
    }

    #[test]
    fn what_is_under_way_is_bounded_and_one_address_pushes_out_its_own() {
        let flows = Flows::new();
        flows.keep(flow("ada", "ada", [1, 1, 1, 1], 0));
        for i in 0..2 * MOST_OF_ONE {
            flows.keep(flow("eve", &i.to_string(), [2, 2, 2, 2], 0));
        }
        assert_eq!(held(&flows.under_way).len(), MOST_OF_ONE + 1);
        // Very many networks with more than one each, and then one with its share.
        for i in 0..MOST + 200 {
            let [.., a, b] = ((i / 2) as u32).to_be_bytes();
            flows.keep(flow("all", &i.to_string(), [3, 3, a, b], 0));
        }
        assert_eq!(held(&flows.under_way).len(), MOST);
        for i in 0..MOST {
            flows.keep(flow("mal", &i.to_string(), [4, 4, 4, 4], 0));
        }
        let of_mal = held(&flows.under_way).iter().filter(|f| f.address == IpAddr::from([4, 4, 4, 4])).count();
        assert!((2..=MOST_OF_ONE).contains(&of_mal) && held(&flows.under_way).len() == MOST, "{of_mal}");
        assert!(flows.is_under_way(b"ada", 1) && flows.take(b"ada", "ada", 1).is_some(), "she is still on her way");
        assert!(!flows.is_under_way(b"ada", 1) && !flows.is_under_way(b"mal", LIFE));
        let shown = Shown { at: 0, good: true, result: String::new(), claims: vec![], person: None, rule: None };
        for i in 0..2 * RESULTS {
            flows.show(&[i as u8], shown.clone());
        }
        assert!(
            flows.shown(&[0], 1).is_none() && flows.shown(&[63], 1).is_some() && flows.shown(&[63], LIFE).is_none()
        );
    }

    #[test]
    fn questions_are_bounded_for_each_address_and_for_all() {
        let flows = Flows::new();
        let ask = |address: &str| flows.ask(Asking::Begin, address.parse().unwrap());
        let mut eve: Vec<_> = (0..20).filter_map(|n| ask(&format!("2001:db8::{n}"))).collect();
        assert_eq!(eve.len(), QUESTIONS_OF_ONE);
        assert!(ask("2001:db8:0:1::1").is_some(), "others are not held up");
        eve.pop();
        assert!(ask("2001:db8::99").is_some());
        let all: Vec<_> = (0..200).filter_map(|n| ask(&format!("192.0.2.{n}"))).collect();
        assert_eq!(eve.len() + all.len(), QUESTIONS);
        let back = |address: &str| flows.ask(Asking::Callback, address.parse().unwrap());
        assert!(
            back("2001:db8::1").is_some() && back("192.0.2.250").is_some(),
            "who comes back is not held up by them"
        );
        drop((eve, all));
        assert!(held(&flows.questions).is_empty());
    }

    #[test]
    fn a_network_that_comes_back_with_nothing_waits_and_no_other_does() {
        let flows = Flows::new();
        let (eve, ada): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8:0:1::1".parse().unwrap());
        for _ in 0..3 * NOWHERE.burst {
            flows.led_nowhere(eve);
        }
        assert!((1..=2).contains(&flows.wait("2001:db8::2".parse().unwrap()).unwrap()));
        assert_eq!(flows.wait(ada), None);
    }
}
