//! DELETE (RFC 7644 §3.6): gone for SCIM, kept among the departed for those who have to clear up.

use super::lifecycle::is_active;
use super::patch::met;
use super::{Ask, Refusal};
use crate::store::{Change, Departure, Writer};

/// Deletes a person, or archives a group with the members that it had. Its name is free at once, its id never again.
/// Whoever leaves, leaves every group, and the tokens that are bound to them and their sessions end. Somebody who was active has something to
/// hand over.
pub fn remove(writer: &mut Writer<'_>, ask: Ask<'_>, id: &str) -> Result<(), Refusal> {
    let Ask { caller, of, .. } = ask;
    caller.still_may_write(writer)?;
    let row = met(writer, ask, id)?;
    let change = |op| Change { actor: &caller.actor, request: Some(&caller.request), op, ..Change::default() };
    let (mut left, mut local) = (Vec::new(), Vec::new());
    for group in writer.leave_groups(row.pk)? {
        writer.touch(group.pk)?;
        writer.record(&Change {
            code: Some(group.code),
            resource: Some(&group.id),
            removed: vec![row.id.clone()],
            ..change("member.left")
        })?;
        if group.local {
            local.push(group.id.clone());
        }
        left.push(group.id);
    }
    let members = if row.members > 0 { writer.member_ids(row.pk)? } else { Vec::new() };
    if row.members > 0 {
        local.extend(writer.local_member_ids(row.pk)?);
        writer.drop_members(row.pk)?;
    }
    writer.depart(of, &Departure { row: &row, members: &members, groups: &left, local: &local })?;
    if of.is_user() && is_active(&row.document()?) {
        writer.open_handover(&row.id)?;
    }
    writer.record(&Change { code: Some(row.code), resource: Some(&row.id), ..change("delete") })?;
    writer.revoke_tokens_of(&row.id)?;
    if of.is_user() {
        writer.end_sessions_of(&row.id)?;
    }
    Ok(())
}
