//! What is wrong is said: where the server starts, in commands, and on the pages.

use serde_json::{Value, json};

use super::Desk;
use crate::served::{Place, Served};
use crate::settings::House;
use crate::settings::browser::text;

fn status(place: &Place) -> Value {
    serde_json::from_str(&place.done(&["provisioning", "status", "--json"])).unwrap()
}

/// What has to come first may be another thing when provisioning is on already.
#[test]
fn a_precondition_that_came_later_is_told_everywhere() {
    let mut desk = Desk::new();
    desk.house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    assert_eq!(status(&desk.house.place)["warning"], Value::Null);
    desk.house.stop();
    let config = desk.house.place.config();
    let before = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{before}[sso]\nprecondition = \"required\"\n")).unwrap();
    desk.house.start();
    let words = "Provisioning is on although single sign-on is not set up and sso.precondition is \"required\".";
    crate::served::logged(|| desk.house.server().log(), &["WARN", "Provisioning is on although"]);
    assert!(desk.house.server().printed("WARNING: ").contains(words));
    let mut ada = desk.house.ada();
    for page in ["/", "/provisioning"] {
        assert!(text(&ada.page(page)).contains(words), "{page}");
    }
    let place = &desk.house.place;
    assert!(place.done(&["provisioning", "status"]).contains(&format!("WARNING: {words}")));
    assert_eq!(status(place)["warning"], json!(words));
    // What keeps everybody out needs nothing before it.
    place.done(&["provisioning", "pause"]);
    assert!(!text(&ada.page("/")).contains("although") && status(place)["warning"] == Value::Null);
}

/// A command that is always refused is no advice.
#[test]
fn the_next_step_at_the_start_is_one_that_works() {
    let mut required = House::with("[sso]\nprecondition = \"required\"\n");
    assert!(required.server().printed("Then:").is_empty());
    let last = required.server().printed(" provisioning on");
    assert!(last.is_empty(), "{last}");
    required.stop();
    let free = House::new();
    assert_eq!(free.server().printed(" provisioning on"), "--acknowledge-no-sso");
}

/// Where the pages have another address than SCIM, nobody is to be sent back to that of SCIM without a word.
#[test]
fn a_redirect_to_where_the_pages_are_not_is_told() {
    let listener = "[listen.settings]\naddress = \"127.0.0.1:0\"\n";
    let config = |more: &str| {
        let house = House::empty(&format!("{listener}{more}"));
        let text = std::fs::read_to_string(house.place.config()).unwrap();
        std::fs::write(house.place.config(), format!("public_url = \"https://scim.example.com\"\n{text}")).unwrap();
        house
    };
    let words = "back to https://scim.example.com, where SCIM is";
    let warned = |house: &House| {
        let output = house.place.command(&["check-config"]);
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap().contains(words)
    };
    let house = config("");
    assert!(warned(&house));
    assert!(house.spoken(&["admin", "create", "ada"], crate::settings::PASSWORD).status.success());
    let server = Served::start(&house.place.config());
    crate::served::logged(|| server.log(), &["WARN", words]);
    let page = server.printed("Settings page: ");
    let port = page.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    let mut ada = crate::settings::browser::Browser::new(port);
    assert_eq!(ada.sign_in("ada", crate::settings::PASSWORD).status, 303);
    assert!(text(&ada.page("/sso")).contains(words));
    assert!(!warned(&config("[sso]\nurl = \"https://pages.example.com\"\n")));
    // Where nobody has said an address, it is that of the pages.
    let mut house = House::empty(listener);
    assert!(house.spoken(&["admin", "create", "ada"], crate::settings::PASSWORD).status.success());
    house.start();
    let page = house.server().printed("Settings page: ");
    let port = page.trim_end_matches('/').rsplit_once(':').unwrap().1.parse().unwrap();
    let mut ada = crate::settings::browser::Browser::new(port);
    assert_eq!(ada.sign_in("ada", crate::settings::PASSWORD).status, 303);
    let sso = ada.page("/sso");
    assert!(sso.contains(&format!("http://127.0.0.1:{port}/sign-in/sso/callback")));
}

/// Who has said that it is to go without single sign-on, and when: not only while provisioning is off.
#[test]
fn the_word_is_kept_shown_and_recorded() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    assert_eq!(status(&desk.house.place)["acknowledgedBy"], Value::Null);
    assert_eq!(ada.fill("/provisioning", "/provisioning/on", &[("acknowledge", "yes")]).status, 303);
    let json = status(&desk.house.place);
    assert_eq!(json["acknowledgedBy"], json!("admin:ada"));
    let at = json["acknowledgedNoSso"].as_str().unwrap().to_owned();
    let minute = at.get(..16).unwrap().replace('T', " ");
    assert!(desk.house.place.done(&["provisioning"]).contains(&format!("admin:ada said on {minute} UTC")));
    let shown = text(&ada.page("/provisioning"));
    let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(shown.contains(&format!("ada decided on {minute}")), "{shown}");
    let after = desk.house.text("select after from change where op = 'provisioning' order by n desc limit 1");
    assert_eq!(serde_json::from_str::<Value>(&after).unwrap()["acknowledgedNoSso"], json!(true));
    desk.house.place.done(&["provisioning", "off"]);
    let after = desk.house.text("select after from change where op = 'provisioning' order by n desc limit 1");
    assert!(!after.contains("acknowledged"), "once");
    assert!(text(&ada.page("/provisioning")).contains(&format!("ada decided on {minute} UTC")));
}

/// Settings that cannot be read keep people out: nobody is deactivated for that, and all pages say it.
#[test]
fn settings_that_cannot_be_read_are_told_and_can_be_switched_off() {
    let desk = Desk::on();
    let place = &desk.house.place;
    place.done(&["inactive", "on", "--days", "7"]);
    desk.house.execute("update setting set value = '{\"kind' where name = 'sso'");
    let idle: Value = serde_json::from_str(&place.done(&["inactive", "status", "--json"])).unwrap();
    assert_eq!(idle["state"], json!("stopped"), "{idle}");
    assert!(place.done(&["sso", "status"]).contains("not readable"));
    let mut ada = desk.house.ada();
    for page in ["/", "/sso"] {
        assert!(text(&ada.page(page)).contains("cannot be read"), "{page}");
    }
    assert!(text(&ada.page("/sso")).contains("Switch it off"));
    assert_eq!(ada.fill("/sso/off", "/sso/off", &[]).status, 303);
    assert_eq!(desk.house.number("select count(*) from setting where name = 'sso_since' and value is not null"), 0);
    assert!(!text(&ada.page("/sso")).contains("Switch it off"));
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    assert!(!text(&ada.page("/sso")).contains("cannot be read"));
    desk.on_again(&mut ada);
}
