//! Long answers: what is being worked on, how far it is, and what came out.
//!
//! Jobs are of this process alone; their results are kept on the disk beyond its end. Whoever knows a job's name, which nobody can
//! guess, knows the job.

mod kept;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bricola_layers::limits::{JOB_KEPT_SECONDS, MAX_JOBS, MAX_RUNNING_JOBS};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use self::kept::Folder;
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
    /// Where they are written down; nowhere without it.
    folder: Option<Folder>,
}

impl Default for Jobs {
    fn default() -> Self {
        Self { kept: Mutex::default(), turns: Arc::new(Semaphore::new(MAX_RUNNING_JOBS)), folder: None }
    }
}

impl Jobs {
    /// Those that are written down in a folder, and where new ones are.
    pub fn of(folder: PathBuf) -> Self {
        let (folder, now) = (Folder::new(folder), Utc::now());
        let of_before = folder.read(now).into_iter();
        let of_before = of_before.map(|job| (job.id.clone(), Kept { job, progress: Progress::default(), abort: None }));
        let mut kept: HashMap<String, Kept> = of_before.collect();
        for id in make_room(&mut kept, now) {
            folder.forget(&id);
        }
        Self { kept: Mutex::new(kept), folder: Some(folder), ..Self::default() }
    }

    /// Takes a job on; none when there are too many that have not ended. Its work begins when its turn comes.
    pub fn begin<F, W>(self: &Arc<Self>, process: &'static str, as_document: bool, work: W) -> Option<Job>
    where
        W: FnOnce(Progress) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Part>, Problem>> + Send + 'static,
    {
        let (id, now, progress) = (name(), Utc::now(), Progress::default());
        let job = Job {
            id: id.clone(),
            process: process.to_owned(),
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
            let gone = make_room(&mut kept, now);
            if let Some(folder) = &self.folder {
                for id in &gone {
                    folder.forget(id);
                }
            }
            if kept.len() >= MAX_JOBS {
                return None;
            }
            kept.insert(id.clone(), Kept { job: job.clone(), progress: progress.clone(), abort: None });
        }
        let (jobs, turns, own) = (Arc::clone(self), Arc::clone(&self.turns), id.clone());
        let task = tokio::spawn(async move {
            // That it was taken on is known even if the server ends before its turn.
            jobs.write_down(&own).await;
            let Ok(_turn) = turns.acquire_owned().await else { return };
            jobs.enter(&own, State::Running);
            // A fault of ours is the end of this job only.
            let state = match AssertUnwindSafe(async { work(progress).await }).catch_unwind().await {
                Ok(Ok(parts)) => State::Successful(parts),
                Ok(Err(problem)) => State::Failed(Box::new(problem)),
                Err(_) => State::Failed(Box::new(Problem::internal("a job panicked"))),
            };
            jobs.enter(&own, state);
            jobs.write_down(&own).await;
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

    /// Writes down how a job stands. Where that cannot be done it is known in memory still.
    async fn write_down(&self, id: &str) {
        let Some(folder) = self.folder.clone() else { return };
        let Some((job, progress)) = self.lock().get(id).map(|kept| (told(kept), kept.progress.clone())) else { return };
        let work = move || {
            let written = folder.keep(&job);
            // It may have been called off meanwhile.
            if progress.is_dismissed() {
                folder.forget(&job.id);
            }
            written
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(work).await {
            tracing::warn!(%error, "a job cannot be written down; it ends with the server");
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
        if let Some(folder) = &self.folder {
            folder.forget(id);
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

/// Forgets what ended long ago, and the oldest of what has ended where there are too many; which they were.
fn make_room(kept: &mut HashMap<String, Kept>, now: DateTime<Utc>) -> Vec<String> {
    let old = TimeDelta::seconds(JOB_KEPT_SECONDS);
    let is_old = |it: &Kept| it.job.finished.is_some_and(|finished| now - finished >= old);
    let mut gone: Vec<String> = kept.iter().filter(|(_, it)| is_old(it)).map(|(id, _)| id.clone()).collect();
    kept.retain(|_, it| !is_old(it));
    while kept.len() >= MAX_JOBS {
        let ended = kept.iter().filter_map(|(id, it)| Some((it.job.finished?, id.clone()))).min();
        let Some((_, oldest)) = ended else { break };
        kept.remove(&oldest);
        gone.push(oldest);
    }
    gone
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

    fn part(text: &'static [u8]) -> Part {
        Part { name: "a".into(), media_type: "text/plain".into(), body: Content::Bytes(Bytes::from_static(text)) }
    }

    #[tokio::test]
    async fn results_outlive_the_server_and_what_was_interrupted_says_so() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("jobs");
        let jobs = Arc::new(Jobs::of(place.clone()));
        let good = jobs.begin("zones", true, |_| async { Ok(vec![part(b"kept")]) }).unwrap().id;
        let bad = jobs.begin("zones", false, |_| async {
            Err(Problem::new(crate::error::Kind::NoFee, "No fee.").with("reason", "gap"))
        });
        let bad = bad.unwrap().id;
        let gone = jobs.begin("zones", false, |_| async { Ok(vec![part(b"gone")]) }).unwrap().id;
        for id in [&good, &bad, &gone] {
            ended(&jobs, id).await;
        }
        let long = jobs.begin("tariff", false, |_| std::future::pending()).unwrap().id;
        let is_written = |id: &str, state: &str| {
            let text = std::fs::read_to_string(place.join(id).join("job.json")).unwrap_or_default();
            text.contains(&format!("\"state\":\"{state}\""))
        };
        while !(is_written(&good, "successful") && is_written(&bad, "failed") && is_written(&long, "accepted")) {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        jobs.dismiss(&gone);
        // What is not ours is left alone.
        std::fs::create_dir_all(place.join("notes")).unwrap();
        drop(jobs);

        let next = Jobs::of(place.clone());
        let job = next.get(&good).unwrap();
        assert!(job.as_document && job.percent == 100 && job.process == "zones");
        let State::Successful(parts) = job.state else { panic!("{:?}", job.state) };
        assert!(matches!(&parts[0].body, Content::Bytes(bytes) if bytes == "kept"));
        let State::Failed(problem) = next.get(&bad).unwrap().state else { panic!("it failed") };
        assert_eq!((problem.kind(), problem.detail()), (crate::error::Kind::NoFee, "No fee."));
        assert_eq!(problem.member("reason").unwrap(), "gap");
        let State::Failed(problem) = next.get(&long).unwrap().state else { panic!("it was interrupted") };
        assert_eq!(problem.member("reason").unwrap(), "interrupted");
        assert!(next.get(&gone).is_none() && next.list().len() == 3 && place.join("notes").is_dir());
        assert!(is_written(&long, "failed"));
        next.dismiss(&good);
        assert!(!place.join(&good).exists());
    }

    #[tokio::test]
    async fn a_job_runs_fails_or_is_called_off() {
        let jobs = Arc::new(Jobs::default());
        let good = jobs.begin("zones", false, |progress| async move {
            progress.reach(1, 3);
            Ok(vec![part(b"x")])
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
