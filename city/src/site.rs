//! A chunk under construction: faces with their owners, over one mesh.

use crate::mesh::{Band, Mesh, NONE, Poly, Tag, Vertex};
use crate::plan::{Chunk, Kind};
use crate::plane::P;
use crate::rng::Rng;

/// Marks a street of the chunk itself (the rest of the number is its index), against one of the plan.
pub const LOCAL: u32 = 1 << 31;

/// What a lot is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// Old-town house.
    OldHouse,
    /// Old-town palace: hotel, offices, museum.
    Palace,
    /// Church with its yard.
    Church,
    /// Town garden or park.
    Park,
    /// School with its yard.
    School,
    /// House on a lot of its own.
    House,
    /// Block of flats.
    Flats,
    /// Shops and supermarket.
    Shops,
    /// Factory or warehouse.
    Factory,
    /// Field.
    Field,
    /// Farmstead.
    Farm,
    /// Unbuilt lot.
    Empty,
    /// Marsh.
    Marsh,
}

/// What a face belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// A lot.
    Lot(u32),
    /// The street area of its sheet.
    Road,
    /// A canal or ditch.
    Water(u32),
}

/// A face of the chunk.
#[derive(Debug, Clone)]
pub struct Face {
    /// Its polygon.
    pub poly: Poly,
    /// Sheet, counted in the chunk.
    pub sheet: u32,
    /// Owner.
    pub owner: Owner,
}

/// A lot: consecutive faces, the first `built` of which carry the building.
#[derive(Debug, Clone)]
pub struct Lot {
    /// Use.
    pub land: Use,
    /// First face.
    pub first: u32,
    /// Faces.
    pub count: u32,
    /// How many of them are built over; 0 = the building stands free on the lot (or there is none).
    pub built: u32,
    /// Sheet, counted in the chunk.
    pub sheet: u32,
    /// Block, counted in the chunk.
    pub block: u32,
}

/// A street inside the chunk.
#[derive(Debug, Clone)]
pub struct LocalStreet {
    /// Width, metres.
    pub width: f64,
    /// What kind of way it is.
    pub way: Way,
    /// Ends of its middle line in the drawing plane.
    pub ends: [P; 2],
    /// Sheet, counted in the chunk.
    pub sheet: u32,
}

/// Kinds of local ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Alley of the old town.
    Calle,
    /// Wider paved alley.
    Salizada,
    /// Quay along a canal.
    Fondamenta,
    /// Square of the old town.
    Campo,
    /// Bridge over a canal.
    Bridge,
    /// Street of a suburb.
    Street,
    /// Street between industrial lots.
    Works,
    /// Country lane.
    Lane,
}

/// A canal or ditch of the chunk.
#[derive(Debug, Clone)]
pub struct Water {
    /// Faces: its band first.
    pub faces: Vec<u32>,
    /// Width, metres.
    pub width: f64,
    /// Middle line in the drawing plane.
    pub ends: [P; 2],
    /// 0 Grand Canal, 1 canal of the old town, 2 ditch.
    pub rank: u8,
}

/// A chunk under construction.
#[derive(Debug)]
pub struct Site<'a> {
    /// The chunk.
    pub chunk: &'a Chunk,
    /// Its mesh.
    pub mesh: Mesh,
    /// Its random stream.
    pub rng: Rng,
    /// Faces.
    pub faces: Vec<Face>,
    /// Lots.
    pub lots: Vec<Lot>,
    /// Streets inside it.
    pub streets: Vec<LocalStreet>,
    /// Canals and ditches.
    pub waters: Vec<Water>,
    /// Sheets begun, each with its sestiere.
    pub sheets: Vec<u32>,
    /// Blocks begun.
    pub blocks: u32,
    /// Faces of squares, with the square's street.
    pub squares: Vec<(u32, u32)>,
}

impl<'a> Site<'a> {
    /// An empty site.
    pub fn new(seed: u64, chunk: &'a Chunk) -> Self {
        Self {
            chunk,
            mesh: Mesh::default(),
            rng: Rng::new(seed, 20, u64::from(chunk.id)),
            faces: Vec::new(),
            lots: Vec::new(),
            streets: Vec::new(),
            waters: Vec::new(),
            sheets: Vec::new(),
            blocks: 0,
            squares: Vec::new(),
        }
    }

