//! Bytes to rows: the text of a file, its separator, its header and its cells. Nothing here knows what a person is.

use csv::{ReaderBuilder, StringRecord};

/// Columns of a file, at most.
pub const MOST_COLUMNS: usize = 500;

/// Bounds on a file.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes.
    pub bytes: u64,
    /// Rows below the header.
    pub rows: u64,
}

/// Why a file is none that can be read: a sentence, and the line where that is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from 1 on; none when the whole is meant.
    pub line: Option<u64>,
    /// A sentence.
    pub why: String,
}

impl Unreadable {
    /// The whole file.
    pub fn whole(why: impl Into<String>) -> Unreadable {
        Unreadable { line: None, why: why.into() }
    }

    fn at(line: u64, why: impl Into<String>) -> Unreadable {
        Unreadable { line: Some(line), why: why.into() }
    }
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            Some(line) => write!(f, "Line {line}: {}", self.why),
            None => f.write_str(&self.why),
        }
    }
}

const NOT_UTF8: &str = "The file is not in UTF-8. Save it once more: in Excel as \"CSV UTF-8 (comma delimited)\", in LibreOffice with the character set Unicode (UTF-8), in a text editor with the encoding UTF-8.";

/// A file whose quotes are in order. Its cells are as they stand there.
#[derive(Debug)]
pub struct Table<'t> {
    text: &'t str,
    /// Where the header begins, in bytes.
    start: usize,
    separator: u8,
    header: Vec<String>,
    header_line: u64,
    rows: u64,
}

/// A row below the header.
#[derive(Debug)]
pub struct Row<'r> {
    /// The line on which it begins, from 1 on.
    pub line: u64,
    /// How many cells it has.
    pub cells: usize,
    record: &'r StringRecord,
}

impl Row<'_> {
    /// A cell; one that is not there is empty.
    pub fn cell(&self, column: usize) -> &str {
        self.record.get(column).unwrap_or_default()
    }

    /// Does anything stand in it?
    pub fn is_blank(&self) -> bool {
        self.record.iter().all(str::is_empty)
    }

    /// Does anything stand behind the column of this number?
    pub fn goes_on_behind(&self, columns: usize) -> bool {
        self.record.iter().skip(columns).any(|cell| !cell.is_empty())
    }
}

