//! A line between server and database that is cut, held, slow or disturbed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::harness::{Folder, Process};
use super::super::postgis::{PostGis, cluster};
use super::super::replicas::{Client, edits, free_port, in_turn, serve, stored, tiles};
use super::proxy::{Mode, Proxy};

/// Asking takes no longer than this, whatever becomes of the database.
const PROMPT: Duration = Duration::from_secs(5);

/// A small city, a server over a line that can be disturbed, and one beside it that reaches the database undisturbed.
struct Scene {
    database: Arc<PostGis>,
    folder: Folder,
    proxy: Proxy,
    disturbed: Process,
    calm: Process,
    client: Client,
    /// A lookup that finds a school, and a tile with parcels.
    questions: [String; 2],
}

impl Scene {
    async fn new() -> Self {
        let database = Arc::new(PostGis::start());
        let (folder, url) = (Folder::new(), database.url());
        let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
        assert_eq!(filled.code, 0, "{}", filled.stderr);
        let proxy = Proxy::before(cluster().port);
        let disturbed = serve(&folder, &Self::through(&proxy, &database), free_port());
        let calm = serve(&folder, &url, free_port());
        let client = reqwest::Client::builder().timeout(PROMPT).build().expect("a client");
        let place = database.sql(
            "SELECT ST_X(p) || ' ' || ST_Y(p) FROM (SELECT ST_Transform(geom, 4326) AS p FROM city.schools WHERE fid = 1) AS s",
        );
        let (x, y) = place.trim().split_once(' ').expect("a place");
        let [column, row] = tile(x.parse().expect("a number"), y.parse().expect("a number"), 15);
        let questions = [
            format!("/lookup?x={x}&y={y}&layers=schools&radius=1"),
            format!("/tiles/parcels,buildings/15/{column}/{row}"),
        ];
        let scene = Self { database, folder, proxy, disturbed, calm, client: Client(client), questions };
        for server in [&scene.disturbed, &scene.calm] {
            scene.until(server, "ok").await;
        }
        scene
    }

    /// The database by way of a line.
    fn through(proxy: &Proxy, database: &PostGis) -> String {
        database.url().replace(&format!(":{}/", cluster().port), &format!(":{}/", proxy.port))
    }

