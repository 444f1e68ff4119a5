//! The files on disk: who may read them, what is in them, and where they must not be.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde_json::json;

use super::{client, sentence, user};
use crate::served::{Place, Served};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn only_the_owner_can_read_what_is_written() {
    let place = Place::new("");
    let token = place.provisioned();
    let server = Served::start(&place.config());
    assert_eq!(client(&server, &token).post("/Users", &user("private@example.com")).unwrap().status, 201);
    let backup = place.path().join("copy.db");
    place.done(&["backup", backup.to_str().unwrap()]);
    let mut seen = Vec::new();
    for file in files(place.path()).into_iter().filter(|f| *f != place.config()) {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & 0o177, 0, "{} has mode {mode:o}", file.display());
        seen.push(file.file_name().unwrap().to_string_lossy().into_owned());
    }
    for name in ["scim-appliance.db", "scim-appliance.db-wal", "copy.db"] {
        assert!(seen.iter().any(|s| s == name), "{name} is not in {seen:?}");
    }
    assert_eq!(server.terminate(), Some(0));
    // A file that somebody has opened up is closed again.
    std::fs::set_permissions(place.database(), std::fs::Permissions::from_mode(0o644)).unwrap();
    place.done(&["token", "list"]);
    assert_eq!(place.database().metadata().unwrap().permissions().mode() & 0o177, 0);
}

/// The token is in no file, nor is the part of it that is secret; neither is a password, nor a client's text that would
/// be a line of its own in the log.
#[test]
fn no_secret_is_in_any_file_or_log() {
    let place = Place::new("[log]\nlevel = \"trace\"\n");
    let token = place.provisioned();
    let secret = token.rsplit('_').next().unwrap().to_owned();
    let server = Served::start(&place.config());
    let client = client(&server, &token);
    let mut body = user("canary@example.com");
    body["password"] = json!("canary-password-1");
    body["displayName"] = json!("line\r\n2026 INFO admin ok \u{1b}[31m");
    let made = client.post("/Users", &body).unwrap();
    assert_eq!(made.status, 201);
    assert!(!made.body.contains("canary-password"));
    let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
    client.put(&path, &body).unwrap();
    client.patch(&path, &json!([{"op": "replace", "value": {"password": "canary-password-2"}}])).unwrap();
    client.get(&format!("/Users?token={token}&filter=userName+eq+%22{token}%22")).unwrap();
    client.get("/Users/%0d%0a2026%20INFO%20admin%20ok%1b").unwrap();
    let backup = place.path().join("copy.db");
    place.done(&["backup", backup.to_str().unwrap()]);
    let contains = |bytes: &[u8], text: &str| bytes.windows(text.len()).any(|w| w == text.as_bytes());
    let search = |place: &Place| {
        for file in files(place.path()) {
            let bytes = std::fs::read(&file).unwrap();
            for canary in [token.as_str(), &secret, "canary-password"] {
                assert!(!contains(&bytes, canary), "{canary} is in {}", file.display());
            }
        }
    };
    search(&place);
    for command in
        [&["token", "list"][..], &["token", "list", "--json"], &["provisioning", "status", "--json"], &["check-config"]]
    {
        let output = place.command(command);
        assert!(!contains(&output.stdout, &secret) && !contains(&output.stderr, &secret), "{command:?}");
    }
    let (code, log) = server.ended();
    assert_eq!(code, Some(0));
    assert!(!log.is_empty());
    for canary in [token.as_str(), &secret, "canary-password", "\u{1b}"] {
        assert!(!log.contains(canary), "{canary:?} is in the log: {log}");
    }
    assert!(!log.lines().any(|l| l.trim_start().starts_with("2026 INFO")), "{log}");
    search(&place);
}

#[test]
fn a_database_that_is_a_link_is_refused() {
    let place = Place::new("");
    let elsewhere = tempfile::tempdir().unwrap();
    let target = elsewhere.path().join("real.db");
    symlink(&target, place.database()).unwrap();
    for command in [&["serve"][..], &["token", "create", "--name", "x"], &["provisioning", "status"]] {
        let said = sentence(&place.command(command));
        assert!(said.contains("link"), "{said}");
    }
    assert!(!target.exists(), "something was made behind the link");
    std::fs::write(&target, "").unwrap();
    sentence(&place.command(&["serve"]));
    assert_eq!(target.metadata().unwrap().len(), 0);
}

#[test]
fn a_file_of_a_newer_version_or_of_another_program_is_left_alone() {
    let place = Place::new("");
    let token = place.provisioned();
    let file = Connection::open(place.database()).unwrap();
    let version: i64 = file.pragma_query_value(None, "user_version", |r| r.get(0)).unwrap();
    assert!(version >= 1);
    file.pragma_update(None, "user_version", 9999).unwrap();
    drop(file);
    for command in
        [&["serve"][..], &["token", "list"], &["provisioning", "on", "--acknowledge-no-sso"], &["backup", "x.db"]]
    {
        let said = sentence(&place.command(command));
        assert!(said.contains("9999") || said.contains("newer"), "{said}");
    }
    let file = Connection::open(place.database()).unwrap();
    file.pragma_update(None, "user_version", version).unwrap();
    drop(file);
    let server = Served::start(&place.config());
    assert_eq!(client(&server, &token).get("/Users").unwrap().status, 200);
    assert_eq!(server.terminate(), Some(0));

    let place = Place::new("");
    let file = Connection::open(place.database()).unwrap();
    file.execute_batch("create table theirs (x); insert into theirs values (1);").unwrap();
    drop(file);
    sentence(&place.command(&["serve"]));
    let file = Connection::open(place.database()).unwrap();
    assert_eq!(
        file.query_row("select group_concat(name) from sqlite_schema", [], |r| r.get::<_, String>(0)).unwrap(),
        "theirs"
    );
}