    /// Begins a sheet; when the chunk's reserve is used up the last one goes on.
    pub fn begin_sheet(&mut self, sestiere: u32) -> u32 {
        if (self.sheets.len() as u32) < self.chunk.sheets {
            self.sheets.push(sestiere);
        }
        self.sheets.len().saturating_sub(1) as u32
    }

    /// Adds a face.
    pub fn face(&mut self, poly: Poly, sheet: u32, owner: Owner) -> u32 {
        self.faces.push(Face { poly, sheet, owner });
        (self.faces.len() - 1) as u32
    }

    /// Adds street area.
    pub fn road(&mut self, poly: Poly, sheet: u32) -> u32 {
        self.face(poly, sheet, Owner::Road)
    }

    /// Adds a lot over faces, the first `built` of which carry its building.
    pub fn lot(&mut self, land: Use, sheet: u32, faces: Vec<Poly>, built: u32) {
        let number = self.lots.len() as u32;
        let (first, count) = (self.faces.len() as u32, faces.len() as u32);
        for poly in faces {
            self.face(poly, sheet, Owner::Lot(number));
        }
        self.lots.push(Lot { land, first, count, built, sheet, block: self.blocks });
    }

    /// Lays the streets, quays or banks along the chunk's outline and returns what they enclose.
    pub fn frame(&mut self, step: f64) -> Option<Poly> {
        let corners = &self.chunk.corners;
        let n = corners.len();
        let at: Vec<P> = corners.iter().map(|corner| corner.at).collect();
        let inner = [1.0, 0.5, 0.25, 0.1].iter().find_map(|scale| {
            let insets: Vec<f64> = corners.iter().map(|corner| corner.inset * scale).collect();
            inset(&at, &insets).map(|inner| (inner, insets))
        });
        let (inner, insets) = inner?;
        let tags: Vec<Tag> = corners
            .iter()
            .zip(&insets)
            .map(|(corner, half)| Tag { street: corner.street, side: corner.side, half: *half, water: false })
            .collect();
        let enclosed = self.mesh.polygon(&inner, &tags, step);
        let outer: Vec<Vertex> = at.iter().map(|at| self.mesh.vertex(*at)).collect();
        for i in 0..n {
            let next = (i + 1) % n;
            let mut ring = vec![(outer[i], 0)];
            for via in &corners[i].via {
                let vertex = self.mesh.vertex(*via);
                ring.push((vertex, 0));
            }
            ring.push((outer[next], 0));
            ring.push((enclosed.0[next].0, enclosed.0[i].1));
            ring.push((enclosed.0[i].0, 0));
            self.road(Poly(ring), 0);
        }
        Some(enclosed)
    }

    /// Cuts a street through a polygon. Its area becomes street area of `sheet`.
    pub fn street(&mut self, poly: &Poly, at: P, normal: P, width: f64, way: Way, sheet: u32) -> Option<(Poly, Poly)> {
        let number = self.streets.len() as u32 | LOCAL;
        let tag = |side| Tag { street: number, side, half: width * 0.5, water: false };
        let band = self.mesh.band(poly, at, normal, width, [tag(0), tag(1)])?;
        let step = match way {
            Way::Lane => 40.0,
            Way::Street | Way::Works => 22.0,
            _ => 11.0,
        };
        self.densify(&band, step);
        let ends = self.middle(&band);
        self.streets.push(LocalStreet { width, way, ends, sheet });
        self.road(band.strip, sheet);
        Some((band.near, band.far))
    }

    /// Cuts a canal or ditch through a polygon; the caller adds its face when it knows the sheet.
    pub fn canal(&mut self, poly: &Poly, at: P, normal: P, width: f64, step: f64) -> Option<(Band, [P; 2])> {
        let tag = Tag { street: NONE, side: 0, half: width * 0.5, water: true };
        let band = self.mesh.band(poly, at, normal, width, [tag, tag])?;
        self.densify(&band, step);
        let ends = self.middle(&band);
        Some((band, ends))
    }

    fn densify(&mut self, band: &Band, step: f64) {
        self.mesh.densify(band.lines[0], band.near_ends, step);
        self.mesh.densify(band.lines[1], band.far_ends, step);
    }

