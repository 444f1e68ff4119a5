//! Lists in pages.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::Visit;
use super::views::{Count, Link, Pager};

/// Entries of a page.
pub const SIZE: u64 = 25;

/// All but the unreserved characters (RFC 3986 §2.3): an id reads as it is.
const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A text as a part of a URL.
pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, &RESERVED).to_string()
}

/// A path with the parameters that are not empty.
pub fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let given = parameters.iter().filter(|(_, v)| !v.is_empty());
    let query: Vec<String> = given.map(|(n, v)| format!("{n}={}", encoded(v))).collect();
    if query.is_empty() { path.to_owned() } else { format!("{path}?{}", query.join("&")) }
}

/// The address of a search in a list.
pub fn address(path: &str, q: &str, status: &str, offset: u64) -> String {
    let status = if status == "all" { "" } else { status };
    let offset = if offset == 0 { String::new() } else { offset.to_string() };
    with_query(path, &[("q", q), ("status", status), ("offset", &offset)])
}

/// Where a list goes on, with an address for each offset.
pub fn pager(offset: u64, shown: u64, total: u64, size: u64, address: impl Fn(u64) -> String) -> Pager {
    let (from, to) = (offset.saturating_add(1), offset.saturating_add(shown));
    let text = match shown {
        0 => format!("None of {}", Count(total)),
        _ => format!("{} to {} of {}", Count(from), Count(to), Count(total)),
    };
    Pager {
        text,
        previous: (offset > 0).then(|| address(offset.saturating_sub(size))),
        next: (to < total && shown > 0).then(|| address(to)),
    }
}

/// The first names of many.
pub struct Names {
    /// Those, with their pages.
    pub links: Vec<Link>,
    /// How many are not among them.
    pub more: Count,
}

impl Names {
    /// There is none at all.
    pub fn is_empty(&self) -> bool {
        self.links.is_empty()
    }
}

/// The first of so many groups: their ids and names.
pub fn names(first: &[(String, String)], all: usize) -> Names {
    let link = |(id, name): &(String, String)| Link { href: format!("/groups/{}", encoded(id)), words: name.clone() };
    Names { links: first.iter().map(link).collect(), more: Count(all.saturating_sub(first.len()) as u64) }
}

impl Visit<'_> {
    /// How many entries of a list come before the page that is asked for.
    pub fn offset(&self) -> u64 {
        self.parameter("offset").and_then(|o| o.parse().ok()).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_goes_on_until_its_end() {
        let at = |offset| address("/people", "a&b", "active", offset);
        let first = pager(0, 25, 60, 25, at);
        assert_eq!((first.text.as_str(), first.previous), ("1 to 25 of 60", None));
        assert_eq!(first.next.as_deref(), Some("/people?q=a%26b&status=active&offset=25"));
        let last = pager(50, 10, 60, 25, at);
        assert_eq!((last.text.as_str(), last.next), ("51 to 60 of 60", None));
        assert_eq!(last.previous.as_deref(), Some("/people?q=a%26b&status=active&offset=25"));
        let beyond = pager(1_000_000, 0, 60, 25, at);
        assert_eq!((beyond.text.as_str(), beyond.next.is_some()), ("None of 60", false));
        assert_eq!(address("/people", "", "all", 0), "/people");
    }
}
