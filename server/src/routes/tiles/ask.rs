//! Which tile is asked for, and of what it is to be made.

use std::borrow::Cow;
use std::sync::Arc;

use bricola_layers::cache::{Generation, Layer};
use bricola_layers::log::Seq;
use bricola_layers::tile::{GridTile, Part, Place, TileError, TileId, TileMatrix, TileMatrixSet, WEB_MERCATOR_QUAD};
use chrono::NaiveDate;
use serde_json::json;

use super::{COLLECTION_PATTERN, PATTERN, is_matrix_set, sets};
use crate::app::App;
use crate::encoding::Encoding;
use crate::error::{Kind, Problem};
use crate::routes::filter::{self, Whole};
use crate::routes::select;
use crate::routes::when::When;
use crate::services::tiles::{Drawn, Request, generations, past_generations};

/// Of which layers.
#[derive(Debug, Clone, Copy)]
pub enum Of<'a> {
    /// A list of layers and label points.
    Layers(&'a str),
    /// One layer.
    Collection(&'a str),
    /// All that are ready, or those of the list.
    Dataset(Option<&'a str>),
}

/// What a path says.
#[derive(Debug, Clone, Copy)]
pub struct Address<'a> {
    of: Of<'a>,
    /// The tile matrix set, in paths of OGC API Tiles.
    set: Option<&'a str>,
    matrix: &'a str,
    column: &'a str,
    row: &'a str,
}

impl<'a> Address<'a> {
    /// `/tiles/{layers}/{z}/{x}/{y}`.
    pub fn of_layers(layers: &'a str, [z, x, y]: [&'a str; 3]) -> Self {
        Self { of: Of::Layers(layers), set: None, matrix: z, column: x, row: without_suffix(y) }
    }

    /// `…/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}`.
    pub fn in_set(of: Of<'a>, set: &'a str, [matrix, row, column]: [&'a str; 3]) -> Self {
        Self { of, set: Some(set), matrix, column: without_suffix(column), row }
    }

    /// Of a path that nothing has to be decoded in, with its pattern.
    pub fn of_path(path: &'a str) -> Option<(Self, &'static str)> {
        if path.contains('%') {
            return None;
        }
        let mut parts = path.split('/').skip(1);
        let first = parts.next()?;
        let id = if first == "collections" { Some((parts.next()?, parts.next()?)) } else { None };
        let (Some(name), Some(a), Some(b), Some(c), None) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        match (first, id) {
            ("tiles", None) if is_matrix_set(name) => Some((Self::in_set(Of::Dataset(None), name, [a, b, c]), PATTERN)),
            ("tiles", None) => Some((Self::of_layers(name, [a, b, c]), PATTERN)),
            (_, Some((id, "tiles"))) => Some((Self::in_set(Of::Collection(id), name, [a, b, c]), COLLECTION_PATTERN)),
            _ => None,
        }
    }

    /// Names of zoom or matrix, column and row in this kind of path.
    fn names(&self) -> [&'static str; 3] {
        if self.set.is_none() { ["z", "x", "y"] } else { ["tileMatrix", "tileCol", "tileRow"] }
    }

    fn place(&self, app: &App) -> Result<Place, Problem> {
        match self.set {
            None | Some(WEB_MERCATOR_QUAD) => self.mercator().map(Place::Mercator),
            Some(id) => self.grid(&sets::known(app, id)?).map(Place::Grid),
        }
    }

    fn mercator(&self) -> Result<TileId, Problem> {
        let names = self.names();
        let z = number(names[0], self.matrix)?;
        let (x, y) = (number(names[1], self.column)?, number(names[2], self.row)?);
        TileId::new(z, x, y).map_err(|error| {
            let (name, value) = match error {
                TileError::Zoom(_) => (names[0], z),
                TileError::Outside { axis: 'x', value, .. } => (names[1], value),
                TileError::Outside { value, .. } => (names[2], value),
            };
            Problem::new(Kind::OutsideGrid, format!("{error}.")).with("parameter", name).with("value", value)
        })
    }

    fn grid(&self, set: &Arc<TileMatrixSet>) -> Result<GridTile, Problem> {
        let Some((place, matrix)) = set.matrix(self.matrix) else {
            let shown = crate::error::clipped(self.matrix).into_owned();
            let allowed: Vec<&str> = set.matrices.iter().map(|matrix| matrix.id.as_str()).collect();
            let detail = format!("{} has no tile matrix \"{shown}\".", set.id);
            return Err(Problem::new(Kind::OutsideGrid, detail)
                .with("parameter", "tileMatrix")
                .with("value", shown)
                .with("allowed", allowed));
        };
        let (column, row) = (number("tileCol", self.column)?, number("tileRow", self.row)?);
        GridTile::new(set, place, column, row).ok_or_else(|| {
            let (name, value, count) = if column < matrix.columns {
                ("tileRow", row, matrix.rows)
            } else {
                ("tileCol", column, matrix.columns)
            };
            let last = count - 1;
            let detail = format!("{name} {value} lies outside tile matrix {}, which has 0 to {last}.", matrix.id);
            Problem::new(Kind::OutsideGrid, detail).with("parameter", name).with("value", value)
        })
    }
}

fn without_suffix(last: &str) -> &str {
    last.strip_suffix(".mvt").or_else(|| last.strip_suffix(".pbf")).unwrap_or(last)
}

fn number(name: &str, text: &str) -> Result<u32, Problem> {
    // `+5` and `05` would give a tile a second address.
    let plain = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    text.parse::<u32>().ok().filter(|_| plain).ok_or_else(|| {
        let shown = crate::error::clipped(text).into_owned();
        Problem::new(Kind::InvalidTile, format!("{name}={shown}: must be a whole number without sign or leading zeros"))
            .with("parameter", name)
            .with("value", shown)
    })
}

/// What is asked of the features of a tile.
#[derive(Debug, Default)]
pub struct Terms {
    pub when: When,
    /// First and last of the days on one of which features must be valid.
    pub during: [Option<NaiveDate>; 2],
    pub filter: Option<Whole>,
}

/// A tile that can be asked for, and what it is to be made of.
pub struct Asked<'a> {
    /// The layers as in the URL of [`PATTERN`].
    set: Cow<'a, str>,
    pub place: Place,
    pub seq: Seq,
    pub generations: Vec<Generation>,
    pub layers: Vec<Drawn>,
    /// How far each layer reaches, where some are in the store only.
    extents: Vec<Option<[f64; 4]>>,
    /// Whether the limits of a tileset hold here (OGC API Tiles 1, requirement 6).
    matrix_set: Option<&'a str>,
}

