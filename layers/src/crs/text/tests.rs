use proptest::prelude::*;

use super::*;

const VENICE: Option<[f64; 4]> = Some([12.16, 45.23, 12.6, 45.6]);

fn best(text: &str) -> Interpretation {
    let readings = parse_place(text, None, VENICE).unwrap_or_else(|error| panic!("{text}: {error}"));
    readings.into_iter().next().unwrap()
}

#[test]
fn san_marco_is_found_however_it_is_typed() {
    for text in [
        "45.4342, 12.3388",
        "45.4342,12.3388",
        "45.4342 12.3388",
        "45,4342 12,3388",
        "45,4342; 12,3388",
        "45,4342, 12,3388",
        "45,4342,12,3388",
        "12.3388, 45.4342",
        "12.3388 E 45.4342 N",
        "N45.4342 E12.3388",
        "lat=45.4342 lon=12.3388",
        "Lat: 45,4342 Long: 12,3388",
        "45.4342°, 12.3388°",
        "45.4342N, 12.3388E",
        "POINT(12.3388 45.4342)",
        "45°26'03.12\"N 12°20'19.68\"E",
        "45°26′03,12″ N, 12°20′19,68″ E",
        "45° 26' 03.12'' N 12° 20' 19.68'' E",
        "45°26'03.12\" 12°20'19.68\"",
        "45 26 03.12 N, 12 20 19.68 E",
        "N 45 26 03.12 E 12 20 19.68",
        "45 26 3.12 12 20 19.68",
        "45°26.052'N 12°20.328'E",
        "EPSG:4326 45.4342 12.3388",
        "45.4342 12.3388 EPSG:4326",
        "12.3388 45.4342 CRS84",
        "3026510.7759 5033255.4806",
        "3.026.510,7759 5.033.255,4806",
        "5033255.4806, 3026510.7759",
        "E 291847.9605 N 5034631.5450",
        "291847.9605 E, 5034631.5450 N",
        "EPSG:7792 291847.9605 5034631.5450",
        "291847.9605 5034631.5450 (EPSG:7792)",
        "epsg 7792 291847.9605 5034631.5450",
        "EPSG:6708 5034631.5450 291847.9605",
        "SRID=7792;POINT(291847.9605 5034631.5450)",
        "1761183.9981 5036629.4894",
        "2311853.0682;5034649.2008",
        "x=3026510.7759 y=5033255.4806",
    ] {
        let place = best(text);
        let metres = crate::crs::geodesic_distance_m([place.lon, place.lat], [12.3388, 45.4342]);
        assert!(metres < 0.1, "{text}: {place:?} is {metres} m off");
        assert!(place.reason.contains("area of the ente"), "{text}: {}", place.reason);
    }
}

#[test]
fn readings_say_their_crs_and_order() {
    let place = best("5033255.48 3026510.77");
    assert_eq!((place.crs.code(), place.swapped), (Some(7795), true));
    assert!(place.reason.contains("northing first"), "{}", place.reason);
    let place = best("45.4342, 12.3388");
    assert_eq!((place.crs.code(), place.swapped), (Some(4326), true));
    let gauss = Crs::epsg(3003).unwrap();
    let place = &parse_place("1761183.9981 5036629.4894", Some(&gauss), None).unwrap()[0];
    assert_eq!(place.crs, gauss);
}

#[test]
fn south_west_and_signs_turn_the_coordinate() {
    for text in ["33°52'S 70°40'W", "-33.866667, -70.666667", "33,866667 S 70,666667 O", "−33.866667 −70.666667"]
    {
        let place = &parse_place(text, None, None).unwrap()[0];
        assert!((place.lat + 33.8667).abs() < 1e-3 && (place.lon + 70.6667).abs() < 1e-3, "{text}: {place:?}");
    }
}

#[test]
fn what_cannot_be_a_place_is_refused_with_the_reason() {
    for (text, words) in [
        ("", "nothing to look up"),
        ("   ", "nothing to look up"),
        ("45.4342", "1 number(s)"),
        ("45.4342 12.3388 7", "3 number(s)"),
        ("Piazza San Marco", "\"Piazza\" is not part"),
        ("45.4342 N 12.3388 N", "both coordinates are marked as north"),
        ("45°76'03\"N 12°20'19\"E", "76 cannot be minutes"),
        ("45°26'63\"N 12°20'19\"E", "63 cannot be seconds"),
        ("95°26'03\"N 12°20'19\"E", "cannot be a latitude"),
        ("45.5°26'N 12°20'E", "only the last part"),
        ("1e400 1e400", "4 number(s)"),
        ("999999999 999999999", "no place in any CRS used in Italy"),
        ("EPSG:1 45 12", "EPSG codes run from"),
        ("EPSG:99998 45 12", "is not known"),
        ("EPSG:7792 45°26'N 12°20'E", "degrees, minutes and seconds"),
        ("45.4342 200.5", "no place"),
        ("NaN NaN", "is not part"),
        ("EPSG:7795 12 45", "no place in EPSG:7795"),
    ] {
        let error = parse_place(text, None, VENICE).expect_err(text).to_string();
        assert!(error.contains(words), "{text:?}: {error}");
    }
    assert_eq!(parse_place(&"9".repeat(5000), None, None), Err(TextError::TooLong));
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,60}") {
        let _ = parse_place(&text, None, VENICE);
    }

    #[test]
    fn no_text_of_coordinate_signs_makes_the_parser_panic(text in "[-+0-9.,;°'\"NSEWOxy ()=:/]{0,40}") {
        if let Ok(readings) = parse_place(&text, None, None) {
            prop_assert!(!readings.is_empty());
            prop_assert!(readings.iter().all(|place| place.lon.is_finite() && place.lat.is_finite()));
        }
    }

    #[test]
    fn degrees_and_metres_are_read_back_as_typed(lon in 12.2..12.55_f64, lat in 45.3..45.55_f64) {
        for text in [
            format!("{lat:.7}, {lon:.7}"),
            format!("{lon:.7} {lat:.7}").replace('.', ","),
            format!("{} N {} E", dms(lat), dms(lon)),
        ] {
            let place = best(&text);
            prop_assert!((place.lon - lon).abs() < 1e-6 && (place.lat - lat).abs() < 1e-6, "{text}: {place:?}");
        }
        for code in [7795, 3003, 7792] {
            let crs = Crs::epsg(code).unwrap();
            let [x, y] = with_transformer(&Crs::wgs84(), &crs, |to| to.point([lon, lat])).unwrap().unwrap();
            let place = best(&format!("{x:.3} {y:.3}"));
            prop_assert_eq!(place.crs.code(), Some(code));
            prop_assert!((place.lon - lon).abs() < 1e-6 && (place.lat - lat).abs() < 1e-6, "{place:?}");
        }
    }
}

/// Seconds with four decimals: 3 mm.
fn dms(degrees: f64) -> String {
    let parts = (degrees * 36_000_000.0).round();
    let (whole, rest) = ((parts / 36_000_000.0).floor(), parts.rem_euclid(36_000_000.0));
    format!("{whole}°{}'{:.4}\"", (rest / 600_000.0).floor(), rest.rem_euclid(600_000.0) / 10_000.0)
}
