//! Features of a layer as the index takes them.

use bricola_layers::cache::{Base, Footprint, GeometryKind, RowRef, Snapshot, ValueRef};
use bricola_layers::crs::world_to_lonlat;
use bricola_layers::definition::{LayerDefinition, SearchDefinition, SearchKind};
use bricola_layers::feature::FeatureId;
use bricola_search::{Contents, Failed, House, Kind, Named, SearchIndex, Spot, Streets};

/// Where a layer keeps what it is found by.
pub struct Plan {
    kind: SearchKind,
    /// The name and what stands beside it.
    fields: Vec<usize>,
    street: Option<usize>,
    number: Option<usize>,
    suffix: Option<usize>,
    district: Option<usize>,
    label: Option<usize>,
}

impl Plan {
    /// Of a layer that is found.
    pub fn of(definition: &LayerDefinition) -> Option<Self> {
        let search = definition.searched()?;
        let position = |name: &String| definition.field(name).map(|(position, _)| position);
        let SearchDefinition { kind, fields, street, number, suffix, district } = search;
        let [street, number, suffix, district] =
            [street, number, suffix, district].map(|name| name.as_ref().and_then(position));
        let label = fields.first().and_then(position);
        let fields = fields.iter().filter_map(position).collect();
        Some(Self { kind, fields, street, number, suffix, district, label })
    }

    /// What its features are.
    pub const fn kind(&self) -> Kind {
        match self.kind {
            SearchKind::Address => Kind::Address,
            SearchKind::Street => Kind::Street,
            SearchKind::Place => Kind::Place,
            SearchKind::Feature | SearchKind::None => Kind::Feature,
        }
    }

    /// All of a layer.
    pub fn contents(&self, snapshot: &Snapshot) -> Contents {
        if self.kind != SearchKind::Address {
            return Contents::Names(self.kind(), snapshot.rows().filter_map(|row| self.named(row)).collect());
        }
        let mut streets = Streets::default();
        for row in snapshot.rows() {
            let mut number = String::new();
            if let Some(house) = self.house(row, &mut number) {
                streets.push(&house);
            }
        }
        Contents::Houses(streets.finish())
    }

    /// Renews some features.
    ///
    /// # Errors
    /// When the index fails.
    pub fn renew(&self, index: &SearchIndex, snapshot: &Snapshot, ids: &[FeatureId]) -> Result<(), Failed> {
        let layer = &snapshot.definition().id;
        if self.kind != SearchKind::Address {
            let named = |id: &FeatureId| (*id, snapshot.feature(*id).and_then(|row| self.named(row)));
            return index.rename(layer, self.kind(), ids.iter().map(named).collect());
        }
        let mut numbers = vec![String::new(); ids.len()];
        let house = |(id, number): (&FeatureId, &'_ mut String)| {
            // The text of a number that is none lives beside.
            let row = snapshot.feature(*id)?;
            *number = self.number_text(row);
            Some(row)
        };
        let rows: Vec<Option<RowRef<'_>>> = ids.iter().zip(&mut numbers).map(house).collect();
        let houses: Vec<(FeatureId, Option<House<'_>>)> = ids
            .iter()
            .zip(rows.iter().zip(&numbers))
            .map(|(id, (row, number))| (*id, row.and_then(|row| self.house_with(row, number))))
            .collect();
        index.move_houses(layer, &houses)
    }

    fn named(&self, row: RowRef<'_>) -> Option<Named> {
        let (name, beside) = self.fields.split_first()?;
        let name = text(row, *name)?.to_owned();
        let beside: Vec<&str> = beside.iter().filter_map(|field| text(row, *field)).collect();
        Some(Named { id: row.id(), name, beside: beside.join(" "), spot: spot(row)? })
    }

    fn house<'a>(&self, row: RowRef<'a>, number: &'a mut String) -> Option<House<'a>> {
        *number = self.number_text(row);
        self.house_with(row, number)
    }

    fn house_with<'a>(&self, row: RowRef<'a>, number: &'a str) -> Option<House<'a>> {
        let part = |field: Option<usize>| field.and_then(|field| text(row, field)).unwrap_or_default();
        let (street, district, suffix) = (part(self.street), part(self.district), part(self.suffix));
        let at = spot(row)?.at;
        Some(House { id: row.id(), street, district, number, suffix, full: part(self.label), at })
    }

    fn number_text(&self, row: RowRef<'_>) -> String {
        match self.number.map(|field| row.base.value(row.row, field)) {
            Some(ValueRef::Text(text)) => text.to_owned(),
            Some(ValueRef::Integer(number)) => number.to_string(),
            _ => String::new(),
        }
    }

    /// Street, number with suffix, and district of an address, as its layer has them.
    pub fn parts<'a>(&self, row: RowRef<'a>) -> AddressParts<'a> {
        let part = |field: Option<usize>| field.and_then(|field| text(row, field)).unwrap_or_default();
        AddressParts {
            street: part(self.street),
            number: self.number_text(row),
            suffix: part(self.suffix),
            district: part(self.district),
            full: part(self.label),
        }
    }

    /// The name of a feature.
    pub fn name<'a>(&self, row: RowRef<'a>) -> Option<&'a str> {
        text(row, *self.fields.first()?)
    }
}

/// The parts of an address.
pub struct AddressParts<'a> {
    pub street: &'a str,
    pub number: String,
    pub suffix: &'a str,
    pub district: &'a str,
    pub full: &'a str,
}

/// A text that says something.
fn text(row: RowRef<'_>, field: usize) -> Option<&str> {
    match row.base.value(row.row, field) {
        ValueRef::Text(text) => Some(text.trim()).filter(|text| !text.is_empty()),
        _ => None,
    }
}

/// Where a feature is; `None` without a geometry.
pub fn spot(row: RowRef<'_>) -> Option<Spot> {
    let RowRef { base, row: number } = row;
    let geometry = base.geometry();
    match geometry.kind(number) {
        GeometryKind::None => None,
        GeometryKind::Point => Some(Spot { at: lonlat(base, *geometry.nodes(number).first()?), bbox: None }),
        GeometryKind::Line => {
            // The middle vertex of the longest part: a place on it.
            let longest = geometry.rings(number).max_by_key(|ring| ring.nodes.len())?;
            let middle = *longest.nodes.get(longest.nodes.len() / 2)?;
            Some(Spot { at: lonlat(base, middle), bbox: bbox(row) })
        }
        GeometryKind::Polygon => {
            let bbox = bbox(row);
            let middle = || bbox.map(|[w, s, e, n]| [f64::midpoint(w, e), f64::midpoint(s, n)]);
            let at = base.label(number).map(world_to_lonlat).or_else(middle)?;
            Some(Spot { at, bbox })
        }
    }
}

fn lonlat(base: &Base, node: [i32; 2]) -> [f64; 2] {
    base.lonlat(base.geometry().grid().unpack(node))
}

fn bbox(row: RowRef<'_>) -> Option<[f64; 4]> {
    let (low, high) = Footprint::of(row).bounds()?;
    // World units grow southwards.
    let ([west, north], [east, south]) = (world_to_lonlat(low), world_to_lonlat(high));
    Some([west, south, east, north])
}
