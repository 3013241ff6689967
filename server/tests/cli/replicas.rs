//! Three servers over one database, behind nginx: one is killed and another takes its place while clerks edit.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use super::harness::{Folder, Process, alone};

#[path = "../../../layers/tests/common/cluster.rs"]
mod cluster;

/// Fountains along a side of the square of them.
const SIDE: i64 = 30;
const WRITERS: i64 = 4;
/// Statements of each, every one a transaction of its own.
const EDITS: i64 = 250;

fn fountains() -> String {
    (0..SIDE * SIDE).fold("code,name,lon,lat\n".to_owned(), |mut text, number| {
        let [x, y] = [number % SIDE, number / SIDE].map(|at| at as f64 * 0.000_4);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "F{number},as loaded,{},{}", 12.33 + x, 45.43 + y);
        text
    })
}

/// What one clerk does: renames, moves and removals, of features that other clerks edit too.
fn edits(writer: i64) -> String {
    (0..EDITS).fold(String::new(), |mut sql, edit| {
        let fid = 1 + (writer * 7 + edit * 13) % (SIDE * SIDE);
        let _ = match edit % 25 {
            24 => writeln!(sql, "DELETE FROM city.fountains WHERE fid = {fid};"),
            n if n % 2 == 0 => writeln!(sql, "UPDATE city.fountains SET name = 'w{writer}e{edit}' WHERE fid = {fid};"),
            _ => writeln!(sql, "UPDATE city.fountains SET geom = ST_Translate(geom, 2, 1) WHERE fid = {fid};"),
        };
        sql
    })
}

/// Debian's nginx in front of the servers, as a child that ends with this value.
struct Nginx {
    child: Child,
    url: String,
}

impl Nginx {
    fn before(folder: &Folder, servers: &[String]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a port").port();
        let path = folder.path().display();
        let upstream: String = servers
            .iter()
            .fold(String::new(), |text, address| text + &format!("server {address} max_fails=1 fail_timeout=1s; "));
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .fold(String::new(), |text, name| text + &format!("{name}_temp_path {path}/{name}; "));
        folder.write(
            "nginx.conf",
            &format!(
                "daemon off; master_process off; pid {path}/nginx.pid; error_log {path}/nginx.log; events {{ }}\n\
                 http {{ access_log off; {temporary} upstream bricola {{ {upstream} }}\n\
                 server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://bricola; proxy_connect_timeout 1s;\n\
                 proxy_next_upstream error timeout http_503; proxy_http_version 1.1; }} }} }}\n"
            ),
        );
        let child = Command::new("nginx")
            .args(["-p", &path.to_string(), "-c", &format!("{path}/nginx.conf")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("nginx; install nginx-light");
        let nginx = Self { child, url: format!("http://127.0.0.1:{port}") };
        let started = Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < Duration::from_secs(10), "nginx does not listen: {}", folder.read("nginx.log"));
            std::thread::sleep(Duration::from_millis(20));
        }
        nginx
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Follows the feed as another system would, until the storm is over and the log's end is reached; the `seq` of
/// every change, in the order told.
async fn follow_feed(url: &str, start: i64, over: &AtomicBool) -> Vec<i64> {
    let client = reqwest::Client::new();
    let (mut told, mut next) = (Vec::new(), start);
    loop {
        let ended = over.load(Ordering::Acquire);
        let answer = client.get(format!("{url}/changes?after={next}&wait=1&limit=100")).send().await;
        // A server that was killed in the middle of its answer: the cursor makes the question safe to repeat.
        let Ok(answer) = answer else { continue };
        let (status, Ok(text)) = (answer.status(), answer.text().await) else { continue };
        assert_eq!(status, 200, "{text}");
        let page: Json = serde_json::from_str(&text).expect("JSON");
        let changes = page["changes"].as_array().expect("changes");
        told.extend(changes.iter().map(|change| change["seq"].as_i64().expect("a seq")));
        next = page["next"].as_i64().expect("a cursor");
        if ended && changes.is_empty() {
            return told;
        }
    }
}

/// Asks for tiles and lookups until the storm is over; how many answers there were, and those that were not good.
async fn read(url: &str, over: &AtomicBool) -> (u32, Vec<String>) {
    let client = reqwest::Client::new();
    let (mut count, mut bad) = (0, Vec::new());
    while !over.load(Ordering::Acquire) {
        for path in ["/tiles/fountains/16/35013/23462", "/lookup?x=12.336&y=45.436&layers=fountains"] {
            count += 1;
            match client.get(format!("{url}{path}")).send().await {
                Ok(answer) if answer.status().is_success() => {}
                Ok(answer) => bad.push(format!("{path}: {}", answer.status())),
                // Cut off in the middle by the kill.
                Err(error) => bad.push(format!("{path}: {error}")),
            }
        }
    }
    (count, bad)
}

/// Everything that a server shows of the fountains, once it has reached a change.
fn shown(server: &Process, seq: &str, places: &[[f64; 2]]) -> (Json, Json, Vec<(u16, String)>) {
    let collection = server.json(&format!("/collections/fountains?min-seq={seq}"));
    let hits = server.post("/lookup", &json!({"points": places, "layers": ["fountains"], "radius": 1}));
    let tiles = (17_505..=17_508)
        .flat_map(|x| (11_729..=11_732).map(move |y| format!("/tiles/fountains/15/{x}/{y}")))
        .chain((8_752..=8_754).flat_map(|x| (5_864..=5_866).map(move |y| format!("/tiles/fountains/14/{x}/{y}"))));
    let tiles = tiles.map(|path| etag(server, &path)).collect();
    (collection["count"].clone(), hits["results"].clone(), tiles)
}

/// The status of a tile and its validator, which is made of its content.
fn etag(server: &Process, path: &str) -> (u16, String) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let answer = reqwest::get(format!("{}{path}", server.url)).await.expect("an answer");
        let etag = answer.headers().get("etag").map(|etag| etag.to_str().expect("text").to_owned());
        (answer.status().as_u16(), etag.unwrap_or_default())
    })
}

