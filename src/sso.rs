//! OpenID Connect: signing in with an identity provider. Knows nothing of people, pages or the store.

use std::fmt;

use serde_json::{Map, Value};

use crate::outbound::{Outbound, OutboundError};

/// An identity provider, as an administrator described it.
#[derive(Clone, PartialEq, Eq)]
pub struct Provider {
    /// The issuer, as typed: a slash at its end may be missing or too much.
    pub issuer: String,
    /// What the provider calls us.
    pub client_id: String,
    /// The secret that we share; none for a public client, which PKCE alone protects.
    pub client_secret: Option<String>,
    /// Scopes to ask for; `openid` is added when it is not among them.
    pub scopes: Vec<String>,
    /// Where the provider sends people back to: our callback.
    pub redirect: String,
}

/// How fresh the authentication has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Fresh {
    /// Whatever session the provider has will do.
    #[default]
    No,
    /// The person has authenticated within so many seconds (`max_age`).
    Within(u64),
    /// The person authenticates now (`prompt=login` with `max_age=0`).
    Login,
}

/// A sign-in that has begun. All but the URL is kept, out of reach of others, until the browser comes back.
#[derive(Clone, PartialEq, Eq)]
pub struct Begun {
    /// Where the browser is sent.
    pub url: String,
    /// 256 random bits: comes back with the browser.
    pub state: String,
    /// 256 random bits: comes back inside the ID token.
    pub nonce: String,
    /// The PKCE verifier, which only we know.
    pub verifier: String,
    /// The issuer, exactly as its metadata says it.
    pub issuer: String,
    /// How many seconds old the authentication may be, at most.
    pub max_age: Option<u64>,
    /// When it began, in microseconds since 1970.
    pub at: i64,
}

/// What the provider says of somebody who has signed in. All of it was checked.
#[derive(Clone, PartialEq)]
pub struct Claims {
    /// The issuer, exactly as its metadata says it.
    pub issuer: String,
    /// The name of the person at the issuer, which never changes: `sub`.
    pub subject: String,
    /// The claims of the ID token, filled up from userinfo where the provider has that and `sub` agrees.
    pub all: Map<String, Value>,
    /// When the person authenticated, in microseconds since 1970.
    pub auth_time: Option<i64>,
    /// The ID token itself, for signing out.
    pub id_token: String,
}

/// What a provider offers, for the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The issuer, exactly as its metadata says it: this is what to keep.
    pub issuer: String,
    /// Where people sign in.
    pub authorization_endpoint: String,
    /// Where codes become tokens.
    pub token_endpoint: String,
    /// Where more claims are, if anywhere.
    pub userinfo_endpoint: Option<String>,
    /// Where its keys are.
    pub jwks_uri: String,
    /// Where people sign out, if anywhere.
    pub end_session_endpoint: Option<String>,
    /// The signature algorithms that it names and we accept.
    pub algorithms: Vec<String>,
    /// Keys that can verify one of these.
    pub keys: usize,
    /// Scopes that it says it knows; it need not say.
    pub scopes: Vec<String>,
    /// Claims that it says it knows; it need not say.
    pub claims: Vec<String>,
    /// It names itself in its answers (RFC 9207), which keeps providers apart.
    pub names_itself: bool,
}

/// Providers that were looked at, with their keys. A copy is a handle to the same.
#[derive(Clone)]
pub struct Sso {
    #[allow(dead_code)]
    outbound: Outbound,
}

/// Why somebody could not be signed in: one variant for each reason that an administrator can act on, with a sentence. It
/// never holds a secret, a code or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SsoError {
    /// The provider cannot be reached.
    #[error("{0}")]
    Unreachable(#[from] OutboundError),
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Provider({}, {})", self.issuer, self.client_id)
    }
}

impl fmt::Debug for Begun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Begun({})", self.issuer)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Claims({}, {})", self.issuer, self.subject)
    }
}

impl Sso {
    /// Nothing is known of any provider yet.
    pub fn new(outbound: Outbound) -> Sso {
        Sso { outbound }
    }

    /// Looks at a provider: reads its metadata and keys anew.
    pub async fn look(&self, provider: &Provider) -> Result<Look, SsoError> {
        let _ = provider;
        Err(OutboundError::BadAuthorities("not yet".into()).into())
    }

    /// Begins a sign-in.
    pub async fn begin(&self, provider: &Provider, fresh: Fresh, now: i64) -> Result<Begun, SsoError> {
        let _ = (provider, fresh, now);
        Err(OutboundError::BadAuthorities("not yet".into()).into())
    }

    /// Finishes it: exchanges the code and checks what comes back. The caller has compared `state` already; `iss` is the
    /// parameter of that name (RFC 9207) if the browser brought one.
    pub async fn finish(
        &self,
        provider: &Provider,
        begun: &Begun,
        code: &str,
        iss: Option<&str>,
        now: i64,
    ) -> Result<Claims, SsoError> {
        let _ = (provider, begun, code, iss, now);
        Err(OutboundError::BadAuthorities("not yet".into()).into())
    }

    /// Where to send a browser to sign out at the provider too; `back` is where it comes back to. None if the provider has
    /// no such place or cannot be reached.
    pub async fn sign_out_url(&self, provider: &Provider, id_token: &str, back: &str) -> Option<String> {
        let _ = (provider, id_token, back);
        None
    }
}
