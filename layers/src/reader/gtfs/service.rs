//! How often vehicles leave from each stop, and on which days a timetable holds.
//!
//! `calendar.txt` and `calendar_dates.txt` say which trips run on which days; for workdays, Saturdays and Sundays that day is
//! taken on whose kind the same trips run most often (of several the first). A departure is a row of `stop_times.txt` that is
//! not the last of its trip and where people may get on; `frequencies.txt` multiplies trips. Departures after midnight count
//! to the day on which their trip began. What refers to something that is not there is left out and told.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{Datelike as _, Days, NaiveDate, Weekday};

use super::{Timetable, column, each, text};
use crate::limits::{MAX_TIMETABLE_DAYS, MAX_TIMETABLE_STOP_TIMES};
use crate::reader::{OpenOptions, ReadError, SourceFeature, SourceSchema};

/// Kinds of days, by the names of the fields that count their departures.
pub(super) const KINDS: [&str; 3] = ["departures_weekday", "departures_saturday", "departures_sunday"];
/// Fields of stops beside [`KINDS`].
pub(super) const FIELDS: [&str; 7] =
    ["lines", "first_departure", "last_departure", "headway_min", "departures_by_hour", "feed_from", "feed_to"];

/// Seconds between two departures of a trip below which a timetable cannot mean it.
const LEAST_HEADWAY: u32 = 10;

/// What is known of the departures of a timetable.
#[derive(Debug, Default)]
pub(super) struct Service {
    /// First and last day.
    pub days: Option<[NaiveDate; 2]>,
    stops: HashMap<String, AtStop>,
    /// What was found out, and what is wrong.
    pub remarks: Vec<String>,
    /// Whether departures were counted.
    is_counted: bool,
}

/// Departures from a stop.
#[derive(Debug, Default, Clone)]
struct AtStop {
    lines: BTreeSet<String>,
    /// By kind of day and hour.
    hours: [[u32; 24]; 3],
    /// First and last on a workday, in seconds after midnight.
    ends: Option<[u32; 2]>,
}

/// Days on which trips run.
#[derive(Debug, Default)]
struct Calendar {
    /// Monday first.
    week: [bool; 7],
    span: Option<[NaiveDate; 2]>,
    /// Days more, and days fewer.
    exceptions: BTreeMap<NaiveDate, bool>,
}

impl Calendar {
    fn runs(&self, day: NaiveDate) -> bool {
        let usual = || {
            let is_within = self.span.is_some_and(|[from, to]| (from..=to).contains(&day));
            is_within && self.week[day.weekday().num_days_from_monday() as usize]
        };
        self.exceptions.get(&day).copied().unwrap_or_else(usual)
    }
}

/// A trip.
#[derive(Debug, Clone, Copy)]
struct Trip {
    line: u32,
    /// Whether it runs on the chosen day of each kind.
    runs: [bool; 3],
}

/// All trips, in order, with their numbers by id.
#[derive(Debug, Default)]
struct Trips {
    all: Vec<Trip>,
    lines: Names,
    numbers: HashMap<String, u32>,
}

/// A row of `stop_times.txt`.
#[derive(Debug, Clone, Copy)]
struct Call {
    trip: u32,
    stop: u32,
    /// Seconds after midnight.
    at: u32,
    order: u32,
    boards: bool,
}

/// Numbers for names.
#[derive(Debug, Default)]
struct Names {
    numbers: HashMap<String, u32>,
    names: Vec<String>,
}

impl Names {
    fn number(&mut self, name: String) -> u32 {
        let next = self.names.len() as u32;
        *self.numbers.entry(name).or_insert_with_key(|name| {
            self.names.push(name.clone());
            next
        })
    }
}

