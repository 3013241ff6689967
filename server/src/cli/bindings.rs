//! `bricola bindings`.

use std::fmt::Write as _;
use std::sync::Arc;

use bricola_layers::binding::{Checked, Differing, check, rebuild};
use bricola_layers::definition::bound_faults;
use bricola_layers::feature::Value;
use bricola_layers::log::Seq;
use bricola_layers::store::{BindingState, Store, StoredLayer};
use clap::{Args, Subcommand};

use super::layers::align;
use super::{Failure, Outcome, say};

/// Changes of the log that are looked at to tell whether something waits to be done.
const LOOKED_AT: usize = 10_000;
/// How often a check is made again because somebody has edited meanwhile.
const AGAIN: usize = 3;

/// What `bricola bindings` takes.
#[derive(Args)]
pub struct Bindings {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// List them, and how far they are true: the default
    List,
    /// Find every value by another way, and compare it with what is stored; ends with 1 where one differs
    Check {
        /// Only this layer
        #[arg(long, value_name = "ID")]
        layer: Option<String>,
        /// How many of those that differ are named, of each layer
        #[arg(long, value_name = "N", default_value_t = 10)]
        first: usize,
    },
    /// Find every value anew, and write those that differ
    Rebuild {
        /// Only this layer
        #[arg(long, value_name = "ID")]
        layer: Option<String>,
    },
}

impl Bindings {
    /// Whether it writes to the store.
    pub const fn writes(&self) -> bool {
        matches!(self.what, Some(What::Rebuild { .. }))
    }

    /// Lists, checks or rebuilds.
    pub async fn run<S: Store>(self, store: &Arc<S>) -> Outcome {
        match self.what.unwrap_or(What::List) {
            What::List => list(&**store).await,
            What::Check { layer, first } => {
                let mut sound = true;
                for layer in chosen(&**store, layer).await? {
                    let checked = checked(store, &layer, first).await?;
                    sound &= checked.differing == 0;
                    say(&report(&layer, &checked))?;
                }
                if sound { Ok(()) } else { Err(Failure::failed("stored values are not what they should be")) }
            }
            What::Rebuild { layer } => {
                for layer in chosen(&**store, layer).await? {
                    let done = rebuild(store, &layer).await.map_err(Failure::failed)?;
                    let mut text = format!(
                        "{layer}: {} of {} features written, true as of change {} (read {:.2} s, found {:.2} s, written {:.2} s)\n",
                        done.written,
                        done.looked,
                        done.seq,
                        done.read.as_secs_f64(),
                        done.found.as_secs_f64(),
                        done.wrote.as_secs_f64(),
                    );
                    for (field, reason) in done.idle {
                        let _ = writeln!(text, "{layer}.{field} is left as it is: {reason}");
                    }
                    say(&text)?;
                }
                Ok(())
            }
        }
    }
}

/// The layers with bound fields, or the one that is named.
async fn chosen<S: Store>(store: &S, named: Option<String>) -> Result<Vec<String>, Failure> {
    let layers = store.layers().await.map_err(Failure::failed)?;
    let bound = layers.iter().filter(|stored| stored.definition.bound_fields().next().is_some());
    let bound: Vec<String> = bound.map(|stored| stored.definition.id.clone()).collect();
    match named {
        None => Ok(bound),
        Some(layer) if bound.contains(&layer) => Ok(vec![layer]),
        Some(layer) => Err(Failure::usage(format!("layer \"{layer}\" is not there, or has no bound fields"))),
    }
}

/// Checks a layer. What differs while somebody edits may be about to be written: it is looked at again.
async fn checked<S: Store>(store: &Arc<S>, layer: &str, first: usize) -> Result<Checked, Failure> {
    let end = || async { store.last_seq().await.map_err(Failure::failed) };
    let mut before = end().await?;
    for _ in 0..AGAIN {
        let checked = check(store, layer, first).await.map_err(Failure::failed)?;
        let after = end().await?;
        if checked.differing == 0 || after == before {
            return Ok(checked);
        }
        before = after;
    }
    check(store, layer, first).await.map_err(Failure::failed)
}

fn report(layer: &str, checked: &Checked) -> String {
    let Checked { values, on_an_edge, differing, first, idle } = checked;
    let mut text = format!("{layer}: {values} values, {differing} differ, {on_an_edge} lie on an edge\n");
    let shown = |value: &Value| match value {
        Value::Null => "nothing".to_owned(),
        value => serde_json::to_string(value).unwrap_or_default(),
    };
    for Differing { id, field, stored, expected } in first {
        let _ = writeln!(text, "{layer}/{id} {field}: {} is stored, {} is right", shown(stored), shown(expected));
    }
    for (field, reason) in idle {
        let _ = writeln!(text, "{layer}.{field} is not checked: {reason}");
    }
    text
}

async fn list<S: Store>(store: &S) -> Outcome {
    let layers = store.layers().await.map_err(Failure::failed)?;
    let (states, end) = (store.bindings().await, store.last_seq().await.map_err(Failure::failed)?);
    let states = states.map_err(Failure::failed)?;
    let faults = bound_faults(layers.iter().map(|stored| &stored.definition));
    let mut rows = vec![["binding", "from", "true as of", "state"].map(str::to_owned)];
    for StoredLayer { definition, .. } in &layers {
        let known = states.iter().find(|state| state.layer == definition.id);
        for (_, field, bound) in definition.bound_fields() {
            let is_fault =
                |(layer, name, _): &&(String, String, String)| *layer == definition.id && *name == field.name;
            let state = match faults.iter().find(is_fault) {
                Some((.., reason)) => reason.clone(),
                None if layers.iter().all(|other| other.definition.id != bound.layer) => {
                    format!("idle: there is no layer \"{}\"", bound.layer)
                }
                None => waits(store, known, &definition.id, &bound.layer, end).await?,
            };
            rows.push([
                format!("{}.{}", definition.id, field.name),
                format!("{}.{}", bound.layer, bound.field),
                known.map_or_else(|| "-".to_owned(), |state| state.seq.to_string()),
                state,
            ]);
        }
    }
    say(&align(&rows))
}

/// Whether something has happened that a binding has not answered to.
async fn waits<S: Store>(
    store: &S,
    known: Option<&BindingState>,
    layer: &str,
    target: &str,
    end: Seq,
) -> Result<String, Failure> {
    let Some(known) = known.filter(|known| !known.declaration.is_empty()) else {
        return Ok("never found: a server does so".to_owned());
    };
    let changes = match store.changes(known.seq.min(end), LOOKED_AT).await {
        Ok(changes) => changes,
        Err(error) => return Ok(format!("not known: {error}")),
    };
    let concerns = |of: &str, by_binding: bool| of == target || (of == layer && !by_binding);
    let waiting = changes.iter().filter(|change| concerns(&change.layer, !change.causes.is_empty())).count();
    Ok(match waiting {
        0 if changes.len() < LOOKED_AT => "true".to_owned(),
        0 => "behind".to_owned(),
        waiting => format!("{waiting} changes wait for a server"),
    })
}
