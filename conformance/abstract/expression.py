"""Expressions of CQL2, each written as text and as JSON, and evaluated over GeoJSON by Python and GEOS."""

import json
import math
import re
import unicodedata
from datetime import datetime, timezone

from osgeo import ogr

ogr.UseExceptions()
ALWAYS, NEVER = (datetime(it, 1, 1, tzinfo=timezone.utc) for it in (1, 9999))


class It:
    """An operation, a function or a literal, and what it is made of."""

    def __init__(self, op, *args):
        self.op, self.args = op, args

    def __repr__(self):
        return self.text()

    def text(self):
        op, args = self.op, self.args
        word = [text(it) for it in args]
        match op:
            case "and" | "or":
                return "(" + f" {op.upper()} ".join(word) + ")"
            case "not":
                return f"NOT ({word[0]})"
            case "between":
                return f"{word[0]} BETWEEN {word[1]} AND {word[2]}"
            case "in":
                return f"{word[0]} IN ({', '.join(text(it) for it in args[1])})"
            case "isNull":
                return f"{word[0]} IS NULL"
            case "like":
                return f"{word[0]} LIKE {word[1]}"
            case "property":
                return f'"{args[0]}"'
            case "date" | "timestamp":
                return f"{op.upper()}({word[0]})"
            case "bbox":
                return f"BBOX({','.join(map(repr, args[0]))})"
            case "geometry":
                return wkt(args[0])
            case "+" | "-" | "*" | "/" | "%" | "^" | "div":
                return f"({word[0]} {op} {word[1]})"
            case "=" | "<>" | "<" | ">" | "<=" | ">=":
                return f"{word[0]} {op} {word[1]}"
        return f"{op.upper()}({', '.join(word)})"

    def json(self):
        op, args = self.op, self.args
        match op:
            case "property" | "date" | "timestamp":
                return {op: args[0]}
            case "bbox":
                return {op: list(args[0])}
            case "geometry":
                return args[0]
            case "interval":
                # An end is a text, or a property.
                ends = [it.args[0] if isinstance(it, It) and it.op in ("date", "timestamp") else written(it) for it in args]
                return {op: ends}
            case "in":
                return {"op": op, "args": [written(args[0]), [written(it) for it in args[1]]]}
        return {"op": op, "args": [written(it) for it in args]}


def field(name):
    return It("property", name)


def geometry(kind, coordinates):
    member = "geometries" if kind == "GeometryCollection" else "coordinates"
    return It("geometry", {"type": kind, member: coordinates})


def text(it):
    match it:
        case It():
            return it.text()
        case bool():
            return str(it).lower()
        case str():
            return "'" + it.replace("'", "''") + "'"
    return repr(it)


def written(it):
    return it.json() if isinstance(it, It) else it


def dumps(it):
    return json.dumps(written(it), ensure_ascii=False)


def wkt(it):
    if it["type"] == "GeometryCollection":
        return f"GEOMETRYCOLLECTION({', '.join(wkt(part) for part in it['geometries'])})"

    def listed(part):
        if isinstance(part[0], (int, float)):
            return " ".join(map(repr, part))
        inner = [listed(it) for it in part]
        return ", ".join(it if isinstance(sub[0], (int, float)) else f"({it})" for it, sub in zip(inner, part))

    body = listed(it["coordinates"])
    return f"{it['type'].upper()}({body})"


# What follows is what it means, three-valued: `None` is unknown.


def value(it, feature):
    """Of a scalar, for a feature."""
    if not isinstance(it, It):
        return it
    args = [value(arg, feature) for arg in it.args if it.op != "property"]
    match it.op:
        case "property":
            return feature["id"] if it.args[0] == "id" else feature["properties"].get(it.args[0])
        case "date" | "timestamp":
            return args[0]
    if any(arg is None for arg in args):
        return None
    match it.op:
        case "casei":
            return args[0].casefold()
        case "accenti":
            return "".join(it for it in unicodedata.normalize("NFD", args[0]) if not unicodedata.combining(it))
        case "+" | "-" | "*" | "/" | "%" | "^" | "div":
            return reckoned(it.op, *args)
    raise AssertionError(it.op)


def reckoned(op, a, b):
    ways = {
        "+": lambda: a + b,
        "-": lambda: a - b,
        "*": lambda: a * b,
        "/": lambda: a / b,
        "%": lambda: math.fmod(a, b),
        "^": lambda: float(a) ** b,
        "div": lambda: math.trunc(a / b),
    }
    try:
        return ways[op]()
    except (OverflowError, ValueError, ZeroDivisionError):
        return None


