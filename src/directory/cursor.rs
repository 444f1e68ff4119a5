//! Cursors (RFC 9865): where a walk through a list stands, signed, so that the client carries it and we need not.
//!
//! A cursor names the resource that the last page ended with and what it was sorted by, not a count: whoever comes or
//! goes between two pages moves nobody else over their edge. It outlives a restart, and ends with a restore.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::scim::eval::SortKey;
use crate::scim::fault::{Fault, Kind};
use crate::secret::{Key, SIGNATURE, fingerprint};

/// Bytes of a text that is sorted by, in a cursor, as JSON has them: a cursor fits into a URL.
const MAX_TEXT: usize = 3072;
/// What the key signs here.
const PURPOSE: &str = "cursor";
/// The layout.
const LAYOUT: u64 = 1;

/// Where a walk stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// On to what comes after; otherwise back to what comes before.
    pub forward: bool,
    /// The key of the resource at the edge of the page.
    pub pk: i64,
    /// What it was sorted by.
    pub sorted_by: Option<SortKey>,
    /// It was sorted by more text than stands here.
    pub cut: bool,
}

/// What a cursor is good for: one file, one query, some time.
#[derive(Debug, Clone)]
pub struct Bounds<'a> {
    /// The key that signs.
    pub key: &'a Key,
    /// The tag of the file: another one after a restore.
    pub file_tag: &'a str,
    /// Resource type, filter and order.
    pub query: &'a str,
    /// The time, in seconds since 1970.
    pub now: i64,
    /// Seconds for which a cursor is good.
    pub timeout: i64,
}

impl Cursor {
    /// At the edge of a page.
    pub fn at(forward: bool, pk: i64, sorted_by: Option<SortKey>) -> Cursor {
        let (sorted_by, cut) = match sorted_by {
            Some(SortKey::Text(text)) => {
                let (text, cut) = shortened(text);
                (Some(SortKey::Text(text)), cut)
            }
            key => (key, false),
        };
        Cursor { forward, pk, sorted_by, cut }
    }

    /// The cursor as text of unreserved characters (RFC 3986 §2.3).
    pub fn write(&self, bounds: &Bounds<'_>) -> String {
        let sorted_by = match &self.sorted_by {
            None => Value::Null,
            Some(SortKey::Bool(b)) => json!({ "b": b }),
            Some(SortKey::Number(n)) => json!({ "n": n }),
            Some(SortKey::Time(t)) => json!({ "d": t.as_nanosecond().to_string() }),
            Some(SortKey::Text(t)) if self.cut => json!({ "c": t }),
            Some(SortKey::Text(t)) => json!({ "t": t }),
        };
        let query = abridged(bounds.query);
        let parts = json!([LAYOUT, bounds.file_tag, query, bounds.now, self.forward, self.pk, sorted_by]);
        let mut bytes = parts.to_string().into_bytes();
        let signature = bounds.key.sign(PURPOSE, &bytes);
        bytes.extend_from_slice(&signature);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a cursor.
    ///
    /// Errors: [`Kind::InvalidCursor`] for what this server did not write, and for a cursor of another query;
    /// [`Kind::ExpiredCursor`] when its time is over, and after a restore.
    pub fn read(text: &str, bounds: &Bounds<'_>) -> Result<Cursor, Fault> {
        let invalid = |why: &str| Fault::new(Kind::InvalidCursor, "cursor", why);
        let strange = || invalid("it is none of this server's");
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| strange())?;
        let (parts, signature) = bytes.len().checked_sub(SIGNATURE).map(|at| bytes.split_at(at)).ok_or_else(strange)?;
        if !bounds.key.verify(PURPOSE, parts, signature) {
            return Err(strange());
        }
        let parts: Vec<Value> = serde_json::from_slice(parts).map_err(|_| strange())?;
        let [layout, file_tag, query, issued, forward, pk, sorted_by] = parts.as_slice() else { return Err(strange()) };
        let (Some(issued), Some(forward), Some(pk)) = (issued.as_i64(), forward.as_bool(), pk.as_i64()) else {
            return Err(strange());
        };
        if *layout != json!(LAYOUT) {
            return Err(strange());
        }
        if query.as_str() != Some(abridged(bounds.query).as_str()) {
            return Err(invalid("it belongs to another query; filter, sortBy and sortOrder stay the same in a walk"));
        }
        let expired = |why: String| Err(Fault::new(Kind::ExpiredCursor, "cursor", why));
        if file_tag.as_str() != Some(bounds.file_tag) {
            return expired(
                "a backup was restored or definitions have changed since; begin again without a cursor".into(),
            );
        }
        if bounds.now.saturating_sub(issued) > bounds.timeout {
            return expired(format!("it was good for {} seconds; begin again without a cursor", bounds.timeout));
        }
        let sorted_by = match sorted_by {
            Value::Null => None,
            some => Some(sort_key(some).ok_or_else(strange)?),
        };
        let cut = sorted_by.is_some() && parts.last().is_some_and(|s| s.get("c").is_some());
        Ok(Cursor { forward, pk, sorted_by, cut })
    }
}

