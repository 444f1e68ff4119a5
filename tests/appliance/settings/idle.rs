//! The page of automatic deactivation. What single sign-on will write, since when it is on, is written into the file here, and
//! so is the past.

use serde_json::json;

use super::browser::{Browser, hidden, tags, text};
use super::{House, MINUTE, PASSWORD, id_of};
use crate::wire::Client;

const HERE: &str = "/provisioning/idle";
const DAY: i64 = 24 * 60 * MINUTE;

/// Single sign-on has been on for 100 days, and nobody was heard of for 300.
fn aged() -> String {
    let now = "cast(unixepoch('subsec') * 1000000 as integer)";
    format!(
        "insert or replace into setting values ('sso_since', cast({now} - 100 * {DAY} as text)), ('sso', '{}');
         update resource set created = {now} - 300 * {DAY}, modified = {now} - 300 * {DAY};",
        super::SET_UP
    )
}

fn person(client: &Client, name: &str) -> String {
    id_of(&client.post("/Users", &json!({"userName": name})).unwrap())
}

fn state(house: &House) -> String {
    let found: serde_json::Value = serde_json::from_str(&house.place.done(&["inactive", "status", "--json"])).unwrap();
    found["state"].as_str().unwrap().to_owned()
}

/// A form that was carried out.
fn sent(browser: &mut Browser, action: &str, fields: &[(&str, &str)]) {
    let answer = browser.fill(HERE, &format!("{HERE}/{action}"), fields);
    assert_eq!(answer.status, 303, "{action}: {}", answer.body);
}

#[test]
fn without_single_sign_on_the_page_says_why_and_keeps_what_was_typed() {
    let house = House::new();
    let mut ada = house.ada();
    let page = text(&ada.page(HERE));
    assert!(page.contains("Automatic deactivation is off."), "{page}");
    assert!(page.contains("Single sign-on has to be on for 90 days; it is off."), "{page}");
    assert!(ada.page("/provisioning").contains(HERE));
    let client = house.provider();
    id_of(&client.post("/Users", &json!({"userName": "gone@x.io", "active": false})).unwrap());
    assert!(ada.page("/people?status=deactivated").contains(HERE) && !ada.page("/people").contains(HERE));
    let refused = ada.post(&format!("{HERE}/on"), &[("days", "60")]);
    assert_eq!(refused.status, 409);
    assert_eq!(hidden(&refused.body, "days").as_deref(), Some("60"));
    let why = "Single sign-on has to be on for 60 days; it is off.";
    assert!(text(&refused.body).contains(why) && refused.body.contains("days-error"), "{}", refused.body);
    assert!(refused.body.contains("<title>Error: "), "{}", refused.body);
    for wrong in ["6", "1000", "", "ten", "<script>alert(1)</script>", "7.5", "１２"] {
        let refused = ada.post(&format!("{HERE}/on"), &[("days", wrong)]);
        assert_eq!(refused.status, 422, "{wrong}");
        assert_eq!(hidden(&refused.body, "days").as_deref(), Some(wrong));
        assert!(tags(&refused.body).iter().all(|t| t.name != "script" || t.get("src").is_some()), "{wrong}");
    }
    assert_eq!(house.number("select count(*) from idle"), 0);
}

