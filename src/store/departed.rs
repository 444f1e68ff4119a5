//! Deleted people and archived groups, with the memberships that they had: kept until their time is over, for those who
//! clear up, and so that whoever comes back is known.

use std::collections::HashSet;

use super::migrate::parse;
use super::resources::count;
use super::search::is_active;
use super::{Change, Indexed, Prepared, Reader, Row, StoreError, Writer};
use crate::scim::catalog::ResourceType;
use crate::scim::json::Object;
use crate::scim::name::fold;
use crate::scim::soft_delete::name_before;

/// Who purges, as change rows name it.
const RETENTION: &str = "retention";
/// Records that are looked at, to be purged, in one transaction.
const BATCH: usize = 100;

/// A resource that leaves the live ones.
#[derive(Debug)]
pub struct Departure<'a> {
    /// What it was.
    pub row: &'a Row,
    /// The ids of its members.
    pub members: &'a [String],
    /// The ids of the groups that it was in.
    pub groups: &'a [String],
    /// Of either, those whose membership was made here.
    pub local: &'a [String],
}

/// A resource that has left.
#[derive(Debug, Clone)]
pub struct Departed {
    /// The key that it had.
    pub pk: i64,
    /// The id that it had, and that nobody else will have.
    pub id: String,
    /// When it was created, in microseconds since 1970.
    pub created: i64,
    /// When it left.
    pub departed: i64,
    /// The number of the change with which it left.
    pub change: i64,
    /// The document as it was.
    pub doc: String,
    /// The ids of the members of a group.
    pub members: Vec<String>,
    /// The ids of the groups that it was in.
    pub groups: Vec<String>,
    /// Of either, those whose membership was made here.
    pub local: HashSet<String>,
}

/// The record of one that has left, for whoever looks at it: of its members only some are named.
#[derive(Debug, Clone)]
pub struct Kept {
    /// The id that it had.
    pub id: String,
    /// When it left, in microseconds since 1970.
    pub departed: i64,
    /// The number of the change with which it left.
    pub change: i64,
    /// The document as it was.
    pub doc: String,
    /// How many members it had.
    pub members: u64,
    /// The ids of the first of them.
    pub named: Vec<String>,
}

impl Kept {
    /// The document as a tree.
    pub fn document(&self) -> Result<Object, StoreError> {
        parse(&self.doc)
    }
}

impl Departed {
    /// The document as a tree.
    pub fn document(&self) -> Result<Object, StoreError> {
        parse(&self.doc)
    }
}

const BY_ID: &str =
    "select pk, id, created, departed, change, doc, members, groups, local from departed where id = ?1 and type = ?2";
const KEPT: &str = "select id, departed, change, doc, json_array_length(members), (select json_group_array(value) from (select value from json_each(members) limit ?3))
     from departed where id = ?1 and type = ?2";
const PAGE: &str = "select id, departed, change, doc, json_array_length(members), (select json_group_array(value) from (select value from json_each(members) limit ?4))
     from departed indexed by departed_by_time where type = ?1 order by departed desc limit ?3 offset ?2";
/// Ids are never used again: whoever has the id of a member is that member.
const STILL_THERE: &str = "select count(*) from departed d cross join json_each(d.members) j cross join resource r on r.id = j.value where d.id = ?1 and d.type = ?2";
const BY_NAME: &str = "select pk, id, created, departed, change, doc, members, groups, local from departed indexed by departed_by_name where type = ?1 and name_key = ?2 order by pk desc";
/// Whoever came back is known by the id of that time.
const LIKE: &str = "select d.id, d.external_id, 1, d.pk from departed d indexed by departed_by_external_id where d.type = ?1 and d.external_id = ?2 and not exists (select 1 from returned t where t.departed = d.id)
     union all select d.id, d.external_id, 0, d.pk from departed d indexed by departed_by_name where d.type = ?1 and d.name_key = ?3 and not exists (select 1 from returned t where t.departed = d.id)
     order by 3 desc, 4 desc";

const LEFT: &str = "select 1 from departed indexed by departed_by_external_id where type = ?1 and external_id = ?2";

fn bound(n: u64) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

