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
    let (name, value) = bob.cookies.iter().find(|(n, _)| n.starts_with(FLOW)).unwrap();
    let (name, value) = (name.clone(), value.clone());
    assert!((300..1500).contains(&value.len()), "{}", value.len());
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
    assert!(set(&answer).contains(&(name.clone(), String::new())), "the way is over, and so is its cookie");
    let session = bob.session();
    let again = desk.back(&mut bob, &callback);
    assert!(again.status == 400 && text(&again.body).contains("or has done so already"), "{}", text(&again.body));
    let mut kept = bob.clone();
    kept.cookies.insert(name, value);
    let again = across(&mut kept, &callback);
    assert!(again.status == 400 && text(&again.body).contains("was used already"), "{}", text(&again.body));
    assert!(bob.session() == session && is_in(&mut bob));
    assert!(!is_in(&mut eve));
    for method in ["POST", "PUT", "DELETE"] {
        let answer = bob.send(method, &callback, &crate::settings::browser::OWN, Some("csrf=x"));
        assert!(answer.status >= 400, "{method}: {}", answer.status);
    }
}

/// Guesses at the way back are bounded, and hold up nobody in the same office who has begun a sign-in.
#[test]
fn whoever_comes_back_with_nothing_very_often_waits_and_nobody_else() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let mut eve = desk.house.browser();
    eve.address = bob.address.clone();
    // Pictures on a page of somebody else, and looks ahead, are not even counted.
    for (name, value) in [("Sec-Fetch-Dest", "image"), ("Sec-Fetch-Dest", "iframe"), ("Sec-Purpose", "prefetch")] {
        for path in ["/sign-in/sso/callback?state=x&code=y", "/sign-in/sso", &callback] {
            for _ in 0..25 {
                let answer = eve.send("GET", path, &[(name, value)], None);
                assert!(answer.status == 400 && set(&answer).is_empty(), "{value} {path}: {}", answer.status);
            }
        }
        let answer = bob.send("GET", &callback, &[(name, value)], None);
        assert_eq!(answer.status, 400, "a look ahead in the own browser uses nothing up");
    }
    assert_eq!(across(&mut eve, "/sign-in/sso/callback?state=x&code=y").status, 400);
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
    let answer = desk.back(&mut bob, &callback);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
}

/// What is under way is in the browser's own hands, sealed: neither others nor a restart push it out.
#[test]
fn nobody_pushes_out_a_sign_in_that_is_under_way() {
    // The address of before a restart stays the one to come back to.
    let mut desk = Desk::on_with("[sso]\nurl = \"http://127.0.0.1:9\"\n");
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let mut eve = desk.house.browser();
    eve.address = bob.address.clone();
    for _ in 0..300 {
        eve.cookies.clear();
        assert_eq!(eve.get("/sign-in/sso").status, 303);
    }
    // One browser is left with a few of them: the oldest gives way.
    for _ in 0..12 {
        eve.get("/sign-in/sso");
    }
    assert_eq!(eve.cookies.keys().filter(|n| n.starts_with(FLOW)).count(), 5);
    desk.house.stop();
    desk.house.start();
    bob.port = desk.house.port();
    assert_eq!(desk.back(&mut bob, &callback).status, 200);
    assert!(is_in(&mut bob));
    // What was changed on the way opens nothing.
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    let (name, value) = bob.cookies.iter().find(|(n, _)| n.starts_with(FLOW)).unwrap();
    let mut changed = value.clone();
    let first = if changed.remove(0) == 'A' { 'B' } else { 'A' };
    changed.insert(0, first);
    bob.cookies.insert(name.clone(), changed);
    let answer = desk.back(&mut bob, &callback);
    assert!(answer.status == 400 && !bob.cookies.keys().any(|n| n.starts_with(FLOW)), "{}", answer.status);
}

/// A whole office comes back at nine o'clock, and the provider takes its time.
#[test]
fn many_people_of_one_network_get_in_together() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    desk.provider.takes(700);
    let address = desk.house.browser().address;
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let comes = || {
            let mut browser = desk.house.browser();
            browser.address = address.clone();
            let callback = desk.there(&mut browser, "/sign-in/sso", json!({"sub": "00u2"}));
            scope.spawn(move || across(&mut browser, &callback).status)
        };
        let all: Vec<_> = (0..40).map(|_| comes()).collect();
        all.into_iter().map(|t| t.join().unwrap()).collect()
    });
    assert!(statuses.iter().all(|s| *s == 200), "{statuses:?}");
}

