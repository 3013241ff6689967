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

impl Place {
    /// For who fetches: the number of a change, or where a copy is.
    pub fn token(&self) -> String {
        let Self { seq, copy } = self;
        match copy {
            None => seq.to_string(),
            Some(Copy { at, layers, after, count }) => {
                let after = after.map_or_else(String::new, |after| after.to_string());
                format!("{seq}~{at}~{}~{after}~{count}", layers.join(","))
            }
        }
    }

    /// Of a token; `None` where it is none.
    pub fn parse(token: &str) -> Option<Self> {
        let number = |text: &str| text.parse::<Seq>().ok().filter(|seq| *seq >= 0);
        let parts: Vec<&str> = token.split('~').collect();
        match parts.as_slice() {
            [seq] => Some(Self { seq: number(seq)?, copy: None }),
            [seq, at, layers, after, count] => {
                let after = if after.is_empty() { None } else { Some(after.parse().ok()?) };
                let layers = layers.split(',').map(str::to_owned).collect();
                let copy = Copy { at: number(at)?, layers, after, count: count.parse().ok()? };
                Some(Self { seq: number(seq)?, copy: Some(copy) })
            }
            _ => None,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_lead_back() {
        let copy =
            |after| Copy { at: 63, layers: vec!["parcels".to_owned(), "tax-objects".to_owned()], after, count: 7 };
        for copy in [None, Some(copy(None)), Some(copy(Some(1234))), Some(copy(Some(FeatureId::MIN)))] {
            let place = Place { seq: 59, copy };
            assert_eq!(Place::parse(&place.token()), Some(place));
        }
        for wrong in ["", "-1", "a", "1~2", "1~2~a~b~c", "1~-2~a~1~1", "1~2~a~1~1~1", "99999999999999999999"] {
            assert_eq!(Place::parse(wrong), None, "{wrong}");
        }
    }
}
