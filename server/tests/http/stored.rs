//! A layer that is kept in the store only answers as its twin in memory does, byte by byte, on both stores.

use std::sync::Arc;

use bricola_layers::definition::{Keep, LayerDefinition};
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, PostgisOptions, PostgisStore, RedactedUrl, Store};
use bricola_layers::tile::TileId;
use chrono::{DateTime, NaiveDate};
use geo_types::{LineString, MultiPolygon, Polygon};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::harness::{Answer, CORNER, CORNER_LONLAT, SIDE, Server, square};

#[path = "../../../layers/tests/common/cluster.rs"]
pub mod cluster;

const TOKEN: &str = "a-token-of-the-gis-office";
const ITEMS: &str = "/collections/plots/items";
const EPSG: &str = "http://www.opengis.net/def/crs/EPSG/0";
/// Columns and rows of the plots.
const COLUMNS: u32 = 30;
const COUNT: u32 = 600;

fn definition(keep: Keep) -> LayerDefinition {
    let field = |name: &str, kind: &str, more: &str| {
        format!(
            "[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\ntitle = {{ it = \"{name}\", en = \"{name}\" }}\n{more}"
        )
    };
    let fields = [
        field("code", "text", ""),
        field("owner", "text", ""),
        field("rank", "integer", ""),
        field("value", "real", ""),
        field("listed", "boolean", ""),
        field("seen", "datetime", ""),
        field("valid_from", "date", ""),
        field("valid_to", "date", ""),
        field("secret", "text", "visibility = \"tax\"\n"),
    ];
    let text = format!(
        "id = \"plots\"\ntitle = {{ it = \"Lotti\", en = \"Plots\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
         theme = \"cadastre\"\ngeometry = \"multipolygon\"\ncrs = \"EPSG:7795\"\nresolution = 0.001\nplaceless = true\n\
         key = [\"code\"]\nlabel = \"code\"\nrank = \"rank\"\ntile_budget = 20000\nzoom = {{ min = 10, max = 18 }}\n{}",
        fields.concat()
    );
    LayerDefinition { keep, ..toml::from_str(&text).expect("a definition") }
}

const OWNERS: [&str; 7] =
    ["", "Città di Prova", "CITTA", "o'Hara; DROP TABLE plots", "straße", "Ένα ς", "\u{1F5FA} \"100%\" _"];

fn plot(n: u32) -> Feature {
    let some = |every: u32, value: Value| if n.is_multiple_of(every) { Value::Null } else { value };
    let day = |month: u32| NaiveDate::from_ymd_opt(2026, month, 1).map_or(Value::Null, Value::Date);
    let rounded = |polygon: Polygon<f64>| {
        let snapped = |at: &geo_types::Coord<f64>| [(at.x * 1e3).round() / 1e3, (at.y * 1e3).round() / 1e3];
        Polygon::new(LineString::from(polygon.exterior().0.iter().map(snapped).collect::<Vec<_>>()), vec![])
    };
    let surface = MultiPolygon(vec![rounded(square(n % COLUMNS, n / COLUMNS))]);
    Feature {
        geometry: (!n.is_multiple_of(41)).then(|| surface.into()),
        properties: vec![
            Value::Text(format!("P{n:04}")),
            some(5, Value::Text(OWNERS[n as usize % 7].to_owned())),
            some(6, Value::Integer(i64::from(n % 11) - 3)),
            some(8, Value::Real(f64::from(n % 17) / 4.0 - 2.0)),
            some(3, Value::Boolean(n.is_multiple_of(2))),
            some(
                4,
                DateTime::from_timestamp(1_767_225_600 + i64::from(n) * 3_600, 0).map_or(Value::Null, Value::DateTime),
            ),
            some(7, day(1 + n % 6)),
            some(2, day(7 + n % 6)),
            Value::Text("segreto".to_owned()),
        ],
    }
}

/// The same layer in memory and in the store, with a server before each.
struct Twins<S> {
    stores: [Arc<S>; 2],
    servers: [Server; 2],
}

