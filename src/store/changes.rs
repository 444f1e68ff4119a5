//! One row for every write: who changed what, when and by which request.

use rusqlite::{Connection, OptionalExtension};

use super::resources::{BLOCK_BITS, count};
use super::{Reader, StoreError, Writer};

/// How long change rows are kept, in microseconds.
const KEPT: i64 = 400 * 24 * 3600 * 1_000_000;
/// How many bytes of them, at most.
const KEPT_BYTES: i64 = 2 << 30;
/// `block.type` under which the bytes of change rows are counted.
const BYTES: i64 = 0;

/// One write, for the record. It holds no secret.
#[derive(Debug, Default)]
pub struct Change<'a> {
    /// `token:ID`, `admin:NAME`, `command:NAME`, `retention`, `guard`, or `automatic`.
    pub actor: &'a str,
    /// The request id that the log shows.
    pub request: Option<&'a str>,
    /// What was done.
    pub op: &'a str,
    /// The code of the resource's type.
    pub code: Option<i64>,
    /// The resource's id.
    pub resource: Option<&'a str>,
    /// JSON of the attributes that changed, as they were.
    pub before: Option<String>,
    /// And as they became.
    pub after: Option<String>,
    /// Members that came.
    pub added: Vec<String>,
    /// Members that went.
    pub removed: Vec<String>,
}

impl Writer<'_> {
    /// Records a write under [`Writer::next_change`].
    pub fn record(&mut self, change: &Change<'_>) -> Result<(), StoreError> {
        let list = |ids: &[String]| -> Result<Option<String>, StoreError> {
            Ok(if ids.is_empty() { None } else { Some(serde_json::to_string(ids)?) })
        };
        let (added, removed) = (list(&change.added)?, list(&change.removed)?);
        let size = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let bytes = 100 + size(&change.before) + size(&change.after) + size(&added) + size(&removed);
        let (n, now) = (self.next_change(), self.now());
        let connection = self.connection();
        connection
            .prepare_cached(
                "insert into change (n, at, actor, request, op, type, resource, before, after, added, removed)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                n,
                now,
                change.actor,
                change.request.filter(|r| !r.is_empty()),
                change.op,
                change.code,
                change.resource,
                &change.before,
                &change.after,
                added,
                removed,
            ))?;
        count(connection, BYTES, n, i64::try_from(bytes).unwrap_or(0))?;
        self.change_made();
        Ok(())
    }
}

/// A recorded write, to look at.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// Its number.
    pub n: i64,
    /// When it was made, in microseconds since 1970.
    pub at: i64,
    /// `token:ID`, `admin:NAME` or `command:NAME`.
    pub actor: String,
    /// The request id that the log shows.
    pub request: Option<String>,
    /// What was done.
    pub op: String,
    /// JSON of the attributes that changed, as they were.
    pub before: Option<String>,
    /// And as they became.
    pub after: Option<String>,
    /// How many members came.
    pub added: u64,
    /// How many members went.
    pub removed: u64,
    /// What it changed is too long for a history: `before` and `after` are left out.
    pub cut: bool,
}

/// Bytes of what one write changed, at most, in a history.
const SHOWN: i64 = 64 << 10;

fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<ChangeRow> {
    let count = |i| Ok::<_, rusqlite::Error>(u64::try_from(r.get::<_, i64>(i)?).unwrap_or(0));
    Ok(ChangeRow {
        n: r.get(0)?,
        at: r.get(1)?,
        actor: r.get(2)?,
        request: r.get(3)?,
        op: r.get(4)?,
        before: r.get(5)?,
        after: r.get(6)?,
        added: count(7)?,
        removed: count(8)?,
        cut: false,
    })
}

