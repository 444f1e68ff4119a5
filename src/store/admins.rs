//! Administrators of the settings page: who they are, and what they prove it with. The commands write here too, from a
//! process of their own, so nothing of it is kept in memory.

use rusqlite::{OptionalExtension, Row};

use super::{Reader, StoreError, Writer};

/// An administrator as stored.
#[derive(Clone)]
pub struct AdminRow {
    /// The key.
    pub id: i64,
    /// The name, as it was given.
    pub name: String,
    /// The password as argon2id made it (PHC form).
    pub password: String,
    /// When the password or the second factor last changed, in microseconds since 1970; so are the other times.
    pub changed: i64,
    /// When it was made.
    pub created: i64,
    /// Who made it.
    pub created_by: String,
    /// The sealed secret of the second factor.
    pub totp: Option<Vec<u8>>,
    /// How many recovery codes are left.
    pub recovery_left: usize,
    /// When somebody last signed in under this name.
    pub last_sign_in: Option<i64>,
}

/// The columns are those of [`admin`]. Whole texts, so that the test of query plans finds them.
const ALL: &str = "select id, name, password, changed, created, created_by, totp, json_array_length(recovery), last_sign_in from admin order by id";
const BY_KEY: &str = "select id, name, password, changed, created, created_by, totp, json_array_length(recovery), last_sign_in from admin where name_key = ?1";
const BY_ID: &str = "select id, name, password, changed, created, created_by, totp, json_array_length(recovery), last_sign_in from admin where id = ?1";

fn admin(row: &Row<'_>) -> rusqlite::Result<AdminRow> {
    Ok(AdminRow {
        id: row.get(0)?,
        name: row.get(1)?,
        password: row.get(2)?,
        changed: row.get(3)?,
        created: row.get(4)?,
        created_by: row.get(5)?,
        totp: row.get(6)?,
        recovery_left: usize::try_from(row.get::<_, i64>(7)?).unwrap_or(0),
        last_sign_in: row.get(8)?,
    })
}

impl Reader<'_> {
    /// All of them, the first one first.
    pub fn admins(&self) -> Result<Vec<AdminRow>, StoreError> {
        let mut statement = self.connection().prepare_cached(ALL)?;
        Ok(statement.query_map([], admin)?.collect::<Result<_, _>>()?)
    }

    /// The one with this folded name.
    pub fn admin_by_name(&self, name_key: &str) -> Result<Option<AdminRow>, StoreError> {
        Ok(self.connection().prepare_cached(BY_KEY)?.query_row([name_key], admin).optional()?)
    }

    /// The one with this key.
    pub fn admin(&self, id: i64) -> Result<Option<AdminRow>, StoreError> {
        Ok(self.connection().prepare_cached(BY_ID)?.query_row([id], admin).optional()?)
    }
}

impl Writer<'_> {
    /// Stores a new administrator.
    ///
    /// Errors: [`StoreError::Taken`] when the name is there already.
    pub fn add_admin(&mut self, name: &str, name_key: &str, password: &str, by: &str) -> Result<i64, StoreError> {
        let now = self.now();
        let connection = self.connection();
        connection
            .prepare_cached(
                "insert into admin (name, name_key, password, changed, created, created_by) values (?1, ?2, ?3, ?4, ?4, ?5)",
            )?
            .execute((name, name_key, password, now, by))?;
        Ok(connection.last_insert_rowid())
    }

    /// Gives an administrator another password.
    pub fn set_password(&mut self, id: i64, password: &str) -> Result<(), StoreError> {
        let now = self.now();
        self.connection()
            .prepare_cached("update admin set password = ?2, changed = ?3 where id = ?1")?
            .execute((id, password, now))?;
        Ok(())
    }

    /// The same password with other parameters of argon2id: nothing has changed for anybody.
    pub fn upgrade_password(&mut self, id: i64, old: &str, new: &str) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("update admin set password = ?3 where id = ?1 and password = ?2")?
            .execute((id, old, new))?;
        Ok(())
    }

    /// Gives an administrator a second factor with recovery codes, or takes it away.
    pub fn set_second_factor(&mut self, id: i64, totp: Option<&[u8]>, recovery: &[String]) -> Result<(), StoreError> {
        let now = self.now();
        self.connection()
            .prepare_cached("update admin set totp = ?2, totp_step = 0, recovery = ?3, changed = ?4 where id = ?1")?
            .execute((id, totp, serde_json::to_string(recovery)?, now))?;
        Ok(())
    }

    /// Gives an administrator other recovery codes.
    pub fn set_recovery(&mut self, id: i64, recovery: &[String]) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("update admin set recovery = ?2 where id = ?1")?
            .execute((id, serde_json::to_string(recovery)?))?;
        Ok(())
    }

    /// Uses a time step up. False when it, or a later one, was used before.
    pub fn use_step(&mut self, id: i64, step: i64) -> Result<bool, StoreError> {
        let changed = self
            .connection()
            .prepare_cached("update admin set totp_step = ?2 where id = ?1 and totp_step < ?2")?
            .execute((id, step))?;
        Ok(changed == 1)
    }

    /// Uses a recovery code up. False when it is none, or was used before.
    pub fn use_recovery(&mut self, id: i64, digest: &str) -> Result<bool, StoreError> {
        let connection = self.connection();
        let found: Option<String> = connection
            .prepare_cached("select recovery from admin where id = ?1")?
            .query_row([id], |r| r.get(0))
            .optional()?;
        let mut left: Vec<String> = serde_json::from_str(found.as_deref().unwrap_or("[]"))?;
        let before = left.len();
        left.retain(|d| d != digest);
        if left.len() == before {
            return Ok(false);
        }
        self.set_recovery(id, &left)?;
        Ok(true)
    }

    /// Notes that somebody signed in.
    pub fn signed_in(&mut self, id: i64) -> Result<(), StoreError> {
        let now = self.now();
        self.connection().prepare_cached("update admin set last_sign_in = ?2 where id = ?1")?.execute((id, now))?;
        Ok(())
    }

    /// Removes an administrator, with all sessions. False when there is none.
    pub fn remove_admin(&mut self, id: i64) -> Result<bool, StoreError> {
        Ok(self.connection().prepare_cached("delete from admin where id = ?1")?.execute([id])? == 1)
    }
}