/// As much of a text as a cursor holds, and whether that is not all.
fn shortened(mut text: String) -> (String, bool) {
    let mut size = 0;
    let end = text.char_indices().find(|(_, c)| {
        size += match c {
            '"' | '\\' => 2,
            c if c.is_control() => 6,
            c => c.len_utf8(),
        };
        size > MAX_TEXT
    });
    match end.map(|(at, _)| at) {
        Some(at) => {
            text.truncate(at);
            (text, true)
        }
        None => (text, false),
    }
}

fn abridged(query: &str) -> String {
    fingerprint(query).chars().take(32).collect()
}

fn sort_key(written: &Value) -> Option<SortKey> {
    let (name, value) = written.as_object()?.iter().next()?;
    Some(match name.as_str() {
        "b" => SortKey::Bool(value.as_bool()?),
        "n" => SortKey::Number(value.as_number()?.clone()),
        "d" => SortKey::Time(jiff::Timestamp::from_nanosecond(value.as_str()?.parse().ok()?).ok()?),
        "t" | "c" => SortKey::Text(value.as_str()?.to_owned()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(key: &Key) -> Bounds<'_> {
        Bounds { key, file_tag: "tag", query: "User\nuserName", now: 1000, timeout: 60 }
    }

    fn kind(text: &str, bounds: &Bounds<'_>) -> Option<Kind> {
        Cursor::read(text, bounds).err().map(|f| f.kind)
    }

    #[test]
    fn a_cursor_is_read_back() {
        let key = Key::generate().unwrap();
        for sorted_by in [
            None,
            Some(SortKey::Bool(true)),
            Some(SortKey::Number(serde_json::Number::from_f64(-0.1).unwrap())),
            Some(SortKey::Number(u64::MAX.into())),
            Some(SortKey::Number((-9_007_199_254_740_993_i64).into())),
            Some(SortKey::Number(serde_json::Number::from_f64(1e300).unwrap())),
            Some(SortKey::Time(jiff::Timestamp::from_nanosecond(-12_345_678_901_234_567).unwrap())),
            Some(SortKey::Text("stra\u{df}e \"\u{0}".into())),
        ] {
            let cursor = Cursor::at(sorted_by.is_some(), 7, sorted_by);
            let text = cursor.write(&bounds(&key));
            assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b)), "{text}");
            assert_eq!(Cursor::read(&text, &bounds(&key)).unwrap(), cursor);
        }
        let long = Cursor::at(true, 7, Some(SortKey::Text("\u{e9}".repeat(40_000))));
        let odd = Cursor::at(true, 7, Some(SortKey::Text("\u{1}".repeat(40_000))));
        for cursor in [long, odd] {
            let text = cursor.write(&bounds(&key));
            assert!(cursor.cut && text.len() < 4608, "{}", text.len());
            assert_eq!(Cursor::read(&text, &bounds(&key)).unwrap(), cursor);
        }
    }

    #[test]
    fn nothing_else_is_one() {
        let key = Key::generate().unwrap();
        let text = Cursor::at(true, 7, None).write(&bounds(&key));
        for i in 0..text.len() {
            let mut bytes = text.clone().into_bytes();
            bytes[i] = if bytes[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(kind(&changed, &bounds(&key)), Some(Kind::InvalidCursor), "{i}");
        }
        for text in ["", "x", "AAAA", text.get(1..).unwrap(), &format!("{text}A"), &"A".repeat(5000), "\u{e9}"] {
            assert_eq!(kind(text, &bounds(&key)), Some(Kind::InvalidCursor), "{text}");
        }
        let other = Key::generate().unwrap();
        assert_eq!(kind(&text, &bounds(&other)), Some(Kind::InvalidCursor));
        assert_eq!(kind(&text, &Bounds { query: "Group", ..bounds(&key) }), Some(Kind::InvalidCursor));
        assert_eq!(kind(&text, &Bounds { file_tag: "new", ..bounds(&key) }), Some(Kind::ExpiredCursor));
        assert_eq!(kind(&text, &Bounds { now: 1061, ..bounds(&key) }), Some(Kind::ExpiredCursor));
        assert_eq!(kind(&text, &Bounds { now: 1060, ..bounds(&key) }), None);
    }
}