impl Reader<'_> {
    /// The writes that one resource has seen, the latest first: at most `limit` of those before number `before`.
    pub fn history(&self, resource: &str, before: i64, limit: u64) -> Result<Vec<ChangeRow>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select n, at, actor, request, op, iif(long, null, before), iif(long, null, after),
                 coalesce(json_array_length(added), 0), coalesce(json_array_length(removed), 0), long
             from (select *, coalesce(octet_length(before), 0) + coalesce(octet_length(after), 0) > ?4 as long
                 from change indexed by change_by_resource where resource = ?1 and n < ?2 order by n desc limit ?3)",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let cut = |r: &rusqlite::Row<'_>| Ok(ChangeRow { cut: r.get(9)?, ..row(r)? });
        Ok(statement.query_map((resource, before, limit, SHOWN), cut)?.collect::<Result<_, _>>()?)
    }

    /// The writes that one resource's attributes have seen, the latest first, one at a time: at most `limit`, and as long as
    /// somebody wants more.
    pub fn each_attribute_change(
        &self,
        resource: &str,
        limit: u64,
        mut each: impl FnMut(ChangeRow) -> bool,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select n, at, actor, request, op, before, after, coalesce(json_array_length(added), 0), coalesce(json_array_length(removed), 0)
             from change indexed by change_by_resource where resource = ?1 and op in ('create', 'replace', 'patch') order by n desc limit ?2",
        )?;
        let mut rows = statement.query((resource, i64::try_from(limit).unwrap_or(i64::MAX)))?;
        while let Some(r) = rows.next()? {
            if !each(row(r)?) {
                break;
            }
        }
        Ok(())
    }

    /// Who has made the last writes, see [`Reader::each_attribute_change`]: everybody once.
    pub fn attribute_writers(&self, resource: &str, limit: u64) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select distinct actor from (select actor from change indexed by change_by_resource
             where resource = ?1 and op in ('create', 'replace', 'patch') order by n desc limit ?2)",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        Ok(statement.query_map((resource, limit), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The write of this number, as far as it is still recorded.
    pub fn change(&self, n: i64) -> Result<Option<ChangeRow>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select n, at, actor, request, op, before, after, coalesce(json_array_length(added), 0), coalesce(json_array_length(removed), 0)
             from change where n = ?1",
        )?;
        Ok(statement.query_map([n], row)?.next().transpose()?)
    }

    /// The latest write in which what stands at a JSON path became something else, or with which the resource began, as far
    /// as it is still recorded.
    pub fn last_change_at(&self, resource: &str, path: &str) -> Result<Option<ChangeRow>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select n, at, actor, request, op, before, after, coalesce(json_array_length(added), 0), coalesce(json_array_length(removed), 0)
             from change indexed by change_by_resource
             where resource = ?1 and (op = 'create' or json_extract(before, ?2) is not json_extract(after, ?2)) order by n desc limit 1",
        )?;
        Ok(statement.query_map((resource, path), row)?.next().transpose()?)
    }

    /// Who made the write of this number, as far as it is still recorded.
    pub fn change_actor(&self, n: i64) -> Result<Option<String>, StoreError> {
        let mut statement = self.connection().prepare_cached("select actor from change where n = ?1")?;
        let mut rows = statement.query([n])?;
        Ok(match rows.next()? {
            Some(row) => Some(row.get(0)?),
            None => None,
        })
    }

    /// Who made a resource, as far as that is known. It outlives the change row.
    pub fn origin(&self, resource: &str) -> Result<Option<String>, StoreError> {
        for sql in [
            "select actor from change indexed by change_by_resource where resource = ?1 and op = 'create' order by n limit 1",
            "select actor from origin where resource = ?1",
        ] {
            let actor = self.connection().prepare_cached(sql)?.query_row([resource], |r| r.get(0)).optional()?;
            if actor.is_some() {
                return Ok(actor);
            }
        }
        Ok(None)
    }
}

/// Drops the oldest block of change rows when it is too old or all of them are too many; never the newest block.
pub(super) fn purge(connection: &Connection, now: i64) -> Result<(), StoreError> {
    let (oldest, newest, total): (Option<i64>, Option<i64>, i64) = connection
        .prepare_cached("select min(block), max(block), coalesce(sum(n), 0) from block where type = ?1")?
        .query_row([BYTES], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?;
    let (Some(oldest), true) = (oldest, oldest < newest) else { return Ok(()) };
    let end = (oldest + 1) << BLOCK_BITS;
    let last: Option<i64> = connection
        .prepare_cached("select max(at) from (select at from change where n < ?1 order by n desc limit 1)")?
        .query_row([end], |r| r.get(0))?;
    if total <= KEPT_BYTES && last.is_some_and(|at| at > now - KEPT) {
        return Ok(());
    }
    connection.execute_batch("begin immediate")?;
    let purged = purge_block(connection, oldest, end);
    if purged.is_err() && !connection.is_autocommit() {
        connection.execute_batch("rollback")?;
    }
    purged
}

fn purge_block(connection: &Connection, block: i64, end: i64) -> Result<(), StoreError> {
    // Who has made somebody counts for as long as there is anything of that one.
    connection.execute(
        "insert or ignore into origin (resource, actor)
         select c.resource, c.actor from change c where c.n < ?1 and c.op = 'create'
         and (exists (select 1 from resource r where r.id = c.resource) or exists (select 1 from departed d where d.id = c.resource))",
        [end],
    )?;
    connection.execute("delete from change where n < ?1", [end])?;
    connection.execute("delete from block where type = ?1 and block = ?2", (BYTES, block))?;
    super::migrate::set(connection, "change_floor", &end.to_string())?;
    connection.execute_batch("commit")?;
    Ok(())
}
