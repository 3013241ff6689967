//! Features as a file: whole, and written while it is sent.

use std::io;
use std::sync::Arc;

use axum::body::Bytes;
use axum::response::Response;
use bricola_layers::cache::{RowAt, RowRef, Snapshot, ValueRef};
use bricola_layers::definition::Scope;
use bricola_layers::query::Positions;
use bricola_layers::writer::{self, FlatGeobufWriter, GeoParquetWriter, Stop, WriteError};
use geozero::ToWkt as _;
use http::header;
use serde_json::json;

use super::answer::{self, Told};
use super::form::Form;
use super::question::Question;
use crate::error::Problem;
use crate::routes::pieces::{PIECE, Pieces, streamed};
use crate::routes::respond;
use crate::services::features::{Rows, Unanswered};

/// Features that are taken from the store in a go.
const REFILL: usize = 1_024;

/// A file of some features, written while it is sent: what is held of it is one piece, and the list of its features where
/// they are in memory.
///
/// # Errors
/// When its head cannot be written.
pub fn answer(rows: Rows, question: Question, told: &Told) -> Result<Response, Problem> {
    let form = question.form;
    let response = Response::new(match form {
        Form::GeoParquet => streamed(Groups::begin(rows, &question, told.scope)?),
        _ => streamed(Written::begin(rows, question, told.scope)?),
    });
    Ok(named(response, form, told))
}

/// A file that is finished before it is sent.
///
/// # Errors
/// A file that cannot be made.
pub fn built(
    snapshot: &Snapshot,
    rows: &[RowAt],
    question: &Question,
    told: &Told,
    stop: &Stop,
) -> Result<Response, Problem> {
    let contents = question.contents(snapshot.definition(), told.scope);
    let file = match question.form {
        Form::Shapefile => writer::shapefile(snapshot, rows, &contents, stop),
        _ => writer::geopackage(snapshot, rows, &contents, question.language.of(&snapshot.definition().title), stop),
    };
    let file = file.map_err(|error| match error {
        WriteError::TooLarge(reason) => {
            let advice = "; ask for fewer features, or for another form such as gpkg";
            Problem::parameter("f", question.form.row().word, format!("{reason}{advice}"))
        }
        other => Problem::internal(other),
    })?;
    let length = file.metadata().map_err(Problem::internal)?.len();
    let mut response = Response::new(streamed(file));
    respond::set(&mut response, header::CONTENT_LENGTH, &length.to_string());
    Ok(named(response, question.form, told))
}

fn named(mut response: Response, form: Form, told: &Told) -> Response {
    let row = form.row();
    let kind = if form == Form::Csv { "text/csv; charset=utf-8; header=present" } else { row.media_type };
    let name = format!("attachment; filename=\"{}.{}\"", told.id, row.extension.unwrap_or("json"));
    respond::set(&mut response, header::CONTENT_TYPE, kind);
    respond::set(&mut response, header::CONTENT_DISPOSITION, &name);
    response
}

/// A file that is written while it is sent.
struct Written {
    rows: Rows,
    question: Question,
    scope: Scope,
    /// The fields that are wanted and may be seen.
    fields: Vec<usize>,
    flatgeobuf: Option<FlatGeobufWriter>,
    /// What goes before the first feature.
    head: Vec<u8>,
}

impl Written {
    fn begin(rows: Rows, question: Question, scope: Scope) -> Result<Self, Problem> {
        let definition = Arc::clone(rows.snapshot.definition());
        let fields = question.columns(&definition, scope);
        let mut head = Vec::new();
        let mut flatgeobuf = None;
        match question.form {
            Form::Csv => csv_head(&mut head, &rows.snapshot, &question, &fields),
            Form::FlatGeobuf => {
                let contents = question.contents(&definition, scope);
                let title = question.language.of(&definition.title);
                let writer = FlatGeobufWriter::begin(&definition, &contents, title, rows.matched, &mut head);
                flatgeobuf = Some(writer.map_err(Problem::internal)?);
            }
            _ => {}
        }
        Ok(Self { rows, question, scope, fields, flatgeobuf, head })
    }
}

impl Pieces for Written {
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut out = std::mem::take(&mut self.head);
        while out.len() < PIECE && self.rows.refill(REFILL).map_err(|error| broken(&error))? {
            let snapshot = &self.rows.snapshot;
            let json =
                (self.question.form == Form::NdJson).then(|| answer::writer(snapshot, &self.question, self.scope));
            while out.len() < PIECE
                && let Some(at) = self.rows.rows.get(self.rows.done)
            {
                let row = snapshot.row_at(*at);
                match (&mut self.flatgeobuf, &json) {
                    (Some(writer), _) => writer.write(&mut out, row),
                    (_, Some(writer)) => {
                        writer.write(&mut out, row);
                        out.push(b'\n');
                    }
                    _ => csv_row(&mut out, row, &self.question, &self.fields),
                }
                self.rows.done += 1;
            }
        }
        Ok((!out.is_empty()).then(|| Bytes::from(out)))
    }
}

