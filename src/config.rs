//! The TOML file: what the owner of the machine decides. The only reader of it.

mod declared;

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use toml::Spanned;

pub use declared::Declared;
use declared::Tables;

/// The commented example, which is the default configuration written out.
pub const EXAMPLE: &str = include_str!("../config.example.toml");

/// A configuration that was checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The URL under which clients reach the server, without a path and without a slash at its end.
    pub public_url: String,
    /// Where it listens.
    pub address: SocketAddr,
    /// The database.
    pub store: Store,
    /// The SCIM surface.
    pub scim: Scim,
    /// Live tokens of scope `scim`, at most.
    pub max_live_tokens: usize,
    /// Bounds on what clients may send.
    pub limits: Limits,
    /// The log.
    pub log: Log,
    /// Schemas and resource types beyond the RFC.
    pub declared: Declared,
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

/// `[limits]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Bytes of a request body.
    pub body_bytes: u64,
    /// Operations of a Bulk request.
    pub bulk_operations: usize,
    /// Bytes of a request line and its headers.
    pub header_bytes: usize,
    /// Connections at a time.
    pub connections: usize,
    /// Seconds for the headers.
    pub header_seconds: u64,
    /// Seconds without a byte of the body.
    pub body_idle_seconds: u64,
    /// Seconds for the body.
    pub body_seconds: u64,
    /// Seconds that an idle connection is kept.
    pub keep_alive_seconds: u64,
    /// Writes that wait.
    pub queue: usize,
    /// Bytes of all bodies that are being worked on.
    pub bodies_bytes: u64,
    /// Bytes of all answers that are on their way.
    pub answers_bytes: u64,
    /// Requests with a bad token from one address at once; 0: no bound.
    pub bad_token_burst: u32,
    /// And a second after that.
    pub bad_tokens_per_second: u32,
    /// Requests a second with one token; 0: no bound.
    pub requests_per_second: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            body_bytes: 8 << 20,
            bulk_operations: 1000,
            header_bytes: 16 << 10,
            connections: 1024,
            header_seconds: 10,
            body_idle_seconds: 15,
            body_seconds: 60,
            keep_alive_seconds: 75,
            queue: 4096,
            bodies_bytes: 256 << 20,
            answers_bytes: 256 << 20,
            bad_token_burst: 20,
            bad_tokens_per_second: 1,
            requests_per_second: 0,
        }
    }
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
    listen: Listen,
    #[serde(default)]
    store: StoreTable,
    #[serde(default)]
    scim: ScimTable,
    #[serde(default)]
    tokens: Tokens,
    #[serde(default)]
    limits: Option<Spanned<Limits>>,
    #[serde(default)]
    log: Log,
    #[serde(default)]
    schema: Tables,
    #[serde(default)]
    resource_type: Tables,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Listen {
    address: Option<Spanned<String>>,
    behind_proxy: bool,
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
        let address = address(&source, &written.listen)?;
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
        Ok(Config {
            public_url: public_url(&source, written.public_url.as_ref(), address)?,
            address,
            store: Store {
                path: folder.join(path),
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
            limits: limits(&source, written.limits)?,
            log: written.log,
            declared: match written.schema.is_empty() && written.resource_type.is_empty() {
                true => Declared::default(),
                false => Declared::of(text, file),
            },
        })
    }
}

fn address(source: &Source<'_>, listen: &Listen) -> Result<SocketAddr, BadConfig> {
    let Some(written) = &listen.address else { return Ok(SocketAddr::from(([127, 0, 0, 1], 8080))) };
    let text = written.get_ref();
    let address: SocketAddr = text.parse().map_err(|_| {
        source.refuse(
            Some(written.span()),
            format!("listen.address is an IP address and a port such as 127.0.0.1:8080, not {text:?}"),
        )
    })?;
    if !is_loopback(address.ip()) && !listen.behind_proxy {
        return Err(source.refuse(
            Some(written.span()),
            format!("plain HTTP on {address} would send tokens over the network in the clear; listen on 127.0.0.1, or set listen.behind_proxy = true if a proxy with TLS stands in front"),
        ));
    }
    Ok(address)
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The URL is written into JSON and headers as it is, so only characters are let in that need no escaping there.
fn public_url(
    source: &Source<'_>,
    written: Option<&Spanned<String>>,
    address: SocketAddr,
) -> Result<String, BadConfig> {
    let Some(written) = written else { return Ok(format!("http://{address}")) };
    let text = written.get_ref();
    let url = text.strip_suffix('/').unwrap_or(text);
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let good =
        host.is_some_and(|h| !h.is_empty() && h.chars().all(|c| c.is_ascii_alphanumeric() || "-._:[]".contains(c)));
    match good {
        true => Ok(url.to_owned()),
        false => Err(source.refuse(
            Some(written.span()),
            format!("public_url is a URL without a path such as https://scim.example.com, not {text:?}"),
        )),
    }
}

fn limits(source: &Source<'_>, written: Option<Spanned<Limits>>) -> Result<Limits, BadConfig> {
    let Some(written) = written else { return Ok(Limits::default()) };
    let limits = written.get_ref();
    let wrong = |why: &str| Err(source.refuse(Some(written.span()), why));
    if limits.bulk_operations < 1 || limits.bulk_operations > 100_000 {
        return wrong("limits.bulk_operations is a number from 1 to 100000");
    }
    if limits.header_bytes < 8192 || limits.header_bytes > 1 << 20 {
        return wrong("limits.header_bytes is a number from 8192 to 1048576");
    }
    if limits.body_bytes < 1024 || limits.body_bytes > 1 << 30 {
        return wrong("limits.body_bytes is a number from 1024 to 1073741824");
    }
    if limits.connections == 0 || limits.queue == 0 {
        return wrong("limits.connections and limits.queue are at least 1");
    }
    if limits.bodies_bytes < limits.body_bytes || limits.bodies_bytes > 1 << 40 {
        return wrong("limits.bodies_bytes is at least limits.body_bytes, and at most 1099511627776");
    }
    if limits.answers_bytes < 1 << 20 || limits.answers_bytes > 1 << 40 {
        return wrong("limits.answers_bytes is a number from 1048576 to 1099511627776");
    }
    if limits.bad_token_burst > 10_000 || !(1..=1000).contains(&limits.bad_tokens_per_second) {
        return wrong(
            "limits.bad_token_burst is at most 10000, and limits.bad_tokens_per_second a number from 1 to 1000",
        );
    }
    if (1..50).contains(&limits.requests_per_second) || limits.requests_per_second > 1_000_000 {
        return wrong(
            "limits.requests_per_second is 0, or a number from 50 to 1000000: an identity provider sends in bursts",
        );
    }
    let seconds = [limits.header_seconds, limits.body_idle_seconds, limits.body_seconds, limits.keep_alive_seconds];
    if seconds.iter().any(|s| *s == 0 || *s > 3600) {
        return wrong("the time limits are numbers of seconds from 1 to 3600");
    }
    Ok(limits.clone())
}

#[cfg(test)]
mod tests;
