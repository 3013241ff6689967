//! All that is found, by layer, and kept as its layers change.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use rustc_hash::FxHashMap;

use crate::contents::{Contents, is_numbered_by_district};
use crate::entry::{House, Kind, Named, Spot};
use crate::grammar::HouseNumber;
use crate::houses::Houses;
use crate::names::{Document, Failed, Names};
use crate::words::{OR, forms};

/// The index. Those who ask never wait for one another; who writes is one alone.
#[derive(Debug)]
pub struct SearchIndex {
    pub(crate) shared: RwLock<Shared>,
    pub(crate) names: Names,
}

#[derive(Debug, Default)]
pub(crate) struct Shared {
    pub slots: Vec<Option<Slot>>,
    free: Vec<u32>,
    layers: BTreeMap<Arc<str>, Layer>,
}

/// One name.
#[derive(Debug)]
pub(crate) struct Slot {
    pub layer: Arc<str>,
    pub kind: Kind,
    /// Its words, with blanks between.
    pub name: Box<str>,
    /// The words beside it.
    pub beside: Box<str>,
    pub what: What,
}

/// What bears a name.
#[derive(Debug)]
pub(crate) enum What {
    Feature(i64, Spot),
    Houses(Box<Houses>),
}

/// Where a layer's features are.
#[derive(Debug, Default)]
struct Layer {
    /// By feature, of names.
    named: FxHashMap<i64, u32>,
    /// By feature, of houses.
    homes: FxHashMap<i64, [Option<u32>; 2]>,
    /// By who numbers them.
    numberings: FxHashMap<(Box<str>, Box<str>, bool), u32>,
}

/// How large the index is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size {
    /// Names, those of streets that are known by their houses included.
    pub names: usize,
    /// Houses.
    pub houses: usize,
    /// Bytes held, roughly.
    pub bytes: usize,
}

