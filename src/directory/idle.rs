//! Automatic deactivation (row D5 of the model): of people without sign-in or contact for a number of days.
//!
//! It is off at first. It goes by sign-ins, so it needs single sign-on, and that for as many days as it looks back: before,
//! nobody's silence means anything. It is announced a week ahead, with a list of who it will be. From then on it looks once a
//! day. A run that would take more people than were announced, or so many that the consequence guard would hold, waits for
//! an administrator; while the guard holds, nothing is done. It never takes people who administer, those who are exempt,
//! and of course nobody who is no person of the directory, as the local administrators.
//!
//! Contact is a change of the person's own record by whomever, a sign-in, and a use of a token that is bound to the person.
//! Membership is none, and neither is a write of an identity provider that changes nothing: it repeats everybody every day,
//! and tells nothing of anybody.

mod due;
mod run;
mod tell;

pub use due::{Idle, Memo, Preview, exempt_people, overview, preview};
pub use run::{Job, carry_out, look};
pub use tell::{preview_json, status_json};

use super::guard::guard;
use super::lifecycle::{known, people};
use super::sso::state;
use super::{Caller, Refusal};
use crate::store::{Change, Reader, StoreError, Writer};

pub use crate::store::IdleRule;

/// In microseconds.
const DAY: i64 = 24 * 3600 * 1_000_000;
/// Days from the announcement to the first run.
const NOTICE: i64 = 7;
/// Days that it may look back.
const LEAST: i64 = 7;
const MOST: i64 = 999;
/// Days that it looks back where nobody has said how many.
pub const DEFAULT_DAYS: i64 = 90;

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It is off.
    Off,
    /// It is on, and single sign-on is not: nobody is deactivated.
    Stopped,
    /// The first run is still to come.
    Announced,
    /// The run that is due waits for an administrator.
    Waits,
    /// It looks once a day.
    On,
}

/// How automatic deactivation stands.
#[derive(Debug, Clone)]
pub struct Status {
    /// How far it is.
    pub phase: Phase,
    /// How it is set.
    pub rule: Option<IdleRule>,
    /// Since when people can sign in by single sign-on, in microseconds since 1970.
    pub sso: Option<i64>,
    /// When the next run is due; it may be over.
    pub next: Option<i64>,
    /// The consequence guard holds: there is no run.
    pub guarded: bool,
    /// How many people are exempt.
    pub exempt: u64,
}

/// How it stands.
pub fn status(reader: &Reader<'_>) -> Result<Status, StoreError> {
    let (mut rule, sso, now) = (reader.idle_rule()?, state(reader)?.on_since(), reader.now());
    let phase = match (&mut rule, sso) {
        (None, _) => Phase::Off,
        (Some(_), None) => Phase::Stopped,
        (Some(rule), Some(since)) if rule.sso != Some(since) => {
            // It is announced anew within seconds.
            *rule = announced(rule.days, since, now, rule.shown);
            Phase::Announced
        }
        (Some(rule), _) if rule.waits.is_some() => Phase::Waits,
        (Some(rule), _) if rule.ran.is_none() => Phase::Announced,
        _ => Phase::On,
    };
    let next = match phase {
        Phase::Announced | Phase::On => rule.as_ref().map(next_run),
        _ => None,
    };
    Ok(Status { phase, rule, sso, next, guarded: guard(reader)?.is_some(), exempt: reader.idle_exempt_count()? })
}

/// When a rule is to be applied next.
fn next_run(rule: &IdleRule) -> i64 {
    rule.ran.map_or(rule.due, |ran| rule.due.max(ran.saturating_add(DAY)))
}

/// A rule that is announced now.
fn announced(days: i64, sso: i64, now: i64, shown: u64) -> IdleRule {
    let due = first_run(days, Some(sso), now);
    IdleRule { days, sso: Some(sso), announced: now, due, shown, waits: None, confirmed: None, ran: None }
}

/// When the first run is due of what is announced now: never before single sign-on has been on for as long as it looks back.
fn first_run(days: i64, sso: Option<i64>, now: i64) -> i64 {
    let notice = now.saturating_add(NOTICE * DAY);
    sso.map_or(notice, |since| notice.max(since.saturating_add(days.saturating_mul(DAY))))
}

/// Why it cannot run now, as a sentence.
pub fn obstacle(sso: Option<i64>, days: i64, now: i64) -> Option<String> {
    let has_to = format!("Single sign-on has to be on for {days} days");
    match sso {
        None => Some(format!("{has_to}; it is off.")),
        Some(since) => {
            let been = now.saturating_sub(since).max(0).div_euclid(DAY);
            (been < days).then(|| format!("{has_to}; so far it has been on for {been}."))
        }
    }
}

