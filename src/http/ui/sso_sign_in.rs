//! Signing in by single sign-on: the way to the identity provider and back. The same way is taken to prove once more who one
//! is, and to test how it is set up.

use askama::Template;
use hyper::header::SET_COOKIE;
use hyper::{Method, StatusCode};

use super::cookies::Way;
use super::drafts::CONFIRMED;
use super::flows::{Flow, Found, Purpose, Shown, outdated};
use super::places::{Asking, Place};
use super::session::{Signed, is_from_another_site, is_looked_at};
use super::sso_claims::certain;
use super::sso_words::{
    Failed, capital, crowded, cut, is_own_page, not_looked_at, not_on, tested_otherwise, too_many, value_of,
};
use super::views::Frame;
use super::{Answer, Jar, Outcome, Trouble, Ui, Visit, html, listed, redirect, with_cookie};
use crate::directory::sso::{CALLBACK, Met, Settings, State, Tested, meet, note_test, open_secret, state};
use crate::directory::who::{Entry, Person, Who, enter, exchange, still, whose};
use crate::directory::{Refusal, Weight};
use crate::secret::digest_of;
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
        if !is_looked_at(visit.headers) {
            return Err(not_looked_at());
        }
        // A link of another site does not bring the cookie of the session, which is to end with the sign-in: the next request
        // is one of a page of ours, and brings it.
        if is_from_another_site(visit.headers) {
            let query = if visit.query.is_empty() { String::new() } else { format!("?{}", visit.query) };
            return self.onward(visit, None, "Sign in", &format!("{}{query}", visit.path));
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
            false => Some(self.flows.places.ask(Asking::Begin, visit.address).await.ok_or_else(|| crowded(visit))?),
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
        let (url, now) = (begun.url.clone(), self.now());
        let flow = Flow { purpose, begun, settings: settings.tested_as() };
        let way = flow.seal(&self.directory.key).ok_or_else(Trouble::broken)?;
        let answer = redirect(&url).with(SET_COOKIE, &way.set(visit.secure));
        let before = Way::find(visit.headers, visit.secure);
        let gone = outdated(&self.directory.key, &before, &way, now);
        Ok(gone.iter().fold(answer, |answer, tag| answer.with(SET_COOKIE, &Way::clear(tag, visit.secure))))
    }

    /// `/sign-in/sso/callback`: back from the identity provider. Whoever brings what this browser has begun is heard, however
    /// many of the same network bring something else. The cookie of the way is taken away when it is used up.
    pub(super) async fn sso_callback(&self, visit: &Visit<'_>) -> Outcome {
        // A look ahead uses nothing up, and a picture on a page of somebody else is no browser that comes back.
        if *visit.method != Method::GET {
            return Err(Trouble::not_found());
        }
        if !is_looked_at(visit.headers) {
            return Err(not_looked_at());
        }
        let states: Vec<String> = visit.all("state").collect();
        let ways = Way::find(visit.headers, visit.secure);
        let found = match states.as_slice() {
            [state] => self.flows.find(&self.directory.key, &ways, state, self.now()),
            _ => Found::None,
        };
        let flow = match found {
            Found::Flow(flow) => *flow,
            nothing => {
                if let Some(seconds) = self.flows.led_nowhere(visit.address) {
                    return Err(too_many(seconds));
                }
                let over = match nothing {
                    Found::Over(tag) => Some(tag),
                    _ => None,
                };
                let mut lost = self.lost(over.is_some());
                lost.headers.extend(over.map(|tag| (SET_COOKIE, Way::clear(&tag, visit.secure))));
                return Err(lost);
            }
        };
        let place = match visit.code() {
            // Before the sign-in is used up: whoever finds no place tries again with the same address.
            Some(_) => {
                Some(self.flows.places.ask(Asking::Callback, visit.address).await.ok_or_else(|| crowded(visit))?)
            }
            None => None,
        };
        let found = self.directory.store.read(state).await?;
        if !self.flows.use_up(&flow, self.now()) {
            return Err(self.lost(true));
        }
        let cleared = Way::clear(&flow.tag(), visit.secure);
        match self.sso_back(visit, (flow, found), place).await {
            Ok(answer) => Ok(answer.with(SET_COOKIE, &cleared)),
            Err(mut trouble) => {
                trouble.headers.push((SET_COOKIE, cleared));
                Err(trouble)
            }
        }
    }

    async fn sso_back(&self, visit: &Visit<'_>, (flow, found): (Flow, State), place: Option<Place<'_>>) -> Outcome {
        // What was set up otherwise in between was not meant.
        let is_test = matches!(flow.purpose, Purpose::Test(_));
        let same = found.settings.clone().filter(|s| s.tested_as() == flow.settings && (is_test || found.is_on()));
        let Some(settings) = same else { return Err(if is_test { tested_otherwise() } else { not_on() }) };
        let outcome = match visit.code() {
            // Which of them a browser would mean, nobody knows.
            Some(_) if visit.all("iss").count() > 1 => Err(Failed::made_up(TWO_ISSUERS)),
            Some(code) => {
                let Some(provider) = self.provider_of(&settings) else { return Err(self.unsealed(visit, is_test)) };
                let iss = visit.parameter("iss");
                let claims: Vec<&str> = settings.rules.iter().map(|rule| rule.claim.as_str()).collect();
                // A test shows everything that there is.
                let needs = if is_test { Needs::All } else { Needs::These(&claims) };
                let brought = (code.as_str(), iss.as_deref());
                let claims = self.settings.sso.finish(&provider, &flow.begun, brought, needs, self.now()).await;
                if matches!(claims, Err(SsoError::CodeRefused(_))) {
                    self.flows.places.code_refused(visit.address);
                }
                claims.map_err(Failed::of)
            }
            None => {
                Err(Failed::said(&visit.once("error").unwrap_or_default(), visit.once("error_description").as_deref()))
            }
        };
        drop(place);
        match flow.purpose {
            Purpose::SignIn(to, before) => self.sso_sign_in(visit, settings, outcome, (&to, before)).await,
            Purpose::Again(session, back) => {
                self.sso_again(visit, (settings, flow.begun.at), outcome, (session, back)).await
            }
            Purpose::Test(session) => self.sso_tested(visit, settings, outcome, session).await,
        }
    }

    async fn sso_sign_in(
        &self,
        visit: &Visit<'_>,
        settings: Settings,
        outcome: Result<Claims, Failed>,
        (to, before): (&str, Option<Vec<u8>>),
    ) -> Outcome {
        let claims = match outcome {
            Ok(claims) => claims,
            Err(failed) => return Err(self.came_back(visit, &failed)),
        };
        let nobody = Person { id: String::new(), name: String::new(), settings_admin: false };
        let mut signed = self.fresh_session(visit, Who::Person(nobody), true)?;
        signed.session.authenticated = claims.auth_time.unwrap_or(0).min(self.now());
        signed.session.id_token = self.sealed(&claims.id_token);
        let (all, missing) = certain(claims, &settings.rules);
        let site = self.directory.site.clone();
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
                Some(missing) if refused.rule.is_none() => self.came_back(visit, &Failed::of(missing)),
                _ => self.refused(visit, refused.why.for_person(), refused.name, refused.why.for_admins()),
            }),
            Entry::Over => Err(not_on()),
        }
    }

    async fn sso_again(
        &self,
        visit: &Visit<'_>,
        (settings, began): (Settings, i64),
        outcome: Result<Claims, Failed>,
        (session, back): (Vec<u8>, String),
    ) -> Outcome {
        let claims = match outcome {
            Ok(claims) => claims,
            Err(failed) => return Err(self.came_back(visit, &failed)),
        };
        // The protocol has looked at it too. An identity provider that asks for nothing would prove nothing.
        let Some(at) = claims.auth_time.filter(|at| *at >= began.saturating_sub(SKEW)) else {
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
        let (all, missing) = certain(claims, &settings.rules);
        let (site, old, new) = (self.directory.site.clone(), session.clone(), signed.session.clone());
        let renewed = self.directory.store.write(Weight::Light, move |writer| {
            // Whoever confirms who they are gains no time.
            let of = |old: &crate::directory::SessionRow| crate::directory::SessionRow {
                owner: old.owner.clone(),
                created: old.created,
                expires: old.expires,
                ..new
            };
            exchange(writer, &site, &settings, &all, &old, of)
        });
        match (renewed.await?, missing) {
            (true, _) => {
                let kept = self.drafts.follow(&session, &signed.session.digest, &back, self.now());
                let to = if kept { CONFIRMED } else { &back };
                self.onward(visit, Some(&signed), "It is you", to)
            }
            (false, Some(missing)) => Err(self.came_back(visit, &Failed::of(missing))),
            (false, None) => {
                let why = "Somebody else than the one who is signed in has confirmed, or the session has ended.";
                Err(self.refused(visit, "You are signed in here as somebody else, or no longer.", None, why))
            }
        }
    }

    async fn sso_tested(
        &self,
        visit: &Visit<'_>,
        settings: Settings,
        outcome: Result<Claims, Failed>,
        session: Vec<u8>,
    ) -> Outcome {
        let mut shown =
            Shown { at: self.now(), good: false, result: String::new(), claims: Vec::new(), person: None, rule: None };
        match outcome {
            Err(failed) => shown.result = failed.whole(),
            Ok(claims) => {
                shown.claims = claims.all.iter().take(MOST_CLAIMS).map(|(n, v)| (cut(n), value_of(v))).collect();
                let (site, settings) = (self.directory.site.clone(), settings.clone());
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
        let (site, digest) = (self.directory.site.clone(), session.clone());
        let (at, good, result) = (shown.at, shown.good, shown.result.clone());
        let noted = self.directory.store.write(Weight::Light, move |writer| {
            let Some((_, who)) = whose(writer, &site, &digest)? else { return Ok(false) };
            if !who.manages() || !still(writer, &site, &who, &digest)? {
                return Ok(false);
            }
            Ok::<_, Refusal>(note_test(writer, &settings, Tested { at, by: who.by(), good, result })?)
        });
        if !noted.await? {
            return Err(tested_otherwise());
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
}
