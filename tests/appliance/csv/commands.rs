//! By command.

use serde_json::json;

use super::{House, imported, written};
use crate::settings::{id_of, sentence};

#[test]
fn a_file_is_looked_at_and_then_imported_while_the_server_runs() {
    let house = House::new();
    let client = house.provider();
    let ada =
        id_of(&client.post("/Users", &json!({"userName": "ada@x.io", "title": "Countess", "active": true})).unwrap());
    let crew = id_of(&client.post("/Groups", &json!({"displayName": "Crew"})).unwrap());
    let gone = id_of(&client.post("/Users", &json!({"userName": "back@x.io"})).unwrap());
    assert_eq!(client.delete(&format!("/Users/{gone}")).unwrap().status, 204);
    let text = "userName;title;email;active;groups;role\nada@x.io;[clear];a@x.io;false;crew;USER\nback@x.io;=1+1;;;;\n";
    let (told, good, errors) = imported(&house.place, text, &["--dry-run"]);
    assert!(good && errors.is_empty(), "{errors}");
    assert_eq!(
        (told["wouldCreate"].clone(), told["wouldUpdate"].clone(), told["imported"].clone()),
        (json!(1), json!(1), json!(false))
    );
    assert_eq!((told["created"].clone(), told["updated"].clone()), (json!(0), json!(0)));
    assert_eq!((told["wouldJoinGroups"].clone(), told["wouldChangeRole"].clone()), (json!(1), json!(1)));
    assert_eq!(told["changes"][0]["columns"][0], json!({"column": "title", "before": "Countess", "after": ""}));
    assert_eq!(told["changes"][1]["returns"], json!(true));
    assert_eq!(client.get(&format!("/Users/{ada}")).unwrap().json()["title"], json!("Countess"));
    let (told, good, errors) = imported(&house.place, text, &[]);
    assert!(good, "{errors}");
    assert_eq!((told["imported"].clone(), told["deactivated"].clone()), (json!(true), json!(1)));
    assert_eq!(
        (told["created"].clone(), told["updated"].clone(), told["error"].clone()),
        (json!(1), json!(1), json!(null))
    );
    let seen = client.get(&format!("/Users/{ada}")).unwrap().json();
    assert_eq!((seen["title"].clone(), seen["active"].clone()), (json!(null), json!(false)));
    assert_eq!(seen["emails"], json!([{"value": "a@x.io", "type": "work"}]));
    assert_eq!(seen["groups"][0]["value"], json!(crew));
    // As POST does it: known as the same person. What was added here stays when the provider replaces the members.
    let known = house.text("select departed from returned");
    assert_eq!(known, gone);
    client.put(&format!("/Groups/{crew}"), &json!({"displayName": "Crew", "members": []})).unwrap();
    assert_eq!(client.get(&format!("/Groups/{crew}")).unwrap().json()["members"][0]["value"], json!(ada));
    assert_eq!(
        house.number(
            "select count(*) from handover where person = (select id from resource where name_key = 'ada@x.io')"
        ),
        1
    );
    let again = house.place.done(&["person", "import", "people.csv"]);
    assert!(again.contains("0 people made, 0 changed, 2 unchanged."), "{again}");
    assert!(house.audit().iter().any(|(actor, op)| actor == "command:person import" && op == "patch"));
}

#[test]
fn what_is_wrong_goes_to_stderr_by_line_and_nothing_is_imported() {
    let house = House::new();
    let (told, good, errors) = imported(&house.place, "userName,active\ngood,true\nbad,perhaps\n,x\n", &[]);
    assert!(!good);
    assert_eq!((told["errorCount"].clone(), told["imported"].clone()), (json!(2), json!(false)));
    assert_eq!(told["errors"][0], json!({"line": 3, "column": "active", "why": "true or false is expected."}));
    assert!(errors.contains("Line 3, active: true or false is expected.\nLine 4, userName:"), "{errors}");
    assert!(errors.ends_with("error: 2 errors in the file; nothing was imported\n"), "{errors}");
    assert_eq!(super::people(&house), 0);
    for (text, says) in [
        ("userName,shoe\nx,1\n", "There is no attribute 'shoe'"),
        ("", "The file is empty"),
        ("userName\n\"x\n", "Line 2: The quote that begins here is never closed."),
    ] {
        written(&house.place, "bad.csv", text);
        let refused = sentence(&house.place.command(&["person", "import", "bad.csv", "--dry-run"]));
        assert!(refused.contains(says) && refused.contains("bad.csv"), "{refused}");
    }
    assert!(sentence(&house.place.command(&["person", "import", "none.csv"])).contains("none.csv cannot be read"));
}

#[test]
fn an_export_is_whole_is_private_and_changes_nothing() {
    use std::os::unix::fs::PermissionsExt;
    let house = House::new();
    let client = house.provider();
    for name in ["=cmd|' /C calc'!A0", "+49", "@x", "'s", "a;=b", "x\u{ff1d}", "\u{ff1d}x", "<script>"] {
        let person = json!({"userName": name, "title": name, "emails": [{"value": name, "type": "work"}]});
        id_of(&client.post("/Users", &person).unwrap());
    }
    let printed = house.place.done(&["person", "export"]);
    let file = house.place.path().join("out.csv");
    std::fs::write(&file, "old").unwrap();
    house.place.done(&["person", "export", "out.csv", "--bom", "--force"]);
    let kept = std::fs::read_to_string(&file).unwrap();
    assert_eq!(kept.strip_prefix('\u{feff}'), Some(printed.as_str()));
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = std::fs::read_dir(house.place.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().contains("draft")), "{left:?}");
    let (told, good, errors) = imported(&house.place, &kept, &["--dry-run"]);
    assert!(good && told["unchanged"] == json!(8) && told["wouldUpdate"] == json!(0), "{told}");
    assert!(errors.is_empty());
    assert_eq!(told["unread"].as_array().unwrap().len(), 4, "{told}");
    for cell in printed.split(['\n', ',', ';', '\r']) {
        let first = cell.trim_start_matches(['"', ' ']).chars().next();
        assert!(!first.is_some_and(|c| "=+-@\u{ff1d}\t".contains(c)), "{cell}");
    }
    assert!(sentence(&house.place.command(&["person", "export", "/none/x.csv"])).contains("cannot be made"));
}

/// The owner's bound on the file holds for whole files of people, and nothing of one that does not fit is there.
#[test]
fn a_file_that_does_not_fit_into_the_database_is_not_imported() {
    let house = House::with("[store]\nmax_size_mib = 1\n");
    let file = written(&house.place, "many.csv", super::many("p", 3000));
    let refused = sentence(&house.place.command(&["person", "import", file.to_str().unwrap()]));
    assert!(refused.contains("has reached its configured size"), "{refused}");
    assert_eq!(super::people(&house), 0);
    // What did not happen is not told as if it had.
    let output = house.place.command(&["person", "import", file.to_str().unwrap()]);
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.contains("3000 people would be made, 0 would be changed"), "{told}");
    let (told, good, _) = imported(&house.place, super::many("p", 3000), &[]);
    assert!(!good && told["imported"] == json!(false) && told["created"] == json!(0), "{told}");
    assert!(told["wouldCreate"] == json!(3000) && told["error"].as_str().unwrap().contains("configured size"));
    house.place.done(&["person", "create", "one"]);
}
