//! `/api`: what it says is what the server does. Every answer of the other tests is compared with it too.

use std::collections::BTreeSet;

use bricola::wired::{Described, Method, Operation, Place, described};
use serde_json::Value;

use super::harness::{Answer, Server, assert_log_is_clean};

/// Fails when a path answers with a status, an error or a media type that its description does not list.
pub fn assert_described(method: &reqwest::Method, path: &str, answer: &Answer) {
    // HEAD answers as GET does; what the method table refuses is described by being left out.
    let wanted = match method.as_str() {
        "GET" | "HEAD" => Method::Get,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => return,
    };
    let Some(operation) = operation_at(path, wanted).filter(|_| answer.status != 405) else { return };
    let kind = answer.header("content-type").split(';').next().unwrap_or_default();
    if answer.status == 429 {
        answer.problem(429, "too-many-requests");
        return;
    }
    if answer.status >= 400 && kind == "text/html" {
        assert!(operation.kinds().any(|it| it.row().0 == answer.status), "{path} answers {}", answer.status);
        return;
    }
    if answer.status >= 400 {
        let code = if answer.body.is_empty() { Value::Null } else { answer.json()["code"].clone() };
        let is_listed =
            operation.kinds().any(|it| it.row().0 == answer.status && (code.is_null() || code == it.row().1));
        assert!(is_listed, "{path} answers {} {code}, which /api does not list", answer.status);
        assert_eq!(kind, "application/problem+json", "{path}");
        return;
    }
    let reply = operation.replies.iter().find(|reply| reply.status == answer.status);
    let reply = reply.unwrap_or_else(|| panic!("{path} answers {}, which /api does not list", answer.status));
    let is_listed = reply.content.iter().any(|(media, _)| media.split(';').next() == Some(kind));
    assert!(
        // What was made is shown if that is preferred.
        is_listed || (kind.is_empty() && (reply.content.is_empty() || answer.status == 201)),
        "{path} answers as {kind}: {:?}",
        reply.content
    );
}

fn operation_at(path: &str, method: Method) -> Option<&'static Operation> {
    let matches = |it: &&Described| {
        let (parts, pattern): (Vec<&str>, Vec<&str>) = (path.split('/').collect(), it.path.split('/').collect());
        // Grids and layers stand at the same place: the first letter tells which.
        let is_grid = |part: &str| part.starts_with(|first: char| first.is_ascii_uppercase());
        let is_same = |(part, of): (&&str, &&str)| match *of {
            "{tileMatrixSetId}" => is_grid(part),
            "{layers}" => !is_grid(part),
            _ => of.starts_with('{') || part == of,
        };
        parts.len() == pattern.len() && parts.iter().zip(&pattern).all(is_same)
    };
    let operations = described().iter().filter(matches).flat_map(|it| &it.operations);
    operations.into_iter().find(|operation| operation.method == method)
}

pub async fn document(server: &Server) -> Value {
    let answer = server.get("/api").await;
    assert_eq!(answer.header("content-type"), "application/vnd.oai.openapi+json;version=3.0");
    answer.json()
}

/// Every path with its examples in it, with its operation of the method.
pub fn filled<'a>(document: &'a Value, method: &str) -> Vec<(String, &'a Value)> {
    let paths = document["paths"].as_object().expect("paths");
    let operations = paths.iter().filter_map(|(path, item)| Some((path, item.get(method)?)));
    let fill = |(path, operation): (&String, &'a Value)| {
        let parameters = operation["parameters"].as_array().expect("parameters");
        let path = parameters.iter().filter(|it| it["in"] == "path").fold(path.clone(), |path, parameter| {
            let example = &parameter["example"];
            let example = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
            path.replace(&format!("{{{}}}", parameter["name"].as_str().expect("name")), &example)
        });
        (path, operation)
    };
    operations.map(fill).collect()
}

fn of_query(operation: &Value) -> impl Iterator<Item = &Value> {
    operation["parameters"].as_array().expect("parameters").iter().filter(|it| it["in"] == "query")
}