#[test]
fn it_is_switched_on_watched_and_switched_off_on_the_page() {
    let mut house = House::new();
    let client = house.provider();
    let names: Vec<String> = (0..30).map(|i| format!("p{i:02}@x.io")).chain(["<b>odd</b>@x.io".to_owned()]).collect();
    let ids: Vec<String> = names.iter().map(|n| person(&client, n)).collect();
    house.meanwhile(&aged());
    let mut ada = house.ada();
    let page = text(&ada.page(HERE));
    assert!(page.contains("If it were switched on now, for 90 days, 31 people by"), "{page}");
    sent(&mut ada, "on", &[("days", " 30 ")]);
    let page = ada.page(HERE);
    let words = text(&page);
    assert!(
        words.contains("31 people will be deactivated, without sign-in or contact for 30 days by then."),
        "{words}"
    );
    assert!(words.contains("They are so many that an administrator has to confirm it then."), "{words}");
    assert!(words.contains("still believes its people active") && words.contains("1 to 25 of 31"), "{words}");
    assert_eq!(hidden(&page, "days").as_deref(), Some("30"));
    assert!(text(&ada.page("/")).contains("31 people will be deactivated"));
    // The odd name is text; somebody is exempt from the second page, which is shown again.
    let second = ada.page(&format!("{HERE}?offset=25"));
    assert!(text(&second).contains("<b>odd</b>@x.io") && !second.contains("<b>odd"), "{second}");
    let fields = [("person", ids[30].as_str()), ("exempt", "yes"), ("offset", "25")];
    let answer = ada.post(&format!("{HERE}/exempt"), &fields);
    assert_eq!((answer.status, answer.header("location")), (303, Some(format!("{HERE}?offset=25").as_str())));
    // Once more, and somebody who is not there: nothing else happens.
    sent(&mut ada, "exempt", &fields);
    sent(&mut ada, "exempt", &[("person", "nobody"), ("exempt", "yes"), ("offset", "/../x")]);
    let page = text(&ada.page(HERE));
    assert!(page.contains("30 people will be deactivated") && page.contains("End the exemption"), "{page}");
    let history = text(&ada.page(&format!("/people/{}", ids[30])));
    assert!(history.contains("Exempt from automatic deactivation"), "{history}");
    sent(&mut ada, "exempt", &[("person", &ids[30])]);
    assert!(text(&ada.page(HERE)).contains("31 people will be deactivated"));
    // Another number is announced anew; the same one is not.
    let announced = house.number("select announced from idle");
    sent(&mut ada, "on", &[("days", "30")]);
    assert_eq!(house.number("select announced from idle"), announced);
    sent(&mut ada, "on", &[("days", "31")]);
    assert!(house.number("select announced from idle") > announced);
    // A page that is beyond the end, and forms that are opened like pages.
    for path in [format!("{HERE}?offset=1000"), format!("{HERE}/off"), format!("{HERE}/confirm")] {
        assert_eq!(ada.get(&path).header("location"), Some(HERE), "{path}");
    }
    assert_eq!(ada.get(&format!("{HERE}/nothing")).status, 404);
    assert_eq!(ada.post(&format!("{HERE}/nothing"), &[]).status, 404);
    sent(&mut ada, "off", &[]);
    sent(&mut ada, "off", &[]);
    assert_eq!(state(&house), "off");
    let audit = house.audit();
    let count = |op: &str| audit.iter().filter(|(who, o)| who == "admin:ada" && o == op).count();
    assert_eq!(
        ["inactive.on", "inactive.exempt", "inactive.unexempt", "inactive.off"].map(count),
        [2, 1, 1, 1],
        "{audit:?}"
    );
}

/// A run that takes very many asks for the password, and says how many it takes.
#[test]
fn a_run_that_waits_is_confirmed_with_the_password() {
    let mut house = House::with("[guard]\npercent = 0\ncount = 2\n");
    let client = house.provider();
    let ids = ["p1@x.io", "p2@x.io"].map(|n| person(&client, n));
    house.meanwhile(&aged());
    house.place.done(&["inactive", "on", "--days", "90"]);
    house.meanwhile(&format!("update idle set due = due - 8 * {DAY}, announced = announced - 8 * {DAY}"));
    let since = std::time::Instant::now();
    while state(&house) != "waiting" {
        assert!(since.elapsed() < crate::wire::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let mut ada = house.ada();
    assert!(text(&ada.page("/")).contains("2 people without sign-in or contact for 90 days wait"));
    let page = ada.page(HERE);
    assert!(text(&page).contains("Deactivate 2 people"), "{page}");
    assert_eq!(hidden(&page, "seen").as_deref(), Some("2"));
    house.execute(&format!("update session set authenticated = authenticated - 6 * {MINUTE}"));
    let again = ada.fill(HERE, &format!("{HERE}/confirm"), &[("seen", "2")]);
    assert_eq!(again.status, 403, "{}", again.body);
    assert!(again.body.contains("confirm-password") && again.body.contains("<title>Error: "), "{}", again.body);
    let wrong = ada.post(&format!("{HERE}/confirm"), &[("seen", "2"), ("confirm-password", "wrong")]);
    assert_eq!((wrong.status, state(&house)), (403, "waiting".to_owned()));
    let done = ada.post(&format!("{HERE}/confirm"), &[("seen", "2"), ("confirm-password", PASSWORD)]);
    assert_eq!(done.status, 303, "{}", done.body);
    let since = std::time::Instant::now();
    let open = "select count(*) from handover where status = 'open'";
    while house.number(open) < 2 {
        assert!(since.elapsed() < crate::wire::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    assert!(house.audit().contains(&("admin:ada".to_owned(), "inactive.confirm".to_owned())));
    let page = text(&ada.page(&format!("/people/{}", ids[0])));
    assert!(page.contains("Reason: no sign-in or contact since"), "{page}");
    // What was confirmed is done: the same form once more finds nothing that waits.
    sent(&mut ada, "confirm", &[("seen", "2")]);
    assert_eq!(house.audit().iter().filter(|(_, op)| op == "inactive.confirm").count(), 1);
}

#[test]
fn nobody_changes_it_from_elsewhere_or_without_signing_in() {
    let house = House::new();
    let mut stranger = house.browser();
    assert_eq!(stranger.get(HERE).header("location"), Some(format!("/sign-in?to={HERE}").as_str()));
    let mut ada = house.ada();
    ada.page(HERE);
    let body = super::browser::encoded(&[("csrf", "0"), ("days", "30")]);
    for action in ["on", "off", "exempt", "confirm"] {
        let answer = ada.send("POST", &format!("{HERE}/{action}"), &super::browser::OWN, Some(&body));
        assert_eq!(answer.status, 403, "{action}");
    }
    assert_eq!(house.number("select count(*) from change where op like 'inactive%'"), 0);
}
