//! A 2xx answer means that the change is on disk: after kill -9 at any moment, with a full file, and with a disk that
//! refuses to write. What was not answered may be there or not, but never by half.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::hostile::is_scim_error;
use crate::invariants;
use crate::served::{Place, Served};
use crate::support::Answer;
use crate::wire::Client;

const THREADS: usize = 8;

/// What has to be true of one user after a restart.
#[derive(Debug, Clone, Default)]
struct Entry {
    name: String,
    title: &'static str,
    member: bool,
    gone: bool,
    /// The last request about it was never answered.
    unsure: bool,
}

/// What the server has promised, by id.
type Ledger = BTreeMap<String, Entry>;

fn user(name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "title": "new",
        "emails": [{"value": name, "type": "work"}]})
}

/// Creates, changes, groups and deletes people until the server does not answer any more.
fn load(client: &Client, crew: &str, prefix: &str, answered: &AtomicUsize) -> Ledger {
    let mut ledger = Ledger::new();
    let good = |reply: &Result<Answer, String>| match reply {
        Ok(reply) if (200..300).contains(&reply.status) => {
            answered.fetch_add(1, Ordering::Relaxed);
            true
        }
        Ok(reply) => panic!("{}: {}", reply.status, reply.body),
        Err(_) => false,
    };
    for i in 0.. {
        let name = format!("{prefix}-{i}@example.com");
        let reply = client.post("/Users", &user(&name));
        if !good(&reply) {
            break;
        }
        let id = reply.unwrap_or_else(|e| panic!("{e}")).json()["id"].as_str().unwrap().to_owned();
        let entry = ledger.entry(id.clone()).or_insert(Entry { name, title: "new", ..Entry::default() });
        let path = format!("/Users/{id}");
        if !good(
            &client.patch(
                &format!("/Groups/{crew}"),
                &json!([{"op": "add", "path": "members", "value": [{"value": id}]}]),
            ),
        ) {
            entry.unsure = true;
            break;
        }
        entry.member = true;
        if !good(&client.patch(&path, &json!([{"op": "replace", "path": "title", "value": "changed"}]))) {
            entry.unsure = true;
            break;
        }
        entry.title = "changed";
        if i % 4 == 3 {
            if !good(&client.delete(&path)) {
                entry.unsure = true;
                break;
            }
            entry.gone = true;
        }
    }
    ledger
}

/// Every live user by id, read page by page.
fn everybody(client: &Client) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    loop {
        let page = client.get(&format!("/Users?count=1000&startIndex={}", found.len() + 1)).unwrap();
        assert_eq!(page.status, 200, "{}", page.body);
        let page = page.json();
        let users = page["Resources"].as_array().cloned().unwrap_or_default();
        let total = usize::try_from(page["totalResults"].as_u64().unwrap()).unwrap();
        assert!(!users.is_empty() || found.len() == total, "{} of {total}", found.len());
        found.extend(users.into_iter().map(|u| (u["id"].as_str().unwrap().to_owned(), u)));
        if found.len() >= total {
            return found;
        }
    }
}

fn compare(client: &Client, crew: &str, ledger: &Ledger) {
    let there = everybody(client);
    let group = client.get(&format!("/Groups/{crew}")).unwrap().json();
    let members: BTreeSet<&str> =
        group["members"].as_array().into_iter().flatten().map(|m| m["value"].as_str().unwrap()).collect();
    for (id, entry) in ledger.iter().filter(|(_, e)| !e.unsure) {
        let seen = there.get(id);
        assert_eq!(seen.is_none(), entry.gone, "{entry:?}");
        let member = entry.member && !entry.gone;
        assert_eq!(members.contains(id.as_str()), member, "{entry:?}");
        if let Some(seen) = seen {
            assert_eq!((&seen["userName"], &seen["title"]), (&json!(entry.name), &json!(entry.title)));
            let groups: Vec<&str> =
                seen["groups"].as_array().into_iter().flatten().map(|g| g["value"].as_str().unwrap()).collect();
            assert_eq!(groups.contains(&crew), member, "{entry:?}");
        }
    }
    for (id, seen) in &there {
        // Also of what was never answered there is all or nothing.
        assert_eq!(seen["emails"][0]["value"], seen["userName"], "{id}");
        assert!(matches!(seen["title"].as_str(), Some("new" | "changed")), "{id}");
    }
    assert!(members.iter().all(|m| there.contains_key(*m)));
}

