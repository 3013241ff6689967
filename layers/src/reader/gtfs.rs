//! Timetables (GTFS, an archive of tables): the stops with their lines and departures, and the lines as they are drawn on a
//! map.
//!
//! A line is a row of `routes.txt`; `trips.txt` says which shapes its trips follow, `shapes.txt` where these run. All
//! points of the shapes are held in memory, since nothing says in which order they stand in the file.

mod service;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use geo_types::{Coord, LineString, MultiLineString};

use self::service::Service;
use super::archive::Member;
use super::open::{LayerInfo, OpenOptions};
use super::source::Source;
use super::{ReadError, Reader, SourceCrs, SourceFeature, SourceField, SourceSchema, csv};
use crate::definition::{FieldType, GeometryType};
use crate::feature::Value;
use crate::limits::MAX_TIMETABLE_POINTS;

/// The column that says what vehicles a line has.
const VEHICLE: &str = "route_type";

/// What is on the map of a timetable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Stops,
    Routes,
}

impl Part {
    /// Its name among the layers of the archive.
    fn name(self) -> &'static str {
        match self {
            Self::Stops => "stops",
            Self::Routes => "routes",
        }
    }

    fn geometry(self) -> GeometryType {
        match self {
            Self::Stops => GeometryType::Point,
            Self::Routes => GeometryType::MultiLineString,
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Stops, Self::Routes].into_iter().find(|part| part.name().eq_ignore_ascii_case(name))
    }
}

/// The tables of a timetable.
#[derive(Debug, Clone)]
pub(super) struct Timetable {
    archive: String,
    tables: BTreeMap<String, Source>,
}

impl Timetable {
    /// The timetable in an archive, if that is what it holds.
    pub fn among(archive: &Source, members: &[Member]) -> Option<Self> {
        let table = |member: &Member| (member.file_name().to_ascii_lowercase(), Source::Member(member.clone()));
        let tables: BTreeMap<String, Source> = members.iter().map(table).collect();
        tables.contains_key("stop_times.txt").then(|| Self { archive: archive.name(), tables })
    }

    /// The name of its archive.
    pub fn name(&self) -> String {
        self.archive.clone()
    }

    /// What can be read of it.
    pub fn layers(&self) -> Vec<LayerInfo> {
        let info = |part: Part| LayerInfo { name: part.name().to_owned(), geometry: Some(part.geometry()), rows: None };
        self.parts().into_iter().map(info).collect()
    }

    fn parts(&self) -> Vec<Part> {
        let has = |names: &[&str]| names.iter().all(|name| self.tables.contains_key(*name));
        let mut parts = Vec::new();
        if has(&["stops.txt"]) {
            parts.push(Part::Stops);
        }
        if has(&["routes.txt", "trips.txt", "shapes.txt"]) {
            parts.push(Part::Routes);
        }
        parts
    }

    /// Opens the part that is named, or else the one that fits the layer to be loaded.
    pub fn open(&self, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
        let parts = self.parts();
        let part = match &options.layer {
            Some(name) => Part::of(name).ok_or_else(|| {
                let archive = &self.archive;
                ReadError::File(format!(
                    "{archive}: there is no layer `{name}` in a timetable; choose `stops` or `routes`"
                ))
            })?,
            None if options.geometry.and_then(GeometryType::dimension) == Some(1) => Part::Routes,
            None => Part::Stops,
        };
        match part {
            _ if !parts.contains(&part) => Err(ReadError::File(self.lacks(part))),
            Part::Stops => self.stops(),
            Part::Routes => self.routes(),
        }
    }

    fn lacks(&self, part: Part) -> String {
        let archive = &self.archive;
        match part {
            Part::Stops => format!("{archive}: a GTFS timetable without stops.txt; ask for a whole one"),
            Part::Routes => format!(
                "{archive}: a GTFS timetable whose lines are not drawn: it takes routes.txt, trips.txt and shapes.txt"
            ),
        }
    }

    fn stops(&self) -> Result<Box<dyn Reader>, ReadError> {
        let open = || self.table("stops.txt", &OpenOptions::default());
        let service = Service::of(self, &service::ids(open()?)?)?;
        Ok(Box::new(Stops::new(open()?, self.only_vehicle()?, service)))
    }

    /// The kind of vehicle, where all lines have the same: it is then that of each stop.
    fn only_vehicle(&self) -> Result<Option<String>, ReadError> {
        if !self.tables.contains_key("routes.txt") {
            return Ok(None);
        }
        let routes = self.table("routes.txt", &OpenOptions::default())?;
        let Some(at) = column(routes.schema(), VEHICLE) else { return Ok(None) };
        let mut found = BTreeSet::new();
        each(routes, |row| {
            found.insert(text(&row, at));
            Ok(())
        })?;
        Ok(found.pop_first().filter(|vehicle| found.is_empty() && !vehicle.is_empty()))
    }

