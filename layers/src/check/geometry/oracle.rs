//! Verdicts compared with GEOS (through python3-gdal), on random surfaces full of degenerate cases.

use std::io::Write as _;
use std::process::{Command, Stdio};

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Polygon};
use geozero::ToWkt;

use super::validity::first_flaw;
use super::*;

/// `SplitMix64` (Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// What GEOS says of each geometry; `None` where python3-gdal is not installed.
fn geos(geometries: &[MultiPolygon<f64>]) -> Option<Vec<bool>> {
    const SCRIPT: &str = "import sys\nfrom osgeo import ogr, gdal\ngdal.PushErrorHandler('CPLQuietErrorHandler')\n\
        for line in sys.stdin:\n    print(int(ogr.CreateGeometryFromWkt(line).IsValid()))";
    let mut child = Command::new("/usr/bin/python3")
        .args(["-c", SCRIPT])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let mut lines = String::new();
    for geometry in geometries {
        lines.push_str(&Geometry::MultiPolygon(geometry.clone()).to_wkt().expect("writes"));
        lines.push('\n');
    }
    let mut input = child.stdin.take()?;
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = child.wait_with_output().ok()?;
    let written = writer.join().expect("joins");
    if !output.status.success() || written.is_err() {
        println!("skipped: no python3-gdal");
        return None;
    }
    let verdicts: Vec<bool> = String::from_utf8(output.stdout).ok()?.lines().map(|line| line == "1").collect();
    assert_eq!(verdicts.len(), geometries.len());
    Some(verdicts)
}

fn ring(dice: &mut Dice, corner: (u64, u64), side: u64, vertices: u64) -> LineString<f64> {
    loop {
        let mut points: Vec<Coord<f64>> = (0..vertices)
            .map(|_| Coord { x: (corner.0 + dice.roll(side)) as f64, y: (corner.1 + dice.roll(side)) as f64 })
            .collect();
        points.dedup();
        if points.first() != points.last() {
            points.push(points[0]);
        }
        if points.len() >= 4 {
            return LineString(points);
        }
    }
}

/// A ring around a centre, simple more often than not.
fn star(dice: &mut Dice, centre: (f64, f64), radius: u64, vertices: u64) -> LineString<f64> {
    let mut points: Vec<Coord<f64>> = (0..vertices)
        .map(|turn| {
            let angle = turn as f64 / vertices as f64 * std::f64::consts::TAU;
            let reach = 1.0 + dice.roll(radius) as f64;
            Coord { x: (centre.0 + reach * angle.cos()).round(), y: (centre.1 + reach * angle.sin()).round() }
        })
        .collect();
    points.dedup();
    if points.first() != points.last() {
        points.push(points[0]);
    }
    if points.len() < 4 { ring(dice, (0, 0), 4, 4) } else { LineString(points) }
}

fn surfaces(seed: u64, count: usize) -> Vec<MultiPolygon<f64>> {
    let mut dice = Dice(seed);
    let mut all = Vec::with_capacity(count);
    for _ in 0..count {
        let parts = 1 + dice.roll(3);
        let polygons = (0..parts).map(|part| {
            let outer = match dice.roll(4) {
                0 => ring(&mut dice, (part * 3, 0), 5, 5),
                1 => LineString(square(part * 6, 0, 8)),
                _ => {
                    let vertices = 5 + dice.roll(40);
                    star(&mut dice, (part as f64 * 14.0, 10.0), 9, vertices)
                }
            };
            let holes = (0..dice.roll(4)).map(|_| match dice.roll(3) {
                0 => ring(&mut dice, (part * 6, 0), 8, 4),
                1 => {
                    let (x, y, size) = (dice.roll(8), dice.roll(8), 1 + dice.roll(3));
                    LineString(square(part * 6 + x, y, size))
                }
                _ => star(&mut dice, (part as f64 * 14.0, 10.0), 3, 6),
            });
            let holes = holes.collect();
            Polygon::new(outer, holes)
        });
        all.push(MultiPolygon(polygons.collect()));
    }
    all
}

fn square(x: u64, y: u64, size: u64) -> Vec<Coord<f64>> {
    let (x, y, size) = (x as f64, y as f64, size as f64);
    [(0., 0.), (1., 0.), (1., 1.), (0., 1.), (0., 0.)]
        .map(|(right, up)| Coord { x: x + right * size, y: y + up * size })
        .to_vec()
}

#[test]
fn verdicts_agree_with_geos() {
    let surfaces = surfaces(20_260_101, 20_000);
    let Some(verdicts) = geos(&surfaces) else { return };
    let valid = verdicts.iter().filter(|valid| **valid).count();
    assert!((1_000..19_000).contains(&valid), "the sample must hold both kinds: {valid}");
    for (surface, valid) in surfaces.iter().zip(verdicts) {
        let flaw = first_flaw(&surface.0);
        assert_eq!(
            flaw.is_none(),
            valid,
            "{flaw:?} {}",
            Geometry::MultiPolygon(surface.clone()).to_wkt().expect("writes")
        );
    }
}

#[test]
fn whatever_passes_is_valid_to_geos() {
    let check = GeometryCheck::new(GeometryType::MultiPolygon, 0.001);
    let mut passed = Vec::new();
    let mut rebuilt = 0;
    for surface in surfaces(7, 20_000) {
        // Off the grid and turned, so that snapping has something to do.
        let turned = MultiPolygon(
            surface
                .0
                .into_iter()
                .map(|polygon| geo::Rotate::rotate_around_point(&polygon, 17.0, geo_types::Point::new(0.0, 0.0)))
                .collect(),
        );
        let mut notes = Notes::default();
        if let Ok(Some(Geometry::MultiPolygon(judged))) = check.judge(Geometry::MultiPolygon(turned), &mut notes) {
            rebuilt += usize::from(notes.repairs.iter().any(|(repair, _)| repair.code() == "made_valid"));
            passed.push(judged);
        }
    }
    assert!(rebuilt > 50, "the sample must hold repairs: {rebuilt}");
    let Some(verdicts) = geos(&passed) else { return };
    for (surface, valid) in passed.into_iter().zip(verdicts) {
        assert!(valid, "{}", Geometry::MultiPolygon(surface).to_wkt().expect("writes"));
    }
}
