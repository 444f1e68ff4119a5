//! Roles (decision P8): which one somebody has in effect, and why.
//!
//! It is a pure function of what is stored: what was given to the person here, else the first rule that fits one of the
//! person's groups, else what the identity provider says, else the default. It is computed when it is read and stored
//! nowhere, so it is right in the first read after any of these has changed, and a rename touches nobody.

mod asserted;
mod catalogue;
mod draft;
mod rules;
mod tell;
#[cfg(test)]
mod tests;
mod why;

use std::sync::Arc;

pub use asserted::{Asserted, asserted};
pub use catalogue::{Catalogue, Role, Written};
pub use draft::{Drafted, Effects, Mover, draft_views, drafted, save_rules, stored, who_would_change, without_gone};
pub use rules::{By, Given, RuleView, add_rule, group_called, move_rule, overrides, remove_rule, rules, set_override};
pub use tell::{catalogue_json, rule_json, why_json};
pub use why::{Hop, Input, Kind, Origin, Verdict, Why, why, why_named, why_with};

use rules::{MAX_RULES, view};

use super::{Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::fault::{Fault, Kind as FaultKind, quoted};
use crate::scim::json::{Json, Object};
use crate::store::{Reader, RoleRule, RoleRules, Row, StoreError};

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// An administrator, for this person.
    Override,
    /// A rule for a group.
    Rule,
    /// The identity provider.
    Asserted,
    /// Nothing.
    Default,
}

impl Source {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Source::Override => "override",
            Source::Rule => "rule",
            Source::Asserted => "asserted",
            Source::Default => "default",
        }
    }
}

/// The role that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effective {
    /// The role.
    pub role: Arc<Role>,
    /// What decided.
    pub source: Source,
}

/// All that decides about one person's role.
#[derive(Debug, Clone, Copy)]
pub struct Inputs<'a> {
    /// What was given to the person here.
    pub given: Option<&'a str>,
    /// The groups that the person is in: id, and whether directly.
    pub groups: &'a [(&'a str, bool)],
    /// What the identity provider says.
    pub asserted: &'a Asserted,
}

/// THE meaning of roles. What names a role that there is no longer is passed over.
pub fn decide(roles: &Catalogue, rules: &RoleRules, inputs: Inputs<'_>) -> Effective {
    settled(roles, by_rule(roles, rules, inputs.groups), inputs.given, inputs.asserted)
}

/// The same when it is known what the rules say.
fn settled(roles: &Catalogue, by_rule: Option<Arc<Role>>, given: Option<&str>, asserted: &Asserted) -> Effective {
    if let Some(role) = given.and_then(|g| roles.find(g)) {
        return Effective { role: role.clone(), source: Source::Override };
    }
    if let Some(role) = by_rule {
        return Effective { role, source: Source::Rule };
    }
    match asserted {
        Asserted::Known(_, role) => Effective { role: role.clone(), source: Source::Asserted },
        _ => Effective { role: roles.default_role().clone(), source: Source::Default },
    }
}

/// What the first rule says that fits somebody in these groups.
fn by_rule(roles: &Catalogue, rules: &RoleRules, groups: &[(&str, bool)]) -> Option<Arc<Role>> {
    let fitting = groups.iter().filter_map(|(id, direct)| {
        let (at, rule) = rules.for_group(id)?;
        Some((at, roles.find(&rule.role).filter(|_| fits(rule, *direct))?))
    });
    fitting.min_by_key(|(at, _)| *at).map(|(_, role)| role.clone())
}

/// Does a rule hold for somebody who is in its group in this way?
fn fits(rule: &RoleRule, direct: bool) -> bool {
    direct || rule.nested
}

/// Is there a rule, of this group or of one that it is in, that makes administrators of the settings page of whoever comes
/// into the group, as soon as nothing else decides?
pub fn makes_administrators(reader: &Reader<'_>, site: &Site, group: i64) -> Result<bool, StoreError> {
    let (control, graph) = (reader.control()?, reader.graph()?);
    let closure = graph.closure(&[group]);
    Ok(closure.iter().any(|(node, is_direct)| {
        let rule = control.role_rules.for_group(&node.id).map(|(_, rule)| rule).filter(|rule| fits(rule, *is_direct));
        rule.and_then(|rule| site.roles.find(&rule.role)).is_some_and(|role| role.settings_admin)
    }))
}

/// The role of a person whose direct groups are known.
pub fn effective(reader: &Reader<'_>, site: &Site, row: &Row, direct: &[i64]) -> Result<Effective, StoreError> {
    effective_with(reader, site, row, direct, &reader.control()?.role_rules)
}

/// The same, if these were the rules.
fn effective_with(
    reader: &Reader<'_>,
    site: &Site,
    row: &Row,
    direct: &[i64],
    rules: &RoleRules,
) -> Result<Effective, StoreError> {
    let graph = reader.graph()?;
    let closure = graph.closure(direct);
    let groups: Vec<(&str, bool)> = closure.iter().map(|(node, is_direct)| (node.id.as_str(), *is_direct)).collect();
    decided(reader, site, row, by_rule(&site.roles, rules, &groups))
}

/// The role of a person for whom it is known what the rules say.
fn decided(reader: &Reader<'_>, site: &Site, row: &Row, by_rule: Option<Arc<Role>>) -> Result<Effective, StoreError> {
    let given = reader.role_override(&row.id)?;
    let asserted = asserted(&row.document()?, &site.roles);
    Ok(settled(&site.roles, by_rule, given.as_ref().map(|g| g.role.as_str()), &asserted))
}

/// What our extension of users says of it.
pub fn shown(effective: &Effective) -> Json {
    let mut role = Object::new();
    role.push("value", effective.role.value.as_str());
    role.push("display", effective.role.label.as_str());
    role.push("source", effective.source.name());
    let mut extension = Object::new();
    extension.push("role", role);
    extension.into()
}

/// The role that a write names and nobody knows, when it says so anew.
///
/// Errors: [`FaultKind::InvalidValue`] where the configuration wants that refused.
pub fn unheard(
    site: &Site,
    of: &ResourceType,
    before: Option<&Object>,
    after: &Object,
) -> Result<Option<String>, Refusal> {
    if !of.is_user() {
        return Ok(None);
    }
    let said = asserted(after, &site.roles);
    let Asserted::Unknown(text) = &said else { return Ok(None) };
    if before.is_some_and(|before| asserted(before, &site.roles) == said) {
        return Ok(None);
    }
    match site.roles.refuses_unknown() {
        true => {
            let is = if site.roles.find(text).is_some() { "a role that is only given here" } else { "no role here" };
            let why = format!("{} is {is}; there are {}", quoted(text), site.roles.assertable_words());
            Err(Fault::new(FaultKind::InvalidValue, "roles", why).into())
        }
        false => Ok(Some(text.clone())),
    }
}
