//! Server, database and loader are killed at random moments, round after round: `SOAK_ROUNDS` says how often.

use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use super::super::harness::{Folder, Process};
use super::super::killed::parcels;
use super::super::postgis::{Cluster, PostGis};
use super::super::replicas::{Client, free_port, in_turn, serve};
use super::figure;
use super::storm::{end_of_log, equal};

/// Files that are loaded in turn, and what the table of parcels then holds.
const FILES: [(&str, &str); 2] = [("old.ndjson", "2200|old|old"), ("new.ndjson", "1650|new|new")];

#[test]
fn server_database_and_loader_may_be_killed_at_any_moment() {
    in_turn(rounds());
}

async fn rounds() {
    let rounds = figure("SOAK_ROUNDS", 6);
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as u64;
    println!("seed {seed}");
    let mut random = Random(seed | 1);
    let own = tokio::task::spawn_blocking(|| Arc::new(Cluster::start(""))).await.expect("starts");
    let (database, folder) = (Arc::new(PostGis::start_in(&own)), Folder::new());
    let url = database.url();
    folder.write(FILES[0].0, &parcels("old", 20, 0.8));
    folder.write(FILES[1].0, &parcels("new", 15, 0.9));
    let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    let time = [1, 0, 1, 0].map(|file| {
        let started = Instant::now();
        assert!(load(&folder, &url, file).wait().expect("ends").success());
        started.elapsed()
    });
    let port = free_port();
    let mut server = serve(&folder, &url, port);
    let (mut killed, mut loads, mut present, mut doubtful, mut sure) = ([0; 3], [0; 2], 0, 0, 0);
    for round in 0..rounds {
        let mut loader = load(&folder, &url, 1 - present);
        let clerk = Clerk::at(&database, round);
        tokio::time::sleep(time[3].mul_f64(random.part() * 1.3)).await;
        // Each in turn at first, so that none is left out.
        let victim = if round < 3 { round as usize } else { random.below(3) as usize };
        killed[victim] += 1;
        match victim {
            0 => {
                server.signal("-KILL");
                drop(server);
                server = serve(&folder, &url, port);
            }
            1 => {
                own.kill();
                tokio::time::sleep(Duration::from_millis(random.below(400))).await;
                own.restart("");
            }
            _ => loader.kill().expect("can be killed"),
        }
        loader.wait().expect("ends");
        let (made, cut) = clerk.go();
        (sure, doubtful) = (sure + made, doubtful + cut);
        let held = database.sql("SELECT count(*), min(label), max(label) FROM city.parcels").trim().to_owned();
        let holds = FILES.iter().position(|(_, whole)| *whole == held);
        let holds = holds.unwrap_or_else(|| panic!("round {round}, seed {seed}: {held} is neither of the files"));
        loads[usize::from(holds != present)] += 1;
        present = holds;
        let there: u64 = number(&database, "SELECT count(*) FROM city.fountains WHERE code LIKE 'sure %'");
        assert!((sure..=sure + doubtful).contains(&there), "round {round}, seed {seed}: {there} of {sure} inserts");
        shows(&server, &database).await;
        if round % 10 == 9 || round + 1 == rounds {
            equal(&database, &folder, std::slice::from_ref(&server), end_of_log(&database)).await;
        }
    }
    println!(
        "{rounds} rounds: the server was killed {} times, the database {}, the loader {}; {} loads were cut off and {} \
         came through, {sure} inserts were kept",
        killed[0], killed[1], killed[2], loads[0], loads[1]
    );
    assert_eq!(number(&database, "SELECT count(*) FROM pg_class WHERE relname LIKE 'bricola_staging%'"), 0);
}

fn load(folder: &Folder, url: &str, file: usize) -> Child {
    let arguments = ["load", FILES[file].0, "--layer", "parcels", "--database", url, "--log-level", "error"];
    folder.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts")
}

fn number(database: &PostGis, sql: &str) -> u64 {
    database.sql(sql).trim().parse().expect("a number")
}

/// Waits until the server has what the database has.
async fn shows(server: &Process, database: &PostGis) {
    let (client, started) = (Client(reqwest::Client::new()), Instant::now());
    let wanted = |layer: &str| number(database, &format!("SELECT count(*) FROM city.{layer}"));
    let wanted = [wanted("fountains"), wanted("parcels")];
    loop {
        let seq = end_of_log(database);
        let status = client.get(&server.url, "/status", seq).await;
        let (code, status): (u16, Value) = (status.status().as_u16(), status.json().await.expect("JSON"));
        let count = |id: &str| {
            let layers = status["layers"].as_array().into_iter().flatten();
            layers.filter(|layer| layer["id"] == id).find_map(|layer| layer["count"].as_u64())
        };
        if code == 200 && status["status"] == "ok" && [count("fountains"), count("parcels")] == wanted.map(Some) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{wanted:?} are not shown: {status}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Somebody who inserts fountains one by one, and tries again when the database is away.
struct Clerk {
    stop: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(u64, u64)>,
}

impl Clerk {
    fn at(database: &Arc<PostGis>, round: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (database, stop) = (Arc::clone(database), Arc::clone(&stop));
            move || {
                let (mut made, mut cut) = (0, 0);
                for number in 0.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    let insert = format!(
                        "INSERT INTO city.fountains (geom, code, name, status) SELECT ST_Translate(geom, {number}, {round}), \
                         'sure {round}/{number}', 'Fontana', 'active' FROM city.fountains ORDER BY fid LIMIT 1"
                    );
                    // One that the failure cut off may have been committed.
                    *(if database.try_sql(&insert).is_ok() { &mut made } else { &mut cut }) += 1;
                    std::thread::sleep(Duration::from_millis(30));
                }
                (made, cut)
            }
        });
        Self { stop, thread }
    }

    /// How many inserts are sure, and how many were cut off.
    fn go(self) -> (u64, u64) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a clerk")
    }
}

/// Numbers by xorshift.
struct Random(u64);

impl Random {
    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }

    fn part(&mut self) -> f64 {
        self.below(1_000) as f64 / 1_000.0
    }
}
