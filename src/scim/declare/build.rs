//! The catalog of the binary becomes that of one server.

use std::sync::Arc;

use super::super::catalog::{Catalog, ResourceType};
use super::super::json::{Json, Object};
use super::super::schema::Schema;
use super::{
    Declarations, DeclaredSchema, DeclaredType, MAX_ATTRIBUTES, MAX_LOOKUPS, MAX_NAME, MAX_SCHEMAS, MAX_TYPES, MAX_URN,
    Misdeclared, attribute, bounded, described, either,
};

/// What RFC 7644 §3.2 puts at the root, besides the endpoints of resource types.
const ENDPOINTS: [&str; 6] = ["Schemas", "ResourceTypes", "ServiceProviderConfig", "Bulk", "Me", ".search"];
/// What discovery calls its own resources.
const NAMES: [&str; 3] = ["Schema", "ResourceType", "ServiceProviderConfig"];

/// An extension of a resource type, on its way.
struct Extension {
    of: String,
    schema: Arc<Schema>,
    required: bool,
}

impl Catalog {
    /// This catalog and what is declared beside it.
    ///
    /// Errors: [`Misdeclared`] for the first declaration that contradicts the RFC, another one, or itself.
    pub fn with(self, declared: &Declarations) -> Result<Catalog, Misdeclared> {
        bounded("schema", declared.schemas.len(), MAX_SCHEMAS, "schemas")?;
        bounded("resource_type", declared.resource_types.len(), MAX_TYPES, "resource types")?;
        self.check_types(declared)?;
        let schemas = self.declared_schemas(declared)?;
        let mut extensions = self.extends(declared, &schemas)?;
        let mut types = Vec::new();
        for (i, one) in declared.resource_types.iter().enumerate() {
            let within = |e: Misdeclared| e.within("resource_type", i);
            let base = schema(&one.schema, &self, &schemas).map_err(within)?;
            one.own_extensions(&self, &schemas, base, &mut extensions).map_err(within)?;
            types.push((one, base.clone()));
        }
        for (i, schema) in schemas.iter().enumerate() {
            let bases = || types.iter().filter(|(_, base)| base.id == schema.id).map(|(t, _)| t.name.as_str());
            let mut extended = extensions.iter().filter(|e| e.schema.id == schema.id).map(|e| e.of.as_str()).peekable();
            if bases().next().is_none() && extended.peek().is_none() {
                let why = format!(
                    "{} belongs to no resource type: name those in extends, or make it the schema of a [[resource_type]]",
                    schema.id
                );
                return Err(Misdeclared::new("id", why).within("schema", i));
            }
            if let Some(of) = extended.find(|of| bases().any(|b| b == *of)) {
                let why = format!("{} is the base schema of {of}, and cannot be its extension too", schema.id);
                return Err(Misdeclared::new("extends", why).within("schema", i));
            }
        }
        Ok(self.joined(schemas, &types, &extensions))
    }

    /// Names and endpoints, each once.
    fn check_types(&self, declared: &Declarations) -> Result<(), Misdeclared> {
        for (i, one) in declared.resource_types.iter().enumerate() {
            let before = declared.resource_types.iter().take(i);
            let names = self.resource_types.iter().map(|t| t.name.as_str()).chain(NAMES);
            let mut names = names.chain(before.clone().map(|t| t.name.as_str()));
            let own = self.resource_types.iter().map(|t| t.endpoint.trim_start_matches('/')).chain(ENDPOINTS);
            let mut endpoints = own.chain(before.map(|t| t.endpoint.trim_start_matches('/')));
            let checked = one.check_name(&mut names).and_then(|()| one.check_endpoint(&mut endpoints));
            checked.and_then(|()| described(one.description.as_ref())).map_err(|e| e.within("resource_type", i))?;
        }
        Ok(())
    }

