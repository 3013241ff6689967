//! One batch of rows through all checks.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use geo::{CoordsIter, HasDimensions};
use geo_types::Geometry;
use rustc_hash::FxHasher;

use super::plan::{Plan, Rows};
use super::report::RejectedRow;
use crate::check::entry::Entry;
use crate::check::finding::{Example, Notes, Reason, Refusal, Tallies, Warning};
use crate::check::value;
use crate::crs::{Crs, Transformer, with_transformer};
use crate::feature::{Feature, Value};
use crate::reader::{ReadError, SourceFeature};

/// An accepted row.
pub struct Accepted {
    /// Its number in the file.
    pub row: u64,
    /// What to store.
    pub feature: Feature,
    /// Hash of its key; `None` when it has none.
    pub key: Option<u128>,
    /// Hash of all of it, to tell repeated rows from contradicting ones.
    pub content: u64,
}

/// A batch after the checks.
#[derive(Default)]
pub struct Checked {
    pub read: u64,
    pub accepted: Vec<Accepted>,
    pub rejected: Vec<RejectedRow>,
    /// Rows of other layers, by layer.
    pub elsewhere: BTreeMap<String, u64>,
    /// Rows to which something was done that alters them.
    pub repaired: u64,
    pub repairs: Tallies,
    pub warnings: Tallies,
}

/// The ways out of the CRSs of a load.
struct Ways<'a> {
    to_storage: Option<&'a Transformer>,
    source_to_lonlat: &'a Transformer,
    storage_to_lonlat: &'a Transformer,
}

/// Checks a batch.
///
/// # Errors
/// When PROJ cannot be set up on this thread, in words.
pub fn check_batch(plan: &Plan, rows: Rows) -> Result<Checked, String> {
    let (source, storage, lonlat) = (&plan.placing.crs, &plan.storage, Crs::crs84());
    with_transformer(source, storage, |to_storage| {
        with_transformer(source, &lonlat, |source_to_lonlat| {
            with_transformer(storage, &lonlat, |storage_to_lonlat| {
                let to_storage = (source != storage).then_some(to_storage);
                check_rows(plan, &Ways { to_storage, source_to_lonlat, storage_to_lonlat }, rows)
            })
        })
    })
    .and_then(std::convert::identity)
    .and_then(std::convert::identity)
    .map_err(|error| error.to_string())
}

fn check_rows(plan: &Plan, ways: &Ways, rows: Rows) -> Checked {
    let mut checked =
        Checked { read: rows.len() as u64, accepted: Vec::with_capacity(rows.len()), ..Checked::default() };
    let mut notes = Notes::default();
    for row in rows {
        let source = match row {
            Ok(source) => source,
            Err(ReadError::Row { row, reason, place }) => {
                let place = place.and_then(|place| lonlat(ways.source_to_lonlat, place));
                checked.rejected.push(RejectedRow::new(row, &Reason::Unreadable(reason), place));
                continue;
            }
            // The feed ends the file at these.
            Err(ReadError::File(_)) => continue,
        };
        notes.clear();
        let number = source.row;
        match check_row(plan, ways, source, &mut notes) {
            Ok(feature) => {
                let keyed = plan.key.iter().any(|at| !feature.properties[*at].is_null());
                if !keyed && plan.keyed_source() {
                    notes.warnings.push(Warning::NoKey);
                }
                tally(&mut checked, ways, number, &notes);
                let key = keyed.then(|| key_hash(&plan.key, &feature));
                let content = if key.is_some() { content_hash(&feature) } else { 0 };
                checked.accepted.push(Accepted { row: number, feature, key, content });
            }
            Err((Refusal { reason: Reason::Elsewhere { layer, .. }, .. }, _)) => {
                *checked.elsewhere.entry(layer).or_default() += 1;
            }
            Err((refusal, way)) => {
                let place = refusal.place.and_then(|place| lonlat(way, place));
                checked.rejected.push(RejectedRow::new(number, &refusal.reason, place));
            }
        }
    }
    checked
}

fn lonlat(way: &Transformer, place: [f64; 2]) -> Option<[f64; 2]> {
    way.point(place).ok()
}

fn tally(checked: &mut Checked, ways: &Ways, row: u64, notes: &Notes) {
    for (repair, place) in &notes.repairs {
        checked.repairs.add(
            repair.code(),
            || repair.title(),
            || {
                // Turned rings need no looking at.
                (repair.code() != "ring_order").then(|| Example {
                    row,
                    message: repair.text(),
                    place: place.and_then(|at| lonlat(ways.storage_to_lonlat, at)),
                })
            },
        );
    }
    for warning in &notes.warnings {
        checked.warnings.add(
            warning.code(),
            || warning.title(),
            || Some(Example { row, message: warning.text(), place: None }),
        );
    }
    checked.repaired += u64::from(notes.repairs.iter().any(|(repair, _)| repair.alters()));
}

