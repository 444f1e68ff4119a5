//! Where an export is put: it replaces nothing that it was not meant to replace.

use std::os::unix::fs::{FileTypeExt, MetadataExt, symlink};
use std::process::{Command, Stdio};

use serde_json::json;

use super::{House, imported, written};
use crate::served::binary;
use crate::settings::sentence;

#[test]
fn an_export_replaces_nothing_of_the_installation() {
    let house = House::new();
    house.place.done(&["person", "create", "ada"]);
    let folder = house.place.path().to_owned();
    let database = house.place.database();
    let name = database.file_name().unwrap().to_str().unwrap().to_owned();
    let config = house.place.config();
    std::fs::hard_link(&database, folder.join("same.db")).unwrap();
    std::fs::create_dir(folder.join("in")).unwrap();
    let backup = folder.join("kept.bak");
    house.place.done(&["backup", backup.to_str().unwrap()]);
    let before = |file: &std::path::Path| file.metadata().map(|m| m.ino()).ok();
    let own = ["", "-wal", "-shm", "-journal", ".key", ".lock", ".in-use"].map(|suffix| format!("{name}{suffix}"));
    let own: Vec<String> = own
        .into_iter()
        .chain([format!("in/../{name}"), "same.db".to_owned()])
        .chain([config.file_name().unwrap().to_str().unwrap().to_owned()])
        .collect();
    for file in &own {
        let was = before(&folder.join(file));
        for force in [&["--force"][..], &[]] {
            let refused = sentence(&house.place.command(&[&["person", "export", file.as_str()], force].concat()));
            assert!(refused.contains("of this installation; name another file"), "{file}: {refused}");
        }
        assert_eq!(before(&folder.join(file)), was, "{file}");
    }
    let refused = sentence(&house.place.command(&["person", "export", "kept.bak", "--force"]));
    assert!(refused.contains("is a database"), "{refused}");
    house.place.done(&["person", "create", "eve"]);
    assert_eq!(super::people(&house), 2);
}

#[test]
fn an_export_replaces_a_file_only_when_it_is_told_to() {
    let house = House::new();
    house.place.done(&["person", "create", "ada"]);
    let folder = house.place.path().to_owned();
    let kept = written(&house.place, "kept.csv", "old");
    symlink(&kept, folder.join("link.csv")).unwrap();
    symlink("/dev/null", folder.join("null.csv")).unwrap();
    symlink(folder.join("nowhere"), folder.join("dangling.csv")).unwrap();
    std::fs::create_dir(folder.join("folder.csv")).unwrap();
    for file in ["link.csv", "null.csv", "dangling.csv", "folder.csv", "/dev/null"] {
        for force in [&["--force"][..], &[]] {
            let refused = sentence(&house.place.command(&[&["person", "export", file], force].concat()));
            assert!(refused.contains("is there and is no file"), "{file}: {refused}");
        }
    }
    assert!(std::fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let refused = sentence(&house.place.command(&["person", "export", "kept.csv"]));
    assert!(refused.contains("kept.csv is there already; --force replaces it"), "{refused}");
    assert_eq!(std::fs::read_to_string(&kept).unwrap(), "old");
    house.place.done(&["person", "export", "kept.csv", "--force"]);
    assert!(std::fs::read_to_string(&kept).unwrap().contains(",ada,"));
    let long = "x".repeat(255);
    house.place.done(&["person", "export", &long]);
    assert!(folder.join(&long).is_file());
    let printed = house.place.done(&["person", "export", "-"]);
    assert!(printed.contains(",ada,") && !folder.join("-").exists());
    for (file, says) in [("/", "does not name a file"), ("none/x.csv", "none/x.csv cannot be made")] {
        let refused = sentence(&house.place.command(&["person", "export", file]));
        assert!(refused.contains(says), "{refused}");
    }
    let left = std::fs::read_dir(&folder)
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().contains("draft"));
    assert_eq!(left.count(), 0);
}

/// `person export | head` ends as quietly as every other command of a pipe.
#[test]
fn whoever_reads_may_have_had_enough() {
    let house = House::new();
    let (_, good, errors) = imported(&house.place, super::many("p", 3000), &[]);
    assert!(good, "{errors}");
    let mut command = Command::new(binary());
    command.arg("--config").arg(house.place.config()).args(["person", "export"]);
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
}

/// Somebody with six hundred addresses hides nothing of anybody else, and what has no column is not left out in silence.
#[test]
fn what_does_not_fit_into_a_file_is_said() {
    let house = House::new();
    let client = house.provider();
    let emails: Vec<_> = (0..600).map(|i| json!({"value": format!("{i}@x"), "type": format!("zz{i}")})).collect();
    assert_eq!(client.post("/Users", &json!({"userName": "flood", "emails": emails})).unwrap().status, 201);
    let later = json!({"userName": "later", "nickName": "Nick", "phoneNumbers": [{"value": "1", "type": "work"}]});
    assert_eq!(client.post("/Users", &later).unwrap().status, 201);
    let output = house.place.command(&["person", "export"]);
    let (text, said) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(output.status.success() && said.contains("500 columns") && said.contains("at least is left out"), "{said}");
    assert!(text.contains("nickName") && text.contains("phoneNumbers.work"));
    let answer = house.ada().get("/people/export.csv");
    assert_eq!(answer.status, 507, "{}", answer.body);
    assert!(answer.body.contains("would be left out"), "{}", answer.body);
}

#[test]
fn an_id_that_nobody_has_makes_nobody() {
    let house = House::new();
    let id = house.place.done(&["person", "create", "ada"]).trim().to_owned();
    for wrong in [format!("{id} "), id.replace('-', ""), "1".to_owned()] {
        let (told, good, errors) = imported(&house.place, format!("id,userName\n{wrong},ada.new\n"), &[]);
        assert!(!good && errors.contains("Nobody has the id"), "{errors}");
        assert_eq!(told["errors"][0]["column"], json!("id"));
    }
    let (told, good, _) = imported(&house.place, format!("id,userName\n{id},ada.new\n,eve\n"), &[]);
    assert!(good && told["created"] == 1 && told["updated"] == 1, "{told}");
}
