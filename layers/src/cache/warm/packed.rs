//! Geometries on disk.

use super::sections::{Damaged, Sink, Source, WarmError};
use crate::cache::packed::{HOLE, MULTI, Packed};

impl Packed {
    /// Writes the arrays of a pack that is whole; the runs are found again.
    pub(super) fn keep(&self, sink: &mut Sink<'_>) -> Result<(), WarmError> {
        sink.record(&self.grid)?;
        sink.array(&self.kinds)?;
        sink.array(&self.rows)?;
        sink.array(&self.rings)?;
        sink.array(&self.nodes)?;
        sink.array(&self.zooms)
    }

    /// Reads what [`Packed::keep`] wrote.
    pub(super) fn revive(source: &mut Source) -> Result<Self, WarmError> {
        let mut packed = Self::new(source.record()?);
        packed.kinds = source.array()?;
        packed.rows = source.array()?;
        packed.rings = source.array()?;
        packed.nodes = source.array()?;
        packed.zooms = source.array()?;
        packed.check()?;
        packed.find_runs();
        Ok(packed)
    }

    /// Whether every row finds its rings and every ring its vertices.
    fn check(&self) -> Result<(), Damaged> {
        let starts = |ring: &u32| ring & !HOLE;
        let (rows, rings) = (&self.rows, &self.rings);
        let ends_agree = rows.first() == Some(&0)
            && rows.len() == self.kinds.len() + 1
            && rows.last().map(|last| *last as usize + 1) == Some(rings.len())
            && rings.first().map(starts) == Some(0)
            && rings.last().map(|last| *last as usize) == Some(self.nodes.len())
            && self.zooms.len() == self.nodes.len();
        let rows_ascend = rows.windows(2).all(|pair| pair[0] <= pair[1]);
        let rings_ascend = rings.windows(2).all(|pair| starts(&pair[0]) < starts(&pair[1]));
        if !(ends_agree && rows_ascend && rings_ascend) {
            return Err(Damaged("geometries whose parts do not go together"));
        }
        let is_known = |(row, kind): (usize, &u8)| {
            let is_empty = rows[row] == rows[row + 1];
            matches!((kind & !MULTI, is_empty), (0, true) | (1..=3, false))
        };
        if !self.kinds.iter().enumerate().all(is_known) {
            return Err(Damaged("a geometry of no known kind"));
        }
        Ok(())
    }
}
