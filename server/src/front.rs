//! The way in. A tile that is finished goes out from here; every other request goes on to the router.
//!
//! To find a finished tile costs less than to pass the router, its boxed futures and the middleware. What goes out from
//! here is what they would have answered, header by header: both ways share [`routes::tiles`] and [`middleware::Visit`], and
//! a test compares their answers. Whatever is not plain (another method, a query, a body, a change to wait for, anything
//! wrong) is left to the router.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use futures::future::Either;
use http::request::Parts;
use http::{Method, Request, header};
use hyper::body::Incoming;
use hyper::service::Service;
use tower::util::{Oneshot, ServiceExt as _};

use crate::app::App;
use crate::middleware::Peer;
use crate::{middleware, routes};

type Boxed = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

/// What answers the requests of a connection. Cloning is cheap.
#[derive(Clone)]
pub struct Front {
    app: Arc<App>,
    router: Router,
    /// Where the connection comes from, if that matters.
    peer: Option<Peer>,
}

impl Front {
    /// In front of the routes of an app.
    pub fn new(app: Arc<App>, router: Router) -> Self {
        Self { app, router, peer: None }
    }

    /// For the connection of one client.
    #[must_use]
    pub fn of(&self, peer: IpAddr) -> Self {
        Self { peer: self.app.quota.is_some().then_some(Peer(peer)), ..self.clone() }
    }
}

impl Service<Request<Incoming>> for Front {
    type Response = Response;
    type Error = Infallible;
    type Future = Either<Boxed, Oneshot<Router, Request<Incoming>>>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        let router = self.router.clone();
        // Where requests are counted they all pass the middleware, which counts them.
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
            return Either::Right(router.oneshot(request));
        }
        if !is_plain(&self.app, &request) {
            return Either::Right(router.oneshot(request));
        }
        let app = Arc::clone(&self.app);
        Either::Left(Box::pin(async move {
            let (parts, body) = request.into_parts();
            match finished(&app, &parts).await {
                Some(response) => Ok(response),
                None => router.oneshot(Request::from_parts(parts, body)).await,
            }
        }))
    }
}

/// Whether a request can be answered by a finished tile and nothing else has to be looked at.
fn is_plain<B>(app: &App, request: &Request<B>) -> bool {
    let (uri, headers) = (request.uri(), request.headers());
    let has_body = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
    request.method() == Method::GET
        && routes::tiles::may_be_at(uri.path())
        && uri.path().len() <= app.config.limits.uri_bytes
        && uri.query().is_none()
        && !has_body
        && !middleware::names_a_change(headers)
        // Who comes while too much is being done is told so, whatever they ask for.
        && app.requests.available_permits() > 0
}

async fn finished(app: &App, parts: &Parts) -> Option<Response> {
    let visit = middleware::Visit::begin(&parts.method, &parts.uri, &parts.headers);
    let (response, pattern) = routes::tiles::finished(app, parts.uri.path(), &parts.headers).await?;
    Some(visit.end(app, pattern, response))
}
