//! `person create | edit | deactivate | reactivate | delete | overwrites | import | export | list-departed | restore`.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::local::{Kind, act, change, delete, make, minute, operation};
use super::table::table;
use super::{Opened, people_csv, remark, say};
use crate::clock::date_time;
use crate::directory::lifecycle::{Gone, gone, known, people};
use crate::directory::overwrites::{Overwrite, overwrites, overwrites_json};
use crate::directory::restore::restore;
use crate::scim::json::{Json, Object};

/// Records of one list, at most.
const MOST: u64 = 10_000;

#[derive(Subcommand)]
pub enum Command {
    /// Make a person here; the id is printed, alone on stdout
    #[command(
        after_help = "Example: scim-appliance --config x.toml person create ada@example.com --given-name Ada --family-name Lovelace --email ada@example.com"
    )]
    Create {
        /// The userName
        user_name: String,
        #[command(flatten)]
        words: Words,
    },
    /// Change a person; an identity provider sees it at its next import
    #[command(
        after_help = "Example: scim-appliance --config x.toml person edit ada@example.com --set title=Countess --unset nickName"
    )]
    Edit {
        /// The userName or id
        person: String,
        /// Another userName
        #[arg(long, value_name = "NAME")]
        user_name: Option<String>,
        #[command(flatten)]
        words: Words,
        /// Set an attribute by its path as PATCH has it; text, or JSON
        #[arg(long, value_name = "PATH=VALUE")]
        set: Vec<String>,
        /// Take an attribute away
        #[arg(long, value_name = "PATH")]
        unset: Vec<String>,
    },
    /// Deactivate a person: id, memberships and everything else stay; a hand-over is opened
    #[command(after_help = "Example: scim-appliance --config x.toml person deactivate ada@example.com")]
    Deactivate {
        /// The userName or id
        person: String,
    },
    /// Let a deactivated person in again, under the same id
    #[command(after_help = "Example: scim-appliance --config x.toml person reactivate ada@example.com")]
    Reactivate {
        /// The userName or id
        person: String,
    },
    /// Delete a person; the record is kept inside for retention.departed_days
    #[command(after_help = "Example: scim-appliance --config x.toml person delete ada@example.com")]
    Delete {
        /// The userName or id
        person: String,
    },
    /// Show what was changed here and what the pushes of an identity provider will do to it
    #[command(after_help = "Example: scim-appliance --config x.toml person overwrites ada@example.com --json")]
    Overwrites {
        /// The userName or id
        person: String,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Make and change people from a CSV file, all of it or nothing
    #[command(
        after_help = "Examples:\n  scim-appliance --config x.toml person import people.csv --dry-run\n  scim-appliance --config x.toml person import people.csv\n\nThe first line names the columns: userName, active, name.givenName, email, department, groups …\nAn empty cell leaves a value alone, [clear] takes it away. People who are not in the file stay as they are."
    )]
    Import {
        /// The file, or - for stdin
        file: PathBuf,
        /// Show what would change, and change nothing
        #[arg(long)]
        dry_run: bool,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Write everybody into a CSV file, with no cell that a spreadsheet takes for a formula
    #[command(
        after_help = "Examples:\n  scim-appliance --config x.toml person export people.csv --bom\n  scim-appliance --config x.toml person export people.csv --force\n  scim-appliance --config x.toml person export | head"
    )]
    Export {
        /// The file to make, readable for its owner only; stdout without it, or with -
        file: Option<PathBuf>,
        /// Replace a file that is there
        #[arg(long, requires = "file")]
        force: bool,
        /// Begin with a byte order mark, which Excel needs to see that it is UTF-8
        #[arg(long)]
        bom: bool,
    },
    /// List deleted people whose records are still kept, the last one first
    #[command(after_help = "Example: scim-appliance --config x.toml person list-departed --json")]
    ListDeparted {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Bring a deleted person back, with the id and the memberships of then
    #[command(
        after_help = "Example: scim-appliance --config x.toml person restore 0199d1c2-8f3e-7a60-9f51-0d3f6c1c2b7e"
    )]
    Restore {
        /// The id, as `person list-departed` shows it
        id: String,
    },
}

/// What is said of a person most often.
#[derive(Args)]
pub struct Words {
    /// The given name
    #[arg(long, value_name = "NAME")]
    given_name: Option<String>,
    /// The family name
    #[arg(long, value_name = "NAME")]
    family_name: Option<String>,
    /// What people call him or her
    #[arg(long, value_name = "NAME")]
    display_name: Option<String>,
    /// The e-mail address at work
    #[arg(long, value_name = "ADDRESS")]
    email: Option<String>,
    /// The id that the identity provider has
    #[arg(long, value_name = "ID")]
    external_id: Option<String>,
}

impl Words {
    /// Paths of PATCH, and their values.
    fn said(&self) -> Vec<(&'static str, &str)> {
        let all = [
            ("name.givenName", &self.given_name),
            ("name.familyName", &self.family_name),
            ("displayName", &self.display_name),
            ("emails[type eq \"work\"].value", &self.email),
            ("externalId", &self.external_id),
        ];
        all.into_iter().filter_map(|(path, value)| Some((path, value.as_deref()?))).collect()
    }

