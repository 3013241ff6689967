//! Letters of the shipped fonts, as outlines.

use tiny_skia::{Path, PathBuilder, Transform};
use ttf_parser::{Face, OutlineBuilder};

use crate::services::styles::glyphs::FONTS;

/// Pixels per em at which `MapLibre` lays letters out.
const LAYOUT: f32 = 24.0;
/// Where it begins a line above the middle, in those pixels.
const LINE_TOP: f32 = -17.0;
/// Height of a line in ems.
pub(super) const LINE_HEIGHT: f32 = 1.2;

/// The shipped fonts.
pub(super) struct Fonts(Vec<(&'static str, Option<Face<'static>>)>);

impl Default for Fonts {
    fn default() -> Self {
        Self(FONTS.iter().map(|(name, bytes)| (*name, Face::parse(bytes, 0).ok())).collect())
    }
}

/// Outlines on their way into a path, in units of the font.
struct Pen<'a>(&'a mut PathBuilder);

impl OutlineBuilder for Pen<'_> {
    fn move_to(&mut self, x: f32, y: f32) {
        self.0.move_to(x, -y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.0.line_to(x, -y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        self.0.quad_to(x1, -y1, x, -y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        self.0.cubic_to(x1, -y1, x2, -y2, x, -y);
    }

    fn close(&mut self) {
        self.0.close();
    }
}

impl Fonts {
    /// The first font of a stack that is there; the first of all where none is.
    pub fn face(&self, stack: &[String]) -> Option<&Face<'static>> {
        let named = stack.iter().find_map(|name| self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)));
        named.or(self.0.first()).and_then(|(_, face)| face.as_ref())
    }
}

/// How far the pen goes for a letter, in ems.
pub(super) fn advance(face: &Face<'_>, letter: char) -> f32 {
    let glyph = face.glyph_index(letter);
    let units = glyph.and_then(|glyph| face.glyph_hor_advance(glyph)).unwrap_or(0);
    f32::from(units) / f32::from(face.units_per_em())
}

/// The baseline of the first line below the middle of a text of one line, in ems.
pub(super) fn baseline(face: &Face<'_>) -> f32 {
    let ascender = (LAYOUT * f32::from(face.ascender()) / f32::from(face.units_per_em())).ceil();
    (LINE_TOP + ascender) / LAYOUT
}

/// A line of letters from the pen's position on, in pixels; nothing where there is no ink.
pub(super) fn line(face: &Face<'_>, text: &str, size: f32, spacing: f32, [x, y]: [f32; 2]) -> Option<Path> {
    let scale = size / f32::from(face.units_per_em());
    let (mut all, mut pen) = (PathBuilder::new(), x);
    for letter in text.chars() {
        if let Some(glyph) = face.glyph_index(letter) {
            let mut outline = PathBuilder::new();
            face.outline_glyph(glyph, &mut Pen(&mut outline));
            let moved = outline
                .finish()
                .and_then(|path| path.transform(Transform::from_scale(scale, scale).post_translate(pen, y)));
            if let Some(moved) = moved {
                all.push_path(&moved);
            }
        }
        pen += (advance(face, letter) + spacing) * size;
    }
    all.finish()
}
