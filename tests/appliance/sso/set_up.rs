//! The page on which it is set up: what is refused, what is shown, what is sealed, and the test before anything is on.

use serde_json::json;

use super::provider::SECRET;
use super::{Desk, field, is_in};
use crate::settings::MINUTE;
use crate::settings::browser::{tags, text};

#[test]
fn it_is_set_up_tested_and_switched_on_in_this_order() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    let page = ada.page("/sso");
    assert_eq!(field(&page, "csrf").len(), 32);
    let told = text(&page);
    let redirect = format!("http://127.0.0.1:{}/sign-in/sso/callback", desk.house.port());
    assert!(page.contains(&redirect) && told.contains("Create the app") && told.contains("Okta"), "{told}");
    for (idp, words) in
        [("entra", "Register an application"), ("other", "Register a web application"), ("<script>", "Create the app")]
    {
        let page = ada.page(&format!("/sso?{}", crate::settings::browser::encoded(&[("idp", idp)])));
        assert!(text(&page).contains(words) && page.contains(&redirect) && !page.contains("<script>"), "{idp}");
    }
    // Nothing is on before it is tested, and nothing is tested before it is there.
    assert_eq!(ada.get("/sso/test").status, 409);
    assert_eq!(ada.get("/sso/on").status, 409);
    assert_eq!(ada.post("/sso/on", &[]).status, 409);
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    assert!(text(&ada.page("/sso")).contains("Test it, then switch it on"));
    assert_eq!(ada.post("/sso/on", &[]).status, 409);
    assert!(!text(&desk.house.browser().page("/sign-in")).contains("Okta"));

    desk.house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    desk.person("bob@x.io", "00u2");
    let claims = json!({"sub": "x", "preferred_username": "<img src=x>", "amr": ["pwd"], "long": "y".repeat(5000)});
    let shown = desk.test(&mut ada, claims);
    let told = text(&shown);
    assert!(told.contains("The test was not good") && told.contains("Nobody here fits"), "{told}");
    assert!(
        told.contains("<img src=x>")
            && told.contains("[\"pwd\"]")
            && !tags(&shown).iter().any(|t| t.get("src") == Some("x"))
    );
    assert!(!told.contains(&"y".repeat(301)));
    assert_eq!(ada.post("/sso/on", &[]).status, 409, "a test that was not good is none");
    let told = text(&desk.test(&mut ada, json!({"sub": "00u2"})));
    for words in ["The test was good", "bob@x.io would be let in", "externalId", "Limited access user", "Why this role"]
    {
        assert!(told.contains(words), "{words}: {told}");
    }
    // A test opens nothing, and is shown to nobody else.
    assert_eq!(desk.house.number("select count(*) from session where person is not null"), 0);
    assert_eq!(desk.house.ada().get("/sso/tested").header("location"), Some("/sso"));
    assert_eq!(desk.house.browser().get("/sign-in/sso").status, 409);
    assert_eq!(ada.fill("/sso/on", "/sso/on", &[]).status, 303);
    assert!(text(&ada.page("/sso")).contains("People sign in with Okta"));
    assert!(is_in(&mut desk.signed_in("00u2")));
    let ops: Vec<String> =
        desk.house.audit().into_iter().filter(|(who, _)| who == "admin:ada").map(|(_, op)| op).collect();
    for op in ["sso.settings", "sso.tested", "sso"] {
        assert!(ops.iter().any(|o| o == op), "{op}: {ops:?}");
    }
}

