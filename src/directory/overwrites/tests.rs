use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::super::difference;
use super::super::local::operation;
use super::*;
use crate::scim::catalog::{Catalog, ENTERPRISE_SCHEMA, USER_SCHEMA};
use crate::scim::dialect::{Dialect, RuleSet};
use crate::scim::merge;
use crate::scim::patch::{Patch, PatchPlan, Step};
use crate::scim::resource::{Purpose, check};

const HERE: &str = "admin:ada";
const THERE: &str = "token:okta";

fn user() -> Arc<ResourceType> {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::built_in().unwrap());
    CATALOG.resource_type("User").unwrap().clone()
}

/// A person, with the record of what was done to it.
struct Life {
    of: Arc<ResourceType>,
    document: Object,
    rows: Vec<ChangeRow>,
    reading: Reading,
}

impl Life {
    fn new(made_by: &str, body: Object, reading: Reading) -> Life {
        let of = user();
        let document = check(body.into(), &of, Purpose::New, &Dialect::tolerant()).unwrap().into_document();
        let mut life = Life { of, document, rows: Vec::new(), reading };
        life.record(made_by, "create", None, None);
        life
    }

    fn record(&mut self, actor: &str, op: &str, before: Option<String>, after: Option<String>) {
        let n = self.rows.len() as i64 + 1;
        let (actor, op, request) = (actor.to_owned(), op.to_owned(), None);
        self.rows
            .insert(0, ChangeRow { n, at: n, actor, request, op, before, after, added: 0, removed: 0, cut: false });
    }

    fn dialect(&self) -> Dialect {
        let all = RuleSet::all();
        Dialect::new(if self.reading.keeps_absent { all } else { all.without(Rule::PutKeepsAbsent) })
    }

    fn becomes(&mut self, actor: &str, op: &str, document: Object) -> bool {
        if document == self.document {
            return false;
        }
        let (was, is) = difference(&self.document, &document, &self.of);
        self.document = document;
        self.record(actor, op, was, is);
        true
    }

    fn patch(&mut self, actor: &str, operation: Json) -> bool {
        let document = patched(&self.document, operation, &self.of);
        self.becomes(actor, "patch", document)
    }

    fn put(&mut self, actor: &str, body: Object) -> bool {
        let dialect = self.dialect();
        let purpose = if self.reading.merges { Purpose::Partial } else { Purpose::Whole };
        let new = check(body.into(), &self.of, purpose, &dialect).unwrap();
        let document = merge::replace(&self.document, new, &self.of, self.reading.merges, &dialect).unwrap();
        self.becomes(actor, "replace", document)
    }

    fn told(&self) -> Vec<Overwrite> {
        let mut told = Telling::of(self.document.clone(), &self.of);
        self.rows.iter().for_each(|row| told.takes(row, row.actor == THERE));
        told.end(self.reading)
    }

    /// The paths of what is told, with what becomes of each.
    fn fates(&self) -> Vec<(String, Fate)> {
        self.told().into_iter().map(|o| (o.path, o.fate)).collect()
    }
}

/// A document after an operation of PATCH.
fn patched(document: &Object, operation: Json, of: &ResourceType) -> Object {
    let dialect = Dialect::tolerant();
    let mut body = Object::new();
    body.push("Operations", Json::Array(vec![operation]));
    let patch = Patch::parse(body.into(), of, &dialect).unwrap();
    let plan = patch.plan(of, &dialect).unwrap();
    let mut after = document.clone();
    for step in &plan.steps {
        match step {
            Step::Document(step) => step.apply(&mut after, &dialect).unwrap(),
            Step::Members(_) => panic!("people have no members"),
        }
    }
    PatchPlan::finish(document, &mut after, of).unwrap();
    after
}

fn object(text: &str) -> Object {
    match Json::parse(text.as_bytes()) {
        Ok(Json::Object(object)) => object,
        _ => panic!("{text}"),
    }
}

fn with_schemas(mut body: Object) -> Object {
    body.set("schemas", Json::Array(vec![USER_SCHEMA.into(), ENTERPRISE_SCHEMA.into()]));
    body
}

const USUAL: Reading = Reading { merges: false, keeps_absent: true };

fn ada() -> Object {
    with_schemas(object(&format!(
        r#"{{"userName":"ada@x.io","externalId":"00u1","name":{{"givenName":"Ada","familyName":"L"}},"title":"Analyst",
            "emails":[{{"value":"ada@x.io","type":"work","primary":true}}],"active":true,"{ENTERPRISE_SCHEMA}":{{"department":"R"}}}}"#
    )))
}

fn set(path: &str, value: &str) -> Json {
    operation("replace", path, Some(value.into()))
}

