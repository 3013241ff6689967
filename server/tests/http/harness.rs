//! A server of its own for each test, on a free port, in this process.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use bricola::app::App;
use bricola::archive::{Archive, Asked};
use bricola::config::Config;
use bricola::front::Front;
use bricola::services::subscriptions::{self, ModiKey, Poster};
use bricola_layers::binding::{self, Bindings};
use bricola_layers::cache::{BaseBuilder, Snapshot, Territory, follow};
use bricola_layers::definition::{LayerDefinition, Visibility};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature, Value};
use bricola_layers::log::Change;
use bricola_layers::store::{
    LayerEdits, Moment, Once, Replaced, Sight, Sought, Store, StoreError, StyleEdit, Version, Written,
};
use futures::stream::BoxStream;
use geo_types::{Geometry, LineString, MultiPolygon, Point, Polygon, line_string};
use serde_json::Value as Json;
use tokio::net::TcpListener;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer as Subscriber, SubscriberExt as _};

/// A corner of the Piazza San Marco in EPSG:7795 …
pub const CORNER: [f64; 2] = [3_026_510.775_9, 5_033_255.480_6];
/// … and in degrees.
pub const CORNER_LONLAT: [f64; 2] = [12.3388, 45.4342];
/// Side of a parcel, metres.
pub const SIDE: f64 = 20.0;

/// A running server.
pub struct Server {
    address: SocketAddr,
    pub client: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    task: tokio::task::JoinHandle<bool>,
    follower: Option<tokio::task::JoinHandle<()>>,
    searching: Option<tokio::task::JoinHandle<()>>,
    binder: Option<tokio::task::JoinHandle<()>>,
    couriers: Option<tokio::task::JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        for task in self.follower.iter().chain(&self.binder).chain(&self.couriers) {
            task.abort();
        }
        if let Some(searching) = &self.searching {
            searching.abort();
        }
    }
}

impl Server {
    /// With the default configuration.
    pub async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// With another configuration.
    pub async fn with(configure: impl FnOnce(&mut Config)) -> Self {
        LazyLock::force(&LOG);
        let mut config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        "Comune di Prova".clone_into(&mut config.tenant.name);
        // Where there is a tariff plan.
        config.data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../city");
        configure(&mut config);
        let mut sets = bricola_layers::tile::MatrixSets::shipped();
        if let Some(folder) = &config.tile.matrix_sets {
            sets.add_folder(folder).expect("sound files");
        }
        Box::pin(Self::run(App::new(config, territory(), Arc::new(Untouched)).expect("app").with_matrix_sets(sets)))
            .await
    }

    /// Over a store that cannot be asked, for those who know a token.
    pub async fn open(token: &str) -> Self {
        let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        let editing = bricola::config::Editing {
            enabled: true,
            token: Some(token.to_owned().into()),
            ..bricola::config::Editing::default()
        };
        let tokens = bricola::services::editing::Tokens::of(&editing).expect("tokens");
        Box::pin(Self::run(App::new(config, territory(), Arc::new(Untouched)).expect("app").with_editors(tokens))).await
    }

    /// Over a store that it follows.
    pub async fn over<S: Store>(store: Arc<S>) -> Self {
        Self::over_with(store, |_| ()).await
    }

