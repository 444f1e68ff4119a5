//! What holds for every database file at every moment between two transactions, whatever happened to the process.

use std::path::Path;

use rusqlite::{Connection, Row};

/// Checks a file. Panics with what is wrong.
pub fn check(database: &Path) {
    let wrong = broken(database);
    assert!(wrong.is_empty(), "{}:\n{}", database.display(), wrong.join("\n"));
}

/// Each statement gives the rows that must not be there.
const RULES: &[(&str, &str)] = &[
    ("damage", "select integrity_check from pragma_integrity_check where integrity_check <> 'ok'"),
    ("a row that points nowhere", "select \"table\" || ' row ' || coalesce(rowid, '') from pragma_foreign_key_check"),
    (
        "a block count that is not the number of its resources",
        "select type || '/' || block || ': ' || sum(n) || ' counted, ' || sum(live) || ' there' from (
            select type, block, n, 0 as live from block where type <> 0
            union all select type, pk >> 10, 0, count(*) from resource group by type, pk >> 10
            union all select -1, pk >> 10, 0, count(*) from resource
                where type = 1 and json_extract(doc, '$.active') = 0 group by pk >> 10
         ) group by type, block having sum(n) <> sum(live)",
    ),
    (
        "a group whose member count is not the number of its member rows",
        "select id || ': ' || members from resource
         where members <> (select count(*) from member where group_pk = resource.pk)",
    ),
    (
        "a membership without both its ends",
        "select group_pk || '/' || member_pk from member
         where group_pk not in (select pk from resource) or member_pk not in (select pk from resource)",
    ),
    (
        "a membership of another type than its member's",
        "select group_pk || '/' || member_pk from member join resource on resource.pk = member_pk where member_type <> resource.type",
    ),
    ("an indexed value of nobody", "select pk from value where pk not in (select pk from resource)"),
    (
        "a resource whose last change is not recorded",
        "select id from resource where version not in (select n from change)",
    ),
    ("a gap in the changes", "select n from change where n > 1 and n - 1 not in (select n from change)"),
    ("somebody who is both here and gone", "select id from resource where id in (select id from departed)"),
    (
        "more than one open hand-over of a person",
        "select person from handover where status = 'open' group by person having count(*) > 1",
    ),
    (
        "an open hand-over of nobody",
        "select person from handover where status = 'open'
         and person not in (select id from resource) and person not in (select id from departed)",
    ),
    (
        "an open hand-over of somebody who is active",
        "select person from handover join resource on resource.id = person
         where status = 'open' and coalesce(json_extract(doc, '$.active'), 1) <> 0",
    ),
    (
        "somebody who returned and is nobody",
        "select id from returned where id not in (select resource from change where resource is not null)",
    ),
    ("a document that is not JSON", "select id from resource where not json_valid(doc)"),
];

fn broken(database: &Path) -> Vec<String> {
    let connection = Connection::open(database).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let mut wrong = Vec::new();
    for (what, sql) in RULES {
        let mut statement = connection.prepare(sql).unwrap();
        let text = |row: &Row<'_>| row.get::<_, rusqlite::types::Value>(0).map(|v| format!("{v:?}"));
        let rows = statement.query_map([], text).unwrap().take(5);
        wrong.extend(rows.map(|row| format!("{what}: {}", row.unwrap())));
    }
    wrong
}
