//! Two things that must agree: what the indexes narrow a search to, and what `eval` decides on every resource.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::Site;
use super::super::roles::Catalogue;
use super::super::show::tree;
use crate::clock::Clock;
use crate::scim::catalog::Catalog;
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::eval::matches;
use crate::scim::filter::Filter;
use crate::scim::json::Json;
use crate::scim::resource::{Purpose, check};
use crate::store::{Delta, Options, Prepared, Reader, Source, Store, StoreError, Threads, Weight};

const NAMES: [&str; 8] = ["ada", "ADA2", "straße", "STRASSE9", "Ångström", "grace", "100%_", "x\\\"y"];

fn site() -> Site {
    let base = "http://x/scim/v2".to_owned();
    Site {
        base,
        page_size: 100,
        max_page_size: 1000,
        put_merges: false,
        max_payload: 1 << 20,
        max_operations: 1000,
        cursor_timeout: 60,
        rules: RuleSet::all(),
        roles: Arc::new(Catalogue::built_in()),
    }
}

const URN: &str = "urn:example:scim:hr:1.0:User";

/// An extension whose attributes are in the index, one of each kind.
const EXTENSION: &str = r#"{"schema":[{"id":"urn:example:scim:hr:1.0:User","extends":["User"],"attribute":[
    {"name":"nick","indexed":true},
    {"name":"badge","indexed":true,"case_exact":true,"multi_valued":true},
    {"name":"level","type":"integer","uniqueness":"server"},
    {"name":"score","type":"decimal","indexed":true,"multi_valued":true},
    {"name":"since","type":"dateTime","indexed":true},
    {"name":"remote","type":"boolean","indexed":true},
    {"name":"desk","type":"complex","multi_valued":true,"sub_attribute":[
        {"name":"room","indexed":true},{"name":"floor","type":"integer","indexed":true}]}]}]}"#;

/// What somebody has of it.
fn hr(i: usize) -> String {
    let nick = Json::from(NAMES[i % NAMES.len()]).text();
    let badges = Json::Array(vec![NAMES[i % 3].into(), NAMES[i % 5].to_uppercase().into()]).text();
    let scores = ["-1.5", "0", "-0.0", "1e2", "7"];
    let times =
        ["2020-01-01T00:00:00Z", "2020-01-01T01:00:00+02:00", "2999-01-01T00:00:00.25Z", "0900-01-01T00:00:00Z"];
    let (score, since) = (scores[i % scores.len()], times[i % times.len()]);
    let level = i64::try_from(i).unwrap() - 20;
    format!(
        r#"{{"nick":{nick},"badge":{badges},"level":{level},"score":[{score},{i}],"since":"{since}","remote":{},
            "desk":[{{"room":{nick},"floor":{}}},{{"room":"r"}}]}}"#,
        i.is_multiple_of(2),
        i % 4
    )
}

/// When the first of the population was written, in microseconds: 2024-02-29T12:00:00Z. Each later one came 1.5 s later.
const FIRST: i64 = 1_709_208_000_000_000;
const BETWEEN: i64 = 1_500_000;

