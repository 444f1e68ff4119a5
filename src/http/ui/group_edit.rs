//! `/groups/new`, `/groups/{id}/edit` and `/groups/{id}/members`: what a group is called, and who is in it.

use std::collections::HashSet;

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::lists::encoded;
use super::person_edit::{decoded, sentence};
use super::session::Signed;
use super::views::{Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::clock::fresh_id;
use crate::directory::lifecycle::{meant, people};
use crate::directory::local::{Kind, act, change, make, operation};
use crate::directory::overview::entry;
use crate::directory::overwrites::is_provided;
use crate::directory::{Caller, Reader, Refusal};
use crate::scim::json::{Json, Object};

/// People who are added at once, at most.
const MOST: usize = 500;
/// Lines that are told of as wrong, at most.
const TOLD: usize = 20;

/// A group is made or renamed, or people are added to it.
#[derive(Template)]
#[template(path = "group-edit.html", config = "assets/askama.toml")]
struct GroupEdit {
    frame: Frame,
    heading: String,
    lede: &'static str,
    crumb: Link,
    form: Form,
    /// People are added; otherwise it gets a name.
    adds: bool,
    /// What is wrong with the lines.
    unknown: Vec<String>,
    action: String,
    button: &'static str,
}

/// What of a group a form is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Name,
    Members,
}

/// A group as its forms need it.
struct Known {
    id: String,
    name: String,
    is_provided: bool,
}

