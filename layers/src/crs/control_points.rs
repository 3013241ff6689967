//! The control points of the domain specification (section 2.3), computed with PROJ 9.1 apart from this code.

use std::thread;

use super::{Crs, CrsError, Transformer, with_transformer};

/// Name, latitude, longitude (RDN2008).
const PLACES: [(&str, f64, f64); 5] = [
    ("S. Marco", 45.4342, 12.3388),
    ("S. Lucia", 45.4408, 12.3155),
    ("Mestre", 45.4906, 12.2386),
    ("Bologna", 44.4939, 11.3428),
    ("Rome", 41.9028, 12.4964),
];

/// Code, then (east, north) of the places in order.
const PROJECTED: &[(u32, [[f64; 2]; 5])] = &[
    (7792, UTM_33),
    (25833, UTM_33),
    (
        7795,
        [
            [3_026_510.775_9, 5_033_255.480_6],
            [3_024_684.695_6, 5_033_981.589_8],
            [3_018_651.616_0, 5_039_495.675_1],
            [2_947_727.700_4, 4_928_913.195_1],
            [3_041_189.703_9, 4_640_959.817_4],
        ],
    ),
    (
        3003,
        [
            [1_761_183.998_1, 5_036_629.489_4],
            [1_759_331.272_9, 5_037_287.242_4],
            [1_753_093.922_4, 5_042_574.470_4],
            [1_686_298.542_2, 4_929_418.598_3],
            [1_790_055.108_1, 4_644_909.777_9],
        ],
    ),
    (
        3004,
        [
            [2_311_853.068_2, 5_034_649.200_8],
            [2_310_055.086_2, 5_035_443.056_9],
            [2_304_231.068_0, 5_041_179.494_1],
            [2_229_230.046_5, 4_933_255.886_6],
            [2_312_339.198_5, 4_642_025.790_2],
        ],
    ),
    (
        3857,
        [
            [1_373_548.933_0, 5_690_138.374_3],
            [1_370_955.188_9, 5_691_185.434_8],
            [1_362_394.720_0, 5_699_089.934_5],
            [1_262_674.720_2, 5_542_195.205_3],
            [1_391_092.884_7, 5_146_430.457_4],
        ],
    ),
];

const UTM_33: [[f64; 2]; 5] = [
    [291_847.960_5, 5_034_631.545_0],
    [290_050.009_5, 5_035_425.380_6],
    [284_226.081_6, 5_041_161.692_3],
    [209_226.804_5, 4_933_239.862_5],
    [292_335.313_1, 4_642_015.499_9],
];

/// 1 mm in degrees of latitude is 9e-9; of longitude here 1.3e-8.
const DEGREES: f64 = 9e-9;
const METRES: f64 = 1e-3;

fn crs(code: u32) -> Crs {
    Crs::epsg(code).unwrap()
}

fn close(found: [f64; 2], wanted: [f64; 2], tolerance: f64, what: &str) {
    let near = (found[0] - wanted[0]).abs() <= tolerance && (found[1] - wanted[1]).abs() <= tolerance;
    assert!(near, "{what}: {found:?} instead of {wanted:?}");
}

#[test]
fn every_control_point_agrees_forward_and_back_within_a_millimetre() {
    for (code, wanted) in PROJECTED {
        let forward = Transformer::new(&crs(6706), &crs(*code)).unwrap();
        let back = Transformer::new(&crs(*code), &crs(6706)).unwrap();
        for ((place, lat, lon), wanted) in PLACES.into_iter().zip(*wanted) {
            let found = forward.point([lon, lat]).unwrap();
            close(found, wanted, METRES, &format!("{place} in {code}"));
            close(back.point(wanted).unwrap(), [lon, lat], DEGREES, &format!("{place} from {code}"));
            close(back.point(found).unwrap(), [lon, lat], DEGREES, &format!("{place} there and back in {code}"));
        }
    }
}

