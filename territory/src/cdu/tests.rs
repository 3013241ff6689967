use geo_types::{Coord, MultiPolygon, Rect};
use proptest::prelude::*;

use super::*;
use crate::{Exact, FeatureRef};

/// A metre at San Marco, in degrees.
const EAST: f64 = 1.0 / 78_249.050;
const NORTH: f64 = 1.0 / 111_140.263;

fn metres(x: f64, y: f64, width: f64, height: f64) -> MultiPolygon<f64> {
    let min = Coord { x: 12.338_8 + x * EAST, y: 45.434_2 + y * NORTH };
    Rect::new(min, Coord { x: min.x + width * EAST, y: min.y + height * NORTH }).to_polygon().into()
}

fn feature(layer: &str, id: &str) -> FeatureRef {
    FeatureRef { layer: layer.into(), id: id.into(), version: 2 }
}

fn parcel(geometry: MultiPolygon<f64>) -> Parcel {
    Parcel { reference: "L736_001200.123".into(), feature: feature("parcels", "123"), geometry, registered_m2: None }
}

fn zone(code: &str, geometry: MultiPolygon<f64>) -> PlanZone {
    PlanZone {
        code: code.into(),
        name: format!("Zona {code}"),
        article: Some("art. 12".into()),
        plan: None,
        act: None,
        feature: feature("zoning", code),
        geometry,
    }
}

fn layer(exclusive: bool, zones: Vec<PlanZone>) -> Layer {
    Layer {
        id: "zoning".into(),
        plan: "PI".into(),
        act: "DCC 12 del 03-02-2020 (inventata)".into(),
        status: PlanStatus::Approved,
        exclusive,
        tolerance_m: None,
        valid_from: None,
        valid_to: None,
        zones,
    }
}

fn certificate(parcel: &Parcel, layers: &[Layer]) -> Certificate {
    certify(parcel, layers, "2026-01-01".parse().unwrap(), &Options::default()).unwrap()
}

fn percents(result: &LayerResult) -> Vec<(&str, &str)> {
    result.zones.iter().map(|zone| (zone.code.as_str(), zone.percent.as_str())).collect()
}

fn hundredths(percent: &str) -> u64 {
    percent.replace('.', "").parse().unwrap()
}

#[test]
fn thirds_of_a_parcel_close_to_a_hundred() {
    let thirds = layer(
        true,
        vec![
            zone("A", metres(0.0, -5.0, 10.0, 50.0)),
            zone("B", metres(10.0, -5.0, 10.0, 50.0)),
            zone("C", metres(20.0, -5.0, 10.0, 50.0)),
        ],
    );
    let issued = certificate(&parcel(metres(0.0, 0.0, 30.0, 20.0)), &[thirds]);
    let shares: Vec<_> = issued.layers[0].zones.iter().map(|zone| hundredths(&zone.percent)).collect();
    assert_eq!(shares.iter().sum::<u64>(), 10_000);
    assert!(shares.iter().all(|share| [3_333, 3_334].contains(share)), "{shares:?}");
    assert_eq!((issued.area_m2.as_str(), issued.warnings.len()), ("600.00", 0));
    assert_eq!(
        (issued.layers[0].gap_m2.as_deref(), issued.layers[0].gap_percent.as_deref()),
        (Some("0.00"), Some("0.00"))
    );
}

#[test]
fn annex_a_5_a_narrow_strip_is_accessory_and_a_small_square_is_not() {
    // A strip 0.3 m wide of 40 m²: mean width just below 0.3 m. A square of 3 m² and 1.73 m: mean width 0.87 m.
    let side = 3.0_f64.sqrt();
    let strip =
        layer(true, vec![zone("main", metres(0.0, 0.3, 133.34, 50.0)), zone("strip", metres(0.0, -5.0, 133.34, 5.3))]);
    let square = layer(false, vec![zone("square", metres(10.0, 10.0, side, side))]);
    let issued = certificate(&parcel(metres(0.0, 0.0, 133.34, 30.0)), &[strip, square]);
    let strip = &issued.layers[0];
    assert_eq!(strip.zones.iter().map(|zone| zone.code.as_str()).collect::<Vec<_>>(), ["main"]);
    assert_eq!((strip.accessory[0].code.as_str(), strip.accessory[0].m2.as_str()), ("strip", "40.00"));
    assert_eq!(strip.accessory[0].mean_width_m, "0.30");
    // Accessory pieces are in the sum: nothing is dropped silently.
    assert_eq!(hundredths(&strip.zones[0].percent) + hundredths(&strip.accessory[0].percent), 10_000);
    let square = &issued.layers[1];
    assert_eq!((square.zones[0].m2.as_str(), square.zones[0].mean_width_m.as_str()), ("3.00", "0.87"));
    assert!(square.accessory.is_empty() && square.gap_m2.is_none());
}