impl<S: Store> Twins<S> {
    async fn of(stores: [S; 2]) -> Self {
        let stores = stores.map(Arc::new);
        let mut servers = Vec::new();
        for (store, keep) in stores.iter().zip([Keep::Cached, Keep::Stored]) {
            store.define(&definition(keep)).await.expect("defined");
            let plots: Vec<Edit> = (0..COUNT).map(|n| Edit::Insert(plot(n))).collect();
            store.write("plots", plots).await.expect("written");
            let server = Server::over_with(Arc::clone(store), |config| {
                config.editing.enabled = true;
                config.editing.token = Some(TOKEN.to_owned().into());
            });
            servers.push(server.await);
        }
        let servers = servers.try_into().unwrap_or_else(|_| panic!("two"));
        Self { stores, servers }
    }

    /// What both answer to a request, which must be the same.
    async fn same(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let [cached, stored] =
            [self.servers[0].get_with(path, headers).await, self.servers[1].get_with(path, headers).await];
        self.assert_same(path, &cached, stored)
    }

    fn assert_same(&self, path: &str, cached: &Answer, stored: Answer) -> Answer {
        assert_eq!(stored.status, cached.status, "{path}: {}\n{}", stored.text(), cached.text());
        for header in
            ["content-type", "content-crs", "content-disposition", "bricola-seq", "bricola-kept", "cache-control"]
        {
            assert_eq!(stored.header(header), cached.header(header), "{header} of {path}");
        }
        let bodies =
            [(&self.servers[0], cached), (&self.servers[1], &stored)].map(|(server, answer)| told(server, answer));
        if bodies[0] != bodies[1] {
            let [cached, stored] = bodies.map(|body| String::from_utf8_lossy(&body).into_owned());
            let place = cached.bytes().zip(stored.bytes()).take_while(|(a, b)| a == b).count();
            let around = |text: &str| text.chars().skip(place.saturating_sub(100)).take(300).collect::<String>();
            panic!("{path} differs at {place}:\n{}\n{}", around(&cached), around(&stored));
        }
        stored
    }

    async fn edit(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Json) -> Answer {
        let mut answers = Vec::new();
        for server in &self.servers {
            let media_type =
                if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
            let request = server.client.request(method.clone(), server.url(path)).bearer_auth(TOKEN);
            let request = request.header("content-type", media_type).body(body.to_string());
            answers.push(server.send(headers.iter().fold(request, |request, (n, v)| request.header(*n, *v))).await);
        }
        let (stored, cached) = (answers.remove(1), answers.remove(0));
        self.assert_same(path, &cached, stored)
    }
}

/// A body without what differs between any two answers: when, by whom, where.
fn told(server: &Server, answer: &Answer) -> Vec<u8> {
    if answer.header("content-type").contains("json") && !answer.header("content-type").contains("ndjson") {
        let text = answer.text().replace(&server.url(""), "http://here");
        let mut json: Json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        forget(&mut json);
        return json.to_string().into_bytes();
    }
    match std::str::from_utf8(&answer.body) {
        // A page that tells of an error tells of which request it is.
        Ok(text) => {
            let text = text.replace(&server.url(""), "http://here");
            let id = answer.header("x-request-id");
            if id.is_empty() { text.into_bytes() } else { text.replace(id, "a request").into_bytes() }
        }
        Err(_) => answer.body.clone(),
    }
}

fn forget(json: &mut Json) {
    match json {
        Json::Object(members) => {
            for name in ["timeStamp", "request_id", "at"] {
                members.remove(name);
            }
            members.values_mut().for_each(forget);
        }
        Json::Array(items) => items.iter_mut().for_each(forget),
        _ => {}
    }
}

/// Starts a test for each kind of store.
macro_rules! on_both_stores {
    ($($case:ident),* $(,)?) => {
        mod geopackage {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let folder = tempfile::tempdir().expect("a folder");
                super::$case(super::Twins::of(super::geopackages(&folder).await).await).await;
            })*
        }
        mod postgis {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                super::$case(super::Twins::of(super::databases().await).await).await;
            })*
        }
    };
}