#[test]
fn what_was_changed_here_is_told_with_what_the_provider_sent() {
    let mut life = Life::new(THERE, ada(), USUAL);
    assert!(life.told().is_empty(), "nobody has changed anything here");
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    for (path, value) in [
        ("title", "Countess"),
        ("name.givenName", "Augusta"),
        ("nickName", "Gusta"),
        ("emails[type eq \"home\"].value", "a@home"),
        (&department, "Maths"),
    ] {
        assert!(life.patch(HERE, set(path, value)));
    }
    assert!(life.patch(HERE, operation("remove", "name.familyName", None)));
    let expected = [
        ("emails[type eq \"home\"]", Fate::Goes),
        ("name.familyName", Fate::Returns),
        ("name.givenName", Fate::Returns),
        ("nickName", Fate::Goes),
        ("title", Fate::Returns),
        (&department, Fate::Returns),
    ];
    assert_eq!(life.fates(), expected.map(|(path, fate)| (path.to_owned(), fate)));
    let told = life.told();
    let title = told.iter().find(|o| o.path == "title").unwrap();
    assert_eq!((title.here.clone(), title.provider.clone()), (Some("Countess".into()), Some("Analyst".into())));
    assert_eq!((title.at, title.actor.as_str()), (2, HERE));
    let family = told.iter().find(|o| o.path == "name.familyName").unwrap();
    assert_eq!((family.here.clone(), family.provider.clone()), (None, Some("L".into())));
    // Back again, and written over by the provider: nothing is left to be told of either.
    assert!(life.patch(HERE, set("title", "Analyst")));
    assert!(life.patch(THERE, set("name.givenName", "Ada K")));
    assert_eq!(life.fates().len(), 4);
    let mut first = as_of(&life.document, &life.rows, 1);
    first.sort_by_rank(|name| life.of.rank(name));
    assert_eq!(first, check_new(ada()));
    assert_eq!(as_of(&life.document, &life.rows, 99), life.document);
}

/// The document as it was when change `n` had been made.
fn as_of(document: &Object, rows: &[ChangeRow], n: i64) -> Object {
    rows.iter().take_while(|row| row.n > n).fold(document.clone(), |now, row| before(&now, row))
}

fn check_new(body: Object) -> Object {
    check(body.into(), &user(), Purpose::New, &Dialect::tolerant()).unwrap().into_document()
}

#[test]
fn what_a_put_keeps_is_told_so() {
    let mut life = Life::new(THERE, ada(), USUAL);
    assert!(life.patch(HERE, operation("replace", "active", Some(false.into()))));
    assert!(life.patch(HERE, set("externalId", "mine")));
    let roles = object(r#"{"value":"USER"}"#);
    assert!(life.patch(HERE, operation("add", "roles", Some(Json::Array(vec![roles.into()])))));
    let kept: Vec<_> = life.told().into_iter().map(|o| (o.path, o.fate, o.kept)).collect();
    let expected = [("active", Fate::Returns), ("externalId", Fate::Returns), ("roles", Fate::Stays)];
    assert_eq!(kept, expected.map(|(path, fate)| (path.to_owned(), fate, true)));
    life.reading.keeps_absent = false;
    assert!(life.told().iter().all(|o| !o.kept && o.fate != Fate::Stays));
}

#[test]
fn only_people_whom_a_provider_writes_have_anything_to_lose() {
    let mut life = Life::new(HERE, ada(), USUAL);
    assert!(life.patch(HERE, set("title", "Countess")));
    assert!(life.told().is_empty());
    // Linked: from now on all that was said here is at stake, but for the name that everybody has.
    assert!(life.patch(THERE, set("nickName", "A")));
    let goes: Vec<_> = life.fates().into_iter().filter(|(_, f)| *f == Fate::Goes).map(|(p, _)| p).collect();
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    assert_eq!(goes, ["emails[type eq \"work\"]", "name.familyName", "name.givenName", "title", &department]);
    let stays: Vec<_> = life.fates().into_iter().filter(|(_, f)| *f == Fate::Stays).map(|(p, _)| p).collect();
    assert_eq!(stays, ["active", "externalId", "userName"]);
}

/// Whoever imports what was changed here pushes it from then on.
#[test]
fn what_a_put_has_left_as_it_is_is_agreed() {
    let mut life = Life::new(THERE, ada(), USUAL);
    assert!(life.patch(HERE, set("title", "Countess")));
    let mut body = ada();
    body.set("title", "Countess");
    body.set("displayName", "Ada L");
    assert!(life.put(THERE, body));
    assert!(life.told().is_empty(), "{:?}", life.told());
}

#[test]
fn what_stood_before_the_record_is_the_providers() {
    let mut life = Life::new(THERE, ada(), USUAL);
    assert!(life.patch(THERE, set("nickName", "A")));
    assert!(life.patch(HERE, set("title", "Countess")));
    life.rows.pop();
    assert_eq!(life.fates(), [("title".to_owned(), Fate::Returns)]);
    assert_eq!(life.told()[0].provider, Some("Analyst".into()));
}

/// Tokens of scope `me` are people who change their own record, here.
#[test]
fn tokens_of_people_are_no_provider() {
    let token = |id: &str, scope: &str| TokenRow { id: id.to_owned(), scope: scope.to_owned(), ..TokenRow::default() };
    let tokens = [token("okta", "scim"), token("ada", "me")];
    let is = |actor: &str| is_provider(actor, &tokens);
    assert!(is("token:okta") && is("token:forgotten"));
    assert!(!is("token:ada") && !is("admin:okta") && !is("command:person edit"));
}

/// Where something can be changed, and how an operation gives it a value.
const PATHS: [&str; 10] = [
    "title",
    "nickName",
    "externalId",
    "name.givenName",
    "name.familyName",
    "emails[type eq \"work\"].value",
    "emails[type eq \"home\"].value",
    "phoneNumbers[type eq \"work\"].value",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter",
];

#[derive(Debug, Clone)]
enum Event {
    Here(usize, Option<u8>),
    Active(bool),
    Patch(usize, u8),
    Put(bool),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..PATHS.len(), proptest::option::weighted(0.7, 0..3_u8)).prop_map(|(p, v)| Event::Here(p, v)),
        1 => any::<bool>().prop_map(Event::Active),
        2 => (0..PATHS.len(), 0..3_u8).prop_map(|(p, v)| Event::Patch(p, v)),
        1 => any::<bool>().prop_map(Event::Put),
    ]
}

