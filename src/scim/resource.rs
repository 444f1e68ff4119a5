//! A resource on its way in: what a client wrote becomes what the schema allows, or a [`Fault`].

use base64::Engine;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::carry::Cleared;
use super::catalog::ResourceType;
use super::dialect::{Dialect, Rule, element_values};
use super::fault::{Fault, Kind, quoted};
use super::json::{Json, Object};
use super::required::{complete, complete_as_seen};
use super::schema::{Attribute, Schema, Type, Uniqueness};
use super::stored::schemas;
use super::time::is_date_time;

/// Elements of one multi-valued attribute, at most; `members` has its own home and is not bounded by this.
pub const MAX_ELEMENTS: usize = 10_000;

/// RFC 7643 §2.3.6: base64, the padding may be left out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a resource is checked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// It must be complete, and what the server fills in is filled in: POST.
    New,
    /// It must be complete: PUT as RFC 7644 has it.
    Whole,
    /// Absent attributes will be kept: PUT in the merging manner.
    Partial,
}

/// A resource that fits its schemas. Only [`check`] makes one.
#[derive(Debug, Clone, Default)]
pub struct Checked {
    document: Object,
    members: Option<Vec<String>>,
    cleared: Cleared,
    ignored: Vec<String>,
}

impl Checked {
    /// The document in canonical form: names in schema case and order, values as sent; without `id`, `meta`, `groups`
    /// and `members`.
    pub fn document(&self) -> &Object {
        &self.document
    }

    /// The same, to keep.
    pub fn into_document(self) -> Object {
        self.document
    }

    /// The ids listed in `members`; `None` when the client said nothing about members.
    pub fn members(&self) -> Option<&[String]> {
        self.members.as_deref()
    }

    /// What the client gave as null or empty: cleared, as opposed to absent.
    pub fn cleared(&self) -> &Cleared {
        &self.cleared
    }

    /// What the request held that no schema knows. It is not stored.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

/// Checks the body of a POST or PUT against a resource type.
///
/// Read-only attributes are passed over, and unknown ones where the dialect allows it; `password` is dropped (it is no
/// login secret here). Errors: [`Kind::InvalidValue`] for a value of the wrong type and a missing required attribute,
/// [`Kind::InvalidSyntax`] for a body that is no object, names an attribute twice in different letter case, or names one
/// that is not defined.
pub fn check(body: Json, of: &ResourceType, purpose: Purpose, dialect: &Dialect) -> Result<Checked, Fault> {
    let Json::Object(mut body) = body else {
        return Err(Fault::new(Kind::InvalidSyntax, "", format!("a JSON object is expected, not {}", body.what())));
    };
    schemas_fit(&body, &of.schema.id, dialect)?;
    dialect.settle_resource(&mut body, of);
    schemas_known(&body, of, dialect)?;
    // Of what will be kept a part is as good as the whole.
    let whole = purpose != Purpose::Partial;
    let mut checked = Checked::default();
    let mut seen = Vec::new();
    for (name, value) in body {
        if let Some(attribute) = of.attribute(&name) {
            once(&mut seen, &attribute.name)?;
            take(&mut checked, attribute, value, of, (whole, dialect))?;
        } else if let Some(extension) = of.extension(&name) {
            once(&mut seen, &extension.id)?;
            let cleared = match &value {
                Json::Object(inner) => Cleared::among(inner, &|n| extension.attribute(n)),
                value => value.is_unassigned().then(Cleared::all),
            };
            checked.cleared.note(&extension.id, cleared);
            let inner = check_extension(extension, value, &mut checked, (whole, dialect))
                .map_err(|f| f.within(&extension.id))?;
            if let Some(inner) = inner {
                checked.document.push(extension.id.clone(), inner);
            }
        } else {
            unknown(&name, dialect)?;
            checked.ignored.push(name);
        }
    }
    if purpose == Purpose::New {
        assume_active(&mut checked.document, of);
    }
    settle(&mut checked.document, of);
    match purpose {
        Purpose::New => complete(&checked.document, of, &|_| false)?,
        Purpose::Whole => complete_as_seen(&checked.document, of)?,
        Purpose::Partial => {}
    }
    Ok(checked)
}

/// Somebody is active unless it is said otherwise (RFC 7644 §3.3 and §3.5.1 let the server assign values).
pub fn assume_active(document: &mut Object, of: &ResourceType) {
    if of.is_user() && document.get("active").is_none() {
        document.push("active", true);
    }
}

/// `schemas` must name the base schema; unknown URIs beside it are passed over.
pub fn schemas_fit(body: &Object, uri: &str, dialect: &Dialect) -> Result<(), Fault> {
    let given = body.find("schemas");
    let text_only = |v: &Json| v.elements().iter().all(|e| matches!(e, Json::String(_)));
    if given.is_some_and(|v| !text_only(v)) {
        return Err(Fault::new(Kind::InvalidSyntax, "schemas", "an array of schema URIs is expected"));
    }
    let twice = |uris: &[Json]| uris.iter().enumerate().any(|(i, uri)| uris.iter().take(i).any(|u| u == uri));
    if let Some(given) = given {
        if matches!(given, Json::String(_)) && !dialect.allows(Rule::SingleForList) {
            return Err(Fault::new(Kind::InvalidSyntax, "schemas", "an array of schema URIs is expected"));
        }
        if twice(given.elements()) && !dialect.allows(Rule::MissingSchemas) {
            return Err(Fault::new(Kind::InvalidSyntax, "schemas", "a schema URI stands twice"));
        }
    }
    let named =
        given.is_some_and(|v| v.elements().iter().filter_map(Json::as_str).any(|s| s.eq_ignore_ascii_case(uri)));
    match named || dialect.allows(Rule::MissingSchemas) {
        true => Ok(()),
        false => Err(Fault::new(Kind::InvalidSyntax, "schemas", format!("{uri} is missing"))),
    }
}

/// Every URI in `schemas` is one of this type's, and every extension that is given stands there (RFC 7643 §3).
fn schemas_known(body: &Object, of: &ResourceType, dialect: &Dialect) -> Result<(), Fault> {
    let listed: Vec<&str> =
        body.find("schemas").map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_str).collect();
    let strange = listed.iter().find(|uri| !uri.eq_ignore_ascii_case(&of.schema.id) && of.extension(uri).is_none());
    if let Some(uri) = strange
        && !dialect.allows(Rule::UnknownAttributes)
    {
        let why = format!("{} is no schema of a {}", quoted(uri), of.name);
        return Err(Fault::new(Kind::InvalidSyntax, "schemas", why));
    }
    let given = body.iter().filter(|(name, _)| of.extension(name).is_some());
    for (name, _) in given.filter(|(name, _)| !listed.iter().any(|uri| uri.eq_ignore_ascii_case(name))) {
        if !dialect.allows(Rule::UnlistedExtension) {
            return Err(Fault::new(Kind::InvalidSyntax, "schemas", format!("{name} is missing")));
        }
    }
    Ok(())
}

