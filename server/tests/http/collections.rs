//! What there is.

use super::harness::Server;

#[tokio::test]
async fn collections_tell_an_application_all_it_needs() {
    let server = Server::start().await;
    let answer = server.get("/collections?f=json&lang=it").await;
    assert_eq!((answer.status, answer.header("bricola-seq")), (200, "10"));
    assert_eq!(answer.header("content-language"), "it");
    let json = answer.json();
    assert_eq!(json["seq"], 10);
    assert_eq!(json["tenant"]["name"], "Comune di Prova");
    let bbox = json["tenant"]["bbox"].as_array().expect("bbox");
    assert_eq!(bbox.len(), 4);
    let all = json["collections"].as_array().expect("collections");
    let ids: Vec<&str> = all.iter().filter_map(|collection| collection["id"].as_str()).collect();
    assert_eq!(ids, ["fountains", "parcels", "slow-layer", "streets"], "no rentals: they are for the staff");

    let parcels = &all[1];
    assert_eq!(parcels["title"], "Particelle");
    assert_eq!((&parcels["theme"], &parcels["themeTitle"]), (&"cadastre".into(), &"Catasto".into()));
    assert_eq!(parcels["geometryType"], "multipolygon");
    assert_eq!((&parcels["label"], &parcels["key"][0]), (&"number".into(), &"national_ref".into()));
    assert_eq!((&parcels["minzoom"], &parcels["maxzoom"]), (&13.into(), &18.into()));
    assert_eq!((&parcels["count"], &parcels["ready"]), (&100.into(), &true.into()));
    assert_eq!(parcels["storageCrs"], "http://www.opengis.net/def/crs/EPSG/0/7795");
    assert_eq!(parcels["crs"][0], "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
    assert_eq!(parcels["attribution"], "Agenzia");
    let fields: Vec<&str> =
        parcels["fields"].as_array().expect("fields").iter().filter_map(|field| field["name"].as_str()).collect();
    assert_eq!(fields, ["national_ref", "sheet", "number"], "no value_eur: it is for the tax office");
    let extent = parcels["extent"]["spatial"]["bbox"][0].as_array().expect("extent");
    let [west, south, east, north] = [0, 1, 2, 3].map(|n: usize| extent[n].as_f64().expect("number"));
    assert!((west - 12.3388).abs() < 1e-4 && (south - 45.4342).abs() < 1e-4, "{extent:?}");
    assert!(east > west && north > south);

    let loading = &all[2];
    assert_eq!((&loading["ready"], &loading["count"]), (&false.into(), &serde_json::Value::Null));
}

#[tokio::test]
async fn titles_come_in_the_language_asked_for() {
    let server = Server::start().await;
    assert_eq!(server.get("/collections/parcels?lang=en").await.json()["title"], "Parcels");
    let english = server.get_with("/collections/parcels", &[("accept-language", "de, en-GB;q=0.8, it;q=0.5")]).await;
    assert_eq!(english.json()["title"], "Parcels");
    assert_eq!(server.get("/collections/parcels").await.json()["title"], "Particelle");
}

#[tokio::test]
async fn everything_is_shown_where_the_configuration_says_so() {
    let server = Server::with(|config| config.show_all_layers = true).await;
    let json = server.get("/collections/rentals").await.json();
    assert_eq!(json["visibility"], "staff");
    let fields = server.get("/collections/parcels").await.json()["fields"].as_array().expect("fields").len();
    assert_eq!(fields, 4);
}

#[tokio::test]
async fn a_layer_that_is_not_public_does_not_exist() {
    let server = Server::start().await;
    for path in [
        "/collections/rentals",
        "/tiles/rentals.json",
        "/tiles/rentals/14/8753/5861",
        "/lookup?x=12.3389&y=45.4343&layers=rentals",
    ] {
        let problem = server.get(path).await.problem(404, "unknown-layer");
        assert!(!problem["allowed"].to_string().contains("rentals"), "{problem}");
    }
    let hits = server.get("/lookup?x=12.3389&y=45.4343&radius=100").await.text();
    assert!(!hits.contains("segreto") && !hits.contains("value_eur"), "{hits}");
}

#[tokio::test]
async fn an_unknown_layer_is_named_and_the_nearest_suggested() {
    let server = Server::start().await;
    let problem = server.get("/collections/parcel").await.problem(404, "unknown-layer");
    assert!(problem["detail"].as_str().expect("detail").contains("Did you mean \"parcels\"?"), "{problem}");
    assert_eq!(problem["value"], "parcel");
}

#[tokio::test]
async fn large_documents_are_compressed_when_the_client_takes_it() {
    let server = Server::start().await;
    let answer = server.get_with("/collections", &[("accept-encoding", "gzip")]).await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&answer.body[..]), &mut text).expect("gzip");
    assert!(text.contains("Particelle"));
}