impl SearchIndex {
    /// An empty one.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub fn new() -> Result<Self, Failed> {
        Ok(Self { shared: RwLock::default(), names: Names::new()? })
    }

    /// Puts what a layer has in the place of what it had. Until that is done the old is found.
    ///
    /// # Errors
    /// When memory for it cannot be had.
    pub fn replace(&self, layer: &str, contents: Contents) -> Result<(), Failed> {
        let layer: Arc<str> = layer.into();
        // Words are made before anybody has to wait.
        let (slots, homes) = match contents {
            Contents::Names(kind, named) => {
                let slot = |named: &Named| Slot::named(&layer, kind, named);
                (named.iter().map(slot).collect::<Vec<Slot>>(), None)
            }
            Contents::Houses(streets) => {
                let slots = streets.groups.into_iter().map(|houses| Slot::houses(&layer, houses)).collect();
                (slots, Some(streets.homes))
            }
        };
        let mut new = Layer::default();
        let (mut places, mut documents) = (Vec::with_capacity(slots.len()), Vec::with_capacity(slots.len()));
        let old = {
            let mut shared = self.write();
            for slot in slots {
                let numbering = match &slot.what {
                    What::Feature(id, _) => Err(*id),
                    What::Houses(houses) => Ok(key(houses)),
                };
                let place = shared.keep(slot, &mut documents);
                places.push(place);
                match numbering {
                    Err(id) => drop(new.named.insert(id, place)),
                    Ok(key) => drop(new.numberings.insert(key, place)),
                }
            }
            let place_of = |group: u32| places.get(group as usize).copied();
            let homes = homes.into_iter().flatten();
            new.homes = homes.map(|(id, groups)| (id, groups.map(|group| group.and_then(place_of)))).collect();
            shared.layers.insert(layer, new).unwrap_or_default()
        };
        let gone: Vec<u32> = old.slots().collect();
        self.names.change(gone.iter().copied(), documents.into_iter())?;
        self.write().let_go(&gone);
        Ok(())
    }

    /// Takes a layer away.
    ///
    /// # Errors
    /// When memory for it cannot be had.
    pub fn remove(&self, layer: &str) -> Result<(), Failed> {
        let old = self.write().layers.remove(layer);
        let Some(old) = old else { return Ok(()) };
        let gone: Vec<u32> = old.slots().collect();
        self.names.change(gone.iter().copied(), std::iter::empty())?;
        self.write().let_go(&gone);
        Ok(())
    }

    /// The layers that are in here.
    pub fn layers(&self) -> Vec<Arc<str>> {
        self.read().layers.keys().cloned().collect()
    }

    /// Renews single features of a layer of names; `None` for those that are gone, or have no name.
    ///
    /// # Errors
    /// When memory for it cannot be had.
    pub fn rename(&self, layer: &str, kind: Kind, features: Vec<(i64, Option<Named>)>) -> Result<(), Failed> {
        let (mut gone, mut documents) = (Vec::new(), Vec::new());
        let mut shared = self.write();
        let (id_of_layer, mut part) = shared.take(layer);
        for (id, named) in features {
            if let Some(slot) = part.named.remove(&id) {
                gone.push(slot);
                shared.slots[slot as usize] = None;
            }
            if let Some(named) = named {
                let slot = shared.keep(Slot::named(&id_of_layer, kind, &named), &mut documents);
                part.named.insert(id, slot);
            }
        }
        shared.layers.insert(id_of_layer, part);
        drop(shared);
        self.settle(&gone, documents)
    }

    /// Renews single houses of a layer; `None` for those that are gone, or have no address.
    ///
    /// # Errors
    /// When memory for it cannot be had.
    pub fn move_houses(&self, layer: &str, houses: &[(i64, Option<House<'_>>)]) -> Result<(), Failed> {
        let (mut gone, mut documents) = (Vec::new(), Vec::new());
        let mut shared = self.write();
        let (id_of_layer, mut part) = shared.take(layer);
        for (id, house) in houses {
            shared.leave(&mut part, *id, &mut gone);
            if let Some(house) = house {
                shared.enter(&id_of_layer, &mut part, house, &mut documents);
            }
        }
        shared.layers.insert(id_of_layer, part);
        // A street that lost its last house and got another is still there.
        gone.retain(|slot| shared.slots[*slot as usize].is_none());
        drop(shared);
        self.settle(&gone, documents)
    }

    /// How large it is.
    pub fn size(&self) -> Size {
        let shared = self.read();
        let mut size = Size { names: 0, houses: 0, bytes: self.names.bytes() };
        for slot in shared.slots.iter().flatten() {
            size.names += 1;
            size.bytes += size_of::<Slot>() + slot.name.len() + slot.beside.len();
            if let What::Houses(houses) = &slot.what {
                size.bytes += houses.bytes();
                size.houses += if houses.of_district { 0 } else { houses.len() };
            }
        }
        let entries = |layer: &Layer| layer.homes.capacity() * 25 + layer.named.capacity() * 17;
        size.bytes += shared.layers.values().map(entries).sum::<usize>();
        size
    }

    fn settle(&self, gone: &[u32], documents: Vec<Document>) -> Result<(), Failed> {
        if gone.is_empty() && documents.is_empty() {
            return Ok(());
        }
        self.names.change(gone.iter().copied(), documents.into_iter())?;
        self.write().let_go(gone);
        Ok(())
    }

    pub(crate) fn read(&self) -> std::sync::RwLockReadGuard<'_, Shared> {
        self.shared.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Shared> {
        self.shared.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn keep(&mut self, slot: Slot, documents: &mut Vec<Document>) -> u32 {
        let place = self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() as u32 - 1
        });
        documents.push(slot.document(place));
        self.slots[place as usize] = Some(slot);
        place
    }

    /// Slots that no document names any more may be used for others.
    fn let_go(&mut self, gone: &[u32]) {
        for slot in gone {
            self.slots[*slot as usize] = None;
            self.free.push(*slot);
        }
    }

    fn take(&mut self, layer: &str) -> (Arc<str>, Layer) {
        self.layers.remove_entry(layer).unwrap_or_else(|| (layer.into(), Layer::default()))
    }

    fn houses(&mut self, slot: u32) -> Option<&mut Houses> {
        match self.slots.get_mut(slot as usize)?.as_mut()?.what {
            What::Houses(ref mut houses) => Some(houses),
            What::Feature(..) => None,
        }
    }

    fn leave(&mut self, part: &mut Layer, id: i64, gone: &mut Vec<u32>) {
        for slot in part.homes.remove(&id).into_iter().flatten().flatten() {
            let Some(houses) = self.houses(slot) else { continue };
            houses.remove(id);
            if houses.is_empty() {
                part.numberings.remove(&key(houses));
                self.slots[slot as usize] = None;
                gone.push(slot);
            }
        }
    }

    fn enter(&mut self, layer: &Arc<str>, part: &mut Layer, house: &House<'_>, documents: &mut Vec<Document>) {
        let Some(number) = HouseNumber::read(house.number, house.suffix) else { return };
        let (street, district) = (house.street.trim(), house.district.trim());
        let of_street = (!street.is_empty()).then(|| (Box::from(street), Box::from(district), false));
        let key_of_district: (Box<str>, Box<str>, bool) = (Box::from(district), Box::default(), true);
        let by_district = match is_numbered_by_district(house, &number) {
            Some(told) => told || street.is_empty(),
            None => street.is_empty() || part.numberings.contains_key(&key_of_district),
        };
        let of_district = (by_district && !district.is_empty()).then_some(key_of_district);
        let homes = [of_street, of_district].map(|key| {
            let key = key?;
            if let Some(slot) = part.numberings.get(&key).copied() {
                let houses = self.houses(slot)?;
                houses.push(number.clone(), house.id, house.at);
                houses.sort();
                return Some(slot);
            }
            let mut houses = Houses::new(Arc::from(&*key.0), Arc::from(&*key.1), key.2);
            houses.push(number.clone(), house.id, house.at);
            houses.sort();
            let slot = self.keep(Slot::houses(layer, houses), documents);
            part.numberings.insert(key, slot);
            Some(slot)
        });
        if homes.iter().any(Option::is_some) {
            part.homes.insert(house.id, homes);
        }
    }
}

