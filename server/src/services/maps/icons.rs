//! The shipped icons, as they are in the sprite.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;
use tiny_skia::{IntRect, Pixmap};

use super::MapError;
use crate::services::styles::sprites::Sprites;

#[derive(Deserialize)]
struct Place {
    x: i32,
    y: i32,
    width: u32,
    height: u32,
    #[serde(rename = "pixelRatio")]
    ratio: f32,
}

/// One icon.
pub(super) struct Icon {
    pub picture: Pixmap,
    /// Its pixels per pixel.
    pub ratio: f32,
}

impl Icon {
    /// Width and height before its ratio.
    pub fn size(&self) -> [f32; 2] {
        [self.picture.width() as f32 / self.ratio, self.picture.height() as f32 / self.ratio]
    }
}

/// All icons by name.
pub(super) type Sheet = HashMap<String, Icon>;

/// Cut out of the dense sheet when they are first needed.
#[derive(Default)]
pub(super) struct Icons(OnceLock<Result<Sheet, MapError>>);

impl Icons {
    pub fn get(&self) -> Result<&Sheet, MapError> {
        self.0.get_or_init(cut).as_ref().map_err(Clone::clone)
    }
}

fn cut() -> Result<Sheet, MapError> {
    let failed = |error: String| MapError(format!("icons: {error}"));
    let sprites = Sprites::new();
    let file = |name: &str| sprites.file(name).map_err(|error| failed(error.to_string()));
    let places: HashMap<String, Place> =
        serde_json::from_slice(&file("city@2x.json")?.bytes).map_err(|error| failed(error.to_string()))?;
    let image = Pixmap::decode_png(&file("city@2x.png")?.bytes).map_err(|error| failed(error.to_string()))?;
    let mut icons = Sheet::new();
    for (name, place) in places {
        let rect = IntRect::from_xywh(place.x, place.y, place.width, place.height);
        if let Some(picture) = rect.and_then(|rect| image.clone_rect(rect)) {
            icons.insert(name, Icon { picture, ratio: place.ratio });
        }
    }
    Ok(icons)
}
