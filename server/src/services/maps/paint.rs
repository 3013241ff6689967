//! Ground, surfaces, lines and circles.

use tiny_skia::{
    Color, FillRule, FilterQuality, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pattern, Pixmap, Rect,
    SpreadMode, Stroke, StrokeDash, Transform,
};

use super::Sheet;
use super::icons;
use super::mvt::DecodedFeature;
use super::plan::{Frame, StyleLayer};
use super::view::View;
use crate::services::styles::expression::Color as Channels;

/// A colour with a further opacity; `None` where nothing would be seen.
pub(super) fn tinted([red, green, blue, alpha]: Channels, opacity: f64) -> Option<Color> {
    let alpha = (f64::from(alpha) * opacity.clamp(0.0, 1.0)) as f32;
    let clamp = |channel: f32| channel.clamp(0.0, 1.0);
    Color::from_rgba(clamp(red), clamp(green), clamp(blue), clamp(alpha)).filter(|color| color.alpha() > 0.0)
}

pub(super) fn solid(color: Color) -> Paint<'static> {
    let mut paint = Paint { anti_alias: true, ..Paint::default() };
    paint.set_color(color);
    paint
}

/// A pattern that lies where it lies on the earth's plane, not in the picture.
fn patterned<'a>(icon: &'a icons::Icon, opacity: f64, view: &View, [x, y]: [f64; 2]) -> Paint<'a> {
    let scale = view.ratio as f32 / icon.ratio;
    let place = Transform::from_scale(scale, scale).post_translate(x as f32, y as f32);
    let shader =
        Pattern::new(icon.picture.as_ref(), SpreadMode::Repeat, FilterQuality::Bilinear, opacity as f32, place);
    Paint { shader, anti_alias: true, ..Paint::default() }
}

/// The tile's own square: what is drawn in its buffer is drawn by the tile beside it.
fn clip(canvas: &Pixmap, frame: &Frame) -> Option<Mask> {
    let mut mask = Mask::new(canvas.width(), canvas.height())?;
    let ends = |axis: usize| {
        let (low, high) = (frame.corner[axis].round(), (frame.corner[axis] + frame.side).round());
        let most = f64::from(if axis == 0 { canvas.width() } else { canvas.height() });
        (low.clamp(0.0, most) as f32, high.clamp(0.0, most) as f32)
    };
    let ((left, right), (top, bottom)) = (ends(0), ends(1));
    let rect = Rect::from_ltrb(left, top, right, bottom).filter(|rect| rect.width() > 0.0 && rect.height() > 0.0)?;
    mask.fill_path(&PathBuilder::from_rect(rect), FillRule::Winding, false, Transform::identity());
    Some(mask)
}

/// The outlines of a feature in pixels, points excepted.
fn outlines(feature: &DecodedFeature<'_>, frame: &Frame) -> Option<Path> {
    let mut path = PathBuilder::new();
    let is_surface = feature.dimension() == 3;
    for part in feature.parts() {
        for (index, position) in part.iter().enumerate() {
            let [x, y] = frame.pixel(*position);
            if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
        }
        if is_surface {
            path.close();
        }
    }
    path.finish()
}

pub(super) fn background(canvas: &mut Pixmap, layer: &StyleLayer, view: &View, icons: &icons::Sheet) {
    let opacity = layer.number("background-opacity", view.zoom, None);
    let [width, height] = view.pixels();
    let Some(all) = Rect::from_xywh(0.0, 0.0, width as f32, height as f32) else { return };
    let icon = icons.get(&layer.text("background-pattern", view.zoom, None));
    if let Some(icon) = icon {
        canvas.fill_rect(all, &patterned(icon, opacity, view, [0.0; 2]), Transform::identity(), None);
    } else if let Some(color) =
        layer.color("background-color", view.zoom, None).and_then(|color| tinted(color, opacity))
    {
        canvas.fill_rect(all, &solid(color), Transform::identity(), None);
    }
}

/// Features in the order of a sort key, those of the file's order without one.
fn sorted<'f>(
    layer: &StyleLayer,
    key: &str,
    zoom: f64,
    mut features: Vec<DecodedFeature<'f>>,
) -> Vec<DecodedFeature<'f>> {
    if layer.has(key) {
        features.sort_by(|a, b| layer.number(key, zoom, Some(a)).total_cmp(&layer.number(key, zoom, Some(b))));
    }
    features
}

