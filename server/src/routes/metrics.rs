//! `/metrics`, for Prometheus.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::response::IntoResponse;
use http::header;

use crate::app::App;
use crate::error::Answer;
use crate::params::Params;

/// `GET /metrics`: text exposition format 0.0.4.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    app.metrics.gauge("bricola_uptime_seconds", None).set(app.started.elapsed().as_secs_f64());
    let headers = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    Ok((headers, app.metrics.render()).into_response())
}
