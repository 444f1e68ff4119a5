//! Rules that somebody is about to save: who would have another role with them, and saving all of them at once.

use std::collections::{BTreeSet, HashSet};

use super::super::overview::listed_as;
use super::super::{Refusal, Site};
use super::rules::{By, group_called, record, role_named, rule_text};
use super::{Catalogue, Effective, MAX_RULES, by_rule, decided, view};
use crate::scim::catalog::USER_SCHEMA;
use crate::store::{Reader, RoleRule, RoleRules, StoreError, Writer};

/// People who are looked at for one preview, at most.
const MOST_EXAMINED: usize = 250_000;
/// People who are looked at together.
const TOGETHER: usize = 500;

/// A rule as somebody has it on a page. Its place is where it stands in the list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drafted {
    /// The id of the group.
    pub group: String,
    /// The value of the role.
    pub role: String,
    /// Members of groups inside the group count as well.
    pub nested: bool,
}

impl Drafted {
    fn is(&self, rule: &RoleRule) -> bool {
        self.group == rule.group && self.role == rule.role && self.nested == rule.nested
    }
}

/// The rules as they are stored, to begin a draft with, and a word for how they stand: it is another one after any change.
pub fn stored(reader: &Reader<'_>) -> Result<(Vec<Drafted>, String), StoreError> {
    let control = reader.control()?;
    let list = control.role_rules.list();
    let drafted = |r: &RoleRule| Drafted { group: r.group.clone(), role: r.role.clone(), nested: r.nested };
    Ok((list.iter().map(drafted).collect(), stand(list)))
}

/// Numbers of changes only grow, and to have as many rules as before after a removal takes another change.
fn stand(list: &[RoleRule]) -> String {
    format!("{}.{}", list.len(), list.iter().map(|r| r.change).max().unwrap_or(0))
}

/// The rules that a draft comes to. One that is stored so keeps the number of its change; others have none yet.
///
/// Errors: [`Refusal::Conflict`] for a group that is named twice or that nobody knows, for a role that there is not, and for
/// too many rules.
pub fn drafted(reader: &Reader<'_>, roles: &Catalogue, draft: &[Drafted]) -> Result<RoleRules, Refusal> {
    let control = reader.control()?;
    if draft.len() > MAX_RULES {
        return Err(Refusal::Conflict(format!("There can be {MAX_RULES} rules, and not more.")));
    }
    let mut seen = HashSet::new();
    let mut list = Vec::new();
    for rule in draft {
        let before = control.role_rules.for_group(&rule.group).map(|(_, r)| r);
        if !seen.insert(rule.group.as_str()) {
            return Err(Refusal::Conflict("A group can have one rule, and not two.".to_owned()));
        }
        if before.is_none() && group_called(reader, &rule.group)?.is_none_or(|(id, _)| id != rule.group) {
            return Err(Refusal::Conflict(format!("There is no group {:?} any more.", rule.group)));
        }
        // A role that the configuration has no longer may stay where it is.
        if before.is_none_or(|b| b.role != rule.role)
            && !role_named(roles, &rule.role).is_ok_and(|role| role.value == rule.role)
        {
            return Err(Refusal::Conflict(format!("There is no role {:?}.", rule.role)));
        }
        list.push(RoleRule {
            group: rule.group.clone(),
            role: rule.role.clone(),
            nested: rule.nested,
            change: before.filter(|b| rule.is(b)).map_or(0, |b| b.change),
        });
    }
    Ok(RoleRules::of(list))
}

/// The draft without rules for groups that are gone and were not there when it was begun; and how many those are.
pub fn without_gone(reader: &Reader<'_>, draft: &[Drafted]) -> Result<(Vec<Drafted>, usize), StoreError> {
    let control = reader.control()?;
    let mut kept = Vec::new();
    for rule in draft {
        if control.role_rules.for_group(&rule.group).is_some() || group_called(reader, &rule.group)?.is_some() {
            kept.push(rule.clone());
        }
    }
    let gone = draft.len() - kept.len();
    Ok((kept, gone))
}

/// Somebody who would have another role.
#[derive(Debug, Clone)]
pub struct Mover {
    /// The person's id.
    pub id: String,
    /// The name for people, or else the userName.
    pub name: String,
    /// The role of now.
    pub before: Effective,
    /// The role of then.
    pub after: Effective,
}

