//! Tables and views that were in the database before us, published in place.

#[path = "attach/followed.rs"]
mod followed;
#[path = "attach/geometries.rs"]
mod geometries;
#[path = "attach/live.rs"]
mod live;
#[path = "attach/rights.rs"]
mod rights;
#[path = "attach/stored.rs"]
mod stored;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bricola_layers::definition::{FieldType, GeometryType, LayerDefinition};
use bricola_layers::feature::{StoredFeature, Value};
use bricola_layers::store::{
    Edit, LayerKind, PostgisOptions, PostgisStore, RedactedUrl, Store, StoreError, StoredLayer,
};
use chrono::{DateTime, NaiveDate};
use geo_types::{Geometry, Point};

use crate::cluster::cluster;
use crate::sample::{all, all_at, parcel, parcels};

/// A database with what some statements have made.
async fn database(sql: &str) -> String {
    let sql = sql.to_owned();
    tokio::task::spawn_blocking(move || {
        let database = cluster().database();
        cluster().sql(&database, &sql);
        database
    })
    .await
    .expect("a database")
}

async fn psql(database: &str, sql: impl Into<String>) -> String {
    // The role of the tests has the name of our schema, which would come first.
    let (database, sql) = (database.to_owned(), format!("SET search_path = public; {}", sql.into()));
    tokio::task::spawn_blocking(move || cluster().sql(&database, &sql)).await.expect("psql")
}

async fn open(database: &str) -> PostgisStore {
    let options = PostgisOptions::new(RedactedUrl::new(cluster().url(database)), "city");
    PostgisStore::open(options).await.expect("opens")
}

fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// A store over a database with what some statements have made, all of it attached.
async fn attached(sql: &str) -> (PostgisStore, String) {
    let database = database(sql).await;
    let store = open(&database).await;
    store.attach(&everything()).await.expect("attaches");
    (store, database)
}

async fn layers(store: &PostgisStore) -> BTreeMap<String, StoredLayer> {
    let layers = store.layers().await.expect("answers");
    layers.into_iter().map(|layer| (layer.definition.id.clone(), layer)).collect()
}

async fn definition(store: &PostgisStore, id: &str) -> LayerDefinition {
    layers(store).await.remove(id).unwrap_or_else(|| panic!("no layer {id}")).definition
}

