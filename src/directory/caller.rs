//! Who asks, and what that lets them do.

use std::sync::Arc;

use super::Refusal;
use super::refusal::Unauthenticated;
use crate::secret::{Token, same_digest};
use crate::store::{Control, Provisioning, Reader, Source, StoreError, TokenStatus, Writer};

const NOT_TO_SETTLE: &str = "Settling a hand-over needs a token of scope api:handover. Nothing was changed.";

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
    /// Settling hand-overs, by `/api/v1`; not SCIM.
    ApiHandover,
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
            "api:handover" => Some(Scope::ApiHandover),
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
            Scope::ApiHandover => "api:handover",
        }
    }
}

/// Somebody who showed a good token, or an administrator here. Only [`Caller::admit`] and [`Caller::local`] make one.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The token's public id.
    pub token: String,
    scope: Scope,
    /// An administrator, by a command or on the settings page.
    is_local: bool,
    /// The id of the user whom the token is bound to.
    subject: Option<String>,
    generation: i64,
    /// `token:ID`, `command:NAME` or `admin:NAME`, as change rows name it.
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
            is_local: false,
            generation: control.generation,
            request: request.to_owned(),
        };
        match (scope, reach) {
            (Scope::ApiRead | Scope::ApiHandover, Reach::Api) => return Ok(caller),
            (Scope::ApiRead | Scope::ApiHandover, _) => {
                return Err(Refusal::Denied("This token opens /api/v1 and nothing else.".to_owned()));
            }
            (_, Reach::Api) => {
                return Err(Refusal::Denied(
                    "This token is for SCIM. /api/v1 needs one of scope api:read or api:handover.".to_owned(),
                ));
            }
            _ => {}
        }
        caller.open(&control, false)?;
        if scope == Scope::Me && reach == Reach::All {
            return Err(Refusal::Denied("This token opens /Me and nothing else.".to_owned()));
        }
        Ok(caller)
    }

    /// An administrator, who may change the directory whatever the state of provisioning is. `actor` is as change rows
    /// name it; `request` is empty for a command.
    pub fn local(actor: &str, request: &str) -> Caller {
        Caller {
            token: String::new(),
            scope: Scope::Scim,
            is_local: true,
            subject: None,
            generation: 0,
            actor: actor.to_owned(),
            request: request.to_owned(),
        }
    }

    /// Whose the members are that this caller adds.
    pub(super) fn source(&self) -> Source {
        if self.is_local { Source::Local } else { Source::Provider }
    }

    /// What the token is for.
    pub fn scope(&self) -> Scope {
        self.scope
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
        if self.is_local {
            return Ok(());
        }
        self.open(&*self.still_known(writer)?, true)
    }

    /// An administrator, by a command or on the settings page?
    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }

    /// The same for what has nothing to do with provisioning.
    pub(super) fn still_may_settle(&self, writer: &Writer<'_>) -> Result<(), Refusal> {
        if self.is_local {
            return Ok(());
        }
        self.still_known(writer)?;
        if self.scope == Scope::ApiHandover { Ok(()) } else { Err(Refusal::Denied(NOT_TO_SETTLE.to_owned())) }
    }

    fn still_known(&self, writer: &Writer<'_>) -> Result<Arc<Control>, Refusal> {
        let control = writer.control()?;
        if control.generation != self.generation {
            examine(&control, &self.token, None, writer.now())?;
        }
        Ok(control)
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
