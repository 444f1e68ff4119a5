//! Membership as rows. Adding one member to a group of a hundred thousand costs what it costs in a group of ten.

use std::collections::{HashMap, HashSet};

use super::{Reader, StoreError, Writer};
use crate::scim::catalog::ResourceType;

/// Who added a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The identity provider.
    Provider,
    /// An administrator here: a provider's replace leaves it alone.
    Local,
}

impl Source {
    fn code(self) -> i64 {
        match self {
            Source::Provider => 0,
            Source::Local => 1,
        }
    }
}

/// What a request did to the members of a group, net: who came and went within it is in neither.
#[derive(Debug, Default)]
pub struct Delta {
    net: HashMap<i64, (String, bool)>,
    /// Rows that went: the change that had added them, and their source. One that comes back is the row that it was.
    gone: HashMap<i64, (i64, i64)>,
    nested: bool,
}

impl Delta {
    fn note(&mut self, pk: i64, id: &str, came: bool, code: i64, user: i64) {
        self.nested |= code != user;
        match self.net.get(&pk) {
            Some((_, before)) if *before != came => {
                self.net.remove(&pk);
            }
            _ => {
                self.net.insert(pk, (id.to_owned(), came));
            }
        }
    }

    /// True when nothing is different from before.
    pub fn is_empty(&self) -> bool {
        self.net.is_empty()
    }

    /// The ids of those who came, sorted.
    pub fn added(&self) -> Vec<String> {
        self.ids(true)
    }

    /// The ids of those who went, sorted.
    pub fn removed(&self) -> Vec<String> {
        self.ids(false)
    }

    fn ids(&self, came: bool) -> Vec<String> {
        let mut ids: Vec<String> = self.net.values().filter(|(_, c)| *c == came).map(|(id, _)| id.clone()).collect();
        ids.sort();
        ids
    }

    fn balance(&self) -> i64 {
        self.net.values().map(|(_, came)| if *came { 1 } else { -1 }).sum()
    }
}

/// One member of a group, for an answer.
#[derive(Debug, Clone)]
pub struct Membership {
    /// The member's id.
    pub id: String,
    /// The code of its type.
    pub code: i64,
    /// Its current name for people, if it has one.
    pub label: Option<String>,
}

/// A group that somebody was taken out of.
#[derive(Debug)]
pub struct Left {
    /// Its key.
    pub pk: i64,
    /// The code of its type.
    pub code: i64,
    /// Its id.
    pub id: String,
    /// The membership was made here.
    pub local: bool,
}