#[tokio::test]
async fn a_path_takes_the_parameters_that_it_describes_and_no_others() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (path, operation) in filled(&document, "get").into_iter().chain(filled(&document, "post")) {
        let url = server.url(&format!("{path}?nonsense=1"));
        let method = if operation.get("requestBody").is_some() { reqwest::Method::POST } else { reqwest::Method::GET };
        let answer = server.send(server.client.request(method, url)).await;
        let problem = answer.problem(400, "unknown-parameter");
        let taken: BTreeSet<&str> =
            problem["allowed"].as_array().expect("allowed").iter().filter_map(Value::as_str).collect();
        let mut said: BTreeSet<&str> =
            of_query(operation).filter_map(|it| it["name"].as_str()).filter(|name| *name != "min-seq").collect();
        if said.remove("fields") {
            // Those of the test's layer of parcels that everybody may see.
            said.extend(["national_ref", "sheet", "number"]);
        }
        assert_eq!(taken, said, "{path}");
    }
}

#[tokio::test]
async fn a_parameter_takes_the_words_and_the_range_that_it_describes() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (path, operation) in filled(&document, "get") {
        for parameter in of_query(operation) {
            let name = parameter["name"].as_str().expect("name");
            // What is needed beside, so that nothing else is wrong.
            let others: Vec<String> = examples(operation).filter(|(other, _)| *other != name).map(pair).collect();
            let others = others.join("&");
            compare(&server, &path, name, &parameter["schema"], &others).await;
        }
    }
    assert_log_is_clean();
}

/// Asks for values inside and outside of what the schema of a parameter allows.
async fn compare(server: &Server, path: &str, name: &str, schema: &Value, others: &str) {
    let ask = async |value: &str| server.get(&format!("{path}?{name}={value}&{others}")).await;
    let refused = async |value: &str| {
        let problem = ask(value).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], name, "{path}");
        problem
    };
    if schema["enum"].is_array() {
        assert_eq!(refused("nonsense").await["allowed"], schema["enum"], "{name} of {path}");
        assert!(path == "/changes" || ask("").await.status != 400, "{name} of {path} may be empty");
    }
    if schema["type"] == "integer" || schema["type"] == "number" {
        refused("nonsense").await;
    }
    if let Some(least) = schema["minimum"].as_f64() {
        refused(&(least - 1.0).to_string()).await;
    }
    if let Some(most) = schema["maximum"].as_f64() {
        let more = (most + 1.0).to_string();
        if name == "limit" && path.ends_with("/items") {
            // OGC API Features 1, requirement 22: more than the most means the most.
            assert_eq!(ask(&more).await.status, 200);
        } else {
            refused(&more).await;
        }
    }
    // The territory of the tests has no log: `/changes` would fail, and say so in the log.
    let usual = schema.get("default").filter(|usual| !usual.is_string() && path != "/changes");
    if let Some(usual) = usual {
        assert!(ask(&usual.to_string()).await.status != 400, "{name} of {path}");
    }
}

/// The parameters of the query that have an example, with its text.
fn examples(operation: &Value) -> impl Iterator<Item = (&str, String)> {
    of_query(operation).filter(|it| !it["example"].is_null()).map(|it| {
        let example = &it["example"];
        let text = example.as_str().map_or_else(|| example.to_string(), str::to_owned);
        (it["name"].as_str().expect("name"), text)
    })
}

fn pair((name, value): (&str, String)) -> String {
    format!("{name}={value}")
}

#[tokio::test]
async fn every_path_answers_its_own_example() {
    let server = Server::start().await;
    let document = document(&server).await;
    for (path, operation) in filled(&document, "get") {
        let examples: Vec<String> = examples(operation).map(pair).collect();
        // Events have no end, and the territory of the tests has no log and no past.
        let asks_the_store = ["/changes", "/versions", "/differences"].iter().any(|end| path.ends_with(end));
        // Nor has a job been begun.
        if !asks_the_store
            && !["/events", "/status"].contains(&&*path)
            && !path.starts_with("/jobs")
            && !path.starts_with("/requests")
        {
            let answer = server.get(&format!("{path}?{}", examples.join("&"))).await;
            if answer.status == 401 {
                answer.problem(401, "unauthorized");
                assert!(["/rentals", "/rentals/candidates", "/units"].contains(&&*path), "{path}");
                continue;
            }
            assert!(matches!(answer.status, 200 | 204), "{path}: {} {}", answer.status, answer.text());
        }
    }
}

