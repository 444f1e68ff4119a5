//! What stands in a cell: text that no spreadsheet takes for a formula, and the word that clears.
//!
//! A cell that a spreadsheet could compute gets an apostrophe in front, and so does one that would be mistaken for such a
//! mark. Reading takes exactly that apostrophe off again: [`unmarked`] of [`marked`] is the text, whatever it is.

use std::borrow::Cow;

/// What stands in a cell to take a value away. A text that reads so is written with an apostrophe in front.
pub const CLEAR: &str = "[clear]";

/// Where a spreadsheet that was told of another separator, or that knows nothing of quotes, begins a cell.
const SEPARATORS: [char; 5] = [',', ';', '\t', '\r', '\n'];

/// What a formula begins with, in the forms of East Asian keyboards as well.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

/// What a spreadsheet may pass over before it looks for a formula.
fn is_passed_over(c: char) -> bool {
    let quote = matches!(c, '"' | '\'' | '\u{2018}'..='\u{201f}' | '\u{ff02}' | '\u{ff07}');
    let invisible = matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}');
    quote || invisible || ((c.is_whitespace() || c.is_control()) && !SEPARATORS.contains(&c))
}

/// Would the text be computed, or its mark be mistaken, if a cell began with it? What is true of a text is true of the same
/// text behind an apostrophe: that makes marks of marks possible, and reading certain.
fn needs_mark(text: &str, is_first: bool) -> bool {
    if is_first && text.trim_start_matches('\'').eq_ignore_ascii_case(CLEAR) {
        return true;
    }
    text.chars()
        .find(|c| !is_passed_over(*c))
        .is_some_and(|c| begins_formula(c) || (is_first && matches!(c, '\t' | '\r' | '\n')))
}

/// The places where a cell begins, or would begin for somebody who reads the file with another separator; in bytes.
fn beginnings(text: &str) -> impl Iterator<Item = usize> {
    let after = text.char_indices().filter(|(_, c)| SEPARATORS.contains(c)).map(|(at, c)| at + c.len_utf8());
    std::iter::once(0).chain(after)
}

/// The text as it is written into a cell.
pub fn marked(text: &str) -> Cow<'_, str> {
    let rest = |at: usize| text.get(at..).unwrap_or_default();
    let places: Vec<usize> = beginnings(text).filter(|at| needs_mark(rest(*at), *at == 0)).collect();
    if places.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(text.len() + places.len());
    let mut from = 0;
    for at in places {
        written.push_str(text.get(from..at).unwrap_or_default());
        written.push('\'');
        from = at;
    }
    written.push_str(rest(from));
    Cow::Owned(written)
}

/// The text of a cell.
pub fn unmarked(cell: &str) -> Cow<'_, str> {
    let is_mark = |at: &usize| {
        let behind = cell.get(*at..).and_then(|rest| rest.strip_prefix('\''));
        behind.is_some_and(|behind| needs_mark(behind, *at == 0))
    };
    let places: Vec<usize> = beginnings(cell).filter(is_mark).collect();
    if places.is_empty() {
        return Cow::Borrowed(cell);
    }
    let mut text = String::with_capacity(cell.len());
    let mut from = 0;
    for at in places {
        text.push_str(cell.get(from..at).unwrap_or_default());
        from = at + 1;
    }
    text.push_str(cell.get(from..).unwrap_or_default());
    Cow::Owned(text)
}

/// What a cell says of the value that its column is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said<'t> {
    /// Nothing: the value stays as it is.
    Nothing,
    /// The value goes.
    Clear,
    /// This is the value.
    Text(Cow<'t, str>),
}

/// Reads a cell.
pub fn said(cell: &str) -> Said<'_> {
    match cell {
        "" => Said::Nothing,
        word if word.eq_ignore_ascii_case(CLEAR) => Said::Clear,
        text => Said::Text(unmarked(text)),
    }
}

