//! Automatic deactivation (D5 of the model): off at first, never without single sign-on, announced, and done as an
//! administrator would do it.
//!
//! Single sign-on does not exist yet. What it will write, since when it is on and when people signed in, is written into the
//! file by these tests; so is the past: nobody waits for a week.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{DAY, Desk};
use crate::support::Answer;
use crate::wire::{PATIENCE, exchange, plain};

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// SQL: single sign-on has been on for so many days.
fn sso(days: i64) -> String {
    let set_up = crate::settings::SET_UP;
    format!("insert or replace into setting values ('sso_since', '{}'), ('sso', '{set_up}');", now() - days * DAY)
}

/// SQL: the records of these people were last changed so many days ago.
fn silent(ids: &[&str], days: i64) -> String {
    let at = now() - days * DAY;
    ids.iter().map(|id| format!("update resource set created = {at}, modified = {at} where id = '{id}';")).collect()
}

fn signed_in(id: &str, days: i64) -> String {
    format!("insert or replace into sign_in values ('{id}', {});", now() - days * DAY)
}

/// SQL: the announcement was so many days ago.
fn later(days: i64) -> String {
    format!("update idle set announced = announced - {0}, due = due - {0}, ran = ran - {0};", days * DAY)
}

fn status(desk: &Desk) -> Value {
    serde_json::from_str(&desk.done(&["inactive", "status", "--json"])).unwrap()
}

fn state(desk: &Desk) -> String {
    status(desk)["state"].as_str().unwrap().to_owned()
}

/// The userNames of those whom the next run would take.
fn preview(desk: &Desk) -> Vec<String> {
    let all = desk.listed(&["inactive", "preview"]);
    all.iter().map(|p| p["userName"].as_str().unwrap().to_owned()).collect()
}

fn is_active(desk: &Desk, id: &str) -> bool {
    desk.get(&format!("/Users/{id}"))["active"] == json!(true)
}

fn ran(desk: &Desk) -> bool {
    !status(desk)["lastRun"].is_null()
}

/// Longer than the server waits between two looks at what is due.
fn a_while() {
    std::thread::sleep(Duration::from_secs(7));
}

fn api(desk: &Desk, query: &str, scope: &str) -> Answer {
    let token = desk.done(&["token", "create", "--name", "script", "--scope", scope]);
    let bearer = format!("Bearer {token}");
    let bytes = plain("GET", &format!("/api/v1/inactive{query}"), &[("Authorization", &bearer)], b"");
    exchange(desk.house.port(), &bytes, PATIENCE).unwrap()
}

#[test]
fn without_single_sign_on_it_says_why_it_cannot_run() {
    let desk = Desk::new();
    let ada = desk.person("ada@x.io");
    let why = "Single sign-on has to be on for 90 days; it is off.";
    assert!(desk.done(&["inactive", "status"]).contains(why));
    assert_eq!((&status(&desk)["state"], &status(&desk)["obstacle"]), (&json!("off"), &json!(why)));
    assert!(desk.refused(&["inactive", "on", "--days", "90"]).contains(why));
    for wrong in ["6", "1000", "0", "-90", "1.5", "ninety", "", "99999999999999999999"] {
        let said = desk.refused(&["inactive", "on", &format!("--days={wrong}")]);
        assert!(said.contains("from 7 to 999"), "{wrong}: {said}");
    }
    assert!(desk.refused(&["inactive", "confirm"]).contains("nothing waits"));
    assert!(desk.done(&["inactive", "off"]).contains("off already"));
    let body = api(&desk, "", "api:read").json();
    assert_eq!((&body["state"], &body["obstacle"], &body["days"]), (&json!("off"), &json!(why), &Value::Null));
    assert_eq!(body["preview"]["people"], json!([]), "{body}");
    assert_eq!(desk.house.number("select count(*) from idle"), 0);
    assert!(is_active(&desk, &ada));
    desk.check();
}

