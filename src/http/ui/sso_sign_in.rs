//! Signing in by single sign-on: the way to the identity provider and back. The same way is taken to prove once more who one
//! is, and to test how it is set up.

use askama::Template;
use hyper::header::SET_COOKIE;
use hyper::{Method, StatusCode};

use super::super::lines;
use super::flows::{Asking, Flow, Purpose, Shown};
use super::session::Signed;
use super::sso_claims::certain;
use super::sso_words::{
    Failed, capital, crowded, cut, is_own_page, not_on, settings_link, too_many, trouble, value_of,
};
use super::views::Frame;
use super::{Answer, Jar, Outcome, Trouble, Ui, Visit, html, listed, redirect, with_cookie};
use crate::directory::sso::{CALLBACK, Met, Settings, Tested, meet, note_test, open_secret, state};
use crate::directory::who::{Entry, Person, Who, enter, exchange, still, whose};
use crate::directory::{Refusal, RefusedSignIn, Weight};
use crate::secret::{digest_of, random_text};
use crate::sso::{Claims, Fresh, Needs, Provider, SsoError};

/// What is said of an answer with more than one `iss`.
const TWO_ISSUERS: &str = "the answer to the sign-in names more than one identity provider (iss)";
/// What an ID token is sealed for.
const ID_TOKEN: &str = "id token";
/// Bytes of an ID token that is kept, at most.
const LONGEST_TOKEN: usize = 16 << 10;
/// By how much the clock of the provider may be behind, in microseconds.
const SKEW: i64 = 60 * 1_000_000;
/// Claims that a test shows, at most.
const MOST_CLAIMS: usize = 60;

/// A page that leads on by itself. The browser comes from another site, and would keep the cookie of the session, which is
/// for requests of our own pages only, out of a redirect.
#[derive(Template)]
#[template(path = "onward.html", config = "assets/askama.toml")]
struct Onward {
    frame: Frame,
    heading: &'static str,
    to: String,
}

impl Ui {
    /// The provider as it is set up. None: another key file has sealed its secret.
    pub(super) fn provider_of(&self, settings: &Settings) -> Option<Provider> {
        let client_secret = match &settings.secret {
            Some(_) => Some(open_secret(&self.directory.key, settings)?),
            None => None,
        };
        Some(Provider {
            issuer: settings.issuer.clone(),
            client_id: settings.client_id.clone(),
            client_secret,
            scopes: settings.scopes.clone(),
            redirect: format!("{}{CALLBACK}", self.settings.pages_url),
        })
    }

    /// `/sign-in/sso`: off to the identity provider. With `again`, to prove once more who one is.
    pub(super) async fn sso_begin(&self, visit: &Visit<'_>) -> Outcome {
        if *visit.method != Method::GET {
            return Err(Trouble::not_found());
        }
        let Some(back) = visit.parameter("again") else {
            let to = listed(&visit.parameter("to").unwrap_or_default());
            let before = Jar::Session.find(visit.headers, visit.secure).map(|cookie| digest_of(&cookie));
            return self.sso_go(visit, Purpose::SignIn(to.to_owned(), before), Fresh::No).await;
        };
        let back = if is_own_page(&back) { back } else { "/".to_owned() };
        match self.signed(visit, true).await? {
            Some(signed) if signed.who.admin().is_none() => {
                self.sso_go(visit, Purpose::Again(signed.session.digest, back), Fresh::Login).await
            }
            Some(_) => Ok(redirect(&back)),
            None => Ok(redirect("/sign-in")),
        }
    }

