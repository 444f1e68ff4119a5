//! How a stored resource becomes the JSON text of an answer: `id`, `meta`, `groups` and `members` are spliced around the
//! stored document, which is parsed only when the client wishes something else than its default attributes.

use std::collections::HashMap;
use std::fmt::Write;

use super::roles::{effective, shown};
use super::{Refusal, Site};
use crate::clock::{date_time, push_date_time};
use crate::scim::catalog::{APPLIANCE_SCHEMA, ResourceType};
use crate::scim::json::{Json, Object};
use crate::scim::project::Projection;
use crate::scim::schema::Attribute;
use crate::scim::stored::{conceal, schemas};
use crate::scim::version::entity_tag;
use crate::store::{Reader, Row};

/// The URL of a resource.
pub fn location(site: &Site, of: &ResourceType, id: &str) -> String {
    format!("{}{}/{id}", site.base, of.endpoint)
}

/// The version of a resource: its entity tag.
pub fn version(reader: &Reader<'_>, row: &Row) -> String {
    entity_tag(reader.file_tag(), row.version)
}

/// Writes resources of one type for an answer.
pub struct Show<'r, 'c> {
    reader: &'r Reader<'c>,
    site: &'r Site,
    of: &'r ResourceType,
    projection: &'r Projection<'r>,
    groups: bool,
    members: bool,
    role: bool,
}

impl<'r, 'c> Show<'r, 'c> {
    /// For a type and a client's wish.
    pub fn new(
        reader: &'r Reader<'c>,
        site: &'r Site,
        of: &'r ResourceType,
        projection: &'r Projection<'r>,
    ) -> Show<'r, 'c> {
        let wants = |a: Option<&Attribute>| of.schema.built_in && a.is_some_and(|a| projection.wants(a));
        let (groups, members) = (wants(of.attribute("groups")), wants(of.attribute("members")));
        let role = projection.asks_for_computed() && of.is_user();
        Show { reader, site, of, projection, groups, members, role }
    }

    /// One resource.
    pub fn one(&self, row: &Row) -> Result<String, Refusal> {
        let direct = if self.groups || self.role { self.reader.groups_of(row.pk)? } else { Vec::new() };
        self.write(row, &direct)
    }

    /// One resource that is known to be in no group: it was created just now.
    pub fn fresh(&self, row: &Row) -> Result<String, Refusal> {
        self.write(row, &[])
    }

    /// A page of resources, their memberships fetched together.
    pub fn page(&self, rows: &[Row]) -> Result<Vec<String>, Refusal> {
        let keys: Vec<i64> = rows.iter().map(|r| r.pk).collect();
        let mut direct: HashMap<i64, Vec<i64>> =
            if self.groups || self.role { self.reader.groups_of_all(&keys)? } else { HashMap::new() };
        rows.iter().map(|row| self.write(row, &direct.remove(&row.pk).unwrap_or_default())).collect()
    }

    fn write(&self, row: &Row, direct: &[i64]) -> Result<String, Refusal> {
        match row.plain && self.projection.only_leaves_out(self.of.views()) {
            true => self.splice(row, direct),
            false => {
                let mut tree = tree(self.reader, self.site, self.of, row, self.groups.then_some(direct), self.members)?;
                if self.role {
                    tree.push(APPLIANCE_SCHEMA, shown(&effective(self.reader, self.site, row, direct)?));
                    tree.set("schemas", schemas(&tree, self.of));
                }
                self.projection.apply(&mut tree, self.of);
                Ok(Json::Object(tree).text())
            }
        }
    }

    fn splice(&self, row: &Row, direct: &[i64]) -> Result<String, Refusal> {
        let mut text = String::with_capacity(row.doc.len() + 320);
        text.push_str("{\"id\":\"");
        text.push_str(&row.id);
        text.push_str("\",");
        // The stored text is an object that begins with `schemas`, so there is always something inside the braces.
        text.push_str(row.doc.get(1..row.doc.len().saturating_sub(1)).unwrap_or(""));
        if !direct.is_empty() {
            self.splice_groups(&mut text, direct)?;
        }
        if self.members && row.members > 0 {
            self.splice_members(&mut text, row)?;
        }
        text.push_str(",\"meta\":{\"resourceType\":\"");
        text.push_str(&self.of.name);
        text.push_str("\",\"created\":\"");
        push_date_time(&mut text, row.created);
        text.push_str("\",\"lastModified\":\"");
        push_date_time(&mut text, row.modified);
        text.push_str("\",\"location\":\"");
        self.push_location(&mut text, self.of, &row.id);
        // As `entity_tag` has it, with its quotes escaped.
        text.push_str("\",\"version\":\"W/\\\"");
        text.push_str(self.reader.file_tag());
        text.push('-');
        let _ = write!(text, "{}", row.version);
        text.push_str("\\\"\"}}");
        Ok(text)
    }

