//! Bodies of requests, inside their limit.

use axum::body::{Bytes, to_bytes};
use axum::extract::Request;
use http::header;
use serde::de::DeserializeOwned;

use crate::error::{Kind, Problem};
use crate::middleware::body_too_large;

/// A JSON body.
///
/// # Errors
/// Another media type, too many bytes, or not what the path takes, with line and column.
pub async fn json<T: DeserializeOwned>(request: Request, limit: usize) -> Result<T, Problem> {
    parsed(&json_bytes(request, limit).await?)
}

/// The bytes of a JSON body.
///
/// # Errors
/// Another media type, or too many bytes.
pub async fn json_bytes(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or("application/json").split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/json") {
        let shown = crate::error::clipped(essence).into_owned();
        return Err(Problem::new(Kind::UnsupportedMediaType, format!("The body is {shown}; send application/json."))
            .with("value", shown)
            .with("allowed", vec!["application/json"]));
    }
    bytes(request, limit).await
}

/// What a JSON body says.
///
/// # Errors
/// Not what the path takes, with line and column.
pub fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(bytes).map_err(|error| Problem::new(Kind::InvalidBody, format!("{error}.")))
}

/// A body as it comes.
///
/// # Errors
/// Too many bytes, or a client that breaks off.
pub async fn bytes(request: Request, limit: usize) -> Result<Bytes, Problem> {
    to_bytes(request.into_body(), limit).await.map_err(|error| {
        let too_long = std::error::Error::source(&error)
            .is_some_and(<dyn std::error::Error>::is::<http_body_util::LengthLimitError>);
        if too_long { body_too_large(limit) } else { Problem::new(Kind::InvalidBody, "The body ended too early.") }
    })
}
