//! References as people write them, with gaps.

use super::{NotAReference, ParcelNumber, ParcelReference};

/// What is known of a parcel that is looked for. A sheet number is unique only inside comune, section, annex and
/// development, and not even then is a parcel number: every answer is a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ParcelSearch {
    /// Belfiore code of the comune.
    pub municipality: Option<String>,
    /// Sezione censuaria, one letter. `Some("")` means "without one".
    pub section: Option<String>,
    /// Foglio. The provinces with a land register have parcels without sheets.
    pub sheet: Option<i64>,
    /// Allegato, one letter or digit. `Some("")` means "without one".
    pub annex: Option<String>,
    /// Sviluppo, one letter or digit. `Some("")` means "without one".
    pub development: Option<String>,
    /// Particella, with its denominator if it has one (`123/2`), in canonical form.
    pub number: Option<String>,
}

impl From<ParcelReference> for ParcelSearch {
    fn from(reference: ParcelReference) -> Self {
        let ParcelReference { sheet, number } = reference;
        let part = |part: Option<char>| Some(part.map_or_else(String::new, String::from));
        Self {
            municipality: Some(sheet.code().to_owned()),
            section: part(sheet.section),
            sheet: Some(sheet.sheet.into()),
            annex: part(sheet.annex),
            development: part(sheet.development),
            number: Some(number.to_string()),
        }
    }
}

impl ParcelSearch {
    /// Reads `L736_0012A0.123` (with or without `IT.AGE.PLA.` before it), `foglio 12, all. A, particella 00123/2,
    /// sub 7`, `12/123`, or `p.ed. 12/3` where there are no sheets. A subalterno is taken and dropped: the map holds
    /// none.
    ///
    /// # Errors
    /// When the text is none of them.
    pub fn parse(text: &str) -> Result<Self, NotAReference> {
        let text = text.trim();
        let official = ParcelReference::parse(text).map(Self::from).ok();
        official.or_else(|| short(text)).or_else(|| spoken(text)).ok_or(NotAReference)
    }
}

fn number(text: &str) -> Option<String> {
    ParcelNumber::parse(text).ok().map(|number| number.to_string())
}

/// `12/123`, or `A/12/123` with a section.
fn short(text: &str) -> Option<ParcelSearch> {
    let parts: Vec<&str> = text.split('/').map(str::trim).collect();
    let (section, sheet, parcel) = match parts[..] {
        [sheet, parcel] => (None, sheet, parcel),
        [section, sheet, parcel] if section.len() == 1 && section.chars().all(|c| c.is_ascii_alphabetic()) => {
            (Some(section.to_ascii_uppercase()), sheet, parcel)
        }
        _ => return None,
    };
    if parcel.is_empty() || !parcel.chars().all(|c| c.is_ascii_alphanumeric()) {
        return None;
    }
    let sheet = sheet.parse::<u16>().ok()?;
    Some(ParcelSearch { section, sheet: Some(sheet.into()), number: Some(number(parcel)?), ..ParcelSearch::default() })
}

