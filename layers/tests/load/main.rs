//! Loads, from rows to report, against a store in memory.

mod cadastre;
mod open_data;

use std::ops::Range;
use std::sync::{Arc, Mutex};

use bricola_layers::definition::{FieldType, LayerDefinition};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature, Value};
use bricola_layers::load::{Language, LoadError, LoadOptions, Report, load};
use bricola_layers::log::{Change, Seq};
use bricola_layers::reader::{ReadError, Reader, SourceCrs, SourceFeature, SourceField, SourceSchema};
use bricola_layers::store::{
    LayerEdits, LayerKind, Once, Replaced, Replacement, Store, StoreError, StoredLayer, Version, Written,
};
use geo_types::{Coord, Geometry, LineString, Polygon};

type Row = Result<SourceFeature, ReadError>;

/// Keeps the rows of one layer; nothing else of the contract is needed here.
#[derive(Default, Clone)]
struct Memory(Arc<Mutex<Shelf>>);

#[derive(Default)]
struct Shelf {
    layer: Option<LayerDefinition>,
    rows: Vec<Feature>,
    seq: Seq,
}

struct Incoming {
    store: Memory,
    rows: Vec<Feature>,
}

impl Memory {
    fn rows(&self) -> Vec<Feature> {
        self.0.lock().expect("whole").rows.clone()
    }

    fn holding(rows: usize) -> Self {
        let row = Feature { geometry: None, properties: vec![Value::Text("old".to_owned())] };
        let shelf = Shelf { layer: None, rows: vec![row; rows], seq: 1 };
        Self(Arc::new(Mutex::new(shelf)))
    }
}

impl Store for Memory {
    type Replacement = Incoming;

    async fn layers(&self) -> Result<Vec<StoredLayer>, StoreError> {
        let shelf = self.0.lock().expect("whole");
        let layers = shelf.layer.iter().map(|definition| StoredLayer {
            definition: definition.clone(),
            seq: shelf.seq,
            count: shelf.rows.len() as u64,
            ids: 0..0,
            kind: LayerKind::Managed,
        });
        Ok(layers.collect())
    }

    async fn define(&self, definition: &LayerDefinition) -> Result<(), StoreError> {
        assert!(definition.crs.is_some() && definition.resolution.is_some());
        self.0.lock().expect("whole").layer = Some(definition.clone());
        Ok(())
    }

    async fn versions(&self, _: &str, _: FeatureId) -> Result<Vec<Version>, StoreError> {
        Ok(Vec::new())
    }

    async fn drop_layer(&self, _: &str) -> Result<(), StoreError> {
        Ok(())
    }

    fn scan(
        &self,
        _: &str,
        _: Range<FeatureId>,
    ) -> impl futures::Stream<Item = Result<Vec<Result<StoredFeature, (FeatureId, String)>>, StoreError>> + Send {
        futures::stream::empty()
    }

    async fn features(&self, _: &str, _: &[FeatureId]) -> Result<Vec<StoredFeature>, StoreError> {
        Ok(Vec::new())
    }

    fn scan_at(
        &self,
        _: &str,
        _: Range<FeatureId>,
        _: Seq,
    ) -> impl futures::Stream<Item = Result<Vec<Result<StoredFeature, (FeatureId, String)>>, StoreError>> + Send {
        futures::stream::empty()
    }

    async fn features_at(&self, _: &str, _: &[FeatureId], _: Seq) -> Result<Vec<StoredFeature>, StoreError> {
        Ok(Vec::new())
    }

    async fn seq_at(&self, _: chrono::DateTime<chrono::Utc>) -> Result<Seq, StoreError> {
        Ok(0)
    }

    async fn write_all(&self, _: Vec<LayerEdits>, _: Option<Once>) -> Result<Written, StoreError> {
        Ok(Written { ids: Vec::new(), seq: 0, repeated: false })
    }

    async fn try_all(&self, _: Vec<LayerEdits>) -> Result<(), StoreError> {
        Ok(())
    }

