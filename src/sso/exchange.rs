//! The two calls of a sign-in: the code becomes tokens, and the access token opens userinfo.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use hyper::{Request, Response};
use serde_json::{Map, Value};

use crate::outbound::Outbound;

use super::error::words;
use super::metadata::Metadata;
use super::{Provider, SsoError, json};

/// Longer codes are no codes.
const CODE: usize = 8192;
/// What tokens, or userinfo, say of one person, in bytes: somebody may be in many groups.
const ANSWER: usize = 256 * 1024;
/// How long userinfo has: it fills up what may be known without it.
const USERINFO: Duration = Duration::from_secs(5);

/// What a code was exchanged for.
pub(super) struct Tokens {
    pub(super) id_token: String,
    pub(super) access_token: Option<String>,
}

/// How we prove who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A header.
    Basic,
    /// In the form.
    Post,
    /// Not at all: PKCE protects the code.
    None,
}

impl Proof {
    fn words(self) -> &'static str {
        match self {
            Proof::Basic => "sent in the header (client_secret_basic)",
            Proof::Post => "sent in the form (client_secret_post)",
            Proof::None => "no secret was sent",
        }
    }
}

/// The ways of proving that both sides know; the header before the form, as RFC 6749 recommends.
///
/// Errors: there is a secret, and the provider wants something else.
pub(super) fn proofs(metadata: &Metadata, provider: &Provider) -> Result<Vec<Proof>, SsoError> {
    let known = |name: &str| metadata.client_authentication.iter().any(|m| m == name);
    if secret(provider).is_none() {
        return Ok(vec![Proof::None]);
    }
    let ways = [("client_secret_basic", Proof::Basic), ("client_secret_post", Proof::Post)];
    let ways: Vec<Proof> = ways.into_iter().filter(|(name, _)| known(name)).map(|(_, proof)| proof).collect();
    match ways.is_empty() {
        false => Ok(ways),
        true => Err(SsoError::NoClientAuthentication(words(&metadata.client_authentication.join(", "), None, &[]))),
    }
}

fn secret(provider: &Provider) -> Option<&str> {
    provider.client_secret.as_deref().filter(|s| !s.is_empty())
}

/// What a code is exchanged with.
pub(super) struct Code<'c> {
    pub(super) code: &'c str,
    pub(super) verifier: &'c str,
}

/// Exchanges a code. Where the metadata names two ways of proving who we are and the application at the provider is set to
/// one of them, that one is found by trying, `first` before the other. Says which one it was, if any of them was.
pub(super) async fn redeem(
    outbound: &Outbound,
    metadata: &Metadata,
    provider: &Provider,
    code: Code<'_>,
    first: Option<Proof>,
) -> (Result<Tokens, SsoError>, Option<Proof>) {
    if code.code.is_empty() || code.code.len() > CODE {
        return (Err(SsoError::CodeRefused("it is too long, or empty".into())), None);
    }
    let mut ways = match proofs(metadata, provider) {
        Ok(ways) => ways,
        Err(why) => return (Err(why), None),
    };
    ways.sort_by_key(|way| Some(*way) != first);
    let mut refused = Vec::new();
    for way in ways {
        match redeem_by(outbound, metadata, provider, &code, way).await {
            Err(Failed::Proof(said)) => refused.push(format!("{said}; {}", way.words())),
            // Whoever speaks of the code has believed that it is us.
            Err(Failed::Other(why @ SsoError::CodeRefused(_))) => return (Err(why), Some(way)),
            Err(Failed::Other(why)) => return (Err(why), None),
            Ok(tokens) => return (Ok(tokens), Some(way)),
        }
    }
    (Err(SsoError::ClientRefused(refused.join("; "))), None)
}

/// Why a code was not exchanged.
enum Failed {
    /// The provider does not believe that it is us, and says this.
    Proof(String),
    /// Everything else.
    Other(SsoError),
}

impl<E: Into<SsoError>> From<E> for Failed {
    fn from(why: E) -> Failed {
        Failed::Other(why.into())
    }
}

async fn redeem_by(
    outbound: &Outbound,
    metadata: &Metadata,
    provider: &Provider,
    code: &Code<'_>,
    proof: Proof,
) -> Result<Tokens, Failed> {
    let request = request(metadata, provider, code, proof)?;
    let answer = outbound.send_for(request, ANSWER).await?;
    if answer.status().as_u16() != 200 {
        let hidden = hidden(provider, code);
        let hidden: Vec<&str> = hidden.iter().map(String::as_str).collect();
        return Err(refusal(&answer, &hidden));
    }
    let members = json::object(answer.body()).map_err(SsoError::BadAnswer)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("token_type").is_some_and(|t| !t.eq_ignore_ascii_case("Bearer")) {
        return Err(SsoError::BadAnswer("holds no bearer token").into());
    }
    let id_token =
        text("id_token").ok_or(SsoError::BadAnswer("holds no ID token; look whether the scope openid is allowed"))?;
    Ok(Tokens { id_token: id_token.to_owned(), access_token: text("access_token").map(str::to_owned) })
}

