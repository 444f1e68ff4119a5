use std::sync::{Arc, LazyLock};

use proptest::prelude::*;

use super::super::local::dialect;
use super::*;
use crate::scim::catalog::{Catalog, ResourceType};
use crate::scim::patch::{Patch, PatchPlan, Step};
use crate::scim::resource::{Purpose, check};

fn user() -> Arc<ResourceType> {
    static CATALOG: LazyLock<Catalog> = LazyLock::new(|| Catalog::built_in().unwrap());
    CATALOG.resource_type("User").unwrap().clone()
}

fn patched(document: &Object, operation: Json) -> Object {
    let of = user();
    let dialect = dialect();
    let mut body = Object::new();
    body.push("Operations", Json::Array(vec![operation]));
    let plan = Patch::parse(body.into(), &of, &dialect).unwrap();
    let plan = plan.plan(&of, &dialect).unwrap();
    let mut after = document.clone();
    for step in &plan.steps {
        match step {
            Step::Document(step) => step.apply(&mut after, &dialect).unwrap(),
            Step::Members(_) => panic!("people have no members"),
        }
    }
    PatchPlan::finish(document, &mut after, &of).unwrap();
    after
}

/// A person with so many values of each list, of these types.
fn person(lists: &[(&str, Vec<Option<&str>>)]) -> Object {
    let mut body = Object::new();
    body.push("userName", "ada");
    for (list, kinds) in lists {
        let elements = kinds.iter().enumerate().map(|(i, kind)| {
            let mut element = Object::new();
            element.push("value", format!("{list} \"{i}\"\\"));
            if let Some(kind) = kind {
                element.push("type", *kind);
            }
            Json::from(element)
        });
        body.push(*list, Json::Array(elements.collect()));
    }
    let of = user();
    check(body.into(), &of, Purpose::New, &dialect()).unwrap().into_document()
}

#[test]
fn what_a_browser_makes_of_a_value_is_that_value() {
    let [field, ..] = FIELDS;
    for (typed, shown, meant) in [
        ("x", "x", "x"),
        (" x ", "x", "x"),
        (" x ", " x ", " x "),
        ("x", " x ", "x"),
        ("ab", "a\r\nb", "a\r\nb"),
        ("", "\n", "\n"),
        ("", "x", ""),
        ("  ", "", ""),
        ("a b", "ab", "a b"),
    ] {
        assert_eq!(field.meant(typed, shown), meant, "{typed:?} {shown:?}");
    }
}

#[test]
fn a_refusal_finds_its_field() {
    let at = |path: &str| FIELDS.iter().find(|f| f.is_at(path)).map(|f| f.id);
    let department = format!("{ENTERPRISE_SCHEMA}:department");
    for (path, id) in [
        ("userName", Some("user-name")),
        ("name.givenName", Some("given-name")),
        ("emails.value", Some("email")),
        ("emails", Some("email")),
        ("emailsX", None),
        (&department, Some("department")),
        ("name", None),
        ("", None),
    ] {
        assert_eq!(at(path), id, "{path}");
    }
}

proptest! {
    /// What is written into a field is read from it, and nothing else has changed.
    #[test]
    fn what_is_written_is_read(
        emails in proptest::collection::vec(proptest::option::of(prop::sample::select(vec!["work", "Work", "home"])), 0..4),
        phones in proptest::collection::vec(proptest::option::of(prop::sample::select(vec!["work", "mobile"])), 0..3),
        writes in proptest::collection::vec((0..FIELDS.len(), "[a-z\"\\\\@ é]{0,6}"), 0..8),
    ) {
        let mut document = person(&[("emails", emails), ("phoneNumbers", phones)]);
        for (which, text) in writes {
            let field = FIELDS[which];
            let text = text.trim();
            let others: Vec<&str> = FIELDS.iter().filter(|f| f.id != field.id).map(|f| f.of(&document)).collect();
            let count = |document: &Object, list: &str| elements(document, list).count();
            let was = (field.of(&document).is_empty(), count(&document, "emails"), count(&document, "phoneNumbers"));
            if (field.required && text.is_empty()) || text == field.of(&document) {
                continue;
            }
            let after = patched(&document, field.operation(&document, text));
            let now: Vec<&str> = FIELDS.iter().filter(|f| f.id != field.id).map(|f| f.of(&after)).collect();
            prop_assert_eq!(others, now);
            if let (Place::Work(list), "") = (field.place, text) {
                // The next one for work, if there is one, takes its place.
                prop_assert_eq!(count(&after, list) + 1, if list == "emails" { was.1 } else { was.2 });
            } else {
                prop_assert_eq!(field.of(&after), text);
            }
            document = after;
        }
    }
}
