//! What a check can say of a row: reasons to refuse it, repairs made to it, warnings about it.
//!
//! Each has a stable code for programs and a sentence in the two languages of the house for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde::Serialize;

use super::value::personal;
use crate::definition::{FieldType, GeometryType, Text};
use crate::limits::{MAX_RINGS, MAX_TEXT_BYTES, MAX_VERTICES};

/// Rows shown per kind of repair or warning; the rest are only counted.
pub const MAX_EXAMPLES: usize = 5;

pub(crate) fn text(it: impl Into<String>, en: impl Into<String>) -> Text {
    Text { it: it.into(), en: en.into() }
}

/// A ring of a polygon, counted from 1 as people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingName {
    /// Which part of a multipolygon, from 1; 0 when there is only one.
    pub part: usize,
    /// Which hole, from 1; 0 for the outer ring.
    pub hole: usize,
}

impl RingName {
    fn text(self) -> Text {
        let (mut it, mut en) = match self.hole {
            0 => ("anello esterno".to_owned(), "outer ring".to_owned()),
            hole => (format!("foro {hole}"), format!("hole {hole}")),
        };
        if self.part > 0 {
            let _ = write!(it, " della parte {}", self.part);
            let _ = write!(en, " of part {}", self.part);
        }
        text(it, en)
    }
}

/// What makes a surface invalid in the sense of OGC 06-103r4 (Simple Features), clause 6.1.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A ring crosses or overlaps itself.
    SelfIntersection(RingName),
    /// A ring comes back to a point where it has already been.
    SelfTouch(RingName),
    /// Two rings of one polygon cross, or run along each other.
    RingsCross(RingName, RingName),
    /// A hole lies outside its outer ring.
    HoleOutside(RingName),
    /// A hole lies inside another hole.
    NestedHoles(RingName, RingName),
    /// Rings touch so that they cut the interior in pieces.
    InteriorSplit(RingName),
    /// Two parts of a multipolygon overlap, or share an edge.
    PartsOverlap(RingName, RingName),
    /// So many segments lie above each other that validity cannot be decided in reasonable time.
    TooComplex,
}

impl Flaw {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfIntersection(_) => "self_intersection",
            Self::SelfTouch(_) => "self_touch",
            Self::RingsCross(..) => "rings_cross",
            Self::HoleOutside(_) => "hole_outside",
            Self::NestedHoles(..) => "nested_holes",
            Self::InteriorSplit(_) => "interior_split",
            Self::PartsOverlap(..) => "parts_overlap",
            Self::TooComplex => "too_complex",
        }
    }

    /// In words.
    pub fn text(self) -> Text {
        let two = |a: RingName, b: RingName, it: &str, en: &str| {
            let (a, b) = (a.text(), b.text());
            text(format!("{} e {} {it}", a.it, b.it), format!("{} and {} {en}", a.en, b.en))
        };
        let one = |ring: RingName, it: &str, en: &str| {
            let ring = ring.text();
            text(format!("{} {it}", ring.it), format!("{} {en}", ring.en))
        };
        match self {
            Self::SelfIntersection(ring) => one(ring, "incrocia sé stesso", "crosses itself"),
            Self::SelfTouch(ring) => one(ring, "tocca sé stesso", "touches itself"),
            Self::RingsCross(a, b) => two(a, b, "si incrociano", "cross or overlap"),
            Self::HoleOutside(ring) => one(ring, "è fuori dall'anello esterno", "lies outside the outer ring"),
            Self::NestedHoles(a, b) => two(a, b, "sono uno dentro l'altro", "lie one inside the other"),
            Self::InteriorSplit(ring) => one(ring, "divide in due la superficie", "cuts the surface in pieces"),
            Self::PartsOverlap(a, b) => two(a, b, "si sovrappongono", "overlap or share an edge"),
            Self::TooComplex => text("troppi segmenti sovrapposti", "too many segments above each other"),
        }
    }
}

/// Why a flaw was not repaired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unrepaired {
    /// The repaired surface has a noticeably different area, in square units of the storage CRS.
    AreaChange {
        /// Area as drawn.
        before: f64,
        /// Area after the repair that was not made.
        after: f64,
    },
    /// The flaw comes back each time that the repaired surface is snapped to the layer's resolution.
    Stubborn,
}

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
    /// Every field of the key is empty.
    NoKey,
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
            Self::NoKey => "no_key",
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
            Self::NoKey => text("tutti i campi chiave sono vuoti", "every field of the key is empty"),
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

