//! What a subscriber has refused.

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State as AppState};
use axum::response::Response;
use bricola_layers::store::Letter;
use http::HeaderMap;
use serde_json::{Value, json};

use super::{admit, answered, done, kept, known};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::bearer;

/// Letters of an answer when nobody says how many.
const USUAL: i64 = 100;
/// And at most.
const MOST: i64 = 1_000;

/// `GET /subscriptions/{subscriptionId}/letters`.
pub async fn letters(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    listed(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn listed(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let params = Params::read(query, &["after", "limit"])?;
    let after = params.whole("after", 0..=i64::MAX)?.unwrap_or(0);
    let limit = params.whole("limit", 1..=MOST)?.unwrap_or(USUAL);
    admit(app, headers)?;
    known(app, id).await?;
    let letters = kept(app)?.letters(id, after, limit as usize).await.map_err(|error| Problem::store(&error))?;
    let next = letters.last().map_or(after, |letter| letter.number);
    let letters: Vec<Value> = letters.iter().map(told).collect();
    Ok(answered(&json!({"letters": letters, "next": next})))
}

fn told(letter: &Letter) -> Value {
    let event: Value = serde_json::from_str(&letter.event).unwrap_or_default();
    json!({
        "number": letter.number, "seq": letter.seq, "layer": letter.layer, "feature": letter.feature,
        "reason": letter.reason, "attempts": letter.attempts, "again": letter.again, "at": letter.at.to_rfc3339(),
        "event": event,
    })
}

/// `POST /subscriptions/{subscriptionId}/replay`: everything that lies aside is sent again.
pub async fn replay(
    AppState(app): AppState<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    replayed(&app, &id, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn replayed(app: &App, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    admit(app, headers)?;
    known(app, id).await?;
    let (kept, mut after, mut marked) = (kept(app)?, 0, 0);
    loop {
        let letters = kept.letters(id, after, MOST as usize).await.map_err(|error| Problem::store(&error))?;
        let Some(last) = letters.last() else { break };
        after = last.number;
        let numbers: Vec<i64> = letters.iter().map(|letter| letter.number).collect();
        marked += kept.mark_letters(id, &numbers, true).await.map_err(|error| Problem::store(&error))?;
    }
    app.deliveries.look();
    Ok(answered(&json!({"letters": marked})))
}

/// `DELETE /subscriptions/{subscriptionId}/letters/{number}`: it is not sent any more; what waited behind it is.
pub async fn put_aside(
    AppState(app): AppState<Arc<App>>,
    Path((id, number)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    gone(&app, &id, &number, query.as_deref(), &headers).await.unwrap_or_else(bearer::refusal_or)
}

async fn gone(app: &App, id: &str, number: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    Params::read(query, &[])?;
    admit(app, headers)?;
    known(app, id).await?;
    let unknown = || {
        let shown = crate::error::clipped(number);
        Problem::new(Kind::UnknownSubscription, format!("The subscription \"{id}\" has no letter {shown}."))
            .with("value", &*shown)
    };
    let number: i64 = number.parse().map_err(|_| unknown())?;
    let gone = kept(app)?.remove_letters(id, &[number]).await.map_err(|error| Problem::store(&error))?;
    if gone > 0 { Ok(done()) } else { Err(unknown()) }
}
