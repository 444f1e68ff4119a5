//! People and groups of our own on pages: made, changed, deactivated, deleted; and what identity providers make of it.

mod groups;
mod overwrites;

use serde_json::{Value, json};

use super::browser::{Browser, hidden, tags, text};
use super::{Fields, House, id_of};
use crate::support::Answer;
use crate::wire::Client;

const URN: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const MINUTES: i64 = super::MINUTE;

/// A server with an identity provider, and a browser in which ada is signed in.
struct Desk {
    house: House,
    client: Client,
    ada: Browser,
}

impl Desk {
    fn new() -> Desk {
        Desk::with("")
    }

    fn with(config: &str) -> Desk {
        let house = House::with(config);
        let (client, ada) = (house.provider(), house.ada());
        Desk { house, client, ada }
    }

    fn get(&self, path: &str) -> Value {
        let answer = self.client.get(path).unwrap();
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        answer.json()
    }

    fn user(&self, id: &str) -> Value {
        self.get(&format!("/Users/{id}"))
    }

    fn person(&self, name: &str) -> String {
        id_of(&self.client.post("/Users", &json!({"userName": name})).unwrap())
    }

    /// Makes somebody, or a group, on a page, and gives the id.
    fn made(&mut self, page: &str, fields: Fields) -> String {
        let answer = self.ada.fill(page, page, &fields);
        assert_eq!(answer.status, 303, "{}", text(&answer.body));
        answer.header("location").unwrap().rsplit('/').next().unwrap().to_owned()
    }

    /// Sends the form of a page with these fields in it, and the others as the page has them.
    fn save(&mut self, page: &str, fields: &[(&str, &str)]) -> Answer {
        let shown = self.ada.page(page);
        self.resend(page, &shown, fields)
    }

    /// The same of a page that was shown before.
    fn resend(&mut self, page: &str, shown: &str, fields: &[(&str, &str)]) -> Answer {
        let mut all: Vec<(String, String)> = Vec::new();
        for tag in tags(shown).iter().filter(|t| t.name == "input" && t.get("name").is_some_and(|n| n != "csrf")) {
            all.push((tag.get("name").unwrap().to_owned(), tag.get("value").unwrap_or_default().to_owned()));
        }
        all.retain(|(name, _)| fields.iter().all(|(n, _)| n != name));
        let all: Fields = all.iter().map(|(n, v)| (n.as_str(), v.as_str())).chain(fields.iter().copied()).collect();
        self.ada.post(page, &all)
    }

    fn done(&self, answer: &Answer, to: &str) {
        assert_eq!((answer.status, answer.header("location")), (303, Some(to)), "{}", text(&answer.body));
    }

    fn changes(&self) -> i64 {
        self.house.number("select coalesce(max(n), 0) from change")
    }

    /// What the last change changed.
    fn last(&self) -> (String, String, Value, Value) {
        let row = |r: &rusqlite::Row<'_>| {
            let json = |text: Option<String>| text.map_or(Value::Null, |t| serde_json::from_str(&t).unwrap());
            Ok((r.get(0)?, r.get(1)?, json(r.get(2)?), json(r.get(3)?)))
        };
        let sql = "select actor, op, before, after from change order by n desc limit 1";
        self.house.file().query_row(sql, [], row).unwrap()
    }
}

/// The value of a field of a form.
fn field(page: &str, name: &str) -> String {
    hidden(page, name).unwrap_or_else(|| panic!("no field {name}"))
}

/// The sentence beside a field.
fn beside(page: &str, name: &str) -> String {
    let mark = format!("id=\"{name}-error\">");
    let rest = page.split(&mark).nth(1).unwrap_or_else(|| panic!("nothing beside {name}: {}", text(page)));
    super::browser::unescaped(rest.split("</p>").next().unwrap())
}

