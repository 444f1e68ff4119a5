//! What happens on the pages when somebody leaves: hand-overs, deleted people, archived groups, restoring, and the guard.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::browser::{Browser, OWN, encoded, tags, text};
use super::{House, MINUTE, PASSWORD, at_once, id_of};
use crate::support::Answer;
use crate::wire::Client;

/// A house with an identity provider, and a browser in which ada is signed in.
struct Office {
    house: House,
    client: Client,
    ada: Browser,
}

impl Office {
    fn with(config: &str) -> Office {
        let house = House::with(config);
        let (client, ada) = (house.provider(), house.ada());
        Office { house, client, ada }
    }

    fn new() -> Office {
        Office::with("")
    }

    /// Starts the server again after somebody has written to the file.
    fn meanwhile(&mut self, what: &str) {
        self.house.meanwhile(what);
        self.client.port = self.house.port();
        self.ada.port = self.house.port();
    }

    fn person(&self, name: &str) -> String {
        id_of(&self.client.post("/Users", &json!({"userName": name})).unwrap())
    }

    fn group(&self, name: &str, members: &[&str]) -> String {
        let members: Vec<Value> = members.iter().map(|m| json!({"value": m})).collect();
        id_of(&self.client.post("/Groups", &json!({"displayName": name, "members": members})).unwrap())
    }

    fn activate(&self, id: &str, active: bool) {
        let operations = json!([{"op": "replace", "path": "active", "value": active}]);
        assert_eq!(self.client.patch(&format!("/Users/{id}"), &operations).unwrap().status, 200);
    }

    fn delete(&self, path: &str) {
        assert_eq!(self.client.delete(path).unwrap().status, 204);
    }

    fn done(&self, arguments: &[&str]) -> String {
        self.house.place.done(arguments).trim().to_owned()
    }

    /// The names of the groups of a person.
    fn groups_of(&self, id: &str) -> BTreeSet<String> {
        let person = self.client.get(&format!("/Users/{id}")).unwrap().json();
        let all = person["groups"].as_array().cloned().unwrap_or_default();
        all.iter().map(|g| g["display"].as_str().unwrap().to_owned()).collect()
    }

    /// The page of the open hand-over of a person.
    fn handover_of(&self, person: &str) -> String {
        let number = self.house.number(&format!("select max(id) from handover where person = '{person}'"));
        format!("/handovers/{number}")
    }
}

/// What stands beside a term of a list of facts, as HTML.
fn fact<'p>(page: &'p str, term: &str) -> &'p str {
    let found = page.split_once(&format!("<dt>{term}</dt><dd>"));
    found.unwrap_or_else(|| panic!("{term} in {page}")).1.split("</dd>").next().unwrap()
}

/// The names that are linked in a piece of a page.
fn linked(piece: &str) -> BTreeSet<String> {
    piece
        .split("<a ")
        .skip(1)
        .map(|a| text(&format!("<a {}", a.split("</a>").next().unwrap())).trim().to_owned())
        .collect()
}

/// The rows of the table of a page, as text.
fn rows(page: &str) -> Vec<String> {
    let body = page.split("<tbody>").nth(1).unwrap_or_default().split("</tbody>").next().unwrap();
    let row = |row: &str| text(&format!("<tr>{row}")).split_whitespace().collect::<Vec<_>>().join(" ");
    body.split("<tr>").skip(1).map(row).collect()
}

fn refused(answer: &Answer, status: u16, field: &str, sentence: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    let beside = answer.body.split_once(&format!("id=\"{field}-error\">"));
    let beside = beside.unwrap_or_else(|| panic!("{field} in {}", answer.body)).1.split("</p>").next().unwrap();
    assert!(super::browser::unescaped(beside).contains(sentence), "{beside}");
    assert!(answer.body.contains("<title>Error: ") && answer.body.contains(&format!("href=\"#{field}\"")));
}

fn is_to(answer: &Answer, path: &str) {
    assert_eq!((answer.status, answer.header("location")), (303, Some(path)), "{}", answer.body);
}

