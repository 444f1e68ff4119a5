use super::super::catalog::Catalog;
use super::Declarations;

const URN: &str = "urn:example:a:1.0:User";

fn catalog(declarations: &str) -> Result<Catalog, (String, String)> {
    let declared: Declarations = serde_json::from_str(declarations).unwrap();
    let place = |at: &[super::Step]| {
        at.iter().map(|(key, i)| i.map_or((*key).to_owned(), |i| format!("{key}{i}"))).collect::<Vec<_>>().join("/")
    };
    Catalog::built_in().unwrap().with(&declared).map_err(|e| (place(&e.at), e.why))
}

fn extension(attributes: &str) -> String {
    format!(r#"{{"schema":[{{"id":"{URN}","extends":["User"],"attribute":[{attributes}]}}]}}"#)
}

#[test]
fn without_declarations_nothing_changes() {
    let (plain, same) = (Catalog::built_in().unwrap(), catalog("{}").unwrap());
    assert_eq!(plain.fingerprint_text(), same.fingerprint_text());
    let numbers: Vec<usize> = plain.resource_types.iter().map(|t| t.lookups.len()).collect();
    assert_eq!(numbers, [1, 0], "emails.value of a User, and nothing of a Group");
}

#[test]
fn what_is_indexed_or_unique_is_looked_up_under_a_number_of_its_own() {
    let catalog = catalog(&extension(
        r#"{"name":"a"},{"name":"b","indexed":true},{"name":"c","uniqueness":"server"},
           {"name":"d","type":"complex","sub_attribute":[{"name":"e","indexed":true}]}"#,
    ))
    .unwrap();
    let user = catalog.resource_type("User").unwrap();
    let found: Vec<_> = user.lookups.iter().map(|l| (l.number, l.unique, l.path().text())).collect();
    let at = |name: &str| format!("{URN}:{name}");
    assert_eq!(
        found,
        [(1, false, "emails.value".into()), (2, false, at("b")), (3, true, at("c")), (4, false, at("d.e"))]
    );
    assert!(catalog.resource_type("Group").unwrap().lookups.is_empty());
}

#[test]
fn the_fingerprint_sees_what_the_store_depends_on() {
    let of = |attribute: &str| catalog(&extension(attribute)).unwrap().fingerprint_text();
    let one = of(r#"{"name":"a"}"#);
    assert_eq!(one, of(r#"{"name":"a","type":"string","case_exact":false}"#));
    for other in [
        r#"{"name":"b"}"#,
        r#"{"name":"a","indexed":true}"#,
        r#"{"name":"a","case_exact":true}"#,
        r#"{"name":"a","uniqueness":"server"}"#,
        r#"{"name":"a","returned":"never"}"#,
        r#"{"name":"a"},{"name":"b"}"#,
    ] {
        assert_ne!(one, of(other), "{other}");
    }
}

#[test]
fn a_mistake_is_placed() {
    let of = |attributes: &str| catalog(&extension(attributes)).unwrap_err().0;
    assert_eq!(of(r#"{"name":"a"},{"name":"A"}"#), "schema0/attribute1/name");
    assert_eq!(of(r#"{"name":"a","type":"text"}"#), "schema0/attribute0/type");
    let part = r#"{"name":"a","type":"complex","sub_attribute":[{"name":"b"},{"name":"c","returned":"x"}]}"#;
    assert_eq!(of(part), "schema0/attribute0/sub_attribute1/returned");
    let none = r#"{"resource_type":[{"name":"T","endpoint":"/T","schema":"urn:example:b"}]}"#;
    assert_eq!(catalog(none).unwrap_err().0, "resource_type0/schema");
}

#[test]
fn a_urn_that_another_begins_with_is_told_apart() {
    use super::super::dialect::Dialect;
    use super::super::path::{AttrPath, Place};
    let two = r#"{"schema":[{"id":"urn:example:a:1","extends":["User"],"attribute":[{"name":"x"}]},
        {"id":"urn:example:a:1.0","extends":["User"],"attribute":[{"name":"y"}]}]}"#;
    let catalog = catalog(two).unwrap();
    let user = catalog.resource_type("User").unwrap();
    let bound = |path: &str| match AttrPath::parse(path).unwrap().bind(user, &Dialect::tolerant()) {
        Some(Place::Attribute(bound)) => bound.text(),
        Some(Place::Extension(e)) => e.id.clone(),
        other => format!("{other:?}"),
    };
    for path in ["urn:example:a:1:x", "urn:example:a:1.0:y", "urn:example:a:1", "urn:example:a:1.0"] {
        assert_eq!(bound(path), path);
    }
    assert_eq!(bound("urn:example:a:1.0:x"), "None");
}
