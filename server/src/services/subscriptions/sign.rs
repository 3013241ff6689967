//! What requests are signed with.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use hmac::{Hmac, Mac as _};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

/// Seconds that a token is good for.
const VALID_S: i64 = 60;

/// Why a key signs nothing.
#[derive(Debug, Error)]
pub enum BadKey {
    /// It cannot be read.
    #[error("cannot read subscriptions.modi_key {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// It is no key.
    #[error("subscriptions.modi_key {0} is no private key (PEM) for RS256 or ES256")]
    NoKey(PathBuf),
    /// It has no name.
    #[error(
        "subscriptions.modi_key is given without subscriptions.modi_kid, the name under which its public half is known"
    )]
    NoName,
}

/// The ente's key.
pub struct ModiKey {
    key: EncodingKey,
    algorithm: Algorithm,
    kid: String,
    issuer: String,
}

impl ModiKey {
    /// Of a file.
    ///
    /// # Errors
    /// See [`BadKey`].
    pub fn read(path: &Path, kid: Option<&str>, issuer: &str) -> Result<Self, BadKey> {
        let kid = kid.ok_or(BadKey::NoName)?.to_owned();
        let pem = std::fs::read(path).map_err(|error| BadKey::Unreadable(path.to_owned(), error))?;
        let rsa = EncodingKey::from_rsa_pem(&pem).map(|key| (key, Algorithm::RS256));
        let (key, algorithm) = rsa
            .or_else(|_| EncodingKey::from_ec_pem(&pem).map(|key| (key, Algorithm::ES256)))
            .map_err(|_| BadKey::NoKey(path.to_owned()))?;
        Ok(Self { key, algorithm, kid, issuer: issuer.to_owned() })
    }
}

/// Signs requests.
pub enum Signer {
    /// With a secret that both know: the bytes of it.
    Standard(Vec<u8>),
    /// With the ente's key.
    Modi(std::sync::Arc<ModiKey>),
}

/// A request as far as it is signed.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The same when it is sent again.
    pub id: &'a str,
    /// Where to.
    pub url: &'a str,
    /// Of the body.
    pub media_type: &'a str,
    /// What is sent.
    pub body: &'a [u8],
}

impl Signer {
    /// Of a secret as its owner knows it: `whsec_` and base64, or a plain text.
    pub fn standard(secret: &str) -> Self {
        let plain = || secret.as_bytes().to_vec();
        Self::Standard(match secret.strip_prefix("whsec_") {
            Some(coded) => STANDARD.decode(coded).unwrap_or_else(|_| plain()),
            None => plain(),
        })
    }

    /// The headers that a request is signed by. `None` where the key signs nothing.
    pub fn headers(&self, request: Request<'_>, now: DateTime<Utc>) -> Option<Vec<(&'static str, String)>> {
        match self {
            Self::Standard(key) => {
                let seconds = now.timestamp();
                let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
                mac.update(format!("{}.{seconds}.", request.id).as_bytes());
                mac.update(request.body);
                let signature = STANDARD.encode(mac.finalize().into_bytes());
                Some(vec![
                    ("webhook-id", request.id.to_owned()),
                    ("webhook-timestamp", seconds.to_string()),
                    ("webhook-signature", format!("v1,{signature}")),
                ])
            }
            Self::Modi(modi) => {
                let digest = format!("SHA-256={}", STANDARD.encode(Sha256::digest(request.body)));
                let (iat, jti) = (now.timestamp(), uuid::Uuid::new_v4().to_string());
                let claims = json!({
                    "iss": modi.issuer, "aud": request.url, "iat": iat, "nbf": iat, "exp": iat + VALID_S, "jti": jti,
                    "signed_headers": [{"digest": digest}, {"content-type": request.media_type}],
                });
                let mut header = Header::new(modi.algorithm);
                header.kid = Some(modi.kid.clone());
                let token = jsonwebtoken::encode(&header, &claims, &modi.key).ok()?;
                Some(vec![("webhook-id", request.id.to_owned()), ("digest", digest), ("agid-jwt-signature", token)])
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_standard_webhooks() {
        // The example of the specification's own libraries.
        let signer = Signer::standard("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let request = Request {
            id: "msg_p5jXN8AQM9LWM0D4loKWxJek",
            url: "https://example.it/",
            media_type: "application/json",
            body: br#"{"test": 2432232314}"#,
        };
        let now = DateTime::from_timestamp(1_614_265_330, 0).expect("an instant");
        let headers = signer.headers(request, now).expect("signed");
        assert_eq!(headers[2], ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=".to_owned()));
    }
}
