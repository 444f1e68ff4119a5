//! `provisioning`: whether an identity provider may provision.

use std::path::Path;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use serde_json::json;

use super::local::minute;
use super::table::table;
use super::{Opened, precondition, say};
use crate::clock::date_time;
use crate::directory::Caller;
use crate::directory::guard::{guard, release_guard};
use crate::directory::provisioning::{self, Provisioning};

#[derive(Args)]
pub struct Arguments {
    /// What to do
    #[arg(value_enum, default_value = "status")]
    action: Action,
    /// Switch it on although single sign-on is not set up
    #[arg(long)]
    acknowledge_no_sso: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Say how it stands
    Status,
    /// Let the identity provider provision
    On,
    /// Refuse everything with 403
    Off,
    /// Answer 503, so that the identity provider comes again
    Pause,
    /// Let it look, and refuse changes with 403
    ReadOnly,
    /// End the guard that holds after very many people left within minutes: an administrator has looked
    Release,
}

pub fn run(config: &Path, arguments: &Arguments) -> Result<()> {
    // Switching it on is what one may begin with; the rest looks at what is there, or takes away.
    let opened = match arguments.action {
        Action::On | Action::ReadOnly => Opened::open(config)?,
        _ => Opened::there(config)?,
    };
    let state = match arguments.action {
        Action::Status | Action::Release => None,
        Action::On => Some(Provisioning::On),
        Action::Off => Some(Provisioning::Off),
        Action::Pause => Some(Provisioning::Paused),
        Action::ReadOnly => Some(Provisioning::ReadOnly),
    };
    if let Some(state) = state {
        let (acknowledge, precondition) = (arguments.acknowledge_no_sso, precondition(&opened.config));
        opened.write(move |writer| {
            provisioning::switch(writer, state, acknowledge, precondition, "command:provisioning")
        })?;
    }
    if arguments.action == Action::Release {
        return release(&opened);
    }
    let (status, rules) = opened.read(|reader| Ok((provisioning::status(reader)?, reader.dialect_counts()?)))?;
    let guard = opened.read(guard)?;
    let acknowledged = status.acknowledged();
    let unmet = provisioning::unmet(
        status.state,
        &status.sso,
        status.acknowledged_no_sso.is_some(),
        precondition(&opened.config),
    );
    if arguments.json {
        let status = json!({
            "state": status.state.name(),
            "singleSignOn": status.sso.name(),
            "guard": guard.map(|g| json!({"since": date_time(g.since), "left": g.count})),
            "warning": unmet,
            "acknowledgedNoSso": acknowledged.as_ref().map(|(_, at)| date_time(*at)),
            "acknowledgedBy": acknowledged.as_ref().map(|(who, _)| who),
            "dialectRules": rules.iter().map(|(rule, n, _)| (rule.clone(), json!(n))).collect::<serde_json::Map<_, _>>(),
        });
        return say(status.to_string());
    }
    say(format!("Provisioning is {}.", status.state.name()))?;
    if let Some(unmet) = unmet {
        say(format!("WARNING: {unmet} Set it up and test it on the settings page, or `provisioning off`."))?;
    }
    say(format!("Single sign-on is {}.", status.sso.name()))?;
    if let Some((who, at)) = acknowledged {
        say(format!("{who} said on {} UTC that it is to go without.", minute(at)))?;
    }
    if let Some(guard) = guard {
        say(format!(
            "GUARD: {} people were deactivated or deleted since {}. Nobody is purged until `provisioning release`.",
            guard.count,
            minute(guard.since)
        ))?;
    }
    if arguments.action != Action::Status || rules.is_empty() {
        return Ok(());
    }
    say("What clients wrote otherwise than the RFC, and was understood:")?;
    let rows: Vec<_> =
        rules.iter().map(|(rule, n, last)| vec![rule.clone(), n.to_string(), date_time(*last)]).collect();
    say(table(&["RULE", "TIMES", "LAST"], &rows))
}

fn release(opened: &Opened) -> Result<()> {
    match opened.write(|writer| release_guard(writer, &Caller::local("command:provisioning release", ""), None))? {
        Some(guard) => say(format!(
            "The guard is released: {} people have left since {}, and the retention time counts for them.",
            guard.count,
            minute(guard.since)
        )),
        None => bail!("there is no guard to release"),
    }
}
