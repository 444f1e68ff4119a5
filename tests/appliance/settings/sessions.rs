//! Sessions: their cookies, how they begin, and how they end.

use std::collections::BTreeSet;

use super::browser::{DEVICE, SESSION, set};
use super::{House, MINUTE, OTHER, PASSWORD};

#[test]
fn a_session_is_a_random_cookie_of_which_a_digest_is_stored() {
    let house = House::new();
    let mut browser = house.browser();
    let answer = browser.sign_in("ada", PASSWORD);
    let lines: Vec<&str> = answer.headers.iter().filter(|(n, _)| n == "set-cookie").map(|(_, v)| v.as_str()).collect();
    let session = browser.session();
    assert_eq!(lines[0], format!("{SESSION}={session}; Path=/; HttpOnly; SameSite=Strict"));
    assert!(
        lines[1].starts_with(&format!("{DEVICE}="))
            && lines[1].ends_with("; Path=/; HttpOnly; SameSite=Strict; Max-Age=31536000")
    );
    assert_eq!(lines.len(), 2);
    assert!(session.len() == 43 && session.bytes().all(|b| b.is_ascii_alphanumeric()));
    let mut all = BTreeSet::from([session.clone()]);
    for _ in 0..3 {
        all.insert(house.ada().session());
    }
    assert_eq!(all.len(), 4);
    let digest = scim_appliance::secret::digest_of(&session).iter().map(|b| format!("{b:02X}")).collect::<String>();
    assert_eq!(house.number(&format!("select count(*) from session where hex(digest) = '{digest}'")), 1);
    house.is_nowhere(&[&session, PASSWORD, &browser.csrf, &browser.cookies[DEVICE]]);
    assert!(!house.server().log().contains(&session));
}

/// A cookie that was there before, made up or real, is not the one that a sign-in leaves behind.
#[test]
fn a_sign_in_begins_a_new_session_and_ends_the_one_of_before() {
    let house = House::new();
    for planted in ["x".repeat(43), house.ada().session()] {
        let mut browser = house.browser().with_session(&planted);
        assert_eq!(browser.sign_in("ada", PASSWORD).status, 303);
        assert_ne!(browser.session(), planted);
        assert!(browser.is_in());
        assert!(!house.browser().with_session(&planted).is_in(), "who knew the old cookie came along");
    }
    // The same name twice is nobody's.
    let session = house.ada().session();
    let twice = format!("{SESSION}={session}; {SESSION}={session}");
    assert_eq!(house.browser().send("GET", "/account", &[("Cookie", &twice)], None).status, 303);
}

#[test]
fn confirming_who_one_is_begins_a_new_session_and_gains_no_time() {
    let house = House::new();
    let mut browser = house.ada();
    let old = browser.session();
    house.execute(&format!(
        "update session set authenticated = authenticated - {}, expires = expires - {MINUTE}",
        6 * MINUTE
    ));
    let end = house.number("select expires from session");
    browser.page("/admins");
    let form = [("name", "grace"), ("new-password", OTHER), ("confirm-password", PASSWORD)];
    assert_eq!(browser.post("/admins", &form).status, 303);
    assert_ne!(browser.session(), old);
    assert_eq!(house.number("select expires from session"), end);
    assert!(browser.is_in() && !house.browser().with_session(&old).is_in());
}

#[test]
fn signing_out_ends_the_session_on_the_server() {
    let house = House::new();
    let mut browser = house.ada();
    let session = browser.session();
    browser.page("/");
    let answer = browser.post("/sign-out", &[]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\", \"storage\""));
    assert_eq!(set(&answer), [(SESSION.to_owned(), String::new())]);
    assert_eq!(house.number("select count(*) from session"), 0);
    let mut thief = house.browser().with_session(&session);
    let replayed = thief.get("/people");
    assert_eq!((replayed.status, replayed.header("location")), (303, Some("/sign-in?to=/people")));
    assert!(thief.page("/sign-in?to=/people").contains("value=\"/people\""));
    // Whoever sends a form then is asked to sign in; nothing was done.
    assert_eq!(
        thief.send("POST", "/sign-out", &super::browser::OWN, Some("csrf=x")).header("location"),
        Some("/sign-in")
    );
}

#[test]
fn a_session_ends_without_use_and_after_eight_hours() {
    let mut house = House::new();
    let mut browser = house.ada();
    assert_eq!(house.number("select expires - created from session"), 480 * MINUTE);
    house.meanwhile(&format!("update session set seen = seen - {}", 14 * MINUTE));
    browser.port = house.port();
    assert!(browser.is_in(), "fourteen minutes are not idle");
    house.meanwhile(&format!("update session set seen = seen - {}", 15 * MINUTE));
    browser.port = house.port();
    assert!(!browser.is_in());
    let mut browser = house.ada();
    house.execute(&format!("update session set expires = expires - {} where seen > {}", 479 * MINUTE, 0));
    assert!(browser.is_in(), "the eighth hour is not over");
    house.execute(&format!("update session set expires = expires - {MINUTE}"));
    assert!(!browser.is_in(), "used a moment ago, and over");
}

