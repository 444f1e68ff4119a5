//! The role in effect against a model that knows nothing of generations, indexes and graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::super::caller::{Caller, Reach};
use super::super::{
    Ask, NewToken, Refusal, Reply, Scope, Site, create, create_token, fetch, patch, provisioning, remove,
};
use super::*;
use crate::clock::Clock;
use crate::scim::catalog::Catalog;
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::list::Query;
use crate::scim::patch::Patch;
use crate::scim::resource::{Purpose, check};
use crate::scim::version::Conditions;
use crate::secret::Token;
use crate::store::{Options, Prepared, Provisioning, Store, Threads, Weight, Writer};

/// A directory and somebody who may change it.
struct House {
    store: Store,
    _threads: Threads,
    _folder: tempfile::TempDir,
    site: Arc<Site>,
    caller: Caller,
}

impl House {
    fn new() -> House {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Arc::new(Catalog::built_in().unwrap());
        let (store, threads) = Store::open(&Options::at(folder.path().join("x.db")), catalog, Clock::System).unwrap();
        let site = Arc::new(Site {
            base: "http://x/scim/v2".to_owned(),
            page_size: 100,
            max_page_size: 1000,
            put_merges: false,
            max_payload: 1 << 20,
            max_operations: 1000,
            cursor_timeout: 60,
            rules: RuleSet::all(),
            roles: Arc::new(Catalogue::built_in()),
        });
        let token = Token::generate().unwrap();
        let new = NewToken {
            token: token.clone(),
            name: "t".to_owned(),
            scope: Scope::Scim,
            user: None,
            replaces: None,
            lifetime: None,
        };
        let made = store.write(Weight::Light, move |writer| {
            create_token(writer, &new, 2, "test")?;
            provisioning::switch(writer, Provisioning::On, true, provisioning::Precondition::Acknowledge, "test")
        });
        made.wait().unwrap();
        let admitted = store.read(move |reader| Caller::admit(reader, &token, "r-1", Reach::All, reader.now()));
        let caller = admitted.wait().unwrap();
        House { store, _threads: threads, _folder: folder, site, caller }
    }

    fn write<T: Send + 'static>(
        &self,
        of: &str,
        write: impl FnOnce(&mut Writer<'_>, Ask<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> T {
        let of = self.store.catalog().resource_type(of).unwrap().clone();
        let (site, caller) = (self.site.clone(), self.caller.clone());
        let written = self.store.write(Weight::Light, move |writer| {
            let (wish, dialect) = (Query::default(), Dialect::tolerant());
            let ask = Ask {
                site: &site,
                caller: &caller,
                of: &of,
                wish: &wish,
                conditions: &Conditions::NONE,
                dialect: &dialect,
                shows: false,
            };
            write(writer, ask)
        });
        written.wait().unwrap()
    }

    fn post(&self, of: &str, id: &str, body: &str, members: &[String]) -> Reply {
        let kind = self.store.catalog().resource_type(of).unwrap();
        let body = Json::parse(body.as_bytes()).unwrap();
        let new = check(body, kind, Purpose::New, &Dialect::tolerant()).unwrap();
        let new = Prepared::of(new.into_document(), kind);
        let (id, members) = (id.to_owned(), members.to_vec());
        self.write(of, move |writer, ask| create(writer, ask, id, &new, &members))
    }

