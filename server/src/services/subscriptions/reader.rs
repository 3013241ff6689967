//! The next events behind a place.

use std::sync::Arc;

use bricola_layers::cache::{RowAt, Snapshot, Territory};
use bricola_layers::definition::Scope;
use bricola_layers::feature::FeatureId;
use bricola_layers::limits::MAX_FEED_BYTES;
use bricola_layers::log::{Change, Operation, Seq};
use bricola_layers::store::StoreError;
use serde_json::json;
use thiserror::Error;

use super::document::Document;
use super::event::{Event, Teller};
use super::place::{Copy, Place};
use super::wanted::{Unwanted, Wanted};
use crate::archive::Archive;
use crate::services::feed::{SLICE, with_images};

/// Why there are no events now.
#[derive(Debug, Error)]
pub enum Stuck {
    /// The store cannot be asked.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The subscription does not go with its layers any more.
    #[error(transparent)]
    Unwanted(#[from] Unwanted),
    /// A layer that is to be copied is not in memory (yet).
    #[error("layer \"{0}\" is not in memory, from which copies are made")]
    Away(String),
    /// It is not known yet which layers there are.
    #[error("the server is starting")]
    Starting,
    /// This version cannot read the definition of a layer.
    #[error("layer \"{0}\" cannot be read by this version")]
    Unreadable(String),
}

/// Reads a subscription's events.
pub struct Reader {
    archive: Arc<dyn Archive>,
    territory: Territory,
    scope: Scope,
    base: String,
    id: String,
    document: Document,
    wanted: Option<Wanted>,
    copying: Option<Copying>,
}

/// A layer as it is being copied.
struct Copying {
    layer: String,
    snapshot: Arc<Snapshot>,
    /// What is yet to come, in order of id.
    rows: std::vec::IntoIter<RowAt>,
    /// The feature behind which `rows` begin.
    after: FeatureId,
}

impl Reader {
    /// Of a subscription. `base` is the address of the server, or nothing where nobody has told it.
    pub fn new(
        archive: Arc<dyn Archive>,
        territory: Territory,
        (scope, base): (Scope, String),
        id: &str,
        document: Document,
    ) -> Self {
        let id = id.to_owned();
        Self { archive, territory, scope, base, id, document, wanted: None, copying: None }
    }

    /// At most so many events behind a place, and the place behind all that was looked at. No events and the same place mean
    /// that there are none.
    ///
    /// # Errors
    /// See [`Stuck`]; asking again may help, and nothing is lost.
    pub async fn next(&mut self, place: &Place, limit: usize) -> Result<(Vec<Event>, Place), Stuck> {
        if !self.territory.is_announced() {
            return Err(Stuck::Starting);
        }
        // Which layers there are, and what they are, is known up to here: what comes later has to wait.
        let known = self.territory.seq();
        let unreadable = self.territory.unreadable();
        if let Some(layer) = unreadable.iter().find(|layer| self.document.layers.contains(&layer.id)) {
            return Err(Stuck::Unreadable(layer.id.clone()));
        }
        if self.wanted.as_ref().is_none_or(|wanted| !wanted.is_current(&self.document, &self.territory, self.scope)) {
            self.wanted = Some(Wanted::new(&self.document, &self.territory, self.scope)?);
        }
        match &place.copy {
            Some(copy) => self.copy(place.seq, copy.clone(), limit),
            None => self.changes(place, known, limit).await,
        }
    }

    /// Layers that were named and are not there.
    pub fn missing(&self) -> &[String] {
        self.wanted.as_ref().map_or(&[], |wanted| &wanted.missing)
    }

    fn teller(&self) -> Teller<'_> {
        Teller { subscription: &self.id, base: &self.base, scope: self.scope }
    }

