use std::io::BufReader;

use proptest::prelude::*;

use super::*;
use crate::Fault;

/// Rows made up in the form of a dump: unit, parcels, addresses, shared parts, reservations.
const FAB: &str = "\
L736||4711|F|1|1|1|A02|3|5,5|98||1.234,56|||B|03||1|2|||01012015|05012015|V|0001|001|2015||||||||NOTA SU ROSSI MARIO||||||ATTO DI VERDI|||N\r
L736||4711|F|1|2|VE |0012|00123||0007||VE|0012|00124|2|0001|\r
L736||4711|F|1|3|236|SALIZADA SAN MARCO|0012|0014||00345\r
L736||4711|F|1|4|VE|0012|00123||0008\r
L736||4711|F|1|5|R1|77\r
";

const TER: &str = "\
L736|A|99|T|2|1|0012|00045||||064|2|1|02|30||||0|0|10,50|5,25|01031990||||||||||||||||||||\n\
L736|A|99|T|2|2|A5A|B2|\n\
L736|A|99|T|2|4|AA|064|2|0|50|10|AB|010||0|52|20\n";

fn read(name: &str, bytes: &[u8]) -> Vec<Result<Record, Fault>> {
    Units::open(name, BufReader::new(bytes)).unwrap().map(Result::unwrap).collect()
}

fn fab() -> String {
    // The example's amount has a point for thousands, which dumps do not have.
    FAB.replace("1.234,56", "1234,56")
}

#[test]
fn units_are_read_with_parcels_addresses_and_shared_parts() {
    let rows: Vec<Record> = read("L736_1.FAB", fab().as_bytes()).into_iter().map(Result::unwrap).collect();
    let Record::Unit { key, unit } = &rows[0] else { panic!("{:?}", rows[0]) };
    assert_eq!((key.comune.as_str(), key.id, key.state), ("L736", 4711, 1));
    assert_eq!((unit.category.as_str(), unit.class.as_str()), ("A02", "3"));
    assert_eq!(unit.consistency.as_ref().unwrap().to_string(), "5.5");
    assert_eq!(unit.income_eur.as_ref().unwrap().fixed(2), "1234.56");
    assert_eq!((unit.position.stair.as_str(), unit.position.doors[0].as_str()), ("B", "3"));
    assert_eq!(unit.position.floors, ["1", "2"]);
    assert_eq!((unit.span.from, unit.span.to), (Some("2015-01-01".parse().unwrap()), None));
    let Record::UnitParcels { parcels, .. } = &rows[1] else { panic!("{:?}", rows[1]) };
    assert_eq!(parcels.len(), 2);
    assert_eq!(
        (parcels[0].urban_section.as_str(), parcels[0].sheet.as_str(), parcels[0].number.as_str()),
        ("VE", "12", "123")
    );
    assert_eq!((parcels[0].subunit.as_str(), parcels[1].denominator), ("7", Some(2)));
    let Record::UnitAddresses { addresses, .. } = &rows[2] else { panic!("{:?}", rows[2]) };
    assert_eq!(
        (addresses[0].street.as_str(), &addresses[0].numbers),
        ("SALIZADA SAN MARCO", &vec!["12".to_owned(), "14".to_owned()])
    );
    assert!(matches!(&rows[3], Record::UnitShared { parcels, .. } if parcels[0].subunit == "8"));
    assert!(matches!(&rows[4], Record::Reserves { codes, .. } if codes == &["R1"]));
}

#[test]
fn land_is_read_with_its_registered_area() {
    let rows: Vec<Record> = read("x.ter", TER.as_bytes()).into_iter().map(Result::unwrap).collect();
    let Record::Land { key, land } = &rows[0] else { panic!("{:?}", rows[0]) };
    assert_eq!((key.section.as_str(), land.parcel.sheet.as_str(), land.parcel.number.as_str()), ("A", "12", "45"));
    assert_eq!((land.area_m2, land.quality.as_str(), land.parcel.urban_section.as_str()), (10_230, "064", ""));
    assert_eq!(land.owner_income_eur.as_ref().unwrap().fixed(2), "10.50");
    assert!(matches!(&rows[1], Record::Deductions { symbols, .. } if symbols == &["A5A", "B2"]));
    let Record::Portions { portions, .. } = &rows[2] else { panic!("{:?}", rows[2]) };
    assert_eq!(portions.iter().map(|portion| portion.area_m2).sum::<u64>(), land.area_m2);
}

