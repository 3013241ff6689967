//! The words in which an operation is described (OpenAPI 3.0.3, 4.7.10 to 4.7.17).

use serde_json::Value;

use super::schema::{reference, text};
use crate::error::Kind;

/// A text in Italian and in English.
#[derive(Debug, Clone, Copy, Default)]
pub struct Words(pub &'static str, pub &'static str);

/// The methods that something answers. HEAD is answered wherever GET is (RFC 9110, 9.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Asks.
    Get,
    /// Asks with a body, or makes something new.
    Post,
    /// Puts another state in the place of what is there.
    Put,
    /// Changes a part of it.
    Patch,
    /// Takes it away.
    Delete,
}

impl Method {
    /// As OpenAPI writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Get => "get",
            Self::Post => "post",
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Delete => "delete",
        }
    }
}

/// Where a parameter stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the path.
    Path,
    /// In the query.
    Query,
    /// In the head.
    Header,
    /// In the query, for every name that is that of a field of the layer.
    Fields,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Whether there is no answer without it.
    pub required: bool,
    /// What it means.
    pub about: Words,
    /// What values it takes.
    pub schema: Value,
    /// A value that gets an answer.
    pub example: Option<Value>,
}

impl Parameter {
    /// A part of the path; `example` is a value that is there in every installation, or in the demo.
    pub fn path(name: &'static str, about: Words, schema: Value, example: impl Into<Value>) -> Self {
        Self { name, place: Place::Path, required: true, about, schema, example: Some(example.into()) }
    }

    /// A parameter of the query.
    pub const fn query(name: &'static str, about: Words, schema: Value) -> Self {
        Self { name, place: Place::Query, required: false, about, schema, example: None }
    }

    /// A header.
    pub const fn header(name: &'static str, about: Words, schema: Value) -> Self {
        Self { name, place: Place::Header, required: false, about, schema, example: None }
    }

    /// Without it there is no answer.
    #[must_use]
    pub const fn needed(mut self) -> Self {
        self.required = true;
        self
    }

    /// A value that gets an answer.
    #[must_use]
    pub fn such_as(mut self, example: impl Into<Value>) -> Self {
        self.example = Some(example.into());
        self
    }
}

/// One way in which an operation answers when nothing is wrong.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status.
    pub status: u16,
    /// When.
    pub about: Words,
    /// Media types with the schema of what they hold; none where there is no body.
    pub content: Vec<(&'static str, Value)>,
    /// Headers, of those that [`super::openapi`] knows.
    pub headers: &'static [&'static str],
}

/// What one method at one path does.
#[derive(Debug, Clone)]
pub struct Operation {
    /// The method.
    pub method: Method,
    /// A name for programs: a noun, unique.
    pub id: &'static str,
    /// The group that it is listed in, of [`super::openapi::TAGS`].
    pub tag: &'static str,
    /// In a few words.
    pub summary: Words,
    /// In some sentences.
    pub about: Words,
    /// Parameters beside `min-seq`, which every path takes.
    pub parameters: Vec<Parameter>,
    /// Media types of the body with their schemas; none where there is no body.
    pub body: Vec<(&'static str, Value)>,
    /// Answers when nothing is wrong.
    pub replies: Vec<Reply>,
    /// What may be wrong beside what may be wrong everywhere.
    pub problems: Vec<Kind>,
    /// Whether it is answered whatever the quota of the client.
    pub is_free: bool,
    /// Whether it is only for those who may edit, and only there where somebody may.
    pub edits: bool,
}

/// What may be wrong with every request, beside [`Kind::TooManyRequests`] where a quota holds.
pub const EVERYWHERE: [Kind; 8] = [
    Kind::InvalidParameter,
    Kind::UnknownParameter,
    Kind::RepeatedParameter,
    Kind::UriTooLong,
    Kind::Internal,
    Kind::Overloaded,
    Kind::NotYet,
    Kind::Timeout,
];

impl Operation {
    fn new(method: Method, id: &'static str, tag: &'static str, summary: Words, about: Words) -> Self {
        let (parameters, replies, problems) = (Vec::new(), Vec::new(), Vec::new());
        let (body, is_free, edits) = (Vec::new(), false, false);
        Self { method, id, tag, summary, about, parameters, body, replies, problems, is_free, edits }
    }

