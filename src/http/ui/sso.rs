//! `/sso`: how single sign-on is set up, tested, and switched on and off.

use askama::Template;
use hyper::StatusCode;

use super::form::Form;
use super::guides::Step;
use super::proof::{Asked, Grave};
use super::provisioning::Tab;
use super::question::Question;
use super::requests::Choice;
use super::session::Signed;
use super::sso_guides::steps;
use super::state::who_words;
use super::views::{Confirm, Exact, Frame, Link, Moment};
use super::{Outcome, Trouble, Ui, Visit, page_for, redirect, with_cookie};
use crate::directory::sso::{
    CALLBACK, Kind, Rule, Settings, State, faults, open_secret, save, seal_secret, state, switch_off, switch_on,
};
use crate::directory::{Refusal, StoreError};

/// A sign-in that was refused.
struct RefusedView {
    at: Exact,
    name: String,
    why: String,
    address: String,
}

/// How it is set up.
#[derive(Template)]
#[template(path = "sso.html", config = "assets/askama.toml")]
struct SsoPage {
    frame: Frame,
    /// It is on.
    on: bool,
    since: Option<Moment>,
    /// How it stands, in a sentence.
    lede: String,
    /// It is set up.
    set_up: bool,
    /// Something is stored of that, and cannot be read.
    unreadable: bool,
    /// It was on, and nobody can sign in by it.
    stuck: bool,
    /// Stands for what the form was filled in from.
    seen: String,
    /// Why people may be sent back to a wrong place.
    doubt: Option<String>,
    /// What was made of what was typed.
    told: Option<&'static str>,
    /// A test was good.
    tested: bool,
    /// The last test: when, who, and what came of it.
    test: Option<(Moment, String, String)>,
    secret_hint: &'static str,
    /// Another key file has sealed it.
    sealed: bool,
    kinds: Vec<Choice>,
    tabs: Vec<Tab>,
    steps: Vec<Step>,
    refused: Vec<RefusedView>,
    form: Form,
    confirm: Confirm,
}

impl Ui {
    /// `/sso`
    pub(super) async fn sso(&self, visit: &Visit<'_>, signed: Signed, form: Option<Form>) -> Outcome {
        let Some(mut form) = form else {
            let confirm = signed.confirm(self.now());
            return self.sso_page(visit, &signed, StatusCode::OK, Form::default(), confirm).await;
        };
        let before = self.directory.store.read(state).await?.settings;
        // Whoever has not seen what is there now does not mean to write over it.
        let (seen, sent) = (form.get("seen").to_owned(), form.clone());
        if seen != mark(before.as_ref()) {
            return self.overtaken(visit, &signed, sent).await;
        }
        let new = self.typed(&mut form, before.as_ref());
        let confirm = signed.confirm(self.now());
        let Some((mut new, told)) = new else {
            return self.sso_page(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, confirm).await;
        };
        let signed = match self.confirmed(visit, signed.clone(), &form).await {
            Ok(signed) => signed,
            Err(Asked::Trouble(trouble)) => return Err(trouble),
            Err(Asked::Again(confirm)) => {
                return self.sso_page(visit, &signed, StatusCode::FORBIDDEN, form, confirm).await;
            }
        };
        // A mistake in the address is found here, and not by the first who wants to sign in.
        if before.is_none_or(|old| old.issuer != new.issuer)
            && let Some(provider) = self.provider_of(&new)
        {
            match self.settings.sso.look(&provider).await {
                Ok(look) => {
                    // What is sealed is sealed for the issuer as the provider spells it.
                    let secret = open_secret(&self.directory.key, &new);
                    new.issuer = look.issuer;
                    if let Some(secret) = secret {
                        let sealed = seal_secret(&self.directory.key, &new, &secret);
                        new.secret = Some(sealed.map_err(|_| Trouble::broken())?);
                    }
                }
                Err(error) => {
                    form.refuse("issuer", super::sso_words::capital(&error.to_string()));
                    let confirm = signed.confirm(self.now());
                    return self.sso_page(visit, &signed, StatusCode::UNPROCESSABLE_ENTITY, form, confirm).await;
                }
            }
        }
        let by = signed.by();
        let write = self.change(&signed, move |writer| {
            let same = seen == mark(state(writer)?.settings.as_ref());
            if same {
                save(writer, new, &by)?;
            }
            Ok::<_, Refusal>(same)
        });
        match write.await?.ok_or_else(Trouble::foreign)? {
            true => Ok(with_cookie(visit, &signed, redirect(told))),
            false => self.overtaken(visit, &signed, sent).await,
        }
    }

