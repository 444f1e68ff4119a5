//! Sessions of people end, or change, with what the directory knows of them; and are asked for proof like others.

use serde_json::json;

use super::{Desk, is_in, onward};
use crate::settings::browser::text;
use crate::settings::{MINUTE, at_once};

#[test]
fn whoever_is_deactivated_or_deleted_is_out_at_once_whoever_does_it() {
    let desk = Desk::on();
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    let on = json!([{"op": "replace", "path": "active", "value": true}]);
    let mut ada = desk.house.ada();
    for (n, how) in
        ["patch", "put", "delete", "command", "page", "bulk", "command delete", "csv"].into_iter().enumerate()
    {
        let (name, external) = (format!("p{n}@x.io"), format!("e{n}"));
        let id = desk.person(&name, &external);
        let path = format!("/Users/{id}");
        let mut browser = desk.signed_in(&external);
        assert!(is_in(&mut browser), "{how}");
        match how {
            "patch" => assert_eq!(desk.client.patch(&path, &off).unwrap().status, 200),
            "put" => assert_eq!(
                desk.client
                    .put(&path, &json!({"userName": name, "externalId": external, "active": false}))
                    .unwrap()
                    .status,
                200
            ),
            "delete" => assert_eq!(desk.client.delete(&path).unwrap().status, 204),
            "command" => drop(desk.house.place.done(&["person", "deactivate", &name])),
            "command delete" => drop(desk.house.place.done(&["person", "delete", &name])),
            "page" => {
                let page = format!("/people/{id}/deactivate");
                assert_eq!(ada.fill(&page, &page, &[]).status, 303);
            }
            "csv" => {
                let file = desk.house.place.path().join("people.csv");
                std::fs::write(&file, format!("userName,active\n{name},false\n")).unwrap();
                desk.house.place.done(&["person", "import", file.to_str().unwrap()]);
            }
            _ => {
                let operation = json!({"method": "PATCH", "path": path, "data": {"Operations": off}});
                let answer = desk.client.post("/Bulk", &json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"], "Operations": [operation]}));
                assert_eq!(answer.unwrap().status, 200);
            }
        }
        assert!(!is_in(&mut browser), "{how}");
        assert_eq!(desk.house.number("select count(*) from session where person is not null"), 0, "{how}");
        if !how.contains("delete") {
            assert_eq!(desk.client.patch(&path, &on).unwrap().status, 200);
            assert!(!is_in(&mut browser), "{how}: active again is not signed in again");
        }
    }
}

/// Whoever was signed in as a record is not signed in as what that becomes.
#[test]
fn a_record_that_becomes_somebody_elses_signs_its_holder_out() {
    let desk = Desk::on();
    let id = desk.person("kim@x.io", "e-kim");
    let path = format!("/Users/{id}");
    let set = |name: &str, value: serde_json::Value| {
        let change = json!([{"op": "replace", "path": name, "value": value}]);
        assert_eq!(desk.client.patch(&path, &change).unwrap().status, 200, "{name}");
    };
    let mut browser = desk.signed_in("e-kim");
    set("userName", "kim.lee@x.io".into());
    set("title", "Doctor".into());
    assert!(is_in(&mut browser), "people marry");
    set("externalId", "e-lee".into());
    assert!(!is_in(&mut browser));
    assert_eq!(desk.house.number("select count(*) from session where person is not null"), 0);
    assert!(is_in(&mut desk.signed_in("e-lee")));
    // Whoever came by name is asked once more when the identity provider says who that is.
    let id = crate::settings::id_of(&desk.client.post("/Users", &json!({"userName": "max@x.io"})).unwrap());
    let mut max = desk.house.browser();
    desk.sign_in(&mut max, json!({"sub": "q", "preferred_username": "max@x.io"}));
    assert!(is_in(&mut max));
    let change = json!([{"op": "add", "path": "externalId", "value": "somebody-else"}]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &change).unwrap().status, 200);
    assert!(!is_in(&mut max));
}

