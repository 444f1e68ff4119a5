//! Sign-ins by single sign-on that were refused: looked at in memory, stored with the rest of the activity.

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use rusqlite::Connection;

use super::StoreError;

/// Those that are kept of people of whom the identity provider has said who they are.
const REFUSED: usize = 50;
/// Reasons that are kept of those that came to nothing before that.
const FAILED: usize = 20;
/// The same of what only a browser says. There are not so many sentences for that: none is pushed out.
const CAME_BACK: usize = 24;
/// Reasons are of one kind that begin with the same so many letters: behind that may stand what is of one sign-in only.
const KIND: usize = 60;

/// A sign-in that was refused. No value of a claim is in it but the name of somebody here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedSignIn {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// From where.
    pub address: IpAddr,
    /// The userName of the person who was matched.
    pub name: Option<String>,
    /// Why, for administrators.
    pub why: String,
    /// How often.
    pub times: u64,
}

/// Those that are kept.
#[derive(Debug, Clone, Default)]
pub(super) struct SignIns {
    refused: VecDeque<RefusedSignIn>,
    failed: VecDeque<RefusedSignIn>,
    came_back: VecDeque<RefusedSignIn>,
    /// How often something came, and how often that was when it was stored.
    came: u64,
    stored: u64,
}

impl SignIns {
    pub(super) fn load(connection: &Connection) -> Result<SignIns, StoreError> {
        let mut all = SignIns::default();
        let mut statement =
            connection.prepare("select failed, at, address, name, why, times from refused_sign_in order by n")?;
        let rows = statement.query_map([], |r| {
            let one = RefusedSignIn {
                at: r.get(1)?,
                address: r.get::<_, String>(2)?.parse().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
                name: r.get(3)?,
                why: r.get(4)?,
                times: u64::try_from(r.get::<_, i64>(5)?).unwrap_or(1),
            };
            Ok((r.get::<_, i64>(0)?, one))
        })?;
        for row in rows {
            match row? {
                (0, one) => all.refuse(one),
                (1, one) => all.fail(one),
                (_, one) => all.came_back(one),
            }
        }
        all.stored = all.came;
        Ok(all)
    }

    /// Somebody was refused of whom the identity provider has said who it is: kept once for each person, reason and network,
    /// and how often. Whoever tries again and again pushes out nobody else.
    pub(super) fn refuse(&mut self, refused: RefusedSignIn) {
        self.came += 1;
        let of = |r: &RefusedSignIn| (r.why.clone(), r.name.clone(), network(r.address));
        let same = of(&refused);
        count(&mut self.refused, refused, |before| of(before) == same);
        if self.refused.len() > REFUSED {
            self.refused.pop_front();
        }
    }

    /// A sign-in came to nothing before that: kept once for each reason, and how often. Many of them push out nobody who was
    /// refused, and many of one kind, each with other words of the provider in it, none of another kind.
    pub(super) fn fail(&mut self, failed: RefusedSignIn) {
        self.came += 1;
        let why = failed.why.clone();
        count(&mut self.failed, failed, |before| before.why == why);
        if self.failed.len() > FAILED {
            let mut kinds: HashMap<String, usize> = HashMap::new();
            self.failed.iter().for_each(|one| *kinds.entry(kind(one)).or_default() += 1);
            let most = kinds.values().copied().max();
            let oldest = self.failed.iter().position(|one| kinds.get(&kind(one)).copied() == most);
            self.failed.remove(oldest.unwrap_or_default());
        }
    }

    /// A browser came back without a good answer, and nobody but the browser says so: kept apart, so that nobody can hide
    /// what a provider has answered.
    pub(super) fn came_back(&mut self, one: RefusedSignIn) {
        self.came += 1;
        let why = one.why.clone();
        count(&mut self.came_back, one, |before| before.why == why);
        if self.came_back.len() > CAME_BACK {
            self.came_back.pop_front();
        }
    }

    /// All of them, the last one first.
    pub(super) fn all(&self) -> Vec<RefusedSignIn> {
        let lists = [&self.came_back, &self.failed, &self.refused];
        let mut all: Vec<RefusedSignIn> = lists.iter().flat_map(|list| list.iter().rev().cloned()).collect();
        all.sort_by_key(|one| std::cmp::Reverse(one.at));
        all
    }

    pub(super) fn is_stored(&self) -> bool {
        self.stored == self.came
    }

    /// They are stored as they were then.
    pub(super) fn settled(&mut self, then: &SignIns) {
        self.stored = self.stored.max(then.came);
    }