impl<'a> Asked<'a> {
    pub async fn read(app: &App, address: &Address<'a>, terms: &Terms) -> Result<Self, Problem> {
        let (set, layers, parts) = match address.of {
            Of::Layers(set) => {
                let (layers, parts) = select::drawn(app, set)?;
                (Cow::Borrowed(set), layers, parts)
            }
            Of::Collection(id) => (Cow::Borrowed(id), vec![select::one(app, id)?], vec![Part::Features]),
            Of::Dataset(Some(set)) => {
                let (layers, parts) = select::chosen(app, set)?;
                (Cow::Borrowed(set), layers, parts)
            }
            Of::Dataset(None) => {
                let (set, layers) = select::whole(app)?;
                let parts = vec![Part::Features; layers.len()];
                (Cow::Owned(set), layers, parts)
            }
        };
        let place = address.place(app)?;
        in_zoom_range(&layers, &place, address)?;
        // The order matters: what is read later is at least as new as what was read before.
        let seq = terms.when.seq(app);
        let now = generations(&layers, &place, terms.filter.is_some());
        let sources = terms.when.drawn(app, &layers).await?;
        let (snapshots, mut stored): (Vec<_>, Vec<_>) = sources.into_iter().unzip();
        let generations = if terms.when.is_past() { past_generations(&snapshots, &now) } else { now };
        let mut filters = match &terms.filter {
            None => Vec::new(),
            Some(filter) => filter::bind_each(app, filter, &snapshots)?,
        }
        .into_iter();
        let mut extents = Vec::new();
        if stored.iter().any(Option::is_some) {
            extents = layers.iter().map(|layer| layer.extent_lonlat()).collect();
        }
        let mut stored = stored.drain(..);
        let drawn = |(snapshot, part)| {
            let (stored, filter) = (stored.next().flatten(), filters.next().map(Arc::new));
            Drawn { snapshot, stored, part, filter }
        };
        let layers = snapshots.into_iter().zip(parts).map(drawn).collect();
        Ok(Self { set, place, seq, generations, layers, extents, matrix_set: address.set })
    }

