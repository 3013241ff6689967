//! Registers that were read, kept for as long as their layers do not change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bricola_layers::cache::{RowRef, Snapshot};
use bricola_layers::feature::FeatureId;
use bricola_territory::Text;
use bricola_territory::codes::Cup;
use bricola_territory::overlay::Unmeasurable;
use bricola_territory::text::Warning;
use bricola_territory::works::{Record, Share, check};

use super::districts::{Districts, OUTSIDE};
use super::national::{Compared, Loaded};
use super::read;

/// States of the register that are kept, with their layers: that of now, and some of the past that somebody looks at.
const KEPT: usize = 3;
/// Levels of districts by which the shares of one state are kept.
const KEPT_SHARES: usize = 4;
/// Works of a register that is kept; a larger one is read for each answer.
const MOST_WORKS: usize = 100_000;

/// A work as it was read.
#[derive(Debug)]
pub struct Work {
    /// Its feature.
    pub id: FeatureId,
    /// The row that it was read of: the address of its part of the register's own snapshot, and its number there.
    place: (usize, u32),
    /// What the register says of it.
    pub record: Record,
    /// Its CUP as all write it, where it is one.
    pub code: Option<String>,
    /// What is odd about it by itself.
    warnings: Vec<Warning>,
}

/// The works of one state of the layer, in order of CUP.
#[derive(Debug)]
pub struct Register {
    /// The works.
    pub works: Vec<Arc<Work>>,
    /// Codes that several works bear, however they are written.
    twice: BTreeSet<String>,
    layer: Arc<Snapshot>,
    shares: Mutex<Vec<KeptShares>>,
    compared: Mutex<Option<(Weak<Loaded>, Arc<Compared>)>>,
}

/// In which districts the works lie, each as a list of numbers of names and shares, in the order of the register.
#[derive(Debug)]
pub struct Shares {
    /// The names of the districts; empty for what lies in none.
    pub names: Vec<String>,
    /// Of each work.
    pub of: Vec<Arc<[(usize, Share)]>>,
}

/// Shares, and the districts and their level that they were made of.
type KeptShares = (Weak<Snapshot>, String, Arc<Shares>);

/// The registers that were read last: a layer that has changed is another snapshot, of which is read what has changed.
#[derive(Debug, Default)]
pub struct Registers(Mutex<Vec<Arc<Register>>>);

impl Registers {
    /// The register of a layer of works.
    pub fn of(&self, layer: &Arc<Snapshot>) -> Arc<Register> {
        let lock = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(register) = lock().iter().find(|register| Arc::ptr_eq(&register.layer, layer)) {
            return Arc::clone(register);
        }
        let before = lock().first().cloned();
        let register = Arc::new(Register::read(layer, before.as_deref()));
        if register.works.len() <= MOST_WORKS {
            let mut kept = lock();
            kept.truncate(KEPT - 1);
            kept.insert(0, Arc::clone(&register));
        }
        register
    }
}

fn is_it(kept: &Weak<Snapshot>, layer: &Arc<Snapshot>) -> bool {
    kept.upgrade().is_some_and(|kept| Arc::ptr_eq(&kept, layer))
}

