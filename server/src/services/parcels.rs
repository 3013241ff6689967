//! Parcels by reference: as the Agenzia delle Entrate writes it, or as people do.

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_layers::feature::{FeatureId, Value};
use thiserror::Error;

/// Id of the layer of parcels.
pub const LAYER: &str = "parcels";

/// What is known of a parcel. A sheet number is unique only inside comune, section and annex, and not even
/// then is a parcel number: every answer is a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParcelReference {
    /// Belfiore code of the comune.
    pub municipality: Option<String>,
    /// Sezione censuaria, one letter. `Some("")` means "without one".
    pub section: Option<String>,
    /// Foglio.
    pub sheet: Option<i64>,
    /// Allegato, one letter or digit. `Some("")` means "without one".
    pub annex: Option<String>,
    /// Particella, with its denominator if it has one (`123/2`).
    pub number: Option<String>,
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("is no cadastral reference; write L736_0012A0.123, or foglio 12 particella 123, or 12/123")]
pub struct NotAReference;

impl ParcelReference {
    /// Reads `L736_0012A0.123` (with or without `IT.AGE.PLA.` before it), `foglio 12, all. A, particella 00123/2,
    /// sub 7` or `12/123`. A subalterno is taken and dropped: the map holds none.
    ///
    /// # Errors
    /// When the text is neither.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let text = text.trim();
        official(text).or_else(|| short(text)).or_else(|| spoken(text)).ok_or(NotAReference)
    }

    /// Whether a row of the layer of parcels is meant. A row that does not say its comune may lie in any.
    fn fits(&self, snapshot: &Snapshot, row: RowRef) -> bool {
        let is = |field: &str, wanted: Option<&str>| {
            let Some(wanted) = wanted else { return true };
            let position = snapshot.definition().field(field).map(|(position, _)| position);
            match position.map_or(ValueRef::Null, |position| row.base.value(row.row, position)) {
                ValueRef::Text(text) => {
                    let none = matches!(text, "" | "_" | "0") && field != "number";
                    text.eq_ignore_ascii_case(wanted) || (wanted.is_empty() && none)
                }
                ValueRef::Integer(number) => wanted.parse() == Ok(number),
                ValueRef::Null => wanted.is_empty() || field == "municipality",
                _ => false,
            }
        };
        is("municipality", self.municipality.as_deref())
            && is("section", self.section.as_deref())
            && is("sheet", self.sheet.map(|sheet| sheet.to_string()).as_deref())
            && is("annex", self.annex.as_deref())
            && is("number", self.number.as_deref())
    }

    /// The parcels that are meant, at most `limit`, in order of id.
    pub fn find<'a>(&self, snapshot: &'a Snapshot, limit: usize) -> Vec<RowRef<'a>> {
        let field = |name| snapshot.definition().field(name).map(|(position, field)| (position, field.kind));
        // The number is the most selective field; without one the sheet is.
        let (position, value) = match (&self.number, self.sheet, field("number"), field("sheet")) {
            (Some(number), _, Some((position, _)), _) => (position, Value::Text(number.clone())),
            (None, Some(sheet), _, Some((position, bricola_layers::definition::FieldType::Text))) => {
                (position, Value::Text(sheet.to_string()))
            }
            (None, Some(sheet), _, Some((position, _))) => (position, Value::Integer(sheet)),
            _ => return Vec::new(),
        };
        let matching = snapshot.find(position, &value).filter(|row| self.fits(snapshot, *row));
        let mut ids: Vec<FeatureId> = matching.map(|row| row.id()).collect();
        ids.sort_unstable();
        ids.truncate(limit);
        ids.into_iter().filter_map(|id| snapshot.feature(id)).collect()
    }
}

/// `CCCCZFFFFAS.particella` (Agenzia delle Entrate, specification of the CXF; `_` and `0` stand for none).
fn official(text: &str) -> Option<ParcelReference> {
    let text = text.strip_prefix("CadastralParcel.").unwrap_or(text);
    let text = text.strip_prefix("IT.AGE.PLA.").unwrap_or(text);
    let (sheet, number) = text.split_once('.')?;
    let letters = sheet.as_bytes();
    if letters.len() != 11 || !sheet.is_ascii() || number.is_empty() || number.len() > 20 {
        return None;
    }
    let code = sheet[..4].to_ascii_uppercase();
    let is_code =
        code.starts_with(|first: char| first.is_ascii_uppercase()) && code[1..].bytes().all(|b| b.is_ascii_digit());
    let is_section = letters[4] == b'_' || letters[4].is_ascii_alphabetic();
    let is_suffix = letters[9..].iter().all(u8::is_ascii_alphanumeric);
    if !is_code || !is_section || !is_suffix || !letters[5..9].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let unless = |part: &str, none: &str| if part == none { String::new() } else { part.to_ascii_uppercase() };
    Some(ParcelReference {
        municipality: Some(code),
        section: Some(unless(&sheet[4..5], "_")),
        sheet: sheet[5..9].parse().ok(),
        annex: Some(unless(&sheet[9..10], "0")),
        number: Some(tidy_number(number)),
    })
}