    /// Somebody has saved something else since the form was shown: what is there now is shown in its place.
    /// Where that is what was sent, the same form came twice.
    async fn overtaken(&self, visit: &Visit<'_>, signed: &Signed, mut sent: Form) -> Outcome {
        let now = self.directory.store.read(state).await?.settings;
        let typed = self.typed(&mut sent, now.as_ref());
        if typed.is_some_and(|(new, _)| new.mark() == mark(now.as_ref())) {
            return Ok(with_cookie(visit, signed, redirect("/sso")));
        }
        let mut form = Form::default();
        form.refuse(
            "settings",
            "Somebody has changed these settings since you opened this page. Here is what they are now; nothing of yours was saved.",
        );
        self.sso_page(visit, signed, StatusCode::CONFLICT, form, signed.confirm(self.now())).await
    }

    /// What was typed, if nothing is wrong with it; and the page that says what was made of it.
    fn typed(&self, form: &mut Form, before: Option<&Settings>) -> Option<(Settings, &'static str)> {
        let text = |form: &Form, name: &str| form.get(name).trim().to_owned();
        let (issuer, client_id) = (text(form, "issuer"), text(form, "client-id"));
        let (scopes, secret) = (text(form, "scopes"), text(form, "secret"));
        let kind = Kind::named(form.get("kind")).unwrap_or_default();
        for (field, why) in faults(&issuer, &client_id, &scopes, &secret) {
            form.refuse(field, why);
        }
        let mut rules = Rule::read(form.get("match"));
        let mut told = "/sso";
        // The lines that stand there at first are those for Okta, and Entra's sub fits nobody.
        let of_okta = kind == Kind::Entra && rules == Rule::read(Kind::Okta.rules());
        if of_okta && before.is_none_or(|old| old.kind != Kind::Entra || rules.as_ref() != Ok(&old.rules)) {
            rules = Rule::read(Kind::Entra.rules());
            told = "/sso?told=rules";
        }
        if let Err(why) = &rules {
            form.refuse("match", why.clone());
        }
        // A slash at the end is the provider's to choose, and not worth asking for the secret again.
        let bare = |url: &str| url.trim_end_matches('/').to_owned();
        let same = before.filter(|old| bare(&old.issuer) == bare(&issuer));
        let issuer = same.map_or(issuer, |old| old.issuer.clone());
        let kept = same.filter(|old| old.client_id == client_id).and_then(|old| old.secret.clone());
        let public = form.has("no-secret");
        let kept = kept.filter(|_| !public);
        if public && kind != Kind::Other {
            form.refuse(
                "no-secret",
                format!("{} gives a client secret. Enter it, and take the tick away.", kind.words()),
            );
        } else if public && !secret.is_empty() {
            form.refuse("no-secret", "Take the tick away, or leave the client secret empty.");
        } else if secret.is_empty() && kept.is_none() && !public {
            // The secret of one provider is not for another one to see.
            form.refuse("secret", "Enter the client secret. It is asked for again when issuer or client id change.");
        }
        // A page never shows a secret, not the one that was typed just now either.
        form.set("secret", "");
        let rules = rules.ok()?;
        let mut new = Settings {
            kind,
            issuer,
            client_id,
            secret: kept,
            scopes: scopes.split_whitespace().map(str::to_owned).collect(),
            rules,
            allow_email: form.has("allow-email"),
            break_glass: form.has("break-glass"),
            tested: None,
        };
        // The one that is there, typed once more, is no change, and switches nothing off.
        let is_there = || open_secret(&self.directory.key, &new).as_ref() == Some(&secret);
        if !secret.is_empty() && !is_there() {
            new.secret = Some(seal_secret(&self.directory.key, &new, &secret).ok()?);
        }
        form.is_good().then_some((new, told))
    }

