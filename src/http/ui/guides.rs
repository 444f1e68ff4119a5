//! What to do at each identity provider, with our own values filled in. A step ticks itself when its first request comes.

use super::views::{Link, Moment};
use crate::directory::overview::Standing;
use crate::directory::{Milestone, Scope, TokenRow};

/// A step of a guide.
#[derive(Debug, Clone)]
pub struct Step {
    /// From 1.
    pub number: usize,
    /// What to do.
    pub title: String,
    /// How.
    pub text: String,
    /// Values to copy: (id, what, value).
    pub values: Vec<Value>,
    /// What to do here.
    pub link: Option<Link>,
    /// `done`, `now` or nothing.
    pub kind: &'static str,
    /// When its first request came.
    pub seen: Option<Moment>,
    /// It ticks itself when its first request comes, and none has.
    pub waits: bool,
}

/// A value that is typed elsewhere.
#[derive(Debug, Clone)]
pub struct Value {
    /// The id of its element.
    pub id: String,
    /// What it is called there.
    pub what: String,
    /// The value.
    pub value: String,
    /// It can be copied; otherwise it is a sentence.
    pub copies: bool,
}

/// An identity provider.
pub struct Provider {
    /// Its name in addresses.
    pub key: &'static str,
    /// Its name.
    pub name: &'static str,
    guide: &'static [Advice],
}

/// One step.
struct Advice {
    title: &'static str,
    text: &'static str,
    /// What is typed there: (what it is called, the value or one of the words below, whether it is to be copied).
    values: &'static [(&'static str, &'static str)],
    /// The milestone that ticks it; none: what happens at the provider alone is ticked by the next one that is.
    tick: &'static str,
}

/// Stand for values of ours.
const ENDPOINT: &str = "{endpoint}";
const SLASHED: &str = "{endpoint}/";

/// What has happened at least once; `http::service` notes it.
pub const CONTACT: &str = "contact";
/// A query for people or groups.
pub const QUERY: &str = "query";
/// A query for all people.
pub const IMPORT: &str = "import";
/// Somebody was created.
pub const CREATED: &str = "person created";
/// Somebody was changed.
pub const CHANGED: &str = "person changed";
/// A group was created.
pub const GROUP: &str = "group created";
/// Somebody is deactivated, which is seen in the directory.
const DEACTIVATED: &str = "person deactivated";
const TOKEN: &str = "token";

const AUTHORIZATION: (&str, &str) = ("Authorization", "the token, which was shown when you created it");

