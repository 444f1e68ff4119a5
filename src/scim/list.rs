//! A query (RFC 7644 §3.4.2 by URL, §3.4.3 by body) and the answer to it.

use super::dialect::Dialect;
use super::fault::{Fault, Kind, quoted};
use super::filter::Filter;
use super::json::{Json, Object};
use super::path::AttrPath;
use super::resource::schemas_fit;

/// The schema of the answer.
pub const LIST_RESPONSE: &str = "urn:ietf:params:scim:api:messages:2.0:ListResponse";
/// The schema of a query by body.
pub const SEARCH_REQUEST: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

/// What a client asks for: which resources, in which order, from where on, and which of their attributes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Query {
    /// Which resources; all without one.
    pub filter: Option<Filter>,
    /// In which order; that of their creation without one.
    pub sort_by: Option<AttrPath>,
    /// From the greatest to the least.
    pub descending: bool,
    /// The 1-based index of the first result; never below 1.
    pub start_index: u64,
    /// How many results at most; the server's page size without it.
    pub count: Option<u64>,
    /// Where the page begins, by a cursor (RFC 9865); empty for the first page. Index paging without one.
    pub cursor: Option<String>,
    /// Only these attributes and those that are always returned.
    pub attributes: Vec<AttrPath>,
    /// The client said which, though perhaps nothing that exists.
    pub chosen: bool,
    /// Not these.
    pub excluded: Vec<AttrPath>,
    /// The filter as it was written, and the order: what tells one walk through pages from another.
    pub walk: String,
}

impl Query {
    /// Reads the parameters of a URL. Unknown ones and empty ones are passed over, names count in any letter case.
    ///
    /// Errors: [`Kind::InvalidSyntax`] for a parameter that stands twice, [`Kind::InvalidValue`] for an index that is no
    /// integer or a sort order that is none, [`Kind::InvalidFilter`] for the filter.
    pub fn from_pairs<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>, dialect: &Dialect) -> Result<Query, Fault> {
        let mut given = Object::new();
        // An empty cursor asks for the first page.
        let says = |(n, v): &(&str, &str)| !v.is_empty() || n.eq_ignore_ascii_case("cursor");
        for (name, value) in pairs.filter(says) {
            let Some(name) = PARAMETERS.iter().find(|p| p.eq_ignore_ascii_case(name)) else { continue };
            if given.get(name).is_some() {
                return Err(Fault::new(Kind::InvalidSyntax, *name, "the parameter stands twice in the URL"));
            }
            given.push(*name, value);
        }
        Query::read(&given, dialect)
    }

    /// Reads a SearchRequest.
    pub fn from_body(body: Json, dialect: &Dialect) -> Result<Query, Fault> {
        let Json::Object(body) = body else {
            return Err(Fault::new(Kind::InvalidSyntax, "", format!("a JSON object is expected, not {}", body.what())));
        };
        schemas_fit(&body, SEARCH_REQUEST, dialect)?;
        Query::read(&body, dialect)
    }

    fn read(given: &Object, dialect: &Dialect) -> Result<Query, Fault> {
        let text = |name: &str| match given.find(name) {
            None | Some(Json::Null) => Ok(""),
            Some(Json::String(s)) => Ok(s.as_str()),
            Some(other) => Err(Fault::new(Kind::InvalidValue, name, format!("text is expected, not {}", other.what()))),
        };
        let (filter, sort_by, order) = (text("filter")?, text("sortBy")?, text("sortOrder")?);
        let descending = match order {
            o if o.is_empty() || o.eq_ignore_ascii_case("ascending") => false,
            o if o.eq_ignore_ascii_case("descending") => true,
            o => {
                return Err(Fault::new(
                    Kind::InvalidValue,
                    "sortOrder",
                    format!("ascending or descending is expected, not {}", quoted(o)),
                ));
            }
        };
        let cursor = match given.find("cursor") {
            None => None,
            Some(Json::Null) => Some(String::new()),
            Some(Json::String(s)) => Some(s.clone()),
            Some(other) => {
                let why = format!("text is expected, not {}", other.what());
                return Err(Fault::new(Kind::InvalidCursor, "cursor", why));
            }
        };
        let start_index = integer(given, "startIndex")?.map_or(1, |n| n.max(1)).unsigned_abs();
        if cursor.is_some() && start_index > 1 {
            return Err(Fault::new(
                Kind::InvalidValue,
                "startIndex",
                "a page begins at an index or at a cursor, not at both",
            ));
        }
        let count = integer(given, "count").map_err(|f| match cursor {
            Some(_) => Fault { kind: Kind::InvalidCount, ..f },
            None => f,
        })?;
        let sort_fault = |f: Fault| Fault { kind: Kind::InvalidValue, ..f.within("sortBy") };
        Ok(Query {
            filter: if filter.is_empty() { None } else { Some(Filter::parse(filter, dialect)?) },
            sort_by: if sort_by.is_empty() { None } else { Some(AttrPath::parse(sort_by).map_err(sort_fault)?) },
            descending,
            start_index,
            count: count.map(|n| n.max(0).unsigned_abs()),
            cursor,
            chosen: given.find("attributes").is_some_and(|v| !v.is_unassigned()),
            attributes: names(given, "attributes")?,
            excluded: names(given, "excludedAttributes")?,
            // Attributes have their names in any letter case (RFC 7643 §2.1); the texts of a filter do not.
            walk: format!("{}\n{descending}\n{filter}", sort_by.to_ascii_lowercase()),
        })
    }

    /// True when the client said which attributes it wants.
    pub fn selects(&self) -> bool {
        self.chosen || !self.excluded.is_empty()
    }
}