on_both_stores!(
    every_question_about_items_has_the_same_answer,
    files_are_the_same_byte_by_byte,
    tiles_are_the_same_byte_by_byte,
    edits_are_made_and_seen_and_refused_alike,
    the_past_is_told_alike,
    a_page_that_was_read_is_not_sent_again_and_memory_does_not_grow,
    edits_between_pages_neither_repeat_nor_hide_another_feature,
    what_only_memory_answers_says_so,
    what_takes_the_store_too_long_is_refused_with_the_limit,
);

async fn geopackages(folder: &tempfile::TempDir) -> [GeoPackageStore; 2] {
    let open = |name: &str| GeoPackageStore::open(folder.path().join(name), OpenMode::ReadWrite);
    [open("cached.gpkg").await.expect("a store"), open("stored.gpkg").await.expect("a store")]
}

async fn databases() -> [PostgisStore; 2] {
    let mut stores = Vec::new();
    for _ in 0..2 {
        let database = tokio::task::spawn_blocking(|| cluster::cluster().database()).await.expect("a database");
        let url = RedactedUrl::new(cluster::cluster().url(&database));
        stores.push(PostgisStore::open(PostgisOptions::new(url, "city")).await.expect("a store"));
    }
    stores.try_into().unwrap_or_else(|_| panic!("two"))
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

const FILTERS: &[&str] = &[
    "code = 'P0042'",
    "owner = '' OR owner IS NULL",
    "CASEI(owner) = CASEI('STRASSE')",
    "ACCENTI(CASEI(owner)) LIKE 'citt%'",
    "owner LIKE '%''%' AND NOT rank > 3",
    "owner LIKE '%; DROP TABLE%'",
    "owner = '''; DROP TABLE plots; --' OR code = '$1' OR code = '?1'",
    "rank BETWEEN -2 AND 4 AND value <> 1.5",
    "rank IN (1, 2, value)",
    "value * 2 + rank > 3 OR value / rank = 0.5",
    "rank % 3 = 1 AND value ^ 2 > 1",
    "rank DIV 2 = 1",
    "value / 0 > 1 OR NOT (value / 0 > 1)",
    "value * 1e308 * 10 > 1 OR rank = 2",
    "listed AND NOT (rank = 2 OR value IS NULL)",
    "seen >= TIMESTAMP('2026-01-05T00:00:00Z') AND seen < DATE('2026-01-20')",
    "T_DURING(seen, INTERVAL('2026-01-02', '2026-01-04'))",
    "T_INTERSECTS(INTERVAL(valid_from, valid_to), INTERVAL('2026-06-15', '2026-08-01'))",
    "valid_from < seen",
    "geometry IS NULL",
    "S_INTERSECTS(geometry, POINT(12.3391 45.4344))",
    "NOT S_INTERSECTS(geometry, BBOX(12.338, 45.434, 12.3395, 45.4355))",
    "S_DISJOINT(geometry, BBOX(12.338, 45.434, 12.3395, 45.4355)) AND rank = 1",
    "S_WITHIN(geometry, POLYGON((12.338 45.433, 12.342 45.433, 12.342 45.437, 12.338 45.433)))",
    "id IN (1, 7, 600, 601) OR id > 595",
    "TRUE",
    "FALSE",
];

async fn every_question_about_items_has_the_same_answer(twins: Twins<impl Store>) {
    let mut asked = 0;
    let mut found = 0;
    for filter in FILTERS {
        for more in
            ["", "&sortby=-owner,rank&limit=25", "&limit=1000&skipGeometry=true", "&sortby=-seen&limit=7&f=html"]
        {
            let answer = twins.same(&format!("{ITEMS}?filter={}{more}", encoded(filter)), &[]).await;
            assert_eq!(answer.status, 200, "{filter}: {}", answer.text());
            asked += 1;
            if more.is_empty() {
                found += answer.json()["numberMatched"].as_u64().expect("a count");
            }
        }
    }
    assert!(found > 3_000, "{found}");
    let [x, y] = [CORNER[0] + 2.5 * SIDE, CORNER[1] + 1.5 * SIDE];
    let [lon, lat] = CORNER_LONLAT;
    let queries = [
        String::new(),
        "?limit=3".to_owned(),
        "?limit=100000".to_owned(),
        "?f=jsonfg&limit=4".to_owned(),
        format!("?f=jsonfg&profile=jsonfg-plus&crs={EPSG}/6876&limit=4"),
        "?f=html&lang=it".to_owned(),
        format!("?bbox={lon},{lat},{},{}", lon + 0.002, lat + 0.001),
        format!("?bbox={lon},{lat},{},{}&limit=2&sortby=-value", lon + 0.004, lat + 0.003),
        "?bbox=-180,-90,180,90&limit=12".to_owned(),
        "?bbox=12,45,13,46&sortby=owner".to_owned(),
        "?bbox=170,-90,13,90".to_owned(),
        "?bbox=20,45,21,46".to_owned(),
        format!("?bbox={x},{y},{},{}&bbox-crs={EPSG}/7795&limit=500", x + 40.0, y + 20.0),
        format!("?bbox={y},{x},{},{}&bbox-crs={EPSG}/6876&limit=500", y + 20.0, x + 40.0),
        format!("?crs={EPSG}/3003&limit=6"),
        format!("?crs={EPSG}/4326&limit=6&properties=code,rank"),
        "?datetime=2026-03-15&limit=300".to_owned(),
        "?datetime=2026-02-01/2026-02-28&sortby=valid_to".to_owned(),
        "?datetime=../2026-01-31".to_owned(),
        "?datetime=2026-12-31T23:30:00Z/..&bbox=12,45,13,46".to_owned(),
        "?rank=2&listed=true".to_owned(),
        "?owner=".to_owned(),
        format!("?owner={}", encoded("o'Hara; DROP TABLE plots")),
        "?valid_from=2026-02-01".to_owned(),
        format!("?filter={}&filter-crs={EPSG}/7795", encoded(&format!("S_INTERSECTS(geometry,POINT({x} {y}))"))),
        format!("?filter-lang=cql2-json&filter={}", encoded("{\"op\":\"casei\",\"args\":[{\"property\":\"owner\"}]}")),
        format!("?filter-lang=cql2-json&filter={}", encoded("{\"op\":\"=\",\"args\":[{\"property\":\"rank\"},2]}")),
        // What is wrong is as wrong.
        "?filter=secret='x'".to_owned(),
        "?secret=x".to_owned(),
        "?sortby=secret".to_owned(),
        "?filter=code%3D".to_owned(),
        "?filter=code%3E5".to_owned(),
        "?bbox=1,2,3".to_owned(),
        "?limit=0".to_owned(),
        "?cursor=%5B%5D".to_owned(),
        "?colour=red".to_owned(),
        format!("?{}=1", encoded("code\"; DROP TABLE plots; --")),
        format!("?sortby={}", encoded("code\" DESC; --")),
        format!("?properties={}", encoded("code, (SELECT 1)")),
    ];
    for query in queries {
        twins.same(&format!("{ITEMS}{query}"), &[]).await;
        asked += 1;
    }
    for path in
        ["/1", "/42", "/600", "/0", "/601", "/x", "/1;DROP", "/1?crs=http://www.opengis.net/def/crs/EPSG/0/3857"]
    {
        twins.same(&format!("{ITEMS}{path}"), &[]).await;
        twins.same(&format!("{ITEMS}{}", path.replace('?', "?f=html&")), &[("accept", "text/html")]).await;
        asked += 2;
    }
    // Page by page, in orders with values that are missing and with equal ones.
    for order in [
        "",
        "&sortby=rank",
        "&sortby=-rank,-id",
        "&sortby=owner,-value",
        "&sortby=-seen",
        "&sortby=listed,valid_from",
        "&sortby=value",
    ] {
        for (filter, limit) in [
            ("", 97),
            ("&filter=NOT%20listed%20OR%20CASEI(owner)%3D'citta'", 31),
            ("&bbox=12.338,45.434,12.342,45.436", 23),
        ] {
            let mut next = Some(format!("{ITEMS}?limit={limit}{order}{filter}"));
            let mut seen = 0;
            while let Some(path) = next {
                let json = twins.same(&path, &[]).await.json();
                asked += 1;
                seen += json["numberReturned"].as_u64().expect("a count");
                let links = json["links"].as_array().expect("links");
                let link = links.iter().find(|link| link["rel"] == "next");
                let here = twins.servers[1].url("");
                next = link.map(|link| link["href"].as_str().expect("an address").replace(&here, ""));
                assert!(next.is_some() || seen == json["numberMatched"].as_u64().expect("a count"), "{order}{filter}");
            }
        }
    }
    assert!(asked > 250, "{asked}");
}

async fn files_are_the_same_byte_by_byte(twins: Twins<impl Store>) {
    for form in ["csv", "ndjson", "fgb", "parquet", "shp", "gpkg"] {
        for query in [
            String::new(),
            format!("&crs={EPSG}/7795&sortby=-owner,code"),
            "&limit=17".to_owned(),
            "&bbox=12.338,45.434,12.342,45.436&properties=code,rank".to_owned(),
            "&filter=CASEI(owner)%3DCASEI('STRASSE')".to_owned(),
            "&filter=FALSE".to_owned(),
            "&skipGeometry=true&datetime=2026-03-01".to_owned(),
        ] {
            let path = format!("{ITEMS}?f={form}{query}");
            if form == "gpkg" {
                // It says when it was made.
                let [cached, stored] = [twins.servers[0].get(&path).await, twins.servers[1].get(&path).await];
                assert_eq!((cached.status, stored.status), (200, 200), "{path}");
                assert_eq!(cached.body.len(), stored.body.len(), "{path}");
                let differ = cached.body.iter().zip(&stored.body).filter(|(a, b)| a != b).count();
                assert!(differ < 64, "{path}: {differ} bytes differ");
            } else {
                let answer = twins.same(&path, &[]).await;
                assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            }
        }
    }
}

/// The tiles of a zoom in which there are plots, and those around.
fn tiles(z: u8) -> Vec<TileId> {
    let far = [CORNER_LONLAT[0] + 0.008, CORNER_LONLAT[1] + 0.004];
    let corner = |lonlat| TileId::holding(bricola_layers::crs::lonlat_to_world(lonlat), z);
    let (low, high) = (corner(CORNER_LONLAT), corner(far));
    let all = (low.x - 1..=high.x + 1).flat_map(|x| (high.y - 1..=low.y + 1).map(move |y| TileId { z, x, y }));
    let every = if z > 16 { 5 } else { 1 };
    all.step_by(every).collect()
}

async fn tiles_are_the_same_byte_by_byte(twins: Twins<impl Store>) {
    let (mut drawn, mut thinned) = (0, 0);
    for z in 10..=18 {
        for TileId { z, x, y } in tiles(z) {
            for set in ["plots", "plots_label", "plots,plots_label"] {
                let answer = twins.same(&format!("/tiles/{set}/{z}/{x}/{y}"), &[]).await;
                drawn += usize::from(answer.status == 200);
                thinned += usize::from(!answer.header("bricola-kept").is_empty());
                let path = format!("/tiles/{set}/{z}/{x}/{y}");
                let again = twins.same(&path, &[("if-none-match", answer.header("etag"))]).await;
                assert_eq!(again.status, 304);
            }
            // How far the layer reaches is not known as exactly as in memory: tiles beyond are not there a little later.
            if twins.servers[0].get(&format!("/tiles/plots/{z}/{x}/{y}")).await.status == 200 {
                let path = format!("/collections/plots/tiles/WebMercatorQuad/{z}/{y}/{x}");
                twins.same(&path, &[("accept-encoding", "gzip")]).await;
            }
            let filter = encoded("rank > 2 AND CASEI(owner) <> 'citta'");
            twins.same(&format!("/tiles/plots/{z}/{x}/{y}?filter={filter}"), &[]).await;
            twins.same(&format!("/tiles/plots/{z}/{x}/{y}?datetime=2026-03-01"), &[]).await;
        }
    }
    assert!(drawn > 40 && thinned > 3, "{drawn} {thinned}");
    // Another grid, and what the tilesets say.
    let limits = twins.servers[1].get("/collections/plots/tiles/EuropeanETRS89_LAEAQuad").await.json();
    let limits = limits["tileMatrixSetLimits"].as_array().expect("limits").clone();
    let mut in_grid = 0;
    for limit in limits {
        let number = |name: &str| limit[name].as_u64().expect("a number");
        let (matrix, row, column) = (&limit["tileMatrix"], number("minTileRow"), number("minTileCol"));
        let matrix = matrix.as_str().expect("a matrix");
        let answer =
            twins.same(&format!("/collections/plots/tiles/EuropeanETRS89_LAEAQuad/{matrix}/{row}/{column}"), &[]).await;
        in_grid += usize::from(answer.status == 200);
    }
    assert!(in_grid > 1, "{in_grid}");
    let json = twins.servers[1].get("/tiles/plots.json").await.json();
    let [west, south, east, north] = [0, 1, 2, 3].map(|at: usize| json["bounds"][at].as_f64().expect("a number"));
    assert!(west < CORNER_LONLAT[0] && south < CORNER_LONLAT[1] && east > west && north > south, "{json}");
    assert!(east - west < 0.02 && north - south < 0.02, "{json}");
}

async fn edits_are_made_and_seen_and_refused_alike(twins: Twins<impl Store>) {
    let body = |code: &str, rank: i64| {
        let [x, y] = CORNER_LONLAT;
        let ring = json!([[x, y], [x + 0.001, y], [x + 0.001, y + 0.001], [x, y]]);
        json!({"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[ring]]},
            "properties": {"code": code, "rank": rank}})
    };
    let created = twins.edit(Method::POST, ITEMS, &[], &body("NEW", 1)).await;
    assert_eq!(created.status, 201, "{}", created.text());
    let seq = created.header("bricola-seq").to_owned();
    let seen = twins.same(&format!("{ITEMS}/601?min-seq={seq}"), &[]).await;
    assert_eq!((seen.status, seen.header("etag")), (200, "\"v1\""), "{}", seen.text());
    let tile = TileId::holding(bricola_layers::crs::lonlat_to_world(CORNER_LONLAT), 16);
    let path = format!("/tiles/plots/{}/{}/{}", tile.z, tile.x, tile.y);
    let before = twins.same(&format!("{path}?min-seq={seq}"), &[]).await;

    let at = format!("{ITEMS}/601");
    twins
        .edit(Method::PATCH, &at, &[], &json!({"properties": {"rank": 5}}))
        .await
        .problem(428, "precondition-required");
    let patched = twins.edit(Method::PATCH, &at, &[("if-match", "\"v1\"")], &json!({"properties": {"rank": 5}})).await;
    assert_eq!((patched.status, patched.header("etag")), (204, "\"v2\""), "{}", patched.text());
    let stale = twins.edit(Method::PUT, &at, &[("if-match", "\"v1\"")], &body("NEW", 9)).await;
    assert_eq!(stale.problem(412, "precondition-failed")["current"]["properties"]["rank"], 5);
    let seq = patched.header("bricola-seq").to_owned();
    let found = twins.same(&format!("{ITEMS}?code=NEW&min-seq={seq}"), &[]).await.json();
    assert_eq!((&found["numberMatched"], &found["features"][0]["properties"]["rank"]), (&json!(1), &json!(5)));
    let after = twins.same(&format!("{path}?min-seq={seq}"), &[]).await;
    assert_ne!(after.body, before.body, "a tile is never stale");
    let again = twins.edit(Method::POST, ITEMS, &[], &body("NEW", 1)).await;
    again.problem(409, "duplicate-key");
    let dry = twins.edit(Method::POST, &format!("{ITEMS}?dry-run=true"), &[], &body("NEW", 1)).await;
    dry.problem(409, "duplicate-key");
    let dry = twins.edit(Method::POST, &format!("{ITEMS}?dry-run=true"), &[], &body("NEWER", 1)).await;
    assert!(dry.status < 300, "{}", dry.text());
    twins
        .edit(Method::POST, ITEMS, &[], &json!({"type": "Feature", "geometry": null, "properties": {"rank": "x"}}))
        .await;
    let removed = twins.edit(Method::DELETE, &at, &[("if-match", "\"v2\"")], &json!({})).await;
    let seq = removed.header("bricola-seq").to_owned();
    twins.same(&format!("{at}?min-seq={seq}"), &[]).await.problem(404, "unknown-feature");
    let versions = twins.same(&format!("{at}/versions?min-seq={seq}"), &[]).await.json();
    assert_eq!(versions["versions"].as_array().map(Vec::len), Some(2), "{versions}");
    twins.same(&format!("/changes?after={}&layers=plots", seq.parse::<i64>().expect("a seq") - 3), &[]).await;
    let count = twins.servers[1].get("/collections/plots").await.json()["count"].clone();
    assert_eq!(count, COUNT);
    let status = twins.servers[1].get("/status").await.json();
    assert_eq!((&status["layers"][0]["keep"], &status["layers"][0]["state"]), (&json!("stored"), &json!("ready")));
}

async fn the_past_is_told_alike(twins: Twins<impl Store>) {
    let mut moments = vec![twins.stores[0].last_seq().await.expect("a seq")];
    for round in 0..5 {
        for store in &twins.stores {
            let edits = vec![
                Edit::Insert(plot(COUNT + round)),
                Edit::Update {
                    id: 10 + i64::from(round),
                    expected: None,
                    feature: Feature { geometry: None, ..plot(9 + round) },
                },
                Edit::Delete { id: 100 + i64::from(round), expected: None },
            ];
            store.write("plots", edits).await.expect("written");
        }
        moments.push(twins.stores[0].last_seq().await.expect("a seq"));
    }
    let last = moments[moments.len() - 1];
    assert_eq!(twins.stores[1].last_seq().await.expect("a seq"), last);
    for at in moments {
        for query in [
            "limit=5",
            "limit=700&skipGeometry=true",
            "bbox=12.338,45.434,12.342,45.436&sortby=-rank",
            "f=csv",
            "listed=true",
        ] {
            twins.same(&format!("{ITEMS}?at={at}&{query}&min-seq={last}"), &[]).await;
        }
        for id in [10, 12, 100, 103, 601, 604] {
            twins.same(&format!("{ITEMS}/{id}?at={at}&min-seq={last}"), &[]).await;
        }
        let tile = TileId::holding(bricola_layers::crs::lonlat_to_world(CORNER_LONLAT), 15);
        twins.same(&format!("/tiles/plots/{}/{}/{}?at={at}&min-seq={last}", tile.z, tile.x, tile.y), &[]).await;
    }
    twins.same(&format!("{ITEMS}?at={}", last + 100), &[]).await.problem(400, "invalid-parameter");
}

async fn a_page_that_was_read_is_not_sent_again_and_memory_does_not_grow(twins: Twins<impl Store>) {
    let server = &twins.servers[1];
    let page = server.get(ITEMS).await;
    let metric = async |name: &str| {
        let text = server.get("/metrics").await.text();
        let line =
            text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name} in {text}")).to_owned();
        let value = line.rsplit(' ').next().expect("a value").to_owned();
        value.trim_end_matches(".0").parse::<u64>().expect("a whole number")
    };
    let before = metric("bricola_store_questions_total").await;
    assert_eq!(server.get_with(ITEMS, &[("if-none-match", page.header("etag"))]).await.status, 304);
    assert_eq!(metric("bricola_store_questions_total").await, before, "304 asks nothing of the store");
    server.get(&format!("{ITEMS}?limit=3")).await;
    assert_eq!(metric("bricola_store_questions_total").await, before + 1);
    assert_eq!(metric("bricola_layer_bytes{layer=\"plots\"}").await, 0);
    assert_eq!(metric("bricola_layer_features{layer=\"plots\"}").await, u64::from(COUNT));
    // An edit makes another page of it.
    let (_, seq) = twins.stores[1].write("plots", vec![Edit::Delete { id: 5, expected: None }]).await.expect("written");
    let path = format!("{ITEMS}?min-seq={seq}");
    let fresh = server.get_with(&path, &[("if-none-match", page.header("etag"))]).await;
    assert_eq!((fresh.status, fresh.json()["numberMatched"].as_u64()), (200, Some(u64::from(COUNT) - 1)));
}

