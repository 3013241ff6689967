//! From a definition to an EPSG code.
//!
//! PROJ's own `identify` is not in the safe interface, so a definition goes three ways: its authority node, its
//! name (ESRI's names are in the table), its parameters compared with those of the CRSs that Italian offices use.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use proj::Proj;
use serde_json::Value as Json;

use super::{Crs, database};

/// A CRS named by code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ShortForm {
    Epsg(u32),
    Crs84,
}

/// Codes whose parameters an unnamed definition is compared with; among equals the first wins.
const COMPARED: &[u32] = &[
    4326, 4258, 6706, 4265, 4806, 4230, 4670, 32632, 32633, 32634, 32631, 25832, 25833, 25834, 25831, 7791, 7792, 7793,
    7794, 7795, 3003, 3004, 3035, 3857, 23032, 23033, 3064, 3065, 9716, 26591, 26592, 5659, 2154, 4171, 3034,
];

/// Names (ESRI's, GDAL's and the plain ones) by code, letters and digits only, lower case.
const NAMES: &[(&str, u32)] = &[
    ("gcswgs1984", 4326),
    ("wgs84", 4326),
    ("gcsetrs1989", 4258),
    ("etrs89", 4258),
    ("gcsrdn2008", 6706),
    ("rdn2008", 6706),
    ("gcsmontemario", 4265),
    ("montemario", 4265),
    ("gcsmontemariorome", 4806),
    ("montemariorome", 4806),
    ("gcseuropean1950", 4230),
    ("ed50", 4230),
    ("gcsigm1995", 4670),
    ("igm95", 4670),
    ("montemarioitaly1", 3003),
    ("montemarioitalyzone1", 3003),
    ("montemarioitaly2", 3004),
    ("montemarioitalyzone2", 3004),
    ("montemarioromeitaly1", 26591),
    ("montemarioromeitaly2", 26592),
    ("etrs1989utmzone31n", 25831),
    ("etrs1989utmzone32n", 25832),
    ("etrs1989utmzone33n", 25833),
    ("etrs1989utmzone34n", 25834),
    ("etrs89utmzone32n", 25832),
    ("etrs89utmzone33n", 25833),
    ("wgs1984utmzone31n", 32631),
    ("wgs1984utmzone32n", 32632),
    ("wgs1984utmzone33n", 32633),
    ("wgs1984utmzone34n", 32634),
    ("wgs84utmzone32n", 32632),
    ("wgs84utmzone33n", 32633),
    ("ed1950utmzone32n", 23032),
    ("ed1950utmzone33n", 23033),
    ("ed50utmzone32n", 23032),
    ("ed50utmzone33n", 23033),
    ("igm1995utmzone32n", 3064),
    ("igm1995utmzone33n", 3065),
    ("igm95utmzone32n", 3064),
    ("igm95utmzone33n", 3065),
    ("rdn2008utmzone32n", 7791),
    ("rdn2008utmzone33n", 7792),
    ("rdn2008utmzone34n", 7793),
    ("rdn2008tm32", 7791),
    ("rdn2008tm33", 7792),
    ("rdn2008tm34", 7793),
    ("rdn2008utmzone32nne", 6707),
    ("rdn2008utmzone33nne", 6708),
    ("rdn2008utmzone34nne", 6709),
    ("rdn2008italyzone", 7794),
    ("rdn2008italyzoneen", 7794),
    ("rdn2008italyzonene", 6875),
    ("rdn2008zone12", 7795),
    ("rdn2008zone12en", 7795),
    ("rdn2008zone12ne", 6876),
    ("etrs1989laea", 3035),
    ("etrs89laeaeurope", 3035),
    ("etrs89extendedlaeaeurope", 3035),
    ("etrs1989lcc", 3034),
    ("wgs1984webmercatorauxiliarysphere", 3857),
    ("wgs84pseudomercator", 3857),
    ("rgf1993lambert93", 2154),
    ("rgf93lambert93", 2154),
    ("rgf93v1lambert93", 2154),
];

