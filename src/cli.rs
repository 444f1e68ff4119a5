//! The command line: one file for each command. What people read goes to stdout, complaints to stderr.

mod admin;
mod backup;
mod check_config;
mod daily;
mod first_run;
mod group;
mod handover;
mod inactive;
mod local;
mod people_csv;
mod person;
mod provisioning;
mod role;
mod serve;
mod sso;
mod table;
mod token;

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail};
use clap::{Parser, Subcommand};

use crate::clock::Clock;
use crate::config::{self, BadConfig, Config, EXAMPLE, Listener};
use crate::directory::provisioning::Precondition;
use crate::directory::roles;
use crate::directory::{Pending, Reader, Refusal, Site, Store, StoreError, Weight, Writer};
use crate::http::BASE;
use crate::outbound::{Outbound, Policy, Proxy};
use crate::scim::catalog::Catalog;
use crate::scim::declare::Declarations;
use crate::scim::dialect::{RULES, RuleSet};
use crate::store::{Options, Threads, Threshold};

/// A SCIM 2.0 directory in one binary and one SQLite file.
#[derive(Parser)]
#[command(
    name = "scim-appliance",
    version,
    after_help = "Example:\n  scim-appliance example-config > x.toml\n  scim-appliance --config x.toml"
)]
struct Arguments {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", default_value = "config.toml")]
    config: PathBuf,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve SCIM (what happens without a command)
    #[command(after_help = "Example: scim-appliance --config x.toml serve")]
    Serve,
    /// Say whether the configuration can be used, without serving
    #[command(after_help = "Example: scim-appliance --config x.toml check-config")]
    CheckConfig,
    /// Print a commented configuration to start from
    #[command(after_help = "Example: scim-appliance example-config > x.toml")]
    ExampleConfig,
    /// Make, list and revoke bearer tokens
    Token {
        #[command(subcommand)]
        command: token::Command,
    },
    /// Make, reset, list and remove administrators of the settings page
    Admin {
        #[command(subcommand)]
        command: admin::Command,
    },
    /// Make, change, deactivate and delete people here, and bring deleted ones back
    Person {
        #[command(subcommand)]
        command: person::Command,
    },
    /// Make, change and archive groups here, and bring archived ones back
    Group {
        #[command(subcommand)]
        command: group::Command,
    },
    /// Settle what people who left have to hand over
    Handover {
        #[command(subcommand)]
        command: handover::Command,
    },
    /// Deactivate people without sign-in or contact for a number of days; off at first
    Inactive {
        #[command(subcommand)]
        command: inactive::Command,
    },
    /// Switch provisioning on and off
    #[command(after_help = "Example: scim-appliance --config x.toml provisioning on --acknowledge-no-sso")]
    Provisioning(provisioning::Arguments),
    /// Look at single sign-on, test its configuration, and switch it off
    Sso {
        #[command(subcommand)]
        command: sso::Command,
    },
    /// Roles: list them, make rules for groups, give one to a person, ask why
    Role {
        #[command(subcommand)]
        command: role::Command,
    },
    /// Copy the database into a file, while the server runs or not
    #[command(after_help = "Example: scim-appliance --config x.toml backup /var/backups/scim.db")]
    Backup {
        /// The file to make
        file: PathBuf,
        /// Copy the key file as well, to FILE.key
        #[arg(long)]
        with_key: bool,
    },
    /// Put a backup in the place of the database; the server must not run
    #[command(after_help = "Example: scim-appliance --config x.toml restore /var/backups/scim.db")]
    Restore {
        /// The backup
        file: PathBuf,
        /// Take the key file too, from FILE.key
        #[arg(long)]
        with_key: bool,
    },
}

/// Runs the command that the process was started with.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        None | Some(Command::Serve) => serve::run(&arguments.config),
        Some(Command::CheckConfig) => check_config::run(&arguments.config),
        Some(Command::ExampleConfig) => say(EXAMPLE.trim_end()),
        Some(Command::Token { command }) => token::run(&arguments.config, command),
        Some(Command::Admin { command }) => admin::run(&arguments.config, command),
        Some(Command::Person { command }) => person::run(&arguments.config, command),
        Some(Command::Group { command }) => group::run(&arguments.config, command),
        Some(Command::Handover { command }) => handover::run(&arguments.config, command),
        Some(Command::Inactive { command }) => inactive::run(&arguments.config, command),
        Some(Command::Provisioning(command)) => provisioning::run(&arguments.config, &command),
        Some(Command::Sso { command }) => sso::run(&arguments.config, command),
        Some(Command::Role { command }) => role::run(&arguments.config, command),
        Some(Command::Backup { file, with_key }) => backup::backup(&arguments.config, &file, with_key),
        Some(Command::Restore { file, with_key }) => backup::restore(&arguments.config, &file, with_key),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes a line for people or scripts.
