//! `/roles`: which roles there are, the rules that give them, and who would change before they are saved. A draft of the
//! rules stands in the form alone: whoever does not save it leaves nothing behind.

use std::sync::Arc;

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::handovers::person;
use super::people::{RoleOf, role_of, unknown};
use super::session::Signed;
use super::views::{Count, Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::overview::{LONGEST, page};
use crate::directory::roles::{
    By, Drafted, Effects, Given, RuleView, Why, draft_views, drafted, group_called, overrides, save_rules,
    set_override, stored, who_would_change, why_named, why_with, without_gone,
};
use crate::directory::{Reader, Refusal, Site, TokenRow};

/// People who are named in a preview.
const NAMED: usize = 50;
/// Groups whose names are offered.
const OFFERED: u64 = 200;
/// Roles of single people that are listed.
const GIVEN: usize = 50;

/// A role.
struct RoleView {
    value: String,
    label: String,
    default: bool,
    admin: bool,
}

/// A rule in the form.
struct Rule {
    position: usize,
    id: String,
    name: String,
    live: bool,
    role: String,
    known: bool,
    nested: bool,
    /// The button that was pressed last: `up` or `down`.
    focus: &'static str,
}

/// Somebody who would have another role.
struct MoverView {
    link: Link,
    before: String,
    after: String,
}

/// The role of somebody who was asked about.
struct Tested {
    link: Link,
    /// The label of the role with the rules that are saved.
    now: String,
    role: RoleOf,
}

#[derive(Template)]
#[template(path = "roles.html", config = "assets/askama.toml")]
struct Roles {
    frame: Frame,
    form: Form,
    problem: Option<String>,
    stood: String,
    rules: Vec<Rule>,
    roles: Vec<RoleView>,
    groups: Vec<String>,
    is_draft: bool,
    effects: Effects,
    movers: Vec<MoverView>,
    tested: Option<Tested>,
    given: Vec<(Link, String)>,
    more: bool,
}

/// What is read for the page.
struct Found {
    stood: String,
    is_draft: bool,
    views: Vec<RuleView>,
    effects: Effects,
    tested: Option<Result<(Why, Why), String>>,
    groups: Vec<String>,
    given: Vec<Given>,
    more: bool,
    tokens: Vec<TokenRow>,
    /// Why the draft is none; the stored rules are shown in its place.
    problem: Option<String>,
}

/// What to do with a draft.
enum Act {
    Show,
    Up(String),
    Down(String),
    Remove(String),
    Add,
    Test,
    Save,
}

impl Act {
    fn of(form: &Form) -> Act {
        let id = |id: &str| id.to_owned();
        match form.get("do").split_once(':') {
            Some(("up", group)) => Act::Up(id(group)),
            Some(("down", group)) => Act::Down(id(group)),
            Some(("remove", group)) => Act::Remove(id(group)),
            _ => match form.get("do") {
                "add" => Act::Add,
                "test" => Act::Test,
                "save" => Act::Save,
                // What the Enter key does in the fields for a new rule and for somebody to test.
                _ if !form.get("new-group").trim().is_empty() => Act::Add,
                _ if !form.get("who").trim().is_empty() => Act::Test,
                _ => Act::Show,
            },
        }
    }
}

impl Ui {
    /// `/roles`
    pub(super) async fn roles(&self, visit: &Visit<'_>, signed: &Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            return self.roles_page(visit, signed, StatusCode::OK, Form::default(), None, None).await;
        };
        let Some(mut draft) = draft_of(&form) else { return Err(Trouble::foreign()) };
        let act = Act::of(&form);
        match &act {
            Act::Up(group) => shift(&mut draft, group, true),
            Act::Down(group) => shift(&mut draft, group, false),
            Act::Remove(group) => draft.retain(|rule| rule.group != *group),
            Act::Add => self.add(&mut form, &mut draft).await?,
            Act::Save => {
                let (site, stood, asked) = (self.directory.site.clone(), form.get("stood").to_owned(), draft.clone());
                let (actor, request) = (signed.by(), visit.id.to_owned());
                let saved = self.change(signed, move |writer| {
                    save_rules(writer, &site.roles, &stood, &asked, By { actor: &actor, request: Some(&request) })
                });
                match saved.await {
                    Ok(saved) => {
                        saved.ok_or_else(Trouble::foreign)?;
                        return Ok(redirect("/roles"));
                    }
                    // What was drafted is shown on what stands now.
                    Err(Refusal::Conflict(why)) => {
                        let why = format!("{why} Look at what it would do now, and save it again.");
                        return self
                            .roles_page(visit, signed, StatusCode::CONFLICT, form, Some(draft), Some(why))
                            .await;
                    }
                    Err(other) => return Err(other.into()),
                }
            }
            Act::Show | Act::Test => {}
        }
        let status = if form.is_good() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        self.roles_page(visit, signed, status, form, Some(draft), None).await
    }

    /// Puts a new rule behind the others.
    async fn add(&self, form: &mut Form, draft: &mut Vec<Drafted>) -> Result<(), Trouble> {
        let name = form.get("new-group").trim().to_owned();
        if name.is_empty() {
            form.refuse("new-group", "Say for which group: its name, or its id.");
            return Ok(());
        }
        let asked = name.clone();
        let found = self.directory.store.read(move |reader| group_called(reader, &asked)).await?;
        match found {
            None => form.refuse("new-group", format!("There is no group {name:?}.")),
            Some((id, _)) if draft.iter().any(|rule| rule.group == id) => {
                form.refuse("new-group", "This group has a rule already: change that one.");
            }
            Some((id, _)) => {
                draft.push(Drafted { group: id, role: form.get("new-role").to_owned(), nested: false });
                form.set("new-group", "");
            }
        }
        Ok(())
    }

    async fn roles_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        mut form: Form,
        draft: Option<Vec<Drafted>>,
        problem: Option<String>,
    ) -> Outcome {
        let (site, who) = (self.directory.site.clone(), form.get("who").trim().to_owned());
        let read = self.directory.store.read(move |reader| found(reader, &site, draft, &who));
        let found = read.await?;
        let tested = match found.tested {
            Some(Ok((now, then))) => Some(Tested {
                link: person(&then.id, &then.user_name),
                now: now.effective.role.label.clone(),
                role: role_of(&then, &found.tokens),
            }),
            Some(Err(why)) => {
                // Somebody who was asked about before may be gone by now, which is no reason to stop.
                match form.get("do") {
                    "test" | "look" => form.refuse("who", why),
                    _ => form.set("who", ""),
                }
                None
            }
            None => None,
        };
        let problem = found.problem.or(problem);
        let status = match status {
            StatusCode::OK if problem.is_some() => StatusCode::CONFLICT,
            StatusCode::OK if !form.is_good() => StatusCode::UNPROCESSABLE_ENTITY,
            status => status,
        };
        let roles = &self.directory.site.roles;
        let label = |value: &str| roles.find(value).map_or_else(|| value.to_owned(), |role| role.label.clone());
        let title = if form.is_good() && problem.is_none() { "Roles" } else { "Error: roles" };
        let last = found.views.len();
        let page = Roles {
            frame: self.frame(visit, signed, "roles", title).await?,
            rules: found.views.into_iter().map(|view| rule(view, last, &form)).collect(),
            stood: found.stood,
            roles: roles
                .all()
                .iter()
                .map(|r| RoleView {
                    value: r.value.clone(),
                    label: r.label.clone(),
                    default: Arc::ptr_eq(r, roles.default_role()) || r == roles.default_role(),
                    admin: r.settings_admin,
                })
                .collect(),
            groups: found.groups,
            is_draft: found.is_draft,
            movers: found
                .effects
                .first
                .iter()
                .map(|m| MoverView {
                    link: person(&m.id, &m.name),
                    before: m.before.role.label.clone(),
                    after: m.after.role.label.clone(),
                })
                .collect(),
            effects: found.effects,
            tested,
            given: found
                .given
                .iter()
                .map(|g| (person(&g.id, &g.name), label(&g.role) + if g.is_here { "" } else { ", deleted since" }))
                .collect(),
            more: found.more,
            problem,
            form,
        };
        html(status, &page)
    }

    /// `/people/{id}/role`: gives a role to somebody, or takes it back.
    pub(super) async fn role_given(&self, visit: &Visit<'_>, signed: &Signed, id: &str, form: &Form) -> Outcome {
        let id = percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned();
        let (site, role) = (self.directory.site.clone(), form.get("role").to_owned());
        let (actor, request, who) = (signed.by(), visit.id.to_owned(), id.clone());
        let given = self.change(signed, move |writer| {
            let role = Some(role.as_str()).filter(|role| !role.is_empty());
            set_override(writer, &site.roles, &who, role, By { actor: &actor, request: Some(&request) })
        });
        given.await?.ok_or_else(Trouble::foreign)?;
        Ok(redirect(&format!("{}#role", person(&id, "").href)))
    }
}