pub(super) fn fills(canvas: &mut Pixmap, layer: &StyleLayer, view: &View, sheets: &[Sheet], icons: &icons::Sheet) {
    let zoom = view.zoom;
    for (frame, features) in layer.features(view, sheets) {
        let Some(mask) = clip(canvas, &frame) else { continue };
        for feature in sorted(layer, "fill-sort-key", zoom, features) {
            if feature.dimension() != 3 {
                continue;
            }
            let Some(path) = outlines(&feature, &frame) else { continue };
            let feature = Some(&feature);
            let opacity = layer.number("fill-opacity", zoom, feature);
            if let Some(icon) = icons.get(&layer.text("fill-pattern", zoom, feature)) {
                let paint = patterned(icon, opacity, view, frame.corner);
                canvas.fill_path(&path, &paint, FillRule::EvenOdd, Transform::identity(), Some(&mask));
                continue;
            }
            let color = layer.color("fill-color", zoom, feature);
            if let Some(color) = color.and_then(|color| tinted(color, opacity)) {
                canvas.fill_path(&path, &solid(color), FillRule::EvenOdd, Transform::identity(), Some(&mask));
            }
            let outline = layer.color("fill-outline-color", zoom, feature);
            if let Some(color) = outline.and_then(|color| tinted(color, opacity)) {
                let stroke = Stroke { width: view.ratio as f32, ..Stroke::default() };
                canvas.stroke_path(&path, &solid(color), &stroke, Transform::identity(), Some(&mask));
            }
        }
    }
}

pub(super) fn lines(canvas: &mut Pixmap, layer: &StyleLayer, view: &View, sheets: &[Sheet]) {
    let zoom = view.zoom;
    let cap = match layer.text("line-cap", zoom, None).as_str() {
        "round" => LineCap::Round,
        "square" => LineCap::Square,
        _ => LineCap::Butt,
    };
    for (frame, features) in layer.features(view, sheets) {
        let Some(mask) = clip(canvas, &frame) else { continue };
        for feature in sorted(layer, "line-sort-key", zoom, features) {
            if feature.dimension() < 2 {
                continue;
            }
            let Some(path) = outlines(&feature, &frame) else { continue };
            let feature = Some(&feature);
            let width = (layer.number("line-width", zoom, feature) * view.ratio) as f32;
            let opacity = layer.number("line-opacity", zoom, feature);
            let color = layer.color("line-color", zoom, feature).and_then(|color| tinted(color, opacity));
            let (Some(color), true) = (color, width > 0.0) else { continue };
            let join = match layer.text("line-join", zoom, feature).as_str() {
                "round" => LineJoin::Round,
                "bevel" => LineJoin::Bevel,
                _ => LineJoin::Miter,
            };
            let mut dashes: Vec<f32> =
                layer.numbers("line-dasharray", zoom, feature).into_iter().map(|part| part as f32 * width).collect();
            if dashes.len() % 2 == 1 {
                dashes.extend_from_within(..);
            }
            let dash = StrokeDash::new(dashes, 0.0);
            let stroke = Stroke { width, line_cap: cap, line_join: join, miter_limit: 2.0, dash };
            canvas.stroke_path(&path, &solid(color), &stroke, Transform::identity(), Some(&mask));
        }
    }
}

pub(super) fn circles(canvas: &mut Pixmap, layer: &StyleLayer, view: &View, sheets: &[Sheet]) {
    let zoom = view.zoom;
    for (frame, features) in layer.features(view, sheets) {
        for feature in sorted(layer, "circle-sort-key", zoom, features) {
            let parts = feature.parts();
            let places = parts.iter().flatten().filter(|place| frame.holds(**place));
            let feature = Some(&feature);
            let number = |name: &str| layer.number(name, zoom, feature);
            let (radius, border) =
                ((number("circle-radius") * view.ratio) as f32, (number("circle-stroke-width") * view.ratio) as f32);
            let inner =
                layer.color("circle-color", zoom, feature).and_then(|color| tinted(color, number("circle-opacity")));
            let outer = layer.color("circle-stroke-color", zoom, feature);
            let outer = outer.and_then(|color| tinted(color, number("circle-stroke-opacity"))).filter(|_| border > 0.0);
            for place in places {
                let [x, y] = frame.pixel(*place);
                let round = |radius: f32| PathBuilder::from_circle(x, y, radius);
                if let (Some(color), Some(path)) = (inner, round(radius)) {
                    canvas.fill_path(&path, &solid(color), FillRule::Winding, Transform::identity(), None);
                }
                if let (Some(color), Some(path)) = (outer, round(radius + border / 2.0)) {
                    let stroke = Stroke { width: border, ..Stroke::default() };
                    canvas.stroke_path(&path, &solid(color), &stroke, Transform::identity(), None);
                }
            }
        }
    }
}
