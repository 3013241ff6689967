//! One file per noun of the URL: what answers, and beside it how `/api` describes that.

pub mod api;
pub mod changes;
pub mod collections;
pub mod conformance;
pub mod events;
pub mod items;
pub mod landing;
pub mod lookup;
pub mod matrices;
pub mod metrics;
pub mod parcels;
pub mod schemas;
pub mod search;
pub mod status;
pub mod styles;
pub mod subscriptions;
pub mod tiles;

pub mod bearer;
mod body;
mod explain;
mod filter;
mod parameters;
mod pieces;
pub mod processes;
pub mod respond;
mod select;
mod when;

use axum::extract::Request;

use crate::error::{Kind, Problem};

/// The answer for paths that are not there.
pub async fn unknown_path(request: Request) -> Problem {
    let path = crate::error::clipped(request.uri().path()).into_owned();
    Problem::new(Kind::UnknownPath, format!("There is nothing at {path}; /?f=json lists what there is."))
}

/// The answer for methods that a path does not take; the router adds `Allow`.
pub async fn method_not_allowed(request: Request) -> Problem {
    let method = crate::error::clipped(request.method().as_str()).into_owned();
    Problem::new(
        Kind::MethodNotAllowed,
        format!("This path does not take {method}; the header Allow says what it takes."),
    )
}
