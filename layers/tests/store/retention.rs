//! What every store keeps for those who follow it, and lets go of: cases of the contract.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::feature::{FeatureId, StoredFeature};
use bricola_layers::log::{Change, Seq};
use bricola_layers::store::{Edit, Pruned, Pruning, Store, StoreError};
use chrono::{DateTime, TimeDelta, Utc};
use futures::{StreamExt, pin_mut};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::sample::{all, all_at, insert, parcel, parcels, with_parcels};

const LAYER: &str = "test-parcels";

fn soon() -> DateTime<Utc> {
    Utc::now() + TimeDelta::days(1)
}

async fn prune_log<S: Store>(store: &S) -> Pruned {
    store.prune(Pruning { log_before: Some(soon()), past_before: None }).await.expect("prunes")
}

/// Changes the areas of features, one transaction for each.
async fn edit<S: Store>(store: &S, id: FeatureId, areas: std::ops::Range<u32>) {
    for area in areas {
        let edit = Edit::Update { id, expected: None, feature: parcel("7", 1, f64::from(area)) };
        store.write(LAYER, vec![edit]).await.expect("writes");
    }
}

fn first_of<T: std::fmt::Debug>(answer: Result<T, StoreError>) -> Seq {
    match answer {
        Err(StoreError::Pruned { first }) => first,
        other => panic!("not refused as pruned: {other:?}"),
    }
}

pub async fn the_log_is_never_cut_past_a_registered_follower<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let start = store.last_seq().await.expect("answers");
    let key = store.register("tributi", start, None).await.expect("registers");
    store.register("lavori", start + 3, Some(1)).await.expect_err("not there yet");
    edit(&store, ids[0], 10..30).await;
    let end = store.last_seq().await.expect("answers");
    store.register("lavori", end, Some(1)).await.expect("registers");
    let pruned = prune_log(&store).await;
    assert_eq!((pruned.log_from, pruned.held_by.as_deref()), (start, Some("tributi")));
    let told = store.changes(start, 1_000).await.expect("all that it has not handled is there");
    assert_eq!(told.iter().map(|change| change.seq).collect::<Vec<_>>(), (start + 1..=end).collect::<Vec<_>>());
    assert!(store.acknowledge("tributi", &key, start + 5).await.expect("acknowledges"));
    assert_eq!(prune_log(&store).await.log_from, start + 5);
    assert_eq!(first_of(store.changes(start + 4, 10).await), start + 5);
    let rest = store.changes(start + 5, 1_000).await.expect("goes on");
    assert_eq!(rest, told[5..]);
    // Nobody else moves it, and it never goes back.
    for (name, key) in [("tributi", "wrong"), ("lavori", &*key), ("nobody", &*key), ("", "")] {
        assert!(!store.acknowledge(name, key, end).await.expect("answers"), "{name}");
    }
    assert!(store.acknowledge("tributi", &key, start).await.expect("answers"));
    let followers = store.followers().await.expect("lists");
    let said: Vec<_> = followers.iter().map(|f| (f.name.as_str(), f.seq, f.patience_days)).collect();
    assert_eq!(said, [("lavori", end, Some(1)), ("tributi", start + 5, None)]);
    assert!((Utc::now() - followers[0].seen).abs() < TimeDelta::minutes(1));
    // It cannot go ahead of the log either, and so lose what is to come.
    assert!(store.acknowledge("tributi", &key, end + 1_000).await.expect("answers"));
    assert_eq!(store.followers().await.expect("lists")[1].seq, end);
}

pub async fn a_forgotten_follower_is_refused_and_begins_anew<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let start = store.last_seq().await.expect("answers");
    store.register("tributi", start, None).await.expect("registers");
    for name in ["tributi", "", "Tributi", "a b", "a:b", &"x".repeat(65)] {
        assert!(matches!(store.register(name, start, None).await, Err(StoreError::Unusable(_))), "{name}");
    }
    edit(&store, ids[0], 10..20).await;
    assert!(store.forget("tributi").await.expect("forgets"));
    assert!(!store.forget("tributi").await.expect("answers"));
    let pruned = prune_log(&store).await;
    let end = store.last_seq().await.expect("answers");
    assert_eq!((pruned.log_from, pruned.held_by), (end - 1, None), "the last change stays");
    assert_eq!(first_of(store.changes(start, 10).await), end - 1);
    assert_eq!(first_of(store.register("tributi", start, None).await), end - 1);
    store.register("tributi", end, None).await.expect("begins anew");
    edit(&store, ids[0], 20..22).await;
    assert_eq!(store.changes(end, 10).await.expect("reads").len(), 2);
    // The state of a layer is known by its last change, and ids do not come back.
    let layers = store.layers().await.expect("lists");
    assert_eq!((layers[0].seq, layers[0].count), (end + 2, 2));
    let gone = insert(&store, LAYER, vec![parcel("9", 9, 1.0)]).await[0];
    store.write(LAYER, vec![Edit::Delete { id: gone, expected: None }]).await.expect("deletes");
    store.drop_layer(LAYER).await.expect("drops");
    store.forget("tributi").await.expect("forgets");
    prune_log(&store).await;
    store.define(&parcels()).await.expect("defines");
    assert!(insert(&store, LAYER, vec![parcel("7", 1, 1.0)]).await[0] > gone);
}