#[test]
fn the_secret_is_sealed_never_shown_and_asked_for_when_the_provider_changes() {
    let mut desk = Desk::on();
    desk.house.is_nowhere(&[SECRET]);
    let mut ada = desk.house.ada();
    assert!(!ada.page("/sso").contains(SECRET));
    // A refused form does not show it either.
    let refused = desk.save(&mut ada, &[("match", "nonsense")]);
    assert!(refused.status == 422 && !refused.body.contains(SECRET) && refused.body.contains("match-error"));
    let answer = desk.save(&mut ada, &[("secret", ""), ("break-glass", "yes")]);
    assert_eq!(answer.status, 303, "left empty it is kept: {}", text(&answer.body));
    assert!(text(&ada.page("/sso")).contains("People sign in with Okta. On since"), "and tested still");
    assert!(desk.house.browser().page("/sign-in").contains("<details "));
    // It is not sent to another place, or as another client.
    let other = super::provider::Provider::start();
    for changed in [("issuer", other.issuer()), ("client-id", "another".to_owned())] {
        let refused = desk.save(&mut ada, &[("secret", ""), (changed.0, &changed.1)]);
        assert!(refused.status == 422 && refused.body.contains("secret-error"), "{}", changed.0);
    }
    assert_eq!(other.asked("/token"), 0);
    // A wrong one is found by the test.
    assert_eq!(desk.save(&mut ada, &[("secret", "wrong")]).status, 303);
    assert!(text(&ada.page("/sso")).contains("Test it, then switch it on"));
    assert!(text(&desk.test(&mut ada, json!({"sub": "tester"}))).contains("does not accept the client id and secret"));
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    desk.on_again(&mut ada);
    // The one that is there, typed once more, is no change.
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    assert!(text(&ada.page("/sso")).contains("People sign in with Okta. On since"));
    // Whoever moves it to another place in the file does not get it sent there.
    let moved = |from: &str, to: &str| {
        let change = format!("update setting set value = replace(value, '{from}', '{to}') where name = 'sso'");
        desk.house.execute(&change);
    };
    moved(&desk.provider.issuer(), &other.issuer());
    assert_eq!(desk.house.browser().get("/sign-in/sso").status, 503);
    assert!(text(&ada.page("/sso")).contains("Enter it again"));
    moved(&other.issuer(), &desk.provider.issuer());
    assert_eq!(desk.house.browser().get("/sign-in/sso").status, 303);
    // Without the key file the server starts, and says what to do.
    desk.house.stop();
    std::fs::remove_file(desk.house.place.path().join("scim-appliance.db.key")).unwrap();
    desk.house.start();
    desk.house.server().printed("Listening on ");
    crate::served::logged(|| desk.house.server().log(), &["client secret", "enter it again"]);
    let mut ada = desk.house.ada();
    assert!(
        text(&ada.page("/sso")).contains("Enter it again")
            && text(&ada.page("/")).contains("the key file is another one")
    );
    assert!(desk.house.place.done(&["sso", "status"]).contains("enter the client secret again"));
    assert_eq!(desk.house.browser().get("/sign-in/sso").status, 503);
    let test = ada.get("/sso/test");
    assert!(test.status == 409 && text(&test.body).contains("Enter it again"));
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    assert!(!ada.page("/sso").contains("href=\"#secret\""));
}

#[test]
fn what_cannot_work_is_refused_beside_its_field() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    let dead = { std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() };
    let dead = format!("http://127.0.0.1:{dead}");
    for (name, value) in [
        ("issuer", ""),
        ("issuer", "okta"),
        ("issuer", "javascript:alert(1)"),
        ("issuer", dead.as_str()),
        ("issuer", "http://10.0.0.1"),
        ("issuer", "https://169.254.169.254"),
        ("client-id", ""),
        ("secret", ""),
        ("secret", "with blank"),
        ("scopes", "a\"b"),
        ("match", ""),
        ("match", "sub password"),
    ] {
        let answer = desk.save(&mut ada, &[(name, value)]);
        assert_eq!(answer.status, 422, "{name} {value}: {}", text(&answer.body));
        assert!(answer.body.contains(&format!("id=\"{name}-error\"")), "{name} {value}");
        assert!(answer.body.contains("<title>Error: "), "{name} {value}");
    }
    assert_eq!(desk.house.number("select count(*) from setting where name = 'sso'"), 0);
    // What is typed stays, as text.
    let answer = desk.save(&mut ada, &[("client-id", "\"><script>x</script>"), ("match", "x")]);
    assert!(answer.status == 422 && !answer.body.contains("<script>x") && text(&answer.body).contains("Mend"));
}

