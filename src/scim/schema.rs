//! A schema and its attributes, with the characteristics of RFC 7643 §7.

use serde::Deserialize;

use super::json::Json;

/// The data types of RFC 7643 §2.3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Type {
    /// Unicode text.
    String,
    /// true or false.
    Boolean,
    /// A number without a fraction.
    Integer,
    /// A number with a fraction.
    Decimal,
    /// An xsd:dateTime.
    DateTime,
    /// base64 text.
    Binary,
    /// A URI, or the id of another resource.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

/// Who may change the attribute (RFC 7643 §7 `mutability`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// The server alone.
    ReadOnly,
    /// The client, at any time.
    ReadWrite,
    /// The client, once.
    Immutable,
    /// The client, and it is never shown.
    WriteOnly,
}

/// When the attribute is in an answer (RFC 7643 §7 `returned`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// Whatever is asked.
    Always,
    /// Under no circumstances.
    Never,
    /// Unless the client leaves it out.
    Default,
    /// Only when the client asks for it.
    Request,
}

/// How unique the attribute's values are (RFC 7643 §7 `uniqueness`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Not at all.
    None,
    /// Within this server.
    Server,
    /// Everywhere.
    Global,
}

/// One attribute or sub-attribute.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// Its name, in the letter case in which it is stored and shown.
    pub name: String,
    /// Its data type.
    #[serde(rename = "type")]
    pub kind: Type,
    /// True when it holds an array of values.
    pub multi_valued: bool,
    /// True when a resource cannot be without it.
    pub required: bool,
    /// True when letter case matters in comparisons.
    pub case_exact: bool,
    /// Who may change it.
    pub mutability: Mutability,
    /// When it is shown.
    pub returned: Returned,
    /// How unique it is.
    pub uniqueness: Uniqueness,
    /// Its values are kept for look-up; no characteristic of the RFC, and not served.
    #[serde(skip)]
    pub indexed: bool,
    /// The parts of a complex attribute.
    #[serde(default)]
    pub sub_attributes: Vec<Attribute>,
}

impl Attribute {
    /// The sub-attribute of this name, in any letter case.
    pub fn sub(&self, name: &str) -> Option<&Attribute> {
        self.sub_attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// True for an object of sub-attributes.
    pub fn is_complex(&self) -> bool {
        self.kind == Type::Complex
    }

    /// True for what no answer ever shows.
    pub fn is_secret(&self) -> bool {
        self.mutability == Mutability::WriteOnly || self.returned == Returned::Never
    }

    /// True for what an answer does not show to a client that asks for nothing in particular: what it reads and writes back
    /// lacks it.
    pub fn is_hidden(&self) -> bool {
        self.is_secret() || self.returned == Returned::Request
    }

    /// True when a client's value for it is dropped without a word: it belongs to the server (RFC 7644 §3.3).
    pub fn is_read_only(&self) -> bool {
        self.mutability == Mutability::ReadOnly
    }
}

/// A schema: an identified set of attributes (RFC 7643 §7).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Schema {
    /// Its URI.
    pub id: String,
    /// Its name for people.
    pub name: String,
    /// Its attributes in the order in which they are stored and shown.
    pub attributes: Vec<Attribute>,
    /// The definition as it is served.
    pub definition: Json,
    /// The binary carries it; false for what the configuration declares.
    pub built_in: bool,
}

impl Schema {
    /// The attribute of this name, in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|a| a.name.eq_ignore_ascii_case(name))
    }

    /// True for the schemas of RFC 7643 §5 to §7, which describe the server and no resource of its directory.
    pub fn is_of_discovery(&self) -> bool {
        self.built_in && ["ServiceProviderConfig", "ResourceType", "Schema"].contains(&self.name.as_str())
    }

    /// The attributes and parts of attributes whose values the store keeps: those that are indexed or unique.
    pub fn lookups(&self) -> impl Iterator<Item = (&Attribute, Option<&Attribute>)> {
        let kept = |a: &Attribute| a.indexed || (!self.built_in && a.uniqueness != Uniqueness::None);
        self.attributes.iter().flat_map(move |attribute| {
            let parts = attribute.sub_attributes.iter().filter(move |s| kept(s)).map(move |s| (attribute, Some(s)));
            kept(attribute).then_some((attribute, None)).into_iter().chain(parts)
        })
    }
}
