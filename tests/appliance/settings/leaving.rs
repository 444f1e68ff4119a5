//! What happens on the pages when somebody leaves: hand-overs, deleted people, archived groups, restoring, and the guard.

mod gone;
mod guard;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::browser::{Browser, encoded, tags, text};
use super::{House, MINUTE, at_once, id_of};
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

/// Is there a link to a path with an id in it?
fn leads_to(page: &str, path: &str) -> bool {
    let all = tags(page).into_iter().filter_map(|t| Some(t.get("href")?.replace("%2D", "-")));
    all.into_iter().any(|href| href == path)
}

/// A piece of a page as text.
fn told(piece: &str) -> String {
    text(&format!("<p>{piece}")).split_whitespace().collect::<Vec<_>>().join(" ")
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
    let to = answer.header("location").map(|to| to.replace("%2D", "-"));
    assert_eq!((answer.status, to.as_deref()), (303, Some(path)), "{}", answer.body);
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
    assert!(text(&list).contains("Open (2)") && leads_to(&list, &path), "{list}");
    assert!(
        office.ada.page(&format!("/people/{leaver}")).contains(&format!("href=\"{path}\"")),
        "the person leads to it"
    );
    let page = office.ada.page(&path);
    assert_eq!(linked(fact(&page, "A successor joins")), ["Mixed", "Office"].map(str::to_owned).into());
    assert_eq!(linked(fact(&page, "Does not join")), ["Pushed".to_owned()].into());
    let request = office
        .house
        .text(&format!("select request from change where n = (select id from handover where person = '{leaver}')"));
    assert!(fact(&page, "Left").contains(&request) && told(fact(&page, "Left")).contains("the token"), "{page}");
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
    let said = text(&late.body);
    assert!(said.contains("done already") && said.contains("my words") && said.contains("line <i>two</i>"), "{said}");
    assert!(late.body.contains("<title>Error: ") && !late.body.contains("<textarea"), "there is nothing to send");
    let page = office.ada.page(&path);
    assert_eq!(told(fact(&page, "Outcome")), "Given to grace@x.io");
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
        let (joined, others) = (linked(fact(&page, "A successor joins")), linked(fact(&page, "Does not join")));
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
    assert_eq!(linked(fact(&page, "Does not join")).len(), 100);
    assert!(told(fact(&page, "Does not join")).contains("and 3 more"));
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
