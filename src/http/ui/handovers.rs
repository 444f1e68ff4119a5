//! `/handovers`: who left and has something to hand over, and what becomes of it.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::lists::{Names, SIZE, address, encoded, names, pager};
use super::session::Signed;
use super::state::who_words;
use super::views::{Count, Frame, Link, Moment, Pager};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::handover::{
    Decision, Groups, HandoverStatus, Item, counts, groups_of, item, items, note_of, settle, settled,
};
use crate::directory::lifecycle::{names_of, people};
use crate::directory::overview::{Listed, page};
use crate::directory::{Caller, Refusal, TokenRow};

/// Names of groups that are shown.
const NAMES: usize = 100;
/// People that a search shows.
const FOUND: usize = 10;

/// A line of the list.
struct Row {
    href: String,
    name: String,
    state: String,
    returned: Option<Link>,
    at: Moment,
    by: String,
}

/// What there is to hand over, or was.
#[derive(Template)]
#[template(path = "handovers.html", config = "assets/askama.toml")]
struct Handovers {
    frame: Frame,
    settled: bool,
    open_count: Count,
    settled_count: Count,
    entries: Vec<Row>,
    pager: Pager,
}

/// How a hand-over was settled.
struct Settled {
    outcome: &'static str,
    successor: Option<Link>,
    note: Vec<String>,
    at: Moment,
    by: String,
}

/// One hand-over.
#[derive(Template)]
#[template(path = "handover.html", config = "assets/askama.toml")]
struct Handover {
    frame: Frame,
    number: i64,
    person: Link,
    is_here: bool,
    opened: Moment,
    by: String,
    request: String,
    returned: Option<Link>,
    /// None: it is open.
    settled: Option<Settled>,
    joined: Names,
    left_alone: Names,
    q: String,
    found: Vec<Listed>,
    more: Count,
    /// What was typed: `successor`, `note`.
    form: Form,
    problem: Option<String>,
}

impl Ui {
    /// `/handovers`
    pub(super) async fn handovers(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let (offset, is_settled) = (visit.offset(), visit.parameter("status").as_deref() == Some("settled"));
        let read = self.directory.store.read(move |reader| {
            let found = match is_settled {
                true => settled(reader, offset, SIZE)?,
                false => items(reader, HandoverStatus::Open, offset, SIZE)?.0,
            };
            Ok::<_, Refusal>((found, counts(reader)?, reader.tokens()?))
        });
        let (found, (open, done), tokens) = read.await?;
        let (shown, status) = (found.len() as u64, if is_settled { "settled" } else { "" });
        if shown == 0 && offset > 0 {
            return Ok(redirect(&address("/handovers", "", status, 0)));
        }
        let total = if is_settled { done } else { open };
        let page = Handovers {
            frame: self.frame(visit, signed, "people", "Hand-overs").await?,
            settled: is_settled,
            open_count: Count(open),
            settled_count: Count(done),
            entries: found.iter().map(|item| row(item, &tokens)).collect(),
            pager: pager(offset, shown, total, SIZE, |offset| address("/handovers", "", status, offset)),
        };
        html(StatusCode::OK, &page)
    }