#[test]
fn a_hand_over_is_looked_at_and_given() {
    let mut office = Office::new();
    let [leaver, grace, off] = ["leaver@x.io", "grace@x.io", "off@x.io"].map(|n| office.person(n));
    office.group("Pushed", &[&leaver]);
    office.group("Mixed", &[]);
    for args in
        [&["create", "Office"][..], &["add-member", "Office", "leaver@x.io"], &["add-member", "Mixed", "leaver@x.io"]]
    {
        office.done(&[&["group"], args].concat());
    }
    let empty = text(&office.ada.page("/handovers"));
    assert!(empty.contains("Open (0)") && empty.contains("Settled (0)") && empty.contains("Nobody has anything"));
    assert!(text(&office.ada.page("/handovers?status=settled")).contains("Nothing is settled yet"));
    office.activate(&leaver, false);
    office.activate(&off, false);
    let path = office.handover_of(&leaver);
    let list = office.ada.page("/handovers");
    assert!(text(&list).contains("Open (2)") && list.contains(&format!("href=\"{path}\"")), "{list}");
    assert!(
        office.ada.page(&format!("/people/{leaver}")).contains(&format!("href=\"{path}\"")),
        "the person leads to it"
    );
    let page = office.ada.page(&path);
    assert_eq!(linked(fact(&page, "A successor joins")), ["Mixed", "Office"].map(str::to_owned).into());
    assert_eq!(linked(fact(&page, "And does not join")), ["Pushed".to_owned()].into());
    let request = office
        .house
        .text(&format!("select request from change where n = (select change from handover where person = '{leaver}')"));
    assert!(fact(&page, "Left").contains(&request) && text(fact(&page, "Left")).contains("the token"), "{page}");
    // What is wrong stands beside its field, and what was typed is kept.
    let note = "<b>Team</b> of Q4";
    for (to, sentence) in [
        ("", "Say who takes over"),
        ("  ", "Say who takes over"),
        ("nobody@x.io", "There is no person with the name or id \"nobody@x.io\""),
        ("LEAVER@x.io", "own successor"),
        (leaver.as_str(), "own successor"),
        ("off@x.io", "off@x.io is deactivated"),
        ("\"><script>", "There is no person"),
        (&"x".repeat(50_000), "There is no person"),
    ] {
        let answer = office.ada.post(&path, &[("successor", to), ("note", note), ("decision", "give")]);
        refused(&answer, 422, "successor", sentence);
        let kept = tags(&answer.body).into_iter().find(|t| t.get("id") == Some("successor")).unwrap();
        assert_eq!(kept.get("value"), Some(to));
        assert!(answer.body.contains("&#60;b&#62;Team&#60;/b&#62; of Q4</textarea>"), "{}", answer.body);
    }
    for note in ["x".repeat(1001), "a\u{0}b".to_owned(), "a\u{1b}[31m".to_owned()] {
        let answer = office.ada.post(&path, &[("successor", "grace@x.io"), ("note", &note), ("decision", "give")]);
        refused(&answer, 422, "note", "at most 1000 characters");
    }
    assert_eq!(office.house.number("select count(*) from handover where status = 'open'"), 2);
    // Two tabs: the second one is told how it stands.
    let mut second = office.ada.clone();
    second.page(&path);
    let note = format!("line one\r\nline <i>two</i>\r\n{}", "é".repeat(900));
    let answer = office.ada.post(&path, &[("successor", &grace), ("note", &note), ("decision", "give")]);
    is_to(&answer, "/handovers");
    assert_eq!(office.groups_of(&grace), ["Mixed", "Office"].map(str::to_owned).into());
    let late = second.post(&path, &[("successor", "grace@x.io"), ("note", "my words"), ("decision", "dismiss")]);
    assert_eq!(late.status, 409);
    let told = text(&late.body);
    assert!(told.contains("done already") && told.contains("my words") && told.contains("line <i>two</i>"), "{told}");
    assert!(late.body.contains("<title>Error: ") && !late.body.contains("<textarea"), "there is nothing to send");
    let page = office.ada.page(&path);
    assert_eq!(text(fact(&page, "Outcome")).split_whitespace().collect::<Vec<_>>().join(" "), "Given to grace@x.io");
    assert!(
        fact(&page, "Settled").contains("by ada") && fact(&page, "Note").contains("line one<br>line &#60;i&#62;two"),
        "{page}"
    );
    let settled = rows(&office.ada.page("/handovers?status=settled"));
    assert!(
        settled.len() == 1 && settled[0].contains("Given to grace@x.io") && settled[0].ends_with("ada"),
        "{settled:?}"
    );
    let row = office.house.text("select by || '|' || note from handover where status = 'done'");
    assert_eq!(row, format!("admin:ada|{}", note.replace("\r\n", "\n")));
    let request = office
        .house
        .number("select count(*) from change where op = 'handover.give' and actor = 'admin:ada' and request <> ''");
    assert_eq!(request, 1);
    // Nothing to hand over: whoever is typed as well counts for nothing.
    let other = office.handover_of(&off);
    is_to(&office.ada.fill(&other, &other, &[("successor", "x"), ("note", ""), ("decision", "dismiss")]), "/handovers");
    assert!(text(&office.ada.page(&other)).contains("Nothing to hand over"));
    for nowhere in
        ["/handovers/999", "/handovers/x", "/handovers/-1", "/handovers/1/x", "/handovers/99999999999999999999"]
    {
        assert_eq!(office.ada.get(nowhere).status, 404, "{nowhere}");
    }
    assert_eq!(office.ada.post("/handovers/999", &[("decision", "dismiss")]).status, 404);
}

