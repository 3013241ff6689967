//! Definitions as they stand in real files, and the codes they mean.

use super::{Crs, CrsError, Transformer};

const GEOG_MONTE_MARIO: &str = r#"GEOGCS["GCS_Monte_Mario",DATUM["D_Monte_Mario",SPHEROID["International_1924",6378388.0,297.0]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;
const GEOG_ETRS89: &str = r#"GEOGCS["GCS_ETRS_1989",DATUM["D_ETRS_1989",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;
const GEOG_WGS84: &str = r#"GEOGCS["GCS_WGS_1984",DATUM["D_WGS_1984",SPHEROID["WGS_1984",6378137.0,298.257223563]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;
const GEOG_RDN2008: &str = r#"GEOGCS["GCS_RDN2008",DATUM["D_Rete_Dinamica_Nazionale_2008",SPHEROID["GRS_1980",6378137.0,298.257222101]],PRIMEM["Greenwich",0.0],UNIT["Degree",0.0174532925199433]]"#;

/// A `.prj` of `ArcGIS`.
fn prj(name: &str, geographic: &str, false_easting: f64, meridian: f64, scale: f64) -> String {
    format!(
        r#"PROJCS["{name}",{geographic},PROJECTION["Transverse_Mercator"],PARAMETER["False_Easting",{false_easting:.1}],PARAMETER["False_Northing",0.0],PARAMETER["Central_Meridian",{meridian:.1}],PARAMETER["Scale_Factor",{scale}],PARAMETER["Latitude_Of_Origin",0.0],UNIT["Meter",1.0]]"#
    )
}

#[test]
fn prj_files_of_italian_offices_are_known() {
    for (definition, code) in [
        (prj("Monte_Mario_Italy_1", GEOG_MONTE_MARIO, 1_500_000.0, 9.0, 0.9996), 3003),
        (prj("Monte_Mario_Italy_2", GEOG_MONTE_MARIO, 2_520_000.0, 15.0, 0.9996), 3004),
        (prj("ETRS_1989_UTM_Zone_32N", GEOG_ETRS89, 500_000.0, 9.0, 0.9996), 25832),
        (prj("ETRS_1989_UTM_Zone_33N", GEOG_ETRS89, 500_000.0, 15.0, 0.9996), 25833),
        (prj("WGS_1984_UTM_Zone_32N", GEOG_WGS84, 500_000.0, 9.0, 0.9996), 32632),
        (prj("WGS_1984_UTM_Zone_33N", GEOG_WGS84, 500_000.0, 15.0, 0.9996), 32633),
        (prj("RDN2008_UTM_zone_33N", GEOG_RDN2008, 500_000.0, 15.0, 0.9996), 7792),
        (prj("RDN2008_Zone_12_(E-N)", GEOG_RDN2008, 3_000_000.0, 12.0, 1.0), 7795),
        (prj("RDN2008_Italy_zone_(E-N)", GEOG_RDN2008, 7_000_000.0, 12.0, 0.9985), 7794),
        // Names that offices make up: the parameters decide.
        (prj("Gauss_Boaga_Est", GEOG_MONTE_MARIO, 2_520_000.0, 15.0, 0.9996), 3004),
        (prj("fuso_12_Veneto", GEOG_RDN2008, 3_000_000.0, 12.0, 1.0), 7795),
        (GEOG_WGS84.to_owned(), 4326),
        (GEOG_ETRS89.to_owned(), 4258),
        (GEOG_RDN2008.to_owned(), 6706),
        (GEOG_MONTE_MARIO.to_owned(), 4265),
    ] {
        let crs = Crs::from_definition(&definition).unwrap();
        assert_eq!(crs.code(), Some(code), "{definition}");
    }
}

#[test]
fn standard_parallels_may_stand_in_any_order() {
    // As the IGN writes it in a land-use plan, without a code of EPSG.
    let lambert = |one: u8, two: u8| {
        format!(
            r#"PROJCS["RGF93 Lambert 93",GEOGCS["RGF93 geographiques (dms)",DATUM["Reseau_Geodesique_Francais_1993_v1",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["IGNF","RGF93G"]],PROJECTION["Lambert_Conformal_Conic_2SP"],PARAMETER["latitude_of_origin",46.5],PARAMETER["central_meridian",3],PARAMETER["standard_parallel_1",{one}],PARAMETER["standard_parallel_2",{two}],PARAMETER["false_easting",700000],PARAMETER["false_northing",6600000],UNIT["metre",1],AXIS["Easting",EAST],AXIS["Northing",NORTH],AUTHORITY["IGNF","LAMB93"]]"#
        )
    };
    assert_eq!(Crs::from_definition(&lambert(44, 49)).unwrap().code(), Some(2154));
    assert_eq!(Crs::from_definition(&lambert(49, 44)).unwrap().code(), Some(2154));
    assert_ne!(Crs::from_definition(&lambert(45, 49)).unwrap().code(), Some(2154));
}

#[test]
fn a_name_that_contradicts_its_parameters_is_not_believed() {
    let liar = prj("WGS_1984_UTM_Zone_33N", GEOG_WGS84, 500_000.0, 9.0, 0.9996);
    assert_eq!(Crs::from_definition(&liar).unwrap().code(), Some(32632));
}

