//! `/people/new` and `/people/{id}/edit`: the attributes of a person that are commonly shown.

use askama::Template;
use hyper::StatusCode;

use super::attributes::plain;
use super::form::Form;
use super::lists::encoded;
use super::session::Signed;
use super::views::{Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::clock::fresh_id;
use crate::directory::local::{Kind, act};
use crate::directory::profile::{FIELDS, Field, Opened, make_person, open, opened_with, save};
use crate::directory::{Caller, Refusal};
use crate::scim::json::Object;

/// Somebody is made or changed.
#[derive(Template)]
#[template(path = "person-edit.html", config = "assets/askama.toml")]
struct PersonEdit {
    frame: Frame,
    heading: String,
    lede: &'static str,
    crumb: Link,
    fields: Vec<Field>,
    form: Form,
    /// Why the form was not saved, when somebody else was first.
    stale: Option<&'static str>,
    action: String,
    button: &'static str,
}

const STALE: &str = "Somebody changed this person after you had opened the form. Nothing was saved. The fields show what is there now, and what you have typed where you have typed something. Look at them, and save once more.";
const NEW: &str =
    "Identity providers find this person in /Users, and import or link him or her. None is adopted by itself.";
const OWN: &str = "No identity provider writes this person yet.";
const PROVIDED: &str = "An identity provider writes this person. What you change reaches Okta with its next import, and may be written over by a push: the person's page tells what.";

impl Ui {
    /// `/people/new`
    pub(super) async fn person_new(&self, visit: &Visit<'_>, signed: &Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            return self.person_form(visit, signed, StatusCode::OK, None, Form::default(), None).await;
        };
        let texts: Vec<(Field, String)> =
            FIELDS.into_iter().map(|f| (f, f.meant(form.get(f.id), "").to_owned())).collect();
        complete(&mut form, &texts);
        if !form.is_good() {
            return self.person_form(visit, signed, StatusCode::UNPROCESSABLE_ENTITY, None, form, None).await;
        }
        let (id, site) = (fresh_id(), self.directory.site.clone());
        let (caller, to) = (Caller::local(&signed.by(), visit.id), format!("/people/{}", encoded(&id)));
        let made = self.change(signed, move |writer| {
            act(writer, (&site, &caller), Kind::Person, |writer, ask| make_person(writer, ask, id, &texts))
        });
        match made.await {
            Ok(Some(())) => Ok(redirect(&to)),
            Ok(None) => Err(Trouble::foreign()),
            Err(refusal) => {
                let status = refuse(&mut form, &FIELDS, refusal)?;
                self.person_form(visit, signed, status, None, form, None).await
            }
        }
    }

    /// `/people/{id}/edit`
    pub(super) async fn person_edit(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        id: &str,
        form: Option<Form>,
    ) -> Outcome {
        let id = decoded(id);
        let mut opened = self.opened(&id).await?;
        let Some(mut form) = form else {
            let mut form = Form::default();
            for field in opened.fields() {
                form.set(field.id, field.of(&opened.document));
            }
            return self.person_form(visit, signed, StatusCode::OK, Some((&id, &opened)), form, None).await;
        };
        let fields = opened.fields();
        // A field that the form did not have stays as it is.
        let texts: Vec<(Field, String)> =
            fields.iter().filter(|f| form.has(f.id)).map(|f| (*f, form.get(f.id).to_owned())).collect();
        complete(&mut form, &texts);
        if !form.is_good() {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            // The version stays that which the form was opened with.
            opened.version = form.get("version").to_owned();
            return self.person_form(visit, signed, status, Some((&id, &opened)), form, None).await;
        }
        let (who, version, site) = (id.clone(), form.get("version").to_owned(), self.directory.site.clone());
        let caller = Caller::local(&signed.by(), visit.id);
        let saved = self.change(signed, move |writer| {
            act(writer, (&site, &caller), Kind::Person, |writer, ask| save(writer, ask, &who, &version, &texts))
        });
        match saved.await {
            Ok(Some(_)) => Ok(redirect(&format!("/people/{}", encoded(&id)))),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Stale(_)) => {
                let tag = form.get("version").to_owned();
                let who = id.clone();
                let read = self.directory.store.read(move |reader| {
                    let Some(now) = open(reader, &who)? else { return Ok(None) };
                    let then = opened_with(reader, &who, &now.document, &tag)?;
                    Ok::<_, Refusal>(Some((now, then)))
                });
                let (now, then) = read.await?.ok_or_else(Trouble::not_found)?;
                reconcile(&mut form, &now, then.as_ref());
                self.person_form(visit, signed, StatusCode::CONFLICT, Some((&id, &now)), form, Some(STALE)).await
            }
            Err(refusal) => {
                let status = refuse(&mut form, &fields, refusal)?;
                opened.version = form.get("version").to_owned();
                self.person_form(visit, signed, status, Some((&id, &opened)), form, None).await
            }
        }
    }

    async fn opened(&self, id: &str) -> Result<Opened, Trouble> {
        let who = id.to_owned();
        self.directory.store.read(move |reader| open(reader, &who)).await?.ok_or_else(Trouble::not_found)
    }

    async fn person_form(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        of: Option<(&str, &Opened)>,
        mut form: Form,
        stale: Option<&'static str>,
    ) -> Outcome {
        let heading = match of {
            None => "Add a person".to_owned(),
            Some((_, opened)) => format!("Edit {}", called(&opened.document)),
        };
        let page = PersonEdit {
            frame: self.frame(visit, signed, "people", &heading).await?,
            lede: match of {
                None => NEW,
                Some((_, opened)) if opened.is_provided => PROVIDED,
                Some(_) => OWN,
            },
            crumb: match of {
                None => Link { href: "/people".to_owned(), words: "People".to_owned() },
                Some((id, opened)) => {
                    Link { href: format!("/people/{}", encoded(id)), words: called(&opened.document) }
                }
            },
            fields: of.map_or_else(|| FIELDS.to_vec(), |(_, opened)| opened.fields()),
            action: of.map_or_else(|| "/people/new".to_owned(), |(id, _)| format!("/people/{}/edit", encoded(id))),
            button: if of.is_some() { "Save the changes" } else { "Add the person" },
            form: {
                form.set("version", of.map_or("", |(_, opened)| &opened.version));
                form
            },
            heading,
            stale,
        };
        html(status, &page)
    }
}

