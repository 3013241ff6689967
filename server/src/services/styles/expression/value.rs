//! Values of expressions.

use std::str::FromStr as _;
use std::sync::Arc;

use serde_json::Value as Json;

use super::kind::Kind;

/// A colour: red, green, blue and opacity from 0 to 1, not premultiplied.
pub type Color = [f32; 4];

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Boolean(bool),
    /// A number.
    Number(f64),
    /// A text.
    String(Arc<str>),
    /// A colour.
    Color(Color),
    /// A list.
    Array(Vec<Self>),
    /// Names and values.
    Object(Arc<serde_json::Map<String, Json>>),
}

impl Value {
    /// Of JSON.
    pub fn of(json: &Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(value) => Self::Boolean(*value),
            Json::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Json::String(text) => Self::text(text),
            Json::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Json::Object(members) => Self::Object(Arc::new(members.clone())),
        }
    }

    /// A text.
    pub fn text(text: &str) -> Self {
        Self::String(text.into())
    }

    /// Its kind, as exactly as it can be told.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Null => Kind::Null,
            Self::Boolean(_) => Kind::Boolean,
            Self::Number(_) => Kind::Number,
            Self::String(_) => Kind::String,
            Self::Color(_) => Kind::Color,
            Self::Object(_) => Kind::Object,
            Self::Array(items) => {
                let mut kinds = items.iter().map(Self::kind);
                let first = kinds.next();
                let item = first.filter(|first| kinds.all(|kind| kind == *first)).unwrap_or(Kind::Value);
                Kind::Array(Box::new(item), Some(items.len()))
            }
        }
    }

    /// How many values it holds, itself included.
    pub fn weight(&self) -> usize {
        if let Self::Array(items) = self { 1 + items.iter().map(Self::weight).sum::<usize>() } else { 1 }
    }

    /// As a text, in the way of `to-string`.
    pub fn shown(&self) -> String {
        match self {
            Self::Null => String::new(),
            Self::Boolean(value) => value.to_string(),
            Self::Number(number) => shown(*number),
            Self::String(text) => text.to_string(),
            Self::Color([red, green, blue, alpha]) => {
                let byte = |channel: &f32| (channel * 255.0).round();
                format!("rgba({},{},{},{})", byte(red), byte(green), byte(blue), alpha)
            }
            Self::Array(_) | Self::Object(_) => self.json().to_string(),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Boolean(value) => Json::Bool(*value),
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 9e15 => Json::from(*number as i64),
            Self::Number(number) => Json::from(*number),
            Self::String(text) => Json::from(&**text),
            Self::Color(_) => Json::from(self.shown()),
            Self::Array(items) => items.iter().map(Self::json).collect(),
            Self::Object(members) => Json::Object((**members).clone()),
        }
    }

    /// The number, if it is one.
    pub fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// As a condition, in the way of `to-boolean`.
    pub fn is_true(&self) -> bool {
        match self {
            Self::Null => false,
            Self::Boolean(value) => *value,
            Self::Number(number) => *number != 0.0 && !number.is_nan(),
            Self::String(text) => !text.is_empty(),
            Self::Color(_) | Self::Array(_) | Self::Object(_) => true,
        }
    }

    /// The colour that it is or names.
    pub fn color(&self) -> Option<Color> {
        match self {
            Self::Color(color) => Some(*color),
            Self::String(text) => color(text),
            Self::Array(parts) if (3..=4).contains(&parts.len()) => {
                let parts: Option<Vec<f64>> = parts.iter().map(Self::number).collect();
                let parts = parts?;
                let alpha = parts.get(3).copied().unwrap_or(1.0);
                rgba(parts[0], parts[1], parts[2], alpha)
            }
            _ => None,
        }
    }
}

/// A number as texts of maps have it: whole ones without a point.
fn shown(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < 1e21 { format!("{number:.0}") } else { number.to_string() }
}

/// A colour of three bytes and an opacity; `None` outside of their ranges.
pub fn rgba(red: f64, green: f64, blue: f64, alpha: f64) -> Option<Color> {
    let is_sound = [red, green, blue].iter().all(|byte| (0.0..=255.0).contains(byte)) && (0.0..=1.0).contains(&alpha);
    is_sound.then(|| [red / 255.0, green / 255.0, blue / 255.0, alpha].map(|channel| channel as f32))
}

/// A colour as CSS writes it.
pub fn color(text: &str) -> Option<Color> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("transparent") {
        return Some([0.0; 4]);
    }
    // Words that are none of colours would be read as such of SVG.
    if ["currentcolor", "inherit", "none"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return None;
    }
    let color = svgtypes::Color::from_str(text).ok()?;
    Some([color.red, color.green, color.blue, color.alpha].map(|byte| f32::from(byte) / 255.0))
}
