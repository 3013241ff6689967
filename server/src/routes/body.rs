//! Bodies of requests, inside their limit.

use std::fs::File;
use std::io::{Seek as _, Write as _};

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use futures::StreamExt as _;
use http::header;
use serde::de::DeserializeOwned;
use tempfile::NamedTempFile;

use crate::error::{Kind, Problem};
use crate::middleware::{MAX_BATCH_BYTES, body_too_large};

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

/// Refuses a body that is no CSV.
///
/// # Errors
/// Another media type.
pub fn is_csv(request: &Request) -> Result<(), Problem> {
    one_of(request, &["text/csv"]).map(|_| ())
}

/// Which of some media types the body has; the first where it does not say.
fn one_of(request: &Request, allowed: &'static [&'static str]) -> Result<&'static str, Problem> {
    let media_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = media_type.unwrap_or(allowed[0]).split(';').next().unwrap_or_default().trim();
    if let Some(known) = allowed.iter().find(|known| essence.eq_ignore_ascii_case(known)) {
        return Ok(known);
    }
    let shown = crate::error::clipped(essence).into_owned();
    let detail = format!("The body is {shown}; send {}.", allowed.join(" or "));
    Err(Problem::new(Kind::UnsupportedMediaType, detail).with("value", shown).with("allowed", allowed.to_vec()))
}

/// The body in a file without a name. It is taken whole before the answer begins: most clients do not read while they send.
///
/// # Errors
/// Too many bytes, or a client that breaks off.
pub async fn spooled(body: Body) -> Result<File, Problem> {
    let mut file = tempfile::tempfile().map_err(Problem::internal)?;
    spool(body, &mut file).await?;
    file.rewind().map_err(Problem::internal)?;
    Ok(file)
}

/// Media types of tables with a place in each row: the usual one first.
pub const TABLES: &[&str] = &["text/csv", "application/geopackage+sqlite3"];

/// A table with a place in each row, in a file that is gone with what is returned: readers of some formats need its name.
///
/// # Errors
/// Another media type, too many bytes, or a client that breaks off.
pub async fn table(request: Request) -> Result<NamedTempFile, Problem> {
    let ending = if one_of(&request, TABLES)? == TABLES[0] { ".csv" } else { ".gpkg" };
    let mut file = tempfile::Builder::new().suffix(ending).tempfile().map_err(Problem::internal)?;
    spool(request.into_body(), file.as_file_mut()).await?;
    Ok(file)
}

async fn spool(body: Body, file: &mut File) -> Result<(), Problem> {
    let mut stream = body.into_data_stream();
    let mut length = 0;
    while let Some(piece) = stream.next().await {
        let piece: Bytes = piece.map_err(|_| Problem::new(Kind::InvalidBody, "The body ended too early."))?;
        length += piece.len();
        if length > MAX_BATCH_BYTES {
            return Err(crate::middleware::batch_too_large());
        }
        // Into the page cache of the system: quicker than handing it to another thread.
        file.write_all(&piece).map_err(Problem::internal)?;
    }
    Ok(())
}
