//! The warm start: what was kept on disk is what was in memory, and only that.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{Snapshot, Territory, Warm, follow_from, read_layer};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Replacement, Store};
use bricola_layers::tile::{Tile, TileId};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::canonical::{anything, drawn, tiles};
use super::common::{definition, numbers};

const CROWDED: &str = "zoom = { min = 3, max = 14 }\ntile_budget = 4000\nrank = \"count\"";
const ADDRESS: &str = "here";

/// A server's cache with a folder to keep it in.
struct Server {
    territory: Territory,
    end: watch::Sender<bool>,
    follower: JoinHandle<()>,
}

impl Server {
    fn start(store: &Arc<GeoPackageStore>, folder: &Path) -> Self {
        Self::start_every(store, folder, Duration::from_secs(3600))
    }

    fn start_every(store: &Arc<GeoPackageStore>, folder: &Path, every: Duration) -> Self {
        let territory = Territory::default();
        let (end, ends) = watch::channel(false);
        let warm = Warm::open(folder, ADDRESS).expect("a folder");
        let follower = tokio::spawn(follow_from(Arc::clone(store), territory.clone(), warm, every, ends));
        Self { territory, end, follower }
    }

    async fn end(self) {
        self.end.send_replace(true);
        self.follower.await.expect("ends");
    }

