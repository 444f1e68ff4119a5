//! What several pages say about how it all stands.

use super::views::{Link, Moment, Warning};
use super::{Trouble, Ui};
use crate::directory::guard::guard;
use crate::directory::overview::Standing;
use crate::directory::provisioning::Provisioning;
use crate::directory::{Scope, StoreError, TokenRow, TokenStatus};

const HOUR: i64 = 3600 * 1_000_000;
/// Microseconds.
pub const DAY: i64 = 24 * HOUR;
/// Days before the end of a token, or a certificate, from which on that is said.
pub const SOON: i64 = 30;

/// How provisioning stands, in words.
#[derive(Debug, Clone)]
pub struct State {
    /// `on`, `off`, `paused` or `read-only`.
    pub name: &'static str,
    /// The latest request of an identity provider.
    pub last: Option<Contact>,
    /// Requests that were refused in the last 24 hours.
    pub errors: u64,
}

/// A request of an identity provider.
#[derive(Debug, Clone)]
pub struct Contact {
    /// When.
    pub at: Moment,
    /// The User-Agent, or "a client without a name".
    pub client: String,
    /// The name of the token.
    pub token: String,
}

/// The certificate that this server shows.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its names.
    pub names: String,
    /// When it ends.
    pub ends: Moment,
    /// Made by the server itself.
    pub self_signed: bool,
    /// SHA-256 of it.
    pub fingerprint: String,
    /// Why a newer one could not be used.
    pub problem: Option<String>,
}

/// A token in the table.
#[derive(Debug, Clone)]
pub struct TokenView {
    /// The public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `scimapp_4fT0aQ9z…`
    pub hint: String,
    /// What it opens, in words.
    pub scope: &'static str,
    /// When it was made.
    pub created: Moment,
    /// By whom, in words.
    pub by: String,
    /// When it ends.
    pub expires: Option<Moment>,
    /// When it was last used.
    pub used: Option<Moment>,
    /// From where.
    pub address: String,
    /// By which client.
    pub client: String,
    /// `ok`, `warn`, `off`, or nothing.
    pub kind: &'static str,
    /// `Active`, `Expires soon`, `Not used yet`, `Expired`, `Revoked`.
    pub status: &'static str,
    /// It can be revoked.
    pub is_live: bool,
    /// It can be rotated.
    pub rotates: bool,
}

/// The address of a state.
pub fn state_name(state: Provisioning) -> &'static str {
    match state {
        Provisioning::ReadOnly => "read-only",
        other => other.name(),
    }
}

/// "1 person", "2 people".
pub fn counted(n: u64, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{} {many}", super::views::Count(n)) }
}

/// Whole days until a time; 0 when it is over.
pub fn days_until(end: i64, now: i64) -> i64 {
    end.saturating_sub(now).max(0).div_euclid(DAY)
}

/// How long is left of something: "in 12 days", "in 5 hours", "ended".
fn left(end: i64, now: i64) -> String {
    match (end <= now, days_until(end, now)) {
        (true, _) => "has ended".to_owned(),
        (false, 0) => {
            format!("ends in {}", counted(u64::try_from((end - now) / HOUR).unwrap_or(0).max(1), "hour", "hours"))
        }
        (false, days) => format!("ends in {}", counted(u64::try_from(days).unwrap_or(0), "day", "days")),
    }
}

/// What a token opens, in words.
pub fn scope_words(scope: &str) -> &'static str {
    match Scope::named(scope) {
        Some(Scope::Scim) => "Provisioning",
        Some(Scope::ScimRead) => "Reading",
        Some(Scope::Me) => "One person's own record",
        Some(Scope::ApiRead) => "The API, reading",
        Some(Scope::ApiHandover) => "The API, hand-overs",
        None => "Unknown",
    }
}

/// Who did something, as change rows name it, in words.
pub fn who_words(actor: &str, tokens: &[TokenRow]) -> String {
    match actor.split_once(':') {
        Some(("token", id)) => match tokens.iter().find(|t| t.id == id) {
            Some(token) => format!("the token {}", token.name),
            None => format!("the token {id}"),
        },
        Some(("admin", name)) => name.to_owned(),
        // The id, and the name of then.
        Some(("person", who)) => {
            format!("{}, by single sign-on", who.split_once(' ').map_or(who, |(_, name)| name))
        }
        Some(("command", _)) => "a command on the server".to_owned(),
        None if actor == "automatic" => "automatic deactivation".to_owned(),
        None if actor == "retention" => "the retention time".to_owned(),
        _ => actor.to_owned(),
    }
}

/// The live token whose place this one is to take.
pub fn replaced_by<'t>(token: &TokenRow, all: &'t [TokenRow], now: i64) -> Option<&'t TokenRow> {
    let id = token.replaces.as_deref()?;
    all.iter().find(|t| t.id == id && t.status(now) == TokenStatus::Live)
}

