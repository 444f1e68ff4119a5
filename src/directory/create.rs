//! POST (RFC 7644 §3.3).

use serde_json::json;

use super::patch::all_known;
use super::show::{Show, location, version};
use super::{Ask, Refusal, Reply, roles};
use crate::scim::catalog::ResourceType;
use crate::scim::eval::values;
use crate::scim::json::Object;
use crate::scim::path::BoundPath;
use crate::scim::project::Projection;
use crate::store::{Change, Delta, Prepared, StoreError, Writer};

/// What the record of a creation calls the id that somebody had before.
pub const RETURNS: &str = "returns";

/// Creates a resource under a fresh id from a document that was checked. It never adopts one that is there: a unique name that is taken,
/// by a deactivated person too, is refused, and the client links by looking up. Somebody who was here before and was deleted
/// is a new resource, and is known as the same person.
pub fn create(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    id: String,
    new: &Prepared,
    members: &[String],
) -> Result<Reply, Refusal> {
    let Ask { site, caller, of, wish, dialect, shows, .. } = ask;
    caller.still_may_write(writer)?;
    let unknown_role = roles::unheard(site, of, None, &new.document)?;
    let mut row = writer.insert(of, &id, new).map_err(|e| taken(e, of, &new.document))?;
    let mut delta = Delta::default();
    let unknown_members = writer.add_members(row.pk, members, caller.source(), &mut delta)?;
    all_known(&unknown_members, dialect)?;
    writer.settle_members(row.pk, &delta)?;
    let added = delta.added();
    row.members = added.len() as u64;
    let before = if of.is_user() { writer.departed_like(of, new)? } else { None };
    if let Some(before) = &before {
        writer.returned(&id, before)?;
    }
    writer.record(&Change {
        actor: &caller.actor,
        request: Some(&caller.request),
        op: "create",
        code: Some(row.code),
        resource: Some(&id),
        after: before.map(|before| json!({ RETURNS: before }).to_string()),
        added,
        ..Change::default()
    })?;
    let projection = Projection::bind(wish, of, dialect);
    let body = if shows { Some(Show::new(writer, site, of, &projection).fresh(&row)?) } else { None };
    let (location, version) = (location(site, of, &id), version(writer, &row));
    Ok(Reply { location, version, body, unknown_members, unknown_role })
}

/// A unique index that refused becomes a sentence about the attribute behind it.
pub fn taken(error: StoreError, of: &ResourceType, document: &Object) -> Refusal {
    let path = match error {
        StoreError::Taken => of.naming().map(|attribute| BoundPath { extension: None, attribute, sub: None }),
        StoreError::TakenValue(number) => of.lookups.iter().find(|l| l.number == number).map(|l| l.path()),
        other => return Refusal::Broken(other),
    };
    let Some(path) = path else { return Refusal::Broken(error) };
    let value =
        values(&path, document).next().map_or_else(String::new, |v| v.as_str().map_or_else(|| v.text(), str::to_owned));
    Refusal::Taken(of.name.clone(), path.text(), value, path.leaf().case_exact)
}
