//! `/provisioning/idle`: automatic deactivation. How it stands, whom the next run would take, and who is exempt.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::lists::{SIZE, address, pager};
use super::proof::Asked;
use super::session::Signed;
use super::state::counted;
use super::views::{Confirm, Count, Frame, Link, Moment, Pager, Warning};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::clock::day;
use crate::directory::idle::{self, Phase, Preview};
use crate::directory::{Caller, Refusal};

/// The page.
const HERE: &str = "/provisioning/idle";
/// What a deactivation here means elsewhere (D5 of the model).
const TOLD: &str = " The identity provider is not told: it still believes its people active, and its next “active” lets them in again.";
/// Exempt people who are shown.
const EXEMPT: u64 = 100;

/// Automatic deactivation.
#[derive(Template)]
#[template(path = "idle.html", config = "assets/askama.toml")]
struct Page {
    frame: Frame,
    form: Form,
    confirm: Confirm,
    preview: Preview,
    sentence: String,
    /// Why it cannot run yet.
    obstacle: Option<String>,
    /// Whom the list is about, in words.
    lede: String,
    pager: Pager,
    offset: u64,
    exempt: Vec<(String, String)>,
}

impl Page {
    fn is(&self, phase: &str) -> bool {
        self.preview.status.phase.name() == phase
    }

    fn ran(&self) -> Option<Moment> {
        self.preview.status.rule.as_ref()?.ran.map(Moment)
    }
}

impl Ui {
    /// `/provisioning/idle`, with what can be done there.
    pub(super) async fn idle(&self, visit: &Visit<'_>, signed: Signed, action: &str, form: Option<Form>) -> Outcome {
        let Some(form) = form else {
            return match action {
                "" => self.idle_page(visit, &signed, StatusCode::OK, Form::default(), None).await,
                // A form that is opened like a page.
                "on" | "off" | "exempt" | "confirm" => Ok(redirect(HERE)),
                _ => Err(Trouble::not_found()),
            };
        };
        let caller = Caller::local(&signed.by(), visit.id);
        match action {
            "on" => self.idle_on(visit, signed, caller, form).await,
            "off" => {
                let off = self.change(&signed, move |writer| idle::switch_off(writer, &caller)).await?;
                off.ok_or_else(Trouble::foreign)?;
                Ok(redirect(HERE))
            }
            "exempt" => {
                let (person, yes) = (form.get("person").to_owned(), form.get("exempt") == "yes");
                // Somebody who has been deleted meanwhile is not in the list any longer.
                let done = self.change(&signed, move |writer| idle::exempt_id(writer, &caller, &person, yes)).await?;
                done.ok_or_else(Trouble::foreign)?;
                Ok(redirect(&address(HERE, "", "", form.get("offset").parse().unwrap_or(0))))
            }
            "confirm" => {
                let signed = match self.confirmed(visit, signed.clone(), &form).await {
                    Ok(signed) => signed,
                    Err(Asked::Trouble(trouble)) => return Err(trouble),
                    Err(Asked::Again(confirm)) => {
                        let status = StatusCode::FORBIDDEN;
                        return self.idle_page(visit, &signed, status, Form::default(), Some(confirm)).await;
                    }
                };
                let seen = form.get("seen").parse().unwrap_or(0);
                let done = self.change(&signed, move |writer| idle::confirm(writer, &caller, seen)).await?;
                done.ok_or_else(Trouble::foreign)?;
                Ok(with_cookie(visit, &signed, redirect(HERE)))
            }
            _ => Err(Trouble::not_found()),
        }
    }

    /// Switches it on, or to another number of days.
    async fn idle_on(&self, visit: &Visit<'_>, signed: Signed, caller: Caller, mut form: Form) -> Outcome {
        let days = match idle::days(form.get("days")) {
            Ok(days) => days,
            Err(why) => {
                form.refuse("days", why);
                return self.idle_page(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, None).await;
            }
        };
        let site = self.directory.site.clone();
        let read = self.directory.store.read(move |reader| idle::preview(reader, &site, Some(days), 0, 0));
        let shown = read.await?.total;
        match self.change(&signed, move |writer| idle::switch_on(writer, &caller, days, shown)).await {
            Ok(Some(_)) => Ok(redirect(HERE)),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Conflict(why)) => {
                form.refuse("days", why);
                self.idle_page(visit, &signed, StatusCode::CONFLICT, form, None).await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn idle_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        mut form: Form,
        confirm: Option<Confirm>,
    ) -> Outcome {
        let (site, offset) = (self.directory.site.clone(), visit.offset());
        let read = self.directory.store.read(move |reader| {
            let preview = idle::preview(reader, &site, None, offset, SIZE)?;
            Ok::<_, Refusal>((preview, idle::exempt_people(reader, 0, EXEMPT)?))
        });
        let (preview, exempt) = read.await?;
        let shown = preview.people.len() as u64;
        if shown == 0 && offset > 0 {
            return Ok(redirect(HERE));
        }
        if !form.has("days") {
            form.set("days", &preview.days.to_string());
        }
        let people = in_words(preview.total);
        let off = preview.status.phase == Phase::Off;
        let page = Page {
            frame: self.frame(visit, signed, "provisioning", "Automatic deactivation").await?,
            sentence: preview.sentence(&people),
            obstacle: idle::obstacle(preview.status.sso, preview.days, self.now())
                .filter(|_| form.is_good() && (off || preview.status.phase == Phase::Announced)),
            lede: match preview.status.phase {
                Phase::Off => {
                    format!("If it were switched on now, for {} days, {people} by {}.", preview.days, day(preview.at))
                }
                _ => format!("As things stand, {people} on {}.", day(preview.at)),
            } + if preview.total > 0 { TOLD } else { "" },
            pager: pager(offset, shown, preview.total, SIZE, |offset| address(HERE, "", "", offset)),
            confirm: confirm.unwrap_or_else(|| signed.confirm(self.now())),
            preview,
            form,
            offset,
            exempt,
        };
        page_for(visit, signed, status, &page)
    }

    /// What the overview says of it, if there is something to look at.
    pub(super) async fn idle_warning(&self) -> Result<Option<Warning>, Trouble> {
        let (site, memo) = (self.directory.site.clone(), self.directory.idle.clone());
        let read = self.directory.store.read(move |reader| idle::overview(reader, &site, &memo));
        let Some(preview) = read.await? else { return Ok(None) };
        let words = match preview.status.phase {
            Phase::On if !preview.status.guarded || preview.total == 0 => return Ok(None),
            Phase::Waits => "Look at them and confirm it",
            Phase::Stopped => "Look at it",
            _ => "Look at who",
        };
        let link = Some(Link { href: HERE.to_owned(), words: words.to_owned() });
        Ok(Some(Warning { text: preview.sentence(&in_words(preview.total)), link }))
    }
}

/// "12 people", or "nobody".
fn in_words(n: u64) -> String {
    if n == 0 { "nobody".to_owned() } else { counted(n, "person", "people") }
}
