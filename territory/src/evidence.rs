//! Hashes of inputs and rules: who has both can prove years later that an answer is what they give.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A feature of a layer as it was when it was used.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct FeatureRef {
    /// The layer's id.
    pub layer: String,
    /// The feature's id.
    pub id: String,
    /// The feature's version.
    pub version: u64,
}

/// JSON with the members of each object in the order of their names and without white space (as RFC 8785 has it).
/// Values that are hashed here hold numbers only as integers: decimals are texts, so that no printing of binary
/// fractions comes into it.
pub fn canonical_json(value: &Value) -> String {
    let mut out = String::new();
    write_canonical(value, &mut out);
    out
}

fn write_canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(members) => {
            let mut names: Vec<&String> = members.keys().collect();
            names.sort();
            out.push('{');
            for (i, name) in names.into_iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write_canonical(&members[name.as_str()], out);
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                write_canonical(item, out);
            }
            out.push(']');
        }
        scalar => out.push_str(&scalar.to_string()),
    }
}

/// SHA-256 in lower hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::with_capacity(64), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The hash of what something says in JSON, whatever the order of its members.
pub(crate) fn hash_of(value: &impl Serialize) -> String {
    // Only maps with keys that are no texts cannot be told in JSON, and there are none here.
    let value = serde_json::to_value(value).unwrap_or(Value::Null);
    sha256_hex(canonical_json(&value).as_bytes())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_of_members_and_spaces_do_not_matter() {
        let a: Value = serde_json::from_str(r#"{"b": [1, {"z": null, "a": "è\n"}], "a": true}"#).unwrap();
        assert_eq!(canonical_json(&a), r#"{"a":true,"b":[1,{"a":"è\n","z":null}]}"#);
        assert_eq!(hash_of(&a), hash_of(&json!({"a": true, "b": [1, {"a": "è\n", "z": null}]})));
        assert_ne!(hash_of(&a), hash_of(&json!({"a": false, "b": [1, {"a": "è\n", "z": null}]})));
    }

    #[test]
    fn sha_256_is_that_of_fips_180() {
        assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
}
