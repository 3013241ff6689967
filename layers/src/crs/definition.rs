//! A coordinate reference system: its code, its axes, where it holds.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use proj::Proj;
use serde_json::Value as Json;

use super::{CrsError, database, identify};

/// A geographic or projected reference system. Cheap to clone; equal when code (or definition) is equal.
#[derive(Clone)]
pub struct Crs(Arc<Info>);

/// What is known of a CRS, read once from PROJ.
struct Info {
    /// `EPSG:7795`, `OGC:CRS84`, or the definition itself.
    key: String,
    /// What PROJ is given: as `key`, or the horizontal part of a compound definition as PROJJSON.
    source: String,
    code: Option<u32>,
    name: String,
    geographic: bool,
    axes: Axes,
    area: Option<[f64; 4]>,
    datum: String,
    /// Longitude of the prime meridian, degrees east of Greenwich.
    meridian: f64,
}

/// How authority order relates to (east, north).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Axes {
    /// The first axis is the north one.
    pub(super) north_first: bool,
    /// The east axis counts westwards.
    pub(super) west: bool,
    /// The north axis counts southwards.
    pub(super) south: bool,
}

impl Axes {
    const EAST_NORTH: Self = Self { north_first: false, west: false, south: false };
    const NORTH_EAST: Self = Self { north_first: true, west: false, south: false };

    /// Authority order → (east, north).
    pub(super) fn to_xy(self, authority: [f64; 2]) -> [f64; 2] {
        let [x, y] = if self.north_first { [authority[1], authority[0]] } else { authority };
        [if self.west { -x } else { x }, if self.south { -y } else { y }]
    }

    /// (east, north) → authority order.
    pub(super) fn to_authority(self, [x, y]: [f64; 2]) -> [f64; 2] {
        let [x, y] = [if self.west { -x } else { x }, if self.south { -y } else { y }];
        if self.north_first { [y, x] } else { [x, y] }
    }
}

/// PROJ's name of the datum of WGS 84, before "ensemble".
const WGS84_DATUM: &str = "World Geodetic System 1984";

/// EPSG codes met so far (a finite set: only codes that exist are kept).
static KNOWN: LazyLock<RwLock<HashMap<u32, Crs>>> = LazyLock::new(RwLock::default);

/// WGS 84 and Web Mercator need no database to be known.
static WGS84: LazyLock<Crs> = LazyLock::new(|| built_in(4326, "WGS 84", true, Axes::NORTH_EAST, 90.0));
static WEB_MERCATOR: LazyLock<Crs> =
    LazyLock::new(|| built_in(3857, "WGS 84 / Pseudo-Mercator", false, Axes::EAST_NORTH, 85.06));

fn built_in(code: u32, name: &str, geographic: bool, axes: Axes, north: f64) -> Crs {
    Crs(Arc::new(Info {
        key: format!("EPSG:{code}"),
        source: format!("EPSG:{code}"),
        code: Some(code),
        name: name.to_owned(),
        geographic,
        axes,
        area: Some([-180.0, -north, 180.0, north]),
        datum: WGS84_DATUM.to_owned(),
        meridian: 0.0,
    }))
}

impl Crs {
    /// EPSG:4326, WGS 84 with latitude first in authority order.
    pub fn wgs84() -> Self {
        WGS84.clone()
    }

    /// EPSG:3857, the CRS of web map tiles. Never measure in it.
    pub fn web_mercator() -> Self {
        WEB_MERCATOR.clone()
    }

    /// OGC:CRS84: WGS 84 with longitude first, the default CRS of OGC API and `GeoJSON`.
    pub fn crs84() -> Self {
        static CRS84: LazyLock<Crs> = LazyLock::new(|| {
            Crs(Arc::new(Info {
                key: "OGC:CRS84".to_owned(),
                source: "EPSG:4326".to_owned(),
                code: Some(4326),
                name: "WGS 84 (CRS84)".to_owned(),
                geographic: true,
                axes: Axes::EAST_NORTH,
                area: Some([-180.0, -90.0, 180.0, 90.0]),
                datum: WGS84_DATUM.to_owned(),
                meridian: 0.0,
            }))
        });
        CRS84.clone()
    }

