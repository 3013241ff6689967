//! What every route shares.

use std::time::Instant;

use tokio::sync::Semaphore;

use crate::config::Config;
use crate::metrics::Metrics;

/// The server as its routes see it.
pub struct App {
    /// Configuration in force.
    pub config: Config,
    /// Counters and clocks.
    pub metrics: Metrics,
    /// As many permits as requests may be worked on at the same time.
    pub requests: Semaphore,
    /// When the process became a server.
    pub started: Instant,
}

impl App {
    /// Puts the parts together.
    pub fn new(config: Config) -> Self {
        let requests = Semaphore::new(config.limits.concurrent_requests);
        Self { config, metrics: Metrics::new(), requests, started: Instant::now() }
    }
}
