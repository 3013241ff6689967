//! JSON merge patch (RFC 7386).

use serde_json::{Map, Value as Json};

/// Applies a merge patch: members of the patch replace those of the target, objects are merged member by member, `null`
/// takes a member away, anything that is no object replaces the whole (RFC 7386, 2).
pub fn merge(target: &mut Json, patch: Json) {
    let Json::Object(members) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Json::Object(Map::new());
    }
    let Json::Object(into) = target else { return };
    for (name, value) in members {
        if value.is_null() {
            into.remove(&name);
        } else {
            merge(into.entry(name).or_insert(Json::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    /// The pseudo-code of RFC 7386, word by word.
    fn reference(target: &Json, patch: &Json) -> Json {
        let Json::Object(patch) = patch else { return patch.clone() };
        let mut target = if let Json::Object(target) = target { target.clone() } else { Map::new() };
        for (name, value) in patch {
            if value.is_null() {
                if target.contains_key(name) {
                    target.remove(name);
                }
            } else {
                let merged = reference(target.get(name).unwrap_or(&Json::Null), value);
                target.insert(name.clone(), merged);
            }
        }
        Json::Object(target)
    }

    fn any_json() -> impl Strategy<Value = Json> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<i32>().prop_map(Json::from),
            "[a-c]{0,2}".prop_map(Json::from),
        ];
        leaf.prop_recursive(4, 32, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Json::from),
                prop::collection::btree_map("[a-d]", inner, 0..4)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
    }

    #[test]
    fn the_examples_of_the_standard_hold() {
        for (target, patch, result) in [
            (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
            (json!({"a": "b"}), json!({"a": null}), json!({})),
            (json!({"a": "b", "b": "c"}), json!({"a": null}), json!({"b": "c"})),
            (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
            (json!({"a": "c"}), json!({"a": ["b"]}), json!({"a": ["b"]})),
            (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
            (json!({"a": [{"b": "c"}]}), json!({"a": [1]}), json!({"a": [1]})),
            (json!(["a", "b"]), json!(["c", "d"]), json!(["c", "d"])),
            (json!({"a": "b"}), json!(["c"]), json!(["c"])),
            (json!({"a": "foo"}), json!(null), json!(null)),
            (json!({"a": "foo"}), json!("bar"), json!("bar")),
            (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
            (json!([1, 2]), json!({"a": "b", "c": null}), json!({"a": "b"})),
            (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
        ] {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }

    proptest! {
        #[test]
        fn every_patch_does_what_the_standard_says(target in any_json(), patch in any_json()) {
            let mut merged = target.clone();
            merge(&mut merged, patch.clone());
            prop_assert_eq!(&merged, &reference(&target, &patch));
            let once = merged.clone();
            merge(&mut merged, patch);
            prop_assert_eq!(merged, once, "a patch that is applied again changes nothing");
        }
    }
}
