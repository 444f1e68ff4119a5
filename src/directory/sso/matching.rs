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
    /// Only the e-mail address fits, and no identity provider has made this person.
    EmailAlone,
    /// A weaker claim fits somebody whose externalId is another one than the identity provider says.
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
            Why::NoClaim | Why::OtherId | Why::EmailAlone => {
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
            Why::EmailAlone => {
                "Only an e-mail address fits, and no identity provider has made this person. Match by another claim, or allow addresses in the settings."
            }
            Why::OtherId => {
                "A name fits, but the externalId here is not what the identity provider says. Correct the externalId, or take the rule for it out."
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
        if is_another(settings, rule, claims, &document) {
            return out(Why::OtherId, name);
        }
        if rule.is_email() && !settings.allow_email && !is_provided(reader, &row, &document)? {
            return out(Why::EmailAlone, name);
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

/// The value of the claim of a rule. An address that the provider itself says is not verified is none.
fn text<'c>(claims: &'c Map<String, Value>, rule: &Rule) -> Option<&'c str> {
    if rule.claim.eq_ignore_ascii_case("email") {
        let said = claims.get("email_verified");
        let unverified =
            |v: &Value| *v == Value::Bool(false) || v.as_str().is_some_and(|t| !t.eq_ignore_ascii_case("true"));
        if said.is_some_and(unverified) {
            return None;
        }
    }
    let value = claims.get(&rule.claim)?.as_str()?;
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
            if matches(&bound, &row.document()?) {
                found.push(row);
            }
        }
        if found.len() > 1 {
            break;
        }
    }
    Ok(found)
}

/// Does the identity provider say another externalId than the one that stands here? Names and addresses pass from one person
/// to another; whoever has got one is not the person who had it.
fn is_another(settings: &Settings, by: &Rule, claims: &Map<String, Value>, document: &Object) -> bool {
    if by.attribute == Attribute::ExternalId {
        return false;
    }
    let Some(here) = document.get("externalId").and_then(Json::as_str).filter(|e| !e.is_empty()) else { return false };
    let said = settings.rules.iter().filter(|r| r.attribute == Attribute::ExternalId).filter_map(|r| text(claims, r));
    let mut said = said.peekable();
    said.peek().is_some() && said.all(|s| s != here)
}

/// Has an identity provider made this person? When that is no longer recorded, whoever has an externalId counts as made by
/// one.
fn is_provided(reader: &Reader<'_>, row: &Row, document: &Object) -> Result<bool, StoreError> {
    Ok(match reader.origin(&row.id)? {
        Some(actor) => is_provider(&actor, &reader.tokens()?),
        None => document.get("externalId").is_some(),
    })
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
        let mut like = Object::new();
        match rule.attribute {
            // A document has a userName in any case; nobody has this one.
            Attribute::ExternalId => like.push("externalId", value),
            Attribute::UserName => like.push("userName", value),
            Attribute::Email => continue,
        }
        if reader.departed_like(of, &Prepared::of(like, of))?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}