    /// `/handovers/{id}`
    pub(super) async fn handover(&self, visit: &Visit<'_>, signed: &Signed, id: &str, form: Option<Form>) -> Outcome {
        let id: i64 = id.parse().map_err(|_| Trouble::not_found())?;
        let Some(mut form) = form else {
            let mut form = Form::default();
            form.set("q", &visit.parameter("q").unwrap_or_default());
            return self.handover_page(visit, signed, id, form, None).await;
        };
        let to = form.get("successor").trim().to_owned();
        let decision = match form.get("decision") {
            "dismiss" => Decision::Dismiss,
            _ => Decision::Give(to.clone()),
        };
        if matches!(decision, Decision::Give(_)) && to.is_empty() {
            form.refuse("successor", "Say who takes over, or that there is nothing to hand over.");
        }
        let note = form.get("note").to_owned();
        if let Err(why) = note_of(&note) {
            form.refuse("note", why);
        }
        if !form.is_good() {
            return self.handover_page(visit, signed, id, form, None).await;
        }
        let caller = Caller::local(&signed.by(), visit.id);
        let site = self.directory.site.clone();
        let settled = self.change(signed, move |writer| settle(writer, &site, &caller, id, &decision, Some(&note)));
        match settled.await {
            Ok(Some(_)) => Ok(redirect("/handovers")),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Conflict(why)) => self.handover_page(visit, signed, id, form, Some(why)).await,
            Err(other) => Err(other.into()),
        }
    }

    /// `conflict` is why it could not be settled: with what has become of it, or with whoever was to take over.
    async fn handover_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        id: i64,
        mut form: Form,
        conflict: Option<String>,
    ) -> Outcome {
        let q = form.get("q").trim().to_owned();
        let text = q.clone();
        let read = self.directory.store.read(move |reader| {
            let Some(found) = reader.handover(id)? else { return Ok(None) };
            let item = item(reader, found)?;
            let groups = match item.handover.status {
                HandoverStatus::Open => groups_of(reader, &item.handover.person)?,
                _ => Groups::default(),
            };
            let joined = names(&names_of(reader, &groups.joined, NAMES)?, groups.joined.len());
            let left_alone = names(&names_of(reader, &groups.left_alone, NAMES)?, groups.left_alone.len());
            let people = match text.is_empty() {
                true => None,
                false => Some(page(reader, &*people(reader)?, &text, Some(true), 0, FOUND as u64 + 1)?),
            };
            Ok::<_, Refusal>(Some((item, joined, left_alone, people, reader.tokens()?)))
        });
        let (item, joined, left_alone, people, tokens) = read.await?.ok_or_else(Trouble::not_found)?;
        let handover = &item.handover;
        let is_open = handover.status == HandoverStatus::Open;
        let (mut problem, mut status) = (None, StatusCode::OK);
        if let Some(why) = conflict {
            match is_open {
                true => form.refuse("successor", why),
                false => (problem, status) = (Some(format!("{why} Nothing was changed.")), StatusCode::CONFLICT),
            }
        }
        if !form.is_good() {
            status = StatusCode::UNPROCESSABLE_ENTITY;
        }
        let (mut found, total) = people.map_or((Vec::new(), 0), |page| (page.entries, page.total));
        // Whoever left deactivated is not found, but may be active again by now.
        found.retain(|entry| entry.id != handover.person);
        found.truncate(FOUND);
        let view = Handover {
            frame: self.frame(visit, signed, "people", &format!("Hand-over of {}", item.name)).await?,
            number: id,
            person: person(&handover.person, &item.name),
            is_here: item.is_here,
            opened: Moment(handover.opened),
            by: by_words(item.opened_by.as_deref(), &tokens),
            request: item.request.clone().unwrap_or_default(),
            returned: item.returned_as.as_deref().map(|id| person(id, "has come back")),
            settled: (!is_open).then(|| outcome(&item, &tokens)),
            joined,
            left_alone,
            q,
            more: Count(total.saturating_sub(found.len() as u64)),
            found,
            form,
            problem,
        };
        html(status, &view)
    }
}

/// A link to somebody.
pub fn person(id: &str, words: &str) -> Link {
    Link { href: format!("/people/{}", encoded(id)), words: words.to_owned() }
}

/// Who did something, in words.
pub fn by_words(actor: Option<&str>, tokens: &[TokenRow]) -> String {
    actor.map_or_else(|| "No longer recorded".to_owned(), |actor| who_words(actor, tokens))
}

fn row(item: &Item, tokens: &[TokenRow]) -> Row {
    let handover = &item.handover;
    let (at, by) = match handover.at {
        Some(at) => (at, handover.by.as_deref()),
        None => (handover.opened, item.opened_by.as_deref()),
    };
    Row {
        href: format!("/handovers/{}", handover.id),
        name: item.name.clone(),
        state: match handover.status {
            HandoverStatus::Open => if item.is_here { "Deactivated" } else { "Deleted" }.to_owned(),
            _ => state_words(item),
        },
        returned: item.returned_as.as_deref().map(|id| person(id, "has come back")),
        at: Moment(at),
        by: by_words(by, tokens),
    }
}

/// How a hand-over stands, in a word or two.
pub fn state_words(item: &Item) -> String {
    match item.handover.status {
        HandoverStatus::Done => format!("Given to {}", item.successor.as_deref().unwrap_or("somebody")),
        status => outcome_words(status).to_owned(),
    }
}

fn outcome_words(status: HandoverStatus) -> &'static str {
    match status {
        HandoverStatus::Open => "Open",
        HandoverStatus::Done => "Given",
        HandoverStatus::Dismissed => "Nothing to hand over",
        HandoverStatus::Closed => "Active again before",
    }
}

fn outcome(item: &Item, tokens: &[TokenRow]) -> Settled {
    let handover = &item.handover;
    let successor = handover.successor.as_deref();
    Settled {
        outcome: outcome_words(handover.status),
        successor: successor.map(|id| person(id, item.successor.as_deref().unwrap_or(id))),
        note: handover.note.as_deref().unwrap_or_default().lines().map(str::to_owned).collect(),
        at: Moment(handover.at.unwrap_or(handover.opened)),
        by: by_words(handover.by.as_deref(), tokens),
    }
}

/// How the hand-over of a person stands, for his or her page; it leads to the page of the hand-over.
pub fn sentence(item: &Item, tokens: &[TokenRow]) -> Link {
    let by = item.handover.by.as_deref().map_or_else(String::new, |by| format!(" by {}", who_words(by, tokens)));
    let words = match item.handover.status {
        HandoverStatus::Open => "Open: nobody has decided yet who takes over.".to_owned(),
        HandoverStatus::Done => {
            format!("Given to {}{by}.", item.successor.as_deref().unwrap_or("somebody who is gone by now"))
        }
        HandoverStatus::Dismissed => format!("Dismissed{by}: there was nothing to hand over."),
        HandoverStatus::Closed => "Closed: the person was active again before.".to_owned(),
    };
    Link { href: format!("/handovers/{}", item.handover.id), words }
}
