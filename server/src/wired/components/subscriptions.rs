//! The schemas of subscriptions and of their events.

use serde_json::{Value, json};

use super::super::schema::{
    any_object, between, boolean, envelope, formatted, list, nullable, object, reference, text, whole, word,
};

/// All of them.
pub fn all() -> Vec<(&'static str, Value)> {
    let delivery = object([
        ("kind", word(["webhook", "pull"])),
        ("url?", formatted("uri")),
        ("events_per_request?", between(1, 500)),
        ("timeout_s?", between(1, 60)),
        ("signature?", word(["standard", "modi"])),
    ]);
    let start = json!({"oneOf": [word(["now", "copy"]), whole(0)]});
    let members = || {
        [
            ("title?", text()),
            ("layers", list(&text())),
            ("filter?", json!({"oneOf": [text(), any_object()]})),
            ("bbox?", envelope()),
            ("area?", reference("Geometry")),
            ("fields?", list(&text())),
            ("start?", start.clone()),
            ("delivery", delivery.clone()),
            ("patience_days?", between(1, 36_500)),
            ("paused?", boolean()),
            ("secret?", text()),
        ]
    };
    let new = object(members().into_iter().chain([
        ("id?", text()),
        ("status?", any_object()),
        ("links?", list(&any_object())),
    ]));
    let failing = object([
        ("since", formatted("date-time")),
        ("attempts", whole(0)),
        ("next", formatted("date-time")),
        ("reason", text()),
    ]);
    let copy = object([("at", whole(0)), ("layers", list(&text())), ("count", whole(0))]);
    let status = object([
        ("state", word(["current", "behind", "copying", "failing", "paused", "gone"])),
        ("seq", whole(0)),
        ("behind", whole(0)),
        ("letters", whole(0)),
        ("created", formatted("date-time")),
        ("seen", formatted("date-time")),
        ("missing_layers", list(&text())),
        ("delivered?", whole(0)),
        ("last?", nullable(formatted("date-time"))),
        ("copy?", copy),
        ("failing?", failing),
    ]);
    let links = || list(&reference("Link"));
    let one = object(members().into_iter().chain([("id", text()), ("status", status), ("links", links())]));
    let event = object([
        ("specversion", text()),
        ("id", text()),
        ("source", text()),
        ("type", text()),
        ("subject", text()),
        ("time", formatted("date-time")),
        ("datacontenttype", text()),
        ("subscription", text()),
        ("sequence", text()),
        ("data", any_object()),
    ]);
    let letter = object([
        ("number", whole(0)),
        ("seq", whole(0)),
        ("layer", text()),
        ("feature", nullable(whole(0))),
        ("reason", text()),
        ("attempts", whole(0)),
        ("again", boolean()),
        ("at", formatted("date-time")),
        ("event", reference("Event")),
    ]);
    let cells = json!({"type": "object", "additionalProperties": reference("Digest")});
    let layer =
        object([("layer", text()), ("seq", whole(0)), ("count", whole(0)), ("digest", text()), ("cells", cells)]);
    vec![
        ("NewSubscription", new),
        ("Subscription", one),
        (
            "SubscriptionList",
            object([("subscriptions", list(&reference("Subscription"))), ("seq", whole(0)), ("links", links())]),
        ),
        ("Event", event),
        ("EventPage", object([("events", list(&reference("Event"))), ("next", text()), ("seq", whole(0))])),
        ("Digest", object([("count", whole(0)), ("digest", text())])),
        ("CopyDigest", object([("seq", whole(0)), ("zoom", between(0, 22)), ("layers", list(&layer))])),
        ("Letter", letter),
        ("LetterList", object([("letters", list(&reference("Letter"))), ("next", whole(0))])),
        ("Replay", object([("letters", whole(0))])),
    ]
}
