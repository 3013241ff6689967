//! From characters to two numbers with their axes.

use super::super::Crs;
use super::{TextError, numbers};

/// Which way a coordinate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Axis {
    East,
    North,
}

/// Two coordinates as typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Typed {
    /// In the order typed; south and west are negative.
    pub(super) values: [f64; 2],
    /// Axis of the first one, when marked.
    pub(super) first: Option<Axis>,
    /// Written with minutes or degree marks: angles.
    pub(super) angular: bool,
}

/// What stands in the text, piece by piece.
#[derive(Debug, Clone, PartialEq)]
enum Piece {
    /// A number, its sign and how it was typed.
    Number {
        value: f64,
        negative: bool,
        typed: String,
    },
    Degree,
    Minute,
    Second,
    /// N, E … and whether it turns the sign.
    Mark {
        axis: Axis,
        opposite: bool,
    },
    /// A comma, semicolon or slash between coordinates.
    Separator,
}

/// Takes a CRS (`EPSG:7792`, URI, URN, `CRS84`, `SRID=7792;`) out of the text.
pub(super) fn take_crs(text: &str) -> Result<(String, Option<Crs>), TextError> {
    let mut rest = Vec::new();
    let mut crs = None;
    let spaced = text.replace("EPSG ", "EPSG:").replace("epsg ", "epsg:").replace(": ", ":");
    for word in spaced.split_whitespace() {
        let mut word = word;
        let lower = word.to_ascii_lowercase();
        if lower.starts_with("srid=") {
            let (srid, after) = word.split_once(';').unwrap_or((word, ""));
            crs = Some(Crs::parse(&srid[5..])?);
            word = after;
        } else if lower.contains("epsg") || lower.contains("crs84") {
            let bare = word.trim_matches(['(', ')', ',', ';', '=']);
            crs = Some(Crs::parse(bare)?);
            word = "";
        }
        rest.push(word);
    }
    Ok((rest.join(" "), crs))
}

/// Two coordinates out of a text without a CRS.
pub(super) fn read(text: &str) -> Result<Typed, TextError> {
    let pieces = scan(text)?;
    let numbers = pieces.iter().filter(|piece| matches!(piece, Piece::Number { .. })).count();
    let count = || TextError::Count { found: numbers, text: text.trim().to_owned() };
    if pieces.is_empty() {
        return Err(TextError::Empty);
    }
    let groups = group(&pieces).filter(|groups| groups.len() == 2).ok_or_else(count)?;
    let (one, other) = (coordinate(&groups[0])?, coordinate(&groups[1])?);
    let first = match (one.axis, other.axis) {
        (Some(Axis::East), Some(Axis::East)) => return Err(TextError::SameAxis("east or west")),
        (Some(Axis::North), Some(Axis::North)) => return Err(TextError::SameAxis("north or south")),
        (Some(axis), _) => Some(axis),
        (None, Some(Axis::East)) => Some(Axis::North),
        (None, Some(Axis::North)) => Some(Axis::East),
        (None, None) => None,
    };
    let angular = one.angular || other.angular;
    let typed = Typed { values: [one.value, other.value], first, angular };
    if angular {
        check_degrees(&typed)?;
    }
    Ok(typed)
}

fn check_degrees(typed: &Typed) -> Result<(), TextError> {
    for (index, value) in typed.values.into_iter().enumerate() {
        let north = match typed.first {
            Some(axis) => (axis == Axis::North) == (index == 0),
            None => false,
        };
        let (limit, what, reason) = if north {
            (90.0, "a latitude", "latitudes run from -90 to 90 degrees")
        } else {
            (180.0, "a longitude", "longitudes run from -180 to 180 degrees")
        };
        if value.abs() > limit {
            return Err(TextError::Range { value: value.to_string(), what, reason });
        }
    }
    Ok(())
}

