//! Where edits of several layers are made as one.

use std::collections::BTreeMap;

use super::Desk;
use crate::archive::Archive;

/// The desks of the layers of one transaction, by layer id.
pub struct Table<'a> {
    pub(super) archive: &'a dyn Archive,
    pub(super) desks: BTreeMap<String, Desk<'a>>,
    /// Checks all and changes nothing.
    pub(super) dry_run: bool,
}

impl<'a> Table<'a> {
    /// An empty one.
    pub fn new(archive: &'a dyn Archive, dry_run: bool) -> Self {
        Self { archive, desks: BTreeMap::new(), dry_run }
    }

    /// Puts a desk to the others.
    pub fn add(&mut self, desk: Desk<'a>) {
        self.desks.insert(desk.definition.id.clone(), desk);
    }
}
