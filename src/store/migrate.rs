//! Numbered migrations, and what a newer program has to redo in an older file.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, TransactionBehavior};

use super::resources::Indexed;
use super::{StoreError, values};
use crate::clock::Clock;
use crate::scim::catalog::Catalog;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold_version;
use crate::scim::project::is_plain;
use crate::secret;

/// Marks a file as ours ("SCIM").
pub(super) const APPLICATION_ID: i32 = 0x5343_494d;

/// In order; the first one makes `user_version` 1.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_directory.sql"),
    include_str!("migrations/0002_token_subject.sql"),
    include_str!("migrations/0003_settings_page.sql"),
    include_str!("migrations/0004_roles.sql"),
    include_str!("migrations/0005_lifecycle.sql"),
    include_str!("migrations/0006_handover.sql"),
    include_str!("migrations/0007_idle.sql"),
    include_str!("migrations/0008_sso.sql"),
    include_str!("migrations/0009_refused_sign_ins.sql"),
    include_str!("migrations/0010_origin.sql"),
];

/// The version of files that this program writes.
pub(super) fn version() -> i32 {
    i32::try_from(MIGRATIONS.len()).unwrap_or(i32::MAX)
}

/// Is the file of an older version, and not a new one?
pub(super) fn is_due(connection: &Connection) -> Result<bool, StoreError> {
    let found: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
    Ok(found > 0 && found < version())
}

/// Brings a file to this program's version, each migration in its own transaction.
///
/// Errors: [`StoreError::Unusable`] for a file of a newer version, and for one that is another program's.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    loop {
        // Whoever finds nothing to do waits for no writer.
        let found: i32 = connection.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if found == version() {
            return check(connection, found);
        }
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found: i32 = transaction.pragma_query_value(None, "user_version", |r| r.get(0))?;
        check(&transaction, found)?;
        let Some(sql) = usize::try_from(found).ok().and_then(|v| MIGRATIONS.get(v)) else { return Ok(()) };
        transaction.execute_batch(sql)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.pragma_update(None, "user_version", found + 1)?;
        transaction.commit()?;
    }
}

/// Is it a file that this program can work with?
pub(super) fn check(connection: &Connection, found: i32) -> Result<(), StoreError> {
    let id: i32 = connection.pragma_query_value(None, "application_id", |r| r.get(0))?;
    let tables: i64 = connection.query_row("select count(*) from sqlite_schema", [], |r| r.get(0))?;
    if id != APPLICATION_ID && tables > 0 {
        return Err(StoreError::Unusable("the file is an SQLite database of another program".into()));
    }
    if found > version() {
        return Err(StoreError::Unusable(format!(
            "the database has version {found}, written by a newer scim-appliance; this one knows up to {}",
            version()
        )));
    }
    Ok(())
}

