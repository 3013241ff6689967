//! Every parameter with every kind of wrong value: the error names it, the value, and what would do.

use super::harness::{Server, assert_log_is_clean};

#[tokio::test]
async fn wrong_values_are_named_with_their_parameter() {
    let server = Server::start().await;
    let good = "x=12.33888&y=45.43425";
    for (path, parameter, value) in [
        ("/lookup?x=abc&y=45".to_owned(), "x", "abc"),
        ("/lookup?x=12&y=NaN".to_owned(), "y", "NaN"),
        ("/lookup?x=inf&y=45".to_owned(), "x", "inf"),
        ("/lookup?x=1e400&y=45".to_owned(), "x", "1e400"),
        ("/lookup?x=1e12&y=45".to_owned(), "x", "1e12"),
        ("/lookup?x=1,2,3&y=45".to_owned(), "x", "1,2,3"),
        ("/lookup?x=200&y=45".to_owned(), "x", "200"),
        ("/lookup?x=12&y=-91".to_owned(), "y", "-91"),
        ("/lookup?x=3026513&y=5033258".to_owned(), "x", "3026513"),
        ("/lookup?x=%F0%9F%97%BA&y=45".to_owned(), "x", "🗺"),
        ("/lookup?q=Rialto".to_owned(), "q", "Rialto"),
        ("/lookup?q=12".to_owned(), "q", "12"),
        ("/lookup?q=45.4,12.3&x=5".to_owned(), "x", "5"),
        ("/lookup?q=45.4,12.3&crs=EPSG:1".to_owned(), "crs", "EPSG:1"),
        (format!("/lookup?{good}&crs=EPSG:99999"), "crs", "EPSG:99999"),
        (format!("/lookup?{good}&crs=nonsense"), "crs", "nonsense"),
        (format!("/lookup?{good}&radius=-1"), "radius", "-1"),
        (format!("/lookup?{good}&radius=5001"), "radius", "5001"),
        (format!("/lookup?{good}&radius=far"), "radius", "far"),
        (format!("/lookup?{good}&f=xml"), "f", "xml"),
        (format!("/lookup?{good}&layers=parcels,parcels"), "layers", "parcels,parcels"),
        ("/collections?lang=de".to_owned(), "lang", "de"),
        ("/collections?f=xml".to_owned(), "f", "xml"),
        ("/collections/parcels?lang=xx".to_owned(), "lang", "xx"),
        ("/tiles/parcels.json?lang=xx".to_owned(), "lang", "xx"),
        ("/?f=pdf".to_owned(), "f", "pdf"),
        ("/?lang=fr".to_owned(), "lang", "fr"),
        ("/parcels?sheet=abc&number=1".to_owned(), "sheet", "abc"),
        ("/parcels?sheet=-1&number=1".to_owned(), "sheet", "-1"),
        ("/parcels?sheet=10000&number=1".to_owned(), "sheet", "10000"),
        ("/parcels?sheet=0&number=1".to_owned(), "sheet", "0"),
        ("/parcels?sheet=1&section=ABC".to_owned(), "section", "ABC"),
        ("/parcels?sheet=1&annex=%C3%A9".to_owned(), "annex", "é"),
        ("/parcels?ref=Rialto".to_owned(), "ref", "Rialto"),
        ("/parcels?ref=12/1&sheet=12".to_owned(), "sheet", "12"),
    ] {
        let problem = server.get(&path).await.problem(400, "invalid-parameter");
        assert_eq!((&problem["parameter"], &problem["value"]), (&parameter.into(), &value.into()), "{path}: {problem}");
        let detail = problem["detail"].as_str().expect("detail");
        assert!(detail.contains(parameter) && detail.len() > parameter.len() + value.len() + 10, "{path}: {detail}");
    }
    assert_log_is_clean();
}

#[tokio::test]
async fn missing_parameters_are_named() {
    let server = Server::start().await;
    for (path, parameter) in [
        ("/lookup", "x"),
        ("/lookup?x=12", "y"),
        ("/lookup?x=&y=45", "x"),
        ("/parcels", "sheet"),
        ("/parcels?section=A", "sheet"),
    ] {
        let problem = server.get(path).await.problem(400, "missing-parameter");
        assert_eq!(problem["parameter"], parameter, "{path}");
    }
}

#[tokio::test]
async fn unknown_and_repeated_parameters_are_refused_by_name_on_every_path() {
    let server = Server::start().await;
    for path in [
        "/",
        "/collections",
        "/collections/parcels",
        "/tiles/parcels.json",
        "/tiles/parcels/14/0/0",
        "/lookup",
        "/parcels",
        "/styles",
        "/styles/city",
        "/fonts/Titillium%20Web%20Regular/0-255.pbf",
        "/sprites/city.json",
        "/status",
        "/metrics",
        "/assets/x.js",
    ] {
        let problem = server.get(&format!("{path}?colour=red")).await.problem(400, "unknown-parameter");
        assert_eq!(problem["parameter"], "colour", "{path}");
        assert!(problem["allowed"].is_array(), "{path}");
    }
    let problem = server.get("/lookup?x=1&y=2&x=3").await.problem(400, "repeated-parameter");
    assert_eq!(problem["parameter"], "x");
}

#[tokio::test]
async fn a_long_wrong_value_does_not_make_a_long_error() {
    let server = Server::start().await;
    let answer = server.get(&format!("/lookup?x={}&y=1", "9".repeat(5000) + "x")).await;
    answer.problem(400, "invalid-parameter");
    assert!(answer.body.len() < 2000, "{}", answer.body.len());
}
