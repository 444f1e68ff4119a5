//! Many requests at once, and other processes on the same file: nothing is lost, nothing is there twice, nobody waits
//! for ever.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rusqlite::Connection;
use serde_json::{Value, json};

use crate::invariants;
use crate::support::Appliance;
use crate::wire::Client;

const MANY: usize = 64;

fn client(appliance: &Appliance) -> Client {
    Client { port: appliance.port, token: appliance.token.clone() }
}

fn user(name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name})
}

fn group(name: &str) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": name})
}

/// Creates a resource and gives its id.
fn made(client: &Client, path: &str, body: &Value) -> String {
    let reply = client.post(path, body).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.body);
    reply.json()["id"].as_str().unwrap().to_owned()
}

/// Runs the same work on many threads that begin together, and gives what each returns.
fn together<T: Send>(threads: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    let start = std::sync::Barrier::new(threads);
    std::thread::scope(|scope| {
        let (start, work) = (&start, &work);
        let running: Vec<_> = (0..threads)
            .map(|i| {
                scope.spawn(move || {
                    start.wait();
                    work(i)
                })
            })
            .collect();
        running.into_iter().map(|t| t.join().unwrap()).collect()
    })
}

fn members(client: &Client, group: &str) -> BTreeSet<String> {
    let seen = client.get(&format!("/Groups/{group}")).unwrap().json();
    let members = seen["members"].as_array().cloned().unwrap_or_default();
    members.iter().map(|m| m["value"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn members_that_are_added_at_the_same_time_all_arrive() {
    let appliance = Appliance::start();
    let client = client(&appliance);
    let people: Vec<String> = (0..MANY).map(|i| made(&client, "/Users", &user(&format!("m{i}@example.com")))).collect();
    let crew = made(&client, "/Groups", &group("Crew"));
    let statuses = together(MANY, |i| {
        let add = json!([{"op": "add", "path": "members", "value": [{"value": people[i]}]}]);
        client.patch(&format!("/Groups/{crew}"), &add).unwrap().status
    });
    assert!(statuses.iter().all(|s| matches!(s, 200 | 204)), "{statuses:?}");
    assert_eq!(members(&client, &crew), people.iter().cloned().collect());
    let statuses = together(MANY, |i| {
        let remove = json!([{"op": "remove", "path": format!("members[value eq \"{}\"]", people[i])}]);
        client.patch(&format!("/Groups/{crew}"), &remove).unwrap().status
    });
    assert!(statuses.iter().all(|s| matches!(s, 200 | 204)), "{statuses:?}");
    assert_eq!(members(&client, &crew), BTreeSet::new());
    invariants::check(&appliance.database_path());
}

#[test]
fn changes_to_different_parts_of_one_user_all_arrive() {
    let appliance = Appliance::start();
    let client = client(&appliance);
    let id = made(&client, "/Users", &user("parts@example.com"));
    let statuses = together(16, |i| {
        let add = json!([{"op": "add", "path": "emails", "value": [{"value": format!("p{i}@example.com"), "type": format!("t{i}")}]}]);
        client.patch(&format!("/Users/{id}"), &add).unwrap().status
    });
    assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
    let seen = client.get(&format!("/Users/{id}")).unwrap().json();
    assert_eq!(seen["emails"].as_array().unwrap().len(), 16, "{seen}");
}

#[test]
fn one_user_name_is_given_once_however_many_ask_and_in_whatever_letters() {
    let appliance = Appliance::start();
    let client = client(&appliance);
    let letters = "the.one@example.com";
    let replies = together(MANY, |i| {
        // Every thread in letters of its own: bit k of the number makes the k-th letter a capital.
        let name: String = letters
            .chars()
            .enumerate()
            .map(|(k, c)| if i >> (k % 6) & 1 == 1 { c.to_ascii_uppercase() } else { c })
            .collect();
        client.post("/Users", &user(&name)).unwrap()
    });
    let created = replies.iter().filter(|r| r.status == 201).count();
    let taken = replies.iter().filter(|r| r.status == 409 && r.json()["scimType"] == json!("uniqueness")).count();
    assert_eq!((created, taken), (1, MANY - 1), "{:?}", replies.iter().map(|r| r.status).collect::<Vec<_>>());
    let found = client.get("/Users?filter=userName+eq+%22THE.one@example.com%22").unwrap().json();
    assert_eq!(found["totalResults"], json!(1));
    let replies = together(MANY, |i| {
        client.post("/Groups", &group(if i % 2 == 0 { "The One" } else { "the one" })).unwrap().status
    });
    assert_eq!(replies.iter().filter(|s| **s == 201).count(), 1, "{replies:?}");
    assert_eq!(replies.iter().filter(|s| **s == 409).count(), MANY - 1, "{replies:?}");
    invariants::check(&appliance.database_path());
}

/// A reader sees all of a change or nothing of it.
#[test]
fn a_reader_never_sees_half_a_change() {
    let appliance = Appliance::start();
    let client = client(&appliance);
    let people: Vec<String> = (0..40).map(|i| made(&client, "/Users", &user(&format!("h{i}@example.com")))).collect();
    let (left, right) = people.split_at(20);
    let of = |ids: &[String]| ids.iter().cloned().collect::<BTreeSet<String>>();
    let crew = made(&client, "/Groups", &group("Halves"));
    let replace = |ids: &[String]| {
        let values: Vec<Value> = ids.iter().map(|id| json!({"value": id})).collect();
        let reply =
            client.patch(&format!("/Groups/{crew}"), &json!([{"op": "replace", "path": "members", "value": values}]));
        assert!(matches!(reply.unwrap().status, 200 | 204));
    };
    replace(left);
    let done = AtomicBool::new(false);
    let looks = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let seen = members(&client, &crew);
                    assert!(seen == of(left) || seen == of(right), "{} members", seen.len());
                    looks.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let mut round = 0;
        while round < 30 || looks.load(Ordering::Relaxed) < 50 {
            replace(if round % 2 == 0 { right } else { left });
            round += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
}

#[test]
fn commands_and_the_server_write_to_one_file_at_the_same_time() {
    let appliance = Appliance::start();
    let client = client(&appliance);
    let done = AtomicBool::new(false);
    let created = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for t in 0..4 {
            let (client, created, done) = (&client, &created, &done);
            scope.spawn(move || {
                let mut i = 0;
                while !done.load(Ordering::Relaxed) {
                    let reply = client.post("/Users", &user(&format!("w{t}-{i}@example.com"))).unwrap();
                    assert_eq!(reply.status, 201, "{}", reply.body);
                    created.fetch_add(1, Ordering::Relaxed);
                    i += 1;
                }
            });
        }
        for i in 0..12 {
            let output = appliance.command(&["token", "create", "--name", &format!("loop-{i}")]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let token = String::from_utf8(output.stdout).unwrap().trim().to_owned();
            let other = Client { token: token.clone(), ..client.clone() };
            assert_eq!(other.get("/Users?count=1").unwrap().status, 200);
            let id = token.split('_').nth(1).unwrap();
            let output = appliance.command(&["token", "revoke", id]);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            assert_eq!(other.get("/Users?count=1").unwrap().status, 401);
        }
        done.store(true, Ordering::Relaxed);
    });
    let created = created.load(Ordering::Relaxed);
    assert!(created > 0);
    assert_eq!(client.get("/Users?count=0").unwrap().json()["totalResults"], json!(created));
    invariants::check(&appliance.database_path());
}

/// Another process holds the write lock, so that the queue fills: what does not fit is refused at once and cleanly, what
/// was queued is done when the lock is free, and reads go on all the time.
#[test]
fn a_full_queue_refuses_with_a_time_to_come_back() {
    let appliance = Appliance::with_config("[limits]\nqueue = 4\n");
    let client = client(&appliance);
    let other = Connection::open(appliance.database_path()).unwrap();
    other.execute_batch("begin immediate").unwrap();
    let refused = AtomicUsize::new(0);
    let replies = std::thread::scope(|scope| {
        let (client, refused) = (&client, &refused);
        let running: Vec<_> = (0..MANY)
            .map(|i| {
                scope.spawn(move || {
                    let reply = client.post("/Users", &user(&format!("q{i}@example.com"))).unwrap();
                    if reply.status == 503 {
                        refused.fetch_add(1, Ordering::Relaxed);
                    }
                    reply
                })
            })
            .collect();
        // The writer takes a few out of the queue before it waits for the lock; the rest fills it.
        while refused.load(Ordering::Relaxed) == 0 {
            assert!(running.iter().any(|r| !r.is_finished()), "nobody was refused");
            std::thread::yield_now();
        }
        assert_eq!(client.get("/Users?count=1").unwrap().status, 200);
        other.execute_batch("rollback").unwrap();
        running.into_iter().map(|r| r.join().unwrap()).collect::<Vec<_>>()
    });
    let mut created = 0;
    for reply in &replies {
        match reply.status {
            201 => created += 1,
            503 => {
                let after: u32 = reply.header("retry-after").unwrap().parse().unwrap();
                assert!(after >= 1);
                crate::hostile::is_scim_error(reply).unwrap();
            }
            other => panic!("{other}: {}", reply.body),
        }
    }
    assert!(created >= 1);
    assert_eq!(client.get("/Users?count=0").unwrap().json()["totalResults"], json!(created));
    assert_eq!(client.post("/Users", &user("after@example.com")).unwrap().status, 201);
}

#[test]
fn of_many_who_hold_the_same_version_one_changes_it() {
    let appliance = Appliance::start();
    let answer = appliance.post("/Users", user("ada"));
    let (id, version) = (answer.json()["id"].clone(), answer.header("ETag").unwrap().to_owned());
    let path = format!("/scim/v2/Users/{}", id.as_str().unwrap());
    let bearer = format!("Bearer {}", appliance.token);
    let statuses = together(MANY, |i| {
        let operation = json!({"op": "replace", "path": "title", "value": i.to_string()});
        let body = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        let headers =
            [("Authorization", bearer.as_str()), ("Content-Type", "application/scim+json"), ("If-Match", &version)];
        let answer = appliance.send("PATCH", &path, &headers, Some(body.to_string().as_bytes()));
        (answer.status, answer.json()["title"].clone())
    });
    let winners: Vec<_> = statuses.iter().filter(|(status, _)| *status == 200).collect();
    assert_eq!(winners.len(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|(status, _)| matches!(status, 200 | 412)), "{statuses:?}");
    assert_eq!(appliance.get(path.strip_prefix("/scim/v2").unwrap()).json()["title"], winners[0].1);
}