impl Reader<'_> {
    /// The keys of the groups that a resource is a direct member of, oldest group first.
    pub fn groups_of(&self, pk: i64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select group_pk from member indexed by member_by_member where member_pk = ?1 order by group_pk",
        )?;
        Ok(statement.query_map([pk], |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The same for many resources at once.
    pub fn groups_of_all(&self, keys: &[i64]) -> Result<HashMap<i64, Vec<i64>>, StoreError> {
        let mut found: HashMap<i64, Vec<i64>> = HashMap::new();
        let mut statement = self.connection().prepare_cached(
            "select m.member_pk, m.group_pk from json_each(?1) k cross join member m indexed by member_by_member on m.member_pk = k.value order by m.group_pk",
        )?;
        let mut rows = statement.query([serde_json::to_string(keys)?])?;
        while let Some(r) = rows.next()? {
            found.entry(r.get(0)?).or_default().push(r.get(1)?);
        }
        Ok(found)
    }

    /// The members of a group, in the order in which they were created.
    pub fn each_member(
        &self,
        group: i64,
        mut each: impl FnMut(&Membership) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select r.id, m.member_type, r.label from member m cross join resource r on r.pk = m.member_pk where m.group_pk = ?1 order by m.member_pk",
        )?;
        let mut rows = statement.query([group])?;
        while let Some(r) = rows.next()? {
            each(&Membership { id: r.get(0)?, code: r.get(1)?, label: r.get(2)? })?;
        }
        Ok(())
    }

    /// The keys of the direct members of one type, as long as somebody wants more.
    pub fn each_member_key(
        &self,
        group: i64,
        of: &ResourceType,
        mut each: impl FnMut(i64) -> bool,
    ) -> Result<(), StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select member_pk from member where group_pk = ?1 and member_type = ?2")?;
        let mut rows = statement.query((group, self.code(of)))?;
        while let Some(r) = rows.next()? {
            if !each(r.get(0)?) {
                break;
            }
        }
        Ok(())
    }

    /// A page of the members of a group, in the order in which they were created: their keys.
    pub fn member_page(&self, group: i64, offset: u64, limit: u64) -> Result<Vec<i64>, StoreError> {
        let mut statement = self
            .connection()
            .prepare_cached("select member_pk from member where group_pk = ?1 order by member_pk limit ?3 offset ?2")?;
        let bound = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        Ok(statement.query_map((group, bound(offset), bound(limit)), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The ids of the members of a group.
    pub fn member_ids(&self, group: i64) -> Result<Vec<String>, StoreError> {
        let mut ids = Vec::new();
        self.each_member(group, |m| {
            ids.push(m.id.clone());
            Ok(())
        })?;
        Ok(ids)
    }

    /// The ids of the members of a group that were added here.
    pub fn local_member_ids(&self, group: i64) -> Result<Vec<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select r.id from member m cross join resource r on r.pk = m.member_pk where m.group_pk = ?1 and m.source = 1",
        )?;
        Ok(statement.query_map([group], |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The ids of those of a page of members, see [`Reader::member_page`], that were added here.
    pub fn local_among(&self, group: i64, keys: &[i64]) -> Result<HashSet<String>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select r.id from json_each(?2) k cross join member m on m.group_pk = ?1 and m.member_pk = k.value
             cross join resource r on r.pk = m.member_pk where m.source = 1",
        )?;
        Ok(statement.query_map((group, serde_json::to_string(keys)?), |r| r.get(0))?.collect::<Result<_, _>>()?)
    }

    /// The groups that a resource is a direct member of: the id, and whether it was added here; the oldest group first.
    pub fn memberships_of(&self, pk: i64) -> Result<Vec<(String, bool)>, StoreError> {
        let mut statement = self.connection().prepare_cached(
            "select r.id, m.source = 1 from member m indexed by member_by_member cross join resource r on r.pk = m.group_pk
             where m.member_pk = ?1 order by r.pk",
        )?;
        Ok(statement.query_map([pk], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// The key and type code of any live resource.
    pub fn key_of(&self, id: &str) -> Result<Option<(i64, i64)>, StoreError> {
        let mut statement = self.connection().prepare_cached("select pk, type from resource where id = ?1")?;
        let mut rows = statement.query([id])?;
        Ok(match rows.next()? {
            Some(r) => Some((r.get(0)?, r.get(1)?)),
            None => None,
        })
    }

    fn is_person_or_group(&self, code: i64) -> bool {
        self.resource_type(code).is_some_and(|of| of.is_user() || of.is_group())
    }

    fn user_code(&self) -> i64 {
        self.catalog().resource_type("User").map_or(1, |of| self.code(of))
    }
}

impl Writer<'_> {
    /// Adds members to a group; those that are there already stay as they are. Gives the ids that nobody has.
    pub fn add_members(
        &mut self,
        group: i64,
        ids: &[String],
        source: Source,
        delta: &mut Delta,
    ) -> Result<Vec<String>, StoreError> {
        let mut unknown = Vec::new();
        let (change, user) = (self.next_change(), self.user_code());
        for id in ids {
            // Users and groups are members of groups, and nothing else is (RFC 7643 §4.2).
            let found = self.key_of(id)?.filter(|(_, code)| self.is_person_or_group(*code));
            let Some((pk, code)) = found else {
                unknown.push(id.clone());
                continue;
            };
            let (added_by, source) = delta.gone.get(&pk).copied().unwrap_or((change, source.code()));
            let added = self
                .connection()
                .prepare_cached(
                    "insert into member (group_pk, member_pk, member_type, added, source) values (?1, ?2, ?3, ?4, ?5)
                     on conflict (group_pk, member_pk) do nothing",
                )?
                .execute((group, pk, code, added_by, source))?;
            if added == 1 {
                delta.note(pk, id, true, code, user);
            }
        }
        Ok(unknown)
    }

    /// Removes a member, if it is one.
    pub fn remove_member(&mut self, group: i64, id: &str, delta: &mut Delta) -> Result<(), StoreError> {
        let user = self.user_code();
        if let Some((pk, code)) = self.key_of(id)? {
            let mut statement = self
                .connection()
                .prepare_cached("delete from member where group_pk = ?1 and member_pk = ?2 returning added, source")?;
            let mut rows = statement.query((group, pk))?;
            if let Some(r) = rows.next()? {
                delta.gone.insert(pk, (r.get(0)?, r.get(1)?));
                delta.note(pk, id, false, code, user);
                // A statement that returns rows has done its work only when it has been read to its end.
                while rows.next()?.is_some() {}
            }
        }
        Ok(())
    }

    /// Makes these, and those that were added here, the members of a group. Gives the ids that nobody has.
    pub fn replace_members(
        &mut self,
        group: i64,
        ids: &[String],
        delta: &mut Delta,
    ) -> Result<Vec<String>, StoreError> {
        let wanted: HashSet<&str> = ids.iter().map(String::as_str).collect();
        let mut going = Vec::new();
        {
            let mut statement = self.connection().prepare_cached(
                "select r.id from member m cross join resource r on r.pk = m.member_pk where m.group_pk = ?1 and m.source = 0",
            )?;
            let mut rows = statement.query([group])?;
            while let Some(r) = rows.next()? {
                let id: String = r.get(0)?;
                if !wanted.contains(id.as_str()) {
                    going.push(id);
                }
            }
        }
        for id in going {
            self.remove_member(group, &id, delta)?;
        }
        self.add_members(group, ids, Source::Provider, delta)
    }

    /// Takes a resource out of every group that it is a direct member of.
    pub fn leave_groups(&mut self, pk: i64) -> Result<Vec<Left>, StoreError> {
        let connection = self.connection();
        let left = {
            let mut statement = connection.prepare_cached(
                "select r.pk, r.type, r.id, m.source = 1 from member m indexed by member_by_member cross join resource r on r.pk = m.group_pk
                 where m.member_pk = ?1 order by r.pk",
            )?;
            let row =
                |r: &rusqlite::Row<'_>| Ok(Left { pk: r.get(0)?, code: r.get(1)?, id: r.get(2)?, local: r.get(3)? });
            statement.query_map([pk], row)?.collect::<Result<Vec<_>, _>>()?
        };
        for group in &left {
            connection
                .prepare_cached("delete from member where group_pk = ?1 and member_pk = ?2")?
                .execute((group.pk, pk))?;
            connection
                .prepare_cached("update resource set members = members - 1 where pk = ?1")?
                .execute([group.pk])?;
        }
        Ok(left)
    }

    /// Removes every member, those that were added here as well: the group is about to go.
    pub fn drop_members(&mut self, group: i64) -> Result<(), StoreError> {
        self.connection().prepare_cached("delete from member where group_pk = ?1")?.execute([group])?;
        Ok(())
    }

    /// Keeps the count of members in step with what a request did.
    pub fn settle_members(&mut self, group: i64, delta: &Delta) -> Result<(), StoreError> {
        if delta.balance() != 0 {
            self.connection()
                .prepare_cached("update resource set members = members + ?2 where pk = ?1")?
                .execute((group, delta.balance()))?;
        }
        if delta.nested {
            self.raise_graph()?;
        }
        Ok(())
    }
}