/// A page that refreshes itself is no sign of life; a click is one.
#[test]
fn a_page_that_refreshes_itself_does_not_extend_the_session() {
    let mut house = House::new();
    let mut browser = house.ada();
    house.meanwhile(&format!("update session set seen = seen - {}", 10 * MINUTE));
    browser.port = house.port();
    let seen = house.number("select seen from session");
    for _ in 0..3 {
        assert_eq!(browser.send("GET", "/", &[("X-Live", "1")], None).status, 200);
    }
    house.stop();
    assert_eq!(house.number("select seen from session"), seen);
    house.start();
    browser.port = house.port();
    browser.page("/");
    house.stop();
    assert!(house.number("select seen from session") > seen + 9 * MINUTE);
}

#[test]
fn a_changed_password_ends_all_other_sessions() {
    let house = House::new();
    let (mut one, mut two) = (house.ada(), house.ada());
    let old = one.session();
    let answer = one.fill("/account", "/account/password", &[("password", PASSWORD), ("new-password", OTHER)]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert!(one.is_in() && one.session() != old);
    assert!(!two.is_in() && !house.browser().with_session(&old).is_in());
    assert_eq!(house.browser().sign_in("ada", PASSWORD).status, 403);
    house.signed_in("ada", OTHER);
    assert!(house.audit().contains(&("admin:ada".into(), "admin.password".into())));
}

#[test]
fn whoever_is_reset_or_removed_is_out_at_once() {
    let house = House::new();
    let mut ada = house.ada();
    assert!(house.spoken(&["admin", "reset", "ada"], OTHER).status.success());
    assert!(!ada.is_in(), "reset");
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let (mut grace, mut twin) = (house.signed_in("grace", OTHER), house.signed_in("grace", OTHER));
    house.place.done(&["admin", "remove", "grace"]);
    assert!(!grace.is_in() && !twin.is_in(), "removed by a command");
    assert_eq!(house.number("select count(*) from session"), 0);
    // By another administrator, on the page.
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let (mut grace, mut ada) = (house.signed_in("grace", OTHER), house.signed_in("ada", OTHER));
    let id = house.number("select id from admin where name = 'grace'");
    let page = format!("/admins/{id}/remove");
    assert_eq!(ada.fill(&page, &page, &[]).status, 303);
    assert!(!grace.is_in() && ada.is_in());
    assert_eq!(house.browser().sign_in("grace", OTHER).status, 403);
}

#[test]
fn whoever_removes_themselves_is_signed_out() {
    let house = House::new();
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let mut ada = house.ada();
    let id = house.number("select id from admin where name = 'ada'");
    let page = format!("/admins/{id}/remove");
    assert!(ada.page(&page).contains("You are signed out everywhere"));
    assert_eq!(ada.post(&page, &[]).status, 303);
    assert!(!ada.is_in());
    let mut grace = house.signed_in("grace", OTHER);
    let id = house.number("select id from admin where name = 'grace'");
    let page = format!("/admins/{id}/remove");
    assert!(grace.page(&page).contains("last administrator"));
    assert_eq!(grace.send("POST", &page, &super::browser::OWN, Some(&format!("csrf={}", grace.csrf))).status, 409);
    assert!(grace.is_in());
}

#[test]
fn sessions_are_listed_and_ended_one_by_one_or_all() {
    let house = House::new();
    let (mut one, mut two, mut three) = (house.ada(), house.ada(), house.ada());
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let mut grace = house.signed_in("grace", OTHER);
    let page = one.page("/account");
    for browser in [&one, &two, &three] {
        assert!(page.contains(&browser.address));
        assert!(!page.contains(&browser.session()));
    }
    assert!(!page.contains(&grace.address), "sessions of others");
    let ids = |page: &str| -> Vec<String> {
        let fields = super::browser::tags(page).into_iter().filter(|t| t.get("name") == Some("id"));
        fields.filter_map(|t| t.get("value").map(str::to_owned)).filter(|v| v != "others").collect()
    };
    let mine = ids(&page);
    assert_eq!(mine.len(), 2);
    // Somebody else's form ends nobody of ada's.
    grace.page("/account");
    for id in &mine {
        assert_eq!(grace.post("/account/sessions/end", &[("id", id)]).status, 303);
    }
    assert!(two.is_in() && three.is_in());
    one.page("/account");
    assert_eq!(one.post("/account/sessions/end", &[("id", &mine[0])]).status, 303);
    assert_eq!([&mut two, &mut three].map(|b| b.is_in()).iter().filter(|i| **i).count(), 1);
    one.page("/account");
    assert_eq!(one.post("/account/sessions/end", &[("id", "others")]).status, 303);
    assert!(!two.is_in() && !three.is_in() && one.is_in() && grace.is_in());
}

/// A tab that was left open holds the value of the session of before.
#[test]
fn a_form_of_an_older_tab_says_that_it_has_expired() {
    let house = House::new();
    let mut browser = house.ada();
    browser.page("/account");
    let old = browser.csrf.clone();
    house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    browser.page("/admins");
    let form = [("name", "grace"), ("new-password", OTHER), ("confirm-password", PASSWORD)];
    assert_eq!(browser.post("/admins", &form).status, 303);
    browser.csrf = old;
    let answer = browser.post("/account/sessions/end", &[("id", "others")]);
    assert_eq!(answer.status, 403);
    let text = super::browser::text(&answer.body);
    assert!(text.contains("This form has expired") && text.contains("Nothing was changed"), "{text}");
    assert!(answer.body.contains("grace") || browser.is_in(), "still signed in");
}
