//! Comma-separated values (RFC 4180) as spreadsheets write and read them: what they are encoded in, what parts
//! their cells, and cells that a spreadsheet would take for a formula.

mod reader;
mod writer;

pub use reader::{Reader, Row};
pub use writer::{BOM, guarded, line, unguarded};

/// Octets of one row, its quotes left out.
pub const ROW_OCTETS_MAX: usize = 64 * 1024;
/// Cells of one row.
pub const CELLS_MAX: usize = 64;
/// Octets at the front of a file that are looked at before anything is read.
pub const FRONT_OCTETS: usize = 8 * 1024;
/// From one NUL in so many octets on a file without a mark is taken for UTF-16: Vietnamese text in it has more.
const UTF16_NULS_ONE_IN: usize = 8;

/// What parts the cells of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(missing_docs)]
pub enum Delimiter {
    #[default]
    Comma,
    Semicolon,
    Tab,
}

impl Delimiter {
    /// As it stands in the file.
    pub const fn octet(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }
}

/// Why a file cannot be read as a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// A workbook of a spreadsheet program (a zip file), or of an older one.
    #[error("the file is a workbook")]
    Workbook,
    /// UTF-16, with its mark or without.
    #[error("the file is in UTF-16")]
    Utf16,
    /// Not UTF-8: windows-1258, TCVN3 or another; the row where it shows.
    #[error("row {0} is not in UTF-8")]
    NotUtf8(u64),
    /// More than [`ROW_OCTETS_MAX`]: as a rule a quotation mark that is not closed.
    #[error("row {0} is too long")]
    RowTooLong(u64),
    /// More than [`CELLS_MAX`].
    #[error("row {0} has too many cells")]
    TooManyCells(u64),
}

/// What the front of a file tells: how many octets of it are a mark, and what parts its cells. The delimiter is
/// the one that stands most often in the first line outside of quotes; a comma where none does.
pub fn front(octets: &[u8]) -> Result<(usize, Delimiter), Refusal> {
    if octets.is_empty() {
        return Err(Refusal::Empty);
    }
    // PK: a zip file, as .xlsx and .ods are; D0CF: .xls.
    if octets.starts_with(b"PK\x03\x04") || octets.starts_with(b"\xd0\xcf\x11\xe0") {
        return Err(Refusal::Workbook);
    }
    let wide = octets.starts_with(b"\xff\xfe") || octets.starts_with(b"\xfe\xff");
    // Without its mark about half of the octets are NUL; a single one is a slip in a cell, told of where it stands.
    let front = octets.len().min(FRONT_OCTETS);
    let nuls = octets.iter().take(front).filter(|b| **b == 0).count();
    if wide || nuls * UTF16_NULS_ONE_IN >= front {
        return Err(Refusal::Utf16);
    }
    let skip = if octets.starts_with(BOM) {
        BOM.len()
    } else {
        0
    };
    let mut quoted = false;
    let mut counts = [0usize; 3];
    let all = [Delimiter::Comma, Delimiter::Semicolon, Delimiter::Tab];
    for octet in octets.iter().skip(skip).take(FRONT_OCTETS) {
        match octet {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            octet => {
                if let Some(at) = all.iter().position(|d| d.octet() == *octet) {
                    counts[at] += 1;
                }
            }
        }
    }
    let most = counts.iter().copied().max().unwrap_or(0);
    let found = counts.iter().position(|n| *n == most);
    Ok((skip, found.map_or(Delimiter::Comma, |at| all[at])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_front_of_a_file_says_what_it_is() {
        let check = |octets: &[u8], found| assert_eq!(front(octets), found, "{octets:?}");
        check(b"", Err(Refusal::Empty));
        check(b"PK\x03\x04..", Err(Refusal::Workbook));
        check(b"\xd0\xcf\x11\xe0..", Err(Refusal::Workbook));
        check(b"\xff\xfea\0", Err(Refusal::Utf16));
        check(b"\xfe\xff\0a", Err(Refusal::Utf16));
        check(b"a\0,\0", Err(Refusal::Utf16));
        check(b"address,name\na@x.vn,A\0n\n", Ok((0, Delimiter::Comma)));
        check(b"a,b;c,d\n;;;;;;", Ok((0, Delimiter::Comma)));
        check(b"\xef\xbb\xbfa;b\r\n,,,", Ok((3, Delimiter::Semicolon)));
        check(b"a\tb, c\td", Ok((0, Delimiter::Tab)));
        check(b"\"a;b;c\n;\",d", Ok((0, Delimiter::Comma)));
        check(b"address", Ok((0, Delimiter::Comma)));
    }
}
