//! The daily run: what there is to do, told by a read that keeps no writer waiting, and done in jobs of at most a hundred
//! people. How far it has come stands in the file: a restart neither skips nor repeats.

use super::due::{administers, due};
use super::{DAY, NOTICE, announced, next_run, record, text};
use crate::clock::{date_time, day};
use crate::directory::guard::guard;
use crate::directory::lifecycle::people;
use crate::directory::local::{self, Kind, operation};
use crate::directory::sso::state;
use crate::directory::{Caller, Refusal, Site};
use crate::store::{Change, IdleRule, LastContact, Reader, Row, Writer};

/// Who deactivates, as change rows name it.
const ACTOR: &str = "automatic";
/// People of one job, at most.
const BATCH: usize = 100;

/// Something to do, for as long as the rule is the one that it was found with.
#[derive(Debug, Clone)]
pub struct Job {
    rule: IdleRule,
    work: Work,
}

#[derive(Debug, Clone)]
enum Work {
    /// Single sign-on is on since another time, or a run is overdue for long: it is announced anew.
    Announce(IdleRule),
    /// Single sign-on was switched off.
    Stop,
    /// So many people are more than may go without an administrator's word.
    Ask(u64),
    /// Those with these keys, if they are still to go by then.
    Deactivate(Vec<i64>),
    /// The run has come to its end.
    End,
}

/// What there is to do now, in this order.
pub fn look(reader: &Reader<'_>, site: &Site) -> Result<Vec<Job>, Refusal> {
    let (Some(rule), sso, now) = (reader.idle_rule()?, state(reader)?.on_since(), reader.now()) else {
        return Ok(Vec::new());
    };
    let back = rule.days.saturating_mul(DAY);
    let anew = |since: i64| -> Result<Work, Refusal> {
        let fresh = announced(rule.days, since, now, 0);
        let shown = due(reader, site, fresh.due.saturating_sub(back))?.len() as u64;
        Ok(Work::Announce(IdleRule { shown, ..fresh }))
    };
    let works = match sso {
        None if rule.sso.is_some() => vec![Work::Stop],
        None => Vec::new(),
        Some(since) if rule.sso != Some(since) => vec![anew(since)?],
        // The second is so by the first. But nobody is deactivated because of a time that somebody wrote into the file.
        Some(since) if now < next_run(&rule) || now < since.saturating_add(back) => Vec::new(),
        // What was confirmed and has begun comes to its end, also after a restart.
        Some(_) if rule.waits.is_some() || (rule.confirmed.is_none() && guard(reader)?.is_some()) => Vec::new(),
        // The server did not run, or the guard held. Whoever seems silent after that was perhaps only not heard.
        Some(since) if now > next_run(&rule).saturating_add(NOTICE * DAY) => vec![anew(since)?],
        Some(_) => run(reader, &rule, due(reader, site, now.saturating_sub(back))?)?,
    };
    Ok(works.into_iter().map(|work| Job { rule: rule.clone(), work }).collect())
}

/// A run that takes these people, unless they are more than somebody has seen, or very many.
fn run(reader: &Reader<'_>, rule: &IdleRule, all: Vec<LastContact>) -> Result<Vec<Work>, Refusal> {
    let count = all.len() as u64;
    let was_told = rule.ran.is_none() || rule.confirmed.is_some();
    let more = was_told && count.saturating_mul(10) > rule.shown.saturating_mul(11);
    if more || (rule.confirmed.is_none() && reader.would_be_too_many(count)?) {
        return Ok(vec![Work::Ask(count)]);
    }
    let keys: Vec<i64> = all.iter().map(|one| one.pk).collect();
    let batches = keys.chunks(BATCH).map(|keys| Work::Deactivate(keys.to_vec()));
    Ok(batches.chain([Work::End]).collect())
}

