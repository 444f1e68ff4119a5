//! PATCH on stored documents.

use scim_appliance::scim::catalog::ResourceType;
use scim_appliance::scim::dialect::{Dialect, Rule, RuleSet};
use scim_appliance::scim::fault::Fault;
use scim_appliance::scim::json::{Json, Object};
use scim_appliance::scim::patch::{MemberStep, PATCH_OP, Patch, PatchPlan, Step};

use super::resource::stands;
use super::{samples, strict};

/// What a PATCH comes to is a document that could have been sent as a whole. An operation that is refused is refused with
/// all others, in front of it and behind it. With no rule needed, it is what the RFC makes of it.
///
/// The input is a body, or lines from which one is made: three for each operation, with its op, path and value. Most
/// changes to JSON make it no JSON; most changes to such lines make another PATCH.
pub fn patch(input: &[u8]) {
    let Some(body) = Json::parse(input).ok().or_else(|| lines(input)) else { return };
    for of in &samples::catalog().resource_types {
        for before in samples::documents(of) {
            let dialect = Dialect::tolerant();
            let outcome = patched(&body, before, of, &dialect);
            let exact = patched(&body, before, of, &strict());
            if dialect.used().is_empty() {
                assert_eq!(outcome, exact, "no rule was needed");
            }
            for (after, _) in [&outcome, &exact].into_iter().flatten() {
                stands(after, of);
            }
            if outcome.is_err() {
                refused_with_more(&body, before, of);
            }
        }
    }
}

fn lines(input: &[u8]) -> Option<Json> {
    let lines: Vec<&str> = std::str::from_utf8(input).ok()?.split('\n').collect();
    let operation = |written: &[&str]| {
        let mut operation = Object::new();
        operation.push("op", written[0]);
        operation.push("path", written[1]);
        operation.push("value", Json::parse(written[2].as_bytes()).unwrap_or(written[2].into()));
        Json::Object(operation)
    };
    let mut body = Object::new();
    body.push("schemas", Json::Array(vec![PATCH_OP.into()]));
    body.push("Operations", Json::Array(lines.chunks_exact(3).map(operation).collect()));
    // What a text cannot hold, no request does.
    Json::parse(body.text().as_bytes()).ok()
}

/// With an operation that changes something in front, the refused one is refused still, and nothing comes of either.
fn refused_with_more(body: &Json, before: &Object, of: &ResourceType) {
    let mut more = body.clone();
    let Json::Object(parts) = &mut more else { return };
    let operations = parts.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("Operations"));
    let Some((_, Json::Array(operations))) = operations else { return };
    if operations.is_empty() {
        return;
    }
    let mut first = Object::new();
    first.push("op", "add");
    first.push("path", "externalId");
    first.push("value", "changed");
    operations.insert(0, first.into());
    // Only an unknown path may stand beside one that is known (an interpretation, and a rule of its own).
    let dialect = Dialect::new(RuleSet::all().without(Rule::UnknownPathSkipped));
    let alone = patched(body, before, of, &dialect);
    let together = patched(&more, before, of, &dialect);
    if alone.is_err() {
        assert!(together.is_err(), "an operation is refused alone and not behind another: {alone:?}");
    }
}

/// The document that a PATCH makes of one, and what it does to members.
fn patched(body: &Json, before: &Object, of: &ResourceType, dialect: &Dialect) -> Result<(Object, String), Fault> {
    let plan = Patch::parse(body.clone(), of, dialect)?.plan(of, dialect)?;
    let mut after = before.clone();
    let mut members = String::new();
    for step in &plan.steps {
        match step {
            Step::Document(step) => step.apply(&mut after, dialect)?,
            Step::Members(step) => {
                assert_eq!(of.name, "Group", "{step:?}");
                if let MemberStep::Add(ids) | MemberStep::Replace(ids) = step {
                    let unique: std::collections::BTreeSet<_> = ids.iter().collect();
                    assert!(unique.len() == ids.len() && !ids.iter().any(String::is_empty), "{ids:?}");
                }
                members.push_str(&format!("{step:?}\n"));
            }
        }
    }
    PatchPlan::finish(before, &mut after, of)?;
    Ok((after, members))
}