    /// What a method does that asks or calls off, without a body.
    pub fn of(method: Method, id: &'static str, tag: &'static str, summary: Words, about: Words) -> Self {
        Self::new(method, id, tag, summary, about)
    }

    /// What GET does.
    pub fn get(id: &'static str, tag: &'static str, summary: Words, about: Words) -> Self {
        Self::new(Method::Get, id, tag, summary, about)
    }

    /// What POST does with a JSON body.
    pub fn post(id: &'static str, tag: &'static str, summary: Words, about: Words, body: Value) -> Self {
        Self::new(Method::Post, id, tag, summary, about).sent([("application/json", body)])
    }

    /// What a method does that edits.
    pub fn edit(method: Method, id: &'static str, summary: Words, about: Words) -> Self {
        let mut operation = Self::new(method, id, "editing", summary, about);
        operation.edits = true;
        operation.fails([
            Kind::UnknownLayer,
            Kind::LayerUnreadable,
            Kind::MethodNotAllowed,
            Kind::Unauthorized,
            Kind::BodyTooLarge,
            Kind::StoreUnavailable,
            Kind::DigestMismatch,
            Kind::Integrity,
        ])
    }

    /// Adds the body, in one of these media types.
    #[must_use]
    pub fn sent(mut self, content: impl IntoIterator<Item = (&'static str, Value)>) -> Self {
        self.body.extend(content);
        self.fails([Kind::InvalidBody, Kind::BodyTooLarge, Kind::UnsupportedMediaType])
    }

    /// Adds parameters.
    #[must_use]
    pub fn takes(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    /// Adds the answer with status 200.
    #[must_use]
    pub fn gives(
        self,
        about: Words,
        content: impl IntoIterator<Item = (&'static str, Value)>,
        headers: &'static [&'static str],
    ) -> Self {
        self.replies(200, about, content, headers)
    }

    /// Adds the answer to who has it already (RFC 9110, 15.4.5).
    #[must_use]
    pub fn or_not_modified(self) -> Self {
        self.replies(304, Words("Non è cambiato.", "It has not changed."), [], &["ETag", "Cache-Control"])
    }

    /// Adds an answer with another status.
    #[must_use]
    pub fn replies(
        mut self,
        status: u16,
        about: Words,
        content: impl IntoIterator<Item = (&'static str, Value)>,
        headers: &'static [&'static str],
    ) -> Self {
        self.replies.push(Reply { status, about, content: content.into_iter().collect(), headers });
        self
    }

    /// Adds the answer with which a job is taken on where that is preferred (OGC API Processes 1, 7.11.2.5 and 7.11.4).
    #[must_use]
    pub fn or_a_job(self) -> Self {
        let taken_on = Words("Il lavoro è stato preso in carico.", "The job was taken on.");
        let prefer = Words("respond-async per avere un lavoro", "respond-async for a job");
        self.takes([Parameter::header("Prefer", prefer, text())])
            .replies(
                201,
                taken_on,
                [("application/json", reference("StatusInfo"))],
                &["Location", "Preference-Applied", "Cache-Control"],
            )
            .fails([Kind::JobFailed])
    }

    /// Adds what may be wrong.
    #[must_use]
    pub fn fails(mut self, kinds: impl IntoIterator<Item = Kind>) -> Self {
        self.problems.extend(kinds);
        self
    }

    /// What may be wrong, the common included, in the order of the table of errors.
    pub fn kinds(&self) -> impl Iterator<Item = Kind> {
        let is_possible = |kind: &&Kind| EVERYWHERE.contains(kind) || self.problems.contains(kind);
        Kind::ALL.iter().filter(is_possible).copied()
    }
}
