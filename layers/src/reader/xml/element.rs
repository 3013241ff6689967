//! One member as a tree.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::local;
use crate::limits::MAX_NESTING;

/// An element: local names, no namespaces, text without markup.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in crate::reader) struct Element {
    /// Local name.
    pub name: String,
    /// Attributes by local name.
    pub attributes: Vec<(String, String)>,
    /// All text directly inside it.
    pub text: String,
    /// Elements inside it.
    pub children: Vec<Element>,
}

impl Element {
    /// Parses one element.
    pub fn parse(xml: &str) -> Result<Self, String> {
        let mut reader = Reader::from_str(xml);
        let config = reader.config_mut();
        config.check_end_names = true;
        // `Via Roma & figli` is wrong XML and plain text all the same.
        config.allow_dangling_amp = true;
        let mut open: Vec<Self> = Vec::new();
        loop {
            let done = match reader.read_event().map_err(|error| format!("not well-formed XML: {error}"))? {
                Event::Start(start) => {
                    if open.len() >= MAX_NESTING {
                        return Err(format!("nested deeper than MAX_NESTING ({MAX_NESTING})"));
                    }
                    open.push(Self::from_start(&start)?);
                    None
                }
                Event::Empty(start) => Some(Self::from_start(&start)?),
                Event::End(_) => open.pop(),
                Event::Text(text) => {
                    add(&mut open, &text.xml10_content());
                    None
                }
                Event::CData(text) => {
                    add(&mut open, &text.xml10_content());
                    None
                }
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content();
                    let text = match reference.resolve_char_ref() {
                        Ok(Some(character)) => character.to_string(),
                        _ => quick_xml::escape::resolve_predefined_entity(&name)
                            .map_or_else(|| format!("&{name};"), str::to_owned),
                    };
                    add(&mut open, &text);
                    None
                }
                Event::Eof => return Err("not well-formed XML: the element does not end".to_owned()),
                _ => None,
            };
            if let Some(element) = done {
                match open.last_mut() {
                    Some(parent) => parent.children.push(element),
                    None => return Ok(element),
                }
            }
        }
    }

    fn from_start(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| format!("not well-formed XML: {error}"))?;
            let raw = attribute.value.as_ref();
            let value = quick_xml::escape::unescape(raw).map_or_else(|_| raw.to_owned(), std::borrow::Cow::into_owned);
            attributes.push((local(attribute.key.as_ref()).to_owned(), value));
        }
        Ok(Self { name: local(start.name().as_ref()).to_owned(), attributes, ..Self::default() })
    }

    /// An attribute by local name.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The first child of a name.
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All children of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// Its text without blanks around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }
}

fn add(open: &mut [Element], text: &str) {
    if let Some(element) = open.last_mut() {
        element.text.push_str(text);
    }
}
