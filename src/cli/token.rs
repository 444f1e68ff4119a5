//! `token create | list | revoke`.

use std::path::Path;

use anyhow::{Result, bail};
use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::table::table;
use super::{Opened, remark, say};
use crate::clock::date_time;
use crate::directory::{Lifetime, NewToken, Scope, create_token, revoke_token};
use crate::secret::Token;
use crate::store::TokenRow;

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;

#[derive(Subcommand)]
pub enum Command {
    /// Make a token; it is printed once, alone on stdout
    #[command(after_help = "Example: TOKEN=$(scim-appliance --config x.toml token create --name okta)")]
    Create {
        /// What to call it
        #[arg(long)]
        name: String,
        /// What it is for: scim, if nothing is said
        #[arg(long, value_enum)]
        scope: Option<GivenScope>,
        /// Bind it to the user with this userName or id: it opens /Me, the user's own record, and nothing else
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
        /// How long it lives
        #[arg(long, value_enum, default_value = "180d")]
        expires: Expires,
    },
    /// List all tokens, without their secrets
    #[command(after_help = "Example: scim-appliance --config x.toml token list --json")]
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token at once and for ever
    #[command(after_help = "Example: scim-appliance --config x.toml token revoke 4nQx81Zk")]
    Revoke {
        /// Its public id: the eight characters after scimapp_
        id: String,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub enum GivenScope {
    /// Provisioning
    Scim,
    /// Looking, not changing
    #[value(name = "scim:read")]
    ScimRead,
    /// The own record of a user
    Me,
    /// Looking at what happened, by /api/v1; not SCIM
    #[value(name = "api:read")]
    ApiRead,
    /// Settling hand-overs by /api/v1; not SCIM
    #[value(name = "api:handover")]
    ApiHandover,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Expires {
    /// 30 days
    #[value(name = "30d")]
    Days30,
    /// 90 days
    #[value(name = "90d")]
    Days90,
    /// 180 days
    #[value(name = "180d")]
    Days180,
    /// 365 days
    #[value(name = "365d")]
    Days365,
    /// Until it is revoked
    None,
}

impl Expires {
    fn lifetime(self) -> Lifetime {
        match self {
            Expires::Days30 => Some(30 * DAY),
            Expires::Days90 => Some(90 * DAY),
            Expires::Days180 => Some(180 * DAY),
            Expires::Days365 => Some(365 * DAY),
            Expires::None => None,
        }
    }
}

pub fn run(config: &Path, command: Command) -> Result<()> {
    let opened = match command {
        Command::Create { .. } => Opened::open(config)?,
        _ => Opened::there(config)?,
    };
    match command {
        Command::Create { name, scope, user, expires } => create(&opened, name, scope, user, expires),
        Command::List { json } => list(&opened, json),
        Command::Revoke { id } => revoke(&opened, id),
    }
}

fn create(
    opened: &Opened,
    name: String,
    scope: Option<GivenScope>,
    user: Option<String>,
    expires: Expires,
) -> Result<()> {
    let name = name.trim().to_owned();
    if name.is_empty() || name.len() > 100 || name.chars().any(char::is_control) {
        bail!("a token's name is 1 to 100 characters of text");
    }
    let scope = match (scope, &user) {
        (Some(GivenScope::Me) | None, Some(_)) => Scope::Me,
        (Some(GivenScope::Me), None) => bail!("a token of scope me is bound to a user: add --user NAME"),
        (Some(_), Some(_)) => bail!("a token that is bound to a user has the scope me; leave --scope out"),
        (Some(GivenScope::Scim) | None, None) => Scope::Scim,
        (Some(GivenScope::ScimRead), None) => Scope::ScimRead,
        (Some(GivenScope::ApiRead), None) => Scope::ApiRead,
        (Some(GivenScope::ApiHandover), None) => Scope::ApiHandover,
    };
    let token = Token::generate()?;
    let new = NewToken { token: token.clone(), name, scope, user, replaces: None, lifetime: expires.lifetime() };
    let most = opened.config.max_live_tokens;
    opened.write(move |writer| create_token(writer, &new, most, "command:token create"))?;
    remark(format!(
        "This is shown once. Its public id is {}; revoke it with `token revoke {}`.",
        token.id(),
        token.id()
    ));
    say(token.reveal())
}

fn list(opened: &Opened, as_json: bool) -> Result<()> {
    let (tokens, now) = opened.read(|reader| Ok((reader.tokens()?, reader.now())))?;
    let time = |at: Option<i64>| at.map(date_time);
    if as_json {
        let all: Vec<_> = tokens
            .iter()
            .map(|t| {
                json!({
                    "id": t.id, "name": t.name, "scope": t.scope, "status": t.status(now).name(),
                    "created": date_time(t.created), "createdBy": t.created_by, "expires": time(t.expires), "revoked": time(t.revoked),
                    "user": t.subject, "lastUsed": time(t.last_used), "lastAddress": t.last_address, "lastClient": t.last_client,
                })
            })
            .collect();
        return say(serde_json::to_string_pretty(&all)?);
    }
    if tokens.is_empty() {
        return say("There is no token yet. `token create --name NAME` makes one.");
    }
    let day = |at: Option<i64>| {
        at.map_or_else(|| "-".to_owned(), |at| date_time(at).chars().take(16).collect::<String>().replace('T', " "))
    };
    let row = |t: &TokenRow| {
        let client = [t.last_address.as_deref().unwrap_or(""), t.last_client.as_deref().unwrap_or("")].join(" ");
        vec![
            t.id.clone(),
            t.name.clone(),
            t.scope.clone(),
            t.status(now).name().to_owned(),
            day(Some(t.created)),
            day(t.expires),
            day(t.last_used),
            client.trim().to_owned(),
        ]
    };
    let head = ["ID", "NAME", "SCOPE", "STATUS", "CREATED", "EXPIRES", "LAST USED", "BY"];
    say(table(&head, &tokens.iter().map(row).collect::<Vec<_>>()))
}

fn revoke(opened: &Opened, id: String) -> Result<()> {
    let asked = id.clone();
    if !opened.write(move |writer| Ok(revoke_token(writer, &asked, "command:token revoke")?))? {
        bail!("there is no live token with the id {id:?}; `token list` shows them");
    }
    say(format!("Token {id} is revoked."))
}
