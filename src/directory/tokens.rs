//! Making and revoking bearer tokens (decision P3).

use super::{Refusal, Scope};
use crate::secret::Token;
use crate::store::{Change, StoreError, TokenRow, TokenStatus, Writer};

/// How long a token lives, in microseconds; `None`: until it is revoked.
pub type Lifetime = Option<i64>;

/// Makes a token. It is shown once, by the caller of this; the file keeps its digest.
///
/// Errors: [`Refusal::Denied`] when there are as many live tokens of scope `scim` as there may be.
pub fn create_token(
    writer: &mut Writer<'_>,
    token: &Token,
    name: &str,
    scope: Scope,
    lifetime: Lifetime,
    most: usize,
    actor: &str,
) -> Result<(), Refusal> {
    let now = writer.now();
    let live = writer
        .control()?
        .tokens
        .values()
        .filter(|t| t.scope == Scope::Scim.name() && t.status(now) == TokenStatus::Live)
        .count();
    if scope == Scope::Scim && live >= most {
        return Err(Refusal::Denied(format!(
            "there are {live} live tokens already, and no more than {most} may live at a time; revoke one first"
        )));
    }
    let row = TokenRow {
        id: token.id().to_owned(),
        name: name.to_owned(),
        scope: scope.name().to_owned(),
        digest: token.digest(),
        created: now,
        created_by: actor.to_owned(),
        expires: lifetime.map(|l| now.saturating_add(l)),
        revoked: None,
        last_used: None,
        last_address: None,
        last_client: None,
    };
    writer.add_token(&row)?;
    writer.record(&Change { actor, op: "token.create", resource: Some(token.id()), ..Change::default() })?;
    Ok(())
}

/// Revokes a token at once and for ever. False when there is no live one of this id.
pub fn revoke_token(writer: &mut Writer<'_>, id: &str, actor: &str) -> Result<bool, StoreError> {
    let revoked = writer.revoke_token(id)?;
    if revoked {
        writer.record(&Change { actor, op: "token.revoke", resource: Some(id), ..Change::default() })?;
    }
    Ok(revoked)
}
