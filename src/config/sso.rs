//! `[sso]` and `[outbound]`: whether signing in comes before provisioning, and where the server goes by itself.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;

use super::listen::network;
use super::{BadConfig, Place, Source};

/// `[sso]`
#[derive(Debug, Clone, Default)]
pub struct Sso {
    /// What has to be there before provisioning is switched on.
    pub precondition: Precondition,
    /// Where browsers reach the pages, without a slash at its end; none: under `public_url`.
    pub url: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SsoTable {
    precondition: Precondition,
    url: Option<Spanned<String>>,
}

/// Checks it.
pub(super) fn sso(source: &Source<'_>, table: SsoTable) -> Result<Sso, BadConfig> {
    let Some(written) = table.url else { return Ok(Sso { precondition: table.precondition, url: None }) };
    let url = written.get_ref().trim_end_matches('/');
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let odd = |host: &str| host.is_empty() || !host.chars().all(|c| c.is_ascii_alphanumeric() || "-.:[]".contains(c));
    if host.is_none_or(odd) {
        let why = "sso.url is a URL without a path, such as \"https://scim.example.com\"";
        return Err(source.refuse(Some(written.span()), why));
    }
    Ok(Sso { precondition: table.precondition, url: Some(url.to_owned()) })
}

/// What has to be there before provisioning is switched on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precondition {
    /// Single sign-on that was tested.
    Required,
    /// That, or an administrator who says that he or she goes without.
    #[default]
    Acknowledge,
}

/// `[outbound]`: where the server may go by itself.
#[derive(Debug, Clone, Default)]
pub struct Outbound {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// A PEM file with certificate authorities that are trusted besides the public ones; relative paths count from the folder of the configuration.
    pub ca_file: Option<PathBuf>,
    /// Where that stands.
    pub ca_place: Option<Place>,
    /// Plain HTTP may be spoken with the networks of `allow`.
    pub allow_http: bool,
    /// Host, without brackets, and port of the proxy that leads out.
    pub proxy: Option<(String, u16)>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutboundTable {
    allow: Vec<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    allow_http: Option<Spanned<bool>>,
    proxy: Option<Spanned<String>>,
}

/// Checks it.
pub(super) fn outbound(source: &Source<'_>, table: &OutboundTable, folder: &Path) -> Result<Outbound, BadConfig> {
    let allowed =
        |written| network(source, "outbound.allow", "let the server go everywhere; name the networks", written);
    let allow: Vec<IpNet> = table.allow.iter().map(allowed).collect::<Result<_, _>>()?;
    let http = table.allow_http.as_ref().filter(|http| *http.get_ref());
    if let Some(http) = http.filter(|_| allow.is_empty()) {
        let why = "outbound.allow_http has no meaning without outbound.allow: plain HTTP is spoken only with the networks there";
        return Err(source.refuse(Some(http.span()), why));
    }
    let ca_file = table.ca_file.as_ref().map(|written| {
        let why = "outbound.ca_file is the path of a PEM file such as /etc/ssl/certs/company.pem";
        match written.get_ref().as_str() {
            "" => Err(source.refuse(Some(written.span()), why)),
            path => Ok(folder.join(path)),
        }
    });
    let ca_place = table.ca_file.as_ref().map(|written| source.place(Some(written.span())));
    let proxy = table.proxy.as_ref().map(|written| {
        let why = "outbound.proxy is the URL of an HTTP proxy with its port and nothing else, such as \"http://proxy.example:3128\"";
        host_and_port(written.get_ref()).ok_or_else(|| source.refuse(Some(written.span()), why))
    });
    Ok(Outbound {
        allow,
        ca_file: ca_file.transpose()?,
        ca_place,
        allow_http: http.is_some(),
        proxy: proxy.transpose()?,
    })
}

/// Where a proxy is: its URL has no name and password, which nobody would send, and no path.
fn host_and_port(url: &str) -> Option<(String, u16)> {
    let place = url.strip_prefix("http://")?;
    let (host, port) = place.strip_suffix('/').unwrap_or(place).rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().ok().map(|address| (address.to_string(), port));
    }
    let is_name = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || "-._".contains(c));
    is_name.then(|| (host.to_owned(), port))
}
