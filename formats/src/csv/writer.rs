//! Cells into lines, guarded against spreadsheets that run what looks like a formula.

use super::Delimiter;
use std::borrow::Cow;

/// The mark by which spreadsheets know UTF-8.
pub const BOM: &[u8] = b"\xef\xbb\xbf";
/// What a spreadsheet takes for a formula when a cell begins with it.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];
/// What keeps it from doing so.
const GUARD: char = '\'';

/// Whether a cell would be taken for a formula, or be taken for one that is guarded.
fn dangerous(cell: &str) -> bool {
    cell.trim_start_matches(GUARD).starts_with(FORMULA)
}

/// The cell with a guard where it needs one; [`unguarded`] takes exactly that off again.
pub fn guarded(cell: &str) -> Cow<'_, str> {
    match dangerous(cell) {
        true => Cow::Owned(format!("{GUARD}{cell}")),
        false => Cow::Borrowed(cell),
    }
}

/// The cell without the guard that [`guarded`] put there.
pub fn unguarded(cell: &str) -> &str {
    match cell.strip_prefix(GUARD) {
        Some(rest) if dangerous(rest) => rest,
        _ => cell,
    }
}

/// Appends a row, its cells guarded, with the line end of RFC 4180 §2.
pub fn line(out: &mut Vec<u8>, delimiter: Delimiter, cells: &[&str]) {
    for (n, cell) in cells.iter().enumerate() {
        if n > 0 {
            out.push(delimiter.octet());
        }
        let cell = guarded(cell);
        let plain = |b: u8| !matches!(b, b'"' | b'\r' | b'\n') && b != delimiter.octet();
        // Spaces at an end are lost by some readers.
        let whole = cell.trim() == cell && cell.bytes().all(plain);
        if whole {
            out.extend_from_slice(cell.as_bytes());
        } else {
            out.push(b'"');
            out.extend_from_slice(cell.replace('"', "\"\"").as_bytes());
            out.push(b'"');
        }
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_looks_like_a_formula_is_guarded() {
        for (cell, shown) in [
            ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
            ("+84", "'+84"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\tx", "'\tx"),
            ("\rx", "'\rx"),
            ("'=1", "''=1"),
            ("'Đ", "'Đ"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(guarded(cell), shown);
            assert_eq!(unguarded(shown), cell);
        }
        let mut out = Vec::new();
        line(
            &mut out,
            Delimiter::Semicolon,
            &["=1;2", "a\"b", " x", "y,z", ""],
        );
        assert_eq!(out, b"\"'=1;2\";\"a\"\"b\";\" x\";y,z;\r\n");
    }

    proptest! {
        #[test]
        fn cells_come_back_as_they_were(
            cells in proptest::collection::vec("['=+@;,\"\t\r\n đA-]{0,6}", 1..6),
        ) {
            let mut out = Vec::new();
            let given: Vec<&str> = cells.iter().map(String::as_str).collect();
            line(&mut out, Delimiter::Comma, &given);
            let mut reader = Reader::new(
                || Ok::<_, super::super::Refusal>(None), out, 0, Delimiter::Comma,
            );
            let back = reader.read().unwrap();
            let blank = cells.iter().all(|cell| guarded(cell).trim().is_empty());
            prop_assert_eq!(back.is_none(), blank);
            if let Some(row) = back {
                let read: Vec<&str> = row.cells.iter().map(|c| unguarded(c)).collect();
                prop_assert_eq!(read, given);
            }
        }
    }
}