async fn edits_between_pages_neither_repeat_nor_hide_another_feature(twins: Twins<impl Store>) {
    let (server, store) = (&twins.servers[1], &twins.stores[1]);
    for sort in ["", "&sortby=rank", "&sortby=-rank,owner", "&sortby=-seen"] {
        let before: Vec<i64> = {
            let json = server.get(&format!("{ITEMS}?limit=10000")).await.json();
            json["features"].as_array().expect("features").iter().filter_map(|feature| feature["id"].as_i64()).collect()
        };
        let (mut next, mut seen, mut round) = (Some(server.url(&format!("{ITEMS}?limit=83{sort}"))), Vec::new(), 0_u32);
        while let Some(address) = next {
            let json = server.send(server.client.get(&address)).await.json();
            let features = json["features"].as_array().expect("features");
            seen.extend(features.iter().filter_map(|feature| feature["id"].as_i64()));
            let links = json["links"].as_array().expect("links");
            let link = links.iter().find(|link| link["rel"] == "next");
            next = link.map(|link| link["href"].as_str().expect("an address").to_owned());
            round += 1;
            // One comes that stands anywhere, and one that keeps its place in every order has another geometry.
            let moved = Edit::Update { id: 7, expected: None, feature: Feature { geometry: None, ..plot(6) } };
            let code = Value::Text(format!("N{sort}{round}"));
            let mut new = plot(COUNT + round * 7);
            new.properties[0] = code;
            store.write("plots", vec![Edit::Insert(new), moved]).await.expect("written");
        }
        let mut ids = seen.clone();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), seen.len(), "{sort}: nothing twice");
        assert!(before.iter().all(|id| ids.binary_search(id).is_ok()), "{sort}: nothing is missing");
    }
}

