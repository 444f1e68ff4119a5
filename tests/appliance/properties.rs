//! What must hold of every request of a kind: a PATCH that is sent twice, a PUT of what a GET has shown, and what an
//! answer may show.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use scim_appliance::scim::catalog::ResourceType;
use scim_appliance::scim::dialect::Dialect;
use scim_appliance::scim::json::{Json, Object};
use scim_appliance::scim::list::Query;
use scim_appliance::scim::patch::{Patch, PatchPlan, Step};
use scim_appliance::scim::project::Projection;
use scim_appliance::scim::resource::{Purpose, check};
use scim_appliance::scim::schema::{Attribute, Mutability, Returned};
use serde_json::{Value, json};

use crate::corpora::targets::samples;
use crate::peers::messages::{person, sent};
use crate::support::Appliance;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() })
}

fn named(mut of: Value, name: &str) -> Value {
    of["userName"] = name.into();
    of
}

/// A value for an attribute: the shape that its schema wants.
fn value_for(path: &'static str) -> BoxedStrategy<Value> {
    let text = || proptest::sample::select(vec!["a", "A", "b", "ä ß", "x@x.io", "\"\\"]);
    // No `type`: an operation that changes what its own filter looks for has another target the second time.
    let element = (text(), proptest::option::of(text()), proptest::option::of(any::<bool>())).prop_map(|(v, d, p)| {
        let mut element = json!({"value": v});
        if let Some(display) = d {
            element["display"] = display.into();
        }
        if let Some(primary) = p {
            element["primary"] = primary.into();
        }
        element
    });
    match path {
        "active" => any::<bool>().prop_map(Value::from).boxed(),
        "name" => {
            (text(), proptest::option::of(text())).prop_map(|(g, f)| json!({"givenName": g, "familyName": f})).boxed()
        }
        "emails" | "roles" => proptest::collection::vec(element, 0..3).prop_map(Value::from).boxed(),
        "addresses" => text().prop_map(|t| json!([{"locality": t, "type": "work"}])).boxed(),
        "emails[]" => element.boxed(),
        _ if path.ends_with("manager") => text().prop_map(|t| json!({"value": t})).boxed(),
        _ if path.ends_with(":User") => text().prop_map(|t| json!({"department": t, "costCenter": null})).boxed(),
        _ => text().prop_map(Value::from).boxed(),
    }
}

/// One operation of RFC 7644 §3.5.2, with its path written in one of the ways that it can be.
fn operation() -> impl Strategy<Value = Value> {
    const EQUALITIES: [&str; 2] = ["type eq \"a\"", "type eq \"nobody has it\""];
    const PLAIN: [&str; 12] = [
        "title",
        "externalId",
        "active",
        "name",
        "name.givenName",
        "emails",
        "roles",
        "addresses",
        "emails.display",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager",
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department",
    ];
    let whole = proptest::sample::select(PLAIN.to_vec()).prop_flat_map(|path| (Just(path.to_owned()), value_for(path)));
    let others = ["type pr", "not (type eq \"b\")", "type eq \"a\" or type eq \"b\""];
    let filters = EQUALITIES.into_iter().chain(others).collect::<Vec<_>>();
    let filtered = (proptest::sample::select(filters), any::<bool>()).prop_flat_map(|(filter, part)| {
        let path = format!("emails[{filter}]{}", if part { ".display" } else { "" });
        (Just(path), value_for(if part { "display" } else { "emails[]" }))
    });
    let keys = proptest::sample::select(PLAIN.iter().copied().filter(|p| !p.contains(['.', '['])).collect::<Vec<_>>());
    let pathless = keys.prop_flat_map(|path| value_for(path).prop_map(move |v| (String::new(), json!({path: v}))));
    let target = prop_oneof![3 => whole, 2 => filtered, 1 => pathless];
    (target, proptest::sample::select(vec!["add", "replace", "remove"])).prop_map(|((path, value), op)| {
        match (path.as_str(), op) {
            ("", "remove") => json!({"op": "remove", "path": "title"}),
            ("", op) => json!({"op": op, "value": value}),
            (path, "remove") => json!({"op": "remove", "path": path}),
            // An element that is replaced keeps only what equalities say of it: any other filter might not find it again.
            (path, "replace") if path.ends_with(']') && !EQUALITIES.iter().any(|e| path == format!("emails[{e}]")) => {
                json!({"op": "add", "path": path, "value": value})
            }
            (path, op) => json!({"op": op, "path": path, "value": value}),
        }
    })
}

