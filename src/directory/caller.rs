//! Who asks, and what that lets them do.

use super::Refusal;
use super::refusal::Unauthenticated;
use crate::secret::{Token, same_digest};
use crate::store::{Control, Provisioning, Reader, StoreError, TokenStatus, Writer};

/// What a token is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Provisioning.
    Scim,
    /// Looking, not changing.
    ScimRead,
    /// The own record of the user whom the token is bound to.
    Me,
    /// Looking at what happened, by `/api/v1`; not SCIM.
    ApiRead,
}

/// How far a request reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// `/Me`, and what the server says about itself.
    Own,
    /// Everything else of SCIM.
    All,
    /// `/api/v1`, whatever the state of provisioning is.
    Api,
}

impl Scope {
    /// The scope of this name.
    pub fn named(name: &str) -> Option<Scope> {
        match name {
            "scim" => Some(Scope::Scim),
            "scim:read" => Some(Scope::ScimRead),
            "me" => Some(Scope::Me),
            "api:read" => Some(Scope::ApiRead),
            _ => None,
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Scope::Scim => "scim",
            Scope::ScimRead => "scim:read",
            Scope::Me => "me",
            Scope::ApiRead => "api:read",
        }
    }
}

/// Somebody who showed a good token. Only [`Caller::admit`] makes one.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token's public id.
    pub token: String,
    scope: Scope,
    /// The id of the user whom the token is bound to.
    subject: Option<String>,
    generation: i64,
    /// `token:ID`, as change rows name it.
    pub actor: String,
    /// The id of the request, as the log shows it.
    pub request: String,
}

impl Caller {
    /// Lets the holder of a token in, if provisioning is on. Authentication comes first: a bad token is refused as such
    /// in every state.
    pub fn admit(reader: &Reader<'_>, token: &Token, request: &str, reach: Reach, now: i64) -> Result<Caller, Refusal> {
        let control = reader.control()?;
        let scope = examine(&control, token.id(), Some(token), now)?;
        let id = token.id().to_owned();
        let caller = Caller {
            actor: format!("token:{id}"),
            subject: control.tokens.get(&id).and_then(|t| t.subject.clone()),
            token: id,
            scope,
            generation: control.generation,
            request: request.to_owned(),
        };
        match (scope, reach) {
            (Scope::ApiRead, Reach::Api) => return Ok(caller),
            (Scope::ApiRead, _) => {
                return Err(Refusal::Denied("This token opens /api/v1 and nothing else.".to_owned()));
            }
            (_, Reach::Api) => {
                return Err(Refusal::Denied("This token is for SCIM. /api/v1 needs one of scope api:read.".to_owned()));
            }
            _ => {}
        }
        caller.open(&control, false)?;
        if scope == Scope::Me && reach == Reach::All {
            return Err(Refusal::Denied("This token opens /Me and nothing else.".to_owned()));
        }
        Ok(caller)
    }

    /// The id of the user whom the token is bound to, if it is bound to one.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// Refuses a write to somebody who may only look.
    pub fn may_write(&self, reader: &Reader<'_>) -> Result<(), Refusal> {
        self.open(&*reader.control()?, true)
    }

    /// Asked inside the writing transaction: a token that was revoked, or provisioning that was switched off, between
    /// the arrival of the request and its turn counts.
    pub(super) fn still_may_write(&self, writer: &Writer<'_>) -> Result<(), Refusal> {
        let control = writer.control()?;
        if control.generation != self.generation {
            examine(&control, &self.token, None, writer.now())?;
        }
        self.open(&control, true)
    }

    fn open(&self, control: &Control, writes: bool) -> Result<(), Refusal> {
        let denied = |why: &str| Err(Refusal::Denied(why.to_owned()));
        match control.provisioning {
            Provisioning::Off => denied("Provisioning is switched off. An administrator can switch it on."),
            Provisioning::Paused => Err(Refusal::Paused),
            Provisioning::ReadOnly if writes => denied("Provisioning is read-only at the moment. Nothing was changed."),
            _ if writes && self.scope == Scope::ScimRead => denied("This token may only read. Nothing was changed."),
            _ => Ok(()),
        }
    }
}

/// Finds the token by its public id and compares digests in constant time.
fn examine(control: &Control, id: &str, token: Option<&Token>, now: i64) -> Result<Scope, Refusal> {
    let refused = |why| Err(Refusal::Unauthenticated(why));
    let Some(stored) = control.tokens.get(id) else { return refused(Unauthenticated::Unknown) };
    if token.is_some_and(|t| !same_digest(&t.digest(), &stored.digest)) {
        return refused(Unauthenticated::Unknown);
    }
    match stored.status(now) {
        TokenStatus::Live => match Scope::named(&stored.scope) {
            Some(scope) => Ok(scope),
            None => {
                Err(Refusal::Broken(StoreError::Corrupt(format!("a token has the unknown scope {}", stored.scope))))
            }
        },
        TokenStatus::Revoked => refused(Unauthenticated::Revoked),
        TokenStatus::Expired => refused(Unauthenticated::Expired),
    }
}