fn say(text: impl AsRef<str>) -> Result<()> {
    writeln!(std::io::stdout(), "{}", text.as_ref()).context("stdout cannot be written to")
}

/// Writes a line beside what a script reads.
fn remark(text: impl AsRef<str>) {
    let _ = writeln!(std::io::stderr(), "{}", text.as_ref());
}

/// Reads the configuration, with what only the rest of the program knows to be right.
fn read_config(file: &std::path::Path) -> Result<Checked> {
    let config = Config::read(file)?;
    let rules = rules(&config)?;
    let catalog = catalog(&config)?;
    let written: roles::Written = config.declared.read()?;
    let roles = roles::Catalogue::of(&written, &catalog);
    let roles = Arc::new(roles.map_err(|e| config.declared.place(&e.at).complain(e.why))?);
    Ok(Checked { config, rules, roles, catalog })
}

/// A configuration, and what was made of its parts.
struct Checked {
    config: Config,
    rules: RuleSet,
    roles: Arc<roles::Catalogue>,
    catalog: Arc<Catalog>,
}

/// What the binary defines and what the configuration declares.
fn catalog(config: &Config) -> Result<Arc<Catalog>> {
    let declared: Declarations = config.declared.read()?;
    let catalog = Catalog::built_in()?.with(&declared);
    Ok(Arc::new(catalog.map_err(|e| config.declared.place(&e.at).complain(e.why))?))
}

fn rules(config: &Config) -> Result<RuleSet, BadConfig> {
    let mut rules = if config.scim.strict { RuleSet::default() } else { RuleSet::all() };
    for (name, place) in &config.scim.disabled_dialect_rules {
        match RULES.iter().find(|(n, _)| n == name) {
            Some((_, rule)) => rules = rules.without(*rule),
            None => {
                let known = RULES.map(|(n, _)| n).join(", ");
                return Err(place.complain(format!("there is no dialect rule {name:?}; there are {known}")));
            }
        }
    }
    Ok(rules)
}

fn options(config: &Config) -> Options {
    Options {
        readers: config.store.readers,
        max_bytes: config.store.max_bytes,
        allow_network: config.store.allow_network_filesystem,
        queue: config.limits.queue,
        departed_days: config.lifecycle.departed_days,
        threshold: threshold(config),
        ..Options::at(&config.store.path)
    }
}

fn threshold(config: &Config) -> Threshold {
    let guard = config.lifecycle.guard;
    Threshold {
        percent: guard.percent,
        at_least: guard.at_least,
        count: guard.count,
        window: guard.minutes.saturating_mul(60 * 1_000_000),
    }
}

fn precondition(config: &Config) -> Precondition {
    match config.sso.precondition {
        config::Precondition::Required => Precondition::Required,
        config::Precondition::Acknowledge => Precondition::Acknowledge,
    }
}

/// Where browsers reach the pages.
fn pages_url(config: &Config) -> String {
    match (&config.sso.url, config.listen.settings) {
        (Some(url), _) => url.clone(),
        // The address that stands there when nobody has said any is that of the other listener.
        (None, Some(pages)) if config.public_url == url(config.listen.main) => near(pages),
        (None, _) => config.public_url.clone(),
    }
}

/// Why people may be sent back to a place where the pages are not, if they may.
fn pages_doubt(config: &Config) -> Option<String> {
    let apart =
        config.listen.settings.is_some() && config.sso.url.is_none() && config.public_url != url(config.listen.main);
    apart.then(|| {
        format!(
            "The pages have a listener of their own ([listen.settings]), and single sign-on would bring people back to {}, where SCIM is. Say under [sso] url where browsers reach the pages.",
            config.public_url
        )
    })
}

fn url(of: Listener) -> String {
    format!("{}://{}", of.scheme(), of.address)
}

/// The same for a browser on this machine: an address that stands for all of them is none that one can go to.
fn near(mut of: Listener) -> String {
    match of.address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => of.address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => of.address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    url(of)
}

