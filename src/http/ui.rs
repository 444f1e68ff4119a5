//! The settings page: HTML that works without JavaScript, one file for each page. Every change is a POST that carries a
//! value of the session and comes from a page of ours; a GET changes nothing.

mod account;
mod admins;
mod attributes;
mod cookies;
mod departed;
mod drafts;
mod flows;
mod form;
mod frames;
mod gate;
mod group_edit;
mod guard;
mod guides;
mod handovers;
mod history;
mod idle;
mod lists;
mod me;
mod multipart;
mod oddities;
mod overview;
mod people;
mod people_csv;
mod person_edit;
mod places;
mod proof;
mod provisioning;
mod question;
mod requests;
mod restore;
mod roles;
mod session;
mod setup;
mod sign_in;
mod sso;
mod sso_claims;
mod sso_guides;
mod sso_refusals;
mod sso_sessions;
mod sso_sign_in;
mod sso_tested;
mod sso_words;
mod state;
mod tokens;
mod trouble;
mod uploads;
mod views;
mod visit;

pub use guides::{CHANGED, CONTACT, CREATED, GROUP, IMPORT, QUERY};
pub use requests::Wanted;
pub use visit::Visit;

use std::path::PathBuf;
use std::sync::Arc;

use askama::Template;
use hyper::body::Incoming;
use hyper::header;
use hyper::{Method, StatusCode};

use self::cookies::Jar;
use self::flows::Flows;
use self::form::Form;
use self::lists::encoded;
use self::person_edit::decoded;
use self::session::{Signed, is_own};
pub use self::trouble::Trouble;
use self::uploads::Uploads;
use self::views::{Failure, Link};
use super::media::prefers_html;
use super::problem::Problem;
use super::wire::{Answer, BodyLimits, Media, Room, read};
use super::{Certificates, assets};
use crate::directory::Directory;
use crate::directory::admins::{Claim, claim};
use crate::directory::local::Kind;
use crate::directory::people_csv::Bounds;
use crate::directory::provisioning::Precondition;
use crate::sso::Sso;

/// What the configuration says about the page.
#[derive(Clone)]
pub struct Settings {
    /// Where identity providers reach the server.
    pub public_url: String,
    /// Live tokens of scope `scim`, at most.
    pub max_live_tokens: usize,
    /// The database, for people.
    pub database: PathBuf,
    /// For how many days a deleted person is kept; 0: for ever.
    pub departed_days: i64,
    /// Bounds on files of people.
    pub csv: Bounds,
    /// Where browsers reach the pages, without a slash at its end.
    pub pages_url: String,
    /// Why people may be sent back to a place where the pages are not, if they may.
    pub pages_doubt: Option<String>,
    /// What has to come before provisioning.
    pub precondition: Precondition,
    /// The protocol of single sign-on.
    pub sso: Sso,
}

/// The page, as all requests share it.
pub struct Ui {
    directory: Directory,
    settings: Settings,
    certificates: Certificates,
    gate: gate::Gate,
    uploads: Arc<Uploads>,
    flows: Flows,
    drafts: drafts::Drafts,
    started: i64,
}

type Outcome = Result<Answer, Trouble>;

/// Pages that somebody can be sent back to after signing in.
const LISTED: [&str; 16] = [
    "/",
    "/provisioning",
    "/provisioning/idle",
    "/sso",
    "/people",
    "/people/departed",
    "/people/import",
    "/groups",
    "/groups/archived",
    "/handovers",
    "/guard",
    "/roles",
    "/requests",
    "/admins",
    "/account",
    "/me",
];

/// A path of the list, or the first page.
fn listed(path: &str) -> &'static str {
    LISTED.into_iter().find(|l| *l == path).unwrap_or("/")
}

impl Ui {
    /// The page on a directory.
    pub fn new(directory: Directory, settings: Settings, certificates: Certificates) -> Ui {
        let started = directory.store.clock().now();
        let uploads = Arc::new(Uploads::new(settings.csv));
        let (gate, flows, drafts) = (gate::Gate::new(), Flows::new(), drafts::Drafts::default());
        Ui { directory, settings, certificates, gate, uploads, flows, drafts, started }
    }

    fn now(&self) -> i64 {
        self.directory.store.now()
    }