/// Forty people with names that overlap in every letter case, and nested groups of them.
fn population(folder: &tempfile::TempDir) -> (Store, Threads) {
    let now = Arc::new(AtomicI64::new(FIRST - BETWEEN));
    let declared = serde_json::from_str(EXTENSION).unwrap();
    let catalog = Arc::new(Catalog::built_in().unwrap().with(&declared).unwrap());
    let (store, threads) =
        Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::Fixed(now.clone())).unwrap();
    let put = |name: &str, id: String, body: String, members: Vec<String>| {
        now.fetch_add(BETWEEN, Ordering::Relaxed);
        let of = store.catalog().resource_type(name).unwrap().clone();
        let checked = check(Json::parse(body.as_bytes()).unwrap(), &of, Purpose::New, &Dialect::tolerant()).unwrap();
        let new = Prepared::of(checked.into_document(), &of);
        let written = store.write(Weight::Light, move |writer| {
            let row = writer.insert(&of, &id, &new)?;
            let mut delta = Delta::default();
            writer.add_members(row.pk, &members, Source::Provider, &mut delta)?;
            writer.settle_members(row.pk, &delta)
        });
        written.wait().unwrap();
    };
    for i in 0..40 {
        let name = Json::from(format!("{}{}", NAMES[i % NAMES.len()], i / NAMES.len())).text();
        let email = Json::from(format!("{}@x.io", NAMES[(i * 3) % NAMES.len()])).text();
        let display = if i % 5 == 0 { "null".to_owned() } else { Json::from(NAMES[(i * 7) % NAMES.len()]).text() };
        let emails = if i % 4 == 0 {
            "[]".to_owned()
        } else {
            format!(
                r#"[{{"value":{email},"type":"{}"}},{{"value":"both@x.io","type":"other"}}]"#,
                if i % 2 == 0 { "work" } else { "Home" }
            )
        };
        let body = format!(
            r#"{{"userName":{name},"externalId":"{}","displayName":{display},"emails":{emails},"active":{},"{URN}":{}}}"#,
            i % 6,
            i % 3 == 0,
            if i % 9 == 8 { "null".to_owned() } else { hr(i) }
        );
        put("User", format!("u{i}"), body, Vec::new());
    }
    for (g, display) in NAMES.iter().enumerate().take(6) {
        let members = (0..40)
            .filter(|i| i % (g + 2) == 0)
            .map(|i| format!("u{i}"))
            .chain((0..g).map(|h| format!("g{h}")))
            .collect();
        put("Group", format!("g{g}"), format!(r#"{{"displayName":{}}}"#, Json::from(*display).text()), members);
    }
    (store, threads)
}

fn text() -> impl Strategy<Value = String> {
    let whole: Vec<String> =
        NAMES.iter().flat_map(|n| [n.to_string(), n.to_uppercase(), format!("{n}0"), format!("{n}@x.io")]).collect();
    let odd = ["", "%", "_", "u1", "g2", "U1", "both@x.io", "work", "HOME", "1", "\u{10ffff}", "a"].map(str::to_owned);
    proptest::sample::select(whole.into_iter().chain(odd).collect::<Vec<_>>()).prop_map(|t| Json::from(t).text())
}

/// Times at which something was written, a hair before and behind, in several writings; and some that are far away.
fn time() -> impl Strategy<Value = String> {
    let far = ["2020-01-01T00:00:00Z", "2999-01-01T00:00:00+05:30", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
    let near = (-1i64..48, -1i64..2, 0u8..4).prop_map(|(which, hair, how)| {
        let written = |micros: i64| jiff::Timestamp::from_microsecond(micros).unwrap();
        let exact = written(FIRST + which * BETWEEN);
        let shifted = written(FIRST + which * BETWEEN + 7_200_000_000).to_string().replace('Z', "+02:00");
        match how {
            0 => written(FIRST + which * BETWEEN + hair).to_string(),
            // Finer than what is stored.
            1 => jiff::Timestamp::from_nanosecond(exact.as_nanosecond() + i128::from(hair) * 500).unwrap().to_string(),
            2 => shifted,
            _ => exact.to_string().trim_end_matches('Z').to_owned(),
        }
    });
    prop_oneof![1 => proptest::sample::select(far.to_vec()).prop_map(str::to_owned), 4 => near]
}

fn term() -> impl Strategy<Value = String> {
    let attribute = proptest::sample::select(vec![
        "userName",
        "displayName",
        "externalId",
        "id",
        "emails.value",
        "emails.type",
        "emails",
        "name.familyName",
        "groups.value",
        "members.value",
        "members",
        "urn:ietf:params:scim:schemas:core:2.0:User:userName",
        "schemas",
    ]);
    let op = proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let flag = proptest::sample::select(vec!["eq", "ne"]);
    let parts = proptest::sample::select(vec![
        "emails[type eq \"WORK\"]",
        "emails[not (type eq \"work\") and value pr]",
        "emails[type eq \"home\" or value sw \"both\"]",
        "groups[type eq \"indirect\" and value eq \"g1\"]",
        "members[value eq \"u4\" and type eq \"User\"]",
        "members[value eq \"g1\" or value eq \"u1\"]",
        "members.$ref ew \"/u2\"",
        "meta.created sw \"2024-02-29T12:00:0\"",
        "meta[created gt \"2024-02-29T12:00:20Z\"]",
        "meta[lastModified le \"2024-02-29T12:00:20Z\" and resourceType eq \"user\"]",
        "not (displayName pr) and externalId ne null",
        "userName eq null or id sw \"u1\"",
    ]);
    prop_oneof![
        8 => (attribute.clone(), op.clone(), text()).prop_map(|(a, o, t)| format!("{a} {o} {t}")),
        1 => attribute.prop_map(|a| format!("{a} pr")),
        1 => (flag, any::<bool>()).prop_map(|(o, b)| format!("active {o} {b}")),
        2 => (any::<bool>(), op.clone(), time()).prop_map(|(created, o, t)| {
            format!("meta.{} {o} \"{t}\"", if created { "created" } else { "lastModified" })
        }),
        2 => parts.prop_map(str::to_owned),
        3 => (op, text(), any::<bool>()).prop_map(|(o, t, and)| {
            format!("emails[value {o} {t}{}]", if and { " and type eq \"work\"" } else { "" })
        }),
        1 => Just("externalId eq null".to_owned()),
        6 => extended(),
        8 => looked_up(),
    ]
}

/// A term that some index answers.
fn looked_up() -> impl Strategy<Value = String> {
    let keys = ["userName", "displayName", "externalId", "emails.value", "id", "members.value", "emails"];
    let words = || (proptest::sample::select(keys.to_vec()), text());
    prop_oneof![
        6 => words().prop_map(|(a, t)| format!("{a} eq {t}")),
        2 => words().prop_map(|(a, t)| format!("{a} sw {t}")),
        1 => (0..42).prop_map(|i| format!("members.value eq \"u{i}\"")),
        1 => (0..42).prop_map(|i| format!("id eq \"u{i}\"")),
        2 => text().prop_map(|t| format!("emails[type eq \"work\" and value eq {t}]")),
    ]
}

/// A term about the extension.
fn extended() -> impl Strategy<Value = String> {
    let op = || proptest::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let order = || proptest::sample::select(vec!["eq", "ne", "gt", "ge", "lt", "le"]);
    let texts = proptest::sample::select(vec!["nick", "badge", "desk.room", "since"]);
    let numbers = proptest::sample::select(vec!["level", "score", "desk.floor"]);
    let number = proptest::sample::select(vec!["-20", "-1.5", "0", "0.0", "1", "7", "7.5", "100", "1e2", "1e300"]);
    let time = proptest::sample::select(vec![
        "2019-12-31T23:00:00Z",
        "2020-01-01T00:00:00Z",
        "2999-01-01T00:00:00.25Z",
        "0900-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
    ]);
    prop_oneof![
        4 => (texts, op(), text()).prop_map(|(a, o, t)| format!("{URN}:{a} {o} {t}")),
        4 => (numbers, order(), number).prop_map(|(a, o, n)| format!("{URN}:{a} {o} {n}")),
        2 => (order(), time).prop_map(|(o, t)| format!("{URN}:since {o} \"{t}\"")),
        1 => any::<bool>().prop_map(|b| format!("{URN}:remote eq {b}")),
        1 => Just(format!("{URN}:level eq null")),
        2 => (order(), text(), any::<bool>()).prop_map(|(o, t, and)| {
            format!("{URN}:desk[room {o} {t}{}]", if and { " and floor gt 1" } else { "" })
        }),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    term().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) and ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) or ({b})")),
            inner.prop_map(|a| format!("not ({a})")),
        ]
    })
}

