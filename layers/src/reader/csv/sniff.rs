//! What a CSV does not say of itself: delimiter, encoding, and which columns hold the place.

use crate::reader::ReadError;
use crate::reader::open::{OpenOptions, listed};

/// Column names that mean x, in Italian and English, compared in lower case without `_`, `-`, blanks and dots.
const X_NAMES: [&str; 23] = [
    "x",
    "lon",
    "long",
    "lng",
    "longitude",
    "longitudine",
    "est",
    "east",
    "easting",
    "coordx",
    "xcoord",
    "coordinatax",
    "pointx",
    "lonwgs84",
    "longwgs84",
    "xwgs84",
    "decimallongitude",
    "coordest",
    "coordinataest",
    "longx",
    "geox",
    "lonx",
    "stoplon",
];
/// The same for y.
const Y_NAMES: [&str; 23] = [
    "y",
    "lat",
    "latit",
    "lt",
    "latitude",
    "latitudine",
    "nord",
    "north",
    "northing",
    "coordy",
    "ycoord",
    "coordinatay",
    "pointy",
    "latwgs84",
    "latitwgs84",
    "ywgs84",
    "decimallatitude",
    "coordnord",
    "coordinatanord",
    "laty",
    "geoy",
    "latx",
    "stoplat",
];
/// The same for geometries as text.
const WKT_NAMES: [&str; 11] = [
    "wkt",
    "geom",
    "geometry",
    "thegeom",
    "geometria",
    "geomwkt",
    "wktgeom",
    "shape",
    "geometrywkt",
    "wkbgeometry",
    "geomwkb",
];

/// Where the place of a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Nowhere,
    Columns { x: usize, y: usize },
    Wkt(usize),
}

/// The delimiter that cuts the first lines into the same number of columns, at least two.
pub(super) fn delimiter(text: &str) -> u8 {
    let mut best = (0, b',');
    for candidate in [b',', b';', b'\t', b'|'] {
        let mut reader = csv::ReaderBuilder::new()
            .delimiter(candidate)
            .has_headers(false)
            .flexible(true)
            .from_reader(text.as_bytes());
        // The last record of the sample may be cut off.
        let counts: Vec<usize> = reader.byte_records().flatten().take(50).map(|record| record.len()).collect();
        let sure = if counts.len() > 2 { &counts[..counts.len() - 1] } else { &counts[..] };
        let Some(&columns) = sure.first() else { continue };
        let alike = sure.iter().filter(|&&count| count == columns).count();
        let score = if columns < 2 { 0 } else { alike * 1000 / sure.len() * 1000 + columns };
        if score > best.0 {
            best = (score, candidate);
        }
    }
    best.1
}

fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Finds the columns that hold the place.
pub(super) fn place(header: &[String], sample: &[Vec<String>], options: &OpenOptions) -> Result<Place, ReadError> {
    let named = |name: &str| {
        header
            .iter()
            .position(|column| column == name)
            .or_else(|| header.iter().position(|column| column.eq_ignore_ascii_case(name)))
            .ok_or_else(|| {
                let columns = listed(header.iter().map(String::as_str));
                ReadError::File(format!("there is no column `{name}`; the columns are {columns}"))
            })
    };
    if let Some(name) = &options.wkt_column {
        return Ok(Place::Wkt(named(name)?));
    }
    match (&options.x_column, &options.y_column) {
        (Some(x), Some(y)) => return Ok(Place::Columns { x: named(x)?, y: named(y)? }),
        (None, None) => {}
        _ => return Err(ReadError::File("the columns of x and y have to be named both, or neither".into())),
    }
    let names: Vec<String> = header.iter().map(|name| plain(name)).collect();
    let filled = |at: usize| sample.iter().filter_map(move |row| row.get(at)).filter(|value| !value.trim().is_empty());
    // Most values have to fit: one bad row does not hide the place of all others.
    let fitting = |at: usize, fits: &dyn Fn(&str) -> bool| {
        let (mut all, mut good) = (0, 0);
        for value in filled(at).take(20) {
            all += 1;
            good += usize::from(fits(value));
        }
        good * 2 >= all
    };
    let among = |list: &[&str], fits: &dyn Fn(&str) -> bool| {
        list.iter().find_map(|wanted| {
            names.iter().enumerate().find(|(at, name)| name == wanted && fitting(*at, fits)).map(|(at, _)| at)
        })
    };
    if let Some(at) = among(&WKT_NAMES, &super::looks_like_geometry)
        && filled(at).next().is_some()
    {
        return Ok(Place::Wkt(at));
    }
    let number = |value: &str| super::number(value).is_some();
    Ok(match (among(&X_NAMES, &number), among(&Y_NAMES, &number)) {
        (Some(x), Some(y)) => Place::Columns { x, y },
        _ => Place::Nowhere,
    })
}

/// Whether the sampled values of x and y could be degrees.
pub(super) fn could_be_degrees(sample: &[Vec<String>], x: usize, y: usize) -> bool {
    let within = |at: usize, limit: f64| {
        sample.iter().filter_map(|row| super::number(row.get(at)?)).all(|value| value.abs() <= limit)
    };
    within(x, 180.0) && within(y, 90.0)
}

/// Whether a column name says longitude.
pub(super) fn says_longitude(name: &str) -> bool {
    let name = plain(name);
    name.starts_with("lon") || name.contains("wgs84") || ["lng", "decimallongitude", "stoplon"].contains(&&*name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delimiters_are_told_apart() {
        assert_eq!(delimiter("a,b\n1,2\n3,4\n"), b',');
        assert_eq!(delimiter("a;b\n1,5;2,5\n3,1;4,2\n"), b';');
        assert_eq!(delimiter("a\tb c, d\n1\t2, 3, 4\n"), b'\t');
        assert_eq!(delimiter("a|b\n1|2\n"), b'|');
        assert_eq!(delimiter("\"a;b\",c\n\"x;y;z\",2\n\"x\",3\n"), b',');
        assert_eq!(delimiter("single\n1\n2\n"), b',');
    }

    #[test]
    fn places_are_found_in_both_languages_or_where_the_user_says() {
        let header = |names: &str| names.split(',').map(str::to_owned).collect::<Vec<_>>();
        let row = |values: &str| vec![header(values)];
        let none = OpenOptions::default();
        let find = |h: &str, r: &str| place(&header(h), &row(r), &none).expect("a place");
        assert_eq!(find("id,Latitudine,Longitudine", "1,45.4,12.3"), Place::Columns { x: 2, y: 1 });
        assert_eq!(find("COORD_X,COORD_Y", "2307149.6,5042467.7"), Place::Columns { x: 0, y: 1 });
        assert_eq!(find("x,y,lon,lat", "a,b,12,45"), Place::Columns { x: 2, y: 3 });
        assert_eq!(find("stop_id,stop_lat,stop_lon", "5078,45.419617,12.355350"), Place::Columns { x: 2, y: 1 });
        assert_eq!(find("nome,the_geom", "a,POINT(1 2)"), Place::Wkt(1));
        assert_eq!(find("nome,shape", "a,round"), Place::Nowhere);
        let options = OpenOptions { x_column: Some("E".into()), y_column: Some("n".into()), ..none.clone() };
        assert_eq!(place(&header("n,e"), &[], &options).expect("named"), Place::Columns { x: 1, y: 0 });
        let missing = OpenOptions { wkt_column: Some("g".into()), ..none };
        let message = place(&header("n,e"), &[], &missing).expect_err("missing").to_string();
        assert!(message.contains("`g`") && message.contains("`n`, `e`"), "{message}");
    }
}
