//! How a layer is used in other programs, ready to be copied.

use maud::{Markup, html};
use serde_json::Value;

use super::Asked;

/// Of a layer that lies in a box of degrees.
pub fn of_layer(asked: &Asked<'_>, id: &str, bbox: &Value) -> Markup {
    let items = format!("{}/collections/{id}/items", asked.base);
    let middle = |low: usize, high: usize| match (bbox[low].as_f64(), bbox[high].as_f64()) {
        (Some(low), Some(high)) => format!("{:.4}", f64::midpoint(low, high)),
        _ => "0".to_owned(),
    };
    let centre = format!("{}, {}", middle(0, 2), middle(1, 3));
    html! {
        (snippet("QGIS", &qgis(asked, id)))
        (snippet("MapLibre GL JS", &maplibre(asked, id, &centre)))
        (snippet("curl", &format!(
            "curl -OJ '{items}?f=fgb'\ncurl '{items}?limit=100&bbox={}'",
            bbox.as_array().map(|corners| corners.iter().map(Value::to_string).collect::<Vec<_>>().join(",")).unwrap_or_default(),
        )))
        (snippet("Python", &format!("import geopandas\n\nlayer = geopandas.read_file(\"{items}?f=fgb\")\nprint(layer.head())")))
    }
}

fn qgis(asked: &Asked<'_>, id: &str) -> String {
    let base = asked.base;
    let features = asked.say(
        "Oggetti: Layer › Aggiungi layer › Aggiungi layer WFS / OGC API - Features",
        "Features: Layer › Add Layer › Add WFS / OGC API - Features Layer",
    );
    let tiles = asked.say(
        "Mappa vettoriale: Layer › Aggiungi layer › Aggiungi tile vettoriali",
        "Vector map: Layer › Add Layer › Add Vector Tile Layer",
    );
    let style = asked.say("Stile", "Style");
    format!(
        "{features}\n  URL: {base}/\n\n{tiles}\n  URL: {base}/tiles/{id}/{{z}}/{{x}}/{{y}}\n  {style}: {base}/styles/{id}"
    )
}

fn maplibre(asked: &Asked<'_>, id: &str, centre: &str) -> String {
    format!(
        "const map = new maplibregl.Map({{\n  container: 'map',\n  style: '{}/styles/{id}',\n  center: [{centre}],\n  zoom: 13,\n}});",
        asked.base,
    )
}

/// Code with a button that copies it.
pub fn snippet(title: &str, code: &str) -> Markup {
    html! {
        details class="snippet" {
            summary { (title) }
            pre tabindex="0" { code { (code) } }
        }
    }
}
