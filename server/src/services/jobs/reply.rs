//! Where the outcome of a job is sent once it has ended, and how that fares.

use serde::{Deserialize, Serialize};

/// Whom to tell: as callbacks (OGC API Processes 1, Callback), or after ModI (`NONBLOCK_PUSH_REST`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The address of the server, as whoever asked knows it.
    pub base: String,
    /// Where results go.
    pub success: String,
    /// Where failures go.
    pub failure: Option<String>,
    /// Where it is told how far the job is.
    pub progress: Option<String>,
    /// Whether the job's name goes along as `X-Correlation-ID`.
    pub is_correlated: bool,
    /// How it fares.
    pub standing: Standing,
}

/// How it fares to tell the outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Standing {
    /// It is yet to be told, or to be told again.
    #[default]
    Waiting,
    /// Whoever asked has it.
    Sent,
    /// Whoever asked does not take it.
    GivenUp {
        /// Why.
        reason: String,
    },
}
