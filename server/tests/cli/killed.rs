//! `bricola load` that is killed or interrupted while it replaces a layer, beside a running server.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use super::harness::{Folder, Process, alone, complaints, sqlite3};

const ROUNDS: u32 = 24;
const INTERRUPTIONS: u32 = 8;
/// Parcels along a side of the square of them.
const SIDE: u32 = 110;
/// Degrees from one to the next.
const STEP: f64 = 0.000_2;
const CORNER: [f64; 2] = [12.3, 45.4];

/// Parcels as lines of `GeoJSON`; those called "new" are larger and fewer.
pub fn parcels(name: &str, rows: u32, size: f64) -> String {
    (0..rows * SIDE).fold(String::new(), |mut text, number| {
        let [x, y] = [number % SIDE, number / SIDE].map(|at| f64::from(at) * STEP);
        let ([west, south], [east, north]) =
            ([CORNER[0] + x, CORNER[1] + y], [CORNER[0] + x + size * STEP, CORNER[1] + y + size * STEP]);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{{\"type\":\"Feature\",\"properties\":{{\"national_ref\":\"L736_000100.{number}\",\"label\":\"{name}\"}},\
             \"geometry\":{{\"type\":\"Polygon\",\"coordinates\":\
             [[[{west},{south}],[{east},{south}],[{east},{north}],[{west},{north}],[{west},{south}]]]}}}}"
        );
        text
    })
}

/// Number and checksum of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Data {
    count: usize,
    checksum: u64,
}

fn data(store: &Path) -> Data {
    let rows = sqlite3(store, "SELECT national_ref, label, hex(geom) FROM parcels ORDER BY national_ref");
    let mut hasher = DefaultHasher::new();
    rows.hash(&mut hasher);
    Data { count: rows.lines().count(), checksum: hasher.finish() }
}

struct City {
    folder: Folder,
    store: PathBuf,
    /// Of each of the two files, once loaded.
    whole: [Data; 2],
    /// What a load takes.
    time: Duration,
}

const FILES: [&str; 2] = ["old.ndjson", "new.ndjson"];

impl City {
    fn new() -> Self {
        let folder = Folder::new();
        folder.write(FILES[0], &parcels("old", SIDE, 0.8));
        folder.write(FILES[1], &parcels("new", SIDE - 7, 0.9));
        let store = folder.path().join("bricola-data/bricola.gpkg");
        let nothing = Data { count: 0, checksum: 0 };
        let mut city = Self { folder, store, whole: [nothing; 2], time: Duration::ZERO };
        for file in [0, 1] {
            let started = Instant::now();
            city.load(file);
            city.time = started.elapsed();
            city.whole[file] = data(&city.store);
        }
        let side = SIDE as usize;
        assert_eq!(city.whole.map(|data| data.count), [side * side, side * (side - 7)]);
        city
    }

    fn arguments(file: usize) -> [&'static str; 4] {
        ["load", FILES[file], "--layer", "parcels"]
    }

    fn load(&self, file: usize) {
        let run = self.folder.run(&Self::arguments(file));
        assert_eq!(run.code, 0, "{run:?}");
    }

    /// Starts a load and sends it a signal after a part of the time that a load takes; its exit code.
    fn cut_short(&self, file: usize, part: f64, signal: &str) -> Option<i32> {
        let mut command = self.folder.command(&Self::arguments(file));
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(self.time.mul_f64(part));
        // It may have ended by itself.
        let _ = Command::new("kill").args([signal, &child.id().to_string()]).stderr(Stdio::null()).status();
        child.wait().expect("ends").code()
    }

    /// Which of the two files the store holds, the whole of it.
    fn holds(&self, what: &str) -> usize {
        let found = data(&self.store);
        assert_eq!(sqlite3(&self.store, "PRAGMA integrity_check").trim(), "ok", "{what}");
        let whole = self.whole.iter().position(|whole| *whole == found);
        whole.unwrap_or_else(|| panic!("{what}: {found:?} is neither of {:?}", self.whole))
    }

    /// Loads under way, as the store has it, living or dead.
    fn staging(&self) -> u32 {
        sqlite3(&self.store, "SELECT count(*) FROM bricola_staging").trim().parse().expect("a number")
    }

    /// What loads have left, in the store and beside it.
    fn leftovers(&self) -> Vec<String> {
        let tables = "SELECT name FROM sqlite_master WHERE name GLOB 'bricola_staging_*' AND type = 'table' \
                      UNION ALL SELECT id FROM bricola_staging";
        let mut left: Vec<String> = sqlite3(&self.store, tables).lines().map(str::to_owned).collect();
        let files = std::fs::read_dir(self.store.parent().expect("a folder")).expect("is there");
        let names = files.map(|file| file.expect("a file").file_name().to_string_lossy().into_owned());
        left.extend(names.filter(|name| {
            name.contains("-load-") || Path::new(name).extension().is_some_and(|extension| extension == "part")
        }));
        left
    }
}

