//! `/people` and `/groups`: who is in the directory. What an identity provider has sent is shown as text.

use askama::Template;
use hyper::StatusCode;

use super::attributes::{facts, named, plain};
use super::handovers::{person, sentence};
use super::history::{Changed, changes};
use super::lists::{SIZE, address, encoded, pager, with_query};
use super::oddities::told;
use super::session::Signed;
use super::sso_sessions::SignedIn;
use super::state::who_words;
use super::views::{Count, Exact, Facts, Frame, Link, Moment, Pager, Shown};
use super::{Outcome, Trouble, Ui, Visit, html, redirect};
use crate::directory::Refusal;
use crate::directory::local::Kind;
use crate::directory::overview::{HISTORY, Listed, Portrait, Standing, members, page, portrait, standing};
use crate::directory::overwrites::{Overwrite, overwrites};
use crate::directory::roles::{self, Input, Origin, Verdict, Why};
use crate::scim::json::Json;

/// Members of a group on one page.
const MEMBERS: u64 = 50;

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
        address("/people", &self.q, status, 0)
    }

    /// Nobody is in the directory at all.
    pub fn is_empty(&self) -> bool {
        self.standing.active + self.standing.deactivated == 0
    }
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

/// An attribute that was changed here and that an identity provider writes.
pub struct Edited {
    /// What people call it.
    pub label: String,
    /// Its value.
    pub here: String,
    /// What the identity provider sent last.
    pub provider: String,
    /// When it was changed here.
    pub at: Exact,
    /// By whom, in words.
    pub who: String,
    /// What will happen.
    pub sentence: &'static str,
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
    /// What is odd: a sentence, and whom it names.
    pub odd: Vec<(String, Vec<Link>)>,
    /// The URL for SCIM.
    pub location: String,
    /// The attributes: those of the core first, then one part for each extension.
    pub facts: Vec<Facts>,
    /// The groups: link, and whether directly.
    pub groups: Vec<(Link, bool)>,
    /// How many are not named.
    pub more_groups: Count,
    /// The role, and why.
    pub role: RoleOf,
    /// The value of the role that was given here.
    pub given: Option<String>,
    /// The roles that can be: value and label.
    pub roles: Vec<(String, String)>,
    /// When he or she last signed in by single sign-on.
    pub signed_in: Option<Moment>,
    /// Where he or she is signed in by single sign-on.
    pub sessions: Vec<SignedIn>,
    /// The records that the same person had before.
    pub earlier: Vec<Link>,
    /// How the hand-over stands, if there is one.
    pub handover: Option<Link>,
    /// What pushes will write over.
    pub edited: Vec<Edited>,
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
    /// The id.
    pub id: String,
    /// Added here, and not by an identity provider.
    pub local: bool,
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
    /// What is odd: a sentence, and whom it names.
    pub odd: Vec<(String, Vec<Link>)>,
    /// The URL for SCIM.
    pub location: String,
    /// Attributes beside these.
    pub facts: Vec<Facts>,
    /// The groups that it is in.
    pub groups: Vec<(Link, bool)>,
    /// How many are not named.
    pub more_groups: Count,
    /// Members, in the order in which they were made.
    pub members: Vec<Member>,
    /// Where the members go on.
    pub pager: Pager,
    /// What happened, the latest first.
    pub history: Vec<Changed>,
    /// Where the history goes on.
    pub older: Option<String>,
}

impl Group {
    /// An identity provider has added some of those that are shown.
    fn is_provided(&self) -> bool {
        self.members.iter().any(|member| !member.local)
    }
}

impl Ui {
    /// `/people`
    pub(super) async fn people(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let q = visit.parameter("q").unwrap_or_default().trim().to_owned();
        let (status, active) = match visit.parameter("status").as_deref() {
            Some("active") => ("active", Some(true)),
            Some("deactivated") => ("deactivated", Some(false)),
            _ => ("all", None),
        };
        let (text, offset) = (q.clone(), visit.offset());
        let read = self.directory.store.read(move |reader| {
            let of = reader.catalog().resource_type("User").ok_or_else(unknown)?;
            let found = page(reader, of, &text, active, offset, SIZE)?;
            Ok::<_, Refusal>((standing(reader)?, found, reader.departed_count(of)?))
        });
        let (standing, found, departed) = read.await?;
        if q.is_empty() {
            // Whoever looks at the list is about to search it.
            let prepared = self.directory.store.read(|reader| reader.prepare_search());
            tokio::spawn(async move {
                if let Err(error) = prepared.await {
                    tracing::warn!(%error, "the search could not be prepared");
                }
            });
        }
        let shown = found.entries.len() as u64;
        if shown == 0 && offset > 0 {
            return Ok(redirect(&address("/people", &q, status, 0)));
        }
        let page = People {
            frame: self.frame(visit, signed, "people", "People").await?,
            pager: pager(offset, shown, found.total, SIZE, |offset| address("/people", &q, status, offset)),
            entries: found.entries,
            standing,
            departed: Count(departed),
            q,
            status,
        };
        html(StatusCode::OK, &page)
    }

