//! `role list | rule | set | why`.

use std::path::Path;
use std::sync::Arc;

use anyhow::Result;
use clap::Subcommand;

use super::table::table;
use super::{Opened, say};
use crate::clock::date_time;
use crate::directory::roles::{
    By, Input, Origin, RuleView, Why, add_rule, catalogue_json, move_rule, remove_rule, rules, set_override,
    why as why_of, why_json, why_named,
};

#[derive(Subcommand)]
pub enum Command {
    /// List the roles of the configuration, and the rules in their order
    #[command(after_help = "Example: scim-appliance --config x.toml role list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Add, remove and move the rules by which groups give roles
    Rule {
        #[command(subcommand)]
        command: Rule,
    },
    /// Give a person a role, whatever rules and the identity provider say; or take it back
    #[command(after_help = "Examples:\n  \
        scim-appliance --config x.toml role set ada@example.com ORGANIZATION_ADMINISTRATOR\n  \
        scim-appliance --config x.toml role set ada@example.com --clear")]
    Set {
        /// The person's userName or id
        user: String,
        /// The role's value, label or an alias
        #[arg(required_unless_present = "clear", conflicts_with = "clear")]
        role: Option<String>,
        /// Take back what was given: rules and the identity provider decide again
        #[arg(long)]
        clear: bool,
    },
    /// Say which role a person has, and why
    #[command(after_help = "Example: scim-appliance --config x.toml role why ada@example.com")]
    Why {
        /// The person's userName or id
        user: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Subcommand)]
pub enum Rule {
    /// Give the members of a group a role
    #[command(
        after_help = "Example: scim-appliance --config x.toml role rule add --group Auditors --role COMPLIANCE_MANAGER"
    )]
    Add {
        /// The group's name or id
        #[arg(long, value_name = "NAME_OR_ID")]
        group: String,
        /// The role's value, label or an alias
        #[arg(long, value_name = "VALUE")]
        role: String,
        /// Count the members of groups inside the group as well
        #[arg(long)]
        nested: bool,
        /// Its place in the order, from 1 on; the last, if nothing is said
        #[arg(long, value_name = "N")]
        position: Option<usize>,
    },
    /// Remove the rule of a group
    #[command(after_help = "Example: scim-appliance --config x.toml role rule remove --group Auditors")]
    Remove {
        /// The group's name or id
        #[arg(long, value_name = "NAME_OR_ID")]
        group: String,
    },
    /// Move the rule of a group to another place in the order
    #[command(after_help = "Example: scim-appliance --config x.toml role rule move --group Auditors --position 1")]
    Move {
        /// The group's name or id
        #[arg(long, value_name = "NAME_OR_ID")]
        group: String,
        /// Its new place, from 1 on
        #[arg(long, value_name = "N")]
        position: usize,
    },
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    // The roles stand in the configuration.
    let opened = match command {
        Command::List { .. } => Opened::open(config)?,
        _ => Opened::there(config)?,
    };
    match command {
        Command::List { json } => list(&opened, json),
        Command::Rule { command } => rule(&opened, command),
        Command::Set { user, role, .. } => set(&opened, user, role),
        Command::Why { user, json } => why(&opened, user, json),
    }
}

fn list(opened: &Opened, json: bool) -> Result<()> {
    let roles = opened.site.roles.clone();
    let of = roles.clone();
    let rules = opened.read(move |reader| rules(reader, &of))?;
    if json {
        return say(serde_json::to_string_pretty(&catalogue_json(&roles, &rules))?);
    }
    let row = |r: &Arc<crate::directory::roles::Role>| {
        let mark = |is: bool, word: &str| if is { word.to_owned() } else { "-".to_owned() };
        vec![
            r.value.clone(),
            r.label.clone(),
            mark(r == roles.default_role(), "default"),
            mark(r.settings_admin, "yes"),
            if r.only_here { "here only" } else { "anywhere" }.to_owned(),
            if r.aliases.is_empty() { "-".to_owned() } else { r.aliases.join(", ") },
        ]
    };
    let rows: Vec<_> = roles.all().iter().map(row).collect();
    say(table(&["ROLE", "LABEL", "DEFAULT", "SETTINGS PAGE", "GIVEN", "ALSO CALLED"], &rows))?;
    say("")?;
    if rules.is_empty() {
        return say("There is no rule. `role rule add --group NAME --role VALUE` makes one.");
    }
    let row = |r: &RuleView| {
        vec![
            r.position.to_string(),
            group_words(r),
            r.role.clone(),
            if r.nested { "yes" } else { "no" }.to_owned(),
            state(r).to_owned(),
            r.group.clone(),
        ]
    };
    say(table(&["RULE", "GROUP", "ROLE", "NESTED", "STATE", "GROUP ID"], &rules.iter().map(row).collect::<Vec<_>>()))
}

