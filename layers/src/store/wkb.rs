//! Well-known binary (ISO 13249-3, and the EWKB of `PostGIS`), the form in which both stores keep geometries.
//!
//! Written by hand, not with `geozero`, because a store must take any blob that another program left in it:
//! counts are checked against the bytes that are there before memory is asked for, and nesting has an end.

use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};

use crate::definition::GeometryType;

/// How deep collections may nest.
const MAX_DEPTH: u8 = 8;
/// Flag of an EWKB type code: a reference system follows.
const HAS_SRID: u32 = 0x2000_0000;

/// Appends a geometry as little-endian WKB of two dimensions.
pub(crate) fn encode(geometry: &Geometry<f64>, out: &mut Vec<u8>) {
    wkb(geometry, out);
}

/// Appends a geometry as EWKB with its reference system.
pub(super) fn encode_with_srid(geometry: &Geometry<f64>, srid: i32, out: &mut Vec<u8>) {
    let start = out.len();
    wkb(geometry, out);
    let mut code = [0; 4];
    code.copy_from_slice(&out[start + 1..start + 5]);
    let code = (u32::from_le_bytes(code) | HAS_SRID).to_le_bytes();
    out.splice(start + 1..start + 5, code.into_iter().chain(srid.to_le_bytes()));
}

/// Reads WKB, whatever its byte order and dimensions (z and m are left out; type codes of ISO WKB and of EWKB).
/// `None` is an empty point. A reference system in it is not looked at: the column says it.
///
/// # Errors
/// Why it is no geometry, in words for the person whose row it is.
pub(super) fn decode(bytes: &[u8]) -> Result<Option<Geometry<f64>>, String> {
    Cursor { rest: bytes }.geometry(MAX_DEPTH)
}

/// The reference system that an extended WKB (as `PostGIS` writes it) names.
pub(super) fn srid(bytes: &[u8]) -> Option<u32> {
    const NAMED: u32 = 0x2000_0000;
    let number = |at: usize| {
        let four: [u8; 4] = bytes.get(at..at + 4)?.try_into().ok()?;
        Some(if bytes[0] == 0 { u32::from_be_bytes(four) } else { u32::from_le_bytes(four) })
    };
    (number(1)? & NAMED != 0).then(|| number(5))?
}

fn head(code: u32, out: &mut Vec<u8>) {
    out.push(1);
    out.extend_from_slice(&code.to_le_bytes());
}

fn count(n: usize, out: &mut Vec<u8>) {
    // More than 2^32 parts do not fit into the largest blob of SQLite.
    out.extend_from_slice(&(n as u32).to_le_bytes());
}

fn coord(coord: Coord<f64>, out: &mut Vec<u8>) {
    out.extend_from_slice(&coord.x.to_le_bytes());
    out.extend_from_slice(&coord.y.to_le_bytes());
}

fn path(line: &LineString<f64>, out: &mut Vec<u8>) {
    count(line.0.len(), out);
    out.reserve(line.0.len() * 16);
    line.0.iter().for_each(|&position| coord(position, out));
}

fn polygon(polygon: &Polygon<f64>, out: &mut Vec<u8>) {
    head(3, out);
    if polygon.exterior().0.is_empty() {
        return count(0, out);
    }
    count(1 + polygon.interiors().len(), out);
    path(polygon.exterior(), out);
    polygon.interiors().iter().for_each(|ring| path(ring, out));
}

fn wkb(geometry: &Geometry<f64>, out: &mut Vec<u8>) {
    match geometry {
        Geometry::Point(point) => {
            head(1, out);
            coord(point.0, out);
        }
        Geometry::Line(line) => {
            head(2, out);
            path(&LineString(vec![line.start, line.end]), out);
        }
        Geometry::LineString(line) => {
            head(2, out);
            path(line, out);
        }
        Geometry::Polygon(surface) => polygon(surface, out),
        Geometry::MultiPoint(points) => {
            head(4, out);
            count(points.0.len(), out);
            for point in points {
                head(1, out);
                coord(point.0, out);
            }
        }
        Geometry::MultiLineString(lines) => {
            head(5, out);
            count(lines.0.len(), out);
            for line in lines {
                head(2, out);
                path(line, out);
            }
        }
        Geometry::MultiPolygon(parts) => {
            head(6, out);
            count(parts.0.len(), out);
            parts.0.iter().for_each(|part| polygon(part, out));
        }
        Geometry::GeometryCollection(parts) => {
            head(7, out);
            count(parts.0.len(), out);
            parts.0.iter().for_each(|part| wkb(part, out));
        }
        Geometry::Rect(rect) => polygon(&rect.to_polygon(), out),
        Geometry::Triangle(triangle) => polygon(&triangle.to_polygon(), out),
    }
}

pub(super) fn truncated() -> String {
    "the geometry is cut short".to_owned()
}

struct Cursor<'a> {
    rest: &'a [u8],
}

