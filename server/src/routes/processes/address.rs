//! A place by its address: the one house that is meant, or the houses that may be meant, to choose from. Never a guess.

use std::sync::Arc;

use bricola_layers::limits::MAX_CHOICES;
use bricola_search::{Kind as ThingKind, Quality};
use serde_json::{Value, json};

use crate::app::App;
use crate::error::{Kind, Problem};
use crate::routes::search::built;
use crate::services::search::{Hit, MAX_SEARCH_CHARS, Sought, find};

/// The house that an address means, as `layer/id`.
///
/// # Errors
/// An address that means none, several, or one that is only like it: which there are.
pub async fn feature(app: &App, text: &str) -> Result<String, Problem> {
    if text.chars().count() > MAX_SEARCH_CHARS {
        return Err(Problem::parameter("address", text, format!("is longer than {MAX_SEARCH_CHARS} characters"))
            .with("limit", "MAX_SEARCH_CHARS")
            .with("allowed", MAX_SEARCH_CHARS));
    }
    built(app)?;
    let kinds = vec![ThingKind::Address];
    let sought = Sought { text: text.to_owned(), strict: true, limit: MAX_CHOICES, kinds, ..Sought::default() };
    let (territory, scope, search) = (app.territory.clone(), app.scope, Arc::clone(&app.search));
    let work = move || find(&territory, scope, &search, &sought);
    let hits = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let houses: Vec<(String, &Hit)> =
        hits.iter().filter_map(|hit| Some((format!("{}/{}", hit.layer, hit.id?), hit))).collect();
    let exact: Vec<&(String, &Hit)> = houses.iter().filter(|(_, hit)| hit.quality == Quality::Exact).collect();
    match exact.as_slice() {
        [(feature, _)] => Ok(feature.clone()),
        [] if houses.is_empty() => {
            let shown = crate::error::clipped(text);
            let detail = format!(
                "There is no address \"{shown}\"; give street or sestiere with the house number. /search tells what is like it."
            );
            Err(Problem::new(Kind::UnknownFeature, detail).with("parameter", "address").with("value", &*shown))
        }
        [] => Err(several(text, "is no address that is there; those like it", &houses)),
        _ => {
            let exact: Vec<(String, &Hit)> = exact.into_iter().cloned().collect();
            Err(several(text, &format!("means {} addresses", exact.len()), &exact))
        }
    }
}

/// The refusal that lists what may be meant.
fn several(text: &str, reason: &str, houses: &[(String, &Hit)]) -> Problem {
    let names: Vec<String> = houses.iter().map(|(feature, hit)| format!("{} ({feature})", name(hit))).collect();
    let choices: Vec<Value> = houses
        .iter()
        .map(|(feature, hit)| {
            json!({
                "feature": feature, "label": hit.label, "context": hit.context, "quality": hit.quality.word(),
                "lon": rounded(hit.spot.at[0]), "lat": rounded(hit.spot.at[1]),
            })
        })
        .collect();
    let reason = format!("{reason}; choose one, and name it by feature: {}", names.join("; "));
    Problem::parameter("address", text, reason).with("choices", choices)
}

fn name(hit: &Hit) -> String {
    if hit.context.is_empty() { hit.label.clone() } else { format!("{}, {}", hit.label, hit.context) }
}

/// Degrees to a centimetre.
fn rounded(degrees: f64) -> f64 {
    (degrees * 1e7).round() / 1e7
}
