//! What a caller may see.

use super::{FieldDefinition, LayerDefinition, Visibility};

/// The visibilities that a caller is cleared for. Computed once per request; part of every cache key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Scope {
    cleared: u8,
}

impl Scope {
    /// Everybody.
    pub const PUBLIC: Self = Self { cleared: 1 << Visibility::Public as u8 };
    /// All layers and fields: for tools that run on the store itself, and for demonstrations.
    pub const EVERYTHING: Self = Self { cleared: u8::MAX };

    /// This scope and one visibility more.
    #[must_use]
    pub const fn with(self, visibility: Visibility) -> Self {
        Self { cleared: self.cleared | 1 << visibility as u8 }
    }

    /// Whether the caller is cleared for a visibility.
    pub const fn sees(self, visibility: Visibility) -> bool {
        self.cleared & 1 << visibility as u8 != 0
    }

    /// Whether the caller may know of a layer.
    pub const fn sees_layer(self, definition: &LayerDefinition) -> bool {
        self.sees(definition.visibility)
    }

    /// The fields of a layer that the caller may read, with their positions.
    pub fn fields(self, definition: &LayerDefinition) -> impl Iterator<Item = (usize, &FieldDefinition)> {
        definition.fields.iter().enumerate().filter(move |(_, field)| self.sees(field.visibility))
    }
}
