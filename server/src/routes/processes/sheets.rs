//! `POST /parcel`, `/tariff`, `/certificate` with a table (CSV or `GeoPackage`): each row is a question of its own, and comes
//! back with its answer or with the reason why there is none. All rows are asked as of one moment.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Seek as _};
use std::sync::Arc;

use axum::extract::Request;
use axum::response::Response;
use futures::StreamExt as _;
use futures::future::BoxFuture;
use serde_json::Value;
use tempfile::NamedTempFile;

use super::execute::{answered, begun, prefers_async};
use super::inputs::Inputs;
use super::rentals::no_rows;
use super::rows::CSV;
use super::zones::FAILURES;
use super::{Input, Process};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::params::Params;
use crate::routes::respond::Language;
use crate::routes::when;
use crate::routes::{bearer, body, parameters, respond};
use crate::services::jobs::{Content, Order, Part, Progress};
use crate::services::rows::{Row, Rows};
use crate::wired::schema::text;
use crate::wired::{Operation, Words};

/// Rows that are worked on at the same time.
const AT_ONCE: usize = 4;
/// Rows that are read in one go.
const READ: usize = 256;
/// Names that tables have for inputs, beside the inputs' own.
const ALIASES: [(&str, &str); 22] = [
    ("particella", "parcel"),
    ("rif_catastale", "parcel"),
    ("national_ref", "parcel"),
    ("parcels", "parcel"),
    ("indirizzo", "address"),
    ("occupazione", "occupation"),
    ("quantita", "quantity"),
    ("quantità", "quantity"),
    ("superficie", "quantity"),
    ("mq", "quantity"),
    ("larghezza", "width"),
    ("dal", "from"),
    ("data_inizio", "from"),
    ("al", "to"),
    ("data_fine", "to"),
    ("giorni", "days"),
    ("ore", "hours"),
    ("codice_via", "street"),
    ("civico", "number"),
    ("dichiarazioni", "flags"),
    ("data", "datetime"),
    ("motivazione", "motivation"),
];
/// Inputs that the place of a row says: columns of these names are where the reader took it from.
const OF_PLACE: [&str; 4] = ["geometry", "x", "y", "crs"];
/// Inputs that only rows have.
const OF_ROWS: [&str; 3] = ["geometry", "x", "y"];
/// Inputs that name a place too. Where a row has a place of its own they are only what is written beside it.
const BESIDE: [&str; 7] = ["parcel", "feature", "address", "along", "between", "from_m", "to_m"];

/// What comes of a row: a text for each column.
pub type Answering = BoxFuture<'static, Result<Vec<String>, Problem>>;

/// A process that takes tables.
pub struct Sheet {
    /// It.
    pub process: &'static Process,
    /// Its input that names a parcel.
    pub parcel: &'static str,
    /// Columns of its answers.
    pub columns: &'static [&'static str],
    /// What answers a row.
    pub answer: fn(Arc<App>, Inputs) -> Answering,
}

/// What holds for all rows of a table.
struct Asked {
    sheet: &'static Sheet,
    /// Inputs of the query.
    usual: Inputs,
    language: Language,
    /// For each column of the table the input that it is of.
    inputs: Vec<Option<&'static str>>,
}

/// Answers a table, or takes it on as a job.
pub async fn post(sheet: &'static Sheet, app: Arc<App>, query: Option<String>, request: Request) -> Response {
    posted(sheet, app, query.as_deref(), request).await.unwrap_or_else(bearer::refusal_or)
}