/// A name that no schema here defines.
pub fn unknown(name: &str, dialect: &Dialect) -> Result<(), Fault> {
    if dialect.allows(Rule::UnknownAttributes) {
        return Ok(());
    }
    Err(Fault::new(Kind::InvalidSyntax, "", format!("no attribute is called {}", quoted(name))))
}

fn once(seen: &mut Vec<String>, name: &str) -> Result<(), Fault> {
    if seen.iter().any(|s| s == name) {
        return Err(Fault::new(Kind::InvalidSyntax, name, "the attribute stands twice in the request"));
    }
    seen.push(name.to_owned());
    Ok(())
}

fn take(
    checked: &mut Checked,
    attribute: &Attribute,
    value: Json,
    of: &ResourceType,
    (whole, dialect): (bool, &Dialect),
) -> Result<(), Fault> {
    if attribute.name == "schemas" || is_discarded(attribute, of) {
        return Ok(());
    }
    if of.is_group() && attribute.name == "members" {
        checked.members = Some(member_ids(&value, attribute, dialect)?);
        return Ok(());
    }
    if attribute.is_read_only() {
        return Ok(());
    }
    checked.cleared.note(&attribute.name, Cleared::of(attribute, &value));
    if let Some(value) = canonical(attribute, value, whole, dialect)? {
        checked.document.push(attribute.name.clone(), value);
    }
    Ok(())
}

fn check_extension(
    of: &Schema,
    value: Json,
    checked: &mut Checked,
    (whole, dialect): (bool, &Dialect),
) -> Result<Option<Object>, Fault> {
    let given = match value {
        Json::Object(given) => given,
        Json::Null => return Ok(None),
        other => {
            return Err(Fault::new(Kind::InvalidValue, "", format!("an object is expected, not {}", other.what())));
        }
    };
    let mut inner = Object::new();
    let mut seen = Vec::new();
    for (name, value) in given {
        let Some(attribute) = of.attribute(&name) else {
            unknown(&name, dialect)?;
            checked.ignored.push(format!("{}:{name}", of.id));
            continue;
        };
        once(&mut seen, &attribute.name)?;
        if !attribute.is_read_only()
            && let Some(value) = canonical(attribute, value, whole, dialect)?
        {
            inner.push(attribute.name.clone(), value);
        }
    }
    Ok((!inner.is_empty()).then_some(inner))
}

