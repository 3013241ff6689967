//! `/status`: is the server up, what does it hold, and how fresh is it.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::{respond, select};
use crate::app::App;
use crate::error::Answer;
use crate::params::Params;

/// `GET /status`: 200 when every layer is ready, 503 with `Retry-After` while one is not.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    let mut all_ready = true;
    let now = chrono::Utc::now().timestamp_millis();
    let layers: Vec<Value> = select::visible(&app)
        .map(|(layer, definition)| {
            let (snapshot, state) = (layer.snapshot(), layer.state());
            all_ready &= snapshot.is_some();
            json!({
                "id": definition.id,
                "state": match (&snapshot, &state.trouble) {
                    (Some(_), None) => "ready",
                    (Some(_), Some(_)) => "stale",
                    (None, None) => "loading",
                    (None, Some(_)) => "failed",
                },
                "seq": snapshot.as_ref().map(|snapshot| snapshot.seq()),
                "count": snapshot.as_ref().map(|snapshot| snapshot.len()),
                "age_s": snapshot.as_ref().map(|_| (now - layer.published_ms()).max(0) / 1000),
                "table": state.kind.name(),
                "looked_at": state.kind.looked_at().map(|at| at.to_rfc3339_opts(chrono::SecondsFormat::Millis, true)),
                "set_aside": state.set_aside.len(),
                "trouble": state.trouble,
            })
        })
        .collect();
    all_ready &= app.territory.is_announced();
    let mut response = respond::json(&json!({
        "status": if all_ready { "ok" } else { "loading" },
        "version": env!("CARGO_PKG_VERSION"),
        "uptime_s": app.started.elapsed().as_secs(),
        "seq": app.territory.seq(),
        "layers": layers,
    }));
    respond::set(&mut response, header::CACHE_CONTROL, "no-store");
    if !all_ready {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    Ok(response)
}
