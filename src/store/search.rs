//! What people and groups are searched by on the settings page: a narrow table that is read from end to end, which takes
//! a tenth of the time that the documents would, and costs a write one short row.

use rusqlite::Connection;

use super::{Reader, StoreError, Writer};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;

/// The version of what stands in the table: another one makes it anew.
pub(super) const VERSION: &str = "1";

/// What somebody is searched by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Searched {
    active: bool,
    text: String,
}

impl Searched {
    /// What a document of this type is searched by; declared types have no page.
    pub(super) fn of(document: &Object, of: &ResourceType) -> Option<Searched> {
        if !of.is_user() && !of.is_group() {
            return None;
        }
        let mut text = String::with_capacity(120);
        let mut line = |value: Option<&Json>| {
            if let Some(value) = value.and_then(Json::as_str).filter(|v| !v.is_empty()) {
                let folded = fold(value);
                // What stands in a line already would be found twice.
                if !text.contains(&folded) {
                    text.push_str(&folded);
                    text.push('\n');
                }
            }
        };
        for name in ["userName", "displayName", "nickName", "externalId"] {
            line(document.get(name));
        }
        let name = document.get("name").and_then(Json::as_object);
        for part in ["formatted", "givenName", "familyName"] {
            line(name.and_then(|n| n.get(part)));
        }
        for email in document.get("emails").map(Json::elements).unwrap_or_default() {
            line(email.as_object().and_then(|e| e.get("value")));
        }
        Some(Searched { active: document.get("active") != Some(&Json::Bool(false)), text })
    }
}

/// Makes the row of a resource what it should be.
pub(super) fn put(connection: &Connection, code: i64, pk: i64, new: Option<&Searched>) -> Result<(), StoreError> {
    if let Some(new) = new {
        connection
            .prepare_cached("insert or replace into search (type, pk, active, text) values (?1, ?2, ?3, ?4)")?
            .execute((code, pk, new.active, &new.text))?;
    }
    Ok(())
}

/// Takes the row of a resource away.
pub(super) fn remove(connection: &Connection, code: i64, pk: i64) -> Result<(), StoreError> {
    connection.prepare_cached("delete from search where type = ?1 and pk = ?2")?.execute((code, pk))?;
    Ok(())
}

impl Reader<'_> {
    /// The keys of all live resources of a type in which a text stands, the latest first; with `active`, those of this
    /// state only. Letter case does not count.
    pub fn search(&self, of: &ResourceType, text: &str, active: Option<bool>) -> Result<Vec<i64>, StoreError> {
        let code = self.code(of);
        if text.is_empty() && active == Some(false) {
            let mut statement = self.connection().prepare_cached(
                "select pk from search indexed by search_inactive where type = ?1 and active = 0 order by pk desc",
            )?;
            return Ok(statement.query_map([code], |r| r.get(0))?.collect::<Result<_, _>>()?);
        }
        let mut statement = self.connection().prepare_cached(
            "select pk from search where type = ?1 and (?3 is null or active = ?3) and (?2 = '' or instr(text, ?2) > 0) order by pk desc",
        )?;
        Ok(statement.query_map((code, fold(text), active), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// How many live resources of a type are deactivated.
    pub fn inactive(&self, of: &ResourceType) -> Result<u64, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select count(*) from search indexed by search_inactive where type = ?1 and active = 0")?;
        let count: i64 = statement.query_row([self.code(of)], |r| r.get(0))?;
        Ok(u64::try_from(count).unwrap_or(0))
    }
}

impl Writer<'_> {
    pub(super) fn exchange_search(
        &mut self,
        code: i64,
        pk: i64,
        old: Option<&Searched>,
        new: Option<&Searched>,
    ) -> Result<(), StoreError> {
        match (old, new) {
            (old, new) if old == new => Ok(()),
            (Some(old), Some(new)) if old.text == new.text => {
                self.connection()
                    .prepare_cached("update search set active = ?3 where type = ?1 and pk = ?2")?
                    .execute((code, pk, new.active))?;
                Ok(())
            }
            (_, new) => put(self.connection(), code, pk, new),
        }
    }
}
