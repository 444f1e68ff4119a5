//! Single sign-on: how it is set up, whether it is on, and what that means for provisioning (decision P14). Who gets in
//! stands in [`meet`]; the protocol is none of it.

mod matching;
mod sessions;
#[cfg(test)]
mod tests;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::json;

pub use matching::{Met, Refused, Why, meet};
pub use sessions::{sign_out, sign_out_id};

use super::Refusal;
use crate::secret::{Key, NoRandomness, fingerprint};
use crate::store::{Change, Reader, StoreError, Writer};

/// The path to which the identity provider sends people back.
pub const CALLBACK: &str = "/sign-in/sso/callback";
/// What the client secret is sealed for.
const SECRET: &str = "single sign-on client secret";
/// The name of the setting.
const SETTING: &str = "sso";
/// Rules, at most, and characters of each text.
const MOST_RULES: usize = 8;
const LONGEST: usize = 500;
/// Characters of a client secret, at most.
const LONGEST_SECRET: usize = 2000;

/// Which identity provider: what its guide, the defaults and the words on the button are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Okta.
    #[default]
    Okta,
    /// Microsoft Entra ID.
    Entra,
    /// Any other that speaks OpenID Connect.
    Other,
}

impl Kind {
    /// All of them.
    pub const ALL: [Kind; 3] = [Kind::Okta, Kind::Entra, Kind::Other];

    /// Its name in forms.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Okta => "okta",
            Kind::Entra => "entra",
            Kind::Other => "other",
        }
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|k| k.name() == name)
    }

    /// What people call it.
    pub fn words(self) -> &'static str {
        match self {
            Kind::Okta => "Okta",
            Kind::Entra => "Microsoft Entra ID",
            Kind::Other => "Other",
        }
    }

    /// What stands on the button to sign in with, behind "Sign in with".
    pub fn button(self) -> &'static str {
        match self {
            Kind::Okta => "Okta",
            Kind::Entra => "Microsoft",
            Kind::Other => "single sign-on",
        }
    }

    /// The rules that fit what it sends by SCIM, as they are typed.
    pub fn rules(self) -> &'static str {
        match self {
            Kind::Okta | Kind::Other => "sub externalId\npreferred_username userName",
            Kind::Entra => "oid externalId\npreferred_username userName",
        }
    }
}

/// What a claim is held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Attribute {
    /// To the letter, as the identity provider gave it by SCIM.
    #[serde(rename = "externalId")]
    ExternalId,
    /// Letter case does not count.
    #[serde(rename = "userName")]
    UserName,
    /// Any of the addresses; letter case does not count.
    #[serde(rename = "emails.value")]
    Email,
}

impl Attribute {
    const ALL: [Attribute; 3] = [Attribute::ExternalId, Attribute::UserName, Attribute::Email];

    /// Its path.
    pub fn path(self) -> &'static str {
        match self {
            Attribute::ExternalId => "externalId",
            Attribute::UserName => "userName",
            Attribute::Email => "emails.value",
        }
    }
}

/// A claim, and the attribute that it is held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// The name of the claim.
    pub claim: String,
    /// The attribute.
    pub attribute: Attribute,
}

impl Rule {
    /// Is it about a name or an address, which may be somebody else's tomorrow, and which people may choose?
    fn is_weak(&self) -> bool {
        self.claim.eq_ignore_ascii_case("email") || self.attribute != Attribute::ExternalId
    }

    /// The rules of a text with one on each line: the claim, a blank, the attribute.
    ///
    /// Errors: a sentence about the first line that is none.
    pub fn read(text: &str) -> Result<Vec<Rule>, String> {
        let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
        let mut rules = Vec::new();
        for line in lines {
            let words: Vec<&str> = line.split_whitespace().collect();
            let [claim, attribute] = words.as_slice() else {
                return Err(format!("“{}” is no claim and attribute with a blank between them.", cut(line)));
            };
            let known = Attribute::ALL.into_iter().find(|a| a.path().eq_ignore_ascii_case(attribute));
            let Some(attribute) = known else {
                let there = Attribute::ALL.map(Attribute::path).join(", ");
                return Err(format!("There is no attribute “{}” to match by; there are {there}.", cut(attribute)));
            };
            if claim.len() > 100 || !claim.chars().all(|c| c.is_ascii_graphic()) {
                return Err(format!("“{}” is no name of a claim.", cut(claim)));
            }
            rules.push(Rule { claim: (*claim).to_owned(), attribute });
        }
        match rules.len() {
            0 => Err("Say at least one claim to match people by.".to_owned()),
            n if n > MOST_RULES => Err(format!("Use at most {MOST_RULES} lines.")),
            _ => Ok(rules),
        }
    }

    /// The rules as they are typed.
    pub fn write(rules: &[Rule]) -> String {
        rules.iter().map(Rule::line).collect::<Vec<_>>().join("\n")
    }

