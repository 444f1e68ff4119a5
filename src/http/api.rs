//! `/api/v1`: JSON for scripts, with a token of scope `api:read` or `api:handover`.

mod handovers;
mod inactive;

use hyper::body::Incoming;
use hyper::{Method, StatusCode};
use serde_json::json;

use super::problem::{Problem, no_method};
use super::ui::{Visit, Wanted};
use super::wire::{Answer, BodyLimits, Media, Room};
use crate::clock::date_time;
use crate::directory::overwrites::{overwrites, overwrites_json};
use crate::directory::roles;
use crate::directory::{Caller, Directory, Exchanged, Reach, Reader, Refusal, Scope};
use crate::secret::Token;

/// Exchanges of one answer, without `limit`.
const LIMIT: usize = 100;

/// A resource of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Resource {
    /// The recent exchanges.
    Requests,
    /// The roles and the rules.
    Roles,
    /// The role of the person with this id, and why.
    RoleOf(String),
    /// What pushes will write over of the person with this id.
    OverwritesOf(String),
    /// Automatic deactivation.
    Inactive,
    /// The hand-overs.
    Handovers,
    /// The hand-over of this number.
    Handover(i64),
}

/// What a path names.
pub fn find(path: &str) -> Option<Resource> {
    let path = path.strip_prefix("/api/v1/")?;
    match path.strip_suffix('/').unwrap_or(path) {
        "requests" => Some(Resource::Requests),
        "roles" => Some(Resource::Roles),
        "inactive" => Some(Resource::Inactive),
        "handovers" => Some(Resource::Handovers),
        path => {
            if let Some(number) = path.strip_prefix("handovers/") {
                return number.parse().ok().map(Resource::Handover);
            }
            let (id, what) = path.strip_prefix("people/")?.split_once('/')?;
            let id = percent_encoding::percent_decode_str(id).decode_utf8().ok()?;
            let id = (!id.is_empty() && !id.contains('/')).then(|| id.into_owned())?;
            match what {
                "role" => Some(Resource::RoleOf(id)),
                "overwrites" => Some(Resource::OverwritesOf(id)),
                _ => None,
            }
        }
    }
}

/// Is the path one of the API, whether or not it names something?
pub fn is_below(path: &str) -> bool {
    path == "/api" || path.starts_with("/api/")
}

/// Lets the holder of a token in.
///
/// Errors: no good token, or one of another scope.
pub fn admit(directory: &Directory, token: &Token, visit: &Visit<'_>) -> Result<Caller, Refusal> {
    let look = |reader: &Reader<'_>| Caller::admit(reader, token, visit.id, Reach::Api, reader.now());
    let caller = directory.store.inline(look)?;
    directory.store.note(|u| u.token(&caller.token, directory.store.now(), visit.address, visit.client));
    Ok(caller)
}

/// Refuses what would be an empty list for ever: a parameter that is none, or a value that nothing can have.
fn judge(visit: &Visit<'_>, wanted: &Wanted) -> Result<(), Problem> {
    const KNOWN: [&str; 5] = ["client", "method", "status", "token", "limit"];
    let wrong = |why: &str| Err(Problem::plain(StatusCode::BAD_REQUEST, why));
    if form_urlencoded::parse(visit.query.as_bytes()).any(|(name, _)| !KNOWN.contains(&name.as_ref())) {
        return wrong("The parameters are client, method, status, token and limit.");
    }
    let status = wanted.status.as_str();
    let number = status.parse::<u16>().is_ok_and(|n| (100..600).contains(&n));
    if !["", "answered", "refused", "2xx", "3xx", "4xx", "5xx"].contains(&status) && !number {
        return wrong("status is answered, refused, 2xx to 5xx, or a number such as 409.");
    }
    if !wanted.method.bytes().all(|b| b.is_ascii_uppercase()) {
        return wrong("method is a word such as PATCH.");
    }
    Ok(())
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
        (Resource::Inactive, _) => {
            may_look(&caller)?;
            inactive::inactive(directory, visit).await
        }
        (Resource::Roles, _) => {
            may_look(&caller)?;
            let site = directory.site.clone();
            let read = directory.store.read(move |reader| {
                Ok::<_, Refusal>(roles::catalogue_json(&site.roles, &roles::rules(reader, &site.roles)?))
            });
            Ok(shown_as(&read.await?))
        }
        (Resource::RoleOf(id), _) => {
            may_look(&caller)?;
            let site = directory.site.clone();
            let read = directory.store.read(move |reader| {
                let why = roles::why(reader, &site, &id)?.ok_or_else(|| Refusal::NotFound("User".to_owned(), id))?;
                Ok::<_, Refusal>(roles::why_json(&why))
            });
            Ok(shown_as(&read.await?))
        }
        (Resource::OverwritesOf(id), _) => {
            may_look(&caller)?;
            let site = directory.site.clone();
            let read = directory.store.read(move |reader| {
                let all = overwrites(reader, &site, &id)?;
                let all = all.ok_or_else(|| Refusal::NotFound("User".to_owned(), id.clone()))?;
                Ok::<_, Refusal>(overwrites_json(&id, &all))
            });
            Ok(shown_as(&read.await?))
        }
    }
}

/// A token that only hands over sees nothing else.
fn may_look(caller: &Caller) -> Result<(), Problem> {
    match caller.scope() {
        Scope::ApiRead => Ok(()),
        _ => Err(Problem::plain(StatusCode::FORBIDDEN, "Looking at this needs a token of scope api:read.")),
    }
}

/// A parameter that is a number.
fn numbered(visit: &Visit<'_>, name: &str, default: u64, (least, most): (u64, u64), why: &str) -> Result<u64, Problem> {
    match visit.parameter(name) {
        None => Ok(default),
        Some(text) => {
            let number = text.parse().ok().filter(|n| (least..=most).contains(n));
            number.ok_or_else(|| Problem::plain(StatusCode::BAD_REQUEST, why))
        }
    }
}

/// JSON as an answer.
fn shown_as(body: &serde_json::Value) -> Answer {
    Answer { media: Media::Json, ..Answer::json(StatusCode::OK, body.to_string()) }
}

fn requests(directory: &Directory, caller: &Caller, visit: &Visit<'_>) -> Result<Answer, Problem> {
    may_look(caller)?;
    let limit = match visit.parameter("limit").as_deref() {
        None => LIMIT,
        Some(text) => text
            .parse()
            .ok()
            .filter(|n| (1..=1100).contains(n))
            .ok_or_else(|| Problem::plain(StatusCode::BAD_REQUEST, "limit is a number from 1 to 1100."))?,
    };
    let wanted = Wanted::of(visit);
    judge(visit, &wanted)?;
    let all = directory.store.activity(|a| a.exchanges());
    let found: Vec<&Exchanged> = all.iter().filter(|e| wanted.fits(e)).collect();
    let body = json!({
        "total": found.len(),
        "requests": found.iter().take(limit).map(|e| exchange(e)).collect::<Vec<_>>(),
    });
    Ok(shown_as(&body))
}

fn exchange(e: &Exchanged) -> serde_json::Value {
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
