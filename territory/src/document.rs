//! TOML with places: every value knows its line, and every fault is kept instead of ending the reading.

use std::cell::RefCell;
use std::collections::BTreeSet;

use chrono::{NaiveDate, NaiveDateTime};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::{Exact, Fault, Text};

/// A file that is being read, and what was found wrong in it.
pub(crate) struct Document<'a> {
    pub file: &'a str,
    text: &'a str,
    faults: RefCell<Vec<Fault>>,
}

impl<'a> Document<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Self { file, text, faults: RefCell::default() }
    }

    pub fn fault(&self, offset: usize, field: &str, rule: &str, text: Text) {
        let line = self.line(offset);
        self.push(Fault { file: self.file.into(), line, field: field.into(), rule: rule.into(), text });
    }

    pub fn push(&self, fault: Fault) {
        self.faults.borrow_mut().push(fault);
    }

    /// Line of an offset, from 1.
    pub fn line(&self, offset: usize) -> u64 {
        1 + self.text.bytes().take(offset).filter(|byte| *byte == b'\n').count() as u64
    }

    pub fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults.dedup();
        faults
    }
}

/// What numbers a field takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Range {
    /// Nothing and more.
    NotNegative,
    /// More than nothing.
    Positive,
    /// 0 to 100.
    Percent,
}

/// A table of the file.
pub(crate) struct Section<'a> {
    pub doc: &'a Document<'a>,
    table: &'a DeTable<'a>,
    /// Where it begins.
    pub offset: usize,
    path: String,
    seen: RefCell<BTreeSet<String>>,
}

impl<'a> Section<'a> {
    pub fn new(doc: &'a Document<'a>, table: &'a DeTable<'a>, offset: usize, path: String) -> Self {
        Self { doc, table, offset, path, seen: RefCell::default() }
    }

