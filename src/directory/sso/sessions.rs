//! Signing one person out, as after the loss of a computer.

use serde_json::json;

use crate::directory::Refusal;
use crate::directory::lifecycle::{known, people};
use crate::store::{Change, Owner, Row, Writer};

/// Ends everything that a person with this userName or id has open here, and says who that is and how many sessions there
/// were. Without any, nothing is recorded. Whoever is still signed in at the identity provider gets in again.
///
/// Errors: [`Refusal::Denied`] when there is no such person.
pub fn sign_out(writer: &mut Writer<'_>, actor: &str, person: &str) -> Result<(Row, usize), Refusal> {
    let of = people(writer)?;
    let row = known(writer, &of, person)?;
    let count = sign_out_id(writer, actor, &row.id)?;
    Ok((row, count))
}

/// The same for an id, which is nobody's name here. 0 for one that nobody has, too.
pub fn sign_out_id(writer: &mut Writer<'_>, actor: &str, id: &str) -> Result<usize, Refusal> {
    let now = writer.now();
    let all = writer.sessions_whose(&Owner::Person(id.to_owned()))?;
    let count = all.iter().filter(|session| session.expires > now).count();
    writer.end_sessions_of(id)?;
    if count > 0 {
        let of = people(writer)?;
        let code = Some(writer.code(&of));
        let after = Some(json!({ "sessions": count }).to_string());
        writer.record(&Change { actor, op: "sso.sign-out", code, resource: Some(id), after, ..Change::default() })?;
    }
    Ok(count)
}
