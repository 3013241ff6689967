//! What every store answers about earlier changes: cases of the contract.

use std::collections::BTreeMap;
use std::time::Duration;

use bricola_layers::definition::{FieldDefinition, LayerDefinition};
use bricola_layers::feature::{FeatureId, StoredFeature, Value};
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, Moment, Replacement, Store, StoreError, Version};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, pin_mut};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::sample::{all, all_at, anything, gathered, insert, parcel, parcels, with_parcels};

const LAYER: &str = "test-parcels";

/// One step in the life of a layer; places are counted among the features that are there.
#[derive(Debug, Clone)]
enum Step {
    /// Inserts, updates and deletes in one batch.
    Write { insert: u32, update: Vec<(usize, u32)>, delete: Vec<usize> },
    /// A replacement by parcels with these numbers and areas.
    Replace(BTreeMap<u32, u32>),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let write =
        (0..4u32, prop::collection::vec((0..40usize, 0..1_000u32), 0..4), prop::collection::vec(0..40usize, 0..3))
            .prop_map(|(insert, update, delete)| Step::Write { insert, update, delete });
    let replace = prop::collection::btree_map(0..12u32, 0..3u32, 0..10).prop_map(Step::Replace);
    prop::collection::vec(prop_oneof![4 => write, 1 => replace], 1..14)
}

async fn take<S: Store>(store: &S, layer: &str, step: &Step, next: &mut u32) -> Seq {
    match step {
        Step::Write { insert, update, delete } => {
            let there = all(store, layer).await;
            let mut edits = Vec::new();
            for _ in 0..*insert {
                *next += 1;
                edits.push(Edit::Insert(parcel("new", *next, 1.0)));
            }
            if !there.is_empty() {
                let mut delete: Vec<_> = delete.iter().map(|place| there[place % there.len()].id).collect();
                delete.sort_unstable();
                delete.dedup();
                for (place, area) in update {
                    let row = &there[place % there.len()];
                    let mut feature = row.feature.clone();
                    feature.properties[2] = Value::Real(f64::from(*area));
                    edits.push(Edit::Update { id: row.id, expected: None, feature });
                }
                edits.extend(delete.into_iter().map(|id| Edit::Delete { id, expected: None }));
            }
            store.write(layer, edits).await.expect("writes").1
        }
        Step::Replace(rows) => {
            let mut replacement = store.replace(layer).await.expect("begins");
            let rows = rows.iter().map(|(number, area)| parcel("7", *number, f64::from(*area))).collect();
            replacement.push(rows).await.expect("takes");
            replacement.commit().await.expect("commits").1
        }
    }
}

async fn compare<S: Store>(store: &S, layer: &str, states: &[(Seq, Vec<StoredFeature>)]) {
    let mut ids: Vec<FeatureId> = states.iter().flat_map(|(_, state)| state).map(|row| row.id).collect();
    ids.sort_unstable();
    ids.dedup();
    for (seq, state) in states {
        assert_eq!(&all_at(store, layer, *seq).await, state, "{layer} as of {seq}");
        assert_eq!(&store.features_at(layer, &ids, *seq).await.expect("reads"), state, "{layer} as of {seq}");
    }
    for id in &ids {
        let versions = store.versions(layer, *id).await.expect("tells");
        for (seq, state) in states {
            let stood = |version: &&Version| {
                version.since.is_none_or(|since| since <= *seq) && version.until.is_none_or(|until| *seq < until)
            };
            let told: Vec<_> = versions.iter().filter(stood).map(|version| version.number).collect();
            let noted: Vec<_> = state.iter().filter(|row| row.id == *id).map(|row| row.version).collect();
            assert_eq!(told, noted, "{layer} {id} as of {seq}: {versions:?}");
        }
        assert!(versions.iter().all(|version| version.at.is_some_and(|at| at <= Utc::now())), "{versions:?}");
        assert!(versions.is_sorted_by_key(|version| version.number), "{versions:?}");
    }
    assert!(store.versions(layer, 1 << 40).await.expect("tells").is_empty());
    // Asked for all at once, those in the middle of a transaction and before the beginning included.
    let last = states.last().map_or(0, |(seq, _)| *seq);
    let moments: Vec<Moment> = (-1..=last + 1).map(|at| (at, ids.clone())).collect();
    let at_once = store.features_at_moments(layer, &moments).await.expect("reads");
    assert_eq!(at_once.len(), moments.len());
    for ((at, ids), found) in moments.iter().zip(at_once) {
        let one = match store.features_at(layer, ids, *at).await {
            Err(StoreError::Pruned { .. }) => None,
            one => Some(one.expect("reads")),
        };
        assert_eq!(found, one, "{layer} as of {at}");
    }
}

