//! A dump, row by row.

use std::io::{self, BufRead, Read as _};

use serde::Serialize;
use thiserror::Error;

use super::fields::{Columns, Wrong};
use super::record::{Address, Identifier, Key, Land, Portion, Position, Record, Span, Unit};
use crate::{Fault, Text};

/// Longest row, in bytes.
pub const MAX_ROW_BYTES: usize = 64 * 1024;

/// Which file of a dump.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DumpKind {
    /// `.FAB`: units of buildings.
    Buildings,
    /// `.TER`: land.
    Land,
}

/// Why a whole file is not read.
#[derive(Debug, Error)]
pub enum Refused {
    /// It holds owners: personal data, which are never loaded.
    #[error("owners and rights (.SOG, .TIT) are personal data and are never loaded; load .FAB and .TER only")]
    PersonalData,
    /// It is no file of a dump.
    #[error("is no census dump; load files that end in .FAB or .TER")]
    NotADump,
    /// It could not be read.
    #[error("the file could not be read")]
    Io(#[from] io::Error),
}

impl Refused {
    /// What to say to people.
    pub fn text(&self) -> Text {
        let it = match self {
            Self::PersonalData => {
                "titolari e diritti (.SOG, .TIT) sono dati personali e non si caricano mai: caricare solo .FAB e .TER"
            }
            Self::NotADump => "non è un'estrazione censuaria: caricare file .FAB o .TER",
            Self::Io(_) => "il file non si legge",
        };
        Text::new(it, self.to_string())
    }
}

impl DumpKind {
    /// By the end of a file's name.
    ///
    /// # Errors
    /// Files of owners and rights, and what is no dump.
    pub fn of_name(name: &str) -> Result<Self, Refused> {
        match name.rsplit('.').next().unwrap_or_default().to_ascii_uppercase().as_str() {
            "FAB" => Ok(Self::Buildings),
            "TER" => Ok(Self::Land),
            "TIT" | "SOG" => Err(Refused::PersonalData),
            _ => Err(Refused::NotADump),
        }
    }

    const fn letter(self) -> &'static str {
        match self {
            Self::Buildings => "F",
            Self::Land => "T",
        }
    }
}

/// The rows of a dump: records, and faults of rows that are none. It ends with the first reason to refuse the file.
pub struct Units<R> {
    input: R,
    file: String,
    kind: DumpKind,
    line: u64,
    ended: bool,
}

impl<R: BufRead> Units<R> {
    /// Reads a file by its name.
    ///
    /// # Errors
    /// Files of owners and rights, and what is no dump.
    pub fn open(file: &str, input: R) -> Result<Self, Refused> {
        Ok(Self { kind: DumpKind::of_name(file)?, input, file: file.to_owned(), line: 0, ended: false })
    }

    /// The next row as it stands, decoded; whether it was cut because it is too long.
    fn row(&mut self) -> io::Result<Option<(String, bool)>> {
        let mut bytes = Vec::new();
        (&mut self.input).take(MAX_ROW_BYTES as u64 + 1).read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let cut = bytes.len() > MAX_ROW_BYTES && bytes.last() != Some(&b'\n');
        if cut {
            self.skip_to_end_of_row()?;
        }
        // ISO 8859-1: each byte is the character of its number.
        let text: String = bytes.iter().map(|&byte| char::from(byte)).collect();
        Ok(Some((text.trim_end_matches(['\r', '\n']).to_owned(), cut)))
    }

    fn skip_to_end_of_row(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            if buffer.is_empty() {
                return Ok(());
            }
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let used = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                return Ok(());
            }
        }
    }

    fn fault(&self, (field, rule, text): Wrong) -> Fault {
        Fault { file: self.file.clone(), line: self.line, field: field.into(), rule: rule.into(), text }
    }
}

