//! Boxes around runs of the vertices of long outlines.
//!
//! A parcel has nine vertices, a street or a lagoon thousands: who asks for one place or one tile of those skips run
//! by run what cannot matter.

/// Vertices of a run.
pub(super) const RUN: usize = 32;
/// Outlines with fewer vertices have no runs.
const LONG: usize = 3 * RUN;

/// A run of vertices: smallest and largest node of the edges that end in it.
#[derive(Debug, Clone, Copy)]
pub struct Run {
    /// South-west corner.
    pub min: [i32; 2],
    /// North-east corner.
    pub max: [i32; 2],
}

/// The runs of all long outlines of a layer.
#[derive(Debug, Default)]
pub(super) struct Runs {
    /// Number of each long ring, ascending, and where its runs begin.
    rings: Vec<(u32, u32)>,
    runs: Vec<Run>,
}

impl Runs {
    /// The runs of rings given in order.
    pub(super) fn of<'a>(rings: impl Iterator<Item = &'a [[i32; 2]]>) -> Self {
        let mut all = Self::default();
        for (number, nodes) in rings.enumerate().filter(|(_, nodes)| nodes.len() >= LONG) {
            all.rings.push((number as u32, all.runs.len() as u32));
            let mut previous = nodes[nodes.len() - 1];
            for run in nodes.chunks(RUN) {
                all.runs.push(around(previous, run));
                previous = run[run.len() - 1];
            }
        }
        all
    }

    /// The runs of a ring; none when it is short.
    #[inline]
    pub(super) fn get(&self, ring: usize, vertices: usize) -> &[Run] {
        if vertices < LONG {
            return &[];
        }
        let Ok(found) = self.rings.binary_search_by_key(&(ring as u32), |(number, _)| *number) else { return &[] };
        let start = self.rings[found].1 as usize;
        &self.runs[start..start + vertices.div_ceil(RUN)]
    }

    /// Bytes held.
    pub(super) fn bytes(&self) -> usize {
        self.rings.len() * 8 + self.runs.len() * size_of::<Run>()
    }
}

fn around(previous: [i32; 2], run: &[[i32; 2]]) -> Run {
    run.iter().fold(Run { min: previous, max: previous }, |Run { min, max }, [x, y]| Run {
        min: [min[0].min(*x), min[1].min(*y)],
        max: [max[0].max(*x), max[1].max(*y)],
    })
}

impl<'a> super::Ring<'a> {
    /// The runs of a long outline, each with the positions of its vertices; none for a short one.
    pub fn runs(&self) -> impl Iterator<Item = (&'a Run, std::ops::Range<usize>)> + use<'a> {
        let count = self.nodes.len();
        self.runs.iter().enumerate().map(move |(number, run)| (run, number * RUN..((number + 1) * RUN).min(count)))
    }

    /// Whether [`Self::runs`] are known.
    pub fn is_long(&self) -> bool {
        !self.runs.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_edges_of_a_run_lie_in_its_box() {
        let long: Vec<[i32; 2]> = (0..1000_i32).map(|i| [i * 7 % 613, i * i % 997]).collect();
        let short = &long[..LONG - 1];
        let runs = Runs::of([short, &long, short].into_iter());
        assert!(runs.get(0, short.len()).is_empty() && runs.get(2, short.len()).is_empty());
        let found = runs.get(1, long.len());
        assert_eq!(found.len(), long.len().div_ceil(RUN));
        for (index, vertex) in long.iter().enumerate() {
            let run = found[index / RUN];
            for [x, y] in [*vertex, long[(index + long.len() - 1) % long.len()]] {
                assert!((run.min[0]..=run.max[0]).contains(&x) && (run.min[1]..=run.max[1]).contains(&y));
            }
        }
    }
}