/// The value of a field in each row, in order of id.
async fn values(store: &PostgisStore, layer: &str, field: &str) -> Vec<Value> {
    let definition = definition(store, layer).await;
    let (position, _) = definition.field(field).unwrap_or_else(|| panic!("no field {field}"));
    all(store, layer).await.into_iter().map(|row| row.feature.properties[position].clone()).collect()
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_is_found_with_its_key_type_reference_system_and_comments() {
    use FieldType::{Boolean, Date, DateTime as Instant, Integer, Real, Text};
    let (store, _) = attached(
        "CREATE SCHEMA sit; CREATE TYPE sit.stato AS ENUM ('buono', 'cattivo'); \
         CREATE DOMAIN sit.quota AS numeric(8, 2) CHECK (value > -10); \
         CREATE TABLE sit.\"Ponti e Canali\" (gid serial PRIMARY KEY, \"Nome\" varchar(80), \"select\" text, \
         \"da \"\"rifare\"\"\" boolean, anno smallint, campate int, luci bigint, quota sit.quota, peso real, \
         rilievo date, visto timestamptz, annotato timestamp, stato sit.stato, codice uuid, extra jsonb, durata interval, \
         foto bytea, misure int[], the_geom geometry(MultiLineString, 3003), centro geometry(Point, 3003), \
         codice_fiscale text, \"E-mail\" text); \
         COMMENT ON TABLE sit.\"Ponti e Canali\" IS E'Ponti e canali della città\\nRilievo del 2024.'; \
         COMMENT ON COLUMN sit.\"Ponti e Canali\".luci IS 'Luci libere'; \
         INSERT INTO sit.\"Ponti e Canali\" VALUES (7, 'Rialto', 'x', true, 1591, 1, 5000000000, 7.5, 1.25, '2024-02-29', \
         '2024-03-01 10:00+01', '2024-03-01 10:00', 'buono', '6f2c1f6e-8f3a-4f0f-9d9b-3c1b4b0f9a11', '{\"a\": 1}', '2 days', \
         '\\x00', '{1}', ST_SetSRID(ST_GeomFromText('MULTILINESTRING((1756000 5035000, 1756010 5035000.5))'), 3003), NULL, \
         'RSSMRA80A01H501U', 'a@b.it')",
    )
    .await;
    let layers = layers(&store).await;
    assert_eq!(layers.keys().collect::<Vec<_>>(), ["ponti-e-canali", "ponti-e-canali-centro"]);
    let layer = &layers["ponti-e-canali"];
    assert_eq!(layer.kind, LayerKind::Tracked);
    let LayerDefinition { title, description, geometry, crs, key, label, fields, .. } = &layer.definition;
    assert_eq!(title.it, "Ponti e canali della città");
    assert_eq!(description.en, "Ponti e canali della città\nRilievo del 2024.");
    assert_eq!((*geometry, crs.as_deref()), (GeometryType::MultiLineString, Some("EPSG:3003")));
    assert_eq!((key.as_slice(), label.as_deref()), (&[][..], Some("nome")));
    let found: Vec<(&str, FieldType)> = fields.iter().map(|field| (field.name.as_str(), field.kind)).collect();
    let expected = [
        ("nome", Text),
        ("select", Text),
        ("da_rifare", Boolean),
        ("anno", Integer),
        ("campate", Integer),
        ("luci", Integer),
        ("quota", Real),
        ("peso", Real),
        ("rilievo", Date),
        ("visto", Instant),
        ("annotato", Instant),
        ("stato", Text),
        ("codice", Text),
        ("extra", Text),
        ("durata", Text),
    ];
    assert_eq!(found, expected);
    assert_eq!(layer.definition.field("luci").expect("luci").1.title.it, "Luci libere");
    let rows = all(&store, "ponti-e-canali").await;
    let instant = |text: &str| Value::DateTime(text.parse::<DateTime<chrono::Utc>>().expect("an instant"));
    assert_eq!(rows.iter().map(|row| row.id).collect::<Vec<_>>(), [7]);
    assert_eq!(
        rows[0].feature.properties,
        [
            text("Rialto"),
            text("x"),
            Value::Boolean(true),
            Value::Integer(1591),
            Value::Integer(1),
            Value::Integer(5_000_000_000),
            Value::Real(7.5),
            Value::Real(1.25),
            Value::Date(NaiveDate::from_ymd_opt(2024, 2, 29).expect("a day")),
            instant("2024-03-01T09:00:00Z"),
            instant("2024-03-01T10:00:00Z"),
            text("buono"),
            text("6f2c1f6e-8f3a-4f0f-9d9b-3c1b4b0f9a11"),
            text("{\"a\": 1}"),
            text("2 days"),
        ]
    );
    assert_eq!(store.features("ponti-e-canali", &[7, 8]).await.expect("reads"), rows);
}

const ODD: &str = "CREATE SCHEMA altro; \
    CREATE TABLE \"table\" (\"order\" int PRIMARY KEY, \"from\" text, geom geometry(Point, 4326)); \
    INSERT INTO \"table\" VALUES (1, 'a', ST_Point(12.3, 45.4, 4326)); \
    CREATE TABLE \"x\"\"; DROP TABLE \"\"table\"\"; --\" (\"k\"\"'; --\" int PRIMARY KEY, \"v\"\"'; --\" text, \"g\"\"\" geometry(Point, 6706)); \
    INSERT INTO \"x\"\"; DROP TABLE \"\"table\"\"; --\" VALUES (2, 'b', ST_Point(12.3, 45.4, 6706)); \
    CREATE TABLE altro.\"TABLE\" (id int PRIMARY KEY, geom geometry(Point, 25832)); \
    INSERT INTO altro.\"TABLE\" VALUES (3, ST_Point(690000, 5030000, 25832)); \
    CREATE TABLE altro.\"täble\" (id int PRIMARY KEY, geom geography(Point)); \
    INSERT INTO altro.\"täble\" VALUES (4, ST_Point(12.3, 45.4, 4326)::geography);";

#[tokio::test(flavor = "multi_thread")]
async fn names_of_any_kind_become_plain_ids_and_are_never_taken_for_sql() {
    let (store, database) = attached(ODD).await;
    let found: Vec<(String, String, i64)> = {
        let mut found = Vec::new();
        for (id, layer) in layers(&store).await {
            let rows = all(&store, &id).await;
            assert!(rows[0].feature.geometry.is_some());
            found.push((id, layer.definition.crs.expect("a CRS"), rows[0].id));
        }
        found
    };
    let found: Vec<(&str, &str, i64)> = found.iter().map(|(id, crs, row)| (id.as_str(), crs.as_str(), *row)).collect();
    assert_eq!(
        found,
        [
            ("altro-table", "EPSG:25832", 3),
            ("altro-table-2", "EPSG:4326", 4),
            ("table", "EPSG:4326", 1),
            ("x-drop-table-table", "EPSG:6706", 2),
        ]
    );
    // Triggers with such names report too.
    let seq = store.last_seq().await.expect("answers");
    psql(&database, "UPDATE \"x\"\"; DROP TABLE \"\"table\"\"; --\" SET \"v\"\"'; --\" = 'c'").await;
    tokio::time::timeout(Duration::from_secs(2), store.changed(seq)).await.expect("in time").expect("answers");
    let changes = store.changes(seq, 10).await.expect("reads");
    assert_eq!((changes.len(), changes[0].layer.as_str(), changes[0].id), (1, "x-drop-table-table", Some(2)));
    // Found again, they have the ids that they had.
    psql(&database, "CREATE TABLE a (id int PRIMARY KEY, geom geometry(Point, 4326)); DROP TABLE \"table\"").await;
    store.attach(&everything()).await.expect("attaches");
    let ids: Vec<String> = layers(&store).await.into_keys().collect();
    assert_eq!(ids, ["a", "altro-table", "altro-table-2", "x-drop-table-table"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn features_of_any_key_have_ids_that_stay() {
    let (store, database) = attached(
        "CREATE TABLE by_uuid (code uuid PRIMARY KEY DEFAULT gen_random_uuid(), n int, geom geometry(Point, 4326)); \
         INSERT INTO by_uuid (n, geom) SELECT n, ST_Point(n, n, 4326) FROM generate_series(1, 5) AS n; \
         CREATE TABLE by_two (sheet text, number int, n int, geom geometry(Point, 4326), PRIMARY KEY (sheet, number)); \
         INSERT INTO by_two SELECT 's' || n, n, n, ST_Point(n, n, 4326) FROM generate_series(1, 5) AS n; \
         CREATE TABLE by_unique (code int NOT NULL UNIQUE, n int, geom geometry(Point, 4326)); \
         INSERT INTO by_unique SELECT 10 * n, n, ST_Point(n, n, 4326) FROM generate_series(1, 5) AS n; \
         CREATE TABLE by_person (codice_fiscale text PRIMARY KEY, n int, geom geometry(Point, 4326)); \
         INSERT INTO by_person SELECT 'p' || n, n, ST_Point(n, n, 4326) FROM generate_series(1, 5) AS n; \
         CREATE TABLE by_nothing (n int, geom geometry(Point, 4326)); \
         INSERT INTO by_nothing SELECT n, ST_Point(n, n, 4326) FROM generate_series(1, 5) AS n",
    )
    .await;
    let layers = layers(&store).await;
    let kinds: Vec<&str> = layers.values().map(|layer| layer.kind.name()).collect();
    // by-nothing, by-person, by-two, by-unique, by-uuid
    assert_eq!(kinds, ["polled", "polled", "tracked", "tracked", "tracked"]);
    assert_eq!(layers["by-two"].definition.key, ["sheet", "number"]);
    let numbers = async |rows: Vec<StoredFeature>, layer: &str| -> BTreeMap<i64, i64> {
        let (position, _) = layers[layer].definition.field("n").expect("n");
        let number = |row: &StoredFeature| match row.feature.properties[position] {
            Value::Integer(number) => number,
            ref other => panic!("{other:?}"),
        };
        rows.iter().map(|row| (number(row), row.id)).collect()
    };
    for layer in ["by-uuid", "by-two", "by-unique"] {
        let before = numbers(all(&store, layer).await, layer).await;
        assert_eq!(before.len(), 5, "{layer}");
        assert!(before.values().all(|id| (1..1 << 52).contains(id)), "{layer}: {before:?}");
        // A new version of a row moves to the end of the table.
        let table = layer.replace('-', "_");
        let seq = store.last_seq().await.expect("answers");
        psql(&database, format!("UPDATE {table} SET n = n WHERE n IN (1, 3); VACUUM FULL {table}")).await;
        let after = numbers(all(&store, layer).await, layer).await;
        assert_eq!(after, before, "{layer}");
        store.last_seq().await.expect("answers");
        let mut changed: Vec<i64> =
            store.changes(seq, 10).await.expect("reads").into_iter().filter_map(|change| change.id).collect();
        changed.sort_unstable();
        let mut expected = vec![before[&1], before[&3]];
        expected.sort_unstable();
        assert_eq!(changed, expected, "{layer}");
        let third = store.features(layer, &[before[&3]]).await.expect("reads");
        assert_eq!(numbers(third, layer).await, BTreeMap::from([(3, before[&3])]), "{layer}");
    }
    assert_eq!(numbers(all(&store, "by-unique").await, "by-unique").await[&2], 20);
    for layer in ["by-nothing", "by-person"] {
        assert_eq!(numbers(all(&store, layer).await, layer).await.len(), 5, "{layer}");
        assert!(layers[layer].definition.field("codice_fiscale").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn views_and_untyped_columns_are_read_and_what_cannot_be_is_left_out() {
    let (store, _) = attached(
        "CREATE TABLE base (id int PRIMARY KEY, name text, geom geometry(Point, 4326)); \
         INSERT INTO base SELECT n, 'n' || n, ST_Point(n, n, 4326) FROM generate_series(1, 3) AS n; \
         CREATE VIEW twice AS SELECT b.id, b.name, b.geom FROM base AS b, generate_series(1, 2); \
         CREATE MATERIALIZED VIEW kept AS SELECT * FROM base; \
         CREATE VIEW moved AS SELECT name, ST_Translate(geom, 1, 1) AS g FROM base; \
         CREATE TABLE untyped (id int PRIMARY KEY, geom geometry); \
         INSERT INTO untyped VALUES (1, NULL), (2, ST_Point(1756000, 5035000, 3003)), (3, ST_Point(1, 1, 4326)), \
         (4, ST_GeomFromText('CURVEPOLYGON(CIRCULARSTRING(0 0, 4 0, 4 4, 0 4, 0 0))', 3003)), \
         (5, ST_GeomFromText('POINT ZM (1 2 3 4)', 3003)), (6, ST_GeomFromText('POINT EMPTY', 3003)); \
         CREATE TABLE unknown (id int PRIMARY KEY, geom geometry(Point)); INSERT INTO unknown VALUES (1, ST_Point(1, 1)); \
         CREATE TABLE unheard (id int PRIMARY KEY, geom geometry(Point)); \
         CREATE TABLE meshes (id int PRIMARY KEY, geom geometry(TINZ, 3003)); \
         CREATE TABLE no_geometry (id int PRIMARY KEY); \
         CREATE TABLE parts (id int, geom geometry(Point, 4326), PRIMARY KEY (id)) PARTITION BY RANGE (id); \
         CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (1) TO (10); \
         CREATE TABLE parts_2 PARTITION OF parts FOR VALUES FROM (10) TO (20); \
         INSERT INTO parts VALUES (1, ST_Point(1, 1, 4326)), (11, ST_Point(1, 1, 4326)); \
         CREATE TABLE numbers (id int PRIMARY KEY, a float8, b numeric, c date, d timestamptz, e text, \
         geom geometry(Point, 4326)); \
         INSERT INTO numbers VALUES (1, 'NaN', 'NaN', 'infinity', '-infinity', 'di RSSMRA80A01H501U', NULL), \
         (2, 'Infinity', '1e400', '2024-01-01', '2024-01-01', 'b', NULL)",
    )
    .await;
    let layers = layers(&store).await;
    let ids: Vec<(&str, &str)> = layers.iter().map(|(id, layer)| (id.as_str(), layer.kind.name())).collect();
    assert_eq!(
        ids,
        [
            ("base", "tracked"),
            ("kept", "polled"),
            ("moved", "polled"),
            ("numbers", "tracked"),
            ("parts", "polled"),
            ("twice", "polled"),
            ("untyped", "tracked"),
        ]
    );
    // Each row of a view is a feature, whatever its column "id" says.
    let ids = |rows: Vec<StoredFeature>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    let twice = ids(all(&store, "twice").await);
    assert_eq!((twice.len(), &twice[..3]), (6, &[1, 2, 3][..]));
    assert_eq!(ids(all(&store, "kept").await), [1, 2, 3]);
    assert_eq!(ids(all(&store, "parts").await), [1, 11]);
    assert_eq!(layers["moved"].definition.crs.as_deref(), Some("EPSG:4326"));
    assert_eq!(all(&store, "moved").await.len(), 3);

    let definition = &layers["untyped"].definition;
    assert_eq!((definition.geometry, definition.crs.as_deref()), (GeometryType::Geometry, Some("EPSG:3003")));
    let rows = futures::StreamExt::collect::<Vec<_>>(store.scan("untyped", i64::MIN..i64::MAX)).await;
    let rows: Vec<_> = rows.into_iter().flat_map(|batch| batch.expect("a batch")).collect();
    let (good, bad): (Vec<_>, Vec<_>) = rows.into_iter().partition(Result::is_ok);
    let good: Vec<StoredFeature> = good.into_iter().filter_map(Result::ok).collect();
    assert_eq!(bad.iter().map(|bad| bad.as_ref().expect_err("bad").0).collect::<Vec<_>>(), [3]);
    assert_eq!(good.iter().map(|row| row.id).collect::<Vec<_>>(), [1, 2, 4, 5, 6]);
    assert!(matches!(&good[2].feature.geometry, Some(Geometry::Polygon(circle)) if circle.exterior().0.len() > 8));
    assert_eq!(good[3].feature.geometry, Some(Point::new(1.0, 2.0).into()));

    for field in ["a", "b"] {
        assert_eq!(values(&store, "numbers", field).await, [Value::Null, Value::Null], "{field}");
    }
    let day = NaiveDate::from_ymd_opt(2024, 1, 1).expect("a day");
    assert_eq!(values(&store, "numbers", "c").await, [Value::Null, Value::Date(day)]);
    assert_eq!(values(&store, "numbers", "e").await, [Value::Null, text("b")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn attached_layers_stand_beside_ours_and_are_not_written() {
    let (store, database) =
        attached("CREATE TABLE test_parcels (id int PRIMARY KEY, geom geometry(Point, 4326))").await;
    assert_eq!(layers(&store).await["test-parcels"].kind, LayerKind::Tracked);
    let refused = |error: StoreError| {
        let text = error.to_string();
        assert!(matches!(error, StoreError::Unusable(_)) && text.contains("published in place"), "{text}");
    };
    refused(store.define(&parcels()).await.expect_err("refused"));
    refused(store.drop_layer("test-parcels").await.expect_err("refused"));
    refused(store.write("test-parcels", vec![Edit::Insert(parcel("1", 1, 1.0))]).await.expect_err("refused"));
    refused(store.replace("test-parcels").await.err().expect("refused"));
    // Taken out, it makes room.
    let seq = store.last_seq().await.expect("answers");
    let patterns = [everything(), vec!["!public.test_*".to_owned()]].concat();
    store.attach(&patterns).await.expect("detaches");
    assert!(layers(&store).await.is_empty());
    assert_eq!(store.changes(seq, 10).await.expect("reads").len(), 1);
    let triggers = "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'test_parcels'::regclass";
    assert_eq!(psql(&database, triggers).await.trim(), "0");
    store.define(&parcels()).await.expect("defines");
    store.attach(&everything()).await.expect("attaches");
    let kinds: Vec<(String, LayerKind)> =
        layers(&store).await.into_iter().map(|(id, layer)| (id, layer.kind)).collect();
    assert_eq!(
        kinds,
        [("public-test-parcels".to_owned(), LayerKind::Tracked), ("test-parcels".to_owned(), LayerKind::Managed)]
    );
    // By SQL as well.
    psql(&database, "SELECT bricola.detach('test_parcels')").await;
    assert_eq!(layers(&store).await.len(), 1);
    assert_eq!(psql(&database, triggers).await.trim(), "0");
    assert_eq!(all(&store, "test-parcels").await.len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_present_of_an_attached_layer_is_known() {
    let (store, database) = attached("CREATE TABLE t (id int PRIMARY KEY, geom geometry(Point, 4326))").await;
    let before = store.last_seq().await.expect("answers");
    psql(&database, "INSERT INTO t VALUES (1, NULL)").await;
    let after = store.last_seq().await.expect("answers");
    assert_eq!(after, before + 1);
    assert_eq!(all_at(&store, "t", after).await, all(&store, "t").await);
    assert_eq!(all_at(&store, "t", after + 5).await.len(), 1);
    assert_eq!(store.features_at("t", &[1], after).await.expect("reads").len(), 1);
    let error = store.features_at("t", &[1], before).await.expect_err("pruned");
    assert!(matches!(error, StoreError::Pruned { first } if first == after), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tables_are_listed_within_five_seconds() {
    let database = database(
        "DO $$ BEGIN FOR n IN 1 .. 1000 LOOP EXECUTE format('CREATE TABLE t_%s (id int PRIMARY KEY, name text, a int, \
         b numeric, geom geometry(Point, 4326)); INSERT INTO t_%1$s VALUES (1, ''x'', 1, 1, ST_Point(12, 45, 4326))', n); \
         IF n % 50 = 0 THEN COMMIT; END IF; END LOOP; END $$",
    )
    .await;
    let store = open(&database).await;
    let started = Instant::now();
    store.attach(&everything()).await.expect("attaches");
    let listed = store.layers().await.expect("answers");
    let taken = started.elapsed();
    assert_eq!(listed.iter().filter(|layer| layer.kind == LayerKind::Tracked).count(), 1_000);
    assert!(taken < Duration::from_secs(5), "{taken:?}");
    let started = Instant::now();
    store.attach(&everything()).await.expect("attaches");
    assert!(started.elapsed() < Duration::from_secs(2), "again: {:?}", started.elapsed());
}
