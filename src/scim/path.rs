//! Attribute paths: `[urn:]name[.sub]`, and the value paths of PATCH (RFC 7644 §3.5.2 and §3.10).

use super::catalog::{APPLIANCE_SCHEMA, ENTERPRISE_SCHEMA, ResourceType};
use super::dialect::{Dialect, Rule};
use super::fault::{Fault, Kind, quoted};
use super::filter::{Filter, parse};
use super::name::is_attribute_name;
use super::schema::{Attribute, Schema};

/// A path as it was written. Where its URN ends can only be said with a Catalog in hand: `…:2.0:User:userName` and
/// `…:2.0:User` differ in nothing but what is defined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttrPath(String);

/// A path that was found in the Catalog.
#[derive(Debug, Clone, Copy)]
pub struct BoundPath<'c> {
    /// The extension that the attribute belongs to; none for the base schema and the common attributes.
    pub extension: Option<&'c Schema>,
    /// The attribute.
    pub attribute: &'c Attribute,
    /// Its part.
    pub sub: Option<&'c Attribute>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub enum Place<'c> {
    /// The resource as a whole: the URI of its base schema.
    Resource,
    /// All attributes of an extension: its URI.
    Extension(&'c Schema),
    /// An attribute, or a part of it.
    Attribute(BoundPath<'c>),
}

/// A path of PATCH: `attr`, `attr[filter]`, `attr[filter].sub` (RFC 7644 figure 7).
#[derive(Debug, Clone, PartialEq)]
pub struct PatchPath {
    /// In front of the bracket, or everything.
    pub attr: AttrPath,
    /// Inside the bracket.
    pub filter: Option<Filter>,
    /// Behind the bracket.
    pub sub: Option<String>,
}

impl AttrPath {
    /// Reads a path. Errors: [`Kind::InvalidPath`] when a character cannot stand in one.
    pub fn parse(text: &str) -> Result<AttrPath, Fault> {
        let (urn, names) = match text.rsplit_once(':') {
            Some((urn, names)) => (urn, names),
            None => ("", text),
        };
        let urn_ok = urn.chars().all(|c| c.is_ascii_alphanumeric() || "-._:/~%#".contains(c));
        // The last part of a bare URN (`User`, `2.0`) has the shape of names as well, but for a leading digit.
        let names_ok = names.split('.').all(|n| {
            is_attribute_name(n)
                || (!urn.is_empty()
                    && !n.is_empty()
                    && n.bytes().all(|b| b.is_ascii_alphanumeric() || b"$-_".contains(&b)))
        });
        match urn_ok && names_ok && !names.is_empty() {
            true => Ok(AttrPath(text.to_owned())),
            false => Err(Fault::new(Kind::InvalidPath, "", format!("{} is not an attribute path", quoted(text)))),
        }
    }

    /// The path as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Finds the path in a resource type. `None` when no such attribute exists.
    pub fn bind<'c>(&self, of: &'c ResourceType, dialect: &Dialect) -> Option<Place<'c>> {
        let text = self.0.as_str();
        let extensions = of.extensions.iter().map(|(s, _)| (s.as_ref(), Some(s.as_ref())));
        let schemas = extensions.chain([(of.schema.as_ref(), None)]);
        // `urn:a:1` is in front of `urn:a:1.0:b` as well: the longest that fits is meant.
        let fitting = schemas.filter_map(|(s, e)| Some((s, e, strip_urn(text, &s.id)?)));
        let fitting = fitting.filter(|(_, _, rest)| rest.is_empty() || rest.starts_with([':', '.']));
        if let Some((_, extension, rest)) = fitting.max_by_key(|(s, _, _)| s.id.len()) {
            let found = |names| match extension {
                Some(e) => named(names, |n| e.attribute(n), extension),
                None => named(names, |n| of.attribute(n), None),
            };
            return match (rest.strip_prefix(':'), rest.strip_prefix('.')) {
                (Some(names), _) => found(names),
                // A dot that leads nowhere is no use of the rule.
                (None, Some(names)) => found(names).filter(|_| dialect.allows(Rule::UrnDot)),
                (None, None) => Some(extension.map_or(Place::Resource, Place::Extension)),
            };
        }
        named(text, |n| of.attribute(n), None).or_else(|| {
            let enterprise = of.extension(ENTERPRISE_SCHEMA)?;
            let found = named(text, |n| enterprise.attribute(n), Some(enterprise))?;
            dialect.allows(Rule::EnterpriseAtTop).then_some(found)
        })
    }
}