#[test]
fn people_are_made_on_a_page() {
    let mut desk = Desk::new();
    let id = desk.made(
        "/people/new",
        vec![
            ("user-name", " ada@x.io "),
            ("given-name", "Ada"),
            ("family-name", "Lovelace"),
            ("display-name", ""),
            ("email", "ada@mail.x.io"),
            ("title", "Analyst"),
            ("department", "R&D <b>"),
            ("phone", "+44 1"),
        ],
    );
    let made = desk.user(&id);
    assert_eq!((&made["userName"], &made["active"]), (&json!("ada@x.io"), &json!(true)));
    assert_eq!(made["name"], json!({"familyName": "Lovelace", "givenName": "Ada"}));
    assert_eq!(made["emails"], json!([{"value": "ada@mail.x.io", "type": "work", "primary": true}]));
    assert_eq!(made["phoneNumbers"], json!([{"value": "+44 1", "type": "work"}]));
    assert_eq!(made[URN], json!({"department": "R&D <b>"}));
    assert_eq!((&made["displayName"], &made["title"]), (&Value::Null, &json!("Analyst")));
    let (actor, op, ..) = desk.last();
    assert_eq!((actor.as_str(), op.as_str()), ("admin:ada", "create"));
    let page = desk.ada.page(&format!("/people/{id}"));
    assert!(!page.contains("<b>") && !page.contains("Edited here"), "nobody else writes this person");
    // Somebody of a name alone.
    let plain = desk.made("/people/new", vec![("user-name", "p")]);
    assert_eq!(desk.user(&plain)["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:User"]));
    crate::invariants::check(&desk.house.place.database());
}

#[test]
fn what_is_refused_is_said_beside_the_field_and_what_was_typed_is_kept() {
    let mut desk = Desk::new();
    let ada = desk.person("ada@x.io");
    desk.client.patch(&format!("/Users/{ada}"), &json!([{"op": "replace", "path": "active", "value": false}])).unwrap();
    let bob = desk.person("bob@x.io");
    let before = desk.house.contents();
    let edit = format!("/people/{bob}/edit");
    for path in ["/people/new", &edit] {
        for (name, status, words) in [
            ("", 422, "Enter the userName."),
            ("  ", 422, "Enter the userName."),
            ("ADA@x.io", 409, "Somebody else has this userName already. Letter case does not count."),
            ("a\u{7}b", 422, "ontrol"),
        ] {
            let answer = desk.save(path, &[("user-name", name), ("title", "\"><script>x</script>")]);
            assert_eq!(answer.status, status, "{path} {name:?}: {}", text(&answer.body));
            assert!(beside(&answer.body, "user-name").contains(words), "{}", beside(&answer.body, "user-name"));
            assert_eq!(field(&answer.body, "title"), "\"><script>x</script>");
            assert_eq!(field(&answer.body, "user-name"), name);
            assert!(answer.body.contains("<title>Error: ") && !answer.body.contains("<script>x"));
            assert!(tags(&answer.body).iter().any(|t| t.get("href") == Some("#user-name")));
        }
    }
    assert_eq!(desk.house.contents(), before);
    // Words that are no ids, ids of another kind and of nobody.
    let group = id_of(&desk.client.post("/Groups", &json!({"displayName": "G"})).unwrap());
    for path in ["/people/new/edit", "/people/nobody/edit", "/people/nobody/deactivate", "/people/%00/reactivate"] {
        assert_eq!(desk.ada.get(path).status, 404, "{path}");
        assert_eq!(desk.ada.clone().post(path, &[("user-name", "x")]).status, 404, "{path}");
    }
    assert_eq!(desk.ada.get(&format!("/people/{group}/edit")).status, 404);
    assert_eq!(desk.ada.get(&format!("/groups/{bob}/edit")).status, 404);
    assert_eq!(desk.ada.get("/people/nobody/delete").header("location"), Some("/people/nobody"));
}

