//! What people and groups are searched by on the settings page: folded names, addresses and ids, in memory.
//!
//! Nothing of it is stored: an index in the file would cost every write of an identity provider, for a page that is looked
//! at now and then. It is made when somebody searches, follows the change rows from then on, and is forgotten when nobody
//! has searched for a while.

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use rusqlite::OptionalExtension;

use super::{Reader, StoreError};
use crate::scim::catalog::ResourceType;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;

/// Changes that are followed one by one; after more of them everything is read anew.
const MANY: i64 = 20_000;
/// After so long without a search it is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// What somebody is searched by.
struct Searched {
    active: bool,
    /// A line for each folded value.
    text: Box<str>,
}

impl Searched {
    fn of(document: &Object) -> Searched {
        let mut text = String::with_capacity(120);
        let mut line = |value: Option<&Json>| {
            if let Some(value) = value.and_then(Json::as_str).filter(|v| !v.is_empty()) {
                let folded = fold(value);
                // What stands there already would be found twice.
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
        Searched { active: is_active(document), text: text.into_boxed_str() }
    }
}

/// Who does not say counts as active.
pub(super) fn is_active(document: &Object) -> bool {
    document.get("active") != Some(&Json::Bool(false))
}

/// Everybody, by type and key.
#[derive(Default)]
pub(super) struct Index {
    types: HashMap<i64, BTreeMap<i64, Searched>>,
    /// The change up to which it is right; nothing: it is not there.
    upto: Option<i64>,
    used: Option<Instant>,
}

impl Index {
    /// Forgets everything if nobody has searched for a while.
    pub(super) fn rest(&mut self) {
        if self.used.is_some_and(|used| used.elapsed() > IDLE) {
            *self = Index::default();
        }
    }

    /// Makes it what a snapshot shows. A snapshot that is older than the index finds it newer than itself: keys that it
    /// does not know are passed over where rows are read.
    fn refresh(&mut self, reader: &Reader<'_>) -> Result<(), StoreError> {
        self.used = Some(Instant::now());
        let last = reader.last_change()?;
        let floor = reader.setting("change_floor")?.and_then(|f| f.parse().ok()).unwrap_or(0);
        match self.upto {
            Some(upto) if upto >= last => return Ok(()),
            Some(upto) if last - upto <= MANY && upto >= floor => self.follow(reader, upto, last)?,
            _ => self.rebuild(reader)?,
        }
        self.upto = Some(last);
        Ok(())
    }

    fn rebuild(&mut self, reader: &Reader<'_>) -> Result<(), StoreError> {
        self.types.clear();
        for of in reader.catalog().resource_types.iter().filter(|of| of.is_user() || of.is_group()) {
            let all = self.types.entry(reader.code(of)).or_default();
            reader.scan(of, |row| {
                all.insert(row.pk, Searched::of(&row.document()?));
                Ok(true)
            })?;
        }
        Ok(())
    }

    fn follow(&mut self, reader: &Reader<'_>, from: i64, to: i64) -> Result<(), StoreError> {
        // Whoever is restored has another key than before.
        let mut restored = reader
            .connection()
            .prepare_cached("select 1 from change where n > ?1 and n <= ?2 and op = 'restore' limit 1")?;
        if restored.exists((from, to))? {
            return self.rebuild(reader);
        }
        let mut statement = reader
            .connection()
            .prepare_cached("select distinct resource from change where n > ?1 and n <= ?2 and resource is not null")?;
        let ids = statement.query_map((from, to), |r| r.get(0))?.collect::<Result<Vec<String>, _>>()?;
        for id in ids {
            let mut live = reader.connection().prepare_cached("select type, pk, doc from resource where id = ?1")?;
            let found = live.query_row([&id], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?))).optional()?;
            let found: Option<(i64, i64, String)> = found;
            if let Some((code, pk, doc)) = found {
                if let Some(all) = self.types.get_mut(&code) {
                    all.insert(pk, Searched::of(&super::migrate::parse(&doc)?));
                }
                continue;
            }
            let mut gone = reader.connection().prepare_cached("select type, pk from departed where id = ?1")?;
            let found: Option<(i64, i64)> = gone.query_row([&id], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
            if let Some((code, pk)) = found
                && let Some(all) = self.types.get_mut(&code)
            {
                all.remove(&pk);
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The keys of all live resources of a type in which a text stands, the latest first; with `active`, those of this
    /// state only. Letter case does not count. The first search reads everything, 100,000 people in a second.
    pub fn search(&self, of: &ResourceType, text: &str, active: Option<bool>) -> Result<Vec<i64>, StoreError> {
        let text = fold(text);
        let mut index = self.shared().search();
        index.refresh(self)?;
        let fits = |s: &Searched| active.is_none_or(|a| a == s.active) && s.text.contains(text.as_str());
        let all = index.types.get(&self.code(of)).into_iter().flatten();
        Ok(all.rev().filter(|(_, s)| fits(s)).map(|(pk, _)| *pk).collect())
    }

    /// Reads what the next search needs.
    pub fn prepare_search(&self) -> Result<(), StoreError> {
        self.shared().search().refresh(self)
    }
}
