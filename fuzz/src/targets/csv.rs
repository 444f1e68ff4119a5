//! Files of people: their rows, and what stands in their cells.

use scim_appliance::directory::people_csv::cell::{CLEAR, Said, joined, marked, names, said, unmarked};
use scim_appliance::directory::people_csv::text::{Bounds, Table};

const WIDE: Bounds = Bounds { bytes: 1 << 20, rows: 10_000 };

/// A file is refused or has the rows that it says it has, in lines that only rise and are there; a row more behind it is a
/// row more. What is read from a cell is written as a cell from which the same is read, and which no spreadsheet computes.
pub fn csv(input: &[u8]) {
    let Ok(table) = Table::read(input, WIDE) else { return };
    let lines = input.iter().filter(|b| matches!(b, b'\r' | b'\n')).count() as u64 + 1;
    let (mut rows, mut last) = (0, table.header_line());
    for name in table.header() {
        cell(name);
    }
    let read = table.each_row(|row| {
        assert!(row.line > last && row.line <= lines, "line {} after {last} of {lines}", row.line);
        (rows, last) = (rows + 1, row.line);
        (0..row.cells).for_each(|i| cell(row.cell(i)));
        Ok::<_, std::convert::Infallible>(true)
    });
    assert_eq!((read, rows), (Ok(()), table.rows()));
    // Only where every quote was closed does this begin a row.
    let longer = [input, b"\n\"x\"".as_slice()].concat();
    assert_eq!(Table::read(&longer, WIDE).map(|t| t.rows()), Ok(rows + 1));
}

fn cell(cell: &str) {
    if let Said::Text(text) = said(cell) {
        assert_eq!(text, unmarked(cell));
        stands(&text);
        let all = names(&text);
        assert_eq!(names(&joined(all.iter().map(String::as_str))), all);
    }
    stands(cell);
}

fn stands(text: &str) {
    let written = marked(text);
    assert_eq!(unmarked(&written), text, "{written:?}");
    assert!(!written.eq_ignore_ascii_case(CLEAR));
    for part in written.split([',', ';', '\t', '\r', '\n']) {
        let first = part.trim_start_matches([' ', '"']).chars().next();
        assert!(!first.is_some_and(|c| "=+-@\u{ff1d}\u{ff0b}\u{ff0d}\u{ff20}".contains(c)), "{written:?}");
    }
}