/// The password is accepted and dropped: people sign in at their identity provider.
pub fn is_discarded(attribute: &Attribute, of: &ResourceType) -> bool {
    attribute.name == "password" && of.is_user()
}

/// The canonical form of a value of an attribute; `None` when it is unassigned (RFC 7643 §2.5). `whole`: a complex value
/// has every part that is required; otherwise the others are there already. The elements of a list are always whole.
pub fn canonical(attribute: &Attribute, value: Json, whole: bool, dialect: &Dialect) -> Result<Option<Json>, Fault> {
    canonical_inner(attribute, value, whole, dialect).map_err(|f| f.within(&attribute.name))
}

fn canonical_inner(attribute: &Attribute, value: Json, whole: bool, dialect: &Dialect) -> Result<Option<Json>, Fault> {
    if !attribute.multi_valued {
        return canonical_one(attribute, value, whole, dialect);
    }
    let elements = match value {
        Json::Array(elements) => elements,
        Json::Null => return Ok(None),
        one if dialect.allows(Rule::SingleForList) => vec![one],
        other => return Err(invalid(format!("an array is expected, not {}", other.what()))),
    };
    if elements.len() > MAX_ELEMENTS {
        return Err(invalid(format!("it has more than {MAX_ELEMENTS} values")));
    }
    let mut list = Vec::with_capacity(elements.len());
    for (i, element) in elements.into_iter().enumerate() {
        if let Json::Array(_) = element {
            return Err(invalid(format!("value {} is an array inside an array", i + 1)));
        }
        if let Some(element) = canonical_one(attribute, element, true, dialect)? {
            list.push(element);
        }
    }
    if list.iter().filter(|e| is_primary(e)).count() > 1 {
        return Err(invalid("only one value can be the primary one".into()));
    }
    Ok((!list.is_empty()).then_some(Json::Array(list)))
}

/// The canonical form of one element of an attribute, or of the value of a single-valued one.
pub fn canonical_one(
    attribute: &Attribute,
    value: Json,
    whole: bool,
    dialect: &Dialect,
) -> Result<Option<Json>, Fault> {
    let value = match value {
        Json::Array(mut list) if list.len() <= 1 && dialect.allows(Rule::ListForSingle) => {
            list.pop().unwrap_or_default()
        }
        value => value,
    };
    let wanted = |what: &str, is: &Json| invalid(format!("{what} is expected, not {}", is.what()));
    Ok(match (attribute.kind, value) {
        (_, Json::Null) => None,
        (Type::String | Type::Reference, Json::String(text)) => {
            if attribute.uniqueness != Uniqueness::None && text.chars().any(char::is_control) {
                return Err(invalid("control characters are not allowed here".into()));
            }
            Some(Json::String(text))
        }
        (Type::String | Type::Reference, other) => return Err(wanted("text", &other)),
        (Type::Boolean, Json::Bool(b)) => Some(Json::Bool(b)),
        (Type::Boolean, Json::String(t)) if t.eq_ignore_ascii_case("true") && dialect.allows(Rule::TextBooleans) => {
            Some(Json::Bool(true))
        }
        (Type::Boolean, Json::String(t)) if t.eq_ignore_ascii_case("false") && dialect.allows(Rule::TextBooleans) => {
            Some(Json::Bool(false))
        }
        (Type::Boolean, Json::String(t)) if matches!(t.as_str(), "0" | "1") && dialect.allows(Rule::DigitBooleans) => {
            Some(Json::Bool(t == "1"))
        }
        (Type::Boolean, Json::String(t)) if t.is_empty() && dialect.allows(Rule::EmptyClears) => None,
        (Type::Boolean, other) => return Err(wanted("true or false", &other)),
        (Type::Integer, Json::Number(n)) if n.is_i64() || n.is_u64() => Some(Json::Number(n)),
        // "-0" is a whole number to XML Schema and to RFC 8259, and a double to every reader.
        (Type::Integer, Json::Number(n)) if n.as_f64().is_some_and(|n| n == 0.0 && n.is_sign_negative()) => {
            Some(Json::Number(0.into()))
        }
        (Type::Integer, other) => return Err(wanted("a whole number", &other)),
        (Type::Decimal, Json::Number(n)) => Some(Json::Number(n)),
        (Type::Decimal, other) => return Err(wanted("a number", &other)),
        (Type::DateTime, Json::String(text)) if is_date_time(&text) => Some(Json::String(text)),
        (Type::DateTime, Json::String(text)) => {
            return Err(invalid(format!("{} is not a date and time", quoted(&text))));
        }
        (Type::DateTime, other) => return Err(wanted("a date and time", &other)),
        (Type::Binary, Json::String(text)) if is_base64(&text) => Some(Json::String(text)),
        (Type::Binary, Json::String(_)) => return Err(invalid("base64 text is expected".into())),
        (Type::Binary, other) => return Err(wanted("base64 text", &other)),
        (Type::Complex, Json::Object(parts)) => canonical_parts(attribute, parts, whole, dialect)?,
        (Type::Complex, text @ Json::String(_))
            if attribute.sub("value").is_some() && dialect.allows(Rule::BareComplexValue) =>
        {
            let mut parts = Object::new();
            parts.push("value", text);
            canonical_parts(attribute, parts, whole, dialect)?
        }
        (Type::Complex, other) => return Err(wanted("an object", &other)),
    })
}

