//! How far a subscriber has come.

use bricola_layers::feature::FeatureId;
use bricola_layers::log::Seq;
use bricola_layers::store::Progress;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A copy that is under way: the layers yet to be copied, the first of them from behind a feature on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copy {
    /// The change behind which the log goes on once the copy is whole.
    pub at: Seq,
    /// The layers, the one that is being copied first.
    pub layers: Vec<String>,
    /// The last feature of the first layer that was copied; none before its beginning was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FeatureId>,
    /// Features of that layer so far.
    #[serde(default)]
    pub count: u64,
}

impl Copy {
    /// Of layers, from the beginning.
    pub const fn of(at: Seq, layers: Vec<String>) -> Self {
        Self { at, layers, after: None, count: 0 }
    }
}

/// What hinders a delivery.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// Since when.
    pub since: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
    /// When it is tried again.
    pub next: DateTime<Utc>,
    /// What happened the last time.
    pub reason: String,
}

/// What is kept of a delivery beside the change that it has come to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// A copy that is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub copy: Option<Copy>,
    /// Events that were taken.
    pub delivered: u64,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<DateTime<Utc>>,
    /// What hinders.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
    /// The subscriber said that it is gone (410): nothing is sent until its owner writes the subscription anew.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub gone: bool,
}

/// A position in a subscription: what is to come begins behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The last change that is behind it.
    pub seq: Seq,
    /// What is to be copied before the log goes on.
    pub copy: Option<Copy>,
}

impl State {
    /// As the store keeps it. What cannot be read is nothing.
    pub fn read(progress: &Progress) -> (Place, Self) {
        let mut state: Self = serde_json::from_str(&progress.state).unwrap_or_default();
        (Place { seq: progress.seq, copy: state.copy.take() }, state)
    }

    /// For the store.
    pub fn progress(&self, place: &Place) -> Progress {
        let state = Self { copy: place.copy.clone(), ..self.clone() };
        Progress { seq: place.seq, state: serde_json::to_string(&state).unwrap_or_default() }
    }
}
