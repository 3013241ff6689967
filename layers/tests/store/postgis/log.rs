//! The log: no gaps and no stall, whoever commits when.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bricola_layers::feature::FeatureId;
use bricola_layers::log::{Change, Operation, Seq};
use bricola_layers::store::{PostgisStore, Store};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use super::{LAYER, empty, heard, open, psql, told};
use crate::sample::{all, insert, parcel, with_parcels};

#[tokio::test(flavor = "multi_thread")]
async fn a_forgotten_transaction_holds_up_nobody_and_is_told_of_in_the_end() {
    let (store, database) = empty().await;
    with_parcels(&store, 2).await;
    let seq = store.last_seq().await.expect("answers");
    let forgotten = tokio::spawn(psql(
        Box::leak(database.clone().into_boxed_str()),
        "BEGIN; UPDATE city.test_parcels SET area = 50 WHERE fid = 1; SAVEPOINT half; \
         UPDATE city.test_parcels SET area = 60 WHERE fid = 1; ROLLBACK TO half; SELECT pg_sleep(2); COMMIT",
    ));
    tokio::time::sleep(Duration::from_millis(500)).await;
    let ids = insert(&store, LAYER, vec![parcel("8", 1, 1.0)]).await;
    let changes = heard(&store, seq).await;
    assert_eq!(told(&changes), [(Some(ids[0]), Operation::Insert)], "the others go on");
    assert!(!forgotten.is_finished(), "the transaction was open all the time");
    forgotten.await.expect("commits");
    let late = heard(&store, changes[0].seq).await;
    assert_eq!(told(&late), [(Some(1), Operation::Update)]);
    assert!(late[0].seq > changes[0].seq);
    assert_eq!(all(&store, LAYER).await[0].version, 2);
}

/// Reads the log until it has stood still for a while and `writers` are done.
async fn follow(
    store: Arc<PostgisStore>,
    start: Seq,
    limit: usize,
    mut done: tokio::sync::watch::Receiver<bool>,
) -> Vec<Change> {
    let (mut after, mut seen) = (start, Vec::new());
    loop {
        let finished = *done.borrow_and_update();
        let changes = store.changes(after, limit).await.expect("reads");
        if changes.is_empty() {
            if finished && store.last_seq().await.expect("answers") == after {
                return seen;
            }
            tokio::select! {
                changed = store.changed(after) => changed.expect("wakes"),
                _ = done.changed() => {}
            }
            continue;
        }
        for change in changes {
            assert_eq!(change.seq, after + 1, "no gap and nothing twice");
            after = change.seq;
            seen.push(change);
        }
    }
}

/// Sessions of clerks: transactions long and short, some given up, some with savepoints; they meet on the same rows.
fn sessions() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        1 => (0..100).prop_map(|area| format!("INSERT INTO city.test_parcels (area) VALUES ({area});")),
        1 => (1..=40).prop_map(|id| {
            format!("SAVEPOINT s; UPDATE city.test_parcels SET area = -1 WHERE fid = {id}; ROLLBACK TO s;")
        }),
        1 => (0..40).prop_map(|pause| format!("SELECT pg_sleep({pause}e-3);")),
        2 => (1..=40).prop_map(|id| {
            format!("UPDATE city.test_parcels SET area = coalesce(area, 0) + 1 WHERE fid = {id};")
        }),
    ];
    let transaction =
        (prop::collection::vec(statement, 1..4), prop::bool::weighted(0.8)).prop_map(|(statements, kept)| {
            format!("BEGIN; {} {};", statements.concat(), if kept { "COMMIT" } else { "ROLLBACK" })
        });
    prop::collection::vec(transaction, 12).prop_map(|transactions| transactions.concat())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn followers_see_every_change_of_many_clerks_once_and_in_the_same_order() {
    let (store, database) = empty().await;
    with_parcels(&store, 40).await;
    let start = store.last_seq().await.expect("answers");
    let (done, waiting) = tokio::sync::watch::channel(false);
    let followers: Vec<_> = [(3, false), (500, true), (10_000, true)]
        .into_iter()
        .map(|(limit, other)| {
            let (database, waiting, store) = (database.clone(), waiting.clone(), store.clone());
            tokio::spawn(async move {
                let store = if other { open(&database).await } else { store };
                follow(Arc::new(store), start, limit, waiting).await
            })
        })
        .collect();
    let mut runner = TestRunner::deterministic();
    let clerks: Vec<_> = (0..16)
        .map(|_| {
            let (database, sql) = (database.clone(), sessions().new_tree(&mut runner).expect("a session").current());
            tokio::spawn(async move {
                // Two clerks may deadlock; the one that is refused has changed nothing.
                tokio::task::spawn_blocking(move || crate::cluster::cluster().try_sql(&database, &sql))
                    .await
                    .expect("psql")
            })
        })
        .collect();
    let mut refused = Vec::new();
    for clerk in clerks {
        refused.extend(clerk.await.expect("ends").err());
    }
    assert!(refused.len() < 8, "most clerks get through: {refused:?}");
    done.send(true).expect("followers");
    let mut logs = Vec::new();
    for follower in followers {
        logs.push(follower.await.expect("follows"));
    }
    assert!(logs[0].len() > 50, "{}", logs[0].len());
    assert!(logs.iter().all(|log| *log == logs[0]), "every follower saw the same");
    let mut versions: BTreeMap<FeatureId, i64> = BTreeMap::new();
    for change in &logs[0] {
        let version = versions.entry(change.id.expect("an id")).or_insert(1);
        match change.operation {
            Operation::Insert => assert_eq!(*version, 1),
            _ => *version += 1,
        }
    }
    let rows = all(&store, LAYER).await;
    for row in &rows {
        assert_eq!(versions.get(&row.id).copied().unwrap_or(1), row.version, "feature {}", row.id);
    }
    assert!(versions.keys().all(|id| rows.iter().any(|row| row.id == *id)));
}
