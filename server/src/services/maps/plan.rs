//! A style, read for drawing.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value as Json;

use super::Sheet;
use super::mvt::DecodedFeature;
use super::view::View;
use crate::services::styles::expression::{Color, Context, Kind, Parser, Tree, Value, is_expression};
use crate::services::styles::specification::{Property, SPECIFICATION};
use crate::services::styles::validate::{modern, must_be_modernised, source_layers};

/// What a style layer draws; the others (heat maps, extrusions) are left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LayerKind {
    Background,
    Fill,
    Line,
    Circle,
    Symbol,
}

enum Setting {
    Is(Value),
    Gives(Tree),
    /// A text in which `{name}` stands for a field.
    Tokens(String),
}

/// A layer of the style.
pub(super) struct StyleLayer {
    pub kind: LayerKind,
    pub source: String,
    pub source_layer: String,
    zooms: [f64; 2],
    filter: Option<Tree>,
    settings: HashMap<String, Setting>,
    defaults: [&'static BTreeMap<String, Property>; 2],
}

/// Tiles that a style is drawn of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The source.
    pub source: String,
    /// The list of layers, as in addresses of tiles.
    pub layers: Vec<String>,
    /// First and last zoom of its tiles.
    pub zooms: [u8; 2],
}

/// A style, read for drawing.
pub struct Plan {
    layers: Vec<StyleLayer>,
    wanted: Vec<Wanted>,
}

impl Plan {
    /// Of a style that the validator has found sound, or that we have made; what is not understood is left out. `base` is the
    /// address of this server in it.
    pub fn new(style: &Json, base: &str) -> Self {
        let layers = style["layers"].as_array().into_iter().flatten().filter_map(StyleLayer::read).collect();
        let zoom = |source: &Json, name: &str, usual: u8| {
            source[name].as_f64().map_or(usual, |zoom| zoom.clamp(0.0, 22.0) as u8)
        };
        let sources = style["sources"].as_object().into_iter().flatten();
        let wanted = sources.filter_map(|(name, source)| {
            let layers = source_layers(source, base).ok()?;
            Some(Wanted {
                source: name.clone(),
                layers,
                zooms: [zoom(source, "minzoom", 0), zoom(source, "maxzoom", 22)],
            })
        });
        Self { layers, wanted: wanted.collect() }
    }

    /// The layers that are drawn at a zoom, bottom first.
    pub(super) fn layers(&self, zoom: f64) -> impl DoubleEndedIterator<Item = &StyleLayer> {
        self.layers.iter().filter(move |layer| (layer.zooms[0]..layer.zooms[1]).contains(&zoom))
    }

    /// The sources of which something is drawn at a zoom.
    pub fn wanted(&self, zoom: f64) -> impl Iterator<Item = &Wanted> {
        self.wanted.iter().filter(move |wanted| self.layers(zoom).any(|layer| layer.source == wanted.source))
    }

    /// All sources.
    pub fn sources(&self) -> &[Wanted] {
        &self.wanted
    }

    /// The first zoom at which something beside the ground is drawn.
    pub fn drawn_from(&self) -> f64 {
        let drawn = self.layers.iter().filter(|layer| layer.kind != LayerKind::Background);
        let first = drawn.map(|layer| {
            let source = self.wanted.iter().find(|wanted| wanted.source == layer.source);
            layer.zooms[0].max(source.map_or(0.0, |source| f64::from(source.zooms[0])))
        });
        first.fold(f64::INFINITY, f64::min)
    }
}

impl StyleLayer {
    fn read(layer: &Json) -> Option<Self> {
        let name = layer["type"].as_str()?;
        let kind = match name {
            "background" => LayerKind::Background,
            "fill" => LayerKind::Fill,
            "line" => LayerKind::Line,
            "circle" => LayerKind::Circle,
            "symbol" => LayerKind::Symbol,
            _ => return None,
        };
        if layer["layout"]["visibility"] == "none" {
            return None;
        }
        let defaults = [&SPECIFICATION.paint[name], &SPECIFICATION.layout[name]];
        let mut parser = Parser::default();
        let mut settings = HashMap::new();
        for (part, group) in [("paint", defaults[0]), ("layout", defaults[1])] {
            for (name, value) in layer[part].as_object().into_iter().flatten() {
                if let Some(setting) = group.get(name).and_then(|property| setting(&mut parser, value, property)) {
                    settings.insert(name.clone(), setting);
                }
            }
        }
        let filter = layer.get("filter").map(|filter| {
            let filter = if must_be_modernised(filter) { modern(filter).ok()? } else { filter.clone() };
            parser.read(&filter, "", Some(&Kind::Boolean))
        });
        let filter = match filter {
            // A filter that is none lets nothing through.
            Some(None) => return None,
            Some(Some(filter)) => Some(filter),
            None => None,
        };
        let zoom = |name: &str, usual: f64| layer[name].as_f64().unwrap_or(usual);
        let text = |name: &str| layer[name].as_str().unwrap_or_default().to_owned();
        Some(Self {
            kind,
            source: text("source"),
            source_layer: text("source-layer"),
            zooms: [zoom("minzoom", 0.0), zoom("maxzoom", f64::INFINITY)],
            filter,
            settings,
            defaults,
        })
    }

