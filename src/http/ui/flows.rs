//! Sign-ins by single sign-on that are under way, and what the last tests have shown. What is under way is sealed in a cookie
//! of the browser that has begun it: nobody can push it out, and a restart forgets nobody. In memory is only which of them
//! were used, and that is bounded.

use std::collections::{HashSet, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};

use super::cookies::Way;
use super::places::{Places, site};
use crate::http::rate::{Rate, Rates};
use crate::secret::{Key, fingerprint, same_digest};
use crate::sso::Begun;

/// For how long somebody may stay at the identity provider, in microseconds.
const LIFE: i64 = crate::sso::LASTS;
/// Sign-ins of the last minutes of which it is kept that they were used, at most. Whoever fills this up gains nothing but to
/// bring an own one twice, with a code that the identity provider takes once.
const USED: usize = 1 << 16;
/// Tests whose result waits to be looked at, at most.
const RESULTS: usize = 32;
/// Ways back from the identity provider that lead nowhere, for one site.
const NOWHERE: Rate = Rate { burst: 20, per_second: 1 };
const SECOND: u64 = 1_000_000;
/// What a sign-in is sealed for.
const SEALED_FOR: &str = "single sign-on under way";
/// Cookies of ways that a browser is left with, at most, and characters of all of them: it sends them with everything.
const WAYS: usize = 5;
const WAYS_LENGTH: usize = 4000;

/// What a sign-in is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
    /// What it is for.
    pub purpose: Purpose,
    /// What has to come back. The address that the browser was sent to is not kept.
    pub begun: Begun,
    /// What a test goes by, of how single sign-on was set up when it began.
    pub settings: String,
}

/// A [`Flow`] as it is sealed.
#[derive(Serialize, Deserialize)]
struct Written {
    purpose: Purpose,
    settings: String,
    state: String,
    nonce: String,
    verifier: String,
    issuer: String,
    max_age: Option<u64>,
    at: i64,
}

/// What the cookie of a sign-in is named by.
fn tag(state: &str) -> String {
    fingerprint(state).chars().take(16).collect()
}

impl Flow {
    /// The cookie that the browser keeps it in. None: it does not fit, or there is no randomness.
    pub fn seal(&self, key: &Key) -> Option<Way> {
        let Begun { state, nonce, verifier, issuer, max_age, at, .. } = self.begun.clone();
        let tag = self.tag();
        let (purpose, settings) = (self.purpose.clone(), self.settings.clone());
        let written = Written { purpose, settings, state, nonce, verifier, issuer, max_age, at };
        let value = BASE64URL_NOPAD.encode(&key.seal(SEALED_FOR, &serde_json::to_vec(&written).ok()?).ok()?);
        (value.len() <= WAYS_LENGTH).then_some(Way { tag, value })
    }

    fn open(key: &Key, way: &Way) -> Option<Flow> {
        let sealed = BASE64URL_NOPAD.decode(way.value.as_bytes()).ok()?;
        let written: Written = serde_json::from_slice(&key.open(SEALED_FOR, &sealed)?).ok()?;
        let Written { purpose, settings, state, nonce, verifier, issuer, max_age, at } = written;
        let begun = Begun { url: String::new(), state, nonce, verifier, issuer, max_age, at };
        Some(Flow { purpose, begun, settings })
    }

    /// What its cookie is named by.
    pub fn tag(&self) -> String {
        tag(&self.begun.state)
    }

    fn is_alive(&self, now: i64) -> bool {
        now < self.begun.at.saturating_add(LIFE)
    }
}

/// Which of the ways of a browser give way to one more: the oldest, and all that lead nowhere any longer.
pub fn outdated(key: &Key, ways: &[Way], new: &Way, now: i64) -> Vec<String> {
    let opened = ways.iter().map(|way| (Flow::open(key, way).filter(|f| f.is_alive(now)).map(|f| f.begun.at), way));
    let mut all: Vec<(Option<i64>, &Way)> = opened.collect();
    all.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    let (mut kept, mut length, mut gone) = (1, new.value.len(), Vec::new());
    for (at, way) in all {
        length += way.value.len();
        kept += 1;
        if at.is_none() || kept > WAYS || length > WAYS_LENGTH {
            gone.push(way.tag.clone());
        }
    }
    gone
}

