//! The documents of a kind, wherever they lie: one file, or many members of an archive and the archives in it.

use std::io;

use super::nested::NestedZip;
use super::{Guard, Member, Total, members};
use crate::limits::MAX_ARCHIVE_DEPTH;
use crate::reader::ReadError;
use crate::reader::source::{Source, Stream, broken};

/// A set of documents with one of some extensions, which can be walked again and again.
#[derive(Debug, Clone)]
pub(in crate::reader) struct Documents {
    source: Source,
    archive: bool,
    extensions: &'static [&'static str],
}

impl Documents {
    /// One document.
    pub fn one(source: Source) -> Self {
        Self { source, archive: false, extensions: &[] }
    }

    /// All documents in an archive, and in archives within it, whose extension (lower case) is one of `extensions`.
    pub fn in_archive(source: Source, extensions: &'static [&'static str]) -> Self {
        Self { source, archive: true, extensions }
    }

    /// File name of the whole.
    pub fn name(&self) -> String {
        self.source.name()
    }

    /// Starts a walk.
    pub fn walk(&self) -> Result<Walk, ReadError> {
        let first = if self.archive {
            let mut members = members(&self.source)?;
            members.reverse();
            Level::Directory(members)
        } else {
            Level::One(Some(self.source.clone()))
        };
        Ok(Walk { levels: vec![first], total: Total::default(), extensions: self.extensions, name: self.name() })
    }
}

enum Level {
    One(Option<Source>),
    /// The members still to come, last first.
    Directory(Vec<Member>),
    Nested(String, NestedZip),
}

/// One walk over [`Documents`].
pub(in crate::reader) struct Walk {
    levels: Vec<Level>,
    total: Total,
    extensions: &'static [&'static str],
    name: String,
}

impl Walk {
    /// The next document: its path and its bytes.
    ///
    /// A document must be read (or dropped) before the next is asked for.
    pub fn next_document(&mut self) -> Result<Option<(String, Stream)>, ReadError> {
        loop {
            let Some(level) = self.levels.last_mut() else { return Ok(None) };
            let found = match level {
                Level::One(source) => match source.take() {
                    Some(source) => Some((source.name(), source.open()?)),
                    None => None,
                },
                Level::Directory(members) => match members.pop() {
                    Some(member) if wanted(&member.path, self.extensions) => {
                        let stream = member.open_counted(Total::clone(&self.total))?;
                        Some((member.path, stream))
                    }
                    Some(_) => continue,
                    None => None,
                },
                Level::Nested(name, zip) => {
                    let next = zip.next_member().map_err(|error| broken(name, &error))?;
                    match next {
                        Some((path, stream)) if wanted(&path, self.extensions) => {
                            let total = Total::clone(&self.total);
                            let stream: Stream = Box::new(Guard::new(stream, None, total, path.clone()));
                            Some((path, stream))
                        }
                        Some(_) => continue,
                        None => None,
                    }
                }
            };
            match found {
                None => {
                    self.levels.pop();
                }
                Some((path, stream)) if is_zip(&path) && !matches!(self.levels.last(), Some(Level::One(_))) => {
                    if self.levels.len() >= MAX_ARCHIVE_DEPTH {
                        return Err(broken(
                            &self.name,
                            &io::Error::other(format!(
                                "archives lie in archives more than MAX_ARCHIVE_DEPTH ({MAX_ARCHIVE_DEPTH}) deep; \
                                 extract the outer ones"
                            )),
                        ));
                    }
                    self.levels.push(Level::Nested(path, NestedZip::new(stream)));
                }
                found => return Ok(found),
            }
        }
    }
}

fn is_zip(path: &str) -> bool {
    path.to_ascii_lowercase().ends_with(".zip")
}

fn wanted(path: &str, extensions: &[&str]) -> bool {
    let lower = path.to_ascii_lowercase();
    is_zip(path)
        || lower
            .rsplit_once('.')
            .is_some_and(|(_, extension)| extensions.contains(&extension) && !lower.starts_with("__macosx/"))
}
