//! The TOML file: what the owner of the machine decides. The only reader of it.

mod declared;
mod lifecycle;
mod limits;
mod listen;
mod sso;

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use declared::Declared;
use declared::Tables;
pub use lifecycle::Lifecycle;
use lifecycle::{GuardTable, RetentionTable};
pub use limits::Limits;
pub use listen::{Listen, Listener, Tls};
use listen::{ListenTable, TlsTable};
pub use sso::{Outbound, Precondition, Sso};
use sso::{OutboundTable, SsoTable};

/// The commented example, which is the default configuration written out.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL under which clients reach the server, without a path and without a slash at its end.
    pub public_url: String,
    /// Where it listens.
    pub listen: Listen,
    /// The certificate; none when nothing listens that needs one.
    pub tls: Option<Tls>,
    /// The database.
    pub store: Store,
    /// The SCIM surface.
    pub scim: Scim,
    /// Live tokens of scope `scim`, at most.
    pub max_live_tokens: usize,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// What becomes of those who left.
    pub lifecycle: Lifecycle,
    /// Whether signing in comes before provisioning.
    pub sso: Sso,
    /// Where the server may go by itself.
    pub outbound: Outbound,
    /// The log.
    pub log: Log,
    /// The first administrator.
    pub bootstrap: Option<Bootstrap>,
    /// Schemas and resource types beyond the RFC, and roles.
    pub declared: Declared,
}

/// `[bootstrap]`: the first administrator of an installation that nobody attends.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The name.
    pub admin_name: String,
    /// The file whose first line is the password; relative ones count from the folder of the configuration.
    pub admin_password_file: PathBuf,
    /// Where that stands.
    pub place: Place,
}

/// `[store]`
#[derive(Debug, Clone)]
pub struct Store {
    /// The database file; relative ones count from the folder of the configuration.
    pub path: PathBuf,
    /// Use it although it lies on a network file system.
    pub allow_network_filesystem: bool,
    /// The size of the file, at most, in bytes; 0: no bound.
    pub max_bytes: u64,
    /// Reader threads.
    pub readers: usize,
}

/// `[scim]`
#[derive(Debug, Clone)]
pub struct Scim {
    /// Results of a page without a count.
    pub page_size: u64,
    /// Results of a page, at most.
    pub max_page_size: u64,
    /// Seconds for which a cursor is good.
    pub cursor_timeout: i64,
    /// The RFC to the letter: no dialect rule at all.
    pub strict: bool,
    /// PUT keeps what the request does not name.
    pub put_merges: bool,
    /// Dialect rules that are off, with where they stand.
    pub disabled_dialect_rules: Vec<(String, Place)>,
}

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// How much.
    pub level: Level,
    /// For whom.
    pub format: Format,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// What went wrong.
    Error,
    /// And what may.
    Warn,
    /// And every change.
    #[default]
    Info,
    /// And every look.
    Debug,
    /// Everything.
    Trace,
}

/// How a line of the log is written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines: one JSON object a line.
    Json,
}

/// A place in the file, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    file: PathBuf,
    line: Option<usize>,
}

/// Why a configuration cannot be used: one sentence with the file, and the line where there is one.
#[derive(Debug, Clone, thiserror::Error)]
pub struct BadConfig {
    place: Place,
    why: String,
}

impl std::fmt::Display for BadConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.place.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.place.file.display(), self.why),
            None => write!(f, "{}: {}", self.place.file.display(), self.why),
        }
    }
}

