//! Refusals become status codes and SCIM Errors (RFC 7644 §3.12). Status codes are born here and nowhere else.

use hyper::StatusCode;
use hyper::header::{self, HeaderName};

use super::wire::Answer;
use crate::directory::{Refusal, StoreError};
use crate::scim::catalog::message;
use crate::scim::fault::quoted;
use crate::scim::json::Json;

/// The schema of an error.
const ERROR: &str = "urn:ietf:params:scim:api:messages:2.0:Error";
/// Seconds after which a client may come again, when the server was only busy.
const BUSY_SECONDS: &str = "2";
/// And when provisioning is paused.
const PAUSED_SECONDS: &str = "300";

/// An error on its way out.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    keyword: Option<&'static str>,
    detail: String,
    headers: Vec<(HeaderName, String)>,
}

impl Problem {
    /// An error that HTTP alone explains.
    pub fn plain(status: StatusCode, detail: &str) -> Problem {
        Problem { status, keyword: None, detail: detail.to_owned(), headers: Vec::new() }
    }

    /// The server has too much to do; nothing was changed.
    pub fn busy(why: &str) -> Problem {
        Problem::plain(StatusCode::SERVICE_UNAVAILABLE, why).with(header::RETRY_AFTER, BUSY_SECONDS)
    }

    /// After this one the connection cannot be used any further.
    pub fn closing(self) -> Problem {
        self.with(header::CONNECTION, "close")
    }

    /// With a header.
    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Problem {
        self.headers.push((name, value.into()));
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Its headers beside those of every answer.
    pub fn headers(&self) -> &[(HeaderName, String)] {
        &self.headers
    }

    /// Its body.
    pub fn body(&self) -> Json {
        error_object(self.status, self.keyword, &self.detail)
    }

    /// The answer.
    pub fn answer(self) -> Answer {
        let mut answer = Answer::json(self.status, error_body(self.status, self.keyword, &self.detail));
        for (name, value) in &self.headers {
            answer = answer.with(name.clone(), value);
        }
        answer.detail = Some(self.detail);
        answer
    }
}

/// The body of an error.
pub fn error_body(status: StatusCode, keyword: Option<&str>, detail: &str) -> String {
    error_object(status, keyword, detail).text()
}

fn error_object(status: StatusCode, keyword: Option<&str>, detail: &str) -> Json {
    let mut body = message(ERROR);
    body.push("status", status.as_str());
    if let Some(keyword) = keyword {
        body.push("scimType", keyword);
    }
    body.push("detail", detail);
    Json::Object(body)
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Fault(fault) => {
                let mut detail = fault.to_string();
                if let Some(first) = detail.get(..1).map(str::to_uppercase).filter(|_| fault.at.is_empty()) {
                    detail.replace_range(..1, &first);
                }
                detail.push('.');
                Problem {
                    status: StatusCode::BAD_REQUEST,
                    keyword: Some(fault.kind.keyword()),
                    detail,
                    headers: Vec::new(),
                }
            }
            // One text for every cause: what was wrong with a token is for the log.
            Refusal::Unauthenticated(_) => Problem::plain(
                StatusCode::UNAUTHORIZED,
                "A valid token is needed in the Authorization header: Bearer followed by the token.",
            )
            .with(header::WWW_AUTHENTICATE, "Bearer realm=\"scim-appliance\""),
            // §3.11: "A service provider that does NOT support this feature SHOULD respond with HTTP status code 501". It is
            // the token that does not (an interpretation: the RFC has no case for a subject without a resource).
            Refusal::Nobody => Problem::plain(
                StatusCode::NOT_IMPLEMENTED,
                "/Me needs a token that is bound to a user; this one is bound to nobody.",
            ),
            Refusal::Denied(why) => Problem::plain(StatusCode::FORBIDDEN, &why),
            Refusal::Paused => Problem::plain(
                StatusCode::SERVICE_UNAVAILABLE,
                "Provisioning is paused by an administrator. Try again later.",
            )
            .with(header::RETRY_AFTER, PAUSED_SECONDS),
            Refusal::NotFound(of, id) => {
                Problem::plain(StatusCode::NOT_FOUND, &format!("There is no {of} with the id {}.", quoted(&id)))
            }
            Refusal::Stale(version) => Problem::plain(
                StatusCode::PRECONDITION_FAILED,
                &format!("The resource has the version {version}, which the request excludes. Nothing was changed."),
            )
            .with(header::ETAG, version),
            Refusal::Conflict(why) => Problem::plain(StatusCode::CONFLICT, &why),
            Refusal::Taken(of, attribute, value, exact) => Problem {
                status: StatusCode::CONFLICT,
                keyword: Some("uniqueness"),
                detail: format!(
                    "Another {of} has the {attribute} {} already{}.",
                    quoted(&value),
                    if exact { "" } else { "; letter case does not count" }
                ),
                headers: Vec::new(),
            },
            Refusal::Broken(error) => broken(&error),
        }
    }
}

/// The store cannot. Clients learn whether to come again; the log learns why.
fn broken(error: &StoreError) -> Problem {
    let busy = Problem::busy;
    match error {
        StoreError::Overloaded => busy("The server has too much to do at the moment. Nothing was changed; try again."),
        StoreError::Busy => busy("The database is in use by another process. Nothing was changed; try again."),
        StoreError::Closed => busy("The server is shutting down. Nothing was changed; try again."),
        StoreError::Io(_) => busy("The disk of the server reports an error. Nothing was changed; try again."),
        StoreError::Full => Problem::plain(
            StatusCode::INSUFFICIENT_STORAGE,
            "The server has no room left to store changes. Nothing was changed.",
        )
        .with(header::RETRY_AFTER, "60"),
        _ => Problem::plain(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The server made a mistake. Nothing was changed; its log tells more.",
        ),
    }
}

/// 404 for a path that names nothing.
pub fn no_route() -> Problem {
    Problem::plain(StatusCode::NOT_FOUND, "There is nothing at this path. The SCIM endpoint is /scim/v2.")
}

/// 404 on the listener of the settings page, whatever the token is worth elsewhere.
pub fn not_here() -> Problem {
    Problem::plain(StatusCode::NOT_FOUND, "There is nothing at this path. SCIM is served at another address.")
}

/// 405 with the methods that there are.
pub fn no_method(allowed: &[hyper::Method]) -> Problem {
    let allowed = allowed.iter().map(hyper::Method::as_str).collect::<Vec<_>>().join(", ");
    Problem::plain(StatusCode::METHOD_NOT_ALLOWED, &format!("This path has the methods {allowed}."))
        .with(header::ALLOW, allowed)
}

/// 501 for a method that this server has nowhere (RFC 9110 §9.1).
pub fn unknown_method() -> Problem {
    Problem::plain(StatusCode::NOT_IMPLEMENTED, "This server does not know the method of the request.")
}

/// 429 with the seconds after which the client may come again.
pub fn too_many(seconds: u64, why: &str) -> Problem {
    Problem::plain(StatusCode::TOO_MANY_REQUESTS, why).with(header::RETRY_AFTER, seconds.to_string())
}
