//! Transactions over several layers, those that are written once or only tried, and what takes a load back.

use std::sync::Arc;

use bricola_layers::feature::{Feature, Value};
use bricola_layers::load::restore;
use bricola_layers::log::{Operation, Seq};
use bricola_layers::store::{Edit, LayerEdits, Once, Replacement, Store, StoreError, Written};

use super::sample::{all, anything, insert, parcel, parcels, with_parcels};

const LAYER: &str = "test-parcels";
const OTHER: &str = "anything";

fn part(layer: &str, edits: Vec<Edit>) -> LayerEdits {
    LayerEdits { layer: layer.to_owned(), edits }
}

async fn write_once<S: Store>(store: &S, edits: Vec<Edit>, once: Once) -> Result<Written, StoreError> {
    store.write_all(vec![LayerEdits { layer: LAYER.to_owned(), edits }], Some(once)).await
}

pub async fn a_batch_under_a_key_is_written_once<S: Store>(store: S) {
    with_parcels(&store, 3).await;
    let store = Arc::new(store);
    let once = |key: &str, digest: &str| Once { key: key.to_owned(), digest: digest.to_owned() };
    let batch = |number: u32| vec![Edit::Insert(parcel("7", number, 1.0))];
    let written = write_once(&*store, batch(10), once("a", "1")).await.expect("writes");
    assert!(!written.repeated);
    let again = write_once(&*store, batch(10), once("a", "1")).await.expect("remembers");
    assert_eq!((&again.ids, again.seq, again.repeated), (&written.ids, written.seq, true));
    assert_eq!(store.last_seq().await.expect("answers"), written.seq);
    let other = write_once(&*store, batch(11), once("a", "2")).await;
    assert!(matches!(other, Err(StoreError::KeyReused)), "{other:?}");
    // What was refused is not remembered.
    let refused = write_once(&*store, batch(10), once("b", "3")).await;
    assert!(matches!(refused, Err(StoreError::DuplicateKey { .. })), "{refused:?}");
    assert!(!write_once(&*store, batch(11), once("b", "4")).await.expect("writes").repeated);
    // Of many at the same time one writes.
    let many = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { write_once(&*store, batch(12), once("c", "5")).await.expect("writes or remembers") })
    });
    let many: Vec<_> = futures::future::join_all(many).await.into_iter().map(|task| task.expect("ends")).collect();
    assert_eq!(many.iter().filter(|written| !written.repeated).count(), 1);
    assert!(many.iter().all(|written| written.ids == many[0].ids && written.seq == many[0].seq), "{many:?}");
    assert_eq!(all(&*store, LAYER).await.len(), 6);
}

pub async fn edits_of_several_layers_are_one_transaction<S: Store>(store: S) {
    let ids = with_parcels(&store, 3).await;
    store.define(&anything()).await.expect("defines");
    let before = store.last_seq().await.expect("answers");
    let changed = |version| Edit::Update { id: ids[0], expected: Some(version), feature: parcel("7", 1, 99.0) };
    let parts = |version| {
        vec![
            part(LAYER, vec![changed(version), Edit::Delete { id: ids[1], expected: Some(1) }]),
            part(OTHER, vec![Edit::Insert(parcel("x", 1, 1.0)), Edit::Insert(parcel("x", 2, 1.0))]),
        ]
    };
    // The first part in order of names is the second here: what it wrote is taken back with the rest.
    let refused = store.write_all(parts(4), None).await;
    assert!(matches!(&refused, Err(StoreError::Conflict { layer, .. }) if layer == LAYER), "{refused:?}");
    assert_eq!(store.last_seq().await.expect("answers"), before);
    assert!(all(&store, OTHER).await.is_empty());

    let once = Once { key: "both".to_owned(), digest: "1".to_owned() };
    let written = store.write_all(parts(1), Some(once.clone())).await.expect("writes");
    let others: Vec<_> = all(&store, OTHER).await.into_iter().map(|row| row.id).collect();
    assert_eq!(written.ids, [&ids[..2], &others[..]].concat());
    let changes = store.changes(before, 10).await.expect("answers");
    assert_eq!(changes.last().map(|change| change.seq), Some(written.seq));
    let count = |layer: &str| changes.iter().filter(|change| change.layer == layer).count();
    assert_eq!((count(LAYER), count(OTHER), changes.len()), (2, 2, 4));
    assert!(changes.iter().all(|change| change.at == changes[0].at), "of one instant: {changes:?}");
    assert_eq!(all(&store, LAYER).await.len(), 2);

    let again = store.write_all(parts(1), Some(once.clone())).await.expect("remembers");
    assert_eq!((&again.ids, again.seq, again.repeated), (&written.ids, written.seq, true));
    let elsewhere = store.write_all(vec![part(OTHER, Vec::new())], Some(once)).await;
    assert!(matches!(elsewhere, Err(StoreError::KeyReused)), "{elsewhere:?}");
}

