//! Backups that are taken while people are written, and restored on a Friday night.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use rusqlite::Connection;
use serde_json::json;

use super::{client, sentence, user};
use crate::invariants;
use crate::served::{Place, Served};
use crate::wire::Client;

fn users(file: &Path) -> usize {
    let file = Connection::open(file).unwrap();
    let count: i64 = file.query_row("select count(*) from resource", [], |r| r.get(0)).unwrap();
    usize::try_from(count).unwrap()
}

fn post(client: &Client, name: &str) {
    let reply = client.post("/Users", &user(name)).unwrap();
    assert_eq!(reply.status, 201, "{}", reply.body);
}

fn found(client: &Client, name: &str) -> bool {
    client.get(&format!("/Users?filter=userName+eq+%22{name}%22")).unwrap().json()["totalResults"] == json!(1)
}

/// A place with people in it, a backup of them, and one person who came after the backup. The server has ended.
fn with_backup() -> (Place, String, PathBuf) {
    let place = Place::new("");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    (0..20).for_each(|i| post(&client, &format!("before{i}@example.com")));
    let backup = place.path().join("friday.db");
    place.done(&["backup", backup.to_str().unwrap()]);
    post(&client, "after@example.com");
    assert_eq!(server.terminate(), Some(0));
    (place, token, backup)
}

