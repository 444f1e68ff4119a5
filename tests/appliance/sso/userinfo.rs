//! Claims that are not in the ID token, and what becomes of people when nobody says them.

use serde_json::json;

use super::{Desk, is_in};
use crate::settings::browser::text;

const METADATA: &str = "openid-configuration";

#[test]
fn userinfo_that_refuses_keeps_out_only_whom_nothing_else_tells() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let bye = desk.person("bye@x.io", "00u3");
    let off = json!([{"op": "replace", "path": "active", "value": false}]);
    assert_eq!(desk.client.patch(&format!("/Users/{bye}"), &off).unwrap().status, 200);
    desk.provider.has_userinfo(429, json!({}));
    let mut ada = desk.house.ada();
    // A test reads what the provider says of itself anew, and everybody goes by that from then on.
    let read = desk.provider.asked(METADATA);
    let page = text(&desk.test(&mut ada, json!({"sub": "tester"})));
    assert!(page.contains("The test was good") && desk.provider.asked(METADATA) == read + 1, "{page}");
    assert_eq!(desk.provider.asked("/me "), 1);
    // The first line tells who it is; what the others would say does not matter.
    let mut bob = desk.signed_in("00u2");
    assert!(is_in(&mut bob) && desk.provider.asked("/me ") == 2);
    let mut browser = desk.house.browser();
    let answer = desk.sign_in(&mut browser, json!({"sub": "00u3"}));
    assert!(text(&answer.body).contains("You are deactivated here"), "{}", text(&answer.body));
    // The same when it answers what cannot be used.
    for odd in [json!([1]), json!("no"), json!(null)] {
        desk.provider.has_userinfo(200, odd);
        assert!(is_in(&mut desk.signed_in("00u2")));
    }
    desk.provider.has_userinfo(429, json!({}));
    // Whoever the first line does not find could be anybody by those behind it.
    for claims in [
        json!({"sub": "x"}),
        json!({"sub": "x", "email": "bob@x.io", "email_verified": true}),
        json!({"sub": "x", "preferred_username": "bob@x.io"}),
    ] {
        let mut browser = desk.house.browser();
        let answer = desk.sign_in(&mut browser, claims.clone());
        assert!(answer.status == 403 && !is_in(&mut browser), "{claims}");
        assert!(text(&answer.body).contains("did not sign you in"), "{claims}: {}", text(&answer.body));
    }
    let told = text(&ada.page("/sso"));
    assert!(told.contains("The claim preferred_username, which decides who somebody is"), "{told}");
    assert!(told.contains("The claim email_verified, which decides who somebody is"), "{told}");
    // A test says so too, and shows what came.
    let page = text(&desk.test(&mut ada, json!({"sub": "x", "given_name": "Xenia"})));
    assert!(page.contains("userinfo could not be asked for it") && page.contains("Xenia"), "{page}");
}

#[test]
fn userinfo_is_not_asked_for_what_is_known() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    desk.provider.has_userinfo(200, json!({"sub": "tester", "given_name": "Tess"}));
    let mut ada = desk.house.ada();
    assert!(text(&desk.test(&mut ada, json!({"sub": "tester"}))).contains("Tess"));
    let asked = desk.provider.asked("/me ");
    // It would say somebody else, which would refuse the sign-in.
    let all = json!({"sub": "00u2", "preferred_username": "bob", "email": "bob@x.io", "email_verified": true});
    let mut bob = desk.house.browser();
    assert_eq!(desk.sign_in(&mut bob, all.clone()).status, 200);
    // Neither is it for who confirms.
    bob.page("/me");
    assert_eq!(desk.provider.asked("/me "), asked);
    let mut bob = desk.house.browser();
    assert_eq!(desk.sign_in(&mut bob, json!({"sub": "00u2"})).status, 403);
    assert_eq!(desk.provider.asked("/me "), asked + 1);
}

#[test]
fn what_a_provider_says_of_a_refused_code_is_told_to_administrators() {
    let desk = Desk::on();
    desk.person("bob@x.io", "00u2");
    let words = "AADSTS53003: Access has been blocked by Conditional Access policies. <i>no</i>";
    desk.provider.refuses_codes(400, json!({"error": "invalid_grant", "error_description": words}));
    let mut bob = desk.house.browser();
    let answer = desk.sign_in(&mut bob, json!({"sub": "00u2"}));
    assert!(answer.status == 403 && !text(&answer.body).contains("AADSTS"), "{}", text(&answer.body));
    let page = desk.house.ada().page("/sso");
    assert!(text(&page).contains(words) && !page.contains("<i>"), "{}", text(&page));
    assert!(desk.house.server().log().contains("AADSTS53003"));
}
