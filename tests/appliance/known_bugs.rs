//! The mistakes of other servers, collected in `docs/known-bugs.md`: every one has its test, and here are those that a
//! conversation cannot tell.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::Appliance;
use crate::wire::Client;

const PAGE: &str = "docs/known-bugs.md";
const NUMBERS: std::ops::RangeInclusive<u32> = 1..=109;

/// A test that a row names: its file, and a step of a conversation or a function.
type Cited = (String, String);

/// The rows of the page's tables: a number, what went wrong, and what shows that it does not happen here.
fn rows(page: &str) -> Result<Vec<(u32, Vec<Cited>)>, String> {
    let mut rows = Vec::new();
    for line in page.lines().filter(|l| l.starts_with('|') && !l.starts_with("| #") && !l.starts_with("|--")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [number, what, shown] = cells[..] else { return Err(format!("three cells are expected: {line}")) };
        let number = number.parse().map_err(|_| format!("no number: {line}"))?;
        if what.len() < 10 {
            return Err(format!("{number} does not say what went wrong"));
        }
        rows.push((number, cited(shown).map_err(|why| format!("{number}: {why}"))?));
    }
    Ok(rows)
}

/// Reads ``` `file`: `test`, `test`; `file`: `test`; not applicable: reason ```.
fn cited(cell: &str) -> Result<Vec<Cited>, String> {
    let pieces: Vec<&str> = cell.split('`').collect();
    let Some((last, pairs)) = pieces.split_last().filter(|(_, pairs)| pairs.len() % 2 == 0) else {
        return Err("a ` is left open".into());
    };
    let reason = if pairs.is_empty() { Some(*last) } else { last.strip_prefix("; ") };
    match reason.map(|r| r.strip_prefix("not applicable: ")) {
        Some(Some(reason)) if reason.len() >= 10 => {}
        None if last.is_empty() => {}
        _ => return Err(format!("neither a test nor a reason: {last:?}")),
    }
    let (mut tests, mut file, mut named) = (Vec::new(), None, true);
    for pair in pairs.chunks(2) {
        let [before, span] = *pair else { return Err("a ` is left open".into()) };
        match (before, file) {
            ("", None) | ("; ", Some(_)) if named => (file, named) = (Some(span), false),
            (": ", Some(file)) if !named => {
                tests.push((file.to_owned(), span.to_owned()));
                named = true;
            }
            (", ", Some(file)) if named => tests.push((file.to_owned(), span.to_owned())),
            _ => return Err(format!("{before:?} before {span}")),
        }
    }
    if named { Ok(tests) } else { Err(format!("no test is named in {file:?}")) }
}

/// What is wrong with a test that was named, if anything.
fn missing((file, name): &Cited) -> Option<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let Ok(text) = std::fs::read_to_string(&path) else { return Some(format!("there is no {file}")) };
    let found = if file.starts_with("tests/dialects/") && file.ends_with(".http") {
        text.lines().filter(|l| l.strip_prefix("### ").is_some_and(|title| title.trim_end() == name)).count()
    } else if file.starts_with("tests/appliance") && file.ends_with(".rs") {
        text.matches(&format!("#[test]\nfn {name}()")).count()
    } else {
        return Some(format!("{file} is no file of tests"));
    };
    (found != 1).then(|| format!("{name:?} is {found} times in {file}"))
}

#[test]
fn every_known_bug_has_its_test() {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE)).unwrap();
    let rows = rows(&page).unwrap();
    let numbers: Vec<u32> = rows.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, NUMBERS.collect::<Vec<_>>(), "every number once, in order");
    let wrong: Vec<String> = rows
        .iter()
        .flat_map(|(number, tests)| tests.iter().filter_map(missing).map(move |why| format!("{number}: {why}")))
        .collect();
    assert!(wrong.is_empty(), "{PAGE}:\n{}", wrong.join("\n"));
}

