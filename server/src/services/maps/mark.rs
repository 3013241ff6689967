//! The one feature that a picture is about, over everything else.

use geo::CoordsIter as _;
use geo_types::{Coord, Geometry, LineString, Polygon};
use tiny_skia::{Color, FillRule, LineCap, LineJoin, PathBuilder, Pixmap, Stroke, Transform};

use super::paint::solid;
use super::view::View;

/// Pixels of the line, and of the white one under it.
const WIDTHS: [f32; 2] = [2.5, 5.5];
/// Pixels from the middle of a point to its ring.
const RADIUS: f32 = 7.0;
/// Italia's red, which no layer of the catalogue has.
const RED: [u8; 3] = [0xb3, 0x00, 0x1b];

/// Draws a geometry in degrees.
pub fn draw(canvas: &mut Pixmap, view: &View, geometry: &Geometry<f64>) {
    let mut lines = PathBuilder::new();
    let is_surface = add(&mut lines, view, geometry);
    let Some(path) = lines.finish() else { return };
    let ([red, green, blue], ratio) = (RED, view.ratio as f32);
    if is_surface {
        let paint = solid(Color::from_rgba8(red, green, blue, 48));
        canvas.fill_path(&path, &paint, FillRule::EvenOdd, Transform::identity(), None);
    }
    let colours = [Color::WHITE, Color::from_rgba8(red, green, blue, 255)];
    for (colour, width) in colours.into_iter().zip(WIDTHS.into_iter().rev()) {
        let stroke =
            Stroke { width: width * ratio, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        canvas.stroke_path(&path, &solid(colour), &stroke, Transform::identity(), None);
    }
}

/// Adds the outlines; whether they are those of a surface.
fn add(path: &mut PathBuilder, view: &View, geometry: &Geometry<f64>) -> bool {
    match geometry {
        Geometry::Polygon(polygon) => {
            std::iter::once(polygon.exterior())
                .chain(polygon.interiors())
                .for_each(|ring| line(path, view, ring, true));
            true
        }
        Geometry::MultiPolygon(polygons) => {
            polygons.iter().for_each(|polygon| rings(path, view, polygon));
            true
        }
        Geometry::LineString(one) => {
            line(path, view, one, false);
            false
        }
        Geometry::MultiLineString(many) => {
            many.iter().for_each(|one| line(path, view, one, false));
            false
        }
        other => {
            for at in other.coords_iter() {
                let [x, y] = pixel(view, at);
                path.push_circle(x, y, RADIUS * view.ratio as f32);
            }
            false
        }
    }
}

fn rings(path: &mut PathBuilder, view: &View, polygon: &Polygon<f64>) {
    std::iter::once(polygon.exterior()).chain(polygon.interiors()).for_each(|ring| line(path, view, ring, true));
}

fn line(path: &mut PathBuilder, view: &View, line: &LineString<f64>, is_closed: bool) {
    for (place, at) in line.coords().enumerate() {
        let [x, y] = pixel(view, *at);
        if place == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if is_closed {
        path.close();
    }
}

fn pixel(view: &View, at: Coord<f64>) -> [f32; 2] {
    view.pixel([at.x, at.y]).map(|pixel| pixel as f32)
}
