//! Answers as JSON.

use axum::response::Response;
use bricola_layers::log::Seq;
use bricola_search::Kind as ThingKind;
use serde_json::{Map, Value, json};

use crate::routes::respond;
use crate::services::search::Hit;

/// Words of kinds, in their order.
pub fn kinds() -> Vec<(&'static str, ThingKind)> {
    ThingKind::ALL.into_iter().map(|kind| (kind.word(), kind)).collect()
}

/// An answer of hits.
pub fn hits(query: &Value, hits: &[Hit], seq: Seq, base: &str) -> Response {
    let hits: Vec<Value> = hits.iter().map(|found| hit(found, base)).collect();
    with_seq(&json!({"query": query, "hits": hits, "seq": seq}), seq)
}

/// JSON that says at which change it stands.
pub fn with_seq(value: &Value, seq: Seq) -> Response {
    let mut response = respond::json(value);
    respond::set_seq(&mut response, seq);
    response
}

/// One hit.
pub fn hit(hit: &Hit, base: &str) -> Value {
    let degrees = |value: f64| json!((value * 1e7).round() / 1e7);
    let mut value = Map::new();
    value.insert("kind".into(), json!(hit.kind.word()));
    value.insert("label".into(), json!(hit.label));
    value.insert("context".into(), json!(hit.context));
    value.insert("lon".into(), degrees(hit.spot.at[0]));
    value.insert("lat".into(), degrees(hit.spot.at[1]));
    if let Some(bbox) = hit.spot.bbox {
        value.insert("bbox".into(), bbox.into_iter().map(degrees).collect());
    }
    value.insert("score".into(), json!((f64::from(hit.score) * 1000.0).round() / 1000.0));
    value.insert("quality".into(), json!(hit.quality.word()));
    value.insert("layer".into(), json!(hit.layer));
    value.insert("id".into(), json!(hit.id));
    if let Some(metres) = hit.distance_m {
        value.insert("distance_m".into(), json!((metres * 1000.0).round() / 1000.0));
    }
    value.insert("href".into(), json!(href(hit, base)));
    Value::Object(value)
}

/// The feature, or the houses of a street that has no feature of its own.
fn href(hit: &Hit, base: &str) -> String {
    let items = format!("{base}/collections/{}/items", hit.layer);
    match (hit.id, &hit.chosen_by) {
        (Some(id), _) => format!("{items}/{id}"),
        (None, Some((field, value))) => {
            let query = form_urlencoded::Serializer::new(String::new()).append_pair(field, value).finish();
            format!("{items}?{query}")
        }
        (None, None) => items,
    }
}