#[test]
fn another_role_counts_from_the_next_request_on() {
    let desk = Desk::on();
    let id = desk.person("ada@x.io", "00u1");
    let mut ada = desk.signed_in("00u1");
    assert_eq!(ada.get("/people").status, 403);
    desk.promote("ada@x.io");
    ada.page("/people");
    // The form was opened with the role, and sent without it.
    ada.page("/people/new");
    desk.house.place.done(&["role", "set", "ada@x.io", "--clear"]);
    assert_eq!(ada.post("/people/new", &[("user-name", "new@x.io")]).status, 403);
    assert_eq!(desk.house.number("select count(*) from resource where name_key = 'new@x.io'"), 0);
    assert!(is_in(&mut ada));
    // By what the identity provider says, and by a group.
    let roles = json!([{"op": "add", "path": "roles", "value": [{"value": "ORGANIZATION_ADMINISTRATOR"}]}]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &roles).unwrap().status, 200);
    ada.page("/people");
    let none = json!([{"op": "replace", "path": "roles", "value": []}]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &none).unwrap().status, 200);
    assert_eq!(ada.get("/people").status, 403);
    let group = desk.client.post("/Groups", &json!({"displayName": "Admins", "members": [{"value": id}]})).unwrap();
    desk.house.place.done(&["role", "rule", "add", "--group", "Admins", "--role", "ORGANIZATION_ADMINISTRATOR"]);
    ada.page("/people");
    let group = group.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(desk.client.delete(&format!("/Groups/{group}")).unwrap().status, 204);
    assert_eq!(ada.get("/people").status, 403);
}

/// A write of somebody whose role ends at the same moment is done wholly before it, or not at all.
#[test]
fn a_write_and_the_end_of_a_role_have_an_order() {
    let desk = Desk::on();
    for round in 0..6 {
        let (name, external) = (format!("a{round}@x.io"), format!("a{round}"));
        let id = desk.person(&name, &external);
        desk.promote(&name);
        let browser = desk.signed_in(&external);
        let off = json!([{"op": "replace", "path": "active", "value": false}]);
        let made = format!("made{round}@x.io");
        at_once(2, |which| match which {
            0 => assert_eq!(desk.client.patch(&format!("/Users/{id}"), &off).unwrap().status, 200),
            _ => {
                let mut browser = browser.clone();
                let page = browser.get("/people/new");
                if page.status == 200 {
                    let answer = browser.post("/people/new", &[("user-name", &made)]);
                    assert!([303, 403].contains(&answer.status), "{}", answer.status);
                }
            }
        });
        let ended = desk.house.number(&format!("select max(n) from change where resource = '{id}'"));
        let wrote =
            desk.house.number(&format!("select coalesce(max(n), 0) from change where actor like 'person:{id} %'"));
        assert!(wrote < ended, "{wrote} is after {ended}");
    }
}

