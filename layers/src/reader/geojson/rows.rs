//! The rows of a JSON document: where they stand in it, and what stands around them.

use std::io::BufReader;

use serde_json::{Map, Value as Json};

use super::cut::{Cut, Cutter};
use super::parse;
use crate::limits::MAX_ROW_BYTES;
use crate::reader::source::{Source, Stream};
use crate::reader::tally::Tally;
use crate::reader::{ReadError, SourceCrs, crs_name, encoding};

/// Where in the document the rows are.
enum Place {
    /// Before the first row.
    Start,
    /// In an array of rows; the flag says that a comma has to come before the next.
    Array(bool),
    /// Between the members of the root object, after the rows.
    Tail,
    /// One document per line.
    Lines,
    Over,
}

/// The rows of a JSON source, still as bytes.
pub(super) struct Rows {
    cutter: Cutter<BufReader<Stream>>,
    place: Place,
    /// The member of the root that holds the rows, if it is not `features`.
    records: Option<String>,
    /// Members of the root that were read on the way to the rows.
    pub root: Map<String, Json>,
    /// Names of members that are arrays of objects.
    pub arrays: Vec<String>,
    /// Whether there is an array of rows.
    pub collection: bool,
}

impl Rows {
    /// Starts at the beginning of the source. `records` names the member that holds the rows, if not `features`.
    pub fn start(source: &Source, lines: bool, records: Option<String>) -> Result<Self, ReadError> {
        let head = source.head()?;
        let stream = source.open()?;
        let stream: Stream = match encoding::wide(&head) {
            Some(encoding) => Box::new(encoding::Transcoder::new(stream, encoding)),
            None => stream,
        };
        Ok(Self {
            cutter: Cutter::new(BufReader::with_capacity(256 * 1024, stream)),
            place: if lines { Place::Lines } else { Place::Start },
            records,
            root: Map::new(),
            arrays: Vec::new(),
            collection: false,
        })
    }

    /// Cuts out the next row; false at the end.
    pub fn next(&mut self, out: &mut Vec<u8>) -> Result<bool, Cut> {
        loop {
            match self.place {
                Place::Over => return Ok(false),
                Place::Lines => return self.cutter.line(out),
                Place::Start => {
                    if self.begin(out)? {
                        return Ok(true);
                    }
                }
                Place::Array(comma) => {
                    if self.cutter.peek()? == Some(b']') {
                        self.cutter.take()?;
                        self.place = Place::Tail;
                        continue;
                    }
                    if comma {
                        self.cutter.expect(b',')?;
                    }
                    self.place = Place::Array(true);
                    self.cutter.value(out, MAX_ROW_BYTES)?;
                    return Ok(true);
                }
                Place::Tail => {
                    self.tail()?;
                    self.place = Place::Over;
                }
            }
        }
    }

    /// Goes to the first row. True when the root itself is one, which is then in `out`.
    fn begin(&mut self, out: &mut Vec<u8>) -> Result<bool, Cut> {
        if self.cutter.take()? == b'[' {
            self.collection = true;
            self.place = Place::Array(false);
            // After the array there is no root object to go on with.
            self.records = Some(String::new());
            return Ok(false);
        }
        if self.cutter.peek()? == Some(b'}') {
            self.place = Place::Over;
            return Ok(false);
        }
        loop {
            if self.member(out)? {
                return Ok(false);
            }
            if !self.cutter.more(b'}')? {
                break;
            }
        }
        self.place = Place::Over;
        let kind = self.root.get("type").and_then(Json::as_str).unwrap_or_default();
        if kind == "FeatureCollection" || kind.is_empty() || self.collection {
            return Ok(false);
        }
        out.clear();
        serde_json::to_writer(&mut *out, &self.root).map_err(|error| Cut::Io(error.into()))?;
        Ok(true)
    }

    /// Reads one member of the root; true when it is the array of rows.
    fn member(&mut self, out: &mut Vec<u8>) -> Result<bool, Cut> {
        let name = self.cutter.name()?;
        let array = self.cutter.peek()? == Some(b'[');
        let wanted = self.records.as_deref().unwrap_or("features");
        if array && name == wanted {
            self.cutter.take()?;
            self.place = Place::Array(false);
            self.collection = true;
            return Ok(true);
        }
        let kept = ["type", "name", "crs", "geometry", "properties", "id", "coordinates", "geometries"];
        if kept.contains(&name.as_str()) {
            self.cutter.value(out, MAX_ROW_BYTES)?;
            let mut tally = Tally::default();
            let text = parse::text(out, &mut tally);
            let value = serde_json::from_str(&text)
                .map_err(|error| Cut::Limit(format!("the member `{name}` is not valid JSON: {error}")))?;
            self.root.insert(name, value);
        } else {
            if array {
                self.arrays.push(name);
            }
            self.cutter.skip()?;
        }
        Ok(false)
    }

    /// Reads the members after the rows: `crs` may stand there.
    fn tail(&mut self) -> Result<(), Cut> {
        if self.records.as_deref() == Some("") {
            return Ok(());
        }
        let mut scratch = Vec::new();
        while self.cutter.more(b'}')? {
            if self.member(&mut scratch)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The CRS of the document, as far as it has been read.
    pub fn crs(&self) -> SourceCrs {
        match self.root.get("crs") {
            // RFC 7946, 4: WGS 84 in the order of longitude and latitude.
            None => SourceCrs::Epsg(4326),
            Some(Json::Object(crs)) => {
                let name = crs.get("properties").and_then(|properties| {
                    properties.get("name").or_else(|| properties.get("href")).and_then(Json::as_str)
                });
                let code = crs.get("properties").and_then(|properties| properties.get("code")).and_then(Json::as_u64);
                match (name, code) {
                    (Some(name), _) => crs_name::parse(name).0,
                    (None, Some(code)) => u32::try_from(code).map_or(SourceCrs::Undeclared, SourceCrs::Epsg),
                    _ => SourceCrs::Undeclared,
                }
            }
            Some(Json::String(name)) => crs_name::parse(name).0,
            // The 2008 form: null means that nothing can be assumed.
            Some(_) => SourceCrs::Undeclared,
        }
    }
}
