//! `/api`: the description of the API, for programs (OpenAPI 3.0.3) and for people (OGC API Features 1, 7.3).

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, header};

use super::respond::Format;
use super::{parameters, respond};
use crate::app::App;
use crate::error::{Answer, Kind};
use crate::params::Params;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words, openapi, page};

/// What `/api` is needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/oas30",
];

/// The media type of the description (OGC API Features 1, 9.1).
pub const OPENAPI: &str = "application/vnd.oai.openapi+json;version=3.0";

/// `GET /api`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let language = respond::language(&params, &headers)?;
    let format = respond::format_of(&params, &headers, OPENAPI)?;
    let document = openapi::document(&app, &respond::base_url(&app.config, &headers), language);
    let mut response = match format {
        Format::Json => {
            let mut response = respond::json(&document);
            respond::set(&mut response, header::CONTENT_TYPE, OPENAPI);
            response
        }
        Format::Html => file(page::write(&document, language), "text/html; charset=utf-8"),
    };
    respond::set(&mut response, header::CONTENT_LANGUAGE, language.tag());
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    Ok(response)
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Questa descrizione: OpenAPI per i programmi, una pagina per le persone.",
        "This description: OpenAPI for programs, a page for people.",
    );
    Operation::get("description", "capabilities", Words("Descrizione", "Description"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [(OPENAPI, reference("OpenApi")), ("text/html", text())], &["Cache-Control", "Content-Language"])
        .fails([Kind::NotAcceptable])
}

/// `GET /api/style.css`: how the page looks. Pages of this server take no style but from its files.
pub async fn style(RawQuery(query): RawQuery) -> Answer {
    Params::read(query.as_deref(), &[])?;
    Ok(file(page::STYLE.to_owned(), "text/css; charset=utf-8"))
}

fn file(text: String, media_type: &str) -> Response {
    let mut response = Response::new(Body::from(text));
    respond::set(&mut response, header::CONTENT_TYPE, media_type);
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    response
}
