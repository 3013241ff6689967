//! Pages for people: what stands in them, that nothing in the data becomes a part of the page, and that links lead somewhere.

use std::collections::BTreeSet;
use std::sync::Arc;

use bricola_layers::definition::LayerDefinition;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Store as _};
use geo_types::Point;

use super::harness::{Answer, CORNER, Server, assert_log_is_clean};

const PATHS: [&str; 15] = [
    "/collections",
    "/collections/parcels",
    "/collections/parcels/items",
    "/collections/parcels/items/5",
    "/collections/parcels/schema",
    "/collections/parcels/queryables",
    "/collections/parcels/sortables",
    "/styles",
    "/tiles",
    "/tiles/WebMercatorQuad",
    "/collections/parcels/tiles",
    "/collections/parcels/tiles/EuropeanETRS89_LAEAQuad",
    "/tileMatrixSets",
    "/tileMatrixSets/WorldCRS84Quad",
    "/conformance",
];

/// What a browser accepts.
const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/webp,*/*;q=0.8");

/// The values of an attribute, as they are written.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!(" {name}=\"");
    page.split(&begin).skip(1).map(|rest| rest.split('"').next().expect("an end")).collect()
}

/// Fails where a page holds what the content security policy forbids.
fn assert_policy(path: &str, answer: &Answer) {
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
    let policy = answer.header("content-security-policy");
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{path}: {policy}");
    let page = answer.text();
    assert!(page.starts_with("<!DOCTYPE html>"), "{path}");
    for script in page.split("<script").skip(1) {
        assert!(script.starts_with(" type=\"module\" src=\"") && script.contains("></script>"), "{path}: {script:.80}");
    }
    assert!(!page.contains("<style") && !page.contains(" style=\"") && !page.contains(" onclick=\""), "{path}");
    for name in ["src", "href", "data-style", "data-feature"] {
        for address in attributes(&page, name) {
            assert!(!address.to_ascii_lowercase().starts_with("javascript:"), "{path}: {address}");
        }
    }
}

#[tokio::test]
async fn every_page_is_there_in_both_languages() {
    let server = Server::start().await;
    for path in PATHS {
        for (lang, text) in [("it", "Strati"), ("en", "Layers")] {
            for answer in [
                server.get(&format!("{path}?f=html&lang={lang}")).await,
                server.get_with(path, &[BROWSER, ("accept-language", &format!("{lang},de;q=0.5"))]).await,
            ] {
                assert_policy(path, &answer);
                assert_eq!(answer.header("content-language"), lang, "{path}");
                assert!(answer.header("vary").contains("accept-language"), "{path}");
                let page = answer.text();
                assert!(page.contains(&format!("<html lang=\"{lang}\">")) && page.contains(text), "{path}: {page}");
            }
        }
        let json = server.get_with(path, &[("accept", "*/*")]).await;
        assert!(json.header("content-type").contains("json"), "{path} is for programs unless somebody asks for a page");
        server.get_with(path, &[("accept", "image/png")]).await.problem(406, "not-acceptable");
    }
    assert_log_is_clean();
}

