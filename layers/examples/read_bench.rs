//! Reads a file to its end and prints rows per second: `cargo run --release --example read_bench -- FILE [LAYER]`.

use std::path::Path;
use std::time::Instant;

use bricola_layers::reader::{OpenOptions, ReadError, open};

fn main() -> Result<(), ReadError> {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().ok_or_else(|| ReadError::File("usage: read_bench FILE [LAYER]".into()))?;
    let options = OpenOptions { layer: arguments.next(), ..OpenOptions::default() };
    let start = Instant::now();
    let mut reader = open(Path::new(&file), &options)?;
    let opened = start.elapsed();
    let (mut rows, mut bad) = (0_u64, 0_u64);
    for row in &mut *reader {
        match row {
            Ok(_) => rows += 1,
            Err(ReadError::Row { .. }) => bad += 1,
            Err(error) => return Err(error),
        }
    }
    let took = start.elapsed();
    let speed = rows as f64 / took.as_secs_f64();
    println!("{rows} rows ({bad} bad) in {took:.2?}, opened in {opened:.2?}: {speed:.0} rows/s");
    for remark in &reader.schema().remarks {
        println!("  {remark}");
    }
    Ok(())
}
