//! PROJ's database, carried inside the binary and laid out once per user where PROJ can open it.
//!
//! PROJ reads its registry from an `SQLite` file. The build leaves that file packed in the binary
//! (`layers/build.rs`); the first CRS asked for in a process unpacks it to
//! `<cache>/bricola/proj-<hash>/proj.db`, where `<cache>` is `$XDG_CACHE_HOME`, `~/.cache` or the temporary
//! folder, whichever can be written first. The file is compared byte for byte with the packed one at each
//! start, so a truncated or altered copy is replaced, and it is put in place by renaming, so that processes
//! which start together never see half of it.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::{env, fs, io, process};

use proj::ProjBuilder;

use super::CrsError;

/// `proj.db` of the PROJ that is linked, packed with zstd.
const PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/proj.db.zst"));

/// The folder that holds `proj.db`, or why there is none.
static FOLDER: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let folder = unpack_into_first(&candidates())?;
    probe(&folder)?;
    Ok(folder)
});

/// See [`builder`].
static SETTING: Mutex<()> = Mutex::new(());

/// A PROJ context that knows the carried database. Objects built from it belong to the calling thread.
///
/// # Errors
/// [`CrsError::Database`] when no folder can be written.
pub(super) fn builder() -> Result<ProjBuilder, CrsError> {
    let folder = FOLDER.as_ref().map_err(|reason| CrsError::Database(reason.clone()))?;
    let mut builder = ProjBuilder::new();
    // Setting the path reads back PROJ's own, from memory that PROJ shares between threads and renews at each call.
    let _one_at_a_time = SETTING.lock().unwrap_or_else(PoisonError::into_inner);
    builder.set_search_paths(folder).map_err(|error| CrsError::Database(error.to_string()))?;
    Ok(builder)
}

/// Asks PROJ for one CRS. PROJ looks first where its environment variables and the user's own PROJ folder point, and
/// takes a database of another version that it finds there; that cannot be undone from here, only named.
fn probe(folder: &Path) -> Result<(), String> {
    let mut builder = ProjBuilder::new();
    let searched = builder.lib_info().map(|info| info.searchpath).unwrap_or_default();
    builder.set_search_paths(folder).map_err(|error| error.to_string())?;
    builder.proj("EPSG:6706").map(|_| ()).map_err(|error| {
        format!(
            "PROJ does not know EPSG:6706 ({error}), so a proj.db of another version stands before ours in {searched}; \
             start without the environment variables PROJ_DATA and PROJ_LIB, or remove that file"
        )
    })
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

    /// Says what happens to a CRS in this process; the test below runs it in a process of its own.
    #[test]
    fn a_crs_is_asked_for() {
        println!("{:?}", crate::crs::Crs::epsg(7795).map_err(|error| error.to_string()));
    }

    #[test]
    fn a_database_of_another_version_in_the_environment_is_named() {
        let ask = |folder: &Path| {
            let output = process::Command::new(env::current_exe().unwrap())
                .args(["--exact", "crs::database::tests::a_crs_is_asked_for", "--nocapture"])
                .env("PROJ_DATA", folder)
                .output()
                .unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let folder = tempfile::tempdir().unwrap();
        let answer = ask(folder.path());
        assert!(answer.contains("Ok(Crs(EPSG:7795))"), "a folder without a database does no harm: {answer}");
        fs::write(folder.path().join("proj.db"), b"of another version").unwrap();
        let answer = ask(folder.path());
        assert!(answer.contains("start without the environment variables PROJ_DATA"), "{answer}");
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
