//! Queries (RFC 7644 §3.4.2): over one resource type, or over all of them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::fetch::INLINE_MEMBERS;
use super::show::{Show, tree};
use super::walks::{Order, Place, Walks};
use super::{Ask, Caller, Refusal, Site};
use crate::scim::bound::BoundFilter;
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::eval::{SortKey, matches, sort_key};
use crate::scim::fault::{Fault, Kind, quoted};
use crate::scim::filter::Filter;
use crate::scim::list::{Position, Query, list_response};
use crate::scim::path::{BoundPath, Place as PathPlace};
use crate::scim::project::Projection;
use crate::scim::schema::Returned;
use crate::secret::Key;
use crate::store::{Reader, Row};

/// Keys that an index finds, up to which a filtered query is answered on the thread that asks.
const INLINE_KEYS: usize = 8;

/// A list of one resource type as JSON text. With `quick`, gives `None` when it may take longer than a moment.
pub fn list(reader: &Reader<'_>, memory: Memory<'_>, ask: Ask<'_>, quick: bool) -> Result<Option<String>, Refusal> {
    let Ask { site, caller, of, wish: query, dialect, .. } = ask;
    let listing = Listing { reader, site, memory, caller, query, dialect };
    let filter = match &query.filter {
        Some(filter) => Some(filter.bind(of, dialect)?),
        None => None,
    };
    let part = Part { of, filter, sort: listing.sort_path(of)? };
    if quick {
        return listing.quick(&part);
    }
    let walk = format!("{}\n{}", of.name, query.walk);
    match (&part.filter, &part.sort, &query.cursor) {
        (_, _, Some(cursor)) => listing.by_cursor(&walk, &[part], cursor),
        (None, None, None) => listing.by_key(of, &walk),
        _ => listing.found(&walk, &[part]),
    }
    .map(Some)
}

/// A list over several resource types (§3.4.2.1). An attribute that one type has and another has not matches nothing
/// there; one that no type has is an error.
pub fn list_all(
    reader: &Reader<'_>,
    memory: Memory<'_>,
    site: &Site,
    caller: &Caller,
    types: &[Arc<ResourceType>],
    query: &Query,
    dialect: &Dialect,
) -> Result<String, Refusal> {
    let listing = Listing { reader, site, memory, caller, query, dialect };
    let mut parts = Vec::new();
    let mut unsorted = None;
    for of in types {
        let filter = match &query.filter {
            Some(filter) => Some(bind_loosely(filter, of, types, dialect)?),
            None => None,
        };
        let sort = listing.sort_path(of).unwrap_or_else(|refusal| {
            unsorted.get_or_insert(refusal);
            None
        });
        parts.push(Part { of, filter, sort });
    }
    match unsorted.filter(|_| parts.iter().all(|p| p.sort.is_none())) {
        Some(refusal) => Err(refusal),
        None => {
            let walk = format!("*\n{}", query.walk);
            match &query.cursor {
                Some(cursor) => listing.by_cursor(&walk, &parts, cursor),
                None => listing.found(&walk, &parts),
            }
        }
    }
}

/// What a query means for one resource type.
struct Part<'t> {
    of: &'t ResourceType,
    filter: Option<BoundFilter<'t>>,
    sort: Option<BoundPath<'t>>,
}

/// Binds a filter for one of several types: a comparison whose attribute only other types have becomes "nothing".
fn bind_loosely<'c>(
    filter: &Filter,
    of: &'c ResourceType,
    types: &[Arc<ResourceType>],
    dialect: &Dialect,
) -> Result<BoundFilter<'c>, Fault> {
    let all =
        |parts: &[Filter]| parts.iter().map(|p| bind_loosely(p, of, types, dialect)).collect::<Result<Vec<_>, _>>();
    Ok(match filter {
        Filter::And(parts) => BoundFilter::And(all(parts)?),
        Filter::Or(parts) => BoundFilter::Or(all(parts)?),
        Filter::Not(part) => BoundFilter::Not(Box::new(bind_loosely(part, of, types, dialect)?)),
        term => match term.bind(of, dialect) {
            Ok(bound) => bound,
            Err(_) if types.iter().any(|t| term.bind(t, dialect).is_ok()) => BoundFilter::Nothing,
            Err(fault) => return Err(fault),
        },
    })
}

