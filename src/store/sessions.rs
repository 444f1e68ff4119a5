//! Browsers that are signed in, by administrators and by people. A cookie is stored as its digest.

use rusqlite::{OptionalExtension, Row};

use super::{Reader, StoreError, Writer};

/// Whose a session is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Owner {
    /// The key of an administrator of the settings page.
    Admin(i64),
    /// The id of a person of the directory, signed in by single sign-on.
    Person(String),
}

impl Owner {
    fn columns(&self) -> (Option<i64>, Option<&str>) {
        match self {
            Owner::Admin(id) => (Some(*id), None),
            Owner::Person(id) => (None, Some(id)),
        }
    }
}

/// A session as stored.
#[derive(Clone)]
pub struct SessionRow {
    /// SHA-256 of the cookie.
    pub digest: Vec<u8>,
    /// Whose it is.
    pub owner: Owner,
    /// The second factor was given, if there is one.
    pub complete: bool,
    /// When it began, in microseconds since 1970; so are the other times.
    pub created: i64,
    /// When somebody last proved who they are, here or at the provider; 0: that is not known.
    pub authenticated: i64,
    /// When it was last used, as far as that is written down.
    pub seen: i64,
    /// When it ends at the latest.
    pub expires: i64,
    /// Where it was opened from.
    pub address: String,
    /// By which browser.
    pub client: String,
    /// What signs a person out at the provider, sealed.
    pub id_token: Option<Vec<u8>>,
}

const BY_DIGEST: &str = "select digest, admin, person, complete, created, authenticated, seen, expires, address, client, id_token from session where digest = ?1";
const BY_ADMIN: &str = "select digest, admin, person, complete, created, authenticated, seen, expires, address, client, id_token from session indexed by session_by_admin where admin = ?1 order by created desc";
const BY_PERSON: &str = "select digest, admin, person, complete, created, authenticated, seen, expires, address, client, id_token from session indexed by session_by_person where person = ?1 order by created desc";

fn session(row: &Row<'_>) -> rusqlite::Result<SessionRow> {
    let person: Option<String> = row.get(2)?;
    Ok(SessionRow {
        digest: row.get(0)?,
        owner: match person {
            Some(id) => Owner::Person(id),
            None => Owner::Admin(row.get(1)?),
        },
        complete: row.get(3)?,
        created: row.get(4)?,
        authenticated: row.get(5)?,
        seen: row.get(6)?,
        expires: row.get(7)?,
        address: row.get(8)?,
        client: row.get(9)?,
        id_token: row.get(10)?,
    })
}

impl Reader<'_> {
    /// The session behind a digest, with the last use that is known.
    pub fn session(&self, digest: &[u8]) -> Result<Option<SessionRow>, StoreError> {
        let found = self.connection().prepare_cached(BY_DIGEST)?.query_row([digest], session).optional()?;
        let found = found.filter(|row| !self.shared().activity().is_ended(&row.digest));
        Ok(found.map(|row| self.with_last_use(row)))
    }

    /// The sessions of an administrator, the latest first.
    pub fn sessions_of(&self, admin: i64) -> Result<Vec<SessionRow>, StoreError> {
        let mut statement = self.connection().prepare_cached(BY_ADMIN)?;
        let rows = statement.query_map([admin], session)?.collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().map(|row| self.with_last_use(row)).collect())
    }

    /// The sessions of whoever it is, the latest first.
    pub fn sessions_whose(&self, owner: &Owner) -> Result<Vec<SessionRow>, StoreError> {
        let id = match owner {
            Owner::Admin(id) => return self.sessions_of(*id),
            Owner::Person(id) => id,
        };
        let mut statement = self.connection().prepare_cached(BY_PERSON)?;
        let rows = statement.query_map([id], session)?.collect::<Result<Vec<_>, _>>()?;
        Ok(rows.into_iter().map(|row| self.with_last_use(row)).collect())
    }

    fn with_last_use(&self, mut row: SessionRow) -> SessionRow {
        let activity = self.shared().activity();
        if let Some(seen) = activity.seen(&row.digest) {
            row.seen = row.seen.max(seen);
        }
        row
    }
}

impl Writer<'_> {
    /// Stores a new session.
    pub fn add_session(&mut self, row: &SessionRow) -> Result<(), StoreError> {
        let (admin, person) = row.owner.columns();
        self.connection()
            .prepare_cached(
                "insert into session (digest, admin, person, complete, created, authenticated, seen, expires, address, client, id_token)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
            )?
            .execute((
                &row.digest,
                admin,
                person,
                row.complete,
                row.created,
                row.authenticated,
                row.seen,
                row.expires,
                &row.address,
                &row.client,
                &row.id_token,
            ))?;
        Ok(())
    }

    /// Ends a session. False when there is none.
    pub fn end_session(&mut self, digest: &[u8]) -> Result<bool, StoreError> {
        Ok(self.connection().prepare_cached("delete from session where digest = ?1")?.execute([digest])? == 1)
    }

    /// Ends all sessions of an administrator, but for one.
    pub fn end_sessions(&mut self, admin: i64, except: Option<&[u8]>) -> Result<(), StoreError> {
        self.connection()
            .prepare_cached("delete from session indexed by session_by_admin where admin = ?1 and digest is not ?2")?
            .execute((admin, except))?;
        Ok(())
    }

    /// Ends all sessions of a person. Most people have none: looking costs a tenth of a `delete` that finds nothing, for which
    /// SQLite makes a table of what there is to delete.
    pub fn end_sessions_of(&mut self, person: &str) -> Result<(), StoreError> {
        let there = "select 1 from session indexed by session_by_person where person = ?1";
        if self.connection().prepare_cached(there)?.exists([person])? {
            let sql = "delete from session indexed by session_by_person where person = ?1";
            self.connection().prepare_cached(sql)?.execute([person])?;
        }
        Ok(())
    }

    /// Ends all sessions of people, and says how many they were. Those of administrators go on.
    pub fn end_sessions_of_people(&mut self) -> Result<usize, StoreError> {
        let sql = "delete from session indexed by session_by_person where person > ''";
        Ok(self.connection().prepare_cached(sql)?.execute([])?)
    }
}
