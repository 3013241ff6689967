//! Errors as clients see them: RFC 9457 problem details, from one table.
//!
//! A route returns a [`Problem`]; the middleware writes it out, with the path and the request id in it. The
//! cause of a fault of ours goes to the log, once, and never into the answer.

use std::borrow::Cow;
use std::fmt::Display;

use axum::response::{IntoResponse, Response};
use bricola_layers::limits::{MAX_GATHERED, MAX_QUERY_MS};
use bricola_layers::store::StoreError;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::services::features::Unanswered;
use crate::services::tiles::TileFault;

/// What can go wrong, as a client may tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A parameter has a value that it does not take.
    InvalidParameter,
    /// The path takes no such parameter.
    UnknownParameter,
    /// A parameter that is needed is not there.
    MissingParameter,
    /// A parameter is there more than once.
    RepeatedParameter,
    /// The body is not what the path takes.
    InvalidBody,
    /// The filter is no CQL2.
    FilterSyntax,
    /// The filter names a field that the layer does not have.
    FilterField,
    /// In the filter, a value or an operation does not go with a type.
    FilterType,
    /// The filter uses a part of CQL2 that is not offered.
    FilterUnsupported,
    /// The filter is longer, deeper or more costly than allowed.
    FilterTooLarge,
    /// z, x or y of a tile is not a number.
    InvalidTile,
    /// The tile grid has no such tile.
    OutsideGrid,
    /// Nothing lies at this path.
    UnknownPath,
    /// No layer of this name.
    UnknownLayer,
    /// The layer has no feature with this id.
    UnknownFeature,
    /// No tile matrix set of this name.
    UnknownMatrixSet,
    /// No style of this name.
    UnknownStyle,
    /// No such font, glyph range or sprite.
    UnknownAsset,
    /// The tile lies outside the zoom range of its layers.
    OutsideZoomRange,
    /// The path is there, the method is not.
    MethodNotAllowed,
    /// None of the formats that the client accepts.
    NotAcceptable,
    /// The client was too slow to send its request.
    RequestTimeout,
    /// The body is larger than allowed.
    BodyTooLarge,
    /// Path and query are longer than allowed.
    UriTooLong,
    /// The body has a media type that the path does not take.
    UnsupportedMediaType,
    /// More requests in this minute than the client is allowed.
    TooManyRequests,
    /// A fault of ours.
    Internal,
    /// The server is not ready to be sent requests.
    NotReady,
    /// The search index is still being built.
    SearchBuilding,
    /// The layer is still being read.
    LayerLoading,
    /// The layer is in the store, but this version cannot read its definition.
    LayerUnreadable,
    /// The layer is in the store only, and the answer is given from memory.
    LayerStored,
    /// The question would take the store too long, or hold too much at once.
    TooCostly,
    /// More requests at once than allowed.
    Overloaded,
    /// The answer took longer than allowed.
    Timeout,
    /// The change that the client wants to see reflected has not been seen here yet.
    NotYet,
    /// The cursor lies past the end of the change log.
    CursorAhead,
    /// History does not reach back so far.
    Pruned,
    /// No follower of the name and key that the client gives.
    UnknownFollower,
    /// The answer needs the store, which cannot be asked now.
    StoreUnavailable,
    /// More event streams at once than allowed.
    TooManyStreams,
    /// The path asks who is there, and nobody known is.
    Unauthorized,
    /// An edit does not say which version it was made from.
    PreconditionRequired,
    /// The feature is not as the editor saw it.
    PreconditionFailed,
    /// The feature is not what the layer takes.
    InvalidFeature,
    /// The style is none, or is drawn with what is not there.
    InvalidStyle,
    /// Another feature has the same key.
    DuplicateKey,
    /// The idempotency key came before, with another body.
    KeyReused,
    /// What was drawn cannot be measured.
    Unmeasurable,
    /// No tariff plan is in force on the day, or several are.
    NoTariff,
    /// The plan gives no fee: something is missing, or the office has to decide.
    NoFee,
    /// The office has written no rules for what is asked.
    NoRules,
    /// No process of this name.
    UnknownProcess,
    /// A body that is not the one of its digest.
    DigestMismatch,
    /// A signature that is missing or wrong.
    Integrity,
    /// No subscription of the name.
    UnknownSubscription,
    /// A subscription of the name is there already.
    SubscriptionExists,
    /// A subscription that cannot be, or not any more.
    InvalidSubscription,
    /// Nothing may be sent to where an outcome is to be sent.
    InvalidReplyTo,
    /// No job of this name, or not any more.
    UnknownJob,
    /// The job has not ended yet.
    JobRunning,
    /// The job ended without a result.
    JobFailed,
    /// What is to be taken back was changed again since.
    ChangedSince,
}

