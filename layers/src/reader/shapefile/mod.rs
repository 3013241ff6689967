//! Shapefiles, loose or in a zip: `.shp` with `.dbf`, `.shx`, `.prj` and `.cpg` where they are there.

mod dbf;
mod shape;

use std::io::{self, BufReader, Read};
use std::path::Path;

use self::dbf::{Record, Table};
use super::archive::Member;
use super::encoding::Charset;
use super::geometry::{feature, row_error};
use super::open::OpenOptions;
use super::source::{Source, Stream, broken};
use super::tally::Tally;
use super::{ReadError, Reader, SourceFeature, SourceSchema, crs_name};
use crate::limits::{MAX_ROW_BYTES, MAX_TAG_BYTES};

/// Bytes of the header of `.shp` and `.shx`.
const HEADER: u64 = 100;

/// The files of one shapefile.
#[derive(Debug, Clone)]
pub(super) struct Parts {
    /// Their common name.
    pub name: String,
    shp: Source,
    dbf: Option<Source>,
    shx: Option<Source>,
    prj: Option<Source>,
    cpg: Option<Source>,
}

/// Opens a loose shapefile by any of its files.
pub(super) fn open(source: &Source, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let Source::File(path) = source else {
        return match source {
            Source::Bytes(..) => open_parts(&Parts::alone(source.clone()), options),
            other => Err(ReadError::File(format!("{}: a shapefile needs its other files beside it", other.name()))),
        };
    };
    let sibling = |extension: &str| sibling(path, extension).map(Source::File);
    let shp = sibling("shp").ok_or_else(|| {
        ReadError::File(format!("{}: there is no .shp of that name beside it; a shapefile needs it", path.display()))
    })?;
    let parts = Parts {
        name: source.stem(),
        shp,
        dbf: sibling("dbf"),
        shx: sibling("shx"),
        prj: sibling("prj"),
        cpg: sibling("cpg").or_else(|| sibling("cst")),
    };
    open_parts(&parts, options)
}

/// The file of the same name with another extension, in whatever case.
fn sibling(path: &Path, extension: &str) -> Option<std::path::PathBuf> {
    let tried = [extension.to_owned(), extension.to_uppercase()];
    tried.iter().map(|extension| path.with_extension(extension)).find(|path| path.is_file()).or_else(|| {
        let stem = path.file_stem()?.to_ascii_lowercase();
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let entries = std::fs::read_dir(folder).ok()?;
        entries.flatten().map(|entry| entry.path()).find(|other| {
            other.file_stem().is_some_and(|name| name.to_ascii_lowercase() == stem)
                && other.extension().is_some_and(|other| other.eq_ignore_ascii_case(extension))
        })
    })
}

/// The shapefiles in an archive.
pub(super) fn in_archive(members: &[Member]) -> Vec<Parts> {
    let stem =
        |path: &str| path.rsplit_once('.').map(|(stem, extension)| (stem.to_lowercase(), extension.to_lowercase()));
    let find = |wanted: &str, extension: &str| {
        members
            .iter()
            .find(|member| stem(&member.path).is_some_and(|(stem, found)| stem == wanted && found == extension))
            .map(|member| Source::Member(member.clone()))
    };
    let shapes = members.iter().filter_map(|member| {
        let (stem, extension) = stem(&member.path)?;
        (extension == "shp").then_some((stem, member))
    });
    shapes
        .map(|(stem, member)| {
            let shp = Source::Member(member.clone());
            Parts {
                name: shp.stem(),
                shp,
                dbf: find(&stem, "dbf"),
                shx: find(&stem, "shx"),
                prj: find(&stem, "prj"),
                cpg: find(&stem, "cpg"),
            }
        })
        .collect()
}

impl Parts {
    fn alone(shp: Source) -> Self {
        Self { name: shp.stem(), shp, dbf: None, shx: None, prj: None, cpg: None }
    }
}