/// Somebody whose e-mails have types that the operations look for.
fn somebody() -> impl Strategy<Value = Value> {
    let types = proptest::collection::vec(proptest::sample::select(vec!["a", "b", "c"]), 4);
    (person(), types).prop_map(|(person, types)| {
        let mut person = named(sent(&person), "somebody");
        for (email, kind) in person["emails"].as_array_mut().into_iter().flatten().zip(types) {
            email["type"] = kind.into();
        }
        person
    })
}

fn user() -> &'static Arc<ResourceType> {
    samples::catalog().resource_type("User").unwrap()
}

fn tree(value: &Value) -> Json {
    Json::parse(value.to_string().as_bytes()).unwrap()
}

fn patched(document: &Object, operation: &Value) -> Result<Object, String> {
    let dialect = Dialect::tolerant();
    let body = tree(&json!({"Operations": [operation]}));
    let plan =
        Patch::parse(body, user(), &dialect).and_then(|p| p.plan(user(), &dialect)).map_err(|f| f.to_string())?;
    let mut after = document.clone();
    for step in &plan.steps {
        let Step::Document(step) = step else { return Err("people have no members".into()) };
        step.apply(&mut after, &dialect).map_err(|f| f.to_string())?;
    }
    PatchPlan::finish(document, &mut after, user()).map_err(|f| f.to_string())?;
    Ok(after)
}

