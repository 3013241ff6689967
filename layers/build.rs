//! Compiles the shipped layer definitions and PROJ's database into the crate, so that the binary needs no file.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() {
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    // Compiled in by the store; named here because a build script that names anything must name all.
    println!("cargo:rerun-if-changed=../migrations");
    embed_catalog(&out);
    embed_proj_db(&out);
    name_sources();
}

/// Tells the crate what it is compiled from (`BRICOLA_SOURCES`): what one build works out and keeps on disk, another
/// must not take for its own.
fn name_sources() {
    let mut files = vec![PathBuf::from("../Cargo.lock")];
    let mut folders = vec![PathBuf::from("src")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a readable folder") {
            let path = entry.expect("a readable folder").path();
            if path.is_dir() { folders.push(path) } else { files.push(path) }
        }
    }
    files.sort();
    // FNV-1a.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for file in files.iter().filter(|file| file.exists()) {
        for byte in fs::read(file).expect("a readable file") {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    println!("cargo:rerun-if-changed=../Cargo.lock");
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rustc-env=BRICOLA_SOURCES={hash:016x}");
}

/// Writes `catalog.rs`: a sorted table of (file name, text).
fn embed_catalog(out: &Path) {
    println!("cargo:rerun-if-changed=catalog");
    let mut paths: Vec<_> = fs::read_dir("catalog")
        .expect("layers/catalog exists")
        .map(|entry| entry.expect("readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    paths.sort();
    let mut table =
        String::from("/// (file name, text) of every shipped definition.\nconst SHIPPED: &[(&str, &str)] = &[\n");
    for path in paths {
        let name = path.file_name().expect("a file").to_string_lossy().into_owned();
        // By the folder of the crate and not by its full path: a checkout that was moved, or a second one with the
        // same build folder, finds its own files.
        writeln!(table, "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/catalog/{name}\"))),")
            .expect("writes to a string");
    }
    table.push_str("];\n");
    fs::write(out.join("catalog.rs"), table).expect("OUT_DIR is writable");
}

/// Writes `proj.db.zst`: the database that the PROJ we link was built with. `proj-sys` leaves it in its own
/// build folder (beside ours) and does not say where.
fn embed_proj_db(out: &Path) {
    let build = out.ancestors().nth(2).expect("OUT_DIR lies in target/<profile>/build/<crate>/out");
    let newest = fs::read_dir(build)
        .expect("readable build folder")
        .filter_map(Result::ok)
        .filter(|entry| entry.file_name().to_string_lossy().starts_with("proj-sys-"))
        .map(|entry| entry.path().join("out/share/proj/proj.db"))
        .filter(|path| path.is_file())
        .max_by_key(|path| fs::metadata(path).and_then(|meta| meta.modified()).ok())
        .expect("proj-sys built PROJ and its proj.db");
    println!("cargo:rerun-if-changed={}", newest.display());
    let (packed, modified) =
        (out.join("proj.db.zst"), |path: &Path| fs::metadata(path).and_then(|meta| meta.modified()).ok());
    if modified(&packed) > modified(&newest) {
        return;
    }
    let database = fs::read(&newest).expect("proj.db is readable");
    let bytes = zstd::encode_all(database.as_slice(), 12).expect("memory is writable");
    fs::write(packed, bytes).expect("OUT_DIR is writable");
}
