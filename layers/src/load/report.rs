//! The report of a load.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::LoadOptions;
use super::plan::Plan;
use crate::check::finding::{Reason, Tallies, text};
use crate::check::mapping::Mapping;
use crate::crs::Operation;
use crate::definition::Text;
use crate::limits::MAX_REPORTED_ROWS;
use crate::log::Seq;
use crate::store::Replaced;

/// Language of a report for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Language {
    /// Italian.
    #[default]
    Italian,
    /// English.
    English,
}

impl Language {
    /// The text in this language.
    pub fn of(self, text: &Text) -> &str {
        match self {
            Self::Italian => &text.it,
            Self::English => &text.en,
        }
    }
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RejectedRow {
    /// Row in the file.
    pub row: u64,
    /// Stable code of the reason.
    pub code: &'static str,
    /// The reason in words.
    pub reason: Text,
    /// Where: longitude and latitude in degrees, `EPSG:4326`.
    pub place: Option<[f64; 2]>,
}

impl RejectedRow {
    pub(super) fn new(row: u64, reason: &Reason, place: Option<[f64; 2]>) -> Self {
        Self { row, code: reason.code(), reason: reason.text(), place }
    }
}

/// How the coordinates came to the storage CRS.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CrsReport {
    /// CRS of the file.
    pub source: String,
    /// Its name.
    pub source_name: String,
    /// Why it was taken for that.
    pub how: Text,
    /// Whether x and y were swapped.
    pub swapped: bool,
    /// Storage CRS of the layer.
    pub storage: String,
    /// Its name.
    pub storage_name: String,
    /// The transformation between them.
    pub operation: Operation,
}

/// What a load found and did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// Layer id.
    pub layer: String,
    /// Format of the file.
    pub format: &'static str,
    /// Table, layer or member of the file.
    pub source_layer: String,
    /// Text encoding and how it was found.
    pub encoding: Option<String>,
    /// Whether nothing was to be written.
    pub dry_run: bool,
    /// Rows read.
    pub rows: u64,
    /// Rows accepted, and stored unless it was a dry run or the load failed.
    pub loaded: u64,
    /// Rows of these that were altered by a repair.
    pub repaired: u64,
    /// Rows refused.
    pub rejected: u64,
    /// Rows left out since their codes say that they belong to another layer, by layer.
    pub elsewhere: BTreeMap<String, u64>,
    /// CRS of the file, how it was found, how it was transformed.
    pub crs: CrsReport,
    /// Columns and fields.
    pub mapping: Mapping,
    /// Remarks on the file as a whole.
    pub remarks: Vec<Text>,
    /// Repairs by code.
    pub repairs: Tallies,
    /// Warnings by code.
    pub warnings: Tallies,
    /// Refused rows by code.
    pub rejections: BTreeMap<&'static str, u64>,
    /// The first [`MAX_REPORTED_ROWS`] refused rows, in order.
    pub rejected_rows: Vec<RejectedRow>,
    /// How the new rows differ from those before; absent when nothing was written.
    pub replaced: Option<Replaced>,
    /// The change that put them in place.
    pub seq: Option<Seq>,
    /// Time taken, in seconds.
    pub elapsed_s: f64,
    /// Rows per second.
    pub rows_per_s: f64,
}

impl Report {
    pub(super) fn begin(plan: &Plan, options: &LoadOptions) -> Self {
        let schema = &plan.schema;
        let mut remarks: Vec<Text> = schema.remarks.iter().map(|remark| text(remark, remark)).collect();
        remarks.extend(plan.placing.remarks.iter().cloned());
        if !plan.key.is_empty() && !plan.keyed_source() {
            let names = plan.definition.key.join(", ");
            remarks.push(text(
                format!("nessuna colonna per la chiave ({names}): a ogni caricamento tutte le righe saranno nuove"),
                format!("no column for the key ({names}): every row will be new at each load"),
            ));
        }
        Self {
            layer: plan.definition.id.clone(),
            format: schema.format,
            source_layer: schema.layer.clone(),
            encoding: schema.encoding.clone(),
            dry_run: options.dry_run,
            rows: 0,
            loaded: 0,
            repaired: 0,
            rejected: 0,
            elsewhere: BTreeMap::new(),
            crs: CrsReport {
                source: plan.placing.crs.to_string(),
                source_name: plan.placing.crs.name().to_owned(),
                how: plan.placing.how.clone(),
                swapped: plan.placing.swapped,
                storage: plan.storage.to_string(),
                storage_name: plan.storage.name().to_owned(),
                operation: plan.operation.clone(),
            },
            mapping: plan.mapping.clone(),
            remarks,
            repairs: Tallies::default(),
            warnings: Tallies::default(),
            rejections: BTreeMap::new(),
            rejected_rows: Vec::new(),
            replaced: None,
            seq: None,
            elapsed_s: 0.0,
            rows_per_s: 0.0,
        }
    }

    pub(super) fn reject(&mut self, row: RejectedRow) {
        self.rejected += 1;
        *self.rejections.entry(row.code).or_default() += 1;
        if self.rejected_rows.len() < MAX_REPORTED_ROWS {
            self.rejected_rows.push(row);
        }
    }

    pub(super) fn timed(&mut self, elapsed: Duration) {
        self.elapsed_s = elapsed.as_secs_f64();
        self.rows_per_s = self.rows as f64 / self.elapsed_s.max(1e-9);
    }

    /// The report for people, in lines of text.
    pub fn render(&self, language: Language) -> String {
        super::render::render(self, language)
    }
}