/// The end of a file that its features do not come for.
fn broken(error: &Unanswered) -> io::Error {
    io::Error::other(format!("{error:?}"))
}

/// A file that is written in groups of features while it is sent.
struct Groups {
    rows: Rows,
    writer: GeoParquetWriter,
    is_over: bool,
}

impl Groups {
    fn begin(rows: Rows, question: &Question, scope: Scope) -> Result<Self, Problem> {
        let definition = rows.snapshot.definition();
        let writer = GeoParquetWriter::begin(definition, &question.contents(definition, scope));
        Ok(Self { writer: writer.map_err(Problem::internal)?, rows, is_over: false })
    }
}

impl Pieces for Groups {
    fn piece(&mut self) -> io::Result<Option<Bytes>> {
        let mut out = Vec::new();
        if self.rows.refill(GeoParquetWriter::GROUP).map_err(|error| broken(&error))? {
            let Rows { snapshot, rows, done, .. } = &mut self.rows;
            let group = &rows[*done..(*done + GeoParquetWriter::GROUP).min(rows.len())];
            *done += group.len();
            self.writer.write(&mut out, snapshot, group).map_err(io::Error::other)?;
        } else {
            if std::mem::replace(&mut self.is_over, true) {
                return Ok(None);
            }
            self.writer.finish(&mut out).map_err(io::Error::other)?;
        }
        Ok(Some(Bytes::from(out)))
    }
}

fn csv_head(out: &mut Vec<u8>, snapshot: &Snapshot, question: &Question, fields: &[usize]) {
    let definition = snapshot.definition();
    let names = fields.iter().map(|field| definition.fields[*field].name.as_str());
    let names = std::iter::once("id").chain(names).chain((!question.skip_geometry).then_some("wkt"));
    csv_record(out, names.map(str::to_owned));
}

fn csv_row(out: &mut Vec<u8>, row: RowRef<'_>, question: &Question, fields: &[usize]) {
    let text = |field: usize| match row.base.value(row.row, field) {
        ValueRef::Null => String::new(),
        ValueRef::Text(text) => text.to_owned(),
        other => json!(other).as_str().map_or_else(|| json!(other).to_string(), str::to_owned),
    };
    let values = fields.iter().map(|field| text(*field));
    let wkt = (!question.skip_geometry).then(|| wkt(row, &Positions::in_crs(&question.crs)).unwrap_or_default());
    csv_record(out, std::iter::once(row.id().to_string()).chain(values).chain(wkt));
}

/// The geometry in the CRS of the question, in its authority's order of axes.
fn wkt(row: RowRef<'_>, positions: &Positions) -> Option<String> {
    let mut geometry = positions.geometry(row)?;
    if positions.north_first() {
        geo::MapCoordsInPlace::map_coords_in_place(&mut geometry, |c| geo_types::Coord { x: c.y, y: c.x });
    }
    geometry.to_wkt().ok()
}

fn csv_record(out: &mut Vec<u8>, values: impl Iterator<Item = String>) {
    let mut writer = csv::Writer::from_writer(out);
    // Writing to a vector cannot fail.
    let _ = writer.write_record(values);
    let _ = writer.flush();
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::*;

    /// Counts the pieces that it has written; fails at one of them.
    struct Counted(Arc<AtomicUsize>, usize);

    impl Pieces for Counted {
        fn piece(&mut self) -> io::Result<Option<Bytes>> {
            match self.0.fetch_add(1, Ordering::SeqCst) {
                number if number == self.1 => Err(io::Error::other("broken")),
                _ => Ok(Some(Bytes::from_static(b"piece"))),
            }
        }
    }

    #[tokio::test]
    async fn nothing_more_is_written_for_a_client_that_went_away() {
        let written = Arc::new(AtomicUsize::new(0));
        let mut body = streamed(Counted(Arc::clone(&written), usize::MAX));
        assert!(body.frame().await.is_some_and(|frame| frame.is_ok()));
        drop(body);
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(written.load(Ordering::SeqCst), 1);
        assert_eq!(Arc::strong_count(&written), 1, "what it held is let go");
    }

    #[tokio::test]
    async fn a_file_that_breaks_does_not_look_whole() {
        let body = streamed(Counted(Arc::default(), 2));
        assert!(body.collect().await.is_err());
    }
}
