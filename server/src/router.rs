//! The whole surface on one page.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::{middleware, routes};

/// Every path that the server answers.
pub fn router(app: &Arc<App>) -> Router {
    Router::new()
        // For people: the geoportal, and the OGC landing page for machines at the same place.
        .route("/", get(routes::landing::get))
        .route("/assets/{*path}", get(routes::landing::asset))
        .route("/favicon.svg", get(routes::landing::icon))
        // For operators.
        .route("/metrics", get(routes::metrics::get))
        .fallback(routes::unknown_path)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), middleware::around))
        .with_state(Arc::clone(app))
}