/// Whoever is active again in between has nothing to hand over, and is nobody's leaver.
#[test]
fn a_return_between_the_page_and_the_form_counts() {
    let mut office = Office::new();
    let [leaver, grace] = ["leaver@x.io", "grace@x.io"].map(|n| office.person(n));
    office.activate(&leaver, false);
    let path = office.handover_of(&leaver);
    office.ada.page(&path);
    office.activate(&leaver, true);
    let answer = office.ada.post(&path, &[("successor", &grace), ("decision", "give")]);
    assert!(answer.status == 409 && text(&answer.body).contains("Active again before"), "{}", answer.body);
    // The same moment: exactly one of several tabs settles it.
    office.activate(&leaver, false);
    let path = office.handover_of(&leaver);
    office.ada.page(&path);
    let tab = office.ada.clone();
    let mut all: Vec<u16> = at_once(6, |i| {
        let decision = if i % 2 == 0 { "give" } else { "dismiss" };
        tab.clone().post(&path, &[("successor", "grace@x.io"), ("decision", decision)]).status
    });
    all.sort_unstable();
    assert_eq!(all, [303, 409, 409, 409, 409, 409]);
}

#[test]
fn a_successor_is_searched_without_a_script() {
    let mut office = Office::new();
    let leaver = office.person("person-leaver@x.io");
    for i in 0..12 {
        let id = office.person(&format!("person{i:02}@x.io"));
        if i == 3 {
            office.activate(&id, false);
        }
    }
    let evil = id_of(
        &office.client.post("/Users", &json!({"userName": "evil\"><b>x", "displayName": "</label><script>"})).unwrap(),
    );
    office.activate(&leaver, false);
    let path = office.handover_of(&leaver);
    let radios = |page: &str| -> Vec<String> {
        let all = tags(page).into_iter().filter(|t| t.get("type") == Some("radio"));
        all.map(|t| t.get("value").unwrap().to_owned()).collect()
    };
    assert!(radios(&office.ada.page(&path)).is_empty());
    let page = office.ada.page(&format!("{path}?q=PERSON"));
    assert_eq!(radios(&page).len(), 10, "no more than ten");
    assert!(
        text(&page).contains("1 more match")
            && !page.contains("person03")
            && !page.contains("id=\"successor\" name=\"successor\" type=\"text\"")
    );
    assert!(!radios(&page).contains(&leaver));
    let page = office.ada.page(&format!("{path}?q=person11"));
    let chosen = radios(&page);
    assert_eq!(chosen.len(), 1);
    let page = office.ada.page(&format!("{path}?{}", encoded(&[("q", "evil\"><b>")])));
    assert_eq!(radios(&page), [evil]);
    assert!(!tags(&page).iter().any(|t| t.name == "b" || (t.name == "script" && t.get("src").is_none())));
    for q in ["nobody-<b>", "%", "\u{0}", "person03"] {
        let page = office.ada.page(&format!("{path}?{}", encoded(&[("q", q)])));
        assert!(text(&page).contains("Nobody who is active matches") && page.contains("type=\"text\""), "{page}");
    }
    // A form that is wrong shows the same people again, with the one that was chosen.
    let answer = office.ada.post(&path, &[("q", "person1"), ("note", "kept"), ("decision", "give")]);
    refused(&answer, 422, "successor", "Say who takes over");
    assert!(radios(&answer.body).len() == 2 && answer.body.contains(">kept</textarea>"));
    let answer = office
        .ada
        .post(&path, &[("q", "person1"), ("successor", &chosen[0]), ("note", &"x".repeat(1001)), ("decision", "give")]);
    refused(&answer, 422, "note", "1000");
    let checked = tags(&answer.body).into_iter().find(|t| t.get("checked").is_some()).unwrap();
    assert_eq!(checked.get("value"), Some(chosen[0].as_str()));
    is_to(&office.ada.post(&path, &[("q", "person1"), ("successor", &chosen[0]), ("decision", "give")]), "/handovers");
}