/// A refusal with the way from its place to longitude and latitude.
type Refused<'a> = (Refusal, &'a Transformer);

fn check_row<'a>(
    plan: &Plan,
    ways: &Ways<'a>,
    source: SourceFeature,
    notes: &mut Notes,
) -> Result<Feature, Refused<'a>> {
    let SourceFeature { geometry, mut values, .. } = source;
    let somewhere = geometry
        .as_ref()
        .and_then(|geometry| geometry.coords_iter().next())
        .map(|at| if plan.placing.swapped { [at.y, at.x] } else { [at.x, at.y] });
    let refuse = |reason| (Refusal { reason, place: somewhere }, ways.source_to_lonlat);
    let mut properties = Vec::with_capacity(plan.fields.len());
    for (field, column, tail) in &plan.fields {
        let mut raw = column.and_then(|column| values.get_mut(column)).map(std::mem::take).unwrap_or_default();
        if let Some(tail) = tail {
            raw = appended(raw, values.get(tail.column), &tail.separator);
        }
        properties.push(field.read(raw, notes).map_err(refuse)?);
    }
    plan.derivations.fill(&mut properties);
    let geometry = match geometry {
        Some(geometry) if !geometry.is_empty() => check_geometry(plan, ways, geometry, notes)?,
        _ => None,
    };
    if geometry.is_none() && !plan.definition.placeless {
        return Err(refuse(Reason::NoGeometry));
    }
    Ok(Feature { geometry, properties })
}

/// A value with that of another column after it, where both are there.
fn appended(value: Value, tail: Option<&Value>, separator: &str) -> Value {
    let head = value::shown(&value);
    let tail = tail.map(value::shown).unwrap_or_default();
    let (head, tail) = (value::trimmed(&head), value::trimmed(&tail));
    if head.is_empty() || tail.is_empty() { value } else { Value::Text(format!("{head}{separator}{tail}")) }
}

fn check_geometry<'a>(
    plan: &Plan,
    ways: &Ways<'a>,
    geometry: Geometry<f64>,
    notes: &mut Notes,
) -> Result<Option<Geometry<f64>>, Refused<'a>> {
    let entry = Entry {
        swapped: plan.placing.swapped,
        to_storage: ways.to_storage,
        storage_to_lonlat: ways.storage_to_lonlat,
        judge: &plan.geometry,
        fence: plan.fence.as_ref(),
        keep_outside: plan.keep_outside,
    };
    let geometry = entry.bring(geometry).map_err(|refusal| (refusal, ways.source_to_lonlat))?;
    entry.settle(geometry, notes).map_err(|refusal| (refusal, ways.storage_to_lonlat))
}

/// Hash of the key fields: 128 bits, since two keys taken for one would cost a row.
fn key_hash(key: &[usize], feature: &Feature) -> u128 {
    let half = |seed: u8| {
        let mut hasher = DefaultHasher::new();
        hasher.write_u8(seed);
        for at in key {
            hash_value(&feature.properties[*at], &mut hasher);
        }
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

fn content_hash(feature: &Feature) -> u64 {
    let mut hasher = FxHasher::default();
    feature.properties.iter().for_each(|value| hash_value(value, &mut hasher));
    if let Some(geometry) = &feature.geometry {
        for at in geometry.coords_iter() {
            at.x.to_bits().hash(&mut hasher);
            at.y.to_bits().hash(&mut hasher);
        }
    }
    hasher.finish()
}

fn hash_value(value: &Value, hasher: &mut impl Hasher) {
    std::mem::discriminant(value).hash(hasher);
    match value {
        Value::Null => {}
        Value::Boolean(flag) => flag.hash(hasher),
        Value::Integer(number) => number.hash(hasher),
        Value::Real(number) => number.to_bits().hash(hasher),
        Value::Text(text) => text.hash(hasher),
        Value::Date(day) => day.hash(hasher),
        Value::DateTime(instant) => instant.hash(hasher),
    }
}

/// The key of a feature for people: its fields joined by ` / `.
pub fn key_text(key: &[usize], feature: &Feature) -> String {
    key.iter().map(|at| value::shown(&feature.properties[*at])).collect::<Vec<_>>().join(" / ")
}
