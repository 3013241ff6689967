//! `GeoPackage` geometry blobs (OGC 12-128r18, clause 2.1.3): a header, then ISO WKB.
//!
//! Written by hand, not with `geozero`, because a store must take any blob that another program left in it:
//! counts are checked against the bytes that are there before memory is asked for, and nesting has an end.

use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon,
};

use crate::definition::GeometryType;

const MAGIC: &[u8] = b"GP";
/// Header flags: little-endian, no envelope.
const PLAIN: u8 = 0b0000_0001;
/// Header flags: little-endian, envelope of x and y.
const WITH_ENVELOPE: u8 = 0b0000_0011;
const EMPTY: u8 = 0b0001_0000;
const EXTENDED: u8 = 0b0010_0000;
/// How deep collections may nest.
const MAX_DEPTH: u8 = 8;

/// Appends a geometry as a `GeoPackage` blob in the CRS `srs` (little-endian, two dimensions, with an envelope
/// unless it is a point or empty). Gives its bounds: west, south, east, north; `None` when it has no positions.
pub(super) fn encode(geometry: &Geometry<f64>, srs: i32, out: &mut Vec<u8>) -> Option<[f64; 4]> {
    let bounds = bounds(geometry);
    out.extend_from_slice(MAGIC);
    out.push(0);
    match (geometry, bounds) {
        (_, None) => out.push(PLAIN | EMPTY),
        (Geometry::Point(_), _) => out.push(PLAIN),
        (_, Some(_)) => out.push(WITH_ENVELOPE),
    }
    out.extend_from_slice(&srs.to_le_bytes());
    if let (Some([west, south, east, north]), false) = (bounds, matches!(geometry, Geometry::Point(_))) {
        for value in [west, east, south, north] {
            out.extend_from_slice(&value.to_le_bytes());
        }
    }
    wkb(geometry, out);
    bounds
}

fn bounds(geometry: &Geometry<f64>) -> Option<[f64; 4]> {
    fn all<'a>(coords: impl Iterator<Item = &'a Coord<f64>>, bounds: &mut [f64; 4]) {
        for coord in coords {
            bounds[0] = bounds[0].min(coord.x);
            bounds[1] = bounds[1].min(coord.y);
            bounds[2] = bounds[2].max(coord.x);
            bounds[3] = bounds[3].max(coord.y);
        }
    }
    fn grow(geometry: &Geometry<f64>, bounds: &mut [f64; 4]) {
        match geometry {
            Geometry::Point(point) => all(std::iter::once(&point.0), bounds),
            Geometry::Line(line) => all([line.start, line.end].iter(), bounds),
            Geometry::LineString(line) => all(line.0.iter(), bounds),
            Geometry::Polygon(polygon) => all(polygon.exterior().0.iter(), bounds),
            Geometry::MultiPoint(points) => all(points.0.iter().map(|point| &point.0), bounds),
            Geometry::MultiLineString(lines) => lines.0.iter().for_each(|line| all(line.0.iter(), bounds)),
            Geometry::MultiPolygon(parts) => parts.0.iter().for_each(|part| all(part.exterior().0.iter(), bounds)),
            Geometry::GeometryCollection(parts) => parts.0.iter().for_each(|part| grow(part, bounds)),
            Geometry::Rect(rect) => all([rect.min(), rect.max()].iter(), bounds),
            Geometry::Triangle(triangle) => all(triangle.to_array().iter(), bounds),
        }
    }
    let mut bounds = [f64::INFINITY, f64::INFINITY, f64::NEG_INFINITY, f64::NEG_INFINITY];
    grow(geometry, &mut bounds);
    (bounds[0] <= bounds[2]).then_some(bounds)
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

/// Reads a `GeoPackage` blob, whatever its byte order, envelope and dimensions (z and m are left out; type codes
/// of ISO WKB and of EWKB). `None` is an empty point. The CRS in the header is not looked at: the column says it.
///
/// # Errors
/// Why it is no geometry, in words for the person whose row it is.
pub(super) fn decode(blob: &[u8]) -> Result<Option<Geometry<f64>>, String> {
    let [b'G', b'P', _, flags, ..] = *blob else {
        return Err("the geometry is no GeoPackage blob (it does not begin with \"GP\")".to_owned());
    };
    if flags & EXTENDED != 0 {
        return Err("the geometry is of an extended GeoPackage type".to_owned());
    }
    let envelope = match (flags >> 1) & 0b111 {
        0 => 0,
        1 => 32,
        2 | 3 => 48,
        4 => 64,
        code => return Err(format!("the geometry's header has the unknown envelope code {code}")),
    };
    let body = blob.get(8 + envelope..).ok_or_else(truncated)?;
    Cursor { rest: body }.geometry(MAX_DEPTH)
}

