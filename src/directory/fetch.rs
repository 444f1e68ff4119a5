//! One resource by its id (RFC 7644 §3.4.1).

use super::show::{Show, version};
use super::{Ask, Refusal};
use crate::scim::project::Projection;
use crate::store::Reader;

/// Members up to which a group is written on the thread that asks; larger ones are left to a reader thread.
pub const INLINE_MEMBERS: u64 = 100;

/// A resource that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its version: an entity tag.
    pub version: String,
    /// The resource as JSON text; none when the client holds this version already.
    pub body: Option<String>,
}

/// The resource as JSON text. With `quick`, gives `None` when writing it may take longer than a moment.
pub fn fetch(reader: &Reader<'_>, ask: Ask<'_>, id: &str, quick: bool) -> Result<Option<Fetched>, Refusal> {
    let Ask { site, of, wish, conditions, dialect, .. } = ask;
    let row = reader.find(of, id)?.ok_or_else(|| Refusal::NotFound(of.name.clone(), id.to_owned()))?;
    let version = version(reader, &row);
    if !conditions.allow_look(&version) {
        return Err(Refusal::Stale(version));
    }
    // What is worked out on reading does not move the version (P17); a role must be right all the same.
    if conditions.is_known(&version) && !Projection::bind(wish, of, dialect).asks_for_computed() {
        return Ok(Some(Fetched { version, body: None }));
    }
    if quick && row.members > INLINE_MEMBERS {
        return Ok(None);
    }
    let projection = Projection::bind(wish, of, dialect);
    let body = Show::new(reader, site, of, &projection).one(&row)?;
    Ok(Some(Fetched { version, body: Some(body) }))
}
