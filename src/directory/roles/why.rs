//! Why somebody has a role: every input with where it came from, and which of them decided.

use std::sync::Arc;

use super::super::tokens::person_named;
use super::super::{Refusal, Site};
use super::asserted::{Asserted, asserted, place};
use super::catalogue::{Catalogue, Role};
use super::rules::{RuleView, view};
use super::{Effective, Source, effective_with};
use crate::scim::catalog::USER_SCHEMA;
use crate::scim::json::{Json, Object};
use crate::store::{Reader, RoleRules, Row, StoreError};

/// A recorded write that something came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its number.
    pub change: i64,
    /// When it was made, in microseconds since 1970.
    pub at: i64,
    /// `token:ID`, `admin:NAME` or `command:NAME`.
    pub actor: String,
    /// The request id that the log shows.
    pub request: Option<String>,
}

/// What kind of input it is; in the order in which they decide.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A role that was given to the person here.
    Override,
    /// A rule for a group that the person is in.
    Rule,
    /// What the identity provider says.
    Asserted,
    /// What everybody has for whom nothing else says a role.
    Default,
}

/// What becomes of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It decides.
    Wins,
    /// Something before it decides.
    Outranked,
    /// A rule for direct members, and the person is in the group through another group.
    NotNested,
    /// There is no role of this name.
    NoSuchRole,
    /// There is, and identity providers cannot give it.
    OnlyHere,
    /// The identity provider says nothing.
    Silent,
}

/// A step on the way into a group.
#[derive(Debug, Clone)]
pub struct Hop {
    /// The group's id.
    pub group: String,
    /// Its name.
    pub name: String,
    /// The write with which the person, or the group before it, came into the group.
    pub origin: Option<Origin>,
}

/// One input.
#[derive(Debug, Clone)]
pub struct Input {
    /// What kind it is.
    pub kind: Kind,
    /// The role as it is written there.
    pub says: String,
    /// The role that this is.
    pub role: Option<Arc<Role>>,
    /// What becomes of it.
    pub verdict: Verdict,
    /// The write that it came from, as far as that is still recorded.
    pub origin: Option<Origin>,
    /// The attribute, of what an identity provider says.
    pub attribute: Option<String>,
    /// The rule.
    pub rule: Option<RuleView>,
    /// The way into the rule's group: first the one that the person is a direct member of.
    pub way: Vec<Hop>,
}

/// The role that somebody has, and why.
#[derive(Debug, Clone)]
pub struct Why {
    /// The person's id.
    pub id: String,
    /// The person's userName.
    pub user_name: String,
    /// The role in effect.
    pub effective: Effective,
    /// All inputs, in the order in which they decide.
    pub inputs: Vec<Input>,
}

/// Why the person with this id has a role; none when there is no such person.
pub fn why(reader: &Reader<'_>, site: &Site, id: &str) -> Result<Option<Why>, StoreError> {
    of(reader, site, id, &reader.control()?.role_rules)
}

fn of(reader: &Reader<'_>, site: &Site, id: &str, rules: &RoleRules) -> Result<Option<Why>, StoreError> {
    let Some(of) = reader.catalog().resource_types.iter().find(|t| t.schema.id == USER_SCHEMA) else {
        return Ok(None);
    };
    match reader.find(of, id)? {
        Some(row) => Ok(Some(explained(reader, site, &row, rules)?)),
        None => Ok(None),
    }
}

/// The same for the person with this userName or id.
///
/// Errors: [`Refusal::Denied`] when there is no such person.
pub fn why_named(reader: &Reader<'_>, site: &Site, user: &str) -> Result<Why, Refusal> {
    why_with(reader, site, user, &reader.control()?.role_rules)
}

/// The same, if these were the rules.
///
/// Errors: as those of [`why_named`].
pub fn why_with(reader: &Reader<'_>, site: &Site, user: &str, rules: &RoleRules) -> Result<Why, Refusal> {
    let id = person_named(reader, user)?;
    of(reader, site, &id, rules)?.ok_or_else(|| Refusal::Denied(format!("there is no user {user:?}")))
}

fn explained(reader: &Reader<'_>, site: &Site, row: &Row, rules: &RoleRules) -> Result<Why, StoreError> {
    let (document, direct) = (row.document()?, reader.groups_of(row.pk)?);
    let effective = effective_with(reader, site, row, &direct, rules)?;
    let mut inputs = Vec::new();
    inputs.extend(given(reader, &site.roles, row)?);
    inputs.extend(through_groups(reader, &site.roles, row, (&direct, rules))?);
    inputs.push(said(reader, &site.roles, row, &document)?);
    inputs.push(Input {
        says: site.roles.default_role().value.clone(),
        role: Some(site.roles.default_role().clone()),
        ..Input::of(Kind::Default)
    });
    settle(&mut inputs, effective.source);
    Ok(Why {
        id: row.id.clone(),
        user_name: document.get("userName").and_then(Json::as_str).unwrap_or_default().to_owned(),
        effective,
        inputs,
    })
}

