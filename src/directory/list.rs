//! Queries (RFC 7644 §3.4.2): over one resource type, or over all of them.

use std::cmp::Ordering;
use std::sync::Arc;

use super::show::{Show, tree};
use super::walks::{Place, Walks};
use super::{Ask, Caller, Refusal, Site};
use crate::scim::bound::BoundFilter;
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Dialect;
use crate::scim::eval::{SortKey, matches, sort_key};
use crate::scim::fault::{Fault, Kind, quoted};
use crate::scim::filter::Filter;
use crate::scim::list::{Query, list_response};
use crate::scim::path::{BoundPath, Place as PathPlace};
use crate::scim::project::Projection;
use crate::scim::schema::Returned;
use crate::store::{Reader, Row, StoreError};

/// Keys that an index finds, up to which a filtered query is answered on the thread that asks.
const INLINE_KEYS: usize = 8;

/// A list of one resource type as JSON text. With `quick`, gives `None` when it may take longer than a moment.
pub fn list(reader: &Reader<'_>, walks: &Walks, ask: Ask<'_>, quick: bool) -> Result<Option<String>, Refusal> {
    let Ask { site, caller, of, wish: query, dialect } = ask;
    let listing = Listing { reader, site, walks, caller, query, dialect };
    let filter = match &query.filter {
        Some(filter) => Some(filter.bind(of, dialect)?),
        None => None,
    };
    let sort = listing.sort_path(of)?;
    if quick {
        return listing.quick(of, filter.as_ref(), sort.as_ref());
    }
    let walk = format!("{}\n{}", of.name, query.walk);
    if filter.is_none() && sort.is_none() {
        return listing.by_key(of, &walk).map(Some);
    }
    let keys = listing.keys(&walk, || listing.matching(of, filter.as_ref(), sort.as_ref()))?;
    listing.slice(&walk, &keys, &[of]).map(Some)
}