async fn posted(sheet: &'static Sheet, app: Arc<App>, query: Option<&str>, request: Request) -> Answer {
    let names = known(sheet);
    let params = Params::read(query, &names)?;
    let headers = request.headers().clone();
    let language = respond::language(&params, &headers)?;
    let mut usual = Inputs::of_query(&params);
    let crs = usual.text("crs")?.map(|_| usual.crs("crs")).transpose()?;
    usual.take("crs");
    // All rows are asked as of the same moment, whatever is edited meanwhile.
    let seq = when::of(&app, usual.text(when::AT)?, None).await?.seq(&app);
    if app.past.is_some() {
        usual.put(when::AT, seq.to_string());
    }
    let file = body::table(request).await?;
    let opened = tokio::task::spawn_blocking(move || {
        let lines = lines(&file).map_err(Problem::internal)?;
        let rows = Rows::open(file, crs).map_err(|error| no_rows(&error))?;
        Ok::<_, Problem>((lines, rows))
    });
    let (lines, rows) = opened.await.map_err(Problem::internal)??;
    let inputs = rows.columns().iter().map(|column| input_of(sheet, column)).collect();
    let asked = Asked { sheet, usual, language, inputs };
    if prefers_async(&headers) {
        let own = Arc::clone(&app);
        let job = app.jobs.begin(Order::of(sheet.process.id), move |progress| work(own, asked, rows, lines, progress));
        return begun(&app, job, &headers);
    }
    let parts = work(app, asked, rows, lines, Progress::default()).await?;
    let mut response = answered(&parts, false);
    respond::set_seq(&mut response, seq);
    Ok(response)
}

fn known(sheet: &Sheet) -> Vec<&'static str> {
    let of_all = sheet.process.names().into_iter().filter(|name| !OF_ROWS.contains(name));
    of_all.chain(["lang"]).collect()
}

/// About as many rows as a text has, so that progress can be told; none where it is no text.
fn lines(file: &NamedTempFile) -> std::io::Result<u64> {
    let mut input = BufReader::with_capacity(1 << 20, File::open(file.path())?);
    let mut lines = 0;
    loop {
        let piece = input.fill_buf()?;
        if piece.is_empty() {
            return Ok(lines);
        }
        lines += piece.split(|byte| *byte == b'\n').skip(1).count() as u64;
        let length = piece.len();
        input.consume(length);
    }
}

/// The input that a column is of.
fn input_of(sheet: &Sheet, column: &str) -> Option<&'static str> {
    let name = column.trim().to_lowercase().replace([' ', '-'], "_");
    let named = ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name.as_str(), |(_, input)| input);
    let named = if named == "parcel" { sheet.parcel } else { named };
    sheet.process.names().into_iter().find(|input| *input == named && !OF_PLACE.contains(input) && *input != when::AT)
}

async fn work(app: Arc<App>, asked: Asked, rows: Rows, lines: u64, progress: Progress) -> Result<Vec<Part>, Problem> {
    let total = rows.expected().unwrap_or(lines).max(1);
    let out = tempfile::tempfile().map_err(Problem::internal)?;
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(header(asked.sheet, rows.columns())).map_err(Problem::internal)?;
    let (asked, mut rows, mut done) = (Arc::new(asked), Some(rows), 0);
    loop {
        let Some(mut reading) = rows.take() else { break };
        let read = tokio::task::spawn_blocking(move || {
            let some: Vec<_> = reading.by_ref().take(READ).collect();
            (some, reading)
        });
        let (some, reading) = read.await.map_err(Problem::internal)?;
        if some.is_empty() {
            break;
        }
        rows = Some(reading);
        let crs = rows.as_ref().map(|rows| rows.crs().clone());
        let answers = futures::stream::iter(some.into_iter().map(|row| {
            let (app, asked, crs) = (Arc::clone(&app), Arc::clone(&asked), crs.clone());
            async move { answered_row(app, &asked, row.map_err(|error| no_rows(&error))?, crs).await }
        }));
        let mut answers = answers.buffered(AT_ONCE);
        while let Some(record) = answers.next().await {
            writer.write_record(record?).map_err(Problem::internal)?;
            done += 1;
            progress.reach(done, total);
            if progress.is_dismissed() {
                return Err(Problem::new(Kind::JobFailed, "The job was dismissed."));
            }
        }
    }
    let mut file = writer.into_inner().map_err(|error| Problem::internal(error.error()))?;
    file.rewind().map_err(Problem::internal)?;
    let name = asked.sheet.process.outputs[0].name;
    Ok(vec![Part { name: name.into(), media_type: CSV.into(), body: Content::File(Arc::new(file)) }])
}

