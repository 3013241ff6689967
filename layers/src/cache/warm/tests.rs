//! Files that were tampered with so that their checksums agree: refused or read, never a panic.

use std::io::Cursor;
use std::sync::Arc;

use geo_types::{Geometry, LineString, Point, Polygon};
use proptest::prelude::*;

use super::layer::{keep_base, keep_changes, revive_base, revive_changes};
use super::sections::{Sink, Source, WarmError};
use crate::cache::homes::Grown;
use crate::cache::{BaseBuilder, Snapshot};
use crate::definition::LayerDefinition;
use crate::feature::{Feature, StoredFeature, Value};
use crate::tile::{Part, TileId, TileOptions, render};

fn definition() -> LayerDefinition {
    let text = "id = \"things\"\ntitle = { it = \"\", en = \"\" }\ndescription = { it = \"\", en = \"\" }\n\
                theme = \"services\"\ngeometry = \"geometry\"\nlabel = \"name\"\ncrs = \"EPSG:4326\"\ntile_budget = 2000\n\
                field = [{ name = \"n\", type = \"integer\", title = { it = \"\", en = \"\" } }, \
                { name = \"name\", type = \"text\", title = { it = \"\", en = \"\" } }]";
    toml::from_str(text).expect("a definition")
}

fn sample() -> Snapshot {
    let definition = definition();
    let mut builder = BaseBuilder::new(&definition).expect("a builder");
    for id in 0..300_i64 {
        let [x, y] = [12.0 + id as f64 * 1e-4, 45.0 + (id % 17) as f64 * 1e-4];
        let ring = vec![(x, y), (x + 1e-4, y), (x + 1e-4, y + 1e-4), (x, y)];
        let geometry = match id % 4 {
            0 => None,
            1 => Some(Geometry::from(Point::new(x, y))),
            2 => Some(Geometry::from((0..200).map(|step| (x + f64::from(step) * 1e-6, y)).collect::<LineString>())),
            _ => Some(Geometry::from(Polygon::new(LineString::from(ring), Vec::new()))),
        };
        let properties = vec![Value::Integer(id), Value::Text(format!("name {}", id % 7))];
        builder.push(&StoredFeature { id, version: 1, feature: Feature { geometry, properties } });
    }
    let (base, _) = builder.finish().expect("a base");
    Snapshot::of(base, Arc::new(definition), 9)
}

fn written(content: impl FnOnce(&mut Sink<'_>) -> Result<(), WarmError>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut sink = Sink::new(&mut bytes).expect("a head");
    content(&mut sink).expect("written");
    sink.finish().expect("written");
    bytes
}

fn source(bytes: Vec<u8>) -> Result<Source, WarmError> {
    let length = bytes.len() as u64;
    Source::new(Box::new(Cursor::new(bytes)), length)
}

/// Where the content of each section lies.
fn sections(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    let (mut at, mut found) = (12, Vec::new());
    while at < bytes.len() {
        let length = u64::from_ne_bytes(bytes[at..at + 8].try_into().expect("eight bytes")) as usize;
        found.push(at + 8..at + 8 + length);
        at += 8 + length + 4;
    }
    found
}

/// Alters bytes of a section and makes its checksum agree.
fn forge(bytes: &mut [u8], section: std::ops::Range<usize>, at: usize, value: u8) {
    if section.is_empty() {
        return;
    }
    bytes[section.start + at % section.len()] = value;
    let sum = crc32fast::hash(&bytes[section.clone()]).to_ne_bytes();
    bytes[section.end..section.end + 4].copy_from_slice(&sum);
}

/// Reads all that a reader may ask for.
fn exercise(snapshot: &Snapshot) {
    for row in snapshot.rows() {
        let _ = row.to_feature();
    }
    for z in [0, 9, 14] {
        let tile = TileId::holding(crate::crs::lonlat_to_world([12.01, 45.0]), z);
        for part in [Part::Features, Part::Labels] {
            let _ = render(snapshot, tile, &TileOptions { part, ..TileOptions::default() });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_forged_base_is_refused_or_read(place in any::<prop::sample::Index>(), at in any::<usize>(), value: u8) {
        let sample = sample();
        let mut bytes = written(|sink| keep_base(sink, &sample.base, &sample.ladder));
        let sections = sections(&bytes);
        forge(&mut bytes, sections[place.index(sections.len())].clone(), at, value);
        let read = source(bytes).and_then(|mut source| revive_base(&mut source, &sample.definition));
        if let Ok((base, ladder)) = read {
            exercise(&Snapshot::kept(base, ladder, Arc::clone(&sample.definition), 9));
        }
    }

    #[test]
    fn forged_changes_are_refused_or_read(place in any::<prop::sample::Index>(), at in any::<usize>(), value: u8) {
        let sample = sample();
        let base = written(|sink| keep_base(sink, &sample.base, &sample.ladder));
        let mut bytes = written(|sink| keep_changes(sink, &sample, &Grown::default()));
        let sections = sections(&bytes);
        forge(&mut bytes, sections[place.index(sections.len())].clone(), at, value);
        let (base, ladder) =
            source(base).and_then(|mut source| revive_base(&mut source, &sample.definition)).expect("sound");
        let read = source(bytes).and_then(|mut source| {
            revive_changes(&mut source, base, ladder, Arc::clone(&sample.definition), 9)
        });
        if let Ok(revived) = read {
            exercise(&revived.snapshot);
        }
    }

    #[test]
    fn bytes_that_are_no_file_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), with_head: bool) {
        let mut all = if with_head { written(|_| Ok(())) } else { Vec::new() };
        all.extend(bytes);
        if let Ok(mut source) = source(all) {
            prop_assert!(revive_base(&mut source, &definition()).is_err());
        }
    }
}
