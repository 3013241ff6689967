//! A place by its address: the one that is meant, or a list to choose from.

use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use geo_types::Point;

use super::{Town, definition, feature, text, town};
use crate::harness::CORNER;

fn house(code: &str, street: &str, number: &str, district: &str, [x, y]: [f64; 2]) -> Feature {
    let geometry = Point::new(CORNER[0] + x, CORNER[1] + y).into();
    feature(
        "addresses",
        geometry,
        &[
            ("code", text(code)),
            ("street_code", text("V9")),
            ("street_name", text(street)),
            ("number", text(number)),
            ("suffix", Value::Null),
            ("district", text(district)),
            ("full", text(&format!("{street}, {number}, {district}"))),
        ],
    )
}

async fn with_houses() -> Town {
    let town = town().await;
    town.store.define(&definition("addresses")).await.expect("defined");
    let houses = [
        house("a", "Calle Larga", "12", "San Marco", [5.0, 5.0]),
        house("b", "Calle Larga", "14", "San Marco", [50.0, 10.0]),
        house("c", "Via Roma", "3", "Mestre", [5.0, 20.0]),
        house("d", "Via Roma", "3", "Lido", [40.0, 20.0]),
    ];
    let edits = houses.into_iter().map(Edit::Insert).collect();
    let (_, seq) = town.store.write("addresses", edits).await.expect("written");
    town.server.get(&format!("/search?q=roma&min-seq={seq}")).await;
    town
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_a_place_of_every_desk() {
    let town = with_houses().await;
    let zones = town.json("/zones?address=Calle%20Larga%2012&layers=tariff-zones&datetime=2026-01-01").await;
    assert_eq!(zones["layers"][0]["zones"][0]["code"], "A", "{zones}");
    assert_eq!(zones["place"]["feature"]["layer"], "addresses");
    let other = town.json("/zones?address=calle%20larga%2C%2014&layers=tariff-zones&datetime=2026-01-01").await;
    assert_eq!(other["layers"][0]["zones"][0]["code"], "B");
    let parcel = town.json("/parcel?address=Calle%20Larga%2014%20San%20Marco").await;
    assert_eq!(parcel["parcels"][0]["reference"], "L736_001200.58");
    let tariff = town
        .json("/tariff?occupation=plateatico&address=Calle%20Larga%2012&quantity=10&from=2026-06-01&to=2026-06-30")
        .await;
    assert_eq!(tariff["place"]["kind"], "point");
    let process = serde_json::json!({"inputs": {"address": "Calle Larga 12", "layers": ["tariff-zones"]}});
    let answer = town.server.post_json("/processes/zones/execution", &process).await;
    assert_eq!((answer.status, &answer.json()["place"]["feature"]), (200, &zones["place"]["feature"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_mean_several_is_a_list_and_no_guess() {
    let town = with_houses().await;
    let problem = town.server.get("/zones?address=via%20Roma%203").await.problem(400, "invalid-parameter");
    let choices = problem["choices"].as_array().expect("choices");
    assert_eq!((choices.len(), &problem["parameter"]), (2, &"address".into()), "{problem}");
    for choice in choices {
        let feature = choice["feature"].as_str().expect("a feature");
        let chosen = town.json(&format!("/zones?feature={feature}&layers=tariff-zones")).await;
        assert_eq!(chosen["place"]["feature"]["layer"], "addresses");
    }
    assert_eq!(town.server.get("/zones?address=via%20Roma%203%20Lido").await.status, 200);
    // A number that is not there lies between its neighbours: it is offered, and not taken.
    let near = town.server.get("/zones?address=Calle%20Larga%2013").await.problem(400, "invalid-parameter");
    assert!(near["detail"].as_str().is_some_and(|it| it.contains("no address that is there")), "{near}");
    town.server.get("/zones?address=Calle%20del%20Nulla%2099").await.problem(404, "unknown-feature");
    let twice = town.server.get("/zones?address=Calle%20Larga%2012&parcel=12/57").await;
    assert_eq!(twice.problem(400, "invalid-parameter")["parameter"], "geometry, x, y, parcel, feature, address, along");
    let page = town.server.get("/zones?f=html&lang=it&address=via%20Roma%203").await.text();
    assert!(
        page.contains("feature=addresses%2F3") && page.contains("Si scelga") && page.contains("data-suggest"),
        "{page}"
    );
}