    fn declared_schemas(&self, declared: &Declarations) -> Result<Vec<Arc<Schema>>, Misdeclared> {
        let types: Vec<&str> = type_names(self, declared).collect();
        let mut schemas: Vec<Arc<Schema>> = Vec::new();
        let mut lookups = 0;
        for (i, one) in declared.schemas.iter().enumerate() {
            let schema = one.checked(self, &schemas, &types).map_err(|e| e.within("schema", i))?;
            lookups += schema.lookups().count();
            if lookups > MAX_LOOKUPS {
                let why = format!("with this schema more than {MAX_LOOKUPS} attributes are indexed or unique");
                return Err(Misdeclared::whole(why).within("schema", i));
            }
            schemas.push(Arc::new(schema));
        }
        Ok(schemas)
    }

    /// What `extends` says.
    fn extends(&self, declared: &Declarations, schemas: &[Arc<Schema>]) -> Result<Vec<Extension>, Misdeclared> {
        let mut extensions: Vec<Extension> = Vec::new();
        for (i, (one, schema)) in declared.schemas.iter().zip(schemas).enumerate() {
            let wrong = |key: &'static str, why: String| Err(Misdeclared::new(key, why).within("schema", i));
            if one.required.is_some() && one.extends.is_empty() {
                return wrong(
                    "required",
                    "required says whether what is named in extends needs this schema; extends is missing".into(),
                );
            }
            for (j, of) in one.extends.iter().enumerate() {
                if !type_names(self, declared).any(|t| t == of) {
                    return wrong(
                        "extends",
                        format!("{of:?} is no resource type; there are {}", either(type_names(self, declared))),
                    );
                }
                if one.extends.iter().take(j).any(|o| o == of) {
                    return wrong("extends", format!("{of:?} stands there twice"));
                }
                extensions.push(Extension {
                    of: of.clone(),
                    schema: schema.clone(),
                    required: one.required.unwrap_or(false),
                });
            }
        }
        Ok(extensions)
    }

    /// Everything in one catalog: the schemas behind the enterprise extension, the resource types behind Group.
    fn joined(
        self,
        declared: Vec<Arc<Schema>>,
        types: &[(&DeclaredType, Arc<Schema>)],
        extensions: &[Extension],
    ) -> Catalog {
        let Catalog { mut schemas, resource_types } = self;
        let common = resource_types.first().map(|t| t.common.clone()).unwrap_or_default();
        let own = |name: &str| -> Vec<_> {
            extensions.iter().filter(|e| e.of == name).map(|e| (e.schema.clone(), e.required)).collect()
        };
        let mut all: Vec<Arc<ResourceType>> = Vec::new();
        for of in resource_types {
            let mut of = ResourceType::clone(&of);
            of.extensions.extend(own(&of.name));
            if let Json::Object(definition) = &mut of.definition {
                definition.set("schemaExtensions", listed(&of.extensions));
            }
            all.push(Arc::new(of));
        }
        for (one, schema) in types {
            let extensions = own(&one.name);
            all.push(Arc::new(ResourceType {
                name: one.name.clone(),
                endpoint: one.endpoint.clone(),
                common: common.clone(),
                schema: schema.clone(),
                definition: one.definition(schema, &extensions),
                extensions,
                lookups: Vec::new(),
            }));
        }
        let place = schemas.iter().position(|s| s.is_of_discovery()).unwrap_or(schemas.len());
        schemas.splice(place..place, declared);
        Catalog { schemas, resource_types: all }.numbered()
    }
}

/// The names of all resource types.
fn type_names<'d>(catalog: &'d Catalog, declared: &'d Declarations) -> impl Iterator<Item = &'d str> {
    catalog
        .resource_types
        .iter()
        .map(|t| t.name.as_str())
        .chain(declared.resource_types.iter().map(|t| t.name.as_str()))
}

fn listed(extensions: &[(Arc<Schema>, bool)]) -> Json {
    let one = |(schema, required): &(Arc<Schema>, bool)| {
        let mut object = Object::new();
        object.push("schema", schema.id.as_str());
        object.push("required", *required);
        object.into()
    };
    Json::Array(extensions.iter().map(one).collect())
}

