//! What each page shows. A page is one of these with its template in `assets/templates`, which escapes every text: what an
//! identity provider has sent is text, whatever stands in it.

use std::fmt;

use askama::Template;
use askama::filters::HtmlSafe;

use super::form::Form;
use crate::clock::date_time;
use crate::directory::overview::{Listed, Standing};

/// A point in time, in microseconds since 1970. Without JavaScript it reads as date and time in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub i64);

impl Moment {
    /// `2026-11-23T17:00:00Z`
    fn machine(self) -> String {
        let mut text: String = date_time(self.0).chars().take(19).collect();
        text.push('Z');
        text
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = self.machine();
        let (day, clock) = (machine.get(..10).unwrap_or(""), machine.get(11..16).unwrap_or(""));
        write!(f, "<time datetime=\"{machine}\">{day} {clock} UTC</time>")
    }
}

impl HtmlSafe for Moment {}

/// The same to the second, which stays a date when JavaScript makes others into "2 minutes ago".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exact(pub i64);

impl fmt::Display for Exact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let machine = Moment(self.0).machine();
        let (day, clock) = (machine.get(..10).unwrap_or(""), machine.get(11..19).unwrap_or(""));
        write!(f, "<time datetime=\"{machine}\" data-time=\"exact\">{day} {clock} UTC</time>")
    }
}

impl HtmlSafe for Exact {}

/// A number with its thousands apart: 1,284.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count(pub u64);

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (i, digit) in digits.chars().enumerate() {
            if i > 0 && (digits.len() - i).is_multiple_of(3) {
                f.write_str(",")?;
            }
            write!(f, "{digit}")?;
        }
        Ok(())
    }
}

impl HtmlSafe for Count {}

/// A link beside a sentence.
#[derive(Debug, Clone)]
pub struct Link {
    /// Where it leads: a path of this server.
    pub href: String,
    /// What it says.
    pub words: String,
}

/// A sentence that somebody should read, with what to do about it.
#[derive(Debug, Clone)]
pub struct Warning {
    /// The sentence.
    pub text: String,
    /// What to do about it.
    pub link: Option<Link>,
}

/// What all pages have around them.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The title of the page.
    pub title: String,
    /// The entry of the navigation that it belongs to: `overview`, `provisioning`, `people`, `groups`, `requests`,
    /// `admins`, `account`, or nothing.
    pub nav: &'static str,
    /// Who is signed in; nobody: there is no navigation.
    pub who: Option<String>,
    /// What every form carries.
    pub csrf: String,
    /// The paths of the stylesheet, the script and the icon.
    pub css: String,
    /// See `css`.
    pub js: String,
    /// See `css`.
    pub icon: String,
    /// What everybody who is signed in should know.
    pub warnings: Vec<Warning>,
    /// After so many minutes without a request the session ends.
    pub idle_minutes: i64,
}

impl Frame {
    /// The version of the program, for those who are signed in.
    pub fn version(&self) -> &'static str {
        env!("CARGO_PKG_VERSION")
    }

    /// Is this the entry of the navigation that the page belongs to?
    pub fn is_at(&self, nav: &str) -> bool {
        self.nav == nav
    }
}

/// What somebody who is about to do something grave is asked for, unless it was asked within the last minutes.
#[derive(Debug, Clone, Default)]
pub struct Confirm {
    /// It is asked for.
    pub needed: bool,
    /// A code of the second factor as well.
    pub code: bool,
    /// What was wrong with what was given.
    pub error: Option<String>,
}

/// The first administrator is to be made.
#[derive(Template)]
#[template(path = "setup.html", config = "assets/askama.toml")]
pub struct Setup {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `claim`, `name`, `password`.
    pub form: Form,
    /// The code is too old, or was guessed at too often.
    pub closed: bool,
}

/// Name and password.
#[derive(Template)]
#[template(path = "sign-in.html", config = "assets/askama.toml")]
pub struct SignIn {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `name`. `to` is kept in a hidden field.
    pub form: Form,
    /// Why it did not work.
    pub problem: Option<String>,
}

