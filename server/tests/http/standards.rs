//! `docs/conformance.md` tells the truth: it has every class that is declared, and every test that it names is there.

use std::collections::BTreeSet;
use std::path::Path;

use super::harness::Server;

const BOOK: &str = include_str!("../../../docs/conformance.md");
const SPEC: &str = "http://www.opengis.net/spec/";

/// Text between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Names of functions of Rust in a folder and those in it.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("a text");
            let name =
                |rest: &str| rest.split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or("").to_owned();
            found.extend(text.split("fn ").skip(1).map(name));
        }
    }
}

#[tokio::test]
async fn every_declared_class_is_in_the_book_and_no_other() {
    // Where features may be edited there are the most.
    let server = Server::open("a-token-of-the-gis-office").await;
    let declared = server.get("/conformance").await.json();
    let declared: BTreeSet<&str> = declared["conformsTo"]
        .as_array()
        .expect("classes")
        .iter()
        .filter_map(|class| class.as_str()?.strip_prefix(SPEC))
        .collect();
    let told: Vec<&str> = BOOK.lines().filter_map(|line| quoted(line.strip_prefix("### ")?).next()).collect();
    assert_eq!(told.iter().copied().collect::<BTreeSet<_>>(), declared);
    assert_eq!(told.len(), declared.len(), "none twice");
}

#[test]
fn every_test_that_the_book_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut known = BTreeSet::new();
    for folder in ["server/tests", "server/src", "layers/tests", "layers/src"] {
        functions(&root.join(folder), &mut known);
    }
    let mut named = 0;
    // | abstract test | our tests | remark |
    for row in BOOK.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<&str> = row.split('|').collect();
        let tests: Vec<&str> = columns.get(2).map(|column| quoted(column).collect()).unwrap_or_default();
        assert!(
            !tests.is_empty() || row.contains("not passed") || row.contains("not applicable"),
            "nothing proves {row}"
        );
        for test in tests {
            assert!(known.contains(test), "{test} is no test: {row}");
            named += 1;
        }
    }
    assert!(named > 100, "{named}");
}

/// OGC API Features 1, 7.15.8 and 7.16.2: to itself, and to itself in each other form.
#[tokio::test]
async fn features_link_to_their_other_forms() {
    let server = Server::start().await;
    for (path, types) in [("/collections/parcels/items", 9), ("/collections/parcels/items/3", 3)] {
        let document =
            server.get(&format!("{path}?lang=en&crs=http://www.opengis.net/def/crs/EPSG/0/3857")).await.json();
        let links = document["links"].as_array().expect("links");
        let alternates: Vec<_> = links.iter().filter(|link| link["rel"] == "alternate").collect();
        assert_eq!(alternates.len(), types - 1, "{links:?}");
        for link in alternates {
            let address = link["href"].as_str().expect("an address");
            assert!(address.contains("crs=") && address.contains("lang=en"), "{address}");
            let answer = server.send(server.client.get(address)).await;
            let kind = answer.header("content-type").split(';').next().unwrap_or_default();
            assert_eq!((answer.status, kind), (200, link["type"].as_str().expect("a type")), "{address}");
        }
    }
}