fn small_text(source: Option<&Source>) -> Option<String> {
    let mut bytes = Vec::new();
    source?.open().ok()?.take(MAX_TAG_BYTES as u64).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Opens the files of a shapefile.
pub(super) fn open_parts(parts: &Parts, options: &OpenOptions) -> Result<Box<dyn Reader>, ReadError> {
    let name = parts.shp.name();
    let mut shapes = Shapes::open(&parts.shp)?;
    let mut schema = SourceSchema {
        format: "Shapefile",
        layer: parts.name.clone(),
        geometry: shape::geometry_type(shapes.kind),
        ..SourceSchema::default()
    };
    match small_text(parts.prj.as_ref()) {
        Some(wkt) => schema.crs = crs_name::from_wkt(&wkt),
        None => schema.remarks.push("no .prj: the CRS is not declared".into()),
    }
    if let Some(index) = &parts.shx {
        shapes.follow(index)?;
    }
    let mut tally = Tally::default();
    let mut charset = Charset::Utf8;
    let table = if let Some(dbf) = &parts.dbf {
        let table = Table::open(dbf.open()?).map_err(|error| broken(&dbf.name(), &error))?;
        let (found, how) = encoding(parts, &table, options)?;
        charset = found;
        schema.encoding = Some(how);
        schema.fields = table.fields(charset, &mut tally);
        schema.rows = Some(table.rows.into());
        for column in table.unread_columns() {
            schema.remarks.push(format!("column `{column}` holds memo or binary values, which are not read"));
        }
        Some(table)
    } else {
        schema.remarks.push("no .dbf: the features have no attributes".into());
        None
    };
    Ok(Box::new(ShapefileReader { name, shapes, table, charset, schema, tally, row: 0, over: false }))
}

fn encoding(parts: &Parts, table: &Table, options: &OpenOptions) -> Result<(Charset, String), ReadError> {
    if let Some(label) = &options.encoding {
        let charset = Charset::for_label(label).ok_or_else(|| {
            ReadError::File(format!("the encoding `{label}` is not known; try UTF-8, windows-1252 or CP850"))
        })?;
        return Ok((charset, format!("{} (given)", charset.name())));
    }
    if let Some(label) = small_text(parts.cpg.as_ref())
        && let Some(charset) = Charset::for_label(&label)
    {
        return Ok((charset, format!("{} (.cpg)", charset.name())));
    }
    Ok(match Charset::for_language_driver(table.language_driver) {
        // Desktop GIS writes 0x57 ("ANSI") whatever the encoding is: UTF-8 has to be tried first.
        Some(Charset::Web(_)) | None => (Charset::Utf8, "UTF-8 where valid, else windows-1252 (no .cpg)".to_owned()),
        Some(charset) => (charset, format!("{} (code page of the .dbf)", charset.name())),
    })
}

/// The records of a `.shp`, in the order of its index where there is one.
struct Shapes {
    name: String,
    source: Source,
    input: BufReader<Stream>,
    at: u64,
    index: Option<BufReader<Stream>>,
    kind: i32,
    content: Vec<u8>,
}

/// A record, or that there are no more.
enum Next {
    Record,
    /// Unreadable, but the record after it can be reached.
    Bad(String),
    End,
}

impl Shapes {
    fn open(source: &Source) -> Result<Self, ReadError> {
        let name = source.name();
        let mut input = BufReader::with_capacity(256 * 1024, source.open()?);
        let mut header = [0; HEADER as usize];
        input.read_exact(&mut header).map_err(|error| broken(&name, &error))?;
        if header[..4] != 9994_i32.to_be_bytes() {
            return Err(ReadError::File(format!("{name}: not a shapefile; export it again")));
        }
        let kind = i32::from_le_bytes([header[32], header[33], header[34], header[35]]);
        Ok(Self { name, source: source.clone(), input, at: HEADER, index: None, kind, content: Vec::new() })
    }

    /// Uses an index: a `.shp` that was edited may hold stale records between the valid ones.
    fn follow(&mut self, index: &Source) -> Result<(), ReadError> {
        let mut input = BufReader::with_capacity(64 * 1024, index.open()?);
        let mut header = [0; HEADER as usize];
        // An index that is not readable is done without: records then come in the order of the file.
        if input.read_exact(&mut header).is_ok() && header[..4] == 9994_i32.to_be_bytes() {
            self.index = Some(input);
        }
        Ok(())
    }

    fn next(&mut self) -> Result<Next, ReadError> {
        if let Some(index) = &mut self.index {
            let mut entry = [0; 8];
            if index.read_exact(&mut entry).is_err() {
                return Ok(Next::End);
            }
            let offset = u64::from(u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]])) * 2;
            if offset != self.at {
                self.go_to(offset)?;
            }
        } else if std::io::BufRead::fill_buf(&mut self.input).map_err(|error| broken(&self.name, &error))?.is_empty() {
            return Ok(Next::End);
        }
        let mut header = [0; 8];
        self.input.read_exact(&mut header).map_err(|error| broken(&self.name, &error))?;
        let words = u32::from_be_bytes([header[4], header[5], header[6], header[7]]);
        let bytes = u64::from(words) * 2;
        self.at += 8 + bytes;
        if bytes > MAX_ROW_BYTES as u64 {
            let skipped = io::copy(&mut (&mut self.input).take(bytes), &mut io::sink());
            return match skipped {
                Ok(skipped) if skipped == bytes => {
                    Ok(Next::Bad(format!("the shape has {bytes} bytes, more than MAX_ROW_BYTES ({MAX_ROW_BYTES})")))
                }
                _ => Err(broken(&self.name, &io::ErrorKind::UnexpectedEof.into())),
            };
        }
        self.content.clear();
        let count = (&mut self.input).take(bytes).read_to_end(&mut self.content);
        match count {
            Ok(count) if count as u64 == bytes => Ok(Next::Record),
            Ok(_) => Err(broken(&self.name, &io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(broken(&self.name, &error)),
        }
    }

    fn go_to(&mut self, offset: u64) -> Result<(), ReadError> {
        if offset < self.at {
            // Backwards: from the beginning again, which a file does by seeking and an archive by reading.
            match self.source.open_seekable() {
                Ok(mut file) => {
                    file.seek(io::SeekFrom::Start(offset)).map_err(|error| broken(&self.name, &error))?;
                    self.input = BufReader::with_capacity(64 * 1024, Box::new(file));
                    self.at = offset;
                    return Ok(());
                }
                Err(_) => {
                    return Err(ReadError::File(format!(
                        "{}: its records are not in order, which can only be read outside an archive; extract it first",
                        self.name
                    )));
                }
            }
        }
        let skip = offset - self.at;
        io::copy(&mut (&mut self.input).take(skip), &mut io::sink()).map_err(|error| broken(&self.name, &error))?;
        self.at = offset;
        Ok(())
    }
}