fn whole(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn departed(r: &rusqlite::Row<'_>) -> Result<Departed, StoreError> {
    let list = |i: usize| -> Result<Vec<String>, StoreError> { Ok(serde_json::from_str(&r.get::<_, String>(i)?)?) };
    Ok(Departed {
        pk: r.get(0)?,
        id: r.get(1)?,
        created: r.get(2)?,
        departed: r.get(3)?,
        change: r.get(4)?,
        doc: r.get(5)?,
        members: list(6)?,
        groups: list(7)?,
        local: list(8)?.into_iter().collect(),
    })
}

fn kept(r: &rusqlite::Row<'_>) -> Result<Kept, StoreError> {
    Ok(Kept {
        id: r.get(0)?,
        departed: r.get(1)?,
        change: r.get(2)?,
        doc: r.get(3)?,
        members: whole(r.get(4)?),
        named: serde_json::from_str(&r.get::<_, String>(5)?)?,
    })
}

impl Reader<'_> {
    /// The resource of this type that left under this id.
    pub fn departed(&self, of: &ResourceType, id: &str) -> Result<Option<Departed>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_ID)?;
        let mut rows = statement.query((id, self.code(of)))?;
        rows.next()?.map(departed).transpose()
    }

    /// The record of the one of this type that left under this id, with the first `names` of its members.
    pub fn kept(&self, of: &ResourceType, id: &str, names: u64) -> Result<Option<Kept>, StoreError> {
        let mut statement = self.connection().prepare_cached(KEPT)?;
        let mut rows = statement.query((id, self.code(of), bound(names)))?;
        rows.next()?.map(kept).transpose()
    }

    /// The records of those of a type that have left, the last one first, after `offset` of them; of each the first `names`
    /// of its members.
    pub fn kept_page(&self, of: &ResourceType, offset: u64, limit: u64, names: u64) -> Result<Vec<Kept>, StoreError> {
        let mut statement = self.connection().prepare_cached(PAGE)?;
        let mut rows = statement.query((self.code(of), bound(offset), bound(limit), bound(names)))?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            found.push(kept(r)?);
        }
        Ok(found)
    }

    /// How many of the members that an archived group had are still there.
    pub fn members_still_there(&self, of: &ResourceType, id: &str) -> Result<u64, StoreError> {
        let mut statement = self.connection().prepare_cached(STILL_THERE)?;
        Ok(whole(statement.query_row((id, self.code(of)), |r| r.get(0))?))
    }

    /// How many days the records of deleted people are kept; 0: for good.
    pub fn departed_days(&self) -> i64 {
        self.shared().departed_days
    }

    /// How many of a type left before a time.
    pub fn departed_before(&self, of: &ResourceType, time: i64) -> Result<u64, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select count(*) from departed indexed by departed_by_time where type = ?1 and departed < ?2",
        )?;
        Ok(whole(statement.query_row((self.code(of), time), |r| r.get(0))?))
    }

    /// Those of a type that left under a name, already folded; the last one first.
    pub fn departed_named(&self, of: &ResourceType, name_key: &str) -> Result<Vec<Departed>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_NAME)?;
        let mut rows = statement.query((self.code(of), name_key))?;
        let mut found = Vec::new();
        while let Some(r) = rows.next()? {
            found.push(departed(r)?);
        }
        Ok(found)
    }

    /// Has one of a type left before a time, and after another?
    pub(super) fn is_due(&self, code: i64, after: i64, before: i64) -> Result<bool, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select 1 from departed indexed by departed_by_time where type = ?1 and departed > ?2 and departed < ?3 limit 1",
        )?;
        Ok(statement.exists((code, after, before))?)
    }

    /// How many of a type have left.
    pub fn departed_count(&self, of: &ResourceType) -> Result<u64, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select count(*) from departed indexed by departed_by_time where type = ?1")?;
        Ok(whole(statement.query_row([self.code(of)], |r| r.get(0))?))
    }

    /// The keys of those of a type who are here with this externalId, at most so many.
    pub fn keys_of_external_id(&self, of: &ResourceType, external_id: &str, most: u64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select pk from resource indexed by resource_by_external_id where type = ?1 and external_id = ?2 order by pk limit ?3",
        )?;
        let rows = statement.query_map((self.code(of), external_id, bound(most)), |r| r.get(0))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Was there somebody of a type with this externalId who has left, whether he or she came back under another or not?
    pub fn has_left(&self, of: &ResourceType, external_id: &str) -> Result<bool, StoreError> {
        Ok(self.connection().prepare_cached(LEFT)?.exists((self.code(of), external_id))?)
    }

    /// The id under which somebody who comes now was here before: the last one with the same externalId, or else with the
    /// same userName. Two externalIds that differ are two people, whatever they are called.
    pub fn departed_like(&self, of: &ResourceType, new: &Prepared) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(LIKE)?;
        let theirs = new.indexed.external_id.as_deref();
        let mut rows = statement.query((self.code(of), theirs, &new.indexed.name_key))?;
        while let Some(r) = rows.next()? {
            let (id, external_id, by_external_id): (String, Option<String>, bool) = (r.get(0)?, r.get(1)?, r.get(2)?);
            if by_external_id || theirs.is_none() || external_id.is_none() {
                return Ok(Some(id));
            }
        }
        Ok(None)
    }

    /// The ids that somebody had before, the last one first.
    pub fn earlier_ids(&self, id: &str) -> Result<Vec<String>, StoreError> {
        self.chain("select departed from returned where id = ?1", id)
    }

    /// The ids that somebody who left has had since, the next one first.
    pub fn later_ids(&self, id: &str) -> Result<Vec<String>, StoreError> {
        self.chain("select id from returned indexed by returned_by_departed where departed = ?1", id)
    }

    fn chain(&self, sql: &str, id: &str) -> Result<Vec<String>, StoreError> {
        const MOST: usize = 20;
        let mut statement = self.connection().prepare_cached(sql)?;
        let mut found: Vec<String> = Vec::new();
        while found.len() < MOST {
            let mut rows = statement.query([found.last().map_or(id, String::as_str)])?;
            let Some(r) = rows.next()? else { break };
            found.push(r.get(0)?);
        }
        Ok(found)
    }
}

