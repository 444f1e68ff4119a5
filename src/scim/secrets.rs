//! What a request says of values that are never shown (RFC 7643 §7, `returned`), for those who may not even learn whether
//! it is true.

use super::carry::Cleared;
use super::catalog::ResourceType;
use super::json::{Json, Object};
use super::patch::{Change, DocumentStep, PatchPlan, Step};
use super::path::BoundPath;
use super::resource::Checked;
use super::schema::{Attribute, Schema};

impl Checked {
    /// The top-level names under which it says something, be it null, of what is never shown.
    pub fn secrets<'c>(&self, of: &'c ResourceType) -> Vec<&'c str> {
        let says = |attribute: &Attribute, home: Option<&Object>, cleared: Option<&Cleared>| {
            let (value, cleared) =
                (home.and_then(|h| h.get(&attribute.name)), cleared.and_then(|c| c.at(&attribute.name)));
            let part = |name: &str| attribute.sub(name).is_some_and(Attribute::is_secret);
            let mut parts = value.map(Json::elements).unwrap_or_default().iter().filter_map(Json::as_object);
            (attribute.is_secret() && (value.is_some() || cleared.is_some()))
                || parts.any(|p| p.iter().any(|(n, _)| part(n)))
                || (cleared.is_some() && attribute.sub_attributes.iter().any(Attribute::is_secret))
        };
        let base = of.schema.attributes.iter().filter(|a| says(a, Some(self.document()), Some(self.cleared())));
        let inner = |e: &Schema| {
            let home = self.document().get(&e.id).and_then(Json::as_object);
            e.attributes.iter().any(|a| says(a, home, self.cleared().at(&e.id)))
        };
        let extensions = of.extensions.iter().map(|(e, _)| e.as_ref()).filter(|e| inner(e));
        base.map(|a| a.name.as_str()).chain(extensions.map(|e| e.id.as_str())).collect()
    }
}

impl PatchPlan<'_> {
    /// The top-level names under which steps touch something that is never shown.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().filter_map(|step| match step {
            Step::Document(step) if step.touches_secret() => {
                Some(step.path.extension.map_or(step.path.attribute.name.as_str(), |e| e.id.as_str()))
            }
            _ => None,
        })
    }
}

impl DocumentStep<'_> {
    fn touches_secret(&self) -> bool {
        let BoundPath { attribute, sub, .. } = self.path;
        let part = |name: &str| attribute.sub(name).is_some_and(Attribute::is_secret);
        let inside = match &self.change {
            Change::Clear => sub.is_none() && attribute.sub_attributes.iter().any(Attribute::is_secret),
            Change::Merge(parts) => parts.iter().any(|(sub, _)| sub.is_secret()),
            Change::Set(value) => {
                value.elements().iter().filter_map(Json::as_object).flat_map(Object::iter).any(|(n, _)| part(n))
            }
        };
        inside || attribute.is_secret() || sub.is_some_and(Attribute::is_secret)
    }
}
