//! A row of the layer of works as a record of the register.

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_territory::works::{Cents, Parts, Record};
use chrono::NaiveDate;

use crate::services::site::{name_of, reference, words};

/// The record of a row. Fields that the layer does not have say nothing.
pub fn record(snapshot: &Snapshot, row: RowRef<'_>) -> Record {
    let said = |name: &str| words(snapshot, row, name);
    // Instants begin with their day.
    let day = |name: &str| said(name).and_then(|text| text.get(..10)?.parse::<NaiveDate>().ok());
    let number = |name: &str, read: fn(f64) -> Option<Cents>| {
        let (position, _) = snapshot.definition().field(name)?;
        match row.base.value(row.row, position) {
            ValueRef::Real(value) => read(value),
            ValueRef::Integer(value) => read(value as f64),
            _ => None,
        }
    };
    Record {
        feature: reference(snapshot, row),
        cup: said("cup"),
        cig: said("cig"),
        title: name_of(snapshot, row),
        phase: said("phase"),
        kind: said("kind"),
        funding: said("funding"),
        amount: number("amount_eur", Cents::euro),
        contract: number("contract_eur", Cents::euro),
        paid: number("paid_eur", Cents::euro),
        progress: number("progress_pct", Cents::percent),
        start_planned: day("start_planned"),
        end_planned: day("end_planned"),
        end_expected: day("end_expected"),
        start_actual: day("start_actual"),
        end_actual: day("end_actual"),
        placeless: row.vertices() == 0,
        parts: Parts::read(said("phases").as_deref(), said("contracts").as_deref(), said("funds").as_deref()),
    }
}