/// The declared schema with this URN.
///
/// Errors: one that this server defines itself has its resource types already.
fn schema<'s>(id: &str, catalog: &Catalog, schemas: &'s [Arc<Schema>]) -> Result<&'s Arc<Schema>, Misdeclared> {
    if catalog.schema(id).is_some() {
        let why = format!("{id} is defined by this server; a schema that is declared in this file is needed here");
        return Err(Misdeclared::new("schema", why));
    }
    schemas.iter().find(|s| s.id.eq_ignore_ascii_case(id)).ok_or_else(|| {
        let why =
            format!("no [[schema]] has the id {id:?}; there are {}", either(schemas.iter().map(|s| s.id.as_str())));
        Misdeclared::new("schema", why)
    })
}

impl DeclaredType {
    /// The name stands in paths and in `meta.resourceType`, and is written there as it is.
    fn check_name<'n>(&self, taken: &mut impl Iterator<Item = &'n str>) -> Result<(), Misdeclared> {
        let name = self.name.as_str();
        let good = name.starts_with(|c: char| c.is_ascii_alphabetic())
            && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !good || name.len() > MAX_NAME {
            let why = format!(
                "{name:?} is no name of a resource type: a letter, then letters, digits, '-' and '_', {MAX_NAME} at most"
            );
            return Err(Misdeclared::new("name", why));
        }
        match taken.find(|t| t.eq_ignore_ascii_case(name)) {
            Some(taken) => Err(Misdeclared::new("name", format!("there is a resource type {taken} already"))),
            None => Ok(()),
        }
    }

    fn check_endpoint<'n>(&self, taken: &mut impl Iterator<Item = &'n str>) -> Result<(), Misdeclared> {
        let endpoint = self.endpoint.as_str();
        let good = endpoint.strip_prefix('/').is_some_and(|segment| {
            segment.starts_with(|c: char| c.is_ascii_alphanumeric())
                && segment.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        });
        // The clash is the better explanation for /.search.
        let segment = endpoint.trim_start_matches('/');
        if let Some(taken) = taken.find(|t| t.eq_ignore_ascii_case(segment)) {
            return Err(Misdeclared::new("endpoint", format!("the endpoint /{taken} is taken")));
        }
        match good && endpoint.len() <= MAX_NAME {
            true => Ok(()),
            false => {
                let why = format!(
                    "{endpoint:?} is no endpoint: '/' and one segment of letters, digits, '-', '_' and '.', such as \"/Roles\""
                );
                Err(Misdeclared::new("endpoint", why))
            }
        }
    }

    /// What `[[resource_type.extension]]` says.
    fn own_extensions(
        &self,
        catalog: &Catalog,
        schemas: &[Arc<Schema>],
        base: &Schema,
        extensions: &mut Vec<Extension>,
    ) -> Result<(), Misdeclared> {
        for (i, one) in self.extensions.iter().enumerate() {
            let wrong = |why: String| Err(Misdeclared::new("schema", why).within("extension", i));
            let schema = schema(&one.schema, catalog, schemas).map_err(|e| e.within("extension", i))?;
            if schema.id == base.id {
                return wrong(format!(
                    "{} is the base schema of {}, and cannot be its extension too",
                    base.id, self.name
                ));
            }
            if extensions.iter().any(|e| e.of == self.name && e.schema.id == schema.id) {
                return wrong(format!("{} is an extension of {} already", schema.id, self.name));
            }
            extensions.push(Extension { of: self.name.clone(), schema: schema.clone(), required: one.required });
        }
        Ok(())
    }

    fn definition(&self, schema: &Schema, extensions: &[(Arc<Schema>, bool)]) -> Json {
        let mut shown = Object::new();
        shown.push("id", self.name.as_str());
        shown.push("name", self.name.as_str());
        shown.push("endpoint", self.endpoint.as_str());
        if let Some(description) = &self.description {
            shown.push("description", description.as_str());
        }
        shown.push("schema", schema.id.as_str());
        shown.push("schemaExtensions", listed(extensions));
        shown.into()
    }
}

