//! Geometries against GDAL, which reads the same files: real ones, and ones that GDAL wrote.

use std::cmp::Ordering;
use std::path::Path;
use std::process::Command;

use bricola_layers::reader::SourceFeature;
use geo_types::{Coord, Geometry, LineString, Polygon};
use geozero::ToGeo;

use super::real::{drain, opened, shared_data};

/// Prints the geometries of a layer as hexadecimal two-dimensional WKB, one per line.
const DUMP: &str = r"
import sys
from osgeo import gdal, ogr
gdal.UseExceptions()
data = ogr.Open(sys.argv[1])
for index in range(data.GetLayerCount()):
    layer = data.GetLayer(index)
    if len(sys.argv) > 2 and layer.GetName() != sys.argv[2]:
        continue
    for feature in layer:
        geometry = feature.GetGeometryRef()
        if geometry is None or geometry.IsEmpty():
            print('-')
            continue
        geometry.FlattenTo2D()
        print(bytes(geometry.ExportToWkb(ogr.wkbNDR)).hex())
";

fn gdal(path: &Path, layer: Option<&str>) -> Vec<Option<Geometry<f64>>> {
    let mut command = Command::new("/usr/bin/python3");
    command.args(["-c", DUMP]).arg(path).args(layer).env("OGR_GEOJSON_MAX_OBJ_SIZE", "0");
    let output = command.output().unwrap_or_else(|error| panic!("python3: {error}; install python3-gdal"));
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {err}; is python3-gdal installed?", path.display());
    let lines = String::from_utf8(output.stdout).expect("text");
    let parse = |line: &str| {
        let bytes: Vec<u8> = (0..line.len() / 2)
            .map(|at| u8::from_str_radix(&line[at * 2..at * 2 + 2], 16).expect("hexadecimal"))
            .collect();
        (line != "-").then(|| geozero::wkb::Wkb(bytes).to_geo().expect("WKB"))
    };
    lines.lines().map(parse).collect()
}

type Position = (f64, f64);

fn order(a: &Position, b: &Position) -> Ordering {
    a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
}

fn order_lines(a: &[Position], b: &[Position]) -> Ordering {
    let unequal = a.iter().zip(b).map(|(a, b)| order(a, b)).find(|order| order.is_ne());
    unequal.unwrap_or_else(|| a.len().cmp(&b.len()))
}

/// A geometry without what readers may rightly differ in: single or multi, the order of parts and holes, where a
/// ring starts and which way it runs. A part is its lines; of a polygon first the outer ring.
fn plain(geometry: &Geometry<f64>) -> Vec<Vec<Vec<Position>>> {
    let key = |coord: &Coord<f64>| (coord.x, coord.y);
    let line = |line: &LineString<f64>| line.0.iter().map(key).collect::<Vec<_>>();
    let ring = |ring: &LineString<f64>| {
        let open: Vec<_> = ring.0[..ring.0.len().saturating_sub(1)].iter().map(key).collect();
        let turned = |mut coords: Vec<Position>| {
            let start = coords.iter().enumerate().min_by(|(_, a), (_, b)| order(a, b)).map_or(0, |(at, _)| at);
            coords.rotate_left(start);
            coords
        };
        let (one, other) = (turned(open.iter().rev().copied().collect()), turned(open));
        if order_lines(&one, &other).is_le() { one } else { other }
    };
    let polygon = |polygon: &Polygon<f64>| {
        let mut holes: Vec<_> = polygon.interiors().iter().map(ring).collect();
        holes.sort_by(|a, b| order_lines(a, b));
        holes.insert(0, ring(polygon.exterior()));
        holes
    };
    let mut parts = match geometry {
        Geometry::Point(point) => vec![vec![vec![key(&point.0)]]],
        Geometry::MultiPoint(points) => points.iter().map(|point| vec![vec![key(&point.0)]]).collect(),
        Geometry::LineString(one) => vec![vec![line(one)]],
        Geometry::MultiLineString(lines) => lines.iter().map(|one| vec![line(one)]).collect(),
        Geometry::Polygon(one) => vec![polygon(one)],
        Geometry::MultiPolygon(polygons) => polygons.iter().map(polygon).collect(),
        Geometry::GeometryCollection(parts) => parts.iter().flat_map(plain).collect(),
        other => panic!("{other:?}"),
    };
    parts.sort_by(|a, b| order_lines(&a[0], &b[0]));
    parts
}

/// Whether two geometries are the same. Numbers from text may differ in their last bits (`serde_json` and GDAL's
/// GML driver both round decimals to within some units in the last place): nanometres where units are metres.
fn same(one: Option<&Geometry<f64>>, other: Option<&Geometry<f64>>) -> bool {
    let (Some(one), Some(other)) = (one, other) else { return one.is_none() && other.is_none() };
    let (one, other) = (plain(one), plain(other));
    let close = |a: f64, b: f64| (a - b).abs() <= 4.0 * f64::EPSILON * a.abs();
    let counts = |parts: &[Vec<Vec<Position>>]| {
        parts.iter().map(|lines| lines.iter().map(Vec::len).collect::<Vec<_>>()).collect::<Vec<_>>()
    };
    counts(&one) == counts(&other)
        && one
            .iter()
            .flatten()
            .flatten()
            .zip(other.iter().flatten().flatten())
            .all(|(a, b)| close(a.0, b.0) && close(a.1, b.1))
}