/// The second factor.
#[derive(Template)]
#[template(path = "sign-in-code.html", config = "assets/askama.toml")]
pub struct SignInCode {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `code` or `recovery`. `to` is kept in a hidden field.
    pub form: Form,
    /// A recovery code is asked for, not a code of the app.
    pub recovery: bool,
    /// Why it did not work.
    pub problem: Option<String>,
}

/// How provisioning stands, in words.
#[derive(Debug, Clone)]
pub struct State {
    /// `on`, `off`, `paused` or `read-only`.
    pub name: &'static str,
    /// The latest request of an identity provider.
    pub last: Option<Contact>,
    /// Requests that were refused in the last 24 hours.
    pub errors: u64,
}

/// A request of an identity provider.
#[derive(Debug, Clone)]
pub struct Contact {
    /// When.
    pub at: Moment,
    /// The User-Agent, or "a client without a name".
    pub client: String,
    /// The name of the token.
    pub token: String,
}

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

/// A bar of the chart: x, and top and height of both parts, in the units of its drawing.
#[derive(Debug, Clone)]
pub struct Bar {
    /// From the left.
    pub x: u32,
    /// Top of the requests that were answered.
    pub top: u32,
    /// Height of those.
    pub height: u32,
    /// Height of those that were refused, below the line.
    pub refused: u32,
}

/// A day of the chart.
#[derive(Debug, Clone)]
pub struct Day {
    /// `Mon 23`
    pub short: String,
    /// `2026-11-23`
    pub date: String,
    /// Requests that were answered.
    pub answered: Count,
    /// And refused.
    pub refused: Count,
}

/// Requests of the last seven days. The drawing is 672 wide and 136 high; the line is at 105.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Six hours each, the earliest first.
    pub bars: Vec<Bar>,
    /// The days, the earliest first.
    pub days: Vec<Day>,
    /// All that were answered.
    pub answered: Count,
    /// And refused.
    pub refused: Count,
}

/// The certificate that this server shows.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its names.
    pub names: String,
    /// When it ends.
    pub ends: Moment,
    /// Made by the server itself.
    pub self_signed: bool,
    /// SHA-256 of it.
    pub fingerprint: String,
    /// Why a newer one could not be used.
    pub problem: Option<String>,
}

/// How it all stands.
#[derive(Template)]
#[template(path = "overview.html", config = "assets/askama.toml")]
pub struct Overview {
    /// Around it.
    pub frame: Frame,
    /// How provisioning stands.
    pub state: State,
    /// How many there are.
    pub standing: Standing,
    /// What needs attention.
    pub attention: Vec<Warning>,
    /// What was asked in the last days; nothing yet: there is none.
    pub chart: Option<Chart>,
    /// What to do next, until the first request has come.
    pub steps: Vec<Step>,
    /// The certificate, if the server has one.
    pub certificate: Option<Certificate>,
    /// The database file.
    pub database: String,
    /// Its size, for people.
    pub size: String,
    /// Since when the server runs.
    pub since: Moment,
}

/// A token in the table.
#[derive(Debug, Clone)]
pub struct TokenView {
    /// The public id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// `scimapp_4fT0aQ9z…`
    pub hint: String,
    /// What it opens, in words.
    pub scope: &'static str,
    /// When it was made.
    pub created: Moment,
    /// By whom, in words.
    pub by: String,
    /// When it ends.
    pub expires: Option<Moment>,
    /// When it was last used.
    pub used: Option<Moment>,
    /// From where.
    pub address: String,
    /// By which client.
    pub client: String,
    /// `ok`, `warn`, `off`, or nothing.
    pub kind: &'static str,
    /// `Active`, `Expires soon`, `Not used yet`, `Expired`, `Revoked`.
    pub status: &'static str,
    /// It can be revoked.
    pub is_live: bool,
    /// It can be rotated.
    pub rotates: bool,
}

/// A token that takes the place of another one.
#[derive(Debug, Clone)]
pub struct Rotation {
    /// The old one.
    pub old: TokenView,
    /// The new one.
    pub new: TokenView,
}

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
    /// Single sign-on is not set up, and nobody has said that it is to go without; the form has a box for that.
    pub needs_word: bool,
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