    /// The CRS of an EPSG code.
    ///
    /// # Errors
    /// [`CrsError::Unknown`] when EPSG (version 12.013) has no such code, [`CrsError::Unsupported`] when it is not
    /// geographic or projected, [`CrsError::Database`] when there is no place for the registry.
    pub fn epsg(code: u32) -> Result<Self, CrsError> {
        match code {
            4326 => return Ok(Self::wgs84()),
            3857 => return Ok(Self::web_mercator()),
            _ => {}
        }
        if let Some(crs) = KNOWN.read().unwrap_or_else(PoisonError::into_inner).get(&code) {
            return Ok(crs.clone());
        }
        let key = format!("EPSG:{code}");
        if !(1024..=99_999).contains(&code) {
            return Err(unknown(&key, "EPSG codes run from 1024 to 99999"));
        }
        let mut crs = Self::read(&key)?;
        if let Some(info) = Arc::get_mut(&mut crs.0) {
            info.code = Some(code);
        }
        KNOWN.write().unwrap_or_else(PoisonError::into_inner).insert(code, crs.clone());
        Ok(crs)
    }

    /// The CRS that a short text names: `EPSG:7795`, `7795`, an OGC URI
    /// (`http://www.opengis.net/def/crs/EPSG/0/6706`, with `https`, `[…]` or `#` forms), a URN
    /// (`urn:ogc:def:crs:EPSG::6706`), `CRS84` in any of these forms. Case does not matter.
    ///
    /// WKT and PROJ strings are read by [`Crs::from_definition`], which also takes all of these.
    ///
    /// # Errors
    /// As [`Crs::epsg`]; [`CrsError::Unknown`] for any other text.
    pub fn parse(text: &str) -> Result<Self, CrsError> {
        match identify::short_form(text) {
            Some(identify::ShortForm::Epsg(code)) => Self::epsg(code),
            Some(identify::ShortForm::Crs84) => Ok(Self::crs84()),
            None => Err(unknown(text, "it is neither a code nor an OGC URI or URN")),
        }
    }

    /// The CRS that a definition describes: everything that [`Crs::parse`] takes, the WKT of a `.prj` (ESRI or
    /// OGC, version 1 or 2), PROJJSON or a PROJ string. A definition is matched to an EPSG code by its authority
    /// node, then by its name, then by its projection parameters; one that matches none keeps its definition
    /// (no [`Crs::code`]) and still transforms where its datum is known.
    ///
    /// # Errors
    /// [`CrsError::Unknown`] when PROJ cannot read it, [`CrsError::Unsupported`] when it is no map CRS.
    pub fn from_definition(definition: &str) -> Result<Self, CrsError> {
        let definition = definition.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
        if identify::short_form(definition).is_some() {
            return Self::parse(definition);
        }
        if !identify::looks_like_definition(definition) {
            return Err(unknown(definition, "it is neither a code nor a WKT, PROJJSON or PROJ definition"));
        }
        let definition = identify::as_crs(definition);
        let custom = Self::read(&definition)?;
        Ok(identify::code_of(&custom).and_then(|code| Self::epsg(code).ok()).unwrap_or(custom))
    }

    /// Asks PROJ about `key`.
    fn read(key: &str) -> Result<Self, CrsError> {
        if key.contains('\0') {
            return Err(unknown(key, "it holds a NUL byte"));
        }
        let proj = database::builder()?.proj(key).map_err(|error| unknown(key, &error.to_string()))?;
        let json = identify::projjson(&proj).ok_or_else(|| unknown(key, "PROJ cannot describe it"))?;
        let horizontal = identify::horizontal(&json);
        let source = if std::ptr::eq(horizontal, &raw const json) { key.to_owned() } else { horizontal.to_string() };
        let described = identify::base(horizontal);
        let kind = described["type"].as_str().unwrap_or("object of unknown type");
        let name = described["name"].as_str().unwrap_or("unnamed").to_owned();
        let geographic = kind == "GeographicCRS";
        if !geographic && kind != "ProjectedCRS" {
            return Err(CrsError::Unsupported { name, kind: kind.to_owned() });
        }
        Ok(Self(Arc::new(Info {
            key: key.to_owned(),
            source,
            code: None,
            name,
            geographic,
            axes: axes(described),
            area: area(&proj),
            datum: identify::datum_name(described).unwrap_or_default().to_owned(),
            meridian: identify::meridian(described),
        })))
    }

    /// The EPSG code whose coordinates, east before north, these are (CRS84 gives 4326); none for a definition
    /// that matches no code.
    pub fn code(&self) -> Option<u32> {
        self.0.code
    }

    /// As OGC APIs name it: `http://www.opengis.net/def/crs/EPSG/0/7795`,
    /// `http://www.opengis.net/def/crs/OGC/1.3/CRS84`; the definition itself when there is no code.
    pub fn uri(&self) -> String {
        match (self.0.key.as_str(), self.0.code) {
            ("OGC:CRS84", _) => "http://www.opengis.net/def/crs/OGC/1.3/CRS84".to_owned(),
            (_, Some(code)) => format!("http://www.opengis.net/def/crs/EPSG/0/{code}"),
            (definition, None) => definition.to_owned(),
        }
    }

