//! Two parsers of one grammar (RFC 7644 figure 1): texts that follow it, and texts that almost do. Where the two differ,
//! the difference is one of those that are listed here.

use std::str::FromStr;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scim_appliance::scim::catalog::Catalog;
use scim_appliance::scim::dialect::{Dialect, RuleSet};
use scim_appliance::scim::filter::{Filter, Literal};
use scim_appliance::scim::json::Json;
use scim_appliance::scim::path::{AttrPath, PatchPath};
use scim_v2::filter as peer;

/// The letter of the RFC.
fn strict() -> Dialect {
    Dialect::new(RuleSet::default())
}

/// What a filter means, in a notation that both share: operators in front, `and` inside `and` as one, blanks as the
/// grammar has them.
fn ours(filter: &Filter) -> String {
    fn flat(parts: &[Filter], is_and: bool, to: &mut Vec<String>) {
        for part in parts {
            match (part, is_and) {
                (Filter::And(inner), true) | (Filter::Or(inner), false) => flat(inner, is_and, to),
                _ => to.push(ours(part)),
            }
        }
    }
    let joined = |parts: &[Filter], is_and| {
        let mut texts = Vec::new();
        flat(parts, is_and, &mut texts);
        format!("{}({})", if is_and { "and" } else { "or" }, texts.join(", "))
    };
    match filter {
        Filter::And(parts) => joined(parts, true),
        Filter::Or(parts) => joined(parts, false),
        Filter::Not(part) => format!("not({})", ours(part)),
        Filter::Present(path) => format!("pr({})", path.as_str()),
        Filter::Compare(path, op, value) => {
            let value = match value {
                Literal::Text(text) => Json::from(text.as_str()).text(),
                Literal::Number(number) => number.to_string(),
                Literal::Bool(value) => value.to_string(),
                Literal::Null => "null".into(),
            };
            format!("{}({}, {value})", format!("{op:?}").to_lowercase(), path.as_str())
        }
        Filter::Within(path, inner) => format!("{}[{}]", path.as_str(), ours(inner)),
    }
}

fn theirs(filter: &peer::Filter) -> String {
    let joined = |parts: &[peer::Filter]| parts.iter().map(theirs).collect::<Vec<_>>().join(", ");
    match filter {
        peer::Filter::And(parts) => format!("and({})", joined(parts)),
        peer::Filter::Or(parts) => format!("or({})", joined(parts)),
        peer::Filter::Not(part) => format!("not({})", theirs(part)),
        peer::Filter::Attr(term) => their_term(term),
        peer::Filter::ValuePath(path) => format!("{}[{}]", path.attr, their_inside(&path.filter)),
    }
}

fn their_inside(filter: &peer::ValFilter) -> String {
    let joined = |parts: &[peer::ValFilter]| parts.iter().map(their_inside).collect::<Vec<_>>().join(", ");
    match filter {
        peer::ValFilter::And(parts) => format!("and({})", joined(parts)),
        peer::ValFilter::Or(parts) => format!("or({})", joined(parts)),
        peer::ValFilter::Not(part) => format!("not({})", their_inside(part)),
        peer::ValFilter::Attr(term) => their_term(term),
    }
}

fn their_term(term: &peer::AttrExp) -> String {
    match term {
        peer::AttrExp::Present(path) => format!("pr({path})"),
        peer::AttrExp::Comparison(path, op, value) => format!("{op}({path}, {value})"),
    }
}

fn our_path(path: &PatchPath) -> String {
    let inside = path.filter.as_ref().map(|f| format!("[{}]", ours(f))).unwrap_or_default();
    let sub = path.sub.as_ref().map(|s| format!(".{s}")).unwrap_or_default();
    format!("{}{inside}{sub}", path.attr.as_str())
}

fn their_path(path: &peer::PatchPath) -> String {
    match path {
        peer::PatchPath::Attr(path) => path.to_string(),
        peer::PatchPath::Value(path) => {
            let sub = path.sub_attr.as_ref().map(|s| format!(".{s}")).unwrap_or_default();
            format!("{}[{}]{sub}", path.attr, their_inside(&path.filter))
        }
    }
}

