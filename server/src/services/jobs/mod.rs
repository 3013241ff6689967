//! Long answers: what is being worked on, how far it is, and what came out.
//!
//! Jobs are of this process alone and end with it; whoever knows a job's name, which nobody can guess, knows the job.

use std::collections::HashMap;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bricola_layers::limits::{JOB_KEPT_SECONDS, MAX_JOBS, MAX_RUNNING_JOBS};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

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
    pub name: &'static str,
    /// Its media type.
    pub media_type: &'static str,
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

    const fn has_ended(&self) -> bool {
        !matches!(self, Self::Accepted | Self::Running)
    }
}

/// A job as it is told.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its name.
    pub id: String,
    /// The process.
    pub process: &'static str,
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
}

struct Kept {
    job: Job,
    progress: Progress,
    abort: Option<AbortHandle>,
}

/// The jobs of this process.
pub struct Jobs {
    kept: Mutex<HashMap<String, Kept>>,
    turns: Arc<Semaphore>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Arc::new(Semaphore::new(MAX_RUNNING_JOBS)) }
    }
}

impl Jobs {
    /// Takes a job on; none when there are too many that have not ended. Its work begins when its turn comes.
    pub fn begin<F, W>(self: &Arc<Self>, process: &'static str, as_document: bool, work: W) -> Option<Job>
    where
        W: FnOnce(Progress) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Part>, Problem>> + Send + 'static,
    {
        let (id, now, progress) = (name(), Utc::now(), Progress::default());
        let job = Job {
            id: id.clone(),
            process,
            state: State::Accepted,
            percent: 0,
            created: now,
            started: None,
            finished: None,
            updated: now,
            as_document,
        };
        {
            let mut kept = self.lock();
            make_room(&mut kept, now);
            if kept.len() >= MAX_JOBS {
                return None;
            }
            kept.insert(id.clone(), Kept { job: job.clone(), progress: progress.clone(), abort: None });
        }
        let (jobs, turns, own) = (Arc::clone(self), Arc::clone(&self.turns), id.clone());
        let task = tokio::spawn(async move {
            let Ok(_turn) = turns.acquire_owned().await else { return };
            jobs.enter(&own, State::Running);
            // A fault of ours is the end of this job only.
            let state = match AssertUnwindSafe(async { work(progress).await }).catch_unwind().await {
                Ok(Ok(parts)) => State::Successful(parts),
                Ok(Err(problem)) => State::Failed(Box::new(problem)),
                Err(_) => State::Failed(Box::new(Problem::internal("a job panicked"))),
            };
            jobs.enter(&own, state);
        });
        if let Some(kept) = self.lock().get_mut(&id) {
            kept.abort = Some(task.abort_handle());
        }
        Some(job)
    }

    fn enter(&self, id: &str, state: State) {
        let now = Utc::now();
        if let Some(kept) = self.lock().get_mut(id).filter(|kept| !kept.job.state.has_ended()) {
            if state.has_ended() {
                kept.job.finished = Some(now);
            } else {
                kept.job.started = Some(now);
            }
            kept.job.state = state;
            kept.job.updated = now;
        }
    }

    /// A job.
    pub fn get(&self, id: &str) -> Option<Job> {
        self.lock().get(id).map(told)
    }

    /// All jobs, the youngest first.
    pub fn list(&self) -> Vec<Job> {
        let mut jobs: Vec<Job> = self.lock().values().map(told).collect();
        jobs.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        jobs
    }

    /// Calls a job off, or forgets one that has ended.
    pub fn dismiss(&self, id: &str) -> Option<Job> {
        let mut kept = self.lock().remove(id)?;
        kept.progress.0.dismissed.store(true, Ordering::Relaxed);
        if let Some(abort) = &kept.abort {
            abort.abort();
        }
        kept.job.state = State::Dismissed;
        kept.job.updated = Utc::now();
        Some(told(&kept))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<String, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told(kept: &Kept) -> Job {
    let percent = if matches!(kept.job.state, State::Successful(_)) { 100 } else { kept.progress.percent() };
    Job { percent, ..kept.job.clone() }
}

/// Forgets what ended long ago, and the oldest of what has ended where there are too many.
fn make_room(kept: &mut HashMap<String, Kept>, now: DateTime<Utc>) {
    let old = TimeDelta::seconds(JOB_KEPT_SECONDS);
    kept.retain(|_, it| it.job.finished.is_none_or(|finished| now - finished < old));
    while kept.len() >= MAX_JOBS {
        let ended = kept.iter().filter_map(|(id, it)| Some((it.job.finished?, id.clone()))).min();
        let Some((_, oldest)) = ended else { return };
        kept.remove(&oldest);
    }
}

/// 128 bits that nobody can guess, as a UUID (RFC 9562, version 4).
fn name() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn ended(jobs: &Jobs, id: &str) -> Job {
        loop {
            match jobs.get(id) {
                Some(job) if job.state.has_ended() => return job,
                _ => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
            }
        }
    }

    #[tokio::test]
    async fn a_job_runs_fails_or_is_called_off() {
        let jobs = Arc::new(Jobs::default());
        let good = jobs.begin("zones", false, |progress| async move {
            progress.reach(1, 3);
            Ok(vec![Part { name: "a", media_type: "text/plain", body: Content::Bytes(Bytes::from_static(b"x")) }])
        });
        let job = ended(&jobs, &good.unwrap().id).await;
        assert!(matches!(&job.state, State::Successful(parts) if parts.len() == 1) && job.percent == 100);
        let bad = jobs.begin("zones", false, |_| async { panic!("a fault") }).unwrap();
        assert!(matches!(ended(&jobs, &bad.id).await.state, State::Failed(_)), "a panic is the end of its job only");
        let (tell, heard) = tokio::sync::oneshot::channel::<()>();
        let long = jobs.begin("zones", false, |_| async move {
            let _tell = tell;
            std::future::pending().await
        });
        let long = long.unwrap();
        while jobs.get(&long.id).unwrap().state.name() != "running" {
            tokio::task::yield_now().await;
        }
        assert_eq!(jobs.dismiss(&long.id).unwrap().state.name(), "dismissed");
        assert!(jobs.get(&long.id).is_none());
        assert!(heard.await.is_err(), "its work was dropped");
    }

    #[tokio::test]
    async fn there_is_room_for_so_many_only() {
        let jobs = Arc::new(Jobs::default());
        let begin = || jobs.begin("zones", false, |_| std::future::pending());
        for _ in 0..MAX_JOBS {
            assert!(begin().is_some());
        }
        assert!(begin().is_none(), "none of them has ended");
        let first = jobs.list().pop().unwrap();
        jobs.dismiss(&first.id);
        assert!(begin().is_some());
    }
}
