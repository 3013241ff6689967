//! Questions about layers that are not in memory.
//!
//! All of an answer is read in one transaction, and so of one moment. Rows come by a cursor: each piece is a statement of its
//! own with a time limit of its own, so that a client that is slow to take them is not one that asks too much, and a page
//! that has enough stops without giving up the connection.

use std::sync::Arc;

use futures::Stream;
use sqlx::postgres::PgRow;
use sqlx::{Row as _, ValueRef as _};
use tokio::sync::mpsc;

use super::connect::{Database, Session, failure, first_or};
use super::copy::{Fields, feature};
use super::guard::Guard;
use super::rows::stream;
use super::schema::Schema;
use super::words::Words;
use super::{define, past};
use crate::definition::FieldType;
use crate::feature::StoredFeature;
use crate::store::condition::{Part, order, part_of};
use crate::store::{Sight, Sought, StoreError};

/// Rows that are fetched in a go.
const PIECE: usize = 2_048;

/// Answers a question.
pub(super) fn seek(
    database: Database,
    layer: String,
    sought: Arc<Sought>,
) -> impl Stream<Item = Result<Sight, StoreError>> + Send {
    stream(move |sender| async move {
        let mut answer = Answer { sought: &sought, sender, has_begun: false };
        match answer.give(&database, &layer, true).await {
            // Half of a page that was told cannot be taken back.
            Err(StoreError::Uncomputable(reason)) if !answer.has_begun => {
                tracing::debug!(layer, reason, "the database cannot compute a filter; looking at every row instead");
                answer.give(&database, &layer, false).await
            }
            given => given,
        }
    })
}

struct Answer<'a> {
    sought: &'a Arc<Sought>,
    sender: mpsc::Sender<Result<Sight, StoreError>>,
    has_begun: bool,
}

impl Answer<'_> {
    /// Gives it: by the conditions that SQL can say, or without them.
    async fn give(&mut self, database: &Database, layer: &str, is_compiled: bool) -> Result<(), StoreError> {
        let sought = Arc::clone(self.sought);
        let mut session = database.read_within(sought.within).await?;
        let schema = define::schema(&mut session, database, layer).await?;
        if schema.source.is_some() && sought.order.iter().any(|key| is_text(&schema, key.field)) {
            return Err(StoreError::Unsortable);
        }
        let rows = match sought.at {
            None => schema.rows(),
            Some(at) => past::all(&mut session, database, &schema, at).await?,
        };
        let mut words = Words::of(&schema);
        let part = if is_compiled {
            part_of(&mut words, &sought.conditions, sought.frames.as_deref())
        } else {
            Part::unknown()
        };
        if sought.is_counted {
            let matched = count(&mut session, &schema, &rows, (&words, &part), &sought).await?;
            if !self.send(Sight::Matched(matched)).await {
                return Ok(());
            }
        }
        if sought.limit == Some(0) {
            return Ok(());
        }
        let (by, behind) = order(&mut words, &sought.order, sought.after.as_ref());
        let limit =
            sought.limit.filter(|_| part.is_exact()).map_or_else(String::new, |limit| format!(" LIMIT {limit}"));
        let sql = format!(
            "DECLARE sought NO SCROLL CURSOR FOR SELECT {}, {} FROM {rows} AS t WHERE ({}) AND {behind} ORDER BY {by}{limit}",
            schema.selected("t."),
            if part.is_exact() { "TRUE".to_owned() } else { format!("({}) IS TRUE", part.surely) },
            part.maybe,
        );
        session.all(words.query(&sql)?).await?;
        self.fetch(&mut session, &schema).await
    }

    async fn fetch(&mut self, session: &mut Session, schema: &Schema) -> Result<(), StoreError> {
        let sought = Arc::clone(self.sought);
        let mut wanted = sought.limit.unwrap_or(usize::MAX);
        let mut guard = Guard::of(schema);
        while wanted > 0 {
            let rows = piece(session, wanted).await?;
            let is_last = rows.is_empty();
            let mut found = judged(read(&rows, schema, &mut guard)?, &sought).await?;
            found.truncate(wanted);
            wanted -= found.len();
            if is_last || (!found.is_empty() && !self.send(Sight::Rows(found)).await) {
                break;
            }
        }
        guard.tell();
        Ok(())
    }

    /// False when nobody listens any more.
    async fn send(&mut self, sight: Sight) -> bool {
        self.has_begun |= matches!(sight, Sight::Rows(_));
        self.sender.send(Ok(sight)).await.is_ok()
    }
}

fn is_text(schema: &Schema, field: Option<usize>) -> bool {
    field.is_some_and(|field| schema.definition.fields[field].kind == FieldType::Text)
}

