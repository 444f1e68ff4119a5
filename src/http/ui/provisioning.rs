//! `/provisioning`: the heart. State, address, tokens, the way in, what to do at the identity provider, and the ways to
//! keep it out.

use std::net::IpAddr;

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::guides::{PROVIDERS, Step, steps};
use super::proof::Grave;
use super::session::Signed;
use super::state::{State, TokenView};
use super::tokens::Rotation;
use super::views::{Confirm, Count, Exact, Frame, Link};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::directory::overview::{Standing, standing};
use crate::directory::provisioning::{Missing, Precondition, Provisioning, missing, switch, unmet};
use crate::directory::{AdminRow, Refusal, StoreError, TokenRow};

/// A way in.
#[derive(Debug, Clone)]
pub struct Way {
    /// What it is called.
    pub title: &'static str,
    /// What it is, and what it needs.
    pub text: String,
    /// `ok`, `warn` or `off`.
    pub kind: &'static str,
    /// `This one applies`, `Needed`, `Not needed`, ...
    pub status: &'static str,
}

/// Something that should be true before provisioning is on.
#[derive(Debug, Clone)]
pub struct Check {
    /// It is true.
    pub done: bool,
    /// What it is.
    pub title: String,
    /// How it stands, and what to do.
    pub text: String,
    /// What to do about it.
    pub link: Option<Link>,
}

/// A tab: an identity provider.
#[derive(Debug, Clone)]
pub struct Tab {
    /// `okta`, `entra`, ...
    pub key: &'static str,
    /// `Microsoft Entra ID`
    pub words: &'static str,
    /// It is the one that is shown.
    pub current: bool,
}

/// The heart.
#[derive(Template)]
#[template(path = "provisioning.html", config = "assets/askama.toml")]
pub struct ProvisioningPage {
    /// Around it.
    pub frame: Frame,
    /// How provisioning stands.
    pub state: State,
    /// How many there are.
    pub standing: Standing,
    /// The URL of the SCIM endpoint.
    pub endpoint: String,
    /// The tokens that are good or were used in the last months, the latest first.
    pub tokens: Vec<TokenView>,
    /// How many of them are good and provision.
    pub live: usize,
    /// How many may be.
    pub most: usize,
    /// Rotations that are under way.
    pub rotations: Vec<Rotation>,
    /// Who cannot reach the server under its public URL, if somebody cannot.
    pub unreachable: Option<String>,
    /// The ways in.
    pub ways: Vec<Way>,
    /// The identity providers.
    pub tabs: Vec<Tab>,
    /// The steps for the one that is shown.
    pub steps: Vec<Step>,
    /// The name of the one that is shown.
    pub provider: &'static str,
    /// What should be true before it is on.
    pub checks: Vec<Check>,
    /// Single sign-on is not set up and tested, and nobody has said that it is to go without; the form has a box for that.
    pub needs_word: bool,
    /// The same, and no word will do.
    pub locked: bool,
    /// An identity provider is let in although something is missing: what.
    pub unmet: Option<String>,
    /// Who has said that it is to go without single sign-on, in words, and when.
    pub word: Option<(String, Exact)>,
    /// The box was not ticked.
    pub form: Form,
}

/// Switching provisioning to a state that keeps the identity provider out.
#[derive(Template)]
#[template(path = "provisioning-switch.html", config = "assets/askama.toml")]
pub struct Switch {
    /// Around it.
    pub frame: Frame,
    /// `off`, `pause` or `read-only`.
    pub to: &'static str,
    /// How many there are.
    pub standing: Standing,
    /// How many tokens are good.
    pub live: usize,
    /// Is it really you?
    pub confirm: Confirm,
}

/// Who can reach the public URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reachable {
    /// Only this machine.
    Here,
    /// Only the own network.
    Inside,
    /// Everybody, as far as the name tells.
    Outside,
}

