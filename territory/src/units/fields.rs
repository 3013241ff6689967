//! Columns of a row, each read as what it is and no longer than it is.

use chrono::NaiveDate;

use crate::{Exact, Text};

/// What is wrong with a column: its name, the rule, what to say.
pub(super) type Wrong = (&'static str, &'static str, Text);

/// The columns of one row.
pub(super) struct Columns<'a>(pub Vec<&'a str>);

impl<'a> Columns<'a> {
    pub fn at(&self, i: usize) -> &'a str {
        self.0.get(i).map_or("", |column| column.trim())
    }

    /// Groups of so many columns, from the seventh on. The row may end with a bar, and with groups that are empty.
    pub fn groups(&self, size: usize) -> Result<Vec<Columns<'a>>, Wrong> {
        let rest = &self.0[self.0.len().min(6)..];
        let full = if rest.len() % size == 1 % size && rest.last().is_some_and(|last| last.trim().is_empty()) {
            &rest[..rest.len() - rest.len() % size]
        } else {
            rest
        };
        if !full.len().is_multiple_of(size) {
            return Err((
                "",
                "column-count",
                Text::new(
                    format!("le colonne dopo la sesta devono essere multipli di {size}, non {}", rest.len()),
                    format!("the columns after the sixth must be a multiple of {size}, not {}", rest.len()),
                ),
            ));
        }
        let groups = full.chunks(size).filter(|group| group.iter().any(|column| !column.trim().is_empty()));
        Ok(groups.map(|group| Columns(group.to_vec())).collect())
    }

    /// A short code: letters, digits and few signs. None is long enough for a tax code.
    pub fn code(&self, i: usize, name: &'static str, longest: usize) -> Result<String, Wrong> {
        let text = self.at(i);
        let fits = text.chars().count() <= longest
            && text
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '-' | '/' | '.' | '+' | ' ' | '\'' | '°' | '_' | ','));
        if fits { Ok(text.to_owned()) } else { Err(wrong(name, "bad-code", text)) }
    }

    /// A code without the zeros before it.
    pub fn bare(&self, i: usize, name: &'static str, longest: usize) -> Result<String, Wrong> {
        self.code(i, name, longest).map(|code| code.trim_start_matches('0').to_owned())
    }

    pub fn whole(&self, i: usize, name: &'static str) -> Result<Option<u64>, Wrong> {
        match self.at(i) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| wrong(name, "not-a-number", text)),
        }
    }

    /// A number with a decimal comma.
    pub fn decimal(&self, i: usize, name: &'static str) -> Result<Option<Exact>, Wrong> {
        let text = self.at(i);
        if text.is_empty() {
            return Ok(None);
        }
        let number: Exact = text.replace(',', ".").parse().map_err(|_| wrong(name, "not-a-number", text))?;
        if number.is_negative() { Err(wrong(name, "negative", text)) } else { Ok(Some(number)) }
    }

    /// A date `ddmmyyyy`.
    pub fn date(&self, i: usize, name: &'static str) -> Result<Option<NaiveDate>, Wrong> {
        let text = self.at(i);
        if text.is_empty() {
            return Ok(None);
        }
        let plain = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_digit());
        let date = plain.then(|| NaiveDate::parse_from_str(text, "%d%m%Y").ok()).flatten();
        date.map(Some).ok_or_else(|| wrong(name, "bad-date", text))
    }

    /// Hectares, ares and square metres.
    pub fn area(&self, i: usize) -> Result<u64, Wrong> {
        let part = |i, name| self.whole(i, name).map(|number| number.unwrap_or(0));
        let (hectares, ares, metres) = (part(i, "ettari")?, part(i + 1, "are")?, part(i + 2, "centiare")?);
        if hectares > 1_000_000 || ares > 99 || metres > 99 {
            return Err(wrong("ettari", "out-of-range", &format!("{hectares} {ares} {metres}")));
        }
        Ok(hectares * 10_000 + ares * 100 + metres)
    }

    /// A street: free text, so it is looked through for tax codes.
    pub fn street(&self, i: usize, name: &'static str) -> Result<String, Wrong> {
        let text = self.at(i);
        if text.split(|c: char| !c.is_alphanumeric()).any(is_tax_code) {
            return Err((
                name,
                "personal-data",
                Text::new(
                    "contiene un codice fiscale: riga rifiutata, il valore non è conservato",
                    "holds a tax code: the row is refused, the value is not kept",
                ),
            ));
        }
        if text.chars().count() > 100 { Err(wrong(name, "too-long", "…")) } else { Ok(text.to_owned()) }
    }
}

fn wrong(name: &'static str, rule: &'static str, value: &str) -> Wrong {
    // A value that is wrong may be anything, a name too: of one that is long nothing is repeated.
    let shown = if value.chars().count() <= 12 && !value.chars().any(char::is_alphabetic) { value } else { "…" };
    (name, rule, Text::new(format!("valore non valido: «{shown}»"), format!("the value “{shown}” is not valid")))
}

/// Whether a word has the form of a natural person's tax code, letters for digits (*omocodia*) included.
fn is_tax_code(word: &str) -> bool {
    let digit = |c: u8| c.is_ascii_digit() || b"LMNPQRSTUV".contains(&c.to_ascii_uppercase());
    word.len() == 16
        && word.bytes().enumerate().all(|(i, c)| match i {
            0..=5 | 11 | 15 => c.is_ascii_alphabetic(),
            8 => b"ABCDEHLMPRST".contains(&c.to_ascii_uppercase()),
            _ => digit(c),
        })
}
