//! Tilesets: which tiles there are of a layer and of all layers together, grid by grid (OGC API Tiles 1, clauses 9 to 12;
//! tileset metadata of 17-083r4, clause 7).

use std::sync::Arc;

use axum::extract::{Path, RawQuery, State};
use axum::response::Response;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, ZoomRange};
use bricola_layers::tile::{LABEL_SUFFIX, Part, TileMatrix, TileMatrixSet};
use http::{HeaderMap, header};
use serde_json::{Map, Value, json};

use super::{COLLECTIONS, MEDIA_TYPE};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::respond::{self, Format, Language};
use crate::routes::{schemas, select};

/// Relation of a tileset to its grid.
const TILING_SCHEME: &str = "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme";
const GEODATA: &str = "http://www.opengis.net/def/rel/ogc/1.0/geodata";
const DATASET: &str = "http://www.opengis.net/def/rel/ogc/1.0/dataset";
/// Relation of a layer, or of the landing page, to its list of tilesets.
pub const TILESETS: &str = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector";

/// `GET /collections/{collectionId}/tiles`.
pub async fn collection_sets(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let asked = Asked::read(query.as_deref(), &headers, &["f", "lang"])?;
    let layer = select::one(&app, &id)?;
    let tiled = Tiled { of: Some(id), chosen: None, layers: vec![described(&layer, Part::Features)] };
    Ok(asked.list(&app, &tiled, query.as_deref(), &headers))
}

/// `GET /collections/{collectionId}/tiles/{tileMatrixSetId}`.
pub async fn collection_set(
    State(app): State<Arc<App>>,
    Path((id, set)): Path<(String, String)>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Answer {
    let asked = Asked::read(query.as_deref(), &headers, &["f", "lang"])?;
    let layer = select::one(&app, &id)?;
    let tiled = Tiled { of: Some(id), chosen: None, layers: vec![described(&layer, Part::Features)] };
    asked.one(&app, &tiled, &set, query.as_deref(), &headers)
}

/// `GET /tiles`.
pub async fn dataset_sets(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let asked = Asked::read(query.as_deref(), &headers, &["f", "lang", COLLECTIONS])?;
    let tiled = asked.dataset(&app)?;
    Ok(asked.list(&app, &tiled, query.as_deref(), &headers))
}

/// `GET /tiles/{tileMatrixSetId}`.
pub fn of_dataset(app: &App, set: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
    let asked = Asked::read(query, headers, &["f", "lang", COLLECTIONS])?;
    let tiled = asked.dataset(app)?;
    asked.one(app, &tiled, set, query, headers)
}

/// A tile matrix set by its identifier.
///
/// # Errors
/// When there is none of this name.
pub fn known(app: &App, id: &str) -> Result<Arc<TileMatrixSet>, Problem> {
    app.matrix_sets.get(id).cloned().ok_or_else(|| {
        let shown = crate::error::clipped(id).into_owned();
        let allowed: Vec<&str> = app.matrix_sets.iter().map(|set| set.id.as_str()).collect();
        let mut detail = format!("There is no tile matrix set \"{shown}\"; /tileMatrixSets lists them.");
        if app.territory.layer(&id.to_ascii_lowercase()).is_some() {
            detail.push_str(" Identifiers of layers are written in small letters.");
        }
        Problem::new(Kind::UnknownMatrixSet, detail)
            .with("parameter", "tileMatrixSetId")
            .with("value", shown)
            .with("allowed", allowed)
    })
}

/// The tiles of a matrix in which there can be something: first and last column, first and last row. `None` when no layer
/// is drawn at its zoom, or where they are the grid does not reach. Each layer by its zooms and its extent in degrees, if it
/// has one.
pub fn limits(set: &TileMatrixSet, matrix: &TileMatrix, layers: &[(ZoomRange, Option<[f64; 4]>)]) -> Option<[u32; 4]> {
    let mut here = layers.iter().filter(|(zoom, _)| (zoom.min..=zoom.max).contains(&matrix.zoom)).peekable();
    here.peek()?;
    match here.filter_map(|(_, extent)| *extent).reduce(select::union) {
        Some(extent) => matrix.limits_with_buffer(set.cover(extent)),
        // As long as there is nothing in a layer, all of its tiles are empty.
        None => Some([0, matrix.columns - 1, 0, matrix.rows - 1]),
    }
}

/// A layer of a tileset.
struct Described {
    definition: Arc<LayerDefinition>,
    part: Part,
    extent: Option<[f64; 4]>,
}

fn described(layer: &bricola_layers::cache::Layer, part: Part) -> Described {
    let extent = layer.extent_lonlat();
    Described { definition: layer.definition(), part, extent }
}

/// Of what the tiles are.
struct Tiled {
    /// The layer; without one, all of them.
    of: Option<String>,
    /// The parameter `collections`.
    chosen: Option<String>,
    layers: Vec<Described>,
}

impl Tiled {
    fn path(&self) -> String {
        self.of.as_ref().map_or_else(|| "/tiles".to_owned(), |id| format!("/collections/{id}/tiles"))
    }

    /// The query of addresses that are about the same layers, after `?` or `&`.
    fn query(&self, lead: char) -> String {
        self.chosen.as_ref().map_or_else(String::new, |list| format!("{lead}collections={list}"))
    }

    /// As `TileJSON` and the paths of Martin's users name it.
    fn list(&self) -> String {
        let name = |layer: &Described| match layer.part {
            Part::Features => layer.definition.id.clone(),
            Part::Labels => format!("{}{LABEL_SUFFIX}", layer.definition.id),
        };
        self.layers.iter().map(name).collect::<Vec<_>>().join(",")
    }

    fn limits<'s>(&self, set: &'s TileMatrixSet) -> Vec<(&'s TileMatrix, [u32; 4])> {
        let extents: Vec<_> = self.layers.iter().map(|layer| (layer.definition.zoom, layer.extent)).collect();
        set.matrices.iter().filter_map(|matrix| Some((matrix, limits(set, matrix, &extents)?))).collect()
    }

    fn extent(&self) -> Option<[f64; 4]> {
        self.layers.iter().filter_map(|layer| layer.extent).reduce(select::union)
    }
}

