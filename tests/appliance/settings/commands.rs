//! Administrators by commands and by the configuration (items 24 and 25).

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use super::browser::text;
use super::{House, OTHER, PASSWORD, sentence};

fn names(house: &House) -> Vec<String> {
    let listed: Value = serde_json::from_str(&house.place.done(&["admin", "list", "--json"])).unwrap();
    listed.as_array().unwrap().iter().map(|a| a["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn administrators_are_made_reset_listed_and_removed_by_commands() {
    let house = House::empty("");
    assert!(house.place.done(&["token", "create", "--name", "first"]).contains("scimapp_"));
    assert!(house.place.done(&["admin", "list"]).contains("no administrator yet"));
    let made = house.spoken(&["admin", "create", "Ada Lovelace"], PASSWORD);
    assert!(made.status.success());
    assert!(String::from_utf8_lossy(&made.stdout).contains("can sign in"));
    let said = sentence(&house.spoken(&["admin", "create", "ADA lovelace"], PASSWORD));
    assert!(said.contains("already") && said.contains("admin reset"), "{said}");
    for (name, password) in [
        ("", PASSWORD),
        ("x\u{7}", PASSWORD),
        (&"x".repeat(65), PASSWORD),
        ("bob", "short"),
        ("bob", "password1234"),
        ("bob", ""),
    ] {
        sentence(&house.spoken(&["admin", "create", name], password));
    }
    let last = sentence(&house.place.command(&["admin", "remove", "ada lovelace"]));
    assert!(last.contains("last administrator"), "{last}");
    assert!(sentence(&house.place.command(&["admin", "remove", "nobody"])).contains("admin list"));
    assert!(sentence(&house.spoken(&["admin", "reset", "nobody"], OTHER)).contains("admin list"));
    // Without a terminal and without the option there is nobody to ask.
    assert!(sentence(&house.place.command(&["admin", "create", "carol"])).contains("--password-stdin"));
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    assert_eq!(names(&house), ["Ada Lovelace", "grace"]);
    let table = house.place.done(&["admin", "list"]);
    assert!(table.contains("Ada Lovelace") && table.contains("SECOND FACTOR") && !table.contains("argon2"));
    house.place.done(&["admin", "remove", "GRACE"]);
    assert_eq!(names(&house), ["Ada Lovelace"]);
    let ops: Vec<(String, String)> = house.audit();
    for (who, op) in [("command:admin create", "admin.create"), ("command:admin remove", "admin.remove")] {
        assert!(ops.contains(&(who.to_owned(), op.to_owned())), "{ops:?}");
    }
    house.is_nowhere(&[PASSWORD, OTHER]);
}

#[test]
fn the_commands_explain_themselves_with_an_example() {
    let place = crate::served::Place::new("");
    for command in ["admin", "admin create", "admin reset", "admin list", "admin remove"] {
        let arguments: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let output = crate::served::run(place.path(), &arguments);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && told.contains("Usage"), "{command}");
        assert!(
            command == "admin" || told.contains("Example: scim-appliance --config x.toml admin"),
            "{command}: {told}"
        );
    }
}

/// A lost password or telephone is mended on the machine and nowhere else: there is no mail, and no such page.
#[test]
fn a_lost_password_is_reset_on_the_machine_only() {
    let house = House::new();
    let mut ada = house.ada();
    super::second_factor::enrolled(&mut ada);
    for path in ["/forgot", "/reset", "/sign-in/reset", "/password", "/account/reset", "/sign-in/forgot"] {
        let answer = house.browser().get(path);
        assert!(matches!(answer.status, 303 | 401 | 404), "{path}: {}", answer.status);
        let mut visitor = house.browser();
        visitor.page("/sign-in");
        assert_ne!(visitor.post(path, &[("name", "ada"), ("email", "a@x.io")]).status, 200, "{path}");
    }
    let page = text(&house.browser().page("/sign-in"));
    assert!(page.contains("admin reset"), "{page}");
    let said = house.spoken(&["admin", "reset", "ADA"], OTHER);
    assert!(String::from_utf8_lossy(&said.stdout).contains("no second factor"));
    assert!(!ada.is_in());
    house.signed_in("ada", OTHER);
    assert!(house.audit().contains(&("command:admin reset".to_owned(), "admin.reset".to_owned())));
}

fn bootstrapped(password: &str, mode: u32) -> House {
    let house = House::empty("[bootstrap]\nadmin_name = \"root\"\nadmin_password_file = \"first.txt\"\n");
    let file = house.place.path().join("first.txt");
    std::fs::write(&file, format!("{password}\nsecond line\n")).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
    house
}

#[test]
fn an_installation_that_nobody_attends_has_its_first_administrator_from_a_file() {
    let mut house = bootstrapped(PASSWORD, 0o600).started();
    assert!(house.server().printed("Settings page: ").ends_with('/'), "no claim code");
    assert_eq!(house.browser().get("/setup").status, 404);
    house.signed_in("root", PASSWORD);
    assert!(house.audit().contains(&("bootstrap".to_owned(), "admin.create".to_owned())));
    // Later starts find somebody and do nothing, not even look at the file.
    assert!(house.spoken(&["admin", "create", "ada"], OTHER).status.success());
    house.place.done(&["admin", "remove", "root"]);
    house.stop();
    std::fs::remove_file(house.place.path().join("first.txt")).unwrap();
    house.start();
    assert_eq!(names(&house), ["ada"]);
    assert_eq!(house.browser().sign_in("root", PASSWORD).status, 403);
}

#[test]
fn a_file_that_others_can_read_or_a_weak_password_stops_the_start() {
    for (password, mode, said) in [
        (PASSWORD, 0o644, "chmod 600"),
        (PASSWORD, 0o640, "chmod 600"),
        ("admin", 0o600, "at least 12"),
        ("", 0o600, "at least 12"),
        ("password1234", 0o600, "first passwords"),
    ] {
        let house = bootstrapped(password, mode);
        let told = sentence(&house.place.command(&["serve"]));
        assert!(told.contains(said) && told.contains("config.toml"), "{told}");
        assert_eq!(house.number("select count(*) from admin"), 0);
    }
    let house = House::empty("[bootstrap]\nadmin_password_file = \"nowhere.txt\"\n");
    assert!(sentence(&house.place.command(&["serve"])).contains("nowhere.txt"));
}

/// What a command has done is true with the next click.
#[test]
fn commands_beside_a_running_server_take_effect_at_once() {
    let house = House::new();
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let mut grace = house.signed_in("grace", OTHER);
    house.place.done(&["token", "create", "--name", "beside"]);
    assert!(grace.page("/provisioning").contains("beside"));
    house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    assert!(text(&grace.page("/provisioning")).contains("Provisioning is on"));
    let listed: Value = serde_json::from_str(&house.place.done(&["admin", "list", "--json"])).unwrap();
    assert_eq!(listed[1]["secondFactor"], json!(false));
    assert!(listed[1]["lastSignIn"].is_string() && listed[0]["lastSignIn"].is_null());
    house.place.done(&["admin", "remove", "grace"]);
    assert!(!grace.is_in());
    assert_eq!(house.server.unwrap().terminate(), Some(0));
}

/// C11 of the model: one administrator is one lost password away from nobody.
#[test]
fn the_overview_says_when_only_one_administrator_can_sign_in() {
    let house = House::new();
    let alone = "Only one administrator can sign in here";
    let page = house.ada().page("/");
    assert!(page.contains(alone) && page.contains("href=\"/admins\""), "{page}");
    assert!(!house.ada().page("/people").contains(alone), "it is no banner");
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    assert!(!house.ada().page("/").contains(alone));
}
