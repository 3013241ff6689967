//! Departures of small timetables, counted by hand.

use std::collections::BTreeMap;

use crate::feature::Value;
use crate::reader::archive::tests::zip;
use crate::reader::testing::drain;
use crate::reader::{OpenOptions, open_bytes};

const STOPS: &str = "stop_id,stop_name,stop_lat,stop_lon\nA,Lido,45.1,12.1\nB,Zattere,45.2,12.2\nC,Burano,45.3,12.3\n";
const ROUTES: &str = "route_id,route_short_name,route_long_name,route_type\nL1,10,,4\nL2,2,,4\nL3,,Notturna,4\n";
const CALENDAR: &str = "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n\
    w,1,1,1,1,1,0,0,20260302,20260331\ns,0,0,0,0,0,1,0,20260302,20260331\n";
// On a Thursday that is a holiday only `h` runs, as on Sundays.
const DATES: &str = "service_id,date,exception_type\nw,20260319,2\nh,20260319,1\nh,20260308,1\nh,20260315,1\nh,20260322,1\nh,20260329,1\n";
const TRIPS: &str = "route_id,service_id,trip_id\nL1,w,a\nL1,w,b\nL2,s,c\nL3,h,d\nL2,w,e\n";
const TIMES: &str = "trip_id,arrival_time,departure_time,stop_id,stop_sequence,pickup_type\n\
    a,07:58:00,08:00:00,A,1,0\na,08:10:00,08:10:00,B,2,0\na,08:20:00,08:20:00,C,3,0\n\
    b,08:30:00,08:30:00,A,1,0\nb,,,B,2,0\nb,08:50:00,08:50:00,C,3,0\n\
    c,09:00:00,09:00:00,B,5,0\nc,09:30:00,09:30:00,A,9,0\n\
    d,24:40:00,24:40:00,C,1,0\nd,25:10:00,25:10:00,A,2,1\nd,25:20:00,25:20:00,B,3,0\n\
    e,06:00:00,06:00:00,C,0,0\ne,06:10:00,06:10:00,B,1,0\n";

fn read(tables: &[(&str, &str)]) -> (BTreeMap<String, BTreeMap<String, String>>, Vec<String>) {
    let files: Vec<(&str, &[u8])> = tables.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let mut reader = open_bytes("t.zip", zip(&files), &OpenOptions::default()).expect("opens");
    let (names, remarks): (Vec<String>, _) =
        (reader.schema().fields.iter().map(|field| field.name.clone()).collect(), reader.schema().remarks.clone());
    let (rows, errors) = drain(&mut *reader);
    assert_eq!(errors, Vec::<String>::new());
    let of = |value: &Value| value.as_text().unwrap_or_default().to_owned();
    let row = |values: &[Value]| names.iter().cloned().zip(values.iter().map(of)).collect::<BTreeMap<_, _>>();
    let rows = rows.iter().map(|it| row(&it.values)).map(|row| (row["stop_id"].clone(), row));
    (rows.collect(), remarks)
}

fn whole() -> Vec<(&'static str, &'static str)> {
    vec![
        ("stops.txt", STOPS),
        ("routes.txt", ROUTES),
        ("calendar.txt", CALENDAR),
        ("calendar_dates.txt", DATES),
        ("trips.txt", TRIPS),
        ("stop_times.txt", TIMES),
    ]
}

fn with(name: &'static str, text: &'static str) -> Vec<(&'static str, &'static str)> {
    let mut tables = whole();
    tables.retain(|(other, _)| *other != name);
    tables.push((name, text));
    tables
}

fn told<'a>(row: &'a BTreeMap<String, String>, names: &[&str]) -> Vec<&'a str> {
    names.iter().map(|name| row[*name].as_str()).collect()
}

const COUNTS: [&str; 4] = ["departures_weekday", "departures_saturday", "departures_sunday", "lines"];

