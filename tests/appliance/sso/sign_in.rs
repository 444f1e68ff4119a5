//! Who gets in, where to, and what they see.

use serde_json::json;

use super::{Desk, across, is_in, onward};
use crate::settings::browser::{SESSION, set, text};

#[test]
fn administrators_come_to_the_pages_and_everybody_else_to_the_own_profile() {
    let desk = Desk::on();
    let ada = desk.person("ada@x.io", "00u1");
    desk.person("bob@x.io", "00u2");
    let group =
        desk.client.post("/Groups", &json!({"displayName": "Makers <b>", "members": [{"value": ada}]})).unwrap();
    assert_eq!(group.status, 201);
    desk.promote("ada@x.io");
    let mut page = desk.house.browser();
    let shown = text(&page.page("/sign-in"));
    assert!(shown.contains("Sign in with Okta") && shown.contains("With name and password"));

    let mut admin = desk.house.browser();
    let callback = desk.there(&mut admin, "/sign-in/sso?to=/people", json!({"sub": "00u1"}));
    let answer = desk.back(&mut admin, &callback);
    assert_eq!((answer.status, onward(&answer).as_deref()), (200, Some("/people")), "{}", text(&answer.body));
    let line = answer.headers.iter().find(|(n, v)| n == "set-cookie" && v.starts_with(SESSION)).unwrap();
    assert!(line.1.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{}", line.1);
    assert!(text(&admin.page("/people")).contains("bob@x.io"));
    assert!(text(&admin.page("/")).contains("Needs attention"));
    // What belongs to accounts with a password is none of theirs.
    for path in ["/account", "/account/second-factor"] {
        assert_eq!(admin.get(path).header("location"), Some("/me"), "{path}");
    }
    let me = text(&admin.page("/me"));
    assert!(me.contains("ada@x.io") && me.contains("Makers <b>") && me.contains("Admin"), "{me}");

    let mut bob = desk.house.browser();
    let callback = desk.there(&mut bob, "/sign-in/sso?to=/people", json!({"sub": "00u2"}));
    let answer = desk.back(&mut bob, &callback);
    assert_eq!(onward(&answer).as_deref(), Some("/me"));
    let me = bob.page("/me");
    assert!(
        text(&me).contains("Limited access user")
            && !me.contains("href=\"/people")
            && !me.contains("aria-label=\"Main\"")
    );
    for path in [
        "/people",
        "/provisioning",
        "/sso",
        "/sso/test",
        "/tokens/new",
        "/admins",
        "/people/export.csv",
        "/requests",
        "/guard",
    ] {
        let answer = bob.get(path);
        assert_eq!(answer.status, 403, "{path}");
        assert!(text(&answer.body).contains("This page is for administrators"), "{path}");
    }
    let before = desk.house.contents();
    for (path, fields) in
        [("/sso/off", &[][..]), ("/admins", &[("name", "eve")]), ("/roles", &[]), ("/provisioning/off", &[])]
    {
        bob.page("/me");
        assert_eq!(bob.post(path, fields).status, 403, "{path}");
    }
    assert_eq!(bob.get("/").header("location"), Some("/me"));
    assert_eq!(desk.house.contents(), before);
    // What a person does is that person's in the record of changes, by the id.
    assert_eq!(admin.fill("/people/new", "/people/new", &[("user-name", "new@x.io")]).status, 303);
    let actor = format!("person:{ada} ada@x.io");
    assert!(desk.house.audit().contains(&(actor.clone(), "create".to_owned())));
    assert!(desk.house.audit().contains(&(actor, "sign-in".to_owned())));
    let made = desk.house.text("select id from resource where name_key = 'new@x.io'");
    assert!(text(&admin.page(&format!("/people/{made}"))).contains("ada@x.io, by single sign-on"));
    // Automatic deactivation hears of both.
    assert_eq!(desk.house.number("select count(*) from sign_in"), 2);
}

#[test]
fn who_is_refused_is_told_what_to_do_and_administrators_why() {
    let desk = Desk::on();
    let bob = desk.person("bob@x.io", "00u2");
    let eve = desk.person("eve@x.io", "00u3");
    for name in ["one@x.io", "two@x.io"] {
        let body = json!({"userName": name, "emails": [{"value": "both@x.io"}]});
        assert_eq!(desk.client.post("/Users", &body).unwrap().status, 201);
    }
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(desk.client.patch(&format!("/Users/{bob}"), &off).unwrap().status, 200);
    assert_eq!(desk.client.delete(&format!("/Users/{eve}")).unwrap().status, 204);
    for (claims, told) in [
        (json!({"sub": "secret-subject"}), "you are not known here"),
        (json!({"sub": "00u2"}), "You are deactivated here"),
        (json!({"sub": "00u3"}), "You were removed here"),
        (json!({"sub": "x", "email": "both@x.io"}), "more than one person"),
        (json!({"sub": "x", "email": "both@x.io", "email_verified": false}), "you are not known here"),
    ] {
        let mut browser = desk.house.browser();
        let answer = desk.sign_in(&mut browser, claims.clone());
        assert_eq!(answer.status, 403, "{claims}");
        assert!(text(&answer.body).contains(told), "{claims}: {}", text(&answer.body));
        assert!(browser.session().is_empty() && !is_in(&mut browser));
    }
    let mut browser = desk.house.browser();
    let answer = browser.get("/sign-in/sso");
    let callback = desk.provider.refuses(answer.header("location").unwrap(), "access_denied", "AADSTS50105 <i>no</i>");
    let answer = across(&mut browser, &callback);
    assert!(answer.status == 403 && text(&answer.body).contains("did not let you in"));
    let mut ada = desk.house.ada();
    assert!(text(&ada.page("/")).contains("6 sign-ins were refused in the last 24 hours"));
    let page = ada.page("/sso");
    let told = text(&page);
    for words in [
        "bob@x.io",
        "The person is deactivated.",
        "The person was deleted.",
        "Nobody here fits",
        "the error access_denied of the identity provider",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    // No value of a claim is kept but the name of somebody here.
    assert!(!told.contains("AADSTS50105"), "anybody could have said so");
    assert!(!page.contains("<i>") && !told.contains("secret-subject") && !told.contains("both@x.io"));
    let log = desk.house.server().log();
    assert!(
        !log.contains("secret-subject")
            && !log.contains("both@x.io")
            && log.contains("a sign-in by single sign-on was refused")
            && log.contains("AADSTS50105")
    );
    assert_eq!(desk.house.number("select count(*) from session where person is not null"), 0);
}

#[test]
fn signing_out_ends_the_session_here_and_there() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.signed_in("00u2");
    bob.page("/me");
    let session = bob.session();
    let answer = bob.post("/sign-out", &[]);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    assert!(set(&answer).contains(&(SESSION.to_owned(), String::new())));
    assert_eq!(answer.header("clear-site-data"), Some("\"cache\", \"storage\""));
    let url = onward(&answer).unwrap();
    let url = crate::settings::browser::unescaped(&url);
    let (to, query) = url.split_once('?').unwrap();
    assert_eq!(to, format!("{}/end", desk.provider.issuer()));
    let query: std::collections::HashMap<_, _> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
    let back = format!("http://127.0.0.1:{}/sign-in", desk.house.port());
    assert_eq!(query["post_logout_redirect_uri"], back);
    assert_eq!(query["id_token_hint"].split('.').count(), 3);
    assert!(!is_in(&mut desk.house.browser().with_session(&session)));
    assert_eq!(desk.house.number("select count(*) from session where person is not null"), 0);
    // The token of the provider is sealed in the file.
    let mut again = desk.signed_in("00u2");
    assert!(is_in(&mut again));
    desk.house.is_nowhere(&[&query["id_token_hint"], super::SECRET]);
}

#[test]
fn a_sign_in_takes_the_place_of_the_session_of_before() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut bob = desk.signed_in("00u2");
    let first = bob.session();
    // This browser goes from one page of ours to another: its cookie comes along.
    let callback = desk.there(&mut bob, "/sign-in/sso", json!({"sub": "00u2"}));
    assert_eq!(bob.get(&callback).status, 200);
    assert_ne!(bob.session(), first);
    assert!(!is_in(&mut desk.house.browser().with_session(&first)) && is_in(&mut bob));
    // The same from another site, where the cookie of ours stays at home: it was there when the browser set out.
    let mut ada = desk.house.ada();
    let old = ada.session();
    assert_eq!(desk.sign_in(&mut ada, json!({"sub": "00u2"})).status, 200);
    assert!(is_in(&mut ada) && !desk.house.browser().with_session(&old).is_in());
    // An administrator with a password is still one in another browser.
    assert!(desk.house.ada().is_in());
}
