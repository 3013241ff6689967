//! How bindings stand.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::log::Seq;

/// What a layer with bound fields is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum State {
    /// Its fields are true as of the change that is told.
    True,
    /// They are being found.
    Working,
    /// Another server finds them.
    Elsewhere,
    /// A layer is not in memory yet.
    #[default]
    Waiting,
    /// Nothing may be written here.
    ReadOnly,
    /// It does not work; it is tried again.
    Failing,
}

impl State {
    /// One word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::True => "true",
            Self::Working => "working",
            Self::Elsewhere => "elsewhere",
            Self::Waiting => "waiting",
            Self::ReadOnly => "read_only",
            Self::Failing => "failing",
        }
    }
}

/// A bound field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundField {
    /// Its name.
    pub field: String,
    /// The layer that it is bound to.
    pub target: String,
    /// Why nothing is found for it, if so: its values stay as they are.
    pub idle: Option<String>,
}

/// How the bindings of a layer stand.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BindingStatus {
    /// Its bound fields.
    pub fields: Vec<BoundField>,
    /// What it is about.
    pub state: State,
    /// The change as of which the fields are true; `None` while that is not known.
    pub seq: Option<Seq>,
    /// What keeps it from being true, in English.
    pub trouble: Option<String>,
    /// Features that were looked at since the start, and those whose fields were written.
    pub looked: u64,
    /// See `looked`.
    pub written: u64,
    /// Milliseconds that the last work took, from hearing of it until it was written.
    pub last_ms: u64,
}

/// How all bindings stand, by layer. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Bindings(Arc<RwLock<BTreeMap<String, BindingStatus>>>);

impl Bindings {
    /// As of now.
    pub fn all(&self) -> BTreeMap<String, BindingStatus> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, layer: &str, change: impl FnOnce(&mut BindingStatus)) {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(layer.to_owned()).or_default());
    }

    pub(super) fn keep_only(&self, layers: &[String]) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).retain(|layer, _| layers.contains(layer));
    }
}
