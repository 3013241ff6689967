//! `/parcels`: parcels by cadastral reference.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use bricola_layers::cache::Validity;
use bricola_layers::cadastre::{NotAReference, ParcelNumber, ParcelSearch};
use http::{HeaderValue, header};

use super::{parameters, respond, select, when};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::services::parcels::{LAYER, find};
use crate::wired::schema::{between, reference, text};
use crate::wired::{Operation, Parameter, Words};

/// A layer for examples.
pub const EXAMPLE: &str = LAYER;

/// Parcels of one answer: a whole sheet fits.
const MOST: usize = 10_000;

/// What `ref` says in one word.
const PARTS: [&str; 6] = ["municipality", "section", "sheet", "annex", "development", "number"];
const KNOWN: [&str; 10] =
    ["ref", "municipality", "section", "sheet", "annex", "development", "number", when::AT, when::DATETIME, "f"];

/// `GET /parcels?sheet=&number=&section=&annex=&development=&municipality=` or `?ref=`: a `GeoJSON` `FeatureCollection` with `seq`.
/// A reference may mean several parcels, so the answer is always a list.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    params.one_of("f", &[("json", ()), ("geojson", ())])?;
    let search = search(&params)?;
    let layers = select::named(&app, LAYER)?;
    let when = when::read(&app, &params).await?;
    let seq = when.seq(&app);
    let snapshot = when.snapshots(&app, &layers).await?.swap_remove(0);
    let (scope, validity) = (app.scope, Validity::of(snapshot.definition(), when.valid_on));
    let out = tokio::task::spawn_blocking(move || {
        let writer = snapshot.writer(scope);
        let mut out = Vec::with_capacity(4096);
        out.extend_from_slice(b"{\"type\":\"FeatureCollection\",\"features\":[");
        let found = find(&search, &snapshot, MOST).into_iter().filter(|row| validity.holds(*row));
        for (position, row) in found.enumerate() {
            if position > 0 {
                out.push(b',');
            }
            writer.write(&mut out, row);
        }
        out.extend_from_slice(b"],\"seq\":");
        out.extend_from_slice(itoa::Buffer::new().format(seq).as_bytes());
        out.push(b'}');
        out
    });
    let mut response = Response::new(Body::from(out.await.map_err(Problem::internal)?));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/geo+json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    respond::set_seq(&mut response, seq);
    when.cache(&mut response);
    Ok(response)
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Le particelle con un riferimento catastale, intero (ref) o in parti. Un riferimento può indicarne più d’una.",
        "The parcels of a cadastral reference, whole (ref) or in parts. A reference may mean several.",
    );
    let part = |name, about| Parameter::query(name, about, text());
    let annex =
        Words("Allegato: una lettera o cifra; _ o 0 per nessuno", "Annex: one letter or digit; _ or 0 for none");
    let development =
        Words("Sviluppo: una lettera o cifra; _ o 0 per nessuno", "Development: one letter or digit; _ or 0 for none");
    Operation::get("parcels", "territory", Words("Particelle per riferimento", "Parcels by reference"), about)
        .takes([
            part("ref", Words("Il riferimento intero", "The whole reference")).such_as("12/1"),
            part("municipality", Words("Codice catastale del comune", "Cadastral code of the municipality")),
            part(
                "section",
                Words(
                    "Sezione: una lettera o cifra; _ o 0 per nessuna",
                    "Section: one letter or digit; _ or 0 for none",
                ),
            ),
            Parameter::query("sheet", Words("Foglio", "Sheet"), between(1, 9999)),
            part("annex", annex),
            part("development", development),
            part("number", Words("Numero, come 123, 123/2 o STRADA001", "Number, such as 123, 123/2 or STRADA001")),
            parameters::at(),
            parameters::day(),
            parameters::form(["json", "geojson"]),
        ])
        .gives(about, [("application/geo+json", reference("FeatureCollection"))], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::MissingParameter, Kind::UnknownLayer, Kind::LayerLoading, Kind::LayerUnreadable])
        .fails([Kind::LayerStored, Kind::Pruned, Kind::StoreUnavailable])
}

fn search(params: &Params<'_>) -> Result<ParcelSearch, Problem> {
    if let Some(text) = params.text("ref") {
        if let Some(name) = PARTS.into_iter().find(|name| params.text(name).is_some()) {
            let value = params.text(name).unwrap_or_default();
            return Err(Problem::parameter(name, value, "is said by ref already; give one or the other"));
        }
        return ParcelSearch::parse(text)
            .map_err(|error: NotAReference| Problem::parameter("ref", text, format!("{text} {error}")));
    }
    let sheet = params.text("sheet").map(sheet).transpose()?;
    let number = params.text("number").map(number).transpose()?;
    if sheet.is_none() && number.is_none() {
        return Err(Problem::missing(
            "sheet",
            "give sheet and number, such as sheet=12&number=123, or ref=L736_0012A0.123",
        ));
    }
    let letter = |name: &str| match params.text(name) {
        None => Ok(None),
        Some("_" | "0") => Ok(Some(String::new())),
        Some(text) if text.len() == 1 && text.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            Ok(Some(text.to_ascii_uppercase()))
        }
        Some(text) => Err(Problem::parameter(name, text, "must be one letter or digit (_ or 0: without one)")),
    };
    Ok(ParcelSearch {
        municipality: params.text("municipality").map(str::to_uppercase),
        section: letter("section")?,
        sheet,
        annex: letter("annex")?,
        development: letter("development")?,
        number,
    })
}

fn sheet(text: &str) -> Result<i64, Problem> {
    let number = text.trim_start_matches('0').parse::<u16>().ok().filter(|number| *number <= 9999);
    number.map(i64::from).ok_or_else(|| Problem::parameter("sheet", text, "must be a whole number from 1 to 9999"))
}

fn number(text: &str) -> Result<String, Problem> {
    let number = ParcelNumber::parse(text).map(|number| number.to_string());
    number.map_err(|_| Problem::parameter("number", text, "must be a parcel number such as 123, 123/2 or STRADA001"))
}