pub async fn a_trial_says_what_a_write_would_and_changes_nothing<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let (rows, seq) = (all(&store, LAYER).await, store.last_seq().await.expect("answers"));
    let tried = |edits: Vec<Edit>| store.try_all(vec![part(LAYER, edits)]);
    tried(vec![Edit::Insert(parcel("8", 1, 1.0)), Edit::Delete { id: ids[0], expected: Some(1) }])
        .await
        .expect("would");
    let taken = tried(vec![Edit::Insert(parcel("7", 2, 5.0))]).await;
    assert!(matches!(&taken, Err(StoreError::DuplicateKey { key, .. }) if key == "7 / 2"), "{taken:?}");
    let room = vec![Edit::Delete { id: ids[1], expected: Some(1) }, Edit::Insert(parcel("7", 2, 5.0))];
    tried(room).await.expect("makes room for itself");
    let stale = tried(vec![Edit::Delete { id: ids[0], expected: Some(2) }]).await;
    assert!(matches!(stale, Err(StoreError::Conflict { .. })), "{stale:?}");
    assert_eq!((all(&store, LAYER).await, store.last_seq().await.expect("answers")), (rows, seq));
    // Nobody waits for it afterwards.
    insert(&store, LAYER, vec![parcel("9", 1, 1.0)]).await;
}

pub async fn a_replacement_waits_for_no_one_and_overwrites_nobody<S: Store>(store: S) {
    with_parcels(&store, 2).await;
    let seq = store.last_seq().await.expect("answers");
    let replaced = async |since: Seq| {
        let mut replacement = store.replace(LAYER).await.expect("begins");
        replacement.push(vec![parcel("7", 1, 5.0)]).await.expect("takes");
        replacement.commit_if(Some(since)).await
    };
    insert(&store, LAYER, vec![parcel("9", 1, 1.0)]).await;
    let late = replaced(seq).await;
    assert!(matches!(&late, Err(StoreError::LayerChanged { layer, .. }) if layer == LAYER), "{late:?}");
    assert_eq!(all(&store, LAYER).await.len(), 3);
    // Changes of other layers do not count.
    let seq = store.last_seq().await.expect("answers");
    store.define(&anything()).await.expect("defines");
    insert(&store, OTHER, vec![parcel("x", 1, 1.0)]).await;
    replaced(seq).await.expect("replaces");
    assert_eq!(all(&store, LAYER).await.len(), 1);
}

pub async fn a_load_is_taken_back<S: Store>(store: S) {
    for definition in [parcels(), anything()] {
        store.define(&definition).await.expect("defines");
        let layer = &definition.id;
        let there = (1..=40).map(|number| parcel("7", number, 1.0)).collect();
        insert(&store, layer, there).await;
        let (rows, before) = (all(&store, layer).await, store.last_seq().await.expect("answers"));
        let mut load = store.replace(layer).await.expect("begins");
        load.push((20..=60).map(|number| parcel("7", number, f64::from(number % 2) * 8.0 + 1.0)).collect())
            .await
            .expect("takes");
        let (_, loaded) = load.commit().await.expect("commits");

        let (replaced, seq) = restore(&store, layer, before, loaded).await.expect("restores");
        let now = all(&store, layer).await;
        let features = |rows: &[bricola_layers::feature::StoredFeature]| {
            let mut features: Vec<Feature> = rows.iter().map(|row| row.feature.clone()).collect();
            let number = |feature: &Feature| match &feature.properties[1] {
                Value::Text(number) => number.parse::<u32>().expect("a number"),
                other => panic!("{other:?}"),
            };
            features.sort_by_key(number);
            features
        };
        assert_eq!(features(&now), features(&rows), "{layer}");
        if !definition.key.is_empty() {
            assert_eq!((replaced.added, replaced.changed, replaced.removed), (19, 10, 20));
            let kept = now.iter().filter(|row| rows.iter().any(|old| old.id == row.id)).count();
            assert_eq!(kept, 21, "what the load had left or changed keeps its id");
        }
        let change = store.changes(seq - 1, 1).await.expect("answers").remove(0);
        assert_eq!((change.operation, &change.layer), (Operation::Replace, layer));
        assert!(matches!(restore(&store, layer, before, loaded).await, Err(StoreError::LayerChanged { .. })));
    }
}
