//! Trouble with the database: rights, poolers, time-outs, crashes, read-only.

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bricola_layers::feature::FeatureId;
use bricola_layers::store::{Edit, PostgisOptions, PostgisStore, RedactedUrl, Replacement as _, Store, StoreError};
use futures::{StreamExt, pin_mut};

use super::{LAYER, empty, heard, options, psql};
use crate::cluster::{Cluster, cluster};
use crate::sample::{all, insert, parcel, parcels, with_parcels};

#[tokio::test(flavor = "multi_thread")]
async fn roles_have_the_rights_they_need_and_no_more() {
    let (store, database) = empty().await;
    with_parcels(&store, 2).await;
    let seq = store.last_seq().await.expect("answers");
    let as_role = |role: &str, sql: &str| format!("SET ROLE bricola_{role}; {sql}");
    let refused = |role: &'static str, sql: &'static str| {
        let (database, sql) = (database.clone(), as_role(role, sql));
        tokio::task::spawn_blocking(move || {
            let error = cluster().try_sql(&database, &sql).expect_err(&sql);
            assert!(error.contains("permission denied") || error.contains("must be owner"), "{sql}: {error}");
        })
    };
    psql(&database, as_role("reader", "SELECT * FROM city.test_parcels; SELECT * FROM city_history.test_parcels"))
        .await;
    psql(&database, as_role("writer", "UPDATE city.test_parcels SET area = 3 WHERE fid = 1")).await;
    assert_eq!(heard(&store, seq).await.len(), 1);
    for (role, sql) in [
        ("reader", "UPDATE city.test_parcels SET area = 3"),
        ("reader", "DELETE FROM bricola.changes"),
        ("writer", "DELETE FROM city_history.test_parcels"),
        (
            "writer",
            "INSERT INTO bricola.pending (transaction, tenant, layer, operation) VALUES (1, 'a', 'b', 'replace')",
        ),
        ("writer", "SELECT bricola.report('city', 'test-parcels', 'replace', NULL)"),
        ("writer", "UPDATE bricola.clock SET seq = 0"),
        ("writer", "DROP TABLE city.test_parcels"),
        ("writer", "TRUNCATE city.test_parcels"),
    ] {
        refused(role, sql).await.expect("psql");
    }
    // A server of a role that may only read and follow.
    psql(&database, "CREATE ROLE onlooker LOGIN; GRANT bricola_reader TO onlooker").await;
    let url = cluster().url(&database).replace("bricola@", "onlooker@");
    let onlooker = PostgisStore::open(PostgisOptions::new(RedactedUrl::new(url), "city")).await.expect("opens");
    assert_eq!(all(&onlooker, LAYER).await.len(), 2);
    let seq = onlooker.last_seq().await.expect("answers");
    insert(&store, LAYER, vec![parcel("8", 1, 1.0)]).await;
    assert_eq!(heard(&onlooker, seq).await.len(), 1);
    let refused = onlooker.write(LAYER, vec![Edit::Insert(parcel("8", 2, 1.0))]).await;
    assert!(refused.is_err(), "{refused:?}");
}

