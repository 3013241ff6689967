//! Layers whose stored definition this version cannot read.

use std::sync::{Arc, Mutex, PoisonError};

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;
use tracing::{info, warn};

use super::StoreError;
use crate::definition::Visibility;

/// A layer that is in the store under a definition that this version cannot read: a newer one wrote it, or it is damaged.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("layer \"{id}\" cannot be read by this version: {reason}")]
pub struct Unreadable {
    /// Layer id.
    pub id: String,
    /// Who may know of the layer; `None` where that cannot be read either.
    pub visibility: Option<Visibility>,
    /// What of it is not understood.
    pub reason: String,
}

/// Reads what a store keeps of a layer as JSON: its definition, or where its rows are.
pub(super) fn parse<T: DeserializeOwned>(layer: &str, text: &str) -> Result<T, Unreadable> {
    serde_json::from_str(text).map_err(|error| {
        let said = error.to_string();
        // What would be understood instead is a long list that helps nobody.
        let cause = said.split_once(", expected").map_or(&*said, |(cause, _)| cause);
        let reason = format!("its stored definition is of a newer version, or damaged ({cause})");
        Unreadable { id: layer.to_owned(), visibility: visibility(text), reason }
    })
}

/// Who may know of the layer, as far as a definition that cannot be read as a whole says.
fn visibility(text: &str) -> Option<Visibility> {
    let Ok(Value::Object(members)) = serde_json::from_str(text) else { return None };
    members.get("visibility").map_or(Some(Visibility::default()), |named| serde_json::from_value(named.clone()).ok())
}

/// A layer by itself, or why this version cannot read it; what keeps the store from answering at all stays an error.
pub(super) fn apart<T>(
    layer: &str,
    text: &str,
    read: Result<T, StoreError>,
) -> Result<Result<T, Unreadable>, StoreError> {
    match read {
        Ok(layer) => Ok(Ok(layer)),
        Err(StoreError::Unreadable(unreadable)) => Ok(Err(unreadable)),
        // It reads, but the store cannot work with what it says.
        Err(StoreError::Unusable(reason)) => {
            Ok(Err(Unreadable { id: layer.to_owned(), visibility: visibility(text), reason }))
        }
        Err(error) => Err(error),
    }
}

/// The layers that the last listing of a store left out. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct LeftOut(Arc<Mutex<Vec<Unreadable>>>);

impl LeftOut {
    /// Notes what a listing has left out, and says in the log what is new of it.
    pub fn note(&self, found: Vec<Unreadable>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for unreadable in found.iter().filter(|unreadable| !known.contains(unreadable)) {
            warn!(
                layer = unreadable.id,
                reason = unreadable.reason,
                "this version cannot read the layer; leaving it out"
            );
        }
        for old in known.iter().filter(|old| !found.iter().any(|unreadable| unreadable.id == old.id)) {
            info!(layer = old.id, "the layer that could not be read is left out no longer");
        }
        *known = found;
    }

    /// What the last listing has left out, in order of id.
    pub fn all(&self) -> Vec<Unreadable> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::LayerDefinition;

    fn refused(text: &str) -> Unreadable {
        parse::<LayerDefinition>("wells", text).expect_err("refused")
    }

    #[test]
    fn what_is_not_understood_is_named_without_all_that_would_be() {
        let unreadable = refused(r#"{"id": "wells", "shape": "round"}"#);
        assert!(unreadable.reason.contains("unknown field `shape`"), "{unreadable}");
        assert!(!unreadable.reason.contains("expected"), "{unreadable}");
    }

    #[test]
    fn who_may_know_of_the_layer_is_read_apart_and_nobody_when_it_cannot_be() {
        assert_eq!(refused(r#"{"shape": "round"}"#).visibility, Some(Visibility::Public));
        assert_eq!(refused(r#"{"visibility": "tax", "shape": 1}"#).visibility, Some(Visibility::Tax));
        assert_eq!(refused(r#"{"visibility": "mayor"}"#).visibility, None);
        assert_eq!(refused(r#"{"visibility": "public""#).visibility, None);
    }
}