impl Ui {
    /// `/provisioning`
    pub(super) async fn provisioning(&self, visit: &Visit<'_>, signed: &Signed, form: Form) -> Outcome {
        let read = self.directory.store.read(|reader| Ok::<_, StoreError>((standing(reader)?, reader.admins()?)));
        let (standing, admins) = read.await?;
        let tokens = self.all_tokens().await?;
        let title = match standing.state {
            Provisioning::On => "Provisioning is on",
            Provisioning::Off => "Provisioning is off",
            Provisioning::Paused => "Provisioning is paused",
            Provisioning::ReadOnly => "Provisioning is read-only",
        };
        let chosen = visit.parameter("idp").unwrap_or_default();
        let provider = PROVIDERS.iter().find(|p| p.key == chosen).unwrap_or(&PROVIDERS[0]);
        let status = if form.is_good() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
        let page = ProvisioningPage {
            frame: self.frame(visit, signed, "provisioning", title).await?,
            state: self.state(&standing, &tokens),
            endpoint: self.endpoint(),
            tokens: self.shown_tokens(&tokens),
            live: self.live(&tokens),
            most: self.settings.max_live_tokens,
            rotations: self.rotations(&tokens),
            unreachable: self.unreachable(),
            ways: self.ways(),
            tabs: PROVIDERS.iter().map(|p| Tab { key: p.key, words: p.name, current: p.key == provider.key }).collect(),
            steps: steps(provider, &self.endpoint(), &standing, &tokens, |name| {
                self.directory.store.activity(|a| a.milestone(name).cloned())
            }),
            provider: provider.name,
            checks: self.checks(&standing, &tokens, &admins),
            needs_word: self.missing(&standing) == Some(Missing::Word),
            locked: self.missing(&standing) == Some(Missing::Sso),
            unmet: unmet(standing.state, &standing.sso, standing.acknowledged.is_some(), self.settings.precondition),
            word: standing.acknowledged.as_ref().map(|(who, at)| (super::state::who_words(who, &tokens), Exact(*at))),
            standing,
            form,
        };
        page_for(visit, signed, status, &page)
    }

    /// What is missing before an identity provider may be let in.
    pub(super) fn missing(&self, standing: &Standing) -> Option<Missing> {
        missing(&standing.sso, standing.acknowledged.is_some(), self.settings.precondition)
    }

    /// The URL of the SCIM endpoint.
    pub(super) fn endpoint(&self) -> String {
        format!("{}{}", self.settings.public_url, super::super::BASE)
    }

    /// What should be true before provisioning is on.
    fn checks(&self, standing: &Standing, tokens: &[TokenRow], admins: &[AdminRow]) -> Vec<Check> {
        let live = self.live(tokens);
        let guarded = admins.len() > 1 || admins.iter().any(|a| a.totp.is_some());
        let link = |href: &str, words: &str| Some(Link { href: href.to_owned(), words: words.to_owned() });
        let how = match standing.sso.name() {
            "on" => "It is on.",
            "tested" => "It is set up and tested.",
            "not tested" => "It is set up, and no test was good since it was changed.",
            _ => "It is not set up.",
        };
        let required = self.settings.precondition == Precondition::Required;
        let sign_on = match (self.missing(standing), &standing.acknowledged) {
            (Some(Missing::Sso), _) => {
                format!("{how} The configuration wants it before provisioning (sso.precondition).")
            }
            (Some(Missing::Word), _) => format!(
                "{how} Before an identity provider manages people, they should sign in with it. You can go on without."
            ),
            (None, Some((who, at))) if !required => {
                let who = super::state::who_words(who, tokens);
                let at = crate::clock::date_time(*at).chars().take(16).collect::<String>().replace('T', " ");
                format!("{how} {who} decided on {at} UTC to go on without it.")
            }
            (None, _) => how.to_owned(),
        };
        let reach = self.reachable();
        vec![
            Check {
                done: self.missing(standing).is_none(),
                title: "Single sign-on".to_owned(),
                text: sign_on,
                link: if standing.sso.is_on() { None } else { link("/sso", "Single sign-on") },
            },
            Check {
                done: reach == Reachable::Outside,
                title: "Public address".to_owned(),
                text: match reach {
                    Reachable::Outside => {
                        format!("{} is where the identity provider comes to.", self.settings.public_url)
                    }
                    _ => format!(
                        "{} cannot be reached from the internet. That is enough for an agent in your network, or for a try on this machine.",
                        self.settings.public_url
                    ),
                },
                link: link("#way", "Which way in"),
            },
            Check {
                done: live > 0,
                title: "Token".to_owned(),
                text: if live > 0 {
                    format!("{} good.", super::state::counted(live as u64, "token is", "tokens are"))
                } else {
                    "There is none yet. Without one nobody gets in.".to_owned()
                },
                link: if live > 0 { None } else { link("/tokens/new", "Create a token") },
            },
            Check {
                done: guarded,
                title: "A second way in for administrators".to_owned(),
                text: if guarded {
                    "There is a second factor or a second administrator.".to_owned()
                } else {
                    "Advice: set up a second factor and keep its recovery codes, or add a second administrator."
                        .to_owned()
                },
                link: if guarded { None } else { link("/account/second-factor", "Set up a second factor") },
            },
        ]
    }