    /// Sends a browser to the identity provider.
    pub(super) async fn sso_go(&self, visit: &Visit<'_>, purpose: Purpose, fresh: Fresh) -> Outcome {
        let is_test = matches!(purpose, Purpose::Test(_));
        let found = self.directory.store.read(state).await?;
        let Some(settings) = found.settings.clone().filter(|_| found.is_on() || is_test) else {
            return Err(not_on());
        };
        let Some(provider) = self.provider_of(&settings) else { return Err(self.unsealed(visit, is_test)) };
        let _place = match !is_test && self.settings.sso.is_known(&provider) {
            true => None,
            false => Some(self.flows.ask(Asking::Begin, visit.address).ok_or_else(crowded)?),
        };
        // A test goes by what the provider says now, and makes everybody go by that.
        let looked = match is_test {
            true => self.settings.sso.look(&provider).await.map(|_| ()),
            false => Ok(()),
        };
        let begun = match looked {
            Ok(()) => self.settings.sso.begin(&provider, fresh, self.now()).await,
            Err(error) => Err(error),
        };
        let begun = match begun {
            Ok(begun) => begun,
            Err(error) => return Err(self.unanswered(visit, &error, is_test)),
        };
        let cookie = match Jar::Flow.find(visit.headers, visit.secure) {
            Some(cookie) if cookie.len() == 43 => cookie,
            _ => random_text(43).map_err(|_| Trouble::broken())?,
        };
        let answer = redirect(&begun.url).with(SET_COOKIE, &Jar::Flow.set(&cookie, visit.secure));
        let browser = digest_of(&cookie);
        self.flows.keep(Flow { browser, address: visit.address, purpose, begun, settings });
        Ok(answer)
    }

    /// `/sign-in/sso/callback`: back from the identity provider. The cookie of the way is taken away when this was the last
    /// one under way.
    pub(super) async fn sso_callback(&self, visit: &Visit<'_>) -> Outcome {
        // A look ahead uses nothing up.
        if *visit.method != Method::GET {
            return Err(Trouble::not_found());
        }
        if let Some(seconds) = self.flows.wait(visit.address) {
            return Err(too_many(seconds));
        }
        let Some(browser) = Jar::Flow.find(visit.headers, visit.secure).map(|cookie| digest_of(&cookie)) else {
            self.flows.led_nowhere(visit.address);
            return Err(self.lost(visit));
        };
        let outcome = self.sso_back(visit, &browser).await;
        if self.flows.is_under_way(&browser, self.now()) {
            return outcome;
        }
        let cleared = Jar::Flow.clear(visit.secure);
        match outcome {
            Ok(answer) => Ok(answer.with(SET_COOKIE, &cleared)),
            Err(mut trouble) => {
                trouble.headers.push((SET_COOKIE, cleared));
                Err(trouble)
            }
        }
    }

    async fn sso_back(&self, visit: &Visit<'_>, browser: &[u8]) -> Outcome {
        let all = |name: &str| {
            let all = form_urlencoded::parse(visit.query.as_bytes());
            all.filter(|(n, _)| n == name).map(|(_, v)| v.into_owned()).collect::<Vec<String>>()
        };
        let once = |name: &str| <[String; 1]>::try_from(all(name)).ok().map(|[one]| one);
        let said = (once("code"), once("error"));
        // Before the sign-in is used up: whoever has to wait tries again with the same address.
        let place = match &said {
            (Some(_), None) => Some(self.flows.ask(Asking::Callback, visit.address).ok_or_else(crowded)?),
            _ => None,
        };
        let Some(flow) = once("state").and_then(|state| self.flows.take(browser, &state, self.now())) else {
            self.flows.led_nowhere(visit.address);
            return Err(self.lost(visit));
        };
        let outcome = match said {
            // Which of them a browser would mean, nobody knows.
            (Some(_), None) if all("iss").len() > 1 => Err(Failed::Protocol(TWO_ISSUERS.to_owned())),
            (Some(code), None) => {
                let Some(provider) = self.provider_of(&flow.settings) else {
                    return Err(self.unsealed(visit, matches!(flow.purpose, Purpose::Test(_))));
                };
                let iss = once("iss");
                let claims: Vec<&str> = flow.settings.rules.iter().map(|rule| rule.claim.as_str()).collect();
                let needs = match flow.purpose {
                    // It shows everything that there is.
                    Purpose::Test(_) => Needs::All,
                    _ => Needs::These(&claims),
                };
                let brought = (code.as_str(), iss.as_deref());
                let claims = self.settings.sso.finish(&provider, &flow.begun, brought, needs, self.now()).await;
                if matches!(claims, Err(SsoError::CodeRefused(_))) {
                    self.flows.led_nowhere(visit.address);
                }
                claims.map_err(|e| Failed::Protocol(e.to_string()))
            }
            (_, error) => Err(Failed::Said(error.unwrap_or_default(), once("error_description"))),
        };
        drop(place);
        match flow.purpose.clone() {
            Purpose::SignIn(to, before) => self.sso_sign_in(visit, &flow, outcome, (&to, before)).await,
            Purpose::Again(session, back) => self.sso_again(visit, &flow, outcome, (session, back)).await,
            Purpose::Test(session) => self.sso_tested(visit, &flow, outcome, session).await,
        }
    }

