use geo_types::{Coord, Geometry, Point};
use proptest::prelude::*;

use crate::feature::Value;
use crate::reader::archive::tests::zip;
use crate::reader::testing::{drain, get, open, refusal, text};
use crate::reader::{OpenOptions, Reader, SourceCrs, open_bytes};

/// A cadastral parcel as the Agenzia delle Entrate writes it.
fn parcel(reference: &str, lat: f64) -> String {
    let ring = |low: f64, high: f64| {
        format!("{} 12.{low} {} 12.{low} {} 12.{high} {} 12.{low}", lat + low, lat + high, lat + high, lat + low)
    };
    format!(
        r#"<wfs:member><CP:CadastralParcel gml:id="CadastralParcel.IT.AGE.PLA.{reference}">
        <gml:boundedBy><gml:Envelope srsName="urn:ogc:def:crs:EPSG::6706"><gml:lowerCorner>0 0</gml:lowerCorner></gml:Envelope></gml:boundedBy>
        <CP:msGeometry><gml:Polygon gml:id="x.1" srsName="urn:ogc:def:crs:EPSG::6706">
        <gml:exterior><gml:LinearRing><gml:posList srsDimension="2">{}</gml:posList></gml:LinearRing></gml:exterior>
        <gml:interior><gml:LinearRing><gml:posList>{}</gml:posList></gml:LinearRing></gml:interior>
        </gml:Polygon></CP:msGeometry>
        <CP:INSPIREID_LOCALID>IT.AGE.PLA.{reference}</CP:INSPIREID_LOCALID><CP:LABEL>{}</CP:LABEL>
        <CP:NATIONALCADASTRALREFERENCE>{reference}</CP:NATIONALCADASTRALREFERENCE></CP:CadastralParcel></wfs:member>"#,
        ring(1.0, 9.0),
        ring(2.0, 3.0),
        reference.rsplit('.').next().unwrap_or_default()
    )
}

fn zoning(reference: &str) -> String {
    format!(
        r#"<wfs:member><CP:CadastralZoning gml:id="CadastralZoning.IT.AGE.MAP.{reference}"><CP:msGeometry><gml:MultiSurface srsName="urn:ogc:def:crs:EPSG::6706"><gml:surfaceMember><gml:Polygon><gml:exterior><gml:LinearRing><gml:posList>45 12 46 12 46 13 45 12</gml:posList></gml:LinearRing></gml:exterior></gml:Polygon></gml:surfaceMember></gml:MultiSurface></CP:msGeometry><CP:LABEL>1</CP:LABEL></CP:CadastralZoning></wfs:member>"#
    )
}

fn collection(members: &[String]) -> String {
    format!(
        r#"<?xml version='1.0' encoding="UTF-8" ?><wfs:FeatureCollection xmlns:CP="http://mapserver.gis.umn.edu/mapserver" xmlns:gml="http://www.opengis.net/gml/3.2" xmlns:wfs="http://www.opengis.net/wfs/2.0">{}</wfs:FeatureCollection>"#,
        members.join("\n")
    )
}

#[test]
fn cadastral_parcels_come_east_first_with_their_holes_and_ids() {
    let file = collection(&[parcel("L736_0012A0.123", 40.0), parcel("L736_001200.STRADA001", 41.0)]);
    let mut reader = open("L736_VENEZIA_ple.gml", file);
    let schema = reader.schema().clone();
    assert_eq!((schema.layer.as_str(), schema.crs, schema.rows), ("CadastralParcel", SourceCrs::Epsg(6706), Some(2)));
    assert!(schema.remarks[0].contains("axes swapped"));
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty(), "{errors:?}");
    let Some(Geometry::Polygon(polygon)) = &rows[0].geometry else { panic!("no polygon") };
    assert_eq!((polygon.exterior().0[0], polygon.interiors().len()), (Coord { x: 12.1, y: 41.0 }, 1));
    assert_eq!(get(&*reader, &rows[1], "gml_id"), text("CadastralParcel.IT.AGE.PLA.L736_001200.STRADA001"));
    assert_eq!(get(&*reader, &rows[1], "LABEL"), text("STRADA001"));
}

#[test]
fn broken_members_are_left_out_and_named() {
    let broken = parcel("L736_001200.2", 40.0).replace("</wfs:member>", "");
    let crossed = parcel("L736_001200.3", 40.0).replace("</CP:LABEL>", "</CP:LABLE>");
    let word = parcel("L736_001200.4", 40.0).replace("12.9", "dodici");
    let nan = parcel("L736_001200.5", 40.0).replace("12.9", "NaN");
    let file = collection(&[parcel("L736_001200.1", 40.0), broken, crossed, word, nan, parcel("L736_001200.6", 41.0)]);
    let (rows, errors) = drain(&mut *open("a.gml", file));
    assert_eq!(rows.iter().map(|row| row.row).collect::<Vec<_>>(), [1, 6]);
    assert_eq!(errors.len(), 4, "{errors:?}");
    assert!(errors[0].starts_with("row 2: CadastralParcel.IT.AGE.PLA.L736_001200.2: the member has no end tag"));
    assert!(errors[1].contains("L736_001200.3: not well-formed XML"), "{}", errors[1]);
    assert!(errors[2].contains("`dodici` is not a number"), "{}", errors[2]);
    assert!(errors[3].contains("not a finite number"), "{}", errors[3]);
}

#[test]
fn a_truncated_file_gives_its_good_rows_first() {
    let file = collection(&[parcel("L736_001200.1", 40.0), parcel("L736_001200.2", 41.0)]);
    let (rows, errors) = drain(&mut *open("a.gml", &file[..file.len() - 100]));
    assert_eq!(rows.len(), 1);
    assert!(errors[0].starts_with("file:") && errors[0].contains("truncated"), "{errors:?}");
}