#[test]
fn what_was_answered_is_there_after_a_kill_at_any_moment() {
    let cycles: usize = std::env::var("CRASH_CYCLES").ok().map_or(20, |n| n.parse().unwrap());
    let place = Place::new("");
    let token = place.provisioned();
    let mut server = Served::start(&place.config());
    let mut client = Client { port: server.port, token };
    let group = json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Crew"});
    let crew = client.post("/Groups", &group).unwrap().json()["id"].as_str().unwrap().to_owned();
    let mut ledger = Ledger::new();
    for cycle in 0..cycles {
        let answered = AtomicUsize::new(0);
        // Never the same moment: after 40 to 240 answers, with whatever else is on its way.
        let enough = 40 + cycle * 67 % 200;
        std::thread::scope(|scope| {
            let (client, crew, answered) = (&client, &crew, &answered);
            let running: Vec<_> = (0..THREADS)
                .map(|t| scope.spawn(move || load(client, crew, &format!("c{cycle}t{t}"), answered)))
                .collect();
            while answered.load(Ordering::Relaxed) < enough && running.iter().any(|r| !r.is_finished()) {
                std::thread::yield_now();
            }
            server.kill();
            for thread in running {
                ledger.extend(thread.join().unwrap());
            }
        });
        server = Served::start(&place.config());
        client.port = server.port;
        compare(&client, &crew, &ledger);
        invariants::check(&place.database());
    }
    assert!(ledger.len() >= cycles * 10, "only {} users were created", ledger.len());
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
}

/// Creates people with long titles until the server refuses, and a little further. Gives those that were answered 201.
fn fill(client: &Client, refusals: &[u16]) -> BTreeMap<String, String> {
    let mut created = BTreeMap::new();
    let mut refused = 0;
    for i in 0..4000 {
        let mut body = user(&format!("fill{i}@example.com"));
        body["displayName"] = json!("x".repeat(20_000));
        let reply = client.post("/Users", &body).unwrap();
        if reply.status == 201 {
            created.insert(reply.json()["id"].as_str().unwrap().to_owned(), format!("fill{i}@example.com"));
            continue;
        }
        assert!(refusals.contains(&reply.status), "{}: {}", reply.status, reply.body);
        is_scim_error(&reply).unwrap();
        refused += 1;
        // Reads go on, and what was refused is not there.
        let found = client.get(&format!("/Users?filter=userName+eq+%22fill{i}@example.com%22")).unwrap();
        assert_eq!((found.status, &found.json()["totalResults"]), (200, &json!(0)));
        if refused == 10 {
            return created;
        }
    }
    panic!("nothing was refused");
}

fn all_there(client: &Client, created: &BTreeMap<String, String>) {
    for (id, name) in created {
        let seen = client.get(&format!("/Users/{id}")).unwrap();
        assert_eq!((seen.status, &seen.json()["userName"]), (200, &json!(name)));
    }
    assert_eq!(client.get("/Users?count=0").unwrap().json()["totalResults"], json!(created.len()));
}

#[test]
fn a_full_file_is_said_so_and_nothing_is_lost() {
    let place = Place::new("[store]\nmax_size_mib = 1\n");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    let client = Client { port: server.port, token: token.clone() };
    let created = fill(&client, &[507]);
    assert!(created.len() > 5);
    all_there(&client, &created);
    // Many at once, so that a batch fails as a whole: no answer may rest on a row that is lost with the batch.
    let late: Vec<(String, Answer)> = std::thread::scope(|scope| {
        let client = &client;
        let running: Vec<_> = (0..32)
            .map(|i| {
                let name = format!("late{i}@example.com");
                scope.spawn(move || {
                    let mut body = user(&name);
                    body["displayName"] = json!("y".repeat(if i % 2 == 0 { 30_000 } else { 10 }));
                    let reply = client.post("/Users", &body).unwrap();
                    (name, reply)
                })
            })
            .collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    });
    let mut created = created;
    for (name, reply) in late {
        match reply.status {
            201 => {
                created.insert(reply.json()["id"].as_str().unwrap().to_owned(), name);
            }
            503 | 507 => is_scim_error(&reply).unwrap(),
            other => panic!("{other}: {}", reply.body),
        }
    }
    all_there(&client, &created);
    server.kill();
    let server = Served::start(&place.config());
    all_there(&Client { port: server.port, token: token.clone() }, &created);
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
    // With more room it goes on where it stopped.
    std::fs::write(place.config(), "[listen]\naddress = \"127.0.0.1:0\"\n").unwrap();
    let server = Served::start(&place.config());
    let client = Client { port: server.port, token };
    assert_eq!(client.post("/Users", &user("room@example.com")).unwrap().status, 201);
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_disk_that_refuses_to_write_is_said_so_and_nothing_is_lost() {
    let place = Place::new("");
    let token = place.provisioned();
    // The database itself is small; its write-ahead log is what reaches the limit.
    let server = Served::start_with_small_files(&place.config(), 1024);
    let client = Client { port: server.port, token: token.clone() };
    let created = fill(&client, &[503, 507]);
    all_there(&client, &created);
    server.kill();
    let server = Served::start(&place.config());
    let client = Client { port: server.port, token };
    all_there(&client, &created);
    assert_eq!(client.post("/Users", &user("after@example.com")).unwrap().status, 201);
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
}
