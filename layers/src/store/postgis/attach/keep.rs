//! Finding tables and views again and again, and looking at those that have no triggers.

use std::time::Duration;

use sqlx::Row;
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::super::connect::{Database, Session, failure, first_or};
use super::super::define;
use super::super::log::scalar;
use super::catalogue;
use super::register::{Said, discover};
use super::remember;
use crate::store::StoreError;

/// How often what has no triggers is looked at.
const POLL: Duration = Duration::from_millis(1_500);
/// How often everything is looked for anew, though nothing seems to have been made or altered.
const AGAIN: Duration = Duration::from_secs(60);
/// Looking costs at most this part of the time, one in so many.
const SHARE: u32 = 20;
/// The longest pause between two looks, whatever they cost.
const LONGEST: Duration = Duration::from_secs(4);
/// How often at most the rows themselves are read for what nothing else tells of.
const CONTENT: Duration = Duration::from_secs(3);

/// Attaches what the patterns name and looks at it, for ever; `changed` is called when there may be news in the log.
pub(in super::super) async fn keep(database: Database, patterns: Vec<String>, changed: impl Fn() + Send + Sync) {
    tokio::join!(look(&database, &patterns, &changed), compare(&database, &changed));
}

async fn look(database: &Database, patterns: &[String], changed: &(impl Fn() + Sync)) {
    let (mut mark, mut found, mut said) = (None, Instant::now(), Said::new());
    loop {
        let mut started = Instant::now();
        let round = async {
            let present = catalogue::mark(&mut database.read().await?).await?;
            if mark.as_ref() != Some(&present) || found.elapsed() >= AGAIN {
                discover(database, patterns, &mut said).await?;
                (mark, found) = (Some(present), Instant::now());
                changed();
                started = Instant::now();
            }
            poll(database).await
        };
        match round.await {
            Ok(0) => {}
            Ok(_) => changed(),
            Err(error) => complain(&error, &mut said),
        }
        sleep((started.elapsed() * SHARE).clamp(POLL, LONGEST)).await;
    }
}

/// A standby has nothing to say; a database that is away is spoken of elsewhere.
fn complain(error: &StoreError, said: &mut Said) {
    if error.is_temporary() {
        debug!(%error, "tables of the database are not looked at now");
    } else if said.insert(error.to_string()) {
        warn!(%error, "tables and views of the database cannot be published or looked at");
    }
}

/// Compares fingerprints; how many layers are reported.
async fn poll(database: &Database) -> Result<i64, StoreError> {
    if let Some(ledger) = database.ledger() {
        return remember::poll(database, ledger).await;
    }
    let looked = chrono::Utc::now();
    let mut session = database.write().await?;
    let count = scalar(&mut session, "SELECT bricola.poll()").await?;
    session.commit().await?;
    let mut session = database.read().await?;
    let query =
        sqlx::query("SELECT layer FROM bricola.layers WHERE tenant = $1 AND kind = 'polled' AND NOT by_content");
    for row in session.all(query.bind(database.tenant().to_owned())).await? {
        let layer: String = row.try_get(0).map_err(|error| failure(&error))?;
        database.looks.of(&layer).note(looked);
    }
    Ok(count)
}

/// Reads the rows of what nothing else tells of, one layer after the other.
async fn compare(database: &Database, changed: &(impl Fn() + Sync)) {
    let mut said = Said::new();
    loop {
        sleep(CONTENT).await;
        let (layers, replayed) = match opaque(database).await {
            Ok(layers) => layers,
            Err(error) => {
                complain(&error, &mut said);
                continue;
            }
        };
        for layer in layers {
            let started = Instant::now();
            match content(database, &layer, replayed.as_deref()).await {
                Ok(true) => changed(),
                Ok(false) => {}
                Err(error) => complain(&error, &mut said),
            }
            sleep(started.elapsed() * SHARE).await;
        }
    }
}

/// The layers whose rows are to be read; and how far a standby had replayed before.
async fn opaque(database: &Database) -> Result<(Vec<String>, Option<String>), StoreError> {
    if let Some(ledger) = database.ledger() {
        return remember::opaque(database, ledger).await;
    }
    let mut session = database.read().await?;
    let query = sqlx::query(
        "SELECT layer FROM bricola.layers WHERE tenant = $1 AND kind = 'polled' AND by_content ORDER BY looked NULLS FIRST",
    );
    let rows = session.all(query.bind(database.tenant().to_owned())).await?;
    let layers = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(|error| failure(&error))?;
    Ok((layers, None))
}

/// Reads the rows of a layer; true when they are not what they were. What was not read before counts as changed:
/// somebody may have read it meanwhile.
async fn content(database: &Database, layer: &str, replayed: Option<&str>) -> Result<bool, StoreError> {
    let looked = chrono::Utc::now();
    // In a transaction that can only read: the rows may come out of functions that somebody wrote.
    let (mut session, schema) = define::read_layer(database, layer).await?;
    let Some(sql) = schema.content() else { return Ok(false) };
    let text = content_text(&mut session, &sql).await?;
    drop(session);
    if let Some(ledger) = database.ledger() {
        database.looks.of(layer).note(looked);
        return Ok(remember::content(ledger, layer, text, replayed));
    }
    let mut session = database.write().await?;
    let query = sqlx::query(
        "WITH mine AS (SELECT content IS DISTINCT FROM $3 AS differs FROM bricola.layers \
         WHERE tenant = $1 AND layer = $2 AND by_content FOR UPDATE), \
         noted AS (UPDATE bricola.layers SET content = $3, looked = now() WHERE tenant = $1 AND layer = $2 \
         AND EXISTS (SELECT FROM mine)) \
         SELECT bricola.report($1, $2, 'replace', NULL)::text FROM mine WHERE differs",
    );
    let query = query.bind(database.tenant().to_owned()).bind(layer.to_owned()).bind(text);
    let differs = !session.all(query).await?.is_empty();
    session.commit().await?;
    database.looks.of(layer).note(looked);
    Ok(differs)
}

async fn content_text(session: &mut Session, sql: &str) -> Result<String, StoreError> {
    let rows = session.all(sqlx::query(sql)).await?;
    first_or(&rows, String::new())
}