pub async fn the_past_is_told_as_it_was_or_refused<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let mut states: Vec<(Seq, DateTime<Utc>, Vec<StoredFeature>)> = Vec::new();
    for area in 10..20 {
        edit(&store, ids[0], area..area + 1).await;
        let seq = store.last_seq().await.expect("answers");
        tokio::time::sleep(Duration::from_millis(5)).await;
        states.push((seq, Utc::now(), all(&store, LAYER).await));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let pruning = Pruning { log_before: None, past_before: Some(states[4].1) };
    let pruned = store.prune(pruning).await.expect("prunes");
    assert_eq!((pruned.log_from, pruned.changes), (0, 0), "the log is another matter");
    assert_eq!(pruned.states, 5);
    assert_eq!(store.changes(0, 1_000).await.expect("reads").len() as Seq, states[9].0);
    for (place, (seq, instant, state)) in states.iter().enumerate() {
        if place < 4 {
            assert_eq!(first_of(store.features_at(LAYER, &ids, *seq).await), states[4].0);
            assert!(store.seq_at(*instant).await.expect("answers") < states[4].0, "an instant is refused as well");
            let rows = store.scan_at(LAYER, FeatureId::MIN..FeatureId::MAX, *seq);
            pin_mut!(rows);
            assert!(matches!(rows.next().await, Some(Err(StoreError::Pruned { .. }))));
        } else {
            assert_eq!(&all_at(&store, LAYER, *seq).await, state);
            assert_eq!(store.seq_at(*instant).await.expect("answers"), *seq);
            let known_by = store.layer_seq(LAYER, *seq).await.expect("answers");
            assert_eq!(&all_at(&store, LAYER, known_by).await, state);
        }
    }
    assert_eq!(store.prune(pruning).await.expect("prunes").states, 0, "once more is no more");
}

pub async fn the_past_is_kept_for_those_who_have_yet_to_hear_of_it<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let update = |area| Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, f64::from(area)) };
    store.write(LAYER, vec![update(10), update(11), update(12), update(13)]).await.expect("writes");
    let end = store.last_seq().await.expect("answers");
    // In the middle of a transaction.
    store.register("tributi", end - 2, None).await.expect("registers");
    store.write(LAYER, vec![update(14)]).await.expect("writes");
    let before: Vec<_> = {
        let mut before = Vec::new();
        for seq in end - 2..=end + 1 {
            before.push(store.features_at(LAYER, &ids, seq).await.expect("reads"));
        }
        before
    };
    let pruned = store.prune(Pruning { log_before: Some(soon()), past_before: Some(soon()) }).await.expect("prunes");
    assert_eq!(pruned.log_from, end - 2);
    for (seq, state) in (end - 2..).zip(before) {
        assert_eq!(store.features_at(LAYER, &ids, seq).await.expect("is known"), state, "{seq}");
    }
}

/// One step in the life of a log; positions are thousandths of what there is.
#[derive(Debug, Clone)]
enum Step {
    Edit(u32),
    Register(Seq),
    Acknowledge(usize, Seq),
    Forget(usize),
    Prune,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (1..6u32).prop_map(Step::Edit),
        2 => (0..=1_000i64).prop_map(Step::Register),
        4 => (0..8usize, 0..=1_000i64).prop_map(|(who, to)| Step::Acknowledge(who, to)),
        1 => (0..8usize).prop_map(Step::Forget),
        3 => Just(Step::Prune),
    ];
    prop::collection::vec(step, 50)
}

/// What must be there.
#[derive(Default)]
struct Model {
    log: Vec<Change>,
    from: Seq,
    followers: BTreeMap<String, (String, Seq)>,
    states: Vec<(Seq, Vec<StoredFeature>)>,
}

impl Model {
    fn end(&self) -> Seq {
        self.log.last().map_or(0, |change| change.seq)
    }

    fn name(&self, place: usize) -> Option<String> {
        self.followers.keys().nth(place % self.followers.len().max(1)).cloned()
    }