/// Marks the input that decides: the first of the kind that did which can.
fn settle(inputs: &mut [Input], source: Source) {
    let kind = match source {
        Source::Override => Kind::Override,
        Source::Rule => Kind::Rule,
        Source::Asserted => Kind::Asserted,
        Source::Default => Kind::Default,
    };
    if let Some(input) = inputs.iter_mut().find(|i| i.kind == kind && i.verdict == Verdict::Outranked) {
        input.verdict = Verdict::Wins;
    }
}

impl Why {
    /// The value of the role that was given to the person here.
    pub fn given(&self) -> Option<&str> {
        self.inputs.iter().find(|i| i.kind == Kind::Override).map(|i| i.says.as_str())
    }
}

impl Input {
    fn of(kind: Kind) -> Input {
        Input {
            kind,
            says: String::new(),
            role: None,
            verdict: Verdict::Outranked,
            origin: None,
            attribute: None,
            rule: None,
            way: Vec::new(),
        }
    }
}

fn origin(reader: &Reader<'_>, change: i64) -> Result<Option<Origin>, StoreError> {
    let row = reader.change(change)?;
    Ok(row.map(|r| Origin { change: r.n, at: r.at, actor: r.actor, request: r.request }))
}

/// The verdict on what names a role, before it is known what decides.
fn known(role: Option<&Arc<Role>>) -> Verdict {
    if role.is_some() { Verdict::Outranked } else { Verdict::NoSuchRole }
}

fn given(reader: &Reader<'_>, roles: &Catalogue, row: &Row) -> Result<Option<Input>, StoreError> {
    let Some(given) = reader.role_override(&row.id)? else { return Ok(None) };
    let role = roles.find(&given.role).cloned();
    Ok(Some(Input {
        verdict: known(role.as_ref()),
        role,
        says: given.role,
        origin: origin(reader, given.change)?,
        ..Input::of(Kind::Override)
    }))
}

/// The rules for the groups that the person is in.
fn through_groups(
    reader: &Reader<'_>,
    roles: &Catalogue,
    row: &Row,
    (direct, rules): (&[i64], &RoleRules),
) -> Result<Vec<Input>, StoreError> {
    let graph = reader.graph()?;
    let closure = graph.closure(direct);
    let mut inputs = Vec::new();
    for (i, rule) in rules.list().iter().enumerate() {
        let Some((_, is_direct)) = closure.iter().find(|(node, _)| node.id == rule.group) else { continue };
        let mut way = Vec::new();
        let mut member = row.pk;
        for (group, node) in graph.chain(direct, &rule.group) {
            let origin = match reader.member_since(group, member)? {
                Some(change) => origin(reader, change)?,
                None => None,
            };
            way.push(Hop { group: node.id.clone(), name: node.display.clone(), origin });
            member = group;
        }
        let role = roles.find(&rule.role).cloned();
        let fits = *is_direct || rule.nested;
        inputs.push(Input {
            says: rule.role.clone(),
            verdict: if fits { known(role.as_ref()) } else { Verdict::NotNested },
            role,
            origin: origin(reader, rule.change)?,
            rule: Some(view(reader, roles, i + 1, rule)?),
            way,
            ..Input::of(Kind::Rule)
        });
    }
    Ok(inputs)
}

/// What the identity provider says, and the write since which it does.
fn said(reader: &Reader<'_>, roles: &Catalogue, row: &Row, document: &Object) -> Result<Input, StoreError> {
    let (attribute, path) = place(document, roles);
    let (says, role, verdict) = match asserted(document, roles) {
        Asserted::Absent => (String::new(), None, Verdict::Silent),
        Asserted::Known(text, role) => (text, Some(role), Verdict::Outranked),
        Asserted::Unknown(text) => match roles.find(&text).cloned() {
            Some(role) => (text, Some(role), Verdict::OnlyHere),
            None => (text, None, Verdict::NoSuchRole),
        },
    };
    let change = reader.last_change_at(&row.id, &path)?;
    Ok(Input {
        says,
        role,
        verdict,
        origin: change.map(|r| Origin { change: r.n, at: r.at, actor: r.actor, request: r.request }),
        attribute: Some(attribute),
        ..Input::of(Kind::Asserted)
    })
}
