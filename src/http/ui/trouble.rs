//! Why a page cannot be shown, or a form not be carried out, in words.

use hyper::StatusCode;
use hyper::header;

use super::views::Link;
use crate::directory::{Refusal, StoreError};
use crate::http::problem::Problem;

/// Why a page cannot be shown, or a form not be carried out.
#[derive(Debug)]
pub struct Trouble {
    pub(super) status: StatusCode,
    pub(super) heading: &'static str,
    pub(super) text: String,
    pub(super) headers: Vec<(header::HeaderName, String)>,
    /// The way out, if that is another one than the overview.
    pub(super) link: Option<Link>,
}

impl Trouble {
    pub(super) fn new(status: StatusCode, heading: &'static str, text: impl Into<String>) -> Trouble {
        Trouble { status, heading, text: text.into(), headers: Vec::new(), link: None }
    }

    pub(super) fn of(problem: &Problem, heading: &'static str) -> Trouble {
        Trouble { headers: problem.headers().to_vec(), ..Trouble::new(problem.status(), heading, problem.detail()) }
    }

    /// A mistake of ours.
    pub(super) fn broken() -> Trouble {
        Trouble::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "Something went wrong",
            "The server made a mistake. Nothing was changed. Try again; if it happens again, its log tells more.",
        )
    }

    pub(super) fn not_found() -> Trouble {
        Trouble::new(
            StatusCode::NOT_FOUND,
            "There is nothing here",
            "The page may have moved, or what it showed is gone.",
        )
    }

    /// The form did not come from a page of ours that is still good.
    pub(super) fn foreign() -> Trouble {
        Trouble::new(
            StatusCode::FORBIDDEN,
            "This form has expired",
            "It was opened before you signed in again, or it came from another site. Nothing was changed. Open the page once more and repeat what you did. If that does not help, open the page with https, or as 127.0.0.1: over plain HTTP under another name browsers do not say where a form comes from.",
        )
    }
}

impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Trouble {
        let log = match &refusal {
            Refusal::Broken(error) => Some(error.to_string()),
            _ => None,
        };
        let problem = Problem::from(refusal);
        let status = problem.status();
        if status.is_server_error() {
            tracing::error!(error = log, "a page could not be shown");
        }
        let heading = match status {
            StatusCode::INTERNAL_SERVER_ERROR => "Something went wrong",
            s if s.is_server_error() => "Not at the moment",
            _ => "This cannot be done",
        };
        Trouble::of(&problem, heading)
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Trouble {
        Refusal::from(error).into()
    }
}
