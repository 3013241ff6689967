//! CQL2 as JSON.

use geo::CoordsIter;
use geozero::ToGeo;
use geozero::geojson::GeoJson;
use serde_json::{Map, Value as Json};

use super::expression::{Arithmetic, Comparison, Expression, Folding, Growth, Node, Spatial, Temporal};
use super::literal;
use super::refusal::{Place, Refusal, shown};

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression, Refusal> {
    // Its own limit of nesting, 128, keeps the parser of JSON from running away.
    let json: Json = serde_json::from_str(text).map_err(|error| {
        let reason = format!("this is not JSON: {error}; text such as floors > 5 is sent with filter-lang=cql2-text");
        Refusal::syntax(&Place::Pointer(String::new()), reason)
    })?;
    Reader { growth: Growth::default() }.expression(&json, "")
}

struct Reader {
    growth: Growth,
}

impl Reader {
    fn expression(&mut self, json: &Json, pointer: &str) -> Result<Expression, Refusal> {
        let place = Place::Pointer(pointer.to_owned());
        let node = match json {
            Json::Bool(value) => Node::Boolean(*value),
            Json::Number(number) => literal::number(&number.to_string(), false, &place)?,
            Json::String(text) => Node::Text(text.clone()),
            Json::Object(object) => self.object(object, json, pointer)?,
            Json::Null => return Err(Refusal::syntax(&place, "null equals nothing: use the operator isNull")),
            Json::Array(_) => return Err(Refusal::syntax(&place, "an array may stand in \"in\" only")),
        };
        self.growth.grow(node, place)
    }

    fn object(&mut self, object: &Map<String, Json>, json: &Json, pointer: &str) -> Result<Node, Refusal> {
        let place = Place::Pointer(pointer.to_owned());
        let text = |name: &str| object.get(name).and_then(Json::as_str);
        if let Some(name) = text("property") {
            return Ok(Node::Field(name.to_owned()));
        }
        if let Some(date) = text("date") {
            return literal::time(date, Some(true), &place);
        }
        if let Some(instant) = text("timestamp") {
            return literal::time(instant, Some(false), &place);
        }
        if let Some(operator) = text("op") {
            return self.operation(operator, object, pointer);
        }
        match (
            object.get("interval"),
            object.get("bbox"),
            object.contains_key("coordinates") || object.contains_key("geometries"),
        ) {
            (Some(Json::Array(ends)), ..) if ends.len() == 2 => {
                let from = self.bound(&ends[0], &format!("{pointer}/interval/0"))?;
                Ok(Node::Interval(Box::new([from, self.bound(&ends[1], &format!("{pointer}/interval/1"))?])))
            }
            (_, Some(Json::Array(numbers)), _) => {
                let numbers: Vec<f64> = numbers.iter().filter_map(Json::as_f64).collect();
                Ok(Node::Geometry(literal::bbox(&numbers, &place)?))
            }
            (.., true) => {
                let geometry = GeoJson(&json.to_string()).to_geo().map_err(|error| {
                    Refusal::syntax(&place, format!("the geometry is not GeoJSON: {}", shown(&error.to_string())))
                })?;
                self.growth.spend(geometry.coords_count(), &place)?;
                Ok(Node::Geometry(literal::checked(geometry, &place)?))
            }
            _ => {
                let reason =
                    "an object with op and args, property, date, timestamp, interval, bbox or a geometry is expected";
                Err(Refusal::syntax(&place, reason))
            }
        }
    }

    /// One end of an interval.
    fn bound(&mut self, json: &Json, pointer: &str) -> Result<Expression, Refusal> {
        let place = Place::Pointer(pointer.to_owned());
        match json.as_str() {
            Some("..") => self.growth.grow(Node::Unbounded, place),
            Some(text) => {
                let node = literal::time(text, None, &place)?;
                self.growth.grow(node, place)
            }
            None => self.expression(json, pointer),
        }
    }

