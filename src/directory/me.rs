//! `/Me` (RFC 7644 §3.11): another name for the user whom a token is bound to.

use std::sync::Arc;

use super::patch::{Finish, met, settle};
use super::{Ask, Caller, Refusal, roles};
use crate::scim::catalog::{ResourceType, USER_SCHEMA};
use crate::scim::json::{Json, Object};
use crate::scim::patch::PatchPlan;
use crate::store::{Delta, Prepared, Reader, Row, Writer};

/// What people decide about themselves: how they are called and addressed, and where they can be reached. Whether they are
/// active, what they may do, by what others know them (userName, externalId, emails, certificates), what their employer
/// says of them and what the configuration declares is for others to say.
pub(super) const OWN: [&str; 12] = [
    "name",
    "displayName",
    "nickName",
    "profileUrl",
    "title",
    "preferredLanguage",
    "locale",
    "timezone",
    "phoneNumbers",
    "ims",
    "photos",
    "addresses",
];

/// The user behind a token: type and id; and what keeps the token from it, if something does.
///
/// Errors: [`Refusal::Nobody`] for a token that is bound to none, [`Refusal::NotFound`] when the user is gone.
pub fn me(reader: &Reader<'_>, caller: &Caller) -> Result<(Arc<ResourceType>, String, Option<Refusal>), Refusal> {
    let id = caller.subject().ok_or(Refusal::Nobody)?;
    let all = &reader.catalog().resource_types;
    let of = all.iter().find(|t| t.schema.id == USER_SCHEMA).ok_or(Refusal::Nobody)?;
    let row = reader.find(of, id)?.ok_or_else(|| Refusal::NotFound(of.name.clone(), id.to_owned()))?;
    let kept_out = may_touch(caller, &row).err();
    Ok((of.clone(), row.id, kept_out))
}

/// A token that is bound to a user touches that user only, and only while the user is active.
pub fn may_touch(caller: &Caller, row: &Row) -> Result<(), Refusal> {
    let Some(subject) = caller.subject() else { return Ok(()) };
    if subject != row.id {
        return Err(Refusal::Denied("This token is for its own user alone. Nothing was changed.".to_owned()));
    }
    if row.document()?.get("active") == Some(&Json::Bool(false)) {
        return Err(Refusal::Denied("The user of this token is deactivated.".to_owned()));
    }
    Ok(())
}

/// What DELETE of `/Me` does: whoever removes his or her own account is deactivated. The record stays for those who take
/// over, and for the identity provider, whose next word may let the person in again.
///
/// That is an interpretation: the request is handled "as if" it were for the user's own URI (RFC 7644 §3.11), and what a DELETE
/// leaves behind is for the service provider to say as long as its clients find nothing (§3.6). Here they find somebody
/// who is deactivated, since it is not for a person to take the record from the identity provider that keeps it.
///
/// Errors: [`Refusal::Denied`] for people who administer.
pub fn leave(writer: &mut Writer<'_>, ask: Ask<'_>, id: &str) -> Result<(), Refusal> {
    ask.caller.still_may_write(writer)?;
    let row = met(writer, ask, id)?;
    let direct = writer.groups_of(row.pk)?;
    let role = roles::effective(writer, ask.site, &row, &direct)?.role;
    if role.settings_admin {
        let why = format!("Whoever is {} cannot remove the own account; somebody else has to do it.", role.label);
        return Err(Refusal::Denied(format!("{why} Nothing was changed.")));
    }
    let before = row.document()?;
    let mut after = before.clone();
    after.set("active", false);
    PatchPlan::finish(&before, &mut after, ask.of)?;
    let after = Prepared::of(after, ask.of);
    let delta = Delta::default();
    settle(
        writer,
        ask,
        Finish { op: "leave", row, before: &before, after: &after, delta: &delta, always_shown: false },
    )?;
    Ok(())
}

/// Refuses to say something of values that are for others to set and are never shown: whether the result differs from what
/// is there, and so is refused, would tell what the value is.
pub fn may_say<'n>(caller: &Caller, mut secrets: impl Iterator<Item = &'n str>) -> Result<(), Refusal> {
    if caller.subject().is_none() {
        return Ok(());
    }
    secrets.find(|name| !OWN.contains(name)).map_or(Ok(()), |name| Err(theirs(name)))
}

fn theirs(name: &str) -> Refusal {
    Refusal::Denied(format!("{name} is not for the user of this token to change. Nothing was changed."))
}

/// Refuses changes that are for others to make.
pub fn may_become(caller: &Caller, before: &Object, after: &Object) -> Result<(), Refusal> {
    if caller.subject().is_none() {
        return Ok(());
    }
    let names = before.iter().chain(after.iter()).map(|(name, _)| name);
    let mut others = names.filter(|name| *name != "schemas" && !OWN.contains(name));
    others.find(|name| before.get(name) != after.get(name)).map_or(Ok(()), |name| Err(theirs(name)))
}