/// Everybody with a reason to stay stays, and whoever goes, goes as by an administrator's hand.
#[test]
fn it_is_announced_and_takes_whom_nobody_has_heard_of() {
    let mut desk = Desk::new();
    let names = ["silent", "signed-in", "changed", "token", "exempt", "chief", "gone", "back"];
    let ids = names.map(|n| desk.person(&format!("{n}@x.io")));
    let [silent_one, signed, changed, token, exempt, chief, gone, back] = ids.each_ref().map(String::as_str);
    // As the administrator of the settings page is called, who is no person of the directory.
    let namesake = desk.done(&["person", "create", "ada"]);
    let me = desk.done(&["token", "create", "--name", "me", "--user", "token@x.io"]);
    desk.done(&["role", "set", "chief@x.io", "Admin"]);
    desk.activate(gone, false);
    let mut all: Vec<&str> = ids.iter().map(String::as_str).collect();
    all.push(&namesake);
    desk.meanwhile(&format!(
        "{}{}{}{}update token set last_used = {} where subject = '{token}';",
        sso(100),
        silent(&all, 200),
        signed_in(signed, 10),
        signed_in(silent_one, 150),
        now() - 3 * DAY,
    ));
    desk.done(&["person", "edit", "changed@x.io", "--set", "title=Countess"]);
    // What is no contact: a group, an exemption, a write that changes nothing.
    desk.group("Eng", &[silent_one]);
    desk.activate(silent_one, true);
    assert!(desk.done(&["inactive", "exempt", "exempt@x.io"]).contains("never deactivated"));
    assert!(desk.done(&["inactive", "exempt", exempt]).contains("already"));
    assert!(desk.done(&["inactive", "exempt"]).contains("exempt@x.io"));
    let said = desk.done(&["inactive", "on", "--days", "90"]);
    let first = day(now() + 7 * DAY);
    assert!(said.contains(&format!("On {first} 3 people will be deactivated")), "{said}");
    assert_eq!(preview(&desk), ["back@x.io", "ada", "silent@x.io"], "the longest silence first");
    assert!(desk.done(&["inactive", "on", "--days", "90"]).contains(&first), "once more is nothing new");
    let page = desk.page("/");
    assert!(
        page.contains(&format!("On {first} 3 people will be deactivated")) && page.contains("Look at who"),
        "{page}"
    );
    let body = api(&desk, "?limit=2&offset=1", "api:read").json();
    assert_eq!((&body["state"], &body["preview"]["total"]), (&json!("announced"), &json!(3)), "{body}");
    let people = body["preview"]["people"].as_array().unwrap();
    assert_eq!((people.len(), &people[0]["userName"], &people[0]["provisioned"]), (2, &json!("ada"), &json!(false)));
    assert_eq!((&people[1]["id"], &people[1]["provisioned"]), (&json!(silent_one), &json!(true)));
    assert!(people[1]["lastContact"].as_str().unwrap().starts_with("20"), "{body}");
    assert_eq!(api(&desk, "", "api:handover").status, 403);
    assert_eq!(api(&desk, "?limit=0", "api:read").status, 400);
    a_while();
    assert!(is_active(&desk, silent_one), "not before it is due");
    assert!(!ran(&desk));
    // Somebody comes back in time.
    desk.meanwhile(&format!("{}{}", later(8), signed_in(back, 1)));
    desk.until("the first run is over", || ran(&desk));
    for id in [signed, changed, token, exempt, chief, back] {
        assert!(is_active(&desk, id), "{id}");
    }
    assert!(!is_active(&desk, silent_one) && !is_active(&desk, &namesake));
    let rows = desk.house.text(&format!(
        "select group_concat(actor || ' ' || op) from (select actor, op from change where resource = '{silent_one}' and actor = 'automatic' order by n)"
    ));
    assert_eq!(rows, "automatic inactive,automatic patch");
    let open = desk.listed(&["handover", "list"]);
    let of = |id: &str| open.iter().find(|i| i["person"] == json!(id)).unwrap().clone();
    assert_eq!(of(silent_one)["openedBy"], json!("automatic"));
    assert_eq!(of(silent_one)["userName"], json!("silent@x.io"));
    let page = desk.page(&format!("/people/{silent_one}"));
    let since = day(now() - 150 * DAY);
    assert!(page.contains(&format!("no sign-in or contact since {since}")), "{page}");
    assert!(page.contains("automatic deactivation"), "{page}");
    // The administrator of that name is somebody else, and the identity provider has the last word.
    assert!(desk.house.ada().is_in());
    desk.activate(silent_one, true);
    assert!(is_active(&desk, silent_one));
    assert_eq!((state(&desk), preview(&desk)), ("on".to_owned(), Vec::new()));
    assert!(!desk.page("/").contains("will be deactivated"));
    // The token that was used lately stays good for its owner.
    assert!(me.starts_with("scimapp_"));
    // Once a day: not at once, and then whoever is due by then.
    desk.meanwhile(&format!("{}{}", silent(&[changed], 91), "delete from sign_in;"));
    a_while();
    assert!(is_active(&desk, changed), "not twice on one day");
    desk.meanwhile(&later(1));
    desk.until("the next run is over", || !is_active(&desk, changed));
    assert!(!is_active(&desk, signed) && !is_active(&desk, back), "whose sign-ins are unknown by now");
    assert!(is_active(&desk, chief) && is_active(&desk, exempt) && is_active(&desk, token));
    assert!(desk.done(&["inactive", "unexempt", exempt]).contains("no longer"));
    assert_eq!(preview(&desk), ["exempt@x.io"]);
    assert!(desk.done(&["inactive", "off"]).contains("is off"));
    assert_eq!(state(&desk), "off");
    let audit = desk.house.audit();
    for (who, op) in [
        ("command:inactive exempt", "inactive.exempt"),
        ("command:inactive on", "inactive.on"),
        ("automatic", "inactive.run"),
        ("command:inactive unexempt", "inactive.unexempt"),
        ("command:inactive off", "inactive.off"),
    ] {
        let count = audit.iter().filter(|(w, o)| w == who && o == op).count();
        assert!(count >= 1 && (op == "inactive.run" || count == 1), "{who} {op}: {count}");
    }
    desk.check();
}