/// The number of days that somebody typed.
///
/// Errors: a sentence.
pub fn days(text: &str) -> Result<i64, String> {
    let number = text.trim().parse().ok().filter(|n| (LEAST..=MOST).contains(n));
    number.ok_or_else(|| format!("The days are a whole number from {LEAST} to {MOST}, not {:?}.", text.trim()))
}

/// What of a rule is recorded.
fn text(rule: &IdleRule) -> String {
    serde_json::json!({ "inactiveDays": rule.days, "firstRun": crate::clock::date_time(rule.due) }).to_string()
}

fn record(
    writer: &mut Writer<'_>,
    caller: &Caller,
    op: &str,
    (before, after): (Option<String>, Option<String>),
) -> Result<(), StoreError> {
    let request = Some(caller.request.as_str());
    writer.record(&Change { actor: &caller.actor, request, op, before, after, ..Change::default() })
}

/// Switches it on, or to another number of days, and so announces it anew. `shown` is how many people it would take. Says
/// whether that is anything new.
///
/// Errors: [`Refusal::Conflict`] with a sentence when single sign-on is not set up.
pub fn switch_on(writer: &mut Writer<'_>, caller: &Caller, days: i64, shown: u64) -> Result<bool, Refusal> {
    let (before, now) = (writer.idle_rule()?, writer.now());
    let Some(sso) = state(writer)?.on_since() else {
        return Err(Refusal::Conflict(obstacle(None, days, now).unwrap_or_default()));
    };
    if before.as_ref().is_some_and(|rule| rule.days == days && rule.sso == Some(sso)) {
        return Ok(false);
    }
    let rule = announced(days, sso, now, shown);
    writer.put_idle_rule(Some(&rule))?;
    record(writer, caller, "inactive.on", (before.as_ref().map(text), Some(text(&rule))))?;
    Ok(true)
}

/// Switches it off. False when it is off already. Those who are exempt stay so.
pub fn switch_off(writer: &mut Writer<'_>, caller: &Caller) -> Result<bool, Refusal> {
    let Some(before) = writer.idle_rule()? else { return Ok(false) };
    writer.put_idle_rule(None)?;
    record(writer, caller, "inactive.off", (Some(text(&before)), None))?;
    Ok(true)
}

/// Lets the run that waits go on, if it does not take more than a tenth above those whom the administrator has `seen`. False
/// when none waits.
pub fn confirm(writer: &mut Writer<'_>, caller: &Caller, seen: u64) -> Result<bool, Refusal> {
    if status(writer)?.phase != Phase::Waits {
        return Ok(false);
    }
    let Some(before) = writer.idle_rule()? else { return Ok(false) };
    let rule = IdleRule { waits: None, shown: seen, confirmed: Some(writer.now()), ..before };
    writer.put_idle_rule(Some(&rule))?;
    record(writer, caller, "inactive.confirm", (None, Some(format!("{{\"people\":{seen}}}"))))?;
    Ok(true)
}

/// Makes it pass over the person with this userName or id, or no longer. Says whether that is anything new.
///
/// Errors: [`Refusal::Denied`] when there is no such person.
pub fn exempt(writer: &mut Writer<'_>, caller: &Caller, person: &str, exempt: bool) -> Result<bool, Refusal> {
    let row = known(writer, &*people(writer)?, person);
    // Whoever has left since is exempt by the id of then.
    let id = match row {
        Ok(row) => row.id,
        Err(_) if !exempt && writer.is_idle_exempt(person)? => person.to_owned(),
        Err(refusal) => return Err(refusal),
    };
    exempt_id(writer, caller, &id, exempt)
}

/// The same for an id, which is nobody's name here. False for one that nobody has, too.
pub fn exempt_id(writer: &mut Writer<'_>, caller: &Caller, id: &str, exempt: bool) -> Result<bool, Refusal> {
    let of = people(writer)?;
    if writer.is_idle_exempt(id)? == exempt || (exempt && writer.find(&of, id)?.is_none()) {
        return Ok(false);
    }
    writer.put_idle_exempt(id, exempt)?;
    let code = Some(writer.code(&of));
    writer.record(&Change {
        actor: &caller.actor,
        request: Some(&caller.request),
        op: if exempt { "inactive.exempt" } else { "inactive.unexempt" },
        code,
        resource: Some(id),
        ..Change::default()
    })?;
    Ok(true)
}
