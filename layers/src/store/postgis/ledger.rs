//! The list of layers and a log in memory, for a database in which we may not keep them: our role may only read, or the
//! database is a standby, and the schema `bricola` was never made there.
//!
//! Its numbers begin with the milliseconds since 1970 at the start, above all that an earlier process gave out. Whoever
//! comes with a number of that one finds the log cut there, as after a pruning, and asks for everything anew.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};

use crate::log::{Change, Operation, Seq};
use crate::store::StoreError;

/// Changes that are kept; whoever is further behind reads anew.
const KEPT: usize = 50_000;

/// What tells that the rows of a table or view are not what they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sign {
    /// Its fingerprint: files, counters of written rows, rules.
    Fingerprint,
    /// Its rows, which are the same as long as the database has replayed nothing: a standby does not count what is written.
    Replayed,
    /// Its rows, which may come from anywhere.
    Rows,
}

/// A table or view that is a layer: what `bricola.layers` keeps of it elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub schema: String,
    pub name: String,
    /// The layer's definition, as JSON.
    pub definition: String,
    /// Which columns are read as what, as JSON.
    pub source: String,
    pub sign: Sign,
}

/// When the rows of a layer were last read for what they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Content {
    /// Their hash; `None` before they were.
    pub hash: Option<String>,
    /// How far the database had replayed then, on a standby.
    pub replayed: Option<String>,
}

struct Entry {
    row: Row,
    /// Rows, as the database estimates.
    estimate: u64,
    seq: Seq,
    fingerprint: String,
    content: Content,
}

/// See the module. Shared by all who read and by the one who looks at the tables.
pub(super) struct Ledger {
    reason: String,
    identity: String,
    state: Mutex<State>,
}

struct State {
    layers: BTreeMap<String, Entry>,
    log: VecDeque<Change>,
    /// The log tells what came after this.
    from: Seq,
    seq: Seq,
}

impl Ledger {
    /// An empty one. `reason` says why nothing can be written to the database.
    pub fn new(reason: String, now: DateTime<Utc>) -> Self {
        let seq = now.timestamp_millis();
        // The keys of the standard library's hashes are random.
        let random = RandomState::new().hash_one(seq);
        let state = State { layers: BTreeMap::new(), log: VecDeque::new(), from: seq, seq };
        Self { reason, identity: format!("in memory {seq:x} {random:x}"), state: Mutex::new(state) }
    }

    /// What whoever wants to write is told.
    pub fn refusal(&self) -> StoreError {
        StoreError::Unusable(self.reason.clone())
    }

    /// Another one with each start: what was kept on disk of a log that has ended goes on nowhere.
    pub fn identity(&self) -> String {
        self.identity.clone()
    }

    pub fn row(&self, layer: &str) -> Option<Row> {
        self.state().layers.get(layer).map(|entry| entry.row.clone())
    }

    /// The layers in order of id, each with its last change and how many rows it is said to have.
    pub fn layers(&self) -> Vec<(String, Row, Seq, u64)> {
        let state = self.state();
        state.layers.iter().map(|(id, entry)| (id.clone(), entry.row.clone(), entry.seq, entry.estimate)).collect()
    }

    /// What is known of the rows of a layer.
    pub fn content(&self, layer: &str) -> Option<Content> {
        self.state().layers.get(layer).map(|entry| entry.content.clone())
    }

    /// The end of the log.
    pub fn last_seq(&self) -> Seq {
        self.state().seq
    }

    /// Changes after `after`, oldest first.
    pub fn changes(&self, after: Seq, limit: usize) -> Result<Vec<Change>, StoreError> {
        let state = self.state();
        if after < state.from {
            return Err(StoreError::Pruned { first: state.from });
        }
        let begin = state.log.partition_point(|change| change.seq <= after);
        Ok(state.log.iter().skip(begin).take(limit).cloned().collect())
    }

    /// The last change at or before an instant; 0 before the log began.
    pub fn seq_at(&self, instant: DateTime<Utc>) -> Seq {
        let state = self.state();
        if instant.timestamp_millis() < state.from {
            return 0;
        }
        let is_before = |change: &Change| DateTime::parse_from_rfc3339(&change.at).is_ok_and(|at| at <= instant);
        let count = state.log.partition_point(is_before);
        count.checked_sub(1).map_or(state.from, |last| state.log[last].seq)
    }

    /// The last change of a layer at or before `at`, as far as the log tells.
    pub fn layer_seq(&self, layer: &str, at: Seq) -> Seq {
        let state = self.state();
        let mut changes = state.log.iter().rev().skip_while(|change| change.seq > at);
        changes.find(|change| change.layer == layer).map_or(state.from.min(at), |change| change.seq)
    }

    /// The last change of a layer: only what is there now is known of it.
    pub fn reach(&self, layer: &str) -> Seq {
        let state = self.state();
        state.layers.get(layer).map_or(state.from, |entry| entry.seq)
    }

    /// Notes a layer that is new or not what it was; `fingerprint` and `replayed` must have been found before anybody can
    /// read it.
    pub fn put(&self, layer: &str, row: Row, estimate: u64, fingerprint: String, replayed: Option<String>) {
        let mut state = self.state();
        let seq = state.report(layer);
        let content = Content { hash: None, replayed };
        state.layers.insert(layer.to_owned(), Entry { row, estimate, seq, fingerprint, content });
    }

