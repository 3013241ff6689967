//! Icons and texts: placed from the top layer down, none over another; then drawn.

use tiny_skia::{FillRule, FilterQuality, LineJoin, Pixmap, PixmapPaint, Stroke, Transform};
use ttf_parser::Face;

use super::Sheet;
use super::icons;
use super::mvt::DecodedFeature;
use super::paint::{solid, tinted};
use super::plan::{Frame, LayerKind, Plan, StyleLayer};
use super::text::{self, Fonts, LINE_HEIGHT};
use super::view::View;
use crate::services::styles::expression::Value;

/// A box in pixels: left, top, right, bottom.
type Area = [f32; 4];

/// An icon that has its place.
struct PlacedIcon {
    name: String,
    /// Its middle.
    at: [f32; 2],
    /// Pixels per pixel of the icon.
    scale: f32,
    turn: f32,
    opacity: f32,
}

/// A text that has its place.
struct PlacedText {
    stack: Vec<String>,
    /// Each line with the start of its baseline, from `at`.
    lines: Vec<(String, [f32; 2])>,
    at: [f32; 2],
    turn: f32,
    size: f32,
    spacing: f32,
    color: Option<tiny_skia::Color>,
    halo: Option<(tiny_skia::Color, f32)>,
}

/// What is drawn of a layer.
#[derive(Default)]
pub(super) struct Placed {
    icons: Vec<PlacedIcon>,
    texts: Vec<PlacedText>,
}

/// Boxes that are taken.
#[derive(Default)]
struct Taken(Vec<Area>);

impl Taken {
    fn is_free(&self, area: &Area) -> bool {
        self.0
            .iter()
            .all(|other| area[2] <= other[0] || other[2] <= area[0] || area[3] <= other[1] || other[3] <= area[1])
    }
}

/// Finds places, layer by layer of those that are drawn at the zoom, in their order.
pub(super) fn place(plan: &Plan, view: &View, sheets: &[Sheet], icons: &icons::Sheet, fonts: &Fonts) -> Vec<Placed> {
    let mut taken = Taken::default();
    let layers: Vec<&StyleLayer> = plan.layers(view.zoom).collect();
    let mut placed: Vec<Placed> = layers.iter().map(|_| Placed::default()).collect();
    for (index, layer) in layers.iter().enumerate().rev() {
        if layer.kind == LayerKind::Symbol {
            let mut spot = Spot { layer, view, icons, fonts, taken: &mut taken, placed: &mut placed[index] };
            spot.place(sheets);
        }
    }
    placed
}

struct Spot<'a> {
    layer: &'a StyleLayer,
    view: &'a View,
    icons: &'a icons::Sheet,
    fonts: &'a Fonts,
    taken: &'a mut Taken,
    placed: &'a mut Placed,
}

