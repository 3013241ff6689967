//! Schools, social services, associations, parks, toilets, fountains.

use bricola_layers::feature::Value;
use geo_types::Geometry;

use super::{Rows, area, int, real, stream, text};
use crate::district::{District, Parcel, inside, point};
use crate::layers::cadastre;
use crate::names;
use crate::plan::Kind;
use crate::rng::mix;
use crate::site::Use;

fn address(district: &District, parcel: &Parcel) -> Value {
    cadastre::address(district, parcel).map_or(Value::Null, |address| text(address.full))
}

fn slug(name: &str) -> String {
    let plain = name
        .to_lowercase()
        .replace(['à', 'á'], "a")
        .replace(['è', 'é'], "e")
        .replace('ì', "i")
        .replace('ò', "o")
        .replace('ù', "u");
    plain.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Schools.
pub fn schools(district: &District, rows: &mut Rows) {
    let parcels = district.parcels.iter().filter(|parcel| parcel.land == Use::School);
    for (i, parcel) in parcels.enumerate() {
        let hash = mix(parcel.seed ^ 0x5c);
        let (level, letters, title, size) = match hash % 10 {
            0 | 1 => ("nido", "ND", "Asilo nido", 36),
            2..=4 => ("infanzia", "AA", "Scuola dell'infanzia", 90),
            5 | 6 => ("primaria", "EE", "Scuola primaria", 240),
            7 | 8 => ("secondaria-1", "MM", "Scuola secondaria di I grado", 330),
            _ => (
                "secondaria-2",
                "IS",
                ["Liceo scientifico", "Istituto tecnico", "Liceo classico", "Istituto nautico"]
                    [(hash >> 8) as usize % 4],
                720,
            ),
        };
        let name = if level == "nido" {
            format!(
                "{title} {}",
                [
                    "Girotondo",
                    "Il Gabbiano",
                    "Arcobaleno",
                    "La Coccinella",
                    "Pinocchio",
                    "Il Cavalluccio",
                    "Millecolori",
                    "L'Aquilone"
                ][(hash >> 12) as usize % 8]
            )
        } else {
            format!("{title} {}", names::famous(hash >> 4))
        };
        let management = match (level, (hash >> 20) % 10) {
            ("nido" | "infanzia", 0..=5) => "municipal",
            (_, 9) => "private",
            _ => "state",
        };
        let spread = (hash >> 30) % 60;
        rows.push(
            Geometry::Point(point(inside(&parcel.polygon))),
            vec![
                text(format!("VE{letters}{:05}{}", district.chunk.id, char::from(b'A' + (i % 26) as u8))),
                text(name),
                text(level),
                text(management),
                address(district, parcel),
                int(i64::from(size) * (70 + spread as i64) / 100),
            ],
        );
    }
}

/// Social services.
pub fn social(district: &District, rows: &mut Rows) {
    for (i, parcel) in places(district, 0x50c1, 230).enumerate() {
        let hash = mix(parcel.seed ^ 0x50);
        let (kind, title) = [
            ("social-desk", "Servizio sociale"),
            ("elderly", "Centro diurno anziani"),
            ("family", "Centro per le famiglie"),
            ("disability", "Centro diurno disabilità"),
            ("youth", "Centro giovani"),
            // Where people are sheltered is on no public layer.
            ("volunteering", "Centro servizi volontariato"),
        ][(hash % 6) as usize];
        let quarter = crate::street::quarter_name(district, parcel);
        let name = format!("{title} {quarter}");
        let hours = ["Mo-Fr 09:00-13:00", "Mo-Fr 09:00-13:00; Tu,Th 15:00-17:00", "Mo-Sa 08:30-18:30", "24/7"]
            [(hash >> 8) as usize % 4];
        rows.push(
            Geometry::Point(point(inside(&parcel.polygon))),
            vec![
                text(format!("SS{:05}{:03}", district.chunk.id, i + 1)),
                text(name),
                text(kind),
                address(district, parcel),
                text(hours),
                text(format!("https://www.comune.valmarana-laguna.example/servizi/{}-{}", kind, district.chunk.id)),
            ],
        );
    }
}

/// Associations.
pub fn associations(district: &District, rows: &mut Rows) {
    for (i, parcel) in places(district, 0xa550, 95).enumerate() {
        let hash = mix(parcel.seed ^ 0xa5);
        let family = names::family(hash);
        let (field, name) = match hash % 9 {
            0 => ("sport", format!("Remiera {}", names::saint(hash))),
            1 => ("sport", format!("Polisportiva {}", crate::street::quarter_name(district, parcel))),
            2 => ("culture", format!("Circolo culturale {family}")),
            3 => ("culture", format!("Coro polifonico {}", names::saint(hash))),
            4 => ("welfare", format!("Volontari {} ODV", names::saint(hash))),
            5 => ("environment", "Amici della Barena APS".to_owned()),
            6 => ("education", format!("Doposcuola {family}")),
            7 => ("health", format!("Pubblica assistenza {}", crate::street::quarter_name(district, parcel))),
            _ => ("culture", format!("Pro loco {}", crate::street::quarter_name(district, parcel))),
        };
        let website = format!("https://{}.example", slug(&name));
        rows.push(
            Geometry::Point(point(inside(&parcel.polygon))),
            vec![
                text(format!("AS{:05}{:03}", district.chunk.id, i + 1)),
                text(name),
                text(field),
                address(district, parcel),
                text(website),
            ],
        );
    }
}

/// One in so many parcels with an address and people about.
fn places(district: &District, salt: u64, one_in: u64) -> impl Iterator<Item = &Parcel> {
    district.parcels.iter().filter(move |parcel| {
        let busy =
            matches!(parcel.land, Use::Palace | Use::Shops | Use::Flats | Use::OldHouse | Use::House | Use::Church);
        let weight = if matches!(parcel.land, Use::Palace | Use::Shops | Use::Church) { 8 } else { 1 };
        busy && mix(parcel.seed ^ salt) % one_in < weight && parcel.front.is_some_and(|front| front.number > 0)
    })
}

fn park_name(district: &District, parcel: &Parcel) -> (String, &'static str) {
    let hash = mix(parcel.seed ^ 0x9a);
    let old = district.chunk.kind == Kind::OldTown;
    let kind = if old || parcel.area < 1_200.0 {
        ["garden", "garden", "play-area"][(hash % 3) as usize]
    } else {
        ["park", "park", "park", "play-area", "dog-area"][(hash % 5) as usize]
    };
    let name = match kind {
        "garden" => format!("Giardini {}", names::family(hash)),
        "play-area" => format!("Area giochi {}", names::famous(hash)),
        "dog-area" => format!("Area cani {}", names::street_name(120 + (hash % 40) as usize)),
        _ => format!("Parco {}", names::famous(hash)),
    };
    (name, kind)
}

/// Parks, gardens, play areas.
pub fn parks(district: &District, rows: &mut Rows) {
    for (i, parcel) in district.parcels.iter().enumerate().filter(|(_, parcel)| parcel.land == Use::Park) {
        let (name, kind) = park_name(district, parcel);
        let hours =
            if kind == "park" && parcel.seed % 2 == 0 { "24/7" } else { "Apr-Sep 08:00-20:00; Oct-Mar 08:00-17:00" };
        rows.push(
            area(parcel.polygon.clone()),
            vec![
                text(format!("PK{:05}{:05}", district.chunk.id, i + 1)),
                text(name),
                text(kind),
                real(parcel.area, 0),
                text(hours),
                Value::Boolean(parcel.seed % 5 != 0),
            ],
        );
    }
}

/// Public toilets: in some campi and parks.
pub fn toilets(district: &District, rows: &mut Rows) {
    let mut push = |at, name: String, hash: u64| {
        let paid = !hash.is_multiple_of(3);
        let number = rows.features.len() + 1;
        rows.push(
            Geometry::Point(at),
            vec![
                text(format!("WC{:05}{number:03}", district.chunk.id)),
                text(name),
                text(if paid { "Mo-Su 08:00-20:00" } else { "24/7" }),
                real(if paid { 1.5 } else { 0.0 }, 2),
                Value::Boolean(!hash.is_multiple_of(4)),
                Value::Boolean(hash % 5 < 3),
            ],
        );
    };
    for (i, (shape, street)) in district.squares.iter().enumerate() {
        let hash = stream(district, 5, i as u64).next();
        if hash.is_multiple_of(6) {
            let name = crate::street::Street::of(district, *street | crate::site::LOCAL).full;
            push(
                point(inside(shape).toward(crate::district::ring_points(shape)[0], 0.6)),
                format!("Bagno pubblico {name}"),
                hash >> 8,
            );
        }
    }
    for parcel in district.parcels.iter().filter(|parcel| parcel.land == Use::Park && parcel.seed % 5 == 0) {
        let (name, _) = park_name(district, parcel);
        push(point(inside(&parcel.polygon)), format!("Bagno pubblico {name}"), parcel.seed >> 8);
    }
}

/// Drinking fountains: in campi and parks.
pub fn fountains(district: &District, rows: &mut Rows) {
    let mut push = |at, place: &str, hash: u64| {
        let number = rows.features.len() + 1;
        let status = if hash.is_multiple_of(11) { "inactive" } else { "active" };
        rows.push(
            Geometry::Point(at),
            vec![
                text(format!("FO{:05}{number:03}", district.chunk.id)),
                text(format!("Fontana {place}")),
                text(place),
                text(status),
            ],
        );
    };
    for (i, (shape, street)) in district.squares.iter().enumerate() {
        let hash = stream(district, 6, i as u64).next();
        if hash % 10 < 7 {
            let name = crate::street::Street::of(district, *street | crate::site::LOCAL).full;
            push(point(inside(shape)), &name, hash >> 8);
        }
    }
    for parcel in district.parcels.iter().filter(|parcel| parcel.land == Use::Park && parcel.seed % 2 == 0) {
        let ring = crate::district::ring_points(&parcel.polygon);
        let at = inside(&parcel.polygon).toward(ring[ring.len() / 2], 0.5);
        push(point(at), &park_name(district, parcel).0, parcel.seed >> 9);
    }
}
