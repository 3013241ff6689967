//! Styles that are kept beside the layers.

use serde::{Deserialize, Serialize};

/// A style as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredStyle {
    /// Its identifier.
    pub id: String,
    /// The style as JSON.
    pub document: String,
    /// When it was last written (UTC, RFC 3339).
    pub changed: String,
}

/// What is to become of a style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StyleEdit {
    /// Its identifier.
    pub id: String,
    /// What the editor saw; `None` where there was none.
    pub seen: Option<String>,
    /// What it is to be; `None` to take it away.
    pub document: Option<String>,
}