pub async fn every_past_state_reads_back_as_it_was_noted<S: Store>(store: S) {
    let mut runner = TestRunner::deterministic();
    let mut histories: BTreeMap<&str, Vec<(Seq, Vec<StoredFeature>)>> = BTreeMap::new();
    let before = store.last_seq().await.expect("answers");
    for definition in [parcels(), anything()] {
        store.define(&definition).await.expect("defines");
    }
    for layer in [LAYER, "anything"] {
        histories.insert(layer, vec![(before, Vec::new()), (store.last_seq().await.expect("answers"), Vec::new())]);
    }
    let mut next = 1_000;
    for _ in 0..12 {
        // The layers take turns: what happens to one must not show in the past of the other.
        for (layer, states) in &mut histories {
            for step in steps().new_tree(&mut runner).expect("steps").current() {
                let seq = take(&store, layer, &step, &mut next).await;
                states.push((seq, all(&store, layer).await));
            }
        }
    }
    for (layer, states) in &histories {
        assert!(states.iter().any(|(_, state)| !state.is_empty()));
        compare(&store, layer, states).await;
        let now = states.last().expect("states").1.clone();
        assert_eq!(all_at(&store, layer, Seq::MAX).await, now);
        assert_eq!(all_at(&store, layer, store.last_seq().await.expect("answers")).await, now);
    }
}

pub async fn a_past_state_is_read_in_parts_like_one_of_now<S: Store>(store: S) {
    let ids = with_parcels(&store, 5_000).await;
    let (before, at) = (all(&store, LAYER).await, store.last_seq().await.expect("answers"));
    let edits = ids.iter().enumerate().filter_map(|(place, id)| match place % 7 {
        1 => Some(Edit::Delete { id: *id, expected: None }),
        2 => Some(Edit::Update { id: *id, expected: None, feature: parcel("7", 1 + place as u32, 9.0) }),
        _ => None,
    });
    store.write(LAYER, edits.collect()).await.expect("writes");
    insert(&store, LAYER, (0..100).map(|number| parcel("8", number, 1.0)).collect()).await;
    let (first, middle) = (ids[0], ids[2_345]);
    let mut rows = gathered(store.scan_at(LAYER, first..middle, at)).await;
    rows.extend(gathered(store.scan_at(LAYER, middle..FeatureId::MAX, at)).await);
    assert_eq!(rows, before);
    // A stream that is dropped half way holds up nothing.
    let rows = store.scan_at(LAYER, first..FeatureId::MAX, at);
    pin_mut!(rows);
    assert!(rows.next().await.is_some());
    insert(&store, LAYER, vec![parcel("9", 1, 1.0)]).await;
}

pub async fn features_as_of_come_in_the_order_of_the_ids<S: Store>(store: S) {
    let ids = with_parcels(&store, 4).await;
    let at = store.last_seq().await.expect("answers");
    let edits = vec![
        Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, 2.0) },
        Edit::Delete { id: ids[2], expected: None },
    ];
    let (_, later) = store.write(LAYER, edits).await.expect("writes");
    let new = insert(&store, LAYER, vec![parcel("8", 1, 1.0)]).await[0];
    let asked = [new, ids[2], 999_999, ids[0], ids[3]];
    let then = store.features_at(LAYER, &asked, at).await.expect("reads");
    let states: Vec<_> = then.iter().map(|row| (row.id, row.version)).collect();
    assert_eq!(states, [(ids[2], 1), (ids[0], 1), (ids[3], 1)]);
    assert_eq!(then[1].feature, parcel("7", 1, 1.0));
    let then = store.features_at(LAYER, &asked, later).await.expect("reads");
    assert_eq!(then.iter().map(|row| (row.id, row.version)).collect::<Vec<_>>(), [(ids[0], 2), (ids[3], 1)]);
    let unknown = store.features_at("nowhere", &asked, at).await;
    assert!(matches!(unknown, Err(StoreError::UnknownLayer(layer)) if layer == "nowhere"));
    let unknown = store.scan_at("nowhere", 0..9, at);
    pin_mut!(unknown);
    assert!(matches!(unknown.next().await, Some(Err(StoreError::UnknownLayer(_)))));
}

