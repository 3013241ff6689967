//! The cache follows the store: whoever writes, what is read from memory is what stands in the file.

#[path = "follow/canonical.rs"]
mod canonical;
mod common;
#[path = "follow/exact.rs"]
mod exact;
#[path = "follow/warm.rs"]
mod warm;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{CoordinateGrid, Snapshot, Territory, follow};
use bricola_layers::crs::{Crs, lonlat_to_world};
use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::query::{Place, at};
use bricola_layers::store::{Edit, Replacement, Store};
use bricola_layers::store::{GeoPackageStore, OpenMode};
use bricola_layers::tile::TileId;
use common::{definition, numbers};
use geo_types::{Geometry, Point, Rect};

fn square(x: f64, y: f64, side: f64) -> Geometry<f64> {
    // Stores take features that are already on the layer's grid.
    let snapped = |value: f64| (value * 1e8).round() / 1e8;
    let (low, high) = ((snapped(x), snapped(y)), (snapped(x + side), snapped(y + side)));
    Geometry::Polygon(Rect::new(low, high).to_polygon())
}

fn feature(geometry: Geometry<f64>, name: &str, count: i64) -> Feature {
    let properties = vec![Value::Text(name.to_owned()), Value::Integer(count), Value::Real(0.5)];
    Feature { geometry: Some(geometry), properties }
}

struct City {
    _folder: tempfile::TempDir,
    path: std::path::PathBuf,
    store: Arc<GeoPackageStore>,
    territory: Territory,
}

impl City {
    async fn with(features: Vec<Feature>) -> Self {
        Self::holding("polygon", features).await
    }

    async fn holding(kind: &str, features: Vec<Feature>) -> Self {
        Self::defined(&definition(kind, "label = \"name\""), features).await
    }

    async fn defined(definition: &LayerDefinition, features: Vec<Feature>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bricola.gpkg");
        let store = Arc::new(GeoPackageStore::open(&path, OpenMode::ReadWrite).await.expect("a store"));
        store.define(definition).await.expect("defined");
        let mut replacement = store.replace("things").await.expect("a replacement");
        replacement.push(features).await.expect("pushed");
        replacement.commit().await.expect("committed");
        let territory = Territory::default();
        tokio::spawn(follow(Arc::clone(&store), territory.clone()));
        let city = Self { _folder: folder, path, store, territory };
        city.until("the layer is ready", |_| true).await;
        city
    }

    fn snapshot(&self) -> Option<Arc<Snapshot>> {
        self.territory.layer("things")?.snapshot()
    }

