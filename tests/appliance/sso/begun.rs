//! The way to the identity provider and back: bound to its browser, good once, and not for long.

use serde_json::json;

use super::provider::seconds;
use super::{Desk, FLOW, across, is_in};
use crate::settings::browser::{set, text};

#[test]
fn a_callback_is_good_once_and_in_its_own_browser() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let (mut bob, mut eve) = (desk.house.browser(), desk.house.browser());
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let line = bob.cookies[FLOW].clone();
    assert_eq!(line.len(), 43);
    // Somebody who got hold of the address has nothing: neither with no cookie, nor with the one of another way.
    let answer = across(&mut eve, &callback);
    assert!(
        answer.status == 400 && text(&answer.body).contains("has not begun to sign in here"),
        "{}",
        text(&answer.body)
    );
    desk.there(&mut eve, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!(across(&mut eve, &callback).status, 400);
    let asked = desk.provider.asked("/token");
    for wrong in [
        "",
        "?",
        "?code=x",
        "?state=x&code=x",
        &callback.replace("state=", "stat=").replace("/sign-in/sso/callback", ""),
    ] {
        assert_eq!(across(&mut bob, &format!("/sign-in/sso/callback{wrong}")).status, 400, "{wrong}");
    }
    let answer = bob.send("HEAD", &callback, &[], None);
    assert_eq!((answer.status, desk.provider.asked("/token")), (404, asked), "a look ahead uses nothing up");
    let twice = format!("{callback}&state=x");
    assert_eq!(across(&mut bob, &twice).status, 400, "a parameter stands once");
    let answer = desk.back(&mut bob, &callback);
    assert_eq!(answer.status, 200);
    assert!(set(&answer).contains(&(FLOW.to_owned(), String::new())), "the way is over, and so is its cookie");
    let session = bob.session();
    let again = desk.back(&mut bob, &callback);
    assert!(again.status == 400 && text(&again.body).contains("or has done so already"), "{}", text(&again.body));
    let mut kept = bob.clone();
    kept.cookies.insert(FLOW.to_owned(), line);
    let again = across(&mut kept, &callback);
    assert!(again.status == 400 && text(&again.body).contains("was used already"), "{}", text(&again.body));
    assert!(bob.session() == session && is_in(&mut bob));
    assert!(!is_in(&mut eve));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = bob.send(method, &callback, &crate::settings::browser::OWN, Some("csrf=x"));
        assert!(answer.status >= 400, "{method}: {}", answer.status);
    }
}

/// Guesses at the way back are bounded; nothing is used up by having to wait.
#[test]
fn whoever_comes_back_with_nothing_very_often_waits() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let mut eve = desk.house.browser();
    let wait = (0..60).find_map(|_| {
        let answer = across(&mut eve, "/sign-in/sso/callback?state=x&code=y");
        match answer.status {
            429 => Some(answer.header("retry-after").unwrap().parse::<u64>().unwrap()),
            other => {
                assert_eq!(other, 400);
                None
            }
        }
    });
    assert!((1..=2).contains(&wait.unwrap()));
    let answer = (0..50).find_map(|_| {
        let answer = desk.back(&mut bob, &callback);
        if answer.status == 429 {
            std::thread::sleep(std::time::Duration::from_millis(100));
            return None;
        }
        Some(answer)
    });
    assert_eq!(answer.unwrap().status, 200, "the sign-in that was under way is good still");
}

#[test]
fn an_answer_that_names_two_providers_is_refused() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let asked = desk.provider.asked("/token");
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let issuer = crate::settings::browser::encoded(&[("iss", &desk.provider.issuer())]);
    let answer = desk.back(&mut bob, &format!("{callback}&{issuer}&iss=https://evil.example"));
    assert!(answer.status == 403 && !is_in(&mut bob), "{}", answer.status);
    assert_eq!(desk.provider.asked("/token"), asked, "no code goes anywhere");
    assert!(text(&desk.house.ada().page("/sso")).contains("more than one identity provider"));
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!(desk.back(&mut bob, &format!("{callback}&{issuer}")).status, 200);
}

#[test]
fn two_tabs_do_not_disturb_each_other() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let first = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let second = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!((desk.back(&mut bob, &first).status, desk.back(&mut bob, &second).status), (200, 200));
}

#[test]
fn what_the_provider_says_has_to_be_true() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let sub = |more: serde_json::Value| {
        let mut all = json!({"sub": "00u2"});
        all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        all
    };
    for (claims, why) in [
        (sub(json!({"nonce": "another"})), "nonce"),
        (sub(json!({"aud": "another"})), "another client"),
        (sub(json!({"iss": "https://evil.example"})), "issuer"),
        (sub(json!({"exp": seconds() - 300})), "expired"),
        (sub(json!({"iat": seconds() + 3600})), "future"),
        (json!({}), "sub"),
    ] {
        let mut browser = desk.house.browser();
        let answer = desk.sign_in(&mut browser, claims.clone());
        assert_eq!(answer.status, 403, "{claims}");
        assert!(text(&answer.body).contains("did not sign you in") && !is_in(&mut browser), "{claims}");
        let told = text(&desk.house.ada().page("/sso"));
        assert!(told.contains(why), "{why}: {told}");
    }
    // A code of somebody else's sign-in does not fit the verifier of this one.
    let (mut bob, mut eve) = (desk.house.browser(), desk.house.browser());
    let his = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let hers = desk.there(&mut eve, "/sign-in/sso", json!({"sub": "00u2"}));
    let code = |callback: &str| callback.split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
    let mixed = hers.replace(&code(&hers), &code(&his));
    assert!(across(&mut eve, &mixed).status == 403 && !is_in(&mut eve));
}

#[test]
fn a_provider_that_is_down_keeps_no_administrator_out() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    desk.provider.goes_down(true);
    let answer = desk.back(&mut bob, &callback);
    assert!(answer.status == 403 && !is_in(&mut bob), "{}", answer.status);
    let mut ada = desk.house.ada();
    assert!(text(&ada.page("/sso")).contains("cannot be reached"));
    desk.provider.goes_down(false);
    assert_eq!(desk.sign_in(&mut bob, json!({"sub": "00u2"})).status, 200);
}

#[test]
fn one_comes_back_to_pages_of_ours_alone() {
    let desk = Desk::on();
    desk.person("ada@x.io", "00u1");
    desk.promote("ada@x.io");
    for to in ["https://evil.example", "//evil.example", "/scim/v2/Users", "/sign-in/sso", "/x"] {
        let mut browser = desk.house.browser();
        let begin = format!("/sign-in/sso?{}", crate::settings::browser::encoded(&[("to", to)]));
        let callback = desk.there(&mut browser, &begin, json!({"sub": "00u1"}));
        assert_eq!(super::onward(&desk.back(&mut browser, &callback)).as_deref(), Some("/"), "{to}");
    }
}