impl<R: BufRead> Iterator for Units<R> {
    /// A record, or what is wrong with its row; or why the rest is not read.
    type Item = Result<Result<Record, Fault>, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        while !self.ended {
            self.line += 1;
            let (text, cut) = match self.row() {
                Ok(Some(row)) => row,
                Ok(None) => break,
                Err(error) => {
                    self.ended = true;
                    return Some(Err(error.into()));
                }
            };
            if cut {
                let text = Text::new("riga oltre 64 KiB", "the row is longer than 64 KiB");
                return Some(Ok(Err(self.fault(("", "too-long", text)))));
            }
            if text.trim().is_empty() {
                continue;
            }
            let columns = Columns(text.split('|').collect());
            // Rows of subjects and of rights say P or G (person, body) where these say F or T.
            if matches!(columns.at(3), "P" | "G") {
                self.ended = true;
                return Some(Err(Refused::PersonalData));
            }
            return Some(Ok(record(self.kind, &columns).map_err(|wrong| self.fault(wrong))));
        }
        self.ended = true;
        None
    }
}

fn record(kind: DumpKind, columns: &Columns<'_>) -> Result<Record, Wrong> {
    let key = key(kind, columns)?;
    Ok(match (kind, columns.at(5)) {
        (DumpKind::Buildings, "1") => Record::Unit { key, unit: unit(columns)? },
        (DumpKind::Buildings, "2") => {
            let parcels = columns.groups(6)?.iter().map(|group| identifier(group, 0)).collect::<Result<_, _>>()?;
            Record::UnitParcels { key, parcels }
        }
        (DumpKind::Buildings, "3") => {
            Record::UnitAddresses { key, addresses: columns.groups(6)?.iter().map(address).collect::<Result<_, _>>()? }
        }
        (DumpKind::Buildings, "4") => {
            let parcels = columns.groups(5)?.iter().map(|group| identifier(group, 0)).collect::<Result<_, _>>()?;
            Record::UnitShared { key, parcels }
        }
        (DumpKind::Buildings, "5") | (DumpKind::Land, "3") => {
            let codes =
                columns.groups(2)?.iter().map(|group| group.code(0, "codice_riserva", 4)).collect::<Result<_, _>>()?;
            Record::Reserves { key, codes }
        }
        (DumpKind::Land, "1") => Record::Land { key, land: land(columns)? },
        (DumpKind::Land, "2") => {
            let symbols =
                columns.groups(1)?.iter().map(|group| group.code(0, "deduzione", 6)).collect::<Result<_, _>>()?;
            Record::Deductions { key, symbols }
        }
        (DumpKind::Land, "4") => {
            Record::Portions { key, portions: columns.groups(6)?.iter().map(portion).collect::<Result<_, _>>()? }
        }
        _ => {
            let text = Text::new("tipo di record sconosciuto", "the type of record is not known");
            return Err(("tipo_record", "unknown-record", text));
        }
    })
}

fn key(kind: DumpKind, columns: &Columns<'_>) -> Result<Key, Wrong> {
    let comune = columns.at(0);
    let fits = comune.len() == 4
        && comune.as_bytes()[0].is_ascii_uppercase()
        && comune.bytes().skip(1).all(|byte| byte.is_ascii_digit());
    if !fits {
        let text =
            Text::new("manca il codice del comune, come L736", "the code of the comune is missing, such as L736");
        return Err(("codice_comune", "bad-code", text));
    }
    if columns.at(3) != kind.letter() {
        let letter = kind.letter();
        let text = Text::new(format!("il tipo deve essere {letter}"), format!("the type must be {letter}"));
        return Err(("tipo_immobile", "wrong-type", text));
    }
    let missing = |name| (name, "missing", Text::new("manca", "is missing"));
    Ok(Key {
        comune: comune.to_owned(),
        section: columns.code(1, "sezione", 1)?,
        id: columns.whole(2, "identificativo_immobile")?.ok_or_else(|| missing("identificativo_immobile"))?,
        state: columns
            .whole(4, "progressivo")?
            .and_then(|n| n.try_into().ok())
            .ok_or_else(|| missing("progressivo"))?,
    })
}