/// Words that mark an axis, and whether they turn the sign.
const MARKS: &[(&str, Axis, bool)] = &[
    ("n", Axis::North, false),
    ("nord", Axis::North, false),
    ("north", Axis::North, false),
    ("northing", Axis::North, false),
    ("y", Axis::North, false),
    ("lat", Axis::North, false),
    ("latitude", Axis::North, false),
    ("latitudine", Axis::North, false),
    ("s", Axis::North, true),
    ("sud", Axis::North, true),
    ("south", Axis::North, true),
    ("e", Axis::East, false),
    ("est", Axis::East, false),
    ("east", Axis::East, false),
    ("easting", Axis::East, false),
    ("x", Axis::East, false),
    ("lon", Axis::East, false),
    ("lng", Axis::East, false),
    ("long", Axis::East, false),
    ("longitude", Axis::East, false),
    ("longitudine", Axis::East, false),
    ("o", Axis::East, true),
    ("ovest", Axis::East, true),
    ("w", Axis::East, true),
    ("west", Axis::East, true),
];

/// Words without meaning for the place.
const SILENT: &[&str] = &["point", "m", "mt", "metri", "metres", "meters", "gradi", "degrees", "deg", "coordinate"];

fn scan(text: &str) -> Result<Vec<Piece>, TextError> {
    let chars: Vec<char> = text.chars().map(plain).collect();
    let run_of = |start: usize, accept: &dyn Fn(char) -> bool| {
        chars[start..].iter().copied().take_while(|c| accept(*c)).collect::<String>()
    };
    let mut pieces = Vec::new();
    let mut index = 0;
    while let Some(&c) = chars.get(index) {
        index += match c {
            '°' => one(&mut pieces, Piece::Degree),
            '\'' if chars.get(index + 1) == Some(&'\'') => one(&mut pieces, Piece::Second) + 1,
            '\'' => one(&mut pieces, Piece::Minute),
            '"' => one(&mut pieces, Piece::Second),
            ',' | ';' | '/' | '|' => one(&mut pieces, Piece::Separator),
            '(' | ')' | '[' | ']' | '=' | ':' => 1,
            _ if c.is_whitespace() => 1,
            _ if c.is_ascii_digit() || ((c == '-' || c == '+' || c == '.') && digit_follows(&chars, index)) => {
                let sign = usize::from(c == '-' || c == '+');
                let run = run_of(index + sign, &|c| c.is_ascii_digit() || c == '.' || c == ',');
                let length = run.len() + sign;
                numbers_of(&run, c == '-', alone(&chars, index, length), &mut pieces)?;
                length
            }
            _ if c.is_alphabetic() => {
                let word = run_of(index, &char::is_alphabetic);
                let lower = word.to_lowercase();
                if let Some((_, axis, opposite)) = MARKS.iter().find(|(mark, ..)| *mark == lower) {
                    pieces.push(Piece::Mark { axis: *axis, opposite: *opposite });
                } else if !SILENT.contains(&lower.as_str()) {
                    return Err(TextError::NotUnderstood(word));
                }
                word.chars().count()
            }
            other => return Err(TextError::NotUnderstood(other.to_string())),
        };
    }
    Ok(pieces)
}

fn one(pieces: &mut Vec<Piece>, piece: Piece) -> usize {
    pieces.push(piece);
    1
}

/// The look-alikes that keyboards, word processors and maps give, as one sign each.
fn plain(c: char) -> char {
    match c {
        '′' | '’' | '‘' | '´' | '`' | 'ʹ' => '\'',
        '″' | '”' | '“' | '„' | 'ʺ' => '"',
        'º' | '˚' | '∘' => '°',
        '−' | '–' | '—' => '-',
        other => other,
    }
}

fn digit_follows(chars: &[char], index: usize) -> bool {
    chars.get(index + 1).is_some_and(|c| c.is_ascii_digit() || *c == '.')
}

/// No other digit stands in the text.
fn alone(chars: &[char], start: usize, length: usize) -> bool {
    !chars[..start].iter().chain(&chars[start + length..]).any(char::is_ascii_digit)
}

/// A run of digits and marks as one number, or two joined by a comma.
fn numbers_of(run: &str, negative: bool, alone: bool, pieces: &mut Vec<Piece>) -> Result<(), TextError> {
    let body = run.trim_end_matches([',', '.']);
    let mut push = |typed: &str, negative: bool| {
        let value = numbers::parse(typed).ok_or_else(|| TextError::NotUnderstood(typed.to_owned()))?;
        pieces.push(Piece::Number { value, negative, typed: typed.to_owned() });
        Ok::<(), TextError>(())
    };
    match numbers::split_pair(body).filter(|_| alone) {
        Some([one, other]) => {
            push(one, negative)?;
            push(other, false)?;
        }
        None => push(body, negative)?,
    }
    if run.ends_with(',') {
        pieces.push(Piece::Separator);
    }
    Ok(())
}

