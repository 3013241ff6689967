//! Several servers over one database, and what they do when it goes away.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::harness::{Folder, Process, alone};
use super::killed::parcels;
use super::postgis::{Cluster, PostGis};

/// A port that nobody has at the moment.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port()
}

/// A server over a database.
pub fn serve(folder: &Folder, url: &str, port: u16) -> Process {
    let listen = format!("127.0.0.1:{port}");
    folder.start_on(&listen, &["serve", "--database", url, "--log-level", "error"])
}

/// nginx of Debian before some servers; one that does not answer is passed over.
pub struct Balancer {
    process: Child,
    url: String,
}

impl Balancer {
    /// Starts it.
    pub fn before(folder: &Folder, ports: &[u16]) -> Self {
        let (port, home) = (free_port(), folder.path().display().to_string());
        let servers: Vec<String> =
            ports.iter().map(|port| format!("server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;")).collect();
        let servers = servers.join("\n");
        let user = if Command::new("id").arg("-u").output().expect("id").stdout.starts_with(b"0\n") {
            "user root;"
        } else {
            ""
        };
        folder.write(
            "nginx.conf",
            &format!(
                "{user} daemon off; pid {home}/nginx.pid; error_log {home}/nginx.log;\nevents {{}}\nhttp {{ access_log off;\n\
                 client_body_temp_path {home}/b; proxy_temp_path {home}/p; fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u;\n\
                 scgi_temp_path {home}/s; upstream servers {{ {servers} }}\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://servers;\n\
                 proxy_next_upstream error timeout http_502 http_503; proxy_http_version 1.1; }} }} }}\n"
            ),
        );
        let process = Command::new("/usr/sbin/nginx")
            .args(["-c", &format!("{home}/nginx.conf"), "-p", &home])
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx of nginx-light");
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "{}", folder.read("nginx.log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { process, url: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let id = self.process.id().to_string();
        // Asked, since a killed master leaves its workers behind.
        let _ = Command::new("kill").arg(&id).status();
        let _ = self.process.wait();
    }
}

/// The edits of one clerk, a statement a line: fountains are moved, renamed, removed and come back.
pub fn edits(clerk: u64, count: u64) -> Vec<String> {
    let mut state = clerk.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = move |most: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % most
    };
    (0..count)
        .map(|number| {
            let id = 1 + next(90);
            match next(10) {
                0 => format!("DELETE FROM city.fountains WHERE fid = {id};"),
                1 | 2 => format!(
                    "INSERT INTO city.fountains (geom, code, name, status) SELECT ST_Translate(geom, {}, {}), \
                     'new {clerk}/{number}', 'Fontana {clerk}/{number}', 'active' FROM city.fountains ORDER BY fid LIMIT 1;",
                    next(2000),
                    next(2000)
                ),
                3..=5 => format!("UPDATE city.fountains SET name = 'Nome {clerk}/{number}' WHERE fid = {id};"),
                _ => format!(
                    "UPDATE city.fountains SET geom = ST_Translate(geom, {}, {}) WHERE fid = {id};",
                    next(400) as i64 - 200,
                    next(400) as i64 - 200
                ),
            }
        })
        .collect()
}

/// Asks servers.
pub struct Client(pub reqwest::Client);

impl Client {
    /// Asks for what reflects a change.
    pub async fn get(&self, url: &str, path: &str, seq: i64) -> reqwest::Response {
        let request = self.0.get(format!("{url}{path}")).header("bricola-min-seq", seq);
        request.send().await.expect("an answer")
    }

    /// The whole feed of a server: every change once, with what became of it.
    pub async fn feed(&self, url: &str, seq: i64) -> Vec<(i64, String, Option<i64>, String)> {
        let (mut after, mut told) = (0, Vec::new());
        loop {
            let page: Value =
                self.get(url, &format!("/changes?after={after}&limit=5000"), seq).await.json().await.expect("JSON");
            for change in page["changes"].as_array().expect("changes") {
                told.push((
                    change["seq"].as_i64().expect("seq"),
                    change["layer"].as_str().expect("layer").to_owned(),
                    change["id"].as_i64(),
                    change["after"]["properties"]["name"].to_string(),
                ));
            }
            let next = page["next"].as_i64().expect("next");
            if next == after {
                return told;
            }
            after = next;
        }
    }