    /// `/people/{id}`
    pub(super) async fn person(&self, visit: &Visit<'_>, signed: &Signed, id: &str) -> Outcome {
        let Some((portrait, tokens)) = self.portrait(visit, "User", id).await? else {
            return self.departed(visit, signed, Kind::Person, id).await;
        };
        let (who, site) = (portrait.listed.id.clone(), self.directory.site.clone());
        let read = self.directory.store.read(move |reader| {
            Ok::<_, Refusal>(roles::why(reader, &site, &who)?.zip(overwrites(reader, &site, &who)?))
        });
        let (why, overwrites) = read.await?.ok_or_else(Trouble::not_found)?;
        let title = portrait.listed.label.clone().unwrap_or_else(|| portrait.listed.name.clone());
        let (history, older) = self.history_of(visit, "/people", &portrait, &tokens);
        let page = Person {
            frame: self.frame(visit, signed, "people", &title).await?,
            source: source(&portrait, &tokens),
            external_id: external_id(&portrait),
            created: Moment(portrait.row.created),
            facts: named(facts(&portrait.document, self.directory.catalog(), "User"), &portrait.manager),
            groups: links(&portrait),
            more_groups: Count(portrait.groups.len().saturating_sub(GROUPS) as u64),
            role: role_of(&why, &tokens),
            given: why.given().map(str::to_owned),
            roles: self.directory.site.roles.all().iter().map(|r| (r.value.clone(), r.label.clone())).collect(),
            signed_in: portrait.signed_in.map(Moment),
            sessions: self.signed_in_where(&portrait.listed.id).await?,
            earlier: portrait.earlier.iter().map(|id| person(id, id)).collect(),
            handover: portrait.handover.as_ref().map(|item| sentence(item, &tokens)),
            edited: overwrites.iter().map(|o| edited(o, &tokens)).collect(),
            odd: told(&portrait.oddities, "/people"),
            location: portrait.location,
            listed: portrait.listed,
            history,
            older,
        };
        html(StatusCode::OK, &page)
    }

    /// `/groups`
    pub(super) async fn groups(&self, visit: &Visit<'_>, signed: &Signed) -> Outcome {
        let q = visit.parameter("q").unwrap_or_default().trim().to_owned();
        let (text, offset) = (q.clone(), visit.offset());
        let read = self.directory.store.read(move |reader| {
            let of = reader.catalog().resource_type("Group").ok_or_else(unknown)?;
            let found = page(reader, of, &text, None, offset, SIZE)?;
            Ok::<_, Refusal>((standing(reader)?, found, reader.departed_count(of)?))
        });
        let (standing, found, archived) = read.await?;
        let shown = found.entries.len() as u64;
        if shown == 0 && offset > 0 {
            return Ok(redirect(&address("/groups", &q, "", 0)));
        }
        let page = Groups {
            frame: self.frame(visit, signed, "groups", "Groups").await?,
            pager: pager(offset, shown, found.total, SIZE, |offset| address("/groups", &q, "", offset)),
            entries: found.entries,
            standing,
            archived: Count(archived),
            q,
        };
        html(StatusCode::OK, &page)
    }

    /// `/groups/{id}`
    pub(super) async fn group(&self, visit: &Visit<'_>, signed: &Signed, id: &str) -> Outcome {
        let Some((portrait, tokens)) = self.portrait(visit, "Group", id).await? else {
            return self.departed(visit, signed, Kind::Group, id).await;
        };
        let (row, offset) = (portrait.row.clone(), visit.offset());
        let read = self.directory.store.read(move |reader| {
            let found = members(reader, &row, offset, MEMBERS)?;
            // Only people and groups are members, and an id is of one of them.
            let of = reader.catalog().resource_type("User").ok_or_else(unknown)?;
            let is_user = |entry: &Listed| Ok::<_, Refusal>(reader.find(of, &entry.id)?.is_some());
            let kinds = found.entries.iter().map(is_user).collect::<Result<Vec<_>, _>>()?;
            let local = reader.local_among(row.pk, &reader.member_page(row.pk, offset, MEMBERS)?)?;
            Ok::<_, Refusal>((found, kinds, local))
        });
        let (found, kinds, local) = read.await?;
        let shown = found.entries.len() as u64;
        let member = |(entry, is_user): (Listed, bool)| Member {
            href: format!("{}/{}", if is_user { "/people" } else { "/groups" }, encoded(&entry.id)),
            label: entry.label.clone().unwrap_or_else(|| entry.name.clone()),
            kind: if is_user { "Person" } else { "Group" },
            user_name: if is_user { entry.name } else { String::new() },
            active: entry.active,
            local: local.contains(&entry.id),
            id: entry.id,
        };
        let here = format!("/groups/{}", encoded(id));
        let (history, older) = self.history_of(visit, "/groups", &portrait, &tokens);
        let page = Group {
            frame: self.frame(visit, signed, "groups", &portrait.listed.name).await?,
            source: source(&portrait, &tokens),
            external_id: external_id(&portrait),
            created: Moment(portrait.row.created),
            facts: facts(&portrait.document, self.directory.catalog(), "Group"),
            groups: links(&portrait),
            more_groups: Count(portrait.groups.len().saturating_sub(GROUPS) as u64),
            members: found.entries.into_iter().zip(kinds).map(member).collect(),
            pager: pager(offset, shown, found.total, MEMBERS, |offset| address(&here, "", "", offset)),
            odd: told(&portrait.oddities, "/groups"),
            location: portrait.location,
            listed: portrait.listed,
            history,
            older,
        };
        html(StatusCode::OK, &page)
    }

