//! Tilesets and grids for people.

use maud::{Markup, html};
use serde_json::Value;

use super::frame::Content;
use super::{Asked, count, members, text};

/// The page of the tilesets of a layer, or of all together.
pub fn tilesets(asked: &Asked<'_>, document: &Value) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say(
                "I tile vettoriali che si possono chiedere, griglia per griglia.",
                "The vector tiles that can be asked for, grid by grid.",
            ))
        }
        ul class="cards" {
            @for set in members(document, "tilesets") {
                li class="layer-card" {
                    h2 class="h3" { a href=(asked.page(&format!("{}/{}", asked.path, text(set, "tileMatrixSetId")))) { (text(set, "title")) } }
                    p class="facts" { code { (text(set, "crs")) } }
                }
            }
        }
    };
    Content { title: asked.say("Tile vettoriali", "Vector tiles").to_owned(), above: above(asked), body }
}

/// The page of one tileset.
pub fn tileset(asked: &Asked<'_>, document: &Value) -> Content {
    let template = members(document, "links").find(|link| link["rel"] == "item").map_or("", |link| text(link, "href"));
    let grid = text(document, "tileMatrixSetId");
    let limits: Vec<[String; 3]> = members(document, "tileMatrixSetLimits")
        .map(|limit| {
            let range = |from: &str, to: &str| {
                let number = |name: &str| count(limit[name].as_u64().unwrap_or(0), asked.language);
                format!("{} – {}", number(from), number(to))
            };
            [text(limit, "tileMatrix").to_owned(), range("minTileRow", "maxTileRow"), range("minTileCol", "maxTileCol")]
        })
        .collect();
    let heads = [asked.say("Scala", "Scale"), asked.say("Righe", "Rows"), asked.say("Colonne", "Columns")];
    let body = html! {
        p class="lead" {
            (asked.say("Griglia: ", "Grid: "))
            a href=(asked.page(&format!("tileMatrixSets/{grid}"))) { (grid) }
        }
        section {
            h2 { (asked.say("Indirizzo dei tile", "Address of the tiles")) }
            p class="facts" { code { (template) } }
        }
        section {
            h2 { (asked.say("Strati", "Layers")) }
            ul {
                @for layer in members(document, "layers") {
                    li {
                        a href=(asked.page(&format!("collections/{}", text(layer, "featureType")))) { (text(layer, "title")) }
                        " – " code { (text(layer, "id")) }
                        @if let Some(from) = layer["minTileMatrix"].as_str() { " (" (from) " – " (text(layer, "maxTileMatrix")) ")" }
                    }
                }
            }
        }
        section {
            h2 { (asked.say("Dove ci sono tile", "Where there are tiles")) }
            (table(asked, asked.say("Righe e colonne per scala", "Rows and columns by scale"), &heads, &limits))
        }
    };
    let mut above = above(asked);
    if let Some((list, _)) = asked.path.rsplit_once('/') {
        above.push((asked.say("Tile vettoriali", "Vector tiles").to_owned(), list.to_owned()));
    }
    Content { title: text(document, "title").to_owned(), above, body }
}

/// The page of the grids.
pub fn grids(asked: &Asked<'_>, document: &Value) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say("Le griglie in cui si tagliano i tile.", "The grids by which tiles are cut."))
        }
        ul class="cards" {
            @for grid in members(document, "tileMatrixSets") {
                li class="layer-card" {
                    h2 class="h3" { a href=(asked.page(&format!("tileMatrixSets/{}", text(grid, "id")))) { (text(grid, "title")) } }
                    p class="facts" { code { (text(grid, "id")) } " – " code { (text(grid, "crs")) } }
                }
            }
        }
    };
    Content { title: asked.say("Griglie dei tile", "Grids of tiles").to_owned(), above: Vec::new(), body }
}

/// The page of a grid.
pub fn grid(asked: &Asked<'_>, document: &Value) -> Content {
    let whole = |matrix: &Value, name: &str| count(matrix[name].as_u64().unwrap_or(0), asked.language);
    let rows: Vec<[String; 4]> = members(document, "tileMatrices")
        .map(|matrix| {
            let scale = matrix["scaleDenominator"].as_f64().unwrap_or(0.0).round() as u64;
            [
                text(matrix, "id").to_owned(),
                format!("1:{}", count(scale, asked.language)),
                format!("{} × {}", whole(matrix, "matrixWidth"), whole(matrix, "matrixHeight")),
                matrix["cellSize"].to_string(),
            ]
        })
        .collect();
    let heads = [
        asked.say("Matrice", "Matrix"),
        asked.say("Scala", "Scale"),
        asked.say("Tile", "Tiles"),
        asked.say("Lato di una cella", "Side of a cell"),
    ];
    let body = html! {
        p class="lead" { code { (text(document, "crs")) } }
        (table(asked, asked.say("Le matrici della griglia", "The matrices of the grid"), &heads, &rows))
    };
    let above = vec![(asked.say("Griglie dei tile", "Grids of tiles").to_owned(), "tileMatrixSets".to_owned())];
    Content { title: text(document, "title").to_owned(), above, body }
}

fn table<const N: usize>(asked: &Asked<'_>, caption: &str, heads: &[&str; N], rows: &[[String; N]]) -> Markup {
    let label = asked.say("Tabella", "Table");
    html! {
        div class="table-responsive" tabindex="0" role="region" aria-label=(format!("{label}: {caption}")) {
            table class="table" {
                caption class="visually-hidden" { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr { @for cell in row { td { (cell) } } }
                    }
                }
            }
        }
    }
}

/// The pages above that of a list of tilesets.
fn above(asked: &Asked<'_>) -> Vec<(String, String)> {
    let mut parts = asked.path.split('/');
    match (parts.next(), parts.next()) {
        (Some("collections"), Some(id)) => {
            vec![
                (asked.say("Strati", "Layers").to_owned(), "collections".to_owned()),
                (id.to_owned(), format!("collections/{id}")),
            ]
        }
        _ => Vec::new(),
    }
}
