//! What an administrator switches: the state of provisioning. Held in memory with the tokens, for one generation.

use std::collections::HashMap;

use rusqlite::Connection;

use super::migrate::{set, setting};
use super::{Reader, RoleRules, StoreError, TokenRow, Writer, tokens};

/// Whether an identity provider may provision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Provisioning {
    /// Not at all: the state of a fresh file.
    #[default]
    Off,
    /// Not now: come again later.
    Paused,
    /// It may look.
    ReadOnly,
    /// Yes.
    On,
}

impl Provisioning {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Provisioning::Off => "off",
            Provisioning::Paused => "paused",
            Provisioning::ReadOnly => "read-only",
            Provisioning::On => "on",
        }
    }

    fn named(name: &str) -> Option<Provisioning> {
        [Provisioning::Off, Provisioning::Paused, Provisioning::ReadOnly, Provisioning::On]
            .into_iter()
            .find(|p| p.name() == name)
    }
}

/// Tokens, settings and rules of one generation.
#[derive(Debug, Default)]
pub struct Control {
    /// The generation that this is valid for.
    pub generation: i64,
    /// The state of provisioning.
    pub provisioning: Provisioning,
    /// Tokens by public id.
    pub tokens: HashMap<String, TokenRow>,
    /// The rules by which groups give roles.
    pub role_rules: RoleRules,
}

impl Control {
    pub(super) fn load(connection: &Connection, generation: i64) -> Result<Control, StoreError> {
        let provisioning =
            setting(connection, "provisioning")?.and_then(|p| Provisioning::named(&p)).unwrap_or_default();
        let tokens = tokens::all(connection)?.into_iter().map(|t| (t.id.clone(), t)).collect();
        Ok(Control { generation, provisioning, tokens, role_rules: RoleRules::load(connection)? })
    }
}

impl Reader<'_> {
    /// The value of a setting.
    pub fn setting(&self, name: &str) -> Result<Option<String>, StoreError> {
        setting(self.connection(), name)
    }

    /// How often each dialect rule was needed, and when last: (rule, count, microseconds).
    pub fn dialect_counts(&self) -> Result<Vec<(String, i64, i64)>, StoreError> {
        let mut statement =
            self.connection().prepare_cached("select rule, n, last from dialect_count order by rule")?;
        Ok(statement.query_map([], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?)))?.collect::<Result<_, _>>()?)
    }
}

impl Writer<'_> {
    /// Switches provisioning. Nobody is deleted and no token is dropped by it.
    pub fn set_provisioning(&mut self, state: Provisioning) -> Result<(), StoreError> {
        self.set_setting("provisioning", state.name())
    }

    /// Stores a setting.
    pub fn set_setting(&mut self, name: &str, value: &str) -> Result<(), StoreError> {
        set(self.connection(), name, value)?;
        self.raise_control()
    }

    /// Forgets a setting.
    pub fn drop_setting(&mut self, name: &str) -> Result<(), StoreError> {
        self.connection().prepare_cached("delete from setting where name = ?1")?.execute([name])?;
        self.raise_control()
    }

    /// What other connections hold of tokens and settings is out of date once this transaction is committed.
    pub(super) fn raise_control(&mut self) -> Result<(), StoreError> {
        self.connection().prepare_cached("update generation set control = control + 1 where id = 1")?.execute([])?;
        Ok(())
    }

    /// The same for groups, their names and their nesting.
    pub(super) fn raise_graph(&mut self) -> Result<(), StoreError> {
        self.connection().prepare_cached("update generation set graph = graph + 1 where id = 1")?.execute([])?;
        Ok(())
    }
}