#[test]
fn archives_in_archives_are_walked_and_their_types_are_layers() {
    let comune = |name: &str| {
        zip(&[
            (&format!("{name}_map.gml"), collection(&[zoning("L736_001200")]).as_bytes()),
            (&format!("{name}_ple.gml"), collection(&[parcel("L736_001200.1", 40.0)]).as_bytes()),
        ])
    };
    let province = zip(&[("H833_SAN FELICE.zip", &comune("H833_SAN FELICE")), ("L736.zip", &comune("L736_VENEZIA"))]);
    let region = zip(&[("VE.zip", &province), ("readme.txt", b"x")]);
    let message = refusal("VENETO.zip", region.clone(), &OpenOptions::default());
    assert!(message.contains("`CadastralZoning`, `CadastralParcel`"), "{message}");
    for layer in ["cadastralparcel", "CadastralZoning"] {
        let options = OpenOptions { layer: Some(layer.into()), ..OpenOptions::default() };
        let mut reader = open_bytes("VENETO.zip", region.clone(), &options).expect("opens");
        let (rows, errors) = drain(&mut *reader);
        assert!(errors.is_empty() && rows.len() == 2, "{layer}: {errors:?}");
    }
}

#[test]
fn gml_2_and_curves_of_gml_3_are_read_and_short_crs_names_are_east_first() {
    let two = r#"<ogr:FeatureCollection xmlns:gml="http://www.opengis.net/gml"><gml:featureMember><ogr:z fid="z.0">
      <ogr:geometryProperty><gml:Polygon srsName="EPSG:25832"><gml:outerBoundaryIs><gml:LinearRing><gml:coordinates>1,2 3,2 3,4 1,2</gml:coordinates></gml:LinearRing></gml:outerBoundaryIs></gml:Polygon></ogr:geometryProperty>
      <ogr:nome>a</ogr:nome></ogr:z></gml:featureMember></ogr:FeatureCollection>"#;
    let mut reader = open("a.gml", two);
    assert_eq!(reader.schema().crs, SourceCrs::Epsg(25832));
    let (rows, _) = drain(&mut *reader);
    assert!(matches!(&rows[0].geometry, Some(Geometry::Polygon(p)) if p.exterior().0[1] == Coord { x: 3.0, y: 2.0 }));
    assert_eq!(get(&*reader, &rows[0], "fid"), text("z.0"));
    let three = r#"<gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2"><gml:featureMembers>
      <t:road gml:id="r1"><t:line><gml:MultiCurve srsName="http://www.opengis.net/def/crs/EPSG/0/6706"><gml:curveMember><gml:Curve><gml:segments><gml:LineStringSegment><gml:posList>45 12 46 13</gml:posList></gml:LineStringSegment><gml:LineStringSegment><gml:posList>46 13 47 14</gml:posList></gml:LineStringSegment></gml:segments></gml:Curve></gml:curveMember></gml:MultiCurve></t:line><t:id><t:local>7</t:local></t:id></t:road>
      <t:road gml:id="r2"><t:line><gml:Point srsName="EPSG:3003"><gml:pos>1 2</gml:pos></gml:Point></t:line></t:road>
      </gml:featureMembers></gml:FeatureCollection>"#;
    let mut reader = open("a.gml", three);
    let (rows, errors) = drain(&mut *reader);
    let Some(Geometry::LineString(line)) = &rows[0].geometry else { panic!("{:?}", rows[0]) };
    assert_eq!(line.0, [(12.0, 45.0), (13.0, 46.0), (14.0, 47.0)].map(Coord::from));
    assert_eq!(get(&*reader, &rows[0], "id.local"), text("7"));
    assert!(errors[0].contains("split the file by CRS"), "{errors:?}");
}

#[test]
fn features_without_place_and_points_of_all_notations_are_read() {
    let file = |geometry: &str| {
        format!(
            "<gml:FeatureCollection xmlns:gml='http://www.opengis.net/gml'><gml:featureMember><a><g>{geometry}</g></a></gml:featureMember></gml:FeatureCollection>"
        )
    };
    for point in [
        "<gml:Point><gml:pos>1 2 3</gml:pos></gml:Point>",
        "<gml:Point><gml:coordinates>1,2</gml:coordinates></gml:Point>",
        "<gml:Point><gml:coord><gml:X>1</gml:X><gml:Y>2</gml:Y></gml:coord></gml:Point>",
        "<gml:MultiPoint><gml:pointMember><gml:Point><gml:pos>1 2</gml:pos></gml:Point></gml:pointMember></gml:MultiPoint>",
    ] {
        let (rows, errors) = drain(&mut *open("a.gml", file(point)));
        assert_eq!(rows[0].geometry, Some(Point::new(1.0, 2.0).into()), "{point}: {errors:?}");
    }
    let mut reader = open("a.gml", file(""));
    assert_eq!(drain(&mut *reader).0[0].values, [Value::Null]);
    let arc =
        "<gml:Curve><gml:segments><gml:Arc><gml:posList>1 2 3 4 5 6</gml:posList></gml:Arc></gml:segments></gml:Curve>";
    assert!(drain(&mut *open("a.gml", file(arc))).1[0].contains("convert curves"));
}

proptest! {
    #[test]
    fn no_changed_byte_panics(at in 0_usize..3000, byte in any::<u8>(), cut in 0_usize..500) {
        let mut bytes = collection(&[parcel("L736_001200.1", 40.0), parcel("L736_001200.2", 41.0)]).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut);
        if let Ok(mut reader) = open_bytes("a.gml", bytes, &OpenOptions::default()) {
            drain(&mut *reader as &mut dyn Reader);
        }
    }
}