type Keys = BTreeSet<i64>;

/// The keys that `eval` lets pass, looking at every resource.
fn decided(reader: &Reader<'_>, filter: &Filter, name: &str) -> Option<(Keys, Option<(Keys, bool)>)> {
    let of = reader.catalog().resource_type(name).unwrap().clone();
    let bound = filter.bind(&of, &Dialect::tolerant()).ok()?;
    let mut passed = BTreeSet::new();
    reader
        .scan(&of, |row| {
            let direct = reader.groups_of(row.pk)?;
            let tree = tree(reader, &site(), &of, &row, Some(&direct), true).map_err(|_| StoreError::Panicked)?;
            if matches(&bound, &tree) {
                passed.insert(row.pk);
            }
            Ok(true)
        })
        .unwrap();
    let narrowed =
        reader.candidates(&bound, &of, None).unwrap().map(|(keys, exact)| (keys.into_iter().collect(), exact));
    Some((passed, narrowed))
}

#[test]
fn what_the_indexes_narrow_to_holds_all_that_eval_lets_pass() {
    let folder = tempfile::tempdir().unwrap();
    let (store, threads) = population(&folder);
    let mut runner = TestRunner::new(Config { cases: 1000, failure_persistence: None, ..Config::default() });
    let (mut narrow, mut exact) = (0, 0);
    let (decided_at_all, narrowed_at_all) = (Cell::new(0u32), Cell::new(0u32));
    let outcome = runner.run(&filter(), |text| {
        let filter =
            Filter::parse(&text, &Dialect::tolerant()).map_err(|f| TestCaseError::fail(format!("{text}: {f}")))?;
        for name in ["User", "Group"] {
            let found = store.inline(|reader| Ok::<_, StoreError>(decided(reader, &filter, name))).unwrap();
            // Operators that a type does not have, and attributes that the other type has, are refused.
            let Some((passed, narrowed)) = found else { continue };
            decided_at_all.set(decided_at_all.get() + 1);
            narrowed_at_all.set(narrowed_at_all.get() + u32::from(narrowed.is_some()));
            if let Some((keys, is_exact)) = narrowed {
                prop_assert!(passed.is_subset(&keys), "{text}: {passed:?} is not within {keys:?}");
                prop_assert!(!is_exact || passed == keys, "{text}: said to be exact, but {passed:?} is not {keys:?}");
            }
        }
        Ok(())
    });
    outcome.unwrap();
    let (decided_at_all, narrowed_at_all) = (decided_at_all.get(), narrowed_at_all.get());
    assert!(decided_at_all > 600 && narrowed_at_all > 120, "{decided_at_all} decided, {narrowed_at_all} narrowed");
    // The test would hold of an index that is never used: these must be.
    for (text, name) in [
        ("userName eq \"ADA0\"", "User"),
        ("emails[value eq \"both@x.io\"]", "User"),
        ("members.value eq \"u4\"", "Group"),
        ("urn:example:scim:hr:1.0:User:nick eq \"STRASSE9\"", "User"),
        ("urn:example:scim:hr:1.0:User:badge sw \"ada\"", "User"),
        ("urn:example:scim:hr:1.0:User:level lt 0", "User"),
        ("urn:example:scim:hr:1.0:User:score ge 1.0e2", "User"),
        ("urn:example:scim:hr:1.0:User:since eq \"2019-12-31T23:00:00Z\"", "User"),
        ("urn:example:scim:hr:1.0:User:remote eq true", "User"),
        ("urn:example:scim:hr:1.0:User:desk[floor eq 3]", "User"),
    ] {
        let filter = Filter::parse(text, &Dialect::tolerant()).unwrap();
        let (passed, narrowed) =
            store.inline(|reader| Ok::<_, StoreError>(decided(reader, &filter, name))).unwrap().unwrap();
        narrow += usize::from(narrowed.is_some());
        exact += usize::from(narrowed.is_some_and(|(_, exact)| exact));
        assert!(!passed.is_empty(), "{text}");
    }
    assert_eq!((narrow, exact), (10, 10));
    drop(store);
    threads.join();
}
