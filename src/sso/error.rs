//! Why somebody could not be signed in.

use crate::outbound::OutboundError;

/// Characters of a provider's own words that are shown, at most.
const SHOWN: usize = 300;

/// Why somebody could not be signed in: one variant for each reason that an administrator can act on, with a sentence. It
/// never holds a secret, a code or a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SsoError {
    /// What was typed in as issuer cannot be one.
    #[error("the issuer cannot be used: {0}")]
    BadIssuer(String),
    /// The provider cannot be reached.
    #[error("the identity provider cannot be reached: {0}")]
    Unreachable(OutboundError),
    /// The provider is there, and what it says is not what is asked for.
    #[error("the identity provider does not answer as it should: {0}")]
    Odd(OutboundError),
    /// There is no metadata where it should be.
    #[error(
        "there is no OpenID Connect provider at this issuer: its /.well-known/openid-configuration is answered with status {status}{hint}"
    )]
    NoMetadata {
        /// The status.
        status: u16,
        /// What may be the reason at this provider.
        hint: &'static str,
    },
    /// The metadata cannot be used.
    #[error("the metadata of the identity provider cannot be used: {0}")]
    BadMetadata(String),
    /// The metadata is that of another issuer.
    #[error(
        "the identity provider says that its issuer is {found}, and not {typed}{hint}; write it exactly so, if you trust it"
    )]
    OtherIssuer {
        /// What was typed in, or what the sign-in began with.
        typed: String,
        /// What the metadata says.
        found: String,
        /// What may be the reason at this provider.
        hint: &'static str,
    },
    /// The keys cannot be used.
    #[error("the keys of the identity provider cannot be used: {0}")]
    BadKeys(String),
    /// The client cannot prove who it is in any way that both sides know.
    #[error(
        "the identity provider takes client secrets in no way that is known here (client_secret_basic, client_secret_post); it names {0}"
    )]
    NoClientAuthentication(String),
    /// The provider sent the browser back with an error.
    #[error("the identity provider refused the sign-in: {0}")]
    Denied(String),
    /// The sign-in began too long ago.
    #[error("the sign-in took too long; begin again")]
    Stale,
    /// The answer came from another provider (RFC 9207).
    #[error(
        "the answer to the sign-in came from {0}, which is not the identity provider that was asked; somebody may be mixing them up"
    )]
    MixUp(String),
    /// The answer did not say from whom it came, although the provider always does.
    #[error(
        "the answer to the sign-in does not say from which identity provider it came, although this one always does"
    )]
    Anonymous,
    /// The code is good for nothing, or not for this person: what the provider says to that.
    #[error(
        "the identity provider does not accept the code of this sign-in ({0}): it was used before, has expired, belongs to another redirect URI or client, or a policy there refuses this sign-in; begin again"
    )]
    CodeRefused(String),
    /// Client id and secret are not accepted.
    #[error(
        "the identity provider does not accept the client id and secret ({0}): compare both, and look whether the secret has expired"
    )]
    ClientRefused(String),
    /// The token endpoint refuses for another reason.
    #[error("the identity provider refuses to turn the code into tokens: {0}")]
    Refused(String),
    /// The token endpoint answers something that is no answer.
    #[error("the identity provider's answer to the code cannot be used: it {0}")]
    BadAnswer(&'static str),
    /// The ID token is none.
    #[error("the ID token cannot be read: {0}")]
    BadToken(String),
    /// The ID token is signed as the metadata does not say, or in a way that anybody could.
    #[error(
        "the ID token is signed with {0:?}, which the metadata of the identity provider does not name or which is not accepted here; RS256 is the usual choice"
    )]
    AlgorithmRefused(String),
    /// The ID token is signed with a key that the provider does not show.
    #[error(
        "the ID token is signed with a key that the identity provider does not show; when it has just changed its keys, try again in a minute{0}"
    )]
    UnknownKey(&'static str),
    /// The signature is wrong.
    #[error("the signature of the ID token is wrong")]
    BadSignature,
    /// The ID token is that of another issuer.
    #[error("the ID token comes from the issuer {0}, which is not the one that was asked")]
    WrongIssuer(String),
    /// The ID token is for somebody else.
    #[error("the ID token is meant for another client; compare the client id")]
    WrongAudience,
    /// The ID token is for several, and was given to another of them.
    #[error("the ID token is meant for several clients and was not issued to this one (azp)")]
    WrongParty,
    /// The ID token has expired.
    #[error("the ID token has expired; when that happens often, compare the clocks")]
    Expired,
    /// The ID token is not good yet.
    #[error("the ID token is dated in the future ({0}); compare the clocks")]
    NotYetValid(&'static str),
    /// The ID token belongs to another sign-in.
    #[error("the ID token belongs to another sign-in (nonce); begin again")]
    WrongNonce,
    /// The person authenticated too long ago.
    #[error("the identity provider did not authenticate the person again, although that was asked for")]
    TooOldAuthentication,
    /// Nobody says when the person authenticated.
    #[error(
        "the identity provider does not say when the person authenticated (auth_time), although that was asked for{0}"
    )]
    NoAuthenticationTime(&'static str),
    /// The access token is not the one that belongs to the ID token.
    #[error("the access token does not belong to the ID token (at_hash)")]
    WrongAccessToken,
    /// A claim is not there or is not what it should be.
    #[error("the claim {0} of the ID token is missing or malformed")]
    BadClaim(&'static str),
    /// Userinfo speaks of somebody else.
    #[error("the identity provider's userinfo speaks of another person than its ID token")]
    OtherSubject,
    /// A claim is missing, and userinfo, which may have it, is not there.
    #[error(
        "the claim {0}, which decides who somebody is, is not in the ID token, and the identity provider's userinfo could not be asked for it; try again, or let the provider put it into the ID token"
    )]
    NoUserinfo(String),
    /// Userinfo cannot be read.
    #[error("the identity provider's userinfo cannot be used: it {0}")]
    BadUserinfo(&'static str),
    /// The system has no randomness.
    #[error(transparent)]
    NoRandomness(#[from] crate::secret::NoRandomness),
}

// Not as the source of the error: the sentence has it already.
impl From<OutboundError> for SsoError {
    fn from(why: OutboundError) -> SsoError {
        match why {
            OutboundError::TooLarge { .. } | OutboundError::Redirect { .. } => SsoError::Odd(why),
            _ => SsoError::Unreachable(why),
        }
    }
}

impl SsoError {
    /// What the provider said when it sent the browser back with an `error` in place of a code.
    pub fn denied(error: &str, description: Option<&str>) -> SsoError {
        SsoError::Denied(words(error, description, &[]))
    }
}

/// An error in a provider's own words, fit to be shown: without what is secret, without control characters, and not long.
pub(super) fn words(error: &str, description: Option<&str>, secrets: &[&str]) -> String {
    let mut text = match description.map(str::trim).filter(|d| !d.is_empty()) {
        Some(description) => format!("{error}: {description}"),
        None => error.to_owned(),
    };
    for secret in secrets.iter().filter(|s| !s.is_empty()) {
        text = text.replace(secret, "…");
    }
    let shown: String = text.chars().map(|c| if is_odd(c) { ' ' } else { c }).take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() { format!("{shown}…") } else { shown }
}

/// Characters that end lines, move the cursor, turn the direction of reading, or are not seen.
fn is_odd(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_provider_are_made_fit_to_be_shown() {
        let said = SsoError::denied("access_denied", Some(" not assigned\r\n2026 INFO admin ok ")).to_string();
        assert_eq!(said, "the identity provider refused the sign-in: access_denied: not assigned  2026 INFO admin ok");
        assert_eq!(words("e", Some("code abc is bad"), &["", "abc"]), "e: code … is bad");
        assert_eq!(words("e", Some(" "), &[]), "e");
        assert_eq!(words("a\u{202e}b\u{200b}c\u{2028}d\u{1b}[0m", None, &[]), "a b c d [0m");
        assert_eq!(words(&"é".repeat(400), None, &[]).chars().count(), 301);
    }
}
