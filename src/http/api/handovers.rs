//! `/api/v1/handovers`: what people who left have to hand over, and what becomes of it.

use hyper::StatusCode;
use serde_json::{Value, json};

use super::super::problem::Problem;
use super::super::ui::Visit;
use super::super::wire::Answer;
use super::{numbered, shown_as};
use crate::clock::date_time;
use crate::directory::handover::{self, Decision, HandoverStatus, Item, item, items};
use crate::directory::{Caller, Directory, Refusal, Weight};

/// Items of one answer: without `limit`, and at most.
const LIMIT: u64 = 100;
const MOST: u64 = 1000;

/// `GET /api/v1/handovers?status=open&offset=0&limit=100`
pub async fn list(directory: &Directory, visit: &Visit<'_>) -> Result<Answer, Problem> {
    let wrong = |why: &str| Problem::plain(StatusCode::BAD_REQUEST, why);
    let status = match visit.parameter("status") {
        None => HandoverStatus::Open,
        Some(name) => {
            HandoverStatus::named(&name).ok_or_else(|| wrong("status is open, done, dismissed or closed."))?
        }
    };
    let limit = numbered(visit, "limit", LIMIT, (1, MOST), "limit is a number from 1 to 1000.")?;
    let offset = numbered(visit, "offset", 0, (0, i64::MAX.unsigned_abs()), "offset is a number from 0 on.")?;
    let read = directory.store.read(move |reader| items(reader, status, offset, limit));
    let (found, total) = read.await.map_err(Refusal::from)?;
    Ok(shown_as(&json!({"total": total, "handovers": found.iter().map(shown).collect::<Vec<_>>()})))
}

/// `GET /api/v1/handovers/{id}`
pub async fn one(directory: &Directory, id: i64) -> Result<Answer, Problem> {
    Ok(shown_as(&shown(&found(directory, id).await?)))
}

/// `POST /api/v1/handovers/{id}`: `{"successor": "grace@example.com"}`, or `{"dismissed": true}`; with a `note` if there is
/// something to say.
pub async fn settle(directory: &Directory, caller: Caller, id: i64, body: &[u8]) -> Result<Answer, Problem> {
    let (decision, note) =
        decision(body).ok_or_else(|| {
            Problem::plain(
                StatusCode::BAD_REQUEST,
                "The body is {\"successor\": \"userName or id\"} or {\"dismissed\": true}, with a \"note\" if you like. Nothing was changed.",
            )
        })?;
    let site = directory.site.clone();
    let written = directory
        .store
        .write(Weight::Light, move |writer| handover::settle(writer, &site, &caller, id, &decision, note.as_deref()));
    let joined = written.await?;
    let mut body = shown(&found(directory, id).await?);
    if let Some(body) = body.as_object_mut() {
        body.insert("groupsJoined".to_owned(), json!(joined));
    }
    Ok(shown_as(&body))
}

fn decision(body: &[u8]) -> Option<(Decision, Option<String>)> {
    let Ok(Value::Object(mut body)) = serde_json::from_slice(body) else { return None };
    let note = match body.remove("note") {
        None | Some(Value::Null) => None,
        Some(Value::String(note)) => Some(note),
        Some(_) => return None,
    };
    let decision = match (body.remove("successor"), body.remove("dismissed")) {
        (Some(Value::String(to)), None) => Decision::Give(to),
        (None, Some(Value::Bool(true))) => Decision::Dismiss,
        _ => return None,
    };
    body.is_empty().then_some((decision, note))
}

async fn found(directory: &Directory, id: i64) -> Result<Item, Problem> {
    let read = directory.store.read(move |reader| {
        let found = reader.handover(id)?.ok_or_else(|| Refusal::NotFound("hand-over".to_owned(), id.to_string()))?;
        Ok::<_, Refusal>(item(reader, found)?)
    });
    Ok(read.await?)
}

fn shown(item: &Item) -> Value {
    let h = &item.handover;
    json!({
        "id": h.id,
        "status": h.status.name(),
        "person": h.person,
        "userName": item.name,
        "deleted": !item.is_here,
        "returnedAs": item.returned_as,
        "opened": date_time(h.opened),
        "openedBy": item.opened_by,
        "successor": h.successor,
        "successorUserName": item.successor,
        "note": h.note,
        "settledBy": h.by,
        "settled": h.at.map(date_time),
    })
}
