//! What a layer has that is found: names, or houses gathered by who numbers them.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entry::{House, Kind, Named};
use crate::fold::pieces;
use crate::grammar::HouseNumber;
use crate::houses::Houses;

/// Houses of a district below which nothing tells whether it numbers them, if their addresses do not say so.
const TELLING: usize = 20;

/// What a layer has.
#[derive(Debug)]
pub enum Contents {
    /// Features with names, of one kind.
    Names(Kind, Vec<Named>),
    /// Houses.
    Houses(Streets),
}

/// Who numbers a house: a street in a district, or the district alone (`None`).
pub(crate) type Numbering = (Option<Arc<str>>, Arc<str>);

/// Houses by who numbers them.
#[derive(Debug, Default)]
pub struct Streets {
    pub(crate) groups: Vec<Houses>,
    by_name: FxHashMap<Numbering, usize>,
    /// By feature: the groups that it is in.
    pub(crate) homes: FxHashMap<i64, [Option<u32>; 2]>,
    texts: FxHashSet<Arc<str>>,
    /// Whether addresses say who numbers them.
    told: bool,
}

impl Streets {
    /// Adds a house. One that has no number, or neither street nor district, is not one that can be found: false.
    pub fn push(&mut self, house: &House<'_>) -> bool {
        let Some(number) = HouseNumber::read(house.number, house.suffix) else { return false };
        let (street, district) = (house.street.trim(), house.district.trim());
        if street.is_empty() && district.is_empty() {
            return false;
        }
        let by_district = is_numbered_by_district(house, &number);
        self.told |= by_district.is_some();
        let mut homes = [None; 2];
        let district = self.text(district);
        if !street.is_empty() {
            let street = self.text(street);
            homes[0] = Some(self.group(Some(street), Arc::clone(&district)));
        }
        if (by_district == Some(true) || street.is_empty()) && !district.is_empty() {
            homes[1] = Some(self.group(None, district));
        }
        for group in homes.into_iter().flatten() {
            self.groups[group as usize].push(number.clone(), house.id, house.at);
        }
        self.homes.insert(house.id, homes);
        true
    }

    /// Puts all in order. Where no address says who numbers it, a district does whose numbers hardly ever come twice.
    #[must_use]
    pub fn finish(mut self) -> Self {
        for group in &mut self.groups {
            group.sort();
        }
        if !self.told {
            self.guess();
        }
        self.by_name = FxHashMap::default();
        self.texts = FxHashSet::default();
        self
    }

    fn guess(&mut self) {
        let mut districts: FxHashMap<Arc<str>, Vec<usize>> = FxHashMap::default();
        for (place, group) in self.groups.iter().enumerate().filter(|(_, group)| !group.of_district) {
            districts.entry(Arc::clone(&group.district)).or_default().push(place);
        }
        for (district, streets) in districts {
            let mut all = Houses::new(Arc::clone(&district), Arc::default(), true);
            for street in &streets {
                all.take_over(&self.groups[*street]);
            }
            all.sort();
            let is_of_district = streets.len() > 2 && all.len() >= TELLING && all.distinct() * 20 >= all.len() * 19;
            if is_of_district && !district.is_empty() {
                let place = self.groups.len() as u32;
                for id in all.ids() {
                    self.homes.entry(id).or_default()[1] = Some(place);
                }
                self.groups.push(all);
            }
        }
    }

    fn text(&mut self, text: &str) -> Arc<str> {
        if let Some(known) = self.texts.get(text) {
            return Arc::clone(known);
        }
        let text: Arc<str> = text.into();
        self.texts.insert(Arc::clone(&text));
        text
    }

    fn group(&mut self, street: Option<Arc<str>>, district: Arc<str>) -> u32 {
        let groups = &mut self.groups;
        let place = *self.by_name.entry((street, district)).or_insert_with_key(|(street, district)| {
            groups.push(match street {
                Some(street) => Houses::new(Arc::clone(street), Arc::clone(district), false),
                None => Houses::new(Arc::clone(district), Arc::default(), true),
            });
            groups.len() - 1
        });
        place as u32
    }
}

/// What the whole address says of who numbers the house: a district whose name comes first, with the number after it
/// (`San Marco 1234, Calle dei Fabbri`). `None` where it does not say.
pub(crate) fn is_numbered_by_district(house: &House<'_>, number: &HouseNumber) -> Option<bool> {
    let full = house.full.trim();
    if full.is_empty() || house.district.trim().is_empty() {
        return None;
    }
    let rest = full.strip_prefix(house.district.trim());
    let rest =
        rest.or_else(|| full.strip_prefix("Sestiere ").and_then(|full| full.strip_prefix(house.district.trim())));
    let next = rest.and_then(|rest| pieces(rest, 1).pop());
    Some(next.is_some_and(|next| next.text.parse() == Ok(number.number)))
}