fn count(columns: &Columns<'_>, least: usize, most: usize) -> Result<(), Wrong> {
    let n = columns.0.len();
    if (least..=most).contains(&n) {
        return Ok(());
    }
    let text = Text::new(
        format!("{n} colonne: se ne attendono da {least} a {most}"),
        format!("{n} columns: {least} to {most} are expected"),
    );
    Err(("", "column-count", text))
}

fn unit(columns: &Columns<'_>) -> Result<Unit, Wrong> {
    // 40 columns until 2006, 45 from 2007, one or two more since: what follows the 40th is about acts.
    count(columns, 40, 48)?;
    let some = |range: std::ops::Range<usize>, name| -> Result<Vec<String>, Wrong> {
        let codes = range.map(|i| columns.bare(i, name, 4)).collect::<Result<Vec<_>, _>>()?;
        Ok(codes.into_iter().filter(|code| !code.is_empty()).collect())
    };
    Ok(Unit {
        zone: columns.code(6, "zona", 3)?,
        category: columns.code(7, "categoria", 4)?,
        class: columns.code(8, "classe", 2)?,
        consistency: columns.decimal(9, "consistenza")?,
        area_m2: columns.decimal(10, "superficie")?,
        income_eur: columns.decimal(12, "rendita_euro")?,
        position: Position {
            lot: columns.code(13, "lotto", 3)?,
            building: columns.code(14, "edificio", 3)?,
            stair: columns.code(15, "scala", 3)?,
            doors: some(16..18, "interno")?,
            floors: some(18..22, "piano")?,
        },
        span: Span { from: columns.date(22, "data_efficacia")?, to: columns.date(28, "data_efficacia_fine")? },
    })
}

fn identifier(columns: &Columns<'_>, from: usize) -> Result<Identifier, Wrong> {
    let denominator = columns.whole(from + 3, "denominatore")?;
    Ok(Identifier {
        urban_section: columns.code(from, "sezione_urbana", 3)?,
        sheet: columns.bare(from + 1, "foglio", 4)?,
        number: columns.bare(from + 2, "numero", 9)?,
        denominator: denominator.and_then(|n| n.try_into().ok()).filter(|n| *n > 0),
        subunit: columns.bare(from + 4, "subalterno", 4)?,
        building_flag: columns.code(from + 5, "edificialita", 1)?,
    })
}

fn address(columns: &Columns<'_>) -> Result<Address, Wrong> {
    let numbers = (2..5).map(|i| columns.bare(i, "civico", 6)).collect::<Result<Vec<_>, _>>()?;
    Ok(Address {
        kind: columns.code(0, "toponimo", 3)?,
        street: columns.street(1, "indirizzo")?,
        numbers: numbers.into_iter().filter(|number| !number.is_empty()).collect(),
        street_code: columns.code(5, "codice_strada", 6)?,
    })
}

fn land(columns: &Columns<'_>) -> Result<Land, Wrong> {
    count(columns, 39, 45)?;
    // There is no urban section: the group begins a column earlier.
    let parcel = Identifier { urban_section: String::new(), ..identifier(columns, 5)? };
    Ok(Land {
        parcel,
        quality: columns.code(11, "qualita", 3)?,
        class: columns.code(12, "classe", 2)?,
        area_m2: columns.area(13)?,
        owner_income_eur: columns.decimal(21, "reddito_dominicale")?,
        farm_income_eur: columns.decimal(22, "reddito_agrario")?,
        span: Span { from: columns.date(23, "data_efficacia")?, to: columns.date(29, "data_efficacia_fine")? },
    })
}

fn portion(columns: &Columns<'_>) -> Result<Portion, Wrong> {
    Ok(Portion {
        code: columns.code(0, "porzione", 2)?,
        quality: columns.code(1, "qualita", 3)?,
        class: columns.code(2, "classe", 2)?,
        area_m2: columns.area(3)?,
    })
}