    /// Over a store that it follows, with another configuration.
    pub async fn over_with<S: Store>(store: Arc<S>, configure: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        config.show_all_layers = false;
        configure(&mut config);
        let tokens = bricola::services::editing::Tokens::of(&config.editing).expect("tokens");
        let territory = Territory::default();
        let follower = tokio::spawn(follow(Arc::clone(&store), territory.clone()));
        let bindings = Bindings::default();
        let binder = tokio::spawn(binding::keep(Arc::clone(&store), territory.clone(), bindings.clone()));
        let end = store.last_seq().await.expect("the end of the log");
        territory.reached(end).await;
        let app = App::new(config, territory, Arc::clone(&store) as Arc<dyn Archive>).expect("app");
        let poster = Poster::new(&app.config.subscriptions.hosts).expect("a client");
        let modi = app.config.subscriptions.modi_key.as_deref().map(|path| {
            let kid = app.config.subscriptions.modi_kid.as_deref();
            Arc::new(ModiKey::read(path, kid, "c_l736").expect("a key"))
        });
        let app =
            app.with_subscriptions(store.subscriptions(), poster, modi.clone()).with_past(store).with_editors(tokens);
        let integrity =
            app.config.editing.integrity_keys.as_deref().map(|path| {
                bricola::middleware::Integrity::read(path, app.config.public_url.as_deref()).expect("keys")
            });
        let app = app.with_bindings(bindings).with_integrity(integrity);
        let (office, deliveries, closing) = (app.office(), Arc::clone(&app.deliveries), app.closing.subscribe());
        let couriers =
            office.map(|office| tokio::spawn(subscriptions::keep(Arc::new(office), modi, deliveries, closing)));
        let mut server = Box::pin(Self::run(app)).await;
        (server.follower, server.binder, server.couriers) = (Some(follower), Some(binder), couriers);
        server
    }

    /// Whose search index is not built yet.
    pub async fn unsearched() -> Self {
        let config = Config { listen: SocketAddr::from(([127, 0, 0, 1], 0)), ..Config::default() };
        let app = App::new(config, territory(), Arc::new(Untouched)).expect("app");
        Box::pin(Self::run_as(app, false)).await
    }

    async fn run(app: App) -> Self {
        Box::pin(Self::run_as(app, true)).await
    }

    async fn run_as(app: App, searched: bool) -> Self {
        let (limits, grace) = (app.config.limits.clone(), Duration::from_secs(app.config.shutdown_seconds));
        let app = Arc::new(app);
        // Two routes that no product has, to see what the middleware makes of them.
        let extra = Router::new().route("/panic", get(panics)).route("/slow", get(sleeps));
        let router = bricola::router::wrap(bricola::router::routes().merge(extra), &app);
        let front = Front::new(Arc::clone(&app), router);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        let searching = searched.then(|| {
            let keep = bricola::services::search::keep(app.territory.clone(), Arc::clone(&app.search));
            tokio::spawn(keep)
        });
        if searched {
            let built = tokio::time::timeout(Duration::from_secs(60), app.search.reached(0)).await;
            built.expect("the search index");
        }
        let (stop, stopped) = tokio::sync::oneshot::channel();
        let task = tokio::spawn(async move {
            let stopped = async move {
                stopped.await.unwrap_or(());
                app.closing.send_replace(true);
            };
            bricola::serve::serve(listener, front, &limits, grace, stopped).await.expect("threads")
        });
        Self {
            address,
            client: reqwest::Client::new(),
            stop: Some(stop),
            task,
            follower: None,
            searching,
            binder: None,
            couriers: None,
        }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.client.get(self.url(path))).await
    }

    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        let request = headers.iter().fold(self.client.get(self.url(path)), |request, (n, v)| request.header(*n, *v));
        self.send(request).await
    }

    pub async fn post_json(&self, path: &str, body: &Json) -> Answer {
        self.send(self.client.post(self.url(path)).json(body)).await
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let request = request.build().expect("a request");
        let (method, path) = (request.method().clone(), request.url().path().to_owned());
        let response = self.client.execute(request).await.expect("an answer");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let answer = Answer { status, headers, body: response.bytes().await.expect("body").to_vec() };
        super::api::assert_described(&method, &path, &answer);
        answer
    }

    /// Asks it to end; whether every request finished.
    pub async fn end(mut self) -> bool {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        (&mut self.task).await.expect("ended")
    }

    pub fn begin_end(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

/// A store that cannot be asked: what is answered all the same came from memory.
struct Untouched;

impl Archive for Untouched {
    fn is_read_only(&self) -> bool {
        false
    }

    fn changes(&self, _: i64, _: usize) -> Asked<'_, Vec<Change>> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn last_seq(&self) -> Asked<'_, i64> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn acknowledge<'a>(&'a self, _: &'a str, _: &'a str, _: i64) -> Asked<'a, bool> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn seq_at(&self, _: chrono::DateTime<chrono::Utc>) -> Asked<'_, i64> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn layer_seq<'a>(&'a self, _: &'a str, _: i64) -> Asked<'a, i64> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn seek(&self, _: &str, _: Arc<Sought>) -> BoxStream<'static, Result<Sight, StoreError>> {
        Box::pin(futures::stream::once(async { Err(StoreError::Unreachable("there is none".to_owned())) }))
    }

    fn features<'a>(&'a self, _: &'a str, _: &'a [FeatureId]) -> Asked<'a, Vec<StoredFeature>> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn versions<'a>(&'a self, _: &'a str, _: FeatureId) -> Asked<'a, Vec<Version>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn write_all(&self, _: Vec<LayerEdits>, _: Option<Once>) -> Asked<'_, Written> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn try_all(&self, _: Vec<LayerEdits>) -> Asked<'_, ()> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn restore<'a>(&'a self, _: &'a str, _: i64, _: i64) -> Asked<'a, (Replaced, i64)> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn write_style(&self, _: StyleEdit) -> Asked<'_, i64> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }

    fn features_at_moments<'a>(&'a self, _: &'a str, _: &'a [Moment]) -> Asked<'a, Vec<Option<Vec<StoredFeature>>>> {
        Box::pin(async { Err(StoreError::Unreachable("there is none".to_owned())) })
    }
}

