//! Measures the search box: `cargo run --release -p bricola-search --example typing [ADDRESSES] [CLIENTS] [STREETS]`.
//!
//! Makes addresses (500,000 unless said otherwise), a quarter of them numbered by sestieri and the others by streets of a
//! mainland, 6,000 schools and other things with names, and puts them in the index. Then clients (4) type addresses letter by
//! letter, every third with a misspelling, some with abbreviations, as fast as they are answered. Prints how long the
//! index took and what it holds, and p50, p99 and the slowest of all answers, of those to names and of those to numbers;
//! and how often what was meant is among the first ten when it is typed out. STREETS is a GeoJSON file whose features
//! have a `name`: its names take the place of invented ones.

#![allow(clippy::print_stdout, reason = "it prints what it measures")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bricola_search::{Ask, Contents, House, Kind, Named, SearchIndex, Spot, Streets};

type Outcome<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

const SESTIERI: [&str; 7] = ["San Marco", "Castello", "Cannaregio", "San Polo", "Dorsoduro", "Santa Croce", "Giudecca"];
const TOWNS: [&str; 14] = [
    "Mestre",
    "Marghera",
    "Favaro Veneto",
    "Zelarino",
    "Chirignago",
    "Carpenedo",
    "Tessera",
    "Campalto",
    "Lido",
    "Dese",
    "Trivignano",
    "Malcontenta",
    "Gazzera",
    "Asseggiano",
];
const OLD: [&str; 10] =
    ["Calle", "Fondamenta", "Ramo", "Corte", "Campo", "Sotoportego", "Salizada", "Rio Terà", "Ruga", "Campiello"];
const NEW: [&str; 6] = ["Via", "Via", "Via", "Viale", "Vicolo", "Piazza"];
const FIRST: [&str; 24] = [
    "Giuseppe",
    "Giovanni",
    "Francesco",
    "Antonio",
    "Pietro",
    "Caterina",
    "Alessandro",
    "Daniele",
    "Niccolò",
    "Paolo",
    "Lorenzo",
    "Teresa",
    "Angelo",
    "Domenico",
    "Luigi",
    "Carlo",
    "Andrea",
    "Elena",
    "Marco",
    "Giacomo",
    "Bartolomeo",
    "Santa Maria",
    "San Giovanni",
    "Sant'",
];
const ROOTS: [&str; 30] = [
    "Gari", "Mazz", "Bond", "Contar", "Moros", "Vendra", "Tron", "Gradeni", "Queri", "Barbar", "Sagre", "Loreda",
    "Fosca", "Grima", "Dandol", "Tiepo", "Cana", "Vero", "Palla", "Longhe", "Bembo", "Zorz", "Marce", "Venie", "Pesar",
    "Corne", "Mocen", "Prioli", "Ruzzi", "Soran",
];
const ENDS: [&str; 20] = [
    "baldi", "ini", "ello", "ese", "etti", "oni", "anti", "igo", "otto", "aro", "ier", "in", "ato", "uzzi", "acco",
    "elli", "izza", "ardi", "olo", "an",
];

/// `SplitMix64`.
fn mix(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn pick<'a>(list: &[&'a str], hash: u64) -> &'a str {
    list[(hash % list.len() as u64) as usize]
}

fn family(hash: u64) -> String {
    format!("{}{}", pick(&ROOTS, hash), pick(&ENDS, hash >> 16))
}

/// A street, its district, and whether that numbers it.
struct Street {
    name: String,
    district: &'static str,
    old: bool,
}

