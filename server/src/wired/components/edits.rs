//! What goes in and out where several features are edited at once, and taken back.

use bricola_layers::limits::MAX_BATCH;
use serde_json::{Value, json};

use super::super::schema::{list, nullable, object, reference, text, whole, word};

/// Every named schema of it.
pub fn all() -> Vec<(&'static str, Value)> {
    let ids = json!({"type": "array", "items": whole(0), "uniqueItems": true, "example": []});
    let names = json!({"type": "array", "items": text(), "uniqueItems": true, "example": []});
    let run = || [("from", example(whole(1), 1)), ("to", example(whole(1), 1))];
    let back = object([
        ("collection", text()),
        ("id", whole(0)),
        ("done", word(["removed", "reverted", "restored"])),
        ("new_id?", whole(0)),
    ]);
    let replaced = object(["added", "changed", "unchanged", "removed"].map(|member| (member, whole(0))));
    let undone = [("undone", list(&back)), ("count", whole(0)), ("replaced?", replaced), ("seq", nullable(whole(0)))];
    let entry = object([("collection", text()), ("id", nullable(whole(0))), ("version", nullable(whole(1)))]);
    let transacted = [("edits", list(&entry)), ("count", whole(1)), ("seq", nullable(whole(0)))];
    vec![
        ("Undo", closed(object(run().into_iter().chain([("features?", ids)])))),
        ("UndoOfAll", closed(object(run().into_iter().chain([("collections?", names)])))),
        ("Undone", object(undone)),
        ("Transaction", transaction()),
        ("Transacted", object(transacted)),
    ]
}

fn transaction() -> Value {
    let edit = |op: &'static str, members: Vec<(&'static str, Value)>| {
        let common = [("op", word([op])), ("collection", reference("CollectionId"))];
        closed(object(common.into_iter().chain(members)))
    };
    let change = || vec![("id", whole(0)), ("version?", whole(1))];
    let with = |mut members: Vec<(&'static str, Value)>, name, schema| {
        members.push((name, schema));
        members
    };
    let edits = [
        edit("insert", vec![("feature", reference("FeatureToBe"))]),
        edit("replace", with(change(), "feature", reference("FeatureToBe"))),
        edit("update", with(change(), "patch", reference("FeaturePatch"))),
        edit("delete", change()),
    ];
    let edits = json!({"type": "array", "items": {"oneOf": edits}, "minItems": 1, "maxItems": MAX_BATCH});
    closed(object([("edits", edits)]))
}

/// With no other members than these.
fn closed(mut schema: Value) -> Value {
    schema["additionalProperties"] = json!(false);
    schema
}

fn example(mut schema: Value, value: i64) -> Value {
    schema["example"] = json!(value);
    schema
}
