//! Files as they are published, and as they should not be.

use proptest::prelude::*;

use super::{Kind, National, Reading, Source, read};
use crate::works::Cents;

const OPENCUP: &str = "CUP;DESCRIZIONE_SINTETICA_CUP;ANNO_DECISIONE;STATO_PROGETTO;COSTO_PROGETTO;FINANZIAMENTO_PROGETTO;\
                       SOGGETTO_TITOLARE;PIVA_CODFISCALE_SOG_TITOLARE;CODICE_PROVINCIA;CODICE_COMUNE\n";
const MOP: &str = "Codice Locale Progetto;Codice CUP;Descrizione CUP Integrale;Descrizione Stato CUP;Costo Lavori Previsto;\
                   Costo Lavori Effettivo;Finanziamenti Statali;Finanziamenti Europei;Inizio esecuzione prevista;\
                   Fine esecuzione prevista;Inizio esecuzione effettiva;Fine esecuzione effettiva\n";

fn of(text: impl AsRef<[u8]>, national: &mut National) -> Reading {
    read("file.csv", text.as_ref(), national).expect("a file")
}

fn euro(value: f64) -> Option<Cents> {
    Cents::euro(value)
}

#[test]
fn opencup_has_a_row_for_each_place_of_a_project() {
    let mut national = National::default();
    let text = format!(
        "\u{feff}{OPENCUP}F71B21006420006;\"PONTE; RESTAURO\";2021;ATTIVO;1250000,5;900000;COMUNE DI VENEZIA;00339370272;027;027042\r\n\
         F71B21006420006;PONTE;2021;ATTIVO;1250000,5;900000;COMUNE DI VENEZIA;00339370272;027;027003\r\n\
         B11B23000110001;SCUOLA;DATO NON PRESENTE;CHIUSO;;;********;;-1;-1\r\n"
    );
    let reading = of(text, &mut national);
    assert_eq!((reading.is, reading.rows, reading.faults), (Some((Source::OpenCup, Kind::Projects)), 3, vec![]));
    let [project] = national.of("F71B21006420006") else { panic!("one project") };
    assert_eq!((project.title.as_deref(), project.year), (Some("PONTE; RESTAURO"), Some(2021)));
    assert_eq!((project.cost_eur, project.funding_eur), (euro(1_250_000.5), euro(900_000.0)));
    let places: Vec<&String> = national.places("F71B21006420006").expect("places").iter().collect();
    assert_eq!(places, ["027003", "027042"]);
    let school = &national.of("B11B23000110001")[0];
    assert_eq!((school.year, school.cost_eur, school.holder.as_deref()), (None, None, None));
    assert_eq!(national.places("B11B23000110001"), None, "the whole country is no municipality");
    // No tax code is kept.
    assert!(!format!("{national:?}").contains("00339370272"));
}

#[test]
fn the_treasury_has_projects_in_latin_1_and_places_in_another_file() {
    let mut national = National::default();
    let row = "LP1;F71B21006420006;RESTAURO DEL PONTE DELLA LIBERTÀ;ATTIVO;1000000.00;250000.50;600000.00;400000.00;2025-01-01;2026-06-30;2025-02-10 00:00:00;";
    let latin: Vec<u8> =
        format!("{MOP}{row}\n").chars().map(|letter| u8::try_from(u32::from(letter)).unwrap()).collect();
    let reading = of(latin, &mut national);
    assert_eq!((reading.is, reading.faults), (Some((Source::Mop, Kind::Projects)), vec![]));
    let places = "Codice CUP;Codice Regione;Codice Provincia;Codice Comune;Descrizione Comune\nF71B21006420006;5;27;42;VENEZIA\n";
    assert_eq!(of(places, &mut national).is, Some((Source::Mop, Kind::Places)));
    let project = &national.of("F71B21006420006")[0];
    assert_eq!(project.title.as_deref(), Some("RESTAURO DEL PONTE DELLA LIBERTÀ"));
    assert_eq!((project.actual_cost_eur, project.funding_eur), (euro(250_000.5), euro(1_000_000.0)));
    let days = [project.start_planned, project.end_planned, project.start_actual, project.end_actual];
    let days: Vec<String> = days.iter().flatten().map(ToString::to_string).collect();
    assert_eq!(days, ["2025-01-01", "2026-06-30", "2025-02-10"]);
    assert!(national.places("F71B21006420006").is_some_and(|places| places.contains("027042")));
    // Both registers say what they say; the same twice from one is the same.
    let other = format!("{OPENCUP}F71B21006420006;PONTE;2021;ATTIVO;1;;;;;\n");
    of(&other, &mut national);
    of(&other, &mut national);
    let sources: Vec<Source> = national.of("F71B21006420006").iter().map(|it| it.source).collect();
    assert_eq!((sources, national.len()), (vec![Source::OpenCup, Source::Mop], 1));
}

#[test]
fn what_is_wrong_is_told_by_line_and_nothing_else_is_lost() {
    let mut national = National::default();
    let text = format!(
        "{OPENCUP}F71B21006420006;A;2021;ATTIVO;1.250.000;900000;C;;027;027042\n\
         F71B2100642000;B;2021;ATTIVO;1;1;C;;027;027042\n\
         B11B23000110001;C;2021\n\
         B11B23000110002;D;duemila;ATTIVO;12,345;1;C;;027;027042\n\
         B11B23000110003;\"E\nF\";2021;ATTIVO;7;1;C;;027;027042\n\
         B11B23000110004;G;2021;ATTIVO;8,x;1;C;;027;027042\n"
    );
    let reading = of(text, &mut national);
    let told: Vec<(u64, &str, &str)> =
        reading.faults.iter().map(|it| (it.line, it.field.as_str(), it.rule.as_str())).collect();
    assert_eq!(
        told,
        [
            (2, "COSTO_PROGETTO", "unreadable"),
            (3, "CUP", "bad-cup"),
            (4, "", "columns"),
            (5, "COSTO_PROGETTO", "unreadable"),
            (5, "ANNO_DECISIONE", "unreadable"),
            (8, "COSTO_PROGETTO", "unreadable"),
        ]
    );
    assert_eq!((reading.rows, reading.faulty, national.len()), (4, 6, 4));
    assert_eq!(national.of("B11B23000110003")[0].cost_eur, euro(7.0));
    for text in ["", "a;b\n1;2\n", "CUP\nF71B21006420006\n", "\0\0\0"] {
        let reading = of(text, &mut National::default());
        assert_eq!((reading.is, reading.faults[0].rule.as_str()), (None, "unknown-columns"), "{text:?}");
    }
    for (separator, header) in [(',', OPENCUP.replace(';', ",")), ('|', OPENCUP.replace(';', "|"))] {
        let row = "B11B23000110001;C;2021;ATTIVO;7;1;C;;027;027042\n".replace(';', &separator.to_string());
        let mut national = National::default();
        assert_eq!((of(header + &row, &mut national).rows, national.len()), (1, 1), "{separator}");
    }
}

proptest! {
    #[test]
    fn no_file_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), rows in "[A-Z0-9;,\"\n.-]{0,200}") {
        let _ = read("x", bytes.as_slice(), &mut National::default());
        for header in [OPENCUP, MOP] {
            let mut text = header.as_bytes().to_vec();
            text.extend_from_slice(rows.as_bytes());
            text.extend_from_slice(&bytes);
            let _ = read("x", text.as_slice(), &mut National::default());
        }
    }
}