#[test]
fn only_what_differs_is_changed() {
    let mut desk = Desk::new();
    let user = json!({"userName": "ada@x.io", "title": " Analyst ", "nickName": "A", "name": {"givenName": "Ada", "middleName": "K"},
        "emails": [{"value": "home@x.io", "type": "home", "primary": true}, {"value": "work@x.io", "type": "Work", "display": "W"}, {"value": "second@x.io", "type": "work"}],
        URN: {"department": "R", "costCenter": "4"}});
    let id = id_of(&desk.client.post("/Users", &user).unwrap());
    let (edit, to) = (format!("/people/{id}/edit"), format!("/people/{id}"));
    let (first, count) = (desk.user(&id), desk.changes());
    // As it is; what blanks a provider sent stay.
    let answer = desk.save(&edit, &[]);
    desk.done(&answer, &to);
    assert_eq!((desk.user(&id), desk.changes()), (first.clone(), count));
    let answer = desk.save(&edit, &[("family-name", " Lovelace "), ("title", "")]);
    desk.done(&answer, &to);
    let name = json!({"familyName": "Lovelace", "givenName": "Ada", "middleName": "K"});
    let (actor, op, was, is) = desk.last();
    assert_eq!((actor.as_str(), op.as_str(), desk.changes()), ("admin:ada", "patch", count + 1));
    assert_eq!((was, is), (json!({"title": " Analyst ", "name": user["name"]}), json!({ "name": name })));
    assert_ne!(desk.user(&id)["meta"]["lastModified"], first["meta"]["lastModified"]);
    // The first address for work, and no other; an extension with its other parts.
    let answer = desk.save(&edit, &[("email", "new@x.io"), ("department", "")]);
    desk.done(&answer, &to);
    let now = desk.user(&id);
    let values: Vec<&str> = now["emails"].as_array().unwrap().iter().map(|e| e["value"].as_str().unwrap()).collect();
    assert_eq!(values, ["home@x.io", "new@x.io", "second@x.io"]);
    assert_eq!((&now["emails"][1]["display"], &now[URN]), (&json!("W"), &json!({"costCenter": "4"})));
    let answer =
        desk.save(&edit, &[("email", ""), ("phone", "1 2"), ("given-name", ""), ("display-name", "Ada \"L\"")]);
    desk.done(&answer, &to);
    let now = desk.user(&id);
    assert_eq!(now["emails"].as_array().unwrap().len(), 2);
    assert_eq!(now["phoneNumbers"], json!([{"value": "1 2", "type": "work"}]));
    assert_eq!(
        (&now["name"]["givenName"], &now["displayName"], &now["nickName"]),
        (&Value::Null, &json!("Ada \"L\""), &json!("A"))
    );
    // A field that a form does not have is no empty one.
    let shown = desk.ada.page(&edit);
    let answer = desk.ada.post(&edit, &[("user-name", "ada@x.io"), ("version", &field(&shown, "version"))]);
    desk.done(&answer, &to);
    assert_eq!(desk.user(&id), now);
    // The externalId belongs to the provider, as long as there is one.
    assert!(hidden(&shown, "external-id").is_none());
    let own = desk.made("/people/new", vec![("user-name", "own@x.io")]);
    let answer = desk.save(&format!("/people/{own}/edit"), &[("external-id", "00u7"), ("user-name", "Own@x.io")]);
    desk.done(&answer, &format!("/people/{own}"));
    assert_eq!((&desk.user(&own)["externalId"], &desk.user(&own)["userName"]), (&json!("00u7"), &json!("Own@x.io")));
    crate::invariants::check(&desk.house.place.database());
}

/// Browsers make one line of a value; saving what nobody has touched changes nothing.
#[test]
fn a_value_that_a_browser_cannot_show_stays_as_it_is() {
    let mut desk = Desk::new();
    let made = desk.client.post("/Users", &json!({"userName": "a", "title": "two\nlines"})).unwrap();
    let id = id_of(&made);
    let count = desk.changes();
    let answer = desk.save(&format!("/people/{id}/edit"), &[("title", "twolines")]);
    desk.done(&answer, &format!("/people/{id}"));
    assert_eq!((&desk.user(&id)["title"], desk.changes()), (&json!("two\nlines"), count));
}

