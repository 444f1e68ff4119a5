//! SQL narrows, `eval` decides: a filter becomes a set of keys over indexed columns, marked exact when nothing is left
//! to decide. The client's characters are only ever values that are bound, never a pattern.

use rusqlite::types::Value;

use super::{Reader, StoreError, values};
use crate::scim::bound::{BoundFilter, Test};
use crate::scim::catalog::ResourceType;
use crate::scim::filter::Op;
use crate::scim::path::BoundPath;

/// Keys that may pass a filter.
#[derive(Debug)]
pub(super) struct Narrowed {
    /// SELECT of keys, with numbered parameters from 1 on.
    sql: String,
    values: Vec<Value>,
    /// Every key passes.
    exact: bool,
    /// The fewer keys it is likely to give, the lower.
    cost: u8,
}

impl Reader<'_> {
    /// The keys of resources that may pass a filter, in the order of creation, and whether all of them do. `None` when
    /// no index helps and every resource has to be looked at. No more than `most` are looked for.
    pub fn candidates(
        &self,
        filter: &BoundFilter<'_>,
        of: &ResourceType,
        most: Option<usize>,
    ) -> Result<Option<(Vec<i64>, bool)>, StoreError> {
        let Some(narrowed) = self.narrow(filter, of)? else { return Ok(None) };
        let bounded = most.map(|most| format!("{} limit {most}", narrowed.sql));
        let mut statement = self.connection().prepare_cached(bounded.as_deref().unwrap_or(&narrowed.sql))?;
        let found = statement.query_map(rusqlite::params_from_iter(&narrowed.values), |r| r.get(0))?;
        let mut keys = found.collect::<Result<Vec<i64>, _>>()?;
        keys.sort_unstable();
        keys.dedup();
        Ok(Some((keys, narrowed.exact)))
    }

    /// The keys of all live resources of a type in the order of an indexed attribute, straight from its index. `None`
    /// when there is no such index. Equal values keep the order of creation.
    pub fn sorted_keys(
        &self,
        of: &ResourceType,
        path: &BoundPath<'_>,
        descending: bool,
    ) -> Result<Option<Vec<i64>>, StoreError> {
        let unique = is_naming(path, of);
        let built_in = of.schema.built_in;
        let (column, index) =
            match (path.extension.is_some(), path.attribute.name.as_str(), path.sub.map(|s| s.name.as_str())) {
                (false, _, None) if unique => ("name_key", "resource_by_name"),
                (false, "displayName", None) if built_in => ("display_key", "resource_by_display"),
                (false, "meta", Some("lastModified")) => ("modified", "resource_by_modified"),
                (false, "meta", Some("created")) => ("pk", "resource_by_type"),
                _ => return Ok(None),
            };
        // SQLite puts NULL first; RFC 7644 §3.4.2.3 wants what has no value last in ascending order, first in descending.
        let order = if descending { "desc" } else { "asc" };
        let keys = |condition: &str, order: &str| -> Result<Vec<i64>, StoreError> {
            let sql = format!(
                "select pk from resource indexed by {index} where type = ?1 and {column} {condition} order by {column} {order}, pk"
            );
            let mut statement = self.connection().prepare_cached(&sql)?;
            Ok(statement.query_map([self.code(of)], |r| r.get(0))?.collect::<Result<_, _>>()?)
        };
        let mut with = keys("is not null", order)?;
        if column != "display_key" {
            return Ok(Some(with));
        }
        let mut without = keys("is null", "asc")?;
        match descending {
            true => without.append(&mut with),
            false => {
                with.append(&mut without);
                return Ok(Some(with));
            }
        }
        Ok(Some(without))
    }

    fn narrow(&self, filter: &BoundFilter<'_>, of: &ResourceType) -> Result<Option<Narrowed>, StoreError> {
        Ok(match filter {
            BoundFilter::And(parts) => {
                let mut best: Option<Narrowed> = None;
                for part in parts {
                    let narrowed = self.narrow(part, of)?;
                    if let Some(narrowed) = narrowed
                        && best.as_ref().is_none_or(|b| narrowed.cost < b.cost)
                    {
                        best = Some(narrowed);
                    }
                }
                best.map(|b| Narrowed { exact: false, ..b })
            }
            BoundFilter::Or(parts) => self.any(parts, of)?,
            BoundFilter::Compare(path, test) => self.compare(path, test, of)?,
            BoundFilter::Within(path, inner) => self.within(path, inner, of)?,
            BoundFilter::Nothing => {
                Some(Narrowed { sql: "select 0 where 0".into(), values: Vec::new(), exact: true, cost: 0 })
            }
            BoundFilter::Not(_) | BoundFilter::Present(_) => None,
        })
    }

    /// `or` is narrow when every part is. The parts' parameters are numbered on.
    fn any(&self, parts: &[BoundFilter<'_>], of: &ResourceType) -> Result<Option<Narrowed>, StoreError> {
        let mut all = Narrowed { sql: String::new(), values: Vec::new(), exact: true, cost: 0 };
        for part in parts {
            let Some(narrowed) = self.narrow(part, of)? else { return Ok(None) };
            let shift = all.values.len();
            let mut sql = String::new();
            let mut rest = narrowed.sql.as_str();
            // Our own texts: a question mark is always a parameter with a number.
            while let Some((head, tail)) = rest.split_once('?') {
                let digits = tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len();
                let (number, tail) = tail.split_at_checked(digits).unwrap_or((tail, ""));
                sql.push_str(head);
                sql.push_str(&format!("?{}", number.parse::<usize>().unwrap_or(0) + shift));
                rest = tail;
            }
            sql.push_str(rest);
            let join = if all.sql.is_empty() { "" } else { " union all " };
            all.sql = format!("{}{join}select * from ({sql})", all.sql);
            all.values.extend(narrowed.values);
            all.exact &= narrowed.exact;
            all.cost = all.cost.max(narrowed.cost);
        }
        Ok(Some(all))
    }

    /// `emails[type eq "work" and value eq "a@x.io"]`: whoever passes has an email with that value.
    fn within(
        &self,
        path: &BoundPath<'_>,
        inner: &BoundFilter<'_>,
        of: &ResourceType,
    ) -> Result<Option<Narrowed>, StoreError> {
        if path.sub.is_some() {
            return Ok(None);
        }
        let terms = match inner {
            BoundFilter::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        for term in terms {
            if let BoundFilter::Compare(part, test) = term
                && let Some(sub) = path.attribute.sub(&part.attribute.name)
                && let Some(narrowed) = self.compare(&BoundPath { sub: Some(sub), ..*path }, test, of)?
            {
                return Ok(Some(Narrowed { exact: narrowed.exact && terms.len() == 1, ..narrowed }));
            }
        }
        Ok(None)
    }

    fn compare(&self, path: &BoundPath<'_>, test: &Test, of: &ResourceType) -> Result<Option<Narrowed>, StoreError> {
        let code = Value::Integer(self.code(of));
        if let Some(lookup) = of.lookup(path) {
            return Ok(values::range(path.leaf(), test).map(|range| kept(lookup.number, range, code)));
        }
        if path.extension.is_some() {
            return Ok(None);
        }
        let name = path.attribute.name.as_str();
        let sub = path.sub.map(|s| s.name.as_str());
        let unique = is_naming(path, of);
        let text = |column: &str, index: &str, cost: u8| text_set(column, index, cost, &code, test);
        Ok(match (name, sub) {
            ("id", None) => match test {
                Test::Text { op: Op::Eq, value, .. } => Some(Narrowed {
                    sql: "select pk from resource where id = ?2 and type = ?1".into(),
                    values: vec![code, Value::Text(value.clone())],
                    exact: true,
                    cost: 1,
                }),
                _ => None,
            },
            (_, None) if unique => text("name_key", "resource_by_name", 2),
            ("externalId", None) => match test {
                Test::Text { op: Op::Eq, .. } => text("external_id", "resource_by_external_id", 3),
                _ => None,
            },
            ("displayName", None) if of.schema.built_in => text("display_key", "resource_by_display", 4),
            ("members", Some("value")) if of.is_group() => match test {
                Test::Text { op: Op::Eq, value, .. } => {
                    let member = self.key_of(value)?.map_or(-1, |(pk, _)| pk);
                    Some(Narrowed {
                        sql: "select group_pk from member indexed by member_by_member where member_pk = ?1".into(),
                        values: vec![Value::Integer(member)],
                        exact: true,
                        cost: 5,
                    })
                }
                _ => None,
            },
            ("meta", Some("lastModified")) => modified(&code, test),
            _ => None,
        })
    }
}

/// True for userName of a user and displayName of a group, which have a column of their own.
fn is_naming(path: &BoundPath<'_>, of: &ResourceType) -> bool {
    path.sub.is_none() && of.naming().is_some_and(|a| path.is(&a.name))
}

/// The resources that have a value of an attribute in a range.
fn kept(number: i64, range: values::Range, code: Value) -> Narrowed {
    let values::Range { from, below, one } = range;
    let mut values = vec![code, Value::Integer(number), Value::Text(from)];
    let sql = match below {
        _ if one => {
            "select v.pk from value v cross join resource r on r.pk = v.pk where v.attribute = ?2 and v.value = ?3 and r.type = ?1"
        }
        None => {
            "select v.pk from value v cross join resource r on r.pk = v.pk where v.attribute = ?2 and v.value >= ?3 and r.type = ?1"
        }
        Some(below) => {
            values.push(Value::Text(below));
            "select v.pk from value v cross join resource r on r.pk = v.pk where v.attribute = ?2 and v.value >= ?3 and v.value < ?4 and r.type = ?1"
        }
    };
    Narrowed { sql: sql.into(), values, exact: true, cost: if one { 3 } else { 7 } }
}

/// Equality and prefix of a folded (or exact) column; the index is named, so that the plan cannot flip.
fn text_set(column: &str, index: &str, cost: u8, code: &Value, test: &Test) -> Option<Narrowed> {
    let Test::Text { op, value, .. } = test else { return None };
    let from = format!("select pk from resource indexed by {index} where type = ?1 and");
    match op {
        Op::Eq => Some(Narrowed {
            sql: format!("{from} {column} = ?2"),
            values: vec![code.clone(), Value::Text(value.clone())],
            exact: true,
            cost,
        }),
        // Text compares by code points here as there: what starts with the prefix lies from it up to its successor.
        Op::Sw if !value.is_empty() => {
            let mut values = vec![code.clone(), Value::Text(value.clone())];
            let mut sql = format!("{from} {column} >= ?2");
            if let Some(end) = successor(value) {
                sql.push_str(&format!(" and {column} < ?3"));
                values.push(Value::Text(end));
            }
            Some(Narrowed { sql, values, exact: false, cost: cost + 4 })
        }
        _ => None,
    }
}

/// The first text that is greater than everything that starts with a prefix; none when nothing is.
pub(super) fn successor(prefix: &str) -> Option<String> {
    let mut text = prefix.to_owned();
    while let Some(last) = text.pop() {
        // The surrogates are no characters, and are stepped over.
        let next = if last == '\u{d7ff}' { Some('\u{e000}') } else { char::from_u32(u32::from(last) + 1) };
        if let Some(next) = next {
            text.push(next);
            return Some(text);
        }
    }
    None
}

fn modified(code: &Value, test: &Test) -> Option<Narrowed> {
    let Test::Time(op, time) = test else { return None };
    // Stored times have microseconds; the filter may be finer.
    let nanoseconds = time.as_nanosecond();
    let floor = i64::try_from(nanoseconds.div_euclid(1000)).ok()?;
    let whole = nanoseconds.rem_euclid(1000) == 0;
    let ceiling = if whole { floor } else { floor.checked_add(1)? };
    let (operator, bound) = match op {
        Op::Gt => (">", floor),
        Op::Ge => (">=", ceiling),
        Op::Lt => ("<", ceiling),
        Op::Le => ("<=", floor),
        Op::Eq if whole => ("=", floor),
        _ => return None,
    };
    Some(Narrowed {
        sql: format!(
            "select pk from resource indexed by resource_by_modified where type = ?1 and modified {operator} ?2"
        ),
        values: vec![code.clone(), Value::Integer(bound)],
        exact: true,
        cost: 9,
    })
}
