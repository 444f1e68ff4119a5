//! `handover list | give | dismiss`.

use std::path::Path;

use anyhow::Result;
use clap::Subcommand;
use serde_json::json;

use super::local::minute;
use super::table::table;
use super::{Opened, remark, say};
use crate::clock::date_time;
use crate::directory::Caller;
use crate::directory::handover::{Decision, HandoverStatus, Item, items, open_of, settle};

/// Items of one list, at most.
const MOST: u64 = 10_000;

#[derive(Subcommand)]
pub enum Command {
    /// List who has something to hand over, the last one first
    #[command(after_help = "Example: scim-appliance --config x.toml handover list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Name a successor, who joins the groups that the person was added to here
    #[command(
        after_help = "Example: scim-appliance --config x.toml handover give ada@example.com --to grace@example.com --note \"Team of Q4\""
    )]
    Give {
        /// Who left: the userName or id
        person: String,
        /// Who takes over: the userName or id of somebody who is active
        #[arg(long, value_name = "PERSON")]
        to: String,
        /// What there is to say about it
        #[arg(long)]
        note: Option<String>,
    },
    /// Say that there is nothing to hand over
    #[command(
        after_help = "Example: scim-appliance --config x.toml handover dismiss ada@example.com --note \"Was a test\""
    )]
    Dismiss {
        /// Who left: the userName or id
        person: String,
        /// What there is to say about it
        #[arg(long)]
        note: Option<String>,
    },
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = Opened::there(config)?;
    match command {
        Command::List { json } => list(&opened, json),
        Command::Give { person, to, note } => {
            let (from, after) = (person.clone(), to.clone());
            let site = opened.site.clone();
            let joined = opened.write(move |writer| {
                let open = open_of(writer, &from)?;
                let caller = Caller::local("command:handover give", "");
                settle(writer, &site, &caller, open.id, &Decision::Give(after), note.as_deref())
            })?;
            match joined.is_empty() {
                true => say(format!("{to} takes over from {person}.")),
                false => say(format!("{to} takes over from {person}, and has joined {}.", joined.join(", "))),
            }
        }
        Command::Dismiss { person, note } => {
            let (from, site) = (person.clone(), opened.site.clone());
            opened.write(move |writer| {
                let open = open_of(writer, &from)?;
                let caller = Caller::local("command:handover dismiss", "");
                settle(writer, &site, &caller, open.id, &Decision::Dismiss, note.as_deref())
            })?;
            say(format!("{person} has nothing to hand over."))
        }
    }
}

fn list(opened: &Opened, as_json: bool) -> Result<()> {
    let (all, total) = opened.read(|reader| items(reader, HandoverStatus::Open, 0, MOST))?;
    if as_json {
        let shown = |i: &Item| {
            json!({
                "id": i.handover.id, "person": i.handover.person, "userName": i.name, "deleted": !i.is_here,
                "opened": date_time(i.handover.opened), "openedBy": i.opened_by, "returnedAs": i.returned_as,
            })
        };
        return say(serde_json::to_string_pretty(&all.iter().map(shown).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        return say("Nobody has anything to hand over.");
    }
    let row = |i: &Item| {
        vec![
            i.name.clone(),
            if i.is_here { "deactivated" } else { "deleted" }.to_owned(),
            minute(i.handover.opened),
            i.opened_by.clone().unwrap_or_else(|| "-".to_owned()),
            i.handover.person.clone(),
        ]
    };
    say(table(&["USER NAME", "STATE", "SINCE", "BY", "ID"], &all.iter().map(row).collect::<Vec<_>>()))?;
    if total > MOST {
        remark(format!("These are the last {MOST} of {total}."));
    }
    Ok(())
}
