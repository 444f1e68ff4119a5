//! Sign-ins by single sign-on that are under way, and what became of the last ones. All of it is in memory, bounded, and gone
//! with the process: whoever was on the way begins again.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::directory::sso::Settings;
use crate::secret::same_digest;
use crate::sso::Begun;

/// For how long somebody may stay at the identity provider, in microseconds.
const LIFE: i64 = 10 * 60 * 1_000_000;
/// Sign-ins under way at the same time, at most, and those of one address: one more, and the oldest is forgotten.
const MOST: usize = 4096;
const MOST_OF_ONE: usize = 256;
/// Tests whose result waits to be looked at, and refused sign-ins that are kept, at most.
const RESULTS: usize = 32;
const REFUSALS: usize = 50;
/// Questions to the identity provider at a time, at most, and those of one address: nobody takes the place of all others.
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

/// A sign-in that was refused. No value of a claim is in it but the name of somebody here.
#[derive(Clone)]
pub struct Refusal {
    /// When.
    pub at: i64,
    /// From where.
    pub address: IpAddr,
    /// The userName of the person who was matched.
    pub name: Option<String>,
    /// Why, for administrators.
    pub why: String,
}

/// All of it.
pub struct Flows {
    under_way: Mutex<VecDeque<Flow>>,
    results: Mutex<VecDeque<(Vec<u8>, Shown)>>,
    refusals: Mutex<VecDeque<Refusal>>,
    /// Whose questions to the identity provider are under way.
    questions: Mutex<Vec<IpAddr>>,
}

/// A question to the identity provider that is under way.
pub struct Question<'f>(&'f Flows, IpAddr);

impl Drop for Question<'_> {
    fn drop(&mut self) {
        let mut all = held(&self.0.questions);
        if let Some(at) = all.iter().position(|a| *a == self.1) {
            all.swap_remove(at);
        }
    }
}

/// An address as it counts: whoever has one of IPv6 has all of its /64.
fn counted(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
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
            refusals: Mutex::default(),
            questions: Mutex::default(),
        }
    }

    /// Room for a question to the identity provider, until it is dropped; none: too many are under way.
    pub fn ask(&self, address: IpAddr) -> Option<Question<'_>> {
        let (address, mut all) = (counted(address), held(&self.questions));
        if all.len() >= QUESTIONS || all.iter().filter(|a| **a == address).count() >= QUESTIONS_OF_ONE {
            return None;
        }
        all.push(address);
        Some(Question(self, address))
    }

    /// Keeps a sign-in until the browser comes back.
    pub fn keep(&self, flow: Flow) {
        let mut all = held(&self.under_way);
        let now = flow.begun.at;
        all.retain(|f| is_alive(f, now));
        let same = |f: &Flow| counted(f.address) == counted(flow.address);
        let of_one = all.iter().filter(|f| same(f)).count();
        let oldest = match (of_one >= MOST_OF_ONE, all.len() >= MOST) {
            (true, _) => all.iter().position(same),
            (false, true) => Some(0),
            (false, false) => None,
        };
        if let Some(oldest) = oldest {
            all.remove(oldest);
        }
        all.push_back(flow);
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

    /// Keeps that somebody was refused.
    pub fn refuse(&self, refusal: Refusal) {
        let mut all = held(&self.refusals);
        if all.len() >= REFUSALS {
            all.pop_front();
        }
        all.push_back(refusal);
    }

    /// Those who were refused, the last one first.
    pub fn refused(&self) -> Vec<Refusal> {
        held(&self.refusals).iter().rev().cloned().collect()
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
        for i in 0..2 * MOST {
            let [.., a, b] = (i as u32).to_be_bytes();
            flows.keep(flow("all", &i.to_string(), [3, 3, a, b], 0));
        }
        assert_eq!(held(&flows.under_way).len(), MOST);
        for i in 0..2 * REFUSALS {
            flows.refuse(Refusal { at: i as i64, address: [1, 1, 1, 1].into(), name: None, why: String::new() });
        }
        assert_eq!((flows.refused().len(), flows.refused()[0].at), (REFUSALS, 2 * REFUSALS as i64 - 1));
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
        let ask = |address: &str| flows.ask(address.parse().unwrap());
        let mut eve: Vec<_> = (0..20).filter_map(|n| ask(&format!("2001:db8::{n}"))).collect();
        assert_eq!(eve.len(), QUESTIONS_OF_ONE);
        assert!(ask("2001:db8:0:1::1").is_some(), "others are not held up");
        eve.pop();
        assert!(ask("2001:db8::99").is_some());
        let all: Vec<_> = (0..200).filter_map(|n| ask(&format!("192.0.2.{n}"))).collect();
        assert_eq!(eve.len() + all.len(), QUESTIONS);
        drop((eve, all));
        assert!(held(&flows.questions).is_empty());
    }
}