/// What a browser has come back with.
pub enum Found {
    /// A sign-in that is under way.
    Flow(Box<Flow>),
    /// This browser has a cookie for it that is good for nothing any longer.
    Over(String),
    /// This browser has not begun it.
    None,
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

/// What was used, by the tags, in this order.
#[derive(Default)]
struct Used {
    order: VecDeque<(i64, String)>,
    all: HashSet<String>,
}

/// All of it.
pub struct Flows {
    used: Mutex<Used>,
    results: Mutex<VecDeque<(Vec<u8>, Shown)>>,
    /// For questions to the identity provider.
    pub places: Places,
    nowhere: Rates,
    start: Instant,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Flows {
    /// Nobody is on the way.
    pub fn new() -> Flows {
        Flows {
            used: Mutex::default(),
            results: Mutex::default(),
            places: Places::new(),
            nowhere: Rates::new(NOWHERE),
            start: Instant::now(),
        }
    }

    /// Somebody came back with what is good for nothing. The seconds for which nobody of this site is heard who does: too
    /// many came like that.
    pub fn led_nowhere(&self, address: IpAddr) -> Option<u64> {
        let clock = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.nowhere.take(&site(address), clock).err().map(|wait| wait.div_ceil(SECOND).max(1))
    }

    /// What a browser with these cookies has begun with this state. Nothing is used up by that.
    pub fn find(&self, key: &Key, ways: &[Way], state: &str, now: i64) -> Found {
        let tag = tag(state);
        let Some(way) = ways.iter().find(|way| way.tag == tag) else { return Found::None };
        let flow = Flow::open(key, way).filter(|flow| {
            same_digest(flow.begun.state.as_bytes(), state.as_bytes())
                && flow.is_alive(now)
                && !held(&self.used).all.contains(&tag)
        });
        flow.map_or(Found::Over(tag), |flow| Found::Flow(Box::new(flow)))
    }

    /// Uses a sign-in up. False: somebody was faster.
    pub fn use_up(&self, flow: &Flow, now: i64) -> bool {
        let (tag, mut guard) = (flow.tag(), held(&self.used));
        let used = &mut *guard;
        if !flow.is_alive(now) || used.all.contains(&tag) {
            return false;
        }
        // One that is older than all that may be under way could not be used again anyhow.
        while used.order.front().is_some_and(|(at, _)| now >= at.saturating_add(LIFE)) || used.order.len() >= USED {
            let Some((_, before)) = used.order.pop_front() else { break };
            used.all.remove(&before);
        }
        used.order.push_back((now, tag.clone()));
        used.all.insert(tag);
        true
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

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(state: &str, purpose: Purpose, at: i64) -> Flow {
        Flow {
            purpose,
            begun: Begun {
                url: "https://idp.example/authorize?state=x".to_owned(),
                state: state.to_owned(),
                nonce: "n".repeat(43),
                verifier: "v".repeat(43),
                issuer: "https://idp.example/".to_owned(),
                max_age: Some(0),
                at,
            },
            settings: "d".repeat(64),
        }
    }

    fn sign_in(state: &str, at: i64) -> Flow {
        flow(state, Purpose::SignIn("/".to_owned(), None), at)
    }

    fn length(flows: &Flows) -> usize {
        let used = held(&flows.used);
        assert_eq!(used.order.len(), used.all.len());
        used.all.len()
    }

    fn is_there(found: &Found) -> bool {
        matches!(found, Found::Flow(_))
    }

    #[test]
    fn a_sign_in_is_its_browsers_and_used_once_and_soon() {
        let (flows, key) = (Flows::new(), Key::generate().unwrap());
        let [one, two] = ["s1", "s2"].map(|state| sign_in(state, 0).seal(&key).unwrap());
        let find = |ways: &[Way], state: &str, now: i64| flows.find(&key, ways, state, now);
        let ada = [one, two];
        assert!(matches!(find(&[], "s1", 1), Found::None) && matches!(find(&ada, "s3", 1), Found::None));
        assert!(matches!(find(&ada, "", 1), Found::None));
        let Found::Flow(found) = find(&ada, "s1", 1) else { panic!("two tabs") };
        assert!(is_there(&find(&ada, "s1", 1)), "a look uses nothing up");
        assert!(flows.use_up(&found, 1) && !flows.use_up(&found, 1), "once");
        assert!(matches!(find(&ada, "s1", 1), Found::Over(_)));
        assert!(is_there(&find(&ada, "s2", LIFE - 1)) && matches!(find(&ada, "s2", LIFE), Found::Over(_)), "soon");
        assert!(!flows.use_up(&sign_in("s2", 0), LIFE));
        // Neither the cookie of one way under the name of another, nor that of another key, nor one with a letter changed.
        let renamed = Way { tag: tag("s3"), value: ada[1].value.clone() };
        assert!(matches!(find(&[renamed], "s3", 1), Found::Over(_)));
        let other = sign_in("s4", 0).seal(&Key::generate().unwrap()).unwrap();
        assert!(matches!(find(&[other], "s4", 1), Found::Over(_)));
        let mut changed = sign_in("s5", 0).seal(&key).unwrap();
        let last = if changed.value.pop() == Some('A') { 'Q' } else { 'A' };
        changed.value.push(last);
        assert!(matches!(find(&[changed], "s5", 1), Found::Over(_)));
    }

    #[test]
    fn what_is_sealed_comes_back_whole_and_is_not_to_be_read() {
        let key = Key::generate().unwrap();
        let digest = || vec![207; 32];
        for purpose in [
            Purpose::SignIn("/people".to_owned(), Some(digest())),
            Purpose::SignIn("/".to_owned(), None),
            Purpose::Again(digest(), format!("/{}", "p".repeat(499))),
            Purpose::Test(digest()),
        ] {
            let mut flow = flow("state-of-a-flow", purpose.clone(), 5);
            flow.begun.issuer = format!("https://{}", "i".repeat(490));
            let way = flow.seal(&key).unwrap();
            assert!(
                way.value.len() < 2500 && way.value.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b))
            );
            let plain = String::from_utf8_lossy(&BASE64URL_NOPAD.decode(way.value.as_bytes()).unwrap()).into_owned();
            assert!(!plain.contains("vvvv") && !plain.contains("state-of-a-flow"));
            let back = Flow::open(&key, &way).unwrap();
            assert_eq!((back.purpose, back.settings), (purpose, flow.settings));
            flow.begun.url.clear();
            assert!(back.begun == flow.begun);
        }
    }