impl Kind {
    /// Every kind, for documentation and tests.
    pub const ALL: &'static [Self] = &[
        Self::InvalidParameter,
        Self::UnknownParameter,
        Self::MissingParameter,
        Self::RepeatedParameter,
        Self::InvalidBody,
        Self::FilterSyntax,
        Self::FilterField,
        Self::FilterType,
        Self::FilterUnsupported,
        Self::FilterTooLarge,
        Self::InvalidTile,
        Self::OutsideGrid,
        Self::UnknownPath,
        Self::UnknownLayer,
        Self::UnknownFeature,
        Self::UnknownMatrixSet,
        Self::UnknownStyle,
        Self::UnknownAsset,
        Self::OutsideZoomRange,
        Self::MethodNotAllowed,
        Self::NotAcceptable,
        Self::RequestTimeout,
        Self::BodyTooLarge,
        Self::UriTooLong,
        Self::UnsupportedMediaType,
        Self::TooManyRequests,
        Self::Internal,
        Self::NotReady,
        Self::SearchBuilding,
        Self::LayerLoading,
        Self::LayerUnreadable,
        Self::LayerStored,
        Self::TooCostly,
        Self::Overloaded,
        Self::Timeout,
        Self::NotYet,
        Self::CursorAhead,
        Self::Pruned,
        Self::UnknownFollower,
        Self::StoreUnavailable,
        Self::TooManyStreams,
        Self::Unauthorized,
        Self::PreconditionRequired,
        Self::PreconditionFailed,
        Self::InvalidFeature,
        Self::InvalidStyle,
        Self::DuplicateKey,
        Self::KeyReused,
        Self::ChangedSince,
        Self::Unmeasurable,
        Self::NoTariff,
        Self::NoFee,
        Self::NoRules,
        Self::UnknownProcess,
        Self::DigestMismatch,
        Self::Integrity,
        Self::UnknownSubscription,
        Self::SubscriptionExists,
        Self::InvalidSubscription,
        Self::InvalidReplyTo,
        Self::UnknownJob,
        Self::JobRunning,
        Self::JobFailed,
    ];

    /// The table: status, stable code, title.
    #[rustfmt::skip]
    pub const fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::InvalidParameter     => (StatusCode::BAD_REQUEST,            "invalid-parameter",      "A parameter has a value that it does not take"),
            Self::UnknownParameter     => (StatusCode::BAD_REQUEST,            "unknown-parameter",      "This path takes no such parameter"),
            Self::MissingParameter     => (StatusCode::BAD_REQUEST,            "missing-parameter",      "A parameter is missing"),
            Self::RepeatedParameter    => (StatusCode::BAD_REQUEST,            "repeated-parameter",     "A parameter is given more than once"),
            Self::InvalidBody          => (StatusCode::BAD_REQUEST,            "invalid-body",           "The body is not what this path takes"),
            Self::FilterSyntax         => (StatusCode::BAD_REQUEST,            "filter-syntax",          "The filter is not CQL2"),
            Self::FilterField          => (StatusCode::BAD_REQUEST,            "filter-field",           "The filter names a field that is not there"),
            Self::FilterType           => (StatusCode::BAD_REQUEST,            "filter-type",            "In the filter, types do not go together"),
            Self::FilterUnsupported    => (StatusCode::BAD_REQUEST,            "filter-unsupported",     "The filter uses a part of CQL2 that is not offered"),
            Self::FilterTooLarge       => (StatusCode::BAD_REQUEST,            "filter-too-large",       "The filter is longer, deeper or more costly than allowed"),
            Self::InvalidTile          => (StatusCode::BAD_REQUEST,            "invalid-tile",           "A tile number is not a number"),
            Self::OutsideGrid          => (StatusCode::NOT_FOUND,              "outside-grid",           "The tile grid has no such tile"),
            Self::UnknownPath          => (StatusCode::NOT_FOUND,              "unknown-path",           "Nothing lies at this path"),
            Self::UnknownLayer         => (StatusCode::NOT_FOUND,              "unknown-layer",          "There is no such layer"),
            Self::UnknownFeature       => (StatusCode::NOT_FOUND,              "unknown-feature",        "The layer has no such feature"),
            Self::UnknownMatrixSet     => (StatusCode::NOT_FOUND,              "unknown-tile-matrix-set", "There is no such tile matrix set"),
            Self::UnknownStyle         => (StatusCode::NOT_FOUND,              "unknown-style",          "There is no such style"),
            Self::UnknownAsset         => (StatusCode::NOT_FOUND,              "unknown-asset",          "There is no such font, glyph range or sprite"),
            Self::OutsideZoomRange     => (StatusCode::NOT_FOUND,              "outside-zoom-range",     "The layers have no tiles at this zoom"),
            Self::MethodNotAllowed     => (StatusCode::METHOD_NOT_ALLOWED,     "method-not-allowed",     "This path does not take this method"),
            Self::NotAcceptable        => (StatusCode::NOT_ACCEPTABLE,         "not-acceptable",         "The answer exists in none of the accepted formats"),
            Self::RequestTimeout       => (StatusCode::REQUEST_TIMEOUT,        "request-timeout",        "The request was sent too slowly"),
            Self::BodyTooLarge         => (StatusCode::PAYLOAD_TOO_LARGE,      "body-too-large",         "The body is larger than allowed"),
            Self::UriTooLong           => (StatusCode::URI_TOO_LONG,           "uri-too-long",           "Path and query are longer than allowed"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", "This path does not take this kind of body"),
            Self::TooManyRequests      => (StatusCode::TOO_MANY_REQUESTS,      "too-many-requests",      "More requests in this minute than allowed"),
            Self::Internal             => (StatusCode::INTERNAL_SERVER_ERROR,  "internal-error",         "The server failed; the cause is in its log"),
            Self::NotReady             => (StatusCode::SERVICE_UNAVAILABLE,    "not-ready",              "Layers are still being read, or brought up to date"),
            Self::SearchBuilding       => (StatusCode::SERVICE_UNAVAILABLE,    "search-building",        "The search index is still being built"),
            Self::LayerLoading         => (StatusCode::SERVICE_UNAVAILABLE,    "layer-loading",          "A layer is still being read"),
            Self::LayerUnreadable      => (StatusCode::SERVICE_UNAVAILABLE,    "layer-unreadable",       "This version cannot read the layer"),
            Self::LayerStored          => (StatusCode::UNPROCESSABLE_ENTITY,   "layer-stored",           "The layer is not in memory, from which this is answered"),
            Self::TooCostly            => (StatusCode::UNPROCESSABLE_ENTITY,   "too-costly",             "The question would take the store too long, or hold too much"),
            Self::Overloaded           => (StatusCode::SERVICE_UNAVAILABLE,    "overloaded",             "Too many requests are being worked on"),
            Self::Timeout              => (StatusCode::GATEWAY_TIMEOUT,        "timeout",                "The answer took longer than allowed"),
            Self::NotYet               => (StatusCode::SERVICE_UNAVAILABLE,    "not-yet",                "The change that was asked for has not arrived here yet"),
            Self::CursorAhead          => (StatusCode::BAD_REQUEST,            "cursor-ahead",           "The cursor lies past the end of the change log"),
            Self::Pruned               => (StatusCode::GONE,                   "pruned",                 "What was so long ago is not known any more"),
            Self::UnknownFollower      => (StatusCode::FORBIDDEN,              "unknown-follower",       "There is no follower of that name and key"),
            Self::StoreUnavailable     => (StatusCode::SERVICE_UNAVAILABLE,    "store-unavailable",      "The store cannot be asked now"),
            Self::TooManyStreams       => (StatusCode::SERVICE_UNAVAILABLE,    "too-many-streams",       "Too many event streams are open"),
            Self::Unauthorized         => (StatusCode::UNAUTHORIZED,           "unauthorized",           "Only those who are known may do this"),
            Self::PreconditionRequired => (StatusCode::PRECONDITION_REQUIRED,  "precondition-required",  "The edit must say which version it was made from"),
            Self::PreconditionFailed   => (StatusCode::PRECONDITION_FAILED,    "precondition-failed",    "What is there has been changed meanwhile"),
            Self::InvalidFeature       => (StatusCode::UNPROCESSABLE_ENTITY,   "invalid-feature",        "The feature is not what the layer takes"),
            Self::InvalidStyle         => (StatusCode::BAD_REQUEST,            "invalid-style",          "The style is not sound"),
            Self::DuplicateKey         => (StatusCode::CONFLICT,               "duplicate-key",          "Another feature has the same key"),
            Self::ChangedSince         => (StatusCode::CONFLICT,               "changed-since",          "The features were changed again since"),
            Self::Unmeasurable         => (StatusCode::UNPROCESSABLE_ENTITY,   "unmeasurable",           "What was drawn cannot be measured"),
            Self::NoTariff             => (StatusCode::UNPROCESSABLE_ENTITY,   "no-tariff-plan",         "Not one tariff plan is in force on that day"),
            Self::NoFee                => (StatusCode::UNPROCESSABLE_ENTITY,   "no-fee",                 "The tariff plan gives no fee for this"),
            Self::NoRules              => (StatusCode::UNPROCESSABLE_ENTITY,   "no-rules",               "The office has written no rules for this"),
            Self::UnknownProcess       => (StatusCode::NOT_FOUND,              "unknown-process",        "There is no such process"),
            Self::DigestMismatch       => (StatusCode::BAD_REQUEST,            "digest-mismatch",        "The body is not the one that its digest was made of"),
            Self::Integrity            => (StatusCode::UNAUTHORIZED,           "integrity",              "The request is not signed as it has to be"),
            Self::UnknownSubscription  => (StatusCode::NOT_FOUND,              "unknown-subscription",   "There is no such subscription, or no such letter of it"),
            Self::SubscriptionExists   => (StatusCode::CONFLICT,               "subscription-exists",    "There is a subscription of this name already"),
            Self::InvalidSubscription  => (StatusCode::UNPROCESSABLE_ENTITY,   "invalid-subscription",   "The subscription does not go with this server and its layers"),
            Self::InvalidReplyTo       => (StatusCode::UNPROCESSABLE_ENTITY,   "invalid-reply-to",       "Nothing can be sent to this URL"),
            Self::UnknownJob           => (StatusCode::NOT_FOUND,              "unknown-job",            "There is no such job, or not any more"),
            Self::JobRunning           => (StatusCode::NOT_FOUND,              "job-running",            "The job has not ended yet"),
            Self::JobFailed            => (StatusCode::UNPROCESSABLE_ENTITY,   "job-failed",             "The job ended without a result"),
            Self::KeyReused            => (StatusCode::UNPROCESSABLE_ENTITY,   "idempotency-key-reused", "The idempotency key was used for something else"),
        }
    }
}

