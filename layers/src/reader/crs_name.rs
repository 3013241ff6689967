//! The many ways in which files name a CRS.

use super::SourceCrs;
use crate::crs::Crs;

/// A CRS name as it stands in a file, and whether the form of the name obliges coordinates to follow the axis order
/// of the authority.
///
/// URNs and `/def/crs/` URIs do (OGC 07-092r3, OGC 09-048r5); `EPSG:4326` and the `epsg.xml#4326` of GML 2 are east
/// before north by long custom.
pub(super) fn parse(name: &str) -> (SourceCrs, bool) {
    let name = name.trim();
    let upper = name.to_ascii_uppercase();
    if upper.is_empty() {
        return (SourceCrs::Undeclared, false);
    }
    if upper.ends_with("CRS84") || upper.ends_with("CRS84H") {
        return (SourceCrs::Epsg(4326), false);
    }
    let urn = upper.starts_with("URN:");
    let uri = upper.contains("/DEF/CRS/");
    let custom = upper.starts_with("EPSG:") || upper.contains("EPSG.XML#");
    let code = upper.rsplit([':', '/', '#']).next().and_then(|code| code.parse().ok());
    match code {
        Some(code) if upper.contains("EPSG") && (urn || uri || custom) => (SourceCrs::Epsg(code), urn || uri),
        _ => (SourceCrs::Definition(name.to_owned()), urn || uri),
    }
}

/// The CRS of a WKT definition: its EPSG code if it carries one for itself, else the definition.
pub(super) fn from_wkt(wkt: &str) -> SourceCrs {
    let wkt = wkt.trim().trim_start_matches('\u{feff}').trim_matches('\0').trim();
    if wkt.is_empty() {
        return SourceCrs::Undeclared;
    }
    // The authority of the whole is its last member: `…,AUTHORITY["EPSG","25832"]]` or `…,ID["EPSG",25832]]`.
    let tail = wkt.strip_suffix(']').and_then(|body| {
        let at = body.rfind("AUTHORITY[").map(|at| at + 10).or_else(|| body.rfind("ID[").map(|at| at + 3))?;
        body.get(at..)
    });
    let code = tail.and_then(|tail| {
        let (inside, rest) = tail.split_once(']')?;
        let (authority, code) = inside.split_once(',')?;
        let code = code.trim().trim_matches('"').parse().ok()?;
        (authority.trim().trim_matches('"').eq_ignore_ascii_case("EPSG") && rest.trim().is_empty()).then_some(code)
    });
    code.map_or_else(|| SourceCrs::Definition(wkt.to_owned()), SourceCrs::Epsg)
}

/// Whether the authority's axis order is north (or latitude) before east.
pub(super) fn north_first(crs: &SourceCrs) -> bool {
    let known = match crs {
        SourceCrs::Undeclared => return false,
        SourceCrs::Epsg(code) => Crs::epsg(*code),
        SourceCrs::Definition(definition) => Crs::from_definition(definition),
    };
    // A CRS that nobody knows is refused where it is transformed.
    known.is_ok_and(|crs| crs.north_first())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_form_are_understood() {
        for (name, code, authority_order) in [
            ("urn:ogc:def:crs:EPSG::25832", 25832, true),
            ("urn:ogc:def:crs:EPSG:9.6:6706", 6706, true),
            ("urn:x-ogc:def:crs:EPSG:4326", 4326, true),
            ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326, false),
            ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", 4326, false),
            ("http://www.opengis.net/def/crs/EPSG/0/6706", 6706, true),
            ("http://www.opengis.net/gml/srs/epsg.xml#3003", 3003, false),
            ("EPSG:25832", 25832, false),
            ("epsg:3004", 3004, false),
        ] {
            assert_eq!(parse(name), (SourceCrs::Epsg(code), authority_order), "{name}");
        }
        assert_eq!(parse(" "), (SourceCrs::Undeclared, false));
        assert_eq!(parse("Gauss-Boaga"), (SourceCrs::Definition("Gauss-Boaga".into()), false));
    }

    #[test]
    fn axis_order_is_that_of_the_authority() {
        for (code, north) in [(6706, true), (4326, true), (6708, true), (3035, true), (7792, false), (25832, false)] {
            assert_eq!(north_first(&SourceCrs::Epsg(code)), north, "{code}");
        }
        assert!(!north_first(&SourceCrs::Undeclared) && !north_first(&SourceCrs::Epsg(1)));
    }

    #[test]
    fn a_wkt_yields_its_own_code_and_not_that_of_a_part() {
        let whole = r#"PROJCS["x",GEOGCS["y",AUTHORITY["EPSG","4258"]],AUTHORITY["EPSG","25832"]]"#;
        assert_eq!(from_wkt(whole), SourceCrs::Epsg(25832));
        let part = r#"PROJCS["x",GEOGCS["y",AUTHORITY["EPSG","4258"]],UNIT["metre",1]]"#;
        assert_eq!(from_wkt(part), SourceCrs::Definition(part.into()));
        let wkt2 = r#"PROJCRS["x",BASEGEOGCRS["y",ID["EPSG",6706]],ID["EPSG",7792]]"#;
        assert_eq!(from_wkt(wkt2), SourceCrs::Epsg(7792));
        assert_eq!(from_wkt("\0"), SourceCrs::Undeclared);
    }
}
