//! The tables of a plan: zones with coefficients, and streets, as spreadsheets write them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use csv::{ReaderBuilder, StringRecord};

use super::plan::{Side, StreetEntry, Zone, ZoneKind, ZoneSet};
use super::read::{MAX_FILE_BYTES, duplicate};
use crate::document::{Range, Section, bad_code, is_code, outside};
use crate::{Exact, Fault, Text};

/// Most faults of one table that are told one by one.
const MAX_FAULTS: usize = 200;

/// A table with its header, row after row.
struct Table<'a> {
    file: &'a str,
    columns: Vec<String>,
    rows: Vec<(u64, StringRecord)>,
    /// Whether decimals have a comma, as they do where columns are parted by semicolons.
    comma: bool,
    faults: Vec<Fault>,
}

impl<'a> Table<'a> {
    /// The table that a key of the plan names, if it names one.
    fn open(
        section: &Section<'_>,
        key: &str,
        files: &'a BTreeMap<String, Vec<u8>>,
        needed: &[&str],
        known: &[&str],
    ) -> Option<Self> {
        let name = section.optional_text(key)?;
        let Some((file, bytes)) = files.get_key_value(&name) else {
            let text = Text::new(format!("il file «{name}» non c'è"), format!("the file “{name}” is not there"));
            section.fault(key, "missing-file", text);
            return None;
        };
        let mut table = Self { file, columns: Vec::new(), rows: Vec::new(), comma: false, faults: Vec::new() };
        table.read(bytes, needed, known);
        Some(table)
    }

    fn read(&mut self, bytes: &[u8], needed: &[&str], known: &[&str]) {
        if bytes.len() > MAX_FILE_BYTES {
            self.fault(0, "", "too-large", Text::new("file oltre 16 MiB", "the file is larger than 16 MiB"));
            return;
        }
        let Ok(text) = std::str::from_utf8(bytes) else {
            self.fault(0, "", "not-utf8", Text::new("salvare il file in UTF-8", "save the file as UTF-8"));
            return;
        };
        let text = text.trim_start_matches('\u{feff}');
        self.comma = text.lines().next().is_some_and(|header| header.contains(';'));
        let delimiter = if self.comma { b';' } else { b',' };
        let mut reader = ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
        match reader.headers().cloned() {
            Ok(header) => self.columns = header.iter().map(str::to_lowercase).collect(),
            Err(error) => self.broken(&error),
        }
        let absent: Vec<_> = needed.iter().filter(|column| !self.columns.iter().any(|name| name == *column)).collect();
        for column in absent {
            let text = Text::new(format!("manca la colonna «{column}»"), format!("the column {column} is missing"));
            self.fault(1, column, "missing", text);
        }
        for column in self.columns.clone() {
            if !known.contains(&column.as_str()) {
                let all = known.join(", ");
                let text = Text::new(
                    format!("colonna sconosciuta; quelle ammesse sono: {all}"),
                    format!("is no known column; those known are: {all}"),
                );
                self.fault(1, &column, "unknown-key", text);
            } else if self.columns.iter().filter(|name| **name == column).count() > 1 {
                self.fault(1, &column, "duplicate-code", duplicate(&column));
            }
        }
        if !self.faults.is_empty() {
            return;
        }
        for record in reader.records() {
            match record {
                Ok(record) => self.rows.push((record.position().map_or(0, csv::Position::line), record)),
                Err(error) => self.broken(&error),
            }
        }
    }

    fn broken(&mut self, error: &csv::Error) {
        let line = error.position().map_or(0, csv::Position::line);
        let text = Text::new(
            "la riga non ha tante colonne quante l'intestazione, o non si legge",
            "the row has not as many columns as the header, or cannot be read",
        );
        self.fault(line, "", "bad-row", text);
    }

    fn fault(&mut self, line: u64, field: &str, rule: &str, text: Text) {
        self.faults.push(Fault { file: self.file.into(), line, field: field.into(), rule: rule.into(), text });
    }