impl Spot<'_> {
    fn place(&mut self, sheets: &[Sheet]) {
        let (layer, zoom) = (self.layer, self.view.zoom);
        let along = layer.text("symbol-placement", zoom, None) != "point";
        let mut all: Vec<(Frame, DecodedFeature<'_>)> = Vec::new();
        for (frame, features) in layer.features(self.view, sheets) {
            all.extend(features.into_iter().map(|feature| (frame, feature)));
        }
        if layer.has("symbol-sort-key") {
            let key = |feature: &DecodedFeature<'_>| layer.number("symbol-sort-key", zoom, Some(feature));
            all.sort_by(|(_, a), (_, b)| key(a).total_cmp(&key(b)));
        }
        for (frame, feature) in &all {
            for part in feature.parts() {
                if along && feature.dimension() > 1 {
                    let line: Vec<[f32; 2]> = part.iter().map(|position| frame.pixel(*position)).collect();
                    if let Some((at, turn, room)) = middle(&line) {
                        self.one(feature, at, turn, Some(room));
                    }
                } else if let Some(position) = part.first().filter(|position| frame.holds(**position)) {
                    self.one(feature, frame.pixel(*position), 0.0, None);
                    if feature.dimension() > 1 {
                        break;
                    }
                }
            }
        }
    }

    fn one(&mut self, feature: &DecodedFeature<'_>, at: [f32; 2], turn: f32, room: Option<f32>) {
        let [width, height] = self.view.pixels().map(|side| side as f32);
        if at[0] < 0.0 || at[1] < 0.0 || at[0] > width || at[1] > height {
            return;
        }
        let icon = self.icon(feature, at);
        let text = self.text(feature, at, turn, room);
        let (layer, zoom) = (self.layer, self.view.zoom);
        let may = |name: &str| layer.is_on(name, zoom);
        let icon_fits = icon.as_ref().is_none_or(|(_, area)| may("icon-allow-overlap") || self.taken.is_free(area));
        let text_fits = text.as_ref().is_none_or(|(_, area)| may("text-allow-overlap") || self.taken.is_free(area));
        // Neither is drawn without the other, unless that is allowed.
        let shows_icon = icon_fits && (text_fits || may("text-optional"));
        let shows_text = text_fits && (icon_fits || may("icon-optional"));
        if let Some((icon, area)) = icon.filter(|_| shows_icon) {
            self.placed.icons.push(icon);
            self.taken.0.push(area);
        }
        if let Some((text, area)) = text.filter(|_| shows_text) {
            self.placed.texts.push(text);
            self.taken.0.push(area);
        }
    }

    fn icon(&self, feature: &DecodedFeature<'_>, [x, y]: [f32; 2]) -> Option<(PlacedIcon, Area)> {
        let (layer, zoom, feature) = (self.layer, self.view.zoom, Some(feature));
        let name = layer.text("icon-image", zoom, feature);
        let icon = self.icons.get(&name)?;
        let ratio = self.view.ratio as f32;
        let size = layer.number("icon-size", zoom, feature) as f32 * ratio;
        let [width, height] = icon.size().map(|side| side * size);
        let offset = layer.numbers("icon-offset", zoom, feature);
        let offset = [0, 1].map(|axis| offset.get(axis).map_or(0.0, |by| *by as f32 * size));
        let [across, down] = anchor(&layer.text("icon-anchor", zoom, feature));
        let at = [x + offset[0] + (0.5 - across) * width, y + offset[1] + (0.5 - down) * height];
        let padding =
            layer.numbers("icon-padding", zoom, feature).first().map_or(2.0, |padding| *padding as f32) * ratio;
        let area = around(at, [width, height], padding);
        let opacity = layer.number("icon-opacity", zoom, feature) as f32;
        let turn = layer.number("icon-rotate", zoom, feature) as f32;
        Some((PlacedIcon { name, at, scale: size / icon.ratio, turn, opacity }, area))
    }

    fn text(
        &self,
        feature: &DecodedFeature<'_>,
        at: [f32; 2],
        turn: f32,
        room: Option<f32>,
    ) -> Option<(PlacedText, Area)> {
        let (layer, zoom, feature) = (self.layer, self.view.zoom, Some(feature));
        let text = layer.text("text-field", zoom, feature);
        let text = match layer.text("text-transform", zoom, feature).as_str() {
            "uppercase" => text.to_uppercase(),
            "lowercase" => text.to_lowercase(),
            _ => text,
        };
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        let stack: Vec<String> = match layer.value("text-font", zoom, feature) {
            Value::Array(items) => items.iter().map(Value::shown).collect(),
            _ => Vec::new(),
        };
        let face = self.fonts.face(&stack)?;
        let ratio = self.view.ratio as f32;
        let size = layer.number("text-size", zoom, feature) as f32 * ratio;
        let spacing = layer.number("text-letter-spacing", zoom, feature) as f32;
        let most = if room.is_some() { f32::INFINITY } else { layer.number("text-max-width", zoom, feature) as f32 };
        let lines = broken(face, text, spacing, most);
        let widths: Vec<f32> = lines.iter().map(|line| width(face, line, spacing)).collect();
        let widest = widths.iter().copied().fold(0.0, f32::max);
        if room.is_some_and(|room| widest * size > room) {
            return None;
        }
        let [across, down] = anchor(&layer.text("text-anchor", zoom, feature));
        let justify = match layer.text("text-justify", zoom, feature).as_str() {
            "left" => 0.0,
            "right" => 1.0,
            "auto" => across,
            _ => 0.5,
        };
        let offset = layer.numbers("text-offset", zoom, feature);
        let offset = [0, 1].map(|axis| offset.get(axis).map_or(0.0, |by| *by as f32));
        let count = lines.len() as f32;
        let shift = (-down).mul_add(count, 0.5) * LINE_HEIGHT;
        let left = -across * widest + offset[0];
        let drawn: Vec<(String, [f32; 2])> = lines
            .into_iter()
            .zip(&widths)
            .enumerate()
            .map(|(index, (line, own))| {
                let x = justify.mul_add(widest - own, left);
                let y = (index as f32).mul_add(LINE_HEIGHT, text::baseline(face) + shift + offset[1]);
                (line, [x * size, y * size])
            })
            .collect();
        let padding = layer.number("text-padding", zoom, feature) as f32 * ratio;
        let top = (offset[1] - down * count * LINE_HEIGHT) * size;
        let (wide, high) = (widest * size, count * LINE_HEIGHT * size);
        let middle = [(left * size) + wide / 2.0, top + high / 2.0];
        let (sin, cos) = turn.to_radians().sin_cos();
        let centre = [at[0] + middle[0] * cos - middle[1] * sin, at[1] + middle[0] * sin + middle[1] * cos];
        let turned = [wide * cos.abs() + high * sin.abs(), wide * sin.abs() + high * cos.abs()];
        let opacity = layer.number("text-opacity", zoom, feature);
        let color = layer.color("text-color", zoom, feature).and_then(|color| tinted(color, opacity));
        let halo_width = layer.number("text-halo-width", zoom, feature) as f32 * ratio;
        let halo = layer.color("text-halo-color", zoom, feature).and_then(|color| tinted(color, opacity));
        let halo = halo.filter(|_| halo_width > 0.0).map(|color| (color, halo_width));
        let placed = PlacedText { stack, lines: drawn, at, turn, size, spacing, color, halo };
        Some((placed, around(centre, turned, padding)))
    }
}

