//! `[sso]` and `[outbound]`: what single sign-on means for provisioning, and where this server may connect to.

use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;
use toml::Spanned;

use super::{BadConfig, Source};

/// `[sso]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sso {
    /// Provisioning is not switched on without single sign-on, whoever says that it is to go without.
    pub required: bool,
    /// Where browsers reach the pages, without a slash at its end; none: under `public_url`.
    pub url: Option<String>,
}

/// `[outbound]`
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outbound {
    /// Networks that may be reached although they are not public.
    pub allow: Vec<IpNet>,
    /// Certificate authorities that are trusted beside the public ones; relative paths count from the folder of the
    /// configuration.
    pub ca_file: Option<PathBuf>,
    /// Plain HTTP is spoken too, with addresses inside `allow`.
    pub allow_http: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SsoTable {
    precondition: Precondition,
    url: Option<Spanned<String>>,
}

#[derive(Default, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Precondition {
    #[default]
    Acknowledge,
    Required,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OutboundTable {
    allow: Vec<Spanned<String>>,
    ca_file: Option<Spanned<String>>,
    allow_http: bool,
}

/// Checks `[sso]`.
pub(super) fn sso(source: &Source<'_>, written: SsoTable) -> Result<Sso, BadConfig> {
    let url = match written.url {
        None => None,
        Some(url) => {
            let text = url.get_ref().trim_end_matches('/');
            let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
            let odd = |h: &str| h.is_empty() || h.contains(['/', '?', '#', '@', '\\']) || !h.is_ascii();
            if host.is_none_or(odd) || text.chars().any(|c| c.is_whitespace() || c.is_control()) {
                let why = "sso.url is a URL without a path, such as \"https://scim.example.com\"";
                return Err(source.refuse(Some(url.span()), why));
            }
            Some(text.to_owned())
        }
    };
    Ok(Sso { required: written.precondition == Precondition::Required, url })
}

/// Checks `[outbound]`.
pub(super) fn outbound(source: &Source<'_>, written: OutboundTable, folder: &Path) -> Result<Outbound, BadConfig> {
    let mut allow = Vec::new();
    for network in &written.allow {
        let text = network.get_ref();
        let parsed = text.parse::<IpNet>().or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from));
        allow.push(parsed.map_err(|_| {
            let why = format!("outbound.allow is made of networks such as \"10.0.0.0/8\", not {text:?}");
            source.refuse(Some(network.span()), why)
        })?);
    }
    let ca_file = match written.ca_file {
        Some(file) if file.get_ref().is_empty() => {
            return Err(source.refuse(Some(file.span()), "outbound.ca_file is empty"));
        }
        other => other.map(|file| folder.join(file.get_ref())),
    };
    Ok(Outbound { allow, ca_file, allow_http: written.allow_http })
}
