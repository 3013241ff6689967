//! What every store keeps, whatever it is made of.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::definition::{FieldDefinition, FieldType, LayerDefinition};
use bricola_layers::feature::{Feature, FeatureId, Value};
use bricola_layers::log::{Operation, STYLES, Seq};
use bricola_layers::store::{Edit, Replaced, Replacement, Store, StoreError, StyleEdit};
use chrono::{DateTime, NaiveDate};
use futures::{StreamExt, pin_mut};
use geo_types::{Coord, Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

pub use super::past::*;
pub use super::retention::*;
use super::sample::{all, anything, insert, parcel, parcels, square, with_parcels};
pub use super::seek::*;
pub use super::together::*;

/// Makes one test of every case of the contract, for a store opened by `$open`.
#[macro_export]
macro_rules! contract {
    ($name:ident, $open:path) => {
        mod $name {
            $crate::contract!(@cases $open:
                a_new_layer_is_empty_and_keeps_its_definition,
                defining_a_layer_again_changes_nothing,
                a_field_can_be_added_to_a_layer_with_rows,
                a_definition_that_does_not_fit_the_rows_is_refused_with_the_reason,
                a_dropped_layer_is_gone_and_its_ids_do_not_come_back,
                what_is_inserted_is_read_back,
                an_update_counts_the_version_and_a_delete_removes,
                an_edit_of_another_version_is_refused_with_its_whole_batch,
                an_edit_of_what_is_not_there_is_refused_by_name,
                a_second_row_with_the_same_key_is_refused,
                a_batch_under_a_key_is_written_once,
                edits_of_several_layers_are_one_transaction,
                a_trial_says_what_a_write_would_and_changes_nothing,
                a_replacement_waits_for_no_one_and_overwrites_nobody,
                a_load_is_taken_back,
                a_style_is_kept_changed_and_removed_by_who_has_seen_it_and_the_log_tells,
                rows_without_any_key_are_not_each_others_duplicates,
                a_scan_gives_each_row_of_its_range_once_and_in_order,
                every_value_and_geometry_comes_back_as_it_was,
                text_is_never_taken_for_sql,
                the_log_misses_nothing_under_many_writers,
                whoever_waits_for_a_change_is_woken_by_it,
                a_replacement_of_a_keyed_layer_writes_only_what_differs,
                a_replacement_of_an_empty_layer_fills_it,
                a_replacement_without_rows_empties_the_layer,
                a_replacement_without_key_never_uses_an_id_again,
                a_replacement_that_is_dropped_leaves_the_old_rows,
                a_replacement_with_a_key_twice_is_refused_and_leaves_the_old_rows,
                a_replacement_lets_others_read_and_write_meanwhile,
                every_past_state_reads_back_as_it_was_noted,
                a_past_state_is_read_in_parts_like_one_of_now,
                features_as_of_come_in_the_order_of_the_ids,
                a_field_that_was_not_there_yet_is_null_in_the_past,
                a_layer_that_was_dropped_does_not_lend_its_past_to_its_successor,
                an_instant_is_the_last_change_that_it_had_seen,
                no_instant_lies_inside_a_batch,
                a_store_is_told_from_every_other,
                the_log_is_never_cut_past_a_registered_follower,
                a_forgotten_follower_is_refused_and_begins_anew,
                the_past_is_told_as_it_was_or_refused,
                the_past_is_kept_for_those_who_have_yet_to_hear_of_it,
                log_and_past_stay_true_through_any_life,
                who_follows_while_the_log_is_pruned_misses_nothing,
                random_filters_find_what_the_evaluator_finds,
                the_edges_of_types_and_languages_are_where_the_evaluator_has_them,
                pages_are_the_same_in_every_order,
                boxes_of_any_crs_find_what_they_touch,
                questions_as_of_a_change_are_answered_as_of_it,
                a_question_that_takes_too_long_is_given_up_and_the_next_is_answered,
                who_stops_reading_gives_the_store_back,
            );
        }
    };
    (@cases $open:path: $($case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (store, _keep) = $open().await;
                $crate::contract::$case(store).await;
            }
        )*
    };
}

const LAYER: &str = "test-parcels";