async fn what_only_memory_answers_says_so(twins: Twins<impl Store>) {
    let server = &twins.servers[1];
    let [x, y] = CORNER;
    let problem =
        server.get(&format!("/lookup?x={x}&y={y}&crs=EPSG:7795&layers=plots")).await.problem(422, "layer-stored");
    assert_eq!(problem["layer"], "plots");
    server.get("/collections/plots/differences?from=1").await.problem(422, "layer-stored");
    // Where no layer is named, it is left out.
    let everywhere = server.get(&format!("/lookup?x={x}&y={y}&crs=EPSG:7795")).await;
    assert_eq!((everywhere.status, &everywhere.json()["hits"]), (200, &json!([])));
    let page = server.get_with("/collections/plots", &[("accept", "text/html")]).await;
    assert!(page.status == 200 && page.text().contains("P0001"), "a sample of it");
}

async fn what_takes_the_store_too_long_is_refused_with_the_limit(twins: Twins<impl Store>) {
    let server = &twins.servers[1];
    // At each of its 60,000 places 4,000 letters fit before one does not.
    let slow = (0..200).map(|n| {
        let mut feature = plot(COUNT + n);
        feature.properties[1] = Value::Text("a".repeat(60_000));
        Edit::Insert(feature)
    });
    let (_, seq) = twins.stores[1].write("plots", slow.collect()).await.expect("written");
    server.get(&format!("/status?min-seq={seq}")).await;
    let started = std::time::Instant::now();
    let problem = server.get(&format!("{ITEMS}?filter=owner%20LIKE%20'%25{}b%25'", "a".repeat(4_000))).await;
    let problem = problem.problem(422, "too-costly");
    assert_eq!((&problem["limit"], &problem["allowed"]), (&json!("MAX_QUERY_MS"), &json!(10_000)));
    assert!(started.elapsed() < std::time::Duration::from_secs(20), "{:?}", started.elapsed());
    // The store goes on.
    assert_eq!(server.get(&format!("{ITEMS}?code=P0001")).await.json()["numberMatched"], 1);
}