    fn line(&self) -> String {
        format!("{} {}", self.claim, self.attribute.path())
    }
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// How a test sign-in ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    /// When, in microseconds since 1970.
    pub at: i64,
    /// Who tested, as change rows name it.
    pub by: String,
    /// Somebody would have been let in.
    pub good: bool,
    /// In a sentence.
    pub result: String,
}

/// How single sign-on is set up.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Settings {
    /// Which identity provider.
    pub kind: Kind,
    /// Its issuer.
    pub issuer: String,
    /// What it calls us.
    pub client_id: String,
    /// The client secret, sealed, as hexadecimal digits; none: this is a public client.
    pub secret: Option<String>,
    /// Scopes beside `openid`.
    pub scopes: Vec<String>,
    /// What people are matched by, in this order.
    pub rules: Vec<Rule>,
    /// A name or an address alone is enough to be somebody whom no identity provider has made.
    pub allow_email: bool,
    /// Names and passwords of administrators are for emergencies: the page to sign in with shows them small.
    pub break_glass: bool,
    /// The last test since what it goes by was changed.
    pub tested: Option<Tested>,
}

impl Settings {
    /// Whose word it is, and who somebody is by it.
    fn identity(&self) -> (&str, &str, &[Rule], bool) {
        (&self.issuer, &self.client_id, &self.rules, self.allow_email)
    }

    /// Is this the word of the same provider, held against people in the same way?
    pub fn is_same_provider(&self, other: &Settings) -> bool {
        self.identity() == other.identity()
    }

    /// Does a test of the one say anything of the other?
    fn is_tested_as(&self, other: &Settings) -> bool {
        self.is_same_provider(other) && self.secret == other.secret && self.scopes == other.scopes
    }

    /// All that a test goes by, as a digest: two that are equal in that have the same.
    pub fn tested_as(&self) -> String {
        fingerprint(&json!([self.identity(), self.secret, self.scopes]).to_string())
    }

    /// Was a test good since it was changed?
    pub fn is_tested(&self) -> bool {
        self.tested.as_ref().is_some_and(|t| t.good)
    }

    /// Stands for how it is set up, in a form that was filled in from it. A test changes nothing of that.
    pub fn mark(&self) -> String {
        let text = serde_json::to_string(&Settings { tested: None, ..self.clone() }).unwrap_or_default();
        fingerprint(&text)
    }

    /// What change rows say of it: nothing of the secret.
    fn told(&self) -> String {
        json!({
            "kind": self.kind.name(),
            "issuer": self.issuer,
            "clientId": self.client_id,
            "scopes": self.scopes,
            "match": self.rules.iter().map(Rule::line).collect::<Vec<_>>(),
            "allowEmail": self.allow_email,
            "breakGlass": self.break_glass,
        })
        .to_string()
    }
}

/// How single sign-on stands.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct State {
    /// How it is set up; none: it is not.
    pub settings: Option<Settings>,
    /// Since when it is on, in microseconds since 1970; none: it is off.
    pub since: Option<i64>,
    /// Something is stored of how it is set up, and cannot be read.
    pub unreadable: bool,
}

impl State {
    /// May people sign in by it?
    pub fn is_on(&self) -> bool {
        self.since.is_some() && self.settings.is_some()
    }

    /// Since when people may sign in by it; none: they may not.
    pub fn on_since(&self) -> Option<i64> {
        self.since.filter(|_| self.is_on())
    }

    /// Is it set up, and was the last test good? That is what has to come before provisioning.
    pub fn is_ready(&self) -> bool {
        self.settings.as_ref().is_some_and(Settings::is_tested)
    }

    /// The word for it.
    pub fn name(&self) -> &'static str {
        match &self.settings {
            _ if self.is_on() => "on",
            None if self.unreadable => "not readable",
            None => "not set up",
            Some(settings) if settings.is_tested() => "tested",
            Some(_) => "not tested",
        }
    }
}

/// How single sign-on stands.
pub fn state(reader: &Reader<'_>) -> Result<State, StoreError> {
    // What cannot be read is not set up: that keeps people out, and no administrator.
    let text = reader.setting(SETTING)?;
    let settings: Option<Settings> = text.as_deref().and_then(|text| serde_json::from_str(text).ok());
    Ok(State { unreadable: text.is_some() && settings.is_none(), settings, since: reader.sso_since()? })
}

/// A client secret as it is stored: only with the key file, and for the provider and the client of these settings, it can be
/// read again. Whoever writes another issuer into the file does not get it sent there.
pub fn seal_secret(key: &Key, of: &Settings, secret: &str) -> Result<String, NoRandomness> {
    Ok(HEXLOWER.encode(&key.seal(&sealed_for(of), secret.as_bytes())?))
}

/// The client secret of these settings; none: there is none, or it was sealed with another key file or for another provider.
pub fn open_secret(key: &Key, of: &Settings) -> Option<String> {
    let sealed = HEXLOWER.decode(of.secret.as_ref()?.as_bytes()).ok()?;
    String::from_utf8(key.open(&sealed_for(of), &sealed)?).ok()
}

