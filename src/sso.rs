//! OpenID Connect: signing in with an identity provider. Knows nothing of people, pages or the store.
//!
//! The authorization code flow with PKCE, and nothing else. What a provider says of itself is read by [`metadata`], its keys by
//! [`keys`], both are kept for a while by [`known`]; [`exchange`] makes the two calls, and [`claims`] decides whether what
//! comes back is true.

mod claims;
mod error;
mod exchange;
mod json;
mod keys;
mod known;
mod metadata;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use tokio::time::timeout;

use crate::outbound::Outbound;
use crate::secret;

pub use error::SsoError;
use exchange::Proof;
use known::{Facts, Known};
use metadata::Metadata;

/// Characters of a random text with 256 bits.
const RANDOM: usize = 43;
/// How long a sign-in may take, in microseconds.
pub const LASTS: i64 = 10 * 60 * 1_000_000;
/// How long somebody who signs out waits for where to go, at most.
const PARTING: Duration = Duration::from_secs(2);
/// Characters of an ID token that go into a URL, at most: with more, servers refuse the URL.
const HINT: usize = 6000;

/// The `max_age` that goes with `prompt=login`, in seconds: it makes providers say `auth_time`, which is held against the
/// moment of asking. 0 would say the same twice, but Canaille looks at the age once more after the sign-in, finds it greater
/// than 0, and asks for ever.
const ASKED: u64 = 300;

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
    /// The person authenticates now (`prompt=login`), which `auth_time` has to show.
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
    /// The provider has userinfo, and did not give it: a claim that is missing in `all` may be one that it has.
    pub partial: bool,
}