    /// As the service of tiles is asked.
    pub fn request<'r>(&'r self, app: &App, encoding: Encoding, terms: &'r Terms) -> Request<'r> {
        Request {
            set: &self.set,
            place: self.place.clone(),
            encoding,
            during: terms.during,
            filter: terms.filter.as_ref().map(|filter| &*filter.written),
            scope: app.scope,
        }
    }

    /// Whether a tile without features may be one that the tileset does not have.
    pub fn has_limits(&self) -> bool {
        self.matrix_set.is_some()
    }

    /// Refuses a tile outside of the limits that the tileset tells (OGC API Tiles 1, /req/core/tc-error).
    pub fn check_limits(&self, app: &App) -> Result<(), Problem> {
        let Some(id) = self.matrix_set else { return Ok(()) };
        let set = sets::known(app, id)?;
        let extents = self.layers.iter().enumerate().map(|(place, layer)| {
            let known = self.extents.get(place).copied().flatten();
            (layer.snapshot.definition().zoom, known.or_else(|| layer.snapshot.extent_lonlat()))
        });
        let extents: Vec<_> = extents.collect();
        let (matrix, column, row) = match &self.place {
            Place::Mercator(tile) => (&set.matrices[usize::from(tile.z)], tile.x, tile.y),
            Place::Grid(tile) => (tile.matrix(), tile.numbers().0, tile.numbers().1),
        };
        match sets::limits(&set, matrix, &extents) {
            Some([left, right, top, bottom]) if (left..=right).contains(&column) && (top..=bottom).contains(&row) => {
                Ok(())
            }
            limits => Err(outside_limits(matrix, [column, row], limits)),
        }
    }
}

fn outside_limits(matrix: &TileMatrix, [column, row]: [u32; 2], limits: Option<[u32; 4]>) -> Problem {
    let detail = format!("Tile {row}/{column} of tile matrix {} lies outside the limits of the tileset.", matrix.id);
    let problem = Problem::new(Kind::OutsideGrid, detail);
    let Some([left, right, top, bottom]) = limits else { return problem };
    let (name, value) = if (left..=right).contains(&column) { ("tileRow", row) } else { ("tileCol", column) };
    problem
        .with("parameter", name)
        .with("value", value)
        .with("allowed", json!({"minTileRow": top, "maxTileRow": bottom, "minTileCol": left, "maxTileCol": right}))
}

fn in_zoom_range(layers: &[Arc<Layer>], place: &Place, address: &Address<'_>) -> Result<(), Problem> {
    let shown = place.zoom();
    let (mut min, mut max) = (u8::MAX, 0);
    for layer in layers {
        let zoom = layer.definition().zoom;
        if (zoom.min..=zoom.max).contains(&shown) {
            return Ok(());
        }
        (min, max) = (min.min(zoom.min), max.max(zoom.max));
    }
    let problem = |detail: String| Problem::new(Kind::OutsideZoomRange, detail).with("parameter", address.names()[0]);
    Err(match place {
        Place::Mercator(tile) => problem(format!("zoom {shown}: these layers have tiles from zoom {min} to {max}."))
            .with("value", tile.z)
            .with("allowed", json!({"min": min, "max": max})),
        Place::Grid(tile) => {
            let allowed: Vec<&str> = tile.set().showing(min..=max).map(|matrix| matrix.id.as_str()).collect();
            let id = &tile.matrix().id;
            problem(format!("tile matrix {id}: these layers have tiles in others."))
                .with("value", &**id)
                .with("allowed", allowed)
        }
    })
}