#[test]
fn san_marco_agrees_in_the_other_systems() {
    let lonlat = [12.3388, 45.4342];
    for (code, wanted, tolerance) in [
        (7791, [761_151.348_1, 5_036_610.447_1], METRES),
        (7794, [7_026_471.009_7, 5_025_705.597_4], METRES),
        (3035, [4_504_252.510_1, 2_483_083.878_0], METRES),
        (32633, [291_847.960_5, 5_034_631.545_0], METRES),
        (4265, [12.339_021_461, 45.433_514_007], DEGREES),
        (4806, [12.339_021_461 - 12.452_333_333, 45.433_514_007], DEGREES),
    ] {
        let forward = Transformer::new(&crs(6706), &crs(code)).unwrap();
        close(forward.point(lonlat).unwrap(), wanted, tolerance, &format!("to {code}"));
        let back = Transformer::new(&crs(code), &crs(6706)).unwrap();
        close(back.point(wanted).unwrap(), lonlat, 1.3e-8, &format!("from {code}"));
    }
}

#[test]
fn north_east_codes_give_the_same_coordinates_and_say_that_their_order_is_swapped() {
    for (north_first, east_first) in [(6707, 7791), (6708, 7792), (6709, 7793), (6875, 7794), (6876, 7795)] {
        let (one, other) = (crs(north_first), crs(east_first));
        assert!(one.north_first() && !other.north_first(), "{north_first}");
        for (place, lat, lon) in PLACES {
            let found = Transformer::new(&crs(6706), &one).unwrap().point([lon, lat]).unwrap();
            let wanted = Transformer::new(&crs(6706), &other).unwrap().point([lon, lat]).unwrap();
            close(found, wanted, 1e-6, &format!("{place} in {north_first}"));
        }
    }
    assert!(crs(3035).north_first(), "the European grid is north first too");
    assert!(crs(4326).north_first() && !Crs::crs84().north_first());
}

#[test]
fn monte_mario_is_never_taken_for_etrs89() {
    for (from, to) in [(3003, 6706), (3003, 4326), (3004, 25833), (4265, 4258), (4806, 7795), (3003, 3857)] {
        let transformer = Transformer::new(&crs(from), &crs(to)).unwrap();
        let operation = transformer.operation();
        assert!(matches!(operation.code.as_deref(), Some("EPSG:1659" | "EPSG:1660")), "{from} to {to}: {operation:?}");
        assert_eq!(operation.accuracy_m, Some(4.0), "{from} to {to}");
    }
    // The null shift would leave S. Marco where its Roma40 numbers are read as ETRS89: 78 m off.
    let lonlat = Transformer::new(&crs(3003), &crs(6706)).unwrap().point([1_761_183.998_1, 5_036_629.489_4]).unwrap();
    let unshifted =
        Transformer::new(&crs(3003), &crs(4265)).unwrap().point([1_761_183.998_1, 5_036_629.489_4]).unwrap();
    let metres = super::geodesic_distance_m(lonlat, unshifted);
    assert!((70.0..90.0).contains(&metres), "the datum shift in Venice is {metres} m");
    assert_eq!(Transformer::new(&crs(3003), &crs(3004)).unwrap().operation().accuracy_m, Some(0.0), "same datum");
}

#[test]
fn sardinia_and_sicily_have_their_own_parameters() {
    let places = [
        ("Cagliari", [9.1103, 39.2238], "EPSG:1661"),
        ("Olbia", [9.5, 40.92], "EPSG:1661"),
        ("Palermo", [13.3615, 38.1157], "EPSG:1663"),
        ("Messina", [15.555, 38.193], "EPSG:1663"),
        ("Reggio Calabria", [15.65, 38.11], "EPSG:1659"),
        ("Cosenza", [16.25, 39.3], "EPSG:1659"),
    ];
    for code in [3003, 3004, 4265, 4806] {
        let forward = Transformer::new(&crs(6706), &crs(code)).unwrap();
        let back = Transformer::new(&crs(code), &crs(6706)).unwrap();
        for (place, lonlat, operation) in places {
            assert_eq!(forward.operation_at(lonlat).unwrap().code.as_deref(), Some(operation), "{place} to {code}");
            let there = forward.point(lonlat).unwrap();
            assert_eq!(back.operation_at(there).unwrap().code.as_deref(), Some(operation), "{place} from {code}");
            // The method's linear rotation does not undo itself to the last digit: 0.5 mm.
            close(back.point(there).unwrap(), lonlat, DEGREES, place);
        }
    }
    let to_wgs84 = Transformer::new(&crs(3003), &crs(4326)).unwrap();
    assert_eq!(to_wgs84.operation_at([1_509_000.0, 4_342_000.0]).unwrap().code.as_deref(), Some("EPSG:1662"));
}

