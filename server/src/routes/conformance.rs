//! `/conformance`: which parts of which standards hold here (OGC API Common 1, 7.4).

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use http::{HeaderMap, header};
use serde_json::json;

use super::parameters;
use super::respond::{self, Format};
use crate::app::App;
use crate::error::{Answer, Kind};
use crate::pages::{self, Asked};
use crate::params::Params;
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Words, classes};

/// What `/conformance` itself is needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/landing-page",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/html",
];

/// And where features and styles may be edited.
const EDITING: [&str; 6] = [
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/create-replace-delete",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/update",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/features",
    "http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/optimistic-locking-etags",
    "http://www.opengis.net/spec/ogcapi-styles-1/1.0/conf/manage-styles",
    "http://www.opengis.net/spec/ogcapi-styles-1/1.0/conf/style-validation",
];

/// `GET /conformance`: the classes of all paths of the table.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["f", "lang"])?;
    let (language, format) = (respond::language(&params, &headers)?, respond::format(&params, &headers)?);
    let editing = if app.takes_edits() { &EDITING[..] } else { &[] };
    let classes: Vec<&str> = classes().into_iter().chain(editing.iter().copied()).collect();
    let document = json!({"conformsTo": classes});
    if format == Format::Html {
        let base = respond::base_url(&app.config, &headers);
        let asked = Asked::new(&app, language, &base, "conformance", query.as_deref());
        return Ok(pages::send(&asked, &pages::conformance(&asked, &document)));
    }
    let mut response = respond::json(&document);
    respond::set(&mut response, header::VARY, "accept");
    Ok(response)
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words("Le classi di conformità degli standard OGC.", "The conformance classes of OGC's standards.");
    Operation::get("conformance", "capabilities", Words("Conformità", "Conformance"), about)
        .takes([parameters::form(["json", "html"]), parameters::lang()])
        .gives(about, [("application/json", reference("Conformance")), ("text/html", text())], &["Cache-Control"])
        .fails([Kind::NotAcceptable])
}
