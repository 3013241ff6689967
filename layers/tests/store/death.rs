//! A loader that is killed, at any moment.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bricola_layers::feature::Feature;
use bricola_layers::store::{GeoPackageStore, OpenMode, Replacement, Store};
use rusqlite::Connection;

use super::sample::{all, insert, parcel, parcels};
use super::{geopackage, path};

/// Where the child of [`a_loader_killed_at_any_moment_leaves_the_old_rows_or_the_new_ones`] finds the store.
const STORE: &str = "BRICOLA_TEST_STORE_TO_LOAD";
const LAYER: &str = "test-parcels";
const ROWS: u32 = 12_000;
const ROUNDS: u32 = 18;

fn rows(round: u32) -> Vec<Feature> {
    // Every third row stays the same from round to round, some come and go.
    (round * 10..ROWS + round * 10)
        .map(|number| parcel("7", number, if number % 3 == 0 { 1.0 } else { f64::from(round) }))
        .collect()
}

async fn load(store: &GeoPackageStore, round: u32) {
    let mut replacement = store.replace(LAYER).await.expect("begins");
    for batch in rows(round).chunks(1_000) {
        replacement.push(batch.to_vec()).await.expect("takes");
    }
    replacement.commit().await.expect("commits");
}

/// Alone, a load like any other; as the child of the test below, one load after the other until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn one_load_after_the_other() {
    if let Some(path) = std::env::var_os(STORE) {
        let store = GeoPackageStore::open(Path::new(&path), OpenMode::ReadWrite).await.expect("opens");
        let started = Instant::now();
        println!("loading");
        for round in 0.. {
            if started.elapsed() > Duration::from_secs(60) {
                return;
            }
            load(&store, round).await;
        }
    }
    let (store, _folder) = geopackage().await;
    store.define(&parcels()).await.expect("defines");
    for round in 1..3 {
        load(&store, round).await;
    }
    let found = all(&store, LAYER).await;
    assert_eq!(found.iter().filter(|row| row.version == 2).count(), (ROWS as usize - 10) * 2 / 3);
}

/// True when the rows are those of one round, the whole of them.
fn is_whole(found: &[Feature]) -> bool {
    let round = found.iter().map(|feature| match &feature.properties[2] {
        bricola_layers::feature::Value::Real(area) => *area as u32,
        _ => 0,
    });
    let mut found = found.to_vec();
    let number = |feature: &Feature| feature.properties[1].as_text().and_then(|text| text.parse::<u32>().ok());
    let round = round.max().unwrap_or(0);
    found.sort_by_key(number);
    // Round 1 looks like round 0 but for its numbers.
    [round, 0].iter().any(|round| found == rows(*round))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loader_killed_at_any_moment_leaves_the_old_rows_or_the_new_ones() {
    let (store, folder) = geopackage().await;
    store.define(&parcels()).await.expect("defines");
    load(&store, 0).await;
    let mut moments = std::collections::BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().expect("is running"))
            .args(["--exact", "death::one_load_after_the_other", "--nocapture"])
            .env(STORE, path(&folder))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("starts");
        wait_until_it_loads(&mut child);
        std::thread::sleep(Duration::from_millis(u64::from(round * 137 % 1_009)));
        child.kill().expect("is killed");
        child.wait().expect("ends");

        let found: Vec<_> = all(&store, LAYER).await.into_iter().map(|row| row.feature).collect();
        assert!(is_whole(&found), "round {round}: {} rows", found.len());
        let left = leftovers(&path(&folder));
        *moments.entry(left).or_insert(0) += 1;
        let check = Connection::open(path(&folder)).expect("opens");
        let answer: String = check.query_row("PRAGMA integrity_check", (), |row| row.get(0)).expect("checks");
        assert_eq!(answer, "ok");
        // The next opening clears away what the dead one left; the layer goes on.
        let next = GeoPackageStore::open(path(&folder), OpenMode::ReadWrite).await.expect("opens");
        assert_eq!(leftovers(&path(&folder)), 0);
        let id = insert(&next, LAYER, vec![parcel("killed", round, 1.0)]).await[0];
        let delete = bricola_layers::store::Edit::Delete { id, expected: Some(1) };
        next.write(LAYER, vec![delete]).await.expect("deletes");
    }
    assert!(moments.contains_key(&1), "no child died while it was loading: {moments:?}");
}

fn wait_until_it_loads(child: &mut std::process::Child) {
    use std::io::BufRead;
    let mut lines = std::io::BufReader::new(child.stdout.take().expect("is piped")).lines();
    assert!(lines.any(|line| line.is_ok_and(|line| line.contains("loading"))), "the child did not come to load");
}

/// Staging tables in the file.
fn leftovers(path: &Path) -> i64 {
    let file = Connection::open(path).expect("opens");
    let sql = "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name GLOB 'bricola_staging_*'";
    file.query_row(sql, (), |row| row.get(0)).expect("counts")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_staging_table_of_a_living_loader_is_left_alone() {
    let (store, folder) = geopackage().await;
    store.define(&parcels()).await.expect("defines");
    let mut replacement = store.replace(LAYER).await.expect("begins");
    replacement.push(rows(0)).await.expect("takes");
    let other = super::open(&folder).await;
    assert_eq!(leftovers(&path(&folder)), 1);
    replacement.commit().await.expect("commits");
    assert_eq!(all(&other, LAYER).await.len(), ROWS as usize);
    let locks = || {
        let names =
            std::fs::read_dir(folder.path()).expect("is there").map(|entry| entry.expect("an entry").file_name());
        names.filter(|name| name.to_string_lossy().contains("-load-")).count()
    };
    for _ in 0..100 {
        if locks() == 0 {
            break;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!((locks(), leftovers(&path(&folder))), (0, 0));
}
