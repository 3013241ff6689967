//! Eight people edit at once, as fast as is asked of them, and three servers keep up: `SOAK_SECONDS` and `SOAK_RATE` (edits
//! a second) make it long; `make soak` does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::super::harness::{Folder, Process};
use super::super::postgis::{PostGis, programs};
use super::super::replicas::{Client, free_port, in_turn, serve, stored, tiles};
use super::figure;

const WRITERS: &str = "8";
/// What the writers do, for `pgbench`, with how often.
const EDITS: [(u32, &str); 6] = [
    (
        4,
        "\\set id random(1, 100)\n\\set x random(1, 200)\nUPDATE city.fountains SET geom = ST_Translate(geom, :x, :x) WHERE fid = :id;\n",
    ),
    (
        3,
        "\\set id random(1, 100)\n\\set n random(1, 1000000)\nUPDATE city.fountains SET name = 'Nome ' || :n WHERE fid = :id;\n",
    ),
    (
        1,
        "\\set x random(0, 2000)\nINSERT INTO city.fountains (geom, code, name, status) SELECT ST_Translate(geom, :x, 7), gen_random_uuid(), 'nuova', 'active' FROM city.fountains ORDER BY fid LIMIT 1;\n",
    ),
    (1, "DELETE FROM city.fountains WHERE fid = (SELECT max(fid) FROM city.fountains WHERE name = 'nuova');\n"),
    (
        4,
        "\\set id random(1, 900)\n\\set n random(1, 1000000)\nUPDATE city.parcels SET label = :n::text WHERE fid = :id;\n",
    ),
    (
        2,
        "\\set id random(1, 900)\n\\set x random(1, 2)\nUPDATE city.parcels SET geom = ST_Translate(geom, :x, 1) WHERE fid = :id;\n",
    ),
];

/// What a follower heard at a moment: the last change, the layers with their features (`None`: some, or all).
struct Heard {
    seq: i64,
    features: Vec<(String, Option<Vec<i64>>)>,
    at: DateTime<Utc>,
}

/// A change as the database has it.
struct Change {
    seq: i64,
    layer: String,
    id: i64,
    at: DateTime<Utc>,
}

#[test]
fn three_servers_keep_up_with_eight_writers_and_tell_each_change_once() {
    in_turn(storm());
}

async fn storm() {
    let (seconds, rate) = (figure("SOAK_SECONDS", 8), figure("SOAK_RATE", 150));
    let (database, folder) = (Arc::new(PostGis::start()), Folder::new());
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    database.sql(
        "INSERT INTO city.fountains (geom, code, name, status) SELECT ST_Translate(geom, n * 20, 5), gen_random_uuid(), \
         'Fontana', 'active' FROM generate_series(1, 100) AS n, (SELECT geom FROM city.fountains LIMIT 1) AS one",
    );
    // All layers are shown: what bindings write because of the edits is told once too.
    let flags = ["serve", "--database", &url, "--log-level", "error", "--show-all-layers=true"];
    let servers: Vec<Process> =
        (0..3).map(|_| folder.start_on(&format!("127.0.0.1:{}", free_port()), &flags)).collect();
    for server in &servers {
        server_is_ready(server).await;
    }
    let begin = settled_log(&database).await;
    let announced: Vec<Arc<AtomicI64>> = servers.iter().map(|_| Arc::new(AtomicI64::new(begin))).collect();
    let last = Arc::new(AtomicI64::new(i64::MAX));
    let pulled: Vec<_> =
        servers.iter().map(|server| tokio::spawn(pull(server.url.clone(), begin, Arc::clone(&last)))).collect();
    let listening = servers.iter().zip(&announced).map(|(server, announced)| {
        tokio::spawn(listen(server.url.clone(), begin, Arc::clone(announced), Arc::clone(&last)))
    });
    let heard: Vec<_> = listening.collect();
    let writers = write(&folder, &url, seconds, rate);
    let probes = probe(&database, &servers, &announced, &writers).await;
    let told = writers.await.expect("ends");
    let end = settled_log(&database).await;
    let since = Instant::now();
    last.store(end, Ordering::Release);
    let (pulled, heard) = (all(pulled).await, all(heard).await);
    let caught_up = since.elapsed();
    let log = log(&database, begin);
    println!("{} changes by {WRITERS} writers in {seconds} s, {} servers: {told}", log.len(), servers.len());
    println!("every follower had all of it {caught_up:?} after the log came to rest");
    for (server, (pulled, heard)) in pulled.iter().zip(&heard).enumerate() {
        println!("server {server}: /changes {}; /events {}", lags(pulled, &log), lags(heard, &log));
        each_is_told_once(pulled, &log);
        events_tell_all(heard, &log);
    }
    println!("{probes} edits were read back, from a server that was asked for them or had announced them");
    assert!(log.len() as u64 > seconds * rate / 4 && probes > 3, "{} changes, {probes} read back", log.len());
    equal(&database, &folder, &servers, end).await;
}

