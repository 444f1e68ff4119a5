//! `/handovers`: who left and has something to hand over; and the page of somebody who is gone.

use askama::Template;
use hyper::StatusCode;

use super::history::changes;
use super::lists::{SIZE, address, encoded, pager, with_query};
use super::session::Signed;
use super::state::who_words;
use super::views::{Changed, Count, Facts, Frame, Link, Moment, Pager, Shown};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::handover::{HandoverStatus, Item, items};
use crate::directory::lifecycle::{Gone, gone_one};
use crate::directory::overview::{HISTORY, shown_of};
use crate::directory::{ChangeRow, Refusal, TokenRow};

/// Members of an archived group that are named.
const NAMES: u64 = 100;

/// A line of the list.
pub struct Row {
    name: String,
    is_here: bool,
    href: String,
    opened: Moment,
    by: String,
    returned: Option<Link>,
    command: String,
}

/// What there is to hand over.
#[derive(Template)]
#[template(path = "handovers.html", config = "assets/askama.toml")]
struct Handovers {
    frame: Frame,
    entries: Vec<Row>,
    total: Count,
    pager: Pager,
}

/// Somebody who was deleted, or a group that is archived.
#[derive(Template)]
#[template(path = "departed.html", config = "assets/askama.toml")]
struct Departed {
    frame: Frame,
    gone: Gone,
    at: Moment,
    by: String,
    is_group: bool,
    title: String,
    command: String,
    later: Option<Link>,
    earlier: Vec<Link>,
    facts: Vec<Facts>,
    history: Vec<Changed>,
    older: Option<String>,
}

impl Ui {
    /// `/handovers`
    pub(super) async fn handovers(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let offset = visit.offset();
        let read = self.directory.store.read(move |reader| {
            Ok::<_, Refusal>((items(reader, HandoverStatus::Open, offset, SIZE)?, reader.tokens()?))
        });
        let ((found, total), tokens) = read.await?;
        let shown = found.len() as u64;
        if shown == 0 && offset > 0 {
            return Ok(redirect("/handovers"));
        }
        let page = Handovers {
            frame: self.frame(visit, signed, "people", "Hand-overs").await?,
            entries: found.iter().map(|item| row(item, &tokens)).collect(),
            total: Count(total),
            pager: pager(offset, shown, total, SIZE, |offset| address("/handovers", "", "", offset)),
        };
        html(StatusCode::OK, &page)
    }

    /// `/people/{id}` and `/groups/{id}` of what is gone.
    pub(super) async fn departed(&self, visit: &Visit<'_>, signed: &Signed, kind: &'static str, id: &str) -> Outcome {
        let before = visit.parameter("before").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
        let wanted = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let read = self.directory.store.read(move |reader| {
            let Some(of) = reader.catalog().resource_type(kind) else { return Ok(None) };
            let Some(gone) = gone_one(reader, of, &wanted, NAMES)? else { return Ok(None) };
            let history: Vec<ChangeRow> = reader.history(&wanted, before, HISTORY)?;
            let document = shown_of(gone.document.clone(), of);
            Ok::<_, Refusal>(Some((gone, document, history, reader.earlier_ids(&wanted)?, reader.tokens()?)))
        });
        let (gone, document, history, earlier, tokens) = read.await?.ok_or_else(Trouble::not_found)?;
        let is_group = kind == "Group";
        let title = gone.listed.label.clone().unwrap_or_else(|| gone.listed.name.clone());
        let here = format!("{}/{}", if is_group { "/groups" } else { "/people" }, encoded(&gone.listed.id));
        let last = history.last().filter(|_| history.len() as u64 == HISTORY);
        let page = Departed {
            frame: self.frame(visit, signed, if is_group { "groups" } else { "people" }, &title).await?,
            at: Moment(gone.at),
            by: gone.by.as_deref().map_or_else(|| "No longer recorded".to_owned(), |by| who_words(by, &tokens)),
            is_group,
            title,
            command: format!("scim-appliance {} restore {}", if is_group { "group" } else { "person" }, gone.listed.id),
            later: gone.later.as_deref().map(|id| person(id, "the record of now")),
            earlier: earlier.iter().map(|id| person(id, id)).collect(),
            facts: super::attributes::facts(&document, self.directory.catalog(), kind),
            history: changes(&history, &tokens),
            older: last.map(|row| with_query(&here, &[("before", &row.n.to_string())])),
            gone,
        };
        html(StatusCode::OK, &page)
    }
}

/// A link to somebody.
pub fn person(id: &str, words: &str) -> Link {
    Link { href: format!("/people/{}", encoded(id)), words: words.to_owned() }
}

fn row(item: &Item, tokens: &[TokenRow]) -> Row {
    let id = &item.handover.person;
    Row {
        name: item.name.clone(),
        is_here: item.is_here,
        href: format!("/people/{}", encoded(id)),
        opened: Moment(item.handover.opened),
        by: item.opened_by.as_deref().map_or_else(|| "No longer recorded".to_owned(), |by| who_words(by, tokens)),
        returned: item.returned_as.as_deref().map(|id| person(id, "has come back")),
        command: format!("scim-appliance handover give {id} --to PERSON"),
    }
}

/// How the hand-over of a person stands, for his or her page.
pub fn sentence(item: &Item, tokens: &[TokenRow]) -> String {
    let by = item.handover.by.as_deref().map_or_else(String::new, |by| format!(" by {}", who_words(by, tokens)));
    match item.handover.status {
        HandoverStatus::Open => "Open: nobody has decided yet who takes over.".to_owned(),
        HandoverStatus::Done => {
            format!("Given to {}{by}.", item.successor.as_deref().unwrap_or("somebody who is gone by now"))
        }
        HandoverStatus::Dismissed => format!("Dismissed{by}: there was nothing to hand over."),
        HandoverStatus::Closed => "Closed: the person was active again before.".to_owned(),
    }
}