    async fn replace(&self, _: &str) -> Result<Incoming, StoreError> {
        Ok(Incoming { store: self.clone(), rows: Vec::new() })
    }

    async fn changes(&self, _: Seq, _: usize) -> Result<Vec<Change>, StoreError> {
        Ok(Vec::new())
    }

    async fn last_seq(&self) -> Result<Seq, StoreError> {
        Ok(self.0.lock().expect("whole").seq)
    }

    async fn changed(&self, _: Seq) -> Result<(), StoreError> {
        Ok(())
    }
}

impl Replacement for Incoming {
    async fn push(&mut self, rows: Vec<Feature>) -> Result<(), StoreError> {
        tokio::task::yield_now().await;
        self.rows.extend(rows);
        Ok(())
    }

    async fn commit_if(self, _: Option<Seq>) -> Result<(Replaced, Seq), StoreError> {
        let mut shelf = self.store.0.lock().expect("whole");
        let (added, removed) = (self.rows.len() as u64, shelf.rows.len() as u64);
        shelf.rows = self.rows;
        shelf.seq += 1;
        Ok((Replaced { added, removed, ..Replaced::default() }, shelf.seq))
    }
}

/// Rows made up by a test.
struct Made<I> {
    schema: SourceSchema,
    rows: I,
}

impl<I: Iterator<Item = Row>> Iterator for Made<I> {
    type Item = Row;

    fn next(&mut self) -> Option<Self::Item> {
        self.rows.next()
    }
}

