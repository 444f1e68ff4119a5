//! `/Bulk` (RFC 7644 §3.7): the request in, one transaction, the answer out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::HeaderMap;

use super::exchange::{Exchange, aside};
use super::problem::Problem;
use super::wire::Answer;
use crate::directory::{self, Done, Outcome, Refusal, Weight};
use crate::scim::bulk::{BULK_RESPONSE, Bulk, Refused};
use crate::scim::catalog::message;
use crate::scim::json::{Json, Object};

/// How long the operations of one request keep others from writing, before those get a turn.
const TURN: Duration = Duration::from_millis(250);

/// Answers a Bulk request. The answer comes when all of it is on disk.
pub async fn bulk(exchange: &Arc<Exchange>, headers: &HeaderMap, body: &mut Incoming) -> Result<Answer, Problem> {
    let (caller, json, size) = exchange.body(true, headers, body).await?;
    let dialect = exchange.directory.dialect();
    let most = exchange.directory.site.max_operations;
    let batch =
        aside(size, || Ok(directory::prepare_bulk(&exchange.directory, Bulk::parse(json, most, &dialect)?, &dialect)));
    exchange.note(&dialect);
    let batch = batch.map_err(|refused| match refused {
        Refused::Fault(fault) => Problem::from(Refusal::from(fault)),
        Refused::TooMany(n) => Problem::plain(
            StatusCode::PAYLOAD_TOO_LARGE,
            &format!("The request has {n} operations, more than maxOperations ({most}). Nothing was changed."),
        ),
    })?;
    let batch = Arc::new(Mutex::new(batch));
    loop {
        let (this, caller, shared) = (exchange.clone(), caller.clone(), batch.clone());
        let written = exchange.directory.store.write(Weight::Heavy, move |writer| {
            let dialect = this.directory.dialect();
            let mut batch = shared.lock().unwrap_or_else(PoisonError::into_inner);
            let is_over = directory::bulk(writer, &this.directory.site, &caller, &mut batch, &dialect, TURN);
            this.note(&dialect);
            is_over
        });
        match written.await {
            Ok(true) => break,
            Ok(false) => batch.lock().unwrap_or_else(PoisonError::into_inner).committed(),
            Err(refusal) => {
                let mut batch = batch.lock().unwrap_or_else(PoisonError::into_inner);
                if !batch.is_begun() {
                    return Err(exchange.refused(refusal));
                }
                // What was answered for so far is on disk; the rest is refused one by one.
                batch.give_up(&refusal);
                break;
            }
        }
    }
    let (outcomes, overlooked) = batch.lock().unwrap_or_else(PoisonError::into_inner).told();
    exchange.passed_over(&overlooked.members);
    exchange.unheard(&overlooked.roles);
    let mut answer = message(BULK_RESPONSE);
    answer.push("Operations", Json::Array(outcomes.into_iter().map(|o| told(o).into()).collect()));
    Ok(Answer::json(StatusCode::OK, Json::Object(answer).text()))
}

fn told(outcome: Outcome) -> Object {
    let Outcome { method, bulk_id, location, result } = outcome;
    let mut told = Object::new();
    if let Some(location) = location {
        told.push("location", location);
    }
    told.push("method", method);
    if let Some(bulk_id) = bulk_id {
        told.push("bulkId", bulk_id);
    }
    let (status, version, response) = match result {
        Ok(Done::Created(version)) => (StatusCode::CREATED, Some(version), None),
        Ok(Done::Changed(version)) => (StatusCode::OK, Some(version), None),
        Ok(Done::Removed) => (StatusCode::NO_CONTENT, None, None),
        Err(refusal) => {
            let problem = Problem::from(refusal);
            (problem.status(), None, Some(problem.body()))
        }
    };
    if let Some(version) = version {
        told.push("version", version);
    }
    told.push("status", status.as_str());
    if let Some(response) = response {
        told.push("response", response);
    }
    told
}
