//! Who is signed in on the pages: an administrator of the settings page, or a person of the directory whom the identity
//! provider has signed in (decision P14). It is asked for with every request, and once more inside every write: whoever is
//! deactivated, deleted or given another role in between is that at once.

use super::admins;
use super::lifecycle::is_active;
use super::roles::effective;
use super::sso::{self, Met, Settings, meet};
use super::{Refusal, Site};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::store::{AdminRow, Change, Owner, Reader, Row, SessionRow, StoreError, Writer};

/// Characters of a name in change rows, at most.
const LONGEST: usize = 100;

/// Somebody who is signed in.
#[derive(Clone)]
pub enum Who {
    /// An administrator of the settings page, with a password of its own.
    Admin(AdminRow),
    /// A person of the directory.
    Person(Person),
}

/// A person of the directory who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// The id.
    pub id: String,
    /// The userName.
    pub name: String,
    /// The role in effect opens the settings page.
    pub settings_admin: bool,
}

impl Person {
    pub(super) fn of(row: &Row, document: &Object, settings_admin: bool) -> Person {
        Person { id: row.id.clone(), name: called(document), settings_admin }
    }
}

/// The userName of a document.
pub(super) fn called(document: &Object) -> String {
    document.get("userName").and_then(Json::as_str).unwrap_or_default().to_owned()
}

impl Who {
    /// The name that pages show.
    pub fn name(&self) -> &str {
        match self {
            Who::Admin(admin) => &admin.name,
            Who::Person(person) => &person.name,
        }
    }

    /// How change rows name whoever this is: an id of a person says who it was also when the name is somebody else's.
    pub fn by(&self) -> String {
        match self {
            Who::Admin(admin) => admins::by(admin),
            Who::Person(person) => {
                format!("person:{} {}", person.id, person.name.chars().take(LONGEST).collect::<String>())
            }
        }
    }

    /// May this one open the settings page?
    pub fn manages(&self) -> bool {
        match self {
            Who::Admin(_) => true,
            Who::Person(person) => person.settings_admin,
        }
    }

    /// The administrator of the settings page, if it is one.
    pub fn admin(&self) -> Option<&AdminRow> {
        match self {
            Who::Admin(admin) => Some(admin),
            Who::Person(_) => None,
        }
    }

    /// Whose sessions these are.
    pub fn owner(&self) -> Owner {
        match self {
            Who::Admin(admin) => Owner::Admin(admin.id),
            Who::Person(person) => Owner::Person(person.id.clone()),
        }
    }
}

fn people<'c>(reader: &Reader<'c>) -> Option<&'c ResourceType> {
    reader.catalog().resource_types.iter().find(|t| t.is_user()).map(|of| &**of)
}

/// The person with this id, if single sign-on lets him or her in now.
fn person(reader: &Reader<'_>, site: &Site, id: &str) -> Result<Option<Person>, StoreError> {
    if !sso::state(reader)?.is_on() {
        return Ok(None);
    }
    let Some(row) = people(reader).map_or(Ok(None), |of| reader.find(of, id))? else { return Ok(None) };
    let document = row.document()?;
    if !is_active(&document) {
        return Ok(None);
    }
    let role = effective(reader, site, &row, &reader.groups_of(row.pk)?)?.role;
    Ok(Some(Person::of(&row, &document, role.settings_admin)))
}

/// The session behind a digest, and who that is now.
pub fn whose(reader: &Reader<'_>, site: &Site, digest: &[u8]) -> Result<Option<(SessionRow, Who)>, StoreError> {
    let Some(session) = reader.session(digest)? else { return Ok(None) };
    let who = match &session.owner {
        Owner::Admin(id) => reader.admin(*id)?.map(Who::Admin),
        Owner::Person(id) => person(reader, site, id)?.map(Who::Person),
    };
    Ok(who.map(|who| (session, who)))
}

/// May somebody still change things here? Asked inside the writing transaction: between a look and a write there may be a
/// reset, a deactivation or another role.
pub fn still(reader: &Reader<'_>, site: &Site, who: &Who, digest: &[u8]) -> Result<bool, StoreError> {
    match who {
        Who::Admin(admin) => admins::still(reader, admin, digest),
        Who::Person(_) => {
            let Some((session, now)) = whose(reader, site, digest)? else { return Ok(false) };
            Ok(session.complete && session.expires > reader.now() && now.owner() == who.owner() && now.manages())
        }
    }
}

/// How a sign-in by single sign-on ended.
pub enum Entry {
    /// This person is in.
    In(Person),
    /// This is why not.
    Out(sso::Refused),
    /// Single sign-on was switched off, or set up otherwise, in the meantime.
    Over,
}

/// Lets somebody in whom the identity provider has signed in with these claims: everything is looked at, and the session
/// opened, in one transaction. `before`, the sessions that the browser had, end.
pub fn enter(
    writer: &mut Writer<'_>,
    site: &Site,
    settings: &Settings,
    claims: &serde_json::Map<String, serde_json::Value>,
    session: impl FnOnce(&Person) -> SessionRow,
    before: &[Vec<u8>],
) -> Result<Entry, Refusal> {
    let now = sso::state(writer)?;
    if !now.is_on() || !now.settings.as_ref().is_some_and(|s| s.is_same_provider(settings)) {
        return Ok(Entry::Over);
    }
    let person = match meet(writer, site, now.settings.as_ref().unwrap_or(settings), claims)? {
        Met::Out(refused) => return Ok(Entry::Out(refused)),
        Met::In(person, _) => person,
    };
    for digest in before {
        writer.end_session(digest)?;
    }
    writer.add_session(&session(&person))?;
    let at = writer.now();
    writer.note_sign_in(&person.id, at)?;
    // Of everybody else the last time is kept, and no row for each: they are many, and come every day.
    if person.settings_admin {
        let by = Who::Person(person.clone()).by();
        let code = people(writer).map(|of| writer.code(of));
        writer.record(&Change { actor: &by, op: "sign-in", code, resource: Some(&person.id), ..Change::default() })?;
    }
    Ok(Entry::In(person))
}

/// Puts a session in the place of the one of a person who has proved once more who that is. False: the old one has ended, or
/// it was somebody else's.
pub fn exchange(
    writer: &mut Writer<'_>,
    site: &Site,
    settings: &Settings,
    claims: &serde_json::Map<String, serde_json::Value>,
    old: &[u8],
    new: impl FnOnce(&SessionRow) -> SessionRow,
) -> Result<bool, Refusal> {
    let Some((session, who)) = whose(writer, site, old)? else { return Ok(false) };
    let same = sso::state(writer)?.settings.is_some_and(|s| s.is_same_provider(settings));
    let Met::In(person, _) = meet(writer, site, settings, claims)? else { return Ok(false) };
    if !same || session.owner != Owner::Person(person.id.clone()) || who.owner() != session.owner {
        return Ok(false);
    }
    writer.end_session(old)?;
    writer.add_session(&new(&session))?;
    Ok(true)
}
