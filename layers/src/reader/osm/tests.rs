//! Small extracts, and what is left of them when they are damaged.

use proptest::prelude::*;

use super::blocks::made::{MadeWay, Packing, data, header};
use super::*;
use crate::reader::open_bytes;
use crate::reader::testing::{drain, get, refusal, text};

const POINTS: [(i64, i64, i64); 5] = [
    (10, 123_000_000, 454_000_000),
    (7, 123_010_000, 454_000_001),
    (900_000_000_000, 123_020_000, 454_010_000),
    (12, 123_030_000, 454_020_000),
    (13, -5, -1_800_000_000),
];

/// An extract with streets of all kinds.
fn extract(packing: Packing) -> Vec<u8> {
    let ways: Vec<MadeWay<'_>> = vec![
        (1, &[10, 7, 900_000_000_000], &[("highway", "pedestrian"), ("name", "Calle Larga"), ("width", "2.5")]),
        (2, &[10, 7], &[("highway", "motorway")]),
        (3, &[10, 7], &[("highway", "motorway"), ("foot", "yes")]),
        (4, &[10, 7], &[("highway", "residential"), ("access", "private")]),
        (5, &[10, 7], &[("highway", "steps"), ("bridge", "yes"), ("access", "private"), ("foot", "permissive")]),
        (6, &[10, 7], &[("highway", "footway"), ("foot", "no")]),
        (7, &[10, 7], &[("building", "yes")]),
        // The extract was cut: a point is missing in the middle, or all but one.
        (8, &[10, 7, 99, 900_000_000_000, 12], &[("highway", "path")]),
        (9, &[10, 99, 98], &[("highway", "path")]),
    ];
    [header(&["OsmSchema-V0.6", "DenseNodes"]), data(&POINTS, &[], packing), data(&[], &ways, packing)].concat()
}

#[test]
fn streets_that_people_walk_are_lines_with_their_tags() {
    for packing in [Packing::None, Packing::Zlib, Packing::Zstd] {
        let mut reader = open_bytes("a.osm.pbf", extract(packing), &OpenOptions::default()).expect("opens");
        assert_eq!((reader.schema().rows, reader.schema().crs.clone()), (Some(5), SourceCrs::Epsg(4326)));
        assert!(reader.schema().remarks[0].starts_with("5 ways for walking; 3 other"), "{:?}", reader.schema().remarks);
        let (rows, errors) = drain(&mut *reader);
        assert_eq!(errors, ["row 5: fewer than two points of way 9 are in the extract"]);
        let ids: Vec<Value> = rows.iter().map(|row| get(&*reader, row, "osm_id")).collect();
        assert_eq!(ids, ["1", "3", "5", "8"].map(text));
        assert_eq!(
            (get(&*reader, &rows[0], "name"), get(&*reader, &rows[0], "foot")),
            (text("Calle Larga"), Value::Null)
        );
        assert_eq!(get(&*reader, &rows[2], "bridge"), text("yes"));
        let places = |row: &SourceFeature| match &row.geometry {
            Some(Geometry::MultiLineString(lines)) => {
                lines.iter().map(|line| line.0.iter().map(|at| (at.x, at.y)).collect()).collect()
            }
            other => panic!("{other:?}"),
        };
        let first: Vec<Vec<(f64, f64)>> = places(&rows[0]);
        assert_eq!(first, [vec![(12.3, 45.4), (12.301, 45.400_000_1), (12.302, 45.401)]]);
        assert_eq!(places(&rows[3]).iter().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    }
}

#[test]
fn what_cannot_be_read_is_refused_with_its_reason() {
    let whole = extract(Packing::Zlib);
    for (bytes, reason) in [
        (whole[..whole.len() - 3].to_vec(), "the extract is truncated"),
        ([whole.clone(), vec![0, 0]].concat(), "the extract is truncated"),
        ([whole.clone(), vec![255; 8]].concat(), "the header of a block is damaged"),
        ([header(&["HistoricalInformation"])].concat(), "`HistoricalInformation`, which is not read"),
    ] {
        let refused = refusal("a.osm.pbf", bytes, &OpenOptions::default());
        assert!(refused.contains(reason), "{refused}");
    }
    let points = OpenOptions { geometry: Some(GeometryType::Point), ..OpenOptions::default() };
    assert!(refusal("a.osm.pbf", whole, &points).contains("ogr2ogr osm.gpkg a.osm.pbf"));
}

proptest! {
    #[test]
    fn no_damage_makes_reading_panic(at in 0_usize..2_000, cut in 0_usize..30, bytes in proptest::collection::vec(any::<u8>(), 0..12)) {
        let mut damaged = extract(Packing::None);
        // The beginning says what it is.
        let at = (at % damaged.len()).max(20);
        let end = (at + cut).min(damaged.len());
        damaged.splice(at..end.max(at), bytes);
        if let Ok(mut reader) = open_bytes("a.osm.pbf", damaged, &OpenOptions::default()) {
            for row in &mut *reader {
                if let Ok(SourceFeature { geometry: Some(Geometry::MultiLineString(lines)), .. }) = row {
                    prop_assert!(lines.iter().all(|line| line.0.iter().all(|at| at.x.is_finite() && at.y.is_finite())));
                }
            }
        }
    }
}