const PARAMETERS: [&str; 8] =
    ["cursor", "filter", "sortBy", "sortOrder", "startIndex", "count", "attributes", "excludedAttributes"];

/// An integer, from text or a number; one beyond the range of i64 counts as its end.
fn integer(given: &Object, name: &str) -> Result<Option<i64>, Fault> {
    let bad =
        |text: &str| Fault::new(Kind::InvalidValue, name, format!("an integer is expected, not {}", quoted(text)));
    match given.find(name) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::Number(n)) => match (n.as_i64(), n.is_u64()) {
            (Some(i), _) => Ok(Some(i)),
            (None, true) => Ok(Some(i64::MAX)),
            _ => Err(bad(&n.to_string())),
        },
        Some(Json::String(s)) => {
            let digits = s.strip_prefix(['-', '+']).unwrap_or(s);
            if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
                return Err(bad(s));
            }
            let limit = if s.starts_with('-') { i64::MIN } else { i64::MAX };
            Ok(Some(s.parse().unwrap_or(limit)))
        }
        Some(other) => Err(bad(&other.text())),
    }
}

/// Attribute names: separated by commas in a URL, an array in a body. What cannot be a path names nothing.
fn names(given: &Object, name: &str) -> Result<Vec<AttrPath>, Fault> {
    let list: Vec<&str> = match given.find(name) {
        None | Some(Json::Null) => Vec::new(),
        Some(Json::String(s)) => s.split(',').collect(),
        Some(Json::Array(a)) => a.iter().filter_map(Json::as_str).collect(),
        Some(other) => {
            return Err(Fault::new(
                Kind::InvalidValue,
                name,
                format!("attribute names are expected, not {}", other.what()),
            ));
        }
    };
    Ok(list.iter().map(|n| n.trim()).filter(|n| !n.is_empty()).filter_map(|n| AttrPath::parse(n).ok()).collect())
}

/// Where a page stands among the others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Position {
    /// The 1-based index of its first result.
    Index(u64),
    /// The cursors of the next page and of the one before; none where there is none (RFC 9865).
    Cursors(Option<String>, Option<String>),
}

/// Writes a ListResponse around resources that are JSON texts already.
pub fn list_response(total: u64, position: &Position, resources: &[String]) -> String {
    let size: usize = resources.iter().map(|r| r.len() + 1).sum();
    let mut text = String::with_capacity(size + 160);
    text.push_str(&format!(
        "{{\"schemas\":[\"{LIST_RESPONSE}\"],\"totalResults\":{total},\"itemsPerPage\":{}",
        resources.len()
    ));
    match position {
        Position::Index(start) => text.push_str(&format!(",\"startIndex\":{start}")),
        // Their characters need no escaping.
        Position::Cursors(next, previous) => {
            for (name, cursor) in [("nextCursor", next), ("previousCursor", previous)] {
                if let Some(cursor) = cursor {
                    text.push_str(&format!(",\"{name}\":\"{cursor}\""));
                }
            }
        }
    }
    text.push_str(",\"Resources\":[");
    for (i, resource) in resources.iter().enumerate() {
        if i > 0 {
            text.push(',');
        }
        text.push_str(resource);
    }
    text.push_str("]}");
    text
}
