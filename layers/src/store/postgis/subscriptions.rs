//! Subscriptions and their letters.

use sqlx::Row as _;
use sqlx::postgres::PgRow;

use super::PostgisStore;
use super::connect::{Database, Session, failure, first_or};
use super::log::{scalar, sequence};
use super::retention::lock;
use crate::log::Seq;
use crate::store::subscription::Answer;
use crate::store::{LEASE_SECONDS, Letter, Progress, StoreError, StoredSubscription, SubscriptionEdit, Subscriptions};

impl Subscriptions for PostgisStore {
    fn all(&self) -> Answer<'_, Vec<StoredSubscription>> {
        Box::pin(all(self.database()))
    }

    fn write(&self, edit: SubscriptionEdit) -> Answer<'_, bool> {
        Box::pin(async move { write(self.database(), &edit).await })
    }

    fn claim<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, Option<Progress>> {
        Box::pin(claim(self.database(), id, holder))
    }

    fn advance<'a>(
        &'a self,
        id: &'a str,
        holder: &'a str,
        progress: Progress,
        letters: Vec<Letter>,
        heard: bool,
    ) -> Answer<'a, bool> {
        Box::pin(async move { advance(self.database(), id, holder, &progress, &letters, heard).await })
    }

    fn release<'a>(&'a self, id: &'a str, holder: &'a str) -> Answer<'a, ()> {
        Box::pin(release(self.database(), id, holder))
    }

    fn handled<'a>(&'a self, id: &'a str, seq: Seq, is_copied: bool) -> Answer<'a, bool> {
        Box::pin(handled(self.database(), id, seq, is_copied))
    }

    fn letters<'a>(&'a self, id: &'a str, after: i64, limit: usize) -> Answer<'a, Vec<Letter>> {
        Box::pin(letters(self.database(), id, after, limit))
    }

    fn mark_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64], again: bool) -> Answer<'a, u64> {
        Box::pin(mark_letters(self.database(), id, numbers, again))
    }

    fn remove_letters<'a>(&'a self, id: &'a str, numbers: &'a [i64]) -> Answer<'a, u64> {
        Box::pin(remove_letters(self.database(), id, numbers))
    }
}

