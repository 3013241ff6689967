//! `/search`, `/geocode` and `/reverse`, over a small demo city in a real store.

use std::sync::Arc;

use bricola_city::City;
use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, GeoPackageStore, OpenMode, Replacement as _, Store as _};
use serde_json::Value as Json;
use tempfile::TempDir;

use super::harness::{Answer, Server};

const LAYERS: [&str; 7] = ["addresses", "streets", "districts", "islands", "schools", "parcels", "tax-objects"];

/// The city in a store, and what is in two of its layers.
struct Demo {
    store: Arc<GeoPackageStore>,
    server: Server,
    addresses: Vec<Feature>,
    streets: Vec<Feature>,
    _folder: TempDir,
}

fn definition(layer: &str) -> LayerDefinition {
    let mut definition = Catalog::shipped().expect("sound").get(layer).expect("shipped").clone();
    definition.crs = Some(bricola_city::CRS.to_owned());
    definition
}

impl Demo {
    async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("bricola.gpkg");
        let store = Arc::new(GeoPackageStore::open(path, OpenMode::ReadWrite).await.expect("a store"));
        let city = City::new(1_500, 7);
        let (mut addresses, mut streets) = (Vec::new(), Vec::new());
        for layer in LAYERS {
            let definition = definition(layer);
            let features: Vec<Feature> = city.features(layer, &definition).collect();
            match layer {
                "addresses" => addresses.clone_from(&features),
                "streets" => streets.clone_from(&features),
                _ => {}
            }
            store.define(&definition).await.expect("defined");
            let mut replacement = store.replace(layer).await.expect("begun");
            replacement.push(features).await.expect("pushed");
            replacement.commit().await.expect("committed");
        }
        let server = Server::over(Arc::clone(&store)).await;
        Self { store, server, addresses, streets, _folder: folder }
    }

    async fn search(&self, query: &[(&str, &str)]) -> Vec<Json> {
        hits(&self.ask("/search", query).await)
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Answer {
        self.server.send(self.server.client.get(self.server.url(path)).query(query)).await
    }
}

fn hits(answer: &Answer) -> Vec<Json> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["hits"].as_array().expect("hits").clone()
}