/// The rules as the form has them; none when it is no form of ours.
fn draft_of(form: &Form) -> Option<Vec<Drafted>> {
    let nested: Vec<&str> = form.all("nested").collect();
    let rule = |(group, role): (&str, &str)| Drafted {
        group: group.to_owned(),
        role: role.to_owned(),
        nested: nested.contains(&group),
    };
    let is_whole = form.all("group").count() == form.all("role").count() && form.has("stood");
    is_whole.then(|| form.all("group").zip(form.all("role")).map(rule).collect())
}

fn shift(draft: &mut [Drafted], group: &str, up: bool) {
    let Some(at) = draft.iter().position(|rule| rule.group == group) else { return };
    let to = if up { at.checked_sub(1) } else { Some(at + 1).filter(|to| *to < draft.len()) };
    if let Some(to) = to {
        draft.swap(at, to);
    }
}

fn rule(view: RuleView, last: usize, form: &Form) -> Rule {
    let focus = match form.get("do").split_once(':') {
        // At an end the other button is the one that can still be pressed.
        Some(("up", group)) if group == view.group => {
            if view.position == 1 {
                "down"
            } else {
                "up"
            }
        }
        Some(("down", group)) if group == view.group => {
            if view.position == last {
                "up"
            } else {
                "down"
            }
        }
        _ => "",
    };
    Rule {
        position: view.position,
        name: view.name.unwrap_or_else(|| view.group.clone()),
        id: view.group,
        live: view.live,
        known: view.label.is_some(),
        role: view.role,
        nested: view.nested,
        focus,
    }
}