/// `text` without `urn` in front of it, in any letter case.
fn strip_urn<'t>(text: &'t str, urn: &str) -> Option<&'t str> {
    let head = text.get(..urn.len())?;
    head.eq_ignore_ascii_case(urn).then(|| text.get(urn.len()..)).flatten()
}

fn named<'c>(
    names: &str,
    find: impl Fn(&str) -> Option<&'c Attribute>,
    extension: Option<&'c Schema>,
) -> Option<Place<'c>> {
    let (name, sub) = match names.split_once('.') {
        Some((name, sub)) => (name, Some(sub)),
        None => (names, None),
    };
    let attribute = find(name)?;
    let sub = match sub {
        Some(sub) => Some(attribute.sub(sub)?),
        None => None,
    };
    Some(Place::Attribute(BoundPath { extension, attribute, sub }))
}

impl<'c> BoundPath<'c> {
    /// The attribute that a value is compared with or set on: the part if there is one.
    pub fn leaf(&self) -> &'c Attribute {
        self.sub.unwrap_or(self.attribute)
    }

    /// A comparison with a complex attribute means its `value` (the default sub-attribute of RFC 7643 §2.4).
    pub fn to_value(mut self) -> BoundPath<'c> {
        if self.sub.is_none() && self.attribute.is_complex() {
            self.sub = self.attribute.sub("value");
        }
        self
    }

    /// True for this attribute of the base schema or the common ones.
    pub fn is(&self, name: &str) -> bool {
        self.extension.is_none() && self.attribute.name == name
    }

    /// True for what is worked out when it is read: no index and no stored document has it, so nothing is found by it.
    pub fn is_computed(&self) -> bool {
        self.extension.is_some_and(|e| e.id == APPLIANCE_SCHEMA)
    }

    /// The canonical text.
    pub fn text(&self) -> String {
        let mut text = self.extension.map(|e| format!("{}:", e.id)).unwrap_or_default();
        text.push_str(&self.attribute.name);
        if let Some(sub) = self.sub {
            text.push('.');
            text.push_str(&sub.name);
        }
        text
    }
}

impl PatchPath {
    /// Reads a path of PATCH. Errors: [`Kind::InvalidPath`], and [`Kind::InvalidFilter`] for what is inside a bracket.
    pub fn parse(text: &str, dialect: &Dialect) -> Result<PatchPath, Fault> {
        let bad = |why: &str| Fault::new(Kind::InvalidPath, "", format!("{} is not a PATCH path: {why}", quoted(text)));
        if text.len() > parse::MAX_LENGTH {
            return Err(bad("it is too long"));
        }
        let Some((attr, rest)) = text.split_once('[') else {
            return Ok(PatchPath { attr: AttrPath::parse(text)?, filter: None, sub: None });
        };
        let (inside, behind) = rest.rsplit_once(']').ok_or_else(|| bad("the bracket is not closed"))?;
        let sub = match behind {
            "" => None,
            _ => Some(
                behind
                    .strip_prefix('.')
                    .filter(|n| is_attribute_name(n))
                    .ok_or_else(|| bad("what follows the bracket is not a sub-attribute"))?,
            ),
        };
        let filter = Filter::parse(inside, dialect).map_err(|f| f.within(&quoted(text)))?;
        Ok(PatchPath { attr: AttrPath::parse(attr)?, filter: Some(filter), sub: sub.map(str::to_owned) })
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalog::Catalog;
    use super::*;

    /// What a path leads to, and how many rules that took.
    fn found(text: &str) -> (Option<String>, usize) {
        let catalog = Catalog::built_in().unwrap();
        let dialect = Dialect::tolerant();
        let place = AttrPath::parse(text).unwrap().bind(catalog.resource_type("User").unwrap(), &dialect);
        let text = place.map(|p| match p {
            Place::Attribute(path) => path.text(),
            other => format!("{other:?}").chars().take_while(char::is_ascii_alphabetic).collect(),
        });
        (text, dialect.used().names().count())
    }

    #[test]
    fn a_rule_is_used_where_it_leads_somewhere() {
        let department = format!("{ENTERPRISE_SCHEMA}:department");
        assert_eq!(found(&department), (Some(department.clone()), 0));
        assert_eq!(found(&format!("{ENTERPRISE_SCHEMA}.department")), (Some(department.clone()), 1));
        assert_eq!(found("department"), (Some(department), 1));
        assert_eq!(found(&format!("{ENTERPRISE_SCHEMA}.shoeSize")), (None, 0));
        assert_eq!(found("shoeSize"), (None, 0));
        assert_eq!(found(ENTERPRISE_SCHEMA), (Some("Extension".into()), 0));
        assert_eq!(found("urn:ietf:params:scim:schemas:core:2.0:User"), (Some("Resource".into()), 0));
    }
}
