//! Cutting JSON values out of a stream, byte by byte, without holding more than one of them.

use std::io::{self, BufRead};

use crate::limits::{MAX_NESTING, MAX_ROW_BYTES, MAX_TAG_BYTES};

/// Why a value could not be cut out.
#[derive(Debug)]
pub(super) enum Cut {
    /// The stream ended.
    End,
    /// A byte that cannot stand there, and where.
    Unexpected(u8, u64),
    /// Over a limit.
    Limit(String),
    /// The stream broke.
    Io(io::Error),
}

impl From<io::Error> for Cut {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::End } else { Self::Io(error) }
    }
}

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::End => write!(f, "the file ends too early: it is truncated; copy or download it again"),
            Self::Unexpected(byte, at) => write!(
                f,
                "not valid JSON: unexpected `{}` at byte {at}; repair it with an editor or export it again",
                char::from(*byte).escape_default()
            ),
            Self::Limit(reason) => write!(f, "{reason}"),
            Self::Io(error) => write!(f, "reading failed ({error})"),
        }
    }
}

/// Reads JSON punctuation and cuts out values.
pub(super) struct Cutter<R> {
    input: R,
    at: u64,
}

impl<R: BufRead> Cutter<R> {
    pub fn new(input: R) -> Self {
        Self { input, at: 0 }
    }

    /// The next byte that is no white space, left in place; `None` at the end.
    pub fn peek(&mut self) -> Result<Option<u8>, Cut> {
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return Ok(None);
            }
            let blank = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, 0x1e | 0xef | 0xbb | 0xbf);
            let skipped = bytes.iter().take_while(|byte| blank(byte)).count();
            let found = bytes.get(skipped).copied();
            self.consume(skipped);
            if found.is_some() {
                return Ok(found);
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.input.consume(count);
        self.at += count as u64;
    }

    /// Takes the next byte that is no white space.
    pub fn take(&mut self) -> Result<u8, Cut> {
        let byte = self.peek()?.ok_or(Cut::End)?;
        self.consume(1);
        Ok(byte)
    }

    /// Takes a byte that must come next.
    pub fn expect(&mut self, wanted: u8) -> Result<(), Cut> {
        match self.take()? {
            byte if byte == wanted => Ok(()),
            byte => Err(Cut::Unexpected(byte, self.at - 1)),
        }
    }

    /// Takes `,` (true) or the closing byte (false).
    pub fn more(&mut self, close: u8) -> Result<bool, Cut> {
        match self.take()? {
            b',' => Ok(true),
            byte if byte == close => Ok(false),
            byte => Err(Cut::Unexpected(byte, self.at - 1)),
        }
    }

    /// A member name and its colon.
    pub fn name(&mut self) -> Result<String, Cut> {
        let mut raw = Vec::new();
        if self.peek()?.ok_or(Cut::End)? != b'"' {
            let byte = self.take()?;
            return Err(Cut::Unexpected(byte, self.at - 1));
        }
        self.value(&mut raw, MAX_TAG_BYTES)?;
        self.expect(b':')?;
        Ok(serde_json::from_slice(&raw).unwrap_or_else(|_| String::from_utf8_lossy(&raw).into_owned()))
    }

    /// Cuts out the next value, whatever it is, into `out`.
    pub fn value(&mut self, out: &mut Vec<u8>, limit: usize) -> Result<(), Cut> {
        out.clear();
        self.scan(&mut |bytes| {
            if out.len() + bytes.len() > limit {
                return Err(Cut::Limit(format!(
                    "a value is longer than {limit} bytes (MAX_ROW_BYTES is {MAX_ROW_BYTES}); is a quote missing?"
                )));
            }
            out.extend_from_slice(bytes);
            Ok(())
        })
    }

    /// Cuts out the next line that is not blank; false at the end.
    pub fn line(&mut self, out: &mut Vec<u8>) -> Result<bool, Cut> {
        if self.peek()?.is_none() {
            return Ok(false);
        }
        out.clear();
        let count = io::Read::take(&mut self.input, MAX_ROW_BYTES as u64).read_until(b'\n', out)?;
        self.at += count as u64;
        if count == MAX_ROW_BYTES {
            return Err(Cut::Limit(format!("a line is longer than MAX_ROW_BYTES ({MAX_ROW_BYTES})")));
        }
        let used = out.trim_ascii_end().len();
        out.truncate(used);
        Ok(true)
    }

    /// Passes over the next value, however long.
    pub fn skip(&mut self) -> Result<(), Cut> {
        self.scan(&mut |_| Ok(()))
    }

    fn scan(&mut self, sink: &mut dyn FnMut(&[u8]) -> Result<(), Cut>) -> Result<(), Cut> {
        let first = self.peek()?.ok_or(Cut::End)?;
        let mut state = State::default();
        if !matches!(first, b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') {
            self.consume(1);
            return Err(Cut::Unexpected(first, self.at - 1));
        }
        let bare = !matches!(first, b'{' | b'[' | b'"');
        loop {
            let bytes = self.input.fill_buf()?;
            if bytes.is_empty() {
                return if bare { Ok(()) } else { Err(Cut::End) };
            }
            let (count, done) = if bare { bare_end(bytes) } else { state.advance(bytes)? };
            sink(&bytes[..count])?;
            self.consume(count);
            if done {
                return Ok(());
            }
        }
    }
}

/// Where a number or a literal ends.
fn bare_end(bytes: &[u8]) -> (usize, bool) {
    let ends = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b',' | b']' | b'}');
    bytes.iter().position(ends).map_or((bytes.len(), false), |at| (at, true))
}

/// Inside an object, an array or a string.
#[derive(Default)]
struct State {
    depth: usize,
    in_string: bool,
    escaped: bool,
}

impl State {
    /// Goes on over some bytes: how many of them belong to the value, and whether it is complete.
    fn advance(&mut self, bytes: &[u8]) -> Result<(usize, bool), Cut> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                } else if byte == b'\\' {
                    self.escaped = true;
                } else if byte == b'"' {
                    self.in_string = false;
                    if self.depth == 0 {
                        return Ok((at + 1, true));
                    }
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > MAX_NESTING {
                        return Err(Cut::Limit(format!(
                            "the JSON is nested deeper than MAX_NESTING ({MAX_NESTING}); this is not a feature"
                        )));
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Ok((at + 1, true));
                    }
                }
                _ => {}
            }
        }
        Ok((bytes.len(), false))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    #[test]
    fn values_are_cut_at_any_buffer_size() {
        let text = r#" {"a]\"}": ["x{", 1.5e3 , null], "b":{"c":[[]]}} 7"#;
        for size in 1..20 {
            let mut cutter = Cutter::new(BufReader::with_capacity(size, text.as_bytes()));
            let mut out = Vec::new();
            cutter.value(&mut out, 1000).expect("a value");
            assert_eq!(out, &text.as_bytes()[1..text.len() - 2]);
            cutter.value(&mut out, 1000).expect("a number");
            assert_eq!(out, b"7");
            assert!(matches!(cutter.value(&mut out, 1000), Err(Cut::End)));
        }
    }

    #[test]
    fn limits_hold() {
        let deep = "[".repeat(1000);
        assert!(matches!(Cutter::new(deep.as_bytes()).skip(), Err(Cut::Limit(_))));
        let long = format!("\"{}\"", "x".repeat(100));
        assert!(matches!(Cutter::new(long.as_bytes()).value(&mut Vec::new(), 50), Err(Cut::Limit(_))));
    }
}
