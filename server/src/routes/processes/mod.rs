//! The territorial services as processes (OGC API Processes 1, Core): what they are, what they take, what they give.
//! Each is answered at a path of its own too, with the same inputs as parameters.

mod about;
mod address;
pub mod areas;
pub mod candidates;
pub mod certificate;
pub mod conflicts;
mod execute;
mod inputs;
pub mod jobs;
mod list;
pub mod parcel;
pub mod place;
pub mod rentals;
pub mod reply;
pub mod requests;
pub mod rows;
pub mod sheets;
mod street;
pub mod tariff;
pub mod units;
pub mod works;
pub mod zones;
pub mod ztl;

use std::sync::Arc;

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::Value;

use self::inputs::Inputs;
use crate::app::App;
use crate::error::Problem;
use crate::services::jobs::Progress;
use crate::wired::{Parameter, Words};

pub use about::{about_execute, about_list, about_one};
pub use execute::execute;
pub use list::{list, one};

/// One input.
pub struct Input {
    /// Its name, which is that of the parameter too.
    pub name: &'static str,
    /// What it means.
    pub about: Words,
    /// What values it takes.
    pub schema: Value,
    /// Whether there is no answer without it.
    pub needed: bool,
    /// A value that gets an answer in the demo, as a parameter writes it.
    pub example: Option<&'static str>,
}

/// An input that need not be there.
pub const fn wanted(name: &'static str, about: Words, schema: Value) -> Input {
    Input { name, about, schema, needed: false, example: None }
}

impl Input {
    /// Without it there is no answer.
    #[must_use]
    pub const fn needed(mut self) -> Self {
        self.needed = true;
        self
    }

    /// A value that gets an answer.
    #[must_use]
    pub const fn such_as(mut self, example: &'static str) -> Self {
        self.example = Some(example);
        self
    }

    /// As a parameter of a query.
    pub fn parameter(self) -> Parameter {
        let is_number = matches!(self.schema.get("type").and_then(Value::as_str), Some("number" | "integer"));
        let schema = match self.schema.get("type").and_then(Value::as_str) {
            // Queries have texts only: lists with commas, objects as JSON.
            Some("array") | None => crate::wired::schema::text(),
            _ => self.schema,
        };
        let mut parameter = Parameter::query(self.name, self.about, schema);
        parameter.required = self.needed;
        parameter.example = self.example.map(|example| match example.parse::<f64>() {
            Ok(number) if is_number => number.into(),
            _ => example.into(),
        });
        parameter
    }
}

/// One output.
pub struct Output {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub about: Words,
    /// Its media type.
    pub media_type: &'static str,
}

/// What was made of one output.
#[derive(Debug, Clone)]
pub struct Made {
    /// The output's name.
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// It.
    pub body: Bytes,
}

/// A question on its way.
pub struct Call {
    /// The server.
    pub app: Arc<App>,
    /// What is asked.
    pub inputs: Inputs,
    /// Names of the outputs that are wanted.
    pub wanted: Vec<&'static str>,
    /// How far the answer is, and whether it is wanted still.
    pub progress: Progress,
}

/// A service.
pub struct Process {
    /// Its identifier.
    pub id: &'static str,
    /// Version of its inputs and outputs.
    pub version: &'static str,
    /// Its title.
    pub title: Words,
    /// What it answers.
    pub about: Words,
    /// What it takes.
    pub inputs: fn() -> Vec<Input>,
    /// What it gives.
    pub outputs: &'static [Output],
    /// The path where it is answered without more ado.
    pub path: &'static str,
    /// What answers.
    pub run: fn(Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>>,
}

/// All of them.
pub const PROCESSES: [&Process; 11] = [
    &parcel::PROCESS,
    &zones::PROCESS,
    &tariff::PROCESS,
    &certificate::PROCESS,
    &rentals::PROCESS,
    &candidates::PROCESS,
    &units::PROCESS,
    &areas::PROCESS,
    &ztl::PROCESS,
    &conflicts::PROCESS,
    &works::PROCESS,
];

/// Those that answer the staff only.
pub const STAFF: [&str; 3] = [rentals::PROCESS.id, candidates::PROCESS.id, units::PROCESS.id];

/// What the processes are needed for.
pub const CLASSES: &[&str] = &[
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/ogc-process-description",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/json",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/html",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/oas30",
    "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf/callback",
];

/// Paths to which tables of places may be sent.
pub const TABLES: [&str; 5] =
    [zones::PATH, rentals::PATH, parcel::PROCESS.path, tariff::PROCESS.path, certificate::PROCESS.path];

/// The process of this name.
pub fn known(id: &str) -> Option<&'static Process> {
    PROCESSES.into_iter().find(|process| process.id == id)
}

impl Process {
    /// Names of the parameters of its path.
    pub fn parameters(&self) -> Vec<&'static str> {
        [self.names(), vec!["f", "lang"]].concat()
    }

    /// Names of its inputs.
    pub fn names(&self) -> Vec<&'static str> {
        (self.inputs)().iter().map(|input| input.name).collect()
    }
}

/// The moment that the inputs `at` and `datetime` name, as two inputs.
pub fn moment() -> [Input; 2] {
    [
        wanted(
            "datetime",
            Words("Il giorno in cui gli oggetti devono essere validi", "The day on which features must be valid"),
            crate::wired::schema::text(),
        ),
        wanted(
            "at",
            Words(
                "Il momento di cui si chiede: il numero di una modifica, o un istante. Rifà una risposta di allora, byte per byte",
                "The moment that is asked about: the number of a change, or an instant. Gives an answer of then again, byte by byte",
            ),
            crate::wired::schema::text(),
        ),
    ]
}

/// A document as an output.
pub fn document(name: &'static str, value: &Value) -> Made {
    Made { name, media_type: "application/json", body: Bytes::from(value.to_string()) }
}