/// Number of the row, what stood in it, whether it was accepted and why not, the answer.
fn header(sheet: &Sheet, columns: &[String]) -> Vec<String> {
    let added = ["status", "reason"].into_iter().chain(sheet.columns.iter().copied());
    let free = |name: &str| {
        let is_taken = columns.iter().any(|column| column.eq_ignore_ascii_case(name));
        if is_taken { format!("result_{name}") } else { name.to_owned() }
    };
    std::iter::once(free("row")).chain(columns.iter().cloned()).chain(added.map(free)).collect()
}

async fn answered_row(
    app: Arc<App>,
    asked: &Asked,
    row: Result<Row, (u64, String)>,
    crs: Option<bricola_layers::crs::Crs>,
) -> Result<Vec<String>, Problem> {
    let none = || vec![String::new(); asked.sheet.columns.len()];
    let (number, values, outcome) = match row {
        Err((number, reason)) => (number, vec![String::new(); asked.inputs.len()], Err(reason)),
        Ok(row) => {
            let inputs = inputs(asked, &row, crs);
            let outcome = (asked.sheet.answer)(app, inputs).await;
            let outcome = match outcome {
                Ok(answer) => Ok(answer),
                // What may be otherwise in a moment is no answer to this row.
                Err(problem) if problem.kind().row().0.is_server_error() => return Err(problem),
                Err(problem) => Err(reason(&problem, asked.language)),
            };
            (row.number, row.values, outcome)
        }
    };
    let (status, reason, answer) = match outcome {
        Ok(answer) => ("accepted", String::new(), answer),
        Err(reason) => ("refused", reason, none()),
    };
    let told = std::iter::once(number.to_string()).chain(values);
    Ok(told.chain([status.to_owned(), reason]).chain(answer).map(harmless).collect())
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: String) -> String {
    let is_number = text.parse::<f64>().is_ok();
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number { format!("'{text}") } else { text }
}

fn inputs(asked: &Asked, row: &Row, crs: Option<bricola_layers::crs::Crs>) -> Inputs {
    let mut inputs = asked.usual.clone();
    let takes_place = asked.sheet.process.names().contains(&"geometry");
    let place = row.geometry.clone().filter(|_| takes_place);
    for (value, input) in row.values.iter().zip(&asked.inputs) {
        let Some(input) = input.filter(|input| place.is_none() || !BESIDE.contains(input)) else { continue };
        if !value.is_empty() {
            inputs.put(input, value.clone());
        }
    }
    if let (Some(place), Some(crs)) = (place, crs) {
        inputs.put_place(place, crs);
    }
    inputs
}

fn reason(problem: &Problem, language: Language) -> String {
    let both = problem.member("text").and_then(|text| text[language.tag()].as_str());
    both.map_or_else(|| problem.detail().to_owned(), str::to_owned)
}

/// Texts of a list, with `of` each, between semicolons.
pub fn listed(document: &Value, list: &str, of: impl Fn(&Value) -> String) -> String {
    let texts: Vec<String> = document[list].as_array().into_iter().flatten().map(of).collect();
    texts.join("; ")
}

/// Codes of warnings.
pub fn warned(document: &Value) -> String {
    listed(document, "warnings", |warning| warning["code"].as_str().unwrap_or_default().to_owned())
}

/// Of [`post`].
pub fn about(sheet: &'static Sheet, id: &'static str, title: Words, about: Words) -> Operation {
    let mut operation = Operation::post(id, "desk", title, about, text());
    operation.body = body::TABLES.iter().map(|kind| (*kind, text())).collect();
    let inputs = (sheet.process.inputs)().into_iter();
    let mut inputs: Vec<Input> = inputs.filter(|input| !OF_ROWS.contains(&input.name)).collect();
    for input in &mut inputs {
        // What is needed may stand in each row.
        (input.needed, input.example) = (false, None);
    }
    operation
        .takes(inputs.into_iter().map(Input::parameter))
        .takes([parameters::lang()])
        .gives(about, [("text/csv", text())], &["Bricola-Seq", "Cache-Control"])
        .or_a_job()
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NoTariff, Kind::NoFee])
}
