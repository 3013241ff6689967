//! `/works`.

use bricola::config::Config;
use bricola_layers::feature::{Feature, Value};
use bricola_layers::store::{Edit, Store as _};
use geo_types::{Geometry, LineString, MultiLineString, Point};
use serde_json::{Value as Json, json};

use super::{Town, day, definition, feature, rectangle, text, town_with};
use crate::harness::CORNER;

fn line([x1, y1]: [f64; 2], [x2, y2]: [f64; 2]) -> Geometry<f64> {
    let at = |x: f64, y: f64| (CORNER[0] + x, CORNER[1] + y);
    Geometry::MultiLineString(MultiLineString(vec![LineString::from(vec![at(x1, y1), at(x2, y2)])]))
}

fn work(
    cup: &str,
    geometry: Option<Geometry<f64>>,
    phase: &str,
    amount: f64,
    progress: f64,
    besides: &[(&str, Value)],
) -> Feature {
    let mut values = vec![
        ("cup", text(cup)),
        ("title", text(&format!("Opera {cup}"))),
        ("phase", text(phase)),
        ("funding", text("PNRR, \"missione 2\"")),
        ("amount_eur", Value::Real(amount)),
        ("progress_pct", Value::Real(progress)),
        ("start_planned", day("2026-01-01")),
        ("end_planned", day("2026-04-10")),
    ];
    values.extend(besides.iter().cloned());
    let at = geometry.clone().unwrap_or_else(|| Geometry::Point(Point::new(CORNER[0], CORNER[1])));
    Feature { geometry, ..feature("public-works", at, &values) }
}

/// Two districts, a line across their border, a point in the second, a work that lies nowhere.
async fn register() -> Town {
    register_with(|_| ()).await
}

async fn register_with(configure: impl FnOnce(&mut Config)) -> Town {
    let town = town_with(configure).await;
    town.store.define(&definition("public-works")).await.expect("defined");
    town.store.define(&definition("districts")).await.expect("defined");
    let district = |code: &str, name: &str, frame| {
        feature(
            "districts",
            rectangle(frame),
            &[("code", text(code)), ("name", text(name)), ("level", text("sestiere"))],
        )
    };
    for it in [district("S1", "Castello", [0.0, 0.0, 30.0, 30.0]), district("S2", "Dorsoduro", [30.0, 0.0, 60.0, 30.0])]
    {
        town.write("districts", Edit::Insert(it)).await;
    }
    let contracts = "[{\"cig\": \"90956743A2\", \"base_eur\": 1, \"awarded_eur\": 1, \"current_eur\": 1, \"sal\": [{\"n\": 1, \
                     \"date\": \"2026-02-01\", \"amount_eur\": 2.5, \"physical_pct\": 30}]}]";
    let across = [
        ("contract_eur", Value::Real(110_000.0)),
        ("paid_eur", Value::Real(40_000.0)),
        ("contracts", text(contracts)),
        ("end_expected", day("2026-05-10")),
    ];
    let point = Geometry::Point(Point::new(CORNER[0] + 40.0, CORNER[1] + 5.0));
    for it in [
        work("F71B21006420006", Some(line([20.0, 5.0], [60.0, 5.0])), "execution", 100_000.0, 30.0, &across),
        work("B11B23000110001", Some(point), "completed", 50_000.0, 100.0, &[("end_actual", day("2026-04-01"))]),
        work("B11B23000110002", None, "tender", 10_000.0, 0.0, &[("cig", text("90956743A3"))]),
    ] {
        town.write("public-works", Edit::Insert(it)).await;
    }
    town
}

fn groups(answer: &Json, member: &str) -> Vec<(String, String)> {
    let groups = answer["groups"].as_array().expect("groups").iter();
    groups
        .map(|it| (it["group"].as_str().unwrap_or("?").to_owned(), it[member].as_str().unwrap_or("–").to_owned()))
        .collect()
}

