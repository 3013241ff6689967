//! The features of a layer that changed since its base was read, in levels of growing size.
//!
//! A change costs as much as the smallest level; only when that is full it is put into the next one, as in a log-structured
//! merge tree. Readers see each level as a delta of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::base::Base;
use super::builder::{BaseBuilder, BuildError};
use super::snapshot::Delta;
use crate::definition::LayerDefinition;
use crate::feature::{FeatureId, StoredFeature};

/// Features of each level but the last. A change builds the first level anew, one in 32 the second, one in 512 the
/// third: some thirty features a change, while readers look into four deltas at most.
const ROOM: [usize; 3] = [32, 512, 8_192];

/// A feature as it is now; `None` when it is gone.
pub(super) type Now = (FeatureId, Option<StoredFeature>);

#[derive(Debug, Default)]
struct Level {
    rows: BTreeMap<FeatureId, Option<StoredFeature>>,
    built: Option<Arc<Delta>>,
}

/// What changed since a base was read.
#[derive(Debug, Default)]
pub(super) struct Changed {
    /// The newest and smallest first.
    levels: [Level; ROOM.len() + 1],
}

impl Changed {
    /// Features in all levels, those that are in several counted as often.
    pub fn len(&self) -> usize {
        self.levels.iter().map(|level| level.rows.len()).sum()
    }

    /// Takes features as they are now. Also returns those that cannot be mirrored, with reasons.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub fn take(
        &mut self,
        base: &Base,
        definition: &LayerDefinition,
        rows: Vec<Now>,
    ) -> Result<Vec<(FeatureId, String)>, BuildError> {
        let mut set_aside = Vec::new();
        self.levels[0].rows.extend(rows);
        let mut dirty = 0;
        for (place, room) in ROOM.into_iter().enumerate() {
            if self.levels[place].rows.len() <= room {
                break;
            }
            let full = std::mem::take(&mut self.levels[place]);
            self.levels[place + 1].rows.extend(full.rows);
            dirty = place + 1;
        }
        let level = &mut self.levels[dirty];
        let mut builder = BaseBuilder::beside(base, definition)?;
        for row in level.rows.values().flatten() {
            builder.push(row);
        }
        let (added, unfit) = builder.finish()?;
        set_aside.extend(unfit);
        level.built = Some(Arc::new(Delta { masked: level.rows.keys().copied().collect(), added }));
        Ok(set_aside)
    }

    /// The deltas, the oldest first.
    pub fn deltas(&self) -> Vec<Arc<Delta>> {
        self.levels.iter().rev().filter_map(|level| level.built.clone()).collect()
    }

    /// Features as they are now, of those that changed.
    pub fn rows<'a>(&'a self, ids: impl IntoIterator<Item = FeatureId> + 'a) -> impl Iterator<Item = Now> + 'a {
        ids.into_iter().filter_map(|id| {
            let row = self.levels.iter().find_map(|level| level.rows.get(&id))?;
            Some((id, row.clone()))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cache::Snapshot;
    use crate::feature::{Feature, Value};

    fn definition() -> LayerDefinition {
        let text = "id = \"things\"\ntitle = { it = \"\", en = \"\" }\ndescription = { it = \"\", en = \"\" }\n\
                    theme = \"services\"\ngeometry = \"point\"\ncrs = \"EPSG:4326\"\n\
                    field = [{ name = \"n\", type = \"integer\", title = { it = \"\", en = \"\" } }]";
        toml::from_str(text).expect("a definition")
    }

    fn thing(id: FeatureId, n: i64) -> StoredFeature {
        let geometry = Some(geo_types::Point::new(12.0 + id as f64 * 1e-5, 45.0).into());
        StoredFeature { id, version: n, feature: Feature { geometry, properties: vec![Value::Integer(n)] } }
    }

    #[test]
    fn the_newest_state_is_read_whatever_the_level() {
        let definition = definition();
        let mut builder = BaseBuilder::new(&definition).expect("a builder");
        (0..20_000).for_each(|id| builder.push(&thing(id, 0)));
        let (base, _) = builder.finish().expect("a base");
        let first = Snapshot::of(base, Arc::new(definition.clone()), 1);
        let mut changed = Changed::default();
        let mut expected: BTreeMap<FeatureId, Option<i64>> = (0..20_000).map(|id| (id, Some(0))).collect();
        for round in 1..220_i64 {
            let ids = (0..97).map(|step| (round * 37 + step * 211) % 21_000);
            let rows: Vec<Now> = ids.map(|id| (id, (id % 5 != round % 5).then(|| thing(id, round)))).collect();
            for (id, row) in &rows {
                expected.insert(*id, row.as_ref().map(|row| row.version));
            }
            assert!(changed.take(&first.base, &definition, rows).expect("takes").is_empty());
        }
        let count = expected.values().flatten().count();
        let snapshot = first.with(changed.deltas(), count, 2);
        assert!(snapshot.deltas.len() > 1 && changed.len() < 21_000 + ROOM.iter().sum::<usize>(), "{}", changed.len());
        for (id, n) in &expected {
            assert_eq!(snapshot.feature(*id).map(|row| row.base.version(row.row)), *n, "{id}");
        }
        let seen: BTreeMap<FeatureId, i64> = snapshot.rows().map(|row| (row.id(), row.base.version(row.row))).collect();
        assert_eq!(seen.len(), snapshot.rows().count(), "nothing twice");
        assert_eq!(seen, expected.into_iter().filter_map(|(id, n)| Some((id, n?))).collect());
        let mut found = 0;
        snapshot.search([0, 0], [u32::MAX, u32::MAX], |row, _| {
            assert_eq!(seen.get(&row.id()), Some(&row.base.version(row.row)));
            found += 1;
        });
        assert_eq!(found, seen.len());
    }
}