/// An id of a path.
pub fn decoded(id: &str) -> String {
    percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned()
}

/// What people call somebody.
fn called(document: &Object) -> String {
    let listed = crate::directory::overview::listed_as("", document, 0);
    listed.label.unwrap_or(listed.name)
}

/// Refuses what is empty and must not be.
fn complete(form: &mut Form, texts: &[(Field, String)]) {
    for (field, _) in texts.iter().filter(|(field, text)| field.required && text.trim().is_empty()) {
        form.refuse(field.id, format!("Enter the {}.", field.label));
    }
}

/// Says beside the field what was refused.
fn refuse(form: &mut Form, fields: &[Field], refusal: Refusal) -> Result<StatusCode, Trouble> {
    // Places in requests are written one behind the other: "Operations[0]: userName".
    let at = |path: &str| {
        let places: Vec<&str> = path.split(": ").collect();
        fields.iter().find(|f| f.is_at(path) || places.iter().any(|p| f.is_at(p))).map_or("form", |f| f.id)
    };
    match refusal {
        Refusal::Taken(_, path, _, exact) => {
            let case = if exact { "" } else { " Letter case does not count." };
            let field = at(&path);
            form.refuse(field, format!("Somebody else has this {path} already.{case}"));
            Ok(StatusCode::CONFLICT)
        }
        Refusal::Fault(fault) => {
            let field = at(&fault.at);
            let place =
                if field == "form" && !fault.at.is_empty() { format!(" ({})", fault.at) } else { String::new() };
            form.refuse(field, sentence(&format!("{}{place}", fault.why)));
            Ok(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Refusal::Denied(why) | Refusal::Conflict(why) => {
            form.refuse("form", sentence(&why));
            Ok(StatusCode::UNPROCESSABLE_ENTITY)
        }
        other => Err(other.into()),
    }
}

/// Words with a capital letter in front and a full stop behind.
pub fn sentence(words: &str) -> String {
    let mut letters = words.chars();
    let first = letters.next().map(char::to_uppercase).into_iter().flatten();
    let mut text: String = first.chain(letters).collect();
    if !text.ends_with('.') {
        text.push('.');
    }
    text
}

/// Shows in the form what is there now: in the fields that nobody has touched as their value, beside the others in words.
/// `then` is what the form was opened with, if that is known.
fn reconcile(form: &mut Form, now: &Opened, then: Option<&Object>) {
    for field in now.fields() {
        let there = field.of(&now.document);
        let typed = form.get(field.id).to_owned();
        let is_touched = form.has(field.id)
            && then.is_none_or(|then| {
                let was = field.of(then);
                field.meant(&typed, was) != was
            });
        let is_moved = then.is_none_or(|then| field.of(then) != there);
        if !is_touched {
            form.set(field.id, there);
        } else if is_moved && field.meant(&typed, there) != there {
            let words = match there {
                "" => "empty".to_owned(),
                there => format!("“{}”", plain(&there.into())),
            };
            form.refuse(field.id, format!("This is {words} by now."));
        }
    }
}