impl Service {
    /// Of a timetable. `stops`: the ids of its stops.
    ///
    /// # Errors
    /// A table that cannot be read at all; what is missing or wrong in one is a remark.
    pub fn of(timetable: &Timetable, stops: &BTreeSet<String>) -> Result<Self, ReadError> {
        let mut service = Self::default();
        let calendars = service.calendars(timetable)?;
        service.validity(timetable, &calendars)?;
        let needed = ["trips.txt", "stop_times.txt"];
        if let Some(name) = needed.into_iter().find(|name| !timetable.tables.contains_key(*name)) {
            service.remarks.push(format!("{name} is missing: departures are not counted"));
            return Ok(service);
        }
        if calendars.is_empty() {
            service.remarks.push(
                "calendar.txt and calendar_dates.txt say of no day what runs: departures are not counted".to_owned(),
            );
            return Ok(service);
        }
        let days = service.choose(&calendars);
        let trips = service.trips(timetable, &calendars, days)?;
        let Some((calls, names)) = service.calls(timetable, &trips.numbers, stops)? else { return Ok(service) };
        let frequencies = service.frequencies(timetable, &trips.numbers)?;
        service.count(&trips, &calls, &names.names, &frequencies);
        service.is_counted = true;
        Ok(service)
    }

    fn calendars(&mut self, timetable: &Timetable) -> Result<BTreeMap<String, Calendar>, ReadError> {
        let mut calendars: BTreeMap<String, Calendar> = BTreeMap::new();
        let mut unreadable = 0_usize;
        let columns = [
            "service_id",
            "start_date",
            "end_date",
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ];
        rows(timetable, "calendar.txt", columns, |row| {
            let [id, from, to, week @ ..] = row;
            match (day(&from), day(&to)) {
                (Some(from), Some(to)) if from <= to => {
                    let calendar = calendars.entry(id).or_default();
                    (calendar.week, calendar.span) = (week.map(|day| day == "1"), Some([from, to]));
                }
                _ => unreadable += 1,
            }
            Ok(())
        })?;
        rows(timetable, "calendar_dates.txt", ["service_id", "date", "exception_type"], |[id, date, kind]| {
            match (day(&date), kind.as_str()) {
                (Some(date), "1" | "2") => {
                    calendars.entry(id).or_default().exceptions.insert(date, kind == "1");
                }
                _ => unreadable += 1,
            }
            Ok(())
        })?;
        self.wrong(unreadable, "calendar rows with days that are none, or that end before they begin");
        Ok(calendars)
    }

    fn wrong(&mut self, count: usize, what: &str) {
        if count > 0 {
            self.remarks.push(format!("{count} {what}: left out"));
        }
    }

    /// First and last day: those of `feed_info.txt`, or else those on which something runs.
    fn validity(&mut self, timetable: &Timetable, calendars: &BTreeMap<String, Calendar>) -> Result<(), ReadError> {
        let mut said = [None; 2];
        rows(timetable, "feed_info.txt", ["feed_start_date", "feed_end_date"], |[from, to]| {
            said = [day(&from), day(&to)];
            Ok(())
        })?;
        let spans = calendars.values().filter_map(|calendar| calendar.span);
        let more = calendars.values().flat_map(|calendar| &calendar.exceptions).filter(|(_, runs)| **runs);
        let all: Vec<NaiveDate> = spans.flatten().chain(more.map(|(day, _)| *day)).collect();
        let ends = all.iter().min().copied().zip(all.iter().max().copied());
        let from = said[0].or(ends.map(|(from, _)| from));
        let to = said[1].or(ends.map(|(_, to)| to));
        self.days = from.zip(to).map(|(from, to)| [from, to]);
        match self.days {
            None => self.remarks.push("the timetable does not say on which days it holds".to_owned()),
            Some([from, to]) => {
                let today = chrono::Local::now().date_naive();
                let state = if to < today {
                    "; it has ended: ask for a newer one"
                } else if from > today {
                    "; it has not begun yet"
                } else {
                    ""
                };
                self.remarks.push(format!("the timetable holds from {from} to {to}{state}"));
            }
        }
        Ok(())
    }

