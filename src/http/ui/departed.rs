//! Deleted people and archived groups: one of them, and `/people/departed` and `/groups/archived`.

use askama::Template;
use hyper::StatusCode;

use super::handovers::{by_words, person, sentence};
use super::history::{Changed, changes};
use super::lists::{SIZE, address, encoded, pager, with_query};
use super::session::Signed;
use super::views::{Count, Facts, Frame, Link, Moment, Pager, Shown};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::guard::{Retention, guard};
use crate::directory::handover::{HandoverStatus, item};
use crate::directory::lifecycle::{Gone, gone, gone_one, names_of};
use crate::directory::local::Kind;
use crate::directory::overview::{HISTORY, shown_of};
use crate::directory::{ChangeRow, Refusal};

/// Members of an archived group that are named.
const NAMES: u64 = 100;

/// When the record of a person goes for good.
enum Goes {
    /// Records are kept.
    Never,
    /// Not while the guard holds.
    Held,
    /// Not before its hand-over is settled: where.
    Waits(String),
    /// Then.
    At(Moment),
}

impl Goes {
    fn of(gone: &Gone, is_held: bool) -> Goes {
        let open = gone.handover.as_ref().filter(|h| h.status == HandoverStatus::Open);
        match (gone.end, open) {
            (None, _) => Goes::Never,
            (Some(_), _) if is_held => Goes::Held,
            (Some(_), Some(open)) => Goes::Waits(format!("/handovers/{}", open.id)),
            (Some(end), None) => Goes::At(Moment(end)),
        }
    }
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
    here: String,
    goes: Goes,
    handover: Option<Link>,
    later: Option<Link>,
    earlier: Vec<Link>,
    facts: Vec<Facts>,
    history: Vec<Changed>,
    older: Option<String>,
}

/// A line of a list.
struct Row {
    href: String,
    title: String,
    name: String,
    members: Count,
    at: Moment,
    by: String,
    later: Option<Link>,
    goes: Goes,
}

/// Those who were deleted, or the groups that are archived.
#[derive(Template)]
#[template(path = "departed-list.html", config = "assets/askama.toml")]
struct DepartedList {
    frame: Frame,
    is_group: bool,
    days: i64,
    held: bool,
    entries: Vec<Row>,
    pager: Pager,
}

/// The page of a person or group.
pub fn page_of(kind: Kind, id: &str) -> String {
    format!("{}/{}", path_of(kind), encoded(id))
}

/// The list of people, or that of groups.
pub fn path_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "/people",
        Kind::Group => "/groups",
    }
}

/// The entry of the navigation.
pub fn nav_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Person => "people",
        Kind::Group => "groups",
    }
}

impl Ui {
    /// `/people/{id}` and `/groups/{id}` of what is gone.
    pub(super) async fn departed(&self, visit: &Visit<'_>, signed: &Signed, kind: Kind, id: &str) -> Outcome {
        let before = visit.parameter("before").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
        let wanted = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let read = self.directory.store.read(move |reader| {
            let of = kind.of(reader)?;
            let Some(gone) = gone_one(reader, &of, &wanted, NAMES)? else { return Ok(None) };
            let history: Vec<ChangeRow> = reader.history(&wanted, before, HISTORY)?;
            let document = shown_of(gone.document.clone(), &of);
            let handover = gone.handover.clone().map(|h| item(reader, h)).transpose()?;
            let held = guard(reader)?.is_some();
            let (earlier, tokens) = (reader.earlier_ids(&wanted)?, reader.tokens()?);
            Ok::<_, Refusal>(Some((gone, document, history, handover, held, earlier, tokens)))
        });
        let (gone, document, history, handover, held, earlier, tokens) = read.await?.ok_or_else(Trouble::not_found)?;
        let is_group = kind == Kind::Group;
        let title = gone.listed.label.clone().unwrap_or_else(|| gone.listed.name.clone());
        let here = page_of(kind, &gone.listed.id);
        let last = history.last().filter(|_| history.len() as u64 == HISTORY);
        let page = Departed {
            frame: self.frame(visit, signed, nav_of(kind), &title).await?,
            at: Moment(gone.at),
            by: by_words(gone.by.as_deref(), &tokens),
            is_group,
            title,
            goes: Goes::of(&gone, held),
            handover: handover.map(|item| sentence(&item, &tokens)),
            later: gone.later.as_deref().map(|id| person(id, "the record of now")),
            earlier: earlier.iter().map(|id| person(id, id)).collect(),
            facts: super::attributes::facts(
                &document,
                self.directory.catalog(),
                if is_group { "Group" } else { "User" },
            ),
            history: changes(&history, &tokens),
            older: last.map(|row| with_query(&here, &[("before", &row.n.to_string())])),
            here,
            gone,
        };
        html(StatusCode::OK, &page)
    }

    /// `/people/departed` and `/groups/archived`
    pub(super) async fn departed_list(&self, visit: &Visit<'_>, signed: &Signed, kind: Kind) -> Outcome {
        let offset = visit.offset();
        let read = self.directory.store.read(move |reader| {
            let (found, total) = gone(reader, &*kind.of(reader)?, offset, SIZE, 0)?;
            let later: Vec<String> = found.iter().filter_map(|gone| gone.later.clone()).collect();
            let names = names_of(reader, &later, later.len())?;
            let (retention, held) = (Retention::of(reader), guard(reader)?.is_some());
            Ok::<_, Refusal>((found, total, names, retention, held, reader.tokens()?))
        });
        let (found, total, names, retention, held, tokens) = read.await?;
        let (path, title) = match kind {
            Kind::Person => ("/people/departed", "Deleted people"),
            Kind::Group => ("/groups/archived", "Archived groups"),
        };
        let shown = found.len() as u64;
        if shown == 0 && offset > 0 {
            return Ok(redirect(path));
        }
        let row = |gone: &Gone| Row {
            href: page_of(kind, &gone.listed.id),
            title: gone.listed.label.clone().unwrap_or_else(|| gone.listed.name.clone()),
            name: gone.listed.was.clone().unwrap_or_else(|| gone.listed.name.clone()),
            members: Count(gone.listed.members),
            at: Moment(gone.at),
            by: by_words(gone.by.as_deref(), &tokens),
            later: names.iter().find(|(id, _)| Some(id) == gone.later.as_ref()).map(|(id, name)| person(id, name)),
            goes: Goes::of(gone, held),
        };
        let page = DepartedList {
            frame: self.frame(visit, signed, nav_of(kind), title).await?,
            is_group: kind == Kind::Group,
            days: retention.days,
            held,
            entries: found.iter().map(row).collect(),
            pager: pager(offset, shown, total, SIZE, |offset| address(path, "", "", offset)),
        };
        html(StatusCode::OK, &page)
    }
}
