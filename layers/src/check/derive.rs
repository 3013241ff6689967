//! Fields that a source leaves empty, filled from what another field says.

use super::value::Codes;
use crate::cadastre::{ParcelNumber, ParcelReference, SheetReference};
use crate::definition::{LayerDefinition, Part};
use crate::feature::Value;

/// The derivations of a layer, in the order of the fields from which they take.
#[derive(Debug, Clone, Default)]
pub struct Derivations(Vec<Source>);

/// What is taken out of one field.
#[derive(Debug, Clone)]
struct Source {
    from: usize,
    targets: Vec<Target>,
}

/// Where one part of it goes.
#[derive(Debug, Clone)]
struct Target {
    to: usize,
    part: Part,
    /// The values that the field takes, if they are listed.
    codes: Option<Codes>,
}

impl Derivations {
    /// Those that a definition declares.
    pub fn of(definition: &LayerDefinition) -> Self {
        let mut sources: Vec<Source> = Vec::new();
        for (to, field) in definition.fields.iter().enumerate() {
            let Some(derive) = &field.derive else { continue };
            let Some((from, _)) = definition.field(&derive.from).filter(|(from, _)| *from < to) else { continue };
            let target = Target { to, part: derive.part, codes: Codes::of(field) };
            match sources.iter_mut().find(|source| source.from == from) {
                Some(source) => source.targets.push(target),
                None => sources.push(Source { from, targets: vec![target] }),
            }
        }
        sources.sort_by_key(|source| source.from);
        Self(sources)
    }

    /// Fills what is empty in a row.
    pub fn fill(&self, properties: &mut [Value]) {
        for source in &self.0 {
            if source.targets.iter().all(|target| !properties[target.to].is_null()) {
                continue;
            }
            let Value::Text(text) = &properties[source.from] else { continue };
            let name = Name::read(text);
            for Target { to, part, codes } in &source.targets {
                if properties[*to].is_null() {
                    let value = name.part(*part);
                    properties[*to] = match (codes, value.as_text()) {
                        (Some(codes), Some(word)) => {
                            codes.code(word).map_or(Value::Null, |code| Value::Text(code.into()))
                        }
                        _ => value,
                    };
                }
            }
        }
    }
}

/// A text and what it says as a name of the cadastre, read when it is asked for.
struct Name {
    text: String,
    sheet: Option<SheetReference>,
    number: Option<ParcelNumber>,
}

impl Name {
    fn read(text: &str) -> Self {
        let (sheet, number) = match ParcelReference::parse(text) {
            Ok(ParcelReference { sheet, number }) => (Some(sheet), Some(number)),
            Err(_) => (SheetReference::parse(text).ok(), None),
        };
        Self { text: text.to_owned(), sheet, number }
    }

    fn part(&self, part: Part) -> Value {
        let letter = |of: fn(&SheetReference) -> Option<char>| {
            self.sheet.as_ref().and_then(of).map(|letter| Value::Text(letter.into()))
        };
        let value = match part {
            Part::Whole => Some(Value::Text(self.text.clone())),
            Part::Initial => self.text.chars().next().map(|initial| Value::Text(initial.to_uppercase().collect())),
            Part::Heading => self.text.split_once(" - ").map(|(heading, _)| Value::Text(heading.trim().into())),
            Part::Municipality => {
                self.sheet.as_ref().and_then(|sheet| sheet.municipality()).map(|code| Value::Text(code.to_owned()))
            }
            Part::Section => letter(|sheet| sheet.section),
            Part::Sheet => self.sheet.as_ref().map(|sheet| Value::Integer(sheet.sheet.into())),
            Part::Annex => letter(|sheet| sheet.annex),
            Part::Development => letter(|sheet| sheet.development),
            Part::Number => self.number.as_ref().map(|number| Value::Text(number.to_string())),
            Part::ParcelKind => {
                ParcelNumber::parse(&self.text).ok().map(|number| Value::Text(number.kind().code().to_owned()))
            }
        };
        value.unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::Catalog;

    /// A row of a shipped layer of which only some fields are given; afterwards all that are not empty.
    fn filled(layer: &str, given: &[(&str, &str)]) -> Vec<(String, String)> {
        let catalog = Catalog::shipped().expect("valid");
        let definition = catalog.get(layer).expect("shipped");
        let mut row = vec![Value::Null; definition.fields.len()];
        for (name, value) in given {
            row[definition.field(name).expect(name).0] = Value::Text((*value).to_owned());
        }
        Derivations::of(definition).fill(&mut row);
        let all = definition.fields.iter().zip(&row).filter(|(_, value)| !value.is_null());
        all.map(|(field, value)| (field.name.clone(), crate::check::value::shown(value))).collect()
    }

    fn says(row: &[(String, String)], name: &str) -> Option<String> {
        row.iter().find(|(field, _)| field == name).map(|(_, value)| value.clone())
    }

    #[test]
    fn a_national_reference_says_sheet_number_and_kind() {
        let row = filled("parcels", &[("national_ref", "H282B0012A1.STRADA001")]);
        for (name, value) in [
            ("municipality", "H282"),
            ("section", "B"),
            ("sheet", "12"),
            ("annex", "A"),
            ("development", "1"),
            ("number", "STRADA001"),
            ("kind", "road"),
            ("label", "STRADA001"),
        ] {
            assert_eq!(says(&row, name).as_deref(), Some(value), "{name}");
        }
        let row = filled("parcels", &[("national_ref", "A000W000200.57")]);
        assert_eq!(
            (says(&row, "municipality"), says(&row, "annex"), says(&row, "number")),
            (None, None, Some("57".into()))
        );
    }

    #[test]
    fn what_the_source_says_itself_stays_and_other_references_say_nothing() {
        let row = filled("parcels", &[("national_ref", "H282B0012A1.7"), ("number", "8"), ("kind", "water")]);
        assert_eq!((says(&row, "number"), says(&row, "kind")), (Some("8".to_owned()), Some("water".to_owned())));
        let row = filled("parcels", &[("national_ref", "361740000A0049")]);
        assert_eq!((says(&row, "sheet"), says(&row, "number")), (None, None));
    }

    #[test]
    fn sheets_and_property_market_zones_are_read_too() {
        let row = filled("parcel-sheets", &[("sheet_ref", "H282B0012A0")]);
        assert_eq!((says(&row, "sheet"), says(&row, "annex")), (Some("12".to_owned()), Some("A".to_owned())));
        assert_eq!(says(&filled("omi-zones", &[("code", "D14")]), "band").as_deref(), Some("D"));
        assert_eq!(says(&filled("omi-zones", &[("code", "X1")]), "band"), None, "not in the list of codes");
    }
    #[test]
    fn the_level_of_a_school_stands_before_its_name() {
        for (name, level) in [
            ("Primaria - Kolbe", Some("primaria")),
            ("Secondaria Primo Grado - Don Milani - succursale", Some("secondaria-1")),
            ("I. T. Economico - Da Vinci", Some("secondaria-2")),
            ("Fondazione - Bianchi", None),
            ("Primaria Kolbe", None),
        ] {
            assert_eq!(says(&filled("schools", &[("name", name)]), "level").as_deref(), level, "{name}");
        }
        let row = filled("schools", &[("name", "Primaria - Kolbe"), ("level", "infanzia")]);
        assert_eq!(says(&row, "level").as_deref(), Some("infanzia"));
    }
}