/// A token is to be made.
#[derive(Template)]
#[template(path = "token-new.html", config = "assets/askama.toml")]
pub struct TokenNew {
    /// Around it.
    pub frame: Frame,
    /// What was typed: `name`, `scope` (`scim`, `scim:read`, `api:read`), `expires` (`30d`, `90d`, `180d`, `365d`, `none`).
    pub form: Form,
    /// The token whose place it is to take.
    pub rotates: Option<TokenView>,
    /// Why none can be made.
    pub full: Option<String>,
    /// Is it really you?
    pub confirm: Confirm,
}

/// A token, this once.
#[derive(Template)]
#[template(path = "token-shown.html", config = "assets/askama.toml")]
pub struct TokenShown {
    /// Around it.
    pub frame: Frame,
    /// The token itself.
    pub token: String,
    /// What else is known of it.
    pub view: TokenView,
    /// The token whose place it takes.
    pub rotates: Option<TokenView>,
}

/// A token is to be revoked.
#[derive(Template)]
#[template(path = "token-revoke.html", config = "assets/askama.toml")]
pub struct TokenRevoke {
    /// Around it.
    pub frame: Frame,
    /// Which one.
    pub view: TokenView,
    /// The names of the other live ones.
    pub others: Vec<String>,
    /// How many there are.
    pub standing: Standing,
    /// Is it really you?
    pub confirm: Confirm,
}

/// Where a list goes on.
#[derive(Debug, Clone)]
pub struct Pager {
    /// `1 to 25 of 1,345`
    pub text: String,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
}

/// People.
#[derive(Template)]
#[template(path = "people.html", config = "assets/askama.toml")]
pub struct People {
    /// Around it.
    pub frame: Frame,
    /// How many there are.
    pub standing: Standing,
    /// What was searched for.
    pub q: String,
    /// `all`, `active` or `deactivated`.
    pub status: &'static str,
    /// How many who were deleted are kept.
    pub departed: Count,
    /// Those that were found.
    pub entries: Vec<Listed>,
    /// Where it goes on.
    pub pager: Pager,
}

impl People {
    /// A link to the same search among people of another state.
    pub fn filtered(&self, status: &str) -> String {
        super::lists::address("/people", &self.q, status, 0)
    }

    /// Nobody is in the directory at all.
    pub fn is_empty(&self) -> bool {
        self.standing.active + self.standing.deactivated == 0
    }
}

/// Some attributes under a heading.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The id of the heading.
    pub id: String,
    /// The heading.
    pub title: String,
    /// Name and value.
    pub rows: Vec<(String, Shown)>,
}

/// A value of an attribute.
#[derive(Debug, Clone)]
pub enum Shown {
    /// Text.
    Text(String),
    /// A URL that may be followed: http or https.
    Url(String),
    /// Somebody or something here.
    Here(Link),
}

/// A change of one attribute, or of something else.
#[derive(Debug, Clone)]
pub struct Changed {
    /// When.
    pub at: Exact,
    /// Who, in words.
    pub who: String,
    /// Which attribute; nothing: see `text`.
    pub attribute: String,
    /// As it was.
    pub before: String,
    /// As it became.
    pub after: String,
    /// What happened, if it was no attribute.
    pub text: String,
    /// The request.
    pub request: String,
}

/// Where something came from.
pub struct Since {
    /// What it is the beginning of, with a blank behind it.
    pub what: &'static str,
    /// When.
    pub at: Exact,
    /// Who, in words.
    pub who: String,
    /// The request.
    pub request: String,
}

/// What has a say in somebody's role.
pub struct Reason {
    /// What it is.
    pub words: String,
    /// The group of a rule.
    pub group: Option<Link>,
    /// What it comes to.
    pub verdict: &'static str,
    /// It is what decides.
    pub decides: bool,
    /// Where it came from.
    pub since: Vec<Since>,
}

/// The role that somebody has.
pub struct RoleOf {
    /// Its name for people.
    pub label: String,
    /// Its value.
    pub value: String,
    /// Everything that has a say, in the order in which it decides.
    pub reasons: Vec<Reason>,
}