/// Neither an issuer nor a client id has a blank or a line break in it. A slash at the end is the provider's to choose.
fn sealed_for(of: &Settings) -> String {
    format!("{SECRET}\n{}\n{}", of.issuer.trim_end_matches('/'), of.client_id)
}

/// What is wrong with an issuer, a client id, scopes or a secret, if anything is: a field of the form, and a sentence.
pub fn faults(issuer: &str, client_id: &str, scopes: &str, secret: &str) -> Vec<(&'static str, &'static str)> {
    let mut found = Vec::new();
    let rest = issuer.strip_prefix("https://").or_else(|| issuer.strip_prefix("http://"));
    let host = rest.map(|r| r.split('/').next().unwrap_or_default());
    if issuer.len() > LONGEST
        || host.is_none_or(|h| h.is_empty() || h.contains('@'))
        || !issuer.chars().all(|c| c.is_ascii_graphic())
        || issuer.contains(['?', '#', '\\', '"', '<', '>'])
    {
        found.push(("issuer", "Enter the address of the issuer, such as https://example.okta.com."));
    }
    let plain = |text: &str, most: usize| text.chars().count() <= most && text.chars().all(|c| c.is_ascii_graphic());
    if client_id.is_empty() || !plain(client_id, LONGEST) {
        found.push(("client-id", "Enter the client id that the identity provider shows."));
    }
    if scopes.len() > LONGEST || !scopes.split_whitespace().all(|s| plain(s, 200) && !s.contains(['"', '\\'])) {
        found.push(("scopes", "Scopes are words with blanks between them."));
    }
    if !plain(secret, LONGEST_SECRET) {
        found.push(("secret", "A client secret has no blanks and no special characters."));
    }
    found
}

/// Sets single sign-on up anew. When anything changes that a test goes by, it has to be tested again, and nobody signs in by
/// it until then: it is switched off, and everybody who has signed in by it is signed out.
pub fn save(writer: &mut Writer<'_>, mut new: Settings, actor: &str) -> Result<(), StoreError> {
    let before = state(writer)?.settings;
    let same = before.as_ref().filter(|old| old.is_tested_as(&new));
    new.tested = same.and_then(|old| old.tested.clone());
    if same.is_none() {
        switch_off(writer, actor)?;
    }
    put(writer, &new)?;
    writer.record(&Change {
        actor,
        op: "sso.settings",
        before: before.map(|b| b.told()),
        after: Some(new.told()),
        ..Change::default()
    })
}

fn put(writer: &mut Writer<'_>, settings: &Settings) -> Result<(), StoreError> {
    writer.set_setting(SETTING, &serde_json::to_string(settings)?)
}

/// Notes how a test ended, if single sign-on is set up as it was when the test began. Says whether it is.
pub fn note_test(writer: &mut Writer<'_>, of: &Settings, tested: Tested) -> Result<bool, StoreError> {
    let Some(now) = state(writer)?.settings else { return Ok(false) };
    if !now.is_tested_as(of) {
        return Ok(false);
    }
    let (by, good) = (tested.by.clone(), tested.good);
    put(writer, &Settings { tested: Some(tested), ..now })?;
    let after = Some(json!({"good": good}).to_string());
    writer.record(&Change { actor: &by, op: "sso.tested", after, ..Change::default() })?;
    Ok(true)
}

/// Lets people sign in by it. False: they could already.
///
/// Errors: [`Refusal::Conflict`] when it is not set up, or no test was good since it was changed.
pub fn switch_on(writer: &mut Writer<'_>, actor: &str) -> Result<bool, Refusal> {
    let state = state(writer)?;
    if state.is_on() {
        return Ok(false);
    }
    if !state.is_ready() {
        return Err(Refusal::Conflict(
            "Test the sign-in first: single sign-on is switched on when a test has shown that somebody gets in."
                .to_owned(),
        ));
    }
    let now = writer.now();
    writer.set_sso_since(Some(now))?;
    switched(writer, actor, true)?;
    Ok(true)
}

/// Lets nobody sign in by it any longer, and signs everybody out who has. False: it was off. Nothing is forgotten of how it
/// is set up.
pub fn switch_off(writer: &mut Writer<'_>, actor: &str) -> Result<bool, StoreError> {
    writer.end_sessions_of_people()?;
    if writer.sso_since()?.is_none() {
        return Ok(false);
    }
    writer.set_sso_since(None)?;
    switched(writer, actor, false)?;
    Ok(true)
}

fn switched(writer: &mut Writer<'_>, actor: &str, on: bool) -> Result<(), StoreError> {
    let text = |on: bool| Some(json!({ "on": on }).to_string());
    writer.record(&Change { actor, op: "sso", before: text(!on), after: text(on), ..Change::default() })
}