#[test]
fn what_is_accessory_is_configurable() {
    let layers = [layer(true, vec![zone("A", metres(0.0, 0.0, 29.0, 20.0)), zone("B", metres(29.0, 0.0, 5.0, 20.0))])];
    let day = "2026-01-01".parse().unwrap();
    let accessory = |options: &Options| {
        certify(&parcel(metres(0.0, 0.0, 30.0, 20.0)), &layers, day, options).unwrap().layers[0].accessory.len()
    };
    let default = Options::default();
    assert_eq!(accessory(&default), 0);
    assert_eq!(accessory(&Options { min_area_m2: Exact::from(21), ..default.clone() }), 1);
    assert_eq!(accessory(&Options { min_width_m: Exact::one(), ..default.clone() }), 1);
    assert_eq!(accessory(&Options { min_percent: Some(Exact::from(4)), ..default }), 1);
}

#[test]
fn gaps_and_overlaps_of_exclusive_layers_are_told_and_of_overlays_not() {
    let zones = || vec![zone("A", metres(0.0, 0.0, 16.0, 20.0)), zone("B", metres(14.0, 0.0, 10.0, 20.0))];
    let issued = certificate(&parcel(metres(0.0, 0.0, 30.0, 20.0)), &[layer(true, zones()), layer(false, zones())]);
    let exclusive = &issued.layers[0];
    assert_eq!((exclusive.gap_m2.as_deref(), exclusive.gap_percent.as_deref()), (Some("120.00"), Some("20.00")));
    assert_eq!(exclusive.overlaps, [OverlapResult { zones: ["A".into(), "B".into()], m2: "40.00".into() }]);
    assert_eq!(percents(exclusive), [("A", "53.33"), ("B", "33.33")]);
    assert_eq!(issued.warnings.iter().map(|w| w.code.as_str()).collect::<Vec<_>>(), ["gap", "overlap"]);
    assert!(issued.layers[1].overlaps.is_empty() && issued.layers[1].gap_m2.is_none());
}

#[test]
fn zones_nearer_than_the_maps_are_exact_are_named() {
    let zones = vec![
        zone("A", metres(-50.0, -50.0, 100.0, 100.0)),
        zone("beside", metres(31.5, -50.0, 50.0, 100.0)),
        zone("touching", metres(-10.0, 20.0, 50.0, 100.0)),
        zone("far", metres(-50.0, -50.0, 47.0, 100.0)),
        zone("all-around", metres(-900.0, -900.0, 898.5, 2_000.0)),
    ];
    let mut overlays = layer(false, zones);
    let here = parcel(metres(0.0, 0.0, 30.0, 20.0));
    let issued = certificate(&here, &[overlays.clone()]);
    let near: Vec<_> = issued.layers[0].near.iter().map(|n| (n.code.as_str(), n.distance_m.as_str())).collect();
    assert_eq!(near, [("all-around", "1.50"), ("beside", "1.50"), ("touching", "0.00")]);
    overlays.tolerance_m = Some(Exact::from(4));
    let issued = certificate(&here, &[overlays]);
    assert_eq!(issued.layers[0].near.len(), 4);
    assert_eq!(issued.layers[0].near[0].tolerance_m, "4.00");
}

