//! Random pairs of surfaces with our measures, for `scripts/compare-overlay` (GEOS and PROJ) and `scripts/compare-postgis`: a
//! line each with both as WKT, the square metres of the first and of what they share.
//! `cargo run -p bricola-territory --example pairs -- 100000`

mod stars;

use std::io::{self, BufWriter, Write as _};

use bricola_territory::FeatureRef;
use bricola_territory::overlay::{Zone, overlay};

use stars::{pair, wkt};

fn main() -> io::Result<()> {
    let pairs: usize = std::env::args().nth(1).and_then(|n| n.parse().ok()).unwrap_or(1_000);
    let mut numbers = stars::Numbers(1);
    let mut out = BufWriter::new(io::stdout().lock());
    for i in 0..pairs {
        let (size, surface, geometry) = pair(&mut numbers, i);
        let feature = FeatureRef { layer: "zones".into(), id: i.to_string(), version: 1 };
        let zones = [Zone { code: "A".into(), feature, geometry }];
        let Ok(answer) = overlay(&surface, &zones) else { continue };
        let shared = answer.pieces.first().map_or(0.0, |piece| piece.m2);
        writeln!(out, "{size}\t{}\t{}\t{:.9}\t{shared:.9}", wkt(&surface), wkt(&zones[0].geometry), answer.total_m2)?;
    }
    out.flush()
}