/// What the page says and what happens cannot disagree: whoever left, and wherever he or she was.
#[test]
fn the_page_names_the_groups_that_a_successor_joins() {
    let mut office = Office::new();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |n: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % n
    };
    for round in 0..6 {
        let (leaver, heir) =
            (office.person(&format!("leaver{round}@x.io")), office.person(&format!("heir{round}@x.io")));
        let mut archived = Vec::new();
        for g in 0..8 {
            let name = format!("G{round}-{g}");
            let members: &[&str] = if random(2) == 0 { &[&leaver] } else { &[] };
            let id = office.group(&name, members);
            if random(2) == 0 {
                office.done(&["group", "add-member", &name, &leaver]);
            }
            if random(4) == 0 {
                archived.push(id);
            }
        }
        if round % 2 == 0 {
            office.activate(&leaver, false)
        } else {
            office.delete(&format!("/Users/{leaver}"))
        }
        archived.iter().for_each(|id| office.delete(&format!("/Groups/{id}")));
        let path = office.handover_of(&leaver);
        let page = office.ada.page(&path);
        let (joined, others) = (linked(fact(&page, "A successor joins")), linked(fact(&page, "And does not join")));
        assert!(joined.is_disjoint(&others));
        is_to(&office.ada.post(&path, &[("successor", &heir), ("decision", "give")]), "/handovers");
        assert_eq!(office.groups_of(&heir), joined, "round {round}");
        if round % 2 == 0 {
            assert_eq!(office.groups_of(&leaver), &joined | &others);
        }
    }
}

/// Lists end, begin with the latest, and name a hundred groups at most.
#[test]
fn lists_of_hand_overs_have_pages() {
    let mut office = Office::with("[guard]\npercent = 0\ncount = 0\n");
    let leaver = office.person("aaa@x.io");
    for g in 0..103 {
        office.group(&format!("Pushed {g}"), &[&leaver]);
    }
    office.activate(&leaver, false);
    let page = office.ada.page(&office.handover_of(&leaver));
    assert_eq!(linked(fact(&page, "And does not join")).len(), 100);
    assert!(text(fact(&page, "And does not join")).contains("and 3 more"));
    let ids: Vec<String> = (0..59).map(|i| office.person(&format!("p{i:02}@x.io"))).collect();
    ids.iter().for_each(|id| office.activate(id, false));
    let mut seen = BTreeSet::new();
    for (offset, count) in [(0, 25), (25, 25), (50, 10)] {
        let page = rows(&office.ada.page(&format!("/handovers?offset={offset}")));
        assert_eq!(page.len(), count);
        seen.extend(page.iter().map(|row| row.split(' ').next().unwrap().to_owned()));
    }
    assert_eq!(seen.len(), 60);
    is_to(&office.ada.get("/handovers?offset=60"), "/handovers");
    is_to(&office.ada.get("/handovers?status=settled&offset=1"), "/handovers?status=settled");
    for (path, count) in [("/handovers?offset=x&status=%00", 25), ("/handovers?offset=-1", 25)] {
        assert_eq!(rows(&office.ada.page(path)).len(), count);
    }
    // The last one that was settled stands first, in whatever way.
    for (i, id) in ids.iter().take(30).enumerate() {
        match i % 3 {
            0 => office.activate(id, true),
            _ => {
                let path = office.handover_of(id);
                let decision = if i % 3 == 1 { "give" } else { "dismiss" };
                let to = office
                    .house
                    .text("select id from resource where type = 1 and json_extract(doc, '$.active') is not 0 limit 1");
                is_to(&office.ada.fill(&path, &path, &[("successor", &to), ("decision", decision)]), "/handovers");
            }
        }
    }
    let first = rows(&office.ada.page("/handovers?status=settled"));
    assert!(first.len() == 25 && first[0].starts_with("p29@x.io Nothing to hand over"), "{first:?}");
    assert!(
        first[1].starts_with("p28@x.io Given to") && first[2].starts_with("p27@x.io Active again before"),
        "{first:?}"
    );
    let rest = office.ada.page("/handovers?status=settled&offset=25");
    assert!(rows(&rest).len() == 5 && rows(&rest)[4].starts_with("p00@x.io") && text(&rest).contains("26 to 30 of 30"));
    assert!(rest.contains("href=\"/handovers?status=settled\""), "the page before it");
}

