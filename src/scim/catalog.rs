//! Every schema and resource type that this server knows: what is in `assets/schemas` and `assets/resource-types`, and
//! what the configuration declares ([`super::declare`]). The rest of the core knows by name only what has a meaning
//! beyond its schema: `password`, `active`, `roles`, `members`, `groups`, and those of User and Group alone.

use std::sync::Arc;

use include_dir::{Dir, include_dir};
use serde::Deserialize;

use super::json::{Json, Object};
use super::path::BoundPath;
use super::schema::{Attribute, Schema, Type, Uniqueness};

static SCHEMAS: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/schemas");
static RESOURCE_TYPES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/assets/resource-types");

/// URI of the core User schema.
pub const USER_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
/// URI of the core Group schema.
pub const GROUP_SCHEMA: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
/// URI of the enterprise extension.
pub const ENTERPRISE_SCHEMA: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// URI of our own extension of users: what is worked out when it is read, and stands in no document.
pub const APPLIANCE_SCHEMA: &str = "urn:scim-appliance:schemas:1.0:User";
/// The file whose attributes every resource has (RFC 7643 §3.1); it is no schema and is not served.
const COMMON: &str = "common";

/// A kind of resource with an endpoint of its own (RFC 7643 §6).
#[derive(Debug, Clone)]
pub struct ResourceType {
    /// Its name, which is its id as well: `User`.
    pub name: String,
    /// Its path below the base: `/Users`.
    pub endpoint: String,
    /// The attributes that every resource has: `id`, `externalId`, `meta`, `schemas`.
    pub common: Arc<Schema>,
    /// Its base schema.
    pub schema: Arc<Schema>,
    /// Its extensions, and whether each is required.
    pub extensions: Vec<(Arc<Schema>, bool)>,
    /// The definition as it is served, without `meta`.
    pub definition: Json,
    /// The attributes whose values the store keeps for look-up or for uniqueness.
    pub lookups: Vec<Lookup>,
}

/// An attribute whose values the store keeps, folded unless letter case matters.
#[derive(Debug, Clone)]
pub struct Lookup {
    /// The number under which the store keeps them. It is good for one catalog: another one numbers anew.
    pub number: i64,
    /// No two resources have the same value.
    pub unique: bool,
    extension: Option<Arc<Schema>>,
    attribute: Attribute,
    sub: Option<Attribute>,
}

impl Lookup {
    /// The path to the values.
    pub fn path(&self) -> BoundPath<'_> {
        BoundPath { extension: self.extension.as_deref(), attribute: &self.attribute, sub: self.sub.as_ref() }
    }

    fn is_at(&self, path: &BoundPath<'_>) -> bool {
        let own = self.path();
        own.extension.map(|e| &e.id) == path.extension.map(|e| &e.id)
            && own.attribute.name == path.attribute.name
            && own.sub.map(|s| &s.name) == path.sub.map(|s| &s.name)
    }
}

/// `emails.value` of a User is looked up although no characteristic says so; it is the first number.
const EMAILS: i64 = 1;

impl ResourceType {
    /// True for User, whose `active`, `groups`, `password` and `roles` mean more than their schema says.
    pub fn is_user(&self) -> bool {
        self.schema.built_in && self.schema.id == USER_SCHEMA
    }

    /// True for Group, whose `members` mean more than their schema says.
    pub fn is_group(&self) -> bool {
        self.schema.built_in && self.schema.id == GROUP_SCHEMA
    }

    /// The attribute that names a resource of a built-in type, and has a column of its own in the store: `userName`, a
    /// group's `displayName`.
    pub fn naming(&self) -> Option<&Attribute> {
        let names = |a: &&Attribute| a.required && a.uniqueness == Uniqueness::Server;
        self.schema.attributes.iter().find(names).filter(|_| self.schema.built_in)
    }