    /// Waits for a word of `/status`; how long it took.
    async fn until(&self, server: &Process, wanted: &str) -> Duration {
        let started = Instant::now();
        loop {
            let status: Value = self.client.get(&server.url, "/status", 0).await.json().await.expect("JSON");
            if status["status"] == wanted {
                return started.elapsed();
            }
            assert!(started.elapsed() < Duration::from_secs(60), "never {wanted}: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What people ask for is answered, as long as `work` takes; how often that was.
    async fn answered_during<T>(&self, work: impl Future<Output = T>) -> (T, u32) {
        let mut work = std::pin::pin!(work);
        let mut answers = 0;
        loop {
            let asking = async {
                for path in &self.questions {
                    let answer = self.client.get(&self.disturbed.url, path, 0).await;
                    assert_eq!(answer.status(), 200, "{path}");
                    assert!(!answer.bytes().await.expect("whole").is_empty(), "{path}");
                }
                assert_eq!(self.client.get(&self.disturbed.url, "/status", 0).await.status(), 200);
                tokio::time::sleep(Duration::from_millis(20)).await;
            };
            tokio::select! {
                done = &mut work => return (done, answers),
                () = asking => answers += 2,
            }
        }
    }

    /// Both servers say the same of every feature, tile and change, and it is what the database says; how long the
    /// disturbed one took to come to that by itself.
    async fn agree(&self) -> Duration {
        let started = Instant::now();
        let seq: i64 = self.database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq");
        let stored = stored(&self.database);
        let places: Vec<(f64, f64)> = stored.iter().map(|(_, x, y, _)| (*x, *y)).collect();
        let expected: BTreeMap<i64, String> = stored.iter().map(|(id, _, _, name)| (*id, name.clone())).collect();
        let told = |server: &'_ Process| {
            let url = server.url.clone();
            let places = &places;
            async move {
                while self.client.get(&url, "/status", seq).await.status() != 200 {
                    assert!(started.elapsed() < Duration::from_secs(60), "{url} does not catch up");
                }
                let fountains = self.client.fountains(&url, places, seq).await;
                let feed = self.client.feed(&url, seq).await;
                let school = self.client.get(&url, &self.questions[0], seq).await.text().await.expect("text");
                (fountains, feed, school, tiles(&self.client, &url, places, seq).await)
            }
        };
        let calm = told(&self.calm).await;
        assert_eq!(calm.0, expected, "the undisturbed server and the database");
        let (mut last, took) = (told(&self.disturbed).await, started.elapsed());
        let mut took = took;
        // What was garbled is read anew some seconds after it was found.
        while last != calm && started.elapsed() < Duration::from_secs(45) {
            tokio::time::sleep(Duration::from_millis(200)).await;
            last = told(&self.disturbed).await;
            took = started.elapsed();
        }
        assert_eq!(last.0, calm.0, "features");
        assert_eq!(last.1, calm.1, "the feed");
        assert_eq!(last.2, calm.2, "a lookup");
        assert_eq!(last.3, calm.3, "tags of tiles");
        took
    }

    /// Ends the disturbed server, which must have nothing to say of panics.
    fn end(self) {
        self.disturbed.signal("-TERM");
        let (code, log) = self.disturbed.end();
        assert_eq!(code, Some(0), "{log}");
        assert!(!log.contains("panicked"), "{log}");
    }
}

fn tile(x: f64, y: f64, z: u32) -> [u32; 2] {
    let size = f64::from(1_u32 << z);
    let row = (0.5 - y.to_radians().tan().asinh() / std::f64::consts::TAU) * size;
    [((x / 360.0 + 0.5) * size) as u32, row as u32]
}

/// Clerks at their desks, until dropped.
struct Clerks {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<u64>>,
}

impl Clerks {
    fn at(database: &Arc<PostGis>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (1..3_u64)
            .map(|clerk| {
                let (database, stop) = (Arc::clone(database), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let edits = edits(clerk, 5_000);
                    let mut parts = edits.chunks(10);
                    let mut made = 0;
                    while let Some(part) = parts.next().filter(|_| !stop.load(Ordering::Relaxed)) {
                        database.sql(&part.concat());
                        made += part.len() as u64;
                        std::thread::sleep(Duration::from_millis(60));
                    }
                    made
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Sends them home; the edits they made.
    fn go(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("a clerk")).sum()
    }
}

#[test]
fn a_line_that_is_cut_held_slow_and_disturbed_at_random_leaves_nothing_behind() {
    in_turn(async {
        let scene = Scene::new().await;
        let clerks = Clerks::at(&scene.database);
        let seed =
            std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970").as_millis() as u64;
        println!("seed {seed}");
        let faults = async {
            let (started, mut state) = (Instant::now(), seed | 1);
            let mut next = move |most: u64| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                state % most
            };
            while started.elapsed() < Duration::from_secs(12) {
                match next(6) {
                    0 => scene.proxy.cut(),
                    1 => scene.proxy.set(Mode::Refuse),
                    2 => scene.proxy.set(Mode::Stall),
                    3 => scene.proxy.set(Mode::Slow),
                    4 => scene.proxy.forget(),
                    _ => scene.proxy.set(Mode::Corrupt(200 + next(3_000))),
                }
                tokio::time::sleep(Duration::from_millis(100 + next(1_200))).await;
                scene.proxy.set(Mode::Pass);
                tokio::time::sleep(Duration::from_millis(next(400))).await;
            }
            // A disturbance may alter a coordinate and nothing else, which nobody can tell; one that is found has all read
            // anew, so the last one is made to be found.
            scene.proxy.set(Mode::Corrupt(4));
            tokio::time::sleep(Duration::from_millis(1_500)).await;
            scene.proxy.set(Mode::Pass);
        };
        let ((), answers) = scene.answered_during(faults).await;
        let made = clerks.go();
        let took = scene.agree().await;
        println!(
            "{made} edits, {answers} answers meanwhile, {} bytes altered, agreed after {took:?}",
            scene.proxy.altered()
        );
        assert!(made > 200 && answers > 100, "{made} edits, {answers} answers");
        scene.end();
    });
}

#[test]
fn a_line_on_which_packets_vanish_is_noticed_said_and_left() {
    in_turn(async {
        let scene = Scene::new().await;
        scene.proxy.set(Mode::Stall);
        let clerks = Clerks::at(&scene.database);
        let (noticed, _) = scene.answered_during(scene.until(&scene.disturbed, "stale")).await;
        assert!(noticed < Duration::from_secs(20), "noticed after {noticed:?}");
        let answer = scene.client.get(&scene.disturbed.url, &scene.questions[0], 0).await;
        assert!(answer.headers().contains_key("bricola-age"), "an old answer says how old it is");
        let asked = Instant::now();
        let feed = reqwest::get(format!("{}/changes", scene.disturbed.url)).await.expect("an answer");
        assert_eq!(feed.status(), 503, "what needs the store is refused");
        assert!(asked.elapsed() < Duration::from_secs(12), "refused after {:?}", asked.elapsed());
        // Whoever starts meanwhile listens, and waits.
        let late = serve(&scene.folder, &Scene::through(&scene.proxy, &scene.database), free_port());
        assert_eq!(scene.client.get(&late.url, "/status", 0).await.status(), 503);
        scene.proxy.set(Mode::Pass);
        let recovered = scene.until(&scene.disturbed, "ok").await;
        scene.until(&late, "ok").await;
        // Now the connections of before are dead for good, and nobody says so; new ones are as good as any.
        scene.proxy.forget();
        let seq: i64 = scene
            .database
            .sql("UPDATE city.schools SET name = 'dopo' WHERE fid = 1; SELECT bricola.sequence()")
            .trim()
            .parse()
            .expect("a seq");
        let started = Instant::now();
        while scene.client.get(&scene.disturbed.url, &scene.questions[0], seq).await.status() != 200 {
            assert!(started.elapsed() < Duration::from_secs(20), "an edit does not arrive");
        }
        println!(
            "noticed after {noticed:?}, recovered after {recovered:?}, new connections after {:?}",
            started.elapsed()
        );
        clerks.go();
        scene.agree().await;
        scene.end();
    });
}

#[test]
fn answers_that_are_garbled_make_no_panic_and_no_lasting_difference() {
    in_turn(async {
        let scene = Scene::new().await;
        let clerks = Clerks::at(&scene.database);
        let disturbed = async {
            for one_in in [20_000, 2_000, 200, 20, 4] {
                scene.proxy.set(Mode::Corrupt(one_in));
                tokio::time::sleep(Duration::from_millis(1_200)).await;
            }
            scene.proxy.set(Mode::Pass);
        };
        let ((), answers) = scene.answered_during(disturbed).await;
        clerks.go();
        assert!(scene.proxy.altered() > 100 && answers > 50);
        let took = scene.agree().await;
        println!("{} bytes altered, agreed after {took:?}", scene.proxy.altered());
        let status: Value = scene.client.get(&scene.disturbed.url, "/status", 0).await.json().await.expect("JSON");
        assert!(status["store"]["doubts"].as_u64() >= Some(1), "{status}");
        scene.end();
    });
}
