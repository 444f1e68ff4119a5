//! Guessing (item 22): it is slow for each name and each address, and nobody is kept out for good.

use super::browser::{Browser, text};
use super::{House, OTHER, PASSWORD, at_once};
use crate::support::Answer;

fn wait(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 429, "{}", text(&answer.body));
    let seconds = answer.header("retry-after").unwrap().parse().unwrap();
    assert!(text(&answer.body).contains("Try again in"), "{}", text(&answer.body));
    seconds
}

/// Many wrong passwords at once, until the lock lasts long enough for a test on a busy machine.
fn locked(house: &House, name: &str) {
    crate::tls::until(|| {
        let browsers: Vec<Browser> = (0..12)
            .map(|_| {
                let mut browser = house.browser();
                browser.page("/sign-in");
                browser
            })
            .collect();
        at_once(12, |i| browsers[i].clone().post("/sign-in", &[("name", name), ("password", OTHER)]).status);
        let answer = house.browser().sign_in(name, OTHER);
        (answer.status == 429 && wait(&answer) > 5).then_some(())
    });
}

/// Begins anew for everybody, as a reset does.
fn unlocked(house: &House) {
    house.execute("update admin set changed = changed + 1");
}

#[test]
fn wrong_passwords_lock_a_name_for_a_time_that_grows() {
    let house = House::new();
    let (mut failures, mut longest) = (0, 0);
    crate::tls::until(|| {
        let answer = house.browser().sign_in("ada", OTHER);
        match answer.status {
            403 => failures += 1,
            _ => {
                let seconds = wait(&answer);
                assert!(failures > 4 && seconds <= 1 << (failures - 5), "{seconds} seconds after {failures} failures");
                longest = longest.max(seconds);
            }
        }
        (longest > 2).then_some(())
    });
    // The right password is not looked at before the time is over, and lets in after it.
    let mut browser = house.browser();
    let mut statuses = Vec::new();
    crate::tls::until(|| {
        statuses.push(browser.sign_in("ada", PASSWORD).status);
        (statuses.last() == Some(&303)).then_some(())
    });
    assert!(statuses.iter().all(|s| matches!(s, 303 | 429)), "{statuses:?}");
    // That begins anew.
    for _ in 0..4 {
        assert_eq!(house.browser().sign_in("ada", OTHER).status, 403);
    }
}

#[test]
fn a_lock_is_lifted_by_a_reset_on_the_machine() {
    let house = House::new();
    locked(&house, "ada");
    assert_eq!(house.browser().sign_in("ADA", PASSWORD).status, 429, "in whatever letters");
    assert!(house.spoken(&["admin", "reset", "ada"], OTHER).status.success());
    house.signed_in("ada", OTHER);
    assert_eq!(house.browser().sign_in("ada", PASSWORD).status, 403);
}

/// Guesses of strangers, from many addresses or from the own one, do not lock out a browser that was here before.
#[test]
fn a_browser_that_was_here_before_is_not_locked_out_by_others() {
    let house = House::new();
    let mut known = house.ada();
    known.cookies.remove(super::browser::SESSION);
    locked(&house, "ada");
    // The stranger sits behind the same address, and has used up what it may.
    let mut stranger = Browser { address: known.address.clone(), ..house.browser() };
    let exhausted = (0..60).any(|i| stranger.sign_in(&format!("somebody{i}"), OTHER).status == 429);
    assert!(exhausted, "an address may try as often as it likes");
    assert_eq!(known.sign_in("ada", PASSWORD).status, 303);
    // Its own wrong tries count, though.
    unlocked(&house);
    let mut known = house.ada();
    known.cookies.remove(super::browser::SESSION);
    let statuses: Vec<u16> = (0..12).map(|_| known.sign_in("ada", OTHER).status).collect();
    assert!(statuses[..5] == [403; 5] && statuses.contains(&429), "{statuses:?}");
    // A cookie that was made up, or another administrator's, makes nobody known.
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let grace = house.signed_in("grace", OTHER).cookies[super::browser::DEVICE].clone();
    locked(&house, "ada");
    for device in [grace, "1.x.0".to_owned(), "1.aaaaaaaaaaaaaaaa.00000000000000000000000000000000".to_owned()] {
        let mut browser = house.browser();
        browser.cookies.insert(super::browser::DEVICE.to_owned(), device);
        assert_eq!(browser.sign_in("ada", PASSWORD).status, 429);
    }
}

#[test]
fn an_address_may_try_so_often_whatever_the_names() {
    let house = House::new();
    let mut stranger = house.browser();
    let mut tries = 0;
    let answer = loop {
        tries += 1;
        assert!(tries < 100, "an address may try as often as it likes");
        let answer = stranger.sign_in(&format!("somebody{tries}"), OTHER);
        if answer.status != 403 {
            break answer;
        }
    };
    assert!(tries > 15 && wait(&answer) >= 1, "{tries}");
    assert!(house.ada().is_in(), "another address");
    crate::tls::until(|| (stranger.sign_in("ada", PASSWORD).status == 303).then_some(()));
}

/// The codes of the second factor count, too, and so do the passwords that a grave form asks for.
#[test]
fn codes_and_confirmations_are_counted() {
    let house = House::new();
    let mut ada = house.ada();
    let (secret, _) = super::second_factor::enrolled(&mut ada);
    let mut browser = house.browser();
    browser.sign_in("ada", PASSWORD);
    browser.page("/sign-in/code");
    let wrong = |i: usize| format!("{:06}", i * 7);
    let answers: Vec<Answer> = (0..8).map(|i| browser.post("/sign-in/code", &[("code", &wrong(i))])).collect();
    assert!(answers.iter().any(|a| a.status == 429 && a.header("retry-after").is_some()));
    assert!(answers.iter().all(|a| matches!(a.status, 403 | 429)));
    // Not those of the browser that is known.
    house.execute(&format!("update session set authenticated = authenticated - {}", 6 * super::MINUTE));
    ada.page("/tokens/new");
    let form = |password: &str, code: &str| {
        [("name", "t"), ("scope", "scim"), ("expires", "30d"), ("confirm-password", password), ("confirm-code", code)]
            .map(|(n, v)| (n, v.to_owned()))
    };
    let mut send = |password: &str, code: &str| {
        let form = form(password, code);
        let fields: Vec<(&str, &str)> = form.iter().map(|(n, v)| (*n, v.as_str())).collect();
        ada.post("/tokens/new", &fields)
    };
    for _ in 0..2 {
        assert!(text(&send("wrong", "000000").body).contains("This is not your password."));
    }
    assert!(text(&send(PASSWORD, "12").body).contains("This code is not good"));
    super::second_factor::steady();
    assert_eq!(send(PASSWORD, &super::second_factor::code(&secret, 1)).status, 200);
    let mut late = Vec::new();
    house.execute(&format!("update session set authenticated = authenticated - {}", 6 * super::MINUTE));
    ada.page("/tokens/new");
    for _ in 0..10 {
        let fields = [("name", "t"), ("scope", "scim"), ("expires", "30d"), ("confirm-password", "wrong")];
        late.push(text(&ada.post("/tokens/new", &fields).body));
    }
    assert!(late.iter().any(|t| t.contains("too many wrong tries")), "{late:?}");
    assert_eq!(house.number("select count(*) from token"), 1);
}
