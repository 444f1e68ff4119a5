//! Administrators of the settings page. They live outside of SCIM: no identity provider can lock them out.
//!
//! Hashing a password takes longer than a write may; it is done before, by the caller.

use super::Refusal;
use super::oddities::is_unseen;
use crate::scim::name::fold;
use crate::store::{AdminRow, Change, Owner, Reader, SessionRow, StoreError, Writer};

/// Characters of a name, at most.
const LONGEST_NAME: usize = 64;
/// For how long a new appliance can be claimed, in microseconds; and wrong codes after which it cannot.
const CLAIM_LIFE: i64 = 30 * 60 * 1_000_000;
const CLAIM_TRIES: u32 = 10;
const CLAIM: &str = "claim";

/// Whether a new appliance can be claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// There are administrators: never again.
    Over,
    /// Whoever has the code can.
    Open,
    /// The code is too old, or was guessed at too often: a restart makes another one.
    Closed,
}

/// How an attempt to claim the appliance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// There is a first administrator now, with this key.
    Yes(i64),
    /// The code is another one.
    WrongCode,
    /// See [`Claim`].
    No(Claim),
}

/// What was given beside the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof<'a> {
    /// A step of the second factor.
    Step(i64),
    /// The digest of a recovery code.
    Recovery(&'a str),
}

/// A name as it is stored.
///
/// Errors: a sentence for the person who typed it.
pub fn admin_name(text: &str) -> Result<String, &'static str> {
    let name = text.trim();
    if name.is_empty() {
        return Err("Enter a name.");
    }
    if name.chars().count() > LONGEST_NAME {
        return Err("Use at most 64 characters.");
    }
    if name.chars().any(char::is_control) {
        return Err("A name has no control characters.");
    }
    if name.chars().any(is_unseen) {
        return Err("A name has no characters that nobody sees, or that turn others around.");
    }
    Ok(name.to_owned())
}

/// The administrator of this name, letter case aside.
pub fn find_admin(reader: &Reader<'_>, name: &str) -> Result<Option<AdminRow>, StoreError> {
    reader.admin_by_name(&fold(name.trim()))
}

/// Makes an administrator.
///
/// Errors: [`Refusal::Conflict`] when the name is taken.
pub fn create_admin(writer: &mut Writer<'_>, name: &str, password: &str, by: &str) -> Result<i64, Refusal> {
    let made = writer.add_admin(name, &fold(name), password, by);
    let id = made.map_err(|error| match error {
        StoreError::Taken => Refusal::Conflict(format!("There is an administrator called {name} already.")),
        other => other.into(),
    })?;
    note(writer, by, "admin.create", name)?;
    Ok(id)
}

/// Gives an administrator another password, and ends the sessions but one. The second factor stays, unless it goes with
/// the password that was lost.
pub fn change_password(
    writer: &mut Writer<'_>,
    admin: &AdminRow,
    password: &str,
    except: Option<&[u8]>,
    by: &str,
) -> Result<(), StoreError> {
    writer.set_password(admin.id, password)?;
    writer.end_sessions(admin.id, except)?;
    note(writer, by, "admin.password", &admin.name)
}

/// What somebody needs who has lost password or second factor: a new password, no second factor, no session.
pub fn reset_admin(writer: &mut Writer<'_>, admin: &AdminRow, password: &str, by: &str) -> Result<(), StoreError> {
    writer.set_password(admin.id, password)?;
    writer.set_second_factor(admin.id, None, &[])?;
    writer.end_sessions(admin.id, None)?;
    note(writer, by, "admin.reset", &admin.name)
}

/// Gives an administrator a second factor, sealed, with digests of recovery codes; or takes it away. Other sessions end.
pub fn change_second_factor(
    writer: &mut Writer<'_>,
    admin: &AdminRow,
    factor: Option<(&[u8], &[String])>,
    except: &[u8],
    by: &str,
) -> Result<(), StoreError> {
    let (totp, recovery) = factor.map_or((None, &[][..]), |(totp, recovery)| (Some(totp), recovery));
    writer.set_second_factor(admin.id, totp, recovery)?;
    writer.end_sessions(admin.id, Some(except))?;
    note(writer, by, if totp.is_some() { "admin.second-factor" } else { "admin.no-second-factor" }, &admin.name)
}

/// Gives an administrator other recovery codes: those of before are good no longer.
pub fn change_recovery(
    writer: &mut Writer<'_>,
    admin: &AdminRow,
    recovery: &[String],
    by: &str,
) -> Result<(), StoreError> {
    writer.set_recovery(admin.id, recovery)?;
    note(writer, by, "admin.recovery-codes", &admin.name)
}

/// Removes an administrator, signed out at once.
///
/// Errors: [`Refusal::Denied`] for the last one.
pub fn remove_admin(writer: &mut Writer<'_>, id: i64, by: &str) -> Result<Option<AdminRow>, Refusal> {
    let all = writer.admins()?;
    let Some(admin) = all.iter().find(|a| a.id == id).cloned() else { return Ok(None) };
    if all.len() == 1 {
        return Err(Refusal::Denied(
            "This is the last administrator. Make another one first, or nobody can open the settings page.".to_owned(),
        ));
    }
    writer.remove_admin(id)?;
    note(writer, by, "admin.remove", &admin.name)?;
    Ok(Some(admin))
}