#[test]
fn whoever_saves_after_somebody_else_is_told_what_is_there_now() {
    let mut desk = Desk::new();
    let user = json!({"userName": "ada@x.io", "title": "Analyst", "displayName": "Ada", "emails": [{"value": "a@x.io", "type": "work"}]});
    let id = id_of(&desk.client.post("/Users", &user).unwrap());
    let edit = format!("/people/{id}/edit");
    let opened = desk.ada.page(&edit);
    let patch = json!([{"op": "replace", "path": "title", "value": "Boss"}, {"op": "replace", "path": "displayName", "value": "Ada L"}]);
    assert_eq!(desk.client.patch(&format!("/Users/{id}"), &patch).unwrap().status, 200);
    let before = desk.user(&id);
    let answer = desk.resend(&edit, &opened, &[("title", "Countess"), ("email", "new@x.io")]);
    assert_eq!(answer.status, 409, "{}", text(&answer.body));
    assert_eq!(desk.user(&id), before, "nothing was saved");
    assert!(answer.body.contains("<title>Error: ") && text(&answer.body).contains("Nothing was saved"));
    // What was typed is kept, with what is there now beside it; what nobody touched is what is there now.
    assert_eq!(
        (field(&answer.body, "title"), beside(&answer.body, "title")),
        ("Countess".to_owned(), "This is “Boss” by now.".to_owned())
    );
    assert_eq!(field(&answer.body, "email"), "new@x.io");
    assert!(!answer.body.contains("email-error") && !answer.body.contains("display-name-error"));
    assert_eq!(field(&answer.body, "display-name"), "Ada L");
    // Sent once more, it is meant.
    let answer = desk.resend(&edit, &answer.body, &[]);
    desk.done(&answer, &format!("/people/{id}"));
    let now = desk.user(&id);
    assert_eq!(
        (&now["title"], &now["displayName"], &now["emails"][0]["value"]),
        (&json!("Countess"), &json!("Ada L"), &json!("new@x.io"))
    );
    // The same form twice, and a form that wants what is there: there is nothing to be told.
    let count = desk.changes();
    let answer =
        desk.resend(&edit, &opened, &[("title", "Countess"), ("email", "new@x.io"), ("display-name", "Ada L")]);
    desk.done(&answer, &format!("/people/{id}"));
    assert_eq!(desk.changes(), count);
    // Versions that nobody was given.
    for version in ["", "x", "W/\"0-1\"", "W/\"x-99999999999999999999\"", "1\u{0}"] {
        let answer = desk.save(&edit, &[("title", "Queen"), ("version", version)]);
        assert_eq!(answer.status, 409, "{version}");
        assert_eq!(field(&answer.body, "title"), "Queen");
    }
    assert_eq!(desk.changes(), count);
    // Gone in the meantime.
    let opened = desk.ada.page(&edit);
    desk.client.delete(&format!("/Users/{id}")).unwrap();
    assert_eq!(desk.resend(&edit, &opened, &[("title", "Queen")]).status, 404);
}

/// Many tabs and a provider at once: each change is made once or told to be late, and none is lost without a word.
#[test]
fn tabs_that_save_at_the_same_time_do_not_lose_changes() {
    let desk = Desk::new();
    let id = desk.person("ada@x.io");
    let edit = format!("/people/{id}/edit");
    let mut ada = desk.ada.clone();
    let version = field(&ada.page(&edit), "version");
    let statuses = super::at_once(8, |i| {
        let mut tab = ada.clone();
        tab.post(&edit, &[("user-name", "ada@x.io"), ("title", &format!("T{i}")), ("version", &version)]).status
    });
    assert_eq!(statuses.iter().filter(|s| **s == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|s| **s == 409).count(), 7, "{statuses:?}");
    assert_eq!(desk.house.number(&format!("select count(*) from change where resource = '{id}' and op = 'patch'")), 1);
}

