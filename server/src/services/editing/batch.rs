//! Many new features at once: all of them or none.

use std::collections::HashSet;

use bricola_layers::crs::Crs;
use bricola_layers::edit::Fault;
use bricola_layers::feature::{Feature, FeatureId};
use bricola_layers::limits::{MAX_BATCH, MAX_FAULTS};
use bricola_layers::log::Seq;
use bricola_layers::store::{Edit, Once};
use serde_json::Value as Json;

use super::{Desk, Refused, apart};

/// What came of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Batch {
    /// The new features, in the order of the collection; empty for a dry run.
    pub ids: Vec<FeatureId>,
    /// How many there are, or would be.
    pub count: usize,
    /// The change after which they are there; `None` for a dry run.
    pub seq: Option<Seq>,
}

impl Desk<'_> {
    /// New features out of a GeoJSON `FeatureCollection`, in one transaction.
    ///
    /// # Errors
    /// See [`Refused`]; whatever it is, none of the features was made.
    pub async fn create_all(&self, mut body: Json, crs: &Crs, once: Option<Once>) -> Result<Batch, Refused> {
        let members = match body.get_mut("features").map(Json::take) {
            Some(Json::Array(members)) if (1..=MAX_BATCH).contains(&members.len()) => members,
            Some(Json::Array(members)) => {
                let message =
                    format!("holds {} features; 1 to {MAX_BATCH} (MAX_BATCH) are taken at once", members.len());
                return Err(Refused::Faults(vec![Fault::of_collection("batch_size", message)]));
            }
            _ => {
                let message = "a FeatureCollection has an array of features (RFC 7946, 3.3)";
                return Err(Refused::Faults(vec![Fault::of_collection("not_an_array", message)]));
            }
        };
        let (editor, crs) = (self.editor.clone(), crs.clone());
        let features = apart(move || {
            let (mut features, mut faults) = (Vec::with_capacity(members.len()), Vec::new());
            for (position, member) in members.iter().enumerate() {
                match editor.read(member, &crs, None) {
                    Ok(feature) => features.push(feature),
                    Err(more) => faults.extend(more.into_iter().map(|fault| fault.of_member(position))),
                }
                if faults.len() >= MAX_FAULTS {
                    break;
                }
            }
            faults.truncate(MAX_FAULTS);
            if faults.is_empty() { Ok(features) } else { Err(faults) }
        })
        .await?;
        let count = features.len();
        if self.dry_run {
            self.keys_are_free(&features).await?;
            return Ok(Batch { ids: Vec::new(), count, seq: None });
        }
        let edits = features.into_iter().map(Edit::Insert).collect();
        let written = self.write(edits, once).await?;
        Ok(Batch { count, ids: written.ids, seq: Some(written.seq) })
    }

    async fn keys_are_free(&self, features: &[Feature]) -> Result<(), Refused> {
        let mut seen = HashSet::with_capacity(features.len());
        for feature in features {
            self.key_is_free(feature, None).await?;
            if let Some(key) = self.key_of(feature)
                && !seen.insert(key.clone())
            {
                return Err(Refused::DuplicateKey(key));
            }
        }
        Ok(())
    }
}
