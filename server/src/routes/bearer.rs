//! Who sends a request, where that matters (RFC 6750, 2.1).

use axum::response::{IntoResponse as _, Response};
use bricola_layers::definition::Scope;
use http::{HeaderMap, header};

use super::respond;
use crate::app::App;
use crate::error::{Kind, Problem};

/// Whether the request comes with a token of the configuration.
pub fn is_known(app: &App, headers: &HeaderMap) -> bool {
    token(headers).is_some_and(|token| app.editors.know(token))
}

/// The token of a request, whoever knows it.
pub fn token(headers: &HeaderMap) -> Option<&str> {
    let sent = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (_, token) = sent.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))?;
    Some(token.trim())
}

/// Lets the staff in: who knows a token, or everybody where the server shows everything.
///
/// # Errors
/// 401, in the same words whatever was wrong with the token.
pub fn staff(app: &App, headers: &HeaderMap) -> Result<(), Problem> {
    if app.scope == Scope::EVERYTHING || is_known(app, headers) {
        return Ok(());
    }
    let detail = "This is for the staff (as explain is, which tells how an answer comes about): it takes the header \"Authorization: Bearer\" with one of \
                  the tokens that the administrator gave (editing.token or editing.tokens_file).";
    Err(Problem::new(Kind::Unauthorized, detail))
}

/// The refusal of who is not known, with what they may do about it (RFC 9110, 11.6.1).
pub fn refusal(problem: Problem) -> Response {
    let mut response = problem.into_response();
    respond::set(&mut response, header::WWW_AUTHENTICATE, "Bearer realm=\"bricola\"");
    response
}

/// As [`refusal`] for who is not known, and every other problem as it is.
pub fn refusal_or(problem: Problem) -> Response {
    if matches!(problem.kind(), Kind::Unauthorized | Kind::Integrity) {
        refusal(problem)
    } else {
        problem.into_response()
    }
}