#[test]
fn a_person_is_deactivated_with_a_successor_in_the_same_step_or_without() {
    let mut desk = Desk::new();
    let (ada, grace, alan) = (desk.person("ada@x.io"), desk.person("grace@x.io"), desk.person("alan@x.io"));
    let office = desk.house.place.done(&["group", "create", "Office"]).trim().to_owned();
    desk.house.place.done(&["group", "add-member", "Office", "ada@x.io"]);
    let path = format!("/people/{ada}/deactivate");
    let page = text(&desk.ada.page(&path));
    for words in ["may switch him or her on again", "Hand-over", "added to here: Office"] {
        assert!(page.contains(words), "{words}: {page}");
    }
    let count = desk.changes();
    let long = "x".repeat(1001);
    for (successor, note, wrong) in [
        ("nobody@x.io", "", "successor"),
        ("ADA@x.io", "", "successor"),
        ("", "Team of Q4", "successor"),
        ("grace@x.io", &long, "note"),
        ("grace@x.io", "a\u{1b}b", "note"),
    ] {
        let answer = desk.ada.fill(&path, &path, &[("successor", successor), ("note", note)]);
        assert_eq!(answer.status, 422, "{successor} {note}");
        assert!(!beside(&answer.body, wrong).is_empty());
        assert_eq!(field(&answer.body, "successor"), successor);
    }
    assert_eq!((desk.changes(), &desk.user(&ada)["active"]), (count, &json!(true)), "all or nothing");
    let answer = desk.ada.fill(&path, &path, &[("successor", " GRACE@x.io "), ("note", "Team\r\nof Q4")]);
    desk.done(&answer, &format!("/people/{ada}"));
    assert_eq!(desk.user(&ada)["active"], json!(false));
    assert_eq!(
        desk.house.text("select status || ' ' || successor || ' ' || note from handover"),
        format!("done {grace} Team\nof Q4")
    );
    let members = desk.get(&format!("/Groups/{office}"))["members"].as_array().unwrap().len();
    assert_eq!(members, 2, "the successor joined, and nobody left");
    // Twice is once; and nothing is left to look at.
    let count = desk.changes();
    let answer = desk.ada.post(&path, &[("successor", "grace@x.io"), ("note", "again")]);
    desk.done(&answer, &format!("/people/{ada}"));
    assert_eq!(desk.changes(), count);
    assert_eq!(desk.ada.get(&path).header("location"), Some(format!("/people/{ada}").as_str()));
    // Without a successor it waits.
    let path = format!("/people/{alan}/deactivate");
    let answer = desk.ada.fill(&path, &path, &[("successor", ""), ("note", "")]);
    desk.done(&answer, &format!("/people/{alan}"));
    assert_eq!(desk.house.text(&format!("select status from handover where person = '{alan}'")), "open");
    assert!(text(&desk.ada.page(&format!("/people/{alan}"))).contains("Reactivate"));
    // Somebody who is deactivated is no successor.
    let path = format!("/people/{grace}/deactivate");
    let answer = desk.ada.fill(&path, &path, &[("successor", "alan@x.io")]);
    assert!(answer.status == 422 && beside(&answer.body, "successor").contains("deactivated"));
    crate::invariants::check(&desk.house.place.database());
}

