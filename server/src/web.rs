//! The web application of `web/dist`, compiled into the binary; without it a small page of our own.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{LazyLock, RwLock};

use bytes::Bytes;
use rust_embed::RustEmbed;

use crate::encoding::{Effort, Encoding};

#[derive(RustEmbed)]
#[folder = "../web/dist"]
#[allow_missing = true]
struct Dist;

/// What stands at `/` when the web application was not built.
const PLAIN_PAGE: &str = include_str!("web.html");

/// A file as it goes out.
#[derive(Clone)]
pub struct Asset {
    /// Media type.
    pub media_type: &'static str,
    /// Its bytes in the coding below.
    pub bytes: Bytes,
    /// The coding that was possible.
    pub encoding: Encoding,
    /// Strong validator, with quotes.
    pub etag: String,
    /// Whether its name changes when its content does, so that it may be kept for ever.
    pub immutable: bool,
}

type Compressed = RwLock<HashMap<(String, Encoding), Asset>>;
static COMPRESSED: LazyLock<Compressed> = LazyLock::new(Compressed::default);

/// The page at `/`.
pub fn index(encoding: Encoding) -> Asset {
    file("index.html", encoding).unwrap_or_else(|| Asset {
        media_type: "text/html; charset=utf-8",
        bytes: Bytes::from_static(PLAIN_PAGE.as_bytes()),
        encoding: Encoding::Identity,
        etag: format!("\"{}\"", env!("CARGO_PKG_VERSION")),
        immutable: false,
    })
}

/// What our own pages (see [`crate::pages`]) take from the web application, by paths without a leading slash.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PageFiles {
    /// Style sheets.
    pub styles: Vec<String>,
    /// The module that draws their maps; without the web application there is none.
    pub script: Option<String>,
}

/// The files of our own pages; where the web application was not built, the style of `/api`.
pub fn page_files() -> PageFiles {
    static BUILT: LazyLock<Option<PageFiles>> = LazyLock::new(listed);
    // While developing, the web application may be built anew beside a running server.
    let found = if cfg!(debug_assertions) { listed() } else { BUILT.clone() };
    found.unwrap_or_else(|| PageFiles { styles: vec!["api/style.css".to_owned()], script: None })
}

/// What the list that Vite makes of its build says of the entry of our pages.
fn listed() -> Option<PageFiles> {
    let manifest: serde_json::Value = serde_json::from_slice(&Dist::get("manifest.json")?.data).ok()?;
    let entry = "src/pages/main.ts";
    let (mut files, mut rest, mut seen) = (PageFiles::default(), vec![entry.to_owned()], Vec::new());
    while let Some(name) = rest.pop() {
        if seen.contains(&name) {
            continue;
        }
        let chunk = &manifest[&name];
        let texts =
            |list: &str| chunk[list].as_array().into_iter().flatten().filter_map(|it| it.as_str().map(str::to_owned));
        // Those of what is imported come first, so that the entry's own have the last word.
        files.styles.splice(0..0, texts("css"));
        rest.extend(texts("imports"));
        seen.push(name);
    }
    files.script = Some(manifest[entry]["file"].as_str()?.to_owned());
    Some(files)
}

/// A file of the web application by its path without a leading slash, compressed once per coding.
pub fn file(path: &str, wanted: Encoding) -> Option<Asset> {
    let media_type = media_type(path);
    let encoding = if is_compressible(media_type) { wanted } else { Encoding::Identity };
    let key = (path.to_owned(), encoding);
    if !cfg!(debug_assertions)
        && let Ok(known) = COMPRESSED.read()
        && let Some(asset) = known.get(&key)
    {
        return Some(asset.clone());
    }
    let file = Dist::get(path)?;
    let content = match file.data {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let hash = file.metadata.sha256_hash()[..12].iter().fold(0_u128, |hash, byte| hash << 8 | u128::from(*byte));
    // While developing, files are read from the folder each time: they may have changed.
    let effort = if cfg!(debug_assertions) { Effort::Live } else { Effort::Once };
    let compressed = encoding.compress(&content, effort).ok().filter(|compressed| compressed.len() < content.len());
    let (bytes, encoding) = compressed.map_or((content, Encoding::Identity), |bytes| (bytes, encoding));
    let etag = format!("\"{hash:024x}-{}\"", encoding.name());
    let asset = Asset { media_type, bytes, encoding, etag, immutable: path.starts_with("assets/") };
    if let Ok(mut known) = COMPRESSED.write() {
        known.insert(key, asset.clone());
    }
    Some(asset)
}

fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "woff" => "font/woff",
        "ttf" => "font/ttf",
        "txt" => "text/plain; charset=utf-8",
        "wasm" => "application/wasm",
        _ => "application/octet-stream",
    }
}

fn is_compressible(media_type: &str) -> bool {
    let (kind, rest) = media_type.split_once('/').unwrap_or_default();
    kind == "text" || media_type == "image/svg+xml" || rest.ends_with("json") || rest == "wasm" || rest == "ttf"
}
