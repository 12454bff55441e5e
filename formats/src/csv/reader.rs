//! Rows out of octets that come in pieces: memory for one row, whatever the file holds.

use super::{CELLS_MAX, Delimiter, ROW_OCTETS_MAX, Refusal};
use csv_core::ReadRecordResult;

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// As spreadsheets number them: the header is row 1.
    pub number: u64,
    /// Its cells, in order.
    pub cells: Vec<String>,
}

/// Reads rows; `P` gives the next piece of the file, `None` at its end.
pub struct Reader<P> {
    pieces: P,
    piece: Vec<u8>,
    at: usize,
    reader: csv_core::Reader,
    cells: Vec<u8>,
    ends: Vec<usize>,
    rows: u64,
}

impl<P> std::fmt::Debug for Reader<P> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reader(after row {})", self.rows)
    }
}

impl<P, E> Reader<P>
where
    P: FnMut() -> Result<Option<Vec<u8>>, E>,
    E: From<Refusal>,
{
    /// Reads from the first piece on, of which `skip` octets are the mark.
    pub fn new(pieces: P, first: Vec<u8>, skip: usize, delimiter: Delimiter) -> Self {
        let reader = csv_core::ReaderBuilder::new()
            .delimiter(delimiter.octet())
            .build();
        Self {
            pieces,
            at: skip.min(first.len()),
            piece: first,
            reader,
            cells: vec![0; ROW_OCTETS_MAX],
            ends: vec![0; CELLS_MAX],
            rows: 0,
        }
    }

    /// The next row; `None` at the end. Rows without any text are left out, and counted. After an error
    /// nothing more is to be read.
    pub fn read(&mut self) -> Result<Option<Row>, E> {
        loop {
            let Some((octets, count)) = self.record()? else {
                return Ok(None);
            };
            let row = self.row(octets, count)?;
            if row.cells.iter().any(|cell| !cell.trim().is_empty()) {
                return Ok(Some(row));
            }
        }
    }

    /// Fills `cells` and `ends` with one record: how much of each.
    fn record(&mut self) -> Result<Option<(usize, usize)>, E> {
        let (mut octets, mut count) = (0, 0);
        loop {
            if self.at >= self.piece.len() {
                // An empty piece tells the reader below that the file ends.
                self.piece = (self.pieces)()?.unwrap_or_default();
                self.at = 0;
            }
            let (result, read, wrote, ended) = self.reader.read_record(
                &self.piece[self.at..],
                &mut self.cells[octets..],
                &mut self.ends[count..],
            );
            self.at += read;
            octets += wrote;
            count += ended;
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => {
                    return Err(Refusal::RowTooLong(self.rows + 1).into());
                }
                ReadRecordResult::OutputEndsFull => {
                    return Err(Refusal::TooManyCells(self.rows + 1).into());
                }
                ReadRecordResult::Record => {
                    self.rows += 1;
                    return Ok(Some((octets, count)));
                }
                ReadRecordResult::End => return Ok(None),
            }
        }
    }

    fn row(&self, octets: usize, count: usize) -> Result<Row, E> {
        let text =
            std::str::from_utf8(&self.cells[..octets]).map_err(|_| Refusal::NotUtf8(self.rows))?;
        let mut from = 0;
        let mut cells = Vec::with_capacity(count);
        for end in &self.ends[..count] {
            // A cell that ended within a letter: the row is no UTF-8 as it stands.
            let cell = text.get(from..*end).ok_or(Refusal::NotUtf8(self.rows))?;
            cells.push(cell.to_owned());
            from = *end;
        }
        let number = self.rows;
        Ok(Row { number, cells })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads the octets cut after every `cut`.
    fn rows(octets: &[u8], cut: usize) -> Result<Vec<Row>, Refusal> {
        let (skip, delimiter) = super::super::front(octets)?;
        let mut pieces = octets.chunks(cut).map(<[u8]>::to_vec);
        let first = pieces.next().unwrap_or_default();
        // The mark is in the first piece, as in a file's first block.
        let (first, mut pieces) = match first.len() < skip {
            true => (octets.to_vec(), Vec::new().into_iter()),
            false => (first, pieces.collect::<Vec<_>>().into_iter()),
        };
        let mut reader = Reader::new(|| Ok::<_, Refusal>(pieces.next()), first, skip, delimiter);
        let mut all = Vec::new();
        while let Some(row) = reader.read()? {
            all.push(row);
        }
        Ok(all)
    }

    #[test]
    fn rows_are_the_same_however_the_file_is_cut() {
        let text =
            "\u{feff}địa chỉ;tên\r\nan@x.vn;\"Nguyễn; \"\"An\"\"\"\n;\n\r\nb@x.vn;\"hai\r\ndòng\"";
        let whole = rows(text.as_bytes(), 1 << 20).unwrap();
        let cells: Vec<_> = whole
            .iter()
            .map(|r| (r.number, r.cells.join("|")))
            .collect();
        assert_eq!(
            cells,
            [
                (1, "địa chỉ|tên".to_owned()),
                (2, "an@x.vn|Nguyễn; \"An\"".to_owned()),
                (4, "b@x.vn|hai\r\ndòng".to_owned()),
            ]
        );
        for cut in 1..text.len() {
            assert_eq!(rows(text.as_bytes(), cut).unwrap(), whole, "{cut}");
        }
    }

    #[test]
    fn i13_rows_have_limits_and_other_encodings_are_found() {
        let long = format!("a,b\nx,\"{}", "y\n".repeat(ROW_OCTETS_MAX));
        assert_eq!(rows(long.as_bytes(), 4096), Err(Refusal::RowTooLong(2)));
        let wide = format!("a\n{}", ",".repeat(CELLS_MAX));
        assert_eq!(rows(wide.as_bytes(), 4096), Err(Refusal::TooManyCells(2)));
        let fits = format!("a\n{}x", ",".repeat(CELLS_MAX - 1));
        assert_eq!(
            rows(fits.as_bytes(), 4096).unwrap()[1].cells.len(),
            CELLS_MAX
        );
        // `Nguyễn` as windows-1258 spells it.
        let old = b"a,b\nan,b\nNguy\xea\xden,c\n";
        assert_eq!(rows(old, 3), Err(Refusal::NotUtf8(3)));
        // A letter that is parted by the delimiter is two halves, not a letter.
        assert_eq!(rows(b"a,b\n\xc3,\xa9\n", 99), Err(Refusal::NotUtf8(2)));
    }
}
