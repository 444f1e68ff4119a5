//! The two calls of a sign-in: the code becomes tokens, and the access token opens userinfo.

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
/// What userinfo says of one person, in bytes: somebody may be in many groups.
const USERINFO: usize = 256 * 1024;

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

/// The way of proving that both sides know; the header before the form, as RFC 6749 recommends.
///
/// Errors: there is a secret, and the provider wants something else.
pub(super) fn proof(metadata: &Metadata, provider: &Provider) -> Result<Proof, SsoError> {
    let known = |name: &str| metadata.client_authentication.iter().any(|m| m == name);
    match secret(provider) {
        None => Ok(Proof::None),
        Some(_) if known("client_secret_basic") => Ok(Proof::Basic),
        Some(_) if known("client_secret_post") => Ok(Proof::Post),
        Some(_) => Err(SsoError::NoClientAuthentication(words(&metadata.client_authentication.join(", "), None, &[]))),
    }
}

fn secret(provider: &Provider) -> Option<&str> {
    provider.client_secret.as_deref().filter(|s| !s.is_empty())
}

/// Exchanges a code.
pub(super) async fn redeem(
    outbound: &Outbound,
    metadata: &Metadata,
    provider: &Provider,
    code: &str,
    verifier: &str,
) -> Result<Tokens, SsoError> {
    if code.is_empty() || code.len() > CODE {
        return Err(SsoError::CodeRefused);
    }
    let request = request(metadata, provider, code, verifier)?;
    let answer = outbound.send(request).await?;
    if answer.status().as_u16() != 200 {
        let secret = secret(provider).unwrap_or_default();
        // As they are, and as they stood in the form.
        let hidden = [code, verifier, secret, &encoded(code), &encoded(secret)];
        return Err(refusal(&answer, &hidden));
    }
    let members = json::object(answer.body()).map_err(SsoError::BadAnswer)?;
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    if text("token_type").is_some_and(|t| !t.eq_ignore_ascii_case("Bearer")) {
        return Err(SsoError::BadAnswer("holds no bearer token"));
    }
    let id_token =
        text("id_token").ok_or(SsoError::BadAnswer("holds no ID token; look whether the scope openid is allowed"))?;
    Ok(Tokens { id_token: id_token.to_owned(), access_token: text("access_token").map(str::to_owned) })
}

fn request(metadata: &Metadata, provider: &Provider, code: &str, verifier: &str) -> Result<Request<Bytes>, SsoError> {
    let proof = proof(metadata, provider)?;
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", &provider.redirect),
        ("code_verifier", verifier),
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

/// RFC 6749, 2.3.1: both are encoded as in a form before they are put together.
fn basic(id: &str, secret: &str) -> Result<HeaderValue, SsoError> {
    let both = BASE64_STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret)));
    let mut value = HeaderValue::from_str(&format!("Basic {both}"))
        .map_err(|_| SsoError::ClientRefused("they cannot be sent".into()))?;
    value.set_sensitive(true);
    Ok(value)
}

/// What a token endpoint complains of (RFC 6749, 5.2).
fn refusal(answer: &Response<Bytes>, hidden: &[&str]) -> SsoError {
    let status = answer.status().as_u16();
    let members = json::object(answer.body()).unwrap_or_default();
    let text = |name: &str| members.get(name).and_then(Value::as_str);
    let Some(error) = text("error") else {
        return match status {
            401 => SsoError::ClientRefused("status 401".into()),
            _ => SsoError::Refused(format!("its token endpoint answers with status {status}")),
        };
    };
    let said = words(error, text("error_description"), hidden);
    match error {
        "invalid_grant" => SsoError::CodeRefused,
        "invalid_client" | "unauthorized_client" => SsoError::ClientRefused(said),
        _ => SsoError::Refused(said),
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
    let answer = match outbound.send_for(request, USERINFO).await {
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