fn group_words(rule: &RuleView) -> String {
    rule.name.clone().unwrap_or_else(|| "?".to_owned())
}

fn state(rule: &RuleView) -> &'static str {
    match (rule.live, &rule.label) {
        (false, _) => "dead: the group is gone",
        (true, None) => "passed over: no such role",
        (true, Some(_)) => "in force",
    }
}

fn rule(opened: &Opened, command: Rule) -> Result<()> {
    let roles = opened.site.roles.clone();
    match command {
        Rule::Add { group, role, nested, position } => {
            let rule = opened.write(move |writer| {
                add_rule(writer, &roles, &group, &role, (nested, position), By::command("command:role rule add"))
            })?;
            say(format!("Rule {}: members of {} are {}.", rule.position, group_words(&rule), rule.role))
        }
        Rule::Remove { group } => {
            let rule = opened
                .write(move |writer| remove_rule(writer, &roles, &group, By::command("command:role rule remove")))?;
            say(format!("The rule for {} is removed.", group_words(&rule)))
        }
        Rule::Move { group, position } => {
            let rule = opened.write(move |writer| {
                move_rule(writer, &roles, &group, position, By::command("command:role rule move"))
            })?;
            say(format!("The rule for {} is number {} now.", group_words(&rule), rule.position))
        }
    }
}

fn set(opened: &Opened, user: String, role: Option<String>) -> Result<()> {
    let site = opened.site.clone();
    let why = opened.write(move |writer| {
        let (id, _) = set_override(writer, &site.roles, &user, role.as_deref(), By::command("command:role set"))?;
        Ok(why_of(writer, &site, &id)?)
    })?;
    match why {
        Some(why) => say(verdict(&why)),
        None => say("The role is taken back; the person is deleted."),
    }
}

fn verdict(why: &Why) -> String {
    let effective = &why.effective;
    format!("{} is {} ({}).", why.user_name, effective.role.label, effective.role.value)
}

fn why(opened: &Opened, user: String, json: bool) -> Result<()> {
    let site = opened.site.clone();
    let (why, tokens) = opened.ask(move |reader| Ok((why_named(reader, &site, &user)?, reader.tokens()?)))?;
    if json {
        return say(serde_json::to_string_pretty(&why_json(&why))?);
    }
    let name = |actor: &str| {
        let token = actor.strip_prefix("token:").and_then(|id| tokens.iter().find(|t| t.id == id));
        token.map_or_else(|| actor.to_owned(), |t| format!("token {}", t.name))
    };
    let from = |origin: &Option<Origin>| match origin {
        Some(o) => {
            let request = o.request.as_ref().map(|r| format!(", request {r}")).unwrap_or_default();
            format!("{}, {}{request}", date_time(o.at), name(&o.actor))
        }
        None => "-".to_owned(),
    };
    say(verdict(&why))?;
    let row = |i: &Input| {
        let joined = i.way.first().map(|hop| format!("; in the group since {}", from(&hop.origin))).unwrap_or_default();
        vec![i.sentence(), i.verdict.words().to_owned(), format!("{}{joined}", from(&i.origin))]
    };
    say(table(&["WHAT SAYS SO", "WHAT IT COMES TO", "SINCE"], &why.inputs.iter().map(row).collect::<Vec<_>>()))
}
