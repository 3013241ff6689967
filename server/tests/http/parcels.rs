//! Parcels by reference.

use super::harness::Server;

#[tokio::test]
async fn a_parcel_is_found_by_every_way_to_write_its_reference() {
    let server = Server::start().await;
    for query in [
        "sheet=12&number=57",
        "sheet=0012&number=0057",
        "ref=L736_001200.57",
        "ref=IT.AGE.PLA.L736_001200.57",
        "ref=foglio%2012%20particella%2057",
        "ref=Fg.+12+mapp.+57+sub+3",
        "ref=12/57",
    ] {
        let answer = server.get(&format!("/parcels?{query}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/geo+json"), "{}", answer.text());
        let json = answer.json();
        assert_eq!((&json["type"], &json["seq"]), (&"FeatureCollection".into(), &10.into()));
        let features = json["features"].as_array().expect("features");
        assert_eq!(features.len(), 1, "{query}: {json}");
        assert_eq!(features[0]["properties"]["national_ref"], "L736_001200.57");
        assert_eq!(features[0]["bbox"].as_array().expect("bbox").len(), 4);
    }
}

#[tokio::test]
async fn a_sheet_is_a_list_and_nothing_is_an_empty_one() {
    let server = Server::start().await;
    assert_eq!(server.get("/parcels?sheet=12").await.json()["features"].as_array().expect("list").len(), 100);
    assert_eq!(server.get("/parcels?sheet=13&number=1").await.json()["features"].as_array().expect("list").len(), 0);
    assert_eq!(
        server.get("/parcels?sheet=12&number=1&annex=Z").await.json()["features"].as_array().expect("list").len(),
        0
    );
}

#[tokio::test]
async fn a_number_without_a_sheet_is_looked_for_in_all_of_them_and_a_development_tells_apart() {
    let server = Server::start().await;
    let count = async |query: &str| {
        let answer = server.get(&format!("/parcels?{query}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["features"].as_array().expect("list").len()
    };
    assert_eq!(count("number=57").await, 1);
    assert_eq!(count("ref=p.f.+57").await, 1);
    assert_eq!(count("ref=L736_001201.57").await, 0, "the eleventh character counts");
    server.get("/parcels?municipality=L736").await.problem(400, "missing-parameter");
    server.get("/parcels?number=5%207").await.problem(400, "invalid-parameter");
}
