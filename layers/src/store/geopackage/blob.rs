//! `GeoPackage` geometry blobs (OGC 12-128r18, clause 2.1.3): a header, then ISO WKB.

use geo_types::{Coord, Geometry};

use super::super::wkb;

const MAGIC: &[u8] = b"GP";
/// Header flags: little-endian, no envelope.
const PLAIN: u8 = 0b0000_0001;
/// Header flags: little-endian, envelope of x and y.
const WITH_ENVELOPE: u8 = 0b0000_0011;
const EMPTY: u8 = 0b0001_0000;
const EXTENDED: u8 = 0b0010_0000;

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
    wkb::encode(geometry, out);
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

/// West, south, east and north of a blob: from its header where that says so. `None` when it has no positions, or cannot be
/// read.
pub(super) fn bounds_of(blob: &[u8]) -> Option<[f64; 4]> {
    let [b'G', b'P', _, flags, ..] = *blob else { return None };
    if flags & EMPTY != 0 {
        return None;
    }
    let has_box = matches!((flags >> 1) & 0b111, 1..=4);
    if !has_box || flags & EXTENDED != 0 {
        return bounds(&decode(blob).ok()??);
    }
    let number = |place: usize| {
        let bytes: [u8; 8] = blob.get(8 + place * 8..16 + place * 8)?.try_into().ok()?;
        Some(if flags & 1 == 1 { f64::from_le_bytes(bytes) } else { f64::from_be_bytes(bytes) })
    };
    let [west, east, south, north] = [number(0)?, number(1)?, number(2)?, number(3)?];
    (west <= east).then_some([west, south, east, north])
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
    let body = blob.get(8 + envelope..).ok_or_else(wkb::truncated)?;
    wkb::decode(body)
}

#[cfg(test)]
mod tests {
    use crate::definition::GeometryType;
    use geo_types::{
        LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, line_string, point, polygon,
    };
    use geozero::wkb::{FromWkb, WkbDialect};
    use geozero::{CoordDimensions, ToWkb};
    use proptest::prelude::*;
    use wkb::conform;

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
