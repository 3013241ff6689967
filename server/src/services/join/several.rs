//! A file of points joined with several layers, one after the other.

use std::fs::File;
use std::io::Seek as _;

use super::{Join, JoinError, Outcome};
use crate::services::jobs::Progress;

/// Joins with each layer in turn, each adding its columns; what came out last is handed back in a file without a name.
///
/// # Errors
/// See [`JoinError`]; [`JoinError::Dismissed`] when nobody wants it any more.
pub fn several(joins: &[Join], mut input: File, progress: &Progress) -> Result<(File, Vec<Outcome>), JoinError> {
    let mut outcomes = Vec::new();
    for (done, join) in joins.iter().enumerate() {
        if progress.is_dismissed() {
            return Err(JoinError::Dismissed);
        }
        progress.reach(done as u64, joins.len() as u64);
        let mut output = tempfile::tempfile()?;
        outcomes.push(join.run(&mut input, &mut output, |_| ())?);
        output.rewind()?;
        input = output;
    }
    Ok((input, outcomes))
}