fn bad_value(field: &str, value: &str, wanted: FieldType) -> Text {
    let (it, en) = match wanted {
        FieldType::Text => ("un testo", "text"),
        FieldType::Integer => ("un numero intero", "a whole number"),
        FieldType::Real => ("un numero", "a number"),
        FieldType::Boolean => ("sì o no", "yes or no"),
        FieldType::Date => ("una data", "a date"),
        FieldType::DateTime => ("una data con ora", "a date with time"),
    };
    let value = quote(value);
    text(format!("campo «{field}»: \"{value}\" non è {it}"), format!("field \"{field}\": \"{value}\" is not {en}"))
}

/// A value as it may be shown in a report: shortened, and hidden when it looks like a person's tax code.
pub fn quote(value: &str) -> String {
    if personal::holds_tax_code(value) {
        return "***".to_owned();
    }
    let mut shown: String = value.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if value.chars().nth(60).is_some() {
        shown.push('…');
    }
    shown
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

/// Something that was put right.
#[derive(Debug, Clone, PartialEq)]
pub enum Repair {
    /// Consecutive equal points were merged.
    RepeatedPoints,
    /// Rings were turned: outer rings run counter-clockwise, holes clockwise (OGC 06-103r4, RFC 7946).
    RingOrder,
    /// A spike without area was cut off.
    Spike,
    /// A hole or part vanishes at the layer's resolution and was dropped.
    CollapsedPart,
    /// An invalid surface was rebuilt.
    MadeValid {
        /// What was wrong.
        flaw: Flaw,
        /// Area afterwards minus area before, in square units of the storage CRS.
        area_change: f64,
    },
    /// Members of lower dimension were dropped from a collection.
    CollectionReduced,
    /// Double-encoded UTF-8 was decoded.
    Mojibake {
        /// Field name.
        field: String,
        /// What it says now.
        value: String,
    },
    /// A title of the code list stood in the place of its code.
    CodeFromTitle {
        /// Field name.
        field: String,
        /// The title that was there.
        value: String,
    },
}

impl Repair {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::RepeatedPoints => "repeated_points",
            Self::RingOrder => "ring_order",
            Self::Spike => "spike",
            Self::CollapsedPart => "collapsed_part",
            Self::MadeValid { .. } => "made_valid",
            Self::CollectionReduced => "collection_reduced",
            Self::Mojibake { .. } => "mojibake",
            Self::CodeFromTitle { .. } => "code_from_title",
        }
    }

    /// Whether the row counts as repaired: turning rings is a change of notation, not of content.
    pub const fn alters(&self) -> bool {
        !matches!(self, Self::RingOrder)
    }

    /// The kind in words.
    pub fn title(&self) -> Text {
        match self {
            Self::RepeatedPoints => text("punti ripetuti tolti", "repeated points removed"),
            Self::RingOrder => text("verso degli anelli normalizzato", "ring order normalised"),
            Self::Spike => text("punte senza area tolte", "spikes without area removed"),
            Self::CollapsedPart => {
                text("parti o fori sotto la risoluzione tolti", "parts or holes below resolution dropped")
            }
            Self::MadeValid { .. } => text("superfici non valide ricostruite", "invalid surfaces rebuilt"),
            Self::CollectionReduced => {
                text("collezioni ridotte al tipo dello strato", "collections reduced to the layer's type")
            }
            Self::Mojibake { .. } => text("testi con codifica doppia corretti", "double-encoded texts decoded"),
            Self::CodeFromTitle { .. } => {
                text("descrizioni tradotte nel loro codice", "titles turned into their codes")
            }
        }
    }

    /// This one in words.
    pub fn text(&self) -> Text {
        match self {
            Self::MadeValid { flaw, area_change } => {
                let what = flaw.text();
                text(format!("{} (area {area_change:+.6})", what.it), format!("{} (area {area_change:+.6})", what.en))
            }
            Self::Mojibake { field, value } | Self::CodeFromTitle { field, value } => {
                let value = quote(value);
                text(format!("«{field}»: {value}"), format!("\"{field}\": {value}"))
            }
            _ => self.title(),
        }
    }
}

