//! Which columns of the published files mean what.

use super::{Kind, Source};

/// A thing that columns say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    Cup,
    Title,
    State,
    Holder,
    Sector,
    Year,
    Cost,
    ActualCost,
    Funding,
    StartPlanned,
    EndPlanned,
    StartActual,
    EndActual,
    Province,
    Municipality,
}

use Field::{
    ActualCost, Cost, Cup, EndActual, EndPlanned, Funding, Holder, Municipality, Province, Sector, StartActual,
    StartPlanned, State, Title, Year,
};

/// Columns of `OpenCUP`, the better one first where several say the same.
const OPENCUP: [(Field, &str); 10] = [
    (Cup, "CUP"),
    (Title, "DESCRIZIONE_SINTETICA_CUP"),
    (State, "STATO_PROGETTO"),
    (Holder, "SOGGETTO_TITOLARE"),
    (Sector, "SETTORE_INTERVENTO"),
    (Year, "ANNO_DECISIONE"),
    (Cost, "COSTO_PROGETTO"),
    (Funding, "FINANZIAMENTO_PROGETTO"),
    (Province, "CODICE_PROVINCIA"),
    (Municipality, "CODICE_COMUNE"),
];
/// Columns of BDAP-MOP.
const MOP: [(Field, &str); 18] = [
    (Cup, "Codice CUP"),
    (Title, "Descrizione CUP Integrale"),
    (State, "Descrizione Stato CUP"),
    (Holder, "Descrizione Titolare"),
    (Sector, "Settore Interv Inv"),
    (Cost, "Costo Lavori Previsto"),
    (ActualCost, "Costo Lavori Effettivo"),
    // What others pay is a sum.
    (Funding, "Finanziamenti Statali"),
    (Funding, "Finanziamenti Europei"),
    (Funding, "Finanziamenti Enti Territorial"),
    (Funding, "Finanziamenti Privati"),
    (Funding, "Altre fonti di finanziamento"),
    (StartPlanned, "Inizio esecuzione prevista"),
    (EndPlanned, "Fine esecuzione prevista"),
    (StartActual, "Inizio esecuzione effettiva"),
    (EndActual, "Fine esecuzione effettiva"),
    (Province, "Codice Provincia"),
    (Municipality, "Codice Comune"),
];

/// A file by its header.
#[derive(Debug)]
pub struct Layout {
    pub source: Source,
    pub kind: Kind,
    /// Columns by what they mean.
    columns: Vec<(Field, usize)>,
}

impl Layout {
    /// By the names of the columns; none where they are of no file that is known.
    pub fn of(names: &[String]) -> Option<Self> {
        let place = |wanted: &str| names.iter().position(|name| name.eq_ignore_ascii_case(wanted));
        let found = |known: &[(Field, &str)]| -> Vec<(Field, usize)> {
            known.iter().filter_map(|(field, name)| Some((*field, place(name)?))).collect()
        };
        let (source, columns) = [(Source::Mop, found(&MOP)), (Source::OpenCup, found(&OPENCUP))]
            .into_iter()
            .find(|(_, columns)| columns.iter().any(|(field, _)| *field == Cup))?;
        let has = |wanted: Field| columns.iter().any(|(field, _)| *field == wanted);
        let kind = if has(Title) || has(Cost) || has(State) {
            Kind::Projects
        } else if has(Municipality) {
            Kind::Places
        } else {
            return None;
        };
        Some(Self { source, kind, columns })
    }

    /// Which columns say something.
    pub fn all(&self, field: Field) -> impl Iterator<Item = usize> {
        self.columns.iter().filter(move |(other, _)| *other == field).map(|(_, column)| *column)
    }
}
