//! The values of attributes that are looked up or unique, as rows of `value`: the number of the attribute, a key that
//! compares as the value does, and the resource.

use rusqlite::Connection;
use serde_json::Number;

use super::{Prepared, Reader, StoreError, Writer};
use crate::scim::bound::Test;
use crate::scim::catalog::ResourceType;
use crate::scim::filter::Op;
use crate::scim::json::{Json, Object};
use crate::scim::name::fold;
use crate::scim::number::sortable;
use crate::scim::schema::{Attribute, Type};
use crate::scim::stored::fits;
use crate::scim::time::date_time;

/// What of a document stands in `value`: (number, key), sorted, each once.
pub(super) fn keys_of(document: &Object, of: &ResourceType) -> Vec<(i64, String)> {
    let mut keys = Vec::new();
    for lookup in &of.lookups {
        let path = lookup.path();
        let home = match path.extension {
            Some(e) => document.get(&e.id).and_then(Json::as_object),
            None => Some(document),
        };
        // What does not fit its definition any more is not shown, so it is not found either.
        let Some(value) = home.and_then(|h| h.get(&path.attribute.name)).filter(|v| fits(path.attribute, v)) else {
            continue;
        };
        for element in value.elements() {
            let value = match path.sub {
                Some(sub) => element.as_object().and_then(|e| e.get(&sub.name)).filter(|v| fits(sub, v)),
                None => Some(element),
            };
            let found = value.map(Json::elements).unwrap_or_default();
            keys.extend(found.iter().filter_map(|v| Some((lookup.number, key(path.leaf(), v)?))));
        }
    }
    keys.sort();
    keys.dedup();
    keys
}

/// The key of a value.
fn key(of: &Attribute, value: &Json) -> Option<String> {
    match (of.kind, value) {
        (Type::String | Type::Reference, Json::String(text)) => {
            Some(if of.case_exact { text.clone() } else { fold(text) })
        }
        (Type::Boolean, Json::Bool(is)) => Some(is.to_string()),
        (Type::Integer | Type::Decimal, Json::Number(n)) => Some(number(n)),
        (Type::DateTime, Json::String(text)) => Some(time(date_time(text)?)),
        _ => None,
    }
}

/// A number as text that sorts as the number does.
fn number(n: &Number) -> String {
    format!("{}:", sortable(n))
}

/// A point in time as text that sorts as it does.
fn time(at: jiff::Timestamp) -> String {
    // jiff's first instant is less than 2^70 nanoseconds before 1970.
    format!("{:020x}:", at.as_nanosecond() + (1 << 70))
}

/// The keys that pass a test: from one on, up to but without another.
pub(super) struct Range {
    pub(super) from: String,
    pub(super) below: Option<String>,
    /// Only the first.
    pub(super) one: bool,
}

/// The range of a test of an attribute; none when the keys do not tell.
pub(super) fn range(of: &Attribute, test: &Test) -> Option<Range> {
    let between = |from: String, below: Option<String>| Some(Range { from, below, one: false });
    let ordered = |op: Op, key: String| {
        // ';' is what comes after ':'.
        let after = key.replace(':', ";");
        match op {
            Op::Eq => between(key, Some(after)),
            Op::Gt => between(after, None),
            Op::Ge => between(key, None),
            Op::Lt => between(String::new(), Some(key)),
            Op::Le => between(String::new(), Some(after)),
            Op::Ne | Op::Co | Op::Sw | Op::Ew => None,
        }
    };
    match (of.kind, test) {
        (Type::String | Type::Reference, Test::Text { op: Op::Eq, value, .. }) => {
            Some(Range { from: value.clone(), below: None, one: true })
        }
        (Type::String | Type::Reference, Test::Text { op: Op::Sw, value, .. }) if !value.is_empty() => {
            between(value.clone(), super::narrow::successor(value))
        }
        (Type::Boolean, Test::Bool(Op::Eq, value)) => Some(Range { from: value.to_string(), below: None, one: true }),
        (Type::Integer | Type::Decimal, Test::Number(op, n)) => ordered(*op, number(n)),
        (Type::DateTime, Test::Time(op, at)) => ordered(*op, time(*at)),
        _ => None,
    }
}

/// Stores keys of a resource.
pub(super) fn put(connection: &Connection, pk: i64, keys: &[(i64, String)]) -> Result<(), StoreError> {
    for (number, key) in keys {
        connection
            .prepare_cached("insert into value (attribute, value, pk) values (?1, ?2, ?3) on conflict do nothing")?
            .execute((number, key, pk))?;
    }
    Ok(())
}