    fn reachable(&self) -> Reachable {
        reachable(&self.settings.public_url)
    }

    fn unreachable(&self) -> Option<String> {
        let url = &self.settings.public_url;
        match self.reachable() {
            Reachable::Outside if url.starts_with("http://") => {
                Some(format!("The public address is {url}, without TLS. Okta's and Microsoft's clouds want https."))
            }
            Reachable::Outside => None,
            Reachable::Here => Some(format!(
                "The public address is {url}. Only this machine can reach it, so the clouds of Okta and Microsoft cannot. Set public_url in the configuration, or use an agent on this machine."
            )),
            Reachable::Inside => Some(format!(
                "The public address is {url}. Only your own network can reach it, so the clouds of Okta and Microsoft cannot. Set public_url to a public name, or use an agent."
            )),
        }
    }

    fn ways(&self) -> Vec<Way> {
        let url = &self.settings.public_url;
        let outside = self.reachable() == Reachable::Outside;
        let agent = if outside { ("off", "Not needed") } else { ("ok", "This way is open") };
        vec![
            Way {
                title: "A public name with TLS",
                text: if outside {
                    format!(
                        "The identity provider reaches {url} from the internet. The name needs a certificate of a public authority, here or on a proxy in front."
                    )
                } else {
                    "Give the server a public name and a certificate of a public authority, here or on a proxy in front, and put the name into public_url.".to_owned()
                },
                kind: if outside { "ok" } else { "warn" },
                status: if outside { "This one applies" } else { "Not possible now" },
            },
            Way {
                title: "Okta's on-premises provisioning agent",
                text: format!(
                    "It runs in your network and calls out to Okta; nothing comes in. Type {} as its base URL: it speaks SCIM 2.0 because the address has /v2 in it.",
                    self.endpoint()
                ),
                kind: agent.0,
                status: agent.1,
            },
            Way {
                title: "Microsoft's provisioning agent",
                text: format!(
                    "The same for Entra ID, on Windows Server, with the gallery app On-premises SCIM app. Its tenant URL is {}.",
                    self.endpoint()
                ),
                kind: agent.0,
                status: agent.1,
            },
        ]
    }

    /// Turns provisioning on. The first time somebody has to say that there is no single sign-on.
    pub(super) async fn switch_on(&self, visit: &Visit<'_>, signed: &Signed, mut form: Form) -> Outcome {
        let (word, by, precondition) = (form.get("acknowledge") == "yes", signed.by(), self.settings.precondition);
        let write = self.change(signed, move |writer| switch(writer, Provisioning::On, word, precondition, &by));
        match write.await {
            Ok(Some(())) => Ok(redirect("/provisioning")),
            Ok(None) => Err(Trouble::foreign()),
            Err(Refusal::Denied(_)) if self.settings.precondition == Precondition::Required => Err(locked()),
            Err(Refusal::Denied(_)) => {
                form.refuse("acknowledge", "Single sign-on is not set up. Tick this box to go on without it.");
                self.provisioning(visit, signed, form).await
            }
            Err(other) => Err(other.into()),
        }
    }