#[test]
fn three_servers_behind_nginx_lose_nothing_while_one_is_killed_and_replaced() {
    let _turn = alone();
    let (folder, database) = (Folder::new(), cluster::cluster().database());
    let sql = |text: &str| cluster::cluster().sql(&database, text);
    let url = cluster::cluster().url(&database);
    let arguments = ["serve", "--database", &url];
    folder.write("fountains.csv", &fountains());
    let loaded = folder.run(&["load", "fountains.csv", "--layer", "fountains", "--database", &url]);
    assert_eq!(loaded.code, 0, "{}", loaded.stderr);
    let mut servers: Vec<Process> = (0..3).map(|_| folder.start(&arguments)).collect();
    servers.iter().for_each(Process::wait_until_ready);
    let addresses: Vec<String> = servers.iter().map(|server| server.url.replace("http://", "")).collect();
    let nginx = Nginx::before(&folder, &addresses);
    let start: i64 = sql("SELECT bricola.sequence()").trim().parse().expect("a number");

    let over = AtomicBool::new(false);
    let (told, (answers, bad)) = std::thread::scope(|scope| {
        let readers = scope.spawn(|| {
            let runtime = tokio::runtime::Runtime::new().expect("runtime");
            runtime.block_on(async { tokio::join!(follow_feed(&nginx.url, start, &over), read(&nginx.url, &over)) })
        });
        let storm: Vec<_> = (0..WRITERS).map(|writer| scope.spawn(move || sql(&edits(writer)))).collect();
        std::thread::sleep(Duration::from_millis(300));
        servers[0].signal("-KILL");
        std::thread::sleep(Duration::from_millis(300));
        servers[0] = folder.start_at(&arguments, &addresses[0]);
        storm.into_iter().for_each(|writer| {
            writer.join().expect("edits");
        });
        servers[0].wait_until_ready();
        over.store(true, Ordering::Release);
        readers.join().expect("readers")
    });

    let end = sql("SELECT bricola.sequence()").trim().to_owned();
    let last: i64 = end.parse().expect("a number");
    assert!(last >= start + WRITERS * EDITS / 2, "there was a storm: {start} to {last}");
    assert_eq!(told, (start + 1..=last).collect::<Vec<_>>(), "each change once and in order");
    assert!(answers > 50, "only {answers} answers");
    // The connections that the killed server held; nginx turns to the others for the rest.
    assert!(bad.len() <= 4, "{bad:#?}");

    let rows = sql(
        "SELECT fid, name, ST_X(ST_Transform(geom, 4326)), ST_Y(ST_Transform(geom, 4326)) FROM city.fountains ORDER BY fid",
    );
    let rows: Vec<Vec<&str>> = rows.lines().map(|line| line.split('|').collect()).collect();
    let places: Vec<[f64; 2]> = rows.iter().map(|row| [2, 3].map(|at| row[at].parse().expect("degrees"))).collect();
    servers.push(folder.start(&arguments));
    servers[3].wait_until_ready();
    let fresh = shown(&servers[3], &end, &places);
    assert_eq!(fresh.0, rows.len());
    assert!(fresh.2.iter().filter(|(status, _)| *status == 200).count() >= 3, "{:?}", fresh.2);
    for (row, result) in rows.iter().zip(fresh.1.as_array().expect("results")) {
        let hits: BTreeSet<(String, &str)> = result["hits"]
            .as_array()
            .expect("hits")
            .iter()
            .map(|hit| {
                let feature = &hit["feature"];
                (feature["id"].to_string(), feature["properties"]["name"].as_str().unwrap_or_default())
            })
            .collect();
        assert!(hits.contains(&(row[0].to_owned(), row[1])), "{row:?} is not among {hits:?}");
    }
    for server in &servers[..3] {
        assert!(
            shown(server, &end, &places) == fresh,
            "{} differs from a server that has just read it all",
            server.url
        );
    }
}
