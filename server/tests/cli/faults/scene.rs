//! A city, a server that reaches the database over a line that can be disturbed, and one that reaches it undisturbed.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::super::harness::{Folder, Process};
use super::super::postgis::PostGis;
use super::super::replicas::{Client, edits, free_port, serve, stored, tiles};
use super::proxy::{Mode, Proxy};

/// Asking for a lookup, a tile and the status takes no longer than this, whatever becomes of the database.
const PROMPT: Duration = Duration::from_secs(5);

/// A small city, a server over a line that can be disturbed, and one beside it that reaches the database undisturbed.
pub struct Scene {
    pub database: Arc<PostGis>,
    pub folder: Folder,
    pub proxy: Proxy,
    pub disturbed: Process,
    pub calm: Process,
    pub client: Client,
    /// A lookup that finds a school, and a tile with parcels.
    pub questions: [String; 2],
}

impl Scene {
    pub async fn over(database: PostGis) -> Self {
        let database = Arc::new(database);
        let (folder, url) = (Folder::new(), database.url());
        let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
        assert_eq!(filled.code, 0, "{}", filled.stderr);
        let proxy = Proxy::before(database.cluster().port);
        let disturbed = serve(&folder, &through(&proxy, &database), free_port());
        let calm = serve(&folder, &url, free_port());
        let client = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().expect("a client");
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

    /// The database by way of the line.
    pub fn through(&self) -> String {
        through(&self.proxy, &self.database)
    }

    /// Waits for a word of `/status`; how long it took.
    pub async fn until(&self, server: &Process, wanted: &str) -> Duration {
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

    /// Alters bytes until the server says that it cannot understand the database, then no more.
    pub async fn disturb_until_found(&self) {
        let started = Instant::now();
        self.proxy.set(Mode::Corrupt(40));
        loop {
            let status: Value = self.client.get(&self.disturbed.url, "/status", 0).await.json().await.expect("JSON");
            if status["store"]["state"] == "garbled" {
                break;
            }
            assert!(started.elapsed() < Duration::from_secs(60), "not found: {status}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        self.proxy.set(Mode::Pass);
    }

    /// What people ask for is answered, as long as `work` takes; how often that was.
    pub async fn answered_during<T>(&self, work: impl Future<Output = T>) -> (T, u32) {
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
                asked = tokio::time::timeout(PROMPT, asking) => asked.expect("prompt answers"),
            }
            answers += 2;
        }
    }

    /// Both servers say the same of every feature, tile and change, and it is what the database says; how long the
    /// disturbed one took to come to that by itself.
    pub async fn agree(&self) -> Duration {
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
                (fountains, feed, school, tiles(&self.client, &url, "fountains,schools", places, seq).await)
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

    /// Ends the disturbed server, which must have nothing to say of panics of its own.
    pub fn end(self) {
        self.disturbed.signal("-TERM");
        let (code, log) = self.disturbed.end();
        assert_eq!(code, Some(0), "{log}");
        // The driver may panic over bytes that mean nothing; that is caught, and nothing of ours may.
        let ours = |line: &&str| line.contains("panicked at") && !line.contains("/registry/");
        assert_eq!(log.lines().find(ours), None, "{log}");
    }
}

fn through(proxy: &Proxy, database: &PostGis) -> String {
    database.url().replace(&format!(":{}/", database.cluster().port), &format!(":{}/", proxy.port))
}

fn tile(x: f64, y: f64, z: u32) -> [u32; 2] {
    let size = f64::from(1_u32 << z);
    let row = (0.5 - y.to_radians().tan().asinh() / std::f64::consts::TAU) * size;
    [((x / 360.0 + 0.5) * size) as u32, row as u32]
}

/// Clerks at their desks, until they are sent home or the database is away.
pub struct Clerks {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<u64>>,
}

impl Clerks {
    /// Those of a shift: no two make the same edits.
    pub fn at(database: &Arc<PostGis>, shift: u64) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = (1..3_u64)
            .map(|clerk| {
                let (database, stop) = (Arc::clone(database), Arc::clone(&stop));
                std::thread::spawn(move || {
                    let edits = edits(clerk + 10 * shift, 5_000);
                    let mut parts = edits.chunks(10);
                    let mut made = 0;
                    while let Some(part) = parts.next().filter(|_| !stop.load(Ordering::Relaxed)) {
                        if database.try_sql(&part.concat()).is_err() {
                            break;
                        }
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
    pub fn go(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.into_iter().map(|thread| thread.join().expect("a clerk")).sum()
    }
}