/// All of them, in order of id; none where the database is only read.
async fn all(database: &Database) -> Result<Vec<StoredSubscription>, StoreError> {
    if database.ledger().is_some() {
        return Ok(Vec::new());
    }
    let mut session = database.read().await?;
    let sql = "SELECT id, document, secret, seq, state, created, seen, patience_days FROM bricola.subscriptions \
               WHERE tenant = $1 ORDER BY id COLLATE \"C\"";
    let rows = session.all(sqlx::query(sql).bind(database.tenant())).await?;
    let read = |row: &PgRow| {
        Ok::<_, sqlx::Error>(StoredSubscription {
            id: row.try_get(0)?,
            document: row.try_get(1)?,
            secret: row.try_get(2)?,
            progress: Progress { seq: row.try_get(3)?, state: row.try_get(4)? },
            created: row.try_get(5)?,
            seen: row.try_get(6)?,
            patience_days: row.try_get::<Option<i32>, _>(7)?.map(i32::unsigned_abs),
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| failure(&error))
}

/// Writes one, if what is there is what was seen; false where it is not.
async fn write(database: &Database, edit: &SubscriptionEdit) -> Result<bool, StoreError> {
    let end = sequence(database).await?;
    let mut session = database.write().await?;
    if let Some(begin) = &edit.begin {
        // The log is not cut meanwhile.
        lock(&mut session).await?;
        let first = scalar(&mut session, "SELECT log_from FROM bricola.clock").await?;
        if begin.seq < first {
            return Err(StoreError::Pruned { first });
        }
        if begin.seq > end {
            return Err(StoreError::Unusable("a subscription cannot begin behind the end of the log".to_owned()));
        }
    }
    let (tenant, id) = (database.tenant(), &edit.id);
    let query = sqlx::query("SELECT document FROM bricola.subscriptions WHERE tenant = $1 AND id = $2 FOR UPDATE");
    let rows = session.all(query.bind(tenant).bind(id)).await?;
    let found: Option<String> = rows.first().map(|row| row.try_get(0)).transpose().map_err(|error| failure(&error))?;
    if found != edit.seen {
        return Ok(false);
    }
    let done = match &edit.document {
        None => {
            for sql in [
                "DELETE FROM bricola.letters WHERE tenant = $1 AND subscription = $2",
                "DELETE FROM bricola.subscriptions WHERE tenant = $1 AND id = $2",
            ] {
                session.all(sqlx::query(sql).bind(tenant).bind(id)).await?;
            }
            true
        }
        Some(document) => put(&mut session, tenant, edit, document, found.is_some()).await?,
    };
    session.commit().await?;
    Ok(done)
}

async fn put(
    session: &mut Session,
    tenant: &str,
    edit: &SubscriptionEdit,
    document: &str,
    is_there: bool,
) -> Result<bool, StoreError> {
    // Of two who make it at the same time the second finds it there.
    let sql = if is_there {
        "UPDATE bricola.subscriptions SET document = $3, secret = coalesce($4, secret), seq = coalesce($5, seq), \
         state = coalesce($6, state), patience_days = $7, holder = NULL, until = '-infinity' \
         WHERE tenant = $1 AND id = $2 RETURNING 1"
    } else {
        "INSERT INTO bricola.subscriptions (tenant, id, document, secret, seq, state, patience_days) \
         VALUES ($1, $2, $3, $4, coalesce($5, 0), coalesce($6, '{}'), $7) ON CONFLICT DO NOTHING RETURNING 1"
    };
    let (seq, state) = edit.begin.as_ref().map(|begin| (begin.seq, begin.state.clone())).unzip();
    let days = edit.patience_days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
    let query = sqlx::query(sql).bind(tenant.to_owned()).bind(edit.id.clone()).bind(document.to_owned());
    let rows = session.all(query.bind(edit.secret.clone()).bind(seq).bind(state).bind(days)).await?;
    Ok(!rows.is_empty())
}

/// Claims one; `None` where somebody else has it, or it is gone.
async fn claim(database: &Database, id: &str, holder: &str) -> Result<Option<Progress>, StoreError> {
    let mut session = database.write().await?;
    // Lost in a crash it does no harm, so nobody waits for the disk.
    session.run("SET LOCAL synchronous_commit = off").await?;
    let sql = format!(
        "UPDATE bricola.subscriptions SET holder = $3, until = clock_timestamp() + interval '{LEASE_SECONDS} seconds' \
         WHERE tenant = $1 AND id = $2 AND (holder IS NOT DISTINCT FROM $3 OR until <= clock_timestamp()) \
         RETURNING seq, state"
    );
    let query = sqlx::query(&sql).bind(database.tenant()).bind(id.to_owned()).bind(holder.to_owned());
    let rows = session.all(query).await?;
    session.commit().await?;
    let read = |row: &PgRow| Ok::<_, sqlx::Error>(Progress { seq: row.try_get(0)?, state: row.try_get(1)? });
    rows.first().map(read).transpose().map_err(|error| failure(&error))
}

/// Notes how far one has come, and what was refused; false, and nothing is noted, where the claim has ended.
async fn advance(
    database: &Database,
    id: &str,
    holder: &str,
    progress: &Progress,
    letters: &[Letter],
    heard: bool,
) -> Result<bool, StoreError> {
    let mut session = database.write().await?;
    if letters.is_empty() {
        // Lost in a crash it is told once more; what is refused must not be lost.
        session.run("SET LOCAL synchronous_commit = off").await?;
    }
    let sql = format!(
        "UPDATE bricola.subscriptions SET seq = $4, state = $5, \
         until = clock_timestamp() + interval '{LEASE_SECONDS} seconds', seen = CASE WHEN $6 THEN now() ELSE seen END \
         WHERE tenant = $1 AND id = $2 AND holder = $3 AND until > clock_timestamp() RETURNING 1"
    );
    let query = sqlx::query(&sql).bind(database.tenant()).bind(id.to_owned()).bind(holder.to_owned());
    let rows = session.all(query.bind(progress.seq).bind(progress.state.clone()).bind(heard)).await?;
    if rows.is_empty() {
        session.roll_back().await?;
        return Ok(false);
    }
    for Letter { seq, layer, feature, event, reason, attempts, .. } in letters {
        let query = sqlx::query(
            "INSERT INTO bricola.letters (tenant, subscription, seq, layer, fid, event, reason, attempts) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        );
        let query = query.bind(database.tenant()).bind(id.to_owned()).bind(*seq).bind(layer.clone()).bind(*feature);
        let attempts = i32::try_from(*attempts).unwrap_or(i32::MAX);
        session.all(query.bind(event.clone()).bind(reason.clone()).bind(attempts)).await?;
    }
    session.commit().await?;
    Ok(true)
}

/// Lets one go.
async fn release(database: &Database, id: &str, holder: &str) -> Result<(), StoreError> {
    let mut session = database.write().await?;
    let sql = "UPDATE bricola.subscriptions SET until = '-infinity' WHERE tenant = $1 AND id = $2 AND holder = $3";
    session.all(sqlx::query(sql).bind(database.tenant()).bind(id.to_owned()).bind(holder.to_owned())).await?;
    session.commit().await
}

/// A subscriber that fetches has handled everything up to a change; false where there is none of the name.
async fn handled(database: &Database, id: &str, seq: Seq, is_copied: bool) -> Result<bool, StoreError> {
    let mut session = database.write().await?;
    let sql = "UPDATE bricola.subscriptions SET seq = greatest(seq, least($3, (SELECT c.seq FROM bricola.clock AS c))), \
               state = CASE WHEN $4 THEN '{}' ELSE state END, seen = now() WHERE tenant = $1 AND id = $2 RETURNING true";
    let query = sqlx::query(sql).bind(database.tenant()).bind(id.to_owned()).bind(seq).bind(is_copied);
    let rows = session.all(query).await?;
    let known = first_or(&rows, false)?;
    session.commit().await?;
    Ok(known)
}

/// Letters behind a number, oldest first.
async fn letters(database: &Database, id: &str, after: i64, limit: usize) -> Result<Vec<Letter>, StoreError> {
    let mut session = database.read().await?;
    let sql = "SELECT number, seq, layer, fid, event, reason, attempts, again, at FROM bricola.letters \
               WHERE tenant = $1 AND subscription = $2 AND number > $3 ORDER BY number LIMIT $4";
    let query = sqlx::query(sql).bind(database.tenant()).bind(id.to_owned()).bind(after);
    let rows = session.all(query.bind(i64::try_from(limit).unwrap_or(i64::MAX))).await?;
    let read = |row: &PgRow| {
        Ok::<_, sqlx::Error>(Letter {
            number: row.try_get(0)?,
            seq: row.try_get(1)?,
            layer: row.try_get(2)?,
            feature: row.try_get(3)?,
            event: row.try_get(4)?,
            reason: row.try_get(5)?,
            attempts: row.try_get::<i32, _>(6)?.unsigned_abs(),
            again: row.try_get(7)?,
            at: row.try_get(8)?,
        })
    };
    rows.iter().map(read).collect::<Result<_, _>>().map_err(|error| failure(&error))
}

/// Has letters sent again, or notes that they were in vain.
async fn mark_letters(database: &Database, id: &str, numbers: &[i64], again: bool) -> Result<u64, StoreError> {
    let mut session = database.write().await?;
    let sql = "UPDATE bricola.letters SET again = $4, attempts = CASE WHEN $4 THEN attempts ELSE attempts + 1 END \
               WHERE tenant = $1 AND subscription = $2 AND number = ANY ($3) RETURNING 1";
    let query = sqlx::query(sql).bind(database.tenant()).bind(id.to_owned()).bind(numbers.to_vec()).bind(again);
    let marked = session.all(query).await?.len() as u64;
    session.commit().await?;
    Ok(marked)
}

/// Takes letters away; how many there were.
async fn remove_letters(database: &Database, id: &str, numbers: &[i64]) -> Result<u64, StoreError> {
    let mut session = database.write().await?;
    let sql = "DELETE FROM bricola.letters WHERE tenant = $1 AND subscription = $2 AND number = ANY ($3) RETURNING 1";
    let query = sqlx::query(sql).bind(database.tenant()).bind(id.to_owned()).bind(numbers.to_vec());
    let gone = session.all(query).await?.len() as u64;
    session.commit().await?;
    Ok(gone)
}