def holds(it, feature):
    """Whether a condition holds for a feature: true, false, or `None` where that is not known."""
    if isinstance(it, bool):
        return it
    op, args = it.op, it.args
    match op:
        case "property":
            return value(it, feature)
        case "not":
            inner = holds(args[0], feature)
            return None if inner is None else not inner
        case "and" | "or":
            parts = [holds(arg, feature) for arg in args]
            decisive = op == "or"
            return decisive if decisive in parts else None if None in parts else not decisive
        case "isNull":
            if args[0].args[0] == "geometry":
                return feature["geometry"] is None
            return value(args[0], feature) is None
        case "between":
            parts = [It(">=", args[0], args[1]), It("<=", args[0], args[2])]
            return holds(It("and", *parts), feature)
        case "in":
            return holds(It("or", *(It("=", args[0], other) for other in args[1])), feature)
        case "like":
            a, b = (value(arg, feature) for arg in args)
            return None if a is None else re.fullmatch(pattern(b), a, re.S) is not None
        case "=" | "<>" | "<" | ">" | "<=" | ">=":
            return compared(op, *(value(arg, feature) for arg in args))
    if op.startswith("t_"):
        spans = [span(arg, feature) for arg in args]
        return None if None in spans else temporal(op, *spans[0], *spans[1])
    return spatial(op, args, feature)


def compared(op, a, b):
    if a is None or b is None:
        return None
    if isinstance(a, str) and isinstance(b, str) and instant(a) and instant(b):
        a, b = instant(a), instant(b)
    return {"=": a == b, "<>": a != b}.get(op) if op in ("=", "<>") else eval("a" + op + "b")


def pattern(like):
    out, escaped = "", False
    for it in like:
        if escaped or it not in "%_\\":
            out, escaped = out + re.escape(it), False
        elif it == "\\":
            escaped = True
        else:
            out += ".*" if it == "%" else "."
    return out


def instant(it):
    if not re.match(r"\d{4}-\d\d-\d\d(T|$)", it):
        return None
    return datetime.fromisoformat(it.replace("Z", "+00:00")) if "T" in it else datetime.fromisoformat(it + "T00:00:00+00:00")


def span(it, feature):
    if isinstance(it, It) and it.op == "interval":
        ends = [value(arg, feature) for arg in it.args]
        if None in ends:
            return None
        ends = [ALWAYS if ends[0] == ".." else instant(ends[0]), NEVER if ends[1] == ".." else instant(ends[1])]
        return ends if ends[0] <= ends[1] else None
    at = value(it, feature)
    return None if at is None else [instant(at)] * 2


def temporal(op, a, b, c, d):
    """ISO 19108, as CQL2 (7.9) has it in its table."""
    return {
        "t_after": a > d,
        "t_before": b < c,
        "t_contains": a < c and b > d,
        "t_disjoint": b < c or a > d,
        "t_during": a > c and b < d,
        "t_equals": a == c and b == d,
        "t_finishedby": a < c and b == d,
        "t_finishes": a > c and b == d,
        "t_intersects": not (b < c or a > d),
        "t_meets": b == c,
        "t_metby": a == d,
        "t_overlappedby": a > c and a < d and b > d,
        "t_overlaps": a < c and b > c and b < d,
        "t_startedby": a == c and b > d,
        "t_starts": a == c and b < d,
    }[op]


SHAPES = {}


def shape(it, feature):
    if it.op == "property":
        if feature["geometry"] is None:
            return None
        # Kept: the same features are asked again and again.
        key = id(feature)
        if key not in SHAPES:
            SHAPES[key] = (feature, ogr.CreateGeometryFromJson(json.dumps(feature["geometry"])))
        return SHAPES[key][1]
    if it.op == "bbox":
        west, south, east, north = it.args[0]
        boxes = [(west, east)] if west <= east else [(west, 180), (-180, east)]
        rings = [[[[w, south], [e, south], [e, north], [w, north], [w, south]]] for w, e in boxes]
        return ogr.CreateGeometryFromJson(json.dumps({"type": "MultiPolygon", "coordinates": rings}))
    return ogr.CreateGeometryFromJson(json.dumps(it.args[0]))


def spatial(op, args, feature):
    """By GEOS, in degrees."""
    one, other = (shape(arg, feature) for arg in args)
    if one is None or other is None:
        return None
    ways = {"s_intersects": "Intersects", "s_disjoint": "Disjoint", "s_equals": "Equals", "s_touches": "Touches"}
    ways |= {"s_crosses": "Crosses", "s_within": "Within", "s_contains": "Contains", "s_overlaps": "Overlaps"}
    return getattr(one, ways[op])(other)