#[test]
fn deleted_people_are_listed_with_what_becomes_of_them() {
    let mut office = Office::with("[retention]\ndeparted_days = 30\n");
    let empty = office.ada.page("/people/departed");
    assert!(text(&empty).contains("Nobody who was deleted is kept") && empty.contains("30 days after"), "{empty}");
    assert!(text(&office.ada.page("/people")).contains("Deleted (0)"), "there is a way to it though nobody is here");
    let body = json!({"userName": "old@x.io", "displayName": "<i>Old</i>", "externalId": "e-1"});
    let old = id_of(&office.client.post("/Users", &body).unwrap());
    office.delete(&format!("/Users/{old}"));
    let new = id_of(&office.client.post("/Users", &json!({"userName": "new@x.io", "externalId": "e-1"})).unwrap());
    let [open, off] = ["open@x.io", "off@x.io"].map(|n| office.person(n));
    office.activate(&off, false);
    let path = office.handover_of(&off);
    office.ada.fill(&path, &path, &[("decision", "dismiss")]);
    office.done(&["person", "delete", &open]);
    office.done(&["person", "delete", &off]);
    let page = office.ada.page("/people/departed");
    let list = rows(&page);
    assert!(
        list[0].starts_with("off@x.io off@x.io")
            && list[0].contains("a command on the server")
            && list[0].ends_with("UTC"),
        "{list:?}"
    );
    assert!(list[1].starts_with("open@x.io") && list[1].ends_with("After its hand-over"), "{list:?}");
    assert!(
        list[2].starts_with("<i>Old</i> old@x.io") && list[2].contains("the token") && list[2].contains(" new@x.io "),
        "{list:?}"
    );
    for link in [format!("/people/{new}"), format!("/people/{old}"), office.handover_of(&open)] {
        assert!(page.contains(&format!("href=\"{link}\"")), "{link}");
    }
    assert!(text(&office.ada.page("/people")).contains("Deleted (3)"));
    // The day is that of the deletion and thirty more, to the minute.
    let at = office.house.number(&format!("select departed from departed where id = '{off}'"));
    let day = |at: i64| -> String {
        let text = jiff::Timestamp::from_microsecond(at).unwrap().to_string();
        text.chars().take(16).collect::<String>().replace('T', " ")
    };
    let end = day(at + 30 * 24 * 60 * MINUTE);
    assert!(list[0].ends_with(&format!("{end} UTC")), "{list:?} {end}");
    let person = office.ada.page(&format!("/people/{off}"));
    assert!(fact(&person, "Record goes for good").contains(&end), "{person}");
    assert!(fact(&office.ada.page(&format!("/people/{open}")), "Record goes for good").contains("After its hand-over"));
    assert!(person.contains(&format!("href=\"/people/{off}/restore\"")) && person.contains("person restore"));
    // Fixed words are no ids, and ids are no fixed words.
    assert_eq!(office.ada.get("/people/archived").status, 404);
    assert_eq!(office.ada.get("/people/departed/restore").status, 404);
    assert_eq!(office.ada.get("/people/departed/").status, 404);
}

#[test]
fn nothing_goes_when_nothing_is_to_go() {
    let mut office = Office::with("[retention]\ndeparted_days = 0\n[guard]\npercent = 0\ncount = 2\n");
    let [one, two] = ["one@x.io", "two@x.io"].map(|n| office.person(n));
    office.delete(&format!("/Users/{one}"));
    let page = office.ada.page("/people/departed");
    assert!(text(&page).contains("kept for good") && rows(&page)[0].ends_with("Never"), "{page}");
    office.delete(&format!("/Users/{two}"));
    assert!(text(&office.ada.page("/guard")).contains("Nothing: records are kept for good"));
    let mut office = Office::with("[guard]\npercent = 0\ncount = 2\n");
    for name in ["one@x.io", "two@x.io"] {
        let id = office.person(name);
        office.delete(&format!("/Users/{id}"));
    }
    let page = office.ada.page("/people/departed");
    assert!(page.contains("while the <a href=\"/guard\">guard</a> holds"), "{page}");
    assert!(rows(&page).iter().all(|row| row.ends_with("Not while the guard holds")), "{page}");
}

