//! `GET /reverse`: the address and the street of a place.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_layers::crs::Crs;
use bricola_layers::limits::MAX_LOOKUP_RADIUS_M;
use bricola_layers::query::Place;
use http::HeaderMap;
use serde_json::json;

use super::answer;
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{parameters, respond};
use crate::services::search::reverse;
use crate::wired::schema::{number, reference, usually};
use crate::wired::{Operation, Parameter, Words};

/// Metres within which an address is looked for when nobody says.
const DEFAULT_RADIUS_M: f64 = 500.0;

/// `GET /reverse?lon=&lat=&radius=`: `{"query", "address", "street", "seq"}`: the nearest of each, with its distance in
/// metres; null where there is none so near.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &["lon", "lat", "radius", "lang", "f"])?;
    params.one_of("f", &[("json", ())])?;
    let english = respond::language(&params, &headers)? == respond::Language::English;
    let degrees = |name: &str, most: f64| match params.number(name)? {
        Some(degrees) if degrees.abs() <= most => Ok(degrees),
        Some(_) => {
            let text = params.text(name).unwrap_or_default();
            Err(Problem::parameter(name, text, format!("must be degrees, at most {most}")))
        }
        None => Err(Problem::missing(name, "give lon and lat in degrees, such as lon=12.3388&lat=45.4342")),
    };
    let at = [degrees("lon", 180.0)?, degrees("lat", 90.0)?];
    let radius_m = match params.number("radius")? {
        None => DEFAULT_RADIUS_M,
        Some(radius) if (0.0..=MAX_LOOKUP_RADIUS_M).contains(&radius) => radius,
        Some(_) => {
            let text = params.text("radius").unwrap_or_default();
            return Err(Problem::parameter(
                "radius",
                text,
                format!("must lie between 0 and {MAX_LOOKUP_RADIUS_M} metres"),
            )
            .with("limit", "MAX_LOOKUP_RADIUS_M")
            .with("allowed", MAX_LOOKUP_RADIUS_M));
        }
    };
    let seq = app.territory.seq();
    let base = respond::base_url(&app.config, &headers);
    let work = move || {
        let place = Place::new(&Crs::wgs84(), at)?;
        reverse(&app.territory, app.scope, &place, radius_m, english)
    };
    let found = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?;
    let found =
        found.map_err(|error| Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "lon, lat"))?;
    let hit = |hit: Option<_>| hit.map(|found| answer::hit(&found, &base));
    let query = json!({"lon": at[0], "lat": at[1]});
    let told = json!({"query": query, "address": hit(found.address), "street": hit(found.street), "seq": seq});
    Ok(answer::with_seq(&told, seq))
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "L’indirizzo e la strada più vicini a un punto, con la distanza.",
        "The address and the street nearest to a place, with the distance.",
    );
    let degrees = |most: f64| {
        let mut schema = number();
        (schema["minimum"], schema["maximum"]) = (json!(-most), json!(most));
        schema
    };
    let mut radius = usually(number(), DEFAULT_RADIUS_M);
    (radius["minimum"], radius["maximum"]) = (json!(0), json!(MAX_LOOKUP_RADIUS_M));
    Operation::get("reverse", "territory", Words("Quale indirizzo è qui", "Which address is here"), about)
        .takes([
            Parameter::query("lon", Words("Longitudine in gradi", "Longitude in degrees"), degrees(180.0))
                .needed()
                .such_as(12.3388),
            Parameter::query("lat", Words("Latitudine in gradi", "Latitude in degrees"), degrees(90.0))
                .needed()
                .such_as(45.4342),
            Parameter::query("radius", Words("Metri entro cui cercare", "Metres within which to look"), radius),
            parameters::lang(),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("ReverseAnswer"))], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::MissingParameter])
}
