//! What to do at each identity provider for single sign-on, with our own values filled in.

use super::guides::{Step, Value};
use crate::directory::sso::Kind;

/// A step: its title, how it is done, and what is typed there.
type Advice = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Stand for values of ours.
const REDIRECT: &str = "{redirect}";
const SIGNED_OUT: &str = "{signed-out}";

const OKTA: &[Advice] = &[
    (
        "Create the app",
        "Applications, Create App Integration: OIDC, OpenID Connect, and Web Application. It is another app than the one for provisioning, which cannot be of this kind. Grant type: Authorization Code.",
        &[("Sign-in redirect URIs", REDIRECT), ("Sign-out redirect URIs", SIGNED_OUT)],
    ),
    (
        "Assign people",
        "Assign the people and groups that the app for provisioning has too. Whoever is assigned there alone is refused by Okta.",
        &[],
    ),
    (
        "Copy what Okta shows",
        "Client ID and client secret are on the page of the app. The issuer is the address of your organisation, such as https://example.okta.com, without /oauth2.",
        &[],
    ),
];

const ENTRA: &[Advice] = &[
    (
        "Register an application",
        "Entra admin center, App registrations, New registration, for this organisation only. Redirect URI: Web.",
        &[("Redirect URI", REDIRECT), ("A second one, for signing out", SIGNED_OUT)],
    ),
    (
        "Create a client secret",
        "Certificates and secrets, New client secret. Copy its value, not its id; note when it ends.",
        &[],
    ),
    (
        "Add the claim auth_time",
        "Token configuration, Add optional claim, ID: auth_time. Without it whoever administers by single sign-on cannot confirm grave changes.",
        &[],
    ),
    (
        "Map objectId to externalId",
        "In the provisioning of the enterprise application, Mappings: externalId from objectId. Then the claim oid finds each person whatever the name becomes.",
        &[],
    ),
    (
        "Copy what Entra shows",
        "The client id is Application (client) ID. The issuer is https://login.microsoftonline.com/, the Directory (tenant) ID, and /v2.0 behind it.",
        &[],
    ),
];

const OTHER: &[Advice] = &[
    (
        "Register a web application",
        "OpenID Connect, authorization code flow with PKCE, a confidential client.",
        &[("Redirect URI", REDIRECT), ("Post-logout redirect URI", SIGNED_OUT)],
    ),
    (
        "Copy what it shows",
        "Issuer, client id and client secret. Behind the issuer, /.well-known/openid-configuration answers with its metadata.",
        &[],
    ),
    (
        "Choose what people are matched by",
        "Best is a claim that never changes, held against the externalId that the same identity provider sends by SCIM.",
        &[],
    ),
];

/// The steps for a provider.
pub fn steps(kind: Kind, redirect: &str, signed_out: &str) -> Vec<Step> {
    let guide = match kind {
        Kind::Okta => OKTA,
        Kind::Entra => ENTRA,
        Kind::Other => OTHER,
    };
    let value = |(i, k, what, value): (usize, usize, &str, &str)| Value {
        id: format!("value-{}-{}", i + 1, k + 1),
        what: what.to_owned(),
        value: value.replace(REDIRECT, redirect).replace(SIGNED_OUT, signed_out),
        copies: value.contains('{'),
    };
    let step = |(i, (title, text, values)): (usize, &Advice)| Step {
        number: i + 1,
        title: (*title).to_owned(),
        text: (*text).to_owned(),
        values: values.iter().enumerate().map(|(k, (what, v))| value((i, k, what, v))).collect(),
        link: None,
        kind: "",
        seen: None,
        waits: false,
    };
    guide.iter().enumerate().map(step).collect()
}