#[test]
fn owners_and_rights_are_refused_by_name_and_by_what_is_in_them() {
    for name in ["L736.SOG", "l736.tit", "a.b.Sog"] {
        let refused = Units::open(name, BufReader::new(&b""[..])).err().unwrap();
        assert!(matches!(refused, Refused::PersonalData));
        assert!(refused.text().it.contains("dati personali"), "{name}");
    }
    assert!(matches!(DumpKind::of_name("L736.txt"), Err(Refused::NotADump)));
    // Renamed files, after a good row too.
    for row in ["L736||1|P|ROSSI|MARIO|1|01011970|L736|RSSMRA70A01L736X||", "L736||1|G|4711|F|10||1|1||"] {
        let text = format!("{}\n{row}\nL736||1|F|1|5|R1|77\n", fab().lines().next().unwrap());
        let rows: Vec<_> = Units::open("L736.FAB", BufReader::new(text.as_bytes())).unwrap().collect();
        assert_eq!(rows.len(), 2);
        assert!(matches!(rows[1], Err(Refused::PersonalData)));
    }
}

#[test]
fn names_and_tax_codes_reach_no_field() {
    let everything =
        serde_json::to_string(&read("L736.FAB", fab().as_bytes()).into_iter().map(Result::unwrap).collect::<Vec<_>>())
            .unwrap();
    assert!(!everything.contains("ROSSI") && !everything.contains("VERDI"), "{everything}");
    let text = "L736||1|F|1|3|236|VIA RSSMRA70A01L736X|1|||\nL736||1|F|1|2|RSSMRA70A01L736X|1|2|||\n";
    let faults: Vec<Fault> = read("L736.FAB", text.as_bytes()).into_iter().map(Result::unwrap_err).collect();
    assert_eq!((faults[0].rule.as_str(), faults[1].rule.as_str()), ("personal-data", "bad-code"));
    assert!(!format!("{faults:?}").contains("RSSMRA"), "{faults:?}");
}

#[test]
fn faults_name_row_and_field_and_the_other_rows_are_read() {
    let good = "L736||1|F|1|5|R1|77";
    let land = TER.lines().next().unwrap();
    for (row, field, rule) in [
        ("L736||x|F|1|5|R1|77", "identificativo_immobile", "not-a-number"),
        ("L736|||F|1|5|R1|77", "identificativo_immobile", "missing"),
        ("VENEZIA||1|F|1|5|R1|77", "codice_comune", "bad-code"),
        ("L736||1|T|1|5|R1|77", "tipo_immobile", "wrong-type"),
        ("L736||1|F|1|9|R1|77", "tipo_record", "unknown-record"),
        ("L736||1|F|1|2|VE|12|3", "", "column-count"),
        ("L736||1|F|1|1|1|A02", "", "column-count"),
        ("no bars at all", "codice_comune", "bad-code"),
    ] {
        let rows = read("L736.FAB", format!("{row}\n\n{good}\n").as_bytes());
        let fault = rows[0].as_ref().unwrap_err();
        assert_eq!((fault.line, fault.field.as_str(), fault.rule.as_str()), (1, field, rule), "{row}");
        assert!(rows[1].is_ok() && rows.len() == 2);
    }
    for (from, to, field, rule) in [
        ("10,50", "dieci", "reddito_dominicale", "not-a-number"),
        ("10,50", "-10", "reddito_dominicale", "negative"),
        ("01031990", "31021990", "data_efficacia", "bad-date"),
        ("|1|02|30|", "|1|102|30|", "ettari", "out-of-range"),
    ] {
        let rows = read("L736.TER", land.replace(from, to).as_bytes());
        let fault = rows[0].as_ref().unwrap_err();
        assert_eq!((fault.field.as_str(), fault.rule.as_str()), (field, rule));
    }
}

#[test]
fn latin_1_is_decoded_and_long_rows_are_set_aside() {
    let mut bytes = b"L736||1|F|1|3|236|RIO TERA' DEGLI ASSASSINI, CITT\xc0|1|||\n".to_vec();
    bytes.extend(std::iter::repeat_n(b'x', 3 * MAX_ROW_BYTES));
    bytes.extend_from_slice(b"\nL736||1|F|1|5|R1|77");
    let rows = read("L736.FAB", &bytes);
    assert!(matches!(&rows[0], Ok(Record::UnitAddresses { addresses, .. }) if addresses[0].street.ends_with("CITTÀ")));
    assert_eq!(rows[1].as_ref().unwrap_err().rule, "too-long");
    assert!(rows[2].is_ok() && rows.len() == 3);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), text in "(L736\\|A?\\|[0-9]{1,3}\\|[FT]\\|1\\|[1-5]\\|[A-Z0-9,|]{0,80}\n){0,4}", land in any::<bool>()) {
        let name = if land { "a.TER" } else { "a.FAB" };
        for input in [bytes.as_slice(), text.as_bytes()] {
            for row in Units::open(name, BufReader::new(input)).unwrap().flatten() {
                let _ = row.map(|record| record.key().id);
            }
        }
    }
}
