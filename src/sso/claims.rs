//! What an ID token says, and whether it is true (OpenID Connect Core 1.0, 3.1.3.7).

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Number, Value};

use crate::secret::same_digest;
use crate::secret::signature::Scheme;

use super::error::words;
use super::exchange::Tokens;
use super::keys::{self, Keys};
use super::metadata::{self, Metadata};
use super::{Begun, Claims, Provider, SsoError, json};

const SECOND: i64 = 1_000_000;
/// By how much two clocks may differ.
const SKEW: i64 = 60 * SECOND;
/// Characters of a subject, at most.
const SUBJECT: usize = 255;
/// Claims that speak of the token or of the sign-in, and not of the person. Userinfo has no say in them.
const OF_THE_TOKEN: &[&str] = &[
    "iss",
    "aud",
    "exp",
    "iat",
    "nbf",
    "azp",
    "nonce",
    "at_hash",
    "c_hash",
    "s_hash",
    "auth_time",
    "acr",
    "amr",
    "sid",
    "jti",
];
/// What the provider of many organizations says of somebody that may count, besides.
const OF_GOOGLE: &[&str] = &["sub", "hd", EMAIL, VERIFIED];

const EMAIL: &str = "email";
const VERIFIED: &str = "email_verified";

/// An ID token whose signature is good.
struct Signed {
    claims: Map<String, Value>,
    scheme: Scheme,
}

/// Verifies the signature: its algorithm is one of the metadata, its key one of the provider.
fn verified(token: &str, metadata: &Metadata, keys: &Keys) -> Result<Signed, SsoError> {
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signed), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(SsoError::BadToken(match token.split('.').count() {
            5 => "it is encrypted; switch that off at the provider".into(),
            _ => "it does not have three parts".into(),
        }));
    };
    let part = |name: &str, part: &str| {
        let bytes =
            BASE64_URL_SAFE_NO_PAD.decode(part).map_err(|_| SsoError::BadToken(format!("its {name} is not base64")))?;
        json::object(&bytes).map_err(|why| SsoError::BadToken(format!("its {name} {why}")))
    };
    let header = part("header", header)?;
    let name = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let is_named = metadata.algorithms.iter().any(|a| keys::usual(a) == keys::usual(name));
    let algorithm = keys::algorithm(name).filter(|_| is_named);
    let algorithm = algorithm.ok_or_else(|| SsoError::AlgorithmRefused(words(name, None, &[])))?;
    if header.contains_key("crit") {
        return Err(SsoError::BadToken("its header demands something that is not known here (crit)".into()));
    }
    // Access tokens of the same provider are JWTs too, and must not pass for this (RFC 9068).
    let kind = header.get("typ").and_then(Value::as_str).unwrap_or("JWT").to_ascii_lowercase();
    if !["jwt", "application/jwt", "jose", "id+jwt"].contains(&kind.as_str()) {
        return Err(SsoError::BadToken("its header says that it is something else (typ)".into()));
    }
    let id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return Err(SsoError::BadToken("its header names a key that is no text".into())),
    };
    let message = token.get(..token.len() - signed.len() - 1).unwrap_or_default();
    keys.verify(algorithm, name, id, message, signed).map_err(|why| match why {
        SsoError::UnknownKey(_) => SsoError::UnknownKey(metadata::hint_of_key(&metadata.issuer)),
        other => other,
    })?;
    Ok(Signed { claims: part("payload", payload)?, scheme: algorithm.1 })
}

/// Checks an ID token, and says what it says.
pub(super) fn check(
    tokens: &Tokens,
    metadata: &Metadata,
    keys: &Keys,
    provider: &Provider,
    begun: &Begun,
    now: i64,
) -> Result<Claims, SsoError> {
    let Signed { claims, scheme } = verified(&tokens.id_token, metadata, keys)?;
    let text = |name: &'static str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.as_str())),
        Some(_) => Err(SsoError::BadClaim(name)),
    };
    let time = |name: &'static str| match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => microseconds(number).map(Some).ok_or(SsoError::BadClaim(name)),
        Some(_) => Err(SsoError::BadClaim(name)),
    };

    let issuer = text("iss")?.ok_or(SsoError::BadClaim("iss"))?;
    if issuer != metadata.issuer {
        return Err(SsoError::WrongIssuer(words(issuer, None, &[])));
    }
    let party = text("azp")?;
    match audience(claims.get("aud"), &provider.client_id)? {
        // One of several has to be the one that it was issued to.
        Audience::Us => {}
        Audience::UsAndOthers if party.is_some() => {}
        Audience::UsAndOthers => return Err(SsoError::WrongParty),
    }
    if party.is_some_and(|party| party != provider.client_id) {
        return Err(SsoError::WrongParty);
    }
    if time("exp")?.ok_or(SsoError::BadClaim("exp"))?.saturating_add(SKEW) <= now {
        return Err(SsoError::Expired);
    }
    let latest = now.saturating_add(SKEW);
    if time("iat")?.ok_or(SsoError::BadClaim("iat"))? > latest {
        return Err(SsoError::NotYetValid("iat"));
    }
    if time("nbf")?.is_some_and(|from| from > latest) {
        return Err(SsoError::NotYetValid("nbf"));
    }
    if !text("nonce")?.is_some_and(|nonce| same_digest(nonce.as_bytes(), begun.nonce.as_bytes())) {
        return Err(SsoError::WrongNonce);
    }
    // Nobody needs it who did not ask for it.
    let auth_time = match (time("auth_time"), begun.max_age) {
        (Err(_), None) => None,
        (said, _) => said?,
    };
    if let Some(max_age) = begun.max_age {
        let at = auth_time.ok_or(SsoError::NoAuthenticationTime(metadata::hint_of_auth_time(&metadata.issuer)))?;
        let age = i64::try_from(max_age).unwrap_or(i64::MAX).saturating_mul(SECOND);
        // Counted from the moment of asking: whatever was clicked after that does not make it older.
        if at < begun.at.saturating_sub(age).saturating_sub(SKEW) {
            return Err(SsoError::TooOldAuthentication);
        }
    }
    if auth_time.is_some_and(|at| at > latest) {
        return Err(SsoError::NotYetValid("auth_time"));
    }
    if let (Some(hash), Some(access_token)) = (text("at_hash")?, &tokens.access_token) {
        let ours = BASE64_URL_SAFE_NO_PAD.encode(scheme.half_digest(access_token));
        if hash.trim_end_matches('=') != ours {
            return Err(SsoError::WrongAccessToken);
        }
    }
    let subject = text("sub")?.filter(|s| is_subject(s)).ok_or(SsoError::BadClaim("sub"))?.to_owned();
    let (issuer, id_token) = (metadata.issuer.clone(), tokens.id_token.clone());
    Ok(Claims { issuer, subject, auth_time, id_token, all: claims, partial: false })
}

