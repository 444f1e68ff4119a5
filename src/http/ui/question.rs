//! `/people/{id}/deactivate`, `/people/{id}/reactivate`, `/people/{id}/delete` and `/groups/{id}/delete`: what it comes to is
//! said before it is done.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::lists::encoded;
use super::person_edit::{decoded, sentence};
use super::proof::Asked;
use super::session::Signed;
use super::state::counted;
use super::views::{Confirm, Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, page_for, redirect, with_cookie};
use crate::directory::handover::{Decision, HandoverStatus, settle};
use crate::directory::lifecycle::{called, meant, people};
use crate::directory::local::{Kind, act, change, operation};
use crate::directory::overview::{Listed, entry};
use crate::directory::overwrites::is_provided;
use crate::directory::{Caller, Refusal, remove};

/// Groups that are named in a sentence, at most.
const NAMES: usize = 5;
/// Characters of a note, at most.
const LONGEST_NOTE: usize = 1000;

/// A question with its consequences.
#[derive(Template)]
#[template(path = "question.html", config = "assets/askama.toml")]
pub(super) struct Question {
    pub(super) frame: Frame,
    pub(super) heading: String,
    /// What somebody should know first.
    pub(super) notice: Option<String>,
    /// What it comes to.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) form: Form,
    /// A successor may be named; what he or she gets.
    pub(super) successor: Option<String>,
    pub(super) confirm: Confirm,
    pub(super) action: String,
    pub(super) button: &'static str,
    pub(super) danger: bool,
    /// Where one goes who does not do it, and what stays then.
    pub(super) back: Link,
    pub(super) keep: &'static str,
}

/// Whom, or what, a question is about.
struct Subject {
    id: String,
    kind: Kind,
    listed: Listed,
    is_provided: bool,
    /// How many groups it is in.
    groups: u64,
    /// The names of some that it was added to here, and how many more there are.
    local: (Vec<String>, usize),
}

impl Subject {
    /// What people call it.
    fn name(&self) -> &str {
        self.listed.label.as_deref().unwrap_or(&self.listed.name)
    }

    /// Its page.
    fn href(&self) -> String {
        page_of(self.kind, &self.id)
    }

    /// What a successor gets.
    fn succession(&self) -> String {
        const WHO: &str = "The userName or id of somebody who is active. Leave it empty to decide later.";
        let (named, more) = &self.local;
        let more = if *more > 0 { format!(" and {more} more") } else { String::new() };
        match named.is_empty() {
            true => format!("{WHO} No group comes with it: {} was added to none here.", self.name()),
            false => {
                format!("{WHO} Joins the groups that {} was added to here: {}{more}.", self.name(), named.join(", "))
            }
        }
    }
}

fn page_of(kind: Kind, id: &str) -> String {
    format!("{}/{}", if kind == Kind::Person { "/people" } else { "/groups" }, encoded(id))
}

impl Ui {
    /// `/people/{id}/deactivate`
    pub(super) async fn person_deactivate(
        &self,
        visit: &Visit<'_>,
        signed: Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let subject = self.subject(Kind::Person, id).await?.ok_or_else(Trouble::not_found)?;
        let Some(mut form) = form else {
            if !subject.listed.active {
                return Ok(redirect(&subject.href()));
            }
            return self.deactivation(visit, &signed, StatusCode::OK, &subject, Form::default()).await;
        };
        let (successor, note) = (form.get("successor").trim().to_owned(), form.get("note").replace("\r\n", "\n"));
        let note = note.trim().to_owned();
        if note.chars().count() > LONGEST_NOTE || note.chars().any(|c| c.is_control() && c != '\n') {
            form.refuse("note", format!("A note is text of at most {LONGEST_NOTE} characters."));
        }
        if successor.is_empty() && !note.is_empty() {
            form.refuse("successor", "A note belongs to a successor. Name one, or leave the note empty.");
        }
        if !form.is_good() {
            return self.deactivation(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, &subject, form).await;
        }
        let (who, site) = (subject.id.clone(), self.directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let done = self.change(&signed, move |writer| {
            let switched = vec![operation("replace", "active", Some(false.into()))];
            act(writer, (&site, &caller), Kind::Person, |writer, ask| change(writer, ask, &who, switched))?;
            if successor.is_empty() {
                return Ok(());
            }
            // A form that was sent twice finds it settled.
            let open = writer.handovers_of(&who)?.into_iter().find(|h| h.status == HandoverStatus::Open);
            let Some(open) = open else {
                let given = writer.handovers_of(&who)?.first().and_then(|h| h.successor.clone());
                let same = match meant(writer, &*people(writer)?, &successor)? {
                    Some(row) => given == Some(row.id),
                    None => false,
                };
                return match same {
                    true => Ok(()),
                    false => Err(Refusal::Conflict(
                        "the hand-over is settled already, and not by this; leave the successor empty to go on"
                            .to_owned(),
                    )),
                };
            };
            settle(writer, &site, &caller, open.id, &Decision::Give(successor), Some(&note))?;
            Ok(())
        });
        match done.await {
            Ok(Some(())) => Ok(redirect(&subject.href())),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Conflict(why)) => {
                form.refuse("successor", sentence(&why));
                self.deactivation(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, &subject, form).await
            }
            Err(other) => Err(other.into()),
        }
    }

