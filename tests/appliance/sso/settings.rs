//! What the page makes of what is typed: two administrators at once, public clients, and what newcomers do.

use serde_json::json;

use super::{Desk, field};
use crate::settings::browser::text;

#[test]
fn an_old_form_writes_over_nothing() {
    let desk = Desk::on();
    let (mut ada, mut late) = (desk.house.ada(), desk.house.ada());
    let seen = field(&late.page("/sso"), "seen");
    assert_eq!(seen.len(), 64);
    assert_eq!(desk.save(&mut ada, &[("break-glass", "yes")]).status, 303);
    let before = desk.house.text("select value from setting where name = 'sso'");
    for seen in [seen.as_str(), "x", ""] {
        let refused = desk.save(&mut late, &[("seen", seen), ("scopes", "openid")]);
        let told = text(&refused.body);
        assert!(refused.status == 409 && told.contains("Somebody has changed these settings"), "{told}");
        assert!(refused.body.contains("<title>Error: "));
        assert!(refused.body.contains("value=\"openid profile email\""), "what is there now is shown");
        assert!(refused.body.contains("name=\"break-glass\" value=\"yes\" checked"));
    }
    assert_eq!(desk.house.text("select value from setting where name = 'sso'"), before);
    // A test changes nothing that a form is about.
    let seen = field(&late.page("/sso"), "seen");
    desk.test(&mut ada, json!({"sub": "tester"}));
    assert_eq!(desk.save(&mut late, &[("seen", &seen)]).status, 303);
    // Who presses twice has saved once.
    let seen = field(&late.page("/sso"), "seen");
    for _ in 0..2 {
        assert_eq!(desk.save(&mut late, &[("seen", &seen), ("break-glass", "yes")]).status, 303);
    }
    let seen = field(&late.page("/sso"), "seen");
    let twice = crate::settings::at_once(2, |_| {
        let mut browser = desk.house.ada();
        desk.save(&mut browser, &[("seen", &seen), ("secret", "another"), ("break-glass", "yes")]).status
    });
    assert_eq!(twice, [303, 303]);
    // Of two who press at once, one is told.
    let seen = field(&ada.page("/sso"), "seen");
    let at_once = crate::settings::at_once(2, |i| {
        let mut browser = desk.house.ada();
        desk.save(&mut browser, &[("seen", &seen), ("scopes", if i == 0 { "openid" } else { "openid email" })]).status
    });
    let mut statuses = at_once;
    statuses.sort_unstable();
    assert_eq!(statuses, [303, 409]);
}

#[test]
fn a_secret_is_taken_out_where_the_client_is_public() {
    let desk = Desk::on();
    let mut ada = desk.house.ada();
    let stored = || desk.house.text("select value from setting where name = 'sso'");
    for (fields, name) in [
        (&[("no-secret", "yes"), ("secret", "")][..], "Okta has one"),
        (&[("no-secret", "yes"), ("kind", "other")], "one is typed"),
    ] {
        let refused = desk.save(&mut ada, fields);
        assert!(refused.status == 422 && refused.body.contains("no-secret-error"), "{name}");
    }
    assert!(!stored().contains("\"secret\":null"));
    assert_eq!(desk.save(&mut ada, &[("no-secret", "yes"), ("secret", ""), ("kind", "other")]).status, 303);
    assert!(stored().contains("\"secret\":null"));
    assert!(ada.page("/sso").contains("name=\"no-secret\" value=\"yes\" checked"));
    assert!(desk.house.place.done(&["sso", "status", "--json"]).contains("\"clientSecret\": \"none\""));
    assert_eq!(ada.get("/sso/on").status, 409, "another client is tested again");
    // Without the tick it has to have one.
    let refused = desk.save(&mut ada, &[("secret", ""), ("kind", "other")]);
    assert!(refused.status == 422 && refused.body.contains("secret-error"));
    assert_eq!(desk.save(&mut ada, &[]).status, 303);
    desk.on_again(&mut ada);
}

#[test]
fn a_refused_form_keeps_its_guide_and_lines_of_another_provider_are_exchanged() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    let refused = desk.save(&mut ada, &[("kind", "other"), ("issuer", "nonsense")]);
    assert!(refused.status == 422 && text(&refused.body).contains("Register a web application"));
    let of_okta = ("match", "sub externalId\r\npreferred_username userName\r\n");
    let answer = desk.save(&mut ada, &[("kind", "entra"), of_okta]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sso?told=rules")));
    let page = ada.page("/sso?told=rules");
    assert!(page.contains("oid externalId") && text(&page).contains("They are those for Microsoft Entra ID now"));
    assert!(!text(&ada.page("/sso")).contains("They are those"));
    // Once it is set up, the settings stand first.
    let page = ada.page("/sso");
    assert!(page.find("id=\"settings\"") < page.find("id=\"guide\""));
    let told = text(&desk.test(&mut ada, json!({"sub": "x", "oid": "y"})));
    assert!(!told.contains("Match by oid instead"), "{told}");
    // Whoever types sub is told when it fits nobody.
    assert_eq!(desk.save(&mut ada, &[("kind", "entra"), ("match", "sub externalId")]).status, 303);
    let told = text(&desk.test(&mut ada, json!({"sub": "x", "oid": "y"})));
    assert!(told.contains("Match by oid instead: oid externalId"), "{told}");
}

#[test]
fn pages_name_what_helps_whoever_reads_them() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    let page = ada.page("/sso");
    assert!(page.contains("docs/sso.md"));
    assert!(page.find("id=\"guide\"") < page.find("id=\"settings\""), "what to do first stands first");
    let test = ada.get("/sso/test");
    assert!(test.status == 409 && test.body.contains("href=\"/sso\"") && !test.body.contains("href=\"/sign-in\""));
    assert!(!text(&ada.page("/requests")).contains("Sign-ins by single sign-on"));
    drop(desk);
    let desk = Desk::on();
    let mut ada = desk.house.ada();
    // Two people of one address: by which rule, if not whom.
    for n in ["1", "2"] {
        let body = json!({"userName": format!("twin{n}"), "externalId": n, "emails": [{"value": "twin@x.io"}]});
        assert_eq!(desk.client.post("/Users", &body).unwrap().status, 201);
    }
    let told = text(&desk.test(&mut ada, json!({"sub": "x", "email": "twin@x.io"})));
    assert!(told.contains("More than one person fits") && told.contains("emails.value"), "{told}");
    // Somebody who is refused leads from one list to the other.
    let mut nobody = desk.house.browser();
    assert_eq!(desk.sign_in(&mut nobody, json!({"sub": "nobody"})).status, 403);
    assert!(ada.page("/requests").contains("href=\"/sso#refused\""));
    // Everybody's page names nothing that is for administrators, and a manager by name.
    let boss = desk.person("boss@x.io", "boss");
    let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let body = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise],
        "userName": "bob@x.io",
        "externalId": "00u2",
        enterprise: {"manager": {"value": boss}},
    });
    let bob = crate::settings::id_of(&desk.client.post("/Users", &body).unwrap());
    let me = desk.signed_in("00u2").page("/me");
    assert!(!me.contains("docs/") && text(&me).contains("boss@x.io") && !me.contains(&boss), "{me}");
    let page = ada.page(&format!("/people/{bob}"));
    assert!(page.contains(&format!("<a href=\"/people/{boss}\">boss@x.io</a>")));
}