    /// Every fountain, by one server's lookup with the whole city as its radius.
    pub async fn fountains(&self, url: &str, at: &[(f64, f64)], seq: i64) -> BTreeMap<i64, String> {
        let mut found = BTreeMap::new();
        for (x, y) in at {
            let path = format!("/lookup?x={x}&y={y}&layers=fountains&radius=1");
            let answer: Value = self.get(url, &path, seq).await.json().await.expect("JSON");
            for hit in answer["hits"].as_array().expect("hits") {
                let feature = &hit["feature"];
                found.insert(feature["id"].as_i64().expect("id"), feature["properties"]["name"].to_string());
            }
        }
        found
    }
}

/// Fountains as the database has them: id, longitude, latitude, name.
pub fn stored(database: &PostGis) -> Vec<(i64, f64, f64, String)> {
    let rows = database.sql(
        "SELECT fid, ST_X(p), ST_Y(p), to_json(name) FROM (SELECT fid, name, ST_Transform(geom, 4326) AS p \
         FROM city.fountains) AS f ORDER BY fid",
    );
    let row = |line: &str| {
        let mut fields = line.split('|');
        let mut number = || fields.next().and_then(|text| text.parse::<f64>().ok()).expect("a number");
        let (id, x, y) = (number() as i64, number(), number());
        (id, x, y, fields.next().unwrap_or("null").to_owned())
    };
    rows.lines()
        .map(row)
        .map(|(id, x, y, name)| (id, x, y, if name.is_empty() { "null".to_owned() } else { name }))
        .collect()
}

/// Runs a test while no other takes the machine.
pub fn in_turn(test: impl Future<Output = ()>) {
    let _turn = alone();
    tokio::runtime::Runtime::new().expect("a runtime").block_on(test);
}

#[test]
fn three_servers_behind_nginx_agree_with_the_database_after_a_storm() {
    in_turn(storm());
}

#[test]
fn the_database_goes_and_comes_back_and_reads_go_on() {
    in_turn(outage());
}

#[test]
fn a_load_into_a_database_that_is_killed_leaves_the_old_rows_or_the_new_ones() {
    let _turn = alone();
    let (database, folder) = (PostGis::start(), Folder::new());
    folder.write("old.ndjson", &parcels("old", 30, 0.8));
    folder.write("new.ndjson", &parcels("new", 25, 0.9));
    let url = database.url();
    let load =
        |file: &str| folder.command(&["load", file, "--layer", "parcels", "--database", &url, "--log-level", "error"]);
    // The first fills an empty layer; how long a replacement takes is what the others are cut short by.
    let mut time = Duration::ZERO;
    for file in ["old.ndjson", "new.ndjson", "old.ndjson"] {
        let started = Instant::now();
        assert!(load(file).stdout(Stdio::null()).status().expect("runs").success());
        time = started.elapsed();
    }
    let rows = || {
        let sql = "SELECT count(*), min(label), max(label) FROM city.parcels";
        database.sql(sql).trim().to_owned()
    };
    let [old, new] = ["3300|old|old", "2750|new|new"];
    assert_eq!(rows(), old);
    let mut seen = [0, 0];
    for round in 0..20_u32 {
        let file = if round % 2 == 0 { "new.ndjson" } else { "old.ndjson" };
        let mut child = load(file).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("starts");
        std::thread::sleep(time.mul_f64(f64::from(round * 7 % 20) / 11.0));
        let _ = child.kill();
        let _ = child.wait();
        let held = rows();
        assert!(held == old || held == new, "round {round}: {held}");
        seen[usize::from(held == new)] += 1;
    }
    assert!(seen[0] > 0 && seen[1] > 0, "killed before and after: {seen:?}");
    // What the dead ones held is let go, and the next load is as good as any.
    assert!(load("old.ndjson").stdout(Stdio::null()).status().expect("runs").success());
    assert_eq!(rows(), old);
    assert_eq!(database.sql("SELECT count(*) FROM pg_class WHERE relname LIKE 'bricola_staging%'").trim(), "0");
}

