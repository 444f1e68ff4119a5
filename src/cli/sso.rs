//! `sso`: how single sign-on stands, whether its configuration would work, and the way out of a wrong one. It is set up on
//! the settings page.

use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use clap::Subcommand;
use serde_json::{Value, json};

use super::local::minute;
use super::{Opened, outbound, pages_doubt, pages_url, remark, say};
use crate::clock::date_time;
use crate::directory::sso::{CALLBACK, Settings, State, open_secret, sign_out, state, switch_off};
use crate::sso::{Provider, Sso};
use crate::store::key_of;

#[derive(Subcommand)]
pub enum Command {
    /// Say how it stands
    #[command(after_help = "Example: scim-appliance --config x.toml sso status --json")]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Ask the identity provider for its metadata and keys, as a sign-in would
    #[command(after_help = "Example: scim-appliance --config x.toml sso test-config")]
    TestConfig,
    /// Sign one person out who has signed in by it, everywhere, as after the loss of a computer
    #[command(after_help = "Example: scim-appliance --config x.toml sso sign-out ada@example.com")]
    SignOut {
        /// The userName or the id
        person: String,
    },
    /// Switch it off, and sign out everybody who has signed in by it; administrators sign in with their passwords
    #[command(after_help = "Example: scim-appliance --config x.toml sso off")]
    Off,
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = Opened::there(config)?;
    match command {
        Command::Status { json } => status(&opened, json),
        Command::TestConfig => test_config(&opened),
        Command::SignOut { person } => {
            let (row, count) = opened.write({
                let person = person.clone();
                move |writer| sign_out(writer, "command:sso sign-out", &person)
            })?;
            say(match count {
                0 => format!("{person} ({}) is signed in nowhere.", row.id),
                n => format!(
                    "{person} ({}) is signed out: {}. Whoever is still signed in at the identity provider gets in again; deactivate the person to prevent that.",
                    row.id,
                    if n == 1 { "1 session ended".to_owned() } else { format!("{n} sessions ended") }
                ),
            })
        }
        Command::Off => {
            let off = opened.write(|writer| Ok(switch_off(writer, "command:sso off")?))?;
            say(if off {
                "Single sign-on is off, and everybody who had signed in by it is signed out."
            } else {
                "Single sign-on is off already."
            })
        }
    }
}

/// The client secret as it was typed, if there is one.
///
/// Errors: why it cannot be read, and what to do.
fn secret(opened: &Opened, settings: &Settings) -> Result<Option<String>> {
    const AGAIN: &str = "enter the client secret again on the settings page";
    if settings.secret.is_none() {
        return Ok(None);
    }
    let key = key_of(&opened.config.store.path);
    let key = key.map_err(|why| anyhow!("{why}; put back the key file that belongs to the database, or {AGAIN}"))?;
    let secret = open_secret(&key, settings);
    Ok(Some(secret.with_context(|| {
        format!("the client secret was sealed with another key file or for another provider: {AGAIN}")
    })?))
}

fn status(opened: &Opened, as_json: bool) -> Result<()> {
    let found: State = opened.read(state)?;
    if let Some(doubt) = pages_doubt(&opened.config) {
        remark(format!("warning: {doubt}"));
    }
    if as_json {
        let settings = found.settings.as_ref().map(|s| {
            json!({
                "provider": s.kind.name(),
                "issuer": s.issuer,
                "clientId": s.client_id,
                "clientSecret": match (&s.secret, secret(opened, s).is_ok()) {
                    (None, _) => "none",
                    (_, true) => "set",
                    (_, false) => "enter again",
                },
                "scopes": s.scopes,
                "match": s.rules.iter().map(|r| json!({"claim": r.claim, "attribute": r.attribute.path()})).collect::<Vec<Value>>(),
                "allowEmail": s.allow_email,
                "breakGlass": s.break_glass,
                "tested": s.tested.as_ref().map(|t| json!({"at": date_time(t.at), "by": t.by, "good": t.good, "result": t.result})),
            })
        });
        let all = json!({
            "state": found.name(),
            "since": found.on_since().map(date_time),
            "redirectUri": format!("{}{CALLBACK}", pages_url(&opened.config)),
            "settings": settings,
        });
        return say(serde_json::to_string_pretty(&all)?);
    }
    match found.on_since() {
        Some(since) => say(format!("Single sign-on is on since {} UTC.", minute(since)))?,
        None => say(match found.name() {
            "tested" => "Single sign-on is off. It is set up and tested; switch it on on the settings page.".to_owned(),
            other => format!("Single sign-on is off: it is {other}. Set it up on the settings page."),
        })?,
    }
    let Some(settings) = &found.settings else { return Ok(()) };
    say(format!(
        "Provider: {}, {} with the client id {}.",
        settings.kind.words(),
        settings.issuer,
        settings.client_id
    ))?;
    if let Some(tested) = &settings.tested {
        say(format!("Tested on {} UTC: {}", minute(tested.at), tested.result))?;
    }
    match secret(opened, settings) {
        Ok(_) => Ok(()),
        Err(why) => say(format!("Nobody can sign in by it: {why:#}.")),
    }
}

fn test_config(opened: &Opened) -> Result<()> {
    let found: State = opened.read(state)?;
    let Some(settings) = &found.settings else {
        bail!("single sign-on is {}; the settings page sets it up", found.name())
    };
    let client_secret = secret(opened, settings)?;
    let provider = Provider {
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        client_secret,
        scopes: settings.scopes.clone(),
        redirect: format!("{}{CALLBACK}", pages_url(&opened.config)),
    };
    let sso = Sso::new(outbound(&opened.config)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("no runtime")?;
    let look = runtime.block_on(sso.look(&provider))?;
    say(format!(
        "The identity provider answers as {} with {} usable keys ({}).",
        look.issuer,
        look.keys,
        look.algorithms.join(", ")
    ))?;
    say(format!("People sign in at {}.", look.authorization_endpoint))?;
    say(match &look.end_session_endpoint {
        Some(url) => format!("They sign out at {url}."),
        None => "It has no place to sign out at: people are signed out here alone.".to_owned(),
    })?;
    say("Client id and secret are tested by a sign-in: Test sign-in on the settings page.")
}