/// Opens a session for somebody whose password was right. With a second factor it is not complete yet.
///
/// Gives false when the password or the second factor has changed since `admin` was read: what was right is so no longer.
pub fn open_session(writer: &mut Writer<'_>, admin: &AdminRow, session: &SessionRow) -> Result<bool, StoreError> {
    if writer.admin(admin.id)?.is_none_or(|now| now.changed != admin.changed) {
        return Ok(false);
    }
    writer.add_session(session)?;
    if session.complete {
        writer.signed_in(admin.id)?;
        note(writer, &by(admin), "admin.sign-in", &admin.name)?;
    }
    Ok(true)
}

/// Is somebody still signed in, and the account as it was when that was looked at? Asked inside the writing transaction:
/// between a look and a write there may be a reset, and the time that it takes to hash a password.
pub fn still(reader: &Reader<'_>, admin: &AdminRow, session: &[u8]) -> Result<bool, StoreError> {
    let open = reader.session(session)?.is_some_and(|s| s.complete && s.owner == Owner::Admin(admin.id));
    Ok(open && reader.admin(admin.id)?.is_some_and(|now| now.changed == admin.changed))
}

/// Uses the second factor, or a recovery code, up. False when it is not good, or was used before.
pub fn use_proof(writer: &mut Writer<'_>, admin: &AdminRow, proof: Proof<'_>) -> Result<bool, StoreError> {
    let good = match proof {
        Proof::Step(step) => writer.use_step(admin.id, step)?,
        Proof::Recovery(digest) => writer.use_recovery(admin.id, digest)?,
    };
    if good && matches!(proof, Proof::Recovery(_)) {
        note(writer, &by(admin), "admin.recovery-code-used", &admin.name)?;
    }
    Ok(good)
}

/// Puts a session in the place of another one: nobody who knew the old cookie comes along.
pub fn exchange_session(
    writer: &mut Writer<'_>,
    old: &[u8],
    admin: &AdminRow,
    new: &SessionRow,
) -> Result<bool, StoreError> {
    Ok(writer.end_session(old)? && open_session(writer, admin, new)?)
}

/// How change rows name an administrator.
pub fn by(admin: &AdminRow) -> String {
    format!("admin:{}", admin.name)
}

/// Can the appliance be claimed now?
pub fn claim(reader: &Reader<'_>, now: i64) -> Result<Claim, StoreError> {
    if !reader.admins()?.is_empty() {
        return Ok(Claim::Over);
    }
    let open = |(_, end, tries): &(String, i64, u32)| *end > now && *tries < CLAIM_TRIES;
    Ok(if stored_claim(reader)?.as_ref().is_some_and(open) { Claim::Open } else { Claim::Closed })
}

/// Is there a code to offer, or one of before to take away?
pub fn is_claim_due(reader: &Reader<'_>) -> Result<bool, StoreError> {
    Ok(reader.admins()?.is_empty() || reader.setting(CLAIM)?.is_some_and(|claim| !claim.is_empty()))
}

/// Makes the appliance claimable with the code of this digest; every code of before is void. False when there are
/// administrators.
pub fn offer_claim(writer: &mut Writer<'_>, digest: &str) -> Result<bool, StoreError> {
    if !writer.admins()?.is_empty() {
        writer.set_setting(CLAIM, "")?;
        return Ok(false);
    }
    let end = writer.now().saturating_add(CLAIM_LIFE);
    writer.set_setting(CLAIM, &format!("{digest} {end} 0"))?;
    Ok(true)
}

/// Is this the code that is offered? Only a look: no password need be hashed for a code that is wrong.
pub fn is_claim(reader: &Reader<'_>, digest: &str) -> Result<bool, StoreError> {
    let stored = stored_claim(reader)?;
    Ok(stored.is_some_and(|(expected, _, _)| crate::secret::same_digest(expected.as_bytes(), digest.as_bytes())))
}

/// Makes the first administrator for whoever has the code. The code is used up in the same transaction.
pub fn claim_with(writer: &mut Writer<'_>, digest: &str, name: &str, password: &str) -> Result<Claimed, Refusal> {
    match claim(writer, writer.now())? {
        Claim::Open => {}
        other => return Ok(Claimed::No(other)),
    }
    let Some((expected, end, tries)) = stored_claim(writer)? else { return Ok(Claimed::No(Claim::Closed)) };
    if !crate::secret::same_digest(expected.as_bytes(), digest.as_bytes()) {
        writer.set_setting(CLAIM, &format!("{expected} {end} {}", tries + 1))?;
        return Ok(Claimed::WrongCode);
    }
    writer.set_setting(CLAIM, "")?;
    Ok(Claimed::Yes(create_admin(writer, name, password, "claim")?))
}

/// Digest, end in microseconds since 1970, wrong codes so far.
fn stored_claim(reader: &Reader<'_>) -> Result<Option<(String, i64, u32)>, StoreError> {
    let Some(text) = reader.setting(CLAIM)? else { return Ok(None) };
    let mut parts = text.split(' ');
    let (digest, end, tries) = (parts.next(), parts.next(), parts.next());
    Ok(match (digest, end.and_then(|e| e.parse().ok()), tries.and_then(|t| t.parse().ok())) {
        (Some(digest), Some(end), Some(tries)) => Some((digest.to_owned(), end, tries)),
        _ => None,
    })
}

fn note(writer: &mut Writer<'_>, by: &str, op: &str, name: &str) -> Result<(), StoreError> {
    writer.record(&Change { actor: by, op, resource: Some(&format!("admin:{name}")), ..Change::default() })
}