    /// Waits until the layer reflects the log's end.
    async fn caught_up(&self, store: &GeoPackageStore) -> Arc<Snapshot> {
        let end = store.last_seq().await.expect("answers");
        let started = Instant::now();
        loop {
            let layer = self.territory.layer("things");
            if let Some(snapshot) = layer.and_then(|layer| layer.snapshot())
                && self.territory.seq() >= end
                && {
                    let health = self.territory.health();
                    health.contact_ms > 0 && !health.behind
                }
            {
                return snapshot;
            }
            assert!(started.elapsed() < Duration::from_secs(10), "not caught up");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn reads(&self) -> u64 {
        self.territory.layer("things").expect("a layer").state().reads
    }
}

struct House {
    folder: tempfile::TempDir,
    store: Arc<GeoPackageStore>,
    next: Box<dyn FnMut() -> f64 + Send>,
}

impl House {
    async fn with(features: usize, text: &str, seed: u64) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let store = GeoPackageStore::open(&folder.path().join("bricola.gpkg"), OpenMode::ReadWrite).await;
        let store = Arc::new(store.expect("a store"));
        store.define(&definition("geometry", &format!("label = \"name\"\n{text}"))).await.expect("defined");
        let mut house = Self { folder, store, next: Box::new(numbers(seed)) };
        house.replace(features).await;
        house
    }

    async fn replace(&mut self, features: usize) {
        let mut replacement = self.store.replace("things").await.expect("a replacement");
        let rows = (0..features).map(|index| anything(&mut self.next, index as i64)).collect();
        replacement.push(rows).await.expect("pushed");
        replacement.commit().await.expect("committed");
    }

    fn warm(&self) -> PathBuf {
        self.folder.path().join("warm")
    }

    /// Edits some features, removes some, adds some.
    async fn edit(&mut self, count: usize) {
        let ids: Vec<i64> = self.fresh().await.rows().map(|row| row.id()).collect();
        let mut edits = Vec::new();
        for step in 0..count {
            let id = ids[((self.next)() * ids.len() as f64) as usize];
            let feature = anything(&mut self.next, step as i64);
            edits.push(match step % 4 {
                0 => Edit::Insert(feature),
                _ => Edit::Update { id, expected: None, feature },
            });
        }
        edits.push(Edit::Delete { id: ids[0], expected: None });
        self.store.write("things", edits).await.expect("written");
    }

    async fn fresh(&self) -> Snapshot {
        read_layer(&self.store, "things").await.expect("read").expect("a layer")
    }

    /// The snapshot is what is in the store, and is drawn as one that was read a moment ago.
    async fn compare(&self, snapshot: &Snapshot) {
        let fresh = self.fresh().await;
        assert_eq!(snapshot.len(), fresh.len());
        assert_eq!(rows(snapshot), rows(&fresh));
        for tile in tiles() {
            assert_eq!(drawn(snapshot, tile), drawn(&fresh, tile), "{tile:?}");
        }
    }
}

fn rows(snapshot: &Snapshot) -> BTreeMap<i64, String> {
    let describe = |row: bricola_layers::cache::RowRef| {
        let geometry = row.base.geometry().geometry(row.row, bricola_layers::cache::CoordinateGrid::unpack);
        let values: Vec<_> = (0..3).map(|field| row.base.value(row.row, field).to_value()).collect();
        format!("{} {geometry:?} {values:?}", row.base.version(row.row))
    };
    snapshot.rows().map(|row| (row.id(), describe(row))).collect()
}

fn sheet(snapshot: &Snapshot) -> BTreeMap<TileId, [Tile; 2]> {
    tiles().map(|tile| (tile, drawn(snapshot, tile))).collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| !path.ends_with("lock")).collect();
    files.sort();
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_server_has_what_it_had_and_reads_only_what_changed_since() {
    let mut house = House::with(1_500, CROWDED, 51).await;
    let server = Server::start(&house.store, &house.warm());
    server.caught_up(&house.store).await;
    house.edit(60).await;
    let before = server.caught_up(&house.store).await;
    server.end().await;
    assert!(files(&house.warm()).iter().any(|file| file.extension().is_some_and(|end| end == "changes")));
    // Twice: what was revived is kept again as it was.
    for round in 0..2 {
        let server = Server::start(&house.store, &house.warm());
        let after = server.caught_up(&house.store).await;
        assert_eq!((after.seq(), after.len(), server.reads()), (before.seq(), before.len(), 0), "round {round}");
        assert_eq!(sheet(&after), sheet(&before), "round {round}");
        house.compare(&after).await;
        server.end().await;
    }
    house.edit(40).await;
    let server = Server::start(&house.store, &house.warm());
    let after = server.caught_up(&house.store).await;
    assert_eq!(server.reads(), 0);
    house.compare(&after).await;
    // And goes on following.
    for _ in 0..5 {
        house.edit(20).await;
        let after = server.caught_up(&house.store).await;
        house.compare(&after).await;
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_or_redefined_layer_is_not_taken_from_the_disk() {
    let mut house = House::with(300, CROWDED, 52).await;
    let server = Server::start(&house.store, &house.warm());
    server.caught_up(&house.store).await;
    server.end().await;
    house.replace(200).await;
    let server = Server::start(&house.store, &house.warm());
    let after = server.caught_up(&house.store).await;
    house.compare(&after).await;
    server.end().await;
    house
        .store
        .define(&definition("geometry", "zoom = { min = 4, max = 12 }\nlabel = \"name\""))
        .await
        .expect("defined");
    let server = Server::start(&house.store, &house.warm());
    let after = server.caught_up(&house.store).await;
    assert_eq!((after.definition().zoom.min, server.reads() > 0), (4, true));
    server.end().await;
    house.store.drop_layer("things").await.expect("dropped");
    let server = Server::start(&house.store, &house.warm());
    let started = Instant::now();
    while server.territory.layer("things").is_some() || server.territory.health().contact_ms == 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "a dropped layer comes back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_store_left_is_not_served() {
    let house = House::with(300, CROWDED, 53).await;
    let server = Server::start(&house.store, &house.warm());
    server.caught_up(&house.store).await;
    server.end().await;
    let other = House::with(100, CROWDED, 54).await;
    let server = Server::start(&other.store, &house.warm());
    let after = server.caught_up(&other.store).await;
    assert_eq!((after.len(), server.reads()), (100, 1));
    other.compare(&after).await;
    server.end().await;
}

/// The log of a store that was put back to a copy of before: its numbers come again with other meanings.
#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_put_back_is_read_anew() {
    let mut house = House::with(300, CROWDED, 55).await;
    let path = house.folder.path().join("bricola.gpkg");
    let copy = house.folder.path().join("copy.gpkg");
    let done = std::process::Command::new("sqlite3").arg(&path).arg(format!(".backup '{}'", copy.display())).status();
    assert!(done.expect("sqlite3 runs").success());
    house.edit(30).await;
    let server = Server::start(&house.store, &house.warm());
    server.caught_up(&house.store).await;
    server.end().await;
    house.store = Arc::new(GeoPackageStore::open(&copy, OpenMode::ReadWrite).await.expect("a store"));
    for more in [0, 35] {
        house.edit(more).await;
        let server = Server::start(&house.store, &house.warm());
        let after = server.caught_up(&house.store).await;
        house.compare(&after).await;
        server.territory.layer("things").expect("a layer");
        drop(server);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_leaves_what_it_kept_last() {
    let mut house = House::with(300, CROWDED, 56).await;
    for round in 0..6 {
        let server = Server::start_every(&house.store, &house.warm(), Duration::from_millis(30));
        house.edit(20).await;
        server.caught_up(&house.store).await;
        tokio::time::sleep(Duration::from_millis(17 * round)).await;
        server.follower.abort();
        assert!(server.follower.await.is_err());
        let server = Server::start(&house.store, &house.warm());
        let after = server.caught_up(&house.store).await;
        house.compare(&after).await;
        server.end().await;
    }
}

/// Whatever is damaged: never another answer than the store's.
#[tokio::test(flavor = "multi_thread")]
async fn damage_costs_a_read_and_nothing_else() {
    let mut house = House::with(400, CROWDED, 57).await;
    let server = Server::start(&house.store, &house.warm());
    server.caught_up(&house.store).await;
    house.edit(50).await;
    server.caught_up(&house.store).await;
    server.end().await;
    let sound: Vec<(PathBuf, Vec<u8>)> =
        files(&house.warm()).into_iter().map(|path| (path.clone(), std::fs::read(path).expect("read"))).collect();
    assert_eq!(sound.len(), 3, "a manifest, a base and its changes");
    let mut refused = 0;
    for round in 0..60 {
        let (path, bytes) = &sound[round % 3];
        let at = ((house.next)() * bytes.len() as f64) as usize;
        let mut damaged = bytes.clone();
        match round / 3 % 4 {
            0 => damaged[at] ^= 1 << ((house.next)() * 8.0) as u8,
            1 => damaged.truncate(at),
            2 => damaged.extend_from_slice(&bytes[at..]),
            _ => damaged[at..].fill(0xff),
        }
        for (path, bytes) in &sound {
            std::fs::write(path, bytes).expect("written");
        }
        std::fs::write(path, damaged).expect("written");
        let server = Server::start(&house.store, &house.warm());
        let after = server.caught_up(&house.store).await;
        refused += server.reads();
        house.compare_rows(&after).await;
        server.follower.abort();
        let _ = server.follower.await;
    }
    // A manifest or a file without its head is refused, and what is cut off or flipped by its checksums.
    assert!(refused >= 58, "{refused} of 60");
    std::fs::remove_file(&sound[0].0).expect("removed");
    let server = Server::start(&house.store, &house.warm());
    let after = server.caught_up(&house.store).await;
    house.compare(&after).await;
    server.end().await;
}

impl House {
    async fn compare_rows(&self, snapshot: &Snapshot) {
        assert_eq!(rows(snapshot), rows(&self.fresh().await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_servers_on_one_folder_do_not_spoil_it() {
    let mut house = House::with(300, CROWDED, 58).await;
    let often = Duration::from_millis(20);
    let [first, second] = [0, 1].map(|_| Server::start_every(&house.store, &house.warm(), often));
    for _ in 0..10 {
        house.edit(10).await;
        first.caught_up(&house.store).await;
        second.caught_up(&house.store).await;
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    second.end().await;
    first.end().await;
    let server = Server::start(&house.store, &house.warm());
    let after = server.caught_up(&house.store).await;
    assert_eq!(server.reads(), 0);
    house.compare(&after).await;
    server.end().await;
}
