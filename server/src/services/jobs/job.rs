//! What a job is.

use std::borrow::Cow;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::reply::Reply;
use crate::error::Problem;

/// How far an answer is, and whether it is wanted still.
#[derive(Debug, Clone, Default)]
pub struct Progress(Arc<Wheel>);

#[derive(Debug, Default)]
struct Wheel {
    percent: AtomicU8,
    dismissed: AtomicBool,
}

impl Progress {
    /// Says how far it is.
    pub fn reach(&self, done: u64, of: u64) {
        let percent = (done.min(of) * 100).checked_div(of).unwrap_or(0);
        self.0.percent.store(percent as u8, Ordering::Relaxed);
    }

    /// Percent.
    pub fn percent(&self) -> u8 {
        self.0.percent.load(Ordering::Relaxed)
    }

    /// Whether nobody wants the answer any more.
    pub fn is_dismissed(&self) -> bool {
        self.0.dismissed.load(Ordering::Relaxed)
    }

    pub(super) fn dismiss(&self) {
        self.0.dismissed.store(true, Ordering::Relaxed);
    }
}

/// What an output holds.
#[derive(Debug, Clone)]
pub enum Content {
    /// A document.
    Bytes(Bytes),
    /// What is too large for memory, in a file without a name.
    File(Arc<File>),
}

/// One output of a job.
#[derive(Debug, Clone)]
pub struct Part {
    /// The output's name.
    pub name: Cow<'static, str>,
    /// Its media type.
    pub media_type: Cow<'static, str>,
    /// It.
    pub body: Content,
}

/// How a job stands (OGC API Processes 1, statusInfo).
#[derive(Debug, Clone)]
pub enum State {
    /// Its turn has not come.
    Accepted,
    /// It is worked on.
    Running,
    /// It has come to its end.
    Successful(Vec<Part>),
    /// It cannot be answered.
    Failed(Box<Problem>),
    /// Somebody called it off.
    Dismissed,
}

impl State {
    /// As the standard names it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Successful(_) => "successful",
            Self::Failed(_) => "failed",
            Self::Dismissed => "dismissed",
        }
    }

    /// Whether it has come to its end.
    pub const fn has_ended(&self) -> bool {
        !matches!(self, Self::Accepted | Self::Running)
    }
}

/// A job as it is told.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub id: String,
    /// The process.
    pub process: String,
    /// How it stands.
    pub state: State,
    /// Percent.
    pub percent: u8,
    /// When it was asked for.
    pub created: DateTime<Utc>,
    /// When it was begun.
    pub started: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished: Option<DateTime<Utc>>,
    /// When it was last heard of.
    pub updated: DateTime<Utc>,
    /// Whether results come as one document.
    pub as_document: bool,
    /// What was asked, where that can be asked again.
    pub request: Option<Request>,
    /// Where the outcome is sent to.
    pub reply: Option<Reply>,
}

/// What was asked of a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Request {
    /// Inputs by name, as they were sent.
    pub inputs: Map<String, Value>,
    /// Names of the outputs that are wanted.
    pub wanted: Vec<String>,
}

/// A job that is to be taken on.
#[derive(Debug, Clone)]
pub struct Order {
    /// The process.
    pub process: &'static str,
    /// Whether results come as one document.
    pub as_document: bool,
    /// What is asked, where that can be asked again: such a job goes on when the server comes back.
    pub request: Option<Request>,
    /// Where the outcome is to be sent.
    pub reply: Option<Reply>,
}

impl Order {
    /// Of a process, with raw results that are fetched.
    pub const fn of(process: &'static str) -> Self {
        Self { process, as_document: false, request: None, reply: None }
    }
}
