//! The whole surface on one page: the router, `/conformance` and `/api` are made of this table.

use std::sync::Arc;

use axum::Router;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{NotForContentType, Predicate, SizeAbove};

use crate::app::App;
use crate::routes::{
    api, changes, collections, conformance, events, items, landing, lookup, matrices, metrics, parcels, processes,
    schemas, search, status, styles, subscriptions, tiles,
};
use crate::wired::Wired;
use crate::{middleware, routes};

/// Smaller answers are not worth compressing.
const COMPRESSED_BYTES: u64 = 1024;

/// Files that are packed already, or so large and so fast that packing them would take longer than sending them.
const AS_WRITTEN: [NotForContentType; 4] = [
    NotForContentType::const_new("application/flatgeobuf"),
    NotForContentType::const_new("application/geopackage+sqlite3"),
    NotForContentType::const_new("application/vnd.apache.parquet"),
    NotForContentType::const_new("application/zip"),
];

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

/// Every path that the server answers. What is [`Wired::as_it_is`] is compressed once and kept (tiles and files), is too
/// small and too frequent to be compressed (a lookup of one point), or must not be held back (events).
pub fn table() -> Vec<Wired> {
    [land(), desks(), feeds()].into_iter().flatten().collect()
}

/// The territory and its maps, and what operators ask.
fn land() -> Vec<Wired> {
    vec![
        // For people: the geoportal, and the OGC landing page for machines at the same place.
        Wired::at("/").answers(landing::about(), landing::get).as_it_is(),
        Wired::at("/assets/{*path}").file(landing::asset).as_it_is(),
        Wired::at("/favicon.svg").file(landing::icon).as_it_is(),
        // What there is (OGC API Common and Features).
        Wired::at("/conformance").answers(conformance::about(), conformance::get).for_classes(conformance::CLASSES),
        Wired::at("/api").answers(api::about(), api::get).for_classes(api::CLASSES),
        Wired::at("/api/style.css").file(api::style),
        Wired::at("/collections")
            .answers(collections::about_list(), collections::list)
            .for_classes(collections::CLASSES),
        Wired::at("/collections/{collectionId}").answers(collections::about_one(), collections::one),
        Wired::at("/collections/{collectionId}/items")
            .answers(items::about_list(), items::list)
            .answers(items::edit::about_create(), items::edit::create)
            .says(items::edit::options_of_collection)
            .for_classes(items::CLASSES),
        Wired::at("/collections/{collectionId}/items/{featureId}")
            .answers(items::about_one(), items::one)
            .answers(items::edit::about_replace(), items::edit::replace)
            .answers(items::edit::about_update(), items::edit::update)
            .answers(items::edit::about_remove(), items::edit::remove)
            .says(items::edit::options_of_feature),
        Wired::at("/collections/{collectionId}/items/{featureId}/versions")
            .answers(items::versions::about(), items::versions::get),
        Wired::at("/collections/{collectionId}/differences")
            .answers(items::differences::about(), items::differences::get),
        Wired::at("/collections/{collectionId}/undo").answers(items::edit::undo::about(), items::edit::undo::post),
        Wired::at("/undo").answers(items::edit::undo::about_all(), items::edit::undo::post_all),
        Wired::at("/transactions").answers(items::edit::transaction::about(), items::edit::transaction::post),
        Wired::at("/collections/{collectionId}/schema")
            .answers(schemas::about_schema(), schemas::schema)
            .for_classes(schemas::CLASSES),
        Wired::at("/collections/{collectionId}/queryables").answers(schemas::about_queryables(), schemas::queryables),
        Wired::at("/collections/{collectionId}/sortables").answers(schemas::about_sortables(), schemas::sortables),
        // Everything at a point, or at ten thousand; parcels by reference.
        Wired::at(lookup::PATH).answers(lookup::about_get(), lookup::get).as_it_is(),
        Wired::at(lookup::PATH).answers(lookup::about_post(), lookup::post),
        Wired::at("/parcels").answers(parcels::about(), parcels::get),
        // What people type; addresses to places, one or a file of them, and back.
        Wired::at("/search").answers(search::about_find(), search::find),
        Wired::at(search::GEOCODE)
            .answers(search::about_geocode(), search::geocode)
            .answers(search::about_batch(), search::geocode_file),
        Wired::at("/reverse").answers(search::about_reverse(), search::reverse),
        // Vector tiles, under the URLs that users of Martin know and under those of OGC API Tiles: what begins with a capital
        // letter is a grid and no layer. Finished ones are answered by `front`.
        Wired::at(tiles::PATTERN)
            .shown("/tiles/{layers}/{z}/{x}/{y}.mvt")
            .answers(tiles::about_tile(), tiles::tile)
            .as_it_is(),
        Wired::within("/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}")
            .tells(tiles::about_dataset_tile())
            .for_classes(tiles::CLASSES),
        Wired::at("/tiles/{layers}").shown("/tiles/{layers}.json").answers(tiles::about_tile_json(), tiles::tile_json),
        Wired::within("/tiles/{tileMatrixSetId}").tells(tiles::about_dataset_set()).for_classes(tiles::SET_CLASSES),
        Wired::at("/tiles").answers(tiles::about_dataset_sets(), tiles::dataset_sets).for_classes(tiles::SETS_CLASSES),
        Wired::at("/collections/{collectionId}/tiles")
            .answers(tiles::about_collection_sets(), tiles::collection_sets)
            .for_classes(tiles::COLLECTION_CLASSES),
        Wired::at("/collections/{collectionId}/tiles/{tileMatrixSetId}")
            .answers(tiles::about_collection_set(), tiles::collection_set),
        Wired::at(tiles::COLLECTION_PATTERN).answers(tiles::about_collection_tile(), tiles::collection_tile).as_it_is(),
        Wired::at("/tileMatrixSets").answers(matrices::about_list(), matrices::list).for_classes(matrices::CLASSES),
        Wired::at("/tileMatrixSets/{tileMatrixSetId}").answers(matrices::about_one(), matrices::one),
        // What a map needs beside its tiles.
        Wired::at("/styles")
            .answers(styles::about_list(), styles::list)
            .answers(styles::about_create(), styles::edit::create)
            .says(styles::edit::options_of_list)
            .for_classes(styles::CLASSES),
        Wired::at("/styles/{styleId}")
            .answers(styles::about_one(), styles::one)
            .answers(styles::about_replace(), styles::edit::replace)
            .answers(styles::about_remove(), styles::edit::remove)
            .says(styles::edit::options_of_one),
        Wired::at("/styles/{styleId}/metadata").answers(styles::about_metadata(), styles::metadata::get),
        Wired::at("/styles/{styleId}/thumbnail").answers(styles::about_thumbnail(), styles::map::get).as_it_is(),
        Wired::at("/fonts/{stack}/{range}").answers(styles::about_glyphs(), styles::glyphs),
        Wired::at("/sprites/{file}").answers(styles::about_sprite(), styles::sprite),
        // For operators.
        Wired::at("/status").answers(status::about(), status::get),
        Wired::at("/metrics").answers(metrics::about(), metrics::get),
    ]
}

