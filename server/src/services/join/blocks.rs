//! A CSV file in blocks of whole rows, which threads can read side by side.

use std::io::{Read, Result};

use bricola_layers::limits::MAX_ROW_BYTES;

/// Bytes of a block: 100,000 rows or so, for the sake of sorting them by place.
const BLOCK_BYTES: usize = 4 * 1024 * 1024;

/// A reader of blocks.
pub struct Blocks<R> {
    input: R,
    /// Of a block.
    bytes: usize,
    delimiter: u8,
    /// What is read and not handed out: the beginning of a row.
    rest: Vec<u8>,
    position: u64,
    ended: bool,
    stuck: bool,
}

impl<R: Read> Blocks<R> {
    /// Blocks of a file whose first row is a header.
    pub fn new(input: R) -> Self {
        Self::of(input, BLOCK_BYTES)
    }

    /// As [`Self::new`], of so many bytes each, and what is left of a row.
    pub fn of(input: R, bytes: usize) -> Self {
        Self { input, bytes, delimiter: b',', rest: Vec::new(), position: 0, ended: false, stuck: false }
    }

    /// The separator and the first row, without its end.
    pub fn header(&mut self) -> Result<(u8, Vec<u8>)> {
        while !self.ended && !self.rest.contains(&b'\n') && self.rest.len() < MAX_ROW_BYTES {
            self.fill()?;
        }
        self.delimiter = delimiter(&self.rest);
        let ends = ends(&self.rest, self.delimiter);
        let end = ends.into_iter().next().unwrap_or(self.rest.len());
        let rest = self.rest.split_off(end);
        let header = std::mem::replace(&mut self.rest, rest);
        Ok((self.delimiter, without_end(&header).to_vec()))
    }

    /// The next block, whose last row is whole; `None` at the end of the file, and where a row has none.
    pub fn next(&mut self) -> Result<Option<Vec<u8>>> {
        while !self.ended {
            self.fill()?;
            if let Some(end) = last_end(&self.rest, self.delimiter) {
                let rest = self.rest.split_off(end);
                return Ok(Some(std::mem::replace(&mut self.rest, rest)));
            }
            if self.rest.len() > MAX_ROW_BYTES {
                self.stuck = true;
                return Ok(None);
            }
        }
        let last = std::mem::take(&mut self.rest);
        Ok((!last.is_empty()).then_some(last))
    }

    /// Bytes read so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Whether a row was longer than any may be.
    pub fn stuck(&self) -> bool {
        self.stuck
    }

    fn fill(&mut self) -> Result<()> {
        let read = (&mut self.input).take(self.bytes as u64).read_to_end(&mut self.rest)?;
        self.position += read as u64;
        self.ended = read == 0;
        Ok(())
    }
}

/// A row without the ends of lines around it.
pub fn without_end(row: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let start = row.iter().position(|byte| !is_end(byte)).unwrap_or(row.len());
    let end = row.iter().rposition(|byte| !is_end(byte)).map_or(start, |last| last + 1);
    &row[start..end]
}

/// The separator that the first line has most of.
fn delimiter(start: &[u8]) -> u8 {
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let count = |delimiter: u8| line.split(|byte| *byte == delimiter).count();
    [b',', b';', b'\t'].into_iter().rev().max_by_key(|delimiter| count(*delimiter)).unwrap_or(b',')
}

/// One past the last end of a row.
fn last_end(rows: &[u8], delimiter: u8) -> Option<usize> {
    if rows.contains(&b'"') {
        return ends(rows, delimiter).last();
    }
    rows.iter().rposition(|byte| matches!(byte, b'\n' | b'\r')).map(|end| end + 1)
}

/// One past each end of a row. A quotation mark counts where a field begins; inside, two stand for one.
fn ends(rows: &[u8], delimiter: u8) -> impl Iterator<Item = usize> + '_ {
    let (mut quoted, mut at_start) = (false, true);
    rows.iter().enumerate().filter_map(move |(position, byte)| {
        let ends = !quoted && matches!(byte, b'\n' | b'\r');
        // Of a doubled mark inside a field the first closes it and the second opens it again.
        quoted = match byte {
            b'"' if quoted => false,
            b'"' => at_start || position > 0 && rows[position - 1] == b'"',
            _ => quoted,
        };
        at_start = !quoted && (ends || *byte == delimiter);
        ends.then_some(position + 1)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_separator_is_the_commonest_of_the_first_line() {
        assert_eq!(delimiter(b"a;b;c\n1,2;3;4\n"), b';');
        assert_eq!(delimiter(b"a\tb\n"), b'\t');
        assert_eq!(delimiter(b"lon,lat\n"), b',');
        assert_eq!(delimiter(b"only\n"), b',');
    }

    #[test]
    fn a_row_may_hold_ends_of_lines_in_quotation_marks() {
        let text = b"a,\"b\n\"\"c\"\"\",d\r\n5\" pipe,e\nf,g";
        let rows: Vec<usize> = ends(text, b',').collect();
        assert_eq!(rows.iter().map(|end| &text[*end..]).next_back(), Some(&b"f,g"[..]));
        assert_eq!(rows.len(), 3, "the end of each row, and the second byte of one");
    }

    /// A reader that hands out one byte at a time.
    struct Drops<'a>(&'a [u8]);

    impl Read for Drops<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
            let length = self.0.len().min(buffer.len()).min(1);
            buffer[..length].copy_from_slice(&self.0[..length]);
            self.0 = &self.0[length..];
            Ok(length)
        }
    }

    proptest! {
        #[test]
        fn blocks_hold_the_rows_that_one_reader_sees(
            rows in proptest::collection::vec(proptest::collection::vec("[a-c\",\n ]{0,6}", 2), 1..40)
        ) {
            let mut writer = csv::Writer::from_writer(Vec::new());
            for row in &rows {
                writer.write_record(row).expect("written");
            }
            let text = writer.into_inner().expect("memory");
            let mut blocks = Blocks::new(Drops(&text));
            let (_, header) = blocks.header().expect("memory");
            let mut read = vec![header];
            while let Some(block) = blocks.next().expect("memory") {
                read.push(block);
            }
            let mut seen = Vec::new();
            for part in &read {
                let reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(&part[..]);
                seen.extend(reader.into_records().map(|row| row.expect("a row").iter().map(str::to_owned).collect::<Vec<_>>()));
            }
            prop_assert_eq!(seen, rows);
        }
    }
}