    /// Answers a request for a page. `None`: the path is none of a page, and the client is no browser that looks for one.
    pub async fn answer(
        &self,
        visit: &Visit<'_>,
        body: &mut Incoming,
        limits: BodyLimits,
        room: &Room,
    ) -> Option<Answer> {
        if let Some(asset) = assets::answer(visit.path, visit.headers) {
            return Some(match *visit.method {
                Method::GET | Method::HEAD => asset,
                _ => super::problem::no_method(&[Method::GET, Method::HEAD]).answer(),
            });
        }
        // The name of an earlier version. No token is asked for: there is nothing behind it.
        if assets::is_below(visit.path) {
            return Some(Problem::plain(StatusCode::NOT_FOUND, "There is nothing at this path.").answer());
        }
        // Pages have no other methods, and whoever uses them is no browser.
        if !matches!(*visit.method, Method::GET | Method::HEAD | Method::POST) {
            return None;
        }
        let segments: Vec<&str> = visit.path.strip_prefix('/')?.split('/').collect();
        if !is_page(&segments) {
            let browses = *visit.method == Method::GET && prefers_html(visit.headers);
            let elsewhere = ["scim", "api", "healthz", "readyz", "static"].contains(segments.first()?);
            if !browses || elsewhere {
                return None;
            }
        }
        let outcome = self.page(visit, &segments, body, limits, room).await;
        let answer = match outcome {
            Ok(answer) => answer,
            Err(trouble) => self.failed(visit, trouble).await,
        };
        Some(super::gzip::page(answer, visit.headers))
    }

    async fn page(
        &self,
        visit: &Visit<'_>,
        segments: &[&str],
        body: &mut Incoming,
        limits: BodyLimits,
        room: &Room,
    ) -> Outcome {
        // A file is read when it is known who sends it, and no sooner.
        let is_file = *visit.method == Method::POST && *segments == ["people", "import"];
        if is_file {
            Ui::own_file(visit)?;
        }
        let form = match *visit.method {
            Method::POST if !is_file => Some(self.form(visit, body, limits, room).await?),
            _ => None,
        };
        let state = self.directory.store.read(|reader| claim(reader, reader.now())).await?;
        match segments {
            ["setup"] if state == Claim::Over => return Err(Trouble::not_found()),
            ["setup"] => return self.setup(visit, form, state).await,
            _ if state != Claim::Over => return Ok(redirect("/setup")),
            ["sign-in"] => return self.sign_in(visit, form).await,
            ["sign-in", "code"] => return self.code(visit, form).await,
            ["sign-in", "sso"] => return self.sso_begin(visit).await,
            ["sign-in", "sso", "callback"] => return self.sso_callback(visit).await,
            _ => {}
        }
        let Some(signed) = self.signed(visit, true).await? else {
            // Whoever sent a form has to send it again.
            let to = if form.is_none() { listed(visit.path) } else { "/" };
            return Ok(redirect(&if to == "/" { "/sign-in".to_owned() } else { format!("/sign-in?to={to}") }));
        };
        if let Some(form) = &form
            && !form.is_from(&signed.csrf(&self.directory.key))
        {
            return Err(Trouble::foreign());
        }
        // Whoever does not administer has one page, and the way out.
        match (segments, &form) {
            (["me"], None) => return self.me(visit, &signed).await,
            (["sign-out"], Some(_)) => return self.sign_out(visit, &signed).await,
            ([""] | ["account"] | ["sign-out"], None) if !signed.who.manages() => return Ok(redirect("/me")),
            _ if !signed.who.manages() => return Err(not_for_everybody()),
            (["account", ..], _) if signed.who.admin().is_none() => return Ok(redirect("/me")),
            _ => {}
        }
        if is_file {
            return self.import_file(visit, &signed, body, (limits, room)).await;
        }
        // What somebody types who has to prove first who that is, at the identity provider, is kept as it was sent.
        let waits = signed.who.admin().is_none() && !signed.is_fresh(self.now());
        let sent = form.as_ref().filter(|_| waits).cloned();
        let visit = &Visit { sent: sent.as_ref(), ..*visit };
        match (segments, form) {
            (["confirmed"], None) => self.confirmed_page(visit, &signed).await,
            (["confirmed"], Some(form)) => self.go_on(visit, signed, &form).await,
            (_, form) => self.routed(visit, segments, signed, form).await,
        }
    }

