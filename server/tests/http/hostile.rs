//! What is meant to do harm is a value like any other: refused by name, or looked for and not found.

use proptest::prelude::*;

use super::api::{document, filled};
use super::harness::{Server, assert_log_is_clean};

const INJECTED: [&str; 12] = [
    "'; DROP TABLE parcels; --",
    "\" OR \"1\"=\"1",
    "1 UNION SELECT name FROM sqlite_master",
    "x'||pg_sleep(10)||'",
    "../../../../etc/passwd",
    "..\\..\\windows\\win.ini",
    "parcels\0.json",
    "${jndi:ldap://127.0.0.1/a}",
    "<script>alert(1)</script>",
    "{{7*7}}",
    "\u{202e}slecrap",
    "%n%s%x",
];

/// For a path or a query.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[tokio::test]
async fn what_is_injected_is_a_value_like_any_other() {
    let server = Server::start().await;
    for text in INJECTED {
        let it = encoded(text);
        for path in [
            format!("/collections/{it}"),
            format!("/collections/{it}/items"),
            format!("/collections/{it}/schema"),
            format!("/collections/parcels/items/{it}"),
            format!("/collections/parcels/tiles/{it}"),
            format!("/collections/parcels/tiles/{it}/0/0/0"),
            format!("/collections/parcels/tiles/WebMercatorQuad/{it}/0/0"),
            format!("/tiles/{it}/14/0/0"),
            format!("/tiles/parcels/{it}/0/0"),
            format!("/tileMatrixSets/{it}"),
            format!("/styles/{it}"),
            format!("/fonts/{it}/0-255.pbf"),
            format!("/sprites/{it}"),
            format!("/assets/{it}"),
            format!("/collections/parcels/items?filter={it}"),
            format!("/collections/parcels/items?filter-lang=cql2-json&filter={it}"),
            format!("/collections/parcels/items?filter=%22{it}%22=1"),
            format!("/collections/parcels/items?filter-crs={it}&filter=S_INTERSECTS(geometry,POINT(12%2045))"),
            format!("/collections/parcels/items?crs={it}"),
            format!("/collections/parcels/items?bbox=1,2,3,4&bbox-crs={it}"),
            format!("/collections/parcels/items?bbox={it}"),
            format!("/collections/parcels/items?datetime={it}"),
            format!("/collections/parcels/items?properties={it}"),
            format!("/collections/parcels/items?sortby={it}"),
            format!("/collections/parcels/items?cursor={it}"),
            format!("/collections/parcels/items?{it}=1"),
            format!("/lookup?x={it}&y=45"),
            format!("/parcels?ref={it}"),
        ] {
            let answer = server.get(&path).await;
            assert!(matches!(answer.status, 400 | 404), "{text} in {path}: {} {}", answer.status, answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json", "{path}");
            let told = answer.text().to_lowercase().replace(&text.to_lowercase(), "");
            for secret in ["syntax error at", "rusqlite", "sqlx", "no such table", "panicked", ".rs:", "/root"] {
                assert!(!told.contains(secret), "{path} tells {secret}: {told}");
            }
        }
        // Where any text is a value, no feature has it.
        for query in [
            format!("number={it}"),
            format!("filter=number='{}'", encoded(&text.replace('\'', "''").replace('\\', "\\\\"))),
        ] {
            let page = server.get(&format!("/collections/parcels/items?{query}")).await;
            assert_eq!((page.status, &page.json()["numberMatched"]), (200, &0.into()), "{query}: {}", page.text());
        }
    }
    assert_eq!(server.get("/collections/parcels/items").await.json()["numberMatched"], 100);
    assert_log_is_clean();
}

#[tokio::test]
async fn a_form_that_nobody_gives_is_406_where_there_is_a_choice() {
    let server = Server::start().await;
    let document = document(&server).await;
    let mut chosen = 0;
    // Events have no end, and no choice.
    for (path, operation) in filled(&document, "get").into_iter().filter(|(path, _)| path != "/events") {
        let answer = server.get_with(&path, &[("accept", "image/tiff")]).await;
        if answer.status >= 500 {
            // The store that cannot be asked comes first.
            continue;
        }
        let is_described = operation["responses"].get("406").is_some();
        assert_eq!(answer.status == 406, is_described, "{path}: {}", answer.status);
        if is_described {
            let problem = answer.problem(406, "not-acceptable");
            assert!(problem["allowed"].as_array().is_some_and(|allowed| !allowed.is_empty()), "{path}: {problem}");
            chosen += 1;
        }
    }
    assert!(chosen >= 8, "{chosen}");
}

/// What parameters are made of, in any order: numbers of every size, times, CRSs, words of CQL2 and signs.
fn any_value() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "12.34",
        "45.43",
        "-180",
        "90",
        "1e308",
        "1e-400",
        "NaN",
        "-0",
        "99999999999999999999",
        ",",
        "/",
        "..",
        " ",
        "+",
        "%",
        "[",
        "]",
        "{",
        "\"",
        "2026-02-29",
        "2024-02-29",
        "2026-13-01T25:61:61Z",
        "9999-12-31",
        "0000-00-00",
        "T00:00:00+14:00",
        "EPSG:",
        "7795",
        "4326",
        "http://www.opengis.net/def/crs/",
        "OGC/1.3/CRS84",
        "+proj=utm +zone=33",
        "number",
        "sheet",
        "geometry",
        "=",
        "'",
        "(",
        ")",
        "AND",
        "S_INTERSECTS",
        "POINT",
        "BBOX(",
        "null",
        "true",
        "é",
        "\u{0}",
        "\u{1F5FA}",
    ]);
    prop_oneof![
        3 => prop::collection::vec(words, 0..8).prop_map(|words| words.concat()),
        1 => any::<String>(),
        1 => prop::collection::vec(any::<f64>(), 1..7).prop_map(|all| all.iter().map(f64::to_string).collect::<Vec<_>>().join(",")),
    ]
}

#[test]
fn any_value_of_any_parameter_is_taken_or_refused() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let server = runtime.block_on(Server::start());
    let names = prop::sample::select(vec![
        "bbox",
        "crs",
        "bbox-crs",
        "filter-crs",
        "datetime",
        "at",
        "filter",
        "limit",
        "cursor",
        "sortby",
        "properties",
        "profile",
        "number",
        "sheet",
    ]);
    let given = prop::collection::vec((names, any_value()), 1..4);
    proptest!(ProptestConfig::with_cases(1_500), |(given in given, is_json: bool)| {
        let query = given.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&");
        let language = if is_json { "&filter-lang=cql2-json" } else { "" };
        let answer = runtime.block_on(server.get(&format!("/collections/parcels/items?{query}{language}")));
        // The store of these tests cannot be asked for the past.
        let is_away = answer.status == 503 && given.iter().any(|(name, _)| *name == "at");
        prop_assert!(answer.status < 500 || is_away, "{given:?}: {}", answer.text());
    });
}