fn found(reader: &Reader<'_>, site: &Site, draft: Option<Vec<Drafted>>, who: &str) -> Result<Found, Refusal> {
    let (now, stood) = stored(reader)?;
    let (mut problem, mut is_bad) = (None, false);
    let draft = match draft {
        Some(draft) => {
            let (kept, gone) = without_gone(reader, &draft)?;
            if gone > 0 {
                problem = Some("There is no group any more for a rule that was here. It is left out; the others are as you had them. Nothing is saved.".to_owned());
            }
            Some(kept)
        }
        None => None,
    };
    let is_draft = draft.as_ref().is_some_and(|draft| *draft != now);
    let rules = match drafted(reader, &site.roles, draft.as_deref().unwrap_or(&now)) {
        Err(Refusal::Conflict(why)) => {
            (problem, is_bad) = (Some(why), true);
            drafted(reader, &site.roles, &now)?
        }
        rules => rules?,
    };
    let is_draft = is_draft && !is_bad;
    let tested = match who {
        "" => None,
        who => match why_named(reader, site, who) {
            Err(Refusal::Denied(_)) => Some(Err(format!("There is nobody with the userName or id {who:?}."))),
            now => Some(Ok((now?, why_with(reader, site, who, &rules)?))),
        },
    };
    let of = reader.catalog().resource_type("Group").ok_or_else(unknown)?;
    let groups = page(reader, of, "", None, 0, OFFERED)?.entries;
    // A name that was cut for the list finds no group.
    let groups = groups.into_iter().map(|group| group.name).filter(|name| name.chars().count() <= LONGEST).collect();
    let (given, more) = overrides(reader, GIVEN)?;
    Ok(Found {
        effects: if is_draft { who_would_change(reader, site, &rules, NAMED)? } else { Effects::default() },
        views: draft_views(reader, &site.roles, &rules)?,
        stood,
        is_draft,
        tested,
        groups,
        given,
        more,
        tokens: reader.tokens()?,
        problem,
    })
}