fn pair(group: &str, value: &str) -> (String, String) {
    (group.to_owned(), value.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn works_are_summed_up_with_their_earned_value() {
    let town = register().await;
    let answer = town.json("/works?day=2026-02-19").await;
    assert_eq!((&answer["total"]["works"], &answer["total"]["amount_eur"]), (&3.into(), &"160000.00".into()));
    assert_eq!(
        groups(&answer, "planned_value_eur"),
        [pair("completed", "25000.00"), pair("execution", "50000.00"), pair("tender", "5000.00")]
    );
    assert_eq!(
        groups(&answer, "earned_value_eur"),
        [pair("completed", "50000.00"), pair("execution", "30000.00"), pair("tender", "0.00")]
    );
    assert_eq!(groups(&answer, "growth_eur")[1], pair("execution", "10000.00"));
    assert_eq!(answer["total"]["schedule_index"], "1.000");
    let first =
        answer["works"].as_array().expect("works").iter().find(|it| it["cup"] == "F71B21006420006").expect("the work");
    assert_eq!(
        (&first["days_late"], &first["days_replanned"], &first["warnings"]),
        (&0.into(), &30.into(), &json!([]))
    );
    assert_eq!(first["contracts"][0]["sal"][0]["physical_pct"], 30.0);
    let late = town.json("/works?day=2026-04-20").await;
    assert_eq!(late["total"]["late"], 2, "the tender and the execution, not what ended in time");
    let odd = town.json("/works?day=2026-02-19&odd=true").await;
    let codes: Vec<&str> =
        odd["works"][0]["warnings"].as_array().expect("warnings").iter().filter_map(|it| it["code"].as_str()).collect();
    assert_eq!((odd["total"]["works"].as_u64(), codes), (Some(1), vec!["check-digits", "no-place"]));
    let one = town.json("/works?day=2026-02-19&phase=execution&by=year&limit=0").await;
    assert_eq!((groups(&one, "amount_eur"), &one["omitted"]), (vec![pair("2026", "100000.00")], &1.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_across_districts_is_shared_by_its_length() {
    let town = register().await;
    let answer = town.json("/works?day=2026-02-19&by=district").await;
    let amounts = groups(&answer, "amount_eur");
    assert_eq!(amounts[0], pair("", "10000.00"), "what lies nowhere");
    let euro = |at: usize| amounts[at].1.parse::<f64>().expect("a number");
    assert!((euro(1) - 25_000.0).abs() < 1.0 && (euro(2) - 125_000.0).abs() < 1.0, "{amounts:?}");
    assert!((euro(0) + euro(1) + euro(2) - 160_000.0).abs() < 0.005, "{amounts:?}");
    let quarters =
        feature("districts", rectangle([0.0, 0.0, 60.0, 30.0]), &[("code", text("Q1")), ("level", text("quartiere"))]);
    town.write("districts", Edit::Insert(quarters)).await;
    let problem = town.server.get("/works?by=district").await.problem(400, "missing-parameter");
    assert_eq!(problem["allowed"], json!(["quartiere", "sestiere"]));
    let named = town.json("/works?day=2026-02-19&by=district&level=sestiere").await;
    assert_eq!(groups(&named, "amount_eur"), amounts);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_register_is_a_table_a_page_a_process_and_has_a_past() {
    let town = register().await;
    let csv = town.server.get("/works?day=2026-02-19&by=funding&f=csv").await;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let lines: Vec<String> = csv.text().lines().map(str::to_owned).collect();
    assert!(lines[0].starts_with("group,works,late,days_late,amount_eur"), "{lines:?}");
    assert!(lines[1].starts_with("\"PNRR, \"\"missione 2\"\"\",3,"), "{lines:?}");
    let page = town.server.get("/works?f=html&day=2026-04-20").await.text();
    for part in ["Opere pubbliche", "esecuzione", "100.000,00 €", "<svg", "F71B21006420006", "l’opera non ha un luogo"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(!page.contains(" style="), "no style that the policy forbids");
    assert!(town.server.get("/works?f=html&lang=en").await.text().contains("Works in time"));
    let path = "/works?day=2026-02-19";
    let first = town.server.get(path).await;
    let raw = town.server.post_json("/processes/works/execution", &json!({"inputs": {"day": "2026-02-19"}})).await;
    assert_eq!(raw.json(), first.json());
    let seq = first.json()["evidence"]["seq"].as_i64().expect("a seq");
    let again = work("F71B 2100 6420 006", None, "tender", 7.0, 0.0, &[]);
    town.write("public-works", Edit::Insert(again)).await;
    let twice = town.json(&format!("{path}&cup=F71B21006420006")).await;
    let codes = twice["works"][0]["warnings"].to_string();
    assert!(codes.contains("cup-twice"), "{codes}");
    assert_eq!(town.server.get(&format!("{path}&at={seq}")).await.text(), first.text());
}

/// The work with a CUP in an answer.
fn of_cup<'a>(answer: &'a Json, cup: &str) -> &'a Json {
    answer["works"].as_array().expect("works").iter().find(|it| it["cup"] == cup).expect("the work")
}

#[tokio::test(flavor = "multi_thread")]
async fn time_and_cost_are_told_of_each_work_and_in_sums() {
    let town = register().await;
    let answer = town.json("/works?day=2026-02-19").await;
    let across = of_cup(&answer, "F71B21006420006");
    // 50 of 100 days; 30 % of 100,000; 40,000 paid.
    for (member, value) in [
        ("planned_value_eur", "50000.00"),
        ("earned_value_eur", "30000.00"),
        ("schedule_variance_eur", "-20000.00"),
        ("schedule_index", "0.600"),
        ("actual_cost_eur", "40000.00"),
        ("cost_variance_eur", "-10000.00"),
        ("cost_index", "0.750"),
        ("planned_pct", "50.0"),
        ("progress_pct", "30.0"),
        ("physical_variance_pct", "-20.0"),
        ("acknowledged_pct", "30.0"),
        ("committed_pct", "110.0"),
        ("paid_pct", "40.0"),
        ("over_tender_pct", "0.0"),
    ] {
        assert_eq!(across[member], value, "{member}");
    }
    // What nobody wrote is not known, and is not in the sums of what is.
    let nowhere = of_cup(&answer, "B11B23000110002");
    assert_eq!((&nowhere["cost_index"], &nowhere["acknowledged_pct"]), (&Json::Null, &Json::Null));
    let total = &answer["total"];
    assert_eq!((&total["costed"], &total["cost_index"], &total["valued"]), (&1.into(), &"0.750".into(), &3.into()));
    assert_eq!((&total["planned_pct"], &total["progress_pct"]), (&"50.0".into(), &"50.0".into()));
    assert_eq!(groups(&answer, "cost_variance_eur")[1], pair("execution", "-10000.00"));
    let csv = town.server.get("/works?day=2026-02-19&f=csv&table=works").await.text();
    let row = csv.lines().find(|line| line.starts_with("F71B21006420006,")).expect("the row");
    assert!(csv.starts_with("cup,title,phase,") && row.contains(",-10000.00,0.750,2026-01-01,"), "{csv}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_chosen_while_the_others_stay_in_sight_and_a_work_shows_its_record() {
    let town = register().await;
    let one = town.json("/works?day=2026-02-19&group=execution").await;
    assert_eq!((one["groups"].as_array().map(Vec::len), one["works"].as_array().map(Vec::len)), (Some(3), Some(1)));
    assert_eq!((&one["total"]["amount_eur"], &one["group"]), (&"100000.00".into(), &"execution".into()));
    // Of a district what lies in it counts.
    let shared = town.json("/works?day=2026-02-19&by=district&group=Castello").await;
    let amount = shared["total"]["amount_eur"].as_str().and_then(|it| it.parse::<f64>().ok()).expect("a number");
    assert!((amount - 25_000.0).abs() < 1.0 && shared["works"].as_array().map(Vec::len) == Some(1), "{shared}");
    let none = town.json("/works?day=2026-02-19&by=district&group=-").await;
    assert_eq!((&none["works"][0]["cup"], &none["group"]), (&"B11B23000110002".into(), &"".into()));
    let id = one["works"][0]["feature"]["id"].as_str().expect("an id").to_owned();
    let record = town.json(&format!("/works?day=2026-02-19&group=tender&work={id}")).await;
    assert_eq!((&record["work"]["cup"], &record["work"]["cost_index"]), (&"F71B21006420006".into(), &"0.750".into()));
    let page = town.server.get(&format!("/works?f=html&day=2026-02-19&work={id}")).await.text();
    for part in [
        // The bar of a group, the mark of a work, its record, and the ways back.
        "group=execution#map",
        &format!("work={id}#work"),
        "id=\"work\"",
        "Indice dei costi (CPI = EV/AC)",
        "0,750",
        "styles/city/thumbnail?bbox=12.3",
        "is-chosen",
        "table=works",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let chosen = town.server.get("/works?f=html&day=2026-02-19&group=execution").await.text();
    assert!(chosen.contains("aria-current=\"true\"") && chosen.contains("class=\"chip\""), "{chosen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn registers_and_shares_that_are_kept_follow_their_layers() {
    let town = register().await;
    let path = "/works?day=2026-02-19&by=district";
    let first = town.json(path).await;
    assert_eq!(town.json(path).await, first);
    // Another district under the work that lay in the second one alone.
    let wider = feature(
        "districts",
        rectangle([35.0, 0.0, 45.0, 30.0]),
        &[("code", text("S0")), ("name", text("Arsenale")), ("level", text("sestiere"))],
    );
    town.write("districts", Edit::Insert(wider)).await;
    let second = town.json(path).await;
    assert_ne!(groups(&second, "amount_eur"), groups(&first, "amount_eur"));
    let more = work("B11B23000110009", None, "tender", 7.0, 0.0, &[]);
    town.write("public-works", Edit::Insert(more)).await;
    let third = town.json(path).await;
    assert_eq!(groups(&third, "amount_eur")[0], pair("", "10007.00"));
    assert_eq!(third["total"]["works"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_sites_may_show_the_dashboard_and_no_other_page() {
    let town = register().await;
    let page = town.server.get("/works?f=html&embed=true").await;
    assert_eq!(page.header("x-frame-options"), "");
    assert!(page.header("content-security-policy").ends_with("frame-ancestors *"));
    let text = page.text();
    for absent in ["it-header-wrapper", "breadcrumb", "<form", "page-foot"] {
        assert!(!text.contains(absent), "{absent}: {text}");
    }
    assert!(text.contains("Apri nel geoportale") && text.contains("class=\"embedded\""), "{text}");
    for path in ["/works?f=html", "/works?f=html&embed=false", "/conflicts?f=html", "/collections?f=html"] {
        let page = town.server.get(path).await;
        assert_eq!(page.header("x-frame-options"), "SAMEORIGIN", "{path}");
        assert!(page.header("content-security-policy").ends_with("frame-ancestors 'self'"), "{path}");
    }
    // The code that an editor of that site copies.
    let code = town.server.get("/works?f=html&by=kind").await.text();
    assert!(code.contains("&lt;iframe src=") && code.contains("embed=true"), "{code}");
}

#[tokio::test(flavor = "multi_thread")]
async fn national_registers_are_joined_by_code_and_what_either_side_lacks_is_told() {
    let town = register_with(|config| config.tenant.istat = Some("027042".to_owned())).await;
    let first = town.json("/works?day=2026-02-19").await;
    assert_eq!((&first["national"]["sources"], &first["national"]["projects"]), (&json!([]), &0.into()));
    assert_eq!(first["national"]["missing"]["count"], 0, "without registers nothing is missing in them");
    let folder = town.folder.path().join("works");
    std::fs::create_dir_all(&folder).expect("a folder");
    let put = |file: &str, text: &str| {
        let latin: Vec<u8> = text.chars().map(|letter| u8::try_from(u32::from(letter)).expect("Latin-1")).collect();
        std::fs::write(folder.join(file), latin).expect("written");
    };
    put(
        "opencup.csv",
        "CUP;DESCRIZIONE_SINTETICA_CUP;STATO_PROGETTO;COSTO_PROGETTO;CODICE_COMUNE\r\n\
         F71B21006420006;PONTE DELLA LIBERT\u{c0};ATTIVO;99000,50;027042\r\n\
         H71B21006420009;SCUOLA CHE MANCA;ATTIVO;5;027042\r\n\
         H71B21006420010;ALTROVE;ATTIVO;5;058091\r\n\
         H71B21006420011;CHI SA;ATTIVO;5;-1\r\n\
         H71B2;ROTTO;ATTIVO;5;027042\r\n",
    );
    put(
        "mop.csv",
        "Codice CUP;Descrizione Stato CUP;Costo Lavori Previsto;Fine esecuzione prevista\nF71B21006420006;ATTIVO;98000.00;2026-04-30\n",
    );
    put("notes.csv", "a,b\n1,2\n");
    // Folders are looked at again after two seconds.
    tokio::time::sleep(std::time::Duration::from_millis(2_300)).await;
    let id = of_cup(&first, "F71B21006420006")["feature"]["id"].as_str().expect("an id").to_owned();
    let answer = town.json(&format!("/works?day=2026-02-19&work={id}")).await;
    let said: Vec<(&Json, &Json)> = answer["work"]["national"]
        .as_array()
        .expect("both")
        .iter()
        .map(|it| (&it["source"], &it["cost_eur"]))
        .collect();
    assert_eq!(said, [(&json!("opencup"), &json!("99000.50")), (&json!("bdap-mop"), &json!("98000.00"))]);
    let national = &answer["national"];
    assert_eq!((&national["projects"], &national["unplaced"]), (&4.into(), &1.into()));
    assert_eq!(national["municipality"], "027042");
    assert_eq!(national["lacking"]["count"], 1);
    assert_eq!(national["lacking"]["projects"][0]["cup"], "H71B21006420009");
    let missing: Vec<&Json> =
        national["missing"]["works"].as_array().expect("works").iter().map(|it| &it["cup"]).collect();
    assert_eq!(missing, ["B11B23000110001", "B11B23000110002"]);
    let faults: Vec<(&Json, &Json, &Json)> = national["faults"]
        .as_array()
        .expect("faults")
        .iter()
        .map(|it| (&it["file"], &it["line"], &it["rule"]))
        .collect();
    let fault = |file: &str, line: u64, rule: &str| (json!(file), json!(line), json!(rule));
    let wanted = [fault("notes.csv", 1, "unknown-columns"), fault("opencup.csv", 6, "bad-cup")];
    assert_eq!(faults, wanted.iter().map(|(a, b, c)| (a, b, c)).collect::<Vec<_>>());
    let page = town.server.get(&format!("/works?f=html&day=2026-02-19&work={id}")).await.text();
    for part in ["PONTE DELLA LIBERT\u{c0}", "99.000,50 €", "SCUOLA CHE MANCA", "notes.csv", "fine prevista 30/04/2026"]
    {
        assert!(page.contains(part), "{part}: {page}");
    }
    // What is put right is read again; nothing else stopped meanwhile.
    std::fs::remove_file(folder.join("opencup.csv")).expect("removed");
    tokio::time::sleep(std::time::Duration::from_millis(2_300)).await;
    let after = town.json("/works?day=2026-02-19").await;
    assert_eq!((&after["national"]["projects"], &after["national"]["lacking"]["count"]), (&1.into(), &0.into()));
    assert_eq!(after["total"], first["total"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_wrong_question_is_refused_by_name() {
    let town = register().await;
    for (path, named) in [
        ("/works?by=colour", "by"),
        ("/works?day=domani", "day"),
        ("/works?limit=10001", "limit"),
        ("/works?limit=-1", "limit"),
        ("/works?odd=forse", "odd"),
        ("/works?by=district&level=rione", "level"),
        ("/works?f=pdf", "f"),
        ("/works?f=csv&table=phases", "table"),
        ("/works?f=html&embed=forse", "embed"),
        ("/works?group=colour", "group"),
        ("/works?work=prima", "work"),
        ("/works?at=999999", "at"),
    ] {
        let problem = town.server.get(path).await.problem(400, "invalid-parameter");
        assert_eq!(problem["parameter"], named, "{path}: {problem}");
    }
    let unknown = town.server.get("/works?group=colour").await.problem(400, "invalid-parameter");
    assert_eq!(unknown["allowed"], json!(["completed", "execution", "tender"]));
    let unknown = town.server.get("/works?work=999999").await.problem(404, "unknown-feature");
    assert_eq!(unknown["parameter"], "work");
    // Where there is no register.
    let bare = super::town().await;
    let answer = bare.json("/works").await;
    assert_eq!((&answer["total"]["works"], &answer["warnings"][0]["code"]), (&0.into(), &"no-layer".into()));
}