/// One person.
#[derive(Template)]
#[template(path = "person.html", config = "assets/askama.toml")]
pub struct Person {
    /// Around it.
    pub frame: Frame,
    /// Who.
    pub listed: Listed,
    /// Where he or she came from, in words.
    pub source: String,
    /// The external id.
    pub external_id: Option<String>,
    /// When it was made.
    pub created: Moment,
    /// The URL for SCIM.
    pub location: String,
    /// The attributes: those of the core first, then one part for each extension.
    pub facts: Vec<Facts>,
    /// The groups: link, and whether directly.
    pub groups: Vec<(Link, bool)>,
    /// The role, and why.
    pub role: RoleOf,
    /// The records that the same person had before.
    pub earlier: Vec<Link>,
    /// How the hand-over stands, if there is one.
    pub handover: Option<Link>,
    /// What happened, the latest first.
    pub history: Vec<Changed>,
    /// Where the history goes on.
    pub older: Option<String>,
}

/// Groups.
#[derive(Template)]
#[template(path = "groups.html", config = "assets/askama.toml")]
pub struct Groups {
    /// Around it.
    pub frame: Frame,
    /// How many there are.
    pub standing: Standing,
    /// How many are archived.
    pub archived: Count,
    /// What was searched for.
    pub q: String,
    /// Those that were found.
    pub entries: Vec<Listed>,
    /// Where it goes on.
    pub pager: Pager,
}

/// A member of a group.
#[derive(Debug, Clone)]
pub struct Member {
    /// Its page.
    pub href: String,
    /// What people call it.
    pub label: String,
    /// `Person` or `Group`.
    pub kind: &'static str,
    /// The userName of a person.
    pub user_name: String,
    /// Not deactivated.
    pub active: bool,
}

/// One group.
#[derive(Template)]
#[template(path = "group.html", config = "assets/askama.toml")]
pub struct Group {
    /// Around it.
    pub frame: Frame,
    /// Which.
    pub listed: Listed,
    /// Where it came from, in words.
    pub source: String,
    /// The external id.
    pub external_id: Option<String>,
    /// When it was made.
    pub created: Moment,
    /// The URL for SCIM.
    pub location: String,
    /// Attributes beside these.
    pub facts: Vec<Facts>,
    /// The groups that it is in.
    pub groups: Vec<(Link, bool)>,
    /// Members, in the order in which they were made.
    pub members: Vec<Member>,
    /// Where the members go on.
    pub pager: Pager,
    /// What happened, the latest first.
    pub history: Vec<Changed>,
    /// Where the history goes on.
    pub older: Option<String>,
}

/// One exchange.
#[derive(Debug, Clone)]
pub struct Exchange {
    /// When.
    pub at: Exact,
    /// The User-Agent.
    pub client: String,
    /// Where it came from.
    pub address: String,
    /// The name of the token; nothing: there was no good one.
    pub token: String,
    /// The method.
    pub method: String,
    /// The path without values.
    pub path: String,
    /// `ok`, `warn` or `bad`.
    pub kind: &'static str,
    /// `409 Conflict`
    pub status: String,
    /// For people.
    pub detail: String,
    /// The id of the request.
    pub request: String,
    /// How long it took: `1.4 ms`.
    pub took: String,
}

/// A choice of a list, and whether it is the present one.
#[derive(Debug, Clone)]
pub struct Choice {
    /// What is sent.
    pub value: String,
    /// What is shown.
    pub words: String,
    /// It is the present one.
    pub current: bool,
}

/// Requests.
#[derive(Template)]
#[template(path = "requests.html", config = "assets/askama.toml")]
pub struct Requests {
    /// Around it.
    pub frame: Frame,
    /// The client that is looked for.
    pub client: String,
    /// Methods to choose from.
    pub methods: Vec<Choice>,
    /// Kinds of status to choose from.
    pub statuses: Vec<Choice>,
    /// Tokens to choose from.
    pub tokens: Vec<Choice>,
    /// Those that were found.
    pub entries: Vec<Exchange>,
    /// Something is looked for.
    pub filtered: bool,
    /// Where it goes on.
    pub pager: Pager,
}

