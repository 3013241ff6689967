use super::*;
use crate::definition::{Catalog, FieldType};

fn layer() -> LayerDefinition {
    let text = r#"
        id = "parcels"
        title = { it = "Particelle", en = "Parcels" }
        description = { it = "", en = "" }
        theme = "cadastre"
        geometry = "multipolygon"
        key = ["sheet", "number"]
        [[field]]
        name = "sheet"
        type = "text"
        title = { it = "Foglio", en = "Sheet" }
        aliases = ["foglio"]
        required = true
        [[field]]
        name = "number"
        type = "text"
        title = { it = "Particella", en = "Parcel" }
        aliases = ["particella", "label"]
        [[field]]
        name = "national_reference"
        type = "text"
        title = { it = "Riferimento", en = "Reference" }
        aliases = ["nationalCadastralReference"]
    "#;
    toml::from_str(text).expect("valid")
}

fn columns(names: &[&str]) -> Vec<SourceField> {
    names.iter().map(|name| SourceField { name: (*name).to_owned(), kind: FieldType::Text }).collect()
}

fn by(mapping: &Mapping, field: &str) -> Option<(String, MappedBy)> {
    mapping.mapped.iter().find(|mapped| mapped.field == field).map(|mapped| (mapped.column.clone(), mapped.by))
}

#[test]
fn names_aliases_and_spellings_are_recognised() {
    let mapping = map(&columns(&["FOGLIO", "Number", "nationalcadastralreference_"]), &layer(), &[]).expect("maps");
    assert_eq!(by(&mapping, "sheet"), Some(("FOGLIO".to_owned(), MappedBy::Alias)));
    assert_eq!(by(&mapping, "number"), Some(("Number".to_owned(), MappedBy::Alias)));
    assert_eq!(by(&mapping, "national_reference").map(|found| found.1), Some(MappedBy::Spelling));
    assert_eq!(mapping.columns, [Some(0), Some(1), Some(2)]);
}

#[test]
fn a_name_cut_by_dbf_is_recognised() {
    let mapping = map(&columns(&["foglio", "NATIONAL_R"]), &layer(), &[]).expect("maps");
    assert_eq!(by(&mapping, "national_reference"), Some(("NATIONAL_R".to_owned(), MappedBy::Truncation)));
    assert_eq!(mapping.missing, ["number"]);
}

#[test]
fn the_first_alias_wins_over_a_later_one() {
    let mapping = map(&columns(&["label", "foglio", "particella"]), &layer(), &[]).expect("maps");
    assert_eq!(by(&mapping, "number"), Some(("particella".to_owned(), MappedBy::Alias)));
    assert_eq!(mapping.ignored, ["label"]);
}

#[test]
fn a_column_that_looks_like_a_field_is_suggested_and_not_taken() {
    let mapping = map(&columns(&["foglio", "num_particella"]), &layer(), &[]).expect("maps");
    assert_eq!(by(&mapping, "number"), None);
    let suggestion = Suggestion { column: "num_particella".to_owned(), field: "number".to_owned() };
    assert!(mapping.suggestions.contains(&suggestion), "{:?}", mapping.suggestions);
}

#[test]
fn the_operator_decides() {
    let wishes = [("nr".to_owned(), "number".to_owned()), ("particella".to_owned(), String::new())];
    let mapping = map(&columns(&["foglio", "particella", "nr"]), &layer(), &wishes).expect("maps");
    assert_eq!(by(&mapping, "number"), Some(("nr".to_owned(), MappedBy::Operator)));
    assert_eq!(mapping.ignored, ["particella"]);
}

#[test]
fn a_missing_required_field_names_the_columns_that_look_like_it() {
    let error = map(&columns(&["num_foglio", "x"]), &layer(), &[]).expect_err("refused").to_string();
    assert!(error.contains("\"sheet\"") && error.contains("--map num_foglio=sheet"), "{error}");
}

#[test]
fn wishes_that_cannot_be_met_are_refused() {
    let wish = |column: &str, field: &str| vec![(column.to_owned(), field.to_owned())];
    let error = map(&columns(&["foglio"]), &layer(), &wish("fogli", "sheet")).expect_err("refused");
    assert!(matches!(error, MappingError::UnknownColumn { .. }));
    let error = map(&columns(&["foglio"]), &layer(), &wish("foglio", "sheets")).expect_err("refused");
    assert!(matches!(error, MappingError::UnknownField { .. }));
}

#[test]
fn every_shipped_layer_maps_its_own_field_names() {
    for definition in Catalog::shipped().expect("valid").iter() {
        let names: Vec<&str> = definition.fields.iter().map(|field| field.name.as_str()).collect();
        let mapping = map(&columns(&names), definition, &[]).expect("maps");
        assert!(mapping.missing.is_empty() && mapping.ignored.is_empty(), "{}", definition.id);
    }
}

#[test]
fn a_house_number_is_appended_and_a_derived_field_is_not_missing() {
    let mut definition = layer();
    let append = crate::definition::Appended { columns: vec!["civico".to_owned()], separator: " ".to_owned() };
    definition.fields[0].append = Some(append);
    let derive =
        |from: &str| crate::definition::Derivation { from: from.to_owned(), part: crate::definition::Part::Whole };
    definition.fields[1].derive = Some(derive("sheet"));
    definition.fields[2].derive = Some(derive("number"));
    let mapping = map(&columns(&["x", "foglio", "CIVICO"]), &definition, &[]).expect("maps");
    assert_eq!((&mapping.columns[..], &mapping.appended[..]), (&[Some(1), None, None][..], &[Some(2), None, None][..]));
    assert_eq!(mapping.mapped[0].and.as_deref(), Some("CIVICO"));
    assert_eq!((mapping.ignored, mapping.missing.len(), mapping.derived.len()), (vec!["x".to_owned()], 0, 2));
    // Without the first column nothing is appended to it; here it is required, too.
    assert!(map(&columns(&["civico"]), &definition, &[]).is_err());
}

#[test]
fn a_general_word_in_common_makes_no_likeness() {
    let mut definition = layer();
    definition.fields[0].aliases = vec!["codice_cin".to_owned()];
    definition.fields[0].required = false;
    let suggested = |column: &str| !map(&columns(&[column]), &definition, &[]).expect("maps").suggestions.is_empty();
    assert!(suggested("codice_cinn") && !suggested("codice_via"));
}
