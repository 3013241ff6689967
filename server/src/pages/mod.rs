//! The resources of the API as pages for people: made of the same documents that programs get, so that neither says more
//! than the other. Whatever stands in them is escaped by the template.

mod collection;
pub mod desk;
mod frame;
mod items;
mod lists;
mod problem;
mod snippets;
mod table;
mod tiles;

use std::borrow::Cow;

use bricola_layers::load::grouped;
use serde_json::Value;

use crate::app::App;
use crate::routes::respond::Language;
use crate::wired::Words;

pub use collection::{collection, collections};
pub use frame::{Content, send, written};
pub use items::{feature, items};
pub use lists::{conformance, fields, styles};
pub use problem::problem;
use snippets::snippet;
pub use tiles::{grid, grids, tileset, tilesets};

/// What all pages need to know of the request.
#[derive(Debug)]
pub struct Asked<'a> {
    /// The language of the page.
    pub language: Language,
    /// The address of the server, without a slash at the end, for what people copy.
    pub base: &'a str,
    /// Its path below that, without a slash in front.
    pub path: &'a str,
    /// Its query, as it came.
    pub query: &'a str,
    /// Whose server this is.
    pub tenant: &'a str,
}

impl<'a> Asked<'a> {
    /// A request for a page; `path` is without a slash in front.
    pub fn new(app: &'a App, language: Language, base: &'a str, path: &'a str, query: Option<&'a str>) -> Self {
        Self { language, base, path, query: query.unwrap_or_default(), tenant: &app.config.tenant.name }
    }
}

impl Asked<'_> {
    fn say(&self, it: &'static str, en: &'static str) -> &'static str {
        Words(it, en).of(self.language)
    }

    /// Whether programs get something at the address of the page: forms that nobody has filled in have no answer.
    fn has_document(&self) -> bool {
        let forms = [
            "parcel",
            "zones",
            "tariff",
            "certificate",
            "rentals/candidates",
            "units",
            "service-area",
            "ztl",
            "conflicts",
        ];
        let is_form = forms.contains(&self.path);
        let given = |name: &str| self.parameter(name).is_some_and(|value| !value.is_empty());
        !is_form
            || ["geometry", "x", "parcel", "parcels", "feature", "address", "along", "street", "quantity"]
                .into_iter()
                .any(given)
    }

    /// Whether another site shows the page: without a header, and links out of it open apart.
    fn is_embedded(&self) -> bool {
        self.path == "works" && self.parameter("embed").is_some_and(|value| value == "true")
    }

    /// The way from the page to the root of the server, so that links hold behind any proxy: `../` or `./`.
    fn root(&self) -> String {
        match self.path.matches('/').count() {
            0 => "./".to_owned(),
            depth => "../".repeat(depth),
        }
    }

    /// A link to a path below the root.
    fn to(&self, path: &str) -> String {
        format!("{}{path}", self.root())
    }

    /// A link to another page, in this language.
    fn page(&self, path: &str) -> String {
        format!("{}{path}?f=html&lang={}", self.root(), self.language.tag())
    }

    /// This page with other values of some parameters of the query; an empty one is left out.
    fn here(&self, changes: &[(&str, &str)]) -> String {
        let kept = form_urlencoded::parse(self.query.as_bytes())
            .filter(|(name, _)| changes.iter().all(|(changed, _)| changed != name));
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(kept).extend_pairs(changes.iter().filter(|(_, value)| !value.is_empty()));
        format!("?{}", query.finish())
    }

    /// The text of a parameter of the query.
    fn parameter(&self, name: &str) -> Option<Cow<'_, str>> {
        form_urlencoded::parse(self.query.as_bytes()).find(|(other, _)| other == name).map(|(_, value)| value)
    }
}

/// The text of a member; nothing where it is none.
fn text<'a>(document: &'a Value, member: &str) -> &'a str {
    document[member].as_str().unwrap_or_default()
}

/// The members of a list; none where it is none.
fn members<'a>(document: &'a Value, list: &str) -> impl Iterator<Item = &'a Value> {
    document[list].as_array().into_iter().flatten()
}

/// A whole number with its thousands apart, as the language does it.
fn count(number: u64, language: Language) -> String {
    grouped(number, if language == Language::Italian { '.' } else { ',' })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked<'a>(path: &'a str, query: &'a str) -> Asked<'a> {
        Asked { language: Language::English, base: "http://localhost", path, query, tenant: "Comune" }
    }

    #[test]
    fn links_lead_to_the_root_from_any_depth() {
        assert_eq!(asked("collections", "").to("api"), "./api");
        assert_eq!(asked("collections/parcels/items/5", "").to("api"), "../../../api");
        assert_eq!(asked("collections/parcels", "").page("styles"), "../styles?f=html&lang=en");
    }

    #[test]
    fn a_page_is_asked_for_again_with_one_thing_changed() {
        let asked = asked("collections", "f=html&filter=a%3D%27%26%27&lang=it&cursor=%5B1%5D");
        assert_eq!(asked.here(&[("lang", "en"), ("cursor", "")]), "?f=html&filter=a%3D%27%26%27&lang=en");
        assert_eq!(asked.parameter("filter").as_deref(), Some("a='&'"));
    }

    #[test]
    fn thousands_stand_apart() {
        assert_eq!(count(1_234_567, Language::Italian), "1.234.567");
        assert_eq!((count(999, Language::English), count(1000, Language::English)), ("999".into(), "1,000".into()));
    }
}
