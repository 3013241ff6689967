//! Edits by `psql`, `ogr2ogr` and `COPY`: equal citizens.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use bricola_layers::feature::{FeatureId, StoredFeature, Value};
use bricola_layers::log::{Operation, Seq};
use bricola_layers::store::{Store, StoreError};

use super::{LAYER, Told, empty, heard, psql, told};
use crate::cluster::cluster;
use crate::sample::{all, all_at, parcel, parcels, with_parcels};

const SQUARE: &str = "ST_Multi(ST_MakeEnvelope(3026000, 5033000, 3026020, 5033030.5, 7795))";

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_edit_by_psql_is_heard_and_can_be_looked_back_at() {
    use Operation::{Delete, Insert, Replace, Update};
    let (store, database) = empty().await;
    let ids = with_parcels(&store, 3).await;
    let (first, second, third) = (ids[0], ids[1], ids[2]);
    let insert = format!("INSERT INTO city.test_parcels (geom, sheet, number) VALUES ({SQUARE}, '9', ");
    let cases: [(String, Told); 11] = [
        ("UPDATE city.test_parcels SET area = 5 WHERE number = '1'".to_owned(), vec![(Some(first), Update)]),
        (format!("UPDATE city.test_parcels SET geom = {SQUARE} WHERE fid = {second}"), vec![(Some(second), Update)]),
        (insert.clone() + "'1')", vec![(Some(4), Insert)]),
        (format!("DELETE FROM city.test_parcels WHERE fid = {third}"), vec![(Some(third), Delete)]),
        // One that changes nothing beside one that does.
        ("UPDATE city.test_parcels SET area = 5 WHERE fid IN (1, 2)".to_owned(), vec![(Some(second), Update)]),
        (
            format!(
                "BEGIN; {insert}'2'); UPDATE city.test_parcels SET floors = 2 WHERE sheet = '9' AND number = '2'; COMMIT"
            ),
            vec![(Some(5), Insert), (Some(5), Update)],
        ),
        (
            "INSERT INTO city.test_parcels (fid, sheet, number) VALUES (1, '7', '1') \
             ON CONFLICT (fid) DO UPDATE SET area = 77"
                .to_owned(),
            vec![(Some(first), Update)],
        ),
        ("UPDATE city.test_parcels SET fid = 40 WHERE fid = 4".to_owned(), vec![(Some(4), Delete), (Some(40), Insert)]),
        // Whoever brings version and transaction along is corrected.
        (
            "INSERT INTO city.test_parcels (sheet, number, version, since) VALUES ('8', '8', 99, 0)".to_owned(),
            vec![(Some(6), Insert)],
        ),
        (
            format!("BEGIN; DELETE FROM city.test_parcels; ROLLBACK; BEGIN; {insert}'3'); COMMIT"),
            vec![(Some(7), Insert)],
        ),
        ("TRUNCATE city.test_parcels".to_owned(), vec![(None, Replace)]),
    ];
    let mut states: BTreeMap<Seq, Vec<StoredFeature>> = BTreeMap::new();
    let mut seq = store.last_seq().await.expect("answers");
    states.insert(seq, all(&store, LAYER).await);
    for (sql, expected) in cases {
        psql(&database, &*sql).await;
        let changes = heard(&store, seq).await;
        assert_eq!(told(&changes), expected, "{sql}");
        seq = changes.last().map_or(seq, |change| change.seq);
        states.insert(seq, all(&store, LAYER).await);
    }
    for (seq, state) in &states {
        assert_eq!(&all_at(&store, LAYER, *seq).await, state, "as of {seq}");
    }
    let before = states.values().rev().nth(1).expect("the state before TRUNCATE");
    let row = before.iter().find(|row| row.feature.properties[0] == Value::Text("8".to_owned())).expect("the guarded");
    assert_eq!(row.version, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_that_changes_nothing_is_no_change() {
    let (store, database) = empty().await;
    with_parcels(&store, 3).await;
    let (seq, rows) = (store.last_seq().await.expect("answers"), all(&store, LAYER).await);
    psql(
        &database,
        "UPDATE city.test_parcels SET area = area, version = 12; DELETE FROM city.test_parcels WHERE false",
    )
    .await;
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    assert_eq!(all(&store, LAYER).await, rows);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bulk_copy_is_a_few_rows_of_the_log_and_one_notification() {
    const ROWS: usize = 100_000;
    let (store, database) = empty().await;
    store.define(&parcels()).await.expect("defines");
    let seq = store.last_seq().await.expect("answers");
    let listener = tokio::task::spawn_blocking({
        let database = database.clone();
        // psql prints the notifications that came in by the time of the last statement.
        move || {
            let wait = "LISTEN bricola; SELECT pg_sleep(0.3); SELECT 'ready'; SELECT pg_sleep(6); SELECT 1;";
            cluster().sql(&database, wait)
        }
    });
    tokio::time::sleep(Duration::from_millis(600)).await;
    let rows = (0..ROWS).map(|row| format!("SRID=7795;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))\t1\t{row}\n"));
    let copy = format!("COPY city.test_parcels (geom, sheet, number) FROM STDIN;\n{}\\.\n", rows.collect::<String>());
    psql(&database, copy).await;
    let changes = heard(&store, seq).await;
    assert_eq!(changes.len(), ROWS);
    assert_eq!(changes.last().expect("changes").seq, seq + ROWS as Seq);
    let logged: usize = psql(&database, format!("SELECT count(*) FROM bricola.changes WHERE last > {seq}"))
        .await
        .trim()
        .parse()
        .expect("a number");
    assert!(logged <= ROWS / 4_000 + 1, "{logged}");
    let heard = listener.await.expect("psql");
    let rung = heard.matches("Asynchronous notification").count();
    assert!((1..=3).contains(&rung), "{rung} notifications\n{heard}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alter_table_is_seen_and_a_vacuum_is_not() {
    let (store, database) = empty().await;
    with_parcels(&store, 5).await;
    psql(&database, "VACUUM ANALYZE city.test_parcels").await;
    let seq = store.last_seq().await.expect("answers");
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(store.last_seq().await.expect("answers"), seq, "VACUUM is no change");
    for sql in [
        "ALTER TABLE city.test_parcels ALTER area TYPE double precision USING area * 2",
        "ALTER TABLE city.test_parcels ADD COLUMN remark text DEFAULT 'none'",
        "ALTER TABLE city.test_parcels DISABLE TRIGGER USER; UPDATE city.test_parcels SET area = 9; \
         ALTER TABLE city.test_parcels ENABLE TRIGGER USER",
        "ALTER TABLE city.test_parcels RENAME COLUMN floors TO storeys",
    ] {
        let seq = store.last_seq().await.expect("answers");
        psql(&database, sql).await;
        let started = Instant::now();
        while store.last_seq().await.expect("answers") == seq {
            assert!(started.elapsed() < Duration::from_secs(4), "not seen: {sql}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let changes = store.changes(seq, 10).await.expect("reads");
        assert!(changes.iter().all(|change| change.operation == Operation::Replace && change.layer == LAYER), "{sql}");
    }
    // The column that went by another name is an error of this layer, and no more than that.
    assert!(matches!(store.features(LAYER, &[1]).await, Err(StoreError::Failure(_))));
    psql(&database, "ALTER TABLE city.test_parcels RENAME COLUMN storeys TO floors").await;
    let rows = all(&store, LAYER).await;
    assert_eq!((rows.len(), &rows[0].feature.properties[2]), (5, &Value::Real(9.0)));
    let seq = store.last_seq().await.expect("answers");
    psql(&database, "DROP TABLE city.test_parcels").await;
    tokio::time::timeout(Duration::from_secs(4), store.changed(seq + 1)).await.ok();
    assert!(store.layers().await.expect("lists").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn ogr2ogr_appends_and_updates() {
    let (store, database) = empty().await;
    with_parcels(&store, 2).await;
    let seq = store.last_seq().await.expect("answers");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("more.csv");
    let text = "sheet,number,area,WKT\n9,1,12.5,\"MULTIPOLYGON(((3026000 5033000,3026010 5033000,3026010 5033010,3026000 5033000)))\"\n\
                9,2,13.5,\"MULTIPOLYGON(((3026000 5033000,3026010 5033000,3026010 5033010,3026000 5033000)))\"\n";
    std::fs::write(&file, text).expect("writes");
    let port = cluster().port;
    let target = format!("PG:host=127.0.0.1 port={port} user=bricola dbname={database}");
    let output = Command::new("ogr2ogr")
        .args(["-f", "PostgreSQL", &target])
        .arg(&file)
        .args(["-append", "-nln", "city.test_parcels", "-a_srs", "EPSG:7795", "-oo", "AUTODETECT_TYPE=YES"])
        .output()
        .expect("ogr2ogr of gdal-bin");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let changes = heard(&store, seq).await;
    assert_eq!(told(&changes), [(Some(3), Operation::Insert), (Some(4), Operation::Insert)]);
    let rows = all(&store, LAYER).await;
    assert_eq!(
        rows[3].feature.properties[..3],
        [Value::Text("9".to_owned()), Value::Text("2".to_owned()), Value::Real(13.5)]
    );
    let update = Command::new("ogrinfo")
        .args(["-q", &target, "-sql", "UPDATE city.test_parcels SET area = 1 WHERE sheet = '9'"])
        .output()
        .expect("ogrinfo of gdal-bin");
    assert!(update.status.success(), "{}", String::from_utf8_lossy(&update.stderr));
    let seq = changes.last().expect("changes").seq;
    assert_eq!(told(&heard(&store, seq).await), [(Some(3), Operation::Update), (Some(4), Operation::Update)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_cannot_be_mirrored_are_named_and_cost_no_other() {
    let (store, database) = empty().await;
    with_parcels(&store, 3).await;
    psql(
        &database,
        "ALTER TABLE city.test_parcels ALTER geom TYPE geometry; \
         INSERT INTO city.test_parcels (geom, sheet, number) VALUES \
         ('SRID=7795;POINT(1 2)', 'bad', '1'), \
         (ST_GeomFromText('MULTIPOLYGON EMPTY', 7795), 'empty', '2'), \
         (ST_Translate(ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 7795), 'NaN', 0), 'bad', '3'), \
         ('SRID=4326;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 'bad', '4'), \
         ('SRID=7795;MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 'good', '5'), \
         (NULL, 'none', '6')",
    )
    .await;
    let rows = gathered(&store).await;
    let kinds: Vec<(String, bool)> = rows
        .iter()
        .skip(3)
        .map(|row| match row {
            Ok(row) => (format!("{:?}", row.feature.properties[0]), row.feature.geometry.is_some()),
            Err((id, reason)) => {
                assert!(*id > 3 && reason.len() > 5, "{id} {reason}");
                ("refused".to_owned(), false)
            }
        })
        .collect();
    let text = |text: &str| format!("{:?}", Value::Text(text.to_owned()));
    let refused = || ("refused".to_owned(), false);
    assert_eq!(
        kinds,
        [refused(), (text("empty"), true), refused(), refused(), (text("good"), true), (text("none"), false)]
    );
    assert_eq!(rows.iter().take(3).filter(|row| row.is_ok()).count(), 3);
    assert_eq!(parcel("7", 1, 1.0), rows[0].as_ref().expect("whole").feature);
}

async fn gathered<S: Store>(store: &S) -> Vec<bricola_layers::store::ScannedRow> {
    use futures::{StreamExt, pin_mut};
    let rows = store.scan(LAYER, FeatureId::MIN..FeatureId::MAX);
    pin_mut!(rows);
    let mut found = Vec::new();
    while let Some(batch) = rows.next().await {
        found.extend(batch.expect("a batch"));
    }
    found
}