/// "If the value already exists, no changes SHOULD be made" (§3.5.2.1); what was replaced is replaced by itself
/// (§3.5.2.3); what is gone is gone (§3.5.2.2).
#[test]
fn an_operation_twice_is_the_operation_once() {
    let (done, changed) = (std::cell::Cell::new(0), std::cell::Cell::new(0));
    let outcome = runner(800).run(&(somebody(), operation()), |(body, operation)| {
        let checked = check(tree(&body), user(), Purpose::New, &Dialect::tolerant());
        let before = checked.map_err(|f| TestCaseError::fail(f.to_string()))?.into_document();
        let Ok(once) = patched(&before, &operation) else { return Ok(()) };
        let twice = patched(&once, &operation).map_err(|why| TestCaseError::fail(format!("{operation}: {why}")))?;
        prop_assert_eq!(&twice, &once, "{}", operation);
        done.set(done.get() + 1);
        changed.set(changed.get() + u32::from(once != before));
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
    assert!(done.get() > 400 && changed.get() > 250, "{} done, {} changed something", done.get(), changed.get());
}

/// The same over the wire, where what changes nothing moves neither version nor time; and a PUT of what a GET has shown.
#[test]
fn what_changes_nothing_moves_nothing() {
    let appliance = Appliance::start();
    let count = std::cell::Cell::new(0);
    let outcome = runner(40).run(&(somebody(), operation()), |(body, operation)| {
        count.set(count.get() + 1);
        let made = appliance.post("/Users", named(body, &format!("somebody{}", count.get())));
        prop_assert_eq!(made.status, 201, "{}", made.body);
        let path = format!("/Users/{}", made.json()["id"].as_str().unwrap());
        let shown = appliance.get(&path);
        prop_assert_eq!(made.json(), shown.json());

        let put = appliance.put(&path, shown.json());
        prop_assert_eq!((put.status, put.json()), (200, shown.json()));
        prop_assert_eq!(put.header("etag"), shown.header("etag"));

        let message = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": [operation]});
        let once = appliance.patch(&path, message.clone());
        if once.status == 200 {
            let twice = appliance.patch(&path, message);
            prop_assert_eq!((twice.status, twice.json()), (200, once.json()));
            prop_assert_eq!(twice.header("etag"), once.header("etag"));
        } else {
            prop_assert_eq!(once.status, 400, "{}", once.body);
        }
        let seen = appliance.get(&path).json();
        prop_assert_eq!(&appliance.put(&path, seen.clone()).json(), &seen);
        prop_assert_eq!(&appliance.get(&path).json(), &seen);
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));

    let ids: Vec<Value> = appliance.get("/Users?count=3").json()["Resources"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| json!({"value": r["id"]}))
        .collect();
    let made = appliance.post("/Groups", json!({"displayName": "g", "externalId": "e", "members": ids}));
    let path = format!("/Groups/{}", made.json()["id"].as_str().unwrap());
    let shown = appliance.get(&path);
    assert_eq!(shown.json()["members"].as_array().map(Vec::len), Some(3));
    let put = appliance.put(&path, shown.json());
    assert_eq!((put.status, put.json(), put.header("etag")), (200, shown.json(), shown.header("etag")));
    for operation in [
        json!({"op": "add", "path": "members", "value": ids}),
        json!({"op": "replace", "path": "members", "value": ids}),
        json!({"op": "replace", "path": "displayName", "value": "g"}),
        json!({"op": "remove", "path": "members[value eq \"nobody\"]"}),
    ] {
        let answer = appliance.patch(&path, json!({"Operations": [operation]}));
        assert_eq!((answer.status, answer.json()), (200, shown.json()), "{operation}");
        assert_eq!(answer.header("etag"), shown.header("etag"), "{operation}");
    }
}

/// The resource type with other characteristics: when each attribute and each part is returned.
fn characterised(returned: &[Returned]) -> ResourceType {
    let mut next = returned.iter().copied().cycle();
    let mut change = |attributes: &mut Vec<Attribute>| {
        for attribute in attributes {
            attribute.returned = next.next().unwrap();
            for part in &mut attribute.sub_attributes {
                part.returned = next.next().unwrap();
            }
        }
    };
    let mut of = user().as_ref().clone();
    change(&mut Arc::make_mut(&mut of.schema).attributes);
    for (extension, _) in &mut of.extensions {
        change(&mut Arc::make_mut(extension).attributes);
    }
    of
}

/// The same with other mutabilities too.
fn mutable(mut of: ResourceType, mutability: &[Mutability]) -> ResourceType {
    let mut next = mutability.iter().copied().cycle();
    let mut become_other = |attribute: &mut Attribute| {
        attribute.mutability = next.next().unwrap();
        if attribute.mutability == Mutability::WriteOnly {
            attribute.returned = Returned::Never;
        }
    };
    let mut change = |attributes: &mut Vec<Attribute>| {
        for attribute in attributes {
            become_other(attribute);
            attribute.sub_attributes.iter_mut().for_each(&mut become_other);
        }
    };
    change(&mut Arc::make_mut(&mut of.schema).attributes);
    of.extensions.iter_mut().for_each(|(extension, _)| change(&mut Arc::make_mut(extension).attributes));
    of
}

/// RFC 7644 §3.5.1: whoever writes back what was read takes nothing away, whatever of it was hidden, fixed or the server's.
#[test]
fn a_put_of_what_is_shown_changes_nothing_whatever_is_shown() {
    let kinds = vec![Returned::Always, Returned::Never, Returned::Default, Returned::Default, Returned::Request];
    let returned = proptest::collection::vec(proptest::sample::select(kinds), 1..160);
    let kinds = vec![
        Mutability::ReadWrite,
        Mutability::ReadWrite,
        Mutability::WriteOnly,
        Mutability::Immutable,
        Mutability::ReadOnly,
    ];
    let mutability = proptest::collection::vec(proptest::sample::select(kinds), 1..160);
    let dialect = Dialect::tolerant();
    let outcome =
        runner(800).run(&(somebody(), returned, mutability, any::<bool>()), |(body, returned, mutability, merges)| {
            let fail = |f: scim_appliance::scim::fault::Fault| TestCaseError::fail(f.to_string());
            let before = check(tree(&body), user(), Purpose::New, &dialect).map_err(fail)?.into_document();
            let of = mutable(characterised(&returned), &mutability);
            let mut shown = before.clone();
            let query = Query::from_pairs(std::iter::empty(), &dialect).unwrap();
            Projection::bind(&query, &of, &dialect).apply(&mut shown, &of);
            let purpose = if merges { Purpose::Partial } else { Purpose::Whole };
            let put = check(Json::Object(shown.clone()), &of, purpose, &dialect).map_err(fail)?;
            let after = scim_appliance::scim::merge::replace(&before, put, &of, merges, &dialect).map_err(fail)?;
            prop_assert_eq!(&after, &before, "{}", shown.text());
            Ok(())
        });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}

/// Names of attributes and parts as a client writes them, and some that nobody has.
fn selection() -> impl Strategy<Value = Vec<String>> {
    let names = |prefix: String, attributes: &[Attribute]| -> Vec<String> {
        let with_parts = |a: &Attribute| {
            let parts = a.sub_attributes.iter().map(|p| format!("{prefix}{}.{}", a.name, p.name)).collect::<Vec<_>>();
            [vec![format!("{prefix}{}", a.name)], parts].concat()
        };
        attributes.iter().flat_map(with_parts).collect()
    };
    let of = user();
    let mut all = names(String::new(), &of.schema.attributes);
    all.extend(names(format!("{ENTERPRISE}:"), &of.extension(ENTERPRISE).unwrap().attributes));
    all.extend(
        ["id", "meta", "meta.version", "shoeSize", ENTERPRISE, &of.schema.id, "EMAILS.VALUE"].map(str::to_owned),
    );
    proptest::collection::vec(proptest::sample::select(all), 0..6)
}

/// What must be true of one attribute before and after: RFC 7643 §7 `returned`, RFC 7644 §3.9.
fn shown_as_it_must_be(attribute: &Attribute, before: Option<&Json>, after: Option<&Json>) -> Result<(), String> {
    let name = &attribute.name;
    let part = |p: &Attribute, value: &Json| value.as_object().is_some_and(|o| o.get(&p.name).is_some());
    let always = |p: &&Attribute| p.returned == Returned::Always;
    if attribute.returned == Returned::Never && after.is_some() {
        return Err(format!("{name} is shown and must never be"));
    }
    for element in after.map(Json::elements).unwrap_or_default() {
        let secret = attribute.sub_attributes.iter().find(|p| p.returned == Returned::Never && part(p, element));
        if let Some(secret) = secret {
            return Err(format!("{name}.{} is shown and must never be", secret.name));
        }
    }
    let Some(before) = before else { return Ok(()) };
    let visible =
        |e: &Json| !attribute.is_complex() || attribute.sub_attributes.iter().filter(always).any(|p| part(p, e));
    let expected = before.elements().iter().filter(|e| visible(e));
    let all_there = |after: &Json| {
        let parts = attribute.sub_attributes.iter().filter(always);
        let count = |p: &Attribute, value: &Json| value.elements().iter().filter(|e| part(p, e)).count();
        parts.clone().all(|p| count(p, before) == count(p, after))
    };
    match after {
        None if attribute.returned == Returned::Always && expected.count() > 0 => {
            Err(format!("{name} is not shown and must always be"))
        }
        Some(after) if !all_there(after) => Err(format!("a part of {name} is not shown and must always be")),
        _ => Ok(()),
    }
}

#[test]
fn answers_always_show_what_is_always_returned_and_never_what_never_is() {
    let kinds = vec![Returned::Always, Returned::Never, Returned::Default, Returned::Request];
    let returned = proptest::collection::vec(proptest::sample::select(kinds), 1..160);
    let dialect = Dialect::tolerant();
    let outcome = runner(600).run(&(returned, selection(), selection()), |(returned, only, excluded)| {
        let of = characterised(&returned);
        let pairs = [("attributes", only.join(",")), ("excludedAttributes", excluded.join(","))];
        let query = Query::from_pairs(pairs.iter().map(|(n, v)| (*n, v.as_str())), &dialect).unwrap();
        let projection = Projection::bind(&query, &of, &dialect);
        for before in samples::resources(user()) {
            let mut before = before.clone();
            before.push("password", "secret");
            let mut after = before.clone();
            projection.apply(&mut after, &of);
            prop_assert_eq!(after.get("id"), before.get("id"));
            prop_assert_eq!(after.get("schemas"), before.get("schemas"));
            let judge = |attribute: &Attribute, before: &Object, after: &Object| {
                let seen = (before.get(&attribute.name), after.get(&attribute.name));
                shown_as_it_must_be(attribute, seen.0, seen.1).map_err(TestCaseError::fail)
            };
            for attribute in &of.schema.attributes {
                judge(attribute, &before, &after)?;
                let asked = |list: &[String]| list.iter().any(|n| n.split('.').next() == Some(attribute.name.as_str()));
                if attribute.returned == Returned::Request && !asked(&only) && !only.iter().any(|n| n == "EMAILS.VALUE")
                {
                    prop_assert!(after.get(&attribute.name).is_none(), "{} was not asked for", attribute.name);
                }
            }
            let nothing = Object::new();
            let inside = |o: &Object| o.get(ENTERPRISE).and_then(Json::as_object).unwrap_or(&nothing).clone();
            for attribute in &of.extension(ENTERPRISE).unwrap().attributes {
                judge(attribute, &inside(&before), &inside(&after))?;
            }
        }
        Ok(())
    });
    outcome.unwrap_or_else(|e| panic!("{e}"));
}
