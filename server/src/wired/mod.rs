//! What is wired: one table of paths, from which the router, `/conformance` and `/api` are made.
//!
//! A path enters the router by the same call that gives it its description, so that none can be answered that is not
//! described, nor described that is not answered. The tests ask every path for what its description says.

pub mod openapi;
pub mod page;

mod components;
mod operation;
mod responses;
pub(crate) mod schema;

use std::sync::{Arc, LazyLock};

use axum::handler::Handler;
use axum::routing::{MethodFilter, MethodRouter};

use crate::app::App;
use crate::middleware;

pub(crate) use components::layer_list;
pub use operation::{Method, Operation, Parameter, Place, Reply, Words};

/// A path with what answers it.
pub struct Wired {
    /// What is known of it.
    pub described: Described,
    /// What answers.
    pub routes: MethodRouter<Arc<App>>,
    /// Whether answers pass the compressor.
    pub compressed: bool,
    /// Whether another line of the table answers it.
    pub is_within: bool,
}

/// A path without what answers it.
#[derive(Debug, Clone, Default)]
pub struct Described {
    /// As the router has it.
    pub path: &'static str,
    /// As OpenAPI has it, where the router cannot say it as exactly.
    pub template: &'static str,
    /// Empty for the files of our own pages, which are no part of the API.
    pub operations: Vec<Operation>,
    /// Conformance classes that the path is needed for.
    pub classes: &'static [&'static str],
}

impl Wired {
    /// A path that nobody answers yet. Answers are compressed unless it is [`Self::as_it_is`].
    pub fn at(path: &'static str) -> Self {
        let described = Described { path, template: path, ..Described::default() };
        Self { described, routes: MethodRouter::new(), compressed: true, is_within: false }
    }

    /// A path that the router cannot tell from the one before it in the table, whose handler answers both.
    pub fn within(path: &'static str) -> Self {
        Self { is_within: true, ..Self::at(path) }
    }

    /// What the line before answers here.
    #[must_use]
    pub fn tells(mut self, operation: Operation) -> Self {
        self.described.operations.push(operation);
        self
    }

    /// The template of the path in OpenAPI, where another says more than the router's.
    #[must_use]
    pub const fn shown(mut self, template: &'static str) -> Self {
        self.described.template = template;
        self
    }

    /// Answers are not for the compressor.
    #[must_use]
    pub const fn as_it_is(mut self) -> Self {
        self.compressed = false;
        self
    }

    /// Conformance classes that hold because of this path.
    #[must_use]
    pub const fn for_classes(mut self, classes: &'static [&'static str]) -> Self {
        self.described.classes = classes;
        self
    }

    /// Answers the method of the operation.
    #[must_use]
    pub fn answers<T: 'static>(mut self, mut operation: Operation, handler: impl Handler<T, Arc<App>>) -> Self {
        operation.is_free = middleware::ALWAYS.contains(&self.described.path);
        let filter = match operation.method {
            Method::Get => MethodFilter::GET,
            Method::Post => MethodFilter::POST,
            Method::Put => MethodFilter::PUT,
            Method::Patch => MethodFilter::PATCH,
            Method::Delete => MethodFilter::DELETE,
        };
        self.routes = self.routes.on(filter, handler);
        self.described.operations.push(operation);
        self
    }

    /// Says which methods it takes.
    #[must_use]
    pub fn says<T: 'static>(mut self, handler: impl Handler<T, Arc<App>>) -> Self {
        self.routes = self.routes.options(handler);
        self
    }

    /// Answers GET with a file of our own pages.
    #[must_use]
    pub fn file<T: 'static>(mut self, handler: impl Handler<T, Arc<App>>) -> Self {
        self.routes = self.routes.get(handler);
        self
    }
}

static DESCRIBED: LazyLock<Vec<Described>> =
    LazyLock::new(|| crate::router::table().into_iter().map(|wired| wired.described).collect());

/// Every path, in the order of the table.
pub fn described() -> &'static [Described] {
    &DESCRIBED
}

/// The conformance classes of all paths (OGC API Common 1, 7.4), each once.
pub fn classes() -> Vec<&'static str> {
    let mut classes: Vec<&str> = described().iter().flat_map(|path| path.classes).copied().collect();
    let mut seen = std::collections::HashSet::new();
    classes.retain(|class| seen.insert(*class));
    classes
}
