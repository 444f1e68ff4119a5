//! What a provider says of itself (OpenID Connect Discovery 1.0), and where it is asked.

use serde_json::{Map, Value};

use crate::outbound::Outbound;

use super::error::words;
use super::{SsoError, json, keys};

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

/// The metadata of a provider, as far as it is needed. All of it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Metadata {
    pub(super) issuer: String,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    /// There is userinfo, at an address that is not called: what it would say is not known.
    pub(super) userinfo_is_out_of_reach: bool,
    pub(super) jwks_uri: String,
    pub(super) end_session_endpoint: Option<String>,
    /// The asymmetric ones that can be verified, in the order of the provider.
    pub(super) algorithms: Vec<String>,
    /// How clients prove who they are.
    pub(super) client_authentication: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) claims: Vec<String>,
    pub(super) names_itself: bool,
}

/// What stands in the place of a tenant of Entra and is none of one organization; the last one is that of all personal
/// accounts.
const OF_MANY: [&str; 4] = ["common", "organizations", "consumers", "9188040d-6c67-4c5b-b112-36a304b66dad"];

/// An issuer as an administrator types it: with a slash at its end or without, or with the path of its metadata.
///
/// Errors: a text that is no issuer of one provider.
pub(super) fn typed(issuer: &str, outbound: &Outbound) -> Result<String, SsoError> {
    let text = issuer.trim();
    let text = text.strip_suffix(WELL_KNOWN).unwrap_or(text);
    let text = text.strip_suffix('/').unwrap_or(text);
    outbound.check(text).map_err(|e| SsoError::BadIssuer(e.to_string()))?;
    if text.contains(['?', '#']) {
        return Err(SsoError::BadIssuer(
            "an issuer has no query and no fragment; remove everything from the ? or # on".into(),
        ));
    }
    let (host, path) = split(text);
    let tenant = path.split('/').next().unwrap_or_default();
    if is_entra(&host) && OF_MANY.iter().any(|t| t.eq_ignore_ascii_case(tenant)) {
        return Err(SsoError::BadIssuer(format!(
            "{tenant} stands for many tenants of Entra or for personal accounts, so anybody could sign in; write the ID of your own: https://{host}/TENANT-ID/v2.0"
        )));
    }
    if host.contains("-admin.okta") {
        return Err(SsoError::BadIssuer(
            "this is the address of Okta's admin console; the issuer has no -admin in it, such as https://example.okta.com".into(),
        ));
    }
    Ok(text.to_owned())
}

/// Where the metadata of an issuer stands.
pub(super) fn place(typed: &str) -> String {
    format!("{typed}{WELL_KNOWN}")
}

/// Host, and path without its leading slash.
fn split(url: &str) -> (String, &str) {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    (authority.split(':').next().unwrap_or(authority).to_ascii_lowercase(), path)
}

fn is_entra(host: &str) -> bool {
    ["login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn", "sts.windows.net"]
        .contains(&host)
}

fn is_okta(host: &str) -> bool {
    [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com"].iter().any(|end| host.ends_with(end))
}

/// What those have to know who use a provider that is known for it.
pub(super) fn hint(typed: &str) -> &'static str {
    let (host, _) = split(typed);
    if is_entra(&host) {
        return ". With Entra the issuer is https://login.microsoftonline.com/TENANT-ID/v2.0, with the ID of the tenant and the v2.0";
    }
    if is_okta(&host) {
        return ". With Okta it is either the organization itself, https://example.okta.com, or one of its custom authorization servers, https://example.okta.com/oauth2/default: take the one whose Issuer the application uses";
    }
    ""
}

/// The same for a key that is not shown.
pub(super) fn hint_of_key(issuer: &str) -> &'static str {
    if is_entra(&split(issuer).0) {
        ". An application of Entra that signs with a key of its own, as with mapped claims, shows it only at /discovery/keys?appid=CLIENT-ID, where nobody looks: take that key or the mapping from the application"
    } else {
        ""
    }
}

/// Do all the organizations of Google, and everybody who has an account there, have this issuer?
pub(super) fn is_google(issuer: &str) -> bool {
    split(issuer).0 == "accounts.google.com"
}

/// The same for somebody who misses `auth_time`.
pub(super) fn hint_of_auth_time(issuer: &str) -> &'static str {
    if is_entra(&split(issuer).0) {
        "; add it as an optional claim of the ID token under Token configuration"
    } else {
        ""
    }
}

