//! How an answer comes about.

use serde_json::Value;

use super::super::schema::{any_object, boolean, list, nullable, number, object, text, whole, word};

/// Every named schema of it.
pub fn all() -> Vec<(&'static str, Value)> {
    let tile = [
        ("tile", any_object()),
        ("cached", boolean()),
        ("etag", text()),
        ("bytes", whole(0)),
        ("encoding", text()),
        ("encodedBytes", whole(0)),
        ("compressMs", number()),
        ("layers", list(&any_object())),
        ("seq", whole(0)),
    ];
    let work = object([("tests", whole(0)), ("refused", whole(0)), ("ms", number())]);
    let field = object([("name", text()), ("bytes", whole(0))]);
    let items = [
        ("layer", text()),
        ("source", word(["cache", "store"])),
        ("index", nullable(object([("candidates", whole(0))]))),
        ("features", nullable(whole(0))),
        ("dropped", nullable(object(["bbox", "datetime", "filter"].map(|reason| (reason, whole(0)))))),
        ("filters", list(&work)),
        ("matched", whole(0)),
        ("returned", whole(0)),
        ("hasNext", boolean()),
        ("selectMs", nullable(number())),
        ("pageMs", number()),
        ("writeMs", number()),
        ("bytes", whole(0)),
        ("geometryBytes", whole(0)),
        ("fields", list(&field)),
        ("otherBytes", whole(0)),
        ("seq", whole(0)),
    ];
    vec![("TileExplanation", object(tile)), ("ItemsExplanation", object(items))]
}