#[test]
fn a_backup_under_load_is_whole_and_comes_back() {
    let place = Place::new("");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    let (done, created) = (AtomicBool::new(false), AtomicUsize::new(0));
    let backups: Vec<(PathBuf, usize)> = std::thread::scope(|scope| {
        for t in 0..4 {
            let (client, done, created) = (&client, &done, &created);
            scope.spawn(move || {
                for i in (0..).take_while(|_| !done.load(Ordering::Relaxed)) {
                    post(client, &format!("load{t}-{i}@example.com"));
                    created.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        let taken = (0..5).map(|i| {
            let least = created.load(Ordering::Relaxed);
            let file = place.path().join(format!("backup{i}.db"));
            place.done(&["backup", file.to_str().unwrap()]);
            (file, least)
        });
        let taken = taken.collect();
        done.store(true, Ordering::Relaxed);
        taken
    });
    for (file, least) in &backups {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!file.with_extension("db-wal").exists(), "a backup is one file");
        invariants::check(file);
        let there = users(file);
        assert!(there >= *least && there <= created.load(Ordering::Relaxed), "{there} of at least {least}");
    }
    let leftovers = |place: &Place| {
        std::fs::read_dir(place.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect::<Vec<_>>()
    };
    assert!(
        leftovers(&place)
            .iter()
            .all(|n| n.starts_with("backup") || n.starts_with("scim-appliance.db") || n == "config.toml"),
        "{:?}",
        leftovers(&place)
    );
    assert_eq!(server.terminate(), Some(0));
    let (file, _) = &backups[2];
    let then = users(file);
    place.done(&["restore", file.to_str().unwrap()]);
    let server = Served::start(&place.config());
    let seen = super::client(&server, &token).get("/Users?count=0").unwrap().json();
    assert_eq!(seen["totalResults"], json!(then));
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
}

#[test]
fn a_restore_brings_back_what_was_and_keeps_what_is() {
    let (place, token, backup) = with_backup();
    place.done(&["restore", backup.to_str().unwrap()]);
    for side in ["-wal", "-shm"] {
        assert!(
            !place.path().join(format!("scim-appliance.db{side}")).exists(),
            "{side} of another file is still there"
        );
    }
    assert_eq!(place.database().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(backup.exists(), "the backup itself is kept");
    // What was there before lies beside it, and is whole.
    let kept: Vec<PathBuf> = std::fs::read_dir(place.path())
        .unwrap()
        .map(|e| e.unwrap().path())
        .filter(|p| p.file_name().unwrap().to_string_lossy().starts_with("scim-appliance.db.before-restore-"))
        .collect();
    assert!(kept.iter().any(|file| users(file) == 21), "{kept:?}");
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    assert!(found(&client, "before7@example.com") && !found(&client, "after@example.com"));
    assert_eq!(client.get("/Users?count=0").unwrap().json()["totalResults"], json!(20));
    post(&client, "after@example.com");
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
}

#[test]
fn a_restore_while_the_server_runs_is_refused() {
    let (place, token, backup) = with_backup();
    let server = Served::start(&place.config());
    let said = sentence(&place.command(&["restore", backup.to_str().unwrap()]));
    assert!(said.contains("run"), "{said}");
    assert!(found(&client(&server, &token), "after@example.com"));
    assert_eq!(server.terminate(), Some(0));
    // What a crash leaves behind does not count as running.
    let server = Served::start(&place.config());
    post(&client(&server, &token), "crash@example.com");
    server.kill();
    place.done(&["restore", backup.to_str().unwrap()]);
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    assert!(found(&client, "before0@example.com") && !found(&client, "crash@example.com"));
    assert_eq!(server.terminate(), Some(0));
    invariants::check(&place.database());
}

#[test]
fn what_is_no_whole_backup_is_refused_and_changes_nothing() {
    let (place, token, backup) = with_backup();
    let good = std::fs::read(&backup).unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = place.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let mut bad = vec![
        file("empty.db", b""),
        file("text.db", "Not a database at all. ".repeat(1000).as_bytes()),
        file("half.db", &good[..good.len() / 2]),
        file("cut.db", &good[..good.len() - 5000]),
        file("head.db", &good[..100]),
        place.path().join("missing.db"),
        place.path().to_owned(),
    ];
    // A page in the middle that is not what it was.
    let mut flipped = good.clone();
    let middle = good.len() / 2 / 4096 * 4096;
    flipped[middle..middle + 2048].iter_mut().for_each(|b| *b ^= 0x5a);
    bad.push(file("flipped.db", &flipped));
    let foreign = place.path().join("foreign.db");
    Connection::open(&foreign).unwrap().execute_batch("create table resource (pk); pragma user_version = 1;").unwrap();
    bad.push(foreign);
    let newer = file("newer.db", &good);
    Connection::open(&newer).unwrap().pragma_update(None, "user_version", 9999).unwrap();
    bad.push(newer);
    let before = std::fs::read(place.database()).unwrap();
    for file in bad {
        sentence(&place.command(&["restore", file.to_str().unwrap()]));
        assert!(std::fs::read(place.database()).unwrap() == before, "{} was taken", file.display());
    }
    let server = Served::start(&place.config());
    assert!(found(&client(&server, &token), "after@example.com"));
    assert_eq!(server.terminate(), Some(0));
}

#[test]
fn a_backup_goes_nowhere_where_it_could_do_harm() {
    let (place, token, _) = with_backup();
    let before = std::fs::read(place.database()).unwrap();
    sentence(&place.command(&["backup", place.database().to_str().unwrap()]));
    sentence(&place.command(&["backup", place.path().join("no/such/folder/x.db").to_str().unwrap()]));
    sentence(&place.command(&["backup", place.path().to_str().unwrap()]));
    assert!(std::fs::read(place.database()).unwrap() == before);
    let elsewhere = tempfile::tempdir().unwrap();
    let precious = elsewhere.path().join("precious");
    std::fs::write(&precious, "do not touch").unwrap();
    let link = place.path().join("link.db");
    symlink(&precious, &link).unwrap();
    // Refused, or put in the place of the link; never written through it.
    place.command(&["backup", link.to_str().unwrap()]);
    assert_eq!(std::fs::read(&precious).unwrap(), b"do not touch");
    let server = Served::start(&place.config());
    assert!(found(&client(&server, &token), "after@example.com"));
    assert_eq!(server.terminate(), Some(0));
}