pub async fn a_new_layer_is_empty_and_keeps_its_definition<S: Store>(store: S) {
    assert_eq!(store.last_seq().await.expect("answers"), 0);
    store.define(&parcels()).await.expect("defines");
    store.define(&anything()).await.expect("defines");
    let layers = store.layers().await.expect("lists");
    assert_eq!(layers.len(), 2);
    assert_eq!(layers[0].definition, anything());
    assert_eq!(layers[1].definition, parcels());
    assert_eq!((layers[1].count, layers[1].ids.is_empty()), (0, true));
    assert!(all(&store, LAYER).await.is_empty());
    let changes = store.changes(0, 10).await.expect("reads");
    let operations: Vec<_> =
        changes.iter().map(|change| (change.layer.as_str(), change.id, change.operation)).collect();
    assert_eq!(operations, [(LAYER, None, Operation::Replace), ("anything", None, Operation::Replace)]);
    assert!(DateTime::parse_from_rfc3339(&changes[0].at).is_ok(), "{}", changes[0].at);
}

pub async fn defining_a_layer_again_changes_nothing<S: Store>(store: S) {
    with_parcels(&store, 3).await;
    let (seq, rows) = (store.last_seq().await.expect("answers"), all(&store, LAYER).await);
    store.define(&parcels()).await.expect("defines");
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    assert_eq!(all(&store, LAYER).await, rows);
}

pub async fn a_field_can_be_added_to_a_layer_with_rows<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let mut wider = parcels();
    let added = FieldDefinition { name: "note".to_owned(), kind: FieldType::Text, ..wider.fields[0].clone() };
    wider.fields.insert(1, added);
    wider.title.it = String::from("Altro");
    store.define(&wider).await.expect("defines");
    let rows = all(&store, LAYER).await;
    assert_eq!(rows[0].feature.properties[1], Value::Null);
    assert_eq!(rows[0].feature.properties[2], Value::Text("1".to_owned()));
    let mut changed = rows[0].feature.clone();
    changed.properties[1] = Value::Text("with a note".to_owned());
    let edit = Edit::Update { id: ids[0], expected: Some(1), feature: changed.clone() };
    store.write(LAYER, vec![edit]).await.expect("updates");
    assert_eq!(all(&store, LAYER).await[0].feature, changed);
    assert_eq!(store.layers().await.expect("lists")[0].definition, wider);
}

pub async fn a_definition_that_does_not_fit_the_rows_is_refused_with_the_reason<S: Store>(store: S) {
    with_parcels(&store, 1).await;
    let mut other = parcels();
    other.fields.remove(3);
    other.fields[2].kind = FieldType::Text;
    other.crs = Some("EPSG:3003".to_owned());
    let Err(StoreError::Unusable(reason)) = store.define(&other).await else { panic!("taken") };
    for word in ["test-parcels", "\"floors\"", "\"area\"", "EPSG:3003"] {
        assert!(reason.contains(word), "{reason}");
    }
    assert_eq!(store.layers().await.expect("lists")[0].definition, parcels());
    let placeless = LayerDefinition { id: "elsewhere".to_owned(), crs: None, ..parcels() };
    assert!(matches!(store.define(&placeless).await, Err(StoreError::Unusable(reason)) if reason.contains("CRS")));
}

pub async fn a_dropped_layer_is_gone_and_its_ids_do_not_come_back<S: Store>(store: S) {
    let old = with_parcels(&store, 3).await;
    store.drop_layer(LAYER).await.expect("drops");
    assert!(store.layers().await.expect("lists").is_empty());
    assert!(matches!(store.drop_layer(LAYER).await, Err(StoreError::UnknownLayer(layer)) if layer == LAYER));
    assert!(store.changes(0, 100).await.expect("reads").len() > 3);
    let new = with_parcels(&store, 3).await;
    assert!(new.iter().all(|id| !old.contains(id)), "{old:?} {new:?}");
}

pub async fn what_is_inserted_is_read_back<S: Store>(store: S) {
    let ids = with_parcels(&store, 5).await;
    let found = store.features(LAYER, &[ids[3], 999_999, ids[0]]).await.expect("reads");
    assert_eq!(
        found.iter().map(|feature| (feature.id, feature.version)).collect::<Vec<_>>(),
        [(ids[3], 1), (ids[0], 1)]
    );
    assert_eq!(found[0].feature, parcel("7", 4, 1.0));
    let layer = store.layers().await.expect("lists").remove(0);
    assert_eq!((layer.count, layer.ids), (5, ids[0]..ids[4] + 1));
    assert_eq!(layer.seq, store.last_seq().await.expect("answers"));
    let changes = store.changes(1, 100).await.expect("reads");
    let expected: Vec<_> = ids.iter().map(|id| (Some(*id), Operation::Insert)).collect();
    assert_eq!(changes.iter().map(|change| (change.id, change.operation)).collect::<Vec<_>>(), expected);
}

