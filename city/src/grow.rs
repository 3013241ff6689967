//! How the chunks are built up: old town, suburbs, works, fields.

mod country;
mod old_town;
mod suburb;

use crate::mesh::Poly;
use crate::plan::Kind;
use crate::plane::P;
use crate::site::{Owner, Site, Water};

/// Builds up a chunk.
pub fn grow(site: &mut Site) {
    let step = match site.chunk.kind {
        Kind::OldTown | Kind::Gardens => 12.0,
        Kind::Country => 30.0,
        _ => 20.0,
    };
    match site.chunk.kind {
        Kind::River | Kind::Marsh => return,
        Kind::OldTown => {}
        _ => {
            site.begin_sheet(0);
        }
    }
    let Some(inner) = site.frame(step) else { return };
    match site.chunk.kind {
        Kind::OldTown => old_town::build(site, &inner),
        Kind::Suburb(_) => suburb::houses(site, &inner),
        Kind::Industrial => suburb::works(site, &inner),
        Kind::Gardens => country::fields(site, inner, 9_000.0, 17.0),
        _ => country::fields(site, inner, 110_000.0, 36.0),
    }
}

fn water(site: &mut Site, strip: Poly, sheet: u32, width: f64, ends: [P; 2], rank: u8) {
    let number = site.waters.len() as u32;
    let face = site.face(strip, sheet, Owner::Water(number));
    site.waters.push(Water { faces: vec![face], width, ends, rank });
}
