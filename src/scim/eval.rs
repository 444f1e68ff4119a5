//! THE meaning of a filter: whether a resource passes it. The store may narrow the search down; this decides.

use std::cmp::Ordering;

use serde_json::Number;

use super::bound::{BoundFilter, Test};
use super::filter::Op;
use super::json::{Json, Object};
use super::name::fold;
use super::number::compare as compare_numbers;
use super::path::BoundPath;
use super::resource::is_primary;
use super::time::date_time;

/// Does the resource pass? It is whole: `id`, `meta`, `groups` and `members` are in it where the filter names them.
///
/// An operator on a multi-valued attribute holds when it holds for any of its values (RFC 7644 §3.4.2.2); so does `ne`.
/// An attribute without a value is not equal to any value: `ne` holds, every other operator does not (an interpretation:
/// the RFC does not say).
pub fn matches(filter: &BoundFilter<'_>, resource: &Object) -> bool {
    match filter {
        BoundFilter::And(parts) => parts.iter().all(|p| matches(p, resource)),
        BoundFilter::Or(parts) => parts.iter().any(|p| matches(p, resource)),
        BoundFilter::Not(part) => !matches(part, resource),
        BoundFilter::Present(path) => values(path, resource).any(is_assigned),
        BoundFilter::Compare(path, test) => compare(path, test, resource),
        BoundFilter::Within(path, inner) => {
            values(path, resource).filter_map(Json::as_object).any(|e| matches(inner, e))
        }
        BoundFilter::Nothing => false,
    }
}

/// The values that a path leads to; those of all elements where it passes through a multi-valued attribute.
pub fn values<'r>(path: &BoundPath<'_>, resource: &'r Object) -> impl Iterator<Item = &'r Json> {
    let home = match path.extension {
        Some(e) => resource.get(&e.id).and_then(Json::as_object),
        None => Some(resource),
    };
    let found = home.and_then(|h| h.get(&path.attribute.name)).map(Json::elements).unwrap_or_default();
    let sub = path.sub.map(|s| s.name.clone());
    found.iter().flat_map(move |v| match &sub {
        None => std::slice::from_ref(v),
        Some(sub) => v.as_object().and_then(|o| o.get(sub)).map(Json::elements).unwrap_or_default(),
    })
}

/// `pr`: "has a non-empty or non-null value, or contains a non-empty node" (table 3).
fn is_assigned(value: &Json) -> bool {
    match value {
        Json::Null => false,
        Json::String(s) => !s.is_empty(),
        Json::Array(a) => a.iter().any(is_assigned),
        Json::Object(o) => o.iter().any(|(_, v)| is_assigned(v)),
        Json::Bool(_) | Json::Number(_) => true,
    }
}

fn compare(path: &BoundPath<'_>, test: &Test, resource: &Object) -> bool {
    let mut found = values(path, resource).filter(|v| **v != Json::Null).peekable();
    match test {
        Test::Absent(absent) => found.peek().is_none() == *absent,
        Test::Text { op: Op::Ne, .. }
        | Test::Binary { op: Op::Ne, .. }
        | Test::Bool(Op::Ne, _)
        | Test::Number(Op::Ne, _)
        | Test::Time(Op::Ne, _) => found.peek().is_none() || found.any(|v| passes(test, v)),
        _ => found.any(|v| passes(test, v)),
    }
}

fn passes(test: &Test, value: &Json) -> bool {
    match (test, value) {
        (Test::Text { op, value: wanted, exact: true, .. }, Json::String(text)) => text_passes(*op, text, wanted),
        (Test::Text { op, value: wanted, exact: false, .. }, Json::String(text)) => {
            text_passes(*op, &fold(text), wanted)
        }
        (Test::Binary { op, value: wanted, .. }, Json::String(text)) => {
            ordered(*op, text.trim_end_matches('=').cmp(wanted))
        }
        (Test::Bool(op, wanted), Json::Bool(is)) => ordered(*op, is.cmp(wanted)),
        (Test::Number(op, wanted), Json::Number(is)) => ordered(*op, compare_numbers(is, wanted)),
        (Test::Time(op, wanted), Json::String(text)) => date_time(text).is_some_and(|is| ordered(*op, is.cmp(wanted))),
        _ => false,
    }
}

fn text_passes(op: Op, text: &str, wanted: &str) -> bool {
    match op {
        Op::Co => text.contains(wanted),
        Op::Sw => text.starts_with(wanted),
        Op::Ew => text.ends_with(wanted),
        _ => ordered(op, text.cmp(wanted)),
    }
}

fn ordered(op: Op, order: Ordering) -> bool {
    match op {
        Op::Eq => order.is_eq(),
        Op::Ne => order.is_ne(),
        Op::Gt => order.is_gt(),
        Op::Ge => order.is_ge(),
        Op::Lt => order.is_lt(),
        Op::Le => order.is_le(),
        Op::Co | Op::Sw | Op::Ew => false,
    }
}

/// What sorts a resource by a path (RFC 7644 §3.4.2.3): the primary value of a multi-valued attribute, else its first;
/// text without case unless `caseExact`. `None` sorts last in ascending order.
#[derive(Debug, Clone, PartialEq)]
pub enum SortKey {
    /// false before true
    Bool(bool),
    /// by size
    Number(Number),
    /// by time
    Time(jiff::Timestamp),
    /// by code point
    Text(String),
}

impl PartialOrd for SortKey {
    /// One attribute has values of one kind.
    fn partial_cmp(&self, other: &SortKey) -> Option<Ordering> {
        match (self, other) {
            (SortKey::Bool(a), SortKey::Bool(b)) => Some(a.cmp(b)),
            (SortKey::Number(a), SortKey::Number(b)) => Some(compare_numbers(a, b)),
            (SortKey::Time(a), SortKey::Time(b)) => Some(a.cmp(b)),
            (SortKey::Text(a), SortKey::Text(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }
}

/// The sort key of a resource.
pub fn sort_key(path: &BoundPath<'_>, resource: &Object) -> Option<SortKey> {
    let path = path.to_value();
    let whole = BoundPath { sub: None, ..path };
    let chosen = values(&whole, resource).find(|v| is_primary(v)).or_else(|| values(&whole, resource).next())?;
    let value = match path.sub {
        Some(sub) => chosen.as_object()?.get(&sub.name)?,
        None => chosen,
    };
    Some(match value {
        Json::Bool(b) => SortKey::Bool(*b),
        Json::Number(n) => SortKey::Number(n.clone()),
        Json::String(s) => match path.leaf().kind {
            super::schema::Type::DateTime => SortKey::Time(date_time(s)?),
            _ if path.leaf().case_exact => SortKey::Text(s.clone()),
            _ => SortKey::Text(fold(s)),
        },
        _ => return None,
    })
}
