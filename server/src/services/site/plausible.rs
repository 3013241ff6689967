//! Whether a place can be meant as it was sent.

use bricola_layers::crs::guess_crs;
use bricola_territory::Text;
use bricola_territory::text::Warning;

use super::Shape;

/// Degrees around the territory that still belong to it: about a kilometre.
const MARGIN: f64 = 0.01;

/// What is odd about coordinates that lie outside of the territory, and what they may have been meant as: nothing is
/// moved, it is only told.
pub fn suspicion(shape: &Shape, sent: &[[f64; 2]], envelope: [f64; 4]) -> Option<Warning> {
    let frame = shape.frame()?;
    let [west, south, east, north] = envelope;
    let is_inside = frame.min().x >= west - MARGIN
        && frame.max().x <= east + MARGIN
        && frame.min().y >= south - MARGIN
        && frame.max().y <= north + MARGIN;
    if is_inside {
        return None;
    }
    let touches = frame.max().x >= west && frame.min().x <= east && frame.max().y >= south && frame.min().y <= north;
    if touches {
        let text = Text::new(
            "il luogo supera i limiti del territorio: ciò che sta fuori non ha zone",
            "the place reaches beyond the territory: what lies outside has no zones",
        );
        return Some(Warning::new("beyond-territory", text));
    }
    let guess = guess_crs(sent, Some(envelope)).into_iter().find(|guess| guess.inside > 0.0);
    let text = match guess {
        Some(guess) if guess.swapped && guess.crs.is_geographic() => Text::new(
            "il luogo è fuori dal territorio; scambiando latitudine e longitudine vi ricadrebbe: sono invertite?",
            "the place lies outside of the territory; with latitude and longitude exchanged it would lie in it: are they swapped?",
        ),
        Some(guess) => {
            let (crs, swapped) = (guess.crs.to_string(), guess.swapped);
            let [it, en] =
                if swapped { [", con i due numeri scambiati", ", with the two numbers swapped"] } else { [""; 2] };
            Text::new(
                format!(
                    "il luogo è fuori dal territorio; in {crs}{it} vi ricadrebbe: il sistema di riferimento è quello?"
                ),
                format!("the place lies outside of the territory; in {crs}{en} it would lie in it: is this the CRS?"),
            )
        }
        None => Text::new(
            "il luogo è fuori dal territorio: controllare le coordinate, o chiedere al comune in cui ricade",
            "the place lies outside of the territory: check the coordinates, or ask the municipality in which it lies",
        ),
    };
    Some(Warning::new("outside-territory", text))
}

#[cfg(test)]
mod tests {
    use bricola_layers::crs::Crs;
    use geo_types::{Geometry, Point};

    use super::super::Site;

    /// Around Venice.
    const VENICE: [f64; 4] = [12.1, 45.2, 12.7, 45.6];

    fn warned(x: f64, y: f64, crs: &Crs) -> Vec<(String, String)> {
        let site = Site::new(Geometry::Point(Point::new(x, y)), crs, Some(VENICE)).unwrap();
        site.warnings.into_iter().map(|warning| (warning.code, warning.text.en)).collect()
    }

    #[test]
    fn what_was_meant_is_guessed_and_told_but_not_done() {
        assert_eq!(warned(12.3388, 45.4342, &Crs::crs84()), []);
        let swapped = warned(45.4342, 12.3388, &Crs::crs84());
        assert!(swapped[0].1.contains("swapped"), "{swapped:?}");
        // Zone 33 coordinates said to be zone 32.
        let zone = warned(291_847.96, 5_034_631.54, &Crs::epsg(7791).unwrap());
        assert!(zone[0].0 == "outside-territory" && zone[0].1.contains("7792"), "{zone:?}");
        let rome = warned(12.4964, 41.9028, &Crs::crs84());
        assert!(rome[0].1.contains("check the coordinates"), "{rome:?}");
        // Monte Mario comes by an operation of 4 m, never by a null shift of 78 m.
        let old = warned(2_311_853.068, 5_034_649.200_8, &Crs::epsg(3004).unwrap());
        assert!(old.len() == 1 && old[0].0 == "rough-transform", "{old:?}");
    }

    #[test]
    fn metres_are_no_degrees() {
        let metres = Geometry::Point(Point::new(291_847.96, 5_034_631.54));
        assert!(Site::new(metres, &Crs::crs84(), Some(VENICE)).unwrap_err().to_string().contains("say in which CRS"));
    }
}