fn canonical_parts(
    attribute: &Attribute,
    given: Object,
    whole: bool,
    dialect: &Dialect,
) -> Result<Option<Json>, Fault> {
    let mut parts = Object::new();
    for (name, value) in given {
        let Some(sub) = attribute.sub(&name) else {
            unknown(&name, dialect)?;
            continue;
        };
        if sub.is_read_only() {
            continue;
        }
        if parts.get(&sub.name).is_some() {
            return Err(Fault::new(Kind::InvalidSyntax, name, "the sub-attribute stands twice in the request"));
        }
        if let Some(value) = canonical(sub, value, whole, dialect)? {
            parts.push(sub.name.clone(), value);
        }
    }
    if clears(attribute, &parts) && dialect.allows(Rule::EmptyClears) {
        return Ok(None);
    }
    // What is hidden is missing in everything that was read; whether it is there is seen when all is done.
    let needed = |s: &&Attribute| s.required && !s.is_read_only() && !s.is_hidden();
    let mut needed = attribute.sub_attributes.iter().filter(needed);
    if let Some(missing) = needed.find(|s| whole && parts.get(&s.name).is_none()) {
        return Err(invalid(format!("{} is missing", missing.name)));
    }
    order_parts(&mut parts, attribute);
    Ok((!parts.is_empty()).then_some(Json::Object(parts)))
}

/// Is it base64 text?
pub fn is_base64(text: &str) -> bool {
    BASE64.decode(text).is_ok()
}

/// `"manager":{"value":""}`: a reference to nobody.
fn clears(attribute: &Attribute, parts: &Object) -> bool {
    !attribute.multi_valued && parts.get("value").and_then(Json::as_str) == Some("")
}

/// Puts sub-attributes in the order of the schema.
pub fn order_parts(parts: &mut Object, attribute: &Attribute) {
    parts.sort_by_rank(|n| attribute.sub_attributes.iter().position(|s| s.name == n).unwrap_or(usize::MAX));
}

/// Is this element the preferred one?
pub fn is_primary(element: &Json) -> bool {
    element.as_object().is_some_and(|o| o.get("primary") == Some(&Json::Bool(true)))
}

/// The ids in a value for `members`: objects with `value`, a `$ref` that ends in the id, or bare ids.
/// Repeated ids count once. Errors: [`Kind::InvalidValue`] for an element without an id.
pub fn member_ids(value: &Json, attribute: &Attribute, dialect: &Dialect) -> Result<Vec<String>, Fault> {
    if !matches!(value, Json::Array(_) | Json::Null) && !dialect.allows(Rule::SingleForList) {
        return Err(Fault::new(Kind::InvalidValue, "members", format!("an array is expected, not {}", value.what())));
    }
    if value.elements().iter().any(|e| matches!(e, Json::String(_))) && !dialect.allows(Rule::BareComplexValue) {
        return Err(Fault::new(Kind::InvalidValue, "members", "an array of objects is expected"));
    }
    let parts = value.elements().iter().filter_map(Json::as_object).flat_map(Object::iter);
    for (name, _) in parts.filter(|(name, _)| attribute.sub(name).is_none()) {
        unknown(name, dialect).map_err(|f| f.within("members"))?;
    }
    let mut seen = std::collections::HashSet::new();
    let mut ids = element_values(value, "members")?;
    ids.retain(|id| seen.insert(id.clone()));
    Ok(ids)
}

/// Puts a document into canonical order and says in `schemas` which extensions it has data of.
pub fn settle(document: &mut Object, of: &ResourceType) {
    document.retain(|name, value| {
        let empty = value.as_object().is_some_and(Object::is_empty) || value.is_unassigned();
        !empty && !of.is_apart(name)
    });
    for (extension, _) in &of.extensions {
        if let Some(Json::Object(inner)) = document.get_mut(&extension.id) {
            inner.sort_by_rank(|n| extension.attributes.iter().position(|a| a.name == n).unwrap_or(usize::MAX));
        }
    }
    let schemas = schemas(document, of);
    document.set("schemas", schemas);
    document.sort_by_rank(|n| of.rank(n));
}

fn invalid(why: String) -> Fault {
    Fault::new(Kind::InvalidValue, "", why)
}
