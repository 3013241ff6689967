//! Numbers, times and geometries in a filter.

use chrono::{DateTime, NaiveDate};
use geo::Validation;
use geo_types::{
    Coord, Geometry, GeometryCollection, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Rect,
};

use super::expression::{Node, Spatial, Temporal};
use super::lexer::Token;
use super::parser::Parser;
use super::refusal::{Place, Refusal, shown};

/// A number; whole ones that 64 bits cannot hold become decimal ones.
pub(super) fn number(digits: &str, is_negative: bool, place: &Place) -> Result<Node, Refusal> {
    let text = if is_negative { format!("-{digits}") } else { digits.to_owned() };
    if let Ok(whole) = text.parse() {
        return Ok(Node::Integer(whole));
    }
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(Node::Real(number)),
        _ => Err(Refusal::syntax(place, format!("{} is too large for a number", shown(&text))).of_value(&text)),
    }
}

/// A date or an instant: RFC 3339, the instant with its zone. `is_date` says which, when that is known.
pub(super) fn time(text: &str, is_date: Option<bool>, place: &Place) -> Result<Node, Refusal> {
    let is_date = is_date.unwrap_or(text.len() <= "2026-11-26".len());
    let node = if is_date { date(text).map(Node::Date) } else { instant(text).map(Node::Instant) };
    node.ok_or_else(|| {
        let form = if is_date { "a date as 2026-11-26" } else { "an instant as 2026-11-26T10:00:00Z" };
        Refusal::syntax(place, format!("'{}' is not {form}", shown(text))).of_value(text)
    })
}

/// A date as RFC 3339 has it, of a year with four digits.
pub(super) fn date(text: &str) -> Option<NaiveDate> {
    let is_plain = text.len() == 10 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    is_plain.then(|| NaiveDate::parse_from_str(text, "%Y-%m-%d").ok())?
}

/// An instant as RFC 3339 has it.
pub(super) fn instant(text: &str) -> Option<DateTime<chrono::Utc>> {
    DateTime::parse_from_rfc3339(text).ok().map(|instant| instant.to_utc())
}

/// The refusal of a function that is none of ours.
pub(super) fn unknown_function(name: &str, place: &Place) -> Refusal {
    let is_array = name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("A_"));
    let advice = if is_array {
        "no field holds an array".to_owned()
    } else {
        let names = |names: &mut dyn Iterator<Item = &'static str>| names.collect::<Vec<_>>().join(", ");
        let spatial = names(&mut Spatial::ALL.iter().map(|(name, _)| *name));
        let temporal = names(&mut Temporal::ALL.iter().map(|(name, _)| *name));
        format!("there are CASEI, ACCENTI, DATE, TIMESTAMP, INTERVAL, BBOX, geometries as WKT, {spatial}, {temporal}")
    };
    Refusal::unsupported(place, format!("there is no function {}: {advice}", shown(name))).of_value(name)
}

/// Whether a word begins a geometry.
pub(super) fn is_geometry(upper: &str) -> bool {
    const KINDS: [&str; 8] = [
        "POINT",
        "LINESTRING",
        "POLYGON",
        "MULTIPOINT",
        "MULTILINESTRING",
        "MULTIPOLYGON",
        "GEOMETRYCOLLECTION",
        "BBOX",
    ];
    KINDS.contains(&upper)
}

/// A geometry as WKT, or `BBOX(…)`, after its first word.
pub(super) fn geometry(parser: &mut Parser, kind: &str, place: &Place) -> Result<Geometry<f64>, Refusal> {
    if parser.take_word("EMPTY") {
        return Err(Refusal::unsupported(place, "an empty geometry has no place: leave the condition out"));
    }
    let has_height = ["Z", "ZM", "M"].into_iter().any(|flag| parser.take_word(flag));
    let geometry = match kind {
        "BBOX" => return bbox(&numbers(parser)?, place),
        "POINT" => {
            parser.expect("(")?;
            let point = Point(position(parser, has_height)?);
            parser.expect(")")?;
            point.into()
        }
        "LINESTRING" => line(parser)?.into(),
        "POLYGON" => polygon(parser)?.into(),
        "MULTIPOINT" => MultiPoint(list(parser, one_of_points)?).into(),
        "MULTILINESTRING" => MultiLineString(list(parser, line)?).into(),
        "GEOMETRYCOLLECTION" => {
            let parts = list(parser, |parser| parser.deeper(part))?;
            Geometry::GeometryCollection(GeometryCollection(parts))
        }
        _ => MultiPolygon(list(parser, polygon)?).into(),
    };
    checked(geometry, place)
}

/// `(part, part, …)`
fn list<T>(parser: &mut Parser, part: fn(&mut Parser) -> Result<T, Refusal>) -> Result<Vec<T>, Refusal> {
    parser.expect("(")?;
    let mut parts = vec![part(parser)?];
    while parser.take_symbol(",") {
        parts.push(part(parser)?);
    }
    parser.expect(")")?;
    Ok(parts)
}

