//! Where bytes come from: a file, a member of an archive, a gzip file, memory. Each can be opened again and again.

use std::fs::File;
use std::io::{self, Cursor, Read, Seek};
use std::path::PathBuf;
use std::sync::Arc;

use super::ReadError;
use super::archive::{self, Guard, Member};

/// A sequential stream of bytes.
pub(super) type Stream = Box<dyn Read + Send>;

/// Bytes that can be read from anywhere.
pub(super) trait ReadSeek: Read + Seek + Send {}
impl<T: Read + Seek + Send> ReadSeek for T {}

/// How much of a source is looked at to tell what it is.
pub(super) const HEAD_BYTES: u64 = 64 * 1024;

/// Something that can be opened.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A file on disk.
    File(PathBuf),
    /// Bytes in memory, under a file name.
    Bytes(String, Arc<[u8]>),
    /// A member of a zip archive.
    Member(Member),
    /// Something compressed by gzip.
    Gzip(Box<Source>),
}

impl Source {
    /// Its file name, without folders; for messages, extensions and layer names.
    pub fn name(&self) -> String {
        match self {
            Self::File(path) => path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
            Self::Bytes(name, _) => name.clone(),
            Self::Member(member) => member.file_name().to_owned(),
            Self::Gzip(inner) => {
                let name = inner.name();
                name.strip_suffix(".gz").map_or(name.clone(), str::to_owned)
            }
        }
    }

    /// Its name without folders and extension.
    pub fn stem(&self) -> String {
        let name = self.name();
        name.rsplit_once('.').map_or(name.clone(), |(stem, _)| stem.to_owned())
    }

    /// The extension of its name, in lower case.
    pub fn extension(&self) -> String {
        self.name().rsplit_once('.').map_or_else(String::new, |(_, extension)| extension.to_ascii_lowercase())
    }

    /// A stream from its beginning.
    pub fn open(&self) -> Result<Stream, ReadError> {
        Ok(match self {
            Self::File(_) | Self::Bytes(..) => Box::new(self.open_seekable()?),
            Self::Member(member) => member.open()?,
            Self::Gzip(inner) => {
                let decoder = flate2::read::MultiGzDecoder::new(inner.open()?);
                Box::new(Guard::new(decoder, None, archive::Total::default(), self.name()))
            }
        })
    }

    /// A stream that can seek; compressed sources cannot.
    pub fn open_seekable(&self) -> Result<Box<dyn ReadSeek>, ReadError> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|error| cannot_open(&path.display().to_string(), &error))?;
                if file.metadata().is_ok_and(|data| data.is_dir()) {
                    return Err(ReadError::File(format!(
                        "{} is a folder; name one of the files in it",
                        path.display()
                    )));
                }
                Ok(Box::new(file))
            }
            Self::Bytes(_, bytes) => Ok(Box::new(Cursor::new(Arc::clone(bytes)))),
            Self::Member(_) | Self::Gzip(_) => Err(ReadError::File(format!(
                "{} can only be read from a file of its own; take it out of its archive first",
                self.name()
            ))),
        }
    }

    /// Its first [`HEAD_BYTES`].
    pub fn head(&self) -> Result<Vec<u8>, ReadError> {
        let mut head = Vec::new();
        self.open()?.take(HEAD_BYTES).read_to_end(&mut head).map_err(|error| broken(&self.name(), &error))?;
        Ok(head)
    }
}

/// The message for a source that cannot be opened.
pub(super) fn cannot_open(name: &str, error: &io::Error) -> ReadError {
    ReadError::File(match error.kind() {
        io::ErrorKind::NotFound => format!("{name}: there is no such file; check the path"),
        io::ErrorKind::PermissionDenied => format!("{name}: not readable for this user; check its permissions"),
        _ => format!("{name}: cannot be opened ({error})"),
    })
}

/// The message for a stream that breaks while it is read.
pub(super) fn broken(name: &str, error: &io::Error) -> ReadError {
    ReadError::File(match error.kind() {
        io::ErrorKind::UnexpectedEof => format!("{name}: the file is truncated; copy or download it again"),
        // Our own limits speak for themselves.
        io::ErrorKind::Other => format!("{name}: {error}"),
        _ => format!("{name}: reading failed ({error}); the file is damaged: copy or download it again"),
    })
}