/// `12/123`, or `A/12/123` with a section.
fn short(text: &str) -> Option<ParcelReference> {
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let (section, sheet, number) = match parts[..] {
        [sheet, number] => (None, sheet, number),
        [section, sheet, number] if section.len() == 1 && section.chars().all(|c| c.is_ascii_alphabetic()) => {
            (Some(section.to_ascii_uppercase()), sheet, number)
        }
        _ => return None,
    };
    let is_number = !number.is_empty() && number.chars().all(|c| c.is_ascii_alphanumeric());
    let sheet = sheet.parse::<u16>().ok().filter(|_| is_number)?;
    Some(ParcelReference {
        section,
        sheet: Some(sheet.into()),
        number: Some(tidy_number(number)),
        ..ParcelReference::default()
    })
}

/// Words and their values: `foglio 12 all. A particella 123/2 sub 7`, in any order.
fn spoken(text: &str) -> Option<ParcelReference> {
    let lower = text.to_lowercase();
    let mut words = lower
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';' || c == ':' || c == '=')
        .flat_map(split_at_digit)
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty() && !matches!(*word, "n" | "num" | "numero" | "no" | "n°" | "comune"));
    let mut reference = ParcelReference::default();
    while let Some(word) = words.next() {
        match word {
            "foglio" | "fg" | "f" | "fog" | "sheet" => {
                reference.sheet = Some(words.next()?.parse::<u16>().ok()?.into());
            }
            "particella" | "part" | "p" | "plla" | "p.lla" | "mappale" | "mapp" | "map" | "mn" | "m.n" | "parcel" => {
                reference.number = Some(tidy_number(words.next()?));
            }
            "sezione" | "sez" | "section" => reference.section = Some(words.next()?.to_uppercase()),
            "allegato" | "all" | "annex" => reference.annex = Some(words.next()?.to_uppercase()),
            "subalterno" | "sub" | "sviluppo" | "svil" => drop(words.next()?),
            code if is_belfiore(code) => reference.municipality = Some(code.to_uppercase()),
            _ => return None,
        }
    }
    let is_short = |text: &Option<String>| text.as_ref().is_none_or(|text| text.len() <= 3);
    let known = reference.sheet.is_some() && is_short(&reference.section) && is_short(&reference.annex);
    known.then_some(reference)
}

/// `fg12` is two words, `123/2` and `strada001` are one.
fn split_at_digit(word: &str) -> Vec<&str> {
    const GLUED: [&str; 6] = ["foglio", "fg.", "fg", "f.", "mapp.", "part."];
    for prefix in GLUED {
        if let Some(rest) = word.strip_prefix(prefix)
            && rest.starts_with(|c: char| c.is_ascii_digit())
        {
            return vec![&word[..prefix.len()], rest];
        }
    }
    vec![word]
}

fn is_belfiore(word: &str) -> bool {
    word.len() == 4
        && word.starts_with(|c: char| c.is_ascii_lowercase())
        && word[1..].bytes().all(|b| b.is_ascii_digit())
}

/// Upper case, without leading zeros of an ordinary number: `00123/2` → `123/2`, `strada001` → `STRADA001`.
pub fn tidy_number(number: &str) -> String {
    let number = number.trim().to_uppercase();
    let trimmed = number.trim_start_matches('0');
    if trimmed.starts_with(|c: char| c.is_ascii_digit()) { trimmed.to_owned() } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Municipality, section, sheet, annex and number, `-` for what is not said.
    fn reference(text: &str) -> String {
        let reference = ParcelReference::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let ParcelReference { municipality, section, sheet, annex, number } = reference;
        let sheet = sheet.map(|sheet| sheet.to_string());
        [municipality, section, sheet, annex, number].map(|part| part.unwrap_or_else(|| "-".to_owned())).join("|")
    }

    #[test]
    fn official_references_of_the_agency_are_read() {
        assert_eq!(reference("A176_003100.329"), "A176||31||329");
        assert_eq!(reference("G273_0033A0.673"), "G273||33|A|673");
        assert_eq!(reference("IT.AGE.PLA.L736_0012A0.123"), "L736||12|A|123");
        assert_eq!(reference("CadastralParcel.IT.AGE.PLA.A000W000200.STRADA001"), "A000|W|2||STRADA001");
        assert_eq!(reference("H501D076700..12/3"), "H501|D|767||.12/3");
    }

    #[test]
    fn references_as_people_write_them_are_read() {
        assert_eq!(reference("foglio 12, all. A, particella 00123/2, sub 7"), "-|-|12|A|123/2");
        assert_eq!(reference("Fg. 5 mapp. 40"), "-|-|5|-|40");
        assert_eq!(reference("fg5 part.40"), "-|-|5|-|40");
        assert_eq!(reference("L736 sez. B foglio 1 mappale 7"), "L736|B|1|-|7");
        assert_eq!(reference("12/123"), "-|-|12|-|123");
        assert_eq!(reference("a/12/123"), "-|A|12|-|123");
        assert_eq!(reference("foglio 12"), "-|-|12|-|-");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", "Rialto", "45.4342, 12.3388", "foglio", "foglio dodici", "L736_12.3", "12/", "particella 5"] {
            assert_eq!(ParcelReference::parse(text), Err(NotAReference), "{text}");
        }
    }
}