/// An administrator in the table.
#[derive(Debug, Clone)]
pub struct AdminView {
    /// The key.
    pub id: i64,
    /// The name.
    pub name: String,
    /// It is the one who looks.
    pub you: bool,
    /// There is a second factor.
    pub second_factor: bool,
    /// The last sign-in.
    pub last: Option<Moment>,
    /// When it was made.
    pub created: Moment,
}

/// Administrators.
#[derive(Template)]
#[template(path = "admins.html", config = "assets/askama.toml")]
pub struct Admins {
    /// Around it.
    pub frame: Frame,
    /// All of them.
    pub admins: Vec<AdminView>,
    /// What was typed: `name`, `new-password`.
    pub form: Form,
    /// Is it really you?
    pub confirm: Confirm,
}

/// An administrator is to go.
#[derive(Template)]
#[template(path = "admin-remove.html", config = "assets/askama.toml")]
pub struct AdminRemove {
    /// Around it.
    pub frame: Frame,
    /// Which one.
    pub admin: AdminView,
    /// How many are left then.
    pub left: usize,
    /// Why it cannot go.
    pub problem: Option<String>,
    /// Is it really you?
    pub confirm: Confirm,
}

/// A browser that is signed in.
#[derive(Debug, Clone)]
pub struct SessionView {
    /// Stands for it in forms.
    pub id: String,
    /// Where it was opened from.
    pub address: String,
    /// By which browser.
    pub client: String,
    /// When it began.
    pub created: Moment,
    /// When it was last used.
    pub seen: Moment,
    /// It is this one.
    pub this: bool,
}

/// The own account.
#[derive(Template)]
#[template(path = "account.html", config = "assets/askama.toml")]
pub struct Account {
    /// Around it.
    pub frame: Frame,
    /// Who.
    pub admin: AdminView,
    /// Recovery codes that are left.
    pub recovery_left: usize,
    /// The second factor was sealed with another key file: it has to be set up again.
    pub sealed: bool,
    /// Signed-in browsers.
    pub sessions: Vec<SessionView>,
    /// What was typed: `password` (the present one), `new-password`.
    pub form: Form,
    /// What was done just now.
    pub done: Option<String>,
    /// Is it really you? For the forms about the second factor.
    pub confirm: Confirm,
}

/// A second factor is to be set up.
#[derive(Template)]
#[template(path = "second-factor.html", config = "assets/askama.toml")]
pub struct SecondFactor {
    /// Around it.
    pub frame: Frame,
    /// The picture for the app, as SVG of our own making.
    pub picture: String,
    /// The secret in groups of four.
    pub secret: String,
    /// The secret as the form carries it.
    pub sealed: String,
    /// What was typed: `code`.
    pub form: Form,
    /// Is it really you?
    pub confirm: Confirm,
}

/// Recovery codes, this once.
#[derive(Template)]
#[template(path = "recovery-codes.html", config = "assets/askama.toml")]
pub struct RecoveryCodes {
    /// Around it.
    pub frame: Frame,
    /// The codes.
    pub codes: Vec<String>,
    /// They are those of a second factor that was set up just now.
    pub new: bool,
}

/// Something did not work.
#[derive(Template)]
#[template(path = "failure.html", config = "assets/askama.toml")]
pub struct Failure {
    /// Around it.
    pub frame: Frame,
    /// What, as a heading.
    pub heading: String,
    /// What to do.
    pub text: String,
    /// A way out.
    pub link: Option<Link>,
    /// The id of the request, for the log.
    pub request: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_numbers_read_without_a_script() {
        let at = 1_795_453_200_000_001;
        assert_eq!(Moment(at).to_string(), "<time datetime=\"2026-11-23T17:00:00Z\">2026-11-23 17:00 UTC</time>");
        assert!(Exact(at).to_string().contains("data-time=\"exact\">2026-11-23 17:00:00 UTC<"));
        let shown = [0, 999, 1000, 1_234_567].map(|n| Count(n).to_string());
        assert_eq!(shown, ["0", "999", "1,000", "1,234,567"]);
    }
}
