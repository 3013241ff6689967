//! Jobs on the disk, so that their results outlive the server: a folder for each, with what is known of it and its outputs.
//!
//! A server that works on a job holds a lock on a file in its folder, which ends with the server. What was not at its end then
//! goes on at the next server that starts, or is told to have been interrupted where it cannot be asked again. Only files of ours
//! are read and removed: a folder whose name is a UUID, with a `job.json` in it.

use std::borrow::Cow;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Content, Job, Part, Reply, Request, State};
use crate::error::{Kind, Problem};

const ABOUT: &str = "job.json";
const LOCK: &str = "lock";
/// Outputs up to so many bytes are held in memory.
const SMALL: u64 = 256 * 1024;

/// What is known of a job.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    process: String,
    state: String,
    created: DateTime<Utc>,
    started: Option<DateTime<Utc>>,
    finished: Option<DateTime<Utc>>,
    updated: DateTime<Utc>,
    as_document: bool,
    #[serde(default)]
    outputs: Vec<Output>,
    #[serde(default)]
    problem: Value,
    #[serde(default)]
    request: Option<Request>,
    #[serde(default)]
    reply: Option<Reply>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Output {
    name: String,
    media_type: String,
    file: String,
}

/// The folder of all jobs.
#[derive(Debug, Clone)]
pub struct Folder(PathBuf);

impl Folder {
    /// One that need not be there.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Writes down how a job stands, with its outputs if it has come to its end.
    ///
    /// # Errors
    /// When the disk is full or the folder is not ours to write in.
    pub fn keep(&self, job: &Job) -> io::Result<()> {
        let folder = self.0.join(&job.id);
        fs::create_dir_all(&folder)?;
        let mut outputs = Vec::new();
        if let State::Successful(parts) = &job.state {
            for (place, part) in parts.iter().enumerate() {
                let file = format!("output-{place}");
                write(&folder.join(&file), &part.body)?;
                outputs.push(Output {
                    name: part.name.clone().into_owned(),
                    media_type: part.media_type.clone().into_owned(),
                    file,
                });
            }
        }
        let problem = if let State::Failed(problem) = &job.state { problem.kept() } else { Value::Null };
        let about = About {
            process: job.process.clone(),
            state: job.state.name().to_owned(),
            created: job.created,
            started: job.started,
            finished: job.finished,
            updated: job.updated,
            as_document: job.as_document,
            outputs,
            problem,
            request: job.request.clone(),
            reply: job.reply.clone(),
        };
        // In its place at once: a server that ends meanwhile leaves what was there before.
        let (next, place) = (folder.join("job.next"), folder.join(ABOUT));
        let mut file = File::create(&next)?;
        file.write_all(&serde_json::to_vec(&about)?)?;
        file.sync_all()?;
        fs::rename(next, place)
    }

    /// Forgets a job.
    pub fn forget(&self, id: &str) {
        if let Err(error) = fs::remove_dir_all(self.0.join(id))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "a job that was forgotten is on the disk still");
        }
    }

    /// Whether a job is known here.
    pub fn has(&self, id: &str) -> bool {
        self.0.join(id).join(ABOUT).is_file()
    }

    /// Takes a job for this server, as long as the file is open; none where another server has it.
    ///
    /// # Errors
    /// When the folder is not ours to write in.
    pub fn claim(&self, id: &str) -> io::Result<Option<File>> {
        let folder = self.0.join(id);
        fs::create_dir_all(&folder)?;
        let file = File::create(folder.join(LOCK))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// A job as it was last written down, whoever works on it.
    pub fn look(&self, id: &str, now: DateTime<Utc>) -> Option<Job> {
        // A name that leads nowhere else.
        let id = uuid::Uuid::parse_str(id).ok()?.hyphenated().to_string();
        if !self.has(&id) {
            return None;
        }
        let found = read(&self.0.join(&id), &id, now);
        found.inspect_err(|error| tracing::warn!(%error, "a job cannot be read")).ok()
    }

    /// All jobs as they were last written down.
    pub fn all(&self, now: DateTime<Utc>) -> Vec<Job> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.filter_map(|entry| self.look(entry.file_name().to_str()?, now)).collect()
    }

    /// The jobs that no server has any more. Those that had not come to their end and cannot be asked again were interrupted, and
    /// are written down as such.
    pub fn take_over(&self, now: DateTime<Utc>) -> Vec<(Job, File)> {
        self.all(now)
            .into_iter()
            .filter_map(|job| Some((self.claim(&job.id).ok()??, job.id)))
            .filter_map(|(claim, id)| {
                // What its server has written at its end counts.
                let mut job = self.look(&id, now)?;
                if !job.state.has_ended() && job.request.is_none() {
                    let detail = "The server ended before the job did; ask again.";
                    let problem = Problem::new(Kind::JobFailed, detail).with("reason", "interrupted");
                    job.state = State::Failed(Box::new(problem));
                    (job.finished, job.updated) = (Some(now), now);
                    if let Err(error) = self.keep(&job) {
                        tracing::warn!(%error, "a job cannot be written down");
                    }
                }
                Some((job, claim))
            })
            .collect()
    }
}

fn read(folder: &Path, id: &str, now: DateTime<Utc>) -> io::Result<Job> {
    let about: About = serde_json::from_slice(&fs::read(folder.join(ABOUT))?)?;
    let state = match about.state.as_str() {
        "successful" => {
            let part = |output: &Output| -> io::Result<Part> {
                // Names of ours, which lead nowhere else.
                let is_ours = output.file.strip_prefix("output-").is_some_and(|it| it.parse::<usize>().is_ok());
                if !is_ours {
                    return Err(io::Error::other("an output has a strange name"));
                }
                let (name, media_type) = (output.name.clone(), output.media_type.clone());
                Ok(Part {
                    name: Cow::Owned(name),
                    media_type: Cow::Owned(media_type),
                    body: opened(&folder.join(&output.file))?,
                })
            };
            State::Successful(about.outputs.iter().map(part).collect::<io::Result<_>>()?)
        }
        "failed" => State::Failed(Box::new(Problem::of_kept(&about.problem))),
        "running" => State::Running,
        _ => State::Accepted,
    };
    Ok(Job {
        id: id.to_owned(),
        process: about.process,
        percent: if matches!(state, State::Successful(_)) { 100 } else { 0 },
        state,
        created: about.created,
        started: about.started,
        finished: about.finished,
        // A clock that was set back must not keep it for ever.
        updated: about.updated.min(now),
        as_document: about.as_document,
        request: about.request,
        reply: about.reply,
    })
}

fn opened(path: &Path) -> io::Result<Content> {
    let file = File::open(path)?;
    if file.metadata()?.len() > SMALL {
        return Ok(Content::File(Arc::new(file)));
    }
    Ok(Content::Bytes(Bytes::from(fs::read(path)?)))
}

fn write(path: &Path, body: &Content) -> io::Result<()> {
    let mut file = File::create(path)?;
    match body {
        Content::Bytes(bytes) => file.write_all(bytes)?,
        Content::File(from) => {
            // The file may be read by others, each with a place of its own.
            let (mut piece, mut at) = (vec![0; 1 << 20], 0);
            loop {
                match from.read_at(&mut piece, at)? {
                    0 => break,
                    read => file.write_all(&piece[..read])?,
                }
                at = file.metadata()?.len();
            }
        }
    }
    file.sync_all()
}