/// The offices' desks.
fn desks() -> Vec<Wired> {
    vec![
        // Answers of the offices' desks, and the same as processes (OGC API Processes).
        Wired::at("/parcel")
            .answers(processes::parcel::about(), processes::parcel::get)
            .answers(processes::parcel::about_table(), processes::parcel::post),
        Wired::at(processes::zones::PATH)
            .answers(processes::zones::about(), processes::zones::get)
            .answers(processes::rows::about(), processes::rows::post),
        Wired::at("/tariff")
            .answers(processes::tariff::about(), processes::tariff::get)
            .answers(processes::tariff::about_table(), processes::tariff::post),
        Wired::at("/certificate")
            .answers(processes::certificate::about(), processes::certificate::get)
            .answers(processes::certificate::about_table(), processes::certificate::post),
        Wired::at(processes::rentals::PATH)
            .answers(processes::rentals::about(), processes::rentals::get)
            .answers(processes::rentals::about_post(), processes::rentals::post),
        Wired::at("/rentals/candidates").answers(processes::candidates::about(), processes::candidates::get),
        Wired::at("/units").answers(processes::units::about(), processes::units::get),
        Wired::at("/ztl").answers(processes::ztl::about(), processes::ztl::get),
        Wired::at("/works").answers(processes::works::about(), processes::works::get),
        Wired::at("/conflicts").answers(processes::conflicts::about(), processes::conflicts::get),
        Wired::at(processes::areas::PATH).answers(processes::areas::about(), processes::areas::get),
        Wired::at("/processes").answers(processes::about_list(), processes::list).for_classes(processes::CLASSES),
        Wired::at("/processes/{processId}").answers(processes::about_one(), processes::one),
        Wired::at("/processes/{processId}/execution").answers(processes::about_execute(), processes::execute),
        Wired::at("/processes/{processId}/requests")
            .answers(processes::requests::about_ask(), processes::requests::ask),
        Wired::at("/requests/{jobId}").answers(processes::requests::about_state(), processes::requests::state),
        Wired::at("/jobs")
            .answers(processes::jobs::about_list(), processes::jobs::list)
            .for_classes(processes::jobs::CLASSES),
        Wired::at("/jobs/{jobId}")
            .answers(processes::jobs::about_one(), processes::jobs::one)
            .answers(processes::jobs::about_dismiss(), processes::jobs::dismiss),
        Wired::at("/jobs/{jobId}/results").answers(processes::jobs::about_results(), processes::jobs::results),
    ]
}

