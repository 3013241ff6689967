//! The form of a kept file: a head that says who wrote it, then sections, each with its length and its checksum.
//!
//! Numbers are written as the machine holds them, which the head tells, so that an array is read in one go.

use std::fs::File;
use std::io::{BufReader, BufWriter, Read, Write};
use std::path::Path;

use bytemuck::Pod;
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

/// First bytes of every kept file.
const MAGIC: [u8; 8] = *b"bricola\n";
/// Tells a machine that holds its numbers the other way round.
const ORDER: u32 = 0x0102_0304;
/// What this build is compiled from: what it works out is taken from its own files only.
const SOURCES: &str = env!("BRICOLA_SOURCES");
const BUFFER: usize = 256 * 1024;

/// What a kept file cannot be, and why it is not used.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Damaged(pub &'static str);

/// Why something kept is not used, or cannot be kept. Never more than a reason to read the layer from its store.
#[derive(Debug, Error)]
pub enum WarmError {
    /// The file cannot be read or written.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// It is not what was written.
    #[error("damaged: {0}")]
    Damaged(#[from] Damaged),
    /// It was written by another build, or on another kind of machine.
    #[error("written by another build")]
    Foreign,
    /// Its reference system is not usable any more.
    #[error(transparent)]
    Crs(#[from] crate::crs::CrsError),
    /// Its changes do not go with it.
    #[error(transparent)]
    Build(#[from] crate::cache::BuildError),
}

/// A file being written.
pub(in crate::cache) struct Sink<'a> {
    out: BufWriter<&'a mut dyn Write>,
}

impl<'a> Sink<'a> {
    /// Begins with the head.
    pub fn new(out: &'a mut dyn Write) -> Result<Self, WarmError> {
        let mut sink = Self { out: BufWriter::with_capacity(BUFFER, out) };
        sink.out.write_all(&MAGIC)?;
        sink.out.write_all(&ORDER.to_ne_bytes())?;
        sink.array(SOURCES.as_bytes())?;
        Ok(sink)
    }

    /// A section of numbers.
    pub fn array<T: Pod>(&mut self, values: &[T]) -> Result<(), WarmError> {
        let bytes: &[u8] = bytemuck::cast_slice(values);
        self.out.write_all(&(bytes.len() as u64).to_ne_bytes())?;
        self.out.write_all(bytes)?;
        self.out.write_all(&crc32fast::hash(bytes).to_ne_bytes())?;
        Ok(())
    }

    /// A section of anything else.
    pub fn record<T: Serialize>(&mut self, value: &T) -> Result<(), WarmError> {
        let bytes = postcard::to_stdvec(value).map_err(|error| std::io::Error::other(error.to_string()))?;
        self.array(&bytes)
    }

    /// Ends the file.
    pub fn finish(mut self) -> Result<(), WarmError> {
        Ok(self.out.flush()?)
    }
}

/// A file being read. Lengths are believed only as far as the file goes.
pub(in crate::cache) struct Source {
    input: BufReader<Box<dyn Read + Send>>,
    left: u64,
}

impl Source {
    /// Opens a file and reads its head.
    pub fn open(path: &Path) -> Result<Self, WarmError> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Self::new(Box::new(file), length)
    }

    /// As [`Self::open`], of bytes that are `length` long.
    pub fn new(input: Box<dyn Read + Send>, length: u64) -> Result<Self, WarmError> {
        let mut source = Self { input: BufReader::with_capacity(BUFFER, input), left: length };
        let (mut magic, mut order) = ([0; 8], [0; 4]);
        source.exactly(&mut magic)?;
        source.exactly(&mut order)?;
        if magic != MAGIC {
            return Err(Damaged("not a kept layer").into());
        }
        if order != ORDER.to_ne_bytes() || source.array::<u8>()? != SOURCES.as_bytes() {
            return Err(WarmError::Foreign);
        }
        Ok(source)
    }

    fn exactly(&mut self, bytes: &mut [u8]) -> Result<(), WarmError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(Damaged("too short"))?;
        Ok(self.input.read_exact(bytes)?)
    }

    /// A section of numbers.
    pub fn array<T: Pod>(&mut self) -> Result<Vec<T>, WarmError> {
        let (mut length, mut sum) = ([0; 8], [0; 4]);
        self.exactly(&mut length)?;
        let length = u64::from_ne_bytes(length);
        let size = size_of::<T>() as u64;
        if length > self.left || length % size != 0 {
            return Err(Damaged("a section is longer than the file").into());
        }
        let mut values: Vec<T> = bytemuck::zeroed_vec((length / size) as usize);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut values);
        self.exactly(bytes)?;
        let found = crc32fast::hash(bytes);
        self.exactly(&mut sum)?;
        if found != u32::from_ne_bytes(sum) {
            return Err(Damaged("a checksum does not agree").into());
        }
        Ok(values)
    }

    /// A section of anything else.
    pub fn record<T: DeserializeOwned>(&mut self) -> Result<T, WarmError> {
        let bytes: Vec<u8> = self.array()?;
        let (value, rest) = postcard::take_from_bytes(&bytes).map_err(|_| Damaged("a record cannot be read"))?;
        if !rest.is_empty() {
            return Err(Damaged("a record is too long").into());
        }
        Ok(value)
    }

    /// Nothing may follow.
    pub fn finish(self) -> Result<(), WarmError> {
        if self.left == 0 { Ok(()) } else { Err(Damaged("something follows the end").into()) }
    }
}
