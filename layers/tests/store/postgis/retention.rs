//! The log and the past of a database are let go of apart from one another.

use bricola_layers::store::{Edit, Pruning, Store, StoreError};
use chrono::{TimeDelta, Utc};

use super::{LAYER, empty, open, psql};
use crate::sample::{all, all_at, parcel, with_parcels};

#[tokio::test(flavor = "multi_thread")]
async fn the_past_outlives_the_log() {
    let (store, database) = empty().await;
    let ids = with_parcels(&store, 2).await;
    let mut states = Vec::new();
    for area in 1..10 {
        let update = |area| Edit::Update { id: ids[0], expected: None, feature: parcel("7", 1, f64::from(area)) };
        store.write(LAYER, vec![update(area + 10), update(area + 100)]).await.expect("writes");
        states.push((store.last_seq().await.expect("answers"), all(&store, LAYER).await));
    }
    let soon = Some(Utc::now() + TimeDelta::days(1));
    // Two servers at a time, and one that only reads.
    let other = open(&database).await;
    let pruning = Pruning { log_before: soon, past_before: None };
    let (one, two) = tokio::join!(store.prune(pruning), other.prune(pruning));
    let (one, two) = (one.expect("prunes"), two.expect("prunes"));
    assert_eq!((one.log_from, one.log_from), (two.log_from, states[8].0 - 1));
    assert!(one.changes + two.changes > 8, "{one:?} {two:?}");
    for (seq, state) in &states {
        assert_eq!(&all_at(&store, LAYER, *seq).await, state);
        let known_by = store.layer_seq(LAYER, *seq).await.expect("answers");
        assert_eq!(&all_at(&store, LAYER, known_by).await, state);
    }
    let within = store.features_at(LAYER, &ids, states[3].0 - 1).await;
    assert!(matches!(within, Err(StoreError::Pruned { first }) if first == states[3].0), "{within:?}");
    let pruned = store.prune(Pruning { log_before: None, past_before: soon }).await.expect("prunes");
    assert_eq!(pruned.states, 18);
    let left = psql(&database, "SELECT count(*) FROM bricola.transactions").await;
    assert_eq!(left.trim(), "1");
    assert_eq!(all_at(&store, LAYER, states[8].0).await, states[8].1);
    assert!(store.features_at(LAYER, &ids, states[7].0).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_acknowledges_but_sees_no_key_and_moves_nobody_by_hand() {
    let (store, database) = empty().await;
    with_parcels(&store, 2).await;
    let seq = store.last_seq().await.expect("answers");
    let key = store.register("tributi", seq - 1, Some(30)).await.expect("registers");
    let as_reader = |sql: String| {
        let (database, sql) = (database.clone(), format!("SET ROLE bricola_reader; {sql}"));
        tokio::task::spawn_blocking(move || crate::cluster::cluster().try_sql(&database, &sql))
    };
    for sql in
        ["SELECT key FROM bricola.followers", "UPDATE bricola.followers SET seq = 0", "DELETE FROM bricola.followers"]
    {
        as_reader(sql.to_owned()).await.expect("psql").expect_err("refused");
    }
    let sql = format!("SELECT bricola.acknowledge('tributi', '{key}', {seq})");
    as_reader(sql).await.expect("psql").expect("may acknowledge");
    assert_eq!(store.followers().await.expect("lists")[0].seq, seq);
    // One that has not been heard of for longer than it was to be waited for is not waited for, and may come back.
    psql(&database, "UPDATE bricola.followers SET seq = 1, seen = now() - interval '31 days'").await;
    let pruning = Pruning { log_before: Some(Utc::now() + TimeDelta::days(1)), past_before: None };
    assert_eq!(store.prune(pruning).await.expect("prunes").log_from, seq - 1);
    assert!(store.acknowledge("tributi", &key, seq).await.expect("answers"));
    assert!(store.followers().await.expect("lists")[0].is_waited_for(Utc::now()));
}