impl Ui {
    /// `/groups/new`
    pub(super) async fn group_new(&self, visit: &Visit<'_>, signed: &Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            return self.group_form(visit, signed, StatusCode::OK, None, Form::default()).await;
        };
        let name = form.get("name").trim().to_owned();
        if name.is_empty() {
            form.refuse("name", "Enter a name.");
            return self.group_form(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, None, form).await;
        }
        let (id, site) = (fresh_id(), self.directory.site.clone());
        let (caller, to) = (Caller::local(&signed.by(), visit.id), format!("/groups/{}", encoded(&id)));
        let made = self.change(signed, move |writer| {
            let mut document = Object::new();
            document.push("displayName", name);
            act(writer, (&site, &caller), Kind::Group, |writer, ask| make(writer, ask, id, document))
        });
        match made.await {
            Ok(Some(())) => Ok(redirect(&to)),
            Ok(None) => Err(Trouble::foreign()),
            Err(refusal) => {
                let status = refuse(&mut form, refusal)?;
                self.group_form(visit, signed, status, None, form).await
            }
        }
    }

    /// `/groups/{id}/edit`
    pub(super) async fn group_edit(&self, visit: &Visit<'_>, signed: &Signed, id: &str, form: Option<Form>) -> Outcome {
        let known = self.known_group(id).await?;
        let to = format!("/groups/{}", encoded(&known.id));
        let Some(mut form) = form else {
            let mut form = Form::default();
            form.set("name", &known.name);
            form.set("was", &known.name);
            return self.group_form(visit, signed, StatusCode::OK, Some((&known, What::Name)), form).await;
        };
        let (name, was) = (form.get("name").to_owned(), form.get("was").to_owned());
        if name.trim().is_empty() {
            form.refuse("name", "Enter a name.");
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            return self.group_form(visit, signed, status, Some((&known, What::Name)), form).await;
        }
        let (who, site) = (known.id.clone(), self.directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let renamed = self.change(signed, move |writer| {
            act(writer, (&site, &caller), Kind::Group, |writer, ask| {
                let row =
                    writer.find(ask.of, &who)?.ok_or_else(|| Refusal::NotFound(ask.of.name.clone(), who.clone()))?;
                let now = entry(&row)?.name;
                // Only the name counts: members come and go while the form is open.
                if name != now && single_line(&was) != single_line(&now) {
                    return Err(Refusal::Stale(now));
                }
                // A browser cannot send line ends, so a name with some comes back changed though nobody has touched it.
                if name == now || (name == single_line(&was) && single_line(&was) == single_line(&now)) {
                    return Ok(());
                }
                let name = name.trim().to_owned();
                change(writer, ask, &who, vec![operation("replace", "displayName", Some(name.into()))])?;
                Ok(())
            })
        });
        match renamed.await {
            Ok(Some(())) => Ok(redirect(&to)),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Stale(now)) => {
                form.set("was", &now);
                form.refuse("name", format!("Somebody renamed this group to “{now}” after you had opened the form. Nothing was saved. Save once more to give it your name."));
                self.group_form(visit, signed, StatusCode::CONFLICT, Some((&known, What::Name)), form).await
            }
            Err(refusal) => {
                let status = refuse(&mut form, refusal)?;
                self.group_form(visit, signed, status, Some((&known, What::Name)), form).await
            }
        }
    }

    /// `/groups/{id}/members`
    pub(super) async fn group_members(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let known = self.known_group(id).await?;
        let about = Some((&known, What::Members));
        let Some(mut form) = form else {
            return self.group_form(visit, signed, StatusCode::OK, about, Form::default()).await;
        };
        let typed = (1..).zip(form.get("people").lines()).map(|(number, line)| (number, line.trim().to_owned()));
        let lines: Vec<(usize, String)> = typed.filter(|(_, line)| !line.is_empty()).collect();
        if lines.is_empty() {
            form.refuse("people", "Enter at least one userName or id.");
        } else if lines.len() > MOST {
            form.refuse("people", format!("Add at most {MOST} people at once; these are {}.", lines.len()));
        }
        if !form.is_good() {
            return self.group_form(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, about, form).await;
        }
        let (who, site) = (known.id.clone(), self.directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let added = self.change(signed, move |writer| {
            let ids = match named(writer, &lines)? {
                Ok(ids) => ids,
                Err(unknown) => return Ok(Err(unknown)),
            };
            let members = ids.into_iter().map(|id| {
                let mut element = Object::new();
                element.push("value", id);
                Json::from(element)
            });
            let added = operation("add", "members", Some(Json::Array(members.collect())));
            act(writer, (&site, &caller), Kind::Group, |writer, ask| change(writer, ask, &who, vec![added]))?;
            Ok(Ok(()))
        });
        match added.await? {
            Some(Ok(())) => Ok(redirect(&format!("/groups/{}#members", encoded(&known.id)))),
            None => Err(Trouble::foreign()),
            Some(Err(unknown)) => {
                let many = if unknown.len() == 1 {
                    "1 line names".to_owned()
                } else {
                    format!("{} lines name", unknown.len())
                };
                form.refuse("people", format!("{many} nobody. Nobody was added."));
                self.group_page(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, about, form, unknown).await
            }
        }
    }

    /// `/groups/{id}/members/remove`
    pub(super) async fn member_remove(&self, visit: &Visit<'_>, signed: &Signed, id: &str, form: Form) -> Outcome {
        let (group, member, site) = (decoded(id), form.get("member").to_owned(), self.directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let to = format!("/groups/{}#members", encoded(&group));
        let gone = self.change(signed, move |writer| {
            // Whoever is in it no longer was taken out already.
            let path = format!("members[value eq {}]", Json::from(member.as_str()).text());
            let removed = vec![operation("remove", &path, None)];
            act(writer, (&site, &caller), Kind::Group, |writer, ask| change(writer, ask, &group, removed))
        });
        gone.await?.ok_or_else(Trouble::foreign)?;
        Ok(redirect(&to))
    }

    async fn known_group(&self, id: &str) -> Result<Known, Trouble> {
        let id = decoded(id);
        let read = self.directory.store.read(move |reader| {
            let of = Kind::Group.of(reader)?;
            let Some(row) = reader.find(&of, &id)? else { return Ok(None) };
            let is_provided = is_provided(reader, &id)?;
            Ok::<_, Refusal>(Some(Known { name: entry(&row)?.name, is_provided, id }))
        });
        read.await?.ok_or_else(Trouble::not_found)
    }

    async fn group_form(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        about: Option<(&Known, What)>,
        form: Form,
    ) -> Outcome {
        self.group_page(visit, signed, status, about, form, Vec::new()).await
    }

    async fn group_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        about: Option<(&Known, What)>,
        form: Form,
        mut unknown: Vec<String>,
    ) -> Outcome {
        let heading = match about {
            None => "Create a group".to_owned(),
            Some((known, What::Name)) => format!("Rename {}", known.name),
            Some((known, What::Members)) => format!("Add people to {}", known.name),
        };
        if unknown.len() > TOLD {
            let more = unknown.len() - TOLD;
            unknown.truncate(TOLD);
            unknown.push(format!("And {more} more."));
        }
        let href = about.map(|(known, _)| format!("/groups/{}", encoded(&known.id)));
        let page = GroupEdit {
            frame: self.frame(visit, signed, "groups", &heading).await?,
            lede: match about {
                None => {
                    "It is yours: identity providers find it in /Groups, and change it only if somebody links it there."
                }
                Some((known, What::Name)) if known.is_provided => {
                    "Your identity provider writes this group, and may give it its own name again with its next push."
                }
                Some((_, What::Name)) => "Roles, rules and members stay: they belong to the id.",
                Some((known, What::Members)) if known.is_provided => {
                    "Your identity provider writes this group. It does not take away whom you add here when it sends its own members."
                }
                Some((_, What::Members)) => "Whom you add here stays until somebody takes him or her out.",
            },
            crumb: match (about, &href) {
                (Some((known, _)), Some(href)) => Link { href: href.clone(), words: known.name.clone() },
                _ => Link { href: "/groups".to_owned(), words: "Groups".to_owned() },
            },
            action: match (about, href) {
                (Some((_, What::Members)), Some(href)) => format!("{href}/members"),
                (Some((_, What::Name)), Some(href)) => format!("{href}/edit"),
                _ => "/groups/new".to_owned(),
            },
            button: match about {
                None => "Create the group",
                Some((_, What::Name)) => "Rename the group",
                Some((_, What::Members)) => "Add the people",
            },
            adds: about.is_some_and(|(_, what)| what == What::Members),
            form,
            unknown,
            heading,
        };
        html(status, &page)
    }
}

/// As a browser gives the value of a field back.
fn single_line(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect()
}

/// The ids of those who are named, each once; or a sentence for each line that names nobody.
fn named(reader: &Reader<'_>, lines: &[(usize, String)]) -> Result<Result<Vec<String>, Vec<String>>, Refusal> {
    let of = people(reader)?;
    let (mut ids, mut unknown, mut seen) = (Vec::new(), Vec::new(), HashSet::new());
    for (number, line) in lines {
        match meant(reader, &of, line)? {
            Some(row) => {
                if seen.insert(row.id.clone()) {
                    ids.push(row.id);
                }
            }
            None => unknown.push(format!(
                "Line {number}: there is nobody with the userName or id {}.",
                crate::scim::fault::quoted(line)
            )),
        }
    }
    Ok(if unknown.is_empty() { Ok(ids) } else { Err(unknown) })
}

/// Says beside the name what was refused.
fn refuse(form: &mut Form, refusal: Refusal) -> Result<StatusCode, Trouble> {
    match refusal {
        Refusal::Taken(..) => {
            form.refuse("name", "Another group has this name already. Letter case does not count.");
            Ok(StatusCode::CONFLICT)
        }
        Refusal::Fault(fault) => {
            form.refuse("name", sentence(&fault.why));
            Ok(StatusCode::UNPROCESSABLE_ENTITY)
        }
        other => Err(other.into()),
    }
}
