//! Live resources, in `resource`, with their folded values in `value` and their counts in `block`. Deleted ones are those of
//! [`super::departed`].

use rusqlite::Connection;

use super::migrate::parse;
use super::search::is_active;
use super::{Reader, StoreError, Writer, values};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::project::is_plain;

/// Keys of one row of `block`.
pub(super) const BLOCK_BITS: i64 = 10;

/// A live resource as it is stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its key: the order of lists.
    pub pk: i64,
    /// Its id.
    pub id: String,
    /// The code of its type.
    pub code: i64,
    /// When it was created, in microseconds since 1970.
    pub created: i64,
    /// When it was last modified.
    pub modified: i64,
    /// The number of the change that last wrote it.
    pub version: i64,
    /// How many members it has.
    pub members: u64,
    /// The document may be shown as it is.
    pub plain: bool,
    /// The document: canonical JSON without id, meta, groups and members.
    pub doc: String,
}

impl Row {
    /// The document as a tree.
    pub fn document(&self) -> Result<Object, StoreError> {
        parse(&self.doc)
    }
}

/// What of a document stands in index columns and in `value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Indexed {
    /// The folded unique name: userName, or a group's displayName. Declared types have none; their rows have the id there.
    pub name_key: Option<String>,
    /// externalId as sent.
    pub external_id: Option<String>,
    /// The folded displayName of a user or group.
    pub display_key: Option<String>,
    /// What `members.display` shows: displayName, or the formatted name; somebody who has neither has none.
    pub label: Option<String>,
    /// The keys of what is looked up or unique.
    pub values: Vec<(i64, String)>,
}

impl Indexed {
    /// What a document of this type has to be found by.
    pub fn of(document: &Object, of: &ResourceType) -> Indexed {
        let text = |name: &str| document.get(name).and_then(Json::as_str);
        let external_id = text("externalId").map(str::to_owned);
        let values = values::keys_of(document, of);
        let Some(naming) = of.naming() else {
            return Indexed { name_key: None, external_id, display_key: None, label: None, values };
        };
        let display = text("displayName");
        let formatted =
            document.get("name").and_then(Json::as_object).and_then(|n| n.get("formatted")).and_then(Json::as_str);
        Indexed {
            name_key: Some(fold(text(&naming.name).unwrap_or(""))),
            external_id,
            display_key: display.map(fold),
            label: [display, formatted].into_iter().flatten().find(|d| !d.is_empty()).map(str::to_owned),
            values,
        }
    }
}

/// A document that is ready to be stored: everything that can be computed away from the writer thread.
#[derive(Debug, Clone)]
pub struct Prepared {
    /// The document.
    pub document: Object,
    pub(super) indexed: Indexed,
    text: String,
    plain: bool,
}

impl Prepared {
    /// Prepares a canonical document.
    pub fn of(document: Object, of: &ResourceType) -> Prepared {
        let indexed = Indexed::of(&document, of);
        let plain = is_plain(&document, of);
        let text = document.text();
        Prepared { document, indexed, text, plain }
    }
}

/// The three ways to a row; the columns are those of [`row`]. Whole texts, so that the test of query plans finds them.
const BY_ID: &str = "select r.pk, r.id, r.type, r.created, r.modified, r.version, r.members, r.plain, r.doc from resource r where r.id = ?1 and r.type = ?2";
const BY_KEY: &str = "select r.pk, r.id, r.type, r.created, r.modified, r.version, r.members, r.plain, r.doc from resource r where r.pk = ?1";
const ALL: &str = "select r.pk, r.id, r.type, r.created, r.modified, r.version, r.members, r.plain, r.doc from resource r indexed by resource_by_type where r.type = ?1 order by r.pk";

fn row(r: &rusqlite::Row<'_>) -> rusqlite::Result<Row> {
    Ok(Row {
        pk: r.get(0)?,
        id: r.get(1)?,
        code: r.get(2)?,
        created: r.get(3)?,
        modified: r.get(4)?,
        version: r.get(5)?,
        members: natural(r, 6)?,
        plain: r.get(7)?,
        doc: r.get(8)?,
    })
}

/// A count: SQLite has no unsigned integers, and none of ours is negative.
fn natural(r: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    Ok(u64::try_from(r.get::<_, i64>(column)?).unwrap_or(0))
}

