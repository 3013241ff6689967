//! What closed streets cut off.

use std::collections::{HashMap, HashSet};

use geo_types::{Coord, Rect};

use super::Graph;

/// Nodes that hang together and are cut off from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// The nodes.
    pub nodes: Vec<u32>,
}

impl Graph {
    /// The parts that hung together with a larger part before, and do not once some edges are closed; the largest first.
    pub fn cut_off(&self, closed: &HashSet<u32>) -> Vec<CutOff> {
        if closed.is_empty() {
            return Vec::new();
        }
        let (before, after) = (self.whole.get_or_init(|| self.parts(&HashSet::new())), self.parts(closed));
        // A part is named by its first node.
        let count = |parts: &[u32]| parts.iter().zip(0..).filter(|(part, node)| **part == *node).count();
        if count(before) == count(&after) {
            return Vec::new();
        }
        let mut sizes: HashMap<u32, (u32, usize)> = HashMap::new();
        for (whole, part) in before.iter().zip(&after) {
            sizes.entry(*part).or_insert((*whole, 0)).1 += 1;
        }
        // Of each whole the largest part stays; of two as large the one with the first node.
        let mut stays: HashMap<u32, (usize, u32)> = HashMap::new();
        for (part, (whole, size)) in &sizes {
            let most = stays.entry(*whole).or_insert((*size, *part));
            if (*size, std::cmp::Reverse(*part)) > (most.0, std::cmp::Reverse(most.1)) {
                *most = (*size, *part);
            }
        }
        let mut off: HashMap<u32, Vec<u32>> = HashMap::new();
        for (node, (whole, part)) in (0..).zip(before.iter().zip(&after)) {
            if stays.get(whole).is_some_and(|(_, stays)| stays != part) {
                off.entry(*part).or_default().push(node);
            }
        }
        let mut off: Vec<CutOff> = off.into_values().map(|nodes| CutOff { nodes }).collect();
        off.sort_by(|a, b| b.nodes.len().cmp(&a.nodes.len()).then(a.nodes.cmp(&b.nodes)));
        off
    }

    /// Metres of the streets between the nodes of a part.
    pub fn length_of(&self, part: &CutOff) -> f64 {
        let nodes: HashSet<u32> = part.nodes.iter().copied().collect();
        let ways = part.nodes.iter().flat_map(|node| self.at(*node)).copied().collect::<HashSet<u32>>();
        let edges = ways.into_iter().map(|way| &self.edges()[way as usize]);
        let within = edges.filter(|edge| edge.ends.iter().all(|end| nodes.contains(end)));
        // A sum of nothing would be less than nothing.
        within.map(|edge| edge.length_m).fold(0.0, |sum, length| sum + length)
    }

    /// The box around all streets at the nodes of a part, degrees.
    pub fn frame_of(&self, part: &CutOff) -> Option<Rect<f64>> {
        let ways = part.nodes.iter().flat_map(|node| self.at(*node));
        let all = part.nodes.iter().map(|node| self.node(*node)).chain(ways.flat_map(|way| self.line(*way)).copied());
        let fold = |(low, high): (Coord<f64>, Coord<f64>), at: Coord<f64>| {
            let low = Coord { x: low.x.min(at.x), y: low.y.min(at.y) };
            (low, Coord { x: high.x.max(at.x), y: high.y.max(at.y) })
        };
        all.map(|at| (at, at)).reduce(|frame, (at, _)| fold(frame, at)).map(|(low, high)| Rect::new(low, high))
    }

    /// For each node the part that it is in, named by its first node.
    fn parts(&self, closed: &HashSet<u32>) -> Vec<u32> {
        let mut part: Vec<u32> = (0..self.node_count() as u32).collect();
        for (_, edge) in (0..).zip(self.edges()).filter(|(number, _)| !closed.contains(number)) {
            let [a, b] = edge.ends.map(|end| root(&mut part, end));
            part[a.max(b) as usize] = a.min(b);
        }
        (0..part.len() as u32).map(|node| root(&mut part, node)).collect()
    }
}

fn root(part: &mut [u32], node: u32) -> u32 {
    let mut top = node;
    while part[top as usize] != top {
        part[top as usize] = part[part[top as usize] as usize];
        top = part[top as usize];
    }
    top
}
