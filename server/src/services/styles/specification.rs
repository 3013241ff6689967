//! The table of the `MapLibre` style specification: what properties there are and which values they take.
//!
//! `styles/specification.json` is written by `styles/check/specification.js` out of `@maplibre/maplibre-gl-style-spec`.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;
use serde_json::Value as Json;

use super::expression::Kind;

/// A property and what it takes.
#[allow(clippy::struct_excessive_bools)] // As the specification has them.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Property {
    /// The type of its values.
    #[serde(rename = "type")]
    pub kind: String,
    /// The type of the items of a list.
    pub value: Option<Json>,
    /// How many items a list has.
    pub length: Option<usize>,
    /// Smallest number.
    pub minimum: Option<f64>,
    /// Largest number.
    pub maximum: Option<f64>,
    /// Whether it has to be there.
    #[serde(default)]
    pub required: bool,
    /// Whether `{name}` in a text stands for a field.
    #[serde(default)]
    pub tokens: bool,
    /// Whether it may change gradually.
    #[serde(default)]
    pub transition: bool,
    /// The words that it takes.
    #[serde(default)]
    pub values: Vec<Json>,
    /// What holds where it is not there.
    #[serde(default)]
    pub default: Json,
    /// Whether it may be an expression.
    #[serde(default)]
    pub expression: bool,
    /// Whether that may be an `interpolate`.
    #[serde(default)]
    pub interpolated: bool,
    /// What expressions may read.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// How its values depend on features.
    #[serde(rename = "kind")]
    pub dependence: Option<String>,
}

impl Property {
    /// Whether its values may be of features.
    pub fn is_of_features(&self) -> bool {
        matches!(self.dependence.as_deref(), Some("data-driven" | "cross-faded-data-driven"))
    }

    /// Whether its values may depend on the zoom.
    pub fn is_of_zoom(&self) -> bool {
        self.parameters.iter().any(|parameter| parameter == "zoom")
    }

    /// What an expression in its place has to give.
    pub fn expected(&self) -> Option<Kind> {
        let of = |name: &str| {
            Some(match name {
                "color" => Kind::Color,
                "string" | "enum" => Kind::String,
                "number" => Kind::Number,
                "boolean" => Kind::Boolean,
                "formatted" => Kind::Formatted,
                "padding" => Kind::Padding,
                "numberArray" => Kind::NumberArray,
                "colorArray" => Kind::ColorArray,
                "projectionDefinition" => Kind::Projection,
                "resolvedImage" => Kind::Image,
                "variableAnchorOffsetCollection" => Kind::Anchors,
                _ => return None,
            })
        };
        if self.kind == "array" {
            let item = self.value.as_ref().and_then(Json::as_str).and_then(of).unwrap_or(Kind::Value);
            return Some(Kind::Array(Box::new(item), self.length));
        }
        of(&self.kind)
    }
}

/// Properties by name.
pub type Group = BTreeMap<String, Property>;

/// The whole table.
#[derive(Debug, Clone, Deserialize)]
pub struct Specification {
    /// Members of a style.
    pub root: Group,
    /// Members of a source of vector tiles.
    pub source: Group,
    /// Members of a style layer.
    pub layer: Group,
    /// Members of `light`.
    pub light: Group,
    /// Members of `sky`.
    pub sky: Group,
    /// Members of a transition.
    pub transition: Group,
    /// Layout properties by the type of the style layer.
    pub layout: BTreeMap<String, Group>,
    /// Paint properties by the type of the style layer.
    pub paint: BTreeMap<String, Group>,
}

/// The specification, version 8.
pub static SPECIFICATION: LazyLock<Specification> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../../../../styles/specification.json")).expect("the tests parse the table")
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_what_styles_need() {
        let fill = &SPECIFICATION.paint["fill"];
        assert!(
            fill["fill-color"].is_of_features() && fill["fill-color"].is_of_zoom() && fill["fill-color"].interpolated
        );
        assert!(!fill["fill-antialias"].is_of_features());
        assert_eq!(
            SPECIFICATION.layout["symbol"]["text-font"].expected(),
            Some(Kind::Array(Box::new(Kind::String), None))
        );
        assert_eq!(SPECIFICATION.layer["type"].values.len(), 10);
    }
}
