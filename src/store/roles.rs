//! The inputs of roles that are kept here: rules for groups, in order, and what was given to single people. Which role
//! somebody has is computed from them and stored nowhere.

use std::collections::HashMap;

use rusqlite::Connection;

use super::migrate::parse;
use super::{Reader, StoreError, Writer};
use crate::scim::json::Object;

/// What the members of a group are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleRule {
    /// The group's id; there may be no live group of it any more.
    pub group: String,
    /// The value of the role.
    pub role: String,
    /// Members of groups inside the group count as well.
    pub nested: bool,
    /// The number of the change that last wrote it.
    pub change: i64,
}

/// The rules in their order: the first one that fits counts. At most one for each group.
#[derive(Debug, Clone, Default)]
pub struct RoleRules {
    list: Vec<RoleRule>,
    by_group: HashMap<String, usize>,
}

impl RoleRules {
    /// In this order.
    pub fn of(list: Vec<RoleRule>) -> RoleRules {
        let by_group = list.iter().enumerate().map(|(i, r)| (r.group.clone(), i)).collect();
        RoleRules { list, by_group }
    }

    /// All of them, in order.
    pub fn list(&self) -> &[RoleRule] {
        &self.list
    }

    /// The rule for a group, and how many come before it.
    pub fn for_group(&self, id: &str) -> Option<(usize, &RoleRule)> {
        let at = *self.by_group.get(id)?;
        Some((at, self.list.get(at)?))
    }

    pub(super) fn load(connection: &Connection) -> Result<RoleRules, StoreError> {
        let mut statement =
            connection.prepare_cached("select group_id, role, nested, change from role_rule order by position")?;
        let rows = statement.query_map([], |r| {
            Ok(RoleRule { group: r.get(0)?, role: r.get(1)?, nested: r.get(2)?, change: r.get(3)? })
        })?;
        Ok(RoleRules::of(rows.collect::<Result<_, _>>()?))
    }
}

/// A role that was given to one person here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleOverride {
    /// The value of the role.
    pub role: String,
    /// The number of the change that last wrote it.
    pub change: i64,
}

impl Reader<'_> {
    /// What was given to a person here, if anything was.
    pub fn role_override(&self, user: &str) -> Result<Option<RoleOverride>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select role, change from role_override where user_id = ?1")?;
        let mut rows = statement.query([user])?;
        Ok(match rows.next()? {
            Some(r) => Some(RoleOverride { role: r.get(0)?, change: r.get(1)? }),
            None => None,
        })
    }

    /// What was given to people here: id and the value of the role, at most so many.
    pub fn role_overrides(&self, most: usize) -> Result<Vec<(String, String)>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select user_id, role from role_override order by user_id limit ?1")?;
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        Ok(statement.query_map([most], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?)
    }

    /// The change that made somebody a direct member of a group.
    pub fn member_since(&self, group: i64, member: i64) -> Result<Option<i64>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select added from member where group_pk = ?1 and member_pk = ?2")?;
        let mut rows = statement.query((group, member))?;
        Ok(match rows.next()? {
            Some(r) => Some(r.get(0)?),
            None => None,
        })
    }

    /// The document of somebody who was deleted, or of a group that was archived.
    pub fn departed_document(&self, id: &str) -> Result<Option<Object>, StoreError> {
        let mut statement = self.connection().prepare_cached("select doc from departed where id = ?1")?;
        let mut rows = statement.query([id])?;
        Ok(match rows.next()? {
            Some(r) => Some(parse(&r.get::<_, String>(0)?)?),
            None => None,
        })
    }
}

impl Writer<'_> {
    /// Makes these the rules, in this order.
    pub fn put_role_rules(&mut self, rules: &[RoleRule]) -> Result<(), StoreError> {
        let connection = self.connection();
        connection.prepare_cached("delete from role_rule")?.execute([])?;
        let mut insert = connection.prepare_cached(
            "insert into role_rule (group_id, position, role, nested, change) values (?1, ?2, ?3, ?4, ?5)",
        )?;
        for (position, rule) in (1_i64..).zip(rules) {
            insert.execute((&rule.group, position, &rule.role, rule.nested, rule.change))?;
        }
        drop(insert);
        self.raise_control()
    }

    /// Gives a person a role, or takes it back. Nothing in memory depends on it.
    pub fn put_role_override(&mut self, user: &str, role: Option<&str>) -> Result<(), StoreError> {
        let change = self.next_change();
        match role {
            Some(role) => self
                .connection()
                .prepare_cached(
                    "insert into role_override (user_id, role, change) values (?1, ?2, ?3)
                     on conflict (user_id) do update set role = excluded.role, change = excluded.change",
                )?
                .execute((user, role, change))?,
            None => {
                self.connection().prepare_cached("delete from role_override where user_id = ?1")?.execute([user])?
            }
        };
        Ok(())
    }
}