    fn routes(&self) -> Result<Box<dyn Reader>, ReadError> {
        let table = self.table("routes.txt", &OpenOptions::default())?;
        let id = needed(table.schema(), "route_id")?;
        let shapes = self.shapes()?;
        let mut of_route: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let trips = self.table("trips.txt", &OpenOptions::default())?;
        let (route, shape) = (needed(trips.schema(), "route_id")?, needed(trips.schema(), "shape_id")?);
        each(trips, |row| {
            of_route.entry(text(&row, route)).or_default().insert(text(&row, shape));
            Ok(())
        })?;
        let mut schema = table.schema().clone();
        schema.format = "GTFS";
        schema.geometry = Some(Part::Routes.geometry());
        schema.crs = SourceCrs::Epsg(4326);
        schema.tabular = false;
        schema.remarks = vec!["each line with all the ways that its trips take (trips.txt, shapes.txt)".to_owned()];
        Ok(Box::new(Routes { table, schema, id, of_route, shapes }))
    }

    /// Each shape, its points in their order.
    fn shapes(&self) -> Result<BTreeMap<String, LineString<f64>>, ReadError> {
        let place = OpenOptions {
            x_column: Some("shape_pt_lon".to_owned()),
            y_column: Some("shape_pt_lat".to_owned()),
            ..OpenOptions::default()
        };
        let rows = self.table("shapes.txt", &place)?;
        let (shape, order) = (needed(rows.schema(), "shape_id")?, needed(rows.schema(), "shape_pt_sequence")?);
        let mut points: BTreeMap<String, Vec<(u64, Coord<f64>)>> = BTreeMap::new();
        let mut count = 0_usize;
        each(rows, |row| {
            count += 1;
            if count > MAX_TIMETABLE_POINTS {
                return Err(ReadError::File(format!(
                    "shapes.txt: more than MAX_TIMETABLE_POINTS ({MAX_TIMETABLE_POINTS}) points; split the timetable"
                )));
            }
            if let (Ok(order), Some(geo_types::Geometry::Point(at))) = (text(&row, order).parse(), &row.geometry) {
                points.entry(text(&row, shape)).or_default().push((order, at.0));
            }
            Ok(())
        })?;
        let line = |mut points: Vec<(u64, Coord<f64>)>| {
            points.sort_by_key(|(order, _)| *order);
            points.into_iter().map(|(_, at)| at).collect()
        };
        Ok(points.into_iter().map(|(shape, points)| (shape, line(points))).collect())
    }

    fn table(&self, name: &str, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
        let source = self.tables.get(name).ok_or_else(|| {
            ReadError::File(format!("{}: a GTFS timetable without {name}; ask for a whole one", self.archive))
        })?;
        csv::open(source, options)
    }
}

fn column(schema: &SourceSchema, name: &str) -> Option<usize> {
    schema.fields.iter().position(|field| field.name == name)
}

fn needed(schema: &SourceSchema, name: &str) -> Result<usize, ReadError> {
    column(schema, name)
        .ok_or_else(|| ReadError::File(format!("{}.txt: the column `{name}` of GTFS is missing", schema.layer)))
}

fn text(row: &SourceFeature, column: usize) -> String {
    row.values.get(column).and_then(Value::as_text).unwrap_or_default().to_owned()
}

