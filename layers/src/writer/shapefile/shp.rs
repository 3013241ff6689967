//! The geometries and their index (ESRI Shapefile Technical Description, July 1998).

use std::io::{self, Seek, SeekFrom, Write};

use crate::cache::RowRef;

/// What the shapes of a file are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ShapeType {
    Point = 1,
    Line = 3,
    Polygon = 5,
    MultiPoint = 8,
}

/// Bytes of the head of both files.
const HEAD: usize = 100;

/// Writes shapes and their index one after the other.
#[derive(Debug)]
pub struct ShapeWriter<W: Write + Seek> {
    shapes: W,
    index: W,
    kind: ShapeType,
    /// Bytes of the file of shapes so far.
    bytes: usize,
    count: i32,
    bounds: Option<[f64; 4]>,
    record: Vec<u8>,
}

impl<W: Write + Seek> ShapeWriter<W> {
    /// Begins both files.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn begin(mut shapes: W, mut index: W, kind: ShapeType) -> io::Result<Self> {
        shapes.write_all(&[0; HEAD])?;
        index.write_all(&[0; HEAD])?;
        Ok(Self { shapes, index, kind, bytes: HEAD, count: 0, bounds: None, record: Vec::new() })
    }

    /// Writes the shape of a row with the positions of its vertices; without any it is the null shape.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&mut self, row: RowRef<'_>, places: &[[f64; 2]]) -> io::Result<()> {
        self.record.clear();
        match self.kind {
            _ if places.is_empty() => put_int(&mut self.record, 0),
            ShapeType::Point => {
                put_int(&mut self.record, self.kind as i32);
                put_doubles(&mut self.record, &places[..1]);
            }
            ShapeType::MultiPoint => {
                put_int(&mut self.record, self.kind as i32);
                put_doubles(&mut self.record, &corners(box_of(places)));
                put_int(&mut self.record, places.len() as i32);
                put_doubles(&mut self.record, places);
            }
            ShapeType::Line | ShapeType::Polygon => put_parts(&mut self.record, self.kind, row, places),
        }
        if !places.is_empty() {
            self.bounds = Some(around(self.bounds, box_of(places)));
        }
        self.count += 1;
        let (offset, length) = (self.bytes as i32 / 2, self.record.len() as i32 / 2);
        self.shapes.write_all(&self.count.to_be_bytes())?;
        self.shapes.write_all(&length.to_be_bytes())?;
        self.shapes.write_all(&self.record)?;
        self.index.write_all(&offset.to_be_bytes())?;
        self.index.write_all(&length.to_be_bytes())?;
        self.bytes += 8 + self.record.len();
        Ok(())
    }

    /// Bytes of the file of shapes so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes both heads, which say how long the files are.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn finish(mut self) -> io::Result<(W, W)> {
        let index_bytes = HEAD + 8 * self.count as usize;
        for (file, bytes) in [(&mut self.shapes, self.bytes), (&mut self.index, index_bytes)] {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&head(self.kind, bytes, self.bounds.unwrap_or_default()))?;
            file.flush()?;
        }
        Ok((self.shapes, self.index))
    }
}

fn head(kind: ShapeType, bytes: usize, bounds: [f64; 4]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEAD);
    out.extend_from_slice(&9994_i32.to_be_bytes());
    out.resize(24, 0);
    out.extend_from_slice(&(bytes as i32 / 2).to_be_bytes());
    put_int(&mut out, 1000);
    put_int(&mut out, kind as i32);
    put_doubles(&mut out, &corners(bounds));
    // No heights, no measures.
    out.resize(HEAD, 0);
    out
}

/// Rings and lines: shells clockwise, holes the other way, each ring closed.
fn put_parts(out: &mut Vec<u8>, kind: ShapeType, row: RowRef<'_>, places: &[[f64; 2]]) {
    let rings = || row.base.geometry().rings(row.row);
    let closing = usize::from(kind == ShapeType::Polygon);
    put_int(out, kind as i32);
    put_doubles(out, &corners(box_of(places)));
    put_int(out, rings().count() as i32);
    put_int(out, rings().map(|ring| ring.nodes.len() + closing).sum::<usize>() as i32);
    let mut start = 0;
    for ring in rings() {
        put_int(out, start);
        start += (ring.nodes.len() + closing) as i32;
    }
    let mut rest = places;
    for ring in rings() {
        let (here, after) = rest.split_at(ring.nodes.len());
        rest = after;
        if kind == ShapeType::Line {
            put_doubles(out, here);
            continue;
        }
        let is_clockwise = twice_area(here) < 0.0;
        if is_clockwise == ring.hole {
            // The other way round, from the same vertex on.
            put_doubles(out, &here[..1]);
            here[1..].iter().rev().for_each(|position| put_doubles(out, std::slice::from_ref(position)));
        } else {
            put_doubles(out, here);
        }
        put_doubles(out, &here[..1]);
    }
}

/// Twice the area of a ring: positive where it runs counter-clockwise. Taken from its first vertex on, since coordinates
/// are large and rings are small.
fn twice_area(ring: &[[f64; 2]]) -> f64 {
    let [x0, y0] = ring.first().copied().unwrap_or_default();
    let cross = |pair: &[[f64; 2]]| (pair[0][0] - x0) * (pair[1][1] - y0) - (pair[1][0] - x0) * (pair[0][1] - y0);
    ring.windows(2).map(cross).sum()
}

/// West, south, east, north.
fn box_of(places: &[[f64; 2]]) -> [f64; 4] {
    let none = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    places
        .iter()
        .fold(none, |bounds, [x, y]| [bounds[0].min(*x), bounds[1].min(*y), bounds[2].max(*x), bounds[3].max(*y)])
}

fn around(bounds: Option<[f64; 4]>, more: [f64; 4]) -> [f64; 4] {
    let Some(old) = bounds else { return more };
    [old[0].min(more[0]), old[1].min(more[1]), old[2].max(more[2]), old[3].max(more[3])]
}

const fn corners([west, south, east, north]: [f64; 4]) -> [[f64; 2]; 2] {
    [[west, south], [east, north]]
}

fn put_int(out: &mut Vec<u8>, value: i32) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn put_doubles(out: &mut Vec<u8>, positions: &[[f64; 2]]) {
    for value in positions.iter().flatten() {
        out.extend_from_slice(&value.to_le_bytes());
    }
}