pub async fn an_update_counts_the_version_and_a_delete_removes<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let before = store.last_seq().await.expect("answers");
    let edits = vec![
        Edit::Update { id: ids[0], expected: Some(1), feature: parcel("7", 1, 2.0) },
        Edit::Update { id: ids[0], expected: Some(2), feature: parcel("7", 1, 3.0) },
        Edit::Delete { id: ids[1], expected: Some(1) },
        Edit::Insert(parcel("8", 1, 1.0)),
    ];
    let (written, seq) = store.write(LAYER, edits).await.expect("writes");
    assert_eq!(written[..3], [ids[0], ids[0], ids[1]]);
    assert_eq!(seq, store.last_seq().await.expect("answers"));
    let rows = all(&store, LAYER).await;
    assert_eq!(rows.iter().map(|row| (row.id, row.version)).collect::<Vec<_>>(), [(ids[0], 3), (written[3], 1)]);
    assert_eq!(rows[0].feature, parcel("7", 1, 3.0));
    let operations: Vec<_> =
        store.changes(before, 10).await.expect("reads").into_iter().map(|change| change.operation).collect();
    assert_eq!(operations, [Operation::Update, Operation::Update, Operation::Delete, Operation::Insert]);
}

pub async fn an_edit_of_another_version_is_refused_with_its_whole_batch<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let (seq, rows) = (store.last_seq().await.expect("answers"), all(&store, LAYER).await);
    let edits = vec![
        Edit::Insert(parcel("8", 1, 1.0)),
        Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, 2.0) },
        Edit::Delete { id: ids[1], expected: Some(7) },
    ];
    match store.write(LAYER, edits).await {
        Err(StoreError::Conflict { layer, id, expected: 7, actual: 1 }) => {
            assert_eq!((layer.as_str(), id), (LAYER, ids[1]));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    assert_eq!(all(&store, LAYER).await, rows);
}

pub async fn an_edit_of_what_is_not_there_is_refused_by_name<S: Store>(store: S) {
    with_parcels(&store, 1).await;
    let delete = vec![Edit::Delete { id: 4_711, expected: None }];
    assert!(matches!(store.write(LAYER, delete.clone()).await, Err(StoreError::UnknownFeature { id: 4_711, .. })));
    let unknown =
        |error: Option<StoreError>| matches!(error, Some(StoreError::UnknownLayer(layer)) if layer == "no-such");
    assert!(unknown(store.write("no-such", delete).await.err()));
    assert!(unknown(store.features("no-such", &[1]).await.err()));
    assert!(unknown(store.replace("no-such").await.err()));
    let rows = store.scan("no-such", 0..10);
    pin_mut!(rows);
    assert!(unknown(rows.next().await.and_then(Result::err)));
}

pub async fn a_second_row_with_the_same_key_is_refused<S: Store>(store: S) {
    with_parcels(&store, 2).await;
    let rows = all(&store, LAYER).await;
    match store.write(LAYER, vec![Edit::Insert(parcel("9", 1, 1.0)), Edit::Insert(parcel("7", 2, 5.0))]).await {
        Err(StoreError::DuplicateKey { key, .. }) => assert_eq!(key, "7 / 2"),
        other => panic!("{other:?}"),
    }
    assert_eq!(all(&store, LAYER).await, rows);
    let mut half = parcel("7", 3, 1.0);
    half.properties[0] = Value::Null;
    insert(&store, LAYER, vec![half.clone()]).await;
    let again = store.write(LAYER, vec![Edit::Insert(half)]).await;
    assert!(matches!(again, Err(StoreError::DuplicateKey { .. })), "a null in one field of the key counts as a value");
}

pub async fn rows_without_any_key_are_not_each_others_duplicates<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    let mut keyless = parcel("7", 1, 1.0);
    keyless.properties[0] = Value::Null;
    keyless.properties[1] = Value::Null;
    insert(&store, LAYER, vec![keyless.clone(), keyless.clone()]).await;
    let mut replacement = store.replace(LAYER).await.expect("begins");
    replacement.push(vec![keyless.clone(), keyless.clone(), parcel("7", 2, 1.0)]).await.expect("takes");
    let (replaced, _) = replacement.commit().await.expect("commits");
    assert_eq!(replaced, Replaced { added: 3, removed: 2, ..Replaced::default() });
}