impl Writer<'_> {
    /// Moves a resource to the departed. Its member rows must be gone by then.
    pub fn depart(&mut self, of: &ResourceType, departure: &Departure<'_>) -> Result<(), StoreError> {
        let Departure { row, members, groups, local } = departure;
        let document = row.document()?;
        let indexed = Indexed::of(&document, of);
        let known_as = known_as(&document, of);
        let (now, change) = (self.now(), self.next_change());
        let connection = self.connection();
        connection
            .prepare_cached(
                "insert into departed (pk, id, type, name_key, external_id, created, modified, departed, change, doc, members, groups, local)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
            )?
            .execute((
                row.pk,
                &row.id,
                row.code,
                known_as.as_deref().or(indexed.name_key.as_deref()).unwrap_or(&row.id),
                &indexed.external_id,
                row.created,
                row.modified,
                now,
                change,
                &row.doc,
                serde_json::to_string(members)?,
                serde_json::to_string(groups)?,
                serde_json::to_string(local)?,
            ))?;
        connection.prepare_cached("delete from resource where pk = ?1")?.execute([row.pk])?;
        count(connection, row.code, row.pk, -1)?;
        self.exchange_values(of, row.pk, &indexed.values, &[])?;
        if of.is_user() && !is_active(&document) {
            count(connection, -row.code, row.pk, -1)?;
        }
        if of.is_group() {
            self.raise_graph()?;
        }
        Ok(())
    }

    /// Moves a resource back to the live ones, with its id and the time at which it was created. It comes last in lists:
    /// whoever walks through them at the moment misses nobody.
    ///
    /// Errors: as for [`Writer::insert`].
    pub fn bring_back(
        &mut self,
        of: &ResourceType,
        departed: &Departed,
        document: &Prepared,
    ) -> Result<Row, StoreError> {
        let row = self.insert(of, &departed.id, document)?;
        let connection = self.connection();
        connection
            .prepare_cached("update resource set created = ?2 where pk = ?1")?
            .execute((row.pk, departed.created))?;
        connection.prepare_cached("delete from departed where pk = ?1")?.execute([departed.pk])?;
        Ok(Row { created: departed.created, ..row })
    }

    /// Remembers that somebody was here before.
    pub fn returned(&mut self, id: &str, departed: &str) -> Result<(), StoreError> {
        let change = self.next_change();
        self.connection()
            .prepare_cached("insert into returned (id, departed, change) values (?1, ?2, ?3)")?
            .execute((id, departed, change))?;
        Ok(())
    }

    /// Purges some of those of a type who left before a time, and after another: never somebody whose hand-over is open.
    /// Gives the time of the last one that was looked at, and how many were purged; no time: there are no more.
    pub(super) fn purge_departed(
        &mut self,
        code: i64,
        after: i64,
        before: i64,
    ) -> Result<(Option<i64>, usize), StoreError> {
        let mut all: Vec<(i64, String, i64, bool)> = Vec::new();
        {
            let mut statement = self.connection().prepare_cached(
                "select d.pk, d.id, d.departed, exists (select 1 from handover h where h.person = d.id and +h.status = 'open')
                 from departed d indexed by departed_by_time where d.type = ?1 and d.departed > ?2 and d.departed < ?3 order by d.departed limit ?4",
            )?;
            let mut rows = statement.query((code, after, before, i64::try_from(BATCH).unwrap_or(0)))?;
            while let Some(r) = rows.next()? {
                all.push((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?));
            }
        }
        let last = all.last().filter(|_| all.len() == BATCH).map(|(_, _, at, _)| *at);
        let mut purged = 0;
        for (pk, id, _, _) in all.iter().filter(|(_, _, _, waits)| !waits) {
            self.connection().prepare_cached("delete from departed where pk = ?1")?.execute([pk])?;
            self.connection().prepare_cached("delete from handover where person = ?1")?.execute([id])?;
            self.connection().prepare_cached("delete from role_override where user_id = ?1")?.execute([id])?;
            self.connection().prepare_cached("delete from sign_in where person = ?1")?.execute([id])?;
            self.connection().prepare_cached("delete from idle_exempt where person = ?1")?.execute([id])?;
            self.connection().prepare_cached("delete from origin where resource = ?1")?.execute([id])?;
            let change =
                Change { actor: RETENTION, op: "purge", code: Some(code), resource: Some(id), ..Change::default() };
            self.record(&change)?;
            purged += 1;
        }
        Ok((last, purged))
    }
}

/// The folded name by which somebody is known who left under the name of a soft deletion.
fn known_as(document: &Object, of: &ResourceType) -> Option<String> {
    if !of.is_user() {
        return None;
    }
    name_before(document.get("userName")?.as_str()?, is_active(document)).map(fold)
}