async fn panics() -> &'static str {
    panic!("on purpose");
}

async fn sleeps() -> &'static str {
    tokio::time::sleep(Duration::from_millis(1500)).await;
    "awake"
}

/// An answer with its body.
pub struct Answer {
    pub status: u16,
    pub headers: reqwest::header::HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    pub fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The problem document, with what every one must have.
    pub fn problem(&self, status: u16, code: &str) -> Json {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.header("cache-control"), "no-store");
        let problem = self.json();
        assert_eq!(problem["code"], code, "{problem}");
        let kind = problem["type"].as_str().expect("a type");
        // Of some the standard says the type.
        let is_ogc = kind.starts_with("http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0/");
        assert!(is_ogc || kind == format!("urn:bricola:problem:{code}"), "{problem}");
        assert_eq!(problem["status"], status);
        for member in ["title", "detail", "instance", "request_id"] {
            assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member} of {problem}");
        }
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        problem
    }
}

fn definition(text: &str) -> LayerDefinition {
    toml::from_str(text).expect("definition")
}

fn publish(territory: &Territory, definition: LayerDefinition, features: Vec<Feature>, seq: i64) {
    let mut builder = BaseBuilder::new(&definition).expect("builder");
    for (position, feature) in features.into_iter().enumerate() {
        builder.push(&StoredFeature { id: position as i64 + 1, version: 1, feature });
    }
    let (base, set_aside) = builder.finish().expect("base");
    assert_eq!(set_aside, []);
    territory.publish(Snapshot::of(base, Arc::new(definition), seq));
}

const PARCELS: &str = r#"
    id = "parcels"
    title = { it = "Particelle", en = "Parcels" }
    description = { it = "Particelle di prova.", en = "Parcels for tests." }
    theme = "cadastre"
    geometry = "multipolygon"
    crs = "EPSG:7795"
    zoom = { min = 13, max = 18 }
    key = ["national_ref"]
    label = "number"
    attribution = "Agenzia"
    [[field]]
    name = "national_ref"
    type = "text"
    title = { it = "Riferimento", en = "Reference" }
    tile = false
    [[field]]
    name = "sheet"
    type = "integer"
    title = { it = "Foglio", en = "Sheet" }
    [[field]]
    name = "number"
    type = "text"
    title = { it = "Numero", en = "Number" }
    [[field]]
    name = "value_eur"
    type = "real"
    title = { it = "Valore", en = "Value" }
    visibility = "tax"
    unit = "EUR"
"#;