    fn splice_groups(&self, text: &mut String, direct: &[i64]) -> Result<(), Refusal> {
        let graph = self.reader.graph()?;
        let Some(group) = self.reader.catalog().resource_type("Group") else { return Ok(()) };
        for (i, (node, is_direct)) in graph.closure(direct).into_iter().enumerate() {
            text.push_str(if i == 0 { ",\"groups\":[{\"value\":\"" } else { ",{\"value\":\"" });
            text.push_str(&node.id);
            text.push_str("\",\"$ref\":\"");
            self.push_location(text, group, &node.id);
            text.push_str("\",\"display\":");
            push_string(text, &node.display);
            text.push_str(if is_direct { ",\"type\":\"direct\"}" } else { ",\"type\":\"indirect\"}" });
        }
        text.push(']');
        Ok(())
    }

    fn splice_members(&self, text: &mut String, row: &Row) -> Result<(), Refusal> {
        let mut first = true;
        let each = |m: &crate::store::Membership| {
            let Some(of) = self.reader.resource_type(m.code) else { return Ok(()) };
            text.push_str(if first { ",\"members\":[{\"value\":\"" } else { ",{\"value\":\"" });
            first = false;
            text.push_str(&m.id);
            text.push_str("\",\"$ref\":\"");
            self.push_location(text, of, &m.id);
            text.push('"');
            if let Some(label) = &m.label {
                text.push_str(",\"display\":");
                push_string(text, label);
            }
            text.push_str(",\"type\":\"");
            text.push_str(&of.name);
            text.push_str("\"}");
            Ok(())
        };
        self.reader.each_member(row.pk, each)?;
        if !first {
            text.push(']');
        }
        Ok(())
    }

    fn push_location(&self, text: &mut String, of: &ResourceType, id: &str) {
        text.push_str(&self.site.base);
        text.push_str(&of.endpoint);
        text.push('/');
        text.push_str(id);
    }
}

/// Appends a JSON string.
fn push_string(text: &mut String, value: &str) {
    match value.bytes().any(|b| b < 0x20 || b == b'"' || b == b'\\') {
        true => text.push_str(&Json::from(value).text()),
        false => {
            text.push('"');
            text.push_str(value);
            text.push('"');
        }
    }
}

/// The resource as a tree, whole but for what is not wished: `direct` groups, and `members`.
pub fn tree(
    reader: &Reader<'_>,
    site: &Site,
    of: &ResourceType,
    row: &Row,
    direct: Option<&[i64]>,
    members: bool,
) -> Result<Object, Refusal> {
    let mut tree = Object::new();
    tree.push("id", row.id.as_str());
    let mut document = row.document()?;
    if !row.plain {
        conceal(&mut document, of);
    }
    for (name, value) in document {
        tree.push(name, value);
    }
    if let Some(direct) = direct.filter(|d| !d.is_empty())
        && let Some(group) = reader.catalog().resource_type("Group")
    {
        let graph = reader.graph()?;
        let element = |(node, is_direct): (&crate::store::Node, bool)| {
            let kind = if is_direct { "direct" } else { "indirect" };
            reference(&node.id, location(site, group, &node.id), Some(&node.display), kind)
        };
        tree.push("groups", Json::Array(graph.closure(direct).into_iter().map(element).collect()));
    }
    if members && row.members > 0 {
        let mut list = Vec::new();
        reader.each_member(row.pk, |m| {
            if let Some(of) = reader.resource_type(m.code) {
                list.push(reference(&m.id, location(site, of, &m.id), m.label.as_deref(), &of.name));
            }
            Ok(())
        })?;
        tree.push("members", Json::Array(list));
    }
    let mut meta = Object::new();
    meta.push("resourceType", of.name.as_str());
    meta.push("created", date_time(row.created));
    meta.push("lastModified", date_time(row.modified));
    meta.push("location", location(site, of, &row.id));
    meta.push("version", version(reader, row));
    tree.push("meta", meta);
    Ok(tree)
}

/// One member, or one group of a user.
pub fn reference(id: &str, location: String, display: Option<&str>, kind: &str) -> Json {
    let mut element = Object::new();
    element.push("value", id);
    element.push("$ref", location);
    if let Some(display) = display {
        element.push("display", display);
    }
    element.push("type", kind);
    element.into()
}
