//! `?explain=true`: how a tile comes about, for the staff.

use bricola_layers::tile::{Explanation, FieldWeight, Place};
use http::header;
use serde_json::{Value, json};

use super::ask::{Asked, Terms};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Answer, Problem};
use crate::routes::explain::milliseconds;
use crate::routes::respond;
use crate::services::tiles::Explained;

/// Makes the tile anew and tells how.
pub async fn answer(app: &App, asked: Asked<'_>, encoding: Encoding, terms: &Terms) -> Answer {
    let request = asked.request(app, encoding, terms);
    let explained = app.tiles.explain(asked.layers.clone(), asked.generations.clone(), request).await;
    let explained = explained.map_err(|fault| Problem::tile(&fault))?;
    let mut response = respond::json(&describe(&asked, encoding, &explained));
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    respond::set_seq(&mut response, asked.seq);
    Ok(response)
}

fn describe(asked: &Asked<'_>, encoding: Encoding, explained: &Explained) -> Value {
    let place = match &asked.place {
        Place::Mercator(tile) => json!({
            "tileMatrixSetId": bricola_layers::tile::WEB_MERCATOR_QUAD, "tileMatrix": tile.z.to_string(),
            "tileRow": tile.y, "tileCol": tile.x,
        }),
        Place::Grid(tile) => json!({
            "tileMatrixSetId": tile.set().id, "tileMatrix": tile.matrix().id,
            "tileRow": tile.numbers().1, "tileCol": tile.numbers().0,
        }),
    };
    let layers = asked.layers.iter().zip(&explained.layers).zip(&asked.generations);
    let layers = layers.map(|((layer, made), generation)| {
        let mut json = describe_layer(made);
        let part = layer.part == bricola_layers::tile::Part::Labels;
        json["layer"] = json!(layer.snapshot.definition().id);
        json["keep"] = json!(layer.snapshot.definition().keep);
        json["labels"] = json!(part);
        json["seq"] = json!(layer.snapshot.seq());
        json["generation"] = json!({"era": generation.era, "seq": generation.seq});
        json
    });
    json!({
        "tile": place,
        "cached": explained.is_cached,
        "etag": explained.etag,
        "bytes": explained.bytes,
        "encoding": encoding.name(),
        "encodedBytes": explained.encoded_bytes,
        "compressMs": milliseconds(explained.compress),
        "layers": layers.collect::<Vec<_>>(),
        "seq": asked.seq,
    })
}

fn describe_layer(made: &Explanation) -> Value {
    let field = |field: &FieldWeight| json!({"name": field.name, "features": field.features, "values": field.values, "bytes": field.bytes});
    json!({
        "zoom": made.zoom,
        "drawn": made.tile.kept,
        "seen": made.seen,
        "dropped": {
            "ladder": made.hidden,
            "datetime": made.invalid,
            "filter": made.refused,
            "filterOverflow": made.unlisted,
            "vanished": made.vanished,
            "byteBudget": made.over_budget,
        },
        "ladder": made.is_laddered,
        "budgetBytes": made.budget,
        "bytes": made.tile.bytes.len(),
        "vertices": made.weight.vertices,
        "geometryBytes": made.weight.geometry,
        "fields": made.weight.fields.iter().map(field).collect::<Vec<_>>(),
        "otherBytes": made.weight.other,
        "selectMs": milliseconds(made.select),
        "drawMs": milliseconds(made.draw),
    })
}