#[tokio::test]
async fn pages_say_what_the_documents_say() {
    let server = Server::start().await;
    let page = server.get("/collections?f=html&lang=it").await.text();
    for layer in ["Particelle", "fountains it", "streets it"] {
        assert!(page.contains(layer), "{layer}");
    }
    assert!(!page.contains("rentals"), "what may not be seen is not there");
    assert!(page.contains("in lettura"), "the layer that is being read says so");
    let page = server.get("/collections/parcels?f=html&lang=en").await.text();
    for text in
        ["Parcels", "100 features", "L736_001200.5", "Agenzia", "national_ref", "FlatGeobuf", "geopandas", "QGIS"]
    {
        assert!(page.contains(text), "{text}");
    }
    assert!(!page.contains("value_eur"), "a field that may not be seen is not there");
    assert!(attributes(&page, "data-bbox")[0].starts_with("12.33"), "{page}");
    let page = server.get("/collections/parcels/items?f=html&lang=en&limit=7&sortby=-number").await.text();
    assert_eq!(page.matches("<tr>").count(), 8);
    assert!(page.contains("7 of 100 features") && page.contains("aria-sort=\"descending\""), "{page}");
    assert!(page.contains("L736_001200.99"), "sorted");
    let none = server.get("/collections/parcels/items?f=html&lang=en&sheet=99").await.text();
    assert!(none.contains("0 of 0 features") && none.contains("No feature matches."), "{none}");
    let page = server.get("/collections/parcels/items/5?f=html&lang=en").await.text();
    assert!(
        page.contains("L736_001200.5") && attributes(&page, "data-feature")[0].ends_with("items/5?f=json"),
        "{page}"
    );
    // Coordinates of the answer have no say in where the map lies.
    let other = "/collections/parcels/items/5?f=html&crs=http://www.opengis.net/def/crs/EPSG/0/3857";
    assert!(attributes(&server.get(other).await.text(), "data-bbox")[0].starts_with("12.33"));
    let page = server.get("/collections/parcels/schema?f=html&lang=it").await.text();
    assert!(page.contains("numero intero") && page.contains("superfici") && page.contains("Foglio"), "{page}");
    assert!(server.get("/conformance?f=html").await.text().contains("OGC API – Features – Part 1: Core 1.0"));
    assert!(server.get("/styles?f=html").await.text().contains("/styles/city"));
    server.get("/collections/nothing?f=html").await.problem(404, "unknown-layer");
    server.get("/collections/parcels/items/0?f=html").await.problem(404, "unknown-feature");
    assert_log_is_clean();
}

