//! Making and revoking bearer tokens (decision P3).

use super::{Refusal, Scope};
use crate::scim::catalog::USER_SCHEMA;
use crate::scim::name::fold;
use crate::secret::Token;
use crate::store::{Change, Reader, StoreError, TokenRow, TokenStatus, Writer};

/// How long a token lives, in microseconds; `None`: until it is revoked.
pub type Lifetime = Option<i64>;

/// A token to be made.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The token itself.
    pub token: Token,
    /// What the administrator calls it.
    pub name: String,
    /// What it is for.
    pub scope: Scope,
    /// The userName or id of the user whom it is bound to.
    pub user: Option<String>,
    /// The public id of the token whose place it is to take.
    pub replaces: Option<String>,
    /// How long it lives.
    pub lifetime: Lifetime,
}

/// Makes a token. It is shown once, by the caller of this; the file keeps its digest.
///
/// Errors: [`Refusal::Denied`] when there are as many live tokens of scope `scim` as there may be, and when there is no
/// user of that name.
pub fn create_token(writer: &mut Writer<'_>, new: &NewToken, most: usize, actor: &str) -> Result<(), Refusal> {
    let NewToken { token, name, scope, user, replaces, lifetime } = new;
    let now = writer.now();
    let live = writer
        .control()?
        .tokens
        .values()
        .filter(|t| t.scope == Scope::Scim.name() && t.status(now) == TokenStatus::Live)
        .count();
    if *scope == Scope::Scim && live >= most {
        return Err(Refusal::Denied(format!(
            "there are {live} live tokens already, and no more than {most} may live at a time; revoke one first"
        )));
    }
    let subject = match user {
        Some(user) => Some(person_named(writer, user)?),
        None => None,
    };
    let row = TokenRow {
        id: token.id().to_owned(),
        name: name.clone(),
        scope: scope.name().to_owned(),
        subject,
        digest: token.digest(),
        replaces: replaces.clone(),
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

/// The id of the user with this id, or else with this userName: nobody can take an id's place by being called like it.
pub(super) fn person_named(reader: &Reader<'_>, user: &str) -> Result<String, Refusal> {
    let of = reader.catalog().resource_types.iter().find(|t| t.schema.id == USER_SCHEMA);
    let found = match of {
        Some(of) => match (reader.find(of, user)?, reader.key_by_name(of, &fold(user))?) {
            (None, Some(key)) => reader.rows(&[key])?.pop(),
            (found, _) => found,
        },
        None => None,
    };
    found.map(|row| row.id).ok_or_else(|| Refusal::Denied(format!("there is no user {user:?}")))
}

/// Revokes a token at once and for ever. False when there is no live one of this id.
pub fn revoke_token(writer: &mut Writer<'_>, id: &str, actor: &str) -> Result<bool, StoreError> {
    let revoked = writer.revoke_token(id)?;
    if revoked {
        writer.record(&Change { actor, op: "token.revoke", resource: Some(id), ..Change::default() })?;
    }
    Ok(revoked)
}
