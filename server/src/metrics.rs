//! Counters and clocks for Prometheus.
//!
//! Handles of the hot path are looked up once per route and status and kept, so that counting a request costs
//! a few atomic additions.

use std::collections::HashMap;
use std::sync::RwLock;
use std::time::Duration;

use http::{Method, StatusCode};
use metrics::{Counter, Gauge, Histogram, Key, Label, Level, Metadata, Recorder as _, SharedString, Unit};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

static METADATA: Metadata<'static> = Metadata::new("bricola", Level::INFO, None);

/// Upper bounds of the latency buckets, in seconds.
const LATENCY_SECONDS: &[f64] =
    &[0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];

/// The recorder and the handles that were handed out.
pub struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    routes: RwLock<HashMap<Box<str>, Vec<Handles>>>,
    panics: Counter,
    tile_hits: Counter,
    tile_misses: Counter,
    store_questions: Counter,
}

impl Metrics {
    /// An empty set.
    pub fn new() -> Self {
        let latency = Matcher::Full("bricola_http_request_seconds".to_owned());
        let builder = PrometheusBuilder::new();
        // The buckets are a constant and not empty, which is all that can be wrong with them.
        let builder =
            builder.set_buckets_for_metric(latency, LATENCY_SECONDS).unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        for (name, unit, text) in [
            ("bricola_http_requests_total", Unit::Count, "Requests answered, by method, route and status"),
            (
                "bricola_http_request_seconds",
                Unit::Seconds,
                "Time from the head of a request to the head of its answer",
            ),
            ("bricola_panics_total", Unit::Count, "Panics caught; each is a bug"),
            ("bricola_tile_cache_total", Unit::Count, "Tiles asked of the cache, by result"),
            ("bricola_store_questions_total", Unit::Count, "Questions that answers asked of the store"),
            ("bricola_store_age_seconds", Unit::Seconds, "Seconds since the store answered, while it does not"),
            ("bricola_reloads", Unit::Count, "Layers that were read as a whole again"),
            ("bricola_setbacks", Unit::Count, "Times that the change log was found set back"),
            ("bricola_doubts", Unit::Count, "Times that garbled answers of the store had all read anew"),
            ("bricola_streams", Unit::Count, "Event streams that are open"),
            ("bricola_tile_cache_bytes", Unit::Bytes, "Bytes in the tile cache"),
            ("bricola_tile_cache_entries", Unit::Count, "Tiles in the tile cache"),
            ("bricola_layers_unreadable", Unit::Count, "Layers of the store that this version cannot read"),
            ("bricola_layer_ready", Unit::Count, "1 when the layer is in memory"),
            ("bricola_layer_features", Unit::Count, "Features of the layer in memory"),
            ("bricola_layer_bytes", Unit::Bytes, "Memory that the layer takes, roughly"),
            ("bricola_layer_reads", Unit::Count, "How often the whole layer was read from the store"),
            ("bricola_layer_seq", Unit::Count, "Last change of the layer that is in memory"),
            ("bricola_seq", Unit::Count, "Last change that is in memory"),
            ("bricola_uptime_seconds", Unit::Seconds, "Time since the start"),
        ] {
            let (name, text) = (name.into(), SharedString::from(text));
            if name == "bricola_http_request_seconds".into() {
                recorder.describe_histogram(name, Some(unit), text);
            } else if name.as_str().ends_with("_total") {
                recorder.describe_counter(name, Some(unit), text);
            } else {
                recorder.describe_gauge(name, Some(unit), text);
            }
        }
        let counter = |name: &'static str, labels: Vec<Label>| {
            recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
        };
        let cache = |result: &'static str| counter("bricola_tile_cache_total", vec![Label::new("result", result)]);
        Self {
            handle,
            routes: RwLock::default(),
            panics: counter("bricola_panics_total", vec![]),
            tile_hits: cache("hit"),
            tile_misses: cache("miss"),
            store_questions: counter("bricola_store_questions_total", vec![]),
            recorder,
        }
    }

    /// Counts an answer. `pattern` is the route, never the path, so that the number of series is bounded.
    pub fn request(&self, method: &Method, pattern: &str, status: StatusCode, seconds: f64) {
        let method = METHODS.iter().find(|name| **name == method.as_str()).copied().unwrap_or("OTHER");
        if let Ok(routes) = self.routes.read()
            && let Some(known) = routes.get(pattern)
            && let Some(handles) = known.iter().find(|handles| handles.method == method && handles.status == status)
        {
            handles.answers.increment(1);
            handles.seconds.record(seconds);
            return;
        }
        let labels = vec![
            Label::new("method", method),
            Label::new("route", pattern.to_owned()),
            Label::new("status", status.as_u16().to_string()),
        ];
        let answers =
            self.recorder.register_counter(&Key::from_parts("bricola_http_requests_total", labels), &METADATA);
        let route = vec![Label::new("route", pattern.to_owned())];
        let clock =
            self.recorder.register_histogram(&Key::from_parts("bricola_http_request_seconds", route), &METADATA);
        answers.increment(1);
        clock.record(seconds);
        if let Ok(mut routes) = self.routes.write() {
            routes.entry(pattern.into()).or_default().push(Handles { method, status, answers, seconds: clock });
        }
    }

    /// Counts a panic.
    pub fn panic(&self) {
        self.panics.increment(1);
    }

    /// Counts a question to the tile cache.
    pub fn tile(&self, hit: bool) {
        if hit { self.tile_hits.increment(1) } else { self.tile_misses.increment(1) }
    }

    /// Counts a question to the store.
    pub fn store_question(&self) {
        self.store_questions.increment(1);
    }

    /// A gauge, by name and at most one label.
    pub fn gauge(&self, name: &'static str, label: Option<(&'static str, &str)>) -> Gauge {
        let labels: Vec<Label> = label.into_iter().map(|(name, value)| Label::new(name, value.to_owned())).collect();
        self.recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
    }

    /// The text that Prometheus reads.
    pub fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds recorded times into their buckets; without it they would pile up until somebody asks.
    pub async fn upkeep(&self) {
        let mut clock = tokio::time::interval(Duration::from_secs(5));
        loop {
            clock.tick().await;
            self.handle.run_upkeep();
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

const METHODS: [&str; 4] = ["GET", "HEAD", "POST", "OPTIONS"];

/// Where the answers of one route with one method and status are counted.
struct Handles {
    method: &'static str,
    status: StatusCode,
    answers: Counter,
    seconds: Histogram,
}
