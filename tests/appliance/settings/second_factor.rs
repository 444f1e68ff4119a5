//! The second factor: the app's codes and the recovery codes, each good once (item 23).

use ring::hmac;

use super::browser::{Browser, hidden, tags, text};
use super::{House, MINUTE, PASSWORD, at_once};

/// What an app shows so many steps from now (RFC 6238), computed here and not by the code that is tested.
pub fn code(secret: &str, steps: i64) -> String {
    let key = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() as i64;
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &key);
    let tag = hmac::sign(&key, &(seconds / 30 + steps).to_be_bytes());
    let bytes = tag.as_ref();
    let at = usize::from(bytes[19] & 0xf);
    let number = u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

/// Waits until the present step has some seconds left, so that a code means the same to both sides.
pub fn steady() {
    let second = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() % 30;
    while second() >= 25 {
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
}

/// The secret on the page that offers one.
pub fn secret(page: &str) -> String {
    let words = text(page);
    let words: Vec<&str> = words.split_whitespace().collect();
    let is_part = |w: &&str| w.len() == 4 && w.bytes().all(|b| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b));
    let at = words.windows(8).position(|w| w.iter().all(&is_part)).unwrap();
    words[at..at + 8].concat()
}

/// Sets up a second factor, and gives its secret and the recovery codes.
pub fn enrolled(browser: &mut Browser) -> (String, Vec<String>) {
    let (secret, recovery, _) = enrolled_with(browser);
    (secret, recovery)
}

/// The same with the code that was used.
fn enrolled_with(browser: &mut Browser) -> (String, Vec<String>, String) {
    steady();
    let page = browser.page("/account/second-factor");
    let (secret, sealed) = (secret(&page), hidden(&page, "sealed").unwrap());
    let used = code(&secret, 0);
    let answer = browser.post("/account/second-factor", &[("sealed", &sealed), ("code", &used)]);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    (secret, codes(&answer.body), used)
}

pub fn codes(page: &str) -> Vec<String> {
    let list = page.split_once("id=\"codes\">").unwrap().1.split_once("</ol>").unwrap().0;
    list.split("<li>").skip(1).map(|c| c.trim_end_matches("</li>").to_owned()).collect()
}

/// A browser that has given the password and is asked for the code.
fn half(house: &House) -> Browser {
    let mut browser = house.browser();
    assert_eq!(browser.sign_in("ada", PASSWORD).header("location"), Some("/sign-in/code?to=/"));
    browser.page("/sign-in/code");
    browser
}