/// A request for a description.
struct Asked {
    format: Format,
    language: Language,
    chosen: Option<String>,
}

impl Asked {
    fn read(query: Option<&str>, headers: &HeaderMap, allowed: &[&str]) -> Result<Self, Problem> {
        let params = Params::read(query, allowed)?;
        let format = respond::format(&params, headers)?;
        let chosen = params.text(COLLECTIONS).map(str::to_owned);
        Ok(Self { format, language: respond::language(&params, headers)?, chosen })
    }

    fn dataset(&self, app: &App) -> Result<Tiled, Problem> {
        let (layers, parts) = if let Some(list) = &self.chosen {
            select::chosen(app, list)?
        } else {
            let (_, layers) = select::whole(app)?;
            let parts = vec![Part::Features; layers.len()];
            (layers, parts)
        };
        let layers = layers.iter().zip(parts).map(|(layer, part)| described(layer, part)).collect();
        Ok(Tiled { of: None, chosen: self.chosen.clone(), layers })
    }

    /// The tilesets in every grid in which there can be tiles.
    fn list(&self, app: &App, tiled: &Tiled, query: Option<&str>, headers: &HeaderMap) -> Response {
        let base = respond::base_url(&app.config, headers);
        let sets = app.matrix_sets.iter().filter(|set| !tiled.limits(set).is_empty());
        let tilesets: Vec<Value> = sets.map(|set| Value::Object(self.head(app, tiled, set, &base))).collect();
        let href = format!("{base}{}?f=json{}", tiled.path(), tiled.query('&'));
        let links = json!([{"href": href, "rel": "self", "type": "application/json"}]);
        let document = json!({"tilesets": tilesets, "links": links});
        if self.format == Format::Html {
            let path = tiled.path();
            let asked = pages::Asked::new(app, self.language, &base, path.trim_start_matches('/'), query);
            return pages::send(&asked, &pages::tilesets(&asked, &document));
        }
        self.answer(app, &document)
    }

    /// The metadata of one tileset.
    fn one(&self, app: &App, tiled: &Tiled, id: &str, query: Option<&str>, headers: &HeaderMap) -> Answer {
        let set = known(app, id)?;
        let limits = tiled.limits(&set);
        let base = respond::base_url(&app.config, headers);
        let mut json = self.head(app, tiled, &set, &base);
        json.insert("mediaTypes".into(), json!([MEDIA_TYPE]));
        let rows = limits.iter().map(|(matrix, [left, right, top, bottom])| {
            json!({
                "tileMatrix": matrix.id, "minTileRow": top, "maxTileRow": bottom, "minTileCol": left, "maxTileCol": right,
            })
        });
        json.insert("tileMatrixSetLimits".into(), rows.collect());
        if let Some(extent) = tiled.extent() {
            json.insert("boundingBox".into(), bounding_box(extent));
            if let Some((matrix, _)) = limits.get(limits.len() / 2) {
                let [west, south, east, north] = extent;
                let centre = [f64::midpoint(west, east), f64::midpoint(south, north)];
                json.insert(
                    "centerPoint".into(),
                    json!({"coordinates": centre, "crs": Crs::crs84().uri(), "tileMatrix": matrix.id}),
                );
            }
        }
        let layers = tiled.layers.iter().map(|layer| self.layer(layer, &set, &base));
        json.insert("layers".into(), layers.collect());
        let document = Value::Object(json);
        if self.format == Format::Html {
            let path = format!("{}/{id}", tiled.path().trim_start_matches('/'));
            let asked = pages::Asked::new(app, self.language, &base, &path, query);
            return Ok(pages::send(&asked, &pages::tileset(&asked, &document)));
        }
        Ok(self.answer(app, &document))
    }

