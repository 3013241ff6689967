//! Zip archives: what is in them, their members as streams, and the limits against zip bombs.
//!
//! Nothing is ever extracted to disk. The members of the outermost archive are found by its central directory;
//! archives within it are read as they stream by ([`nested`]).

mod nested;
#[cfg(test)]
pub(super) mod tests;
mod walk;

pub(super) use walk::{Documents, Walk};

use std::io::{self, BufReader, Read, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use zip::CompressionMethod;
use zip::ZipArchive;

use super::ReadError;
use super::encoding::archive_name;
use super::source::{Source, Stream};
use crate::limits::{MAX_ARCHIVE_BYTES, MAX_ARCHIVE_MEMBERS, MAX_ARCHIVE_RATIO, MIN_BOMB_BYTES};

/// Bytes that came out of one archive so far, all members together.
pub(super) type Total = Arc<AtomicU64>;

/// A member of a zip archive that lies in a file or in memory.
#[derive(Debug, Clone)]
pub(super) struct Member {
    archive: Box<Source>,
    /// Its path inside the archive.
    pub path: String,
    start: u64,
    compressed: u64,
    deflated: Option<bool>,
    encrypted: bool,
}

impl Member {
    /// The last part of its path.
    pub fn file_name(&self) -> &str {
        self.path.rsplit(['/', '\\']).next().unwrap_or_default()
    }

    /// Its bytes, decompressed, as one stream.
    pub fn open(&self) -> Result<Stream, ReadError> {
        self.open_counted(Total::default())
    }

    /// As [`Self::open`], counted against the limit of the whole archive.
    pub fn open_counted(&self, total: Total) -> Result<Stream, ReadError> {
        if self.encrypted {
            return Err(ReadError::File(format!("{} is encrypted; decrypt the archive first", self.path)));
        }
        let mut file = self.archive.open_seekable()?;
        file.seek(SeekFrom::Start(self.start)).map_err(|error| super::source::broken(&self.path, &error))?;
        let raw = BufReader::with_capacity(64 * 1024, file.take(self.compressed));
        let limit = Some(self.compressed);
        Ok(match self.deflated {
            Some(true) => {
                let inflated = flate2::bufread::DeflateDecoder::new(raw);
                Box::new(Guard::new(inflated, limit, total, self.path.clone()))
            }
            Some(false) => Box::new(Guard::new(raw, limit, total, self.path.clone())),
            None => {
                return Err(ReadError::File(format!(
                    "{} is compressed by a method other than deflate; pack the archive again as a plain zip",
                    self.path
                )));
            }
        })
    }
}

/// The files in an archive, without folders and the droppings of operating systems.
pub(super) fn members(archive: &Source) -> Result<Vec<Member>, ReadError> {
    let name = archive.name();
    let damaged = |error: zip::result::ZipError| {
        ReadError::File(format!("{name}: not a readable zip archive ({error}); copy or download it again"))
    };
    let mut zip = ZipArchive::new(BufReader::new(archive.open_seekable()?)).map_err(damaged)?;
    if zip.len() > MAX_ARCHIVE_MEMBERS {
        return Err(ReadError::File(format!(
            "{name}: {} members, more than MAX_ARCHIVE_MEMBERS ({MAX_ARCHIVE_MEMBERS}); split the archive",
            zip.len()
        )));
    }
    let mut members = Vec::new();
    for index in 0..zip.len() {
        let file = zip.by_index_raw(index).map_err(damaged)?;
        let path = archive_name(file.name_raw());
        let file_name = path.rsplit(['/', '\\']).next().unwrap_or_default();
        let dropping = path.starts_with("__MACOSX/") || file_name.starts_with("._") || file_name == ".DS_Store";
        if file.is_dir() || dropping || file_name.is_empty() {
            continue;
        }
        let Some(start) = file.data_start() else {
            continue;
        };
        let deflated = match file.compression() {
            CompressionMethod::Stored => Some(false),
            CompressionMethod::Deflated => Some(true),
            _ => None,
        };
        members.push(Member {
            archive: Box::new(archive.clone()),
            start,
            compressed: file.compressed_size(),
            deflated,
            encrypted: file.encrypted(),
            path,
        });
    }
    Ok(members)
}

/// Stops a stream that grows beyond reason: the zip bomb.
pub(super) struct Guard<R> {
    inner: R,
    compressed: Option<u64>,
    produced: u64,
    total: Total,
    name: String,
}

impl<R> Guard<R> {
    /// Watches `inner`, the decompressed form of `compressed` bytes (if known).
    pub fn new(inner: R, compressed: Option<u64>, total: Total, name: String) -> Self {
        Self { inner, compressed, produced: 0, total, name }
    }
}

impl<R: Read> Read for Guard<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.produced += count as u64;
        check_growth(&self.name, self.compressed, self.produced)?;
        let total = self.total.fetch_add(count as u64, Ordering::Relaxed) + count as u64;
        if total > MAX_ARCHIVE_BYTES {
            return Err(io::Error::other(format!(
                "the archive grows past MAX_ARCHIVE_BYTES ({MAX_ARCHIVE_BYTES} bytes); split it"
            )));
        }
        Ok(count)
    }
}

/// An error once `produced` bytes are too many for what `compressed` bytes can honestly hold.
fn check_growth(name: &str, compressed: Option<u64>, produced: u64) -> io::Result<()> {
    let Some(compressed) = compressed else { return Ok(()) };
    if produced > MIN_BOMB_BYTES && produced / MAX_ARCHIVE_RATIO > compressed {
        return Err(io::Error::other(format!(
            "{name} grows to more than {MAX_ARCHIVE_RATIO} times its compressed size (MAX_ARCHIVE_RATIO) and is taken \
             for a zip bomb; if it is honest, extract it first"
        )));
    }
    Ok(())
}