    fn patch(&self, of: &str, id: &str, operations: &str) -> Reply {
        let body = Json::parse(format!(r#"{{"Operations":{operations}}}"#).as_bytes()).unwrap();
        let id = id.to_owned();
        self.write(of, move |writer, ask| {
            let changes = Patch::parse(body, ask.of, ask.dialect)?;
            patch(writer, ask, &id, changes)
        })
    }

    fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut Writer<'_>, &Catalogue) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, Refusal> {
        let roles = self.site.roles.clone();
        self.store.write(Weight::Light, move |writer| change(writer, &roles)).wait()
    }

    /// The role as GET shows it: value and source.
    fn role(&self, id: &str) -> (String, String) {
        let of = self.store.catalog().resource_type("User").unwrap().clone();
        let (site, caller, id) = (self.site.clone(), self.caller.clone(), id.to_owned());
        let dialect = Dialect::tolerant();
        let attribute = "urn:scim-appliance:schemas:1.0:User:role";
        let wish = Query::from_pairs([("attributes", attribute)].into_iter(), &dialect).unwrap();
        let fetched = self.store.read(move |reader| {
            let dialect = Dialect::tolerant();
            let ask = Ask {
                site: &site,
                caller: &caller,
                of: &of,
                wish: &wish,
                conditions: &Conditions::NONE,
                dialect: &dialect,
                shows: true,
            };
            fetch(reader, ask, &id, false)
        });
        let body: serde_json::Value = serde_json::from_str(&fetched.wait().unwrap().unwrap().body.unwrap()).unwrap();
        let role = &body["urn:scim-appliance:schemas:1.0:User"]["role"];
        (role["value"].as_str().unwrap().to_owned(), role["source"].as_str().unwrap().to_owned())
    }
}

const PEOPLE: usize = 3;
const GROUPS: usize = 4;
const VALUES: [&str; 4] = ["ORGANIZATION_ADMINISTRATOR", "COMPLIANCE_MANAGER", "USER", "LIMITED_ACCESS_USER"];
/// What an identity provider may say, and which of the roles that is.
const SAID: [(&str, Option<usize>); 5] =
    [("admin", Some(0)), ("Compliance Manager", Some(1)), ("USER", Some(2)), ("nonsense", None), ("", None)];

#[derive(Debug, Clone)]
enum Step {
    Join(usize, usize),
    Leave(usize, usize),
    Nest(usize, usize),
    Part(usize, usize),
    Rename(usize),
    Archive(usize),
    Say(usize, usize),
    Rule(usize, usize, bool, usize),
    Unrule(usize),
    Move(usize, usize),
    Give(usize, Option<usize>),
    /// All rules at once.
    Save(Vec<(usize, usize, bool)>),
}

fn step() -> impl Strategy<Value = Step> {
    let (p, g, r) = (0..PEOPLE, 0..GROUPS, 0..VALUES.len());
    prop_oneof![
        4 => (g.clone(), p.clone()).prop_map(|(g, p)| Step::Join(g, p)),
        2 => (g.clone(), p.clone()).prop_map(|(g, p)| Step::Leave(g, p)),
        2 => (g.clone(), g.clone()).prop_map(|(a, b)| Step::Nest(a, b)),
        1 => (g.clone(), g.clone()).prop_map(|(a, b)| Step::Part(a, b)),
        1 => g.clone().prop_map(Step::Rename),
        1 => g.clone().prop_map(Step::Archive),
        3 => (p.clone(), 0..SAID.len()).prop_map(|(p, s)| Step::Say(p, s)),
        5 => (g.clone(), r.clone(), any::<bool>(), 1..5_usize).prop_map(|(g, r, n, at)| Step::Rule(g, r, n, at)),
        1 => g.clone().prop_map(Step::Unrule),
        2 => (g, 1..5_usize).prop_map(|(g, at)| Step::Move(g, at)),
        2 => (p, prop::option::weighted(0.5, r.clone())).prop_map(|(p, r)| Step::Give(p, r)),
        4 => (Just((0..GROUPS).collect::<Vec<_>>()).prop_shuffle(), prop::collection::vec((r, any::<bool>()), 0..=GROUPS))
            .prop_map(|(groups, shapes)| {
                Step::Save(groups.into_iter().zip(shapes).map(|(g, (r, nested))| (g, r, nested)).collect())
            }),
    ]
}

/// The model: everything by name, and walked from the beginning each time.
#[derive(Default)]
struct Model {
    people: BTreeMap<usize, BTreeSet<usize>>,
    inside: BTreeMap<usize, BTreeSet<usize>>,
    archived: BTreeSet<usize>,
    said: BTreeMap<usize, usize>,
    rules: Vec<(usize, usize, bool)>,
    given: BTreeMap<usize, usize>,
}

impl Model {
    fn is_in(&self, person: usize, group: usize) -> bool {
        self.people.get(&group).is_some_and(|p| p.contains(&person))
    }

    fn is_within(&self, person: usize, group: usize, seen: &mut BTreeSet<usize>) -> bool {
        if !seen.insert(group) {
            return false;
        }
        let inner = self.inside.get(&group).cloned().unwrap_or_default();
        self.is_in(person, group) || inner.into_iter().any(|g| self.is_within(person, g, seen))
    }

    fn role(&self, person: usize) -> (String, String) {
        let told = |role: usize, source: &str| (VALUES[role].to_owned(), source.to_owned());
        if let Some(role) = self.given.get(&person) {
            return told(*role, "override");
        }
        for (group, role, nested) in &self.rules {
            let fits =
                if *nested { self.is_within(person, *group, &mut BTreeSet::new()) } else { self.is_in(person, *group) };
            if fits && !self.archived.contains(group) {
                return told(*role, "rule");
            }
        }
        match self.said.get(&person).and_then(|s| SAID[*s].1) {
            Some(role) => told(role, "asserted"),
            None => told(3, "default"),
        }
    }