    async fn changes(&self, place: &Place, known: Seq, limit: usize) -> Result<(Vec<Event>, Place), Stuck> {
        let Some(wanted) = &self.wanted else { return Ok((Vec::new(), place.clone())) };
        let mut changes = self.archive.changes(place.seq, limit.min(SLICE)).await?;
        changes.retain(|change| change.seq <= known);
        let Some(mut last) = changes.last().map(|change| change.seq) else { return Ok((Vec::new(), place.clone())) };
        let is_gone =
            |change: &Change| change.operation == Operation::Replace && wanted.missing.contains(&change.layer);
        let gone: Vec<Change> = changes.iter().filter(|change| is_gone(change)).cloned().collect();
        let told = with_images(&*self.archive, &wanted.definitions, changes).await?;
        let (mut events, mut bytes) = (Vec::new(), 0);
        let mut gone = gone.into_iter().peekable();
        let behind = |seq: Seq| Place { seq, copy: None };
        for told in told {
            let seq = told.change.seq;
            while let Some(change) = gone.next_if(|gone| gone.seq < seq) {
                events.push(self.gone(&change));
            }
            let Some(meaning) = wanted.meaning(&told) else { continue };
            let layer = &told.change.layer;
            let is_whole = told.change.id.is_none() || told.change.operation == Operation::Replace;
            // A layer that is another as a whole is copied, and then the log goes on.
            let is_in_memory = self.territory.layer(layer).is_some_and(|layer| !layer.is_stored());
            let copy = (is_whole && is_in_memory).then(|| Copy::of(seq, vec![layer.clone()]));
            let is_copied = copy.is_some();
            let event = self.teller().change(&told, meaning, wanted.fields(layer), Place { seq, copy });
            bytes += event.text.len();
            events.push(event);
            if is_copied || bytes > MAX_FEED_BYTES {
                last = seq;
                break;
            }
        }
        for change in gone.filter(|gone| gone.seq <= last) {
            events.push(self.gone(&change));
        }
        let end = match events.last() {
            Some(event) if event.seq == last => event.behind.clone(),
            _ => behind(last),
        };
        Ok((events, end))
    }

    fn gone(&self, change: &Change) -> Event {
        let behind = Place { seq: change.seq, copy: None };
        self.teller().layer("bricola.layer.gone", &change.layer, change.seq, json!({}), behind)
    }

    /// The next features of a copy.
    fn copy(&mut self, seq: Seq, mut copy: Copy, limit: usize) -> Result<(Vec<Event>, Place), Stuck> {
        let Some(layer) = copy.layers.first().cloned() else {
            return Ok((Vec::new(), Place { seq: seq.max(copy.at), copy: None }));
        };
        let next = |copy: &Copy| {
            let layers: Vec<String> = copy.layers[1..].to_vec();
            let rest = Copy::of(copy.at, layers);
            Place { seq: copy.at, copy: Some(rest).filter(|rest| !rest.layers.is_empty()) }
        };
        if self.missing().contains(&layer) {
            self.copying = None;
            let behind = next(&copy);
            let gone = self.teller().layer("bricola.layer.gone", &layer, copy.at, json!({}), behind.clone());
            return Ok((vec![gone], behind));
        }
        let mut copying = self.copying(&layer, copy.after)?;
        let mut events = Vec::new();
        if copy.after.is_none() {
            copy.after = Some(FeatureId::MIN);
            let behind = Place { seq, copy: Some(copy.clone()) };
            events.push(self.teller().layer("bricola.copy.begin", &layer, copy.at, json!({}), behind));
        }
        let fields = self.wanted.as_ref().and_then(|wanted| wanted.fields(&layer));
        let mut bytes = 0;
        while events.len() < limit && bytes < MAX_FEED_BYTES {
            let Some(at) = copying.rows.next() else {
                let behind = next(&copy);
                let count = json!({"count": copy.count});
                events.push(self.teller().layer("bricola.copy.end", &layer, copy.at, count, behind.clone()));
                return Ok((events, behind));
            };
            let row = copying.snapshot.row_at(at);
            copying.after = row.id();
            (copy.after, copy.count) = (Some(row.id()), copy.count + 1);
            let behind = Place { seq, copy: Some(copy.clone()) };
            let event = self.teller().copied(&copying.snapshot, row, fields, copy.at, behind);
            bytes += event.text.len();
            events.push(event);
        }
        self.copying = Some(copying);
        Ok((events, Place { seq, copy: Some(copy) }))
    }

    /// The layer's features behind one of them. What changes meanwhile is told by the log once the copy is whole, so that it
    /// does no harm that one part of the copy is younger than another.
    fn copying(&mut self, layer: &str, after: Option<FeatureId>) -> Result<Copying, Stuck> {
        let after = after.unwrap_or(FeatureId::MIN);
        if let Some(copying) = self.copying.take().filter(|it| it.layer == layer && it.after == after) {
            return Ok(copying);
        }
        let away = || Stuck::Away(layer.to_owned());
        let snapshot = self.territory.layer(layer).and_then(|layer| layer.snapshot()).ok_or_else(away)?;
        let selection = self.wanted.as_ref().and_then(|wanted| wanted.selection(layer)).ok_or_else(away)?;
        let mut rows = selection.rows(&snapshot);
        let from = rows.partition_point(|at| snapshot.row_at(*at).id() <= after);
        let rows = rows.split_off(from).into_iter();
        Ok(Copying { layer: layer.to_owned(), snapshot, rows, after })
    }
}