    /// A page of somebody who administers, or what becomes of a form that comes from one.
    async fn routed(&self, visit: &Visit<'_>, segments: &[&str], signed: Signed, form: Option<Form>) -> Outcome {
        match (segments, form) {
            ([""], None) => self.overview(visit, &signed).await,
            (["sso"], form) => self.sso(visit, signed, form).await,
            (["sso", "on"], form) => self.sso_switch(visit, signed, true, form).await,
            (["sso", "off"], form) => self.sso_switch(visit, signed, false, form).await,
            (["sso", "test"], None) => self.sso_test(visit, &signed).await,
            (["sso", "tested"], None) => self.sso_shown(visit, &signed).await,
            (["provisioning"], None) => self.provisioning(visit, &signed, Form::default()).await,
            (["provisioning", "on"], None) => self.provisioning(visit, &signed, Form::default()).await,
            (["provisioning", "on"], Some(form)) => self.switch_on(visit, &signed, form).await,
            (["provisioning", "idle"], form) => self.idle(visit, signed, "", form).await,
            (["provisioning", "idle", action], form) => self.idle(visit, signed, action, form).await,
            (["provisioning", to], form) => self.switch(visit, signed, to, form).await,
            (["tokens", "new"], form) => self.token_new(visit, signed, form).await,
            (["tokens", id, "revoke"], form) => self.token_revoke(visit, signed, id, form).await,
            (["people"], None) => self.people(visit, &signed).await,
            // An id is never one of the words that stand in its place.
            (["people", "new"], form) => self.person_new(visit, &signed, form).await,
            (["people", "departed"], None) => self.departed_list(visit, &signed, Kind::Person).await,
            (["people", "import"], None) => self.import(visit, &signed, StatusCode::OK, Form::default()).await,
            (["people", "import", id], form) => self.import_of(visit, signed, id, form).await,
            (["people", "export.csv"], None) => self.export().await,
            (["people", id, "edit"], form) => self.person_edit(visit, &signed, id, form).await,
            (["people", id, "deactivate"], form) => self.person_deactivate(visit, signed, id, form).await,
            (["people", id, "reactivate"], form) => self.person_reactivate(visit, &signed, id, form).await,
            (["people", id, "delete"], form) => self.delete(visit, signed, (Kind::Person, id), form).await,
            (["people", id], None) => self.person(visit, &signed, id).await,
            (["groups"], None) => self.groups(visit, &signed).await,
            (["groups", "new"], form) => self.group_new(visit, &signed, form).await,
            (["groups", "archived"], None) => self.departed_list(visit, &signed, Kind::Group).await,
            (["groups", id, "edit"], form) => self.group_edit(visit, &signed, id, form).await,
            (["groups", id, "members"], form) => self.group_members(visit, &signed, id, form).await,
            (["groups", id, "members", "remove"], Some(form)) => self.member_remove(visit, &signed, id, form).await,
            (["groups", id, "members", "remove"], None) => Ok(redirect(&format!("/groups/{}", encoded(&decoded(id))))),
            (["groups", id, "delete"], form) => self.delete(visit, signed, (Kind::Group, id), form).await,
            (["groups", id], None) => self.group(visit, &signed, id).await,
            (["people", id, "role"], Some(form)) => self.role_given(visit, &signed, id, &form).await,
            (["people", id, "role"], None) => Ok(redirect(&format!("/people/{id}#role"))),
            (["people", id, "sign-out"], Some(_)) => self.person_sign_out(&signed, id).await,
            (["people", id, "sign-out"], None) => Ok(redirect(&format!("/people/{}", encoded(&decoded(id))))),
            (["roles"], form) => self.roles(visit, &signed, form).await,
            (["people", id, "restore"], form) => self.restore(visit, &signed, Kind::Person, id, form).await,
            (["groups", id, "restore"], form) => self.restore(visit, &signed, Kind::Group, id, form).await,
            (["handovers"], None) => self.handovers(visit, &signed).await,
            (["handovers", id], form) => self.handover(visit, &signed, id, form).await,
            (["guard"], form) => self.guard(visit, signed, form).await,
            (["requests"], None) => self.requests(visit, &signed).await,
            (["admins"], form) => self.admins(visit, signed, form).await,
            (["admins", id, "remove"], form) => self.admin_remove(visit, signed, id, form).await,
            (["account"], None) => self.account(visit, &signed, Form::default(), None).await,
            (["account", "password"], Some(form)) => self.password(visit, signed, form).await,
            (["account", "second-factor"], form) => self.second_factor(visit, signed, form).await,
            (["account", "second-factor", "remove"], Some(form)) => self.no_second_factor(visit, signed, form).await,
            (["account", "recovery-codes"], Some(form)) => self.recovery_codes(visit, signed, form).await,
            (["account", "sessions", "end"], Some(form)) => self.end_sessions(&signed, form).await,
            // Forms that are opened like a page, by a browser that asks for what it shows once more.
            (["account", "password" | "recovery-codes"] | ["account", "second-factor", "remove"], None) => {
                self.account(visit, &signed, Form::default(), None).await
            }
            (["sign-out"], None) => Ok(redirect("/")),
            _ => Err(Trouble::not_found()),
        }
    }