fn take_out(connection: &Connection, pk: i64, keys: &[(i64, String)]) -> Result<(), StoreError> {
    for (number, key) in keys {
        connection
            .prepare_cached("delete from value where attribute = ?1 and value = ?2 and pk = ?3")?
            .execute((number, key, pk))?;
    }
    Ok(())
}

impl Reader<'_> {
    /// Refuses keys of unique attributes that another resource has. Inside a write nobody can come in between: SQLite
    /// has one writer at a time.
    fn unclaimed(&self, of: &ResourceType, pk: i64, keys: &[(i64, String)]) -> Result<(), StoreError> {
        for (number, key) in keys {
            let unique = of.lookups.iter().any(|l| l.number == *number && l.unique);
            // Clients send "" for "nothing".
            if !unique || key.trim().is_empty() {
                continue;
            }
            let mut statement = self
                .connection()
                .prepare_cached("select pk from value where attribute = ?1 and value = ?2 and pk <> ?3 limit 1")?;
            if statement.exists((number, key, pk))? {
                return Err(StoreError::TakenValue(*number));
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// The values of unique attributes that a document claims for the resource of a key, as (number, key).
    ///
    /// Errors: [`StoreError::TakenValue`] when another resource has one of them: what a write would say.
    pub fn claimed(&self, of: &ResourceType, pk: i64, new: &Prepared) -> Result<Vec<(i64, String)>, StoreError> {
        self.unclaimed(of, pk, &new.indexed.values)?;
        let unique = |number: i64| of.lookups.iter().any(|l| l.number == number && l.unique);
        let keys = new.indexed.values.iter();
        Ok(keys.filter(|(number, key)| unique(*number) && !key.trim().is_empty()).cloned().collect())
    }
}

impl Writer<'_> {
    /// Makes `new` the keys of a resource that had `old`.
    ///
    /// Errors: [`StoreError::TakenValue`] when another resource has a unique one of those that come.
    pub(super) fn exchange_values(
        &mut self,
        of: &ResourceType,
        pk: i64,
        old: &[(i64, String)],
        new: &[(i64, String)],
    ) -> Result<(), StoreError> {
        let only = |one: &[(i64, String)], other: &[(i64, String)]| -> Vec<(i64, String)> {
            one.iter().filter(|k| other.binary_search(k).is_err()).cloned().collect()
        };
        let coming = only(new, old);
        self.unclaimed(of, pk, &coming)?;
        take_out(self.connection(), pk, &only(old, new))?;
        put(self.connection(), pk, &coming)
    }
}

/// How many values of a unique attribute several resources have, and the ids of two of them: declarations come later
/// than data.
pub(super) fn doubles(connection: &Connection, number: i64) -> Result<Option<(i64, String)>, StoreError> {
    let mut statement = connection.prepare(
        "select count(*), min(value) from (select value from value where attribute = ?1 and trim(value) <> '' group by value having count(*) > 1)",
    )?;
    let (count, first): (i64, Option<String>) = statement.query_row([number], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let Some(first) = first else { return Ok(None) };
    let mut statement = connection.prepare(
        "select r.id from value v cross join resource r on r.pk = v.pk where v.attribute = ?1 and v.value = ?2 limit 2",
    )?;
    let ids = statement.query_map((number, first), |r| r.get(0))?.collect::<Result<Vec<String>, _>>()?;
    Ok(Some((count, ids.join(", "))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_sort_as_text() {
        let double = |n: f64| Number::from_f64(n).unwrap();
        let numbers = [f64::MIN, -2.5, -1.0, -0.5, 0.0, 1e-9, 0.5, 1.0, 2.0, 1e18, f64::MAX].map(double);
        for pair in numbers.windows(2) {
            assert!(number(&pair[0]) < number(&pair[1]), "{pair:?}");
        }
        assert_eq!(number(&double(-0.0)), number(&double(0.0)));
        let times =
            ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999999999Z", "1970-01-01T00:00:00Z", "2024-02-29T00:00:00Z"];
        let times: Vec<String> = times.iter().map(|t| time(date_time(t).unwrap())).collect();
        assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
        for extreme in [jiff::Timestamp::MIN, jiff::Timestamp::MAX] {
            assert_eq!(time(extreme).len(), 21, "{extreme}");
        }
    }
}
