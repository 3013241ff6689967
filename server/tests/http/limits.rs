//! What the process survives: panics, slow answers, slow clients, large and many requests, its own end.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::harness::Server;

#[tokio::test]
async fn a_panic_becomes_a_problem_and_the_process_lives() {
    let server = Server::start().await;
    for _ in 0..3 {
        let problem = server.get("/panic").await.problem(500, "internal-error");
        assert!(!problem.to_string().contains("on purpose"), "{problem}");
    }
    assert_eq!(server.get("/collections").await.status, 200);
    assert!(server.get("/metrics").await.text().contains("bricola_panics_total 3"));
}

#[tokio::test]
async fn an_answer_that_takes_too_long_becomes_a_problem_that_names_the_limit() {
    let server = Server::with(|config| config.limits.request_seconds = 1).await;
    let answer = server.get("/slow").await;
    let problem = answer.problem(504, "timeout");
    assert_eq!((&problem["limit"], &problem["allowed"]), (&"limits.request_seconds".into(), &1.into()));
    assert_eq!(answer.header("retry-after"), "5");
}

#[tokio::test]
async fn requests_over_the_limit_are_turned_away_and_operators_still_get_in() {
    let server = Server::with(|config| config.limits.concurrent_requests = 1).await;
    let (url, client) = (server.url("/slow"), server.client.clone());
    let slow = tokio::spawn(async move { client.get(url).send().await.expect("answer").status().as_u16() });
    tokio::time::sleep(Duration::from_millis(300)).await;
    let answer = server.get("/collections").await;
    let problem = answer.problem(503, "overloaded");
    assert_eq!(problem["limit"], "limits.concurrent_requests");
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(server.get("/metrics").await.status, 200);
    assert_eq!(slow.await.expect("task"), 200);
    assert_eq!(server.get("/collections").await.status, 200);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_whether_its_length_is_declared_or_not() {
    let server = Server::with(|config| config.limits.body_bytes = 1000).await;
    let body = format!("{{\"points\": [{}]}}", vec!["[12.3,45.4]"; 200].join(","));
    let declared =
        server.client.post(server.url("/lookup")).header("content-type", "application/json").body(body.clone());
    let problem = server.send(declared).await.problem(413, "body-too-large");
    assert_eq!((&problem["limit"], &problem["allowed"]), (&"limits.body_bytes".into(), &1000.into()));

    let mut stream = TcpStream::connect(server.address()).await.expect("connection");
    let head = "POST /lookup HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    let chunk = format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).await.expect("sent");
    stream.write_all(chunk.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("answer");
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("body-too-large"), "{answer}");
}

#[tokio::test]
async fn a_path_or_query_over_the_limit_is_refused() {
    let server = Server::start().await;
    let long = "x".repeat(9000);
    let problem = server.get(&format!("/collections?lang={long}")).await.problem(414, "uri-too-long");
    assert_eq!(problem["limit"], "limits.uri_bytes");
    server.get(&format!("/{long}")).await.problem(414, "uri-too-long");
}

#[tokio::test]
async fn a_client_that_never_finishes_its_request_is_let_go() {
    let server = Server::with(|config| config.limits.header_seconds = 1).await;
    let mut stream = TcpStream::connect(server.address()).await.expect("connection");
    stream.write_all(b"GET /status HTTP/1.1\r\nHost: ").await.expect("sent");
    let started = Instant::now();
    let mut answer = Vec::new();
    let _ = tokio::time::timeout(Duration::from_secs(10), stream.read_to_end(&mut answer)).await.expect("let go");
    assert!(started.elapsed() < Duration::from_secs(8));
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[tokio::test]
async fn garbage_on_the_wire_gets_no_more_than_a_bad_request() {
    let server = Server::start().await;
    for garbage in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\r\n\r\n\0\0\0",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        let mut stream = TcpStream::connect(server.address()).await.expect("connection");
        stream.write_all(garbage).await.expect("sent");
        stream.shutdown().await.expect("closed");
        let mut answer = Vec::new();
        let _ = tokio::time::timeout(Duration::from_secs(20), stream.read_to_end(&mut answer)).await.expect("answered");
        assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 4"), "{}", String::from_utf8_lossy(&answer));
    }
    assert_eq!(server.get("/collections").await.status, 200);
}

#[tokio::test]
async fn at_the_end_running_requests_finish_and_new_ones_are_not_taken() {
    let mut server = Server::start().await;
    let (url, client) = (server.url("/slow"), server.client.clone());
    let slow = tokio::spawn(async move { client.get(url).send().await.expect("answer").text().await.expect("text") });
    tokio::time::sleep(Duration::from_millis(300)).await;
    server.begin_end();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(TcpStream::connect(server.address()).await.is_err(), "no new connections");
    assert_eq!(slow.await.expect("task"), "awake");
    assert!(server.end().await, "everything finished");
}

#[tokio::test]
async fn the_end_does_not_wait_for_ever() {
    let server = Server::with(|config| config.shutdown_seconds = 1).await;
    let (url, client) = (server.url("/slow"), server.client.clone());
    let slow = tokio::spawn(async move {
        for _ in 0..3 {
            let _ = client.get(&url).send().await;
        }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    let started = Instant::now();
    assert!(!server.end().await, "one was cut off");
    assert!(started.elapsed() < Duration::from_millis(1400));
    slow.abort();
}
