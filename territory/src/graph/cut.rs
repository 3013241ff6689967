//! What closed streets cut off.

use std::collections::{HashMap, HashSet};

use super::Graph;

/// Nodes that hang together and are cut off from the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CutOff {
    /// The nodes.
    pub nodes: Vec<u32>,
}

impl Graph {
    /// The parts that could be reached from the main part before, and cannot once some edges are closed; the largest first.
    /// The main part is the one with most nodes.
    pub fn cut_off(&self, closed: &HashSet<u32>) -> Vec<CutOff> {
        let before = self.parts(&HashSet::new());
        let after = self.parts(closed);
        let Some(main) = most(&before) else { return Vec::new() };
        let stays = (0..before.len()).filter(|node| before[*node] == main).map(|node| after[node]);
        let mut sizes: HashMap<u32, usize> = HashMap::new();
        for part in stays {
            *sizes.entry(part).or_default() += 1;
        }
        let Some(rest) =
            sizes.iter().max_by_key(|(part, size)| (**size, std::cmp::Reverse(**part))).map(|(part, _)| *part)
        else {
            return Vec::new();
        };
        let mut off: HashMap<u32, Vec<u32>> = HashMap::new();
        for node in (0..before.len()).filter(|node| before[*node] == main && after[*node] != rest) {
            off.entry(after[node]).or_default().push(node as u32);
        }
        let mut off: Vec<CutOff> = off.into_values().map(|nodes| CutOff { nodes }).collect();
        off.sort_by(|a, b| b.nodes.len().cmp(&a.nodes.len()).then(a.nodes.cmp(&b.nodes)));
        off
    }

    /// For each node the part that it is in, named by one of its nodes.
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

fn most(parts: &[u32]) -> Option<u32> {
    let mut sizes: HashMap<u32, usize> = HashMap::new();
    for part in parts {
        *sizes.entry(*part).or_default() += 1;
    }
    sizes.into_iter().max_by_key(|(part, size)| (*size, std::cmp::Reverse(*part))).map(|(part, _)| part)
}