#[test]
fn departures_are_counted_by_stop_and_kind_of_day() {
    let (stops, remarks) = read(&whole());
    assert_eq!(told(&stops["A"], &COUNTS), ["2", "0", "0", "10"], "the last stop of c, and where d lets nobody on");
    assert_eq!(
        told(&stops["B"], &COUNTS),
        ["2", "1", "0", "2, 10"],
        "a time that is left out is that of the stop before"
    );
    assert_eq!(told(&stops["C"], &COUNTS), ["1", "0", "1", "2, Notturna"]);
    let times = ["first_departure", "last_departure", "headway_min", "feed_from", "feed_to"];
    assert_eq!(told(&stops["A"], &times), ["08:00", "08:30", "30.0", "2026-03-02", "2026-03-31"]);
    let hours: serde_json::Value = serde_json::from_str(&stops["C"]["departures_by_hour"]).expect("JSON");
    assert_eq!((&hours["weekday"][6], &hours["sunday"][0]), (&1.into(), &1.into()), "after midnight: {hours}");
    assert!(remarks.iter().any(|it| it.contains("from 2026-03-02 to 2026-03-31")), "{remarks:?}");
    assert!(
        remarks
            .iter()
            .any(|it| it.contains("workdays as on 2026-03-02, Saturdays as on 2026-03-07, Sundays as on 2026-03-08")),
        "{remarks:?}"
    );
}

#[test]
fn a_feed_says_from_when_to_when_it_holds_and_that_it_has_ended() {
    let mut tables = whole();
    tables.push(("feed_info.txt", "feed_publisher_name,feed_start_date,feed_end_date\nACTV,20250101,20250201\n"));
    let (stops, remarks) = read(&tables);
    assert_eq!(told(&stops["A"], &["feed_from", "feed_to"]), ["2025-01-01", "2025-02-01"]);
    assert!(remarks.iter().any(|it| it.contains("it has ended")), "{remarks:?}");
    // Nothing runs on any of its days.
    assert_eq!(told(&stops["A"], &COUNTS), ["0", "0", "0", "10"]);
}

#[test]
fn trips_by_headway_are_as_many_as_they_are() {
    let mut tables = whole();
    tables.push(("frequencies.txt", "trip_id,start_time,end_time,headway_secs\na,10:00:00,11:00:00,600\na,12:00:00,12:30:00,900\nb,10:00:00,11:00:00,0\n"));
    let (stops, remarks) = read(&tables);
    // Six and two of a, beside the one of b.
    assert_eq!(told(&stops["A"], &["departures_weekday", "headway_min", "last_departure"]), ["9", "10.0", "12:15"]);
    assert_eq!(told(&stops["B"], &["departures_weekday", "last_departure"]), ["9", "12:25"]);
    assert!(remarks.iter().any(|it| it.starts_with("1 rows of frequencies.txt")), "{remarks:?}");
}

#[test]
fn what_is_missing_or_broken_is_told_and_the_rest_is_counted() {
    let broken = [
        ("trips.txt", "route_id,service_id,trip_id\nL9,w,a\nL1,nowhere,b\n", "1 trips of lines"),
        ("trips.txt", "route_id,service_id,trip_id\nL9,w,a\nL1,nowhere,b\n", "1 trips of which no calendar"),
        ("trips.txt", "route_id,service_id,trip_id\nL9,w,a\nL1,nowhere,b\n", "7 rows of stop_times.txt of trips"),
        ("stops.txt", "stop_id,stop_name,stop_lat,stop_lon\nA,Lido,45.1,12.1\n", "rows of stop_times.txt at stops"),
        (
            "stop_times.txt",
            "trip_id,departure_time,stop_id,stop_sequence\na,8 o'clock,A,1\na,08:10:00,B,2\n",
            "1 rows of stop_times.txt without",
        ),
        ("calendar.txt", "service_id,monday,start_date,end_date\nw,1,20260331,20260302\ns,1,x,y\n", "2 calendar rows"),
    ];
    for (name, text, remark) in broken {
        let (stops, remarks) = read(&with(name, text));
        assert!(stops.contains_key("A") && remarks.iter().any(|it| it.contains(remark)), "{remark}: {remarks:?}");
    }
    for name in ["trips.txt", "calendar.txt"] {
        let mut tables = whole();
        tables.retain(|(other, _)| *other != name && *other != "calendar_dates.txt");
        let (stops, remarks) = read(&tables);
        assert_eq!(told(&stops["A"], &COUNTS), ["", "", "", ""], "{name}: not counted is not none");
        assert!(remarks.iter().any(|it| it.contains("departures are not counted")), "{name}: {remarks:?}");
    }
}