/// A list over several resource types (§3.4.2.1). An attribute that one type has and another has not matches nothing
/// there; one that no type has is an error.
pub fn list_all(
    reader: &Reader<'_>,
    site: &Site,
    walks: &Walks,
    caller: &Caller,
    types: &[Arc<ResourceType>],
    query: &Query,
    dialect: &Dialect,
) -> Result<String, Refusal> {
    let listing = Listing { reader, site, walks, caller, query, dialect };
    let mut filters = Vec::new();
    let mut failed = None;
    for of in types {
        filters.push(match query.filter.as_ref().map(|f| bind_loosely(f, of, types, dialect)) {
            None => None,
            Some(Ok(bound)) => Some(bound),
            Some(Err(fault)) => {
                failed.get_or_insert(fault);
                Some(BoundFilter::Nothing)
            }
        });
    }
    if let Some(fault) = failed {
        return Err(fault.into());
    }
    let sorts: Vec<Option<BoundPath<'_>>> = types.iter().map(|of| listing.sort_path(of).unwrap_or(None)).collect();
    if query.sort_by.is_some() && sorts.iter().all(Option::is_none) {
        listing.sort_path(types.first().map(AsRef::as_ref).ok_or(StoreError::Closed)?)?;
    }
    let walk = format!("*\n{}", query.walk);
    let keys = listing.keys(&walk, || {
        let mut found = Vec::new();
        for ((of, filter), sort) in types.iter().zip(&filters).zip(&sorts) {
            found.extend(listing.sortable(of, filter.as_ref(), sort.as_ref())?);
        }
        Ok(listing.sorted(found, query.sort_by.is_some()))
    })?;
    let each: Vec<&ResourceType> = types.iter().map(AsRef::as_ref).collect();
    listing.slice(&walk, &keys, &each)
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

struct Listing<'r, 'c> {
    reader: &'r Reader<'c>,
    site: &'r Site,
    walks: &'r Walks,
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
    fn quick(
        &self,
        of: &ResourceType,
        filter: Option<&BoundFilter<'_>>,
        sort: Option<&BoundPath<'_>>,
    ) -> Result<Option<String>, Refusal> {
        let (Some(filter), None) = (filter, sort) else { return Ok(None) };
        if !is_lookup(filter) {
            return Ok(None);
        }
        let Some((keys, true)) = self.reader.candidates(filter, of)? else { return Ok(None) };
        if keys.len() > INLINE_KEYS {
            return Ok(None);
        }
        let rows = self.reader.rows(&keys)?;
        if rows.iter().any(|r| r.members > 100) {
            return Ok(None);
        }
        let (total, start) = (rows.len() as u64, self.query.start_index);
        let skip = usize::try_from(start - 1).unwrap_or(usize::MAX);
        let take = usize::try_from(self.count()).unwrap_or(usize::MAX);
        let page: Vec<Row> = rows.into_iter().skip(skip).take(take).collect();
        let projection = Projection::bind(self.query, of, self.dialect);
        let shown = Show::new(self.reader, self.site, of, &projection).page(&page)?;
        Ok(Some(list_response(total, start, &shown)))
    }

    /// All resources of a type in the order of creation: offsets come from block counts, or from the walk.
    fn by_key(&self, of: &ResourceType, walk: &str) -> Result<String, Refusal> {
        let (start, count) = (self.query.start_index, self.count());
        let total = self.reader.total(of)?;
        let keys = match self.walks.resume(&self.caller.token, walk, start, self.now()) {
            Some(Place::After(key)) => self.reader.page_after(of, key, count)?,
            _ => self.reader.page(of, start - 1, count)?,
        };
        if let Some(last) = keys.last() {
            let next = start.saturating_add(keys.len() as u64);
            self.walks.remember(&self.caller.token, walk, next, Place::After(*last), self.now());
        }
        let rows = self.reader.rows(&keys)?;
        let projection = Projection::bind(self.query, of, self.dialect);
        let shown = Show::new(self.reader, self.site, of, &projection).page(&rows)?;
        Ok(list_response(total, start, &shown))
    }

    /// The keys of everything that a query finds, in its order: made once, and kept until something is written.
    fn keys(&self, walk: &str, make: impl FnOnce() -> Result<Vec<i64>, Refusal>) -> Result<Arc<Vec<i64>>, Refusal> {
        let change = self.reader.last_change()?;
        if let Some(keys) = self.walks.order(walk, change) {
            return Ok(keys);
        }
        let keys = Arc::new(make()?);
        self.walks.remember_order(walk.to_owned(), change, keys.clone());
        Ok(keys)
    }

    fn slice(&self, walk: &str, keys: &Arc<Vec<i64>>, types: &[&ResourceType]) -> Result<String, Refusal> {
        let (start, count) = (self.query.start_index, usize::try_from(self.count()).unwrap_or(usize::MAX));
        let (list, mut at) = match self.walks.resume(&self.caller.token, walk, start, self.now()) {
            Some(Place::In(list, at)) => (list, at),
            _ => (keys.clone(), usize::try_from(start - 1).unwrap_or(usize::MAX)),
        };
        let mut rows: Vec<Row> = Vec::new();
        // Those who were deleted since the walk began leave no gap in the page.
        while rows.len() < count && at < list.len() {
            let wanted = list.get(at..list.len().min(at + count - rows.len())).unwrap_or_default();
            at += wanted.len();
            rows.extend(self.reader.rows(wanted)?);
        }
        if !rows.is_empty() {
            let next = start.saturating_add(rows.len() as u64);
            self.walks.remember(&self.caller.token, walk, next, Place::In(list.clone(), at), self.now());
        }
        let mut shown = Vec::with_capacity(rows.len());
        let projections: Vec<_> = types
            .iter()
            .map(|of| (self.reader.code(of), *of, Projection::bind(self.query, of, self.dialect)))
            .collect();
        for chunk in rows.chunk_by(|a, b| a.code == b.code) {
            let code = chunk.first().map_or(-1, |r| r.code);
            if let Some((_, of, projection)) = projections.iter().find(|(c, _, _)| *c == code) {
                shown.extend(Show::new(self.reader, self.site, of, projection).page(chunk)?);
            }
        }
        Ok(list_response(list.len() as u64, start, &shown))
    }

    fn matching(
        &self,
        of: &ResourceType,
        filter: Option<&BoundFilter<'_>>,
        sort: Option<&BoundPath<'_>>,
    ) -> Result<Vec<i64>, Refusal> {
        if let (None, Some(path)) = (filter, sort)
            && let Some(keys) = self.reader.sorted_keys(of, path, self.query.descending)?
        {
            return Ok(keys);
        }
        Ok(self.sorted(self.sortable(of, filter, sort)?, sort.is_some()))
    }

    fn sorted(&self, mut found: Vec<(Option<SortKey>, i64)>, sorts: bool) -> Vec<i64> {
        if sorts {
            // Without a value: last in ascending order, first in descending order (§3.4.2.3).
            found.sort_by(|(a, _), (b, _)| {
                let ascending = match (a, b) {
                    (Some(a), Some(b)) => a.partial_cmp(b).unwrap_or(Ordering::Equal),
                    (Some(_), None) => Ordering::Less,
                    (None, Some(_)) => Ordering::Greater,
                    (None, None) => Ordering::Equal,
                };
                if self.query.descending { ascending.reverse() } else { ascending }
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
            Some(filter) => self.reader.candidates(filter, of)?,
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

/// What is never shown must not be guessed at by its order either.
fn is_sortable(path: &BoundPath<'_>) -> bool {
    let leaf = path.to_value().leaf();
    !leaf.is_complex() && leaf.returned != Returned::Never && path.attribute.returned != Returned::Never
}

/// `eq` of one attribute, or a few of them joined by `and`/`or`.
fn is_lookup(filter: &BoundFilter<'_>) -> bool {
    use crate::scim::bound::Test;
    use crate::scim::filter::Op;
    matches!(filter, BoundFilter::Compare(_, Test::Text { op: Op::Eq, .. }))
}

#[cfg(test)]
mod tests;