#[test]
fn a_person_is_let_in_again_and_deleted_with_the_password() {
    let mut desk = Desk::new();
    let id = desk.made("/people/new", vec![("user-name", "ada@x.io")]);
    let here = format!("/people/{id}");
    let reactivate = format!("{here}/reactivate");
    assert_eq!(desk.ada.get(&reactivate).status, 303, "who is active has nothing to be told");
    desk.ada.fill(&format!("{here}/deactivate"), &format!("{here}/deactivate"), &[]);
    let page = text(&desk.ada.page(&reactivate));
    assert!(page.contains("Hand-over") && !page.contains("identity provider writes this person"), "{page}");
    for _ in 0..2 {
        let answer = desk.ada.post(&reactivate, &[]);
        desk.done(&answer, &here);
    }
    assert_eq!(
        (&desk.user(&id)["active"], desk.house.text("select status from handover")),
        (&json!(true), "closed".to_owned())
    );

    let delete = format!("{here}/delete");
    let page = text(&desk.ada.page(&delete));
    assert!(page.contains("for 90 days") && !page.contains("Your password"), "signed in just now: {page}");
    desk.house.execute(&format!("update session set authenticated = authenticated - {}", 6 * MINUTES));
    let count = desk.changes();
    assert!(text(&desk.ada.page(&delete)).contains("Your password"));
    for fields in [vec![], vec![("confirm-password", "wrong")]] {
        let answer = desk.ada.post(&delete, &fields);
        assert!(answer.status == 403 && answer.body.contains("<title>Error: "), "{}", answer.status);
    }
    assert_eq!(desk.changes(), count);
    let old = desk.ada.clone();
    let answer = desk.ada.post(&delete, &[("confirm-password", super::PASSWORD)]);
    desk.done(&answer, &here);
    assert_eq!(desk.client.get(&format!("/Users/{id}")).unwrap().status, 404);
    assert!(text(&desk.ada.page(&here)).contains("Deleted"));
    let count = desk.changes();
    let answer = desk.ada.post(&delete, &[]);
    desk.done(&answer, &here);
    assert!(matches!(old.clone().post(&delete, &[("confirm-password", super::PASSWORD)]).status, 303 | 403));
    assert_eq!(desk.changes(), count);
    assert_eq!(desk.last().0, "admin:ada");
    for path in [format!("{here}/edit"), format!("{here}/deactivate"), reactivate] {
        assert_eq!(desk.ada.get(&path).status, 404, "{path}");
    }
    crate::invariants::check(&desk.house.place.database());
}

/// For how long a record is kept is what the configuration says.
#[test]
fn the_page_says_for_how_long_a_record_is_kept() {
    for (days, words) in [(0, "without an end"), (1, "for 1 day and")] {
        let mut desk = Desk::with(&format!("[retention]\ndeparted_days = {days}\n"));
        let id = desk.person("ada@x.io");
        let page = text(&desk.ada.page(&format!("/people/{id}/delete")));
        assert!(page.contains(words) && page.contains("does not learn of this"), "{page}");
    }
}

/// A session that has ended changes nothing, and a change here is no matter of provisioning.
#[test]
fn forms_work_whatever_the_state_of_provisioning_and_not_without_a_session() {
    let mut desk = Desk::new();
    desk.house.place.done(&["provisioning", "off"]);
    let id = desk.made("/people/new", vec![("user-name", "ada@x.io")]);
    let edit = format!("/people/{id}/edit");
    let opened = desk.ada.page(&edit);
    let count = desk.changes();
    desk.house.execute("delete from session");
    let answer = desk.resend(&edit, &opened, &[("title", "x")]);
    assert_eq!((answer.status, answer.header("location")), (303, Some("/sign-in")));
    assert_eq!(desk.changes(), count);
}

/// What the form does not have is said in front of it.
#[test]
fn what_another_schema_demands_is_said_of_the_whole_form() {
    let schema = "[[schema]]\nid = \"urn:example:scim:tag:1.0:Tag\"\nextends = [\"User\"]\nrequired = true\nattribute = [{ name = \"tag\", required = true }]\n";
    let mut desk = Desk::with(schema);
    let count = desk.changes();
    let answer = desk.ada.fill("/people/new", "/people/new", &[("user-name", "ada@x.io"), ("title", "T")]);
    assert_eq!(answer.status, 422, "{}", text(&answer.body));
    let told = text(&answer.body);
    assert!(told.contains("urn:example:scim:tag:1.0:Tag"), "{told}");
    let tags = tags(&answer.body);
    assert!(tags.iter().any(|t| t.get("href") == Some("#form")) && tags.iter().any(|t| t.get("id") == Some("form")));
    assert_eq!((field(&answer.body, "title"), desk.changes()), ("T".to_owned(), count));
}
