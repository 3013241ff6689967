//! Draws a part of the demo city as SVG: `draw PARCELS SEED X Y WIDTH_M OUT.svg` (X, Y in metres from the city's
//! origin; width 0 = everything).
use std::fmt::Write as _;
use std::sync::Arc;

use bricola_city::City;
use bricola_city::district::Use;
use bricola_city::district::{District, Number, Parcel, ground_ring, local};
use bricola_city::plan::{Kind, Plan};
use bricola_layers::definition::Catalog;
use geo_types::{Geometry, LineString, Polygon};

const LAYERS: [(&str, &str); 8] = [
    ("streets", "#888"),
    ("cycle-lanes", "#2a9d4b"),
    ("transit-lines", "#d62828"),
    ("stops", "#1d3557"),
    ("ztl-gates", "#000"),
    ("occupations", "#e0b000"),
    ("work-sites", "#f60"),
    ("schools", "#63c"),
];

fn path(out: &mut String, ring: &LineString<f64>) {
    for (i, at) in ring.0.iter().enumerate() {
        let at = local(*at);
        let _ = write!(out, "{}{:.1},{:.1}", if i == 0 { "M" } else { "L" }, at.x, -at.y);
    }
    out.push('Z');
}

fn draw(out: &mut String, polygon: &Polygon<f64>, style: &str) {
    let mut d = String::new();
    path(&mut d, polygon.exterior());
    for hole in polygon.interiors() {
        path(&mut d, hole);
    }
    let _ = writeln!(out, "<path fill-rule='evenodd' d='{d}' {style}/>");
}

fn colour(parcel: &Parcel) -> &'static str {
    match (parcel.number, parcel.land) {
        (Number::Road(_), _) => "#ffffff",
        (Number::Water(_), _) => "#a8cfe0",
        (_, Use::Park) => "#b9d8a0",
        (_, Use::School) => "#f0dcb4",
        (_, Use::Church) => "#e6d2e6",
        (_, Use::Field) => ["#e3e8c4", "#d9e2b8", "#eae6c8"][(parcel.seed % 3) as usize],
        (_, Use::Marsh) => "#c3cfa0",
        (_, Use::Factory | Use::Shops) => "#e3dfe8",
        (_, Use::Empty) => "#dfe5cc",
        _ => "#f1ece0",
    }
}

/// Layers that lie over the parcels; `width` of the picture in metres.
fn draw_layers(svg: &mut String, city: &City, catalog: &Catalog, width: f64) {
    for (layer, colour) in LAYERS {
        let Some(definition) = catalog.get(layer) else { continue };
        for feature in city.features(layer, definition) {
            match feature.geometry {
                Some(Geometry::MultiLineString(lines)) => {
                    for line in lines {
                        let mut d = String::new();
                        path(&mut d, &line);
                        let d = d.trim_end_matches('Z');
                        let stroke = width / if layer == "streets" { 4500.0 } else { 900.0 };
                        let _ = writeln!(svg, "<path d='{d}' fill='none' stroke='{colour}' stroke-width='{stroke}'/>");
                    }
                }
                Some(Geometry::MultiPolygon(shape)) => {
                    for polygon in &shape {
                        draw(svg, polygon, &format!("fill='{colour}'"));
                    }
                }
                Some(Geometry::Point(at)) => {
                    let (at, radius) = (local(at.0), width / 400.0);
                    let _ = writeln!(svg, "<circle cx='{:.1}' cy='{:.1}' r='{radius}' fill='{colour}'/>", at.x, -at.y);
                }
                _ => {}
            }
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| args.get(i).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
    let start = std::time::Instant::now();
    let plan = Arc::new(Plan::new(number(0) as u64, number(1) as u64));
    eprintln!("plan {:?}: {} chunks {:?} old {:?}", start.elapsed(), plan.chunks.len(), plan.bounds, plan.old_town);
    let [w, s, e, n] = plan.bounds;
    let (x, y, width) = if number(4) > 0.0 {
        (number(2), number(3), number(4))
    } else {
        (f64::midpoint(w, e), f64::midpoint(n, s), (e - w).max(n - s) * 1.1)
    };
    let half = width / 2.0;
    let mut svg = format!(
        "<svg xmlns='http://www.w3.org/2000/svg' width='1400' height='1400' viewBox='{} {} {width} {width}' style='background:#fff'>\n",
        x - half,
        -y - half
    );
    draw(&mut svg, &Polygon::new(ground_ring(&plan, &plan.lagoon), vec![]), "fill='#a8cfe0'");
    draw(&mut svg, &Polygon::new(ground_ring(&plan, &plan.mainland), vec![]), "fill='#eceadf'");
    let start = std::time::Instant::now();
    let (mut parcels, mut buildings, mut vertices, mut streets, mut by) =
        (0, 0, 0, 0, std::collections::BTreeMap::new());
    for chunk in &plan.chunks {
        let district = District::build(&plan, chunk);
        parcels += district.parcels.len();
        buildings += district.buildings.len();
        streets += district.streets.len();
        let kind = by.entry(format!("{:?}", chunk.kind).split('(').next().unwrap_or("").to_owned()).or_insert((0, 0.0));
        *kind = (kind.0 + district.parcels.len(), kind.1 + chunk.area);
        if chunk.kind == Kind::River {
            draw(&mut svg, &Polygon::new(ground_ring(&plan, &chunk.outline()), vec![]), "fill='#a8cfe0'");
        }
        for parcel in &district.parcels {
            vertices += parcel.polygon.exterior().0.len() - 1;
            let c = local(parcel.polygon.exterior().0[0]);
            let far = matches!(parcel.number, Number::Ordinary(_));
            if far && ((c.x - x).abs() > half * 1.2 || (c.y - y).abs() > half * 1.2) {
                continue;
            }
            let fill = colour(parcel);
            draw(
                &mut svg,
                &parcel.polygon,
                &format!("fill='{fill}' stroke='#b5ad9d' stroke-width='{}'", width / 9000.0),
            );
        }
        for building in &district.buildings {
            draw(&mut svg, &building.polygon, "fill='#c98d6b' stroke='#8f5f45' stroke-width='.25'");
        }
    }
    let city = City::new(number(0) as u64, number(1) as u64);
    draw_layers(&mut svg, &city, &Catalog::shipped()?, width);
    svg.push_str("</svg>");
    for (kind, (count, area)) in &by {
        eprintln!("{kind:>12} {count:>8} parcels, {:.0} m² each", area / *count as f64);
    }
    eprintln!("towns {}", plan.quarters.iter().filter(|quarter| !quarter.island).count());
    eprintln!(
        "{parcels} parcels, {buildings} buildings, {streets} local streets, {} plan streets, {:.2} vertices each, {:?}",
        plan.streets.len(),
        vertices as f64 / parcels as f64,
        start.elapsed()
    );
    std::fs::write(args.get(5).map_or("city.svg", String::as_str), svg)?;
    Ok(())
}