/// The corners of the parcel in column `i` and row `j`, from the corner of the piazza to the north-east.
pub fn square(i: u32, j: u32) -> Polygon<f64> {
    let [x, y] = [CORNER[0] + f64::from(i) * SIDE, CORNER[1] + f64::from(j) * SIDE];
    Polygon::new(LineString::from(vec![[x, y], [x + SIDE, y], [x + SIDE, y + SIDE], [x, y + SIDE], [x, y]]), vec![])
}

/// 100 parcels of sheet 12, 5 fountains, 1 street, 1 rental that is not public, and a layer that never gets ready.
fn territory() -> Territory {
    let territory = Territory::default();
    let parcels = (0..100).map(|n| Feature {
        geometry: Some(Geometry::MultiPolygon(MultiPolygon(vec![square(n % 10, n / 10)]))),
        properties: vec![
            Value::Text(format!("L736_001200.{}", n + 1)),
            Value::Integer(12),
            Value::Text((n + 1).to_string()),
            Value::Real(f64::from(n)),
        ],
    });
    publish(&territory, definition(PARCELS), parcels.collect(), 7);
    let small = |id: &str, geometry: &str, min: u8| {
        definition(&format!(
            "id = \"{id}\"\ntitle = {{ it = \"{id} it\", en = \"{id} en\" }}\ndescription = {{ it = \"d\", en = \"d\" }}\n\
             theme = \"green\"\ngeometry = \"{geometry}\"\ncrs = \"EPSG:7795\"\nzoom = {{ min = {min}, max = 16 }}\n\
             [[field]]\nname = \"name\"\ntype = \"text\"\ntitle = {{ it = \"Nome\", en = \"Name\" }}\n"
        ))
    };
    let named = |geometry: Geometry<f64>, name: &str| Feature {
        geometry: Some(geometry),
        properties: vec![Value::Text(name.to_owned())],
    };
    let fountains = (0..5).map(|n| {
        named(Point::new(CORNER[0] + 5.0 + 8.0 * f64::from(n), CORNER[1] + 5.0).into(), &format!("Fontana \"{n}\""))
    });
    publish(&territory, small("fountains", "point", 12), fountains.collect(), 9);
    let [x, y] = CORNER;
    let street = line_string![(x: x - 50.0, y: y - 10.0), (x: x + 300.0, y: y - 10.0)];
    publish(&territory, small("streets", "linestring", 10), vec![named(street.into(), "Calle Lunga")], 8);
    let mut rentals = small("rentals", "point", 12);
    rentals.visibility = Visibility::Staff;
    publish(&territory, rentals, vec![named(Point::new(x + 5.0, y + 5.0).into(), "segreto")], 10);
    territory.add(small("slow-layer", "point", 0));
    territory
}

/// Warnings and errors of all tests of this binary.
pub static LOG: LazyLock<Arc<Mutex<Vec<String>>>> = LazyLock::new(|| {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let subscriber = tracing_subscriber::registry().with(Recorder(Arc::clone(&lines)));
    tracing::subscriber::set_global_default(subscriber).expect("the only one");
    lines
});

struct Recorder(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Subscriber<S> for Recorder {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() <= tracing::Level::WARN {
            let mut line = Line(String::new());
            event.record(&mut line);
            self.0.lock().expect("log").push(line.0);
        }
    }
}

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

/// Fails when the log holds a warning or an error about a path other than those that a test provokes.
pub fn assert_log_is_clean() {
    let provoked = [
        "/panic",
        "/slow",
        "cut off",
        "on purpose",
        "there is none",
        "a tariff plan is not in use",
        "a census dump is not in use",
        "laid aside",
        // Where the runtime of a test ends while something is under way.
        "was cancelled",
        "the subscriber is not reached",
        "a regulation is not in use",
        "a schedule is not in use",
        "rules of conflicts are not in use",
        "a file of the national registers has faults",
    ];
    let lines = LOG.lock().expect("log");
    let surprising: Vec<_> = lines.iter().filter(|line| !provoked.iter().any(|word| line.contains(word))).collect();
    assert!(surprising.is_empty(), "{surprising:#?}");
}