    async fn sso_sign_in(
        &self,
        visit: &Visit<'_>,
        flow: &Flow,
        outcome: Result<Claims, Failed>,
        (to, before): (&str, Option<Vec<u8>>),
    ) -> Outcome {
        let claims = match outcome {
            Ok(claims) => claims,
            Err(failed) => return Err(self.in_vain(visit, failed.for_person(), &failed.for_admins())),
        };
        let nobody = Person { id: String::new(), name: String::new(), settings_admin: false };
        let mut signed = self.fresh_session(visit, Who::Person(nobody), true)?;
        signed.session.authenticated = claims.auth_time.unwrap_or(0).min(self.now());
        signed.session.id_token = self.sealed(&claims.id_token);
        let (all, missing) = certain(claims, &flow.settings.rules);
        let (site, settings) = (self.directory.site.clone(), flow.settings.clone());
        let here = Jar::Session.find(visit.headers, visit.secure).map(|cookie| digest_of(&cookie));
        let before: Vec<Vec<u8>> = before.into_iter().chain(here).collect();
        let session = signed.session.clone();
        let entered = self.directory.store.write(Weight::Light, move |writer| {
            let of = |person: &Person| crate::directory::SessionRow {
                owner: Who::Person(person.clone()).owner(),
                ..session
            };
            enter(writer, &site, &settings, &all, of, &before)
        });
        match entered.await? {
            Entry::In(person) => {
                let to = if person.settings_admin { to } else { "/me" };
                signed.session.owner = Who::Person(person.clone()).owner();
                signed.who = Who::Person(person);
                self.onward(visit, Some(&signed), "You are signed in", to)
            }
            Entry::Out(refused) => Err(match missing {
                // Nobody knows who it would be by what is missing.
                Some(missing) if refused.rule.is_none() => {
                    let failed = Failed::Protocol(missing.to_string());
                    self.in_vain(visit, failed.for_person(), &failed.for_admins())
                }
                _ => self.refused(visit, refused.why.for_person(), refused.name, refused.why.for_admins()),
            }),
            Entry::Over => Err(not_on()),
        }
    }

    async fn sso_again(
        &self,
        visit: &Visit<'_>,
        flow: &Flow,
        outcome: Result<Claims, Failed>,
        (session, back): (Vec<u8>, String),
    ) -> Outcome {
        let claims = match outcome {
            Ok(claims) => claims,
            Err(failed) => return Err(self.in_vain(visit, failed.for_person(), &failed.for_admins())),
        };
        // The protocol has looked at it too. An identity provider that asks for nothing would prove nothing.
        let Some(at) = claims.auth_time.filter(|at| *at >= flow.begun.at.saturating_sub(SKEW)) else {
            let why = "The identity provider did not say that the person has just proved who that is (auth_time).";
            return Err(self.refused(
                visit,
                "Your identity provider did not say that it asked who you are.",
                None,
                why,
            ));
        };
        let nobody = Person { id: String::new(), name: String::new(), settings_admin: false };
        let mut signed = self.fresh_session(visit, Who::Person(nobody), true)?;
        signed.session.authenticated = at.min(self.now());
        signed.session.id_token = self.sealed(&claims.id_token);
        let (all, missing) = certain(claims, &flow.settings.rules);
        let (site, settings, new) = (self.directory.site.clone(), flow.settings.clone(), signed.session.clone());
        let renewed = self.directory.store.write(Weight::Light, move |writer| {
            // Whoever confirms who they are gains no time.
            let of = |old: &crate::directory::SessionRow| crate::directory::SessionRow {
                owner: old.owner.clone(),
                created: old.created,
                expires: old.expires,
                ..new
            };
            exchange(writer, &site, &settings, &all, &session, of)
        });
        match (renewed.await?, missing) {
            (true, _) => self.onward(visit, Some(&signed), "It is you", &back),
            (false, Some(missing)) => {
                let failed = Failed::Protocol(missing.to_string());
                Err(self.in_vain(visit, failed.for_person(), &failed.for_admins()))
            }
            (false, None) => {
                let why = "Somebody else than the one who is signed in has confirmed, or the session has ended.";
                Err(self.refused(visit, "You are signed in here as somebody else, or no longer.", None, why))
            }
        }
    }