pub async fn a_scan_gives_each_row_of_its_range_once_and_in_order<S: Store>(store: S) {
    let ids = with_parcels(&store, 5_000).await;
    let (first, middle, end) = (ids[0], ids[2_345], ids[4_999] + 1);
    let mut seen = Vec::new();
    for range in [first..middle, middle..end] {
        let rows = store.scan(LAYER, range);
        pin_mut!(rows);
        while let Some(batch) = rows.next().await {
            seen.extend(batch.expect("a batch").into_iter().map(|row| row.expect("readable").id));
        }
    }
    assert_eq!(seen, ids);
    let rows = store.scan(LAYER, end..FeatureId::MAX);
    pin_mut!(rows);
    assert!(rows.next().await.is_none());
    // A stream that is dropped half way holds up nothing.
    let rows = store.scan(LAYER, first..end);
    pin_mut!(rows);
    assert!(rows.next().await.is_some());
    insert(&store, LAYER, vec![parcel("8", 1, 1.0)]).await;
}

fn coords(least: usize) -> impl Strategy<Value = Vec<Coord<f64>>> {
    prop::collection::vec((-4e6..4e6f64, -6e6..6e6f64).prop_map(|(x, y)| Coord { x, y }), least..6)
}

/// A line of one position is none for `PostGIS`.
fn path() -> impl Strategy<Value = LineString<f64>> {
    prop_oneof![1 => Just(LineString(Vec::new())), 8 => coords(2).prop_map(LineString)]
}

fn geometries() -> impl Strategy<Value = Geometry<f64>> {
    let polygon = || coords(3).prop_map(|shell| Polygon::new(LineString(shell), Vec::new()));
    prop_oneof![
        (-4e6..4e6f64, -6e6..6e6f64).prop_map(|(x, y)| Point::new(x, y).into()),
        path().prop_map(Geometry::from),
        polygon().prop_map(Geometry::from),
        coords(0).prop_map(|points| MultiPoint(points.into_iter().map(Point).collect()).into()),
        prop::collection::vec(path(), 0..3).prop_map(|lines| MultiLineString(lines).into()),
        prop::collection::vec(polygon(), 0..3).prop_map(|parts| MultiPolygon(parts).into()),
    ]
}

fn features() -> impl Strategy<Value = Feature> {
    fn null<V: Strategy<Value = Value>>(some: V) -> impl Strategy<Value = Value> {
        prop_oneof![1 => Just(Value::Null), 4 => some]
    }
    let finite = prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO;
    let days = (-700_000..2_900_000i32).prop_filter_map("a date", |day| {
        NaiveDate::from_num_days_from_ce_opt(day + 719_163)
            .filter(|date| (0..=9_999).contains(&chrono::Datelike::year(date)))
    });
    let millis =
        (-62_000_000_000_000..253_000_000_000_000i64).prop_filter_map("an instant", DateTime::from_timestamp_millis);
    (
        prop::option::weighted(0.9, geometries()),
        null(any::<String>().prop_map(|text| Value::Text(text.replace('\0', "")))),
        null("[ -~èàò€🗺]{0,40}".prop_map(Value::Text)),
        null(finite.prop_map(Value::Real)),
        null(any::<i64>().prop_map(Value::Integer)),
        null(any::<bool>().prop_map(Value::Boolean)),
        null(days.prop_map(Value::Date)),
        null(millis.prop_map(Value::DateTime)),
    )
        .prop_map(|(geometry, a, b, c, d, e, f, g)| Feature { geometry, properties: vec![a, b, c, d, e, f, g] })
}

pub async fn every_value_and_geometry_comes_back_as_it_was<S: Store>(store: S) {
    store.define(&anything()).await.expect("defines");
    let mut runner = TestRunner::deterministic();
    for _ in 0..20 {
        let made = prop::collection::vec(features(), 1..60).new_tree(&mut runner).expect("features").current();
        let ids = insert(&store, "anything", made.clone()).await;
        let read = store.features("anything", &ids).await.expect("reads");
        assert_eq!(read.into_iter().map(|row| row.feature).collect::<Vec<_>>(), made);
        let mut replacement = store.replace("anything").await.expect("begins");
        replacement.push(made.clone()).await.expect("takes");
        replacement.commit().await.expect("commits");
        assert_eq!(all(&store, "anything").await.into_iter().map(|row| row.feature).collect::<Vec<_>>(), made);
    }
}