#[test]
fn archived_groups_are_listed_page_by_page() {
    let mut office = Office::new();
    assert!(text(&office.ada.page("/groups/archived")).contains("No group is archived"));
    assert!(text(&office.ada.page("/groups")).contains("Archived (0)"));
    let [grace, gone] = ["grace@x.io", "gone@x.io"].map(|n| office.person(n));
    for i in 0..27 {
        let both = [grace.as_str(), &gone];
        let id = office.group(&format!("Group {i:02}"), if i == 26 { &both } else { &[] });
        office.delete(&format!("/Groups/{id}"));
    }
    let page = office.ada.page("/groups/archived");
    let list = rows(&page);
    assert!(list.len() == 25 && list[0].starts_with("Group 26 2 ") && list[0].contains("the token"), "{list:?}");
    assert!(text(&page).contains("1 to 25 of 27") && text(&office.ada.page("/groups")).contains("Archived (27)"));
    assert_eq!(rows(&office.ada.page("/groups/archived?offset=25")).len(), 2);
    is_to(&office.ada.get("/groups/archived?offset=27"), "/groups/archived");
}

/// What the page that asks says comes back, comes back.
#[test]
fn a_deleted_person_is_restored_with_what_was_said() {
    let mut office = Office::new();
    let leaver = office.person("leaver@x.io");
    office.group("Eng", &[&leaver]);
    let closing = office.group("Closing", &[&leaver]);
    office.done(&["group", "create", "Office"]);
    office.done(&["group", "add-member", "Office", "leaver@x.io"]);
    office.delete(&format!("/Users/{leaver}"));
    office.delete(&format!("/Groups/{closing}"));
    let path = format!("/people/{leaver}/restore");
    let page = office.ada.page(&path);
    let groups = linked(fact(&page, "In groups again"));
    assert_eq!(groups, ["Eng", "Office"].map(str::to_owned).into());
    assert_eq!(linked(fact(&page, "No longer there")), ["Closing".to_owned()].into());
    assert!(fact(&page, "State").contains("Active") && fact(&page, "Id").contains(&leaver), "{page}");
    assert_eq!(office.client.get(&format!("/Users/{leaver}")).unwrap().status, 404, "to ask changes nothing");
    let mut second = office.ada.clone();
    is_to(&office.ada.post(&path, &[]), &format!("/people/{leaver}"));
    assert_eq!(office.groups_of(&leaver), groups);
    assert_eq!(office.house.text("select status from handover"), "closed");
    let last = office.house.text("select actor || ' ' || (request <> '') from change where op = 'restore'");
    assert_eq!(last, "admin:ada 1");
    let late = second.post(&path, &[]);
    assert!(late.status == 409 && text(&late.body).contains("It is there again already"), "{}", late.body);
    assert!(
        late.body.contains(&format!("href=\"/people/{leaver}\"")) && !late.body.contains("Restore the person</button>")
    );
    is_to(&office.ada.get(&path), &format!("/people/{leaver}"));
    // The name is another's by now: nothing is done, and who has it is shown.
    office.delete(&format!("/Users/{leaver}"));
    office.ada.page(&path);
    let new = id_of(&office.client.post("/Users", &json!({"userName": "LEAVER@x.io", "externalId": "x"})).unwrap());
    let answer = office.ada.post(&path, &[]);
    assert!(
        answer.status == 409 && text(&answer.body).contains("Somebody else has the userName leaver@x.io"),
        "{}",
        answer.body
    );
    assert!(answer.body.contains(&format!("href=\"/people/{new}\"")));
    let asked = office.ada.page(&path);
    assert!(!asked.contains("Restore the person</button>") && asked.contains("Somebody else"), "{asked}");
    // Whoever has come back under another id is told of.
    office.delete(&format!("/Users/{new}"));
    let back = office.person("leaver@x.io");
    let rename = json!([{"op": "replace", "path": "userName", "value": "renamed@x.io"}]);
    office.client.patch(&format!("/Users/{back}"), &rename).unwrap();
    let page = office.ada.page(&format!("/people/{new}/restore"));
    assert!(page.contains("has come back already") && page.contains(&format!("href=\"/people/{back}\"")), "{page}");
    assert_eq!(office.ada.get("/people/nobody/restore").status, 404);
    assert_eq!(office.ada.post("/people/nobody/restore", &[]).status, 404);
    // It was purged in between.
    office.meanwhile(&format!("delete from departed where id = '{new}'; delete from handover where person = '{new}'"));
    assert_eq!(office.ada.post(&format!("/people/{new}/restore"), &[]).status, 404);
}

