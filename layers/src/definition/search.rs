//! How the features of a layer are found by what people type.

use serde::{Deserialize, Serialize};

use super::{FieldDefinition, FieldType, LayerDefinition, Visibility};

/// What kind of thing the features of a layer are to who looks for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SearchKind {
    /// House numbers, found by street or sestiere and number.
    Address,
    /// Streets, squares, canalside walks.
    Street,
    /// Districts, sestieri, islands.
    Place,
    /// Anything else that has a name.
    Feature,
    /// They are not found by name (parcels are by their reference).
    None,
}

/// By what the features of a layer are found. A layer that does not say is one of features, found by its `label` where that
/// is a public text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchDefinition {
    /// What kind of things they are.
    pub kind: SearchKind,
    /// Text fields: the first is the name, the others stand beside it. Empty = `label`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<String>,
    /// Of addresses: the field of the street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub street: Option<String>,
    /// Of addresses: the field of the number, a text or an integer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// Of addresses: the field of the suffix (esponente).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// Of addresses: the field of the district or sestiere.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<String>,
}

impl SearchDefinition {
    fn of_features() -> Self {
        let kind = SearchKind::Feature;
        Self { kind, fields: Vec::new(), street: None, number: None, suffix: None, district: None }
    }

    /// The fields that it names, with the key that names them.
    fn named(&self) -> impl Iterator<Item = (&'static str, &String)> {
        let parts = [
            ("street", &self.street),
            ("number", &self.number),
            ("suffix", &self.suffix),
            ("district", &self.district),
        ];
        let fields = self.fields.iter().map(|name| ("fields", name));
        fields.chain(parts.into_iter().filter_map(|(key, name)| Some((key, name.as_ref()?))))
    }
}

impl LayerDefinition {
    /// By what its features are found; `None` where they are not, which is so of every layer that is not public.
    pub fn searched(&self) -> Option<SearchDefinition> {
        let mut search = self.search.clone().unwrap_or_else(SearchDefinition::of_features);
        if self.visibility != Visibility::Public || search.kind == SearchKind::None {
            return None;
        }
        let is_public_text = |name: &String| self.field(name).is_some_and(|(_, field)| is_public_text(field));
        if search.fields.is_empty() {
            search.fields.extend(self.label.clone().filter(is_public_text));
        }
        (search.kind == SearchKind::Address || !search.fields.is_empty()).then_some(search)
    }
}

fn is_public_text(field: &FieldDefinition) -> bool {
    field.visibility == Visibility::Public && field.kind == FieldType::Text
}

/// What is wrong with what a definition says of the search, if anything is.
pub(super) fn check(definition: &LayerDefinition) -> Option<String> {
    let search = definition.search.as_ref()?;
    for (key, name) in search.named() {
        let Some((_, field)) = definition.field(name) else {
            return Some(format!("search.{key}: \"{name}\" is not one of the fields"));
        };
        if field.visibility != Visibility::Public {
            return Some(format!("search.{key}: \"{name}\" is not public, and what is found is for everybody"));
        }
        let may_count = key == "number" && field.kind == FieldType::Integer;
        if field.kind != FieldType::Text && !may_count {
            return Some(format!("search.{key}: \"{name}\" is no text"));
        }
    }
    let has_parts = search.named().any(|(key, _)| key != "fields");
    match search.kind {
        SearchKind::Address if search.number.is_none() => Some("search: addresses need a number".to_owned()),
        SearchKind::Address if search.street.is_none() && search.district.is_none() => {
            Some("search: addresses need a street or a district".to_owned())
        }
        SearchKind::Address => None,
        _ if has_parts => Some("search: street, number, suffix and district are for kind = \"address\"".to_owned()),
        SearchKind::None if !search.fields.is_empty() => {
            Some("search: fields say by what features are found, kind = \"none\" that they are not".to_owned())
        }
        SearchKind::None => None,
        _ if search.fields.is_empty() && definition.label.is_none() => {
            Some("search: name fields, or give the layer a label".to_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::parse;

    const BASE: &str = r#"
        id = "doors"
        title = { it = "Porte", en = "Doors" }
        description = { it = "Porte.", en = "Doors." }
        theme = "addresses"
        geometry = "point"
        SEARCH
        [[field]]
        name = "street"
        type = "text"
        title = { it = "Via", en = "Street" }
        [[field]]
        name = "number"
        type = "integer"
        title = { it = "Numero", en = "Number" }
        [[field]]
        name = "note"
        type = "text"
        visibility = "staff"
        title = { it = "Nota", en = "Note" }
    "#;

    fn read(search: &str) -> Result<super::LayerDefinition, String> {
        parse("doors", &BASE.replace("SEARCH", search)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_address_names_its_parts() {
        let doors = read("search = { kind = \"address\", street = \"street\", number = \"number\" }").expect("sound");
        assert_eq!(doors.searched().and_then(|search| search.street), Some("street".to_owned()));
    }

    #[test]
    fn a_layer_that_says_nothing_is_found_by_a_label_that_is_a_public_text() {
        for (label, found) in [("street", true), ("number", false), ("note", false)] {
            let searched = read(&format!("label = \"{label}\"")).expect("sound").searched();
            assert_eq!(searched.is_some(), found, "{label}");
        }
        assert_eq!(read("").expect("sound").searched(), None);
        assert_eq!(read("label = \"street\"\nvisibility = \"tax\"").expect("sound").searched(), None);
        assert_eq!(read("label = \"street\"\nsearch = { kind = \"none\" }").expect("sound").searched(), None);
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_reason() {
        for (search, reason) in [
            ("kind = \"street\"", "name fields"),
            ("kind = \"street\", fields = [\"nome\"]", "\"nome\" is not one of the fields"),
            ("kind = \"street\", fields = [\"note\"]", "\"note\" is not public"),
            ("kind = \"street\", fields = [\"number\"]", "\"number\" is no text"),
            ("kind = \"street\", fields = [\"street\"], number = \"number\"", "kind = \"address\""),
            ("kind = \"address\", street = \"street\"", "need a number"),
            ("kind = \"address\", number = \"number\"", "need a street or a district"),
            ("kind = \"none\", fields = [\"street\"]", "that they are not"),
            ("kind = \"road\", fields = [\"street\"]", "unknown variant"),
            ("kind = \"street\", colour = \"red\"", "colour"),
        ] {
            let error = read(&format!("search = {{ {search} }}")).expect_err(search);
            assert!(error.contains(reason), "{search}: {error}");
        }
    }
}