/// Asks for a parcel and a tile over and over; how many answers came. Each has to be of the one data or the other.
fn keep_asking(server: &Process, done: &AtomicBool, answers: &AtomicU32) {
    let [x, y] = CORNER.map(|at| at + STEP * (f64::from(SIDE / 2) + 0.4));
    let tilejson = server.json("/tiles/parcels.json");
    let [lon, lat] = [0, 1].map(|axis| tilejson["center"][axis].as_f64().expect("a centre"));
    let scale = f64::from(1_u32 << 16);
    let lat = lat.to_radians();
    let tile =
        [(lon / 360.0 + 0.5) * scale, (0.5 - (lat.tan() + 1.0 / lat.cos()).ln() / std::f64::consts::TAU) * scale];
    let tile = format!("/tiles/parcels/16/{}/{}", tile[0] as u32, tile[1] as u32);
    while !done.load(Ordering::Relaxed) {
        let asked = Instant::now();
        let json = server.json(&format!("/lookup?x={x}&y={y}&layers=parcels"));
        let hits = json["hits"].as_array().unwrap_or_else(|| panic!("{json}"));
        let labels: Vec<_> = hits.iter().map(|hit| hit["feature"]["properties"]["label"].clone()).collect();
        assert!(labels == ["old"] || labels == ["new"], "{json}");
        assert_eq!(server.status(&tile), 200);
        assert!(asked.elapsed() < Duration::from_secs(5), "{:?}", asked.elapsed());
        answers.fetch_add(2, Ordering::Relaxed);
    }
}

/// Lets the server show what the store holds.
fn wait_for(server: &Process, data: Data) {
    let started = Instant::now();
    while server.json("/collections/parcels")["count"] != data.count {
        assert!(started.elapsed() < Duration::from_secs(10), "the server does not see {data:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Early and late moments of a load in turn, most of them late, where the commit is.
fn moment(round: u32, rounds: u32) -> f64 {
    let spread = f64::from(round * 7 % rounds) / f64::from(rounds);
    if round.is_multiple_of(3) { spread } else { 0.55 + 0.6 * spread }
}

#[test]
fn a_load_killed_or_interrupted_at_any_moment_leaves_whole_data_and_a_server_that_answers() {
    let _alone = alone();
    let city = City::new();
    let server = city.folder.start(&["serve"]);
    server.wait_until_ready();
    let (done, answers) = (AtomicBool::new(false), AtomicU32::new(0));
    let outcomes = std::thread::scope(|scope| {
        let asking = scope.spawn(|| keep_asking(&server, &done, &answers));
        let rounds = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let mut present = 1;
            let mut outcomes: BTreeMap<(&str, bool, bool), u32> = BTreeMap::new();
            for (signal, rounds) in [("-KILL", ROUNDS), ("-INT", INTERRUPTIONS)] {
                for round in 0..rounds {
                    let part = moment(round, rounds);
                    let code = city.cut_short(1 - present, part, signal);
                    let cut = code != Some(0);
                    if signal == "-INT" {
                        assert!(matches!(code, Some(0 | 130) | None), "{code:?}");
                    }
                    let what = format!("{signal} at {part:.2} of a load");
                    let was_loading = city.staging() > 0;
                    let found = city.holds(&what);
                    assert!(cut || found != present, "{what}: ended well and changed nothing");
                    wait_for(&server, city.whole[found]);
                    *outcomes.entry((signal, cut && was_loading, found != present)).or_default() += 1;
                    // The next load has to succeed and to sweep away what the dead one left.
                    city.load(1 - found);
                    present = city.holds("the load after");
                    assert_eq!(present, 1 - found);
                    assert_eq!(city.leftovers(), Vec::<String>::new(), "after {what}");
                    wait_for(&server, city.whole[present]);
                }
            }
            outcomes
        }));
        done.store(true, Ordering::Relaxed);
        asking.join().expect("every answer was good");
        rounds.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    let count = |signal: &str| -> u32 {
        let while_loading = outcomes.iter().filter(|((kind, loading, _), _)| *kind == signal && *loading);
        while_loading.map(|(_, count)| count).sum()
    };
    assert!(count("-KILL") >= 5, "hardly one died while it was loading: {outcomes:?}");
    assert!(answers.load(Ordering::Relaxed) > 100, "{answers:?} answers");
    server.signal("-TERM");
    let (code, log) = server.end();
    assert_eq!((code, complaints(&log)), (Some(0), vec![]), "{log}");
}