    /// The day of each kind on which the same runs as on most days of its kind.
    fn choose(&mut self, calendars: &BTreeMap<String, Calendar>) -> [Option<NaiveDate>; 3] {
        let Some([from, to]) = self.days else { return [None; 3] };
        let last = from.checked_add_days(Days::new(MAX_TIMETABLE_DAYS)).map_or(to, |last| last.min(to));
        let mut seen: [BTreeMap<Vec<u32>, (usize, NaiveDate)>; 3] = Default::default();
        for day in from.iter_days().take_while(|day| *day <= last) {
            let running = (0_u32..).zip(calendars.values()).filter(|(_, calendar)| calendar.runs(day));
            let running: Vec<u32> = running.map(|(number, _)| number).collect();
            if !running.is_empty() {
                seen[kind_of(day)].entry(running).or_insert((0, day)).0 += 1;
            }
        }
        let most = |seen: &BTreeMap<Vec<u32>, (usize, NaiveDate)>| {
            seen.values().max_by_key(|(count, day)| (*count, std::cmp::Reverse(*day))).map(|(_, day)| *day)
        };
        let days = seen.each_ref().map(most);
        let told: Vec<String> = ["workdays", "Saturdays", "Sundays"]
            .iter()
            .zip(days)
            .filter_map(|(kind, day)| Some(format!("{kind} as on {}", day?)))
            .collect();
        self.remarks.push(match told.as_slice() {
            [] => "on none of its days anything runs".to_owned(),
            told => format!("departures are counted for {}", told.join(", ")),
        });
        days
    }

    fn trips(
        &mut self,
        timetable: &Timetable,
        calendars: &BTreeMap<String, Calendar>,
        days: [Option<NaiveDate>; 3],
    ) -> Result<Trips, ReadError> {
        let mut titles: HashMap<String, String> = HashMap::new();
        rows(timetable, "routes.txt", ["route_id", "route_short_name", "route_long_name"], |[id, short, long]| {
            let title = [short, long].into_iter().find(|title| !title.is_empty()).unwrap_or_else(|| id.clone());
            titles.insert(id, title);
            Ok(())
        })?;
        let mut trips = Trips::default();
        let (mut no_line, mut no_days) = (0, 0);
        rows(timetable, "trips.txt", ["route_id", "service_id", "trip_id"], |[route, service, id]| {
            let title = titles.get(&route).cloned();
            no_line += usize::from(title.is_none());
            let calendar = calendars.get(&service);
            no_days += usize::from(calendar.is_none());
            let runs = days.map(|day| day.zip(calendar).is_some_and(|(day, calendar)| calendar.runs(day)));
            trips.numbers.insert(id, trips.all.len() as u32);
            trips.all.push(Trip { line: trips.lines.number(title.unwrap_or_default()), runs });
            Ok(())
        })?;
        if no_line > 0 {
            self.remarks
                .push(format!("{no_line} trips of lines that routes.txt does not have: counted without a line"));
        }
        self.wrong(no_days, "trips of which no calendar says on which days they run");
        Ok(trips)
    }

    fn calls(
        &mut self,
        timetable: &Timetable,
        trips: &HashMap<String, u32>,
        stops: &BTreeSet<String>,
    ) -> Result<Option<(Vec<Call>, Names)>, ReadError> {
        let (mut calls, mut names, mut before) = (Vec::new(), Names::default(), None);
        let (mut no_trip, mut no_stop, mut no_time, mut too_many) = (0, 0, 0, false);
        let columns = ["trip_id", "stop_id", "departure_time", "arrival_time", "stop_sequence", "pickup_type"];
        rows(timetable, "stop_times.txt", columns, |[trip, stop, leaves, comes, order, boards]| {
            let Some(&number) = trips.get(&trip) else {
                no_trip += 1;
                return Ok(());
            };
            if !stops.contains(&stop) {
                no_stop += 1;
                return Ok(());
            }
            too_many = calls.len() >= MAX_TIMETABLE_STOP_TIMES;
            let Ok(order) = order.parse() else {
                no_time += 1;
                return Ok(());
            };
            // Times between two that are known may be left empty: as if at the stop before.
            let at = [&leaves, &comes].into_iter().find_map(|time| seconds(time));
            let at = at.or_else(|| before.filter(|(trip, _)| *trip == number).map(|(_, at)| at));
            match at {
                Some(at) if !too_many => {
                    before = Some((number, at));
                    calls.push(Call { trip: number, stop: names.number(stop), at, order, boards: boards != "1" });
                }
                Some(_) => {}
                None => no_time += 1,
            }
            Ok(())
        })?;
        self.wrong(no_trip, "rows of stop_times.txt of trips that trips.txt does not have");
        self.wrong(no_stop, "rows of stop_times.txt at stops that stops.txt does not have");
        self.wrong(no_time, "rows of stop_times.txt without a readable time and order");
        if too_many {
            self.remarks.push(format!(
                "stop_times.txt has more than MAX_TIMETABLE_STOP_TIMES ({MAX_TIMETABLE_STOP_TIMES}) rows: departures are not counted"
            ));
            return Ok(None);
        }
        Ok(Some((calls, names)))
    }