/// Who would have another role.
#[derive(Debug, Clone, Default)]
pub struct Effects {
    /// How many people.
    pub count: u64,
    /// The first of them.
    pub first: Vec<Mover>,
    /// Everybody was looked at; otherwise these are only some.
    pub complete: bool,
}

/// Who has another role with these rules than with those that are stored. At most so many people are named.
pub fn who_would_change(
    reader: &Reader<'_>,
    site: &Site,
    after: &RoleRules,
    named: usize,
) -> Result<Effects, StoreError> {
    let (control, graph) = (reader.control()?, reader.graph()?);
    let before = &control.role_rules;
    let Some(of) = reader.catalog().resource_types.iter().find(|t| t.schema.id == USER_SCHEMA) else {
        return Ok(Effects::default());
    };
    let mut people: BTreeSet<i64> = BTreeSet::new();
    for id in touched(before.list(), after.list()) {
        let Some((pk, _)) = reader.key_of(id)? else { continue };
        let nested = [before, after].iter().any(|rules| rules.for_group(id).is_some_and(|(_, r)| r.nested));
        let groups = if nested { graph.within(pk) } else { vec![pk] };
        for group in groups {
            reader.each_member_key(group, of, |pk| {
                people.insert(pk);
                people.len() < MOST_EXAMINED
            })?;
        }
    }
    let mut effects = Effects { complete: people.len() < MOST_EXAMINED, ..Effects::default() };
    let people: Vec<i64> = people.into_iter().collect();
    for some in people.chunks(TOGETHER) {
        let direct = reader.groups_of_all(some)?;
        // Most people keep their role for the same rule, which needs no look at the person.
        let mut doubtful = Vec::new();
        for pk in some {
            let closure = graph.closure(direct.get(pk).map_or(&[], Vec::as_slice));
            let groups: Vec<(&str, bool)> = closure.iter().map(|(node, is)| (node.id.as_str(), *is)).collect();
            let (was, is) = (by_rule(&site.roles, before, &groups), by_rule(&site.roles, after, &groups));
            if was != is {
                doubtful.push((*pk, was, is));
            }
        }
        let keys: Vec<i64> = doubtful.iter().map(|(pk, ..)| *pk).collect();
        let rows = reader.rows(&keys)?;
        for (pk, was, is) in doubtful {
            let Some(row) = rows.iter().find(|row| row.pk == pk) else { continue };
            let before = decided(reader, site, row, was)?;
            let after = decided(reader, site, row, is)?;
            if before.role == after.role {
                continue;
            }
            effects.count += 1;
            if effects.first.len() < named {
                let listed = listed_as(&row.id, &row.document()?, row.modified);
                let name = listed.label.unwrap_or(listed.name);
                effects.first.push(Mover { id: row.id.clone(), name, before, after });
            }
        }
    }
    Ok(effects)
}

/// The groups whose rules differ, or stand elsewhere among those that stay. Whoever is in none of them keeps the role: the
/// rules that decide about him or her are the same, in the same order.
fn touched<'r>(before: &'r [RoleRule], after: &'r [RoleRule]) -> Vec<&'r str> {
    let moved = moved(before, after);
    let same = |rule: &RoleRule, others: &[RoleRule]| {
        others.iter().any(|o| o.group == rule.group && o.role == rule.role && o.nested == rule.nested)
    };
    let gone = before.iter().filter(|r| !same(r, after)).map(|r| r.group.as_str());
    let new = after.iter().filter(|r| !same(r, before) || moved.contains(r.group.as_str()));
    let all: BTreeSet<&str> = gone.chain(new.map(|r| r.group.as_str())).collect();
    all.into_iter().collect()
}

/// The groups of both lists that have to be taken out for the others to stand in the same order: as few as it goes.
fn moved<'r>(before: &[RoleRule], after: &'r [RoleRule]) -> HashSet<&'r str> {
    let was = |rule: &RoleRule| before.iter().position(|b| b.group == rule.group);
    let places: Vec<(&str, usize)> = after.iter().filter_map(|r| Some((r.group.as_str(), was(r)?))).collect();
    // The longest run of growing places, each with how long it is and what comes before.
    let mut runs: Vec<(usize, Option<usize>)> = Vec::new();
    for (i, (_, place)) in places.iter().enumerate() {
        let earlier = places.iter().zip(&runs).take(i).enumerate().filter(|(_, ((_, p), _))| p < place);
        let best = earlier.max_by_key(|(_, (_, (length, _)))| *length).map(|(j, (_, (length, _)))| (j, *length));
        runs.push(best.map_or((1, None), |(j, length)| (length + 1, Some(j))));
    }
    let mut kept = HashSet::new();
    let mut at = runs.iter().enumerate().max_by_key(|(_, (length, _))| *length).map(|(i, _)| i);
    while let Some(i) = at {
        kept.insert(i);
        at = runs.get(i).and_then(|(_, before)| *before);
    }
    places.iter().enumerate().filter(|(i, _)| !kept.contains(i)).map(|(_, (group, _))| *group).collect()
}

