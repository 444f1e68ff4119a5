//! One resource by its id (RFC 7644 §3.4.1).

use super::show::Show;
use super::{Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::list::Query;
use crate::scim::project::Projection;
use crate::store::Reader;

/// Members up to which a group is written on the thread that asks; larger ones are left to a reader thread.
pub const INLINE_MEMBERS: u64 = 100;

/// The resource as JSON text. With `quick`, gives `None` when writing it may take longer than a moment.
pub fn fetch(
    reader: &Reader<'_>,
    site: &Site,
    of: &ResourceType,
    id: &str,
    wish: &Query,
    dialect: &Dialect,
    quick: bool,
) -> Result<Option<String>, Refusal> {
    let row = reader.find(of, id)?.ok_or_else(|| Refusal::NotFound(of.name.clone(), id.to_owned()))?;
    if quick && row.members > INLINE_MEMBERS {
        return Ok(None);
    }
    let projection = Projection::bind(wish, of, dialect);
    Show::new(reader, site, of, &projection).one(&row).map(Some)
}