/// The way out that the configuration allows.
///
/// Errors: the certificate authorities cannot be used.
fn outbound(config: &Config) -> Result<Outbound> {
    let config::Outbound { allow, ca_file, ca_place, allow_http, proxy } = config.outbound.clone();
    let proxy = proxy.map(|(host, port)| Proxy { host, port });
    let made = Outbound::new(Policy { allow, ca_file, allow_http, proxy });
    made.map_err(|why| ca_place.map_or_else(|| anyhow!("{why}"), |place| place.complain(why.to_string()).into()))
}

fn site(config: &Config, rules: RuleSet, roles: Arc<roles::Catalogue>) -> Site {
    Site {
        base: format!("{}{BASE}", config.public_url),
        page_size: config.scim.page_size,
        max_page_size: config.scim.max_page_size,
        put_merges: config.scim.put_merges,
        max_payload: config.limits.body_bytes,
        max_operations: config.limits.bulk_operations,
        cursor_timeout: config.scim.cursor_timeout,
        rules,
        roles,
    }
}

/// Errors: there is no database.
fn is_there(config: &Config) -> Result<()> {
    if config.store.path.symlink_metadata().is_err() {
        bail!("there is no database at {}", config.store.path.display());
    }
    Ok(())
}

/// The store, opened for one command; closed when this is dropped.
struct Opened {
    config: Config,
    site: Arc<Site>,
    store: Option<Store>,
    threads: Option<Threads>,
}

impl Opened {
    fn open(file: &std::path::Path) -> Result<Opened> {
        // Without the bound on the file's size: a token can be revoked when there is no room for anything else.
        Opened::with(file, false)
    }

    /// The same for what only looks or takes away: where there is no database, none is made.
    fn there(file: &std::path::Path) -> Result<Opened> {
        let checked = read_config(file)?;
        is_there(&checked.config)?;
        Opened::of(checked, false)
    }

    /// The same within the bound, for what may need much room.
    fn bounded(file: &std::path::Path) -> Result<Opened> {
        Opened::with(file, true)
    }

    fn with(file: &std::path::Path, is_bounded: bool) -> Result<Opened> {
        Opened::of(read_config(file)?, is_bounded)
    }

    fn of(checked: Checked, is_bounded: bool) -> Result<Opened> {
        let Checked { config, rules, roles, catalog } = checked;
        let site = Arc::new(site(&config, rules, roles));
        let max_bytes = if is_bounded { config.store.max_bytes } else { 0 };
        let (store, threads) =
            Store::open(&Options { readers: 1, max_bytes, serves: false, ..options(&config) }, catalog, Clock::System)?;
        Ok(Opened { config, site, store: Some(store), threads: Some(threads) })
    }

    fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.as_ref().ok_or(StoreError::Closed)?;
        Ok(store.read(read).wait()?)
    }

    fn write<T: Send + 'static>(
        &self,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.as_ref().ok_or(StoreError::Closed)?;
        let pending: Pending<T, Refusal> = store.write(Weight::Light, write);
        pending.wait().map_err(explained)
    }

    /// A write that is queued with its weight, and waited for elsewhere.
    fn begin<T: Send + 'static>(
        &self,
        weight: Weight,
        write: impl FnOnce(&mut Writer<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Pending<T, Refusal>> {
        Ok(self.store.as_ref().ok_or(StoreError::Closed)?.write(weight, write))
    }

    /// The same of a read.
    fn look<T, E>(&self, read: impl FnOnce(&Reader<'_>) -> Result<T, E> + Send + 'static) -> Result<Pending<T, E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        Ok(self.store.as_ref().ok_or(StoreError::Closed)?.read(read))
    }

    /// A read that may have to refuse.
    fn ask<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Reader<'_>) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T> {
        let store = self.store.as_ref().ok_or(StoreError::Closed)?;
        store.read(read).wait().map_err(explained)
    }
}

/// A refusal in a sentence.
fn explained(refusal: Refusal) -> anyhow::Error {
    match refusal {
        Refusal::Denied(why) | Refusal::Conflict(why) => anyhow!(why),
        Refusal::Broken(error) => anyhow!(error),
        Refusal::Fault(fault) => anyhow!("{fault}; nothing was changed"),
        Refusal::NotFound(of, id) => anyhow!("there is no {of} with the id {id:?}"),
        Refusal::Taken(of, attribute, value, _) => {
            anyhow!("another {of} has the {attribute} {value:?} already; nothing was changed")
        }
        other => anyhow!("{other:?}"),
    }
}

impl Drop for Opened {
    fn drop(&mut self) {
        self.store.take();
        if let Some(threads) = self.threads.take() {
            threads.join();
        }
    }
}