impl<I: Iterator<Item = Row> + Send> Reader for Made<I> {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

fn parcels() -> LayerDefinition {
    toml::from_str(
        r#"
        id = "parcels"
        title = { it = "Particelle", en = "Parcels" }
        description = { it = "", en = "" }
        theme = "cadastre"
        geometry = "multipolygon"
        crs = "EPSG:25833"
        key = ["sheet", "number"]
        [[field]]
        name = "sheet"
        type = "text"
        required = true
        title = { it = "Foglio", en = "Sheet" }
        aliases = ["foglio"]
        [[field]]
        name = "number"
        type = "text"
        title = { it = "Numero", en = "Number" }
        [[field]]
        name = "area"
        type = "real"
        title = { it = "Superficie", en = "Area" }
    "#,
    )
    .expect("valid")
}

fn schema(crs: SourceCrs) -> SourceSchema {
    let field = |name: &str| SourceField { name: name.to_owned(), kind: FieldType::Text };
    SourceSchema {
        format: "Test",
        layer: "made".to_owned(),
        fields: vec![field("FOGLIO"), field("number"), field("area"), field("note")],
        crs,
        ..SourceSchema::default()
    }
}

fn polygon(corner: (f64, f64), ring: &[(f64, f64)]) -> Geometry<f64> {
    let ring = ring.iter().map(|(x, y)| Coord { x: corner.0 + x, y: corner.1 + y });
    Geometry::Polygon(Polygon::new(LineString(ring.collect()), Vec::new()))
}

const SQUARE: &[(f64, f64)] = &[(0., 0.), (10., 0.), (10., 10.), (0., 10.), (0., 0.)];
const EIGHT: &[(f64, f64)] = &[(0., 0.), (10., 10.), (10., 0.), (0., 10.), (0., 0.)];

/// Venice, in EPSG:25833.
const HERE: (f64, f64) = (290_000.0, 5_034_000.0);
const VENICE: [f64; 4] = [12.16, 45.23, 12.6, 45.58];

/// A square of ten metres in EPSG:25833, in Venice.
fn square(at: u64) -> Geometry<f64> {
    polygon((HERE.0 + (at % 100) as f64 * 10.0, HERE.1 + (at / 100 % 100) as f64 * 10.0), SQUARE)
}

fn row(number: u64) -> SourceFeature {
    let text = |word: &str| Value::Text(word.to_owned());
    SourceFeature {
        row: number,
        geometry: Some(square(number)),
        values: vec![text("12"), text(&number.to_string()), text("1.234,5"), text("x")],
    }
}

fn made<I>(rows: I) -> Box<dyn Reader>
where
    I: IntoIterator<Item = Row>,
    I::IntoIter: Send + 'static,
{
    Box::new(Made { schema: schema(SourceCrs::Epsg(25833)), rows: rows.into_iter() })
}

async fn run(store: &Memory, reader: Box<dyn Reader>, options: LoadOptions) -> Result<Report, LoadError> {
    load(store, reader, &parcels(), &options, |_| {}).await
}

fn good(count: u64) -> Vec<SourceFeature> {
    (1..=count).map(row).collect()
}

fn all(rows: Vec<SourceFeature>) -> Box<dyn Reader> {
    made(rows.into_iter().map(Ok).collect::<Vec<_>>())
}

#[tokio::test]
async fn rows_arrive_in_the_order_of_the_file_with_typed_values() {
    let store = Memory::holding(3);
    let mut seen = 0;
    let report = load(&store, all(good(10_000)), &parcels(), &LoadOptions::default(), |progress| seen = progress.read)
        .await
        .expect("loads");
    assert_eq!((report.rows, report.loaded, report.rejected, seen), (10_000, 10_000, 0, 10_000));
    let rows = store.rows();
    assert_eq!(rows[4_321].properties[1], Value::Text("4322".to_owned()));
    assert_eq!(rows[0].properties[2], Value::Real(1234.5));
    assert!(matches!(rows[0].geometry, Some(Geometry::MultiPolygon(_))));
    assert_eq!(report.replaced.map(|replaced| replaced.removed), Some(3));
    assert_eq!(report.mapping.ignored, ["note"]);
}

#[tokio::test]
async fn a_bad_row_costs_only_itself_and_is_named_with_its_place() {
    let mut rows = good(20);
    rows[6].geometry = None;
    rows[8].geometry = Some(polygon(HERE, EIGHT));
    rows[10].values[1] = Value::Text("RSSMRA80A01H501U".to_owned());
    rows[12].values[0] = Value::Null;
    let mut rows: Vec<Row> = rows.into_iter().map(Ok).collect();
    rows[4] = Err(ReadError::Row { row: 5, reason: "half a line".to_owned(), place: None });
    let store = Memory::default();
    let report = run(&store, made(rows), LoadOptions::default()).await.expect("loads");
    let found: Vec<(u64, &str)> = report.rejected_rows.iter().map(|row| (row.row, row.code)).collect();
    let expected =
        [(5, "unreadable"), (7, "no_geometry"), (9, "self_intersection"), (11, "personal_data"), (13, "missing_value")];
    assert_eq!(found, expected);
    assert_eq!((report.loaded, store.rows().len()), (15, 15));
    let [lon, lat] = report.rejected_rows[2].place.expect("a place");
    assert!((lon - 12.31).abs() < 0.05 && (lat - 45.42).abs() < 0.05, "{lon} {lat}");
    let text = report.render(Language::Italian);
    assert!(text.contains("riga 9") && text.contains("incrocia sé stesso") && !text.contains("RSSMRA"), "{text}");
    let json = serde_json::to_string(&report).expect("serializes");
    assert!(json.contains("\"self_intersection\"") && !json.contains("RSSMRA"), "{json}");
}

#[tokio::test]
async fn repeated_keys_are_rejected_and_repeated_rows_are_loaded_once() {
    let mut rows = good(5_000);
    rows.push(SourceFeature { row: 5_001, ..row(17) });
    rows.push(SourceFeature { row: 5_002, geometry: Some(square(9)), ..row(18) });
    let store = Memory::default();
    let report = run(&store, all(rows), LoadOptions::default()).await.expect("loads");
    assert_eq!((report.loaded, report.rejected, report.warnings.count("repeated_row")), (5_000, 1, 1));
    let rejected = &report.rejected_rows[0];
    assert_eq!((rejected.row, rejected.code), (5_002, "duplicate_key"));
    let reason = &rejected.reason.en;
    assert!(reason.contains("12 / 18") && reason.contains("row 18"), "{reason}");
}

#[tokio::test]
async fn strict_refuses_the_file_for_one_row_but_reports_all() {
    let mut rows = good(6_000);
    rows[10].geometry = None;
    rows[5_990].geometry = None;
    let store = Memory::holding(3);
    let options = LoadOptions { strict: true, ..LoadOptions::default() };
    let error = run(&store, all(rows), options).await.expect_err("refused");
    let LoadError::Strict(report) = error else { panic!("{error}") };
    assert_eq!((report.rows, report.rejected, store.rows().len()), (6_000, 2, 3));
}

#[tokio::test]
async fn a_dry_run_changes_nothing_and_needs_no_layer() {
    let store = Memory::holding(3);
    let options = LoadOptions { dry_run: true, ..LoadOptions::default() };
    let report = run(&store, all(good(100)), options).await.expect("checks");
    assert_eq!((report.loaded, report.replaced, store.rows().len()), (100, None, 3));
    assert!(store.0.lock().expect("whole").layer.is_none());
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_the_old_data() {
    let mut rows: Vec<Row> = good(5_000).into_iter().map(Ok).collect();
    rows.push(Err(ReadError::File("truncated at byte 4711".to_owned())));
    let store = Memory::holding(3);
    let error = run(&store, made(rows), LoadOptions::default()).await.expect_err("refused");
    assert!(error.to_string().contains("byte 4711"), "{error}");
    assert_eq!((error.report().map(|report| report.rows), store.rows().len()), (Some(5_000), 3));
}

#[tokio::test]
async fn nothing_to_load_is_an_error_and_keeps_the_old_data() {
    let store = Memory::holding(3);
    for rows in [Vec::new(), vec![SourceFeature { geometry: None, ..row(1) }]] {
        let error = run(&store, all(rows), LoadOptions::default()).await.expect_err("refused");
        assert!(matches!(error, LoadError::NothingLoaded(_)), "{error}");
    }
    assert_eq!(store.rows().len(), 3);
}

#[tokio::test]
async fn cancelling_leaves_the_old_data_and_stops_the_reader() {
    let read = Arc::new(Mutex::new(0_u64));
    let counter = Arc::clone(&read);
    let endless = (1_u64..).map(move |number| {
        *counter.lock().expect("whole") = number;
        Ok(row(number))
    });
    let store = Memory::holding(3);
    let half_a_second = std::time::Duration::from_millis(500);
    let loaded = tokio::time::timeout(half_a_second, run(&store, made(endless), LoadOptions::default())).await;
    assert!(loaded.is_err(), "an endless file never ends");
    assert_eq!(store.rows().len(), 3);
    tokio::time::sleep(half_a_second).await;
    let after = *read.lock().expect("whole");
    tokio::time::sleep(half_a_second).await;
    assert!(after > 0);
    assert_eq!(*read.lock().expect("whole"), after, "the reader has stopped");
}

#[tokio::test]
async fn a_panicking_reader_is_an_error_not_a_crash() {
    let rows = (1_u64..).map(|number| if number == 3_000 { panic!("bad bytes") } else { Ok(row(number)) });
    let store = Memory::holding(3);
    let error = run(&store, made(rows), LoadOptions::default()).await.expect_err("refused");
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    assert_eq!(store.rows().len(), 3);
}

#[tokio::test]
async fn coordinates_are_transformed_swapped_and_explained() {
    // Latitude first, as far too many GeoJSON files have it.
    let swapped = |number: u64| {
        let ring = [(0., 0.), (1e-5, 0.), (1e-5, 1e-5), (0., 0.)];
        let geometry = polygon((45.43 + number as f64 * 1e-4, 12.33), &ring);
        Ok(SourceFeature { geometry: Some(geometry), ..row(number) })
    };
    let rows: Vec<Row> = (1..=50).map(swapped).collect();
    let reader = Box::new(Made { schema: schema(SourceCrs::Epsg(4326)), rows: rows.into_iter() });
    let store = Memory::default();
    let options = LoadOptions { envelope: Some(VENICE), ..LoadOptions::default() };
    let report = load(&store, reader, &parcels(), &options, |_| {}).await.expect("loads");
    assert!(report.crs.swapped);
    let found = (report.loaded, report.crs.source.as_str(), report.crs.storage.as_str());
    assert_eq!(found, (50, "EPSG:4326", "EPSG:25833"));
    let Some(Geometry::MultiPolygon(parts)) = &store.rows()[0].geometry else { panic!("a multipolygon") };
    let at = parts.0[0].exterior().0[0];
    // gdaltransform -s_srs EPSG:4326 -t_srs EPSG:25833, of 12.33 45.4301
    assert!((at.x - 291_144.522).abs() < 0.01 && (at.y - 5_034_198.89).abs() < 0.01, "{at:?}");
    assert!(report.render(Language::English).contains("axes were swapped"));
}

#[tokio::test]
async fn rows_far_from_the_territory_are_refused_unless_they_may_stay() {
    let mut rows = good(100);
    rows[50].geometry = Some(polygon((HERE.0 + 100_000.0, HERE.1), SQUARE));
    let store = Memory::default();
    let options = LoadOptions { envelope: Some(VENICE), ..LoadOptions::default() };
    let report = run(&store, all(rows.clone()), options.clone()).await.expect("loads");
    assert_eq!((report.loaded, report.rejections.get("outside")), (99, Some(&1)));
    assert!(report.rejected_rows[0].reason.en.contains(" km"), "{:?}", report.rejected_rows[0]);
    let options = LoadOptions { keep_outside: true, ..options };
    let report = run(&store, all(rows), options).await.expect("loads");
    assert_eq!((report.loaded, report.warnings.count("just_outside")), (100, 1));
}

#[tokio::test]
async fn columns_that_do_not_fit_are_explained_before_anything_is_written() {
    let store = Memory::holding(3);
    let options = LoadOptions { map: vec![("FOGLIO".to_owned(), String::new())], ..LoadOptions::default() };
    let error = run(&store, all(good(10)), options).await.expect_err("refused").to_string();
    assert!(error.contains("\"sheet\""), "{error}");
    assert_eq!(store.rows().len(), 3);
}

/// Three rows that are nowhere.
fn placeless() -> Vec<Row> {
    good(3).into_iter().map(|row| Ok(SourceFeature { geometry: None, ..row })).collect()
}

#[tokio::test]
async fn a_table_without_places_is_refused_with_advice() {
    let table = || {
        let schema = SourceSchema { tabular: true, ..schema(SourceCrs::Undeclared) };
        Box::new(Made { schema, rows: placeless().into_iter() })
    };
    let store = Memory::holding(2);
    let error = run(&store, table(), LoadOptions::default()).await.expect_err("refused").to_string();
    assert!(error.contains("join it") && error.contains("MULTIPOLYGON") && error.contains("--wkt"), "{error}");
    assert_eq!(store.rows().len(), 2);
    let definition = LayerDefinition { placeless: true, ..parcels() };
    let report = load(&store, table(), &definition, &LoadOptions::default(), |_| {}).await.expect("loads");
    assert_eq!(report.loaded, 3);
}

#[tokio::test]
async fn rows_that_are_all_refused_for_their_geometry_are_explained() {
    let point = |row| Ok(SourceFeature { geometry: Some(geo_types::Point::new(HERE.0, HERE.1).into()), ..row });
    let points = made(good(3).into_iter().map(point));
    let error = run(&Memory::default(), points, LoadOptions::default()).await.expect_err("refused").to_string();
    assert!(error.contains("holds other geometries") && error.contains("--source-layer"), "{error}");
    let nowhere = made(placeless());
    let error = run(&Memory::default(), nowhere, LoadOptions::default()).await.expect_err("refused").to_string();
    assert!(error.contains("none has a geometry"), "{error}");
}
