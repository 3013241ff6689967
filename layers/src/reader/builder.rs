//! Geometries from geozero's events (WKB, `GeoPackage` blobs, WKT), with bounds that hold while they are built.
//!
//! geozero's own writer reserves what a blob declares; a blob of 20 bytes may declare four thousand million rings.

use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point};
use geozero::error::{GeozeroError, Result};
use geozero::{GeomProcessor, GeozeroGeometry};

use super::geometry::polygon;
use super::tally::Tally;
use crate::limits::{MAX_NESTING, MAX_RINGS, MAX_VERTICES};

/// Reads a `GeoPackage` geometry blob (`GeoPackage` 1.3, 2.1.3), two dimensions of it.
///
/// # Errors
/// A sentence: not such a blob, truncated, curved, over a limit.
pub fn geometry_from_gpkg(blob: &[u8]) -> std::result::Result<Option<Geometry<f64>>, String> {
    from_gpkg(blob, &mut Tally::default())
}

/// Reads a `GeoPackage` geometry blob.
pub(super) fn from_gpkg(blob: &[u8], tally: &mut Tally) -> std::result::Result<Option<Geometry<f64>>, String> {
    if !blob.starts_with(b"GP") {
        return Err(
            "the geometry is not a GeoPackage blob (it does not begin with `GP`); export the layer again".into()
        );
    }
    build(&geozero::wkb::GpkgWkb(blob), tally)
}

/// Reads WKB or EWKB, as databases write it in hexadecimal into CSV files.
pub(super) fn from_ewkb(bytes: &[u8], tally: &mut Tally) -> std::result::Result<Option<Geometry<f64>>, String> {
    build(&geozero::wkb::Ewkb(bytes), tally)
}

/// Reads WKT or EWKT.
pub(super) fn from_wkt(text: &str, tally: &mut Tally) -> std::result::Result<Option<Geometry<f64>>, String> {
    // The parser recurses; its input is bounded here.
    let mut depth = 0_usize;
    for byte in text.bytes() {
        match byte {
            b'(' => depth += 1,
            b')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > MAX_NESTING {
            return Err(format!("the WKT is nested deeper than MAX_NESTING ({MAX_NESTING})"));
        }
    }
    // EWKT, as PostGIS writes it, puts the CRS in front.
    let text =
        text.split_once(';').filter(|(srid, _)| srid.trim_start().starts_with("SRID=")).map_or(text, |(_, wkt)| wkt);
    build(&geozero::wkt::Wkt(text), tally).map_err(|reason| format!("not readable as WKT: {reason}"))
}

fn build<G: GeozeroGeometry>(source: &G, tally: &mut Tally) -> std::result::Result<Option<Geometry<f64>>, String> {
    let mut builder = Builder::new(tally);
    source.process_geom(&mut builder).map_err(|error| match error {
        GeozeroError::Geometry(reason) => reason,
        GeozeroError::IoError(_) => "the geometry is truncated".to_owned(),
        other => format!("the geometry is damaged ({other})"),
    })?;
    Ok(builder.done)
}

/// What is open around the coordinates that arrive.
enum Frame {
    MultiPoint,
    MultiLine(Vec<LineString<f64>>),
    MultiPolygon(Vec<geo_types::Polygon<f64>>),
    Polygon(Vec<Vec<Coord<f64>>>),
    Collection(Vec<Geometry<f64>>),
}

struct Builder<'t> {
    frames: Vec<Frame>,
    coords: Vec<Coord<f64>>,
    vertices: usize,
    rings: usize,
    done: Option<Geometry<f64>>,
    tally: &'t mut Tally,
}

fn refuse<T>(reason: impl Into<String>) -> Result<T> {
    Err(GeozeroError::Geometry(reason.into()))
}

impl<'t> Builder<'t> {
    fn new(tally: &'t mut Tally) -> Self {
        Self { frames: Vec::new(), coords: Vec::new(), vertices: 0, rings: 0, done: None, tally }
    }