/// Another unique attribute than the name is taken by now.
#[test]
fn every_unique_attribute_is_looked_at_when_somebody_comes_back() {
    let schema = r#"
[[schema]]
id = "urn:example:badge:1.0:User"
name = "Badge"
extends = "User"
[[schema.attribute]]
name = "badge"
type = "string"
uniqueness = "server"
"#;
    let mut office = Office::with(schema);
    let body = |name: &str| {
        let urn = "urn:example:badge:1.0:User";
        json!({"schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", urn], "userName": name, "externalId": name, urn: {"badge": "<b>7</b>"}})
    };
    let first = id_of(&office.client.post("/Users", &body("one@x.io")).unwrap());
    office.delete(&format!("/Users/{first}"));
    id_of(&office.client.post("/Users", &body("two@x.io")).unwrap());
    let path = format!("/people/{first}/restore");
    let answer = office.ada.fill(&path, &path, &[]);
    assert!(answer.status == 409 && text(&answer.body).contains("badge <b>7</b> by now"), "{}", answer.body);
    assert_eq!(office.client.get(&format!("/Users/{first}")).unwrap().status, 404);
}

#[test]
fn an_archived_group_is_restored_with_what_was_said() {
    let mut office = Office::new();
    let people: Vec<String> = (0..104).map(|i| office.person(&format!("m{i:03}@x.io"))).collect();
    let members: Vec<&str> = people.iter().map(String::as_str).collect();
    let group = office.group("Eng", &members);
    let parent = office.group("Parent", &[&group]);
    office.delete(&format!("/Groups/{group}"));
    office.delete(&format!("/Users/{}", people[1]));
    let path = format!("/groups/{group}/restore");
    let page = office.ada.page(&path);
    assert_eq!(text(fact(&page, "Name")).trim(), "Eng");
    let told = text(fact(&page, "Members"));
    assert!(
        told.contains("103 of 104 come back") && told.contains("m001@x.io (gone)") && told.contains("and more"),
        "{told}"
    );
    assert!(!told.contains("m100@x.io"), "a hundred names at most");
    // Somebody takes the name in between: it gets another one, and a second look says so.
    let second = office.group("ENG", &[]);
    let page = office.ada.page(&path);
    assert!(text(fact(&page, "Name")).contains("Eng_Unarchived, because another group is called Eng by now"), "{page}");
    is_to(&office.ada.post(&path, &[]), &format!("/groups/{group}"));
    let back = office.client.get(&format!("/Groups/{group}")).unwrap().json();
    assert_eq!((&back["displayName"], back["members"].as_array().unwrap().len()), (&json!("Eng_Unarchived"), 103));
    assert_eq!(office.client.get(&format!("/Groups/{parent}")).unwrap().json()["members"][0]["value"], json!(group));
    assert_eq!(office.ada.post(&path, &[]).status, 409);
    // A group is no person.
    office.delete(&format!("/Groups/{second}"));
    assert_eq!(office.ada.get(&format!("/people/{second}/restore")).status, 404);
    assert_eq!(office.ada.post(&format!("/people/{second}/restore"), &[]).status, 404);
}

