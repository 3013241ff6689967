//! Stretches of streets compared with `PostGIS`.

use super::harness::Folder;
use super::postgis::PostGis;

/// Metres that two lines may be apart: both are right to the millimetre where the streets are straight.
const TOLERANCE_M: f64 = 0.02;

/// A text in a query.
fn quoted(text: &str) -> String {
    text.bytes().fold(String::new(), |all, byte| format!("{all}%{byte:02X}"))
}

#[test]
fn stretches_of_streets_are_those_of_st_line_substring() {
    let (database, folder) = (PostGis::start(), Folder::new());
    let url = database.url();
    let filled = folder.run(&["demo", "--parcels", "500", "--no-serve", "--database", &url, "--log-level", "error"]);
    assert_eq!(filled.code, 0, "{}", filled.stderr);
    let server = folder.start(&["serve", "--database", &url]);
    server.wait_until_ready();
    // Streets that are one line, on a plane of metres that keeps angles.
    database.sql(
        "CREATE TABLE public.lines AS SELECT code, full_name, ST_LineMerge(ST_Transform(geom, 32633)) AS line FROM city.streets; \
         DELETE FROM public.lines WHERE GeometryType(line) <> 'LINESTRING' OR ST_IsClosed(line) OR code IS NULL",
    );
    // Metres between what the server says lies there and a part of the line, whichever end is its first.
    let apart = |code: &str, answer: &serde_json::Value, from: &str, to: &str| -> f64 {
        let drawn = answer["place"]["geometry"].to_string();
        let told = database.sql(&format!(
            "SELECT least(ST_HausdorffDistance(ours, ST_LineSubstring(line, {from}, {to})), \
                          ST_HausdorffDistance(ours, ST_LineSubstring(line, 1 - {to}, 1 - {from}))) \
             FROM public.lines, ST_Transform(ST_SetSRID(ST_GeomFromGeoJSON('{drawn}'), 4326), 32633) AS ours WHERE code = '{code}'"
        ));
        told.trim().parse().unwrap_or_else(|_| panic!("{told}"))
    };
    let codes = database
        .sql("SELECT code FROM public.lines WHERE ST_NPoints(line) > 2 ORDER BY ST_NPoints(line) DESC, code LIMIT 12");
    let mut compared = 0;
    for code in codes.lines().filter(|code| !code.is_empty()) {
        let path = format!("/zones?along={}&layers=districts", quoted(code));
        let whole: f64 =
            server.json(&path)["place"]["along"]["of_m"].as_str().and_then(|it| it.parse().ok()).expect("metres");
        for (from, to) in [(0.0, 0.5), (0.13, 0.87), (0.9, 1.0)] {
            let [a, b] = [from, to].map(|share: f64| (whole * share * 100.0).round() / 100.0);
            let answer = server.json(&format!("{path}&from_m={a}&to_m={b}"));
            let off = apart(code, &answer, &format!("{}", (a / whole).min(1.0)), &format!("{}", (b / whole).min(1.0)));
            assert!(off < TOLERANCE_M, "{code} {a} {b}: {off} m: {answer}");
            compared += 1;
        }
    }
    assert!(compared >= 30, "{compared}");
    // Between the first and the last house of a street.
    let houses = database.sql(
        "WITH houses AS (SELECT l.code, a.number || coalesce('/' || nullif(a.suffix, ''), '') AS number, \
                                ST_LineLocatePoint(l.line, ST_Transform(a.geom, 32633)) AS at, \
                                ST_Distance(l.line, ST_Transform(a.geom, 32633)) AS off \
                         FROM public.lines l JOIN city.addresses a ON a.street_code = l.code), \
              ends AS (SELECT code, min(at) AS low, max(at) AS high FROM houses GROUP BY code \
                       HAVING count(*) > 1 AND count(*) = count(DISTINCT number) AND max(at) - min(at) > 0.05 AND max(off) < 100) \
         SELECT e.code, (SELECT number FROM houses h WHERE h.code = e.code AND at = low LIMIT 1), \
                (SELECT number FROM houses h WHERE h.code = e.code AND at = high LIMIT 1), low, high \
         FROM ends e ORDER BY e.code LIMIT 12",
    );
    let mut compared = 0;
    for row in houses.lines().filter(|row| !row.is_empty()) {
        let [code, first, last, low, high] = row.split('|').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let numbers = format!("{},{}", quoted(first), quoted(last));
        let answer = server.json(&format!("/zones?along={}&between={numbers}&layers=districts", quoted(code)));
        let off = apart(code, &answer, low, high);
        assert!(off < TOLERANCE_M, "{row}: {off} m: {answer}");
        compared += 1;
    }
    assert!(compared >= 5, "{compared}: {houses}");
}
