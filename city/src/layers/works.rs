//! Public works and their sites.

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, area, day, line, real, stream, text};
use crate::district::{District, inside, local, point};
use crate::layers::mobility::stretch;
use crate::plane::P;
use crate::rng::Rng;
use crate::site::{LOCAL, Use, Way};
use crate::street::Street;

/// One work of a chunk.
struct Work {
    cup: String,
    title: String,
    kind: &'static str,
    phase: &'static str,
    geometry: Geometry<f64>,
    /// Middle of its site, its direction and half width.
    site: (P, P, f64),
    amount: f64,
    start: i64,
    length: i64,
    delay: i64,
}

const PHASES: [&str; 8] =
    ["planning", "design", "tender", "execution", "execution", "testing", "completed", "suspended"];

fn works(district: &District) -> Vec<Work> {
    let mut out = Vec::new();
    let mut push = |rng: &mut Rng, title: String, kind, geometry, site, amount: f64| {
        let phase = rng.pick(&PHASES);
        let serial = u64::from(district.chunk.id) * 64 + out.len() as u64;
        let region = char::from(b'B' + rng.below(9) as u8);
        let start = rng.whole(-500, 900);
        let (length, delay) = (rng.whole(60, 620), if rng.chance(0.4) { rng.whole(10, 260) } else { 0 });
        out.push(Work {
            // Letter, two digits, letter, year, serial of five digits and four more: domain rules of the code.
            cup: format!(
                "{region}{:02}{}{:02}{:05}0006",
                serial / 100_000 % 100,
                rng.pick(&['E', 'B', 'H', 'D']),
                rng.whole(18, 25),
                serial % 100_000
            ),
            title,
            kind,
            phase,
            geometry,
            site,
            amount: (amount / 1000.0).round() * 1000.0,
            start,
            length,
            delay,
        });
    };
    for (i, parcel) in district.parcels.iter().enumerate() {
        let mut rng = stream(district, 12, i as u64);
        let Some(front) = parcel.front else { continue };
        let u = P { x: front.inward.y, y: -front.inward.x };
        let site = (front.door - front.inward * 1.6, u, 1.2);
        match parcel.land {
            Use::School if rng.chance(0.22) => {
                let amount = rng.range(180_000.0, 3_900_000.0);
                let title = format!(
                    "Adeguamento sismico ed efficientamento scuola in {}",
                    Street::of(district, front.street).full
                );
                push(&mut rng, title, "building", Geometry::Point(point(inside(&parcel.polygon))), site, amount);
            }
            Use::Park if rng.chance(0.09) => {
                let amount = rng.range(40_000.0, 600_000.0);
                let title = format!("Riqualificazione area verde in {}", Street::of(district, front.street).full);
                push(&mut rng, title, "green", area(parcel.polygon.clone()), site, amount);
            }
            Use::Church | Use::Palace if rng.chance(0.05) => {
                let amount = rng.range(250_000.0, 6_500_000.0);
                let title = format!("Restauro facciate in {}", Street::of(district, front.street).full);
                push(&mut rng, title, "restoration", Geometry::Point(point(inside(&parcel.polygon))), site, amount);
            }
            _ => {}
        }
    }
    for (i, street) in district.streets.iter().enumerate().filter(|(_, street)| street.way != Way::Campo) {
        let mut rng = stream(district, 13, i as u64);
        if !rng.chance(if street.way == Way::Bridge { 0.05 } else { 0.012 }) {
            continue;
        }
        let path = district.street_line(street);
        let (a, b) = (local(path.0[path.0.len() / 2 - 1]), local(path.0[path.0.len() / 2]));
        let name = Street::of(district, i as u32 | LOCAL).full;
        let (title, kind) = match street.way {
            Way::Bridge => (format!("Restauro e abbattimento barriere {name}"), "bridge"),
            Way::Calle | Way::Salizada | Way::Fondamenta => {
                (format!("Ripristino masegni e sottoservizi {name}"), "paving")
            }
            _ => (format!("Asfaltatura e marciapiedi {name}"), "roads"),
        };
        let amount = rng.range(60_000.0, 1_400_000.0);
        push(&mut rng, title, kind, line(path), (a.toward(b, 0.5), (b - a).unit(), street.width * 0.45), amount);
    }
    out
}

/// The register of public works.
pub fn register(district: &District, rows: &mut Rows) {
    for (i, work) in works(district).into_iter().enumerate() {
        let mut rng = stream(district, 14, i as u64);
        let progress = match work.phase {
            "execution" | "suspended" => rng.whole(5, 95),
            "testing" | "completed" => 100,
            _ => 0,
        };
        let end = work.start + work.length;
        let funding = rng.pick(&["PNRR", "Bilancio comunale", "Legge speciale", "Regione", "Mutuo CDP"]);
        let told = details(district, i as u64, &work, progress, funding);
        rows.push(
            work.geometry,
            [
                vec![
                    text(work.cup),
                    text(work.title),
                    text(work.phase),
                    text(work.kind),
                    real(work.amount, 2),
                    day(work.start),
                    day(end),
                    day(end + work.delay),
                    real(progress as f64, 0),
                    text(funding),
                ],
                told,
            ]
            .concat(),
        );
    }
}