/// `EPSG:7795`, `7795`, URIs, URNs, `CRS84`.
pub(super) fn short_form(text: &str) -> Option<ShortForm> {
    let lower = text.trim().trim_start_matches('<').trim_end_matches('>').trim().to_ascii_lowercase();
    let lower = lower.trim_start_matches('[').trim_end_matches(']');
    if lower.len() > 100 {
        return None;
    }
    // The last two parts of every form are the authority (perhaps with a version between) and the code.
    let mut parts = lower.rsplit([':', '/', '#']).map(str::trim);
    let code = parts.next()?;
    let known = [
        "",
        "epsg:",
        "epsg/",
        "urn:ogc:def:crs:",
        "urn:x-ogc:def:crs:",
        "http://www.opengis.net/def/crs/",
        "https://www.opengis.net/def/crs/",
        "http://opengis.net/def/crs/",
        "https://opengis.net/def/crs/",
        "http://www.opengis.net/gml/srs/",
        "https://www.opengis.net/gml/srs/",
        "ogc:",
        "crs:",
        "esri:",
    ];
    let head = lower.strip_suffix(code).unwrap_or_default().trim_end();
    let head_known = known.iter().any(|prefix| {
        head == *prefix
            || (prefix.len() > 8 && head.starts_with(prefix))
            || (head.trim_end_matches(':').trim() == "epsg")
    });
    if !head_known {
        return None;
    }
    if matches!(code, "crs84" | "crs84h") {
        return Some(ShortForm::Crs84);
    }
    let authority = if head.is_empty() { "epsg" } else { authority_of(head)? };
    if authority != "epsg" || code.is_empty() || code.len() > 6 || !code.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    code.parse().ok().map(ShortForm::Epsg)
}

/// The authority in the head of a URI or URN.
fn authority_of(head: &str) -> Option<&'static str> {
    head.split([':', '/', '.', '#']).any(|part| part.trim() == "epsg").then_some("epsg")
}

/// WKT, PROJJSON or a PROJ string, by its first characters (PROJ is not asked about arbitrary text: it would
/// search its whole registry for a similar name).
pub(super) fn looks_like_definition(text: &str) -> bool {
    const WKT: &[&str] = &[
        "PROJCS[",
        "GEOGCS[",
        "COMPD_CS[",
        "PROJCRS[",
        "PROJECTEDCRS[",
        "GEOGCRS[",
        "GEODCRS[",
        "GEOGRAPHICCRS[",
        "GEODETICCRS[",
        "COMPOUNDCRS[",
        "BOUNDCRS[",
        "PROJCS(",
        "GEOGCS(",
    ];
    let head: String = text.chars().filter(|c| !c.is_whitespace()).take(20).collect::<String>().to_ascii_uppercase();
    WKT.iter().any(|keyword| head.starts_with(keyword))
        || head.starts_with("+PROJ=")
        || head.starts_with("PROJ=")
        || head.starts_with("+INIT=EPSG:")
        || text.starts_with('{')
        || (head.starts_with('+') && text.to_ascii_lowercase().contains("+proj="))
}

/// A PROJ string is made a CRS by `+type=crs`; `+init=epsg:n` is the code.
pub(super) fn as_crs(definition: &str) -> String {
    let lower = definition.to_ascii_lowercase();
    if let Some((_, rest)) = lower.split_once("+init=epsg:") {
        let code: String = rest.chars().take_while(char::is_ascii_digit).collect();
        return format!("EPSG:{code}");
    }
    let is_proj = lower.trim_start_matches('+').starts_with("proj=") || lower.contains("+proj=");
    if is_proj && !lower.contains("type=crs") && !lower.starts_with('{') && !lower.contains('[') {
        format!("{definition} +type=crs")
    } else {
        definition.to_owned()
    }
}

/// PROJ's description of an object.
pub(super) fn projjson(proj: &Proj) -> Option<Json> {
    serde_json::from_str(&proj.to_projjson(Some(false), None, None).ok()?).ok()
}

/// The horizontal part of a compound CRS; anything else as it is.
pub(super) fn horizontal(crs: &Json) -> &Json {
    if crs["type"] == "CompoundCRS" { &crs["components"][0] } else { crs }
}

/// The CRS that a `BoundCRS` (one with `TOWGS84`) binds; anything else as it is.
pub(super) fn base(crs: &Json) -> &Json {
    if crs["type"] == "BoundCRS" { base(&crs["source_crs"]) } else { crs }
}

/// The geographic CRS below a projected one; a geographic one itself.
fn geographic(crs: &Json) -> &Json {
    if crs["base_crs"].is_object() { &crs["base_crs"] } else { crs }
}

/// The datum or datum ensemble below a CRS.
fn datum(crs: &Json) -> &Json {
    let geographic = geographic(crs);
    if geographic["datum"].is_object() { &geographic["datum"] } else { &geographic["datum_ensemble"] }
}

/// The name of the datum or datum ensemble below a CRS.
pub(super) fn datum_name(crs: &Json) -> Option<&str> {
    datum(crs)["name"].as_str()
}

/// Longitude of the prime meridian below a CRS, degrees east of Greenwich.
pub(super) fn meridian(crs: &Json) -> f64 {
    number(&datum(crs)["prime_meridian"]["longitude"]).unwrap_or(0.0)
}

/// The EPSG code of a definition, if one is sure enough.
pub(super) fn code_of(crs: &Crs) -> Option<u32> {
    let described = describe(crs.source())?;
    let described = base(horizontal(&described));
    if described["id"]["authority"] == "EPSG" {
        return described["id"]["code"].as_u64().and_then(|code| u32::try_from(code).ok());
    }
    let plain = plain(described["name"].as_str().unwrap_or_default());
    let named = NAMES.iter().find(|(name, _)| *name == plain).map(|(_, code)| *code);
    named
        .into_iter()
        .chain(COMPARED.iter().copied())
        .find(|code| registered(*code).is_some_and(|known| same_system(described, &known, named == Some(*code))))
}

