//! The consequence guard: very many people leave, every request is answered as ever, and what cannot be undone waits.

use serde_json::{Value, json};

use super::{DAY, Desk};

fn status(desk: &Desk) -> Value {
    serde_json::from_str(&desk.done(&["provisioning", "status", "--json"])).unwrap()
}

#[test]
fn a_burst_holds_purging_until_an_administrator_has_looked() {
    let mut desk = Desk::with("[retention]\ndeparted_days = 1\n");
    let ids: Vec<String> = (0..40).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    for id in &ids[..9] {
        desk.activate(id, false);
    }
    assert_eq!(status(&desk)["guard"], json!(null), "nine are fewer than guard.at_least");
    desk.delete(&format!("/Users/{}", ids[9]));
    assert_eq!(status(&desk)["guard"]["left"], json!(10), "ten of forty are more than a fifth");
    desk.delete(&format!("/Users/{}", ids[10]));
    let said = desk.done(&["provisioning", "status"]);
    assert!(said.contains("GUARD: 11 people") && said.contains("provisioning release"), "{said}");
    let page = desk.page("/");
    assert!(page.contains("11 people were deactivated or deleted within minutes"), "{page}");
    // Some of them come back, and are no longer counted.
    desk.activate(&ids[0], true);
    desk.until("the guard is kept", || desk.house.number("select count(*) from setting where name = 'guard'") == 1);
    assert_eq!(status(&desk)["guard"]["left"], json!(10));
    // It holds when the ten minutes are over, and over a restart.
    desk.meanwhile(&format!(
        "update handover set opened = opened - {DAY} * 3; update departed set departed = departed - {DAY} * 3;
         update setting set value = value - {DAY} * 3 where name = 'guard';
         update handover set status = 'dismissed' where status = 'open'"
    ));
    assert_eq!(status(&desk)["guard"]["left"], json!(10));
    std::thread::sleep(std::time::Duration::from_secs(5));
    assert_eq!(desk.house.number("select count(*) from departed"), 2, "purging waits");
    let said = desk.done(&["provisioning", "release"]);
    assert!(said.contains("released") && said.contains("10 people"), "{said}");
    assert_eq!(status(&desk)["guard"], json!(null));
    assert!(!desk.page("/").contains("within minutes"));
    desk.until("purging goes on", || desk.house.number("select count(*) from departed") == 0);
    assert!(desk.refused(&["provisioning", "release"]).contains("no guard"));
    let audit = desk.house.audit();
    for row in [("guard", "guard"), ("command:provisioning release", "guard.release")] {
        assert!(audit.iter().any(|(who, op)| (who.as_str(), op.as_str()) == row), "{row:?}");
    }
    desk.check();
}

/// Who was looked at is not looked at again, and the thresholds are the owner's.
#[test]
fn a_release_counts_for_those_who_have_left() {
    let desk = Desk::with("[guard]\npercent = 0\ncount = 3\n");
    let ids: Vec<String> = (0..6).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    for id in &ids[..3] {
        desk.activate(id, false);
    }
    assert_eq!(status(&desk)["guard"]["left"], json!(3));
    desk.done(&["provisioning", "release"]);
    for id in &ids[3..5] {
        desk.activate(id, false);
    }
    assert_eq!(status(&desk)["guard"], json!(null));
    desk.activate(&ids[5], false);
    assert_eq!(status(&desk)["guard"]["left"], json!(3));
}

/// A mistake that the identity provider has put right by itself needs nobody to look.
#[test]
fn the_guard_ends_when_everybody_is_active_again() {
    let desk = Desk::with("[guard]\npercent = 0\ncount = 3\n");
    let ids: Vec<String> = (0..4).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    ids.iter().for_each(|id| desk.activate(id, false));
    let kept = || desk.house.number("select count(*) from setting where name = 'guard' and value <> ''");
    desk.until("the guard is kept", || kept() == 1);
    ids.iter().for_each(|id| desk.activate(id, true));
    assert_eq!(status(&desk)["guard"], json!(null));
    desk.until("nothing is kept of it", || kept() == 0);
    desk.activate(&ids[0], false);
    assert_eq!(status(&desk)["guard"], json!(null), "one is none too many");
    desk.check();
}