#[test]
fn a_second_factor_is_asked_for_and_nothing_is_open_before_it_is_given() {
    let house = House::new();
    let mut ada = house.ada();
    let mut elsewhere = house.ada();
    let old = ada.session();
    let (secret, recovery) = enrolled(&mut ada);
    assert_eq!(recovery.len(), 10);
    assert!(ada.is_in() && ada.session() != old && !elsewhere.is_in(), "other sessions end, this one is new");
    house.is_nowhere(&[
        &secret,
        &recovery[0],
        &recovery[9],
        &recovery[0].replace('-', ""),
        &recovery[0].replace('-', "").to_uppercase(),
    ]);
    let log = house.server().log();
    assert!(!log.contains(&secret) && !log.contains(&recovery[0]));
    let mut browser = half(&house);
    for page in ["/", "/people", "/account", "/tokens/new", "/admins"] {
        let answer = browser.get(page);
        assert_eq!(answer.status, 303, "{page}");
        assert!(answer.header("location").unwrap().starts_with("/sign-in"), "{page}");
    }
    assert!(!browser.cookies.contains_key(super::browser::DEVICE), "not known before all was given");
    let before = browser.session();
    let answer = browser.fill("/sign-in/code", "/sign-in/code", &[("code", "000000"), ("to", "/people")]);
    assert!(matches!(answer.status, 403) || answer.status == 303, "one in a million");
    let answer = browser.post("/sign-in/code", &[("code", &code(&secret, 1)), ("to", "/people")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/people")), "{}", text(&answer.body));
    assert!(browser.is_in() && browser.session() != before);
    assert!(!house.browser().with_session(&before).is_in());
}

#[test]
fn a_step_is_good_once_also_for_many_at_a_time() {
    let house = House::new();
    let (secret, _, used) = enrolled_with(&mut house.ada());
    // The code that set it up was used.
    assert_eq!(half(&house).post("/sign-in/code", &[("code", &used)]).status, 403);
    let waiting: Vec<Browser> = (0..16).map(|_| half(&house)).collect();
    steady();
    let (before, now) = (code(&secret, 0), code(&secret, 1));
    let statuses = at_once(16, |i| waiting[i].clone().post("/sign-in/code", &[("code", &now)]).status);
    assert_eq!(statuses.iter().filter(|s| **s == 303).count(), 1, "{statuses:?}");
    assert!(statuses.iter().all(|s| matches!(s, 303 | 403 | 429)));
    // One that is older than the last one is good no longer, and one far away never was.
    house.execute("update admin set changed = changed + 1");
    for code in [before, now, code(&secret, -3), code(&secret, 4)] {
        assert_eq!(half(&house).post("/sign-in/code", &[("code", &code)]).status, 403, "{code}");
    }
    // The same session, many times at once.
    house.execute("update admin set totp_step = 0, changed = changed + 1");
    let browser = half(&house);
    steady();
    let now = code(&secret, 0);
    let answers = at_once(16, |_| browser.clone().post("/sign-in/code", &[("code", &now)]));
    assert_eq!(answers.iter().filter(|a| a.status == 303 && !super::browser::set(a).is_empty()).count(), 1);
}

#[test]
fn a_recovery_code_is_good_once_also_for_many_at_a_time() {
    let house = House::new();
    let mut ada = house.ada();
    let (_, recovery) = enrolled(&mut ada);
    let waiting: Vec<Browser> = (0..16).map(|_| half(&house)).collect();
    let typed = recovery[3].replace('-', " ").to_uppercase();
    let form = [("recovery", typed.as_str())];
    let statuses = at_once(16, |i| waiting[i].clone().post("/sign-in/code", &form).status);
    assert_eq!(statuses.iter().filter(|s| **s == 303).count(), 1, "{statuses:?}");
    assert_eq!(house.number("select json_array_length(recovery) from admin"), 9);
    assert!(house.audit().contains(&("admin:ada".into(), "admin.recovery-code-used".into())));
    house.execute("update admin set changed = changed + 1");
    assert_eq!(half(&house).post("/sign-in/code", &form).status, 403);
    let mut browser = half(&house);
    let answer = browser.post("/sign-in/code", &[("recovery", recovery[4].as_str())]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/account")));
    assert!(browser.page("/account").contains("8 left"));
    // New codes make the old ones useless.
    let answer = browser.post("/account/recovery-codes", &[]);
    let new = codes(&answer.body);
    assert!(new.len() == 10 && new.iter().all(|c| !recovery.contains(c)));
    assert_eq!(half(&house).post("/sign-in/code", &[("recovery", recovery[5].as_str())]).status, 403);
    assert_eq!(half(&house).post("/sign-in/code", &[("recovery", new[5].as_str())]).status, 303);
}

#[test]
fn whoever_waits_for_the_second_factor_waits_five_minutes() {
    let house = House::new();
    let (secret, _) = enrolled(&mut house.ada());
    let mut browser = half(&house);
    assert_eq!(house.number("select expires - created from session where complete = 0"), 5 * MINUTE);
    house.execute(&format!("update session set expires = expires - {} where complete = 0", 5 * MINUTE));
    let answer = browser.post("/sign-in/code", &[("code", &code(&secret, 1))]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert!(!browser.is_in());
}

#[test]
fn taking_the_second_factor_away_ends_other_sessions() {
    let house = House::new();
    let mut ada = house.ada();
    let (secret, _) = enrolled(&mut ada);
    let mut other = half(&house);
    assert_eq!(other.post("/sign-in/code", &[("code", &code(&secret, 1))]).status, 303);
    let old = ada.session();
    let answer = ada.fill("/account", "/account/second-factor/remove", &[]);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    assert!(ada.is_in() && ada.session() != old && !other.is_in());
    assert!(house.ada().is_in(), "the password is enough again");
    let ops: Vec<String> = house.audit().into_iter().map(|(_, op)| op).collect();
    assert!(ops.contains(&"admin.second-factor".to_owned()) && ops.contains(&"admin.no-second-factor".to_owned()));
}

/// A secret that was offered to one administrator is no good for another, nor is one that was made up.
#[test]
fn only_what_was_offered_can_be_set_up() {
    let house = House::new();
    assert!(house.spoken(&["admin", "create", "grace"], super::OTHER).status.success());
    let page = house.ada().page("/account/second-factor");
    let (theirs, sealed) = (secret(&page), hidden(&page, "sealed").unwrap());
    let mut grace = house.signed_in("grace", super::OTHER);
    grace.page("/account/second-factor");
    steady();
    for sealed in [sealed.as_str(), "", "00", "zz", &"ab".repeat(60)] {
        let answer = grace.post("/account/second-factor", &[("sealed", sealed), ("code", &code(&theirs, 0))]);
        assert_eq!((answer.status, answer.header("location")), (303, Some("/account/second-factor")));
    }
    assert_eq!(house.number("select count(*) from admin where totp is not null"), 0);
    assert!(tags(&page).iter().any(|t| t.name == "svg"), "a picture for the app");
}

/// With another key file no code can be checked: a recovery code lets its owner in, and the page says what to do.
#[test]
fn another_key_file_locks_nobody_out() {
    let mut house = House::new();
    let (secret, recovery) = enrolled(&mut house.ada());
    house.stop();
    std::fs::remove_file(house.place.path().join("scim-appliance.db.key")).unwrap();
    house.start();
    let mut browser = half(&house);
    assert!(text(&browser.page("/sign-in/code")).contains("key file"));
    assert_eq!(browser.post("/sign-in/code", &[("code", &code(&secret, 1))]).status, 403);
    browser.page("/sign-in/code?recovery");
    assert_eq!(browser.post("/sign-in/code", &[("recovery", &recovery[0])]).status, 303);
    assert!(text(&browser.page("/account")).contains("another key file"));
    enrolled(&mut browser);
}
