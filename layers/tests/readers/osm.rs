//! Streets of an OpenStreetMap extract against GDAL's lines of the same.

use std::collections::BTreeMap;
use std::process::Command;

use geo_types::Geometry;

use super::real::{drain, opened, shared_data};

/// Prints the ways that people may walk: id, tags as they are read, and places in ten-millionths of a degree.
const WAYS: &str = r#"
import re, sys
from osgeo import gdal
gdal.UseExceptions()
gdal.PushErrorHandler('CPLQuietErrorHandler')
gdal.SetConfigOption('OGR_INTERLEAVED_READING', 'YES')
data = gdal.OpenEx(sys.argv[1], gdal.OF_VECTOR)
closed = {'no', 'private', 'use_sidepath', 'forestry'}
never = set('motorway motorway_link raceway bus_guideway construction proposed planned abandoned razed demolished disused escape services rest_area emergency_access_point'.split())
while True:
    feature, layer = data.GetNextFeature()
    if feature is None:
        break
    if layer.GetName() != 'lines' or not feature.GetField('highway'):
        continue
    tags = dict(re.findall(r'"((?:[^"\\]|\\.)*)"=>"((?:[^"\\]|\\.)*)"', feature.GetField('other_tags') or ''))
    foot, highway = tags.get('foot'), feature.GetField('highway')
    if foot in closed:
        continue
    if foot not in {'yes', 'designated', 'permissive', 'official', 'destination', 'customers'}:
        if highway in never or tags.get('access') in closed or tags.get('motorroad') == 'yes':
            continue
    places = ' '.join('%d,%d' % (round(x * 1e7), round(y * 1e7)) for x, y in feature.GetGeometryRef().GetPoints(2))
    print(feature.GetField('osm_id'), feature.GetField('name') or '', highway, tags.get('bridge', ''), places, sep='\t')
"#;

#[test]
fn streets_are_those_that_gdal_reads() {
    let Some(data) = shared_data() else { return };
    let file = data.join("osm/aq.pbf");
    let output = Command::new("/usr/bin/python3").args(["-c", WAYS]).arg(&file).output().expect("python3");
    assert!(output.status.success(), "{}; is python3-gdal installed?", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).expect("text");
    let mut reader = opened(&file, None);
    let fields = reader.schema().fields.clone();
    let of = |name: &str| fields.iter().position(|field| field.name == name).expect("a column");
    let told = ["osm_id", "name", "highway", "bridge", "area"].map(of);
    let (rows, errors) = drain(&mut *reader);
    assert_eq!(errors, Vec::<String>::new());
    let mut ours: BTreeMap<String, (String, bool)> = BTreeMap::new();
    for row in &rows {
        let [id, name, highway, bridge, area] = told.map(|at| row.values[at].as_text().unwrap_or_default());
        let Some(Geometry::MultiLineString(lines)) = &row.geometry else { panic!("{row:?}") };
        assert_eq!(lines.0.len(), 1, "way {id}");
        let places = lines.0[0].0.iter().map(|at| format!("{:.0},{:.0}", at.x * 1e7, at.y * 1e7));
        let line = format!("{id}\t{name}\t{highway}\t{bridge}\t{}", places.collect::<Vec<_>>().join(" "));
        ours.insert(id.to_owned(), (line, area == "yes" || lines.0[0].is_closed()));
    }
    let mut compared = 0;
    for line in theirs.lines() {
        let id = line.split('\t').next().unwrap_or_default();
        let (own, _) = ours.remove(id).unwrap_or_else(|| panic!("way {id} is missing"));
        assert_eq!(own, line);
        compared += 1;
    }
    assert!(compared > 6_000, "{compared}");
    // What is left are squares, which GDAL has among its surfaces.
    let left: Vec<&String> = ours.iter().filter(|(_, (_, is_square))| !is_square).map(|(id, _)| id).collect();
    assert_eq!(left, Vec::<&String>::new());
}