/// A token as the pages show it.
pub fn token_view(token: &TokenRow, all: &[TokenRow], now: i64) -> TokenView {
    let status = token.status(now);
    let soon = token.expires.is_some_and(|end| end <= now.saturating_add(SOON * DAY));
    let (kind, words) = match (status, token.last_used) {
        (TokenStatus::Revoked, _) => ("off", "Revoked"),
        (TokenStatus::Expired, _) => ("off", "Expired"),
        (TokenStatus::Live, _) if soon => ("warn", "Expires soon"),
        (TokenStatus::Live, None) => ("", "Not used yet"),
        (TokenStatus::Live, Some(_)) => ("ok", "Active"),
    };
    let replaced = all.iter().any(|t| t.replaces.as_deref() == Some(&token.id) && t.status(now) == TokenStatus::Live);
    let is_live = status == TokenStatus::Live;
    TokenView {
        id: token.id.clone(),
        name: token.name.clone(),
        hint: format!("scimapp_{}…", token.id),
        scope: scope_words(&token.scope),
        created: Moment(token.created),
        by: who_words(&token.created_by, all),
        expires: token.expires.map(Moment),
        used: token.last_used.map(Moment),
        address: token.last_address.clone().unwrap_or_default(),
        client: token.last_client.clone().unwrap_or_default(),
        kind,
        status: words,
        is_live,
        rotates: is_live && token.scope == Scope::Scim.name() && !replaced && replaced_by(token, all, now).is_none(),
    }
}

impl Ui {
    /// How provisioning stands.
    pub fn state(&self, standing: &Standing, tokens: &[TokenRow]) -> State {
        let now = self.now();
        let name_of = |id: &str| tokens.iter().find(|t| t.id == id).map_or(id, |t| &t.name).to_owned();
        let latest = self.directory.store.activity(|a| a.latest().map(|e| (e.at, e.client.clone(), e.token.clone())));
        // What was asked before the last thousand requests, or by an earlier version, is known of the tokens.
        let used = tokens
            .iter()
            .filter(|t| t.scope != Scope::ApiRead.name())
            .filter_map(|t| Some((t.last_used?, t.last_client.clone().unwrap_or_default(), Some(t.id.clone()))));
        let last = used.chain(latest).max_by_key(|(at, _, _)| *at);
        let client = |client: String| if client.is_empty() { "a client without a name".to_owned() } else { client };
        State {
            name: state_name(standing.state),
            last: last.map(|(at, c, token)| Contact {
                at: Moment(at),
                client: client(c),
                token: token.as_deref().map(name_of).unwrap_or_default(),
            }),
            errors: self.errors_since(now.saturating_sub(DAY)),
        }
    }

    /// Requests with a good token that were refused since a time, by the hour.
    pub fn errors_since(&self, since: i64) -> u64 {
        self.directory.store.activity(|a| a.hours_since(since).iter().map(|(_, t)| t.refused).sum())
    }

    /// All tokens, the latest first.
    pub async fn all_tokens(&self) -> Result<Vec<TokenRow>, Trouble> {
        let mut tokens = self.directory.store.read(|reader| reader.tokens()).await?;
        tokens.reverse();
        Ok(tokens)
    }

    /// What everybody who is signed in should know, on every page.
    pub async fn warnings(&self) -> Result<Vec<Warning>, Trouble> {
        const NEAR: i64 = 14;
        let now = self.now();
        let read = self.directory.store.read(|reader| Ok::<_, StoreError>((reader.control()?, guard(reader)?)));
        let (tokens, guard) = read.await?;
        let mut ending: Vec<&TokenRow> =
            tokens.tokens.values().filter(|t| t.revoked.is_none() && t.scope == Scope::Scim.name()).collect();
        ending.sort_by_key(|t| t.expires);
        let near = |end: i64| end <= now.saturating_add(NEAR * DAY) && end > now.saturating_sub(NEAR * DAY);
        let mut warnings = Vec::new();
        if let Some(guard) = guard {
            warnings.push(Warning {
                text: format!(
                    "{} deactivated or deleted within minutes. Check your identity provider. Nobody is purged until an administrator has looked.",
                    counted(guard.count, "person was", "people were"),
                ),
                link: Some(Link { href: "/guard".to_owned(), words: "Look at them".to_owned() }),
            });
        }
        for token in ending.iter().filter(|t| t.expires.is_some_and(near)) {
            warnings.push(Warning {
                text: format!("The token {} {}.", token.name, left(token.expires.unwrap_or(now), now)),
                link: Some(Link { href: "/provisioning#tokens".to_owned(), words: "Look at the tokens".to_owned() }),
            });
        }
        if let Some(certificate) = self.certificate() {
            if let Some(problem) = &certificate.problem {
                warnings.push(Warning { text: format!("A new certificate cannot be used: {problem}"), link: None });
            }
            if certificate.ends.0 <= now.saturating_add(NEAR * DAY) {
                warnings.push(Warning {
                    text: format!("The certificate of this server {}.", left(certificate.ends.0, now)),
                    link: None,
                });
            }
        }
        Ok(warnings)
    }

    /// The certificate that the server shows, if it has one.
    pub fn certificate(&self) -> Option<Certificate> {
        let view = self.certificates.now()?;
        Some(Certificate {
            names: view.names.join(", "),
            ends: Moment(view.not_after),
            self_signed: view.self_signed,
            fingerprint: view.fingerprint,
            problem: view.problem,
        })
    }
}