fn request(
    metadata: &Metadata,
    provider: &Provider,
    code: &Code<'_>,
    proof: Proof,
) -> Result<Request<Bytes>, SsoError> {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code.code),
        ("redirect_uri", &provider.redirect),
        ("code_verifier", code.verifier),
    ]);
    if proof != Proof::Basic {
        form.append_pair("client_id", &provider.client_id);
    }
    if let (Proof::Post, Some(secret)) = (proof, secret(provider)) {
        form.append_pair("client_secret", secret);
    }
    let mut request = Request::post(&metadata.token_endpoint)
        .header(ACCEPT, "application/json")
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let (Proof::Basic, Some(secret)) = (proof, secret(provider)) {
        request = request.header(AUTHORIZATION, basic(&provider.client_id, secret)?);
    }
    request
        .body(Bytes::from(form.finish()))
        .map_err(|_| SsoError::BadMetadata("its token_endpoint cannot be called".into()))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// What no provider's words may bring to light: code, verifier and secret as they are, as they stood in the form and in the
/// header, and as others encode them. The longest first, so that no part of one hides the whole.
fn hidden(provider: &Provider, code: &Code<'_>) -> Vec<String> {
    let mut hidden = vec![code.verifier.to_owned()];
    let mut both = vec![code.code];
    if let Some(secret) = secret(provider) {
        let id = &provider.client_id;
        for pair in [format!("{}:{}", encoded(id), encoded(secret)), format!("{id}:{secret}")] {
            let value = BASE64_STANDARD.encode(pair);
            hidden.push(value.trim_end_matches('=').to_owned());
            hidden.push(value);
        }
        hidden.push(BASE64_STANDARD.encode(secret));
        both.push(secret);
    }
    for text in both {
        let form = encoded(text);
        let blanks = form.replace('+', "%20");
        hidden.extend([text.to_owned(), lower(&form), lower(&blanks), encoded(&form), form, blanks]);
    }
    hidden.sort_by_key(|text| std::cmp::Reverse(text.len()));
    hidden
}

/// The same with small letters behind each `%`.
fn lower(encoded: &str) -> String {
    let mut left = 0;
    let small = |c: char| {
        let is_digit = left > 0;
        left = if c == '%' { 2 } else { usize::saturating_sub(left, 1) };
        if is_digit { c.to_ascii_lowercase() } else { c }
    };
    encoded.chars().map(small).collect()
}

/// RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, SsoError> {
    let both = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {both}"))
        .map_err(|_| SsoError::ClientRefused("they cannot be sent".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a token endpoint complains of (RFC 6749, 5.2).
fn refusal(answer: &Response<Bytes>, hidden: &[&str]) -> Failed {
    let status = answer.status().as_u16();
    let members = json::object(answer.body()).unwrap_or_default();
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let Some(error) = text("error") else {
        return match status {
            401 => Failed::Proof("status 401".into()),
            _ => SsoError::Refused(format!("its token endpoint answers with status {status}")).into(),
        };
    };
    let said = words(error, text("error_description"), hidden);
    match error {
        "invalid_client" => Failed::Proof(said),
        "invalid_grant" => SsoError::CodeRefused(said).into(),
        "unauthorized_client" => SsoError::ClientRefused(said).into(),
        _ => SsoError::Refused(said).into(),
    }
}

/// Asks userinfo. None: it gives nothing, which the log says; the ID token has to do then.
///
/// Errors: it answers what cannot be used.
pub(super) async fn userinfo(
    outbound: &Outbound,
    endpoint: &str,
    access_token: &str,
) -> Result<Option<Map<String, Value>>, SsoError> {
    let Ok(mut bearer) = HeaderValue::from_str(&format!("Bearer {access_token}")) else {
        return Err(SsoError::BadAnswer("holds an access token that cannot be sent"));
    };
    bearer.set_sensitive(true);
    let request = Request::get(endpoint).header(ACCEPT, "application/json").header(AUTHORIZATION, bearer);
    let request = request
        .body(Bytes::new())
        .map_err(|_| SsoError::BadMetadata("its userinfo_endpoint cannot be called".into()))?;
    let answer = match outbound.within(USERINFO).send_for(request, ANSWER).await {
        Ok(answer) => answer,
        Err(why) => {
            tracing::warn!("the identity provider's userinfo is not there, the ID token has to do: {why}");
            return Ok(None);
        }
    };
    let status = answer.status().as_u16();
    if status != 200 {
        tracing::warn!(status, "the identity provider's userinfo refuses, the ID token has to do");
        return Ok(None);
    }
    let kind = answer.headers().get(CONTENT_TYPE).and_then(|t| t.to_str().ok()).unwrap_or_default();
    if kind.to_ascii_lowercase().starts_with("application/jwt") {
        return Err(SsoError::BadUserinfo("is signed or encrypted; set it to plain JSON at the provider"));
    }
    json::object(answer.body()).map(Some).map_err(SsoError::BadUserinfo)
}