impl Reader<'_> {
    /// The live resource of this type and id.
    pub fn find(&self, of: &ResourceType, id: &str) -> Result<Option<Row>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_ID)?;
        let mut rows = statement.query((id, self.code(of)))?;
        Ok(match rows.next()? {
            Some(r) => Some(row(r)?),
            None => None,
        })
    }

    /// The key of the live resource of this type with this unique name, already folded.
    pub fn key_by_name(&self, of: &ResourceType, name_key: &str) -> Result<Option<i64>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select pk from resource where type = ?1 and name_key = ?2")?;
        let mut rows = statement.query((self.code(of), name_key))?;
        Ok(match rows.next()? {
            Some(r) => Some(r.get(0)?),
            None => None,
        })
    }

    /// The live resources with these keys, in the order of the keys; keys that are gone are left out.
    pub fn rows(&self, keys: &[i64]) -> Result<Vec<Row>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_KEY)?;
        let mut found = Vec::with_capacity(keys.len());
        for key in keys {
            let mut rows = statement.query([key])?;
            if let Some(r) = rows.next()? {
                found.push(row(r)?);
            }
        }
        Ok(found)
    }

    /// How many live resources of a type there are: a sum over blocks, not a count over rows.
    pub fn total(&self, of: &ResourceType) -> Result<u64, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select coalesce(sum(n), 0) from block where type = ?1")?;
        Ok(statement.query_row([self.code(of)], |r| natural(r, 0))?)
    }

    /// How many live people are deactivated: a sum over blocks as well.
    pub fn inactive(&self, of: &ResourceType) -> Result<u64, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select coalesce(sum(n), 0) from block where type = ?1")?;
        Ok(statement.query_row([-self.code(of)], |r| natural(r, 0))?)
    }

    /// How many live resources of a type come after a key.
    pub fn total_after(&self, of: &ResourceType, key: i64) -> Result<u64, StoreError> {
        let code = self.code(of);
        let (block, end) = (key >> BLOCK_BITS, ((key >> BLOCK_BITS) + 1) << BLOCK_BITS);
        let mut blocks =
            self.connection().prepare_cached("select coalesce(sum(n), 0) from block where type = ?1 and block > ?2")?;
        let mut rest = self.connection().prepare_cached(
            "select count(*) from resource indexed by resource_by_type where type = ?1 and pk > ?2 and pk < ?3",
        )?;
        let later = blocks.query_row((code, block), |r| natural(r, 0))?;
        Ok(later + rest.query_row((code, key, end), |r| natural(r, 0))?)
    }

    /// The keys of a page of all live resources of a type, in the order of their creation: after `offset` of them.
    /// Whole blocks are skipped, so that the last page costs what the first one does.
    pub fn page(&self, of: &ResourceType, offset: u64, limit: u64) -> Result<Vec<i64>, StoreError> {
        let code = self.code(of);
        let mut statement =
            self.connection().prepare_cached("select block, n from block where type = ?1 order by block")?;
        let mut rows = statement.query([code])?;
        let mut left = offset;
        while let Some(r) = rows.next()? {
            let (block, n): (i64, u64) = (r.get(0)?, natural(r, 1)?);
            if left < n {
                return self.keys_from(code, block << BLOCK_BITS, left, limit);
            }
            left -= n;
        }
        Ok(Vec::new())
    }

    /// The keys of a page of all live resources of a type that come after a key.
    pub fn page_after(&self, of: &ResourceType, key: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
        self.keys_from(self.code(of), key.saturating_add(1), 0, limit)
    }

    /// The keys of the live resources of a type that come before a key, as many as there may be of the last ones; in the
    /// order of their creation.
    pub fn page_before(&self, of: &ResourceType, key: i64, limit: u64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select pk from resource indexed by resource_by_type where type = ?1 and pk < ?2 order by pk desc limit ?3",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let mut keys: Vec<i64> =
            statement.query_map((self.code(of), key, limit), |r| r.get(0))?.collect::<Result<_, _>>()?;
        keys.reverse();
        Ok(keys)
    }

    fn keys_from(&self, code: i64, from: i64, skip: u64, limit: u64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select pk from resource indexed by resource_by_type where type = ?1 and pk >= ?2 order by pk limit ?4 offset ?3",
        )?;
        let bound = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(statement.query_map((code, from, bound(skip), bound(limit)), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// Calls `each` for every live resource of a type, in the order of creation, until it says stop.
    pub fn scan(
        &self,
        of: &ResourceType,
        mut each: impl FnMut(Row) -> Result<bool, StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection().prepare_cached(ALL)?;
        let mut rows = statement.query([self.code(of)])?;
        while let Some(r) = rows.next()? {
            if !each(row(r)?)? {
                break;
            }
        }
        Ok(())
    }
}

impl Writer<'_> {
    /// Stores a new resource. The change row comes after it, under [`Writer::next_change`].
    ///
    /// Errors: [`StoreError::Taken`] when the unique name is there already: the index decides, whatever was asked before;
    /// [`StoreError::TakenValue`] for another unique attribute.
    pub fn insert(&mut self, of: &ResourceType, id: &str, new: &Prepared) -> Result<Row, StoreError> {
        let (code, now, version) = (self.code(of), self.now(), self.next_change());
        let connection = self.connection();
        connection
            .prepare_cached(
                "insert into resource (id, type, name_key, external_id, display_key, label, created, modified, version, plain, doc)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10)",
            )?
            .execute((
                id,
                code,
                new.indexed.name_key.as_deref().unwrap_or(id),
                &new.indexed.external_id,
                &new.indexed.display_key,
                &new.indexed.label,
                now,
                version,
                new.plain,
                &new.text,
            ))?;
        let pk = connection.last_insert_rowid();
        count(connection, code, pk, 1)?;
        self.exchange_values(of, pk, &[], &new.indexed.values)?;
        if of.is_user() && !is_active(&new.document) {
            count(connection, -code, pk, 1)?;
        }
        if of.is_group() {
            self.raise_graph()?;
        }
        let (id, doc) = (id.to_owned(), new.text.clone());
        Ok(Row { pk, id, code, created: now, modified: now, version, members: 0, plain: new.plain, doc })
    }

    /// Replaces the document of a live resource, and gives the row as it is then.
    ///
    /// Errors: as for [`Writer::insert`].
    pub fn update(&mut self, of: &ResourceType, row: &Row, before: &Object, new: &Prepared) -> Result<Row, StoreError> {
        let old = Indexed::of(before, of);
        let (now, version) = (self.now(), self.next_change());
        let connection = self.connection();
        connection
            .prepare_cached("update resource set modified = ?2, version = ?3, plain = ?4, doc = ?5 where pk = ?1")?
            .execute((row.pk, now, version, new.plain, &new.text))?;
        if old != new.indexed {
            let i = &new.indexed;
            connection
                .prepare_cached(
                    "update resource set name_key = coalesce(?2, name_key), external_id = ?3, display_key = ?4, label = ?5 where pk = ?1",
                )?
                .execute((row.pk, &i.name_key, &i.external_id, &i.display_key, &i.label))?;
            self.exchange_values(of, row.pk, &old.values, &i.values)?;
            if of.is_group() && old.label != i.label {
                self.raise_graph()?;
            }
        }
        match (is_active(before), is_active(&new.document)) {
            (true, false) if of.is_user() => count(connection, -row.code, row.pk, 1)?,
            (false, true) if of.is_user() => count(connection, -row.code, row.pk, -1)?,
            _ => {}
        }
        Ok(Row { modified: now, version, plain: new.plain, doc: new.text.clone(), ..row.clone() })
    }

    /// Marks a resource as written by the change that is being made: its members changed, its document did not.
    pub fn touch(&mut self, pk: i64) -> Result<(), StoreError> {
        let (now, version) = (self.now(), self.next_change());
        self.connection()
            .prepare_cached("update resource set modified = ?2, version = ?3 where pk = ?1")?
            .execute((pk, now, version))?;
        Ok(())
    }
}

/// Counts a live resource in, or out; or the bytes of a change row, under the type 0; or somebody who is deactivated, under
/// the type of people with a minus.
pub(super) fn count(connection: &Connection, code: i64, pk: i64, n: i64) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "insert into block (type, block, n) values (?1, ?2, ?3)
             on conflict (type, block) do update set n = n + excluded.n",
        )?
        .execute((code, pk >> BLOCK_BITS, n))?;
    if n < 0 {
        connection
            .prepare_cached("delete from block where type = ?1 and block = ?2 and n = 0")?
            .execute((code, pk >> BLOCK_BITS))?;
    }
    Ok(())
}