    fn open(&mut self, frame: Frame) -> Result<()> {
        if self.frames.len() >= MAX_NESTING {
            return refuse(format!("the geometry is nested deeper than MAX_NESTING ({MAX_NESTING})"));
        }
        self.frames.push(frame);
        self.part()
    }

    fn part(&mut self) -> Result<()> {
        self.rings += 1;
        if self.rings > MAX_RINGS {
            return refuse(format!("the geometry has more than MAX_RINGS ({MAX_RINGS}) rings or parts"));
        }
        Ok(())
    }

    fn finish(&mut self, geometry: Geometry<f64>) {
        if let Some(Frame::Collection(parts)) = self.frames.last_mut() {
            parts.push(geometry);
        } else {
            self.done = Some(geometry);
        }
    }

    fn coord(&mut self, x: f64, y: f64) -> Result<()> {
        self.vertices += 1;
        if self.vertices > MAX_VERTICES {
            return refuse(format!("the geometry has more than MAX_VERTICES ({MAX_VERTICES}) vertices"));
        }
        self.coords.push(Coord { x, y });
        Ok(())
    }
}

const CURVED: &str =
    "the geometry is curved; convert curves to lines first (QGIS: Segmentize, PostGIS: ST_CurveToLine)";

impl GeomProcessor for Builder<'_> {
    fn xy(&mut self, x: f64, y: f64, _: usize) -> Result<()> {
        self.coord(x, y)
    }

    fn empty_point(&mut self, _: usize) -> Result<()> {
        Ok(())
    }

    fn point_begin(&mut self, _: usize) -> Result<()> {
        self.coords.clear();
        self.part()
    }

    fn point_end(&mut self, _: usize) -> Result<()> {
        if let Some(coord) = self.coords.pop() {
            self.finish(Point(coord).into());
        }
        Ok(())
    }

    fn multipoint_begin(&mut self, _: usize, _: usize) -> Result<()> {
        self.coords.clear();
        self.open(Frame::MultiPoint)
    }

    fn multipoint_end(&mut self, _: usize) -> Result<()> {
        self.frames.pop();
        let points = std::mem::take(&mut self.coords).into_iter().map(Point).collect();
        self.finish(MultiPoint(points).into());
        Ok(())
    }

    fn linestring_begin(&mut self, _: bool, _: usize, _: usize) -> Result<()> {
        self.coords.clear();
        self.part()
    }

    fn linestring_end(&mut self, _: bool, _: usize) -> Result<()> {
        let coords = std::mem::take(&mut self.coords);
        match self.frames.last_mut() {
            Some(Frame::Polygon(rings)) => rings.push(coords),
            Some(Frame::MultiLine(lines)) => lines.push(LineString(coords)),
            _ => self.finish(LineString(coords).into()),
        }
        Ok(())
    }

    fn multilinestring_begin(&mut self, _: usize, _: usize) -> Result<()> {
        self.open(Frame::MultiLine(Vec::new()))
    }

    fn multilinestring_end(&mut self, _: usize) -> Result<()> {
        if let Some(Frame::MultiLine(lines)) = self.frames.pop() {
            self.finish(MultiLineString(lines).into());
        }
        Ok(())
    }

    fn polygon_begin(&mut self, _: bool, _: usize, _: usize) -> Result<()> {
        self.open(Frame::Polygon(Vec::new()))
    }

    fn polygon_end(&mut self, _: bool, _: usize) -> Result<()> {
        let Some(Frame::Polygon(rings)) = self.frames.pop() else {
            return Ok(());
        };
        if let Some(polygon) = polygon(rings, self.tally) {
            match self.frames.last_mut() {
                Some(Frame::MultiPolygon(polygons)) => polygons.push(polygon),
                _ => self.finish(polygon.into()),
            }
        }
        Ok(())
    }

    fn multipolygon_begin(&mut self, _: usize, _: usize) -> Result<()> {
        self.open(Frame::MultiPolygon(Vec::new()))
    }

    fn multipolygon_end(&mut self, _: usize) -> Result<()> {
        if let Some(Frame::MultiPolygon(polygons)) = self.frames.pop() {
            self.finish(MultiPolygon(polygons).into());
        }
        Ok(())
    }

    fn geometrycollection_begin(&mut self, _: usize, _: usize) -> Result<()> {
        self.open(Frame::Collection(Vec::new()))
    }

    fn geometrycollection_end(&mut self, _: usize) -> Result<()> {
        if let Some(Frame::Collection(parts)) = self.frames.pop() {
            self.finish(Geometry::GeometryCollection(parts.into()));
        }
        Ok(())
    }

    fn circularstring_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse(CURVED)
    }

    fn compoundcurve_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse(CURVED)
    }

    fn curvepolygon_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse(CURVED)
    }

    fn multicurve_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse(CURVED)
    }

    fn multisurface_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse(CURVED)
    }

    fn triangle_begin(&mut self, _: bool, _: usize, _: usize) -> Result<()> {
        refuse("the geometry is a triangle of a 3D surface; convert it to a polygon first")
    }

    fn polyhedralsurface_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse("the geometry is a polyhedral surface; convert it to polygons first")
    }

    fn tin_begin(&mut self, _: usize, _: usize) -> Result<()> {
        refuse("the geometry is a triangulated surface; convert it to polygons first")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wkt(text: &str) -> std::result::Result<Option<Geometry<f64>>, String> {
        from_wkt(text, &mut Tally::default())
    }

    #[test]
    fn wkt_of_every_kind_is_read_in_two_dimensions() {
        for (text, name) in [
            ("POINT(1 2)", "Point"),
            ("POINT Z (1 2 3)", "Point"),
            ("SRID=3003;POINT(1 2)", "Point"),
            ("LINESTRING(0 0,1 1)", "LineString"),
            ("POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))", "Polygon"),
            ("MULTIPOINT((0 0),(1 1))", "MultiPoint"),
            ("MULTILINESTRING((0 0,1 1),(2 2,3 3))", "MultiLineString"),
            ("MULTIPOLYGON(((0 0,4 0,4 4,0 0)),((9 9,10 9,10 10,9 9)))", "MultiPolygon"),
            ("GEOMETRYCOLLECTION(POINT(1 2),LINESTRING(0 0,1 1))", "GeometryCollection"),
        ] {
            let geometry = wkt(text).expect(text).expect(text);
            assert!(format!("{geometry:?}").to_uppercase().starts_with(&name.to_uppercase()), "{text}: {geometry:?}");
        }
        let Some(Geometry::Polygon(polygon)) = wkt("POLYGON((0 0,4 0,4 4,0 0),(1 1,2 1,2 2,1 1))").expect("reads")
        else {
            panic!("no polygon");
        };
        assert_eq!(polygon.interiors().len(), 1);
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = format!("{}POINT(1 2){}", "GEOMETRYCOLLECTION(".repeat(50_000), ")".repeat(50_000));
        assert!(wkt(&deep).expect_err("refused").contains("MAX_NESTING"));
        let mut blob = b"GP\0\x01\0\0\0\0".to_vec();
        for _ in 0..200_000 {
            blob.extend([1, 7, 0, 0, 0, 1, 0, 0, 0]);
        }
        assert!(geometry_from_gpkg(&blob).expect_err("refused").contains("MAX_NESTING"));
    }

    #[test]
    fn huge_declared_sizes_do_not_reserve_memory() {
        let mut blob = b"GP\0\x01\0\0\0\0".to_vec();
        blob.extend([1, 6, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
        assert!(geometry_from_gpkg(&blob).expect_err("refused").contains("truncated"));
    }

    #[test]
    fn curves_are_refused_with_advice() {
        let mut blob = b"GP\0\x01\0\0\0\0".to_vec();
        blob.extend([1, 8, 0, 0, 0, 0, 0, 0, 0]);
        assert!(geometry_from_gpkg(&blob).expect_err("refused").contains("ST_CurveToLine"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(tail in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut blob = b"GP\0\x01\0\0\0\0".to_vec();
            blob.extend(&tail);
            let _ = geometry_from_gpkg(&blob);
            let _ = from_ewkb(&tail, &mut Tally::default());
            let _ = wkt(&String::from_utf8_lossy(&tail));
        }
    }
}