/// One error on its way to a client.
#[derive(Debug, Clone)]
pub struct Problem(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    kind: Kind,
    detail: Cow<'static, str>,
    members: Map<String, Value>,
    cause: Option<String>,
    retry_after: Option<u32>,
}

/// Where OGC keeps the types of errors of processes.
const PROCESSES: &str = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/";

/// What a route returns.
pub type Answer = Result<Response, Problem>;

impl Problem {
    /// An error with its explanation: what was wrong, why, and what to do.
    pub fn new(kind: Kind, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = detail.into();
        Self(Box::new(Parts { kind, detail, members: Map::new(), cause: None, retry_after: None }))
    }

    /// A parameter with a value that it does not take.
    pub fn parameter(name: &str, value: &str, reason: impl Display) -> Self {
        let shown = clipped(value);
        Self::new(Kind::InvalidParameter, format!("{name}={shown}: {reason}"))
            .with("parameter", name)
            .with("value", shown.into_owned())
    }

    /// A parameter that is needed and not there.
    pub fn missing(name: &str, reason: impl Display) -> Self {
        Self::new(Kind::MissingParameter, format!("{name}: {reason}")).with("parameter", name)
    }

    /// A fault of ours; the cause goes to the log.
    pub fn internal(cause: impl Display) -> Self {
        let mut problem = Self::new(Kind::Internal, "The request is well-formed; trying again later may help.");
        problem.0.cause = Some(cause.to_string());
        problem
    }

