//! What is kept, and as of when.

use serde::{Deserialize, Serialize};

use super::sections::{Damaged, Sink, Source, WarmError};
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;
use crate::log::{Change, Seq};
use crate::store::{LayerKind, Looked, StoredStyle};

/// Where the copies come from and which change they reflect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(in crate::cache) struct Kept {
    /// Where the store is.
    pub address: String,
    /// Which store it is, whatever its address.
    pub identity: Option<String>,
    /// Every layer reflects the log up to here, or a little further.
    pub seq: Seq,
    /// That change, by which another log is told.
    pub last: Option<Change>,
    /// When the store last answered, milliseconds since 1970.
    pub contact_ms: i64,
    /// The styles of the store.
    pub styles: Vec<StoredStyle>,
}

/// The files of a layer and what is not in them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub definition: LayerDefinition,
    /// The last change of the layer that is in the files.
    pub seq: Seq,
    pub kind: Kind,
    pub set_aside: Vec<(FeatureId, String)>,
    /// File name of the base.
    pub base: String,
    /// File name of what changed since; none when nothing did.
    pub changes: Option<String>,
}

/// See [`LayerKind`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Managed,
    Tracked,
    Polled,
}

impl From<&LayerKind> for Kind {
    fn from(kind: &LayerKind) -> Self {
        match kind {
            LayerKind::Managed => Self::Managed,
            LayerKind::Tracked => Self::Tracked,
            LayerKind::Polled(_) => Self::Polled,
        }
    }
}

impl From<Kind> for LayerKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Managed => Self::Managed,
            Kind::Tracked => Self::Tracked,
            Kind::Polled => Self::Polled(Looked::default()),
        }
    }
}

/// The whole manifest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Manifest {
    #[serde(flatten)]
    pub kept: Kept,
    pub layers: Vec<Entry>,
}

impl Manifest {
    /// Writes it as one section of JSON.
    pub fn write(&self, sink: &mut Sink<'_>) -> Result<(), WarmError> {
        let text = serde_json::to_vec(self).map_err(|error| std::io::Error::other(error.to_string()))?;
        sink.array(&text)
    }

    /// Reads what [`Manifest::write`] wrote.
    pub fn read(source: &mut Source) -> Result<Self, WarmError> {
        let text: Vec<u8> = source.array()?;
        let manifest: Self = serde_json::from_slice(&text).map_err(|_| Damaged("the manifest cannot be read"))?;
        let is_plain = |name: &String| !name.contains(['/', '\\']) && !name.starts_with('.');
        let names = manifest.layers.iter().flat_map(|entry| [Some(&entry.base), entry.changes.as_ref()]);
        if !names.flatten().all(is_plain) {
            return Err(Damaged("a file outside the folder").into());
        }
        Ok(manifest)
    }
}