    /// Trips that go every so many seconds from one time to another.
    fn frequencies(
        &mut self,
        timetable: &Timetable,
        trips: &HashMap<String, u32>,
    ) -> Result<HashMap<u32, Vec<[u32; 3]>>, ReadError> {
        let (mut frequencies, mut wrong): (HashMap<u32, Vec<[u32; 3]>>, usize) = (HashMap::new(), 0);
        let columns = ["trip_id", "start_time", "end_time", "headway_secs"];
        rows(timetable, "frequencies.txt", columns, |[trip, from, to, every]| {
            match (trips.get(&trip), seconds(&from), seconds(&to), every.parse()) {
                (Some(trip), Some(from), Some(to), Ok(every)) if every >= LEAST_HEADWAY && from <= to => {
                    frequencies.entry(*trip).or_default().push([from, to, every]);
                }
                _ => wrong += 1,
            }
            Ok(())
        })?;
        self.wrong(wrong, "rows of frequencies.txt without a known trip, times or a headway");
        Ok(frequencies)
    }

    fn count(&mut self, trips: &Trips, calls: &[Call], stops: &[String], frequencies: &HashMap<u32, Vec<[u32; 3]>>) {
        // First and last of each trip: order and time of the first, order of the last.
        let mut ends: HashMap<u32, (u32, u32, u32)> = HashMap::new();
        for call in calls {
            let end = ends.entry(call.trip).or_insert((call.order, call.at, call.order));
            if call.order < end.0 {
                (end.0, end.1) = (call.order, call.at);
            }
            end.2 = end.2.max(call.order);
        }
        let mut found: Vec<AtStop> = vec![AtStop::default(); stops.len()];
        for call in calls {
            let (_, begin, last) = ends[&call.trip];
            if !call.boards || call.order == last {
                continue;
            }
            let (trip, stop) = (&trips.all[call.trip as usize], &mut found[call.stop as usize]);
            let line = &trips.lines.names[trip.line as usize];
            if !line.is_empty() && !stop.lines.contains(line) {
                stop.lines.insert(line.clone());
            }
            let since = call.at.saturating_sub(begin);
            match frequencies.get(&call.trip) {
                None => stop.leave(call.at, trip.runs),
                Some(windows) => {
                    for [from, to, every] in windows {
                        (*from..*to).step_by(*every as usize).for_each(|begin| stop.leave(begin + since, trip.runs));
                    }
                }
            }
        }
        self.stops = stops.iter().cloned().zip(found).collect();
    }