/// Words and their values: `foglio 12 all. A particella 123/2 sub 7`, in any order.
fn spoken(text: &str) -> Option<ParcelSearch> {
    let lower = text.to_lowercase();
    let mut words = lower
        .split(|c: char| c.is_whitespace() || c == ',' || c == ';' || c == ':' || c == '=')
        .flat_map(split_at_digit)
        .map(|word| word.trim_end_matches('.'))
        .filter(|word| !word.is_empty() && !matches!(*word, "n" | "num" | "numero" | "no" | "n°" | "comune"));
    let mut search = ParcelSearch::default();
    while let Some(word) = words.next() {
        match word {
            "foglio" | "fg" | "f" | "fog" | "sheet" => search.sheet = Some(words.next()?.parse::<u16>().ok()?.into()),
            "particella" | "part" | "p" | "plla" | "p.lla" | "mappale" | "mapp" | "map" | "mn" | "m.n" | "parcel"
            | "p.f" | "pf" => search.number = Some(number(words.next()?)?),
            "p.ed" | "ped" => search.number = Some(number(&format!(".{}", words.next()?.trim_start_matches('.')))?),
            "sezione" | "sez" | "section" => search.section = Some(words.next()?.to_uppercase()),
            "allegato" | "all" | "annex" => search.annex = Some(words.next()?.to_uppercase()),
            "sviluppo" | "svil" => search.development = Some(words.next()?.to_uppercase()),
            "subalterno" | "sub" => drop(words.next()?),
            code if is_belfiore(code) => search.municipality = Some(code.to_uppercase()),
            _ => return None,
        }
    }
    let is_short = |text: &Option<String>| text.as_ref().is_none_or(|text| text.len() <= 3);
    let known = search.sheet.is_some() || search.number.is_some();
    let parts = [&search.section, &search.annex, &search.development];
    (known && parts.into_iter().all(is_short)).then_some(search)
}

/// `fg12` is two words, `123/2` and `strada001` are one.
fn split_at_digit(word: &str) -> Vec<&str> {
    const GLUED: [&str; 8] = ["foglio", "fg.", "fg", "f.", "mapp.", "part.", "p.ed.", "p.f."];
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Municipality, section, sheet, annex, development and number, `-` for what is not said.
    fn search(text: &str) -> String {
        let search = ParcelSearch::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let ParcelSearch { municipality, section, sheet, annex, development, number } = search;
        let sheet = sheet.map(|sheet| sheet.to_string());
        let parts = [municipality, section, sheet, annex, development, number];
        parts.map(|part| part.unwrap_or_else(|| "-".to_owned())).join("|")
    }

    #[test]
    fn official_references_say_everything() {
        assert_eq!(search("A176_003100.329"), "A176||31|||329");
        assert_eq!(search("G273_0033A0.673"), "G273||33|A||673");
        assert_eq!(search("IT.AGE.PLA.L736_0012A1.123"), "L736||12|A|1|123");
        assert_eq!(search("CadastralParcel.IT.AGE.PLA.A000W000200.STRADA001"), "A000|W|2|||STRADA001");
        assert_eq!(search("H501D076700..12/3"), "H501|D|767|||.12/3");
    }

    #[test]
    fn references_as_people_write_them_are_read() {
        assert_eq!(search("foglio 12, all. A, particella 00123/2, sub 7"), "-|-|12|A|-|123/2");
        assert_eq!(search("foglio 12 svil. 1 particella 3"), "-|-|12|-|1|3");
        assert_eq!(search("Fg. 5 mapp. 40"), "-|-|5|-|-|40");
        assert_eq!(search("fg5 part.40"), "-|-|5|-|-|40");
        assert_eq!(search("L736 sez. B foglio 1 mappale 7"), "L736|B|1|-|-|7");
        assert_eq!(search("12/123"), "-|-|12|-|-|123");
        assert_eq!(search("a/12/123"), "-|A|12|-|-|123");
        assert_eq!(search("foglio 12"), "-|-|12|-|-|-");
    }

    #[test]
    fn the_land_register_has_parcels_without_sheets() {
        assert_eq!(search("p.ed. 12/3"), "-|-|-|-|-|.12/3");
        assert_eq!(search("p.f.481/1"), "-|-|-|-|-|481/1");
        assert_eq!(search("particella .153"), "-|-|-|-|-|.153");
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        for text in ["", "Rialto", "45.4342, 12.3388", "foglio", "foglio dodici", "L736_12.3", "12/", "particella"] {
            assert_eq!(ParcelSearch::parse(text), Err(NotAReference), "{text}");
        }
    }

    proptest! {
        #[test]
        fn nothing_panics(text in "\\PC{0,60}|(foglio|fg|f[.]|p[.]ed[.]|sez|all|[A-Z0-9_./ ]){1,12}") {
            let _ = ParcelSearch::parse(&text);
        }
    }
}
