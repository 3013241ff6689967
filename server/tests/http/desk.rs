//! Answers of the offices' desks: zones, base tariffs, certificates, as paths, pages and processes; on a store that the
//! server follows.

mod addresses;
mod bad;
mod certificates;
mod conflicts;
mod overlays;
mod processes;
mod rentals;
mod replies;
mod streets;
mod tables;
mod tariffs;
mod units;
mod works;
mod zones;
mod ztl;

use std::sync::Arc;

use bricola::config::Config;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use chrono::NaiveDate;
use geo_types::{Geometry, MultiPolygon, Polygon};
use serde_json::Value as Json;

use super::harness::{CORNER, Server};

const TOKEN: &str = "a-token-of-the-tax-office";

/// A small town: 30 m of zone A beside 30 m of zone B, three parcels, two plans, a street.
struct Town {
    store: Arc<GeoPackageStore>,
    server: Server,
    folder: tempfile::TempDir,
}

fn definition(id: &str) -> LayerDefinition {
    let catalog = Catalog::shipped().expect("sound");
    let shipped = catalog.get(id).expect("shipped").clone();
    LayerDefinition { crs: Some("EPSG:7795".to_owned()), resolution: Some(0.001), ..shipped }
}

/// A rectangle, metres east and north of the corner.
fn rectangle([west, south, east, north]: [f64; 4]) -> Geometry<f64> {
    let at = |x: f64, y: f64| {
        let snapped = |value: f64| (value * 1000.0).round() / 1000.0;
        (snapped(CORNER[0] + x), snapped(CORNER[1] + y))
    };
    let ring = vec![at(west, south), at(east, south), at(east, north), at(west, north), at(west, south)];
    Geometry::MultiPolygon(MultiPolygon(vec![Polygon::new(ring.into(), vec![])]))
}

fn text(value: &str) -> Value {
    Value::Text(value.to_owned())
}

fn day(text: &str) -> Value {
    Value::Date(text.parse::<NaiveDate>().expect("a day"))
}

/// A feature of a layer by the names of its fields.
fn feature(id: &str, geometry: Geometry<f64>, values: &[(&str, Value)]) -> Feature {
    let of =
        |name: &str| values.iter().find(|(other, _)| *other == name).map_or(Value::Null, |(_, value)| value.clone());
    let properties = definition(id).fields.iter().map(|field| of(&field.name)).collect();
    Feature { geometry: Some(geometry), properties }
}

fn zone(code: &str, frame: [f64; 4], from: &str, to: Option<&str>) -> Feature {
    let to = to.map_or(Value::Null, day);
    feature(
        "tariff-zones",
        rectangle(frame),
        &[("code", text(code)), ("name", text(&format!("Zona {code}"))), ("valid_from", day(from)), ("valid_to", to)],
    )
}

fn plan_zone(code: &str, frame: [f64; 4], plan: &str, status: &str) -> Feature {
    feature(
        "zoning",
        rectangle(frame),
        &[
            ("code", text(&format!("{plan}-{code}"))),
            ("plan", text(plan)),
            ("zone", text(code)),
            ("name", text(&format!("Zona {code}"))),
            ("article", text("Art. 7 N.T.A.")),
            ("status", text(status)),
            ("act", text("D.C.C. 1/2020")),
            ("valid_from", day("2020-01-01")),
        ],
    )
}

fn parcel(number: &str, frame: [f64; 4], registered: f64) -> Feature {
    feature(
        "parcels",
        rectangle(frame),
        &[
            ("national_ref", text(&format!("L736_001200.{number}"))),
            ("municipality", text("L736")),
            ("sheet", Value::Integer(12)),
            ("number", text(number)),
            ("area_m2", Value::Real(registered)),
        ],
    )
}

async fn town() -> Town {
    town_with(|_| ()).await
}

async fn town_with(configure: impl FnOnce(&mut Config)) -> Town {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    let layers = [
        (
            "tariff-zones",
            vec![
                zone("A", [0.0, 0.0, 30.0, 30.0], "2021-01-01", None),
                zone("B", [30.0, 0.0, 60.0, 30.0], "2021-01-01", None),
                // What was in force before.
                zone("C", [0.0, 0.0, 60.0, 30.0], "2010-01-01", Some("2021-01-01")),
            ],
        ),
        (
            "zoning",
            vec![
                plan_zone("A1", [0.0, 0.0, 20.0, 30.0], "PRG", "approved"),
                plan_zone("B2", [20.0, 0.0, 60.0, 30.0], "PI", "approved"),
                plan_zone("B3", [40.0, 0.0, 60.0, 30.0], "Variante", "adopted"),
            ],
        ),
        (
            "parcels",
            vec![
                parcel("57", [10.0, 5.0, 31.0, 25.0], 420.0),
                parcel("58", [45.0, 5.0, 55.0, 25.0], 300.0),
                parcel("59", [58.0, 5.0, 68.0, 15.0], 100.0),
            ],
        ),
        ("streets", vec![]),
        ("water", vec![]),
    ];
    for (id, features) in layers {
        store.define(&definition(id)).await.expect("defined");
        store.write(id, features.into_iter().map(Edit::Insert).collect()).await.expect("written");
    }
    let data = folder.path().to_owned();
    put_plan(&folder);
    let server = Server::over_with(Arc::clone(&store), |config| {
        config.data = data;
        config.editing.enabled = true;
        config.editing.token = Some(TOKEN.to_owned().into());
        config.tenant.envelope = Some([12.2, 45.3, 12.5, 45.6]);
        configure(config);
    })
    .await;
    Town { store, server, folder }
}

/// The example of a plan that the rules' crate has, for all years.
fn put_plan(folder: &tempfile::TempDir) {
    let examples = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../territory/examples");
    let tariffs = folder.path().join("tariffs");
    std::fs::create_dir_all(&tariffs).expect("a folder");
    for name in ["canone-2026.toml", "zone.csv", "vie.csv"] {
        let text = std::fs::read_to_string(examples.join(name)).expect("an example");
        let text = text.replace("valid_to = 2026-12-31\n", "");
        std::fs::write(tariffs.join(name), text).expect("written");
    }
}

/// A rectangle as a query has it, in the CRS of the layers.
fn drawn([west, south, east, north]: [f64; 4]) -> String {
    let [x, y] = CORNER;
    let corners = [(west, south), (east, south), (east, north), (west, north), (west, south)];
    let corners: Vec<String> = corners.iter().map(|(a, b)| format!("{} {}", x + a, y + b)).collect();
    format!("geometry=POLYGON(({}))&crs=EPSG:7795", corners.join(","))
}

impl Town {
    async fn json(&self, path: &str) -> Json {
        let answer = self.server.get(path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        answer.json()
    }

    /// Writes, and waits until it is seen; the change.
    async fn write(&self, layer: &str, edit: Edit) -> i64 {
        let (_, seq) = self.store.write(layer, vec![edit]).await.expect("written");
        self.server.get(&format!("/collections?min-seq={seq}")).await;
        seq
    }
}