/// All of them.
pub const PROVIDERS: [Provider; 5] = [
    Provider {
        key: "okta",
        name: "Okta",
        guide: &[
            Advice {
                title: "Create the app",
                text: "Applications, Applications, Create App Integration. Choose SAML 2.0 or SWA; an OIDC app does not offer SCIM. Then General, App Settings, Edit: set Provisioning to SCIM.",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Fill in the connection",
                text: "Provisioning, Integration, Edit.",
                values: &[
                    ("SCIM connector base URL", ENDPOINT),
                    ("Unique identifier field for users", "userName"),
                    ("Supported provisioning actions", "all that you want"),
                    ("Authentication Mode", "HTTP Header"),
                    AUTHORIZATION,
                ],
                tick: "",
            },
            Advice {
                title: "Test Connector Configuration",
                text: "Okta looks for people here. Then Save.",
                values: &[],
                tick: QUERY,
            },
            Advice {
                title: "Enable the actions",
                text: "Provisioning, To App, Edit: Create Users, Update User Attributes, Deactivate Users. Save.",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Assign people",
                text: "Assignments, Assign. Okta looks each one up by userName, links the one that it finds, and creates the others.",
                values: &[],
                tick: CREATED,
            },
            Advice {
                title: "Push groups",
                text: "Push Groups. Use other Okta groups for pushing than for assigning; Okta does not support one group for both.",
                values: &[],
                tick: GROUP,
            },
            Advice {
                title: "See somebody leave",
                text: "Unassign somebody: the person is deactivated here, and keeps id and groups.",
                values: &[],
                tick: DEACTIVATED,
            },
        ],
    },
    Provider {
        key: "entra",
        name: "Microsoft Entra ID",
        guide: &[
            Advice {
                title: "Create the application",
                text: "Entra admin center, Enterprise applications, New application, Create your own application. Choose the one that is not in the gallery.",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Fill in the connection",
                text: "Provisioning, Get started, Provisioning Mode Automatic, Admin Credentials.",
                values: &[("Tenant URL", ENDPOINT), ("Secret Token", "the token, which was shown when you created it")],
                tick: "",
            },
            Advice {
                title: "Test Connection",
                text: "Entra looks for somebody who does not exist and wants an empty list. Then Save.",
                values: &[],
                tick: QUERY,
            },
            Advice {
                title: "Assign people and start",
                text: "Users and groups, Add. Then Start provisioning: a cycle runs every 40 minutes. Provision on demand shows one person at once.",
                values: &[],
                tick: CREATED,
            },
            Advice {
                title: "Assign a group",
                text: "Entra sends its direct members; nested groups are not followed.",
                values: &[],
                tick: GROUP,
            },
            Advice {
                title: "See somebody leave",
                text: "Unassign somebody: the person is deactivated here in the next cycle.",
                values: &[],
                tick: DEACTIVATED,
            },
        ],
    },
    Provider {
        key: "onelogin",
        name: "OneLogin",
        guide: &[
            Advice {
                title: "Create the app",
                text: "Applications, Add App. Search for SCIM and choose SCIM Provisioner with SAML (SCIM v2 Enterprise).",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Fill in the connection",
                text: "Configuration. Leave the JSON template as it is, then Enable.",
                values: &[
                    ("SCIM Base URL", ENDPOINT),
                    ("SCIM Bearer Token", "the token, which was shown when you created it"),
                ],
                tick: QUERY,
            },
            Advice {
                title: "Enable provisioning",
                text: "Provisioning, Enable provisioning. Choose what happens when somebody is deleted: Suspend keeps them here, deactivated.",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Give people access",
                text: "Access, or Users. Approve what waits under Provisioning, if you asked for that.",
                values: &[],
                tick: CREATED,
            },
            Advice {
                title: "Send groups",
                text: "Parameters, Groups: include it in provisioning, then make a rule that sets groups.",
                values: &[],
                tick: GROUP,
            },
        ],
    },
    Provider {
        key: "jumpcloud",
        name: "JumpCloud",
        guide: &[
            Advice {
                title: "Create the application",
                text: "SSO Applications, Add New Application, Custom Application. Choose to export users to it (identity management).",
                values: &[],
                tick: "",
            },
            Advice {
                title: "Fill in the connection",
                text: "Identity Management, Configuration settings. The test wants an e-mail address that nobody here has.",
                values: &[
                    ("API Type", "SCIM API"),
                    ("SCIM Version", "SCIM 2.0"),
                    ("Base URL", ENDPOINT),
                    ("Token Key", "the token, which was shown when you created it"),
                ],
                tick: "",
            },
            Advice {
                title: "Test Connection, then Activate",
                text: "JumpCloud creates a person, deactivates and perhaps deletes that person: a trace of it may stay here.",
                values: &[],
                tick: CREATED,
            },
            Advice {
                title: "Assign groups of people",
                text: "User Groups. With group management on, the groups themselves come as well.",
                values: &[],
                tick: GROUP,
            },
        ],
    },
    Provider {
        key: "other",
        name: "Other",
        guide: &[
            Advice {
                title: "Fill in the connection",
                text: "The names differ; the values are these. Whoever asks for a slash at the end takes the second address.",
                values: &[
                    ("Base URL, tenant URL or endpoint", ENDPOINT),
                    ("The same with a slash", SLASHED),
                    ("Version", "SCIM 2.0"),
                    ("Authentication", "OAuth bearer token, or the HTTP header Authorization"),
                    ("Token", "the token, which was shown when you created it"),
                    ("Unique attribute of people", "userName"),
                ],
                tick: CONTACT,
            },
            Advice { title: "Test the connection", text: "Most of them look for somebody.", values: &[], tick: QUERY },
            Advice {
                title: "Import people",
                text: "If it can read: it walks through all people here.",
                values: &[],
                tick: IMPORT,
            },
            Advice {
                title: "Send the first person",
                text: "Assign one person and look under People.",
                values: &[],
                tick: CREATED,
            },
            Advice {
                title: "Change somebody",
                text: "Change a name there and look at the person's history here.",
                values: &[],
                tick: CHANGED,
            },
            Advice { title: "Send a group", text: "Then look under Groups.", values: &[], tick: GROUP },
        ],
    },
];

