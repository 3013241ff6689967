//! The blocks of an extract (PBF, `OSM PBF Format` 1.0): a length, a header, and what it heads, which is compressed.
//!
//! Only what streets are made of is decoded. Nothing of the file is believed: lengths are bounded, sums wrap, and names that
//! are not there are none.

use std::io::Read;

use prost::Message;

use crate::limits::{MAX_OSM_BLOCK_BYTES, MAX_OSM_HEADER_BYTES};
use crate::reader::ReadError;
use crate::reader::source::{Source, Stream};

#[derive(Clone, PartialEq, Message)]
struct BlobHeader {
    #[prost(string, tag = "1")]
    kind: String,
    #[prost(int32, tag = "3")]
    size: i32,
}

#[derive(Clone, PartialEq, Message)]
struct Blob {
    #[prost(bytes = "vec", optional, tag = "1")]
    raw: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    zlib: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "7")]
    zstd: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Message)]
struct HeaderBlock {
    #[prost(string, repeated, tag = "4")]
    required: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct StringTable {
    #[prost(bytes = "vec", repeated, tag = "1")]
    texts: Vec<Vec<u8>>,
}

/// Streets and points of one block.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Block {
    #[prost(message, optional, tag = "1")]
    texts: Option<StringTable>,
    #[prost(message, repeated, tag = "2")]
    groups: Vec<Group>,
    #[prost(int32, optional, tag = "17")]
    granularity: Option<i32>,
    #[prost(int64, tag = "19")]
    north: i64,
    #[prost(int64, tag = "20")]
    east: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Group {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
    #[prost(message, optional, tag = "2")]
    dense: Option<Dense>,
    #[prost(message, repeated, tag = "3")]
    ways: Vec<RawWay>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(sint64, tag = "1")]
    id: i64,
    #[prost(sint64, tag = "8")]
    north: i64,
    #[prost(sint64, tag = "9")]
    east: i64,
}

#[derive(Clone, PartialEq, Message)]
struct Dense {
    #[prost(sint64, repeated, tag = "1")]
    ids: Vec<i64>,
    #[prost(sint64, repeated, tag = "8")]
    north: Vec<i64>,
    #[prost(sint64, repeated, tag = "9")]
    east: Vec<i64>,
}

#[derive(Clone, PartialEq, Message)]
struct RawWay {
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(uint32, repeated, tag = "2")]
    keys: Vec<u32>,
    #[prost(uint32, repeated, tag = "3")]
    values: Vec<u32>,
    #[prost(sint64, repeated, tag = "8")]
    refs: Vec<i64>,
}

/// A way in its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way<'a> {
    block: &'a Block,
    way: &'a RawWay,
}

impl Way<'_> {
    pub fn id(&self) -> i64 {
        self.way.id
    }

    /// The points that it runs through: each is told as its difference from the one before.
    pub fn refs(&self) -> impl Iterator<Item = i64> {
        summed(&self.way.refs)
    }

    /// The value of a key.
    pub fn tag(&self, key: &str) -> Option<String> {
        let mut pairs = self.way.keys.iter().zip(&self.way.values);
        let (_, value) = pairs.find(|(name, _)| self.block.text(**name) == Some(key.as_bytes()))?;
        self.block.text(*value).map(|text| String::from_utf8_lossy(text).into_owned())
    }
}

impl Block {
    fn text(&self, at: u32) -> Option<&[u8]> {
        self.texts.as_ref()?.texts.get(at as usize).map(Vec::as_slice)
    }