/// How one WKB geometry is laid out.
#[derive(Clone, Copy)]
struct Layout {
    little: bool,
    /// Bytes of one position.
    stride: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], String> {
        let (head, rest) = self.rest.split_at_checked(length).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(head)
    }

    fn word(&mut self, little: bool) -> Result<u32, String> {
        let bytes = self.take(4)?.try_into().map_err(|_| truncated())?;
        Ok(if little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    }

    /// A count of things of at least `size` bytes each; no more than can follow.
    fn count(&mut self, little: bool, size: usize) -> Result<usize, String> {
        let count = self.word(little)? as usize;
        if count.checked_mul(size).is_none_or(|bytes| bytes > self.rest.len()) {
            return Err(truncated());
        }
        Ok(count)
    }

    fn header(&mut self) -> Result<(u32, Layout), String> {
        let little = match self.take(1)?[0] {
            0 => false,
            1 => true,
            other => return Err(format!("the geometry has the unknown byte order {other}")),
        };
        let code = self.word(little)?;
        let mut extra = usize::from(code & 0x8000_0000 != 0) + usize::from(code & 0x4000_0000 != 0);
        if code & HAS_SRID != 0 {
            self.take(4)?;
        }
        let code = code & 0x1fff_ffff;
        extra += match code / 1000 {
            0 => 0,
            1 | 2 => 1,
            3 => 2,
            _ => return Err(format!("the geometry has the unknown type {code}")),
        };
        Ok((code % 1000, Layout { little, stride: 16 + 8 * extra }))
    }

    fn position(bytes: &[u8], little: bool) -> Coord<f64> {
        let number = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            if little { f64::from_le_bytes(eight) } else { f64::from_be_bytes(eight) }
        };
        Coord { x: number(0), y: number(8) }
    }

    fn finite(coord: Coord<f64>) -> Result<Coord<f64>, String> {
        if coord.x.is_finite() && coord.y.is_finite() {
            Ok(coord)
        } else {
            Err(format!("the geometry has the coordinates {} {}", coord.x, coord.y))
        }
    }

    fn path(&mut self, layout: Layout) -> Result<LineString<f64>, String> {
        let count = self.count(layout.little, layout.stride)?;
        let bytes = self.take(count * layout.stride)?;
        let mut coords = Vec::with_capacity(count);
        for position in bytes.chunks_exact(layout.stride) {
            coords.push(Self::finite(Self::position(position, layout.little))?);
        }
        Ok(LineString(coords))
    }

    fn point(&mut self, layout: Layout) -> Result<Option<Point<f64>>, String> {
        let coord = Self::position(self.take(layout.stride)?, layout.little);
        if coord.x.is_nan() && coord.y.is_nan() {
            return Ok(None);
        }
        Self::finite(coord).map(|coord| Some(Point(coord)))
    }

    fn polygon(&mut self, layout: Layout) -> Result<Polygon<f64>, String> {
        let count = self.count(layout.little, 4)?;
        let mut rings = Vec::with_capacity(count);
        for _ in 0..count {
            rings.push(self.path(layout)?);
        }
        let mut rings = rings.into_iter();
        let exterior = rings.next().unwrap_or(LineString(Vec::new()));
        Ok(Polygon::new(exterior, rings.collect()))
    }

    /// The parts of a collection, each of the type that `part` makes of it.
    fn parts<T>(
        &mut self,
        layout: Layout,
        depth: u8,
        part: impl Fn(Geometry<f64>) -> Option<T>,
    ) -> Result<Vec<T>, String> {
        let depth = depth.checked_sub(1).ok_or("the geometry is nested too deeply")?;
        let count = self.count(layout.little, 9)?;
        let mut parts = Vec::with_capacity(count);
        for _ in 0..count {
            if let Some(geometry) = self.geometry(depth)? {
                parts.push(part(geometry).ok_or("the geometry has a part of the wrong type")?);
            }
        }
        Ok(parts)
    }

    fn geometry(&mut self, depth: u8) -> Result<Option<Geometry<f64>>, String> {
        let (code, layout) = self.header()?;
        Ok(Some(match code {
            1 => match self.point(layout)? {
                Some(point) => point.into(),
                None => return Ok(None),
            },
            2 => self.path(layout)?.into(),
            3 => self.polygon(layout)?.into(),
            4 => MultiPoint(self.parts(layout, depth, |part| part.try_into().ok())?).into(),
            5 => MultiLineString(self.parts(layout, depth, |part| part.try_into().ok())?).into(),
            6 => MultiPolygon(self.parts(layout, depth, |part| part.try_into().ok())?).into(),
            7 => Geometry::GeometryCollection(GeometryCollection(self.parts(layout, depth, Some)?)),
            8..=17 => return Err(format!("curves and meshes (WKB type {code}) are not supported")),
            _ => return Err(format!("the geometry has the unknown type {code}")),
        }))
    }
}

/// A stored geometry as its layer declares it: single ones are promoted in a `multi*` layer (QGIS and
/// `ogr2ogr` write both into one table).
///
/// # Errors
/// When it is of another kind altogether.
pub(super) fn conform(geometry: Geometry<f64>, kind: GeometryType) -> Result<Geometry<f64>, String> {
    let name = match geometry {
        Geometry::Point(_) => "POINT",
        Geometry::Line(_) | Geometry::LineString(_) => "LINESTRING",
        Geometry::Polygon(_) | Geometry::Rect(_) | Geometry::Triangle(_) => "POLYGON",
        Geometry::MultiPoint(_) => "MULTIPOINT",
        Geometry::MultiLineString(_) => "MULTILINESTRING",
        Geometry::MultiPolygon(_) => "MULTIPOLYGON",
        Geometry::GeometryCollection(_) => "GEOMETRYCOLLECTION",
    };
    match (kind, geometry) {
        (GeometryType::MultiPoint, Geometry::Point(part)) => Ok(MultiPoint(vec![part]).into()),
        (GeometryType::MultiLineString, Geometry::LineString(part)) => Ok(MultiLineString(vec![part]).into()),
        (GeometryType::MultiPolygon, Geometry::Polygon(part)) => Ok(MultiPolygon(vec![part]).into()),
        (GeometryType::Geometry, geometry) => Ok(geometry),
        (_, geometry) if name == kind.sql_name() => Ok(geometry),
        _ => Err(format!("the geometry is a {name}, the layer holds {}", kind.sql_name())),
    }
}
