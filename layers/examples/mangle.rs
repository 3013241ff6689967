//! Damages files at random and reads what comes of it: rows or errors, never a panic, never a hang. A file named
//! `*.cql2` holds filters, one a line.
//!
//! `mangle SECONDS FILE…`, on the stable toolchain and with real files as seeds; the targets in `fuzz/` look deeper, by
//! coverage, but need nightly. A case that fails is written beside the working directory and named.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use bricola_layers::query::cql2::Filter;
use bricola_layers::reader::{OpenOptions, geometry_from_gpkg, open_bytes};

/// Longer files are cut: what is broken is mostly at the beginning, and short ones are read more often.
const LONGEST: usize = 200_000;
/// A damaged file that takes longer is a failure.
const PATIENCE: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [seconds, files @ ..] = &arguments[..] else {
        eprintln!("usage: mangle SECONDS FILE…");
        return ExitCode::FAILURE;
    };
    let Ok(seconds) = seconds.parse() else {
        eprintln!("mangle: {seconds} is not a number of seconds");
        return ExitCode::FAILURE;
    };
    let seeds: Vec<(String, Vec<u8>)> = files.iter().filter_map(|path| seed(Path::new(path))).collect();
    if seeds.is_empty() {
        eprintln!("mangle: no file could be read");
        return ExitCode::FAILURE;
    }
    run(Duration::from_secs(seconds), &seeds)
}

fn seed(path: &Path) -> Option<(String, Vec<u8>)> {
    let mut bytes = std::fs::read(path).ok()?;
    // The directory of an archive is at its end.
    if path.extension().is_none_or(|extension| extension != "zip" && extension != "kmz") {
        bytes.truncate(LONGEST);
    }
    Some((path.file_name()?.to_str()?.to_owned(), bytes))
}

fn run(time: Duration, seeds: &[(String, Vec<u8>)]) -> ExitCode {
    let (started, mut random) = (Instant::now(), Random(0x9E37_79B9_7F4A_7C15));
    let (mut cases, mut rows, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while started.elapsed() < time {
        let (name, bytes) = &seeds[random.below(seeds.len())];
        let damaged = damage(bytes, &mut random);
        let begun = Instant::now();
        let read = catch_unwind(AssertUnwindSafe(|| read(name, &damaged)));
        let took = begun.elapsed();
        cases += 1;
        match read {
            Ok(count) if took < PATIENCE => rows += count,
            failed => {
                let what = if failed.is_err() { "panicked" } else { "took too long" };
                let case = format!("mangled-{cases}-{name}");
                eprintln!("{what} after {took:?}: {case}");
                if let Err(error) = std::fs::write(&case, damaged) {
                    eprintln!("mangle: {case}: {error}");
                }
                return ExitCode::FAILURE;
            }
        }
        slowest = slowest.max(took);
    }
    println!("{cases} damaged files of {} read, {rows} rows came out, the slowest took {slowest:.1?}", seeds.len());
    ExitCode::SUCCESS
}

fn read(name: &str, bytes: &[u8]) -> u64 {
    if Path::new(name).extension().is_some_and(|extension| extension == "cql2") {
        let text = String::from_utf8_lossy(bytes);
        let is_filter = |line: &&str| Filter::from_text(line).is_ok() || Filter::from_json(line).is_ok();
        return text.lines().filter(is_filter).count() as u64;
    }
    let _ = geometry_from_gpkg(bytes);
    let mut rows = 0;
    if let Ok(mut reader) = open_bytes(name, bytes.to_vec(), &OpenOptions::default()) {
        while let Some(row) = reader.next() {
            let Ok(row) = row else { continue };
            assert_eq!(row.values.len(), reader.schema().fields.len(), "a row as wide as its schema");
            rows += 1;
        }
        assert!(reader.next().is_none(), "nothing after the end");
    }
    rows
}

/// A few changes of the kinds that files suffer: bits, bytes, numbers out of range, cuts, repeated and lost stretches.
fn damage(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    let mut damaged = bytes.to_vec();
    for _ in 0..=random.below(6) {
        if damaged.is_empty() {
            break;
        }
        // Every other time near the beginning, where the headers are.
        let reach = if random.below(2) == 0 { damaged.len() } else { damaged.len().min(400) };
        let at = random.below(reach);
        let end = (at + 1 + random.below(64)).min(damaged.len());
        match random.below(8) {
            0 => damaged[at] ^= 1 << random.below(8),
            1 => damaged[at] = random.below(256) as u8,
            2 => damaged[at..end].fill(0xFF),
            3 => damaged[at..end].fill(0),
            4 => damaged.truncate(at),
            5 => drop(damaged.drain(at..end)),
            6 => {
                let stretch = damaged[at..end].to_vec();
                damaged.splice(at..at, stretch);
            }
            _ => {
                const WORDS: [&[u8]; 8] =
                    [b"-1", b"1e999", b"NaN", b"\"", b"<", b"[[[[[[[[", b"9999999999999999999", b"\xC3\x28"];
                damaged.splice(at..at, WORDS[random.below(WORDS.len())].iter().copied());
            }
        }
    }
    damaged
}

/// Marsaglia's xorshift: the same cases each time.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
