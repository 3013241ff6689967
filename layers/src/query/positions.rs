//! Where the vertices of a feature lie, in the CRS in which it is asked for.

use std::cell::Cell;

use geo_types::Geometry;

use crate::cache::{CoordinateGrid, RowRef};
use crate::crs::{Crs, with_transformer};

/// In which coordinates vertices are given: always east before north, whatever the order of the authority.
#[derive(Debug, Clone, PartialEq)]
pub enum Positions {
    /// Longitude and latitude (CRS84), to a tenth of a millimetre, without asking PROJ.
    LonLat,
    /// In another CRS; in that of the layer they are the stored ones.
    In(Crs),
}

impl Positions {
    /// In a CRS.
    pub fn in_crs(crs: &Crs) -> Self {
        if *crs == Crs::crs84() { Self::LonLat } else { Self::In(crs.clone()) }
    }

    /// Whether the authority of the CRS writes north before east.
    pub fn north_first(&self) -> bool {
        matches!(self, Self::In(crs) if crs.north_first())
    }

    /// Puts the positions of all vertices of a row into `out`, in the order in which the row has them; what was in it
    /// goes. False, and nothing in it, when the row has no geometry or one of its vertices has no place in the CRS.
    pub fn of(&self, row: RowRef<'_>, out: &mut Vec<[f64; 2]>) -> bool {
        out.clear();
        let packed = row.base.geometry();
        let mut stored = packed.nodes(row.row).iter().map(|node| packed.grid().unpack(*node));
        match self {
            Self::LonLat => out.extend(stored.map(row.base.lonlat_of_each())),
            Self::In(crs) if crs == row.base.crs() => out.extend(stored),
            Self::In(crs) => {
                let moved = with_transformer(row.base.crs(), crs, |transformer| {
                    stored.try_for_each(|position| transformer.point(position).map(|moved| out.push(moved)))
                });
                if !matches!(moved, Ok(Ok(()))) {
                    out.clear();
                }
            }
        }
        !out.is_empty()
    }

    /// The geometry of a row; `None` where [`Self::of`] finds no positions.
    pub fn geometry(&self, row: RowRef<'_>) -> Option<Geometry<f64>> {
        let mut places = Vec::new();
        if !self.of(row, &mut places) {
            return None;
        }
        // Vertices are asked for one after the other, each once.
        let next = Cell::new(0);
        let position = |_: &CoordinateGrid, _| places[next.replace(next.get() + 1)];
        row.base.geometry().geometry(row.row, position)
    }
}
