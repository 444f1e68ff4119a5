//! Bearer tokens, as digests.

use rusqlite::{Connection, Row};

use super::{StoreError, Writer};

/// A token as it is stored.
#[derive(Debug, Clone, Default)]
pub struct TokenRow {
    /// The public id.
    pub id: String,
    /// What the administrator called it.
    pub name: String,
    /// What it is for: `scim`, `scim:read`, `me`.
    pub scope: String,
    /// The id of the user whom it is bound to.
    pub subject: Option<String>,
    /// SHA-256 of the token.
    pub digest: Vec<u8>,
    /// The public id of the token whose place it is to take.
    pub replaces: Option<String>,
    /// When it was made, in microseconds since 1970; so are the other times.
    pub created: i64,
    /// Who made it.
    pub created_by: String,
    /// When it ends.
    pub expires: Option<i64>,
    /// When it was revoked.
    pub revoked: Option<i64>,
    /// When it was last used.
    pub last_used: Option<i64>,
    /// From where.
    pub last_address: Option<String>,
    /// By which client (its User-Agent).
    pub last_client: Option<String>,
}

/// Whether a token opens the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenStatus {
    /// It does.
    Live,
    /// An administrator revoked it.
    Revoked,
    /// Its time is over.
    Expired,
}

impl TokenStatus {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            TokenStatus::Live => "live",
            TokenStatus::Revoked => "revoked",
            TokenStatus::Expired => "expired",
        }
    }
}

impl TokenRow {
    /// Its status at a time.
    pub fn status(&self, now: i64) -> TokenStatus {
        match (self.revoked, self.expires) {
            (Some(_), _) => TokenStatus::Revoked,
            (None, Some(end)) if end <= now => TokenStatus::Expired,
            _ => TokenStatus::Live,
        }
    }
}

fn token(row: &Row<'_>) -> rusqlite::Result<TokenRow> {
    Ok(TokenRow {
        id: row.get(0)?,
        name: row.get(1)?,
        scope: row.get(2)?,
        digest: row.get(3)?,
        created: row.get(4)?,
        created_by: row.get(5)?,
        expires: row.get(6)?,
        revoked: row.get(7)?,
        last_used: row.get(8)?,
        last_address: row.get(9)?,
        last_client: row.get(10)?,
        subject: row.get(11)?,
        replaces: row.get(12)?,
    })
}

/// All tokens, in the order in which they were made.
pub(super) fn all(connection: &Connection) -> Result<Vec<TokenRow>, StoreError> {
    let mut statement = connection.prepare_cached(
        "select id, name, scope, digest, created, created_by, expires, revoked, last_used, last_address, last_client, subject, replaces
         from token order by created, id",
    )?;
    Ok(statement.query_map([], token)?.collect::<Result<_, _>>()?)
}

impl super::Reader<'_> {
    /// All tokens, last uses included, in the order in which they were made. What was used within the last seconds is not
    /// in the file yet, and known to the process that serves.
    pub fn tokens(&self) -> Result<Vec<TokenRow>, StoreError> {
        let mut tokens = all(self.connection())?;
        self.shared().usage().show(&mut tokens);
        Ok(tokens)
    }
}

impl Writer<'_> {
    /// Stores a new token.
    pub fn add_token(&mut self, token: &TokenRow) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("insert into token (id, name, scope, digest, created, created_by, expires, subject, replaces) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
            .execute((&token.id, &token.name, &token.scope, &token.digest, token.created, &token.created_by, token.expires, &token.subject, &token.replaces))?;
        self.raise_control()
    }

    /// Revokes the tokens that are bound to a user.
    pub fn revoke_tokens_of(&mut self, subject: &str) -> Result<(), StoreError> {
        let now = self.now();
        let changed = self
            .connection()
            .prepare_cached(
                "update token indexed by token_by_subject set revoked = ?2 where subject = ?1 and revoked is null",
            )?
            .execute((subject, now))?;
        if changed > 0 {
            self.raise_control()?;
        }
        Ok(())
    }

    /// Revokes a token for ever. False when there is no live one of this id.
    pub fn revoke_token(&mut self, id: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let changed = self
            .connection()
            .prepare_cached("update token set revoked = ?2 where id = ?1 and revoked is null")?
            .execute((id, now))?;
        self.raise_control()?;
        Ok(changed == 1)
    }
}