#[tokio::test]
async fn editing_is_described_where_somebody_may_edit_and_nowhere_else() {
    const METHODS: [&str; 4] = ["post", "put", "patch", "delete"];
    let closed = document(&Server::start().await).await;
    let edits = |document: &Value| {
        let all = METHODS.iter().flat_map(|method| {
            let some = filled(document, method).into_iter().filter(|(_, it)| !it["security"].is_null());
            some.map(|(path, it)| (*method, path, it.clone())).collect::<Vec<_>>()
        });
        all.collect::<Vec<_>>()
    };
    assert!(edits(&closed).is_empty() && closed["components"]["securitySchemes"].is_null());
    let server = Server::open("a-token-of-the-gis-office").await;
    let open = document(&server).await;
    assert_eq!(open["components"]["securitySchemes"]["editors"]["scheme"], "bearer");
    let found = edits(&open);
    let mut methods: Vec<_> = found.iter().map(|(method, ..)| *method).collect();
    methods.sort_unstable();
    let counts = METHODS.map(|method| methods.iter().filter(|it| **it == method).count());
    assert_eq!(counts, [7, 3, 1, 4], "{methods:?}");
    for (method, path, operation) in found {
        let method = method.to_uppercase().parse::<reqwest::Method>().expect("a method");
        let anonymous = server.client.request(method.clone(), server.url(&path));
        server.send(anonymous).await.problem(401, "unauthorized");
        let known = server.client.request(method, server.url(&format!("{path}?nonsense=1")));
        let problem =
            server.send(known.bearer_auth("a-token-of-the-gis-office")).await.problem(400, "unknown-parameter");
        let said: Vec<&str> = of_query(&operation).filter_map(|it| it["name"].as_str()).collect();
        // Who subscribes edits nothing that could be tried.
        let allowed = if path.starts_with("/subscriptions") { vec![] } else { vec!["dry-run"] };
        assert_eq!(problem["allowed"], serde_json::json!(allowed), "{path}");
        assert_eq!(said, [allowed, vec!["min-seq"]].concat(), "{path}");
    }
}

#[tokio::test]
async fn the_description_is_linked_and_is_a_page_for_people_in_their_language() {
    let server = Server::start().await;
    let landing = server.get("/?f=json").await.json();
    let link = |rel: &str| {
        let links = landing["links"].as_array().expect("links");
        links.iter().find(|link| link["rel"] == rel).expect("a link").clone()
    };
    let media = link("service-desc")["type"].as_str().expect("type").to_owned();
    assert_eq!(server.get_with("/api", &[("accept", &media)]).await.header("content-type"), media);
    assert_eq!(link("service-doc")["type"], "text/html");
    let page = server.get_with("/api", &[("accept", "text/html,*/*;q=0.8")]).await;
    assert_eq!((page.status, page.header("content-type")), (200, "text/html; charset=utf-8"));
    let text = page.text();
    assert!(text.contains("lang=\"it\"") && text.contains("Che cosa c’è in un punto"), "{text}");
    assert!(!text.contains("<script") && !text.contains("src=") && !text.contains("style="), "{text}");
    assert_eq!(server.get("/api/style.css").await.header("content-type"), "text/css; charset=utf-8");
    let english = server.get("/api?f=html&lang=en").await;
    assert!(english.header("content-language") == "en" && english.text().contains("What lies at a point"));
    assert_eq!(server.get("/api?lang=en").await.json()["paths"]["/lookup"]["get"]["summary"], "What lies at a point");
    server.get_with("/api", &[("accept", "image/png")]).await.problem(406, "not-acceptable");
}

