//! `?explain=true`: how an answer comes about, for the staff.

use http::HeaderMap;

use super::bearer;
use crate::app::App;
use crate::error::Problem;
use crate::params::Params;

/// The parameter.
pub const EXPLAIN: &str = "explain";

/// Whether the request asks for it.
///
/// # Errors
/// A value that is neither true nor false.
pub fn is_asked(params: &Params<'_>) -> Result<bool, Problem> {
    Ok(params.one_of(EXPLAIN, &[("true", true), ("false", false)])?.unwrap_or(false))
}

/// Whether the request asks for it, and may.
///
/// # Errors
/// As [`is_asked`]; 401 for all but the staff.
pub fn is_wanted(app: &App, params: &Params<'_>, headers: &HeaderMap) -> Result<bool, Problem> {
    let wanted = is_asked(params)?;
    if wanted {
        bearer::staff(app, headers)?;
    }
    Ok(wanted)
}

/// A time in milliseconds, to the microsecond.
pub fn milliseconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
