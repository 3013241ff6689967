//! `/metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use bricola_layers::binding::State as BindingState;
use http::header;

use super::select;
use crate::app::App;
use crate::error::Answer;
use crate::params::Params;
use crate::wired::schema::text;
use crate::wired::{Operation, Words};

/// `GET /metrics`: text exposition format 0.0.4.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let metrics = &app.metrics;
    metrics.gauge("bricola_uptime_seconds", None).set(app.started.elapsed().as_secs_f64());
    metrics.gauge("bricola_seq", None).set(app.territory.seq() as f64);
    let health = app.territory.health();
    let age = if health.trouble.is_some() {
        (chrono::Utc::now().timestamp_millis() - health.contact_ms) as f64 / 1e3
    } else {
        0.0
    };
    metrics.gauge("bricola_store_age_seconds", None).set(age);
    metrics.gauge("bricola_reloads", None).set(health.reloads as f64);
    metrics.gauge("bricola_setbacks", None).set(health.setbacks as f64);
    metrics.gauge("bricola_doubts", None).set(health.doubts as f64);
    metrics.gauge("bricola_streams", None).set((app.config.limits.streams - app.streams.available_permits()) as f64);
    let (bytes, entries) = app.tiles.size();
    metrics.gauge("bricola_tile_cache_bytes", None).set(bytes as f64);
    metrics.gauge("bricola_tile_cache_entries", None).set(entries as f64);
    metrics.gauge("bricola_layers_unreadable", None).set(app.territory.unreadable().len() as f64);
    for (layer, definition) in select::visible(&app) {
        let label = Some(("layer", definition.id.as_str()));
        let is_ready = layer.is_ready();
        metrics.gauge("bricola_layer_ready", label).set(if is_ready { 1.0 } else { 0.0 });
        metrics.gauge("bricola_layer_reads", label).set(layer.state().reads as f64);
        if let (Some(seq), Some(count)) = (layer.seq(), layer.count()) {
            let bytes = layer.snapshot().map_or(0, |snapshot| snapshot.bytes());
            metrics.gauge("bricola_layer_features", label).set(count as f64);
            metrics.gauge("bricola_layer_bytes", label).set(bytes as f64);
            metrics.gauge("bricola_layer_seq", label).set(seq as f64);
        }
    }
    metrics.gauge("bricola_bindings_untrue", None).set(select::untrue(&app) as f64);
    for (layer, status) in select::bindings(&app) {
        let label = Some(("layer", layer.as_str()));
        metrics.gauge("bricola_binding_true", label).set(if status.state == BindingState::True { 1.0 } else { 0.0 });
        metrics.gauge("bricola_binding_seq", label).set(status.seq.unwrap_or(0) as f64);
        metrics.gauge("bricola_binding_looked", label).set(status.looked as f64);
        metrics.gauge("bricola_binding_written", label).set(status.written as f64);
        metrics.gauge("bricola_binding_last_ms", label).set(status.last_ms as f64);
    }
    let headers =
        [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, app.metrics.render()).into_response())
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words("Misure per Prometheus.", "Measurements for Prometheus.");
    Operation::get("metrics", "operations", Words("Misure", "Measurements"), about).gives(
        about,
        [("text/plain", text())],
        &["Cache-Control"],
    )
}