/// A geometry among several of any kind.
fn part(parser: &mut Parser) -> Result<Geometry<f64>, Refusal> {
    let place = parser.place();
    let kind = match parser.peek() {
        Token::Word(word) => word.to_ascii_uppercase(),
        _ => String::new(),
    };
    if !is_geometry(&kind) || kind == "BBOX" {
        return Err(parser.unexpected("a geometry"));
    }
    parser.next();
    geometry(parser, &kind, &place)
}

fn line(parser: &mut Parser) -> Result<LineString<f64>, Refusal> {
    Ok(LineString(list(parser, |parser| position(parser, false))?))
}

fn polygon(parser: &mut Parser) -> Result<Polygon<f64>, Refusal> {
    let place = parser.place();
    let mut rings = list(parser, line)?;
    // Polygons close their rings by themselves; WKT asks for it to be written.
    if rings.iter().any(|ring| !ring.is_closed()) {
        return Err(Refusal::syntax(
            &place,
            "a ring does not end where it begins: repeat its first position at its end",
        ));
    }
    let shell = rings.remove(0);
    Ok(Polygon::new(shell, rings))
}

/// A point of several, with brackets or without.
fn one_of_points(parser: &mut Parser) -> Result<Point<f64>, Refusal> {
    if !parser.take_symbol("(") {
        return Ok(Point(position(parser, false)?));
    }
    let point = Point(position(parser, false)?);
    parser.expect(")")?;
    Ok(point)
}

/// Longitude and latitude; heights and measures after them are left aside.
fn position(parser: &mut Parser, has_height: bool) -> Result<Coord<f64>, Refusal> {
    let place = parser.place();
    parser.growth.spend(1, &place)?;
    let (x, y) = (signed(parser)?, signed(parser)?);
    if has_height {
        signed(parser)?;
    }
    while matches!(parser.peek(), Token::Number(_) | Token::Symbol("-" | "+")) {
        signed(parser)?;
    }
    Ok(Coord { x, y })
}

fn signed(parser: &mut Parser) -> Result<f64, Refusal> {
    let is_negative = parser.take_symbol("-");
    if !is_negative {
        parser.take_symbol("+");
    }
    let Token::Number(digits) = parser.peek() else { return Err(parser.unexpected("a coordinate")) };
    let number = digits.parse::<f64>().unwrap_or(f64::INFINITY);
    parser.next();
    Ok(if is_negative { -number } else { number })
}

fn numbers(parser: &mut Parser) -> Result<Vec<f64>, Refusal> {
    list(parser, signed)
}

/// A box of four numbers, or of six with heights.
pub(super) fn bbox(numbers: &[f64], place: &Place) -> Result<Geometry<f64>, Refusal> {
    let ([west, south, east, north] | [west, south, _, east, north, _]) = *numbers else {
        let given = numbers.len();
        return Err(Refusal::syntax(place, format!("a BBOX is west, south, east, north; there are {given} numbers")));
    };
    let side = |west, east| Rect::new(Coord { x: west, y: south }, Coord { x: east, y: north }).to_polygon();
    if south > north || (west > east && !(west.abs() <= 180.0 && east.abs() <= 180.0)) {
        let reason = "the BBOX has west and east or south and north swapped; only one in degrees, longitude first, may have its west \
                      east of its east, since it crosses the antimeridian";
        return Err(Refusal::unsupported(place, reason));
    }
    let geometry = if west > east {
        MultiPolygon(vec![side(west, 180.0), side(-180.0, east)]).into()
    } else {
        side(west, east).into()
    };
    checked(geometry, place)
}

/// Coordinates beyond this are no place on earth in any CRS.
const FARTHEST: f64 = 1e9;

/// Refuses what is no place in any CRS, or no valid geometry: relations to it would mean nothing.
pub(super) fn checked(geometry: Geometry<f64>, place: &Place) -> Result<Geometry<f64>, Refusal> {
    use geo::CoordsIter;
    let mut parts = vec![&geometry];
    while let Some(part) = parts.pop() {
        match part {
            Geometry::GeometryCollection(inner) if !inner.is_empty() => parts.extend(inner),
            other if other.coords_count() > 0 => {}
            _ => return Err(Refusal::unsupported(place, "an empty geometry cannot be related to a feature")),
        }
    }
    within(&geometry, [FARTHEST; 2], place)?;
    match geometry.check_validation() {
        Ok(()) => Ok(geometry),
        Err(error) => Err(Refusal::wrong_type(place, format!("the geometry is not valid: {error}"))),
    }
}

/// Refuses coordinates that are no degrees.
pub(super) fn in_degrees(geometry: &Geometry<f64>, place: &Place) -> Result<(), Refusal> {
    within(geometry, [180.0, 90.0], place)
}

fn within(geometry: &Geometry<f64>, [x_most, y_most]: [f64; 2], place: &Place) -> Result<(), Refusal> {
    use geo::CoordsIter;
    let outside = |at: &Coord<f64>| !(at.x.abs() <= x_most && at.y.abs() <= y_most);
    let Some(Coord { x, y }) = geometry.coords_iter().find(outside) else { return Ok(()) };
    let reason = format!(
        "({x} {y}) is no place: longitudes, between -180 and 180 degrees, come before latitudes, between -90 and 90, unless \
         the CRS is another"
    );
    Err(Refusal::wrong_type(place, reason).of_value(&format!("{x} {y}")))
}