    /// Reads a form. Nothing is done for a page of another site, whatever it sends.
    async fn form(
        &self,
        visit: &Visit<'_>,
        body: &mut Incoming,
        limits: BodyLimits,
        room: &Room,
    ) -> Result<Form, Trouble> {
        let kind = visit.headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !is_own(visit.headers, visit.host) || !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Trouble::foreign());
        }
        // Whoever is signed in may send what SCIM may: long texts, lists of names, a thousand rules.
        let most = if self.signed(visit, true).await?.is_some() { form::MOST_SIGNED } else { form::MOST };
        let limits = BodyLimits { bytes: most, ..limits };
        let bytes = read(body, visit.headers, limits, room)
            .await
            .map_err(|problem| Trouble::of(&problem, "This cannot be done"))?;
        Ok(Form::read(&bytes))
    }

    /// The page that says what did not work.
    async fn failed(&self, visit: &Visit<'_>, trouble: Trouble) -> Answer {
        let signed = self.signed(visit, true).await.ok().flatten();
        let frame = match &signed {
            Some(signed) => self.frame(visit, signed, "", trouble.heading).await.ok(),
            None => None,
        };
        let manages = signed.as_ref().is_none_or(|signed| signed.who.manages());
        let page = Failure {
            frame: frame.unwrap_or_else(|| self.bare(visit, trouble.heading)),
            heading: trouble.heading.to_owned(),
            text: trouble.text,
            link: Some(trouble.link.unwrap_or_else(|| {
                let words = if manages { "Go to the overview" } else { "Go to the first page" };
                Link { href: "/".to_owned(), words: words.to_owned() }
            })),
            request: visit.id.to_owned(),
        };
        let answer = match html(trouble.status, &page) {
            Ok(answer) => answer,
            Err(_) => Problem::plain(trouble.status, &page.text).answer(),
        };
        trouble.headers.into_iter().fold(answer, |answer, (name, value)| answer.with(name, &value))
    }
}

/// Is there a page under this path?
fn is_page(segments: &[&str]) -> bool {
    const FIRST: [&str; 18] = [
        "",
        "setup",
        "sign-in",
        "sign-out",
        "provisioning",
        "tokens",
        "people",
        "groups",
        "handovers",
        "roles",
        "guard",
        "requests",
        "admins",
        "account",
        "sso",
        "me",
        "confirmed",
        "help",
    ];
    match segments {
        [one] => FIRST.contains(one),
        [first, ..] => !first.is_empty() && FIRST.contains(first),
        [] => false,
    }
}

/// What somebody is told who opens a page of administrators.
fn not_for_everybody() -> Trouble {
    let mut trouble = Trouble::new(
        StatusCode::FORBIDDEN,
        "This page is for administrators",
        "Your role does not open it. Ask your administrator if it should.",
    );
    trouble.link = Some(Link { href: "/me".to_owned(), words: "Go to your profile".to_owned() });
    trouble
}

/// A page as an answer.
fn html(status: StatusCode, page: &impl Template) -> Outcome {
    let text = page.render().map_err(|error| {
        tracing::error!(%error, "a page could not be written");
        Trouble::broken()
    })?;
    Ok(Answer { media: Media::Html, ..Answer::json(status, text) })
}

/// A page for somebody whose session may be new.
fn page_for(visit: &Visit<'_>, signed: &Signed, status: StatusCode, page: &impl Template) -> Outcome {
    html(status, page).map(|answer| with_cookie(visit, signed, answer))
}

/// Gives the browser the cookie of a session that is new.
fn with_cookie(visit: &Visit<'_>, signed: &Signed, answer: Answer) -> Answer {
    match signed.is_new {
        true => answer.with(header::SET_COOKIE, &signed.cookie(visit.secure)),
        false => answer,
    }
}

/// "See the other page": what follows a form that was carried out.
fn redirect(to: &str) -> Answer {
    Answer::empty(StatusCode::SEE_OTHER).with(header::LOCATION, to)
}