    pub fn ways(&self) -> impl Iterator<Item = Way<'_>> {
        self.groups.iter().flat_map(|group| &group.ways).map(|way| Way { block: self, way })
    }

    /// Tells each point with its place: ten-millionths of a degree, east before north.
    pub fn points(&self, mut tell: impl FnMut(i64, [i32; 2])) {
        let granularity = i64::from(self.granularity.unwrap_or(100));
        let degrees = |offset: i64, value: i64| {
            let nanos = value.wrapping_mul(granularity).wrapping_add(offset);
            // Rounded, as 100 nanodegrees are told.
            i32::try_from(nanos.wrapping_add(50).div_euclid(100)).ok()
        };
        let mut placed = |id: i64, east: i64, north: i64| {
            if let (Some(x), Some(y)) = (degrees(self.east, east), degrees(self.north, north)) {
                tell(id, [x, y]);
            }
        };
        for group in &self.groups {
            for node in &group.nodes {
                placed(node.id, node.east, node.north);
            }
            if let Some(dense) = &group.dense {
                let places = summed(&dense.east).zip(summed(&dense.north));
                for (id, (east, north)) in summed(&dense.ids).zip(places) {
                    placed(id, east, north);
                }
            }
        }
    }
}

/// Values of which each is told as its difference from the one before.
fn summed(differences: &[i64]) -> impl Iterator<Item = i64> {
    differences.iter().scan(0_i64, |sum, difference| {
        *sum = sum.wrapping_add(*difference);
        Some(*sum)
    })
}

/// The blocks of data of an extract, in order.
pub(super) struct Blocks {
    stream: Stream,
    name: String,
    is_over: bool,
}

impl Blocks {
    pub fn open(source: &Source) -> Result<Self, ReadError> {
        Ok(Self { stream: source.open()?, name: source.name(), is_over: false })
    }

    fn refused(&self, reason: &str) -> ReadError {
        ReadError::File(format!("{}: {reason}", self.name))
    }

    fn damaged(&self, what: &str) -> ReadError {
        self.refused(&format!("{what} is damaged; copy or download it again"))
    }

    /// So many bytes.
    fn bytes(&mut self, count: usize) -> Result<Vec<u8>, ReadError> {
        let mut bytes = Vec::new();
        let read = self.stream.by_ref().take(count as u64).read_to_end(&mut bytes);
        read.map_err(|error| self.refused(&format!("reading failed: {error}")))?;
        if bytes.len() < count {
            return Err(self.refused("the extract is truncated; copy or download it again"));
        }
        Ok(bytes)
    }

    /// The next block of data; none at the end.
    fn read(&mut self) -> Result<Option<Block>, ReadError> {
        loop {
            let mut length = [0; 4];
            let first = self
                .stream
                .read(&mut length[..1])
                .map_err(|error| self.refused(&format!("reading failed: {error}")))?;
            if first == 0 {
                return Ok(None);
            }
            length[1..].copy_from_slice(&self.bytes(3)?);
            let length = u32::from_be_bytes(length) as usize;
            if length > MAX_OSM_HEADER_BYTES {
                return Err(self.damaged("the header of a block"));
            }
            let header = BlobHeader::decode(self.bytes(length)?.as_slice())
                .map_err(|_| self.damaged("the header of a block"))?;
            let size = usize::try_from(header.size).ok().filter(|size| *size <= MAX_OSM_BLOCK_BYTES);
            let Some(size) = size else { return Err(self.damaged("the length of a block")) };
            let blob = self.bytes(size)?;
            match header.kind.as_str() {
                "OSMHeader" => {
                    let block = HeaderBlock::decode(self.unpacked(&blob)?.as_slice())
                        .map_err(|_| self.damaged("the header"))?;
                    let known = ["OsmSchema-V0.6", "DenseNodes"];
                    if let Some(feature) = block.required.iter().find(|feature| !known.contains(&feature.as_str())) {
                        let feature: String = feature.chars().take(80).collect();
                        return Err(self.refused(&format!(
                            "the extract needs `{feature}`, which is not read; make it anew without"
                        )));
                    }
                }
                "OSMData" => {
                    let block = Block::decode(self.unpacked(&blob)?.as_slice()).map_err(|_| self.damaged("a block"))?;
                    return Ok(Some(block));
                }
                // What a reader does not know it passes by.
                _ => {}
            }
        }
    }

