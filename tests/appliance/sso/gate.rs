//! What single sign-on means for provisioning (P14).

use serde_json::json;

use super::Desk;
use crate::settings::browser::text;
use crate::settings::sentence;

#[test]
fn a_tested_sign_in_opens_the_gate_without_anybodys_word() {
    let desk = Desk::new();
    let mut ada = desk.house.ada();
    let told = text(&ada.page("/provisioning"));
    assert!(told.contains("Go on without single sign-on") && told.contains("It is not set up."));
    assert!(sentence(&desk.house.place.command(&["provisioning", "on"])).contains("--acknowledge-no-sso"));
    desk.save(&mut ada, &[]);
    assert!(text(&ada.page("/provisioning")).contains("no test was good since it was changed"));
    assert!(sentence(&desk.house.place.command(&["provisioning", "on"])).contains("single sign-on is not tested"));
    made_here(&desk);
    assert!(text(&desk.test(&mut ada, json!({"sub": "00u2"}))).contains("The test was good"));
    let told = text(&ada.page("/provisioning"));
    assert!(told.contains("It is set up and tested.") && !told.contains("Go on without single sign-on"), "{told}");
    assert_eq!(ada.post("/provisioning/on", &[]).status, 303);
    assert_eq!(desk.client.get("/Users").unwrap().status, 200);
    assert_eq!(desk.house.number("select count(*) from setting where name = 'acknowledged_no_sso'"), 0);
    let status: serde_json::Value =
        serde_json::from_str(&desk.house.place.done(&["provisioning", "status", "--json"])).unwrap();
    assert_eq!(status["singleSignOn"], json!("tested"));
}

#[test]
fn where_it_is_required_no_word_will_do() {
    let desk = Desk::with("[sso]\nprecondition = \"required\"\n");
    let mut ada = desk.house.ada();
    let page = ada.page("/provisioning");
    let told = text(&page);
    assert!(
        told.contains("Single sign-on comes first") && !told.contains("Go on without") && page.contains(" disabled"),
        "{told}"
    );
    for path in ["/provisioning/on", "/provisioning/read-only"] {
        let answer = ada.post(path, &[("acknowledge", "yes")]);
        assert!(
            answer.status == 409 && text(&answer.body).contains("Single sign-on comes first"),
            "{path}: {}",
            answer.status
        );
    }
    assert_eq!(ada.get("/provisioning/read-only").status, 409);
    for action in ["on", "read-only"] {
        let refused = desk.house.place.command(&["provisioning", action, "--acknowledge-no-sso"]);
        assert!(sentence(&refused).contains("sso.precondition"), "{action}");
    }
    assert_eq!(desk.client.get("/Users").unwrap().status, 403);
    // Paused lets nobody in.
    desk.house.place.done(&["provisioning", "pause"]);
    desk.save(&mut ada, &[]);
    made_here(&desk);
    desk.test(&mut ada, json!({"sub": "00u2"}));
    assert_eq!(ada.fill("/provisioning", "/provisioning/on", &[]).status, 303);
    assert_eq!(desk.client.get("/Users").unwrap().status, 200);
    // A change unsaid in the settings closes nothing that is open, and what is closed stays so.
    desk.house.place.done(&["provisioning", "off"]);
    desk.save(&mut ada, &[("scopes", "openid")]);
    assert!(sentence(&desk.house.place.command(&["provisioning", "on"])).contains("single sign-on is not tested"));
}

/// Somebody to test with, while no identity provider gets in yet.
fn made_here(desk: &Desk) {
    desk.house.place.done(&["person", "create", "bob@x.io"]);
    desk.house.place.done(&["person", "edit", "bob@x.io", "--set", "externalId=00u2"]);
}
