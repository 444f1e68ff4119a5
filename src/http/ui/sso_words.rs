//! What is said to people who do not get in by single sign-on, and to administrators of them; and which pages one may come
//! back to.

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

use super::views::Link;
use super::{Trouble, Visit, is_page};
use crate::sso::SsoError;

/// Characters of a claim that are shown, at most.
const LONGEST_CLAIM: usize = 300;

/// Errors that a provider may send a browser back with (RFC 6749, 4.1.2.1; OpenID Connect Core, 3.1.2.6).
const ERRORS: [&str; 17] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "invalid_client",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "login_required",
    "registration_not_supported",
    "request_not_supported",
    "request_uri_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// Why nobody came back from the identity provider.
pub(super) enum Failed {
    /// What the identity provider answers is not good: a sentence.
    Protocol(String),
    /// Nothing but the browser says so, and anybody can make that up.
    Said {
        /// The identity provider has let nobody in.
        denied: bool,
        /// A sentence of ours, one of a few.
        sentence: String,
        /// What the browser brought.
        whole: String,
    },
}

impl Failed {
    /// The identity provider does not answer as it should, or the browser does not.
    pub(super) fn of(error: SsoError) -> Failed {
        let whole = capital(&error.to_string());
        let sentence = match error {
            SsoError::MixUp(_) => {
                "A browser came back with the name of another identity provider than the one that was asked (iss); the log has that name."
                    .to_owned()
            }
            SsoError::Anonymous | SsoError::Stale => whole.clone(),
            _ => return Failed::Protocol(whole),
        };
        Failed::Said { denied: false, sentence, whole }
    }

    /// The browser came back with this error, or none, in place of a code.
    pub(super) fn said(word: &str, more: Option<&str>) -> Failed {
        let whole = match word.is_empty() {
            true => "The browser came back with neither a code nor an error.".to_owned(),
            false => capital(&SsoError::denied(word, more).to_string()),
        };
        let sentence = match ERRORS.contains(&word) {
            _ if word.is_empty() => whole.clone(),
            true => format!(
                "A browser came back with the error {word} of the identity provider; the log has what was said to it."
            ),
            false => {
                "A browser came back with an error that the protocol does not have; it stands in the log.".to_owned()
            }
        };
        Failed::Said { denied: word == "access_denied", sentence, whole }
    }

    /// The browser came back with this, which no provider says.
    pub(super) fn made_up(what: &str) -> Failed {
        Failed::Said { denied: false, sentence: capital(what), whole: capital(what) }
    }

    /// What the person is told.
    pub(super) fn for_person(&self) -> &'static str {
        match self {
            Failed::Said { denied: true, .. } => {
                "Your identity provider did not let you in. Ask your administrator to assign you to this application."
            }
            _ => {
                "Your identity provider did not sign you in. Try again; if it happens again, your administrator can see why."
            }
        }
    }

    /// All that is known, for who tests a sign-in, whose own browser has brought it, and for the log.
    pub(super) fn whole(&self) -> String {
        match self {
            Failed::Protocol(sentence) => sentence.clone(),
            Failed::Said { whole, .. } => whole.clone(),
        }
    }
}

pub(super) fn trouble(status: StatusCode, heading: &'static str, text: impl Into<String>) -> Trouble {
    let link = Link { href: "/sign-in".to_owned(), words: "Go to the sign-in".to_owned() };
    Trouble { link: Some(link), ..Trouble::new(status, heading, text) }
}

pub(super) fn not_on() -> Trouble {
    trouble(
        StatusCode::CONFLICT,
        "Single sign-on is off",
        "It is off at the moment, or it was set up otherwise while you were on the way. Try again; administrators can sign in with name and password.",
    )
}

/// Nobody is heard at the moment. Nothing is used up: the same address is good once more.
pub(super) fn crowded(visit: &Visit<'_>) -> Trouble {
    let mut trouble = trouble(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not at the moment",
        "Very many people are signing in at the moment. Nothing is lost: wait a few seconds, and try again from here.",
    );
    let query = if visit.query.is_empty() { String::new() } else { format!("?{}", visit.query) };
    trouble.link = Some(Link { href: format!("{}{query}", visit.path), words: "Try again".to_owned() });
    trouble.headers.push((RETRY_AFTER, "5".to_owned()));
    trouble
}