#[test]
fn grave_changes_ask_the_identity_provider_who_that_is() {
    let desk = Desk::on();
    let id = desk.person("ada@x.io", "00u1");
    desk.person("bob@x.io", "00u2");
    let victim = desk.person("victim@x.io", "00u3");
    desk.promote("ada@x.io");
    desk.promote("bob@x.io");
    let page = format!("/people/{victim}/delete");
    // The provider has not said when somebody proved who that is: that is asked before anything grave.
    let mut ada = desk.signed_in("00u1");
    let shown = ada.page(&page);
    assert!(shown.contains(&format!("href=\"/sign-in/sso?again=/people/{victim}/delete\"")), "{shown}");
    assert!(!shown.contains("confirm-password"));
    let refused = ada.post(&page, &[("confirm-password", "x")]);
    assert!(refused.status == 403 && text(&refused.body).contains("Confirm that it is you"));
    let again = format!("/sign-in/sso?again={page}");
    // Somebody else at the same desk, an old proof, and none at all.
    for claims in [
        json!({"sub": "00u2"}),
        json!({"sub": "00u1", "auth_time": super::provider::seconds() - 600}),
        json!({"sub": "00u1", "auth_time": null}),
    ] {
        let answer = ada.get(&again);
        let query = desk.provider.query(answer.header("location").unwrap());
        // Providers say `auth_time` because of the age; 0 makes one of them ask for ever.
        assert_eq!((query["prompt"].as_str(), query["max_age"].as_str()), ("login", "300"));
        let callback = desk.provider.signs_in(answer.header("location").unwrap(), claims.clone());
        assert_eq!(desk.back(&mut ada, &callback).status, 403, "{claims}");
        ada.page(&page);
        assert_eq!(ada.post(&page, &[]).status, 403, "{claims}");
    }
    let (old, end) = (ada.session(), desk.house.number("select max(expires) from session where person is not null"));
    let callback = desk.there(&mut ada, &again, json!({"sub": "00u1"}));
    let answer = desk.back(&mut ada, &callback);
    assert_eq!((answer.status, onward(&answer)), (200, Some(page.clone())), "{}", text(&answer.body));
    assert_ne!(ada.session(), old);
    assert!(!is_in(&mut desk.house.browser().with_session(&old)));
    assert_eq!(
        desk.house.number("select max(expires) from session where person is not null"),
        end,
        "no time is gained"
    );
    assert!(!ada.page(&page).contains("again="));
    assert_eq!(ada.post(&page, &[]).status, 303);
    assert!(desk.house.audit().contains(&(format!("person:{id} ada@x.io"), "delete".to_owned())));
    // Five minutes later it is asked for again.
    desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    assert!(ada.page("/tokens/new").contains("again=/tokens/new"));
    // A recent sign-in with its time is as good as a password that was given just now.
    let mut fresh = desk.house.browser();
    let claims = json!({"sub": "00u1", "auth_time": super::provider::seconds() - 5});
    assert_eq!(desk.sign_in(&mut fresh, claims).status, 200);
    assert!(!fresh.page("/tokens/new").contains("again="));
    // Only people have this way, and only while they are signed in.
    let mut grace = desk.house.ada();
    assert_eq!(grace.get(&again).header("location"), Some(page.as_str()));
    assert_eq!(desk.house.browser().get(&again).header("location"), Some("/sign-in"));
}

/// What somebody typed who has to prove first who that is, is carried out as it was typed, secrets as well.
#[test]
fn what_was_typed_is_kept_while_the_identity_provider_asks() {
    let desk = Desk::on();
    desk.person("ada@x.io", "00u1");
    desk.promote("ada@x.io");
    let mut ada = desk.signed_in("00u1");
    let confirm = |ada: &mut crate::settings::browser::Browser, page: &str| {
        let callback = desk.there(ada, &format!("/sign-in/sso?again={page}"), json!({"sub": "00u1"}));
        onward(&desk.back(ada, &callback)).unwrap()
    };
    let password = "a lamp that nobody has seen";
    let typed = [("name", "grace"), ("new-password", password)];
    let refused = ada.fill("/admins", "/admins", &typed);
    assert!(refused.status == 403 && text(&refused.body).contains("what you typed is kept"), "{}", text(&refused.body));
    assert_eq!(confirm(&mut ada, "/admins"), "/confirmed");
    // Nothing is done before the button is pressed, and the secret is in no page.
    assert_eq!(desk.house.number("select count(*) from admin where name = 'grace'"), 0);
    let page = ada.page("/confirmed");
    assert!(
        text(&page).contains("is still there, and nothing has been changed yet")
            && !page.contains("lamp")
            && !page.contains("grace")
    );
    let number = super::field(&page, "number");
    // Another session has nothing of it, not even of the same person.
    let mut other = desk.house.browser();
    desk.sign_in(&mut other, json!({"sub": "00u1", "auth_time": super::provider::seconds()}));
    assert_eq!(other.get("/confirmed").status, 409);
    other.page("/admins");
    assert_eq!(other.post("/confirmed", &[("number", &number)]).status, 409);
    assert_eq!(ada.post("/confirmed", &[("number", "x")]).status, 409);
    let foreign =
        ada.send("POST", "/confirmed", &crate::settings::browser::OWN, Some(&format!("csrf=x&number={number}")));
    assert_eq!(foreign.status, 403);
    ada.page("/confirmed");
    let done = ada.post("/confirmed", &[("number", &number)]);
    assert_eq!((done.status, done.header("location")), (303, Some("/admins")), "{}", text(&done.body));
    assert_eq!(desk.house.number("select count(*) from admin where name = 'grace'"), 1);
    assert!(desk.house.signed_in("grace", password).is_in());
    let twice = ada.post("/confirmed", &[("number", &number)]);
    assert!(twice.status == 409 && text(&twice.body).contains("sent once"), "{}", text(&twice.body));

    // A refusal is shown as always, with what was typed, and a form in an address with more in it finds its way.
    let stale = || desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    stale();
    assert_eq!(ada.fill("/admins", "/admins", &typed).status, 403);
    assert_eq!(confirm(&mut ada, "/admins"), "/confirmed");
    let number = super::field(&ada.page("/confirmed"), "number");
    let again = ada.post("/confirmed", &[("number", &number)]);
    assert!(again.status == 409 && again.body.contains("value=\"grace\"") && !again.body.contains("lamp"));
    // Who that is has to be proved before it is said that it was.
    stale();
    assert_eq!(ada.fill("/admins", "/admins", &typed).status, 403);
    let early = ada.get("/confirmed");
    assert_eq!((early.status, early.header("location")), (303, Some("/sign-in/sso?again=%2Fadmins")));
    let saved = desk.save(&mut ada, &[("secret", "another-secret"), ("client-id", "another")]);
    assert_eq!(saved.status, 403);
    assert!(!saved.body.contains("another-secret"));
    assert_eq!(confirm(&mut ada, "/sso"), "/confirmed");
    let number = super::field(&ada.page("/confirmed"), "number");
    assert_eq!(ada.post("/confirmed", &[("number", &number)]).header("location"), Some("/sso"));
    assert!(desk.house.text("select value from setting where name = 'sso'").contains("\"client_id\":\"another\""));
    desk.house.is_nowhere(&["another-secret"]);
}