/// `26 Aug 2026`
fn day(at: i64) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = at.div_euclid(1_000_000);
    let text: String = rusqlite::Connection::open_in_memory()
        .unwrap()
        .query_row("select date(?1, 'unixepoch')", [seconds], |r| r.get(0))
        .unwrap();
    let parts: Vec<usize> = text.split('-').map(|p| p.parse().unwrap()).collect();
    format!("{} {} {}", parts[2], MONTHS[parts[1] - 1], parts[0])
}

/// Silence means nothing before people could sign in.
#[test]
fn it_never_runs_before_single_sign_on_has_been_on_for_as_long() {
    let mut desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.meanwhile(&format!("{}{}", sso(60), silent(&[&ada], 300)));
    let said = desk.done(&["inactive", "on", "--days", "90"]);
    assert!(said.contains(&format!("On {} 1 person will be deactivated", day(now() + 30 * DAY))), "{said}");
    assert!(status(&desk)["obstacle"].as_str().unwrap().contains("so far it has been on for 60"));
    // Not even when somebody writes another date into the file.
    desk.meanwhile(&later(40));
    a_while();
    assert!(is_active(&desk, &ada) && !ran(&desk));
    // Fewer days are announced anew, and may be sooner.
    let said = desk.done(&["inactive", "on", "--days", "30"]);
    assert!(said.contains(&format!("On {}", day(now() + 7 * DAY))), "{said}");
    desk.meanwhile(&later(7));
    desk.until("it has run", || ran(&desk));
    assert!(!is_active(&desk, &ada));
    desk.check();
}

/// A restart in the middle, and one before and after: what is in the file counts.
#[test]
fn switching_single_sign_on_stops_it_and_announces_it_anew() {
    let mut desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.meanwhile(&format!("{}{}", sso(100), silent(&[&ada], 300)));
    desk.done(&["inactive", "on", "--days", "90"]);
    desk.meanwhile(&format!("{}delete from setting where name = 'sso_since';", later(8)));
    a_while();
    assert!(is_active(&desk, &ada));
    assert_eq!(state(&desk), "stopped");
    let page = desk.page("/");
    assert!(page.contains("Automatic deactivation is stopped.") && page.contains("it is off"), "{page}");
    desk.meanwhile(&sso(95));
    desk.until("it is announced anew", || {
        desk.house.number("select count(*) from change where op = 'inactive.announced'") == 1
    });
    assert_eq!(state(&desk), "announced");
    assert!(desk.page("/").contains(&format!("On {} 1 person will be deactivated", day(now() + 7 * DAY))));
    assert!(is_active(&desk, &ada), "the first announcement is no longer good");
    desk.meanwhile(&later(8));
    desk.until("it has run", || !is_active(&desk, &ada));
    desk.check();
}