pub async fn text_is_never_taken_for_sql<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    let nasty = "'; DROP TABLE \"test_parcels\"; --\u{1F5FA}\"`[]";
    let mut feature = parcel(nasty, 1, 1.0);
    feature.properties[1] = Value::Text(nasty.to_owned());
    insert(&store, LAYER, vec![feature.clone()]).await;
    assert_eq!(all(&store, LAYER).await[0].feature, feature);
    assert!(matches!(store.features(nasty, &[1]).await, Err(StoreError::UnknownLayer(_))));
    for id in ["gpkg-contents", "bricola-changes", "a\"b", "A", ""] {
        let bad = LayerDefinition { id: id.to_owned(), ..parcels() };
        assert!(matches!(store.define(&bad).await, Err(StoreError::Unusable(_))), "{id}");
    }
    let mut bad = parcels();
    bad.id = String::from("bad");
    bad.fields[0].name = String::from("x\" TEXT); --");
    assert!(matches!(store.define(&bad).await, Err(StoreError::Unusable(_))));
}

pub async fn the_log_misses_nothing_under_many_writers<S: Store>(store: S) {
    const WRITERS: u32 = 8;
    const WRITES: u32 = 25;
    store.define(&parcels()).await.expect("defines");
    let store = Arc::new(store);
    let start = store.last_seq().await.expect("answers");
    let follower = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let (mut after, mut seen): (Seq, Vec<FeatureId>) = (start, Vec::new());
            while seen.len() < (WRITERS * WRITES) as usize {
                store.changed(after).await.expect("wakes");
                for change in store.changes(after, 7).await.expect("reads") {
                    assert!(change.seq > after, "{} after {after}", change.seq);
                    after = change.seq;
                    seen.extend(change.id);
                }
            }
            seen
        }
    });
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut ids = Vec::new();
                for number in 0..WRITES {
                    ids.extend(insert(&*store, LAYER, vec![parcel(&writer.to_string(), number, 1.0)]).await);
                }
                ids
            })
        })
        .collect();
    let mut written = BTreeSet::new();
    for writer in writers {
        written.extend(writer.await.expect("writes"));
    }
    let seen = tokio::time::timeout(Duration::from_secs(60), follower).await.expect("ends").expect("follows");
    assert_eq!(seen.len(), written.len());
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), written);
}

pub async fn whoever_waits_for_a_change_is_woken_by_it<S: Store>(store: S) {
    with_parcels(&store, 1).await;
    let store = Arc::new(store);
    let seq = store.last_seq().await.expect("answers");
    tokio::time::timeout(Duration::from_secs(1), store.changed(seq - 1)).await.expect("at once").expect("answers");
    assert!(tokio::time::timeout(Duration::from_millis(300), store.changed(seq)).await.is_err(), "nothing happened");
    let waiting = tokio::spawn({
        let store = Arc::clone(&store);
        async move { store.changed(seq).await.map(|()| Instant::now()) }
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    insert(&*store, LAYER, vec![parcel("8", 1, 1.0)]).await;
    let written = Instant::now();
    let woken = waiting.await.expect("runs").expect("answers");
    assert!(woken.saturating_duration_since(written) < Duration::from_millis(500));
}

pub async fn a_replacement_of_a_keyed_layer_writes_only_what_differs<S: Store>(store: S) {
    let ids = with_parcels(&store, 4).await;
    store
        .write(LAYER, vec![Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, 1.5) }])
        .await
        .expect("updates");
    let before = store.last_seq().await.expect("answers");
    let mut moved = parcel("7", 3, 1.0);
    moved.geometry = Some(square(0.0, 0.0));
    let mut replacement = store.replace(LAYER).await.expect("begins");
    replacement.push(vec![parcel("9", 9, 1.0), moved.clone()]).await.expect("takes");
    replacement.push(vec![parcel("7", 1, 1.5), parcel("7", 2, 8.0)]).await.expect("takes");
    let (replaced, seq) = replacement.commit().await.expect("commits");
    assert_eq!(replaced, Replaced { added: 1, changed: 2, unchanged: 1, removed: 1 });
    let rows = all(&store, LAYER).await;
    let states: Vec<_> = rows.iter().take(3).map(|row| (row.id, row.version)).collect();
    assert_eq!(states, [(ids[0], 2), (ids[1], 2), (ids[2], 2)]);
    assert_eq!((rows.len(), rows[3].version), (4, 1));
    assert!(rows[3].id > ids[3]);
    assert_eq!(rows[2].feature, moved);
    let changes = store.changes(before, 10).await.expect("reads");
    assert_eq!(changes.len(), 1);
    assert_eq!((changes[0].seq, changes[0].id, changes[0].operation), (seq, None, Operation::Replace));
    // The layer is whole again: edits are logged, versions count on.
    store
        .write(LAYER, vec![Edit::Update { id: ids[2], expected: Some(2), feature: parcel("7", 3, 1.0) }])
        .await
        .expect("updates");
    assert_eq!(store.features(LAYER, &[ids[2]]).await.expect("reads")[0].version, 3);
    assert_eq!(store.changes(seq, 10).await.expect("reads").len(), 1);
}

