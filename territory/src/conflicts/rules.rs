//! The rules of an office: which layers matter, when, and how much.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::evidence::hash_of;
use crate::{Exact, Text};

/// How much a conflict matters, the lighter before the heavier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Notice,
    /// To be coordinated.
    Minor,
    /// Somebody has to decide.
    Serious,
    /// Not at the same time.
    Blocking,
}

impl Severity {
    /// All of them, by the words of rules and answers.
    pub const WORDS: [(&str, Self); 4] =
        [("notice", Self::Notice), ("minor", Self::Minor), ("serious", Self::Serious), ("blocking", Self::Blocking)];
}

/// When what a feature stands for is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// Always.
    Always,
    /// From its first day to its last; an end that is missing is open.
    During,
    /// On its first day and on the day after its last, on which something changes.
    Changes,
}

/// One of these values in a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Match {
    /// The field.
    pub field: String,
    /// The values.
    pub values: BTreeSet<String>,
}

impl Match {
    /// Whether a value is one of these.
    pub fn holds(&self, value: Option<&str>) -> bool {
        value.is_some_and(|value| self.values.contains(value))
    }
}

/// Another severity for some features.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// Which features.
    pub when: Match,
    /// How much they matter.
    pub severity: Severity,
    /// Why.
    pub reason: Option<Text>,
}

/// A layer in a role.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LayerRule {
    /// The role: `site`, `no-dig`. One layer may have several.
    pub role: String,
    /// What people read.
    pub title: Text,
    /// The layer.
    pub layer: String,
    /// The field with the name of a feature; that of the layer's label without it.
    pub name: Option<String>,
    /// When it is there.
    pub when: When,
    /// Fields with the first day: the first that says something.
    pub from: Vec<String>,
    /// Fields with the last day: the first that says something.
    pub to: Vec<String>,
    /// Whether the day in `to` is the first on which it is over, as validity has it.
    pub to_excluded: bool,
    /// Years for which it lasts from its first day, in place of a last day.
    pub years: Option<u64>,
    /// Metres that are added to the clearance.
    pub margin_m: Exact,
    /// The field with the width in metres, half of which is added to the clearance.
    pub width: Option<String>,
    /// Whether it matters only to those who dig.
    pub digs_only: bool,
    /// Only features for which all of these hold.
    pub only: Vec<Match>,
    /// No features for which one of these holds.
    pub except: Vec<Match>,
    /// How much it matters.
    pub severity: Severity,
    /// Other severities; the first that holds.
    pub cases: Vec<Case>,
    /// Fields whose values are told with the reason.
    pub tell: Vec<String>,
}

impl LayerRule {
    /// Fields that decide whether and how much a feature matters.
    pub fn fields(&self) -> BTreeSet<&str> {
        let matches = self.only.iter().chain(&self.except).chain(self.cases.iter().map(|case| &case.when));
        matches.map(|it| it.field.as_str()).collect()
    }
}

/// What a site means to those who walk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct WalkRule {
    /// What people read.
    pub title: Text,
    /// The layer of streets.
    pub layer: String,
    /// Its field with the width in metres; without it a street is closed where a site meets its line.
    pub width: Option<String>,
    /// Metres that must be left free on one side for people to pass.
    pub passage_m: Exact,
    /// How much a closed street matters where another way is near.
    pub severity: Severity,
    /// Metres from which on a way around matters more …
    pub detour_m: Exact,
    /// … and how much.
    pub detour: Severity,
    /// How much it matters that places cannot be reached any more.
    pub cut_off: Severity,
    /// Layers of which it is told what cannot be reached any more.
    pub places: Vec<String>,
}

/// The rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// Their id.
    pub id: String,
    /// Their name.
    pub title: Text,
    /// The act.
    pub act: String,
    /// Metres around a site within which things collide, where the question does not say.
    pub clearance_m: Exact,
    /// Days before and after the site in which a free time is looked for.
    pub horizon_days: u64,
    /// From which severity on a time is not free.
    pub free_of: Severity,
    /// The layers in their roles, in the order of the file.
    pub layers: Vec<LayerRule>,
    /// What is asked about ways on foot.
    pub walk: Option<WalkRule>,
}

impl Rules {
    /// SHA-256 of all that they say.
    pub fn sha256(&self) -> String {
        hash_of(self)
    }

    /// Ids of the layers that they look at.
    pub fn layer_ids(&self) -> BTreeSet<&str> {
        let walk = self.walk.iter().flat_map(|walk| walk.places.iter().chain([&walk.layer]));
        self.layers.iter().map(|layer| &layer.layer).chain(walk).map(String::as_str).collect()
    }
}
