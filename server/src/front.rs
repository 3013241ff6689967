//! The way in. What is quickly answered goes out from here; every other request goes on to the router.
//!
//! To find a finished tile, or what lies at a point, costs less than to pass the router, its boxed futures and the
//! middleware. What goes out from here is what they would have answered, header by header: both ways share
//! [`routes::tiles`], [`routes::lookup`] and [`middleware::Visit`], and a test compares their answers. Whatever is not
//! plain (another method, a body, a change to wait for, anything wrong) is left to the router.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use axum::response::Response;
use futures::future::Either;
use http::request::Parts;
use http::{Method, Request, header};
use hyper::body::Incoming;
use hyper::service::Service;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};
use tower::util::ServiceExt as _;

use crate::app::App;
use crate::middleware::Peer;
use crate::{middleware, routes};

type Boxed = Pin<Box<dyn Future<Output = Result<Response, JoinError>> + Send>>;

/// What stands before the routes of an app.
#[derive(Clone)]
pub struct Front {
    app: Arc<App>,
    router: Router,
}

impl Front {
    /// In front of the routes of an app.
    pub fn new(app: Arc<App>, router: Router) -> Self {
        Self { app, router }
    }

    /// For the connection of one client. The router works on a runtime that may be another than the connection's.
    pub fn of(&self, peer: IpAddr, runtime: &Handle) -> Door {
        let peer = self.app.quota.is_some().then_some(Peer(peer));
        Door { front: self.clone(), peer, runtime: runtime.clone() }
    }
}

/// What answers the requests of a connection. Cloning is cheap.
#[derive(Clone)]
pub struct Door {
    front: Front,
    /// Where the connection comes from, if that matters.
    peer: Option<Peer>,
    /// Where the router works.
    runtime: Handle,
}

impl Door {
    fn route(&self, request: Request<Incoming>) -> Routed {
        Routed(self.runtime.spawn(self.front.router.clone().oneshot(request)))
    }
}

/// A request that the router works on. Dropped, it is given up, and with it what was asked of the store.
pub struct Routed(JoinHandle<Result<Response, Infallible>>);

impl Future for Routed {
    type Output = Result<Response, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(|Ok(response)| response)
    }
}

impl Drop for Routed {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service<Request<Incoming>> for Door {
    type Response = Response;
    type Error = JoinError;
    type Future = Either<Boxed, Routed>;

    fn call(&self, mut request: Request<Incoming>) -> Self::Future {
        // Where requests are counted they all pass the middleware, which counts them.
        if let Some(peer) = self.peer {
            request.extensions_mut().insert(peer);
            return Either::Right(self.route(request));
        }
        let Some(quick) = Quick::of(&self.front.app, &request) else { return Either::Right(self.route(request)) };
        let door = self.clone();
        Either::Left(Box::pin(async move {
            let (parts, body) = request.into_parts();
            match quick.answer(&door.front.app, &parts).await {
                Some(response) => Ok(response),
                None => door.route(Request::from_parts(parts, body)).await,
            }
        }))
    }
}

/// What may be answered here.
#[derive(Debug, Clone, Copy)]
enum Quick {
    /// A tile, if it is finished.
    Tile,
    /// What lies at a point.
    Lookup,
}

impl Quick {
    /// What a request asks for, if nothing else has to be looked at.
    fn of<B>(app: &App, request: &Request<B>) -> Option<Self> {
        let (uri, headers) = (request.uri(), request.headers());
        let quick = match uri.query() {
            None if routes::tiles::may_be_at(uri.path()) => Self::Tile,
            Some(query) if uri.path() == routes::lookup::PATH && !middleware::may_name_a_change(query) => Self::Lookup,
            _ => return None,
        };
        let has_body = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        let is_plain = request.method() == Method::GET
            && middleware::length(uri) <= app.config.limits.uri_bytes
            && !has_body
            && !middleware::names_a_change(headers)
            // Who comes while too much is being done is told so, whatever they ask for.
            && app.requests.available_permits() > 0;
        is_plain.then_some(quick)
    }

    async fn answer(self, app: &App, parts: &Parts) -> Option<Response> {
        let visit = middleware::Visit::begin(&parts.method, &parts.uri, &parts.headers);
        let (response, pattern) = match self {
            Self::Tile => routes::tiles::finished(app, parts.uri.path(), &parts.headers).await?,
            Self::Lookup => {
                let query = parts.uri.query().unwrap_or_default();
                (routes::lookup::quick(app, query, &parts.headers).await?, routes::lookup::PATH)
            }
        };
        Some(visit.end(app, pattern, response))
    }
}
