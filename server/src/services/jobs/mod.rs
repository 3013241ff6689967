//! Long answers: what is being worked on, how far it is, and what came out.
//!
//! Jobs are worked on by the process that took them on; what is known of them and their results are kept on the disk, where other
//! servers over the same folder find them, and beyond the end of the process. What can be asked again goes on when a server comes
//! back. Whoever knows a job's name, which nobody can guess, knows the job.

mod job;
mod kept;
mod reply;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bricola_layers::limits::{JOB_KEPT_SECONDS, MAX_JOBS, MAX_RUNNING_JOBS};
use chrono::{DateTime, TimeDelta, Utc};
use futures::FutureExt as _;
use tokio::sync::{Notify, Semaphore};
use tokio::task::AbortHandle;

pub use self::job::{Content, Job, Order, Part, Progress, Request, State};
use self::kept::Folder;
pub use self::reply::{Reply, Standing};
use crate::error::Problem;

struct Kept {
    job: Job,
    progress: Progress,
    abort: Option<AbortHandle>,
    ended: Arc<Notify>,
    /// Says to other servers that somebody works on it.
    claim: Option<File>,
}

impl Kept {
    fn of(job: Job, claim: Option<File>) -> Self {
        Self { job, progress: Progress::default(), abort: None, ended: Arc::default(), claim }
    }
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
    /// Those that are written down in a folder and are no other server's, and where new ones are.
    pub fn of(folder: PathBuf) -> Self {
        let (folder, now) = (Folder::new(folder), Utc::now());
        let of_before = folder.take_over(now).into_iter();
        let of_before = of_before.map(|(job, claim)| (job.id.clone(), Kept::of(job, Some(claim))));
        let mut kept: HashMap<String, Kept> = of_before.collect();
        for id in make_room(&mut kept, now) {
            folder.forget(&id);
        }
        Self { kept: Mutex::new(kept), folder: Some(folder), ..Self::default() }
    }

    /// Takes a job on; none when there are too many that have not ended. Its work begins when its turn comes.
    pub fn begin<F, W>(self: &Arc<Self>, order: Order, work: W) -> Option<Job>
    where
        W: FnOnce(Progress) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Part>, Problem>> + Send + 'static,
    {
        let (id, now) = (name(), Utc::now());
        let job = Job {
            id: id.clone(),
            process: order.process.to_owned(),
            state: State::Accepted,
            percent: 0,
            created: now,
            started: None,
            finished: None,
            updated: now,
            as_document: order.as_document,
            request: order.request,
            reply: order.reply,
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
            kept.insert(id.clone(), Kept::of(job.clone(), None));
        }
        self.go_on(&id, work);
        Some(job)
    }

    /// Works on a job that was taken on, here or by a server that is no more.
    pub fn go_on<F, W>(self: &Arc<Self>, id: &str, work: W)
    where
        W: FnOnce(Progress) -> F + Send + 'static,
        F: Future<Output = Result<Vec<Part>, Problem>> + Send + 'static,
    {
        let Some(progress) = self.lock().get(id).map(|kept| kept.progress.clone()) else { return };
        let (jobs, turns, own) = (Arc::clone(self), Arc::clone(&self.turns), id.to_owned());
        let task = tokio::spawn(async move {
            // That it was taken on is known even if the server ends before its turn.
            jobs.write_down(&own).await;
            let Ok(_turn) = turns.acquire_owned().await else { return };
            jobs.enter(&own, State::Running);
            jobs.write_down(&own).await;
            // A fault of ours is the end of this job only.
            let state = match AssertUnwindSafe(async { work(progress).await }).catch_unwind().await {
                Ok(Ok(parts)) => State::Successful(parts),
                Ok(Err(problem)) => State::Failed(Box::new(problem)),
                Err(_) => State::Failed(Box::new(Problem::internal("a job panicked"))),
            };
            jobs.enter(&own, state);
            jobs.write_down(&own).await;
        });
        if let Some(kept) = self.lock().get_mut(id) {
            kept.abort = Some(task.abort_handle());
        }
    }

    /// Jobs that a server that is no more had taken on, and that can be asked again.
    pub fn interrupted(&self) -> Vec<Job> {
        let kept = self.lock();
        kept.values().filter(|it| it.abort.is_none() && !it.job.state.has_ended()).map(told).collect()
    }