    fn value<'r>(&self, row: &'r StringRecord, column: &str) -> Option<&'r str> {
        let i = self.columns.iter().position(|name| name == column)?;
        row.get(i).filter(|value| !value.is_empty())
    }

    fn needed<'r>(&mut self, line: u64, row: &'r StringRecord, column: &str) -> Option<&'r str> {
        let value = self.value(row, column);
        if value.is_none() {
            self.fault(line, column, "missing", Text::new(format!("manca «{column}»"), format!("{column} is missing")));
        }
        value
    }

    fn code(&mut self, line: u64, row: &StringRecord, column: &str) -> Option<String> {
        let code = self.needed(line, row, column)?;
        if is_code(code) {
            return Some(code.to_owned());
        }
        self.fault(line, column, "bad-code", bad_code(code));
        None
    }

    fn number(&mut self, line: u64, row: &StringRecord, column: &str) -> Option<Exact> {
        let text = self.needed(line, row, column)?;
        let written = if self.comma { text.replace(',', ".") } else { text.to_owned() };
        let Ok(number) = written.parse::<Exact>() else {
            let text =
                Text::new(format!("«{text}» non è un numero decimale"), format!("“{text}” is not a decimal number"));
            self.fault(line, column, "wrong-type", text);
            return None;
        };
        if let Some(text) = outside(&number, Range::NotNegative) {
            self.fault(line, column, "out-of-range", text);
            return None;
        }
        Some(number)
    }

    /// A whole number, where there is one.
    fn whole(&mut self, line: u64, row: &StringRecord, column: &str) -> Option<u64> {
        let text = self.value(row, column)?;
        let number = text.parse().ok();
        if number.is_none() {
            let text = Text::new(format!("«{text}» non è un numero intero"), format!("“{text}” is not a whole number"));
            self.fault(line, column, "wrong-type", text);
        }
        number
    }

    fn finish(self, section: &Section<'_>) {
        let (file, more) = (self.file, self.faults.len().saturating_sub(MAX_FAULTS));
        for fault in self.faults.into_iter().take(MAX_FAULTS) {
            section.doc.push(fault);
        }
        if more > 0 {
            let text = Text::new(format!("e altri {more} errori"), format!("and {more} further faults"));
            section.doc.push(Fault {
                file: file.into(),
                line: u64::MAX,
                field: String::new(),
                rule: "too-many".into(),
                text,
            });
        }
    }
}

/// Zones of a set from the table that `zone_table` names: `code,name,rank,annual,daily`.
pub(super) fn zones(section: &Section<'_>, set: &mut ZoneSet, files: &BTreeMap<String, Vec<u8>>) {
    let known = ["code", "name", "rank", "annual", "daily"];
    let needed = ["code", "rank", "annual", "daily"];
    let Some(mut table) = Table::open(section, "zone_table", files, &needed, &known) else { return };
    for (line, row) in std::mem::take(&mut table.rows) {
        let code = table.code(line, &row, "code");
        if table.value(&row, "rank").is_none() {
            table.needed(line, &row, "rank");
        }
        let rank = table.whole(line, &row, "rank");
        let annual = table.number(line, &row, "annual");
        let daily = table.number(line, &row, "daily");
        let Some(code) = code else { continue };
        let name = Text::same(table.value(&row, "name").unwrap_or(&code));
        match set.zones.entry(code) {
            Entry::Occupied(other) => table.fault(line, "code", "duplicate-code", duplicate(other.key())),
            Entry::Vacant(place) => {
                if let (Some(rank), Some(annual), Some(daily)) = (rank, annual, daily) {
                    place.insert(Zone { name, rank, annual, daily });
                }
            }
        }
    }
    table.finish(section);
}