#[tokio::test]
async fn pages_lead_from_page_to_page() {
    let server = Server::start().await;
    let next = server.get("/collections/parcels/items?f=html&lang=en&limit=40").await.text();
    let next =
        attributes(&next, "href").into_iter().find(|href| href.contains("cursor")).expect("a next page").to_owned();
    let page = server.get(&format!("/collections/parcels/items{}", next.replace("&amp;", "&"))).await.text();
    assert!(page.contains("L736_001200.41") && page.contains("First page"), "{page}");
    let mut waiting: Vec<String> = PATHS.iter().map(|path| format!("{path}?f=html&lang=en")).collect();
    let mut seen: BTreeSet<String> = waiting.iter().cloned().collect();
    while let Some(path) = waiting.pop() {
        let answer = server.get(&path).await;
        // A layer that is being read has nothing to show or to download yet.
        let is_loading = path.contains("slow-layer/items") && answer.status == 503;
        // What is for the staff asks who is there.
        let is_staffs = ["/units", "/rentals"].iter().any(|it| path.starts_with(it)) && answer.status == 401;
        assert!(answer.status == 200 || is_loading || is_staffs, "{path}: {}", answer.status);
        // The dashboard leads to itself in hundreds of ways; those of its first page are followed.
        let is_choice = path.starts_with("/works?") && path.contains("by=");
        if !answer.header("content-type").starts_with("text/html") || is_choice || seen.len() > 400 {
            continue;
        }
        let base = reqwest::Url::parse(&server.url(&path)).expect("an address");
        for href in attributes(&answer.text(), "href").into_iter().chain(attributes(&answer.text(), "src")) {
            let to = base.join(&href.replace("&amp;", "&")).expect("an address");
            if to.origin() == base.origin() {
                let to = format!("{}?{}", to.path(), to.query().unwrap_or_default());
                if seen.insert(to.clone()) {
                    waiting.push(to);
                }
            }
        }
    }
    assert!(seen.len() > 60, "{seen:?}");
    assert!(seen.contains("/collections/parcels/items?f=gpkg") && seen.contains("/api?f=html&lang=en"), "{seen:?}");
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_the_data_becomes_part_of_a_page() {
    let attack = "<script>alert('x')</script>";
    let quoted = "\" onclick=\"alert(1)\" x=\"";
    let text = format!(
        "id = \"traps\"\ntitle = {{ it = '''{attack}''', en = '''{attack}{quoted}''' }}\n\
         description = {{ it = '''{attack}''', en = '''{attack}''' }}\ntheme = \"green\"\ngeometry = \"point\"\n\
         crs = \"EPSG:7795\"\nlabel = \"name\"\nattribution = '''{attack}'''\ncontact = \"javascript:alert(1)\"\n\
         [[field]]\nname = \"name\"\ntype = \"text\"\ntitle = {{ it = '''{attack}''', en = '''{attack}''' }}\nunit = '''{attack}'''\n\
         values = [{{ code = '''{quoted}''', title = {{ it = '''{attack}''', en = '''{attack}''' }} }}]\n"
    );
    let definition: LayerDefinition = toml::from_str(&text).expect("a definition");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("bricola.gpkg");
    let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
    store.define(&definition).await.expect("defined");
    let values =
        [attack, quoted, "javascript:alert(1)", "https://x.it/\"><script>", "https://www.comune.example.it/a?b&c"];
    let edits = values.map(|value| {
        let point = Point::new((CORNER[0] * 1e3).round() / 1e3, (CORNER[1] * 1e3).round() / 1e3);
        Edit::Insert(Feature { geometry: Some(point.into()), properties: vec![Value::Text(value.to_owned())] })
    });
    let (_, seq) = store.write("traps", edits.into()).await.expect("written");
    let server = Server::over_with(Arc::clone(&store), |config| attack.clone_into(&mut config.tenant.name)).await;
    server.get(&format!("/status?min-seq={seq}")).await;
    let query = "f=html&lang=en";
    let mut paths: Vec<String> = (1..=5).map(|id| format!("/collections/traps/items/{id}?{query}")).collect();
    paths.extend(
        ["", "/items", "/schema", "/queryables", "/sortables"].map(|end| format!("/collections/traps{end}?{query}")),
    );
    paths.extend(["/collections", "/styles", "/conformance"].map(|path| format!("{path}?{query}")));
    let filter = "name%20%3C%3E%20%27%3Cscript%3Ealert(2)%3C/script%3E%27";
    paths.push(format!("/collections/traps/items?{query}&filter={filter}&sortby=name"));
    for path in &paths {
        let answer = server.get(path).await;
        assert_policy(path, &answer);
        let page = answer.text();
        assert!(!page.contains("<script>") && !page.contains("onclick=\"alert"), "{path}: {page}");
        assert!(page.contains("&lt;script&gt;"), "{path}: the name of the ente is there, and escaped");
    }
    let page = server.get(&format!("/collections/traps/items?{query}")).await.text();
    assert!(
        page.contains("<a href=\"https://www.comune.example.it/a?b&amp;c\" rel=\"nofollow noopener noreferrer\">"),
        "{page}"
    );
    assert!(attributes(&page, "href").iter().all(|href| !href.contains("javascript") && !href.contains('<')), "{page}");
    assert_log_is_clean();
}

#[tokio::test]
async fn an_error_is_a_page_for_who_opens_it_in_a_browser_and_a_document_for_programs() {
    let server = Server::start().await;
    for path in ["/collections/moon<b>", "/nowhere", "/collections/parcels/items?limit=a%3Cb%3E", "/styles/moon"] {
        let program = server.get(path).await;
        let document = program.json();
        for (language, text) in [("it", "Errore"), ("en", "Error")] {
            let page = server.get_with(path, &[BROWSER, ("accept-language", language)]).await;
            assert_eq!(
                (page.status, page.header("content-type")),
                (program.status, "text/html; charset=utf-8"),
                "{path}"
            );
            assert_eq!((page.header("content-language"), page.header("cache-control")), (language, "no-store"));
            let html = page.text();
            assert!(html.contains(text) && html.contains(document["code"].as_str().expect("a code")), "{path}: {html}");
            assert!(!html.contains("<b>") && !html.contains("<script>"), "{path}");
            let escaped = |text: &str| {
                text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
            };
            assert!(html.contains(&escaped(document["detail"].as_str().expect("a detail"))), "{path}: {html}");
        }
        for accept in ["*/*", "application/json", "application/json, text/html", "image/png"] {
            let answer = server.get_with(path, &[("accept", accept)]).await;
            assert!(answer.header("content-type").ends_with("json"), "{path} {accept}");
        }
    }
}