pub async fn a_replacement_of_an_empty_layer_fills_it<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    let before = store.last_seq().await.expect("answers");
    let mut replacement = store.replace(LAYER).await.expect("begins");
    for sheet in 0..3 {
        let rows = (0..4_000).map(|number| parcel(&sheet.to_string(), number, 1.0)).collect();
        replacement.push(rows).await.expect("takes");
    }
    let (replaced, seq) = replacement.commit().await.expect("commits");
    assert_eq!(replaced, Replaced { added: 12_000, ..Replaced::default() });
    assert_eq!(store.changes(before, 10).await.expect("reads").len(), 1);
    let rows = all(&store, LAYER).await;
    assert_eq!(rows.len(), 12_000);
    assert_eq!(rows[4_000].feature, parcel("1", 0, 1.0));
    assert!(rows.iter().all(|row| row.version == 1));
    let duplicate = store.write(LAYER, vec![Edit::Insert(parcel("2", 7, 1.0))]).await;
    assert!(matches!(duplicate, Err(StoreError::DuplicateKey { .. })), "{duplicate:?}");
    let id = insert(&store, LAYER, vec![parcel("new", 1, 1.0)]).await[0];
    let changes = store.changes(seq, 10).await.expect("reads");
    assert_eq!(
        changes.iter().map(|change| (change.id, change.operation)).collect::<Vec<_>>(),
        [(Some(id), Operation::Insert)]
    );
}

pub async fn a_replacement_without_rows_empties_the_layer<S: Store>(store: S) {
    let old = with_parcels(&store, 3).await;
    let (replaced, _) = store.replace(LAYER).await.expect("begins").commit().await.expect("commits");
    assert_eq!(replaced, Replaced { removed: 3, ..Replaced::default() });
    assert!(all(&store, LAYER).await.is_empty());
    let (replaced, _) = store.replace(LAYER).await.expect("begins").commit().await.expect("commits");
    assert_eq!(replaced, Replaced::default());
    let new = insert(&store, LAYER, vec![parcel("7", 1, 1.0)]).await;
    assert!(new[0] > old[2], "{old:?} {new:?}");
}

pub async fn a_replacement_without_key_never_uses_an_id_again<S: Store>(store: S) {
    store.define(&anything()).await.expect("defines");
    let mut used: BTreeSet<FeatureId> =
        insert(&store, "anything", vec![parcel("7", 1, 1.0); 10]).await.into_iter().collect();
    for round in 0..3 {
        let mut replacement = store.replace("anything").await.expect("begins");
        replacement.push(vec![parcel("7", 1, 1.0); 20]).await.expect("takes");
        if round > 0 {
            used.extend(insert(&store, "anything", vec![parcel("meanwhile", 1, 1.0); 5]).await);
        }
        let (replaced, _) = replacement.commit().await.expect("commits");
        assert_eq!((replaced.added, replaced.changed, replaced.unchanged), (20, 0, 0));
        let rows = all(&store, "anything").await;
        assert_eq!(rows.len(), 20);
        assert!(rows.iter().all(|row| used.insert(row.id)), "{used:?}");
    }
}

