//! `GET /search`: one box over everything that has a name, an address or a reference.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_search::Kind as ThingKind;
use http::HeaderMap;
use serde_json::json;

use super::{FAILURES, answer, bbox, near, ready, typed};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::{parameters, respond, select};
use crate::services::search::{DEFAULT_HITS, MAX_HITS, Sought, find as search};
use crate::wired::schema::{between, list, number, reference, text, usually, word};
use crate::wired::{Operation, Parameter, Words};

const KNOWN: [&str; 8] = ["q", "limit", "kind", "near", "bbox", "layers", "lang", "f"];

/// `GET /search?q=&limit=&kind=&near=&bbox=&layers=&lang=`: `{"query", "hits": [{"kind", "label", "context", "lon", "lat",
/// "bbox", "score", "quality", "layer", "id", "distance_m", "href"}], "seq"}`, the best first. The last word may be
/// unfinished, until a blank stands after it.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &KNOWN)?;
    params.one_of("f", &[("json", ())])?;
    let english = respond::language(&params, &headers)? == respond::Language::English;
    let Some(text) = typed(&params, "q")? else {
        return Err(Problem::missing("q", "give what is looked for, such as q=via Piave 12"));
    };
    // The blank at the end says that the last word is whole.
    let ends = params.pairs().any(|(name, value)| name == "q" && value.ends_with(char::is_whitespace));
    let sought = Sought {
        text: if ends { format!("{text} ") } else { text.to_owned() },
        open: true,
        limit: limit(&params)?,
        kinds: kinds(&params)?,
        layers: layers(&app, &params)?,
        near: near(&params)?,
        bbox: bbox(&params)?,
        english,
        ..Sought::default()
    };
    let seq = ready(&app, &headers, query.as_deref()).await?;
    let told = json!({"q": text});
    let base = respond::base_url(&app.config, &headers);
    let work = move || search(&app.territory, app.scope, &app.search, &sought);
    let hits = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    Ok(answer::hits(&told, &hits, seq, &base))
}

/// Of [`get`].
pub fn about() -> Operation {
    let about = Words(
        "Una sola casella per indirizzi, strade, particelle, luoghi e oggetti di ogni strato pubblico che hanno un nome: senza \
         badare ad accenti, abbreviazioni, errori di battitura e parole non finite.",
        "One box for addresses, streets, parcels, places and features of every public layer that have a name: whatever the \
         accents, abbreviations, misspellings and unfinished words.",
    );
    Operation::get("search", "territory", Words("Cercare", "Search"), about)
        .takes([
            Parameter::query(
                "q",
                Words("Che cosa si cerca, come si scrive", "What is looked for, as it is typed"),
                text(),
            )
            .needed()
            .such_as("San Marco 1234"),
            limit_parameter(),
            Parameter::query(
                "kind",
                Words("Solo questi tipi, separati da virgole", "Only these kinds, separated by commas"),
                list(&word(answer::kinds().into_iter().map(|(word, _)| word))),
            ),
            near_parameter(),
            parameters::bbox(),
            parameters::layers(),
            parameters::lang(),
            parameters::form(["json"]),
        ])
        .gives(about, [("application/json", reference("SearchAnswer"))], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::MissingParameter])
        .fails(FAILURES)
}

/// How many answers are wanted.
pub fn limit(params: &Params<'_>) -> Result<usize, Problem> {
    Ok(params.whole("limit", 1..=MAX_HITS as i64)?.map_or(DEFAULT_HITS, |limit| limit as usize))
}

/// Of [`limit`].
pub fn limit_parameter() -> Parameter {
    let schema = usually(between(1, MAX_HITS as i64), DEFAULT_HITS);
    Parameter::query("limit", Words("Quante risposte al massimo", "How many answers at most"), schema)
}

/// Of [`near`].
pub fn near_parameter() -> Parameter {
    let about = Words(
        "Da dove si cerca, longitudine e latitudine in gradi: a parità, prima ciò che è vicino",
        "From where it is looked for, longitude and latitude in degrees: of what is alike the near comes first",
    );
    let schema = json!({"type": "array", "items": number(), "minItems": 2, "maxItems": 2});
    Parameter::query("near", about, schema)
}

fn kinds(params: &Params<'_>) -> Result<Vec<ThingKind>, Problem> {
    let Some(text) = params.text("kind") else { return Ok(Vec::new()) };
    let words = answer::kinds();
    let kind = |word: &str| words.iter().find(|(known, _)| *known == word.trim()).map(|(_, kind)| *kind);
    let found: Option<Vec<ThingKind>> = text.split(',').map(kind).collect();
    found.ok_or_else(|| {
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Problem::parameter("kind", text, format!("must be one or some of {}", allowed.join(", ")))
            .with("allowed", allowed)
    })
}

fn layers(app: &App, params: &Params<'_>) -> Result<Option<Vec<String>>, Problem> {
    let Some(list) = params.text("layers") else { return Ok(None) };
    Ok(Some(select::named(app, list)?.iter().map(|layer| layer.definition().id.clone()).collect()))
}
