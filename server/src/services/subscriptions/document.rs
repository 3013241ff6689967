//! What a subscription is, as its owner writes it.

use bricola_layers::limits::{MAX_COMPOSITE_LAYERS, MAX_FOLLOWER_NAME};
use bricola_layers::log::Seq;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::allowed::host_of;

/// Events of one request at most.
const MAX_EVENTS: u32 = 500;
/// Seconds that a subscriber may take at most.
const MAX_SECONDS: u32 = 60;
/// Days that the log is kept for a subscriber at most, where it is not for ever.
const MAX_DAYS: u32 = 36_500;

/// A subscription.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The layers.
    pub layers: Vec<String>,
    /// A condition in CQL2, as text or as JSON: only features of which it holds, or held before the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filter: Option<Value>,
    /// Only features in this box: west, south, east, north in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bbox: Option<[f64; 4]>,
    /// Only features that meet this geometry of GeoJSON, in degrees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub area: Option<Value>,
    /// Only these fields are told; all that may be seen where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
    /// Where it begins.
    #[serde(default)]
    pub start: Start,
    /// How it is delivered.
    pub delivery: Delivery,
    /// For how many days the log is kept for a subscriber who is not heard of; for ever where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience_days: Option<u32>,
    /// Whether nothing is delivered for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub paused: bool,
}

/// Where a subscription begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", untagged)]
pub enum Start {
    /// With what comes.
    #[default]
    #[serde(with = "now")]
    Now,
    /// With a copy of what there is, and then with what has come since.
    #[serde(with = "copy")]
    Copy,
    /// Behind a change.
    After(Seq),
}

macro_rules! word {
    ($name:ident, $text:literal) => {
        mod $name {
            use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

            pub fn serialize<S: Serializer>(serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str($text)
            }

            pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
                let text = String::deserialize(deserializer)?;
                if text == $text { Ok(()) } else { Err(D::Error::custom(concat!("is not ", $text))) }
            }
        }
    };
}

word!(now, "now");
word!(copy, "copy");

/// How a subscription is delivered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Delivery {
    /// The subscriber fetches: page by page, or as a stream.
    Pull,
    /// It is sent to a URL.
    Webhook {
        /// Where to.
        url: String,
        /// Events of one request at most; with 1 each comes alone.
        #[serde(default = "usual_events")]
        events_per_request: u32,
        /// Seconds that the subscriber may take for an answer.
        #[serde(default = "usual_seconds")]
        timeout_s: u32,
        /// How requests are signed.
        #[serde(default)]
        signature: Signature,
    },
}

/// How requests are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Signature {
    /// With a secret that both know (Standard Webhooks 1: `webhook-id`, `webhook-timestamp`, `webhook-signature`).
    #[default]
    Standard,
    /// With a key of the ente (ModI, `INTEGRITY_REST_02`: `Digest`, `Agid-JWT-Signature`).
    Modi,
}

const fn usual_events() -> u32 {
    100
}

const fn usual_seconds() -> u32 {
    10
}

/// What is wrong in a document, and where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer.
    pub pointer: String,
    /// What is wrong, and what to do.
    pub reason: String,
}

impl Fault {
    /// At a place.
    pub fn at(pointer: &str, reason: impl Into<String>) -> Self {
        Self { pointer: pointer.to_owned(), reason: reason.into() }
    }
}

/// Whether a text is the name of a subscription: lower-case letters, digits, `-`, `_` and `.`.
pub fn is_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'-' | b'_' | b'.');
    let begins = id.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric);
    begins && id.len() <= MAX_FOLLOWER_NAME && id.bytes().all(plain)
}

impl Document {
    /// What is wrong with it by itself, whatever layers there are.
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        if self.layers.is_empty() || self.layers.len() > MAX_COMPOSITE_LAYERS {
            faults.push(Fault::at("/layers", format!("must name 1 to {MAX_COMPOSITE_LAYERS} layers")));
        }
        for (place, layer) in self.layers.iter().enumerate() {
            if self.layers[..place].contains(layer) {
                faults.push(Fault::at(&format!("/layers/{place}"), format!("names {layer} twice")));
            }
        }
        if let Some(filter) = &self.filter
            && !(filter.is_string() || filter.is_object())
        {
            faults.push(Fault::at("/filter", "must be CQL2: a text, or a JSON object"));
        }
        if let Start::After(seq) = self.start
            && seq < 0
        {
            faults.push(Fault::at("/start", "must be \"now\", \"copy\" or the number of a change"));
        }
        if self.patience_days.is_some_and(|days| !(1..=MAX_DAYS).contains(&days)) {
            faults.push(Fault::at("/patience_days", format!("must be 1 to {MAX_DAYS} days, or absent: for ever")));
        }
        match &self.delivery {
            Delivery::Pull => {}
            Delivery::Webhook { url, events_per_request, timeout_s, .. } => {
                if let Err(reason) = host_of(url) {
                    faults.push(Fault::at("/delivery/url", reason));
                }
                if !(1..=MAX_EVENTS).contains(events_per_request) {
                    faults.push(Fault::at("/delivery/events_per_request", format!("must be 1 to {MAX_EVENTS}")));
                }
                if !(1..=MAX_SECONDS).contains(timeout_s) {
                    faults.push(Fault::at("/delivery/timeout_s", format!("must be 1 to {MAX_SECONDS} seconds")));
                }
            }
        }
        faults
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_document_says_where_it_begins() {
        for (start, read) in [(json!("now"), Start::Now), (json!("copy"), Start::Copy), (json!(17), Start::After(17))] {
            let text = json!({"layers": ["parcels"], "start": start, "delivery": {"kind": "pull"}});
            let document: Document = serde_json::from_value(text.clone()).expect("a document");
            assert_eq!(document.start, read);
            assert_eq!(serde_json::to_value(&document).expect("JSON")["start"], text["start"]);
        }
        let wrong = json!({"layers": ["parcels"], "start": "yesterday", "delivery": {"kind": "pull"}});
        assert!(serde_json::from_value::<Document>(wrong).is_err());
        let unknown = json!({"layers": ["parcels"], "colour": "red", "delivery": {"kind": "pull"}});
        assert!(serde_json::from_value::<Document>(unknown).is_err());
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let document: Document = serde_json::from_value(json!({
            "layers": ["a", "a"], "filter": 1, "patience_days": 0,
            "delivery": {"kind": "webhook", "url": "ftp://x", "events_per_request": 0, "timeout_s": 100},
        }))
        .expect("a document");
        let pointers: Vec<String> = document.faults().into_iter().map(|fault| fault.pointer).collect();
        let all = [
            "/layers/1",
            "/filter",
            "/patience_days",
            "/delivery/url",
            "/delivery/events_per_request",
            "/delivery/timeout_s",
        ];
        assert_eq!(pointers, all);
    }

    #[test]
    fn names() {
        assert!(is_id("tributi.2026-a_b") && is_id("1"));
        assert!(!is_id("") && !is_id("Tributi") && !is_id("-a") && !is_id("a/b") && !is_id(&"a".repeat(500)));
    }
}
