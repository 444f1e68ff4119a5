//! `/me`: what the directory knows of whoever has signed in by single sign-on. Everybody sees the own profile, and nothing
//! of others.

use askama::Template;
use hyper::StatusCode;

use super::attributes::{facts, named};
use super::session::Signed;
use super::views::{Facts, Frame, Shown};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::Refusal;
use crate::directory::overview::portrait;
use crate::directory::roles::{Verdict, why};
use crate::directory::who::Who;

/// The own profile.
#[derive(Template)]
#[template(path = "me.html", config = "assets/askama.toml")]
struct Me {
    frame: Frame,
    label: String,
    name: String,
    external_id: Option<String>,
    facts: Vec<Facts>,
    role: String,
    /// Why, in a sentence.
    reason: Option<String>,
    /// The groups, and whether directly.
    groups: Vec<(String, bool)>,
}

impl Ui {
    /// `/me`
    pub(super) async fn me(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let Who::Person(person) = &signed.who else { return Ok(redirect("/account")) };
        let (id, site) = (person.id.clone(), self.directory.site.clone());
        let read = self.directory.store.read(move |reader| {
            let of = crate::directory::lifecycle::people(reader)?;
            let found = portrait(reader, &site, &of, &id, i64::MAX)?;
            Ok::<_, Refusal>(found.zip(why(reader, &site, &id)?))
        });
        let (portrait, why) = read.await?.ok_or_else(Trouble::not_found)?;
        let mut facts = named(facts(&portrait.document, self.directory.catalog(), "User"), &portrait.manager);
        // Pages of others are not for everybody.
        for (_, value) in facts.iter_mut().flat_map(|part| &mut part.rows) {
            if let Shown::Here(link) = value {
                *value = Shown::Text(link.words.clone());
            }
        }
        let page = Me {
            frame: self.frame(visit, signed, "account", "Your profile").await?,
            label: portrait.listed.label.clone().unwrap_or_else(|| portrait.listed.name.clone()),
            external_id: portrait
                .document
                .get("externalId")
                .and_then(crate::scim::json::Json::as_str)
                .map(str::to_owned),
            name: portrait.listed.name,
            facts,
            reason: why.inputs.iter().find(|i| i.verdict == Verdict::Wins).map(|i| i.sentence()),
            role: why.effective.role.label.clone(),
            groups: portrait.groups.into_iter().map(|(_, name, direct)| (name, direct)).collect(),
        };
        html(StatusCode::OK, &page)
    }
}