    async fn deactivation(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        subject: &Subject,
        form: Form,
    ) -> Outcome {
        let heading = format!("Deactivate {}?", subject.name());
        let page = Question {
            frame: self.frame(visit, signed, "people", &heading).await?,
            notice: subject.is_provided.then(|| "Your identity provider writes this person and does not learn of this at once: it may switch him or her on again with its next push. Unassign the person there as well.".to_owned()),
            facts: vec![
                ("At once", "Signed out, and tokens that are bound to this person open nothing.".to_owned()),
                ("Stays", format!("The id, the role and the place in {}. Identity providers still find the person.", counted(subject.groups, "group", "groups"))),
                ("Hand-over", "It is opened, and waits until somebody decides who takes over, unless you name a successor below.".to_owned()),
                ("To undo it", "Reactivate the person. The id, the role and the groups are those of before.".to_owned()),
            ],
            form,
            successor: Some(subject.succession()),
            confirm: Confirm::default(),
            action: format!("{}/deactivate", subject.href()),
            button: "Deactivate the person",
            danger: true,
            back: Link { href: subject.href(), words: subject.name().to_owned() },
            keep: "Keep the person active",
            heading,
        };
        page_for(visit, signed, status, &page)
    }

    /// `/people/{id}/reactivate`
    pub(super) async fn person_reactivate(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let subject = self.subject(Kind::Person, id).await?.ok_or_else(Trouble::not_found)?;
        if subject.listed.active {
            return Ok(redirect(&subject.href()));
        }
        if form.is_some() {
            let (who, site) = (subject.id.clone(), self.directory.site.clone());
            let caller = Caller::local(&signed.by(), visit.id);
            let done = self.change(signed, move |writer| {
                let switched = vec![operation("replace", "active", Some(true.into()))];
                act(writer, (&site, &caller), Kind::Person, |writer, ask| change(writer, ask, &who, switched))
            });
            done.await?.ok_or_else(Trouble::foreign)?;
            return Ok(redirect(&subject.href()));
        }
        let heading = format!("Reactivate {}?", subject.name());
        let soft = subject.listed.was.as_ref().map(|was| {
            format!("Microsoft Entra ID has deleted this person softly, and renamed {was}. The name stays as it is now: restore the person there instead, or change the userName here.")
        });
        let provided = subject.is_provided.then(|| "Your identity provider writes this person: if it believes that he or she is not active, it may switch him or her off again with its next push.".to_owned());
        let page = Question {
            frame: self.frame(visit, signed, "people", &heading).await?,
            notice: soft.or(provided),
            facts: vec![
                ("At once", "May sign in again, with the same id.".to_owned()),
                (
                    "As before",
                    format!(
                        "The role, the place in {}, and tokens that are bound to this person.",
                        counted(subject.groups, "group", "groups")
                    ),
                ),
                (
                    "Hand-over",
                    "If it is still open it is closed. What was given to a successor stays there.".to_owned(),
                ),
            ],
            form: Form::default(),
            successor: None,
            confirm: Confirm::default(),
            action: format!("{}/reactivate", subject.href()),
            button: "Reactivate the person",
            danger: false,
            back: Link { href: subject.href(), words: subject.name().to_owned() },
            keep: "Keep the person deactivated",
            heading,
        };
        html(StatusCode::OK, &page)
    }

