//! Files that are no stores, or no longer: refused with what is wrong and what to do, and never written to.

use std::fs;
use std::path::PathBuf;

use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store, StoreError};
use rusqlite::Connection;
use tempfile::TempDir;

use super::sample::{all, insert, parcel, with_parcels};
use super::{geopackage, open, path};

async fn refusal(path: PathBuf, mode: OpenMode) -> String {
    match GeoPackageStore::open(&path, mode).await {
        Err(StoreError::Unusable(reason)) => {
            assert!(reason.starts_with(&path.display().to_string()), "{reason}");
            reason
        }
        Err(other) => panic!("{other:?}"),
        Ok(_) => panic!("opened {}", path.display()),
    }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// A closed store of a few pages, all in one file.
async fn closed() -> TempDir {
    let (store, folder) = geopackage().await;
    with_parcels(&store, 200).await;
    drop(store);
    let file = Connection::open(path(&folder)).expect("opens");
    file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(())).expect("brings the journal in");
    folder
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = folder();
    fs::write(path(&folder), "just a text that somebody named .gpkg").expect("writes");
    assert!(refusal(path(&folder), OpenMode::ReadWrite).await.contains("no SQLite database"));
    assert_eq!(fs::read(path(&folder)).expect("is there"), b"just a text that somebody named .gpkg");
    assert!(refusal(folder.path().to_path_buf(), OpenMode::ReadWrite).await.contains("folder"));
    assert!(refusal(folder.path().join("no/such/store.gpkg"), OpenMode::ReadWrite).await.contains("does not exist"));
    assert!(refusal(folder.path().join("none.gpkg"), OpenMode::ReadOnly).await.contains("no such file"));
}

#[tokio::test]
async fn a_cut_file_is_refused() {
    let folder = closed().await;
    let whole = fs::read(path(&folder)).expect("is there");
    for length in [whole.len() / 2, whole.len() - 8192, whole.len() - 1, 4096, 50] {
        fs::write(path(&folder), &whole[..length]).expect("writes");
        let reason = refusal(path(&folder), OpenMode::ReadWrite).await;
        assert!(
            reason.contains("damaged") || reason.contains("cut short") || reason.contains("no SQLite database"),
            "{length}: {reason}"
        );
        assert_eq!(fs::metadata(path(&folder)).expect("is there").len(), length as u64);
    }
}

#[tokio::test]
async fn a_file_with_a_broken_page_is_refused_or_says_so_when_it_is_read() {
    let folder = closed().await;
    let whole = fs::read(path(&folder)).expect("is there");
    for page in 0..whole.len() / 4096 {
        let mut broken = whole.clone();
        broken[page * 4096 + usize::from(page == 0) * 100..][..2000].fill(0xa5);
        fs::write(path(&folder), &broken).expect("writes");
        match GeoPackageStore::open(path(&folder), OpenMode::ReadOnly).await {
            Err(StoreError::Unusable(reason)) => assert!(!reason.is_empty()),
            Err(other) => panic!("{other:?}"),
            Ok(store) => {
                // Whatever page it is, an answer or an error comes, no panic.
                let _ = store.layers().await;
                let _ = store.features("test-parcels", &[1, 100, 200]).await;
                let _ = store.changes(0, 1_000).await;
            }
        }
    }
}

#[tokio::test]
async fn other_databases_and_geopackages_are_told_apart() {
    let folder = folder();
    let file = Connection::open(path(&folder)).expect("opens");
    file.execute_batch("CREATE TABLE addresses (name TEXT)").expect("creates");
    assert!(refusal(path(&folder), OpenMode::ReadWrite).await.contains("no GeoPackage"));
    file.execute_batch("PRAGMA application_id = 1196444487").expect("sets");
    assert!(refusal(path(&folder), OpenMode::ReadWrite).await.contains("bricola load"));
}

#[tokio::test]
async fn a_store_of_a_newer_version_is_refused_and_left_alone() {
    let folder = closed().await;
    let file = Connection::open(path(&folder)).expect("opens");
    file.execute_batch(
        "INSERT INTO _sqlx_migrations SELECT 9999, 'to come', installed_on, 1, checksum, 0 FROM _sqlx_migrations LIMIT 1",
    )
    .expect("inserts");
    for mode in [OpenMode::ReadWrite, OpenMode::ReadOnly] {
        assert!(refusal(path(&folder), mode).await.contains("newer version"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_opened_for_reading_reads_follows_and_does_not_write() {
    let (writer, folder) = geopackage().await;
    with_parcels(&writer, 3).await;
    let reader = GeoPackageStore::open(path(&folder), OpenMode::ReadOnly).await.expect("opens");
    assert_eq!(all(&reader, "test-parcels").await.len(), 3);
    let refused = reader.write("test-parcels", vec![Edit::Insert(parcel("8", 1, 1.0))]).await;
    assert!(matches!(refused, Err(StoreError::Unusable(reason)) if reason.contains("reading only")));
    let seq = reader.last_seq().await.expect("answers");
    insert(&writer, "test-parcels", vec![parcel("8", 1, 1.0)]).await;
    tokio::time::timeout(std::time::Duration::from_secs(2), reader.changed(seq))
        .await
        .expect("in time")
        .expect("answers");
    assert_eq!(all(&reader, "test-parcels").await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_layer_whose_table_another_program_dropped_can_be_loaded_again() {
    let (store, folder) = geopackage().await;
    let old = with_parcels(&store, 3).await;
    let file = Connection::open(path(&folder)).expect("opens");
    file.execute_batch("DROP TABLE test_parcels").expect("drops");
    assert!(store.layers().await.expect("lists").is_empty());
    let new = with_parcels(&store, 3).await;
    assert!(new[0] > old[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_open_a_new_file_at_once() {
    let folder = folder();
    let opened = futures::future::join_all((0..6).map(|_| open(&folder))).await;
    for (number, store) in opened.iter().enumerate() {
        store.define(&super::sample::parcels()).await.expect("defines");
        insert(store, "test-parcels", vec![parcel("7", number as u32, 1.0)]).await;
    }
    assert_eq!(all(&opened[0], "test-parcels").await.len(), 6);
}