/// Does a job of [`look`]; `so_far` people were deactivated by those before it. Gives how many that are now; none when what
/// comes after it is to be left: somebody has changed how it is set, or the guard holds by now.
pub fn carry_out(writer: &mut Writer<'_>, site: &Site, job: &Job, so_far: u64) -> Result<Option<u64>, Refusal> {
    let Job { rule, work } = job;
    if writer.idle_rule()?.as_ref() != Some(rule) {
        return Ok(None);
    }
    let caller = Caller::local(ACTOR, "");
    let (before, now) = (Some(text(rule)), writer.now());
    match work {
        Work::Announce(fresh) => {
            writer.put_idle_rule(Some(fresh))?;
            record(writer, &caller, "inactive.announced", (before, Some(text(fresh))))?;
            tracing::warn!(days = fresh.days, people = fresh.shown, "automatic deactivation is announced anew");
        }
        Work::Stop => {
            writer.put_idle_rule(Some(&IdleRule { sso: None, waits: None, confirmed: None, ..rule.clone() }))?;
            record(writer, &caller, "inactive.stopped", (before, None))?;
            tracing::warn!("automatic deactivation is stopped: there is no single sign-on");
        }
        Work::Ask(people) => {
            writer.put_idle_rule(Some(&IdleRule { waits: Some(*people), confirmed: None, ..rule.clone() }))?;
            record(writer, &caller, "inactive.waits", (None, Some(format!("{{\"people\":{people}}}"))))?;
            tracing::warn!(people, "automatic deactivation waits until an administrator has confirmed it");
        }
        Work::Deactivate(keys) => return deactivate(writer, (site, &caller), rule, keys, so_far),
        Work::End => {
            let first = rule.ran.is_none();
            writer.put_idle_rule(Some(&IdleRule { ran: Some(now), confirmed: None, ..rule.clone() }))?;
            if first || so_far > 0 {
                record(writer, &caller, "inactive.run", (None, Some(format!("{{\"people\":{so_far}}}"))))?;
                tracing::info!(people = so_far, "people without sign-in or contact were deactivated");
            }
        }
    }
    Ok(Some(so_far))
}

fn deactivate(
    writer: &mut Writer<'_>,
    (site, caller): (&Site, &Caller),
    rule: &IdleRule,
    keys: &[i64],
    so_far: u64,
) -> Result<Option<u64>, Refusal> {
    // Who confirmed a run has looked at those whom it takes. It ends once it is begun.
    if rule.confirmed.is_none() && guard(writer)?.is_some() {
        return Ok(None);
    }
    let (of, time) = (people(writer)?, writer.now().saturating_sub(rule.days.saturating_mul(DAY)));
    let mut done = so_far;
    for pk in keys {
        let Some(last) = writer.idle_person(&of, time, *pk)? else { continue };
        let Some(row) = writer.rows(&[*pk])?.pop() else { continue };
        if administers(writer, site, &row)? {
            continue;
        }
        match writer.attempt(|writer| one(writer, (site, caller), &row, last))? {
            Ok(()) => done += 1,
            // One whose record is against the rules of today keeps nobody else back.
            Err(refusal) => tracing::warn!(person = row.id, ?refusal, "somebody could not be deactivated"),
        }
    }
    Ok(Some(done))
}

/// Deactivates somebody as an administrator would, with the reason beside it.
fn one(writer: &mut Writer<'_>, who: (&Site, &Caller), row: &Row, last: LastContact) -> Result<(), Refusal> {
    let operations = vec![operation("replace", "active", Some(false.into()))];
    writer.record(&Change {
        actor: ACTOR,
        op: "inactive",
        code: Some(row.code),
        resource: Some(&row.id),
        after: Some(
            serde_json::json!({
                "reason": format!("no sign-in or contact since {}", day(last.at)),
                "lastContact": date_time(last.at),
            })
            .to_string(),
        ),
        ..Change::default()
    })?;
    local::act(writer, who, Kind::Person, |writer, ask| local::change(writer, ask, &row.id, operations))?;
    Ok(())
}