/// What other programs follow.
fn feeds() -> Vec<Wired> {
    vec![
        // What has changed, for other systems; what changes, as it happens.
        Wired::at("/changes").answers(changes::about(), changes::get),
        Wired::at("/events").answers(events::about(), events::get).as_it_is(),
        // The same for programs that are told of it, or fetch what they have subscribed to.
        Wired::at("/subscriptions")
            .answers(subscriptions::about_list(), subscriptions::list)
            .answers(subscriptions::about_create(), subscriptions::create),
        Wired::at("/subscriptions/{subscriptionId}")
            .answers(subscriptions::about_one(), subscriptions::one)
            .answers(subscriptions::about_replace(), subscriptions::replace)
            .answers(subscriptions::about_remove(), subscriptions::remove),
        Wired::at("/subscriptions/{subscriptionId}/changes")
            .answers(subscriptions::about_fetch(), subscriptions::fetch),
        Wired::at("/subscriptions/{subscriptionId}/events")
            .answers(subscriptions::about_stream(), subscriptions::stream)
            .as_it_is(),
        Wired::at("/subscriptions/{subscriptionId}/digest")
            .answers(subscriptions::about_digest(), subscriptions::digest),
        Wired::at("/subscriptions/{subscriptionId}/letters")
            .answers(subscriptions::about_letters(), subscriptions::letters),
        Wired::at("/subscriptions/{subscriptionId}/letters/{number}")
            .answers(subscriptions::about_put_aside(), subscriptions::put_aside),
        Wired::at("/subscriptions/{subscriptionId}/replay")
            .answers(subscriptions::about_replay(), subscriptions::replay),
    ]
}

/// Which answers are compressed.
fn is_packed() -> impl Predicate {
    let [flatgeobuf, geopackage, parquet, zip] = AS_WRITTEN;
    SizeAbove::new(COMPRESSED_BYTES).and(flatgeobuf).and(geopackage).and(parquet).and(zip)
}

/// The table as routes.
pub fn routes() -> Router<Arc<App>> {
    let routed = table().into_iter().filter(|wired| !wired.is_within);
    let (compressed, as_it_is): (Vec<Wired>, Vec<Wired>) = routed.partition(|wired| wired.compressed);
    let route = |router: Router<Arc<App>>, wired: Wired| router.route(wired.described.path, wired.routes);
    let compressed = compressed
        .into_iter()
        .fold(Router::new(), route)
        .route_layer(CompressionLayer::new().compress_when(is_packed()));
    as_it_is.into_iter().fold(compressed, route)
}
