//! PUT (RFC 7644 §3.5.1).

use super::me::may_say;
use super::patch::{Finish, all_known, finish, met};
use super::{Ask, Refusal, Reply};
use crate::scim::dialect::Rule;
use crate::scim::merge;
use crate::scim::resource::Checked;
use crate::store::{Delta, Prepared, Writer};

/// Replaces a resource with what was checked. What [`merge::replace`] keeps, it keeps; members that the request does not
/// name stay as they are.
pub fn replace(writer: &mut Writer<'_>, ask: Ask<'_>, id: &str, new: Checked) -> Result<Reply, Refusal> {
    let of = ask.of;
    ask.caller.still_may_write(writer)?;
    let row = met(writer, ask, id)?;
    may_say(ask.caller, new.secrets(of).into_iter())?;
    let before = row.document()?;
    let members = new.members().map(<[String]>::to_vec);
    let after = merge::replace(&before, new, of, ask.site.put_merges, ask.dialect)?;
    let mut delta = Delta::default();
    let unknown_members = match members {
        Some(ids) => writer.replace_members(row.pk, &ids, &mut delta)?,
        None if row.members > 0 && !ask.site.put_merges && !ask.dialect.allows(Rule::PutKeepsAbsent) => {
            writer.replace_members(row.pk, &[], &mut delta)?
        }
        None => Vec::new(),
    };
    all_known(&unknown_members, ask.dialect)?;
    let after = Prepared::of(after, of);
    let reply = finish(
        writer,
        ask,
        Finish { op: "replace", row, before: &before, after: &after, delta: &delta, always_shown: true },
    );
    Ok(Reply { unknown_members, ..reply? })
}
