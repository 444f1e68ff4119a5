//! The rules that can be told from the JSON alone.

use super::super::catalog::Catalog;
use super::super::resource::{Purpose, check};
use super::*;

fn patch(operation: &str) -> (String, RuleSet) {
    let dialect = Dialect::tolerant();
    let catalog = Catalog::built_in().unwrap();
    let of = if operation.contains("members") { "Group" } else { "User" };
    let user = catalog.resource_type(of).unwrap();
    let settled = dialect.settle_patch(vec![Json::parse(operation.as_bytes()).unwrap()], user).unwrap();
    (Json::Array(settled).text(), dialect.used())
}

#[test]
fn every_rule_has_its_bit_and_its_name() {
    for (i, (name, rule)) in RULES.iter().enumerate() {
        assert_eq!(*rule as usize, i, "{name}");
    }
    assert_eq!(RuleSet::all().names().count(), RULES.len());
}

#[test]
fn keys_that_are_paths_become_operations() {
    let (text, used) = patch(
        r#"{"op":"replace","value":{"displayName":"A","name.givenName":"B","emails[type eq \"work\"].value":"c"}}"#,
    );
    assert_eq!(
        text,
        r#"[{"op":"replace","value":{"displayName":"A"}},{"op":"replace","path":"name.givenName","value":"B"},{"op":"replace","path":"emails[type eq \"work\"].value","value":"c"}]"#
    );
    assert_eq!(used.names().collect::<Vec<_>>(), ["path-keys"]);
}

#[test]
fn a_removal_by_value_names_only_what_it_lists() {
    let (text, _) = patch(r#"{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u1"},{"value":"u\"2"}]}"#);
    assert_eq!(
        text,
        r#"[{"op":"remove","path":"members[value eq \"u1\"]"},{"op":"remove","path":"members[value eq \"u\\\"2\"]"}]"#
    );
}

#[test]
fn what_a_key_has_become_is_settled_like_any_operation() {
    let (text, used) = patch(
        r#"{"op":"Replace","value":{"roles[primary eq \"True\"].value":"{\"value\":\"USER\",\"displayName\":\"User\"}"}}"#,
    );
    assert_eq!(text, r#"[{"op":"replace","path":"roles[primary eq \"True\"].value","value":"USER"}]"#);
    assert!(used.has(Rule::RolesJsonText));
    let (text, _) = patch(r#"{"op":"remove","value":{"name.givenName":"A","emails.type":""}}"#);
    assert_eq!(text, r#"[{"op":"remove","path":"name.givenName"},{"op":"remove","path":"emails.type"}]"#);
}

#[test]
fn what_is_settled_is_settled() {
    let catalog = Catalog::built_in().unwrap();
    let user = catalog.resource_type("User").unwrap();
    let core = &user.schema.id;
    for body in [
        format!(r#"{{"{core}":{{"{core}":{{"userName":"a"}}}}}}"#),
        format!(r#"{{"{core}":{{"title":"a"}},"{}":{{"userName":"a"}}}}"#, core.to_uppercase()),
        r#"{"department":"1","DEPARTMENT":"2"}"#.into(),
        r#"{"roles":["{\"value\":\"{\\\"value\\\":\\\"USER\\\"}\"}"]}"#.into(),
        r#"{"roles":[{"value":"{\"value\":\"{\\\"value\\\":\\\"USER\\\"}\"}"}]}"#.into(),
    ] {
        let Ok(Json::Object(mut settled)) = Json::parse(body.as_bytes()) else { panic!("{body}") };
        Dialect::tolerant().settle_resource(&mut settled, user);
        let (once, dialect) = (settled.clone(), Dialect::tolerant());
        dialect.settle_resource(&mut settled, user);
        assert_eq!((settled, dialect.used()), (once, RuleSet::default()), "{body}");
    }
}

#[test]
fn an_attribute_that_stands_twice_at_the_top_is_refused() {
    let catalog = Catalog::built_in().unwrap();
    let body = Json::parse(br#"{"userName":"a","department":"1","DEPARTMENT":"2"}"#).unwrap();
    let user = catalog.resource_type("User").unwrap();
    let fault = check(body, user, Purpose::New, &Dialect::tolerant()).unwrap_err();
    assert_eq!(fault.kind, Kind::InvalidSyntax, "{fault}");
}

#[test]
fn what_is_right_is_left_alone() {
    let right = r#"{"op":"replace","path":"active","value":false}"#;
    assert_eq!(patch(right), (format!("[{right}]"), RuleSet::default()));
}

#[test]
fn a_packed_role_is_unpacked() {
    let (text, _) = patch(
        r#"{"op":"add","path":"roles","value":[{"value":"{\"id\":\"8\",\"value\":\"USER\",\"displayName\":\"User\"}"}]}"#,
    );
    assert_eq!(text, r#"[{"op":"add","path":"roles","value":[{"value":"USER","display":"User"}]}]"#);
}