    /// What the store answered with instead of doing its work.
    pub fn store(error: &StoreError) -> Self {
        match error {
            StoreError::Pruned { first } => {
                Self::new(Kind::Pruned, format!("What was before change {first} is not known any more."))
                    .with("first", *first)
            }
            StoreError::Unreadable(layer) => {
                let mut problem = Self::unreadable(&layer.id);
                problem.0.cause = Some(layer.to_string());
                problem
            }
            error if error.is_temporary() => {
                let detail = "Tiles and lookups go on from memory; what needs the store has to wait. Try again later.";
                let mut problem = Self::new(Kind::StoreUnavailable, detail).retry_after(5);
                problem.0.cause = Some(error.to_string());
                problem
            }
            other => Self::internal(other),
        }
    }

    /// What a layer that is in the store only does not answer.
    pub fn unanswered(error: &Unanswered) -> Self {
        match error {
            Unanswered::TooSlow => Self::new(
                Kind::TooCostly,
                format!(
                    "The layer is too large for memory, and the store did not find the answer within {MAX_QUERY_MS} ms. Ask for \
                     less: a smaller bbox, a filter by the key or by values that few features have."
                ),
            )
            .with("limit", "MAX_QUERY_MS")
            .with("allowed", MAX_QUERY_MS),
            Unanswered::TooMany => Self::new(
                Kind::TooCostly,
                format!(
                    "The layer is too large for memory, and this needs more than {MAX_GATHERED} of its features at once. Ask for \
                     less (a smaller bbox, a deeper zoom, a filter), or for a file that is written while it is sent (f=fgb, \
                     parquet, ndjson, csv)."
                ),
            )
            .with("limit", "MAX_GATHERED")
            .with("allowed", MAX_GATHERED),
            Unanswered::Store(StoreError::Unsortable) => Self::parameter(
                "sortby",
                "",
                "the layer is a table of another program that is kept in the store only: it can be ordered by numbers, days \
                 and the id, not by texts, which may hold personal data that are withheld",
            ),
            Unanswered::Store(error) => Self::store(error),
            Unanswered::Fault(cause) => Self::internal(cause),
        }
    }

