//! Findings counted over a file.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::definition::Text;

/// Rows shown per kind of repair or warning; the rest are only counted.
pub const MAX_EXAMPLES: usize = 5;

/// One row that shows what a tally counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// Row in the file.
    pub row: u64,
    /// What was found in it.
    pub message: Text,
    /// Where: longitude and latitude in degrees, `EPSG:4326`.
    pub place: Option<[f64; 2]>,
}

/// How often something was found, with the first rows that show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// In words.
    pub title: Text,
    /// Rows.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// Tallies by stable code.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Tallies(pub BTreeMap<&'static str, Tally>);

impl Tallies {
    /// Counts one more; the words are only made while examples are still wanted.
    pub fn add(&mut self, code: &'static str, title: impl FnOnce() -> Text, example: impl FnOnce() -> Option<Example>) {
        let tally = self.0.entry(code).or_insert_with(|| Tally { title: title(), count: 0, examples: Vec::new() });
        tally.count += 1;
        if tally.examples.len() < MAX_EXAMPLES {
            tally.examples.extend(example());
        }
    }

    /// Takes in the tallies of later rows.
    pub fn merge(&mut self, later: Self) {
        for (code, tally) in later.0 {
            if let Some(mine) = self.0.get_mut(code) {
                mine.count += tally.count;
                let room = MAX_EXAMPLES.saturating_sub(mine.examples.len());
                mine.examples.extend(tally.examples.into_iter().take(room));
            } else {
                self.0.insert(code, tally);
            }
        }
    }

    /// How often this was found.
    pub fn count(&self, code: &str) -> u64 {
        self.0.get(code).map_or(0, |tally| tally.count)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.values().map(|tally| tally.count).sum()
    }
}
