//! `/`: the geoportal for people, the OGC landing page for machines; and the files of the geoportal.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode, header};
use serde_json::json;

use super::respond::{self, Format};
use super::{api, parameters, tiles};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::web;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words};

/// Relation of the landing page to the grids.
const TILING_SCHEMES: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-schemes";

/// `GET /`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    // The geoportal keeps its state (place, layers) in the fragment; the query stays ours.
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    respond::language(&params, &headers)?;
    match respond::format(&params, &headers)? {
        Format::Html => {
            let encoding = Encoding::negotiate(&headers);
            Ok(send(blocking(move || Some(web::index(encoding))).await?, &headers))
        }
        Format::Json => {
            let base = respond::base_url(&app.config, &headers);
            Ok(respond::json(&landing(&app, &base)))
        }
    }
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "La pagina iniziale: collegamenti per i programmi, il geoportale per le persone.",
        "The landing page: links for programs, the geoportal for people.",
    );
    Operation::get("landing-page", "capabilities", Words("Pagina iniziale", "Landing page"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("LandingPage")), ("text/html", text())], &["Cache-Control"])
        .replies(
            304,
            Words("Il geoportale non è cambiato.", "The geoportal has not changed."),
            [],
            &["ETag", "Cache-Control"],
        )
        .fails([Kind::NotAcceptable])
}

/// OGC API Common 1, 7.2.
fn landing(app: &App, base: &str) -> serde_json::Value {
    let link = |path: &str, rel: &str, kind: &str, title: &str| json!({"href": format!("{base}{path}"), "rel": rel, "type": kind, "title": title});
    json!({
        "title": app.config.tenant.name,
        "description": "Territorial layers as vector tiles and lookups.",
        "links": [
            link("/?f=json", "self", "application/json", "This page"),
            link("/?f=html", "alternate", "text/html", "Geoportal"),
            link("/api?f=json", "service-desc", api::OPENAPI, "Description of the API (OpenAPI)"),
            link("/api?f=html", "service-doc", "text/html", "Description of the API for people"),
            link("/conformance", "conformance", "application/json", "Standards that hold here"),
            link("/collections?f=json", "data", "application/json", "Layers"),
            link("/tiles?f=json", tiles::TILESETS, "application/json", "Tilesets of all layers"),
            link("/tileMatrixSets?f=json", TILING_SCHEMES, "application/json", "Grids of tiles"),
            link("/styles?f=json", "http://www.opengis.net/def/rel/ogc/1.0/styles", "application/json", "Styles"),
            link("/processes?f=json", "http://www.opengis.net/def/rel/ogc/1.0/processes", "application/json", "Services"),
            link("/status", "status", "application/json", "Health and freshness"),
            link("/metrics", "monitor", "text/plain", "Metrics for Prometheus"),
        ],
    })
}

/// `GET /assets/{path}`: files whose names change with their content.
pub async fn asset(Path(path): Path<String>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    Params::read(query.as_deref(), &[])?;
    file(format!("assets/{path}"), &headers).await
}

/// `GET /favicon.svg`.
pub async fn icon(headers: HeaderMap) -> Answer {
    file("favicon.svg".to_owned(), &headers).await
}

async fn file(path: String, headers: &HeaderMap) -> Answer {
    let encoding = Encoding::negotiate(headers);
    Ok(send(blocking(move || web::file(&path, encoding)).await?, headers))
}

/// The first request for a file compresses it, which does not belong on the reactor.
async fn blocking(work: impl FnOnce() -> Option<web::Asset> + Send + 'static) -> Result<web::Asset, Problem> {
    let asset = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    asset.ok_or_else(|| Problem::new(Kind::UnknownPath, "The web application has no such file; reload the page."))
}

fn send(asset: web::Asset, headers: &HeaderMap) -> Response {
    let cache = if asset.immutable { "public, max-age=31536000, immutable" } else { "no-cache" };
    let mut response = if respond::matches(headers, &asset.etag) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let mut response = Response::new(Body::from(asset.bytes));
        respond::set(&mut response, header::CONTENT_TYPE, asset.media_type);
        if asset.encoding != Encoding::Identity {
            respond::set(&mut response, header::CONTENT_ENCODING, asset.encoding.name());
        }
        response
    };
    respond::set(&mut response, header::ETAG, &asset.etag);
    respond::set(&mut response, header::CACHE_CONTROL, cache);
    respond::set(&mut response, header::VARY, "accept-encoding, accept");
    response
}