/// What stands outside of quotes, with each text in quotes as `""`.
fn unquoted(text: &str) -> String {
    let (mut shown, mut within, mut escaped) = (String::new(), false, false);
    for c in text.chars() {
        if c == '"' && !escaped {
            within = !within;
            shown.push(c);
        } else if !within {
            shown.push(c);
        }
        escaped = within && c == '\\' && !escaped;
    }
    shown
}

/// Why the peer may refuse what is read here.
///
/// - No blank where the grammar has SP, `a eq"b"` or `(a pr)and(b pr)` (§3.4.2.2, figure 1: `attrPath SP compareOp SP
///   compValue`): it is read here, since nothing else can be meant. `not(a pr)` is refused by the peer though the grammar
///   has no blank there.
/// - `$ref`: RFC 7643 §2.1 allows `$` in names, figure 1 forgets it, and so does the peer.
/// - Names that no schema has: keywords (`not pr`, `true eq 1`), names with two dots, a version at the end of a URN, a
///   bracket inside a bracket. Which attributes there are is said when a filter is bound; the peer has no schema to bind
///   to and refuses by shape.
fn may_be_refused_there(text: &str, binds: bool) -> bool {
    let bare = unquoted(text);
    let tight = |a: &str| bare.to_lowercase().contains(a);
    let blank_missing = ["\"and", "\"or", ")and", ")or", "]and", "]or", "and(", "or(", "not("].iter().any(|t| tight(t))
        || ["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"].iter().any(|op| tight(&format!("{op}\"")));
    !binds || blank_missing || bare.contains('$')
}

/// Why something may be read there that is refused here.
///
/// - A blank between a path and its bracket, `emails [type pr]`, or behind the bracket: figure 1 has none
///   (`attrPath "[" valFilter "]"`). In a path of PATCH, blanks at its ends or around the dot likewise (figure 7).
/// - The character NUL, which no value can hold here.
/// - A value that no JSON number is within reach of is refused by both; bounds of length are not met here.
fn may_be_refused_here(text: &str, is_path: bool) -> bool {
    let bare = unquoted(text);
    bare.contains(" [")
        || text.contains("\\u0000")
        || (is_path && (bare != bare.trim() || bare.contains("] ") || bare.contains(". ")))
}

/// True when some resource type has every attribute that the filter names.
fn binds(filter: &Filter, catalog: &Catalog) -> bool {
    catalog.resource_types.iter().any(|of| filter.bind(of, &strict()).is_ok())
}

fn path_binds(path: &PatchPath, catalog: &Catalog) -> bool {
    catalog.resource_types.iter().any(|of| match (path.attr.bind(of, &strict()), &path.filter, &path.sub) {
        (found, None, _) => found.is_some(),
        (Some(scim_appliance::scim::path::Place::Attribute(bound)), Some(filter), sub) => {
            filter.bind_parts(bound.attribute, &strict()).is_ok()
                && sub.as_ref().is_none_or(|s| bound.attribute.sub(s).is_some())
        }
        _ => false,
    })
}

fn name() -> impl Strategy<Value = String> {
    const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
    const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
    let own = ["userName", "TITLE", "emails", "name.givenName", "emails.value", "meta.lastModified", "id", "active"];
    let all = own.map(str::to_owned).into_iter().chain([
        format!("{USER}:userName"),
        format!("{USER}:name.familyName"),
        format!("{ENTERPRISE}:department"),
        format!("{ENTERPRISE}:manager.value"),
        "members.$ref".to_owned(),
    ]);
    prop_oneof![
        8 => proptest::sample::select(all.collect::<Vec<_>>()),
        1 => "[a-zA-Z][a-zA-Z0-9_-]{0,6}(\\.[a-z][A-Z0-9_-]{0,3})?",
    ]
}

fn value() -> impl Strategy<Value = String> {
    let text = prop_oneof![
        proptest::sample::select(vec![
            "",
            "work",
            "a b",
            "a]b",
            "(",
            ") and (",
            "\"",
            "\\",
            "\\\"",
            "not",
            "é",
            "\u{1f600}"
        ])
        .prop_map(str::to_owned),
        "\\PC{0,8}",
    ];
    prop_oneof![
        6 => text.prop_map(|t| Json::from(t).text()),
        1 => proptest::sample::select(vec!["true", "false", "null", "0", "-1", "1.5", "12e3", "\"\\u00e9\\/\\t\""])
            .prop_map(str::to_owned),
        1 => any::<i64>().prop_map(|n| n.to_string()),
    ]
}