#[test]
fn adopted_and_approved_plans_are_listed_as_of_the_day() {
    let whole = || vec![zone("A", metres(-5.0, -5.0, 100.0, 100.0))];
    let day = |text: &str| Some(text.parse().unwrap());
    let mut approved = layer(true, whole());
    approved.valid_to = day("2026-06-30");
    let adopted = Layer {
        id: "variant".into(),
        status: PlanStatus::Adopted,
        valid_from: day("2026-03-01"),
        ..layer(true, whole())
    };
    let here = parcel(metres(0.0, 0.0, 30.0, 20.0));
    let on = |at: &str| {
        let issued =
            certify(&here, &[approved.clone(), adopted.clone()], at.parse().unwrap(), &Options::default()).unwrap();
        issued.layers.iter().map(|layer| layer.status).collect::<Vec<_>>()
    };
    assert_eq!(on("2026-01-01"), [PlanStatus::Approved]);
    assert_eq!(on("2026-04-01"), [PlanStatus::Approved, PlanStatus::Adopted]);
    assert_eq!(on("2026-07-01"), [PlanStatus::Adopted]);
    let none = certificate(&here, &[]);
    assert_eq!(none.warnings[0].code, "no-layer");
}

#[test]
fn issued_again_it_is_the_same_bytes_and_any_change_of_input_changes_the_hash() {
    let layers = [layer(true, vec![zone("B", metres(10.0, 0.0, 30.0, 20.0)), zone("A", metres(0.0, 0.0, 10.0, 20.0))])];
    let here = parcel(metres(0.0, 0.0, 30.0, 20.0));
    let first = certificate(&here, &layers);
    assert_eq!(document_json(&first), document_json(&certificate(&here, &layers)));
    assert!(document_json(&first).starts_with(r#"{"area_m2":"600.00","day":"2026-01-01","engine":"bricola-cdu/1""#));
    assert!(!document_json(&first).contains("geometry"));
    let mut moved = here.clone();
    moved.geometry.0[0].exterior_mut(|ring| ring.0[1].x += 1e-9);
    assert_ne!(certificate(&moved, &layers).inputs_sha256, first.inputs_sha256);
    let mut newer = layers.clone();
    newer[0].zones[0].feature.version = 3;
    let newer = certificate(&here, &newer);
    assert_ne!((newer.inputs_sha256, newer.sha256), (first.inputs_sha256, first.sha256));
}

#[test]
fn a_registered_area_that_differs_much_is_told_and_a_crossing_parcel_refused() {
    let mut here = parcel(metres(0.0, 0.0, 30.0, 20.0));
    here.registered_m2 = Some(Exact::from(610));
    assert!(certificate(&here, &[layer(false, vec![])]).warnings.is_empty());
    here.registered_m2 = Some(Exact::from(700));
    assert_eq!(certificate(&here, &[layer(false, vec![])]).warnings[0].code, "registered-area");
    here.geometry.0[0].exterior_mut(|ring| ring.0.swap(1, 2));
    let refused = certify(&here, &[], "2026-01-01".parse().unwrap(), &Options::default()).unwrap_err();
    assert_eq!(refused.code, "self-crossing");
}

proptest! {
    #[test]
    fn shares_of_any_partition_close_to_a_hundred(cuts in proptest::collection::vec(0.0_f64..200.0, 1..12), height in 0.5_f64..300.0) {
        let mut cuts = cuts;
        cuts.sort_by(f64::total_cmp);
        let mut edges = vec![-10.0];
        edges.extend(cuts);
        edges.push(210.0);
        let zones = edges.windows(2).enumerate().map(|(i, pair)| zone(&format!("Z{i:02}"), metres(pair[0], -400.0, pair[1] - pair[0], 900.0)));
        let issued = certificate(&parcel(metres(0.0, 0.0, 200.0, height)), &[layer(true, zones.collect())]);
        let result = &issued.layers[0];
        let sum: u64 = result.zones.iter().chain(&result.accessory).map(|piece| hundredths(&piece.percent)).sum();
        prop_assert_eq!(sum + hundredths(result.gap_percent.as_deref().unwrap()), 10_000, "{:?}", result.overlaps);
        prop_assert!(hundredths(result.gap_percent.as_deref().unwrap()) <= 1);
    }
}