fn around([x, y]: [f32; 2], [width, height]: [f32; 2], padding: f32) -> Area {
    let (across, down) = (width / 2.0 + padding, height / 2.0 + padding);
    [x - across, y - down, x + across, y + down]
}

/// Which point of what is drawn lies at its place, in parts of its width and height.
fn anchor(name: &str) -> [f32; 2] {
    let across = if name.ends_with("left") {
        0.0
    } else if name.ends_with("right") {
        1.0
    } else {
        0.5
    };
    let down = if name.starts_with("top") {
        0.0
    } else if name.starts_with("bottom") {
        1.0
    } else {
        0.5
    };
    [across, down]
}

fn width(face: &Face<'_>, line: &str, spacing: f32) -> f32 {
    line.chars().map(|letter| text::advance(face, letter) + spacing).sum()
}

/// A text in lines of about the same width, none wider than `most` ems where it can be broken.
fn broken(face: &Face<'_>, text: &str, spacing: f32, most: f32) -> Vec<String> {
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let whole = width(face, paragraph, spacing);
        let count = if most.is_finite() && most > 0.0 { (whole / most).ceil().max(1.0) } else { 1.0 };
        let wanted = whole / count;
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let longer = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if line.is_empty() || width(face, &longer, spacing) <= wanted * 1.15 {
                line = longer;
            } else {
                lines.push(std::mem::replace(&mut line, word.to_owned()));
            }
        }
        lines.push(line);
    }
    lines
}

/// The middle of a line, its direction there in degrees so that texts stand upright, and its length.
fn middle(line: &[[f32; 2]]) -> Option<([f32; 2], f32, f32)> {
    let length = |pair: &[[f32; 2]]| (pair[1][0] - pair[0][0]).hypot(pair[1][1] - pair[0][1]);
    let whole: f32 = line.windows(2).map(length).sum();
    let mut left = whole / 2.0;
    for pair in line.windows(2) {
        let own = length(pair);
        if own >= left && own > 0.0 {
            let share = left / own;
            let at = [0, 1].map(|axis| (pair[1][axis] - pair[0][axis]).mul_add(share, pair[0][axis]));
            let mut turn = (pair[1][1] - pair[0][1]).atan2(pair[1][0] - pair[0][0]).to_degrees();
            if turn.abs() > 90.0 {
                turn -= 180.0_f32.copysign(turn);
            }
            return Some((at, turn, whole));
        }
        left -= own;
    }
    None
}

/// Draws what has its place: icons below texts.
pub(super) fn draw(canvas: &mut Pixmap, placed: &Placed, _: &View, icons: &icons::Sheet, fonts: &Fonts) {
    for icon in &placed.icons {
        let Some(own) = icons.get(&icon.name) else { continue };
        let [width, height] = [own.picture.width(), own.picture.height()].map(|side| side as f32);
        let place = Transform::from_translate(-width / 2.0, -height / 2.0)
            .post_scale(icon.scale, icon.scale)
            .post_concat(Transform::from_rotate(icon.turn))
            .post_translate(icon.at[0], icon.at[1]);
        let paint = PixmapPaint { opacity: icon.opacity, quality: FilterQuality::Bilinear, ..PixmapPaint::default() };
        canvas.draw_pixmap(0, 0, own.picture.as_ref(), &paint, place, None);
    }
    for text in &placed.texts {
        let Some(face) = fonts.face(&text.stack) else { continue };
        let place = Transform::from_rotate(text.turn).post_translate(text.at[0], text.at[1]);
        let paths: Vec<_> = text
            .lines
            .iter()
            .filter_map(|(line, start)| text::line(face, line, text.size, text.spacing, *start))
            .collect();
        if let Some((color, width)) = text.halo {
            let stroke = Stroke { width: 2.0 * width, line_join: LineJoin::Round, ..Stroke::default() };
            for path in &paths {
                canvas.stroke_path(path, &solid(color), &stroke, place, None);
            }
        }
        if let Some(color) = text.color {
            for path in &paths {
                canvas.fill_path(path, &solid(color), FillRule::Winding, place, None);
            }
        }
    }
}
