//! The warm start: layers kept on disk as they are held in memory, so that a server is ready before it has read its
//! store, and serves what it last knew while the store is away.
//!
//! A folder holds one `manifest`, which names for each layer the file with its base and the one with what changed since,
//! all as of one `seq`; the change log tells the rest. Files are written beside the old ones, the manifest takes the place
//! of the old one last, and what it does not name is removed: whenever the server ends, a manifest is whole or there is
//! none. Everything here is a copy: what is damaged, of another store, or of another build is not used, and the layer is read
//! from the store as ever.

mod folder;
mod keeper;
mod layer;
mod manifest;
mod packed;
mod sections;
#[cfg(test)]
mod tests;

pub use folder::Warm;
pub use sections::{Damaged, WarmError};

pub(super) use keeper::{Keeper, Plan, PlannedLayer};
pub(super) use manifest::Kept;
pub(super) use sections::{Sink, Source};
