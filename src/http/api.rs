//! `/api/v1`: JSON for scripts, with a token of scope `api:read` or `api:handover`.

mod handovers;

use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::problem::{Problem, no_method};
use super::ui::{Visit, Wanted};
use super::wire::{Answer, BodyLimits, Media, Room};
use crate::clock::date_time;
use crate::directory::{Caller, Directory, Exchanged, Reach, Reader, Refusal, Scope};
use crate::secret::Token;

/// Exchanges of one answer, without `limit`.
const LIMIT: usize = 100;

/// A resource of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The recent exchanges.
    Requests,
    /// The hand-overs.
    Handovers,
    /// The hand-over of this number.
    Handover(i64),
}

/// What a path names.
pub fn find(path: &str) -> Option<Resource> {
    match path.strip_prefix("/api/v1/")? {
        "requests" | "requests/" => Some(Resource::Requests),
        "handovers" | "handovers/" => Some(Resource::Handovers),
        path => path.strip_prefix("handovers/")?.parse().ok().map(Resource::Handover),
    }
}

/// Is the path one of the API, whether or not it names something?
pub fn is_below(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Lets the holder of a token in.
///
/// Errors: no good token, or one of another scope.
pub fn admit(directory: &Directory, token: &Token, request: &str) -> Result<Caller, Refusal> {
    let look = |reader: &Reader<'_>| Caller::admit(reader, token, request, Reach::Api, reader.now());
    directory.store.inline(look)
}

/// Answers a request that was let in.
pub async fn answer(
    directory: &Directory,
    caller: Caller,
    resource: Option<Resource>,
    visit: &Visit<'_>,
    (body, limits, room): (&mut Incoming, BodyLimits, &Room),
) -> Result<Answer, Problem> {
    let Some(resource) = resource else {
        return Err(Problem::plain(StatusCode::NOT_FOUND, "There is nothing at this path. /api/v1/requests is one."));
    };
    const LOOK: &[Method] = &[Method::GET, Method::HEAD, Method::OPTIONS];
    const SETTLE: &[Method] = &[Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
    let methods = if matches!(resource, Resource::Handover(_)) { SETTLE } else { LOOK };
    match (resource, visit.method) {
        (_, &Method::OPTIONS) => Ok(Answer::methods(methods)),
        (_, method) if !methods.contains(method) => Err(no_method(methods)),
        (Resource::Requests, _) => requests(directory, &caller, visit),
        (Resource::Handovers, _) => handovers::list(directory, visit).await,
        (Resource::Handover(id), &Method::POST) => {
            let body = super::wire::read(body, visit.headers, limits, room).await?;
            handovers::settle(directory, caller, id, &body).await
        }
        (Resource::Handover(id), _) => handovers::one(directory, id).await,
    }
}

/// JSON as an answer.
fn shown_as(body: &serde_json::Value) -> Answer {
    Answer { media: Media::Json, ..Answer::json(StatusCode::OK, body.to_string()) }
}

fn requests(directory: &Directory, caller: &Caller, visit: &Visit<'_>) -> Result<Answer, Problem> {
    if caller.scope() != Scope::ApiRead {
        return Err(Problem::plain(StatusCode::FORBIDDEN, "Looking at requests needs a token of scope api:read."));
    }
    let limit = match visit.parameter("limit").as_deref() {
        None => LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=1100).contains(n))
            .ok_or_else(|| Problem::plain(StatusCode::BAD_REQUEST, "limit is a number from 1 to 1100."))?,
    };
    let wanted = Wanted::of(visit);
    let all = directory.store.activity(|a| a.exchanges());
    let found: Vec<&Exchanged> = all.iter().filter(|e| wanted.fits(e)).collect();
    let body = json!({
        "total": found.len(),
        "requests": found.iter().take(limit).map(|e| shown(e)).collect::<Vec<_>>(),
    });
    Ok(shown_as(&body))
}

fn shown(e: &Exchanged) -> serde_json::Value {
    json!({
        "time": date_time(e.at),
        "request": e.request,
        "client": e.client,
        "address": e.address,
        "token": e.token,
        "method": e.method,
        "path": e.path,
        "status": e.status,
        "detail": e.detail,
        "milliseconds": e.milliseconds,
    })
}