    /// A tile that could not be made.
    pub fn tile(fault: &TileFault) -> Self {
        match fault {
            TileFault::Unanswered(error) => Self::unanswered(error),
            fault @ TileFault::Failed(_) => Self::internal(fault),
        }
    }

    /// A layer whose definition this version cannot read. Another server before the same store may be able to.
    pub fn unreadable(id: &str) -> Self {
        let detail = format!(
            "Layer \"{id}\" is in the store, but its definition is of a newer version than this server, or damaged; /status \
             says more. The other layers are not concerned."
        );
        Self::new(Kind::LayerUnreadable, detail).with("layer", id).retry_after(60)
    }

    /// Adds a member to the body, such as `allowed`.
    #[must_use]
    pub fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.0.members.insert(member.to_owned(), value.into());
        self
    }

    /// When to try again, in seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.0.retry_after = Some(seconds);
        self
    }

    /// What is to be kept of it, to be read by [`Self::of_kept`].
    pub fn kept(&self) -> Value {
        json!({"code": self.0.kind.row().1, "detail": self.0.detail, "members": self.0.members})
    }

    /// What was kept; a job that failed where it cannot be read.
    pub fn of_kept(kept: &Value) -> Self {
        let kind = Kind::ALL.iter().find(|kind| kept["code"] == kind.row().1).copied();
        let detail = kept["detail"].as_str().unwrap_or("Why it failed is not known any more.").to_owned();
        let mut problem = Self::new(kind.unwrap_or(Kind::JobFailed), detail);
        problem.0.members = kept["members"].as_object().cloned().unwrap_or_default();
        problem
    }

    /// A member that was added.
    pub fn member(&self, name: &str) -> Option<&Value> {
        self.0.members.get(name)
    }

    /// What was wrong, why, and what to do.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// What goes to the log and nowhere else.
    pub fn cause(&self) -> Option<&str> {
        self.0.cause.as_deref()
    }

    /// Writes it out (RFC 9457), keeping headers that were set on the way, such as `Allow`.
    pub fn write(&self, path: &str, request_id: &str, kept: HeaderMap) -> Response {
        let body = self.members(path, request_id);
        self.answer(Value::Object(body).to_string(), "application/problem+json", kept)
    }

    /// As [`Self::write`], as a page that somebody has made of [`Self::members`].
    pub fn write_page(&self, page: String, kept: HeaderMap) -> Response {
        let mut response = self.answer(page, "text/html; charset=utf-8", kept);
        response.headers_mut().append(header::VARY, HeaderValue::from_static("accept"));
        response
    }

    /// The members of the problem document.
    pub fn members(&self, path: &str, request_id: &str) -> Map<String, Value> {
        let (status, code, title) = self.0.kind.row();
        let mut body = Map::new();
        // Of these the standard says the type (OGC API Processes 1, 7.11.4, 7.12 and 7.13).
        let kind = match self.0.kind {
            Kind::UnknownProcess => format!("{PROCESSES}no-such-process"),
            Kind::UnknownJob => format!("{PROCESSES}no-such-job"),
            Kind::JobRunning => format!("{PROCESSES}result-not-ready"),
            _ => format!("urn:bricola:problem:{code}"),
        };
        body.insert("type".into(), json!(kind));
        body.insert("title".into(), json!(title));
        body.insert("status".into(), json!(status.as_u16()));
        body.insert("detail".into(), json!(self.0.detail));
        body.insert("code".into(), json!(code));
        body.insert("instance".into(), json!(clipped(path)));
        body.insert("request_id".into(), json!(request_id));
        body.extend(self.0.members.clone());
        body
    }

    fn answer(&self, body: String, media_type: &'static str, kept: HeaderMap) -> Response {
        let mut response = (self.0.kind.row().0, body).into_response();
        let headers = response.headers_mut();
        headers.extend(kept.into_iter().filter(|(name, _)| name.as_ref().is_some_and(is_kept)));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(seconds) = self.0.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// Headers of the bare response that the written one keeps.
fn is_kept(name: &HeaderName) -> bool {
    const KEPT: [HeaderName; 5] =
        [header::ALLOW, header::VARY, header::ETAG, header::WWW_AUTHENTICATE, HeaderName::from_static("accept-patch")];
    KEPT.contains(name)
}

/// Long values are cut: an error must not be larger than the request.
pub(crate) fn clipped(value: &str) -> Cow<'_, str> {
    const LONGEST: usize = 200;
    match value.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(value),
        Some((end, _)) => Cow::Owned(format!("{}…", &value[..end])),
    }
}

/// A bare response that carries the problem to the middleware, which writes it.
impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.0.kind.row().0.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_kebab_case() {
        let mut codes: Vec<_> = Kind::ALL.iter().map(|kind| kind.row().1).collect();
        assert!(codes.iter().all(|code| code.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase())));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn the_cause_is_not_written_out() {
        let response = Problem::internal("SELECT secret FROM /var/lib").write("/lookup", "abc", HeaderMap::new());
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("runtime");
        let body = runtime.block_on(axum::body::to_bytes(response.into_body(), 10_000)).expect("body");
        let text = String::from_utf8(body.to_vec()).expect("text");
        assert!(text.contains("internal-error") && !text.contains("SELECT") && !text.contains("/var"), "{text}");
    }
}