/// What is known of walks: by us, for index paging, and by what signs the cursors that clients hold.
#[derive(Clone, Copy)]
pub struct Memory<'a> {
    /// The ends of pages, and orders.
    pub walks: &'a Walks,
    /// What cursors are signed with.
    pub key: &'a Key,
}

struct Listing<'r, 'c> {
    reader: &'r Reader<'c>,
    site: &'r Site,
    memory: Memory<'r>,
    caller: &'r Caller,
    query: &'r Query,
    dialect: &'r Dialect,
}

impl Listing<'_, '_> {
    fn count(&self) -> u64 {
        self.query.count.unwrap_or(self.site.page_size).min(self.site.max_page_size)
    }

    fn now(&self) -> i64 {
        self.reader.now()
    }

    fn sort_path<'t>(&self, of: &'t ResourceType) -> Result<Option<BoundPath<'t>>, Refusal> {
        let Some(path) = &self.query.sort_by else { return Ok(None) };
        match path.bind(of, self.dialect) {
            Some(PathPlace::Attribute(bound)) if is_sortable(&bound) => Ok(Some(bound)),
            Some(_) => {
                Err(Fault::new(Kind::InvalidValue, "sortBy", format!("{} cannot be sorted by", quoted(path.as_str())))
                    .into())
            }
            None => Err(Fault::new(
                Kind::InvalidValue,
                "sortBy",
                format!("no attribute is called {}", quoted(path.as_str())),
            )
            .into()),
        }
    }

    /// A look-up by an indexed value, answered at once: what identity providers ask before they create.
    fn quick(&self, part: &Part<'_>) -> Result<Option<String>, Refusal> {
        let (Some(filter), None) = (&part.filter, &part.sort) else { return Ok(None) };
        if !is_lookup(filter) {
            return Ok(None);
        }
        let found = self.reader.candidates(filter, part.of, Some(INLINE_KEYS + 1))?;
        let Some((keys, true)) = found.filter(|(keys, _)| keys.len() <= INLINE_KEYS) else { return Ok(None) };
        let rows = self.reader.rows(&keys)?;
        if rows.iter().any(|r| r.members > INLINE_MEMBERS) {
            return Ok(None);
        }
        let (total, start) = (rows.len() as u64, self.query.start_index);
        let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let take = usize::try_from(self.count()).unwrap_or(usize::MAX);
        let page: Vec<Row> = rows.into_iter().skip(skip).take(take).collect();
        Ok(Some(list_response(total, &Position::Index(start), &self.show(&page, &[part.of])?)))
    }

    /// All resources of a type in the order of creation: offsets come from block counts, or from the walk.
    fn by_key(&self, of: &ResourceType, walk: &str) -> Result<String, Refusal> {
        let (start, count) = (self.query.start_index, self.count());
        let total = self.reader.total(of)?;
        let (keys, left) = match self.memory.walks.resume(&self.caller.token, walk, start, self.now()) {
            Some(Place::After(key)) => (self.reader.page_after(of, key, count)?, self.reader.total_after(of, key)?),
            _ => (self.reader.page(of, start - 1, count)?, 0),
        };
        let total = self.walked_total(total, keys.len() as u64, left.saturating_sub(keys.len() as u64));
        self.remember(walk, keys.len(), keys.last().map(|last| Place::After(*last)));
        Ok(list_response(total, &Position::Index(start), &self.show(&self.reader.rows(&keys)?, &[of])?))
    }

    /// The total, but never so small that a client with more to come thinks that it has seen all: people were deleted
    /// behind its back, and it asks on only while the next startIndex is within the total.
    fn walked_total(&self, total: u64, shown: u64, left: u64) -> u64 {
        if left == 0 { total } else { total.max(self.query.start_index.saturating_add(shown)) }
    }

    fn remember(&self, walk: &str, shown: usize, place: Option<Place>) {
        let next = self.query.start_index.saturating_add(shown as u64);
        if let Some(place) = place {
            self.memory.walks.remember(&self.caller.token, walk, next, place, self.now());
        }
    }

    /// The page of what a query finds.
    fn found(&self, walk: &str, parts: &[Part<'_>]) -> Result<String, Refusal> {
        let (start, count) = (self.query.start_index, usize::try_from(self.count()).unwrap_or(usize::MAX));
        let from_start = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let change = self.reader.last_change()?;
        let place = self.memory.walks.resume(&self.caller.token, walk, start, self.now());
        let (order, mut at) = match (place, self.query.sort_by.is_some()) {
            // In an order of its own a list is walked as it was; whoever does not pass any more is left out below.
            (Some(Place::In(order, at)), true) => (order, at),
            (Some(Place::After(key)), false) => {
                let order = self.order(walk, change, parts)?;
                let at = order.keys.partition_point(|k| *k <= key);
                (order, at)
            }
            _ => (self.order(walk, change, parts)?, from_start),
        };
        let mut rows: Vec<Row> = Vec::new();
        // Those who were deleted since the walk began leave no gap in the page.
        while rows.len() < count && at < order.keys.len() {
            let wanted = order.keys.get(at..order.keys.len().min(at + count - rows.len())).unwrap_or_default();
            at += wanted.len();
            for row in self.reader.rows(wanted)? {
                if order.change == change || self.passes(&row, parts)? {
                    rows.push(row);
                }
            }
        }
        let place = match self.query.sort_by {
            // Its end too: whoever asks once more gets an empty page, not what has moved there since.
            Some(_) => (!rows.is_empty()).then(|| Place::In(order.clone(), at)),
            None => rows.last().map(|row| Place::After(row.pk)),
        };
        self.remember(walk, rows.len(), place);
        let types: Vec<&ResourceType> = parts.iter().map(|p| p.of).collect();
        let left = order.keys.len().saturating_sub(at) as u64;
        let total = self.walked_total(order.keys.len() as u64, rows.len() as u64, left);
        Ok(list_response(total, &Position::Index(start), &self.show(&rows, &types)?))
    }

    /// The keys of everything that a query finds, in its order: made once, and kept until something is written.
    fn order(&self, walk: &str, change: i64, parts: &[Part<'_>]) -> Result<Arc<Order>, Refusal> {
        if let Some(order) = self.memory.walks.order(walk, change) {
            return Ok(order);
        }
        let from_index = match parts {
            [Part { of, filter: None, sort: Some(path) }] => {
                self.reader.sorted_keys(of, path, self.query.descending)?
            }
            _ => None,
        };
        let keys = match from_index {
            Some(keys) => keys,
            None => {
                let mut found = Vec::new();
                for part in parts {
                    found.extend(self.sortable(part.of, part.filter.as_ref(), part.sort.as_ref())?);
                }
                found.sort_by_key(|(_, key)| *key);
                self.sorted(found, self.query.sort_by.is_some())
            }
        };
        let order = Arc::new(Order { keys, change });
        self.memory.walks.remember_order(walk.to_owned(), order.clone());
        Ok(order)
    }

    fn show(&self, rows: &[Row], types: &[&ResourceType]) -> Result<Vec<String>, Refusal> {
        let mut shown = Vec::with_capacity(rows.len());
        for chunk in rows.chunk_by(|a, b| a.code == b.code) {
            let code = chunk.first().map_or(-1, |r| r.code);
            if let Some(of) = types.iter().find(|of| self.reader.code(of) == code) {
                let projection = Projection::bind(self.query, of, self.dialect);
                shown.extend(Show::new(self.reader, self.site, of, &projection).page(chunk)?);
            }
        }
        Ok(shown)
    }

    /// Does a resource pass, as it is now?
    fn passes(&self, row: &Row, parts: &[Part<'_>]) -> Result<bool, Refusal> {
        let Some(part) = parts.iter().find(|p| self.reader.code(p.of) == row.code) else { return Ok(false) };
        let Some(filter) = &part.filter else { return Ok(true) };
        let direct = if filter.mentions("groups") { Some(self.reader.groups_of(row.pk)?) } else { None };
        let tree = tree(self.reader, self.site, part.of, row, direct.as_deref(), filter.mentions("members"))?;
        Ok(matches(filter, &tree))
    }

    fn sorted(&self, mut found: Vec<(Option<SortKey>, i64)>, sorts: bool) -> Vec<i64> {
        if sorts {
            // Without a value: last in ascending order, first in descending order (§3.4.2.3).
            found.sort_by(|(a, _), (b, _)| {
                let order = ascending(a.as_ref(), b.as_ref());
                if self.query.descending { order.reverse() } else { order }
            });
        }
        found.into_iter().map(|(_, key)| key).collect()
    }

    /// What passes the filter, with what it is sorted by. SQL narrows, `eval` decides.
    fn sortable(
        &self,
        of: &ResourceType,
        filter: Option<&BoundFilter<'_>>,
        sort: Option<&BoundPath<'_>>,
    ) -> Result<Vec<(Option<SortKey>, i64)>, Refusal> {
        let named = |name: &str| filter.is_some_and(|f| f.mentions(name)) || sort.is_some_and(|s| s.is(name));
        let (groups, members) = (named("groups"), named("members"));
        let mut found = Vec::new();
        let decide = |row: &Row, decided: bool, found: &mut Vec<(Option<SortKey>, i64)>| -> Result<(), Refusal> {
            if decided && sort.is_none() {
                found.push((None, row.pk));
                return Ok(());
            }
            let direct = if groups { Some(self.reader.groups_of(row.pk)?) } else { None };
            let tree = tree(self.reader, self.site, of, row, direct.as_deref(), members)?;
            if decided || filter.is_none_or(|f| matches(f, &tree)) {
                found.push((sort.and_then(|s| sort_key(s, &tree)), row.pk));
            }
            Ok(())
        };
        let candidates = match filter {
            Some(filter) => self.reader.candidates(filter, of, None)?,
            None => None,
        };
        match candidates {
            Some((keys, true)) if sort.is_none() => found.extend(keys.into_iter().map(|k| (None, k))),
            Some((keys, exact)) => {
                for chunk in keys.chunks(256) {
                    for row in self.reader.rows(chunk)? {
                        decide(&row, exact, &mut found)?;
                    }
                }
            }
            None => {
                let mut refused = None;
                self.reader.scan(of, |row| {
                    refused = decide(&row, filter.is_none(), &mut found).err();
                    Ok(refused.is_none())
                })?;
                if let Some(refusal) = refused {
                    return Err(refusal);
                }
            }
        }
        Ok(found)
    }
}

/// In ascending order: what has no value comes last.
fn ascending(a: Option<&SortKey>, b: Option<&SortKey>) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// What is never shown must not be guessed at by its order either.
fn is_sortable(path: &BoundPath<'_>) -> bool {
    let leaf = path.to_value().leaf();
    !leaf.is_complex()
        && !path.is_computed()
        && leaf.returned != Returned::Never
        && path.attribute.returned != Returned::Never
}

/// `eq` of one attribute.
fn is_lookup(filter: &BoundFilter<'_>) -> bool {
    use crate::scim::bound::Test;
    use crate::scim::filter::Op;
    matches!(filter, BoundFilter::Compare(_, Test::Text { op: Op::Eq, .. }))
}

mod walk;

#[cfg(test)]
mod tests;