/// Splits the pieces into the coordinates: by marks of the axes, else by degree marks, else by a separator, else by
/// halves.
fn group(pieces: &[Piece]) -> Option<Vec<Vec<Piece>>> {
    let is_mark = |piece: &Piece| matches!(piece, Piece::Mark { .. });
    let is_number = |piece: &Piece| matches!(piece, Piece::Number { .. });
    let bare = || pieces.iter().filter(|piece| **piece != Piece::Separator).cloned();
    let marks = pieces.iter().filter(|piece| is_mark(piece)).count();
    if marks == 2 {
        let prefix = bare().next().is_some_and(|piece| is_mark(&piece));
        let mut groups: Vec<Vec<Piece>> = vec![Vec::new()];
        for piece in bare() {
            let ends = is_mark(&piece);
            if prefix && ends && groups.last().is_some_and(|group| !group.is_empty()) {
                groups.push(Vec::new());
            }
            groups.last_mut()?.push(piece);
            if !prefix && ends {
                groups.push(Vec::new());
            }
        }
        groups.retain(|group| !group.is_empty());
        return Some(groups);
    }
    if marks > 2 {
        return None;
    }
    let degrees = pieces.iter().filter(|piece| **piece == Piece::Degree).count();
    let split = |at: usize| Some(vec![without_separators(&pieces[..at]), without_separators(&pieces[at..])]);
    if degrees == 2 {
        // The number before the second degree mark begins the second coordinate, with a mark before it if it is close.
        let second = pieces.iter().enumerate().filter(|(_, piece)| **piece == Piece::Degree).nth(1)?.0;
        return split(second.checked_sub(1)?);
    }
    let separators: Vec<usize> =
        pieces.iter().enumerate().filter(|(_, piece)| **piece == Piece::Separator).map(|(index, _)| index).collect();
    if let [at] = separators.as_slice() {
        return split(*at);
    }
    let numbers: Vec<usize> =
        pieces.iter().enumerate().filter(|(_, piece)| is_number(piece)).map(|(index, _)| index).collect();
    if numbers.is_empty() || numbers.len() % 2 == 1 {
        return None;
    }
    split(numbers[numbers.len() / 2])
}

fn without_separators(pieces: &[Piece]) -> Vec<Piece> {
    pieces.iter().filter(|piece| **piece != Piece::Separator).cloned().collect()
}

struct Coordinate {
    value: f64,
    axis: Option<Axis>,
    angular: bool,
}

/// Degrees, minutes and seconds, or one number, with the mark of its axis.
fn coordinate(group: &[Piece]) -> Result<Coordinate, TextError> {
    let mut parts: Vec<(f64, bool, &str)> = Vec::new();
    let (mut axis, mut opposite, mut angular) = (None, false, false);
    for piece in group {
        match piece {
            Piece::Number { value, negative, typed } => parts.push((*value, *negative, typed)),
            Piece::Mark { axis: marked, opposite: turned } => (axis, opposite) = (Some(*marked), *turned),
            Piece::Degree | Piece::Minute | Piece::Second => angular = true,
            Piece::Separator => {}
        }
    }
    let range = |value: &str, what, reason| TextError::Range { value: value.to_owned(), what, reason };
    if parts.is_empty() || parts.len() > 3 {
        let text = parts.iter().map(|(_, _, typed)| *typed).collect::<Vec<_>>().join(" ");
        return Err(TextError::Count { found: parts.len(), text });
    }
    angular |= parts.len() > 1;
    for (index, (value, negative, typed)) in parts.iter().enumerate() {
        let what = ["degrees", "minutes", "seconds"][index];
        if index > 0 && (*negative || *value >= 60.0) {
            return Err(range(typed, what, "they run from 0 to 59; the sign stands before the degrees"));
        }
        if index + 1 < parts.len() && value.fract() != 0.0 {
            return Err(range(typed, what, "only the last part may have decimals"));
        }
    }
    let size: f64 = parts.iter().zip([1.0, 60.0, 3600.0]).map(|((value, ..), divisor)| value / divisor).sum();
    let value = if parts[0].1 == opposite { size } else { -size };
    Ok(Coordinate { value, axis, angular })
}