fn streets(count: usize, real: &[String]) -> Vec<Street> {
    let street = |number: usize| {
        let hash = mix(number as u64);
        let given = real.get(number);
        let old = given.map_or(number.is_multiple_of(4), |name| OLD.iter().any(|kind| name.starts_with(kind)));
        let district = if old { pick(&SESTIERI, hash >> 40) } else { pick(&TOWNS, hash >> 40) };
        let name = given.cloned().unwrap_or_else(|| match (old, hash % 3) {
            (true, 0) => format!("{} de la {}", pick(&OLD, hash >> 8), family(hash >> 3)),
            (true, _) => format!("{} {}", pick(&OLD, hash >> 8), family(hash >> 3)),
            (false, 0) => format!("{} {}", pick(&NEW, hash >> 8), family(hash >> 3)),
            (false, _) => format!("{} {} {}", pick(&NEW, hash >> 8), pick(&FIRST, hash >> 20), family(hash >> 3)),
        });
        Street { name, district, old }
    };
    (0..count.max(real.len())).map(street).collect()
}

/// The names of a GeoJSON file, cut out between quotation marks: no parser for one member.
fn names(path: &str) -> Outcome<Vec<String>> {
    let text = std::fs::read_to_string(path)?;
    let found = text.split("\"name\": \"").skip(1).filter_map(|rest| rest.split('"').next());
    let mut names: Vec<String> = found.map(str::to_owned).collect();
    names.sort();
    names.dedup();
    Ok(names)
}

/// An address as it is written, and its id.
struct Written {
    id: i64,
    full: String,
}

fn build(count: usize, streets: &[Street]) -> Outcome<(SearchIndex, Vec<Written>)> {
    let index = SearchIndex::new()?;
    let (mut houses, mut written) = (Streets::default(), Vec::new());
    let mut next = std::collections::HashMap::new();
    for id in 0..count {
        let at = id % streets.len();
        let Street { name, district, old } = &streets[at];
        let numbered_by = if *old { *district } else { name.as_str() };
        let number: &mut u32 = next.entry((numbered_by, *district)).or_insert(0);
        *number += 1;
        let (digits, suffix) = (number.to_string(), if mix(id as u64).is_multiple_of(11) { "A" } else { "" });
        let mark = if suffix.is_empty() { String::new() } else { format!("/{suffix}") };
        let full = if *old {
            format!("{district} {digits}{mark}, {name}")
        } else {
            format!("{name}, {digits}{mark}, {district}")
        };
        let place = mix(at as u64);
        let degrees = |bits: u64| (bits % 10_000) as f64 * 2e-5;
        let at = [12.1 + degrees(place) + f64::from(*number) * 1e-6, 45.3 + degrees(place >> 20)];
        let id = id as i64;
        houses.push(&House { id, street: name, district, number: &digits, suffix, full: &full, at });
        if id % 97 == 0 {
            written.push(Written { id, full });
        }
    }
    index.replace("addresses", Contents::Houses(houses.finish()))?;
    let spot = |number: u64| Spot { at: [12.1 + (mix(number) % 1_000) as f64 * 2e-4, 45.4], bbox: None };
    let lines = (1..).zip(streets).map(|(id, street)| Named {
        id,
        name: street.name.clone(),
        beside: String::new(),
        spot: spot(id as u64),
    });
    index.replace("streets", Contents::Names(Kind::Street, lines.collect()))?;
    let places = (1..).zip(SESTIERI.iter().chain(&TOWNS)).map(|(id, name)| Named {
        id,
        name: (*name).to_owned(),
        beside: String::new(),
        spot: spot(id as u64),
    });
    index.replace("districts", Contents::Names(Kind::Place, places.collect()))?;
    let things = (1..6_000).map(|id| {
        let hash = mix(id);
        let kind = pick(&["Scuola primaria", "Parco", "Fermata", "Centro diurno", "Biblioteca", "Cantiere via"], hash);
        Named { id: id as i64, name: format!("{kind} {}", family(hash >> 5)), beside: String::new(), spot: spot(id) }
    });
    index.replace("things", Contents::Names(Kind::Feature, things.collect()))?;
    Ok((index, written))
}