impl Metadata {
    /// Reads the metadata of an issuer.
    ///
    /// Errors: it is that of another issuer (Discovery 4.3: they are equal, character by character; only the slash at the
    /// end is the issuer's own choice, since [`typed`] has taken it off), or lacks something.
    pub(super) fn read(text: &[u8], typed: &str, outbound: &Outbound) -> Result<Metadata, SsoError> {
        let members = json::object(text).map_err(|why| SsoError::BadMetadata(format!("it {why}")))?;
        let issuer = required(&members, "issuer")?;
        if issuer.contains(['{', '}']) {
            return Err(SsoError::BadMetadata(format!(
                "its issuer is {}, a pattern that stands for many tenants; use the issuer of a single one{}",
                words(&issuer, None, &[]),
                hint(typed)
            )));
        }
        if issuer.strip_suffix('/').unwrap_or(&issuer) != typed {
            return Err(SsoError::OtherIssuer {
                typed: typed.to_owned(),
                found: words(&issuer, None, &[]),
                hint: hint(typed),
            });
        }
        let url = |name: &str, url: String| match outbound.check(&url) {
            Ok(()) if !url.contains('#') => Ok(url),
            Ok(()) => Err(SsoError::BadMetadata(format!("its {name} has a fragment"))),
            Err(why) => Err(SsoError::BadMetadata(format!("its {name} is not called: {why}"))),
        };
        let endpoint = |name: &'static str| required(&members, name).and_then(|text| url(name, text));
        // Without these people sign in all the same.
        let optional = |name: &'static str| endpoint(name).ok();
        if list(&members, "response_types_supported")?.is_some_and(|types| !types.iter().any(|t| t == "code")) {
            return Err(SsoError::BadMetadata(
                "it does not offer the authorization code flow (response type code)".into(),
            ));
        }
        // Entra does not say, and can.
        if list(&members, "code_challenge_methods_supported")?.is_some_and(|m| !m.iter().any(|m| m == "S256")) {
            return Err(SsoError::BadMetadata("it does not offer PKCE with S256, which is never gone without".into()));
        }
        let Some(named) = list(&members, "id_token_signing_alg_values_supported")? else {
            return Err(SsoError::BadMetadata("it lacks id_token_signing_alg_values_supported".into()));
        };
        let algorithms: Vec<String> = named.iter().filter(|a| keys::algorithm(a).is_some()).cloned().collect();
        if algorithms.is_empty() {
            return Err(SsoError::BadMetadata(format!(
                "it signs ID tokens with {}, none of which is accepted here; RS256 is the usual choice",
                words(&named.join(", "), None, &[])
            )));
        }
        Ok(Metadata {
            authorization_endpoint: endpoint("authorization_endpoint")?,
            token_endpoint: endpoint("token_endpoint")?,
            userinfo_is_out_of_reach: optional("userinfo_endpoint").is_none()
                && members.get("userinfo_endpoint").is_some_and(|v| !v.is_null() && v.as_str() != Some("")),
            userinfo_endpoint: optional("userinfo_endpoint"),
            jwks_uri: endpoint("jwks_uri")?,
            end_session_endpoint: optional("end_session_endpoint"),
            algorithms,
            client_authentication: list(&members, "token_endpoint_auth_methods_supported")?
                .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
            scopes: texts(&members, "scopes_supported"),
            claims: texts(&members, "claims_supported"),
            names_itself: members.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
            issuer,
        })
    }
}

fn required(members: &Map<String, Value>, name: &str) -> Result<String, SsoError> {
    match members.get(name) {
        Some(Value::String(text)) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(text.clone()),
        Some(_) => Err(SsoError::BadMetadata(format!("its {name} is not a text"))),
        None => Err(SsoError::BadMetadata(format!("it lacks {name}"))),
    }
}

/// What is for information alone: what is no text is passed over.
fn texts(members: &Map<String, Value>, name: &str) -> Vec<String> {
    let all = members.get(name).and_then(Value::as_array);
    all.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

fn list(members: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, SsoError> {
    let texts = |values: &Vec<Value>| values.iter().map(|v| v.as_str().map(str::to_owned)).collect();
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Array(values)) => match texts(values) {
            Some(list) => Ok(Some(list)),
            None => Err(SsoError::BadMetadata(format!("its {name} is not a list of texts"))),
        },
        Some(_) => Err(SsoError::BadMetadata(format!("its {name} is not a list of texts"))),
    }
}
