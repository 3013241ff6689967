//! Checked batches, in the order of the file, into the report and the rows to store.

use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::plan::Plan;
use super::report::{RejectedRow, Report};
use super::row::{Accepted, Checked, key_text};
use super::{LoadOptions, Progress};
use crate::check::finding::{Example, Reason, Warning};
use crate::feature::Feature;

/// Takes checked batches.
pub struct Collector {
    plan: Arc<Plan>,
    pub report: Report,
    /// Row and content hash by key hash.
    keys: FxHashMap<u128, (u64, u64)>,
}

impl Collector {
    pub fn new(plan: Arc<Plan>, options: &LoadOptions) -> Self {
        let report = Report::begin(&plan, options);
        Self { plan, report, keys: FxHashMap::default() }
    }

    /// Counts a batch and gives its rows without those whose key was there before.
    pub fn take(&mut self, batch: Checked) -> Vec<Feature> {
        let Checked { read, accepted, rejected, elsewhere, repaired, repairs, warnings } = batch;
        self.report.rows += read;
        self.report.repaired += repaired;
        self.report.repairs.merge(repairs);
        self.report.warnings.merge(warnings);
        for (layer, count) in elsewhere {
            *self.report.elsewhere.entry(layer).or_default() += count;
        }
        for row in rejected {
            self.report.reject(row);
        }
        let mut features = Vec::with_capacity(accepted.len());
        for accepted in accepted {
            features.extend(self.unique(accepted));
        }
        self.report.loaded += features.len() as u64;
        features
    }

    fn unique(&mut self, accepted: Accepted) -> Option<Feature> {
        let Accepted { row, feature, key, content } = accepted;
        let Some(key) = key else { return Some(feature) };
        let (first, same) = match self.keys.entry(key) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert((row, content));
                return Some(feature);
            }
            std::collections::hash_map::Entry::Occupied(taken) => (taken.get().0, taken.get().1 == content),
        };
        if same {
            let warning = Warning::RepeatedRow(first);
            let example = || Some(Example { row, message: warning.text(), place: None });
            self.report.warnings.add(warning.code(), || warning.title(), example);
        } else {
            let key = key_text(&self.plan.key, &feature);
            self.report.reject(RejectedRow::new(row, &Reason::DuplicateKey { key, first }, None));
        }
        None
    }

    pub fn progress(&self) -> Progress {
        let Report { rows, loaded, rejected, .. } = self.report;
        Progress { read: rows, loaded, rejected, total: self.plan.schema.rows }
    }

    pub fn finish(mut self, elapsed: Duration) -> Report {
        self.report.timed(elapsed);
        self.report
    }
}