impl Register {
    /// Reads a layer. Works of rows that are the very same as before, and where they lie, are taken over. Versions would not
    /// tell: rows of attached views all have the same.
    fn read(layer: &Arc<Snapshot>, before: Option<&Self>) -> Self {
        let before = before.filter(|before| Arc::ptr_eq(before.layer.definition(), layer.definition()));
        let known: HashMap<(usize, u32), &Arc<Work>> =
            before.iter().flat_map(|before| &before.works).map(|work| (work.place, work)).collect();
        // The snapshot of before is alive, so that no other part has come to lie where one of its own lay.
        let taken = |row: RowRef<'_>| match known.get(&place(row)) {
            Some(work) if work.id == row.id() => Arc::clone(work),
            _ => Arc::new(work(layer, row)),
        };
        let mut works: Vec<Arc<Work>> = layer.rows().map(taken).collect();
        works.sort_by(|a, b| (&a.record.cup, &a.record.feature).cmp(&(&b.record.cup, &b.record.feature)));
        let (mut once, mut twice) = (BTreeSet::new(), BTreeSet::new());
        for code in works.iter().filter_map(|work| work.code.as_ref()) {
            if !once.insert(code) {
                twice.insert(code.clone());
            }
        }
        let register =
            Self { works, twice, layer: Arc::clone(layer), shares: Mutex::default(), compared: Mutex::default() };
        for (districts, level, shares) in before.iter().flat_map(|before| before.kept_shares().clone()) {
            let Some(now) = districts.upgrade() else { continue };
            // What cannot be measured is told to who asks for it.
            let renewed = register.measured(&Districts::of(&now, &level), before.map(|before| (before, &*shares)));
            register.kept_shares().extend(renewed.ok().map(|shares| (districts, level, Arc::new(shares))));
        }
        register
    }

    fn kept_shares(&self) -> MutexGuard<'_, Vec<KeptShares>> {
        self.shares.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is odd about a work of the register.
    pub fn warnings(&self, work: &Work) -> Vec<Warning> {
        let again = self.is_twice(work).then(same_cup);
        work.warnings.iter().cloned().chain(again).collect()
    }

    /// Whether something is.
    pub fn is_odd(&self, work: &Work) -> bool {
        !work.warnings.is_empty() || self.is_twice(work)
    }

    fn is_twice(&self, work: &Work) -> bool {
        work.code.as_ref().is_some_and(|code| self.twice.contains(code))
    }

    /// In which districts of a level its works lie, each with its shares of it.
    ///
    /// # Errors
    /// A work that cannot be measured.
    pub fn shares(&self, districts: &Arc<Snapshot>, level: &str) -> Result<Arc<Shares>, Unmeasurable> {
        if let Some((.., shares)) =
            self.kept_shares().iter().find(|(kept, of, _)| of == level && is_it(kept, districts))
        {
            return Ok(Arc::clone(shares));
        }
        let shares = Arc::new(self.measured(&Districts::of(districts, level), None)?);
        let mut kept = self.kept_shares();
        kept.retain(|(snapshot, ..)| snapshot.strong_count() > 0);
        kept.truncate(KEPT_SHARES - 1);
        kept.insert(0, (Arc::downgrade(districts), level.to_owned(), Arc::clone(&shares)));
        Ok(shares)
    }

    /// How it compares with the national registers; see [`Compared::of`].
    pub fn compared(&self, loaded: &Arc<Loaded>, municipality: Option<&str>) -> Arc<Compared> {
        let mut kept = self.compared.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.as_ref().filter(|(of, _)| of.upgrade().is_some_and(|of| Arc::ptr_eq(&of, loaded)));
        if let Some((_, compared)) = known {
            return Arc::clone(compared);
        }
        let compared = Arc::new(Compared::of(self, loaded, municipality));
        *kept = Some((Arc::downgrade(loaded), Arc::clone(&compared)));
        compared
    }

    /// Measures where the works lie; what was measured `before` of works that are the same is taken over.
    fn measured(&self, districts: &Districts, before: Option<(&Self, &Shares)>) -> Result<Shares, Unmeasurable> {
        let mut names: Vec<String> = before.map(|(_, shares)| shares.names.clone()).unwrap_or_default();
        let mut numbers: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
        let mut numbered = |name: &str| {
            *numbers.entry(name.to_owned()).or_insert_with(|| {
                names.push(name.to_owned());
                names.len() - 1
            })
        };
        let known: HashMap<*const Work, &Arc<[(usize, Share)]>> = before
            .iter()
            .flat_map(|(register, shares)| register.works.iter().map(Arc::as_ptr).zip(&shares.of))
            .collect();
        let mut of = Vec::with_capacity(self.works.len());
        for work in &self.works {
            if let Some(shares) = known.get(&Arc::as_ptr(work)) {
                of.push(Arc::clone(shares));
                continue;
            }
            let shares = match self.layer.feature(work.id) {
                Some(row) => districts.shares(row)?,
                None => vec![(OUTSIDE, Share::WHOLE)],
            };
            of.push(shares.into_iter().map(|(district, share)| (numbered(districts.name(district)), share)).collect());
        }
        Ok(Shares { names, of })
    }
}

fn place(row: RowRef<'_>) -> (usize, u32) {
    (std::ptr::from_ref(row.base).addr(), row.row)
}

fn work(snapshot: &Snapshot, row: RowRef<'_>) -> Work {
    let record = read::record(snapshot, row);
    let code = record.cup.as_deref().and_then(|cup| Cup::parse(cup).ok()).map(|cup| cup.code);
    Work { id: row.id(), place: place(row), warnings: check(&record), code, record }
}

fn same_cup() -> Warning {
    Warning::new("cup-twice", Text::new("un’altra opera ha lo stesso CUP", "another work has the same CUP"))
}
