//! `provisioning`: whether an identity provider may provision.

use std::path::Path;

use anyhow::Result;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::table::table;
use super::{Opened, say};
use crate::clock::date_time;
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
}

pub fn run(config: &Path, arguments: &Arguments) -> Result<()> {
    let opened = Opened::open(config)?;
    let state = match arguments.action {
        Action::Status => None,
        Action::On => Some(Provisioning::On),
        Action::Off => Some(Provisioning::Off),
        Action::Pause => Some(Provisioning::Paused),
        Action::ReadOnly => Some(Provisioning::ReadOnly),
    };
    if let Some(state) = state {
        let acknowledge = arguments.acknowledge_no_sso;
        opened.write(move |writer| provisioning::switch(writer, state, acknowledge, "command:provisioning"))?;
    }
    let (status, rules) = opened.read(|reader| Ok((provisioning::status(reader)?, reader.dialect_counts()?)))?;
    if arguments.json {
        let acknowledged =
            status.acknowledged_no_sso.as_deref().and_then(|a| a.rsplit_once(' ')).and_then(|(_, at)| at.parse().ok());
        let status = json!({
            "state": status.state.name(),
            "singleSignOn": "not set up",
            "acknowledgedNoSso": acknowledged.map(date_time),
            "dialectRules": rules.iter().map(|(rule, n, _)| (rule.clone(), json!(n))).collect::<serde_json::Map<_, _>>(),
        });
        return say(status.to_string());
    }
    say(format!("Provisioning is {}.", status.state.name()))?;
    if arguments.action != Action::Status || rules.is_empty() {
        return Ok(());
    }
    say("What clients wrote otherwise than the RFC, and was understood:")?;
    let rows: Vec<_> =
        rules.iter().map(|(rule, n, last)| vec![rule.clone(), n.to_string(), date_time(*last)]).collect();
    say(table(&["RULE", "TIMES", "LAST"], &rows))
}