#[tokio::test]
async fn layers_that_are_not_public_are_not_described() {
    let server = Server::start().await;
    let layers = |document: &Value| document["components"]["schemas"]["CollectionId"]["enum"].to_string();
    let public = layers(&document(&server).await);
    assert!(public.contains("parcels") && !public.contains("rentals"), "{public}");
    let server = Server::with(|config| config.show_all_layers = true).await;
    assert!(layers(&document(&server).await).contains("rentals"));
}

#[tokio::test]
async fn conformance_follows_from_what_is_wired() {
    let server = Server::start().await;
    let classes = server.get("/conformance").await.json()["conformsTo"].clone();
    let classes: Vec<&str> = classes.as_array().expect("classes").iter().filter_map(Value::as_str).collect();
    assert_eq!(classes, bricola::wired::classes());
    for class in ["ogcapi-features-1/1.0/conf/core", "ogcapi-features-1/1.0/conf/oas30", "cql2/1.0/conf/cql2-text"] {
        assert!(classes.contains(&&*format!("http://www.opengis.net/spec/{class}")), "{class}");
    }
}

#[tokio::test]
async fn contact_terms_and_address_are_those_of_the_ente() {
    let server = Server::with(|config| {
        config.tenant.contact = Some("sit@comune.example.it".to_owned());
        config.tenant.terms = Some("https://www.comune.example.it/note-legali".to_owned());
        config.tenant.ipa = Some("c_x000".to_owned());
        config.public_url = Some("https://mappe.comune.example.it".to_owned());
    })
    .await;
    let document = document(&server).await;
    assert_eq!(document["info"]["contact"]["email"], "sit@comune.example.it");
    assert_eq!(document["info"]["termsOfService"], "https://www.comune.example.it/note-legali");
    assert_eq!(document["servers"][0]["url"], "https://mappe.comune.example.it");
    assert!(document["servers"][0].get("x-sandbox").is_none());
    let plain = self::document(&Server::start().await).await;
    assert_eq!(plain["servers"][0]["x-sandbox"], true, "without TLS it can only be a trial");
    assert!(plain["info"].get("termsOfService").is_none(), "nobody has said which");
}

#[tokio::test]
async fn a_limit_on_requests_is_described_where_there_is_one_and_holds() {
    let server = Server::with(|config| config.limits.requests_per_minute = 3).await;
    let responses = document(&server).await["paths"]["/collections"]["get"]["responses"].clone();
    assert!(responses["429"]["headers"]["Retry-After"].is_object(), "{responses}");
    assert!(responses["200"]["headers"]["X-RateLimit-Reset"].is_object(), "{responses}");
    let second = server.get("/tiles/parcels/14/8753/5868").await;
    assert_eq!((second.header("x-ratelimit-limit"), second.header("x-ratelimit-remaining")), ("3", "1"));
    assert_eq!(server.get("/nowhere").await.header("x-ratelimit-remaining"), "0", "errors count too");
    let over = server.get("/collections").await;
    assert_eq!(over.problem(429, "too-many-requests")["limit"], "limits.requests_per_minute");
    assert_eq!(over.header("retry-after"), over.header("x-ratelimit-reset"));
    assert_eq!(server.get("/metrics").await.status, 200, "operators get in");
    let other = server.get_with("/collections", &[("x-forwarded-for", "192.0.2.7")]).await;
    assert_eq!((other.status, other.header("x-ratelimit-remaining")), (200, "2"), "behind a proxy each has its own");

    let unlimited = Server::start().await;
    let responses = document(&unlimited).await["paths"]["/collections"]["get"]["responses"].clone();
    assert!(responses.get("429").is_none() && responses["200"]["headers"].get("X-RateLimit-Limit").is_none());
    assert_eq!(unlimited.get("/collections").await.header("x-ratelimit-limit"), "");
}

#[test]
fn only_files_of_our_own_pages_are_not_described() {
    let files: Vec<&str> = described().iter().filter(|it| it.operations.is_empty()).map(|it| it.path).collect();
    assert_eq!(files, ["/assets/{*path}", "/favicon.svg", "/api/style.css"]);
    let fields = described().iter().flat_map(|it| &it.operations).flat_map(|it| &it.parameters);
    assert_eq!(fields.filter(|it| it.place == Place::Fields).count(), 1);
}
