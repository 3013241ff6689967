//! Why a row is refused.

use std::fmt::Write as _;

use super::{Flaw, Unrepaired, bad_value, text};
use crate::definition::{FieldType, GeometryType, Text};
use crate::limits::{MAX_RINGS, MAX_TEXT_BYTES, MAX_VERTICES};

/// Why a row is refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Reason {
    /// The reader could not make sense of it.
    Unreadable(String),
    /// No geometry, or an empty one.
    NoGeometry,
    /// A coordinate is NaN or infinite.
    NotFinite,
    /// Over [`MAX_VERTICES`].
    TooManyVertices(usize),
    /// Over [`MAX_RINGS`].
    TooManyRings(usize),
    /// The layer holds another kind of geometry.
    WrongGeometry {
        /// What came.
        found: &'static str,
        /// How many parts it has.
        parts: usize,
        /// What the layer holds.
        wanted: GeometryType,
    },
    /// A line or ring with too few distinct points at the layer's resolution.
    Collapsed,
    /// A surface that is invalid and cannot be repaired safely.
    Invalid {
        /// What is wrong.
        flaw: Flaw,
        /// Why it stays so.
        because: Unrepaired,
    },
    /// The coordinates have no image in the storage CRS.
    NotTransformable(String),
    /// Too far from the territory of the tenant, in kilometres.
    Outside(f64),
    /// A required field is empty.
    MissingValue(String),
    /// A required or key field cannot be read as its type.
    BadValue {
        /// Field name.
        field: String,
        /// What stands in the file.
        value: String,
        /// Type that the field declares.
        wanted: FieldType,
    },
    /// Over [`MAX_TEXT_BYTES`].
    TextTooLong {
        /// Field name.
        field: String,
        /// Its length in bytes.
        bytes: usize,
    },
    /// A value looks like an Italian tax code of a person. The value is never repeated.
    PersonalData(String),
    /// Its code says that it belongs to another layer.
    Elsewhere {
        /// Field name.
        field: String,
        /// The code.
        value: String,
        /// The other layer.
        layer: String,
    },
    /// A reference that services return for nothing on the map.
    Spurious(String),
    /// An earlier row has the same key, and says something else.
    DuplicateKey {
        /// The key, fields joined by ` / `.
        key: String,
        /// The earlier row.
        first: u64,
    },
}

impl Reason {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::NoGeometry => "no_geometry",
            Self::NotFinite => "not_finite",
            Self::TooManyVertices(_) => "too_many_vertices",
            Self::TooManyRings(_) => "too_many_rings",
            Self::WrongGeometry { .. } => "wrong_geometry",
            Self::Collapsed => "collapsed",
            Self::Invalid { flaw, .. } => flaw.code(),
            Self::NotTransformable(_) => "not_transformable",
            Self::Outside(_) => "outside",
            Self::MissingValue(_) => "missing_value",
            Self::BadValue { .. } => "bad_value",
            Self::TextTooLong { .. } => "text_too_long",
            Self::PersonalData(_) => "personal_data",
            Self::Elsewhere { .. } => "elsewhere",
            Self::Spurious(_) => "spurious",
            Self::DuplicateKey { .. } => "duplicate_key",
        }
    }

    /// In words.
    pub fn text(&self) -> Text {
        match self {
            Self::Unreadable(reason) => text(format!("riga illeggibile: {reason}"), format!("unreadable: {reason}")),
            Self::NoGeometry => text("manca la geometria", "no geometry"),
            Self::NotFinite => text("una coordinata non è un numero finito", "a coordinate is not a finite number"),
            Self::TooManyVertices(count) => text(
                format!("{count} vertici, più del limite di {MAX_VERTICES} (MAX_VERTICES)"),
                format!("{count} vertices, over the limit of {MAX_VERTICES} (MAX_VERTICES)"),
            ),
            Self::TooManyRings(count) => text(
                format!("{count} parti o anelli, più del limite di {MAX_RINGS} (MAX_RINGS)"),
                format!("{count} parts or rings, over the limit of {MAX_RINGS} (MAX_RINGS)"),
            ),
            Self::WrongGeometry { found, parts, wanted } => {
                let wanted = wanted.sql_name();
                text(
                    format!("geometria {found} ({parts} parti), ma lo strato contiene {wanted}"),
                    format!("geometry is {found} ({parts} parts), but the layer holds {wanted}"),
                )
            }
            Self::Collapsed => text(
                "alla risoluzione dello strato restano troppo pochi punti distinti",
                "too few distinct points are left at the layer's resolution",
            ),
            Self::Invalid { flaw, because } => invalid(*flaw, *because),
            Self::NotTransformable(reason) => {
                text(format!("coordinate non trasformabili: {reason}"), format!("cannot be transformed: {reason}"))
            }
            Self::Outside(km) => text(
                format!("cade a {km:.0} km dal territorio dell'ente"),
                format!("falls outside the municipality by {km:.0} km"),
            ),
            Self::MissingValue(field) => {
                text(format!("campo obbligatorio «{field}» vuoto"), format!("required field \"{field}\" is empty"))
            }
            Self::BadValue { field, value, wanted } => bad_value(field, value, *wanted),
            Self::TextTooLong { field, bytes } => text(
                format!("campo «{field}»: {bytes} byte, più del limite di {MAX_TEXT_BYTES} (MAX_TEXT_BYTES)"),
                format!("field \"{field}\": {bytes} bytes, over the limit of {MAX_TEXT_BYTES} (MAX_TEXT_BYTES)"),
            ),
            Self::PersonalData(field) => text(
                format!("campo «{field}»: contiene un codice fiscale, che gli strati non conservano"),
                format!("field \"{field}\" holds a personal tax code, which layers never keep"),
            ),
            Self::Elsewhere { field, value, layer } => text(
                format!("«{field}»: {value}: appartiene allo strato {layer}"),
                format!("\"{field}\": {value}: belongs to layer {layer}"),
            ),
            Self::Spurious(reference) => text(
                format!("{reference} non corrisponde a nessuna particella (riga spuria del servizio)"),
                format!("{reference} stands for no parcel (a spurious row of the service)"),
            ),
            Self::DuplicateKey { key, first } => text(
                format!("chiave {key} già usata dalla riga {first}"),
                format!("key {key} is already used by row {first}"),
            ),
        }
    }
}

fn invalid(flaw: Flaw, because: Unrepaired) -> Text {
    let mut what = flaw.text();
    match because {
        Unrepaired::AreaChange { before, after } => {
            let _ = write!(what.it, "; correggerlo cambierebbe l'area da {before:.6} a {after:.6}");
            let _ = write!(what.en, "; repair would change the area from {before:.6} to {after:.6}");
        }
        Unrepaired::Stubborn => {
            what.it.push_str("; nessuna correzione regge alla risoluzione dello strato");
            what.en.push_str("; no repair holds at the layer's resolution");
        }
    }
    what
}

/// A refusal: why, and where (in the CRS of the geometry that was judged).
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Where, `[x, y]`.
    pub place: Option<[f64; 2]>,
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self { reason, place: None }
    }
}
