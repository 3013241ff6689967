//! The ruler: a bare axum server that answers every request with the same bytes.
//!
//! `bare ADDR:PORT FILE MEDIA-TYPE [CONTENT-ENCODING]`. Benches serve with it the very bytes that Bricola answered, and
//! quote the ratio of the two.

use std::process::ExitCode;

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderName, HeaderValue, header};
use axum::routing::get;
use axum::serve::ListenerExt as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, file, media_type, rest @ ..] = &arguments[..] else {
        return Err("usage: bare ADDR:PORT FILE MEDIA-TYPE [CONTENT-ENCODING]".into());
    };
    let body = Bytes::from(std::fs::read(file)?);
    let mut headers: Vec<(HeaderName, HeaderValue)> = vec![(header::CONTENT_TYPE, media_type.parse()?)];
    if let Some(encoding) = rest.first().filter(|encoding| *encoding != "identity") {
        headers.push((header::CONTENT_ENCODING, encoding.parse()?));
    }
    let headers: http::HeaderMap = headers.into_iter().collect();
    let answer = move || {
        let (headers, body) = (headers.clone(), body.clone());
        async move { (headers, body) }
    };
    let router = Router::new().fallback(get(answer));
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("http://{}/", listener.local_addr()?);
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    axum::serve(listener, router).await?;
    Ok(())
}