    /// Values of [`KINDS`] and [`FIELDS`] for a stop, in their order; empty where nothing is known.
    pub fn values(&self, stop: &str) -> [String; 10] {
        let at = self.stops.get(stop).filter(|_| self.is_counted).cloned();
        let counted = |text: &dyn Fn(&AtStop) -> String| match (&at, self.is_counted) {
            (Some(at), _) => text(at),
            (None, true) => text(&AtStop::default()),
            (None, false) => String::new(),
        };
        let sum = |kind: usize| counted(&|at: &AtStop| at.hours[kind].iter().sum::<u32>().to_string());
        let end = |end: usize| counted(&|at: &AtStop| at.ends.map(|ends| clock(ends[end])).unwrap_or_default());
        let most = |at: &AtStop| at.hours[0].iter().max().copied().filter(|most| *most > 0);
        let headway =
            counted(&|at: &AtStop| most(at).map(|most| format!("{:.1}", 60.0 / f64::from(most))).unwrap_or_default());
        let hours = counted(&|at: &AtStop| {
            serde_json::json!({"weekday": at.hours[0], "saturday": at.hours[1], "sunday": at.hours[2]}).to_string()
        });
        let lines = counted(&|at: &AtStop| ordered(&at.lines).join(", "));
        let day = |end: usize| self.days.map(|days| days[end].to_string()).unwrap_or_default();
        [sum(0), sum(1), sum(2), lines, end(0), end(1), headway, hours, day(0), day(1)]
    }
}

impl AtStop {
    fn leave(&mut self, at: u32, runs: [bool; 3]) {
        let hour = (at / 3600 % 24) as usize;
        for (hours, _) in self.hours.iter_mut().zip(runs).filter(|(_, runs)| *runs) {
            hours[hour] += 1;
        }
        if runs[0] {
            let ends = self.ends.get_or_insert([at; 2]);
            *ends = [ends[0].min(at), ends[1].max(at)];
        }
    }
}

/// Rows of a table that need not be there, by some of its columns; a column that is not there is empty.
fn rows<const N: usize>(
    timetable: &Timetable,
    name: &str,
    columns: [&str; N],
    mut look: impl FnMut([String; N]) -> Result<(), ReadError>,
) -> Result<(), ReadError> {
    if !timetable.tables.contains_key(name) {
        return Ok(());
    }
    let table = timetable.table(name, &OpenOptions::default())?;
    let at = columns.map(|column_name| column(table.schema(), column_name));
    each(table, |row| look(at.map(|at| at.map(|at| text(&row, at)).unwrap_or_default())))
}

/// Lines as people list them: 2 before 10.
fn ordered(lines: &BTreeSet<String>) -> Vec<&str> {
    let number = |line: &str| line.chars().take_while(char::is_ascii_digit).collect::<String>().parse::<u64>().ok();
    let mut lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    lines.sort_by_key(|line| (number(line).unwrap_or(u64::MAX), *line));
    lines
}

fn kind_of(day: NaiveDate) -> usize {
    match day.weekday() {
        Weekday::Sat => 1,
        Weekday::Sun => 2,
        _ => 0,
    }
}

/// A day as GTFS writes it: 20260131.
fn day(text: &str) -> Option<NaiveDate> {
    NaiveDate::parse_from_str(text.trim(), "%Y%m%d").ok()
}

/// Seconds after midnight of a time such as 25:10:00.
fn seconds(text: &str) -> Option<u32> {
    let parts: Vec<u32> = text.trim().split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hours, minutes, seconds] if hours < 100 && minutes < 60 && seconds < 60 => {
            Some(hours * 3600 + minutes * 60 + seconds)
        }
        _ => None,
    }
}

fn clock(seconds: u32) -> String {
    format!("{:02}:{:02}", seconds / 3600, seconds / 60 % 60)
}

/// The ids of the stops of a table.
pub(super) fn ids(table: Box<dyn crate::reader::Reader>) -> Result<BTreeSet<String>, ReadError> {
    let at = id_column(table.schema());
    let mut ids = BTreeSet::new();
    each(table, |row: SourceFeature| {
        ids.extend(at.map(|at| text(&row, at)));
        Ok(())
    })?;
    Ok(ids)
}

/// Where stops have their id.
pub(super) fn id_column(schema: &SourceSchema) -> Option<usize> {
    column(schema, "stop_id")
}

#[cfg(test)]
mod tests;
