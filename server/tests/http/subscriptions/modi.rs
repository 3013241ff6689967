//! `INTEGRITY_REST_02`, both ways: what is sent is signed, and what is written must be (domain paper, annex A 9).

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::Utc;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value as Json, json};
use sha2::Digest as _;

use super::receiver::Receiver;
use super::{City, TOKEN, webhook};
use crate::harness::Answer;

/// A P-256 key: its private half as PEM, its public half as a JWK.
struct Pair {
    pem: String,
    jwk: Json,
    point: (String, String),
}

fn pair(kid: &str) -> Pair {
    let dice = SystemRandom::new();
    let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &dice).expect("a key");
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8.as_ref(), &dice).expect("a key");
    let public = key.public_key().as_ref();
    let point = (URL_SAFE_NO_PAD.encode(&public[1..33]), URL_SAFE_NO_PAD.encode(&public[33..65]));
    let jwk =
        json!({"kty": "EC", "crv": "P-256", "kid": kid, "alg": "ES256", "use": "sig", "x": point.0, "y": point.1});
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(pkcs8.as_ref()));
    Pair { pem, jwk, point }
}

fn file(folder: &tempfile::TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).expect("written");
    path
}

fn digest_of(body: &[u8]) -> String {
    format!("SHA-256={}", STANDARD.encode(sha2::Sha256::digest(body)))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_is_signed_with_the_key_of_the_ente() {
    let (folder, key) = (tempfile::tempdir().expect("a folder"), pair("ente-1"));
    let path = file(&folder, "modi.pem", &key.pem);
    let city = City::with(|config| {
        (config.subscriptions.modi_key, config.subscriptions.modi_kid) = (Some(path), Some("ente-1".to_owned()));
    })
    .await;
    let receiver = Receiver::start().await;
    let url = receiver.url("/events");
    city.subscribe(webhook("modi", &url, &json!({"delivery": {"signature": "modi"}}))).await;
    city.store_write(1, "signed").await;
    city.caught_up("modi").await;
    let mut count = 0;
    receiver.each(|got| {
        let header = |name: &str| got.headers[name].to_str().expect("text").to_owned();
        assert_eq!(header("digest"), digest_of(&got.body));
        let token = header("agid-jwt-signature");
        let head = decode_header(&token).expect("a head");
        assert_eq!(
            (head.alg, head.kid.as_deref(), head.typ.as_deref()),
            (Algorithm::ES256, Some("ente-1"), Some("JWT"))
        );
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&[&url]);
        let public = DecodingKey::from_ec_components(&key.point.0, &key.point.1).expect("a key");
        let claims = decode::<Json>(&token, &public, &validation).expect("good").claims;
        let signed = json!([{"digest": header("digest")}, {"content-type": header("content-type")}]);
        assert_eq!(claims["signed_headers"], signed);
        assert!(claims["jti"].is_string() && claims["iat"].is_i64() && claims["exp"].as_i64() > claims["iat"].as_i64());
        count += 1;
    });
    assert!(count > 0);
}

/// Claims that are in order.
fn claims(body: &[u8], jti: &str) -> Json {
    let now = Utc::now().timestamp();
    json!({
        "iss": "tributi", "aud": "https://sit.example.it", "iat": now, "nbf": now, "exp": now + 60, "jti": jti,
        "signed_headers": [{"digest": digest_of(body)}, {"content-type": "application/geo+json"}],
    })
}

fn token(key: &Pair, kid: &str, claims: &Json) -> String {
    let mut head = Header::new(Algorithm::ES256);
    head.kid = Some(kid.to_owned());
    encode(&head, claims, &EncodingKey::from_ec_pem(key.pem.as_bytes()).expect("a key")).expect("signed")
}

