//! Cutting members out of an XML stream by their tags.

use std::io::{self, BufRead, BufReader, Read};

use encoding_rs::{Encoding, UTF_8};

use super::local;
use crate::limits::{MAX_ROW_BYTES, MAX_TAG_BYTES};
use crate::reader::ReadError;
use crate::reader::encoding::{Transcoder, wide};
use crate::reader::source::{Stream, broken};

/// A piece of a document.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::reader) enum Piece {
    /// A tag outside members opens; its whole text between the angle brackets.
    Open(String),
    /// A tag outside members closes, after some text.
    Close {
        /// Local name.
        name: String,
        /// Text before it, that of CDATA sections included.
        text: String,
    },
    /// A whole member, from its opening to its closing tag.
    Member(Vec<u8>),
    /// A member that never closes before the next begins.
    Broken(Vec<u8>),
}

/// What a tag is.
enum Tag {
    Open,
    Close,
    Empty,
    /// Comment, instruction, declaration, CDATA.
    Other,
}

/// Cuts a document into pieces.
pub(in crate::reader) struct Cutter {
    input: BufReader<Stream>,
    name: String,
    is_member: fn(&str) -> bool,
    is_list: fn(&str) -> bool,
    /// Inside a list every element is a member.
    in_list: bool,
    /// The opening tag of a member that was met inside another.
    pending: Option<Vec<u8>>,
    text: Vec<u8>,
    tag: Vec<u8>,
    /// The closing half of an empty tag that is still to be told.
    close: Option<String>,
}

impl Cutter {
    /// Reads a document. `is_member` says which elements (by local name) are members, `is_list` which elements hold
    /// nothing but members.
    pub fn new(
        name: &str,
        stream: Stream,
        is_member: fn(&str) -> bool,
        is_list: fn(&str) -> bool,
    ) -> Result<Self, ReadError> {
        let mut input = BufReader::with_capacity(256 * 1024, stream);
        let head = input.fill_buf().map_err(|error| broken(name, &error))?;
        let input = match declared_encoding(head) {
            Some(encoding) => {
                BufReader::with_capacity(256 * 1024, Box::new(Transcoder::new(input, encoding)) as Stream)
            }
            None => input,
        };
        Ok(Self {
            input,
            name: name.to_owned(),
            is_member,
            is_list,
            in_list: false,
            pending: None,
            text: Vec::new(),
            tag: Vec::new(),
            close: None,
        })
    }