    async fn sso_tested(
        &self,
        visit: &Visit<'_>,
        flow: &Flow,
        outcome: Result<Claims, Failed>,
        session: Vec<u8>,
    ) -> Outcome {
        let mut shown =
            Shown { at: self.now(), good: false, result: String::new(), claims: Vec::new(), person: None, rule: None };
        match outcome {
            Err(failed) => shown.result = failed.for_admins(),
            Ok(claims) => {
                shown.claims = claims.all.iter().take(MOST_CLAIMS).map(|(n, v)| (cut(n), value_of(v))).collect();
                let (site, settings) = (self.directory.site.clone(), flow.settings.clone());
                let (all, missing) = certain(claims, &settings.rules);
                let met = self.directory.store.read(move |reader| meet(reader, &site, &settings, &all));
                match met.await? {
                    Met::In(person, rule) => {
                        shown.good = true;
                        let goes = if person.settings_admin { "to these pages" } else { "to a page of his or her own" };
                        shown.result = format!("{} would be let in, {goes}.", cut(&person.name));
                        shown.person = Some((person.id, person.name));
                        shown.rule = Some((rule.claim, rule.attribute.path()));
                    }
                    Met::Out(refused) => {
                        shown.result = match (&refused.name, missing) {
                            (_, Some(missing)) if refused.rule.is_none() => capital(&missing.to_string()),
                            (Some(name), _) => format!("{}: {}", cut(name), refused.why.for_admins()),
                            (None, _) => refused.why.for_admins().to_owned(),
                        };
                        shown.rule = refused.rule.map(|rule| (rule.claim, rule.attribute.path()));
                    }
                }
            }
        }
        let (site, settings, digest) = (self.directory.site.clone(), flow.settings.clone(), session.clone());
        let (at, good, result) = (shown.at, shown.good, shown.result.clone());
        let noted = self.directory.store.write(Weight::Light, move |writer| {
            let Some((_, who)) = whose(writer, &site, &digest)? else { return Ok(false) };
            if !who.manages() || !still(writer, &site, &who, &digest)? {
                return Ok(false);
            }
            Ok::<_, Refusal>(note_test(writer, &settings, Tested { at, by: who.by(), good, result })?)
        });
        if !noted.await? {
            return Err(Trouble::new(
                StatusCode::CONFLICT,
                "The test does not count",
                "You were signed out, or single sign-on was set up otherwise, while the test was under way. Test it again.",
            ));
        }
        self.flows.show(&session, shown);
        self.onward(visit, None, "The test is done", "/sso/tested")
    }

    /// Leads a browser that comes from another site to a page of ours.
    fn onward(&self, visit: &Visit<'_>, signed: Option<&Signed>, heading: &'static str, to: &str) -> Outcome {
        let page = Onward { frame: self.bare(visit, heading), heading, to: to.to_owned() };
        let answer = html(StatusCode::OK, &page)?;
        Ok(match signed {
            Some(signed) => with_cookie(visit, signed, answer),
            None => answer,
        })
    }

    fn sealed(&self, id_token: &str) -> Option<Vec<u8>> {
        let short = !id_token.is_empty() && id_token.len() <= LONGEST_TOKEN;
        short.then(|| self.directory.key.seal(ID_TOKEN, id_token.as_bytes()).ok()).flatten()
    }

