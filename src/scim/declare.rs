//! What the owner of the machine declares beyond the RFC: schemas and resource types, as they were written. The form is
//! that of RFC 7643 §7 and §6, with names in snake case; [`Catalog::with`](super::catalog::Catalog::with) checks them.

mod attribute;
mod build;

use serde::Deserialize;

/// Schemas, at most.
const MAX_SCHEMAS: usize = 100;
/// Resource types, at most.
const MAX_TYPES: usize = 50;
/// Attributes of one schema, at most.
const MAX_ATTRIBUTES: usize = 250;
/// Sub-attributes of one attribute, at most.
const MAX_PARTS: usize = 100;
/// Canonical values or reference types of one attribute, at most.
const MAX_WORDS: usize = 200;
/// Attributes that are indexed or unique, at most: each costs a row for every value of every resource.
const MAX_LOOKUPS: usize = 64;
/// Characters of a name.
const MAX_NAME: usize = 128;
/// Characters of a URN: they stand in paths and filters, which are bounded.
const MAX_URN: usize = 255;
/// Characters of a description.
const MAX_TEXT: usize = 4096;

/// All that is declared.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Declarations {
    /// `[[schema]]`
    #[serde(default, rename = "schema")]
    pub schemas: Vec<DeclaredSchema>,
    /// `[[resource_type]]`
    #[serde(default, rename = "resource_type")]
    pub resource_types: Vec<DeclaredType>,
}

/// A schema: the base of a resource type, or an extension.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredSchema {
    id: String,
    name: Option<String>,
    description: Option<String>,
    /// The resource types that it extends.
    #[serde(default)]
    extends: Vec<String>,
    /// Whether those cannot be without it.
    required: Option<bool>,
    #[serde(default, rename = "attribute")]
    attributes: Vec<DeclaredAttribute>,
}

/// An attribute or sub-attribute (RFC 7643 §7). What is left out has the default of §2.2.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredAttribute {
    name: String,
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    multi_valued: bool,
    description: Option<String>,
    #[serde(default)]
    required: bool,
    #[serde(default)]
    canonical_values: Vec<String>,
    case_exact: Option<bool>,
    mutability: Option<String>,
    returned: Option<String>,
    uniqueness: Option<String>,
    #[serde(default)]
    reference_types: Vec<String>,
    #[serde(default)]
    indexed: bool,
    #[serde(default, rename = "sub_attribute")]
    sub_attributes: Vec<DeclaredAttribute>,
}

/// A resource type (RFC 7643 §6).
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredType {
    name: String,
    endpoint: String,
    description: Option<String>,
    /// The URN of its base schema.
    schema: String,
    #[serde(default, rename = "extension")]
    extensions: Vec<DeclaredExtension>,
}

/// An extension of a declared resource type.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeclaredExtension {
    schema: String,
    #[serde(default)]
    required: bool,
}

/// One step from the whole to the part: a key, and for a list of tables which of them.
pub type Step = (&'static str, Option<usize>);

/// Why a declaration cannot be used: where it stands, and a sentence without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Misdeclared {
    /// From the whole to the part.
    pub at: Vec<Step>,
    /// The reason.
    pub why: String,
}

impl Misdeclared {
    /// A mistake in the value of a key.
    fn new(key: &'static str, why: impl Into<String>) -> Misdeclared {
        Misdeclared { at: vec![(key, None)], why: why.into() }
    }

    /// A mistake in a table as a whole.
    fn whole(why: impl Into<String>) -> Misdeclared {
        Misdeclared { at: Vec::new(), why: why.into() }
    }

    /// The same, seen from further out.
    fn within(mut self, key: &'static str, index: usize) -> Misdeclared {
        self.at.insert(0, (key, Some(index)));
        self
    }
}

/// Refuses a list that is too long.
fn bounded(key: &'static str, list: usize, most: usize, what: &str) -> Result<(), Misdeclared> {
    match list > most {
        true => Err(Misdeclared::new(key, format!("there are {list} {what}; at most {most} are possible"))),
        false => Ok(()),
    }
}

/// Refuses a description that is too long.
fn described(text: Option<&String>) -> Result<(), Misdeclared> {
    match text.is_some_and(|t| t.chars().count() > MAX_TEXT) {
        true => Err(Misdeclared::new("description", format!("the description is longer than {MAX_TEXT} characters"))),
        false => Ok(()),
    }
}

/// The words of a list for a sentence: `"a", "b" or "c"`.
fn either<'w>(words: impl Iterator<Item = &'w str>) -> String {
    let words: Vec<String> = words.map(|w| format!("{w:?}")).collect();
    match words.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests;