    fn unpacked(&self, blob: &[u8]) -> Result<Vec<u8>, ReadError> {
        let blob = Blob::decode(blob).map_err(|_| self.damaged("a block"))?;
        let most = MAX_OSM_BLOCK_BYTES as u64 + 1;
        let mut bytes = Vec::new();
        let read = match (blob.raw, blob.zlib, blob.zstd) {
            (Some(raw), ..) => {
                bytes = raw;
                Ok(0)
            }
            (_, Some(zlib), _) => flate2::read::ZlibDecoder::new(zlib.as_slice()).take(most).read_to_end(&mut bytes),
            (.., Some(zstd)) => zstd::stream::read::Decoder::new(zstd.as_slice())
                .and_then(|decoder| decoder.take(most).read_to_end(&mut bytes)),
            _ => {
                return Err(
                    self.refused("a block is compressed neither by zlib nor by Zstandard; make the extract anew")
                );
            }
        };
        match read {
            Ok(_) if bytes.len() as u64 >= most => Err(self.damaged("the length of a block")),
            Ok(_) => Ok(bytes),
            Err(_) => Err(self.damaged("a block")),
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Block, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.is_over {
            return None;
        }
        let block = self.read();
        self.is_over = !matches!(block, Ok(Some(_)));
        block.transpose()
    }
}

/// Extracts made for tests.
#[cfg(test)]
pub(super) mod made {
    use std::io::Write as _;

    use prost::Message as _;

    use super::{Blob, BlobHeader, Block, Dense, Group, HeaderBlock, RawWay, StringTable};

    /// How a block is compressed.
    #[derive(Debug, Clone, Copy)]
    pub enum Packing {
        None,
        Zlib,
        Zstd,
    }

    fn blob(kind: &str, content: Vec<u8>, packing: Packing) -> Vec<u8> {
        let mut blob = Blob { raw: None, zlib: None, zstd: None };
        match packing {
            Packing::None => blob.raw = Some(content),
            Packing::Zlib => {
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                encoder.write_all(&content).expect("a vector");
                blob.zlib = Some(encoder.finish().expect("a vector"));
            }
            Packing::Zstd => blob.zstd = Some(zstd::encode_all(content.as_slice(), 1).expect("a vector")),
        }
        let blob = blob.encode_to_vec();
        let header = BlobHeader { kind: kind.to_owned(), size: blob.len() as i32 }.encode_to_vec();
        [&(header.len() as u32).to_be_bytes(), header.as_slice(), blob.as_slice()].concat()
    }

    /// The beginning of an extract that needs some features.
    pub fn header(required: &[&str]) -> Vec<u8> {
        let required = required.iter().map(|feature| (*feature).to_owned()).collect();
        blob("OSMHeader", HeaderBlock { required }.encode_to_vec(), Packing::Zlib)
    }

    fn differences(values: impl Iterator<Item = i64>) -> Vec<i64> {
        let mut before = 0;
        values.map(|value| value - std::mem::replace(&mut before, value)).collect()
    }

    /// A way: id, points, tags.
    pub type MadeWay<'a> = (i64, &'a [i64], &'a [(&'a str, &'a str)]);

    /// A block with points (id, ten-millionths of a degree east and north) and ways (id, points, tags).
    pub fn data(points: &[(i64, i64, i64)], ways: &[MadeWay<'_>], packing: Packing) -> Vec<u8> {
        let mut texts = vec![Vec::new()];
        let mut number = |text: &str| {
            texts.push(text.as_bytes().to_vec());
            texts.len() as u32 - 1
        };
        let dense = Dense {
            ids: differences(points.iter().map(|point| point.0)),
            east: differences(points.iter().map(|point| point.1)),
            north: differences(points.iter().map(|point| point.2)),
        };
        let way = |(id, refs, tags): &MadeWay<'_>| RawWay {
            id: *id,
            keys: tags.iter().map(|(key, _)| number(key)).collect(),
            values: tags.iter().map(|(_, value)| number(value)).collect(),
            refs: differences(refs.iter().copied()),
        };
        let ways = ways.iter().map(way).collect();
        let groups = vec![Group { nodes: Vec::new(), dense: Some(dense), ways }];
        let block = Block { texts: Some(StringTable { texts }), groups, granularity: None, north: 0, east: 0 };
        blob("OSMData", block.encode_to_vec(), packing)
    }
}