impl Layer {
    fn slots(&self) -> impl Iterator<Item = u32> + '_ {
        self.named.values().chain(self.numberings.values()).copied()
    }
}

fn key(houses: &Houses) -> (Box<str>, Box<str>, bool) {
    (Box::from(&*houses.street), Box::from(&*houses.district), houses.of_district)
}

impl Slot {
    fn named(layer: &Arc<str>, kind: Kind, named: &Named) -> Self {
        let (name, beside) = (forms(&named.name).into(), forms(&named.beside).into());
        Self { layer: Arc::clone(layer), kind, name, beside, what: What::Feature(named.id, named.spot) }
    }

    fn houses(layer: &Arc<str>, houses: Houses) -> Self {
        let (name, beside) = (forms(&houses.street).into(), forms(&houses.district).into());
        let kind = if houses.of_district { Kind::Place } else { Kind::Street };
        Self { layer: Arc::clone(layer), kind, name, beside, what: What::Houses(Box::new(houses)) }
    }

    fn document(&self, slot: u32) -> Document {
        let at = match &self.what {
            What::Feature(_, spot) => spot.at,
            What::Houses(houses) => houses.middle().unwrap_or_default(),
        };
        let count = self.name.split(' ').count().min(10) as f32;
        let worth = 0.07_f32.mul_add(-count, 0.3f32.mul_add(self.kind.precedence(), 0.7));
        Document { slot, name: self.name.replace(OR, " "), beside: self.beside.replace(OR, " "), worth, at }
    }
}