fn cased(words: Vec<&'static str>) -> impl Strategy<Value = String> {
    (proptest::sample::select(words), 0u8..4).prop_map(|(word, how)| match how {
        0 => word.to_uppercase(),
        1 => word.replacen(|_| true, &word.to_uppercase().chars().take(1).collect::<String>(), 1),
        _ => word.to_owned(),
    })
}

fn operator() -> impl Strategy<Value = String> {
    cased(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"])
}

fn term() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (name(), operator(), value()).prop_map(|(n, o, v)| format!("{n} {o} {v}")),
        1 => (name(), cased(vec!["pr"])).prop_map(|(n, p)| format!("{n} {p}")),
    ]
}

fn composed(term: BoxedStrategy<String>) -> BoxedStrategy<String> {
    let join = |word| cased(vec![word]);
    term.prop_recursive(3, 12, 3, move |inner| {
        prop_oneof![
            (inner.clone(), join("and"), inner.clone()).prop_map(|(a, w, b)| format!("{a} {w} {b}")),
            (inner.clone(), join("or"), inner.clone()).prop_map(|(a, w, b)| format!("{a} {w} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            (join("not"), inner).prop_map(|(w, a)| format!("{w} ({a})")),
        ]
    })
    .boxed()
}

/// Filters of the grammar.
fn filter() -> BoxedStrategy<String> {
    let inside = composed(term().boxed());
    let value_path = (name(), inside).prop_map(|(n, f)| format!("{n}[{f}]"));
    composed(prop_oneof![3 => term(), 1 => value_path].boxed())
}

/// Paths of PATCH (figure 7).
fn path() -> BoxedStrategy<String> {
    let inside = composed(term().boxed());
    let sub = proptest::option::of("[a-z][A-Za-z0-9_-]{0,5}");
    prop_oneof![
        1 => name(),
        2 => (name(), inside, sub).prop_map(|(n, f, s)| format!("{n}[{f}]{}", s.map(|s| format!(".{s}")).unwrap_or_default())),
    ]
    .boxed()
}

/// A text with a few places changed: a character gone, doubled, or another one in its place.
fn changed(text: BoxedStrategy<String>) -> impl Strategy<Value = String> {
    let marks = "()[]\". \\-$:eqnotadrp10tf".chars().collect::<Vec<_>>();
    let change = (any::<prop::sample::Index>(), 0u8..4, proptest::sample::select(marks));
    (text, proptest::collection::vec(change, 1..3)).prop_map(|(text, changes)| {
        let mut chars: Vec<char> = text.chars().collect();
        for (place, how, mark) in changes {
            let at = place.index(chars.len().max(1));
            match how {
                0 if !chars.is_empty() => drop(chars.remove(at)),
                1 if !chars.is_empty() => chars[at] = mark,
                2 if !chars.is_empty() => chars.insert(at, chars[at]),
                _ => chars.insert(at, mark),
            }
        }
        chars.into_iter().collect()
    })
}

/// What became of the texts: read by both, by one, by none.
#[derive(Debug, Default)]
struct Count {
    both: u32,
    only_here: u32,
    only_there: u32,
    none: u32,
}

/// The same texts in every run: a witness that contradicts only on some days is none.
fn compare(
    texts: impl Strategy<Value = String>,
    cases: u32,
    judge: impl Fn(&str, &mut Count) -> Result<(), String>,
) -> Count {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let mut runner = match std::env::var_os("PROPTEST_CASES") {
        Some(_) => TestRunner::new(Config { failure_persistence: None, ..Config::default() }),
        None => TestRunner::new_with_rng(config, TestRng::deterministic_rng(RngAlgorithm::ChaCha)),
    };
    let count = std::cell::RefCell::new(Count::default());
    let outcome = runner.run(&texts, |text| judge(&text, &mut count.borrow_mut()).map_err(TestCaseError::fail));
    outcome.unwrap_or_else(|e| panic!("{e}"));
    count.into_inner()
}

/// Judges one text that both have read, or one of them, or none.
fn judged(
    text: &str,
    here: Option<(String, bool)>,
    there: Option<String>,
    is_path: bool,
    count: &mut Count,
) -> Result<(), String> {
    match (here, there) {
        (Some((here, _)), Some(there)) if here == there => count.both += 1,
        (Some((here, _)), Some(there)) => return Err(format!("{text}\nmeans {here}\nor    {there}")),
        (Some((here, binds)), None) => {
            if !may_be_refused_there(text, binds) {
                return Err(format!("{text}\nmeans {here} only here"));
            }
            count.only_here += 1;
        }
        (None, Some(there)) => {
            if !may_be_refused_here(text, is_path) {
                return Err(format!("{text}\nmeans {there} only there"));
            }
            count.only_there += 1;
        }
        (None, None) => count.none += 1,
    }
    Ok(())
}

fn judge_filter(text: &str, catalog: &Catalog, count: &mut Count) -> Result<(), String> {
    let here = Filter::parse(text, &strict()).ok().map(|f| (ours(&f), binds(&f, catalog)));
    let there = peer::Filter::from_str(text).ok().map(|f| theirs(&f));
    judged(text, here, there, false, count)
}

fn judge_path(text: &str, catalog: &Catalog, count: &mut Count) -> Result<(), String> {
    let here = PatchPath::parse(text, &strict()).ok().map(|p| (our_path(&p), path_binds(&p, catalog)));
    let there = peer::PatchPath::from_str(text).ok().map(|p| their_path(&p));
    judged(text, here, there, true, count)
}

#[test]
fn filters_of_the_grammar_mean_the_same_to_both() {
    let catalog = Catalog::built_in().unwrap();
    let count = compare(filter(), 400, |text, count| {
        judge_filter(text, &catalog, count)?;
        let here = Filter::parse(text, &strict()).map_err(|f| format!("{text}\nis of the grammar: {f}"))?;
        // What the peer writes is read here, and means what it meant.
        if let Ok(there) = peer::Filter::from_str(text) {
            let written = there.to_string();
            let again = Filter::parse(&written, &strict()).map_err(|f| format!("{written}\nis theirs: {f}"))?;
            if ours(&again) != ours(&here) {
                return Err(format!("{text}\nis written as {written}"));
            }
        }
        Ok(())
    });
    assert!(count.both > 200 && count.none == 0, "{count:?}");
}

#[test]
fn paths_of_the_grammar_mean_the_same_to_both() {
    let catalog = Catalog::built_in().unwrap();
    let count = compare(path(), 300, |text, count| judge_path(text, &catalog, count));
    assert!(count.both > 150 && count.only_there == 0, "{count:?}");
}

#[test]
fn what_almost_follows_the_grammar_is_judged_alike() {
    let catalog = Catalog::built_in().unwrap();
    let count = compare(changed(filter()), 1200, |text, count| judge_filter(text, &catalog, count));
    assert!(count.both > 100 && count.none > 100, "{count:?}");
    let count = compare(changed(path()), 800, |text, count| judge_path(text, &catalog, count));
    assert!(count.both > 100 && count.none > 100, "{count:?}");
}

/// The differences that are known, each by an example: one that goes away is no longer to be allowed for.
#[test]
fn the_known_differences() {
    for text in
        ["title eq\"a\"", "(title pr)and(id pr)", "not(title pr)", "members.$ref eq \"a\"", "a.b.c pr", "not pr"]
    {
        assert!(Filter::parse(text, &strict()).is_ok(), "{text}");
        assert!(peer::Filter::from_str(text).is_err(), "{text}");
    }
    for text in ["emails [type pr]", "title eq \"\\u0000\""] {
        assert!(Filter::parse(text, &strict()).is_err(), "{text}");
        assert!(peer::Filter::from_str(text).is_ok(), "{text}");
    }
    assert!(AttrPath::parse(" title").is_err() && peer::PatchPath::from_str(" title").is_ok());
}
