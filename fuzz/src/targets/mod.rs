//! What each fuzzer does with its input: one function for each, and what must hold of every input.
//!
//! The fuzzers call them with what libFuzzer makes up, a test of the server (`tests/appliance/corpora.rs`) with what is
//! in `fuzz/corpus`. A property that does not hold is a panic, in both.

mod bulk;
mod csv;
mod cursor;
mod dialect;
mod filter;
mod patch;
mod resource;
pub mod samples;
mod written;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use scim_appliance::http::route::{BASE, Route};
use scim_appliance::scim::dialect::{Dialect, RuleSet};
use scim_appliance::scim::json::Json;
use scim_appliance::scim::path::{AttrPath, PatchPath, Place};
use scim_appliance::secret::Token;

pub use bulk::bulk;
pub use csv::csv;
pub use cursor::cursor;
pub use dialect::dialect;
pub use filter::{filter, query};
pub use patch::patch;
pub use resource::resource;

/// A target by its name.
pub type Target = (&'static str, fn(&[u8]));

/// Every target by its name: that of its binary, of its corpus and of its dictionary.
pub const TARGETS: [Target; 12] = [
    ("bulk", bulk),
    ("csv", csv),
    ("cursor", cursor),
    ("dialect", dialect),
    ("filter", filter),
    ("json", json),
    ("patch", patch),
    ("path", path),
    ("query", query),
    ("resource", resource),
    ("route", route),
    ("token", token),
];

/// A dialect without any rule: the letter of the RFC.
fn strict() -> Dialect {
    Dialect::new(RuleSet::default())
}

/// What is read from a text is written as a text from which the same is read, and that text is not written otherwise.
pub fn json(input: &[u8]) {
    let Ok(tree) = Json::parse(input) else { return };
    let text = tree.text();
    let again = Json::parse(text.as_bytes());
    assert_eq!(again.as_ref(), Ok(&tree), "{text}");
    assert_eq!(again.map(|t| t.text()), Ok(text));
}

/// A path leads to one place, whose own name leads there too; a path of PATCH is read from what it is written as.
pub fn path(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    if let Ok(path) = AttrPath::parse(text) {
        assert_eq!(path.as_str(), text);
        for of in &samples::catalog().resource_types {
            let dialect = Dialect::tolerant();
            let place = path.bind(of, &dialect);
            let exact = path.bind(of, &strict());
            assert!(dialect.used().is_empty() == (shown(&place) == shown(&exact)), "{text}: {place:?}, {exact:?}");
            let Some(Place::Attribute(bound)) = place else { continue };
            let named = AttrPath::parse(&bound.text()).expect("a bound path has a name");
            assert_eq!(shown(&named.bind(of, &strict())), shown(&place), "{text}");
        }
    }
    let tolerant = Dialect::tolerant();
    let exact = PatchPath::parse(text, &strict());
    match PatchPath::parse(text, &tolerant) {
        Ok(path) => {
            assert!(!tolerant.used().is_empty() || exact.as_ref() == Ok(&path), "{text}: {path:?}, {exact:?}");
            let printed = written::patch_path(&path);
            let again = PatchPath::parse(&printed, &strict());
            assert!(again == Ok(path) || grown(&printed, &tolerant), "{text} as {printed}: {again:?}");
        }
        Err(fault) => assert!(exact.is_err(), "{text}: only without rules it is no {fault}"),
    }
}

/// What is written in RFC form may go over a bound that the shorter form of a dialect was below.
fn grown(printed: &str, needed: &Dialect) -> bool {
    use scim_appliance::scim::dialect::Rule;
    use scim_appliance::scim::filter::parse::MAX_LENGTH;
    printed.len() > MAX_LENGTH || needed.used().has(Rule::ValuePathSubFilter)
}

fn shown(place: &Option<Place<'_>>) -> Option<String> {
    place.as_ref().map(|p| match p {
        Place::Resource => "the resource".to_owned(),
        Place::Extension(schema) => schema.id.clone(),
        Place::Attribute(bound) => bound.text(),
    })
}

/// A path names at most one thing, which the path that is made for it names too, and which has methods.
pub fn route(input: &[u8]) {
    let Ok(path) = std::str::from_utf8(input) else { return };
    let catalog = samples::catalog();
    let Some(route) = Route::find(path, catalog) else { return };
    assert!(!route.methods().is_empty(), "{path}: {route:?}");
    let made = match &route {
        Route::Collection(of) => format!("{BASE}{}", of.endpoint),
        Route::Search(of) => format!("{BASE}{}/.search", of.endpoint),
        Route::Resource(of, id) => {
            assert!(!id.is_empty(), "{path}");
            format!("{BASE}{}/{}", of.endpoint, utf8_percent_encode(id, NON_ALPHANUMERIC))
        }
        Route::Schemas(Some(id)) => format!("{BASE}/Schemas/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)),
        Route::ResourceTypes(Some(id)) => format!("{BASE}/ResourceTypes/{}", utf8_percent_encode(id, NON_ALPHANUMERIC)),
        _ => path.to_owned(),
    };
    let again = Route::find(&made, catalog);
    assert_eq!(format!("{again:?}"), format!("{:?}", Some(route)), "{path} as {made}");
}

/// A token is exactly its text, says nothing of itself but its id, and no character of it can be another.
pub fn token(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Some(token) = Token::parse(text) else { return };
    assert_eq!(token.reveal(), text);
    assert_eq!((text.len(), token.id().len(), token.digest().len()), (66, 8, 32));
    let secret = text.get(17..60).expect("43 characters behind the id");
    assert!(!format!("{token:?}").contains(secret));
    for at in 0..text.len() {
        let mut other = text.as_bytes().to_vec();
        other[at] = if other[at] == b'0' { b'z' } else { b'0' };
        let other = String::from_utf8(other).expect("a token is ASCII");
        assert!(Token::parse(&other).is_none(), "{text} and {other}");
    }
}