/// The description of a code of the tables above, asked of PROJ once.
fn registered(code: u32) -> Option<Arc<Json>> {
    static KNOWN: LazyLock<Mutex<HashMap<u32, Arc<Json>>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(json) = known.get(&code) {
        return Some(Arc::clone(json));
    }
    let json = Arc::new(describe(&format!("EPSG:{code}"))?);
    known.insert(code, Arc::clone(&json));
    Some(json)
}

pub(super) fn describe(source: &str) -> Option<Json> {
    projjson(&database::builder().ok()?.proj(source).ok()?)
}

/// Letters and digits, lower case.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Same kind, datum, prime meridian, projection and parameters. The order of axes is no part of it: definitions
/// in files are east first. `named`: the names agree, so an unknown datum is taken as meant.
fn same_system(one: &Json, known: &Json, named: bool) -> bool {
    one["type"] == known["type"]
        && same_datum(one, known, named)
        && same_projection(&one["conversion"], &known["conversion"])
}

fn same_datum(one: &Json, known: &Json, named: bool) -> bool {
    if (meridian(one) - meridian(known)).abs() > 1e-7 {
        return false;
    }
    let (one_datum, known_datum) = (datum(one), datum(known));
    let name = |datum: &Json| plain(datum["name"].as_str().unwrap_or_default()).replace("ensemble", "");
    let (one_name, known_name) = (name(one_datum), name(known_datum));
    if one_name == known_name
        || (!one_name.is_empty() && one_name == plain(geographic(known)["name"].as_str().unwrap_or_default()))
    {
        return true;
    }
    let unnamed = one_name.starts_with("unknown") || one_name.is_empty() || one_name.contains("basedon");
    (named || unnamed) && same_ellipsoid(&one_datum["ellipsoid"], &known_datum["ellipsoid"])
}

fn same_ellipsoid(one: &Json, known: &Json) -> bool {
    let axis = |ellipsoid: &Json| number(&ellipsoid["semi_major_axis"]);
    let flattening = |ellipsoid: &Json| {
        number(&ellipsoid["inverse_flattening"]).or_else(|| {
            let (a, b) = (number(&ellipsoid["semi_major_axis"])?, number(&ellipsoid["semi_minor_axis"])?);
            Some(a / (a - b))
        })
    };
    close(axis(one), axis(known), 1e-3) && close(flattening(one), flattening(known), 1e-6)
}

fn same_projection(one: &Json, known: &Json) -> bool {
    if one.is_null() && known.is_null() {
        return true;
    }
    let method = |conversion: &Json| plain(conversion["method"]["name"].as_str().unwrap_or_default());
    let (Some(ours), Some(theirs)) = (one["parameters"].as_array(), known["parameters"].as_array()) else {
        return false;
    };
    let value = |name: &str| theirs.iter().find(|own| own["name"] == name).map(|own| number(&own["value"]));
    let agrees = |name: &str, wanted: Option<f64>| value(name).is_some_and(|value| close(value, wanted, 1e-7));
    method(one) == method(known)
        && ours.len() == theirs.len()
        && (ours.iter().all(|own| agrees(own["name"].as_str().unwrap_or_default(), number(&own["value"])))
            || ours
                .iter()
                .all(|own| agrees(exchanged(own["name"].as_str().unwrap_or_default()), number(&own["value"]))))
}

/// The parameter with which another may change places: a cone touches its two standard parallels in any order.
fn exchanged(name: &str) -> &str {
    const PARALLELS: [&str; 2] = ["Latitude of 1st standard parallel", "Latitude of 2nd standard parallel"];
    match PARALLELS.iter().position(|parallel| *parallel == name) {
        Some(at) => PARALLELS[1 - at],
        None => name,
    }
}

/// A plain number, or one with its unit (degrees for angles).
fn number(value: &Json) -> Option<f64> {
    let factor = |unit: &Json| number(&unit["conversion_factor"]);
    match value {
        Json::Number(number) => number.as_f64(),
        Json::Object(object) => {
            let plain = object.get("value")?.as_f64()?;
            let unit = object.get("unit").unwrap_or(&Json::Null);
            let angular = unit["type"] == "AngularUnit";
            Some(plain * factor(unit).unwrap_or(1.0) * if angular { 180.0 / std::f64::consts::PI } else { 1.0 })
        }
        _ => None,
    }
}

fn close(one: Option<f64>, other: Option<f64>, tolerance: f64) -> bool {
    matches!((one, other), (Some(one), Some(other)) if (one - other).abs() <= tolerance)
}