/// A server that did not run has heard of nobody, and neither has a backup of long ago.
#[test]
fn after_a_long_break_or_a_restore_it_is_announced_anew() {
    let mut desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.meanwhile(&format!("{}{}", sso(200), silent(&[&ada], 300)));
    desk.done(&["inactive", "on", "--days", "90"]);
    let announced = |desk: &Desk| desk.house.number("select announced from idle");
    let anew = |desk: &Desk| desk.house.number("select count(*) from change where op = 'inactive.announced'");
    desk.meanwhile(&later(15));
    desk.until("it is announced anew", || anew(&desk) == 1);
    assert!(is_active(&desk, &ada) && now() - announced(&desk) < DAY);
    let backup = desk.house.place.path().join("backup.db");
    desk.done(&["backup", backup.to_str().unwrap()]);
    desk.house.stop();
    rusqlite::Connection::open(&backup).unwrap().execute_batch(&later(8)).unwrap();
    desk.done(&["restore", backup.to_str().unwrap()]);
    desk.house.start();
    desk.client.port = desk.house.port();
    desk.until("it is announced once more", || anew(&desk) == 2);
    assert!(is_active(&desk, &ada) && status(&desk)["lastRun"].is_null());
    desk.check();
}

/// What was announced is what is done, or somebody is asked.
#[test]
fn a_first_run_that_takes_more_than_was_announced_waits() {
    let mut desk = Desk::new();
    let ids: Vec<String> = (0..8).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    desk.meanwhile(&format!("{}{}", sso(100), silent(&ids[..2], 300)));
    desk.done(&["inactive", "on", "--days", "90"]);
    desk.meanwhile(&format!("{}{}", later(8), silent(&ids[..3], 300)));
    desk.until("it waits", || state(&desk) == "waiting");
    assert!(ids.iter().all(|id| is_active(&desk, id)));
    let page = desk.page("/");
    assert!(page.contains("3 people without sign-in or contact for 90 days wait to be deactivated"), "{page}");
    assert!(status(&desk)["preview"]["needsConfirmation"] == json!(true));
    // Whoever confirms has seen three, and four are more than a tenth above that.
    assert!(desk.done(&["inactive", "confirm"]).contains("3 people"));
    desk.until("they are gone", || ran(&desk));
    assert_eq!(desk.house.number("select -sum(-n) from block where type = -1"), 3);
    assert!(desk.refused(&["inactive", "confirm"]).contains("nothing waits"));
    let audit = desk.house.audit();
    for row in [("automatic", "inactive.waits"), ("command:inactive confirm", "inactive.confirm")] {
        assert!(audit.iter().any(|(who, op)| (who.as_str(), op.as_str()) == row), "{row:?}");
    }
    desk.check();
}

/// The guard counts them, stops what nobody has confirmed, and what was confirmed comes to its end.
#[test]
fn very_many_wait_and_the_guard_stops_it() {
    let mut desk = Desk::with("[guard]\npercent = 0\ncount = 3\n[retention]\ndeparted_days = 1\n");
    let ids: Vec<String> = (0..10).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    desk.meanwhile(&format!("{}{}", sso(100), silent(&ids[..5], 300)));
    assert!(desk.done(&["inactive", "on", "--days", "90"]).contains("has to confirm it then"));
    // The identity provider deactivates three: the guard holds, and nothing is even asked.
    ids[5..8].iter().for_each(|id| desk.activate(id, false));
    desk.meanwhile(&later(8));
    a_while();
    assert_eq!(state(&desk), "announced");
    assert!(desk.page("/").contains("are not deactivated while the guard holds"));
    assert!(ids[..5].iter().all(|id| is_active(&desk, id)));
    desk.done(&["provisioning", "release"]);
    desk.until("it waits", || state(&desk) == "waiting");
    desk.done(&["inactive", "confirm"]);
    desk.until("all of them are gone", || ran(&desk));
    assert!(ids[..5].iter().all(|id| !is_active(&desk, id)) && is_active(&desk, ids[9]));
    let provisioning: Value = serde_json::from_str(&desk.done(&["provisioning", "status", "--json"])).unwrap();
    assert_eq!(provisioning["guard"]["left"], json!(5), "the guard counts them");
    desk.check();
}