    async fn sso_page(
        &self,
        visit: &Visit<'_>,
        signed: &Signed,
        status: StatusCode,
        mut form: Form,
        confirm: Confirm,
    ) -> Outcome {
        let read = self.directory.store.read(|reader| Ok::<_, StoreError>((state(reader)?, reader.tokens()?)));
        let (now, tokens) = read.await?;
        let (on, on_since, seen) = (now.is_on(), now.on_since(), mark(now.settings.as_ref()));
        let State { settings, since, unreadable } = now;
        let asked = visit.parameter("idp").and_then(|idp| Kind::named(&idp));
        let chosen = Kind::named(form.get("kind")).or(settings.as_ref().map(|s| s.kind));
        let shown = asked.or(chosen).unwrap_or_default();
        if !form.has("issuer") {
            let new = Settings { kind: shown, ..Settings::default() };
            let there = settings.as_ref().unwrap_or(&new);
            form.set("kind", there.kind.name());
            form.set("issuer", &there.issuer);
            form.set("client-id", &there.client_id);
            let (scopes, rules) = match settings {
                Some(_) => (there.scopes.join(" "), Rule::write(&there.rules)),
                None => ("openid profile email".to_owned(), shown.rules().to_owned()),
            };
            form.set("scopes", &scopes);
            form.set("match", &rules);
            let public = settings.is_some() && there.secret.is_none();
            for (name, ticked) in
                [("allow-email", there.allow_email), ("break-glass", there.break_glass), ("no-secret", public)]
            {
                if ticked {
                    form.set(name, "yes");
                }
            }
        }
        let tested = settings.as_ref().is_some_and(Settings::is_tested);
        let lede = match (&settings, on, tested) {
            (Some(s), true, true) => format!("People sign in with {}.", s.kind.button()),
            (Some(s), true, false) => {
                format!("People sign in with {}. The last test was not good.", s.kind.button())
            }
            (Some(_), false, true) => "It is set up and tested. Nobody can sign in by it yet.".to_owned(),
            (Some(_), false, false) => "It is set up. Test it, then switch it on.".to_owned(),
            (None, ..) if unreadable => "How it is set up cannot be read, so nobody can sign in by it.".to_owned(),
            (None, ..) => "Let your identity provider sign people in: administrators to these pages, everybody else to a page that shows what the directory knows of them.".to_owned(),
        };
        let title = match (form.is_good(), on) {
            (false, _) => "Error: single sign-on",
            (true, true) => "Single sign-on is on",
            (true, false) => "Single sign-on is off",
        };
        let with_secret = settings.as_ref().filter(|s| s.secret.is_some());
        let refused = self.directory.store.activity(|a| a.refused_sign_ins()).into_iter().map(|r| RefusedView {
            at: Exact(r.at),
            name: r.name.unwrap_or_default(),
            why: match r.times {
                0..=1 => r.why,
                times => format!("{} ({times} times)", r.why),
            },
            address: r.address.to_string(),
        });
        let (redirect, signed_out) = (format!("{}{CALLBACK}", self.settings.pages_url), self.signed_out_url());
        let page = SsoPage {
            frame: self.frame(visit, signed, "provisioning", title).await?,
            on,
            since: on_since.map(Moment),
            stuck: since.is_some() && !on,
            unreadable,
            seen,
            doubt: self.settings.pages_doubt.clone(),
            told: told(visit, settings.as_ref()),
            lede,
            set_up: settings.is_some(),
            tested,
            test: settings
                .as_ref()
                .and_then(|s| s.tested.as_ref())
                .map(|t| (Moment(t.at), who_words(&t.by, &tokens), t.result.clone())),
            secret_hint: match with_secret {
                Some(_) => "Leave it empty to keep the one that is there.",
                None => "It is sealed, and never shown again.",
            },
            sealed: with_secret.is_some_and(|settings| open_secret(&self.directory.key, settings).is_none()),
            kinds: Kind::ALL
                .into_iter()
                .map(|k| Choice {
                    value: k.name().to_owned(),
                    words: k.words().to_owned(),
                    current: k.name() == form.get("kind"),
                })
                .collect(),
            tabs: Kind::ALL.into_iter().map(|k| Tab { key: k.name(), words: k.words(), current: k == shown }).collect(),
            steps: steps(shown, &redirect, &signed_out),
            refused: refused.collect(),
            form,
            confirm,
        };
        page_for(visit, signed, status, &page)
    }

