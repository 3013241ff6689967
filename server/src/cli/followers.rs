//! `bricola followers` and `bricola prune`.

use std::fmt::Write as _;

use bricola_layers::log::Seq;
use bricola_layers::store::{Pruning, RegisteredFollower, Store};
use chrono::{TimeDelta, Utc};
use clap::{Args, Subcommand};

use super::layers::align;
use super::{Failure, Outcome, say};

/// What `bricola followers` takes.
#[derive(Args)]
pub struct Followers {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// List them: the default
    List,
    /// From now on keep the change log for a program; prints the key by which it acknowledges
    Add {
        /// Lower-case letters, digits, -, _ and .
        name: String,
        /// The last change that it has handled; the end of the log when not given
        #[arg(long, value_name = "SEQ")]
        from: Option<Seq>,
        /// Days that the log is kept for it after it was last heard of; for ever when not given
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36_500))]
        patience: Option<u32>,
    },
    /// No longer keep the log for a program
    Forget {
        /// Its name
        name: String,
    },
}

impl Followers {
    /// Lists, adds or forgets.
    pub async fn run<S: Store>(self, store: &S) -> Outcome {
        match self.what.unwrap_or(What::List) {
            What::List => {
                let end = store.last_seq().await.map_err(Failure::failed)?;
                say(&table(&store.followers().await.map_err(Failure::failed)?, end))
            }
            What::Add { name, from, patience } => {
                let end = store.last_seq().await.map_err(Failure::failed)?;
                let key = store.register(&name, from.unwrap_or(end), patience).await.map_err(Failure::failed)?;
                say(&format!("Bricola-Follower: {name}:{key}\n"))
            }
            What::Forget { name } => {
                let known = store.forget(&name).await.map_err(Failure::failed)?;
                if known { Ok(()) } else { Err(Failure::usage(format!("there is no follower \"{name}\""))) }
            }
        }
    }
}

fn table(followers: &[RegisteredFollower], end: Seq) -> String {
    let mut rows = vec![["follower", "seq", "behind", "seen", "patience", "kept for"].map(str::to_owned)];
    for follower in followers {
        rows.push([
            follower.name.clone(),
            follower.seq.to_string(),
            (end - follower.seq).to_string(),
            follower.seen.format("%F %T").to_string(),
            follower.patience_days.map_or_else(|| "for ever".to_owned(), |days| format!("{days} days")),
            if follower.is_waited_for(Utc::now()) { "yes" } else { "no longer" }.to_owned(),
        ]);
    }
    align(&rows)
}

/// What `bricola prune` takes.
#[derive(Args)]
pub struct Prune {
    /// Let go of changes that are older and that every registered follower has handled
    #[arg(long, value_name = "DAYS", required_unless_present = "past_days")]
    log_days: Option<u32>,
    /// Let go of the states of features that were superseded longer ago
    #[arg(long, value_name = "DAYS")]
    past_days: Option<u32>,
}

impl Prune {
    /// Prunes once, and says what went.
    pub async fn run<S: Store>(self, store: &S) -> Outcome {
        let before = |days: Option<u32>| days.map(|days| Utc::now() - TimeDelta::days(days.into()));
        let pruning = Pruning { log_before: before(self.log_days), past_before: before(self.past_days) };
        let pruned = store.prune(pruning).await.map_err(Failure::failed)?;
        let mut text = format!(
            "{} entries of the log and {} superseded states went; the log tells what came after change {}\n",
            pruned.changes, pruned.states, pruned.log_from
        );
        if let Some(name) = pruned.held_by {
            let _ = writeln!(text, "more of the log is kept for \"{name}\", which has not handled it yet");
        }
        say(&text)
    }
}