    /// `/people/{id}/delete` and `/groups/{id}/delete`
    pub(super) async fn delete(
        &self,
        visit: &Visit<'_>,
        signed: Signed,
        (kind, id): (Kind, &str),
        form: Option<Form>,
    ) -> Outcome {
        let Some(subject) = self.subject(kind, id).await? else {
            // A form that was sent twice finds it gone; its page says so, or that there never was one.
            return Ok(redirect(&page_of(kind, &decoded(id))));
        };
        let (confirm, status, signed) = match form {
            None => (signed.confirm(self.now()), StatusCode::OK, signed),
            Some(form) => match self.confirmed(visit, signed.clone(), &form).await {
                Err(Asked::Trouble(trouble)) => return Err(trouble),
                Err(Asked::Again(confirm)) => (confirm, StatusCode::FORBIDDEN, signed),
                Ok(signed) => {
                    let (who, site) = (subject.id.clone(), self.directory.site.clone());
                    let caller = Caller::local(&signed.by(), visit.id);
                    let gone = self.change(&signed, move |writer| {
                        act(writer, (&site, &caller), kind, |writer, ask| remove(writer, ask, &who))
                    });
                    match gone.await {
                        Ok(Some(())) | Err(Refusal::NotFound(..)) => {}
                        Ok(None) => return Err(Trouble::foreign()),
                        Err(other) => return Err(other.into()),
                    }
                    return Ok(with_cookie(visit, &signed, redirect(&subject.href())));
                }
            },
        };
        let page = match kind {
            Kind::Person => self.deletion(visit, &signed, &subject, confirm).await?,
            Kind::Group => self.archiving(visit, &signed, &subject, confirm).await?,
        };
        page_for(visit, &signed, status, &page)
    }

    async fn deletion(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        subject: &Subject,
        confirm: Confirm,
    ) -> Result<Question, Trouble> {
        let heading = format!("Delete {}?", subject.name());
        let kept = match self.settings.departed_days {
            0 => "The record and its groups, inside, without an end.".to_owned(),
            days => format!(
                "The record and its groups, inside, for {} and until the hand-over is settled. Then it is purged, which cannot be undone.",
                counted(days.unsigned_abs(), "day", "days")
            ),
        };
        let handover = match subject.listed.active {
            true => "It is opened, and waits until somebody decides who takes over.",
            false => "If it is still open it stays so.",
        };
        Ok(Question {
            frame: self.frame(visit, signed, "people", &heading).await?,
            notice: subject.is_provided.then(|| "Your identity provider writes this person and does not learn of this: its next push finds nobody, and it may make a new person. To let somebody go, unassign the person there, or deactivate here.".to_owned()),
            facts: vec![
                ("At once", format!("Identity providers find nobody under this id, {} is free for somebody else. The person is signed out, and tokens that are bound to him or her end.", subject.listed.name)),
                ("Groups", format!("Leaves {}.", counted(subject.groups, "group", "groups"))),
                ("Hand-over", handover.to_owned()),
                ("Kept", kept),
                ("To undo it", "Restore the record as long as it is kept: with the same id, and in the groups that are still there.".to_owned()),
            ],
            form: Form::default(),
            successor: None,
            confirm,
            action: format!("{}/delete", subject.href()),
            button: "Delete the person",
            danger: true,
            back: Link { href: subject.href(), words: subject.name().to_owned() },
            keep: "Keep the person",
            heading,
        })
    }

    async fn archiving(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        subject: &Subject,
        confirm: Confirm,
    ) -> Result<Question, Trouble> {
        let heading = format!("Archive {}?", subject.name());
        let members = counted(subject.listed.members, "member", "members");
        Ok(Question {
            frame: self.frame(visit, signed, "groups", &heading).await?,
            notice: subject.is_provided.then(|| "Your identity provider writes this group and does not learn of this: its next push finds none, and it may make a new group of the same name. Take the group out of its pushes as well.".to_owned()),
            facts: vec![
                ("At once", "Identity providers find nothing under this id, the name is free, and a rule that gives its members a role is out of force.".to_owned()),
                ("People", "Nobody is touched, but for being in this group no longer.".to_owned()),
                ("Kept", format!("The group with its {members}, inside, without an end.")),
                ("To undo it", "Restore the group: with the same id and those of its members who are still there.".to_owned()),
            ],
            form: Form::default(),
            successor: None,
            confirm,
            action: format!("{}/delete", subject.href()),
            button: "Archive the group",
            danger: true,
            back: Link { href: subject.href(), words: subject.name().to_owned() },
            keep: "Keep the group",
            heading,
        })
    }

    async fn subject(&self, kind: Kind, id: &str) -> Result<Option<Subject>, Trouble> {
        let id = decoded(id);
        let read = self.directory.store.read(move |reader| {
            let of = kind.of(reader)?;
            let Some(row) = reader.find(&of, &id)? else { return Ok(None) };
            let mut named = Vec::new();
            let memberships = reader.memberships_of(row.pk)?;
            let local: Vec<&String> = memberships.iter().filter(|(_, here)| *here).map(|(id, _)| id).collect();
            for group in local.iter().take(NAMES) {
                named.push(called(reader, group)?.0);
            }
            Ok::<_, Refusal>(Some(Subject {
                kind,
                listed: entry(&row)?,
                is_provided: is_provided(reader, &id)?,
                groups: reader.groups_of(row.pk)?.len() as u64,
                local: (named, local.len().saturating_sub(NAMES)),
                id,
            }))
        });
        Ok(read.await?)
    }
}
