//! Who somebody is whom the identity provider has signed in: a function of what is stored and of the claims, and of nothing
//! else. A sentence for the person, and one for the administrators, say why nobody was found.

use serde_json::{Map, Value};

use super::{Attribute, Rule, Settings};
use crate::directory::lifecycle::people;
use crate::directory::overwrites::is_provider;
use crate::directory::roles::effective;
use crate::directory::who::{Person, called};
use crate::directory::{Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::eval::matches;
use crate::scim::filter::Filter;
use crate::scim::json::{Json, Object};
use crate::store::{Prepared, Reader, Row, StoreError};

/// Characters of a claim that is looked for, at most: no name here is longer.
const LONGEST: usize = 1000;

/// What became of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Met {
    /// Gets in as this person, by this rule.
    In(Person, Rule),
    /// Does not get in.
    Out(Refused),
}

/// Why somebody does not get in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// None of the claims that people are matched by was there.
    NoClaim,
    /// Nobody here has these values.
    Unknown,
    /// More than one person has them.
    Ambiguous,
    /// Only a name or an address fits, and no identity provider has made this person.
    NameAlone,
    /// Only a name or an address fits, and who has made this person is not known.
    NoOrigin,
    /// A weaker claim fits somebody whose externalId the identity provider does not confirm.
    OtherId,
    /// The person is deactivated.
    Deactivated,
    /// The person was deleted.
    Departed,
}

/// Somebody who does not get in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub why: Why,
    /// The userName of the person who was matched; none: nobody was.
    pub name: Option<String>,
    /// The rule that matched.
    pub rule: Option<Rule>,
}

impl Why {
    /// What the person is told.
    pub fn for_person(self) -> &'static str {
        match self {
            Why::NoClaim | Why::OtherId | Why::NameAlone | Why::NoOrigin => {
                "Your identity provider has signed you in, but what it says of you is not enough to know who you are here. Ask your administrator to look at the refused sign-ins."
            }
            Why::Unknown => {
                "Your identity provider knows you, but you are not known here. Ask your administrator to assign you to this application, and try again then."
            }
            Why::Ambiguous => {
                "What your identity provider says of you fits more than one person here. Ask your administrator to look at the refused sign-ins."
            }
            Why::Deactivated => "You are deactivated here. Ask your administrator if you should have access again.",
            Why::Departed => "You were removed here. Ask your administrator if you should have access again.",
        }
    }

    /// What administrators are told.
    pub fn for_admins(self) -> &'static str {
        match self {
            Why::NoClaim => "The identity provider sent none of the claims that people are matched by.",
            Why::Unknown => "Nobody here fits the claims that people are matched by.",
            Why::Ambiguous => "More than one person fits. Give one of them another value, or match by another claim.",
            Why::NameAlone => {
                "Only a name or an address fits, and no identity provider has made this person. Give the person the externalId of the identity provider, or allow names and addresses in the settings."
            }
            Why::NoOrigin => {
                "Only a name or an address fits, and who has made this person is not recorded. Give the person the externalId of the identity provider, or allow names and addresses in the settings."
            }
            Why::OtherId => {
                "A name fits, but the identity provider does not confirm the externalId that stands here. Correct the externalId, or take the rule for it out."
            }
            Why::Deactivated => "The person is deactivated.",
            Why::Departed => "The person was deleted.",
        }
    }
}

/// Who somebody with these claims is. The first rule that finds anybody decides.
pub fn meet(
    reader: &Reader<'_>,
    site: &Site,
    settings: &Settings,
    claims: &Map<String, Value>,
) -> Result<Met, Refusal> {
    let of = people(reader)?;
    let mut asked = false;
    for rule in &settings.rules {
        let Some(value) = text(claims, rule) else { continue };
        asked = true;
        let mut found = find(reader, &of, rule.attribute, value)?;
        let Some(row) = found.pop() else { continue };
        let out = |why, name| Ok(Met::Out(Refused { why, name, rule: Some(rule.clone()) }));
        if !found.is_empty() {
            return out(Why::Ambiguous, None);
        }
        let document = row.document()?;
        let name = Some(called(&document));
        // Whoever has got the name of somebody who left is not that one, and neither is who left the next.
        if rule.is_weak() && has_left_by_id(reader, &of, settings, claims)? {
            return out(Why::Departed, None);
        }
        if is_another(settings, rule, claims, &document) {
            return out(Why::OtherId, name);
        }
        if rule.is_weak()
            && !settings.allow_email
            && let Some(why) = unprovided(reader, &row, &document)?
        {
            return out(why, name);
        }
        if !crate::directory::lifecycle::is_active(&document) {
            return out(Why::Deactivated, name);
        }
        let role = effective(reader, site, &row, &reader.groups_of(row.pk)?)?.role;
        return Ok(Met::In(Person::of(&row, &document, role.settings_admin), rule.clone()));
    }
    let why = match asked {
        false => Why::NoClaim,
        true if has_left(reader, &of, settings, claims)? => Why::Departed,
        true => Why::Unknown,
    };
    Ok(Met::Out(Refused { why, name: None, rule: None }))
}

