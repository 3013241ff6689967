//! PROJ's database, carried inside the binary and laid out once per user where PROJ can open it.
//!
//! PROJ reads its registry from a SQLite file. The build leaves that file packed in the binary
//! (`layers/build.rs`); the first CRS asked for in a process unpacks it to
//! `<cache>/bricola/proj-<hash>/proj.db`, where `<cache>` is `$XDG_CACHE_HOME`, `~/.cache` or the temporary
//! folder, whichever can be written first. The file is compared byte for byte with the packed one at each
//! start, so a truncated or altered copy is replaced, and it is put in place by renaming, so that processes
//! which start together never see half of it.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs, io, process};

use proj::ProjBuilder;

use super::CrsError;

/// `proj.db` of the PROJ that is linked, packed with zstd.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/proj.db.zst"));

/// The folder that holds `proj.db`, or why there is none.
static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| unpack_into_first(&candidates()));

/// A PROJ context that knows the carried database. Objects built from it belong to the calling thread.
///
/// # Errors
/// [`CrsError::Database`] when no folder can be written.
pub(super) fn builder() -> Result<ProjBuilder, CrsError> {
    let folder = FOLDER.as_ref().map_err(|reason| CrsError::Database(reason.clone()))?;
    let mut builder = ProjBuilder::new();
    builder.set_search_paths(folder).map_err(|error| CrsError::Database(error.to_string()))?;
    Ok(builder)
}

/// The folders to try, best first.
fn candidates() -> Vec<PathBuf> {
    let absolute = |name: &str| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let name = format!("proj-{:016x}", fnv1a(PACKED));
    [absolute("XDG_CACHE_HOME"), absolute("HOME").map(|home| home.join(".cache")), Some(env::temp_dir())]
        .into_iter()
        .flatten()
        .map(|cache| cache.join("bricola").join(&name))
        .collect()
}

/// Lays the database out in the first of `folders` that takes it.
fn unpack_into_first(folders: &[PathBuf]) -> Result<PathBuf, String> {
    let database = zstd::decode_all(PACKED).map_err(|error| format!("the packed database is broken: {error}"))?;
    let mut reasons = Vec::new();
    for folder in folders {
        match lay_out(folder, &database) {
            Ok(()) => return Ok(folder.clone()),
            Err(error) => reasons.push(format!("{}: {error}", folder.display())),
        }
    }
    Err(format!(
        "proj.db could not be written to any cache folder ({}); set XDG_CACHE_HOME to a folder that can be written",
        reasons.join("; ")
    ))
}

/// Makes `folder/proj.db` hold exactly `database`.
fn lay_out(folder: &Path, database: &[u8]) -> io::Result<()> {
    static ATTEMPT: AtomicU64 = AtomicU64::new(0);
    let target = folder.join("proj.db");
    if fs::metadata(&target).is_ok_and(|meta| meta.len() == database.len() as u64) && fs::read(&target)? == database {
        return Ok(());
    }
    fs::create_dir_all(folder)?;
    let attempt = ATTEMPT.fetch_add(1, Ordering::Relaxed);
    let unfinished = folder.join(format!("proj.db.{}-{attempt}.part", process::id()));
    let written = fs::write(&unfinished, database).and_then(|()| fs::rename(&unfinished, &target));
    if written.is_err() {
        let _ = fs::remove_file(&unfinished);
    }
    written
}

/// FNV-1a, 64 bits: names the folder by its content, guards against nothing.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn the_database_is_laid_out_once_and_repaired_when_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let folders = [folder.path().join("bricola/proj-x")];
        let place = unpack_into_first(&folders).unwrap();
        let file = place.join("proj.db");
        let whole = fs::read(&file).unwrap();
        assert!(whole.starts_with(b"SQLite format 3\0"));

        let written = fs::metadata(&file).unwrap().modified().unwrap();
        unpack_into_first(&folders).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written, "a good copy is left alone");

        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        unpack_into_first(&folders).unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole, "a truncated copy is replaced");

        let mut altered = whole.clone();
        altered[5000] ^= 1;
        fs::write(&file, &altered).unwrap();
        unpack_into_first(&folders).unwrap();
        assert_eq!(fs::read(&file).unwrap(), whole, "an altered copy is replaced");
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_passed_over() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        fs::write(&blocked, b"not a folder").unwrap();
        let good = folder.path().join("good");
        assert_eq!(unpack_into_first(&[blocked.join("below"), good.clone()]), Ok(good));
        let message = unpack_into_first(&[blocked.join("below")]).unwrap_err();
        assert!(message.contains("XDG_CACHE_HOME") && message.contains("below"), "{message}");
    }

    #[test]
    fn starts_at_the_same_moment_do_not_disturb_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("shared");
        thread::scope(|scope| {
            for _ in 0..6 {
                scope.spawn(|| {
                    let found = unpack_into_first(std::slice::from_ref(&place)).unwrap();
                    assert!(fs::metadata(found.join("proj.db")).unwrap().len() > 1_000_000);
                });
            }
        });
        let names: Vec<_> = fs::read_dir(&place).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["proj.db"], "no unfinished file is left");
    }
}