/// More than one transaction, and one that was cut off: nobody twice, nobody left out.
#[test]
fn hundreds_go_in_batches_and_a_cut_off_run_goes_on() {
    let mut desk = Desk::with("[guard]\npercent = 0\ncount = 0\n");
    let ids: Vec<String> = (0..250).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    desk.meanwhile(&format!("{}{}", sso(100), silent(&ids, 300)));
    desk.done(&["inactive", "on", "--days", "90"]);
    desk.meanwhile(&later(8));
    desk.until("it has run", || ran(&desk));
    assert_eq!(desk.house.number("select count(*) from handover where status = 'open'"), 250);
    assert_eq!(desk.house.text("select after from change where op = 'inactive.run'"), "{\"people\":250}");
    // As if the power had gone after the first of them.
    desk.meanwhile(&format!(
        "update idle set ran = null; update resource set doc = json_set(doc, '$.active', json('true')) where id = '{}';
         update block set n = n - 1 where type = -1 and block = 0; update handover set status = 'closed' where person = '{}';
         {}",
        ids[249],
        ids[249],
        silent(&ids[249..], 300)
    ));
    desk.until("it has gone on", || ran(&desk));
    assert!(!is_active(&desk, ids[249]));
    assert_eq!(desk.house.number("select count(*) from handover where status = 'open'"), 250);
    let log = desk.house.server().log();
    assert!(!log.contains("did not come to its end"), "{log}");
    desk.check();
}

/// Whoever is purged leaves nothing behind.
#[test]
fn what_is_known_of_somebody_goes_with_the_record() {
    let mut desk = Desk::with("[retention]\ndeparted_days = 1\n");
    let ada = desk.person("ada@x.io");
    desk.done(&["inactive", "exempt", &ada]);
    desk.delete(&format!("/Users/{ada}"));
    assert!(desk.done(&["inactive", "exempt"]).contains("ada@x.io"), "as long as she can come back");
    desk.done(&["handover", "dismiss", "ada@x.io"]);
    desk.meanwhile(&format!("{}update departed set departed = departed - {DAY} * 2;", signed_in(&ada, 5)));
    desk.until("she is purged", || desk.house.number("select count(*) from departed") == 0);
    assert_eq!(desk.house.number("select (select count(*) from sign_in) + (select count(*) from idle_exempt)"), 0);
    assert!(desk.refused(&["inactive", "exempt", "nobody@x.io"]).contains("no person"));
    assert!(desk.refused(&["inactive", "unexempt", &ada]).contains("no person"));
}

/// The statement that finds them against a plain reading of the rule.
#[test]
fn the_list_is_what_the_rule_says() {
    const PEOPLE: usize = 120;
    let mut desk = Desk::new();
    let ids: Vec<String> = (0..PEOPLE).map(|i| desk.person(&format!("p{i}@x.io"))).collect();
    let mut seed: u64 = 20_261_126;
    let mut next = |n: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % n
    };
    let at = now();
    let (mut sql, mut expected) = (sso(500), Vec::new());
    for (i, id) in ids.iter().enumerate() {
        let mut past = || at - i64::try_from(next(200)).unwrap() * DAY - i64::try_from(i).unwrap();
        let changed = past();
        let mut last = changed;
        sql += &format!("update resource set created = {changed}, modified = {changed} where id = '{id}';");
        let (sign_in, token, other) = (past(), past(), past());
        let kind = next(16);
        if kind & 1 == 1 {
            sql += &format!("insert into sign_in values ('{id}', {sign_in});");
            last = last.max(sign_in);
        }
        if kind & 2 == 2 {
            for (n, used) in [token, other].into_iter().enumerate() {
                sql += &format!(
                    "insert into token (id, name, scope, digest, created, created_by, subject, last_used, revoked)
                     values ('{i}-{n}', 'x', 'me', x'00', 1, 'test', '{id}', {used}, 1);"
                );
                last = last.max(used);
            }
        }
        let spared = next(10);
        if spared == 0 {
            sql += &format!("insert into idle_exempt values ('{id}', 1);");
        }
        // Due in a week, and silent for ninety days by then.
        if spared > 0 && last <= at + 7 * DAY - 90 * DAY {
            expected.push((last, id.clone()));
        }
    }
    expected.sort();
    desk.meanwhile(&sql);
    let all = desk.listed(&["inactive", "preview", "--days", "90"]);
    let found: Vec<&str> = all.iter().map(|p| p["id"].as_str().unwrap()).collect();
    let expected: Vec<&str> = expected.iter().map(|(_, id)| id.as_str()).collect();
    assert!(expected.len() > 10 && expected.len() < PEOPLE, "{}", expected.len());
    assert_eq!(found, expected);
}
