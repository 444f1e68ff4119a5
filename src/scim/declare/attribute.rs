//! A declared attribute: its characteristics, and whether they can all be true at once (RFC 7643 §2.2, §2.3, §7).

use super::super::json::{Json, Object};
use super::super::name::is_attribute_name;
use super::super::schema::{Attribute, Mutability, Returned, Type, Uniqueness};
use super::{DeclaredAttribute, MAX_NAME, MAX_PARTS, MAX_WORDS, Misdeclared, bounded, described, either};

/// The attributes that every resource has (RFC 7643 §3.1).
const COMMON: [&str; 4] = ["id", "externalId", "meta", "schemas"];

const TYPES: [(&str, Type); 8] = [
    ("string", Type::String),
    ("boolean", Type::Boolean),
    ("decimal", Type::Decimal),
    ("integer", Type::Integer),
    ("dateTime", Type::DateTime),
    ("binary", Type::Binary),
    ("reference", Type::Reference),
    ("complex", Type::Complex),
];
const MUTABILITY: [(&str, Mutability); 4] = [
    ("readWrite", Mutability::ReadWrite),
    ("readOnly", Mutability::ReadOnly),
    ("immutable", Mutability::Immutable),
    ("writeOnly", Mutability::WriteOnly),
];
const RETURNED: [(&str, Returned); 4] = [
    ("default", Returned::Default),
    ("always", Returned::Always),
    ("never", Returned::Never),
    ("request", Returned::Request),
];
const UNIQUENESS: [(&str, Uniqueness); 3] =
    [("none", Uniqueness::None), ("server", Uniqueness::Server), ("global", Uniqueness::Global)];

/// What an attribute is part of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    Schema,
    /// A complex attribute, and whether that is multi-valued.
    Attribute {
        multi_valued: bool,
    },
}

/// The attributes of a schema, and how they are served. `refers` says whether a resource type of a name exists.
pub(super) fn attributes(
    declared: &[DeclaredAttribute],
    refers: &dyn Fn(&str) -> bool,
) -> Result<Vec<(Attribute, Json)>, Misdeclared> {
    all("attribute", declared, Home::Schema, refers)
}

fn all(
    key: &'static str,
    declared: &[DeclaredAttribute],
    home: Home,
    refers: &dyn Fn(&str) -> bool,
) -> Result<Vec<(Attribute, Json)>, Misdeclared> {
    let mut found: Vec<(Attribute, Json)> = Vec::new();
    for (i, one) in declared.iter().enumerate() {
        let attribute = one.checked(home, refers).map_err(|e| e.within(key, i))?;
        if let Some((twin, _)) = found.iter().find(|(a, _)| a.name.eq_ignore_ascii_case(&one.name)) {
            let why = format!("{:?} is there already; names differ in more than letter case", twin.name);
            return Err(Misdeclared::new("name", why).within(key, i));
        }
        found.push(attribute);
    }
    Ok(found)
}

