//! Glyphs as signed distance fields, in the protocol buffer that `MapLibre` reads
//! (`glyphs.proto` of mapbox/node-fontnik), drawn on demand from the shipped fonts.

use std::collections::HashMap;
use std::sync::{OnceLock, PoisonError, RwLock};

use bytes::Bytes;
use fontdue::{Font, FontSettings};
use prost::Message;
use sdf_glyph_renderer::{BitmapGlyph, clamp_to_u8};

use super::StyleError;

/// Size at which `MapLibre` expects its glyphs, in pixels per em.
const SIZE: f32 = 24.0;
/// Empty pixels around each glyph, into which the distance field runs.
const BUFFER: usize = 3;
/// Distance in pixels at which the field saturates.
const RADIUS: usize = 8;
/// Share of the byte's range that lies inside the outline.
const CUTOFF: f64 = 0.25;
/// Code points per range.
const RANGE: u32 = 256;
/// Last range of Unicode.
const LAST: u32 = 0x0010_ff00;

/// The shipped fonts: name as used in `text-font`, and file.
pub(in crate::services) const FONTS: [(&str, &[u8]); 3] = [
    ("Titillium Web Regular", include_bytes!("../../../../styles/fonts/TitilliumWeb-Regular.ttf")),
    ("Titillium Web SemiBold", include_bytes!("../../../../styles/fonts/TitilliumWeb-SemiBold.ttf")),
    ("Titillium Web Italic", include_bytes!("../../../../styles/fonts/TitilliumWeb-Italic.ttf")),
];

/// All stacks of one range (message `glyphs`).
#[derive(Clone, PartialEq, Message)]
pub struct GlyphRange {
    /// Always one here.
    #[prost(message, repeated, tag = "1")]
    pub stacks: Vec<FontStack>,
}

/// The glyphs of one stack (message `fontstack`).
#[derive(Clone, PartialEq, Message)]
pub struct FontStack {
    /// Names of its fonts, comma-separated.
    #[prost(string, required, tag = "1")]
    pub name: String,
    /// First and last code point: `0-255`.
    #[prost(string, required, tag = "2")]
    pub range: String,
    /// In order of code point.
    #[prost(message, repeated, tag = "3")]
    pub glyphs: Vec<Glyph>,
}

/// One glyph (message `glyph`), lengths in pixels at 24 pixels per em.
#[derive(Clone, PartialEq, Message)]
pub struct Glyph {
    /// Code point.
    #[prost(uint32, required, tag = "1")]
    pub id: u32,
    /// Distance field of `(width + 6) × (height + 6)` bytes, row by row from the top; 191 is the outline.
    #[prost(bytes = "vec", optional, tag = "2")]
    pub bitmap: Option<Vec<u8>>,
    /// Width of the ink.
    #[prost(uint32, required, tag = "3")]
    pub width: u32,
    /// Height of the ink.
    #[prost(uint32, required, tag = "4")]
    pub height: u32,
    /// From the pen to the left edge of the ink.
    #[prost(sint32, required, tag = "5")]
    pub left: i32,
    /// Top edge of the ink above the font's ascender (so mostly negative).
    #[prost(sint32, required, tag = "6")]
    pub top: i32,
    /// To the next pen position.
    #[prost(uint32, required, tag = "7")]
    pub advance: u32,
}

/// Draws ranges of glyphs and keeps them. There are three fonts, so what it keeps is bounded by them.
#[derive(Default)]
pub struct Glyphs {
    fonts: [OnceLock<Font>; FONTS.len()],
    drawn: RwLock<HashMap<(Vec<usize>, u32), Bytes>>,
}

