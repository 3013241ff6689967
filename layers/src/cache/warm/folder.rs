//! The folder of the kept layers.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rayon::prelude::*;
use tracing::{debug, info, warn};

use super::layer::{Revived, keep_base, keep_changes, revive_base, revive_changes};
use super::manifest::{Entry, Kept, Manifest};
use super::sections::{Damaged, Sink, Source, WarmError};
use crate::cache::changed::Changed;
use crate::cache::homes::Grown;
use crate::cache::snapshot::Snapshot;

const MANIFEST: &str = "manifest";
const LOCK: &str = "lock";
/// Names of files that are not finished.
const UNFINISHED: &str = ".part";

/// A folder in which layers are kept for the next start. One process writes there at a time; others read.
#[derive(Debug)]
pub struct Warm {
    folder: PathBuf,
    address: String,
    /// Held as long as the process lives; `None` when another holds it.
    lock: Option<File>,
}

/// A layer out of the folder.
pub(in crate::cache) struct Loaded {
    pub(super) entry: Entry,
    pub(super) revived: Revived,
}

impl Warm {
    /// The folder, made where there is none, for the store at an address (which names no secret).
    ///
    /// # Errors
    /// When the folder cannot be made or written.
    pub fn open(folder: &Path, address: impl Into<String>) -> Result<Self, std::io::Error> {
        fs::create_dir_all(folder)?;
        private(folder, 0o700)?;
        let path = folder.join(LOCK);
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path)?;
        private(&path, 0o600)?;
        let lock = match file.try_lock() {
            Ok(()) => Some(file),
            Err(fs::TryLockError::WouldBlock) => {
                info!(folder = %folder.display(), "another server keeps its layers here; this one only reads them");
                None
            }
            Err(fs::TryLockError::Error(error)) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), address: address.into(), lock })
    }

    /// Whether this process may write.
    pub(super) fn is_ours(&self) -> bool {
        self.lock.is_some()
    }

    /// Where the store is.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// Everything that is kept of the store at the address and can be used. Takes a while: disk and processor.
    pub(in crate::cache) fn load(&self) -> Option<(Kept, Vec<Loaded>)> {
        let manifest = match self.manifest() {
            Ok(manifest) => manifest,
            Err(WarmError::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return None,
            Err(error) => {
                info!(%error, "the layers kept on disk are not used");
                return None;
            }
        };
        if manifest.kept.address != self.address {
            info!("the layers kept on disk are of another store");
            return None;
        }
        let load = |entry: Entry| match self.layer(&entry) {
            Ok(revived) => Some(Loaded { entry, revived }),
            Err(error) => {
                warn!(layer = entry.definition.id, %error, "a kept layer is not used; it is read from the store");
                None
            }
        };
        let mut entries = manifest.layers;
        entries
            .sort_by_key(|entry| std::cmp::Reverse(fs::metadata(self.folder.join(&entry.base)).map_or(0, |m| m.len())));
        Some((manifest.kept, entries.into_par_iter().with_max_len(1).filter_map(load).collect()))
    }

    fn manifest(&self) -> Result<Manifest, WarmError> {
        let mut source = Source::open(&self.folder.join(MANIFEST))?;
        let manifest = Manifest::read(&mut source)?;
        source.finish()?;
        Ok(manifest)
    }

    fn layer(&self, entry: &Entry) -> Result<Revived, WarmError> {
        let definition = Arc::new(entry.definition.clone());
        let mut source = Source::open(&self.folder.join(&entry.base))?;
        let (base, ladder) = revive_base(&mut source, &definition)?;
        source.finish()?;
        let Some(changes) = &entry.changes else {
            let snapshot = Snapshot::kept(base, ladder, definition, entry.seq);
            return Ok(Revived { snapshot, changed: Changed::default(), grown: Grown::default() });
        };
        let mut source = Source::open(&self.folder.join(changes))?;
        let revived = revive_changes(&mut source, base, ladder, definition, entry.seq)?;
        source.finish()?;
        Ok(revived)
    }

    /// Writes the base of a snapshot; the name of the file.
    pub(super) fn write_base(&self, snapshot: &Snapshot) -> Result<String, WarmError> {
        let name = self.fresh(&snapshot.definition.id, "base")?;
        self.write(&name, |sink| keep_base(sink, &snapshot.base, &snapshot.ladder))?;
        Ok(name)
    }

    /// Writes what changed since the base was read; the name of the file.
    pub(super) fn write_changes(&self, snapshot: &Snapshot, grown: &Grown) -> Result<String, WarmError> {
        let name = self.fresh(&snapshot.definition.id, "changes")?;
        self.write(&name, |sink| keep_changes(sink, snapshot, grown))?;
        Ok(name)
    }

    /// Puts a manifest in the place of the one before, and removes the files that it does not name.
    pub(super) fn commit(&self, manifest: &Manifest) -> Result<(), WarmError> {
        self.write(MANIFEST, |sink| manifest.write(sink))?;
        self.tidy(manifest.layers.iter());
        Ok(())
    }

    /// Removes the files that are of no layer given.
    pub(super) fn tidy<'a>(&self, layers: impl Iterator<Item = &'a Entry>) {
        let named = layers.flat_map(|entry| [Some(&entry.base), entry.changes.as_ref()]).flatten();
        let named: BTreeSet<&str> = named.map(String::as_str).collect();
        for entry in fs::read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok) {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| is_ours(name) && !named.contains(name))
                && let Err(error) = fs::remove_file(entry.path())
            {
                debug!(%error, "a file that is no longer needed cannot be removed");
            }
        }
    }

    /// A name that no file has.
    fn fresh(&self, layer: &str, what: &str) -> Result<String, WarmError> {
        let taken: BTreeSet<_> = fs::read_dir(&self.folder)?.filter_map(Result::ok).map(|e| e.file_name()).collect();
        let names = (1_u64..).map(|number| format!("{layer}.{number}.{what}"));
        let mut free = names.filter(|name| !taken.contains(std::ffi::OsStr::new(name)));
        Ok(free.next().ok_or(Damaged("no free file name"))?)
    }

    /// Writes a file beside, and gives it its name when it is whole and on the disk.
    fn write(&self, name: &str, content: impl FnOnce(&mut Sink<'_>) -> Result<(), WarmError>) -> Result<(), WarmError> {
        let (path, unfinished) = (self.folder.join(name), self.folder.join(format!("{name}{UNFINISHED}")));
        let written = (|| {
            let mut file = File::create(&unfinished)?;
            private(&unfinished, 0o600)?;
            let mut sink = Sink::new(&mut file)?;
            content(&mut sink)?;
            sink.finish()?;
            file.flush()?;
            file.sync_all()?;
            fs::rename(&unfinished, &path)?;
            Ok(())
        })();
        if written.is_err() {
            // Room on a full disk.
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

/// Files that this module may have written.
fn is_ours(name: &str) -> bool {
    [".base", ".changes", UNFINISHED].iter().any(|end| name.ends_with(end))
}

/// What is kept may be what not everybody may see.
fn private(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}