struct ShapefileReader {
    name: String,
    shapes: Shapes,
    table: Option<Table>,
    charset: Charset,
    schema: SourceSchema,
    tally: Tally,
    row: u64,
    over: bool,
}

impl ShapefileReader {
    fn step(&mut self) -> Result<Option<SourceFeature>, ReadError> {
        loop {
            let next = self.shapes.next()?;
            if matches!(next, Next::End) {
                return Ok(None);
            }
            self.row += 1;
            let row = self.row;
            let record = match &mut self.table {
                Some(table) => table.next(self.charset, &mut self.tally).map_err(|error| broken(&self.name, &error))?,
                None => Record::Values(Vec::new()),
            };
            let values = match record {
                Record::Deleted => continue,
                Record::Values(values) => values,
                Record::Missing => {
                    return Err(row_error(row, "the .dbf has no row for this shape; export the shapefile again"));
                }
            };
            if let Next::Bad(reason) = next {
                return Err(row_error(row, reason));
            }
            let geometry =
                shape::read(&self.shapes.content, &mut self.tally).map_err(|reason| row_error(row, reason))?;
            return feature(row, geometry, values).map(Some);
        }
    }

    /// Rows of the table that no shape belongs to.
    fn leftover(&mut self) -> Option<String> {
        let rows = self.schema.rows.filter(|rows| *rows > self.row)?;
        Some(format!(
            "the .dbf has {rows} rows but the .shp only {} shapes; the rest of the rows is not read",
            self.row
        ))
    }
}

impl Iterator for ShapefileReader {
    type Item = Result<SourceFeature, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let step = self.step();
        let ended = matches!(step, Ok(None) | Err(ReadError::File(_)));
        if ended {
            self.over = true;
            let leftover = self.leftover().filter(|_| step.is_ok());
            self.schema.remarks.extend(self.tally.take());
            self.schema.remarks.extend(leftover);
        }
        step.transpose()
    }
}

impl Reader for ShapefileReader {
    fn schema(&self) -> &SourceSchema {
        &self.schema
    }
}

#[cfg(test)]
mod tests;
