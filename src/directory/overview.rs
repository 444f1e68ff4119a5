//! What an administrator looks at: how the directory stands, who is in it, and what was asked of it lately.

use super::Refusal;
use super::guard::guard;
use super::handover::{self, Item};
use super::lifecycle::is_active;
use super::oddities::{Oddity, oddities};
use super::show::location;
use super::{Site, provisioning, sso};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::project::withhold_secrets;
use crate::scim::soft_delete::name_before;
use crate::scim::stored::conceal;
use crate::store::{ChangeRow, Guard, HandoverStatus, Provisioning, Reader, Row, StoreError};

/// How the directory stands.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The state of provisioning.
    pub state: Provisioning,
    /// Who acknowledged that there is no single sign-on, and when in microseconds since 1970.
    pub acknowledged: Option<(String, i64)>,
    /// How single sign-on stands.
    pub sso: sso::State,
    /// Live people who are active.
    pub active: u64,
    /// Live people who are not.
    pub deactivated: u64,
    /// Live groups.
    pub groups: u64,
    /// Open hand-overs.
    pub handovers: u64,
    /// The consequence guard, if it holds.
    pub guard: Option<Guard>,
}

/// How the directory stands.
pub fn standing(reader: &Reader<'_>) -> Result<Standing, StoreError> {
    let status = provisioning::status(reader)?;
    let acknowledged = status.acknowledged();
    let total = |name: &str| reader.catalog().resource_type(name).map_or(Ok(0), |of| reader.total(of));
    let people = total("User")?;
    let deactivated = match reader.catalog().resource_type("User") {
        Some(of) => reader.inactive(of)?,
        None => 0,
    };
    Ok(Standing {
        state: status.state,
        acknowledged,
        sso: status.sso,
        active: people.saturating_sub(deactivated),
        deactivated,
        groups: total("Group")?,
        handovers: reader.handover_count(HandoverStatus::Open)?,
        guard: guard(reader)?,
    })
}

/// Somebody, or a group, in a list.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The id.
    pub id: String,
    /// The userName; for a group, its displayName.
    pub name: String,
    /// The userName before a soft deletion in Microsoft Entra ID, if this is one.
    pub was: Option<String>,
    /// What people call it.
    pub label: Option<String>,
    /// The address that is marked as primary, or the first one.
    pub email: Option<String>,
    /// Not deactivated.
    pub active: bool,
    /// How many members a group has.
    pub members: u64,
    /// When it was last modified, in microseconds since 1970.
    pub modified: i64,
}

/// A page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The entries, the latest first.
    pub entries: Vec<Listed>,
    /// How many there are in all.
    pub total: u64,
    /// How many come before this page.
    pub offset: u64,
}

/// A page of the people, or groups, in which a text stands: the latest first.
pub fn page(
    reader: &Reader<'_>,
    of: &ResourceType,
    text: &str,
    active: Option<bool>,
    offset: u64,
    limit: u64,
) -> Result<Page, StoreError> {
    if text.is_empty() && active.is_none() {
        let total = reader.total(of)?;
        let end = total.saturating_sub(offset);
        let start = end.saturating_sub(limit);
        let mut keys = reader.page(of, start, end - start)?;
        keys.reverse();
        return Ok(Page { entries: listed(reader, &keys)?, total, offset });
    }
    let keys = reader.search(of, text, active)?;
    let from = usize::try_from(offset).unwrap_or(usize::MAX);
    let shown: Vec<i64> = keys.iter().copied().skip(from).take(usize::try_from(limit).unwrap_or(0)).collect();
    Ok(Page { entries: listed(reader, &shown)?, total: keys.len() as u64, offset })
}

/// A page of the members of a group, in the order in which they were made.
pub fn members(reader: &Reader<'_>, group: &Row, offset: u64, limit: u64) -> Result<Page, StoreError> {
    let keys = reader.member_page(group.pk, offset, limit)?;
    Ok(Page { entries: listed(reader, &keys)?, total: group.members, offset })
}

fn listed(reader: &Reader<'_>, keys: &[i64]) -> Result<Vec<Listed>, StoreError> {
    reader.rows(keys)?.iter().map(|row| Ok(cut(entry(row)?))).collect()
}

/// Characters of a name in a list, at most: what identity providers send has no such end.
pub const LONGEST: usize = 200;

fn cut(listed: Listed) -> Listed {
    let cut = |text: String| match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    };
    let Listed { name, label, email, was, .. } = listed.clone();
    Listed { name: cut(name), label: label.map(cut), email: email.map(cut), was: was.map(cut), ..listed }
}

/// How a resource looks in a list.
pub fn entry(row: &Row) -> Result<Listed, StoreError> {
    Ok(Listed { members: row.members, ..listed_as(&row.id, &row.document()?, row.modified) })
}