    /// Takes a layer out.
    pub fn remove(&self, layer: &str) {
        let mut state = self.state();
        if state.layers.remove(layer).is_some() {
            state.report(layer);
        }
    }

    /// Reports the layer if its fingerprint is another than before.
    pub fn compare(&self, layer: &str, fingerprint: &str) -> bool {
        self.replace(layer, |entry| {
            let differs = entry.fingerprint != fingerprint;
            fingerprint.clone_into(&mut entry.fingerprint);
            differs
        })
    }

    /// Reports the layer if its rows are others than before. Those that were not read before count as others: somebody may
    /// have read them meanwhile.
    pub fn compare_content(&self, layer: &str, content: Content) -> bool {
        self.replace(layer, |entry| {
            let differs = entry.content.hash != content.hash;
            entry.content = content;
            differs
        })
    }

    fn replace(&self, layer: &str, differs: impl FnOnce(&mut Entry) -> bool) -> bool {
        let mut state = self.state();
        if !state.layers.get_mut(layer).is_some_and(differs) {
            return false;
        }
        let seq = state.report(layer);
        if let Some(entry) = state.layers.get_mut(layer) {
            entry.seq = seq;
        }
        true
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Appends that a layer as a whole is another.
    fn report(&mut self, layer: &str) -> Seq {
        self.seq += 1;
        // The instants of the log never go back, whatever the machine's clock does.
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true);
        let at = self.log.back().map_or(now.clone(), |last| now.max(last.at.clone()));
        let (seq, layer) = (self.seq, layer.to_owned());
        self.log.push_back(Change { seq, layer, id: None, operation: Operation::Replace, at, causes: Vec::new() });
        if self.log.len() > KEPT
            && let Some(gone) = self.log.pop_front()
        {
            self.from = gone.seq;
        }
        seq
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str) -> Row {
        let [schema, definition, source] = ["public", "{}", "{}"].map(str::to_owned);
        Row { schema, name: name.to_owned(), definition, source, sign: Sign::Fingerprint }
    }

    fn put(ledger: &Ledger, name: &str) {
        ledger.put(name, row(name), 5, "a".to_owned(), None);
    }

    #[test]
    fn what_moved_is_told_in_order_and_once() {
        let ledger = Ledger::new("no".to_owned(), Utc::now());
        let start = ledger.last_seq();
        put(&ledger, "roads");
        put(&ledger, "canals");
        assert!(!ledger.compare("roads", "a") && ledger.compare("roads", "b") && !ledger.compare("roads", "b"));
        assert!(!ledger.compare("unknown", "b"));
        let read = Content { hash: Some("1".to_owned()), replayed: None };
        assert!(ledger.compare_content("canals", read.clone()) && !ledger.compare_content("canals", read));
        ledger.remove("roads");
        ledger.remove("roads");
        let told = ledger.changes(start, 10).expect("all are there");
        let told: Vec<(Seq, &str)> = told.iter().map(|change| (change.seq - start, change.layer.as_str())).collect();
        assert_eq!(told, [(1, "roads"), (2, "canals"), (3, "roads"), (4, "canals"), (5, "roads")]);
        assert_eq!(ledger.changes(start + 3, 1).expect("all are there")[0].seq, start + 4);
        assert_eq!((ledger.layer_seq("canals", start + 3), ledger.layer_seq("canals", start + 1)), (start + 2, start));
        assert_eq!((ledger.reach("canals"), ledger.layers().len()), (start + 4, 1));
    }

    #[test]
    fn numbers_of_an_earlier_process_are_told_to_be_gone() {
        let earlier = Ledger::new("no".to_owned(), Utc::now() - chrono::TimeDelta::seconds(1));
        (0..20).for_each(|_| put(&earlier, "roads"));
        let ledger = Ledger::new("no".to_owned(), Utc::now());
        put(&ledger, "roads");
        assert!(matches!(ledger.changes(earlier.last_seq(), 10), Err(StoreError::Pruned { .. })));
        assert_ne!(earlier.identity(), ledger.identity());
        // What JSON's readers tell from its neighbours.
        assert!(ledger.last_seq() < 1 << 53);
    }

    #[test]
    fn the_log_is_cut_at_its_beginning_and_says_so() {
        let ledger = Ledger::new("no".to_owned(), Utc::now());
        let start = ledger.last_seq();
        (0..KEPT + 5).for_each(|_| put(&ledger, "roads"));
        assert!(matches!(ledger.changes(start + 4, 1), Err(StoreError::Pruned { first }) if first == start + 5));
        assert_eq!(ledger.changes(start + 5, KEPT).expect("kept").len(), KEPT);
    }

    #[test]
    fn an_instant_is_that_of_the_last_change_before_it() {
        let ledger = Ledger::new("no".to_owned(), Utc::now());
        let (start, long_ago) = (ledger.last_seq(), Utc::now() - chrono::TimeDelta::days(1));
        put(&ledger, "roads");
        assert_eq!((ledger.seq_at(long_ago), ledger.seq_at(Utc::now())), (0, start + 1));
    }
}
