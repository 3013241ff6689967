//! What the triggers of a `GeoPackage` leave in the history.

use std::collections::BTreeMap;

use bricola_layers::feature::FeatureId;
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, Replacement, Store};
use futures::{StreamExt, pin_mut};
use rusqlite::Connection;

use super::sample::{all, all_at, anything, insert, parcel, parcels, with_parcels};
use super::{geopackage, open, path};

/// `area` by feature, as it was after the change `seq`.
fn as_of(file: &Connection, table: &str, seq: Seq) -> BTreeMap<FeatureId, f64> {
    let mut query = file
        .prepare(&format!(
            "SELECT fid, area FROM bricola_history_{table} WHERE seq_from <= ?1 AND ?1 < seq_to UNION ALL \
             SELECT fid, area FROM {table} AS t WHERE ?1 >= (SELECT max(s) FROM (SELECT max(seq_to) AS s \
             FROM bricola_history_{table} AS h WHERE h.fid = t.fid UNION ALL SELECT max(seq) FROM bricola_changes AS c \
             WHERE c.fid = t.fid AND c.operation = 'insert' UNION ALL SELECT max(seq) FROM bricola_replacements \
             WHERE t.fid BETWEEN first_fid AND last_fid))"
        ))
        .expect("prepares");
    query.query_map([seq], |row| Ok((row.get(0)?, row.get(1)?))).expect("runs").map(|row| row.expect("a row")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_past_state_can_be_read_from_table_and_history() {
    let (store, folder) = geopackage().await;
    let file = Connection::open(path(&folder)).expect("opens");
    let mut states: Vec<(Seq, BTreeMap<FeatureId, f64>)> = Vec::new();
    let note = |seq: Seq, states: &mut Vec<_>| {
        let now = as_of(&file, "test_parcels", FeatureId::MAX);
        states.push((seq, now));
    };
    let ids = with_parcels(&store, 4).await;
    note(store.last_seq().await.expect("answers"), &mut states);
    for round in 0..3 {
        let edits = vec![
            Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, f64::from(round) + 10.0) },
            Edit::Insert(parcel("8", round, f64::from(round) + 20.0)),
        ];
        note(store.write("test-parcels", edits).await.expect("writes").1, &mut states);
        let mut replacement = store.replace("test-parcels").await.expect("begins");
        replacement
            .push((2..5 + round).map(|number| parcel("7", number, f64::from(number % 3 * round) + 30.0)).collect())
            .await
            .expect("takes");
        replacement.push(vec![parcel("7", 1, 99.0)]).await.expect("takes");
        note(replacement.commit().await.expect("commits").1, &mut states);
    }
    let delete = vec![Edit::Delete { id: ids[0], expected: None }];
    note(store.write("test-parcels", delete).await.expect("writes").1, &mut states);
    for (seq, state) in &states {
        assert_eq!(as_of(&file, "test_parcels", *seq), *state, "as of {seq}");
    }
    assert!(states.iter().any(|(_, state)| state != &states[0].1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_without_key_keeps_its_past_too() {
    let (store, folder) = geopackage().await;
    store.define(&anything()).await.expect("defines");
    insert(&store, "anything", vec![parcel("7", 1, 1.0), parcel("7", 2, 2.0)]).await;
    let before = store.last_seq().await.expect("answers");
    let mut replacement = store.replace("anything").await.expect("begins");
    replacement.push(vec![parcel("7", 3, 3.0)]).await.expect("takes");
    let (_, seq) = replacement.commit().await.expect("commits");
    let file = Connection::open(path(&folder)).expect("opens");
    assert_eq!(as_of(&file, "anything", before).into_values().collect::<Vec<_>>(), [1.0, 2.0]);
    assert_eq!(as_of(&file, "anything", seq).into_values().collect::<Vec<_>>(), [3.0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_added_is_added_to_the_history() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 1).await;
    let mut wider = parcels();
    wider
        .fields
        .push(bricola_layers::definition::FieldDefinition { name: "note".to_owned(), ..wider.fields[0].clone() });
    store.define(&wider).await.expect("defines");
    let mut feature = parcel("7", 1, 1.0);
    feature.properties.push(bricola_layers::feature::Value::Text("first".to_owned()));
    let update = |feature| Edit::Update { id: ids[0], expected: None, feature };
    store.write("test-parcels", vec![update(feature.clone())]).await.expect("writes");
    feature.properties[7] = bricola_layers::feature::Value::Text("second".to_owned());
    store.write("test-parcels", vec![update(feature)]).await.expect("writes");
    let file = Connection::open(path(&folder)).expect("opens");
    let mut query = file.prepare("SELECT note FROM bricola_history_test_parcels ORDER BY seq_to").expect("prepares");
    let notes: Vec<Option<String>> =
        query.query_map((), |row| row.get(0)).expect("runs").map(|row| row.expect("a row")).collect();
    assert_eq!(notes, [None, Some("first".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_of_the_version_before_is_brought_up_to_date_with_its_past() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 3).await;
    let at = store.last_seq().await.expect("answers");
    let edits = vec![Edit::Delete { id: ids[0], expected: None }];
    store.write("test-parcels", edits).await.expect("writes");
    drop(store);
    let file = Connection::open(path(&folder)).expect("opens");
    file.execute_batch(
        "DELETE FROM _sqlx_migrations WHERE version >= 2; DROP TABLE bricola_store; DROP TABLE bricola_followers; \
         DROP TABLE bricola_receipts; DROP TABLE bricola_styles; DROP TABLE bricola_bindings; DROP TABLE bricola_causes; \
         DROP TABLE bricola_subscriptions; DROP TABLE bricola_letters; \
         ALTER TABLE bricola_layers DROP COLUMN first_seq; DROP INDEX bricola_history_test_parcels_seq;",
    )
    .expect("takes back");
    drop(file);
    let store = open(&folder).await;
    assert_eq!(all_at(&store, "test-parcels", at).await.len(), 3);
    assert!(store.identity().await.expect("answers").is_some_and(|id| id.len() == 32));
    let file = Connection::open(path(&folder)).expect("opens");
    let sql = "SELECT count(*) FROM sqlite_master WHERE name = 'bricola_history_test_parcels_seq'";
    assert_eq!(file.query_row(sql, (), |row| row.get::<_, i64>(0)).expect("counts"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_of_another_program_are_part_of_the_past() {
    let (store, folder) = geopackage().await;
    let ids = with_parcels(&store, 4).await;
    let (at, then) = (store.last_seq().await.expect("answers"), all(&store, "test-parcels").await);
    let file = Connection::open(path(&folder)).expect("opens");
    file.execute_batch(&format!(
        "UPDATE test_parcels SET fid = 900 WHERE fid = {}; \
         INSERT OR REPLACE INTO test_parcels (fid, sheet, number) VALUES ({}, '7', '2'); \
         UPDATE test_parcels SET geom = x'00' WHERE fid = {}; DELETE FROM test_parcels WHERE fid = {}; \
         INSERT INTO test_parcels (fid, sheet, number) VALUES ({}, 'back', '1');",
        ids[0], ids[1], ids[2], ids[3], ids[3]
    ))
    .expect("edits");
    assert_eq!(all_at(&store, "test-parcels", at).await, then);
    // The row that cannot be read is told of in its place, then as now.
    let last = store.last_seq().await.expect("answers");
    let rows = store.scan_at("test-parcels", 0..1_000, last);
    pin_mut!(rows);
    let batch = rows.next().await.expect("a batch").expect("reads");
    let seen: Vec<_> = batch.iter().map(|row| row.as_ref().map(|row| row.id).map_err(|(id, _)| *id)).collect();
    assert_eq!(seen, [Ok(ids[1]), Err(ids[2]), Ok(ids[3]), Ok(900)]);
    file.execute_batch(&format!("UPDATE test_parcels SET geom = NULL WHERE fid = {}", ids[2])).expect("edits");
    let rows = store.scan_at("test-parcels", 0..1_000, last);
    pin_mut!(rows);
    assert!(rows.next().await.expect("a batch").expect("reads")[1].is_err());
    assert!(store.features_at("test-parcels", &[ids[2]], last).await.expect("reads").is_empty());
}