fn truncated() -> String {
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
        if code & 0x2000_0000 != 0 {
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

#[cfg(test)]
mod tests {
    use geo_types::{line_string, point, polygon};
    use geozero::wkb::{FromWkb, WkbDialect};
    use geozero::{CoordDimensions, ToWkb};
    use proptest::prelude::*;

    use super::*;

    fn blob(geometry: &Geometry<f64>) -> Vec<u8> {
        let mut out = Vec::new();
        encode(geometry, 7795, &mut out);
        out
    }

    fn coords(least: usize) -> impl Strategy<Value = Vec<Coord<f64>>> {
        prop::collection::vec((-4e6..4e6f64, -6e6..6e6f64).prop_map(|(x, y)| Coord { x, y }), least..12)
    }

    fn polygons() -> impl Strategy<Value = Polygon<f64>> {
        (coords(3), prop::collection::vec(coords(3), 0..3))
            .prop_map(|(shell, holes)| Polygon::new(LineString(shell), holes.into_iter().map(LineString).collect()))
    }

    fn geometries() -> impl Strategy<Value = Geometry<f64>> {
        prop_oneof![
            (-4e6..4e6f64, -6e6..6e6f64).prop_map(|(x, y)| Point::new(x, y).into()),
            coords(0).prop_map(|line| LineString(line).into()),
            polygons().prop_map(Geometry::from),
            coords(0).prop_map(|points| MultiPoint(points.into_iter().map(Point).collect()).into()),
            prop::collection::vec(coords(2), 0..4)
                .prop_map(|lines| MultiLineString(lines.into_iter().map(LineString).collect()).into()),
            prop::collection::vec(polygons(), 0..4).prop_map(|parts| MultiPolygon(parts).into()),
        ]
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back_bit_for_bit(geometry in geometries()) {
            prop_assert_eq!(decode(&blob(&geometry)).expect("decodes"), Some(geometry));
        }

        #[test]
        fn geozero_reads_what_is_written(geometry in geometries()) {
            let bytes = blob(&geometry);
            let read = Geometry::<f64>::from_wkb(&mut std::io::Cursor::new(&bytes), WkbDialect::Geopackage);
            prop_assert_eq!(read.expect("geozero reads it"), geometry);
        }

        #[test]
        fn what_geozero_writes_is_read(geometry in geometries()) {
            let bytes = geometry
                .to_wkb_dialect(WkbDialect::Geopackage, CoordDimensions::xy(), Some(7795), vec![])
                .expect("geozero writes it");
            prop_assert_eq!(decode(&bytes).expect("decodes"), Some(geometry));
        }

        #[test]
        fn no_bytes_can_make_the_decoder_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut forged = b"GP\0\x01\0\0\0\0\x01".to_vec();
            forged.extend(&bytes);
            let _ = decode(&forged);
            let _ = decode(&bytes);
        }

        #[test]
        fn a_cut_blob_is_refused_wherever_it_is_cut(geometry in polygons(), at in 0.0..1.0f64) {
            let bytes = blob(&geometry.into());
            let at = (bytes.len() as f64 * at) as usize;
            prop_assert!(decode(&bytes[..at]).is_err());
        }
    }

    #[test]
    fn big_endian_ewkb_with_z_is_read() {
        let mut bytes = b"GP\0\0\0\0\0\0".to_vec();
        bytes.push(0);
        bytes.extend_from_slice(&0xa000_0001_u32.to_be_bytes());
        bytes.extend_from_slice(&4326_u32.to_be_bytes());
        for value in [12.3, 45.4, 7.0_f64] {
            bytes.extend_from_slice(&value.to_be_bytes());
        }
        assert_eq!(decode(&bytes).expect("decodes"), Some(point!(x: 12.3, y: 45.4).into()));
    }

    #[test]
    fn an_empty_point_is_no_geometry_and_a_nan_is_an_error() {
        let nan = blob(&point!(x: f64::NAN, y: f64::NAN).into());
        assert_eq!(decode(&nan).expect("decodes"), None);
        let line = blob(&line_string![(x: 0.0, y: f64::INFINITY), (x: 1.0, y: 1.0)].into());
        assert!(decode(&line).expect_err("refused").contains("inf"));
    }

    #[test]
    fn a_huge_count_is_refused_before_memory_is_asked_for() {
        let mut bytes = blob(&line_string![(x: 0.0, y: 0.0), (x: 1.0, y: 1.0)].into());
        let at = bytes.len() - 36;
        bytes[at..at + 4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(decode(&bytes).expect_err("refused").contains("cut short"));
    }

    #[test]
    fn a_single_polygon_is_promoted_in_a_layer_of_many_and_a_line_is_refused() {
        let square = polygon![(x: 0.0, y: 0.0), (x: 1.0, y: 0.0), (x: 1.0, y: 1.0), (x: 0.0, y: 0.0)];
        let promoted = conform(square.clone().into(), GeometryType::MultiPolygon).expect("promoted");
        assert_eq!(promoted, MultiPolygon(vec![square]).into());
        let line: Geometry<f64> = line_string![(x: 0.0, y: 0.0), (x: 1.0, y: 1.0)].into();
        assert!(conform(line, GeometryType::MultiPolygon).expect_err("refused").contains("LINESTRING"));
    }
}
