//! What KML and GML share: cutting members out of a document that may not be well-formed, and small element trees.
//!
//! A pull parser gives up at the first broken tag, and some cadastral files have one. So members (placemarks,
//! features) are cut out by their tags first, and each is then parsed for itself: a broken one costs only itself.

mod cut;
mod element;

pub(super) use cut::{Cutter, Piece};
pub(super) use element::Element;

use geo_types::Coord;

/// The part of a tag name after its prefix.
pub(super) fn local(name: &str) -> &str {
    name.rsplit(':').next().unwrap_or(name)
}

/// Numbers separated by white space (or commas).
pub(super) fn numbers(text: &str) -> Result<Vec<f64>, String> {
    text.split(|c: char| c.is_whitespace() || c == ',')
        .filter(|word| !word.is_empty())
        .map(|word| word.parse().map_err(|_| format!("`{}` is not a number", shortened(word))))
        .collect()
}

/// Tuples `x,y[,z]` separated by white space, as in KML and GML 2. Blanks around commas are forgiven.
pub(super) fn tuples(text: &str, decimal: char, comma: char) -> Result<Vec<Coord<f64>>, String> {
    let mut coords = Vec::new();
    let mut pending = String::new();
    let mut flush = |tuple: &mut String| -> Result<(), String> {
        if tuple.is_empty() {
            return Ok(());
        }
        let number = |word: &str| -> Result<f64, String> {
            let plain = if decimal == '.' { word.trim().to_owned() } else { word.trim().replace(decimal, ".") };
            plain.parse().map_err(|_| format!("`{}` is not a number", shortened(word)))
        };
        let mut words = tuple.split(comma);
        match (words.next(), words.next()) {
            (Some(x), Some(y)) => coords.push(Coord { x: number(x)?, y: number(y)? }),
            _ => return Err(format!("`{}` is not a position: two numbers are needed", shortened(tuple))),
        }
        tuple.clear();
        Ok(())
    };
    for word in text.split_whitespace() {
        if !(pending.ends_with(comma) || word.starts_with(comma)) {
            flush(&mut pending)?;
        }
        pending.push_str(word);
    }
    flush(&mut pending)?;
    Ok(coords)
}

fn shortened(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests;