async fn post(city: &City, body: &[u8], headers: &[(&str, String)]) -> Answer {
    let path = city.server.url("/collections/fountains/items");
    let request = city.server.client.post(path).bearer_auth(TOKEN).header("content-type", "application/geo+json");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
    city.server.send(request.body(body.to_vec())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_must_be_signed_where_the_administrator_says_so() {
    let (folder, key, other) = (tempfile::tempdir().expect("a folder"), pair("tributi"), pair("somebody"));
    let keys = file(&folder, "writers.jwks", &json!({"keys": [key.jwk]}).to_string());
    let city = City::with(|config| {
        config.editing.integrity_keys = Some(keys);
        config.public_url = Some("https://sit.example.it".to_owned());
    })
    .await;
    let body = json!({"type": "Feature", "geometry": {"type": "Point", "coordinates": [12.3388, 45.4342]},
        "properties": {"name": "written back"}})
    .to_string()
    .into_bytes();
    let digest = ("digest", digest_of(&body));
    let sign = |claims: &Json| ("agid-jwt-signature", token(&key, "tributi", claims));
    let good = sign(&claims(&body, "one"));
    assert_eq!(post(&city, &body, &[digest.clone(), good.clone()]).await.status, 201);
    // The same token once more, and everything that is wrong in one place.
    post(&city, &body, &[digest.clone(), good.clone()]).await.problem(401, "integrity");
    post(&city, &body, &[]).await.problem(401, "integrity");
    post(&city, &body, std::slice::from_ref(&digest)).await.problem(401, "integrity");
    post(&city, &body, &[sign(&claims(&body, "two"))]).await.problem(401, "integrity");
    let tampered = String::from_utf8(body.clone()).expect("text").replace("written", "tampered").into_bytes();
    post(&city, &tampered, &[digest.clone(), sign(&claims(&body, "three"))]).await.problem(400, "digest-mismatch");
    let both = [("digest", digest_of(&tampered)), sign(&claims(&body, "four"))];
    post(&city, &tampered, &both).await.problem(401, "integrity");
    for (member, value) in [
        ("aud", json!("https://elsewhere.example.it")),
        ("exp", json!(Utc::now().timestamp() - 600)),
        ("nbf", json!(Utc::now().timestamp() + 600)),
        ("iat", json!(Utc::now().timestamp() - 3_000)),
        ("signed_headers", json!([])),
        ("signed_headers", json!([{"content-type": "application/geo+json"}])),
        ("signed_headers", json!([{"digest": digest_of(&body)}, {"content-type": "text/plain"}])),
        ("jti", Json::Null),
    ] {
        let mut wrong = claims(&body, &format!("{member}{value}"));
        wrong[member] = value;
        let answer = post(&city, &body, &[digest.clone(), sign(&wrong)]).await;
        answer.problem(401, "integrity");
    }
    let foreign = ("agid-jwt-signature", token(&other, "tributi", &claims(&body, "five")));
    post(&city, &body, &[digest.clone(), foreign]).await.problem(401, "integrity");
    let unknown = ("agid-jwt-signature", token(&other, "somebody", &claims(&body, "six")));
    post(&city, &body, &[digest.clone(), unknown]).await.problem(401, "integrity");
    post(&city, &body, &[digest.clone(), ("agid-jwt-signature", "no.jwt.at-all".to_owned())])
        .await
        .problem(401, "integrity");
    assert_eq!(city.server.get("/collections/fountains/items").await.json()["numberMatched"], 11, "one was written");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_digest_is_looked_at_wherever_there_is_one() {
    let city = City::new().await;
    let body =
        br#"{"type":"Feature","geometry":{"type":"Point","coordinates":[12.3388,45.4342]},"properties":{"name":"x"}}"#;
    let wrong = post(&city, body, &[("digest", digest_of(b"something else"))]).await;
    wrong.problem(400, "digest-mismatch");
    post(&city, body, &[("digest", "MD5=x".to_owned())]).await.problem(400, "digest-mismatch");
    assert_eq!(post(&city, body, &[("digest", digest_of(body))]).await.status, 201);
}