pub async fn a_replacement_that_is_dropped_leaves_the_old_rows<S: Store>(store: S) {
    with_parcels(&store, 3).await;
    let (seq, rows) = (store.last_seq().await.expect("answers"), all(&store, LAYER).await);
    let mut replacement = store.replace(LAYER).await.expect("begins");
    replacement.push((0..20_000).map(|number| parcel("9", number, 1.0)).collect()).await.expect("takes");
    drop(replacement);
    assert_eq!(all(&store, LAYER).await, rows);
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    let mut replacement = store.replace(LAYER).await.expect("begins again");
    replacement.push(vec![parcel("7", 1, 1.0)]).await.expect("takes");
    assert_eq!(replacement.commit().await.expect("commits").0.unchanged, 1);
}

pub async fn a_replacement_with_a_key_twice_is_refused_and_leaves_the_old_rows<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    for old in [0, 2] {
        if old > 0 {
            with_parcels(&store, old).await;
        }
        let rows = all(&store, LAYER).await;
        for (sheet, number) in [("7", 1), ("8", 5)] {
            let mut replacement = store.replace(LAYER).await.expect("begins");
            let twice = vec![parcel(sheet, number, 1.0), parcel("7", 2, 1.0), parcel(sheet, number, 2.0)];
            replacement.push(twice).await.expect("takes");
            match replacement.commit().await {
                Err(StoreError::DuplicateKey { key, .. }) => assert_eq!(key, format!("{sheet} / {number}")),
                other => panic!("{other:?}"),
            }
            assert_eq!(all(&store, LAYER).await, rows);
        }
    }
    assert_eq!(insert(&store, LAYER, vec![parcel("8", 5, 1.0)]).await.len(), 1);
}

pub async fn a_replacement_lets_others_read_and_write_meanwhile<S: Store>(store: S) {
    let ids = with_parcels(&store, 100).await;
    let mut replacement = store.replace(LAYER).await.expect("begins");
    for sheet in 0..5 {
        replacement
            .push((0..9_000).map(|number| parcel(&format!("s{sheet}"), number, 1.0)).collect())
            .await
            .expect("takes");
        assert_eq!(all(&store, LAYER).await.len(), 100 + sheet);
        insert(&store, LAYER, vec![parcel("meanwhile", sheet as u32, 1.0)]).await;
    }
    replacement.push(vec![parcel("7", 1, 1.0)]).await.expect("takes");
    let (replaced, _) = replacement.commit().await.expect("commits");
    assert_eq!(replaced, Replaced { added: 45_000, changed: 0, unchanged: 1, removed: 104 });
    assert_eq!(store.features(LAYER, &ids).await.expect("reads").len(), 1);
}

pub async fn a_style_is_kept_changed_and_removed_by_who_has_seen_it_and_the_log_tells<S: Store>(store: S) {
    let edit = |id: &str, seen: Option<&str>, document: Option<&str>| StyleEdit {
        id: id.to_owned(),
        seen: seen.map(str::to_owned),
        document: document.map(str::to_owned),
    };
    let before = store.last_seq().await.expect("answers");
    let first = store.write_style(edit("b", None, Some("{\"it's\": 1}"))).await.expect("written");
    store.write_style(edit("a", None, Some("{}"))).await.expect("written");
    let styles = store.styles().await.expect("answers");
    let kept: Vec<_> = styles.iter().map(|style| (style.id.as_str(), style.document.as_str())).collect();
    assert_eq!(kept, [("a", "{}"), ("b", "{\"it's\": 1}")]);
    assert!(DateTime::parse_from_rfc3339(&styles[0].changed).is_ok(), "{}", styles[0].changed);
    for stale in [edit("a", None, Some("{}")), edit("a", Some("[]"), None), edit("c", Some("{}"), Some("[]"))] {
        let refused = store.write_style(stale.clone()).await;
        assert!(matches!(refused, Err(StoreError::StyleMoved(id)) if id == stale.id), "{stale:?}");
    }
    let second = store.write_style(edit("a", Some("{}"), Some("[]"))).await.expect("written");
    assert!(first > before && second > first);
    assert_eq!(store.write_style(edit("a", Some("[]"), Some("[]"))).await.expect("nothing"), second);
    store.write_style(edit("b", Some("{\"it's\": 1}"), None)).await.expect("removed");
    let styles = store.styles().await.expect("answers");
    assert_eq!(styles.iter().map(|style| style.document.as_str()).collect::<Vec<_>>(), ["[]"]);
    let changes = store.changes(before, 100).await.expect("answers");
    assert_eq!(changes.len(), 4);
    assert!(changes.iter().all(|change| change.layer == STYLES && change.id.is_none()));
    assert_eq!(store.last_seq().await.expect("answers"), changes[3].seq);
}
