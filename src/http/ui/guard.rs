//! `/guard`: very many people left within minutes. Who they are, what waits, and the word that lets it go on.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::handovers::{by_words, person, state_words};
use super::lists::{SIZE, address, pager};
use super::proof::Grave;
use super::session::Signed;
use super::views::{Confirm, Count, Frame, Link, Moment, Pager};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::directory::guard::{Retention, guard, last_left, left, release_guard};
use crate::directory::lifecycle::people;
use crate::directory::{Caller, Refusal};

/// Somebody who left.
struct Row {
    person: Link,
    is_here: bool,
    at: Moment,
    by: String,
    handover: Link,
}

/// What holds the guard.
struct Held {
    count: Count,
    since: Moment,
    /// The number of the last hand-over that is looked at.
    seen: i64,
    entries: Vec<Row>,
    pager: Pager,
    days: i64,
    kept: Count,
    due: Count,
}

/// The guard.
#[derive(Template)]
#[template(path = "guard.html", config = "assets/askama.toml")]
struct GuardPage {
    frame: Frame,
    /// None: it does not hold.
    held: Option<Held>,
    problem: Option<String>,
    confirm: Confirm,
}

impl Ui {
    /// `/guard`
    pub(super) async fn guard(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Outcome {
        // Without a number nobody has looked at anybody.
        let seen = form.as_ref().map_or(0, |form| form.get("seen").parse().unwrap_or(0));
        let (signed, confirm, mut status) = match self.grave(visit, signed, form).await? {
            Grave::Ask(signed, confirm, status) => (signed, confirm, status),
            Grave::Now(signed) => {
                let caller = Caller::local(&signed.by(), visit.id);
                let done = self.change(&signed, move |writer| release_guard(writer, &caller, Some(seen)));
                match done.await {
                    Ok(Some(_)) => return Ok(with_cookie(visit, &signed, redirect("/"))),
                    Ok(None) => return Err(Trouble::foreign()),
                    Err(Refusal::Conflict(_)) => {}
                    Err(other) => return Err(other.into()),
                }
                let confirm = signed.confirm(self.now());
                (signed, confirm, StatusCode::CONFLICT)
            }
        };
        let offset = if status == StatusCode::OK { visit.offset() } else { 0 };
        let read = self.directory.store.read(move |reader| {
            let Some(guard) = guard(reader)? else { return Ok(None) };
            let of = people(reader)?;
            let retention = Retention::of(reader);
            let (found, last) = (left(reader, guard, offset, SIZE)?, last_left(reader, guard)?);
            let (kept, due) = (reader.departed_count(&of)?, retention.due(reader, &of)?);
            Ok::<_, Refusal>(Some((guard, found, last, retention, kept, due, reader.tokens()?)))
        });
        let found = read.await?;
        if found.as_ref().is_some_and(|(_, found, ..)| found.is_empty()) && offset > 0 {
            return Ok(redirect("/guard"));
        }
        let held = found.map(|(guard, found, last, retention, kept, due, tokens)| Held {
            count: Count(guard.count),
            since: Moment(guard.since),
            seen: last.unwrap_or(0),
            pager: pager(offset, found.len() as u64, guard.count, SIZE, |o| address("/guard", "", "", o)),
            entries: found
                .iter()
                .map(|item| Row {
                    person: person(&item.handover.person, &item.name),
                    is_here: item.is_here,
                    at: Moment(item.handover.opened),
                    by: by_words(item.opened_by.as_deref(), &tokens),
                    handover: Link { href: format!("/handovers/{}", item.handover.id), words: state_words(item) },
                })
                .collect(),
            days: retention.days,
            kept: Count(kept),
            due: Count(due),
        });
        let problem = (status == StatusCode::CONFLICT && held.is_some())
            .then(|| "More people have left since you looked. Look at them as well.".to_owned());
        if held.is_none() {
            status = StatusCode::OK;
        }
        let title = if held.is_some() { "Very many people left" } else { "The guard does not hold" };
        let page = GuardPage { frame: self.frame(visit, &signed, "overview", title).await?, held, problem, confirm };
        page_for(visit, &signed, status, &page)
    }
}