    /// The attributes of answers that come from other rows than the resource's own.
    pub fn views(&self) -> &'static [&'static str] {
        if self.schema.built_in { &["groups", "members"] } else { &[] }
    }

    /// True for an attribute that never stands in a stored document: it belongs to the server or has a home of its own.
    pub fn is_apart(&self, name: &str) -> bool {
        ["id", "meta"].contains(&name) || self.views().contains(&name)
    }

    /// How the values at a path are kept, if they are.
    pub fn lookup(&self, path: &BoundPath<'_>) -> Option<&Lookup> {
        self.lookups.iter().find(|l| l.is_at(path))
    }
    /// A common attribute or one of the base schema, by name in any letter case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.common.attribute(name).or_else(|| self.schema.attribute(name))
    }

    /// The extension with this URI, in any letter case.
    pub fn extension(&self, uri: &str) -> Option<&Schema> {
        self.extensions.iter().map(|(s, _)| s.as_ref()).find(|s| s.id.eq_ignore_ascii_case(uri))
    }

    /// Where a top-level name stands in the canonical order: common attributes, the base schema's, then extensions.
    pub fn rank(&self, name: &str) -> usize {
        let common = self.common.attributes.iter().map(|a| a.name.as_str());
        let base = self.schema.attributes.iter().map(|a| a.name.as_str());
        let extensions = self.extensions.iter().map(|(s, _)| s.id.as_str());
        // `schemas` opens the stored document.
        if name == "schemas" {
            return 0;
        }
        1 + common.chain(base).chain(extensions).position(|n| n == name).unwrap_or(usize::MAX - 1)
    }
}

/// The schemas and resource types of one server.
#[derive(Debug, Clone)]
pub struct Catalog {
    /// In the order in which they are served.
    pub schemas: Vec<Arc<Schema>>,
    /// In the order in which they are served.
    pub resource_types: Vec<Arc<ResourceType>>,
}

/// Why a definition cannot be used: the file (or table) and the reason.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {why}")]
pub struct BadDefinition {
    place: String,
    why: String,
}

#[derive(Deserialize)]
struct WrittenSchema {
    id: String,
    name: String,
    attributes: Vec<Attribute>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenType {
    name: String,
    endpoint: String,
    schema: String,
    #[serde(default)]
    schema_extensions: Vec<WrittenExtension>,
}

#[derive(Deserialize)]
struct WrittenExtension {
    schema: String,
    required: bool,
}

impl Catalog {
    /// The catalog of the files that the binary carries.
    pub fn built_in() -> Result<Catalog, BadDefinition> {
        let mut common = None;
        let mut schemas = Vec::new();
        for (place, text) in texts(&SCHEMAS) {
            let written: WrittenSchema = parsed(&place, text)?;
            let schema = Arc::new(Schema {
                id: written.id,
                name: written.name,
                attributes: written.attributes,
                definition: tree(&place, text)?,
                built_in: true,
            });
            match schema.id == COMMON {
                true => common = Some(schema),
                false => schemas.push(schema),
            }
        }
        let missing =
            |place: &str, what: &str| BadDefinition { place: place.into(), why: format!("{what} is not defined") };
        let common = common.ok_or_else(|| missing("assets/schemas", COMMON))?;
        let find =
            |place: &str, id: &str| schemas.iter().find(|s| s.id == id).cloned().ok_or_else(|| missing(place, id));
        let mut resource_types = Vec::new();
        for (place, text) in texts(&RESOURCE_TYPES) {
            let written: WrittenType = parsed(&place, text)?;
            let mut extensions = Vec::new();
            for e in &written.schema_extensions {
                extensions.push((find(&place, &e.schema)?, e.required));
            }
            resource_types.push(Arc::new(ResourceType {
                schema: find(&place, &written.schema)?,
                name: written.name,
                endpoint: written.endpoint,
                common: common.clone(),
                extensions,
                definition: tree(&place, text)?,
                lookups: Vec::new(),
            }));
        }
        // Users before Groups: Okta's suites look at the first one.
        resource_types.sort_by_key(|t| (t.schema.id != USER_SCHEMA, t.name.clone()));
        let order = [USER_SCHEMA, GROUP_SCHEMA, ENTERPRISE_SCHEMA];
        schemas.sort_by_key(|s| (order.iter().position(|o| *o == s.id).unwrap_or(order.len()), s.id.clone()));
        Ok(Catalog { schemas, resource_types }.numbered())
    }

