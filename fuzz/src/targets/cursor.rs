//! Cursors of RFC 9865.

use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use scim_appliance::directory::cursor::{Bounds, Cursor};
use scim_appliance::secret::Key;

static KEY: LazyLock<Key> = LazyLock::new(|| Key::parse(&"k".repeat(43)).expect("a key has 43 characters"));

fn bounds(query: &str) -> Bounds<'_> {
    Bounds { key: &KEY, file_tag: "tag", query, now: 1000, timeout: 60 }
}

/// What nobody has signed is no cursor. What was signed is read, however strange, or refused; what is read is written as
/// a cursor that reads the same, for the same query and for no other.
///
/// The input is tried as a cursor, and as what is inside of one: it is signed as the server would sign it.
pub fn cursor(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input)
        && let Ok(cursor) = Cursor::read(text, &bounds("User"))
    {
        // Only a corpus can hold one: nothing that is made up has the right signature.
        stands(&cursor);
    }
    let mut signed = input.to_vec();
    signed.extend_from_slice(&KEY.sign("cursor", input));
    if let Ok(cursor) = Cursor::read(&URL_SAFE_NO_PAD.encode(signed), &bounds("User")) {
        stands(&cursor);
    }
}

fn stands(cursor: &Cursor) {
    let again = Cursor::at(cursor.forward, cursor.pk, cursor.sorted_by.clone());
    let text = again.write(&bounds("User"));
    assert_eq!(Cursor::read(&text, &bounds("User")).as_ref(), Ok(&again));
    assert!(again == *cursor || again.cut || cursor.cut, "{cursor:?} became {again:?}");
    assert!(Cursor::read(&text, &bounds("Group")).is_err());
    assert!(Cursor::read(&text, &Bounds { now: 1061, ..bounds("User") }).is_err());
    assert!(Cursor::read(&text, &Bounds { file_tag: "other", ..bounds("User") }).is_err());
    let mut changed = text.clone().into_bytes();
    let middle = changed.len() / 2;
    changed[middle] = if changed[middle] == b'A' { b'B' } else { b'A' };
    let changed = String::from_utf8(changed).expect("a cursor is ASCII");
    assert!(Cursor::read(&changed, &bounds("User")).is_err());
}
