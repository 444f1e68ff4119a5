//! `/people/{id}/restore` and `/groups/{id}/restore`: what comes back with it, and doing it.

use askama::Template;
use hyper::StatusCode;

use super::departed::{nav_of, page_of, path_of};
use super::form::Form;
use super::handovers::person;
use super::lists::{Names, names};
use super::session::Signed;
use super::views::{Count, Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::lifecycle::{called, gone_one, names_of};
use crate::directory::local::{Kind, act};
use crate::directory::restore::{Preview, preview, restore};
use crate::directory::{Caller, Refusal, Weight};

/// Names of each list that are shown.
const NAMES: usize = 100;

/// What would come back.
struct Back {
    preview: Preview,
    groups: Names,
    lost: Names,
    /// Members by name, and whether they are there.
    members: Vec<(String, bool)>,
}

/// Something that left is to come back.
#[derive(Template)]
#[template(path = "restore.html", config = "assets/askama.toml")]
struct Restore {
    frame: Frame,
    is_group: bool,
    id: String,
    list: &'static str,
    here: String,
    name: String,
    /// Why it cannot.
    problem: Option<String>,
    /// Where to look then.
    other: Option<Link>,
    later: Option<Link>,
    /// None: it is there again.
    back: Option<Back>,
    /// The label of the role that was given here.
    role: Option<String>,
}

impl Ui {
    /// `/people/{id}/restore` and `/groups/{id}/restore`
    pub(super) async fn restore(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        kind: Kind,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        if form.is_none() {
            return self.restore_page(visit, signed, kind, id, None).await;
        }
        let (site, caller) = (self.directory.site.clone(), Caller::local(&signed.by(), visit.id));
        // A group may have very many members.
        let weight = if kind == Kind::Group { Weight::Heavy } else { Weight::Light };
        let wanted = id.clone();
        let done = self.change_weighing(weight, signed, move |writer| {
            act(writer, (&site, &caller), kind, |writer, ask| restore(writer, ask.caller, ask.of, &wanted))
        });
        match done.await {
            Ok(Some(_)) => Ok(redirect(&page_of(kind, &id))),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Denied(_)) => Err(Trouble::not_found()),
            Err(refusal @ (Refusal::Conflict(_) | Refusal::Taken(..))) => {
                self.restore_page(visit, signed, kind, id, Some(refusal)).await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn restore_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        kind: Kind,
        id: String,
        refusal: Option<Refusal>,
    ) -> Outcome {
        let wanted = id.clone();
        let read = self.directory.store.read(move |reader| {
            let of = kind.of(reader)?;
            if reader.find(&of, &wanted)?.is_some() {
                return Ok(Some((called(reader, &wanted)?.0, None)));
            }
            let Some(preview) = preview(reader, &of, &wanted)? else { return Ok(None) };
            let groups = names(&names_of(reader, &preview.groups, NAMES)?, preview.groups.len());
            let lost = names(&names_of(reader, &preview.lost, NAMES)?, preview.lost.len());
            let members = gone_one(reader, &of, &wanted, NAMES as u64)?.map(|gone| gone.members).unwrap_or_default();
            Ok::<_, Refusal>(Some((preview.own.clone(), Some(Back { preview, groups, lost, members }))))
        });
        let (name, back) = read.await?.ok_or_else(Trouble::not_found)?;
        let here = page_of(kind, &id);
        let holder = back.as_ref().and_then(|b| b.preview.holder.as_deref()).filter(|_| kind == Kind::Person);
        let (problem, other) = match (&back, &refusal) {
            (None, None) => return Ok(redirect(&here)),
            (None, Some(_)) => {
                let why = "It is there again already. Nothing was changed.".to_owned();
                (Some(why), Some(Link { href: here.clone(), words: format!("Look at {name}") }))
            }
            (Some(_), _) if holder.is_some() => {
                let why =
                    format!("Somebody else has the userName {name} by now. One of the two needs another name first.");
                (Some(why), holder.map(|id| person(id, "Look at who has it")))
            }
            (Some(_), Some(Refusal::Taken(_, attribute, value, _))) => {
                (Some(format!("Somebody else has the {attribute} {value} by now. Nothing was changed.")), None)
            }
            // It came back and left once more in between.
            (Some(_), _) => (None, None),
        };
        let status = if refusal.is_some() { StatusCode::CONFLICT } else { StatusCode::OK };
        let later = back.as_ref().and_then(|b| b.preview.later.as_deref()).map(|id| person(id, "Look at that record"));
        let page = Restore {
            frame: self.frame(visit, signed, nav_of(kind), &format!("Restore {name}")).await?,
            is_group: kind == Kind::Group,
            id,
            list: path_of(kind),
            here,
            name,
            problem,
            other,
            later,
            role: back.as_ref().and_then(|b| b.preview.role.as_deref()).map(|value| {
                let roles = &self.directory.site.roles;
                roles.find(value).map_or_else(|| value.to_owned(), |role| role.label.clone())
            }),
            back,
        };
        html(status, &page)
    }
}