/// The steps for a provider, after the one that is taken here. What stands before something that has happened was done.
pub fn steps(
    provider: &Provider,
    endpoint: &str,
    standing: &Standing,
    tokens: &[TokenRow],
    milestone: impl Fn(&str) -> Option<Milestone>,
) -> Vec<Step> {
    let token = tokens.iter().filter(|t| t.scope == Scope::Scim.name()).min_by_key(|t| t.created);
    let reached = |tick: &str| match tick {
        "" => None,
        TOKEN => token.map(|t| t.created),
        DEACTIVATED => (standing.deactivated > 0).then_some(0),
        name => milestone(name).map(|m| m.at),
    };
    let make = Advice {
        title: "Create a token here",
        text: "It is shown once. Keep it ready for the next steps.",
        values: &[],
        tick: TOKEN,
    };
    let all: Vec<&Advice> = [&make].into_iter().chain(provider.guide).collect();
    let last = all.iter().rposition(|a| reached(a.tick).is_some());
    let now = last.map_or(0, |i| i + 1);
    let step = |(i, advice): (usize, &&Advice)| {
        let at = reached(advice.tick);
        let done = at.is_some() || (advice.tick.is_empty() && last.is_some_and(|last| i < last));
        let value = |(k, (what, value)): (usize, &(&str, &str))| Value {
            id: format!("value-{}-{}", i + 1, k + 1),
            what: (*what).to_owned(),
            value: value.replace(ENDPOINT, endpoint),
            copies: value.contains(ENDPOINT) || *value == "userName",
        };
        Step {
            number: i + 1,
            title: advice.title.to_owned(),
            text: advice.text.to_owned(),
            values: advice.values.iter().enumerate().map(value).collect(),
            link: (advice.tick == TOKEN && token.is_none())
                .then(|| Link { href: "/tokens/new".to_owned(), words: "Create a token".to_owned() }),
            kind: match (done, i == now) {
                (true, _) => "done",
                (false, true) => "now",
                (false, false) => "",
            },
            seen: at.filter(|at| *at > 0).map(Moment),
            waits: !done && !advice.tick.is_empty() && advice.tick != TOKEN,
        }
    };
    all.iter().enumerate().map(step).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::provisioning::Provisioning;

    fn kinds(reached: &[&str]) -> Vec<&'static str> {
        let standing = Standing { state: Provisioning::On, ..Standing::default() };
        let milestone = |name: &str| {
            reached.contains(&name).then(|| Milestone { at: 5, client: String::new(), token: String::new() })
        };
        let steps = steps(&PROVIDERS[0], "https://x/scim/v2", &standing, &[], milestone);
        assert!(steps.iter().all(|s| s.seen.is_none() || s.kind == "done"));
        steps.iter().map(|s| s.kind).collect()
    }

    #[test]
    fn what_stands_before_something_that_has_happened_was_done() {
        assert_eq!(kinds(&[]), ["now", "", "", "", "", "", "", ""]);
        assert_eq!(kinds(&[QUERY]), ["", "done", "done", "done", "now", "", "", ""]);
        assert_eq!(kinds(&[QUERY, CREATED]), ["", "done", "done", "done", "done", "done", "now", ""]);
        assert_eq!(kinds(&[GROUP])[6], "done");
    }

    #[test]
    fn our_values_are_filled_in() {
        for provider in &PROVIDERS {
            let standing = Standing { state: Provisioning::On, deactivated: 1, ..Standing::default() };
            let steps = steps(provider, "https://x/scim/v2", &standing, &[], |_| None);
            let values: Vec<_> = steps.iter().flat_map(|s| &s.values).collect();
            assert!(values.iter().any(|v| v.value == "https://x/scim/v2" && v.copies), "{}", provider.name);
            assert!(values.iter().all(|v| !v.value.contains('{')), "{}", provider.name);
        }
    }
}
