//! Sign-ins by single sign-on that were refused: looked at in memory, stored with the rest of the activity.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};

use rusqlite::Connection;

use super::StoreError;

/// Those that are kept of people of whom the identity provider has said who they are.
const REFUSED: usize = 50;
/// Kinds that are kept of those that came to nothing before that.
const FAILED: usize = 20;

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
            Ok((r.get::<_, bool>(0)?, one))
        })?;
        for row in rows {
            match row? {
                (true, one) => all.fail(one),
                (false, one) => all.refuse(one),
            }
        }
        all.stored = all.came;
        Ok(all)
    }

    /// Somebody was refused of whom the identity provider has said who it is.
    pub(super) fn refuse(&mut self, refused: RefusedSignIn) {
        self.came += 1;
        if self.refused.len() >= REFUSED {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
    }

    /// A sign-in came to nothing before that: kept once for each reason, and how often. Many of them push out nobody who was
    /// refused.
    pub(super) fn fail(&mut self, mut failed: RefusedSignIn) {
        self.came += 1;
        if let Some(before) = self.failed.iter().position(|f| f.why == failed.why).and_then(|at| self.failed.remove(at))
        {
            failed.times = failed.times.saturating_add(before.times);
        }
        if self.failed.len() >= FAILED {
            self.failed.pop_front();
        }
        self.failed.push_back(failed);
    }

    /// All of them, the last one first.
    pub(super) fn all(&self) -> Vec<RefusedSignIn> {
        let mut all: Vec<RefusedSignIn> = self.refused.iter().chain(&self.failed).rev().cloned().collect();
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
        for (failed, list) in [(false, &self.refused), (true, &self.failed)] {
            for one in list {
                let times = i64::try_from(one.times).unwrap_or(i64::MAX);
                insert.execute((failed, one.at, one.address.to_string(), &one.name, &one.why, times))?;
            }
        }
        Ok(())
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
            all.refuse(one(2000 + i, None, ""));
        }
        assert_eq!((all.all().len(), all.all()[0].at), (REFUSED + FAILED, 2000 + 2 * REFUSED as i64 - 1));
    }
}