    /// Jobs whose outcome somebody waits for still.
    pub fn untold(&self) -> Vec<String> {
        let waits = |it: &&Kept| it.job.reply.as_ref().is_some_and(|reply| reply.standing == Standing::Waiting);
        self.lock().values().filter(waits).map(|it| it.job.id.clone()).collect()
    }

    fn enter(&self, id: &str, state: State) {
        let now = Utc::now();
        if let Some(kept) = self.lock().get_mut(id).filter(|kept| !kept.job.state.has_ended()) {
            if state.has_ended() {
                kept.job.finished = Some(now);
                kept.ended.notify_waiters();
            } else {
                kept.job.started = Some(now);
            }
            kept.job.state = state;
            kept.job.updated = now;
        }
    }

    /// Waits until a job has ended; none when it was called off.
    pub async fn ended(&self, id: &str) -> Option<Job> {
        let notify = Arc::clone(&self.lock().get(id)?.ended);
        loop {
            let ends = notify.notified();
            tokio::pin!(ends);
            // Whatever comes from here on is heard.
            ends.as_mut().enable();
            let job = told(self.lock().get(id)?);
            if job.state.has_ended() {
                return Some(job);
            }
            ends.await;
        }
    }

    /// Notes how it fares to tell the outcome of a job.
    pub async fn replied(&self, id: &str, standing: Standing) {
        if let Some(reply) = self.lock().get_mut(id).and_then(|kept| kept.job.reply.as_mut()) {
            reply.standing = standing;
        }
        self.write_down(id).await;
    }

    /// Writes down how a job stands. Where that cannot be done it is known in memory still.
    async fn write_down(&self, id: &str) {
        let Some(folder) = self.folder.clone() else { return };
        let found = self.lock().get(id).map(|kept| (told(kept), kept.progress.clone(), kept.claim.is_some()));
        let Some((job, progress, is_claimed)) = found else { return };
        let work = move || {
            let write = || {
                let claim = if is_claimed { None } else { folder.claim(&job.id)? };
                if !is_claimed || folder.has(&job.id) {
                    folder.keep(&job)?;
                }
                Ok(claim)
            };
            let written: std::io::Result<Option<File>> = write();
            // It may have been called off meanwhile.
            if progress.is_dismissed() {
                folder.forget(&job.id);
                return Ok(None);
            }
            written
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(Some(claim))) => {
                if let Some(kept) = self.lock().get_mut(id) {
                    kept.claim = Some(claim);
                }
            }
            // Its folder was taken away under it.
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {}
            Ok(Err(error)) => tracing::warn!(%error, "a job cannot be written down; it ends with the server"),
            _ => {}
        }
    }

    /// A job, of this server or of another over the same folder.
    pub async fn get(&self, id: &str) -> Option<Job> {
        if let Some(job) = self.lock().get(id).map(told) {
            return Some(job);
        }
        let (folder, id) = (self.folder.clone()?, id.to_owned());
        tokio::task::spawn_blocking(move || folder.look(&id, Utc::now())).await.ok().flatten()
    }

    /// All jobs, the youngest first.
    pub async fn list(&self) -> Vec<Job> {
        let mut jobs: BTreeMap<String, Job> = BTreeMap::new();
        if let Some(folder) = self.folder.clone() {
            let of_all = tokio::task::spawn_blocking(move || folder.all(Utc::now())).await.unwrap_or_default();
            jobs.extend(of_all.into_iter().map(|job| (job.id.clone(), job)));
        }
        jobs.extend(self.lock().values().map(|kept| (kept.job.id.clone(), told(kept))));
        let mut jobs: Vec<Job> = jobs.into_values().collect();
        jobs.sort_by(|a, b| (b.created, &b.id).cmp(&(a.created, &a.id)));
        jobs
    }

    /// Calls a job off, or forgets one that has ended. What another server works on comes to nothing when it has ended.
    pub async fn dismiss(&self, id: &str) -> Option<Job> {
        let own = self.lock().remove(id);
        let mut job = match &own {
            Some(kept) => told(kept),
            None => self.get(id).await?,
        };
        if let Some(kept) = own {
            kept.progress.dismiss();
            if let Some(abort) = &kept.abort {
                abort.abort();
            }
            kept.ended.notify_waiters();
        }
        if let Some(folder) = self.folder.clone() {
            let id = id.to_owned();
            let _ = tokio::task::spawn_blocking(move || folder.forget(&id)).await;
        }
        job.state = State::Dismissed;
        job.updated = Utc::now();
        Some(job)
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