/// Which claims a sign-in is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs<'c> {
    /// All that there are: userinfo is asked in any case.
    All,
    /// These: userinfo is asked if the ID token does not say all of them.
    These(&'c [&'c str]),
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
    outbound: Outbound,
    known: Arc<Known>,
    /// How a client has proved who it is, the last time: token endpoint and client id.
    proved: Arc<Mutex<Option<(String, String, Proof)>>>,
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
        keys::prepare();
        Sso { outbound, known: Arc::default(), proved: Arc::default() }
    }

    /// Looks at a provider: reads its metadata and keys anew, which sign-ins use from then on.
    ///
    /// Errors: why nobody could sign in with it.
    pub async fn look(&self, provider: &Provider) -> Result<Look, SsoError> {
        let Facts { metadata, keys } = self.known.look(&self.outbound, &provider.issuer).await?;
        exchange::proofs(&metadata, provider)?;
        let good = keys.good_for(&metadata.algorithms);
        if good == 0 {
            return Err(SsoError::BadKeys(format!("none of them is for {}", metadata.algorithms.join(", "))));
        }
        let metadata = (*metadata).clone();
        Ok(Look {
            issuer: metadata.issuer,
            authorization_endpoint: metadata.authorization_endpoint,
            token_endpoint: metadata.token_endpoint,
            userinfo_endpoint: metadata.userinfo_endpoint,
            jwks_uri: metadata.jwks_uri,
            end_session_endpoint: metadata.end_session_endpoint,
            algorithms: metadata.algorithms,
            keys: good,
            scopes: metadata.scopes,
            claims: metadata.claims,
            names_itself: metadata.names_itself,
        })
    }

    /// Is everything known that is needed to begin a sign-in? Then nobody has to be asked for it.
    pub fn is_known(&self, provider: &Provider) -> bool {
        self.known.has(&self.outbound, &provider.issuer)
    }

    /// Begins a sign-in.
    ///
    /// Errors: the provider cannot be reached, or its metadata cannot be used.
    pub async fn begin(&self, provider: &Provider, fresh: Fresh, now: i64) -> Result<Begun, SsoError> {
        let Facts { metadata, .. } = self.known.facts(&self.outbound, &provider.issuer).await?;
        let [state, nonce, verifier] =
            [secret::random_text(RANDOM)?, secret::random_text(RANDOM)?, secret::random_text(RANDOM)?];
        let challenge = BASE64_URL_SAFE_NO_PAD.encode(secret::digest_of(&verifier));
        let max_age = match fresh {
            Fresh::No => None,
            Fresh::Within(seconds) => Some(seconds),
            Fresh::Login => Some(0),
        };
        let scopes = scopes(&provider.scopes);
        let age = match fresh {
            Fresh::Login => Some(ASKED.to_string()),
            _ => max_age.map(|age| age.to_string()),
        };
        let mut query = vec![
            ("response_type", "code"),
            ("client_id", &provider.client_id),
            ("redirect_uri", &provider.redirect),
            ("scope", &scopes),
            ("state", &state),
            ("nonce", &nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        query.extend(age.as_deref().map(|age| ("max_age", age)));
        if fresh == Fresh::Login {
            query.push(("prompt", "login"));
        }
        let url = with_query(&metadata.authorization_endpoint, &query);
        Ok(Begun { url, state, nonce, verifier, issuer: metadata.issuer.clone(), max_age, at: now })
    }

    /// Finishes it: exchanges the code and checks what comes back. The caller has compared `state` already; `iss` is the
    /// parameter of that name (RFC 9207) if the browser brought one.
    ///
    /// Errors: why nobody is signed in.
    pub async fn finish(
        &self,
        provider: &Provider,
        begun: &Begun,
        (code, iss): (&str, Option<&str>),
        needs: Needs<'_>,
        now: i64,
    ) -> Result<Claims, SsoError> {
        if now.saturating_sub(begun.at) > LASTS {
            return Err(SsoError::Stale);
        }
        let facts = self.known.facts(&self.outbound, &provider.issuer).await?;
        let metadata = &facts.metadata;
        // The settings may have changed on the way.
        if metadata.issuer != begun.issuer {
            let (typed, found) = (begun.issuer.clone(), metadata.issuer.clone());
            return Err(SsoError::OtherIssuer { typed, found, hint: "" });
        }
        match iss {
            Some(iss) if iss != metadata.issuer => return Err(SsoError::MixUp(error::words(iss, None, &[]))),
            None if metadata.names_itself => return Err(SsoError::Anonymous),
            _ => {}
        }
        let tokens = self.redeem(metadata, provider, exchange::Code { code, verifier: &begun.verifier }).await?;
        let checked = |facts: &Facts| claims::check(&tokens, &facts.metadata, &facts.keys, provider, begun, now);
        let mut claims = match checked(&facts) {
            // The provider may have changed its keys since they were read, or how it signs.
            Err(why @ (SsoError::UnknownKey(_) | SsoError::BadSignature | SsoError::AlgorithmRefused(_))) => {
                match self.known.again(&self.outbound, &provider.issuer, &facts).await? {
                    Some(facts) if facts.metadata.issuer == begun.issuer => checked(&facts)?,
                    _ => return Err(why),
                }
            }
            other => other?,
        };
        let is_wanted = match needs {
            Needs::All => true,
            Needs::These(these) => these.iter().any(|claim| claims.lacks(claim).is_some()),
        };
        if is_wanted {
            let answer = match (&metadata.userinfo_endpoint, &tokens.access_token) {
                (Some(at), Some(access_token)) => exchange::userinfo(&self.outbound, at, access_token).await,
                _ => Ok(None),
            };
            let more = match answer {
                // As when it is not there: whoever is known without it gets in. A test says what is the matter.
                Err(why @ SsoError::BadUserinfo(_)) if !matches!(needs, Needs::All) => {
                    tracing::warn!("{why}; the ID token has to do");
                    None
                }
                other => other?,
            };
            match more {
                Some(more) => claims.fill_up(more)?,
                None => claims.partial = metadata.userinfo_endpoint.is_some() || metadata.userinfo_is_out_of_reach,
            }
        }
        claims.of_one_organization();
        Ok(claims)
    }

    /// Exchanges a code, in the way that was the right one the last time.
    async fn redeem(
        &self,
        metadata: &Metadata,
        provider: &Provider,
        code: exchange::Code<'_>,
    ) -> Result<exchange::Tokens, SsoError> {
        let (at, client) = (&metadata.token_endpoint, &provider.client_id);
        let proved = || self.proved.lock().unwrap_or_else(PoisonError::into_inner);
        let first = proved().as_ref().filter(|(a, c, _)| a == at && c == client).map(|(.., proof)| *proof);
        let (tokens, proof) = exchange::redeem(&self.outbound, metadata, provider, code, first).await;
        if let Some(proof) = proof {
            *proved() = Some((at.clone(), client.clone(), proof));
        }
        tokens
    }

    /// Where to send a browser to sign out at the provider too; `back` is where it comes back to. None if the provider has
    /// no such place, or does not say so soon: nobody who wants out waits for it.
    pub async fn sign_out_url(&self, provider: &Provider, id_token: &str, back: &str) -> Option<String> {
        let asked = timeout(PARTING, self.known.facts(&self.outbound, &provider.issuer)).await;
        let facts = match asked {
            Ok(Ok(facts)) => facts,
            _ => self.known.last(&self.outbound, &provider.issuer)?,
        };
        let endpoint = facts.metadata.end_session_endpoint.as_ref()?;
        let mut query = vec![("client_id", provider.client_id.as_str()), ("post_logout_redirect_uri", back)];
        if !id_token.is_empty() && id_token.len() <= HINT {
            query.push(("id_token_hint", id_token));
        }
        Some(with_query(endpoint, &query))
    }
}

/// `openid` first, each once.
fn scopes(asked: &[String]) -> String {
    let mut scopes = vec!["openid"];
    for scope in asked.iter().flat_map(|s| s.split_whitespace()) {
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    scopes.join(" ")
}

/// An endpoint may have a query of its own, which stays (RFC 6749, 3.1).
fn with_query(endpoint: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let joint = match endpoint.split_once('?') {
        None => "?",
        Some((_, own)) if own.is_empty() || own.ends_with('&') => "",
        Some(_) => "&",
    };
    format!("{endpoint}{joint}{query}")
}

#[cfg(test)]
mod tests;
