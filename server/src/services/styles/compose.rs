//! Style documents (`MapLibre` Style Specification, version 8) out of the layers that are there.

use std::collections::{BTreeMap, BTreeSet};

use bricola_layers::definition::{LayerDefinition, Text, Theme};
use bricola_layers::tile::LABEL_SUFFIX;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{StyleError, automatic, shipped};

/// Id of the composed map of everything; any other style id is a layer's.
pub const CITY: &str = "city";

/// One line of the list of styles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StyleSummary {
    /// Style id: [`CITY`] or a layer id.
    pub id: String,
    /// Title for people.
    pub title: Text,
}

/// The styles that can be composed from these layers: the city map first, then one per layer in order of id.
pub fn summaries(present: &[&LayerDefinition]) -> Vec<StyleSummary> {
    let city = Text { it: "Carta della città".to_owned(), en: "City map".to_owned() };
    let mut layers: Vec<_> =
        present.iter().map(|d| StyleSummary { id: d.id.clone(), title: d.title.clone() }).collect();
    layers.sort_by(|a, b| a.id.cmp(&b.id));
    layers.insert(0, StyleSummary { id: CITY.to_owned(), title: city });
    layers
}

/// The style document `style_id` for the layers that are present (and that the caller may see).
///
/// `base_url` is the absolute URL under which `/tiles`, `/fonts` and `/sprites` answer. There is one vector source
/// per theme, named after it, so that a map of thirty layers asks for nine tiles and not for thirty. Two sorts of
/// layers get a source beside it: those whose own tiles end at another zoom, and those that the style draws only
/// well after their tiles begin (parcels), which would weigh on every tile before. Where such a layer is named only well
/// after it is drawn, its label points have one more, for the same reason: of parcels they are a fifth of the bytes.
///
/// # Errors
/// [`StyleError::UnknownStyle`] when it is neither [`CITY`] nor the id of a present layer.
pub fn compose(present: &[&LayerDefinition], base_url: &str, style_id: &str) -> Result<Value, StyleError> {
    let base = base_url.trim_end_matches('/');
    let one = present.iter().find(|definition| definition.id == style_id);
    let mut chosen: Vec<Drawn> = match one {
        _ if style_id == CITY => present.iter().map(|definition| Drawn::new(definition)).collect(),
        Some(definition) => vec![Drawn::new(definition)],
        None => return Err(unknown(present, style_id)),
    };
    chosen.sort_by(|a, b| a.definition.id.cmp(&b.definition.id));
    let sources = sources(&chosen, base);
    let mut layers: Vec<(usize, &Value, String)> = Vec::new();
    for drawn in &chosen {
        layers.extend(drawn.layers.iter().map(|layer| (place(layer), layer, drawn.source(&chosen, tile_layer(layer)))));
    }
    layers.sort_by_key(|(place, ..)| *place);
    let ground = shipped::ground().iter().cloned();
    let layers = layers.into_iter().map(|(_, layer, source)| placed(layer, &source, style_id != CITY));
    let name = one.map_or(shipped::city_name(), |definition| definition.title.it.as_str());
    Ok(json!({
        "version": 8,
        "name": name,
        "metadata": { "bricola:style": style_id, "bricola:layers": tree(&chosen, style_id != CITY) },
        "sources": sources,
        "sprite": format!("{base}/sprites/city"),
        "glyphs": format!("{base}/fonts/{{fontstack}}/{{range}}.pbf"),
        "layers": ground.chain(layers).collect::<Vec<_>>(),
    }))
}

/// A layer and the style layers that draw it.
struct Drawn<'a> {
    definition: &'a LayerDefinition,
    layers: Vec<Value>,
}

impl<'a> Drawn<'a> {
    fn new(definition: &'a LayerDefinition) -> Self {
        // A table of the database that is named as one of ours has columns of its own.
        let shipped = shipped::style_layers(definition).filter(|_| definition.theme != Theme::Other);
        let mut layers = shipped.map_or_else(|| automatic::style_layers(definition), <[Value]>::to_vec);
        if !definition.has_label_points() {
            // An office may have redefined it without what names its features.
            for layer in &mut layers {
                layer["source-layer"] = definition.id.as_str().into();
            }
        }
        Self { definition, layers }
    }

    /// What tiles must hold to draw it: its features, its label points, or both.
    fn tile_layers(&self) -> impl Iterator<Item = String> + use<> {
        let id = &self.definition.id;
        let names = [id.clone(), format!("{id}{LABEL_SUFFIX}")];
        let drawn: BTreeSet<&str> = self.layers.iter().map(tile_layer).collect();
        names.map(|name| drawn.contains(name.as_str()).then_some(name)).into_iter().flatten()
    }

