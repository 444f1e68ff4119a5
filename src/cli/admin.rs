//! `admin create | reset | list | remove`: administrators of the settings page.

use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Args, Subcommand};
use serde_json::json;

use super::table::table;
use super::{Opened, remark, say};
use crate::clock::date_time;
use crate::directory::admins::{admin_name, create_admin, find_admin, remove_admin, reset_admin};
use crate::directory::{AdminRow, Refusal};
use crate::secret::password::{self, weakness};

#[derive(Subcommand)]
pub enum Command {
    /// Make an administrator of the settings page
    #[command(after_help = "Example: scim-appliance --config x.toml admin create grace")]
    Create(Named),
    /// Give an administrator another password and take the second factor away: for whoever has lost either
    #[command(after_help = "Example: scim-appliance --config x.toml admin reset grace")]
    Reset(Named),
    /// List all administrators
    #[command(after_help = "Example: scim-appliance --config x.toml admin list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Remove an administrator, signed out at once; never the last one
    #[command(after_help = "Example: scim-appliance --config x.toml admin remove grace")]
    Remove {
        /// The name
        name: String,
    },
}

#[derive(Args)]
pub struct Named {
    /// The name to sign in with
    name: String,
    /// Read the password from the first line of stdin instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    match command {
        Command::Create(named) => create(config, &named),
        Command::Reset(named) => reset(config, &named),
        Command::List { json } => list(&Opened::there(config)?, json),
        Command::Remove { name } => remove(&Opened::there(config)?, &name),
    }
}

fn create(config: &Path, named: &Named) -> Result<()> {
    let name = admin_name(&named.name).map_err(|why| anyhow!("the name cannot be used: {why}"))?;
    let opened = Opened::open(config)?;
    if found(&opened, &name)?.is_some() {
        bail!("there is an administrator called {name} already; `admin reset` gives another password");
    }
    let hash = password::hash(&given(named, &name)?)?;
    let asked = name.clone();
    opened.write(move |writer| create_admin(writer, &asked, &hash, "command:admin create"))?;
    say(format!("{name} can sign in to the settings page."))
}

fn reset(config: &Path, named: &Named) -> Result<()> {
    let opened = Opened::there(config)?;
    let admin = known(&opened, &named.name)?;
    let name = admin.name.clone();
    let hash = password::hash(&given(named, &name)?)?;
    opened.write(move |writer| Ok(reset_admin(writer, &admin, &hash, "command:admin reset")?))?;
    say(format!("{name} has another password and no second factor, and is signed out everywhere."))
}

fn list(opened: &Opened, as_json: bool) -> Result<()> {
    let admins = opened.read(|reader| reader.admins())?;
    if as_json {
        let all: Vec<_> = admins
            .iter()
            .map(|a| {
                json!({
                    "name": a.name, "secondFactor": a.totp.is_some(), "recoveryCodes": a.recovery_left,
                    "created": date_time(a.created), "createdBy": a.created_by, "lastSignIn": a.last_sign_in.map(date_time),
                })
            })
            .collect();
        return say(serde_json::to_string_pretty(&all)?);
    }
    if admins.is_empty() {
        return say("There is no administrator yet. `admin create NAME` makes one.");
    }
    let minute = |at: i64| date_time(at).chars().take(16).collect::<String>().replace('T', " ");
    let row = |a: &AdminRow| {
        vec![
            a.name.clone(),
            if a.totp.is_some() { "yes" } else { "no" }.to_owned(),
            minute(a.created),
            a.last_sign_in.map_or_else(|| "-".to_owned(), minute),
        ]
    };
    say(table(&["NAME", "SECOND FACTOR", "CREATED", "LAST SIGN-IN"], &admins.iter().map(row).collect::<Vec<_>>()))
}

fn remove(opened: &Opened, name: &str) -> Result<()> {
    let admin = known(opened, name)?;
    let id = admin.id;
    let gone = opened.write(move |writer| match remove_admin(writer, id, "command:admin remove") {
        Err(Refusal::Denied(_)) => Err(Refusal::Denied(
            "this is the last administrator; make another one first, or nobody can open the settings page".to_owned(),
        )),
        other => other,
    })?;
    match gone {
        Some(admin) => say(format!("{} is no administrator any longer.", admin.name)),
        None => bail!("{name} was removed by somebody else in the meantime"),
    }
}

fn found(opened: &Opened, name: &str) -> Result<Option<AdminRow>> {
    let name = name.to_owned();
    opened.read(move |reader| find_admin(reader, &name))
}

fn known(opened: &Opened, name: &str) -> Result<AdminRow> {
    found(opened, name)?.ok_or_else(|| anyhow!("there is no administrator called {name:?}; `admin list` shows them"))
}

/// The password, from stdin or from whoever sits at the terminal, if it is a good one.
fn given(named: &Named, name: &str) -> Result<String> {
    let given = if named.password_stdin {
        let mut text = String::new();
        std::io::stdin().take(10_000).read_to_string(&mut text).context("stdin cannot be read")?;
        text.lines().next().unwrap_or_default().to_owned()
    } else {
        remark("12 to 128 characters; a long sentence is best.");
        let ask = |prompt: &str| {
            rpassword::prompt_password(prompt).map_err(|_| {
                anyhow!("there is no terminal to ask for the password; --password-stdin reads it from stdin")
            })
        };
        let first = ask(&format!("Password for {name}: "))?;
        if ask("Once more: ")? != first {
            bail!("the two are different; nothing was changed");
        }
        first
    };
    match weakness(&given, name) {
        Some(weak) => bail!("the password cannot be used: {}", weak.sentence()),
        None => Ok(given),
    }
}
