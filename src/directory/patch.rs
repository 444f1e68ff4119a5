//! PATCH (RFC 7644 §3.5.2): all operations in order, or none.

use super::create::taken;
use super::lifecycle::moved;
use super::me::{may_become, may_say, may_touch};
use super::show::{Show, location, reference, version};
use super::{Ask, Refusal, Reply, Site, difference, roles};
use crate::scim::bound::BoundFilter;
use crate::scim::dialect::{Dialect, Rule};
use crate::scim::eval::matches;
use crate::scim::fault::{Fault, Kind, quoted};
use crate::scim::json::{Json, Object};
use crate::scim::patch::{MemberStep, Patch, PatchPlan, Step};
use crate::scim::project::Projection;
use crate::store::{Change, Delta, Prepared, Row, Writer};

/// Members up to which a changed group is shown in the answer; a larger one is answered without a body, unless the
/// client said what it wants to see. A rival writes 1.8 MB for each member that is added to a group of 10,000.
const SHOWN_MEMBERS: u64 = 100;

/// Applies a PATCH.
pub fn patch(writer: &mut Writer<'_>, ask: Ask<'_>, id: &str, patch: Patch) -> Result<Reply, Refusal> {
    let Ask { of, dialect, .. } = ask;
    ask.caller.still_may_write(writer)?;
    let row = met(writer, ask, id)?;
    let plan = patch.plan(of, dialect)?;
    may_say(ask.caller, plan.secrets())?;
    let before = row.document()?;
    let mut after = before.clone();
    let mut delta = Delta::default();
    let mut unknown_members = Vec::new();
    for step in &plan.steps {
        match step {
            Step::Document(step) => step.apply(&mut after, dialect)?,
            Step::Members(step) => unknown_members.extend(move_members(writer, ask, &row, step, &mut delta)?),
        }
    }
    all_known(&unknown_members, dialect)?;
    PatchPlan::finish(&before, &mut after, of)?;
    let after = Prepared::of(after, of);
    let reply = finish(
        writer,
        ask,
        Finish { op: "patch", row, before: &before, after: &after, delta: &delta, always_shown: false },
    );
    Ok(Reply { unknown_members, ..reply? })
}

/// The resource that a change is about, if it is there in a version that the request wants.
pub fn met(writer: &Writer<'_>, ask: Ask<'_>, id: &str) -> Result<Row, Refusal> {
    let row = writer.find(ask.of, id)?.ok_or_else(|| Refusal::NotFound(ask.of.name.clone(), id.to_owned()))?;
    let version = version(writer, &row);
    may_touch(ask.caller, &row)?;
    if ask.conditions.allow_change(&version) { Ok(row) } else { Err(Refusal::Stale(version)) }
}

/// Members that nobody is are passed over, where the dialect allows it.
pub fn all_known(unknown_members: &[String], dialect: &Dialect) -> Result<(), Refusal> {
    match unknown_members.first() {
        Some(id) if !dialect.allows(Rule::UnknownMembers) => {
            let why = format!("there is nobody with the id {}", quoted(id));
            Err(Fault::new(Kind::InvalidValue, "members", why).into())
        }
        _ => Ok(()),
    }
}

fn move_members(
    writer: &mut Writer<'_>,
    ask: Ask<'_>,
    row: &Row,
    step: &MemberStep<'_>,
    delta: &mut Delta,
) -> Result<Vec<String>, Refusal> {
    Ok(match step {
        MemberStep::Add(ids) => writer.add_members(row.pk, ids, ask.caller.source(), delta)?,
        MemberStep::Replace(ids) => writer.replace_members(row.pk, ids, delta)?,
        MemberStep::Remove(id) => {
            writer.remove_member(row.pk, id, delta)?;
            Vec::new()
        }
        MemberStep::RemoveMatching(filter) => {
            for id in matching(writer, ask.site, row, filter)? {
                writer.remove_member(row.pk, &id, delta)?;
            }
            Vec::new()
        }
    })
}

/// The ids of the members that pass a filter over their parts.
fn matching(writer: &Writer<'_>, site: &Site, row: &Row, filter: &BoundFilter<'_>) -> Result<Vec<String>, Refusal> {
    let mut ids = Vec::new();
    writer.each_member(row.pk, |m| {
        if let Some(of) = writer.resource_type(m.code)
            && let Json::Object(element) = reference(&m.id, location(site, of, &m.id), m.label.as_deref(), &of.name)
            && matches(filter, &element)
        {
            ids.push(m.id.clone());
        }
        Ok(())
    })?;
    Ok(ids)
}

/// What a PUT or PATCH came to.
pub struct Finish<'a> {
    /// `replace`, `patch` or `leave`.
    pub op: &'a str,
    /// The resource as it was.
    pub row: Row,
    /// Its document as it was.
    pub before: &'a Object,
    /// Its document as it becomes.
    pub after: &'a Prepared,
    /// Who came and went; the member rows are changed already.
    pub delta: &'a Delta,
    /// The answer shows the resource however many members it has.
    pub always_shown: bool,
}

/// Stores what a PUT or PATCH came to, if the caller may make it so.
pub fn finish(writer: &mut Writer<'_>, ask: Ask<'_>, finish: Finish<'_>) -> Result<Reply, Refusal> {
    may_become(ask.caller, finish.before, &finish.after.document)?;
    settle(writer, ask, finish)
}

/// Stores what a change came to, if it came to anything: one that changes nothing changes nothing.
pub fn settle(writer: &mut Writer<'_>, ask: Ask<'_>, finish: Finish<'_>) -> Result<Reply, Refusal> {
    let Ask { site, caller, of, wish, dialect, shows, .. } = ask;
    let Finish { op, mut row, before, after, delta, always_shown } = finish;
    let same = *before == after.document;
    let unknown_role = if same { None } else { roles::unheard(site, of, Some(before), &after.document)? };
    if !same || !delta.is_empty() {
        let (removed, added) = (delta.removed(), delta.added());
        row.members = (row.members + added.len() as u64).saturating_sub(removed.len() as u64);
        match same {
            false => row = writer.update(of, &row, before, after).map_err(|e| taken(e, of, &after.document))?,
            true => {
                writer.touch(row.pk)?;
                (row.modified, row.version) = (writer.now(), writer.next_change());
            }
        }
        writer.settle_members(row.pk, delta)?;
        moved(writer, ask, &row.id, before, &after.document)?;
        let (was, became) = difference(before, &after.document, of);
        writer.record(&Change {
            actor: &caller.actor,
            request: Some(&caller.request),
            op,
            code: Some(row.code),
            resource: Some(&row.id),
            before: was,
            after: became,
            added,
            removed,
        })?;
    }
    let (location, version) = (location(site, of, &row.id), version(writer, &row));
    if !shows || (!always_shown && row.members > SHOWN_MEMBERS && !wish.selects()) {
        return Ok(Reply { location, version, body: None, unknown_members: Vec::new(), unknown_role });
    }
    let projection = Projection::bind(wish, of, dialect);
    let body = Show::new(writer, site, of, &projection).one(&row)?;
    Ok(Reply { location, version, body: Some(body), unknown_members: Vec::new(), unknown_role })
}
