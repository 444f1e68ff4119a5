//! Which attributes an answer shows: `returned` of the schema, `attributes` and `excludedAttributes` of the request
//! (RFC 7644 §3.9).

use super::catalog::ResourceType;
use super::dialect::Dialect;
use super::json::{Json, Object};
use super::list::Query;
use super::path::{AttrPath, BoundPath, Place};
use super::schema::{Attribute, Returned, Schema};
use super::stored::is_current;

/// The wish of one request, for one resource type.
#[derive(Debug, Default)]
pub struct Projection<'c> {
    /// Only these; every default attribute when empty and `chosen` is false.
    only: Vec<Place<'c>>,
    /// The client named attributes, though perhaps none that exists.
    chosen: bool,
    /// Not these.
    excluded: Vec<Place<'c>>,
}

impl<'c> Projection<'c> {
    /// Binds the names of a query. Names that do not exist here choose nothing.
    pub fn bind(query: &Query, of: &'c ResourceType, dialect: &Dialect) -> Projection<'c> {
        let bind = |paths: &[AttrPath]| paths.iter().filter_map(|p| p.bind(of, dialect)).collect();
        Projection { only: bind(&query.attributes), chosen: query.chosen, excluded: bind(&query.excluded) }
    }

    /// True when the answer shows what it shows to a client that wishes nothing.
    pub fn is_default(&self) -> bool {
        !self.chosen && self.excluded.is_empty()
    }

    /// True when the answer differs from the default one at most by leaving these top-level attributes out as a whole.
    pub fn only_leaves_out(&self, names: &[&str]) -> bool {
        let plain = |p: &Place<'_>| matches!(p, Place::Attribute(path) if path.sub.is_none() && names.iter().any(|n| path.is(n)));
        !self.chosen && self.excluded.iter().all(plain)
    }

    /// True when the client names something that is worked out when it is read.
    pub fn asks_for_computed(&self) -> bool {
        self.only.iter().any(|p| matches!(p, Place::Attribute(path) if path.is_computed()))
    }

    /// Will this top-level attribute be shown? If not, it need not be looked up.
    pub fn wants(&self, attribute: &Attribute) -> bool {
        self.shows(None, attribute)
    }

    /// Takes away what is not to be shown.
    pub fn apply(&self, resource: &mut Object, of: &ResourceType) {
        resource.retain(|name, value| {
            if let Some(extension) = of.extension(name) {
                return self.apply_extension(extension, value);
            }
            match of.attribute(name) {
                Some(attribute) => self.shows(None, attribute) && self.apply_parts(None, attribute, value),
                None => false,
            }
        });
    }

    fn apply_extension(&self, extension: &Schema, value: &mut Json) -> bool {
        let Json::Object(inner) = value else { return false };
        inner.retain(|name, value| match extension.attribute(name) {
            Some(attribute) => {
                self.shows(Some(extension), attribute) && self.apply_parts(Some(extension), attribute, value)
            }
            None => false,
        });
        !inner.is_empty()
    }

    fn shows(&self, extension: Option<&Schema>, attribute: &Attribute) -> bool {
        let named = |place: &Place<'_>| match place {
            Place::Resource => extension.is_none(),
            Place::Extension(e) => extension.is_some_and(|x| x.id == e.id),
            Place::Attribute(p) => same(p, extension, attribute),
        };
        let excluded = self.excluded.iter().any(|p| match p {
            Place::Attribute(path) if path.sub.is_some() => false,
            place => named(place),
        });
        match attribute.returned {
            Returned::Always => true,
            Returned::Never => false,
            Returned::Request => self.only.iter().any(|p| matches!(p, Place::Attribute(_)) && named(p)) && !excluded,
            Returned::Default => (!self.chosen || self.only.iter().any(named)) && !excluded,
        }
    }

    /// Takes sub-attributes away; false when nothing is left of the attribute.
    fn apply_parts(&self, extension: Option<&Schema>, attribute: &Attribute, value: &mut Json) -> bool {
        if !attribute.is_complex() {
            return true;
        }
        let here = |places: &[Place<'_>]| -> Vec<Option<String>> {
            let paths = places.iter().filter_map(|p| match p {
                Place::Attribute(path) if same(path, extension, attribute) => Some(path.sub.map(|s| s.name.clone())),
                _ => None,
            });
            paths.collect()
        };
        let (only, excluded) = (here(&self.only), here(&self.excluded));
        // `name,name.givenName` shows all of name.
        let whole = only.is_empty() || only.contains(&None);
        let keep = |parts: &mut Object| {
            parts.retain(|name, _| {
                let Some(sub) = attribute.sub(name) else { return false };
                let chosen = only.iter().any(|o| o.as_deref() == Some(name));
                let out = excluded.iter().any(|e| e.as_deref() == Some(name));
                match sub.returned {
                    Returned::Always => true,
                    Returned::Never => false,
                    Returned::Request => chosen && !out,
                    Returned::Default => (whole || chosen) && !out,
                }
            });
            !parts.is_empty()
        };
        match value {
            Json::Object(parts) => keep(parts),
            Json::Array(list) => {
                list.retain_mut(|e| match e {
                    Json::Object(parts) => keep(parts),
                    _ => true,
                });
                !list.is_empty()
            }
            _ => true,
        }
    }
}

fn same(path: &BoundPath<'_>, extension: Option<&Schema>, attribute: &Attribute) -> bool {
    path.extension.map(|e| &e.id) == extension.map(|e| &e.id) && path.attribute.name == attribute.name
}

/// Takes out what is never shown, wherever it would be written beside the resource itself.
pub fn withhold_secrets(document: &mut Object, of: &ResourceType) {
    document.retain(|name, value| match (of.extension(name), value) {
        (Some(extension), Json::Object(inner)) => {
            inner.retain(|n, v| extension.attribute(n).is_none_or(|a| is_open(a, v)));
            !inner.is_empty()
        }
        (_, value) => of.attribute(name).is_none_or(|a| is_open(a, value)),
    });
}

/// Is there anything to be seen of a value, without the parts of it that are never shown?
fn is_open(attribute: &Attribute, value: &mut Json) -> bool {
    let open = |a: &Attribute| a.returned != Returned::Never;
    let parts = match value {
        Json::Array(list) => list.as_mut_slice(),
        one => std::slice::from_mut(one),
    };
    for part in parts {
        if let Json::Object(part) = part {
            part.retain(|n, _| attribute.sub(n).is_none_or(open));
        }
    }
    open(attribute)
}

/// True when a document holds nothing that `returned: never` or `request` would hide, nor anything that no definition
/// knows: it may be shown as it is stored.
pub fn is_plain(document: &Object, of: &ResourceType) -> bool {
    if !is_current(document, of) {
        return false;
    }
    let shown = |a: &Attribute| matches!(a.returned, Returned::Always | Returned::Default);
    let plain = |a: &Attribute| shown(a) && a.sub_attributes.iter().all(shown);
    document.iter().all(|(name, value)| match (of.extension(name), value) {
        (Some(extension), Json::Object(inner)) => inner.iter().all(|(n, _)| extension.attribute(n).is_some_and(plain)),
        _ => of.attribute(name).is_some_and(plain),
    })
}
