//! Tokens on the page: made and shown once, rotated, revoked, and who did it.

use super::browser::{Browser, tags, text};
use super::{Fields, House, MINUTE, OTHER, PASSWORD};
use crate::wire::Client;

/// Makes a token on the page.
fn made(browser: &mut Browser, name: &str, scope: &str, rotate: &str) -> String {
    let fields = [("name", name), ("scope", scope), ("expires", "90d"), ("rotate", rotate)];
    let answer = browser.fill("/tokens/new", "/tokens/new", &fields);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    super::browser::hidden(&answer.body, "token")
        .or_else(|| {
            let field = tags(&answer.body).into_iter().find(|t| t.get("id") == Some("token"))?;
            field.get("value").map(str::to_owned)
        })
        .unwrap()
}

fn id(token: &str) -> &str {
    token.split('_').nth(1).unwrap()
}

#[test]
fn a_token_is_shown_once_and_used_at_once() {
    let house = House::new();
    house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    let mut ada = house.ada();
    let token = made(&mut ada, "okta <b>", "scim", "");
    let client = Client { port: house.port(), token: token.clone() };
    assert!(text(&ada.page("/provisioning")).contains("Not used yet"));
    assert_eq!(client.get("/Users").unwrap().status, 200);
    house.is_nowhere(&[&token, token.rsplit('_').next().unwrap()]);
    for page in ["/", "/provisioning", "/requests", "/tokens/new", &format!("/tokens/{}/revoke", id(&token))] {
        let page = ada.page(page);
        assert!(!page.contains(&token) && !page.contains(token.rsplit('_').next().unwrap()));
    }
    // The last use: when, from where, by which client.
    let page = crate::tls::until(|| Some(ada.page("/provisioning")).filter(|p| text(p).contains("Active")));
    let told = text(&page);
    for word in ["okta <b>", &format!("scimapp_{}…", id(&token)), "Provisioning", "by ada", "127.0.0.1"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(house.audit().contains(&("admin:ada".into(), "token.create".into())));
    // The page that shows it is in no cache, and another look at it makes none.
    assert_eq!(house.number("select count(*) from token"), 1);
    assert_eq!(house.number("select (expires - created) / 86400000000 from token"), 90);
}

#[test]
fn two_tokens_are_good_at_a_time_and_one_takes_the_place_of_the_other() {
    let house = House::new();
    house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    let mut ada = house.ada();
    let old = made(&mut ada, "okta", "scim", "");
    let client = |token: &str| Client { port: house.port(), token: token.to_owned() };
    assert_eq!(client(&old).get("/Users").unwrap().status, 200);
    let page = ada.page(&format!("/tokens/new?rotate={}", id(&old)));
    assert!(page.contains("Rotate the token okta"));
    let new = made(&mut ada, "okta-2", "scim", id(&old));
    assert_eq!(house.text(&format!("select replaces from token where id = '{}'", id(&new))), id(&old));
    let waiting = text(&ada.page("/provisioning"));
    assert!(
        waiting.contains("Rotation of okta to okta-2") && waiting.contains("Waiting for the first request with okta-2")
    );
    // A third one is refused, with what was typed kept; one that reads is not counted.
    let fields = [("name", "third"), ("scope", "scim"), ("expires", "30d")];
    let answer = ada.fill("/tokens/new", "/tokens/new", &fields);
    assert!(
        answer.status == 409
            && answer.body.contains("value=\"third\"")
            && text(&answer.body).contains("Revoke one of them first")
    );
    made(&mut ada, "reader", "scim:read", "");
    made(&mut ada, "api", "api:read", "");
    // A token that is being rotated cannot be rotated again.
    let again = ada.fill(
        "/tokens/new",
        "/tokens/new",
        &[("name", "x"), ("scope", "scim"), ("expires", "30d"), ("rotate", id(&old))],
    );
    assert_eq!(again.status, 422);
    assert_eq!(client(&new).get("/Users").unwrap().status, 200);
    let told = crate::tls::until(|| {
        Some(text(&ada.page("/provisioning")))
            .filter(|p| p.contains("Revoke the old token") && !p.contains("Waiting for the first request with"))
    });
    assert!(told.contains("Do this when nothing asks with okta any longer."), "{told}");
    let page = format!("/tokens/{}/revoke", id(&old));
    assert!(text(&ada.page(&page)).contains("okta-2"));
    assert_eq!(ada.post(&page, &[]).status, 303);
    assert_eq!(client(&old).get("/Users").unwrap().status, 401, "the next request");
    assert_eq!(client(&new).get("/Users").unwrap().status, 200);
    assert!(!text(&ada.page("/provisioning")).contains("Rotation of"));
    assert!(house.audit().contains(&("admin:ada".into(), "token.revoke".into())));
    // Once more does nothing, and what is not there is not there.
    let before = house.contents();
    assert_eq!(ada.post(&page, &[]).status, 303);
    assert_eq!(ada.post("/tokens/00000000/revoke", &[]).status, 404);
    assert_eq!(house.contents(), before);
}

#[test]
fn the_end_of_a_token_is_announced() {
    let house = House::new();
    house.place.provisioned();
    let mut ada = house.ada();
    assert!(!text(&ada.page("/")).contains("expires in"));
    let in_days = |days: i64| {
        let now = house.number("select max(at) from change");
        house.execute(&format!(
            "update token set expires = {}; update generation set control = control + 1",
            now + days * 24 * 60 * MINUTE + 30 * MINUTE
        ));
    };
    in_days(20);
    assert!(text(&ada.page("/")).contains("The token test expires in 20 days."));
    assert!(text(&ada.page("/provisioning")).contains("Expires soon"));
    assert!(!text(&ada.page("/people")).contains("The token test"), "not everywhere yet");
    in_days(3);
    assert!(text(&ada.page("/people")).contains("The token test ends in 3 days."));
    in_days(-1);
    assert!(text(&ada.page("/people")).contains("The token test has ended."));
    assert!(text(&ada.page("/provisioning")).contains("Expired"));
}

/// What every grave form asks for when the password was given more than five minutes ago (item 18).
#[test]
fn grave_changes_ask_for_the_password_after_five_minutes() {
    let house = House::new();
    house.place.provisioned();
    assert!(house.spoken(&["admin", "create", "grace"], OTHER).status.success());
    let mut ada = house.ada();
    super::second_factor::enrolled(&mut ada);
    ada.page("/account");
    assert_eq!(ada.post("/account/second-factor/remove", &[]).status, 200);
    let stale = || house.execute(&format!("update session set authenticated = authenticated - {}", 5 * MINUTE + 1));
    let token = house.text("select id from token");
    let grace = house.number("select id from admin where name = 'grace'");
    let (revoke, remove) = (format!("/tokens/{token}/revoke"), format!("/admins/{grace}/remove"));
    let cases: Vec<(&str, &str, Fields)> = vec![
        ("/tokens/new", "/tokens/new", vec![("name", "kept-name"), ("scope", "scim"), ("expires", "30d")]),
        (&revoke, &revoke, vec![]),
        ("/admins", "/admins", vec![("name", "kept-name"), ("new-password", OTHER)]),
        (&remove, &remove, vec![]),
        ("/provisioning/off", "/provisioning/off", vec![]),
        ("/provisioning/pause", "/provisioning/pause", vec![]),
        ("/provisioning/read-only", "/provisioning/read-only", vec![]),
    ];
    for (page, action, fields) in &cases {
        stale();
        let before = house.contents();
        let asked = ada.page(page);
        assert!(asked.contains("name=\"confirm-password\""), "{page}");
        let with = |password: &str| -> Vec<(&str, String)> {
            let mut all: Vec<(&str, String)> = fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect();
            all.push(("confirm-password", password.to_owned()));
            all
        };
        for password in [None, Some(""), Some("wrong"), Some(OTHER)] {
            let fields = password.map_or_else(|| fields.iter().map(|(n, v)| (*n, (*v).to_owned())).collect(), &with);
            let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
            let answer = ada.clone().post(action, &fields);
            assert_eq!(answer.status, 403, "{action} with {password:?}");
            let tags = tags(&answer.body);
            assert!(tags.iter().any(|t| t.get("id") == Some("confirm-error")), "{action} with {password:?}");
            assert!(!answer.body.contains("value=\"wrong\"") && !answer.body.contains(OTHER));
            if fields.iter().any(|(_, v)| *v == "kept-name") {
                assert!(answer.body.contains("value=\"kept-name\""), "{action}: what was typed is gone");
            }
        }
        assert_eq!(house.contents(), before, "{action}");
        // Three wrong ones are forgotten with the right one.
        let fields = with(PASSWORD);
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, v)| (*n, v.as_str())).collect();
        ada.page(page);
        let answer = ada.post(action, &fields);
        assert!(matches!(answer.status, 200 | 303), "{action}: {} {}", answer.status, text(&answer.body));
        assert_ne!(house.contents(), before, "{action}");
        assert!(!ada.page("/tokens/new").contains("confirm-password"), "{action}: fresh again");
    }
    // The second factor: setting it up, replacing the codes, and taking it away.
    stale();
    super::second_factor::steady();
    let page = ada.page("/account/second-factor");
    assert!(page.contains("name=\"confirm-password\""));
    let (secret, sealed) = (super::second_factor::secret(&page), super::browser::hidden(&page, "sealed").unwrap());
    let code = super::second_factor::code(&secret, 0);
    let form = [("sealed", sealed.as_str()), ("code", code.as_str())];
    let refused = ada.clone().post("/account/second-factor", &form);
    assert!(
        refused.status == 403 && super::second_factor::secret(&refused.body) == secret,
        "the same secret is offered on"
    );
    assert_eq!(house.number("select count(*) from admin where totp is not null"), 0);
    let answer = ada.post("/account/second-factor", &[form[0], form[1], ("confirm-password", PASSWORD)]);
    assert_eq!(answer.status, 200, "{}", text(&answer.body));
    for action in ["/account/recovery-codes", "/account/second-factor/remove"] {
        stale();
        let before = house.contents();
        ada.page("/account");
        assert_eq!(ada.clone().post(action, &[]).status, 403, "{action}");
        assert_eq!(ada.clone().post(action, &[("confirm-password", PASSWORD)]).status, 403, "{action} without a code");
        assert_eq!(
            ada.clone().post(action, &[("confirm-password", PASSWORD), ("confirm-code", &code)]).status,
            403,
            "used before"
        );
        assert_eq!(house.contents(), before);
        house.execute("update admin set totp_step = totp_step - 2");
        let fresh = super::second_factor::code(&secret, 1);
        let answer = ada.post(action, &[("confirm-password", PASSWORD), ("confirm-code", &fresh)]);
        assert_eq!(answer.status, 200, "{action}: {}", text(&answer.body));
    }
}