    /// Its definition as WKT 2 (ISO 19162:2019), axes in authority order, for files that carry one.
    ///
    /// # Errors
    /// [`CrsError::Database`] when there is no place for the registry, [`CrsError::Unknown`] when PROJ cannot write it.
    pub fn wkt(&self) -> Result<String, CrsError> {
        let Info { key, source, .. } = &*self.0;
        let proj = database::builder()?.proj(source).map_err(|error| unknown(key, &error.to_string()))?;
        proj.as_wkt(None, None).map_err(|error| unknown(key, &error.to_string()))
    }

    /// Its definition as PROJJSON, for files that carry one.
    ///
    /// # Errors
    /// As [`Self::wkt`].
    pub fn projjson(&self) -> Result<serde_json::Value, CrsError> {
        let Info { key, source, .. } = &*self.0;
        let proj = database::builder()?.proj(source).map_err(|error| unknown(key, &error.to_string()))?;
        identify::projjson(&proj).ok_or_else(|| unknown(key, "PROJ cannot describe it"))
    }

    /// The authority's name, such as `RDN2008 / Zone 12 (E-N)`.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// True for longitude and latitude in degrees, false for a projection in metres.
    pub fn is_geographic(&self) -> bool {
        self.0.geographic
    }

    /// True when the authority's order is latitude (or northing) first: what is read or written in authority
    /// order is then swapped by the caller.
    pub fn north_first(&self) -> bool {
        self.0.axes.north_first
    }

    /// The resolution that a layer in this CRS has unless it says otherwise: 1 mm, or 1e-8° (about 1 mm).
    pub fn default_resolution(&self) -> f64 {
        if self.is_geographic() { 1e-8 } else { 0.001 }
    }

    /// Where it is meant to be used: west, south, east, north in degrees (the whole Earth when not said).
    pub fn area_of_use(&self) -> [f64; 4] {
        self.0.area.unwrap_or([-180.0, -90.0, 180.0, 90.0])
    }

    /// What PROJ is given to build it.
    pub(super) fn source(&self) -> &str {
        &self.0.source
    }

    /// Its order of axes.
    pub(super) fn axes(&self) -> Axes {
        // CRS84 is transformed as EPSG:4326, whose axes PROJ expects.
        if self.0.source == "EPSG:4326" { Axes::NORTH_EAST } else { self.0.axes }
    }

    /// On the old Italian datum, which has one transformation per area.
    pub(super) fn is_monte_mario(&self) -> bool {
        self.0.datum.contains("Monte Mario")
    }

    /// On WGS 84 itself (not on a datum that is held to be the same).
    pub(super) fn is_wgs84_datum(&self) -> bool {
        self.0.datum.starts_with(WGS84_DATUM)
    }

    /// Longitude of the prime meridian, degrees east of Greenwich.
    pub(super) fn meridian(&self) -> f64 {
        self.0.meridian
    }

    /// Longitude and latitude on a datum that is WGS 84 for our purposes (within 1 m, and by law the same).
    pub(super) fn is_wgs84_like(&self) -> bool {
        matches!(self.0.code, Some(4326 | 4258 | 6706))
    }
}

/// The axes of a CRS in PROJJSON.
fn axes(crs: &Json) -> Axes {
    let direction = |index: usize| crs["coordinate_system"]["axis"][index]["direction"].as_str().unwrap_or_default();
    let (first, second) = (direction(0), direction(1));
    let vertical = |direction: &str| matches!(direction, "north" | "south");
    // Polar systems have two axes that both point north (or south), along two meridians: they stay as they are.
    let north_first = vertical(first) && !vertical(second);
    let (x, y) = if north_first { (second, first) } else { (first, second) };
    Axes { north_first, west: x == "west", south: y == "south" && !vertical(x) }
}

/// The published area of use.
fn area(proj: &Proj) -> Option<[f64; 4]> {
    let (area, _) = proj.area_of_use().ok()?;
    area.map(|area| [area.west, area.south, area.east, area.north])
}

/// "CRS … is not known" with a definition that fits a line.
fn unknown(definition: &str, reason: &str) -> CrsError {
    let mut short: String = definition.chars().take(80).collect();
    if short.len() < definition.len() {
        short.push('…');
    }
    CrsError::Unknown { definition: short, reason: reason.to_owned() }
}

impl PartialEq for Crs {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.key == other.0.key
    }
}

impl Eq for Crs {}

impl Hash for Crs {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.key.hash(state);
    }
}

/// `EPSG:7795`, `OGC:CRS84`, or the name of a definition without a code.
impl fmt::Display for Crs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.code.is_some() { &self.0.key } else { &self.0.name })
    }
}

impl fmt::Debug for Crs {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Crs({self})")
    }
}