    /// Signs somebody out at the identity provider too, if it has a place for that: the page that leads there.
    pub(super) async fn sign_out_there(&self, visit: &Visit<'_>, signed: &Signed) -> Result<Option<Answer>, Trouble> {
        let Some(sealed) = &signed.session.id_token else { return Ok(None) };
        let Some(token) = self.directory.key.open(ID_TOKEN, sealed).and_then(|t| String::from_utf8(t).ok()) else {
            return Ok(None);
        };
        let found = self.directory.store.read(state).await?;
        let Some(provider) = found.settings.and_then(|s| self.provider_of(&s)) else { return Ok(None) };
        let back = self.signed_out_url();
        let Some(url) = self.settings.sso.sign_out_url(&provider, &token, &back).await else { return Ok(None) };
        // A redirect after a form would be held to the policy of the page, which knows no other site.
        let page = Onward { frame: self.bare(visit, "Signed out"), heading: "You are signed out here", to: url };
        html(StatusCode::OK, &page).map(Some)
    }

    /// Where people come back to who have signed out at the identity provider.
    pub(super) fn signed_out_url(&self) -> String {
        format!("{}/sign-in", self.settings.pages_url)
    }

    /// Somebody is not let in: said to the person, kept for the administrators, and written into the log.
    fn refused(&self, visit: &Visit<'_>, text: &str, name: Option<String>, why: &str) -> Trouble {
        if lines::may_write() {
            tracing::warn!(request = visit.id, address = %visit.address, person = ?name, why, "a sign-in by single sign-on was refused");
        }
        let name = name.map(|name| cut(&name));
        let one = RefusedSignIn { at: self.now(), address: visit.address, name, why: why.to_owned(), times: 1 };
        self.directory.store.activity(|a| a.sign_in_refused(one));
        trouble(StatusCode::FORBIDDEN, "You are not signed in", text)
    }

    /// A sign-in came to nothing before anybody knew whose it is. Whoever causes very many of these hides nobody who was
    /// refused.
    fn in_vain(&self, visit: &Visit<'_>, text: &str, why: &str) -> Trouble {
        if lines::may_write() {
            tracing::warn!(request = visit.id, address = %visit.address, why, "a sign-in by single sign-on failed");
        }
        let one = RefusedSignIn { at: self.now(), address: visit.address, name: None, why: why.to_owned(), times: 1 };
        self.directory.store.activity(|a| a.sign_in_failed(one));
        trouble(StatusCode::FORBIDDEN, "You are not signed in", text)
    }

    /// The identity provider could not be asked.
    fn unanswered(&self, visit: &Visit<'_>, error: &SsoError, is_test: bool) -> Trouble {
        let sentence = error.to_string();
        let text =
            "The identity provider cannot be asked at the moment. Try again later; your administrator can see why.";
        let refused = self.in_vain(visit, text, &sentence);
        match is_test {
            true => Trouble {
                link: Some(settings_link()),
                ..Trouble::new(StatusCode::BAD_GATEWAY, "The identity provider cannot be asked", capital(&sentence))
            },
            false => Trouble { status: StatusCode::BAD_GATEWAY, ..refused },
        }
    }

    fn unsealed(&self, visit: &Visit<'_>, is_test: bool) -> Trouble {
        let why = "The client secret was sealed with another key file or for another provider. Enter it again in the settings of single sign-on.";
        let text = "Single sign-on does not work at the moment. Your administrator can see why.";
        let refused = self.in_vain(visit, text, why);
        match is_test {
            true => Trouble {
                link: Some(settings_link()),
                ..Trouble::new(StatusCode::CONFLICT, "Enter the client secret again", why)
            },
            false => Trouble { status: StatusCode::SERVICE_UNAVAILABLE, ..refused },
        }
    }

    /// A browser comes back that nothing is known of.
    fn lost(&self, visit: &Visit<'_>) -> Trouble {
        let none = Jar::Flow.find(visit.headers, visit.secure).is_none();
        let base = &self.settings.pages_url;
        let text = match none {
            true => format!(
                "This browser has not begun to sign in here, or has done so already. If you opened these pages under another name, open them as {base}; if your browser refuses cookies, allow them for this site."
            ),
            false => "This sign-in was used already, or it took longer than ten minutes. Sign in once more.".to_owned(),
        };
        trouble(StatusCode::BAD_REQUEST, "This sign-in is over", text)
    }
}
