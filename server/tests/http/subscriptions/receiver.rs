//! A subscriber: takes what is sent to it, or does not.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use serde_json::Value as Json;

/// How it answers a request, by how many came before and by what is in it.
type Answers = dyn Fn(usize, &[Json]) -> u16 + Send + Sync;

/// One request.
pub struct Got {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
    pub events: Vec<Json>,
    pub status: u16,
}

#[derive(Clone)]
struct Inside {
    got: Arc<Mutex<Vec<Got>>>,
    answers: Arc<Mutex<Box<Answers>>>,
}

/// It listens on a free port until it is dropped.
pub struct Receiver {
    address: std::net::SocketAddr,
    inside: Inside,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(State(inside): State<Inside>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let body = body.to_vec();
    let events = match serde_json::from_slice(&body).expect("JSON") {
        Json::Array(events) => events,
        one => vec![one],
    };
    let mut got = inside.got.lock().expect("a lock");
    let status = inside.answers.lock().expect("a lock")(got.len(), &events);
    got.push(Got { headers, body, events, status });
    StatusCode::from_u16(status).expect("a status")
}

impl Receiver {
    pub async fn start() -> Self {
        let inside = Inside { got: Arc::default(), answers: Arc::new(Mutex::new(Box::new(|_, _| 200))) };
        let router = Router::new().route("/events", post(take)).with_state(inside.clone());
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let task = tokio::spawn(async move { axum::serve(listener, router).await.expect("serves") });
        Self { address, inside, task }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on it answers otherwise.
    pub fn answer(&self, answers: impl Fn(usize, &[Json]) -> u16 + Send + Sync + 'static) {
        *self.inside.answers.lock().expect("a lock") = Box::new(answers);
    }

    /// What has come, taken or not.
    pub fn events(&self) -> Vec<Json> {
        self.inside.got.lock().expect("a lock").iter().flat_map(|got| got.events.clone()).collect()
    }

    /// What was taken.
    pub fn taken(&self) -> Vec<Json> {
        let got = self.inside.got.lock().expect("a lock");
        got.iter().filter(|got| got.status < 300).flat_map(|got| got.events.clone()).collect()
    }

    /// Looks at each request.
    pub fn each(&self, look: impl FnMut(&Got)) {
        self.inside.got.lock().expect("a lock").iter().for_each(look);
    }

    /// Every request is signed with a secret, as Standard Webhooks says.
    pub fn assert_signed(&self, secret: &str) {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        self.each(|got| {
            let header = |name: &str| got.headers[name].to_str().expect("text").to_owned();
            let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
            mac.update(format!("{}.{}.", header("webhook-id"), header("webhook-timestamp")).as_bytes());
            mac.update(&got.body);
            let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
            assert_eq!(header("webhook-signature"), signature);
            assert_eq!(header("content-type"), "application/cloudevents-batch+json");
        });
    }
}