async fn storm() {
    let database = Arc::new(PostGis::start());
    let folder = Folder::new();
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    let ports = [free_port(), free_port(), free_port()];
    let mut servers: Vec<Process> = ports.iter().map(|port| serve(&folder, &url, *port)).collect();
    let urls: Vec<String> = servers.iter().map(|server| server.url.clone()).collect();
    let client = Client(reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client"));
    for url in &urls {
        let started = Instant::now();
        while client.get(url, "/status", 0).await.status() != 200 {
            assert!(started.elapsed() < Duration::from_secs(60), "{url} is not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let balancer = Balancer::before(&folder, &ports);
    let clerks: Vec<_> = (0..8_u64)
        .map(|clerk| {
            let database = Arc::clone(&database);
            // A session for every hundred edits, as people come and go.
            std::thread::spawn(move || {
                edits(clerk + 1, 600).chunks(100).for_each(|part| {
                    database.sql(&part.concat());
                });
            })
        })
        .collect();
    let stop = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (database, url, stop) = (Arc::clone(&database), balancer.url.clone(), Arc::clone(&stop));
        async move {
            // Whoever has written reads it back, whichever server answers.
            let client = Client(reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client"));
            let mut rounds = 0;
            while !stop.load(Ordering::Relaxed) {
                let name = format!("mine {rounds}");
                let edit = format!(
                    "UPDATE city.schools SET name = '{name}' WHERE fid = 1; SELECT bricola.sequence(); \
                     SELECT ST_X(p) || ' ' || ST_Y(p) FROM (SELECT ST_Transform(geom, 4326) AS p FROM city.schools WHERE fid = 1) AS s"
                );
                let told = tokio::task::spawn_blocking({
                    let database = Arc::clone(&database);
                    move || database.sql(&edit)
                });
                let told = told.await.expect("psql");
                let mut lines = told.lines();
                let seq: i64 = lines.next().and_then(|line| line.parse().ok()).expect("a seq");
                let (x, y) = lines.next().and_then(|line| line.split_once(' ')).expect("a place");
                let path = format!("/lookup?x={x}&y={y}&layers=schools&radius=1");
                let answer = client.get(&url, &path, seq).await;
                // While all of nginx's servers are behind, a request may be told to come again; never a stale answer.
                if answer.status() == 200 {
                    let text = answer.text().await.expect("text");
                    assert!(text.contains(&name), "stale at {seq}: {text}");
                    rounds += 1;
                }
            }
            rounds
        }
    });
    tokio::time::sleep(Duration::from_millis(700)).await;
    servers.remove(0).signal("-KILL");
    tokio::time::sleep(Duration::from_millis(700)).await;
    let again = serve(&folder, &url, ports[0]);
    for clerk in clerks {
        clerk.join().expect("a clerk");
    }
    stop.store(true, Ordering::Relaxed);
    let rounds = reader.await.expect("never a stale answer");
    assert!(rounds > 1, "{rounds} answers to own edits");
    let seq: i64 = database.sql("SELECT bricola.sequence()").trim().parse().expect("a seq");
    let stored = stored(&database);
    let places: Vec<(f64, f64)> = stored.iter().map(|(_, x, y, _)| (*x, *y)).collect();
    let expected: BTreeMap<i64, String> = stored.iter().map(|(id, _, _, name)| (*id, name.clone())).collect();
    let mut feeds = Vec::new();
    let mut tags = Vec::new();
    for url in &urls {
        let started = Instant::now();
        while client.get(url, "/status", seq).await.status() != 200 {
            assert!(started.elapsed() < Duration::from_secs(30), "{url} does not catch up");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(client.fountains(url, &places, seq).await, expected, "{url}");
        let feed = client.feed(url, seq).await;
        assert!(feed.windows(2).all(|pair| pair[0].0 < pair[1].0), "in order, nothing twice");
        feeds.push(feed);
        tags.push(tiles(&client, url, "fountains,schools", &places, seq).await);
    }
    assert!(feeds[0].len() > 1_000, "{} changes", feeds[0].len());
    assert!(feeds.iter().all(|feed| feed == &feeds[0]), "every server tells the same");
    assert!(tags.iter().all(|tag| tag == &tags[0]), "equal content has equal tags on every server");
    drop((servers, again, balancer));
}

/// The tags of the tiles around some places.
pub async fn tiles(
    client: &Client,
    url: &str,
    layers: &str,
    places: &[(f64, f64)],
    seq: i64,
) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    for (x, y) in places.iter().step_by(7) {
        for z in [11_u32, 13, 15, 17] {
            let size = f64::from(1_u32 << z);
            let column = ((x / 360.0 + 0.5) * size) as u32;
            let row = ((0.5 - y.to_radians().tan().asinh() / std::f64::consts::TAU) * size) as u32;
            let path = format!("/tiles/{layers}/{z}/{column}/{row}");
            if tags.contains_key(&path) {
                continue;
            }
            let answer = client.get(url, &path, seq).await;
            let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or("none").to_owned();
            tags.insert(path, tag);
        }
    }
    tags
}

async fn outage() {
    let cluster = tokio::task::spawn_blocking(|| Cluster::start("")).await.expect("starts");
    let database = cluster.database();
    let (folder, url) = (Folder::new(), cluster.url(&database));
    let filled = folder.run(&["demo", "--parcels", "1k", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    let server = serve(&folder, &url, free_port());
    let client = Client(reqwest::Client::new());
    let status = |wanted: &'static str| {
        let (client, url) = (&client, &server.url);
        async move {
            let started = Instant::now();
            loop {
                let answer = client.get(url, "/status", 0).await;
                let (code, status): (u16, Value) = (answer.status().as_u16(), answer.json().await.expect("JSON"));
                if status["status"] == wanted {
                    return (code, status);
                }
                assert!(started.elapsed() < Duration::from_secs(30), "never {wanted}: {status}");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    };
    status("ok").await;
    let place = cluster.sql(
        &database,
        "SELECT ST_X(p) || '&y=' || ST_Y(p) FROM (SELECT ST_Transform(geom, 4326) AS p FROM city.schools WHERE fid = 1) AS s",
    );
    let lookup = format!("/lookup?x={}&layers=schools&radius=1", place.trim());
    let before = client.get(&server.url, &lookup, 0).await.text().await.expect("text");
    cluster.crash();
    let (code, told) = status("stale").await;
    assert_eq!((code, &told["store"]["state"]), (200, &Value::from("unreachable")), "reads go on: the server is up");
    let answer = client.get(&server.url, &lookup, 0).await;
    assert_eq!(answer.status(), 200);
    let age = answer.headers().get("bricola-age").and_then(|age| age.to_str().ok()?.parse::<u64>().ok());
    assert!(age.is_some(), "answers say how old they are");
    assert_eq!(answer.text().await.expect("text"), before);
    let feed = client.get(&server.url, "/changes", 0).await;
    assert_eq!((feed.status().as_u16(), feed.headers().contains_key("retry-after")), (503, true));
    assert_eq!(feed.json::<Value>().await.expect("JSON")["code"], "store-unavailable");
    // One that is started meanwhile waits, and is there when the database is.
    let early = serve(&folder, &url, free_port());
    assert_eq!(client.get(&early.url, "/status", 0).await.status(), 503);
    cluster.restart("");
    status("ok").await;
    cluster.sql(&database, "UPDATE city.schools SET name = 'dopo' WHERE fid = 1");
    for url in [&server.url, &early.url] {
        let started = Instant::now();
        while !client.get(url, &lookup, 0).await.text().await.expect("text").contains("dopo") {
            assert!(started.elapsed() < Duration::from_secs(30), "{url} has not recovered");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    let answer = client.get(&server.url, &lookup, 0).await;
    assert!(!answer.headers().contains_key("bricola-age"));
}
