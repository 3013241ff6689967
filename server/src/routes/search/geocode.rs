//! `GET /geocode`: the candidates for one address.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_search::Kind as ThingKind;
use http::HeaderMap;
use serde_json::json;

use super::find::{limit, limit_parameter, near_parameter};
use super::{answer, near, ready, typed};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{parameters, respond};
use crate::services::search::{Sought, find, geocode};
use crate::wired::schema::{reference, text};
use crate::wired::{Operation, Parameter, Words};

const PARTS: [&str; 4] = ["street", "number", "suffix", "district"];
const KNOWN: [&str; 9] = ["q", "street", "number", "suffix", "district", "limit", "near", "lang", "f"];

/// `GET /geocode?q=` or `?street=&number=&suffix=&district=`: as `/search`, but only addresses, or the street of one whose
/// number is not known, and only what has every word of the question.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    params.one_of("f", &[("json", ())])?;
    let english = respond::language(&params, &headers)? == respond::Language::English;
    let parts = parts(&params)?;
    let text = typed(&params, "q")?.unwrap_or_default().to_owned();
    if text.is_empty() && parts[0].is_empty() && parts[3].is_empty() {
        let advice = "give an address, such as q=via Piave 12 Mestre, or street (or district) and number";
        return Err(Problem::missing("q", advice));
    }
    let kinds = vec![ThingKind::Address, ThingKind::Street, ThingKind::Place];
    let (limit, near) = (limit(&params)?, near(&params)?);
    let sought = Sought { text: text.clone(), strict: true, limit, kinds, near, english, ..Sought::default() };
    let seq = ready(&app, &headers, query.as_deref()).await?;
    let said = PARTS.into_iter().zip(&parts).filter(|(_, part)| !part.is_empty());
    let told =
        if text.is_empty() { said.map(|(name, part)| (name, part.clone())).collect() } else { json!({"q": text}) };
    let base = respond::base_url(&app.config, &headers);
    let work = move || {
        if sought.text.is_empty() {
            let parts = [0, 1, 2, 3].map(|part: usize| parts[part].as_str());
            return geocode(&app.territory, app.scope, &app.search, &sought, parts);
        }
        find(&app.territory, app.scope, &app.search, &sought)
    };
    let hits = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    Ok(answer::hits(&told, &hits, seq, &base))
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Dove si trova un indirizzo, intero (q) o in parti: le candidature con punteggio e qualità. Un civico che non c’è si \
         colloca fra i vicini e lo dice.",
        "Where an address is, whole (q) or in parts: the candidates with score and quality. A number that is not there is \
         placed between its neighbours, and says so.",
    );
    let part = |name, about| Parameter::query(name, about, text());
    Operation::get("geocode", "territory", Words("Dove si trova un indirizzo", "Where an address is"), about)
        .takes([
            part("q", Words("L’indirizzo intero", "The whole address")).such_as("San Marco 1234"),
            part("street", Words("La strada", "The street")),
            part("number", Words("Il numero civico, come 12 o 12/B", "The house number, such as 12 or 12/B")),
            part("suffix", Words("L’esponente", "The suffix")),
            part("district", Words("La località o il sestiere", "The district or sestiere")),
            limit_parameter(),
            near_parameter(),
            parameters::lang(),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("SearchAnswer"))], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::MissingParameter, Kind::SearchBuilding])
}

fn parts(params: &Params<'_>) -> Result<[String; 4], Problem> {
    let mut parts: [String; 4] = Default::default();
    for (part, name) in parts.iter_mut().zip(PARTS) {
        let Some(text) = typed(params, name)? else { continue };
        if params.text("q").is_some() {
            return Err(Problem::parameter(name, text, "is said by q already; give one or the other"));
        }
        text.clone_into(part);
    }
    let [_, number, suffix, _] = &parts;
    if !number.is_empty() && bricola_search::HouseNumber::read(number, suffix).is_none() {
        return Err(Problem::parameter("number", number, "must be a house number, such as 12 or 12/B"));
    }
    if number.is_empty() && !suffix.is_empty() {
        return Err(Problem::parameter("suffix", suffix, "is that of a number; give number too"));
    }
    Ok(parts)
}