/// Contracts, phases and funds of a work, as the fields after its funding.
fn details(district: &District, number: u64, work: &Work, progress: i64, funding: &str) -> Vec<Value> {
    let mut rng = stream(district, 16, number);
    let written = |days: i64| match day(days) {
        Value::Date(date) => date.to_string(),
        _ => String::new(),
    };
    let (end, is_begun) = (work.start + work.length, progress > 0);
    // Seven digits and the three of their check (docs/works.md).
    let serial = 1_000_000 + (u64::from(district.chunk.id) * 64 + number) % 8_000_000;
    let cig = format!("{serial:07}{:03X}", serial * 211 % 4091);
    let awarded = work.amount * rng.range(0.78, 0.98);
    let current = awarded * if rng.chance(0.3) { rng.range(1.02, 1.25) } else { 1.0 };
    let paid = current * progress as f64 / 100.0 * rng.range(0.8, 1.0);
    let euro = |amount: f64| format!("{:.2}", (amount * 100.0).round() / 100.0);
    let steps = if is_begun { 1 + progress / 30 } else { 0 };
    let sal: Vec<String> = (1..=steps)
        .map(|n| {
            let share = n as f64 / steps as f64;
            let date = written(work.start + (work.length as f64 * progress as f64 / 100.0 * share) as i64);
            let done = progress as f64 * share;
            format!(
                "{{\"n\":{n},\"date\":\"{date}\",\"amount_eur\":{},\"physical_pct\":{done:.1}}}",
                euro(paid / steps as f64)
            )
        })
        .collect();
    let contracts = format!(
        "[{{\"cig\":\"{cig}\",\"base_eur\":{},\"awarded_eur\":{},\"current_eur\":{},\"sal\":[{}]}}]",
        euro(work.amount),
        euro(awarded),
        euro(current),
        sal.join(",")
    );
    let is_contracted = matches!(work.phase, "execution" | "suspended" | "testing" | "completed");
    let is_over = matches!(work.phase, "testing" | "completed");
    let replanned = if work.delay > 0 {
        format!(",\"replanned\":\"{}\",\"act\":\"D.D. {}/2025\"", written(end + work.delay), rng.whole(100, 2400))
    } else {
        String::new()
    };
    let actual =
        |is_done: bool, days: i64| if is_done { format!(",\"actual\":\"{}\"", written(days)) } else { String::new() };
    let phases = format!(
        "[{{\"phase\":\"design\",\"planned\":\"{}\"{}}},{{\"phase\":\"tender\",\"planned\":\"{}\"{}}},{{\"phase\":\"execution\",\"planned\":\"{}\"{replanned}{}}}]",
        written(work.start - 150),
        actual(is_contracted, work.start - 140),
        written(work.start - 40),
        actual(is_contracted, work.start - 20),
        written(end),
        actual(is_over, end + work.delay),
    );
    let year = written(work.start).get(..4).unwrap_or("2024").to_owned();
    let funds = format!("[{{\"source\":\"{funding}\",\"year\":{year},\"amount_eur\":{}}}]", euro(work.amount));
    let known = |is_known: bool, value: Value| if is_known { value } else { Value::Null };
    let quality = if is_over {
        "as_built"
    } else if is_contracted {
        "design"
    } else {
        "sketch"
    };
    vec![
        text(format!("LP{:05}{number:03}", district.chunk.id)),
        known(is_contracted, text(cig)),
        known(is_contracted, real(current, 2)),
        known(is_contracted, real(paid, 2)),
        known(is_begun, day(work.start + 7)),
        known(is_over, day(end + work.delay)),
        text(phases),
        known(is_contracted, text(contracts)),
        text(funds),
        text(quality),
    ]
}

/// Sites of the works in execution.
pub fn sites(district: &District, rows: &mut Rows) {
    for (i, work) in works(district).into_iter().enumerate().filter(|(_, work)| work.phase == "execution") {
        let mut rng = stream(district, 15, i as u64);
        let (middle, along, half) = work.site;
        let reach = along * rng.range(3.0, 6.0);
        rows.push(
            stretch(middle - reach, middle + reach, half),
            vec![
                text(format!("C{:05}{:03}", district.chunk.id, i + 1)),
                text(work.cup),
                text(format!("Cantiere: {}", work.title)),
                day(work.start),
                day(work.start + work.length + work.delay),
                text(rng.pick(&["none", "narrowed", "narrowed", "closed"])),
            ],
        );
    }
}
