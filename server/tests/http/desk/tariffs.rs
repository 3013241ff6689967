//! `/tariff`: the examples of the rules, found on the map.

use serde_json::Value as Json;

use super::{drawn, put_plan, town};
use crate::harness::CORNER;

/// 9.0 m² of zone A and 16.2 of zone B.
const ACROSS: [f64; 4] = [25.0, 5.0, 39.0, 6.8];

fn fee(answer: &Json, policy: &str) -> String {
    let alternatives = answer["policy"]["alternatives"].as_array().expect("alternatives");
    let found = alternatives.iter().find(|it| it["policy"] == policy).and_then(|it| it["fee"].as_str());
    found.unwrap_or_else(|| answer["fee"].as_str().expect("a fee")).to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_surface_across_a_border_costs_what_each_rule_says() {
    let town = town().await;
    let question = format!("/tariff?occupation=plateatico&{}&from=2026-06-01&to=2026-06-30", drawn(ACROSS));
    let answer = town.json(&question).await;
    assert_eq!((&answer["fee"], &answer["quantity"]["measured"]), (&"3042.00".into(), &"25.2".into()), "{answer:#}");
    for (policy, expected) in [
        ("highest", "3042.00"),
        ("prevalent_area", "1825.20"),
        ("pro_rata_area", "2259.77"),
        ("pro_rata_ceil_parts", "2246.40"),
    ] {
        assert_eq!(fee(&answer, policy), expected, "{policy}");
        let asked = town.json(&format!("{question}&crossing={policy}&motivation=delibera")).await;
        assert_eq!(asked["fee"], expected, "{policy}");
    }
    let codes: Vec<&str> =
        answer["zones"].as_array().expect("zones").iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!(codes, ["B", "A"]);
    assert_eq!(answer["rules"]["plan"], "canone-2026");
    assert!(answer["lines"][0]["label"]["it"].is_string() && answer["lines"][0]["label"]["en"].is_string());
    // The same as of the same change: the same bytes, though the clock has moved on.
    let seq = &answer["evidence"]["seq"];
    let first = town.server.get(&format!("{question}&at={seq}")).await.text();
    assert_eq!(town.server.get(&format!("{question}&at={seq}")).await.text(), first);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_front_a_duct_a_network_and_a_point_with_a_size_cost_what_they_should() {
    let town = town().await;
    let at = |x: f64, y: f64| format!("x={}&y={}&crs=EPSG:7795", CORNER[0] + x, CORNER[1] + y);
    let fee = async |query: &str| town.json(&format!("/tariff?datetime=2026-06-01&{query}")).await["fee"].clone();
    // E4: 60 × 1.2 × 0.5 × 4.
    let point = at(40.0, 5.0);
    assert_eq!(fee(&format!("occupation=passo-carrabile&{point}&quantity=3,40")).await, "144.00");
    let front = format!(
        "geometry=LINESTRING({x} {y},{to} {y})&crs=EPSG:7795",
        x = CORNER[0] + 40.0,
        to = CORNER[0] + 43.4,
        y = CORNER[1] + 5.0
    );
    assert_eq!(fee(&format!("occupation=passo-carrabile&{front}")).await, "144.00");
    // E5: 48 m² of a duct, drawn as a line of 12 m and 4 m wide.
    let duct = format!(
        "geometry=LINESTRING({x} {y},{to} {y})&crs=EPSG:7795",
        x = CORNER[0] + 40.0,
        to = CORNER[0] + 52.0,
        y = CORNER[1] + 5.0
    );
    assert_eq!(fee(&format!("occupation=condotta&{duct}&width=4")).await, "864.00");
    // E6: a network pays by its users, wherever it lies.
    assert_eq!(fee("occupation=rete&quantity=780").await, "800.00");
    // A declared street counts where the plan has a list of streets: 60 × 2.5 × 1.4 × 3.
    assert_eq!(fee("occupation=chiosco&street=1001&quantity=3").await, "630.00");
}

#[tokio::test(flavor = "multi_thread")]
async fn measuring_on_the_ellipsoid_saves_a_square_metre() {
    let town = town().await;
    // 25.99 m² that read 26.01 in EPSG:3003 (E7).
    let drawn = drawn([5.0, 5.0, 5.0 + 25.99 / 5.0, 10.0]);
    let answer = town.json(&format!("/tariff?occupation=plateatico&{drawn}&from=2026-06-01&to=2026-06-30")).await;
    assert_eq!(answer["quantity"]["counted"], "26", "{answer:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_are_read_anew_when_they_change_and_faults_are_told() {
    let town = town().await;
    let question = "/tariff?occupation=rete&quantity=780&datetime=2026-06-01";
    assert_eq!(town.server.get(question).await.status, 200);
    let path = town.folder.path().join("tariffs/canone-2026.toml");
    let sound = std::fs::read_to_string(&path).expect("a plan");
    std::fs::write(&path, sound.replace("annual = 60.00", "annual = -60.00")).expect("written");
    tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
    let problem = town.server.get(question).await.problem(422, "no-tariff-plan");
    assert!(problem["text"]["it"].as_str().is_some_and(|it| it.contains("piano tariffario")), "{problem}");
    assert!(town.server.get("/tariff?f=html").await.text().contains("contiene errori"));
    put_plan(&town.folder);
    tokio::time::sleep(std::time::Duration::from_millis(2_200)).await;
    assert_eq!(town.server.get(question).await.status, 200);
    town.server.get("/tariff?occupation=rete&quantity=780&datetime=2019-06-01").await.problem(422, "no-tariff-plan");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_shows_each_step() {
    let town = town().await;
    let page = town
        .server
        .get(&format!("/tariff?f=html&occupation=plateatico&{}&from=2026-06-01&to=2026-06-30", drawn(ACROSS)))
        .await;
    let text = page.text();
    assert!(text.contains("3042,00 €") && text.contains("Come si arriva") && text.contains("pro_rata_area"), "{text}");
}