    async fn take<S: Store>(&mut self, store: &S, id: FeatureId, step: &Step, count: &mut u32) {
        match step {
            Step::Edit(edits) => {
                let areas = *count..*count + edits;
                *count += edits;
                let edits = areas.map(|area| Edit::Update {
                    id,
                    expected: None,
                    feature: parcel("7", 1, f64::from(area + 100)),
                });
                store.write(LAYER, edits.collect()).await.expect("writes");
                self.log.extend(store.changes(self.end(), 1_000).await.expect("reads"));
                self.states.push((self.end(), all(store, LAYER).await));
            }
            Step::Register(at) => {
                let seq = self.from + (self.end() - self.from) * at / 1_000;
                *count += 1;
                let name = format!("f{count}");
                let key = store.register(&name, seq, None).await.expect("registers");
                self.followers.insert(name, (key, seq));
            }
            Step::Acknowledge(place, to) => {
                let Some(name) = self.name(*place) else { return };
                let end = self.end();
                let (key, seq) = self.followers.get_mut(&name).expect("is there");
                *seq += (end - *seq) * to / 1_000;
                assert!(store.acknowledge(&name, key, *seq).await.expect("acknowledges"));
            }
            Step::Forget(place) => {
                let Some(name) = self.name(*place) else { return };
                assert!(store.forget(&name).await.expect("forgets"));
                self.followers.remove(&name);
            }
            Step::Prune => {
                let last = self.followers.values().map(|(_, seq)| *seq).min().unwrap_or(Seq::MAX);
                self.from = self.from.max(last.min(self.end() - 1));
                assert_eq!(prune_log(store).await.log_from, self.from);
            }
        }
    }

    async fn compare<S: Store>(&self, store: &S) {
        for after in [0, self.from - 1, self.from, self.from + 1, self.end() - 1, self.end()] {
            let told = store.changes(after.max(0), 10_000).await;
            if after.max(0) < self.from {
                assert_eq!(first_of(told), self.from, "after {after}");
            } else {
                let expected: Vec<&Change> = self.log.iter().filter(|change| change.seq > after.max(0)).collect();
                assert_eq!(told.expect("reads").iter().collect::<Vec<_>>(), expected, "after {after}");
            }
        }
        for (name, (_, seq)) in &self.followers {
            let told = store.changes(*seq, 10_000).await;
            assert_eq!(told.expect("never cut off").len() as Seq, self.end() - seq, "{name}");
        }
        for (seq, state) in self.states.iter().rev().take(12) {
            match store.features_at(LAYER, &state.iter().map(|row| row.id).collect::<Vec<_>>(), *seq).await {
                Ok(rows) => assert_eq!(&rows, state, "as of {seq}"),
                Err(StoreError::Pruned { first }) => assert!(*seq < first && first <= self.from, "as of {seq}"),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

pub async fn log_and_past_stay_true_through_any_life<S: Store>(store: S) {
    let mut runner = TestRunner::deterministic();
    let ids = with_parcels(&store, 3).await;
    let mut model = Model { log: store.changes(0, 1_000).await.expect("reads"), ..Model::default() };
    let mut count = 0;
    for step in steps().new_tree(&mut runner).expect("steps").current() {
        model.take(&store, ids[0], &step, &mut count).await;
        model.compare(&store).await;
    }
    assert!(model.from > 5 && model.end() > 30, "{} of {}", model.from, model.end());
}

pub async fn who_follows_while_the_log_is_pruned_misses_nothing<S: Store>(store: S) {
    let ids = with_parcels(&store, 2).await;
    let store = Arc::new(store);
    let start = store.last_seq().await.expect("answers");
    let key = store.register("slow", start, None).await.expect("registers");
    let writer = tokio::spawn({
        let (store, id) = (Arc::clone(&store), ids[0]);
        async move { edit(&*store, id, 100..300).await }
    });
    let pruner = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            let mut cuts = 0;
            loop {
                let pruned = prune_log(&*store).await;
                cuts += u32::from(pruned.changes > 0);
                if pruned.log_from >= start + 199 {
                    return cuts;
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    });
    let mut after = start;
    while after < start + 200 {
        let page = store.changes(after, 7).await.expect("is never cut off");
        for change in page {
            assert_eq!(change.seq, after + 1, "each once and in order");
            after = change.seq;
        }
        assert!(store.acknowledge("slow", &key, after).await.expect("acknowledges"));
    }
    writer.await.expect("writes");
    let cuts = tokio::time::timeout(Duration::from_secs(10), pruner).await.expect("in time").expect("prunes");
    assert!(cuts > 3, "it was pruned meanwhile: {cuts}");
}