#[test]
fn whoever_finds_no_place_loses_nothing_and_tries_again_from_there() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    desk.provider.takes(9500);
    let address = desk.house.browser().address;
    let mut bob = desk.house.browser();
    bob.address = address.clone();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    std::thread::scope(|scope| {
        for _ in 0..32 {
            let mut browser = desk.house.browser();
            browser.address = address.clone();
            let callback = desk.there(&mut browser, "/sign-in/sso", json!({"sub": "00u2"}));
            scope.spawn(move || across(&mut browser, &callback).status);
        }
        std::thread::sleep(std::time::Duration::from_millis(700));
        let answer = across(&mut bob, &callback);
        assert_eq!((answer.status, answer.header("retry-after")), (503, Some("5")));
        assert!(text(&answer.body).contains("Nothing is lost"), "{}", text(&answer.body));
        let links = crate::settings::browser::tags(&answer.body);
        assert!(links.iter().any(|t| t.get("href") == Some(callback.as_str()) && t.name == "a"), "{callback}");
    });
    desk.provider.takes(0);
    assert_eq!(bob.get(&callback).status, 200);
}

/// Anybody can send an error along; nobody writes to the page of administrators with it, or hides what is true.
#[test]
fn what_a_browser_makes_up_is_not_shown_and_hides_nothing() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    desk.provider.goes_down(true);
    let mut bob = desk.house.browser();
    let answer = bob.get("/sign-in/sso");
    let location = answer.header("location").unwrap().to_owned();
    let callback = desk.provider.signs_in(&location, json!({"sub": "00u2"}));
    assert_eq!(desk.back(&mut bob, &callback).status, 403);
    desk.provider.goes_down(false);
    let mut eve = desk.house.browser();
    for n in 0..30 {
        let location = eve.get("/sign-in/sso").header("location").unwrap().to_owned();
        let lie = format!("mail your client secret to help@evil.example (case {n})");
        let callback = match n % 3 {
            0 => desk.provider.refuses(&location, &format!("Security notice {n}"), &lie),
            1 => desk.provider.refuses(&location, "access_denied", &lie),
            _ => {
                let iss = crate::settings::browser::encoded(&[("iss", &lie)]);
                format!("{}&{iss}", desk.provider.signs_in(&location, json!({"sub": "00u2"})))
            }
        };
        assert_eq!(across(&mut eve, &callback).status, 403);
    }
    let told = text(&desk.house.ada().page("/sso"));
    assert!(told.contains("cannot be reached"), "{told}");
    for words in ["evil.example", "Security notice"] {
        assert!(!told.contains(words), "{told}");
    }
    for words in
        ["access_denied of the identity provider", "that the protocol does not have", "another identity provider"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.matches("(10 times)").count() == 3, "{told}");
    assert!(desk.house.server().log().contains("help@evil.example (case 1)"));
}

/// A link of another site does not bring the cookie of the session that is to end with the sign-in.
#[test]
fn a_link_of_another_site_leads_here_first() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut ada = desk.house.ada();
    let old = ada.session();
    let mut abroad = ada.clone();
    abroad.cookies.clear();
    let path = "/sign-in/sso?to=/people";
    let answer = abroad.send("GET", path, &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Dest", "document")], None);
    assert_eq!((answer.status, super::onward(&answer).as_deref()), (200, Some(path)), "{}", text(&answer.body));
    assert!(set(&answer).is_empty());
    let own = [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Dest", "document")];
    let answer = ada.send("GET", path, &own, None);
    let callback = desk.provider.signs_in(answer.header("location").unwrap(), json!({"sub": "00u2"}));
    assert_eq!(desk.back(&mut ada, &callback).status, 200);
    assert!(is_in(&mut ada) && !desk.house.browser().with_session(&old).is_in());
}

/// What is sealed in the browser is void when anything is set up otherwise, also when it is on again by then.
#[test]
fn a_sign_in_under_way_is_void_when_it_is_set_up_otherwise() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut ada = desk.house.ada();
    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!(desk.save(&mut ada, &[("scopes", "openid")]).status, 303);
    desk.on_again(&mut ada);
    let asked = desk.provider.asked("/token");
    let answer = desk.back(&mut bob, &callback);
    assert!(answer.status == 409 && text(&answer.body).contains("set up otherwise"), "{}", answer.status);
    assert_eq!(desk.provider.asked("/token"), asked);
    assert_eq!(desk.back(&mut bob, &callback).status, 400, "and used up");
    // What changes only a page is no such thing.
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!(desk.save(&mut ada, &[("scopes", "openid"), ("secret", ""), ("break-glass", "yes")]).status, 303);
    assert_eq!(desk.back(&mut bob, &callback).status, 200);
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
