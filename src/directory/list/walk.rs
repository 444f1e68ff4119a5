//! Paging by cursor (RFC 9865).

use std::cmp::Ordering;

use super::super::Refusal;
use super::super::cursor::{Bounds, Cursor};
use super::super::show::tree;
use super::{Listing, Part, ascending};
use crate::scim::catalog::ResourceType;
use crate::scim::dialect::Rule;
use crate::scim::eval::{SortKey, sort_key};
use crate::scim::fault::{Fault, Kind};
use crate::scim::list::{Position, list_response};
use crate::store::Row;

/// A page: the keys on it, whether there is something before and behind it, and how many there are on all pages.
struct Page {
    keys: Vec<i64>,
    before: bool,
    behind: bool,
    total: u64,
}

impl Listing<'_, '_> {
    /// The page at a cursor; the first one when it is empty.
    ///
    /// Who is on it is decided now, by the resource that the last page ended with: whoever did not change meanwhile is
    /// met once, wherever others come and go.
    pub(super) fn by_cursor(&self, walk: &str, parts: &[Part<'_>], given: &str) -> Result<String, Refusal> {
        let most = self.site.max_page_size;
        if self.query.count.is_some_and(|n| n > most) && !self.dialect.allows(Rule::LargeCount) {
            return Err(Fault::new(Kind::InvalidCount, "count", format!("a number up to {most} is expected")).into());
        }
        let bounds = Bounds {
            key: self.memory.key,
            file_tag: self.reader.file_tag(),
            query: walk,
            now: self.now().div_euclid(1_000_000),
            timeout: self.site.cursor_timeout,
        };
        let cursor = if given.is_empty() { None } else { Some(Cursor::read(given, &bounds)?) };
        let page = match parts {
            [Part { of, filter: None, sort: None }] => self.key_page(of, cursor.as_ref())?,
            _ => self.ordered_page(walk, parts, cursor.as_ref())?,
        };
        let rows = self.reader.rows(&page.keys)?;
        let edge = |forward: bool, row: Option<&Row>| -> Result<Option<String>, Refusal> {
            let Some(row) = row else { return Ok(None) };
            Ok(Some(Cursor::at(forward, row.pk, self.sorted_by(row, parts)?).write(&bounds)))
        };
        let next = if page.behind { edge(true, rows.last())? } else { None };
        let previous = if page.before { edge(false, rows.first())? } else { None };
        let types: Vec<&ResourceType> = parts.iter().map(|p| p.of).collect();
        Ok(list_response(page.total, &Position::Cursors(next, previous), &self.show(&rows, &types)?))
    }

    /// All of a type, in the order of creation.
    fn key_page(&self, of: &ResourceType, cursor: Option<&Cursor>) -> Result<Page, Refusal> {
        let (count, total) = (self.count(), self.reader.total(of)?);
        let keys = match cursor {
            None => self.reader.page(of, 0, count)?,
            Some(c) if c.forward => self.reader.page_after(of, c.pk, count)?,
            Some(c) => self.reader.page_before(of, c.pk, count)?,
        };
        let before = match keys.first() {
            Some(first) => !self.reader.page_before(of, *first, 1)?.is_empty(),
            None => false,
        };
        let behind = match keys.last() {
            Some(last) => !self.reader.page_after(of, *last, 1)?.is_empty(),
            None => false,
        };
        Ok(Page { keys, before, behind, total })
    }

    /// What a filter finds, or all in another order.
    fn ordered_page(&self, walk: &str, parts: &[Part<'_>], cursor: Option<&Cursor>) -> Result<Page, Refusal> {
        let order = self.order(walk, self.reader.last_change()?, parts)?;
        let keys = order.keys.as_slice();
        let count = usize::try_from(self.count()).unwrap_or(usize::MAX);
        let (from, to) = match cursor {
            None => (0, count.min(keys.len())),
            Some(c) => {
                let at = self.place(keys, parts, c)?;
                match c.forward {
                    true => (at, at.saturating_add(count).min(keys.len())),
                    false => (at.saturating_sub(count), at),
                }
            }
        };
        let page = keys.get(from..to).unwrap_or_default().to_vec();
        Ok(Page { keys: page, before: from > 0, behind: to < keys.len(), total: keys.len() as u64 })
    }

    /// How many of the keys come before a cursor: up to and with its resource when it goes forward, without it otherwise.
    fn place(&self, keys: &[i64], parts: &[Part<'_>], cursor: &Cursor) -> Result<usize, Refusal> {
        if self.query.sort_by.is_none() {
            return Ok(keys.partition_point(|k| if cursor.forward { *k <= cursor.pk } else { *k < cursor.pk }));
        }
        // Texts that are cut do not tell their order, but the resource does while it is where it was.
        if cursor.cut {
            return match keys.iter().position(|k| *k == cursor.pk) {
                Some(at) if self.compared(cursor.pk, parts, cursor)? == Some(Ordering::Equal) => {
                    Ok(at + usize::from(cursor.forward))
                }
                _ => {
                    let why = "the resource at which it stood has gone or changed; begin again without a cursor";
                    Err(Fault::new(Kind::ExpiredCursor, "cursor", why).into())
                }
            };
        }
        let (mut low, mut high) = (0, keys.len());
        while low < high {
            let middle = low + (high - low) / 2;
            let order = match keys.get(middle) {
                Some(key) => self.compared(*key, parts, cursor)?.unwrap_or(Ordering::Less),
                None => Ordering::Greater,
            };
            let comes_before = if cursor.forward { order.is_le() } else { order.is_lt() };
            if comes_before { low = middle + 1 } else { high = middle }
        }
        Ok(low)
    }

    /// How a resource stands to a cursor, in the order of the list.
    fn compared(&self, key: i64, parts: &[Part<'_>], cursor: &Cursor) -> Result<Option<Ordering>, Refusal> {
        let Some(row) = self.reader.rows(&[key])?.pop() else { return Ok(None) };
        let own = Cursor::at(cursor.forward, row.pk, self.sorted_by(&row, parts)?);
        let mut order = ascending(own.sorted_by.as_ref(), cursor.sorted_by.as_ref());
        if self.query.descending {
            order = order.reverse();
        }
        Ok(Some(order.then(own.pk.cmp(&cursor.pk))))
    }

    /// What a resource is sorted by in this list.
    fn sorted_by(&self, row: &Row, parts: &[Part<'_>]) -> Result<Option<SortKey>, Refusal> {
        let Some(part) = parts.iter().find(|p| self.reader.code(p.of) == row.code) else { return Ok(None) };
        let Some(sort) = &part.sort else { return Ok(None) };
        let direct = if sort.is("groups") { Some(self.reader.groups_of(row.pk)?) } else { None };
        let tree = tree(self.reader, self.site, part.of, row, direct.as_deref(), sort.is("members"))?;
        Ok(sort_key(sort, &tree))
    }
}