#[test]
fn what_was_typed_on_another_page_or_is_too_long_does_not_stand_in_the_way() {
    let desk = Desk::on();
    desk.person("ada@x.io", "00u1");
    desk.promote("ada@x.io");
    let mut ada = desk.signed_in("00u1");
    let typed = [("name", "grace"), ("new-password", "a lamp that nobody has seen")];
    assert_eq!(ada.fill("/admins", "/admins", &typed).status, 403);
    let callback = desk.there(&mut ada, "/sign-in/sso?again=/tokens/new", json!({"sub": "00u1"}));
    assert_eq!(onward(&desk.back(&mut ada, &callback)).as_deref(), Some("/tokens/new"));
    desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    let long = "x".repeat(70_000);
    let refused = ada.fill("/admins", "/admins", &[typed[0], typed[1], ("more", &long)]);
    assert!(refused.status == 403 && text(&refused.body).contains("too long to be kept"), "{}", text(&refused.body));
    let callback = desk.there(&mut ada, "/sign-in/sso?again=/admins", json!({"sub": "00u1"}));
    assert_eq!(onward(&desk.back(&mut ada, &callback)).as_deref(), Some("/admins"));
    assert_eq!(ada.get("/confirmed").status, 409);
    // Whoever confirms with a password sees nothing of this.
    let mut grace = desk.house.ada();
    assert_eq!(grace.get("/confirmed").status, 409);
}

#[test]
fn switching_it_off_signs_everybody_out_and_nobody_else() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    for how in ["command", "page", "settings"] {
        let mut bob = desk.signed_in("00u2");
        let mut ada = desk.house.ada();
        let mut late = desk.house.browser();
        let callback = desk.there(&mut late, "/sign-in/sso", json!({"sub": "00u2"}));
        match how {
            "command" => assert!(desk.house.place.done(&["sso", "off"]).contains("signed out")),
            "page" => assert_eq!(ada.fill("/sso/off", "/sso/off", &[]).status, 303),
            _ => assert_eq!(desk.save(&mut ada, &[("match", "preferred_username userName")]).status, 303),
        }
        assert!(!is_in(&mut bob) && ada.is_in(), "{how}");
        let answer = desk.back(&mut late, &callback);
        assert!(answer.status == 409 && !is_in(&mut late), "{how}: {}", answer.status);
        assert!(!text(&desk.house.browser().page("/sign-in")).contains("Okta"));
        assert_eq!(desk.house.browser().get("/sign-in/sso").status, 409);
        assert_eq!(desk.house.number("select count(*) from setting where name = 'sso_since'"), 0);
        if how != "settings" {
            assert_eq!(ada.fill("/sso/on", "/sso/on", &[]).status, 303, "what was tested stays so");
        }
    }
}
