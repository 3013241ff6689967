use geo_types::{Geometry, Point};
use proptest::prelude::*;

use crate::feature::Value;
use crate::reader::archive::tests::zip;
use crate::reader::testing::{drain, get, open, refusal, text};
use crate::reader::{OpenOptions, SourceCrs, open_bytes};

const KML: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Zone</name>
<Folder><name><![CDATA[Fascia <B>]]></name>
 <Placemark><name>B1</name><description><![CDATA[<p>Centro <b>storico</b></p>]]></description>
  <ExtendedData><SchemaData schemaUrl="s"><SimpleData name="CODCOM">L736</SimpleData></SchemaData>
   <Data name="zona"><value>B1 &amp; B2</value></Data></ExtendedData>
  <Polygon><outerBoundaryIs><LinearRing><coordinates>12,45,0 13,45,0 13,46,0 12,45,0</coordinates></LinearRing></outerBoundaryIs>
   <innerBoundaryIs><LinearRing><coordinates>12.6,45.2 12.8,45.2 12.8,45.4 12.6,45.2</coordinates></LinearRing></innerBoundaryIs></Polygon>
 </Placemark>
 <Placemark><name>due</name><MultiGeometry><Point><coordinates>1,2</coordinates></Point><Point><coordinates>3,4</coordinates></Point></MultiGeometry></Placemark>
</Folder>
<Folder><name>Altro</name>
 <Placemark><name>rotto<Point><coordinates>1,2</coordinates></Point></Placemark>
 <Placemark><name>lettera</name><Point><coordinates>1,b</coordinates></Point></Placemark>
 <Placemark><name>senza</name></Placemark>
</Folder></Document></kml>"#;

#[test]
fn placemarks_are_read_with_data_holes_and_folders_and_broken_ones_cost_themselves() {
    let mut reader = open("a.kml", KML);
    assert_eq!((reader.schema().crs.clone(), reader.schema().rows), (SourceCrs::Epsg(4326), Some(5)));
    let names: Vec<_> = reader.schema().fields.iter().map(|field| field.name.clone()).collect();
    assert_eq!(names, ["name", "description", "zona", "CODCOM", "folder"]);
    let (rows, errors) = drain(&mut *reader);
    assert_eq!(rows.len(), 3);
    assert!(matches!(&rows[0].geometry, Some(Geometry::Polygon(polygon)) if polygon.interiors().len() == 1));
    assert_eq!(get(&*reader, &rows[0], "description"), text("<p>Centro <b>storico</b></p>"));
    assert_eq!(get(&*reader, &rows[0], "zona"), text("B1 & B2"));
    assert_eq!(get(&*reader, &rows[0], "folder"), text("Fascia <B>"));
    assert!(matches!(&rows[1].geometry, Some(Geometry::MultiPoint(points)) if points.0.len() == 2));
    assert_eq!((rows[2].row, rows[2].geometry.clone(), rows[2].values[2].clone()), (5, None, Value::Null));
    assert_eq!(errors.len(), 2, "{errors:?}");
    assert!(errors[0].starts_with("row 3: not well-formed") && errors[1].contains("`b` is not a number"), "{errors:?}");
}

#[test]
fn a_folder_can_be_chosen_and_a_wrong_choice_names_them() {
    let options = OpenOptions { layer: Some("altro".into()), ..OpenOptions::default() };
    let mut reader = open_bytes("a.kml", KML.into(), &options).expect("opens");
    assert_eq!(drain(&mut *reader).0.len(), 1);
    let options = OpenOptions { layer: Some("x".into()), ..OpenOptions::default() };
    assert!(refusal("a.kml", KML, &options).contains("`Fascia <B>`, `Altro`"));
}

#[test]
fn all_documents_of_a_kmz_are_read_whatever_their_names() {
    let point = |x: f64| {
        format!(
            "<kml><Document><Placemark><name>p{x}</name><Point><coordinates>{x},45</coordinates></Point></Placemark></Document></kml>"
        )
    };
    let links = "<kml><Document><NetworkLink><Link><href>x</href></Link></NetworkLink></Document></kml>";
    let kmz = zip(&[
        ("doc.kml", links.as_bytes()),
        ("Comuni/Comune di FIESSO D`ARTICO.kml", point(1.0).as_bytes()),
        ("Comuni/FOSSO` città.kml", point(2.0).as_bytes()),
        ("images/x.png", b"\x89PNG"),
    ]);
    let mut reader = open("zone%202018.kmz", kmz);
    let (rows, errors) = drain(&mut *reader);
    assert!(errors.is_empty() && rows.len() == 2, "{errors:?}");
    assert_eq!(rows[1].geometry, Some(Point::new(2.0, 45.0).into()));
    assert_eq!(get(&*reader, &rows[0], "document"), text("Comune di FIESSO D`ARTICO"));
    assert!(refusal("a.kml", links, &OpenOptions::default()).contains("only links"));
}

#[test]
fn tracks_and_truncation_are_told() {
    let (rows, errors) = drain(&mut *open("a.kml", &KML[..KML.len() - 60]));
    assert_eq!(rows.len(), 2);
    assert!(errors.last().is_some_and(|error| error.starts_with("file:") && error.contains("truncated")), "{errors:?}");
    let track = "<kml><Placemark><gx:Track><gx:coord>1 2 3</gx:coord></gx:Track></Placemark></kml>";
    assert!(drain(&mut *open("a.kml", track)).1[0].contains("Track"));
}

proptest! {
    #[test]
    fn no_changed_byte_panics(at in 0..KML.len(), byte in any::<u8>(), cut in 0..KML.len()) {
        let mut bytes = KML.as_bytes().to_vec();
        bytes[at] = byte;
        bytes.truncate(KML.len() - cut / 4);
        if let Ok(mut reader) = open_bytes("a.kml", bytes, &OpenOptions::default()) {
            drain(&mut *reader);
        }
    }
}
