//! Where the three Monte Mario realisations of Italy hold.
//!
//! EPSG gives one Helmert transformation each for the mainland (1659/1660), Sardinia (1661/1662) and Sicily
//! (1663/1664), with boxes that overlap: the mainland's covers Sardinia whole, Sicily's covers Reggio
//! Calabria. The choice here goes by land: the borders run at sea and through the middle of the Strait of
//! Messina, so no feature ever lies across one.

/// One of the three areas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum ItalianArea {
    /// Mainland, Elba and the islands that are in neither of the other two.
    Mainland,
    /// Sardinia and its islands.
    Sardinia,
    /// Sicily and its islands.
    Sicily,
}

/// All areas, the default one first.
pub(super) const AREAS: [ItalianArea; 3] = [ItalianArea::Mainland, ItalianArea::Sardinia, ItalianArea::Sicily];

impl ItalianArea {
    /// A point (longitude, latitude) well inside it, where PROJ's own choice is beyond doubt.
    pub(super) const fn heart(self) -> [f64; 2] {
        match self {
            Self::Mainland => [12.5, 43.0],
            Self::Sardinia => [9.1, 40.1],
            Self::Sicily => [14.2, 37.5],
        }
    }

    /// Its outline, longitude and latitude in degrees; the mainland is what is left.
    pub(super) const fn outline(self) -> &'static [[f64; 2]] {
        match self {
            Self::Mainland => &[],
            Self::Sardinia => &[[7.5, 38.4], [10.2, 38.4], [10.2, 41.36], [7.5, 41.36]],
            Self::Sicily => &[
                [11.2, 35.2],
                [16.2, 35.2],
                [16.2, 37.3],
                [15.5, 37.9],
                [15.58, 38.1],
                [15.603, 38.2],
                [15.617, 38.235],
                [15.645, 38.247],
                [15.68, 38.262],
                [15.72, 38.35],
                [15.75, 38.95],
                [11.2, 38.95],
            ],
        }
    }

    /// The transformation between Monte Mario and ETRS89 (or WGS 84) that holds there.
    pub(super) const fn helmert(self, wgs84: bool) -> Helmert {
        let (code, name, parameters) = match (self, wgs84) {
            (Self::Mainland, false) => ("EPSG:1659", "Monte Mario to ETRS89 (1)", MAINLAND),
            (Self::Mainland, true) => ("EPSG:1660", "Monte Mario to WGS 84 (4)", MAINLAND),
            (Self::Sardinia, false) => ("EPSG:1661", "Monte Mario to ETRS89 (2)", SARDINIA),
            (Self::Sardinia, true) => ("EPSG:1662", "Monte Mario to WGS 84 (2)", SARDINIA),
            (Self::Sicily, false) => ("EPSG:1663", "Monte Mario to ETRS89 (3)", SICILY),
            (Self::Sicily, true) => ("EPSG:1664", "Monte Mario to WGS 84 (3)", SICILY),
        };
        Helmert { code, name, parameters, accuracy_m: 4.0, ellipsoid: if wgs84 { "WGS84" } else { "GRS80" } }
    }

    /// As written in notes.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Mainland => "mainland Italy",
            Self::Sardinia => "Sardinia",
            Self::Sicily => "Sicily",
        }
    }
}

const MAINLAND: &str = "x=-104.1 y=-49.1 z=-9.9 rx=0.971 ry=-2.917 rz=0.714 s=-11.68";
const SARDINIA: &str = "x=-168.6 y=-34 z=38.6 rx=-0.374 ry=-0.679 rz=-1.379 s=-9.48";
const SICILY: &str = "x=-50.2 y=-50.4 z=84.8 rx=-0.69 ry=-2.012 rz=0.459 s=-28.08";

/// A position vector transformation (EPSG method 9606) from Monte Mario.
pub(super) struct Helmert {
    pub(super) code: &'static str,
    pub(super) name: &'static str,
    pub(super) accuracy_m: f64,
    parameters: &'static str,
    ellipsoid: &'static str,
}

impl Helmert {
    /// Its steps in a PROJ pipeline, latitude and longitude in degrees on both sides; backwards when not `forward`.
    pub(super) fn pipeline(&self, forward: bool) -> String {
        let Self { parameters, ellipsoid, .. } = self;
        let (start, inverse, end) = if forward { ("intl", "", *ellipsoid) } else { (*ellipsoid, "inv ", "intl") };
        format!(
            " step proj=axisswap order=2,1 step proj=unitconvert xy_in=deg xy_out=rad step proj=push v_3 \
             step proj=cart ellps={start} step {inverse}proj=helmert {parameters} convention=position_vector \
             step inv proj=cart ellps={end} step proj=pop v_3 \
             step proj=unitconvert xy_in=rad xy_out=deg step proj=axisswap order=2,1"
        )
    }
}

/// Even-odd test against a ring without its closing vertex.
pub(super) fn inside([x, y]: [f64; 2], ring: &[[f64; 2]]) -> bool {
    let mut inside = false;
    for (index, [bx, by]) in ring.iter().enumerate() {
        let [ax, ay] = ring[(index + ring.len() - 1) % ring.len()];
        if (ay > y) != (*by > y) && x < (bx - ax) * (y - ay) / (by - ay) + ax {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shores_of_the_strait_fall_on_their_own_side() {
        let sicily = ItalianArea::Sicily.outline();
        for shore in [[15.652, 38.268], [15.555, 38.19], [15.61, 38.25], [15.29, 37.85], [15.21, 38.79], [12.6, 35.5]] {
            assert!(inside(shore, sicily), "{shore:?} is Sicilian");
        }
        for shore in [[15.636, 38.233], [15.65, 38.11], [15.717, 38.254], [15.665, 38.238], [15.68, 37.95]] {
            assert!(!inside(shore, sicily), "{shore:?} is Calabrian");
        }
        assert!(inside([9.1103, 39.2238], ItalianArea::Sardinia.outline()), "Cagliari");
        assert!(!inside([10.3, 42.33], ItalianArea::Sardinia.outline()), "Montecristo");
    }
}