    /// The features of it in the tiles of a view, each with the tile's corner and pixels per tile unit.
    pub fn features<'s>(
        &'s self,
        view: &View,
        sheets: &'s [Sheet],
    ) -> impl Iterator<Item = (Frame, Vec<DecodedFeature<'s>>)> + use<'s> {
        let view = *view;
        sheets.iter().filter(|sheet| sheet.source == self.source).filter_map(move |sheet| {
            let layer = sheet.content.layer(&self.source_layer)?;
            let (corner, side) = view.frame(sheet.tile);
            let frame = Frame { corner, side, scale: side / layer.extent, extent: layer.extent as i32 };
            let features = layer.features().filter(|feature| self.shows(feature, view.zoom));
            Some((frame, features.collect()))
        })
    }

    fn shows(&self, feature: &DecodedFeature<'_>, zoom: f64) -> bool {
        let Some(filter) = &self.filter else { return true };
        filter.evaluate(&mut Context::new(zoom, Some(feature))).is_ok_and(|value| value.is_true())
    }

    /// The value of a property.
    pub fn value(&self, name: &str, zoom: f64, feature: Option<&DecodedFeature<'_>>) -> Value {
        let value = match self.settings.get(name) {
            Some(Setting::Is(value)) => value.clone(),
            Some(Setting::Gives(tree)) => {
                let mut context = Context::new(zoom, feature.map(|feature| feature as _));
                tree.evaluate(&mut context).unwrap_or(Value::Null)
            }
            Some(Setting::Tokens(text)) => Value::text(&filled(text, feature)),
            None => Value::Null,
        };
        if value != Value::Null {
            return value;
        }
        let default = self.defaults.iter().find_map(|group| group.get(name)).map(|property| &property.default);
        default.map_or(Value::Null, Value::of)
    }

    /// Whether something is said of a property.
    pub fn has(&self, name: &str) -> bool {
        self.settings.contains_key(name)
    }

    pub fn number(&self, name: &str, zoom: f64, feature: Option<&DecodedFeature<'_>>) -> f64 {
        self.value(name, zoom, feature).number().filter(|number| number.is_finite()).unwrap_or(0.0)
    }

    pub fn text(&self, name: &str, zoom: f64, feature: Option<&DecodedFeature<'_>>) -> String {
        self.value(name, zoom, feature).shown()
    }

    pub fn color(&self, name: &str, zoom: f64, feature: Option<&DecodedFeature<'_>>) -> Option<Color> {
        self.value(name, zoom, feature).color()
    }

    pub fn numbers(&self, name: &str, zoom: f64, feature: Option<&DecodedFeature<'_>>) -> Vec<f64> {
        match self.value(name, zoom, feature) {
            Value::Array(items) => items.iter().filter_map(Value::number).collect(),
            Value::Number(number) => vec![number],
            _ => Vec::new(),
        }
    }

    pub fn is_on(&self, name: &str, zoom: f64) -> bool {
        self.value(name, zoom, None).is_true()
    }
}

/// Where a tile lies in the picture.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    pub corner: [f64; 2],
    pub side: f64,
    /// Pixels per tile unit.
    pub scale: f64,
    /// Tile units of a side.
    pub extent: i32,
}

impl Frame {
    /// A position in pixels of the picture.
    pub fn pixel(&self, [x, y]: [i32; 2]) -> [f32; 2] {
        [
            f64::from(x).mul_add(self.scale, self.corner[0]) as f32,
            f64::from(y).mul_add(self.scale, self.corner[1]) as f32,
        ]
    }

    /// Whether a position lies in the tile itself, and so in no other.
    pub fn holds(&self, [x, y]: [i32; 2]) -> bool {
        (0..self.extent).contains(&x) && (0..self.extent).contains(&y)
    }
}

fn setting(parser: &mut Parser, value: &Json, property: &Property) -> Option<Setting> {
    if property.expression && is_expression(value) {
        return parser.read(value, "", property.expected().as_ref()).map(Setting::Gives);
    }
    match value.as_str() {
        Some(text) if property.tokens && text.contains('{') => Some(Setting::Tokens(text.to_owned())),
        _ => Some(Setting::Is(Value::of(value))),
    }
}

/// A text with the fields of a feature in the place of `{name}`.
fn filled(text: &str, feature: Option<&DecodedFeature<'_>>) -> String {
    use crate::services::styles::expression::Subject as _;
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        out.push_str(before);
        let Some((name, after)) = after.split_once('}') else { break };
        out.push_str(&feature.and_then(|feature| feature.get(name)).map(|value| value.shown()).unwrap_or_default());
        rest = after;
    }
    out.push_str(rest);
    out
}