    async fn portrait(
        &self,
        visit: &Visit<'_>,
        kind: &'static str,
        id: &str,
    ) -> Result<Option<(Portrait, Vec<crate::directory::TokenRow>)>, Trouble> {
        let before = visit.parameter("before").and_then(|n| n.parse().ok()).unwrap_or(i64::MAX);
        let (id, site) =
            (percent_encoding::percent_decode_str(id).decode_utf8_lossy().into_owned(), self.directory.site.clone());
        let read = self.directory.store.read(move |reader| {
            let of = reader.catalog().resource_type(kind).ok_or_else(unknown)?;
            let Some(portrait) = portrait(reader, &site, of, &id, before)? else { return Ok(None) };
            Ok::<_, Refusal>(Some((portrait, reader.tokens()?)))
        });
        Ok(read.await?)
    }

    fn history_of(
        &self,
        visit: &Visit<'_>,
        path: &str,
        portrait: &Portrait,
        tokens: &[crate::directory::TokenRow],
    ) -> (Vec<Changed>, Option<String>) {
        let last = portrait.history.last().filter(|_| portrait.history.len() as u64 == HISTORY);
        let here = format!("{path}/{}", encoded(&portrait.listed.id));
        let offset = visit.parameter("offset").unwrap_or_default();
        let older = last.map(|row| with_query(&here, &[("offset", &offset), ("before", &row.n.to_string())]));
        (changes(&portrait.history, tokens), older)
    }
}

/// The role of somebody, with what decides first.
pub fn role_of(why: &Why, tokens: &[crate::directory::TokenRow]) -> RoleOf {
    let since = |what: &'static str, origin: &Option<Origin>| {
        origin.as_ref().map(|o| Since {
            what,
            at: Exact(o.at),
            who: who_words(&o.actor, tokens),
            request: o.request.clone().unwrap_or_default(),
        })
    };
    let reason = |input: &Input| Reason {
        words: input.sentence(),
        group: input
            .rule
            .as_ref()
            .filter(|r| r.live)
            .map(|r| Link { href: format!("/groups/{}", encoded(&r.group)), words: "Show the group".to_owned() }),
        verdict: input.verdict.words(),
        decides: input.verdict == Verdict::Wins,
        since: since("", &input.origin)
            .into_iter()
            .chain(input.way.first().and_then(|hop| since("In the group: ", &hop.origin)))
            .collect(),
    };
    RoleOf {
        label: why.effective.role.label.clone(),
        value: why.effective.role.value.clone(),
        reasons: why.inputs.iter().map(reason).collect(),
    }
}

/// What was changed here, and what becomes of it.
fn edited(one: &Overwrite, tokens: &[crate::directory::TokenRow]) -> Edited {
    let words = |value: &Option<Json>| match value {
        None => "none".to_owned(),
        Some(Json::Array(elements)) => {
            let value = |e: &Json| plain(e.as_object().and_then(|o| o.get("value")).unwrap_or(e));
            elements.iter().map(value).collect::<Vec<_>>().join(", ")
        }
        Some(Json::Object(parts)) => plain(parts.get("value").unwrap_or(&Json::Object(parts.clone()))),
        Some(value) => plain(value),
    };
    Edited {
        label: one.label.clone(),
        here: words(&one.here),
        provider: words(&one.provider),
        at: Exact(one.at),
        who: who_words(&one.actor, tokens),
        sentence: one.sentence(),
    }
}

/// The catalogue lacks what it always has.
pub fn unknown() -> Refusal {
    crate::directory::StoreError::Corrupt("a resource type of the RFC is not known".to_owned()).into()
}

fn external_id(portrait: &Portrait) -> Option<String> {
    portrait.document.get("externalId").and_then(Json::as_str).map(str::to_owned)
}

fn source(portrait: &Portrait, tokens: &[crate::directory::TokenRow]) -> String {
    match &portrait.origin {
        Some(actor) if actor.starts_with("token:") => format!("Identity provider, with {}", who_words(actor, tokens)),
        Some(actor) => who_words(actor, tokens),
        None => "No longer recorded".to_owned(),
    }
}

/// Groups that are named on one page.
const GROUPS: usize = 200;

fn links(portrait: &Portrait) -> Vec<(Link, bool)> {
    let link = |(id, words, direct): &(String, String, bool)| {
        (Link { href: format!("/groups/{}", encoded(id)), words: words.clone() }, *direct)
    };
    portrait.groups.iter().take(GROUPS).map(link).collect()
}