#[test]
fn authority_nodes_and_every_kind_of_definition_are_followed() {
    for (definition, code) in [
        (
            r#"GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4326"]]"#,
            4326,
        ),
        ("+proj=utm +zone=32 +datum=WGS84 +units=m +no_defs", 32632),
        ("+proj=utm +zone=33 +ellps=GRS80 +units=m +no_defs", 25833),
        ("+proj=tmerc +lat_0=0 +lon_0=9 +k=0.9996 +x_0=1500000 +y_0=0 +ellps=intl +units=m +no_defs", 3003),
        (
            "+proj=tmerc +lat_0=0 +lon_0=15 +k=0.9996 +x_0=2520000 +y_0=0 +ellps=intl +towgs84=-104.1,-49.1,-9.9,0.971,-2.917,0.714,-11.68 +units=m +no_defs",
            3004,
        ),
        ("+proj=tmerc +lat_0=0 +lon_0=12 +k=1 +x_0=3000000 +y_0=0 +ellps=GRS80 +units=m +no_defs", 7795),
        ("+proj=longlat +datum=WGS84 +no_defs", 4326),
        ("+init=epsg:3003", 3003),
        ("EPSG:3003", 3003),
        ("\u{feff}  25832\r\n", 25832),
    ] {
        let crs = Crs::from_definition(definition).unwrap();
        assert_eq!(crs.code(), Some(code), "{definition}");
    }
}

#[test]
fn short_forms_are_read_in_every_spelling() {
    for (text, code) in [
        ("EPSG:7795", 7795),
        ("epsg:7795", 7795),
        ("EPSG: 7795", 7795),
        ("7795", 7795),
        ("http://www.opengis.net/def/crs/EPSG/0/6706", 6706),
        ("https://www.opengis.net/def/crs/EPSG/9.9.1/6706", 6706),
        ("<http://www.opengis.net/def/crs/EPSG/0/6706>", 6706),
        ("[EPSG:6706]", 6706),
        ("urn:ogc:def:crs:EPSG::6706", 6706),
        ("urn:ogc:def:crs:EPSG:10.076:6706", 6706),
        ("http://www.opengis.net/gml/srs/epsg.xml#4326", 4326),
        ("CRS84", 4326),
        ("OGC:CRS84", 4326),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", 4326),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326),
    ] {
        assert_eq!(Crs::parse(text).unwrap().code(), Some(code), "{text}");
    }
    for text in
        ["", "EPSG:", "EPSG:abc", "EPSG:0", "EPSG:99999", "7795x", "ftp://x/EPSG/0/6706", "http://evil/6706", "🦀"]
    {
        assert!(matches!(Crs::parse(text), Err(CrsError::Unknown { .. })), "{text:?}");
    }
    let crs84 = Crs::crs84();
    assert_eq!(crs84.uri(), "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
    assert_ne!(crs84, Crs::wgs84());
    assert_eq!(Crs::epsg(7795).unwrap().uri(), "http://www.opengis.net/def/crs/EPSG/0/7795");
}

#[test]
fn what_a_crs_says_of_itself_agrees_with_the_registry() {
    let zone_12 = Crs::epsg(7795).unwrap();
    assert_eq!(zone_12.name(), "RDN2008 / Zone 12 (E-N)");
    assert!(!zone_12.is_geographic() && (zone_12.default_resolution() - 0.001).abs() < f64::EPSILON);
    let [west, south, east, north] = zone_12.area_of_use();
    assert!(west < 7.0 && south < 37.0 && east > 18.0 && north > 47.0);
    let rdn = Crs::epsg(6706).unwrap();
    assert!(rdn.is_geographic() && (rdn.default_resolution() - 1e-8).abs() < f64::EPSILON);
    // Known without the registry, and yet the same as in it.
    for built_in in [Crs::wgs84(), Crs::web_mercator()] {
        let json = super::identify::describe(&built_in.to_string()).unwrap();
        assert_eq!(json["name"], built_in.name());
    }
    assert!(matches!(Crs::epsg(5773), Err(CrsError::Unsupported { .. })), "EGM96 height is no map CRS");
    assert!(matches!(Crs::epsg(4978), Err(CrsError::Unsupported { .. })), "geocentric WGS 84 is no map CRS");
}

#[test]
fn a_definition_without_code_still_transforms() {
    // A municipal grid on WGS 84.
    let own = prj("Rete_comunale", GEOG_WGS84, 20_000.0, 12.5, 1.0);
    let crs = Crs::from_definition(&own).unwrap();
    assert_eq!((crs.code(), crs.name()), (None, "Rete_comunale"));
    let there = Transformer::new(&Crs::wgs84(), &crs).unwrap().point([12.5, 45.4]).unwrap();
    assert!((there[0] - 20_000.0).abs() < 1e-3, "{there:?}");
    let back = Transformer::new(&crs, &Crs::epsg(7795).unwrap()).unwrap();
    assert!(back.point(there).is_ok());
    // The old datum with its own parameters, on a projection of its own.
    let bound = "+proj=tmerc +lat_0=0 +lon_0=12 +k=1 +x_0=0 +y_0=0 +ellps=intl \
                 +towgs84=-104.1,-49.1,-9.9,0.971,-2.917,0.714,-11.68 +units=m +no_defs";
    let bound = Crs::from_definition(bound).unwrap();
    assert_eq!(bound.code(), None);
    let here = Transformer::new(&Crs::wgs84(), &bound).unwrap().point([12.3388, 45.4342]).unwrap();
    let lonlat = Transformer::new(&bound, &Crs::wgs84()).unwrap().point(here).unwrap();
    assert!((lonlat[0] - 12.3388).abs() < 1e-8 && (lonlat[1] - 45.4342).abs() < 1e-8);
}

#[test]
fn broken_definitions_are_refused_with_a_short_message() {
    let long = format!("PROJCS[\"{}\"", "x".repeat(10_000));
    for definition in [
        "",
        "hello",
        "PROJCS[",
        "GEOGCS[\"x\"]",
        "{}",
        "{\"type\":",
        "+proj=nosuch",
        "+proj=utm +zone=99",
        &long,
        "A\0B",
    ] {
        let error = Crs::from_definition(definition).unwrap_err();
        assert!(error.to_string().len() < 600, "{error}");
    }
}