#[test]
fn datums_held_to_be_identical_are_said_to_be() {
    for (from, to, code) in [(6706, 4258, "EPSG:6710"), (6706, 4326, "EPSG:6711"), (7795, 4326, "EPSG:6711")] {
        let transformer = Transformer::new(&crs(from), &crs(to)).unwrap();
        assert_eq!(transformer.operation().code.as_deref(), Some(code), "{:?}", transformer.operation());
        assert!(transformer.operation().note.contains("identical"));
    }
    let lonlat = [12.3388, 45.4342];
    assert_eq!(Transformer::new(&crs(6706), &crs(4326)).unwrap().point(lonlat), Ok(lonlat), "to the last bit");
}

#[test]
fn numbers_that_are_no_place_give_an_error_and_never_an_infinity() {
    let transformer = Transformer::new(&crs(6706), &crs(7795)).unwrap();
    for point in [[f64::NAN, 45.0], [12.0, f64::INFINITY], [f64::NEG_INFINITY, 45.0]] {
        assert!(matches!(transformer.point(point), Err(CrsError::NotFinite { .. })), "{point:?}");
    }
    for point in [[12.0, 95.0], [400.0, 45.0], [1_761_183.0, 5_036_629.0], [102.0, 0.0]] {
        assert!(matches!(transformer.point(point), Err(CrsError::OutOfDomain { .. })), "{point:?}");
    }
    let back = Transformer::new(&crs(3003), &crs(6706)).unwrap();
    for point in [[1e30, 1e30], [-1e12, 5e6], [f64::MAX, 0.0]] {
        if let Ok(found) = back.point(point) {
            assert!(found.iter().all(|value| value.is_finite()), "{point:?} -> {found:?}");
        }
    }
    let mut points = [[12.3, 45.4], [12.0, 95.0], [12.3, 45.5]];
    assert!(transformer.points(&mut points).is_err());
    let line = geo_types::LineString::from(vec![(12.3, 45.4), (12.0, f64::NAN)]);
    let mut geometry = geo_types::Geometry::LineString(line);
    assert!(transformer.geometry(&mut geometry).is_err());
    let geo_types::Geometry::LineString(line) = geometry else { unreachable!() };
    assert_eq!((line[0].x, line[0].y), (12.3, 45.4), "a failed geometry is left as it was");
}

#[test]
fn the_cadastral_service_lists_latitude_first_and_lands_in_sardinia() {
    // posList of the WFS of the Agenzia delle Entrate, srsName urn:ogc:def:crs:EPSG::6706.
    let (first, second) = (39.548_435_72, 9.130_118_80);
    let declared = Crs::parse("urn:ogc:def:crs:EPSG::6706").unwrap();
    let xy = if declared.north_first() { [second, first] } else { [first, second] };
    let utm = Transformer::new(&declared, &crs(25832)).unwrap().point(xy).unwrap();
    let lonlat = Transformer::new(&crs(25832), &crs(4326)).unwrap().point(utm).unwrap();
    assert!((8.0..10.0).contains(&lonlat[0]) && (38.8..41.4).contains(&lonlat[1]), "{lonlat:?} is not in Sardinia");
}

#[test]
fn unrelated_datums_are_refused() {
    // A sphere of unknown datum.
    let unknown = Crs::from_definition("+proj=longlat +R=6371000 +no_defs").unwrap();
    assert!(matches!(Transformer::new(&unknown, &crs(6706)), Err(CrsError::NoOperation { .. })));
}

#[test]
fn many_threads_transform_at_once_and_agree() {
    let wanted = [3_026_510.775_9, 5_033_255.480_6];
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for code in [7795, 3003, 7792, 7795] {
                    let target = crs(code);
                    let found = with_transformer(&crs(6706), &target, |transformer| {
                        (0..200).map(|_| transformer.point([12.3388, 45.4342]).unwrap()).next_back().unwrap()
                    });
                    if code == 7795 {
                        close(found.unwrap(), wanted, METRES, "S. Marco in a thread");
                    }
                }
            });
        }
    });
}
