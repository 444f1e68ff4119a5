//! The attributes of a document as names and values for people.

use super::lists::encoded;
use super::views::{Facts, Link, Shown};
use crate::scim::catalog::Catalog;
use crate::scim::json::{Json, Object};
use crate::scim::schema::{Attribute, Type};

/// Characters of one value, at most; the rest is in the directory.
const MOST: usize = 2000;
/// What the page shows elsewhere.
const ELSEWHERE: [&str; 4] = ["schemas", "externalId", "userName", "active"];

/// The attributes of a document: those of the core, then a part for each extension.
pub fn facts(document: &Object, catalog: &Catalog, kind: &str) -> Vec<Facts> {
    let Some(of) = catalog.resource_type(kind) else { return Vec::new() };
    let mut core = Facts { id: "attributes".to_owned(), title: "Attributes".to_owned(), rows: Vec::new() };
    let mut parts = Vec::new();
    for (name, value) in document.iter() {
        match (of.extension(name), value) {
            (Some(schema), Json::Object(inner)) => {
                let mut part = Facts {
                    id: format!("extension-{}", parts.len() + 1),
                    title: schema.name.clone(),
                    rows: Vec::new(),
                };
                for (name, value) in inner.iter() {
                    add(&mut part.rows, name, value, schema.attribute(name));
                }
                parts.push(part);
            }
            _ if ELSEWHERE.contains(&name) => {}
            _ => add(&mut core.rows, name, value, of.attribute(name)),
        }
    }
    [core].into_iter().chain(parts).filter(|f| !f.rows.is_empty()).collect()
}

/// The same with the name of somebody of whom the document says only the id.
pub fn named(mut facts: Vec<Facts>, somebody: &Option<(String, String)>) -> Vec<Facts> {
    for (_, value) in facts.iter_mut().flat_map(|part| &mut part.rows) {
        if let (Shown::Here(link), Some((id, name))) = (value, somebody)
            && link.words == *id
        {
            link.words = cut(name);
        }
    }
    facts
}

/// One attribute as rows: each part of a complex value, each value of several.
fn add(rows: &mut Vec<(String, Shown)>, name: &str, value: &Json, attribute: Option<&Attribute>) {
    match value {
        Json::Array(values) => {
            for value in values {
                match value {
                    Json::Object(parts) => rows.push((labelled(name, parts), element(parts, name))),
                    value => rows.push((name.to_owned(), shown(value, attribute))),
                }
            }
        }
        Json::Object(parts) if parts.get("value").is_some() => rows.push((labelled(name, parts), element(parts, name))),
        Json::Object(parts) => {
            for (part, value) in parts.iter() {
                let attribute = attribute.and_then(|a| a.sub(part));
                add(rows, &format!("{name}.{part}"), value, attribute);
            }
        }
        value => rows.push((name.to_owned(), shown(value, attribute))),
    }
}

/// `emails`, with the type of one of them: `emails (work)`.
fn labelled(name: &str, parts: &Object) -> String {
    match parts.get("type").and_then(Json::as_str) {
        Some(kind) => format!("{name} ({})", cut(kind)),
        None => name.to_owned(),
    }
}

/// One element of a list of complex values on one line.
fn element(parts: &Object, name: &str) -> Shown {
    let text = |part: &str| parts.get(part).map(plain);
    let mut line: Vec<String> = Vec::new();
    line.extend(text("value"));
    for (part, value) in parts.iter() {
        match (part, value) {
            ("value" | "type" | "$ref", _) => {}
            ("primary", Json::Bool(true)) => line.push("primary".to_owned()),
            ("primary", _) => {}
            ("display" | "displayName" | "formatted", value) => line.push(plain(value)),
            (part, value) => line.push(format!("{part} {}", plain(value))),
        }
    }
    match (name, text("value"), text("displayName")) {
        // Whoever it is may not be here; then the page says so.
        ("manager", Some(id), label) => {
            Shown::Here(Link { href: format!("/people/{}", encoded(&id)), words: label.unwrap_or(id) })
        }
        _ => Shown::Text(cut(&line.join(", "))),
    }
}

fn shown(value: &Json, attribute: Option<&Attribute>) -> Shown {
    let text = plain(value);
    let is_url = attribute.is_some_and(|a| a.kind == Type::Reference);
    // Nothing but these two is ever followed: javascript: and data: are texts like any other.
    let web = text.starts_with("https://") || text.starts_with("http://");
    let blank = text.chars().any(|c| c.is_whitespace() || c.is_control());
    if is_url && web && !blank && text.len() <= MOST { Shown::Url(text) } else { Shown::Text(text) }
}

/// A value on one line.
pub fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => cut(text),
        other => cut(&other.text()),
    }
}

fn cut(text: &str) -> String {
    let mut short: String = text.chars().take(MOST).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(document: &str) -> Vec<(String, String)> {
        let Ok(Json::Object(document)) = Json::parse(document.as_bytes()) else { panic!("no object") };
        let text = |shown: Shown| match shown {
            Shown::Text(text) => text,
            Shown::Url(url) => format!("url {url}"),
            Shown::Here(link) => format!("here {} {}", link.href, link.words),
        };
        let catalog = Catalog::built_in().unwrap();
        let all = facts(&document, &catalog, "User").into_iter().flat_map(|f| f.rows);
        all.map(|(name, shown)| (name, text(shown))).collect()
    }

    #[test]
    fn every_value_has_its_line() {
        let urn = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        let found = rows(&format!(
            r#"{{"schemas":["x"],"userName":"a","name":{{"givenName":"Ada","familyName":"L"}},"title":"T","profileUrl":"https://x.io/a","emails":[{{"value":"a@x.io","type":"work","primary":true}}],"{urn}":{{"department":"D","manager":{{"value":"1-2","displayName":"Boss"}}}}}}"#
        ));
        let expected = [
            ("name.givenName", "Ada"),
            ("name.familyName", "L"),
            ("title", "T"),
            ("profileUrl", "url https://x.io/a"),
            ("emails (work)", "a@x.io, primary"),
            ("department", "D"),
            ("manager", "here /people/1-2 Boss"),
        ];
        assert_eq!(found, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
    }

    #[test]
    fn only_web_addresses_are_followed() {
        for url in
            ["javascript:alert(1)", "data:text/html,x", "JAVASCRIPT:x", " https://x", "https://x y", "http:/x", "//x"]
        {
            let found = rows(&format!(r#"{{"profileUrl":"{url}"}}"#));
            assert_eq!(found, [("profileUrl".to_owned(), url.to_owned())]);
        }
        assert_eq!(
            rows(r#"{"title":"https://x.io"}"#),
            [("title".to_owned(), "https://x.io".to_owned())],
            "no reference"
        );
    }
}