/// The value of the claim of a rule. An address that the provider does not say is verified, when it says anything of that,
/// is none, in whichever claim it comes.
fn text<'c>(claims: &'c Map<String, Value>, rule: &Rule) -> Option<&'c str> {
    let value = claims.get(&rule.claim)?.as_str()?;
    let is_address = value.contains('@') || rule.claim.eq_ignore_ascii_case("email");
    let verified = |said: &Value| *said == Value::Bool(true) || said.as_str() == Some("true");
    if is_address && !claims.get("email_verified").is_none_or(verified) {
        return None;
    }
    (!value.is_empty() && value.chars().count() <= LONGEST).then_some(value)
}

/// At most two live people who have a value: more than one is as bad as many.
fn find(reader: &Reader<'_>, of: &ResourceType, attribute: Attribute, value: &str) -> Result<Vec<Row>, Refusal> {
    let dialect = Dialect::tolerant();
    let written = format!("{} eq {}", attribute.path(), Json::from(value).text());
    // What no filter can say, no name here is: control characters are refused in both.
    let Ok(filter) = Filter::parse(&written, &dialect) else { return Ok(Vec::new()) };
    let bound = filter.bind(of, &dialect)?;
    let mut found = Vec::new();
    let Some((keys, _)) = reader.candidates(&bound, of, None)? else {
        let why = format!("there is no index for {}", attribute.path());
        return Err(StoreError::Corrupt(why).into());
    };
    for key in keys {
        for row in reader.rows(&[key])? {
            let document = row.document()?;
            if matches(&bound, &document) && has(&document, attribute, value) {
                found.push(row);
            }
        }
        if found.len() > 1 {
            break;
        }
    }
    Ok(found)
}

/// Does a document have this value, but for letter case? Folding, by which the directory keeps names apart, makes `ſ` an `s`
/// and `ß` two of them: other names at another provider of addresses, which somebody else may have.
fn has(document: &Object, attribute: Attribute, value: &str) -> bool {
    let is_it = |stored: Option<&Json>| stored.and_then(Json::as_str).is_some_and(|stored| same_letters(stored, value));
    match attribute {
        Attribute::ExternalId => true,
        Attribute::UserName => is_it(document.get("userName")),
        Attribute::Email => {
            let Some(Json::Array(all)) = document.get("emails") else { return false };
            all.iter().any(|one| is_it(one.as_object().and_then(|one| one.get("value"))))
        }
    }
}

/// The same text but for letter case, character by character; no character of ASCII is the same as one that is not.
fn same_letters(one: &str, other: &str) -> bool {
    let same = |a: char, b: char| {
        a == b
            || match (a.is_ascii(), b.is_ascii()) {
                (true, true) => a.eq_ignore_ascii_case(&b),
                (false, false) => a.to_lowercase().eq(b.to_lowercase()),
                _ => false,
            }
    };
    let (mut one, mut other) = (one.chars(), other.chars());
    loop {
        match (one.next(), other.next()) {
            (None, None) => return true,
            (Some(a), Some(b)) if same(a, b) => {}
            _ => return false,
        }
    }
}

/// Does an externalId stand here that the identity provider does not confirm, although people are matched by it? Names and
/// addresses pass from one person to another; whoever has got one is not the person who had it.
fn is_another(settings: &Settings, by: &Rule, claims: &Map<String, Value>, document: &Object) -> bool {
    if by.attribute == Attribute::ExternalId {
        return false;
    }
    let Some(here) = document.get("externalId").and_then(Json::as_str).filter(|e| !e.is_empty()) else { return false };
    let mut rules = by_id(settings).peekable();
    rules.peek().is_some() && rules.all(|rule| text(claims, rule) != Some(here))
}

fn by_id(settings: &Settings) -> impl Iterator<Item = &Rule> {
    settings.rules.iter().filter(|r| r.attribute == Attribute::ExternalId)
}

/// Why a name or an address is not enough: no identity provider has made this person, and no administrator has said who that
/// is there.
fn unprovided(reader: &Reader<'_>, row: &Row, document: &Object) -> Result<Option<Why>, StoreError> {
    if document.get("externalId").and_then(Json::as_str).is_some_and(|e| !e.is_empty()) {
        return Ok(None);
    }
    Ok(match reader.origin(&row.id)? {
        Some(actor) if is_provider(&actor, &reader.tokens()?) => None,
        Some(_) => Some(Why::NameAlone),
        None => Some(Why::NoOrigin),
    })
}

/// Is an externalId that the identity provider says that of somebody who has left, and of nobody who is here?
fn has_left_by_id(
    reader: &Reader<'_>,
    of: &ResourceType,
    settings: &Settings,
    claims: &Map<String, Value>,
) -> Result<bool, Refusal> {
    for value in by_id(settings).filter_map(|rule| text(claims, rule)) {
        if find(reader, of, Attribute::ExternalId, value)?.is_empty() && reader.has_left(of, value)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Was there somebody who has left?
fn has_left(
    reader: &Reader<'_>,
    of: &ResourceType,
    settings: &Settings,
    claims: &Map<String, Value>,
) -> Result<bool, StoreError> {
    for rule in &settings.rules {
        let Some(value) = text(claims, rule) else { continue };
        let left = match rule.attribute {
            Attribute::ExternalId => reader.has_left(of, value)?,
            Attribute::UserName => {
                let mut like = Object::new();
                like.push("userName", value);
                reader.departed_like(of, &Prepared::of(like, of))?.is_some()
            }
            Attribute::Email => false,
        };
        if left {
            return Ok(true);
        }
    }
    Ok(false)
}