fn is_subject(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= SUBJECT && !text.chars().any(char::is_control)
}

enum Audience {
    Us,
    UsAndOthers,
}

fn audience(claim: Option<&Value>, us: &str) -> Result<Audience, SsoError> {
    let all: Vec<&str> = match claim {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => {
            several.iter().map(Value::as_str).collect::<Option<_>>().ok_or(SsoError::BadClaim("aud"))?
        }
        _ => return Err(SsoError::BadClaim("aud")),
    };
    match (all.contains(&us), all.iter().all(|a| *a == us)) {
        (false, _) => Err(SsoError::WrongAudience),
        (true, true) => Ok(Audience::Us),
        (true, false) => Ok(Audience::UsAndOthers),
    }
}

/// A NumericDate: seconds, perhaps with a fraction.
fn microseconds(seconds: &Number) -> Option<i64> {
    if let Some(whole) = seconds.as_i64() {
        return whole.checked_mul(SECOND);
    }
    let micros = seconds.as_f64()? * 1e6;
    // Farther away than any clock, and exact below that.
    (micros.abs() < 9e18).then_some(micros as i64)
}

fn is_true(word: &Value) -> bool {
    *word == Value::Bool(true) || word.as_str() == Some("true")
}

impl Claims {
    /// Which claim is missing to match people by this one: itself, or what goes with an address.
    pub(super) fn lacks<'c>(&self, claim: &'c str) -> Option<&'c str> {
        let said = |name: &str| self.all.get(name).filter(|value| !value.is_null());
        let Some(value) = said(claim) else { return Some(claim) };
        let is_address = claim.eq_ignore_ascii_case(EMAIL) || value.as_str().is_some_and(|text| text.contains('@'));
        [VERIFIED, EMAIL].into_iter().find(|name| is_address && said(name).is_none())
    }

    /// The same if the provider may have it, and could not be asked for it.
    pub fn may_lack<'c>(&self, claim: &'c str) -> Option<&'c str> {
        self.lacks(claim).filter(|_| self.partial)
    }

    /// Takes out what anybody can say of himself or herself at an issuer that is the same for everybody. Google vouches for
    /// an address if the account is one of an organization, and for no name: whoever sets up an organization gives these.
    pub(super) fn of_one_organization(&mut self) {
        if !metadata::is_google(&self.issuer) {
            return;
        }
        let is_of_one = self.all.get("hd").and_then(Value::as_str).is_some_and(|domain| !domain.trim().is_empty());
        let vouched = is_of_one && self.all.get(VERIFIED).is_some_and(is_true);
        self.all.retain(|name, _| {
            let name = name.as_str();
            OF_THE_TOKEN.contains(&name) || (OF_GOOGLE.contains(&name) && (name != EMAIL || vouched))
        });
    }

    /// Fills up with what userinfo says of the same person. What the ID token says stays: it is signed.
    ///
    /// Errors: userinfo speaks of somebody else, or does not say of whom (Core 5.3.2).
    pub(super) fn fill_up(&mut self, userinfo: Map<String, Value>) -> Result<(), SsoError> {
        if userinfo.get("sub").and_then(Value::as_str) != Some(self.subject.as_str()) {
            return Err(SsoError::OtherSubject);
        }
        // Each word on whether an address is verified is about the address beside it. What is not said to be verified by
        // whoever says the address, although the other says something of that, is not verified.
        let said = |claims: &Map<String, Value>, name: &str| claims.get(name).filter(|v| !v.is_null()).cloned();
        let (ours, theirs) = (said(&self.all, EMAIL), said(&userinfo, EMAIL));
        let (word, their_word) = (said(&self.all, VERIFIED), said(&userinfo, VERIFIED));
        let verified = match (ours, theirs, word, their_word) {
            (Some(ours), theirs, None, Some(_)) if theirs.as_ref() != Some(&ours) => Some(false.into()),
            (None, Some(_), Some(word), their_word) if is_true(&word) => Some(their_word.unwrap_or(false.into())),
            _ => None,
        };
        if let Some(verified) = verified {
            self.all.insert(VERIFIED.to_owned(), verified);
        }
        for (name, value) in userinfo {
            if !OF_THE_TOKEN.contains(&name.as_str()) && self.all.get(&name).is_none_or(Value::is_null) {
                self.all.insert(name, value);
            }
        }
        Ok(())
    }
}