fn compare(path: &Path, layer: Option<&str>) {
    let expected = gdal(path, layer);
    let mut reader = opened(path, layer);
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{}: {errors:?}", path.display());
    assert_eq!(rows.len(), expected.len(), "{}", path.display());
    for (row, expected) in rows.iter().zip(&expected) {
        assert!(
            same(row.geometry.as_ref(), expected.as_ref()),
            "{} row {}: {:?} {expected:?}",
            path.display(),
            row.row,
            row.geometry
        );
    }
}

#[test]
fn geometries_of_real_files_are_those_of_gdal() {
    let Some(data) = shared_data() else { return };
    for (file, layer) in [
        ("parcels/quarrata/cadastre_H109.gpkg", None),
        ("zoning/france/pluiM2.gpkg", Some("pres_surf")),
        ("zoning/france/pluiM2.gpkg", Some("lin_paysager")),
        ("parcels/trento/001_vl_parcel_poly.shp", None),
        ("census/vda/R02_11_WGS84.shp", None),
        ("cycling/trento/piste_ciclabili.geojson", None),
        ("venice/islands/IslesLagoon_multi.geojson", None),
        ("venice/boundaries/boundaries/MetropolitanArea.json", None),
        ("parcels/france/cadastre-36174-parcelles.json", None),
        ("parking/trento/zone_parcheggio.gml", None),
        ("parking/trento/parcheggi_disabili.gml", None),
        ("cycling/trento/piste_ciclabili.gml", None),
        ("venice/omi/Provincia%20di%20VENEZIA%202018-2.kmz", None),
        ("venice/lodging/neighbourhoods.geojson", None),
    ] {
        compare(&data.join(file), layer);
    }
}

/// Parcels with holes, a multi-part one, one without a place, in a `GeoJSON` that GDAL converts.
const SAMPLE: &str = r#"{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::7792"}},"features":[
{"type":"Feature","geometry":{"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[0,10],[0,0]],[[2,2],[2,4],[4,4],[4,2],[2,2]],[[6,6],[6,8],[8,8],[8,6],[6,6]]]},"properties":{"nome":"città","foglio":12,"area":1.5,"dal":"2024-01-31"}},
{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[[[20,0],[30,0],[30,10],[20,0]]],[[[40,0],[50,0],[50,10],[40,0]],[[46,2],[48,2],[48,4],[46,2]]]]},"properties":{"nome":"due, \"parti\"","foglio":null,"area":2,"dal":null}},
{"type":"Feature","geometry":null,"properties":{"nome":null,"foglio":-3,"area":null,"dal":"1999-12-31"}}]}"#;

#[test]
fn what_gdal_writes_in_every_format_is_read_alike() {
    let folder = tempfile::tempdir().expect("a folder");
    let source = folder.path().join("particelle.geojson");
    std::fs::write(&source, SAMPLE).expect("written");
    let (original, _) = drain(&mut *opened(&source, None));
    for (driver, file, extra) in [
        ("GPKG", "a.gpkg", &[][..]),
        ("FlatGeobuf", "a.fgb", &["-lco", "SPATIAL_INDEX=NO", "-nlt", "MULTIPOLYGON"]),
        ("FlatGeobuf", "u.fgb", &["-lco", "SPATIAL_INDEX=NO", "-nlt", "GEOMETRY"]),
        ("ESRI Shapefile", "a.shp", &["-lco", "ENCODING=UTF-8"]),
        ("ESRI Shapefile", "l.shp", &["-lco", "ENCODING=ISO-8859-1"]),
        ("ESRI Shapefile", "z.shz", &[]),
        ("GeoJSON", "b.geojson", &[]),
        ("GeoJSONSeq", "a.geojsonl", &["-lco", "RS=YES", "-a_srs", "EPSG:4326"]),
        ("CSV", "a.csv", &["-lco", "GEOMETRY=AS_WKT", "-lco", "SEPARATOR=SEMICOLON"]),
        ("GML", "a.gml", &["-dsco", "FORMAT=GML3.2"]),
        ("GML", "b.gml", &["-dsco", "FORMAT=GML2"]),
    ] {
        let path = folder.path().join(file);
        let status = Command::new("ogr2ogr").args(["-f", driver]).args(extra).arg(&path).arg(&source).status();
        assert!(status.is_ok_and(|status| status.success()), "ogr2ogr wrote no {file}");
        let mut reader = opened(&path, None);
        let (rows, errors) = drain(&mut *reader);
        // GDAL leaves features without a place out of FlatGeobuf.
        let written: Vec<&SourceFeature> =
            original.iter().filter(|row| driver != "FlatGeobuf" || row.geometry.is_some()).collect();
        assert!(errors.is_empty() && rows.len() == written.len(), "{file}: {} rows, {errors:?}", rows.len());
        let column = reader.schema().fields.iter().position(|field| field.name == "nome").expect("a column nome");
        for (row, wanted) in rows.iter().zip(written) {
            let shapes = [row, wanted].map(|row| row.geometry.as_ref());
            assert!(same(shapes[0], shapes[1]), "{file} row {}: {shapes:?}", row.row);
            assert_eq!(row.values[column], wanted.values[0], "{file}");
        }
        println!("{file}: {:?} {:?}", reader.schema().crs, reader.schema().remarks);
    }
}