    fn operation(&mut self, operator: &str, object: &Map<String, Json>, pointer: &str) -> Result<Node, Refusal> {
        let place = Place::Pointer(pointer.to_owned());
        if !is_operator(operator) {
            return Err(literal::unknown_function(operator, &place));
        }
        let Some(Json::Array(args)) = object.get("args") else {
            return Err(Refusal::syntax(&place, format!("\"{operator}\" has no array \"args\"")));
        };
        if operator == "in"
            && let [value, Json::Array(among)] = &args[..]
        {
            let value = self.expression(value, &format!("{pointer}/args/0"))?;
            return Ok(Node::In(Box::new(value), self.all(among, &format!("{pointer}/args/1"))?));
        }
        let parts = self.all(args, &format!("{pointer}/args"))?;
        let (name, count) = (operator.to_ascii_lowercase(), parts.len());
        let wrong = || {
            let reason = format!("\"{operator}\" does not take {count} arguments");
            Refusal::syntax(&place, reason).of_value(operator)
        };
        match (&*name, <[Expression; 1]>::try_from(parts)) {
            ("not", Ok([one])) => Ok(Node::Not(Box::new(one))),
            ("isnull", Ok([one])) => Ok(Node::IsNull(Box::new(one))),
            ("casei", Ok([one])) => Ok(Node::Folded(Folding::Case, Box::new(one))),
            ("accenti", Ok([one])) => Ok(Node::Folded(Folding::Accents, Box::new(one))),
            ("and", Err(parts)) if count > 1 => Ok(Node::And(parts)),
            ("or", Err(parts)) if count > 1 => Ok(Node::Or(parts)),
            ("between", Err(parts)) => Ok(Node::Between(Box::new(parts.try_into().map_err(|_| wrong())?))),
            (_, Err(parts)) => {
                let two = Box::new(<[Expression; 2]>::try_from(parts).map_err(|_| wrong())?);
                of_two(&name, two).ok_or_else(wrong)
            }
            (_, Ok(_)) => Err(wrong()),
        }
    }

    fn all(&mut self, parts: &[Json], pointer: &str) -> Result<Vec<Expression>, Refusal> {
        let numbered = parts.iter().enumerate();
        numbered.map(|(number, part)| self.expression(part, &format!("{pointer}/{number}"))).collect()
    }
}

fn is_operator(name: &str) -> bool {
    const OTHERS: [&str; 22] = [
        "and", "or", "not", "=", "<>", "<", "<=", ">", ">=", "like", "between", "in", "isNull", "casei", "accenti",
        "+", "-", "*", "/", "div", "%", "^",
    ];
    let is_named = OTHERS.iter().any(|known| known.eq_ignore_ascii_case(name));
    is_named || Spatial::named(name).is_some() || Temporal::named(name).is_some()
}

fn of_two(name: &str, two: Box<[Expression; 2]>) -> Option<Node> {
    if let Some(relation) = Spatial::named(name) {
        return Some(Node::Spatial(relation, two));
    }
    if let Some(relation) = Temporal::named(name) {
        return Some(Node::Temporal(relation, two));
    }
    Some(match name {
        "=" => Node::Compare(Comparison::Equal, two),
        "<>" => Node::Compare(Comparison::NotEqual, two),
        "<" => Node::Compare(Comparison::Less, two),
        "<=" => Node::Compare(Comparison::AtMost, two),
        ">" => Node::Compare(Comparison::Greater, two),
        ">=" => Node::Compare(Comparison::AtLeast, two),
        "like" => Node::Like(two),
        "+" => Node::Arithmetic(Arithmetic::Add, two),
        "-" => Node::Arithmetic(Arithmetic::Subtract, two),
        "*" => Node::Arithmetic(Arithmetic::Multiply, two),
        "/" => Node::Arithmetic(Arithmetic::Divide, two),
        "div" => Node::Arithmetic(Arithmetic::Quotient, two),
        "%" => Node::Arithmetic(Arithmetic::Remainder, two),
        "^" => Node::Arithmetic(Arithmetic::Power, two),
        _ => return None,
    })
}
