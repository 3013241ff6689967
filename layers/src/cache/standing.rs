//! How changed features stand that weigh what they weighed when the base was read.
//!
//! The choice of their tiles is still right, so none is made anew: each is kept or not as the base's own row was. Most
//! edits are such (a value, a name), and a tile may hold a hundred thousand others.

use std::sync::Arc;

use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::feature::FeatureId;

/// Features among the recent ones at most: these are copied at each change.
const RECENT: usize = 512;

/// At which zooms (one bit each) a feature stands otherwise than its size tells.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Standing {
    /// Shorter than a pixel, and kept all the same: it stands for its neighbourhood.
    kept: u32,
    /// Not kept.
    hidden: u32,
}

type Table = FxHashMap<FeatureId, Standing>;

/// The standings of all features that changed and have one.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Standings {
    recent: Arc<Table>,
    older: Arc<Table>,
}

impl Standings {
    fn get(&self, id: FeatureId) -> Standing {
        self.recent.get(&id).or_else(|| self.older.get(&id)).copied().unwrap_or_default()
    }

    /// Whether a feature is kept at a zoom; `None` where its size tells.
    pub fn is_kept(&self, id: FeatureId, zoom: u8) -> Option<bool> {
        let (Standing { kept, hidden }, bit) = (self.get(id), 1_u32 << zoom);
        if hidden & bit != 0 { Some(false) } else { (kept & bit != 0).then_some(true) }
    }

    /// Notes whether a feature is kept at a zoom; `None` where its size tells.
    pub fn note(&mut self, id: FeatureId, zoom: u8, is_kept: Option<bool>) {
        let (before, bit) = (self.get(id), 1_u32 << zoom);
        let only = |bits: u32, holds: bool| if holds { bits | bit } else { bits & !bit };
        let now = Standing {
            kept: only(before.kept, is_kept == Some(true)),
            hidden: only(before.hidden, is_kept == Some(false)),
        };
        if now == before {
            return;
        }
        Arc::make_mut(&mut self.recent).insert(id, now);
        if self.recent.len() > RECENT {
            let older = Arc::make_mut(&mut self.older);
            older.extend(std::mem::take(&mut self.recent).iter());
            older.retain(|_, standing| *standing != Standing::default());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_counts_however_many_follow() {
        let mut standings = Standings::default();
        let told = |id: i64| [Some(true), Some(false), None][id as usize % 3];
        for round in 0..4_i64 {
            (0..2_000).for_each(|id| standings.note(id, 31, told(id + round)));
            (0..2_000).for_each(|id| standings.note(id, 0, told(id)));
            for id in 0..2_000 {
                assert_eq!(standings.is_kept(id, 31), told(id + round), "{id} in round {round}");
                assert_eq!((standings.is_kept(id, 0), standings.is_kept(id, 7)), (told(id), None));
            }
        }
        assert!(standings.recent.len() <= RECENT);
    }
}