    /// `/provisioning/off`, `/provisioning/pause`, `/provisioning/read-only`: what will happen, and doing it.
    pub(super) async fn switch(&self, visit: &Visit<'_>, signed: Signed, to: &str, form: Option<Form>) -> Outcome {
        let (to, state) = match to {
            "off" => ("off", Provisioning::Off),
            "pause" => ("pause", Provisioning::Paused),
            "read-only" => ("read-only", Provisioning::ReadOnly),
            _ => return Err(Trouble::not_found()),
        };
        let before = self.directory.store.read(standing).await?;
        // To look is to let in: that needs what comes before as well. Said before anybody confirms anything.
        let missing = self.missing(&before).filter(|_| state == Provisioning::ReadOnly);
        if missing == Some(Missing::Sso) {
            return Err(locked());
        }
        if missing.is_some() {
            let why =
                "Single sign-on is not set up. Turn provisioning on first: there you can say that it is to go without.";
            return Err(Trouble::new(StatusCode::CONFLICT, "This cannot be done", why));
        }
        let (signed, confirm, status) = match self.grave(visit, signed, form).await? {
            Grave::Ask(signed, confirm, status) => (signed, confirm, status),
            Grave::Now(signed) => {
                let (by, precondition) = (signed.by(), self.settings.precondition);
                let write = self.change(&signed, move |writer| switch(writer, state, false, precondition, &by));
                write.await?.ok_or_else(Trouble::foreign)?;
                return Ok(with_cookie(visit, &signed, redirect("/provisioning")));
            }
        };
        let title = match to {
            "off" => "Turn provisioning off",
            "pause" => "Pause provisioning",
            _ => "Make provisioning read-only",
        };
        let page = Switch {
            frame: self.frame(visit, &signed, "provisioning", title).await?,
            to,
            standing: before,
            live: self.live(&self.all_tokens().await?),
            confirm,
        };
        page_for(visit, &signed, status, &page)
    }
}

/// Single sign-on has to come first.
fn locked() -> Trouble {
    let mut trouble = Trouble::new(
        StatusCode::CONFLICT,
        "Single sign-on comes first",
        "The configuration of this server wants single sign-on, set up and tested, before an identity provider is let in (sso.precondition). Nothing was changed.",
    );
    trouble.link = Some(Link { href: "/sso".to_owned(), words: "Go to single sign-on".to_owned() });
    trouble
}

/// Who can reach a URL, as far as its host tells.
fn reachable(url: &str) -> Reachable {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = match host.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => host.rsplit_once(':').map_or(host, |(h, _)| h),
    };
    if let Ok(address) = host.parse::<IpAddr>() {
        return match address.to_canonical() {
            a if a.is_loopback() || a.is_unspecified() => Reachable::Here,
            IpAddr::V4(a)
                if a.is_private() || a.is_link_local() || (a.octets()[0] == 100 && a.octets()[1] & 0xc0 == 64) =>
            {
                Reachable::Inside
            }
            IpAddr::V6(a) if a.is_unique_local() || a.is_unicast_link_local() => Reachable::Inside,
            _ => Reachable::Outside,
        };
    }
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    const INSIDE: [&str; 9] = ["local", "internal", "lan", "intranet", "corp", "home", "private", "test", "home.arpa"];
    if host == "localhost" || host.ends_with(".localhost") {
        Reachable::Here
    } else if !host.contains('.') || INSIDE.iter().any(|end| host.ends_with(&format!(".{end}"))) {
        Reachable::Inside
    } else {
        Reachable::Outside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_tells_who_can_reach_it() {
        for (url, who) in [
            ("http://127.0.0.1:8080", Reachable::Here),
            ("http://localhost:8080", Reachable::Here),
            ("http://[::1]:8080", Reachable::Here),
            ("https://[::ffff:127.0.0.1]", Reachable::Here),
            ("https://10.1.2.3", Reachable::Inside),
            ("https://192.168.1.1:8443", Reachable::Inside),
            ("https://172.20.0.1", Reachable::Inside),
            ("https://100.64.0.1", Reachable::Inside),
            ("https://[fd00::1]:8443", Reachable::Inside),
            ("https://scim", Reachable::Inside),
            ("https://scim.corp", Reachable::Inside),
            ("https://scim.example.local", Reachable::Inside),
            ("https://scim.example.com", Reachable::Outside),
            ("https://scim.example.com:8443", Reachable::Outside),
            ("https://203.0.113.9", Reachable::Outside),
            ("https://100.128.0.1", Reachable::Outside),
        ] {
            assert_eq!(reachable(url), who, "{url}");
        }
    }
}