/// A pooler in transaction mode before the cluster of the tests.
struct Pooler {
    process: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Drop for Pooler {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Pooler {
    fn start(server: u16) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let probe = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = probe.local_addr().expect("an address").port();
        drop(probe);
        let (users, settings) = (folder.path().join("users"), folder.path().join("pgbouncer.ini"));
        std::fs::write(&users, "\"bricola\" \"\"\n").expect("writes");
        let text = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = trust\nauth_file = {}\npool_mode = transaction\ndefault_pool_size = 3\n",
            users.display()
        );
        std::fs::write(&settings, text).expect("writes");
        for path in [folder.path(), &users, &settings] {
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(path, mode).expect("lets others read");
        }
        let root = Command::new("id").arg("-u").output().expect("id").stdout.starts_with(b"0\n");
        let mut command = Command::new("/usr/sbin/pgbouncer");
        if root {
            command.args(["-u", "postgres"]);
        }
        let process = command.arg(&settings).stderr(Stdio::null()).spawn().expect("pgbouncer");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "no pooler");
            std::thread::sleep(Duration::from_millis(50));
        }
        Self { process, port, _folder: folder }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_may_stand_between() {
    let (direct, database) = empty().await;
    with_parcels(&direct, 500).await;
    let pooler = Pooler::start(cluster().port);
    let url = |port: u16| RedactedUrl::new(format!("postgres://bricola@127.0.0.1:{port}/{database}"));
    let through =
        PostgisOptions { listen_url: Some(url(cluster().port)), ..PostgisOptions::new(url(pooler.port), "city") };
    let store = PostgisStore::open(through).await.expect("opens");
    // More at a time than the pooler has connections: sessions change hands all the while.
    let mut tasks = Vec::new();
    for writer in 0..8_u32 {
        let store = store.clone();
        tasks.push(tokio::spawn(async move {
            for number in 0..10 {
                let ids = insert(&store, LAYER, vec![parcel(&format!("w{writer}"), number, 1.0)]).await;
                assert_eq!(store.features(LAYER, &ids).await.expect("reads").len(), 1);
            }
        }));
    }
    let mut replacement = store.replace(LAYER).await.expect("begins");
    replacement.push((0..300).map(|number| parcel("new", number, 2.0)).collect()).await.expect("takes");
    for task in tasks {
        task.await.expect("writes");
    }
    let seq = store.last_seq().await.expect("answers");
    replacement.commit().await.expect("commits");
    assert_eq!(heard(&store, seq).await.len(), 1);
    assert_eq!(all(&store, LAYER).await.len(), 300);
    // Heard over the listener's own connection, though it looks but once a second when nobody rings.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let seq = store.last_seq().await.expect("answers");
    let waiting = tokio::spawn({
        let store = store.clone();
        async move {
            store.changed(seq).await.expect("wakes");
            Instant::now()
        }
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    psql(&database, "DELETE FROM city.test_parcels WHERE number = '7'").await;
    let told = Instant::now();
    let delay = waiting.await.expect("wakes").saturating_duration_since(told);
    assert!(delay < Duration::from_millis(300), "{delay:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_have_a_limit_and_dropped_ones_end_in_the_database() {
    let (patient, database) = empty().await;
    with_parcels(&patient, 20_000).await;
    let short = PostgisOptions { statement: Duration::from_millis(300), ..options(&database) };
    let store = PostgisStore::open(short).await.expect("opens");
    let held = tokio::spawn({
        let database = database.clone();
        async move { psql(&database, "BEGIN; LOCK TABLE city.test_parcels; SELECT pg_sleep(1.5)").await }
    });
    tokio::time::sleep(Duration::from_millis(500)).await;
    let started = Instant::now();
    assert!(matches!(store.features(LAYER, &[1]).await, Err(StoreError::Timeout)));
    assert!(started.elapsed() < Duration::from_secs(1));
    held.await.expect("psql");
    assert_eq!(store.features(LAYER, &[1]).await.expect("reads").len(), 1);
    let rows = store.scan(LAYER, FeatureId::MIN..FeatureId::MAX);
    {
        pin_mut!(rows);
        assert!(rows.next().await.is_some());
    }
    let active = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%' \
                  AND state = 'active'";
    let started = Instant::now();
    while psql(&database, active).await.trim() != "0" {
        assert!(started.elapsed() < Duration::from_secs(3), "the scan of nobody goes on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_read_only_or_full_is_named_and_read_from() {
    let (store, database) = empty().await;
    with_parcels(&store, 3).await;
    drop(store);
    psql(&database, format!("ALTER DATABASE {database} SET default_transaction_read_only = on")).await;
    let store = PostgisStore::open(options(&database)).await.expect("opens: everything is there already");
    assert_eq!(all(&store, LAYER).await.len(), 3);
    let seq = store.last_seq().await.expect("answers");
    let refused = store.write(LAYER, vec![Edit::Insert(parcel("8", 1, 1.0))]).await;
    assert!(matches!(refused, Err(StoreError::ReadOnly)), "{refused:?}");
    assert_eq!(store.last_seq().await.expect("answers"), seq);
    // Nobody else gets a connection: refused in time, and well again afterwards.
    let (_, crowded) = empty().await;
    let few = PostgisOptions { connections: 2, acquire: Duration::from_millis(300), ..options(&crowded) };
    let store = PostgisStore::open(few).await.expect("opens");
    store.define(&parcels()).await.expect("defines");
    let held = [store.replace(LAYER).await.expect("begins"), store.replace(LAYER).await.expect("begins")];
    let refused = store.features(LAYER, &[1]).await;
    assert!(matches!(refused, Err(StoreError::Unreachable(_))), "{refused:?}");
    drop(held);
    let started = Instant::now();
    while store.features(LAYER, &[1]).await.is_err() {
        assert!(started.elapsed() < Duration::from_secs(5), "connections come back");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_of_the_database_loses_nothing_and_is_recovered_from() {
    let own = tokio::task::spawn_blocking(|| Cluster::start("")).await.expect("starts");
    let database = own.database();
    let url = RedactedUrl::new(own.url(&database));
    let patient = PostgisOptions { acquire: Duration::from_millis(500), ..PostgisOptions::new(url.clone(), "city") };
    let store = PostgisStore::open(patient).await.expect("opens");
    with_parcels(&store, 10).await;
    let start = store.last_seq().await.expect("answers");
    let mut sure = 0;
    for round in 0..3 {
        let writing = tokio::spawn({
            let store = store.clone();
            async move {
                for number in 0_u32.. {
                    let edit = Edit::Insert(parcel(&format!("r{round}"), number, 1.0));
                    if store.write(LAYER, vec![edit]).await.is_err() {
                        return number as usize;
                    }
                }
                0
            }
        });
        tokio::time::sleep(Duration::from_millis(250)).await;
        own.crash();
        sure += writing.await.expect("ends");
        let away = store.features(LAYER, &[1]).await;
        assert!(matches!(away, Err(StoreError::Unreachable(_))), "{away:?}");
        own.restart("");
        let started = Instant::now();
        while let Err(error) = store.last_seq().await {
            assert!(error.is_temporary(), "{error}");
            assert!(started.elapsed() < Duration::from_secs(10), "no recovery: {error}");
        }
        let seq = store.last_seq().await.expect("answers");
        let rows = all(&store, LAYER).await.len();
        // The write that the crash cut off may have been committed or not.
        assert!((10 + sure..=10 + sure + 1 + round).contains(&rows), "{rows} {sure}");
        let changes = store.changes(start, 100_000).await.expect("reads");
        assert_eq!(changes.len(), rows - 10, "the log tells of every row that is there");
        assert!(changes.iter().enumerate().all(|(place, change)| change.seq == start + 1 + place as i64));
        // The listener has found its way back by itself.
        insert(&store, LAYER, vec![parcel(&format!("after{round}"), 1, 1.0)]).await;
        sure += 1;
        tokio::time::timeout(Duration::from_secs(8), store.changed(seq)).await.expect("in time").expect("wakes");
    }
    let later = PostgisStore::open_later(PostgisOptions::new(url, "city"));
    assert_eq!(all(&later, LAYER).await.len(), all(&store, LAYER).await.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_database_of_ours_is_told_in_words_that_help() {
    let (_, database) = empty().await;
    let wrong = |url: String, tenant: &str| PostgisOptions {
        acquire: Duration::from_secs(1),
        ..PostgisOptions::new(RedactedUrl::new(url), tenant)
    };
    let port = cluster().port;
    for (options, expected) in [
        (wrong("postgres://bricola:topsecret@127.0.0.1:1/x".to_owned(), "city"), "cannot be reached"),
        (wrong(format!("postgres://bricola:topsecret@127.0.0.1:{port}/nowhere"), "city"), "refuses us"),
        (wrong(cluster().url(&database), "Città"), "cannot be the name of a schema"),
        (wrong(cluster().url(&database), "public"), "cannot be the name of a schema"),
        (wrong("mysql://bricola:topsecret@127.0.0.1/x".to_owned(), "city"), "postgres://user"),
    ] {
        let error = PostgisStore::open(options.clone()).await.err().expect("refused").to_string();
        assert!(error.contains(expected), "{error}");
        assert!(!error.contains("topsecret") && !format!("{options:?}").contains("topsecret"), "{error}");
    }
}
