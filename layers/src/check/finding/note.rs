//! What is said of a row that is accepted: repairs and warnings.

use super::{Flaw, bad_value, quote, text};
use crate::definition::{FieldType, Text};

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
    /// A code of the source was translated to ours, as the layer's definition says.
    CodeTranslated {
        /// Field name.
        field: String,
        /// The source's code.
        value: String,
        /// Ours.
        code: String,
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
            Self::CodeTranslated { .. } => "code_translated",
            Self::CodeFromTitle { .. } => "code_from_title",
        }
    }

    /// Whether the row counts as repaired: turning rings or translating codes changes notation, not content.
    pub const fn alters(&self) -> bool {
        !matches!(self, Self::RingOrder | Self::CodeTranslated { .. })
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
            Self::CodeTranslated { .. } => text("codici della fonte tradotti", "codes of the source translated"),
            Self::CodeFromTitle { .. } => {
                text("descrizioni tradotte nel loro codice", "titles turned into their codes")
            }
        }
    }

    /// This one in words.
    pub fn text(&self) -> Text {
        match self {
            Self::MadeValid { flaw, area_change } if area_change.abs() >= 1e-6 => {
                let what = flaw.text();
                text(format!("{} (area {area_change:+.6})", what.it), format!("{} (area {area_change:+.6})", what.en))
            }
            Self::MadeValid { flaw, .. } => flaw.text(),
            Self::Mojibake { field, value } | Self::CodeFromTitle { field, value } => {
                let value = quote(value);
                text(format!("«{field}»: {value}"), format!("\"{field}\": {value}"))
            }
            Self::CodeTranslated { field, value, code } => {
                let value = quote(value);
                text(format!("«{field}»: {value} → {code}"), format!("\"{field}\": {value} → {code}"))
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
    /// Every field of the key is empty: the feature cannot be told from others, and is new after each load.
    NoKey,
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
            Self::NoKey => "no_key",
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
            Self::NoKey => text("righe senza chiave", "rows without a key"),
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
            Self::NoKey => self.title(),
            Self::RepeatedRow(first) => text(format!("come la riga {first}"), format!("same as row {first}")),
        }
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