/// As somebody would type it.
fn typed(full: &str, hash: u64) -> String {
    let mut text = full.to_lowercase();
    if hash.is_multiple_of(2) {
        for (long, short) in
            [("viale ", "v.le "), ("via ", "v. "), ("piazza ", "p.zza "), ("san ", "s. "), ("à", "a"), ("ò", "o")]
        {
            text = text.replace(long, short);
        }
    }
    if hash.is_multiple_of(3) {
        // Two letters of the longest word change places.
        let longest = text.split([' ', ',']).max_by_key(|word| word.len()).unwrap_or_default().to_owned();
        let mut letters: Vec<char> = longest.chars().collect();
        let middle = letters.len() / 2;
        if letters.len() > 4 {
            letters.swap(middle, middle - 1);
        }
        text = text.replacen(&longest, &letters.into_iter().collect::<String>(), 1);
    }
    text
}

#[derive(Default)]
struct Times {
    names: Vec<Duration>,
    numbers: Vec<Duration>,
    found: u64,
    typed: u64,
}

fn client(index: &SearchIndex, written: &[Written], next: &AtomicU64) -> Outcome<Times> {
    let mut times = Times::default();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        let Some(meant) = written.get(number as usize) else { return Ok(times) };
        let hash = mix(number ^ 0x5eed);
        let text = typed(&meant.full, hash);
        let near = hash.is_multiple_of(4).then_some([12.25, 45.45]);
        let mut answers = Vec::new();
        for end in text.char_indices().map(|(at, letter)| at + letter.len_utf8()).filter(|end| *end > 1) {
            let began = Instant::now();
            answers = index.ask(&Ask { text: &text[..end], open: true, limit: 10, near, ..Ask::default() })?;
            let has_number = text[..end].chars().any(|letter| letter.is_ascii_digit());
            let list = if has_number { &mut times.numbers } else { &mut times.names };
            list.push(began.elapsed());
        }
        times.typed += 1;
        times.found += u64::from(answers.iter().any(|answer| answer.id == Some(meant.id)));
    }
}

fn print(title: &str, times: &mut [Duration]) {
    times.sort_unstable();
    let at = |share: f64| {
        times
            .get(((times.len() as f64 * share) as usize).min(times.len().saturating_sub(1)))
            .map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    println!(
        "{title}: {} answers, p50 {:.2} ms, p99 {:.2} ms, slowest {:.2} ms",
        times.len(),
        at(0.5),
        at(0.99),
        at(1.0)
    );
}

/// Bytes of memory that the process holds.
fn resident() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |place: usize, usual: usize| arguments.get(place).and_then(|text| text.parse().ok()).unwrap_or(usual);
    let (count, clients) = (number(0, 500_000), number(1, 4));
    let real = arguments.get(2).map(|path| names(path)).transpose()?.unwrap_or_default();
    let streets = streets(count / 40, &real);
    let before = resident();
    let began = Instant::now();
    let (index, mut written) = build(count, &streets)?;
    let size = index.size();
    println!(
        "{} houses and {} names: built in {:.2} s; {:.0} MB by its own count, {:.0} MB more resident",
        size.houses,
        size.names,
        began.elapsed().as_secs_f64(),
        size.bytes as f64 / 1e6,
        resident() - before
    );
    written.truncate(800);
    let (index, written, next) = (Arc::new(index), Arc::new(written), Arc::new(AtomicU64::new(0)));
    let threads: Vec<_> = (0..clients)
        .map(|_| {
            let (index, written, next) = (Arc::clone(&index), Arc::clone(&written), Arc::clone(&next));
            std::thread::spawn(move || client(&index, &written, &next))
        })
        .collect();
    let mut all = Times::default();
    for thread in threads {
        let times = thread.join().map_err(|_| "a client panicked")??;
        all.names.extend(times.names);
        all.numbers.extend(times.numbers);
        all.found += times.found;
        all.typed += times.typed;
    }
    let mut every: Vec<Duration> = all.names.iter().chain(&all.numbers).copied().collect();
    print("all", &mut every);
    print("names", &mut all.names);
    print("with numbers", &mut all.numbers);
    println!("{} of {} are among the first ten when they are typed out", all.found, all.typed);
    Ok(())
}
