//! Filters, and the queries around them.

use scim_appliance::scim::catalog::ResourceType;
use scim_appliance::scim::dialect::Dialect;
use scim_appliance::scim::eval::{matches, sort_key};
use scim_appliance::scim::filter::Filter;
use scim_appliance::scim::json::{Json, Object};
use scim_appliance::scim::list::{Query, SEARCH_REQUEST};
use scim_appliance::scim::path::Place;
use scim_appliance::scim::project::Projection;
use scim_appliance::scim::schema::{Attribute, Returned};

use super::{grown, samples, strict, written};

/// A filter that is read is written as a filter that reads the same and decides the same; with no rule needed, it is
/// what the RFC makes of it.
pub fn filter(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let dialect = Dialect::tolerant();
    let exact = Filter::parse(text, &strict());
    let filter = match Filter::parse(text, &dialect) {
        Ok(filter) => filter,
        Err(fault) => {
            assert!(exact.is_err(), "{text}: only without rules it is no {fault}");
            return;
        }
    };
    assert!(!dialect.used().is_empty() || exact.as_ref() == Ok(&filter), "{text}: {filter:?}, {exact:?}");
    let printed = written::filter(&filter);
    let again = Filter::parse(&printed, &strict());
    assert!(again.as_ref() == Ok(&filter) || grown(&printed, &dialect), "{text} as {printed}: {again:?}");
    for of in &samples::catalog().resource_types {
        decide(text, &filter, of);
    }
}

fn decide(text: &str, filter: &Filter, of: &ResourceType) {
    let dialect = Dialect::tolerant();
    let Ok(bound) = filter.bind(of, &dialect) else {
        assert!(filter.bind(of, &strict()).is_err(), "{text}: only the letter of the RFC allows it");
        return;
    };
    let exact = filter.bind(of, &strict());
    let negated = Filter::Not(Box::new(filter.clone()));
    let negated = negated.bind(of, &dialect).expect("what can be bound can be denied");
    for resource in samples::resources(of) {
        let passes = matches(&bound, resource);
        assert_eq!(matches(&negated, resource), !passes, "{text}");
        if dialect.used().is_empty() {
            assert_eq!(exact.as_ref().map(|e| matches(e, resource)), Ok(passes), "{text}");
        }
    }
}

/// A query reads the same from a URL and from a body; what it selects holds to what the schema says of each attribute.
pub fn query(input: &[u8]) {
    let dialect = Dialect::tolerant();
    let settled = std::str::from_utf8(input).ok().and_then(|text| dialect.settle_query(text));
    let pairs: Vec<_> = form_urlencoded::parse(settled.as_ref().map_or(input, String::as_bytes)).collect();
    let read = Query::from_pairs(pairs.iter().map(|(n, v)| (n.as_ref(), v.as_ref())), &dialect);
    let Ok(query) = read else { return };
    assert!(query.start_index >= 1);
    let mut body = Object::new();
    body.push("schemas", Json::Array(vec![SEARCH_REQUEST.into()]));
    // What is empty is not there, but for a cursor: an empty one asks for the first page.
    let says = |n: &str, v: &str| !v.is_empty() || n.eq_ignore_ascii_case("cursor");
    for (name, value) in pairs.iter().filter(|(n, v)| says(n, v) && !n.eq_ignore_ascii_case("schemas")) {
        if name.to_ascii_lowercase().ends_with("attributes") {
            body.push(name.as_ref(), Json::Array(value.split(',').map(Json::from).collect()));
        } else if body.find(name).is_none() {
            body.push(name.as_ref(), value.as_ref());
        }
    }
    assert_eq!(Query::from_body(body.into(), &Dialect::tolerant()).as_ref(), Ok(&query));
    for of in &samples::catalog().resource_types {
        let sorted = query.sort_by.as_ref().and_then(|p| p.bind(of, &dialect));
        let projection = Projection::bind(&query, of, &dialect);
        for resource in samples::resources(of) {
            if let Some(Place::Attribute(path)) = &sorted {
                let key = sort_key(path, resource);
                assert_eq!(key, key.clone(), "a key that is not itself has no place in an order");
            }
            show(&projection, resource, of);
        }
    }
}

/// `always` and `never` hold whatever is asked for (RFC 7643 §7); nothing is added, and nothing shown is changed.
fn show(projection: &Projection<'_>, resource: &Object, of: &ResourceType) {
    let mut secretive = resource.clone();
    secretive.push("password", "secret");
    let mut seen = secretive.clone();
    projection.apply(&mut seen, of);
    for attribute in of.common.attributes.iter().chain(&of.schema.attributes) {
        let (before, after) = (secretive.get(&attribute.name), seen.get(&attribute.name));
        match attribute.returned {
            Returned::Always => assert_eq!(before.is_some(), after.is_some(), "{} is not shown", attribute.name),
            Returned::Never => assert_eq!(after, None, "{} is shown", attribute.name),
            Returned::Default | Returned::Request => assert!(after.is_none() || before.is_some()),
        }
        if let (Some(before), Some(after)) = (before, after) {
            parts(attribute, before, after);
        }
    }
    let once = seen.clone();
    projection.apply(&mut seen, of);
    assert_eq!(seen, once, "what is selected twice is selected");
}

/// The same of the parts of each element that is shown; elements of which nothing is shown are gone.
fn parts(attribute: &Attribute, before: &Json, after: &Json) {
    if !attribute.is_complex() {
        assert_eq!(before, after, "{}", attribute.name);
        return;
    }
    let within = |inner: &Object, outer: &Object| inner.iter().all(|(n, v)| outer.get(n) == Some(v));
    for element in after.elements().iter().filter_map(Json::as_object) {
        let mut whole = before.elements().iter().filter_map(Json::as_object);
        assert!(whole.any(|w| within(element, w)), "{}: {element:?} was not there", attribute.name);
        for part in attribute.sub_attributes.iter().filter(|p| p.returned == Returned::Never) {
            assert_eq!(element.get(&part.name), None, "{}.{} is shown", attribute.name, part.name);
        }
    }
}