/// A text of an address of the city, by the name of its field.
fn value<'a>(layer: &str, feature: &'a Feature, field: &str) -> &'a str {
    let (position, _) =
        definition(layer).field(field).map(|(position, field)| (position, field.clone())).expect("a field");
    match &feature.properties[position] {
        Value::Text(text) => text,
        _ => "",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_found_as_it_is_written_whoever_numbers_it() {
    let demo = Demo::new().await;
    let (mut asked, mut found, mut of_sestieri) = (0, 0, 0);
    for address in demo.addresses.iter().step_by(7) {
        let [full, number, district, suffix] =
            ["full", "number", "district", "suffix"].map(|field| value("addresses", address, field));
        let answer = demo.ask("/geocode", &[("q", full), ("limit", "5")]).await;
        asked += 1;
        of_sestieri += usize::from(full.starts_with(district));
        let written = if suffix.is_empty() { format!(" {number}") } else { format!(" {number}/{suffix}") };
        let is_it = |hit: &Json| {
            let (label, context) = (hit["label"].as_str().expect("a label"), hit["context"].as_str().expect("text"));
            hit["kind"] == "address"
                && hit["quality"] == "exact"
                && label.ends_with(&written)
                && (label.starts_with(district) || context == district)
        };
        let all = hits(&answer);
        found += usize::from(all.first().is_some_and(is_it));
        if !all.first().is_some_and(is_it) {
            eprintln!("{full}: {:?}", all.first());
        }
    }
    assert!(asked > 100 && of_sestieri > 20, "{asked} {of_sestieri}");
    assert!(found * 100 >= asked * 99, "{found} of {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streets_are_found_however_they_are_typed() {
    let demo = Demo::new().await;
    let plain = |name: &str| {
        let mut text = name.to_lowercase().replace('à', "a").replace('è', "e").replace('ò', "o").replace('ù', "u");
        for (long, short) in
            [("via ", "v. "), ("viale ", "v.le "), ("piazza ", "p.zza "), ("sant'", "s. "), ("san ", "s. ")]
        {
            text = text.replace(long, short);
        }
        text
    };
    // A letter of the longest word is left out, if that leaves enough of it.
    let misspelt = |name: &str| {
        let longest = name.split(' ').max_by_key(|word| word.len()).unwrap_or_default();
        let middle = longest.char_indices().nth(longest.chars().count() / 2).map_or(0, |(at, _)| at);
        let mut wrong = longest.to_owned();
        if longest.chars().count() > 5 {
            wrong.remove(middle);
        }
        name.replace(longest, &wrong)
    };
    let begun = |name: &str| name.chars().take(name.chars().count() - 2).collect::<String>();
    let mut asked = 0;
    let mut found = [0; 3];
    for street in demo.streets.iter().step_by(9) {
        let name = value("streets", street, "full_name");
        asked += 1;
        for (way, text) in [plain(name), misspelt(name), begun(name)].into_iter().enumerate() {
            let hits = demo.search(&[("q", &text), ("kind", "street"), ("limit", "20")]).await;
            let is_there = hits.iter().any(|hit| hit["label"] == name);
            found[way] += usize::from(is_there);
            if !is_there {
                eprintln!("{name} as {text}: {:?}", hits.iter().map(|hit| &hit["label"]).collect::<Vec<_>>());
            }
        }
    }
    assert!(asked > 30, "{asked}");
    assert!(found.iter().all(|found| found * 100 >= asked * 96), "{found:?} of {asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_box_finds_parcels_places_and_what_has_a_name_and_nothing_that_is_not_public() {
    let demo = Demo::new().await;
    let reference =
        demo.server.get("/collections/parcels/items?limit=1").await.json()["features"][0]["properties"].clone();
    let (sheet, number) = (&reference["sheet"], reference["number"].as_str().expect("a number"));
    for text in [
        reference["national_ref"].as_str().expect("a reference").to_owned(),
        format!("foglio {sheet} particella {number}"),
        format!("fg. {sheet} mapp. {number}"),
    ] {
        let hits = demo.search(&[("q", &text), ("lang", "en")]).await;
        assert_eq!((&hits[0]["kind"], &hits[0]["layer"]), (&"parcel".into(), &"parcels".into()), "{text}");
        assert!(hits[0]["label"].as_str().is_some_and(|label| label.ends_with(&format!("parcel {number}"))));
        assert_eq!(hits[0]["bbox"].as_array().expect("a box").len(), 4);
        let item = demo.server.send(demo.server.client.get(hits[0]["href"].as_str().expect("a link"))).await;
        assert_eq!(
            item.json()["properties"]["national_ref"],
            hits[0]["context"].as_str().expect("text").split(" · ").next().expect("one")
        );
    }
    let place =
        demo.server.get("/collections/districts/items?limit=1").await.json()["features"][0]["properties"]["name"]
            .clone();
    let place = place.as_str().expect("a name");
    let found = demo.search(&[("q", place)]).await;
    assert_eq!((&found[0]["kind"], &found[0]["label"]), (&"place".into(), &place.into()));
    let school =
        demo.server.get("/collections/schools/items?limit=1").await.json()["features"][0]["properties"]["name"].clone();
    let found = demo.search(&[("q", school.as_str().expect("a name")), ("layers", "schools")]).await;
    assert_eq!((&found[0]["layer"], &found[0]["quality"]), (&"schools".into(), &"exact".into()));
    assert!(found[0]["context"].as_str().is_some_and(|context| context.starts_with("Scuole")), "{}", found[0]);
    // Objects of the tax office have codes; nobody finds them here.
    let seen = demo.search(&[("q", "OI"), ("limit", "50")]).await;
    assert!(seen.iter().all(|hit| hit["layer"] != "tax-objects"));
    let everywhere = demo.search(&[("q", place), ("kind", "address,street"), ("limit", "50")]).await;
    assert!(everywhere.iter().all(|hit| hit["kind"] == "address" || hit["kind"] == "street"));
}

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_found_within_a_second_and_what_is_gone_is_not() {
    let demo = Demo::new().await;
    let mut added = demo.addresses[0].clone();
    let mut set = |field: &str, text: &str| {
        let position = definition("addresses").field(field).expect("a field").0;
        added.properties[position] = Value::Text(text.to_owned());
    };
    set("code", "A-NEW");
    set("street_name", "Calle del Bricolo Novissimo");
    set("number", "77");
    set("suffix", "Z");
    set("district", "Canalgrando");
    set("full", "Canalgrando 77/Z, Calle del Bricolo Novissimo");
    let (ids, seq) = demo.store.write("addresses", vec![Edit::Insert(added.clone())]).await.expect("written");
    let began = std::time::Instant::now();
    let fresh = |seq: i64| seq.to_string();
    let hits = demo.search(&[("q", "bricolo novissimo 77z"), ("min-seq", &fresh(seq))]).await;
    assert!(began.elapsed().as_secs_f64() < 2.0, "{:?}", began.elapsed());
    assert_eq!((&hits[0]["id"], &hits[0]["quality"]), (&ids[0].into(), &"exact".into()), "{hits:#?}");
    assert_eq!(
        (&hits[0]["label"], &hits[0]["context"]),
        (&"Canalgrando 77/Z".into(), &"Calle del Bricolo Novissimo".into())
    );
    let by_sestiere = demo.search(&[("q", "Canalgrando 77/Z"), ("min-seq", &fresh(seq))]).await;
    assert_eq!(by_sestiere[0]["id"], ids[0]);
    // The street moves to another number, then goes.
    let position = definition("addresses").field("number").expect("a field").0;
    added.properties[position] = Value::Text("79".to_owned());
    let edit = Edit::Update { id: ids[0], expected: None, feature: added };
    let (_, seq) = demo.store.write("addresses", vec![edit]).await.expect("written");
    let hits = demo.search(&[("q", "bricolo novissimo 77z"), ("min-seq", &fresh(seq))]).await;
    assert_eq!((&hits[0]["id"], &hits[0]["quality"]), (&ids[0].into(), &"nearest-number".into()));
    let gone = Edit::Delete { id: ids[0], expected: None };
    let (_, seq) = demo.store.write("addresses", vec![gone]).await.expect("written");
    let hits = demo.search(&[("q", "bricolo novissimo"), ("min-seq", &fresh(seq))]).await;
    assert!(hits.iter().all(|hit| !hit["label"].to_string().contains("Novissimo")), "{hits:#?}");
    // A layer is loaded anew with one street in it.
    let mut only = demo.streets[0].clone();
    let position = definition("streets").field("full_name").expect("a field").0;
    only.properties[position] = Value::Text("Riva dell'Unica Rimasta".to_owned());
    let mut replacement = demo.store.replace("streets").await.expect("begun");
    replacement.push(vec![only]).await.expect("pushed");
    replacement.commit().await.expect("committed");
    let seq = demo.store.last_seq().await.expect("the end");
    let hits = demo.search(&[("q", "riva unica rimasta"), ("min-seq", &fresh(seq))]).await;
    assert_eq!((&hits[0]["layer"], &hits[0]["label"]), (&"streets".into(), &"Riva dell'Unica Rimasta".into()));
    let streets = demo.search(&[("q", "via"), ("layers", "streets"), ("limit", "50"), ("min-seq", &fresh(seq))]).await;
    assert!(streets.len() <= 1, "{streets:#?}");
    let answer = demo.ask("/search", &[("q", "riva"), ("min-seq", &fresh(seq))]).await;
    let said = answer.json()["seq"].as_i64().expect("a number");
    assert!(said >= seq && answer.header("bricola-seq") == said.to_string());
    // A layer goes, and comes back.
    demo.store.drop_layer("streets").await.expect("dropped");
    let is_there =
        async || demo.search(&[("q", "riva unica rimasta")]).await.iter().any(|hit| hit["layer"] == "streets");
    let mut looks = 0;
    while is_there().await {
        looks += 1;
        assert!(looks < 100, "the layer is gone and still found");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    demo.store.define(&definition("streets")).await.expect("defined");
    let (_, seq) = demo.store.write("streets", vec![Edit::Insert(demo.streets[1].clone())]).await.expect("written");
    let name = value("streets", &demo.streets[1], "full_name");
    let hits = demo.search(&[("q", name), ("min-seq", &fresh(seq))]).await;
    assert_eq!((&hits[0]["layer"], &hits[0]["label"]), (&"streets".into(), &name.into()), "{hits:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_nearest_address_is_the_nearest_of_all() {
    let demo = Demo::new().await;
    let mut all: Vec<(i64, [f64; 2])> = Vec::new();
    let mut path = "/collections/addresses/items?limit=1000".to_owned();
    loop {
        let page = demo.server.get(&path).await.json();
        for feature in page["features"].as_array().expect("features") {
            let at = [0, 1].map(|axis: usize| feature["geometry"]["coordinates"][axis].as_f64().expect("degrees"));
            all.push((feature["id"].as_i64().expect("an id"), at));
        }
        let next = page["links"].as_array().expect("links").iter().find(|link| link["rel"] == "next");
        let Some(next) = next.and_then(|link| link["href"].as_str()) else { break };
        path = next[next.find("/collections").expect("a path")..].to_owned();
    }
    assert_eq!(all.len(), demo.addresses.len());
    let metres = |a: [f64; 2], b: [f64; 2]| {
        let east = (a[0] - b[0]) * f64::midpoint(a[1], b[1]).to_radians().cos();
        east.hypot(a[1] - b[1]) * 111_195.0
    };
    let mut far = 0;
    for (number, (_, at)) in all.iter().step_by(13).enumerate() {
        let shift = |axis: usize| ((number * (axis + 3) * 37) % 200) as f64 * 1e-5 - 1e-3;
        let at = [at[0] + shift(0), at[1] + shift(1)];
        let [lon, lat] = at.map(|degrees| degrees.to_string());
        let answer = demo.ask("/reverse", &[("lon", &lon), ("lat", &lat), ("radius", "300")]).await;
        let found = answer.json()["address"].clone();
        let nearest = all.iter().map(|(_, place)| metres(at, *place)).fold(f64::MAX, f64::min);
        if nearest > 301.0 {
            far += 1;
            assert!(found.is_null(), "{found}");
            continue;
        }
        let told = found["distance_m"].as_f64().unwrap_or_else(|| panic!("nothing at {at:?}, though {nearest} m away"));
        assert!((told - nearest).abs() < 0.01_f64.mul_add(nearest, 0.05), "{told} {nearest}");
        let place = [found["lon"].as_f64().expect("degrees"), found["lat"].as_f64().expect("degrees")];
        assert!((metres(at, place) - nearest).abs() < 0.05, "{found}");
    }
    assert!(far < all.len() / 13, "some are near");
    let sea = demo.ask("/reverse", &[("lon", "3.0"), ("lat", "43.0")]).await.json();
    assert!(sea["address"].is_null() && sea["street"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_addresses_comes_back_whole_with_places_or_reasons() {
    let demo = Demo::new().await;
    let sample: Vec<&Feature> = demo.addresses.iter().step_by(11).collect();
    let mut body = String::from("n,indirizzo,nota\r\n");
    for (number, address) in sample.iter().enumerate() {
        let full = value("addresses", address, "full");
        body.extend([&*number.to_string(), ",\"", full, "\",\"a \"\"note\"\"\nof two lines\"\r\n"]);
    }
    body += "x,,empty\r\ny,Xyzzy Qwertz 12,nowhere\r\nz\r\n";
    let ask = async |query: &str, body: Vec<u8>| {
        let request = demo.server.client.post(demo.server.url(&format!("/geocode{query}")));
        demo.server.send(request.header("content-type", "text/csv").body(body)).await
    };
    let answer = ask("", body.into_bytes()).await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/csv; charset=utf-8; header=present"));
    let mut reader = csv::Reader::from_reader(&answer.body[..]);
    let names: Vec<String> = reader.headers().expect("a header").iter().map(str::to_owned).collect();
    assert_eq!(names, ["n", "indirizzo", "nota", "lon", "lat", "score", "quality", "label", "layer", "id", "reason"]);
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(&answer.body[..]);
    let rows: Vec<csv::StringRecord> = reader.records().map(|row| row.expect("a row")).collect();
    assert_eq!(rows.len(), sample.len() + 3);
    for (number, (row, address)) in rows.iter().zip(&sample).enumerate() {
        assert_eq!(
            (&row[0], &row[1], &row[2]),
            (&*number.to_string(), value("addresses", address, "full"), "a \"note\"\nof two lines")
        );
        let best = hits(&demo.ask("/geocode", &[("q", &row[1]), ("limit", "1")]).await).remove(0);
        assert_eq!(
            (row[9].parse::<i64>().ok(), &row[6], &row[10]),
            (best["id"].as_i64(), best["quality"].as_str().expect("a word"), "")
        );
        let [lon, lat] = [3, 4].map(|column| row[column].parse::<f64>().expect("degrees"));
        assert!(
            (lon - best["lon"].as_f64().expect("degrees")).abs() < 1e-6
                && (lat - best["lat"].as_f64().expect("degrees")).abs() < 1e-6
        );
    }
    let reasons: Vec<&str> = rows[sample.len()..].iter().map(|row| row.iter().next_back().expect("a column")).collect();
    assert_eq!(reasons, ["the address is empty", "no street or district of that name", "the address is empty"]);

    // In parts, by semicolons, in Latin-1, with columns that are there already and named by the caller.
    let first = sample[0];
    let parts = ["street_name", "number", "suffix", "district"].map(|field| value("addresses", first, field));
    let text = format!(
        "lon;toponomastica;civico;esponente;localita\n0;{}\n;Via inventata di sana pianta;1;;\n",
        parts.join(";")
    );
    let latin: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect();
    let answer = ask("?street=toponomastica", latin).await;
    let text: String = answer.body.iter().map(|byte| char::from(*byte)).collect();
    let mut lines = text.lines();
    assert_eq!(
        lines.next(),
        Some("lon;toponomastica;civico;esponente;localita;geocoded_lon;lat;score;quality;label;layer;id;reason")
    );
    assert!(lines.next().is_some_and(|line| line.contains(";exact;") && line.contains(";addresses;")), "{text}");
    assert!(lines.next().is_some_and(|line| line.ends_with(";no street or district of that name")), "{text}");

    let problem = ask("", b"a,b\n1,2\n".to_vec()).await.problem(400, "invalid-body");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("a, b")), "{problem}");
    ask("?address=nope", b"a,b\n1,2\n".to_vec()).await.problem(400, "invalid-parameter");
    ask("", Vec::new()).await.problem(400, "invalid-body");
    let request = demo.server.client.post(demo.server.url("/geocode")).header("content-type", "application/json");
    demo.server.send(request.body("{}")).await.problem(415, "unsupported-media-type");
}

#[tokio::test]
async fn bad_questions_are_refused_by_name() {
    let server = Server::start().await;
    let long = "x".repeat(201);
    for (path, code, parameter) in [
        ("/search", "missing-parameter", "q"),
        ("/search?q=%20", "missing-parameter", "q"),
        (&*format!("/search?q={long}"), "invalid-parameter", "q"),
        ("/search?q=a&limit=0", "invalid-parameter", "limit"),
        ("/search?q=a&limit=51", "invalid-parameter", "limit"),
        ("/search?q=a&kind=road", "invalid-parameter", "kind"),
        ("/search?q=a&near=12", "invalid-parameter", "near"),
        ("/search?q=a&near=200,45", "invalid-parameter", "near"),
        ("/search?q=a&near=NaN,45", "invalid-parameter", "near"),
        ("/search?q=a&bbox=1,2,3", "invalid-parameter", "bbox"),
        ("/search?q=a&bbox=3,2,1,4", "invalid-parameter", "bbox"),
        ("/search?q=a&lang=de", "invalid-parameter", "lang"),
        ("/geocode", "missing-parameter", "q"),
        ("/geocode?number=12", "missing-parameter", "q"),
        ("/geocode?q=a&street=b", "invalid-parameter", "street"),
        ("/geocode?street=a&number=b", "invalid-parameter", "number"),
        ("/geocode?street=a&suffix=b", "invalid-parameter", "suffix"),
        ("/reverse?lon=12", "missing-parameter", "lat"),
        ("/reverse?lon=12&lat=100", "invalid-parameter", "lat"),
        ("/reverse?lon=12&lat=45&radius=5001", "invalid-parameter", "radius"),
    ] {
        let problem = server.get(path).await.problem(400, code);
        assert_eq!(problem["parameter"], parameter, "{path}");
    }
    server.get("/search?q=a&layers=rentals").await.problem(404, "unknown-layer");
    for text in [
        "%00%ff%fe",
        "%F0%9F%8F%A0",
        "''''",
        "12%2F%2F%2F",
        "99999999999999999999",
        "a%20".repeat(60).as_str(),
        "%2B%2D*()~%22",
    ] {
        let answer = server.get(&format!("/search?q={text}")).await;
        assert_eq!(answer.status, 200, "{text}: {}", answer.text());
        assert_eq!(server.get(&format!("/geocode?q={text}")).await.status, 200, "{text}");
    }
}

#[tokio::test]
async fn while_the_index_is_built_that_is_said_and_the_rest_answers() {
    let server = Server::unsearched().await;
    for path in ["/search?q=via", "/geocode?q=via+1"] {
        let answer = server.get(path).await;
        answer.problem(503, "search-building");
        assert_eq!(answer.header("retry-after"), "1");
    }
    let request = server.client.post(server.url("/geocode")).header("content-type", "text/csv").body("q\nvia 1\n");
    server.send(request).await.problem(503, "search-building");
    assert_eq!(server.get("/reverse?lon=12.3&lat=45.4").await.status, 200);
    assert_eq!(server.get("/collections").await.status, 200);
}