impl Place {
    /// A complaint about what stands here.
    pub fn complain(&self, why: impl Into<String>) -> BadConfig {
        BadConfig { place: self.clone(), why: why.into() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    public_url: Option<Spanned<String>>,
    #[serde(default)]
    listen: ListenTable,
    #[serde(default)]
    tls: TlsTable,
    #[serde(default)]
    store: StoreTable,
    #[serde(default)]
    scim: ScimTable,
    #[serde(default)]
    tokens: Tokens,
    #[serde(default)]
    limits: Option<Spanned<Limits>>,
    #[serde(default)]
    retention: RetentionTable,
    #[serde(default)]
    guard: GuardTable,
    #[serde(default)]
    sso: SsoTable,
    #[serde(default)]
    outbound: OutboundTable,
    #[serde(default)]
    log: Log,
    bootstrap: Option<BootstrapTable>,
    #[serde(default)]
    schema: Tables,
    #[serde(default)]
    resource_type: Tables,
    #[serde(default)]
    role: Tables,
    roles: Option<serde::de::IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct StoreTable {
    path: Option<Spanned<String>>,
    allow_network_filesystem: bool,
    max_size_mib: u64,
    readers: Option<Spanned<usize>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct ScimTable {
    page_size: Option<Spanned<u64>>,
    max_page_size: Option<Spanned<u64>>,
    cursor_timeout_seconds: Option<Spanned<i64>>,
    mode: Mode,
    put: Option<Spanned<Put>>,
    disabled_dialect_rules: Vec<Spanned<String>>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Tolerant,
    Strict,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Put {
    #[default]
    Replace,
    Merge,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Tokens {
    max_live: Option<Spanned<usize>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BootstrapTable {
    admin_name: Option<String>,
    admin_password_file: Spanned<String>,
}

struct Source<'t> {
    file: &'t Path,
    text: &'t str,
}

impl Source<'_> {
    fn place(&self, span: Option<Range<usize>>) -> Place {
        let line = span.map(|s| 1 + self.text.get(..s.start).unwrap_or(self.text).matches('\n').count());
        Place { file: self.file.to_owned(), line }
    }

    /// What the reader of TOML complains of.
    fn explain(&self, error: &toml::de::Error) -> BadConfig {
        self.refuse(error.span(), error.message().lines().collect::<Vec<_>>().join(", "))
    }

    fn refuse(&self, span: Option<Range<usize>>, why: impl Into<String>) -> BadConfig {
        self.place(span).complain(why)
    }

    /// A value within bounds, or the default.
    fn bounded<T: PartialOrd + Copy + std::fmt::Display>(
        &self,
        name: &str,
        given: Option<Spanned<T>>,
        default: T,
        least: T,
        most: T,
    ) -> Result<T, BadConfig> {
        match given {
            None => Ok(default),
            Some(v) if *v.get_ref() >= least && *v.get_ref() <= most => Ok(*v.get_ref()),
            Some(v) => {
                Err(self
                    .refuse(Some(v.span()), format!("{name} is a number from {least} to {most}, not {}", v.get_ref())))
            }
        }
    }
}

impl Bootstrap {
    /// The password: the first line of its file, which nobody but its owner may read.
    ///
    /// Errors: a sentence with the place of the key.
    pub fn password(&self) -> Result<String, BadConfig> {
        use std::os::unix::fs::PermissionsExt;
        let shown = self.admin_password_file.display();
        let cannot = |e: std::io::Error| self.place.complain(format!("{shown} cannot be read: {e}"));
        let mode = std::fs::metadata(&self.admin_password_file).map_err(cannot)?.permissions().mode();
        if mode & 0o077 != 0 {
            let why = format!("{shown} can be read by others than its owner; `chmod 600` mends that");
            return Err(self.place.complain(why));
        }
        let text = std::fs::read_to_string(&self.admin_password_file).map_err(cannot)?;
        Ok(text.lines().next().unwrap_or_default().to_owned())
    }
}

impl Config {
    /// Reads and checks a file.
    pub fn read(file: &Path) -> Result<Config, BadConfig> {
        let nowhere = Place { file: file.to_owned(), line: None };
        let text = std::fs::read_to_string(file).map_err(|e| match e.kind() {
            std::io::ErrorKind::NotFound => nowhere
                .complain("there is no such file; `scim-appliance example-config > FILE` makes one to start from"),
            _ => nowhere.complain(format!("the configuration cannot be read: {e}")),
        })?;
        Config::parse(&text, file)
    }

    /// Checks the text of a file.
    pub fn parse(text: &str, file: &Path) -> Result<Config, BadConfig> {
        let source = Source { file, text };
        let written: File = toml::from_str(text).map_err(|e| source.explain(&e))?;
        let listen = listen::listen(&source, &written.listen, &written.tls)?;
        let folder = file.parent().unwrap_or(Path::new(""));
        let path = written.store.path.as_ref().map_or("scim-appliance.db", |p| p.get_ref());
        if path.is_empty() {
            return Err(source.refuse(written.store.path.map(|p| p.span()), "store.path is empty"));
        }
        let max_page_size = source.bounded("scim.max_page_size", written.scim.max_page_size, 1000, 1, 10_000)?;
        let page_size =
            source.bounded("scim.page_size", written.scim.page_size, 100.min(max_page_size), 1, max_page_size)?;
        let cursor_timeout = source.bounded(
            "scim.cursor_timeout_seconds",
            written.scim.cursor_timeout_seconds,
            86_400,
            1,
            31_536_000,
        )?;
        let readers = source.bounded("store.readers", written.store.readers, 2, 1, 64)?;
        let max_live_tokens = source.bounded("tokens.max_live", written.tokens.max_live, 2, 1, 5)?;
        let rules = written.scim.disabled_dialect_rules;
        let strict = written.scim.mode == Mode::Strict;
        let merging = written.scim.put.filter(|p| *p.get_ref() == Put::Merge);
        if let Some(put) = merging.as_ref().filter(|_| strict) {
            let why = "scim.put = \"merge\" is not what the RFC means by PUT, and scim.mode is \"strict\"";
            return Err(source.refuse(Some(put.span()), why));
        }
        let public_url = listen::public_url(&source, written.public_url.as_ref(), listen.main)?;
        let database = folder.join(path);
        Ok(Config {
            tls: listen::tls(&source, &written.tls, &listen, &public_url, folder, &database)?,
            public_url,
            listen,
            store: Store {
                path: database,
                allow_network_filesystem: written.store.allow_network_filesystem,
                max_bytes: written.store.max_size_mib.saturating_mul(1 << 20),
                readers,
            },
            scim: Scim {
                page_size,
                max_page_size,
                cursor_timeout,
                strict,
                put_merges: merging.is_some(),
                disabled_dialect_rules: rules
                    .into_iter()
                    .map(|r| (r.get_ref().clone(), source.place(Some(r.span()))))
                    .collect(),
            },
            max_live_tokens,
            limits: limits::limits(&source, written.limits)?,
            lifecycle: lifecycle::lifecycle(&source, written.retention, written.guard)?,
            sso: sso::sso(&source, written.sso)?,
            outbound: sso::outbound(&source, &written.outbound)?,
            log: written.log,
            bootstrap: written.bootstrap.map(|b| Bootstrap {
                admin_name: b.admin_name.unwrap_or_else(|| "admin".to_owned()),
                admin_password_file: folder.join(b.admin_password_file.get_ref()),
                place: source.place(Some(b.admin_password_file.span())),
            }),
            declared: match [&written.schema, &written.resource_type, &written.role].iter().all(|t| t.is_empty())
                && written.roles.is_none()
            {
                true => Declared::default(),
                false => Declared::of(text, file),
            },
        })
    }
}

#[cfg(test)]
mod tests;
