//! Whose the table of a layer is, and how its changes become known.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};

/// Whose the table of a layer is, and how its changes become known.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum LayerKind {
    /// Ours: with history, and a log of every change.
    #[default]
    Managed,
    /// A table that was there before us; triggers report every change of it.
    Tracked,
    /// A table or view that was there before us and tells nothing: it is looked at again and again, and is as fresh as
    /// the last look.
    Polled(Looked),
}

impl LayerKind {
    /// Its name: `managed`, `tracked` or `polled`.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Managed => "managed",
            Self::Tracked => "tracked",
            Self::Polled(_) => "polled",
        }
    }

    /// When a polled layer was last looked at.
    pub fn looked_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Polled(looked) => looked.at(),
            Self::Managed | Self::Tracked => None,
        }
    }
}

/// When a layer was last looked at. Clones share it with the store that looks.
#[derive(Debug, Clone, Default)]
pub struct Looked(Arc<AtomicI64>);

impl Looked {
    /// The instant; `None` before the first look.
    pub fn at(&self) -> Option<DateTime<Utc>> {
        match self.0.load(Ordering::Relaxed) {
            0 => None,
            milliseconds => DateTime::from_timestamp_millis(milliseconds),
        }
    }

    pub(super) fn note(&self, at: DateTime<Utc>) {
        self.0.fetch_max(at.timestamp_millis(), Ordering::Relaxed);
    }
}

impl PartialEq for Looked {
    fn eq(&self, other: &Self) -> bool {
        self.at() == other.at()
    }
}

impl Eq for Looked {}
