//! The way in for finished tiles and for lookups answers what the router would have answered.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use super::harness::{CORNER, CORNER_LONLAT, Server, assert_log_is_clean};
use super::tiles::path;
use super::tilesets;

/// The head of an answer without what differs between any two, and its body.
#[derive(Debug, PartialEq, Eq)]
struct Raw {
    head: Vec<String>,
    body: Vec<u8>,
}

/// What comes back over a connection of its own, byte by byte: a client library would sort and merge headers.
fn raw(server: &Server, method: &str, path: &str, headers: &str) -> Raw {
    let mut stream = TcpStream::connect(server.address()).expect("connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let request = format!("{method} {path} HTTP/1.1\r\nhost: tiles.test\r\nconnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).expect("sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("answer");
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("end of the head");
    let head = String::from_utf8(answer[..end].to_vec()).expect("text");
    let given = headers.contains("x-request-id");
    let head = head.lines().filter(|line| !line.starts_with("date:") && (given || !line.starts_with("x-request-id:")));
    let mut head: Vec<_> = head.map(str::to_owned).collect();
    // Headers of different names mean the same in any order (RFC 9110, 5.3).
    head[1..].sort();
    Raw { head, body: answer[end + 4..].to_vec() }
}

/// The value of a series of `/metrics`.
async fn counted(server: &Server, series: &str) -> u64 {
    let metrics = server.get("/metrics").await.text();
    let line = metrics.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok());
    line.unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_tile_goes_out_as_the_router_would_have_sent_it() {
    for origins in [vec![], vec!["*".to_owned()], vec!["https://mappa.test".to_owned()]] {
        let server = Server::with(|config| config.cors.origins.clone_from(&origins)).await;
        let full = path("parcels,fountains", 16);
        for path in [
            full.clone(),
            format!("{full}.mvt"),
            "/tiles/parcels/14/0/0".to_owned(),
            tilesets::tile("/tiles", 16),
            tilesets::tile("/collections/parcels/tiles", 15),
            "/collections/parcels/tiles/WorldCRS84Quad/14/4056/17507".to_owned(),
        ] {
            let tag = server.get_with(&path, &[("accept-encoding", "gzip")]).await.header("etag").to_owned();
            for headers in [
                String::new(),
                "accept-encoding: gzip\r\n".to_owned(),
                "accept-encoding: br;q=0.5, zstd\r\naccept-encoding: gzip;q=0.1\r\n".to_owned(),
                "origin: https://mappa.test\r\naccept-encoding: gzip\r\n".to_owned(),
                "origin: https://altro.test\r\n".to_owned(),
                format!("accept-encoding: gzip\r\nif-none-match: {tag}\r\n"),
                format!("accept-encoding: gzip\r\nif-none-match: W/{tag}\r\norigin: https://mappa.test\r\n"),
                "if-none-match: \"other\"\r\n".to_owned(),
                "x-request-id: abc-1\r\n".to_owned(),
            ] {
                // What is made just now comes from the route, and so does what a query, even an empty one, belongs to.
                let first = raw(&server, "GET", &path, &headers);
                let front = raw(&server, "GET", &path, &headers);
                let route = raw(&server, "GET", &format!("{path}?"), &headers);
                assert_eq!(front, route, "{path} {headers}");
                assert_eq!(front, first, "{path} {headers}");
                let mut head = raw(&server, "HEAD", &path, &headers);
                // To HEAD axum says so of bodies that no answer of this status has.
                head.head.retain(|line| line != "content-length: 0");
                assert_eq!((&head.head, head.body.len()), (&front.head, 0), "HEAD {path} {headers}");
            }
        }
    }
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_before_and_after_the_tile_is_finished() {
    let server = Server::start().await;
    let path = path("parcels", 15);
    for _ in 0..2 {
        assert_eq!(raw(&server, "GET", &path, "").head[0], "HTTP/1.1 200 OK");
        for (bad, headers, status) in [
            (format!("{path}?token=x"), "", "400"),
            (format!("{path}/"), "", "404"),
            (format!("{path}.png"), "", "400"),
            (path.replace("/15/", "/015/"), "", "400"),
            (path.replace("parcels", "parcels,rentals"), "", "404"),
            (path.replace("parcels", "parcels,slow-layer"), "", "503"),
            (path.clone(), "bricola-min-seq: nonsense\r\n", "400"),
            (path.clone(), "content-length: 99999999999\r\n", "413"),
        ] {
            let answer = raw(&server, "GET", &bad, headers);
            assert!(answer.head[0].contains(status), "{bad} {headers} {:?}", answer.head);
        }
        assert_eq!(raw(&server, "GET", &path.replace("parcels", "%70arcels"), "").head[0], "HTTP/1.1 200 OK");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_tiles_are_counted_like_all_others() {
    let server = Server::start().await;
    let path = path("parcels", 16);
    for _ in 0..3 {
        raw(&server, "GET", &path, "");
    }
    let route = "route=\"/tiles/{layers}/{z}/{x}/{y}\"";
    let answered = format!("bricola_http_requests_total{{method=\"GET\",{route},status=\"200\"}}");
    assert_eq!(counted(&server, &answered).await, 3);
    assert_eq!(counted(&server, &format!("bricola_http_request_seconds_count{{{route}}}")).await, 3);
    assert_eq!(counted(&server, "bricola_tile_cache_total{result=\"hit\"}").await, 2);
    assert_eq!(counted(&server, "bricola_tile_cache_total{result=\"miss\"}").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lookup_goes_out_as_the_router_would_have_sent_it() {
    let server = Server::with(|config| config.cors.origins = vec!["https://mappa.test".to_owned()]).await;
    let [lon, lat] = CORNER_LONLAT.map(|degrees| degrees + 0.0002);
    let [x, y] = CORNER.map(|metres| metres + 3.0);
    for query in [
        format!("x={lon}&y={lat}&layers=parcels"),
        format!("x={lon}&y={lat}&layers=parcels,fountains&crs=EPSG:4326"),
        format!("x={lon}&y={lat}&layers=fountains"),
        format!("x={lon}&y={lat}"),
        format!("x={x}&y={y}&crs=EPSG:7795&layers=parcels"),
        "x=0&y=0&layers=parcels".to_owned(),
    ] {
        for headers in [
            "",
            "accept-encoding: gzip\r\n",
            "origin: https://mappa.test\r\n",
            "origin: https://altro.test\r\nx-request-id: abc-1\r\n",
        ] {
            let front = raw(&server, "GET", &format!("/lookup?{query}"), headers);
            // What names its form comes from the route.
            let route = raw(&server, "GET", &format!("/lookup?{query}&f=json"), headers);
            assert_eq!(front, route, "{query} {headers}");
            assert_eq!(front.head[0], "HTTP/1.1 200 OK", "{query} {headers}");
        }
    }
    assert_log_is_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_lookup_is_said_by_the_router() {
    let server = Server::start().await;
    for (query, headers, status) in [
        ("x=12.3&y=45.4&token=x", "", "400"),
        ("x=12.3&y=45.4&x=1", "", "400"),
        ("x=12.3", "", "400"),
        ("", "", "400"),
        ("x=NaN&y=45.4", "", "400"),
        ("x=500&y=45.4", "", "400"),
        ("x=12.3&y=45.4&crs=EPSG:1", "", "400"),
        ("x=12.3&y=45.4&layers=rentals", "", "404"),
        ("x=12.3&y=45.4&layers=slow-layer", "", "503"),
        ("x=12.3&y=45.4&min-seq=nonsense", "", "400"),
        ("x=12.3&y=45.4", "bricola-min-seq: nonsense\r\n", "400"),
        ("x=12.3&y=45.4", "content-length: 99999999999\r\n", "413"),
    ] {
        let answer = raw(&server, "GET", &format!("/lookup?{query}"), headers);
        assert!(answer.head[0].contains(status), "{query} {headers} {:?}", answer.head);
        let is_problem = answer.head.iter().any(|line| line == "content-type: application/problem+json");
        assert!(is_problem, "{query} {headers} {:?}", answer.head);
    }
    let long = "0".repeat(bricola::config::Config::default().limits.uri_bytes);
    assert!(raw(&server, "GET", &format!("/lookup?x={long}12.3&y=45.4"), "").head[0].contains("414"));
    let route = "route=\"/lookup\"";
    let before =
        counted(&server, &format!("bricola_http_requests_total{{method=\"GET\",{route},status=\"200\"}}")).await;
    raw(&server, "GET", "/lookup?x=12.3&y=45.4", "");
    let after =
        counted(&server, &format!("bricola_http_requests_total{{method=\"GET\",{route},status=\"200\"}}")).await;
    assert_eq!(after, before + 1);
}
