//! Roles in words and as JSON: what the API, the pages and the commands show alike.

use serde_json::{Value, json};

use super::catalogue::{Catalogue, Role};
use super::rules::RuleView;
use super::why::{Hop, Input, Kind, Origin, Verdict, Why};
use crate::clock::date_time;

impl Kind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Override => "override",
            Kind::Rule => "rule",
            Kind::Asserted => "asserted",
            Kind::Default => "default",
        }
    }
}

impl Verdict {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Wins => "wins",
            Verdict::Outranked => "outranked",
            Verdict::NotNested => "notNested",
            Verdict::NoSuchRole => "noSuchRole",
            Verdict::OnlyHere => "onlyHere",
            Verdict::Silent => "silent",
        }
    }

    /// The same for people.
    pub fn words(self) -> &'static str {
        match self {
            Verdict::Wins => "Decides",
            Verdict::Outranked => "Something before it decides",
            Verdict::NotNested => "Does not count: the rule is for direct members",
            Verdict::NoSuchRole => "Does not count: there is no such role",
            Verdict::OnlyHere => "Does not count: this role is only given here",
            Verdict::Silent => "Says nothing",
        }
    }
}

impl Input {
    /// What it is, as a sentence without a full stop.
    pub fn sentence(&self) -> String {
        let role = self.role.as_ref().map_or_else(|| format!("“{}”", self.says), |r| r.label.clone());
        match (&self.kind, &self.rule) {
            (Kind::Override, _) => format!("An administrator has made this person {role}"),
            (Kind::Rule, Some(rule)) => {
                let group = rule.name.as_deref().unwrap_or(&rule.group);
                let way: Vec<&str> = self.way.iter().rev().skip(1).map(|hop| hop.name.as_str()).collect();
                let through = match way.is_empty() {
                    true => String::new(),
                    false => format!(", which the person is in through {}", way.join(" in turn through ")),
                };
                let whose = if rule.nested { "direct or not" } else { "direct ones" };
                format!("Rule {}: members of {group} ({whose}) are {role}{through}", rule.position)
            }
            (Kind::Rule, None) => format!("A rule says {role}"),
            (Kind::Asserted, _) if self.says.is_empty() => "The identity provider says no role".to_owned(),
            (Kind::Asserted, _) => match &self.role {
                Some(role) => format!("The identity provider says “{}”, which is {}", self.says, role.label),
                None => format!("The identity provider says “{}”, which is no role here", self.says),
            },
            (Kind::Default, _) => format!("Whoever has no other role is {role}"),
        }
    }
}

fn role_json(role: &Role) -> Value {
    json!({"value": role.value, "display": role.label, "settingsAdmin": role.settings_admin})
}

fn origin_json(origin: Option<&Origin>) -> Value {
    origin.map_or(Value::Null, |o| {
        json!({
            "change": o.change,
            "time": date_time(o.at),
            "actor": o.actor,
            "token": o.actor.strip_prefix("token:"),
            "request": o.request,
        })
    })
}

/// A rule.
pub fn rule_json(rule: &RuleView) -> Value {
    json!({
        "position": rule.position,
        "group": rule.group,
        "groupName": rule.name,
        "live": rule.live,
        "role": rule.role,
        "display": rule.label,
        "nested": rule.nested,
    })
}

/// The roles and the rules.
pub fn catalogue_json(roles: &Catalogue, rules: &[RuleView]) -> Value {
    let shown = |role: &Role| {
        let mut shown = role_json(role);
        if let Some(shown) = shown.as_object_mut() {
            shown.insert("aliases".to_owned(), json!(role.aliases));
            shown.insert("assignable".to_owned(), json!(if role.only_here { "local" } else { "anywhere" }));
            shown.insert("default".to_owned(), json!(role == roles.default_role().as_ref()));
        }
        shown
    };
    json!({
        "roles": roles.all().iter().map(|r| shown(r)).collect::<Vec<_>>(),
        "rules": rules.iter().map(rule_json).collect::<Vec<_>>(),
    })
}

/// Why somebody has a role.
pub fn why_json(why: &Why) -> Value {
    let mut role = role_json(&why.effective.role);
    if let Some(role) = role.as_object_mut() {
        role.insert("source".to_owned(), json!(why.effective.source.name()));
    }
    let hop = |h: &Hop| json!({"group": h.group, "groupName": h.name, "origin": origin_json(h.origin.as_ref())});
    let input = |i: &Input| {
        let mut shown = json!({
            "kind": i.kind.name(),
            "says": if i.says.is_empty() { None } else { Some(&i.says) },
            "role": i.role.as_ref().map(|r| &r.value),
            "wins": i.verdict == Verdict::Wins,
            "verdict": i.verdict.name(),
            "sentence": format!("{}.", i.sentence()),
            "origin": origin_json(i.origin.as_ref()),
        });
        if let Some(shown) = shown.as_object_mut() {
            if let Some(attribute) = &i.attribute {
                shown.insert("attribute".to_owned(), json!(attribute));
            }
            if let Some(rule) = &i.rule {
                shown.insert("rule".to_owned(), rule_json(rule));
                shown.insert("way".to_owned(), i.way.iter().map(hop).collect());
            }
        }
        shown
    };
    json!({
        "id": why.id,
        "userName": why.user_name,
        "role": role,
        "inputs": why.inputs.iter().map(input).collect::<Vec<_>>(),
    })
}