    #[test]
    fn what_was_used_is_bounded_and_forgotten_when_it_can_be_brought_no_more() {
        let flows = Flows::new();
        for n in 0..USED + 10 {
            assert!(flows.use_up(&sign_in(&format!("s{n}"), 0), 1));
        }
        assert_eq!(length(&flows), USED);
        assert!(!flows.use_up(&sign_in(&format!("s{}", USED + 9), 0), 2));
        assert!(flows.use_up(&sign_in("later", LIFE), LIFE + 1));
        assert_eq!(length(&flows), 1);
    }

    #[test]
    fn a_browser_is_left_with_a_few_ways() {
        let key = Key::generate().unwrap();
        let at = |at: i64| sign_in(&format!("s{at}"), at).seal(&key).unwrap();
        let mut ways: Vec<Way> = [3, 1, 2].map(at).into_iter().collect();
        assert!(outdated(&key, &ways, &at(9), 9).is_empty());
        ways.push(Way { tag: "odd".to_owned(), value: "x".to_owned() });
        assert_eq!(outdated(&key, &ways, &at(9), 9), ["odd"]);
        ways.extend([5, 4].map(at));
        assert_eq!(outdated(&key, &ways, &at(9), 9), [tag("s1"), "odd".to_owned()]);
        assert_eq!(outdated(&key, &ways, &at(LIFE + 4), LIFE + 4).len(), 5, "those whose time is over go too");
        let mut long = sign_in("long", 8);
        long.begun.issuer = "i".repeat(1000);
        let all = [long.seal(&key).unwrap(), at(7), at(6)];
        let mut new = sign_in("new", 9);
        new.begun.issuer = "i".repeat(1000);
        let gone = outdated(&key, &all, &new.seal(&key).unwrap(), 9);
        assert_eq!(gone, [tag("s6")], "they are sent with everything");
    }

    #[test]
    fn what_tests_have_shown_is_bounded() {
        let flows = Flows::new();
        let shown = Shown { at: 0, good: true, result: String::new(), claims: vec![], person: None, rule: None };
        for i in 0..2 * RESULTS {
            flows.show(&[i as u8], shown.clone());
        }
        assert!(
            flows.shown(&[0], 1).is_none() && flows.shown(&[63], 1).is_some() && flows.shown(&[63], LIFE).is_none()
        );
    }

    #[test]
    fn a_site_that_comes_back_with_nothing_waits_and_no_other_does() {
        let flows = Flows::new();
        let (eve, ada): (IpAddr, IpAddr) = ("2001:db8::1".parse().unwrap(), "2001:db8:1::1".parse().unwrap());
        for _ in 0..3 * NOWHERE.burst {
            flows.led_nowhere(eve);
        }
        let next_door = "2001:db8:0:9::2".parse().unwrap();
        assert!((1..=2).contains(&flows.led_nowhere(next_door).unwrap()));
        assert_eq!(flows.led_nowhere(ada), None);
    }
}