impl<'t> Table<'t> {
    /// Looks through a file.
    ///
    /// Errors: a sentence for whoever saved it.
    pub fn read(bytes: &'t [u8], bounds: Bounds) -> Result<Table<'t>, Unreadable> {
        if bytes.len() as u64 > bounds.bytes {
            let why = format!("The file has {} bytes, and no more than {} are read.", bytes.len(), bounds.bytes);
            return Err(Unreadable::whole(why));
        }
        let text = text(bytes)?;
        let (told, start) = told(text)?;
        let rest = text.get(start..).unwrap_or_default();
        // The reader below passes over such a mark, and would see other quotes than those that were looked at.
        if rest.trim_start_matches(['\r', '\n']).starts_with('\u{feff}') {
            let why = "The header begins with a byte order mark, which a file has only once, at its very beginning.";
            return Err(Unreadable::at(Lines::of(text.as_bytes()).at(start), why));
        }
        let separator = told.unwrap_or_else(|| separator(rest));
        quotes(text, start, separator)?;
        let mut table = Table { text, start, separator, header: Vec::new(), header_line: 1, rows: 0 };
        let (mut header, mut header_line, mut records) = (Vec::new(), 1, 0_u64);
        table.each_record(|row| {
            if records == 0 {
                header_line = row.line;
                header = row.record.iter().map(|name| name.trim().to_owned()).collect();
            }
            records += 1;
            Ok::<_, Unreadable>(true)
        })?;
        let rows = records.checked_sub(1);
        let rows = rows.ok_or_else(|| Unreadable::whole("The file is empty: the first line names the columns."))?;
        if rows > bounds.rows {
            let why = format!("The file has {rows} rows, and no more than {} are taken. Part it.", bounds.rows);
            return Err(Unreadable::whole(why));
        }
        if header.len() > MOST_COLUMNS {
            let why = format!("There are {} columns, and no more than {MOST_COLUMNS} are taken.", header.len());
            return Err(Unreadable::at(header_line, why));
        }
        (table.header, table.header_line, table.rows) = (header, header_line, rows);
        Ok(table)
    }

    /// The names of the columns, as they stand there.
    pub fn header(&self) -> &[String] {
        &self.header
    }

    /// The line of the header.
    pub fn header_line(&self) -> u64 {
        self.header_line
    }

    /// How many rows there are below it.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Calls `each` for every row below the header, until it says stop.
    pub fn each_row<E>(&self, mut each: impl FnMut(&Row<'_>) -> Result<bool, E>) -> Result<(), E> {
        let mut is_header = true;
        self.each_record(|row| if std::mem::take(&mut is_header) { Ok(true) } else { each(row) })
    }

    fn each_record<E>(&self, mut each: impl FnMut(&Row<'_>) -> Result<bool, E>) -> Result<(), E> {
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(self.separator)
            .from_reader(self.text.get(self.start..).unwrap_or_default().as_bytes());
        let mut record = StringRecord::new();
        let mut lines = Lines::of(self.text.as_bytes());
        // A text in memory cannot fail to be read, and it is UTF-8.
        while reader.read_record(&mut record).unwrap_or(false) {
            let at = record.position().map_or(0, csv::Position::byte);
            let line = lines.at(usize::try_from(at).unwrap_or(usize::MAX).saturating_add(self.start));
            if !each(&Row { line, cells: record.len(), record: &record })? {
                break;
            }
        }
        Ok(())
    }
}

/// The numbers of lines, however they end.
struct Lines<'t> {
    bytes: &'t [u8],
    seen: usize,
    line: u64,
}

impl<'t> Lines<'t> {
    fn of(bytes: &'t [u8]) -> Lines<'t> {
        Lines { bytes, seen: 0, line: 1 }
    }

    /// The line of the first character at or behind a place that ends no line: what stands between two rows is blank. The
    /// places only rise.
    fn at(&mut self, place: usize) -> u64 {
        let mut bytes = self.bytes.iter().enumerate().skip(self.seen).peekable();
        while let Some((at, byte)) = bytes.next_if(|(at, byte)| *at < place || matches!(byte, b'\r' | b'\n')) {
            self.seen = at + 1;
            let ends = *byte == b'\n' || (*byte == b'\r' && bytes.peek().is_none_or(|(_, next)| **next != b'\n'));
            self.line += u64::from(ends);
        }
        self.line
    }
}

fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    // The first letter of a header is ASCII: a zero beside it is one half of it in UTF-16.
    let wide = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, _, ..] | [_, 0, ..]);
    let text = match std::str::from_utf8(bytes) {
        Ok(text) if !wide => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) if !wide => {
            let line = Lines::of(bytes).at(error.valid_up_to());
            return Err(Unreadable::at(line, NOT_UTF8));
        }
        _ => return Err(Unreadable::whole(NOT_UTF8)),
    };
    match text.bytes().position(|b| b == 0) {
        Some(at) => Err(Unreadable::at(
            Lines::of(text.as_bytes()).at(at),
            "There is a NUL character, which no text has. Is this a CSV file?",
        )),
        None => Ok(text),
    }
}

/// What Excel takes the first line for, if it says which separator is used: `sep=;`. The separator, and where the header
/// begins.
fn told(text: &str) -> Result<(Option<u8>, usize), Unreadable> {
    let word = text.split_at_checked(4).filter(|(word, _)| word.eq_ignore_ascii_case("sep="));
    let Some((_, rest)) = word else { return Ok((None, 0)) };
    let line = rest.split(['\r', '\n']).next().unwrap_or_default();
    match line.as_bytes() {
        [separator @ (b',' | b';' | b'\t')] => Ok((Some(*separator), 4 + line.len())),
        _ => Err(Unreadable::at(1, "The line sep= names another separator than comma, semicolon or tab.")),
    }
}