/// How many features are sought.
async fn count(
    session: &mut Session,
    schema: &Schema,
    rows: &str,
    (words, part): (&Words<'_>, &Part),
    sought: &Arc<Sought>,
) -> Result<u64, StoreError> {
    let counted = |condition: &str| format!("SELECT count(*) FROM {rows} AS t WHERE {condition}");
    let mut matched: i64 = match part.surely.as_str() {
        "FALSE" => 0,
        _ => first_or(&session.all(words.query(&counted(&part.surely))?).await?, 0)?,
    };
    if !part.is_exact() {
        let sql = format!(
            "DECLARE doubtful NO SCROLL CURSOR FOR SELECT {}, FALSE FROM {rows} AS t WHERE ({}) AND ({}) IS NOT TRUE \
             ORDER BY t.\"fid\"",
            schema.selected("t."),
            part.maybe,
            part.surely,
        );
        session.all(words.query(&sql)?).await?;
        let mut guard = Guard::of(schema);
        loop {
            let rows = session.all(sqlx::query(&format!("FETCH {PIECE} FROM doubtful"))).await?;
            if rows.is_empty() {
                break;
            }
            matched += judged(read(&rows, schema, &mut guard)?, sought).await?.len() as i64;
        }
        session.run("CLOSE doubtful").await?;
    }
    Ok(u64::try_from(matched).unwrap_or(0))
}

async fn piece(session: &mut Session, wanted: usize) -> Result<Vec<PgRow>, StoreError> {
    let rows = wanted.clamp(64, PIECE);
    session.all(sqlx::query(&format!("FETCH {rows} FROM sought"))).await
}

/// Rows as features, each with whether it is sought for sure; those that cannot be read are left out.
fn read(rows: &[PgRow], schema: &Schema, guard: &mut Guard<'_>) -> Result<Vec<(StoredFeature, bool)>, StoreError> {
    let mut found = Vec::with_capacity(rows.len());
    let mut bytes = Vec::new();
    for row in rows {
        bytes.clear();
        for place in 0..row.len() {
            let value = row.try_get_raw(place).map_err(|error| failure(&error))?;
            if value.is_null() {
                bytes.extend_from_slice(&(-1_i32).to_be_bytes());
                continue;
            }
            let value = value.as_bytes().map_err(|_| StoreError::garbled())?;
            let length = i32::try_from(value.len()).map_err(|_| StoreError::garbled())?;
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(value);
        }
        let mut fields = Fields::of(&bytes);
        let read = guard.pass(feature(&mut fields, &schema.definition));
        match read {
            Ok(feature) => found.push((feature, fields.take() == Some(&[1]))),
            Err((id, reason)) => tracing::warn!(layer = schema.layer(), id, reason, "a stored feature cannot be read"),
        }
    }
    Ok(found)
}

/// Those that are sought, in their order.
async fn judged(rows: Vec<(StoredFeature, bool)>, sought: &Arc<Sought>) -> Result<Vec<StoredFeature>, StoreError> {
    if rows.iter().all(|(_, is_sure)| *is_sure) {
        return Ok(rows.into_iter().map(|(row, _)| row).collect());
    }
    let judge = Arc::clone(&sought.judge);
    let work = move || judge(rows.into_iter().map(|(row, _)| row).collect());
    tokio::task::spawn_blocking(work).await.map_err(|error| StoreError::Failure(error.to_string()))
}

/// The box around all features.
pub(super) async fn extent(database: &Database, layer: &str) -> Result<Option<[f64; 4]>, StoreError> {
    let (mut session, schema) = define::read_layer(database, layer).await?;
    let words = Words::of(&schema);
    let sides = ["ST_XMin", "ST_YMin", "ST_XMax", "ST_YMax"].map(|side| format!("{}(e)", words.function(side)));
    let sql = format!(
        "SELECT {} FROM (SELECT {}(t.\"geom\") AS e FROM {} AS t) AS x",
        sides.join(", "),
        words.function("ST_Extent"),
        schema.rows()
    );
    let rows = match session.all(sqlx::query(&sql)).await {
        Err(StoreError::Timeout) => return Ok(None),
        rows => rows?,
    };
    let read = |row: &PgRow| {
        let at = |place: usize| row.try_get::<Option<f64>, _>(place);
        Ok::<_, sqlx::Error>(at(0)?.zip(at(1)?).zip(at(2)?).zip(at(3)?).map(|(((a, b), c), d)| [a, b, c, d]))
    };
    Ok(rows.first().map(read).transpose().map_err(|error| failure(&error))?.flatten())
}