/// Every change that an administrator makes is recorded with the name, in the transaction of the change.
#[test]
fn every_change_is_recorded_with_a_name() {
    let house = House::new();
    let mut ada = house.ada();
    let token = made(&mut ada, "t", "scim", "");
    let grace = |ada: &mut Browser| {
        let answer = ada.fill("/admins", "/admins", &[("name", "grace"), ("new-password", OTHER)]);
        assert_eq!(answer.status, 303);
    };
    grace(&mut ada);
    let id_of_grace = house.number("select id from admin where name = 'grace'");
    ada.page("/provisioning");
    assert_eq!(ada.post("/provisioning/on", &[("acknowledge", "yes")]).status, 303);
    for to in ["pause", "read-only", "off"] {
        assert_eq!(ada.post(&format!("/provisioning/{to}"), &[]).status, 303);
    }
    assert_eq!(ada.post(&format!("/tokens/{}/revoke", id(&token)), &[]).status, 303);
    assert_eq!(ada.post(&format!("/admins/{id_of_grace}/remove"), &[]).status, 303);
    let mine: Vec<String> = house.audit().into_iter().filter(|(who, _)| who == "admin:ada").map(|(_, op)| op).collect();
    let expected = [
        "admin.sign-in",
        "token.create",
        "admin.create",
        "provisioning",
        "provisioning",
        "provisioning",
        "provisioning",
        "token.revoke",
        "admin.remove",
    ];
    assert_eq!(mine, expected);
    assert_eq!(
        house.text("select resource from change where op = 'admin.create' and actor = 'admin:ada'"),
        "admin:grace"
    );
    assert!(house.text("select value from setting where name = 'acknowledged_no_sso'").starts_with("admin:ada "));
}