    /// What stands in lists too: what it is, in which grid, and where the rest is.
    fn head(&self, app: &App, tiled: &Tiled, set: &TileMatrixSet, base: &str) -> Map<String, Value> {
        let (path, id) = (tiled.path(), &set.id);
        let scheme = format!("{base}/tileMatrixSets/{id}");
        let title = match (&tiled.of, tiled.layers.first()) {
            (Some(_), Some(layer)) => self.language.of(&layer.definition.title),
            _ => app.config.tenant.name.as_str(),
        };
        let grid = self.language.of(&set.title);
        let mut links = vec![
            json!({
                "href": format!("{base}{path}/{id}?f=json{}", tiled.query('&')), "rel": "self",
                "type": "application/json", "title": title,
            }),
            json!({"href": &scheme, "rel": TILING_SCHEME, "type": "application/json", "title": grid}),
            json!({
                "href": format!("{base}{path}/{id}/{{tileMatrix}}/{{tileRow}}/{{tileCol}}{}", tiled.query('?')),
                "rel": "item", "type": MEDIA_TYPE, "templated": true, "title": title,
            }),
        ];
        links.push(match &tiled.of {
            Some(layer) => {
                json!({"href": format!("{base}/collections/{layer}?f=json"), "rel": GEODATA, "type": "application/json"})
            }
            None => json!({"href": format!("{base}/?f=json"), "rel": DATASET, "type": "application/json"}),
        });
        if set.is_web_mercator_quad() {
            let href = format!("{base}/tiles/{}.json", tiled.list());
            links.push(json!({"href": href, "rel": "describedby", "type": "application/json", "title": "TileJSON"}));
        }
        let mut json = Map::new();
        json.insert("title".into(), json!(format!("{title} – {grid}")));
        json.insert("dataType".into(), json!("vector"));
        json.insert("crs".into(), json!(set.crs.uri()));
        json.insert("tileMatrixSetId".into(), json!(id));
        json.insert("tileMatrixSetURI".into(), json!(set.uri.as_ref().unwrap_or(&scheme)));
        json.insert("links".into(), json!(links));
        json
    }

    fn layer(&self, Described { definition, part, extent }: &Described, set: &TileMatrixSet, base: &str) -> Value {
        let fields: Vec<_> = match part {
            Part::Features => definition.tile_fields().map(|(_, field)| field).collect(),
            Part::Labels => definition.label_point_fields().map(|(_, field)| field).collect(),
        };
        let properties = fields
            .into_iter()
            .map(|field| (field.name.clone(), Value::Object(schemas::describe_field(field, self.language))));
        let suffix = if *part == Part::Labels { LABEL_SUFFIX } else { "" };
        let mut json = json!({
            "id": format!("{}{suffix}", definition.id),
            "title": self.language.of(&definition.title),
            "description": self.language.of(&definition.description),
            "dataType": "vector",
            "featureType": definition.id,
            "theme": definition.theme,
            "propertiesSchema": {"type": "object", "properties": properties.collect::<Map<_, _>>()},
            "links": [{
                "href": format!("{base}/collections/{}?f=json", definition.id), "rel": GEODATA, "type": "application/json",
            }],
        });
        let dimension = if *part == Part::Labels { Some(0) } else { definition.geometry.dimension() };
        if let Some(dimension) = dimension {
            json["geometryDimension"] = json!(dimension);
        }
        let mut shown = set.showing(definition.zoom.min..=definition.zoom.max);
        if let Some(first) = shown.next() {
            json["minTileMatrix"] = json!(first.id);
            json["maxTileMatrix"] = json!(shown.last().unwrap_or(first).id);
        }
        if let Some(extent) = extent {
            json["boundingBox"] = bounding_box(*extent);
        }
        let texts = [
            ("attribution", &definition.attribution),
            ("license", &definition.licence),
            ("pointOfContact", &definition.contact),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                json[name] = json!(text);
            }
        }
        json
    }

    fn answer(&self, app: &App, body: &Value) -> Response {
        let mut response = respond::json(body);
        respond::set(&mut response, header::CONTENT_LANGUAGE, self.language.tag());
        respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
        respond::set_seq(&mut response, app.territory.seq());
        response
    }
}

fn bounding_box([west, south, east, north]: [f64; 4]) -> Value {
    json!({"lowerLeft": [west, south], "upperRight": [east, north], "crs": Crs::crs84().uri()})
}