    /// The same with a number for each attribute that is looked up. One that several resource types share has one number:
    /// what is unique is unique within the server (RFC 7643 §7, `uniqueness`).
    pub(super) fn numbered(mut self) -> Catalog {
        let mut number = EMAILS;
        let mut numbers: Vec<(String, Lookup)> = Vec::new();
        for schema in &self.schemas {
            for (attribute, sub) in schema.lookups() {
                number += 1;
                let unique = sub.unwrap_or(attribute).uniqueness != Uniqueness::None;
                let lookup =
                    Lookup { number, unique, extension: None, attribute: attribute.clone(), sub: sub.cloned() };
                numbers.push((schema.id.clone(), lookup));
            }
        }
        for of in &mut self.resource_types {
            let mut lookups = Vec::new();
            if of.is_user()
                && let Some(emails) = of.schema.attribute("emails")
            {
                let sub = emails.sub("value").cloned();
                lookups.push(Lookup { number: EMAILS, unique: false, extension: None, attribute: emails.clone(), sub });
            }
            let homes = of.extensions.iter().map(|(s, _)| (s, Some(s.clone())));
            for (schema, extension) in homes.chain([(&of.schema, None)]) {
                let own = numbers.iter().filter(|(id, _)| *id == schema.id);
                lookups.extend(own.map(|(_, l)| Lookup { extension: extension.clone(), ..l.clone() }));
            }
            Arc::make_mut(of).lookups = lookups;
        }
        self
    }

    /// The schema with this URI, in any letter case.
    pub fn schema(&self, uri: &str) -> Option<&Arc<Schema>> {
        self.schemas.iter().find(|s| s.id.eq_ignore_ascii_case(uri))
    }

    /// The resource type of this name.
    pub fn resource_type(&self, name: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|t| t.name == name)
    }

    /// The resource type that is served below this path segment (`Users`).
    pub fn at_endpoint(&self, segment: &str) -> Option<&Arc<ResourceType>> {
        self.resource_types.iter().find(|t| t.endpoint.strip_prefix('/') == Some(segment))
    }

    /// A text that changes whenever a definition does: the store keeps it to know when its flags are out of date.
    pub fn fingerprint_text(&self) -> String {
        let mut text: String = SCHEMAS.files().filter_map(|f| f.contents_utf8()).collect();
        for s in &self.schemas {
            text.push_str(&s.definition.text());
        }
        for t in &self.resource_types {
            text.push_str(&t.definition.text());
            for l in &t.lookups {
                text.push_str(&format!("\n{} {} {}", l.number, l.path().text(), l.unique));
                // The keys of numbers were doubles once; who has any stored needs them anew.
                if matches!(l.path().leaf().kind, Type::Integer | Type::Decimal) {
                    text.push_str(" exact");
                }
            }
        }
        text
    }
}

fn texts(dir: &'static Dir<'static>) -> Vec<(String, &'static [u8])> {
    dir.files().map(|f| (f.path().display().to_string(), f.contents())).collect()
}

fn parsed<T: for<'d> Deserialize<'d>>(place: &str, text: &[u8]) -> Result<T, BadDefinition> {
    serde_json::from_slice(text).map_err(|e| BadDefinition { place: place.into(), why: e.to_string() })
}

fn tree(place: &str, text: &[u8]) -> Result<Json, BadDefinition> {
    Json::parse(text).map_err(|e| BadDefinition { place: place.into(), why: e.why })
}

/// An object with only `schemas` in it: how every message of RFC 7644 begins.
pub fn message(schema: &str) -> Object {
    let mut object = Object::new();
    object.push("schemas", Json::Array(vec![schema.into()]));
    object
}
