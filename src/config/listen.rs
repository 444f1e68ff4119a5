//! `[listen]` and `[tls]`: where the server listens, what it speaks there, and whom it believes about its clients.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;

use super::{BadConfig, Source};

/// Where it listens.
#[derive(Debug, Clone)]
pub struct Listen {
    /// SCIM and the probes; the settings page too, unless that has a listener of its own.
    pub main: Listener,
    /// The settings page, if it has one.
    pub settings: Option<Listener>,
    /// The proxies whose word about a client is taken.
    pub trusted_proxies: Vec<IpNet>,
}

/// An address, and what is spoken there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// The address; the system chooses the port when it is 0.
    pub address: SocketAddr,
    /// TLS, or plain HTTP.
    pub tls: bool,
}

impl Listener {
    /// Plain HTTP where other machines reach it: only proxies may come in.
    pub fn only_for_proxies(&self) -> bool {
        !self.tls && !is_loopback(self.address.ip())
    }

    /// The scheme of its URLs.
    pub fn scheme(&self) -> &'static str {
        if self.tls { "https" } else { "http" }
    }
}

/// The certificate of the listeners that speak TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// A PEM file: the server's certificate first, then those between it and the root.
    pub certificate: PathBuf,
    /// A PEM file with its private key.
    pub key: PathBuf,
    /// The names that a certificate of our own is for, which is made when it is not there. None: it was given.
    pub own: Option<Vec<String>>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ListenTable {
    address: Option<Spanned<String>>,
    behind_proxy: Option<Spanned<bool>>,
    trusted_proxies: Option<Spanned<Vec<Spanned<String>>>>,
    settings: Option<SettingsTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SettingsTable {
    address: Spanned<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct TlsTable {
    certificate: Option<Spanned<String>>,
    key: Option<Spanned<String>>,
    mode: Option<Spanned<Mode>>,
}

#[derive(Default, Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    Auto,
    Off,
}

impl TlsTable {
    fn off(&self) -> Option<&Spanned<Mode>> {
        self.mode.as_ref().filter(|m| *m.get_ref() == Mode::Off)
    }
}

/// Checks both tables. What is plain where others can reach it has to be meant.
pub(super) fn listen(source: &Source<'_>, table: &ListenTable, tls: &TlsTable) -> Result<Listen, BadConfig> {
    let trusted_proxies = trusted_proxies(source, table)?;
    let behind_proxy = !trusted_proxies.is_empty();
    let (off, given) = (tls.off().is_some(), tls.certificate.is_some());
    let checked = |key: &str, written: Option<&Spanned<String>>, plain: bool| {
        let address = address(source, key, written)?;
        let loopback = is_loopback(address.ip());
        if let Some(written) = written.filter(|_| off && !loopback && !behind_proxy) {
            return Err(source.refuse(
                Some(written.span()),
                format!("plain HTTP on {address} would send tokens over the network in the clear; remove tls.mode = \"off\", or put a proxy with TLS in front, name it in listen.trusted_proxies and set listen.behind_proxy = true"),
            ));
        }
        Ok(Listener { address, tls: !off && (given || !(loopback || plain)) })
    };
    // The proxy has the certificate. One that is given all the same is for the way between the two.
    let main = checked("listen.address", table.address.as_ref(), behind_proxy)?;
    let Some(written) = table.settings.as_ref().map(|s| &s.address) else {
        return Ok(Listen { main, settings: None, trusted_proxies });
    };
    let settings = checked("listen.settings.address", Some(written), false)?;
    if settings.address == main.address && main.address.port() != 0 {
        let why = "listen.settings.address is listen.address; remove it, and both are served there";
        return Err(source.refuse(Some(written.span()), why));
    }
    Ok(Listen { main, settings: Some(settings), trusted_proxies })
}

/// The certificate, if anything listens that needs one.
pub(super) fn tls(
    source: &Source<'_>,
    table: &TlsTable,
    listen: &Listen,
    public_url: &str,
    folder: &Path,
    database: &Path,
) -> Result<Option<Tls>, BadConfig> {
    let (certificate, key) = match (&table.certificate, &table.key) {
        (Some(certificate), Some(key)) => (certificate, key),
        (Some(one), None) | (None, Some(one)) => {
            let why = "tls.certificate and tls.key belong together: give both, or neither";
            return Err(source.refuse(Some(one.span()), why));
        }
        (None, None) => {
            let speaks = listen.main.tls || listen.settings.is_some_and(|s| s.tls);
            let own = || Tls {
                certificate: beside(database, ".tls.crt"),
                key: beside(database, ".tls.key"),
                own: Some(names(listen, public_url)),
            };
            return Ok(speaks.then(own));
        }
    };
    if let Some(off) = table.off() {
        let why = "tls.mode is \"off\", and there is a tls.certificate; remove one of them";
        return Err(source.refuse(Some(off.span()), why));
    }
    for (name, path) in [("certificate", certificate), ("key", key)] {
        if path.get_ref().is_empty() {
            return Err(source.refuse(Some(path.span()), format!("tls.{name} is empty; it is the path of a PEM file")));
        }
    }
    let path = |p: &Spanned<String>| folder.join(p.get_ref());
    Ok(Some(Tls { certificate: path(certificate), key: path(key), own: None }))
}

fn trusted_proxies(source: &Source<'_>, table: &ListenTable) -> Result<Vec<IpNet>, BadConfig> {
    let written = table.trusted_proxies.as_ref().map_or(&[][..], |t| t.get_ref());
    let behind = table.behind_proxy.as_ref().filter(|b| *b.get_ref());
    match (behind, written.first()) {
        (Some(behind), None) => {
            let why = "listen.behind_proxy needs listen.trusted_proxies: the addresses or networks of the proxies, such as [\"10.0.0.5\", \"10.1.0.0/16\"]";
            return Err(source.refuse(Some(behind.span()), why));
        }
        (None, Some(first)) => {
            let why = "listen.trusted_proxies has no meaning without listen.behind_proxy = true";
            return Err(source.refuse(Some(first.span()), why));
        }
        _ => {}
    }
    written
        .iter()
        .map(|w| network(source, "listen.trusted_proxies", "trust everybody's word; name the proxies", w))
        .collect()
}

/// One of a list of networks. All addresses together are none, and what they `would` do is said.
pub(super) fn network(
    source: &Source<'_>,
    key: &str,
    would: &str,
    written: &Spanned<String>,
) -> Result<IpNet, BadConfig> {
    let text = written.get_ref();
    let parsed = text.parse().or_else(|_| text.parse::<IpAddr>().map(|ip| IpNet::from(ip.to_canonical())));
    let wrong = match parsed {
        Ok(network) if network.prefix_len() > 0 => return Ok(network.trunc()),
        Ok(_) => format!("{text:?} would {would}"),
        Err(_) => format!("{key} holds addresses and networks such as \"10.1.0.0/16\", not {text:?}"),
    };
    Err(source.refuse(Some(written.span()), wrong))
}

fn address(source: &Source<'_>, key: &str, written: Option<&Spanned<String>>) -> Result<SocketAddr, BadConfig> {
    let Some(written) = written else { return Ok(SocketAddr::from(([127, 0, 0, 1], 8080))) };
    let text = written.get_ref();
    text.parse().map_err(|_| {
        let why = format!("{key} is an IP address and a port such as 127.0.0.1:8080, not {text:?}");
        source.refuse(Some(written.span()), why)
    })
}

fn is_loopback(ip: IpAddr) -> bool {
    ip.to_canonical().is_loopback()
}

/// The URL is written into JSON and headers as it is, so only characters are let in that need no escaping there.
pub(super) fn public_url(
    source: &Source<'_>,
    written: Option<&Spanned<String>>,
    main: Listener,
) -> Result<String, BadConfig> {
    let Some(written) = written else { return Ok(format!("{}://{}", main.scheme(), main.address)) };
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

/// What clients may call the server: its host in the public URL, its addresses, and itself.
fn names(listen: &Listen, public_url: &str) -> Vec<String> {
    let authority = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    let host = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((v6, _)) => v6,
        None => authority.split(':').next().unwrap_or(authority),
    };
    let listeners = [Some(listen.main), listen.settings];
    let addresses = listeners.iter().flatten().map(|l| l.address.ip().to_string());
    let mut names: Vec<String> = Vec::new();
    for name in [host.to_ascii_lowercase()]
        .into_iter()
        .chain(addresses)
        .chain(["localhost", "127.0.0.1", "::1"].map(String::from))
    {
        let anywhere = name.parse::<IpAddr>().is_ok_and(|ip| ip.is_unspecified());
        // As an address is written in one way only.
        let name = name.parse::<IpAddr>().map_or(name, |ip| ip.to_string());
        if !anywhere && !name.is_empty() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
