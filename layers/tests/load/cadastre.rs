//! The cadastre's own spelling, from file to stored row.

use std::fmt::Write as _;

use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::feature::Value;
use bricola_layers::load::{LoadOptions, Report, load};
use bricola_layers::reader::{OpenOptions, open_bytes};

use super::Memory;

/// Loads a CSV of squares in Venice into a shipped layer; the report and the rows that were stored.
async fn load_csv(layer: &str, header: &str, rows: &[&str]) -> (Report, LayerDefinition, Vec<Vec<Value>>) {
    let mut csv = format!("{header};wkt\n");
    for (at, row) in rows.iter().enumerate() {
        let (west, east) = (12.33 + at as f64 * 1e-3, 12.33 + at as f64 * 1e-3 + 5e-4);
        let _ = writeln!(csv, "{row};POLYGON(({west} 45.43,{east} 45.43,{east} 45.4305,{west} 45.4305,{west} 45.43))");
    }
    let catalog = Catalog::shipped().expect("valid");
    let definition = catalog.get(layer).expect("shipped");
    let reader = open_bytes("cadastre.csv", csv.into_bytes(), &OpenOptions::default()).expect("opens");
    let store = Memory::default();
    let report = load(&store, reader, definition, &LoadOptions::default(), |_| {}).await.expect("loads");
    (report, definition.clone(), store.rows().into_iter().map(|row| row.properties).collect())
}

#[tokio::test]
async fn a_source_that_gives_only_the_national_reference_says_everything() {
    let rows = ["CadastralParcel.IT.AGE.PLA.C209_000500.96", "C209B0007A1.STRADA001", "A001_000100.ACQUA001", "x"];
    let (report, definition, stored) = load_csv("parcels", "gml_id", &rows).await;
    assert_eq!((report.loaded, report.rejections.get("spurious")), (3, Some(&1)));
    assert_eq!(report.mapping.derived.len(), 8, "{:?}", report.mapping);
    let row = |at: usize| {
        let named = definition.fields.iter().zip(&stored[at]).filter(|(_, value)| !value.is_null());
        named.map(|(field, value)| format!("{}={}", field.name, shown(value))).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(row(0), "national_ref=C209_000500.96 municipality=C209 sheet=5 number=96 kind=parcel label=96");
    assert_eq!(
        row(1),
        "national_ref=C209B0007A1.STRADA001 municipality=C209 section=B sheet=7 annex=A development=1 \
         number=STRADA001 kind=road label=STRADA001"
    );
    assert_eq!(row(2), "national_ref=x", "what is no reference stays as it is");
}

#[tokio::test]
async fn one_table_of_parcels_and_buildings_fills_two_layers() {
    let header = "gid;tipo;foglio;numero;cod_comune;cod_foglio";
    let rows = [
        "1;T;1;0116;H109;H109_000100",
        "2;S;1;STRAD;H109;H109_000100",
        "3;A;1;ACQUA;H109;H109_000100",
        "4;F;1;116+;H109;H109_000100",
        "5;F;1;116+;H109;H109_000100",
    ];
    let (report, definition, stored) = load_csv("parcels", header, &rows).await;
    assert_eq!((report.loaded, report.rejected, report.elsewhere.get("buildings")), (3, 0, Some(&2)));
    assert_eq!((report.repairs.count("code_translated"), report.repaired), (3, 0), "notation, not content");
    let at = |name: &str| definition.field(name).expect(name).0;
    let kinds: Vec<String> = stored.iter().map(|row| shown(&row[at("kind")])).collect();
    assert_eq!(kinds, ["parcel", "road", "water"]);
    assert_eq!(stored[0][at("number")], Value::Text("116".to_owned()));
    let (report, definition, stored) = load_csv("buildings", header, &rows).await;
    assert_eq!((report.loaded, report.elsewhere.get("parcels"), report.warnings.total()), (2, Some(&3), 0));
    let at = |name: &str| definition.field(name).expect(name).0;
    assert_eq!(stored[1][at("parcel_ref")], Value::Text("H109_000100.116".to_owned()));
    assert!(stored[1][at("kind")].is_null() && stored[0][at("code")] != stored[1][at("code")]);
}

fn shown(value: &Value) -> String {
    bricola_layers::check::value::shown(value)
}
