//! Every statement of the store against EXPLAIN QUERY PLAN: none scans a table of data, none builds an index on the fly.

use std::path::Path;
use std::sync::Arc;

use rusqlite::Connection;

use super::{Options, Store, StoreError};
use crate::clock::Clock;
use crate::scim::catalog::Catalog;

/// Tables that grow with the directory.
const DATA: [&str; 10] =
    ["resource", "value", "member", "change", "departed", "block", "handover", "returned", "sign_in", "idle_exempt"];

/// Statements that look at everything on purpose.
const WHOLE: [&str; 4] = [
    "delete from value",             // re-indexing, when definitions or Unicode's tables have changed
    "select pk, doc from resource",  // the same
    "update generation set control", // one row
    "select n, at from change order by n desc limit 1", // "scans" from the end, one row
];

/// The SQL texts that stand in a source file: string literals that begin with a verb of SQL.
fn statements(source: &str) -> Vec<String> {
    let mut found = Vec::new();
    let code = source.split("#[cfg(test)]").next().unwrap_or("");
    for literal in code.split('"').skip(1).step_by(2) {
        let text = literal.trim();
        if ["select ", "insert ", "update ", "delete "].iter().any(|v| text.starts_with(v)) && !text.contains('{') {
            found.push(text.to_owned());
        }
    }
    found
}

fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement =
        connection.prepare(&format!("explain query plan {sql}")).unwrap_or_else(|e| panic!("{sql}: {e}"));
    for i in 1..=statement.parameter_count() {
        statement.raw_bind_parameter(i, 1).unwrap();
    }
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        lines.push(row.get::<_, String>(3).unwrap());
    }
    lines
}

fn complaints(connection: &Connection, sql: &str) -> Vec<String> {
    let scans = |line: &str| {
        let aliases = ["r", "m", "v", "d", "h", "t", "s", "e"];
        let mut words = line.split_whitespace();
        words.next() == Some("SCAN") && words.next().is_some_and(|t| DATA.contains(&t) || aliases.contains(&t))
    };
    // All that are open can be as many as there are people; those of one person are few.
    let strays = |line: &str| {
        sql.contains("handover") && sql.contains("person = ") && line.contains("handover_by_status (status=?)")
    };
    let bad = |line: &&String| scans(line) || strays(line) || line.contains("AUTOMATIC");
    plan(connection, sql).iter().filter(bad).map(|line| format!("{sql}\n    {line}")).collect()
}

fn with_connection(check: impl FnOnce(&Connection) + Send + 'static) {
    let folder = tempfile::tempdir().unwrap();
    let catalog = Arc::new(Catalog::built_in().unwrap());
    let (store, threads) = Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::System).unwrap();
    let read = store.read(|reader| {
        check(reader.connection());
        Ok::<_, StoreError>(())
    });
    read.wait().unwrap();
    drop(store);
    threads.join();
}

#[test]
fn no_statement_scans_a_table_of_data() {
    with_connection(|connection| {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
        let mut all = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|e| e == "rs") {
                all.extend(statements(&std::fs::read_to_string(path).unwrap()));
            }
        }
        assert!(all.len() > 40, "only {} statements were found", all.len());
        // Those that are put together from parts.
        for (column, index) in [
            ("name_key", "resource_by_name"),
            ("external_id", "resource_by_external_id"),
            ("display_key", "resource_by_display"),
            ("modified", "resource_by_modified"),
        ] {
            for condition in ["= ?2", ">= ?2 and 1 <= ?3", "> ?2"] {
                all.push(format!(
                    "select pk from resource indexed by {index} where type = ?1 and {column} {condition}"
                ));
            }
        }
        let meant = |sql: &String| !WHOLE.iter().any(|w| sql.starts_with(w));
        let bad: Vec<String> = all.iter().filter(|s| meant(s)).flat_map(|s| complaints(connection, s)).collect();
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    });
}

#[test]
fn the_check_can_fail() {
    with_connection(|connection| {
        assert_eq!(complaints(connection, "select pk from resource where label = ?1").len(), 1);
        assert_eq!(complaints(connection, "select r.pk from resource r where r.doc = ?1").len(), 1);
        let stray = "select id from handover where person = ?1 and status = 'open'";
        assert_eq!(complaints(connection, stray).len(), 1);
        assert!(complaints(connection, "select pk from resource where id = ?1").is_empty());
    });
}