    /// First zoom at which something of it is drawn.
    fn drawn_from(&self) -> u8 {
        self.first(|_| true)
    }

    fn first(&self, of: impl Fn(&&Value) -> bool) -> u8 {
        let first = |layer: &Value| layer["minzoom"].as_u64().unwrap_or(0) as u8;
        self.layers.iter().filter(of).map(first).min().unwrap_or(0).max(self.definition.zoom.min)
    }

    /// Whether it is drawn only well after its tiles begin.
    fn is_late(&self) -> bool {
        self.drawn_from() > self.definition.zoom.min + 1
    }

    /// First zoom at which a tile layer of it is asked for.
    fn asked_from(&self, name: &str) -> u8 {
        let (drawn, own) = (self.drawn_from(), self.first(|layer| tile_layer(layer) == name));
        if self.is_late() && own > drawn + 1 { own } else { drawn }
    }

    /// Id of the source that carries a tile layer of it among `chosen`.
    fn source(&self, chosen: &[Self], name: &str) -> String {
        let zoom = self.definition.zoom;
        let theme = self.definition.theme;
        if theme == Theme::Other {
            // There may be a thousand, of which a map shows a few.
            return self.definition.id.clone();
        }
        let last = chosen.iter().filter(|d| d.definition.theme == theme).map(|d| d.definition.zoom.max).max();
        let mut id = theme_name(theme);
        let from = self.asked_from(name);
        if self.is_late() && (chosen.len() > 1 || from > self.drawn_from()) {
            id = format!("{id}-from-{from}");
        }
        if last != Some(zoom.max) {
            id = format!("{id}-to-{}", zoom.max);
        }
        id
    }
}

/// The layer of a tile that a style layer draws.
fn tile_layer(layer: &Value) -> &str {
    layer["source-layer"].as_str().unwrap_or_default()
}

/// Place of a style layer in the drawing order, bottom first; labels without one go on top.
fn place(layer: &Value) -> usize {
    let known = layer["id"].as_str().and_then(shipped::place);
    known.unwrap_or_else(|| if layer["type"] == "symbol" { usize::MAX } else { shipped::automatic_place() })
}

fn theme_name(theme: Theme) -> String {
    json!(theme).as_str().unwrap_or_default().to_owned()
}

fn sources(chosen: &[Drawn], base: &str) -> Map<String, Value> {
    let mut groups: BTreeMap<String, Vec<(&Drawn, String)>> = BTreeMap::new();
    for drawn in chosen {
        for name in drawn.tile_layers() {
            groups.entry(drawn.source(chosen, &name)).or_default().push((drawn, name));
        }
    }
    let source = |(id, group): (String, Vec<(&Drawn, String)>)| {
        let ids: Vec<&str> = group.iter().map(|(_, name)| &**name).collect();
        let attributions: BTreeSet<&str> =
            group.iter().filter_map(|(drawn, _)| drawn.definition.attribution.as_deref()).collect();
        let mut source = json!({
            "type": "vector",
            "tiles": [format!("{base}/tiles/{}/{{z}}/{{x}}/{{y}}", ids.join(","))],
            "minzoom": group.iter().map(|(drawn, name)| drawn.asked_from(name)).min(),
            "maxzoom": group.iter().map(|(drawn, _)| drawn.definition.zoom.max).max(),
        });
        if !attributions.is_empty() {
            source["attribution"] = Vec::from_iter(attributions).join(" | ").into();
        }
        (id, source)
    };
    groups.into_iter().map(source).collect()
}

/// A style layer with its source; `shown` overrides what the city map hides at first.
fn placed(layer: &Value, source: &str, shown: bool) -> Value {
    let mut placed = layer.clone();
    placed["source"] = source.into();
    if shown && let Some(layout) = placed.get_mut("layout").and_then(Value::as_object_mut) {
        layout.remove("visibility");
    }
    placed
}

/// What a viewer needs for its layer tree, without reading the definitions.
fn tree(chosen: &[Drawn], shown: bool) -> Vec<Value> {
    let hidden = |drawn: &Drawn| drawn.layers.iter().all(|layer| layer["layout"]["visibility"] == "none");
    let line = |drawn: &Drawn| {
        let LayerDefinition { id, title, theme, zoom, .. } = drawn.definition;
        json!({
            "id": id, "title": title, "theme": theme, "source": drawn.source(chosen, id), "visible": shown || !hidden(drawn),
            "minzoom": zoom.min, "maxzoom": zoom.max, "drawn_from": drawn.drawn_from(),
        })
    };
    chosen.iter().map(line).collect()
}

fn unknown(present: &[&LayerDefinition], style_id: &str) -> StyleError {
    let available = summaries(present).into_iter().map(|summary| summary.id).collect();
    StyleError::UnknownStyle { id: style_id.to_owned(), available }
}
