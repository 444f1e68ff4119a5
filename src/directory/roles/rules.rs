//! Rules that give roles to the members of groups, and roles that are given to single people: looking and changing.

use super::super::Refusal;
use super::super::lifecycle::called;
use super::super::tokens::person_named;
use super::catalogue::{Catalogue, Role};
use crate::scim::catalog::GROUP_SCHEMA;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::store::{Change, Reader, RoleRule, StoreError, Writer};

/// Rules, at most: all of them are held in memory.
pub(super) const MAX_RULES: usize = 1000;

/// Who makes a change.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    /// As change rows name it: `admin:NAME` or `command:NAME`.
    pub actor: &'a str,
    /// The id of the request; none for a command.
    pub request: Option<&'a str>,
}

impl<'a> By<'a> {
    /// A command.
    pub fn command(actor: &'a str) -> By<'a> {
        By { actor, request: None }
    }
}

/// A rule, to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleView {
    /// Its place in the order, from 1 on.
    pub position: usize,
    /// The group's id.
    pub group: String,
    /// The group's name, as far as one is known.
    pub name: Option<String>,
    /// There is such a group; otherwise it was deleted, and the rule is dead.
    pub live: bool,
    /// The value of the role as it was stored.
    pub role: String,
    /// The role's name for people; none when the configuration has no such role, and the rule is passed over.
    pub label: Option<String>,
    /// Members of groups inside the group count as well.
    pub nested: bool,
    /// The number of the change that last wrote it.
    pub change: i64,
}

/// All rules, in their order.
pub fn rules(reader: &Reader<'_>, roles: &Catalogue) -> Result<Vec<RuleView>, StoreError> {
    let control = reader.control()?;
    let rules = control.role_rules.list().iter().enumerate();
    rules.map(|(i, rule)| view(reader, roles, i + 1, rule)).collect()
}

/// A rule as it is looked at.
pub(super) fn view(
    reader: &Reader<'_>,
    roles: &Catalogue,
    position: usize,
    rule: &RoleRule,
) -> Result<RuleView, StoreError> {
    let live = live_name(reader, &rule.group)?;
    Ok(RuleView {
        position,
        group: rule.group.clone(),
        live: live.is_some(),
        name: match live {
            Some(name) => Some(name),
            None => reader.departed_document(&rule.group)?.as_ref().map(name_of),
        },
        role: rule.role.clone(),
        label: roles.find(&rule.role).map(|r| r.label.clone()),
        nested: rule.nested,
        change: rule.change,
    })
}

/// The name of the live group with this id.
fn live_name(reader: &Reader<'_>, id: &str) -> Result<Option<String>, StoreError> {
    let Some(of) = reader.catalog().resource_types.iter().find(|t| t.schema.id == GROUP_SCHEMA) else {
        return Ok(None);
    };
    Ok(match reader.find(of, id)? {
        Some(row) => Some(name_of(&row.document()?)),
        None => None,
    })
}

fn name_of(document: &Object) -> String {
    document.get("displayName").and_then(Json::as_str).unwrap_or_default().to_owned()
}

/// The live group with this id, or else with this name: its id and name.
pub fn group_called(reader: &Reader<'_>, group: &str) -> Result<Option<(String, String)>, StoreError> {
    let Some(of) = reader.catalog().resource_types.iter().find(|t| t.schema.id == GROUP_SCHEMA) else {
        return Ok(None);
    };
    let found = match (reader.find(of, group)?, reader.key_by_name(of, &fold(group))?) {
        (None, Some(key)) => reader.rows(&[key])?.pop(),
        (found, _) => found,
    };
    found.map(|row| Ok((row.id.clone(), name_of(&row.document()?)))).transpose()
}

/// The id alone.
fn group_named(reader: &Reader<'_>, group: &str) -> Result<Option<String>, StoreError> {
    Ok(group_called(reader, group)?.map(|(id, _)| id))
}

fn denied<T>(why: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Denied(why.into()))
}

pub(super) fn role_named<'r>(roles: &'r Catalogue, name: &str) -> Result<&'r Role, Refusal> {
    match roles.find(name) {
        Some(role) => Ok(role),
        None => denied(format!("there is no role {name:?}; there are {}", roles.words())),
    }
}

/// Adds a rule for a group that is named by its name or id, at a place in the order: 1 is the first, and without one it
/// becomes the last.
///
/// Errors: [`Refusal::Denied`] when there is no such group or role, and when the group has a rule already.
pub fn add_rule(
    writer: &mut Writer<'_>,
    roles: &Catalogue,
    group: &str,
    role: &str,
    (nested, position): (bool, Option<usize>),
    by: By<'_>,
) -> Result<RuleView, Refusal> {
    let role = role_named(roles, role)?.value.clone();
    let Some(group) = group_named(writer, group)? else { return denied(format!("there is no group {group:?}")) };
    let mut list = writer.control()?.role_rules.list().to_vec();
    if let Some(at) = list.iter().position(|r| r.group == group) {
        return denied(format!("the group has a rule already, number {}; remove that one first", at + 1));
    }
    if list.len() >= MAX_RULES {
        return denied(format!("there are {MAX_RULES} rules, which is as many as there can be"));
    }
    let at = place(position.unwrap_or(list.len() + 1), list.len() + 1)?;
    let rule = RoleRule { group, role, nested, change: writer.next_change() };
    list.insert(at, rule.clone());
    writer.put_role_rules(&list)?;
    record(writer, "role.rule.add", &rule.group, (None, Some(rule_text(&rule, at + 1))), by)?;
    Ok(view(writer, roles, at + 1, &rule)?)
}