impl DeclaredSchema {
    fn checked(&self, catalog: &Catalog, before: &[Arc<Schema>], types: &[&str]) -> Result<Schema, Misdeclared> {
        self.check_id(catalog, before)?;
        described(self.description.as_ref())?;
        if self.attributes.is_empty() {
            return Err(Misdeclared::new("id", format!("{} has no attribute: [[schema.attribute]]", self.id)));
        }
        bounded("attribute", self.attributes.len(), MAX_ATTRIBUTES, "attributes")?;
        let refers = |name: &str| types.contains(&name);
        let (attributes, definitions): (Vec<_>, Vec<_>) =
            attribute::attributes(&self.attributes, &refers)?.into_iter().unzip();
        let name = self.name.clone().or_else(|| self.id.rsplit(':').next().map(str::to_owned)).unwrap_or_default();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(Misdeclared::new("name", format!("a name has from 1 to {MAX_NAME} characters")));
        }
        let mut definition = Object::new();
        definition.push("id", self.id.as_str());
        definition.push("name", name.as_str());
        if let Some(description) = &self.description {
            definition.push("description", description.as_str());
        }
        definition.push("attributes", Json::Array(definitions));
        Ok(Schema { id: self.id.clone(), name, attributes, definition: definition.into(), built_in: false })
    }

    /// A URN (RFC 8141) of characters that can stand in paths, where attributes follow it behind a colon.
    fn check_id(&self, catalog: &Catalog, before: &[Arc<Schema>]) -> Result<(), Misdeclared> {
        let id = self.id.as_str();
        let wrong = |why: String| Err(Misdeclared::new("id", why));
        let mut segments = id.split(':');
        let urn = segments.next().is_some_and(|s| s.eq_ignore_ascii_case("urn"));
        let namespace = segments.next().is_some_and(|s| s.len() > 1 && s.len() < 33 && !s.starts_with('-'));
        let rest: Vec<&str> = segments.collect();
        let good = id.chars().all(|c| c.is_ascii_alphanumeric() || ":-._".contains(c));
        if !urn
            || !namespace
            || rest.is_empty()
            || rest.iter().any(|s| s.split('.').any(str::is_empty))
            || !good
            || id.len() > MAX_URN
        {
            return wrong(format!(
                "{id:?} is no URN such as \"urn:example:scim:schemas:extension:hr:1.0:User\", with letters, digits, '-', '.' and '_' between colons, {MAX_URN} characters at most"
            ));
        }
        if catalog.schema(id).is_some() {
            return wrong(format!("{id} is defined by this server"));
        }
        if before.iter().any(|s| s.id.eq_ignore_ascii_case(id)) {
            return wrong(format!("{id} is declared twice"));
        }
        if id.get(..26).is_some_and(|i| i.eq_ignore_ascii_case("urn:ietf:params:scim:api:m")) {
            return wrong(format!("{id} is a URN of the protocol's messages"));
        }
        // `urn:a:b:c` would be both the schema and the attribute `c` of `urn:a:b`.
        let continues = |long: &str, short: &str| {
            long.get(..short.len()).is_some_and(|head| head.eq_ignore_ascii_case(short))
                && long.get(short.len()..).is_some_and(|tail| tail.starts_with(':'))
        };
        let others = catalog.schemas.iter().chain(before).map(|s| s.id.as_str());
        match others.into_iter().find(|other| continues(id, other) || continues(other, id)) {
            Some(other) => wrong(format!(
                "{id} and {other} begin alike, so that an attribute of one cannot be told from the other; choose another URN"
            )),
            None => Ok(()),
        }
    }
}
