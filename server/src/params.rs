//! Query parameters: each path declares the ones that it takes, and every other is refused by name.

use std::borrow::Cow;

use crate::error::{Kind, Problem};

/// The change that an answer must reflect at least; also a header, `Bricola-Min-Seq`.
pub const MIN_SEQ: &str = "min-seq";

/// The parameters of one request.
pub struct Params<'a> {
    pairs: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Params<'a> {
    /// Reads a query string; `allowed` are the parameters that the path takes.
    ///
    /// # Errors
    /// A parameter that the path does not take, or one that is given twice.
    pub fn read(query: Option<&'a str>, allowed: &[&str]) -> Result<Self, Problem> {
        let mut pairs: Vec<(Cow<'a, str>, Cow<'a, str>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            // Taken by every path: the middleware has waited for it.
            if name == MIN_SEQ {
                continue;
            }
            if !allowed.contains(&&*name) {
                return Err(unknown(&name, allowed));
            }
            if pairs.iter().any(|(other, _)| *other == name) {
                return Err(Problem::new(
                    Kind::RepeatedParameter,
                    format!("{name} is given more than once; give it once."),
                )
                .with("parameter", &*name));
            }
            pairs.push((name, value));
        }
        Ok(Self { pairs })
    }

    /// The text of a parameter; one without text counts as not given.
    pub fn text(&self, name: &str) -> Option<&str> {
        let (_, value) = self.pairs.iter().find(|(other, _)| other == name)?;
        Some(value.trim()).filter(|value| !value.is_empty())
    }

    /// Every parameter with its text, in the order in which they were given.
    pub fn pairs(&self) -> impl Iterator<Item = (&str, &str)> {
        self.pairs.iter().map(|(name, value)| (&**name, &**value))
    }

    /// A finite decimal number. A decimal comma is taken too, as people in Italy write it.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let parsed = if text.contains(',') { text.replacen(',', ".", 1).parse() } else { text.parse::<f64>() };
        match parsed {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(Problem::parameter(name, text, "must be a finite decimal number, such as 12.3388")),
        }
    }

    /// A whole number in a range.
    ///
    /// # Errors
    /// When the text is none, or outside.
    pub fn whole(&self, name: &str, range: std::ops::RangeInclusive<i64>) -> Result<Option<i64>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        match text.parse() {
            Ok(number) if range.contains(&number) => Ok(Some(number)),
            _ => {
                let (least, most) = (*range.start(), *range.end());
                let allowed = if most == i64::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
                Err(Problem::parameter(name, text, format!("must be a whole number, {allowed}")))
            }
        }
    }

    /// One of a few words.
    ///
    /// # Errors
    /// When it is none of them.
    pub fn one_of<T: Copy>(&self, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
        let Some(text) = self.text(name) else { return Ok(None) };
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text) {
            return Ok(Some(*value));
        }
        let allowed: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Err(Problem::parameter(name, text, format!("must be one of {}", allowed.join(", "))).with("allowed", allowed))
    }
}

fn unknown(name: &str, allowed: &[&str]) -> Problem {
    let shown = crate::error::clipped(name);
    let advice = match allowed {
        [] => "it takes none".to_owned(),
        _ => format!("it takes {}", allowed.join(", ")),
    };
    Problem::new(Kind::UnknownParameter, format!("This path does not take the parameter \"{shown}\": {advice}."))
        .with("parameter", &*shown)
        .with("allowed", allowed.to_vec())
}
