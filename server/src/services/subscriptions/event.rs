//! Events as `CloudEvents` 1.0 in JSON.

use bricola_layers::cache::{Footprint, RowRef, Snapshot};
use bricola_layers::definition::Scope;
use bricola_layers::feature::FeatureId;
use bricola_layers::log::{Operation, Seq};
use chrono::{SecondsFormat, Utc};
use serde_json::{Value, json};

use super::place::Place;
use crate::services::feed::{Meaning, Told};

/// Of one event, and of several.
pub const MEDIA_TYPE: [&str; 2] = ["application/cloudevents+json", "application/cloudevents-batch+json"];
/// The zoom of the tiles by which copies are compared: about 1.7 km wide at 45 degrees.
pub const CELL_ZOOM: u8 = 14;

/// An event, and the place behind it.
#[derive(Debug, Clone)]
pub struct Event {
    /// Its change, or the one that a copy began at.
    pub seq: Seq,
    /// The layer.
    pub layer: String,
    /// The feature; none of the layer as a whole.
    pub feature: Option<FeatureId>,
    /// Unique in the subscription; the same when it is told again.
    pub id: String,
    /// As JSON.
    pub text: Vec<u8>,
    /// Where the subscription stands once it was taken.
    pub behind: Place,
}

/// Who tells, and how a feature is written.
pub struct Teller<'a> {
    /// The subscription.
    pub subscription: &'a str,
    /// The server's address, or nothing.
    pub base: &'a str,
    /// What may be seen.
    pub scope: Scope,
}

/// The tile about the middle of a feature's box, as `14/8765/5843`; without a place there is none.
pub fn cell(row: RowRef<'_>) -> Option<String> {
    let (min, max) = Footprint::of(row).bounds()?;
    let tile = |axis: usize| min[axis].midpoint(max[axis]) >> (32 - CELL_ZOOM);
    Some(format!("{CELL_ZOOM}/{}/{}", tile(0), tile(1)))
}

/// Events of one request.
pub fn batch(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::with_capacity(events.iter().map(|event| event.text.len() + 1).sum::<usize>() + 2);
    out.push(b'[');
    for (place, event) in events.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        out.extend_from_slice(&event.text);
    }
    out.push(b']');
    out
}

impl Teller<'_> {
    /// Everything of an event but its data, without the closing brace.
    fn head(&self, id: &str, kind: &str, layer: &str, feature: Option<FeatureId>, time: &str, seq: Seq) -> Vec<u8> {
        let subject = feature.map_or_else(|| layer.to_owned(), |feature| format!("{layer}/{feature}"));
        let head = json!({
            "specversion": "1.0", "id": id, "source": format!("{}/collections/{layer}", self.base), "type": kind,
            "subject": subject, "time": time, "datacontenttype": "application/json",
            "subscription": self.subscription, "sequence": format!("{seq:020}"),
        });
        let mut text = head.to_string().into_bytes();
        text.pop();
        text
    }

    /// A change of a feature, or of a layer as a whole.
    pub fn change(&self, told: &Told, meaning: Meaning, fields: Option<&[usize]>, behind: Place) -> Event {
        let change = &told.change;
        let kind = match change.operation {
            Operation::Insert => "bricola.feature.insert",
            Operation::Update => "bricola.feature.update",
            Operation::Delete => "bricola.feature.delete",
            Operation::Replace => "bricola.layer.replace",
        };
        let id = change.seq.to_string();
        let mut text = self.head(&id, kind, &change.layer, change.id, &change.at, change.seq);
        text.extend_from_slice(b",\"data\":");
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut text, change);
        text.pop();
        if let Some(word) = meaning.word() {
            text.extend_from_slice(format!(",\"selection\":\"{word}\"").as_bytes());
        }
        let (before, after) = (told.before(), told.after());
        if let Some(row) = after.ok().flatten().or(before.ok().flatten()) {
            text.extend_from_slice(Self::place_of(row).as_bytes());
        }
        for (name, image) in [("before", before), ("after", after)] {
            let (Ok(image), Some(snapshot)) = (image, told.snapshot()) else { continue };
            text.extend_from_slice(format!(",\"{name}\":").as_bytes());
            match image {
                None => text.extend_from_slice(b"null"),
                Some(row) => self.feature(snapshot, row, fields, &mut text),
            }
        }
        text.extend_from_slice(b"}}");
        Event { seq: change.seq, layer: change.layer.clone(), feature: change.id, id, text, behind }
    }

    /// A feature of a copy.
    pub fn copied(
        &self,
        snapshot: &Snapshot,
        row: RowRef<'_>,
        fields: Option<&[usize]>,
        at: Seq,
        behind: Place,
    ) -> Event {
        let layer = snapshot.definition().id.clone();
        let id = format!("copy-{at}-{layer}-{}", row.id());
        let mut text = self.head(&id, "bricola.feature.copy", &layer, Some(row.id()), &now(), at);
        let data =
            format!(",\"data\":{{\"seq\":{at},\"layer\":{},\"id\":{}{}", json!(layer), row.id(), Self::place_of(row));
        text.extend_from_slice(data.as_bytes());
        text.extend_from_slice(b",\"after\":");
        self.feature(snapshot, row, fields, &mut text);
        text.extend_from_slice(b"}}");
        Event { seq: at, layer, feature: Some(row.id()), id, text, behind }
    }

    /// Something that is told of a layer as a whole: that its copy begins or ends, or that it is not there any more.
    pub fn layer(&self, kind: &str, layer: &str, seq: Seq, more: Value, behind: Place) -> Event {
        let id = format!("{}-{seq}-{layer}", kind.trim_start_matches("bricola.").replace('.', "-"));
        let mut text = self.head(&id, kind, layer, None, &now(), seq);
        let mut data = json!({"seq": seq, "layer": layer});
        if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
            data.extend(more);
        }
        text.extend_from_slice(format!(",\"data\":{data}}}").as_bytes());
        Event { seq, layer: layer.to_owned(), feature: None, id, text, behind }
    }

    /// Version and tile of a feature.
    fn place_of(row: RowRef<'_>) -> String {
        let version = row.base.version(row.row);
        cell(row).map_or_else(
            || format!(",\"version\":{version},\"cell\":null"),
            |cell| format!(",\"version\":{version},\"cell\":\"{cell}\""),
        )
    }

    fn feature(&self, snapshot: &Snapshot, row: RowRef<'_>, fields: Option<&[usize]>, out: &mut Vec<u8>) {
        let writer = snapshot.writer(self.scope);
        match fields {
            Some(fields) => writer.only(fields).write(out, row),
            None => writer.write(out, row),
        }
    }
}

fn now() -> String {
    Utc::now().to_rfc3339_opts(SecondsFormat::Millis, true)
}