/// The test above would be worth nothing if it passed over what it does not understand.
#[test]
fn a_row_is_read_as_it_is_written_or_not_at_all() {
    let pair = |file: &str, name: &str| (file.to_owned(), name.to_owned());
    assert_eq!(cited("`a`: `b`, `c; d: e`; `f`: `g`"), Ok(vec![pair("a", "b"), pair("a", "c; d: e"), pair("f", "g")]));
    assert_eq!(cited("`a`: `b`; not applicable: a good reason"), Ok(vec![pair("a", "b")]));
    assert_eq!(cited("not applicable: a good reason"), Ok(vec![]));
    for bad in [
        "",
        "yes",
        "`a`",
        "`a`: `b",
        "`a`, `b`",
        "`a`: `b` and more",
        "`a`: `b`; `c`",
        "`a`; `b`: `c`",
        "not applicable: ",
        "`a`: `b`; not applicable: ",
    ] {
        assert!(cited(bad).is_err(), "{bad}");
    }
    for bad in ["| 1 | What went wrong |", "| x | What went wrong | `a`: `b` |", "| 1 |  | `a`: `b` |"] {
        assert!(rows(bad).is_err(), "{bad}");
    }
    let here = "tests/appliance/known_bugs.rs";
    assert_eq!(missing(&pair(here, "every_known_bug_has_its_test")), None);
    for (file, name) in [(here, "missing"), ("tests/appliance/nothing.rs", "x"), ("docs/known-bugs.md", "Known bugs")] {
        assert!(missing(&pair(file, name)).is_some(), "{file} {name}");
    }
}

fn client(appliance: &Appliance) -> Client {
    Client { port: appliance.port, token: appliance.token.clone() }
}

/// So many people, and a group of the first ones of them.
fn crew(client: &Client, people: usize, members: usize) -> (Vec<String>, String) {
    let made = |path: &str, body: &Value| {
        let reply = client.post(path, body).unwrap();
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.json()["id"].as_str().unwrap().to_owned()
    };
    let people: Vec<String> =
        (0..people).map(|i| made("/Users", &json!({"userName": format!("p{i}@example.com")}))).collect();
    let values: Vec<Value> = people.iter().take(members).map(|id| json!({"value": id})).collect();
    let group = made("/Groups", &json!({"displayName": "Crew", "members": values}));
    (people, format!("/Groups/{group}"))
}

fn members(client: &Client, group: &str) -> BTreeSet<String> {
    let seen = client.get(group).unwrap();
    assert_eq!(seen.status, 200, "{}", seen.body);
    let members = seen.json()["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect()
}

/// 11: a removal that is answered 200 is on the disk, and not only in what the process remembers.
#[test]
fn a_removal_outlives_the_process() {
    let mut appliance = Appliance::start();
    let (people, group) = crew(&client(&appliance), 3, 3);
    let by_filter = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[0])}]);
    let by_value = json!([{"op": "Remove", "path": "members", "value": [{"value": people[1]}]}]);
    for operations in [by_filter, by_value] {
        let reply = client(&appliance).patch(&group, &operations).unwrap();
        assert_eq!(reply.status, 200, "{}", reply.body);
    }
    appliance.kill();
    appliance.restart();
    let client = client(&appliance);
    assert_eq!(members(&client, &group), BTreeSet::from([people[2].clone()]));
    for (person, groups) in people.iter().zip([0, 0, 1]) {
        let seen = client.get(&format!("/Users/{person}")).unwrap().json();
        assert_eq!(seen["groups"].as_array().map_or(0, Vec::len), groups, "{seen}");
    }
}

/// 16: some leave, others come, and the group gets another name, all at the same time. Nobody is lost, and nobody is left.
#[test]
fn members_come_and_go_while_the_group_is_renamed() {
    const EACH: usize = 12;
    let appliance = Appliance::start();
    let client = client(&appliance);
    let (people, group) = crew(&client, 2 * EACH, EACH);
    let operations = |i: usize| match (i / EACH, i % EACH) {
        (0, i) => json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[i])}]),
        (1, i) => json!([{"op": "add", "path": "members", "value": [{"value": people[EACH + i]}]}]),
        (_, i) => {
            json!([{"op": "replace", "value": {"displayName": format!("Crew {i}"), "externalId": i.to_string()}}])
        }
    };
    let start = std::sync::Barrier::new(3 * EACH);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let (client, group, operations, start) = (&client, &group, &operations, &start);
        let change = move |i: usize| {
            start.wait();
            client.patch(group, &operations(i)).unwrap().status
        };
        let running: Vec<_> = (0..3 * EACH).map(|i| scope.spawn(move || change(i))).collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
    assert_eq!(members(&client, &group), people.iter().skip(EACH).cloned().collect());
    // Name and number came in one request, and are of the same one.
    let seen = client.get(&group).unwrap().json();
    assert_eq!(seen["displayName"], json!(format!("Crew {}", seen["externalId"].as_str().unwrap())), "{seen}");
}