/// Looks at every readable row of a table.
fn each(table: Box<dyn Reader>, mut look: impl FnMut(SourceFeature) -> Result<(), ReadError>) -> Result<(), ReadError> {
    for row in table {
        match row {
            Ok(row) => look(row)?,
            Err(ReadError::Row { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Stops of a timetable, with what it says of their departures; with the vehicles where they are of one kind only.
struct Stops {
    table: Box<dyn Reader>,
    schema: SourceSchema,
    vehicle: Option<Arc<str>>,
    service: Service,
    id: Option<usize>,
}

impl Stops {
    fn new(table: Box<dyn Reader>, vehicle: Option<String>, service: Service) -> Self {
        let mut schema = table.schema().clone();
        let id = service::id_column(&schema);
        let mut add = |name: &str| schema.fields.push(SourceField { name: name.to_owned(), kind: FieldType::Text });
        service::KINDS.into_iter().chain(service::FIELDS).for_each(&mut add);
        if let Some(vehicle) = &vehicle {
            add(VEHICLE);
            schema
                .remarks
                .push(format!("all lines of the timetable have {VEHICLE} {vehicle}, so its stops have it too"));
        }
        schema.remarks.extend(service.remarks.iter().cloned());
        Self { table, schema, vehicle: vehicle.map(Into::into), service, id }
    }
}

impl Iterator for Stops {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = self.table.next()?;
        if let Ok(row) = &mut row {
            let stop = self.id.map(|id| text(row, id)).unwrap_or_default();
            let value = |text: String| if text.is_empty() { Value::Null } else { Value::Text(text) };
            row.values.extend(self.service.values(&stop).map(value));
            row.values.extend(self.vehicle.iter().map(|vehicle| Value::Text(vehicle.as_ref().into())));
        }
        Some(row)
    }
}

impl Reader for Stops {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

/// Lines of a timetable, drawn.
struct Routes {
    table: Box<dyn Reader>,
    schema: SourceSchema,
    id: usize,
    of_route: BTreeMap<String, BTreeSet<String>>,
    shapes: BTreeMap<String, LineString<f64>>,
}

impl Iterator for Routes {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        let row = self.table.next()?;
        Some(row.map(|mut row| {
            let shapes = self.of_route.get(&text(&row, self.id));
            let lines: Vec<_> = shapes.into_iter().flatten().filter_map(|shape| self.shapes.get(shape)).collect();
            if !lines.is_empty() {
                row.geometry = Some(MultiLineString(lines.into_iter().cloned().collect()).into());
            }
            row
        }))
    }
}

impl Reader for Routes {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests {
    use geo_types::{Geometry, Point};

    use super::*;
    use crate::reader::archive::tests::zip;
    use crate::reader::open_bytes;
    use crate::reader::testing::{drain, refusal, text};

    const ROUTES: &[u8] = b"route_id,route_short_name,route_type\nL1,1,4\nL2,2,4\nL3,3,4\n";
    const TRIPS: &[u8] = b"route_id,service_id,trip_id,shape_id\nL1,w,a,out\nL1,w,b,back\nL1,w,c,out\nL2,w,d,out\n";
    // Out of order, as feeds may be.
    const SHAPES: &[u8] = b"shape_id,shape_pt_lat,shape_pt_lon,shape_pt_sequence\n\
        out,45.2,12.2,10\nback,45.2,12.2,1\nout,45.1,12.1,9\nback,45.1,12.1,2\nout,45.3,12.3,11\n";
    const STOPS: &[u8] = b"stop_id,stop_name,stop_lat,stop_lon\nA,Lido,45.1,12.1\nB,Zattere,45.2,12.2\n";

    fn timetable(routes: &[u8]) -> Vec<u8> {
        zip(&[
            ("stops.txt", STOPS),
            ("routes.txt", routes),
            ("trips.txt", TRIPS),
            ("shapes.txt", SHAPES),
            ("stop_times.txt", b"trip_id,stop_id\na,A\n"),
        ])
    }

    fn lines() -> OpenOptions {
        OpenOptions { geometry: Some(GeometryType::MultiLineString), ..OpenOptions::default() }
    }

    #[test]
    fn stops_are_points_and_have_the_vehicle_of_all_lines() {
        let mut reader = open_bytes("t.zip", timetable(ROUTES), &OpenOptions::default()).expect("opens");
        assert_eq!((reader.schema().layer.as_str(), reader.schema().crs.clone()), ("stops", SourceCrs::Epsg(4326)));
        let at = column(reader.schema(), VEHICLE).expect("there");
        let (rows, errors) = drain(&mut *reader);
        assert_eq!((rows.len(), errors), (2, Vec::<String>::new()));
        assert_eq!((&rows[0].values[at], &rows[0].geometry), (&text("4"), &Some(Point::new(12.1, 45.1).into())));
        let mixed = ROUTES.iter().copied().chain(*b"L4,4,3\n").collect::<Vec<u8>>();
        let reader = open_bytes("t.zip", timetable(&mixed), &OpenOptions::default()).expect("opens");
        assert_eq!(column(reader.schema(), VEHICLE), None);
    }

    #[test]
    fn a_line_has_each_way_of_its_trips_once_and_in_order() {
        let named = OpenOptions { layer: Some("routes".to_owned()), ..OpenOptions::default() };
        for options in [lines(), named] {
            let (rows, errors) = drain(&mut *open_bytes("t.zip", timetable(ROUTES), &options).expect("opens"));
            assert_eq!((rows.len(), errors), (3, Vec::<String>::new()));
            let Some(Geometry::MultiLineString(ways)) = &rows[0].geometry else { panic!("{:?}", rows[0]) };
            let ways: Vec<Vec<f64>> = ways.iter().map(|way| way.coords().map(|at| at.x).collect()).collect();
            assert_eq!(ways, [vec![12.2, 12.1], vec![12.1, 12.2, 12.3]]);
            assert_eq!((rows[1].values[0].clone(), rows[2].geometry.clone()), (text("L2"), None));
        }
    }

    #[test]
    fn what_a_timetable_lacks_is_said() {
        let bare = zip(&[("stops.txt", STOPS), ("routes.txt", ROUTES), ("stop_times.txt", b"trip_id\n")]);
        assert!(refusal("t.zip", bare.clone(), &lines()).contains("shapes.txt"));
        let other = OpenOptions { layer: Some("fares".to_owned()), ..OpenOptions::default() };
        assert!(refusal("t.zip", bare, &other).contains("choose `stops` or `routes`"));
        let odd = timetable(b"id,route_type\nL1,4\n");
        assert!(refusal("t.zip", odd, &lines()).contains("routes.txt: the column `route_id`"));
        let none = Timetable::among(&Source::Bytes("t.zip".into(), Arc::from(*b"")), &[]);
        assert!(none.is_none());
    }
}