    /// Path of a field, as faults name it.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    pub fn offset_of(&self, key: &str) -> usize {
        self.get(key).map_or(self.offset, |value| value.span().start)
    }

    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    fn get(&self, key: &str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.seen.borrow_mut().insert(key.to_owned());
        self.table.iter().find(|(name, _)| name.get_ref() == key).map(|(_, value)| value)
    }

    pub fn fault(&self, key: &str, rule: &str, text: Text) {
        self.doc.fault(self.offset_of(key), &self.path(key), rule, text);
    }

    pub fn missing(&self, key: &str) {
        self.fault(key, "missing", Text::new(format!("manca «{key}»"), format!("{key} is missing")));
    }

    fn wrong_kind(&self, key: &str, it: &str, en: &str) {
        self.fault(key, "wrong-type", Text::new(format!("deve essere {it}"), format!("must be {en}")));
    }

    pub fn optional_text(&self, key: &str) -> Option<String> {
        let text = self.get(key)?.get_ref().as_str();
        match text.map(str::trim) {
            Some(text) if !text.is_empty() && text.len() <= 500 => Some(text.to_owned()),
            _ => {
                self.wrong_kind(
                    key,
                    "un testo non vuoto, di 500 byte al più",
                    "a text that is not empty, of at most 500 bytes",
                );
                None
            }
        }
    }

    pub fn text(&self, key: &str) -> Option<String> {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional_text(key)
    }

    /// A code: letters, digits, `-`, `_`, `.`.
    pub fn code(&self, key: &str) -> Option<String> {
        let code = self.text(key)?;
        if is_code(&code) {
            return Some(code);
        }
        self.fault(key, "bad-code", bad_code(&code));
        None
    }

    /// A text, or one in each language.
    pub fn title(&self, key: &str) -> Option<Text> {
        match self.get(key)?.get_ref() {
            DeValue::Table(_) => {
                let section = self.section(key)?;
                let title = Text { it: section.text("it")?, en: section.text("en")? };
                section.finish();
                Some(title)
            }
            _ => self.optional_text(key).map(Text::same),
        }
    }

    pub fn optional_number(&self, key: &str, range: Range) -> Option<Exact> {
        let value = self.get(key)?.get_ref();
        // As it is written: a float would be another number than what the act says.
        let written = match value {
            DeValue::Float(float) => float.as_str(),
            DeValue::Integer(integer) if integer.radix() == 10 => integer.as_str(),
            DeValue::String(text) => text.as_ref(),
            _ => "",
        };
        let Ok(number) = written.parse::<Exact>() else {
            self.wrong_kind(key, "un numero decimale, per esempio 12.50", "a decimal number, such as 12.50");
            return None;
        };
        match outside(&number, range) {
            None => Some(number),
            Some(text) => {
                self.fault(key, "out-of-range", text);
                None
            }
        }
    }

    pub fn number(&self, key: &str, range: Range) -> Option<Exact> {
        if !self.has(key) {
            self.missing(key);
        }
        self.optional_number(key, range)
    }

    pub fn optional_whole(&self, key: &str) -> Option<u64> {
        let number = self.optional_number(key, Range::NotNegative)?;
        let whole = number.to_u64();
        if whole.is_none() {
            self.wrong_kind(key, "un numero intero", "a whole number");
        }
        whole
    }

    pub fn optional_date(&self, key: &str) -> Option<NaiveDate> {
        let value = self.get(key)?.get_ref();
        let date = date_of(value);
        if date.is_none() {
            self.wrong_kind(key, "una data, per esempio 2026-01-01", "a date, such as 2026-01-01");
        }
        date
    }

    /// Days.
    pub fn dates(&self, key: &str) -> Vec<NaiveDate> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let dates: Option<Vec<NaiveDate>> =
            value.get_ref().as_array().and_then(|items| items.iter().map(|item| date_of(item.get_ref())).collect());
        if dates.is_none() {
            self.wrong_kind(
                key,
                "un elenco di date, per esempio [2026-01-01]",
                "a list of dates, such as [2026-01-01]",
            );
        }
        dates.unwrap_or_default()
    }

    /// A moment by the clock on the wall.
    pub fn optional_clock(&self, key: &str) -> Option<NaiveDateTime> {
        let moment = match self.get(key)?.get_ref() {
            DeValue::Datetime(it) if it.offset.is_none() => it.date.zip(it.time).and_then(|(date, time)| {
                let date = NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))?;
                let second = time.second.map_or(0, u32::from);
                date.and_hms_opt(u32::from(time.hour), u32::from(time.minute), second)
            }),
            _ => None,
        };
        if moment.is_none() {
            self.wrong_kind(
                key,
                "data e ora locali, per esempio 2026-07-18T14:00:00",
                "a local date and time, such as 2026-07-18T14:00:00",
            );
        }
        moment
    }

    pub fn flag(&self, key: &str) -> bool {
        match self.get(key).map(Spanned::get_ref) {
            None => false,
            Some(DeValue::Boolean(value)) => *value,
            Some(_) => {
                self.wrong_kind(key, "true o false", "true or false");
                false
            }
        }
    }

    /// One of some words; the fallback where it is absent, and where it is none of them, which is a fault.
    pub fn one_of<T: Copy>(&self, key: &str, words: &[(&str, T)], fallback: T) -> T {
        self.required_one_of(key, words, Some(fallback)).unwrap_or(fallback)
    }

    pub fn required_one_of<T: Copy>(&self, key: &str, words: &[(&str, T)], fallback: Option<T>) -> Option<T> {
        if !self.has(key) {
            if fallback.is_none() {
                self.missing(key);
            }
            return fallback;
        }
        let text = self.optional_text(key)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            self.fault(key, "unknown-word", unknown_word(&text, words));
        }
        found
    }

    pub fn texts(&self, key: &str) -> Vec<String> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let items: Option<Vec<String>> = value
            .get_ref()
            .as_array()
            .and_then(|items| items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect());
        if items.is_none() {
            self.wrong_kind(key, "un elenco di testi", "a list of texts");
        }
        items.unwrap_or_default()
    }

    pub fn some_of<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Vec<T> {
        let mut values = Vec::new();
        for text in self.texts(key) {
            match words.iter().find(|(word, _)| *word == text) {
                Some((_, value)) => values.push(*value),
                None => self.fault(key, "unknown-word", unknown_word(&text, words)),
            }
        }
        values
    }

    pub fn section(&self, key: &str) -> Option<Section<'a>> {
        let value = self.get(key)?;
        if let DeValue::Table(table) = value.get_ref() {
            return Some(Section::new(self.doc, table, value.span().start, self.path(key)));
        }
        self.wrong_kind(key, "una tabella", "a table");
        None
    }

    pub fn required_section(&self, key: &str) -> Option<Section<'a>> {
        if !self.has(key) {
            self.missing(key);
        }
        self.section(key)
    }

    /// The tables of `[[key]]`.
    pub fn sections(&self, key: &str) -> Vec<Section<'a>> {
        let Some(value) = self.get(key) else { return Vec::new() };
        let Some(items) = value.get_ref().as_array() else {
            self.wrong_kind(key, "un elenco di tabelle [[…]]", "a list of tables [[…]]");
            return Vec::new();
        };
        let mut sections = Vec::new();
        for (i, item) in items.iter().enumerate() {
            match item.get_ref() {
                DeValue::Table(table) => {
                    let path = format!("{}[{}]", self.path(key), i + 1);
                    sections.push(Section::new(self.doc, table, item.span().start, path));
                }
                _ => self.wrong_kind(key, "un elenco di tabelle [[…]]", "a list of tables [[…]]"),
            }
        }
        sections
    }

    /// Says of each key that nobody asked for that it is none.
    pub fn finish(&self) {
        let seen = self.seen.borrow();
        for (name, _) in self.table.iter().filter(|(name, _)| !seen.contains(name.get_ref().as_ref())) {
            let known = seen.iter().cloned().collect::<Vec<_>>().join(", ");
            self.doc.fault(
                name.span().start,
                &self.path(name.get_ref()),
                "unknown-key",
                Text::new(
                    format!("chiave sconosciuta; quelle ammesse sono: {known}"),
                    format!("is no known key; those known are: {known}"),
                ),
            );
        }
    }
}

