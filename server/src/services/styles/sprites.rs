//! The icons of the city map as `MapLibre` sprite sheets, drawn once from the shipped SVG files.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use bytes::Bytes;
use rust_embed::Embed;
use spreet::resvg::usvg::{Options, Tree};
use spreet::{Sprite, Spritesheet};

use super::StyleError;

#[derive(Embed)]
#[folder = "../styles/sprites/"]
struct Icons;

/// Empty pixels between icons, so that scaling one does not draw the edge of its neighbour.
const SPACING: u8 = 2;
/// Files of the sprite: name as in URLs, pixels per pixel, and whether it is the index or the image.
const FILES: [(&str, u8, bool); 4] =
    [("city.json", 1, true), ("city.png", 1, false), ("city@2x.json", 2, true), ("city@2x.png", 2, false)];

/// A file of the sprite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpriteFile {
    /// Its content.
    pub bytes: Bytes,
    /// `application/json` or `image/png`.
    pub media_type: &'static str,
}

#[derive(Debug, Clone)]
struct Sheet {
    index: Bytes,
    image: Bytes,
}

/// Draws the sheets when they are first asked for, and keeps them.
#[derive(Debug, Default)]
pub struct Sprites {
    sheets: [OnceLock<Result<Sheet, StyleError>>; 2],
}

impl Sprites {
    /// Nothing is drawn before it is asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names of the icons, in order.
    pub fn names() -> Vec<String> {
        let mut names: Vec<_> = Icons::iter().filter_map(|n| n.strip_suffix(".svg").map(ToOwned::to_owned)).collect();
        names.sort();
        names
    }

    /// The file for `/sprites/{name}`: `city.json`, `city.png` and their `@2x` forms for dense screens.
    ///
    /// # Errors
    /// [`StyleError::UnknownSprite`] for any other name.
    pub fn file(&self, name: &str) -> Result<SpriteFile, StyleError> {
        let Some((_, ratio, index)) = FILES.iter().find(|(file, ..)| *file == name) else {
            let available = FILES.map(|(file, ..)| file.to_owned()).to_vec();
            return Err(StyleError::UnknownSprite { name: name.to_owned(), available });
        };
        let sheet = self.sheets[usize::from(*ratio) - 1].get_or_init(|| draw(*ratio)).clone()?;
        Ok(if *index {
            SpriteFile { bytes: sheet.index, media_type: "application/json" }
        } else {
            SpriteFile { bytes: sheet.image, media_type: "image/png" }
        })
    }
}

fn draw(ratio: u8) -> Result<Sheet, StyleError> {
    let failed = |reason: String| StyleError::Sprites { reason };
    let mut sprites = BTreeMap::new();
    for name in Sprites::names() {
        let file = Icons::get(&format!("{name}.svg")).ok_or_else(|| failed(format!("{name} is missing")))?;
        let tree = Tree::from_data(&file.data, &Options::default()).map_err(|e| failed(format!("{name}: {e}")))?;
        let sprite = Sprite::new(tree, ratio).ok_or_else(|| failed(format!("{name} has no size")))?;
        sprites.insert(name, sprite);
    }
    let sheet = Spritesheet::build().sprites(sprites).spacing(SPACING).generate();
    let sheet = sheet.ok_or_else(|| failed("they fit on no sheet".to_owned()))?;
    Ok(Sheet {
        index: serde_json::to_vec(sheet.get_index()).map_err(|error| failed(error.to_string()))?.into(),
        image: sheet.encode_png().map_err(|error| failed(error.to_string()))?.into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn every_icon_is_in_the_index_at_both_densities() {
        let sprites = Sprites::new();
        for (name, ratio) in [("city.json", 1), ("city@2x.json", 2)] {
            let file = sprites.file(name).expect("drawn");
            assert_eq!(file.media_type, "application/json");
            let index: Value = serde_json::from_slice(&file.bytes).expect("JSON");
            let index = index.as_object().expect("an object");
            assert_eq!(index.keys().cloned().collect::<Vec<_>>(), Sprites::names());
            for (icon, place) in index {
                assert_eq!(place["pixelRatio"], ratio, "{icon}");
                assert!([16 * ratio, 22 * ratio].contains(&place["width"].as_u64().expect("width")), "{icon}");
            }
        }
    }

    #[test]
    fn the_image_is_a_png_that_holds_every_place_of_the_index() {
        let sprites = Sprites::new();
        let image = sprites.file("city@2x.png").expect("drawn").bytes;
        assert_eq!(&image[..8], b"\x89PNG\r\n\x1a\n");
        let size = |at: usize| u64::from(u32::from_be_bytes(image[at..at + 4].try_into().expect("four bytes")));
        let (width, height) = (size(16), size(20));
        let index: Value = serde_json::from_slice(&sprites.file("city@2x.json").expect("drawn").bytes).expect("JSON");
        for (icon, place) in index.as_object().expect("an object") {
            let of = |key: &str| place[key].as_u64().expect("a number");
            assert!(of("x") + of("width") <= width && of("y") + of("height") <= height, "{icon}");
        }
    }

    #[test]
    fn an_unknown_file_is_told_what_exists() {
        let error = Sprites::new().file("city@3x.png").expect_err("refused").to_string();
        assert!(error.contains("city@3x.png") && error.contains("city@2x.png"), "{error}");
    }
}
