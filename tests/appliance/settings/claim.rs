//! The first run (item 24): nobody is an administrator by default, and whoever has the code of the start becomes one.

use super::browser::{Browser, text};
use super::{House, MINUTE, PASSWORD, at_once};

fn claim(house: &House) -> String {
    house.server().printed("claim code ").split(' ').next().unwrap().to_owned()
}

fn take(browser: &mut Browser, code: &str) -> crate::support::Answer {
    browser.fill("/setup", "/setup", &[("claim", code), ("name", "ada"), ("password", PASSWORD)])
}

#[test]
fn a_new_server_asks_for_the_code_that_it_printed_and_then_never_again() {
    let mut house = House::empty("").started();
    let printed = house.server().printed("Settings page: ");
    let code = claim(&house);
    assert!(printed.ends_with(&format!("/setup with the claim code {code} (good for 30 minutes)")), "{printed}");
    let bare = code.replace('-', "");
    assert!(bare.len() == 26 && bare.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()), "128 bits: {code}");
    assert_eq!(house.number("select count(*) from admin"), 0);
    for page in ["/", "/people", "/sign-in", "/admins", "/account", "/sign-in/code", "/provisioning"] {
        assert_eq!(house.browser().get(page).header("location"), Some("/setup"), "{page}");
    }
    for name in ["admin", "root", "scim-appliance", ""] {
        let mut browser = house.browser();
        browser.page("/setup");
        let answer = browser.post("/sign-in", &[("name", name), ("password", "admin")]);
        assert_eq!(answer.header("location"), Some("/setup"));
    }
    house.is_nowhere(&[&code, &bare, &code[..14], &bare.to_lowercase()]);
    let mut browser = house.browser();
    let page = browser.page("/setup");
    assert!(!page.contains(&code) && !house.server().log().contains(&code));
    for (fields, wrong) in [
        ([("claim", ""), ("name", "ada"), ("password", PASSWORD)], "claim"),
        ([("claim", code.as_str()), ("name", " "), ("password", PASSWORD)], "name"),
        ([("claim", code.as_str()), ("name", "ada"), ("password", "ada")], "password"),
    ] {
        let answer = browser.post("/setup", &fields);
        assert_eq!(answer.status, 422, "{wrong}");
        assert!(answer.body.contains(&format!("id=\"{wrong}-error\"")) && !answer.body.contains(PASSWORD));
    }
    // As people type it.
    let answer = take(&mut browser, &format!(" {} ", code.replace('-', " ").to_lowercase()));
    assert_eq!((answer.status, answer.header("location")), (303, Some("/provisioning")), "{}", text(&answer.body));
    assert!(browser.is_in());
    assert_eq!(house.audit()[0], ("claim".to_owned(), "admin.create".to_owned()));
    for mut later in [browser, house.browser()] {
        assert_eq!(later.get("/setup").status, 404);
        later.page(if later.session().is_empty() { "/sign-in" } else { "/account" });
        assert_eq!(later.post("/setup", &[("claim", &code), ("name", "eve"), ("password", PASSWORD)]).status, 404);
    }
    house.stop();
    house.start();
    assert!(house.server().printed("Settings page: ").ends_with('/'), "no code any more");
    assert_eq!(house.browser().get("/setup").status, 404);
    assert_eq!(house.number("select count(*) from admin"), 1);
    house.is_nowhere(&[PASSWORD, &code, &bare]);
}

#[test]
fn one_of_many_who_claim_at_once_gets_it() {
    let house = House::empty("").started();
    let code = claim(&house);
    let browsers: Vec<Browser> = (0..64)
        .map(|_| {
            let mut browser = house.browser();
            browser.page("/setup");
            browser
        })
        .collect();
    let answers = at_once(64, |i| {
        let name = format!("admin{i}");
        browsers[i].clone().post("/setup", &[("claim", &code), ("name", &name), ("password", PASSWORD)]).status
    });
    assert_eq!(answers.iter().filter(|s| **s == 303).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|s| matches!(s, 303 | 404 | 429)), "{answers:?}");
    assert_eq!(house.number("select count(*) from admin"), 1);
}

#[test]
fn ten_wrong_codes_close_it_and_a_restart_makes_another_one() {
    let mut house = House::empty("").started();
    let first = claim(&house);
    // The tries are counted in the file. The first ones here, so that the test need not wait for the lock of names.
    let mut browser = house.browser();
    for i in 0..3 {
        let answer = take(&mut browser, "AAAA-AAAA-AAAA-AAAA-AAAA-AAAA-AA");
        assert_eq!(answer.status, 403);
        assert!(text(&answer.body).contains("This is not the code"), "{i}");
    }
    let setting = house.text("select value from setting where name = 'claim'");
    assert!(setting.ends_with(" 3"), "{setting}");
    assert!(!setting.contains(&first));
    house.execute("update setting set value = substr(value, 1, length(value) - 1) || '9' where name = 'claim'");
    assert_eq!(take(&mut browser, "BBBB").status, 403);
    let closed = take(&mut browser, &first);
    assert_eq!(closed.status, 403);
    assert!(text(&closed.body).contains("no longer good") && closed.body.contains("admin create"));
    assert_eq!(house.number("select count(*) from admin"), 0);
    house.stop();
    house.start();
    let second = claim(&house);
    assert_ne!(first, second);
    browser.port = house.port();
    assert_eq!(take(&mut browser, &first).status, 403, "the code of before is void");
    assert_eq!(take(&mut browser, &second).status, 303);
}

#[test]
fn a_code_is_good_for_thirty_minutes() {
    let house = House::empty("").started();
    let code = claim(&house);
    let setting = house.text("select value from setting where name = 'claim'");
    let end: i64 = setting.split(' ').nth(1).unwrap().parse().unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_micros() as i64;
    assert!((29 * MINUTE..=30 * MINUTE).contains(&(end - now)));
    house.execute(&format!("update setting set value = replace(value, '{end}', '{now}') where name = 'claim'"));
    let mut browser = house.browser();
    assert!(text(&browser.page("/setup")).contains("no longer good"));
    assert_eq!(browser.post("/setup", &[("claim", &code), ("name", "ada"), ("password", PASSWORD)]).status, 403);
    assert_eq!(house.number("select count(*) from admin"), 0);
    // A command does the same, beside the running server.
    assert!(house.spoken(&["admin", "create", "ada"], PASSWORD).status.success());
    assert_eq!(browser.get("/setup").status, 404);
    house.ada();
}

/// Guessing is slow also before anybody is there, and says how long to wait.
#[test]
fn guesses_at_the_code_are_slowed_down() {
    let house = House::empty("").started();
    // From one address: nobody is held up by the guesses of others, who can only use the ten tries up.
    let mut browser = house.browser();
    browser.page("/setup");
    let fields = [("claim", "WRONG"), ("name", "ada"), ("password", PASSWORD)];
    // The lock grows with each wrong one, so that at last a round meets it, however slow the machine is.
    let rounds = (0..4).flat_map(|_| at_once(8, |_| browser.clone().post("/setup", &fields)));
    let late = rounds.into_iter().find(|a| a.status == 429).expect("no try was refused");
    assert!(late.header("retry-after").unwrap().parse::<u64>().unwrap() >= 1);
    assert!(text(&late.body).contains("Try again in"));
}
