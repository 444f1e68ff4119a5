//! `group create | edit | delete | add-member | remove-member | list-archived | restore`.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::local::{Kind, act, change, delete, make, minute, operation};
use super::table::table;
use super::{Opened, remark, say};
use crate::clock::date_time;
use crate::directory::lifecycle::{Gone, gone, groups, known, people};
use crate::directory::restore::restore;
use crate::scim::json::{Json, Object};

/// Records of one list, at most; and members that are named of each.
const MOST: u64 = 10_000;
const NAMES: u64 = 1000;

#[derive(Subcommand)]
pub enum Command {
    /// Make a group here; the id is printed, alone on stdout
    #[command(after_help = "Example: scim-appliance --config x.toml group create \"Office Berlin\"")]
    Create {
        /// The displayName
        name: String,
    },
    /// Give a group another name
    #[command(after_help = "Example: scim-appliance --config x.toml group edit \"Office Berlin\" --name \"Berlin\"")]
    Edit {
        /// The displayName or id
        group: String,
        /// The new displayName
        #[arg(long)]
        name: String,
    },
    /// Archive a group with the members that it has
    #[command(after_help = "Example: scim-appliance --config x.toml group delete Berlin")]
    Delete {
        /// The displayName or id
        group: String,
    },
    /// Add a person to a group; the identity provider does not take this member away when it sends its own
    #[command(after_help = "Example: scim-appliance --config x.toml group add-member Berlin ada@example.com")]
    AddMember {
        /// The displayName or id
        group: String,
        /// The userName or id
        person: String,
    },
    /// Take a person out of a group
    #[command(after_help = "Example: scim-appliance --config x.toml group remove-member Berlin ada@example.com")]
    RemoveMember {
        /// The displayName or id
        group: String,
        /// The userName or id
        person: String,
    },
    /// List archived groups with the members that they had, the last one first
    #[command(after_help = "Example: scim-appliance --config x.toml group list-archived --json")]
    ListArchived {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring an archived group back, with its id and those of its members who are still there
    #[command(
        after_help = "Example: scim-appliance --config x.toml group restore 0199d1c2-8f3e-7a60-9f51-0d3f6c1c2b7e"
    )]
    Restore {
        /// The id, as `group list-archived` shows it
        id: String,
    },
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = match command {
        Command::Create { .. } => Opened::open(config)?,
        _ => Opened::there(config)?,
    };
    match command {
        Command::Create { name } => {
            let mut document = Object::new();
            document.push("displayName", name.as_str());
            let id = make(&opened, "group create", Kind::Group, document)?;
            remark(format!("The group {name} is in the directory."));
            say(id)
        }
        Command::Edit { group, name } => {
            let operations = vec![operation("replace", "displayName", Some(name.as_str().into()))];
            change(&opened, "group edit", Kind::Group, group.clone(), move |_| Ok(operations))?;
            say(format!("The group {group} is called {name}."))
        }
        Command::Delete { group } => {
            let row = delete(&opened, "group delete", Kind::Group, group.clone())?;
            say(format!("The group {group} is archived as {}; `group restore` brings it back.", row.id))
        }
        Command::AddMember { group, person } => member(&opened, group, person, true),
        Command::RemoveMember { group, person } => member(&opened, group, person, false),
        Command::ListArchived { json } => list(&opened, json),
        Command::Restore { id } => {
            let name = act(&opened, "group restore", Kind::Group, move |writer, ask| {
                restore(writer, ask.caller, ask.of, &id)
            })?;
            say(format!("The group {name} is back, with its id and those of its members who are still there."))
        }
    }
}

fn member(opened: &Opened, group: String, person: String, comes: bool) -> Result<()> {
    let command = if comes { "group add-member" } else { "group remove-member" };
    let who = person.clone();
    let operations = move |reader: &crate::directory::Reader<'_>| {
        let id = known(reader, &*people(reader)?, &who)?.id;
        Ok(vec![if comes {
            let mut element = Object::new();
            element.push("value", id);
            operation("add", "members", Some(Json::Array(vec![element.into()])))
        } else {
            operation("remove", &format!("members[value eq {}]", Json::from(id.as_str()).text()), None)
        }])
    };
    let (_, changed) = change(opened, command, Kind::Group, group.clone(), operations)?;
    say(match (changed, comes) {
        (true, true) => format!("{person} is in the group {group}."),
        (true, false) => format!("{person} is no longer in the group {group}."),
        (false, true) => format!("{person} was in the group {group} already; nothing was changed."),
        (false, false) => format!("{person} was not in the group {group}; nothing was changed."),
    })
}

fn list(opened: &Opened, as_json: bool) -> Result<()> {
    let (all, total) = opened.ask(|reader| Ok(gone(reader, &*groups(reader)?, 0, MOST, NAMES)?))?;
    if as_json {
        let shown = |g: &Gone| {
            let members = g.members.iter().map(|(name, is_here)| json!({"name": name, "isHere": is_here}));
            json!({
                "id": g.listed.id, "displayName": g.listed.name, "archived": date_time(g.at), "by": g.by,
                "memberCount": g.listed.members, "members": members.collect::<Vec<_>>(),
            })
        };
        return say(serde_json::to_string_pretty(&all.iter().map(shown).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        return say("No group is archived.");
    }
    let row = |g: &Gone| {
        let names: Vec<&str> = g.members.iter().map(|(name, _)| name.as_str()).take(5).collect();
        let more = g.listed.members.saturating_sub(names.len() as u64);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        vec![
            g.listed.id.clone(),
            g.listed.name.clone(),
            minute(g.at),
            g.by.clone().unwrap_or_else(|| "-".to_owned()),
            format!("{}{more}", names.join(", ")),
        ]
    };
    say(table(&["ID", "NAME", "ARCHIVED", "BY", "MEMBERS"], &all.iter().map(row).collect::<Vec<_>>()))?;
    if total > MOST {
        remark(format!("These are the last {MOST} of {total}."));
    }
    Ok(())
}