fn put_body(profile: &Object, omits: bool) -> Object {
    let mut body = profile.clone();
    if omits {
        body.retain(|name, _| !["active", "externalId", "roles"].contains(&name));
    }
    with_schemas(body)
}

/// Where PUTs are merged, one that says nothing of a list leaves it as it is; once the provider has something in it, it sends
/// the whole list.
#[test]
fn a_put_without_a_list_has_agreed_to_nothing_in_it() {
    let (home, work) = ("emails[type eq \"home\"].value", "emails[type eq \"work\"].value");
    let profile = check_new(with_schemas(object(r#"{"userName":"ada@x.io","title":"Dr."}"#)));
    let mut life = Life::new(THERE, with_schemas(profile.clone()), Reading { merges: true, keeps_absent: false });
    life.patch(HERE, set(work, "here"));
    // Something that the PUT brings back, so that there is a record of it.
    life.patch(HERE, operation("remove", "title", None));
    life.put(THERE, put_body(&profile, false));
    assert!(life.told().iter().all(|o| !matches!(o.fate, Fate::Goes)), "it stays");
    life.patch(THERE, set(home, "there"));
    let told: Vec<_> = life.told().into_iter().map(|o| (o.path, matches!(o.fate, Fate::Goes))).collect();
    assert_eq!(told, [("emails[type eq \"work\"]".to_owned(), true)]);
}

proptest! {
    /// Whatever was changed here and there: the PUT that a provider sends of its own profile changes exactly what was told.
    #[test]
    fn a_put_changes_what_was_told(
        at_first in proptest::collection::vec((0..PATHS.len(), 0..3_u8), 0..5),
        events in proptest::collection::vec(event(), 0..12),
        (merges, keeps_absent, omits) in any::<(bool, bool, bool)>(),
    ) {
        let of = user();
        // Where nothing is kept, a provider that leaves something out takes its own value away.
        let omits_some = keeps_absent || merges;
        let omits = omits && omits_some;
        let there = |path: usize, value: u8| set(PATHS[path], &format!("there-{value}"));
        let mut profile = check_new(with_schemas(object(r#"{"userName":"ada@x.io"}"#)));
        for (path, value) in at_first {
            profile = patched(&profile, there(path, value), &of);
        }
        let mut life = Life::new(THERE, with_schemas(profile.clone()), Reading { merges, keeps_absent });
        for event in events {
            match event {
                Event::Here(path, value) => {
                    let operation = match value {
                        Some(value) => set(PATHS[path], &format!("here-{value}")),
                        None => operation("remove", PATHS[path], None),
                    };
                    life.patch(HERE, operation);
                }
                Event::Active(is) => {
                    life.patch(HERE, operation("replace", "active", Some(is.into())));
                }
                Event::Patch(path, value) => {
                    life.patch(THERE, there(path, value));
                    profile = patched(&profile, there(path, value), &of);
                }
                Event::Put(omits) => {
                    life.put(THERE, put_body(&profile, omits && omits_some));
                }
            }
        }
        let body = put_body(&profile, omits);
        let told: BTreeSet<String> = life
            .told()
            .into_iter()
            .filter(|o| match o.fate {
                // What the request does not name is kept, if that is said.
                Fate::Returns => !o.kept || !omits || !["active", "externalId"].contains(&o.path.as_str()),
                Fate::Goes => true,
                Fate::Stays => false,
            })
            .map(|o| o.path)
            .collect();
        let before = found(&life.document, &of);
        life.put(THERE, body);
        let after = found(&life.document, &of);
        let value = |places: &BTreeMap<String, Place>, path: &str| places.get(path).map(|p| p.value.clone());
        let changed: BTreeSet<String> = before
            .keys()
            .chain(after.keys())
            .filter(|path| value(&before, path) != value(&after, path))
            .cloned()
            .collect();
        prop_assert_eq!(told, changed);
    }
}