    /// Does the same to the directory and to the model.
    fn take(&mut self, house: &House, step: &Step, names: &mut u32) {
        let (group, person) = (|g: &usize| format!("g{g}"), |p: &usize| format!("u{p}"));
        let add = |id: String| format!(r#"[{{"op":"add","path":"members","value":[{{"value":"{id}"}}]}}]"#);
        let drop = |id: String| format!(r#"[{{"op":"remove","path":"members[value eq \"{id}\"]"}}]"#);
        let live = |g: &usize| !self.archived.contains(g);
        match step {
            Step::Join(g, p) if live(g) => {
                house.patch("Group", &group(g), &add(person(p)));
                self.people.entry(*g).or_default().insert(*p);
            }
            Step::Leave(g, p) if live(g) => {
                house.patch("Group", &group(g), &drop(person(p)));
                self.people.entry(*g).or_default().remove(p);
            }
            Step::Nest(a, b) if live(a) && live(b) => {
                house.patch("Group", &group(a), &add(group(b)));
                self.inside.entry(*a).or_default().insert(*b);
            }
            Step::Part(a, b) if live(a) && live(b) => {
                house.patch("Group", &group(a), &drop(group(b)));
                self.inside.entry(*a).or_default().remove(b);
            }
            Step::Rename(g) if live(g) => {
                *names += 1;
                let to = format!(r#"[{{"op":"replace","path":"displayName","value":"Name {names}"}}]"#);
                house.patch("Group", &group(g), &to);
            }
            Step::Archive(g) if live(g) => {
                let id = group(g);
                house.write("Group", move |writer, ask| remove(writer, ask, &id));
                self.archived.insert(*g);
                self.people.remove(g);
                self.inside.remove(g);
                self.inside.values_mut().for_each(|inner| _ = inner.remove(g));
            }
            Step::Say(p, s) => {
                let role = match SAID[*s].0 {
                    "" => r#"[{"op":"replace","path":"roles","value":[]}]"#.to_owned(),
                    role => format!(r#"[{{"op":"replace","path":"roles","value":[{{"value":"{role}"}}]}}]"#),
                };
                house.patch("User", &person(p), &role);
                self.said.insert(*p, *s);
            }
            Step::Rule(g, role, nested, at) => {
                let (id, value, shape) = (group(g), VALUES[*role], (*nested, Some(*at)));
                let made =
                    house.change(move |writer, roles| add_rule(writer, roles, &id, value, shape, By::command("test")));
                let may = live(g) && self.rules.iter().all(|r| r.0 != *g) && *at <= self.rules.len() + 1;
                assert_eq!(made.is_ok(), may, "{made:?}");
                if may {
                    self.rules.insert(at - 1, (*g, *role, *nested));
                }
            }
            Step::Unrule(g) => {
                let id = group(g);
                let gone = house.change(move |writer, roles| remove_rule(writer, roles, &id, By::command("test")));
                assert_eq!(gone.is_ok(), self.rules.iter().any(|r| r.0 == *g), "{gone:?}");
                self.rules.retain(|r| r.0 != *g);
            }
            Step::Move(g, at) => {
                let (id, to) = (group(g), *at);
                let moved = house.change(move |writer, roles| move_rule(writer, roles, &id, to, By::command("test")));
                let from = self.rules.iter().position(|r| r.0 == *g).filter(|_| to <= self.rules.len());
                assert_eq!(moved.is_ok(), from.is_some(), "{moved:?}");
                if let Some(from) = from {
                    let rule = self.rules.remove(from);
                    self.rules.insert(to - 1, rule);
                }
            }
            Step::Give(p, role) => {
                let (id, value) = (person(p), role.map(|r| VALUES[r]));
                house
                    .change(move |writer, roles| set_override(writer, roles, &id, value, By::command("test")))
                    .unwrap();
                match role {
                    Some(role) => self.given.insert(*p, *role),
                    None => self.given.remove(p),
                };
            }
            Step::Save(rules) => self.save(house, rules),
            _ => {}
        }
    }

    /// What a draft would change is looked at before, and saved then.
    fn save(&mut self, house: &House, rules: &[(usize, usize, bool)]) {
        let draft: Vec<Drafted> = rules
            .iter()
            .map(|(g, r, nested)| Drafted { group: format!("g{g}"), role: VALUES[*r].to_owned(), nested: *nested })
            .collect();
        let may = rules.iter().all(|(g, ..)| !self.archived.contains(g) || self.rules.iter().any(|r| r.0 == *g));
        let (site, asked) = (house.site.clone(), draft.clone());
        let seen = house.store.read(move |reader| {
            let stood = stored(reader)?.1;
            let Ok(rules) = drafted(reader, &site.roles, &asked) else { return Ok((stood, None)) };
            Ok::<_, StoreError>((stood, Some(who_would_change(reader, &site, &rules, PEOPLE)?)))
        });
        let (stood, effects) = seen.wait().unwrap();
        assert_eq!(effects.is_some(), may, "{rules:?}");
        let before: Vec<String> = (0..PEOPLE).map(|p| self.role(p).0).collect();
        let (asked, when) = (draft.clone(), stood.clone());
        let saved = house.change(move |writer, roles| save_rules(writer, roles, &when, &asked, By::command("test")));
        assert_eq!(saved.is_ok(), may, "{saved:?}");
        let Some(effects) = effects else { return };
        assert_eq!(saved.unwrap(), self.rules != rules);
        self.rules = rules.to_vec();
        let expected: Vec<(String, String, String)> = (0..PEOPLE)
            .filter(|p| self.role(*p).0 != before[*p])
            .map(|p| (format!("u{p}"), before[p].clone(), self.role(p).0))
            .collect();
        let told = |m: &Mover| (m.id.clone(), m.before.role.value.clone(), m.after.role.value.clone());
        assert_eq!(effects.first.iter().map(told).collect::<Vec<_>>(), expected);
        assert!(effects.complete && effects.count == expected.len() as u64);
        // Saved once more, from what was seen before, is refused if it changed anything.
        let again = house.change(move |writer, roles| save_rules(writer, roles, &stood, &draft, By::command("test")));
        assert!(again.is_err() || !again.unwrap());
    }
}

#[test]
fn the_role_in_effect_is_that_of_a_naive_model_after_every_change() {
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    let checked = runner.run(&prop::collection::vec(step(), 1..40), |steps| {
        let house = House::new();
        for p in 0..PEOPLE {
            house.post("User", &format!("u{p}"), &format!(r#"{{"userName":"person{p}"}}"#), &[]);
        }
        for g in 0..GROUPS {
            house.post("Group", &format!("g{g}"), &format!(r#"{{"displayName":"Group {g}"}}"#), &[]);
        }
        let (mut model, mut names) = (Model::default(), 0);
        for step in &steps {
            model.take(&house, step, &mut names);
            for p in 0..PEOPLE {
                let (expected, id) = (model.role(p), format!("u{p}"));
                prop_assert_eq!(house.role(&id), expected.clone(), "{:?}", step);
                let site = house.site.clone();
                let told = house.store.read(move |reader| why(reader, &site, &id)).wait().unwrap().unwrap();
                let winners: Vec<&Input> = told.inputs.iter().filter(|i| i.verdict == Verdict::Wins).collect();
                prop_assert_eq!(winners.len(), 1, "{:?}", told.inputs);
                let role = winners[0].role.as_ref().unwrap().value.clone();
                prop_assert_eq!((role, winners[0].kind.name().to_owned()), expected);
            }
        }
        Ok(())
    });
    checked.unwrap();
}

/// Work is counted instead of time: a rename writes the same few rows however many members there are.
#[test]
fn the_rename_of_a_group_touches_no_member() {
    let house = House::new();
    let people: Vec<String> = (0..2000).map(|i| format!("u{i}")).collect();
    for id in &people {
        house.post("User", id, &format!(r#"{{"userName":"{id}"}}"#), &[]);
    }
    house.post("Group", "empty", r#"{"displayName":"Empty"}"#, &[]);
    house.post("Group", "full", r#"{"displayName":"Full"}"#, &people);
    house.change(|writer, roles| add_rule(writer, roles, "Full", "USER", (false, None), By::command("test"))).unwrap();
    assert_eq!(house.role("u7"), ("USER".to_owned(), "rule".to_owned()));
    let rename = |id: &'static str| {
        house.write("Group", move |writer, ask| {
            let before = writer.rows_written();
            let body = r#"{"Operations":[{"op":"replace","path":"displayName","value":"Another name"}]}"#;
            let body = body.replace("Another", id);
            let changes = Patch::parse(Json::parse(body.as_bytes())?, ask.of, ask.dialect)?;
            patch(writer, ask, id, changes)?;
            Ok(writer.rows_written() - before)
        })
    };
    let (of_empty, of_full) = (rename("empty"), rename("full"));
    assert_eq!(of_empty, of_full);
    assert!(of_full < 10, "{of_full} rows");
    assert_eq!(house.role("u7"), ("USER".to_owned(), "rule".to_owned()));
    // And so does a change of the rule.
    let reordered = house.change(|writer, roles| {
        let before = writer.rows_written();
        remove_rule(writer, roles, "full", By::command("test"))?;
        add_rule(writer, roles, "full", "COMPLIANCE_MANAGER", (true, Some(1)), By::command("test"))?;
        Ok(writer.rows_written() - before)
    });
    assert!(reordered.unwrap() < 20);
    assert_eq!(house.role("u1999"), ("COMPLIANCE_MANAGER".to_owned(), "rule".to_owned()));
}
