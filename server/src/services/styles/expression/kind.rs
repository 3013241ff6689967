//! Types of expressions (`MapLibre` Style Specification, Expressions, Types).

use std::fmt;

/// What an expression gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Nothing.
    Null,
    /// A number.
    Number,
    /// A text.
    String,
    /// True or false.
    Boolean,
    /// A colour.
    Color,
    /// Names and values.
    Object,
    /// Anything: only known when it is evaluated.
    Value,
    /// A list of one kind, of this length if it is known.
    Array(Box<Self>, Option<usize>),
    /// Never a value: evaluation ends there.
    Error,
    /// A way to compare texts.
    Collator,
    /// A text in parts.
    Formatted,
    /// Distances at four sides.
    Padding,
    /// Numbers.
    NumberArray,
    /// Colours.
    ColorArray,
    /// The name of an icon.
    Image,
    /// Anchors with offsets.
    Anchors,
    /// A projection.
    Projection,
}

impl Kind {
    /// A list of anything.
    pub fn list() -> Self {
        Self::Array(Box::new(Self::Value), None)
    }

    /// Whether all that is of the kind `other` is of this one too.
    pub fn holds(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Error) => true,
            (Self::Array(item, length), Self::Array(other_item, other_length)) => {
                let is_empty = *other_length == Some(0) && **other_item == Self::Value;
                (is_empty || item.holds(other_item)) && length.is_none_or(|length| *other_length == Some(length))
            }
            (Self::Value, Self::Array(item, _)) => Self::Value.holds(item),
            (Self::Value, other) => *other != Self::Collator,
            (own, other) => own == other,
        }
    }

    /// Whether there is something between two values of it.
    pub fn is_interpolatable(&self) -> bool {
        match self {
            Self::Number
            | Self::Color
            | Self::Padding
            | Self::NumberArray
            | Self::ColorArray
            | Self::Anchors
            | Self::Projection => true,
            Self::Array(item, length) => **item == Self::Number && length.is_some(),
            _ => false,
        }
    }

    /// Whether both are of one sort, lists of whatever included.
    pub fn is_like(&self, other: &Self) -> bool {
        matches!((self, other), (Self::Array(..), Self::Array(..))) || self == other
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Array(item, Some(length)) => return write!(out, "array<{item}, {length}>"),
            Self::Array(item, None) if **item == Self::Value => "array",
            Self::Array(item, None) => return write!(out, "array<{item}>"),
            Self::Null => "null",
            Self::Number => "number",
            Self::String => "string",
            Self::Boolean => "boolean",
            Self::Color => "color",
            Self::Object => "object",
            Self::Value => "value",
            Self::Error => "error",
            Self::Collator => "collator",
            Self::Formatted => "formatted",
            Self::Padding => "padding",
            Self::NumberArray => "numberArray",
            Self::ColorArray => "colorArray",
            Self::Image => "resolvedImage",
            Self::Anchors => "variableAnchorOffsetCollection",
            Self::Projection => "projectionDefinition",
        };
        out.write_str(name)
    }
}