/// The names of a cell of groups: parted by semicolons. A backslash in front of a semicolon, or of a backslash, makes it a
/// part of the name.
pub fn names(text: &str) -> Vec<String> {
    let (mut all, mut name) = (Vec::new(), String::new());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            ';' => all.push(std::mem::take(&mut name)),
            '\\' => name.push(characters.next_if(|next| matches!(next, ';' | '\\')).unwrap_or(c)),
            c => name.push(c),
        }
    }
    all.push(name);
    all.retain(|name| !name.trim().is_empty());
    all
}

/// The same the other way.
pub fn joined<'n>(names: impl Iterator<Item = &'n str>) -> String {
    let written = |name: &str| name.replace('\\', "\\\\").replace(';', "\\;");
    names.map(written).collect::<Vec<_>>().join(";")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_could_be_computed_is_marked() {
        for (text, cell) in [
            ("", ""),
            ("Ada", "Ada"),
            ("=1+1", "'=1+1"),
            ("+49 30 1234", "'+49 30 1234"),
            ("-", "'-"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\r", "'\r"),
            ("\n=x", "'\n'=x"),
            ("  =x", "'  =x"),
            ("\"=x", "'\"=x"),
            ("\u{a0}\u{feff}=x", "'\u{a0}\u{feff}=x"),
            ("＝x", "'＝x"),
            ("＋x", "'＋x"),
            ("－x", "'－x"),
            ("＠x", "'＠x"),
            ("'s-Hertogenbosch", "'s-Hertogenbosch"),
            ("'", "'"),
            ("'=x", "''=x"),
            ("''=x", "'''=x"),
            ("O'=x", "O'=x"),
            ("a=1", "a=1"),
            ("x;=cmd|' /C calc'!A0", "x;'=cmd|' /C calc'!A0"),
            ("x, -y", "x,' -y"),
            ("[clear]", "'[clear]"),
            ("'[CLEAR]", "''[CLEAR]"),
            ("[clear] ", "[clear] "),
        ] {
            assert_eq!(marked(text), cell, "{text:?}");
            assert_eq!(unmarked(cell), text, "{cell:?}");
        }
        // What people type is read as they mean it, mark or no mark.
        for as_it_is in ["=1+1", "+49 30 1234", "-", "it's", "'quoted'", "O'=x"] {
            assert_eq!(unmarked(as_it_is), as_it_is);
        }
    }

    #[test]
    fn one_word_clears_and_its_text_does_not() {
        assert_eq!((said(""), said("[clear]"), said("[Clear]")), (Said::Nothing, Said::Clear, Said::Clear));
        assert_eq!(said("'[clear]"), Said::Text("[clear]".into()));
        assert_eq!(said("-"), Said::Text("-".into()));
    }

    #[test]
    fn names_of_groups_are_parted() {
        assert_eq!(names("Sales; Crew;;CORP\\Admins"), ["Sales", " Crew", "CORP\\Admins"]);
        assert_eq!(names("a\\;b\\\\;c"), ["a;b\\", "c"]);
        assert!(names(" ; ").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]

        #[test]
        fn a_mark_goes_where_it_came_from(text in "([-=+@'\"\\[\\]clear,;\t\r\n ＝＠x]|\\PC){0,12}") {
            let cell = marked(&text);
            prop_assert_eq!(unmarked(&cell), text.as_str());
            // Whatever separator a spreadsheet takes, and whatever it passes over.
            for part in cell.split([',', ';', '\t', '\r', '\n']) {
                let first = part.chars().find(|c| !c.is_whitespace() && *c != '"');
                prop_assert!(!first.is_some_and(begins_formula), "{:?} in {:?}", part, cell);
            }
            prop_assert!(!cell.starts_with(['\t', '\r', '\n']));
            prop_assert!(!matches!(said(&cell), Said::Clear));
        }

        #[test]
        fn names_that_are_joined_are_parted_again(all in proptest::collection::vec("[a;\\\\ ]{0,5}a", 0..4)) {
            prop_assert_eq!(names(&joined(all.iter().map(String::as_str))), all);
        }
    }
}