/// Streets of a set from the table that `street_table` names: `street,name,zone,from,to,side`.
pub(super) fn streets(section: &Section<'_>, set: &mut ZoneSet, files: &BTreeMap<String, Vec<u8>>) {
    let by_street = matches!(set.kind, ZoneKind::Street | ZoneKind::StreetSegment);
    if by_street != section.has("street_table") {
        let text = Text::new(
            "«street_table» serve agli insiemi di vie («street», «street_segment») e solo a quelli",
            "street_table is needed by sets of streets (street, street_segment) and by these only",
        );
        section.fault("street_table", "contradiction", text);
    }
    let known: &[&str] = match set.kind {
        ZoneKind::StreetSegment => &["street", "name", "zone", "from", "to", "side"],
        _ => &["street", "name", "zone"],
    };
    let Some(mut table) = Table::open(section, "street_table", files, &["street", "zone"], known) else { return };
    let mut by_code: BTreeMap<String, Vec<(u64, StreetEntry)>> = BTreeMap::new();
    for (line, row) in std::mem::take(&mut table.rows) {
        let Some(entry) = street(&mut table, line, &row, set) else { continue };
        let others = by_code.entry(entry.street.clone()).or_default();
        if let Some((other, _)) = others.iter().find(|(_, other)| overlap(other, &entry)) {
            let text = Text::new(
                format!("la via e i suoi numeri sono già alla riga {other}"),
                format!("the street and its numbers are in line {other} already"),
            );
            table.fault(line, "street", "overlap", text);
        }
        others.push((line, entry));
    }
    set.streets = by_code.into_values().flatten().map(|(_, entry)| entry).collect();
    table.finish(section);
}

fn street(table: &mut Table<'_>, line: u64, row: &StringRecord, set: &ZoneSet) -> Option<StreetEntry> {
    let street = table.code(line, row, "street");
    let zone = table.code(line, row, "zone");
    let (from, to) = (table.whole(line, row, "from"), table.whole(line, row, "to"));
    let side = match table.value(row, "side") {
        None | Some("both") => Side::Both,
        Some("even") => Side::Even,
        Some("odd") => Side::Odd,
        Some(other) => {
            let text = Text::new(
                format!("«{other}» non è ammesso; scrivere uno tra: both, even, odd"),
                format!("“{other}” is not one of: both, even, odd"),
            );
            table.fault(line, "side", "unknown-word", text);
            Side::Both
        }
    };
    if let (Some(from), Some(to)) = (from, to)
        && from > to
    {
        let text = Text::new(
            format!("il primo numero, {from}, viene dopo l'ultimo, {to}"),
            format!("the first number, {from}, is after the last, {to}"),
        );
        table.fault(line, "from", "out-of-range", text);
    }
    let (street, zone) = (street?, zone?);
    if !set.zones.contains_key(&zone) {
        let text = Text::new(
            format!("la zona «{zone}» non è nell'insieme «{}»", set.code),
            format!("the zone “{zone}” is not in the set “{}”", set.code),
        );
        table.fault(line, "zone", "unknown-zone", text);
    }
    let name = table.value(row, "name").unwrap_or(&street).to_owned();
    Some(StreetEntry { street, name, from, to, side, zone })
}

/// Whether some house number is in both; entries of one street.
fn overlap(a: &StreetEntry, b: &StreetEntry) -> bool {
    let sides = a.side == Side::Both || b.side == Side::Both || a.side == b.side;
    let (from, to) =
        (a.from.unwrap_or(0).max(b.from.unwrap_or(0)), a.to.unwrap_or(u64::MAX).min(b.to.unwrap_or(u64::MAX)));
    // Two numbers one after the other have one of each side.
    let side = if a.side == Side::Both { b.side } else { a.side };
    let one_of_side = match side {
        Side::Both => true,
        Side::Even => to > from || from.is_multiple_of(2),
        Side::Odd => to > from || !from.is_multiple_of(2),
    };
    sides && from <= to && one_of_side
}
