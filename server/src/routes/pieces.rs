//! Bodies that are written while they are sent.

use std::fs::File;
use std::io::{self, Read as _};

use axum::body::{Body, Bytes};
use futures::StreamExt as _;

/// Bytes that are written in one piece, or those of one feature if it has more.
pub const PIECE: usize = 256 * 1024;

/// What is sent piece by piece.
pub trait Pieces: Send + 'static {
    /// What comes next; `None` at the end.
    fn piece(&mut self) -> io::Result<Option<Bytes>>;
}

impl Pieces for File {
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut piece = Vec::with_capacity(PIECE);
        self.take(PIECE as u64).read_to_end(&mut piece)?;
        Ok((!piece.is_empty()).then(|| Bytes::from(piece)))
    }
}

/// The pieces of a file, each written when the one before it has gone: no thread waits for a slow client, and nothing more
/// is written for one that went away.
pub fn streamed(pieces: impl Pieces) -> Body {
    let pieces = futures::stream::unfold(Some(pieces), |file| async {
        let mut file = file?;
        let work = tokio::task::spawn_blocking(move || {
            let piece = file.piece();
            (piece, file)
        });
        match work.await {
            Ok((Ok(None), _)) => None,
            Ok((Ok(Some(piece)), file)) => Some((Ok(piece), Some(file))),
            // A file that ends too early must not look like one that is whole.
            Ok((Err(error), _)) => Some((Err(error), None)),
            Err(error) => Some((Err(io::Error::other(error)), None)),
        }
    });
    // A compressor asks once more after the end.
    Body::from_stream(pieces.fuse())
}
