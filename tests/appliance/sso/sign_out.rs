//! One person is signed out everywhere, as after the loss of a computer.

use super::{Desk, is_in};
use crate::settings::browser::text;

#[test]
fn one_person_is_signed_out_everywhere() {
    let desk = Desk::on();
    let (bob, eve) = (desk.person("bob@x.io", "00u2"), desk.person("eve@x.io", "00u3"));
    let mut ada = desk.house.ada();
    let here = format!("/people/{bob}");
    let action = format!("{here}/sign-out");
    assert!(!ada.page(&here).contains(&action), "nothing to end");
    let (mut one, mut two, mut other) = (desk.signed_in("00u2"), desk.signed_in("00u2"), desk.signed_in("00u3"));
    let page = ada.page(&here);
    assert!(
        [&one, &two].iter().all(|b| page.contains(&b.address))
            && page.contains(&action)
            && !page.contains(&other.address),
        "{}",
        text(&page)
    );
    // A form of another site, and of nobody, does nothing; neither does a look.
    assert_eq!(ada.send("POST", &action, &[("Origin", "https://evil.example")], Some("csrf=x")).status, 403);
    assert_eq!(ada.post(&action, &[("csrf", "x")]).status, 303, "the first of two counts");
    assert!(!is_in(&mut one) && !is_in(&mut two) && is_in(&mut other) && ada.is_in());
    assert!(text(&ada.page(&here)).contains("Signed out everywhere") && !ada.page(&here).contains(&action));
    assert!(desk.house.audit().contains(&("admin:ada".to_owned(), "sso.sign-out".to_owned())));
    let count = || desk.house.number("select count(*) from change where op = 'sso.sign-out'");
    assert_eq!((ada.post(&action, &[]).status, count()), (303, 1), "a second time there is nothing to record");
    assert_eq!(ada.get(&action).header("location"), Some(here.as_str()));
    assert_eq!(ada.post("/people/nobody/sign-out", &[]).status, 303);
    assert_eq!(other.post(&action, &[]).status, 403, "that is for administrators");
    // The same by command.
    let mut again = desk.signed_in("00u2");
    let told = desk.house.place.done(&["sso", "sign-out", "BOB@x.io"]);
    assert!(told.contains("1 session ended") && told.contains(&bob), "{told}");
    assert!(!is_in(&mut again) && is_in(&mut other));
    assert!(desk.house.place.done(&["sso", "sign-out", &eve]).contains("1 session ended"));
    assert!(desk.house.place.done(&["sso", "sign-out", &eve]).contains("signed in nowhere"));
}