    /// `/sso/on` and `/sso/off`: what it comes to, and doing it.
    pub(super) async fn sso_switch(&self, visit: &Visit<'_>, signed: Signed, on: bool, form: Option<Form>) -> Outcome {
        let now = self.directory.store.read(state).await?;
        let is = if on { now.is_on() } else { now.since.is_some() };
        if is == on {
            return Ok(redirect("/sso"));
        }
        if on && !now.is_ready() {
            return Err(untested());
        }
        let (signed, confirm, status) = match self.grave(visit, signed, form).await? {
            Grave::Ask(signed, confirm, status) => (signed, confirm, status),
            Grave::Now(signed) => {
                let by = signed.by();
                let write = self.change(&signed, move |writer| match on {
                    true => switch_on(writer, &by),
                    false => Ok(switch_off(writer, &by)?),
                });
                return match write.await {
                    Ok(Some(_)) => Ok(with_cookie(visit, &signed, redirect("/sso"))),
                    Ok(None) => Err(Trouble::foreign()),
                    Err(Refusal::Conflict(_)) => Err(untested()),
                    Err(other) => Err(other.into()),
                };
            }
        };
        let heading = if on { "Switch single sign-on on?" } else { "Switch single sign-on off?" };
        let kind = now.settings.map(|s| s.kind.button()).unwrap_or_default();
        let facts = match on {
            true => vec![
                ("At once", format!("The page to sign in with offers “Sign in with {kind}” first.")),
                ("People", "Whoever is active here and known to the identity provider gets in: to these pages with a role that opens them, and to the own profile otherwise.".to_owned()),
                ("Administrators", "Names and passwords go on working, whatever the identity provider does.".to_owned()),
                ("Roles", "Whoever holds a token for SCIM can give anybody a role that opens these pages, unless that role is assignable = \"local\".".to_owned()),
                ("Automatic deactivation", "It may count sign-ins from now on, if you switch it on.".to_owned()),
            ],
            false => vec![
                ("At once", "Everybody who has signed in by it is signed out, and nobody gets in by it any longer.".to_owned()),
                ("Administrators", "Names and passwords go on working.".to_owned()),
                ("Provisioning", "It goes on as it is.".to_owned()),
                ("Automatic deactivation", "It stops, and counts anew when single sign-on is on again.".to_owned()),
                ("Kept", "How it is set up.".to_owned()),
            ],
        };
        let page = Question {
            frame: self.frame(visit, &signed, "provisioning", heading).await?,
            heading: heading.to_owned(),
            notice: (!on && signed.who.admin().is_none())
                .then(|| "You have signed in by it yourself: you are signed out with everybody else, and need the name and password of an administrator then.".to_owned()),
            facts,
            form: Form::default(),
            successor: None,
            confirm,
            action: if on { "/sso/on" } else { "/sso/off" }.to_owned(),
            button: if on { "Switch it on" } else { "Switch it off" },
            danger: !on,
            back: Link { href: "/sso".to_owned(), words: "Single sign-on".to_owned() },
            keep: if on { "Keep it off" } else { "Keep it on" },
        };
        page_for(visit, &signed, status, &page)
    }
}

/// Stands for how it is set up; nothing: it is not.
fn mark(settings: Option<&Settings>) -> String {
    settings.map(Settings::mark).unwrap_or_default()
}

/// What was made of what was typed, where that is something else.
fn told(visit: &Visit<'_>, settings: Option<&Settings>) -> Option<&'static str> {
    let entra = settings.is_some_and(|s| s.kind == Kind::Entra && Rule::write(&s.rules) == Kind::Entra.rules());
    (entra && visit.parameter("told").as_deref() == Some("rules")).then_some(
        "The lines of “Who is who” were those for Okta, and the claim sub of Microsoft Entra ID fits nobody. They are those for Microsoft Entra ID now.",
    )
}

fn untested() -> Trouble {
    let mut trouble = Trouble::new(
        StatusCode::CONFLICT,
        "Test it first",
        "Single sign-on is switched on when a test has shown that somebody gets in. It was not tested since it was changed.",
    );
    trouble.link = Some(Link { href: "/sso".to_owned(), words: "Go to single sign-on".to_owned() });
    trouble
}
