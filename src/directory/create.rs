//! POST (RFC 7644 §3.3).

use super::patch::all_known;
use super::show::{Show, location, version};
use super::{Ask, Refusal, Reply};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::project::Projection;
use crate::scim::schema::Uniqueness;
use crate::store::{Change, Delta, Prepared, Source, StoreError, Writer};

/// Creates a resource under a fresh id from a document that was checked. It never adopts one that is there: a unique name that is taken,
/// by a deactivated person too, is refused, and the client links by looking up.
pub fn create(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    id: String,
    new: &Prepared,
    members: &[String],
) -> Result<Reply, Refusal> {
    let Ask { site, caller, of, wish, dialect, shows, .. } = ask;
    caller.still_may_write(writer)?;
    let mut row = writer.insert(of, &id, new).map_err(|e| taken(e, of, &new.document))?;
    let mut delta = Delta::default();
    let unknown_members = writer.add_members(row.pk, members, Source::Provider, &mut delta)?;
    all_known(&unknown_members, dialect)?;
    writer.settle_members(row.pk, &delta)?;
    let added = delta.added();
    row.members = added.len() as u64;
    writer.record(&Change {
        actor: &caller.actor,
        request: Some(&caller.request),
        op: "create",
        code: Some(row.code),
        resource: Some(&id),
        added,
        ..Change::default()
    })?;
    let projection = Projection::bind(wish, of, dialect);
    let body = if shows { Some(Show::new(writer, site, of, &projection).fresh(&row)?) } else { None };
    Ok(Reply { location: location(site, of, &id), version: version(writer, &row), body, unknown_members })
}

/// A unique index that refused becomes a sentence about the attribute behind it.
pub fn taken(error: StoreError, of: &ResourceType, document: &Object) -> Refusal {
    match error {
        StoreError::Taken => {
            let unique = of.schema.attributes.iter().find(|a| a.required && a.uniqueness == Uniqueness::Server);
            let name = unique.map_or("", |a| a.name.as_str());
            let value = document.get(name).and_then(Json::as_str).unwrap_or("");
            Refusal::Taken(of.name.clone(), name.to_owned(), value.to_owned())
        }
        other => Refusal::Broken(other),
    }
}
