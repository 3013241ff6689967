//! The ceiling of the benchmarks: axum that gives one answer from memory, whatever is asked.
//!
//! `bare ADDR:PORT FILE MEDIA-TYPE CONTENT-ENCODING`, as `bench/figures.py` calls it.

use axum::Router;
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderValue};
use axum::response::IntoResponse;
use bytes::Bytes;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file, kind, encoding] = arguments.as_slice() else {
        return Err("usage: bare ADDR:PORT FILE MEDIA-TYPE CONTENT-ENCODING".into());
    };
    let body = Bytes::from(std::fs::read(file)?);
    let (kind, encoding) = (HeaderValue::from_str(kind)?, HeaderValue::from_str(encoding)?);
    let answer = move || async move { ([(CONTENT_TYPE, kind), (CONTENT_ENCODING, encoding)], body).into_response() };
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, Router::new().fallback(answer)).await?;
    Ok(())
}