/// Something that a person should look at; the row is loaded all the same.
#[derive(Debug, Clone, PartialEq)]
pub enum Warning {
    /// A value that is not in the field's code list.
    UnlistedCode {
        /// Field name.
        field: String,
        /// The value.
        value: String,
    },
    /// Text that lost characters before it came here (U+FFFD).
    LostCharacters {
        /// Field name.
        field: String,
        /// The text.
        value: String,
    },
    /// An optional field could not be read as its type and was left empty.
    ValueLeftEmpty {
        /// Field name.
        field: String,
        /// What stands in the file.
        value: String,
        /// Type that the field declares.
        wanted: FieldType,
    },
    /// Outside the tenant's envelope, but near it, in kilometres.
    JustOutside(f64),
    /// The same row, key and content, stands earlier in the file; loaded once.
    RepeatedRow(u64),
}

impl Warning {
    /// Stable code.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::UnlistedCode { .. } => "unlisted_code",
            Self::LostCharacters { .. } => "lost_characters",
            Self::ValueLeftEmpty { .. } => "value_left_empty",
            Self::JustOutside(_) => "just_outside",
            Self::RepeatedRow(_) => "repeated_row",
        }
    }

    /// The kind in words.
    pub fn title(&self) -> Text {
        match self {
            Self::UnlistedCode { .. } => {
                text("valori fuori dall'elenco dei codici", "values that are not in the code list")
            }
            Self::LostCharacters { .. } => text("testi con caratteri perduti", "texts that have lost characters"),
            Self::ValueLeftEmpty { .. } => text("valori illeggibili lasciati vuoti", "unreadable values left empty"),
            Self::JustOutside(_) => text("poco fuori dal territorio", "just outside the territory"),
            Self::RepeatedRow(_) => text("righe identiche caricate una volta sola", "identical rows loaded once"),
        }
    }

    /// This one in words.
    pub fn text(&self) -> Text {
        match self {
            Self::UnlistedCode { field, value } | Self::LostCharacters { field, value } => {
                let value = quote(value);
                text(format!("«{field}»: {value}"), format!("\"{field}\": {value}"))
            }
            Self::ValueLeftEmpty { field, value, wanted } => bad_value(field, value, *wanted),
            Self::JustOutside(km) => text(format!("{km:.1} km"), format!("{km:.1} km")),
            Self::RepeatedRow(first) => text(format!("come la riga {first}"), format!("same as row {first}")),
        }
    }
}

/// One row that shows what a tally counts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Example {
    /// Row in the file.
    pub row: u64,
    /// What was found in it.
    pub message: Text,
    /// Where: longitude and latitude in degrees, `EPSG:4326`.
    pub place: Option<[f64; 2]>,
}

/// How often something was found, with the first rows that show it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tally {
    /// In words.
    pub title: Text,
    /// Rows.
    pub count: u64,
    /// The first of them.
    pub examples: Vec<Example>,
}

/// Tallies by stable code.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct Tallies(pub BTreeMap<&'static str, Tally>);

impl Tallies {
    /// Counts one more; the words are only made while examples are still wanted.
    pub fn add(&mut self, code: &'static str, title: impl FnOnce() -> Text, example: impl FnOnce() -> Option<Example>) {
        let tally = self.0.entry(code).or_insert_with(|| Tally { title: title(), count: 0, examples: Vec::new() });
        tally.count += 1;
        if tally.examples.len() < MAX_EXAMPLES {
            tally.examples.extend(example());
        }
    }

    /// Takes in the tallies of later rows.
    pub fn merge(&mut self, later: Self) {
        for (code, tally) in later.0 {
            if let Some(mine) = self.0.get_mut(code) {
                mine.count += tally.count;
                let room = MAX_EXAMPLES.saturating_sub(mine.examples.len());
                mine.examples.extend(tally.examples.into_iter().take(room));
            } else {
                self.0.insert(code, tally);
            }
        }
    }

    /// How often this was found.
    pub fn count(&self, code: &str) -> u64 {
        self.0.get(code).map_or(0, |tally| tally.count)
    }

    /// All of them together.
    pub fn total(&self) -> u64 {
        self.0.values().map(|tally| tally.count).sum()
    }
}

/// What the checks noted of one row, beside refusing it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Notes {
    /// Repairs, with their place in the storage CRS.
    pub repairs: Vec<(Repair, Option<[f64; 2]>)>,
    /// Warnings.
    pub warnings: Vec<Warning>,
}

impl Notes {
    /// Notes a repair once: a second one of the same kind adds nothing for a reader of the report.
    pub fn repaired(&mut self, repair: Repair, place: Option<[f64; 2]>) {
        if !self.repairs.iter().any(|(other, _)| other.code() == repair.code()) {
            self.repairs.push((repair, place));
        }
    }

    /// Forgets all, keeping the memory.
    pub fn clear(&mut self) {
        self.repairs.clear();
        self.warnings.clear();
    }
}
