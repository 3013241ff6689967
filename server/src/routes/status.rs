//! `/status`: is the server up, what does it hold, and how fresh is it.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_layers::binding::BindingStatus;
use bricola_layers::cache::Layer;
use bricola_layers::store::Unreadable;
use http::header;
use serde_json::{Value, json};

use super::{respond, select};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::wired::schema::reference;
use crate::wired::{Operation, Words};

/// Rows that could not be mirrored, of each layer, that are named.
const SHOWN: usize = 10;

/// `GET /status`: 200 when every layer is ready; a problem with 503, `Retry-After` and the same members while one is not,
/// or while what was kept on disk is being brought up to date (Italian guidelines on interoperability, `/status`). A layer that this version cannot read is named as `unreadable` and does not count.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let now = chrono::Utc::now().timestamp_millis();
    let visible: Vec<_> = select::visible(&app).collect();
    // A layer that this version cannot read is no reason to send no requests here for the others.
    let mut all_ready = visible.iter().all(|(layer, _)| layer.is_ready());
    let layers =
        visible.iter().map(|(layer, definition)| (definition.id.clone(), describe(layer, &definition.id, now)));
    let left_out = select::unreadable(&app).into_iter().map(|layer| (layer.id.clone(), describe_unreadable(&layer)));
    let layers: BTreeMap<String, Value> = layers.chain(left_out).collect();
    let layers: Vec<Value> = layers.into_values().collect();
    let health = app.territory.health();
    // What was kept on disk is shown at once, and is as good as it gets while the store is away; else it is caught up first.
    let is_catching_up = health.behind && health.trouble.is_none();
    all_ready &= app.territory.is_announced() && !is_catching_up;
    let since = |ms: i64| (ms > 0).then(|| (now - ms).max(0) / 1000);
    let store = json!({
        "state": health.trouble.map_or("ok", |(trouble, _)| trouble.word()),
        "trouble_s": health.trouble.and_then(|(_, ms)| since(ms)),
        "contact_s": since(health.contact_ms),
        "reloads": health.reloads,
        "setbacks": health.setbacks,
        "doubts": health.doubts,
        "read_only": app.is_read_only(),
    });
    let bindings = select::bindings(&app);
    let (bindings, untrue) = (bindings.iter().map(describe_bindings).collect::<Vec<_>>(), select::untrue(&app));
    let (version, uptime_s) = (env!("CARGO_PKG_VERSION"), app.started.elapsed().as_secs());
    if !all_ready {
        return Err(Problem::new(Kind::NotReady, "Try again in a second; layers that are ready are answered already.")
            .with("store", store)
            .with("version", version)
            .with("uptime_s", uptime_s)
            .with("seq", app.territory.seq())
            .with("layers", layers)
            .with("bindings", bindings)
            .with("bindings_untrue", untrue)
            .retry_after(1));
    }
    let mut response = respond::json(&json!({
        // Reads go on from memory: a store that is away makes a server old, not unready.
        "status": if health.trouble.is_some() { "stale" } else { "ok" },
        "store": store,
        "version": version,
        "uptime_s": uptime_s,
        "seq": app.territory.seq(),
        "layers": layers,
        "bindings": bindings,
        "bindings_untrue": untrue,
    }));
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    Ok(response)
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Se il servizio è attivo, quali strati contiene e quanto sono aggiornati.",
        "Whether the service is up, what layers it holds and how fresh they are.",
    );
    Operation::get("status", "operations", Words("Stato del servizio", "State of the service"), about)
        .gives(about, [("application/json", reference("Status"))], &["Cache-Control"])
        .fails([Kind::NotReady])
}

/// A layer that is in memory, or is being read.
fn describe(layer: &Layer, id: &str, now: i64) -> Value {
    let (is_ready, state) = (layer.is_ready(), layer.state());
    let aside = state.set_aside.iter().take(SHOWN);
    json!({
        "id": id,
        "state": match (is_ready, &state.trouble) {
            (true, None) => "ready",
            (true, Some(_)) => "stale",
            (false, None) => "loading",
            (false, Some(_)) => "failed",
        },
        "keep": layer.definition().keep,
        "seq": layer.seq(),
        "count": layer.count(),
        "age_s": is_ready.then(|| (now - layer.published_ms()).max(0) / 1000),
        "table": state.kind.name(),
        "looked_at": state.kind.looked_at().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
        "reads": state.reads,
        "set_aside": state.set_aside.len(),
        "set_aside_first": aside.map(|(id, reason)| json!({"id": id, "reason": reason})).collect::<Vec<_>>(),
        "trouble": state.trouble,
    })
}

/// The bound fields of a layer.
fn describe_bindings((layer, status): &(String, BindingStatus)) -> Value {
    let fields = status.fields.iter();
    let fields: Vec<Value> =
        fields.map(|field| json!({"field": field.field, "target": field.target, "idle": field.idle})).collect();
    json!({
        "layer": layer,
        "state": status.state.word(),
        "seq": status.seq,
        "fields": fields,
        "looked": status.looked,
        "written": status.written,
        "last_ms": status.last_ms,
        "trouble": status.trouble,
    })
}

/// A layer that is in the store and not here.
fn describe_unreadable(layer: &Unreadable) -> Value {
    json!({
        "id": layer.id,
        "state": "unreadable",
        "keep": null,
        "seq": null,
        "count": null,
        "age_s": null,
        "table": null,
        "looked_at": null,
        "reads": 0,
        "set_aside": 0,
        "set_aside_first": [],
        "trouble": layer.reason,
    })
}
