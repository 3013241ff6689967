//! The whole surface on one page.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::SizeAbove;

use crate::app::App;
use crate::{middleware, routes};

/// Smaller answers are not worth compressing.
const COMPRESSED_BYTES: u64 = 1024;

/// The server: every route, inside the middleware.
pub fn router(app: &Arc<App>) -> Router {
    wrap(routes(), app)
}

/// Puts routes inside the middleware.
pub fn wrap(routes: Router<Arc<App>>, app: &Arc<App>) -> Router {
    routes
        .fallback(routes::unknown_path)
        .method_not_allowed_fallback(routes::method_not_allowed)
        .layer(axum::middleware::from_fn_with_state(Arc::clone(app), middleware::around))
        .with_state(Arc::clone(app))
}

/// Every path that the server answers.
pub fn routes() -> Router<Arc<App>> {
    // Tiles and files are compressed once and kept; a lookup of one point is too small and too frequent.
    let hot = Router::new()
        // For people: the geoportal, and the OGC landing page for machines at the same place.
        .route("/", get(routes::landing::get))
        .route("/assets/{*path}", get(routes::landing::asset))
        .route("/favicon.svg", get(routes::landing::icon))
        // Vector tiles, under the URLs that users of Martin know; finished ones are answered by `front`.
        .route(routes::tiles::PATTERN, get(routes::tiles::tile))
        // Everything at a point.
        .route("/lookup", get(routes::lookup::get))
        // What changes, as it happens; a compressor would hold events back.
        .route("/events", get(routes::events::get));

    let documents = Router::new()
        // What there is (OGC API Common and Features).
        .route("/collections", get(routes::collections::list))
        .route("/conformance", get(routes::conformance::get))
        .route("/collections/{id}", get(routes::collections::one))
        .route("/collections/{id}/items", routes::items::edit::of_collection().get(routes::items::list))
        .route("/collections/{id}/items/{feature}", routes::items::edit::of_feature().get(routes::items::one))
        .route("/collections/{id}/schema", get(routes::schemas::schema))
        .route("/collections/{id}/queryables", get(routes::schemas::queryables))
        .route("/collections/{id}/sortables", get(routes::schemas::sortables))
        .route("/tiles/{layers}", get(routes::tiles::tile_json))
        // What a map needs beside its tiles.
        .route("/styles", get(routes::styles::list))
        .route("/styles/{id}", get(routes::styles::one))
        .route("/fonts/{stack}/{range}", get(routes::styles::glyphs))
        .route("/sprites/{file}", get(routes::styles::sprite))
        // Answers of any size.
        .route("/lookup", post(routes::lookup::post))
        .route("/parcels", get(routes::parcels::get))
        // What has changed, for other systems.
        .route("/changes", get(routes::changes::get))
        // For operators.
        .route("/status", get(routes::status::get))
        .route("/metrics", get(routes::metrics::get))
        .route_layer(CompressionLayer::new().compress_when(SizeAbove::new(COMPRESSED_BYTES)));

    hot.merge(documents)
}