pub async fn a_field_that_was_not_there_yet_is_null_in_the_past<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let first = store.last_seq().await.expect("answers");
    let update = Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, 2.0) };
    let (_, second) = store.write(LAYER, vec![update]).await.expect("writes");
    let mut wider = parcels();
    wider.fields.insert(1, FieldDefinition { name: "note".to_owned(), ..wider.fields[0].clone() });
    store.define(&wider).await.expect("defines");
    let with_note = |area: f64, note: Value| {
        let mut feature = parcel("7", 1, area);
        feature.properties.insert(1, note);
        feature
    };
    let noted = with_note(3.0, Value::Text("a note".to_owned()));
    let update = Edit::Update { id: ids[0], expected: None, feature: noted.clone() };
    let (_, third) = store.write(LAYER, vec![update]).await.expect("writes");
    for (at, expected) in [(first, with_note(1.0, Value::Null)), (second, with_note(2.0, Value::Null)), (third, noted)]
    {
        assert_eq!(all_at(&store, LAYER, at).await[0].feature, expected, "as of {at}");
        assert_eq!(store.features_at(LAYER, &ids[..1], at).await.expect("reads")[0].feature, expected);
    }
}

pub async fn a_layer_that_was_dropped_does_not_lend_its_past_to_its_successor<S: Store>(store: S) {
    with_parcels(&store, 3).await;
    let before = store.last_seq().await.expect("answers");
    store.drop_layer(LAYER).await.expect("drops");
    let gone = store.features_at(LAYER, &[1], before).await;
    assert!(matches!(gone, Err(StoreError::UnknownLayer(_))), "{gone:?}");
    let defined = LayerDefinition { key: Vec::new(), ..parcels() };
    store.define(&defined).await.expect("defines");
    let empty = store.last_seq().await.expect("answers");
    let ids = insert(&store, LAYER, vec![parcel("9", 1, 9.0)]).await;
    let Err(StoreError::Pruned { first }) = store.features_at(LAYER, &ids, before).await else {
        panic!("what was before the drop is not known");
    };
    assert!(first > before && first <= empty, "{before} {first} {empty}");
    let rows = store.scan_at(LAYER, FeatureId::MIN..FeatureId::MAX, before);
    pin_mut!(rows);
    assert!(matches!(rows.next().await, Some(Err(StoreError::Pruned { .. }))));
    assert!(all_at(&store, LAYER, empty).await.is_empty());
    assert_eq!(all_at(&store, LAYER, store.last_seq().await.expect("answers")).await.len(), 1);
}

/// A moment that certainly lies between two changes.
async fn moment() -> DateTime<Utc> {
    tokio::time::sleep(Duration::from_millis(15)).await;
    let moment = Utc::now();
    tokio::time::sleep(Duration::from_millis(15)).await;
    moment
}

pub async fn an_instant_is_the_last_change_that_it_had_seen<S: Store>(store: S) {
    let mut seen = vec![(moment().await, 0)];
    store.define(&parcels()).await.expect("defines");
    for number in 0..9 {
        seen.push((moment().await, store.last_seq().await.expect("answers")));
        insert(&store, LAYER, (0..=number).map(|more| parcel("7", 10 * number + more, 1.0)).collect()).await;
    }
    let last = store.last_seq().await.expect("answers");
    seen.push((moment().await, last));
    for (instant, seq) in seen {
        assert_eq!(store.seq_at(instant).await.expect("answers"), seq, "at {instant}");
    }
    assert_eq!(store.seq_at(Utc::now() + TimeDelta::days(365)).await.expect("answers"), last);
    assert_eq!(store.seq_at(DateTime::<Utc>::MAX_UTC).await.expect("answers"), last);
    assert_eq!(store.seq_at(DateTime::<Utc>::MIN_UTC).await.expect("answers"), 0);
    let change = store.changes(last - 1, 1).await.expect("reads").remove(0);
    let at = DateTime::parse_from_rfc3339(&change.at).expect("an instant").to_utc();
    assert_eq!(store.seq_at(at).await.expect("answers"), last, "a change is seen in its own instant");
}

pub async fn no_instant_lies_inside_a_batch<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    let before = store.last_seq().await.expect("answers");
    let started = Utc::now();
    insert(&store, LAYER, (0..4_000).map(|number| parcel("7", number, 1.0)).collect()).await;
    let (last, ended) = (store.last_seq().await.expect("answers"), Utc::now());
    let mut instant = started;
    while instant < ended {
        let seq = store.seq_at(instant).await.expect("answers");
        assert!(seq == before || seq == last, "{seq} at {instant}, between {before} and {last}");
        instant += TimeDelta::milliseconds(1);
    }
}

pub async fn a_store_is_told_from_every_other<S: Store>(store: S) {
    let identity = store.identity().await.expect("answers").expect("an identity");
    assert!(identity.len() >= 16, "{identity}");
    with_parcels(&store, 1).await;
    assert_eq!(store.identity().await.expect("answers"), Some(identity));
}
