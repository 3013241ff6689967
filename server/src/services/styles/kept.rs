//! Styles that offices have made, beside those that the layers make.

use bricola_layers::definition::{LayerDefinition, Text};
use bricola_layers::limits::MAX_STYLE_ID;
use bricola_layers::store::StoredStyle;
use serde::Deserialize;
use serde_json::Value;

use super::validate::Address;
use super::{StyleError, StyleSummary, compose, summaries};

/// A style to be given, and what is kept of it; nothing where the layers make it.
pub struct Given {
    /// The style, with addresses from the host on.
    pub document: Value,
    /// What is kept.
    pub stored: Option<StoredStyle>,
}

/// The title in a style, without the rest of it.
#[derive(Deserialize)]
struct Head {
    name: Option<String>,
}

/// All styles: the city map first, then the others in order of id. One that is kept stands for the one that the layer of the same
/// id makes.
pub fn listed(stored: &[StoredStyle], present: &[&LayerDefinition]) -> Vec<StyleSummary> {
    let mut all = summaries(present);
    for style in stored {
        let name = serde_json::from_str::<Head>(&style.document).ok().and_then(|head| head.name);
        let name = name.unwrap_or_else(|| style.id.clone());
        let summary = StyleSummary { id: style.id.clone(), title: Text { it: name.clone(), en: name } };
        match all.iter_mut().find(|other| other.id == style.id) {
            Some(other) => *other = summary,
            None => all.push(summary),
        }
    }
    if let Some(rest) = all.get_mut(1..) {
        rest.sort_by(|a, b| a.id.cmp(&b.id));
    }
    all
}

/// A style, kept or made of the layers.
///
/// # Errors
/// [`StyleError::UnknownStyle`] when there is none of this id.
pub fn given(stored: &[StoredStyle], present: &[&LayerDefinition], base: &str, id: &str) -> Result<Given, StyleError> {
    let kept = stored.iter().find(|style| style.id == id);
    let read = kept.and_then(|style| Some((serde_json::from_str(&style.document).ok()?, style.clone())));
    if let Some((mut document, stored)) = read {
        Address::Absolute.apply(&mut document, base);
        return Ok(Given { document, stored: Some(stored) });
    }
    match compose(present, base, id) {
        Ok(document) => Ok(Given { document, stored: None }),
        Err(StyleError::UnknownStyle { id, .. }) => {
            let available = listed(stored, present).into_iter().map(|summary| summary.id).collect();
            Err(StyleError::UnknownStyle { id, available })
        }
        Err(error) => Err(error),
    }
}

/// Whether a text may be the identifier of a style.
pub fn is_id(text: &str) -> bool {
    let is_first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    (1..=MAX_STYLE_ID).contains(&text.len())
        && text.as_bytes().first().is_some_and(is_first)
        && text.bytes().all(|byte| is_first(&byte) || matches!(byte, b'-' | b'_'))
}

/// An identifier out of the name of a style that nothing in `taken` has.
pub fn new_id(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let folded: String = name.to_lowercase().chars().map(plain).collect();
    let mut id = String::new();
    for part in folded.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        if id.len() + part.len() + 8 > MAX_STYLE_ID {
            break;
        }
        if !id.is_empty() {
            id.push('-');
        }
        id.push_str(part);
    }
    if id.is_empty() {
        id.push_str("style");
    }
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    let mut all = std::iter::once(id.clone()).chain(numbered);
    all.find(|id| !taken(id)).unwrap_or(id)
}

/// A letter of Italian without its accent.
fn plain(letter: char) -> char {
    match letter {
        'à' | 'á' | 'â' => 'a',
        'è' | 'é' | 'ê' => 'e',
        'ì' | 'í' | 'î' => 'i',
        'ò' | 'ó' | 'ô' => 'o',
        'ù' | 'ú' | 'û' => 'u',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identifier_is_made_of_the_name_and_of_nothing_that_is_there() {
        let taken = |id: &str| matches!(id, "mappa-della-citta" | "mappa-della-citta-2");
        assert_eq!(new_id("Mappa della  Città!", taken), "mappa-della-citta-3");
        assert_eq!((new_id("", |_| false), new_id("地図", |_| false)), ("style".to_owned(), "style".to_owned()));
        let long = new_id(&"lungo ".repeat(40), |_| false);
        assert!(is_id(&long), "{long}");
        for wrong in ["", "-a", "A", "a/b", "a b", "..", &"a".repeat(65)] {
            assert!(!is_id(wrong), "{wrong}");
        }
    }
}