fn date_of(value: &DeValue<'_>) -> Option<NaiveDate> {
    match value {
        DeValue::Datetime(date) if date.time.is_none() => date
            .date
            .and_then(|date| NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))),
        DeValue::String(text) => text.parse().ok(),
        _ => None,
    }
}

pub(crate) fn is_code(text: &str) -> bool {
    (1..=60).contains(&text.chars().count()) && text.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
}

pub(crate) fn bad_code(code: &str) -> Text {
    Text::new(
        format!("«{code}» non è un codice: solo lettere, cifre, - _ e punto, 60 al più"),
        format!("“{code}” is no code: letters, digits, - _ and dot only, 60 at most"),
    )
}

pub(crate) fn outside(number: &Exact, range: Range) -> Option<Text> {
    match range {
        Range::NotNegative | Range::Positive | Range::Percent if number.is_negative() => {
            Some(Text::new(format!("{number} è negativo"), format!("{number} is negative")))
        }
        Range::Positive if number.is_zero() => {
            Some(Text::new("deve essere maggiore di zero", "must be more than zero"))
        }
        Range::Percent if *number > Exact::from(100) => {
            Some(Text::new(format!("{number} supera il 100 per cento"), format!("{number} is more than 100 percent")))
        }
        _ => None,
    }
}

fn unknown_word<T>(text: &str, words: &[(&str, T)]) -> Text {
    let known = words.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ");
    Text::new(format!("«{text}» non è ammesso; scrivere uno tra: {known}"), format!("“{text}” is not one of: {known}"))
}