/// The separator that stands most often in the first line, outside of quotes.
fn separator(text: &str) -> u8 {
    let (mut counts, mut quoted) = ([(b',', 0), (b';', 0), (b'\t', 0)], false);
    for byte in text.trim_start_matches(['\r', '\n']).bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\r' | b'\n' if !quoted => break,
            _ if !quoted => counts.iter_mut().filter(|(s, _)| *s == byte).for_each(|(_, n)| *n += 1),
            _ => {}
        }
    }
    // The first of those that are equal: the comma, when there is none at all.
    let most = counts.iter().map(|(_, n)| *n).max().unwrap_or(0);
    counts.iter().find(|(_, n)| *n == most).map_or(b',', |(s, _)| *s)
}

/// Where the reader of quotes stands.
enum At {
    /// In front of a row.
    Row,
    /// In front of a cell.
    Cell,
    /// Inside one without quotes.
    Bare,
    /// Inside quotes that began on this line.
    Quoted(u64),
    /// Behind a quote inside quotes: the end, or the first of two.
    Quote(u64),
}

/// Looks at the quotes from a place on.
///
/// Errors: quotes that are never closed, or closed in the middle of a cell. A reader that guessed would take half of the
/// file for one cell.
fn quotes(text: &str, start: usize, separator: u8) -> Result<(), Unreadable> {
    let (mut at, mut lines) = (At::Row, Lines::of(text.as_bytes()));
    for (place, byte) in text.bytes().enumerate().skip(start) {
        let ends = matches!(byte, b'\r' | b'\n');
        at = match at {
            At::Row if ends => At::Row,
            At::Row | At::Cell if byte == b'"' => At::Quoted(lines.at(place)),
            At::Quoted(line) => {
                if byte == b'"' {
                    At::Quote(line)
                } else {
                    At::Quoted(line)
                }
            }
            At::Quote(line) if byte == b'"' => At::Quoted(line),
            At::Quote(_) if !ends && byte != separator => {
                let why = "A cell goes on behind its closing quote. Inside quotes, a quote is written twice.";
                return Err(Unreadable::at(lines.at(place), why));
            }
            _ if ends => At::Row,
            _ if byte == separator => At::Cell,
            _ => At::Bare,
        };
    }
    match at {
        At::Quoted(line) => Err(Unreadable::at(line, "The quote that begins here is never closed.")),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WIDE: Bounds = Bounds { bytes: 1 << 20, rows: 1000 };

    fn all(text: impl AsRef<[u8]>) -> Result<Vec<(u64, Vec<String>)>, String> {
        let table = Table::read(text.as_ref(), WIDE).map_err(|e| e.to_string())?;
        let mut rows = vec![(1, table.header().to_vec())];
        table.each_row(|row| {
            rows.push((row.line, (0..row.cells).map(|i| row.cell(i).to_owned()).collect()));
            Ok::<_, String>(true)
        })?;
        assert_eq!(rows.len() as u64, table.rows() + 1);
        Ok(rows)
    }

    fn row(line: u64, cells: &[&str]) -> (u64, Vec<String>) {
        (line, cells.iter().map(|c| (*c).to_owned()).collect())
    }

    #[test]
    fn separators_quotes_and_line_ends_are_those_of_all_programs() {
        let expected = vec![row(1, &["a", "b"]), row(2, &["1", "2"]), row(4, &["3", "4"])];
        for text in [
            "a,b\n1,2\n\n3,4\n",
            "a;b\r\n1;2\r\n\r\n3;4",
            "a\tb\r1\t2\r\r3\t4\r",
            "\u{feff}a,b\n1,2\n\n3,4",
            "\"a\",\"b\"\n\"1\",2\n\n3,\"4\"",
            " a , b\n1,2\n\n3,4",
        ] {
            assert_eq!(all(text).unwrap(), expected, "{text:?}");
        }
        let quoted = "a;\"b,;\n\"\n\"x\"\"y\r\nz\";2\n3;\"\"\n";
        let expected = vec![row(1, &["a", "b,;"]), row(3, &["x\"y\r\nz", "2"]), row(5, &["3", ""])];
        assert_eq!(all(quoted).unwrap(), expected);
        assert_eq!(all("a\n1\n").unwrap(), [row(1, &["a"]), row(2, &["1"])]);
        assert_eq!(all("a,b\nx\"y,2\n").unwrap()[1], row(2, &["x\"y", "2"]));
        // Ragged rows are for others to judge.
        assert_eq!(all("a,b\n1\n1,2,3\n").unwrap()[1..], [row(2, &["1"]), row(3, &["1", "2", "3"])]);
    }

    #[test]
    fn the_first_line_may_say_which_separator_is_used() {
        assert_eq!(all("sep=;\r\na,x;b\r\n1;2\r\n").unwrap()[1], row(3, &["1", "2"]));
        assert_eq!(all("\u{feff}SEP=\t\na;b;c\t\"d\ne\"\n1\t2").unwrap()[1], row(4, &["1", "2"]));
        assert_eq!(all("sep=,\n\na,b\n1,2").unwrap()[1], row(4, &["1", "2"]));
        assert_eq!(all("sep=,\na,b\n1,\"2\n").unwrap_err(), "Line 3: The quote that begins here is never closed.");
        assert!(all("sep=|\na|b\n").unwrap_err().starts_with("Line 1: The line sep= names"));
        assert!(all("sep=,").unwrap_err().contains("The file is empty"));
    }

    /// The reader passes over a mark at its beginning: what one took for a quote the other took for a letter, and a file of
    /// one cell became one of a million rows.
    #[test]
    fn a_second_mark_hides_no_rows() {
        let hidden = |front: &str| format!("{front}\"\n\",userName\n,1\n,2\n,\"");
        for front in ["\u{feff}\u{feff}", "\n\u{feff}", "sep=,\n\u{feff}", "\u{feff}sep=,\r\n\u{feff}"] {
            let refused = all(hidden(front)).unwrap_err();
            assert!(refused.contains("byte order mark"), "{front:?}: {refused}");
        }
    }

    proptest::proptest! {
        /// What is bounded is what is read.
        #[test]
        fn every_row_that_is_read_is_counted(text in "([\"a,;\r\n\t]|\u{feff}|sep=){0,24}") {
            if let Ok(table) = Table::read(text.as_bytes(), WIDE) {
                let mut rows = 0;
                table.each_row(|_| { rows += 1; Ok::<_, ()>(true) }).unwrap();
                proptest::prop_assert_eq!(rows, table.rows());
                let too_few = Bounds { rows: rows.saturating_sub(1), ..WIDE };
                proptest::prop_assert_eq!(rows > 0, Table::read(text.as_bytes(), too_few).is_err());
            }
        }
    }

    #[test]
    fn what_is_no_such_file_is_refused_with_its_line() {
        let wide: Vec<u8> = "userName".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let with_mark = [&[0xff, 0xfe], wide.as_slice()].concat();
        for (bytes, says) in [
            (b"".as_slice(), "The file is empty"),
            (b"\r\n\n", "The file is empty"),
            (b"\xef\xbb\xbf", "The file is empty"),
            (&wide, "CSV UTF-8"),
            (&with_mark, "CSV UTF-8"),
            (b"userName\nJos\xe9\n", "Line 2: The file is not in UTF-8"),
            (b"a\n\xed\xa0\x80\n", "Line 2: The file is not in UTF-8"),
            (b"ab\n\nx\0y\n", "Line 3: There is a NUL"),
            (b"a,b\n1,\"2\n3,4\n5,6\n", "Line 2: The quote that begins here is never closed"),
            (b"a,b\n1,\"2\"x\n", "Line 2: A cell goes on behind its closing quote"),
        ] {
            let refused = all(bytes).unwrap_err();
            assert!(refused.starts_with(says) || refused.contains(says) && !says.starts_with("Line"), "{refused}");
        }
        let many = vec!["x"; MOST_COLUMNS + 1].join(",");
        assert!(all(many).unwrap_err().contains("501 columns"));
        let bounds = Bounds { bytes: 10, rows: 2 };
        assert!(Table::read(b"a\n1\n2\n3\n", bounds).unwrap_err().why.contains("3 rows"));
        assert!(Table::read(b"a\n1\n2\n3456789\n", bounds).unwrap_err().why.contains("bytes"));
        assert_eq!(Table::read(b"a\n1\n\n\n2\n", bounds).unwrap().rows(), 2);
    }
}
