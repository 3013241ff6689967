//! What a client needs to draw the layers: `MapLibre` styles, glyphs and sprites, all made by us so that no request
//! of a map leaves the host.
//!
//! The shipped cartography lies in the folder `styles`: one file of style layers per layer of the catalogue
//! (`layers/<id>.json`), the ground and the drawing order of the city map (`city.json`), fonts and icons.
//! [`compose`] turns the part of it whose data is there into one style document.

mod automatic;
mod compose;
pub mod expression;
pub mod fault;
pub mod glyphs;
pub mod kept;
mod shipped;
pub(in crate::services) mod specification;
pub mod sprites;
#[cfg(test)]
mod tests;
pub mod validate;

pub use compose::{CITY, StyleSummary, compose, summaries};

use thiserror::Error;

/// Why a style, a range of glyphs or a sprite could not be given.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum StyleError {
    /// No style of that name.
    #[error("style \"{id}\" does not exist; there are: {}", .available.join(", "))]
    UnknownStyle {
        /// What was asked for.
        id: String,
        /// What exists.
        available: Vec<String>,
    },
    /// None of the fonts of a stack is served here.
    #[error("font stack \"{stack}\" holds no font that is served here; there are: {}", .available.join(", "))]
    UnknownFont {
        /// What was asked for.
        stack: String,
        /// What exists.
        available: Vec<String>,
    },
    /// Not a range of 256 code points.
    #[error("glyph range \"{range}\": {reason}")]
    BadGlyphRange {
        /// What was asked for.
        range: String,
        /// The rule that it breaks, with an example.
        reason: &'static str,
    },
    /// No sprite file of that name.
    #[error("sprite file \"{name}\" does not exist; there are: {}", .available.join(", "))]
    UnknownSprite {
        /// What was asked for.
        name: String,
        /// What exists.
        available: Vec<String>,
    },
    /// A shipped icon cannot be drawn, which the tests of this crate rule out.
    #[error("the icons cannot be drawn: {reason}")]
    Sprites {
        /// Icon and what the renderer said.
        reason: String,
    },
}
