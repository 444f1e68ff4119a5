//! The way to the identity provider and back: bound to its browser, good once, and not for long.

use serde_json::json;

use super::provider::seconds;
use super::{Desk, FLOW, across, is_in};
use crate::settings::browser::text;

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
    for wrong in [
        "",
        "?",
        "?code=x",
        "?state=x&code=x",
        &callback.replace("state=", "stat=").replace("/sign-in/sso/callback", ""),
    ] {
        assert_eq!(across(&mut bob, &format!("/sign-in/sso/callback{wrong}")).status, 400, "{wrong}");
    }
    let twice = format!("{callback}&state=x");
    assert_eq!(across(&mut bob, &twice).status, 400, "a parameter stands once");
    assert_eq!(desk.back(&mut bob, &callback).status, 200);
    let session = bob.session();
    let again = desk.back(&mut bob, &callback);
    assert!(again.status == 400 && text(&again.body).contains("was used already"), "{}", text(&again.body));
    assert!(bob.session() == session && is_in(&mut bob));
    assert!(!is_in(&mut eve));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = bob.send(method, &callback, &crate::settings::browser::OWN, Some("csrf=x"));
        assert!(answer.status >= 400, "{method}: {}", answer.status);
    }
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