    /// The next piece; `None` at the end of the document.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, ReadError> {
        if let Some(name) = self.close.take() {
            return Ok(Some(Piece::Close { name, text: String::new() }));
        }
        if let Some(start) = self.pending.take() {
            return self.member(start).map(Some);
        }
        self.text.clear();
        loop {
            let Some(tag) = self.tag()? else { return Ok(None) };
            let name = tag_name(&self.tag);
            let local = local(&name).to_owned();
            match tag {
                Tag::Other => {
                    let cdata = self.tag.strip_prefix(b"<![CDATA[").and_then(|rest| rest.strip_suffix(b"]]>"));
                    self.text.extend_from_slice(cdata.unwrap_or_default());
                }
                Tag::Close => {
                    if (self.is_list)(&local) {
                        self.in_list = false;
                    }
                    let text = String::from_utf8_lossy(&self.text).into_owned();
                    return Ok(Some(Piece::Close { name: local, text }));
                }
                Tag::Empty if self.in_list || (self.is_member)(&local) => {
                    return Ok(Some(Piece::Member(self.tag.clone())));
                }
                Tag::Open if self.in_list || (self.is_member)(&local) => {
                    let start = self.tag.clone();
                    return self.member(start).map(Some);
                }
                Tag::Open | Tag::Empty => {
                    if (self.is_list)(&local) && matches!(tag, Tag::Open) {
                        self.in_list = true;
                    }
                    if matches!(tag, Tag::Empty) {
                        self.close = Some(local);
                    }
                    let inside = String::from_utf8_lossy(&self.tag);
                    let inside = inside.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/').to_owned();
                    return Ok(Some(Piece::Open(inside)));
                }
            }
        }
    }

    /// Reads on to the end of a member whose opening tag is `start`.
    fn member(&mut self, start: Vec<u8>) -> Result<Piece, ReadError> {
        let name = tag_name(&start);
        let mut member = start;
        loop {
            self.text.clear();
            let tag = self.tag()?;
            let Some(tag) = tag else {
                return Err(ReadError::File(format!(
                    "{}: the file ends inside <{name}>: it is truncated; copy or download it again",
                    self.name
                )));
            };
            let found = tag_name(&self.tag);
            if matches!(tag, Tag::Open) && found == name {
                self.pending = Some(self.tag.clone());
                return Ok(Piece::Broken(member));
            }
            member.extend_from_slice(&self.text);
            // Comments and instructions are left out; CDATA is text.
            if !matches!(tag, Tag::Other) || self.tag.starts_with(b"<![CDATA[") {
                member.extend_from_slice(&self.tag);
            }
            if matches!(tag, Tag::Close) && found == name {
                return Ok(Piece::Member(member));
            }
            if member.len() > MAX_ROW_BYTES {
                return Err(ReadError::File(format!(
                    "{}: <{name}> is longer than MAX_ROW_BYTES ({MAX_ROW_BYTES}); its end tag is probably missing",
                    self.name
                )));
            }
        }
    }

    /// Reads text into `text` (added) and the tag after it into `tag`.
    fn tag(&mut self) -> Result<Option<Tag>, ReadError> {
        self.until(b'<', true)?;
        if self.text.last() != Some(&b'<') {
            return Ok(None);
        }
        self.text.pop();
        self.tag.clear();
        self.tag.push(b'<');
        loop {
            if !self.until(b'>', false)? {
                return Ok(None);
            }
            let tag = &self.tag;
            let complete = if tag.starts_with(b"<!--") {
                tag.ends_with(b"-->")
            } else if tag.starts_with(b"<![CDATA[") {
                tag.ends_with(b"]]>")
            } else if tag.starts_with(b"<?") {
                tag.ends_with(b"?>")
            } else if tag.starts_with(b"<!") {
                !tag.contains(&b'[') || tag.trim_ascii_end().ends_with(b"]>")
            } else {
                quotes_match(tag) || tag.len() > MAX_TAG_BYTES
            };
            if complete {
                break;
            }
        }
        Ok(Some(match self.tag.get(1) {
            Some(b'!' | b'?') => Tag::Other,
            Some(b'/') => Tag::Close,
            _ if self.tag.ends_with(b"/>") => Tag::Empty,
            _ => Tag::Open,
        }))
    }

    /// Reads up to a byte, within the limit of a row; false when the stream ends before it.
    fn until(&mut self, byte: u8, text: bool) -> Result<bool, ReadError> {
        let into = if text { &mut self.text } else { &mut self.tag };
        let room = (MAX_ROW_BYTES + 1).saturating_sub(into.len());
        let read =
            (&mut self.input).take(room as u64).read_until(byte, into).map_err(|error| broken(&self.name, &error))?;
        if into.len() > MAX_ROW_BYTES {
            return Err(broken(
                &self.name,
                &io::Error::other(format!("text without a tag, longer than MAX_ROW_BYTES ({MAX_ROW_BYTES})")),
            ));
        }
        Ok(read > 0 && into.last() == Some(&byte))
    }
}

/// The name in a tag, with its prefix.
fn tag_name(tag: &[u8]) -> String {
    let inside = tag.strip_prefix(b"</").or_else(|| tag.strip_prefix(b"<")).unwrap_or(tag);
    let end = inside.iter().position(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'));
    String::from_utf8_lossy(&inside[..end.unwrap_or(inside.len())]).into_owned()
}

/// Whether a `>` at the end of a tag is its end and not part of an attribute.
fn quotes_match(tag: &[u8]) -> bool {
    let mut open = None;
    for &byte in tag {
        match open {
            Some(quote) if byte == quote => open = None,
            None if byte == b'"' || byte == b'\'' => open = Some(byte),
            _ => {}
        }
    }
    open.is_none()
}

/// The encoding of a document that is not in UTF-8: by its byte order, or by its declaration.
fn declared_encoding(head: &[u8]) -> Option<&'static Encoding> {
    if let Some(encoding) = wide(head) {
        return Some(encoding);
    }
    let end = head.windows(2).take(400).position(|pair| pair == b"?>")?;
    let declaration = String::from_utf8_lossy(&head[..end]).to_ascii_lowercase();
    let (_, after) = declaration.split_once("encoding")?;
    let label = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim_start_matches(['"', '\'']);
    let label = label.split(['"', '\'']).next()?;
    Encoding::for_label(label.as_bytes()).filter(|encoding| *encoding != UTF_8 && encoding.is_ascii_compatible())
}
