//! What is said to people who do not get in by single sign-on, and to administrators of them; and which pages one may come
//! back to.

use hyper::StatusCode;
use hyper::header::RETRY_AFTER;

use super::views::Link;
use super::{Trouble, is_page};
use crate::sso::SsoError;

/// Characters of a claim that are shown, at most.
const LONGEST_CLAIM: usize = 300;

/// Why nobody came back from the identity provider.
pub(super) enum Failed {
    /// What came back is not good: a sentence.
    Protocol(String),
    /// The identity provider has said so: its word, and what it says to that.
    Said(String, Option<String>),
}

impl Failed {
    /// What the person is told.
    pub(super) fn for_person(&self) -> &'static str {
        match self {
            Failed::Said(word, _) if word == "access_denied" => {
                "Your identity provider did not let you in. Ask your administrator to assign you to this application."
            }
            _ => {
                "Your identity provider did not sign you in. Try again; if it happens again, your administrator can see why."
            }
        }
    }

    /// What administrators are told.
    pub(super) fn for_admins(&self) -> String {
        match self {
            Failed::Protocol(sentence) => capital(sentence),
            Failed::Said(word, _) if word.is_empty() => {
                "The identity provider sent neither a code nor an error.".to_owned()
            }
            Failed::Said(word, more) => capital(&SsoError::denied(word, more.as_deref()).to_string()),
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

pub(super) fn crowded() -> Trouble {
    let mut trouble = trouble(
        StatusCode::SERVICE_UNAVAILABLE,
        "Not at the moment",
        "Very many people are signing in at the moment. Try again in a few seconds.",
    );
    trouble.headers.push((RETRY_AFTER, "5".to_owned()));
    trouble
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
        let said =
            |word: &str| Failed::Said(word.to_owned(), Some("AADSTS50105:\r\nnot assigned".to_owned())).for_admins();
        assert_eq!(said("x"), "The identity provider refused the sign-in: x: AADSTS50105:  not assigned.");
        assert!(said("").contains("neither"));
        assert_eq!(capital("the provider is down"), "The provider is down.");
        assert_eq!(value_of(&serde_json::json!({"a": ["b"]})), "{\"a\":[\"b\"]}");
        assert_eq!(cut(&"x".repeat(400)).chars().count(), 301);
    }
}