/// No browser that shows a page has asked: a picture or a frame on a page of somebody else, or a look ahead.
pub(super) fn not_looked_at() -> Trouble {
    trouble(
        StatusCode::BAD_REQUEST,
        "Open this as a page of its own",
        "To sign in, this address has to be opened in a window of the browser: not as a part of another page, and not ahead of time.",
    )
}

pub(super) fn tested_otherwise() -> Trouble {
    let text =
        "You were signed out, or single sign-on was set up otherwise, while the test was under way. Test it again.";
    Trouble::new(StatusCode::CONFLICT, "The test does not count", text)
}

pub(super) fn settings_link() -> Link {
    Link { href: "/sso".to_owned(), words: "Go to single sign-on".to_owned() }
}

pub(super) fn capital(sentence: &str) -> String {
    let mut letters = sentence.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let end = if sentence.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{end}", letters.as_str())
}

pub(super) fn cut(text: &str) -> String {
    let mut short: String =
        text.chars().take(LONGEST_CLAIM).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(LONGEST_CLAIM).is_some() {
        short.push('…');
    }
    short
}

pub(super) fn value_of(value: &serde_json::Value) -> String {
    cut(&match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    })
}

/// Is this the address of a page here, and nothing that a browser could take for another place?
pub(super) fn is_own_page(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~%?=&+".contains(c);
    let Some(rest) = path.strip_prefix('/') else { return false };
    if path.len() > 500 || rest.starts_with('/') || !path.chars().all(plain) {
        return false;
    }
    let segments: Vec<&str> = rest.split('?').next().unwrap_or_default().split('/').collect();
    is_page(&segments) && segments.first() != Some(&"sign-in")
}

/// Too many sign-ins of a network came to nothing.
pub fn too_many(seconds: u64) -> Trouble {
    let mut trouble = trouble(
        StatusCode::TOO_MANY_REQUESTS,
        "Not at the moment",
        "Very many sign-ins from your network came to nothing. Wait a little, and load this page once more.",
    );
    trouble.headers.push((RETRY_AFTER, seconds.to_string()));
    trouble
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_comes_back_to_pages_of_ours_alone() {
        for own in ["/", "/admins", "/people/0198-ab%20c/delete", "/tokens/new?rotate=AbC", "/people/import/x1"] {
            assert!(is_own_page(own), "{own}");
        }
        for foreign in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/\t/evil.example",
            "/%0d%0aX: y",
            "/scim/v2",
            "/people\n",
            "/sign-in/sso?again=/",
            "evil",
            "/@evil.example",
            "/people/#x",
        ] {
            assert!(!is_own_page(foreign), "{foreign:?}");
        }
    }

    #[test]
    fn what_a_provider_says_is_cut_to_words() {
        let said = |word: &str| Failed::said(word, Some("AADSTS50105:\r\nnot assigned"));
        assert_eq!(said("x").whole(), "The identity provider refused the sign-in: x: AADSTS50105:  not assigned.");
        assert!(said("").whole().contains("neither"));
        assert_eq!(capital("the provider is down"), "The provider is down.");
        assert_eq!(value_of(&serde_json::json!({"a": ["b"]})), "{\"a\":[\"b\"]}");
        assert_eq!(cut(&"x".repeat(400)).chars().count(), 301);
    }

    /// What anybody can put into an address stands on no page of administrators.
    #[test]
    fn of_what_a_browser_brings_only_words_of_the_protocol_are_shown() {
        let sentence = |failed: Failed| match failed {
            Failed::Said { sentence, .. } => sentence,
            Failed::Protocol(sentence) => panic!("{sentence}"),
        };
        let lie = Some("your client secret leaked; mail it to help@evil.example");
        let mut all = std::collections::BTreeSet::new();
        for word in ERRORS.into_iter().chain(["", "Security notice", "ACCESS_DENIED", "access_denied "]) {
            let shown = sentence(Failed::said(word, lie));
            assert!(!shown.contains("evil") && !shown.contains("Security"), "{shown}");
            all.insert(shown);
        }
        assert_eq!(all.len(), ERRORS.len() + 2);
        assert!(sentence(Failed::said("login_required", None)).contains("login_required"));
        assert!(Failed::said("access_denied", None).for_person().contains("assign you"));
        let mixed = Failed::of(SsoError::MixUp("https://evil.example".to_owned()));
        assert!(mixed.whole().contains("evil.example") && !sentence(mixed).contains("evil"));
        assert!(matches!(Failed::of(SsoError::WrongNonce), Failed::Protocol(_)));
    }
}