    /// Stores all of them: they are few.
    pub(super) fn store(&self, connection: &Connection) -> Result<(), StoreError> {
        connection.prepare_cached("delete from refused_sign_in")?.execute([])?;
        let mut insert = connection.prepare_cached(
            "insert into refused_sign_in (failed, at, address, name, why, times) values (?1, ?2, ?3, ?4, ?5, ?6)",
        )?;
        for (failed, list) in [(0, &self.refused), (1, &self.failed), (2, &self.came_back)] {
            for one in list {
                let times = i64::try_from(one.times).unwrap_or(i64::MAX);
                insert.execute((failed, one.at, one.address.to_string(), &one.name, &one.why, times))?;
            }
        }
        Ok(())
    }
}

/// Puts one behind all others, with what was counted of those that are the same.
fn count(list: &mut VecDeque<RefusedSignIn>, mut one: RefusedSignIn, is_same: impl Fn(&RefusedSignIn) -> bool) {
    if let Some(before) = list.iter().position(is_same).and_then(|at| list.remove(at)) {
        one.times = one.times.saturating_add(before.times);
    }
    list.push_back(one);
}

fn kind(one: &RefusedSignIn) -> String {
    one.why.chars().take(KIND).collect()
}

/// The part of an address that one customer of a network has: all of IPv4, a /64 of IPv6.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(at: i64, name: Option<&str>, why: &str) -> RefusedSignIn {
        let (name, why) = (name.map(str::to_owned), why.to_owned());
        RefusedSignIn { at, address: [1, 1, 1, 1].into(), name, why, times: 1 }
    }

    #[test]
    fn what_came_to_nothing_is_counted_and_pushes_out_nobody() {
        let mut all = SignIns::default();
        all.refuse(one(1, Some("ada"), "deactivated"));
        for i in 0..1000 {
            all.fail(one(10 + i, None, "the same"));
            all.fail(one(10 + i, None, &format!("because of {i}")));
        }
        let found = all.all();
        assert_eq!(found.len(), 1 + FAILED);
        assert!(found.iter().any(|r| r.why == "the same" && r.times == 1000 && r.at == 1009));
        assert_eq!(found.last().unwrap().name.as_deref(), Some("ada"));
        for i in 0..2 * REFUSED as i64 {
            all.refuse(one(2000 + i, None, &i.to_string()));
        }
        assert_eq!((all.all().len(), all.all()[0].at), (REFUSED + FAILED, 2000 + 2 * REFUSED as i64 - 1));
    }

    #[test]
    fn whoever_tries_again_and_again_pushes_out_nobody_else() {
        let mut all = SignIns::default();
        all.refuse(one(1, Some("ada"), "deactivated"));
        for i in 0..10 * REFUSED as i64 {
            let mut eve = one(2 + i, Some("eve"), "deleted");
            eve.address = format!("2001:db8::{i}").parse().unwrap();
            all.refuse(eve);
        }
        all.refuse(one(1000, Some("eve"), "deleted"));
        all.refuse(one(1001, Some("ada"), "deleted"));
        all.refuse(one(1002, Some("ada"), "deleted"));
        let found: Vec<_> = all.all().into_iter().map(|r| (r.name.unwrap(), r.why, r.times, r.at)).collect();
        let row = |name: &str, why: &str, times, at| (name.to_owned(), why.to_owned(), times, at);
        assert_eq!(
            found,
            [
                row("ada", "deleted", 2, 1002),
                row("eve", "deleted", 1, 1000),
                row("eve", "deleted", 500, 501),
                row("ada", "deactivated", 1, 1),
            ],
            "each from its own network"
        );
    }

    #[test]
    fn what_a_browser_says_hides_nothing_that_a_provider_has_said() {
        let mut all = SignIns::default();
        all.fail(one(1, None, "The identity provider does not accept the client id and secret"));
        all.fail(one(2, None, "The identity provider cannot be reached"));
        for i in 0..1000 {
            all.came_back(one(10 + i, None, &format!("error {i}")));
            all.fail(one(
                10 + i,
                None,
                &format!("The identity provider does not accept the code of this sign-in: trace {i}"),
            ));
        }
        let found = all.all();
        assert_eq!(found.len(), FAILED + CAME_BACK);
        for words in ["client id and secret", "cannot be reached", "trace 999", "error 999"] {
            assert!(found.iter().any(|r| r.why.contains(words)), "{words}");
        }
    }

    #[test]
    fn all_of_it_is_stored_and_read_again() {
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch(include_str!("migrations/0009_refused_sign_ins.sql")).unwrap();
        let mut all = SignIns::default();
        all.refuse(one(1, Some("ada"), "deactivated"));
        all.refuse(one(2, Some("ada"), "deactivated"));
        all.fail(one(3, None, "no answer"));
        all.came_back(one(4, None, "access_denied"));
        all.store(&connection).unwrap();
        let again = SignIns::load(&connection).unwrap();
        assert_eq!(again.all(), all.all());
        assert_eq!((again.refused.len(), again.failed.len(), again.came_back.len()), (1, 1, 1));
        assert!(again.is_stored() && again.refused[0].times == 2);
    }
}