/// The same of a document; its members are not counted.
pub fn listed_as(id: &str, document: &Object, modified: i64) -> Listed {
    let text = |name: &str| document.get(name).and_then(Json::as_str).filter(|t| !t.is_empty()).map(str::to_owned);
    let name = document.get("name").and_then(Json::as_object);
    let part = |part: &str| name.and_then(|n| n.get(part)).and_then(Json::as_str).filter(|t| !t.is_empty());
    let joined = || {
        let parts: Vec<&str> = [part("givenName"), part("familyName")].into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    };
    let label = text("displayName").or_else(|| part("formatted").map(str::to_owned)).or_else(joined);
    let (name, active) = (text("userName").or_else(|| text("displayName")).unwrap_or_default(), is_active(document));
    Listed {
        id: id.to_owned(),
        was: text("userName").and_then(|name| name_before(&name, active).map(str::to_owned)),
        name,
        label,
        email: email(document),
        active,
        members: 0,
        modified,
    }
}

fn email(document: &Object) -> Option<String> {
    let all = document.get("emails")?.elements().iter().filter_map(Json::as_object);
    let value = |e: &Object| e.get("value").and_then(Json::as_str).map(str::to_owned);
    let primary = all.clone().find(|e| e.get("primary") == Some(&Json::Bool(true)));
    primary.or_else(|| all.clone().next()).and_then(value)
}

/// Everything that is known of one person or group.
#[derive(Debug, Clone)]
pub struct Portrait {
    /// How it looks in a list.
    pub listed: Listed,
    /// The row.
    pub row: Row,
    /// The document, without what is never shown.
    pub document: Object,
    /// Its URL for SCIM.
    pub location: String,
    /// Who made it, as change rows say it; none: that is no longer recorded.
    pub origin: Option<String>,
    /// The groups it is in: id, name, and whether directly.
    pub groups: Vec<(String, String, bool)>,
    /// The ids that the same person had before, the last one first.
    pub earlier: Vec<String>,
    /// The last hand-over of a person.
    pub handover: Option<Item>,
    /// The manager of whom the document says the id and no name: id and name, if that is somebody here.
    pub manager: Option<(String, String)>,
    /// When a person last signed in by single sign-on.
    pub signed_in: Option<i64>,
    /// What is odd about it.
    pub oddities: Vec<Oddity>,
    /// What happened to it, the latest first.
    pub history: Vec<ChangeRow>,
}

/// Changes of a history, at most.
pub const HISTORY: u64 = 50;

/// Everything that is known of one person or group; of its history those changes that came before number `before`.
pub fn portrait(
    reader: &Reader<'_>,
    site: &Site,
    of: &ResourceType,
    id: &str,
    before: i64,
) -> Result<Option<Portrait>, Refusal> {
    let Some(row) = reader.find(of, id)? else { return Ok(None) };
    let document = shown_of(row.document()?, of);
    let direct = reader.groups_of(row.pk)?;
    let graph = reader.graph()?;
    let groups = graph.closure(&direct).into_iter().map(|(n, is_direct)| (n.id.clone(), n.display.clone(), is_direct));
    Ok(Some(Portrait {
        listed: entry(&row)?,
        location: location(site, of, &row.id),
        origin: reader.origin(&row.id)?,
        groups: groups.collect(),
        oddities: oddities(reader, of, &row)?,
        history: reader.history(&row.id, before, HISTORY)?,
        earlier: reader.earlier_ids(&row.id)?,
        signed_in: reader.last_sign_in(&row.id)?,
        manager: manager(reader, of, &document)?,
        handover: match reader.handovers_of(&row.id)?.into_iter().next() {
            Some(last) => Some(handover::item(reader, last)?),
            None => None,
        },
        document,
        row,
    }))
}

/// The manager who stands in a document with the id alone.
fn manager(reader: &Reader<'_>, of: &ResourceType, document: &Object) -> Result<Option<(String, String)>, StoreError> {
    let managers = document.iter().filter_map(|(_, extension)| extension.as_object()?.get("manager")?.as_object());
    let Some(id) = managers.filter(|m| m.get("displayName").is_none()).find_map(|m| m.get("value")?.as_str()) else {
        return Ok(None);
    };
    let Some(row) = reader.find(of, id)? else { return Ok(None) };
    let found = cut(entry(&row)?);
    Ok(Some((row.id, found.label.unwrap_or(found.name))))
}

/// A document without what no definition knows any longer, and without what is never shown to anybody.
pub fn shown_of(mut document: Object, of: &ResourceType) -> Object {
    conceal(&mut document, of);
    withhold_secrets(&mut document, of);
    document
}
