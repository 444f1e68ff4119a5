//! `/api/v1/inactive`: automatic deactivation, and whom the next run would take.

use serde_json::json;

use super::super::problem::Problem;
use super::super::ui::Visit;
use super::super::wire::Answer;
use super::{numbered, shown_as};
use crate::directory::idle::{preview, preview_json, status_json};
use crate::directory::{Directory, Refusal};

/// People of one answer: without `limit`, and at most.
const LIMIT: u64 = 100;
const MOST: u64 = 1000;

/// `GET /api/v1/inactive?offset=0&limit=100`
pub async fn inactive(directory: &Directory, visit: &Visit<'_>) -> Result<Answer, Problem> {
    let limit = numbered(visit, "limit", LIMIT, (1, MOST), "limit is a number from 1 to 1000.")?;
    let offset = numbered(visit, "offset", 0, (0, i64::MAX.unsigned_abs()), "offset is a number from 0 on.")?;
    let site = directory.site.clone();
    let read = directory
        .store
        .read(move |reader| Ok::<_, Refusal>((preview(reader, &site, None, offset, limit)?, reader.now())));
    let (found, now) = read.await?;
    let mut body = status_json(&found, now);
    if let Some(preview) = body.get_mut("preview").and_then(|p| p.as_object_mut()) {
        preview.insert("people".to_owned(), json!(preview_json(&found)));
    }
    Ok(shown_as(&body))
}
