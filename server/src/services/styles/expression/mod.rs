//! Expressions of styles (`MapLibre` Style Specification, Expressions): read and typed once, for the validator, and
//! evaluated for features, for the static map.

mod calls;
mod choices;
mod curves;
mod evaluate;
mod forms;
mod kind;
mod parse;
mod texts;
mod tree;
mod value;

pub use evaluate::{Context, Subject};
pub use kind::Kind;
pub use parse::{Parser, Read, is_expression};
pub use tree::{Expression, Tree, Uses, ZoomCurve};
pub use value::{Color, Value, color};