/// Makes a draft the rules, if they still stand as they did when it was begun. Says whether that changed anything.
///
/// Errors: [`Refusal::Conflict`] when somebody else has changed them since, and those of [`drafted`].
pub fn save_rules(
    writer: &mut Writer<'_>,
    roles: &Catalogue,
    stood: &str,
    draft: &[Drafted],
    by: By<'_>,
) -> Result<bool, Refusal> {
    let before = writer.control()?.role_rules.list().to_vec();
    if stand(&before) != stood {
        return Err(Refusal::Conflict(
            "The rules were changed since this page was opened. Nothing was saved.".to_owned(),
        ));
    }
    let mut after = drafted(writer, roles, draft)?.list().to_vec();
    let moved: HashSet<String> = moved(&before, &after).into_iter().map(str::to_owned).collect();
    let first = writer.next_change();
    for (at, rule) in before.iter().enumerate().filter(|(_, b)| after.iter().all(|a| a.group != b.group)) {
        record(writer, "role.rule.remove", &rule.group, (Some(rule_text(rule, at + 1)), None), by)?;
    }
    for (at, rule) in after.iter_mut().enumerate() {
        let was = before.iter().enumerate().find(|(_, b)| b.group == rule.group);
        let op = match was {
            None => "role.rule.add",
            Some(_) if rule.change == 0 => "role.rule.edit",
            Some(_) if moved.contains(&rule.group) => "role.rule.move",
            Some(_) => continue,
        };
        rule.change = writer.next_change();
        let was = was.map(|(place, b)| rule_text(b, place + 1));
        record(writer, op, &rule.group, (was, Some(rule_text(rule, at + 1))), by)?;
    }
    if writer.next_change() == first {
        return Ok(false);
    }
    writer.put_role_rules(&after)?;
    Ok(true)
}

/// The rules of a draft, to look at.
pub fn draft_views(
    reader: &Reader<'_>,
    roles: &Catalogue,
    rules: &RoleRules,
) -> Result<Vec<super::RuleView>, StoreError> {
    rules.list().iter().enumerate().map(|(i, rule)| view(reader, roles, i + 1, rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(groups: &str) -> Vec<RoleRule> {
        let rule =
            |g: char| RoleRule { group: g.to_string(), role: "USER".to_owned(), nested: g.is_uppercase(), change: 1 };
        groups.chars().map(rule).collect()
    }

    #[test]
    fn what_moved_is_as_little_as_it_can_be() {
        let moves = |before: &str, after: &str| {
            let (before, after) = (list(before), list(after));
            let mut found: Vec<String> = moved(&before, &after).into_iter().map(str::to_owned).collect();
            found.sort();
            found.concat()
        };
        assert_eq!(moves("abcd", "abcd"), "");
        assert_eq!(moves("abcd", "dabc"), "d");
        assert_eq!(moves("abcd", "bcda"), "a");
        assert_eq!(moves("abcd", "acd"), "");
        assert_eq!(moves("abcd", "xaybczd"), "");
        assert_eq!(moves("abcd", "badc").len(), 2);
        assert_eq!(moves("", "ab"), "");
    }

    #[test]
    fn groups_whose_rules_stay_are_not_touched() {
        assert_eq!(touched(&list("abc"), &list("abc")), Vec::<&str>::new());
        assert_eq!(touched(&list("abc"), &list("ac")), ["b"]);
        assert_eq!(touched(&list("abc"), &list("abcd")), ["d"]);
        assert_eq!(touched(&list("abc"), &list("cab")), ["c"]);
        let mut edited = list("abc");
        edited[1].role = "ADMIN".to_owned();
        assert_eq!(touched(&list("abc"), &edited), ["b"]);
    }
}