#[test]
fn grave_changes_ask_for_the_password_and_forms_come_from_our_pages() {
    let desk = Desk::on();
    let mut ada = desk.house.ada();
    let before = desk.house.contents();
    for path in ["/sso", "/sso/off", "/sso/on"] {
        let foreign = ada.send(
            "POST",
            path,
            &[("Origin", "https://evil.example"), ("Content-Type", "application/x-www-form-urlencoded")],
            Some("csrf=x"),
        );
        assert_eq!(foreign.status, 403, "{path}");
        let anonymous = desk.house.browser().send("POST", path, &crate::settings::browser::OWN, Some("csrf=x"));
        assert_eq!(anonymous.status, 303, "{path}");
    }
    assert_eq!(desk.house.contents(), before);
    desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTE));
    let refused = desk.save(&mut ada, &[("client-id", "other")]);
    assert!(refused.status == 403 && refused.body.contains("confirm-password"));
    assert_eq!(ada.fill("/sso/off", "/sso/off", &[]).status, 403);
    assert!(text(&ada.page("/sso")).contains("People sign in with Okta"));
    assert_eq!(ada.fill("/sso/off", "/sso/off", &[("confirm-password", crate::settings::PASSWORD)]).status, 303);
}

/// What was not tested signs nobody in: whatever a test goes by switches it off, and says so beforehand.
#[test]
fn what_is_changed_is_off_until_it_was_tested_again() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let mut ada = desk.house.ada();
    assert!(text(&ada.page("/sso")).contains("until then nobody signs in by it"));
    for (name, value) in [
        ("client-id", "another"),
        ("client-id", "appliance"),
        ("secret", "another"),
        ("secret", SECRET),
        ("scopes", "openid"),
        ("match", "sub externalId"),
        ("allow-email", "yes"),
    ] {
        assert_eq!(desk.save(&mut ada, &[]).status, 303);
        if desk.house.browser().get("/sign-in/sso").status == 409 {
            desk.on_again(&mut ada);
        }
        let mut bob = desk.signed_in("00u2");
        if desk.save(&mut ada, &[(name, value)]).status == 303 && value != "appliance" && value != SECRET {
            assert!(!is_in(&mut bob) && desk.house.browser().get("/sign-in/sso").status == 409, "{name}");
            assert_eq!(ada.get("/sso/on").status, 409, "{name}");
            assert!(desk.house.place.done(&["sso", "status"]).contains("not tested"), "{name}");
        } else {
            assert!(is_in(&mut bob), "{name} {value} is what it was");
        }
    }
}

/// A test counts for what was tested, and for whoever is still there.
#[test]
fn a_test_under_way_does_not_count_for_something_else() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    desk.save(&mut ada, &[]);
    desk.house.place.done(&["provisioning", "on", "--acknowledge-no-sso"]);
    desk.person("bob@x.io", "00u2");
    let callback = desk.there(&mut ada, "/sso/test", json!({"sub": "00u2"}));
    assert_eq!(desk.save(&mut desk.house.ada(), &[("match", "sub externalId")]).status, 303);
    assert_eq!(desk.back(&mut ada, &callback).status, 409);
    let callback = desk.there(&mut ada, "/sso/test", json!({"sub": "00u2"}));
    ada.page("/");
    let session = ada.session();
    assert_eq!(ada.post("/sign-out", &[]).status, 303);
    assert_eq!(desk.back(&mut ada, &callback).status, 409);
    assert!(!session.is_empty());
    assert!(desk.house.text("select value from setting where name = 'sso'").contains("\"tested\":null"));
}

#[test]
fn the_way_out_is_by_the_proxy_of_the_configuration() {
    use std::io::{Read, Write};
    let proxy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = proxy.local_addr().unwrap().port();
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut head = [0; 1024];
        let length = stream.read(&mut head).unwrap();
        stream.write_all(b"HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    // Inside the table that is there.
    let desk = Desk::with(&format!("proxy = \"http://127.0.0.1:{port}\"\n"));
    let mut ada = desk.house.ada();
    let answer = desk.save(&mut ada, &[("issuer", "https://idp.example.com")]);
    let said = format!("the proxy 127.0.0.1:{port} does not lead to idp.example.com: it answers with status 403");
    assert!(answer.status == 422 && text(&answer.body).contains(&said), "{}", text(&answer.body));
    assert!(heard.join().unwrap().starts_with("CONNECT idp.example.com:443 HTTP/1.1\r\n"));
    // What is in our own network is not asked of it.
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
}