impl Glyphs {
    /// Nothing is parsed or drawn before it is asked for.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names of the fonts.
    pub fn names() -> Vec<String> {
        FONTS.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The protocol buffer for `/fonts/{stack}/{range}.pbf`. `stack` is a comma-separated list of font names, of
    /// which those that are not served are passed over; `range` is `{first}-{last}` code point.
    ///
    /// # Errors
    /// [`StyleError::UnknownFont`] when no font of the stack is served, [`StyleError::BadGlyphRange`] when the
    /// range is not 256 code points from a multiple of 256.
    pub fn range(&self, stack: &str, range: &str) -> Result<Bytes, StyleError> {
        let first = parse_range(range)?;
        let mut fonts: Vec<usize> = Vec::new();
        for name in stack.split(',') {
            let known = FONTS.iter().position(|(known, _)| known.eq_ignore_ascii_case(name.trim()));
            fonts.extend(known.filter(|index| !fonts.contains(index)));
        }
        if fonts.is_empty() {
            return Err(StyleError::UnknownFont { stack: stack.to_owned(), available: Self::names() });
        }
        let key = (fonts, first);
        if let Some(drawn) = self.drawn.read().unwrap_or_else(PoisonError::into_inner).get(&key) {
            return Ok(drawn.clone());
        }
        let glyphs = self.draw(&key.0, first);
        let nothing = glyphs.is_empty();
        let name = key.0.iter().map(|index| FONTS[*index].0).collect::<Vec<_>>().join(",");
        let stack = FontStack { name, range: format!("{first}-{}", first + RANGE - 1), glyphs };
        let bytes = Bytes::from(GlyphRange { stacks: vec![stack] }.encode_to_vec());
        // Ranges without glyphs cost nothing to make again, and there are thousands of them.
        if !nothing {
            self.drawn.write().unwrap_or_else(PoisonError::into_inner).insert(key, bytes.clone());
        }
        Ok(bytes)
    }

    fn draw(&self, fonts: &[usize], first: u32) -> Vec<Glyph> {
        let draw = |code: u32| {
            let character = char::from_u32(code)?;
            let font = fonts.iter().map(|index| self.font(*index)).find(|font| font.has_glyph(character))?;
            glyph(font, character)
        };
        (first..first + RANGE).filter_map(draw).collect()
    }

    fn font(&self, index: usize) -> &Font {
        self.fonts[index].get_or_init(|| {
            let settings = FontSettings { scale: SIZE, ..FontSettings::default() };
            Font::from_bytes(FONTS[index].1, settings).expect("the tests parse every shipped font")
        })
    }
}

fn parse_range(range: &str) -> Result<u32, StyleError> {
    let bad = |reason| StyleError::BadGlyphRange { range: range.to_owned(), reason };
    let (first, last) = range.split_once('-').ok_or_else(|| bad("write first and last code point, as in 0-255"))?;
    let number = |text: &str| text.parse::<u32>().map_err(|_| bad("write two whole numbers, as in 256-511"));
    let (first, last) = (number(first)?, number(last)?);
    if first > LAST || first % RANGE != 0 || last != first + RANGE - 1 {
        return Err(bad("a range is 256 code points from a multiple of 256 up to 1113856, as in 8192-8447"));
    }
    Ok(first)
}

fn glyph(font: &Font, character: char) -> Option<Glyph> {
    let (metrics, alpha) = font.rasterize(character, SIZE);
    // FreeType, and so fontnik, rounds the ascender of a scaled face up.
    let ascender = font.horizontal_line_metrics(SIZE)?.ascent.ceil() as i32;
    let bitmap = if alpha.is_empty() {
        None
    } else {
        let bitmap = BitmapGlyph::from_unbuffered(&alpha, metrics.width, metrics.height, BUFFER).ok()?;
        Some(clamp_to_u8(&bitmap.render_sdf(RADIUS), CUTOFF).ok()?)
    };
    Some(Glyph {
        id: u32::from(character),
        bitmap,
        width: metrics.width as u32,
        height: metrics.height as u32,
        left: metrics.xmin,
        top: metrics.ymin + metrics.height as i32 - ascender,
        advance: metrics.advance_width.round() as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(stack: &str, range: &str) -> FontStack {
        let bytes = Glyphs::new().range(stack, range).expect("served");
        let mut stacks = GlyphRange::decode(bytes).expect("a protocol buffer").stacks;
        assert_eq!(stacks.len(), 1);
        stacks.remove(0)
    }

    fn of(stack: &FontStack, character: char) -> &Glyph {
        stack.glyphs.iter().find(|glyph| glyph.id == u32::from(character)).expect("in the font")
    }

    #[test]
    fn letters_have_the_metrics_of_the_font() {
        // Titillium Web Regular in units of 1/1000 em: ascender 1133, cap height 692, x-height 500.
        let stack = decoded("Titillium Web Regular", "0-255");
        let (a, e, accented) = (of(&stack, 'A'), of(&stack, 'e'), of(&stack, 'è'));
        assert_eq!((a.height, a.top), (17, 17 - 28), "24 × 0.692 = 16.6 high, below an ascender of 27.2");
        assert_eq!(accented.width, e.width);
        assert_eq!(accented.advance, e.advance);
        assert_eq!(accented.height as i32 - accented.top, e.height as i32 - e.top, "same foot");
        assert!(accented.top > e.top + 4, "the accent rises above the letter");
        assert_eq!(of(&stack, 'à').advance, of(&stack, 'a').advance);
        for glyph in &stack.glyphs {
            let pixels = (glyph.width as usize + 6) * (glyph.height as usize + 6);
            assert_eq!(glyph.bitmap.as_ref().map_or(pixels, Vec::len), pixels, "code point {}", glyph.id);
            assert!(glyph.advance < 48 && glyph.top.abs() < 40 && glyph.left.abs() < 24, "code point {}", glyph.id);
        }
    }

    #[test]
    fn a_space_has_an_advance_and_no_ink() {
        let stack = decoded("Titillium Web Regular", "0-255");
        let space = of(&stack, ' ');
        assert_eq!((space.width, space.height, &space.bitmap), (0, 0, &None));
        assert!(space.advance > 3);
    }

    #[test]
    fn the_outline_is_where_the_field_passes_191() {
        let stack = decoded("Titillium Web SemiBold", "0-255");
        let bar = of(&stack, '|');
        let width = bar.width as usize + 6;
        let field = bar.bitmap.as_ref().expect("ink");
        let row = &field[width * (bar.height as usize / 2)..][..width];
        assert!(row[0] < 191 && row[width - 1] < 191, "outside on both sides: {row:?}");
        assert!(row.iter().any(|value| *value >= 191), "inside somewhere: {row:?}");
    }

    #[test]
    fn italian_letters_and_signs_are_all_there() {
        let stack = decoded("Titillium Web Regular", "0-255");
        "àèéìòùÀÈÉÌÒÙ«»°²³·".chars().for_each(|character| {
            of(&stack, character);
        });
        let signs = decoded("Titillium Web Regular", "8192-8447");
        "’–—€…".chars().for_each(|character| {
            of(&signs, character);
        });
    }

    #[test]
    fn a_stack_passes_over_unknown_fonts() {
        let stack = decoded("Noto Sans Regular, titillium web italic", "0-255");
        assert_eq!(stack.name, "Titillium Web Italic");
        assert_eq!(stack.range, "0-255");
    }

    #[test]
    fn an_unknown_stack_is_told_what_exists() {
        let error = Glyphs::new().range("Comic Sans", "0-255").expect_err("refused").to_string();
        assert!(error.contains("Comic Sans") && error.contains("Titillium Web SemiBold"), "{error}");
    }

    #[test]
    fn a_range_without_glyphs_is_empty_and_a_wrong_one_refused() {
        assert!(decoded("Titillium Web Regular", "65280-65535").glyphs.is_empty());
        for range in ["", "0", "0-256", "1-256", "256-511.pbf", "-1-254", "4294967040-4294967295", "0-255-"] {
            assert!(Glyphs::new().range("Titillium Web Regular", range).is_err(), "{range}");
        }
    }

    #[test]
    fn a_second_request_gets_the_same_bytes() {
        let glyphs = Glyphs::new();
        let first = glyphs.range("Titillium Web Regular", "0-255").expect("served");
        let second = glyphs.range("Titillium Web Regular", "0-255").expect("served");
        assert_eq!(first.as_ptr(), second.as_ptr(), "kept");
    }
}
