//! Streets of an OpenStreetMap extract (`.osm.pbf`): the ways that people may walk, as lines.
//!
//! Points come before the ways that run through them, and an extract holds many more points than streets: the file is read
//! three times, for which points are needed, for where they are, and for the ways. Ways whose `highway` is none for walking
//! (motorways, what is only planned), and those that are closed to people on foot, are left out and counted.

mod blocks;

use std::collections::VecDeque;

use geo_types::{Coord, Geometry, LineString, MultiLineString};

use self::blocks::{Block, Blocks, Way};
use super::source::Source;
use super::{OpenOptions, ReadError, Reader, SourceCrs, SourceFeature, SourceField, SourceSchema};
use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;
use crate::limits::MAX_OSM_POINTS;

/// Whether a file begins as an extract does.
pub(super) fn is_extract(head: &[u8]) -> bool {
    head.get(4..).is_some_and(|rest| rest.starts_with(b"\x0a\x09OSMHeader"))
}

/// Keys that become columns, beside `osm_id`.
const KEYS: [&str; 10] = ["name", "highway", "foot", "access", "bridge", "tunnel", "layer", "surface", "width", "area"];
/// Values of `highway` that nobody walks unless `foot` says so.
const NOT_WALKED: [&str; 15] = [
    "motorway",
    "motorway_link",
    "raceway",
    "bus_guideway",
    "construction",
    "proposed",
    "planned",
    "abandoned",
    "razed",
    "demolished",
    "disused",
    "escape",
    "services",
    "rest_area",
    "emergency_access_point",
];
/// Values of `foot` and `access` by which a way is open, and closed.
const OPEN: [&str; 6] = ["yes", "designated", "permissive", "official", "destination", "customers"];
const CLOSED: [&str; 4] = ["no", "private", "use_sidepath", "forestry"];

/// Opens an extract.
pub(super) fn open(source: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    if let Some(wanted) = options.geometry.filter(|wanted| wanted.dimension().is_some_and(|dimension| dimension != 1)) {
        let name = source.name();
        let geometry = wanted.sql_name();
        return Err(ReadError::File(format!(
            "{name}: of an OpenStreetMap extract the streets are read, which are lines, not {geometry}; for the rest convert it, \
             `ogr2ogr osm.gpkg {name}`, and load one of its layers with --source-layer"
        )));
    }
    let points = Points::of(source)?;
    let field = |name: &str| SourceField { name: name.to_owned(), kind: FieldType::Text };
    let (kept, left_out) = (points.kept, points.left_out);
    let schema = SourceSchema {
        format: "OpenStreetMap",
        layer: "streets".to_owned(),
        fields: std::iter::once("osm_id").chain(KEYS).map(field).collect(),
        crs: SourceCrs::Epsg(4326),
        geometry: Some(GeometryType::MultiLineString),
        rows: Some(kept),
        remarks: vec![format!("{kept} ways for walking; {left_out} other ways with `highway` are left out")],
        ..SourceSchema::default()
    };
    Ok(Box::new(OsmReader {
        blocks: Blocks::open(source)?,
        schema,
        points,
        ready: VecDeque::new(),
        row: 0,
        is_over: false,
    }))
}

/// Where the points of streets are: ids in order, and hundred-nanodegrees east and north.
#[derive(Debug, Default)]
struct Points {
    ids: Vec<i64>,
    places: Vec<Option<[i32; 2]>>,
    /// Ways that are read.
    kept: u64,
    /// Ways with `highway` that are not.
    left_out: u64,
}

impl Points {
    fn of(source: &Source) -> Result<Self, ReadError> {
        let mut points = Self::default();
        for block in Blocks::open(source)? {
            let block = block?;
            for way in block.ways() {
                match is_walked(&way) {
                    None => {}
                    Some(false) => points.left_out += 1,
                    Some(true) => {
                        points.kept += 1;
                        points.ids.extend(way.refs());
                    }
                }
            }
            if points.ids.len() > MAX_OSM_POINTS {
                points.settle();
                // Half of it must be free, or each block would sort all anew.
                if points.ids.len() > MAX_OSM_POINTS / 2 {
                    let name = source.name();
                    return Err(ReadError::File(format!(
                        "{name}: its streets have more than half of MAX_OSM_POINTS ({MAX_OSM_POINTS}) points; cut the extract to the \
                         municipality, as `osmium extract` does"
                    )));
                }
            }
        }
        points.settle();
        points.places = vec![None; points.ids.len()];
        for block in Blocks::open(source)? {
            let block = block?;
            block.points(|id, place| {
                if let Ok(at) = points.ids.binary_search(&id) {
                    points.places[at] = Some(place);
                }
            });
        }
        Ok(points)
    }

    fn settle(&mut self) {
        self.ids.sort_unstable();
        self.ids.dedup();
    }

    /// Degrees, east before north.
    fn place(&self, id: i64) -> Option<Coord<f64>> {
        let at = self.ids.binary_search(&id).ok()?;
        let [x, y] = (*self.places.get(at)?)?;
        // Divided, not multiplied: the nearest number to what was meant.
        Some(Coord { x: f64::from(x) / 1e7, y: f64::from(y) / 1e7 })
    }
}

/// Whether people walk a way; none for what is no street.
fn is_walked(way: &Way<'_>) -> Option<bool> {
    let highway = way.tag("highway")?;
    let said = |key: &str, values: &[&str]| way.tag(key).is_some_and(|value| values.contains(&value.as_str()));
    Some(match way.tag("foot") {
        Some(_) if said("foot", &CLOSED) => false,
        Some(_) if said("foot", &OPEN) => true,
        _ => !NOT_WALKED.contains(&highway.as_str()) && !said("access", &CLOSED) && !said("motorroad", &["yes"]),
    })
}

struct OsmReader {
    blocks: Blocks,
    schema: SourceSchema,
    points: Points,
    ready: VecDeque<Result<SourceFeature, ReadError>>,
    row: u64,
    is_over: bool,
}

impl OsmReader {
    fn take(&mut self, block: &Block) {
        for way in block.ways().filter(|way| is_walked(way) == Some(true)) {
            self.row += 1;
            let row = self.row;
            // Where an extract was cut, points are missing: a way is then several lines.
            let mut lines: Vec<Vec<Coord<f64>>> = vec![Vec::new()];
            for id in way.refs() {
                match (self.points.place(id), lines.last_mut()) {
                    (Some(place), Some(line)) => line.push(place),
                    _ => lines.push(Vec::new()),
                }
            }
            let lines: Vec<LineString<f64>> = lines.into_iter().filter(|line| line.len() > 1).map(LineString).collect();
            if lines.is_empty() {
                let reason = format!("fewer than two points of way {} are in the extract", way.id());
                self.ready.push_back(Err(ReadError::Row { row, reason, place: None }));
                continue;
            }
            let value = |text: Option<String>| text.map_or(Value::Null, Value::Text);
            let mut values = vec![Value::Text(way.id().to_string())];
            values.extend(KEYS.map(|key| value(way.tag(key))));
            let geometry: Geometry<f64> = MultiLineString(lines).into();
            self.ready.push_back(Ok(SourceFeature { row, geometry: Some(geometry), values }));
        }
    }
}

impl Iterator for OsmReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(row) = self.ready.pop_front() {
                return Some(row);
            }
            if self.is_over {
                return None;
            }
            match self.blocks.next() {
                None => self.is_over = true,
                Some(Ok(block)) => self.take(&block),
                Some(Err(error)) => {
                    self.is_over = true;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl Reader for OsmReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