/// Removes the rule of a group. Gives it as it was.
///
/// Errors: [`Refusal::Denied`] when the group has none.
pub fn remove_rule(writer: &mut Writer<'_>, roles: &Catalogue, group: &str, by: By<'_>) -> Result<RuleView, Refusal> {
    let mut list = writer.control()?.role_rules.list().to_vec();
    let at = rule_of(writer, roles, group)?;
    let Some(seen) = list.get(at).map(|rule| view(writer, roles, at + 1, rule)).transpose()? else {
        return denied(format!("there is no rule for {group:?}"));
    };
    let gone = list.remove(at);
    writer.put_role_rules(&list)?;
    record(writer, "role.rule.remove", &gone.group, (Some(rule_text(&gone, at + 1)), None), by)?;
    Ok(seen)
}

/// Moves the rule of a group to another place in the order.
///
/// Errors: [`Refusal::Denied`] when the group has none, and for a place that there is not.
pub fn move_rule(
    writer: &mut Writer<'_>,
    roles: &Catalogue,
    group: &str,
    position: usize,
    by: By<'_>,
) -> Result<RuleView, Refusal> {
    let mut list = writer.control()?.role_rules.list().to_vec();
    let from = rule_of(writer, roles, group)?;
    let to = place(position, list.len())?;
    let mut rule = list.remove(from);
    if from != to {
        let before = rule_text(&rule, from + 1);
        rule.change = writer.next_change();
        list.insert(to, rule.clone());
        writer.put_role_rules(&list)?;
        record(writer, "role.rule.move", &rule.group, (Some(before), Some(rule_text(&rule, to + 1))), by)?;
    }
    Ok(view(writer, roles, to + 1, &rule)?)
}

/// An index in the order.
fn place(position: usize, most: usize) -> Result<usize, Refusal> {
    match (1..=most).contains(&position) {
        true => Ok(position - 1),
        false => denied(format!("a position is a number from 1 to {most}, not {position}")),
    }
}

/// The index of the rule for a group: a live one by name or id, one that is gone by its id or the name that it had.
fn rule_of(reader: &Reader<'_>, roles: &Catalogue, group: &str) -> Result<usize, Refusal> {
    let control = reader.control()?;
    let live = group_named(reader, group)?;
    if let Some((at, _)) = control.role_rules.for_group(live.as_deref().unwrap_or(group)) {
        return Ok(at);
    }
    let dead = |r: &&RuleView| !r.live && r.name.as_deref().is_some_and(|n| fold(n) == fold(group));
    match rules(reader, roles)?.iter().find(dead) {
        Some(rule) => Ok(rule.position - 1),
        None => denied(format!("there is no rule for the group {group:?}; `role list` shows the rules")),
    }
}

/// Gives a role to the person with this userName or id, or takes it back. Gives the person's id, and whether that is
/// something new.
///
/// Errors: [`Refusal::Denied`] when there is no such person or role.
pub fn set_override(
    writer: &mut Writer<'_>,
    roles: &Catalogue,
    user: &str,
    role: Option<&str>,
    by: By<'_>,
) -> Result<(String, bool), Refusal> {
    let role = role.map(|r| role_named(roles, r)).transpose()?.map(|r| r.value.clone());
    // What was given to somebody who was deleted since can be taken back: it would be in force again with a restore.
    let id = match role {
        None if writer.departed_document(user)?.is_some() => user.to_owned(),
        _ => person_named(writer, user)?,
    };
    let before = writer.role_override(&id)?.map(|o| o.role);
    if before == role {
        return Ok((id, false));
    }
    writer.put_role_override(&id, role.as_deref())?;
    let text = |role: Option<String>| {
        role.map(|role| {
            let mut object = Object::new();
            object.push("roleOverride", role);
            object.text()
        })
    };
    record(writer, "role.override", &id, (text(before), text(role)), by)?;
    Ok((id, true))
}

pub(super) fn rule_text(rule: &RoleRule, position: usize) -> String {
    let mut inner = Object::new();
    inner.push("role", rule.role.as_str());
    inner.push("nested", rule.nested);
    inner.push("position", position as u64);
    let mut object = Object::new();
    object.push("roleRule", inner);
    object.text()
}

pub(super) fn record(
    writer: &mut Writer<'_>,
    op: &str,
    resource: &str,
    (before, after): (Option<String>, Option<String>),
    by: By<'_>,
) -> Result<(), StoreError> {
    let By { actor, request } = by;
    writer.record(&Change { actor, request, op, resource: Some(resource), before, after, ..Change::default() })
}

/// A role that was given to one person.
#[derive(Debug, Clone)]
pub struct Given {
    /// The person's id.
    pub id: String,
    /// The userName.
    pub name: String,
    /// The value of the role.
    pub role: String,
    /// Not deleted.
    pub is_here: bool,
}

/// Roles that were given to single people, those among them who were deleted since, at most so many; and whether there are
/// more.
pub fn overrides(reader: &Reader<'_>, most: usize) -> Result<(Vec<Given>, bool), StoreError> {
    let found = reader.role_overrides(most + 1)?;
    let more = found.len() > most;
    let mut all = Vec::new();
    for (id, role) in found.into_iter().take(most) {
        let (name, is_here) = called(reader, &id)?;
        all.push(Given { id, name, role, is_here });
    }
    Ok((all, more))
}