    /// The same as a document.
    fn document(&self, user_name: &str) -> Object {
        let (mut document, mut name) = (Object::new(), Object::new());
        document.push("userName", user_name);
        for (path, value) in self.said() {
            match path.split_once('.') {
                Some(("name", part)) => name.push(part, value),
                Some(_) => {
                    let mut email = Object::new();
                    email.push("value", value);
                    email.push("type", "work");
                    email.push("primary", true);
                    document.push("emails", Json::Array(vec![email.into()]));
                }
                None => document.push(path, value),
            }
        }
        if !name.is_empty() {
            document.push("name", name);
        }
        document
    }
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = match command {
        Command::Import { .. } => Opened::bounded(config)?,
        Command::Create { .. } => Opened::open(config)?,
        _ => Opened::there(config)?,
    };
    match command {
        Command::Create { user_name, words } => {
            let id = make(&opened, "person create", Kind::Person, words.document(&user_name))?;
            remark(format!("{user_name} is in the directory."));
            say(id)
        }
        Command::Edit { person, user_name, words, set, unset } => {
            edit(&opened, person, user_name.as_deref(), &words, &set, &unset)
        }
        Command::Import { file, dry_run, json } => people_csv::import(&opened, &file, dry_run, json),
        Command::Export { file, bom, force } => people_csv::export(&opened, config, file.as_deref(), (bom, force)),
        Command::Deactivate { person } => switch(&opened, person, false),
        Command::Reactivate { person } => switch(&opened, person, true),
        Command::Delete { person } => {
            let row = delete(&opened, "person delete", Kind::Person, person.clone())?;
            say(format!("{person} is deleted. The record is kept as {}; `person restore` brings it back.", row.id))
        }
        Command::Overwrites { person, json } => edited(&opened, person, json),
        Command::ListDeparted { json } => list(&opened, json),
        Command::Restore { id } => {
            let name = act(&opened, "person restore", Kind::Person, move |writer, ask| {
                restore(writer, ask.caller, ask.of, &id)
            })?;
            say(format!("{name} is back, with the id and the memberships of before."))
        }
    }
}

fn edit(
    opened: &Opened,
    person: String,
    user_name: Option<&str>,
    words: &Words,
    set: &[String],
    unset: &[String],
) -> Result<()> {
    let said = user_name.map(|name| ("userName", name)).into_iter().chain(words.said());
    let mut operations: Vec<Json> = said.map(|(path, value)| operation("replace", path, Some(value.into()))).collect();
    for pair in set {
        let Some((path, value)) = pair.split_once('=') else {
            bail!("--set {pair} has no =; it is --set PATH=VALUE");
        };
        let tree = value.starts_with(['[', '{']).then(|| Json::parse(value.as_bytes()));
        let value = match tree {
            Some(Ok(tree)) => tree,
            Some(Err(fault)) => bail!("the value of {path} is no JSON: {fault}"),
            None => value.into(),
        };
        operations.push(operation("replace", path, Some(value)));
    }
    operations.extend(unset.iter().map(|path| operation("remove", path, None)));
    if operations.is_empty() {
        bail!("there is nothing to change; `person edit --help` shows what can be");
    }
    let (_, changed) = change(opened, "person edit", Kind::Person, person.clone(), move |_| Ok(operations))?;
    match changed {
        true => say(format!("{person} is changed.")),
        false => say(format!("{person} was so already; nothing was changed.")),
    }
}

fn switch(opened: &Opened, person: String, active: bool) -> Result<()> {
    let command = if active { "person reactivate" } else { "person deactivate" };
    let operations = vec![operation("replace", "active", Some(active.into()))];
    let (_, changed) = change(opened, command, Kind::Person, person.clone(), move |_| Ok(operations))?;
    say(match (changed, active) {
        (true, true) => format!("{person} is active again."),
        (true, false) => format!("{person} is deactivated. `handover list` shows what is to be handed over."),
        (false, true) => format!("{person} is active already; nothing was changed."),
        (false, false) => format!("{person} is deactivated already; nothing was changed."),
    })
}

fn edited(opened: &Opened, person: String, as_json: bool) -> Result<()> {
    let site = opened.site.clone();
    let (id, all) = opened.ask(move |reader| {
        let id = known(reader, &*people(reader)?, &person)?.id;
        let all = overwrites(reader, &site, &id)?.unwrap_or_default();
        Ok((id, all))
    })?;
    if as_json {
        return say(serde_json::to_string_pretty(&overwrites_json(&id, &all))?);
    }
    if all.is_empty() {
        return say("Nothing of what an identity provider writes was changed here.");
    }
    let text = |value: &Option<Json>| value.as_ref().map_or_else(|| "-".to_owned(), Json::text);
    let row = |o: &Overwrite| {
        vec![o.label.clone(), text(&o.here), text(&o.provider), minute(o.at), o.actor.clone(), o.sentence().to_owned()]
    };
    let rows: Vec<_> = all.iter().map(row).collect();
    say(table(&["ATTRIBUTE", "HERE", "SENT LAST", "CHANGED", "BY", "WHAT WILL HAPPEN"], &rows))
}

fn list(opened: &Opened, as_json: bool) -> Result<()> {
    let (all, total) = opened.ask(|reader| Ok(gone(reader, &*people(reader)?, 0, MOST, 0)?))?;
    if as_json {
        let shown = |g: &Gone| {
            json!({
                "id": g.listed.id, "userName": g.listed.name, "nameBefore": g.listed.was, "displayName": g.listed.label,
                "deleted": date_time(g.at), "by": g.by, "returnedAs": g.later,
            })
        };
        return say(serde_json::to_string_pretty(&all.iter().map(shown).collect::<Vec<_>>())?);
    }
    if all.is_empty() {
        return say("Nobody who was deleted is kept.");
    }
    let row = |g: &Gone| {
        vec![
            g.listed.id.clone(),
            g.listed.was.clone().unwrap_or_else(|| g.listed.name.clone()),
            minute(g.at),
            g.by.clone().unwrap_or_else(|| "-".to_owned()),
            g.later.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    };
    say(table(&["ID", "USER NAME", "DELETED", "BY", "RETURNED AS"], &all.iter().map(row).collect::<Vec<_>>()))?;
    if total > MOST {
        remark(format!("These are the last {MOST} of {total}."));
    }
    Ok(())
}
