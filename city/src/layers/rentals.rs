//! Short-term rentals: what is registered, and what platforms list. No person is named anywhere.

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, int, real, stream, text};
use crate::ISTAT;
use crate::district::{District, Parcel, inside, point};
use crate::layers::cadastre::{self, Address};
use crate::plane::P;
use crate::rng::{Rng, mix};
use crate::site::Use;

/// Metres by which listings are shown off their places.
const BLUR_M: f64 = 150.0;

/// A registered structure.
struct Structure<'a> {
    parcel: &'a Parcel,
    address: Address,
    number: usize,
    cin: String,
    cir: Option<String>,
    kind: &'static str,
    units: i64,
    beds: i64,
}

fn structures(district: &District) -> impl Iterator<Item = Structure<'_>> {
    district.parcels.iter().enumerate().filter_map(|(i, parcel)| structure(district, i, parcel))
}

fn structure<'a>(district: &District, i: usize, parcel: &'a Parcel) -> Option<Structure<'a>> {
    let share = match parcel.land {
        Use::OldHouse => 0.085,
        Use::Palace => 0.25,
        Use::House | Use::Flats => 0.012,
        Use::Farm => 0.05,
        _ => return None,
    };
    let mut rng = stream(district, 11, i as u64);
    if !rng.chance(share) {
        return None;
    }
    let address = cadastre::address(district, parcel)?;
    let (class, kind, units) = match parcel.land {
        Use::Palace => ("A1", "hotel", rng.whole(8, 60)),
        Use::Farm => ("B5", "farm-stay", rng.whole(2, 8)),
        _ if rng.chance(0.25) => ("B4", "bed-and-breakfast", rng.whole(1, 4)),
        _ => ("C2", "tourist-let", rng.whole(1, 3)),
    };
    let beds = units * rng.whole(2, 4);
    // One-to-one on 40 bits, so that no code comes twice.
    let id = (u64::from(district.chunk.id) << 20 | i as u64).wrapping_mul(0x9e_3779_b97f) & 0xff_ffff_ffff;
    let cin = format!("IT{ISTAT}{class}{}", base36(id));
    // Those that were let before there was a national code; five digits are not enough for a large city.
    let is_old = kind == "tourist-let" && district.chunk.id < 100 && i < 1_000;
    let cir = is_old.then(|| format!("{ISTAT}-LOC-{:05}", district.chunk.id as usize * 1_000 + i));
    Some(Structure { parcel, address, number: i + 1, cin, cir, kind, units, beds })
}

/// Registered structures.
pub fn rentals(district: &District, rows: &mut Rows) {
    for it in structures(district) {
        rows.push(
            Geometry::Point(point(inside(&it.parcel.polygon))),
            vec![
                text(format!("R{:05}{:05}", district.chunk.id, it.number)),
                text(it.cin),
                it.cir.map_or(Value::Null, text),
                text(it.kind),
                int(it.units),
                int(it.beds),
                text(it.address.full),
                text(it.address.district),
            ],
        );
    }
}

/// What platforms list: most of what is registered, some of it more than once, and some that is not.
pub fn listings(district: &District, rows: &mut Rows) {
    for it in structures(district) {
        let mut rng = stream(district, 23, it.number as u64);
        let listed = match it.kind {
            "hotel" => rng.whole(0, 2),
            _ if rng.chance(0.05) => it.units + 1,
            _ => rng.whole(0, it.units),
        };
        let house = inside(&it.parcel.polygon);
        for k in 0..listed {
            let shown = blurred(house, &mut rng);
            let code = shown_code(&it.cin, &mut rng);
            let kind = if it.kind == "tourist-let" { "entire-home" } else { "private-room" };
            rows.push(
                Geometry::Point(point(shown)),
                vec![
                    text(format!(
                        "{:016x}",
                        mix(u64::from(district.chunk.id) << 40 | (it.number as u64) << 8 | k as u64)
                    )),
                    code.map_or(Value::Null, text),
                    text(kind),
                    real(BLUR_M, 0),
                ],
            );
        }
    }
}

/// Somewhere in the circle, everywhere as likely.
fn blurred(house: P, rng: &mut Rng) -> P {
    let (turn, far) = (rng.range(0.0, std::f64::consts::TAU), BLUR_M * rng.range(0.0, 1.0).sqrt());
    house + P { x: far * turn.cos(), y: far * turn.sin() }
}

/// What a listing shows as its code: mostly the right one.
fn shown_code(cin: &str, rng: &mut Rng) -> Option<String> {
    match rng.whole(0, 99) {
        0..=5 => None,
        6 => Some("Exempt".to_owned()),
        7 => Some(cin.replace(ISTAT, "058091")),
        8..=10 => Some(format!("{}{}", &cin[..cin.len() - 8], base36(rng.next() & 0xff_ffff_ffff))),
        _ => Some(cin.to_owned()),
    }
}

fn base36(mut value: u64) -> String {
    let mut out = [b'0'; 8];
    for letter in out.iter_mut().rev() {
        *letter = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[(value % 36) as usize];
        value /= 36;
    }
    out.iter().map(|letter| char::from(*letter)).collect()
}
