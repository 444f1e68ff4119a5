//! The states of provisioning, switched on the page, and what the page says about the way in.

use super::House;
use super::browser::text;

#[test]
fn provisioning_is_switched_on_the_page_and_holds_from_the_next_request_on() {
    let house = House::new();
    let token = house.place.done(&["token", "create", "--name", "okta"]).trim().to_owned();
    let client = crate::wire::Client { port: house.port(), token };
    let mut ada = house.ada();
    let told = text(&ada.page("/provisioning"));
    assert!(told.contains("Provisioning is off") && told.contains("Go on without single sign-on"));
    // Reading only lets in, too: nothing of it without the word.
    let refused = ada.get("/provisioning/read-only");
    assert!(
        refused.status == 409 && text(&refused.body).contains("Single sign-on is not set up"),
        "{}",
        refused.status
    );
    ada.page("/provisioning");
    assert_eq!(ada.post("/provisioning/read-only", &[]).status, 409);
    assert!(ada.is_in());
    let refused = ada.fill("/provisioning", "/provisioning/on", &[]);
    assert_eq!(refused.status, 422);
    assert!(text(&refused.body).contains("Tick this box") && refused.body.contains("id=\"acknowledge-error\""));
    assert_eq!(client.get("/Users").unwrap().status, 403);
    assert_eq!(ada.post("/provisioning/on", &[("acknowledge", "yes")]).status, 303);
    assert_eq!(client.get("/Users").unwrap().status, 200);
    assert!(text(&ada.page("/provisioning")).contains("Provisioning is on"));
    for (to, read, write, heading) in [
        ("pause", 503, 503, "Provisioning is paused"),
        ("read-only", 200, 403, "Provisioning is read-only"),
        ("off", 403, 403, "Provisioning is off"),
    ] {
        let page = format!("/provisioning/{to}");
        let told = text(&ada.page(&page));
        assert!(told.contains("This is what will happen") && told.contains("1 good token"), "{told}");
        assert_eq!(ada.post(&page, &[]).status, 303);
        assert_eq!(client.get("/Users").unwrap().status, read, "{to}");
        assert_eq!(client.post("/Users", &serde_json::json!({"userName": "x"})).unwrap().status, write, "{to}");
        assert!(text(&ada.page("/provisioning")).contains(heading), "{to}");
        if to == "off" {
            let told = text(&ada.page("/provisioning"));
            assert!(told.contains("ada decided on") && !told.contains("admin:ada"), "{told}");
        }
        // The word was given; on again needs nothing more.
        assert_eq!(ada.post("/provisioning/on", &[]).status, 303, "{to}");
        assert_eq!(client.get("/Users").unwrap().status, 200, "{to}");
    }
    for to in ["sideways", "on/now", ""] {
        assert_eq!(ada.get(&format!("/provisioning/{to}")).status, 404, "{to}");
    }
}

/// The steps for each provider hold the own values and get their ticks from real requests.
#[test]
fn the_steps_hold_our_own_values_and_tick_themselves() {
    let house = House::new();
    let mut ada = house.ada();
    let endpoint = format!("http://127.0.0.1:{}/scim/v2", house.port());
    for idp in ["okta", "entra", "onelogin", "jumpcloud", "other", "nonsense", "<script>"] {
        let page = ada.page(&format!("/provisioning?{}", super::browser::encoded(&[("idp", idp)])));
        assert!(text(&page).contains(&endpoint) || page.contains(&endpoint), "{idp}");
        assert!(!page.contains("<script>"), "{idp}");
    }
    assert!(text(&ada.page("/provisioning")).contains("Only this machine can reach it"));
    assert!(text(&ada.page("/")).contains("No identity provider has asked for anything yet."));
    let client = house.provider();
    let done = |page: String| {
        super::browser::tags(&page)
            .iter()
            .filter(|t| t.get("class").is_some_and(|c| c.split(' ').any(|c| c == "is-done")))
            .count()
    };
    let before = done(ada.page("/provisioning?idp=okta"));
    assert_eq!(client.get("/Users?filter=userName+eq+%22x%22").unwrap().status, 200);
    assert_eq!(client.post("/Users", &serde_json::json!({"userName": "first@x.io"})).unwrap().status, 201);
    let page = ada.page("/provisioning?idp=okta");
    assert!(text(&page).contains("Last contact") && page.contains("Seen "), "{}", text(&page));
    assert!(done(page) > before);
}
