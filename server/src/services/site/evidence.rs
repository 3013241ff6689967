//! What an answer rests on.

use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::log::Seq;
use bricola_territory::{FeatureRef, canonical_json, sha256_hex};
use chrono::NaiveDate;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Site, Transform};

/// A layer as it was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Seen {
    /// Its id.
    pub layer: String,
    /// Its last change that the answer reflects.
    pub seq: Seq,
}

impl Seen {
    /// Layers as they were looked at, each once, in order of id.
    pub fn of(layers: &[Arc<Snapshot>]) -> Vec<Self> {
        let mut seen: Vec<Self> =
            layers.iter().map(|layer| Self { layer: layer.definition().id.clone(), seq: layer.seq() }).collect();
        seen.sort_by(|a, b| a.layer.cmp(&b.layer));
        seen.dedup();
        seen
    }
}

/// All that is needed to ask the same question again, and to see whether it has the same answer.
#[derive(Debug, Clone, Serialize)]
pub struct Evidence {
    /// The rules, with their version.
    pub engine: &'static str,
    /// How surfaces and lines were measured.
    pub measure: &'static str,
    /// How coordinates were brought to degrees.
    pub transform: Option<Transform>,
    /// The day on which features had to be valid; none: whenever.
    pub day: Option<NaiveDate>,
    /// The layers that were looked at.
    pub layers: Vec<Seen>,
    /// The features that were used, each once.
    pub features: Vec<FeatureRef>,
    /// The last change that the answer reflects: `at` with this number asks the same again.
    pub seq: Seq,
    /// SHA-256 of the question and of the features, by id and version. Edits of other features do not alter it.
    pub inputs_sha256: String,
    /// SHA-256 of the answer without its evidence, and of what is named here before.
    pub sha256: String,
}

impl Evidence {
    /// For an answer about a site.
    pub fn new(
        engine: &'static str,
        site: &Site,
        (day, seq): (Option<NaiveDate>, Seq),
        layers: Vec<Seen>,
        mut features: Vec<FeatureRef>,
    ) -> Self {
        features.extend(site.feature.clone());
        features.sort_unstable();
        features.dedup();
        let ids: Vec<&str> = layers.iter().map(|seen| seen.layer.as_str()).collect();
        let inputs = json!({
            "engine": engine, "measure": bricola_territory::overlay::METHOD, "place": site.shape.sha256(),
            "day": day, "layers": ids, "features": features,
        });
        Self {
            engine,
            measure: bricola_territory::overlay::METHOD,
            transform: site.transform.clone(),
            day,
            inputs_sha256: sha256_hex(canonical_json(&inputs).as_bytes()),
            layers,
            features,
            seq,
            sha256: String::new(),
        }
    }

    /// Without the names of the features, where these are too many to be read; the hash of the inputs holds them.
    #[must_use]
    pub fn unlisted(mut self) -> Self {
        self.features.clear();
        self
    }

    /// Seals an answer: puts the evidence into it, with its hash.
    pub fn seal(mut self, answer: &mut Value) {
        let sealed = json!({"inputs": self.inputs_sha256, "answer": answer});
        self.sha256 = sha256_hex(canonical_json(&sealed).as_bytes());
        answer["evidence"] = serde_json::to_value(&self).unwrap_or_default();
    }
}