    /// Waits at most two seconds, the promise for edits made elsewhere.
    async fn until(&self, what: &str, holds: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        let started = Instant::now();
        loop {
            if let Some(snapshot) = self.snapshot()
                && holds(&snapshot)
            {
                return snapshot;
            }
            assert!(started.elapsed() < Duration::from_secs(2), "not within two seconds: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn sqlite3(&self, sql: &str) {
        let output = std::process::Command::new("sqlite3")
            .args(["-cmd", ".timeout 20000"])
            .arg(&self.path)
            .arg(sql)
            .output()
            .expect("sqlite3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// What the cache says must be what the store says, feature by feature.
    async fn compare(&self) {
        let snapshot = self.snapshot().expect("ready");
        let ids: Vec<i64> = snapshot.rows().map(|row| row.id()).collect();
        let stored: BTreeMap<i64, _> = self
            .store
            .features("things", &(0..100_000).collect::<Vec<_>>())
            .await
            .expect("read")
            .into_iter()
            .map(|f| (f.id, f))
            .collect();
        assert_eq!(ids.len(), stored.len());
        assert_eq!(snapshot.len(), stored.len());
        for row in snapshot.rows() {
            let feature = &stored[&row.id()];
            let geometry = row.base.geometry().geometry(row.row, CoordinateGrid::unpack);
            assert_eq!(geometry, feature.feature.geometry, "feature {}", row.id());
            let values: Vec<Value> = (0..3).map(|field| row.base.value(row.row, field).to_value()).collect();
            assert_eq!(values, feature.feature.properties);
            assert_eq!(row.base.version(row.row), feature.version);
        }
    }
}

fn names_at(snapshot: &Snapshot, lonlat: [f64; 2]) -> Vec<String> {
    let place = Place::new(&Crs::epsg(4326).expect("known"), lonlat).expect("a place");
    let hits = at(snapshot, &place, 0.0, 1000).expect("an answer");
    hits.iter().map(|hit| hit.row.base.value(hit.row.row, 0).to_value().as_text().unwrap_or("").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_through_the_store_are_in_the_next_snapshot() {
    let city = City::with(
        (0..50).map(|i| feature(square(12.0 + 0.01 * f64::from(i), 45.0, 0.005), &format!("n{i}"), 1)).collect(),
    )
    .await;
    let before = city.snapshot().expect("ready");
    assert_eq!(names_at(&before, [12.002, 45.002]), ["n0"]);
    let first = before.rows().map(|row| row.id()).min().expect("a feature");
    let edits = vec![
        Edit::Update { id: first, expected: Some(1), feature: feature(square(13.0, 45.0, 0.005), "moved", 2) },
        Edit::Delete { id: first + 1, expected: None },
        Edit::Insert(feature(square(14.0, 45.0, 0.005), "new", 3)),
    ];
    let (_, seq) = city.store.write("things", edits).await.expect("written");
    let after = city.until("the edits", |snapshot| snapshot.seq() >= seq).await;
    assert_eq!(names_at(&after, [12.002, 45.002]), [""; 0]);
    assert_eq!(names_at(&after, [13.002, 45.002]), ["moved"]);
    assert_eq!(names_at(&after, [14.002, 45.002]), ["new"]);
    assert_eq!(names_at(&after, [12.012, 45.002]), [""; 0]);
    // Who still reads the old snapshot reads it whole.
    assert_eq!(names_at(&before, [12.002, 45.002]), ["n0"]);
    city.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_by_another_program_is_seen_within_two_seconds() {
    let city = City::with(vec![feature(square(12.0, 45.0, 0.01), "old", 1)]).await;
    city.sqlite3("UPDATE things SET name = 'by hand' WHERE name = 'old'");
    let after = city.until("the name", |snapshot| names_at(snapshot, [12.005, 45.005]) == ["by hand"]).await;
    assert_eq!(after.rows().next().map(|row| row.base.version(row.row)), Some(2));
    city.sqlite3("DELETE FROM things");
    city.until("the removal", Snapshot::is_empty).await;
    city.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_layer_is_read_anew() {
    let city = City::with(vec![feature(square(12.0, 45.0, 0.01), "old", 1)]).await;
    let mut replacement = city.store.replace("things").await.expect("a replacement");
    replacement
        .push((0..3000).map(|i| feature(square(12.5, 45.0 + 0.0001 * f64::from(i), 0.0001), "new", i.into())).collect())
        .await
        .expect("pushed");
    assert_eq!(names_at(&city.snapshot().expect("ready"), [12.005, 45.005]), ["old"]);
    replacement.commit().await.expect("committed");
    city.until("the new rows", |snapshot| snapshot.len() == 3000).await;
    city.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_spoilt_by_hand_is_set_aside_until_it_is_mended_and_the_others_stay() {
    let city =
        City::with((0..10).map(|i| feature(square(12.0 + f64::from(i), 45.0, 0.5), "x", i.into())).collect()).await;
    let set_aside = || city.territory.layer("things").expect("a layer").state().set_aside.clone();
    city.sqlite3("UPDATE things SET geom = x'0102030405' WHERE count = 4");
    city.until("the poisoned row is out", |snapshot| snapshot.len() == 9).await;
    assert_eq!(names_at(&city.snapshot().expect("ready"), [12.2, 45.2]), ["x"]);
    // Other edits neither forget it nor tell of it again.
    for round in 0..3 {
        let seq = city.store.write("things", vec![Edit::Insert(feature(square(30.0, 45.0, 0.5), "more", round))]);
        let (_, seq) = seq.await.expect("written");
        city.territory.reached(seq).await;
        assert_eq!(set_aside().len(), 1, "{:?}", set_aside());
    }
    city.sqlite3("UPDATE things SET geom = (SELECT geom FROM things WHERE count = 5) WHERE count = 4");
    city.until("the mended row is back", |snapshot| snapshot.len() == 13).await;
    while !set_aside().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    city.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_set_back_has_everything_read_anew_and_no_old_tile_comes_back() {
    let city = City::with(vec![feature(square(12.0, 45.0, 0.01), "first", 1)]).await;
    let layer = city.territory.layer("things").expect("a layer");
    let id = city.snapshot().expect("ready").rows().next().expect("a row").id();
    let kept = city.store.last_seq().await.expect("answers");
    let tile = TileId::holding(lonlat_to_world([12.005, 45.005]), 14);
    let edit = |name: &str| Edit::Update { id, expected: None, feature: feature(square(12.0, 45.0, 0.01), name, 2) };
    let (_, seq) = city.store.write("things", vec![edit("known here only")]).await.expect("written");
    city.territory.reached(seq).await;
    let before = layer.generation(tile);
    // As when a standby takes over that never heard of the edit: the log ends earlier, and its numbers come again.
    city.sqlite3(&format!(
        "UPDATE things SET name = 'as of the standby'; DELETE FROM bricola_changes WHERE seq > {kept}; \
         UPDATE sqlite_sequence SET seq = {kept} WHERE name = 'bricola_changes'"
    ));
    let started = Instant::now();
    while city.territory.health().setbacks == 0 {
        assert!(started.elapsed() < Duration::from_secs(15), "not noticed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(names_at(&city.snapshot().expect("ready"), [12.005, 45.005]), ["as of the standby"]);
    assert_eq!(city.territory.seq(), kept);
    assert_ne!(layer.generation(tile), before);
    let (_, again) = city.store.write("things", vec![edit("another")]).await.expect("written");
    assert_eq!(again, seq, "the number comes again");
    city.territory.reached(again).await;
    assert_ne!(layer.generation(tile), before);
    city.compare().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_storm_of_random_edits_cache_and_store_agree() {
    let mut next = numbers(11);
    let city = City::with(
        (0..200).map(|i| feature(square(12.0 + 4.0 * next(), 44.0 + 2.0 * next(), 0.02), "start", i)).collect(),
    )
    .await;
    let mut alive: Vec<i64> = city.snapshot().expect("ready").rows().map(|row| row.id()).collect();
    let mut last = 0;
    for round in 0..60_i64 {
        let mut edits = Vec::new();
        for _ in 0..(1.0 + 12.0 * next()) as usize {
            let place = square(12.0 + 4.0 * next(), 44.0 + 2.0 * next(), 0.001 + 0.02 * next());
            let pick = (next() * alive.len() as f64) as usize;
            match (next() * 3.0) as u8 {
                0 => edits.push(Edit::Insert(feature(place, "inserted", round))),
                1 if pick < alive.len() => {
                    edits.push(Edit::Update {
                        id: alive[pick],
                        expected: None,
                        feature: feature(place, "updated", round),
                    });
                }
                _ if pick < alive.len() => edits.push(Edit::Delete { id: alive.swap_remove(pick), expected: None }),
                _ => {}
            }
        }
        edits.push(Edit::Insert(feature(square(12.0, 44.0, 0.5), "last", round)));
        let inserts: Vec<bool> = edits.iter().map(|edit| matches!(edit, Edit::Insert(_))).collect();
        let removed: Vec<i64> =
            edits.iter().filter_map(|e| if let Edit::Delete { id, .. } = e { Some(*id) } else { None }).collect();
        edits.retain(|edit| !matches!(edit, Edit::Update { id, .. } if removed.contains(id)));
        let kept: Vec<bool> = edits.iter().map(|edit| matches!(edit, Edit::Insert(_))).collect();
        assert!(kept.len() <= inserts.len());
        let (ids, seq) = city.store.write("things", edits).await.expect("written");
        alive.extend(ids.iter().zip(kept).filter(|(_, inserted)| *inserted).map(|(id, _)| *id));
        last = seq;
    }
    city.until("the last edit", |snapshot| snapshot.seq() >= last).await;
    city.compare().await;
    let snapshot = city.snapshot().expect("ready");
    for _ in 0..300 {
        let lonlat = [12.0 + 4.0 * next(), 44.0 + 2.0 * next()];
        let expected = snapshot
            .rows()
            .filter(|row| {
                use geo::Contains;
                let geometry = row.base.geometry().geometry(row.row, CoordinateGrid::unpack);
                geometry.is_some_and(|geometry| geometry.contains(&Point::new(lonlat[0], lonlat[1])))
            })
            .count();
        assert_eq!(names_at(&snapshot, lonlat).len(), expected);
    }
}
