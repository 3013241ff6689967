//! Sources of styles, and where they get their tiles from.

use serde_json::Value as Json;

use super::{Check, escaped};
use crate::services::styles::fault::Reason;
use crate::services::styles::specification::SPECIFICATION;

/// The grid in which maps ask for tiles.
const GRID: &str = "WebMercatorQuad";

impl Check<'_> {
    pub(super) fn sources(&mut self, value: &Json, at: &str) {
        let Some(sources) = value.as_object() else { return self.wrong_type(at, "object", value) };
        for (name, source) in sources {
            let here = format!("{at}/{}", escaped(name));
            if source["type"] != "vector" {
                let reason = Reason::new(
                    "una fonte è di tipo \"vector\", con i tile di questo server",
                    "a source is of the type \"vector\", with tiles of this server",
                );
                self.fault(&format!("{here}/type"), reason);
                continue;
            }
            self.members(source, &here, &SPECIFICATION.source, &[]);
            if let Some(ours) = self.ours {
                self.parser.faults.extend(ours.source(source, &here));
            }
        }
    }
}

/// Places of a style at which addresses stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// From the host on, as clients need it.
    Absolute,
    /// From the path on, as it is kept: the same style is read under several names of the server.
    Relative,
}

impl Address {
    /// Writes the addresses of a style so.
    pub fn apply(self, style: &mut Json, base: &str) {
        let write = |value: &mut Json| {
            let Some(text) = value.as_str() else { return };
            let path = path_of(text, base);
            *value = match (self, path) {
                (Self::Absolute, Some(path)) => format!("{base}{path}").into(),
                (Self::Relative, Some(path)) => path.into(),
                (_, None) => return,
            };
        };
        for (_, source) in style.get_mut("sources").and_then(Json::as_object_mut).into_iter().flatten() {
            source.get_mut("url").into_iter().for_each(write);
            source.get_mut("tiles").and_then(Json::as_array_mut).into_iter().flatten().for_each(write);
        }
        for name in ["sprite", "glyphs"] {
            match style.get_mut(name) {
                Some(Json::Array(items)) => items.iter_mut().filter_map(|item| item.get_mut("url")).for_each(write),
                Some(value) => write(value),
                None => {}
            }
        }
    }
}

/// The path of an address of ours.
pub(super) fn path_of<'a>(address: &'a str, base: &str) -> Option<&'a str> {
    let path = address.strip_prefix(base).unwrap_or(address);
    (path.starts_with('/') && !path.starts_with("//")).then_some(path)
}

/// The layers of the tiles of a source, by their names in tiles.
///
/// # Errors
/// When it gets its tiles from elsewhere, or in another way than maps do.
pub fn source_layers(source: &Json, base: &str) -> Result<Vec<String>, Reason> {
    let foreign = || {
        Reason::new(
            "i tile sono di questo server: /tiles/{strati}/{z}/{x}/{y}, o \"url\" con /tiles/{strati}.json",
            "tiles are those of this server: /tiles/{layers}/{z}/{x}/{y}, or \"url\" with /tiles/{layers}.json",
        )
    };
    let list = if let Some(url) = source["url"].as_str() {
        path_of(url, base).and_then(|path| path.strip_prefix("/tiles/")?.strip_suffix(".json"))
    } else {
        match source["tiles"].as_array().map(Vec::as_slice) {
            Some([tiles]) => tiles.as_str().and_then(|tiles| path_of(tiles, base)).and_then(layers_in),
            _ => None,
        }
    };
    let list = list.filter(|list| !list.is_empty() && !list.contains(['/', '{', '?'])).ok_or_else(foreign)?;
    Ok(list.split(',').map(str::to_owned).collect())
}

/// The list of layers in a path of tiles.
fn layers_in(path: &str) -> Option<&str> {
    let bare = |end: &str| -> bool { matches!(end, "" | ".mvt" | ".pbf") };
    if let Some(rest) = path.strip_prefix("/collections/") {
        let (id, rest) = rest.split_once("/tiles/")?;
        return rest.strip_prefix(GRID)?.strip_prefix("/{z}/{y}/{x}").filter(|end| bare(end)).map(|_| id);
    }
    let (list, end) = path.strip_prefix("/tiles/")?.split_once("/{z}/{x}/{y}")?;
    bare(end).then_some(list)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_tiles_of_this_server_are_a_source() {
        let base = "https://sit.example.it";
        for (source, layers) in [
            (json!({"tiles": ["https://sit.example.it/tiles/parcels,schools/{z}/{x}/{y}"]}), Some("parcels schools")),
            (json!({"tiles": ["/tiles/parcels/{z}/{x}/{y}.mvt"]}), Some("parcels")),
            (json!({"url": "/tiles/parcels.json"}), Some("parcels")),
            (json!({"tiles": ["/collections/parcels/tiles/WebMercatorQuad/{z}/{y}/{x}"]}), Some("parcels")),
            (json!({"tiles": ["https://evil.example/tiles/parcels/{z}/{x}/{y}"]}), None),
            (json!({"tiles": ["//evil.example/tiles/parcels/{z}/{x}/{y}"]}), None),
            (json!({"tiles": ["https://sit.example.it.evil.example/tiles/parcels/{z}/{x}/{y}"]}), None),
            (json!({"tiles": ["/tiles/parcels/{z}/{x}/{y}?filter=a"]}), None),
            (json!({"tiles": ["/tiles/parcels/{z}/{x}/{y}", "/tiles/parcels/{z}/{x}/{y}"]}), None),
            (json!({"url": "/tiles/../parcels.json"}), None),
            (json!({}), None),
        ] {
            let found = source_layers(&source, base).ok().map(|layers| layers.join(" "));
            assert_eq!(found.as_deref(), layers, "{source}");
        }
    }

    #[test]
    fn addresses_are_kept_without_the_host_and_given_with_the_one_that_is_asked() {
        let mut style = json!({"sources": {"a": {"tiles": ["http://a/tiles/x/{z}/{x}/{y}"]}}, "sprite": "http://a/sprites/city",
            "glyphs": "/fonts/{fontstack}/{range}.pbf", "name": "http://a/"});
        Address::Relative.apply(&mut style, "http://a");
        assert_eq!(style["sources"]["a"]["tiles"][0], "/tiles/x/{z}/{x}/{y}");
        Address::Absolute.apply(&mut style, "http://b");
        assert_eq!(style["sources"]["a"]["tiles"][0], "http://b/tiles/x/{z}/{x}/{y}");
        assert_eq!(
            (&style["sprite"], &style["glyphs"]),
            (&json!("http://b/sprites/city"), &json!("http://b/fonts/{fontstack}/{range}.pbf"))
        );
        assert_eq!(style["name"], "http://a/");
    }
}