fn word<T: Copy>(
    key: &'static str,
    table: &[(&'static str, T)],
    written: Option<&String>,
    default: T,
) -> Result<T, Misdeclared> {
    let Some(written) = written else { return Ok(default) };
    table.iter().find(|(w, _)| w == written).map(|(_, t)| *t).ok_or_else(|| {
        Misdeclared::new(key, format!("{key} is {}, not {written:?}", either(table.iter().map(|(w, _)| *w))))
    })
}

fn spelled<T: PartialEq>(table: &[(&'static str, T)], value: &T) -> &'static str {
    table.iter().find(|(_, t)| t == value).map_or("", |(w, _)| *w)
}

impl DeclaredAttribute {
    fn checked(&self, home: Home, refers: &dyn Fn(&str) -> bool) -> Result<(Attribute, Json), Misdeclared> {
        self.check_name(home)?;
        let name = &self.name;
        let kind = word("type", &TYPES, self.kind.as_ref(), Type::String)?;
        let mutability = word("mutability", &MUTABILITY, self.mutability.as_ref(), Mutability::ReadWrite)?;
        // Nothing else than "never" can be true of what is only written (RFC 7643 §7, `mutability`).
        let unsaid = if mutability == Mutability::WriteOnly { Returned::Never } else { Returned::Default };
        let returned = word("returned", &RETURNED, self.returned.as_ref(), unsaid)?;
        let uniqueness = word("uniqueness", &UNIQUENESS, self.uniqueness.as_ref(), Uniqueness::None)?;
        described(self.description.as_ref())?;
        let parts = self.parts(kind, home, refers)?;
        let (attributes, definitions): (Vec<Attribute>, Vec<Json>) = parts.into_iter().unzip();
        let attribute = Attribute {
            name: name.clone(),
            kind,
            multi_valued: self.multi_valued,
            required: self.required,
            case_exact: self.case(kind)?,
            mutability,
            returned,
            uniqueness,
            indexed: self.indexed,
            sub_attributes: attributes,
        };
        self.contradictions(&attribute, home)?;
        self.words(kind, refers)?;
        let definition = self.definition(&attribute, definitions);
        Ok((attribute, definition))
    }

    /// RFC 7643 §2.1, ATTRNAME; `$ref` is a name of sub-attributes (§2.4).
    fn check_name(&self, home: Home) -> Result<(), Misdeclared> {
        let name = &self.name;
        let part = home != Home::Schema;
        let good = is_attribute_name(name) && (!name.starts_with('$') || (part && name == "$ref"));
        if !good || name.chars().count() > MAX_NAME {
            let why = format!(
                "{name:?} is no name of an attribute: a letter, then letters, digits, '-', '_' and '$', {MAX_NAME} at most"
            );
            return Err(Misdeclared::new("name", why));
        }
        match COMMON.iter().find(|c| !part && c.eq_ignore_ascii_case(name)) {
            Some(common) => {
                Err(Misdeclared::new("name", format!("every resource has {common} already; choose another name")))
            }
            None => Ok(()),
        }
    }

    fn parts(
        &self,
        kind: Type,
        home: Home,
        refers: &dyn Fn(&str) -> bool,
    ) -> Result<Vec<(Attribute, Json)>, Misdeclared> {
        let name = &self.name;
        let nested = home != Home::Schema && (kind == Type::Complex || !self.sub_attributes.is_empty());
        if nested {
            let key = if kind == Type::Complex { "type" } else { "sub_attribute" };
            let why = format!("{name:?} is a sub-attribute, and those have no sub-attributes of their own");
            return Err(Misdeclared::new(key, why));
        }
        match (kind == Type::Complex, self.sub_attributes.is_empty()) {
            (true, true) => {
                let why = format!("{name:?} is complex and has no sub-attribute: [[schema.attribute.sub_attribute]]");
                return Err(Misdeclared::new("type", why));
            }
            (false, false) => {
                let why = format!("{name:?} has sub-attributes; type = \"complex\" says so");
                return Err(Misdeclared::new(if self.kind.is_some() { "type" } else { "name" }, why));
            }
            _ => {}
        }
        bounded("sub_attribute", self.sub_attributes.len(), MAX_PARTS, "sub-attributes")?;
        all("sub_attribute", &self.sub_attributes, Home::Attribute { multi_valued: self.multi_valued }, refers)
    }

    /// References and binary values are case exact; what is no text has no letter case (RFC 7643 §2.3).
    fn case(&self, kind: Type) -> Result<bool, Misdeclared> {
        let wrong = |why: &str| Err(Misdeclared::new("case_exact", format!("{:?}: {why}", self.name)));
        match (kind, self.case_exact) {
            (Type::Reference | Type::Binary, Some(false)) => {
                wrong("references and binary values differ when their letter case does; case_exact cannot be false")
            }
            (Type::Reference | Type::Binary, _) => Ok(true),
            (Type::String, case) => Ok(case.unwrap_or(false)),
            (_, Some(true)) => wrong("case_exact says something about text, and this type is none"),
            _ => Ok(false),
        }
    }

    fn contradictions(&self, attribute: &Attribute, home: Home) -> Result<(), Misdeclared> {
        let wrong = |key: &'static str, why: &str| Err(Misdeclared::new(key, format!("{:?}: {why}", attribute.name)));
        let read_only = attribute.mutability == Mutability::ReadOnly;
        if attribute.required && read_only {
            return wrong("required", "what clients cannot write (readOnly) cannot be required of them");
        }
        if read_only && attribute.returned == Returned::Never {
            return wrong("returned", "nobody could write it (readOnly) and nobody could see it (never)");
        }
        if attribute.mutability == Mutability::WriteOnly && attribute.returned != Returned::Never {
            return wrong("returned", "what is writeOnly is never shown; returned can only be \"never\"");
        }
        let in_list = home == Home::Attribute { multi_valued: true };
        if attribute.uniqueness != Uniqueness::None {
            if attribute.multi_valued || in_list {
                return wrong("uniqueness", "the values of a multi-valued attribute cannot be unique");
            }
            // RFC 7643 §2.3.2, §2.3.5, §2.3.6, §2.3.8.
            if matches!(attribute.kind, Type::Complex | Type::Boolean | Type::Binary | Type::DateTime) {
                return wrong("uniqueness", "complex, boolean, dateTime and binary values cannot be unique");
            }
        }
        if attribute.indexed {
            if matches!(attribute.kind, Type::Complex) {
                return wrong("indexed", "a complex attribute is not indexed; one of its sub-attributes can be");
            }
            if matches!(attribute.kind, Type::Binary) {
                return wrong("indexed", "binary values are not indexed");
            }
            if attribute.returned == Returned::Never {
                return wrong("indexed", "what is never shown cannot be searched for, so an index is of no use");
            }
        }
        Ok(())
    }

    fn words(&self, kind: Type, refers: &dyn Fn(&str) -> bool) -> Result<(), Misdeclared> {
        let wrong = |key: &'static str, why: String| Err(Misdeclared::new(key, format!("{:?}: {why}", self.name)));
        bounded("canonical_values", self.canonical_values.len(), MAX_WORDS, "canonical values")?;
        bounded("reference_types", self.reference_types.len(), MAX_WORDS, "reference types")?;
        if kind != Type::String && !self.canonical_values.is_empty() {
            return wrong("canonical_values", "only an attribute of type string has canonical values".into());
        }
        for (i, value) in self.canonical_values.iter().enumerate() {
            if value.is_empty() || self.canonical_values.iter().take(i).any(|v| v == value) {
                return wrong("canonical_values", format!("{value:?} is empty or stands there twice"));
            }
        }
        if (kind == Type::Reference) == self.reference_types.is_empty() {
            return match kind {
                Type::Reference => wrong(
                    "type",
                    "a reference says what it may lead to: reference_types, with names of resource types, \"external\" or \"uri\"".into(),
                ),
                _ => wrong("reference_types", "only an attribute of type reference has reference types".into()),
            };
        }
        let unknown = |t: &&String| *t != "external" && *t != "uri" && !refers(t);
        match self.reference_types.iter().find(unknown) {
            Some(t) => wrong(
                "reference_types",
                format!("{t:?} is no resource type of this server, nor \"external\" or \"uri\""),
            ),
            None => Ok(()),
        }
    }

    /// The attribute as `/Schemas` shows it (RFC 7643 §7).
    fn definition(&self, attribute: &Attribute, parts: Vec<Json>) -> Json {
        let texts = |list: &[String]| Json::Array(list.iter().map(|t| t.as_str().into()).collect());
        let mut shown = Object::new();
        shown.push("name", attribute.name.as_str());
        shown.push("type", spelled(&TYPES, &attribute.kind));
        shown.push("multiValued", attribute.multi_valued);
        shown.push("description", self.description.as_deref().unwrap_or_default());
        shown.push("required", attribute.required);
        if !self.canonical_values.is_empty() {
            shown.push("canonicalValues", texts(&self.canonical_values));
        }
        shown.push("caseExact", attribute.case_exact);
        shown.push("mutability", spelled(&MUTABILITY, &attribute.mutability));
        shown.push("returned", spelled(&RETURNED, &attribute.returned));
        shown.push("uniqueness", spelled(&UNIQUENESS, &attribute.uniqueness));
        if !self.reference_types.is_empty() {
            shown.push("referenceTypes", texts(&self.reference_types));
        }
        if !parts.is_empty() {
            shown.push("subAttributes", Json::Array(parts));
        }
        shown.into()
    }
}