    /// The middle line of a band, run on to the middle of the streets that it meets.
    fn middle(&self, band: &Band) -> [P; 2] {
        let point = |vertex: Vertex| self.mesh.points[vertex as usize];
        let start = point(band.near_ends.0).toward(point(band.far_ends.0), 0.5);
        let end = point(band.near_ends.1).toward(point(band.far_ends.1), 0.5);
        let dir = (end - start).unit();
        let reach = |corner: Vertex| {
            let found = band.strip.0.iter().find(|(vertex, line)| *vertex == corner && !band.lines.contains(line));
            let Some((_, line)) = found else { return 0.0 };
            let tag = self.mesh.tag(*line);
            if tag.street == NONE { 0.0 } else { tag.half / dir.cross(self.mesh.dir(*line)).abs().max(0.4) }
        };
        let (before, after) = (reach(band.near_ends.0), reach(band.far_ends.1));
        [start - dir * before, end + dir * after]
    }

    /// Cuts a polygon in two across its long axis, near its middle.
    pub fn halve(&mut self, poly: &Poly, spread: f64, tilt: f64) -> Option<(Poly, Poly)> {
        let (at, normal) = self.across(poly, spread, tilt);
        self.mesh.cut(poly, at, normal, Tag::PLAIN).map(|cut| (cut.near, cut.far))
    }

    /// A line across the long axis of a polygon, near its middle.
    pub fn across(&mut self, poly: &Poly, spread: f64, tilt: f64) -> (P, P) {
        let (axis, length, _) = self.mesh.axis(poly);
        let (low, high) = self.mesh.extent(poly, axis);
        let (side_low, side_high) = self.mesh.extent(poly, axis.left());
        let along = (low + high) * 0.5 + length * self.rng.range(-spread, spread);
        let at = axis * along + axis.left() * ((side_low + side_high) * 0.5);
        let turn = self.rng.range(-tilt, tilt);
        (at, axis.turn(turn))
    }

    /// Slices a polygon across a direction into pieces about `width` long.
    pub fn slices(&mut self, poly: Poly, axis: P, width: f64, spread: f64) -> Vec<Poly> {
        let (low, high) = self.mesh.extent(&poly, axis);
        let count = ((high - low) / width).round().max(1.0) as usize;
        let step = (high - low) / count as f64;
        let mut out = Vec::with_capacity(count);
        let mut rest = poly;
        for i in 1..count {
            let along = low + step * (i as f64 + self.rng.range(-spread, spread));
            if let Some(cut) = self.mesh.cut(&rest, axis * along, axis, Tag::PLAIN) {
                out.push(cut.near);
                rest = cut.far;
            }
        }
        out.push(rest);
        out
    }

    /// The island's or town's character: 0 = centre, 1 = edge.
    pub fn edge(&self) -> f64 {
        match self.chunk.kind {
            Kind::Suburb(edge) => edge,
            _ => 0.5,
        }
    }
}

/// Moves every edge of a convex polygon inwards. `None` when an edge would vanish.
fn inset(at: &[P], insets: &[f64]) -> Option<Vec<P>> {
    let n = at.len();
    let mut out = Vec::with_capacity(n);
    for i in 0..n {
        let before = (i + n - 1) % n;
        let (d0, d1) = ((at[i] - at[before]).unit(), (at[(i + 1) % n] - at[i]).unit());
        let (n0, n1) = (d0.left(), d1.left());
        let sin = d0.cross(d1);
        if sin.abs() < 0.05 {
            out.push(at[i] + (n0 + n1).unit() * insets[before].max(insets[i]));
        } else {
            // Where the two shifted edges meet.
            let (a, b) = (at[i] + n0 * insets[before], at[i] + n1 * insets[i]);
            out.push(a + d0 * ((b - a).cross(d1) / sin));
        }
    }
    let sound = (0..n).all(|i| {
        let (old, new) = (at[(i + 1) % n] - at[i], out[(i + 1) % n] - out[i]);
        new.dot(old) > 0.2 * old.dot(old) || new.dot(old) > 0.0 && new.len() > 6.0
    });
    sound.then_some(out)
}
