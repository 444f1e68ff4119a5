//! `inactive status | on | off | preview | exempt | unexempt | confirm`: automatic deactivation.

use std::path::Path;

use anyhow::{Result, anyhow, bail};
use clap::Subcommand;

use super::local::minute;
use super::table::table;
use super::{Opened, remark, say};
use crate::directory::idle::{
    self, Idle, Preview, confirm, days, exempt, exempt_people, preview, preview_json, status_json, switch_off,
    switch_on,
};
use crate::directory::{Caller, Reader};

/// People of one list, at most.
const MOST: u64 = 10_000;

#[derive(Subcommand)]
pub enum Command {
    /// Say how it stands
    #[command(after_help = "Example: scim-appliance --config x.toml inactive status --json")]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Deactivate people without sign-in or contact for so many days; announced a week before
    #[command(after_help = "Example: scim-appliance --config x.toml inactive on --days 90")]
    On {
        /// From 7 to 999
        #[arg(long, value_name = "N")]
        days: String,
    },
    /// Deactivate nobody automatically
    #[command(after_help = "Example: scim-appliance --config x.toml inactive off")]
    Off,
    /// List whom the next run would deactivate, whoever has been silent for the longest time first
    #[command(after_help = "Example: scim-appliance --config x.toml inactive preview --days 180 --json")]
    Preview {
        /// As if it were on for so many days
        #[arg(long, value_name = "N")]
        days: Option<String>,
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Never deactivate a person automatically
    #[command(after_help = "Example: scim-appliance --config x.toml inactive exempt ada@example.com")]
    Exempt {
        /// The userName or id; without one, those who are exempt are listed
        person: Option<String>,
    },
    /// Take a person's exemption back
    #[command(after_help = "Example: scim-appliance --config x.toml inactive unexempt ada@example.com")]
    Unexempt {
        /// The userName or id
        person: String,
    },
    /// Let the run go on that waits because it takes more people than were announced, or very many
    #[command(after_help = "Example: scim-appliance --config x.toml inactive confirm")]
    Confirm,
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = Opened::there(config)?;
    match command {
        Command::Status { json } => status(&opened, json),
        Command::On { days } => on(&opened, &days),
        Command::Off => {
            let off = opened.write(|writer| switch_off(writer, &caller("off")))?;
            say(if off { "Automatic deactivation is off." } else { "Automatic deactivation is off already." })
        }
        Command::Preview { days, json } => list(&opened, days.as_deref(), json),
        Command::Exempt { person: None } => exempted(&opened),
        Command::Exempt { person: Some(person) } => spare(&opened, person, true),
        Command::Unexempt { person } => spare(&opened, person, false),
        Command::Confirm => {
            let seen = looked(&opened, None, 0)?.total;
            if !opened.write(move |writer| confirm(writer, &caller("confirm"), seen))? {
                bail!("nothing waits to be confirmed");
            }
            say(format!("{} will be deactivated within seconds, if the server runs.", people(seen)))
        }
    }
}

fn caller(command: &str) -> Caller {
    Caller::local(&format!("command:inactive {command}"), "")
}

fn people(n: u64) -> String {
    match n {
        0 => "nobody".to_owned(),
        1 => "1 person".to_owned(),
        n => format!("{n} people"),
    }
}

fn number(text: &str) -> Result<i64> {
    days(text).map_err(|why| anyhow!(why))
}

fn looked(opened: &Opened, days: Option<i64>, limit: u64) -> Result<Preview> {
    let site = opened.site.clone();
    opened.ask(move |reader| preview(reader, &site, days, 0, limit))
}

fn status(opened: &Opened, as_json: bool) -> Result<()> {
    let (found, now) = (looked(opened, None, 0)?, opened.read(|reader| Ok(Reader::now(reader)))?);
    if as_json {
        return say(serde_json::to_string_pretty(&status_json(&found, now))?);
    }
    let status = &found.status;
    say(found.sentence(&people(found.total)))?;
    if status.rule.is_none() {
        if let Some(why) = idle::obstacle(status.sso, found.days, now) {
            say(why)?;
        }
        return Ok(());
    }
    if let Some(ran) = status.rule.as_ref().and_then(|rule| rule.ran) {
        say(format!("It ran last on {} UTC.", minute(ran)))?;
    }
    if found.total > 0 {
        say("`inactive preview` shows who that is.")?;
    }
    Ok(())
}

fn on(opened: &Opened, text: &str) -> Result<()> {
    let days = number(text)?;
    let shown = looked(opened, Some(days), 0)?.total;
    let new = opened.write(move |writer| switch_on(writer, &caller("on"), days, shown))?;
    let found = looked(opened, None, 0)?;
    if !new {
        remark(format!("It is on for {days} days already; nothing was changed."));
    }
    say(found.sentence(&people(found.total)))
}

fn list(opened: &Opened, days: Option<&str>, as_json: bool) -> Result<()> {
    let found = looked(opened, days.map(number).transpose()?, MOST)?;
    if as_json {
        return say(serde_json::to_string_pretty(&preview_json(&found))?);
    }
    if found.people.is_empty() {
        return say("Nobody would be deactivated.");
    }
    let row = |one: &Idle| {
        let from = match one.provisioned {
            Some(true) => "identity provider",
            Some(false) => "here",
            None => "-",
        };
        vec![one.listed.name.clone(), minute(one.last), from.to_owned(), one.listed.id.clone()]
    };
    say(table(&["USER NAME", "LAST CONTACT", "FROM", "ID"], &found.people.iter().map(row).collect::<Vec<_>>()))?;
    if found.total > MOST {
        remark(format!("These are {MOST} of {}.", found.total));
    }
    Ok(())
}

fn exempted(opened: &Opened) -> Result<()> {
    let all = opened.read(|reader| exempt_people(reader, 0, MOST))?;
    if all.is_empty() {
        return say("Nobody is exempt.");
    }
    let rows: Vec<_> = all.into_iter().map(|(id, name)| vec![name, id]).collect();
    say(table(&["USER NAME", "ID"], &rows))
}

fn spare(opened: &Opened, person: String, yes: bool) -> Result<()> {
    let (command, who) = (if yes { "exempt" } else { "unexempt" }, person.clone());
    let new = opened.write(move |writer| exempt(writer, &caller(command), &who, yes))?;
    say(match (yes, new) {
        (true, true) => format!("{person} is never deactivated automatically."),
        (true, false) => format!("{person} is exempt already."),
        (false, true) => format!("{person} is exempt no longer."),
        (false, false) => format!("{person} is not exempt; nothing was changed."),
    })
}