#[test]
fn the_guard_ends_for_those_who_were_looked_at() {
    let mut office = Office::with("[guard]\npercent = 0\ncount = 3\n");
    let none = office.ada.page("/guard");
    assert!(text(&none).contains("The guard does not hold") && !none.contains("name=\"seen\""), "{none}");
    let ids: Vec<String> = (0..32).map(|i| office.person(&format!("p{i:02}@x.io"))).collect();
    ids[..30].iter().for_each(|id| office.activate(id, false));
    office.delete(&format!("/Users/{}", ids[0]));
    let overview = office.ada.page("/");
    assert!(overview.contains("href=\"/guard\"") && text(&overview).contains("30 people were deactivated or deleted"));
    let page = office.ada.page("/guard");
    let list = rows(&page);
    assert!(
        list.len() == 25 && list[0].starts_with("p29@x.io Deactivated") && text(&page).contains("1 to 25 of 30"),
        "{list:?}"
    );
    assert!(rows(&office.ada.page("/guard?offset=25"))[4].starts_with("p00@x.io Deleted"));
    is_to(&office.ada.get("/guard?offset=30"), "/guard");
    let seen = super::browser::hidden(&page, "seen").unwrap();
    // Somebody else leaves meanwhile, and one comes back: nobody has looked at the one who left.
    office.activate(&ids[1], true);
    office.activate(&ids[30], false);
    let answer = office.ada.post("/guard", &[("seen", &seen)]);
    assert!(
        answer.status == 409 && text(&answer.body).contains("More people have left since you looked"),
        "{}",
        answer.body
    );
    assert_eq!(office.ada.post("/guard", &[]).status, 409, "who says nothing has seen nobody");
    assert_eq!(office.ada.post("/guard", &[("seen", "x")]).status, 409);
    let seen = super::browser::hidden(&answer.body, "seen").unwrap();
    // It is a while since the sign-in: the password is asked for.
    office.house.execute(&format!("update session set authenticated = authenticated - {MINUTE} * 6"));
    let asked = office.ada.post("/guard", &[("seen", &seen)]);
    assert!(asked.status == 403 && asked.body.contains("confirm-password") && rows(&asked.body).len() == 25);
    assert_eq!(office.ada.post("/guard", &[("seen", &seen), ("confirm-password", "wrong wrong")]).status, 403);
    assert!(office.ada.page("/guard").contains("name=\"seen\""), "it holds");
    is_to(&office.ada.post("/guard", &[("seen", &seen), ("confirm-password", PASSWORD)]), "/");
    assert!(!office.ada.page("/").contains("href=\"/guard\""));
    let row = office
        .house
        .text("select actor || ' ' || after || ' ' || (request <> '') from change where op = 'guard.release'");
    assert_eq!(row, "admin:ada {\"left\":30} 1");
    // Sent twice: there is nothing to end any longer, and that is said.
    let again = office.ada.post("/guard", &[("seen", &seen)]);
    assert!(again.status == 200 && text(&again.body).contains("does not hold"), "{}", again.body);
    assert_eq!(office.house.number("select count(*) from change where op = 'guard.release'"), 1);
}

#[test]
fn no_form_about_leaving_is_believed_without_its_page() {
    let mut office = Office::with("[guard]\npercent = 0\ncount = 2\n");
    let [gone, off] = ["gone@x.io", "off@x.io"].map(|n| office.person(n));
    let group = office.group("Old", &[]);
    office.delete(&format!("/Users/{gone}"));
    office.delete(&format!("/Groups/{group}"));
    office.activate(&off, false);
    office.ada.page("/account");
    let forms = [
        (office.handover_of(&off), vec![("decision", "dismiss")]),
        (format!("/people/{gone}/restore"), Vec::new()),
        (format!("/groups/{group}/restore"), Vec::new()),
        ("/guard".to_owned(), vec![("seen", "9")]),
    ];
    let mut other = office.house.ada();
    other.page("/account");
    let before = office.house.contents();
    let check = |what: &str| assert_eq!(office.house.contents(), before, "{what}");
    for (path, fields) in &forms {
        let good = [&[("csrf", office.ada.csrf.as_str())], fields.as_slice()].concat();
        let tries = [
            (encoded(fields), OWN.to_vec()),
            (encoded(&[&[("csrf", other.csrf.as_str())], fields.as_slice()].concat()), OWN.to_vec()),
            (encoded(&good), vec![("Origin", "https://evil.example"), OWN[1]]),
            (encoded(&good), vec![OWN[1]]),
            (encoded(&good), vec![OWN[0], ("Content-Type", "text/plain")]),
        ];
        for (body, headers) in tries {
            let answer = office.ada.clone().send("POST", path, &headers, Some(&body));
            assert!(answer.status == 403 && answer.body.contains("This form has expired"), "{path}: {}", answer.status);
        }
        let query = format!("{path}?{}", encoded(&good));
        assert!(matches!(office.ada.clone().get(&query).status, 200), "a GET changes nothing");
        // Nobody is signed in, or no longer.
        let stranger = office.house.browser().send("POST", path, &OWN, Some(&encoded(&good)));
        is_to(&stranger, "/sign-in");
    }
    check("nothing was believed");
    let stale = office.ada.clone();
    office.ada.page("/account");
    is_to(&office.ada.post("/sign-out", &[]), "/sign-in");
    for (path, fields) in &forms {
        is_to(&stale.clone().post(path, fields), "/sign-in");
    }
    for page in ["/handovers", "/people/departed", "/groups/archived", "/guard"] {
        let asked = encoded(&[("to", page)]).replace("%2F", "/");
        is_to(&office.house.browser().get(page), &format!("/sign-in?{asked}"));
    }
    for (path, _) in &forms[..3] {
        is_to(&office.house.browser().get(path), "/sign-in");
    }
    assert_eq!(
        office.house.number("select count(*) from change where actor = 'admin:ada' and op <> 'admin.sign-in'"),
        0
    );
}
