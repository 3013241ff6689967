//! An archive within an archive, read as it streams by (no seeking, no extraction): region → province → comune.
//!
//! The local headers are followed, as in APPNOTE.TXT 4.3; sizes may stand there or, written by streaming tools,
//! in a data descriptor after the data, whose end is then the end of the deflate stream.

use std::io::{self, BufRead, BufReader, Read};
use std::sync::{Arc, Mutex, MutexGuard};

use flate2::{Decompress, FlushDecompress, Status};

use super::check_growth;
use crate::reader::encoding::archive_name;
use crate::reader::source::Stream;

const LOCAL_HEADER: u32 = 0x0403_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const DIRECTORY: [u32; 4] = [0x0201_4b50, 0x0605_4b50, 0x0606_4b50, 0x0807_4b50];

/// A zip archive that is read from front to back.
pub(super) struct NestedZip {
    shared: Arc<Mutex<Inner>>,
}

struct Inner {
    input: BufReader<Stream>,
    member: Option<Current>,
}

/// The member that is being read.
struct Current {
    name: String,
    /// Compressed bytes still to come, where the header says so.
    remaining: Option<u64>,
    consumed: u64,
    produced: u64,
    inflate: Option<Decompress>,
    descriptor: bool,
    zip64: bool,
    ended: bool,
}

/// The bytes of one member.
pub(super) struct NestedMember {
    shared: Arc<Mutex<Inner>>,
}

impl NestedZip {
    /// Reads an archive from a stream.
    pub fn new(input: Stream) -> Self {
        let input = BufReader::with_capacity(64 * 1024, input);
        Self { shared: Arc::new(Mutex::new(Inner { input, member: None })) }
    }

    /// The next member: its path and its bytes. The rest of the member before it is passed over.
    pub fn next_member(&mut self) -> io::Result<Option<(String, NestedMember)>> {
        let mut inner = lock(&self.shared);
        inner.pass_over()?;
        let found = inner.header()?;
        drop(inner);
        Ok(found.map(|name| (name, NestedMember { shared: Arc::clone(&self.shared) })))
    }
}

fn lock(shared: &Mutex<Inner>) -> MutexGuard<'_, Inner> {
    shared.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Read for NestedMember {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        lock(&self.shared).read(into)
    }
}

fn bad(reason: impl Into<String>) -> io::Error {
    io::Error::other(reason.into())
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

impl Inner {
    fn pass_over(&mut self) -> io::Result<()> {
        let mut waste = [0; 16 * 1024];
        while self.read(&mut waste)? > 0 {}
        self.member = None;
        Ok(())
    }

    /// Reads the next local header; `None` at the central directory.
    fn header(&mut self) -> io::Result<Option<String>> {
        let mut signature = [0; 4];
        self.input.read_exact(&mut signature)?;
        let signature = u32::from_le_bytes(signature);
        if DIRECTORY.contains(&signature) {
            return Ok(None);
        }
        if signature != LOCAL_HEADER {
            return Err(bad("an archive inside the archive is damaged; copy or download it again"));
        }
        let mut fixed = [0; 26];
        self.input.read_exact(&mut fixed)?;
        let (flags, method) = (u16_at(&fixed, 2), u16_at(&fixed, 4));
        let mut name = vec![0; usize::from(u16_at(&fixed, 22))];
        self.input.read_exact(&mut name)?;
        let mut extra = vec![0; usize::from(u16_at(&fixed, 24))];
        self.input.read_exact(&mut extra)?;
        let name = archive_name(&name);
        if flags & 1 != 0 {
            return Err(bad(format!("{name} is encrypted; decrypt the archive first")));
        }
        let descriptor = flags & 8 != 0;
        let long = zip64(&extra);
        let long_size = long.and_then(|body| body.get(8..16)?.try_into().ok()).map(u64::from_le_bytes);
        let compressed = match u32_at(&fixed, 14) {
            u32::MAX => long_size.unwrap_or(u64::from(u32::MAX)),
            size => u64::from(size),
        };
        let known = !descriptor || compressed > 0;
        let inflate = match method {
            8 => Some(Decompress::new(false)),
            0 if known => None,
            _ => {
                return Err(bad(format!(
                    "{name} is compressed in a way that cannot be read inside another archive; extract the outer one"
                )));
            }
        };
        self.member = Some(Current {
            name: name.clone(),
            remaining: known.then_some(compressed),
            consumed: 0,
            produced: 0,
            inflate,
            descriptor,
            zip64: long.is_some(),
            ended: false,
        });
        Ok(Some(name))
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let Some(member) = &mut self.member else { return Ok(0) };
        if member.ended || into.is_empty() {
            return Ok(0);
        }
        let count = if member.inflate.is_some() {
            inflate(&mut self.input, member, into)?
        } else {
            let remaining = member.remaining.unwrap_or(0);
            let count = (&mut self.input).take(remaining).read(into)?;
            if count == 0 && remaining > 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            member.remaining = Some(remaining - count as u64);
            member.consumed += count as u64;
            count
        };
        member.produced += count as u64;
        check_growth(&member.name, Some(member.consumed), member.produced)?;
        if count == 0 {
            member.ended = true;
            let rest = member.remaining.unwrap_or(0);
            io::copy(&mut (&mut self.input).take(rest), &mut io::sink())?;
            if member.descriptor {
                skip_descriptor(&mut self.input, member.zip64)?;
            }
        }
        Ok(count)
    }
}

/// Some output of the deflate stream; 0 at its end.
fn inflate(input: &mut BufReader<Stream>, member: &mut Current, into: &mut [u8]) -> io::Result<usize> {
    let Some(decoder) = &mut member.inflate else { return Ok(0) };
    loop {
        let available = input.fill_buf()?;
        let limit = member.remaining.map_or(available.len(), |rest| available.len().min(rest as usize));
        let starved = limit == 0;
        let (before_in, before_out) = (decoder.total_in(), decoder.total_out());
        let status = decoder
            .decompress(&available[..limit], into, FlushDecompress::None)
            .map_err(|error| bad(format!("{} is damaged ({error}); copy or download it again", member.name)))?;
        let consumed = decoder.total_in() - before_in;
        let produced = (decoder.total_out() - before_out) as usize;
        input.consume(consumed as usize);
        member.consumed += consumed;
        member.remaining = member.remaining.map(|rest| rest - consumed);
        if produced > 0 || status == Status::StreamEnd {
            return Ok(produced);
        }
        if starved {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// Passes over crc and sizes after the data; their signature is optional.
fn skip_descriptor(input: &mut impl Read, zip64: bool) -> io::Result<()> {
    let mut first = [0; 4];
    input.read_exact(&mut first)?;
    let sizes = if zip64 { 16 } else { 8 };
    let rest = if u32::from_le_bytes(first) == DESCRIPTOR { 4 + sizes } else { sizes };
    let mut waste = [0; 20];
    input.read_exact(&mut waste[..rest])
}

/// The body of a zip64 extra field.
fn zip64(mut extra: &[u8]) -> Option<&[u8]> {
    while extra.len() >= 4 {
        let (id, length) = (u16_at(extra, 0), usize::from(u16_at(extra, 2)));
        let body = extra.get(4..4 + length)?;
        if id == 1 {
            return Some(body);
        }
        extra = &extra[4 + length..];
    }
    None
}