async fn all(followers: Vec<JoinHandle<Vec<Heard>>>) -> Vec<Vec<Heard>> {
    let mut told = Vec::new();
    for follower in followers {
        let heard = tokio::time::timeout(Duration::from_secs(120), follower).await;
        told.push(heard.expect("a follower has all of it within two minutes").expect("a follower"));
    }
    told
}

pub async fn server_is_ready(server: &Process) {
    let started = Instant::now();
    while reqwest::get(format!("{}/status", server.url)).await.expect("an answer").status() != 200 {
        assert!(started.elapsed() < Duration::from_secs(60), "{} is not ready", server.url);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The end of the log once the servers have written what they find by themselves, as bound fields.
async fn settled_log(database: &PostGis) -> i64 {
    let mut end = end_of_log(database);
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = end_of_log(database);
        if now == end {
            return end;
        }
        end = now;
    }
}

pub fn end_of_log(database: &PostGis) -> i64 {
    database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq")
}

/// Every change after one, as the database has it.
fn log(database: &PostGis, after: i64) -> Vec<Change> {
    let rows = database.sql(&format!(
        "SELECT last - cardinality(ids) + place, layer, id, to_json(at) #>> '{{}}' FROM bricola.changes, \
         unnest(ids) WITH ORDINALITY AS u (id, place) WHERE last > {after} ORDER BY 1"
    ));
    let row = |line: &str| {
        let [seq, layer, id, at] = line.split('|').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let number = |text: &str| text.parse().expect("a number");
        let at = DateTime::parse_from_rfc3339(at).expect("an instant").to_utc();
        Change { seq: number(seq), layer: layer.to_owned(), id: number(id), at }
    };
    rows.lines().map(row).collect()
}

/// Starts the writers; what `pgbench` says of their work when it is done.
fn write(folder: &Folder, url: &str, seconds: u64, rate: u64) -> JoinHandle<String> {
    let mut command = Command::new(format!("{}/pgbench", programs()));
    command.args(["-n", "-c", WRITERS, "-j", "2", "-T", &seconds.to_string(), "-R", &rate.to_string()]);
    for (number, (weight, sql)) in EDITS.iter().enumerate() {
        let name = format!("edit{number}.sql");
        folder.write(&name, sql);
        command.arg("-f").arg(format!("{}@{weight}", folder.path().join(name).display()));
    }
    command.arg(url).stdin(Stdio::null());
    tokio::task::spawn_blocking(move || {
        let output = command.output().expect("pgbench of postgresql-15");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        let line = |start: &str| said.lines().find(|line| line.starts_with(start)).unwrap_or_default().to_owned();
        ["number of transactions actually", "number of failed", "latency average", "tps"].into_iter().fold(
            String::new(),
            |mut told, start| {
                let _ = write!(told, "{}; ", line(start));
                told
            },
        )
    })
}

/// Edits and reads back, until the writers are done: from a server that is told to have seen the edit, or has announced
/// that it has. How often; a stale answer fails the test.
async fn probe(
    database: &Arc<PostGis>,
    servers: &[Process],
    announced: &[Arc<AtomicI64>],
    writers: &JoinHandle<String>,
) -> u32 {
    let client = Client(reqwest::Client::new());
    let place = database.sql(
        "SELECT ST_X(p) || ' ' || ST_Y(p) FROM (SELECT ST_Transform(geom, 4326) AS p FROM city.schools WHERE fid = 1) AS s",
    );
    let (x, y) = place.trim().split_once(' ').expect("a place");
    let lookup = format!("/lookup?x={x}&y={y}&layers=schools&radius=1");
    let tile = tile(x.parse().expect("a number"), y.parse().expect("a number"));
    let mut rounds = 0;
    while !writers.is_finished() {
        let name = format!("mia {rounds}");
        let edit = format!("UPDATE city.schools SET name = '{name}' WHERE fid = 1; SELECT bricola.sequence()");
        let asked = Arc::clone(database);
        let told = tokio::task::spawn_blocking(move || asked.sql(&edit)).await.expect("psql");
        let seq: i64 = told.trim().parse().expect("a seq");
        let server = rounds as usize % servers.len();
        let mut wanted = seq;
        if rounds % 2 == 1 {
            // What has been announced is there, whether one asks for it or not.
            let started = Instant::now();
            while announced[server].load(Ordering::Acquire) < seq {
                assert!(started.elapsed() < Duration::from_secs(20), "{seq} is not announced");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            wanted = 0;
        }
        for path in [&tile, &lookup] {
            let answer = client.get(&servers[server].url, path, wanted).await;
            assert_eq!(answer.status(), 200, "{path} at {seq}");
            let bytes = answer.bytes().await.expect("whole");
            let holds = bytes.windows(name.len()).any(|part| part == name.as_bytes());
            assert!(holds, "stale: {path} after {seq} was announced or asked for does not hold {name}");
        }
        rounds += 1;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    rounds
}

fn tile(x: f64, y: f64) -> String {
    let size = f64::from(1_u32 << 17);
    let row = (0.5 - y.to_radians().tan().asinh() / std::f64::consts::TAU) * size;
    format!("/tiles/schools/17/{}/{}", ((x / 360.0 + 0.5) * size) as u32, row as u32)
}

/// Follows `/changes` as docs/feed.md says, up to the change that ends the storm.
async fn pull(url: String, after: i64, last: Arc<AtomicI64>) -> Vec<Heard> {
    let client = reqwest::Client::new();
    let (mut seq, mut heard) = (after, Vec::new());
    while seq < last.load(Ordering::Acquire) {
        let path = format!("{url}/changes?after={seq}&wait=1");
        let answer = client.get(path).send().await.expect("an answer");
        assert_eq!(answer.status(), 200);
        let page: Value = answer.json().await.expect("JSON");
        let now = Utc::now();
        for change in page["changes"].as_array().expect("changes") {
            let number = |name: &str| change[name].as_i64().expect("a number");
            let layer = change["layer"].as_str().expect("layer").to_owned();
            heard.push(Heard { seq: number("seq"), features: vec![(layer, Some(vec![number("id")]))], at: now });
        }
        seq = page["next"].as_i64().expect("next");
    }
    heard
}

/// Listens to `/events`, up to the change that ends the storm, and says how far it has heard.
async fn listen(url: String, after: i64, announced: Arc<AtomicI64>, last: Arc<AtomicI64>) -> Vec<Heard> {
    let mut answer = reqwest::get(format!("{url}/events?after={after}")).await.expect("an answer");
    assert_eq!(answer.status(), 200);
    let (mut text, mut heard) = (Vec::new(), Vec::new());
    while announced.load(Ordering::Acquire) < last.load(Ordering::Acquire) {
        let Ok(chunk) = tokio::time::timeout(Duration::from_millis(200), answer.chunk()).await else { continue };
        text.extend_from_slice(&chunk.expect("a stream that goes on").expect("a stream without end"));
        while let Some(end) = text.windows(2).position(|pair| pair == b"\n\n") {
            let event = String::from_utf8(text.drain(..end + 2).collect()).expect("UTF-8");
            let field = |name: &str| event.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
            assert_ne!(field("event: "), "reset", "more was missed than is told");
            if field("event: ") == "change" {
                let data: Value = serde_json::from_str(field("data: ")).expect("JSON");
                let told = told(&data);
                announced.store(told.seq, Ordering::Release);
                heard.push(told);
            }
        }
    }
    heard
}

fn told(event: &Value) -> Heard {
    let features = event["layers"].as_array().expect("layers").iter().map(|part| {
        let ids = part["ids"].as_array().filter(|_| part["whole"] == false);
        let ids = ids.map(|ids| ids.iter().map(|id| id.as_i64().expect("an id")).collect());
        (part["layer"].as_str().expect("a layer").to_owned(), ids)
    });
    Heard { seq: event["seq"].as_i64().expect("seq"), features: features.collect(), at: Utc::now() }
}

/// How long after their commits changes were heard of: half of them, 99 of 100, the last.
fn lags(heard: &[Heard], log: &[Change]) -> String {
    let committed = |heard: &Heard| log.binary_search_by_key(&heard.seq, |change| change.seq).ok().map(|at| log[at].at);
    let lag = |heard: &Heard| Some((heard.at - committed(heard)?).num_milliseconds().max(0));
    let mut lags: Vec<i64> = heard.iter().filter_map(lag).collect();
    lags.sort_unstable();
    let at = |part: usize| lags.get(lags.len() * part / 100).or(lags.last()).copied().unwrap_or(-1);
    format!("p50 {} ms, p99 {} ms, at most {} ms", at(50), at(99), at(100))
}

/// Every change was told once, alone and in order.
fn each_is_told_once(heard: &[Heard], log: &[Change]) {
    let alone = |heard: &Heard| match &heard.features[..] {
        [(layer, Some(ids))] if ids.len() == 1 => (heard.seq, layer.clone(), ids[0]),
        other => panic!("{other:?} at {}", heard.seq),
    };
    for (place, (heard, change)) in heard.iter().zip(log).enumerate() {
        assert_eq!(alone(heard), (change.seq, change.layer.clone(), change.id), "change {place} of the feed");
    }
    assert_eq!(heard.len(), log.len(), "changes of the feed");
}

/// Each event tells just the features that changed since the event before it.
fn events_tell_all(heard: &[Heard], log: &[Change]) {
    let mut rest = log;
    for event in heard {
        let count = rest.iter().take_while(|change| change.seq <= event.seq).count();
        let (since, later) = rest.split_at(count);
        rest = later;
        let mut wanted: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
        for change in since {
            wanted.entry(&change.layer).or_default().insert(change.id);
        }
        let layers: Vec<&str> = event.features.iter().map(|(layer, _)| &**layer).collect();
        assert_eq!(layers, wanted.keys().copied().collect::<Vec<_>>(), "layers of event {}", event.seq);
        for (layer, ids) in event.features.iter().filter_map(|(layer, ids)| Some((layer, ids.as_ref()?))) {
            let (told, count) = (ids.iter().copied().collect::<BTreeSet<_>>(), ids.len());
            assert_eq!(&told, &wanted[&**layer], "{layer} in event {}", event.seq);
            assert_eq!(told.len(), count, "none twice: {layer} in event {}", event.seq);
        }
    }
    assert_eq!(rest.len(), 0, "changes that no event told");
}

/// Every server has what the database has, and looks like one that has just read it.
pub async fn equal(database: &PostGis, folder: &Folder, servers: &[Process], seq: i64) {
    let fresh = serve(folder, &database.url(), free_port());
    server_is_ready(&fresh).await;
    let client = Client(reqwest::Client::new());
    let stored = stored(database);
    let fountains: BTreeMap<i64, String> = stored.iter().map(|(id, _, _, name)| (*id, name.clone())).collect();
    let places: Vec<(f64, f64)> = stored.iter().map(|(_, x, y, _)| (*x, *y)).collect();
    let parcels = parcels(database);
    let inside: Vec<(f64, f64)> = parcels.iter().map(|(_, x, y, _)| (*x, *y)).collect();
    let counts =
        database.sql("SELECT (SELECT count(*) FROM city.fountains) || '|' || (SELECT count(*) FROM city.parcels)");
    let mut tags = Vec::new();
    for server in [&fresh].into_iter().chain(servers) {
        let url = &server.url;
        assert_eq!(client.fountains(url, &places, seq).await, fountains, "fountains of {url}");
        let count = |layer: &'static str| server_count(&client, url, layer);
        let held = format!("{}|{}", count("fountains").await, count("parcels").await);
        assert_eq!(held, counts.trim(), "features of {url}");
        for (id, x, y, label) in parcels.iter().step_by(5) {
            let path = format!("/lookup?x={x}&y={y}&layers=parcels");
            let answer: Value = client.get(url, &path, seq).await.json().await.expect("JSON");
            let hits = answer["hits"].as_array().expect("hits");
            let found =
                hits.iter().find(|hit| hit["feature"]["id"] == *id).unwrap_or_else(|| panic!("parcel {id}: {answer}"));
            assert_eq!(found["feature"]["properties"]["label"], **label, "parcel {id} of {url}");
        }
        let mut tag = tiles(&client, url, "fountains,schools", &places, seq).await;
        tag.extend(tiles(&client, url, "parcels", &inside, seq).await);
        tags.push(tag);
    }
    assert!(tags.iter().all(|tag| tag == &tags[0]), "equal content has equal tags on every server");
    println!(
        "{} fountains, {} parcels and {} tiles are equal on {} servers, a fresh one and the database",
        fountains.len(),
        parcels.len().div_ceil(5),
        tags[0].len(),
        servers.len()
    );
}

pub async fn server_count(client: &Client, url: &str, layer: &str) -> u64 {
    let answer: Value = client.get(url, &format!("/collections/{layer}"), 0).await.json().await.expect("JSON");
    answer["count"].as_u64().expect("a count")
}

/// Parcels as the database has them: id, longitude and latitude of a place inside, label.
pub fn parcels(database: &PostGis) -> Vec<(i64, f64, f64, String)> {
    let rows = database.sql(
        "SELECT fid, ST_X(p), ST_Y(p), label FROM (SELECT fid, label, ST_Transform(ST_PointOnSurface(geom), 4326) AS p \
         FROM city.parcels) AS f ORDER BY fid",
    );
    let row = |line: &str| {
        let mut fields = line.split('|');
        let mut number = || fields.next().and_then(|text| text.parse::<f64>().ok()).expect("a number");
        let (id, x, y) = (number() as i64, number(), number());
        (id, x, y, fields.next().unwrap_or_default().to_owned())
    };
    rows.lines().map(row).collect()
}