/// Registers the catalog's resource types and gives their codes; redoes what depends on definitions and on Unicode's
/// tables when those have changed since a server last opened the file.
///
/// A command leaves that to the server: it may have read a configuration that the server, running on this file at the
/// moment, has not.
pub(super) fn register(
    connection: &mut Connection,
    catalog: &Catalog,
    clock: &Clock,
    serves: bool,
) -> Result<HashMap<String, i64>, StoreError> {
    let fingerprint = secret::fingerprint(&catalog.fingerprint_text());
    let (fold_now, catalog_now) = (fold_version(), fingerprint);
    let is_current = |connection: &Connection| -> Result<bool, StoreError> {
        let known = |name: &str| setting(connection, name);
        let same = known("fold")?.as_ref() == Some(&fold_now) && known("catalog")?.as_ref() == Some(&catalog_now);
        Ok(known("file_tag")?.is_some() && (same || !serves))
    };
    if is_current(connection)? {
        return types(connection);
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let tag = secret::random_text(8).map_err(|e| StoreError::Unusable(e.to_string()))?;
    let known = |name: &str| setting(&transaction, name);
    if known("file_tag")?.is_none() {
        set(&transaction, "file_tag", &tag)?;
        set(&transaction, "created", &clock.now().to_string())?;
    }
    let catalog_then = known("catalog")?;
    if serves {
        for of in &catalog.resource_types {
            transaction
                .execute("insert into resource_type (name) values (?1) on conflict (name) do nothing", [&of.name])?;
        }
        let count = reindex(&transaction, catalog, &types(&transaction)?)?;
        set(&transaction, "fold", &fold_now)?;
        set(&transaction, "catalog", &catalog_now)?;
        if catalog_then.is_some_and(|then| then != catalog_now) {
            // What is shown of a resource may be something else now: no version of before may pass for it.
            set(&transaction, "file_tag", &tag)?;
            tracing::info!(resources = count, "the definitions of attributes have changed; the indexes are new");
        }
    }
    let types = types(&transaction)?;
    transaction.commit()?;
    Ok(types)
}

/// The codes of all resource types that the file has ever known.
fn types(connection: &Connection) -> Result<HashMap<String, i64>, StoreError> {
    let mut statement = connection.prepare("select name, code from resource_type")?;
    Ok(statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
}

/// Makes every index anew, and gives the number of resources. What belongs to a type that is no longer declared stays
/// as it is and is in no index.
fn reindex(connection: &Connection, catalog: &Catalog, types: &HashMap<String, i64>) -> Result<u64, StoreError> {
    connection.execute("delete from value", [])?;
    let mut count = 0;
    for of in &catalog.resource_types {
        let code = types.get(&of.name);
        let mut rows = connection.prepare("select pk, doc from resource where type = ?1")?;
        let mut update = connection.prepare(
            "update resource set name_key = coalesce(?2, name_key), external_id = ?3, display_key = ?4, label = ?5, plain = ?6 where pk = ?1",
        )?;
        let mut found = rows.query([code])?;
        while let Some(row) = found.next()? {
            let (pk, doc): (i64, String) = (row.get(0)?, row.get(1)?);
            let document = parse(&doc)?;
            let indexed = Indexed::of(&document, of);
            let plain = is_plain(&document, of);
            update
                .execute((pk, &indexed.name_key, &indexed.external_id, &indexed.display_key, &indexed.label, plain))
                .map_err(|e| {
                    StoreError::Unusable(format!(
                        "two people or groups have names that count as equal by the current Unicode tables: {} ({e})",
                        indexed.name_key.as_deref().unwrap_or_default()
                    ))
                })?;
            values::put(connection, pk, &indexed.values)?;
            count += 1;
        }
    }
    warn_of_doubles(connection, catalog)?;
    Ok(count)
}

/// Values that were stored before their attribute was declared unique may be there twice. They stay; from now on nobody
/// gets a value that somebody has.
fn warn_of_doubles(connection: &Connection, catalog: &Catalog) -> Result<(), StoreError> {
    let unique = catalog.resource_types.iter().flat_map(|of| of.lookups.iter().filter(|l| l.unique));
    let unique: BTreeMap<i64, String> = unique.map(|l| (l.number, l.path().text())).collect();
    for (number, attribute) in unique {
        if let Some((values, ids)) = values::doubles(connection, number)? {
            tracing::warn!(
                attribute,
                values,
                example = ids,
                "the attribute is unique now, and some of its values were given to several resources before; those stay"
            );
        }
    }
    Ok(())
}

/// A stored document as a tree.
pub(super) fn parse(doc: &str) -> Result<Object, StoreError> {
    match Json::parse(doc.as_bytes()) {
        Ok(Json::Object(object)) => Ok(object),
        Ok(_) => Err(StoreError::Corrupt("a stored document is not an object".into())),
        Err(fault) => Err(StoreError::Corrupt(format!("a stored document cannot be read: {fault}"))),
    }
}

pub(super) fn setting(connection: &Connection, name: &str) -> Result<Option<String>, StoreError> {
    let mut statement = connection.prepare_cached("select value from setting where name = ?1")?;
    let mut rows = statement.query([name])?;
    Ok(match rows.next()? {
        Some(row) => Some(row.get(0)?),
        None => None,
    })
}

pub(super) fn set(connection: &Connection, name: &str, value: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(
            "insert into setting (name, value) values (?1, ?2) on conflict (name) do update set value = excluded.value",
        )?
        .execute((name, value))?;
    Ok(())
}
