//! What automatic deactivation goes by: how it is set, whom it passes over, when people signed in, and when anything was last
//! heard of them.

use super::{Reader, StoreError, Writer};
use crate::scim::catalog::ResourceType;

/// Since when people can sign in by single sign-on, in microseconds since 1970; absent: they cannot.
const SSO_SINCE: &str = "sso_since";

/// How automatic deactivation is set. Times are microseconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleRule {
    /// Days without sign-in or contact.
    pub days: i64,
    /// Since when single sign-on was on when this was announced; none: it was switched off after that.
    pub sso: Option<i64>,
    /// When it was announced.
    pub announced: i64,
    /// Nobody is deactivated before this time.
    pub due: i64,
    /// People whom the announcement, or the confirmation after it, has counted.
    pub shown: u64,
    /// People whom a run would have taken that waits to be confirmed.
    pub waits: Option<u64>,
    /// When an administrator confirmed the run that is due.
    pub confirmed: Option<i64>,
    /// When the last run came to its end.
    pub ran: Option<i64>,
}

/// Somebody, and when anything was last heard of him or her, in microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LastContact {
    /// When.
    pub at: i64,
    /// The key.
    pub pk: i64,
}

/// Who is active, not exempt, and not heard of after a time. Contact is the last change of the person's own record, the
/// last sign-in, and the last use of a token that is bound to the person.
const IDLE: &str = "select r.pk, max(r.modified, coalesce((select s.at from sign_in s where s.person = r.id), 0), coalesce((select max(t.last_used) from token t indexed by token_by_subject where t.subject = r.id), 0))
     from resource r indexed by resource_by_modified where r.type = ?1 and r.modified <= ?2
     and not exists (select 1 from sign_in s where s.person = r.id and s.at > ?2)
     and not exists (select 1 from token t indexed by token_by_subject where t.subject = r.id and t.last_used > ?2)
     and not exists (select 1 from idle_exempt e where e.person = r.id)
     and json_extract(r.doc, '$.active') is not 0 order by r.modified";
/// The same of one person.
const IDLE_ONE: &str = "select r.pk, max(r.modified, coalesce((select s.at from sign_in s where s.person = r.id), 0), coalesce((select max(t.last_used) from token t indexed by token_by_subject where t.subject = r.id), 0))
     from resource r where r.pk = ?3 and r.type = ?1 and r.modified <= ?2
     and not exists (select 1 from sign_in s where s.person = r.id and s.at > ?2)
     and not exists (select 1 from token t indexed by token_by_subject where t.subject = r.id and t.last_used > ?2)
     and not exists (select 1 from idle_exempt e where e.person = r.id)
     and json_extract(r.doc, '$.active') is not 0";

fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn whole(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn contact(r: &rusqlite::Row<'_>) -> rusqlite::Result<LastContact> {
    Ok(LastContact { pk: r.get(0)?, at: r.get(1)? })
}

impl Reader<'_> {
    /// How automatic deactivation is set; none: it is off.
    pub fn idle_rule(&self) -> Result<Option<IdleRule>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select days, sso, announced, due, shown, waits, confirmed, ran from idle where id = 1")?;
        let mut rows = statement.query([])?;
        Ok(match rows.next()? {
            Some(r) => Some(IdleRule {
                days: r.get(0)?,
                sso: r.get(1)?,
                announced: r.get(2)?,
                due: r.get(3)?,
                shown: natural(r.get(4)?),
                waits: r.get::<_, Option<i64>>(5)?.map(natural),
                confirmed: r.get(6)?,
                ran: r.get(7)?,
            }),
            None => None,
        })
    }

    /// Since when people can sign in by single sign-on, in microseconds since 1970.
    pub fn sso_since(&self) -> Result<Option<i64>, StoreError> {
        Ok(self.setting(SSO_SINCE)?.and_then(|since| since.parse().ok()))
    }

    /// When the person with this id last signed in by single sign-on.
    pub fn last_sign_in(&self, person: &str) -> Result<Option<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached("select at from sign_in where person = ?1")?;
        let mut rows = statement.query([person])?;
        Ok(rows.next()?.map(|r| r.get(0)).transpose()?)
    }

    /// Those of a type who are active, not exempt, and not heard of after a time. Without those who signed in since it is a
    /// walk over an index of the others: 100,000 of them take some tenths of a second.
    pub fn idle_people(&self, of: &ResourceType, time: i64) -> Result<Vec<LastContact>, StoreError> {
        let mut statement = self.connection().prepare_cached(IDLE)?;
        Ok(statement.query_map((self.code(of), time), contact)?.collect::<Result<_, _>>()?)
    }

    /// The one of a type with this key, if that holds for him or her.
    pub fn idle_person(&self, of: &ResourceType, time: i64, pk: i64) -> Result<Option<LastContact>, StoreError> {
        let mut statement = self.connection().prepare_cached(IDLE_ONE)?;
        Ok(statement.query_map((self.code(of), time, pk), contact)?.next().transpose()?)
    }

    /// Does automatic deactivation pass over the person with this id?
    pub fn is_idle_exempt(&self, person: &str) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached("select 1 from idle_exempt where person = ?1")?;
        Ok(statement.exists([person])?)
    }

    /// The ids of those whom it passes over: after `offset` of them.
    pub fn idle_exempt(&self, offset: u64, limit: u64) -> Result<Vec<String>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select person from idle_exempt where person > '' order by person limit ?2 offset ?1")?;
        Ok(statement.query_map((whole(offset), whole(limit)), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// How many they are.
    pub fn idle_exempt_count(&self) -> Result<u64, StoreError> {
        let mut statement = self.connection().prepare_cached("select count(*) from idle_exempt where person > ''")?;
        Ok(natural(statement.query_row([], |r| r.get(0))?))
    }
}

impl Writer<'_> {
    /// People can sign in by single sign-on since now; none: they cannot.
    pub fn set_sso_since(&mut self, at: Option<i64>) -> Result<(), StoreError> {
        match at {
            Some(at) => self.set_setting(SSO_SINCE, &at.to_string()),
            None => self.drop_setting(SSO_SINCE),
        }
    }

    /// Somebody has signed in by single sign-on. Called in the transaction that begins the session.
    pub fn note_sign_in(&mut self, person: &str, at: i64) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached(
                "insert into sign_in (person, at) values (?1, ?2) on conflict (person) do update set at = max(at, excluded.at)",
            )?
            .execute((person, at))?;
        Ok(())
    }

    /// Sets automatic deactivation; none: it is off.
    pub fn put_idle_rule(&mut self, rule: Option<&IdleRule>) -> Result<(), StoreError> {
        match rule {
            Some(rule) => self
                .connection()
                .prepare_cached(
                    "insert or replace into idle (id, days, sso, announced, due, shown, waits, confirmed, ran)
                     values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                )?
                .execute((
                    rule.days,
                    rule.sso,
                    rule.announced,
                    rule.due,
                    whole(rule.shown),
                    rule.waits.map(whole),
                    rule.confirmed,
                    rule.ran,
                ))?,
            None => self.connection().prepare_cached("delete from idle where id = 1")?.execute([])?,
        };
        self.raise_control()
    }

    /// Makes automatic deactivation pass over somebody, or no longer.
    pub fn put_idle_exempt(&mut self, person: &str, exempt: bool) -> Result<(), StoreError> {
        let change = self.next_change();
        match exempt {
            true => self
                .connection()
                .prepare_cached(
                    "insert into idle_exempt (person, change) values (?1, ?2) on conflict (person) do nothing",
                )?
                .execute((person, change))?,
            false => {
                self.connection().prepare_cached("delete from idle_exempt where person = ?1")?.execute([person])?
            }
        };
        self.raise_control()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::{Options, Store, StoreError, Weight};
    use super::LastContact;
    use crate::clock::Clock;
    use crate::scim::catalog::Catalog;
    use crate::scim::json::Object;
    use crate::scim::resource::settle;
    use crate::store::Prepared;

    #[test]
    fn a_sign_in_is_contact_and_an_older_one_takes_nothing_back() {
        let folder = tempfile::tempdir().unwrap();
        let options = Options::at(folder.path().join("x.db"));
        let catalog = Arc::new(Catalog::built_in().unwrap());
        let (store, threads) = Store::open(&options, catalog, Clock::System).unwrap();
        let write = store.write(Weight::Light, |writer| {
            let of = writer.catalog().resource_type("User").unwrap().clone();
            let mut document = Object::new();
            document.push("userName", "ada");
            settle(&mut document, &of);
            let row = writer.insert(&of, "id-ada", &Prepared::of(document, &of))?;
            let at = row.modified;
            let silent = |writer: &super::Reader<'_>, time| writer.idle_person(&of, time, row.pk);
            assert_eq!(silent(writer, at)?, Some(LastContact { at, pk: row.pk }));
            assert_eq!(silent(writer, at - 1)?, None);
            writer.note_sign_in("id-ada", at + 50)?;
            writer.note_sign_in("id-ada", at + 20)?;
            assert_eq!(silent(writer, at + 49)?, None);
            assert_eq!(silent(writer, at + 50)?, Some(LastContact { at: at + 50, pk: row.pk }));
            assert_eq!(writer.idle_people(&of, at + 50)?, [LastContact { at: at + 50, pk: row.pk }]);
            writer.put_idle_exempt("id-ada", true)?;
            assert_eq!((silent(writer, at + 50)?, writer.idle_people(&of, at + 50)?), (None, Vec::new()));
            Err::<(), _>(StoreError::Busy)
        });
        assert!(matches!(write.wait(), Err(StoreError::Busy)));
        drop(store);
        threads.join();
    }
}
